/*
 * wal: see wal.h.
 *
 * Whatever goes wrong while writing, the segment in question is left as it is and the next write
 * begins a new one, with numbers above all that may have reached the old one: so a record is never
 * written behind bytes that nobody is sure of, and no number means two documents.
 */
#include "queue/wal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/crc32c.h"
#include "queue/recover.h"
#include "queue/wal_inside.h"

#define SEGMENT_BYTES     ((uint64_t)16 << 20)
#define SEGMENT_BYTES_MIN ((uint64_t)256 << 10)
/* Of the file system, and of what the queue may hold: so that a segment that one document holds up
 * is a small part of it. */
#define SEGMENT_SHARE 16u
#define RUN_MAX       256u /* records of one write: below IOV_MAX / 2 */

static uint64_t now_ns(const struct ray_wal *wal)
{
    return ray_clock_monotonic_ns(wal->options.clock);
}

static void log_cannot(struct ray_wal *wal, const char *what, const char *path)
{
    uint64_t repeated = 0;
    int error = errno;
    atomic_fetch_add(&wal->failed_writes, 1);
    if (ray_log_allow(&wal->cannot_write, wal->options.clock, &repeated)) {
        ray_log_error(wal->options.log, "queue cannot write to its folder",
                      "verb=%s file=%s problem=%s repeated=%" PRIu64, what,
                      RAY_LOG_STR(ray_str_from(path)), strerror(error), repeated);
    }
    errno = error;
}

/* ---- sync ------------------------------------------------------------------------------------ */

/* What is in the current segment and its name are on the disk afterwards. */
static enum ray_status sync_current(struct ray_wal *wal)
{
    uint64_t before = now_ns(wal);
    if (wal->dirty && ops(wal)->sync(wal->options.disk, wal->file) != 0) {
        log_cannot(wal, "sync", wal->current->path);
        return RAY_IO;
    }
    if (wal->folder_dirty && ops(wal)->sync_folder(wal->options.disk, wal->folder) != 0) {
        log_cannot(wal, "sync", wal->folder);
        return RAY_IO;
    }
    wal->dirty = wal->folder_dirty = false;
    wal->synced_ns = now_ns(wal);
    atomic_fetch_add(&wal->syncs, 1);
    atomic_fetch_add(&wal->sync_ns, wal->synced_ns - before);
    return RAY_OK;
}

/* ---- files that are kept for a while --------------------------------------------------------- */

static void forget_path(char **paths, size_t *count, size_t at)
{
    free(paths[at]);
    memmove(&paths[at], &paths[at + 1], (*count - at - 1) * sizeof(*paths));
    (*count)--;
}

/* What spare and corrupt files take, roughly: none is larger than a segment for long. */
static void count_kept(struct ray_wal *wal)
{
    atomic_store(&wal->kept_bytes, (wal->spare_count + wal->corrupt_count) * wal->segment_bytes);
}

static void drop_spares(struct ray_wal *wal)
{
    while (wal->spare_count > 0) {
        ops(wal)->unlink(wal->options.disk, wal->spares[wal->spare_count - 1]);
        forget_path(wal->spares, &wal->spare_count, wal->spare_count - 1);
    }
    count_kept(wal);
}

static void drop_oldest_corrupt(struct ray_wal *wal)
{
    ops(wal)->unlink(wal->options.disk, wal->corrupt[0]);
    forget_path(wal->corrupt, &wal->corrupt_count, 0);
    count_kept(wal);
}

/* Free bytes that may be used without going below the least that must stay free. */
static uint64_t usable_bytes(struct ray_wal *wal)
{
    uint64_t free_bytes, total_bytes;
    const struct ray_wal_options *options = &wal->options;
    if (ops(wal)->space(options->disk, wal->folder, &free_bytes, &total_bytes) != 0) {
        return UINT64_MAX; /* then the write itself will say */
    }
    uint64_t keep = (uint64_t)(options->min_free_share * (double)total_bytes);
    keep = keep > options->min_free_bytes ? keep : options->min_free_bytes;
    return free_bytes > keep ? free_bytes - keep : 0;
}

/* ---- beginning a segment --------------------------------------------------------------------- */

static uint64_t random_salt(void)
{
    uint64_t salt = 0;
    while (salt == 0 || (uint32_t)salt == 0) { /* zeros are what an empty file holds */
        if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt)) {
            salt = 0;
        }
    }
    return salt;
}

