/*
 * pace: at most so many a second, evenly. Pure: no clock.
 *
 * Behind a pause at most a hundredth of a second's share goes at once, so that a sleep that lasts a
 * millisecond too long costs no throughput. One thread at a time.
 */
#ifndef RAY_EXPORTER_PACE_H
#define RAY_EXPORTER_PACE_H

#include "core/clock.h"

struct ray_pace {
    double interval_ns; /* 0: no limit */
    double burst;       /* at least 1 */
    double paid_ns;     /* what was sent is paid for until then */
};

static inline void ray_pace_init(struct ray_pace *pace, uint64_t per_second)
{
    double share = (double)per_second / 100;
    *pace = (struct ray_pace){
        .interval_ns = per_second > 0 ? (double)RAY_NS_PER_S / (double)per_second : 0,
        .burst = share > 1 ? share : 1,
    };
}

/* How many may go now. */
static inline uint64_t ray_pace_allowance(const struct ray_pace *pace, uint64_t now_ns)
{
    double debt_ns = pace->paid_ns - (double)now_ns;
    if (pace->interval_ns <= 0) {
        return UINT64_MAX;
    }
    double share = pace->burst - (debt_ns > 0 ? debt_ns / pace->interval_ns : 0);
    return share > 0 ? (uint64_t)(share + 1e-6) : 0; /* a rounded wait must not end one short */
}

static inline void ray_pace_spend(struct ray_pace *pace, uint64_t count, uint64_t now_ns)
{
    double from_ns = pace->paid_ns > (double)now_ns ? pace->paid_ns : (double)now_ns;
    pace->paid_ns = from_ns + (double)count * pace->interval_ns;
}

/* When the next one may go. */
static inline uint64_t ray_pace_next_ns(const struct ray_pace *pace)
{
    double next_ns = pace->paid_ns - (pace->burst - 1) * pace->interval_ns;
    return next_ns > 0 ? (uint64_t)next_ns : 0;
}

#endif
