/*
 * split: a document that is too large for its carrier, as a smaller one and independent
 * subsegments (type "subsegment", with trace_id and parent_id), which the service puts together
 * again (X-Ray developer guide, segment documents: subsegments).
 *
 * Foreign JSON comes in. The values of all members are kept as they are written, but for white
 * space between tokens. As few subsegments as possible leave their parent, the largest first; one
 * that is too large by itself is split in turn. Ids are never invented: a subsegment without an id
 * of its own stays where it is. Pure.
 */
#ifndef RAY_XRAY_SPLIT_H
#define RAY_XRAY_SPLIT_H

#include "core/arena.h"

struct ray_split_part {
    struct ray_str text;
    struct ray_split_part *next;
};

/*
 * The parts of `text`, the parent first, each at most `part_max_bytes` long; in `arena`, which
 * holds all scratch too. A document that fits without its white space is one part. RAY_INVALID  no
 * JSON object, or nested deeper than RAY_SCAN_DEPTH_MAX RAY_TOO_BIG  it cannot be split so small:
 * its own members are too large, it has no trace_id or id, or its subsegments nest deeper than
 * RAY_SCAN_SUBSEGMENTS_DEPTH_MAX RAY_NOMEM    the arena is used up: RAY_SPLIT_ARENA_BYTES suffice
 */
RAY_MUST_USE enum ray_status ray_document_split(struct ray_str text, size_t part_max_bytes,
                                                struct ray_arena *arena,
                                                struct ray_split_part **parts);

/* Members and elements are at least two bytes of text each, and one record here. */
#define RAY_SPLIT_ARENA_BYTES(text_bytes) ((size_t)64 * (text_bytes) + ((size_t)1 << 20))

#endif
