/* sim_disk: see sim_disk.h. */
#include "tests/support/sim_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/sim_inode.h"

#define FILES          256 /* names */
#define HANDLES        64
#define CHANGES        512 /* of names, not synced */
#define PATH_MAX_BYTES 128

const char *const sim_verb_names[SIM_VERBS] = {
    "open",   "read",   "write",       "size",        "allocate", "truncate", "sync",
    "rename", "unlink", "make_folder", "sync_folder", "list",     "space",    "lock",
};

struct name {
    char path[PATH_MAX_BYTES];
    struct sim_inode *inode;
};

struct names {
    struct name list[FILES];
    size_t count;
};

/* A change to a folder: `inode` appears as `to` (create), or from -> to, or `from` goes. */
struct change {
    char from[PATH_MAX_BYTES], to[PATH_MAX_BYTES];
    struct sim_inode *inode;
};

struct sim_disk {
    struct ray_disk disk; /* first */
    pthread_mutex_t lock;
    struct names now, synced;
    struct change *changes;
    size_t change_count;
    struct sim_inode *handles[HANDLES];
    bool holds_lock[HANDLES];
    uint64_t capacity;
    uint64_t calls[SIM_VERBS];
    uint64_t change_calls;
    struct sim_fault fault;
    struct sim_disk **recorded;
    size_t recorded_max;
};

_Thread_local unsigned sim_disk_depth;

static void enter(struct sim_disk *sim)
{
    sim_disk_depth++;
    pthread_mutex_lock(&sim->lock);
}

static void leave(struct sim_disk *sim)
{
    pthread_mutex_unlock(&sim->lock);
    sim_disk_depth--;
}

static struct sim_disk *sim_of(struct ray_disk *disk)
{
    return (struct sim_disk *)(void *)disk;
}

/* ---- names ----------------------------------------------------------------------------------- */

static struct name *find(struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i].path, path) == 0) {
            return &names->list[i];
        }
    }
    return NULL;
}

static void forget(struct names *names, const char *path)
{
    struct name *name = find(names, path);
    if (name != NULL) {
        sim_inode_unref(name->inode);
        *name = names->list[--names->count];
    }
}

static void set(struct names *names, const char *path, struct sim_inode *inode)
{
    sim_inode_ref(inode);
    forget(names, path);
    if (names->count == FILES) {
        abort();
    }
    struct name *name = &names->list[names->count++];
    snprintf(name->path, sizeof(name->path), "%s", path);
    name->inode = inode;
}

static void apply(struct names *names, const struct change *change)
{
    if (change->from[0] != '\0' && change->to[0] != '\0') {
        const struct name *name = find(names, change->from);
        if (name != NULL) {
            struct sim_inode *inode = name->inode;
            set(names, change->to, inode);
            forget(names, change->from);
        }
    } else if (change->to[0] != '\0') {
        set(names, change->to, change->inode);
    } else {
        forget(names, change->from);
    }
}

static void sync_oldest(struct sim_disk *sim, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        apply(&sim->synced, &sim->changes[i]);
        sim_inode_unref(sim->changes[i].inode);
    }
    sim->change_count -= count;
    memmove(sim->changes, sim->changes + count, sim->change_count * sizeof(*sim->changes));
}

static void note_change(struct sim_disk *sim, const char *from, const char *to,
                        struct sim_inode *inode)
{
    if (sim->change_count == CHANGES) { /* a system writes by itself, sooner or later */
        sync_oldest(sim, CHANGES / 2);
    }
    struct change *change = &sim->changes[sim->change_count++];
    *change = (struct change){.inode = inode != NULL ? sim_inode_ref(inode) : NULL};
    snprintf(change->from, sizeof(change->from), "%s", from);
    snprintf(change->to, sizeof(change->to), "%s", to);
    apply(&sim->now, change);
}

static bool lies_in(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/' &&
           strchr(path + len + 1, '/') == NULL;
}

static bool belongs(const struct change *change, const char *folder)
{
    return lies_in(change->to[0] != '\0' ? change->to : change->from, folder);
}

