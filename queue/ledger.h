/*
 * ledger: what became of everything that came in, counted by reason.
 *
 * Two equations that hold at every quiet moment and meet at the queue:
 *   per receiver, in spans:      received = taken + refused{reason}
 *   per exporter, in documents:  taken = delivered + queued + dropped{reason}
 * The collector's own metric names are kept beside them, so that dashboards go on working.
 */
#ifndef RAY_QUEUE_LEDGER_H
#define RAY_QUEUE_LEDGER_H

#include "core/metric.h"

enum ray_refusal {
    RAY_REFUSED_INVALID,    /* undecodable, or a span with bad ids */
    RAY_REFUSED_TOO_BIG,    /* past a limit of ours or of the service */
    RAY_REFUSED_QUEUE_FULL, /* told to retry */
    RAY_REFUSED_BUSY,       /* the byte budget at the door: told to retry */
    RAY_REFUSED_MEMORY,
    RAY_REFUSED_IO,
    RAY_REFUSED_SHUTDOWN,
    RAY_REFUSED_COUNT,
};
const char *ray_refusal_name(enum ray_refusal reason);

/* One receiver's column; cells by transport ("grpc", "http"). */
struct ray_receiver_ledger {
    struct ray_metric *received; /* spans */
    struct ray_metric *taken;
    struct ray_metric *refused[RAY_REFUSED_COUNT];
    struct ray_metric *refused_requests[RAY_REFUSED_COUNT]; /* whose spans could not be counted */
    struct ray_metric *collector_accepted;                  /* otelcol_receiver_accepted_spans */
    struct ray_metric *collector_refused;                   /* otelcol_receiver_refused_spans */
};
RAY_MUST_USE enum ray_status ray_receiver_ledger_init(struct ray_receiver_ledger *ledger,
                                                      struct ray_metrics *metrics,
                                                      const char *receiver, const char *transport);
void ray_ledger_take(struct ray_receiver_ledger *ledger, uint64_t spans);
void ray_ledger_refuse(struct ray_receiver_ledger *ledger, enum ray_refusal reason, uint64_t spans);
/* A request that was refused before its spans could be counted. */
void ray_ledger_refuse_request(struct ray_receiver_ledger *ledger, enum ray_refusal reason);

/* One exporter's column. Dropped and unprocessed documents are counted by the code that the
 * service gave; codes come from outside, so at most 32 distinct ones are kept, then "other". */
struct ray_exporter_ledger;
/* NULL when out of memory. The registry must outlive it. */
struct ray_exporter_ledger *ray_exporter_ledger_new(struct ray_metrics *metrics,
                                                    const char *exporter);
void ray_exporter_ledger_free(struct ray_exporter_ledger *ledger);
void ray_ledger_exporter_took(struct ray_exporter_ledger *ledger, uint64_t documents);
void ray_ledger_delivered(struct ray_exporter_ledger *ledger, uint64_t documents);
void ray_ledger_dropped(struct ray_exporter_ledger *ledger, struct ray_str reason,
                        uint64_t documents);
void ray_ledger_retried(struct ray_exporter_ledger *ledger, struct ray_str reason,
                        uint64_t documents);

#endif
