/* sim_inode: see sim_inode.h. */
#include "tests/support/sim_inode.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void *sim_must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

uint64_t sim_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static struct sim_page *page_ref(struct sim_page *page)
{
    if (page != NULL) {
        atomic_fetch_add(&page->refs, 1);
    }
    return page;
}

static void page_unref(struct sim_page *page)
{
    if (page != NULL && atomic_fetch_sub(&page->refs, 1) == 1) {
        free(page);
    }
}

/* One that is this place's alone. */
static char *page_own(struct sim_page **place)
{
    struct sim_page *page = *place;
    if (page == NULL || atomic_load(&page->refs) > 1) {
        struct sim_page *copy = sim_must(calloc(1, sizeof(*copy)));
        copy->refs = 1;
        if (page != NULL) {
            memcpy(copy->bytes, page->bytes, SIM_PAGE);
            page_unref(page);
        }
        *place = copy;
    }
    return (*place)->bytes;
}

/* ---- inodes ---------------------------------------------------------------------------------- */

struct sim_inode *sim_inode_new(void)
{
    struct sim_inode *inode = sim_must(calloc(1, sizeof(*inode)));
    inode->refs = 1;
    return inode;
}

struct sim_inode *sim_inode_ref(struct sim_inode *inode)
{
    atomic_fetch_add(&inode->refs, 1);
    return inode;
}

void sim_inode_unref(struct sim_inode *inode)
{
    if (inode == NULL || atomic_fetch_sub(&inode->refs, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < inode->pages; i++) {
        page_unref(inode->now[i]);
        page_unref(inode->synced[i]);
    }
    free(inode->now);
    free(inode->synced);
    free(inode->dirty);
    free(inode->blocks);
    free(inode);
}

void sim_inode_grow(struct sim_inode *inode, uint64_t bytes)
{
    size_t pages = (size_t)((bytes + SIM_PAGE - 1) / SIM_PAGE), old = inode->pages;
    if (pages <= old) {
        return;
    }
    inode->now = sim_must(realloc(inode->now, pages * sizeof(*inode->now)));
    inode->synced = sim_must(realloc(inode->synced, pages * sizeof(*inode->synced)));
    inode->dirty = sim_must(realloc(inode->dirty, pages));
    inode->blocks = sim_must(realloc(inode->blocks, pages * sizeof(*inode->blocks)));
    memset(inode->now + old, 0, (pages - old) * sizeof(*inode->now));
    memset(inode->synced + old, 0, (pages - old) * sizeof(*inode->synced));
    memset(inode->dirty + old, 0, pages - old);
    memset(inode->blocks + old, 0, (pages - old) * sizeof(*inode->blocks));
    inode->pages = pages;
}

struct sim_inode *sim_inode_copy(const struct sim_inode *from)
{
    struct sim_inode *copy = sim_inode_new();
    sim_inode_grow(copy, (uint64_t)from->pages * SIM_PAGE);
    for (size_t i = 0; i < from->pages; i++) {
        copy->now[i] = page_ref(from->now[i]);
        copy->synced[i] = page_ref(from->synced[i]);
        copy->dirty[i] = from->dirty[i];
        copy->blocks[i] = from->blocks[i];
    }
    copy->size = from->size;
    copy->synced_size = from->synced_size;
    copy->size_dirty = from->size_dirty;
    copy->is_folder = from->is_folder;
    return copy;
}

void sim_inode_write(struct sim_inode *inode, const char *bytes, size_t len, uint64_t offset)
{
    sim_inode_grow(inode, offset + len);
    while (len > 0) {
        size_t page = (size_t)(offset / SIM_PAGE), at = (size_t)(offset % SIM_PAGE);
        size_t part = len < SIM_PAGE - at ? len : SIM_PAGE - at;
        memcpy(page_own(&inode->now[page]) + at, bytes, part);
        for (size_t s = at / SIM_SECTOR; s <= (at + part - 1) / SIM_SECTOR; s++) {
            inode->dirty[page] = (unsigned char)(inode->dirty[page] | 1u << s);
        }
        inode->blocks[page] = true;
        bytes += part;
        len -= part;
        offset += part;
    }
    if (offset > inode->size) {
        inode->size = offset;
        inode->size_dirty = true;
    }
}

void sim_inode_read(const struct sim_inode *inode, char *out, size_t len, uint64_t offset)
{
    while (len > 0) {
        size_t page = (size_t)(offset / SIM_PAGE), at = (size_t)(offset % SIM_PAGE);
        size_t part = len < SIM_PAGE - at ? len : SIM_PAGE - at;
        if (inode->now[page] != NULL) {
            memcpy(out, inode->now[page]->bytes + at, part);
        } else {
            memset(out, 0, part);
        }
        out += part;
        len -= part;
        offset += part;
    }
}

static void copy_sector(struct sim_page **to, const struct sim_page *from, size_t sector)
{
    static const char zeros[SIM_SECTOR] = {0};
    memcpy(page_own(to) + sector * SIM_SECTOR,
           from != NULL ? from->bytes + sector * SIM_SECTOR : zeros, SIM_SECTOR);
}

void sim_inode_cut(struct sim_inode *inode, uint64_t size)
{
    for (size_t page = (size_t)(size / SIM_PAGE); page < inode->pages; page++) {
        size_t at = page == size / SIM_PAGE ? (size_t)(size % SIM_PAGE) : 0;
        if (inode->now[page] != NULL) {
            memset(page_own(&inode->now[page]) + at, 0, SIM_PAGE - at);
        }
        inode->dirty[page] = 0xff;
        if (at == 0) {
            inode->blocks[page] = false;
        }
    }
    inode->size = size;
    inode->size_dirty = true;
}

void sim_inode_sync(struct sim_inode *inode, bool writes)
{
    for (size_t page = 0; page < inode->pages; page++) {
        for (size_t s = 0; writes && s < SIM_PAGE / SIM_SECTOR; s++) {
            if ((inode->dirty[page] & 1u << s) != 0) {
                copy_sector(&inode->synced[page], inode->now[page], s);
            }
        }
        inode->dirty[page] = 0;
    }
    if (writes && inode->size_dirty) {
        inode->synced_size = inode->size;
    }
    inode->size_dirty = false;
}

void sim_inode_settle(struct sim_inode *inode, uint64_t *random, unsigned keep_percent)
{
    for (size_t page = 0; page < inode->pages; page++) {
        for (size_t s = 0; s < SIM_PAGE / SIM_SECTOR; s++) {
            if (sim_random(random) % 100 >= keep_percent) {
                copy_sector(&inode->now[page], inode->synced[page], s);
            }
        }
    }
    /* a size is on the disk or is not; what lies behind it is gone */
    if (inode->size != inode->synced_size && sim_random(random) % 100 >= keep_percent) {
        inode->size = inode->synced_size;
    }
    uint64_t size = inode->size;
    sim_inode_grow(inode, size);
    sim_inode_cut(inode, size);
    for (size_t page = 0; page * SIM_PAGE < size; page++) {
        inode->blocks[page] = true;
    }
    if (inode->pages > 0) {
        memset(inode->dirty, 0xff, inode->pages);
    }
    inode->size_dirty = true;
    sim_inode_sync(inode, true);
}
