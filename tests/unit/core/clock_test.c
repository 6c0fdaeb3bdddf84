/* Does the machine's clock tell this century, and never go back? And can a test own the time? */
#include "tests/unit/check.h"

#include "core/clock.h"

static void the_system_clock_moves_forward(void **state)
{
    (void)state;
    const uint64_t year_2020 = 1577836800u * RAY_NS_PER_S, year_2200 = 7258118400u * RAY_NS_PER_S;
    uint64_t now = ray_clock_unix_ns(&ray_clock_system);
    assert_in_range(now, year_2020, year_2200);
    uint64_t before = ray_clock_monotonic_ns(&ray_clock_system);
    for (int i = 0; i < 1000; i++) {
        uint64_t after = ray_clock_monotonic_ns(&ray_clock_system);
        assert_true(after >= before);
        before = after;
    }
}

static uint64_t told_ns(const struct ray_clock *clock)
{
    return *(const uint64_t *)clock->context;
}

static void a_test_can_own_it(void **state)
{
    (void)state;
    uint64_t now = 42;
    const struct ray_clock clock = {told_ns, told_ns, &now};
    assert_int_equal(ray_clock_unix_ns(&clock), 42);
    now += RAY_NS_PER_MS;
    assert_int_equal(ray_clock_monotonic_ns(&clock), 1000042);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_clock_moves_forward),
        cmocka_unit_test(a_test_can_own_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
