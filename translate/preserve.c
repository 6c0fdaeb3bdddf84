/* preserve: see preserve.h. Our own; the reference drops all of it. */
#include "translate/preserve.h"

static void write_attributes(const struct ray_attributes *attributes,
                             const struct ray_limits *limits, struct ray_arena *arena,
                             struct ray_json_writer *w)
{
    if (attributes->count == 0) {
        return;
    }
    struct ray_value map = {.kind = RAY_VALUE_MAP};
    map.as.map.items = attributes->items;
    map.as.map.count = attributes->count;
    RAY_JSON_KEY(w, "attributes");
    ray_value_write(&map, limits, arena, w);
}

static void write_count(struct ray_json_writer *w, struct ray_str quoted_key, uint32_t count)
{
    if (count > 0) {
        ray_json_raw_key(w, quoted_key);
        ray_json_u64(w, count);
    }
}

static bool has_events(const struct ray_preserved *p)
{
    for (size_t i = 0; i < p->span->event_count; i++) {
        if (!ray_cause_takes(&p->span->events[i], p->shape)) {
            return true;
        }
    }
    return false;
}

static void write_event(const struct ray_event *event, const struct ray_limits *limits,
                        struct ray_arena *arena, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "name");
    ray_json_string(w, event->name);
    RAY_JSON_KEY(w, "time");
    ray_json_unix_ns(w, event->time_unix_ns);
    write_attributes(&event->attributes, limits, arena, w);
    write_count(w, RAY_STR("\"dropped_attributes_count\":"), event->dropped_attributes);
    ray_json_object_end(w);
}

static void write_events(const struct ray_preserved *p, const struct ray_limits *limits,
                         struct ray_arena *arena, struct ray_json_writer *w)
{
    ray_json_array_begin(w);
    for (size_t i = 0; i < p->span->event_count; i++) {
        if (!ray_cause_takes(&p->span->events[i], p->shape)) {
            write_event(&p->span->events[i], limits, arena, w);
        }
    }
    ray_json_array_end(w);
}

static bool has_scope(const struct ray_preserved *p)
{
    const struct ray_scope_spans *scope = p->scope;
    return scope->name.len > 0 || scope->version.len > 0 || scope->schema_url.len > 0 ||
           scope->attributes.count > 0 || scope->dropped_attributes > 0;
}

static void write_scope(const struct ray_preserved *p, const struct ray_limits *limits,
                        struct ray_arena *arena, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    RAY_WRITE_IF_ANY(w, "name", p->scope->name);
    RAY_WRITE_IF_ANY(w, "version", p->scope->version);
    write_attributes(&p->scope->attributes, limits, arena, w);
    RAY_WRITE_IF_ANY(w, "schema_url", p->scope->schema_url);
    write_count(w, RAY_STR("\"dropped_attributes_count\":"), p->scope->dropped_attributes);
    ray_json_object_end(w);
}

/* Names as in the OTLP enum, without its prefix; empty for UNSPECIFIED. */
static struct ray_str kind_name(enum ray_span_kind kind)
{
    static const struct ray_str names[] = {
        [RAY_SPAN_INTERNAL] = RAY_STR_INIT("INTERNAL"),
        [RAY_SPAN_SERVER] = RAY_STR_INIT("SERVER"),
        [RAY_SPAN_CLIENT] = RAY_STR_INIT("CLIENT"),
        [RAY_SPAN_PRODUCER] = RAY_STR_INIT("PRODUCER"),
        [RAY_SPAN_CONSUMER] = RAY_STR_INIT("CONSUMER"),
    };
    return names[kind];
}

/* An error shows as fault or error, a message that became a cause there. */
static struct ray_str status_name(const struct ray_preserved *p)
{
    return p->span->status_code == RAY_SPAN_STATUS_OK ? RAY_STR("OK") : RAY_STR("");
}

static struct ray_str status_message(const struct ray_preserved *p)
{
    return p->cause->took_message ? RAY_STR("") : p->span->status_message;
}

static bool has_span(const struct ray_preserved *p)
{
    const struct ray_span *span = p->span;
    return kind_name(p->shape->kind).len > 0 || status_name(p).len > 0 ||
           status_message(p).len > 0 || span->trace_state.len > 0 || span->flags > 0 ||
           span->dropped_attributes > 0 || span->dropped_events > 0 || span->dropped_links > 0;
}

static void write_span(const struct ray_preserved *p, const struct ray_limits *limits,
                       struct ray_arena *arena, struct ray_json_writer *w)
{
    (void)limits;
    (void)arena;
    ray_json_object_begin(w);
    RAY_WRITE_IF_ANY(w, "kind", kind_name(p->shape->kind));
    RAY_WRITE_IF_ANY(w, "status", status_name(p));
    RAY_WRITE_IF_ANY(w, "status_message", status_message(p));
    RAY_WRITE_IF_ANY(w, "trace_state", p->span->trace_state);
    write_count(w, RAY_STR("\"flags\":"), p->span->flags);
    write_count(w, RAY_STR("\"dropped_attributes_count\":"), p->span->dropped_attributes);
    write_count(w, RAY_STR("\"dropped_events_count\":"), p->span->dropped_events);
    write_count(w, RAY_STR("\"dropped_links_count\":"), p->span->dropped_links);
    ray_json_object_end(w);
}

static const struct {
    struct ray_str name;
    bool (*has)(const struct ray_preserved *p);
    void (*write)(const struct ray_preserved *p, const struct ray_limits *limits,
                  struct ray_arena *arena, struct ray_json_writer *w);
} namespaces[RAY_PRESERVE_NAMESPACES] = {
    {RAY_STR_INIT("otel.events"), has_events, write_events},
    {RAY_STR_INIT("otel.scope"), has_scope, write_scope},
    {RAY_STR_INIT("otel.span"), has_span, write_span},
};

struct ray_str ray_preserve_name(size_t index)
{
    return namespaces[index].name;
}

bool ray_preserve_has(const struct ray_preserved *preserved, size_t index)
{
    return namespaces[index].has(preserved);
}

void ray_preserve_write(const struct ray_preserved *preserved, size_t index,
                        const struct ray_limits *limits, struct ray_arena *arena,
                        struct ray_json_writer *w)
{
    namespaces[index].write(preserved, limits, arena, w);
}
