/*
 * metric: counters and gauges, and their text for Prometheus (exposition format 0.0.4).
 *
 * A registry belongs to the process. A cell is found or made once (under a lock) and then counted
 * on without any: hold the pointer. Cells live until the registry is freed.
 */
#ifndef RAY_CORE_METRIC_H
#define RAY_CORE_METRIC_H

#include <stdatomic.h>

#include "core/buf.h"

struct ray_metrics;

enum ray_metric_kind { RAY_COUNTER, RAY_GAUGE };

struct ray_metric {
    _Atomic int64_t value;
};

/* A family: one row of a module's static table. The name is the full one. */
struct ray_metric_family {
    const char *name;
    enum ray_metric_kind kind;
    const char *help;
};

/* NULL when out of memory. */
struct ray_metrics *ray_metrics_new(void);
void ray_metrics_free(struct ray_metrics *metrics); /* accepts NULL */

/* The cell of `family` with `labels`: "" or the finished inside of the braces, made with
 * ray_metric_label. The family must be static. NULL when out of memory. Any thread. */
struct ray_metric *ray_metrics_cell(struct ray_metrics *metrics,
                                    const struct ray_metric_family *family, const char *labels);
/* A gauge that is asked when the page is written. `read` must not block. */
typedef int64_t (*ray_metric_read_fn)(void *context);
RAY_MUST_USE enum ray_status ray_metrics_gauge_fn(struct ray_metrics *metrics,
                                                  const struct ray_metric_family *family,
                                                  const char *labels, ray_metric_read_fn read,
                                                  void *context);
/* Forgets all gauge functions of `context`, before it is freed. Waits for a page being written. */
void ray_metrics_forget(struct ray_metrics *metrics, const void *context);

/* Appends `name="value"` with the value escaped; a comma in front when `labels` is not empty. */
void ray_metric_label(struct ray_buf *labels, const char *name, struct ray_str value);

/* The whole page: families sorted by name, HELP and TYPE once each. Any thread. */
void ray_metrics_write(struct ray_metrics *metrics, struct ray_buf *out);

static inline void ray_metric_add(struct ray_metric *metric, int64_t n)
{
    atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

static inline void ray_metric_set(struct ray_metric *metric, int64_t n)
{
    atomic_store_explicit(&metric->value, n, memory_order_relaxed);
}

static inline int64_t ray_metric_get(const struct ray_metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

#endif
