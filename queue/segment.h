/*
 * segment: one file of the log. Knows its bytes and nothing of who needs them.
 *
 * Numbers are little-endian, everything is aligned to 8 bytes.
 *
 *   file    = head record* seal?
 *   head    = magic 8 | version u32 | head bytes u32 | salt u64 | first document u64 |
 *             created unix ns u64 | exporters u32 | CRC-32C of the head, this being 0, u32 |
 *             exporter*
 *   exporter = profile u64 | name bytes u32 | 0 u32 | name, padded to 8: owed what follows
 *   record  = magic u32 (low half of the salt) | CRC-32C of the 32 bytes that follow, seeded with
 *             the high half of the salt, u32 | payload bytes u32 | CRC-32C of the payload u32 |
 *             first document u64 | accepted unix ns u64 | documents u32 | flags u32 | payload
 *   seal    = a record with flag 1, its payload: documents of each exporter's profile, u64 each, in
 *             the head's order; bytes of this record u32; magic u32
 *
 * The salt is random for each file, also in the file's name: what a span's attributes hold, or what
 * an earlier life of a reused file left behind, never looks like a record. The head of a record has
 * a checksum of its own over the length, so that a damaged payload is skipped by its length and a
 * damaged head by looking for the next magic. A torn, empty or older tail reads as "no more".
 * Documents are numbered over the whole log; numbers rise.
 */
#ifndef RAY_QUEUE_SEGMENT_H
#define RAY_QUEUE_SEGMENT_H

#include "queue/disk.h"
#include "xray/batch.h"

#define RAY_SEGMENT_VERSION    1u
#define RAY_RECORD_HEAD_BYTES  40u
#define RAY_SEGMENT_OWED_MAX   64u  /* exporters of a pipeline */
#define RAY_SEGMENT_NAME_MAX   200u /* bytes of an exporter's name */
#define RAY_SEGMENT_PATH_BYTES 512u

/* An exporter that the records of a segment are owed to. */
struct ray_owed_name {
    char name[RAY_SEGMENT_NAME_MAX + 1];
    uint64_t profile;   /* its sections when they were written */
    uint64_t documents; /* of that profile; known once sealed or scanned */
};

struct ray_segment_head {
    uint64_t salt;
    uint64_t first;
    uint64_t created_unix_ns;
    uint32_t bytes; /* of the head */
    uint32_t owed_count;
    struct ray_owed_name *owed; /* malloc'd */
};

/* Appends the head's bytes. */
void ray_segment_head_write(const struct ray_segment_head *head, struct ray_buf *out);
enum ray_segment_found {
    RAY_SEGMENT_GOOD,
    RAY_SEGMENT_DAMAGED,
    RAY_SEGMENT_NEWER,      /* its head is intact: a later version of this program wrote it */
    RAY_SEGMENT_UNREADABLE, /* the system refused, or memory is short: errno */
};
/* Reads the head of an open file; `owed` is the caller's to free when it is GOOD. */
enum ray_segment_found ray_segment_head_read(struct ray_disk *disk, int file,
                                             struct ray_segment_head *head);

/* "q-<first>-<salt>.seg", both as 16 hexadecimal digits. */
void ray_segment_name_write(uint64_t first, uint64_t salt, char out[48]);
bool ray_segment_name_read(const char *name, uint64_t *first, uint64_t *salt);

struct ray_record {
    uint64_t first; /* document */
    uint64_t unix_ns;
    uint32_t documents;
    uint32_t payload_bytes;
    uint32_t payload_crc;
    uint32_t flags;
    uint64_t offset; /* in the file, of its head; not part of the head */
};
#define RAY_RECORD_SEAL 1u

void ray_record_head_write(const struct ray_record *record, uint64_t salt,
                           char out[RAY_RECORD_HEAD_BYTES]);
/* A whole seal record: documents of each of head's exporters, then where it begins. */
void ray_segment_seal_write(const struct ray_segment_head *head, uint64_t next_document,
                            uint64_t unix_ns, struct ray_buf *out);
/* Is it sealed? Then the documents of `head->owed` are set, *end is the number behind its last
 * document and *bytes where its records end. */
bool ray_segment_seal_read(struct ray_disk *disk, int file, struct ray_segment_head *head,
                           uint64_t *end, uint64_t *bytes);

/*
 * Walks the records of an open file whose head was read, or whose salt is known from its name.
 * Damaged heads are jumped over; `skipped_bytes` grows by what was jumped over in front of a good
 * record, so what stays at the end of the file is no damage but no record.
 */
struct ray_segment_walk {
    struct ray_disk *disk;
    int file;
    uint64_t salt;
    uint64_t offset; /* where to look next */
    uint64_t limit;  /* where the file, or what may be read of it, ends */
    uint64_t floor;  /* numbers below are not taken */
    uint64_t skipped_bytes;
    uint64_t stuck_at;   /* what the disk did not give, after RAY_IO */
    uint64_t resume_at;  /* nothing before it is looked at again */
    uint64_t skip_bytes; /* of the next skip; 0: a page */
    bool met_seal;
    char *window; /* bytes of the file from window_offset on */
    size_t window_bytes;
    uint64_t window_offset;
};
void ray_segment_walk_init(struct ray_segment_walk *walk, struct ray_disk *disk, int file,
                           uint64_t salt, uint64_t offset, uint64_t limit, uint64_t floor);
void ray_segment_walk_clear(struct ray_segment_walk *walk);
/* The next record whose head is good; its payload is not looked at. RAY_CLOSED: there is none
 * (`offset` is then behind the last one), RAY_IO, RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_segment_walk_next(struct ray_segment_walk *walk,
                                                   struct ray_record *out);
/* After RAY_CLOSED: what follows was a record of this segment once, or is one whose head is bad. A
 * guess: where its magic is hit, too, it looks like what an earlier life left. */
bool ray_segment_walk_has_bad_tail(struct ray_segment_walk *walk);
/* After RAY_IO: gives up the page that the disk does not give; twice as much each time until a
 * record is found again, so that the end of a file that cannot be read at all is near. */
void ray_segment_walk_skip(struct ray_segment_walk *walk);
/* The payload as a sealed batch. RAY_INVALID: damaged; RAY_IO, RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_segment_read(struct ray_disk *disk, int file,
                                              const struct ray_record *record,
                                              struct ray_batch **out);

#endif
