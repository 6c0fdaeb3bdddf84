/*
 * queue: the list of batches in memory, and what each cursor has not yet acknowledged of them.
 *
 * Entries stand in an array in the order of their numbers. One whose cursors are all done is
 * emptied on the spot, whatever stands before it, and its place is squeezed out later, so that a
 * document that is stuck holds its own batch and nothing else.
 *
 * An entry has one share per cursor that was open at its push: a bit per document, 1 = done. The
 * cursor's low-water mark is a number in front of which everything is done; it only rises.
 */
#include "queue/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#define BITS_PER_WORD 64u

struct share {
    const struct ray_cursor *cursor;
    uint32_t left;  /* documents not yet done */
    uint64_t *bits; /* of the entry's block */
};

struct entry {
    struct ray_batch *batch; /* one reference */
    struct entry *next_done; /* while on its way out */
    size_t bytes;
    uint32_t shares_open;
    uint32_t share_count;
    struct share shares[]; /* their bits stand behind them */
};

/* A place in the array: knows its numbers even when its entry is gone. */
struct place {
    uint64_t first;
    uint64_t last;
    struct entry *entry; /* NULL: every cursor is done with it */
};

struct ray_cursor {
    struct ray_queue *queue;
    struct ray_cursor *next;
    struct ray_cursor_options options;
    uint64_t low;      /* every document up to this one is done */
    uint64_t given_to; /* last number that was handed out or passed over */
    uint64_t backlog;
    uint32_t waking; /* wakes running now */
    bool idle;       /* the last look found nothing and no wake went out since */
};

struct ray_queue {
    struct ray_queue_options options;
    /* Guards everything below and the cursors. No other lock, I/O or callback under it. */
    pthread_mutex_t lock;
    pthread_cond_t wake_over;
    struct ray_cursor *cursors;
    uint32_t cursor_count;
    struct place *places;
    size_t place_count;
    size_t place_capacity;
    size_t places_empty;
    size_t used_bytes; /* held and reserved */
    uint64_t end;
    bool closed;
};

struct ray_queue *ray_queue_new(const struct ray_queue_options *options)
{
    assert(options->max_bytes > 0);
    struct ray_queue *queue = calloc(1, sizeof(*queue));
    if (queue == NULL) {
        return NULL;
    }
    queue->options = *options;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->wake_over, NULL);
    return queue;
}

void ray_queue_free(struct ray_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    assert(queue->cursors == NULL); /* and without a cursor no batch is held */
    pthread_cond_destroy(&queue->wake_over);
    pthread_mutex_destroy(&queue->lock);
    free(queue->places);
    free(queue);
}

