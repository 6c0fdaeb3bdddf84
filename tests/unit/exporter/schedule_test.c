/* schedule: does it slow down, probe and open again as it promises? */
#include "../check.h"

#include "core/clock.h"
#include "exporter/schedule.h"

#define MS(n) ((n)*RAY_NS_PER_MS)

static const struct ray_backoff full_jitter = {200, 5000, 2, 1};
static const struct ray_backoff no_jitter = {200, 5000, 2, 0};

static uint64_t fail_now(struct ray_schedule *schedule, enum ray_flow flow, uint64_t now_ns)
{
    return ray_schedule_failure(schedule, flow, schedule->round, 0, 0, now_ns) - now_ns;
}

/* So many in a row that the far end counts as gone. */
static uint64_t fail_often(struct ray_schedule *schedule, enum ray_flow flow, uint64_t now_ns)
{
    for (unsigned i = 1; i < RAY_SCHEDULE_FAILURES; i++) {
        (void)fail_now(schedule, flow, now_ns);
        assert_int_equal(schedule->flow, RAY_FLOW_OPEN);
    }
    uint64_t delay = fail_now(schedule, flow, now_ns);
    assert_int_equal(schedule->flow, flow);
    return delay;
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
        assert_int_equal(fail_often(&schedule, cases[c].flow, 0), MS(200));
        for (size_t i = 1; i < 7; i++) {
            assert_int_equal(fail_now(&schedule, cases[c].flow, 0), MS(cases[c].want_ms[i]));
        }
        ray_schedule_init(&schedule, &no_jitter, 32, 1);
        for (unsigned i = 0; i < 7; i++) { /* one parcel that fails while others do not */
            ray_schedule_success(&schedule, 0);
            assert_int_equal(
                ray_schedule_failure(&schedule, cases[c].flow, schedule.round, i, 0, 0),
                MS(cases[c].want_ms[i < 2 ? i : 2]));
            assert_true(ray_schedule_may_launch(&schedule, 0, 0));
        }
    }
}

static void test_full_jitter(void **state)
{
    (void)state;
    struct ray_schedule schedule;
    uint64_t sum = 0, most = 0;
    ray_schedule_init(&schedule, &full_jitter, 32, 1);
    (void)fail_often(&schedule, RAY_FLOW_DOWN, 0);
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
    assert_false(ray_schedule_launched(&schedule, 0));
    (void)fail_often(&schedule, RAY_FLOW_DOWN, 0);
    assert_false(ray_schedule_may_launch(&schedule, 0, MS(199)));
    assert_int_equal(ray_schedule_next_ns(&schedule, 0, MS(7)), MS(200));
    assert_true(ray_schedule_may_launch(&schedule, 0, MS(200)));
    assert_true(ray_schedule_launched(&schedule, MS(200)));
    assert_false(ray_schedule_may_launch(&schedule, 1, MS(5199)));
    assert_int_equal(ray_schedule_next_ns(&schedule, 1, MS(7)), MS(5200));
    assert_true(ray_schedule_may_launch(&schedule, 1, MS(5200))); /* it got no answer */
    ray_schedule_landed(&schedule, true);
    ray_schedule_success(&schedule, 0);
    assert_true(ray_schedule_may_launch(&schedule, 0, MS(200)));
    assert_int_equal(fail_often(&schedule, RAY_FLOW_DOWN, 0), MS(200)); /* from the beginning */
}

/* Thirty-two answers to one burst are one event. */
static void test_stale_news(void **state)
{
    (void)state;
    struct ray_schedule schedule;
    ray_schedule_init(&schedule, &no_jitter, 32, 1);
    for (size_t i = 0; i < 32; i++) {
        (void)ray_schedule_failure(&schedule, RAY_FLOW_THROTTLED, 0, 0, 0, 0);
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
    for (size_t i = 0; i < 63; i++) {
        ray_schedule_success(&schedule, 1);
    }
    assert_int_equal(schedule.limit, 1);
    for (size_t round = 1; round < 32; round++) {
        assert_int_equal(schedule.limit, round);
        for (size_t i = 0; i < round; i++) {
            ray_schedule_success(&schedule, 0);
        }
    }
    assert_int_equal(schedule.limit, 32);
    ray_schedule_success(&schedule, 0);
    assert_int_equal(schedule.limit, 32);
}

/* However much of the work is throttled, where the limit settles, and that nobody waits for a pause
 * while the half of it is taken. */
static void test_share(void **state)
{
    (void)state;
    static const struct {
        unsigned throttled_of_16;
        double least, most;
    } cases[] = {{0, 32, 32}, {1, 32, 32}, {4, 24, 32}, {8, 6, 10}, {12, 1, 5}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct ray_schedule schedule;
        ray_schedule_init(&schedule, &no_jitter, 32, 1);
        for (unsigned i = 0; i < 2000; i++) {
            if (i * 5 % 16 < cases[c].throttled_of_16) {
                (void)ray_schedule_failure(&schedule, RAY_FLOW_THROTTLED, schedule.round, 0, 0, 0);
            } else {
                ray_schedule_success(&schedule, 0);
            }
            assert_true(cases[c].throttled_of_16 > 8 || schedule.flow == RAY_FLOW_OPEN);
        }
        print_message("%u of 16 throttled: limit %.1f\n", cases[c].throttled_of_16, schedule.limit);
        assert_true(schedule.limit >= cases[c].least && schedule.limit <= cases[c].most);
    }
}

static void test_hint(void **state)
{
    (void)state;
    struct ray_schedule schedule;
    ray_schedule_init(&schedule, &full_jitter, 32, 1);
    for (size_t i = 0; i < 1000; i++) {
        uint64_t due =
            ray_schedule_failure(&schedule, RAY_FLOW_DOWN, schedule.round, 0, 10000, MS(5));
        assert_true(due >= MS(10005) && due <= MS(12005));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_full_jitter),
        cmocka_unit_test(test_one_probe),
        cmocka_unit_test(test_stale_news),
        cmocka_unit_test(test_additive_increase),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
