/* Does the gate count before memory is spent, and see what nobody counts? */
#include "tests/unit/check.h"

#include "core/budget.h"

struct process {
    struct ray_clock clock; /* first */
    uint64_t now_ns;
    size_t held, resident;
    unsigned looks;
};

static uint64_t process_now(const struct ray_clock *clock)
{
    return ((const struct process *)(const void *)clock)->now_ns;
}

static size_t process_held(void *context)
{
    return ((struct process *)context)->held;
}

static size_t process_resident(void *context)
{
    struct process *process = context;
    process->looks++;
    return process->resident;
}

#define INTERVAL_NS (1000 * RAY_NS_PER_MS)

static void process_init(struct process *process, struct ray_memory_gate *gate)
{
    *process = (struct process){.clock = {.monotonic_ns = process_now}, .resident = 1000};
    ray_memory_gate_init(gate, &(struct ray_memory_gate_options){
                                   .soft_bytes = 8000,
                                   .hard_bytes = 10000,
                                   .interval_ns = INTERVAL_NS,
                                   .clock = &process->clock,
                                   .held_bytes = process_held,
                                   .resident_bytes = process_resident,
                                   .context = process,
                               });
}

static void it_counts_before_the_memory_is_spent(void **state)
{
    (void)state;
    struct process process;
    struct ray_memory_gate gate;
    process_init(&process, &gate);
    assert_int_equal(ray_memory_gate_used(&gate), 1000);
    assert_true(ray_memory_gate_take(&gate, 1000, false));
    assert_int_equal(ray_memory_gate_used(&gate), 5000);
    assert_false(ray_memory_gate_take(&gate, 1251, false)); /* would pass the hard limit */
    assert_true(ray_memory_gate_take(&gate, 1000, false));  /* above the soft one now */
    assert_false(ray_memory_gate_take(&gate, 100, false));
    assert_true(ray_memory_gate_take(&gate, 100, true)); /* one that has begun goes on */
    assert_true(ray_memory_gate_is_closed(&gate, false));
    assert_false(ray_memory_gate_is_closed(&gate, true));
    assert_false(ray_memory_gate_take(&gate, 1000, true)); /* up to the hard one */
    ray_memory_gate_give(&gate, 2100);
    assert_int_equal(ray_memory_gate_used(&gate), 1000);
    assert_int_equal(process.looks, 1);
}

static void the_queue_and_the_rest_count(void **state)
{
    (void)state;
    struct process process;
    struct ray_memory_gate gate;
    process_init(&process, &gate);
    assert_int_equal(ray_memory_gate_used(&gate), 1000);
    process.held = 7500; /* at once */
    assert_false(ray_memory_gate_take(&gate, 100, false));
    process.held = 0;
    process.resident = 9000; /* at the next look */
    assert_true(ray_memory_gate_take(&gate, 100, false));
    ray_memory_gate_give(&gate, 100);
    process.now_ns = INTERVAL_NS;
    assert_false(ray_memory_gate_take(&gate, 100, false));
    process.held = 5000; /* was part of the 9000: not counted twice */
    process.now_ns = 2 * INTERVAL_NS;
    assert_int_equal(ray_memory_gate_used(&gate), 9000);
    process.resident = 2000; /* less than is accounted for: what will come counts */
    process.now_ns = 3 * INTERVAL_NS;
    assert_int_equal(ray_memory_gate_used(&gate), 5000);
    assert_int_equal(process.looks, 4);
}

static void a_request_without_spans_passes(void **state)
{
    (void)state;
    struct process process;
    struct ray_memory_gate gate;
    process_init(&process, &gate);
    process.resident = 20000;
    assert_true(ray_memory_gate_take(&gate, 0, false));
    assert_true(ray_memory_gate_take(&gate, RAY_MEMORY_FREE_BYTES, false));
    assert_false(ray_memory_gate_take(&gate, RAY_MEMORY_FREE_BYTES + 1, true));
    ray_memory_gate_give(&gate, RAY_MEMORY_FREE_BYTES);
}

static void a_budget_gives_back_what_the_gate_refused(void **state)
{
    (void)state;
    struct process process;
    struct ray_memory_gate gate;
    struct ray_budget budget;
    process_init(&process, &gate);
    ray_budget_init(&budget, 100000);
    budget.gate = &gate;
    assert_true(ray_budget_take(&budget, 1000));
    assert_false(ray_budget_take(&budget, 2000));
    assert_true(ray_budget_has_room(&budget, 2000)); /* so it was the gate */
    assert_int_equal(ray_budget_used(&budget), 1000);
    assert_int_equal(ray_memory_gate_used(&gate), 5000);
    ray_budget_give(&budget, 1000);
    assert_int_equal(ray_memory_gate_used(&gate), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_counts_before_the_memory_is_spent),
        cmocka_unit_test(the_queue_and_the_rest_count),
        cmocka_unit_test(a_request_without_spans_passes),
        cmocka_unit_test(a_budget_gives_back_what_the_gate_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
