/* memory: the nth allocation fails, for every n. No crash, no leak (under AddressSanitizer), and
 * the tickets tell the truth: what was accepted comes after a restart with memory enough. */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/fault/world.h"

/* The linker sends every call here (--wrap); allocations of the simulated disk do not count. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
char *__wrap_strdup(const char *text);

static _Atomic uint64_t made;               /* allocations since the count began */
static _Atomic uint64_t fail_from, fail_to; /* those of [from, to) fail */

static bool fails(void)
{
    if (sim_disk_depth > 0) {
        return false;
    }
    uint64_t number = atomic_fetch_add(&made, 1);
    bool hit = number >= atomic_load(&fail_from) && number < atomic_load(&fail_to);
    if (hit) {
        errno = ENOMEM;
    }
    return hit;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    return fails() ? NULL : __real_realloc(old, bytes);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static void fail_between(uint64_t from, uint64_t to)
{
    atomic_store(&fail_to, 0);
    atomic_store(&fail_from, from);
    atomic_store(&made, 0);
    atomic_store(&fail_to, to);
}

static void run_scenario(struct world *world, uint32_t steps)
{
    uint64_t random = 11;
    char error[256];
    for (uint32_t i = 0; i < steps; i++) {
        uint64_t r = world_random(&random);
        if (i == steps / 2 && world->queue != NULL) {
            world_stop(world);
        }
        if (world->queue == NULL && world_start(world, error) != RAY_OK) {
            continue;
        }
        (void)!world_push(world, 1 + (uint32_t)(r % 5), 40 + (uint32_t)(r >> 8) % 700);
        if (i % 8 == 3) { /* over several segments */
            world_push_group(world, 2 + (unsigned)(r >> 48) % 20, 3, 200);
        }
        for (unsigned c = 0; c < world->options.cursors; c++) {
            if ((r >> (20 + c)) % 4 != 0) {
                (void)!world_read(world, c);
            }
            if ((r >> (30 + c)) % 2 == 0) {
                (void)world_ack(world, c, r >> 32, (r >> 40) % 2 == 0);
            }
        }
    }
}

/* What one scenario allocates. */
static uint64_t run_one(uint64_t nth, uint64_t count, bool killed)
{
    struct world world;
    struct world_options options = {.fsync = (enum ray_fsync)(nth % 3),
                                    .segment_bytes = 8 << 10,
                                    .max_bytes = 1 << 20,
                                    .cursors = 3,
                                    .may_repeat = true};
    world_init(&world, &options, NULL);
    world_reserve(&world, 1000);
    world_must_start(&world); /* something to find again */
    for (unsigned i = 0; i < 6; i++) {
        CHECK_OK(world_push(&world, 4, 500));
        (void)!world_read(&world, i % 3);
        (void)world_ack(&world, i % 3, i * 77777, false);
    }
    world_kill(&world);
    fail_between(nth, nth + count);
    run_scenario(&world, 24);
    uint64_t allocations = atomic_load(&made);
    fail_between(0, 0);
    if (world.queue != NULL && killed) {
        world_kill(&world);
    } else if (world.queue != NULL) {
        world_stop(&world);
    }
    world_settle(&world, UINT64_MAX);
    world_clear(&world);
    return allocations;
}

static void test_every_allocation(void **state)
{
    (void)state;
    bool deep = getenv("FAULT_DEEP") != NULL;
    uint64_t runs = 0;
    for (uint64_t count = 1; count <= 5; count += deep ? 1 : 4) {
        uint64_t allocations = 1;
        for (uint64_t nth = 0; nth < allocations; nth += deep || nth < 100 ? 1 : 3, runs++) {
            print_message("\rallocation %" PRIu64 " and %" PRIu64 " more   ", nth, count - 1);
            uint64_t made_now = run_one(nth, count, nth % 2 == 0);
            allocations = made_now > allocations ? made_now : allocations;
        }
    }
    print_message("\r%" PRIu64 " runs                      \n", runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
