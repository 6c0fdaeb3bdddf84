/*
 * http_exchange: one request while it is in hand, and the reply that waits to be sent.
 *
 * Private to net/; the getters are in http_server.h. Everything that they show is a copy, so an
 * exchange outlives its connection: two references hold it, the server's and its owner's.
 *
 *     READING -> HANDLING -> ANSWERED              answered before the handler returned
 *                HANDLING -> PARKED -> ANSWERED    answered later
 *
 * Each arrow is one atomic step. Only the server's thread parks, only who claimed the exchange
 * answers.
 */
#ifndef RAY_NET_HTTP_EXCHANGE_H
#define RAY_NET_HTTP_EXCHANGE_H

#include <stdatomic.h>

#include "core/arena.h"
#include "core/buf.h"
#include "net/http_head.h"
#include "net/http_server.h"

struct MHD_Connection;
struct MHD_Response;
struct ray_http_connection;

enum ray_http_exchange_state {
    RAY_HTTP_READING,
    RAY_HTTP_HANDLING,
    RAY_HTTP_PARKED,
    RAY_HTTP_ANSWERED
};

struct ray_http_exchange {
    atomic_uint references;
    _Atomic enum ray_http_exchange_state state;
    atomic_bool is_claimed; /* somebody answers: the owner, or stop in its place */
    atomic_bool must_close;
    /* what the owner may look at until its reply */
    struct ray_arena *arena;
    struct ray_str method, target;
    struct ray_http_field *fields;
    size_t field_count;
    char peer[RAY_ADDRESS_TEXT_BYTES];
    struct ray_buf body;
    struct ray_budget *budget; /* NULL: not counted */
    size_t budget_taken;
    bool gate_is_closed; /* why the budget gave nothing */
    void *user;
    /* the server's thread only */
    struct ray_http_server *server;
    struct ray_http_connection *connection; /* until the exchange has ended */
    struct MHD_Connection *mhd;             /* the same; who answers a parked one may use it too */
    bool head_is_seen;
    bool is_refused; /* with `refusal`, once the rest of the body was swallowed */
    enum ray_http_refusal refusal;
    uint64_t swallowed_bytes;
    struct ray_http_exchange *previous, *next; /* the server's open ones, under its lock */
    struct ray_http_exchange *next_unanswered; /* a list of stop's own */
    /* written by who claimed it, before ANSWERED */
    unsigned reply_status;
    struct MHD_Response *reply; /* NULL: out of memory, the connection is cut */
};

/* One reference, READING. NULL when out of memory. */
struct ray_http_exchange *ray_http_exchange_new(struct ray_str target, const char *peer,
                                                struct ray_budget *budget);
void ray_http_exchange_ref(struct ray_http_exchange *exchange);
/* True when that was the last: then all is given back but `reply`, which must be destroyed
 * before. */
bool ray_http_exchange_is_last(struct ray_http_exchange *exchange);
void ray_http_exchange_free(struct ray_http_exchange *exchange);

/* Makes room for the head's copies. RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_http_exchange_init_head(struct ray_http_exchange *exchange,
                                                         struct ray_str method, size_t field_count);
RAY_MUST_USE enum ray_status ray_http_exchange_add_field(struct ray_http_exchange *exchange,
                                                         struct ray_str name, struct ray_str value);

/* A body of that many bytes is announced (SIZE_MAX: unknown) and will not pass `max_bytes`.
 * RAY_AGAIN when the budget has no room, RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_http_exchange_expect(struct ray_http_exchange *exchange,
                                                      uint64_t body_bytes, size_t max_bytes);
/* A piece of it. RAY_TOO_BIG, RAY_AGAIN, RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_http_exchange_take(struct ray_http_exchange *exchange,
                                                    struct ray_str piece);
/* Frees the body and gives back exactly what the budget gave. */
void ray_http_exchange_drop_body(struct ray_http_exchange *exchange);

#endif
