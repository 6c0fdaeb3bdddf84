/* otlp_reply: see otlp_reply.h. */
#include "proto/otlp_reply.h"

#include "core/codec.h"
#include "core/json_writer.h"

#include <stdio.h>

#include "google/protobuf/duration.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#define RETRY_INFO_TYPE "type.googleapis.com/google.rpc.RetryInfo"
/* RetryInfo with its Duration: two tags, two lengths, a 64-bit and a 32-bit varint. */
#define RETRY_INFO_MAX_BYTES 32u

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse response_message;
typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess partial_message;

/* protobuf-c takes what it only reads by pointers that are not const. */
static ProtobufCBinaryData binary(struct ray_str s)
{
    return (ProtobufCBinaryData){s.len, (uint8_t *)s.ptr};
}

static void pack(const ProtobufCMessage *message, struct ray_buf *out)
{
    size_t bytes = protobuf_c_message_get_packed_size(message);
    if (ray_buf_reserve(out, bytes) && bytes > 0) {
        out->len += protobuf_c_message_pack(message, (uint8_t *)out->data + out->len);
    }
}

/* proto3 wants UTF-8 in strings and clients refuse the whole reply otherwise; a message may quote
 * what the client sent. */
static struct ray_str repaired(struct ray_str text, struct ray_buf *storage)
{
    if (ray_utf8_is_valid(text)) {
        return text;
    }
    while (text.len > 0) {
        char bytes[4];
        size_t len = ray_utf8_encode(ray_utf8_next(&text, NULL), bytes);
        ray_buf_append(storage, (struct ray_str){bytes, len});
    }
    return ray_buf_str(storage);
}

static void write_response_json(uint64_t rejected_spans, struct ray_str error_message,
                                struct ray_buf *out)
{
    struct ray_json_writer w;
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    if (rejected_spans > 0 || error_message.len > 0) {
        char count[24]; /* 64-bit integers are strings in protobuf's JSON mapping */
        snprintf(count, sizeof(count), "%llu", (unsigned long long)rejected_spans);
        RAY_JSON_KEY(&w, "partialSuccess");
        ray_json_object_begin(&w);
        RAY_JSON_KEY(&w, "rejectedSpans");
        ray_json_string(&w, ray_str_from(count));
        RAY_JSON_KEY(&w, "errorMessage");
        ray_json_string(&w, error_message);
        ray_json_object_end(&w);
    }
    ray_json_object_end(&w);
}

static void write_response_protobuf(uint64_t rejected_spans, struct ray_str error_message,
                                    struct ray_buf *out)
{
    response_message response =
        OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_RESPONSE__INIT;
    partial_message partial =
        OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_PARTIAL_SUCCESS__INIT;
    struct ray_buf storage;
    ray_buf_init(&storage, 3 * error_message.len + 1); /* a byte becomes U+FFFD at worst */
    partial.rejected_spans = (int64_t)rejected_spans;
    partial.error_message = binary(repaired(error_message, &storage));
    if (rejected_spans > 0 || error_message.len > 0) {
        response.partial_success = &partial;
    }
    pack(&response.base, out);
    ray_buf_clear(&storage);
}

void ray_otlp_write_response(enum ray_otlp_encoding encoding, uint64_t rejected_spans,
                             struct ray_str error_message, struct ray_buf *out)
{
    if (encoding == RAY_OTLP_JSON) {
        write_response_json(rejected_spans, error_message, out);
    } else {
        write_response_protobuf(rejected_spans, error_message, out);
    }
}

/* A Duration in protobuf's JSON mapping: seconds with no or three digits behind the point. */
static void write_retry_delay(struct ray_json_writer *w, uint32_t ms)
{
    char text[24];
    if (ms % 1000 == 0) {
        snprintf(text, sizeof(text), "%us", ms / 1000);
    } else {
        snprintf(text, sizeof(text), "%u.%03us", ms / 1000, ms % 1000);
    }
    ray_json_string(w, ray_str_from(text));
}

static void write_status_json(enum ray_rpc_code code, struct ray_str message,
                              uint32_t retry_after_ms, struct ray_buf *out)
{
    struct ray_json_writer w;
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    RAY_JSON_KEY(&w, "code");
    ray_json_u64(&w, code);
    RAY_JSON_KEY(&w, "message");
    ray_json_string(&w, message);
    if (retry_after_ms > 0) {
        RAY_JSON_KEY(&w, "details");
        ray_json_array_begin(&w);
        ray_json_object_begin(&w);
        RAY_JSON_KEY(&w, "@type");
        ray_json_string(&w, RAY_STR(RETRY_INFO_TYPE));
        RAY_JSON_KEY(&w, "retryDelay");
        write_retry_delay(&w, retry_after_ms);
        ray_json_object_end(&w);
        ray_json_array_end(&w);
    }
    ray_json_object_end(&w);
}

static size_t pack_retry_info(uint32_t ms, uint8_t out[RETRY_INFO_MAX_BYTES])
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
    delay.seconds = ms / 1000;
    delay.nanos = (int32_t)(ms % 1000) * 1000000;
    info.retry_delay = &delay;
    return google__rpc__retry_info__pack(&info, out);
}

static void write_status_protobuf(enum ray_rpc_code code, struct ray_str message,
                                  uint32_t retry_after_ms, struct ray_buf *out)
{
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    Google__Protobuf__Any detail = GOOGLE__PROTOBUF__ANY__INIT;
    Google__Protobuf__Any *details[] = {&detail};
    uint8_t retry_info[RETRY_INFO_MAX_BYTES];
    struct ray_buf storage;
    ray_buf_init(&storage, 3 * message.len + 1);
    status.code = (int32_t)code;
    status.message = binary(repaired(message, &storage));
    if (retry_after_ms > 0) {
        detail.type_url = binary(RAY_STR(RETRY_INFO_TYPE));
        detail.value.len = pack_retry_info(retry_after_ms, retry_info);
        detail.value.data = retry_info;
        status.n_details = 1;
        status.details = details;
    }
    pack(&status.base, out);
    ray_buf_clear(&storage);
}

void ray_otlp_write_status(enum ray_otlp_encoding encoding, enum ray_rpc_code code,
                           struct ray_str message, uint32_t retry_after_ms, struct ray_buf *out)
{
    if (encoding == RAY_OTLP_JSON) {
        write_status_json(code, message, retry_after_ms, out);
    } else {
        write_status_protobuf(code, message, retry_after_ms, out);
    }
}
