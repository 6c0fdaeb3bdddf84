/* wal_folder: the folder of a log, the names in it and what earlier processes left; see wal.h. */
#include "queue/wal_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/journal.h"

/* Letters, digits and "-._" as they are, everything else as %xx. */
static size_t escape(const char *name, char *out, size_t out_bytes)
{
    size_t len = 0;
    for (; *name != '\0' && len + 4 < out_bytes; name++) {
        unsigned char c = (unsigned char)*name;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_';
        len += (size_t)snprintf(out + len, out_bytes - len, plain ? "%c" : "%%%02x", c);
    }
    return *name == '\0' ? len : 0;
}

bool ray_wal_journal_path(const struct ray_wal *wal, const char *exporter, char *out,
                          size_t out_bytes)
{
    char name[220];
    if (escape(exporter, name, sizeof(name)) == 0) {
        return false;
    }
    int len = snprintf(out, out_bytes, "%s/a-%s.ack", wal->folder, name);
    return len > 0 && (size_t)len < out_bytes;
}

static bool has_ends(const char *name, const char *start, const char *end)
{
    size_t len = strlen(name), start_len = strlen(start), end_len = strlen(end);
    return len > start_len + end_len && memcmp(name, start, start_len) == 0 &&
           strcmp(name + len - end_len, end) == 0;
}

struct listing {
    struct ray_wal *wal;
    uint64_t highest_done;
};

/* What an earlier process left lying about. */
static void on_leftover(void *context, const char *name)
{
    struct ray_wal *wal = ((struct listing *)context)->wal;
    char path[PATH_BYTES];
    int len = snprintf(path, sizeof(path), "%s/%s", wal->folder, name);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return;
    }
    if (has_ends(name, "spare-", ".tmp")) {
        ops(wal)->unlink(wal->options.disk, path);
    } else if (has_ends(name, "q-", ".seg.corrupt")) {
        char *copy = wal->corrupt_count < CORRUPT_MAX ? strdup(path) : NULL;
        if (copy == NULL) {
            ops(wal)->unlink(wal->options.disk, path);
            return;
        }
        wal->corrupt[wal->corrupt_count++] = copy;
    }
}

void ray_wal_list_leftovers(struct ray_wal *wal)
{
    struct listing listing = {.wal = wal};
    (void)!ops(wal)->list(wal->options.disk, wal->folder, on_leftover, &listing);
}

static void on_journal(void *context, const char *name)
{
    struct listing *listing = context;
    struct ray_wal *wal = listing->wal;
    char path[PATH_BYTES];
    uint64_t highest = 0;
    int len = snprintf(path, sizeof(path), "%s/%s", wal->folder, name);
    if (!has_ends(name, "a-", ".ack") || len < 0 || (size_t)len >= sizeof(path)) {
        return;
    }
    ray_journal_close(ray_journal_open(wal->options.disk, path, NULL, &highest));
    listing->highest_done = highest > listing->highest_done ? highest : listing->highest_done;
}

uint64_t ray_wal_highest_done(struct ray_wal *wal)
{
    struct listing listing = {.wal = wal};
    (void)!ops(wal)->list(wal->options.disk, wal->folder, on_journal, &listing);
    return listing.highest_done;
}

/* A new folder is on the disk when its parent is. One that we may not open is left to the system.
 */
static void sync_parent(struct ray_wal *wal)
{
    char path[PATH_BYTES];
    const char *slash = strrchr(wal->folder, '/');
    int len = slash == NULL ? 1 : slash == wal->folder ? 1 : (int)(slash - wal->folder);
    snprintf(path, sizeof(path), "%.*s", len, slash == NULL ? "." : wal->folder);
    (void)!ops(wal)->sync_folder(wal->options.disk, path);
}

enum ray_status ray_wal_make_folder(struct ray_wal *wal, char error[256])
{
    char path[PATH_BYTES];
    if (ops(wal)->make_folder(wal->options.disk, wal->folder, 0700) == 0) {
        sync_parent(wal);
    } else if (errno != EEXIST) {
        snprintf(error, 256, "cannot create %.120s: %s", wal->folder, strerror(errno));
        return RAY_IO;
    }
    int len = snprintf(path, sizeof(path), "%s/lock", wal->folder);
    if (len < 0 || (size_t)len + 96 >= sizeof(path)) { /* names of our own must fit behind it */
        snprintf(error, 256, "the path is too long: %.120s", wal->folder);
        return RAY_IO;
    }
    wal->lock_file = ops(wal)->lock(wal->options.disk, path);
    if (wal->lock_file >= 0) {
        return RAY_OK;
    }
    if (errno == EWOULDBLOCK) {
        snprintf(error, 256,
                 "another process uses %.120s: stop it, or give this one a directory of its own",
                 wal->folder);
        return RAY_CLOSED;
    }
    snprintf(error, 256, "cannot use %.120s: %s", wal->folder, strerror(errno));
    return RAY_IO;
}
