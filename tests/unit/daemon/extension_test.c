/* Where does the metrics page go, for each way the collector's files say it? */
#include "daemon/extension.h"

#include "tests/unit/check.h"

static void metrics_address_of_each_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *address;
        uint32_t warnings;
    } cases[] = {
        {"", "localhost:8888", 0},
        {"metrics: {level: none}", "", 0},
        {"metrics: {level: detailed}", "localhost:8888", 0},
        {"metrics: {address: ':9999'}", ":9999", 0},
        {"metrics: {readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 9464}}}}]}",
         "0.0.0.0:9464", 0},
        {"metrics: {readers: [{pull: {exporter: {prometheus: {}}}}]}", "localhost:8888", 0},
        {"metrics: {readers: [{periodic: {exporter: {otlp: {}}}}]}", "localhost:8888", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_arena *arena = ray_arena_new(1u << 20);
        struct ray_problems problems;
        struct ray_yaml *node = NULL;
        struct ray_telemetry_options options;
        ray_problems_init(&problems);
        CHECK_OK(ray_yaml_parse(ray_str_from(cases[i].yaml), "t", arena, &problems, &node));
        CHECK_OK(ray_options_read(ray_telemetry_option_table, node, "service.telemetry", arena,
                                  &problems, &options));
        CHECK_STR(ray_telemetry_metrics_address(&options, arena, &problems), cases[i].address);
        assert_int_equal(problems.warnings, cases[i].warnings);
        ray_problems_clear(&problems);
        ray_arena_free(arena);
    }
}

static void batch_sizes_must_fit_each_other(void **state)
{
    (void)state;
    struct ray_problems problems;
    ray_problems_init(&problems);
    struct ray_batch_options options = {.send_batch_size = 100, .send_batch_max_size = 50};
    assert_int_equal(ray_batch_options_check(&options, NULL, "processors.batch", &problems),
                     RAY_INVALID);
    CHECK_BUF(&problems.text,
              "processors.batch.send_batch_max_size: 50 is below send_batch_size, 100\n");
    options.send_batch_max_size = 0; /* no maximum */
    CHECK_OK(ray_batch_options_check(&options, NULL, "processors.batch", &problems));
    ray_problems_clear(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_address_of_each_spelling),
        cmocka_unit_test(batch_sizes_must_fit_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
