/*
 * ledger: cells of the metric registry, found once and then counted on.
 */
#include "queue/ledger.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX_BYTES 512u
#define REASON_MAX_BYTES 63u

enum receiver_family {
    RECEIVED,
    TAKEN,
    REFUSED,
    REFUSED_REQUESTS,
    CUT,
    UNINDEXED,
    COLLECTOR_ACCEPTED,
    COLLECTOR_REFUSED,
};
static const struct ray_metric_family receiver_families[] = {
    [RECEIVED] = {"spanbridge_receiver_received_spans", RAY_COUNTER,
                  "Spans that came in and could be counted."},
    [TAKEN] = {"spanbridge_receiver_taken_spans", RAY_COUNTER,
               "Spans that the client was told are accepted."},
    [REFUSED] = {"spanbridge_receiver_refused_spans", RAY_COUNTER,
                 "Spans that the client was told are not accepted, by reason."},
    [REFUSED_REQUESTS] = {"spanbridge_receiver_refused_requests", RAY_COUNTER,
                          "Requests refused before their spans could be counted, by reason."},
    [CUT] = {"spanbridge_translate_cut_documents", RAY_COUNTER,
             "Documents of which something was cut to fit the service's limit, by what."},
    [UNINDEXED] = {"spanbridge_translate_unindexed_annotations", RAY_COUNTER,
                   "Annotations over annotation_budget, kept as metadata."},
    [COLLECTOR_ACCEPTED] = {"otelcol_receiver_accepted_spans", RAY_COUNTER,
                            "Spans accepted, under the collector's name."},
    [COLLECTOR_REFUSED] = {"otelcol_receiver_refused_spans", RAY_COUNTER,
                           "Spans refused, under the collector's name."},
};

enum exporter_family {
    OWED,
    RECOVERED,
    QUEUED,
    DELIVERED,
    DROPPED,
    RETRIED,
    COLLECTOR_SENT,
    COLLECTOR_FAILED,
};
static const struct ray_metric_family exporter_families[] = {
    [OWED] = {"spanbridge_exporter_taken_documents", RAY_COUNTER,
              "Documents that this exporter owes to its far end."},
    [RECOVERED] = {"spanbridge_exporter_recovered_documents", RAY_COUNTER,
                   "Documents of an earlier run that this exporter found in its queue."},
    [QUEUED] = {"spanbridge_exporter_queued_documents", RAY_GAUGE,
                "Documents that wait for this exporter or are on their way."},
    [DELIVERED] = {"spanbridge_exporter_delivered_documents", RAY_COUNTER,
                   "Documents that the far end answered success for; of an xray_daemon, which "
                   "answers nothing: handed to the kernel, and not come back."},
    [DROPPED] = {"spanbridge_exporter_dropped_documents", RAY_COUNTER,
                 "Documents given up for good, by reason."},
    [RETRIED] = {"spanbridge_exporter_retried_documents", RAY_COUNTER,
                 "Documents sent again, by reason."},
    [COLLECTOR_SENT] = {"otelcol_exporter_sent_spans", RAY_COUNTER,
                        "Documents delivered, under the collector's name."},
    [COLLECTOR_FAILED] = {"otelcol_exporter_send_failed_spans", RAY_COUNTER,
                          "Documents given up for good, under the collector's name."},
};

const struct ray_metric_family ray_exporter_queue_size = {"otelcol_exporter_queue_size", RAY_GAUGE,
                                                          "Bytes held by the exporter's queue."};
const struct ray_metric_family ray_exporter_queue_capacity = {
    "otelcol_exporter_queue_capacity", RAY_GAUGE, "Bytes that the exporter's queue holds at most."};

static const char *const refusal_names[RAY_REFUSED_COUNT] = {
    [RAY_REFUSED_INVALID] = "invalid",       [RAY_REFUSED_TOO_BIG] = "too_big",
    [RAY_REFUSED_QUEUE_FULL] = "queue_full", [RAY_REFUSED_BUSY] = "busy",
    [RAY_REFUSED_MEMORY] = "memory",         [RAY_REFUSED_IO] = "io",
    [RAY_REFUSED_SHUTDOWN] = "shutdown",     [RAY_REFUSED_MEMORY_LIMIT] = "memory_limit",
};

const char *ray_refusal_name(enum ray_refusal reason)
{
    return refusal_names[reason];
}

/* The cell of `family` with `labels` and one more, or as they are when `reason` is NULL. */
static struct ray_metric *cell_with_reason(struct ray_metrics *metrics,
                                           const struct ray_metric_family *family,
                                           struct ray_str labels, const struct ray_str *reason)
{
    struct ray_buf all;
    ray_buf_init(&all, LABELS_MAX_BYTES);
    ray_buf_append(&all, labels);
    if (reason != NULL) {
        ray_metric_label(&all, "reason", *reason);
    }
    ray_buf_append_byte(&all, '\0');
    struct ray_metric *cell = all.failed ? NULL : ray_metrics_cell(metrics, family, all.data);
    ray_buf_clear(&all);
    return cell;
}

