/* Do views compare, search, cut and convert as the header says, empty and NULL ones included? */
#include "tests/unit/check.h"

#include <float.h>
#include <limits.h>

static const struct ray_str none = {NULL, 0};

static void comparisons(void **state)
{
    (void)state;
    assert_true(ray_str_eq(none, RAY_STR("")));
    assert_true(ray_str_eq(RAY_STR("a\0b"), RAY_STR("a\0b")));
    assert_false(ray_str_eq(RAY_STR("a\0b"), RAY_STR("a\0c")));
    assert_true(ray_str_eq_nocase(RAY_STR("Content-Type"), RAY_STR("content-TYPE")));
    assert_false(ray_str_eq_nocase(RAY_STR("["), RAY_STR("{"))); /* 32 apart, no letters */
    assert_true(ray_str_cmp(RAY_STR("ab"), RAY_STR("abc")) < 0);
    assert_true(ray_str_cmp(RAY_STR("b"), RAY_STR("abc")) > 0);
    assert_true(ray_str_cmp(RAY_STR("\xff"), RAY_STR("a")) > 0);
    assert_int_equal(ray_str_cmp(none, RAY_STR("")), 0);
    assert_true(ray_str_starts_with(RAY_STR("http.url"), RAY_STR("http.")));
    assert_true(ray_str_starts_with(none, none));
    assert_false(ray_str_starts_with(RAY_STR("http"), RAY_STR("http.")));
    assert_true(ray_str_ends_with(RAY_STR("a.json"), RAY_STR(".json")));
    assert_true(ray_str_ends_with(RAY_STR("a"), none));
    assert_false(ray_str_ends_with(RAY_STR("on"), RAY_STR(".json")));
}

static void searches(void **state)
{
    (void)state;
    assert_int_equal(ray_str_find(RAY_STR("abcabc"), RAY_STR("ca")), 2);
    assert_int_equal(ray_str_find(RAY_STR("abc"), RAY_STR("")), 0);
    assert_true(ray_str_find(RAY_STR("abc"), RAY_STR("abcd")) == SIZE_MAX);
    assert_true(ray_str_find(none, RAY_STR("a")) == SIZE_MAX);
    assert_int_equal(ray_str_find_byte(RAY_STR("a=b=c"), '='), 1);
    assert_int_equal(ray_str_find_last_byte(RAY_STR("a=b=c"), '='), 3);
    assert_true(ray_str_find_byte(none, 'x') == SIZE_MAX);
    assert_true(ray_str_find_last_byte(RAY_STR("abc"), 'x') == SIZE_MAX);
}

static void cuts(void **state)
{
    (void)state;
    CHECK_STR(ray_str_from_pos(RAY_STR("abc"), 1), "bc");
    CHECK_STR(ray_str_from_pos(RAY_STR("abc"), 3), "");
    CHECK_STR(ray_str_from_pos(RAY_STR("abc"), 99), "");
    CHECK_STR(ray_str_until(RAY_STR("abc"), 2), "ab");
    CHECK_STR(ray_str_until(RAY_STR("abc"), SIZE_MAX), "abc");
    CHECK_STR(ray_str_trim(RAY_STR(" \t a b\r\n\v\f")), "a b");
    CHECK_STR(ray_str_trim(RAY_STR(" \n ")), "");
    CHECK_STR(ray_str_trim(none), "");
    CHECK_STR(ray_str_from(NULL), "");
    assert_int_equal(ray_str_int_len((struct ray_str){"", (size_t)INT_MAX + 5}), INT_MAX);
}

static void splitting(void **state)
{
    (void)state;
    static const struct {
        const char *whole;
        const char *parts; /* each followed by | */
    } cases[] = {
        {"a,,b", "a||b|"}, {"", "|"}, {",", "||"}, {"a,", "a||"}, {"abc", "abc|"}, {NULL, ""},
    };
    struct ray_buf got;
    ray_buf_init(&got, 100);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_str rest = ray_str_from(cases[i].whole), part;
        ray_buf_reset(&got);
        while (ray_str_split(&rest, ',', &part)) {
            ray_buf_append(&got, part);
            ray_buf_append_byte(&got, '|');
        }
        CHECK_BUF(&got, cases[i].parts);
        assert_null(rest.ptr);
    }
    ray_buf_clear(&got);
}

