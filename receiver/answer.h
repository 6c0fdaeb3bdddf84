/*
 * answer: what an OTLP server says for each outcome of a request, in both of its transports.
 *
 * OTLP specification, "OTLP/gRPC Response" and "OTLP/HTTP Response": whether a client may send the
 * same again hangs on these numbers alone, so they stand in one table.
 */
#ifndef RAY_RECEIVER_ANSWER_H
#define RAY_RECEIVER_ANSWER_H

#include "proto/otlp_reply.h"

struct ray_answer {
    enum ray_rpc_code code;
    unsigned http_status;
};

/* Pure. */
struct ray_answer ray_answer_for(enum ray_status status);

#endif
