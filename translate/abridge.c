/* abridge: see abridge.h. */
#include "translate/abridge.h"

#include "core/codec.h"

/* The smallest fits whatever the texts are: no document has more than some 60 of them, an escaped
 * byte takes six. */
static const struct level {
    size_t text_bytes, items;
} levels[RAY_ABRIDGE_LEVELS] = {{8192, 256}, {1024, 64}, {128, 16}, {32, 4}};

struct cutter {
    const struct level *level;
    struct ray_arena *arena;
    bool failed;
};

static struct ray_str cut_text(const struct cutter *c, struct ray_str text)
{
    return ray_utf8_first_bytes(text, c->level->text_bytes);
}

static size_t cut_count(const struct cutter *c, size_t count)
{
    return count < c->level->items ? count : c->level->items;
}

/* As deep as values are (RAY_VALUE_DEPTH_MAX). */
static struct ray_value cut_value(struct cutter *c, struct ray_value value);

/* `count` of them; a copy. */
static struct ray_attributes cut_attributes(struct cutter *c, const struct ray_attribute *items,
                                            size_t count)
{
    struct ray_attribute *copy = RAY_ARENA_ARRAY(c->arena, struct ray_attribute, count);
    if (copy == NULL) {
        c->failed = true;
        return (struct ray_attributes){NULL, 0};
    }
    for (size_t i = 0; i < count; i++) {
        copy[i] = (struct ray_attribute){items[i].key, cut_value(c, items[i].value)};
    }
    return (struct ray_attributes){copy, count};
}

static struct ray_value cut_list(struct cutter *c, struct ray_value value)
{
    size_t count = cut_count(c, value.as.list.count);
    struct ray_value *copy = RAY_ARENA_ARRAY(c->arena, struct ray_value, count);
    c->failed |= copy == NULL;
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = cut_value(c, value.as.list.items[i]);
    }
    value.as.list.items = copy;
    value.as.list.count = copy != NULL ? count : 0;
    return value;
}

static struct ray_value cut_value(struct cutter *c, struct ray_value value)
{
    if (value.kind == RAY_VALUE_STRING) { /* digits don't stand here: they come of text */
        value.as.string = cut_text(c, value.as.string);
    } else if (value.kind == RAY_VALUE_BYTES) {
        value.as.string = ray_str_until(value.as.string, c->level->text_bytes);
    } else if (value.kind == RAY_VALUE_LIST) {
        value = cut_list(c, value);
    } else if (value.kind == RAY_VALUE_MAP) {
        struct ray_attributes members =
            cut_attributes(c, value.as.map.items, cut_count(c, value.as.map.count));
        value.as.map.items = members.items;
        value.as.map.count = members.count;
    }
    return value;
}

static void cut_events(struct cutter *c, struct ray_span *span)
{
    size_t count = cut_count(c, span->event_count);
    struct ray_event *copy = RAY_ARENA_ARRAY(c->arena, struct ray_event, count);
    c->failed |= copy == NULL;
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = span->events[i];
        copy[i].name = cut_text(c, copy[i].name);
        copy[i].attributes = cut_attributes(c, copy[i].attributes.items, copy[i].attributes.count);
    }
    span->events = copy;
    span->event_count = copy != NULL ? count : 0;
}

static void cut_links(struct cutter *c, struct ray_span *span)
{
    size_t count = cut_count(c, span->link_count);
    struct ray_link *copy = RAY_ARENA_ARRAY(c->arena, struct ray_link, count);
    c->failed |= copy == NULL;
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = span->links[i];
        copy[i].trace_id = ray_str_until(copy[i].trace_id, c->level->text_bytes);
        copy[i].span_id = ray_str_until(copy[i].span_id, c->level->text_bytes);
        copy[i].trace_state = cut_text(c, copy[i].trace_state);
        copy[i].attributes = cut_attributes(c, copy[i].attributes.items, copy[i].attributes.count);
    }
    span->links = copy;
    span->link_count = copy != NULL ? count : 0;
}

static void cut_span(struct cutter *c, struct ray_span *span)
{
    span->name = cut_text(c, span->name);
    span->trace_state = cut_text(c, span->trace_state);
    span->status_message = cut_text(c, span->status_message);
    span->attributes = cut_attributes(c, span->attributes.items, span->attributes.count);
    cut_events(c, span);
    cut_links(c, span);
}

static void cut_around(struct cutter *c, struct ray_scope_spans *scope,
                       struct ray_resource_spans *resource)
{
    scope->spans = NULL;
    scope->span_count = 0;
    scope->name = cut_text(c, scope->name);
    scope->version = cut_text(c, scope->version);
    scope->schema_url = cut_text(c, scope->schema_url);
    scope->attributes = cut_attributes(c, scope->attributes.items, scope->attributes.count);
    resource->scopes = NULL;
    resource->scope_count = 0;
    resource->schema_url = cut_text(c, resource->schema_url);
    resource->attributes =
        cut_attributes(c, resource->attributes.items, resource->attributes.count);
}

enum ray_status ray_abridge(size_t level, const struct ray_span *span,
                            const struct ray_scope_spans *scope,
                            const struct ray_resource_spans *resource, struct ray_arena *arena,
                            struct ray_abridged *out)
{
    struct cutter cutter = {.level = &levels[level], .arena = arena};
    struct ray_abridged copy = {*span, *scope, *resource};
    cut_span(&cutter, &copy.span);
    cut_around(&cutter, &copy.scope, &copy.resource);
    if (cutter.failed) {
        return RAY_NOMEM;
    }
    *out = copy;
    return RAY_OK;
}