/* Changes of this folder, in order, are on the disk. */
static void sync_names(struct sim_disk *sim, const char *folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < sim->change_count; i++) {
        struct change *change = &sim->changes[i];
        if (belongs(change, folder)) {
            apply(&sim->synced, change);
            sim_inode_unref(change->inode);
        } else {
            sim->changes[kept++] = *change;
        }
    }
    sim->change_count = kept;
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* Called with the lock. True: fail, errno is set. `*is_short`: do half of it instead. */
static bool count_call(struct sim_disk *sim, enum sim_verb verb, bool *is_short)
{
    struct sim_fault *fault = &sim->fault;
    sim->calls[verb]++;
    if (fault->nth == 0 || fault->verb != verb) {
        return false;
    }
    if (fault->nth > 1) {
        fault->nth--;
        return false;
    }
    if (--fault->count == 0) {
        fault->nth = 0;
    }
    if (fault->error == 0) {
        *is_short = true;
        return false;
    }
    errno = fault->error;
    return true;
}

static struct sim_disk *copy_locked(struct sim_disk *sim);

/* A change begins. Returns the copy that was kept before it, or NULL. */
static struct sim_disk *begin_change(struct sim_disk *sim)
{
    sim->change_calls++;
    if (sim->change_calls > sim->recorded_max) {
        return NULL;
    }
    return sim->recorded[sim->change_calls - 1] = copy_locked(sim);
}

static struct sim_inode *handle_of(const struct sim_disk *sim, int file)
{
    if (file < 0 || file >= HANDLES || sim->handles[file] == NULL) {
        abort(); /* use of a closed descriptor: always a bug of ours */
    }
    return sim->handles[file];
}

static int new_handle(struct sim_disk *sim, struct sim_inode *inode)
{
    for (int i = 0; i < HANDLES; i++) {
        if (sim->handles[i] == NULL) {
            sim->handles[i] = sim_inode_ref(inode);
            return i;
        }
    }
    errno = EMFILE;
    return -1;
}

static void unmark(struct sim_disk *sim)
{
    for (size_t i = 0; i < sim->now.count; i++) {
        sim->now.list[i].inode->marked = false;
    }
    for (int i = 0; i < HANDLES; i++) {
        if (sim->handles[i] != NULL) {
            sim->handles[i]->marked = false;
        }
    }
}

static uint64_t used_of(struct sim_inode *inode)
{
    uint64_t used = 0;
    for (size_t i = 0; !inode->marked && i < inode->pages; i++) {
        used += inode->blocks[i] ? SIM_PAGE : 0;
    }
    inode->marked = true;
    return used;
}

static uint64_t used_bytes(struct sim_disk *sim)
{
    uint64_t used = 0;
    unmark(sim);
    for (size_t i = 0; i < sim->now.count; i++) {
        used += used_of(sim->now.list[i].inode);
    }
    for (int i = 0; i < HANDLES; i++) {
        used += sim->handles[i] != NULL ? used_of(sim->handles[i]) : 0;
    }
    return used;
}

static uint64_t free_bytes_of(struct sim_disk *sim)
{
    if (sim->capacity == 0) {
        return (uint64_t)1 << 40;
    }
    uint64_t used = used_bytes(sim);
    return used < sim->capacity ? sim->capacity - used : 0;
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static int open_locked(struct sim_disk *sim, const char *path, int flags)
{
    struct name *name = find(&sim->now, path);
    if (name == NULL && (flags & O_CREAT) == 0) {
        errno = ENOENT;
        return -1;
    }
    if (name != NULL && (flags & O_EXCL) != 0) {
        errno = EEXIST;
        return -1;
    }
    if (name == NULL) {
        begin_change(sim);
        struct sim_inode *inode = sim_inode_new();
        note_change(sim, "", path, inode);
        sim_inode_unref(inode);
        name = find(&sim->now, path);
    }
    return new_handle(sim, name->inode);
}

static int sim_open(struct ray_disk *disk, const char *path, int flags)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    int file = -1;
    enter(sim);
    if (!count_call(sim, SIM_OPEN, &is_short)) {
        file = open_locked(sim, path, flags);
    }
    leave(sim);
    return file;
}

static int sim_close(struct ray_disk *disk, int file)
{
    struct sim_disk *sim = sim_of(disk);
    enter(sim);
    struct sim_inode *inode = handle_of(sim, file);
    if (sim->holds_lock[file]) {
        inode->locked = sim->holds_lock[file] = false;
    }
    sim->handles[file] = NULL;
    sim_inode_unref(inode);
    leave(sim);
    return 0;
}

