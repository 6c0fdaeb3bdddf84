/* app: see app.h. */
#include "daemon/app.h"

#include "core/thread.h"
#include "daemon/component.h"
#include "daemon/extension.h"
#include "daemon/graph.h"
#include "daemon/telemetry.h"
#include "queue/history.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_ARENA_BYTES   ((size_t)64 * 1024 * 1024)
#define READY_LINE_MAX_BYTES 2048u
#define EFFECTIVE_MAX_BYTES  ((size_t)16 * 1024 * 1024)
/* Upload buffers of a few hundred KB come and go with every call: keep them on the heap instead of
 * mapping and unmapping each (measured: 81 us an upload without, 34 us with). */
#define MMAP_THRESHOLD_BYTES (1 << 20)
#define TRIM_THRESHOLD_BYTES (16 << 20)
/* What a burst leaves behind in the allocator's free lists goes back to the system, looked at this
 * often (measured: 200 requests of 2 MB at once left 180 MB resident for good, 30 MB with this). */
#define TRIM_EVERY_S    10
#define KEEP_FREE_BYTES ((size_t)32 << 20)

struct app {
    const struct ray_app_options *options;
    struct ray_arena *arena; /* of the configuration */
    struct ray_problems problems;
    struct ray_log *log;
    struct ray_metrics *metrics;
    struct ray_history *history;
    struct ray_config config;
    struct ray_component_set components;
    struct ray_service_options service;
    struct ray_telemetry_options telemetry_options;
    const struct ray_config_component *health_component; /* NULL: health is not served */
    struct ray_health_options *health_options;
    struct ray_str metrics_address; /* empty: metrics are not served */
    struct ray_graph *graph;
    struct ray_telemetry *telemetry;
    struct ray_http_handler control;
    struct ray_health_state health;
    struct ray_thread signal_thread;
};

/* --- loading --- */

static enum ray_status read_service(struct app *app)
{
    enum ray_status status = ray_options_read(ray_service_option_table, app->config.service,
                                              "service", app->arena, &app->problems, &app->service);
    status =
        ray_status_worst(status, ray_options_read(ray_telemetry_option_table, app->config.telemetry,
                                                  "service.telemetry", app->arena, &app->problems,
                                                  &app->telemetry_options));
    if (status == RAY_OK) {
        app->metrics_address =
            ray_telemetry_metrics_address(&app->telemetry_options, app->arena, &app->problems);
    }
    return status;
}

static enum ray_status read_extensions(struct app *app)
{
    enum ray_status status = RAY_OK;
    for (size_t i = 0; i < app->config.extension_count; i++) {
        const struct ray_config_component *component = app->config.extensions[i].component;
        const struct ray_component *read = ray_component_set_use(
            &app->components, RAY_SECTION_EXTENSION, component, &app->problems);
        if (read == NULL) {
            status = RAY_INVALID;
        } else if (read->kind->table != ray_health_option_table) {
            continue; /* a storage: whoever names it asks for it */
        } else if (app->health_component != NULL) {
            ray_problem(&app->problems, &component->place,
                        "service.extensions: health is served once; '%.*s' is a second one",
                        RAY_STR_ARG(component->id));
            status = RAY_INVALID;
        } else {
            app->health_component = component;
            app->health_options = read->options;
        }
    }
    return status;
}

static void apply_log_options(struct app *app)
{
    static const enum ray_log_level levels[] = {RAY_LOG_DEBUG, RAY_LOG_INFO,  RAY_LOG_WARN,
                                                RAY_LOG_ERROR, RAY_LOG_ERROR, RAY_LOG_ERROR,
                                                RAY_LOG_ERROR};
    ray_log_set(app->log, levels[app->telemetry_options.logs.level],
                app->telemetry_options.logs.encoding == 1 ? RAY_LOG_JSON : RAY_LOG_TEXT);
}

static struct ray_history *make_history(const struct ray_telemetry_options *options)
{
    struct ray_history_options history = {
        .traces = (size_t)options->ledger.traces,
        .refused = (size_t)options->ledger.refused,
        .clock = &ray_clock_system,
    };
    if (getrandom(&history.seed, sizeof(history.seed), 0) < 0) {
        history.seed = ray_clock_monotonic_ns(&ray_clock_system);
    }
    return ray_history_new(&history);
}

