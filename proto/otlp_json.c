/*
 * otlp_json: OTLP/JSON of an ExportTraceServiceRequest; see otlp_decode.h.
 *
 * The mapping is protobuf's JSON mapping with the changes of the OTLP specification ("JSON Protobuf
 * Encoding"): ids in hex, enums as numbers. We take what protobuf's own parsers take as well: enum
 * names, snake_case keys, numbers as strings. An enum name that we don't know is the value 0, so
 * that a newer client's request is not lost for it. null is absence; as an element of a list it is
 * an empty message. Of a key that occurs twice the last one counts, as a whole.
 *
 * Each message is a table of its fields. A list grows on one stack (`pending`) that all lists in
 * progress share, and moves to the arena in one piece when it ends: one copy per item, however deep
 * it is nested, and no array is ever larger than what it holds.
 */
#include "proto/otlp_decode.h"

#include "core/buf.h"
#include "core/codec.h"
#include "core/json_reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Holds the largest request of RAY_REQUEST_SPANS_MAX spans. */
#define PENDING_MAX_BYTES ((size_t)32 * 1024 * 1024)

/* Errors below, literals, name these numbers. */
_Static_assert(RAY_VALUE_DEPTH_MAX == 64, "levels of nesting");
_Static_assert(RAY_REQUEST_SPANS_MAX == 100000, "spans of a request");
_Static_assert(RAY_LIST_ITEMS_MAX == 100000, "items of a list");
_Static_assert(sizeof(struct ray_span) * RAY_REQUEST_SPANS_MAX < PENDING_MAX_BYTES,
               "a request of the most spans can be read");

struct field;

struct decoder {
    struct ray_json_reader r;
    struct ray_buf pending;    /* items of the lists that are being read, innermost last */
    enum ray_status status;    /* why we failed the reader; RAY_OK while only it may have failed */
    const struct field *field; /* the last known field, for the error */
    unsigned depth;            /* of AnyValues around what is being read */
    size_t span_count;
};

typedef void (*read_fn)(struct decoder *d, void *target);

struct field {
    struct ray_str name;
    struct ray_str snake; /* empty when it would be the same */
    read_fn read;
    size_t offset; /* of what `read` fills, in the struct that it is a field of */
};

struct message {
    const struct field *fields;
    size_t count;
};

#define FIELD(name, snake, read, offset)                                                           \
    {                                                                                              \
        RAY_STR_INIT(name), RAY_STR_INIT(snake), read, offset                                      \
    }
#define MESSAGE(fields) (&(const struct message){(fields), sizeof(fields) / sizeof((fields)[0])})

static void fail(struct decoder *d, enum ray_status status, const char *reason)
{
    if (!d->r.failed) {
        d->status = status;
        ray_json_fail(&d->r, reason);
    }
}

static const struct field *find_field(const struct message *message, struct ray_str key)
{
    for (size_t i = 0; i < message->count; i++) {
        const struct field *field = &message->fields[i];
        if (ray_str_eq(field->name, key) || (key.len > 0 && ray_str_eq(field->snake, key))) {
            return field;
        }
    }
    return NULL;
}

static void read_message(struct decoder *d, const struct message *message, void *target)
{
    struct ray_str key;
    if (ray_json_peek(&d->r) == RAY_JSON_NULL) {
        ray_json_read_null(&d->r);
        return;
    }
    if (!ray_json_enter_object(&d->r)) {
        return;
    }
    while (ray_json_next_key(&d->r, &key)) {
        const struct field *field = find_field(message, key);
        if (field == NULL || ray_json_peek(&d->r) == RAY_JSON_NULL) {
            ray_json_skip_value(&d->r, NULL);
            continue;
        }
        d->field = field;
        field->read(d, (char *)target + field->offset);
    }
}

/* ---- lists ---- */

union item {
    struct ray_resource_spans resource;
    struct ray_scope_spans scope;
    struct ray_span span;
    struct ray_event event;
    struct ray_link link;
    struct ray_attribute attribute;
    struct ray_value value;
};

