/* clock: see clock.h. */
#include "core/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * RAY_NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t system_unix_ns(const struct ray_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static uint64_t system_monotonic_ns(const struct ray_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

const struct ray_clock ray_clock_system = {system_unix_ns, system_monotonic_ns, NULL};
