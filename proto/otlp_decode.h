/*
 * otlp_decode: bytes of an ExportTraceServiceRequest -> struct ray_request.
 *
 * Own bounded decoders, one for the protobuf wire (otlp_pb.c), one for OTLP/JSON (otlp_json.c).
 * Unknown fields are ignored; nesting is capped; every length is compared before a pointer moves;
 * no malloc per span: arrays are counted first and then cut from `arena` in one piece.
 * Both throw out the same model for the same request.
 */
#ifndef RAY_PROTO_OTLP_DECODE_H
#define RAY_PROTO_OTLP_DECODE_H

#include "core/arena.h"
#include "proto/span.h"

/* Why a request was not decoded, for the client and the log. `message` is in `text`. */
struct ray_decode_error {
    char text[160]; /* "byte 17: field 2 runs past the end of its message" */
};

/*
 * RAY_INVALID  not a request: `error` says where and why (may be NULL)
 * RAY_TOO_BIG  more than RAY_REQUEST_SPANS_MAX spans, or nested deeper than RAY_VALUE_DEPTH_MAX
 * RAY_NOMEM    the arena's quota is used up
 * On failure *out is untouched. Views in *out point into `body` and `arena`. Any thread.
 */
RAY_MUST_USE enum ray_status ray_otlp_pb_decode(struct ray_str body, struct ray_arena *arena,
                                                struct ray_request *out,
                                                struct ray_decode_error *error);

/*
 * The same for OTLP/JSON: lowerCamelCase keys (opentelemetry-proto, "JSON Protobuf Encoding"), ids
 * in hex of either case, 64-bit integers as strings or numbers, enums as numbers or names, bytes as
 * base64, unknown keys ignored, null is absence. An id that is not hexadecimal becomes a view of a
 * length that ray_span_has_ids refuses, so that only its span is rejected.
 */
RAY_MUST_USE enum ray_status ray_otlp_json_decode(struct ray_str body, struct ray_arena *arena,
                                                  struct ray_request *out,
                                                  struct ray_decode_error *error);

#endif
