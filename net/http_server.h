/*
 * http_server: one listener, one thread, whole requests in, whole replies out.
 *
 * libmicrohttpd stands behind it. Where that library leaves a hole we close it: a deadline for the
 * head and the body of each request (its own timeout restarts at every byte), Transfer-Encoding
 * together with Content-Length and doubled Content-Length are refused, header and body sizes are
 * capped, a connection pool of 12 KiB keeps idle connections cheap.
 *
 * A handler may answer at once or later, from any thread: until then the connection is suspended
 * and no thread waits. Each exchange is answered exactly once.
 */
#ifndef RAY_NET_HTTP_SERVER_H
#define RAY_NET_HTTP_SERVER_H

#include "core/budget.h"
#include "core/log.h"
#include "net/address.h"

struct ray_http_server;
struct ray_http_exchange;

enum ray_http_refusal {
    RAY_HTTP_BODY_TOO_BIG, /* 413 */
    RAY_HTTP_BUSY,         /* the byte budget is used up: 503 */
    RAY_HTTP_MEMORY_LIMIT, /* the gate behind the budget is closed: 503 */
    RAY_HTTP_STOPPING,     /* 503, Connection: close */
    RAY_HTTP_BAD_REQUEST,  /* 400: framing that must not be guessed at */
    RAY_HTTP_NO_MEMORY,    /* 503 */
};

struct ray_http_handler {
    void *context;
    /* The body is complete. Must lead to exactly one ray_http_reply, now or later. Runs on the
     * server's thread: while it does, no other request moves. */
    void (*request)(void *context, struct ray_http_exchange *exchange);
    /* The server refuses before or without a handler; this writes the reply in the protocol's own
     * words, before it returns. NULL: a plain text reply. */
    void (*refuse)(void *context, struct ray_http_exchange *exchange, enum ray_http_refusal why);
};

struct ray_http_server_options {
    const char *thread_name;
    struct ray_http_handler handler;
    struct ray_budget *budget; /* request bodies in hand are counted here, as they arrive; NULL:
                                  not. Must outlive every exchange, late replies included */
    size_t max_body_bytes;     /* > 0 */
    uint32_t max_connections;  /* 0: 4096; those above wait to be accepted */
    uint32_t head_timeout_ms;  /* 0: 10 s; from the first byte of a head to its end */
    uint32_t body_timeout_ms;  /* 0: 30 s; longer only while at least 1 KiB/s arrive. The same for
                                  a reply that its client does not read */
    uint32_t idle_timeout_ms;  /* 0: 60 s between requests */
    struct ray_log *log;
    const struct ray_clock *clock;
};

/* Binds and starts serving. RAY_IO with *error. */
RAY_MUST_USE enum ray_status ray_http_server_start(const struct ray_http_server_options *options,
                                                   const struct ray_address *address,
                                                   struct ray_http_server **out,
                                                   struct ray_net_error *error);
uint16_t ray_http_server_port(const struct ray_http_server *server);
/* Stops accepting; exchanges already begun may still be answered, new ones on open connections get
 * RAY_HTTP_STOPPING. Any thread. */
void ray_http_server_quiesce(struct ray_http_server *server);
/* Quiesces, waits until every begun exchange was answered and sent, `timeout_ms` at most; what is
 * still open then is answered 503, or cut when it was still arriving. Then frees. An owner who has
 * not answered yet still must, at any time later: the exchange stays readable until then. Not from
 * a handler. Accepts NULL. */
void ray_http_server_stop(struct ray_http_server *server, uint32_t timeout_ms);

/* Of an exchange, by its owner, on one thread at a time; views live until the reply. */
struct ray_str ray_http_method(const struct ray_http_exchange *exchange);
/* As sent (not decoded), without query. */
struct ray_str ray_http_path(const struct ray_http_exchange *exchange);
struct ray_str ray_http_query(struct ray_http_exchange *exchange,
                              const char *name); /* decoded; empty when absent */
struct ray_str ray_http_header(struct ray_http_exchange *exchange,
                               const char *name); /* empty when absent */
struct ray_str ray_http_body(const struct ray_http_exchange *exchange);
/* Every header in order of arrival, for a signature check. Return false to stop. */
typedef bool (*ray_http_header_fn)(void *context, struct ray_str name, struct ray_str value);
void ray_http_each_header(struct ray_http_exchange *exchange, ray_http_header_fn each,
                          void *context);
/* The path and query as sent ("/a%20b?x=1"), for the same. */
struct ray_str ray_http_target(const struct ray_http_exchange *exchange);
/* "127.0.0.1:51234" */
const char *ray_http_peer(struct ray_http_exchange *exchange);
/* A pointer of the handler's own, kept with the exchange; freed by the handler before its reply. */
void ray_http_set_user(struct ray_http_exchange *exchange, void *user);
void *ray_http_user(const struct ray_http_exchange *exchange);

struct ray_http_reply_header {
    const char *name;
    const char *value;
};

/* Answers. `body` and the headers are copied. Content-Length is set. After this the exchange
 * belongs to the server: touch it no more. Any thread. `close` ends the connection after the reply.
 */
void ray_http_reply(struct ray_http_exchange *exchange, unsigned status,
                    const struct ray_http_reply_header *headers, size_t header_count,
                    struct ray_str body, bool close);

#endif
