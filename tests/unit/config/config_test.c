/* Do several sources become one graph, and is every mistake in it named with its place? */
#include "tests/unit/config/config_check.h"

static enum ray_status load(struct bench *b, const char *const *locations, size_t location_count,
                            const char *const *sets, size_t set_count, struct ray_config *config)
{
    struct ray_config_source source = {.locations = locations,
                                       .location_count = location_count,
                                       .sets = sets,
                                       .set_count = set_count};
    memset(config, 0, sizeof(*config));
    return ray_config_load(&source, b->arena, &b->problems, config);
}

static enum ray_status load_text(struct bench *b, const char *text, struct ray_config *config)
{
    struct ray_config_source source = {.builtin_text = text, .builtin_name = "f.yaml"};
    memset(config, 0, sizeof(*config));
    return ray_config_load(&source, b->arena, &b->problems, config);
}

/* ---- mistakes ----------------------------------------------------------------------------- */

#define GOOD_PARTS                                                                                 \
    "receivers: {otlp: , otlp/two: }\n"                                                            \
    "processors: {batch: }\n"                                                                      \
    "exporters: {awsxray: , debug: }\n"                                                            \
    "extensions: {health_check: }\n"
/* Lines 1 to 4 are the parts, so the service begins on line 5. */

static const struct bad_case {
    const char *text, *problems;
} bad_cases[] = {
    {"", "f.yaml: the configuration is empty\n"},
    {"# nothing\n", "f.yaml: the configuration is empty\n"},
    {GOOD_PARTS, "f.yaml:1:1: service: missing; its pipelines say which components run\n"},
    {GOOD_PARTS "service:\n", "f.yaml:5:9: service.pipelines: at least one pipeline is needed\n"},
    {GOOD_PARTS "service: {pipeline: {}}\n",
     "f.yaml:5:11: service.pipeline: unknown key, did you mean 'pipelines'?\n"
     "f.yaml:5:10: service.pipelines: at least one pipeline is needed\n"},
    {GOOD_PARTS "service: {pipelines: {}}\n",
     "f.yaml:5:22: service.pipelines: at least one pipeline is needed\n"},
    {GOOD_PARTS "service: 5\n", "f.yaml:5:10: service: text stands where a map belongs\n"},
    {GOOD_PARTS "service: {pipelines: [traces]}\n",
     "f.yaml:5:22: service.pipelines: a list stands where a map belongs\n"},
    {GOOD_PARTS "recievers: {}\nservice: {pipelines: {traces: {receivers: [otlp], exporters: "
                "[debug]}}}\n",
     "f.yaml:5:1: recievers: unknown section, did you mean 'receivers'?\n"},
    {GOOD_PARTS "zzz: 1\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n",
     "f.yaml:5:1: zzz: unknown section; known: receivers, processors, exporters, extensions, "
     "connectors, service\n"},
    {GOOD_PARTS "service: {pipelines: {trace: {receivers: [otlp], exporters: [debug]}}}\n",
     "f.yaml:5:23: service.pipelines.trace: unknown signal 'trace', did you mean 'traces'?\n"},
    {GOOD_PARTS "service: {pipelines: {profiles/x: {receivers: [otlp], exporters: [debug]}}}\n",
     "f.yaml:5:23: service.pipelines.profiles/x: unknown signal 'profiles'; a pipeline is traces, "
     "metrics or logs, or one of them with /NAME\n"},
    {GOOD_PARTS "service: {pipelines: {traces/: {receivers: [otlp], exporters: [debug]}}}\n",
     "f.yaml:5:23: service.pipelines.traces/: the name behind '/' is empty or has blanks or "
     "symbols\n"},
    {GOOD_PARTS "service: {pipelines: {traces: {receivers: [otpl], exporters: [awsxry]}}}\n",
     "f.yaml:5:44: service.pipelines.traces.receivers: 'otpl' is not defined under receivers, did "
     "you mean 'otlp'?\n"
     "f.yaml:5:63: service.pipelines.traces.exporters: 'awsxry' is not defined under exporters, "
     "did you mean 'awsxray'?\n"},
    {GOOD_PARTS "service: {pipelines: {traces: {receivers: [zipkin], exporters: [debug]}}}\n",
     "f.yaml:5:44: service.pipelines.traces.receivers: 'zipkin' is not defined under receivers\n"},
    {GOOD_PARTS "service:\n  pipelines:\n    traces:\n      receivers: [otlp]\n",
     "f.yaml:7:5: service.pipelines.traces.exporters: at least one is needed\n"},
    {GOOD_PARTS "service:\n  pipelines:\n    traces:\n",
     "f.yaml:7:5: service.pipelines.traces.receivers: at least one is needed\n"
     "f.yaml:7:5: service.pipelines.traces.exporters: at least one is needed\n"},
    {GOOD_PARTS "service: {pipelines: {traces: {receivers: [], exporters: ~}}}\n",
     "f.yaml:5:23: service.pipelines.traces.receivers: at least one is needed\n"
     "f.yaml:5:23: service.pipelines.traces.exporters: at least one is needed\n"},
    {GOOD_PARTS "service: {pipelines: {traces: {receivers: otlp, exporters: [debug]}}}\n",
     "f.yaml:5:43: service.pipelines.traces.receivers: text stands where a list of ids belongs\n"},
    {GOOD_PARTS "service: {pipelines: {traces: {receivers: [{a: b}], exporters: [debug]}}}\n",
     "f.yaml:5:44: service.pipelines.traces.receivers: a map stands where an id belongs\n"},
    {GOOD_PARTS "service: {pipelines: {traces: {receivers: [otlp, otlp], exporters: [debug]}}}\n",
     "f.yaml:5:50: service.pipelines.traces.receivers: 'otlp' is listed twice\n"},
    {GOOD_PARTS
     "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug], procesors: []}}}\n",
     "f.yaml:5:71: service.pipelines.traces.procesors: unknown key, did you mean 'processors'?\n"},
    {GOOD_PARTS "service: {extensions: [healthcheck], pipelines: {traces: {receivers: [otlp], "
                "exporters: [debug]}}}\n",
     "f.yaml:5:24: service.extensions: 'healthcheck' is not defined under extensions, did you mean "
     "'health_check'?\n"},
    {"receivers: {1x: , otlp/: , a b: , 'otlp/a b': , otlp: }\nexporters: {debug: }\n"
     "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n",
     "f.yaml:1:13: receivers.1x: not an id: TYPE or TYPE/NAME, the type of letters, digits and "
     "'_', the name without blanks and symbols\n"
     "f.yaml:1:19: receivers.otlp/: not an id: TYPE or TYPE/NAME, the type of letters, digits and "
     "'_', the name without blanks and symbols\n"
     "f.yaml:1:28: receivers.a b: not an id: TYPE or TYPE/NAME, the type of letters, digits and "
     "'_', the name without blanks and symbols\n"
     "f.yaml:1:35: receivers.otlp/a b: not an id: TYPE or TYPE/NAME, the type of letters, digits "
     "and '_', the name without blanks and symbols\n"},
    {"receivers: [otlp]\nexporters: {debug: }\n"
     "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n",
     "f.yaml:1:12: receivers: a list stands where a map belongs\n"
     "f.yaml:3:44: service.pipelines.traces.receivers: 'otlp' is not defined under receivers\n"},
    {GOOD_PARTS "service: {pipelines: {traces: {receivers: ['${vault:x}'], exporters: [nope]}}}\n",
     "f.yaml:5:44: ${vault:x}: this is no name of a variable (letters, digits, _)\n"
     "f.yaml:5:44: service.pipelines.traces.receivers: nothing stands where an id belongs\n"
     "f.yaml:5:71: service.pipelines.traces.exporters: 'nope' is not defined under exporters\n"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        struct bench b;
        bench_open(&b);
        struct ray_config config;
        enum ray_status status = load_text(&b, bad_cases[i].text, &config);
        check_case(bad_cases[i].text, ray_buf_str(&b.problems.text), bad_cases[i].problems);
        assert_int_equal(status, RAY_INVALID);
        bench_close(&b);
    }
}

