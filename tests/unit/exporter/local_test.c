/* local exporter: is everything accepted stored, when the store cannot write for a while too, and
 * is everything counted? Are wrong settings named? */
#include "exporter/local.c"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/check.h"

struct fixture {
    char directory[64];
    struct ray_local_options options;
    struct ray_history *history;
    struct ray_exporter_environment environment;
    struct ray_local *exporter;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.directory = "/tmp/local_test.XXXXXX"};
    assert_non_null(mkdtemp(f->directory));
    f->options = (struct ray_local_options){
        .endpoint = RAY_STR("127.0.0.1:0"),
        .account_id = RAY_STR("000000000000"),
        .retention = {.max_age_ms = 3600000, .max_size_bytes = 1u << 30},
    };
    f->options.directory = ray_str_from(f->directory);
    struct ray_queue_options queue = {.max_bytes = 1u << 20, .max_linger_ms = 1};
    f->history = ray_history_new(
        &(struct ray_history_options){.traces = 1000, .refused = 4, .clock = &ray_clock_system});
    assert_non_null(f->history);
    f->environment = (struct ray_exporter_environment){
        .history = ray_history_column(f->history, "local"),
        .id = "local",
        .queue = ray_queue_new(&queue),
        .profile = 7,
        .metrics = ray_metrics_new(),
        .clock = &ray_clock_system,
    };
    f->exporter = ray_local_new(&f->options, &f->environment);
    assert_non_null(f->exporter);
}

static void start(struct fixture *f)
{
    struct ray_net_error error;
    if (ray_local_start(f->exporter, &error) != RAY_OK) {
        fail_msg("%s", error.text);
    }
}

static void end(struct fixture *f)
{
    char path[128];
    ray_local_free(f->exporter);
    ray_queue_free(f->environment.queue);
    ray_metrics_free(f->environment.metrics);
    ray_history_free(f->history);
    snprintf(path, sizeof(path), "%s/local.db", f->directory);
    unlink(path);
    snprintf(path, sizeof(path), "%s/local.db-wal", f->directory);
    unlink(path);
    snprintf(path, sizeof(path), "%s/local.db-shm", f->directory);
    unlink(path);
    assert_int_equal(rmdir(f->directory), 0);
}

static void on_taken(struct ray_ticket *ticket, enum ray_status status)
{
    (void)ticket;
    CHECK_OK(status);
}

static void write_document(struct ray_batch *batch, uint32_t number, const char *name)
{
    struct ray_trace_id id = {{0}};
    uint8_t span[8] = {1};
    char text_id[RAY_XRAY_TRACE_ID_CHARS];
    memcpy(id.bytes, &number, sizeof(number));
    ray_trace_id_write(&id, text_id);
    struct ray_buf *out = ray_batch_begin_document(batch);
    ray_buf_printf(out,
                   "{\"trace_id\":\"%.*s\",\"id\":\"0100000000000000\",\"name\":\"%s\","
                   "\"start_time\":1700000000,\"end_time\":1700000001}",
                   (int)sizeof(text_id), text_id, name);
    CHECK_OK(ray_batch_end_document(batch, &id, span, 0));
}

static struct ray_ticket ticket = {on_taken};

/* One batch of `count` documents numbered from `from`; the last of them has a bad name. */
static void push_aged(struct fixture *f, uint32_t from, uint32_t count, bool last_is_bad,
                      uint32_t age_ms)
{
    struct ray_batch *batch = ray_batch_new(1u << 20);
    ray_batch_begin_section(batch, 7);
    for (uint32_t i = 0; i < count; i++) {
        write_document(batch, from + i, last_is_bad && i == count - 1 ? "what?" : "web");
    }
    ray_batch_set_accepted(batch, ray_clock_unix_ns(&ray_clock_system) - age_ms * RAY_NS_PER_MS);
    ray_batch_seal(batch);
    ray_history_taken(&(struct ray_history_owed){f->environment.history, 7}, 1, batch);
    CHECK_OK(ray_queue_push(f->environment.queue, batch, 0, &ticket));
}

static void push(struct fixture *f, uint32_t from, uint32_t count, bool last_is_bad)
{
    push_aged(f, from, count, last_is_bad, 0);
}

static size_t count_stored(const struct fixture *f, uint32_t from, uint32_t count)
{
    size_t found = 0;
    struct ray_store *store;
    struct ray_store_error error;
    struct ray_store_options options = {f->directory, 0, 0, &ray_clock_system};
    CHECK_OK(ray_store_open(&options, &store, &error));
    for (uint32_t i = from; i < from + count; i++) {
        struct ray_arena *arena = ray_arena_new(1u << 20);
        struct ray_trace_id id = {{0}};
        struct ray_str *documents;
        size_t documents_count = 0;
        memcpy(id.bytes, &i, sizeof(i));
        CHECK_OK(ray_store_read(store, &id, arena, &documents, &documents_count, NULL));
        found += documents_count;
        ray_arena_free(arena);
    }
    ray_store_close(store);
    return found;
}

