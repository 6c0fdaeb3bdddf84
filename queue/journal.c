/* journal: see journal.h, which also draws the layout. */
#include "queue/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/crc32c.h"

static const char magic[8] = {'\x8e', 'R', 'A', 'Y', 'a', '\r', '\n', '\x1a'};

#define HALF_BYTES           (RAY_JOURNAL_BYTES / 2)
#define SNAPSHOT_FIXED_BYTES 40u
#define SNAPSHOT_CRC_AT      36u
#define UNIT_BYTES           16u /* of a range and of an entry */

struct ray_journal {
    struct ray_disk *disk;
    char *path;
    int file; /* -1: could not be opened */
    unsigned half;
    uint64_t generation;
    uint64_t highest;
    uint32_t end; /* of what is written in this half; 0: nothing may be added */
};

/* ---- reading --------------------------------------------------------------------------------- */

static bool is_snapshot(char *half, uint64_t *generation)
{
    uint32_t ranges = ray_get_u32(half + 32);
    if (memcmp(half, magic, sizeof(magic)) != 0 || ranges > RAY_JOURNAL_RANGES_MAX) {
        return false;
    }
    uint32_t crc = ray_get_u32(half + SNAPSHOT_CRC_AT);
    struct ray_str bytes = {half, SNAPSHOT_FIXED_BYTES + ranges * UNIT_BYTES};
    ray_put_u32(half + SNAPSHOT_CRC_AT, 0);
    bool good = ray_crc32c(0, bytes) == crc;
    ray_put_u32(half + SNAPSHOT_CRC_AT, crc);
    *generation = ray_get_u64(half + 8);
    return good;
}

static uint32_t entry_crc(const char *entry, uint64_t generation)
{
    return ray_crc32c((uint32_t)(generation ^ generation >> 32), (struct ray_str){entry, 12});
}

static void tell(const struct ray_journal_reader *reader, uint64_t *highest, uint64_t first,
                 uint64_t count)
{
    if (count == 0 || count - 1 > UINT64_MAX - first) {
        return;
    }
    uint64_t last = first + (count - 1);
    *highest = last > *highest ? last : *highest;
    if (reader != NULL) {
        reader->range(reader->context, (struct ray_done_range){first, count});
    }
}

static void read_half(const char *half, const struct ray_journal_reader *reader, uint64_t *highest)
{
    uint64_t generation = ray_get_u64(half + 8);
    uint64_t low = ray_get_u64(half + 16);
    uint64_t seen = ray_get_u64(half + 24);
    uint32_t ranges = ray_get_u32(half + 32);
    *highest = low > *highest ? low : *highest;
    *highest = seen > *highest ? seen : *highest;
    if (reader != NULL) {
        reader->low(reader->context, low);
    }
    uint32_t at = SNAPSHOT_FIXED_BYTES;
    for (; ranges > 0; ranges--, at += UNIT_BYTES) {
        tell(reader, highest, ray_get_u64(half + at), ray_get_u64(half + at + 8));
    }
    for (; at + UNIT_BYTES <= HALF_BYTES; at += UNIT_BYTES) {
        if (ray_get_u32(half + at + 12) == entry_crc(half + at, generation)) {
            tell(reader, highest, ray_get_u64(half + at), ray_get_u32(half + at + 8));
        }
    }
}

