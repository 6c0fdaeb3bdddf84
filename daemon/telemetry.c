/* telemetry: see telemetry.h. */
#include "daemon/telemetry.h"

#include "core/json_writer.h"
#include "daemon/why.h"
#include "net/http_origin.h"
#include "net/http_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BODY_MAX_BYTES  4096u                     /* of a request: nobody sends one here */
#define PAGE_MAX_BYTES  ((size_t)4 * 1024 * 1024) /* of the metrics page */
#define STOP_TIMEOUT_MS 200u
#define WHY_MAX_BYTES   ((size_t)64 * 1024 * 1024) /* of an answer: all refusals that may be kept */
#define WHY_PATH        "/why"

struct ray_telemetry {
    struct ray_telemetry_environment environment;
    const struct ray_health_options *health_options;
    struct ray_http_server *health, *metrics;
    struct ray_address health_address, metrics_address;
};

/* --- health --- */

/* Go's time format of the collector's own answer: 2026-11-24T16:00:00.000000000Z */
static void write_time(struct ray_json_writer *w, uint64_t unix_ns)
{
    time_t seconds = (time_t)(unix_ns / RAY_NS_PER_S);
    struct tm utc;
    char text[64];
    gmtime_r(&seconds, &utc);
    size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof(text) - len, ".%09uZ", (unsigned)(unix_ns % RAY_NS_PER_S));
    ray_json_string(w, ray_str_from(text));
}

/* Answers as the collector's health_check extension does: status, upSince, uptime. */
static void write_health(const struct ray_health_state *state, bool healthy, const char *why,
                         struct ray_buf *out)
{
    struct ray_json_writer w;
    uint64_t now = ray_clock_unix_ns(state->clock);
    uint64_t up_ns = now > state->started_unix_ns ? now - state->started_unix_ns : 0;
    char uptime[48];
    snprintf(uptime, sizeof(uptime), "%.9gs", (double)up_ns / 1e9);
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    RAY_JSON_KEY(&w, "status");
    ray_json_string(&w, healthy ? RAY_STR("Server available") : RAY_STR("Server not available"));
    RAY_JSON_KEY(&w, "upSince");
    write_time(&w, state->started_unix_ns);
    RAY_JSON_KEY(&w, "uptime");
    ray_json_string(&w, ray_str_from(uptime));
    if (!healthy) {
        RAY_JSON_KEY(&w, "reason");
        ray_json_string(&w, ray_str_from(why));
    }
    ray_json_object_end(&w);
}

static bool is_ready(const struct ray_health_state *state, char why[256])
{
    switch ((enum ray_phase)atomic_load(&state->phase)) {
    case RAY_PHASE_STARTING:
        snprintf(why, 256, "starting");
        return false;
    case RAY_PHASE_STOPPING:
        snprintf(why, 256, "shutting down");
        return false;
    case RAY_PHASE_RUNNING:
        break;
    }
    return ray_graph_ready(state->graph, why);
}

/* The collector's path keeps serving while an exporter lacks something: it says 503 only outside
 * RUNNING, as the collector does; /readyz is stricter. */
static bool is_available(const struct ray_health_state *state, char why[256])
{
    if (atomic_load(&state->phase) == RAY_PHASE_RUNNING) {
        return true;
    }
    return is_ready(state, why);
}

static void reply_json(struct ray_http_exchange *exchange, unsigned status, struct ray_str body)
{
    static const struct ray_http_reply_header json[] = {{"Content-Type", "application/json"}};
    ray_http_reply(exchange, status, json, 1, body, false);
}

static void reply_text(struct ray_http_exchange *exchange, unsigned status, struct ray_str body)
{
    static const struct ray_http_reply_header text[] = {
        {"Content-Type", "text/plain; charset=utf-8"}};
    ray_http_reply(exchange, status, text, 1, body, false);
}

static bool is_read(const struct ray_http_exchange *exchange)
{
    struct ray_str method = ray_http_method(exchange);
    return ray_str_eq(method, RAY_STR("GET")) || ray_str_eq(method, RAY_STR("HEAD"));
}

static void reply_health(const struct ray_telemetry *telemetry, struct ray_http_exchange *exchange,
                         bool healthy, const char *why)
{
    const struct ray_health_options *options = telemetry->health_options;
    struct ray_str fixed =
        healthy ? options->response_body.healthy : options->response_body.unhealthy;
    if (fixed.len > 0) {
        reply_text(exchange, healthy ? 200 : 503, fixed);
        return;
    }
    struct ray_buf body;
    ray_buf_init(&body, BODY_MAX_BYTES);
    write_health(telemetry->environment.health, healthy, why, &body);
    reply_json(exchange, healthy ? 200 : 503, ray_buf_str(&body));
    ray_buf_clear(&body);
}

