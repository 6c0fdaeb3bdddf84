/* model: random pushes, reads, acknowledgements, kills, restarts, and exporters that come and go,
 * against the world's book. Nothing accepted is lost, nothing comes twice without a cause. */
#include <inttypes.h>
#include <string.h>

#include "tests/fault/world.h"

/* Cursors from `cursors` on are not there any more: what they were owed is given up, also should
 * they return while other cursors still hold the log. */
static void forget_absent(struct world *world)
{
    for (uint32_t d = 0; d < world->document_count; d++) {
        for (unsigned c = world->options.cursors; c < WORLD_CURSORS; c++) {
            world->documents[d].seen[c].ack_began_at = 0;
            world->documents[d].seen[c].acked_at = 0;
        }
    }
}

static void restart(struct world *world, uint64_t random)
{
    if (random % 3 == 0) {
        world_stop(world);
    } else {
        world_kill(world);
    }
    if ((random >> 8) % 8 == 0) {
        world->options.cursors = 1 + (unsigned)(random >> 16) % WORLD_CURSORS;
    }
    world_must_start(world);
    forget_absent(world);
}

/* Room for one more push: the book may refuse when the queue is full. */
static void push(struct world *world, uint64_t r)
{
    uint32_t count =
        (r >> 8) % 16 == 0 ? 1 + (uint32_t)(r >> 16) % 60 : 1 + (uint32_t)(r >> 16) % 6;
    uint32_t bytes = (r >> 24) % 64 == 0 ? 9000 : 20 + (uint32_t)(r >> 32) % 300;
    if ((r >> 52) % 8 == 0) {
        world_push_group(world, 2 + (unsigned)(r >> 56) % (WORLD_GROUP_MAX - 1), count, bytes);
        return;
    }
    enum ray_status status = world_push(world, count, bytes);
    if (status != RAY_OK && status != RAY_AGAIN && status != RAY_TOO_BIG) {
        fail_msg("a push on a good disk: %d", status);
    }
}

static void step(struct world *world, uint64_t r)
{
    unsigned cursor = (unsigned)(r >> 40) % world->options.cursors;
    switch (r % 256 < 2 ? 0 : r % 8) {
    case 0:
        if (r % 256 < 2) {
            restart(world, r >> 8);
        } else {
            push(world, r);
        }
        return;
    case 1:
    case 2:
        push(world, r);
        return;
    case 3:
    case 4:
    case 5:
        (void)world_read(world, cursor);
        return;
    default:
        (void)world_ack(world, cursor, r >> 8, (r >> 48) % 2 == 0);
        return;
    }
}

static void run_seed(uint64_t seed, uint32_t steps)
{
    uint64_t random = seed;
    struct world world;
    struct world_options options = {
        .fsync = (enum ray_fsync)(seed % 3),
        .segment_bytes = (uint64_t[]){8 << 10, 16 << 10, 32 << 10}[seed / 3 % 3],
        .max_bytes = (size_t[]){64 << 10, 256 << 10, 1 << 20}[seed / 9 % 3],
        .cursors = 1 + (unsigned)(seed % WORLD_CURSORS),
    };
    world_init(&world, &options, NULL);
    world_must_start(&world);
    forget_absent(&world);
    for (uint32_t i = 0; i < steps; i++) {
        step(&world, world_random(&random));
        atomic_fetch_add(&world.now_ns, RAY_NS_PER_MS);
    }
    world_kill(&world);
    world_settle(&world, UINT64_MAX);
    world_clear(&world);
}

static void test_random_walks(void **state)
{
    (void)state;
    const char *deep = getenv("FAULT_DEEP");
    const char *one = getenv("FAULT_SEED");
    uint64_t seeds = deep != NULL ? 1000 : 16;
    for (uint64_t seed = one != NULL ? strtoull(one, NULL, 10) : 1; seed <= seeds; seed++) {
        print_message("\rseed %" PRIu64 "   ", seed);
        run_seed(seed, 2000);
    }
    print_message("\r%" PRIu64 " steps  \n", seeds * 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_walks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
