/*
 * door: tells the history what a receiver did not take, span by span.
 *
 * Counting is the ledger's; here it is noted whose spans they were, so that `why` can be asked.
 * What is kept are ids, a reason and our own words, nothing of what a span says. Any thread. A door
 * without a column notes nothing.
 */
#ifndef RAY_RECEIVER_DOOR_H
#define RAY_RECEIVER_DOOR_H

#include "proto/span.h"
#include "queue/history.h"

struct ray_door {
    struct ray_history_column *column; /* ray_history_door, or NULL */
    const char *receiver;              /* component id */
};

/* The whole request is refused: every trace is noted, the first few spans are kept by id. */
void ray_door_refuse(const struct ray_door *door, const struct ray_request *request,
                     const char *reason, const char *message);
/* The same when only the documents that were made of it are left. */
void ray_door_refuse_batch(const struct ray_door *door, const struct ray_batch *batch,
                           uint64_t profile, const char *reason, const char *message);
/* The request is taken but for some spans: those without ids, and those of which the section of
 * `profile` has no document. */
void ray_door_reject(const struct ray_door *door, const struct ray_request *request,
                     const struct ray_batch *batch, uint64_t profile);

#endif
