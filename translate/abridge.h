/*
 * abridge: a shorter copy of a span and what stands around it, for when a document is too big after
 * all that may be given up (shrink.h) is gone.
 *
 * Whatever field is the large one: every text is cut, every list, and what repeats (events, links).
 * Names of attributes stay as they are, and so do all attributes: what is left of them as metadata
 * and annotations is given up by the steps of shrink.h.
 */
#ifndef RAY_TRANSLATE_ABRIDGE_H
#define RAY_TRANSLATE_ABRIDGE_H

#include "core/arena.h"
#include "proto/span.h"

/* Each leaves less. */
#define RAY_ABRIDGE_LEVELS 4u

struct ray_abridged {
    struct ray_span span;
    struct ray_scope_spans scope;       /* without its spans */
    struct ray_resource_spans resource; /* without its scopes */
};

/* Views into the originals, arrays from `arena`. RAY_NOMEM: the arena is used up. */
RAY_MUST_USE enum ray_status ray_abridge(size_t level, const struct ray_span *span,
                                         const struct ray_scope_spans *scope,
                                         const struct ray_resource_spans *resource,
                                         struct ray_arena *arena, struct ray_abridged *out);

#endif