static void *take_pending(struct decoder *d, size_t start, size_t count, size_t item_bytes)
{
    if (d->r.failed || count == 0) {
        return NULL;
    }
    void *items = ray_arena_alloc_array(d->r.arena, count, item_bytes);
    if (items == NULL) {
        fail(d, RAY_NOMEM, "the request needs more memory than one request may have: send less");
        return NULL;
    }
    memcpy(items, d->pending.data + start, count * item_bytes);
    ray_buf_rewind(&d->pending, start);
    return items;
}

/* Returns the items of the array that stands next; NULL when it has none, or on failure. */
static void *read_list(struct decoder *d, read_fn read_item, size_t item_bytes, size_t *count)
{
    size_t start = d->pending.len, n = 0;
    *count = 0;
    if (!ray_json_enter_array(&d->r)) {
        return NULL;
    }
    while (ray_json_next_element(&d->r)) {
        union item item;
        memset(&item, 0, item_bytes);
        read_item(d, &item);
        ray_buf_append(&d->pending, (struct ray_str){(const char *)&item, item_bytes});
        if (d->pending.failed) {
            fail(d, RAY_NOMEM, "the request holds longer lists than can be read: send less");
        }
        if (++n > RAY_LIST_ITEMS_MAX) {
            fail(d, RAY_TOO_BIG, "a list has more than 100000 items: send less");
        }
    }
    void *items = take_pending(d, start, n, item_bytes);
    *count = items ? n : 0;
    return items;
}

/* ---- scalars ---- */

static void read_text(struct decoder *d, void *target)
{
    struct ray_str *out = target;
    ray_json_read_string(&d->r, out);
}

/* What is not hexadecimal keeps one byte, a length that no id has. */
static void read_id(struct decoder *d, void *target)
{
    struct ray_str *out = target;
    struct ray_str text;
    if (!ray_json_read_string(&d->r, &text)) {
        return;
    }
    size_t bytes = text.len / 2;
    char *id = ray_arena_alloc_text(d->r.arena, bytes);
    if (id == NULL) {
        fail(d, RAY_NOMEM, "the request needs more memory than one request may have: send less");
        return;
    }
    bool hex = ray_hex_decode(text, (uint8_t *)id, bytes) == RAY_OK;
    *out = hex ? (struct ray_str){id, bytes} : ray_str_until(text, 1);
}

/* The text of a number, which may be written as a string. */
static bool read_number_text(struct decoder *d, struct ray_str *text)
{
    if (ray_json_peek(&d->r) == RAY_JSON_STRING) {
        return ray_json_read_string(&d->r, text);
    }
    return ray_json_read_number(&d->r, text);
}

struct integer {
    uint64_t magnitude;
    bool negative;
};

static bool scale_by_ten(uint64_t *value, int64_t times)
{
    for (int64_t i = 0; i < times && *value != 0; i++) {
        if (__builtin_mul_overflow(*value, 10u, value)) {
            return false;
        }
    }
    return true;
}

/* Digits with at most one point, as magnitude * 10^exponent; the magnitude ends in no zero. */
static bool parse_digits(struct ray_str text, uint64_t *magnitude, int64_t *exponent)
{
    size_t digits = 0;
    bool point = false;
    *magnitude = 0;
    *exponent = 0;
    int64_t zeros = 0; /* read, but not multiplied in yet */
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') {
            return false;
        }
        digits++;
        zeros++;
        *exponent -= point;
        if (c == '0') {
            continue;
        }
        if (!scale_by_ten(magnitude, zeros) ||
            __builtin_add_overflow(*magnitude, (uint64_t)(c - '0'), magnitude)) {
            return false;
        }
        zeros = 0;
    }
    *exponent += zeros;
    return digits > 0;
}

/* A whole number, also when it is written as 1e3 or 1.50e1 (protobuf's JSON mapping). */
static bool parse_integer(struct ray_str text, struct integer *out)
{
    out->negative = ray_str_starts_with(text, RAY_STR("-"));
    text = ray_str_from_pos(text, out->negative);
    size_t e = ray_str_find_byte(text, 'e');
    e = e < text.len ? e : ray_str_find_byte(text, 'E');
    int64_t shift = 0, exponent;
    if (e < text.len) {
        struct ray_str power = ray_str_from_pos(text, e + 1);
        power = ray_str_from_pos(power, ray_str_starts_with(power, RAY_STR("+")));
        if (ray_str_to_i64(power, &shift) != RAY_OK) {
            return false;
        }
    }
    if (!parse_digits(ray_str_until(text, e), &out->magnitude, &exponent)) {
        return false;
    }
    if (out->magnitude == 0) {
        return true;
    }
    return !__builtin_add_overflow(exponent, shift, &exponent) && exponent >= 0 &&
           scale_by_ten(&out->magnitude, exponent);
}

