/* put: is the body exactly what X-Ray takes, and is every answer read? */
#include "../check.h"

#include "exporter/put.h"

static void test_body(void **state)
{
    (void)state;
    struct ray_buf body;
    ray_buf_init(&body, 1024);
    ray_put_begin(&body);
    CHECK_OK(ray_put_add(&body, RAY_STR("{\"id\":\"a\\n\"}")));
    CHECK_OK(ray_put_add(&body, RAY_STR("{}")));
    ray_put_end(&body);
    CHECK_BUF(&body, "{\"TraceSegmentDocuments\":[\"{\\\"id\\\":\\\"a\\\\n\\\"}\",\"{}\"]}");
    ray_buf_clear(&body);
}

/* However small the body is, it is whole when it ends, and never longer than allowed. */
static void test_every_size(void **state)
{
    (void)state;
    for (size_t max = 30; max < 120; max++) {
        struct ray_buf body;
        unsigned added = 0;
        ray_buf_init(&body, max);
        ray_put_begin(&body);
        while (ray_put_add(&body, RAY_STR("{\"a\":1}")) == RAY_OK) {
            added++;
        }
        ray_put_end(&body);
        assert_false(body.failed);
        assert_true(body.len <= max);
        CHECK_STR(ray_str_from_pos(ray_buf_str(&body), body.len - 2), "]}");
        assert_int_equal(added, (max - 27) / 12);
        ray_buf_clear(&body);
    }
}

static void test_too_big(void **state)
{
    (void)state;
    struct ray_buf body;
    ray_buf_init(&body, 64);
    ray_put_begin(&body);
    assert_int_equal(
        ray_put_add(&body, RAY_STR("{\"a\":\"0123456789012345678901234567890123456\"}")),
        RAY_TOO_BIG);
    CHECK_OK(ray_put_add(&body, RAY_STR("{}")));
    assert_int_equal(
        ray_put_add(&body, RAY_STR("{\"a\":\"0123456789012345678901234567890123456\"}")),
        RAY_AGAIN);
    ray_put_end(&body);
    CHECK_BUF(&body, "{\"TraceSegmentDocuments\":[\"{}\"]}");
    ray_buf_clear(&body);
}

static void write_entry(void *context, const struct ray_put_unprocessed *entry)
{
    ray_buf_printf(context, "%.*s/%.*s/%.*s;", RAY_STR_ARG(entry->id), RAY_STR_ARG(entry->code),
                   RAY_STR_ARG(entry->message));
}

static const struct {
    const char *answer;
    enum ray_status want;
    const char *entries;
} answers[] = {
    {"{\"UnprocessedTraceSegments\":[]}", RAY_OK, ""},
    {"{}", RAY_OK, ""},
    {"{\"UnprocessedTraceSegments\":null}", RAY_OK, ""},
    {"{\"UnprocessedTraceSegments\":[{\"Id\":\"a\",\"ErrorCode\":\"b\",\"Message\":\"c\"},"
     "{\"Id\":null,\"ErrorCode\":7}]}",
     RAY_OK, "a/b/c;//;"},
    {"{\"UnprocessedTraceSegments\":[{\"Id\":\"a\",\"New\":{\"x\":[1]}}],\"More\":1}", RAY_OK,
     "a//;"},
    {"", RAY_INVALID, ""},
    {"[]", RAY_INVALID, ""},
    {"null", RAY_INVALID, ""},
    {"<html>", RAY_INVALID, ""},
    {"{\"UnprocessedTraceSegments\":[", RAY_INVALID, ""},
    {"{\"UnprocessedTraceSegments\":{}}", RAY_INVALID, ""},
    {"[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]", RAY_INVALID, ""},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct ray_buf entries;
        ray_buf_init(&entries, 1024);
        print_message("%s\n", answers[i].answer);
        assert_int_equal(
            ray_put_read_answer(ray_str_from(answers[i].answer), write_entry, &entries),
            answers[i].want);
        CHECK_BUF(&entries, answers[i].entries);
        ray_buf_clear(&entries);
    }
}

static const struct {
    const char *code;
    enum ray_put_code want;
} codes[] = {
    {"InvalidSegment", RAY_PUT_CODE_FINAL},      {"ParseError", RAY_PUT_CODE_FINAL},
    {"MissingId", RAY_PUT_CODE_FINAL},           {"SegmentTooLarge", RAY_PUT_CODE_FINAL},
    {"InvalidTraceId", RAY_PUT_CODE_FINAL},      {"InvalidTimestamp", RAY_PUT_CODE_FINAL},
    {"SizeLimitExceeded", RAY_PUT_CODE_FINAL},   {"ThrottledException", RAY_PUT_CODE_THROTTLE},
    {"Throttling", RAY_PUT_CODE_THROTTLE},       {"InternalFailure", RAY_PUT_CODE_RETRY},
    {"ServiceUnavailable", RAY_PUT_CODE_RETRY},  {"RequestTimeout", RAY_PUT_CODE_RETRY},
    {"InternalServerError", RAY_PUT_CODE_RETRY}, {"", RAY_PUT_CODE_UNKNOWN},
    {"SomethingElse", RAY_PUT_CODE_UNKNOWN},
};

static void test_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        print_message("%s\n", codes[i].code);
        assert_int_equal(ray_put_classify(ray_str_from(codes[i].code)), codes[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body), cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_too_big), cmocka_unit_test(test_answers),
        cmocka_unit_test(test_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
