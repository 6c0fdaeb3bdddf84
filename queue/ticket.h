/*
 * ticket: the promise that comes back for a pushed batch.
 *
 * Completes exactly once, with the status that decides *accepted*. Embedded in the transport's
 * own request; `done` hands the status to the transport that waits and does nothing slow. It may
 * run inside the push, on the pusher's thread, or later on the queue's.
 */
#ifndef RAY_QUEUE_TICKET_H
#define RAY_QUEUE_TICKET_H

#include "core/status.h"

struct ray_ticket {
    void (*done)(struct ray_ticket *ticket, enum ray_status status);
};

#endif