static bool read_integer(struct decoder *d, uint64_t max, uint64_t max_negative,
                         struct integer *out)
{
    struct ray_str text;
    if (!read_number_text(d, &text)) {
        return false;
    }
    if (!parse_integer(text, out)) {
        fail(d, RAY_INVALID, "not an integer");
        return false;
    }
    if (out->magnitude > (out->negative ? max_negative : max)) {
        fail(d, RAY_INVALID, "an integer out of its range");
        return false;
    }
    return true;
}

static void read_u64(struct decoder *d, void *target)
{
    struct integer value;
    if (read_integer(d, UINT64_MAX, 0, &value)) {
        uint64_t *out = target;
        *out = value.magnitude;
    }
}

static void read_u32(struct decoder *d, void *target)
{
    struct integer value;
    if (read_integer(d, UINT32_MAX, 0, &value)) {
        uint32_t *out = target;
        *out = (uint32_t)value.magnitude;
    }
}

/* Also right for INT64_MIN, whose magnitude no int64_t holds. */
static int64_t signed_value(struct integer value)
{
    return (int64_t)(value.negative ? 0 - value.magnitude : value.magnitude);
}

struct enum_name {
    struct ray_str name;
    int32_t number;
};

static void read_enum(struct decoder *d, const struct enum_name *names, size_t count, int32_t *out)
{
    struct integer value;
    if (ray_json_peek(&d->r) != RAY_JSON_STRING) {
        if (read_integer(d, INT32_MAX, (uint64_t)INT32_MAX + 1, &value)) {
            *out = (int32_t)signed_value(value);
        }
        return;
    }
    struct ray_str name = {NULL, 0};
    ray_json_read_string(&d->r, &name);
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (ray_str_eq(names[i].name, name)) {
            *out = names[i].number;
        }
    }
}

static void read_kind(struct decoder *d, void *target)
{
    static const struct enum_name names[] = {
        {RAY_STR_INIT("SPAN_KIND_INTERNAL"), RAY_SPAN_INTERNAL},
        {RAY_STR_INIT("SPAN_KIND_SERVER"), RAY_SPAN_SERVER},
        {RAY_STR_INIT("SPAN_KIND_CLIENT"), RAY_SPAN_CLIENT},
        {RAY_STR_INIT("SPAN_KIND_PRODUCER"), RAY_SPAN_PRODUCER},
        {RAY_STR_INIT("SPAN_KIND_CONSUMER"), RAY_SPAN_CONSUMER},
    };
    read_enum(d, names, sizeof(names) / sizeof(names[0]), target);
}

static void read_status_code(struct decoder *d, void *target)
{
    static const struct enum_name names[] = {
        {RAY_STR_INIT("STATUS_CODE_OK"), RAY_SPAN_STATUS_OK},
        {RAY_STR_INIT("STATUS_CODE_ERROR"), RAY_SPAN_STATUS_ERROR},
    };
    read_enum(d, names, sizeof(names) / sizeof(names[0]), target);
}

/* ---- AnyValue ---- */

static void read_value(struct decoder *d, void *target);

static void read_attribute(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("key", "", read_text, offsetof(struct ray_attribute, key)),
        FIELD("value", "", read_value, offsetof(struct ray_attribute, value)),
    };
    read_message(d, MESSAGE(fields), target);
}

static void read_attributes(struct decoder *d, void *target)
{
    struct ray_attributes *out = target;
    out->items = read_list(d, read_attribute, sizeof(*out->items), &out->count);
}

static void read_string_value(struct decoder *d, void *target)
{
    struct ray_value *out = target;
    *out = (struct ray_value){.kind = RAY_VALUE_STRING};
    ray_json_read_string(&d->r, &out->as.string);
}

