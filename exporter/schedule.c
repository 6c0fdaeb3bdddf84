/* schedule: see the header. */
#include "exporter/schedule.h"

#include "core/clock.h"

#define THROTTLE_CAP_MS     2000u
#define BLOCKED_INTERVAL_MS 60000u
#define ALONE_EXPONENT_MAX  2u
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

static uint64_t backoff_ns(struct ray_schedule *schedule, unsigned exponent, uint32_t most_ms)
{
    const struct ray_backoff *backoff = &schedule->backoff;
    double cap = most_ms < backoff->max_ms ? most_ms : backoff->max_ms;
    double interval = backoff->initial_ms;
    for (unsigned i = 0; i < exponent && interval < cap; i++) {
        interval *= backoff->multiplier;
    }
    interval = interval < cap ? interval : cap;
    double spread = backoff->randomization;
    double delay_ms = interval * (1 - spread + spread * next_random(schedule));
    return (uint64_t)((delay_ms < 1 ? 1 : delay_ms) * (double)RAY_NS_PER_MS);
}

static uint32_t cap_ms(enum ray_flow flow)
{
    return flow == RAY_FLOW_THROTTLED ? THROTTLE_CAP_MS : UINT32_MAX;
}

static uint64_t delay_ns(struct ray_schedule *schedule, enum ray_flow flow, unsigned exponent,
                         uint32_t hint_ms)
{
    uint64_t delay;
    if (flow == RAY_FLOW_BLOCKED) {
        double minute = BLOCKED_INTERVAL_MS * (1 + 0.1 * next_random(schedule));
        delay = (uint64_t)(minute * (double)RAY_NS_PER_MS);
    } else {
        delay = backoff_ns(schedule, exponent, cap_ms(flow));
    }
    /* The spread keeps a fleet from coming back in the same moment. */
    double hint = hint_ms * (1 + 0.2 * next_random(schedule));
    return later(delay, (uint64_t)(hint * (double)RAY_NS_PER_MS));
}

static void change_limit(struct ray_schedule *schedule, double throttled_share)
{
    double cut = throttled_share * throttled_share / 2;
    double limit = schedule->limit * (1 - cut) + (throttled_share < 1 ? 1 : 0);
    limit = limit < schedule->window ? limit : schedule->window;
    schedule->limit = limit > 1 ? limit : 1;
    schedule->answers = 0;
    schedule->throttled = 0;
}

static void count_answer(struct ray_schedule *schedule, double throttled)
{
    schedule->throttled += throttled;
    if (++schedule->answers >= (uint32_t)schedule->limit) {
        change_limit(schedule, schedule->throttled / schedule->answers);
    }
}

void ray_schedule_init(struct ray_schedule *schedule, const struct ray_backoff *backoff,
                       uint32_t window, uint64_t seed)
{
    *schedule = (struct ray_schedule){
        .backoff = *backoff, .random = seed, .window = window, .limit = window};
}

static uint64_t probe_ns(const struct ray_schedule *schedule)
{
    return later(schedule->not_before_ns, schedule->probes > 0 ? schedule->probe_again_ns : 0);
}

bool ray_schedule_is_good(const struct ray_schedule *schedule)
{
    return schedule->flow == RAY_FLOW_OPEN && !schedule->doubt;
}

/* Hanging probes do not keep the next one from going. */
static bool is_crowded(const struct ray_schedule *schedule, uint32_t flying)
{
    bool one_at_a_time = schedule->doubt && schedule->flow == RAY_FLOW_OPEN;
    return flying >= (one_at_a_time ? 1 : (uint32_t)schedule->limit);
}

bool ray_schedule_may_launch(const struct ray_schedule *schedule, uint32_t flying, uint64_t now_ns)
{
    return !is_crowded(schedule, flying) &&
           (schedule->flow == RAY_FLOW_OPEN || probe_ns(schedule) <= now_ns);
}

uint64_t ray_schedule_next_ns(const struct ray_schedule *schedule, uint32_t flying, uint64_t due_ns)
{
    if (is_crowded(schedule, flying)) {
        return UINT64_MAX;
    }
    return schedule->flow == RAY_FLOW_OPEN ? due_ns : later(due_ns, probe_ns(schedule));
}

bool ray_schedule_launched(struct ray_schedule *schedule, uint64_t now_ns)
{
    if (schedule->flow == RAY_FLOW_OPEN) {
        return false;
    }
    schedule->probes++;
    schedule->probe_again_ns = now_ns + schedule->backoff.max_ms * RAY_NS_PER_MS;
    return true;
}

void ray_schedule_landed(struct ray_schedule *schedule, bool probe)
{
    schedule->probes -= probe ? 1 : 0;
}

void ray_schedule_success(struct ray_schedule *schedule, double throttled)
{
    schedule->flow = RAY_FLOW_OPEN;
    schedule->failures = 0;
    schedule->doubt = false;
    schedule->exponent = 0;
    count_answer(schedule, throttled);
}

static bool concerns_all(const struct ray_schedule *schedule, enum ray_flow flow, uint32_t hint_ms)
{
    return schedule->flow != RAY_FLOW_OPEN || flow == RAY_FLOW_BLOCKED || hint_ms > 0 ||
           schedule->failures >= RAY_SCHEDULE_FAILURES;
}

static uint64_t pause(struct ray_schedule *schedule, enum ray_flow flow, uint32_t hint_ms,
                      uint64_t now_ns)
{
    schedule->exponent = flow == schedule->flow ? schedule->exponent : 0;
    schedule->not_before_ns = now_ns + delay_ns(schedule, flow, schedule->exponent, hint_ms);
    schedule->flow = flow;
    schedule->exponent += schedule->exponent < EXPONENT_MAX;
    schedule->round++;
    if (flow == RAY_FLOW_THROTTLED) {
        change_limit(schedule, 1);
    }
    return schedule->not_before_ns;
}

uint64_t ray_schedule_failure(struct ray_schedule *schedule, enum ray_flow flow, uint64_t round,
                              unsigned attempts, uint32_t hint_ms, uint64_t now_ns)
{
    bool stale = round != schedule->round;
    schedule->failures += stale ? 0 : 1;
    schedule->doubt = schedule->doubt || (!stale && flow == RAY_FLOW_DOWN);
    if (!stale && concerns_all(schedule, flow, hint_ms)) {
        return pause(schedule, flow, hint_ms, now_ns);
    }
    if (!stale && flow == RAY_FLOW_THROTTLED) {
        count_answer(schedule, 1);
    }
    /* While others get through a parcel need not hold back for long: the limit does that for all.
     */
    unsigned exponent = attempts < ALONE_EXPONENT_MAX ? attempts : ALONE_EXPONENT_MAX;
    uint64_t due_ns = now_ns + delay_ns(schedule, flow, exponent, hint_ms);
    return later(due_ns, schedule->flow == RAY_FLOW_OPEN ? 0 : schedule->not_before_ns);
}

uint64_t ray_schedule_leftover_ns(struct ray_schedule *schedule, unsigned attempts)
{
    return backoff_ns(schedule, attempts, THROTTLE_CAP_MS);
}
