/* owed: see owed.h. */
#include "queue/owed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BITS 64u

/* ---- bits ------------------------------------------------------------------------------------ */

static size_t words_of(uint64_t documents)
{
    return (size_t)((documents + BITS - 1) / BITS);
}

/* Ones at [from, to] of one word. */
static uint64_t mask(unsigned from, unsigned to)
{
    return (UINT64_MAX >> (BITS - 1 - to)) & (UINT64_MAX << from);
}

/* The bits of [from, to], indexes both, that are in one word of those that it touches. */
static uint64_t ones_in(size_t word, uint64_t from, uint64_t to)
{
    unsigned first = word == from / BITS ? (unsigned)(from % BITS) : 0;
    unsigned last = word == to / BITS ? (unsigned)(to % BITS) : BITS - 1;
    return mask(first, last);
}

/* Clamps numbers to those of the unit and makes them indexes. False when none is left. */
static bool to_indexes(const struct ray_unit *unit, uint64_t *from, uint64_t *to)
{
    uint64_t low = *from > unit->first ? *from : unit->first;
    uint64_t high = *to < unit->last ? *to : unit->last;
    if (low > high || unit->last < unit->first) {
        return false;
    }
    *from = low - unit->first;
    *to = high - unit->first;
    return true;
}

uint64_t ray_share_mark(const struct ray_unit *unit, struct ray_share *share, uint64_t from,
                        uint64_t to)
{
    uint64_t marked = 0;
    if (!to_indexes(unit, &from, &to)) {
        return 0;
    }
    for (size_t word = from / BITS; word <= to / BITS; word++) {
        uint64_t ones = ones_in(word, from, to);
        marked += (uint64_t)__builtin_popcountll(~share->bits[word] & ones);
        share->bits[word] |= ones;
    }
    return marked;
}

bool ray_share_has_done(const struct ray_unit *unit, const struct ray_share *share, uint64_t from,
                        uint64_t to)
{
    if (share->left == 0 || !to_indexes(unit, &from, &to)) {
        return true;
    }
    for (size_t word = from / BITS; word <= to / BITS; word++) {
        uint64_t ones = ones_in(word, from, to);
        if ((share->bits[word] & ones) != 0) {
            return true;
        }
    }
    return false;
}

bool ray_share_is_done(const struct ray_unit *unit, const struct ray_share *share, uint64_t from,
                       uint64_t to)
{
    if (share->left == 0 || !to_indexes(unit, &from, &to)) {
        return true;
    }
    for (size_t word = from / BITS; word <= to / BITS; word++) {
        uint64_t ones = ones_in(word, from, to);
        if ((share->bits[word] & ones) != ones) {
            return false;
        }
    }
    return true;
}

uint64_t ray_share_count_undone(const struct ray_unit *unit, const struct ray_share *share)
{
    uint64_t from = unit->first, to = unit->last, undone = 0;
    if (to_indexes(unit, &from, &to)) {
        for (size_t word = from / BITS; word <= to / BITS; word++) {
            uint64_t ones = ones_in(word, from, to);
            undone += (uint64_t)__builtin_popcountll(~share->bits[word] & ones);
        }
    }
    return undone;
}

/* The first number of the unit whose bit is clear; 0 when the share has nothing left. */
static uint64_t first_undone(const struct ray_unit *unit, struct ray_share *share)
{
    if (share->left == 0) {
        return 0;
    }
    while (share->full < share->words && share->bits[share->full] == UINT64_MAX) {
        share->full++;
    }
    if (share->full == share->words) {
        return unit->last; /* cannot be: `left` counts clear bits */
    }
    uint64_t clear = (uint64_t)__builtin_ctzll(~share->bits[share->full]);
    return unit->first + share->full * BITS + clear;
}

/* ---- units ----------------------------------------------------------------------------------- */

struct ray_unit *ray_unit_new(uint64_t first, uint32_t documents, uint32_t shares)
{
    size_t words = words_of(documents);
    size_t shares_bytes = shares * sizeof(struct ray_share);
    struct ray_unit *unit =
        calloc(1, sizeof(*unit) + shares_bytes + shares * words * sizeof(uint64_t));
    if (unit == NULL) {
        return NULL;
    }
    unit->first = first;
    unit->last = first + documents - 1;
    unit->share_count = shares;
    uint64_t *bits = (uint64_t *)(void *)((char *)unit->shares + shares_bytes);
    for (uint32_t i = 0; i < shares; i++, bits += words) {
        unit->shares[i].bits = bits;
        unit->shares[i].words = words;
    }
    return unit;
}

