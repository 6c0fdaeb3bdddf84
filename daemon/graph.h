/*
 * graph: what a configuration comes to: queues, exporters behind them, receivers in front.
 *
 * Made in one go from a checked configuration, without side effects; then started sinks first and
 * stopped sources first. Main's thread only, except where said.
 */
#ifndef RAY_DAEMON_GRAPH_H
#define RAY_DAEMON_GRAPH_H

#include "core/log.h"
#include "core/metric.h"
#include "daemon/component.h"

struct ray_graph;
struct ray_http_handler;

/* All of it must outlive the graph. */
struct ray_graph_environment {
    struct ray_metrics *metrics;
    struct ray_log *log;
    const struct ray_clock *clock;
    struct ray_history *history;            /* NULL: nobody asks what became of a trace */
    const struct ray_http_handler *control; /* of exporters that listen; filled before the start */
};

/*
 * Checks the wiring and creates everything. Pipelines of metrics and logs are left out with one
 * warning each. RAY_INVALID with problems, RAY_NOMEM. `components` and `arena` must outlive the
 * graph.
 */
RAY_MUST_USE enum ray_status ray_graph_new(const struct ray_component_set *components,
                                           struct ray_arena *arena,
                                           const struct ray_graph_environment *environment,
                                           struct ray_problems *problems, struct ray_graph **out);
void ray_graph_free(struct ray_graph *graph); /* after stop; accepts NULL */

/* Starts sinks, then sources. On failure what was started is stopped again and `problems` has the
 * key's place. */
RAY_MUST_USE enum ray_status ray_graph_start(struct ray_graph *graph,
                                             struct ray_problems *problems);
/* Appends " name=host:port" for each open port. */
void ray_graph_addresses(const struct ray_graph *graph, struct ray_buf *out);
/* Can everything deliver? `why` names the exporter that cannot and what it lacks. Any thread. */
bool ray_graph_ready(const struct ray_graph *graph, char why[256]);
struct ray_graph_exporter {
    const char *id;
    const char *type;
    bool ready; /* as ray_graph_ready has it */
    char why[200];
};
/* Each exporter of each pipeline, in the arena. RAY_NOMEM. Any thread, while it is started. */
RAY_MUST_USE enum ray_status ray_graph_exporters(const struct ray_graph *graph,
                                                 struct ray_arena *arena,
                                                 struct ray_graph_exporter **out, size_t *count);
/* Is something that was accepted not delivered: waiting still, or given up by an exporter that was
 * stopped? Any thread. */
bool ray_graph_owes(const struct ray_graph *graph);
/* Finishes requests in progress, then delivers what was accepted, `timeout_ms` at most. Returns the
 * documents that had to be given up. */
uint64_t ray_graph_stop(struct ray_graph *graph, uint32_t timeout_ms);

#endif
