/*
 * disk: the few things that the log asks of a file system, replaceable so that tests can fail the
 * nth of them, or lose the power between two.
 *
 * Verbs mean what the system calls of their names mean: -1 with errno when they fail, and they may
 * be short. None retries; EINTR is the caller's. Any thread.
 */
#ifndef RAY_QUEUE_DISK_H
#define RAY_QUEUE_DISK_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "core/status.h"

struct ray_disk;

typedef void (*ray_disk_entry_fn)(void *context, const char *name);

struct ray_disk_ops {
    /* O_CREAT makes files of mode 0600; close-on-exec. EINVAL: no file, but a folder or a pipe. */
    int (*open)(struct ray_disk *disk, const char *path, int flags);
    int (*close)(struct ray_disk *disk, int file);
    ssize_t (*read)(struct ray_disk *disk, int file, void *out, size_t bytes, uint64_t offset);
    ssize_t (*write)(struct ray_disk *disk, int file, const struct iovec *parts, int count,
                     uint64_t offset);
    int64_t (*size)(struct ray_disk *disk, int file);
    int (*allocate)(struct ray_disk *disk, int file, uint64_t bytes); /* blocks from 0 on; grows */
    int (*truncate)(struct ray_disk *disk, int file, uint64_t bytes);
    int (*sync)(struct ray_disk *disk, int file); /* data and what is needed to read it */
    int (*rename)(struct ray_disk *disk, const char *from, const char *to);
    int (*unlink)(struct ray_disk *disk, const char *path);
    int (*make_folder)(struct ray_disk *disk, const char *path, unsigned mode); /* one level */
    int (*sync_folder)(struct ray_disk *disk, const char *path);
    int (*list)(struct ray_disk *disk, const char *path, ray_disk_entry_fn entry, void *context);
    /* Of the file system; free: what an ordinary user may still take. */
    int (*space)(struct ray_disk *disk, const char *path, uint64_t *free_bytes,
                 uint64_t *total_bytes);
    /* Makes the file `path` ours alone until it is closed: a descriptor. EWOULDBLOCK: another
     * process has it. */
    int (*lock)(struct ray_disk *disk, const char *path);
};

struct ray_disk {
    const struct ray_disk_ops *ops;
};

/* The machine's. */
extern const struct ray_disk ray_disk_system;

/* All of `bytes` at `offset`, over short reads and EINTR. RAY_INVALID: the file ends before;
 * RAY_IO. */
RAY_MUST_USE enum ray_status ray_disk_read_all(struct ray_disk *disk, int file, void *out,
                                               size_t bytes, uint64_t offset);
/* Writes until all is written or the system refuses; *written is how much was. Changes `parts`.
 * RAY_AGAIN: the disk is full; RAY_IO. */
RAY_MUST_USE enum ray_status ray_disk_write_all(struct ray_disk *disk, int file,
                                                struct iovec *parts, int count, uint64_t offset,
                                                uint64_t *written);
/* RAY_AGAIN when errno says that there is no room (ENOSPC, EDQUOT, EFBIG), else RAY_IO. */
enum ray_status ray_disk_status(void);

#endif