/* Index of the first place whose last number is at least `number`; place_count when none. */
static size_t place_at_or_after(const struct ray_queue *queue, uint64_t number)
{
    size_t low = 0;
    size_t high = queue->place_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (queue->places[middle].last < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Makes room for one more place: squeezes empty ones out when they are half of all, else grows. */
static bool places_make_room(struct ray_queue *queue)
{
    if (queue->place_count < queue->place_capacity) {
        return true;
    }
    if (queue->place_count > 0 && queue->places_empty >= queue->place_count / 2) {
        size_t kept = 0;
        for (size_t i = 0; i < queue->place_count; i++) {
            if (queue->places[i].entry != NULL) {
                queue->places[kept++] = queue->places[i];
            }
        }
        queue->place_count = kept;
        queue->places_empty = 0;
        return true;
    }
    size_t capacity = queue->place_capacity ? queue->place_capacity * 2 : 64;
    struct place *grown = realloc(queue->places, capacity * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    queue->places = grown;
    queue->place_capacity = capacity;
    return true;
}

static struct share *share_of(struct entry *entry, const struct ray_cursor *cursor)
{
    for (uint32_t i = 0; i < entry->share_count; i++) {
        if (entry->shares[i].cursor == cursor) {
            return &entry->shares[i];
        }
    }
    return NULL;
}

static bool share_bit(const struct share *share, uint64_t index)
{
    return (share->bits[index / BITS_PER_WORD] >> (index % BITS_PER_WORD) & 1) != 0;
}

/* Empties a place whose shares are all closed; its entry goes onto *done, freed without the lock.
 */
static void place_close_share(struct ray_queue *queue, struct place *place, struct entry **done)
{
    struct entry *entry = place->entry;
    if (--entry->shares_open > 0) {
        return;
    }
    queue->used_bytes -= entry->bytes;
    place->entry = NULL;
    queue->places_empty++;
    entry->next_done = *done;
    *done = entry;
}

static void entries_free(struct entry *done)
{
    while (done != NULL) {
        struct entry *next = done->next_done;
        ray_batch_unref(done->batch);
        free(done);
        done = next;
    }
}

static uint32_t documents_for(const struct ray_batch *batch, uint64_t profile)
{
    struct ray_batch_reader reader;
    return ray_batch_read_section(batch, profile, &reader) ? reader.left : 0;
}

/* One block for the entry, its shares and their bits. */
static struct entry *entry_new(const struct ray_queue *queue, struct ray_batch *batch)
{
    uint32_t documents = ray_batch_documents(batch);
    size_t words = (documents + BITS_PER_WORD - 1) / BITS_PER_WORD;
    size_t shares_bytes = queue->cursor_count * sizeof(struct share);
    size_t bits_bytes = queue->cursor_count * words * sizeof(uint64_t);
    struct entry *entry = calloc(1, sizeof(*entry) + shares_bytes + bits_bytes);
    if (entry == NULL) {
        return NULL;
    }
    entry->batch = batch;
    entry->bytes = ray_batch_bytes(batch);
    uint64_t *bits = (uint64_t *)(void *)((char *)entry->shares + shares_bytes);
    for (const struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        struct share *share = &entry->shares[entry->share_count++];
        *share = (struct share){c, documents_for(batch, c->options.profile), bits};
        bits += words;
        entry->shares_open += share->left > 0;
    }
    return entry;
}

/* Each cursor owes what its own section holds; what that lacks is done before it starts. */
static void entry_add_backlogs(struct ray_queue *queue, const struct entry *entry)
{
    uint32_t i = 0;
    for (struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        uint32_t documents = entry->shares[i++].left;
        c->backlog += documents;
        if (c->options.ledger != NULL) {
            ray_ledger_exporter_took(c->options.ledger, documents);
        }
    }
}

/* Number of the first document in `place` that `cursor` is not done with; 0 when none. A section's
 * documents are the first of the entry's numbers, so those that it lacks are never looked at. */
static uint64_t first_undone(const struct place *place, const struct ray_cursor *cursor)
{
    const struct share *share = place->entry != NULL ? share_of(place->entry, cursor) : NULL;
    if (share == NULL || share->left == 0) {
        return 0;
    }
    uint64_t word = 0;
    while (share->bits[word] == UINT64_MAX) {
        word++;
    }
    return place->first + word * BITS_PER_WORD + (uint64_t)__builtin_ctzll(~share->bits[word]);
}

static void cursor_raise_low(struct ray_cursor *cursor)
{
    const struct ray_queue *queue = cursor->queue;
    size_t i = place_at_or_after(queue, cursor->low + 1);
    for (; i < queue->place_count; i++) {
        uint64_t undone = first_undone(&queue->places[i], cursor);
        if (undone != 0) {
            cursor->low = undone - 1;
            return;
        }
        cursor->low = queue->places[i].last;
    }
    cursor->low = queue->end;
}

/* The next place with something for `cursor` behind what it was given, or NULL. */
static struct place *cursor_find_next(struct ray_cursor *cursor)
{
    struct ray_queue *queue = cursor->queue;
    size_t i = place_at_or_after(queue, cursor->given_to + 1);
    for (; i < queue->place_count; i++) {
        if (first_undone(&queue->places[i], cursor) != 0) {
            return &queue->places[i];
        }
        cursor->given_to = queue->places[i].last; /* so that it is passed over once */
    }
    return NULL;
}

/*
 * Wakes the cursors that found nothing and now have something. Called and left with the lock held,
 * lets it go around each wake; a cursor with a wake running stays on the list (ray_cursor_close).
 */
static void wake_idle(struct ray_queue *queue)
{
    for (struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        if (!c->idle || (!queue->closed && cursor_find_next(c) == NULL)) {
            continue;
        }
        c->idle = false;
        c->waking++;
        pthread_mutex_unlock(&queue->lock);
        c->options.wake(c->options.context);
        pthread_mutex_lock(&queue->lock);
        if (--c->waking == 0) {
            pthread_cond_broadcast(&queue->wake_over);
        }
    }
}

/* Takes `bytes` of room. The lock is held. */
static enum ray_status take_room(struct ray_queue *queue, size_t bytes)
{
    if (queue->closed || queue->cursors == NULL) {
        return RAY_CLOSED;
    }
    if (bytes > queue->options.max_bytes) {
        return RAY_TOO_BIG;
    }
    if (bytes > queue->options.max_bytes - queue->used_bytes) {
        return RAY_AGAIN;
    }
    queue->used_bytes += bytes;
    return RAY_OK;
}

enum ray_status ray_queue_reserve(struct ray_queue *queue, size_t bytes)
{
    pthread_mutex_lock(&queue->lock);
    enum ray_status status = take_room(queue, bytes);
    pthread_mutex_unlock(&queue->lock);
    return status;
}

void ray_queue_cancel(struct ray_queue *queue, size_t reserved_bytes)
{
    pthread_mutex_lock(&queue->lock);
    assert(reserved_bytes <= queue->used_bytes);
    queue->used_bytes -= reserved_bytes;
    pthread_mutex_unlock(&queue->lock);
}

/* Room was taken. The lock is held; an entry that nobody has to read comes back in *done. */
static enum ray_status append(struct ray_queue *queue, struct ray_batch *batch, struct entry **done)
{
    struct entry *entry = entry_new(queue, batch);
    if (entry == NULL || !places_make_room(queue)) {
        free(entry);
        return RAY_NOMEM;
    }
    uint32_t documents = ray_batch_documents(batch);
    if (entry->shares_open == 0) {
        queue->used_bytes -= entry->bytes;
        *done = entry;
    } else {
        entry_add_backlogs(queue, entry);
        queue->places[queue->place_count++] =
            (struct place){queue->end + 1, queue->end + documents, entry};
    }
    queue->end += documents;
    return RAY_OK;
}

enum ray_status ray_queue_push(struct ray_queue *queue, struct ray_batch *batch,
                               size_t reserved_bytes, struct ray_ticket *ticket)
{
    size_t bytes = ray_batch_bytes(batch);
    struct entry *done = NULL;

    pthread_mutex_lock(&queue->lock);
    assert(reserved_bytes <= queue->used_bytes);
    queue->used_bytes -= reserved_bytes;
    enum ray_status status = take_room(queue, bytes);
    if (status == RAY_OK) {
        status = append(queue, batch, &done);
        if (status == RAY_OK) {
            wake_idle(queue);
        } else {
            queue->used_bytes -= bytes;
        }
    }
    pthread_mutex_unlock(&queue->lock);

    entries_free(done);
    if (status == RAY_OK) {
        ticket->done(ticket, RAY_OK); /* last: the queue may be closed and freed from now on */
    }
    return status;
}

void ray_queue_close(struct ray_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    wake_idle(queue);
    pthread_mutex_unlock(&queue->lock);
}

size_t ray_queue_used_bytes(struct ray_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t bytes = queue->used_bytes;
    pthread_mutex_unlock(&queue->lock);
    return bytes;
}

uint64_t ray_queue_end(struct ray_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    uint64_t end = queue->end;
    pthread_mutex_unlock(&queue->lock);
    return end;
}

uint32_t ray_queue_linger_ms(const struct ray_queue *queue)
{
    return queue->options.max_linger_ms;
}

struct ray_cursor *ray_cursor_open(struct ray_queue *queue,
                                   const struct ray_cursor_options *options)
{
    struct ray_cursor *cursor = calloc(1, sizeof(*cursor));
    if (cursor == NULL) {
        return NULL;
    }
    cursor->queue = queue;
    cursor->options = *options;
    cursor->options.name = NULL; /* a queue in memory has no place to find again */

    pthread_mutex_lock(&queue->lock);
    cursor->low = cursor->given_to = queue->end;
    cursor->next = queue->cursors;
    queue->cursors = cursor;
    queue->cursor_count++;
    pthread_mutex_unlock(&queue->lock);
    return cursor;
}

static void cursor_shrink_backlog(struct ray_cursor *cursor, uint64_t documents)
{
    cursor->backlog -= documents;
    if (cursor->options.ledger != NULL) {
        ray_ledger_left_queue(cursor->options.ledger, documents);
    }
}

/* Takes the cursor off the list. The lock is held. */
static void cursor_unlink(struct ray_cursor *cursor)
{
    struct ray_cursor **link = &cursor->queue->cursors;
    while (*link != cursor) {
        link = &(*link)->next;
    }
    *link = cursor->next;
    cursor->queue->cursor_count--;
}

void ray_cursor_close(struct ray_cursor *cursor)
{
    struct ray_queue *queue = cursor->queue;
    struct entry *done = NULL;

    pthread_mutex_lock(&queue->lock);
    cursor->idle = false;
    while (cursor->waking > 0) {
        pthread_cond_wait(&queue->wake_over, &queue->lock);
    }
    cursor_unlink(cursor);
    cursor_shrink_backlog(cursor, cursor->backlog);
    for (size_t i = place_at_or_after(queue, cursor->low + 1); i < queue->place_count; i++) {
        struct place *place = &queue->places[i];
        if (first_undone(place, cursor) != 0) {
            struct share *share = share_of(place->entry, cursor);
            share->left = 0;
            share->cursor = NULL; /* a later cursor may get the same address */
            place_close_share(queue, place, &done);
        }
    }
    pthread_mutex_unlock(&queue->lock);

    entries_free(done);
    free(cursor);
}

enum ray_status ray_cursor_next(struct ray_cursor *cursor, struct ray_batch **batch,
                                uint64_t *first_document)
{
    struct ray_queue *queue = cursor->queue;
    enum ray_status status = RAY_OK;

    pthread_mutex_lock(&queue->lock);
    const struct place *place = cursor_find_next(cursor);
    if (place != NULL) {
        cursor->given_to = place->last;
        *batch = ray_batch_ref(place->entry->batch);
        *first_document = place->first;
    } else {
        status = queue->closed ? RAY_CLOSED : RAY_AGAIN;
        cursor->idle = !queue->closed;
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

/* Sets the bits of numbers [from, to] as far as they lie in `place`. */
static void share_ack(struct ray_cursor *cursor, const struct place *place, uint64_t from,
                      uint64_t to)
{
    struct share *share = share_of(place->entry, cursor);
    uint64_t index = from > place->first ? from - place->first : 0;
    uint64_t end = (to < place->last ? to : place->last) - place->first + 1;
    uint64_t documents = documents_for(place->entry->batch, cursor->options.profile);
    uint32_t left_before = share->left;
    for (; index < end && index < documents; index++) {
        if (!share_bit(share, index)) {
            share->bits[index / BITS_PER_WORD] |= UINT64_C(1) << (index % BITS_PER_WORD);
            share->left--;
        }
    }
    cursor_shrink_backlog(cursor, left_before - share->left);
}

void ray_cursor_ack(struct ray_cursor *cursor, uint64_t first, uint32_t count)
{
    struct ray_queue *queue = cursor->queue;
    struct entry *done = NULL;

    pthread_mutex_lock(&queue->lock);
    if (count > 0 && first <= queue->end) {
        uint64_t last = count - 1 < queue->end - first ? first + (count - 1) : queue->end;
        for (size_t i = place_at_or_after(queue, first);
             i < queue->place_count && queue->places[i].first <= last; i++) {
            struct place *place = &queue->places[i];
            if (first_undone(place, cursor) == 0) {
                continue;
            }
            share_ack(cursor, place, first, last);
            if (first_undone(place, cursor) == 0) {
                place_close_share(queue, place, &done);
            }
        }
        cursor_raise_low(cursor);
    }
    pthread_mutex_unlock(&queue->lock);
    entries_free(done);
}

bool ray_cursor_passed(struct ray_cursor *cursor, uint64_t number)
{
    pthread_mutex_lock(&cursor->queue->lock);
    cursor_raise_low(cursor);
    bool passed = cursor->low >= number;
    pthread_mutex_unlock(&cursor->queue->lock);
    return passed;
}

uint64_t ray_cursor_backlog(struct ray_cursor *cursor)
{
    pthread_mutex_lock(&cursor->queue->lock);
    uint64_t backlog = cursor->backlog;
    pthread_mutex_unlock(&cursor->queue->lock);
    return backlog;
}
