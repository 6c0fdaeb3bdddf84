/*
 * telemetry: what the program says about itself over HTTP: health and metrics, a listener each; the
 * metrics' one is also where `spanbridge why` asks (GET /why/TRACE_ID).
 *
 * Neither thread ever waits for the store or the network: /livez answers whenever the process runs.
 */
#ifndef RAY_DAEMON_TELEMETRY_H
#define RAY_DAEMON_TELEMETRY_H

#include "core/log.h"
#include "core/metric.h"
#include "daemon/extension.h"
#include "daemon/graph.h"
#include "net/http_server.h"

enum ray_phase { RAY_PHASE_STARTING, RAY_PHASE_RUNNING, RAY_PHASE_STOPPING };

/* What health is asked about. Written by main, read by the health thread. */
struct ray_health_state {
    _Atomic int phase;             /* enum ray_phase */
    const struct ray_graph *graph; /* set before phase RUNNING */
    uint64_t started_unix_ns;
    const struct ray_clock *clock;
};

struct ray_telemetry;

struct ray_telemetry_environment {
    struct ray_health_state *health;
    struct ray_metrics *metrics;
    struct ray_history *history;
    struct ray_log *log;
    const struct ray_clock *clock;
};

/* NULL when out of memory. Opens nothing yet. */
struct ray_telemetry *ray_telemetry_new(const struct ray_telemetry_environment *environment);
/* Each opens its port. RAY_IO or RAY_INVALID with *error. */
RAY_MUST_USE enum ray_status ray_telemetry_start_health(struct ray_telemetry *telemetry,
                                                        const struct ray_health_options *options,
                                                        struct ray_net_error *error);
RAY_MUST_USE enum ray_status ray_telemetry_start_metrics(struct ray_telemetry *telemetry,
                                                         struct ray_str address,
                                                         struct ray_net_error *error);
/* Answers GET /why and below for another listener, which has looked at who asks. */
struct ray_http_handler ray_telemetry_control(struct ray_telemetry *telemetry);
/* Appends " health=host:port metrics=host:port", those that are open. */
void ray_telemetry_addresses(const struct ray_telemetry *telemetry, struct ray_buf *out);
void ray_telemetry_free(struct ray_telemetry *telemetry); /* closes both; accepts NULL */

#endif
