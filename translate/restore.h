/*
 * restore: members of a segment that spans have no place for go back to where they stood.
 *
 * segment_to_span keeps them as attributes aws.xray.field.PATH ("aws.xray.field.sql.preparation").
 * What became a field by other rules and stands at the same place is replaced: the segment said so.
 * Ids, names, times, flags, annotations, metadata and links are never touched.
 */
#ifndef RAY_TRANSLATE_RESTORE_H
#define RAY_TRANSLATE_RESTORE_H

#include "core/buf.h"
#include "translate/facts.h"
#include "translate/value.h"

/* The attribute is such a member. */
bool ray_restore_takes(struct ray_str key);
/* Writes `document` with them. With `limits` large values are left out, which is noted. False: the
 * arena is used up. */
bool ray_restore_write(const struct ray_facts *facts, struct ray_str document,
                       const struct ray_limits *limits, struct ray_arena *arena,
                       struct ray_buf *out);

#endif
