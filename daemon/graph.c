/* graph: see graph.h. */
#include "daemon/graph.h"

#include "daemon/pipeline_queue.h"
#include "queue/ledger.h"
#include "queue/queue.h"
#include "receiver/intake.h"

#include <stdio.h>

/* Requests that have begun get this long to be answered once SIGTERM came. */
#define REQUESTS_TIMEOUT_MS 2000u
/* How long exporters wait for a call to fill up when no `batch` processor says so: a trickle of
 * spans becomes ten calls a second, not one for each. */
#define DEFAULT_LINGER_MS 100u

struct exporter_node {
    const struct ray_component_kind *kind;
    const struct ray_config_component *component;
    void *options;
    const struct ray_translator *translator; /* one of its pipeline's */
    struct ray_exporter_environment environment;
    void *instance;
    bool started;
};

struct pipeline_node {
    const struct ray_config_pipeline *config;
    struct ray_pipeline_queue asked; /* by its exporters */
    struct ray_queue *queue;
    uint32_t linger_ms;
    bool limits_memory; /* it has a memory_limiter */
    struct exporter_node *exporters;
    struct ray_translator **translators; /* distinct profiles, owned */
    size_t translator_count;
    struct ray_history_owed *owed; /* beside `exporters` */
};

struct receiver_node {
    const struct ray_component_kind *kind;
    const struct ray_config_component *component;
    void *options;
    struct ray_intake *intake;
    struct ray_receiver_environment environment;
    void *instance;
    bool started;
};

struct ray_graph {
    struct ray_graph_environment environment;
    struct ray_arena *arena;
    const struct ray_component_set *components;
    const struct ray_config *config;
    struct pipeline_node *pipelines; /* of traces */
    size_t pipeline_count;
    struct receiver_node *receivers; /* each once, whatever the pipelines */
    size_t receiver_count;
    struct ray_memory_limits memory; /* hard_bytes 0: none */
    struct ray_memory_gate gate;
    struct ray_log_limiter over_limit; /* of whoever looks for the gate, one at a time */
    _Atomic uint64_t given_up;         /* documents, while and after it stops */
};

/* --- making --- */

/* An exporter that owns a store or a port cannot exist twice. */
static bool used_elsewhere(const struct ray_graph *graph, const struct pipeline_node *self,
                           const struct ray_config_component *component)
{
    for (const struct pipeline_node *other = graph->pipelines; other < self; other++) {
        for (size_t i = 0; i < other->config->exporter_count; i++) {
            if (other->exporters[i].component == component) {
                return true;
            }
        }
    }
    return false;
}

static enum ray_status read_exporter(struct ray_graph *graph, struct pipeline_node *pipeline,
                                     const struct ray_config_reference *reference,
                                     struct exporter_node *node, struct ray_problems *problems)
{
    node->component = reference->component;
    const struct ray_component *read =
        ray_component_set_use(graph->components, RAY_SECTION_EXPORTER, node->component, problems);
    if (read == NULL) {
        return RAY_INVALID;
    }
    node->kind = read->kind;
    node->options = read->options;
    if (ray_pipeline_queue_ask(&pipeline->asked, graph->components, node->component,
                               node->kind->exporter->queue_keys(node->options),
                               problems) != RAY_OK) {
        return RAY_INVALID;
    }
    if (node->kind->exporter->one_pipeline_only &&
        used_elsewhere(graph, pipeline, node->component)) {
        ray_problem(problems, &reference->place,
                    "service.pipelines.%.*s.exporters: '%.*s' is in another pipeline already; give "
                    "each pipeline an exporter of its own",
                    RAY_STR_ARG(pipeline->config->id), RAY_STR_ARG(reference->id));
        return RAY_INVALID;
    }
    return RAY_OK;
}

/* Exporters with equal options share a translator, so that each span is translated once for both.
 */
