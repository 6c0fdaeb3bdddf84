/*
 * json_writer: JSON text in one pass, straight into a buffer. No tree, no allocation of its own.
 *
 * Commas are placed by the writer. Strings are escaped and repaired in the same pass: control
 * characters as \u00XX (or the short form), invalid UTF-8 as U+FFFD for each maximal bad part
 * (Unicode 15, 3.9, "substitution of maximal subparts"), everything else as it is. Failure is the
 * buffer's, sticky. One thread at a time.
 */
#ifndef RAY_CORE_JSON_WRITER_H
#define RAY_CORE_JSON_WRITER_H

#include "core/buf.h"

struct ray_json_writer {
    struct ray_buf *out;
    bool comma; /* the next value or key is not the first of its container */
};

void ray_json_init(struct ray_json_writer *w, struct ray_buf *out);

void ray_json_object_begin(struct ray_json_writer *w);
void ray_json_object_end(struct ray_json_writer *w);
void ray_json_array_begin(struct ray_json_writer *w);
void ray_json_array_end(struct ray_json_writer *w);

/* The key of the next value. */
void ray_json_key(struct ray_json_writer *w, struct ray_str key);
/* For keys that are plain ASCII without anything to escape (literals): no scan. */
#define RAY_JSON_KEY(w, literal) ray_json_raw_key((w), RAY_STR("\"" literal "\":"))
void ray_json_raw_key(struct ray_json_writer *w, struct ray_str quoted_with_colon);

void ray_json_string(struct ray_json_writer *w, struct ray_str s);
void ray_json_i64(struct ray_json_writer *w, int64_t value);
void ray_json_u64(struct ray_json_writer *w, uint64_t value);
/* The shortest text that reads back as the same double; NaN and infinities become the strings
 * "NaN", "Infinity", "-Infinity" (JSON has no such numbers). */
void ray_json_double(struct ray_json_writer *w, double value);
void ray_json_bool(struct ray_json_writer *w, bool value);
void ray_json_null(struct ray_json_writer *w);
/* Bytes as a base64 string (standard alphabet, padded). */
void ray_json_base64(struct ray_json_writer *w, struct ray_str bytes);
/* Bytes as a lower-case hex string. */
void ray_json_hex(struct ray_json_writer *w, struct ray_str bytes);
/* Nanoseconds since 1970 as seconds with the fraction exact and trimmed: 1763919199.643488887. */
void ray_json_unix_ns(struct ray_json_writer *w, uint64_t unix_ns);
/* A value that is JSON text already; the caller vouches for it. */
void ray_json_raw(struct ray_json_writer *w, struct ray_str json);

/* Key and value in one call. */
void ray_json_key_string(struct ray_json_writer *w, struct ray_str key, struct ray_str s);

/* The inside of a JSON string (no quotes): for a document that travels as a string. */
void ray_json_escape(struct ray_buf *out, struct ray_str s);

#endif
