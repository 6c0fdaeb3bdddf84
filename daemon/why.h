/*
 * why: what the running program answers to `spanbridge why`: the history in words and as JSON.
 *
 *     {"trace_id", "w3c_trace_id", "state", "answer": [sentence...], "complete_since",
 *      "exporters": [{"exporter", "taken", "waiting", "delivered", "dropped", "last",
 * "reason"}...], "refused_spans": {"spans", "last", "reason"}, "refusals": [...]}
 *
 * "state" is delivered, waiting, refused, partly_refused, unknown (taken, and its queue is empty:
 * what became of it was not heard) or not_seen. Reads only; any thread.
 */
#ifndef RAY_DAEMON_WHY_H
#define RAY_DAEMON_WHY_H

#include "daemon/graph.h"
#include "queue/history.h"

struct ray_why_sources {
    struct ray_history *history;
    struct ray_metrics *metrics;
    const struct ray_graph_exporter *exporters;
    size_t exporter_count;
    uint64_t now_unix_s;
};

/* Appends the answer for one trace. RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_why_write(const struct ray_why_sources *sources,
                                           const struct ray_trace_id *id, struct ray_arena *arena,
                                           struct ray_buf *out);
/* Appends {"complete_since", "refusals": [...]}: the last refused documents, newest first. */
RAY_MUST_USE enum ray_status ray_why_write_refusals(const struct ray_why_sources *sources,
                                                    struct ray_arena *arena, struct ray_buf *out);

#endif
