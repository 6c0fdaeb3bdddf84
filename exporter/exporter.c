/* exporter: see exporter.h. */
#include "exporter/exporter.h"

#include <inttypes.h>

bool ray_exporter_is_too_old(const struct ray_clock *clock, uint64_t max_age_ms,
                             uint64_t accepted_unix_ns)
{
    uint64_t max_ns = max_age_ms * RAY_NS_PER_MS;
    uint64_t now = max_ns > 0 ? ray_clock_unix_ns(clock) : 0;
    return accepted_unix_ns != 0 && now > accepted_unix_ns && now - accepted_unix_ns > max_ns;
}

uint64_t ray_exporter_give_up(const struct ray_exporter_environment *environment,
                              struct ray_exporter_ledger *ledger, struct ray_cursor *cursor)
{
    uint64_t left = ray_cursor_backlog(cursor);
    struct ray_log_text id = ray_log_quote(ray_str_from(environment->id));
    if (left == 0) {
        return 0;
    }
    if (ray_queue_is_durable(environment->queue)) {
        ray_log_info(environment->log, "documents stay in the queue for the next start",
                     "exporter=%s documents=%" PRIu64, id.text, left);
        return 0;
    }
    ray_ledger_dropped(ledger, RAY_STR("shutdown"), left);
    ray_log_error(environment->log, "accepted documents given up at the stop",
                  "exporter=%s documents=%" PRIu64, id.text, left);
    return left;
}
