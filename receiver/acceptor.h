/*
 * acceptor: takes connections off a listening socket, one thread, and hands them to a library that
 * owns them from then on.
 *
 * Internal to receiver/. gRPC core's own listener stops for good when `accept` fails once for want
 * of descriptors (CVE-2023-4785), has no limit on connections and gives no way to end one. So this
 * keeps a second descriptor of each connection: it tells when the connection is over, and can cut
 * it.
 */
#ifndef RAY_RECEIVER_ACCEPTOR_H
#define RAY_RECEIVER_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

struct ray_acceptor;

struct ray_acceptor_options {
    int listener;             /* non-blocking; owned by the acceptor once started */
    uint32_t max_connections; /* > 0; those above wait to be accepted */
    /* Takes over `fd`, a connected, non-blocking socket. On the acceptor's thread. */
    void (*connected)(void *context, int fd);
    /* Every `tick_ms` while there are connections; may call the three functions below. */
    void (*tick)(void *context);
    uint32_t tick_ms;
    void *context;
};

/* RAY_NOMEM, or RAY_IO with errno: the listener is then still the caller's. */
RAY_MUST_USE enum ray_status ray_acceptor_start(const struct ray_acceptor_options *options,
                                                struct ray_acceptor **out);
/* Notes how much each connection has received so far. On the acceptor's thread only. */
void ray_acceptor_mark(struct ray_acceptor *acceptor);
/* Ends the connection that received most since the mark (or ever, when it is younger), if that is
 * more than `least_bytes`. On the acceptor's thread only. False when there is none. */
bool ray_acceptor_cut_busiest(struct ray_acceptor *acceptor, uint64_t least_bytes);
/* Ends the connection that was handed over as `fd`. On the acceptor's thread only. False when it is
 * over already. */
bool ray_acceptor_cut(struct ray_acceptor *acceptor, int fd);
/* Closes the listener. `connected` does not run after this, `tick` does. Accepts NULL. */
void ray_acceptor_quiesce(struct ray_acceptor *acceptor);
/* Ends all connections, soon. Any thread. Accepts NULL. */
void ray_acceptor_cut_all(struct ray_acceptor *acceptor);
/* Quiesces; connections go on without us. Frees. Accepts NULL. */
void ray_acceptor_stop(struct ray_acceptor *acceptor);

#endif