static enum ray_status add_translator(struct pipeline_node *pipeline, struct exporter_node *node)
{
    struct ray_translate_options options = {0};
    node->kind->exporter->translate_options(node->options, &options);
    struct ray_translator *translator = ray_translator_new(&options);
    if (translator == NULL) {
        return RAY_NOMEM;
    }
    for (size_t i = 0; i < pipeline->translator_count; i++) {
        if (ray_translator_profile(pipeline->translators[i]) ==
            ray_translator_profile(translator)) {
            ray_translator_free(translator);
            node->translator = pipeline->translators[i];
            return RAY_OK;
        }
    }
    pipeline->translators[pipeline->translator_count++] = translator;
    node->translator = translator;
    return RAY_OK;
}

/* Memory is the process's, whichever pipeline says what it may have: the least holds. */
static void limit_memory(struct ray_graph *graph, const struct ray_memory_limits *limits)
{
    if (graph->memory.hard_bytes == 0 || limits->hard_bytes < graph->memory.hard_bytes) {
        graph->memory = *limits;
    }
}

static void ask_processor(struct ray_graph *graph, struct pipeline_node *node,
                          const struct ray_processor_verbs *verbs, const void *options)
{
    if (verbs->linger_ms != NULL) {
        node->linger_ms = verbs->linger_ms(options);
    }
    if (verbs->memory_limits != NULL) {
        struct ray_memory_limits limits = verbs->memory_limits(options);
        limit_memory(graph, &limits);
        node->limits_memory = true;
    }
}

static enum ray_status read_processors(struct ray_graph *graph, struct pipeline_node *node,
                                       struct ray_problems *problems)
{
    enum ray_status status = RAY_OK;
    node->linger_ms = DEFAULT_LINGER_MS;
    for (size_t i = 0; i < node->config->processor_count; i++) {
        const struct ray_config_component *component = node->config->processors[i].component;
        const struct ray_component *read =
            ray_component_set_use(graph->components, RAY_SECTION_PROCESSOR, component, problems);
        if (read == NULL) {
            status = RAY_INVALID;
        } else {
            ask_processor(graph, node, read->kind->processor, read->options);
        }
    }
    return status;
}

/* All problems of a pipeline are found before anything is created. */
static enum ray_status read_pipeline(struct ray_graph *graph, struct pipeline_node *node,
                                     struct ray_problems *problems)
{
    const struct ray_config_pipeline *config = node->config;
    node->exporters = RAY_ARENA_ARRAY(graph->arena, struct exporter_node, config->exporter_count);
    node->translators =
        RAY_ARENA_ARRAY(graph->arena, struct ray_translator *, config->exporter_count);
    node->owed = RAY_ARENA_ARRAY(graph->arena, struct ray_history_owed, config->exporter_count);
    if (node->exporters == NULL || node->translators == NULL || node->owed == NULL) {
        return RAY_NOMEM;
    }
    enum ray_status status = read_processors(graph, node, problems);
    for (size_t i = 0; i < config->exporter_count; i++) {
        status = ray_status_worst(status, read_exporter(graph, node, &config->exporters[i],
                                                        &node->exporters[i], problems));
    }
    return status;
}

static bool add_to_history(const struct ray_graph *graph, struct pipeline_node *pipeline,
                           struct exporter_node *node)
{
    struct ray_history *history = graph->environment.history;
    if (history == NULL) {
        return true;
    }
    node->environment.history = ray_history_column(history, node->environment.id);
    pipeline->owed[node - pipeline->exporters] =
        (struct ray_history_owed){node->environment.history, node->environment.profile};
    return node->environment.history != NULL;
}

