/*
 * mapping: which field of a segment document comes from what, as data.
 *
 * It decides nothing: the blocks do. It is what a human wants to know about them, and it is held
 * against them: every path that a golden document has must have a row, and every name in
 * translate/semconv.h must stand in one. docs/mapping.md and `spanbridge translate --explain` come
 * from it.
 */
#ifndef RAY_TRANSLATE_MAPPING_H
#define RAY_TRANSLATE_MAPPING_H

#include "core/buf.h"

/* What of the value is written. */
enum ray_mapping_how {
    RAY_MAPPED_COPY,    /* the value itself, perhaps cut */
    RAY_MAPPED_PART,    /* together with others */
    RAY_MAPPED_CLEANED, /* what X-Ray allows of it */
    RAY_MAPPED_CODE,    /* decided by it, when it is an HTTP status of 400 to 599 */
    RAY_MAPPED_DECIDES, /* another value is chosen by it */
};

struct ray_mapping {
    /* "http.request.method"; "[]" any element, a last "*" any key, NAMESPACE any of metadata. */
    const char *path;
    /* "span:NAME", "resource:NAME", "event:NAME": an attribute, "=" and the value it must have
     * behind it; NAME may be or end in "*". "field:NAME": a field of the span in OTLP/JSON's
     * spelling. "config:KEY": the exporter's. "-": when nothing above it applies. */
    const char *from;
    enum ray_mapping_how how;
    const char *rule;   /* a part of docs/translation.md, or Dnn */
    const char *source; /* letters: A guide, R 0.130, N 0.156, O ours */
    const char *note;   /* "" when there is nothing to say */
};

/* Rows of a path stand together, in order of precedence. */
const struct ray_mapping *ray_mappings(size_t *count);
/* The rows of one path, exactly as in the table; NULL when there are none. */
const struct ray_mapping *ray_mappings_of(struct ray_str path, size_t *count);

/* docs/mapping.md. Failure is the buffer's. */
void ray_mapping_write_page(struct ray_buf *out);

#endif
