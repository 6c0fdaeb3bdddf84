/*
 * http_deadline: how long may a connection take for what it is doing? Pure: time comes in.
 *
 * Private to net/. libmicrohttpd's own timeout restarts at every byte, so a client that sends one
 * byte a second stays for ever. Here a head has a fixed time, and bodies, both ways, have one that
 * is prolonged only while the bytes keep coming at a decent rate.
 */
#ifndef RAY_NET_HTTP_DEADLINE_H
#define RAY_NET_HTTP_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

/* A body that takes longer than its timeout must come (or go) at this rate. */
#define RAY_HTTP_MIN_BYTES_PER_S 1024u

enum ray_http_phase {
    RAY_HTTP_WAITING, /* between requests; bytes = received on this connection */
    RAY_HTTP_HEAD,    /* its first byte came */
    RAY_HTTP_BODY,    /* bytes = of the body, so far */
    RAY_HTTP_WORKING, /* the handler's turn: no deadline */
    RAY_HTTP_SENDING, /* bytes = acknowledged by the client */
};

struct ray_http_limits {
    uint64_t head_ns;
    uint64_t body_ns; /* of a body, and of a reply */
    uint64_t idle_ns;
};

/* For `bytes` when nobody has counted yet: the first count that is seen becomes the mark. */
#define RAY_HTTP_BYTES_UNKNOWN UINT64_MAX

struct ray_http_deadline {
    enum ray_http_phase phase;
    uint64_t since_ns; /* start of the phase, or of its current window */
    uint64_t due_ns;
    uint64_t mark_bytes; /* count at since_ns */
};

/* A new phase begins. */
void ray_http_deadline_enter(struct ray_http_deadline *deadline,
                             const struct ray_http_limits *limits, enum ray_http_phase phase,
                             uint64_t now_ns, uint64_t bytes);
/* Called now and then with the phase's byte count; true: close the connection. Waiting becomes
 * HEAD here, when bytes have come. */
bool ray_http_deadline_passed(struct ray_http_deadline *deadline,
                              const struct ray_http_limits *limits, uint64_t now_ns,
                              uint64_t bytes);

#endif
