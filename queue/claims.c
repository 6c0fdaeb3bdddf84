/* claims: what an earlier process left in the log, and whose it is; see durable_inside.h. */
#include "queue/durable_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/recover.h"

/* Shares of a segment whose head is damaged: whoever comes is owed it. */
#define SHARES_OF_ANYONE RAY_SEGMENT_OWED_MAX

uint64_t ray_durable_written_profile(const struct ray_segment *segment,
                                     const struct ray_cursor *cursor)
{
    for (uint32_t i = 0; segment->recovered && i < segment->head.owed_count; i++) {
        if (strncmp(segment->head.owed[i].name, cursor->options.name, RAY_SEGMENT_NAME_MAX) == 0) {
            return segment->head.owed[i].profile;
        }
    }
    return cursor->options.profile;
}

/* A unit for a segment of an earlier process; nobody has come for its shares yet. */
static enum ray_status add_recovered(struct ray_queue *queue, struct ray_segment *segment)
{
    uint64_t documents = segment->end - segment->head.first;
    uint32_t shares = segment->owed_to_all ? SHARES_OF_ANYONE : segment->head.owed_count;
    if (documents > UINT32_MAX) {
        return RAY_INVALID;
    }
    struct ray_unit *unit = ray_unit_new(segment->head.first, (uint32_t)documents, shares);
    if (unit == NULL) {
        return RAY_NOMEM;
    }
    unit->holder = segment;
    unit->bytes = segment->file_bytes;
    for (uint32_t i = 0; i < shares; i++) {
        unit->shares[i].open = true;
    }
    unit->shares_open = shares;
    enum ray_status status = ray_owed_append(&queue->owed, unit);
    if (status != RAY_OK) {
        ray_unit_free(unit);
    }
    return status;
}

enum ray_status ray_durable_add_recovered(struct ray_queue *queue)
{
    enum ray_status status = RAY_OK;
    struct ray_segment *segment = ray_wal_take_recovered(queue->durable->wal);
    while (segment != NULL) {
        struct ray_segment *next = segment->next;
        segment->next = NULL;
        status = status == RAY_OK ? add_recovered(queue, segment) : status;
        if (status == RAY_INVALID) { /* numbers that no segment of ours has: left where it is */
            status = RAY_OK;
            ray_segment_unref(segment);
        } else if (status != RAY_OK) {
            ray_segment_unref(segment);
        }
        segment = next;
    }
    uint64_t end = ray_wal_next(queue->durable->wal) - 1;
    queue->owed.end = end > queue->owed.end ? end : queue->owed.end;
    return status;
}

/* Numbers between the segments that a cursor is owed something of, which no file has. */
struct gap {
    uint64_t first;
    uint64_t last;
    uint64_t done; /* as the journal says; the same may be said twice */
};
#define GAPS_MAX 64u

/* What the journal says, applied to the shares that the cursor has claimed. */
struct replay {
    struct ray_cursor *cursor;
    bool journal_is_known;
    size_t gap_count;
    struct gap gaps[GAPS_MAX];
};

static void find_gaps(struct replay *replay)
{
    const struct ray_owed *owed = &replay->cursor->queue->owed;
    uint64_t next = 1;
    for (size_t i = 0; i < owed->place_count && replay->gap_count < GAPS_MAX; i++) {
        const struct ray_owed_place *place = &owed->places[i];
        if (place->unit == NULL || ray_unit_share(place->unit, &replay->cursor->owed) == NULL) {
            continue;
        }
        if (place->first > next) {
            replay->gaps[replay->gap_count++] = (struct gap){next, place->first - 1, 0};
        }
        next = place->last + 1;
    }
}

static void fill_gaps(struct replay *replay, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < replay->gap_count; i++) {
        struct gap *gap = &replay->gaps[i];
        uint64_t first = from > gap->first ? from : gap->first;
        uint64_t last = to < gap->last ? to : gap->last;
        gap->done += first <= last ? last - first + 1 : 0;
    }
}

/* Documents that are in no file and were never delivered, as far as is known: a file was deleted,
 * or cut. They were not found again, so they are in none of the ledger's counts; but they are told.
 */
