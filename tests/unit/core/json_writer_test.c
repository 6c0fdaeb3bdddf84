/* Is what is written valid JSON whatever goes in, in the shortest form the header promises? */
#include "tests/unit/check.h"

#include <float.h>
#include <math.h>

#include "core/json_writer.h"

struct fixture {
    struct ray_buf out;
    struct ray_json_writer w;
};

static struct fixture *begin(struct fixture *f)
{
    ray_buf_init(&f->out, 1 << 20);
    ray_json_init(&f->w, &f->out);
    return f;
}

static void check_and_clear(struct fixture *f, struct ray_str want)
{
    CHECK_VIEW(ray_buf_str(&f->out), want);
    assert_false(f->out.failed);
    ray_buf_clear(&f->out);
}

static void commas_fall_into_place(void **state)
{
    (void)state;
    struct fixture fixture, *f = begin(&fixture);
    struct ray_json_writer *w = &f->w;
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "a");
    ray_json_u64(w, 1);
    ray_json_key(w, RAY_STR("b\n"));
    ray_json_array_begin(w);
    ray_json_null(w);
    ray_json_bool(w, true);
    ray_json_bool(w, false);
    ray_json_array_begin(w);
    ray_json_array_end(w);
    ray_json_object_begin(w);
    ray_json_object_end(w);
    ray_json_raw(w, RAY_STR("{\"raw\":1}"));
    ray_json_array_end(w);
    ray_json_key_string(w, RAY_STR("c"), RAY_STR("d"));
    ray_json_object_end(w);
    check_and_clear(f,
                    RAY_STR("{\"a\":1,\"b\\n\":[null,true,false,[],{},{\"raw\":1}],\"c\":\"d\"}"));
}

static void strings_are_escaped_and_repaired(void **state)
{
    (void)state;
    static const struct {
        struct ray_str in, out;
    } cases[] = {
        {{NULL, 0}, RAY_STR_INIT("")},
        {RAY_STR_INIT("plain / text"), RAY_STR_INIT("plain / text")},
        {RAY_STR_INIT("\"\\"), RAY_STR_INIT("\\\"\\\\")},
        {RAY_STR_INIT("\b\f\n\r\t"), RAY_STR_INIT("\\b\\f\\n\\r\\t")},
        {RAY_STR_INIT("\0\x01\x07\x0b\x0e\x1f\x7f"),
         RAY_STR_INIT("\\u0000\\u0001\\u0007\\u000b\\u000e\\u001f\x7f")},
        {RAY_STR_INIT("\xe2\x82\xac \xf0\x9f\x98\x80"),
         RAY_STR_INIT("\xe2\x82\xac \xf0\x9f\x98\x80")},
        {RAY_STR_INIT("a\xff"
                      "b"),
         RAY_STR_INIT("a\xef\xbf\xbd"
                      "b")},
        {RAY_STR_INIT("\xe2\x82"), RAY_STR_INIT("\xef\xbf\xbd")},
        {RAY_STR_INIT("\xe2\x82\"\xed\xa0\x80"),
         RAY_STR_INIT("\xef\xbf\xbd\\\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")},
        {RAY_STR_INIT("\xef\xbf\xbd"), RAY_STR_INIT("\xef\xbf\xbd")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture, *f = begin(&fixture);
        ray_json_escape(&f->out, cases[i].in);
        check_and_clear(f, cases[i].out);
    }
}

/* The scan works in steps of 16 and 8 bytes: each special byte at each place in and behind them. */
static void specials_are_found_at_every_position(void **state)
{
    (void)state;
    for (int special = 0; special < 256; special++) {
        for (size_t at = 0; at < 40; at++) {
            char in[40];
            memset(in, 'x', sizeof(in));
            in[at] = (char)special;
            struct fixture fixture, *f = begin(&fixture);
            ray_json_escape(&f->out, (struct ray_str){in, sizeof(in)});
            size_t grown = f->out.len - sizeof(in);
            size_t want = special >= 0x80 ? 2 : special == '"' || special == '\\' ? 1 : 0;
            if (special < 0x20) {
                want = strchr("\b\f\n\r\t", special) && special ? 1 : 5;
            }
            if (grown != want) {
                fail_msg("byte %02x at %zu grew the text by %zu", special, at, grown);
            }
            ray_buf_clear(&f->out);
        }
    }
}

static void doubles_are_short_and_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100"},
        {123456.789, "123456.789"},
        {0.000001, "0.000001"},
        {1e-7, "1e-07"},
        {1e15, "1000000000000000"},
        {9007199254740991.0, "9007199254740991"},
        {1e300, "1e+300"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1763919199.643488887, "1763919199.643489"},
        {NAN, "\"NaN\""},
        {INFINITY, "\"Infinity\""},
        {-INFINITY, "\"-Infinity\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture, *f = begin(&fixture);
        ray_json_double(&f->w, cases[i].value);
        check_and_clear(f, ray_str_from(cases[i].text));
    }
}