static ssize_t sim_read(struct ray_disk *disk, int file, void *out, size_t bytes, uint64_t offset)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    ssize_t got = -1;
    enter(sim);
    const struct sim_inode *inode = handle_of(sim, file);
    if (!count_call(sim, SIM_READ, &is_short)) {
        uint64_t left = offset < inode->size ? inode->size - offset : 0;
        bytes = bytes < left ? bytes : (size_t)left;
        bytes = is_short && bytes > 1 ? bytes / 2 : bytes;
        sim_inode_read(inode, out, bytes, offset);
        got = (ssize_t)bytes;
    }
    leave(sim);
    return got;
}

/* How many of the bytes find room. */
static size_t room_for(struct sim_disk *sim, const struct sim_inode *inode, uint64_t offset,
                       size_t bytes)
{
    uint64_t free_pages = free_bytes_of(sim) / SIM_PAGE;
    for (uint64_t page = offset / SIM_PAGE; page * SIM_PAGE < offset + bytes; page++) {
        bool has = page < inode->pages && inode->blocks[page];
        if (has) {
            continue;
        }
        if (free_pages-- == 0) {
            return page * SIM_PAGE > offset ? (size_t)(page * SIM_PAGE - offset) : 0;
        }
    }
    return bytes;
}

/* The copy saw a part of the write: whole sectors of its first half. */
static void tear(struct sim_disk *before, struct sim_disk *sim, const struct sim_inode *inode,
                 const char *bytes, size_t len, uint64_t offset)
{
    size_t part = len / 2 / SIM_SECTOR * SIM_SECTOR;
    for (size_t i = 0; before != NULL && i < sim->now.count; i++) {
        if (sim->now.list[i].inode == inode && part > 0) {
            sim_inode_write(find(&before->now, sim->now.list[i].path)->inode, bytes, part, offset);
        }
    }
}

static char *join(const struct iovec *parts, int count, size_t *len)
{
    *len = 0;
    for (int i = 0; i < count; i++) {
        *len += parts[i].iov_len;
    }
    char *bytes = sim_must(malloc(*len + 1));
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len > 0) {
            memcpy(bytes + at, parts[i].iov_base, parts[i].iov_len);
        }
        at += parts[i].iov_len;
    }
    return bytes;
}

static ssize_t sim_write(struct ray_disk *disk, int file, const struct iovec *parts, int count,
                         uint64_t offset)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    ssize_t got = -1;
    size_t len;
    enter(sim);
    char *bytes = join(parts, count, &len);
    struct sim_inode *inode = handle_of(sim, file);
    if (!count_call(sim, SIM_WRITE, &is_short)) {
        size_t room = room_for(sim, inode, offset, len);
        room = is_short && room > 1 ? room / 2 : room;
        if (room == 0 && len > 0) {
            errno = ENOSPC;
        } else {
            tear(begin_change(sim), sim, inode, bytes, room, offset);
            sim_inode_write(inode, bytes, room, offset);
            got = (ssize_t)room;
        }
    }
    leave(sim);
    free(bytes);
    return got;
}

static int64_t sim_size(struct ray_disk *disk, int file)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    enter(sim);
    int64_t size = (int64_t)handle_of(sim, file)->size;
    size = count_call(sim, SIM_SIZE, &is_short) ? -1 : size;
    leave(sim);
    return size;
}

static int sim_allocate(struct ray_disk *disk, int file, uint64_t bytes)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    int result = -1;
    enter(sim);
    struct sim_inode *inode = handle_of(sim, file);
    if (count_call(sim, SIM_ALLOCATE, &is_short)) {
    } else if (room_for(sim, inode, 0, (size_t)bytes) < bytes) {
        errno = ENOSPC;
    } else {
        begin_change(sim);
        sim_inode_grow(inode, bytes);
        for (size_t page = 0; page * SIM_PAGE < bytes; page++) {
            inode->blocks[page] = true;
        }
        inode->size_dirty = inode->size_dirty || bytes > inode->size;
        inode->size = bytes > inode->size ? bytes : inode->size;
        result = 0;
    }
    leave(sim);
    return result;
}

