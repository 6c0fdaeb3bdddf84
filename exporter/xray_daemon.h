/*
 * xray_daemon: sends documents to an X-Ray daemon over UDP.
 *
 * One datagram a document: the daemon's header line, then the document (X-Ray developer guide,
 * "Sending segment documents to the daemon"). A document that no datagram can hold goes as a
 * smaller one and independent subsegments (xray/split.h).
 *
 * A daemon never answers, so *delivered* means: handed to the kernel, and not heard of since for
 * RAY_DAEMON_DOUBT_MS. Until then a document is in doubt and stays in the queue. When a datagram
 * comes back (nobody listens, no way there), all in doubt are sent again, one at a time with
 * growing waits until one is not heard of. So a daemon that restarts costs repeats, not documents,
 * but for those that it had received and not read. A full buffer of the kernel is waited for.
 *
 * One thread, "daemon". All time comes from the environment's clock and all waiting is the
 * network's, so that tests step it in virtual time.
 */
#ifndef RAY_EXPORTER_XRAY_DAEMON_H
#define RAY_EXPORTER_XRAY_DAEMON_H

#include "exporter/document_options.h"
#include "exporter/exporter.h"
#include "net/udp_out.h"

struct ray_xray_daemon_options {
    struct ray_str endpoint; /* "": see exporter/daemon_address.h */
    int64_t max_datagrams_per_second;
    struct ray_document_options documents;
    struct ray_queue_key_options queue;
};
extern const struct ray_option ray_xray_daemon_option_table[];

/* How long a far end may take to send a datagram back: some round trips of a local network. */
#define RAY_DAEMON_DOUBT_MS 100u
/* Datagrams in doubt at most; past it the oldest are taken for delivered sooner. */
#define RAY_DAEMON_WINDOW 1024u

struct ray_xray_daemon;

/* Checks what the table cannot, the variable AWS_XRAY_DAEMON_ADDRESS included when it is used.
 * RAY_INVALID with problems added. No side effect. */
RAY_MUST_USE enum ray_status ray_xray_daemon_check(const struct ray_xray_daemon_options *options,
                                                   const struct ray_yaml *node, const char *path,
                                                   struct ray_problems *problems);
/* NULL when out of memory. Everything given must outlive it. `network` NULL: a socket of its own.
 */
struct ray_xray_daemon *ray_xray_daemon_new(const struct ray_xray_daemon_options *options,
                                            const struct ray_exporter_environment *environment,
                                            struct ray_udp_out *network);
/* Opens the cursor and looks the far end up, which may fail: it is tried again; for who steps it
 * himself. RAY_INVALID, RAY_IO or RAY_NOMEM with *error, whose text names the key first where one
 * is to blame; nothing is open then. */
RAY_MUST_USE enum ray_status ray_xray_daemon_open(struct ray_xray_daemon *exporter,
                                                  struct ray_net_error *error);
/* One round: sends what may be sent, then waits up to `max_wait_ms`. False when there will be
 * nothing more to do: the queue is closed and nothing is owed, or the stop's deadline is over. */
bool ray_xray_daemon_step(struct ray_xray_daemon *exporter, uint32_t max_wait_ms);
/* Opens and starts the thread that steps. */
RAY_MUST_USE enum ray_status ray_xray_daemon_start(struct ray_xray_daemon *exporter,
                                                   struct ray_net_error *error);
/* False while the far end's name is not found; `why` says so. Any thread. */
bool ray_xray_daemon_ready(struct ray_xray_daemon *exporter, char why[200]);
/* After the queue was closed: sends until nothing is owed or `timeout_ms` are over. Returns how
 * many documents had to be given up. Without a thread it steps by itself. */
uint64_t ray_xray_daemon_stop(struct ray_xray_daemon *exporter, uint32_t timeout_ms);
void ray_xray_daemon_free(struct ray_xray_daemon *exporter); /* after stop; accepts NULL */

#endif
