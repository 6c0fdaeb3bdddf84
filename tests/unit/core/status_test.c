/* Has every status a word, and does the worst of several win? */
#include "tests/unit/check.h"

static void every_status_has_its_own_word(void **state)
{
    (void)state;
    static const char *const words[] = {"ok",        "again", "invalid", "too_big",
                                        "no_memory", "io",    "closed"};
    for (int i = RAY_OK; i <= RAY_CLOSED; i++) {
        assert_string_equal(ray_status_name((enum ray_status)i), words[i]);
    }
    assert_string_equal(ray_status_name((enum ray_status)99), "unknown");
}

static void later_values_win(void **state)
{
    (void)state;
    assert_int_equal(ray_status_worst(RAY_OK, RAY_AGAIN), RAY_AGAIN);
    assert_int_equal(ray_status_worst(RAY_IO, RAY_INVALID), RAY_IO);
    assert_int_equal(ray_status_worst(RAY_OK, RAY_OK), RAY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_own_word),
        cmocka_unit_test(later_values_win),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