static enum ray_status create_exporter(struct ray_graph *graph, struct pipeline_node *pipeline,
                                       struct exporter_node *node)
{
    enum ray_status status = add_translator(pipeline, node);
    if (status != RAY_OK) {
        return status;
    }
    const struct ray_queue_key_options *keys = node->kind->exporter->queue_keys(node->options);
    node->environment = (struct ray_exporter_environment){
        .id = ray_arena_copy_cstr(graph->arena, node->component->id),
        .queue = pipeline->queue,
        .profile = ray_translator_profile(node->translator),
        .max_age_ms = keys->max_age_ms,
        .drop_oldest = keys->on_full == 1,
        .control = graph->environment.control,
        .metrics = graph->environment.metrics,
        .log = graph->environment.log,
        .clock = graph->environment.clock,
    };
    if (node->environment.id == NULL || !add_to_history(graph, pipeline, node)) {
        return RAY_NOMEM;
    }
    node->instance = node->kind->exporter->create(node->options, &node->environment);
    return node->instance ? RAY_OK : RAY_NOMEM;
}

static int64_t read_queue_size(void *queue)
{
    return (int64_t)ray_queue_used_bytes(queue);
}

static enum ray_status export_queue_metrics(struct ray_graph *graph, struct pipeline_node *pipeline,
                                            size_t max_bytes)
{
    for (size_t i = 0; i < pipeline->config->exporter_count; i++) {
        struct ray_buf labels;
        ray_buf_init(&labels, 1024);
        ray_metric_label(&labels, "exporter", pipeline->exporters[i].component->id);
        ray_metric_label(&labels, "pipeline", pipeline->config->id);
        const char *text = ray_arena_copy_cstr(graph->arena, ray_buf_str(&labels));
        ray_buf_clear(&labels);
        struct ray_metric *capacity =
            text ? ray_metrics_cell(graph->environment.metrics, &ray_exporter_queue_capacity, text)
                 : NULL;
        if (capacity == NULL ||
            ray_metrics_gauge_fn(graph->environment.metrics, &ray_exporter_queue_size, text,
                                 read_queue_size, pipeline->queue) != RAY_OK) {
            return RAY_NOMEM;
        }
        ray_metric_set(capacity, (int64_t)max_bytes);
    }
    return ray_queue_is_durable(pipeline->queue)
               ? ray_pipeline_queue_metrics(pipeline->queue, pipeline->config->id,
                                            graph->environment.metrics)
               : RAY_OK;
}

static enum ray_status create_pipeline(struct ray_graph *graph, struct pipeline_node *pipeline,
                                       struct ray_problems *problems)
{
    struct ray_queue_options options;
    enum ray_status made = ray_pipeline_queue_options(
        &pipeline->asked, pipeline->config->id, ray_memory_total_bytes(""), graph->environment.log,
        graph->environment.clock, graph->arena, problems, &options);
    if (made != RAY_OK) {
        return made;
    }
    options.max_linger_ms = pipeline->linger_ms;
    pipeline->queue = ray_queue_new(&options);
    if (pipeline->queue == NULL) {
        return RAY_NOMEM;
    }
    for (size_t i = 0; i < pipeline->config->exporter_count; i++) {
        enum ray_status status = create_exporter(graph, pipeline, &pipeline->exporters[i]);
        if (status != RAY_OK) {
            return status;
        }
    }
    return export_queue_metrics(graph, pipeline, options.max_bytes);
}

static bool pipeline_has_receiver(const struct ray_config_pipeline *pipeline,
                                  const struct ray_config_component *component)
{
    for (size_t i = 0; i < pipeline->receiver_count; i++) {
        if (pipeline->receivers[i].component == component) {
            return true;
        }
    }
    return false;
}

static enum ray_status create_intake(struct ray_graph *graph, struct receiver_node *node)
{
    struct ray_intake_pipeline *fed =
        RAY_ARENA_ARRAY(graph->arena, struct ray_intake_pipeline, graph->pipeline_count);
    if (fed == NULL) {
        return RAY_NOMEM;
    }
    struct ray_intake_options options = {
        .pipelines = fed,
        .receiver = ray_arena_copy_cstr(graph->arena, node->component->id),
        .history = graph->environment.history,
        .log = graph->environment.log,
        .clock = graph->environment.clock,
    };
    if (options.receiver == NULL) {
        return RAY_NOMEM;
    }
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        struct pipeline_node *pipeline = &graph->pipelines[i];
        if (pipeline_has_receiver(pipeline->config, node->component)) {
            fed[options.pipeline_count++] = (struct ray_intake_pipeline){
                .queue = pipeline->queue,
                .translators = (const struct ray_translator *const *)pipeline->translators,
                .translator_count = pipeline->translator_count,
                .owed = pipeline->owed,
                .owed_count = graph->environment.history ? pipeline->config->exporter_count : 0,
            };
        }
    }
    node->intake = ray_intake_new(&options);
    return node->intake ? RAY_OK : RAY_NOMEM;
}

