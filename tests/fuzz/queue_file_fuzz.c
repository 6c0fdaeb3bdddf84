/* fuzz: any bytes may lie in the folder of a queue. The first byte says as what: a segment or a
 * journal, as it is or with its checksums put right (a fuzzer cannot guess them). Opening ends,
 * numbers rise and lie inside, what is read twice is the same, and a journal that was written again
 * says the same. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/crc32c.h"
#include "queue/journal.h"
#include "queue/wal.h"
#include "tests/support/sim_disk.h"

#define FOLDER "/data/queue"
#define HALF   (RAY_JOURNAL_BYTES / 2)

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* ---- segments -------------------------------------------------------------------------------- */

static void put_right_records(char *bytes, size_t size, size_t at, uint64_t salt)
{
    while (size - at >= RAY_RECORD_HEAD_BYTES) {
        size_t room = (size - at - RAY_RECORD_HEAD_BYTES) / 8 * 8;
        size_t payload = ray_get_u32(bytes + at + 8) % 4096 / 8 * 8;
        payload = payload < room ? payload : room;
        struct ray_str rest = {bytes + at + RAY_RECORD_HEAD_BYTES, payload};
        struct ray_record record = {.first = ray_get_u64(bytes + at + 16),
                                    .unix_ns = ray_get_u64(bytes + at + 24),
                                    .documents = ray_get_u32(bytes + at + 32),
                                    .flags = ray_get_u32(bytes + at + 36),
                                    .payload_bytes = (uint32_t)payload,
                                    .payload_crc = ray_crc32c(0, rest)};
        ray_record_head_write(&record, salt, bytes + at);
        at += RAY_RECORD_HEAD_BYTES + payload;
    }
}

static void put_right_segment(char *bytes, size_t size)
{
    if (size < 48) {
        return;
    }
    size_t head = ray_get_u32(bytes + 12);
    if (head < 48 || head > size) {
        head = 48;
        ray_put_u32(bytes + 12, 48);
    }
    ray_put_u32(bytes + 44, 0);
    ray_put_u32(bytes + 44, ray_crc32c(0, (struct ray_str){bytes, head}));
    put_right_records(bytes, size, head, ray_get_u64(bytes + 16));
}

/* Every record once, by what follows the last one. */
static size_t read_all(struct ray_wal *wal, struct ray_segment *segment)
{
    struct ray_wal_reader reader = {0};
    struct ray_batch *batch = NULL;
    uint64_t wanted = segment->head.first, first = 0;
    size_t records = 0;
    while (ray_wal_read(wal, &reader, segment, wanted, segment->bytes, &batch, &first) == RAY_OK) {
        uint32_t documents = ray_batch_documents(batch);
        must(first + documents >= wanted && documents <= UINT64_MAX - first);
        must(++records <= segment->file_bytes / RAY_RECORD_HEAD_BYTES);
        wanted = first + documents;
        ray_batch_unref(batch);
    }
    ray_wal_reader_clear(wal, &reader);
    return records;
}

static void try_segment(const char *bytes, size_t size)
{
    char name[48], path[128], error[256] = "";
    struct sim_disk *sim = sim_disk_new(0);
    uint64_t salt = size >= 24 ? ray_get_u64(bytes + 16) : 7;
    ray_segment_name_write(1, salt, name);
    snprintf(path, sizeof(path), FOLDER "/%s", name);
    sim_disk_put_file(sim, path, bytes, size);
    struct ray_wal_options options = {.folder = FOLDER,
                                      .disk = sim_disk_of(sim),
                                      .segment_bytes = 1 << 20,
                                      .max_bytes = 1 << 24,
                                      .clock = &ray_clock_system};
    struct ray_wal *wal = NULL;
    enum ray_status status = ray_wal_open(&options, &wal, error);
    must(status == RAY_OK || (status == RAY_INVALID && error[0] != '\0'));
    struct ray_segment *segment = status == RAY_OK ? ray_wal_take_recovered(wal) : NULL;
    if (segment != NULL) {
        must(segment->next == NULL && segment->end > segment->head.first);
        must(segment->bytes <= segment->file_bytes && ray_wal_next(wal) >= segment->end);
        must(read_all(wal, segment) == read_all(wal, segment));
        ray_segment_unref(segment);
    }
    ray_wal_close(wal);
    sim_disk_free(sim);
}

