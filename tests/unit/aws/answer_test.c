/* answer: does each answer of the service lead to the right next step? */
#include "../check.h"

#include "aws/answer.h"

static const struct {
    unsigned status;
    const char *code;
    enum ray_answer want;
} cases[] = {
    {200, "", RAY_ANSWER_GOOD},
    {429, "ThrottledException", RAY_ANSWER_THROTTLED},
    {400, "ThrottlingException", RAY_ANSWER_THROTTLED},
    {503, "SlowDown", RAY_ANSWER_THROTTLED},
    {429, "", RAY_ANSWER_THROTTLED},
    {503, "", RAY_ANSWER_TRANSIENT},
    {500, "Whatever", RAY_ANSWER_TRANSIENT},
    {400, "RequestTimeout", RAY_ANSWER_TRANSIENT},
    {400, "InvalidRequestException", RAY_ANSWER_CONTENT},
    {413, "", RAY_ANSWER_CONTENT},
    {400, "", RAY_ANSWER_MISCONFIGURED},
    {404, "UnknownOperationException", RAY_ANSWER_MISCONFIGURED},
    {301, "", RAY_ANSWER_MISCONFIGURED},
    {403, "AccessDeniedException", RAY_ANSWER_MISCONFIGURED},
    {403, "InvalidSignatureException", RAY_ANSWER_SIGNATURE},
    {403, "ExpiredTokenException", RAY_ANSWER_IDENTITY},
    {501, "", RAY_ANSWER_MISCONFIGURED},
};

static void test_classes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%u %s\n", cases[i].status, cases[i].code);
        assert_int_equal(ray_answer_classify(cases[i].status, ray_str_from(cases[i].code)),
                         cases[i].want);
    }
}

static void test_codes(void **state)
{
    (void)state;
    static const char *const codes[][3] = {
        {"ThrottledException", "", "ThrottledException"},
        {"ThrottledException:http://x", "{\"code\":\"B\"}", "ThrottledException"},
        {"", "{\"__type\":\"com.amazon#AccessDeniedException\"}", "AccessDeniedException"},
        {"", "{\"code\":\"InternalFailure\",\"Message\":\"x\"}", "InternalFailure"},
        {"", "{\"__type\":7}", ""},
        {"", "[\"__type\"]", ""},
        {"", "<html>no</html>", ""},
        {"", "", ""},
        {"", "{\"__type\":\"cut", ""},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char out[RAY_ERROR_CODE_BYTES];
        ray_answer_code(codes[i][0], ray_str_from(codes[i][1]), out);
        CHECK_STR(ray_str_from(out), codes[i][2]);
    }
}

static void test_dates(void **state)
{
    (void)state;
    uint64_t unix_s = 0;
    CHECK_OK(ray_answer_date("Sun, 06 Nov 1994 08:49:37 GMT", &unix_s));
    assert_int_equal(unix_s, 784111777);
    static const char *const bad[] = {"", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37 GMT x",
                                      "Sun, 06 Nov 1894 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ray_answer_date(bad[i], &unix_s), RAY_INVALID);
    }
}

static void test_retry_after(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t want_ms;
    } hints[] = {{"", 0},
                 {"2", 2000},
                 {"0", 0},
                 {"-1", 0},
                 {"99999999999", 300000},
                 {"Sun, 06 Nov 1994 08:49:40 GMT", 3000},
                 {"Sun, 06 Nov 1994 08:49:30 GMT", 0}};
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        assert_int_equal(ray_answer_retry_after_ms(hints[i].text, 784111777), hints[i].want_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_classes), cmocka_unit_test(test_codes),
                                       cmocka_unit_test(test_dates),
                                       cmocka_unit_test(test_retry_after)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
