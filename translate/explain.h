/*
 * explain: for each field of a finished document, which rule wrote it and what from.
 *
 * It looks at the document and at the span and takes the first row of translate/mapping whose
 * source is there and fits what was written. It sees results, not decisions: where two sources hold
 * the same value, it names the one that stands first in the table.
 */
#ifndef RAY_TRANSLATE_EXPLAIN_H
#define RAY_TRANSLATE_EXPLAIN_H

#include "core/arena.h"
#include "core/buf.h"
#include "proto/span.h"

/* What a document was made of. */
struct ray_explained {
    const struct ray_span *span;
    const struct ray_attributes *resource;
    uint64_t number;                          /* of the document, printed in front of each line */
    const struct ray_str *indexed_attributes; /* of the translator: they may rename */
    size_t indexed_attribute_count;
};

/*
 * Appends one line per field, columns separated by tabs:
 *     number  path  value as JSON, cut  from ("span:http.method", "-")  rule  source ("AR")
 * No byte below 0x20 other than those separators. RAY_INVALID: `document` is none; RAY_TOO_BIG:
 * the buffer is full.
 */
RAY_MUST_USE enum ray_status ray_explain(struct ray_str document,
                                         const struct ray_explained *explained,
                                         struct ray_arena *arena, struct ray_buf *out);

#endif
