/* wal_read: the readers of a log; see wal.h. */
#include "queue/wal_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define READ_ATTEMPTS 10u

void ray_wal_reader_clear(struct ray_wal *wal, struct ray_wal_reader *reader)
{
    if (reader->segment != NULL) {
        ops(wal)->close(wal->options.disk, reader->file);
        ray_segment_walk_clear(&reader->walk);
        ray_segment_unref(reader->segment);
    }
    *reader = (struct ray_wal_reader){0};
}

/* The disk does not give something. It may yet; after a while it is given up, so that what stands
 * behind it is not held up for ever. */
static bool gives_up(struct ray_wal_reader *reader)
{
    bool ours = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
    if (ours || ++reader->failures < READ_ATTEMPTS) {
        return false;
    }
    reader->failures = 0;
    return true;
}

static enum ray_status open_reader(struct ray_wal *wal, struct ray_wal_reader *reader,
                                   struct ray_segment *segment)
{
    ray_wal_reader_clear(wal, reader);
    int file = ops(wal)->open(wal->options.disk, segment->path, O_RDONLY);
    if (file < 0) {
        return RAY_IO;
    }
    atomic_fetch_add(&segment->refs, 1);
    reader->segment = segment;
    reader->file = file;
    ray_segment_walk_init(&reader->walk, wal->options.disk, file, segment->head.salt,
                          segment->records_at, 0, segment->head.first);
    return RAY_OK;
}

/* Several cursors meet the same damage: it counts once. */
static void note_damage(struct ray_wal *wal, struct ray_segment *segment, uint64_t offset,
                        uint64_t bytes)
{
    uint64_t repeated = 0;
    uint64_t counted_to = atomic_load(&segment->damage_counted_to);
    atomic_store(&segment->damaged, true);
    if (offset < counted_to ||
        !atomic_compare_exchange_strong(&segment->damage_counted_to, &counted_to, offset + 1)) {
        return;
    }
    atomic_fetch_add(&wal->damaged_records, 1);
    atomic_fetch_add(&wal->damaged_bytes, bytes);
    if (ray_log_allow(&wal->damage, wal->options.clock, &repeated)) {
        ray_log_warn(wal->options.log, "record of the queue damaged: passed over",
                     "file=%s bytes=%" PRIu64 " repeated=%" PRIu64,
                     RAY_LOG_STR(ray_str_from(segment->path)), bytes, repeated);
    }
}

static void log_passed_over(struct ray_wal *wal, const struct ray_segment *segment)
{
    uint64_t repeated = 0;
    int error = errno;
    if (ray_log_allow(&wal->cannot_read, wal->options.clock, &repeated)) {
        ray_log_error(wal->options.log, "log segment cannot be opened: left for the next start",
                      "file=%s problem=%s repeated=%" PRIu64,
                      RAY_LOG_STR(ray_str_from(segment->path)), strerror(error), repeated);
    }
}

enum ray_status ray_wal_read(struct ray_wal *wal, struct ray_wal_reader *reader,
                             struct ray_segment *segment, uint64_t number, uint64_t limit,
                             struct ray_batch **out, uint64_t *first)
{
    reader->passed_over = false;
    if (reader->segment != segment) {
        unsigned failures = reader->failures;
        enum ray_status status = open_reader(wal, reader, segment);
        reader->failures = failures;
        if (status != RAY_OK && errno == ENOENT) { /* somebody took it away */
            note_damage(wal, segment, 0, limit);
            return RAY_CLOSED;
        }
        if (status != RAY_OK && gives_up(reader)) {
            log_passed_over(wal, segment);
            reader->passed_over = true;
            return RAY_CLOSED;
        }
        if (status != RAY_OK) {
            return status;
        }
    }
    struct ray_segment_walk *walk = &reader->walk;
    walk->limit = limit;
    for (;;) {
        struct ray_record record;
        uint64_t skipped = walk->skipped_bytes;
        enum ray_status status = ray_segment_walk_next(walk, &record);
        if (status == RAY_IO && gives_up(reader)) {
            ray_segment_walk_skip(walk);
            note_damage(wal, segment, walk->stuck_at, 0); /* bytes: seen at the next good record */
            continue;
        }
        if (status == RAY_CLOSED && walk->offset < limit) { /* there was more once */
            note_damage(wal, segment, walk->offset, limit - walk->offset);
        }
        if (status != RAY_OK) {
            return status;
        }
        if (walk->skipped_bytes > skipped) {
            note_damage(wal, segment, record.offset, walk->skipped_bytes - skipped);
        }
        if (record.first + record.documents <= number) {
            continue;
        }
        status = ray_segment_read(wal->options.disk, reader->file, &record, out);
        if (status == RAY_INVALID || (status == RAY_IO && gives_up(reader))) {
            note_damage(wal, segment, record.offset + 1, record.payload_bytes);
            continue;
        }
        if (status != RAY_OK) { /* the same again next time */
            walk->offset = record.offset;
            walk->floor = record.first;
        } else {
            reader->failures = 0;
        }
        *first = record.first;
        return status;
    }
}
