/*
 * durable_inside: what durable.c (the log's thread, push, reading) and claims.c (what an earlier
 * process left, and for whom) share. Private to queue/.
 */
#ifndef RAY_QUEUE_DURABLE_INSIDE_H
#define RAY_QUEUE_DURABLE_INSIDE_H

#include "core/thread.h"
#include "queue/inside.h"
#include "queue/journal.h"
#include "queue/ring.h"
#include "queue/wal.h"

struct pending;

struct ray_durable {
    struct ray_wal *wal;
    struct ray_thread thread;
    /* the queue's lock guards what follows */
    pthread_cond_t work;
    struct pending *first;
    struct pending **tail;
    size_t pending_bytes;
    bool writing; /* the thread has a list in hand */
    bool stopping;
    bool owe_changed; /* a cursor came or went: the next record begins a segment */
    bool nudge;       /* a cursor could not read: wake it in a while */
    struct ray_unit *growing;
    struct ray_unit *release; /* finished: their segments go */
    struct ray_ring ring;
    struct ray_log_limiter journal_limiter;
};

struct ray_durable_cursor {
    struct ray_journal *journal;
    struct ray_wal_reader old_reader, fresh_reader;
    bool old_had_its_turn;
    struct ray_done_range ranges[RAY_JOURNAL_RANGES_MAX]; /* scratch of a rewrite */
};

/* ---- claims.c ---- */

/* A unit for each segment that was found. RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_durable_add_recovered(struct ray_queue *queue);
/* The profile that the cursor's documents had when the segment was written. */
uint64_t ray_durable_written_profile(const struct ray_segment *segment,
                                     const struct ray_cursor *cursor);

/* ---- durable.c ---- */

/* The journal says what is done now. Without the lock. */
void ray_durable_rewrite_journal(struct ray_cursor *cursor);

#endif
