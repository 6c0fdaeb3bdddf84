/*
 * queue: where sealed batches wait between the receivers and the exporters. "Accepted" is decided
 * here.
 *
 * Bounded by bytes, not by count: a few huge documents must not hide in a queue that only counts.
 * Many threads push, each exporter has one cursor. When it is full it says so; it drops only what
 * an exporter asked it to, and counts. Documents are numbered in the order of their push; a batch
 * takes as many numbers as its largest section has documents, and what a smaller section lacks
 * counts as done for its readers.
 *
 * It lives in memory, and what it holds ends with the process; or, with a log, on disk
 * (queue/wal.h), where a kill loses nothing that was accepted, and the next process goes on where
 * this one stopped.
 */
#ifndef RAY_QUEUE_QUEUE_H
#define RAY_QUEUE_QUEUE_H

#include "queue/ledger.h"
#include "queue/ticket.h"
#include "xray/batch.h"

struct ray_queue;
struct ray_cursor;

struct ray_wal_options;

struct ray_queue_options {
    size_t max_bytes; /* bytes held at most, > 0: payload in memory, or files */
    /* 0: no bound. Documents not yet done with by the cursor that has most; requests are batches,
     * with a log as many as those documents are on average. Seen before a push, not within it. */
    uint64_t max_documents, max_requests;
    uint32_t max_linger_ms; /* see ray_queue_linger_ms */
    /* NULL: in memory. Copied; what it points to must outlive the queue. */
    const struct ray_wal_options *log;
};

/* Without side effects. NULL when out of memory. Free with ray_queue_free(), which accepts NULL,
 * after every cursor is closed; it waits for what is on its way to the disk. */
struct ray_queue *ray_queue_new(const struct ray_queue_options *options);
void ray_queue_free(struct ray_queue *queue);

/* With a log: opens it, finds what an earlier process left, starts the thread that writes. Before
 * the first cursor and push. RAY_IO, RAY_CLOSED (another process has the folder), RAY_INVALID (a
 * later version wrote it), RAY_NOMEM; `error` says what, where and what to do. */
RAY_MUST_USE enum ray_status ray_queue_start(struct ray_queue *queue, char error[256]);
/* Every exporter has opened its cursor: what the log owes to others is counted, said in the log,
 * and released. */
void ray_queue_forget_absent(struct ray_queue *queue);
/* Of the log: all zeros when there is none. Any thread, while the queue is started. */
struct ray_wal_stats;
void ray_queue_log_stats(struct ray_queue *queue, struct ray_wal_stats *out);
/* What is not delivered when the process ends is still there after the next start. */
bool ray_queue_is_durable(const struct ray_queue *queue);

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
 * With a log the ticket completes after the write, on the log's thread: RAY_OK, RAY_AGAIN (the disk
 * is full), RAY_IO or RAY_NOMEM.
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
    /* A full queue gives up the oldest that this cursor was not given yet, counted as dropped
     * ("queue_full"), instead of refusing. */
    bool drop_oldest;
};
/* A cursor that sees what is pushed from now on and, with a log, what an earlier process left for
 * its name: that is counted as recovered. NULL when out of memory. What the options point to must
 * outlive it. */
struct ray_cursor *ray_cursor_open(struct ray_queue *queue,
                                   const struct ray_cursor_options *options);
/* Gives up what it has not acknowledged; with a log that stays there. Waits for a wake that is
 * running; none comes after. */
void ray_cursor_close(struct ray_cursor *cursor);

/* The next batch that this cursor has not been given, with a reference of the caller's own, and the
 * number of its first document. Batches without a document for its profile are passed over.
 * RAY_AGAIN when there is none yet, RAY_CLOSED when there will be none; RAY_IO, RAY_NOMEM: the log
 * could not be read now, a wake comes within a second or so. May read the disk; one thread at a
 * time for one cursor. After a restart some of a batch's documents may be done already:
 * ray_cursor_is_done. */
RAY_MUST_USE enum ray_status ray_cursor_next(struct ray_cursor *cursor, struct ray_batch **batch,
                                             uint64_t *first_document);

/* Documents [first, first + count) are done with: delivered or dropped for good. Any order, counts
 * only what was not done before. Room in the queue comes back when all cursors are done with a
 * batch. */
void ray_cursor_ack(struct ray_cursor *cursor, uint64_t first, uint32_t count);

/* Done with before: an earlier process delivered it. */
bool ray_cursor_is_done(struct ray_cursor *cursor, uint64_t number);
/* The cheap question: may anything of what was just read be done? */
bool ray_cursor_may_be_done(struct ray_cursor *cursor, uint64_t first, uint32_t count);

/* Every document up to `number` is done with. For queries that wait for their exporter. */
bool ray_cursor_passed(struct ray_cursor *cursor, uint64_t number);
/* Documents pushed and not yet acknowledged. */
uint64_t ray_cursor_backlog(struct ray_cursor *cursor);

#endif
