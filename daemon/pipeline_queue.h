/*
 * pipeline_queue: what the exporters of a pipeline ask of the queue that they share.
 *
 * It is as large as the largest of them wants; one that names a storage makes it durable for all.
 */
#ifndef RAY_DAEMON_PIPELINE_QUEUE_H
#define RAY_DAEMON_PIPELINE_QUEUE_H

#include "daemon/component.h"
#include "daemon/storage.h"

/* How a pipeline's queue is to be made. */
struct ray_pipeline_queue {
    const struct ray_storage_options *storage; /* NULL: in memory */
    const struct ray_config_component *storage_component;
    uint64_t bytes; /* the largest that was written; 0: none was */
    uint64_t documents, requests;
    size_t exporters;                 /* asked so far */
    size_t by_documents, by_requests; /* of those */
};

/* Adds the wishes of one more exporter, whose keys begin at `component`. RAY_INVALID with a
 * problem: the storage that it names is not there, or another one than another exporter's. */
RAY_MUST_USE enum ray_status ray_pipeline_queue_ask(struct ray_pipeline_queue *queue,
                                                    const struct ray_component_set *components,
                                                    const struct ray_config_component *component,
                                                    const struct ray_queue_key_options *keys,
                                                    struct ray_problems *problems);

/* The options for ray_queue_new; what they point to is in the arena, but for log, clock and disk.
 * `memory_bytes`: what the process may use, for the default. RAY_INVALID with a problem: the folder
 * is not there; RAY_NOMEM. */
RAY_MUST_USE enum ray_status
ray_pipeline_queue_options(const struct ray_pipeline_queue *queue, struct ray_str pipeline_id,
                           uint64_t memory_bytes, struct ray_log *log,
                           const struct ray_clock *clock, struct ray_arena *arena,
                           struct ray_problems *problems, struct ray_queue_options *out);

/* Gauges of the queue's log, labelled pipeline: spanbridge_queue_syncs, _sync_microseconds,
 * _damaged_records, _damaged_bytes, _failed_writes,
 * _missing_documents. Forgotten with the queue as their context. */
RAY_MUST_USE enum ray_status ray_pipeline_queue_metrics(struct ray_queue *queue,
                                                        struct ray_str pipeline_id,
                                                        struct ray_metrics *metrics);

#endif
