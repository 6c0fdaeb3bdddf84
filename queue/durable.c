/*
 * durable: the queue with a log. One thread, "wal", writes what was pushed, syncs, deletes what
 * everybody is done with; exporters read from the ring of recent batches, else from the file.
 *
 * A push puts its batch on a list and returns. The thread takes the list as a whole, so that one
 * write and one sync serve all that wait; for little it lingers first, because waking threads costs
 * more than the bytes (300 us: a fifth less CPU at one document per request). What is in the file
 * is committed under the queue's lock: only then cursors see it, and its ticket says RAY_OK.
 */
#include "queue/durable_inside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "queue/recover.h"

/* What waits for the disk; past it clients are told to retry, because memory is no queue. */
#define PENDING_BYTES_MAX ((size_t)8 << 20)
#define LINGER_BELOW      ((size_t)256 << 10)
#define LINGER_NS         300000
#define RING_BYTES        ((size_t)2 << 20)
#define NUDGE_MS          1000u

struct pending {
    struct pending *next;
    struct ray_batch *batch; /* one reference */
    struct ray_ticket *ticket;
    size_t bytes;
    uint32_t crc;
    enum ray_status status;
};

/* ---- units and segments ---------------------------------------------------------------------- */

void ray_durable_release(struct ray_queue *queue, struct ray_unit *done)
{
    struct ray_durable *durable = queue->durable;
    if (done == NULL) {
        return;
    }
    struct ray_unit **tail = &done->next_done;
    while (*tail != NULL) {
        tail = &(*tail)->next_done;
    }
    *tail = durable->release;
    durable->release = done;
    pthread_cond_signal(&durable->work);
}

/* No record comes to the growing unit any more. */
static void end_growing(struct ray_queue *queue)
{
    struct ray_unit *unit = queue->durable->growing;
    if (unit == NULL) {
        return;
    }
    queue->durable->growing = NULL;
    unit->growing = false;
    if (unit->shares_open == 0) {
        ray_owed_remove(&queue->owed, unit);
        unit->next_done = NULL;
        ray_durable_release(queue, unit);
    }
}

/* NULL when out of memory. */
static struct ray_unit *begin_growing(struct ray_queue *queue, const struct ray_wal_record *record)
{
    struct ray_unit *unit = ray_unit_new(record->first, 0, queue->cursor_count);
    if (unit == NULL) {
        return NULL;
    }
    uint32_t i = 0;
    for (const struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        unit->shares[i++].cursor = &c->owed;
    }
    unit->growing = true;
    unit->bytes = record->segment->records_at; /* its head takes room, too */
    if (ray_owed_append(&queue->owed, unit) != RAY_OK) {
        ray_unit_free(unit);
        return NULL;
    }
    atomic_fetch_add(&record->segment->refs, 1);
    unit->holder = record->segment;
    queue->durable->growing = unit;
    return unit;
}

/* Numbers between the unit's last one and `first` are in the file, but their ticket said no: should
 * a reader meet them, they count as done. */
static void pass_over(struct ray_queue *queue, struct ray_unit *unit, uint64_t first)
{
    uint64_t from = unit->last + 1;
    ray_owed_grew(&queue->owed, unit, first - 1, 0);
    for (uint32_t i = 0; i < unit->share_count; i++) {
        (void)ray_share_mark(unit, &unit->shares[i], from, first - 1);
    }
}

/* The record is in the file: cursors may see it. */
static enum ray_status commit(struct ray_queue *queue, const struct ray_wal_record *record,
                              struct ray_ring_out *out)
{
    struct ray_durable *durable = queue->durable;
    uint64_t last = record->first + ray_batch_documents(record->batch) - 1;
    if (durable->growing != NULL && durable->growing->holder != record->segment) {
        end_growing(queue);
    }
    struct ray_unit *unit =
        durable->growing != NULL ? durable->growing : begin_growing(queue, record);
    if (unit == NULL || ray_unit_reserve(unit, last) != RAY_OK) {
        return RAY_NOMEM;
    }
    if (record->first > unit->last + 1) { /* records that could not be committed: nobody's */
        pass_over(queue, unit, record->first);
    }
    size_t bytes = RAY_RECORD_HEAD_BYTES + ray_batch_bytes(record->batch);
    ray_owed_grew(&queue->owed, unit, last, bytes);
    record->segment->end = last + 1;
    record->segment->bytes = record->end_offset;
    ray_queue_owe_all(queue, unit, record->batch, record->first);
    ray_ring_push(&durable->ring, ray_batch_ref(record->batch), record->first, last, out);
    return RAY_OK;
}