static bool copy_owed(const struct ray_wal *wal, struct ray_segment_head *head)
{
    head->owed = calloc(wal->owed_count + 1, sizeof(*head->owed));
    if (head->owed == NULL) {
        return false;
    }
    if (wal->owed_count > 0) {
        memcpy(head->owed, wal->owed, wal->owed_count * sizeof(*head->owed));
    }
    head->owed_count = wal->owed_count;
    return true;
}

static struct ray_segment *new_segment(const struct ray_wal *wal)
{
    char name[48];
    uint64_t salt = random_salt();
    ray_segment_name_write(wal->next, salt, name);
    struct ray_segment *segment = ray_segment_new(wal->folder, name);
    if (segment == NULL) {
        return NULL;
    }
    segment->head = (struct ray_segment_head){
        .salt = salt,
        .first = wal->next,
        .created_unix_ns = ray_clock_unix_ns(wal->options.clock),
    };
    segment->end = wal->next;
    if (!copy_owed(wal, &segment->head)) {
        ray_segment_unref(segment);
        return NULL;
    }
    return segment;
}

static enum ray_status write_bytes(struct ray_wal *wal, int file, struct ray_str bytes,
                                   uint64_t offset)
{
    uint64_t written;
    union {
        const char *in;
        void *out;
    } base = {.in = bytes.ptr}; /* iovec has no const */
    struct iovec part = {base.out, bytes.len};
    return ray_disk_write_all(wal->options.disk, file, &part, 1, offset, &written);
}

static enum ray_status write_head(struct ray_wal *wal, struct ray_segment *segment, int file)
{
    struct ray_buf head;
    ray_buf_init(&head, (size_t)1 << 20);
    ray_segment_head_write(&segment->head, &head);
    enum ray_status status =
        head.failed ? RAY_NOMEM : write_bytes(wal, file, ray_buf_str(&head), 0);
    segment->head.bytes = (uint32_t)head.len;
    segment->records_at = segment->bytes = head.len;
    ray_buf_clear(&head);
    return status;
}

/* Takes the blocks now, so that a full disk is noticed before anything was promised. */
static enum ray_status allocate(struct ray_wal *wal, int file)
{
    if (ops(wal)->allocate(wal->options.disk, file, wal->segment_bytes) == 0 ||
        errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) {
        return RAY_OK;
    }
    return ray_disk_status();
}

/* A new file, its head in it. */
static enum ray_status create_file(struct ray_wal *wal, struct ray_segment *segment, int *out)
{
    int file = ops(wal)->open(wal->options.disk, segment->path, O_RDWR | O_CREAT | O_EXCL);
    if (file < 0) {
        return ray_disk_status();
    }
    enum ray_status status = allocate(wal, file);
    if (status == RAY_OK) {
        status = write_head(wal, segment, file);
    }
    if (status != RAY_OK) {
        int error = errno;
        ops(wal)->close(wal->options.disk, file);
        ops(wal)->unlink(wal->options.disk, segment->path);
        errno = error;
        return status;
    }
    *out = file;
    return RAY_OK;
}

/* A spare one: the new head is in it before it has the new name, so that the name never shows what
 * the file held before. */
static enum ray_status reuse_file(struct ray_wal *wal, struct ray_segment *segment, int *out)
{
    const char *spare = wal->spares[wal->spare_count - 1];
    int file = ops(wal)->open(wal->options.disk, spare, O_RDWR);
    enum ray_status status = file >= 0 ? write_head(wal, segment, file) : RAY_IO;
    if (status == RAY_OK) {
        status = allocate(wal, file);
    }
    if (status == RAY_OK && ops(wal)->rename(wal->options.disk, spare, segment->path) != 0) {
        status = ray_disk_status();
    }
    if (status != RAY_OK) {
        if (file >= 0) {
            ops(wal)->close(wal->options.disk, file);
        }
        ops(wal)->unlink(wal->options.disk, spare);
    } else {
        *out = file;
    }
    forget_path(wal->spares, &wal->spare_count, wal->spare_count - 1);
    count_kept(wal);
    return status;
}

