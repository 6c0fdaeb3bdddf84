/* extension: see extension.h. Key names: opentelemetry-collector 0.130, healthcheckextension,
 * batchprocessor and service/telemetry. */
#include "daemon/extension.h"

#include <stddef.h>

#define RAY_OPT_STRUCT __typeof__(((struct ray_health_options *)0)->response_body)
static const struct ray_option response_body_table[] = {
    RAY_OPT_STR("healthy", healthy, "", "body of the answer when healthy; empty: JSON"),
    RAY_OPT_STR("unhealthy", unhealthy, "", "body of the answer when not; empty: JSON"),
    RAY_OPT_END,
};

#undef RAY_OPT_STRUCT
#define RAY_OPT_STRUCT struct ray_health_options
const struct ray_option ray_health_option_table[] = {
    RAY_OPT_STR("endpoint", endpoint, "localhost:13133", "address to serve health on"),
    RAY_OPT_STR("path", path, "/", "path of the collector's own health answer"),
    RAY_OPT_SECTION("response_body", response_body, response_body_table, "bodies of the answers"),
    RAY_OPT_IGNORED("check_collector_pipeline", "without effect in the collector, too"),
    RAY_OPT_REFUSED("tls", "the health port is served in plain HTTP only; keep it on loopback"),
    RAY_OPT_REFUSED("auth", "the health port has no authentication; keep it on loopback"),
    RAY_OPT_END,
};

#undef RAY_OPT_STRUCT
#define RAY_OPT_STRUCT struct ray_batch_options
const struct ray_option ray_batch_option_table[] = {
    RAY_OPT_DURATION("timeout", timeout_ms, "200ms", "0s", "1h",
                     "how long exporters wait for a call to fill up"),
    RAY_OPT_INT("send_batch_size", send_batch_size, "8192", "0", "4294967295",
                "checked, no effect: calls are packed by their own limits"),
    RAY_OPT_INT("send_batch_max_size", send_batch_max_size, "0", "0", "4294967295",
                "checked, no effect: calls are packed by their own limits"),
    RAY_OPT_IGNORED("metadata_keys", "requests are never mixed by metadata here"),
    RAY_OPT_IGNORED("metadata_cardinality_limit", "requests are never mixed by metadata here"),
    RAY_OPT_END,
};

enum ray_status ray_batch_options_check(const void *options, const struct ray_yaml *node,
                                        const char *path, struct ray_problems *problems)
{
    const struct ray_batch_options *batch = options;
    if (batch->send_batch_max_size != 0 && batch->send_batch_max_size < batch->send_batch_size) {
        ray_problem(problems, node ? &node->place : NULL,
                    "%s.send_batch_max_size: %lld is below send_batch_size, %lld", path,
                    (long long)batch->send_batch_max_size, (long long)batch->send_batch_size);
        return RAY_INVALID;
    }
    return RAY_OK;
}

#undef RAY_OPT_STRUCT
#define RAY_OPT_STRUCT __typeof__(((struct ray_telemetry_options *)0)->logs)
static const struct ray_option logs_table[] = {
    RAY_OPT_ENUM("level", level, "info", "debug|info|warn|error|dpanic|panic|fatal",
                 "least level that is written"),
    RAY_OPT_ENUM("encoding", encoding, "console", "console|json", "form of a line"),
    RAY_OPT_IGNORED("development", "there is one mode"),
    RAY_OPT_IGNORED("disable_caller", "lines carry no caller"),
    RAY_OPT_IGNORED("disable_stacktrace", "lines carry no stack traces"),
    RAY_OPT_IGNORED("sampling", "repeated lines are counted and written once a minute"),
    RAY_OPT_REFUSED("output_paths", "logs go to standard error; redirect it"),
    RAY_OPT_REFUSED("error_output_paths", "logs go to standard error; redirect it"),
    RAY_OPT_IGNORED("initial_fields", "lines carry no extra fields"),
    RAY_OPT_REFUSED("processors", "logs are not exported; they go to standard error"),
    RAY_OPT_END,
};

