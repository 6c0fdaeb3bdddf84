/* recover: see recover.h. */
#include "queue/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_ATTEMPTS 4u /* of one place that the disk does not give */

struct ray_segment *ray_segment_new(const char *folder, const char *name)
{
    size_t bytes = strlen(folder) + strlen(name) + 2;
    struct ray_segment *segment = calloc(1, sizeof(*segment) + bytes);
    if (segment != NULL) {
        snprintf(segment->path, bytes, "%s/%s", folder, name);
        segment->refs = 1;
    }
    return segment;
}

void ray_segment_unref(struct ray_segment *segment)
{
    if (segment != NULL && atomic_fetch_sub(&segment->refs, 1) == 1) {
        free(segment->head.owed);
        free(segment);
    }
}

uint32_t ray_batch_documents_of(const struct ray_batch *batch, uint64_t profile)
{
    struct ray_batch_reader reader;
    return ray_batch_read_section(batch, profile, &reader) ? reader.left : 0;
}

/* ---- one file -------------------------------------------------------------------------------- */

/* What is being put together. */
struct recovery {
    struct ray_disk *disk;
    const char *folder;
    struct ray_log *log;
    struct ray_recovered *out;
    char *error;
    struct ray_segment *found; /* unordered */
    uint64_t unread_highest;   /* first number of the last file that could not be read */
    enum ray_status status;
};

static void log_damage(const struct recovery *recovery, const struct ray_segment *segment,
                       uint64_t records, uint64_t bytes)
{
    ray_log_warn(recovery->log, "log segment damaged: what is good of it will be delivered",
                 "file=%s damaged_records=%" PRIu64 " damaged_bytes=%" PRIu64,
                 RAY_LOG_STR(ray_str_from(segment->path)), records, bytes);
}

static void log_unread(const struct recovery *recovery, const struct ray_segment *segment)
{
    int error = errno;
    ray_log_error(recovery->log, "log segment cannot be read: left for the next start",
                  "file=%s problem=%s", RAY_LOG_STR(ray_str_from(segment->path)), strerror(error));
    errno = error;
}

/* The next one that the disk gives. */
static enum ray_status next_record(struct ray_segment_walk *walk, struct ray_record *record,
                                   uint64_t *bad_records)
{
    enum ray_status status = ray_segment_walk_next(walk, record);
    for (unsigned attempt = 1; status == RAY_IO; attempt++) {
        if (attempt % READ_ATTEMPTS == 0) {
            (*bad_records)++;
            ray_segment_walk_skip(walk);
        }
        status = ray_segment_walk_next(walk, record);
    }
    return status;
}

/* What a record adds to what is owed. One that the disk does not give now, or whose head it did not
 * give, may come when it is read again: then it must be owed, and too much is put right by whoever
 * reads to the end. `expected` is the number behind the record before. */
static void count_owed(struct ray_segment *segment, const struct ray_record *record,
                       uint64_t expected, bool is_unread, const struct ray_batch *batch)
{
    uint64_t unseen = record->first > expected ? record->first - expected : 0;
    for (uint32_t i = 0; i < segment->head.owed_count; i++) {
        struct ray_owed_name *owed = &segment->head.owed[i];
        owed->documents += unseen;
        if (is_unread) {
            owed->documents += record->documents;
        } else if (batch != NULL) {
            owed->documents += ray_batch_documents_of(batch, owed->profile);
        }
    }
}

/* Reads every record of a segment that nobody sealed. */
static enum ray_status scan(struct recovery *recovery, struct ray_segment *segment, int file)
{
    struct ray_segment_walk walk;
    struct ray_record record;
    uint64_t bad_records = 0;
    ray_segment_walk_init(&walk, recovery->disk, file, segment->head.salt, segment->records_at,
                          segment->file_bytes, segment->head.first);
    enum ray_status status = next_record(&walk, &record, &bad_records);
    for (; status == RAY_OK; status = next_record(&walk, &record, &bad_records)) {
        struct ray_batch *batch = NULL;
        status = ray_segment_read(recovery->disk, file, &record, &batch);
        if (status == RAY_NOMEM) {
            break;
        }
        bad_records += status != RAY_OK;
        uint64_t expected = segment->end > 0 ? segment->end : segment->head.first;
        count_owed(segment, &record, expected, status == RAY_IO, batch);
        segment->head.first =
            segment->end == 0 && segment->owed_to_all ? record.first : segment->head.first;
        segment->end = record.first + record.documents;
        segment->bytes = walk.offset;
        ray_batch_unref(batch);
    }
    bad_records += ray_segment_walk_has_bad_tail(&walk);
    ray_segment_walk_clear(&walk);
    if (bad_records > 0 || walk.skipped_bytes > 0) {
        segment->damaged = true;
        segment->damage_counted_to = UINT64_MAX;
        recovery->out->damaged_records += bad_records + (walk.skipped_bytes > 0);
        recovery->out->damaged_bytes += walk.skipped_bytes;
        log_damage(recovery, segment, bad_records, walk.skipped_bytes);
    }
    return status == RAY_NOMEM ? RAY_NOMEM : RAY_OK; /* what was read before an error is good */
}

