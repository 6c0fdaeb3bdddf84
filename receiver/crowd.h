/*
 * crowd: how many calls each connection has in hand, which tells one that floods from many that
 * send at once.
 *
 * Internal to receiver/. Connections are known by their descriptors. A number may be in use anew
 * while calls of its last connection are still on their way out: those are not held against the
 * new one.
 */
#ifndef RAY_RECEIVER_CROWD_H
#define RAY_RECEIVER_CROWD_H

#include <stdatomic.h>
#include <stdint.h>

/* More than the descriptors of all connections that the servers here take; what lies above is not
 * counted. */
#define RAY_CROWD_DESCRIPTORS 16384

/* Zero-initialised. */
struct ray_crowd {
    _Atomic uint32_t calls[RAY_CROWD_DESCRIPTORS];
    uint32_t inherited[RAY_CROWD_DESCRIPTORS]; /* most that can be of an earlier connection */
};

/* A call of that connection begins, and ends. Any thread. */
void ray_crowd_enter(struct ray_crowd *crowd, int fd);
void ray_crowd_leave(struct ray_crowd *crowd, int fd);
/* A connection begins; before its first call, by the thread that asks below. */
void ray_crowd_open(struct ray_crowd *crowd, int fd);
/* The next connection from `fd` on that has more than `most` calls; -1: none. One thread. */
int ray_crowd_find(const struct ray_crowd *crowd, int fd, int64_t most);

#endif