static void tell_missing(const struct replay *replay)
{
    struct ray_queue *queue = replay->cursor->queue;
    uint64_t missing = 0;
    for (size_t i = 0; i < replay->gap_count; i++) {
        const struct gap *gap = &replay->gaps[i];
        uint64_t documents = gap->last - gap->first + 1;
        missing += gap->done < documents ? documents - gap->done : 0;
    }
    if (missing == 0 || !replay->journal_is_known || replay->cursor->options.drop_oldest) {
        return; /* what was given up for room is in no journal, and was counted then */
    }
    queue->missing_documents += missing;
    ray_log_error(queue->options.log->log,
                  "documents are in no file of the queue and not known to be delivered: was a file "
                  "deleted or cut?",
                  "exporter=%s documents=%" PRIu64,
                  RAY_LOG_STR(ray_str_from(replay->cursor->options.name)), missing);
}

static void replay_done(struct replay *replay, uint64_t from, uint64_t to)
{
    struct ray_cursor *cursor = replay->cursor;
    const struct ray_owed *owed = &cursor->queue->owed;
    fill_gaps(replay, from, to);
    size_t i = ray_owed_at_or_after(owed, from);
    for (; i < owed->place_count && owed->places[i].first <= to; i++) {
        struct ray_unit *unit = owed->places[i].unit;
        struct ray_share *share = unit != NULL ? ray_unit_share(unit, &cursor->owed) : NULL;
        if (share != NULL) {
            (void)ray_share_mark(unit, share, from, to);
        }
    }
}

static void replay_low(void *context, uint64_t low)
{
    ((struct replay *)context)->journal_is_known = true;
    replay_done(context, 0, low);
}

static void replay_range(void *context, struct ray_done_range range)
{
    replay_done(context, range.first, range.first + (range.count - 1));
}

/* The share of `unit` that is this cursor's, by its name. */
static struct ray_share *claim_share(struct ray_unit *unit, const struct ray_cursor *cursor)
{
    const struct ray_segment *segment = unit->holder;
    for (uint32_t i = 0; segment->recovered && i < unit->share_count; i++) {
        struct ray_share *share = &unit->shares[i];
        bool ours =
            segment->owed_to_all ||
            strncmp(segment->head.owed[i].name, cursor->options.name, RAY_SEGMENT_NAME_MAX) == 0;
        if (ours && share->open && share->cursor == NULL) {
            share->cursor = &cursor->owed;
            return share;
        }
    }
    return NULL;
}

static void claim_shares(struct ray_cursor *cursor)
{
    const struct ray_owed *owed = &cursor->queue->owed;
    for (size_t i = 0; i < owed->place_count; i++) {
        if (owed->places[i].unit != NULL) {
            (void)claim_share(owed->places[i].unit, cursor);
        }
    }
}

/* Numbers of a segment that stand for none of this cursor's documents, where some of its documents
 * are done and so only the records can tell how many are left. */
static void mark_surplus(struct ray_cursor *cursor, struct ray_unit *unit, struct ray_share *share)
{
    struct ray_wal *wal = cursor->queue->durable->wal;
    struct ray_segment *segment = unit->holder;
    struct ray_wal_reader reader = {0};
    struct ray_batch *batch = NULL;
    uint64_t wanted = unit->first, first;
    while (ray_wal_read(wal, &reader, segment, wanted, segment->bytes, &batch, &first) == RAY_OK) {
        uint64_t end = first + ray_batch_documents(batch);
        uint32_t owed = ray_batch_documents_of(batch, ray_durable_written_profile(segment, cursor));
        (void)ray_share_mark(unit, share, first + owed, end - 1);
        ray_batch_unref(batch);
        wanted = end;
    }
    ray_wal_reader_clear(wal, &reader);
}

