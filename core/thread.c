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