/* Any thread; queues outlive the receivers that ask. */
static size_t held_bytes(void *context)
{
    struct ray_graph *graph = context;
    size_t bytes = 0;
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        struct ray_queue *queue = graph->pipelines[i].queue;
        bytes += ray_queue_is_durable(queue) ? 0 : ray_queue_used_bytes(queue);
    }
    return bytes;
}

static size_t process_bytes(void *context)
{
    struct ray_graph *graph = context;
    return ray_memory_resident_bytes(graph->memory.soft_bytes, graph->environment.log,
                                     &graph->over_limit, graph->environment.clock);
}

static void open_gate(struct ray_graph *graph)
{
    ray_memory_gate_init(&graph->gate, &(struct ray_memory_gate_options){
                                           .soft_bytes = graph->memory.soft_bytes,
                                           .hard_bytes = graph->memory.hard_bytes,
                                           .interval_ns = graph->memory.interval_ms * RAY_NS_PER_MS,
                                           .clock = graph->environment.clock,
                                           .held_bytes = held_bytes,
                                           .resident_bytes = process_bytes,
                                           .context = graph,
                                       });
}

static bool is_limited(const struct ray_graph *graph, const struct ray_config_component *receiver)
{
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        const struct pipeline_node *pipeline = &graph->pipelines[i];
        if (pipeline->limits_memory && pipeline_has_receiver(pipeline->config, receiver)) {
            return true;
        }
    }
    return false;
}

static enum ray_status create_receiver(struct ray_graph *graph, struct receiver_node *node)
{
    enum ray_status status = create_intake(graph, node);
    if (status != RAY_OK) {
        return status;
    }
    node->environment = (struct ray_receiver_environment){
        .id = ray_arena_copy_cstr(graph->arena, node->component->id),
        .intake = node->intake,
        .memory = is_limited(graph, node->component) ? &graph->gate : NULL,
        .metrics = graph->environment.metrics,
        .log = graph->environment.log,
        .clock = graph->environment.clock,
    };
    if (node->environment.id == NULL) {
        return RAY_NOMEM;
    }
    node->instance = node->kind->receiver->create(node->options, &node->environment);
    return node->instance ? RAY_OK : RAY_NOMEM;
}

static bool feeds_traces(const struct ray_graph *graph,
                         const struct ray_config_component *component)
{
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        if (pipeline_has_receiver(graph->pipelines[i].config, component)) {
            return true;
        }
    }
    return false;
}

static enum ray_status read_receivers(struct ray_graph *graph, struct ray_problems *problems)
{
    const struct ray_config *config = graph->config;
    size_t defined = config->component_count[RAY_SECTION_RECEIVER];
    graph->receivers = RAY_ARENA_ARRAY(graph->arena, struct receiver_node, defined);
    if (graph->receivers == NULL) {
        return RAY_NOMEM;
    }
    enum ray_status status = RAY_OK;
    for (size_t i = 0; i < defined; i++) {
        const struct ray_config_component *component = &config->components[RAY_SECTION_RECEIVER][i];
        if (!feeds_traces(graph, component)) {
            continue;
        }
        struct receiver_node *node = &graph->receivers[graph->receiver_count++];
        node->component = component;
        const struct ray_component *read =
            ray_component_set_use(graph->components, RAY_SECTION_RECEIVER, component, problems);
        if (read == NULL) {
            status = RAY_INVALID;
        } else {
            node->kind = read->kind;
            node->options = read->options;
        }
    }
    return status;
}