/* How much of a claimed share is left, after the journal was replayed. */
static uint64_t count_left(struct ray_cursor *cursor, struct ray_unit *unit,
                           struct ray_share *share)
{
    const struct ray_segment *segment = unit->holder;
    uint64_t numbers = unit->last - unit->first + 1;
    uint64_t documents = numbers;
    for (uint32_t i = 0; i < segment->head.owed_count; i++) {
        if (&unit->shares[i] == share) {
            documents = segment->head.owed[i].documents;
        }
    }
    uint64_t undone = ray_share_count_undone(unit, share);
    if (undone == numbers || undone == 0) {
        return undone == 0 ? 0 : documents;
    }
    if (documents != numbers) {
        mark_surplus(cursor, unit, share);
        undone = ray_share_count_undone(unit, share);
    }
    return undone;
}

static void count_recovered(struct ray_cursor *cursor)
{
    struct ray_queue *queue = cursor->queue;
    for (size_t i = 0; i < queue->owed.place_count; i++) {
        struct ray_unit *unit = queue->owed.places[i].unit;
        struct ray_share *share = unit != NULL ? ray_unit_share(unit, &cursor->owed) : NULL;
        if (share == NULL) {
            continue;
        }
        share->left = count_left(cursor, unit, share);
        cursor->owed.backlog += share->left;
        if (share->left == 0 && ray_unit_close_share(unit, share)) {
            ray_owed_remove(&queue->owed, unit);
            unit->next_done = NULL;
            ray_durable_release(queue, unit);
        }
    }
    if (cursor->options.ledger != NULL) {
        ray_ledger_recovered(cursor->options.ledger, cursor->owed.backlog);
    }
    ray_owed_raise_low(&queue->owed, &cursor->owed);
    cursor->owed.old = (struct ray_position){cursor->owed.low, queue->owed.end};
    cursor->owed.fresh.given_to = queue->owed.end;
}

/* Its segments stay: the shares are still open. With the lock. */
static void unclaim_shares(const struct ray_cursor *cursor)
{
    const struct ray_owed *owed = &cursor->queue->owed;
    for (size_t i = 0; i < owed->place_count; i++) {
        struct ray_unit *unit = owed->places[i].unit;
        struct ray_share *share = unit != NULL ? ray_unit_share(unit, &cursor->owed) : NULL;
        if (share != NULL) {
            share->cursor = NULL;
        }
    }
}

enum ray_status ray_durable_open_cursor(struct ray_cursor *cursor)
{
    struct ray_queue *queue = cursor->queue;
    struct ray_wal *wal = queue->durable->wal;
    char path[RAY_SEGMENT_PATH_BYTES];
    uint64_t highest;
    struct replay replay = {.cursor = cursor};
    struct ray_journal_reader reader = {&replay, replay_low, replay_range};
    cursor->durable = calloc(1, sizeof(*cursor->durable));
    if (cursor->durable == NULL ||
        !ray_wal_journal_path(wal, cursor->options.name, path, sizeof(path))) {
        free(cursor->durable);
        return RAY_NOMEM;
    }
    /* The lock is held over reads of the disk here, and nobody waits for it: exporters open their
     * cursors before the first receiver starts. */
    pthread_mutex_lock(&queue->lock);
    claim_shares(cursor);
    find_gaps(&replay);
    cursor->durable->journal = ray_journal_open(queue->options.log->disk, path, &reader, &highest);
    if (cursor->durable->journal != NULL) {
        tell_missing(&replay);
        count_recovered(cursor);
    } else {
        unclaim_shares(cursor);
    }
    pthread_mutex_unlock(&queue->lock);
    if (cursor->durable->journal == NULL) {
        free(cursor->durable);
        return RAY_NOMEM;
    }
    if (cursor->owed.backlog > 0) {
        ray_log_info(queue->options.log->log, "documents of an earlier run found",
                     "exporter=%s documents=%" PRIu64,
                     RAY_LOG_STR(ray_str_from(cursor->options.name)), cursor->owed.backlog);
    }
    ray_durable_rewrite_journal(cursor);
    return RAY_OK;
}

