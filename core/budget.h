/*
 * budget: bytes in hand, counted at the door. Any thread, no lock.
 *
 * What stands in front of a receiver: past the limit the answer is "later", before memory is
 * spent. Take and give must balance; the holder of a request gives back what it took. Behind it may
 * stand a gate for the memory of the whole process.
 */
#ifndef RAY_CORE_BUDGET_H
#define RAY_CORE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/memory_gate.h"

struct ray_budget {
    _Atomic size_t used_bytes;
    size_t limit_bytes;           /* set once, before use */
    struct ray_memory_gate *gate; /* the same; NULL: none */
};

static inline void ray_budget_init(struct ray_budget *budget, size_t limit_bytes)
{
    atomic_init(&budget->used_bytes, 0);
    budget->limit_bytes = limit_bytes;
    budget->gate = NULL;
}

static inline size_t ray_budget_used(const struct ray_budget *budget)
{
    return atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
}

/* Has the budget itself room? When it has and a take failed, the gate is closed. */
static inline bool ray_budget_has_room(const struct ray_budget *budget, size_t bytes)
{
    return bytes <= budget->limit_bytes && ray_budget_used(budget) <= budget->limit_bytes - bytes;
}

/* More of a request that has taken some. False, and nothing taken, when it would pass the limit, or
 * the process's hard one. */
static inline bool ray_budget_take_more(struct ray_budget *budget, size_t bytes, bool begun)
{
    size_t used = ray_budget_used(budget);
    do {
        if (bytes > budget->limit_bytes || used > budget->limit_bytes - bytes) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->used_bytes, &used, used + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    if (budget->gate != NULL && !ray_memory_gate_take(budget->gate, bytes, begun)) {
        atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
        return false;
    }
    return true;
}

/* The same of a new request: the process's soft limit holds. */
static inline bool ray_budget_take(struct ray_budget *budget, size_t bytes)
{
    return ray_budget_take_more(budget, bytes, false);
}

static inline void ray_budget_give(struct ray_budget *budget, size_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
    if (budget->gate != NULL) {
        ray_memory_gate_give(budget->gate, bytes);
    }
}

#endif
