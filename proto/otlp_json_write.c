/* otlp_json_write: see otlp_json_write.h. Recursion is bounded by RAY_VALUE_DEPTH_MAX, which both
 * decoders and json_value keep. */
#include "proto/otlp_json_write.h"

static void write_value(struct ray_json_writer *w, const struct ray_value *value);

/* 64-bit integers are strings: not every JSON reader keeps them whole. */
static void write_u64(struct ray_json_writer *w, uint64_t value)
{
    ray_json_raw(w, RAY_STR("\""));
    ray_buf_append_u64(w->out, value);
    ray_buf_append_byte(w->out, '"');
}

static void write_i64(struct ray_json_writer *w, int64_t value)
{
    ray_json_raw(w, RAY_STR("\""));
    ray_buf_printf(w->out, "%lld", (long long)value);
    ray_buf_append_byte(w->out, '"');
}

static void write_attributes(struct ray_json_writer *w, const struct ray_attribute *items,
                             size_t count)
{
    ray_json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        ray_json_object_begin(w);
        RAY_JSON_KEY(w, "key");
        ray_json_string(w, items[i].key);
        RAY_JSON_KEY(w, "value");
        write_value(w, &items[i].value);
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

/* ArrayValue and KeyValueList are messages of their own. */
static void write_list(struct ray_json_writer *w, const struct ray_value *value)
{
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "values");
    ray_json_array_begin(w);
    for (size_t i = 0; i < value->as.list.count; i++) {
        write_value(w, &value->as.list.items[i]);
    }
    ray_json_array_end(w);
    ray_json_object_end(w);
}

static void write_map(struct ray_json_writer *w, const struct ray_value *value)
{
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "values");
    write_attributes(w, value->as.map.items, value->as.map.count);
    ray_json_object_end(w);
}

static void write_value(struct ray_json_writer *w, const struct ray_value *value)
{
    ray_json_object_begin(w);
    switch (value->kind) {
    case RAY_VALUE_NONE:
        break;
    case RAY_VALUE_STRING:
    case RAY_VALUE_DIGITS: /* no number of OTLP holds it */
        ray_json_key_string(w, RAY_STR("stringValue"), value->as.string);
        break;
    case RAY_VALUE_BOOL:
        RAY_JSON_KEY(w, "boolValue");
        ray_json_bool(w, value->as.boolean);
        break;
    case RAY_VALUE_INT:
        RAY_JSON_KEY(w, "intValue");
        write_i64(w, value->as.integer);
        break;
    case RAY_VALUE_DOUBLE:
        RAY_JSON_KEY(w, "doubleValue");
        ray_json_double(w, value->as.number);
        break;
    case RAY_VALUE_LIST:
        RAY_JSON_KEY(w, "arrayValue");
        write_list(w, value);
        break;
    case RAY_VALUE_MAP:
        RAY_JSON_KEY(w, "kvlistValue");
        write_map(w, value);
        break;
    case RAY_VALUE_BYTES:
        RAY_JSON_KEY(w, "bytesValue");
        ray_json_base64(w, value->as.string);
        break;
    }
    ray_json_object_end(w);
}

/* --- fields that are left out when they have their default --- */

static void write_text(struct ray_json_writer *w, struct ray_str quoted_key, struct ray_str text)
{
    if (text.len > 0) {
        ray_json_raw_key(w, quoted_key);
        ray_json_string(w, text);
    }
}

static void write_id(struct ray_json_writer *w, struct ray_str quoted_key, struct ray_str id)
{
    if (id.len > 0) {
        ray_json_raw_key(w, quoted_key);
        ray_json_hex(w, id);
    }
}

static void write_number(struct ray_json_writer *w, struct ray_str quoted_key, int64_t number)
{
    if (number != 0) {
        ray_json_raw_key(w, quoted_key);
        ray_json_i64(w, number);
    }
}

static void write_time(struct ray_json_writer *w, struct ray_str quoted_key, uint64_t unix_ns)
{
    if (unix_ns != 0) {
        ray_json_raw_key(w, quoted_key);
        write_u64(w, unix_ns);
    }
}

static void write_attribute_field(struct ray_json_writer *w,
                                  const struct ray_attributes *attributes, uint32_t dropped)
{
    if (attributes->count > 0) {
        RAY_JSON_KEY(w, "attributes");
        write_attributes(w, attributes->items, attributes->count);
    }
    write_number(w, RAY_STR("\"droppedAttributesCount\":"), dropped);
}

/* --- spans --- */

