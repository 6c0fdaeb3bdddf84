/*
 * endpoint: which region, and which URL its X-Ray answers on. Pure but for the environment and
 * files.
 *
 * Orders and names: AWS SDKs and Tools Reference Guide, "AWS Region" and "Service-specific
 * endpoints"; the hosts: AWS General Reference and the partitions file of the SDKs.
 */
#ifndef RAY_AWS_ENDPOINT_H
#define RAY_AWS_ENDPOINT_H

#include "aws/credentials.h"

struct ray_region {
    char name[64];
    bool fips;          /* written as fips-REGION or REGION-fips; `name` is without the tag */
    const char *source; /* "configuration", "AWS_REGION", ... */
};

/* ^[a-z0-9-]{1,63}$: it becomes part of a host name. */
bool ray_region_is_valid(struct ray_str name);

/* Configured value, AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`. RAY_AGAIN when none is
 * set, RAY_INVALID when it is not a region's name or the shared files are broken, RAY_NOMEM;
 * *error says what was tried. */
RAY_MUST_USE enum ray_status ray_region_find(const struct ray_aws_environment *environment,
                                             struct ray_str configured, struct ray_str profile,
                                             struct ray_region *out, struct ray_aws_error *error);

#define RAY_ENDPOINT_BYTES 512u
/* Configured value, AWS_ENDPOINT_URL_XRAY, AWS_ENDPOINT_URL, the profile's `services` section, its
 * endpoint_url, else by the partition's rules. No trailing slash. `out` is NUL-terminated.
 * RAY_INVALID with *error: no http or https URL, or a custom one together with FIPS or dual-stack;
 * RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_endpoint_find(const struct ray_aws_environment *environment,
                                               struct ray_str configured, struct ray_str profile,
                                               const struct ray_region *region,
                                               char out[RAY_ENDPOINT_BYTES],
                                               struct ray_aws_error *error);

/* The parts of an endpoint, as views into it. */
struct ray_endpoint {
    bool https;
    struct ray_str authority; /* "xray.us-east-1.amazonaws.com", "[::1]:2001": the Host header, the
                                 port only when it is not the scheme's own */
    struct ray_str host;      /* without port and brackets */
    struct ray_str path;      /* "" or "/base" */
};
/* RAY_INVALID with *error, which starts with the URL: not http or https, no host, user data, query
 * or fragment, characters that no URL has. */
RAY_MUST_USE enum ray_status ray_endpoint_split(struct ray_str url, struct ray_endpoint *out,
                                                struct ray_aws_error *error);

#endif
