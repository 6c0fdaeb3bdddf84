/*
 * wal_inside: what wal.c (writing), wal_read.c and wal_folder.c (names, what lies about) share.
 * Private to queue/.
 */
#ifndef RAY_QUEUE_WAL_INSIDE_H
#define RAY_QUEUE_WAL_INSIDE_H

#include "queue/wal.h"

#define SPARES_MAX  2u
#define CORRUPT_MAX 4u
#define PATH_BYTES  RAY_SEGMENT_PATH_BYTES

struct ray_wal {
    struct ray_wal_options options;
    char *folder;
    uint64_t segment_bytes;
    int lock_file;
    uint64_t next; /* number */
    struct ray_segment *recovered;
    uint64_t unread_first, unread_last; /* 0: none */
    struct ray_owed_name *owed;
    uint32_t owed_count;

    /* the segment that is written to; NULL: the next write begins one */
    struct ray_segment *current;
    int file;
    uint64_t offset;     /* where the next record goes */
    uint64_t written_to; /* number behind the last record in it */
    bool dirty;          /* has bytes that were not synced */
    bool folder_dirty;   /* a name that was not synced */
    uint64_t synced_ns;  /* monotonic */

    char *spares[SPARES_MAX]; /* paths */
    size_t spare_count;
    char *corrupt[CORRUPT_MAX]; /* paths, oldest first */
    size_t corrupt_count;

    struct ray_log_limiter cannot_write, cannot_read, damage;
    _Atomic uint64_t syncs, sync_ns, damaged_records, damaged_bytes, failed_writes, kept_bytes;
};

static inline const struct ray_disk_ops *ops(const struct ray_wal *wal)
{
    return wal->options.disk->ops;
}

/* wal_folder.c: makes and locks the folder, `error` as for ray_wal_open. */
RAY_MUST_USE enum ray_status ray_wal_make_folder(struct ray_wal *wal, char error[256]);
/* What an earlier process left lying about: spare ones go, damaged ones are known again. */
void ray_wal_list_leftovers(struct ray_wal *wal);

#endif
