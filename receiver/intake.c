/*
 * intake: one decode, one batch per pipeline, one answer.
 *
 * All queues are asked for room before the first is given anything, so that a full one refuses the
 * request as a whole. Each push has a ticket; the last one to complete answers, with the worst
 * status. The history hears of a batch before its queue does, and hears it taken back when the
 * queue or the ticket says no.
 */
#include "receiver/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/otlp_decode.h"
#include "receiver/door.h"

#define DEFAULT_MAX_BYTES ((size_t)64 << 20)
/* A client that resends sooner finds the queue as full as it was. */
#define RETRY_AFTER_MS 1000u
/* What one request may take beside its body, as a multiple of it on top of a floor. Realistic ones
 * take 1.2 times their size in an arena and 2.4 times as documents; bombs of empty items 44 times,
 * of a large resource with many small spans 100 times. */
#define ARENA_FLOOR_BYTES   ((size_t)21 << 20)
#define ARENA_PER_BODY_BYTE 2u
#define BATCH_FLOOR_BYTES   ((size_t)16 << 20)
#define BATCH_PER_BODY_BYTE 8u
/* A body below this cannot use up an arena: no structure of the decoders takes more than 128 bytes
 * for each byte on the wire, and no transport's arena has less than 8 MiB. */
#define CANNOT_FILL_ARENA_BYTES ((size_t)64 << 10)

struct ray_intake {
    struct ray_intake_options options;
    struct ray_intake_pipeline *pipelines;
    struct ray_door door;
    struct ray_log_limiter refused;
};

struct ray_intake *ray_intake_new(const struct ray_intake_options *options)
{
    struct ray_intake *intake = calloc(1, sizeof(*intake));
    struct ray_intake_pipeline *pipelines =
        calloc(options->pipeline_count ? options->pipeline_count : 1, sizeof(*pipelines));
    if (intake == NULL || pipelines == NULL) {
        free(intake);
        free(pipelines);
        return NULL;
    }
    for (size_t i = 0; i < options->pipeline_count; i++) {
        pipelines[i] = options->pipelines[i];
    }
    intake->options = *options;
    intake->options.pipelines = NULL;
    intake->pipelines = pipelines;
    if (options->history != NULL) {
        intake->door = (struct ray_door){ray_history_door(options->history), options->receiver};
    }
    if (intake->options.arena_quota_bytes == 0) {
        intake->options.arena_quota_bytes = DEFAULT_MAX_BYTES;
    }
    if (intake->options.batch_max_bytes == 0) {
        intake->options.batch_max_bytes = DEFAULT_MAX_BYTES;
    }
    return intake;
}

void ray_intake_free(struct ray_intake *intake)
{
    if (intake != NULL) {
        free(intake->pipelines);
        free(intake);
    }
}

