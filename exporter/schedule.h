/*
 * schedule: when a destination may be called, and by how many calls at once. Pure: no clock.
 *
 * One per destination, not per parcel. It is open while some calls succeed: a parcel whose call
 * failed waits alone, a few base intervals at most. Once nobody answered, calls go one at a time
 * until the next success. After RAY_SCHEDULE_FAILURES in a row, or one with a hint or a reason that
 * concerns all, it lets one probe at a time through, each after
 *
 *     random(0, min(cap, initial * multiplier^n))      n: failures in a row; full jitter
 *
 * and any success opens it again, so an outage costs about an attempt per cap. A probe that gets no
 * answer is not waited for longer than a cap: the next one goes beside it, so that a far end that
 * is back is found before a call of its outage times out.
 *
 * The calls in flight follow the share of throttled work: each round of as many answers as may be
 * in flight takes half of the square of that share away, and gives one call back if anything was
 * taken. All throttled halves, half throttled settles at about eight. News from calls that were
 * launched before a pause is stale and changes nothing: thirty answers to one burst are one event.
 */
#ifndef RAY_EXPORTER_SCHEDULE_H
#define RAY_EXPORTER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* In a row, until the far end counts as gone: in 20 % of random failures 1 in 3,000 calls. */
#define RAY_SCHEDULE_FAILURES 5u

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
    unsigned failures;       /* in a row */
    bool doubt;              /* nothing succeeded since one found nobody there */
    unsigned exponent;       /* of the next pause */
    uint64_t not_before_ns;  /* of the next probe, unless open */
    uint64_t round;          /* a call remembers it at its launch */
    uint32_t probes;         /* flying */
    uint64_t probe_again_ns; /* those that fly are not waited for any longer */
    uint32_t window;         /* most calls in flight ever */
    double limit;            /* now: 1 to window */
    uint32_t answers;        /* of this round, and how much of them was throttled */
    double throttled;
};

void ray_schedule_init(struct ray_schedule *schedule, const struct ray_backoff *backoff,
                       uint32_t window, uint64_t seed);

/* Calls succeed, as far as anybody knows: not the time to hold back. */
bool ray_schedule_is_good(const struct ray_schedule *schedule);
bool ray_schedule_may_launch(const struct ray_schedule *schedule, uint32_t flying, uint64_t now_ns);
/* Earliest launch of something that is due at `due_ns`; UINT64_MAX: only news can change that. */
uint64_t ray_schedule_next_ns(const struct ray_schedule *schedule, uint32_t flying,
                              uint64_t due_ns);

/* True: what is launched now is a probe; ray_schedule_landed must be told when it ends. */
bool ray_schedule_launched(struct ray_schedule *schedule, uint64_t now_ns);
void ray_schedule_landed(struct ray_schedule *schedule, bool probe);

/* The far end answered for the call; it throttled so much of it, 0 to 1. */
void ray_schedule_success(struct ray_schedule *schedule, double throttled);
/* A call launched in `round` failed; its parcel had `attempts` failures before. `hint_ms` is the
 * least that the far end asks for (0: none). Returns when its parcel may go again. */
uint64_t ray_schedule_failure(struct ray_schedule *schedule, enum ray_flow flow, uint64_t round,
                              unsigned attempts, uint32_t hint_ms, uint64_t now_ns);
/* The wait of a document that was given back for the nth time, by the throttling cap. */
uint64_t ray_schedule_leftover_ns(struct ray_schedule *schedule, unsigned attempts);

#endif
