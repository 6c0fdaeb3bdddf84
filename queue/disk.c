/* disk: see disk.h. */
#include "queue/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FILE_MODE 0600

static int system_open(struct ray_disk *disk, const char *path, int flags)
{
    (void)disk;
    int file = open(path, flags | O_CLOEXEC | O_NONBLOCK, FILE_MODE); /* a pipe would wait */
    struct stat status;
    if (file >= 0 && (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(file);
        errno = EINVAL;
        return -1;
    }
    return file;
}

static int system_close(struct ray_disk *disk, int file)
{
    (void)disk;
    return close(file);
}

static ssize_t system_read(struct ray_disk *disk, int file, void *out, size_t bytes,
                           uint64_t offset)
{
    (void)disk;
    return pread(file, out, bytes, (off_t)offset);
}

static ssize_t system_write(struct ray_disk *disk, int file, const struct iovec *parts, int count,
                            uint64_t offset)
{
    (void)disk;
    return pwritev(file, parts, count, (off_t)offset);
}

static int64_t system_size(struct ray_disk *disk, int file)
{
    (void)disk;
    struct stat status;
    return fstat(file, &status) == 0 ? (int64_t)status.st_size : -1;
}

static int system_allocate(struct ray_disk *disk, int file, uint64_t bytes)
{
    (void)disk;
    return fallocate(file, 0, 0, (off_t)bytes);
}

static int system_truncate(struct ray_disk *disk, int file, uint64_t bytes)
{
    (void)disk;
    return ftruncate(file, (off_t)bytes);
}

static int system_sync(struct ray_disk *disk, int file)
{
    (void)disk;
    return fdatasync(file);
}

static int system_rename(struct ray_disk *disk, const char *from, const char *to)
{
    (void)disk;
    return rename(from, to);
}

static int system_unlink(struct ray_disk *disk, const char *path)
{
    (void)disk;
    return unlink(path);
}

static int system_make_folder(struct ray_disk *disk, const char *path, unsigned mode)
{
    (void)disk;
    return mkdir(path, mode);
}

static int system_sync_folder(struct ray_disk *disk, const char *path)
{
    (void)disk;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return -1;
    }
    int result = fsync(folder);
    int error = errno;
    close(folder);
    errno = error;
    return result;
}

static int system_list(struct ray_disk *disk, const char *path, ray_disk_entry_fn entry,
                       void *context)
{
    (void)disk;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return -1;
    }
    errno = 0;
    for (const struct dirent *d = readdir(folder); d != NULL; d = readdir(folder)) {
        entry(context, d->d_name);
        errno = 0;
    }
    int error = errno;
    closedir(folder);
    errno = error;
    return error == 0 ? 0 : -1;
}

static int system_space(struct ray_disk *disk, const char *path, uint64_t *free_bytes,
                        uint64_t *total_bytes)
{
    (void)disk;
    struct statvfs status;
    if (statvfs(path, &status) != 0) {
        return -1;
    }
    *free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    *total_bytes = (uint64_t)status.f_blocks * status.f_frsize;
    return 0;
}

static int system_lock(struct ray_disk *disk, const char *path)
{
    int file = system_open(disk, path, O_RDWR | O_CREAT);
    if (file < 0 || flock(file, LOCK_EX | LOCK_NB) == 0) {
        return file;
    }
    int error = errno;
    close(file);
    errno = error;
    return -1;
}

static const struct ray_disk_ops system_ops = {
    .open = system_open,
    .close = system_close,
    .read = system_read,
    .write = system_write,
    .size = system_size,
    .allocate = system_allocate,
    .truncate = system_truncate,
    .sync = system_sync,
    .rename = system_rename,
    .unlink = system_unlink,
    .make_folder = system_make_folder,
    .sync_folder = system_sync_folder,
    .list = system_list,
    .space = system_space,
    .lock = system_lock,
};

const struct ray_disk ray_disk_system = {&system_ops};

enum ray_status ray_disk_status(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? RAY_AGAIN : RAY_IO;
}

enum ray_status ray_disk_read_all(struct ray_disk *disk, int file, void *out, size_t bytes,
                                  uint64_t offset)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = disk->ops->read(disk, file, (char *)out + done, bytes - done, offset + done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? RAY_INVALID : RAY_IO;
        }
        done += (size_t)got;
    }
    return RAY_OK;
}

/* Takes what was written off the front of the parts. */
static void advance(struct iovec **parts, int *count, size_t written)
{
    while (*count > 0 && written >= (*parts)->iov_len) {
        written -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + written;
        (*parts)->iov_len -= written;
    }
}

enum ray_status ray_disk_write_all(struct ray_disk *disk, int file, struct iovec *parts, int count,
                                   uint64_t offset, uint64_t *written)
{
    *written = 0;
    advance(&parts, &count, 0); /* empty ones in front */
    while (count > 0) {
        ssize_t got = disk->ops->write(disk, file, parts, count, offset + *written);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) { /* 0 would be for ever */
            return got == 0 ? RAY_AGAIN : ray_disk_status();
        }
        *written += (uint64_t)got;
        advance(&parts, &count, (size_t)got);
    }
    return RAY_OK;
}