static enum ray_status read_pipelines(struct ray_graph *graph, struct ray_problems *problems)
{
    const struct ray_config *config = graph->config;
    graph->pipelines = RAY_ARENA_ARRAY(graph->arena, struct pipeline_node, config->pipeline_count);
    if (graph->pipelines == NULL) {
        return RAY_NOMEM;
    }
    enum ray_status status = RAY_OK;
    for (size_t i = 0; i < config->pipeline_count; i++) {
        const struct ray_config_pipeline *pipeline = &config->pipelines[i];
        if (!ray_str_eq(pipeline->signal, RAY_STR("traces"))) {
            ray_problem_warn(problems, &pipeline->place,
                             "service.pipelines.%.*s: not run: %.*s; only traces are served here",
                             RAY_STR_ARG(pipeline->id), RAY_STR_ARG(pipeline->signal));
            continue;
        }
        struct pipeline_node *node = &graph->pipelines[graph->pipeline_count++];
        node->config = pipeline;
        status = ray_status_worst(status, read_pipeline(graph, node, problems));
    }
    if (graph->pipeline_count == 0) {
        struct ray_place place = config->root ? config->root->place : (struct ray_place){0};
        ray_problem(problems, &place, "service.pipelines: there is no traces pipeline to run");
        status = RAY_INVALID;
    }
    return status;
}

static enum ray_status create_all(struct ray_graph *graph, struct ray_problems *problems)
{
    enum ray_status status = RAY_OK;
    open_gate(graph);
    for (size_t i = 0; i < graph->pipeline_count && status == RAY_OK; i++) {
        status = create_pipeline(graph, &graph->pipelines[i], problems);
    }
    for (size_t i = 0; i < graph->receiver_count && status == RAY_OK; i++) {
        status = create_receiver(graph, &graph->receivers[i]);
    }
    return status;
}

enum ray_status ray_graph_new(const struct ray_component_set *components, struct ray_arena *arena,
                              const struct ray_graph_environment *environment,
                              struct ray_problems *problems, struct ray_graph **out)
{
    struct ray_graph *graph = RAY_ARENA_NEW(arena, struct ray_graph);
    if (graph == NULL) {
        return RAY_NOMEM;
    }
    graph->environment = *environment;
    graph->arena = arena;
    graph->components = components;
    graph->config = components->config;
    enum ray_status status = read_pipelines(graph, problems);
    status = ray_status_worst(status, read_receivers(graph, problems));
    if (status == RAY_OK) {
        status = create_all(graph, problems);
    }
    if (status != RAY_OK) {
        ray_graph_free(graph);
        return status;
    }
    *out = graph;
    return RAY_OK;
}

static void free_pipeline(struct ray_graph *graph, struct pipeline_node *pipeline)
{
    for (size_t i = 0; pipeline->exporters != NULL && i < pipeline->config->exporter_count; i++) {
        struct exporter_node *node = &pipeline->exporters[i];
        if (node->instance != NULL) {
            node->kind->exporter->free(node->instance);
        }
    }
    if (pipeline->queue != NULL) {
        ray_metrics_forget(graph->environment.metrics, pipeline->queue);
        ray_queue_free(pipeline->queue);
    }
    for (size_t i = 0; i < pipeline->translator_count; i++) {
        ray_translator_free(pipeline->translators[i]);
    }
}

void ray_graph_free(struct ray_graph *graph)
{
    if (graph == NULL) {
        return;
    }
    for (size_t i = 0; i < graph->receiver_count; i++) {
        struct receiver_node *node = &graph->receivers[i];
        if (node->instance != NULL) {
            node->kind->receiver->free(node->instance);
        }
        if (node->intake != NULL) {
            ray_intake_free(node->intake);
        }
    }
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        free_pipeline(graph, &graph->pipelines[i]);
    }
}

/* --- running --- */

