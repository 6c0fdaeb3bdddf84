/* disk: the nth call of each verb of the disk fails, for every n. The queue may refuse, and must
 * not lie: what its tickets accepted comes after a restart on a disk that works again. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tests/fault/world.h"

#define STEPS 36

/* Every call may fail, so no status is looked at; the book keeps what was promised. */
static void run_scenario(struct world *world)
{
    uint64_t random = 3;
    char error[256] = "";
    for (uint32_t i = 0; i < STEPS; i++) {
        uint64_t r = world_random(&random);
        if (i == STEPS / 2 && world->queue != NULL) {
            world_stop(world);
        }
        if (world->queue == NULL && world_start(world, error) != RAY_OK) {
            assert_true(error[0] != '\0');
            continue;
        }
        (void)!world_push(world, 1 + (uint32_t)(r % 5), 40 + (uint32_t)(r >> 8) % 700);
        if (i % 8 == 3) { /* over several segments */
            world_push_group(world, 2 + (unsigned)(r >> 48) % 20, 3, 200);
        }
        atomic_fetch_add(&world->now_ns, 60 * RAY_NS_PER_MS);
        for (unsigned c = 0; c < world->options.cursors; c++) {
            if ((r >> (20 + c)) % 4 != 0) {
                (void)world_read(world, c);
            }
            if ((r >> (30 + c)) % 2 == 0) {
                (void)world_ack(world, c, r >> 32, (r >> 40) % 2 == 0);
            }
        }
    }
}

static struct world_options options_of(enum ray_fsync fsync)
{
    return (struct world_options){
        .fsync = fsync, .segment_bytes = 8 << 10, .max_bytes = 1 << 20, .cursors = 3};
}

/* The verbs whose failure may cost the note of what was acknowledged: of a journal, or of a segment
 * that could not be looked into. */
static bool may_cost_notes(enum sim_verb verb)
{
    return verb == SIM_OPEN || verb == SIM_WRITE || verb == SIM_READ || verb == SIM_SIZE;
}

/* True when the fault was met. */
static bool run_one(enum ray_fsync fsync, struct sim_fault fault, bool killed)
{
    struct world world;
    struct world_options options = options_of(fsync);
    options.may_repeat = may_cost_notes(fault.verb);
    world_init(&world, &options, NULL);
    uint64_t wanted = fault.nth;
    sim_disk_fail(world.sim, fault);
    run_scenario(&world);
    bool met = sim_disk_calls(world.sim, fault.verb) >= wanted;
    sim_disk_fail(world.sim, (struct sim_fault){.nth = 0});
    if (world.queue != NULL && killed) {
        world_kill(&world);
    } else if (world.queue != NULL) {
        world_stop(&world);
    }
    world_settle(&world, UINT64_MAX);
    world_clear(&world);
    return met;
}

static const struct {
    enum sim_verb verb;
    int errors[3];
} cases[] = {
    {SIM_OPEN, {EMFILE, EIO, ENOSPC}},
    {SIM_READ, {EIO, EINTR, 0}},
    {SIM_WRITE, {EIO, ENOSPC, 0}},
    {SIM_WRITE, {EINTR, EINTR, 0}},
    {SIM_SIZE, {EIO, EIO, EIO}},
    {SIM_ALLOCATE, {ENOSPC, EIO, EOPNOTSUPP}},
    {SIM_TRUNCATE, {EIO, EIO, EIO}},
    {SIM_SYNC, {EIO, ENOSPC, EIO}},
    {SIM_RENAME, {ENOSPC, EIO, EIO}},
    {SIM_UNLINK, {EIO, EIO, EIO}},
    {SIM_MAKE_FOLDER, {EIO, EACCES, ENOSPC}},
    {SIM_SYNC_FOLDER, {EIO, EIO, EIO}},
    {SIM_LIST, {EIO, EIO, EIO}},
    {SIM_SPACE, {EIO, EIO, EIO}},
    {SIM_LOCK, {EWOULDBLOCK, EIO, EIO}},
};

static void run_case(enum ray_fsync fsync, enum sim_verb verb, int error, uint64_t count, bool deep,
                     uint64_t *runs)
{
    bool met = true;
    uint64_t step = deep ? 1 : 2 + (uint64_t)verb % 3;
    for (uint64_t nth = 1; met && nth<10000; nth += nth> 8 ? step : 1) {
        struct sim_fault fault = {verb, nth, count, error};
        print_message("\r%s %" PRIu64 " x%" PRIu64 " error %d   ", sim_verb_names[verb], nth, count,
                      error);
        met = run_one(fsync, fault, nth % 2 == 0);
        (*runs)++;
    }
}

static void test_every_call(void **state)
{
    (void)state;
    bool deep = getenv("FAULT_DEEP") != NULL;
    uint64_t runs = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t e = 0; e < 3; e++) {
            enum ray_fsync fsync = deep ? RAY_FSYNC_ALWAYS : (enum ray_fsync)((i + e) % 3);
            run_case(fsync, cases[i].verb, cases[i].errors[e], 1, deep, &runs);
            for (unsigned other = 0; deep && other < 3; other++) {
                run_case((enum ray_fsync)other, cases[i].verb, cases[i].errors[e], 1 + other * 2,
                         deep, &runs);
            }
        }
    }
    print_message("\r%" PRIu64 " runs                      \n", runs);
}

/* A disk that fails from some moment on: nothing is accepted any more, nothing of before is lost.
 */
static void test_it_stays_broken(void **state)
{
    (void)state;
    static const struct {
        enum sim_verb verb;
        int error;
    } broken[] = {{SIM_WRITE, EIO},    {SIM_WRITE, ENOSPC}, {SIM_SYNC, EIO},   {SIM_ALLOCATE, EIO},
                  {SIM_TRUNCATE, EIO}, {SIM_RENAME, EIO},   {SIM_OPEN, EACCES}};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        for (uint64_t nth = 1; nth < 60; nth += 7) {
            struct sim_fault fault = {broken[i].verb, nth, UINT64_MAX, broken[i].error};
            print_message("\r%s %" PRIu64 " for ever   ", sim_verb_names[fault.verb], nth);
            (void)run_one(RAY_FSYNC_ALWAYS, fault, nth % 2 == 0);
            (void)run_one(RAY_FSYNC_NEVER, fault, nth % 2 == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call),
        cmocka_unit_test(test_it_stays_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
