/*
 * segment_fields: what the members of one segment or subsegment are as attributes, events and
 * links. The part of segment_to_span that knows field names; it knows nothing of nesting.
 */
#ifndef RAY_TRANSLATE_SEGMENT_FIELDS_H
#define RAY_TRANSLATE_SEGMENT_FIELDS_H

#include "translate/segment_sink.h"

/* Fills in status, attributes, events and links of the span, and the resource's attributes. */
void ray_segment_take_fields(const struct ray_segment *segment, struct ray_segment_sink *sink);

#endif
