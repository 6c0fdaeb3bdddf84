/*
 * ledger: what became of everything that came in, counted by reason.
 *
 * Two equations that hold at every quiet moment and meet at the queue:
 *   per receiver, in spans:      received = taken + refused{reason}
 *   per exporter, in documents:  taken + recovered = delivered + queued + dropped{reason}
 * The collector's own metric names are kept beside them, so that dashboards go on working.
 */
#ifndef RAY_QUEUE_LEDGER_H
#define RAY_QUEUE_LEDGER_H

#include "core/metric.h"
#include "xray/cut.h"

enum ray_refusal {
    RAY_REFUSED_INVALID,    /* undecodable, or a span with bad ids */
    RAY_REFUSED_TOO_BIG,    /* past a limit of ours or of the service */
    RAY_REFUSED_QUEUE_FULL, /* told to retry */
    RAY_REFUSED_BUSY,       /* the byte budget at the door: told to retry */
    RAY_REFUSED_MEMORY,
    RAY_REFUSED_MEMORY_LIMIT, /* memory_limiter: told to retry */
    RAY_REFUSED_IO,
    RAY_REFUSED_SHUTDOWN,
    RAY_REFUSED_COUNT,
};
const char *ray_refusal_name(enum ray_refusal reason);

/*
 * One receiver's column; cells by transport ("grpc", "http"). Metrics, labelled receiver and
 * transport:
 *   spanbridge_receiver_received_spans
 *   spanbridge_receiver_taken_spans
 *   spanbridge_receiver_refused_spans{reason}
 *   spanbridge_receiver_refused_requests{reason}
 *   spanbridge_translate_cut_documents{reason}: what was cut to fit the service's limit
 *   spanbridge_translate_unindexed_annotations: over the budget of annotations
 *   otelcol_receiver_accepted_spans, otelcol_receiver_refused_spans
 */
struct ray_receiver_ledger {
    struct ray_metric *received; /* spans */
    struct ray_metric *taken;
    struct ray_metric *refused[RAY_REFUSED_COUNT];
    struct ray_metric *refused_requests[RAY_REFUSED_COUNT]; /* whose spans could not be counted */
    struct ray_metric *cut[RAY_CUT_COUNT];                  /* documents */
    struct ray_metric *unindexed;                           /* annotations */
    struct ray_metric *collector_accepted;                  /* otelcol_receiver_accepted_spans */
    struct ray_metric *collector_refused;                   /* otelcol_receiver_refused_spans */
};
/* RAY_NOMEM. The registry must outlive it. The verbs below: any thread; the three on spans also
 * count `spans` as received. */
RAY_MUST_USE enum ray_status ray_receiver_ledger_init(struct ray_receiver_ledger *ledger,
                                                      struct ray_metrics *metrics,
                                                      const char *receiver, const char *transport);
void ray_ledger_take(struct ray_receiver_ledger *ledger, uint64_t spans);
/* What happened to the documents of taken spans; a document may be in several counts. */
void ray_ledger_shaped(struct ray_receiver_ledger *ledger, const uint32_t cut[RAY_CUT_COUNT],
                       uint32_t unindexed);
void ray_ledger_refuse(struct ray_receiver_ledger *ledger, enum ray_refusal reason, uint64_t spans);
/* A request that was refused before its spans could be counted. */
void ray_ledger_refuse_request(struct ray_receiver_ledger *ledger, enum ray_refusal reason);

/* Distinct reasons kept per exporter and verb; codes come from outside, so there is a maximum. */
#define RAY_LEDGER_REASONS_MAX 32u

/*
 * One exporter's column, labelled exporter. Dropped and unprocessed documents are counted by the
 * code that the service gave: at most RAY_LEDGER_REASONS_MAX distinct ones, then "other".
 *   spanbridge_exporter_taken_documents
 *   spanbridge_exporter_recovered_documents: found in the queue at the start
 *   spanbridge_exporter_queued_documents: a gauge
 *   spanbridge_exporter_delivered_documents
 *   spanbridge_exporter_dropped_documents{reason}
 *   spanbridge_exporter_retried_documents{reason}
 *   otelcol_exporter_sent_spans         = delivered
 *   otelcol_exporter_send_failed_spans  = dropped
 * Any thread.
 */
struct ray_exporter_ledger;
/* NULL when out of memory. The registry must outlive it. */
struct ray_exporter_ledger *ray_exporter_ledger_new(struct ray_metrics *metrics,
                                                    const char *exporter);
void ray_exporter_ledger_free(struct ray_exporter_ledger *ledger); /* accepts NULL */
/* The queue's three: pushed for this exporter, found on disk for it, and done with, whatever became
 * of them. */
void ray_ledger_exporter_took(struct ray_exporter_ledger *ledger, uint64_t documents);
void ray_ledger_recovered(struct ray_exporter_ledger *ledger, uint64_t documents);
void ray_ledger_left_queue(struct ray_exporter_ledger *ledger, uint64_t documents);
void ray_ledger_delivered(struct ray_exporter_ledger *ledger, uint64_t documents);
void ray_ledger_dropped(struct ray_exporter_ledger *ledger, struct ray_str reason,
                        uint64_t documents);
void ray_ledger_retried(struct ray_exporter_ledger *ledger, struct ray_str reason,
                        uint64_t documents);

/* The two for that exporter's id, 0 when it has no column: for questions from outside. */
int64_t ray_ledger_queued_documents(struct ray_metrics *metrics, const char *exporter);
int64_t ray_ledger_recovered_documents(struct ray_metrics *metrics, const char *exporter);
/* Dropped for that reason. */
int64_t ray_ledger_dropped_documents(struct ray_metrics *metrics, const char *exporter,
                                     struct ray_str reason);

/* Gauges in bytes, labelled exporter and pipeline; whoever owns the queue says how to read them. */
extern const struct ray_metric_family ray_exporter_queue_size;     /* otelcol_exporter_queue_size */
extern const struct ray_metric_family ray_exporter_queue_capacity; /* ..._queue_capacity */

#endif
