/* segment: see segment.h, which also draws the layout. */
#include "queue/segment.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/crc32c.h"

/* Not text, and broken by whatever changes line ends. */
static const char magic[8] = {'\x8e', 'R', 'A', 'Y', 'q', '\r', '\n', '\x1a'};

#define HEAD_FIXED_BYTES 48u
#define HEAD_CRC_AT      44u
#define OWED_FIXED_BYTES 16u
#define HEAD_BYTES_MAX                                                                             \
    (HEAD_FIXED_BYTES + RAY_SEGMENT_OWED_MAX * (OWED_FIXED_BYTES + RAY_SEGMENT_NAME_MAX + 8))
#define SEAL_TAIL_BYTES 8u
#define WINDOW_BYTES    ((size_t)64 << 10)
#define PAGE_BYTES      4096u /* what a disk gives or does not */
/* A payload is at most what a batch may hold; more is damage, whatever the checksum says. */
#define PAYLOAD_BYTES_MAX ((uint32_t)256 << 20)

static size_t padded(size_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

/* ---- the head -------------------------------------------------------------------------------- */

static void append_u32(struct ray_buf *out, uint32_t value)
{
    char bytes[4];
    ray_put_u32(bytes, value);
    ray_buf_append(out, (struct ray_str){bytes, sizeof(bytes)});
}

static void append_u64(struct ray_buf *out, uint64_t value)
{
    append_u32(out, (uint32_t)value);
    append_u32(out, (uint32_t)(value >> 32));
}

static void append_owed(struct ray_buf *out, const struct ray_owed_name *owed)
{
    static const char zeros[8] = {0};
    size_t len = strlen(owed->name);
    append_u64(out, owed->profile);
    append_u32(out, (uint32_t)len);
    append_u32(out, 0);
    ray_buf_append(out, (struct ray_str){owed->name, len});
    ray_buf_append(out, (struct ray_str){zeros, padded(len) - len});
}

void ray_segment_head_write(const struct ray_segment_head *head, struct ray_buf *out)
{
    size_t bytes = HEAD_FIXED_BYTES;
    for (uint32_t i = 0; i < head->owed_count; i++) {
        bytes += OWED_FIXED_BYTES + padded(strlen(head->owed[i].name));
    }
    size_t at = out->len;
    ray_buf_append(out, (struct ray_str){magic, sizeof(magic)});
    append_u32(out, RAY_SEGMENT_VERSION);
    append_u32(out, (uint32_t)bytes);
    append_u64(out, head->salt);
    append_u64(out, head->first);
    append_u64(out, head->created_unix_ns);
    append_u32(out, head->owed_count);
    append_u32(out, 0);
    for (uint32_t i = 0; i < head->owed_count; i++) {
        append_owed(out, &head->owed[i]);
    }
    if (!out->failed) {
        char *start = out->data + at;
        ray_put_u32(start + HEAD_CRC_AT, ray_crc32c(0, (struct ray_str){start, bytes}));
    }
}

/* The exporters of a head whose checksum was right; still checked like anybody's bytes. */
static bool read_owed(struct ray_str bytes, struct ray_segment_head *head)
{
    head->owed = calloc(head->owed_count + 1, sizeof(*head->owed));
    if (head->owed == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < head->owed_count; i++) {
        struct ray_owed_name *owed = &head->owed[i];
        size_t len = bytes.len >= OWED_FIXED_BYTES ? ray_get_u32(bytes.ptr + 8) : SIZE_MAX;
        if (len > RAY_SEGMENT_NAME_MAX || padded(len) > bytes.len - OWED_FIXED_BYTES) {
            free(head->owed);
            head->owed = NULL;
            return false;
        }
        owed->profile = ray_get_u64(bytes.ptr);
        memcpy(owed->name, bytes.ptr + OWED_FIXED_BYTES, len);
        bytes.ptr += OWED_FIXED_BYTES + padded(len);
        bytes.len -= OWED_FIXED_BYTES + padded(len);
    }
    return true;
}

static enum ray_segment_found read_checked_head(struct ray_str bytes, struct ray_segment_head *head)
{
    if (ray_get_u32(bytes.ptr + 8) > RAY_SEGMENT_VERSION) {
        return RAY_SEGMENT_NEWER;
    }
    *head = (struct ray_segment_head){
        .bytes = (uint32_t)bytes.len,
        .salt = ray_get_u64(bytes.ptr + 16),
        .first = ray_get_u64(bytes.ptr + 24),
        .created_unix_ns = ray_get_u64(bytes.ptr + 32),
        .owed_count = ray_get_u32(bytes.ptr + 40),
    };
    struct ray_str rest = {bytes.ptr + HEAD_FIXED_BYTES, bytes.len - HEAD_FIXED_BYTES};
    if (head->owed_count > RAY_SEGMENT_OWED_MAX || !read_owed(rest, head)) {
        return RAY_SEGMENT_DAMAGED;
    }
    return RAY_SEGMENT_GOOD;
}

enum ray_segment_found ray_segment_head_read(struct ray_disk *disk, int file,
                                             struct ray_segment_head *head)
{
    char *bytes = malloc(HEAD_BYTES_MAX);
    if (bytes == NULL) {
        return RAY_SEGMENT_UNREADABLE;
    }
    enum ray_segment_found found = RAY_SEGMENT_DAMAGED;
    enum ray_status status = ray_disk_read_all(disk, file, bytes, HEAD_FIXED_BYTES, 0);
    if (status == RAY_OK && memcmp(bytes, magic, sizeof(magic)) == 0) {
        size_t len = ray_get_u32(bytes + 12);
        if (len >= HEAD_FIXED_BYTES && len <= HEAD_BYTES_MAX) {
            status = ray_disk_read_all(disk, file, bytes, len, 0);
        } else {
            status = RAY_INVALID;
        }
        if (status == RAY_OK) {
            uint32_t crc = ray_get_u32(bytes + HEAD_CRC_AT);
            ray_put_u32(bytes + HEAD_CRC_AT, 0);
            if (ray_crc32c(0, (struct ray_str){bytes, len}) == crc) {
                found = read_checked_head((struct ray_str){bytes, len}, head);
            }
        }
    }
    if (status == RAY_IO) {
        found = RAY_SEGMENT_UNREADABLE;
    }
    int error = errno;
    free(bytes);
    errno = error;
    return found;
}

void ray_segment_name_write(uint64_t first, uint64_t salt, char out[48])
{
    snprintf(out, 48, "q-%016llx-%016llx.seg", (unsigned long long)first, (unsigned long long)salt);
}

bool ray_segment_name_read(const char *name, uint64_t *first, uint64_t *salt)
{
    char again[48];
    if (strlen(name) != strlen("q-0123456789abcdef-0123456789abcdef.seg")) {
        return false;
    }
    uint64_t numbers[2] = {strtoull(name + 2, NULL, 16), strtoull(name + 19, NULL, 16)};
    ray_segment_name_write(numbers[0], numbers[1], again);
    if (strcmp(name, again) != 0) { /* exactly so, or it is somebody else's file */
        return false;
    }
    *first = numbers[0];
    *salt = numbers[1];
    return true;
}

/* ---- records --------------------------------------------------------------------------------- */

static uint32_t head_crc(const char head[RAY_RECORD_HEAD_BYTES], uint64_t salt)
{
    struct ray_str rest = {head + 8, RAY_RECORD_HEAD_BYTES - 8};
    return ray_crc32c((uint32_t)(salt >> 32), rest);
}

void ray_record_head_write(const struct ray_record *record, uint64_t salt,
                           char out[RAY_RECORD_HEAD_BYTES])
{
    ray_put_u32(out, (uint32_t)salt);
    ray_put_u32(out + 8, record->payload_bytes);
    ray_put_u32(out + 12, record->payload_crc);
    ray_put_u64(out + 16, record->first);
    ray_put_u64(out + 24, record->unix_ns);
    ray_put_u32(out + 32, record->documents);
    ray_put_u32(out + 36, record->flags);
    ray_put_u32(out + 4, head_crc(out, salt));
}

/* False when these bytes are no head of a record of this segment. */
static bool read_record_head(const char *bytes, uint64_t salt, struct ray_record *out)
{
    if (ray_get_u32(bytes) != (uint32_t)salt || ray_get_u32(bytes + 4) != head_crc(bytes, salt)) {
        return false;
    }
    *out = (struct ray_record){
        .payload_bytes = ray_get_u32(bytes + 8),
        .payload_crc = ray_get_u32(bytes + 12),
        .first = ray_get_u64(bytes + 16),
        .unix_ns = ray_get_u64(bytes + 24),
        .documents = ray_get_u32(bytes + 32),
        .flags = ray_get_u32(bytes + 36),
    };
    return true;
}

void ray_segment_seal_write(const struct ray_segment_head *head, uint64_t next_document,
                            uint64_t unix_ns, struct ray_buf *out)
{
    size_t at = out->len;
    uint32_t payload_bytes = head->owed_count * 8 + SEAL_TAIL_BYTES;
    if (!ray_buf_reserve(out, RAY_RECORD_HEAD_BYTES + payload_bytes)) {
        return;
    }
    out->len += RAY_RECORD_HEAD_BYTES;
    for (uint32_t i = 0; i < head->owed_count; i++) {
        append_u64(out, head->owed[i].documents);
    }
    append_u32(out, RAY_RECORD_HEAD_BYTES + payload_bytes);
    append_u32(out, (uint32_t)head->salt);
    struct ray_str payload = {out->data + at + RAY_RECORD_HEAD_BYTES, payload_bytes};
    struct ray_record record = {
        .first = next_document,
        .unix_ns = unix_ns,
        .payload_bytes = payload_bytes,
        .payload_crc = ray_crc32c(0, payload),
        .flags = RAY_RECORD_SEAL,
    };
    ray_record_head_write(&record, head->salt, out->data + at);
}

/* `bytes` is the whole of what should be the seal. */
static bool read_seal(struct ray_str bytes, struct ray_segment_head *head, uint64_t *end)
{
    struct ray_record record;
    struct ray_str payload = {bytes.ptr + RAY_RECORD_HEAD_BYTES, bytes.len - RAY_RECORD_HEAD_BYTES};
    if (!read_record_head(bytes.ptr, head->salt, &record) || record.flags != RAY_RECORD_SEAL ||
        record.payload_bytes != payload.len || ray_crc32c(0, payload) != record.payload_crc ||
        record.first < head->first) {
        return false;
    }
    for (uint32_t i = 0; i < head->owed_count; i++) {
        head->owed[i].documents = ray_get_u64(payload.ptr + (size_t)i * 8);
    }
    *end = record.first;
    return true;
}

bool ray_segment_seal_read(struct ray_disk *disk, int file, struct ray_segment_head *head,
                           uint64_t *end, uint64_t *bytes)
{
    char seal[RAY_RECORD_HEAD_BYTES + RAY_SEGMENT_OWED_MAX * 8 + SEAL_TAIL_BYTES];
    size_t seal_bytes = RAY_RECORD_HEAD_BYTES + head->owed_count * 8 + SEAL_TAIL_BYTES;
    int64_t size = disk->ops->size(disk, file);
    if (size < 0 || (uint64_t)size < head->bytes + seal_bytes) {
        return false;
    }
    uint64_t at = (uint64_t)size - seal_bytes;
    if (ray_disk_read_all(disk, file, seal, seal_bytes, at) != RAY_OK ||
        !read_seal((struct ray_str){seal, seal_bytes}, head, end)) {
        return false;
    }
    *bytes = at;
    return true;
}

/* ---- walking --------------------------------------------------------------------------------- */

void ray_segment_walk_init(struct ray_segment_walk *walk, struct ray_disk *disk, int file,
                           uint64_t salt, uint64_t offset, uint64_t limit, uint64_t floor)
{
    *walk = (struct ray_segment_walk){
        .disk = disk, .file = file, .salt = salt, .offset = offset, .limit = limit, .floor = floor};
}

void ray_segment_walk_clear(struct ray_segment_walk *walk)
{
    free(walk->window);
    walk->window = NULL;
    walk->window_bytes = 0;
}

/* The bytes of a head at `offset`, which is not too near the limit. */
static enum ray_status look(struct ray_segment_walk *walk, uint64_t offset, const char **out)
{
    if (walk->window == NULL) {
        walk->window = malloc(WINDOW_BYTES);
        walk->window_bytes = 0;
        if (walk->window == NULL) {
            return RAY_NOMEM;
        }
    }
    bool inside = offset >= walk->window_offset &&
                  offset + RAY_RECORD_HEAD_BYTES <= walk->window_offset + walk->window_bytes;
    if (!inside) {
        uint64_t bytes = walk->limit - offset;
        bytes = bytes < WINDOW_BYTES ? bytes : WINDOW_BYTES;
        walk->window_bytes = 0;
        enum ray_status status =
            ray_disk_read_all(walk->disk, walk->file, walk->window, (size_t)bytes, offset);
        if (status == RAY_IO) { /* one bad sector must not hide the good ones around it */
            bytes = RAY_RECORD_HEAD_BYTES;
            status = ray_disk_read_all(walk->disk, walk->file, walk->window, (size_t)bytes, offset);
        }
        if (status != RAY_OK) {
            return status;
        }
        walk->window_offset = offset;
        walk->window_bytes = (size_t)bytes;
    }
    *out = walk->window + (offset - walk->window_offset);
    return RAY_OK;
}

/* Looks only at the head: a payload is skipped, not read. */
static bool may_take(const struct ray_segment_walk *walk, uint64_t offset,
                     const struct ray_record *record)
{
    return record->payload_bytes <= walk->limit - offset - RAY_RECORD_HEAD_BYTES &&
           record->payload_bytes % 8 == 0 && record->payload_bytes <= PAYLOAD_BYTES_MAX &&
           record->first >= walk->floor && record->documents <= UINT64_MAX - record->first;
}

enum ray_status ray_segment_walk_next(struct ray_segment_walk *walk, struct ray_record *out)
{
    uint64_t offset = walk->offset > walk->resume_at ? walk->offset : walk->resume_at;
    for (; offset + RAY_RECORD_HEAD_BYTES <= walk->limit; offset += 8) {
        const char *bytes;
        struct ray_record record;
        enum ray_status status = look(walk, offset, &bytes);
        if (status != RAY_OK) {
            walk->stuck_at = offset;
            return status == RAY_INVALID ? RAY_CLOSED : status; /* somebody cut the file */
        }
        if (!read_record_head(bytes, walk->salt, &record) || !may_take(walk, offset, &record)) {
            continue;
        }
        if ((record.flags & RAY_RECORD_SEAL) != 0) {
            walk->met_seal = true;
            return RAY_CLOSED;
        }
        walk->skipped_bytes += offset - walk->offset;
        walk->skip_bytes = 0;
        record.offset = offset;
        walk->offset = offset + RAY_RECORD_HEAD_BYTES + record.payload_bytes;
        walk->floor = record.first + record.documents;
        *out = record;
        return RAY_OK;
    }
    return RAY_CLOSED;
}

bool ray_segment_walk_has_bad_tail(struct ray_segment_walk *walk)
{
    const char *bytes;
    return !walk->met_seal && walk->offset + RAY_RECORD_HEAD_BYTES <= walk->limit &&
           look(walk, walk->offset, &bytes) == RAY_OK && ray_get_u32(bytes) == (uint32_t)walk->salt;
}

void ray_segment_walk_skip(struct ray_segment_walk *walk)
{
    /* a head that reaches into the bad page is as lost as one that begins there */
    uint64_t bad = walk->stuck_at + RAY_RECORD_HEAD_BYTES - 1;
    uint64_t bytes = walk->skip_bytes > 0 ? walk->skip_bytes : PAGE_BYTES;
    walk->resume_at = bad / PAGE_BYTES * PAGE_BYTES + bytes;
    walk->skip_bytes = bytes * 2;
}

enum ray_status ray_segment_read(struct ray_disk *disk, int file, const struct ray_record *record,
                                 struct ray_batch **out)
{
    struct ray_buf payload;
    ray_buf_init(&payload, (size_t)PAYLOAD_BYTES_MAX);
    if (record->payload_bytes > 0 && !ray_buf_reserve(&payload, record->payload_bytes)) {
        ray_buf_clear(&payload);
        return RAY_NOMEM;
    }
    enum ray_status status = ray_disk_read_all(disk, file, payload.data, record->payload_bytes,
                                               record->offset + RAY_RECORD_HEAD_BYTES);
    if (status == RAY_OK) {
        payload.len = record->payload_bytes;
        bool good = ray_crc32c(0, ray_buf_str(&payload)) == record->payload_crc;
        status = good ? ray_batch_from_payload(&payload, out) : RAY_INVALID;
    }
    if (status == RAY_OK && ray_batch_documents(*out) != record->documents) {
        ray_batch_unref(*out);
        *out = NULL;
        status = RAY_INVALID;
    }
    if (status == RAY_OK) {
        ray_batch_set_accepted(*out, record->unix_ns);
    }
    int error = errno;
    ray_buf_clear(&payload);
    errno = error;
    return status;
}
