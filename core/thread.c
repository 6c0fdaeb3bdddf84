/* thread: see thread.h. */
#include "core/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define STACK_BYTES ((size_t)512 * 1024)

enum ray_status ray_thread_start(struct ray_thread *thread, const char *name,
                                 void *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread inherits it */
    int error = pthread_create(&thread->id, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        errno = error;
        return RAY_IO;
    }
    thread->started = 1;
    char short_name[16];
    snprintf(short_name, sizeof(short_name), "%s", name);
    pthread_setname_np(thread->id, short_name);
    return RAY_OK;
}

void ray_thread_join(struct ray_thread *thread)
{
    if (thread->started) {
        pthread_join(thread->id, NULL);
        thread->started = 0;
    }
}

void ray_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct timespec ray_condition_deadline(uint32_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return until;
}

bool ray_condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock,
                              const struct timespec *deadline)
{
    return pthread_cond_timedwait(condition, lock, deadline) == 0;
}
