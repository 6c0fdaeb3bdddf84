/*
 * memory_limiter: the processor's keys, how much memory there is to take shares of, and what the
 * gate at the receivers' doors (core/memory_gate.h) asks the system.
 */
#ifndef RAY_DAEMON_MEMORY_LIMITER_H
#define RAY_DAEMON_MEMORY_LIMITER_H

#include "config/options.h"
#include "core/log.h"

struct ray_memory_limiter_options {
    uint32_t check_interval_ms;
    int64_t limit_mib, spike_limit_mib;
    int64_t limit_percentage, spike_limit_percentage;
};
extern const struct ray_option ray_memory_limiter_option_table[];
RAY_MUST_USE enum ray_status ray_memory_limiter_check(const void *options,
                                                      const struct ray_yaml *node, const char *path,
                                                      struct ray_problems *problems);

struct ray_memory_limits {
    size_t soft_bytes, hard_bytes; /* 0: no limit */
    uint32_t interval_ms;
};
/* `total_bytes`: what percentages are of. */
struct ray_memory_limits ray_memory_limits_of(const struct ray_memory_limiter_options *options,
                                              uint64_t total_bytes);

/* The least of the machine's memory and the limits of this process's control groups, v1 and v2.
 * `root`: "" but in tests. */
uint64_t ray_memory_total_bytes(const char *root);

/* The resident set of this process. When it is above `soft_bytes`, the allocator's free memory goes
 * back first, and what is still too much is logged. Any thread. */
size_t ray_memory_resident_bytes(size_t soft_bytes, struct ray_log *log,
                                 struct ray_log_limiter *limiter, const struct ray_clock *clock);

#endif
