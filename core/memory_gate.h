/*
 * memory_gate: is there memory for one more request? Counted at the door, not polled from the heap.
 *
 * Used is what requests in hand will take, what the queues hold, and the rest of the process: its
 * resident set less those two, as it was at the last look, one each interval at most. So a burst is
 * seen before its memory is spent, and what nobody accounts for is seen an interval later.
 */
#ifndef RAY_CORE_MEMORY_GATE_H
#define RAY_CORE_MEMORY_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/clock.h"

/* What a byte on the wire comes to until it waits as a document (measured: 1.2 times its size
 * decoded, 2.4 times as documents). */
#define RAY_MEMORY_PER_WIRE_BYTE 4u
/* A request without spans is answered in every state; it fits in these. */
#define RAY_MEMORY_FREE_BYTES 64u

struct ray_memory_gate_options {
    size_t soft_bytes; /* above: new requests are told to come again */
    size_t hard_bytes; /* above: also those whose body is still coming; >= soft */
    uint64_t interval_ns;
    const struct ray_clock *clock;
    /* Bytes that the queues hold. Any thread. NULL: none. */
    size_t (*held_bytes)(void *context);
    /* The resident set of the process, after giving back what it does not need when it is above
     * `soft_bytes`. Any thread, one at a time, once an interval. NULL: 0. */
    size_t (*resident_bytes)(void *context);
    void *context;
};

struct ray_memory_gate {
    struct ray_memory_gate_options options;
    _Atomic size_t door_bytes; /* of requests in hand, as they will be */
    _Atomic size_t rest_bytes; /* of the process, at the last look */
    _Atomic uint64_t look_ns;  /* when the next look is due */
};

void ray_memory_gate_init(struct ray_memory_gate *gate,
                          const struct ray_memory_gate_options *options);
/* Any thread, all of these. */
size_t ray_memory_gate_used(struct ray_memory_gate *gate);
/* Is it above the limit? `begun`: the hard one. */
bool ray_memory_gate_is_closed(struct ray_memory_gate *gate, bool begun);
/* Counts `wire_bytes` of a request, `begun`: of which earlier ones were taken. False, and nothing
 * counted, when it is closed or they would pass the hard limit. */
bool ray_memory_gate_take(struct ray_memory_gate *gate, size_t wire_bytes, bool begun);
void ray_memory_gate_give(struct ray_memory_gate *gate, size_t wire_bytes);

#endif
