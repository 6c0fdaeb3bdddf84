/* put: is the body exactly what X-Ray takes, and is every answer read? */
#include "../check.h"

#include "exporter/put.h"

static void test_write(void **state)
{
    (void)state;
    struct ray_buf body;
    ray_buf_init(&body, 1024);
    ray_put_write(&body, RAY_STR("{\"id\":\"a\\n\"}"));
    CHECK_BUF(&body, "\"{\\\"id\\\":\\\"a\\\\n\\\"}\"");
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_write), cmocka_unit_test(test_answers),
                                       cmocka_unit_test(test_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
