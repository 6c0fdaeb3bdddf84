/* Do durations, sizes, numbers and truth values mean what Go and YAML 1.2 say? */
#include "config/scalar.h"

#include "tests/unit/check.h"

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ray_status status;
        uint32_t ms;
    } cases[] = {
        {"0", RAY_OK, 0},
        {"+0", RAY_OK, 0},
        {"0s", RAY_OK, 0},
        {"300ms", RAY_OK, 300},
        {"1m30s", RAY_OK, 90000},
        {"1.5h", RAY_OK, 5400000},
        {"1h2m3s4ms", RAY_OK, 3723004},
        {".5s", RAY_OK, 500},
        {"1.s", RAY_OK, 1000},
        {"1500us", RAY_OK, 2},
        {"1ns", RAY_OK, 1},
        {"3000\xc2\xb5s", RAY_OK, 3},
        {"3000\xce\xbcs", RAY_OK, 3},
        {"720h", RAY_OK, 2592000000u},
        {"1193h", RAY_OK, 4294800000u},
        {"1194h", RAY_TOO_BIG, 0},
        {"99999999999999999999h", RAY_TOO_BIG, 0},
        {"30", RAY_INVALID, 0},
        {"", RAY_INVALID, 0},
        {"s", RAY_INVALID, 0},
        {"-5s", RAY_INVALID, 0},
        {"5 s", RAY_INVALID, 0},
        {"5d", RAY_INVALID, 0},
        {"5S", RAY_INVALID, 0},
        {"1s5", RAY_INVALID, 0},
        {"1..5s", RAY_INVALID, 0},
        {"1e3s", RAY_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t ms = 0;
        enum ray_status status = ray_scalar_duration_ms(ray_str_from(cases[i].text), &ms);
        if (status != cases[i].status || ms != cases[i].ms) {
            fail_msg("%s: %s %u", cases[i].text, ray_status_name(status), ms);
        }
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ray_status status;
        uint64_t bytes;
    } cases[] = {
        {"0", RAY_OK, 0},
        {"100", RAY_OK, 100},
        {"100B", RAY_OK, 100},
        {"512KiB", RAY_OK, 524288},
        {"512 KiB", RAY_OK, 524288},
        {"4GiB", RAY_OK, 4294967296u},
        {"4gib", RAY_OK, 4294967296u},
        {"10MB", RAY_OK, 10000000},
        {"1.5kB", RAY_OK, 1500},
        {"2TiB", RAY_OK, 2199023255552u},
        {"18446744073709551615", RAY_OK, UINT64_MAX},
        {"18446744073709551616", RAY_TOO_BIG, 0},
        {"99999999TiB", RAY_TOO_BIG, 0},
        {"4G", RAY_INVALID, 0},
        {"4Gi", RAY_INVALID, 0},
        {"-1", RAY_INVALID, 0},
        {"5%", RAY_INVALID, 0},
        {"", RAY_INVALID, 0},
        {"MiB", RAY_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t bytes = 0;
        enum ray_status status = ray_scalar_bytes(ray_str_from(cases[i].text), &bytes);
        if (status != cases[i].status || bytes != cases[i].bytes) {
            fail_msg("%s: %s %lu", cases[i].text, ray_status_name(status), bytes);
        }
    }
}

static void test_whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ray_status status;
        int64_t value;
    } cases[] = {
        {"0", RAY_OK, 0},
        {"-12", RAY_OK, -12},
        {"+12", RAY_OK, 12},
        {"007", RAY_OK, 7},
        {"0x1F", RAY_OK, 31},
        {"0o17", RAY_OK, 15},
        {"9223372036854775807", RAY_OK, INT64_MAX},
        {"-9223372036854775808", RAY_OK, INT64_MIN},
        {"9223372036854775808", RAY_TOO_BIG, 0},
        {"0xFFFFFFFFFFFFFFFFF", RAY_TOO_BIG, 0},
        {"0x", RAY_INVALID, 0},
        {"0o8", RAY_INVALID, 0},
        {"+-1", RAY_INVALID, 0},
        {"1.5", RAY_INVALID, 0},
        {"1e3", RAY_INVALID, 0},
        {" 1", RAY_INVALID, 0},
        {"", RAY_INVALID, 0},
        {"-", RAY_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 0;
        enum ray_status status = ray_scalar_int(ray_str_from(cases[i].text), &value);
        if (status != cases[i].status || value != cases[i].value) {
            fail_msg("%s: %s %ld", cases[i].text, ray_status_name(status), value);
        }
    }
}

static void test_truth(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int value; /* -1: neither */
    } cases[] = {
        {"true", 1},  {"True", 1},  {"TRUE", 1},  {"1", 1}, {"t", 1},    {"false", 0},
        {"False", 0}, {"FALSE", 0}, {"0", 0},     {"f", 0}, {"yes", -1}, {"no", -1},
        {"on", -1},   {"off", -1},  {"tRUE", -1}, {"", -1}, {"2", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool value = false;
        bool known = ray_scalar_bool(ray_str_from(cases[i].text), &value) == RAY_OK;
        if (known != (cases[i].value >= 0) || (known && value != cases[i].value)) {
            fail_msg("%s: %d %d", cases[i].text, known, value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
