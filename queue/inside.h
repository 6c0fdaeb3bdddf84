/*
 * inside: what queue.c (the face, and the queue in memory) and durable.c (the one with a log)
 * share. Private to queue/.
 */
#ifndef RAY_QUEUE_INSIDE_H
#define RAY_QUEUE_INSIDE_H

#include <pthread.h>

#include "queue/owed.h"
#include "queue/queue.h"

struct ray_cursor {
    struct ray_owed_cursor owed; /* first: its address is the cursor's */
    struct ray_queue *queue;
    struct ray_cursor *next;
    struct ray_cursor_options options;
    uint32_t waking; /* wakes running now */
    bool idle;       /* the last look found nothing and no wake went out since */
    struct ray_durable_cursor *durable;
};

struct ray_queue {
    struct ray_queue_options options;
    /* Guards everything below and the cursors. No other lock, I/O or callback under it. */
    pthread_mutex_t lock;
    pthread_cond_t wake_over;
    struct ray_cursor *cursors;
    uint32_t cursor_count;
    struct ray_owed owed;
    uint64_t pushed_batches, pushed_documents; /* ever */
    uint64_t missing_documents;                /* found gone at the start, over all cursors */
    size_t reserved_bytes;                     /* promised, or on their way into the log */
    bool closed;
    struct ray_durable *durable; /* NULL: in memory */
};

/* All with the lock held, unless they say otherwise. */

/* What the queue holds and has promised. */
size_t ray_queue_held_bytes(const struct ray_queue *queue);
/* Wakes the cursors that found nothing and now have something; lets the lock go around each wake.
 */
void ray_queue_wake_idle(struct ray_queue *queue);
/* A batch with numbers from `first` on came in: the shares of a unit that has them. */
void ray_queue_owe_all(struct ray_queue *queue, struct ray_unit *unit,
                       const struct ray_batch *batch, uint64_t first);
/* Room for a push, with what was reserved for it; what was given up for it is released. */
RAY_MUST_USE enum ray_status ray_queue_claim(struct ray_queue *queue, size_t bytes,
                                             size_t reserved_bytes);
/* The cursor is done with so many of what it was owed. */
void ray_cursor_shrink(struct ray_cursor *cursor, uint64_t documents);

/* ---- durable.c ---- */

/* Without the lock. */
RAY_MUST_USE enum ray_status ray_durable_start(struct ray_queue *queue, char error[256]);
void ray_durable_stop(struct ray_queue *queue);
RAY_MUST_USE enum ray_status ray_durable_push(struct ray_queue *queue, struct ray_batch *batch,
                                              size_t reserved_bytes, struct ray_ticket *ticket);
RAY_MUST_USE enum ray_status ray_durable_open_cursor(struct ray_cursor *cursor);
void ray_durable_close_cursor(struct ray_cursor *cursor);
RAY_MUST_USE enum ray_status ray_durable_next(struct ray_cursor *cursor, struct ray_batch **batch,
                                              uint64_t *first_document);
void ray_durable_note_ack(struct ray_cursor *cursor, uint64_t first, uint32_t count);
void ray_durable_forget_absent(struct ray_queue *queue);

/* With it. A cursor was put on the list: the next record begins a segment that is owed to it, too.
 */
void ray_durable_owe_changed(struct ray_queue *queue);
/* With it. Units whose segments may go; the log's thread deletes them. */
void ray_durable_release(struct ray_queue *queue, struct ray_unit *done);

#endif
