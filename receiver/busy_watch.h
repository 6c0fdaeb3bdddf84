/*
 * busy_watch: how much CPU time a thread has used inside one call of a library that should return.
 *
 * Internal to receiver/. The thread says when it goes in and comes out; one other thread asks from
 * time to time. Waiting costs no CPU time, so a thread that sleeps in there counts for nothing.
 */
#ifndef RAY_RECEIVER_BUSY_WATCH_H
#define RAY_RECEIVER_BUSY_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* Zero-initialised. */
struct ray_busy_watch {
    _Atomic uint64_t turns; /* odd while inside */
    /* of the thread that asks */
    uint64_t turns_seen;
    uint64_t cpu_ns_then;
};

/* The watched thread, around the call. */
static inline void ray_busy_turn(struct ray_busy_watch *watch)
{
    atomic_fetch_add_explicit(&watch->turns, 1, memory_order_relaxed);
}

/* CPU time of `thread` (alive) within the stay that it is in now, as far as it was seen: counted
 * from the first question that found it there. 0 when it is outside or came back meanwhile. One
 * thread. */
uint64_t ray_busy_inside_ns(struct ray_busy_watch *watch, pthread_t thread);

#endif
