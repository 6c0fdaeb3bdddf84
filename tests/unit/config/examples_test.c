/* Do the files that we hand out load, without a warning? */
#include "tests/unit/config/config_check.h"

static void load_example(struct bench *b, const char *name, struct ray_config *config)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/../config/examples/%s", RAY_TEST_DATA, name);
    const char *locations[] = {path};
    struct ray_config_source source = {.locations = locations, .location_count = 1};
    memset(config, 0, sizeof(*config));
    enum ray_status status = ray_config_load(&source, b->arena, &b->problems, config);
    check_case(name, ray_buf_str(&b->problems.text), "");
    check_case(name, ray_buf_str(&b->problems.warning_text), "");
    CHECK_OK(status);
    assert_int_equal(config->pipeline_count, 1);
    CHECK_STR(config->pipelines[0].receivers[0].id, "otlp");
    CHECK_STR(config->extensions[0].id, "health_check");
}

static void test_local(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct ray_config config;
    load_example(&b, "local.yaml", &config);
    check_tree("local.yaml", config.root,
               "receivers:\n"
               "  otlp:\n"
               "    protocols:\n"
               "      grpc:\n"
               "        endpoint: 127.0.0.1:4317\n"
               "      http:\n"
               "        endpoint: 127.0.0.1:4318\n"
               "exporters:\n"
               "  local:\n"
               "    endpoint: 127.0.0.1:2001\n"
               "    index_all_attributes: true\n"
               "    preserve: all\n"
               "    sending_queue:\n"
               "      storage: file_storage\n"
               "extensions:\n"
               "  health_check:\n"
               "    endpoint: 127.0.0.1:13133\n"
               "  file_storage:\n"
               "    directory: \"\"\n"
               "    create_directory: true\n"
               "service:\n"
               "  extensions:\n"
               "    - health_check\n"
               "    - file_storage\n"
               "  pipelines:\n"
               "    traces:\n"
               "      receivers:\n"
               "        - otlp\n"
               "      exporters:\n"
               "        - local\n");
    bench_close(&b);
}

static void test_collector(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct ray_config config;
    load_example(&b, "collector.yaml", &config);
    CHECK_STR(config.pipelines[0].exporters[0].id, "awsxray");
    assert_non_null(config.telemetry);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_collector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
