/* otlp_reply: the bytes and the text of answers, and that protobuf-c reads them back. */
#include "proto/otlp_reply.h"

#include "tests/unit/check.h"

#include "google/protobuf/duration.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

static struct ray_buf out;

static int new_out(void **state)
{
    (void)state;
    ray_buf_init(&out, 4096);
    return 0;
}

static int clear_out(void **state)
{
    (void)state;
    ray_buf_clear(&out);
    return 0;
}

static void full_success_is_the_empty_message(void **state)
{
    (void)state;
    ray_otlp_write_response(RAY_OTLP_PROTOBUF, 0, RAY_STR(""), &out);
    assert_int_equal(out.len, 0);
    assert_false(out.failed);
    ray_otlp_write_response(RAY_OTLP_JSON, 0, RAY_STR(""), &out);
    CHECK_BUF(&out, "{}");
}

static void partial_success_has_count_and_reason(void **state)
{
    (void)state;
    ray_otlp_write_response(RAY_OTLP_JSON, 3, RAY_STR("bad \"ids\""), &out);
    CHECK_BUF(&out, "{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":"
                    "\"bad \\\"ids\\\"\"}}");
    ray_buf_reset(&out);
    ray_otlp_write_response(RAY_OTLP_PROTOBUF, 3, RAY_STR("bad"), &out);
    CHECK_BUF(&out, "\x0a\x07\x08\x03\x12\x03"
                    "bad");
    ray_buf_reset(&out);
    ray_otlp_write_response(RAY_OTLP_PROTOBUF, 0, RAY_STR("warning"), &out);
    CHECK_BUF(&out, "\x0a\x09\x12\x07warning");
}

static void status_is_written_in_json(void **state)
{
    (void)state;
    static const struct {
        uint32_t retry_after_ms;
        const char *want;
    } cases[] = {
        {0, "{\"code\":3,\"message\":\"no\"}"},
        {200, "{\"code\":3,\"message\":\"no\",\"details\":[{\"@type\":"
              "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"0.200s\"}]}"},
        {61005, "{\"code\":3,\"message\":\"no\",\"details\":[{\"@type\":"
                "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"61.005s\"}]}"},
        {2000, "{\"code\":3,\"message\":\"no\",\"details\":[{\"@type\":"
               "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"2s\"}]}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ray_buf_reset(&out);
        ray_otlp_write_status(RAY_OTLP_JSON, RAY_RPC_INVALID_ARGUMENT, RAY_STR("no"),
                              cases[i].retry_after_ms, &out);
        CHECK_BUF(&out, cases[i].want);
    }
}

static void status_is_written_in_protobuf(void **state)
{
    (void)state;
    ray_otlp_write_status(RAY_OTLP_PROTOBUF, RAY_RPC_UNAVAILABLE, RAY_STR("full"), 61005, &out);
    Google__Rpc__Status *status =
        google__rpc__status__unpack(NULL, out.len, (const uint8_t *)out.data);
    assert_non_null(status);
    assert_int_equal(status->code, 14);
    CHECK_STR(((struct ray_str){(const char *)status->message.data, status->message.len}), "full");
    assert_int_equal(status->n_details, 1);
    const Google__Protobuf__Any *any = status->details[0];
    CHECK_STR(((struct ray_str){(const char *)any->type_url.data, any->type_url.len}),
              "type.googleapis.com/google.rpc.RetryInfo");
    Google__Rpc__RetryInfo *info =
        google__rpc__retry_info__unpack(NULL, any->value.len, any->value.data);
    assert_non_null(info);
    assert_int_equal(info->retry_delay->seconds, 61);
    assert_int_equal(info->retry_delay->nanos, 5000000);
    google__rpc__retry_info__free_unpacked(info, NULL);
    google__rpc__status__free_unpacked(status, NULL);
}

static void status_without_retry_has_no_details(void **state)
{
    (void)state;
    ray_otlp_write_status(RAY_OTLP_PROTOBUF, RAY_RPC_INVALID_ARGUMENT, RAY_STR("no"), 0, &out);
    CHECK_BUF(&out, "\x08\x03\x12\x02no");
}

static void invalid_utf8_is_replaced(void **state)
{
    (void)state;
    ray_otlp_write_status(RAY_OTLP_PROTOBUF, RAY_RPC_INVALID_ARGUMENT, RAY_STR("a\xff\xc3("), 0,
                          &out);
    CHECK_BUF(&out, "\x08\x03\x12\x08"
                    "a\xef\xbf\xbd\xef\xbf\xbd(");
    ray_buf_reset(&out);
    ray_otlp_write_response(RAY_OTLP_JSON, 1, RAY_STR("\xff"), &out);
    CHECK_BUF(&out, "{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":"
                    "\"\xef\xbf\xbd\"}}");
}

static void a_full_buffer_fails_and_stays_what_it_was(void **state)
{
    (void)state;
    for (int encoding = RAY_OTLP_PROTOBUF; encoding <= RAY_OTLP_JSON; encoding++) {
        struct ray_buf small;
        ray_buf_init(&small, 8);
        ray_otlp_write_status((enum ray_otlp_encoding)encoding, RAY_RPC_UNAVAILABLE,
                              RAY_STR("longer than eight bytes"), 1, &small);
        assert_true(small.failed);
        assert_true(small.len <= 8);
        ray_buf_clear(&small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(full_success_is_the_empty_message, new_out, clear_out),
        cmocka_unit_test_setup_teardown(partial_success_has_count_and_reason, new_out, clear_out),
        cmocka_unit_test_setup_teardown(status_is_written_in_json, new_out, clear_out),
        cmocka_unit_test_setup_teardown(status_is_written_in_protobuf, new_out, clear_out),
        cmocka_unit_test_setup_teardown(status_without_retry_has_no_details, new_out, clear_out),
        cmocka_unit_test_setup_teardown(invalid_utf8_is_replaced, new_out, clear_out),
        cmocka_unit_test_setup_teardown(a_full_buffer_fails_and_stays_what_it_was, new_out,
                                        clear_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
