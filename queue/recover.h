/*
 * recover: what a folder of segments holds at the start of a process.
 *
 * A sealed segment is taken at its word, payloads are checked when they are read; one that is not
 * sealed (the process was killed) is read whole. A damaged head costs nothing but the knowledge of
 * whom its records are owed to. A file that the system does not let us read stays where it is, for
 * the next start. Of files it changes only segments without a record: one that holds nothing at all
 * goes, one that holds no more than damage is set aside.
 */
#ifndef RAY_QUEUE_RECOVER_H
#define RAY_QUEUE_RECOVER_H

#include "queue/wal.h"

struct ray_recovered {
    struct ray_segment *segments; /* by first document, numbers do not overlap */
    uint64_t next;                /* behind the highest document */
    uint64_t unread_first;        /* numbers that files may hold that could not be read; 0: none */
    uint64_t unread_last;
    uint64_t damaged_records;
    uint64_t damaged_bytes;
};
/* RAY_INVALID: a later version wrote one; RAY_IO: the folder cannot be listed; RAY_NOMEM. `error`
 * says more. */
RAY_MUST_USE enum ray_status ray_recover(struct ray_disk *disk, const char *folder,
                                         struct ray_log *log, struct ray_recovered *out,
                                         char error[256]);

/* Documents of `batch` in the sections of `profile`. */
uint32_t ray_batch_documents_of(const struct ray_batch *batch, uint64_t profile);

/* One reference. NULL when out of memory. */
struct ray_segment *ray_segment_new(const char *folder, const char *name);

#endif