static void serve_health(void *context, struct ray_http_exchange *exchange)
{
    const struct ray_telemetry *telemetry = context;
    const struct ray_health_state *state = telemetry->environment.health;
    struct ray_str path = ray_http_path(exchange);
    char why[256] = "";
    if (!is_read(exchange)) {
        reply_text(exchange, 405, RAY_STR("only GET is served here\n"));
    } else if (ray_str_eq(path, RAY_STR("/livez"))) {
        reply_health(telemetry, exchange, true, why);
    } else if (ray_str_eq(path, RAY_STR("/readyz"))) {
        bool ready = is_ready(state, why);
        reply_health(telemetry, exchange, ready, why);
    } else if (ray_str_eq(path, telemetry->health_options->path)) {
        bool available = is_available(state, why);
        reply_health(telemetry, exchange, available, why);
    } else {
        reply_text(exchange, 404, RAY_STR("health is served at /, /livez and /readyz\n"));
    }
}

/* --- metrics --- */

static const struct ray_metric_family cpu_family = {
    "otelcol_process_cpu_seconds", RAY_COUNTER,
    "User and system CPU time of this process, in whole seconds."};
static const struct ray_metric_family memory_family = {
    "otelcol_process_memory_rss", RAY_GAUGE, "Resident memory of this process, in bytes."};
static const struct ray_metric_family uptime_family = {"otelcol_process_uptime", RAY_COUNTER,
                                                       "Seconds since this process started."};

static int64_t read_cpu_seconds(void *context)
{
    struct rusage usage;
    (void)context;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000000;
}

/* Second field of /proc/self/statm, in pages (proc(5)). */
static int64_t read_memory_bytes(void *context)
{
    char line[128] = "";
    struct ray_str field, rest;
    uint64_t pages = 0;
    (void)context;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    bool good = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    rest = ray_str_from(line);
    good = good && ray_str_split(&rest, ' ', &field) && ray_str_split(&rest, ' ', &field) &&
           ray_str_to_u64(field, &pages) == RAY_OK;
    return good ? (int64_t)pages * sysconf(_SC_PAGESIZE) : 0;
}

static int64_t read_uptime_seconds(void *context)
{
    const struct ray_health_state *state = context;
    return (int64_t)((ray_clock_unix_ns(state->clock) - state->started_unix_ns) / RAY_NS_PER_S);
}

/* While starting and stopping there is nothing to say of exporters. */
static enum ray_status find_exporters(const struct ray_health_state *state, struct ray_arena *arena,
                                      struct ray_why_sources *sources)
{
    struct ray_graph_exporter *exporters = NULL;
    if (atomic_load(&state->phase) != RAY_PHASE_RUNNING) {
        return RAY_OK;
    }
    enum ray_status status =
        ray_graph_exporters(state->graph, arena, &exporters, &sources->exporter_count);
    sources->exporters = exporters;
    return status;
}

/* `id` NULL: the refused documents. */
static void reply_why(const struct ray_telemetry *telemetry, struct ray_http_exchange *exchange,
                      const struct ray_trace_id *id)
{
    const struct ray_telemetry_environment *environment = &telemetry->environment;
    struct ray_why_sources sources = {.history = environment->history,
                                      .metrics = environment->metrics,
                                      .now_unix_s =
                                          ray_clock_unix_ns(environment->clock) / RAY_NS_PER_S};
    struct ray_arena *arena = ray_arena_new(WHY_MAX_BYTES);
    struct ray_buf body;
    ray_buf_init(&body, WHY_MAX_BYTES);
    enum ray_status status =
        arena != NULL ? find_exporters(environment->health, arena, &sources) : RAY_NOMEM;
    if (status == RAY_OK) {
        status = id != NULL ? ray_why_write(&sources, id, arena, &body)
                            : ray_why_write_refusals(&sources, arena, &body);
    }
    if (status == RAY_OK) {
        reply_json(exchange, 200, ray_buf_str(&body));
    } else {
        reply_json(exchange, 503, RAY_STR("{\"error\":\"out of memory\"}"));
    }
    ray_buf_clear(&body);
    ray_arena_free(arena);
}

static void serve_control(void *context, struct ray_http_exchange *exchange)
{
    const struct ray_telemetry *telemetry = context;
    struct ray_str rest = ray_str_from_pos(ray_http_path(exchange), sizeof(WHY_PATH) - 1);
    struct ray_trace_id id;
    if (rest.len == 0) {
        reply_why(telemetry, exchange, NULL);
    } else if (ray_trace_id_parse(ray_str_from_pos(rest, 1), &id) == RAY_OK) {
        reply_why(telemetry, exchange, &id);
    } else {
        reply_json(exchange, 400,
                   RAY_STR("{\"error\":\"not a trace id: 1-8-24 or 32 hexadecimal digits\"}"));
    }
}

struct ray_http_handler ray_telemetry_control(struct ray_telemetry *telemetry)
{
    return (struct ray_http_handler){.context = telemetry, .request = serve_control};
}

/* Trace ids and reasons are nothing for pages of other sites, unlike metrics. */
static void serve_why(struct ray_telemetry *telemetry, struct ray_http_exchange *exchange)
{
    if (ray_http_is_foreign(exchange, ray_address_is_loopback(&telemetry->metrics_address))) {
        reply_json(exchange, 403,
                   RAY_STR("{\"error\":\"requests by way of another site's pages or "
                           "names are not served\"}"));
    } else {
        serve_control(telemetry, exchange);
    }
}

