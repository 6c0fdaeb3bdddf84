/*
 * wal: the log of one pipeline on disk, in front of everything that exporters do: a folder with
 * segments (queue/segment.h), one of which is written to.
 *
 *   q-<first document>-<salt>.seg   a segment
 *   a-<exporter>.ack                what that exporter is done with (queue/journal.h)
 *   spare-<salt>.tmp                a segment that is done with, to be used again; at most two
 *   *.corrupt                       a damaged one whose good records are delivered; at most four
 *   lock                            held while a process has the folder
 *
 * Writing, syncing and deleting are one thread's, which waits for the disk so that nobody else
 * has to. Nothing here knows cursors; queue/queue.c says what is done with. Why each step is what
 * it is was measured: overwriting a used segment costs half of appending, a sync of it half as
 * much; one write for all that waits; a file of an earlier run is never written to.
 */
#ifndef RAY_QUEUE_WAL_H
#define RAY_QUEUE_WAL_H

#include "core/log.h"
#include "queue/segment.h"

enum ray_fsync {
    RAY_FSYNC_ALWAYS, /* before a ticket says RAY_OK: nothing is lost with the power */
    /* Each fsync_interval_ms: at most that much is lost with the power. Should the disk refuse a
     * sync, what it was for has no more than the system's memory until it is delivered. */
    RAY_FSYNC_INTERVAL,
    RAY_FSYNC_NEVER, /* the system decides; a kill loses nothing here either */
};

struct ray_wal_options {
    const char *folder; /* made when its parent is there */
    struct ray_disk *disk;
    enum ray_fsync fsync;
    uint32_t fsync_interval_ms;
    uint64_t segment_bytes; /* 0: 16 MiB, less on a small disk or below a small max_bytes */
    uint64_t max_bytes;     /* what the queue allows, for the choice above */
    uint64_t min_free_bytes;
    double min_free_share; /* of the file system, 0 to 1; the larger of both holds */
    struct ray_log *log;
    const struct ray_clock *clock;
};

/* A file of the log. Fields are set by the writer before a record of it is handed out and change no
 * more, but for those that say so. */
struct ray_segment {
    struct ray_segment *next; /* the wal's, of recovered ones: oldest first */
    _Atomic uint32_t refs;
    struct ray_segment_head head;
    uint64_t records_at; /* offset of the first */
    uint64_t end;        /* number behind its last document; the queue's while it is written to */
    uint64_t bytes;      /* where its records end: what may be read; the queue's, likewise */
    uint64_t file_bytes; /* of a recovered one */
    bool recovered;
    bool owed_to_all; /* its head is damaged: nobody knows whom */
    bool is_blank;    /* nothing was ever written where its records would be */
    _Atomic bool damaged;
    _Atomic uint64_t damage_counted_to; /* offset: damage before it is in the figures */
    char path[];
};
void ray_segment_unref(struct ray_segment *segment); /* accepts NULL; the file stays */

struct ray_wal;

/* Makes and locks the folder and finds what is there. Whatever is damaged is passed over with a
 * line in the log. RAY_IO, RAY_INVALID (a later version wrote here), RAY_CLOSED (another process
 * has it), RAY_NOMEM: `error` says what, where and what to do. */
RAY_MUST_USE enum ray_status ray_wal_open(const struct ray_wal_options *options,
                                          struct ray_wal **out, char error[256]);
/* Seals what is written to. Every reader is cleared and every segment unreferenced before. */
void ray_wal_close(struct ray_wal *wal); /* accepts NULL */

/* What was found at the start, oldest first, one reference each for the caller of this, once. */
struct ray_segment *ray_wal_take_recovered(struct ray_wal *wal);
/* Numbers [*first, *last] may belong to files that the system did not let us read this time: they
 * count as done for nobody. False: there are none. */
bool ray_wal_unread(const struct ray_wal *wal, uint64_t *first, uint64_t *last);
/* Number of the next document; the second makes it at least `number`. */
uint64_t ray_wal_next(const struct ray_wal *wal);
void ray_wal_raise_next(struct ray_wal *wal, uint64_t number);
/* Whom the records from now on are owed to: a change starts a new segment. At most
 * RAY_SEGMENT_OWED_MAX, names cut at RAY_SEGMENT_NAME_MAX. RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_wal_owe(struct ray_wal *wal, const struct ray_owed_name *owed,
                                         uint32_t count);

struct ray_wal_record {
    struct ray_batch *batch; /* borrowed */
    uint32_t payload_crc;
    /* set when it is written */
    uint64_t first;
    uint64_t end_offset;         /* behind it */
    struct ray_segment *segment; /* with a reference, which is the caller's; NULL before */
};
uint32_t ray_wal_crc(const struct ray_batch *batch); /* for payload_crc; any thread */
/*
 * Writes the records in order and, with RAY_FSYNC_ALWAYS, syncs. Returns how many, from the first
 * on, are now in the log; *why is why the others are not: RAY_AGAIN no room on the disk, RAY_IO,
 * RAY_NOMEM. The log's own thread, as the next two.
 */
size_t ray_wal_write(struct ray_wal *wal, struct ray_wal_record *records, size_t count,
                     enum ray_status *why);
/* RAY_FSYNC_INTERVAL: syncs when it is time. Returns in how many ms it will be; UINT32_MAX: nothing
 * waits. */
uint32_t ray_wal_sync_when_due(struct ray_wal *wal);
/* Seals what is written to; the next record begins a segment. */
void ray_wal_finish(struct ray_wal *wal);
/* Every cursor is done with all of it: the file goes. Takes the caller's reference. */
void ray_wal_release(struct ray_wal *wal, struct ray_segment *segment);

/* Where one cursor reads. All zeros is a good start. */
struct ray_wal_reader {
    struct ray_segment *segment; /* with a reference */
    int file;
    unsigned failures; /* of the disk, since something was read */
    bool passed_over;  /* after RAY_CLOSED: the file cannot be opened, what it holds stays owed */
    struct ray_segment_walk walk;
};
/*
 * The next record of `segment` that has a number of at least `number`; records end at `limit`.
 * What is damaged is passed over and marks the segment. RAY_CLOSED: none; RAY_IO, RAY_NOMEM: try
 * again. Any thread, one per reader, with a reference of the segment.
 */
RAY_MUST_USE enum ray_status ray_wal_read(struct ray_wal *wal, struct ray_wal_reader *reader,
                                          struct ray_segment *segment, uint64_t number,
                                          uint64_t limit, struct ray_batch **out, uint64_t *first);
void ray_wal_reader_clear(struct ray_wal *wal, struct ray_wal_reader *reader);

/* Path of an exporter's journal, in `out`. False when it is too long. */
bool ray_wal_journal_path(const struct ray_wal *wal, const char *exporter, char *out,
                          size_t out_bytes);
/* Highest number that any journal in the folder knows, also of exporters that are gone. */
uint64_t ray_wal_highest_done(struct ray_wal *wal);

/* Any thread. */
struct ray_wal_stats {
    uint64_t syncs;
    uint64_t sync_ns;
    uint64_t damaged_records; /* at least so many */
    uint64_t damaged_bytes;
    uint64_t kept_bytes; /* spare and corrupt files */
    uint64_t failed_writes;
    uint64_t missing_documents; /* the queue's to set: gone with a file, as far as is known */
};
void ray_wal_stats(const struct ray_wal *wal, struct ray_wal_stats *out);

#endif