static void read_bool_value(struct decoder *d, void *target)
{
    struct ray_value *out = target;
    *out = (struct ray_value){.kind = RAY_VALUE_BOOL};
    ray_json_read_bool(&d->r, &out->as.boolean);
}

static void read_int_value(struct decoder *d, void *target)
{
    struct integer value;
    if (read_integer(d, INT64_MAX, (uint64_t)INT64_MAX + 1, &value)) {
        struct ray_value *out = target;
        *out = (struct ray_value){.kind = RAY_VALUE_INT, .as.integer = signed_value(value)};
    }
}

static bool parse_double(struct ray_str text, double *out)
{
    static const struct {
        struct ray_str name;
        double value;
    } specials[] = {
        {RAY_STR_INIT("NaN"), NAN},
        {RAY_STR_INIT("Infinity"), INFINITY},
        {RAY_STR_INIT("-Infinity"), -INFINITY},
    };
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
        if (ray_str_eq(text, specials[i].name)) {
            *out = specials[i].value;
            return true;
        }
    }
    return ray_str_to_double(text, out) == RAY_OK && !isinf(*out);
}

static void read_double_value(struct decoder *d, void *target)
{
    struct ray_value *out = target;
    struct ray_str text;
    *out = (struct ray_value){.kind = RAY_VALUE_DOUBLE};
    if (read_number_text(d, &text) && !parse_double(text, &out->as.number)) {
        fail(d, RAY_INVALID, "not a double");
    }
}

static void read_bytes_value(struct decoder *d, void *target)
{
    struct ray_str text;
    if (!ray_json_read_string(&d->r, &text)) {
        return;
    }
    char *bytes = ray_arena_alloc_text(d->r.arena, text.len / 4 * 3 + 3);
    size_t len = 0;
    if (bytes == NULL) {
        fail(d, RAY_NOMEM, "the request needs more memory than one request may have: send less");
    } else if (ray_base64_decode(text, (uint8_t *)bytes, &len) != RAY_OK) {
        fail(d, RAY_INVALID, "not base64");
    }
    struct ray_value *out = target;
    *out = (struct ray_value){.kind = RAY_VALUE_BYTES, .as.string = {bytes, len}};
}

static void read_list_items(struct decoder *d, void *target)
{
    struct ray_value *out = target;
    out->as.list.items = read_list(d, read_value, sizeof(struct ray_value), &out->as.list.count);
}

static void read_list_value(struct decoder *d, void *target)
{
    static const struct field fields[] = {FIELD("values", "", read_list_items, 0)};
    struct ray_value *out = target;
    *out = (struct ray_value){.kind = RAY_VALUE_LIST};
    read_message(d, MESSAGE(fields), out);
}

static void read_map_items(struct decoder *d, void *target)
{
    struct ray_value *out = target;
    out->as.map.items =
        read_list(d, read_attribute, sizeof(struct ray_attribute), &out->as.map.count);
}

static void read_map_value(struct decoder *d, void *target)
{
    static const struct field fields[] = {FIELD("values", "", read_map_items, 0)};
    struct ray_value *out = target;
    *out = (struct ray_value){.kind = RAY_VALUE_MAP};
    read_message(d, MESSAGE(fields), out);
}

static void read_value(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("stringValue", "string_value", read_string_value, 0),
        FIELD("intValue", "int_value", read_int_value, 0),
        FIELD("boolValue", "bool_value", read_bool_value, 0),
        FIELD("doubleValue", "double_value", read_double_value, 0),
        FIELD("arrayValue", "array_value", read_list_value, 0),
        FIELD("kvlistValue", "kvlist_value", read_map_value, 0),
        FIELD("bytesValue", "bytes_value", read_bytes_value, 0),
    };
    if (d->depth == RAY_VALUE_DEPTH_MAX) {
        fail(d, RAY_TOO_BIG, "an attribute value is nested deeper than 64");
        return;
    }
    struct ray_value *out = target;
    *out = (struct ray_value){.kind = RAY_VALUE_NONE};
    d->depth++;
    read_message(d, MESSAGE(fields), out);
    d->depth--;
}

/* ---- spans, and what they stand in ---- */

