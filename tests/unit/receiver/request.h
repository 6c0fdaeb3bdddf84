/*
 * request: OTLP requests in protobuf, written by hand, for tests of the receivers.
 * Field numbers: opentelemetry-proto 1.x, trace_service.proto and trace.proto.
 */
#ifndef RAY_TESTS_RECEIVER_REQUEST_H
#define RAY_TESTS_RECEIVER_REQUEST_H

#include "tests/unit/check.h"

#include <string.h>

static inline void request_length(struct ray_buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        ray_buf_append_byte(out, (char)(value | 0x80));
    }
    ray_buf_append_byte(out, (char)value);
}

static inline void request_field(struct ray_buf *out, unsigned number, struct ray_str bytes)
{
    request_length(out, number << 3 | 2);
    request_length(out, bytes.len);
    ray_buf_append(out, bytes);
}

static inline void request_fixed64(struct ray_buf *out, unsigned number, uint64_t value)
{
    request_length(out, number << 3 | 1);
    for (int i = 0; i < 8; i++) {
        ray_buf_append_byte(out, (char)(value >> (8 * i)));
    }
}

/* `spans` spans named "span", the first `bad_ids` of them without a trace id; each name is padded
 * with `padding` bytes of 'x'. The bytes are freed by the caller. */
static inline struct ray_str request_of(unsigned spans, unsigned bad_ids, size_t padding)
{
    struct ray_buf scope, span, name, outer, request;
    struct ray_buf *const all[] = {&scope, &span, &name, &outer, &request};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        ray_buf_init(all[i], (size_t)1 << 30);
    }
    ray_buf_append(&name, RAY_STR("span"));
    for (size_t i = 0; i < padding; i++) {
        ray_buf_append_byte(&name, 'x');
    }
    for (unsigned i = 0; i < spans; i++) {
        uint8_t trace_id[16] = {1, 2, 3};
        uint8_t span_id[8] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 1};
        ray_buf_reset(&span);
        if (i >= bad_ids) {
            request_field(&span, 1, (struct ray_str){(const char *)trace_id, sizeof(trace_id)});
        }
        request_field(&span, 2, (struct ray_str){(const char *)span_id, sizeof(span_id)});
        request_field(&span, 5, ray_buf_str(&name));
        request_fixed64(&span, 7, UINT64_C(1764000000000000000));
        request_fixed64(&span, 8, UINT64_C(1764000001000000000));
        request_field(&scope, 2, ray_buf_str(&span));
    }
    request_field(&outer, 2, ray_buf_str(&scope));
    request_field(&request, 1, ray_buf_str(&outer));
    assert_false(request.failed);
    for (size_t i = 0; i + 1 < sizeof(all) / sizeof(*all); i++) {
        ray_buf_clear(all[i]);
    }
    return ray_buf_str(&request);
}

static inline void request_free(struct ray_str request)
{
    char *bytes;
    memcpy(&bytes, &request.ptr, sizeof(bytes));
    free(bytes);
}

#endif
