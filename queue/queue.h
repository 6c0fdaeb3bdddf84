/*
 * queue: where sealed batches wait between the receivers and the exporters. "Accepted" is decided
 * here.
 *
 * Bounded by bytes, not by count: a few huge documents must not hide in a queue that only counts.
 * Many threads push, each exporter has one cursor. When it is full it says so; it never drops.
 * Documents are numbered from 1 in the order of their push; a batch takes as many numbers as its
 * largest section has documents, and what a smaller section lacks counts as done for its readers.
 * This queue lives in memory: what it holds ends with the process.
 */
#ifndef RAY_QUEUE_QUEUE_H
#define RAY_QUEUE_QUEUE_H

#include "queue/ledger.h"
#include "queue/ticket.h"
#include "xray/batch.h"

struct ray_queue;
struct ray_cursor;

struct ray_queue_options {
    size_t max_bytes;       /* payload bytes held at most, > 0 */
    uint32_t max_linger_ms; /* see ray_queue_linger_ms */
};

/* NULL when out of memory. Free with ray_queue_free(), which accepts NULL, after every cursor is
 * closed. */
struct ray_queue *ray_queue_new(const struct ray_queue_options *options);
void ray_queue_free(struct ray_queue *queue);

/*
 * Promises room for `bytes` to one coming push, so that several queues can be asked before the
 * first is given anything. RAY_AGAIN full, RAY_TOO_BIG more than the whole queue holds, so waiting
 * would never help, RAY_CLOSED as for a push. Any thread.
 */
RAY_MUST_USE enum ray_status ray_queue_reserve(struct ray_queue *queue, size_t bytes);
/* Gives back a reservation that no push used. */
void ray_queue_cancel(struct ray_queue *queue, size_t reserved_bytes);

/*
 * Hands `batch` over, using up `reserved_bytes` of an earlier reservation (0: none was made).
 * RAY_OK means *taken*: the queue owns the caller's reference, and `ticket` completes exactly once
 * with the status that decides *accepted*. It may complete before this returns: hold no lock that
 * its callback takes, touch neither batch nor ticket after. Nor does the push touch the queue then,
 * so a caller that has seen its ticket may close it. On any other status the caller still owns the
 * batch, the reservation is gone and the ticket never completes.
 *   RAY_AGAIN    full: tell the client to retry
 *   RAY_TOO_BIG  more than the whole queue holds
 *   RAY_CLOSED   shutting down, or nobody reads: without a cursor nothing is owed to anyone, so
 *                saying "taken" would lose it
 *   RAY_NOMEM
 * Any thread. No I/O; waits only for a mutex that is never held across I/O or a callback.
 */
RAY_MUST_USE enum ray_status ray_queue_push(struct ray_queue *queue, struct ray_batch *batch,
                                            size_t reserved_bytes, struct ray_ticket *ticket);

/* No more pushes (RAY_CLOSED); cursors go on reading what is there. Wakes those that wait. Any
 * thread, holding no lock that a wake takes. */
void ray_queue_close(struct ray_queue *queue);

/* Any thread, these three. */
size_t ray_queue_used_bytes(struct ray_queue *queue); /* held and reserved */
uint64_t ray_queue_end(struct ray_queue *queue); /* number of the newest document, 0 if none yet */
/* How long an exporter that was woken for little may wait for more before it reads. The queue wakes
 * at once: it has no thread that could do so later, and exporters have loops with time-outs. */
uint32_t ray_queue_linger_ms(const struct ray_queue *queue);

typedef void (*ray_wake_fn)(void *context);

struct ray_cursor_options {
    const char *name; /* of its exporter: what a durable queue would find its place again by */
    uint64_t profile; /* the sections that it reads */
    /* Counts as taken what is pushed for this cursor, from the push on; may be NULL. */
    struct ray_exporter_ledger *ledger;
    /* Called (from any thread, no lock held, once for each time that ray_cursor_next had nothing)
     * when there is something to read or the queue was closed. It must not close its cursor. */
    ray_wake_fn wake;
    void *context;
};
/* A cursor that sees what is pushed from now on. NULL when out of memory. What the options point
 * to must outlive it, but for `name`. */
struct ray_cursor *ray_cursor_open(struct ray_queue *queue,
                                   const struct ray_cursor_options *options);
/* Gives up what it has not acknowledged. Waits for a wake that is running; none comes after. */
void ray_cursor_close(struct ray_cursor *cursor);

/* The next batch that this cursor has not been given, with a reference of the caller's own, and the
 * number of its first document. Batches without a document for its profile are passed over.
 * RAY_AGAIN when there is none yet, RAY_CLOSED when there will be none. */
RAY_MUST_USE enum ray_status ray_cursor_next(struct ray_cursor *cursor, struct ray_batch **batch,
                                             uint64_t *first_document);

/* Documents [first, first + count) are done with: delivered or dropped for good. Any order, counts
 * only what was not done before. Room in the queue comes back when all cursors are done with a
 * batch. */
void ray_cursor_ack(struct ray_cursor *cursor, uint64_t first, uint32_t count);

/* Every document up to `number` is done with. For queries that wait for their exporter. */
bool ray_cursor_passed(struct ray_cursor *cursor, uint64_t number);
/* Documents pushed and not yet acknowledged. */
uint64_t ray_cursor_backlog(struct ray_cursor *cursor);

#endif