static bool asks_why(struct ray_str path)
{
    return ray_str_eq(path, RAY_STR(WHY_PATH)) || ray_str_starts_with(path, RAY_STR(WHY_PATH "/"));
}

static void serve_metrics(void *context, struct ray_http_exchange *exchange)
{
    struct ray_telemetry *telemetry = context;
    if (!is_read(exchange)) {
        reply_text(exchange, 405, RAY_STR("only GET is served here\n"));
        return;
    }
    if (asks_why(ray_http_path(exchange))) {
        serve_why(telemetry, exchange);
        return;
    }
    if (!ray_str_eq(ray_http_path(exchange), RAY_STR("/metrics"))) {
        reply_text(exchange, 404, RAY_STR("metrics are served at /metrics\n"));
        return;
    }
    static const struct ray_http_reply_header prometheus[] = {
        {"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
    struct ray_buf page;
    ray_buf_init(&page, PAGE_MAX_BYTES);
    ray_metrics_write(telemetry->environment.metrics, &page);
    ray_http_reply(exchange, page.failed ? 500 : 200, prometheus, 1, ray_buf_str(&page), false);
    ray_buf_clear(&page);
}

/* --- both --- */

static enum ray_status add_process_metrics(struct ray_telemetry *telemetry)
{
    struct ray_metrics *metrics = telemetry->environment.metrics;
    enum ray_status status =
        ray_metrics_gauge_fn(metrics, &cpu_family, "", read_cpu_seconds, telemetry);
    status = ray_status_worst(
        status, ray_metrics_gauge_fn(metrics, &memory_family, "", read_memory_bytes, telemetry));
    return ray_status_worst(status,
                            ray_metrics_gauge_fn(metrics, &uptime_family, "", read_uptime_seconds,
                                                 telemetry->environment.health));
}

struct ray_telemetry *ray_telemetry_new(const struct ray_telemetry_environment *environment)
{
    struct ray_telemetry *telemetry = calloc(1, sizeof(*telemetry));
    if (telemetry == NULL) {
        return NULL;
    }
    telemetry->environment = *environment;
    if (add_process_metrics(telemetry) != RAY_OK) {
        ray_telemetry_free(telemetry);
        return NULL;
    }
    return telemetry;
}

static enum ray_status start_server(struct ray_telemetry *telemetry, const char *thread_name,
                                    void (*serve)(void *, struct ray_http_exchange *),
                                    struct ray_str text, struct ray_address *address,
                                    struct ray_http_server **out, struct ray_net_error *error)
{
    enum ray_status status = ray_address_resolve(text, address, error);
    if (status != RAY_OK) {
        return status;
    }
    struct ray_http_server_options options = {
        .thread_name = thread_name,
        .handler = {.context = telemetry, .request = serve},
        .max_body_bytes = BODY_MAX_BYTES,
        .log = telemetry->environment.log,
        .clock = telemetry->environment.clock,
    };
    return ray_http_server_start(&options, address, out, error);
}

enum ray_status ray_telemetry_start_health(struct ray_telemetry *telemetry,
                                           const struct ray_health_options *options,
                                           struct ray_net_error *error)
{
    telemetry->health_options = options;
    return start_server(telemetry, "health", serve_health, options->endpoint,
                        &telemetry->health_address, &telemetry->health, error);
}

enum ray_status ray_telemetry_start_metrics(struct ray_telemetry *telemetry, struct ray_str address,
                                            struct ray_net_error *error)
{
    return start_server(telemetry, "metrics", serve_metrics, address, &telemetry->metrics_address,
                        &telemetry->metrics, error);
}

/* The address as resolved, with the port that the system gave. */
static void append_server(struct ray_buf *out, const char *name,
                          const struct ray_http_server *server, const struct ray_address *address)
{
    if (server == NULL) {
        return;
    }
    char text[RAY_ADDRESS_TEXT_BYTES];
    ray_address_text((const struct sockaddr *)&address->storage, text);
    struct ray_str host = ray_str_from(text);
    host = ray_str_until(host, ray_str_find_last_byte(host, ':'));
    ray_buf_printf(out, " %s=%.*s:%u", name, RAY_STR_ARG(host), ray_http_server_port(server));
}

void ray_telemetry_addresses(const struct ray_telemetry *telemetry, struct ray_buf *out)
{
    append_server(out, "health", telemetry->health, &telemetry->health_address);
    append_server(out, "metrics", telemetry->metrics, &telemetry->metrics_address);
}

static void stop_server(struct ray_http_server *server)
{
    if (server != NULL) {
        ray_http_server_quiesce(server);
        ray_http_server_stop(server, STOP_TIMEOUT_MS);
    }
}

void ray_telemetry_free(struct ray_telemetry *telemetry)
{
    if (telemetry == NULL) {
        return;
    }
    stop_server(telemetry->health);
    stop_server(telemetry->metrics);
    ray_metrics_forget(telemetry->environment.metrics, telemetry);
    ray_metrics_forget(telemetry->environment.metrics, telemetry->environment.health);
    free(telemetry);
}
