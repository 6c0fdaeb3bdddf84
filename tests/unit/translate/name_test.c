/* Is a name always one that X-Ray takes? (private helpers) */
#include "translate/name.c"

#include "tests/unit/check.h"

static void cleaning_keeps_what_xray_takes(void **state)
{
    (void)state;
    static const struct {
        const char *from, *want;
    } cases[] = {
        {"GET /api/{id}", "GET /api/id"},
        {"a b_c.d:e/f%g&h#i=j+k-l@m", "a b_c.d:e/f%g&h#i=j+k-l@m"},
        {"caf\xc3\xa9 \xd0\xb6", "caf\xc3\xa9 \xd0\xb6"},
        {"\xf0\x9f\x98\x80<>\"'\\\t\n", ""},
        {"bad\xff\xc3utf", "badutf"},
        {"", ""},
    };
    struct ray_arena *arena = ray_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_STR(cleaned(ray_str_from(cases[i].from), arena), cases[i].want);
    }
    ray_arena_free(arena);
}

static void names_are_cut_by_characters(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1 << 20);
    struct ray_buf text;
    ray_buf_init(&text, 4096);
    for (int i = 0; i < 300; i++) {
        ray_buf_append(&text, RAY_STR("\xc3\xa9"));
    }
    assert_int_equal(cleaned(ray_buf_str(&text), arena).len, 400);
    memset(text.data, 'x', text.len);
    assert_int_equal(cleaned(ray_buf_str(&text), arena).len, 200);
    ray_buf_clear(&text);
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleaning_keeps_what_xray_takes),
        cmocka_unit_test(names_are_cut_by_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
