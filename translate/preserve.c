/* preserve: see preserve.h. Our own; the reference drops all of it. */
#include "translate/preserve.h"

#include "core/map.h"

static void begin_once(struct ray_json_writer *w, struct ray_str quoted_key_and_bracket,
                       bool *begun)
{
    if (!*begun) {
        ray_json_raw_key(w, quoted_key_and_bracket);
        w->comma = false;
        *begun = true;
    }
}

/* One of `duplicate_attributes`. */
static void write_duplicate(struct ray_str key, const struct ray_value *value,
                            const struct ray_limits *limits, struct ray_arena *arena,
                            struct ray_json_writer *w, bool *begun)
{
    begin_once(w, RAY_STR("\"duplicate_attributes\":["), begun);
    ray_json_object_begin(w);
    ray_json_key_string(w, RAY_STR("key"), key);
    RAY_JSON_KEY(w, "value");
    ray_value_write(value, limits, arena, w);
    ray_json_object_end(w);
}

/* Larger ones are looked through with a table: comparing all with all would cost the square. */
#define FEW 16u

/* Which index each key has last. False: no memory. */
static bool find_last(const struct ray_attributes *attributes, struct ray_arena *arena,
                      struct ray_map *last)
{
    ray_map_init(last, arena, (uintptr_t)arena);
    for (size_t i = 0; i < attributes->count; i++) {
        struct ray_map_entry *entry = ray_map_put(last, attributes->items[i].key, NULL);
        if (entry == NULL) {
            return false;
        }
        entry->value.number = i;
    }
    return true;
}

static bool comes_again(const struct ray_attributes *attributes, size_t i)
{
    for (size_t j = i + 1; j < attributes->count; j++) {
        if (ray_str_eq(attributes->items[j].key, attributes->items[i].key)) {
            return true;
        }
    }
    return false;
}

/* What the object `attributes` has no place for: earlier values of keys that come again. */
static void write_repeated(const struct ray_attributes *attributes, const struct ray_limits *limits,
                           struct ray_arena *arena, struct ray_json_writer *w)
{
    struct ray_map last;
    bool many = attributes->count > FEW, begun = false;
    if (many && !find_last(attributes, arena, &last)) {
        w->out->failed = true;
        return;
    }
    for (size_t i = 0; i < attributes->count; i++) {
        const struct ray_attribute *item = &attributes->items[i];
        if (many ? ray_map_find(&last, item->key)->value.number != i : comes_again(attributes, i)) {
            write_duplicate(item->key, &item->value, limits, arena, w, &begun);
        }
    }
    if (begun) {
        ray_json_array_end(w);
    }
}

static void write_map(const struct ray_attributes *attributes, const struct ray_limits *limits,
                      struct ray_arena *arena, struct ray_json_writer *w)
{
    struct ray_value map = {.kind = RAY_VALUE_MAP};
    map.as.map.items = attributes->items;
    map.as.map.count = attributes->count;
    RAY_JSON_KEY(w, "attributes");
    ray_value_write(&map, limits, arena, w);
}

