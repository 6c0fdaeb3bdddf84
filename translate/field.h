/*
 * field: every field of a segment document, with its path.
 *
 * What users name is one field, whatever it holds: an annotation, a metadata entry, a link's
 * attribute. Empty objects and lists have none. Only for documents of our own.
 */
#ifndef RAY_TRANSLATE_FIELD_H
#define RAY_TRANSLATE_FIELD_H

#include "core/arena.h"

/* Valid during the call. */
struct ray_field {
    struct ray_str path;      /* "cause.exceptions[0].type", "metadata.shop.cart" */
    struct ray_str pattern;   /* the path in translate/mapping: "metadata.NAMESPACE.*" */
    struct ray_str namespace; /* of metadata: "shop" */
    struct ray_str key;       /* its own: "type", "cart" */
    struct ray_str json;      /* the value as it stands */
};

typedef void (*ray_field_fn)(void *context, const struct ray_field *field);

/* Calls `take` in the order of the document. RAY_INVALID: not JSON. */
RAY_MUST_USE enum ray_status ray_fields_walk(struct ray_str document, struct ray_arena *arena,
                                             ray_field_fn take, void *context);

#endif