static void test_components_are_there_beside_a_broken_pipeline(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct ray_config config = {.root = NULL};
    assert_int_equal(
        load_text(&b, GOOD_PARTS "service: {pipelines: {traces: {receivers: [nope]}}}\n", &config),
        RAY_INVALID);
    assert_int_equal(config.component_count[RAY_SECTION_RECEIVER], 2);
    CHECK_STR(config.components[RAY_SECTION_RECEIVER][1].id, "otlp/two");
    bench_close(&b);
    bench_open(&b);
    config.root = NULL;
    assert_int_equal(load_text(&b, "a: [\n", &config), RAY_INVALID);
    assert_null(config.root); /* no tree: untouched */
    bench_close(&b);
}

static void test_many_mistakes_are_bounded(void **state)
{
    (void)state;
    struct ray_buf text;
    ray_buf_init(&text, 64u << 10);
    for (int i = 0; i < 70; i++) {
        ray_buf_printf(&text, "zzz%d: 1\n", i);
    }
    ray_buf_append_byte(&text, '\0');
    struct bench b;
    bench_open(&b);
    struct ray_config config;
    assert_int_equal(load_text(&b, text.data, &config), RAY_INVALID);
    assert_int_equal(b.problems.count, 71); /* and no service */
    assert_true(ray_str_ends_with(ray_buf_str(&b.problems.text), RAY_STR("\nand 21 more\n")));
    bench_close(&b);
    ray_buf_clear(&text);
}

