/*
 * bytes: little-endian numbers at a place in memory, whatever its alignment.
 *
 * No bounds: for bytes whose length was checked. core/reader.h is for those whose was not.
 */
#ifndef RAY_CORE_BYTES_H
#define RAY_CORE_BYTES_H

#include <stdint.h>

static inline void ray_put_u32(char *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

static inline void ray_put_u64(char *at, uint64_t value)
{
    ray_put_u32(at, (uint32_t)value);
    ray_put_u32(at + 4, (uint32_t)(value >> 32));
}

static inline uint32_t ray_get_u32(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static inline uint64_t ray_get_u64(const char *at)
{
    return ray_get_u32(at) | (uint64_t)ray_get_u32(at + 4) << 32;
}

#endif
