/*
 * sigv4: AWS Signature Version 4, for requests we send and for requests we check.
 *
 * Pure but for the day key it caches. Source: AWS General Reference, "Signature Version 4 signing
 * process"; checked stage by stage against vectors made by botocore's signer.
 *
 *   canonical = method \n path \n query \n (name ":" value \n)* \n names \n hash-of-body
 *   to sign   = "AWS4-HMAC-SHA256" \n date \n day/region/service/aws4_request \n hash-of-canonical
 *   key       = HMAC chain of "AWS4" + secret over day, region, service, "aws4_request"
 *   signature = hex(HMAC(key, to sign))
 */
#ifndef RAY_AWS_SIGV4_H
#define RAY_AWS_SIGV4_H

#include "aws/credentials.h"
#include "core/buf.h"

/* More are refused; the longest list that an SDK sends has about twenty. */
#define RAY_SIGV4_HEADERS_MAX    64u
#define RAY_SIGV4_PARAMETERS_MAX 128u

struct ray_sigv4_header {
    struct ray_str name; /* any case */
    struct ray_str value;
};

struct ray_sigv4_request {
    struct ray_str method;
    struct ray_str target; /* path and query as on the wire */
    const struct ray_sigv4_header
        *headers; /* host, content-type, x-amz-*; in order of appearance */
    size_t header_count;
    struct ray_str body;
};

struct ray_sigv4_scope {
    struct ray_str region;
    struct ray_str service; /* "xray" */
    uint64_t time_unix_s;
};

#define RAY_SIGV4_DATE_BYTES 17u /* "20260102T030405Z" and NUL */
/* Times past the year 9999 are written as its last second. */
void ray_sigv4_date(uint64_t time_unix_s, char out[RAY_SIGV4_DATE_BYTES]);

/* The day key of one secret, region and service; owned by one thread; zero-initialised. Cleanse it
 * with ray_sigv4_key_clear(). */
struct ray_sigv4_key {
    char scope[256]; /* what it was made for */
    uint8_t bytes[32];
    bool valid;
};
void ray_sigv4_key_clear(struct ray_sigv4_key *key);

/* The first stages, each appended to a buffer, so that each can be checked. X-Amz-Date and
 * X-Amz-Security-Token must be among the headers already. `payload_hash` is 64 hex digits. Headers
 * that proxies and clients change (user-agent, expect, ...) are left out. `out` fails with more
 * headers or query parameters than the maxima above. */
void ray_sigv4_canonical_request(const struct ray_sigv4_request *request,
                                 struct ray_str payload_hash, struct ray_buf *out);
/* All zeros when the library fails (memory): the far end then refuses the signature. */
void ray_sigv4_payload_hash(struct ray_str body, char out[65]);

/* The value of the Authorization header, appended to `out`. RAY_NOMEM, or RAY_TOO_BIG: more
 * headers or query parameters than the maxima above, or 256 KiB of them. */
RAY_MUST_USE enum ray_status ray_sigv4_sign(const struct ray_sigv4_request *request,
                                            const struct ray_sigv4_scope *scope,
                                            const struct ray_credentials *credentials,
                                            struct ray_sigv4_key *key, struct ray_buf *out);

/* Checks a request that came in, in constant time; `request` holds all of its headers, with
 * Authorization. `find` gives the secret of a key id, or the empty view. RAY_INVALID with *error in
 * the service's own words (and its error name first: "InvalidSignatureException: ..."); RAY_NOMEM.
 * Region and service are taken from the request: any are good. */
typedef struct ray_str (*ray_sigv4_secret_fn)(void *context, struct ray_str access_key_id);
RAY_MUST_USE enum ray_status ray_sigv4_verify(const struct ray_sigv4_request *request,
                                              uint64_t now_unix_s, ray_sigv4_secret_fn find,
                                              void *context, struct ray_aws_error *error);

#endif
