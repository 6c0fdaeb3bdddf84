/*
 * thread: a named POSIX thread with every signal blocked, so that signals reach main alone; and
 * conditions whose waits go by the monotonic clock: a clock that is set neither ends nor prolongs
 * one.
 */
#ifndef RAY_CORE_THREAD_H
#define RAY_CORE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "core/status.h"

struct ray_thread {
    pthread_t id;
    int started; /* 1 between start and join */
};

/* `name` is at most 15 characters (a Linux limit), cut otherwise. Starts `run(argument)` with a
 * stack of 512 KiB. RAY_IO when the system refuses (errno). */
RAY_MUST_USE enum ray_status ray_thread_start(struct ray_thread *thread, const char *name,
                                              void *(*run)(void *argument), void *argument);
/* Waits for its end; does nothing when it was never started. */
void ray_thread_join(struct ray_thread *thread);

void ray_condition_init(pthread_cond_t *condition);
/* The time in `timeout_ms`, for the next. */
struct timespec ray_condition_deadline(uint32_t timeout_ms);
/* Waits with the lock held, once: until a signal or for no reason (true), or the deadline (false).
 */
bool ray_condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock,
                              const struct timespec *deadline);

#endif
