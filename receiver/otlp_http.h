/*
 * otlp_http: OTLP over HTTP, one listener.
 *
 * Internal to receiver/. POST to one path, protobuf or JSON, compressed or not; everything else is
 * answered in words. A request that waits for its ticket waits in net/, no thread does.
 */
#ifndef RAY_RECEIVER_OTLP_HTTP_H
#define RAY_RECEIVER_OTLP_HTTP_H

#include "core/budget.h"
#include "receiver/otlp.h"

struct ray_otlp_http;

/* All must outlive it. */
struct ray_otlp_http_settings {
    const struct ray_otlp_http_options *options;
    struct ray_intake *intake;
    struct ray_receiver_ledger *ledger;
    struct ray_budget *budget;
    struct ray_log *log;
    const struct ray_clock *clock;
};

/* RAY_IO with *error ("127.0.0.1:4318: address in use ..."), RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_otlp_http_start(const struct ray_otlp_http_settings *settings,
                                                 struct ray_otlp_http **out,
                                                 struct ray_net_error *error);
uint16_t ray_otlp_http_port(const struct ray_otlp_http *http);
/* New requests are answered 503 from now on. */
void ray_otlp_http_quiesce(struct ray_otlp_http *http);
/* Waits for what was begun, at most `timeout_ms` (for tickets as long as the queue needs), and
 * frees. Accepts NULL. */
void ray_otlp_http_stop(struct ray_otlp_http *http, uint32_t timeout_ms);

#endif
