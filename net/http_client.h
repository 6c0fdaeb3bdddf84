/*
 * http_client: many HTTP calls in flight on one thread, over libcurl's multi interface.
 *
 * A transport is a face with four verbs, so that tests put a scripted network with virtual time in
 * its place. It has no thread of its own: the one that polls is the one that everything but
 * `wakeup` belongs to. A call is the caller's memory and must stay until `done` has run.
 * No redirects, no Expect, no compression, no proxy unless set, HTTP/1.1, keep-alive.
 *
 * A request that met a kept-alive connection which the far end was just closing is sent once more
 * by itself, so the far end may see it twice.
 */
#ifndef RAY_NET_HTTP_CLIENT_H
#define RAY_NET_HTTP_CLIENT_H

#include "core/buf.h"

enum ray_call_outcome {
    RAY_CALL_ANSWERED,       /* `status` is set, whatever it says; `answer` is complete */
    RAY_CALL_CONNECT_FAILED, /* refused, unreachable, name not found, TLS: nothing was sent */
    RAY_CALL_TIMED_OUT,      /* the far end may have the data */
    RAY_CALL_BROKEN,         /* reset, cut or garbled answer: the far end may have the data */
    RAY_CALL_ANSWER_TOO_BIG, /* more than answer.max_bytes; `status` is set */
    RAY_CALL_CANCELLED,
};

struct ray_http_call {
    /* set by the caller */
    const char *method;                       /* "POST" */
    const char *url;                          /* absolute, http or https */
    const char *const *headers;               /* "Name: value" lines, NULL-terminated */
    struct ray_str body;                      /* not copied */
    uint32_t timeout_ms;                      /* of the whole call, waiting included; > 0 */
    void (*done)(struct ray_http_call *call); /* runs inside poll, once */
    void *context;
    struct ray_buf
        answer; /* body of the answer; initialised by the caller, cleared by the caller */

    /* set before `done` */
    enum ray_call_outcome outcome;
    unsigned status;
    char error_type[96];  /* header x-amzn-ErrorType, cut at ':' ; "" when absent */
    char retry_after[48]; /* header Retry-After, as sent */
    char date[48];        /* header Date, as sent */
    char problem[160];    /* for the log, when not ANSWERED: "Connection refused" ... */

    void *transport_private;
};

struct ray_transport;
struct ray_transport_ops {
    /* Begins a call. RAY_OK: `done` will run. RAY_INVALID: the URL is no good. RAY_NOMEM. */
    enum ray_status (*start)(struct ray_transport *transport, struct ray_http_call *call);
    /* Ends a call early: `done` runs with RAY_CALL_CANCELLED before this returns. */
    void (*cancel)(struct ray_transport *transport, struct ray_http_call *call);
    /* Moves calls along, for at most `timeout_ms` or until wakeup; runs `done` of finished ones. */
    void (*poll)(struct ray_transport *transport, uint32_t timeout_ms);
    /* Makes a running or the next poll return. Any thread. */
    void (*wakeup)(struct ray_transport *transport);
    /* No call may be in flight. */
    void (*free)(struct ray_transport *transport);
};
struct ray_transport {
    const struct ray_transport_ops *ops;
};

/* Texts are copied. */
struct ray_http_client_options {
    uint32_t max_connections;    /* per host; 0: 16. More calls than these wait for their turn */
    uint32_t connect_timeout_ms; /* 0: 5 s */
    const char *proxy;           /* URL, "" or NULL: direct */
    const char *ca_file;         /* NULL: the system's */
    const char *user_agent;
    bool no_verify_ssl;
};

/* The real one. NULL when out of memory. ray_http_client_global_init must have been called before:
 * it counts, so each call is balanced by one of ray_http_client_global_free. Main's thread, the
 * first before there are others. */
struct ray_transport *ray_http_client_new(const struct ray_http_client_options *options);
RAY_MUST_USE enum ray_status ray_http_client_global_init(void);
void ray_http_client_global_free(void);

#endif
