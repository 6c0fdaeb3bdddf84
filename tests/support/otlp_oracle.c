/* otlp_oracle: what protobuf-c reads out of a request, as our model; see otlp_encode.h. */
#include "tests/support/otlp_encode.h"

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#include <stdlib.h>

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request_message;
typedef Opentelemetry__Proto__Trace__V1__ResourceSpans resource_spans_message;
typedef Opentelemetry__Proto__Trace__V1__ScopeSpans scope_spans_message;
typedef Opentelemetry__Proto__Trace__V1__Span span_message;
typedef Opentelemetry__Proto__Common__V1__AnyValue value_message;
typedef Opentelemetry__Proto__Common__V1__KeyValue attribute_message;

/* An oracle without memory gives no answer: the test ends. */
static void *new_array(struct ray_arena *arena, size_t count, size_t bytes)
{
    void *items = ray_arena_alloc_array(arena, count, bytes);
    if (items == NULL) {
        abort();
    }
    return items;
}

static struct ray_str copy(struct ray_arena *arena, ProtobufCBinaryData data)
{
    return ray_arena_copy(arena, (struct ray_str){(const char *)data.data, data.len});
}

static struct ray_attributes copy_attributes(struct ray_arena *arena, attribute_message **in,
                                             size_t count);

static struct ray_value copy_list(struct ray_arena *arena, const value_message *in);

static struct ray_value copy_value(struct ray_arena *arena, const value_message *in)
{
    struct ray_value out = {.kind = RAY_VALUE_NONE};
    struct ray_attributes map;
    switch (in ? in->value_case : OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET) {
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE:
        out = (struct ray_value){.kind = RAY_VALUE_STRING};
        out.as.string = copy(arena, in->string_value);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE:
        out = (struct ray_value){.kind = RAY_VALUE_BOOL, .as.boolean = in->bool_value != 0};
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE:
        out = (struct ray_value){.kind = RAY_VALUE_INT, .as.integer = in->int_value};
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE:
        out = (struct ray_value){.kind = RAY_VALUE_DOUBLE, .as.number = in->double_value};
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE:
        out = copy_list(arena, in);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_KVLIST_VALUE:
        map = copy_attributes(arena, in->kvlist_value->values, in->kvlist_value->n_values);
        out = (struct ray_value){.kind = RAY_VALUE_MAP, .as.map = {map.items, map.count}};
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE:
        out = (struct ray_value){.kind = RAY_VALUE_BYTES};
        out.as.string = copy(arena, in->bytes_value);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET:
    default:
        break;
    }
    return out;
}

static struct ray_value copy_list(struct ray_arena *arena, const value_message *in)
{
    size_t count = in->array_value->n_values;
    struct ray_value *items = new_array(arena, count, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[i] = copy_value(arena, in->array_value->values[i]);
    }
    return (struct ray_value){.kind = RAY_VALUE_LIST, .as.list = {items, count}};
}

static struct ray_attributes copy_attributes(struct ray_arena *arena, attribute_message **in,
                                             size_t count)
{
    struct ray_attribute *items = new_array(arena, count, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[i].key = copy(arena, in[i]->key);
        items[i].value = copy_value(arena, in[i]->value);
    }
    return (struct ray_attributes){items, count};
}

static void copy_events(struct ray_arena *arena, const span_message *in, struct ray_span *out)
{
    struct ray_event *events = new_array(arena, in->n_events, sizeof(*events));
    for (size_t i = 0; i < in->n_events; i++) {
        events[i].time_unix_ns = in->events[i]->time_unix_nano;
        events[i].name = copy(arena, in->events[i]->name);
        events[i].attributes =
            copy_attributes(arena, in->events[i]->attributes, in->events[i]->n_attributes);
        events[i].dropped_attributes = in->events[i]->dropped_attributes_count;
    }
    out->events = events;
    out->event_count = in->n_events;
}

