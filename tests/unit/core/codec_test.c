/* Do hex, base64, UTF-8, letters and CRC-32C agree with their specifications? */
#include "tests/unit/check.h"

#include "core/codec.h"

static void hex(void **state)
{
    (void)state;
    char text[6];
    ray_hex_encode(RAY_STR("\x00\x7f\xff"), text);
    CHECK_VIEW(((struct ray_str){text, 6}), RAY_STR("007fff"));
    uint8_t bytes[3] = {9, 9, 9};
    CHECK_OK(ray_hex_decode(RAY_STR("00AbfF"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xab\xff", 3);
    static const char *const bad[] = {"00abf",  "00abff0", "",      "00abfg",
                                      "00ab f", "00ab/:",  "00ab@`"};
    memset(bytes, 9, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ray_hex_decode(ray_str_from(bad[i]), bytes, 3), RAY_INVALID);
        assert_memory_equal(bytes, "\x09\x09\x09", 3);
    }
}

/* The vectors of RFC 4648, section 10. */
static void base64_vectors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16];
        uint8_t bytes[16];
        size_t len = ray_base64_encoded_len(strlen(cases[i][0]));
        ray_base64_encode(ray_str_from(cases[i][0]), text);
        CHECK_STR(((struct ray_str){text, len}), cases[i][1]);
        CHECK_OK(ray_base64_decode((struct ray_str){text, len}, bytes, &len));
        CHECK_STR(((struct ray_str){(char *)bytes, len}), cases[i][0]);
    }
}

static void base64_leniency(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
    } cases[] = {
        {"Zm8", "fo"},    {"Zg", "f"},           {"_-8=", "\xff\xef"}, {"/+8", "\xff\xef"},
        {"Z", NULL},      {"Zg=", NULL},         {"=", NULL},          {"====", NULL},
        {"Zg==Zg", NULL}, {"Zm9v====", NULL},    {"Zm 9", NULL},       {"Zm9\n", NULL},
        {"Z===", NULL},   {"Zm9vY\xffZg", NULL}, {"Zm9v=", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[16];
        size_t len = 0;
        bool good = ray_base64_decode(ray_str_from(cases[i].text), bytes, &len) == RAY_OK;
        if (good != (cases[i].bytes != NULL)) {
            fail_msg("'%s' accepted: %d", cases[i].text, good);
        }
        CHECK_STR(((struct ray_str){(char *)bytes, len}), cases[i].bytes);
    }
}

