/*
 * span: our model of an OTLP trace request, as views into the bytes that came in.
 *
 * Both decoders (otlp_pb, otlp_json) fill it; everything behind them reads it and never knows which
 * one it was. All pointers point into the request's bytes or its arena and die with the request.
 * Text is what the client sent: invalid UTF-8 is repaired where it is written out. Field meanings:
 * opentelemetry-proto 1.x, trace/v1, common/v1, resource/v1.
 */
#ifndef RAY_PROTO_SPAN_H
#define RAY_PROTO_SPAN_H

#include "core/str.h"

/* AnyValue nests at most this deep (our limit: recursion on outside bytes is bounded). */
#define RAY_VALUE_DEPTH_MAX 64u
/* Spans of one request (our limit: 2 million empty ones fit in 4 MB). */
#define RAY_REQUEST_SPANS_MAX 100000u
/* Items of one list, whatever they are (our limit: a document has room for some 10,000). */
#define RAY_LIST_ITEMS_MAX 100000u

enum ray_value_kind {
    RAY_VALUE_NONE = 0, /* not set */
    RAY_VALUE_STRING,
    RAY_VALUE_BOOL,
    RAY_VALUE_INT,
    RAY_VALUE_DOUBLE,
    RAY_VALUE_LIST,
    RAY_VALUE_MAP,
    RAY_VALUE_BYTES,
    RAY_VALUE_DIGITS, /* an integer of more than 64 bits; out of JSON text, never out of OTLP */
};

struct ray_attribute;

struct ray_value {
    enum ray_value_kind kind;
    union {
        struct ray_str string; /* STRING, BYTES, DIGITS */
        bool boolean;
        int64_t integer;
        double number;
        struct {
            const struct ray_value *items;
            size_t count;
        } list;
        struct {
            const struct ray_attribute *items; /* in input order, duplicates kept */
            size_t count;
        } map;
    } as;
};

struct ray_attribute {
    struct ray_str key;
    struct ray_value value;
};

struct ray_attributes {
    const struct ray_attribute *items; /* in input order, duplicates kept */
    size_t count;
};

/* The first attribute with that key, or NULL. */
const struct ray_value *ray_attributes_find(const struct ray_attributes *attributes,
                                            struct ray_str key);
/* The string of the first attribute with that key; the empty view when absent or not a string. */
struct ray_str ray_attributes_string(const struct ray_attributes *attributes, struct ray_str key);

enum ray_span_kind { /* numbers of opentelemetry.proto.trace.v1.Span.SpanKind */
                     RAY_SPAN_UNSPECIFIED = 0,
                     RAY_SPAN_INTERNAL = 1,
                     RAY_SPAN_SERVER = 2,
                     RAY_SPAN_CLIENT = 3,
                     RAY_SPAN_PRODUCER = 4,
                     RAY_SPAN_CONSUMER = 5,
};

enum ray_span_status { /* numbers of Status.StatusCode */
                       RAY_SPAN_STATUS_UNSET = 0,
                       RAY_SPAN_STATUS_OK = 1,
                       RAY_SPAN_STATUS_ERROR = 2,
};

struct ray_event {
    uint64_t time_unix_ns;
    struct ray_str name;
    struct ray_attributes attributes;
    uint32_t dropped_attributes;
};

struct ray_link {
    struct ray_str trace_id; /* raw bytes, any length */
    struct ray_str span_id;
    struct ray_str trace_state;
    struct ray_attributes attributes;
    uint32_t dropped_attributes;
    uint32_t flags;
};

#define RAY_TRACE_ID_BYTES 16u
#define RAY_SPAN_ID_BYTES  8u
/* Span.flags: bit 8 says that bit 9 (parent is remote) means something. */
#define RAY_SPAN_FLAG_HAS_IS_REMOTE 0x100u
#define RAY_SPAN_FLAG_IS_REMOTE     0x200u

struct ray_span {
    struct ray_str trace_id;  /* raw bytes, any length: ray_span_has_ids tells */
    struct ray_str span_id;   /* the same */
    struct ray_str parent_id; /* empty, all zero or 8 bytes; other lengths are kept as sent */
    struct ray_str name;
    struct ray_str trace_state;
    struct ray_str status_message;
    uint64_t start_unix_ns;
    uint64_t end_unix_ns;
    struct ray_attributes attributes;
    const struct ray_event *events;
    size_t event_count;
    const struct ray_link *links;
    size_t link_count;
    int32_t kind;        /* enum ray_span_kind; unknown numbers are kept */
    int32_t status_code; /* enum ray_span_status; unknown numbers are kept */
    uint32_t flags;
    uint32_t dropped_attributes;
    uint32_t dropped_events;
    uint32_t dropped_links;
};

/* True when trace and span id have their lengths and are not all zero: OTLP calls others invalid.
 */
bool ray_span_has_ids(const struct ray_span *span);
bool ray_bytes_all_zero(struct ray_str bytes);

struct ray_scope_spans {
    struct ray_str name;
    struct ray_str version;
    struct ray_attributes attributes;
    struct ray_str schema_url;
    const struct ray_span *spans;
    size_t span_count;
    uint32_t dropped_attributes;
};

struct ray_resource_spans {
    struct ray_attributes attributes; /* of the resource */
    struct ray_str schema_url;
    const struct ray_scope_spans *scopes;
    size_t scope_count;
    uint32_t dropped_attributes;
};

struct ray_request {
    const struct ray_resource_spans *resources;
    size_t resource_count;
    size_t span_count; /* in all of them, bad ids included */
};

#endif
