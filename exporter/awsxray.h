/*
 * awsxray: uploads documents with signed PutTraceSegments calls.
 *
 * Packs up to 50 documents or about 1 MiB into a call, keeps several in flight on one loop
 * (exporter/sender), reads what the service left unprocessed. Missing credentials or region are not
 * fatal: it says so once, keeps what it has and tries again.
 */
#ifndef RAY_EXPORTER_AWSXRAY_H
#define RAY_EXPORTER_AWSXRAY_H

#include "exporter/document_options.h"
#include "exporter/exporter.h"
#include "net/http_client.h"

struct ray_awsxray_retry_options {
    bool enabled;
    uint32_t initial_interval_ms, max_interval_ms;
    uint32_t max_elapsed_ms; /* 0: never give up */
    double multiplier, randomization_factor;
};

struct ray_awsxray_options {
    struct ray_str region;
    struct ray_str endpoint;
    struct ray_str profile;
    struct ray_str proxy_address;
    int64_t num_workers; /* most calls in flight */
    int64_t request_timeout_seconds;
    uint32_t timeout_ms; /* the helper's spelling of the same; 0: not given */
    bool no_verify_ssl;
    struct ray_document_options documents;
    struct ray_awsxray_retry_options retry;
    struct ray_queue_key_options queue;
};
extern const struct ray_option ray_awsxray_option_table[];

struct ray_awsxray;

/* Checks what the table cannot. RAY_INVALID with problems added. No side effect. */
RAY_MUST_USE enum ray_status ray_awsxray_check(const struct ray_awsxray_options *options,
                                               const struct ray_yaml *node, const char *path,
                                               struct ray_problems *problems);
/* NULL when out of memory. `transport` (the caller's) NULL: a real one is made at the start.
 * `options` and all that the environment names must outlive it. */
struct ray_awsxray *ray_awsxray_new(const struct ray_awsxray_options *options,
                                    const struct ray_exporter_environment *environment,
                                    struct ray_transport *transport);
/* Opens the cursor and starts the thread "upload". RAY_NOMEM, RAY_IO. What is missing to upload is
 * logged and no failure. */
RAY_MUST_USE enum ray_status ray_awsxray_start(struct ray_awsxray *exporter);
/* False while region or credentials are missing or refused; `why` (200 bytes) says what. Any
 * thread. */
bool ray_awsxray_ready(struct ray_awsxray *exporter, char why[200]);
/* After the queue was closed: sends until it is empty or `timeout_ms` are over. Returns how many
 * accepted documents had to be given up. */
uint64_t ray_awsxray_stop(struct ray_awsxray *exporter, uint32_t timeout_ms);
void ray_awsxray_free(struct ray_awsxray *exporter); /* after stop; accepts NULL */

#endif