static int sim_truncate(struct ray_disk *disk, int file, uint64_t bytes)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    int result = -1;
    enter(sim);
    struct sim_inode *inode = handle_of(sim, file);
    if (!count_call(sim, SIM_TRUNCATE, &is_short)) {
        begin_change(sim);
        sim_inode_cut(inode, bytes);
        result = 0;
    }
    leave(sim);
    return result;
}

static int sim_sync(struct ray_disk *disk, int file)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    enter(sim);
    struct sim_inode *inode = handle_of(sim, file);
    bool fails = count_call(sim, SIM_SYNC, &is_short);
    begin_change(sim);
    int error = errno;
    sim_inode_sync(inode, !fails);
    errno = error;
    leave(sim);
    return fails ? -1 : 0;
}

static int sim_rename(struct ray_disk *disk, const char *from, const char *to)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    int result = -1;
    enter(sim);
    if (!count_call(sim, SIM_RENAME, &is_short)) {
        if (find(&sim->now, from) == NULL) {
            errno = ENOENT;
        } else {
            begin_change(sim);
            note_change(sim, from, to, NULL);
            result = 0;
        }
    }
    leave(sim);
    return result;
}

static int sim_unlink(struct ray_disk *disk, const char *path)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    int result = -1;
    enter(sim);
    if (!count_call(sim, SIM_UNLINK, &is_short)) {
        if (find(&sim->now, path) == NULL) {
            errno = ENOENT;
        } else {
            begin_change(sim);
            note_change(sim, path, "", NULL);
            result = 0;
        }
    }
    leave(sim);
    return result;
}

static int sim_make_folder(struct ray_disk *disk, const char *path, unsigned mode)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    int result = -1;
    (void)mode;
    enter(sim);
    if (!count_call(sim, SIM_MAKE_FOLDER, &is_short)) {
        if (find(&sim->now, path) != NULL) {
            errno = EEXIST;
        } else {
            begin_change(sim);
            struct sim_inode *folder = sim_inode_new();
            folder->is_folder = true;
            note_change(sim, "", path, folder);
            sim_inode_unref(folder);
            result = 0;
        }
    }
    leave(sim);
    return result;
}

static int sim_sync_folder(struct ray_disk *disk, const char *path)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    int result = -1;
    enter(sim);
    if (!count_call(sim, SIM_SYNC_FOLDER, &is_short)) {
        begin_change(sim);
        sync_names(sim, path);
        result = 0;
    }
    leave(sim);
    return result;
}

static int sim_list(struct ray_disk *disk, const char *path, ray_disk_entry_fn entry, void *context)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    enter(sim);
    bool fails = count_call(sim, SIM_LIST, &is_short);
    struct names *names = sim_must(malloc(sizeof(*names)));
    *names = sim->now; /* the caller opens files meanwhile */
    leave(sim);
    int error = errno;
    for (size_t i = 0; !fails && i < names->count; i++) {
        if (lies_in(names->list[i].path, path)) {
            entry(context, names->list[i].path + strlen(path) + 1);
        }
    }
    free(names);
    errno = error;
    return fails ? -1 : 0;
}

static int sim_space(struct ray_disk *disk, const char *path, uint64_t *free_bytes,
                     uint64_t *total_bytes)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    (void)path;
    enter(sim);
    bool fails = count_call(sim, SIM_SPACE, &is_short);
    if (!fails) {
        *free_bytes = free_bytes_of(sim);
        *total_bytes = sim->capacity != 0 ? sim->capacity : (uint64_t)1 << 40;
    }
    leave(sim);
    return fails ? -1 : 0;
}

static int sim_lock(struct ray_disk *disk, const char *path)
{
    struct sim_disk *sim = sim_of(disk);
    bool is_short = false;
    int file = -1;
    enter(sim);
    if (!count_call(sim, SIM_LOCK, &is_short)) {
        const struct name *name = find(&sim->now, path);
        if (name != NULL && name->inode->locked) {
            errno = EWOULDBLOCK;
        } else {
            file = open_locked(sim, path, O_RDWR | O_CREAT);
        }
    }
    if (file >= 0) {
        sim->handles[file]->locked = sim->holds_lock[file] = true;
    }
    leave(sim);
    return file;
}