/* A start error begins with the key's path below the component: "protocols.grpc.endpoint: ...". */
static void report_start(const struct ray_config_component *component, enum ray_section section,
                         const struct ray_net_error *error, struct ray_problems *problems)
{
    struct ray_str text = ray_str_from(error->text);
    size_t colon = ray_str_find(text, RAY_STR(": "));
    struct ray_str path = colon == SIZE_MAX ? RAY_STR("") : ray_str_until(text, colon);
    struct ray_place place = ray_component_place(component, path);
    ray_problem(problems, &place, "%s.%.*s.%s", ray_section_name(section),
                RAY_STR_ARG(component->id), error->text);
}

/* Opens the log, when there is one: whatever an earlier process left is known from here on. */
static enum ray_status start_queue(struct pipeline_node *pipeline, struct ray_problems *problems)
{
    char error[256] = "";
    const struct ray_pipeline_queue *asked = &pipeline->asked;
    enum ray_status status =
        asked->storage != NULL ? ray_storage_prepare(asked->storage, error) : RAY_OK;
    if (status == RAY_OK) {
        status = ray_queue_start(pipeline->queue, error);
    }
    if (status != RAY_OK) {
        struct ray_place place =
            ray_component_place(asked->storage_component, RAY_STR("directory"));
        ray_problem(problems, &place, "extensions.%.*s: %s",
                    RAY_STR_ARG(asked->storage_component->id), error);
    }
    return status;
}

/* Of every storage that is in use. */
static void report_left(const struct ray_graph *graph)
{
    struct ray_str *ids = RAY_ARENA_ARRAY(graph->arena, struct ray_str, graph->pipeline_count);
    size_t count = 0;
    for (size_t i = 0; ids != NULL && i < graph->pipeline_count; i++) {
        if (graph->pipelines[i].asked.storage != NULL) {
            ids[count++] = graph->pipelines[i].config->id;
        }
    }
    const struct ray_storage_options *last = NULL;
    for (size_t i = 0; ids != NULL && i < graph->pipeline_count; i++) {
        const struct ray_storage_options *storage = graph->pipelines[i].asked.storage;
        if (storage != NULL && storage != last) {
            ray_storage_report_left(storage, ids, count, graph->arena, graph->environment.log);
            last = storage;
        }
    }
}

static enum ray_status start_exporters(struct ray_graph *graph, struct ray_problems *problems)
{
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        struct pipeline_node *pipeline = &graph->pipelines[i];
        enum ray_status opened = start_queue(pipeline, problems);
        if (opened != RAY_OK) {
            return opened;
        }
        for (size_t k = 0; k < pipeline->config->exporter_count; k++) {
            struct exporter_node *node = &pipeline->exporters[k];
            struct ray_net_error error = {""};
            enum ray_status status = node->kind->exporter->start(node->instance, &error);
            if (status != RAY_OK) {
                report_start(node->component, RAY_SECTION_EXPORTER, &error, problems);
                return status;
            }
            node->started = true;
        }
        ray_queue_forget_absent(pipeline->queue);
    }
    report_left(graph);
    return RAY_OK;
}

static enum ray_status start_receivers(struct ray_graph *graph, struct ray_problems *problems)
{
    for (size_t i = 0; i < graph->receiver_count; i++) {
        struct receiver_node *node = &graph->receivers[i];
        struct ray_net_error error = {""};
        enum ray_status status = node->kind->receiver->start(node->instance, &error);
        if (status != RAY_OK) {
            report_start(node->component, RAY_SECTION_RECEIVER, &error, problems);
            return status;
        }
        node->started = true;
    }
    return RAY_OK;
}

enum ray_status ray_graph_start(struct ray_graph *graph, struct ray_problems *problems)
{
    enum ray_status status = start_exporters(graph, problems);
    if (status == RAY_OK) {
        status = start_receivers(graph, problems);
    }
    if (status != RAY_OK) {
        (void)ray_graph_stop(graph, 0);
    }
    return status;
}