enum ray_status ray_receiver_ledger_init(struct ray_receiver_ledger *ledger,
                                         struct ray_metrics *metrics, const char *receiver,
                                         const char *transport)
{
    struct ray_buf labels;
    ray_buf_init(&labels, LABELS_MAX_BYTES);
    ray_metric_label(&labels, "receiver", ray_str_from(receiver));
    ray_metric_label(&labels, "transport", ray_str_from(transport));

    struct {
        struct ray_metric **cell;
        enum receiver_family family;
    } plain[] = {
        {&ledger->received, RECEIVED},
        {&ledger->taken, TAKEN},
        {&ledger->unindexed, UNINDEXED},
        {&ledger->collector_accepted, COLLECTOR_ACCEPTED},
        {&ledger->collector_refused, COLLECTOR_REFUSED},
    };
    bool complete = true;
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        *plain[i].cell = cell_with_reason(metrics, &receiver_families[plain[i].family],
                                          ray_buf_str(&labels), NULL);
        complete = complete && *plain[i].cell != NULL;
    }
    for (int i = 0; i < RAY_REFUSED_COUNT; i++) {
        struct ray_str reason = ray_str_from(refusal_names[i]);
        ledger->refused[i] =
            cell_with_reason(metrics, &receiver_families[REFUSED], ray_buf_str(&labels), &reason);
        ledger->refused_requests[i] = cell_with_reason(
            metrics, &receiver_families[REFUSED_REQUESTS], ray_buf_str(&labels), &reason);
        complete = complete && ledger->refused[i] != NULL && ledger->refused_requests[i] != NULL;
    }
    for (unsigned cut = 0; cut < RAY_CUT_COUNT; cut++) {
        struct ray_str name = ray_cut_name((enum ray_cut)cut);
        ledger->cut[cut] =
            cell_with_reason(metrics, &receiver_families[CUT], ray_buf_str(&labels), &name);
        complete = complete && ledger->cut[cut] != NULL;
    }
    ray_buf_clear(&labels);
    return complete ? RAY_OK : RAY_NOMEM;
}

void ray_ledger_shaped(struct ray_receiver_ledger *ledger, const uint32_t cut[RAY_CUT_COUNT],
                       uint32_t unindexed)
{
    for (unsigned i = 0; i < RAY_CUT_COUNT; i++) {
        if (cut[i] > 0) {
            ray_metric_add(ledger->cut[i], cut[i]);
        }
    }
    if (unindexed > 0) {
        ray_metric_add(ledger->unindexed, unindexed);
    }
}

void ray_ledger_take(struct ray_receiver_ledger *ledger, uint64_t spans)
{
    ray_metric_add(ledger->received, (int64_t)spans);
    ray_metric_add(ledger->taken, (int64_t)spans);
    ray_metric_add(ledger->collector_accepted, (int64_t)spans);
}

void ray_ledger_refuse(struct ray_receiver_ledger *ledger, enum ray_refusal reason, uint64_t spans)
{
    ray_metric_add(ledger->received, (int64_t)spans);
    ray_metric_add(ledger->refused[reason], (int64_t)spans);
    ray_metric_add(ledger->collector_refused, (int64_t)spans);
}

void ray_ledger_refuse_request(struct ray_receiver_ledger *ledger, enum ray_refusal reason)
{
    ray_metric_add(ledger->refused_requests[reason], 1);
}

/* The cells of one family by reason; the last one is "other". */
struct reasons {
    const struct ray_metric_family *family;
    size_t count;
    struct {
        char text[REASON_MAX_BYTES + 1];
        struct ray_metric *cell;
    } items[RAY_LEDGER_REASONS_MAX];
    struct ray_metric *other;
};

struct ray_exporter_ledger {
    struct ray_metrics *metrics;
    struct ray_buf labels;
    struct ray_metric *owed;
    struct ray_metric *recovered;
    struct ray_metric *queued;
    struct ray_metric *delivered;
    struct ray_metric *collector_sent;
    struct ray_metric *collector_failed;
    /* Guards the two below. The registry's lock is taken under it. */
    pthread_mutex_t lock;
    struct reasons dropped;
    struct reasons retried;
};

static bool reasons_init(struct ray_exporter_ledger *ledger, struct reasons *reasons,
                         enum exporter_family family)
{
    struct ray_str other = RAY_STR("other");
    reasons->family = &exporter_families[family];
    reasons->other =
        cell_with_reason(ledger->metrics, reasons->family, ray_buf_str(&ledger->labels), &other);
    return reasons->other != NULL;
}

static bool exporter_cells_init(struct ray_exporter_ledger *ledger)
{
    struct {
        struct ray_metric **cell;
        enum exporter_family family;
    } plain[] = {
        {&ledger->owed, OWED},
        {&ledger->recovered, RECOVERED},
        {&ledger->queued, QUEUED},
        {&ledger->delivered, DELIVERED},
        {&ledger->collector_sent, COLLECTOR_SENT},
        {&ledger->collector_failed, COLLECTOR_FAILED},
    };
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        *plain[i].cell = cell_with_reason(ledger->metrics, &exporter_families[plain[i].family],
                                          ray_buf_str(&ledger->labels), NULL);
        if (*plain[i].cell == NULL) {
            return false;
        }
    }
    return reasons_init(ledger, &ledger->dropped, DROPPED) &&
           reasons_init(ledger, &ledger->retried, RETRIED);
}

