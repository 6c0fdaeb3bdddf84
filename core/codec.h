/*
 * codec: hex, base64, percent and UTF-8. Pure; nothing allocates.
 */
#ifndef RAY_CORE_CODEC_H
#define RAY_CORE_CODEC_H

#include "core/str.h"

/* `out` takes 2 * bytes.len characters, lower case, no NUL. */
void ray_hex_encode(struct ray_str bytes, char *out);
/* Either case; `text` must have exactly 2 * out_bytes digits, else RAY_INVALID. */
RAY_MUST_USE enum ray_status ray_hex_decode(struct ray_str text, uint8_t *out, size_t out_bytes);

/* Standard alphabet with padding. */
size_t ray_base64_encoded_len(size_t bytes);
void ray_base64_encode(struct ray_str bytes, char *out);
/* Standard or URL alphabet, padding optional. `out` takes text.len / 4 * 3 + 3 bytes. */
RAY_MUST_USE enum ray_status ray_base64_decode(struct ray_str text, uint8_t *out,
                                               size_t *out_bytes);

#define RAY_UTF8_REPLACEMENT 0xFFFDu

/* Takes the next code point off `rest` (not empty). A bad maximal subpart is consumed whole and
 * gives RAY_UTF8_REPLACEMENT with *valid false; `valid` may be NULL. */
uint32_t ray_utf8_next(struct ray_str *rest, bool *valid);
/* Writes 1 to 4 bytes, returns how many. Surrogates and values past 0x10FFFF give U+FFFD. */
size_t ray_utf8_encode(uint32_t code_point, char out[4]);
bool ray_utf8_is_valid(struct ray_str s);
/* The first `max_chars` code points of `s`; never cuts one in half. */
struct ray_str ray_utf8_first_chars(struct ray_str s, size_t max_chars);
/* The longest prefix of at most `max_bytes` that does not cut a code point in half. */
struct ray_str ray_utf8_first_bytes(struct ray_str s, size_t max_bytes);
/* Unicode general category L (letter), Unicode 15. */
bool ray_unicode_is_letter(uint32_t code_point);

#endif
