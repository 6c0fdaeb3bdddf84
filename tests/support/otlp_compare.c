/* otlp_compare: two requests, field by field; see otlp_encode.h. */
#include "tests/support/otlp_encode.h"

#include <stdio.h>
#include <string.h>

#define WHERE_BYTES 200

/* Each returns true when equal, else leaves in `where` what differs. */
static bool same_number(const char *name, uint64_t a, uint64_t b, char *where)
{
    if (a != b) {
        snprintf(where, WHERE_BYTES, "%s: %llu and %llu", name, (unsigned long long)a,
                 (unsigned long long)b);
    }
    return a == b;
}

static bool same_text(const char *name, struct ray_str a, struct ray_str b, char *where)
{
    bool same = ray_str_eq(a, b);
    if (!same) {
        snprintf(where, WHERE_BYTES, "%s: (%zu) %.*s and (%zu) %.*s", name, a.len,
                 RAY_STR_ARG(ray_str_until(a, 60)), b.len, RAY_STR_ARG(ray_str_until(b, 60)));
    }
    return same;
}

static bool same_attributes(const struct ray_attribute *a, size_t a_count,
                            const struct ray_attribute *b, size_t b_count, char *where);

static bool same_value(const struct ray_value *a, const struct ray_value *b, char *where)
{
    if (!same_number("value kind", a->kind, b->kind, where)) {
        return false;
    }
    switch (a->kind) {
    case RAY_VALUE_NONE:
        return true;
    case RAY_VALUE_STRING:
    case RAY_VALUE_BYTES:
    case RAY_VALUE_DIGITS:
        return same_text("value", a->as.string, b->as.string, where);
    case RAY_VALUE_BOOL:
        return same_number("bool", a->as.boolean, b->as.boolean, where);
    case RAY_VALUE_INT:
        return same_number("int", (uint64_t)a->as.integer, (uint64_t)b->as.integer, where);
    case RAY_VALUE_DOUBLE: {
        uint64_t x, y;
        memcpy(&x, &a->as.number, sizeof(x));
        memcpy(&y, &b->as.number, sizeof(y));
        return same_number("bits of a double", x, y, where);
    }
    case RAY_VALUE_LIST:
        if (!same_number("list length", a->as.list.count, b->as.list.count, where)) {
            return false;
        }
        for (size_t i = 0; i < a->as.list.count; i++) {
            if (!same_value(&a->as.list.items[i], &b->as.list.items[i], where)) {
                return false;
            }
        }
        return true;
    case RAY_VALUE_MAP:
        return same_attributes(a->as.map.items, a->as.map.count, b->as.map.items, b->as.map.count,
                               where);
    }
    snprintf(where, WHERE_BYTES, "value kind %d is none", (int)a->kind);
    return false;
}

static bool same_attributes(const struct ray_attribute *a, size_t a_count,
                            const struct ray_attribute *b, size_t b_count, char *where)
{
    if (!same_number("number of attributes", a_count, b_count, where)) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (!same_text("key", a[i].key, b[i].key, where) ||
            !same_value(&a[i].value, &b[i].value, where)) {
            return false;
        }
    }
    return true;
}

static bool same_set(const struct ray_attributes *a, const struct ray_attributes *b, char *where)
{
    return same_attributes(a->items, a->count, b->items, b->count, where);
}

static bool same_events(const struct ray_span *a, const struct ray_span *b, char *where)
{
    bool same = same_number("events", a->event_count, b->event_count, where);
    for (size_t i = 0; same && i < a->event_count; i++) {
        const struct ray_event *x = &a->events[i], *y = &b->events[i];
        same = same_number("event time", x->time_unix_ns, y->time_unix_ns, where) &&
               same_text("event name", x->name, y->name, where) &&
               same_set(&x->attributes, &y->attributes, where) &&
               same_number("event dropped", x->dropped_attributes, y->dropped_attributes, where);
    }
    return same;
}

static bool same_links(const struct ray_span *a, const struct ray_span *b, char *where)
{
    bool same = same_number("links", a->link_count, b->link_count, where);
    for (size_t i = 0; same && i < a->link_count; i++) {
        const struct ray_link *x = &a->links[i], *y = &b->links[i];
        same = same_text("link trace id", x->trace_id, y->trace_id, where) &&
               same_text("link span id", x->span_id, y->span_id, where) &&
               same_text("link trace state", x->trace_state, y->trace_state, where) &&
               same_set(&x->attributes, &y->attributes, where) &&
               same_number("link dropped", x->dropped_attributes, y->dropped_attributes, where) &&
               same_number("link flags", x->flags, y->flags, where);
    }
    return same;
}

static bool same_span(const struct ray_span *a, const struct ray_span *b, char *where)
{
    return same_text("trace id", a->trace_id, b->trace_id, where) &&
           same_text("span id", a->span_id, b->span_id, where) &&
           same_text("parent id", a->parent_id, b->parent_id, where) &&
           same_text("name", a->name, b->name, where) &&
           same_text("trace state", a->trace_state, b->trace_state, where) &&
           same_text("status message", a->status_message, b->status_message, where) &&
           same_number("start", a->start_unix_ns, b->start_unix_ns, where) &&
           same_number("end", a->end_unix_ns, b->end_unix_ns, where) &&
           same_set(&a->attributes, &b->attributes, where) && same_events(a, b, where) &&
           same_links(a, b, where) &&
           same_number("kind", (uint32_t)a->kind, (uint32_t)b->kind, where) &&
           same_number("status", (uint32_t)a->status_code, (uint32_t)b->status_code, where) &&
           same_number("flags", a->flags, b->flags, where) &&
           same_number("dropped attributes", a->dropped_attributes, b->dropped_attributes, where) &&
           same_number("dropped events", a->dropped_events, b->dropped_events, where) &&
           same_number("dropped links", a->dropped_links, b->dropped_links, where);
}

static bool same_scope(const struct ray_scope_spans *a, const struct ray_scope_spans *b,
                       char *where)
{
    bool same = same_text("scope name", a->name, b->name, where) &&
                same_text("scope version", a->version, b->version, where) &&
                same_set(&a->attributes, &b->attributes, where) &&
                same_text("scope schema", a->schema_url, b->schema_url, where) &&
                same_number("scope dropped", a->dropped_attributes, b->dropped_attributes, where) &&
                same_number("spans", a->span_count, b->span_count, where);
    for (size_t i = 0; same && i < a->span_count; i++) {
        same = same_span(&a->spans[i], &b->spans[i], where);
    }
    return same;
}

static bool same_resource(const struct ray_resource_spans *a, const struct ray_resource_spans *b,
                          char *where)
{
    bool same =
        same_set(&a->attributes, &b->attributes, where) &&
        same_text("resource schema", a->schema_url, b->schema_url, where) &&
        same_number("resource dropped", a->dropped_attributes, b->dropped_attributes, where) &&
        same_number("scopes", a->scope_count, b->scope_count, where);
    for (size_t i = 0; same && i < a->scope_count; i++) {
        same = same_scope(&a->scopes[i], &b->scopes[i], where);
    }
    return same;
}

bool ray_test_otlp_equal(const struct ray_request *a, const struct ray_request *b,
                         char where[WHERE_BYTES])
{
    where[0] = '\0';
    bool same = same_number("resources", a->resource_count, b->resource_count, where) &&
                same_number("spans of all", a->span_count, b->span_count, where);
    for (size_t i = 0; same && i < a->resource_count; i++) {
        same = same_resource(&a->resources[i], &b->resources[i], where);
    }
    return same;
}
