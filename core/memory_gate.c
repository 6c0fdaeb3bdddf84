/* memory_gate: see memory_gate.h. */
#include "core/memory_gate.h"

void ray_memory_gate_init(struct ray_memory_gate *gate,
                          const struct ray_memory_gate_options *options)
{
    gate->options = *options;
    atomic_init(&gate->door_bytes, 0);
    atomic_init(&gate->rest_bytes, 0);
    atomic_init(&gate->look_ns, 0);
}

static size_t accounted(struct ray_memory_gate *gate)
{
    const struct ray_memory_gate_options *options = &gate->options;
    size_t held = options->held_bytes != NULL ? options->held_bytes(options->context) : 0;
    return held + atomic_load_explicit(&gate->door_bytes, memory_order_relaxed);
}

/* Whoever comes first when it is due looks for all. */
static void look_when_due(struct ray_memory_gate *gate)
{
    const struct ray_memory_gate_options *options = &gate->options;
    uint64_t now = ray_clock_monotonic_ns(options->clock);
    uint64_t due = atomic_load(&gate->look_ns);
    if (options->resident_bytes == NULL || now < due ||
        !atomic_compare_exchange_strong(&gate->look_ns, &due, now + options->interval_ns)) {
        return;
    }
    size_t known = accounted(gate);
    size_t resident = options->resident_bytes(options->context);
    atomic_store(&gate->rest_bytes, resident > known ? resident - known : 0);
}

size_t ray_memory_gate_used(struct ray_memory_gate *gate)
{
    look_when_due(gate);
    return accounted(gate) + atomic_load(&gate->rest_bytes);
}

bool ray_memory_gate_is_closed(struct ray_memory_gate *gate, bool begun)
{
    size_t limit = begun ? gate->options.hard_bytes : gate->options.soft_bytes;
    return ray_memory_gate_used(gate) > limit;
}

bool ray_memory_gate_take(struct ray_memory_gate *gate, size_t wire_bytes, bool begun)
{
    size_t hard = gate->options.hard_bytes;
    if (wire_bytes > RAY_MEMORY_FREE_BYTES) {
        size_t used = ray_memory_gate_used(gate);
        if (used > (begun ? hard : gate->options.soft_bytes) || used > hard ||
            wire_bytes > (hard - used) / RAY_MEMORY_PER_WIRE_BYTE) {
            return false;
        }
    }
    atomic_fetch_add_explicit(&gate->door_bytes, wire_bytes * RAY_MEMORY_PER_WIRE_BYTE,
                              memory_order_relaxed);
    return true;
}

void ray_memory_gate_give(struct ray_memory_gate *gate, size_t wire_bytes)
{
    atomic_fetch_sub_explicit(&gate->door_bytes, wire_bytes * RAY_MEMORY_PER_WIRE_BYTE,
                              memory_order_relaxed);
}