static const struct ray_disk_ops sim_ops = {
    .open = sim_open,
    .close = sim_close,
    .read = sim_read,
    .write = sim_write,
    .size = sim_size,
    .allocate = sim_allocate,
    .truncate = sim_truncate,
    .sync = sim_sync,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .make_folder = sim_make_folder,
    .sync_folder = sim_sync_folder,
    .list = sim_list,
    .space = sim_space,
    .lock = sim_lock,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct sim_disk *sim_disk_new(uint64_t capacity)
{
    struct sim_disk *sim = sim_must(calloc(1, sizeof(*sim)));
    sim->disk.ops = &sim_ops;
    sim->capacity = capacity;
    sim->changes = sim_must(malloc(CHANGES * sizeof(*sim->changes)));
    pthread_mutex_init(&sim->lock, NULL);
    return sim;
}

static void clear_changes(struct sim_disk *sim)
{
    for (size_t i = 0; i < sim->change_count; i++) {
        sim_inode_unref(sim->changes[i].inode);
    }
    sim->change_count = 0;
}

static void clear_names(struct names *names)
{
    while (names->count > 0) {
        sim_inode_unref(names->list[--names->count].inode);
    }
}

void sim_disk_free(struct sim_disk *sim)
{
    if (sim == NULL) {
        return;
    }
    for (size_t i = 0; i < sim->recorded_max; i++) {
        sim_disk_free(sim->recorded[i]);
    }
    free(sim->recorded);
    clear_changes(sim);
    clear_names(&sim->now);
    clear_names(&sim->synced);
    for (int i = 0; i < HANDLES; i++) {
        sim_inode_unref(sim->handles[i]);
    }
    free(sim->changes);
    pthread_mutex_destroy(&sim->lock);
    free(sim);
}

struct ray_disk *sim_disk_of(struct sim_disk *sim)
{
    return &sim->disk;
}

/* The copy of an inode, made once. */
struct copies {
    struct sim_inode *from[2 * FILES + CHANGES], *to[2 * FILES + CHANGES];
    size_t count;
};

static struct sim_inode *copy_once(struct copies *copies, struct sim_inode *from)
{
    for (size_t i = 0; i < copies->count; i++) {
        if (copies->from[i] == from) {
            return copies->to[i];
        }
    }
    copies->from[copies->count] = from;
    return copies->to[copies->count++] = sim_inode_copy(from);
}

static struct sim_disk *copy_locked(struct sim_disk *sim)
{
    struct sim_disk *copy = sim_must(calloc(1, sizeof(*copy)));
    struct copies *copies = sim_must(malloc(sizeof(*copies)));
    copies->count = 0;
    copy->disk.ops = &sim_ops;
    copy->capacity = sim->capacity;
    copy->change_calls = sim->change_calls;
    pthread_mutex_init(&copy->lock, NULL);
    for (size_t i = 0; i < sim->now.count; i++) {
        set(&copy->now, sim->now.list[i].path, copy_once(copies, sim->now.list[i].inode));
    }
    for (size_t i = 0; i < sim->synced.count; i++) {
        set(&copy->synced, sim->synced.list[i].path, copy_once(copies, sim->synced.list[i].inode));
    }
    copy->changes = sim_must(malloc((sim->change_count + 1) * sizeof(*copy->changes)));
    for (size_t i = 0; i < sim->change_count; i++) {
        copy->changes[i] = sim->changes[i];
        struct sim_inode *inode = sim->changes[i].inode;
        copy->changes[i].inode = inode != NULL ? sim_inode_ref(copy_once(copies, inode)) : NULL;
    }
    copy->change_count = sim->change_count;
    for (size_t i = 0; i < copies->count; i++) {
        sim_inode_unref(copies->to[i]);
    }
    free(copies);
    return copy;
}

struct sim_disk *sim_disk_copy(struct sim_disk *sim)
{
    enter(sim);
    struct sim_disk *copy = copy_locked(sim);
    leave(sim);
    copy->changes = sim_must(realloc(copy->changes, CHANGES * sizeof(*copy->changes)));
    return copy;
}

/* ---- loss of power --------------------------------------------------------------------------- */

/* Files of a folder that is gone are gone. */
static void drop_orphans(struct names *names)
{
    for (size_t i = 0; i < names->count;) {
        char folder[PATH_MAX_BYTES];
        snprintf(folder, sizeof(folder), "%s", names->list[i].path);
        *strrchr(folder, '/') = '\0';
        if (folder[0] != '\0' && strchr(folder + 1, '/') != NULL && find(names, folder) == NULL) {
            forget(names, names->list[i].path);
            i = 0;
        } else {
            i++;
        }
    }
}

void sim_disk_lose_power(struct sim_disk *sim, uint64_t seed)
{
    uint64_t random = seed;
    unsigned keep = (unsigned[]){0, 50, 10, 90, 100}[seed % 5];
    bool in_order = sim_random(&random) % 2 == 0;
    size_t prefix = sim->change_count > 0 ? sim_random(&random) % (sim->change_count + 1) : 0;
    struct names names = {.count = 0};
    for (size_t i = 0; i < sim->synced.count; i++) {
        set(&names, sim->synced.list[i].path, sim->synced.list[i].inode);
    }
    for (size_t i = 0; i < sim->change_count; i++) {
        if (in_order ? i < prefix : sim_random(&random) % 100 < keep) {
            apply(&names, &sim->changes[i]);
        }
    }
    drop_orphans(&names);
    clear_changes(sim);
    clear_names(&sim->now);
    clear_names(&sim->synced);
    for (size_t i = 0; i < names.count; i++) {
        sim_inode_settle(names.list[i].inode, &random, keep);
        set(&sim->now, names.list[i].path, names.list[i].inode);
        set(&sim->synced, names.list[i].path, names.list[i].inode);
    }
    clear_names(&names);
}

/* ---- tests' own ------------------------------------------------------------------------------ */

void sim_disk_fail(struct sim_disk *sim, struct sim_fault fault)
{
    enter(sim);
    sim->fault = fault;
    leave(sim);
}

uint64_t sim_disk_calls(struct sim_disk *sim, enum sim_verb verb)
{
    enter(sim);
    uint64_t calls = sim->calls[verb];
    leave(sim);
    return calls;
}

uint64_t sim_disk_changes(struct sim_disk *sim)
{
    enter(sim);
    uint64_t changes = sim->change_calls;
    leave(sim);
    return changes;
}

void sim_disk_record(struct sim_disk *sim, size_t max)
{
    sim->recorded = sim_must(calloc(max, sizeof(struct sim_disk *)));
    sim->recorded_max = max;
}

struct sim_disk *sim_disk_recorded(struct sim_disk *sim, uint64_t change)
{
    return change >= 1 && change <= sim->recorded_max ? sim->recorded[change - 1] : NULL;
}

char *sim_disk_get_file(struct sim_disk *sim, const char *path, size_t *bytes)
{
    const struct name *name = find(&sim->now, path);
    if (name == NULL) {
        return NULL;
    }
    char *data = sim_must(malloc(name->inode->size + 1));
    *bytes = (size_t)name->inode->size;
    sim_inode_read(name->inode, data, *bytes, 0);
    return data;
}

void sim_disk_put_file(struct sim_disk *sim, const char *path, const char *data, size_t bytes)
{
    struct sim_inode *inode = sim_inode_new();
    sim_inode_write(inode, data, bytes, 0);
    sim_inode_sync(inode, true);
    set(&sim->now, path, inode);
    set(&sim->synced, path, inode);
    sim_inode_unref(inode);
}

void sim_disk_remove_file(struct sim_disk *sim, const char *path)
{
    forget(&sim->now, path);
    forget(&sim->synced, path);
}

size_t sim_disk_count(struct sim_disk *sim, const char *ending, char path[256])
{
    size_t count = 0, end = strlen(ending);
    enter(sim);
    for (size_t i = 0; i < sim->now.count; i++) {
        const char *name = sim->now.list[i].path;
        size_t len = strlen(name);
        if (len < end || strcmp(name + len - end, ending) != 0) {
            continue;
        }
        if (path != NULL && (count == 0 || strcmp(name, path) > 0)) {
            snprintf(path, 256, "%s", name);
        }
        count++;
    }
    leave(sim);
    return count;
}

void sim_disk_set_capacity(struct sim_disk *sim, uint64_t capacity)
{
    enter(sim);
    sim->capacity = capacity;
    leave(sim);
}

uint64_t sim_disk_used(struct sim_disk *sim)
{
    enter(sim);
    uint64_t used = used_bytes(sim);
    leave(sim);
    return used;
}
