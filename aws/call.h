/*
 * call: the head of one signed call, as the lines that an HTTP client takes.
 *
 * Pure: no sockets. Signs Host (the very text that is sent), Content-Type, X-Amz-Date and
 * X-Amz-Security-Token; the client adds User-Agent and Content-Length unsigned.
 */
#ifndef RAY_AWS_CALL_H
#define RAY_AWS_CALL_H

#include "aws/endpoint.h"
#include "aws/sigv4.h"

struct ray_aws_call {
    const struct ray_endpoint *endpoint;
    struct ray_str path;    /* "/TraceSegments", put behind the endpoint's own */
    struct ray_str service; /* "xray" */
    struct ray_str region;
    struct ray_str content_type;
    struct ray_str body;
    uint64_t time_unix_s; /* by the far end's clock */
};

/* Appends the URL, then the header lines ("Host: ..."), each ended by NUL. One POST. RAY_NOMEM;
 * RAY_TOO_BIG: the URL is longer than 1 KiB. */
RAY_MUST_USE enum ray_status ray_aws_call_sign(const struct ray_aws_call *call,
                                               const struct ray_credentials *credentials,
                                               struct ray_sigv4_key *key, struct ray_buf *lines);

#endif
