/* Does the table find what a configuration names, and say what it meant when it does not? */
#include "daemon/component.h"

#include "tests/unit/check.h"

struct fixture {
    struct ray_arena *arena;
    struct ray_problems problems;
    struct ray_config config;
    struct ray_component_set set;
};

static const char text[] =
    "receivers:\n"
    "  otlp:\n"
    "    protocols:\n"
    "      grpc:\n"
    "        endpoint: 127.0.0.1:0\n"
    "exporters:\n"
    "  awsxrai: {}\n"
    "  kafka: {}\n"
    "  awsxray/second: {num_workers: 0}\n"
    "service:\n"
    "  pipelines:\n"
    "    traces: {receivers: [otlp], exporters: [awsxrai, kafka, awsxray/second]}\n";

static int load(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->arena = ray_arena_new(1u << 20);
    ray_problems_init(&f->problems);
    struct ray_config_source source = {.builtin_text = text, .builtin_name = "c.yaml"};
    CHECK_OK(ray_config_load(&source, f->arena, &f->problems, &f->config));
    *state = f;
    return 0;
}

static int unload(void **state)
{
    struct fixture *f = *state;
    ray_problems_clear(&f->problems);
    ray_arena_free(f->arena);
    free(f);
    return 0;
}

static const struct ray_component *use_exporter(struct fixture *f, size_t index)
{
    return ray_component_set_use(&f->set, RAY_SECTION_EXPORTER,
                                 &f->config.components[RAY_SECTION_EXPORTER][index], &f->problems);
}

static void options_of_all_are_checked_even_when_nobody_uses_them(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ray_component_set_read(&f->set, &f->config, f->arena, &f->problems),
                     RAY_INVALID);
    CHECK_BUF(&f->problems.text,
              "c.yaml:9:33: exporters.awsxray/second.num_workers: 0 is below 1\n");
    assert_null(use_exporter(f, 2));
    assert_int_equal(f->problems.count, 1); /* and told once */
}

static void types_that_are_not_served_are_told_when_used(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ray_component_set_read(&f->set, &f->config, f->arena, &f->problems),
                     RAY_INVALID);
    ray_buf_reset(&f->problems.text);
    assert_null(use_exporter(f, 0));
    assert_null(use_exporter(f, 1));
    CHECK_BUF(&f->problems.text,
              "c.yaml:7:3: exporters.awsxrai: unknown type, did you mean 'awsxray'?\n"
              "c.yaml:8:3: exporters.kafka: this type is not served here; served: awsxray, local, "
              "xray_daemon\n");
}

static void places_follow_the_keys_that_were_written(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct ray_str path;
        uint32_t line;
    } cases[] = {
        {RAY_STR_INIT("protocols.grpc.endpoint"), 5},
        {RAY_STR_INIT("protocols.grpc.keepalive.time"), 5}, /* not written: its section */
        {RAY_STR_INIT("nothing"), 2},
        {RAY_STR_INIT(""), 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_place place =
            ray_component_place(&f->config.components[RAY_SECTION_RECEIVER][0], cases[i].path);
        assert_string_equal(place.file, "c.yaml");
        assert_int_equal(place.line, cases[i].line);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(options_of_all_are_checked_even_when_nobody_uses_them),
        TEST(types_that_are_not_served_are_told_when_used),
        TEST(places_follow_the_keys_that_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