/* Bad maximal subparts: Unicode 15, section 3.9, tables 3-8 to 3-11, and the edges of table 3-7. */
static void utf8_repairs(void **state)
{
    (void)state;
    static const struct {
        struct ray_str in;
        const char *out; /* R for each replacement */
    } cases[] = {
        {RAY_STR_INIT("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), "RRRRRRRRA"},
        {RAY_STR_INIT("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), "RRRRRRRRA"},
        {RAY_STR_INIT("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), "RRRRRARRB"},
        {RAY_STR_INIT("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), "RRRRA"},
        {RAY_STR_INIT("\xf0\x9f\x98"), "R"},
        {RAY_STR_INIT("\xe2\x82"), "R"},
        {RAY_STR_INIT("\xf0\x98\xbd z"), "R z"}, /* ends like U+FFFD, EF BF BD */
        {RAY_STR_INIT("\xf5\x80\x80\x80"), "RRRR"},
        {RAY_STR_INIT("a\0b"), "a.b"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_buf got;
        ray_buf_init(&got, 100);
        for (struct ray_str rest = cases[i].in; rest.len > 0;) {
            bool valid;
            uint32_t c = ray_utf8_next(&rest, &valid);
            assert_true(valid || c == RAY_UTF8_REPLACEMENT);
            char shown = c == 0 ? '.' : (char)c;
            ray_buf_append_byte(&got, valid ? shown : 'R');
        }
        CHECK_BUF(&got, cases[i].out);
        assert_int_equal(ray_utf8_is_valid(cases[i].in),
                         memchr(cases[i].out, 'R', got.len) == NULL);
        ray_buf_clear(&got);
    }
}

static void every_code_point_round_trips(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char text[4];
        struct ray_str rest = {text, ray_utf8_encode(c, text)};
        assert_true(ray_utf8_is_valid(rest));
        bool scalar = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff), valid;
        uint32_t back = ray_utf8_next(&rest, &valid);
        if (back != (scalar ? c : RAY_UTF8_REPLACEMENT) || !valid || rest.len != 0) {
            fail_msg("U+%04X came back as U+%04X, %zu left", c, back, rest.len);
        }
    }
}

static void validity_is_seen_at_every_position(void **state)
{
    (void)state;
    char text[40];
    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'a', sizeof(text));
        text[at] = '\x80';
        assert_false(ray_utf8_is_valid((struct ray_str){text, sizeof(text)}));
        assert_true(ray_utf8_is_valid((struct ray_str){text, at}));
    }
    assert_true(ray_utf8_is_valid((struct ray_str){NULL, 0}));
}

static void cutting(void **state)
{
    (void)state;
    const struct ray_str euro = RAY_STR("a\xe2\x82\xac"
                                        "b\xf0\x9f\x98\x80"); /* a, euro, b, smile */
    static const size_t bytes_kept[] = {0, 1, 1, 1, 4, 5, 5, 5, 5, 9, 9};
    static const size_t chars_kept[] = {0, 1, 4, 5, 9, 9};
    for (size_t i = 0; i < sizeof(bytes_kept) / sizeof(bytes_kept[0]); i++) {
        assert_int_equal(ray_utf8_first_bytes(euro, i).len, bytes_kept[i]);
    }
    for (size_t i = 0; i < sizeof(chars_kept) / sizeof(chars_kept[0]); i++) {
        assert_int_equal(ray_utf8_first_chars(euro, i).len, chars_kept[i]);
    }
    /* broken text has no characters to keep whole, but it has a length to keep to */
    const struct ray_str broken = RAY_STR("\x80\x80\x80\x80\x80\x80");
    assert_int_equal(ray_utf8_first_bytes(broken, 4).len, 4);
    assert_int_equal(ray_utf8_first_chars(broken, 2).len, 2);
    assert_int_equal(ray_utf8_first_chars((struct ray_str){NULL, 0}, 5).len, 0);
}

static void letters(void **state)
{
    (void)state;
    static const struct {
        uint32_t code_point;
        bool letter;
    } cases[] = {
        {'a', true},       {'Z', true},         {'_', false},
        {'[', false},      {'0', false},        {0xaa, true},
        {0xd7, false},     {0xdf, true},        {0x2b0, true},
        {0x300, false},    {0x430, true},       {0x5d0, true},
        {0x663, false},    {0x904, true},       {0x3042, true},
        {0x4e2d, true},    {0xac00, true},      {0x20ac, false},
        {0x1f600, false},  {0x10ffff, false},   {0x1e030, true},
        {0x31350, true},   {0x323af, true},     {0x323b0, false}, /* new in 15.0 */
        {0x110000, false}, {UINT32_MAX, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (ray_unicode_is_letter(cases[i].code_point) != cases[i].letter) {
            fail_msg("U+%04X letter: %d", cases[i].code_point, !cases[i].letter);
        }
    }
    size_t count = 0;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        count += ray_unicode_is_letter(c);
    }
    assert_int_equal(count, 136104); /* DerivedGeneralCategory-15.0.0.txt: Lu, Ll, Lt, Lm and Lo */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex),
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_leniency),
        cmocka_unit_test(utf8_repairs),
        cmocka_unit_test(every_code_point_round_trips),
        cmocka_unit_test(validity_is_seen_at_every_position),
        cmocka_unit_test(cutting),
        cmocka_unit_test(letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