static void unsigned_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},   {"007", true, 7}, {"18446744073709551615", true, UINT64_MAX},
        {"", false, 0},   {"-1", false, 0}, {"18446744073709551616", false, 0},
        {" 1", false, 0}, {"1 ", false, 0}, {"99999999999999999999999", false, 0},
        {"+1", false, 0}, {"1a", false, 0}, {"\xc2\xb2", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 77;
        bool good = ray_str_to_u64(ray_str_from(cases[i].text), &value) == RAY_OK;
        if (good != cases[i].good || value != (good ? cases[i].value : 77)) {
            fail_msg("'%s': %d %llu", cases[i].text, good, (unsigned long long)value);
        }
    }
}

static void signed_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775807", true, INT64_MAX},
        {"-0", true, 0},
        {"-12", true, -12},
        {"-9223372036854775809", false, 0},
        {"9223372036854775808", false, 0},
        {"-", false, 0},
        {"--1", false, 0},
        {"", false, 0},
        {"+5", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 77;
        bool good = ray_str_to_i64(ray_str_from(cases[i].text), &value) == RAY_OK;
        if (good != cases[i].good || value != (good ? cases[i].value : 77)) {
            fail_msg("'%s': %d %lld", cases[i].text, good, (long long)value);
        }
    }
}

static void doubles(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        double value;
    } cases[] = {
        {"1.5", true, 1.5},   {"-1e3", true, -1000}, {"1.7976931348623157e308", true, DBL_MAX},
        {"1e-400", true, 0},  {"0.1", true, 0.1},    {"1e400", false, 0},
        {"-1e999", false, 0}, {"nan", false, 0},     {"inf", false, 0},
        {"0x10", false, 0},   {" 1", false, 0},      {"1 ", false, 0},
        {"", false, 0},       {"1-2", false, 0},     {"e5", false, 0},
        {"1e", false, 0},     {"1.2.3", false, 0},   {"1,5", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double value = 77;
        bool good = ray_str_to_double(ray_str_from(cases[i].text), &value) == RAY_OK;
        if (good != cases[i].good || value != (good ? cases[i].value : 77)) {
            fail_msg("'%s': %d %.17g", cases[i].text, good, value);
        }
    }
    char many[500];
    memset(many, '1', sizeof(many));
    double value = 77;
    assert_int_equal(ray_str_to_double((struct ray_str){many, sizeof(many)}, &value), RAY_INVALID);
}

/* The queue's files and the ids made from spans hold these: they must not change. */
static void hashes_stay_the_same(void **state)
{
    (void)state;
    assert_true(ray_str_hash(none, 1) == ray_str_hash(RAY_STR(""), 1));
    assert_true(ray_str_hash(RAY_STR("a"), 1) != ray_str_hash(RAY_STR("a"), 2));
    assert_true(ray_str_hash(RAY_STR("a"), 1) != ray_str_hash(RAY_STR("a\0"), 1));
    assert_true(ray_str_hash(RAY_STR("12345678"), 1) != ray_str_hash(RAY_STR("12345679"), 1));
    assert_true(ray_str_hash(RAY_STR("span"), 0) == UINT64_C(0x98c89d1d6d27049a));
    assert_true(ray_str_hash(RAY_STR("a longer one, 3 words."), 7) == UINT64_C(0x4fd2822ca2c74cc4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons),
        cmocka_unit_test(searches),
        cmocka_unit_test(cuts),
        cmocka_unit_test(splitting),
        cmocka_unit_test(unsigned_numbers),
        cmocka_unit_test(signed_numbers),
        cmocka_unit_test(doubles),
        cmocka_unit_test(hashes_stay_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
