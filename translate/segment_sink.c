/* segment_sink: see segment_sink.h. */
#include "translate/segment_sink.h"

#include "translate/facts.h"

#include <string.h>

const struct ray_value *ray_segment_find(const struct ray_attribute_list *members,
                                         struct ray_str key)
{
    for (size_t i = members->count; i > 0; i--) {
        if (ray_str_eq(members->items[i - 1].key, key)) {
            return &members->items[i - 1].value;
        }
    }
    return NULL;
}

bool ray_attribute_list_add(struct ray_attribute_list *list, struct ray_arena *arena,
                            struct ray_str key, const struct ray_value *value)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 8;
        struct ray_attribute *more = RAY_ARENA_ARRAY(arena, struct ray_attribute, capacity);
        if (more == NULL) {
            return false;
        }
        if (list->count > 0) {
            memcpy(more, list->items, list->count * sizeof(*more));
        }
        list->items = more;
        list->capacity = capacity;
    }
    list->items[list->count++] = (struct ray_attribute){key, *value};
    return true;
}

void ray_sink_add(struct ray_segment_sink *sink, struct ray_str key, const struct ray_value *value)
{
    sink->failed |= !ray_attribute_list_add(&sink->attributes, sink->arena, key, value);
}

struct ray_value ray_value_of_string(struct ray_str text)
{
    struct ray_value value = {.kind = RAY_VALUE_STRING};
    value.as.string = text;
    return value;
}

static struct ray_value of_bool(bool boolean)
{
    struct ray_value value = {.kind = RAY_VALUE_BOOL};
    value.as.boolean = boolean;
    return value;
}

void ray_sink_add_string(struct ray_segment_sink *sink, struct ray_str key, struct ray_str text)
{
    struct ray_value value = ray_value_of_string(text);
    ray_sink_add(sink, key, &value);
}

void ray_sink_add_bool(struct ray_segment_sink *sink, struct ray_str key, bool boolean)
{
    struct ray_value value = of_bool(boolean);
    ray_sink_add(sink, key, &value);
}

struct ray_str ray_sink_join(struct ray_segment_sink *sink, struct ray_str a, struct ray_str b)
{
    struct ray_str text = ray_arena_printf(sink->arena, "%.*s%.*s", RAY_STR_ARG(a), RAY_STR_ARG(b));
    sink->failed |= text.ptr == NULL;
    return text;
}

void ray_sink_add_unknown(struct ray_segment_sink *sink, struct ray_str path, struct ray_str key,
                          const struct ray_value *value)
{
    if (value->kind != RAY_VALUE_NONE) {
        struct ray_str name = ray_sink_join(sink, RAY_STR("aws.xray.field."), path);
        ray_sink_add(sink, ray_sink_join(sink, name, key), value);
    }
}

bool ray_sink_add_resource(struct ray_segment_sink *sink, struct ray_str key,
                           const struct ray_value *value)
{
    const struct ray_value *there = ray_segment_find(sink->resource, key);
    if (there != NULL) {
        return there->kind == RAY_VALUE_STRING && value->kind == RAY_VALUE_STRING &&
               ray_str_eq(there->as.string, value->as.string);
    }
    sink->failed |= !ray_attribute_list_add(sink->resource, sink->arena, key, value);
    return true;
}

bool ray_sink_add_resource_string(struct ray_segment_sink *sink, struct ray_str key,
                                  struct ray_str text)
{
    struct ray_value value = ray_value_of_string(text);
    return ray_sink_add_resource(sink, key, &value);
}

const struct ray_segment_field *ray_segment_field_find(const struct ray_segment_block *block,
                                                       const struct ray_attribute *member)
{
    for (size_t i = 0; i < block->count; i++) {
        if (block->fields[i].kind == member->value.kind &&
            ray_str_eq(block->fields[i].name, member->key)) {
            return &block->fields[i];
        }
    }
    return NULL;
}

/* Blocks leave these out; as unknown members they come back. */
static bool is_empty(const struct ray_value *value)
{
    return (value->kind == RAY_VALUE_STRING && value->as.string.len == 0) ||
           (value->kind == RAY_VALUE_LIST && value->as.list.count == 0);
}

/* A nested subsegment shares the resource of its segment and says nothing of it. */
static bool take_field(const struct ray_segment *segment, const struct ray_segment_field *field,
                       const struct ray_value *value, struct ray_segment_sink *sink)
{
    if (field == NULL || is_empty(value)) {
        return false;
    }
    if (field->owner == RAY_OWNER_RESOURCE) {
        return !segment->nested && ray_sink_add_resource(sink, field->attribute, value);
    }
    if (field->owner == RAY_OWNER_SPAN) {
        ray_sink_add(sink, field->attribute, value);
    }
    return true;
}

void ray_sink_take_block(const struct ray_segment *segment, const struct ray_segment_block *block,
                         const struct ray_value *map, struct ray_segment_sink *sink)
{
    for (size_t i = 0; i < map->as.map.count; i++) {
        const struct ray_attribute *member = &map->as.map.items[i];
        if (!take_field(segment, ray_segment_field_find(block, member), &member->value, sink)) {
            ray_sink_add_unknown(sink, block->path, member->key, &member->value);
        }
    }
}

const struct ray_value *ray_value_member(const struct ray_value *map, struct ray_str key,
                                         enum ray_value_kind kind)
{
    for (size_t i = map != NULL && map->kind == RAY_VALUE_MAP ? map->as.map.count : 0; i > 0; i--) {
        const struct ray_attribute *member = &map->as.map.items[i - 1];
        if (ray_str_eq(member->key, key)) {
            return member->value.kind == kind ? &member->value : NULL;
        }
    }
    return NULL;
}

struct ray_str ray_value_member_string(const struct ray_value *map, struct ray_str key)
{
    return ray_value_string(ray_value_member(map, key, RAY_VALUE_STRING));
}
