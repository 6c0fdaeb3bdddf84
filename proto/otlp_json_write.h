/*
 * otlp_json_write: struct ray_request -> one OTLP/JSON ExportTraceServiceRequest.
 *
 * opentelemetry-proto, "JSON Protobuf Encoding": lowerCamelCase keys, trace and span ids in hex,
 * 64-bit integers as strings, enums as numbers, bytes as base64. What has its default is left out,
 * as in protobuf. ray_otlp_json_decode reads it back as the same request, except that invalid
 * UTF-8 is repaired.
 */
#ifndef RAY_PROTO_OTLP_JSON_WRITE_H
#define RAY_PROTO_OTLP_JSON_WRITE_H

#include "core/json_writer.h"
#include "proto/span.h"

/* Appends the request, without white space; failure is the buffer's. Any thread. */
void ray_otlp_json_write(const struct ray_request *request, struct ray_buf *out);

#endif
