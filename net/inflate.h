/*
 * inflate: compressed bodies, opened with a cap on what may come out.
 *
 * The cap is checked while inflating, not afterwards: a bomb costs what the cap allows. Also
 * refused: more than 100 bytes out per byte in once 1 MiB has come out.
 */
#ifndef RAY_NET_INFLATE_H
#define RAY_NET_INFLATE_H

#include "core/buf.h"

enum ray_compression {
    RAY_COMPRESSION_NONE,
    RAY_COMPRESSION_GZIP,
    RAY_COMPRESSION_DEFLATE, /* zlib format (RFC 1950) as HTTP means it; raw deflate is taken too */
    RAY_COMPRESSION_ZSTD,
};

/* Name of a Content-Encoding or grpc-encoding: "", identity, gzip, x-gzip, deflate, zlib, zstd.
 * RAY_INVALID for others. */
RAY_MUST_USE enum ray_status ray_compression_parse(struct ray_str name, enum ray_compression *out);

/* Appends the inflated bytes to `out`, whose max_bytes is the cap.
 * RAY_INVALID broken or cut, RAY_TOO_BIG past the cap or ratio, RAY_NOMEM. Any thread. */
RAY_MUST_USE enum ray_status ray_inflate(enum ray_compression compression, struct ray_str in,
                                         struct ray_buf *out);

#endif
