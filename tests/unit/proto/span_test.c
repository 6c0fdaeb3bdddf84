/* span: lookups, and which ids OTLP calls valid. */
#include "proto/span.h"

#include "tests/unit/check.h"

static void first_attribute_of_a_key_is_found(void **state)
{
    (void)state;
    const struct ray_attribute items[] = {
        {RAY_STR_INIT("a"), {.kind = RAY_VALUE_STRING, .as.string = RAY_STR_INIT("one")}},
        {RAY_STR_INIT("b"), {.kind = RAY_VALUE_INT, .as.integer = 7}},
        {RAY_STR_INIT("a"), {.kind = RAY_VALUE_STRING, .as.string = RAY_STR_INIT("two")}},
    };
    const struct ray_attributes attributes = {items, 3};
    CHECK_STR(ray_attributes_string(&attributes, RAY_STR("a")), "one");
    CHECK_STR(ray_attributes_string(&attributes, RAY_STR("b")), "");
    CHECK_STR(ray_attributes_string(&attributes, RAY_STR("c")), "");
    assert_ptr_equal(ray_attributes_find(&attributes, RAY_STR("b")), &items[1].value);
    assert_null(ray_attributes_find(&attributes, RAY_STR("")));
}

static void ids_have_their_length_and_are_not_zero(void **state)
{
    (void)state;
    static const struct {
        const char *trace_id, *span_id;
        size_t trace_bytes, span_bytes;
        bool valid;
    } cases[] = {
        {"0123456789abcdef", "01234567", 16, 8, true},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", "\1\0\0\0\0\0\0\0", 16, 8, true},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "01234567", 16, 8, false},
        {"0123456789abcdef", "\0\0\0\0\0\0\0\0", 16, 8, false},
        {"0123456789abcde", "01234567", 15, 8, false},
        {"0123456789abcdefg", "01234567", 17, 8, false},
        {"0123456789abcdef", "0123456", 16, 7, false},
        {"0123456789abcdef", "0123456789abcdef", 16, 16, false},
        {NULL, NULL, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_span span = {.trace_id = {cases[i].trace_id, cases[i].trace_bytes},
                                .span_id = {cases[i].span_id, cases[i].span_bytes}};
        if (ray_span_has_ids(&span) != cases[i].valid) {
            fail_msg("case %zu: valid is not %d", i, cases[i].valid);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_attribute_of_a_key_is_found),
        cmocka_unit_test(ids_have_their_length_and_are_not_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
