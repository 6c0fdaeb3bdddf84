/* resource: see resource.h. */
#include "translate/resource.h"

#include "translate/annotation.h"
#include "translate/aws.h"
#include "translate/origin.h"

/* JSON text of one resource: far above what a request may hold. */
#define SCRATCH_MAX_BYTES ((size_t)64 * 1024 * 1024)

/* D30: newer conventions have a list of tags. */
static struct ray_str image_version(const struct ray_facts *facts)
{
    const struct ray_value *tags = ray_facts_first(facts, RAY_KEY_CONTAINER_TAGS);
    if (tags != NULL && tags->kind == RAY_VALUE_LIST && tags->as.list.count > 0) {
        return ray_value_string(&tags->as.list.items[0]);
    }
    return ray_facts_string(facts, RAY_KEY_CONTAINER_TAG);
}

/* `service`: its version, else that of the container image. There even when it is not a string. */
static void write_service(const struct ray_facts *facts, struct ray_json_writer *w)
{
    const struct ray_value *tags = ray_facts_first(facts, RAY_KEY_CONTAINER_TAGS);
    bool has_tags = tags != NULL && tags->kind == RAY_VALUE_LIST && tags->as.list.count > 0;
    struct ray_str version = ray_facts_string(facts, RAY_KEY_SERVICE_VERSION);
    if (!ray_facts_has(facts, RAY_KEY_SERVICE_VERSION)) {
        if (!has_tags && !ray_facts_has(facts, RAY_KEY_CONTAINER_TAG)) {
            return;
        }
        version = image_version(facts);
    }
    ray_json_object_begin(w);
    RAY_WRITE_IF_ANY(w, "version", version);
    ray_json_object_end(w);
}

static void index_item(struct ray_resource *resource, struct ray_resource_item *item,
                       const struct ray_resource_options *options, struct ray_arena *arena)
{
    const struct ray_names *names = options->names;
    const struct ray_name *name =
        ray_names_find(names, item->name, ray_str_hash(item->name, names->seed));
    item->indexing = (uint8_t)ray_names_indexing(names, name, item->name);
    item->indexed = options->index_all || item->indexing != RAY_INDEXED_NOT;
    if (!ray_annotation_fits(item->value)) {
        return;
    }
    bool renamed = name != NULL && name->renamed.ptr != NULL;
    item->annotation_key = renamed ? name->renamed : ray_annotation_key(item->name, arena);
    resource->has_renamed |= renamed;
    resource->annotation_count += item->indexed;
}

static enum ray_status make_items(struct ray_resource *resource,
                                  const struct ray_resource_options *options,
                                  struct ray_arena *arena)
{
    const struct ray_facts *facts = &resource->facts;
    resource->items = RAY_ARENA_ARRAY(arena, struct ray_resource_item, facts->count);
    if (resource->items == NULL) {
        return RAY_NOMEM;
    }
    for (size_t i = 0; i < facts->count; i++) {
        const struct ray_attribute *attribute = &facts->items[i];
        if (attribute->value.kind == RAY_VALUE_NONE) {
            continue;
        }
        struct ray_resource_item *item = &resource->items[resource->item_count++];
        item->value = &attribute->value;
        item->superseded = facts->notes[i].superseded;
        item->name = ray_arena_printf(arena, "otel.resource.%.*s", RAY_STR_ARG(attribute->key));
        if (item->name.ptr == NULL) {
            return RAY_NOMEM;
        }
        index_item(resource, item, options, arena);
    }
    return RAY_OK;
}

/* Empties `text` into the arena. */
static enum ray_status take(struct ray_buf *text, struct ray_arena *arena, struct ray_str *out)
{
    if (text->failed) {
        return RAY_NOMEM;
    }
    *out = (struct ray_str){NULL, 0};
    if (text->len > 0) {
        *out = ray_arena_copy(arena, ray_buf_str(text));
        if (out->ptr == NULL) {
            return RAY_NOMEM;
        }
    }
    ray_buf_reset(text);
    return RAY_OK;
}

static enum ray_status write_parts(struct ray_resource *resource,
                                   const struct ray_resource_options *options,
                                   struct ray_arena *arena, struct ray_buf *text)
{
    struct ray_json_writer w;
    ray_json_init(&w, text);
    write_service(&resource->facts, &w);
    enum ray_status status = take(text, arena, &resource->service);
    if (status == RAY_OK && resource->on_aws) {
        ray_json_init(&w, text);
        ray_aws_write_resource(&resource->facts, options, &w);
        status = take(text, arena, &resource->aws);
    }
    if (status == RAY_OK) {
        ray_json_init(&w, text);
        text->failed |= !ray_annotations_write_resource(resource, arena, &w);
        status = take(text, arena, &resource->annotations);
    }
    if (status == RAY_OK) {
        ray_json_init(&w, text);
        text->failed |= !ray_metadata_write_resource(resource, arena, &w);
        status = take(text, arena, &resource->metadata);
    }
    if (status == RAY_OK && options->preserve_all) {
        struct ray_value all = {.kind = RAY_VALUE_MAP};
        all.as.map.items = resource->facts.items;
        all.as.map.count = resource->facts.count;
        ray_json_init(&w, text);
        ray_value_write(&all, &ray_limits_none, arena, &w);
        status = take(text, arena, &resource->attributes);
    }
    return status;
}

enum ray_status ray_resource_prepare(const struct ray_resource_spans *spans,
                                     const struct ray_resource_options *options,
                                     struct ray_arena *arena, struct ray_resource *out)
{
    struct ray_facts_scratch scratch = {0}; /* of its own: the facts outlive the spans' */
    *out = (struct ray_resource){0};
    if (ray_facts_scratch_reserve(&scratch, arena, spans->attributes.count) != RAY_OK) {
        return RAY_NOMEM;
    }
    ray_facts_gather(&out->facts, &spans->attributes, options->names, &scratch);
    out->origin = ray_origin_of(&out->facts);
    out->language = ray_facts_string(&out->facts, RAY_KEY_SDK_LANGUAGE);
    out->arn = ray_facts_string(&out->facts, RAY_KEY_XRAY_RESOURCE_ARN);
    out->on_aws = ray_aws_applies(&out->facts);
    out->account_id = ray_facts_string(&out->facts, RAY_KEY_CLOUD_ACCOUNT_ID);
    if (make_items(out, options, arena) != RAY_OK) {
        return RAY_NOMEM;
    }
    struct ray_buf text;
    ray_buf_init(&text, SCRATCH_MAX_BYTES);
    enum ray_status status = write_parts(out, options, arena, &text);
    ray_buf_clear(&text);
    return status;
}
