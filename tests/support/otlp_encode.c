/* otlp_encode: see otlp_encode.h. Builds protobuf-c's structs in an arena, then packs them. */
#include "tests/support/otlp_encode.h"

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request_message;
typedef Opentelemetry__Proto__Trace__V1__ResourceSpans resource_spans_message;
typedef Opentelemetry__Proto__Trace__V1__ScopeSpans scope_spans_message;
typedef Opentelemetry__Proto__Trace__V1__Span span_message;
typedef Opentelemetry__Proto__Trace__V1__Span__Event event_message;
typedef Opentelemetry__Proto__Trace__V1__Span__Link link_message;
typedef Opentelemetry__Proto__Trace__V1__Status status_message;
typedef Opentelemetry__Proto__Resource__V1__Resource resource_message;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope scope_message;
typedef Opentelemetry__Proto__Common__V1__AnyValue value_message;
typedef Opentelemetry__Proto__Common__V1__ArrayValue list_message;
typedef Opentelemetry__Proto__Common__V1__KeyValueList map_message;
typedef Opentelemetry__Proto__Common__V1__KeyValue attribute_message;

struct encoder {
    struct ray_arena *arena;
    bool failed;
};

static ProtobufCBinaryData binary(struct ray_str s)
{
    return (ProtobufCBinaryData){s.len, (uint8_t *)(uintptr_t)s.ptr};
}

/* NAME(e, count): an array of that many pointers, each to an empty message; NULL and e->failed when
 * the arena is used up. */
#define NEW_MESSAGES(name, type, init)                                                             \
    static type **name(struct encoder *e, size_t count)                                            \
    {                                                                                              \
        type **pointers = RAY_ARENA_ARRAY(e->arena, type *, count);                                \
        type *messages = RAY_ARENA_ARRAY(e->arena, type, count);                                   \
        e->failed = e->failed || pointers == NULL || messages == NULL;                             \
        for (size_t i = 0; !e->failed && i < count; i++) {                                         \
            init(&messages[i]);                                                                    \
            pointers[i] = &messages[i];                                                            \
        }                                                                                          \
        return e->failed ? NULL : pointers;                                                        \
    }
NEW_MESSAGES(new_values, value_message, opentelemetry__proto__common__v1__any_value__init)
NEW_MESSAGES(new_lists, list_message, opentelemetry__proto__common__v1__array_value__init)
NEW_MESSAGES(new_maps, map_message, opentelemetry__proto__common__v1__key_value_list__init)
NEW_MESSAGES(new_attributes, attribute_message, opentelemetry__proto__common__v1__key_value__init)
NEW_MESSAGES(new_events, event_message, opentelemetry__proto__trace__v1__span__event__init)
NEW_MESSAGES(new_links, link_message, opentelemetry__proto__trace__v1__span__link__init)
NEW_MESSAGES(new_status, status_message, opentelemetry__proto__trace__v1__status__init)
NEW_MESSAGES(new_spans, span_message, opentelemetry__proto__trace__v1__span__init)
NEW_MESSAGES(new_scopes, scope_message,
             opentelemetry__proto__common__v1__instrumentation_scope__init)
NEW_MESSAGES(new_scope_spans, scope_spans_message,
             opentelemetry__proto__trace__v1__scope_spans__init)
NEW_MESSAGES(new_resources, resource_message, opentelemetry__proto__resource__v1__resource__init)
NEW_MESSAGES(new_resource_spans, resource_spans_message,
             opentelemetry__proto__trace__v1__resource_spans__init)

static attribute_message **encode_attributes(struct encoder *e, const struct ray_attribute *items,
                                             size_t count);

static void encode_list(struct encoder *e, const struct ray_value *in, value_message *out);
static void encode_map(struct encoder *e, const struct ray_value *in, value_message *out);

static void encode_value(struct encoder *e, const struct ray_value *in, value_message *out)
{
    switch (in->kind) {
    case RAY_VALUE_NONE:
        break;
    case RAY_VALUE_STRING:
    case RAY_VALUE_DIGITS:
        out->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
        out->string_value = binary(in->as.string);
        break;
    case RAY_VALUE_BOOL:
        out->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
        out->bool_value = in->as.boolean;
        break;
    case RAY_VALUE_INT:
        out->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
        out->int_value = in->as.integer;
        break;
    case RAY_VALUE_DOUBLE:
        out->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE;
        out->double_value = in->as.number;
        break;
    case RAY_VALUE_LIST:
        encode_list(e, in, out);
        break;
    case RAY_VALUE_MAP:
        encode_map(e, in, out);
        break;
    case RAY_VALUE_BYTES:
        out->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE;
        out->bytes_value = binary(in->as.string);
        break;
    }
}

static void encode_list(struct encoder *e, const struct ray_value *in, value_message *out)
{
    list_message **list = new_lists(e, 1);
    value_message **values = new_values(e, in->as.list.count);
    if (e->failed) {
        return;
    }
    for (size_t i = 0; i < in->as.list.count; i++) {
        encode_value(e, &in->as.list.items[i], values[i]);
    }
    list[0]->n_values = in->as.list.count;
    list[0]->values = values;
    out->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE;
    out->array_value = list[0];
}

static void encode_map(struct encoder *e, const struct ray_value *in, value_message *out)
{
    map_message **map = new_maps(e, 1);
    attribute_message **values = encode_attributes(e, in->as.map.items, in->as.map.count);
    if (e->failed) {
        return;
    }
    map[0]->n_values = in->as.map.count;
    map[0]->values = values;
    out->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_KVLIST_VALUE;
    out->kvlist_value = map[0];
}

