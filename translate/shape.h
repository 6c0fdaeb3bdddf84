/*
 * shape: what a span is going to be: segment or subsegment, its kind, its part in the pair that a
 * local root becomes. Decided first, from the span and its facts; everything else asks it.
 */
#ifndef RAY_TRANSLATE_SHAPE_H
#define RAY_TRANSLATE_SHAPE_H

#include "translate/facts.h"

enum ray_role {
    RAY_ROLE_PLAIN,      /* one span, one document */
    RAY_ROLE_LOCAL_ROOT, /* LOCAL_ROOT of kind SERVER or INTERNAL: always a segment */
    RAY_ROLE_DEPENDENCY, /* first of the pair: the call to the other side */
    RAY_ROLE_SERVICE,    /* second of the pair: the service that made it */
};

struct ray_shape {
    enum ray_span_kind kind; /* unknown numbers are UNSPECIFIED */
    enum ray_role role;
    bool aws_sdk;    /* rpc.system is aws-api */
    bool has_parent; /* in OTLP; the pair's documents have other parents */
    bool subsegment;
    bool was_segment; /* written by segment_to_span: what restates the segment is no metadata */
    bool nested;      /* and it stood inside a segment: what the resource says is not its own */
    bool serves;      /* a CONSUMER that handles a message: a segment of its own (D01, D38) */
};

/* `aws.span.kind` says that the span is the local root of its service (Application Signals). */
bool ray_shape_is_local_root(const struct ray_facts *facts);
/* Takes the words that only segment_to_span writes out of the facts of a span that was none: there
 * they are attributes as any other. */
void ray_shape_forget_segment_words(const struct ray_shape *shape, struct ray_facts *facts);
struct ray_shape ray_shape_of(const struct ray_span *span, const struct ray_facts *facts,
                              enum ray_role role);

#endif
