/*
 * reader: bounded reads of little-endian numbers and protobuf wire elements.
 *
 * Sticky failure instead of a check per read: once `failed`, every read gives zero or the empty
 * view and moves nothing. Lengths are compared with what is left before pointers move.
 */
#ifndef RAY_CORE_READER_H
#define RAY_CORE_READER_H

#include "core/str.h"

struct ray_reader {
    const uint8_t *pos;
    const uint8_t *end;
    bool failed;
};

static inline struct ray_reader ray_reader_of(struct ray_str bytes)
{
    /* never NULL: adding even zero to it is undefined */
    const uint8_t *start = (const uint8_t *)(bytes.len > 0 ? bytes.ptr : "");
    return (struct ray_reader){start, start + bytes.len, false};
}

static inline bool ray_reader_more(const struct ray_reader *in)
{
    return !in->failed && in->pos < in->end;
}

uint64_t ray_read_varint_slow(struct ray_reader *in);

/* A protobuf varint of at most 10 bytes. */
static inline uint64_t ray_read_varint(struct ray_reader *in)
{
    if (!in->failed && in->pos < in->end && *in->pos < 0x80) {
        return *in->pos++;
    }
    return ray_read_varint_slow(in);
}

static inline struct ray_str ray_read_bytes(struct ray_reader *in, uint64_t len)
{
    if (in->failed || len > (uint64_t)(in->end - in->pos)) {
        in->failed = true;
        return (struct ray_str){NULL, 0};
    }
    struct ray_str bytes = {(const char *)in->pos, (size_t)len};
    in->pos += len;
    return bytes;
}

uint32_t ray_read_u32(struct ray_reader *in); /* little-endian, also protobuf fixed32 */
uint64_t ray_read_u64(struct ray_reader *in); /* little-endian, also protobuf fixed64 */

#endif
