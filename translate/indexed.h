/*
 * indexed: the entries of `indexed_attributes`: names, patterns and renames.
 *
 *     http.route            the attribute of that name
 *     app.*   a*.id         every attribute that fits; "*" stands for any characters, also none
 *     http.route -> route   the attribute of that name, as the annotation `route`
 *
 * "otel.resource." in front means resource attributes, in patterns and renames too. Patterns and
 * renames are ours; the reference has names only, and names mean here what they mean there.
 */
#ifndef RAY_TRANSLATE_INDEXED_H
#define RAY_TRANSLATE_INDEXED_H

#include "core/str.h"

struct ray_index_entry {
    struct ray_str name;    /* of an attribute, or a pattern */
    struct ray_str renamed; /* key of the annotation, empty: the attribute's own */
    bool is_pattern;
};

/* Views into `text`. RAY_INVALID: one side of a rename is missing, or it renames a pattern, whose
 * matches would all get one key; *out is then `text` as a plain name. */
RAY_MUST_USE enum ray_status ray_index_entry_read(struct ray_str text, struct ray_index_entry *out);
/* In time of at most the product of both lengths. */
bool ray_pattern_matches(struct ray_str pattern, struct ray_str text);

#endif