/* Goes on after a mistake as far as it makes sense, so that one run tells all of them. */
static enum ray_status load(struct app *app)
{
    enum ray_status status =
        ray_config_load(&app->options->source, app->arena, &app->problems, &app->config);
    if (app->config.root == NULL) {
        return status;
    }
    bool has_pipelines = status == RAY_OK;
    status = ray_status_worst(
        status, ray_component_set_read(&app->components, &app->config, app->arena, &app->problems));
    if (status == RAY_NOMEM) {
        return status;
    }
    status = ray_status_worst(status, read_service(app));
    status = ray_status_worst(status, read_extensions(app));
    if (status == RAY_OK) {
        app->history = make_history(&app->telemetry_options);
        status = app->history != NULL ? RAY_OK : RAY_NOMEM;
    }
    struct ray_graph_environment environment = {.metrics = app->metrics,
                                                .log = app->log,
                                                .clock = &ray_clock_system,
                                                .history = app->history,
                                                .control = &app->control};
    if (has_pipelines) {
        status = ray_status_worst(status, ray_graph_new(&app->components, app->arena, &environment,
                                                        &app->problems, &app->graph));
    }
    if (status == RAY_OK && app->options->strict && app->problems.warnings > 0) {
        status = RAY_INVALID;
    }
    return status;
}

static bool set_up(struct app *app, const struct ray_app_options *options)
{
    *app = (struct app){.options = options};
    ray_problems_init(&app->problems);
    app->arena = ray_arena_new(CONFIG_ARENA_BYTES);
    app->log = ray_log_new(STDERR_FILENO, RAY_LOG_INFO, RAY_LOG_TEXT, &ray_clock_system);
    app->metrics = ray_metrics_new();
    app->health.clock = &ray_clock_system;
    app->health.started_unix_ns = ray_clock_unix_ns(&ray_clock_system);
    return app->arena != NULL && app->log != NULL && app->metrics != NULL;
}

static void tear_down(struct app *app)
{
    ray_telemetry_free(app->telemetry); /* first: it asks the graph */
    ray_graph_free(app->graph);
    ray_history_free(app->history);
    ray_metrics_free(app->metrics);
    ray_problems_clear(&app->problems);
    ray_arena_free(app->arena);
    ray_log_free(app->log);
}

static void print_problems(const struct app *app, enum ray_status status)
{
    struct ray_str warnings = ray_buf_str(&app->problems.warning_text);
    struct ray_str errors = ray_buf_str(&app->problems.text);
    struct ray_str line;
    while (warnings.len > 0 && ray_str_split(&warnings, '\n', &line)) {
        fprintf(stderr, "%s: %.*s\n", app->options->strict ? "error" : "warning",
                RAY_STR_ARG(line));
    }
    while (errors.len > 0 && ray_str_split(&errors, '\n', &line)) {
        fprintf(stderr, "error: %.*s\n", RAY_STR_ARG(line));
    }
    if (status == RAY_NOMEM) {
        fprintf(stderr, "error: out of memory\n");
    }
}

enum ray_exit ray_app_validate(const struct ray_app_options *options, bool print_effective)
{
    struct app app;
    enum ray_exit exit_status = RAY_EXIT_FAILED;
    if (set_up(&app, options)) {
        enum ray_status status = load(&app);
        print_problems(&app, status);
        if (status == RAY_OK && print_effective) {
            struct ray_buf text;
            ray_buf_init(&text, EFFECTIVE_MAX_BYTES);
            ray_config_print(&app.config, &text);
            fwrite(text.data, 1, text.len, stdout);
            ray_buf_clear(&text);
        }
        exit_status = status == RAY_OK ? RAY_EXIT_GOOD : RAY_EXIT_FAILED;
    }
    tear_down(&app);
    return exit_status;
}

/* --- running --- */

static void signals_to_wait_for(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1); /* ends the signal thread */
}

/* From here on only wait_for_stop ends the process: not before the configuration was read, which
 * may wait for a pipe, and before any thread is started, since threads inherit it. */
static void block_signals(void)
{
    sigset_t set;
    signals_to_wait_for(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Limits and habits of a server process. */
static void prepare_process(struct ray_log *log)
{
    struct rlimit files;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is a full disk, not a reason to die */
    umask(077);
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
            ray_log_debug(log, "the limit of open files stays as it is", "");
        }
    }
}

static enum ray_status start_telemetry(struct app *app)
{
    struct ray_net_error error = {""};
    struct ray_telemetry_environment environment = {.health = &app->health,
                                                    .metrics = app->metrics,
                                                    .history = app->history,
                                                    .log = app->log,
                                                    .clock = &ray_clock_system};
    app->telemetry = ray_telemetry_new(&environment);
    if (app->telemetry == NULL) {
        return RAY_NOMEM;
    }
    app->control = ray_telemetry_control(app->telemetry);
    if (app->health_component != NULL &&
        ray_telemetry_start_health(app->telemetry, app->health_options, &error) != RAY_OK) {
        struct ray_place place = ray_component_place(app->health_component, RAY_STR("endpoint"));
        ray_problem(&app->problems, &place, "extensions.%.*s.endpoint: %s",
                    RAY_STR_ARG(app->health_component->id), error.text);
        return RAY_IO;
    }
    if (app->metrics_address.len > 0 &&
        ray_telemetry_start_metrics(app->telemetry, app->metrics_address, &error) != RAY_OK) {
        struct ray_place none = {.file = "(default)"};
        ray_problem(&app->problems, app->config.telemetry ? &app->config.telemetry->place : &none,
                    "service.telemetry.metrics: %s", error.text);
        return RAY_IO;
    }
    return RAY_OK;
}

