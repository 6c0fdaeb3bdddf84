/*
 * json_scan: how far a JSON string is plain. Shared by the reader and the writer.
 *
 * The hottest loop of the program: attribute values are read and written through it. 16 bytes a
 * step where the machine has the vectors for it, 8 in one register elsewhere.
 */
#ifndef RAY_CORE_JSON_SCAN_H
#define RAY_CORE_JSON_SCAN_H

#include <string.h>

#include "core/str.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Control characters, the quote and the backslash; with `high` every byte past ASCII too. */
static inline bool ray_json_is_special(char c, bool high)
{
    unsigned char byte = (unsigned char)c;
    return byte < 0x20 || byte == '"' || byte == '\\' || (high && byte >= 0x80);
}

#if defined(__SSE2__)
#define RAY_JSON_STEP 16u
/* One bit per special byte. */
static inline unsigned ray_json_special_bytes(__m128i bytes, bool high)
{
    const __m128i last_control = _mm_set1_epi8(0x1f);
    __m128i special = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    if (high) {
        special = _mm_or_si128(special, bytes); /* movemask looks at the top bit alone */
    }
    return (unsigned)_mm_movemask_epi8(special);
}

static inline unsigned ray_json_special_mask(const char *text, bool high)
{
    __m128i bytes;
    memcpy(&bytes, text, sizeof(bytes));
    return ray_json_special_bytes(bytes, high);
}

/* The same of 8 bytes: most keys and values are shorter than a vector. */
static inline unsigned ray_json_special_mask_8(const char *text, bool high)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return ray_json_special_bytes(_mm_cvtsi64_si128((long long)word), high) & 0xff;
}

static inline size_t ray_json_first_special(unsigned mask)
{
    return (size_t)__builtin_ctz(mask);
}
#else
#define RAY_JSON_STEP           8u
#define ray_json_special_mask_8 ray_json_special_mask
#define RAY_JSON_ONES           0x0101010101010101u
#define RAY_JSON_TOPS           0x8080808080808080u
/* The top bit of each special byte, lowest address first. "Has a byte less than n" and "has a zero
 * byte" as in Bit Twiddling Hacks: the lowest set bit is exact, higher ones may be false. */
static inline uint64_t ray_json_special_mask(const char *text, bool high)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    uint64_t quote = word ^ RAY_JSON_ONES * '"';
    uint64_t backslash = word ^ RAY_JSON_ONES * '\\';
    uint64_t special = ((word - RAY_JSON_ONES * 0x20) & ~word) |
                       ((quote - RAY_JSON_ONES) & ~quote) |
                       ((backslash - RAY_JSON_ONES) & ~backslash) | (high ? word : 0);
    return special & RAY_JSON_TOPS;
}

static inline size_t ray_json_first_special(uint64_t mask)
{
    return (size_t)__builtin_ctzll(mask) / 8;
}
#endif

/* Position of the first special byte, or `len`. */
static inline size_t ray_json_plain_run(const char *text, size_t len, bool high)
{
    size_t at = 0;
    for (; len - at >= RAY_JSON_STEP; at += RAY_JSON_STEP) {
        __auto_type mask = ray_json_special_mask(text + at, high);
        if (mask != 0) {
            return at + ray_json_first_special(mask);
        }
    }
#if defined(__SSE2__)
    if (len - at >= 8) {
        unsigned mask = ray_json_special_mask_8(text + at, high);
        if (mask != 0) {
            return at + ray_json_first_special(mask);
        }
        at += 8;
    }
#endif
    if (at > 0 && at < len) { /* what is left, with plain bytes before it */
        at = len - 8;
        __auto_type mask = ray_json_special_mask_8(text + at, high);
        return mask != 0 ? at + ray_json_first_special(mask) : len;
    }
    while (at < len && !ray_json_is_special(text[at], high)) {
        at++;
    }
    return at;
}

#endif
