/* ledger: does every count land under the name and the reason that operators look for? */
#include "tests/unit/check.h"

#include "queue/ledger.h"

static void check_page_has(struct ray_metrics *metrics, const char *line)
{
    struct ray_buf page;
    ray_buf_init(&page, 1 << 20);
    ray_metrics_write(metrics, &page);
    if (ray_str_find(ray_buf_str(&page), ray_str_from(line)) == SIZE_MAX) {
        print_error("no line %s in\n%.*s", line, (int)page.len, page.data);
        fail();
    }
    ray_buf_clear(&page);
}

static void test_receiver_column(void **state)
{
    (void)state;
    struct ray_metrics *metrics = ray_metrics_new();
    struct ray_receiver_ledger ledger;
    CHECK_OK(ray_receiver_ledger_init(&ledger, metrics, "otlp", "grpc"));
    ray_ledger_take(&ledger, 40);
    ray_ledger_refuse(&ledger, RAY_REFUSED_INVALID, 2);
    ray_ledger_refuse(&ledger, RAY_REFUSED_QUEUE_FULL, 8);
    ray_ledger_refuse_request(&ledger, RAY_REFUSED_BUSY);
    ray_ledger_shaped(&ledger, (const uint32_t[RAY_CUT_COUNT]){[RAY_CUT_STACKS] = 3}, 12);
    static const char *const lines[] = {
        "spanbridge_receiver_received_spans{receiver=\"otlp\",transport=\"grpc\"} 50\n",
        "spanbridge_receiver_taken_spans{receiver=\"otlp\",transport=\"grpc\"} 40\n",
        "spanbridge_receiver_refused_spans{receiver=\"otlp\",transport=\"grpc\",reason=\"invalid\"}"
        " 2\n",
        "spanbridge_receiver_refused_spans{receiver=\"otlp\",transport=\"grpc\",reason=\"queue_"
        "full\"} 8\n",
        "spanbridge_receiver_refused_requests{receiver=\"otlp\",transport=\"grpc\",reason=\"busy\"}"
        " 1\n",
        "spanbridge_translate_cut_documents{receiver=\"otlp\",transport=\"grpc\",reason=\"stacks\"}"
        " "
        "3\n",
        "spanbridge_translate_unindexed_annotations{receiver=\"otlp\",transport=\"grpc\"} 12\n",
        "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 40\n",
        "otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"grpc\"} 10\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        check_page_has(metrics, lines[i]);
    }
    ray_metrics_free(metrics);
}

static void test_exporter_column(void **state)
{
    (void)state;
    struct ray_metrics *metrics = ray_metrics_new();
    struct ray_exporter_ledger *ledger = ray_exporter_ledger_new(metrics, "awsxray/eu");
    assert_non_null(ledger);
    ray_ledger_exporter_took(ledger, 9);
    ray_ledger_recovered(ledger, 4);
    ray_ledger_left_queue(ledger, 10);
    ray_ledger_delivered(ledger, 5);
    ray_ledger_dropped(ledger, RAY_STR("InvalidSegment"), 3);
    ray_ledger_dropped(ledger, RAY_STR("InvalidSegment"), 1);
    ray_ledger_retried(ledger, RAY_STR("ThrottledException"), 7);
    check_page_has(metrics, "spanbridge_exporter_taken_documents{exporter=\"awsxray/eu\"} 9\n");
    check_page_has(metrics, "spanbridge_exporter_recovered_documents{exporter=\"awsxray/eu\"} 4\n");
    check_page_has(metrics, "spanbridge_exporter_queued_documents{exporter=\"awsxray/eu\"} 3\n");
    check_page_has(metrics, "spanbridge_exporter_delivered_documents{exporter=\"awsxray/eu\"} 5\n");
    check_page_has(metrics, "spanbridge_exporter_dropped_documents{exporter=\"awsxray/eu\","
                            "reason=\"InvalidSegment\"} 4\n");
    check_page_has(metrics, "spanbridge_exporter_retried_documents{exporter=\"awsxray/eu\","
                            "reason=\"ThrottledException\"} 7\n");
    check_page_has(metrics, "otelcol_exporter_sent_spans{exporter=\"awsxray/eu\"} 5\n");
    check_page_has(metrics, "otelcol_exporter_send_failed_spans{exporter=\"awsxray/eu\"} 4\n");
    assert_int_equal(ray_ledger_queued_documents(metrics, "awsxray/eu"), 3);
    assert_int_equal(ray_ledger_recovered_documents(metrics, "awsxray/eu"), 4);
    ray_exporter_ledger_free(ledger);
    ray_metrics_free(metrics);
}

/* A far end that invents a code per document must not fill our memory. */
static void test_codes_from_outside_are_bounded(void **state)
{
    (void)state;
    struct ray_metrics *metrics = ray_metrics_new();
    struct ray_exporter_ledger *ledger = ray_exporter_ledger_new(metrics, "x");
    assert_non_null(ledger);
    for (int i = 0; i < 1000; i++) {
        char code[32];
        int len = snprintf(code, sizeof(code), "Code%d", i);
        ray_ledger_dropped(ledger, (struct ray_str){code, (size_t)len}, 1);
    }
    ray_ledger_dropped(ledger, (struct ray_str){"a\0b", 3}, 1);
    ray_ledger_dropped(ledger, (struct ray_str){NULL, 0}, 1);
    check_page_has(metrics, "{exporter=\"x\",reason=\"Code31\"} 1\n");
    check_page_has(metrics, "{exporter=\"x\",reason=\"other\"} 970\n");
    ray_exporter_ledger_free(ledger);
    ray_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receiver_column),
        cmocka_unit_test(test_exporter_column),
        cmocka_unit_test(test_codes_from_outside_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
