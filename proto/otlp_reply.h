/*
 * otlp_reply: the answers of an OTLP server, in protobuf or JSON.
 *
 * ExportTraceServiceResponse with its partial success, google.rpc.Status with RetryInfo
 * (OTLP specification, "Full Success", "Partial Success", "Failures"; google/rpc/status.proto).
 * Written by protobuf-c, which never sees bytes from the network here.
 */
#ifndef RAY_PROTO_OTLP_REPLY_H
#define RAY_PROTO_OTLP_REPLY_H

#include "core/buf.h"

enum ray_otlp_encoding { RAY_OTLP_PROTOBUF, RAY_OTLP_JSON };

/* Numbers of google.rpc.Code, which are also gRPC's status codes: those that are sent. */
enum ray_rpc_code {
    RAY_RPC_OK = 0,
    RAY_RPC_INVALID_ARGUMENT = 3,
    RAY_RPC_RESOURCE_EXHAUSTED = 8,
    RAY_RPC_UNIMPLEMENTED = 12,
    RAY_RPC_UNAVAILABLE = 14,
};

/* Appends an ExportTraceServiceResponse. Nothing rejected and no message: the empty message
 * (no bytes in protobuf, "{}" in JSON). Failure is the buffer's. */
void ray_otlp_write_response(enum ray_otlp_encoding encoding, uint64_t rejected_spans,
                             struct ray_str error_message, struct ray_buf *out);

/* Appends a google.rpc.Status; `retry_after_ms` 0 leaves the RetryInfo detail out. Its protobuf
 * bytes are also what gRPC carries in the trailer grpc-status-details-bin. Invalid UTF-8 in a
 * message is replaced, here and above. */
void ray_otlp_write_status(enum ray_otlp_encoding encoding, enum ray_rpc_code code,
                           struct ray_str message, uint32_t retry_after_ms, struct ray_buf *out);

#endif
