/*
 * http_linger: sockets of refused requests, kept a moment longer than their connections.
 *
 * A client that is still writing its body when we close sees a broken pipe, and the reset may throw
 * our answer away before it is read. So a copy of the descriptor stays, what comes is thrown away
 * unread, until the client closes or some seconds are over (RFC 9112, 9.6, "lingering close").
 * Private to net/. Not locked: belongs to who owns it.
 */
#ifndef RAY_NET_HTTP_LINGER_H
#define RAY_NET_HTTP_LINGER_H

#include <stddef.h>
#include <stdint.h>

/* More than that at once are closed without lingering: a courtesy must not cost descriptors. */
#define RAY_HTTP_LINGER_MAX 64u

struct ray_http_linger {
    struct {
        int fd;
        uint64_t until_ns; /* monotonic */
    } sockets[RAY_HTTP_LINGER_MAX];
    size_t count;
};

/* Keeps a copy of `fd`. */
void ray_http_linger_add(struct ray_http_linger *linger, int fd, uint64_t now_ns);
/* Throws away what came, closes those that are through. */
void ray_http_linger_look(struct ray_http_linger *linger, uint64_t now_ns);
void ray_http_linger_clear(struct ray_http_linger *linger); /* closes all */

#endif
