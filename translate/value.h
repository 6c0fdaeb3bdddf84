/*
 * value: attribute values as JSON, numbers and text.
 */
#ifndef RAY_TRANSLATE_VALUE_H
#define RAY_TRANSLATE_VALUE_H

#include "core/arena.h"
#include "core/json_writer.h"
#include "proto/span.h"
#include "xray/cut.h"

/* Where a document may be cut when it is too big (rule D34). SIZE_MAX everywhere: nowhere. */
struct ray_limits {
    size_t string_bytes;     /* of each string in metadata */
    size_t frames;           /* of each stack */
    size_t query_bytes;      /* of sql.sanitized_query */
    size_t entry_bytes;      /* metadata entries above that are left out */
    size_t metadata_bytes;   /* of all metadata; entries that don't fit are left out, */
    size_t small_bytes;      /* unless they are at most this large: small before large */
    size_t annotation_bytes; /* of all annotations; likewise */
    size_t message_bytes;    /* of each exception's message */
    unsigned *cuts;          /* NULL: not asked for; bits 1u << enum ray_cut: what was cut */
};
extern const struct ray_limits ray_limits_none;

/* Any value as JSON: lists and maps as they are, bytes as base64 (empty bytes: null), not set:
 * null. Of duplicate keys in a map the last one wins. Strings longer than `limits` are cut. `arena`
 * is for the keys of large maps; when it is used up the buffer fails. */
void ray_value_write(const struct ray_value *value, const struct ray_limits *limits,
                     struct ray_arena *arena, struct ray_json_writer *w);

void ray_limits_note(const struct ray_limits *limits, enum ray_cut cut);
/* The text, or its first `max_bytes`, which is noted. */
struct ray_str ray_limits_cut(const struct ray_limits *limits, struct ray_str text,
                              size_t max_bytes, enum ray_cut cut);

/* The integer of an INT; 0 for NULL and for other kinds. */
int64_t ray_value_int(const struct ray_value *value);
/* Also takes decimal strings and whole doubles (rules D10, D11); false for everything else. */
bool ray_value_to_int(const struct ray_value *value, int64_t *out);
/* Strings as they are, numbers and booleans in words, other kinds empty. NULL view: no memory. */
struct ray_str ray_value_text(const struct ray_value *value, struct ray_arena *arena);

/* Writes `key` and the string when it is not empty. */
void ray_write_if_any(struct ray_json_writer *w, struct ray_str quoted_key, struct ray_str s);
/* Writes `key` and the string, or null when it is empty. */
void ray_write_or_null(struct ray_json_writer *w, struct ray_str quoted_key, struct ray_str s);
/* The same with a literal key. */
#define RAY_WRITE_IF_ANY(w, key, s)  ray_write_if_any((w), RAY_STR("\"" key "\":"), (s))
#define RAY_WRITE_OR_NULL(w, key, s) ray_write_or_null((w), RAY_STR("\"" key "\":"), (s))

#endif