void ray_unit_free(struct ray_unit *unit)
{
    for (uint32_t i = 0; i < unit->share_count; i++) {
        if (unit->shares[i].own_memory) {
            free(unit->shares[i].bits);
        }
    }
    free(unit);
}

struct ray_share *ray_unit_share(struct ray_unit *unit, const struct ray_owed_cursor *cursor)
{
    for (uint32_t i = 0; i < unit->share_count; i++) {
        if (unit->shares[i].cursor == cursor) {
            return &unit->shares[i];
        }
    }
    return NULL;
}

static enum ray_status grow_bits(struct ray_share *share, size_t words)
{
    size_t grown = share->words * 2 > words ? share->words * 2 : words;
    uint64_t *bits = realloc(share->own_memory ? share->bits : NULL, grown * sizeof(*bits));
    if (bits == NULL) {
        return RAY_NOMEM;
    }
    if (!share->own_memory && share->words > 0) {
        memcpy(bits, share->bits, share->words * sizeof(*bits));
    }
    memset(bits + share->words, 0, (grown - share->words) * sizeof(*bits));
    share->bits = bits;
    share->words = grown;
    share->own_memory = true;
    return RAY_OK;
}

enum ray_status ray_unit_reserve(struct ray_unit *unit, uint64_t last)
{
    size_t words = words_of(last - unit->first + 1);
    for (uint32_t i = 0; i < unit->share_count; i++) {
        struct ray_share *share = &unit->shares[i];
        if (share->words < words && grow_bits(share, words) != RAY_OK) {
            return RAY_NOMEM;
        }
    }
    return RAY_OK;
}

void ray_unit_owe(struct ray_unit *unit, struct ray_share *share, uint64_t first,
                  uint32_t documents, uint32_t owed)
{
    if (owed < documents) {
        (void)ray_share_mark(unit, share, first + owed, first + documents - 1);
    }
    share->left += owed;
    if (!share->open && share->left > 0) {
        share->open = true;
        unit->shares_open++;
    }
}

bool ray_unit_close_share(struct ray_unit *unit, struct ray_share *share)
{
    share->left = 0;
    if (share->open) {
        share->open = false;
        unit->shares_open--;
    }
    return unit->shares_open == 0 && !unit->growing;
}

/* ---- places ---------------------------------------------------------------------------------- */

void ray_owed_clear(struct ray_owed *owed)
{
    free(owed->places);
    *owed = (struct ray_owed){0};
}

