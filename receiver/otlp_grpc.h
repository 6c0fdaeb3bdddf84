/*
 * otlp_grpc: OTLP over gRPC, on gRPC core's C surface.
 *
 * Internal to receiver/. Core is kept at arm's length: it does not inflate (it would without a
 * bound), it does not decide what is too much (a byte budget of ours answers with a hint before its
 * quota drops calls without one), and it is not asked for the time of incomplete messages.
 */
#ifndef RAY_RECEIVER_OTLP_GRPC_H
#define RAY_RECEIVER_OTLP_GRPC_H

#include "core/budget.h"
#include "receiver/otlp.h"

struct ray_otlp_grpc;

/* All must outlive it. */
struct ray_otlp_grpc_settings {
    const struct ray_otlp_grpc_options *options;
    struct ray_intake *intake;
    struct ray_receiver_ledger *ledger;
    struct ray_budget *budget;
    struct ray_log *log;
    const struct ray_clock *clock;
    uint32_t threads;            /* 0: one on up to 2 cores, else half of them, at most 4 */
    uint32_t message_timeout_ms; /* of a call whose message does not arrive; 0: 30 s */
};

/* RAY_IO with *error ("127.0.0.1:4317: address in use ..."), RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_otlp_grpc_start(const struct ray_otlp_grpc_settings *settings,
                                                 struct ray_otlp_grpc **out,
                                                 struct ray_net_error *error);
uint16_t ray_otlp_grpc_port(const struct ray_otlp_grpc *grpc);
/* Sends GOAWAY; new calls are answered UNAVAILABLE from now on, or by core CANCELLED when they
 * cross the GOAWAY (clients resend after both: OTLP specification, "Failures"). */
void ray_otlp_grpc_quiesce(struct ray_otlp_grpc *grpc);
/* Quiesces, waits for what was begun, at most `timeout_ms` (for tickets as long as the queue
 * needs), cuts the rest and frees. Core needs up to 10 s more when a peer left its replies unread:
 * a thread of its own then waits so long for the socket, and is joined. Accepts NULL. */
void ray_otlp_grpc_stop(struct ray_otlp_grpc *grpc, uint32_t timeout_ms);

#endif
