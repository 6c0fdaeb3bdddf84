/*
 * json_reader: a pull parser for JSON text that somebody else wrote. No tree.
 *
 * Bounded: nesting up to `max_depth`, never recursive, never reads past the end. Strict RFC 8259
 * grammar (no comments, no trailing commas, one value and nothing after it), lenient in two
 * places: invalid UTF-8 inside strings is passed on (writers repair it), lone surrogates become
 * U+FFFD. Strings without a backslash are views into the input; others are unescaped into the
 * arena. Failure is sticky: every call then returns RAY_JSON_ERROR, `error_at` is the byte.
 *
 *     while (ray_json_next_key(&r, &key)) {       // after RAY_JSON_OBJECT
 *         if (ray_str_eq(key, RAY_STR("name"))) { ray_json_read_string(&r, &name); }
 *         else { ray_json_skip_value(&r, NULL); }
 *     }
 *     if (r.failed) ...
 */
#ifndef RAY_CORE_JSON_READER_H
#define RAY_CORE_JSON_READER_H

#include "core/arena.h"

enum ray_json_type {
    RAY_JSON_ERROR = 0,
    RAY_JSON_NULL,
    RAY_JSON_BOOL,
    RAY_JSON_NUMBER,
    RAY_JSON_STRING,
    RAY_JSON_ARRAY,
    RAY_JSON_OBJECT,
};

#define RAY_JSON_DEPTH_MAX 512u

struct ray_json_reader {
    const char *start;
    const char *pos;
    const char *end;
    struct ray_arena *arena; /* for strings with escapes */
    uint32_t depth;
    uint32_t max_depth;
    bool first; /* no element of the open container was read yet */
    bool failed;
    const char *error;                        /* what is wrong, a literal; NULL while not failed */
    size_t error_at;                          /* byte offset of it */
    uint8_t is_array[RAY_JSON_DEPTH_MAX / 8]; /* one bit per open container */
};

/* `max_depth` at most RAY_JSON_DEPTH_MAX. `arena` may be NULL when only ray_json_skip_value is
 * used. */
void ray_json_read_init(struct ray_json_reader *r, struct ray_str text, struct ray_arena *arena,
                        uint32_t max_depth);

/* What stands next, without consuming it. */
enum ray_json_type ray_json_peek(struct ray_json_reader *r);

/* Enters the object/array that stands next; failed when something else does. */
bool ray_json_enter_object(struct ray_json_reader *r);
bool ray_json_enter_array(struct ray_json_reader *r);

/* In an object: reads the next key, false at its end (which is consumed) or on failure.
 * The value must be consumed before the next call. */
bool ray_json_next_key(struct ray_json_reader *r, struct ray_str *key);
/* In an array: true when another element stands next, false at its end or on failure. */
bool ray_json_next_element(struct ray_json_reader *r);

/* Each consumes one value of that type, or fails. */
bool ray_json_read_string(struct ray_json_reader *r, struct ray_str *out);
bool ray_json_read_bool(struct ray_json_reader *r, bool *out);
bool ray_json_read_null(struct ray_json_reader *r);
/* The number's own text: "1.5e3". */
bool ray_json_read_number(struct ray_json_reader *r, struct ray_str *out);

/* Consumes one value of any type; `raw`, when not NULL, is its text in the input. */
bool ray_json_skip_value(struct ray_json_reader *r, struct ray_str *raw);

/* After the outermost value: only white space may follow. */
bool ray_json_at_end(struct ray_json_reader *r);

/* Fails the reader from outside: a value of the wrong kind. `error` is a literal. */
void ray_json_fail(struct ray_json_reader *r, const char *error);

#endif