void ray_durable_close_cursor(struct ray_cursor *cursor)
{
    struct ray_queue *queue = cursor->queue;
    ray_wal_reader_clear(queue->durable->wal, &cursor->durable->old_reader);
    ray_wal_reader_clear(queue->durable->wal, &cursor->durable->fresh_reader);
    ray_journal_close(cursor->durable->journal);
    free(cursor->durable);
    pthread_mutex_lock(&queue->lock);
    unclaim_shares(cursor);
    pthread_mutex_unlock(&queue->lock);
}

/* One exporter that is gone: how much was owed to it. */
struct absent {
    char name[RAY_SEGMENT_NAME_MAX + 1];
    uint64_t documents;
};

static void count_absent(struct absent *absent, size_t *count, const struct ray_owed_name *owed)
{
    size_t i = 0;
    while (i < *count && strcmp(absent[i].name, owed->name) != 0) {
        i++;
    }
    if (i == RAY_SEGMENT_OWED_MAX) {
        return;
    }
    if (i == *count) {
        (*count)++;
        absent[i] = (struct absent){.documents = 0};
        snprintf(absent[i].name, sizeof(absent[i].name), "%s", owed->name);
    }
    absent[i].documents += owed->documents;
}

static void close_absent(struct ray_queue *queue, struct ray_unit *unit, struct absent *absent,
                         size_t *count)
{
    const struct ray_segment *segment = unit->holder;
    bool finished = false;
    for (uint32_t i = 0; i < unit->share_count; i++) {
        struct ray_share *share = &unit->shares[i];
        if (!share->open || share->cursor != NULL) {
            continue;
        }
        if (!segment->owed_to_all) {
            count_absent(absent, count, &segment->head.owed[i]);
        }
        finished = ray_unit_close_share(unit, share);
    }
    if (finished) {
        ray_owed_remove(&queue->owed, unit);
        unit->next_done = NULL;
        ray_durable_release(queue, unit);
    }
}

/* Does a segment that others still need name it? */
static bool is_named(const struct ray_queue *queue, const char *name)
{
    for (size_t i = 0; i < queue->owed.place_count; i++) {
        const struct ray_unit *unit = queue->owed.places[i].unit;
        const struct ray_segment *segment = unit != NULL ? unit->holder : NULL;
        for (uint32_t k = 0; segment != NULL && k < segment->head.owed_count; k++) {
            if (strcmp(segment->head.owed[k].name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Its journal goes, or says that all is done while there is somebody who could hear it: should the
 * exporter return, it starts behind what was given up. */
static void give_up(struct ray_queue *queue, const char *name, const char *path)
{
    struct ray_disk *disk = queue->options.log->disk;
    pthread_mutex_lock(&queue->lock);
    uint64_t end = queue->owed.end, highest;
    bool named = is_named(queue, name);
    pthread_mutex_unlock(&queue->lock);
    struct ray_journal *journal = named ? ray_journal_open(disk, path, NULL, &highest) : NULL;
    if (journal != NULL) {
        (void)!ray_journal_rewrite(journal, end, NULL, 0); /* else it gets some again */
    } else {
        disk->ops->unlink(disk, path);
    }
    ray_journal_close(journal);
}

void ray_durable_forget_absent(struct ray_queue *queue)
{
    struct absent *absent = calloc(RAY_SEGMENT_OWED_MAX, sizeof(*absent));
    size_t count = 0;
    if (absent == NULL) {
        return; /* they stay until the next start */
    }
    pthread_mutex_lock(&queue->lock);
    for (size_t i = 0; i < queue->owed.place_count; i++) {
        struct ray_unit *unit = queue->owed.places[i].unit;
        if (unit != NULL && ((const struct ray_segment *)unit->holder)->recovered) {
            close_absent(queue, unit, absent, &count);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < count; i++) {
        char path[RAY_SEGMENT_PATH_BYTES];
        ray_log_warn(queue->options.log->log,
                     "the queue holds documents for an exporter that is not in the configuration "
                     "any more: given up",
                     "exporter=%s documents=%" PRIu64, RAY_LOG_STR(ray_str_from(absent[i].name)),
                     absent[i].documents);
        if (ray_wal_journal_path(queue->durable->wal, absent[i].name, path, sizeof(path))) {
            give_up(queue, absent[i].name, path);
        }
    }
    free(absent);
}
