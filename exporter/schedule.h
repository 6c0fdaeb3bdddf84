/*
 * schedule: when a destination may be called, and by how many calls at once. Pure: no clock.
 *
 * One per destination, not per parcel. It is open while calls succeed. After a failure it lets one
 * probe at a time through, each after
 *
 *     random(0, min(cap, initial * multiplier^n))      n: failures in a row; full jitter
 *
 * and any success opens it again, so an outage costs about an attempt per cap. Throttling halves
 * the calls in flight (AIMD); each round of successes gives one back. News from calls that were
 * launched before the last change is stale and changes nothing: thirty answers to one burst are one
 * event.
 */
#ifndef RAY_EXPORTER_SCHEDULE_H
#define RAY_EXPORTER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum ray_flow {
    RAY_FLOW_OPEN,
    RAY_FLOW_THROTTLED, /* cap 2 s at most */
    RAY_FLOW_DOWN,      /* nobody there, or in trouble */
    RAY_FLOW_BLOCKED,   /* refused for who we are or where we call: each minute */
};

struct ray_backoff {
    uint32_t initial_ms;
    uint32_t max_ms;
    double multiplier;
    double randomization; /* share of the wait that is random: 1 full jitter, 0 none */
};

struct ray_schedule {
    struct ray_backoff backoff;
    uint64_t random; /* state of the generator */
    enum ray_flow flow;
    unsigned exponent;
    uint64_t not_before_ns; /* of the next probe, unless open */
    uint64_t round;         /* a call remembers it at its launch */
    bool probing;           /* a probe flies */
    uint32_t window;        /* most calls in flight ever */
    uint32_t limit;         /* now: 1 to window */
    uint32_t successes;
};

void ray_schedule_init(struct ray_schedule *schedule, const struct ray_backoff *backoff,
                       uint32_t window, uint64_t seed);

bool ray_schedule_may_launch(const struct ray_schedule *schedule, uint32_t flying, uint64_t now_ns);
/* Earliest launch of something that is due at `due_ns`; UINT64_MAX: only news can change that. */
uint64_t ray_schedule_next_ns(const struct ray_schedule *schedule, uint32_t flying,
                              uint64_t due_ns);

void ray_schedule_success(struct ray_schedule *schedule);
/* A call launched in `round` failed; `hint_ms` is the least that the far end asks for (0: none).
 * Returns when its parcel may go again. */
uint64_t ray_schedule_failure(struct ray_schedule *schedule, enum ray_flow flow, uint64_t round,
                              uint32_t hint_ms, uint64_t now_ns);
/* The far end took some and asked to slow down: fewer at once, no pause. */
void ray_schedule_slow_down(struct ray_schedule *schedule, uint64_t round);
/* The wait of a document that was given back for the nth time, by the throttling cap. */
uint64_t ray_schedule_leftover_ns(struct ray_schedule *schedule, unsigned attempts);

#endif