static void read_event(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("timeUnixNano", "time_unix_nano", read_u64, offsetof(struct ray_event, time_unix_ns)),
        FIELD("name", "", read_text, offsetof(struct ray_event, name)),
        FIELD("attributes", "", read_attributes, offsetof(struct ray_event, attributes)),
        FIELD("droppedAttributesCount", "dropped_attributes_count", read_u32,
              offsetof(struct ray_event, dropped_attributes)),
    };
    read_message(d, MESSAGE(fields), target);
}

static void read_events(struct decoder *d, void *target)
{
    struct ray_span *out = target;
    out->events = read_list(d, read_event, sizeof(*out->events), &out->event_count);
}

static void read_link(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("traceId", "trace_id", read_id, offsetof(struct ray_link, trace_id)),
        FIELD("spanId", "span_id", read_id, offsetof(struct ray_link, span_id)),
        FIELD("traceState", "trace_state", read_text, offsetof(struct ray_link, trace_state)),
        FIELD("attributes", "", read_attributes, offsetof(struct ray_link, attributes)),
        FIELD("droppedAttributesCount", "dropped_attributes_count", read_u32,
              offsetof(struct ray_link, dropped_attributes)),
        FIELD("flags", "", read_u32, offsetof(struct ray_link, flags)),
    };
    read_message(d, MESSAGE(fields), target);
}

static void read_links(struct decoder *d, void *target)
{
    struct ray_span *out = target;
    out->links = read_list(d, read_link, sizeof(*out->links), &out->link_count);
}

static void read_status(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("message", "", read_text, offsetof(struct ray_span, status_message)),
        FIELD("code", "", read_status_code, offsetof(struct ray_span, status_code)),
    };
    struct ray_span *out = target;
    out->status_message = (struct ray_str){NULL, 0};
    out->status_code = RAY_SPAN_STATUS_UNSET;
    read_message(d, MESSAGE(fields), out);
}

static void read_span(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("traceId", "trace_id", read_id, offsetof(struct ray_span, trace_id)),
        FIELD("spanId", "span_id", read_id, offsetof(struct ray_span, span_id)),
        FIELD("parentSpanId", "parent_span_id", read_id, offsetof(struct ray_span, parent_id)),
        FIELD("traceState", "trace_state", read_text, offsetof(struct ray_span, trace_state)),
        FIELD("name", "", read_text, offsetof(struct ray_span, name)),
        FIELD("kind", "", read_kind, offsetof(struct ray_span, kind)),
        FIELD("startTimeUnixNano", "start_time_unix_nano", read_u64,
              offsetof(struct ray_span, start_unix_ns)),
        FIELD("endTimeUnixNano", "end_time_unix_nano", read_u64,
              offsetof(struct ray_span, end_unix_ns)),
        FIELD("attributes", "", read_attributes, offsetof(struct ray_span, attributes)),
        FIELD("status", "", read_status, 0),
        FIELD("events", "", read_events, 0),
        FIELD("links", "", read_links, 0),
        FIELD("flags", "", read_u32, offsetof(struct ray_span, flags)),
        FIELD("droppedAttributesCount", "dropped_attributes_count", read_u32,
              offsetof(struct ray_span, dropped_attributes)),
        FIELD("droppedEventsCount", "dropped_events_count", read_u32,
              offsetof(struct ray_span, dropped_events)),
        FIELD("droppedLinksCount", "dropped_links_count", read_u32,
              offsetof(struct ray_span, dropped_links)),
    };
    if (++d->span_count > RAY_REQUEST_SPANS_MAX) {
        fail(d, RAY_TOO_BIG, "the request has more than 100000 spans: send smaller batches");
        return;
    }
    read_message(d, MESSAGE(fields), target);
}

static void read_spans(struct decoder *d, void *target)
{
    struct ray_scope_spans *out = target;
    out->spans = read_list(d, read_span, sizeof(*out->spans), &out->span_count);
}