static enum ray_status open_file(struct ray_wal *wal, struct ray_segment *segment, int *out)
{
    uint64_t usable = usable_bytes(wal);
    if (wal->spare_count > 0 && usable > 0 && reuse_file(wal, segment, out) == RAY_OK) {
        return RAY_OK;
    }
    while (usable < wal->segment_bytes && wal->corrupt_count > 0) {
        drop_oldest_corrupt(wal);
        usable = usable_bytes(wal);
    }
    if (usable < wal->segment_bytes) {
        drop_spares(wal);
        usable = usable_bytes(wal);
    }
    if (usable < wal->segment_bytes) {
        errno = ENOSPC;
        return RAY_AGAIN;
    }
    return create_file(wal, segment, out);
}

static enum ray_status begin_segment(struct ray_wal *wal)
{
    struct ray_segment *segment = new_segment(wal);
    if (segment == NULL) {
        return RAY_NOMEM;
    }
    int file = -1;
    enum ray_status status = open_file(wal, segment, &file);
    if (status != RAY_OK) {
        log_cannot(wal, "create", segment->path);
        ray_segment_unref(segment);
        return status;
    }
    wal->current = segment;
    wal->file = file;
    wal->offset = segment->records_at;
    wal->written_to = wal->next;
    wal->dirty = wal->folder_dirty = true;
    wal->synced_ns = now_ns(wal);
    return RAY_OK;
}

/* ---- ending one ------------------------------------------------------------------------------ */

/* The current one is written to no more. A file without a record goes: nobody was told of it. */
static void let_go(struct ray_wal *wal)
{
    ops(wal)->close(wal->options.disk, wal->file);
    if (wal->written_to == wal->current->head.first) {
        ops(wal)->unlink(wal->options.disk, wal->current->path);
    }
    ray_segment_unref(wal->current);
    wal->current = NULL;
    wal->file = -1;
}

/* Writes the seal. It may fail: then the start after this reads the segment whole. */
static void seal(struct ray_wal *wal)
{
    struct ray_buf bytes;
    ray_buf_init(&bytes, 4096);
    ray_segment_seal_write(&wal->current->head, wal->next, ray_clock_unix_ns(wal->options.clock),
                           &bytes);
    if (!bytes.failed && write_bytes(wal, wal->file, ray_buf_str(&bytes), wal->offset) == RAY_OK) {
        wal->dirty = true;
        (void)!ops(wal)->truncate(wal->options.disk, wal->file, wal->offset + bytes.len);
    }
    ray_buf_clear(&bytes);
}

/* Synced by policy, sealed, closed. */
static enum ray_status finish_segment(struct ray_wal *wal)
{
    enum ray_status status = RAY_OK;
    if (wal->written_to > wal->current->head.first) {
        seal(wal);
        if (wal->options.fsync != RAY_FSYNC_NEVER) {
            status = sync_current(wal);
        }
    }
    let_go(wal);
    return status;
}

/* After a write that failed, whose numbers would have ended at `attempted`: what is in the file
 * behind the last whole record is cut off, or else its numbers are not used again. */
static enum ray_status abandon(struct ray_wal *wal, uint64_t attempted)
{
    if (ops(wal)->truncate(wal->options.disk, wal->file, wal->offset) == 0) {
        return finish_segment(wal);
    }
    ray_wal_raise_next(wal, attempted);
    enum ray_status status = wal->options.fsync == RAY_FSYNC_NEVER ? RAY_OK : sync_current(wal);
    let_go(wal);
    return status;
}

/* ---- writing --------------------------------------------------------------------------------- */

static uint64_t record_bytes(const struct ray_wal_record *record)
{
    return RAY_RECORD_HEAD_BYTES + ray_batch_bytes(record->batch);
}

static void number_record(const struct ray_wal *wal, const struct ray_wal_record *record,
                          uint64_t first, char head[RAY_RECORD_HEAD_BYTES])
{
    struct ray_record fields = {
        .first = first,
        .unix_ns = ray_batch_accepted_unix_ns(record->batch),
        .documents = ray_batch_documents(record->batch),
        .payload_bytes = (uint32_t)ray_batch_bytes(record->batch),
        .payload_crc = record->payload_crc,
    };
    ray_record_head_write(&fields, wal->current->head.salt, head);
}

/* How many of the records go into the current segment, by one write. */
static size_t count_run(const struct ray_wal *wal, const struct ray_wal_record *records,
                        size_t count)
{
    uint64_t end = wal->offset;
    size_t run = 0;
    while (run < count && run < RUN_MAX) {
        end += record_bytes(&records[run]);
        bool alone = run == 0 && wal->offset == wal->current->records_at;
        if (end > wal->segment_bytes && !alone) { /* one that fits into none gets one to itself */
            break;
        }
        run++;
    }
    return run;
}

