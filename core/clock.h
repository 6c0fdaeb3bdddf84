/*
 * clock: the time, replaceable so that tests can own it.
 */
#ifndef RAY_CORE_CLOCK_H
#define RAY_CORE_CLOCK_H

#include <stdint.h>

struct ray_clock {
    uint64_t (*unix_ns)(const struct ray_clock *clock);      /* since 1970, UTC; may jump */
    uint64_t (*monotonic_ns)(const struct ray_clock *clock); /* never goes back */
    void *context;
};

/* The machine's clock. Any thread. */
extern const struct ray_clock ray_clock_system;

static inline uint64_t ray_clock_unix_ns(const struct ray_clock *clock)
{
    return clock->unix_ns(clock);
}

static inline uint64_t ray_clock_monotonic_ns(const struct ray_clock *clock)
{
    return clock->monotonic_ns(clock);
}

#define RAY_NS_PER_MS 1000000ull
#define RAY_NS_PER_S  1000000000ull

#endif