static void copy_links(struct ray_arena *arena, const span_message *in, struct ray_span *out)
{
    struct ray_link *links = new_array(arena, in->n_links, sizeof(*links));
    for (size_t i = 0; i < in->n_links; i++) {
        links[i].trace_id = copy(arena, in->links[i]->trace_id);
        links[i].span_id = copy(arena, in->links[i]->span_id);
        links[i].trace_state = copy(arena, in->links[i]->trace_state);
        links[i].attributes =
            copy_attributes(arena, in->links[i]->attributes, in->links[i]->n_attributes);
        links[i].dropped_attributes = in->links[i]->dropped_attributes_count;
        links[i].flags = in->links[i]->flags;
    }
    out->links = links;
    out->link_count = in->n_links;
}

static void copy_span(struct ray_arena *arena, const span_message *in, struct ray_span *out)
{
    out->trace_id = copy(arena, in->trace_id);
    out->span_id = copy(arena, in->span_id);
    out->parent_id = copy(arena, in->parent_span_id);
    out->trace_state = copy(arena, in->trace_state);
    out->name = copy(arena, in->name);
    out->kind = (int32_t)in->kind;
    out->start_unix_ns = in->start_time_unix_nano;
    out->end_unix_ns = in->end_time_unix_nano;
    out->attributes = copy_attributes(arena, in->attributes, in->n_attributes);
    out->dropped_attributes = in->dropped_attributes_count;
    copy_events(arena, in, out);
    out->dropped_events = in->dropped_events_count;
    copy_links(arena, in, out);
    out->dropped_links = in->dropped_links_count;
    out->flags = in->flags;
    if (in->status != NULL) {
        out->status_message = copy(arena, in->status->message);
        out->status_code = (int32_t)in->status->code;
    }
}

static void copy_scope(struct ray_arena *arena, const scope_spans_message *in,
                       struct ray_scope_spans *out)
{
    struct ray_span *spans = new_array(arena, in->n_spans, sizeof(*spans));
    for (size_t i = 0; i < in->n_spans; i++) {
        copy_span(arena, in->spans[i], &spans[i]);
    }
    out->spans = spans;
    out->span_count = in->n_spans;
    out->schema_url = copy(arena, in->schema_url);
    if (in->scope != NULL) {
        out->name = copy(arena, in->scope->name);
        out->version = copy(arena, in->scope->version);
        out->attributes = copy_attributes(arena, in->scope->attributes, in->scope->n_attributes);
        out->dropped_attributes = in->scope->dropped_attributes_count;
    }
}

static size_t copy_resource(struct ray_arena *arena, const resource_spans_message *in,
                            struct ray_resource_spans *out)
{
    struct ray_scope_spans *scopes = new_array(arena, in->n_scope_spans, sizeof(*scopes));
    size_t spans = 0;
    for (size_t i = 0; i < in->n_scope_spans; i++) {
        copy_scope(arena, in->scope_spans[i], &scopes[i]);
        spans += scopes[i].span_count;
    }
    out->scopes = scopes;
    out->scope_count = in->n_scope_spans;
    out->schema_url = copy(arena, in->schema_url);
    if (in->resource != NULL) {
        out->attributes =
            copy_attributes(arena, in->resource->attributes, in->resource->n_attributes);
        out->dropped_attributes = in->resource->dropped_attributes_count;
    }
    return spans;
}

bool ray_test_otlp_oracle(struct ray_str body, struct ray_arena *arena, struct ray_request *out)
{
    request_message *message =
        opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
            NULL, body.len, (const uint8_t *)body.ptr);
    if (message == NULL) {
        return false;
    }
    struct ray_resource_spans *resources =
        new_array(arena, message->n_resource_spans, sizeof(*resources));
    *out = (struct ray_request){resources, message->n_resource_spans, 0};
    for (size_t i = 0; i < message->n_resource_spans; i++) {
        out->span_count += copy_resource(arena, message->resource_spans[i], &resources[i]);
    }
    opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(message,
                                                                                            NULL);
    return true;
}
