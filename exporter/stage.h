/*
 * stage: a bounded look-ahead on an exporter's queue, so that traces travel whole.
 *
 * X-Ray stores up to 500 kB of a trace that comes in one call and 100 kB of one that dribbles in.
 * Documents stand here by trace, in the order in which the traces were first seen; a call is filled
 * with the oldest trace and then with such that fit as a whole. A trace larger than a call goes out
 * in consecutive ones.
 *
 * It views into batches and holds them until their last document has left: at most
 * RAY_STAGE_BYTES_MAX of them and one more. No memory is allocated after the creation. One thread.
 */
#ifndef RAY_EXPORTER_STAGE_H
#define RAY_EXPORTER_STAGE_H

#include "xray/batch.h"

#define RAY_STAGE_DOCUMENTS_MAX 2048u
#define RAY_STAGE_BYTES_MAX     ((size_t)2 * 1024 * 1024)

struct ray_stage;

/* `seed` keeps clients from choosing ids that collide. NULL when out of memory. */
struct ray_stage *ray_stage_new(uint64_t seed);
void ray_stage_free(struct ray_stage *stage); /* accepts NULL */

/* Whether there is room for a batch, after what found none of the one before. */
bool ray_stage_wants(struct ray_stage *stage);
/* Only when it wants one. Takes over the reference; the section's first document has `number`. */
void ray_stage_give(struct ray_stage *stage, struct ray_batch *batch, uint64_t profile,
                    uint64_t number, uint64_t now_ns);

/* No more can be given, be it for many documents or for much memory. */
bool ray_stage_is_full(const struct ray_stage *stage);
/* Documents that can be packed now. */
uint32_t ray_stage_count(const struct ray_stage *stage);
/* When the oldest of them was given; UINT64_MAX: there is none. */
uint64_t ray_stage_oldest_ns(const struct ray_stage *stage);

struct ray_staged {
    struct ray_document document;
    uint64_t number;
    uint64_t accepted_unix_ns; /* of its batch; 0 unknown */
};

/* Starts a call of at most so many documents and bytes of text. */
void ray_stage_begin(struct ray_stage *stage, uint32_t documents_max, size_t bytes_max);
/* What goes into the call next; the same until it is taken. False: nothing more for this one. Views
 * are valid until then. */
bool ray_stage_peek(struct ray_stage *stage, struct ray_staged *out);
/* The peeked document leaves. */
void ray_stage_take(struct ray_stage *stage);

#endif
