/* awsxray: is each key honoured, or refused or passed over by name with a reason? */
#include "../check.h"

#include "exporter/awsxray.h"

struct bench {
    struct ray_arena *arena;
    struct ray_problems problems;
    struct ray_awsxray_options options;
};

static enum ray_status load(struct bench *bench, const char *text)
{
    struct ray_yaml *node = NULL;
    bench->arena = ray_arena_new(1 << 20);
    ray_problems_init(&bench->problems);
    memset(&bench->options, 0, sizeof(bench->options));
    CHECK_OK(ray_yaml_parse(ray_str_from(text), "f.yaml", bench->arena, &bench->problems, &node));
    enum ray_status status = ray_options_read(ray_awsxray_option_table, node, "exporters.awsxray",
                                              bench->arena, &bench->problems, &bench->options);
    enum ray_status checked =
        ray_awsxray_check(&bench->options, node, "exporters.awsxray", &bench->problems);
    return ray_status_worst(status, checked);
}

static void unload(struct bench *bench)
{
    ray_problems_clear(&bench->problems);
    ray_arena_free(bench->arena);
}

static void test_defaults(void **state)
{
    (void)state;
    struct bench bench;
    CHECK_OK(load(&bench, ""));
    const struct ray_awsxray_options *o = &bench.options;
    assert_int_equal(o->num_workers, 32);
    assert_int_equal(o->request_timeout_seconds, 30);
    assert_int_equal(o->retry.initial_interval_ms, 200);
    assert_int_equal(o->retry.max_interval_ms, 5000);
    assert_int_equal(o->retry.max_elapsed_ms, 0);
    assert_true(o->retry.enabled && o->retry.multiplier == 2 && o->retry.randomization_factor == 1);
    assert_int_equal(o->queue.queue_size, 0); /* the pipeline decides */
    assert_int_equal(o->queue.max_age_ms, 720u * 3600 * 1000);
    assert_int_equal(o->documents.preserve, 0);
    unload(&bench);
}

static void test_all_keys(void **state)
{
    (void)state;
    struct bench bench;
    CHECK_OK(load(&bench, "region: eu-west-1\nendpoint: http://127.0.0.1:2001\nprofile: p\n"
                          "proxy_address: http://proxy:3128\nnum_workers: 4\n"
                          "request_timeout_seconds: 7\nmax_retries: 5\nno_verify_ssl: true\n"
                          "index_all_attributes: true\nindexed_attributes: [a, otel.resource.b]\n"
                          "aws_log_groups: [g]\npreserve: all\ntimeout: 3s\n"
                          "retry_on_failure: {enabled: true, initial_interval: 1s}\n"
                          "sending_queue: {enabled: true, queue_size: 128MiB, sizer: bytes, "
                          "num_consumers: 4, storage: file_storage/x, on_full: drop_oldest, "
                          "max_age: 1h}\n"
                          "local_mode: true\nresource_arn: x\ntelemetry: {enabled: true}\n"));
    struct ray_translate_options translate;
    ray_document_options_for_translate(&(&bench.options)->documents, &translate);
    CHECK_STR(bench.options.profile, "p");
    CHECK_STR(translate.indexed_attributes[1], "otel.resource.b");
    assert_int_equal(translate.indexed_attribute_count, 2);
    assert_int_equal(translate.aws_log_group_count, 1);
    assert_true(translate.index_all_attributes && translate.preserve_all);
    assert_int_equal(bench.options.timeout_ms, 3000);
    assert_int_equal(bench.options.queue.queue_size, 128 << 20);
    assert_int_equal(bench.options.queue.on_full, 1);
    assert_int_equal(bench.options.queue.max_age_ms, 3600 * 1000);
    CHECK_STR(bench.options.queue.storage, "file_storage/x");
    assert_int_equal(bench.problems.warnings, 5); /* max_retries, num_consumers, last three */
    unload(&bench);
}

static const struct {
    const char *text;
    const char *says;
} refused[] = {
    {"role_arn: arn:aws:iam::1:role/x", "role_arn"},
    {"external_id: x", "external_id"},
    {"sending_queue: {on_full: drop_newest}", "on_full"},
    {"sending_queue: {queue_size: 0}", "queue_size: 0 is below 1"},
    {"sending_queue: {wait_for_result: true, storage: file_storage}", "wait_for_result"},
    {"sending_queue: {block_on_overflow: true}", "block_on_overflow"},
    {"sending_queue: {queue_size: 1000}", "queue_size"},
    {"region: US-EAST-1", "f.yaml:1:9: exporters.awsxray.region: no AWS region"},
    {"endpoint: ftp://x", "it must start with http:// or https://"},
    {"proxy_address: proxy:3128", "proxy_address: it must start"},
    {"num_workers: 0", "num_workers"},
    {"regoin: x", "region"},
    {"annotation_budget: -1", "annotation_budget"},
    {"indexed_attributes: ['a ->']", "f.yaml:1:22: exporters.awsxray.indexed_attributes: 'a ->'"},
    {"indexed_attributes: ['a.* -> b']", "'a.* -> b' renames nothing"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct bench bench;
        assert_int_equal(load(&bench, refused[i].text), RAY_INVALID);
        struct ray_str text = ray_buf_str(&bench.problems.text);
        print_message("%.*s", RAY_STR_ARG(text));
        assert_int_equal(bench.problems.count, 1);
        assert_true(ray_str_find(text, ray_str_from(refused[i].says)) != SIZE_MAX);
        unload(&bench);
    }
}

static void test_patterns_and_renames_are_taken(void **state)
{
    (void)state;
    struct bench bench;
    struct ray_translate_options translate;
    CHECK_OK(load(&bench, "indexed_attributes: [a.b, app.*, 'c -> d']\nannotation_budget: 50\n"));
    assert_int_equal(bench.problems.warnings, 0);
    ray_document_options_for_translate(&bench.options.documents, &translate);
    assert_int_equal(translate.indexed_attribute_count, 3);
    assert_int_equal(translate.annotation_budget, 50);
    unload(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_keys),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_patterns_and_renames_are_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
