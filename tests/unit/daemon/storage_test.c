/* storage: are the keys of a durable queue read, refused and put together as they should be?
 * Nothing is made on the disk before a start. */
#include "daemon/pipeline_queue.h"

#include "tests/unit/check.h"

#include <sys/stat.h>
#include <unistd.h>

struct bench {
    struct ray_arena *arena;
    struct ray_problems problems;
    struct ray_config config;
    struct ray_component_set components;
    struct ray_queue_options queue;
};

/* Reads the configuration, and puts together the queue of its first pipeline. */
static enum ray_status load(struct bench *bench, const char *text)
{
    bench->arena = ray_arena_new(8u << 20);
    ray_problems_init(&bench->problems);
    struct ray_config_source source = {.builtin_text = text, .builtin_name = "c"};
    CHECK_OK(ray_config_load(&source, bench->arena, &bench->problems, &bench->config));
    enum ray_status status =
        ray_component_set_read(&bench->components, &bench->config, bench->arena, &bench->problems);
    struct ray_pipeline_queue asked = {0};
    const struct ray_config_pipeline *pipeline = &bench->config.pipelines[0];
    for (size_t i = 0; status == RAY_OK && i < pipeline->exporter_count; i++) {
        const struct ray_config_component *component = pipeline->exporters[i].component;
        const struct ray_component *read = ray_component_set_use(
            &bench->components, RAY_SECTION_EXPORTER, component, &bench->problems);
        status = ray_pipeline_queue_ask(&asked, &bench->components, component,
                                        read->kind->exporter->queue_keys(read->options),
                                        &bench->problems);
    }
    if (status == RAY_OK) {
        status = ray_pipeline_queue_options(&asked, pipeline->id, 1u << 30, NULL, &ray_clock_system,
                                            bench->arena, &bench->problems, &bench->queue);
    }
    return status;
}

static void unload(struct bench *bench)
{
    ray_problems_clear(&bench->problems);
    ray_arena_free(bench->arena);
}

#define PIPELINE                                                                                   \
    "receivers: {otlp: {protocols: {http: {}}}}\n"                                                 \
    "service: {extensions: [file_storage], pipelines: {traces/eu.1: {receivers: [otlp], "          \
    "exporters: [awsxray, awsxray/2]}}}\n"
#define STORAGE "extensions: {file_storage: {directory: /tmp, fsync: true, max_size: 100MiB}}\n"

static void a_durable_queue_is_put_together(void **state)
{
    (void)state;
    struct bench bench;
    CHECK_OK(
        load(&bench, PIPELINE STORAGE
             "exporters: {awsxray: {sending_queue: {storage: file_storage}}, awsxray/2: {}}\n"));
    assert_non_null(bench.queue.log);
    assert_string_equal(bench.queue.log->folder, "/tmp/traces%2feu%2e1");
    assert_int_equal(bench.queue.log->fsync, RAY_FSYNC_ALWAYS);
    assert_int_equal(bench.queue.max_bytes, 100 << 20);
    assert_true(bench.queue.log->min_free_share == 0.05);
    assert_int_equal(access("/tmp/traces%2feu%2e1", F_OK), -1); /* nothing is made yet */
    unload(&bench);
}

static void the_largest_size_holds(void **state)
{
    (void)state;
    static const struct {
        const char *exporters;
        uint64_t bytes, documents, requests;
    } cases[] = {
        {"{awsxray: {}, awsxray/2: {}}", 64 << 20, 0, 0},
        {"{awsxray: {sending_queue: {queue_size: 1MiB}}, awsxray/2: {sending_queue: {queue_size: "
         "2MiB}}}",
         2 << 20, 0, 0},
        {"{awsxray: {sending_queue: {queue_size: 100, sizer: items}}, awsxray/2: {sending_queue: "
         "{queue_size: 50, sizer: items}}}",
         64 << 20, 100, 0},
        {"{awsxray: {sending_queue: {queue_size: 7, sizer: requests}}, awsxray/2: {sending_queue: "
         "{queue_size: 9, sizer: requests}}}",
         64 << 20, 0, 9},
        {"{awsxray: {sending_queue: {queue_size: 7, sizer: requests}}, awsxray/2: {}}", 64 << 20, 0,
         0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        char text[1024];
        snprintf(text, sizeof(text), PIPELINE STORAGE "exporters: %s\n", cases[i].exporters);
        CHECK_OK(load(&bench, text));
        assert_null(bench.queue.log);
        assert_int_equal(bench.queue.max_bytes, cases[i].bytes);
        assert_int_equal(bench.queue.max_documents, cases[i].documents);
        assert_int_equal(bench.queue.max_requests, cases[i].requests);
        unload(&bench);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {PIPELINE "extensions: {file_storage: {directory: /no/such}}\n"
                  "exporters: {awsxray: {sending_queue: {storage: file_storage}}, awsxray/2: {}}\n",
         "extensions.file_storage.directory: /no/such: No such file"},
        {PIPELINE "extensions: {file_storage: {directory: /tmp, min_free: 120%}}\n"
                  "exporters: {awsxray: {}, awsxray/2: {}}\n",
         "min_free: '120%'"},
        {PIPELINE "extensions: {file_storage: {directory: /tmp, fsync: sometimes}}\n"
                  "exporters: {awsxray: {}, awsxray/2: {}}\n",
         "fsync"},
        {PIPELINE STORAGE
         "exporters: {awsxray: {sending_queue: {storage: redis}}, awsxray/2: {}}\n",
         "exporters.awsxray.sending_queue.storage: 'redis' is not among the extensions"},
        {"receivers: {otlp: {protocols: {http: {}}}}\n"
         "service: {pipelines: {traces: {receivers: [otlp], exporters: [awsxray]}}}\n" STORAGE
         "exporters: {awsxray: {sending_queue: {storage: file_storage}}}\n",
         "'file_storage' is not in service.extensions"},
        {"receivers: {otlp: {protocols: {http: {}}}}\n"
         "service: {extensions: [health_check], pipelines: {traces: {receivers: [otlp], exporters: "
         "[awsxray]}}}\nextensions: {health_check: {}}\n"
         "exporters: {awsxray: {sending_queue: {storage: health_check}}}\n",
         "'health_check' is no storage"},
        {"receivers: {otlp: {protocols: {http: {}}}}\n"
         "service: {extensions: [file_storage, file_storage/b], pipelines: {traces: {receivers: "
         "[otlp], exporters: [awsxray, awsxray/2]}}}\n"
         "extensions: {file_storage: {directory: /tmp}, file_storage/b: {directory: /tmp}}\n"
         "exporters: {awsxray: {sending_queue: {storage: file_storage}}, awsxray/2: "
         "{sending_queue: {storage: file_storage/b}}}\n",
         "exporters.awsxray/2.sending_queue.storage: 'file_storage/b' is another one"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;
        assert_int_equal(load(&bench, cases[i].text), RAY_INVALID);
        struct ray_str said = ray_buf_str(&bench.problems.text);
        if (ray_str_find(said, ray_str_from(cases[i].says)) == SIZE_MAX) {
            fail_msg("case %zu said: %.*s", i, RAY_STR_ARG(said));
        }
        unload(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_durable_queue_is_put_together),
        cmocka_unit_test(the_largest_size_holds),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