/* The first `done` records of the run are in the file. */
static void note_written(struct ray_wal *wal, struct ray_wal_record *records, size_t done)
{
    for (size_t i = 0; i < done; i++) {
        struct ray_wal_record *record = &records[i];
        record->first = wal->next;
        record->segment = wal->current; /* which may end within the same group */
        atomic_fetch_add(&wal->current->refs, 1);
        wal->next += ray_batch_documents(record->batch);
        wal->offset += record_bytes(record);
        record->end_offset = wal->offset;
        for (uint32_t k = 0; k < wal->current->head.owed_count; k++) {
            struct ray_owed_name *owed = &wal->current->head.owed[k];
            owed->documents += ray_batch_documents_of(record->batch, owed->profile);
        }
    }
    wal->written_to = wal->next;
    wal->dirty = wal->dirty || done > 0;
}

static size_t whole_records(const struct ray_wal_record *records, size_t count, uint64_t written)
{
    size_t whole = 0;
    while (whole < count && record_bytes(&records[whole]) <= written) {
        written -= record_bytes(&records[whole]);
        whole++;
    }
    return whole;
}

/* One write. Sets *done; whatever the status, that many are in the file. `*attempted` is the number
 * behind all of them. */
static enum ray_status write_run(struct ray_wal *wal, struct ray_wal_record *records, size_t count,
                                 size_t *done, uint64_t *attempted)
{
    char heads[RUN_MAX][RAY_RECORD_HEAD_BYTES];
    struct iovec parts[2 * RUN_MAX];
    uint64_t number = wal->next;
    for (size_t i = 0; i < count; i++) {
        struct ray_str payload = ray_batch_payload(records[i].batch);
        union {
            const char *in;
            void *out;
        } base = {.in = payload.ptr};
        number_record(wal, &records[i], number, heads[i]);
        number += ray_batch_documents(records[i].batch);
        parts[2 * i] = (struct iovec){heads[i], RAY_RECORD_HEAD_BYTES};
        parts[2 * i + 1] = (struct iovec){base.out, payload.len};
    }
    uint64_t written;
    enum ray_status status = ray_disk_write_all(wal->options.disk, wal->file, parts,
                                                (int)(2 * count), wal->offset, &written);
    *done = status == RAY_OK ? count : whole_records(records, count, written);
    note_written(wal, records, *done);
    if (status != RAY_OK) {
        log_cannot(wal, "write", wal->current->path);
    }
    *attempted = number;
    return status;
}

/*
 * A segment that could not be synced holds records that this write counted as written: with
 * RAY_FSYNC_ALWAYS they are not accepted, though they may be delivered. The system forgets what it
 * failed to write, so the sync is not tried again; the next write begins elsewhere.
 */
static enum ray_status sync_group(struct ray_wal *wal)
{
    if (wal->current == NULL || wal->options.fsync != RAY_FSYNC_ALWAYS) {
        return RAY_OK;
    }
    enum ray_status status = sync_current(wal);
    if (status != RAY_OK) {
        let_go(wal);
    }
    return status;
}

/* A group of records on its way into one or more segments. */
struct group {
    size_t written;
    size_t synced; /* of those: in segments that are finished */
    enum ray_status why;
};

/* The end of a segment within the group: `status` is that of its sync. */
static void note_finished(struct group *group, enum ray_status status)
{
    if (status == RAY_OK) {
        group->synced = group->written;
    } else {
        group->why = status;
    }
}

static void write_some(struct ray_wal *wal, struct ray_wal_record *records, size_t count,
                       struct group *group)
{
    size_t done = 0;
    uint64_t attempted = 0;
    group->why = write_run(wal, records, count_run(wal, records, count), &done, &attempted);
    group->written += done;
    if (group->why != RAY_OK) {
        enum ray_status why = group->why;
        note_finished(group, abandon(wal, attempted));
        group->why = why;
    }
}

size_t ray_wal_write(struct ray_wal *wal, struct ray_wal_record *records, size_t count,
                     enum ray_status *why)
{
    struct group group = {0, 0, RAY_OK};
    while (group.written < count && group.why == RAY_OK) {
        struct ray_wal_record *next = &records[group.written];
        if (wal->current != NULL && count_run(wal, next, 1) == 0) {
            note_finished(&group, finish_segment(wal));
        } else if (wal->current == NULL) {
            group.why = begin_segment(wal);
        } else {
            write_some(wal, next, count - group.written, &group);
        }
    }
    bool is_synced = wal->current == NULL && group.synced == group.written;
    enum ray_status status = is_synced ? RAY_OK : sync_group(wal);
    if (status == RAY_OK && wal->current != NULL) {
        group.synced = group.written;
    }
    *why = status != RAY_OK ? status : group.why;
    return wal->options.fsync == RAY_FSYNC_ALWAYS ? group.synced : group.written;
}

