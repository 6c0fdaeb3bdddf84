/* str: see str.h. */
#include "core/str.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int ray_str_int_len(struct ray_str s)
{
    return s.len > INT_MAX ? INT_MAX : (int)s.len;
}

struct ray_str ray_str_from(const char *text)
{
    return (struct ray_str){text, text ? strlen(text) : 0};
}

bool ray_str_eq(struct ray_str a, struct ray_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char ascii_lower(char c)
{
    if (c >= 'A' && c <= 'Z') {
        c = (char)(c + ('a' - 'A'));
    }
    return c;
}

bool ray_str_eq_nocase(struct ray_str a, struct ray_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

int ray_str_cmp(struct ray_str a, struct ray_str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool ray_str_starts_with(struct ray_str s, struct ray_str prefix)
{
    return s.len >= prefix.len && ray_str_eq(ray_str_until(s, prefix.len), prefix);
}

bool ray_str_ends_with(struct ray_str s, struct ray_str suffix)
{
    return s.len >= suffix.len && ray_str_eq(ray_str_from_pos(s, s.len - suffix.len), suffix);
}

size_t ray_str_find(struct ray_str s, struct ray_str needle)
{
    if (needle.len == 0) {
        return 0;
    }
    if (s.len < needle.len) {
        return SIZE_MAX;
    }
    const char *hit = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t ray_str_find_byte(struct ray_str s, char byte)
{
    const char *hit = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t ray_str_find_last_byte(struct ray_str s, char byte)
{
    const char *hit = s.len ? memrchr(s.ptr, byte, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

struct ray_str ray_str_from_pos(struct ray_str s, size_t from)
{
    if (from >= s.len) {
        return (struct ray_str){NULL, 0};
    }
    return (struct ray_str){s.ptr + from, s.len - from};
}

struct ray_str ray_str_until(struct ray_str s, size_t end)
{
    return (struct ray_str){s.ptr, end < s.len ? end : s.len};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct ray_str ray_str_trim(struct ray_str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s = ray_str_from_pos(s, 1);
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool ray_str_split(struct ray_str *rest, char separator, struct ray_str *part)
{
    if (rest->ptr == NULL) {
        return false;
    }
    size_t at = ray_str_find_byte(*rest, separator);
    if (at == SIZE_MAX) {
        *part = *rest;
        *rest = (struct ray_str){NULL, 0};
        return true;
    }
    *part = ray_str_until(*rest, at);
    rest->ptr += at + 1;
    rest->len -= at + 1;
    return true;
}

enum ray_status ray_str_to_u64(struct ray_str s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0) {
        return RAY_INVALID;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return RAY_INVALID;
        }
    }
    *out = value;
    return RAY_OK;
}

enum ray_status ray_str_to_i64(struct ray_str s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t magnitude = 0;
    enum ray_status status = ray_str_to_u64(negative ? ray_str_from_pos(s, 1) : s, &magnitude);
    if (status != RAY_OK) {
        return status;
    }
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
        return RAY_INVALID;
    }
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return RAY_OK;
}

/* strtod takes more than we allow (hex, nan, blanks) and depends on the locale's decimal
 * point; we never call setlocale, so it is the point. */
enum ray_status ray_str_to_double(struct ray_str s, double *out)
{
    char text[400]; /* the longest exact double has fewer digits than anyone writes here */
    if (s.len == 0 || s.len >= sizeof(text)) {
        return RAY_INVALID;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool legal =
            (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
        if (!legal) {
            return RAY_INVALID;
        }
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    char *end = NULL;
    double value = strtod(text, &end);
    if (end != text + s.len || isinf(value)) {
        return RAY_INVALID;
    }
    *out = value;
    return RAY_OK;
}

/* Multiply-and-fold over 8 bytes at a time (the idea of wyhash); not for hostile keys
 * without a secret seed. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load_up_to_8(const char *bytes, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++) {
        word |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    }
    return word;
}

static uint64_t load_8(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

uint64_t ray_str_hash(struct ray_str s, uint64_t seed)
{
    const uint64_t odd1 = 0x9e3779b97f4a7c15u, odd2 = 0xd6e8feb86659fd93u;
    uint64_t hash = fold(seed ^ odd1, odd2);
    size_t at = 0;
    for (; s.len - at >= 8; at += 8) {
        hash = fold(hash ^ load_8(s.ptr + at), odd1);
    }
    uint64_t last = at < s.len ? load_up_to_8(s.ptr + at, s.len - at) : 0;
    hash = fold(hash ^ last, odd2);
    return fold(hash ^ s.len, odd1);
}
