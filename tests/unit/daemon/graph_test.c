/* Does a configuration come to the graph it describes, and is everything wrong with it said at
 * once? */
#include "daemon/graph.h"

#include "tests/unit/check.h"

#define HEAD                                                                                       \
    "receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}\n"                          \
    "exporters: {awsxray: {}, awsxray/all: {index_all_attributes: true}, local: {}}\n"

/* Makes the graph and takes it apart again; the problems as text, errors before warnings. */
static enum ray_status make(const char *text, struct ray_buf *said)
{
    struct ray_arena *arena = ray_arena_new(8u << 20);
    struct ray_metrics *metrics = ray_metrics_new();
    struct ray_problems problems;
    struct ray_config config;
    struct ray_component_set components;
    struct ray_graph *graph = NULL;
    ray_problems_init(&problems);
    struct ray_config_source source = {.builtin_text = text, .builtin_name = "c"};
    struct ray_graph_environment environment = {.metrics = metrics, .clock = &ray_clock_system};
    CHECK_OK(ray_config_load(&source, arena, &problems, &config));
    CHECK_OK(ray_component_set_read(&components, &config, arena, &problems));
    enum ray_status status = ray_graph_new(&components, arena, &environment, &problems, &graph);
    ray_buf_append(said, ray_buf_str(&problems.text));
    ray_buf_append(said, ray_buf_str(&problems.warning_text));
    ray_graph_free(graph);
    ray_problems_clear(&problems);
    ray_metrics_free(metrics);
    ray_arena_free(arena);
    return status;
}

static void wiring_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ray_status status;
        const char *said; /* must occur */
    } cases[] = {
        {HEAD "service: {pipelines: {traces: {receivers: [otlp], exporters: [awsxray, awsxray/all, "
              "local]}}}\n",
         RAY_OK, NULL},
        {HEAD "service: {pipelines: {traces: {receivers: [otlp], exporters: [local]}, traces/two: "
              "{receivers: [otlp], exporters: [local]}}}\n",
         RAY_INVALID, "'local' is in another pipeline already"},
        {HEAD
         "service: {pipelines: {traces: {receivers: [otlp], exporters: [awsxray]}, traces/two: "
         "{receivers: [otlp], exporters: [awsxray]}}}\n",
         RAY_OK, NULL},
        {HEAD "service: {pipelines: {metrics: {receivers: [otlp], exporters: [awsxray]}}}\n",
         RAY_INVALID, "there is no traces pipeline to run"},
        {HEAD "service: {pipelines: {traces: {receivers: [otlp], exporters: [awsxray]}, logs: "
              "{receivers: [otlp], exporters: [awsxray]}}}\n",
         RAY_OK, "service.pipelines.logs: not run: logs"},
        {HEAD "processors: {batch: {}, transform: {}}\n"
              "service: {pipelines: {traces: {receivers: [otlp], processors: [batch, transform], "
              "exporters: [awsxray]}}}\n",
         RAY_INVALID, "processors.transform: this type is not served here; served: batch"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_buf said;
        ray_buf_init(&said, 1u << 16);
        enum ray_status status = make(cases[i].text, &said);
        bool found = cases[i].said == NULL ||
                     ray_str_find(ray_buf_str(&said), ray_str_from(cases[i].said)) != SIZE_MAX;
        if (status != cases[i].status || !found) {
            fail_msg("case %zu: status %s, said:\n%.*s", i, ray_status_name(status),
                     RAY_STR_ARG(ray_buf_str(&said)));
        }
        ray_buf_clear(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wiring_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