/* ---- journals -------------------------------------------------------------------------------- */

static void put_right_journal(char *bytes)
{
    for (size_t half = 0; half < 2; half++) {
        char *start = bytes + half * HALF;
        size_t ranges = ray_get_u32(start + 32) % RAY_JOURNAL_RANGES_MAX;
        uint64_t generation = ray_get_u64(start + 8);
        ray_put_u32(start + 32, (uint32_t)ranges);
        ray_put_u32(start + 36, 0);
        size_t at = 40 + ranges * 16;
        ray_put_u32(start + 36, ray_crc32c(0, (struct ray_str){start, at}));
        for (; at + 16 <= HALF && ray_get_u64(start + at) != 0; at += 16) {
            uint32_t seed = (uint32_t)(generation ^ generation >> 32);
            ray_put_u32(start + at + 12, ray_crc32c(seed, (struct ray_str){start + at, 12}));
        }
    }
}

struct told {
    uint64_t low, highest;
    struct ray_done_range ranges[RAY_JOURNAL_RANGES_MAX];
    size_t count;
};

static void on_low(void *context, uint64_t low)
{
    ((struct told *)context)->low = low;
}

static void on_range(void *context, struct ray_done_range range)
{
    struct told *told = context;
    must(range.count > 0 && range.count - 1 <= UINT64_MAX - range.first);
    uint64_t last = range.first + (range.count - 1);
    told->highest = last > told->highest ? last : told->highest;
    if (told->count < RAY_JOURNAL_RANGES_MAX) {
        told->ranges[told->count++] = range;
    }
}

static void read_journal(struct sim_disk *sim, struct told *told, bool rewrite)
{
    struct ray_journal_reader reader = {told, on_low, on_range};
    uint64_t highest = 0;
    *told = (struct told){.low = 0};
    struct ray_journal *journal =
        ray_journal_open(sim_disk_of(sim), FOLDER "/a-x.ack", &reader, &highest);
    must(journal != NULL && highest >= told->low && highest >= told->highest);
    if (rewrite) {
        must(ray_journal_rewrite(journal, told->low, told->ranges, told->count) == RAY_OK);
    }
    ray_journal_close(journal);
}

static void try_journal(const char *bytes, size_t size)
{
    struct sim_disk *sim = sim_disk_new(0);
    struct told *before = malloc(sizeof(*before)), *after = malloc(sizeof(*after));
    sim_disk_put_file(sim, FOLDER "/a-x.ack", bytes, size);
    read_journal(sim, before, true);
    read_journal(sim, after, false);
    must(before->low == after->low && before->count == after->count);
    must(memcmp(before->ranges, after->ranges, before->count * sizeof(before->ranges[0])) == 0);
    free(before);
    free(after);
    sim_disk_free(sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    bool right = (data[0] & 1) != 0, is_journal = (data[0] & 2) != 0;
    size_t bytes = is_journal && right ? RAY_JOURNAL_BYTES : size - 1;
    char *copy = calloc(1, bytes + 1);
    /* the second half of a small input is the second half of the file */
    size_t part = size - 1 < HALF ? (size - 1) / 2 : 0;
    memcpy(copy, data + 1, size - 1 < bytes ? size - 1 : bytes);
    if (is_journal && right) {
        memcpy(copy + HALF, data + 1 + part, part);
        put_right_journal(copy);
    } else if (right) {
        put_right_segment(copy, bytes);
    }
    (is_journal ? try_journal : try_segment)(copy, bytes);
    free(copy);
    return 0;
}
