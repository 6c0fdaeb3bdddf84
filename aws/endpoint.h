/*
 * endpoint: which region, and which URL its X-Ray answers on. Pure but for the environment and
 * files.
 */
#ifndef RAY_AWS_ENDPOINT_H
#define RAY_AWS_ENDPOINT_H

#include "aws/credentials.h"

struct ray_region {
    char name[64];
    const char *source; /* "configuration", "AWS_REGION", ... */
};

/* Configured value, AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`. RAY_AGAIN when none is
 * set, RAY_INVALID when it is not a region's name (^[a-z0-9-]{1,63}$); *error says what was tried.
 */
RAY_MUST_USE enum ray_status ray_region_find(const struct ray_aws_environment *environment,
                                             struct ray_str configured, struct ray_str profile,
                                             struct ray_region *out, struct ray_aws_error *error);

#define RAY_ENDPOINT_BYTES 512u
/* Configured value, AWS_ENDPOINT_URL_XRAY, AWS_ENDPOINT_URL, the profile's endpoint_url, else by
 * the partition's rules. No trailing slash. `out` is NUL-terminated. RAY_INVALID with *error. */
RAY_MUST_USE enum ray_status ray_endpoint_find(const struct ray_aws_environment *environment,
                                               struct ray_str configured, struct ray_str profile,
                                               const char *region, char out[RAY_ENDPOINT_BYTES],
                                               struct ray_aws_error *error);

#endif
