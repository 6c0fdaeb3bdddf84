/* schedule: see the header. */
#include "exporter/schedule.h"

#include "core/clock.h"

#define THROTTLE_CAP_MS     2000u
#define BLOCKED_INTERVAL_MS 60000u
#define EXPONENT_MAX        30u /* far above every cap; keeps the counter from wrapping */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* splitmix64: small, and the same in every run with the same seed. */
static double next_random(struct ray_schedule *schedule)
{
    uint64_t z = (schedule->random += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static uint64_t backoff_ns(struct ray_schedule *schedule, unsigned exponent, uint32_t cap_ms)
{
    const struct ray_backoff *backoff = &schedule->backoff;
    double cap = cap_ms < backoff->max_ms ? cap_ms : backoff->max_ms;
    double interval = backoff->initial_ms;
    for (unsigned i = 0; i < exponent && interval < cap; i++) {
        interval *= backoff->multiplier;
    }
    interval = interval < cap ? interval : cap;
    double spread = backoff->randomization;
    double delay_ms = interval * (1 - spread + spread * next_random(schedule));
    return (uint64_t)((delay_ms < 1 ? 1 : delay_ms) * (double)RAY_NS_PER_MS);
}

static uint64_t delay_ns(struct ray_schedule *schedule, enum ray_flow flow, uint32_t hint_ms)
{
    uint64_t delay;
    if (flow == RAY_FLOW_BLOCKED) {
        double minute = BLOCKED_INTERVAL_MS * (1 + 0.1 * next_random(schedule));
        delay = (uint64_t)(minute * (double)RAY_NS_PER_MS);
    } else {
        delay = backoff_ns(schedule, schedule->exponent,
                           flow == RAY_FLOW_THROTTLED ? THROTTLE_CAP_MS : UINT32_MAX);
    }
    /* The spread keeps a fleet from coming back in the same moment. */
    double hint = hint_ms * (1 + 0.2 * next_random(schedule));
    return later(delay, (uint64_t)(hint * (double)RAY_NS_PER_MS));
}

static void halve(struct ray_schedule *schedule)
{
    schedule->limit = schedule->limit > 1 ? schedule->limit / 2 : 1;
    schedule->successes = 0;
}

void ray_schedule_init(struct ray_schedule *schedule, const struct ray_backoff *backoff,
                       uint32_t window, uint64_t seed)
{
    *schedule = (struct ray_schedule){
        .backoff = *backoff, .random = seed, .window = window, .limit = window};
}

bool ray_schedule_may_launch(const struct ray_schedule *schedule, uint32_t flying, uint64_t now_ns)
{
    if (flying >= schedule->limit) {
        return false;
    }
    return schedule->flow == RAY_FLOW_OPEN ||
           (!schedule->probing && schedule->not_before_ns <= now_ns);
}

uint64_t ray_schedule_next_ns(const struct ray_schedule *schedule, uint32_t flying, uint64_t due_ns)
{
    if (flying >= schedule->limit) {
        return UINT64_MAX;
    }
    if (schedule->flow == RAY_FLOW_OPEN) {
        return due_ns;
    }
    return schedule->probing ? UINT64_MAX : later(due_ns, schedule->not_before_ns);
}

void ray_schedule_success(struct ray_schedule *schedule)
{
    schedule->flow = RAY_FLOW_OPEN;
    schedule->exponent = 0;
    if (schedule->limit < schedule->window && ++schedule->successes >= schedule->limit) {
        schedule->limit++;
        schedule->successes = 0;
    }
}

uint64_t ray_schedule_failure(struct ray_schedule *schedule, enum ray_flow flow, uint64_t round,
                              uint32_t hint_ms, uint64_t now_ns)
{
    bool stale = round != schedule->round;
    if (!stale && flow != schedule->flow) {
        schedule->exponent = 0;
    }
    uint64_t due_ns = now_ns + delay_ns(schedule, flow, hint_ms);
    if (stale) {
        bool open = schedule->flow == RAY_FLOW_OPEN;
        return later(due_ns, open ? 0 : schedule->not_before_ns);
    }
    schedule->flow = flow;
    schedule->exponent += schedule->exponent < EXPONENT_MAX;
    schedule->not_before_ns = due_ns;
    schedule->round++;
    if (flow == RAY_FLOW_THROTTLED) {
        halve(schedule);
    }
    return due_ns;
}

void ray_schedule_slow_down(struct ray_schedule *schedule, uint64_t round)
{
    if (round == schedule->round) {
        schedule->round++;
        halve(schedule);
    }
}

uint64_t ray_schedule_leftover_ns(struct ray_schedule *schedule, unsigned attempts)
{
    return backoff_ns(schedule, attempts, THROTTLE_CAP_MS);
}
