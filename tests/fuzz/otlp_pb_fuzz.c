/*
 * fuzz: any bytes as an OTLP protobuf request, with protobuf-c as the oracle: the same bytes are
 * taken and refused, and what is taken has the same contents.
 *
 * protobuf-c 1.4 and we differ on purpose, or by its leniency, where find_difference says so; such
 * inputs, and those nested so deep that it would overflow the stack, only have to end well.
 */
#include "core/reader.h"
#include "proto/otlp_decode.h"

#include "tests/support/otlp_encode.h"

#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ORACLE_DEPTH_MAX 200u

static unsigned wire_type_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 1;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return 2;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return 5;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return 0;
    }
    abort();
}

/* A varint that only one of us takes: longer than `most` bytes, or with bits past the 64th. */
static bool odd_varint(struct ray_reader *in, ptrdiff_t most, uint64_t max, uint64_t *value)
{
    const uint8_t *start = in->pos;
    *value = ray_read_varint(in);
    if (in->failed) {
        return true; /* also when it is merely cut off: nothing to compare then */
    }
    return in->pos - start > most || *value > max;
}

static bool find_difference(const ProtobufCMessageDescriptor *type, struct ray_str message,
                            unsigned depth);

/* Skips the field's contents; true when one of us may take it and the other not. */
static bool odd_field(struct ray_reader *in, const ProtobufCFieldDescriptor *field, unsigned wire,
                      unsigned depth)
{
    uint64_t number;
    if (field != NULL && wire != wire_type_of(field)) {
        return true; /* an unknown field to us, an error to protobuf-c */
    }
    switch (wire) {
    case 0:
        return odd_varint(in, 10, UINT64_MAX, &number);
    case 1:
        (void)ray_read_bytes(in, 8);
        return false;
    case 2: {
        if (odd_varint(in, 5, INT32_MAX, &number)) {
            return true;
        }
        struct ray_str bytes = ray_read_bytes(in, number);
        bool message = field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE && !in->failed;
        return message && find_difference(field->descriptor, bytes, depth + 1);
    }
    case 5:
        (void)ray_read_bytes(in, 4);
        return false;
    default:
        return true; /* groups: skipped by us, an error to protobuf-c */
    }
}

/* True when `message` holds something on which we and protobuf-c may rightly differ. */
static bool find_difference(const ProtobufCMessageDescriptor *type, struct ray_str message,
                            unsigned depth)
{
    struct ray_reader in = ray_reader_of(message);
    uint64_t seen = 0; /* submessages that occur once: merged by other rules than ours when twice */
    uint64_t tag;
    if (depth > ORACLE_DEPTH_MAX) {
        return true;
    }
    while (ray_reader_more(&in)) {
        if (odd_varint(&in, 5, UINT32_MAX, &tag) || tag >> 3 == 0) {
            return true;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        if (odd_field(&in, field, tag & 7, depth)) {
            return true;
        }
        bool once = field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE &&
                    field->label != PROTOBUF_C_LABEL_REPEATED &&
                    !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
        if (once && (seen >> (field->id % 64) & 1)) {
            return true;
        }
        seen |= once ? (uint64_t)1 << (field->id % 64) : 0;
    }
    return false;
}

static void fail_with(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static void compare_with_oracle(struct ray_str body, enum ray_status status,
                                const struct ray_request *request)
{
    struct ray_arena *arena = ray_arena_new(SIZE_MAX / 2);
    struct ray_request oracle;
    char where[200];
    bool taken = ray_test_otlp_oracle(body, arena, &oracle);
    if (taken != (status == RAY_OK)) {
        fail_with(taken ? "protobuf-c takes it" : "protobuf-c refuses it");
    }
    if (taken && !ray_test_otlp_equal(request, &oracle, where)) {
        fail_with(where);
    }
    ray_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ray_str body = {(const char *)data, size};
    struct ray_arena *arena = ray_arena_new(128 * size + 64 * 1024);
    struct ray_request request = {0};
    struct ray_decode_error error = {""};
    enum ray_status status = ray_otlp_pb_decode(body, arena, &request, &error);
    if (status != RAY_OK && error.text[0] == '\0') {
        fail_with("refused without a reason");
    }
    bool comparable = status == RAY_OK || status == RAY_INVALID;
    if (comparable &&
        !find_difference(
            &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor,
            body, 0)) {
        compare_with_oracle(body, status, &request);
    }
    ray_arena_free(arena);
    return 0;
}