uint32_t ray_wal_crc(const struct ray_batch *batch)
{
    return ray_crc32c(0, ray_batch_payload(batch));
}

uint32_t ray_wal_sync_when_due(struct ray_wal *wal)
{
    if (wal->options.fsync != RAY_FSYNC_INTERVAL || wal->current == NULL || !wal->dirty) {
        return UINT32_MAX;
    }
    uint64_t due_ns = wal->synced_ns + wal->options.fsync_interval_ms * RAY_NS_PER_MS;
    uint64_t now = now_ns(wal);
    if (now < due_ns) {
        return (uint32_t)((due_ns - now) / RAY_NS_PER_MS) + 1;
    }
    if (sync_current(wal) != RAY_OK) {
        let_go(wal); /* see sync_group */
    }
    return UINT32_MAX;
}

/* ---- giving back ----------------------------------------------------------------------------- */

static bool keep_as_spare(struct ray_wal *wal, const struct ray_segment *segment)
{
    char path[PATH_BYTES];
    bool fits = segment->bytes * 2 >= wal->segment_bytes && segment->bytes <= wal->segment_bytes;
    bool room = (wal->spare_count + 2) * wal->segment_bytes < wal->options.max_bytes;
    /* a reader that still has it would find bytes of another life */
    if (!fits || !room || wal->spare_count == SPARES_MAX || atomic_load(&segment->refs) > 1 ||
        usable_bytes(wal) < wal->segment_bytes) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/spare-%016" PRIx64 ".tmp", wal->folder, segment->head.salt);
    char *copy = strdup(path);
    if (copy == NULL || ops(wal)->rename(wal->options.disk, segment->path, path) != 0) {
        free(copy);
        return false;
    }
    wal->spares[wal->spare_count++] = copy;
    count_kept(wal);
    return true;
}

/* For whoever wants to look into it later. */
static bool set_aside(struct ray_wal *wal, const struct ray_segment *segment)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s.corrupt", segment->path);
    if (usable_bytes(wal) < wal->segment_bytes) {
        return false;
    }
    if (wal->corrupt_count == CORRUPT_MAX) {
        drop_oldest_corrupt(wal);
    }
    char *copy = strdup(path);
    if (copy == NULL || ops(wal)->rename(wal->options.disk, segment->path, path) != 0) {
        free(copy);
        return false;
    }
    wal->corrupt[wal->corrupt_count++] = copy;
    count_kept(wal);
    return true;
}

void ray_wal_release(struct ray_wal *wal, struct ray_segment *segment)
{
    bool kept =
        atomic_load(&segment->damaged) ? set_aside(wal, segment) : keep_as_spare(wal, segment);
    if (!kept && ops(wal)->unlink(wal->options.disk, segment->path) != 0 && errno != ENOENT) {
        log_cannot(wal, "delete", segment->path);
    }
    ray_segment_unref(segment);
}

/* ---- the folder ------------------------------------------------------------------------------ */

static uint64_t choose_segment_bytes(struct ray_wal *wal)
{
    uint64_t free_bytes, total_bytes, bytes = SEGMENT_BYTES;
    if (ops(wal)->space(wal->options.disk, wal->folder, &free_bytes, &total_bytes) == 0 &&
        total_bytes / SEGMENT_SHARE < bytes) {
        bytes = total_bytes / SEGMENT_SHARE;
    }
    if (wal->options.max_bytes / SEGMENT_SHARE < bytes) {
        bytes = wal->options.max_bytes / SEGMENT_SHARE;
    }
    return (bytes < SEGMENT_BYTES_MIN ? SEGMENT_BYTES_MIN : bytes) & ~(uint64_t)4095;
}

