/* component: see component.h. Adapters first, then the table. */
#include "daemon/component.h"

#include "config/nearest.h"
#include "daemon/extension.h"
#include "daemon/storage.h"
#include "exporter/awsxray.h"
#include "exporter/local.h"
#include "exporter/xray_daemon.h"

#include <stdio.h>

/* " name=host:port": the host as configured, the port as the system gave it. */
static void append_address(struct ray_buf *out, const char *name, struct ray_str endpoint,
                           uint16_t port)
{
    struct ray_str host;
    uint16_t asked;
    struct ray_net_error unused;
    if (port == 0 || ray_address_split(endpoint, &host, &asked, &unused) != RAY_OK) {
        return;
    }
    if (host.len == 0) {
        host = RAY_STR("0.0.0.0");
    } else if (ray_str_eq(host, RAY_STR("localhost"))) {
        host = RAY_STR("127.0.0.1");
    }
    bool v6 = ray_str_find_byte(host, ':') != SIZE_MAX;
    ray_buf_printf(out, " %s=%s%.*s%s:%u", name, v6 ? "[" : "", RAY_STR_ARG(host), v6 ? "]" : "",
                   port);
}

/* --- receiver otlp --- */

static enum ray_status otlp_check(const void *options, const struct ray_yaml *node,
                                  const char *path, struct ray_problems *problems)
{
    return ray_otlp_receiver_check(options, node, path, problems);
}

static void *otlp_create(const void *options, const struct ray_receiver_environment *environment)
{
    return ray_otlp_receiver_new(options, environment);
}

static enum ray_status otlp_start(void *receiver, struct ray_net_error *error)
{
    return ray_otlp_receiver_start(receiver, error);
}

static void otlp_stop(void *receiver, uint32_t timeout_ms)
{
    ray_otlp_receiver_stop(receiver, timeout_ms);
}

static void otlp_free(void *receiver)
{
    ray_otlp_receiver_free(receiver);
}

static void otlp_addresses(const void *options, const void *receiver, struct ray_buf *out)
{
    const struct ray_otlp_options *otlp = options;
    append_address(out, "grpc", otlp->protocols.grpc.endpoint,
                   ray_otlp_receiver_grpc_port(receiver));
    append_address(out, "http", otlp->protocols.http.endpoint,
                   ray_otlp_receiver_http_port(receiver));
}

static const struct ray_receiver_verbs otlp_verbs = {
    .create = otlp_create,
    .start = otlp_start,
    .stop = otlp_stop,
    .free = otlp_free,
    .addresses = otlp_addresses,
};

/* --- processor batch --- */

static uint32_t batch_linger_ms(const void *options)
{
    return ((const struct ray_batch_options *)options)->timeout_ms;
}

static const struct ray_processor_verbs batch_verbs = {
    .linger_ms = batch_linger_ms,
};

/* --- processor memory_limiter --- */

static struct ray_memory_limits memory_limiter_limits(const void *options)
{
    return ray_memory_limits_of(options, ray_memory_total_bytes(""));
}

static const struct ray_processor_verbs memory_limiter_verbs = {
    .memory_limits = memory_limiter_limits,
};

/* --- exporter awsxray --- */

static enum ray_status awsxray_check(const void *options, const struct ray_yaml *node,
                                     const char *path, struct ray_problems *problems)
{
    return ray_awsxray_check(options, node, path, problems);
}

static void awsxray_translate_options(const void *options, struct ray_translate_options *out)
{
    ray_document_options_for_translate(&((const struct ray_awsxray_options *)options)->documents,
                                       out);
}

static const struct ray_queue_key_options *awsxray_queue_keys(const void *options)
{
    return &((const struct ray_awsxray_options *)options)->queue;
}

static void *awsxray_create(const void *options, const struct ray_exporter_environment *environment)
{
    /* Counted by the library: each exporter asks, the last one that goes lets it go. Before
     * threads. */
    if (ray_http_client_global_init() != RAY_OK) {
        return NULL;
    }
    void *exporter = ray_awsxray_new(options, environment, NULL);
    if (exporter == NULL) {
        ray_http_client_global_free();
    }
    return exporter;
}

static enum ray_status awsxray_start(void *exporter, struct ray_net_error *error)
{
    enum ray_status status = ray_awsxray_start(exporter);
    if (status != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "its thread does not start: %s",
                 ray_status_name(status));
    }
    return status;
}

static bool awsxray_ready(void *exporter, char why[200])
{
    return ray_awsxray_ready(exporter, why);
}

static uint64_t awsxray_stop(void *exporter, uint32_t timeout_ms)
{
    return ray_awsxray_stop(exporter, timeout_ms);
}

static void awsxray_free(void *exporter)
{
    ray_awsxray_free(exporter);
    ray_http_client_global_free();
}

static const struct ray_exporter_verbs awsxray_verbs = {
    .translate_options = awsxray_translate_options,
    .queue_keys = awsxray_queue_keys,
    .create = awsxray_create,
    .start = awsxray_start,
    .ready = awsxray_ready,
    .stop = awsxray_stop,
    .free = awsxray_free,
};

/* --- exporter local --- */

