/*
 * local: the exporter in front of the embedded X-Ray: moves documents from the queue into the
 * store, and runs the store's query API on its own listener.
 *
 * One thread, "store", reads the cursor and writes batches of documents, each batch in one
 * transaction. A store that cannot write (disk full) keeps them in the queue and tries again. It
 * drops only what X-Ray would not take either, and counts that by X-Ray's own code.
 */
#ifndef RAY_EXPORTER_LOCAL_H
#define RAY_EXPORTER_LOCAL_H

#include "exporter/document_options.h"
#include "exporter/exporter.h"
#include "net/address.h"

struct ray_local_retention_options {
    uint32_t max_age_ms;
    uint64_t max_size_bytes;
};

struct ray_local_options {
    struct ray_str endpoint;  /* "127.0.0.1:2001" */
    struct ray_str directory; /* "": the XDG state folder */
    struct ray_str account_id;
    const struct ray_yaml *access_keys; /* list of {id, secret}, or NULL */
    struct ray_document_options documents;
    struct ray_local_retention_options retention;
    struct ray_queue_key_options queue;
};
extern const struct ray_option ray_local_option_table[];

struct ray_local;

/* Checks what the table cannot. RAY_INVALID with problems added. No side effect. */
RAY_MUST_USE enum ray_status ray_local_check(const struct ray_local_options *options,
                                             const struct ray_yaml *node, const char *path,
                                             struct ray_problems *problems);
/* NULL when out of memory. `options` and all that the environment names must outlive it. */
struct ray_local *ray_local_new(const struct ray_local_options *options,
                                const struct ray_exporter_environment *environment);
/* Opens the store, the cursor and the port, and starts the thread. RAY_IO or RAY_NOMEM with *error,
 * whose text names the key first where one is to blame: "directory: ...". Nothing is open then. */
RAY_MUST_USE enum ray_status ray_local_start(struct ray_local *exporter,
                                             struct ray_net_error *error);
/* False while the store cannot be written, from the write that failed to the next that does not;
 * `why` says so. Any thread. */
bool ray_local_ready(struct ray_local *exporter, char why[200]);
/* The port that is open, 0 when none is. */
uint16_t ray_local_port(const struct ray_local *exporter);
/* After the queue was closed: stores until it is empty or `timeout_ms` are over. Returns how many
 * accepted documents had to be given up. */
uint64_t ray_local_stop(struct ray_local *exporter, uint32_t timeout_ms);
void ray_local_free(struct ray_local *exporter); /* after stop; accepts NULL */

#endif