/* ---- what a good file becomes ------------------------------------------------------------- */

static void test_adot_file(void **state)
{
    (void)state;
    struct ray_str text = check_read_file("unit/config/adot_ecs.yaml");
    struct bench b;
    bench_open(&b);
    struct ray_config config;
    enum ray_status status = load_text(&b, text.ptr, &config);
    check_case("adot", ray_buf_str(&b.problems.text), "");
    check_case("adot", ray_buf_str(&b.problems.warning_text), "");
    CHECK_OK(status);
    assert_int_equal(config.component_count[RAY_SECTION_RECEIVER], 3);
    assert_int_equal(config.component_count[RAY_SECTION_PROCESSOR], 2);
    assert_int_equal(config.component_count[RAY_SECTION_EXPORTER], 2);
    CHECK_STR(config.components[RAY_SECTION_PROCESSOR][0].id, "batch/traces");
    CHECK_STR(config.components[RAY_SECTION_PROCESSOR][0].type, "batch");
    assert_int_equal(config.components[RAY_SECTION_EXPORTER][0].options->kind, RAY_YAML_NULL);
    assert_int_equal(config.pipeline_count, 2);
    const struct ray_config_pipeline *traces = &config.pipelines[0];
    CHECK_STR(traces->id, "traces");
    CHECK_STR(traces->signal, "traces");
    assert_int_equal(traces->receiver_count, 2);
    assert_int_equal(traces->processor_count, 1);
    assert_int_equal(traces->exporter_count, 1);
    assert_ptr_equal(traces->receivers[1].component, &config.components[RAY_SECTION_RECEIVER][1]);
    assert_ptr_equal(traces->exporters[0].component, &config.components[RAY_SECTION_EXPORTER][0]);
    CHECK_STR(config.pipelines[1].signal, "metrics");
    assert_int_equal(config.extension_count, 1);
    CHECK_STR(config.extensions[0].component->type, "health_check");
    assert_null(config.telemetry);
    bench_close(&b);
    char *bytes = NULL;
    memcpy(&bytes, &text.ptr, sizeof(bytes)); /* check_read_file's, ours to free */
    free(bytes);
}

static void test_rest_of_service(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct ray_config config;
    CHECK_OK(load_text(&b,
                       GOOD_PARTS "connectors: {forward: }\n"
                                  "service:\n"
                                  "  shutdown_timeout: 5s\n"
                                  "  telemetry: {metrics: {level: none}}\n"
                                  "  pipelines:\n"
                                  "    traces: {receivers: [otlp], exporters: [forward]}\n"
                                  "    traces/b: {receivers: [forward], exporters: [debug]}\n",
                       &config));
    assert_int_equal(config.telemetry->kind, RAY_YAML_MAP);
    check_tree("the caller's keys", config.service, "shutdown_timeout: 5s\n");
    CHECK_STR(config.pipelines[1].id, "traces/b");
    CHECK_STR(config.pipelines[1].signal, "traces");
    assert_ptr_equal(config.pipelines[0].exporters[0].component,
                     config.pipelines[1].receivers[0].component);
    CHECK_BUF(&b.problems.warning_text,
              "f.yaml:1:21: receivers.otlp/two: defined but not used by the service, so not "
              "started\n"
              "f.yaml:2:14: processors.batch: defined but not used by the service, so not started\n"
              "f.yaml:3:13: exporters.awsxray: defined but not used by the service, so not "
              "started\n"
              "f.yaml:4:14: extensions.health_check: defined but not used by the service, so not "
              "started\n");
    assert_string_equal(ray_section_name(RAY_SECTION_CONNECTOR), "connectors");
    bench_close(&b);
}

/* ---- merging ------------------------------------------------------------------------------ */

#define BASE                                                                                       \
    "yaml:{receivers: {otlp: {protocols: {grpc: }}}, exporters: {awsxray: {region: a, list: [1, "  \
    "2], num: 1}}, service: {pipelines: {traces: {receivers: [otlp], exporters: [awsxray]}}}}"

