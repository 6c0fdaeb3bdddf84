/* Does the reader take exactly RFC 8259, name the byte that is wrong, and never go too deep? */
#include "tests/unit/check.h"

#include "core/json_reader.h"

static bool accepts(struct ray_str text, uint32_t max_depth)
{
    struct ray_json_reader r;
    ray_json_read_init(&r, text, NULL, max_depth);
    return ray_json_skip_value(&r, NULL) && ray_json_at_end(&r);
}

static void good_texts(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "null",
        " true\n",
        "false",
        "0",
        "-0",
        "10.25e-3",
        "1E+5",
        "\"\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1,2]",
        "[[],{}]",
        "{\"a\":[]}",
        "\t[1 , 2]\r\n",
        "\"\\u12aF\\ud800\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "{\"a\":1,\"a\":2,\"\":{\"b\":null}}",
        "\"\xff\"",
        "1e999",
        "\"\x7f\"",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!accepts(ray_str_from(cases[i]), 8)) {
            fail_msg("refused: %s", cases[i]);
        }
    }
}

static void bad_texts(void **state)
{
    (void)state;
    static const struct {
        struct ray_str text;
        size_t error_at;
    } cases[] = {
        {RAY_STR_INIT(""), 0},
        {RAY_STR_INIT("  "), 2},
        {RAY_STR_INIT("nul"), 0},
        {RAY_STR_INIT("True"), 0},
        {RAY_STR_INIT("1 2"), 2},
        {RAY_STR_INIT("01"), 1},
        {RAY_STR_INIT("-"), 1},
        {RAY_STR_INIT("+1"), 0},
        {RAY_STR_INIT(".5"), 0},
        {RAY_STR_INIT("1."), 2},
        {RAY_STR_INIT("1e"), 2},
        {RAY_STR_INIT("1e+"), 3},
        {RAY_STR_INIT("0x1"), 1},
        {RAY_STR_INIT("NaN"), 0},
        {RAY_STR_INIT("["), 1},
        {RAY_STR_INIT("[1"), 2},
        {RAY_STR_INIT("[1,"), 3},
        {RAY_STR_INIT("[1,]"), 3},
        {RAY_STR_INIT("[,1]"), 1},
        {RAY_STR_INIT("[1 2]"), 3},
        {RAY_STR_INIT("[1}"), 2},
        {RAY_STR_INIT("{"), 1},
        {RAY_STR_INIT("{\"a\""), 4},
        {RAY_STR_INIT("{\"a\" 1}"), 5},
        {RAY_STR_INIT("{\"a\":}"), 5},
        {RAY_STR_INIT("{\"a\":1,}"), 7},
        {RAY_STR_INIT("{a:1}"), 1},
        {RAY_STR_INIT("{1:1}"), 1},
        {RAY_STR_INIT("{\"a\":1]"), 6},
        {RAY_STR_INIT("\""), 1},
        {RAY_STR_INIT("\"abc"), 4},
        {RAY_STR_INIT("\"a\nb\""), 2},
        {RAY_STR_INIT("\"\\"), 1},
        {RAY_STR_INIT("\"\\x\""), 1},
        {RAY_STR_INIT("\"\\\0\""), 1},
        {RAY_STR_INIT("\"\\u12\""), 1},
        {RAY_STR_INIT("\"\\u12g4\""), 1},
        {RAY_STR_INIT("\"\\u123"), 1},
        {RAY_STR_INIT("null\0"), 4},
        {RAY_STR_INIT("[1,\0]"), 3},
        {RAY_STR_INIT("/**/1"), 0},
        {RAY_STR_INIT("\xef\xbb\xbf"
                      "1"),
         0},
        {RAY_STR_INIT("[\v1]"), 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_json_reader r;
        ray_json_read_init(&r, cases[i].text, NULL, 8);
        bool good = ray_json_skip_value(&r, NULL) && ray_json_at_end(&r);
        if (good || !r.failed || r.error == NULL || r.error_at != cases[i].error_at) {
            fail_msg("%.*s: accepted %d, byte %zu, %s", RAY_STR_ARG(cases[i].text), good,
                     r.error_at, r.error ? r.error : "no error");
        }
        assert_int_equal(ray_json_peek(&r), RAY_JSON_ERROR);
        assert_false(ray_json_skip_value(&r, NULL));
    }
}

/* A text that is cut anywhere is refused, and read no further than its end (under a sanitizer). */
static void every_prefix_is_refused(void **state)
{
    (void)state;
    const struct ray_str whole =
        RAY_STR("{\"k\\u00e9\":[1.5e+3,true,false,null,\"x\\n\"],\"o\":{}}");
    assert_true(accepts(whole, 8));
    for (size_t len = 0; len < whole.len; len++) {
        char *exact = malloc(len + 1);
        memcpy(exact, whole.ptr, len);
        char *moved = realloc(exact, len > 0 ? len : 1);
        assert_false(accepts((struct ray_str){moved, len}, 8));
        free(moved);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_true(accepts(RAY_STR("[[[]]]"), 3));
    assert_false(accepts(RAY_STR("[[[[]]]]"), 3));
    assert_false(accepts(RAY_STR("{\"a\":[{}]}"), 2));
    assert_false(accepts(RAY_STR("[]"), 0));
    assert_true(accepts(RAY_STR("1"), 0));
    char deep[2 * (RAY_JSON_DEPTH_MAX + 1)];
    memset(deep, '[', sizeof(deep) / 2);
    memset(deep + sizeof(deep) / 2, ']', sizeof(deep) / 2);
    assert_false(accepts((struct ray_str){deep, sizeof(deep)}, UINT32_MAX));
    assert_true(accepts((struct ray_str){deep + 1, sizeof(deep) - 2}, UINT32_MAX));
}

static void walking(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(4096);
    struct ray_json_reader r;
    struct ray_str key, text, raw;
    bool flag = false;
    ray_json_read_init(&r,
                       RAY_STR(" { \"name\" : \"a\\tb\", \"list\":[1, [2], {\"x\":\"y\"} ,null],"
                               "\"skip\": {\"d\":[{}]} ,\"yes\":true}  "),
                       arena, 8);
    assert_true(ray_json_enter_object(&r));
    assert_true(ray_json_next_key(&r, &key));
    CHECK_STR(key, "name");
    assert_true(ray_json_read_string(&r, &text));
    CHECK_STR(text, "a\tb");
    assert_true(ray_json_next_key(&r, &key));
    assert_true(ray_json_enter_array(&r));
    assert_true(ray_json_next_element(&r));
    assert_true(ray_json_read_number(&r, &text));
    CHECK_STR(text, "1");
    assert_true(ray_json_next_element(&r));
    assert_true(ray_json_skip_value(&r, &raw));
    CHECK_STR(raw, "[2]");
    assert_true(ray_json_next_element(&r));
    assert_int_equal(ray_json_peek(&r), RAY_JSON_OBJECT);
    assert_true(ray_json_skip_value(&r, &raw));
    CHECK_STR(raw, "{\"x\":\"y\"}");
    assert_true(ray_json_next_element(&r));
    assert_true(ray_json_read_null(&r));
    assert_false(ray_json_next_element(&r));
    assert_true(ray_json_next_key(&r, &key));
    assert_true(ray_json_skip_value(&r, &raw));
    CHECK_STR(raw, "{\"d\":[{}]}");
    assert_true(ray_json_next_key(&r, &key));
    CHECK_STR(key, "yes");
    assert_true(ray_json_read_bool(&r, &flag));
    assert_true(flag);
    assert_false(ray_json_next_key(&r, &key));
    assert_true(ray_json_at_end(&r));
    assert_false(r.failed);
    ray_arena_free(arena);
}

static void strings_are_unescaped(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        struct ray_str out;
    } cases[] = {
        {"\"plain\"", RAY_STR_INIT("plain")},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", RAY_STR_INIT("\"\\/\b\f\n\r\t")},
        {"\"\\u0041\\u00e9\\u20ac\"", RAY_STR_INIT("A\xc3\xa9\xe2\x82\xac")},
        {"\"\\ud83d\\ude00!\"", RAY_STR_INIT("\xf0\x9f\x98\x80!")},
        {"\"\\uD83D\"", RAY_STR_INIT("\xef\xbf\xbd")},
        {"\"\\ud83dx\\ude00\"", RAY_STR_INIT("\xef\xbf\xbdx\xef\xbf\xbd")},
        {"\"\\ud83d\\ud83d\\ude00\"", RAY_STR_INIT("\xef\xbf\xbd\xf0\x9f\x98\x80")},
        {"\"\\ud83d\\n\"", RAY_STR_INIT("\xef\xbf\xbd\n")},
        {"\"a\\u0000b\"", RAY_STR_INIT("a\0b")},
        {"\"\xff\\n\"", RAY_STR_INIT("\xff\n")}, /* writers repair it */
    };
    struct ray_arena *arena = ray_arena_new(4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_json_reader r;
        struct ray_str text;
        ray_json_read_init(&r, ray_str_from(cases[i].in), arena, 8);
        assert_true(ray_json_read_string(&r, &text));
        CHECK_VIEW(text, cases[i].out);
        assert_true(ray_json_at_end(&r));
    }
    ray_arena_free(arena);
}