void ray_graph_addresses(const struct ray_graph *graph, struct ray_buf *out)
{
    for (size_t i = 0; i < graph->receiver_count; i++) {
        const struct receiver_node *node = &graph->receivers[i];
        node->kind->receiver->addresses(node->options, node->instance, out);
    }
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        for (size_t k = 0; k < graph->pipelines[i].config->exporter_count; k++) {
            const struct exporter_node *node = &graph->pipelines[i].exporters[k];
            if (node->kind->exporter->addresses != NULL) {
                node->kind->exporter->addresses(node->options, node->instance, out);
            }
        }
    }
}

static struct ray_graph_exporter describe_exporter(const struct exporter_node *node)
{
    struct ray_graph_exporter out = {
        .id = node->environment.id, .type = node->kind->type, .ready = true};
    if (node->kind->exporter->ready != NULL) {
        out.ready = node->kind->exporter->ready(node->instance, out.why);
    }
    return out;
}

enum ray_status ray_graph_exporters(const struct ray_graph *graph, struct ray_arena *arena,
                                    struct ray_graph_exporter **out, size_t *count)
{
    size_t total = 0, filled = 0;
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        total += graph->pipelines[i].config->exporter_count;
    }
    *out = RAY_ARENA_ARRAY(arena, struct ray_graph_exporter, total);
    for (size_t i = 0; *out != NULL && i < graph->pipeline_count; i++) {
        for (size_t k = 0; k < graph->pipelines[i].config->exporter_count; k++) {
            (*out)[filled++] = describe_exporter(&graph->pipelines[i].exporters[k]);
        }
    }
    *count = filled;
    return *out != NULL ? RAY_OK : RAY_NOMEM;
}

bool ray_graph_ready(const struct ray_graph *graph, char why[256])
{
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        for (size_t k = 0; k < graph->pipelines[i].config->exporter_count; k++) {
            const struct exporter_node *node = &graph->pipelines[i].exporters[k];
            char reason[200] = "";
            if (node->kind->exporter->ready != NULL &&
                !node->kind->exporter->ready(node->instance, reason)) {
                snprintf(why, 256, "exporter %.*s: %s", RAY_STR_ARG(node->component->id), reason);
                return false;
            }
        }
    }
    return true;
}

bool ray_graph_owes(const struct ray_graph *graph)
{
    bool owes = atomic_load(&graph->given_up) > 0;
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        struct ray_queue *queue = graph->pipelines[i].queue;
        owes = owes || (!ray_queue_is_durable(queue) && ray_queue_used_bytes(queue) > 0);
    }
    return owes;
}

/* --- stopping --- */

static void stop_receivers(struct ray_graph *graph)
{
    for (size_t i = 0; i < graph->receiver_count; i++) {
        struct receiver_node *node = &graph->receivers[i];
        if (node->started) {
            node->kind->receiver->stop(node->instance, REQUESTS_TIMEOUT_MS);
            node->started = false;
        }
    }
}

static uint32_t left_ms(const struct ray_graph *graph, uint64_t deadline_ns)
{
    uint64_t now = ray_clock_monotonic_ns(graph->environment.clock);
    return now >= deadline_ns ? 0 : (uint32_t)((deadline_ns - now) / RAY_NS_PER_MS);
}

uint64_t ray_graph_stop(struct ray_graph *graph, uint32_t timeout_ms)
{
    uint64_t deadline_ns =
        ray_clock_monotonic_ns(graph->environment.clock) + (uint64_t)timeout_ms * RAY_NS_PER_MS;
    stop_receivers(graph);
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        ray_queue_close(graph->pipelines[i].queue);
    }
    for (size_t i = 0; i < graph->pipeline_count; i++) {
        for (size_t k = 0; k < graph->pipelines[i].config->exporter_count; k++) {
            struct exporter_node *node = &graph->pipelines[i].exporters[k];
            if (node->started) {
                graph->given_up +=
                    node->kind->exporter->stop(node->instance, left_ms(graph, deadline_ns));
                node->started = false;
            }
        }
    }
    return graph->given_up;
}
