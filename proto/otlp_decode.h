/*
 * otlp_decode: bytes of an ExportTraceServiceRequest -> struct ray_request.
 *
 * Own bounded decoders, one for the protobuf wire (otlp_pb.c), one for OTLP/JSON (otlp_json.c).
 * Unknown fields are ignored; nesting is capped; every length is compared before a pointer moves;
 * no malloc per span: arrays are counted first and then cut from `arena` in one piece.
 * Both make the same model for the same request.
 *
 * The arena's quota is the bound on memory. A realistic request takes about its protobuf size once
 * more (1.2 bytes a byte); a hostile one of empty links or scopes 44 bytes a byte, of empty spans
 * 92 bytes a byte up to RAY_REQUEST_SPANS_MAX of them.
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
 * RAY_TOO_BIG  more than RAY_REQUEST_SPANS_MAX spans or RAY_LIST_ITEMS_MAX items in one list, or
 *              nested deeper than RAY_VALUE_DEPTH_MAX
 * RAY_NOMEM    the arena's quota is used up (JSON: or a list is longer than 32 MiB of items)
 * On failure *out is untouched. No bytes at all are a request without spans. Views in *out point
 * into `body` and `arena`. Any thread.
 */
RAY_MUST_USE enum ray_status ray_otlp_pb_decode(struct ray_str body, struct ray_arena *arena,
                                                struct ray_request *out,
                                                struct ray_decode_error *error);

/*
 * The same for OTLP/JSON (where no bytes are RAY_INVALID): lowerCamelCase keys
 * (opentelemetry-proto, "JSON Protobuf Encoding"), ids in hex of either case, 64-bit integers as
 * strings or numbers, enums as numbers or names, bytes as base64, unknown keys ignored, null is
 * absence. Taken as well, as protobuf's JSON parsers do: snake_case keys, integers as 1e3, doubles
 * as strings. An enum name we don't know is the value 0; of a key that occurs twice the last one
 * counts. Wrong types and numbers out of range are RAY_INVALID; so is JSON nested deeper than
 * RAY_JSON_DEPTH_MAX. An id that is not hexadecimal becomes a view of a length that
 * ray_span_has_ids refuses, so that only its span is rejected.
 */
RAY_MUST_USE enum ray_status ray_otlp_json_decode(struct ray_str body, struct ray_arena *arena,
                                                  struct ray_request *out,
                                                  struct ray_decode_error *error);

#endif
