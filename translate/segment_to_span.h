/*
 * segment_to_span: the other direction: an X-Ray segment document, with the subsegments nested in
 * it, -> OTLP spans.
 *
 * A segment becomes a SERVER span, a subsegment CLIENT when it has a namespace, else INTERNAL; a
 * nested one comes behind the one around it, whose id is its parent's. Attribute names are those of
 * the awsxray receiver of opentelemetry-collector-contrib and of rule D28; what it loses is kept in
 * `aws.xray.*` attributes that translate/ knows (docs/translation.md), so that there and back
 * again is the identity on what both models have. Members nobody knows become
 * `aws.xray.field.PATH`.
 */
#ifndef RAY_TRANSLATE_SEGMENT_TO_SPAN_H
#define RAY_TRANSLATE_SEGMENT_TO_SPAN_H

#include "core/arena.h"
#include "proto/otlp_decode.h"

/* Subsegments in subsegments (our limit: recursion on outside bytes is bounded). */
#define RAY_SUBSEGMENT_DEPTH_MAX 200u

/*
 * One document is one request: one resource, one scope, a span per segment and subsegment. Views
 * point into `document`, `arena` or literals. Nothing but the document decides the result.
 *   RAY_INVALID  not a segment document: `error` (may be NULL) says at which byte and why
 *   RAY_TOO_BIG  nested too deep, or more than RAY_REQUEST_SPANS_MAX subsegments
 *   RAY_NOMEM    the arena is used up
 * On failure *out is untouched. Any thread.
 */
RAY_MUST_USE enum ray_status ray_segment_to_spans(struct ray_str document, struct ray_arena *arena,
                                                  struct ray_request *out,
                                                  struct ray_decode_error *error);

#endif