/* ---- the log's thread ------------------------------------------------------------------------ */

static void wait_for_work(struct ray_queue *queue, uint32_t timeout_ms)
{
    struct ray_durable *durable = queue->durable;
    if (timeout_ms == UINT32_MAX) {
        pthread_cond_wait(&durable->work, &queue->lock);
        return;
    }
    struct timespec until = ray_condition_deadline(timeout_ms);
    (void)ray_condition_wait_until(&durable->work, &queue->lock, &until);
}

static void linger(struct ray_queue *queue)
{
    if (queue->durable->pending_bytes < LINGER_BELOW && !queue->durable->stopping) {
        pthread_mutex_unlock(&queue->lock);
        nanosleep(&(struct timespec){.tv_nsec = LINGER_NS}, NULL);
        pthread_mutex_lock(&queue->lock);
    }
}

/* Everybody who has a cursor, for the heads of segments. */
static uint32_t list_owed(const struct ray_queue *queue,
                          struct ray_owed_name owed[RAY_SEGMENT_OWED_MAX])
{
    uint32_t count = 0;
    for (const struct ray_cursor *c = queue->cursors; c != NULL && count < RAY_SEGMENT_OWED_MAX;
         c = c->next) {
        snprintf(owed[count].name, sizeof(owed[count].name), "%s", c->options.name);
        owed[count].profile = c->options.profile;
        owed[count].documents = 0;
        count++;
    }
    return count;
}

/* False: no memory. Nothing may be written then, a restart would not know whose it is; the next
 * write tries again. */
static bool tell_whom_owed(struct ray_queue *queue, struct ray_owed_name *owed, uint32_t count)
{
    if (ray_wal_owe(queue->durable->wal, owed, count) == RAY_OK) {
        return true;
    }
    pthread_mutex_lock(&queue->lock);
    queue->durable->owe_changed = true;
    pthread_mutex_unlock(&queue->lock);
    return false;
}

/* Sets the status of each. Without the lock. */
static void write_all(struct ray_durable *durable, struct pending *list,
                      struct ray_wal_record *records, size_t count)
{
    enum ray_status why = RAY_OK;
    size_t i = 0;
    for (const struct pending *p = list; p != NULL; p = p->next) {
        records[i++] = (struct ray_wal_record){.batch = p->batch, .payload_crc = p->crc};
    }
    size_t written = ray_wal_write(durable->wal, records, count, &why);
    i = 0;
    for (struct pending *p = list; p != NULL; p = p->next) {
        p->status = i++ < written ? RAY_OK : why;
    }
}

/* A group that was large because the disk was slow must not fall out of the ring before anybody
 * could read it: that would cost reading it back from the file. */
static size_t ring_bytes_for(const struct pending *list)
{
    size_t bytes = 0;
    for (; list != NULL; list = list->next) {
        bytes += list->bytes;
    }
    return bytes > RING_BYTES ? bytes : RING_BYTES;
}

static void commit_all(struct ray_queue *queue, struct pending *list,
                       const struct ray_wal_record *records)
{
    struct ray_ring_out out = {.count = 0};
    pthread_mutex_lock(&queue->lock);
    queue->durable->ring.max_bytes = ring_bytes_for(list);
    for (struct pending *p = list; p != NULL; p = p->next) {
        queue->reserved_bytes -= p->bytes;
        if (p->status == RAY_OK) {
            p->status = commit(queue, records++, &out);
        }
    }
    queue->durable->writing = false;
    ray_queue_wake_idle(queue);
    pthread_mutex_unlock(&queue->lock);
    ray_ring_out_clear(&out);
}

static void complete_all(struct pending *list)
{
    while (list != NULL) {
        struct pending *next = list->next;
        ray_batch_unref(list->batch);
        list->ticket->done(list->ticket, list->status);
        free(list);
        list = next;
    }
}

static size_t count_pending(const struct pending *list)
{
    size_t count = 0;
    for (; list != NULL; list = list->next) {
        count++;
    }
    return count;
}