static enum ray_status start(struct app *app)
{
    enum ray_status status = start_telemetry(app);
    if (status != RAY_OK) {
        return status;
    }
    status = ray_graph_start(app->graph, &app->problems);
    if (status != RAY_OK) {
        return status;
    }
    app->health.graph = app->graph;
    atomic_store(&app->health.phase, RAY_PHASE_RUNNING);
    return RAY_OK;
}

static void print_ready(const struct app *app)
{
    struct ray_buf line;
    ray_buf_init(&line, READY_LINE_MAX_BYTES);
    ray_buf_append(&line, RAY_STR("ready"));
    ray_graph_addresses(app->graph, &line);
    ray_telemetry_addresses(app->telemetry, &line);
    printf("%.*s\n", RAY_STR_ARG(ray_buf_str(&line)));
    fflush(stdout);
    ray_buf_clear(&line);
}

/* `free_bytes` is what was free after the last time: as long as it stays, nothing is there to do.
 */
static void give_back_memory(size_t *free_bytes)
{
    size_t now_free = mallinfo2().fordblks;
    if (now_free > KEEP_FREE_BYTES && now_free != *free_bytes) {
        malloc_trim(0);
        *free_bytes = mallinfo2().fordblks;
    }
}

/* Until the first SIGTERM or SIGINT. */
static void wait_for_stop(struct app *app)
{
    static const struct timespec patience = {.tv_sec = TRIM_EVERY_S};
    size_t free_bytes = 0;
    sigset_t set;
    signals_to_wait_for(&set);
    for (;;) {
        int signal_number = sigtimedwait(&set, NULL, &patience);
        if (signal_number < 0 || signal_number == SIGUSR1) {
            give_back_memory(&free_bytes);
            continue;
        }
        if (signal_number == SIGHUP) {
            ray_log_warn(app->log,
                         "SIGHUP has no effect yet; restart to load the configuration again", "");
            continue;
        }
        ray_log_info(app->log, "stopping", "signal=%d timeout_ms=%u", signal_number,
                     app->service.shutdown_timeout_ms);
        return;
    }
}

/* While main drains: a second signal ends the process at once, by the same rule of exit statuses.
 */
static void *watch_for_second_signal(void *argument)
{
    struct app *app = argument;
    sigset_t set;
    signals_to_wait_for(&set);
    for (;;) {
        int signal_number = 0;
        if (sigwait(&set, &signal_number) != 0 || signal_number == SIGHUP) {
            continue;
        }
        if (signal_number == SIGUSR1) {
            return NULL;
        }
        bool owes = ray_graph_owes(app->graph);
        ray_log_warn(app->log, "second signal: ending at once", "all_delivered=%s",
                     owes ? "no" : "yes");
        _exit(owes ? RAY_EXIT_GAVE_UP : RAY_EXIT_GOOD);
    }
}

static enum ray_exit stop(struct app *app)
{
    atomic_store(&app->health.phase, RAY_PHASE_STOPPING);
    if (ray_thread_start(&app->signal_thread, "signals", watch_for_second_signal, app) != RAY_OK) {
        ray_log_warn(app->log, "a second signal will not be noticed: no thread", "");
    }
    uint64_t given_up = ray_graph_stop(app->graph, app->service.shutdown_timeout_ms);
    if (app->signal_thread.started) {
        pthread_kill(app->signal_thread.id, SIGUSR1);
        ray_thread_join(&app->signal_thread);
    }
    if (given_up > 0) {
        ray_log_error(app->log, "stopped before everything was delivered",
                      "given_up_documents=%llu", (unsigned long long)given_up);
        return RAY_EXIT_GAVE_UP;
    }
    ray_log_info(app->log, "stopped", "");
    return RAY_EXIT_GOOD;
}

enum ray_exit ray_app_run(const struct ray_app_options *options)
{
    struct app app;
    enum ray_exit exit_status = RAY_EXIT_FAILED;
    if (!set_up(&app, options)) {
        goto out;
    }
    prepare_process(app.log);
    enum ray_status status = load(&app);
    if (status == RAY_OK) {
        apply_log_options(&app);
        block_signals();
        status = start(&app);
    }
    print_problems(&app, status);
    if (status == RAY_OK) {
        print_ready(&app);
        ray_log_info(app.log, "ready", "version=%s", SPANBRIDGE_VERSION);
        wait_for_stop(&app);
        exit_status = stop(&app);
    }
out:
    tear_down(&app);
    return exit_status;
}