static void expect_metric(const struct fixture *f, const char *line)
{
    struct ray_buf page;
    ray_buf_init(&page, 1u << 20);
    ray_metrics_write(f->environment.metrics, &page);
    if (ray_str_find(ray_buf_str(&page), ray_str_from(line)) == SIZE_MAX) {
        fail_msg("no %s in\n%.*s", line, RAY_STR_ARG(ray_buf_str(&page)));
    }
    ray_buf_clear(&page);
}

/* Of the trace of document `number`: "waiting delivered dropped reason". */
static void expect_fate(struct fixture *f, uint32_t number, const char *want)
{
    struct ray_arena *arena = ray_arena_new(1u << 20);
    struct ray_trace_id id = {{0}};
    struct ray_history_answer answer;
    memcpy(id.bytes, &number, sizeof(number));
    CHECK_OK(ray_history_find(f->history, &id, arena, &answer));
    assert_int_equal(answer.fate_count, 1);
    const struct ray_history_fate *fate = &answer.fates[0];
    CHECK_STR(ray_arena_printf(arena, "%u %u %u %s", fate->waiting, fate->delivered, fate->dropped,
                               fate->reason),
              want);
    ray_arena_free(arena);
}

static void test_drains(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    start(&f);
    for (uint32_t i = 0; i < 20; i++) {
        push(&f, 1 + i * 10, 10, i == 19);
    }
    ray_queue_close(f.environment.queue);
    assert_int_equal(ray_local_stop(f.exporter, 10000), 0);
    assert_int_equal(count_stored(&f, 1, 200), 199);
    expect_metric(&f, "spanbridge_exporter_taken_documents{exporter=\"local\"} 200");
    expect_metric(&f, "spanbridge_exporter_delivered_documents{exporter=\"local\"} 199");
    expect_metric(&f, "reason=\"InvalidName\"} 1");
    expect_fate(&f, 17, "0 1 0 ");
    expect_fate(&f, 200, "0 0 1 InvalidName");
    end(&f);
}