#undef RAY_OPT_STRUCT
#define RAY_OPT_STRUCT __typeof__(((struct ray_telemetry_options *)0)->metrics)
static const struct ray_option metrics_table[] = {
    RAY_OPT_ENUM("level", level, "normal", "none|basic|normal|detailed",
                 "none: no metrics page; the others are one"),
    RAY_OPT_STR("address", address, "", "address of the metrics page (older spelling)"),
    RAY_OPT_NODE("readers", readers, "the first pull reader's Prometheus host and port are used"),
    RAY_OPT_REFUSED("views", "metrics are served as they are"),
    RAY_OPT_END,
};

#undef RAY_OPT_STRUCT
#define RAY_OPT_STRUCT __typeof__(((struct ray_telemetry_options *)0)->ledger)
static const struct ray_option ledger_table[] = {
    RAY_OPT_INT("traces", traces, "16384", "1", "4194304",
                "the last traces, for each exporter, that `why` knows; 44 bytes each"),
    RAY_OPT_INT("refused", refused, "256", "1", "65536",
                "the last refused documents that are kept with their reasons"),
    RAY_OPT_END,
};

#undef RAY_OPT_STRUCT
#define RAY_OPT_STRUCT struct ray_telemetry_options
const struct ray_option ray_telemetry_option_table[] = {
    RAY_OPT_SECTION("logs", logs, logs_table, "the program's own log"),
    RAY_OPT_SECTION("metrics", metrics, metrics_table, "the program's own metrics"),
    RAY_OPT_SECTION("ledger", ledger, ledger_table, "what `spanbridge why` can answer"),
    RAY_OPT_IGNORED("traces", "the program does not trace itself"),
    RAY_OPT_IGNORED("resource", "metrics carry no resource labels"),
    RAY_OPT_END,
};

#undef RAY_OPT_STRUCT
#define RAY_OPT_STRUCT struct ray_service_options
const struct ray_option ray_service_option_table[] = {
    RAY_OPT_DURATION("shutdown_timeout", shutdown_timeout_ms, "20s", "0s", "1h",
                     "how long SIGTERM waits for what was accepted to be delivered"),
    RAY_OPT_END,
};

/* One key of a reader's `pull.exporter.prometheus`. */
static struct ray_yaml *prometheus_of(const struct ray_yaml *reader)
{
    struct ray_yaml *pull = ray_yaml_get(reader, RAY_STR("pull"));
    struct ray_yaml *exporter = ray_yaml_get(pull, RAY_STR("exporter"));
    return ray_yaml_get(exporter, RAY_STR("prometheus"));
}

static struct ray_str scalar_or(const struct ray_yaml *node, struct ray_str fallback)
{
    return node != NULL && node->kind == RAY_YAML_SCALAR ? node->text : fallback;
}

struct ray_str ray_telemetry_metrics_address(const struct ray_telemetry_options *options,
                                             struct ray_arena *arena, struct ray_problems *problems)
{
    if (options->metrics.level == 0) {
        return (struct ray_str){NULL, 0};
    }
    const struct ray_yaml *readers = options->metrics.readers;
    for (size_t i = 0; readers != NULL && readers->kind == RAY_YAML_LIST && i < readers->count;
         i++) {
        const struct ray_yaml *prometheus = prometheus_of(readers->items[i]);
        if (prometheus == NULL) {
            ray_problem_warn(problems, &readers->items[i]->place,
                             "service.telemetry.metrics.readers: only pull readers with a "
                             "prometheus exporter are served; this one has no effect");
            continue;
        }
        struct ray_str host =
            scalar_or(ray_yaml_get(prometheus, RAY_STR("host")), RAY_STR("localhost"));
        struct ray_str port = scalar_or(ray_yaml_get(prometheus, RAY_STR("port")), RAY_STR("8888"));
        return ray_arena_printf(arena, "%.*s:%.*s", RAY_STR_ARG(host), RAY_STR_ARG(port));
    }
    return options->metrics.address.len > 0 ? options->metrics.address : RAY_STR("localhost:8888");
}
