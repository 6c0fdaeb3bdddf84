/* Is the page what Prometheus reads, in a fixed order, while threads count? */
#include "tests/unit/check.h"

#include <pthread.h>

#include "core/metric.h"

static const struct ray_metric_family spans = {"z_spans_total", RAY_COUNTER, "Spans seen."};
static const struct ray_metric_family depth = {"a_depth", RAY_GAUGE, "Back\\slash\nand line."};

static void check_page(struct ray_metrics *metrics, const char *want)
{
    struct ray_buf page;
    ray_buf_init(&page, 4096);
    ray_metrics_write(metrics, &page);
    CHECK_BUF(&page, want);
    ray_buf_clear(&page);
}

static void the_page_is_sorted(void **state)
{
    (void)state;
    struct ray_metrics *metrics = ray_metrics_new();
    check_page(metrics, "");
    ray_metric_add(ray_metrics_cell(metrics, &spans, "receiver=\"b\""), 2);
    ray_metric_set(ray_metrics_cell(metrics, &depth, ""), -5);
    ray_metric_add(ray_metrics_cell(metrics, &spans, "receiver=\"a\""), 1);
    ray_metric_add(ray_metrics_cell(metrics, &spans, "receiver=\"a\""), 40);
    assert_int_equal(ray_metric_get(ray_metrics_cell(metrics, &spans, "receiver=\"a\"")), 41);
    check_page(metrics, "# HELP a_depth Back\\\\slash\\nand line.\n"
                        "# TYPE a_depth gauge\n"
                        "a_depth -5\n"
                        "# HELP z_spans_total Spans seen.\n"
                        "# TYPE z_spans_total counter\n"
                        "z_spans_total{receiver=\"a\"} 41\n"
                        "z_spans_total{receiver=\"b\"} 2\n");
    ray_metrics_free(metrics);
    ray_metrics_free(NULL);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    struct ray_buf labels;
    ray_buf_init(&labels, 100);
    ray_metric_label(&labels, "a", RAY_STR("x\"y\\z\n"));
    ray_metric_label(&labels, "b", (struct ray_str){NULL, 0});
    CHECK_BUF(&labels, "a=\"x\\\"y\\\\z\\n\",b=\"\"");
    ray_buf_clear(&labels);
}

static int64_t read_number(void *context)
{
    return *(int64_t *)context;
}

static void gauge_functions_come_and_go(void **state)
{
    (void)state;
    struct ray_metrics *metrics = ray_metrics_new();
    int64_t old_queue = 7, new_queue = 8;
    CHECK_OK(ray_metrics_gauge_fn(metrics, &depth, "q=\"1\"", read_number, &old_queue));
    check_page(metrics, "# HELP a_depth Back\\\\slash\\nand line.\n"
                        "# TYPE a_depth gauge\na_depth{q=\"1\"} 7\n");
    /* a reload: the new one registers before the old one goes */
    CHECK_OK(ray_metrics_gauge_fn(metrics, &depth, "q=\"1\"", read_number, &new_queue));
    ray_metrics_forget(metrics, &old_queue);
    check_page(metrics, "# HELP a_depth Back\\\\slash\\nand line.\n"
                        "# TYPE a_depth gauge\na_depth{q=\"1\"} 8\n");
    ray_metrics_forget(metrics, &new_queue);
    check_page(metrics, "");
    ray_metrics_free(metrics);
}

static void *count(void *argument)
{
    struct ray_metrics *metrics = argument;
    struct ray_metric *cell = ray_metrics_cell(metrics, &spans, "");
    struct ray_buf page;
    ray_buf_init(&page, 4096);
    for (int i = 0; i < 5000; i++) {
        ray_metric_add(cell, 1);
        if (i % 1000 == 0) {
            ray_buf_reset(&page);
            ray_metrics_write(metrics, &page);
        }
    }
    ray_buf_clear(&page);
    return NULL;
}

static void threads_share_a_cell(void **state)
{
    (void)state;
    struct ray_metrics *metrics = ray_metrics_new();
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, metrics), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(ray_metric_get(ray_metrics_cell(metrics, &spans, "")), 20000);
    ray_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_sorted),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(gauge_functions_come_and_go),
        cmocka_unit_test(threads_share_a_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