size_t ray_owed_at_or_after(const struct ray_owed *owed, uint64_t number)
{
    size_t low = 0;
    size_t high = owed->place_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (owed->places[middle].last < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Makes room for one more: squeezes empty ones out when they are half of all, else grows. */
static bool make_room(struct ray_owed *owed)
{
    if (owed->place_count < owed->place_capacity) {
        return true;
    }
    if (owed->place_count > 0 && owed->places_empty >= owed->place_count / 2) {
        size_t kept = 0;
        for (size_t i = 0; i < owed->place_count; i++) {
            if (owed->places[i].unit != NULL) {
                owed->places[kept++] = owed->places[i];
            }
        }
        owed->place_count = kept;
        owed->places_empty = 0;
        return true;
    }
    size_t capacity = owed->place_capacity ? owed->place_capacity * 2 : 64;
    struct ray_owed_place *grown = realloc(owed->places, capacity * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    owed->places = grown;
    owed->place_capacity = capacity;
    return true;
}

enum ray_status ray_owed_append(struct ray_owed *owed, struct ray_unit *unit)
{
    assert(unit->first > owed->end);
    if (!make_room(owed)) {
        return RAY_NOMEM;
    }
    owed->places[owed->place_count++] = (struct ray_owed_place){unit->first, unit->last, unit};
    owed->bytes += unit->bytes;
    owed->end = unit->last;
    return RAY_OK;
}

void ray_owed_grew(struct ray_owed *owed, struct ray_unit *unit, uint64_t last, size_t bytes)
{
    struct ray_owed_place *place = &owed->places[owed->place_count - 1];
    assert(place->unit == unit);
    unit->last = place->last = owed->end = last;
    unit->bytes += bytes;
    owed->bytes += bytes;
}

void ray_owed_remove(struct ray_owed *owed, struct ray_unit *unit)
{
    size_t i = ray_owed_at_or_after(owed, unit->last);
    while (i < owed->place_count && owed->places[i].unit != unit) {
        i++; /* an empty one ends where the one before it does */
    }
    assert(i < owed->place_count && owed->places[i].unit == unit);
    owed->places[i].unit = NULL;
    owed->places_empty++;
    owed->bytes -= unit->bytes;
}

/* ---- cursors --------------------------------------------------------------------------------- */

struct ray_unit *ray_owed_next(struct ray_owed *owed, const struct ray_owed_cursor *cursor,
                               struct ray_position *position)
{
    if (position->given_to >= position->end) {
        return NULL;
    }
    size_t i = ray_owed_at_or_after(owed, position->given_to + 1);
    for (; i < owed->place_count && owed->places[i].first <= position->end; i++) {
        struct ray_unit *unit = owed->places[i].unit;
        const struct ray_share *share = unit != NULL ? ray_unit_share(unit, cursor) : NULL;
        if (share != NULL && share->left > 0) {
            return unit;
        }
        position->given_to = owed->places[i].last; /* so that it is passed over once */
    }
    return NULL;
}

bool ray_owed_was_given(const struct ray_owed_cursor *cursor, uint64_t number)
{
    return number <= (number <= cursor->old.end ? cursor->old : cursor->fresh).given_to;
}

void ray_owed_raise_low(struct ray_owed *owed, struct ray_owed_cursor *cursor)
{
    size_t i = ray_owed_at_or_after(owed, cursor->low + 1);
    for (; i < owed->place_count; i++) {
        struct ray_unit *unit = owed->places[i].unit;
        struct ray_share *share = unit != NULL ? ray_unit_share(unit, cursor) : NULL;
        uint64_t undone = share != NULL ? first_undone(unit, share) : 0;
        if (undone != 0) {
            cursor->low = undone - 1;
            return;
        }
        cursor->low = owed->places[i].last;
    }
    cursor->low = owed->end;
}

uint64_t ray_owed_ack(struct ray_owed *owed, struct ray_owed_cursor *cursor, uint64_t from,
                      uint64_t to, struct ray_unit **done)
{
    uint64_t acked = 0;
    size_t i = ray_owed_at_or_after(owed, from);
    for (; i < owed->place_count && owed->places[i].first <= to; i++) {
        struct ray_unit *unit = owed->places[i].unit;
        struct ray_share *share = unit != NULL ? ray_unit_share(unit, cursor) : NULL;
        if (share == NULL || share->left == 0) {
            continue;
        }
        uint64_t marked = ray_share_mark(unit, share, from, to);
        marked = marked < share->left ? marked : share->left;
        share->left -= marked;
        acked += marked;
        if (share->left == 0 && ray_unit_close_share(unit, share)) {
            ray_owed_remove(owed, unit);
            unit->next_done = *done;
            *done = unit;
        }
    }
    cursor->backlog -= acked;
    ray_owed_raise_low(owed, cursor);
    return acked;
}

/* Adds [first, last] behind the others; neighbours become one. */
static size_t add_range(struct ray_done_range *out, size_t count, size_t max, uint64_t first,
                        uint64_t last)
{
    if (last < first) {
        return count;
    }
    if (count > 0 && out[count - 1].first + out[count - 1].count == first) {
        out[count - 1].count += last - first + 1;
        return count;
    }
    if (count < max) {
        out[count++] = (struct ray_done_range){first, last - first + 1};
    }
    return count;
}

/* The runs of ones of one share. */
static size_t add_runs(const struct ray_unit *unit, const struct ray_share *share,
                       struct ray_done_range *out, size_t count, size_t max)
{
    uint64_t documents = unit->last - unit->first + 1;
    for (uint64_t i = 0; i < documents && count < max;) {
        uint64_t word = share->bits[i / BITS] >> (i % BITS);
        uint64_t run = word == 0 ? BITS - i % BITS : (uint64_t)__builtin_ctzll(word);
        i += run; /* zeros */
        if (word == 0 || i >= documents) {
            continue;
        }
        uint64_t ones = ~(share->bits[i / BITS] >> (i % BITS));
        run = ones == 0 ? BITS - i % BITS : (uint64_t)__builtin_ctzll(ones);
        run = run < BITS - i % BITS ? run : BITS - i % BITS;
        run = run < documents - i ? run : documents - i;
        count = add_range(out, count, max, unit->first + i, unit->first + i + run - 1);
        i += run;
    }
    return count;
}

size_t ray_owed_done_ranges(const struct ray_owed *owed, const struct ray_owed_cursor *cursor,
                            struct ray_done_range *out, size_t max)
{
    size_t count = 0;
    size_t i = ray_owed_at_or_after(owed, cursor->low + 1);
    for (; i < owed->place_count && count < max; i++) {
        const struct ray_owed_place *place = &owed->places[i];
        const struct ray_share *share =
            place->unit != NULL ? ray_unit_share(place->unit, cursor) : NULL;
        if (share == NULL || share->left == 0) {
            count = add_range(out, count, max, place->first, place->last);
        } else {
            count = add_runs(place->unit, share, out, count, max);
        }
    }
    return count;
}
