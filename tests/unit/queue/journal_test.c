/* journal: does a restart know what was done, also after half a write? */
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

#include "queue/journal.h"
#include "tests/support/sim_disk.h"

#define PATH "/data/queue/a-x.ack"

/* What a reader is told. */
struct told {
    uint64_t low;
    struct ray_done_range ranges[8192];
    size_t count;
};

static void on_low(void *context, uint64_t low)
{
    ((struct told *)context)->low = low;
}

static void on_range(void *context, struct ray_done_range range)
{
    struct told *told = context;
    assert_true(told->count < 8192);
    told->ranges[told->count++] = range;
}

static struct ray_journal *open_journal(struct sim_disk *sim, struct told *told, uint64_t *highest)
{
    struct ray_journal_reader reader = {told, on_low, on_range};
    *told = (struct told){.low = 0};
    struct ray_journal *journal = ray_journal_open(sim_disk_of(sim), PATH, &reader, highest);
    assert_non_null(journal);
    return journal;
}

static void test_a_new_one_takes_nothing_before_it_is_written(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(0);
    static struct told told;
    uint64_t highest = 99;
    struct ray_journal *journal = open_journal(sim, &told, &highest);
    assert_int_equal(highest, 0);
    assert_int_equal(told.count, 0);
    assert_false(ray_journal_add(journal, 1, 1));
    ray_journal_close(journal);
    sim_disk_free(sim);
}

static void test_what_was_noted_is_told(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(0);
    static struct told told;
    uint64_t highest;
    struct ray_journal *journal = open_journal(sim, &told, &highest);
    const struct ray_done_range ranges[2] = {{20, 5}, {40, 1}};
    CHECK_OK(ray_journal_rewrite(journal, 10, ranges, 2));
    assert_true(ray_journal_add(journal, 60, 3));
    assert_true(ray_journal_add(journal, 50, 2));
    ray_journal_close(journal);
    journal = open_journal(sim, &told, &highest);
    assert_int_equal(told.low, 10);
    assert_int_equal(told.count, 4);
    assert_memory_equal(&told.ranges[0], &ranges[0], sizeof(ranges[0]));
    assert_int_equal(told.ranges[2].first, 60);
    assert_int_equal(told.ranges[3].first, 50);
    assert_int_equal(told.ranges[3].count, 2);
    assert_int_equal(highest, 62);
    CHECK_OK(ray_journal_rewrite(journal, 11, NULL, 0)); /* the highest is kept, ranges are not */
    ray_journal_close(journal);
    ray_journal_close(open_journal(sim, &told, &highest));
    assert_int_equal(told.low, 11);
    assert_int_equal(told.count, 0);
    assert_int_equal(highest, 62);
    sim_disk_free(sim);
}

/* A half is full after a while; each rewrite goes to the other one. */
static void test_halves_take_turns(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(0);
    static struct told told;
    uint64_t highest, number = 0, rewritten = 0;
    struct ray_journal *journal = open_journal(sim, &told, &highest);
    CHECK_OK(ray_journal_rewrite(journal, 0, NULL, 0));
    for (unsigned rewrites = 0; rewrites < 5;) {
        if (ray_journal_add(journal, ++number, 1)) {
            continue;
        }
        CHECK_OK(ray_journal_rewrite(journal, number, NULL, 0));
        rewritten = number;
        rewrites++;
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_true(ray_journal_add(journal, ++number, 1));
    }
    ray_journal_close(journal);
    ray_journal_close(open_journal(sim, &told, &highest));
    assert_int_equal(told.low, rewritten);
    assert_int_equal(told.count, 7);
    assert_int_equal(highest, number);
    assert_true(rewritten > 5 * 4000);
    sim_disk_free(sim);
}

/* A rewrite that fails, whole or half way, leaves what was there; the next one that works counts.
 */
static void test_a_failed_rewrite_loses_nothing(void **state)
{
    (void)state;
    static const int errors[] = {EIO, ENOSPC};
    for (size_t i = 0; i < 2; i++) {
        struct sim_disk *sim = sim_disk_new(0);
        static struct told told;
        uint64_t highest;
        struct ray_journal *journal = open_journal(sim, &told, &highest);
        CHECK_OK(ray_journal_rewrite(journal, 5, NULL, 0));
        assert_true(ray_journal_add(journal, 7, 1));
        sim_disk_fail(sim, (struct sim_fault){SIM_WRITE, 1, 1, errors[i]});
        assert_int_equal(ray_journal_rewrite(journal, 9, NULL, 0), i == 0 ? RAY_IO : RAY_AGAIN);
        assert_false(ray_journal_add(journal, 10, 1)); /* until a rewrite works */
        struct sim_disk *killed = sim_disk_copy(sim);
        ray_journal_close(open_journal(killed, &told, &highest));
        assert_int_equal(told.low, 5);
        assert_int_equal(told.count, 1);
        sim_disk_free(killed);
        CHECK_OK(ray_journal_rewrite(journal, 10, NULL, 0));
        assert_true(ray_journal_add(journal, 11, 1));
        ray_journal_close(journal);
        ray_journal_close(open_journal(sim, &told, &highest));
        assert_int_equal(told.low, 10);
        sim_disk_free(sim);
    }
}

static void test_too_many_ranges_are_cut(void **state)
{
    (void)state;
    struct sim_disk *sim = sim_disk_new(0);
    static struct told told;
    static struct ray_done_range ranges[RAY_JOURNAL_RANGES_MAX + 10];
    uint64_t highest;
    for (size_t i = 0; i < RAY_JOURNAL_RANGES_MAX + 10; i++) {
        ranges[i] = (struct ray_done_range){2 + 2 * i, 1};
    }
    struct ray_journal *journal = open_journal(sim, &told, &highest);
    CHECK_OK(ray_journal_rewrite(journal, 0, ranges, RAY_JOURNAL_RANGES_MAX + 10));
    assert_true(ray_journal_add(journal, 90000, 1)); /* there is room behind the most */
    ray_journal_close(journal);
    ray_journal_close(open_journal(sim, &told, &highest));
    assert_int_equal(told.count, RAY_JOURNAL_RANGES_MAX + 1);
    assert_int_equal(highest, 90000);
    sim_disk_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_one_takes_nothing_before_it_is_written),
        cmocka_unit_test(test_what_was_noted_is_told),
        cmocka_unit_test(test_halves_take_turns),
        cmocka_unit_test(test_a_failed_rewrite_loses_nothing),
        cmocka_unit_test(test_too_many_ranges_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