static void write_events(struct ray_json_writer *w, const struct ray_span *span)
{
    RAY_JSON_KEY(w, "events");
    ray_json_array_begin(w);
    for (size_t i = 0; i < span->event_count; i++) {
        const struct ray_event *event = &span->events[i];
        ray_json_object_begin(w);
        write_time(w, RAY_STR("\"timeUnixNano\":"), event->time_unix_ns);
        write_text(w, RAY_STR("\"name\":"), event->name);
        write_attribute_field(w, &event->attributes, event->dropped_attributes);
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

static void write_links(struct ray_json_writer *w, const struct ray_span *span)
{
    RAY_JSON_KEY(w, "links");
    ray_json_array_begin(w);
    for (size_t i = 0; i < span->link_count; i++) {
        const struct ray_link *link = &span->links[i];
        ray_json_object_begin(w);
        write_id(w, RAY_STR("\"traceId\":"), link->trace_id);
        write_id(w, RAY_STR("\"spanId\":"), link->span_id);
        write_text(w, RAY_STR("\"traceState\":"), link->trace_state);
        write_attribute_field(w, &link->attributes, link->dropped_attributes);
        write_number(w, RAY_STR("\"flags\":"), link->flags);
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

static void write_status(struct ray_json_writer *w, const struct ray_span *span)
{
    RAY_JSON_KEY(w, "status");
    ray_json_object_begin(w);
    write_text(w, RAY_STR("\"message\":"), span->status_message);
    write_number(w, RAY_STR("\"code\":"), span->status_code);
    ray_json_object_end(w);
}

static void write_span(struct ray_json_writer *w, const struct ray_span *span)
{
    ray_json_object_begin(w);
    write_id(w, RAY_STR("\"traceId\":"), span->trace_id);
    write_id(w, RAY_STR("\"spanId\":"), span->span_id);
    write_text(w, RAY_STR("\"traceState\":"), span->trace_state);
    write_id(w, RAY_STR("\"parentSpanId\":"), span->parent_id);
    write_number(w, RAY_STR("\"flags\":"), span->flags);
    write_text(w, RAY_STR("\"name\":"), span->name);
    write_number(w, RAY_STR("\"kind\":"), span->kind);
    write_time(w, RAY_STR("\"startTimeUnixNano\":"), span->start_unix_ns);
    write_time(w, RAY_STR("\"endTimeUnixNano\":"), span->end_unix_ns);
    write_attribute_field(w, &span->attributes, span->dropped_attributes);
    if (span->event_count > 0) {
        write_events(w, span);
    }
    write_number(w, RAY_STR("\"droppedEventsCount\":"), span->dropped_events);
    if (span->link_count > 0) {
        write_links(w, span);
    }
    write_number(w, RAY_STR("\"droppedLinksCount\":"), span->dropped_links);
    if (span->status_code != RAY_SPAN_STATUS_UNSET || span->status_message.len > 0) {
        write_status(w, span);
    }
    ray_json_object_end(w);
}

/* --- around them --- */

static void write_scope(struct ray_json_writer *w, const struct ray_scope_spans *scope)
{
    ray_json_object_begin(w);
    if (scope->name.len > 0 || scope->version.len > 0 || scope->attributes.count > 0 ||
        scope->dropped_attributes > 0) {
        RAY_JSON_KEY(w, "scope");
        ray_json_object_begin(w);
        write_text(w, RAY_STR("\"name\":"), scope->name);
        write_text(w, RAY_STR("\"version\":"), scope->version);
        write_attribute_field(w, &scope->attributes, scope->dropped_attributes);
        ray_json_object_end(w);
    }
    RAY_JSON_KEY(w, "spans");
    ray_json_array_begin(w);
    for (size_t i = 0; i < scope->span_count; i++) {
        write_span(w, &scope->spans[i]);
    }
    ray_json_array_end(w);
    write_text(w, RAY_STR("\"schemaUrl\":"), scope->schema_url);
    ray_json_object_end(w);
}

static void write_resource(struct ray_json_writer *w, const struct ray_resource_spans *resource)
{
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "resource");
    ray_json_object_begin(w);
    write_attribute_field(w, &resource->attributes, resource->dropped_attributes);
    ray_json_object_end(w);
    RAY_JSON_KEY(w, "scopeSpans");
    ray_json_array_begin(w);
    for (size_t i = 0; i < resource->scope_count; i++) {
        write_scope(w, &resource->scopes[i]);
    }
    ray_json_array_end(w);
    write_text(w, RAY_STR("\"schemaUrl\":"), resource->schema_url);
    ray_json_object_end(w);
}

void ray_otlp_json_write(const struct ray_request *request, struct ray_buf *out)
{
    struct ray_json_writer w;
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    RAY_JSON_KEY(&w, "resourceSpans");
    ray_json_array_begin(&w);
    for (size_t i = 0; i < request->resource_count; i++) {
        write_resource(&w, &request->resources[i]);
    }
    ray_json_array_end(&w);
    ray_json_object_end(&w);
}