/* Significant digits: zeros in front and behind do not count. */
static size_t digits_of(struct ray_str number)
{
    size_t digits = 0, zeros = 0;
    for (size_t i = 0; i < number.len && number.ptr[i] != 'e'; i++) {
        if (number.ptr[i] == '0') {
            zeros += digits > 0;
        } else if (number.ptr[i] >= '1' && number.ptr[i] <= '9') {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    return digits;
}

static void check_against_printf(double value)
{
    char printed[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(printed, sizeof(printed), "%.*g", digits, value);
        if (strtod(printed, NULL) == value) {
            break;
        }
    }
    struct fixture fixture, *f = begin(&fixture);
    ray_json_double(&f->w, value);
    struct ray_str text = ray_buf_str(&f->out);
    double back = 0;
    if (ray_str_to_double(text, &back) != RAY_OK || back != value ||
        digits_of(text) > digits_of(ray_str_from(printed))) {
        fail_msg("%.17g became %.*s, printf says %s", value, RAY_STR_ARG(text), printed);
    }
    ray_buf_clear(&f->out);
}

static void random_doubles_are_as_short_as_printf_can(void **state)
{
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 30000; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        double value;
        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value)) {
            check_against_printf(value);
        }
        check_against_printf((double)(bits >> 40) / 1000);
        check_against_printf((double)(bits >> 11) / 9007199254740992.0); /* 0 to 1, all digits */
        check_against_printf((double)(bits >> 11) / (double)(UINT64_C(1) << (i % 64)));
    }
}

static void neighbours_of_powers_of_two(void **state)
{
    (void)state;
    for (int power = -30; power < 60; power++) {
        double value = ldexp(1, power);
        check_against_printf(value);
        check_against_printf(nextafter(value, 0));
        check_against_printf(nextafter(value, INFINITY));
    }
    for (int power = -8; power < 20; power++) {
        double value =
            strtod((char[]){'1', 'e', power < 0 ? '-' : '+', (char)('0' + abs(power) / 10),
                            (char)('0' + abs(power) % 10), 0},
                   NULL);
        check_against_printf(value);
        check_against_printf(nextafter(value, 0));
        check_against_printf(nextafter(value, INFINITY));
    }
}

static void integers_and_times(void **state)
{
    (void)state;
    struct fixture fixture, *f = begin(&fixture);
    ray_json_array_begin(&f->w);
    ray_json_i64(&f->w, INT64_MIN);
    ray_json_i64(&f->w, INT64_MAX);
    ray_json_i64(&f->w, -1);
    ray_json_u64(&f->w, UINT64_MAX);
    ray_json_unix_ns(&f->w, 1763919199643488887u);
    ray_json_unix_ns(&f->w, 1763919199500000000u);
    ray_json_unix_ns(&f->w, 1763919199000000000u);
    ray_json_unix_ns(&f->w, 1);
    ray_json_unix_ns(&f->w, 0);
    ray_json_unix_ns(&f->w, UINT64_MAX);
    ray_json_array_end(&f->w);
    check_and_clear(f, RAY_STR("[-9223372036854775808,9223372036854775807,-1,18446744073709551615,"
                               "1763919199.643488887,1763919199.5,1763919199,0.000000001,0,"
                               "18446744073.709551615]"));
}

static void bytes_as_text(void **state)
{
    (void)state;
    struct fixture fixture, *f = begin(&fixture);
    ray_json_array_begin(&f->w);
    ray_json_base64(&f->w, RAY_STR("fo\xff"));
    ray_json_base64(&f->w, (struct ray_str){NULL, 0});
    ray_json_hex(&f->w, RAY_STR("\x01\xab"));
    ray_json_array_end(&f->w);
    check_and_clear(f, RAY_STR("[\"Zm//\",\"\",\"01ab\"]"));
}

static void the_buffers_maximum_holds(void **state)
{
    (void)state;
    for (size_t max = 1; max < 30; max++) {
        struct ray_buf out;
        struct ray_json_writer w;
        ray_buf_init(&out, max);
        ray_json_init(&w, &out);
        ray_json_array_begin(&w);
        ray_json_string(&w, RAY_STR("\n\xff\"abc"));
        ray_json_base64(&w, RAY_STR("abc"));
        ray_json_double(&w, 1.25);
        ray_json_array_end(&w);
        assert_int_equal(out.failed, max < 26);
        assert_true(out.len <= max);
        ray_buf_clear(&out);
    }
}

/* 20 MB that cannot fit are not looked at, let alone kept. */
static void what_cannot_fit_takes_no_memory(void **state)
{
    (void)state;
    static char text[100000];
    memset(text, 'x', sizeof(text));
    struct ray_buf out;
    struct ray_json_writer w;
    ray_buf_init(&out, sizeof(text));
    ray_json_init(&w, &out);
    ray_json_string(&w, (struct ray_str){text, sizeof(text)});
    assert_true(out.failed);
    assert_in_range(out.capacity, 1, 1000);
    ray_buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_fall_into_place),
        cmocka_unit_test(strings_are_escaped_and_repaired),
        cmocka_unit_test(specials_are_found_at_every_position),
        cmocka_unit_test(doubles_are_short_and_read_back),
        cmocka_unit_test(random_doubles_are_as_short_as_printf_can),
        cmocka_unit_test(neighbours_of_powers_of_two),
        cmocka_unit_test(integers_and_times),
        cmocka_unit_test(bytes_as_text),
        cmocka_unit_test(the_buffers_maximum_holds),
        cmocka_unit_test(what_cannot_fit_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
