/*
 * sim_inode: one file of sim_disk.h: what the page cache has of it, and what the disk has. Not
 * locked; memory that runs out aborts.
 */
#ifndef RAY_TESTS_SIM_INODE_H
#define RAY_TESTS_SIM_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_PAGE   4096u
#define SIM_SECTOR 512u

/* Never changed while shared. */
struct sim_page {
    _Atomic unsigned refs;
    char bytes[SIM_PAGE];
};

struct sim_inode {
    _Atomic unsigned refs; /* names (now, synced, in changes) and descriptors */
    struct sim_page **now, **synced;
    unsigned char *dirty; /* a bit for each sector of a page */
    bool *blocks;         /* allocated */
    size_t pages;
    uint64_t size, synced_size;
    bool size_dirty;
    bool locked;
    bool is_folder;
    bool marked; /* scratch of sim_disk_used */
};

void *sim_must(void *memory);
uint64_t sim_random(uint64_t *state);

struct sim_inode *sim_inode_new(void);
struct sim_inode *sim_inode_ref(struct sim_inode *inode);
void sim_inode_unref(struct sim_inode *inode);                  /* accepts NULL */
struct sim_inode *sim_inode_copy(const struct sim_inode *from); /* shares pages */
void sim_inode_grow(struct sim_inode *inode, uint64_t bytes);   /* room, not size */
void sim_inode_write(struct sim_inode *inode, const char *bytes, size_t len, uint64_t offset);
/* The bytes lie inside. */
void sim_inode_read(const struct sim_inode *inode, char *out, size_t len, uint64_t offset);
/* Nothing stands behind the end: a file that grows again has zeros there. */
void sim_inode_cut(struct sim_inode *inode, uint64_t size);
/* With `writes` what is dirty goes to the disk; without, it only counts as clean. */
void sim_inode_sync(struct sim_inode *inode, bool writes);
/* The power went: of each sector that differs one of both is left. */
void sim_inode_settle(struct sim_inode *inode, uint64_t *random, unsigned keep_percent);

#endif
