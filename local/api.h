/*
 * api: the listener of the embedded X-Ray: HTTP around local/operation.
 *
 * Speaks the service's protocol (restJson1): POST with a JSON body, errors as x-amzn-ErrorType and
 * {"__type", "Message"}, x-amzn-RequestId on every answer. Requests from browsers of other sites
 * are refused (Host, when listening on loopback, and Origin are looked at), signatures are checked
 * when keys were given, and then against those keys only.
 *
 * Two threads. The listener's own ("api"): takes requests and runs puts, which answer in
 * milliseconds. The worker's ("api-query"): waits until the exporter has stored what was accepted
 * before a query came, then runs it, one after the other. SQLite is used on these two and the
 * exporter's, which serve nothing else.
 */
#ifndef RAY_LOCAL_API_H
#define RAY_LOCAL_API_H

#include "core/log.h"
#include "local/store.h"
#include "net/address.h"

struct ray_api;
struct ray_http_handler;

struct ray_api_key {
    struct ray_str id;
    struct ray_str secret;
};

/* All of it must outlive the api. */
struct ray_api_options {
    struct ray_store *store;
    struct ray_str account_id;
    const struct ray_api_key *keys; /* none: any request is accepted, signed or not */
    size_t key_count;
    /* Answers GET /why and below, on the listener's thread; NULL: not served. */
    const struct ray_http_handler *control;
    struct ray_log *log;
    const struct ray_clock *clock;
    /* How far what was accepted has come: the number of the newest document, and whether it and all
     * before it are stored. `position` NULL: nothing to wait for. Neither may block. */
    void *context;
    uint64_t (*position)(void *context);
    bool (*is_stored)(void *context, uint64_t position);
};

/* Binds and serves. RAY_IO with *error. */
RAY_MUST_USE enum ray_status ray_api_start(const struct ray_api_options *options,
                                           const struct ray_address *address, struct ray_api **out,
                                           struct ray_net_error *error);
uint16_t ray_api_port(const struct ray_api *api);
/* More was stored: lets waiting queries look again. Any thread. */
void ray_api_wake(struct ray_api *api);
/* Answers what came in, for at most `timeout_ms`; then frees. Accepts NULL. */
void ray_api_stop(struct ray_api *api, uint32_t timeout_ms);

#endif
