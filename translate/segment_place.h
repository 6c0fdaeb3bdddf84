/*
 * segment_place: the aws block and the origin of a segment: the call as attributes of the span, the
 * place as attributes of the resource.
 */
#ifndef RAY_TRANSLATE_SEGMENT_PLACE_H
#define RAY_TRANSLATE_SEGMENT_PLACE_H

#include "translate/segment_sink.h"

void ray_segment_take_aws(const struct ray_segment *segment, struct ray_segment_sink *sink);

#endif