static enum ray_status local_check(const void *options, const struct ray_yaml *node,
                                   const char *path, struct ray_problems *problems)
{
    return ray_local_check(options, node, path, problems);
}

static void local_translate_options(const void *options, struct ray_translate_options *out)
{
    ray_document_options_for_translate(&((const struct ray_local_options *)options)->documents,
                                       out);
}

static const struct ray_queue_key_options *local_queue_keys(const void *options)
{
    return &((const struct ray_local_options *)options)->queue;
}

static void *local_create(const void *options, const struct ray_exporter_environment *environment)
{
    return ray_local_new(options, environment);
}

static enum ray_status local_start(void *exporter, struct ray_net_error *error)
{
    return ray_local_start(exporter, error);
}

static bool local_ready(void *exporter, char why[200])
{
    return ray_local_ready(exporter, why);
}

static uint64_t local_stop(void *exporter, uint32_t timeout_ms)
{
    return ray_local_stop(exporter, timeout_ms);
}

static void local_free(void *exporter)
{
    ray_local_free(exporter);
}

static void local_addresses(const void *options, const void *exporter, struct ray_buf *out)
{
    append_address(out, "api", ((const struct ray_local_options *)options)->endpoint,
                   ray_local_port(exporter));
}

static const struct ray_exporter_verbs local_verbs = {
    .translate_options = local_translate_options,
    .queue_keys = local_queue_keys,
    .create = local_create,
    .start = local_start,
    .ready = local_ready,
    .stop = local_stop,
    .free = local_free,
    .addresses = local_addresses,
    .one_pipeline_only = true,
};

/* --- exporter xray_daemon --- */

static enum ray_status xray_daemon_check(const void *options, const struct ray_yaml *node,
                                         const char *path, struct ray_problems *problems)
{
    return ray_xray_daemon_check(options, node, path, problems);
}

static void xray_daemon_translate_options(const void *options, struct ray_translate_options *out)
{
    const struct ray_xray_daemon_options *daemon = options;
    ray_document_options_for_translate(&daemon->documents, out);
}

static const struct ray_queue_key_options *xray_daemon_queue_keys(const void *options)
{
    return &((const struct ray_xray_daemon_options *)options)->queue;
}

static void *xray_daemon_create(const void *options,
                                const struct ray_exporter_environment *environment)
{
    return ray_xray_daemon_new(options, environment, NULL);
}

static enum ray_status xray_daemon_start(void *exporter, struct ray_net_error *error)
{
    return ray_xray_daemon_start(exporter, error);
}

static bool xray_daemon_ready(void *exporter, char why[200])
{
    return ray_xray_daemon_ready(exporter, why);
}

static uint64_t xray_daemon_stop(void *exporter, uint32_t timeout_ms)
{
    return ray_xray_daemon_stop(exporter, timeout_ms);
}

static void xray_daemon_free(void *exporter)
{
    ray_xray_daemon_free(exporter);
}

static const struct ray_exporter_verbs xray_daemon_verbs = {
    .translate_options = xray_daemon_translate_options,
    .queue_keys = xray_daemon_queue_keys,
    .create = xray_daemon_create,
    .start = xray_daemon_start,
    .ready = xray_daemon_ready,
    .stop = xray_daemon_stop,
    .free = xray_daemon_free,
};

/* --- the table --- */

static const struct ray_component_kind kinds[] = {
    {
        .section = RAY_SECTION_RECEIVER,
        .type = "otlp",
        .help = "OpenTelemetry traces over gRPC and HTTP",
        .table = ray_otlp_option_table,
        .options_bytes = sizeof(struct ray_otlp_options),
        .check = otlp_check,
        .receiver = &otlp_verbs,
    },
    {
        .section = RAY_SECTION_PROCESSOR,
        .type = "batch",
        .help = "how long exporters wait for a call to fill up; they pack by themselves",
        .table = ray_batch_option_table,
        .options_bytes = sizeof(struct ray_batch_options),
        .check = ray_batch_options_check,
        .processor = &batch_verbs,
    },
    {
        .section = RAY_SECTION_PROCESSOR,
        .type = "memory_limiter",
        .help = "what the process may take; above it receivers tell clients to wait",
        .table = ray_memory_limiter_option_table,
        .options_bytes = sizeof(struct ray_memory_limiter_options),
        .check = ray_memory_limiter_check,
        .processor = &memory_limiter_verbs,
    },
    {
        .section = RAY_SECTION_EXPORTER,
        .type = "awsxray",
        .help = "signed PutTraceSegments calls to AWS X-Ray",
        .table = ray_awsxray_option_table,
        .options_bytes = sizeof(struct ray_awsxray_options),
        .check = awsxray_check,
        .exporter = &awsxray_verbs,
    },
    {
        .section = RAY_SECTION_EXPORTER,
        .type = "local",
        .help = "the embedded local X-Ray: store and query API",
        .table = ray_local_option_table,
        .options_bytes = sizeof(struct ray_local_options),
        .check = local_check,
        .exporter = &local_verbs,
    },
    {
        .section = RAY_SECTION_EXPORTER,
        .type = "xray_daemon",
        .help = "documents to an X-Ray daemon over UDP",
        .table = ray_xray_daemon_option_table,
        .options_bytes = sizeof(struct ray_xray_daemon_options),
        .check = xray_daemon_check,
        .exporter = &xray_daemon_verbs,
    },
    {
        .section = RAY_SECTION_EXTENSION,
        .type = "file_storage",
        .help = "the folder of durable queues: sending_queue.storage names it",
        .table = ray_storage_option_table,
        .options_bytes = sizeof(struct ray_storage_options),
        .check = ray_storage_check,
    },
    {
        .section = RAY_SECTION_EXTENSION,
        .type = "health_check",
        .help = "health over HTTP: /, /livez, /readyz",
        .table = ray_health_option_table,
        .options_bytes = sizeof(struct ray_health_options),
    },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const struct ray_component_kind *ray_component_kinds(size_t *count)
{
    *count = KIND_COUNT;
    return kinds;
}

static struct ray_str nearest_type(enum ray_section section, struct ray_str type)
{
    struct ray_str known[KIND_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].section == section) {
            known[count++] = ray_str_from(kinds[i].type);
        }
    }
    return ray_nearest_word(type, known, count);
}