size_t ray_intake_arena_quota(const struct ray_intake *intake)
{
    return intake->options.arena_quota_bytes;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* What a status means for the ledger and, unless something better is known, to the client. */
static const struct {
    enum ray_refusal reason;
    bool resend;
    const char *message;
} refusals[] = {
    [RAY_AGAIN] = {RAY_REFUSED_QUEUE_FULL, true, "the queue is full: send the same again later"},
    [RAY_INVALID] = {RAY_REFUSED_INVALID, false, "not an ExportTraceServiceRequest"},
    [RAY_TOO_BIG] =
        {RAY_REFUSED_TOO_BIG, false,
         "its documents are more than one request may have, or the queue holds: send fewer spans"},
    [RAY_NOMEM] = {RAY_REFUSED_MEMORY, true, "out of memory: send the same again later"},
    [RAY_IO] = {RAY_REFUSED_IO, true, "the queue could not be written: send the same again later"},
    [RAY_CLOSED] = {RAY_REFUSED_SHUTDOWN, true, "shutting down: send the same again later"},
};

static void answer_ok(struct ray_intake_call *call)
{
    uint64_t invalid = call->rejected_spans - call->too_big_spans;
    ray_ledger_take(call->ledger, call->spans - call->rejected_spans);
    ray_ledger_shaped(call->ledger, call->cut, call->unindexed);
    ray_ledger_refuse(call->ledger, RAY_REFUSED_INVALID, invalid);
    ray_ledger_refuse(call->ledger, RAY_REFUSED_TOO_BIG, call->too_big_spans);
    call->status = RAY_OK;
    call->answered(call);
}

static void answer_refused(struct ray_intake_call *call, enum ray_status status)
{
    if (call->spans > 0) {
        ray_ledger_refuse(call->ledger, refusals[status].reason, call->spans);
    } else {
        ray_ledger_refuse_request(call->ledger, refusals[status].reason);
    }
    call->status = status;
    call->rejected_spans = 0;
    call->retry_after_ms = refusals[status].resend ? RETRY_AFTER_MS : 0;
    if (call->message[0] == '\0' || refusals[status].resend) {
        snprintf(call->message, sizeof(call->message), "%s", refusals[status].message);
    }
    call->answered(call);
}

static void answer(struct ray_intake_call *call, enum ray_status status)
{
    if (status == RAY_OK) {
        answer_ok(call);
    } else {
        answer_refused(call, status);
    }
}

static enum ray_status make_pushes(struct ray_intake_call *call, size_t count)
{
    call->pushes = count <= 1 ? &call->first : calloc(count, sizeof(*call->pushes));
    return call->pushes != NULL ? RAY_OK : RAY_NOMEM;
}

static void free_pushes(struct ray_intake_call *call)
{
    if (call->pushes != &call->first) {
        free(call->pushes);
    }
    call->pushes = NULL;
}

/* One ticket, or the take itself, is done with the call; the last one answers. */
static void let_go(struct ray_intake_call *call, enum ray_status status)
{
    int worst = atomic_load(&call->worst);
    while ((int)status > worst &&
           !atomic_compare_exchange_weak(&call->worst, &worst, (int)status)) {
    }
    if (atomic_fetch_sub(&call->tickets_open, 1) == 1) {
        free_pushes(call);
        answer(call, (enum ray_status)atomic_load(&call->worst));
    }
}

/* A pipeline's batch is accepted, or not. */
static void push_done(struct ray_intake_push *push, enum ray_status status)
{
    const struct ray_intake_pipeline *pipeline = push->pipeline;
    if (status != RAY_OK) {
        ray_history_taken_back(pipeline->owed, pipeline->owed_count, push->batch);
        ray_door_refuse_batch(&push->call->intake->door, push->batch,
                              ray_translator_profile(pipeline->translators[0]),
                              ray_refusal_name(refusals[status].reason), refusals[status].message);
    }
    ray_batch_unref(push->batch);
    let_go(push->call, status);
}

static void on_ticket(struct ray_ticket *ticket, enum ray_status status)
{
    push_done((struct ray_intake_push *)(void *)((char *)ticket -
                                                 offsetof(struct ray_intake_push, ticket)),
              status);
}

/* ---- the way in ------------------------------------------------------------------------------ */

/*
 * The arena's quota and the machine's memory look the same to a decoder. A request that may have
 * used up the quota would do so again, so it is told not to come back; one that cannot have is.
 */
static enum ray_status out_of_arena(struct ray_intake_call *call)
{
    if (call->body.len < CANNOT_FILL_ARENA_BYTES) {
        return RAY_NOMEM;
    }
    snprintf(call->message, sizeof(call->message),
             "needs too much memory once decoded: send fewer spans per request");
    return RAY_TOO_BIG;
}

/* The smaller of a maximum and what a body of that size may take. */
static size_t bounded(size_t floor_bytes, size_t factor, size_t body_bytes, size_t max_bytes)
{
    bool huge = floor_bytes >= max_bytes || body_bytes > (max_bytes - floor_bytes) / factor;
    return huge ? max_bytes : floor_bytes + factor * body_bytes;
}

static size_t batch_limit(const struct ray_intake *intake, size_t body_bytes)
{
    return bounded(BATCH_FLOOR_BYTES, BATCH_PER_BODY_BYTE, body_bytes,
                   intake->options.batch_max_bytes);
}

static enum ray_status decode(struct ray_intake_call *call, struct ray_request *request)
{
    struct ray_decode_error error = {.text = ""};
    enum ray_status status = call->encoding == RAY_OTLP_JSON
                                 ? ray_otlp_json_decode(call->body, call->arena, request, &error)
                                 : ray_otlp_pb_decode(call->body, call->arena, request, &error);
    if (status == RAY_NOMEM) {
        return out_of_arena(call);
    }
    if (status != RAY_OK) {
        snprintf(call->message, sizeof(call->message), "%s", error.text);
    }
    return status;
}

/* What was rejected, over all pipelines and profiles: a span counts once, where most were. */
struct rejected {
    uint32_t invalid_ids;
    uint32_t too_big;
};

/* Summed over all pipelines and profiles: each makes documents of its own. */
static void note_shaped(struct ray_intake_call *call, const struct ray_translate_counts *counts)
{
    call->unindexed += counts->over_budget;
    for (unsigned cut = 0; cut < RAY_CUT_COUNT; cut++) {
        call->cut[cut] += counts->cut[cut];
    }
}

/* One pipeline's batch, sealed. */
static enum ray_status translate(const struct ray_intake *intake,
                                 const struct ray_intake_pipeline *pipeline,
                                 struct ray_intake_call *call, const struct ray_request *request,
                                 struct rejected *rejected, struct ray_batch **out)
{
    struct ray_batch *batch = ray_batch_new(batch_limit(intake, call->body.len));
    if (batch == NULL) {
        return RAY_NOMEM;
    }
    for (size_t i = 0; i < pipeline->translator_count; i++) {
        struct ray_translate_counts counts = {0};
        enum ray_status status =
            ray_translate_request(pipeline->translators[i], request, call->arena, batch, &counts);
        if (status != RAY_OK) {
            ray_batch_unref(batch);
            return status == RAY_NOMEM ? out_of_arena(call) : status;
        }
        note_shaped(call, &counts);
        if (counts.invalid_ids + counts.too_big > rejected->invalid_ids + rejected->too_big) {
            *rejected = (struct rejected){counts.invalid_ids, counts.too_big};
        }
    }
    ray_batch_set_accepted(batch, ray_clock_unix_ns(intake->options.clock));
    ray_batch_seal(batch);
    *out = batch;
    return RAY_OK;
}

static enum ray_status translate_all(const struct ray_intake *intake, struct ray_intake_call *call,
                                     const struct ray_request *request, struct ray_batch **batches)
{
    struct rejected rejected = {0};
    for (size_t i = 0; i < intake->options.pipeline_count; i++) {
        enum ray_status status =
            translate(intake, &intake->pipelines[i], call, request, &rejected, &batches[i]);
        if (status != RAY_OK) {
            return status;
        }
    }
    call->rejected_spans = (uint64_t)rejected.invalid_ids + rejected.too_big;
    call->too_big_spans = rejected.too_big;
    return RAY_OK;
}

static void say_what_was_rejected(struct ray_intake_call *call)
{
    uint64_t invalid = call->rejected_spans - call->too_big_spans;
    char *at = call->message;
    size_t left = sizeof(call->message);
    int used =
        snprintf(at, left, "%llu of %llu spans rejected:", (unsigned long long)call->rejected_spans,
                 (unsigned long long)call->spans);
    at += used;
    left -= (size_t)used;
    if (invalid > 0) {
        used = snprintf(at, left,
                        " %llu whose trace id or span id is missing, zero or of a wrong "
                        "length%s",
                        (unsigned long long)invalid, call->too_big_spans > 0 ? "," : "");
        at += used;
        left -= (size_t)used;
    }
    if (call->too_big_spans > 0) {
        snprintf(at, left, " %llu too large for a segment document (64 kB)",
                 (unsigned long long)call->too_big_spans);
    }
}

/* Room for every batch, or for none. */
static enum ray_status reserve_all(const struct ray_intake *intake, struct ray_batch **batches)
{
    for (size_t i = 0; i < intake->options.pipeline_count; i++) {
        enum ray_status status =
            ray_queue_reserve(intake->pipelines[i].queue, ray_batch_bytes(batches[i]));
        if (status == RAY_OK) {
            continue;
        }
        while (i-- > 0) {
            ray_queue_cancel(intake->pipelines[i].queue, ray_batch_bytes(batches[i]));
        }
        return status;
    }
    return RAY_OK;
}

/* Keeps a reference of its own for the time until the ticket. */
static void push_one(struct ray_intake_call *call, struct ray_intake_push *push,
                     const struct ray_intake_pipeline *pipeline, struct ray_batch *batch)
{
    *push = (struct ray_intake_push){{on_ticket}, call, pipeline, ray_batch_ref(batch)};
    ray_history_taken(pipeline->owed, pipeline->owed_count, batch);
    enum ray_status status =
        ray_queue_push(pipeline->queue, batch, ray_batch_bytes(batch), &push->ticket);
    if (status != RAY_OK) {
        ray_batch_unref(batch);
        push_done(push, status);
    }
}

/* Gives every batch away. `call` may be gone afterwards. */
static void push_all(const struct ray_intake *intake, struct ray_intake_call *call,
                     struct ray_batch **batches)
{
    size_t count = intake->options.pipeline_count;
    struct ray_intake_push *pushes = call->pushes;
    atomic_store(&call->worst, RAY_OK);
    atomic_store(&call->tickets_open, (int)count + 1); /* one is ours, so that `call` stays */
    for (size_t i = 0; i < count; i++) {
        push_one(call, &pushes[i], &intake->pipelines[i], batches[i]);
    }
    let_go(call, RAY_OK);
}

static enum ray_status prepare(const struct ray_intake *intake, struct ray_intake_call *call,
                               const struct ray_request *request, struct ray_batch **batches)
{
    enum ray_status status = translate_all(intake, call, request, batches);
    if (status != RAY_OK) {
        return status;
    }
    if (call->rejected_spans > 0) {
        say_what_was_rejected(call);
    }
    /* Every span refused for its content is an answer, not a reason to ask the queue. */
    if (call->rejected_spans == call->spans) {
        return RAY_OK;
    }
    status = make_pushes(call, intake->options.pipeline_count);
    if (status == RAY_OK) {
        status = reserve_all(intake, batches);
    }
    if (status != RAY_OK) {
        free_pushes(call);
        call->message[0] = '\0'; /* the whole is refused, not a part */
    }
    return status;
}

/* For the log and the history. */
static void note_refused(struct ray_intake *intake, enum ray_status status,
                         const struct ray_intake_call *call, const struct ray_request *request)
{
    uint64_t repeated = 0;
    const char *reason = ray_refusal_name(refusals[status].reason);
    const char *message = call->message[0] ? call->message : refusals[status].message;
    if (ray_log_allow(&intake->refused, intake->options.clock, &repeated)) {
        ray_log_warn(intake->options.log, "request refused",
                     "reason=%s spans=%llu message=%s repeated=%llu", reason,
                     (unsigned long long)call->spans, RAY_LOG_STR(ray_str_from(message)),
                     (unsigned long long)repeated);
    }
    if (call->spans > 0) {
        ray_door_refuse(&intake->door, request, reason, message);
    }
}

void ray_intake_take(struct ray_intake *intake, struct ray_intake_call *call)
{
    struct ray_request request = {0};
    struct ray_batch **batches = NULL;
    size_t count = intake->options.pipeline_count;
    call->message[0] = '\0';
    call->retry_after_ms = 0;
    call->rejected_spans = call->too_big_spans = call->spans = 0;
    call->unindexed = 0;
    call->intake = intake;
    call->pushes = NULL;
    memset(call->cut, 0, sizeof(call->cut));

    ray_arena_limit(call->arena, bounded(ARENA_FLOOR_BYTES, ARENA_PER_BODY_BYTE, call->body.len,
                                         intake->options.arena_quota_bytes));
    enum ray_status status = decode(call, &request);
    if (status == RAY_OK && request.span_count == 0) {
        answer_ok(call);
        return;
    }
    if (status == RAY_OK) {
        call->spans = request.span_count;
        batches = RAY_ARENA_ARRAY(call->arena, struct ray_batch *, count);
        status = batches != NULL ? prepare(intake, call, &request, batches) : out_of_arena(call);
    }
    if (status == RAY_OK && call->rejected_spans > 0) {
        ray_door_reject(&intake->door, &request, batches[0],
                        ray_translator_profile(intake->pipelines[0].translators[0]));
    }
    if (status == RAY_OK && call->rejected_spans < call->spans) {
        push_all(intake, call, batches);
        return;
    }
    for (size_t i = 0; batches != NULL && i < count; i++) {
        ray_batch_unref(batches[i]);
    }
    if (status != RAY_OK) {
        note_refused(intake, status, call, &request);
    }
    answer(call, status);
}
