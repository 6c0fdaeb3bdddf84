/*
 * golden_input: one large request out of a file of golden cases.
 *
 * All spans of the file under the resource of its first case, as one SDK would send them, repeated
 * until there are about as many as an SDK's full batch: as JSON, as protobuf and decoded.
 */
#ifndef RAY_BENCH_GOLDEN_INPUT_H
#define RAY_BENCH_GOLDEN_INPUT_H

#include "core/buf.h"
#include "proto/otlp_decode.h"

/* OTEL_BSP_MAX_EXPORT_BATCH_SIZE is 512 by default (OpenTelemetry, SDK environment variables). */
#define BENCH_REQUEST_SPANS 512u

struct bench_input {
    struct ray_arena *arena; /* owns what `request` points to */
    struct ray_buf json;
    struct ray_str pb;
    struct ray_request request;
};

/* `path` below the project's folder. NULL when it is not there or not what it should be. */
struct bench_input *bench_input_new(const char *path);
void bench_input_free(struct bench_input *input);

#endif
