/*
 * otlp_encode: OTLP requests for tests, by protobuf-c: the second opinion on our decoders.
 */
#ifndef RAY_TESTS_OTLP_ENCODE_H
#define RAY_TESTS_OTLP_ENCODE_H

#include "core/arena.h"
#include "proto/span.h"

/* The protobuf bytes of `request`, in the arena. False when the arena is used up. */
bool ray_test_otlp_encode(const struct ray_request *request, struct ray_arena *arena,
                          struct ray_str *out);

/* What protobuf-c makes of `body`, copied into the arena. False when it refuses. It recurses
 * without a bound: only for bytes whose nesting is known. */
bool ray_test_otlp_oracle(struct ray_str body, struct ray_arena *arena, struct ray_request *out);

/* Compares everything down to the last attribute; `where` names the first difference. NaNs are
 * equal when their bits are. */
bool ray_test_otlp_equal(const struct ray_request *a, const struct ray_request *b, char where[200]);

#endif
