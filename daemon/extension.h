/*
 * extension: options of what is neither receiver nor exporter: health_check, the batch processor's
 * keys, service.telemetry and the service's own.
 */
#ifndef RAY_DAEMON_EXTENSION_H
#define RAY_DAEMON_EXTENSION_H

#include "config/options.h"

struct ray_health_options {
    struct ray_str endpoint;
    struct ray_str path;
    struct {
        struct ray_str healthy, unhealthy;
    } response_body;
};
extern const struct ray_option ray_health_option_table[];

struct ray_batch_options {
    uint32_t timeout_ms;
    int64_t send_batch_size, send_batch_max_size;
};
extern const struct ray_option ray_batch_option_table[];
RAY_MUST_USE enum ray_status ray_batch_options_check(const void *options,
                                                     const struct ray_yaml *node, const char *path,
                                                     struct ray_problems *problems);

struct ray_telemetry_options {
    struct {
        int level;    /* debug|info|warn|error|dpanic|panic|fatal */
        int encoding; /* console|json */
    } logs;
    struct {
        int level; /* none|basic|normal|detailed */
        struct ray_str address;
        const struct ray_yaml *readers;
    } metrics;
    struct {
        int64_t traces, refused;
    } ledger;
};
extern const struct ray_option ray_telemetry_option_table[];

struct ray_service_options {
    uint32_t shutdown_timeout_ms;
};
/* Keys of `service` besides those that config.h reads itself. */
extern const struct ray_option ray_service_option_table[];

/* The metrics page's address from service.telemetry.metrics: the first Prometheus reader, else
 * `address`, else 127.0.0.1:8888; the empty view for level none. */
struct ray_str ray_telemetry_metrics_address(const struct ray_telemetry_options *options,
                                             struct ray_arena *arena,
                                             struct ray_problems *problems);

#endif
