/*
 * rig: an intake over one fake queue, with a real translator and a ledger to look at.
 */
#ifndef RAY_TESTS_RECEIVER_RIG_H
#define RAY_TESTS_RECEIVER_RIG_H

#include "tests/unit/receiver/fake_queue.h"

#include "core/budget.h"
#include "receiver/intake.h"

struct rig {
    struct ray_queue queue;
    struct ray_translator *translator;
    struct ray_intake *intake;
    struct ray_metrics *metrics;
    struct ray_receiver_ledger ledger;
    struct ray_budget budget;
    struct ray_memory_gate gate; /* not in use until rig_limit_memory */
    _Atomic size_t held_bytes;   /* what its queues hold */
};

static inline void rig_open(struct rig *rig)
{
    fake_queue_init(&rig->queue);
    rig->translator = ray_translator_new(&(struct ray_translate_options){.preserve_all = false});
    rig->metrics = ray_metrics_new();
    assert_non_null(rig->translator);
    assert_non_null(rig->metrics);
    CHECK_OK(ray_receiver_ledger_init(&rig->ledger, rig->metrics, "otlp", "test"));
    ray_budget_init(&rig->budget, (size_t)24 << 20);
    struct ray_intake_pipeline pipeline = {
        .queue = &rig->queue,
        .translators = (const struct ray_translator *const *)&rig->translator,
        .translator_count = 1,
    };
    rig->intake = ray_intake_new(&(struct ray_intake_options){
        .pipelines = &pipeline, .pipeline_count = 1, .clock = &ray_clock_system});
    assert_non_null(rig->intake);
}

static inline size_t rig_held_bytes(void *context)
{
    return atomic_load(&((struct rig *)context)->held_bytes);
}

/* A soft limit of 1 MiB and a hard one of 2. Before the transport starts. */
static inline void rig_limit_memory(struct rig *rig)
{
    ray_memory_gate_init(&rig->gate,
                         &(struct ray_memory_gate_options){.soft_bytes = (size_t)1 << 20,
                                                           .hard_bytes = (size_t)2 << 20,
                                                           .clock = &ray_clock_system,
                                                           .held_bytes = rig_held_bytes,
                                                           .context = rig});
    atomic_store(&rig->held_bytes, 0);
    rig->budget.gate = &rig->gate;
}

static inline void rig_close(struct rig *rig)
{
    assert_int_equal(rig->queue.reserved_bytes, 0);
    assert_int_equal(ray_budget_used(&rig->budget), 0);
    int64_t refused = 0;
    for (int i = 0; i < RAY_REFUSED_COUNT; i++) {
        refused += ray_metric_get(rig->ledger.refused[i]);
    }
    /* the equation of queue/ledger.h */
    assert_int_equal(ray_metric_get(rig->ledger.received),
                     ray_metric_get(rig->ledger.taken) + refused);
    ray_intake_free(rig->intake);
    ray_metrics_free(rig->metrics);
    ray_translator_free(rig->translator);
}

static inline int64_t rig_taken(const struct rig *rig)
{
    return ray_metric_get(rig->ledger.taken);
}

static inline int64_t rig_refused(const struct rig *rig, enum ray_refusal reason)
{
    return ray_metric_get(rig->ledger.refused[reason]);
}

static inline int64_t rig_refused_requests(const struct rig *rig, enum ray_refusal reason)
{
    return ray_metric_get(rig->ledger.refused_requests[reason]);
}

#endif
