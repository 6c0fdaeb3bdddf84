/* busy_watch: see busy_watch.h. */
#include "receiver/busy_watch.h"

#include <time.h>

#include "core/clock.h"

static uint64_t cpu_ns(pthread_t thread)
{
    clockid_t clock;
    struct timespec used = {0};
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return 0;
    }
    return (uint64_t)used.tv_sec * RAY_NS_PER_S + (uint64_t)used.tv_nsec;
}

uint64_t ray_busy_inside_ns(struct ray_busy_watch *watch, pthread_t thread)
{
    uint64_t turns = atomic_load_explicit(&watch->turns, memory_order_relaxed);
    uint64_t cpu = cpu_ns(thread);
    if (turns % 2 == 0 || turns != watch->turns_seen || cpu < watch->cpu_ns_then) {
        watch->turns_seen = turns;
        watch->cpu_ns_then = cpu;
    }
    return cpu - watch->cpu_ns_then;
}
