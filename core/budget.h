/*
 * budget: bytes in hand, counted at the door. Any thread, no lock.
 *
 * What stands in front of a receiver: past the limit the answer is "later", before memory is
 * spent. Take and give must balance; the holder of a request gives back what it took.
 */
#ifndef RAY_CORE_BUDGET_H
#define RAY_CORE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct ray_budget {
    _Atomic size_t used_bytes;
    size_t limit_bytes; /* set once, before use */
};

static inline void ray_budget_init(struct ray_budget *budget, size_t limit_bytes)
{
    atomic_init(&budget->used_bytes, 0);
    budget->limit_bytes = limit_bytes;
}

/* False, and nothing taken, when it would pass the limit. */
static inline bool ray_budget_take(struct ray_budget *budget, size_t bytes)
{
    size_t used = atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
    do {
        if (bytes > budget->limit_bytes || used > budget->limit_bytes - bytes) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->used_bytes, &used, used + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static inline void ray_budget_give(struct ray_budget *budget, size_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
}

static inline size_t ray_budget_used(const struct ray_budget *budget)
{
    return atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
}

#endif
