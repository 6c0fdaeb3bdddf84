/* full: the disk has no room. The queue refuses and says "again", frees room without a write, and
 * delivers everything that it accepted. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "queue/journal.h"
#include "tests/fault/world.h"

#define CAPACITY ((uint64_t)768 << 10) /* three journals take half of it */

static struct world_options options_of(enum ray_fsync fsync)
{
    return (struct world_options){
        .fsync = fsync, .segment_bytes = 16 << 10, .max_bytes = 64 << 20, .cursors = 3};
}

/* Until the disk is full. How many batches went in. */
static uint32_t fill(struct world *world)
{
    uint32_t accepted = 0, refused = 0;
    while (refused < 5) {
        enum ray_status status = world_push(world, 1 + accepted % 4, 100 + accepted % 900);
        if (status == RAY_OK) {
            accepted++;
        } else {
            assert_int_equal(status, RAY_AGAIN);
            refused++;
        }
        assert_true(accepted < 10000);
    }
    return accepted;
}

static void test_fill_and_drain(void **state)
{
    (void)state;
    for (unsigned fsync = 0; fsync < 3; fsync++) {
        struct world world;
        struct world_options options = options_of((enum ray_fsync)fsync);
        world_init(&world, &options, sim_disk_new(CAPACITY));
        world_must_start(&world);
        for (unsigned round = 0; round < 6; round++) {
            assert_true(fill(&world) > 50);
            assert_true(sim_disk_used(world.sim) > CAPACITY - (32 << 10));
            if (round % 2 == 1) {
                world_kill(&world);
                world_must_start(&world);
            }
            world_drain(&world);
        }
        world_kill(&world);
        world_settle(&world, UINT64_MAX);
        world_clear(&world);
    }
}

/* A system without fallocate: writes come back short, then fail. */
static void test_without_blocks_taken_ahead(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = options_of(RAY_FSYNC_ALWAYS);
    world_init(&world, &options, sim_disk_new(CAPACITY));
    sim_disk_fail(world.sim, (struct sim_fault){SIM_ALLOCATE, 1, UINT64_MAX, EOPNOTSUPP});
    world_must_start(&world);
    for (unsigned round = 0; round < 4; round++) {
        assert_true(fill(&world) > 50);
        world_drain(&world);
        world_stop(&world);
        world_must_start(&world);
    }
    world_stop(&world);
    world_settle(&world, UINT64_MAX);
    world_clear(&world);
}

/* No write works any more: what is acknowledged still gives its room back. */
static void test_room_comes_back_without_a_write(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = options_of(RAY_FSYNC_ALWAYS);
    options.may_repeat = true; /* the journals cannot be written */
    world_init(&world, &options, sim_disk_new(CAPACITY));
    world_must_start(&world);
    (void)fill(&world);
    uint64_t full = sim_disk_used(world.sim);
    sim_disk_fail(world.sim, (struct sim_fault){SIM_WRITE, 1, UINT64_MAX, ENOSPC});
    world_drain(&world);
    assert_int_equal(world_push(&world, 1, 100), RAY_AGAIN); /* after the deletions */
    uint64_t drained = sim_disk_used(world.sim);
    if (drained > 3 * RAY_JOURNAL_BYTES + (48 << 10)) {
        fail_msg("%" PRIu64 " bytes before, %" PRIu64 " after", full, drained);
    }
    sim_disk_fail(world.sim, (struct sim_fault){.nth = 0});
    CHECK_OK(world_push(&world, 1, 100));
    world_kill(&world);
    world_settle(&world, UINT64_MAX);
    world_clear(&world);
}

/* The disk is full before the journals are there. */
static void test_no_room_for_journals(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = options_of(RAY_FSYNC_ALWAYS);
    options.may_repeat = true;
    world_init(&world, &options, sim_disk_new(64 << 10));
    world_must_start(&world);
    assert_true(fill(&world) > 5);
    for (unsigned c = 0; c < 3; c++) {
        CHECK_OK(world_read(&world, c));
        (void)world_ack(&world, c, 0, true);
    }
    world_kill(&world);
    sim_disk_set_capacity(world.sim, CAPACITY);
    world_settle(&world, UINT64_MAX);
    world_clear(&world);
}

static void test_min_free_is_kept_free(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = options_of(RAY_FSYNC_ALWAYS);
    options.min_free_bytes = 128 << 10;
    world_init(&world, &options, sim_disk_new(CAPACITY));
    world_must_start(&world);
    for (unsigned round = 0; round < 3; round++) {
        assert_true(fill(&world) > 20);
        assert_in_range(CAPACITY - sim_disk_used(world.sim), 128 << 10, (128 + 32) << 10);
        world_drain(&world);
    }
    world_stop(&world);
    world_settle(&world, UINT64_MAX);
    world_clear(&world);
}

/* max_size: files and one segment, and so small as here the blocks that files do not fill. */
static void test_max_size_bounds_the_disk(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = options_of(RAY_FSYNC_NEVER);
    options.max_bytes = 256 << 10;
    world_init(&world, &options, NULL);
    world_must_start(&world);
    for (unsigned round = 0; round < 4; round++) {
        (void)fill(&world);
        uint64_t used = sim_disk_used(world.sim) - 3 * RAY_JOURNAL_BYTES;
        if (used > options.max_bytes + 2 * options.segment_bytes) {
            fail_msg("%" PRIu64 " bytes of segments", used);
        }
        world_drain(&world);
        if (round % 2 == 0) {
            world_kill(&world);
            world_must_start(&world);
        }
    }
    world_stop(&world);
    world_settle(&world, UINT64_MAX);
    world_clear(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill_and_drain),
        cmocka_unit_test(test_without_blocks_taken_ahead),
        cmocka_unit_test(test_room_comes_back_without_a_write),
        cmocka_unit_test(test_no_room_for_journals),
        cmocka_unit_test(test_min_free_is_kept_free),
        cmocka_unit_test(test_max_size_bounds_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
