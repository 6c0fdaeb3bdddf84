/* crowd: see crowd.h. */
#include "receiver/crowd.h"

#include <stdbool.h>

static bool is_counted(int fd)
{
    return fd >= 0 && fd < RAY_CROWD_DESCRIPTORS;
}

void ray_crowd_enter(struct ray_crowd *crowd, int fd)
{
    if (is_counted(fd)) {
        atomic_fetch_add_explicit(&crowd->calls[fd], 1, memory_order_relaxed);
    }
}

void ray_crowd_leave(struct ray_crowd *crowd, int fd)
{
    if (is_counted(fd)) {
        atomic_fetch_sub_explicit(&crowd->calls[fd], 1, memory_order_relaxed);
    }
}

void ray_crowd_open(struct ray_crowd *crowd, int fd)
{
    if (is_counted(fd)) {
        crowd->inherited[fd] = atomic_load_explicit(&crowd->calls[fd], memory_order_relaxed);
    }
}

int ray_crowd_find(const struct ray_crowd *crowd, int fd, int64_t most)
{
    for (; is_counted(fd); fd++) {
        int64_t calls = atomic_load_explicit(&crowd->calls[fd], memory_order_relaxed);
        if (calls - crowd->inherited[fd] > most) {
            return fd;
        }
    }
    return -1;
}
