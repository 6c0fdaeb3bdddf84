/*
 * queue: the face, and the queue in memory: a unit (owed.h) for each batch.
 *
 * With a log the same bookkeeping has a unit for each segment; durable.c has what is different.
 */
#include "queue/queue.h"

#include <assert.h>
#include <stdlib.h>

#include "queue/inside.h"
#include "queue/recover.h"

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

enum ray_status ray_queue_start(struct ray_queue *queue, char error[256])
{
    return queue->options.log != NULL ? ray_durable_start(queue, error) : RAY_OK;
}

bool ray_queue_is_durable(const struct ray_queue *queue)
{
    return queue->options.log != NULL;
}

void ray_queue_forget_absent(struct ray_queue *queue)
{
    if (queue->durable != NULL) {
        ray_durable_forget_absent(queue);
    }
}

void ray_queue_free(struct ray_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    assert(queue->cursors == NULL); /* and without a cursor memory holds no batch */
    if (queue->durable != NULL) {
        ray_durable_stop(queue);
    }
    ray_owed_clear(&queue->owed);
    pthread_cond_destroy(&queue->wake_over);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

/* ---- shared with durable.c ------------------------------------------------------------------- */

size_t ray_queue_held_bytes(const struct ray_queue *queue)
{
    return queue->owed.bytes + queue->reserved_bytes;
}

void ray_queue_owe_all(struct ray_queue *queue, struct ray_unit *unit,
                       const struct ray_batch *batch, uint64_t first)
{
    uint32_t documents = ray_batch_documents(batch);
    queue->pushed_batches++;
    queue->pushed_documents += documents;
    for (struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        struct ray_share *share = ray_unit_share(unit, &c->owed);
        if (share == NULL) {
            continue; /* it came after the segment began, and sees the next one */
        }
        uint32_t owed = ray_batch_documents_of(batch, c->options.profile);
        ray_unit_owe(unit, share, first, documents, owed);
        c->owed.backlog += owed;
        if (c->options.ledger != NULL) {
            ray_ledger_exporter_took(c->options.ledger, owed);
        }
    }
}

void ray_cursor_shrink(struct ray_cursor *cursor, uint64_t documents)
{
    if (cursor->options.ledger != NULL && documents > 0) {
        ray_ledger_left_queue(cursor->options.ledger, documents);
    }
}

static bool has_next(struct ray_queue *queue, struct ray_cursor *cursor)
{
    struct ray_owed_cursor *owed = &cursor->owed;
    return ray_owed_next(&queue->owed, owed, &owed->fresh) != NULL ||
           ray_owed_next(&queue->owed, owed, &owed->old) != NULL;
}

/* A cursor with a wake running stays on the list (ray_cursor_close). */
void ray_queue_wake_idle(struct ray_queue *queue)
{
    for (struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        if (!c->idle || (!queue->closed && !has_next(queue, c))) {
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

/* ---- in memory ------------------------------------------------------------------------------- */

/* Without the lock. */
static void free_batches(struct ray_unit *done)
{
    while (done != NULL) {
        struct ray_unit *next = done->next_done;
        ray_batch_unref(done->holder);
        ray_unit_free(done);
        done = next;
    }
}

/* Without the lock held by us afterwards: units go where their memory, or file, is given back. */
static void unlock_and_release(struct ray_queue *queue, struct ray_unit *done)
{
    if (queue->durable != NULL) {
        ray_durable_release(queue, done);
        done = NULL;
    }
    pthread_mutex_unlock(&queue->lock);
    free_batches(done);
}

/* An entry that nobody has to read comes back in *done. */
static enum ray_status append(struct ray_queue *queue, struct ray_batch *batch,
                              struct ray_unit **done)
{
    uint32_t documents = ray_batch_documents(batch);
    uint64_t first = queue->owed.end + 1;
    struct ray_unit *unit = ray_unit_new(first, documents, queue->cursor_count);
    if (unit == NULL) {
        return RAY_NOMEM;
    }
    unit->bytes = ray_batch_bytes(batch);
    uint32_t i = 0;
    for (const struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        unit->shares[i++].cursor = &c->owed;
    }
    if (documents > 0 && ray_owed_append(&queue->owed, unit) != RAY_OK) {
        ray_unit_free(unit);
        return RAY_NOMEM;
    }
    unit->holder = batch;
    ray_queue_owe_all(queue, unit, batch, first);
    if (unit->shares_open == 0) {
        if (documents > 0) {
            ray_owed_remove(&queue->owed, unit);
        }
        unit->next_done = *done;
        *done = unit;
    }
    return RAY_OK;
}

/* ---- room ------------------------------------------------------------------------------------ */

/* The oldest unit that the cursor was given nothing of, given up for it. False: there is none. */
static bool drop_oldest_of(struct ray_cursor *cursor, struct ray_unit **done)
{
    struct ray_owed *owed = &cursor->queue->owed;
    size_t i = ray_owed_at_or_after(owed, cursor->owed.low + 1);
    for (; i < owed->place_count; i++) {
        struct ray_unit *unit = owed->places[i].unit;
        const struct ray_share *share = unit != NULL ? ray_unit_share(unit, &cursor->owed) : NULL;
        if (share == NULL || share->left == 0 || unit->growing ||
            ray_owed_was_given(&cursor->owed, unit->first)) {
            continue;
        }
        uint64_t dropped = ray_owed_ack(owed, &cursor->owed, unit->first, unit->last, done);
        ray_cursor_shrink(cursor, dropped);
        if (cursor->options.ledger != NULL) {
            ray_ledger_dropped(cursor->options.ledger, RAY_STR("queue_full"), dropped);
        }
        return true;
    }
    return false;
}

/* A batch for each unit in memory; in a log as many as the documents that are left make on average.
 */
static uint64_t count_requests(const struct ray_queue *queue, uint64_t documents)
{
    if (queue->durable == NULL) {
        return queue->owed.place_count - queue->owed.places_empty;
    }
    double mean = queue->pushed_batches > 0
                      ? (double)queue->pushed_documents / (double)queue->pushed_batches
                      : 1;
    return (uint64_t)((double)documents / mean);
}

static bool counts_have_room(const struct ray_queue *queue)
{
    const struct ray_queue_options *options = &queue->options;
    if (options->max_documents == 0 && options->max_requests == 0) {
        return true;
    }
    uint64_t documents = 0;
    for (const struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        documents = c->owed.backlog > documents ? c->owed.backlog : documents;
    }
    return (options->max_documents == 0 || documents < options->max_documents) &&
           (options->max_requests == 0 || count_requests(queue, documents) < options->max_requests);
}

static bool has_room(const struct ray_queue *queue, size_t bytes)
{
    if (!counts_have_room(queue)) {
        return false;
    }
    size_t held = ray_queue_held_bytes(queue);
    return held <= queue->options.max_bytes && bytes <= queue->options.max_bytes - held;
}

/* Gives up what may be given up until there is room. */
static void make_room(struct ray_queue *queue, size_t bytes, struct ray_unit **done)
{
    bool dropped = true;
    while (dropped && !has_room(queue, bytes)) {
        dropped = false;
        for (struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
            dropped = (c->options.drop_oldest && drop_oldest_of(c, done)) || dropped;
        }
    }
}

/* Takes `bytes` of room. */
static enum ray_status take_room(struct ray_queue *queue, size_t bytes, struct ray_unit **done)
{
    if (queue->closed || queue->cursors == NULL) {
        return RAY_CLOSED;
    }
    if (bytes > queue->options.max_bytes) {
        return RAY_TOO_BIG;
    }
    if (!has_room(queue, bytes)) {
        make_room(queue, bytes, done);
    }
    if (!has_room(queue, bytes)) {
        return RAY_AGAIN;
    }
    queue->reserved_bytes += bytes;
    return RAY_OK;
}

enum ray_status ray_queue_reserve(struct ray_queue *queue, size_t bytes)
{
    struct ray_unit *done = NULL;
    pthread_mutex_lock(&queue->lock);
    enum ray_status status = take_room(queue, bytes, &done);
    unlock_and_release(queue, done);
    return status;
}

void ray_queue_cancel(struct ray_queue *queue, size_t reserved_bytes)
{
    pthread_mutex_lock(&queue->lock);
    assert(reserved_bytes <= queue->reserved_bytes);
    queue->reserved_bytes -= reserved_bytes;
    pthread_mutex_unlock(&queue->lock);
}

/* ---- push ------------------------------------------------------------------------------------ */

/* A push has a reservation, or takes one now. */
static enum ray_status claim_room(struct ray_queue *queue, size_t bytes, size_t reserved_bytes,
                                  struct ray_unit **done)
{
    assert(reserved_bytes <= queue->reserved_bytes);
    queue->reserved_bytes -= reserved_bytes;
    return take_room(queue, bytes, done);
}

enum ray_status ray_queue_push(struct ray_queue *queue, struct ray_batch *batch,
                               size_t reserved_bytes, struct ray_ticket *ticket)
{
    size_t bytes = ray_batch_bytes(batch);
    struct ray_unit *done = NULL;
    if (queue->durable != NULL) {
        return ray_durable_push(queue, batch, reserved_bytes, ticket);
    }
    pthread_mutex_lock(&queue->lock);
    enum ray_status status = claim_room(queue, bytes, reserved_bytes, &done);
    if (status == RAY_OK) {
        queue->reserved_bytes -= bytes; /* it is the unit's, from here on */
        status = append(queue, batch, &done);
        if (status == RAY_OK) {
            ray_queue_wake_idle(queue);
        }
    }
    pthread_mutex_unlock(&queue->lock);

    free_batches(done);
    if (status == RAY_OK) {
        ticket->done(ticket, RAY_OK); /* last: the queue may be closed and freed from now on */
    }
    return status;
}

enum ray_status ray_queue_claim(struct ray_queue *queue, size_t bytes, size_t reserved_bytes)
{
    struct ray_unit *done = NULL;
    enum ray_status status = claim_room(queue, bytes, reserved_bytes, &done);
    ray_durable_release(queue, done);
    return status;
}

void ray_queue_close(struct ray_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    ray_queue_wake_idle(queue);
    pthread_mutex_unlock(&queue->lock);
}

size_t ray_queue_used_bytes(struct ray_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t bytes = ray_queue_held_bytes(queue);
    pthread_mutex_unlock(&queue->lock);
    return bytes;
}

uint64_t ray_queue_end(struct ray_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    uint64_t end = queue->owed.end;
    pthread_mutex_unlock(&queue->lock);
    return end;
}

uint32_t ray_queue_linger_ms(const struct ray_queue *queue)
{
    return queue->options.max_linger_ms;
}

/* ---- cursors --------------------------------------------------------------------------------- */

struct ray_cursor *ray_cursor_open(struct ray_queue *queue,
                                   const struct ray_cursor_options *options)
{
    struct ray_cursor *cursor = calloc(1, sizeof(*cursor));
    if (cursor == NULL) {
        return NULL;
    }
    cursor->queue = queue;
    cursor->options = *options;
    cursor->owed.fresh.end = UINT64_MAX;
    if (queue->durable != NULL && ray_durable_open_cursor(cursor) != RAY_OK) {
        free(cursor);
        return NULL;
    }
    pthread_mutex_lock(&queue->lock);
    if (queue->durable == NULL) {
        cursor->owed.low = cursor->owed.fresh.given_to = queue->owed.end;
    }
    cursor->next = queue->cursors;
    queue->cursors = cursor;
    queue->cursor_count++;
    if (queue->durable != NULL) {
        ray_durable_owe_changed(queue);
    }
    pthread_mutex_unlock(&queue->lock);
    return cursor;
}

/* Takes the cursor off the list. */
static void unlink_cursor(struct ray_cursor *cursor)
{
    struct ray_cursor **link = &cursor->queue->cursors;
    while (*link != cursor) {
        link = &(*link)->next;
    }
    *link = cursor->next;
    cursor->queue->cursor_count--;
}

/* Nothing is owed to it any more. Units that this finished go onto *done. */
static void give_up_shares(struct ray_cursor *cursor, struct ray_unit **done)
{
    struct ray_owed *owed = &cursor->queue->owed;
    ray_cursor_shrink(cursor, cursor->owed.backlog);
    for (size_t i = ray_owed_at_or_after(owed, cursor->owed.low + 1); i < owed->place_count; i++) {
        struct ray_unit *unit = owed->places[i].unit;
        struct ray_share *share = unit != NULL ? ray_unit_share(unit, &cursor->owed) : NULL;
        if (share == NULL) {
            continue;
        }
        share->cursor = NULL; /* a later cursor may get the same address */
        if (ray_unit_close_share(unit, share)) {
            ray_owed_remove(owed, unit);
            unit->next_done = *done;
            *done = unit;
        }
    }
}

void ray_cursor_close(struct ray_cursor *cursor)
{
    struct ray_queue *queue = cursor->queue;
    struct ray_unit *done = NULL;

    pthread_mutex_lock(&queue->lock);
    cursor->idle = false;
    while (cursor->waking > 0) {
        pthread_cond_wait(&queue->wake_over, &queue->lock);
    }
    unlink_cursor(cursor);
    if (queue->durable == NULL) {
        give_up_shares(cursor, &done);
    }
    pthread_mutex_unlock(&queue->lock);

    free_batches(done);
    if (queue->durable != NULL) {
        ray_durable_close_cursor(cursor);
    }
    free(cursor);
}

enum ray_status ray_cursor_next(struct ray_cursor *cursor, struct ray_batch **batch,
                                uint64_t *first_document)
{
    struct ray_queue *queue = cursor->queue;
    enum ray_status status = RAY_OK;
    if (queue->durable != NULL) {
        return ray_durable_next(cursor, batch, first_document);
    }
    pthread_mutex_lock(&queue->lock);
    const struct ray_unit *unit = ray_owed_next(&queue->owed, &cursor->owed, &cursor->owed.fresh);
    if (unit != NULL) {
        cursor->owed.fresh.given_to = unit->last;
        *batch = ray_batch_ref(unit->holder);
        *first_document = unit->first;
    } else {
        status = queue->closed ? RAY_CLOSED : RAY_AGAIN;
        cursor->idle = !queue->closed;
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

void ray_cursor_ack(struct ray_cursor *cursor, uint64_t first, uint32_t count)
{
    struct ray_queue *queue = cursor->queue;
    struct ray_unit *done = NULL;

    pthread_mutex_lock(&queue->lock);
    uint64_t end = queue->owed.end;
    bool known = count > 0 && first <= end;
    if (known) { /* what was not pushed yet is not done, in the journal either */
        count = count - 1 < end - first ? count : (uint32_t)(end - first) + 1;
        uint64_t last = first + (count - 1);
        ray_cursor_shrink(cursor, ray_owed_ack(&queue->owed, &cursor->owed, first, last, &done));
    }
    unlock_and_release(queue, done);
    if (known && queue->durable != NULL) {
        ray_durable_note_ack(cursor, first, count);
    }
}

bool ray_cursor_may_be_done(struct ray_cursor *cursor, uint64_t first, uint32_t count)
{
    struct ray_queue *queue = cursor->queue;
    if (queue->durable == NULL || count == 0) {
        return false; /* what is read for the first time was never acknowledged */
    }
    pthread_mutex_lock(&queue->lock);
    size_t i = ray_owed_at_or_after(&queue->owed, first);
    struct ray_unit *unit = i < queue->owed.place_count ? queue->owed.places[i].unit : NULL;
    const struct ray_share *share = unit != NULL ? ray_unit_share(unit, &cursor->owed) : NULL;
    bool may = share == NULL || ray_share_has_done(unit, share, first, first + count - 1);
    pthread_mutex_unlock(&queue->lock);
    return may;
}

bool ray_cursor_is_done(struct ray_cursor *cursor, uint64_t number)
{
    struct ray_queue *queue = cursor->queue;
    pthread_mutex_lock(&queue->lock);
    size_t i = ray_owed_at_or_after(&queue->owed, number);
    struct ray_unit *unit = i < queue->owed.place_count ? queue->owed.places[i].unit : NULL;
    const struct ray_share *share = unit != NULL ? ray_unit_share(unit, &cursor->owed) : NULL;
    bool done = share == NULL || ray_share_is_done(unit, share, number, number);
    pthread_mutex_unlock(&queue->lock);
    return done;
}

bool ray_cursor_passed(struct ray_cursor *cursor, uint64_t number)
{
    pthread_mutex_lock(&cursor->queue->lock);
    ray_owed_raise_low(&cursor->queue->owed, &cursor->owed);
    bool passed = cursor->owed.low >= number;
    pthread_mutex_unlock(&cursor->queue->lock);
    return passed;
}

uint64_t ray_cursor_backlog(struct ray_cursor *cursor)
{
    pthread_mutex_lock(&cursor->queue->lock);
    uint64_t backlog = cursor->owed.backlog;
    pthread_mutex_unlock(&cursor->queue->lock);
    return backlog;
}