static void write_attributes(const struct ray_attributes *attributes,
                             const struct ray_limits *limits, struct ray_arena *arena,
                             struct ray_json_writer *w)
{
    if (attributes->count > 0) {
        write_map(attributes, limits, arena, w);
        write_repeated(attributes, limits, arena, w);
    }
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

/* --- otel.resource --- */

/* Segments have them in the default namespace. */
static bool shows_attributes(const struct ray_preserved *p)
{
    return p->shape->subsegment && p->resource->facts.count > 0;
}

/* Of the resource's: an earlier value of a key that comes again, or one whose name was taken. */
static bool is_item_left_out(const struct ray_preserved *p, size_t i)
{
    const struct ray_resource_item *item = &p->resource->items[i];
    if (p->item_places != NULL) {
        return (p->item_places[i] & RAY_PLACE_CLASHED) != 0;
    }
    return shows_attributes(p) ? item->superseded : item->left_out;
}

static bool has_item_left_out(const struct ray_preserved *p)
{
    bool possible = p->resource->facts.has_duplicates || p->item_places != NULL;
    for (size_t i = 0; possible && i < p->resource->item_count; i++) {
        if (is_item_left_out(p, i)) {
            return true;
        }
    }
    return false;
}

static bool has_resource(const struct ray_preserved *p)
{
    const struct ray_resource_spans *resource = p->resource_spans;
    return resource->schema_url.len > 0 || resource->dropped_attributes > 0 ||
           shows_attributes(p) || p->resource->facts.has_unset || has_item_left_out(p);
}

static void write_items_left_out(const struct ray_preserved *p, const struct ray_limits *limits,
                                 struct ray_arena *arena, struct ray_json_writer *w)
{
    bool begun = false, possible = has_item_left_out(p);
    for (size_t i = 0; possible && i < p->resource->item_count; i++) {
        const struct ray_resource_item *item = &p->resource->items[i];
        if (is_item_left_out(p, i)) {
            struct ray_str key = ray_str_from_pos(item->name, RAY_STR("otel.resource.").len);
            write_duplicate(key, item->value, limits, arena, w, &begun);
        }
    }
    if (begun) {
        ray_json_array_end(w);
    }
}

/* The keys of attributes without a value. */
static void write_unset(const struct ray_facts *facts, struct ray_json_writer *w)
{
    bool begun = false;
    for (size_t i = 0; facts->has_unset && i < facts->count; i++) {
        if (facts->items[i].value.kind == RAY_VALUE_NONE) {
            begin_once(w, RAY_STR("\"unset_attributes\":["), &begun);
            ray_json_string(w, facts->items[i].key);
        }
    }
    if (begun) {
        ray_json_array_end(w);
    }
}

static void write_resource(const struct ray_preserved *p, const struct ray_limits *limits,
                           struct ray_arena *arena, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    if (shows_attributes(p) && limits == &ray_limits_none) {
        RAY_JSON_KEY(w, "attributes");
        ray_json_raw(w, p->resource->attributes);
    } else if (shows_attributes(p)) {
        write_map(&p->resource_spans->attributes, limits, arena, w); /* duplicates follow */
    }
    write_items_left_out(p, limits, arena, w);
    write_unset(&p->resource->facts, w);
    RAY_WRITE_IF_ANY(w, "schema_url", p->resource_spans->schema_url);
    write_count(w, RAY_STR("\"dropped_attributes_count\":"), p->resource_spans->dropped_attributes);
    ray_json_object_end(w);
}

/* --- otel.span: plain members --- */

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

/* What is in no field: the name, unless it names the document or, as its url, the query. */
static struct ray_str span_name(const struct ray_preserved *p)
{
    const struct ray_sql *sql = p->shown.sql;
    bool there =
        ray_str_eq(p->span->name, p->name) || (sql->present && ray_str_eq(p->span->name, sql->url));
    return there ? RAY_STR("") : p->span->name;
}

/* An error shows as fault or error, unless an HTTP code decided those. */
static struct ray_str status_name(const struct ray_preserved *p)
{
    bool hidden = p->shown.cause->by_code && p->span->status_code == RAY_SPAN_STATUS_ERROR;
    return p->span->status_code == RAY_SPAN_STATUS_OK ? RAY_STR("OK")
           : hidden                                   ? RAY_STR("ERROR")
                                                      : RAY_STR("");
}

/* A message that became a cause is there. */
static struct ray_str status_message(const struct ray_preserved *p)
{
    return p->shown.cause->took_message ? RAY_STR("") : p->span->status_message;
}

/* Numbers that the enums don't have are kept as numbers. */
static void write_enum(struct ray_json_writer *w, struct ray_str quoted_key, struct ray_str name,
                       int32_t number, int32_t last)
{
    if (number < 0 || number > last) {
        ray_json_raw_key(w, quoted_key);
        ray_json_i64(w, number);
    } else {
        ray_write_if_any(w, quoted_key, name);
    }
}

/* The id of a parent that is none for X-Ray, and an end that `in_progress` hides. */
static void write_odd(const struct ray_preserved *p, struct ray_json_writer *w)
{
    const struct ray_span *span = p->span;
    if (!p->shape->has_parent && !ray_bytes_all_zero(span->parent_id)) {
        RAY_JSON_KEY(w, "parent_id");
        ray_json_hex(w, span->parent_id);
    }
    if (p->shown.in_progress && span->end_unix_ns != 0) {
        RAY_JSON_KEY(w, "end_time");
        ray_json_unix_ns(w, span->end_unix_ns);
    }
}

static void write_plain(const struct ray_preserved *p, struct ray_json_writer *w)
{
    const struct ray_span *span = p->span;
    ray_write_if_any(w, RAY_STR("\"name\":"), span_name(p));
    write_enum(w, RAY_STR("\"kind\":"), kind_name(p->shape->kind), span->kind, RAY_SPAN_CONSUMER);
    write_enum(w, RAY_STR("\"status\":"), status_name(p), span->status_code, RAY_SPAN_STATUS_ERROR);
    ray_write_if_any(w, RAY_STR("\"status_message\":"), status_message(p));
    write_odd(p, w);
    ray_write_if_any(w, RAY_STR("\"trace_state\":"), span->trace_state);
    write_count(w, RAY_STR("\"flags\":"), span->flags);
    write_count(w, RAY_STR("\"dropped_attributes_count\":"), span->dropped_attributes);
    write_count(w, RAY_STR("\"dropped_events_count\":"), span->dropped_events);
    write_count(w, RAY_STR("\"dropped_links_count\":"), span->dropped_links);
}

/* --- otel.span: lists and maps, begun when they get something --- */

/* enduser.id is hidden from indexing by the mark that earlier duplicates have. */
static bool is_hidden_user(const struct ray_facts *facts, size_t i)
{
    return facts->notes[i].key == RAY_KEY_ENDUSER_ID && facts->last[RAY_KEY_ENDUSER_ID] == i + 1;
}

/* Of what is neither annotation nor metadata. */
static bool is_unshown(const struct ray_preserved *p, size_t i)
{
    const struct ray_note *note = &p->facts->notes[i];
    const struct ray_value *value = &p->facts->items[i].value;
    bool counts = !note->superseded || is_hidden_user(p->facts, i);
    return counts && value->kind != RAY_VALUE_NONE &&
           !ray_is_shown(&p->shown, (enum ray_key)note->key, value);
}

/* Attributes that a block took but did not write: a second spelling, a value of the wrong kind,
 * what the field had no room for; metadata as JSON whose names were taken. */
static inline bool is_lost(const struct ray_preserved *p, size_t i)
{
    const struct ray_note *note = &p->facts->notes[i];
    if (note->place != 0) {
        return (note->place & RAY_PLACE_CLASHED) != 0;
    }
    return note->key != RAY_KEY_NONE && is_unshown(p, i);
}

/* An earlier value of a key that comes again. */
static bool is_duplicate(const struct ray_preserved *p, size_t i)
{
    return p->facts->notes[i].superseded && !is_hidden_user(p->facts, i) &&
           p->facts->items[i].value.kind != RAY_VALUE_NONE;
}

static void write_lost(const struct ray_preserved *p, const struct ray_limits *limits,
                       struct ray_arena *arena, struct ray_json_writer *w)
{
    bool begun = false;
    for (size_t i = 0; i < p->facts->count; i++) {
        if (is_lost(p, i)) {
            begin_once(w, RAY_STR("\"attributes\":{"), &begun);
            ray_json_key(w, p->facts->items[i].key);
            ray_value_write(&p->facts->items[i].value, limits, arena, w);
        }
    }
    if (begun) {
        ray_json_object_end(w);
    }
}

static void write_duplicates(const struct ray_preserved *p, const struct ray_limits *limits,
                             struct ray_arena *arena, struct ray_json_writer *w)
{
    bool begun = false;
    for (size_t i = 0; p->facts->has_duplicates && i < p->facts->count; i++) {
        const struct ray_attribute *item = &p->facts->items[i];
        if (is_duplicate(p, i)) {
            write_duplicate(item->key, &item->value, limits, arena, w, &begun);
        }
    }
    if (begun) {
        ray_json_array_end(w);
    }
}

static bool has_odd_trace_id(const struct ray_link *link)
{
    return link->trace_id.len != RAY_TRACE_ID_BYTES && link->trace_id.len > 0;
}

/* The field has the last of each key; a link has few. */
static bool has_repeated(const struct ray_attributes *attributes)
{
    bool repeated = attributes->count > FEW; /* to be looked at when it is written */
    for (size_t i = 0; !repeated && i < attributes->count; i++) {
        repeated = comes_again(attributes, i);
    }
    return repeated;
}

static bool has_link_extras(const struct ray_span *span)
{
    for (size_t i = 0; i < span->link_count; i++) {
        const struct ray_link *link = &span->links[i];
        if (link->trace_state.len > 0 || link->flags > 0 || link->dropped_attributes > 0 ||
            has_odd_trace_id(link) || has_repeated(&link->attributes)) {
            return true;
        }
    }
    return false;
}

/* One object per link, in the order of the field `links`. */
static void write_links(const struct ray_span *span, const struct ray_limits *limits,
                        struct ray_arena *arena, struct ray_json_writer *w)
{
    if (!has_link_extras(span)) {
        return;
    }
    RAY_JSON_KEY(w, "links");
    ray_json_array_begin(w);
    for (size_t i = 0; i < span->link_count; i++) {
        const struct ray_link *link = &span->links[i];
        ray_json_object_begin(w);
        if (has_odd_trace_id(link)) {
            RAY_JSON_KEY(w, "trace_id");
            ray_json_hex(w, link->trace_id);
        }
        RAY_WRITE_IF_ANY(w, "trace_state", link->trace_state);
        write_count(w, RAY_STR("\"flags\":"), link->flags);
        write_count(w, RAY_STR("\"dropped_attributes_count\":"), link->dropped_attributes);
        write_repeated(&link->attributes, limits, arena, w);
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

/* The attributes of an event that its exception does not show. */
static struct ray_attributes unshown_of(const struct ray_event *event,
                                        const struct ray_exception *exception,
                                        struct ray_arena *arena, struct ray_json_writer *w)
{
    size_t count = 0;
    struct ray_attribute *items =
        RAY_ARENA_ARRAY(arena, struct ray_attribute, event->attributes.count);
    w->out->failed |= items == NULL;
    for (size_t i = 0; items != NULL && i < event->attributes.count; i++) {
        if (!ray_cause_shows(event, exception, &event->attributes.items[i])) {
            items[count++] = event->attributes.items[i];
        }
    }
    return (struct ray_attributes){items, count};
}

static void write_exception(const struct ray_event *event, const struct ray_exception *exception,
                            const struct ray_limits *limits, struct ray_arena *arena,
                            struct ray_json_writer *w)
{
    struct ray_attributes unshown = unshown_of(event, exception, arena, w);
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "time");
    ray_json_unix_ns(w, event->time_unix_ns);
    write_attributes(&unshown, limits, arena, w);
    write_count(w, RAY_STR("\"dropped_attributes_count\":"), event->dropped_attributes);
    ray_json_object_end(w);
}

/* One object per event that became an exception: when, and what an exception has no field for. */
static void write_exceptions(const struct ray_preserved *p, const struct ray_limits *limits,
                             struct ray_arena *arena, struct ray_json_writer *w)
{
    const struct ray_exception *exception = p->shown.cause->exceptions;
    bool begun = false;
    for (size_t i = 0; i < p->span->event_count; i++) {
        const struct ray_event *event = &p->span->events[i];
        if (!ray_cause_takes(event, p->shape)) {
            continue;
        }
        while (exception != NULL && exception->event != event) { /* causes have none */
            exception = exception->next;
        }
        begin_once(w, RAY_STR("\"exceptions\":["), &begun);
        write_exception(event, exception, limits, arena, w);
    }
    if (begun) {
        ray_json_array_end(w);
    }
}

static bool has_exceptions(const struct ray_preserved *p)
{
    for (size_t i = 0; i < p->span->event_count; i++) {
        if (ray_cause_takes(&p->span->events[i], p->shape)) {
            return true;
        }
    }
    return false;
}

static bool has_plain(const struct ray_preserved *p)
{
    const struct ray_span *span = p->span;
    return span_name(p).len > 0 || span->kind != RAY_SPAN_UNSPECIFIED || status_name(p).len > 0 ||
           span->status_code < 0 || span->status_code > RAY_SPAN_STATUS_ERROR ||
           status_message(p).len > 0 || span->trace_state.len > 0 || span->flags > 0 ||
           (!p->shape->has_parent && !ray_bytes_all_zero(span->parent_id)) ||
           (p->shown.in_progress && span->end_unix_ns != 0) || span->dropped_attributes > 0 ||
           span->dropped_events > 0 || span->dropped_links > 0;
}

static bool has_span(const struct ray_preserved *p)
{
    if (has_plain(p) || has_link_extras(p->span) || has_exceptions(p)) {
        return true;
    }
    for (size_t i = 0; i < p->facts->count; i++) {
        if (is_lost(p, i) || is_duplicate(p, i) ||
            p->facts->items[i].value.kind == RAY_VALUE_NONE) {
            return true;
        }
    }
    return false;
}

static void write_span(const struct ray_preserved *p, const struct ray_limits *limits,
                       struct ray_arena *arena, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    write_plain(p, w);
    write_lost(p, limits, arena, w);
    write_duplicates(p, limits, arena, w);
    write_unset(p->facts, w);
    write_links(p->span, limits, arena, w);
    write_exceptions(p, limits, arena, w);
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
    {RAY_STR_INIT("otel.resource"), has_resource, write_resource},
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
