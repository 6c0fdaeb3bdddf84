/* schedule: does it slow down, probe and open again as it promises? */
#include "../check.h"

#include "core/clock.h"
#include "exporter/schedule.h"

#define MS(n) ((n)*RAY_NS_PER_MS)

static const struct ray_backoff full_jitter = {200, 5000, 2, 1};
static const struct ray_backoff no_jitter = {200, 5000, 2, 0};

static uint64_t fail_now(struct ray_schedule *schedule, enum ray_flow flow, uint64_t now_ns)
{
    return ray_schedule_failure(schedule, flow, schedule->round, 0, now_ns) - now_ns;
}

static void test_intervals(void **state)
{
    (void)state;
    static const struct {
        enum ray_flow flow;
        uint64_t want_ms[7];
    } cases[] = {{RAY_FLOW_DOWN, {200, 400, 800, 1600, 3200, 5000, 5000}},
                 {RAY_FLOW_THROTTLED, {200, 400, 800, 1600, 2000, 2000, 2000}}};
    for (size_t c = 0; c < 2; c++) {
        struct ray_schedule schedule;
        ray_schedule_init(&schedule, &no_jitter, 32, 1);
        for (size_t i = 0; i < 7; i++) {
            assert_int_equal(fail_now(&schedule, cases[c].flow, 0), MS(cases[c].want_ms[i]));
        }
    }
}

static void test_full_jitter(void **state)
{
    (void)state;
    struct ray_schedule schedule;
    uint64_t sum = 0, most = 0;
    ray_schedule_init(&schedule, &full_jitter, 32, 1);
    for (size_t i = 0; i < 10000; i++) {
        uint64_t delay = fail_now(&schedule, RAY_FLOW_DOWN, 0);
        assert_true(delay >= MS(1) && delay <= MS(5000));
        sum += delay;
        most = delay > most ? delay : most;
    }
    uint64_t mean_ms = sum / 10000 / RAY_NS_PER_MS;
    print_message("mean %llu ms\n", (unsigned long long)mean_ms);
    assert_true(mean_ms > 2400 && mean_ms < 2600 && most > MS(4900));
}

static void test_one_probe(void **state)
{
    (void)state;
    struct ray_schedule schedule;
    ray_schedule_init(&schedule, &no_jitter, 32, 1);
    assert_true(ray_schedule_may_launch(&schedule, 31, 0));
    assert_false(ray_schedule_may_launch(&schedule, 32, 0));
    (void)fail_now(&schedule, RAY_FLOW_DOWN, 0);
    assert_false(ray_schedule_may_launch(&schedule, 0, MS(199)));
    assert_int_equal(ray_schedule_next_ns(&schedule, 0, MS(7)), MS(200));
    assert_true(ray_schedule_may_launch(&schedule, 0, MS(200)));
    schedule.probing = true;
    assert_false(ray_schedule_may_launch(&schedule, 0, MS(200)));
    assert_true(ray_schedule_next_ns(&schedule, 0, MS(7)) == UINT64_MAX);
    schedule.probing = false;
    ray_schedule_success(&schedule);
    assert_true(ray_schedule_may_launch(&schedule, 0, MS(200)));
    assert_int_equal(fail_now(&schedule, RAY_FLOW_DOWN, 0), MS(200)); /* from the beginning */
}

/* Thirty-two answers to one burst are one event. */
static void test_stale_news(void **state)
{
    (void)state;
    struct ray_schedule schedule;
    ray_schedule_init(&schedule, &no_jitter, 32, 1);
    for (size_t i = 0; i < 32; i++) {
        (void)ray_schedule_failure(&schedule, RAY_FLOW_THROTTLED, 0, 0, 0);
    }
    assert_int_equal(schedule.limit, 16);
    assert_int_equal(schedule.exponent, 1);
    assert_int_equal(schedule.not_before_ns, MS(200));
}

static void test_additive_increase(void **state)
{
    (void)state;
    struct ray_schedule schedule;
    ray_schedule_init(&schedule, &no_jitter, 32, 1);
    for (size_t i = 0; i < 10; i++) {
        ray_schedule_slow_down(&schedule, schedule.round);
    }
    assert_int_equal(schedule.limit, 1);
    for (size_t round = 1; round < 32; round++) {
        assert_int_equal(schedule.limit, round);
        for (size_t i = 0; i < round; i++) {
            ray_schedule_success(&schedule);
        }
    }
    assert_int_equal(schedule.limit, 32);
    ray_schedule_success(&schedule);
    assert_int_equal(schedule.limit, 32);
}

static void test_hint(void **state)
{
    (void)state;
    struct ray_schedule schedule;
    ray_schedule_init(&schedule, &full_jitter, 32, 1);
    for (size_t i = 0; i < 1000; i++) {
        uint64_t due = ray_schedule_failure(&schedule, RAY_FLOW_DOWN, schedule.round, 10000, MS(5));
        assert_true(due >= MS(10005) && due <= MS(12005));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals),         cmocka_unit_test(test_full_jitter),
        cmocka_unit_test(test_one_probe),         cmocka_unit_test(test_stale_news),
        cmocka_unit_test(test_additive_increase), cmocka_unit_test(test_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