static void plain_strings_are_views(void **state)
{
    (void)state;
    const char *input = "\"view\"";
    struct ray_json_reader r;
    struct ray_str text;
    ray_json_read_init(&r, ray_str_from(input), NULL, 8);
    assert_true(ray_json_read_string(&r, &text));
    assert_ptr_equal(text.ptr, input + 1);
    ray_json_read_init(&r, RAY_STR("\"\\n\""), NULL, 8); /* no arena to unescape into */
    assert_false(ray_json_read_string(&r, &text));
    assert_true(r.failed);
}

static void the_wrong_kind_fails(void **state)
{
    (void)state;
    struct ray_json_reader r;
    struct ray_str text = RAY_STR("untouched");
    bool flag = true;
    ray_json_read_init(&r, RAY_STR("[]"), NULL, 8);
    assert_false(ray_json_read_string(&r, &text));
    assert_string_equal(r.error, "expected a string");
    ray_json_read_init(&r, RAY_STR("1"), NULL, 8);
    assert_false(ray_json_read_bool(&r, &flag));
    assert_false(ray_json_read_null(&r)); /* sticky: the first error stays */
    assert_string_equal(r.error, "expected true or false");
    ray_json_read_init(&r, RAY_STR("{}"), NULL, 8);
    assert_false(ray_json_enter_array(&r));
    ray_json_read_init(&r, RAY_STR("{}"), NULL, 8);
    assert_false(ray_json_read_number(&r, &text));
    ray_json_read_init(&r, RAY_STR("{}"), NULL, 8);
    assert_false(ray_json_next_key(&r, &text)); /* not entered */
    ray_json_read_init(&r, RAY_STR("[1]"), NULL, 8);
    assert_true(ray_json_enter_array(&r));
    assert_false(ray_json_next_key(&r, &text));
    assert_true(r.failed);
    ray_json_read_init(&r, RAY_STR("[1]"), NULL, 8);
    ray_json_fail(&r, "from outside");
    assert_int_equal(ray_json_peek(&r), RAY_JSON_ERROR);
    assert_string_equal(r.error, "from outside");
    CHECK_STR(text, "untouched");
    assert_true(flag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts),
        cmocka_unit_test(bad_texts),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(walking),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(plain_strings_are_views),
        cmocka_unit_test(the_wrong_kind_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