static void read_scope(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("name", "", read_text, offsetof(struct ray_scope_spans, name)),
        FIELD("version", "", read_text, offsetof(struct ray_scope_spans, version)),
        FIELD("attributes", "", read_attributes, offsetof(struct ray_scope_spans, attributes)),
        FIELD("droppedAttributesCount", "dropped_attributes_count", read_u32,
              offsetof(struct ray_scope_spans, dropped_attributes)),
    };
    struct ray_scope_spans *out = target;
    out->name = out->version = (struct ray_str){NULL, 0};
    out->attributes = (struct ray_attributes){NULL, 0};
    out->dropped_attributes = 0;
    read_message(d, MESSAGE(fields), out);
}

static void read_scope_spans(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("scope", "", read_scope, 0),
        FIELD("spans", "", read_spans, 0),
        FIELD("schemaUrl", "schema_url", read_text, offsetof(struct ray_scope_spans, schema_url)),
    };
    read_message(d, MESSAGE(fields), target);
}

static void read_scopes(struct decoder *d, void *target)
{
    struct ray_resource_spans *out = target;
    out->scopes = read_list(d, read_scope_spans, sizeof(*out->scopes), &out->scope_count);
}

static void read_resource(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("attributes", "", read_attributes, offsetof(struct ray_resource_spans, attributes)),
        FIELD("droppedAttributesCount", "dropped_attributes_count", read_u32,
              offsetof(struct ray_resource_spans, dropped_attributes)),
    };
    struct ray_resource_spans *out = target;
    out->attributes = (struct ray_attributes){NULL, 0};
    out->dropped_attributes = 0;
    read_message(d, MESSAGE(fields), out);
}

static void read_resource_spans(struct decoder *d, void *target)
{
    static const struct field fields[] = {
        FIELD("resource", "", read_resource, 0),
        FIELD("scopeSpans", "scope_spans", read_scopes, 0),
        FIELD("schemaUrl", "schema_url", read_text,
              offsetof(struct ray_resource_spans, schema_url)),
    };
    read_message(d, MESSAGE(fields), target);
}

static void read_resources(struct decoder *d, void *target)
{
    struct ray_request *out = target;
    out->resources =
        read_list(d, read_resource_spans, sizeof(*out->resources), &out->resource_count);
}

static void read_request(struct decoder *d, struct ray_request *out)
{
    static const struct field fields[] = {
        FIELD("resourceSpans", "resource_spans", read_resources, 0),
    };
    if (ray_json_peek(&d->r) != RAY_JSON_OBJECT) {
        fail(d, RAY_INVALID, "expected an object with resourceSpans");
        return;
    }
    read_message(d, MESSAGE(fields), out);
    ray_json_at_end(&d->r);
}

/* Not d->span_count: lists that a later key of the same name replaced are in that one. */
static size_t count_spans(const struct ray_request *request)
{
    size_t count = 0;
    for (size_t i = 0; i < request->resource_count; i++) {
        const struct ray_resource_spans *resource = &request->resources[i];
        for (size_t k = 0; k < resource->scope_count; k++) {
            count += resource->scopes[k].span_count;
        }
    }
    return count;
}

/* The reader's own failures are bad input, but for the one it has no other word for. */
static enum ray_status failure(const struct decoder *d)
{
    if (d->status != RAY_OK) {
        return d->status;
    }
    return strcmp(d->r.error, "out of memory") == 0 ? RAY_NOMEM : RAY_INVALID;
}

enum ray_status ray_otlp_json_decode(struct ray_str body, struct ray_arena *arena,
                                     struct ray_request *out, struct ray_decode_error *error)
{
    struct decoder d = {.status = RAY_OK};
    struct ray_request request = {0};
    ray_json_read_init(&d.r, body, arena, RAY_JSON_DEPTH_MAX);
    ray_buf_init(&d.pending, PENDING_MAX_BYTES);
    read_request(&d, &request);
    ray_buf_clear(&d.pending);
    if (!d.r.failed) {
        request.span_count = count_spans(&request);
        *out = request;
        return RAY_OK;
    }
    if (error != NULL && d.field != NULL) {
        snprintf(error->text, sizeof(error->text), "byte %zu, at or after \"%.*s\": %s",
                 d.r.error_at, RAY_STR_ARG(d.field->name), d.r.error);
    } else if (error != NULL) {
        snprintf(error->text, sizeof(error->text), "byte %zu: %s", d.r.error_at, d.r.error);
    }
    return failure(&d);
}