struct ray_exporter_ledger *ray_exporter_ledger_new(struct ray_metrics *metrics,
                                                    const char *exporter)
{
    struct ray_exporter_ledger *ledger = calloc(1, sizeof(*ledger));
    if (ledger == NULL) {
        return NULL;
    }
    ledger->metrics = metrics;
    pthread_mutex_init(&ledger->lock, NULL);
    ray_buf_init(&ledger->labels, LABELS_MAX_BYTES);
    ray_metric_label(&ledger->labels, "exporter", ray_str_from(exporter));
    if (ledger->labels.failed || !exporter_cells_init(ledger)) {
        ray_exporter_ledger_free(ledger);
        return NULL;
    }
    return ledger;
}

void ray_exporter_ledger_free(struct ray_exporter_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    pthread_mutex_destroy(&ledger->lock);
    ray_buf_clear(&ledger->labels);
    free(ledger);
}

void ray_ledger_exporter_took(struct ray_exporter_ledger *ledger, uint64_t documents)
{
    ray_metric_add(ledger->owed, (int64_t)documents);
    ray_metric_add(ledger->queued, (int64_t)documents);
}

void ray_ledger_recovered(struct ray_exporter_ledger *ledger, uint64_t documents)
{
    ray_metric_add(ledger->recovered, (int64_t)documents);
    ray_metric_add(ledger->queued, (int64_t)documents);
}

void ray_ledger_left_queue(struct ray_exporter_ledger *ledger, uint64_t documents)
{
    ray_metric_add(ledger->queued, -(int64_t)documents);
}

void ray_ledger_delivered(struct ray_exporter_ledger *ledger, uint64_t documents)
{
    ray_metric_add(ledger->delivered, (int64_t)documents);
    ray_metric_add(ledger->collector_sent, (int64_t)documents);
}

/* Finds or makes the cell of `reason`; "other" when there are too many or no memory. Locked. */
static struct ray_metric *reason_cell(struct ray_exporter_ledger *ledger, struct reasons *reasons,
                                      struct ray_str reason)
{
    reason = ray_str_until(reason, REASON_MAX_BYTES);
    for (size_t i = 0; i < reasons->count; i++) {
        if (ray_str_eq(ray_str_from(reasons->items[i].text), reason)) {
            return reasons->items[i].cell;
        }
    }
    /* an empty code or one with a NUL in it names nothing */
    if (reasons->count == RAY_LEDGER_REASONS_MAX || reason.len == 0 ||
        memchr(reason.ptr, 0, reason.len) != NULL) {
        return reasons->other;
    }
    struct ray_metric *cell =
        cell_with_reason(ledger->metrics, reasons->family, ray_buf_str(&ledger->labels), &reason);
    if (cell == NULL) {
        return reasons->other;
    }
    memcpy(reasons->items[reasons->count].text, reason.ptr, reason.len);
    reasons->items[reasons->count++].cell = cell;
    return cell;
}

static void count_reason(struct ray_exporter_ledger *ledger, struct reasons *reasons,
                         struct ray_str reason, uint64_t documents)
{
    pthread_mutex_lock(&ledger->lock);
    struct ray_metric *cell = reason_cell(ledger, reasons, reason);
    pthread_mutex_unlock(&ledger->lock);
    ray_metric_add(cell, (int64_t)documents);
}

void ray_ledger_dropped(struct ray_exporter_ledger *ledger, struct ray_str reason,
                        uint64_t documents)
{
    count_reason(ledger, &ledger->dropped, reason, documents);
    ray_metric_add(ledger->collector_failed, (int64_t)documents);
}

void ray_ledger_retried(struct ray_exporter_ledger *ledger, struct ray_str reason,
                        uint64_t documents)
{
    count_reason(ledger, &ledger->retried, reason, documents);
}

static int64_t read_cell(struct ray_metrics *metrics, enum exporter_family family,
                         const char *exporter, const struct ray_str *reason)
{
    struct ray_buf labels;
    ray_buf_init(&labels, LABELS_MAX_BYTES);
    ray_metric_label(&labels, "exporter", ray_str_from(exporter));
    struct ray_metric *cell =
        cell_with_reason(metrics, &exporter_families[family], ray_buf_str(&labels), reason);
    ray_buf_clear(&labels);
    return cell != NULL ? ray_metric_get(cell) : 0;
}

int64_t ray_ledger_queued_documents(struct ray_metrics *metrics, const char *exporter)
{
    return read_cell(metrics, QUEUED, exporter, NULL);
}

int64_t ray_ledger_recovered_documents(struct ray_metrics *metrics, const char *exporter)
{
    return read_cell(metrics, RECOVERED, exporter, NULL);
}

int64_t ray_ledger_dropped_documents(struct ray_metrics *metrics, const char *exporter,
                                     struct ray_str reason)
{
    return read_cell(metrics, DROPPED, exporter, &reason);
}
