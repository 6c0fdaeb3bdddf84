/*
 * world: a queue with a log on a simulated disk, and a book of everything that was pushed, so that
 * after any number of kills and losses of power it can be said of each document whether it came,
 * for whom, how often, and whether it should have.
 *
 * A document is a number that stands in its text; the text is checked byte for byte when it comes
 * back. Where the queue lies, the world fails the test with what it saw.
 */
#ifndef RAY_TESTS_FAULT_WORLD_H
#define RAY_TESTS_FAULT_WORLD_H

#include "queue/queue.h"
#include "queue/wal.h"
#include "tests/support/sim_disk.h"
#include "tests/unit/check.h"

#define WORLD_CURSORS 3
#define WORLD_FOLDER  "/data/queue"

/* What one exporter has seen of one document. */
struct world_seen {
    uint64_t ack_began_at; /* changes of the disk; UINT64_MAX: not acknowledged */
    uint64_t acked_at;     /* when the call returned; the same */
    uint32_t times;        /* delivered, ever */
    uint32_t life;         /* the process that it was delivered in last */
};

struct world_document {
    enum ray_status status;  /* of its ticket */
    bool told;               /* the ticket completed */
    uint64_t accepted_at;    /* changes of the disk when it did */
    uint64_t accepted_clock; /* ns */
    uint32_t text_bytes;
    unsigned owed; /* bits: cursors that have a section with it */
    struct world_seen seen[WORLD_CURSORS];
};

/* A batch that a cursor was given and has not acknowledged. */
struct world_given {
    uint64_t first;    /* number in the queue */
    uint32_t document; /* the number in the text of the first */
    uint32_t count;
    uint64_t acked; /* bits of the first 64 */
};
#define WORLD_GIVEN_MAX 64

struct world_cursor {
    struct ray_cursor *cursor; /* NULL: closed */
    struct world_given given[WORLD_GIVEN_MAX];
    size_t given_count;
};

struct world_options {
    enum ray_fsync fsync;
    uint64_t segment_bytes;
    size_t max_bytes;
    uint64_t min_free_bytes;
    unsigned cursors; /* the first so many are opened */
    bool may_lose;    /* damage is part of the test: nothing must come, only nothing wrong */
    bool may_repeat;  /* what was acknowledged may come again */
};

struct world {
    struct world_options options;
    struct sim_disk *sim;
    bool owns_sim;
    struct ray_clock clock;
    _Atomic uint64_t now_ns;
    struct ray_wal_options log;
    struct ray_queue *queue; /* NULL: no process */
    uint32_t life;
    struct world_cursor cursors[WORLD_CURSORS];
    struct world_document *documents;
    uint32_t document_count, document_max;
    uint64_t delivered, repeated; /* documents, over all cursors */
    uint64_t lost;                /* accepted and never came: where that is allowed */
};

/* On a disk of its own, or on `sim` (taken over). No process yet. */
void world_init(struct world *world, const struct world_options *options, struct sim_disk *sim);
void world_clear(struct world *world);

/* Room in the book for so many more documents, so that it need not grow. */
void world_reserve(struct world *world, uint32_t documents);

/* A process starts: opens queue and cursors. What the start said. */
enum ray_status world_start(struct world *world, char error[256]);
/* The same, which must work. */
void world_must_start(struct world *world);
/* It ends in order. */
void world_stop(struct world *world);
/* It is killed at this moment: goes on with what the disk has. */
void world_kill(struct world *world);

/* Pushes one batch with `count` documents for the first cursor, some less for the second, one for
 * the third when `count` is odd, and waits for its ticket. */
enum ray_status world_push(struct world *world, uint32_t count, uint32_t text_bytes);
/* Several at once: all but the first reach the log as one group. From 2 on. */
#define WORLD_GROUP_MAX 24
void world_push_group(struct world *world, unsigned batches, uint32_t count, uint32_t text_bytes);
/* One batch for one cursor; checks all that comes. What ray_cursor_next said. */
enum ray_status world_read(struct world *world, unsigned cursor);
/* Acknowledges a part (or with `all` the whole) of a batch that was given; false when none is. */
bool world_ack(struct world *world, unsigned cursor, uint64_t random, bool all);
/* Reads and acknowledges until nothing is left. */
void world_drain(struct world *world);
/* Restarts, drains, and holds the queue to its promises: every document that was accepted came to
 * everybody, unless the options say otherwise; the folder is empty then; a push works. `before`: of
 * documents that were accepted before this change of the disk. */
void world_settle(struct world *world, uint64_t before);
/* The book of `from`, on another disk (taken over): as it stood before change `before`. */
void world_init_from(struct world *world, const struct world *from, struct sim_disk *sim,
                     uint64_t before);

uint64_t world_random(uint64_t *state);

#endif