static enum ray_status open_folder(struct ray_wal *wal, char error[256])
{
    struct ray_recovered recovered;
    enum ray_status status = ray_wal_make_folder(wal, error);
    if (status != RAY_OK) {
        return status;
    }
    if (wal->options.segment_bytes == 0) {
        wal->segment_bytes = choose_segment_bytes(wal);
    }
    status = ray_recover(wal->options.disk, wal->folder, wal->options.log, &recovered, error);
    if (status != RAY_OK) {
        return status;
    }
    ray_wal_list_leftovers(wal); /* also what was set aside just now */
    count_kept(wal);
    wal->recovered = recovered.segments;
    wal->unread_first = recovered.unread_first;
    wal->unread_last = recovered.unread_last;
    atomic_store(&wal->damaged_records, recovered.damaged_records);
    atomic_store(&wal->damaged_bytes, recovered.damaged_bytes);
    /* Without what is done: a tail of the log that was lost after its documents were delivered
     * would give its numbers to new ones, which would count as delivered. */
    ray_wal_raise_next(wal, recovered.next);
    ray_wal_raise_next(wal, ray_wal_highest_done(wal) + 1);
    return RAY_OK;
}

enum ray_status ray_wal_open(const struct ray_wal_options *options, struct ray_wal **out,
                             char error[256])
{
    struct ray_wal *wal = calloc(1, sizeof(*wal));
    char *folder = strdup(options->folder);
    if (wal == NULL || folder == NULL) {
        free(wal);
        free(folder);
        snprintf(error, 256, "out of memory");
        return RAY_NOMEM;
    }
    wal->options = *options;
    wal->options.folder = NULL;
    wal->folder = folder;
    wal->segment_bytes = options->segment_bytes;
    wal->lock_file = wal->file = -1;
    wal->next = 1;
    enum ray_status status = open_folder(wal, error);
    if (status != RAY_OK) {
        ray_wal_close(wal);
        return status;
    }
    *out = wal;
    return RAY_OK;
}

void ray_wal_close(struct ray_wal *wal)
{
    if (wal == NULL) {
        return;
    }
    ray_wal_finish(wal);
    drop_spares(wal);
    while (wal->corrupt_count > 0) {
        forget_path(wal->corrupt, &wal->corrupt_count, wal->corrupt_count - 1);
    }
    while (wal->recovered != NULL) {
        struct ray_segment *next = wal->recovered->next;
        ray_segment_unref(wal->recovered);
        wal->recovered = next;
    }
    if (wal->lock_file >= 0) {
        ops(wal)->close(wal->options.disk, wal->lock_file);
    }
    free(wal->owed);
    free(wal->folder);
    free(wal);
}

struct ray_segment *ray_wal_take_recovered(struct ray_wal *wal)
{
    struct ray_segment *segments = wal->recovered;
    wal->recovered = NULL;
    return segments;
}

bool ray_wal_unread(const struct ray_wal *wal, uint64_t *first, uint64_t *last)
{
    *first = wal->unread_first;
    *last = wal->unread_last;
    return wal->unread_last > 0;
}

uint64_t ray_wal_next(const struct ray_wal *wal)
{
    return wal->next;
}

void ray_wal_raise_next(struct ray_wal *wal, uint64_t number)
{
    wal->next = number > wal->next ? number : wal->next;
}

enum ray_status ray_wal_owe(struct ray_wal *wal, const struct ray_owed_name *owed, uint32_t count)
{
    assert(count <= RAY_SEGMENT_OWED_MAX);
    struct ray_owed_name *copy = calloc(count + 1, sizeof(*copy));
    if (copy == NULL) {
        return RAY_NOMEM;
    }
    memcpy(copy, owed, count * sizeof(*copy));
    for (uint32_t i = 0; i < count; i++) {
        copy[i].documents = 0;
    }
    free(wal->owed);
    wal->owed = copy;
    wal->owed_count = count;
    ray_wal_finish(wal);
    return RAY_OK;
}

void ray_wal_finish(struct ray_wal *wal)
{
    if (wal->current != NULL) {
        (void)!finish_segment(wal); /* said in the log; what it holds stays readable */
    }
}

void ray_wal_stats(const struct ray_wal *wal, struct ray_wal_stats *out)
{
    *out = (struct ray_wal_stats){
        .syncs = atomic_load(&wal->syncs),
        .sync_ns = atomic_load(&wal->sync_ns),
        .damaged_records = atomic_load(&wal->damaged_records),
        .damaged_bytes = atomic_load(&wal->damaged_bytes),
        .kept_bytes = atomic_load(&wal->kept_bytes),
        .failed_writes = atomic_load(&wal->failed_writes),
    };
}
