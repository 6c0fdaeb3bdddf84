/* metric: see metric.h. Families sorted by name, cells by labels, both as lists: there are some
 * hundred of them, and they are looked up once each. */
#include "core/metric.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

struct cell {
    struct ray_metric metric; /* first: callers hold a pointer to it */
    struct cell *next;
    char *labels;
    ray_metric_read_fn read; /* NULL: `metric` has the value */
    void *context;
};

struct family {
    const struct ray_metric_family *about;
    struct family *next;
    struct cell *cells;
};

struct ray_metrics {
    pthread_mutex_t lock; /* guards the lists; held while gauge functions run, no other lock is
                             taken under it here */
    struct family *families;
};

struct ray_metrics *ray_metrics_new(void)
{
    struct ray_metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics != NULL) {
        pthread_mutex_init(&metrics->lock, NULL);
    }
    return metrics;
}

static void free_cell(struct cell *cell)
{
    free(cell->labels);
    free(cell);
}

static void free_family(struct family *family)
{
    while (family->cells != NULL) {
        struct cell *next = family->cells->next;
        free_cell(family->cells);
        family->cells = next;
    }
    free(family);
}

void ray_metrics_free(struct ray_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    while (metrics->families != NULL) {
        struct family *next = metrics->families->next;
        free_family(metrics->families);
        metrics->families = next;
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static struct family *find_or_add_family(struct ray_metrics *metrics,
                                         const struct ray_metric_family *about)
{
    struct family **at = &metrics->families;
    while (*at != NULL && strcmp((*at)->about->name, about->name) < 0) {
        at = &(*at)->next;
    }
    if (*at != NULL && strcmp((*at)->about->name, about->name) == 0) {
        return *at;
    }
    struct family *family = calloc(1, sizeof(*family));
    if (family != NULL) {
        family->about = about;
        family->next = *at;
        *at = family;
    }
    return family;
}

static struct cell *new_cell(const char *labels)
{
    struct cell *cell = calloc(1, sizeof(*cell));
    if (cell == NULL) {
        return NULL;
    }
    atomic_init(&cell->metric.value, 0);
    cell->labels = strdup(labels);
    if (cell->labels == NULL) {
        free(cell);
        return NULL;
    }
    return cell;
}

static struct cell *find_or_add_cell(struct family *family, const char *labels)
{
    struct cell **at = &family->cells;
    while (*at != NULL && strcmp((*at)->labels, labels) < 0) {
        at = &(*at)->next;
    }
    if (*at != NULL && strcmp((*at)->labels, labels) == 0) {
        return *at;
    }
    struct cell *cell = new_cell(labels);
    if (cell != NULL) {
        cell->next = *at;
        *at = cell;
    }
    return cell;
}

/* Under the lock. NULL when out of memory. */
static struct cell *cell_of(struct ray_metrics *metrics, const struct ray_metric_family *about,
                            const char *labels)
{
    struct family *family = find_or_add_family(metrics, about);
    return family ? find_or_add_cell(family, labels) : NULL;
}

struct ray_metric *ray_metrics_cell(struct ray_metrics *metrics,
                                    const struct ray_metric_family *family, const char *labels)
{
    pthread_mutex_lock(&metrics->lock);
    struct cell *cell = cell_of(metrics, family, labels);
    pthread_mutex_unlock(&metrics->lock);
    return cell ? &cell->metric : NULL;
}

enum ray_status ray_metrics_gauge_fn(struct ray_metrics *metrics,
                                     const struct ray_metric_family *family, const char *labels,
                                     ray_metric_read_fn read, void *context)
{
    pthread_mutex_lock(&metrics->lock);
    struct cell *cell = cell_of(metrics, family, labels);
    if (cell != NULL) {
        cell->read = read;
        cell->context = context;
    }
    pthread_mutex_unlock(&metrics->lock);
    return cell ? RAY_OK : RAY_NOMEM;
}

static void forget_cells(struct family *family, const void *context)
{
    struct cell **at = &family->cells;
    while (*at != NULL) {
        struct cell *cell = *at;
        if (cell->read != NULL && cell->context == context) {
            *at = cell->next;
            free_cell(cell);
        } else {
            at = &cell->next;
        }
    }
}

void ray_metrics_forget(struct ray_metrics *metrics, const void *context)
{
    pthread_mutex_lock(&metrics->lock);
    for (struct family *family = metrics->families; family != NULL; family = family->next) {
        forget_cells(family, context);
    }
    pthread_mutex_unlock(&metrics->lock);
}

/* ---- the page: Prometheus text format 0.0.4 ---- */

/* Backslash and line feed are escaped everywhere, the quote in label values only. */
static void append_escaped(struct ray_buf *out, struct ray_str text, bool quoted)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n') {
            ray_buf_append(out, RAY_STR("\\n"));
            continue;
        }
        if (c == '\\' || (quoted && c == '"')) {
            ray_buf_append_byte(out, '\\');
        }
        ray_buf_append_byte(out, c);
    }
}

void ray_metric_label(struct ray_buf *labels, const char *name, struct ray_str value)
{
    if (labels->len > 0) {
        ray_buf_append_byte(labels, ',');
    }
    ray_buf_append(labels, ray_str_from(name));
    ray_buf_append(labels, RAY_STR("=\""));
    append_escaped(labels, value, true);
    ray_buf_append_byte(labels, '"');
}

static void write_head(const struct ray_metric_family *about, struct ray_buf *out)
{
    ray_buf_printf(out, "# HELP %s ", about->name);
    append_escaped(out, ray_str_from(about->help), false);
    ray_buf_printf(out, "\n# TYPE %s %s\n", about->name,
                   about->kind == RAY_COUNTER ? "counter" : "gauge");
}

static void write_cell(const char *name, const struct cell *cell, struct ray_buf *out)
{
    int64_t value = cell->read ? cell->read(cell->context) : ray_metric_get(&cell->metric);
    ray_buf_append(out, ray_str_from(name));
    if (cell->labels[0] != '\0') {
        ray_buf_append_byte(out, '{');
        ray_buf_append(out, ray_str_from(cell->labels));
        ray_buf_append_byte(out, '}');
    }
    ray_buf_printf(out, " %" PRId64 "\n", value);
}

void ray_metrics_write(struct ray_metrics *metrics, struct ray_buf *out)
{
    pthread_mutex_lock(&metrics->lock);
    for (const struct family *family = metrics->families; family != NULL; family = family->next) {
        if (family->cells != NULL) {
            write_head(family->about, out);
        }
        for (const struct cell *cell = family->cells; cell != NULL; cell = cell->next) {
            write_cell(family->about->name, cell, out);
        }
    }
    pthread_mutex_unlock(&metrics->lock);
}
