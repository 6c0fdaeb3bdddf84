/*
 * str: a view of bytes, pointer and length.
 *
 * Passed by value, not NUL-terminated, never freed by its holder: it lives as long as
 * what it points into. Bytes may be anything, NUL and broken UTF-8 included. An empty
 * view may have a NULL pointer. Nothing here allocates; all functions are pure.
 */
#ifndef RAY_CORE_STR_H
#define RAY_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

struct ray_str {
    const char *ptr;
    size_t len; /* bytes */
};

/* A string literal as a view: RAY_STR in expressions, RAY_STR_INIT in static tables. */
#define RAY_STR(literal) ((struct ray_str){(literal), sizeof(literal) - 1})
#define RAY_STR_INIT(literal)                                                                      \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* For printf: "%.*s", RAY_STR_ARG(view). Views above INT_MAX are cut. */
#define RAY_STR_ARG(view) ray_str_int_len(view), (view).len ? (view).ptr : ""

int ray_str_int_len(struct ray_str s);
struct ray_str ray_str_from(const char *text); /* NULL gives the empty view */

bool ray_str_eq(struct ray_str a, struct ray_str b);
bool ray_str_eq_nocase(struct ray_str a, struct ray_str b); /* ASCII letters only */
int ray_str_cmp(struct ray_str a, struct ray_str b);        /* by bytes, as memcmp */
bool ray_str_starts_with(struct ray_str s, struct ray_str prefix);
bool ray_str_ends_with(struct ray_str s, struct ray_str suffix);

/* Position of the first/last occurrence, or SIZE_MAX. */
size_t ray_str_find(struct ray_str s, struct ray_str needle);
size_t ray_str_find_byte(struct ray_str s, char byte);
size_t ray_str_find_last_byte(struct ray_str s, char byte);

/* Parts of `s`; positions past the end are clamped. */
struct ray_str ray_str_from_pos(struct ray_str s, size_t from);
struct ray_str ray_str_until(struct ray_str s, size_t end);
struct ray_str ray_str_trim(struct ray_str s); /* ASCII white space, both ends */

/* Cuts the part before the next `separator` off `rest`; false when `rest` is used up.
 * "a,,b" gives "a", "", "b"; "" gives one empty part, a NULL view none. Start with a copy of
 * the whole; `rest` becomes the NULL view after the last part. */
bool ray_str_split(struct ray_str *rest, char separator, struct ray_str *part);

/* The whole view must be the number: no blanks, no trailing text, no overflow.
 * RAY_INVALID otherwise, and *out is untouched. */
RAY_MUST_USE enum ray_status ray_str_to_u64(struct ray_str s, uint64_t *out);
RAY_MUST_USE enum ray_status ray_str_to_i64(struct ray_str s, int64_t *out);
/* Decimal or exponent form, independent of the locale; not hex, not "nan" or "inf". */
RAY_MUST_USE enum ray_status ray_str_to_double(struct ray_str s, double *out);

/* 64 bits, well mixed, the same on every machine and run. `seed` separates uses. */
uint64_t ray_str_hash(struct ray_str s, uint64_t seed);

#endif