/* Called and left with the lock held. */
static void write_pending(struct ray_queue *queue)
{
    struct ray_durable *durable = queue->durable;
    struct ray_owed_name owed[RAY_SEGMENT_OWED_MAX];
    bool owe_changed = durable->owe_changed;
    uint32_t owed_count = owe_changed ? list_owed(queue, owed) : 0;
    struct pending *list = durable->first;
    assert(list != NULL);
    durable->first = NULL;
    durable->tail = &durable->first;
    durable->pending_bytes = 0;
    durable->writing = true;
    durable->owe_changed = false;
    pthread_mutex_unlock(&queue->lock);

    bool is_told = !owe_changed || tell_whom_owed(queue, owed, owed_count);
    size_t count = count_pending(list);
    struct ray_wal_record *records = calloc(count, sizeof(*records));
    if (records != NULL && is_told) {
        write_all(durable, list, records, count);
    } else {
        for (struct pending *p = list; p != NULL; p = p->next) {
            p->status = RAY_NOMEM;
        }
    }
    commit_all(queue, list, records);
    complete_all(list);
    for (size_t i = 0; records != NULL && i < count; i++) {
        ray_segment_unref(records[i].segment);
    }
    free(records);
    pthread_mutex_lock(&queue->lock);
}

/* The same. */
static void delete_released(struct ray_queue *queue)
{
    struct ray_unit *unit = queue->durable->release;
    queue->durable->release = NULL;
    pthread_mutex_unlock(&queue->lock);
    while (unit != NULL) {
        struct ray_unit *next = unit->next_done;
        ray_wal_release(queue->durable->wal, unit->holder);
        ray_unit_free(unit);
        unit = next;
    }
    pthread_mutex_lock(&queue->lock);
}

