/*
 * ring: the newest batches of a log, kept in memory so that exporters that keep up never read the
 * file. Bounded by bytes: what is pushed out is read from the log. The caller's lock.
 */
#ifndef RAY_QUEUE_RING_H
#define RAY_QUEUE_RING_H

#include "xray/batch.h"

#define RAY_RING_BATCHES 1024u /* a power of two */

struct ray_ring {
    struct ray_ring_entry {
        struct ray_batch *batch; /* with a reference */
        uint64_t first;
        uint64_t last;
    } entries[RAY_RING_BATCHES];
    uint64_t head; /* of the oldest; counts up */
    uint64_t tail; /* behind the newest */
    size_t bytes;
    size_t max_bytes;
};

/* Takes over a reference; numbers are above all in it. What no longer fits comes out, oldest first,
 * in `out`, whose references are the caller's: to be given back without the lock. */
struct ray_ring_out {
    struct ray_batch *batches[16];
    size_t count;
};
void ray_ring_push(struct ray_ring *ring, struct ray_batch *batch, uint64_t first, uint64_t last,
                   struct ray_ring_out *out);
/* Lets go of those that end at `number` or before; at most as many as `out` takes. */
void ray_ring_trim(struct ray_ring *ring, uint64_t number, struct ray_ring_out *out);
/* The one with the lowest numbers that has one of at least `number`, when the ring goes back so
 * far; else NULL, and the log must be read. */
const struct ray_ring_entry *ray_ring_find(const struct ray_ring *ring, uint64_t number);
void ray_ring_out_clear(struct ray_ring_out *out);
void ray_ring_clear(struct ray_ring *ring);

#endif