/* What the file holds; nothing when it is short, damaged or new. */
static void read_file(struct ray_journal *journal, const struct ray_journal_reader *reader)
{
    char *bytes = calloc(1, RAY_JOURNAL_BYTES);
    uint64_t generations[2] = {0, 0};
    if (bytes == NULL) {
        return; /* everything is repeated then */
    }
    for (unsigned half = 0; half < 2; half++) { /* one of them may be out of reach */
        (void)!ray_disk_read_all(journal->disk, journal->file, bytes + half * HALF_BYTES,
                                 HALF_BYTES, half * HALF_BYTES);
    }
    bool good[2];
    for (unsigned half = 0; half < 2; half++) {
        good[half] = is_snapshot(bytes + half * HALF_BYTES, &generations[half]);
    }
    if (good[0] || good[1]) {
        unsigned newest = good[1] && (!good[0] || generations[1] > generations[0]);
        read_half(bytes + newest * HALF_BYTES, reader, &journal->highest);
        journal->half = newest;
        journal->generation = generations[newest];
    }
    free(bytes);
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool open_file(struct ray_journal *journal)
{
    if (journal->file < 0) {
        journal->file = journal->disk->ops->open(journal->disk, journal->path, O_RDWR | O_CREAT);
    }
    return journal->file >= 0;
}

struct ray_journal *ray_journal_open(struct ray_disk *disk, const char *path,
                                     const struct ray_journal_reader *reader, uint64_t *highest)
{
    struct ray_journal *journal = calloc(1, sizeof(*journal));
    char *copy = strdup(path);
    if (journal == NULL || copy == NULL) {
        free(journal);
        free(copy);
        return NULL;
    }
    *journal = (struct ray_journal){.disk = disk, .path = copy, .file = -1};
    if (open_file(journal)) {
        read_file(journal, reader);
    }
    *highest = journal->highest;
    return journal;
}

void ray_journal_close(struct ray_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    if (journal->file >= 0) {
        journal->disk->ops->close(journal->disk, journal->file);
    }
    free(journal->path);
    free(journal);
}

static enum ray_status write_at(struct ray_journal *journal, const char *bytes, size_t len,
                                uint64_t offset)
{
    uint64_t written;
    union {
        const void *in;
        void *out;
    } base = {.in = bytes}; /* iovec has no const */
    struct iovec part = {base.out, len};
    return ray_disk_write_all(journal->disk, journal->file, &part, 1, offset, &written);
}

bool ray_journal_add(struct ray_journal *journal, uint64_t first, uint32_t count)
{
    char entry[UNIT_BYTES];
    if (journal->end == 0 || journal->end + UNIT_BYTES > HALF_BYTES) {
        return false;
    }
    ray_put_u64(entry, first);
    ray_put_u32(entry + 8, count);
    ray_put_u32(entry + 12, entry_crc(entry, journal->generation));
    if (count > 0 && first + (count - 1) > journal->highest) {
        journal->highest = first + (count - 1);
    }
    uint64_t offset = journal->half * HALF_BYTES + journal->end;
    journal->end += UNIT_BYTES; /* also when it fails: a hole is passed over */
    return write_at(journal, entry, sizeof(entry), offset) == RAY_OK;
}

/* Both halves have their blocks before the first entry: a full disk takes no more then. A file that
 * cannot have them does not take the little that is left from the segments. */
static enum ray_status take_blocks(struct ray_journal *journal)
{
    if (journal->disk->ops->allocate(journal->disk, journal->file, RAY_JOURNAL_BYTES) == 0) {
        return RAY_OK;
    }
    return ray_disk_status() == RAY_AGAIN ? RAY_AGAIN : RAY_OK; /* else the write will say */
}

enum ray_status ray_journal_rewrite(struct ray_journal *journal, uint64_t low,
                                    const struct ray_done_range *ranges, size_t count)
{
    char *half = calloc(1, HALF_BYTES); /* zeros behind the snapshot: older entries go */
    if (half == NULL) {
        return RAY_NOMEM;
    }
    count = count < RAY_JOURNAL_RANGES_MAX ? count : RAY_JOURNAL_RANGES_MAX;
    journal->highest = low > journal->highest ? low : journal->highest;
    memcpy(half, magic, sizeof(magic));
    ray_put_u64(half + 8, journal->generation + 1);
    ray_put_u64(half + 16, low);
    ray_put_u64(half + 24, journal->highest);
    ray_put_u32(half + 32, (uint32_t)count);
    size_t bytes = SNAPSHOT_FIXED_BYTES;
    for (size_t i = 0; i < count; i++, bytes += UNIT_BYTES) {
        ray_put_u64(half + bytes, ranges[i].first);
        ray_put_u64(half + bytes + 8, ranges[i].count);
    }
    ray_put_u32(half + SNAPSHOT_CRC_AT, ray_crc32c(0, (struct ray_str){half, bytes}));

    enum ray_status status = RAY_IO;
    unsigned other = 1 - journal->half;
    if (open_file(journal)) {
        status = take_blocks(journal);
    }
    if (status == RAY_OK) {
        status = write_at(journal, half, HALF_BYTES, other * HALF_BYTES);
    }
    int error = errno;
    free(half);
    errno = error;
    journal->end = 0;
    if (status == RAY_OK) {
        journal->half = other;
        journal->generation++;
        journal->end = (uint32_t)bytes;
    }
    return status;
}
