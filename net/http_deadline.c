/* http_deadline: see http_deadline.h. */
#include "net/http_deadline.h"

#include "core/clock.h"

/* After the first timeout the rate is judged again at least this often. */
#define WINDOW_MAX_NS (5 * RAY_NS_PER_S)

static uint64_t phase_ns(const struct ray_http_limits *limits, enum ray_http_phase phase)
{
    switch (phase) {
    case RAY_HTTP_WAITING:
        return limits->idle_ns;
    case RAY_HTTP_HEAD:
        return limits->head_ns;
    case RAY_HTTP_BODY:
    case RAY_HTTP_SENDING:
        return limits->body_ns;
    case RAY_HTTP_WORKING:
        break;
    }
    return UINT64_MAX;
}

static void open_window(struct ray_http_deadline *deadline, uint64_t now_ns, uint64_t length_ns,
                        uint64_t bytes)
{
    deadline->since_ns = now_ns;
    deadline->due_ns = length_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + length_ns;
    deadline->mark_bytes = bytes;
}

void ray_http_deadline_enter(struct ray_http_deadline *deadline,
                             const struct ray_http_limits *limits, enum ray_http_phase phase,
                             uint64_t now_ns, uint64_t bytes)
{
    deadline->phase = phase;
    open_window(deadline, now_ns, phase_ns(limits, phase), bytes);
}

static bool is_fast_enough(const struct ray_http_deadline *deadline, uint64_t now_ns,
                           uint64_t bytes)
{
    uint64_t elapsed_ms = (now_ns - deadline->since_ns) / RAY_NS_PER_MS;
    return (bytes - deadline->mark_bytes) * 1000 >= elapsed_ms * RAY_HTTP_MIN_BYTES_PER_S;
}

bool ray_http_deadline_passed(struct ray_http_deadline *deadline,
                              const struct ray_http_limits *limits, uint64_t now_ns, uint64_t bytes)
{
    if (deadline->mark_bytes == RAY_HTTP_BYTES_UNKNOWN) {
        deadline->mark_bytes = bytes;
    }
    if (deadline->phase == RAY_HTTP_WAITING && bytes != deadline->mark_bytes) {
        ray_http_deadline_enter(deadline, limits, RAY_HTTP_HEAD, now_ns, bytes);
        return false;
    }
    if (now_ns < deadline->due_ns) {
        return false;
    }
    bool may_be_prolonged = deadline->phase == RAY_HTTP_BODY || deadline->phase == RAY_HTTP_SENDING;
    if (!may_be_prolonged || !is_fast_enough(deadline, now_ns, bytes)) {
        return true;
    }
    uint64_t window_ns = limits->body_ns < WINDOW_MAX_NS ? limits->body_ns : WINDOW_MAX_NS;
    open_window(deadline, now_ns, window_ns, bytes);
    return false;
}