/* Zeros where the first record would begin. */
static bool looks_blank(const struct recovery *recovery, const struct ray_segment *segment,
                        int file)
{
    static const char zeros[RAY_RECORD_HEAD_BYTES] = {0};
    char bytes[RAY_RECORD_HEAD_BYTES];
    uint64_t left = segment->file_bytes - segment->records_at;
    size_t len = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
    return ray_disk_read_all(recovery->disk, file, bytes, len, segment->records_at) == RAY_OK &&
           memcmp(bytes, zeros, len) == 0;
}

static enum ray_status read_segment(struct recovery *recovery, struct ray_segment *segment,
                                    int file, uint64_t first, uint64_t salt)
{
    int64_t size = recovery->disk->ops->size(recovery->disk, file);
    if (size < 0) {
        log_unread(recovery, segment);
        return RAY_IO;
    }
    segment->file_bytes = (uint64_t)size;
    segment->recovered = true;
    switch (ray_segment_head_read(recovery->disk, file, &segment->head)) {
    case RAY_SEGMENT_NEWER:
        snprintf(recovery->error, 256,
                 "%.180s was written by a later version: go back to it, or move the file away",
                 segment->path);
        return RAY_INVALID;
    case RAY_SEGMENT_UNREADABLE:
        log_unread(recovery, segment);
        return errno == ENOMEM ? RAY_NOMEM : RAY_IO;
    case RAY_SEGMENT_GOOD:
        /* Whatever its name says: a file that somebody renamed, or one that was to be used again
         * when the power went, whose old records the journals know to be done. */
        break;
    case RAY_SEGMENT_DAMAGED:
        segment->head = (struct ray_segment_head){.salt = salt, .first = first};
        segment->owed_to_all = true;
        break;
    }
    segment->records_at = segment->head.bytes;
    if (!segment->owed_to_all && ray_segment_seal_read(recovery->disk, file, &segment->head,
                                                       &segment->end, &segment->bytes)) {
        return RAY_OK;
    }
    if (!segment->is_blank) {
        segment->is_blank = looks_blank(recovery, segment, file);
    }
    enum ray_status status = scan(recovery, segment, file);
    if (segment->owed_to_all && segment->end > 0) {
        segment->damaged = true;
        recovery->out->damaged_records++;
        log_damage(recovery, segment, 1, RAY_RECORD_HEAD_BYTES);
    }
    return status;
}

/* Numbers from `first` on are not given to anybody, nor counted as done. */
static void note_unread(struct recovery *recovery, uint64_t first)
{
    struct ray_recovered *out = recovery->out;
    if (first == 0 || first > UINT64_MAX / 2) {
        return; /* no file of ours */
    }
    out->unread_first =
        out->unread_first == 0 || first < out->unread_first ? first : out->unread_first;
    recovery->unread_highest = first > recovery->unread_highest ? first : recovery->unread_highest;
}

/* A file without a record. It is not damaged when it was made and nothing came. */
static void put_away(struct recovery *recovery, const struct ray_segment *segment)
{
    char aside[RAY_SEGMENT_PATH_BYTES];
    int len = snprintf(aside, sizeof(aside), "%s.corrupt", segment->path);
    bool fits = len > 0 && (size_t)len < sizeof(aside);
    if (segment->is_blank || !fits ||
        recovery->disk->ops->rename(recovery->disk, segment->path, aside) != 0) {
        recovery->disk->ops->unlink(recovery->disk, segment->path);
    }
    if (!segment->is_blank) {
        recovery->out->damaged_records++;
        recovery->out->damaged_bytes += segment->file_bytes;
        log_damage(recovery, segment, 1, segment->file_bytes);
    }
}