static attribute_message **encode_attributes(struct encoder *e, const struct ray_attribute *items,
                                             size_t count)
{
    attribute_message **out = new_attributes(e, count);
    value_message **values = new_values(e, count);
    for (size_t i = 0; !e->failed && i < count; i++) {
        out[i]->key = binary(items[i].key);
        out[i]->value = values[i];
        encode_value(e, &items[i].value, values[i]);
    }
    return out;
}

static event_message **encode_events(struct encoder *e, const struct ray_span *span)
{
    event_message **out = new_events(e, span->event_count);
    for (size_t i = 0; !e->failed && i < span->event_count; i++) {
        const struct ray_event *in = &span->events[i];
        out[i]->time_unix_nano = in->time_unix_ns;
        out[i]->name = binary(in->name);
        out[i]->n_attributes = in->attributes.count;
        out[i]->attributes = encode_attributes(e, in->attributes.items, in->attributes.count);
        out[i]->dropped_attributes_count = in->dropped_attributes;
    }
    return out;
}

static link_message **encode_links(struct encoder *e, const struct ray_span *span)
{
    link_message **out = new_links(e, span->link_count);
    for (size_t i = 0; !e->failed && i < span->link_count; i++) {
        const struct ray_link *in = &span->links[i];
        out[i]->trace_id = binary(in->trace_id);
        out[i]->span_id = binary(in->span_id);
        out[i]->trace_state = binary(in->trace_state);
        out[i]->n_attributes = in->attributes.count;
        out[i]->attributes = encode_attributes(e, in->attributes.items, in->attributes.count);
        out[i]->dropped_attributes_count = in->dropped_attributes;
        out[i]->flags = in->flags;
    }
    return out;
}

static void encode_span(struct encoder *e, const struct ray_span *in, span_message *out)
{
    status_message **status = new_status(e, 1);
    if (e->failed) {
        return;
    }
    status[0]->message = binary(in->status_message);
    status[0]->code = (Opentelemetry__Proto__Trace__V1__Status__StatusCode)in->status_code;
    out->status = status[0];
    out->trace_id = binary(in->trace_id);
    out->span_id = binary(in->span_id);
    out->parent_span_id = binary(in->parent_id);
    out->trace_state = binary(in->trace_state);
    out->name = binary(in->name);
    out->kind = (Opentelemetry__Proto__Trace__V1__Span__SpanKind)in->kind;
    out->start_time_unix_nano = in->start_unix_ns;
    out->end_time_unix_nano = in->end_unix_ns;
    out->n_attributes = in->attributes.count;
    out->attributes = encode_attributes(e, in->attributes.items, in->attributes.count);
    out->dropped_attributes_count = in->dropped_attributes;
    out->n_events = in->event_count;
    out->events = encode_events(e, in);
    out->dropped_events_count = in->dropped_events;
    out->n_links = in->link_count;
    out->links = encode_links(e, in);
    out->dropped_links_count = in->dropped_links;
    out->flags = in->flags;
}

static void encode_scope(struct encoder *e, const struct ray_scope_spans *in,
                         scope_spans_message *out)
{
    scope_message **scope = new_scopes(e, 1);
    span_message **spans = new_spans(e, in->span_count);
    if (e->failed) {
        return;
    }
    scope[0]->name = binary(in->name);
    scope[0]->version = binary(in->version);
    scope[0]->n_attributes = in->attributes.count;
    scope[0]->attributes = encode_attributes(e, in->attributes.items, in->attributes.count);
    scope[0]->dropped_attributes_count = in->dropped_attributes;
    out->scope = scope[0];
    out->schema_url = binary(in->schema_url);
    out->n_spans = in->span_count;
    out->spans = spans;
    for (size_t i = 0; !e->failed && i < in->span_count; i++) {
        encode_span(e, &in->spans[i], spans[i]);
    }
}

static void encode_resource(struct encoder *e, const struct ray_resource_spans *in,
                            resource_spans_message *out)
{
    resource_message **resource = new_resources(e, 1);
    scope_spans_message **scopes = new_scope_spans(e, in->scope_count);
    if (e->failed) {
        return;
    }
    resource[0]->n_attributes = in->attributes.count;
    resource[0]->attributes = encode_attributes(e, in->attributes.items, in->attributes.count);
    resource[0]->dropped_attributes_count = in->dropped_attributes;
    out->resource = resource[0];
    out->schema_url = binary(in->schema_url);
    out->n_scope_spans = in->scope_count;
    out->scope_spans = scopes;
    for (size_t i = 0; !e->failed && i < in->scope_count; i++) {
        encode_scope(e, &in->scopes[i], scopes[i]);
    }
}

bool ray_test_otlp_encode(const struct ray_request *request, struct ray_arena *arena,
                          struct ray_str *out)
{
    struct encoder e = {arena, false};
    request_message message;
    opentelemetry__proto__collector__trace__v1__export_trace_service_request__init(&message);
    message.n_resource_spans = request->resource_count;
    message.resource_spans = new_resource_spans(&e, request->resource_count);
    for (size_t i = 0; !e.failed && i < request->resource_count; i++) {
        encode_resource(&e, &request->resources[i], message.resource_spans[i]);
    }
    if (e.failed) {
        return false;
    }
    size_t len = protobuf_c_message_get_packed_size(&message.base);
    char *bytes = ray_arena_alloc_text(arena, len);
    if (bytes == NULL) {
        return false;
    }
    protobuf_c_message_pack(&message.base, (uint8_t *)bytes);
    *out = (struct ray_str){bytes, len};
    return true;
}