static void *run(void *argument)
{
    struct ray_queue *queue = argument;
    struct ray_durable *durable = queue->durable;
    pthread_mutex_lock(&queue->lock);
    while (!durable->stopping || durable->first != NULL || durable->release != NULL) {
        if (durable->release != NULL) {
            delete_released(queue);
            continue; /* first: it makes room */
        }
        if (durable->first != NULL) {
            linger(queue);
            write_pending(queue);
        }
        pthread_mutex_unlock(&queue->lock);
        uint32_t sync_ms = ray_wal_sync_when_due(durable->wal);
        pthread_mutex_lock(&queue->lock);
        if (durable->first != NULL || durable->release != NULL || durable->stopping) {
            continue;
        }
        bool nudge = durable->nudge;
        wait_for_work(queue, nudge && sync_ms > NUDGE_MS ? NUDGE_MS : sync_ms);
        if (nudge) {
            durable->nudge = false;
            ray_queue_wake_idle(queue);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

/* ---- push ------------------------------------------------------------------------------------ */

enum ray_status ray_durable_push(struct ray_queue *queue, struct ray_batch *batch,
                                 size_t reserved_bytes, struct ray_ticket *ticket)
{
    struct ray_durable *durable = queue->durable;
    bool empty = ray_batch_documents(batch) == 0;
    struct pending *pending = malloc(sizeof(*pending));
    if (pending != NULL) {
        *pending = (struct pending){.batch = batch,
                                    .ticket = ticket,
                                    .bytes = ray_batch_bytes(batch),
                                    .crc = ray_wal_crc(batch)};
    }
    pthread_mutex_lock(&queue->lock);
    enum ray_status status = ray_queue_claim(queue, ray_batch_bytes(batch), reserved_bytes);
    bool claimed = status == RAY_OK;
    if (claimed && pending == NULL) {
        status = RAY_NOMEM;
    } else if (claimed && durable->pending_bytes > 0 &&
               durable->pending_bytes + pending->bytes > PENDING_BYTES_MAX) {
        status = RAY_AGAIN;
    }
    if (claimed && (status != RAY_OK || empty)) {
        queue->reserved_bytes -= ray_batch_bytes(batch);
    }
    if (status == RAY_OK && !empty) {
        durable->pending_bytes += pending->bytes;
        *durable->tail = pending;
        durable->tail = &pending->next;
        if (durable->first == pending) {
            pthread_cond_signal(&durable->work);
        }
    }
    pthread_mutex_unlock(&queue->lock);

    if (status != RAY_OK || empty) {
        free(pending);
    }
    if (status == RAY_OK && empty) {
        ray_batch_unref(batch);
        ticket->done(ticket, RAY_OK);
    }
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The lowest number that some cursor was not given: what lies before need not be in memory. */
static uint64_t given_to_all(const struct ray_queue *queue)
{
    uint64_t lowest = UINT64_MAX;
    for (const struct ray_cursor *c = queue->cursors; c != NULL; c = c->next) {
        lowest = c->owed.fresh.given_to < lowest ? c->owed.fresh.given_to : lowest;
    }
    return lowest;
}

/* Numbers that stand for nothing are marked by now: what is left is what the bits say. The rest was
 * damaged and is lost. */
static void settle(struct ray_cursor *cursor, struct ray_unit *unit, struct ray_share *share)
{
    struct ray_queue *queue = cursor->queue;
    uint64_t left = ray_share_count_undone(unit, share);
    if (left < share->left) {
        uint64_t lost = share->left - left;
        share->left = left;
        cursor->owed.backlog -= lost;
        ray_cursor_shrink(cursor, lost);
        if (cursor->options.ledger != NULL) {
            ray_ledger_dropped(cursor->options.ledger, RAY_STR("damaged"), lost);
        }
    }
    if (share->left == 0 && ray_unit_close_share(unit, share)) {
        ray_owed_remove(&queue->owed, unit);
        unit->next_done = NULL;
        ray_durable_release(queue, unit);
    }
}

/* One look for the next record: where, and what was found. */
struct found {
    struct ray_position *position;
    struct ray_wal_reader *reader; /* of the file, for that position */
    enum ray_status status;
    struct ray_batch *batch;
    uint64_t first;
    uint64_t wanted; /* number that was asked for */
    uint64_t limit;  /* how far the file was read */
};

/* Takes the record into the books. False: it holds nothing for this cursor. */
static bool take_record(struct ray_cursor *cursor, struct ray_unit *unit, struct ray_share *share,
                        const struct found *found)
{
    struct ray_segment *segment = unit->holder;
    uint64_t last = found->first + ray_batch_documents(found->batch) - 1;
    uint64_t profile = ray_durable_written_profile(segment, cursor);
    uint32_t owed = ray_batch_documents_of(found->batch, profile);
    if (profile != cursor->options.profile &&
        ray_batch_documents_of(found->batch, cursor->options.profile) == 0) {
        ray_batch_relabel(found->batch, profile, cursor->options.profile);
    }
    if (found->first > found->wanted) {
        (void)ray_share_mark(unit, share, found->wanted, found->first - 1);
    }
    (void)ray_share_mark(unit, share, found->first + owed, last);
    found->position->given_to = last;
    bool any = !ray_share_is_done(unit, share, found->first, last);
    /* of a recovered one the count was an estimate where the disk did not give a record */
    if (segment->recovered ? last >= unit->last : atomic_load(&segment->damaged)) {
        settle(cursor, unit, share);
    }
    return any;
}

/* The file has no more of this unit, though it should. */
static void take_end(struct ray_cursor *cursor, struct ray_unit *unit, struct ray_share *share,
                     const struct found *found)
{
    const struct ray_segment *segment = unit->holder;
    if (segment->bytes > found->limit) {
        return; /* it has grown meanwhile */
    }
    if (found->reader->passed_over) { /* owed until the next start */
        found->position->given_to = unit->last;
        return;
    }
    (void)ray_share_mark(unit, share, found->wanted, unit->last);
    found->position->given_to = unit->last;
    settle(cursor, unit, share);
}

/* Reads one record of the unit's segment. Lets the lock go meanwhile; true when *batch was set. */
static bool read_file(struct ray_cursor *cursor, struct ray_unit *unit, struct found *found)
{
    struct ray_queue *queue = cursor->queue;
    struct ray_segment *segment = unit->holder;
    found->limit = segment->bytes;
    atomic_fetch_add(&segment->refs, 1);
    pthread_mutex_unlock(&queue->lock);
    found->status = ray_wal_read(queue->durable->wal, found->reader, segment, found->wanted,
                                 found->limit, &found->batch, &found->first);
    pthread_mutex_lock(&queue->lock);
    ray_segment_unref(segment);

    struct ray_unit *now = ray_owed_next(&queue->owed, &cursor->owed, found->position);
    bool still = now != NULL && now->holder == segment;
    struct ray_share *share = still ? ray_unit_share(now, &cursor->owed) : NULL;
    if (found->status == RAY_CLOSED && still) {
        take_end(cursor, now, share, found);
    }
    if (found->status != RAY_OK) {
        return false;
    }
    if (!still || !take_record(cursor, now, share, found)) {
        ray_batch_unref(found->batch); /* given up meanwhile, or all done before */
        return false;
    }
    return true;
}

/* The record at `wanted`, when it is in memory. */
static bool read_ring(struct ray_cursor *cursor, struct ray_unit *unit, struct found *found)
{
    const struct ray_ring_entry *entry =
        ray_ring_find(&cursor->queue->durable->ring, found->wanted);
    const struct ray_share *share = ray_unit_share(unit, &cursor->owed);
    if (entry == NULL) {
        return false;
    }
    found->position->given_to = entry->last;
    if (ray_share_is_done(unit, share, entry->first, entry->last)) {
        found->batch = NULL;
        return true;
    }
    found->batch = ray_batch_ref(entry->batch);
    found->first = entry->first;
    return true;
}

/* What an earlier process left and what is fresh take turns, so that neither waits for the other's
 * end. NULL: there is nothing of either. */
static struct ray_unit *choose(struct ray_cursor *cursor, struct found *found)
{
    struct ray_owed *owed = &cursor->queue->owed;
    struct ray_durable_cursor *durable = cursor->durable;
    struct ray_unit *old = ray_owed_next(owed, &cursor->owed, &cursor->owed.old);
    struct ray_unit *fresh = ray_owed_next(owed, &cursor->owed, &cursor->owed.fresh);
    bool take_old = old != NULL && (fresh == NULL || !durable->old_had_its_turn);
    struct ray_unit *unit = take_old ? old : fresh;
    durable->old_had_its_turn = take_old;
    *found = (struct found){
        .position = take_old ? &cursor->owed.old : &cursor->owed.fresh,
        .reader = take_old ? &durable->old_reader : &durable->fresh_reader,
    };
    found->wanted = found->position->given_to + 1;
    if (unit != NULL && unit->first > found->wanted) {
        found->wanted = unit->first;
    }
    return unit;
}

/* All of its segment was given to the cursor: an open file would keep the blocks of one that is
 * deleted. */
static bool is_read_out(const struct ray_durable *durable, const struct ray_wal_reader *reader,
                        const struct ray_position *position)
{
    const struct ray_segment *segment = reader->segment;
    bool grows = durable->growing != NULL && durable->growing->holder == segment;
    return segment != NULL && !grows && position->given_to + 1 >= segment->end;
}

enum ray_status ray_durable_next(struct ray_cursor *cursor, struct ray_batch **batch,
                                 uint64_t *first_document)
{
    struct ray_queue *queue = cursor->queue;
    struct ray_durable *durable = queue->durable;
    struct ray_ring_out out = {.count = 0};
    struct found found = {.status = RAY_OK};
    enum ray_status status = RAY_OK;

    pthread_mutex_lock(&queue->lock);
    while (found.batch == NULL && status == RAY_OK) {
        struct ray_unit *unit = choose(cursor, &found);
        if (unit == NULL) {
            bool more = !queue->closed || durable->first != NULL || durable->writing;
            status = more ? RAY_AGAIN : RAY_CLOSED;
            cursor->idle = more;
            break;
        }
        if (!read_ring(cursor, unit, &found) && !read_file(cursor, unit, &found)) {
            found.batch = NULL;
            status = found.status == RAY_CLOSED ? RAY_OK : found.status;
        }
    }
    if (status == RAY_IO || status == RAY_NOMEM) {
        cursor->idle = durable->nudge = true;
        pthread_cond_signal(&durable->work);
    }
    ray_ring_trim(&durable->ring, given_to_all(queue), &out);
    struct ray_durable_cursor *own = cursor->durable;
    bool old_is_out = is_read_out(durable, &own->old_reader, &cursor->owed.old);
    bool fresh_is_out = is_read_out(durable, &own->fresh_reader, &cursor->owed.fresh);
    pthread_mutex_unlock(&queue->lock);
    ray_ring_out_clear(&out);
    if (old_is_out) {
        ray_wal_reader_clear(durable->wal, &own->old_reader);
    }
    if (fresh_is_out) {
        ray_wal_reader_clear(durable->wal, &own->fresh_reader);
    }
    if (status == RAY_OK) {
        *batch = found.batch;
        *first_document = found.first;
    }
    return status;
}

/* ---- what is done ---------------------------------------------------------------------------- */

void ray_durable_rewrite_journal(struct ray_cursor *cursor)
{
    struct ray_queue *queue = cursor->queue;
    struct ray_durable_cursor *durable = cursor->durable;
    pthread_mutex_lock(&queue->lock);
    ray_owed_raise_low(&queue->owed, &cursor->owed);
    uint64_t low = cursor->owed.low, first, last;
    size_t count = 0;
    if (ray_wal_unread(queue->durable->wal, &first, &last) && low >= first) {
        if (low > last) {
            durable->ranges[count++] = (struct ray_done_range){last + 1, low - last};
        }
        low = first - 1;
    }
    count += ray_owed_done_ranges(&queue->owed, &cursor->owed, durable->ranges + count,
                                  RAY_JOURNAL_RANGES_MAX - count);
    pthread_mutex_unlock(&queue->lock);
    uint64_t repeated = 0;
    if (ray_journal_rewrite(durable->journal, low, durable->ranges, count) != RAY_OK &&
        ray_log_allow(&queue->durable->journal_limiter, queue->options.log->clock, &repeated)) {
        ray_log_warn(queue->options.log->log,
                     "what is delivered cannot be noted: a restart would repeat it",
                     "exporter=%s problem=%m repeated=%" PRIu64,
                     RAY_LOG_STR(ray_str_from(cursor->options.name)), repeated);
    }
}

void ray_durable_owe_changed(struct ray_queue *queue)
{
    queue->durable->owe_changed = true;
}

void ray_durable_note_ack(struct ray_cursor *cursor, uint64_t first, uint32_t count)
{
    if (!ray_journal_add(cursor->durable->journal, first, count)) {
        ray_durable_rewrite_journal(cursor);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct ray_durable *new_durable(void)
{
    struct ray_durable *durable = calloc(1, sizeof(*durable));
    if (durable == NULL) {
        return NULL;
    }
    durable->tail = &durable->first;
    durable->ring.max_bytes = RING_BYTES;
    ray_condition_init(&durable->work);
    return durable;
}

static void free_durable(struct ray_durable *durable)
{
    ray_ring_clear(&durable->ring);
    ray_wal_close(durable->wal);
    pthread_cond_destroy(&durable->work);
    free(durable);
}

/* Whoever asks for figures sees either none or all of it. */
static void set_durable(struct ray_queue *queue, struct ray_durable *durable)
{
    pthread_mutex_lock(&queue->lock);
    queue->durable = durable;
    pthread_mutex_unlock(&queue->lock);
}

enum ray_status ray_durable_start(struct ray_queue *queue, char error[256])
{
    struct ray_durable *durable = new_durable();
    snprintf(error, 256, "out of memory");
    if (durable == NULL) {
        return RAY_NOMEM;
    }
    enum ray_status status = ray_wal_open(queue->options.log, &durable->wal, error);
    if (status != RAY_OK) {
        free_durable(durable);
        return status;
    }
    snprintf(error, 256, "out of memory");
    set_durable(queue, durable);
    status = ray_durable_add_recovered(queue);
    if (status == RAY_OK) {
        status = ray_thread_start(&durable->thread, "wal", run, queue);
    }
    if (status != RAY_OK) {
        ray_durable_stop(queue);
    }
    return status;
}

void ray_queue_log_stats(struct ray_queue *queue, struct ray_wal_stats *out)
{
    *out = (struct ray_wal_stats){0};
    pthread_mutex_lock(&queue->lock);
    if (queue->durable != NULL) {
        ray_wal_stats(queue->durable->wal, out);
        out->missing_documents = queue->missing_documents;
    }
    pthread_mutex_unlock(&queue->lock);
}

/* Every unit that is left: its segment stays in the folder. */
static void free_units(struct ray_queue *queue)
{
    for (size_t i = 0; i < queue->owed.place_count; i++) {
        struct ray_unit *unit = queue->owed.places[i].unit;
        if (unit != NULL) {
            ray_segment_unref(unit->holder);
            ray_unit_free(unit);
        }
    }
}

void ray_durable_stop(struct ray_queue *queue)
{
    struct ray_durable *durable = queue->durable;
    pthread_mutex_lock(&queue->lock);
    durable->stopping = true;
    pthread_cond_signal(&durable->work);
    pthread_mutex_unlock(&queue->lock);
    ray_thread_join(&durable->thread);
    ray_wal_finish(durable->wal);
    pthread_mutex_lock(&queue->lock);
    end_growing(queue); /* a segment that everybody is done with need not be found again */
    delete_released(queue);
    pthread_mutex_unlock(&queue->lock);
    free_units(queue);
    set_durable(queue, NULL);
    free_durable(durable);
}
