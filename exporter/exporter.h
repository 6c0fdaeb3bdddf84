/*
 * exporter: what every exporter works with.
 *
 * Its verbs are ray_<exporter>_check, new, start, stop and free: the first two are without side
 * effect, `start` opens its cursor and its thread, `stop` finishes what was accepted by a deadline.
 * daemon/component.c lists them.
 */
#ifndef RAY_EXPORTER_EXPORTER_H
#define RAY_EXPORTER_EXPORTER_H

#include "core/log.h"
#include "core/metric.h"
#include "queue/history.h"
#include "queue/queue.h"

struct ray_http_handler;

/* All of it must outlive the exporter. */
struct ray_exporter_environment {
    const char *id; /* component id: the cursor's name, log and metric label */
    struct ray_queue *queue;
    uint64_t profile;                   /* of its documents */
    uint64_t max_age_ms;                /* what was accepted longer ago is dropped; 0: nothing */
    bool drop_oldest;                   /* for its cursor */
    struct ray_history_column *history; /* its own; NULL: nobody asks what became of a trace */
    /* Answers what is asked of the program (GET /why/...) by HTTP; NULL: nobody. For exporters that
     * listen; filled before they are started. */
    const struct ray_http_handler *control;
    struct ray_metrics *metrics;
    struct ray_log *log;
    const struct ray_clock *clock;
};

/* Has a document that was accepted then (0: unknown) waited for longer than `max_age_ms` (0: it
 * may)?
 */
bool ray_exporter_is_too_old(const struct ray_clock *clock, uint64_t max_age_ms,
                             uint64_t accepted_unix_ns);

/* At the stop, before the cursor is closed: what it still owes is counted as dropped, so that the
 * ledger balances to the end, and returned; 0 when a durable queue keeps it for the next start. */
uint64_t ray_exporter_give_up(const struct ray_exporter_environment *environment,
                              struct ray_exporter_ledger *ledger, struct ray_cursor *cursor);

#endif