static const struct merge_case {
    const char *name;
    const char *locations[3];
    const char *sets[3];
    const char *exporters; /* the section, printed */
} merge_cases[] = {
    {"one", {BASE}, {NULL}, "awsxray:\n  region: a\n  list:\n    - 1\n    - 2\n  num: 1\n"},
    {"maps merge, lists and scalars replace",
     {BASE, "yaml:{exporters: {awsxray: {region: b, list: [3], more: x}, debug: {}}}"},
     {NULL},
     "awsxray:\n  region: b\n  list:\n    - 3\n  num: 1\n  more: x\ndebug: {}\n"},
    {"null over a map keeps an empty component",
     {BASE, "yaml:exporters::awsxray:"},
     {NULL},
     "awsxray:\n"},
    {"a map over null",
     {BASE, "yaml:exporters::awsxray:", "yaml:exporters::awsxray::region: c"},
     {NULL},
     "awsxray:\n  region: c\n"},
    {"an empty document changes nothing",
     {BASE, "yaml:", "yaml:{}"},
     {NULL},
     "awsxray:\n  region: a\n  list:\n    - 1\n    - 2\n  num: 1\n"},
    {"sets come last",
     {BASE, "yaml:exporters::awsxray::region: b"},
     {"exporters.awsxray.region=c", "exporters.awsxray.list=[]",
      "exporters.local/two.endpoint=x:1"},
     "awsxray:\n  region: c\n  list: []\n  num: 1\nlocal/two:\n  endpoint: x:1\n"},
    {"references are expanded after merging",
     {BASE, "yaml:exporters::awsxray: '${yaml:{region: d}}'"},
     {NULL},
     "awsxray:\n  region: d\n"},
};

static size_t count_strings(const char *const *strings, size_t most)
{
    size_t count = 0;
    while (count < most && strings[count] != NULL) {
        count++;
    }
    return count;
}

static void test_merging(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(merge_cases) / sizeof(merge_cases[0]); i++) {
        const struct merge_case *c = &merge_cases[i];
        struct bench b;
        bench_open(&b);
        struct ray_config config;
        enum ray_status status = load(&b, c->locations, count_strings(c->locations, 3), c->sets,
                                      count_strings(c->sets, 3), &config);
        check_case(c->name, ray_buf_str(&b.problems.text), "");
        CHECK_OK(status);
        check_tree(c->name, ray_yaml_get(config.root, RAY_STR("exporters")), c->exporters);
        bench_close(&b);
    }
}

static void test_sets_over_a_builtin(void **state)
{
    (void)state;
    static const char *const sets[] = {"exporters.debug.verbosity=basic"};
    struct ray_config_source source = {
        .builtin_text =
            GOOD_PARTS "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n",
        .builtin_name = "(local)",
        .sets = sets,
        .set_count = 1};
    struct bench b;
    bench_open(&b);
    struct ray_config config = {.root = NULL};
    CHECK_OK(ray_config_load(&source, b.arena, &b.problems, &config));
    const struct ray_config_component *debug = &config.components[RAY_SECTION_EXPORTER][1];
    CHECK_STR(ray_yaml_get(debug->options, RAY_STR("verbosity"))->text, "basic");
    assert_string_equal(debug->options->place.file, "(--set)");
    assert_string_equal(config.pipelines[0].place.file, "(local)");
    bench_close(&b);
}

/* Each broken source is named; the rest is not judged by halves. */
static void test_all_sources_are_read(void **state)
{
    (void)state;
    static const char *const locations[] = {"/nowhere.yaml", "yaml:a: [", "yaml:zzz: 1"};
    static const char *const sets[] = {"x"};
    struct bench b;
    bench_open(&b);
    struct ray_config config;
    assert_int_equal(load(&b, locations, 3, sets, 1, &config), RAY_IO);
    CHECK_BUF(&b.problems.text,
              "/nowhere.yaml: cannot be read: No such file or directory\n"
              "(yaml):2:1: did not find expected node content while parsing a flow node\n"
              "(--set):1:1: 'x': expected key.key=value\n");
    bench_close(&b);
    bench_open(&b);
    assert_int_equal(load(&b, NULL, 0, NULL, 0, &config), RAY_INVALID);
    CHECK_BUF(&b.problems.text, "(nothing): the configuration is empty\n");
    bench_close(&b);
}

static void test_out_of_memory_is_said(void **state)
{
    (void)state;
    for (size_t quota = 1024; quota < 40960; quota += 1024) {
        struct ray_arena *arena = ray_arena_new(quota);
        struct ray_problems problems;
        ray_problems_init(&problems);
        struct ray_config_source source = {
            .builtin_text = GOOD_PARTS
            "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n",
            .builtin_name = "f.yaml"};
        struct ray_config config = {.root = NULL};
        enum ray_status status = ray_config_load(&source, arena, &problems, &config);
        assert_true(status == RAY_OK || status == RAY_NOMEM);
        if (status == RAY_NOMEM) {
            CHECK_BUF(&problems.text, "the configuration needs more memory than it may have\n");
        }
        ray_problems_clear(&problems);
        ray_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_components_are_there_beside_a_broken_pipeline),
        cmocka_unit_test(test_many_mistakes_are_bounded),
        cmocka_unit_test(test_adot_file),
        cmocka_unit_test(test_rest_of_service),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_sets_over_a_builtin),
        cmocka_unit_test(test_all_sources_are_read),
        cmocka_unit_test(test_out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
