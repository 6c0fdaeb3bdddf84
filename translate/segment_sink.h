/*
 * segment_sink: where the members of a segment go, and tables that say which goes where.
 *
 * Shared by the parts of segment_to_span that know names: segment_fields, segment_place,
 * segment_cause.
 */
#ifndef RAY_TRANSLATE_SEGMENT_SINK_H
#define RAY_TRANSLATE_SEGMENT_SINK_H

#include "core/arena.h"
#include "proto/span.h"

struct ray_attribute_list {
    struct ray_attribute *items;
    size_t count, capacity;
};

/* False when the arena is used up. */
bool ray_attribute_list_add(struct ray_attribute_list *list, struct ray_arena *arena,
                            struct ray_str key, const struct ray_value *value);

/* One segment or subsegment as it was read. */
struct ray_segment {
    struct ray_attribute_list members; /* without `subsegments` */
    struct ray_str metadata;           /* the member's JSON text: its namespaces stay text */
    struct ray_str name;
    bool subsegment;
    bool nested; /* the resource is not its own */
};

/* The last member of that name, or NULL. */
const struct ray_value *ray_segment_find(const struct ray_attribute_list *members,
                                         struct ray_str key);

/* On the stack of its thread. */
struct ray_segment_sink {
    struct ray_arena *arena;
    struct ray_attribute_list attributes; /* of the span, or of an event */
    struct ray_attribute_list *resource;
    struct ray_span *span; /* ids, times and kind are set; the rest is filled in */
    bool failed;           /* the arena is used up */
};

void ray_sink_add(struct ray_segment_sink *sink, struct ray_str key, const struct ray_value *value);
void ray_sink_add_string(struct ray_segment_sink *sink, struct ray_str key, struct ray_str text);
void ray_sink_add_bool(struct ray_segment_sink *sink, struct ray_str key, bool boolean);
/* A member that has no place in either model, as aws.xray.field.PATH. `path` ends in a dot, or is
 * empty; null is not added. */
void ray_sink_add_unknown(struct ray_segment_sink *sink, struct ray_str path, struct ray_str key,
                          const struct ray_value *value);
/* Blocks of a resource share attributes (ec2 and ecs the zone): false when they disagree. */
bool ray_sink_add_resource(struct ray_segment_sink *sink, struct ray_str key,
                           const struct ray_value *value);
bool ray_sink_add_resource_string(struct ray_segment_sink *sink, struct ray_str key,
                                  struct ray_str text);
/* Both, one behind the other, in the arena. */
struct ray_str ray_sink_join(struct ray_segment_sink *sink, struct ray_str a, struct ray_str b);

struct ray_value ray_value_of_string(struct ray_str text);
/* The last member of that name when it is of that kind; NULL also when `map` is NULL or none. */
const struct ray_value *ray_value_member(const struct ray_value *map, struct ray_str key,
                                         enum ray_value_kind kind);
struct ray_str ray_value_member_string(const struct ray_value *map, struct ray_str key);

/* --- tables --- */

enum ray_segment_owner { RAY_OWNER_SPAN, RAY_OWNER_RESOURCE, RAY_OWNER_ELSEWHERE };

struct ray_segment_field {
    struct ray_str name;
    enum ray_value_kind kind;
    enum ray_segment_owner owner;
    struct ray_str attribute; /* empty: taken elsewhere */
};

struct ray_segment_block {
    struct ray_str path; /* ends in a dot */
    const struct ray_segment_field *fields;
    size_t count;
};

#define RAY_SEGMENT_FIELD(name, kind, owner, attribute)                                            \
    {                                                                                              \
        RAY_STR_INIT(name), RAY_VALUE_##kind, RAY_OWNER_##owner, RAY_STR_INIT(attribute)           \
    }
#define RAY_SEGMENT_BLOCK(path, fields)                                                            \
    {                                                                                              \
        RAY_STR_INIT(path), (fields), sizeof(fields) / sizeof((fields)[0])                         \
    }

/* The row for a member of that name and kind, or NULL. */
const struct ray_segment_field *ray_segment_field_find(const struct ray_segment_block *block,
                                                       const struct ray_attribute *member);
/* The members of `map` by the table; what it does not know is unknown. */
void ray_sink_take_block(const struct ray_segment *segment, const struct ray_segment_block *block,
                         const struct ray_value *map, struct ray_segment_sink *sink);

#endif
