/*
 * exporter: what every exporter works with, and the four verbs it answers to.
 *
 * `create` checks options and allocates, without side effect; `start` opens its cursor and its
 * thread; `stop` finishes what was accepted, by a deadline; `free` gives memory back.
 * daemon/component lists them.
 */
#ifndef RAY_EXPORTER_EXPORTER_H
#define RAY_EXPORTER_EXPORTER_H

#include "core/log.h"
#include "core/metric.h"
#include "queue/queue.h"

/* All of it must outlive the exporter. */
struct ray_exporter_environment {
    const char *id; /* component id: the cursor's name, log and metric label */
    struct ray_queue *queue;
    uint64_t profile; /* of its documents */
    struct ray_metrics *metrics;
    struct ray_log *log;
    const struct ray_clock *clock;
};

#endif
