/*
 * http_watch: the open connections of a server, and the thread that closes those that are late.
 *
 * Private to net/. The server's thread adds, removes and says what each is doing; the watch looks
 * every quarter of the shortest limit and shuts the socket of who is too slow, or has left in the
 * middle of a request: libmicrohttpd 0.9.75 under epoll does not see an end that came together with
 * bytes (20 of 20 half requests stayed open). It only shuts,
 * closing belongs to the server: a connection is removed before its descriptor is closed, so that
 * the watch never hits one that was used anew. Sleeps soundly while there is no connection.
 */
#ifndef RAY_NET_HTTP_WATCH_H
#define RAY_NET_HTTP_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "core/clock.h"
#include "core/thread.h"
#include "net/http_deadline.h"
#include "net/http_linger.h"

struct ray_http_connection {
    int fd;       /* set by who adds it */
    bool lingers; /* answered before it was read (http_linger.h), by the server's thread */
    atomic_ullong body_bytes; /* of the body that is coming in, by the server's thread */
    /* the watch's own, guarded by its lock */
    struct ray_http_connection *previous, *next;
    struct ray_http_deadline deadline;
    bool end_is_seen; /* in this phase, nothing more will come */
};

struct ray_http_watch {
    struct ray_http_limits limits;
    const struct ray_clock *clock;
    uint32_t tick_ms;
    struct ray_thread thread;
    /* Guards what follows; no other lock is taken while it is held. */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a first connection, or the end */
    struct ray_http_connection *connections;
    size_t count;
    size_t peak; /* since the heap was trimmed */
    struct ray_http_linger linger;
    bool ends;
};

/* Initialises and starts the thread. RAY_IO when the system refuses; nothing to stop then. */
RAY_MUST_USE enum ray_status ray_http_watch_start(struct ray_http_watch *watch,
                                                  const struct ray_http_limits *limits,
                                                  const struct ray_clock *clock);
/* Joins the thread. No connection may be left. */
void ray_http_watch_stop(struct ray_http_watch *watch);

/* The connection is the caller's memory until removed; it begins as WAITING. */
void ray_http_watch_add(struct ray_http_watch *watch, struct ray_http_connection *connection);
void ray_http_watch_remove(struct ray_http_watch *watch, struct ray_http_connection *connection);
/* A new phase; `bytes` as in http_deadline.h. */
void ray_http_watch_enter(struct ray_http_watch *watch, struct ray_http_connection *connection,
                          enum ray_http_phase phase, uint64_t bytes);
/* The request line came: the time for the head runs, if it did not already. */
void ray_http_watch_enter_head(struct ray_http_watch *watch,
                               struct ray_http_connection *connection);
/* Shuts them all. Any thread. */
void ray_http_watch_cut_all(struct ray_http_watch *watch);

#endif
