/*
 * name: what a segment is called, and the namespace that goes with it.
 */
#ifndef RAY_TRANSLATE_NAME_H
#define RAY_TRANSLATE_NAME_H

#include "core/arena.h"
#include "translate/shape.h"

struct ray_name_choice {
    struct ray_str text;      /* clean, 1 to RAY_NAME_MAX_CHARS characters */
    struct ray_str namespace; /* "aws", "remote" or empty */
};

/* `arena` takes names that had to be put together or cleaned. */
struct ray_name_choice ray_name_choose(const struct ray_shape *shape, const struct ray_facts *facts,
                                       const struct ray_facts *resource, struct ray_str span_name,
                                       struct ray_arena *arena);

#endif
