/*
 * otlp: the `otlp` receiver: OTLP over gRPC and over HTTP, one intake behind both.
 *
 * The two verbs of a component that touch the world are start and stop; between them requests flow
 * on the receiver's own threads. Keys: docs/configuration.md.
 */
#ifndef RAY_RECEIVER_OTLP_H
#define RAY_RECEIVER_OTLP_H

#include "config/options.h"
#include "core/memory_gate.h"
#include "net/address.h"
#include "receiver/intake.h"

#define RAY_OTLP_PATH_MAX_BYTES          200u
#define RAY_OTLP_HTTP_BODY_DEFAULT_BYTES ((int64_t)20 << 20) /* the collector's default */

struct ray_otlp_grpc_options {
    struct ray_str endpoint;
    int transport;                    /* tcp, tcp4, tcp6: the endpoint decides */
    int64_t max_recv_msg_size_mib;    /* 0: 4 */
    int64_t max_concurrent_streams;   /* 0: no limit */
    uint32_t enforcement_min_time_ms; /* of a client's pings; 0: 5 min */
    uint32_t keepalive_time_ms;
    uint32_t keepalive_timeout_ms;
    uint32_t max_connection_idle_ms; /* 0: for ever, as the two below */
    uint32_t max_connection_age_ms;
    uint32_t max_connection_age_grace_ms;
};

struct ray_otlp_http_options {
    struct ray_str endpoint;
    int transport;
    struct ray_str traces_url_path;
    int64_t max_request_body_size;
    uint32_t read_timeout_ms; /* 0: the server's default, as the two below */
    uint32_t read_header_timeout_ms;
    uint32_t idle_timeout_ms;
    struct ray_str_list compression_algorithms; /* empty: all that are served */
    bool keep_alives_enabled;
};

struct ray_otlp_protocols {
    bool grpc_on, http_on;
    struct ray_otlp_grpc_options grpc;
    struct ray_otlp_http_options http;
};

struct ray_otlp_options {
    struct ray_otlp_protocols protocols;
    int64_t max_in_flight_mib; /* requests in hand, both protocols together */
};
extern const struct ray_option ray_otlp_option_table[];

struct ray_otlp_receiver;

/* What it works with; all must outlive it. */
struct ray_receiver_environment {
    const char *id; /* component id, for logs and metric labels */
    struct ray_intake *intake;
    struct ray_memory_gate *memory; /* NULL: no limit but max_in_flight_mib */
    struct ray_metrics *metrics;
    struct ray_log *log;
    const struct ray_clock *clock;
};

/* Checks what the table cannot. RAY_INVALID with problems added. No side effect. */
RAY_MUST_USE enum ray_status ray_otlp_receiver_check(const struct ray_otlp_options *options,
                                                     const struct ray_yaml *node, const char *path,
                                                     struct ray_problems *problems);
/* Options and environment are copied, what their views and pointers name must outlive it. NULL when
 * out of memory. */
struct ray_otlp_receiver *ray_otlp_receiver_new(const struct ray_otlp_options *options,
                                                const struct ray_receiver_environment *environment);
/* Opens the ports. On any other status than RAY_OK none stays open, and *error's text names the
 * endpoint's key first: "protocols.grpc.endpoint: ...". */
RAY_MUST_USE enum ray_status ray_otlp_receiver_start(struct ray_otlp_receiver *receiver,
                                                     struct ray_net_error *error);
/* The ports that are open, 0 when off. */
uint16_t ray_otlp_receiver_grpc_port(const struct ray_otlp_receiver *receiver);
uint16_t ray_otlp_receiver_http_port(const struct ray_otlp_receiver *receiver);
/* Refuses new work (UNAVAILABLE, 503), waits for the answers of what was begun, at most
 * `timeout_ms` for clients; tickets are waited for as long as the queue owes them, so the queue is
 * closed after this. */
void ray_otlp_receiver_stop(struct ray_otlp_receiver *receiver, uint32_t timeout_ms);
void ray_otlp_receiver_free(struct ray_otlp_receiver *receiver); /* after stop; accepts NULL */

#endif