static void list_types(enum ray_section section, struct ray_buf *out)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].section == section) {
            ray_buf_printf(out, "%s%s", out->len ? ", " : "", kinds[i].type);
        }
    }
}

static void report_unserved(enum ray_section section, const struct ray_config_component *component,
                            struct ray_problems *problems)
{
    struct ray_str near = nearest_type(section, component->type);
    if (near.len > 0) {
        ray_problem(problems, &component->place, "%s.%.*s: unknown type, did you mean '%.*s'?",
                    ray_section_name(section), RAY_STR_ARG(component->id), RAY_STR_ARG(near));
        return;
    }
    struct ray_buf served;
    ray_buf_init(&served, 4096);
    list_types(section, &served);
    ray_problem(problems, &component->place, "%s.%.*s: this type is not served here; served: %.*s",
                ray_section_name(section), RAY_STR_ARG(component->id),
                RAY_STR_ARG(ray_buf_str(&served)));
    ray_buf_clear(&served);
}

static const struct ray_component_kind *find_kind(enum ray_section section, struct ray_str type)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].section == section && ray_str_eq(ray_str_from(kinds[i].type), type)) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void *read_options(const struct ray_component_kind *kind,
                          const struct ray_config_component *component, struct ray_arena *arena,
                          struct ray_problems *problems)
{
    void *options = ray_arena_alloc(arena, kind->options_bytes);
    struct ray_str path = ray_arena_printf(arena, "%s.%.*s", ray_section_name(kind->section),
                                           RAY_STR_ARG(component->id));
    if (options == NULL || path.ptr == NULL) {
        return NULL;
    }
    if (ray_options_read(kind->table, component->options, path.ptr, arena, problems, options) !=
        RAY_OK) {
        return NULL;
    }
    if (kind->check != NULL &&
        kind->check(options, component->options, path.ptr, problems) != RAY_OK) {
        return NULL;
    }
    return options;
}

static enum ray_status read_section(struct ray_component_set *set, enum ray_section section,
                                    struct ray_arena *arena, struct ray_problems *problems)
{
    size_t count = set->config->component_count[section];
    enum ray_status status = RAY_OK;
    set->of[section] = RAY_ARENA_ARRAY(arena, struct ray_component, count);
    if (set->of[section] == NULL) {
        return RAY_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ray_config_component *component = &set->config->components[section][i];
        struct ray_component *read = &set->of[section][i];
        read->kind = find_kind(section, component->type);
        if (read->kind != NULL) {
            read->options = read_options(read->kind, component, arena, problems);
            status = read->options ? status : RAY_INVALID;
        }
    }
    return status;
}

enum ray_status ray_component_set_read(struct ray_component_set *set,
                                       const struct ray_config *config, struct ray_arena *arena,
                                       struct ray_problems *problems)
{
    enum ray_status status = RAY_OK;
    *set = (struct ray_component_set){.config = config};
    for (int section = 0; section < RAY_SECTION_COUNT; section++) {
        status =
            ray_status_worst(status, read_section(set, (enum ray_section)section, arena, problems));
    }
    return status;
}

const struct ray_component *ray_component_set_use(const struct ray_component_set *set,
                                                  enum ray_section section,
                                                  const struct ray_config_component *component,
                                                  struct ray_problems *problems)
{
    const struct ray_component *read =
        &set->of[section][component - set->config->components[section]];
    if (read->kind == NULL) {
        report_unserved(section, component, problems);
    }
    return read->options != NULL ? read : NULL;
}

/* Walks down as far as the keys were written; the value's place is the last one found. */
struct ray_place ray_component_place(const struct ray_config_component *component,
                                     struct ray_str path)
{
    struct ray_place place = component->place;
    const struct ray_yaml *node = component->options;
    struct ray_str key;
    while (node != NULL && ray_str_split(&path, '.', &key)) {
        node = ray_yaml_get(node, key);
        if (node != NULL) {
            place = node->place;
        }
    }
    return place;
}
