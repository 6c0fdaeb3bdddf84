/*
 * segment_fields: what the members of one segment or subsegment are as attributes, events and
 * links. The part of segment_to_span that knows field names; it knows nothing of nesting.
 */
#ifndef RAY_TRANSLATE_SEGMENT_FIELDS_H
#define RAY_TRANSLATE_SEGMENT_FIELDS_H

#include "core/arena.h"
#include "proto/span.h"

struct ray_attribute_list {
    struct ray_attribute *items;
    size_t count, capacity;
};

/* One segment or subsegment as it was read. */
struct ray_segment {
    struct ray_attribute_list members; /* without `subsegments` */
    struct ray_str metadata;           /* the member's JSON text: its namespaces stay text */
    struct ray_str name;
    bool subsegment;
    bool nested; /* the resource is not its own */
};

/* Where things go; on the stack of its thread. */
struct ray_segment_sink {
    struct ray_arena *arena;
    struct ray_attribute_list attributes; /* of the span */
    struct ray_attribute_list *resource;
    struct ray_span *span; /* ids, times and kind are set; the rest is filled in */
    bool failed;           /* the arena is used up */
};

/* The last member of that name, or NULL. */
const struct ray_value *ray_segment_find(const struct ray_attribute_list *members,
                                         struct ray_str key);
/* False when the arena is used up. */
bool ray_attribute_list_add(struct ray_attribute_list *list, struct ray_arena *arena,
                            struct ray_str key, const struct ray_value *value);
/* Fills in status, attributes, events and links of the span, and the resource's attributes. */
void ray_segment_take_fields(const struct ray_segment *segment, struct ray_segment_sink *sink);

#endif
