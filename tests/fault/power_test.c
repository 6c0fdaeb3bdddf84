/* power: a process is killed, or the machine loses its power, before each single change that the
 * queue makes to its disk. Does everything come that was accepted by then? */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "tests/fault/world.h"

/* Pushes, reads, acknowledgements that overtake each other, a restart in the middle, and time. */
static void run_scenario(struct world *world, uint32_t steps)
{
    uint64_t random = 7;
    world_must_start(world);
    for (uint32_t i = 0; i < steps; i++) {
        uint64_t r = world_random(&random);
        CHECK_OK(world_push(world, 1 + (uint32_t)(r % 5), 40 + (uint32_t)(r >> 8) % 700));
        if (r >> 56 < 16) { /* over several segments */
            world_push_group(world, 2 + (unsigned)(r >> 48) % 20, 3, 200);
        }
        atomic_fetch_add(&world->now_ns, 30 * RAY_NS_PER_MS);
        for (unsigned c = 0; c < world->options.cursors; c++) {
            if ((r >> (20 + c)) % 4 != 0) {
                (void)world_read(world, c);
            }
            if ((r >> (30 + c)) % 2 == 0) {
                (void)world_ack(world, c, r >> 32, (r >> 40) % 2 == 0);
            }
        }
        if (i == steps / 2) {
            world_stop(world);
            world_must_start(world);
        }
    }
}

static const char *const policies[] = {"always", "interval", "never"};

/* What must have survived a loss of power with `interval`: whatever two later pushes each an
 * interval younger have followed, since the first of them makes the sync due and the second comes
 * after it. */
static uint64_t safe_before(const struct world *world, uint64_t change)
{
    uint64_t youngest = 0, first_safe = 0;
    for (uint32_t d = 0; d < world->document_count; d++) {
        const struct world_document *document = &world->documents[d];
        if (document->accepted_at < change && document->accepted_clock > youngest) {
            youngest = document->accepted_clock;
        }
    }
    uint64_t slack = 160 * RAY_NS_PER_MS;
    for (uint32_t d = 0; d < world->document_count; d++) {
        const struct world_document *document = &world->documents[d];
        if (document->accepted_at < change && document->accepted_clock + slack <= youngest) {
            first_safe = document->accepted_at + 1;
        }
    }
    return first_safe;
}

static void check_ending(const struct world *world, uint64_t change, uint64_t seed)
{
    struct world after;
    struct sim_disk *sim = sim_disk_copy(sim_disk_recorded(world->sim, change));
    uint64_t before = change;
    if (seed > 0) {
        sim_disk_lose_power(sim, change * 1000 + seed);
    }
    world_init_from(&after, world, sim, change);
    after.options.may_repeat = seed > 0;
    if (seed > 0 && world->options.fsync == RAY_FSYNC_NEVER) {
        after.options.may_lose = true;
    } else if (seed > 0 && world->options.fsync == RAY_FSYNC_INTERVAL) {
        before = safe_before(world, change);
    }
    world_settle(&after, before);
    world_clear(&after);
}

static void test_every_change(void **state)
{
    bool deep = getenv("FAULT_DEEP") != NULL;
    struct world world;
    struct world_options options = {
        .fsync = *(const enum ray_fsync *)*state,
        .segment_bytes = 8 << 10,
        .max_bytes = 1 << 20,
        .cursors = 3,
    };
    world_init(&world, &options, NULL);
    sim_disk_record(world.sim, 20000);
    run_scenario(&world, deep ? 150 : 60);
    uint64_t changes = sim_disk_changes(world.sim);
    for (uint64_t change = 1; change <= changes && change <= 20000; change++) {
        for (uint64_t seed = 0; seed < (deep ? 15 : 3); seed++) {
            check_ending(&world, change, seed);
        }
    }
    print_message("%s: %" PRIu64 " changes, %u documents\n", policies[options.fsync], changes,
                  world.document_count);
    world_clear(&world);
}

/* ---- interval, under load -------------------------------------------------------------------- */

/* A ticket whose end pushes the next batch: something always waits. */
struct chain {
    struct ray_ticket ticket;
    struct world *world;
    uint32_t left;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool is_over;
};

static void push_next(struct chain *chain)
{
    struct ray_batch *batch = ray_batch_new(1 << 10);
    struct ray_trace_id trace_id = {{1}};
    ray_batch_begin_section(batch, 1);
    ray_buf_append(ray_batch_begin_document(batch), RAY_STR("{}"));
    CHECK_OK(ray_batch_end_document(batch, &trace_id, (const uint8_t[8]){1}, 0));
    ray_batch_seal(batch);
    atomic_fetch_add(&chain->world->now_ns, 10 * RAY_NS_PER_MS);
    CHECK_OK(ray_queue_push(chain->world->queue, batch, 0, &chain->ticket));
}

static void on_chain(struct ray_ticket *ticket, enum ray_status status)
{
    struct chain *chain = (struct chain *)(void *)ticket;
    CHECK_OK(status);
    if (chain->left-- > 1) {
        push_next(chain);
        return;
    }
    pthread_mutex_lock(&chain->lock);
    chain->is_over = true;
    pthread_cond_signal(&chain->over);
    pthread_mutex_unlock(&chain->lock);
}

static void test_load_does_not_put_off_the_sync(void **state)
{
    (void)state;
    struct world world;
    struct world_options options = {
        .fsync = RAY_FSYNC_INTERVAL, .segment_bytes = 1 << 20, .max_bytes = 4 << 20, .cursors = 1};
    world_init(&world, &options, NULL);
    world_must_start(&world);
    struct chain chain = {.ticket = {on_chain}, .world = &world, .left = 200};
    pthread_mutex_init(&chain.lock, NULL);
    pthread_cond_init(&chain.over, NULL);
    pthread_mutex_lock(&chain.lock);
    push_next(&chain);
    while (!chain.is_over) {
        pthread_cond_wait(&chain.over, &chain.lock);
    }
    pthread_mutex_unlock(&chain.lock);
    uint64_t syncs = sim_disk_calls(world.sim, SIM_SYNC);
    assert_in_range(syncs, 15, 25); /* 2 s of 100 ms */
    world_clear(&world);
}

static enum ray_fsync always = RAY_FSYNC_ALWAYS, interval = RAY_FSYNC_INTERVAL,
                      never = RAY_FSYNC_NEVER;

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_does_not_put_off_the_sync),
        {"test_every_change, always", test_every_change, NULL, NULL, &always},
        {"test_every_change, interval", test_every_change, NULL, NULL, &interval},
        {"test_every_change, never", test_every_change, NULL, NULL, &never},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
