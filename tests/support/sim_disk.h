/*
 * sim_disk: a file system in memory, for tests that fail the nth call, fill the disk, kill the
 * process or lose the power.
 *
 * What the process wrote is seen by every later call (the page cache). What the disk has is what
 * was synced: data by `sync` of its file, names by `sync_folder` of their folder. A kill keeps the
 * page cache; a loss of power keeps the disk and, of what was not synced, whatever the seed says:
 * each sector of 512 bytes by itself, sizes by themselves, names as a prefix or any subset of what
 * was done to them. A sync that fails leaves its sectors clean, as Linux does: a later one says 0
 * without writing them.
 *
 * Copies share pages, so that one can be kept at each call. Any thread.
 */
#ifndef RAY_TESTS_SIM_DISK_H
#define RAY_TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/disk.h"

enum sim_verb {
    SIM_OPEN,
    SIM_READ,
    SIM_WRITE,
    SIM_SIZE,
    SIM_ALLOCATE,
    SIM_TRUNCATE,
    SIM_SYNC,
    SIM_RENAME,
    SIM_UNLINK,
    SIM_MAKE_FOLDER,
    SIM_SYNC_FOLDER,
    SIM_LIST,
    SIM_SPACE,
    SIM_LOCK,
    SIM_VERBS,
};
extern const char *const sim_verb_names[SIM_VERBS];

/* `count` calls of `verb` fail, from the `nth` from now on (1: the next). `error` 0: a write or
 * read is short instead, of half of its bytes. */
struct sim_fault {
    enum sim_verb verb;
    uint64_t nth; /* 0: no fault */
    uint64_t count;
    int error;
};

struct sim_disk;

/* > 0 while this thread is inside: what is allocated then is the simulation's. */
extern _Thread_local unsigned sim_disk_depth;

/* `capacity` 0: without end. Aborts when out of memory, as everything here. */
struct sim_disk *sim_disk_new(uint64_t capacity);
void sim_disk_free(struct sim_disk *sim);
struct ray_disk *sim_disk_of(struct sim_disk *sim);
/* The same files, no open descriptor, no lock, no fault: as a kill at this moment leaves it. */
struct sim_disk *sim_disk_copy(struct sim_disk *sim);
/* Nothing may be open. */
void sim_disk_lose_power(struct sim_disk *sim, uint64_t seed);

void sim_disk_fail(struct sim_disk *sim, struct sim_fault fault);
uint64_t sim_disk_calls(struct sim_disk *sim, enum sim_verb verb); /* ever */
/* Calls that change something, ever: started ones. */
uint64_t sim_disk_changes(struct sim_disk *sim);
/* Keeps a copy before each change; a write of several sectors is torn in it. With a room for `max`
 * copies. */
void sim_disk_record(struct sim_disk *sim, size_t max);
/* The copy that was made before change number `change`; NULL when there is none. The sim's. */
struct sim_disk *sim_disk_recorded(struct sim_disk *sim, uint64_t change);

/* Whole files, past all faults. NULL when there is none; malloc'd. */
char *sim_disk_get_file(struct sim_disk *sim, const char *path, size_t *bytes);
/* Makes or replaces it; synced. */
void sim_disk_put_file(struct sim_disk *sim, const char *path, const char *data, size_t bytes);
void sim_disk_remove_file(struct sim_disk *sim, const char *path);
/* How many files have this ending; with `path`, the path of the last in order of names. */
size_t sim_disk_count(struct sim_disk *sim, const char *ending, char path[256]);
void sim_disk_set_capacity(struct sim_disk *sim, uint64_t capacity);
uint64_t sim_disk_used(struct sim_disk *sim);

#endif
