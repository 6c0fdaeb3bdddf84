/*
 * owed: which documents each cursor has still to be done with. Bookkeeping alone: no lock, no I/O.
 *
 * Documents stand in *units*: what is given back as one when every cursor is done with it, be it a
 * batch in memory or a segment of the log. Units stand in an array in the order of their numbers. A
 * finished one is emptied on the spot, whatever stands before it, and its place is squeezed out
 * later, so that a document that is stuck holds its own unit and nothing else.
 *
 * A unit has one share per cursor that is owed something of it: a bit per document, 1 = done. A
 * number may stand for no document of a cursor's (its section was smaller, or a record was
 * damaged); such a bit is set before anybody asks, without being counted. The low-water mark is a
 * number in front of which everything is done; it only rises.
 */
#ifndef RAY_QUEUE_OWED_H
#define RAY_QUEUE_OWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "queue/journal.h"

/* How far a cursor has been given a stretch of numbers, in order. */
struct ray_position {
    uint64_t given_to; /* last number that was handed out or passed over */
    uint64_t end;      /* last of the stretch */
};

/* Embedded in the queue's cursor. */
struct ray_owed_cursor {
    uint64_t low;              /* every document up to this one is done */
    uint64_t backlog;          /* documents not yet done */
    struct ray_position fresh; /* without end */
    struct ray_position old;   /* what an earlier process left, in front of it; may be empty */
};

struct ray_share {
    const struct ray_owed_cursor *cursor; /* NULL: whose it was is gone, or has not come yet */
    uint64_t left;                        /* documents not yet done */
    uint64_t *bits;
    size_t words;    /* of the bits */
    size_t full;     /* words in front that are known to be all ones */
    bool open;       /* somebody may still come for it, or `left` > 0 */
    bool own_memory; /* the bits are not in the unit's block */
};

struct ray_unit {
    void *holder; /* the queue's: a batch or a segment */
    struct ray_unit *next_done;
    uint64_t first;
    uint64_t last; /* first - 1 while there is none */
    size_t bytes;
    bool growing;         /* may get more documents: not finished however little is owed */
    uint32_t shares_open; /* the unit is finished when none is */
    uint32_t share_count;
    struct ray_share shares[]; /* their bits stand behind them, unless the unit grew */
};

/* A place in the array: knows its numbers even when its unit is gone. */
struct ray_owed_place {
    uint64_t first;
    uint64_t last;
    struct ray_unit *unit; /* NULL: every cursor is done with it */
};

struct ray_owed {
    struct ray_owed_place *places;
    size_t place_count;
    size_t place_capacity;
    size_t places_empty;
    size_t bytes; /* of units that are not finished */
    uint64_t end; /* number of the newest document */
};
void ray_owed_clear(struct ray_owed *owed); /* no unit is left in it */

/* Numbers from `first` on, room for the bits of `documents`, no share open. NULL: no memory. */
struct ray_unit *ray_unit_new(uint64_t first, uint32_t documents, uint32_t shares);
void ray_unit_free(struct ray_unit *unit);
struct ray_share *ray_unit_share(struct ray_unit *unit, const struct ray_owed_cursor *cursor);
/* Room for the bits of every number up to `last` in every share. RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_unit_reserve(struct ray_unit *unit, uint64_t last);
/* `documents` numbers were appended, `owed` of them, the first ones, are this share's. The numbers
 * that stand for nothing are done. Room was reserved. */
void ray_unit_owe(struct ray_unit *unit, struct ray_share *share, uint64_t first,
                  uint32_t documents, uint32_t owed);
/* Numbers [from, to] are done, uncounted. Returns how many were not before. */
uint64_t ray_share_mark(const struct ray_unit *unit, struct ray_share *share, uint64_t from,
                        uint64_t to);
/* How many numbers of the unit are not done. */
uint64_t ray_share_count_undone(const struct ray_unit *unit, const struct ray_share *share);
/* Some, or all, of [from, to] is done. */
bool ray_share_has_done(const struct ray_unit *unit, const struct ray_share *share, uint64_t from,
                        uint64_t to);
bool ray_share_is_done(const struct ray_unit *unit, const struct ray_share *share, uint64_t from,
                       uint64_t to);
/* The share's owner is done with it, or will never come. True: the unit is finished now. */
bool ray_unit_close_share(struct ray_unit *unit, struct ray_share *share);

/* Puts a unit with numbers above all others at the end. RAY_NOMEM: nothing happened. */
RAY_MUST_USE enum ray_status ray_owed_append(struct ray_owed *owed, struct ray_unit *unit);
/* The newest unit, which grows, has numbers up to `last` now, in `bytes` more. */
void ray_owed_grew(struct ray_owed *owed, struct ray_unit *unit, uint64_t last, size_t bytes);
/* Takes a finished unit out of its place. */
void ray_owed_remove(struct ray_owed *owed, struct ray_unit *unit);

/* Index of the first place whose last number is at least `number`; place_count when none. */
size_t ray_owed_at_or_after(const struct ray_owed *owed, uint64_t number);
/* The next unit of the stretch with something for `cursor` behind what it was given, or NULL. */
struct ray_unit *ray_owed_next(struct ray_owed *owed, const struct ray_owed_cursor *cursor,
                               struct ray_position *position);
/* Was the cursor given the document, or something behind it? */
bool ray_owed_was_given(const struct ray_owed_cursor *cursor, uint64_t number);
/* Numbers [from, to] are done. Returns how many documents that were; units that this finished are
 * taken out and put onto *done. The low-water mark rises. */
uint64_t ray_owed_ack(struct ray_owed *owed, struct ray_owed_cursor *cursor, uint64_t from,
                      uint64_t to, struct ray_unit **done);
/* What is done above the low-water mark, as at most `max` ranges, lowest first. */
size_t ray_owed_done_ranges(const struct ray_owed *owed, const struct ray_owed_cursor *cursor,
                            struct ray_done_range *out, size_t max);
void ray_owed_raise_low(struct ray_owed *owed, struct ray_owed_cursor *cursor);

#endif
