/*
 * segment_cause: the cause of a segment: its exceptions as events of the span.
 */
#ifndef RAY_TRANSLATE_SEGMENT_CAUSE_H
#define RAY_TRANSLATE_SEGMENT_CAUSE_H

#include "translate/segment_sink.h"

/* An object, or the id of an exception in another subsegment; false when it is neither. */
bool ray_segment_take_cause(const struct ray_segment *segment, const struct ray_value *cause,
                            struct ray_segment_sink *sink);

#endif
