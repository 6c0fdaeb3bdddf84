/*
 * intake: where every transport's requests go: decode -> translate -> push, and what to answer.
 *
 * The transport's face is bytes, encoding and a place for the answer; a transport never sees spans
 * and the rest never sees sockets. The answer comes through `answered`, exactly once, at once or
 * after the queue's ticket, on whatever thread completes it.
 */
#ifndef RAY_RECEIVER_INTAKE_H
#define RAY_RECEIVER_INTAKE_H

#include "core/arena.h"
#include "core/log.h"
#include "proto/otlp_reply.h"
#include "queue/history.h"
#include "queue/ledger.h"
#include "queue/queue.h"
#include "translate/translate.h"

struct ray_intake;

/* A pipeline as a receiver sees it: a queue, and the translators of its exporters' distinct
 * profiles. */
struct ray_intake_pipeline {
    struct ray_queue *queue;
    const struct ray_translator *const *translators;
    size_t translator_count;
    const struct ray_history_owed *owed; /* its exporters'; NULL: nobody asks what became of it */
    size_t owed_count;
};

struct ray_intake_options {
    const struct ray_intake_pipeline
        *pipelines; /* copied; what they point to must outlive the intake */
    size_t pipeline_count;
    size_t arena_quota_bytes;    /* of one request's arena; 0: 64 MiB */
    size_t batch_max_bytes;      /* of one pipeline's batch; 0: 64 MiB */
    const char *receiver;        /* component id, for the history */
    struct ray_history *history; /* of refused spans; may be NULL */
    struct ray_log *log;
    const struct ray_clock *clock;
};
/* NULL when out of memory. */
struct ray_intake *ray_intake_new(const struct ray_intake_options *options);
void ray_intake_free(struct ray_intake *intake); /* no call may be pending; accepts NULL */
/* What a transport makes its arenas with. */
size_t ray_intake_arena_quota(const struct ray_intake *intake);

struct ray_intake_call;
typedef void (*ray_intake_answered_fn)(struct ray_intake_call *call);

/* One pipeline's batch until its ticket. The intake's own. */
struct ray_intake_push {
    struct ray_ticket ticket;
    struct ray_intake_call *call;
    const struct ray_intake_pipeline *pipeline;
    struct ray_batch *batch;
};

/* Embedded in the transport's own request. */
struct ray_intake_call {
    /* set by the transport before */
    struct ray_str body; /* inflated; may be let go after ray_intake_take returned */
    enum ray_otlp_encoding encoding;
    struct ray_arena
        *arena; /* the transport's, reset by it; free again when ray_intake_take returned */
    struct ray_receiver_ledger *ledger;
    ray_intake_answered_fn answered;

    /* the answer, set before `answered` */
    enum ray_status status;  /* OK, AGAIN (retry later), INVALID, TOO_BIG, NOMEM, IO, CLOSED */
    uint64_t rejected_spans; /* with RAY_OK: partial success */
    char message[192];       /* why rejected or refused; "" when there is nothing to say */
    uint32_t retry_after_ms; /* with AGAIN, NOMEM, IO, CLOSED */

    /* the intake's own */
    struct ray_intake *intake;
    struct ray_intake_push first;
    struct ray_intake_push *pushes; /* `first` when there is one pipeline */
    _Atomic int tickets_open;
    _Atomic int worst;
    uint64_t spans;
    uint64_t too_big_spans; /* among the rejected */
    uint32_t cut[RAY_CUT_COUNT];
    uint32_t unindexed;
};

/*
 * Any thread; nothing of it holds a lock. A request without spans is answered RAY_OK without
 * touching a queue. Spans with bad ids and spans whose document cannot be made small enough are
 * rejected alone. Every span is counted in the ledger, once, before `answered`.
 * `call` may be gone when this returns: `answered` has then run, or will.
 */
void ray_intake_take(struct ray_intake *intake, struct ray_intake_call *call);

#endif