/* Documents that waited for too long are dropped, their neighbours are stored. */
static void test_max_age(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.exporter->environment.max_age_ms = 3600000;
    start(&f);
    push_aged(&f, 1, 10, false, 3601000);
    push_aged(&f, 11, 10, false, 3500000);
    push_aged(&f, 21, 10, false, 3700000);
    ray_queue_close(f.environment.queue);
    assert_int_equal(ray_local_stop(f.exporter, 10000), 0);
    assert_int_equal(count_stored(&f, 1, 30), 10);
    expect_metric(&f, "spanbridge_exporter_taken_documents{exporter=\"local\"} 30");
    expect_metric(&f, "spanbridge_exporter_delivered_documents{exporter=\"local\"} 10");
    expect_metric(&f, "reason=\"max_age\"} 20");
    assert_int_equal(ray_queue_used_bytes(f.environment.queue), 0);
    expect_fate(&f, 10, "0 0 1 max_age");
    expect_fate(&f, 11, "0 1 0 ");
    end(&f);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* No write gets through for a while: nothing is lost, and it goes on by itself. */
static void test_store_cannot_write(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    start(&f);
    limit_files(1);
    push(&f, 1, 10, false);
    uint64_t newest = ray_queue_end(f.environment.queue);
    usleep(150000); /* at least one attempt fails */
    char why[200] = "";
    assert_false(is_stored(f.exporter, newest));
    assert_false(ray_local_ready(f.exporter, why));
    assert_non_null(strstr(why, "the store cannot write"));
    limit_files(RLIM_INFINITY);
    for (int i = 0; i < 100 && !is_stored(f.exporter, newest); i++) {
        usleep(50000);
    }
    assert_true(is_stored(f.exporter, newest));
    assert_true(ray_local_ready(f.exporter, why));
    ray_queue_close(f.environment.queue);
    assert_int_equal(ray_local_stop(f.exporter, 10000), 0);
    assert_int_equal(count_stored(&f, 1, 10), 10);
    end(&f);
}

/* ... and never again: the stop ends by its deadline and says what it had to give up. */
static void test_gives_up_at_deadline(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    start(&f);
    limit_files(1);
    push(&f, 1, 10, false);
    ray_queue_close(f.environment.queue);
    uint64_t before = ray_clock_monotonic_ns(&ray_clock_system);
    assert_int_equal(ray_local_stop(f.exporter, 300), 10);
    limit_files(RLIM_INFINITY);
    assert_in_range((ray_clock_monotonic_ns(&ray_clock_system) - before) / RAY_NS_PER_MS, 0, 3000);
    expect_metric(&f, "reason=\"shutdown\"} 10");
    end(&f);
}

/* One that was dropped before its neighbours were given up is not given up, too. */
static void test_what_is_dropped_is_not_given_up_again(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    start(&f);
    limit_files(1);
    push(&f, 1, 10, true);
    ray_queue_close(f.environment.queue);
    assert_int_equal(ray_local_stop(f.exporter, 300), 9);
    limit_files(RLIM_INFINITY);
    expect_metric(&f, "reason=\"shutdown\"} 9");
    expect_metric(&f, "spanbridge_exporter_queued_documents{exporter=\"local\"} 0");
    end(&f);
}

static void expect_start_error(struct fixture *f, const char *part)
{
    struct ray_net_error error = {""};
    assert_int_equal(ray_local_start(f->exporter, &error), RAY_IO);
    if (strstr(error.text, part) == NULL) {
        fail_msg("%s", error.text);
    }
}

static void test_start_errors(void **state)
{
    (void)state;
    struct fixture f, g;
    char endpoint[40], path[128];
    begin(&f);
    start(&f);
    begin(&g);
    snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", ray_local_port(f.exporter));
    g.options.endpoint = ray_str_from(endpoint);
    expect_start_error(&g, "endpoint: ");
    end(&g);
    begin(&g);
    g.options.directory = RAY_STR("/dev/null/store");
    expect_start_error(&g, "directory: cannot create /dev/null/store: Not a directory");
    end(&g);
    begin(&g);
    snprintf(path, sizeof(path), "%s/local.db", g.directory);
    FILE *file = fopen(path, "w");
    fputs("something else entirely, and longer than a header of a database would be. ........",
          file);
    fputs("..................................................................................",
          file);
    fclose(file);
    expect_start_error(&g, "not a database");
    end(&g);
    ray_queue_close(f.environment.queue);
    assert_int_equal(ray_local_stop(f.exporter, 1000), 0);
    end(&f);
}

static const struct {
    const char *yaml;
    const char *problem; /* "": fine */
} settings[] = {
    {"", ""},
    {"{retention: {max_age: 2h, max_size: 10MiB}, access_keys: [{id: A, secret: B}]}", ""},
    {"{account_id: 12}", ":1:14: local.account_id: must be 12 digits"},
    {"{endpoint: nowhere}", "local.endpoint: "},
    {"{access_keys: }", "local.access_keys: is empty"},
    {"{access_keys: []}", "local.access_keys: is empty"},
    {"{access_keys: {id: A}}", "local.access_keys: must be a list"},
    {"{access_keys: [{id: A}]}", "local.access_keys[0]: needs both id and secret"},
    {"{access_keys: [{id: A, secert: B}]}", "secert: unknown key"},
    {"{retention: {max_age: 1s}}", "max_age"},
    {"{sending_queue: {on_full: drop_newest}}", "did you mean 'drop_oldest'"},
    {"{directroy: /x}", "did you mean 'directory'"},
};

static void test_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        struct ray_arena *arena = ray_arena_new(1u << 20);
        struct ray_problems problems;
        struct ray_yaml *node = NULL;
        struct ray_local_options options = {0};
        ray_problems_init(&problems);
        CHECK_OK(ray_yaml_parse(ray_str_from(settings[i].yaml), "test", arena, &problems, &node));
        if (ray_options_read(ray_local_option_table, node, "local", arena, &problems, &options) ==
            RAY_OK) {
            bool good = ray_local_check(&options, node, "local", &problems) == RAY_OK;
            assert_int_equal(good, problems.count == 0);
        }
        bool found = ray_str_find(ray_buf_str(&problems.text), ray_str_from(settings[i].problem)) !=
                     SIZE_MAX;
        if ((problems.count == 0) != (settings[i].problem[0] == '\0') ||
            (problems.count > 0 && !found)) {
            fail_msg("%s: %.*s", settings[i].yaml, RAY_STR_ARG(ray_buf_str(&problems.text)));
        }
        ray_problems_clear(&problems);
        ray_arena_free(arena);
    }
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN); /* a write past the limit fails instead */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drains),
        cmocka_unit_test(test_max_age),
        cmocka_unit_test(test_store_cannot_write),
        cmocka_unit_test(test_gives_up_at_deadline),
        cmocka_unit_test(test_what_is_dropped_is_not_given_up_again),
        cmocka_unit_test(test_start_errors),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