static void recover_file(struct recovery *recovery, const char *name, uint64_t first, uint64_t salt)
{
    struct ray_segment *segment = ray_segment_new(recovery->folder, name);
    if (segment == NULL) {
        recovery->status = RAY_NOMEM;
        return;
    }
    int file = recovery->disk->ops->open(recovery->disk, segment->path, O_RDONLY);
    enum ray_status status = RAY_IO;
    if (file >= 0) {
        status = read_segment(recovery, segment, file, first, salt);
        recovery->disk->ops->close(recovery->disk, file);
    } else {
        log_unread(recovery, segment);
    }
    if (status == RAY_INVALID || status == RAY_NOMEM) {
        recovery->status = status;
    }
    if (status == RAY_IO && (file >= 0 || errno != EINVAL)) { /* EINVAL: nothing of ours */
        note_unread(recovery, first);
    }
    bool empty = segment->end <= segment->head.first;
    if (status == RAY_OK && empty) {
        put_away(recovery, segment);
    }
    if (status != RAY_OK || empty) {
        ray_segment_unref(segment);
        return;
    }
    segment->next = recovery->found;
    recovery->found = segment;
}

/* ---- the folder ------------------------------------------------------------------------------ */

static void on_entry(void *context, const char *name)
{
    struct recovery *recovery = context;
    uint64_t first, salt;
    if (recovery->status == RAY_OK && ray_segment_name_read(name, &first, &salt)) {
        recover_file(recovery, name, first, salt);
    }
}

static struct ray_segment **find_lowest(struct ray_segment **list)
{
    struct ray_segment **lowest = list;
    for (struct ray_segment **link = list; *link != NULL; link = &(*link)->next) {
        if ((*link)->head.first < (*lowest)->head.first) {
            lowest = link;
        }
    }
    return lowest;
}

/* Sorted into *out. Numbers that an earlier one has are not read again: a copy of a file, say. */
static void put_in_order(struct recovery *recovery)
{
    struct ray_segment **tail = &recovery->out->segments;
    while (recovery->found != NULL) {
        struct ray_segment **link = find_lowest(&recovery->found);
        struct ray_segment *segment = *link;
        *link = segment->next;
        segment->next = NULL;
        if (segment->end <= recovery->out->next) {
            ray_log_warn(recovery->log, "log segment repeats documents of another: left alone",
                         "file=%s", RAY_LOG_STR(ray_str_from(segment->path)));
            ray_segment_unref(segment);
            continue;
        }
        if (segment->head.first < recovery->out->next) {
            segment->head.first = recovery->out->next;
        }
        recovery->out->next = segment->end;
        *tail = segment;
        tail = &segment->next;
    }
}

/* How far the numbers may go that could not be read: to the next file, or as far as a file can. */
static void bound_unread(struct recovery *recovery)
{
    struct ray_recovered *out = recovery->out;
    if (out->unread_first == 0) {
        return;
    }
    out->unread_last = recovery->unread_highest + UINT32_MAX;
    for (const struct ray_segment *s = out->segments; s != NULL; s = s->next) {
        if (s->head.first > recovery->unread_highest) {
            out->unread_last = s->head.first - 1;
            break;
        }
    }
    out->next = out->unread_last + 1 > out->next ? out->unread_last + 1 : out->next;
}

static void free_list(struct ray_segment *list)
{
    while (list != NULL) {
        struct ray_segment *next = list->next;
        ray_segment_unref(list);
        list = next;
    }
}

enum ray_status ray_recover(struct ray_disk *disk, const char *folder, struct ray_log *log,
                            struct ray_recovered *out, char error[256])
{
    struct recovery recovery = {
        .disk = disk, .folder = folder, .log = log, .out = out, .error = error};
    *out = (struct ray_recovered){0};
    snprintf(error, 256, "out of memory");
    if (disk->ops->list(disk, folder, on_entry, &recovery) != 0 && recovery.status == RAY_OK) {
        snprintf(error, 256, "cannot list %.180s: %s", folder, strerror(errno));
        recovery.status = RAY_IO;
    }
    if (recovery.status != RAY_OK) {
        free_list(recovery.found);
        return recovery.status;
    }
    put_in_order(&recovery);
    bound_unread(&recovery);
    return RAY_OK;
}
