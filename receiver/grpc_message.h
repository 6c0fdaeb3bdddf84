/*
 * grpc_message: the bytes of a message, in one piece and inflated.
 *
 * Internal to receiver/. With core's own decompression off the bytes arrive as they were sent,
 * marked with how; but core knows gzip and deflate only and hands the rest over unmarked.
 */
#ifndef RAY_RECEIVER_GRPC_MESSAGE_H
#define RAY_RECEIVER_GRPC_MESSAGE_H

#include "core/buf.h"
#include "core/status.h"

struct grpc_byte_buffer;

/* What a thread opens messages with, one at a time. */
struct ray_grpc_opener {
    struct ray_buf flat;     /* a message that came in several slices */
    struct ray_buf inflated; /* its max_bytes is the cap */
};

void ray_grpc_opener_init(struct ray_grpc_opener *opener, size_t max_message_bytes);
void ray_grpc_opener_clear(struct ray_grpc_opener *opener);

/* *body views into `message` or `opener`. RAY_INVALID: it is not what it is marked with,
 * RAY_TOO_BIG as ray_inflate(), RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_grpc_open(struct ray_grpc_opener *opener,
                                           const struct grpc_byte_buffer *message,
                                           struct ray_str *body);
/* Lets go of the body, all but a little of its memory. */
void ray_grpc_opener_reset(struct ray_grpc_opener *opener);

/* Framed snappy, which the collector's clients can be set to and which is not opened here. */
bool ray_grpc_is_snappy(struct ray_str body);

#endif
