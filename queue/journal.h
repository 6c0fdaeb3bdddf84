/*
 * journal: what one exporter is done with, kept beside the log so that a restart goes on there.
 *
 * A file of two halves of 64 KiB, used in turn:
 *
 *   half     = snapshot entry*                             (numbers little-endian)
 *   snapshot = magic 8 | generation u64 | low u64 | highest u64 | ranges u32 |
 *              CRC-32C of the snapshot, this being 0, u32 | range*
 *   range    = first u64 | count u64: done above `low`
 *   entry    = first u64 | count u32 | CRC-32C of the 12 bytes, seeded with the generation, u32
 *
 * An entry is added for each acknowledgement; a half that is full hands over to the other one,
 * which begins with a snapshot of a higher generation. The newest half with a good snapshot holds;
 * entries that are no good are passed over, their order does not matter. Nothing is ever synced:
 * what a loss of power takes only repeats documents. Cost: too small to measure.
 */
#ifndef RAY_QUEUE_JOURNAL_H
#define RAY_QUEUE_JOURNAL_H

#include <stdbool.h>

#include "queue/disk.h"

#define RAY_JOURNAL_BYTES      ((size_t)128 * 1024)
#define RAY_JOURNAL_RANGES_MAX 2500u

struct ray_done_range {
    uint64_t first;
    uint64_t count;
};

/* Called by the reader: everything up to `low` is done, and each range. */
struct ray_journal_reader {
    void *context;
    void (*low)(void *context, uint64_t low);
    void (*range)(void *context, struct ray_done_range range);
};

struct ray_journal;

/*
 * Opens or makes the file, reads it through `reader` (which may be NULL), and gives the highest
 * number that was ever done. The first ray_journal_rewrite decides what it then holds. NULL when
 * out of memory. A file that cannot be opened or made is tried again at each rewrite.
 */
struct ray_journal *ray_journal_open(struct ray_disk *disk, const char *path,
                                     const struct ray_journal_reader *reader, uint64_t *highest);
void ray_journal_close(struct ray_journal *journal); /* accepts NULL */

/* Notes that [first, first + count) is done. False when the half is full, or was never written:
 * rewrite, which then notes this too. One thread at a time, as the next. */
bool ray_journal_add(struct ray_journal *journal, uint64_t first, uint32_t count);
/* A new snapshot: at most RAY_JOURNAL_RANGES_MAX ranges; those left out are repeated after a crash.
 * RAY_IO, RAY_AGAIN (disk full): errno; acknowledgements are not kept until a later one works. */
RAY_MUST_USE enum ray_status ray_journal_rewrite(struct ray_journal *journal, uint64_t low,
                                                 const struct ray_done_range *ranges, size_t count);

#endif
