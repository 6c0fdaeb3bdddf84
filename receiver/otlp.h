/*
 * otlp: the `otlp` receiver: OTLP over gRPC and over HTTP, one intake behind both.
 *
 * The two verbs of a component that touch the world are start and stop; between them requests flow
 * on the receiver's own threads. Keys: docs/configuration.md.
 */
#ifndef RAY_RECEIVER_OTLP_H
#define RAY_RECEIVER_OTLP_H

#include "config/options.h"
#include "core/budget.h"
#include "net/address.h"
#include "receiver/intake.h"

struct ray_otlp_grpc_options {
    struct ray_str endpoint;
    int64_t max_recv_msg_size_mib;
    int64_t max_concurrent_streams;
    uint32_t keepalive_time_ms;
    uint32_t keepalive_timeout_ms;
    uint32_t max_connection_idle_ms;
    uint32_t max_connection_age_ms;
    uint32_t max_connection_age_grace_ms;
};

struct ray_otlp_http_options {
    struct ray_str endpoint;
    struct ray_str traces_url_path;
    int64_t max_request_body_size;
    uint32_t read_timeout_ms;
    uint32_t read_header_timeout_ms;
    uint32_t idle_timeout_ms;
};

struct ray_otlp_options {
    struct {
        bool grpc_on, http_on;
        struct ray_otlp_grpc_options grpc;
        struct ray_otlp_http_options http;
    } protocols;
    int64_t max_in_flight_mib;
};
/* The table of the component's keys, for config. */
extern const struct ray_option ray_otlp_option_table[];

struct ray_otlp_receiver;

/* What it works with; all must outlive it. */
struct ray_receiver_environment {
    const char *id; /* component id, for logs and metric labels */
    struct ray_intake *intake;
    struct ray_metrics *metrics;
    struct ray_log *log;
    const struct ray_clock *clock;
};

/* Checks what the table cannot. No side effect. */
RAY_MUST_USE enum ray_status ray_otlp_receiver_check(const struct ray_otlp_options *options,
                                                     const struct ray_yaml *node, const char *path,
                                                     struct ray_problems *problems);
struct ray_otlp_receiver *ray_otlp_receiver_new(const struct ray_otlp_options *options,
                                                const struct ray_receiver_environment *environment);
/* Opens the ports. RAY_IO with *error, whose text names the endpoint's key first:
 * "protocols.grpc.endpoint: ...". */
RAY_MUST_USE enum ray_status ray_otlp_receiver_start(struct ray_otlp_receiver *receiver,
                                                     struct ray_net_error *error);
/* The ports that are open, 0 when off. */
uint16_t ray_otlp_receiver_grpc_port(const struct ray_otlp_receiver *receiver);
uint16_t ray_otlp_receiver_http_port(const struct ray_otlp_receiver *receiver);
/* Refuses new work (UNAVAILABLE, 503), waits for the answers of what was begun, at most
 * `timeout_ms`. */
void ray_otlp_receiver_stop(struct ray_otlp_receiver *receiver, uint32_t timeout_ms);
void ray_otlp_receiver_free(struct ray_otlp_receiver *receiver); /* after stop; accepts NULL */

#endif
