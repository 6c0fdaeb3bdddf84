/*
 * sender: see the header.
 *
 * What stands next in the queue is looked at ahead (stage.h); a parcel (parcel.h) is packed from it
 * at the moment it may fly, is *flying*, then gone or *waiting* for its next attempt. None is
 * packed while as many as the window has are waiting or flying, nor during an outage while any
 * waits, so that an outage holds the backlog in the queue, not here.
 */
#include "exporter/sender.h"

#include "core/thread.h"
#include "exporter/parcel.h"
#include "exporter/schedule.h"
#include "exporter/stage.h"
#include "exporter/trail.h"
#include "queue/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define NOT_READY_MS 2000u /* until the protocol is asked again */
#define NO_MEMORY_MS 1000u
#define STEP_MAX_MS  1000u
#define FEW_ATTEMPTS 3u

struct ray_sender {
    struct ray_sender_options options;
    const struct ray_sender_protocol *protocol;
    void *context;
    struct ray_exporter_environment environment;
    struct ray_transport *transport;
    struct ray_exporter_ledger *ledger;
    struct ray_cursor *cursor;
    struct ray_stage *stage;
    bool closed;            /* the queue, and all of it was read */
    bool some_done;         /* an earlier process delivered some of what was read */
    uint64_t pack_after_ns; /* there was no memory for a parcel */
    struct ray_schedule schedule;
    struct ray_parcel *waiting; /* oldest first */
    struct ray_parcel *flying;
    uint32_t waiting_count, flying_count;
    uint64_t ready_after_ns; /* the protocol was not ready; asked again then */
    bool recovered;          /* an answer after an outage: what still hangs is of its time */
    bool last_try;           /* the stop has been seen: what waits long was brought forward */

    struct ray_thread thread;
    atomic_bool stopping;
    _Atomic uint64_t stop_at_ns;
    struct ray_log_limiter retry_limiter, blocked_limiter, drop_limiter;
    pthread_mutex_t health_lock; /* guards the two below; no other lock is held with it */
    bool healthy;
    char why[200];
};

static uint64_t now_ns(const struct ray_sender *sender)
{
    return ray_clock_monotonic_ns(sender->environment.clock);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* -- parcels that wait -- */

static void wait_until(struct ray_parcel *parcel, uint64_t due_ns)
{
    parcel->due_ns = due_ns;
    ray_parcel_strip(parcel);
    ray_parcel_list_append(&parcel->sender->waiting, parcel);
    parcel->sender->waiting_count++;
}

static void stop_waiting(struct ray_parcel *parcel)
{
    ray_parcel_list_remove(&parcel->sender->waiting, parcel);
    parcel->sender->waiting_count--;
}

/* -- health and log -- */

static void set_health(struct ray_sender *sender, bool healthy, const char *why)
{
    pthread_mutex_lock(&sender->health_lock);
    sender->healthy = healthy;
    snprintf(sender->why, sizeof(sender->why), "%s", why);
    pthread_mutex_unlock(&sender->health_lock);
}

static void log_retry(struct ray_sender *sender, const struct ray_parcel *parcel,
                      const struct ray_judgement *judgement)
{
    uint64_t repeated = 0;
    if (ray_log_allow(&sender->retry_limiter, sender->environment.clock, &repeated)) {
        uint64_t now = now_ns(sender);
        uint64_t wait_ns = parcel->due_ns > now ? parcel->due_ns - now : 0;
        ray_log_warn(sender->environment.log, "upload failed, will be repeated",
                     "exporter=%s reason=%s status=%u detail=%s wait_ms=%llu documents=%zu "
                     "repeated=%llu",
                     RAY_LOG_STR(ray_str_from(sender->environment.id)),
                     RAY_LOG_STR(ray_str_from(judgement->reason)), parcel->call.status,
                     RAY_LOG_STR(ray_str_from(parcel->call.problem)),
                     (unsigned long long)(wait_ns / RAY_NS_PER_MS), parcel->count,
                     (unsigned long long)repeated);
    }
}

static void log_blocked(struct ray_sender *sender, const struct ray_parcel *parcel,
                        const struct ray_judgement *judgement)
{
    uint64_t repeated = 0;
    char why[200];
    snprintf(why, sizeof(why), "uploads are refused: %.60s: %.110s", judgement->reason,
             judgement->advice);
    set_health(sender, false, why);
    if (ray_log_allow(&sender->blocked_limiter, sender->environment.clock, &repeated)) {
        ray_log_error(sender->environment.log,
                      "uploads are refused: data is kept and tried again each minute",
                      "exporter=%s status=%u reason=%s advice=%s repeated=%llu",
                      RAY_LOG_STR(ray_str_from(sender->environment.id)), parcel->call.status,
                      RAY_LOG_STR(ray_str_from(judgement->reason)),
                      RAY_LOG_STR(ray_str_from(judgement->advice)), (unsigned long long)repeated);
    }
}

static void log_drop(struct ray_sender *sender, const struct ray_sender_item *item,
                     const char *reason)
{
    uint64_t repeated = 0;
    char trace_id[RAY_XRAY_TRACE_ID_CHARS];
    if (ray_log_allow(&sender->drop_limiter, sender->environment.clock, &repeated)) {
        ray_trace_id_write(&item->trace_id, trace_id);
        ray_log_warn(sender->environment.log, "document dropped",
                     "exporter=%s reason=%s trace_id=%.*s repeated=%llu",
                     RAY_LOG_STR(ray_str_from(sender->environment.id)),
                     RAY_LOG_STR(ray_str_from(reason)), (int)sizeof(trace_id), trace_id,
                     (unsigned long long)repeated);
    }
}

/* -- what becomes of documents -- */

/* In as few calls as there are runs of numbers: each takes the queue's lock. */
static void acknowledge(struct ray_sender *sender, const struct ray_sender_item *items,
                        size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t run = 1;
        while (i + run < count && items[i + run].number == items[i].number + run) {
            run++;
        }
        ray_cursor_ack(sender->cursor, items[i].number, (uint32_t)run);
        i += run;
    }
}

static void drop_item(struct ray_sender *sender, const struct ray_sender_item *item,
                      const char *reason)
{
    ray_ledger_dropped(sender->ledger, ray_str_from(reason), 1);
    ray_trail_dropped(sender->environment.history, item, reason);
    log_drop(sender, item, reason);
}

/* Finishes the items for which `keep` says no, in one acknowledgement per run of numbers. */
static void keep_items(struct ray_parcel *parcel, const bool *keep)
{
    for (size_t i = 0; i < parcel->count;) {
        size_t end = i;
        while (end < parcel->count && keep[end] == keep[i]) {
            end++;
        }
        if (!keep[i]) {
            acknowledge(parcel->sender, &parcel->items[i], end - i);
        }
        i = end;
    }
    ray_parcel_keep(parcel, keep);
}

static bool is_out_of_time(const struct ray_sender *sender, const struct ray_sender_item *item)
{
    uint64_t max_ns = (uint64_t)sender->options.max_elapsed_ms * RAY_NS_PER_MS;
    return max_ns > 0 && now_ns(sender) - item->first_sent_ns > max_ns;
}

static bool is_too_old(const struct ray_sender *sender, uint64_t accepted_unix_ns)
{
    return ray_exporter_is_too_old(sender->environment.clock, sender->options.max_age_ms,
                                   accepted_unix_ns);
}

/* Why the item may not be sent again; NULL: it may. */
static const char *reason_to_end(const struct ray_sender *sender,
                                 const struct ray_sender_item *item)
{
    return is_out_of_time(sender, item)                 ? "max_elapsed_time"
           : is_too_old(sender, item->accepted_unix_ns) ? "max_age"
                                                        : NULL;
}

/* A call failed for `reason`, or is about to be made (NULL). Drops what may not be tried again;
 * false when nothing is left. */
static bool keep_what_may_retry(struct ray_sender *sender, struct ray_parcel *parcel,
                                const char *reason)
{
    bool keep[RAY_SENDER_DOCUMENTS_MAX];
    for (size_t i = 0; i < parcel->count; i++) {
        const struct ray_sender_item *item = &parcel->items[i];
        bool may_retry = sender->options.retry || reason == NULL;
        const char *end = may_retry ? reason_to_end(sender, item) : reason;
        keep[i] = end == NULL;
        if (end != NULL) {
            drop_item(sender, item, end);
        }
    }
    keep_items(parcel, keep);
    return parcel->count > 0;
}

static void retry_parcel(struct ray_sender *sender, struct ray_parcel *parcel, uint64_t due_ns,
                         const struct ray_judgement *judgement)
{
    ray_ledger_retried(sender->ledger, ray_str_from(judgement->reason), parcel->count);
    ray_trail_retried(sender->environment.history, parcel->items, parcel->count, judgement->reason);
    wait_until(parcel, due_ns);
}

/* -- what became of a call: one function per verdict -- */

/* Whether the item is still owed, after an answer that settled the call. */
static bool settle_item(struct ray_sender *sender, struct ray_sender_item *item,
                        uint64_t *delivered)
{
    if (item->fate == RAY_FATE_DELIVERED) {
        (*delivered)++;
        return false;
    }
    item->few_attempts += item->fate == RAY_FATE_RETRY_FEW;
    bool drop =
        item->fate == RAY_FATE_DROP || !sender->options.retry || item->few_attempts >= FEW_ATTEMPTS;
    const char *end = drop ? item->code : reason_to_end(sender, item);
    if (end != NULL) {
        drop_item(sender, item, end);
        return false;
    }
    ray_ledger_retried(sender->ledger, ray_str_from(item->code), 1);
    ray_trail_retried(sender->environment.history, item, 1, item->code);
    return true;
}

/* What many calls leave over, a few documents each, travels together. */
static bool join_leftovers(struct ray_sender *sender, struct ray_parcel *parcel)
{
    for (struct ray_parcel *other = sender->waiting; other != NULL; other = other->next) {
        if (other->attempts > 0 && !other->suspect && !parcel->suspect &&
            ray_parcel_join(other, parcel)) {
            return true;
        }
    }
    return false;
}

static void on_done(struct ray_sender *sender, struct ray_parcel *parcel,
                    const struct ray_judgement *judgement)
{
    bool keep[RAY_SENDER_DOCUMENTS_MAX];
    uint64_t delivered = 0, sent = parcel->count;
    for (size_t i = 0; i < parcel->count; i++) {
        keep[i] = settle_item(sender, &parcel->items[i], &delivered);
    }
    uint64_t lost = sooner(judgement->lost, delivered);
    if (lost > 0) {
        ray_ledger_dropped(sender->ledger, ray_str_from(judgement->reason), lost);
        ray_trail_lost(sender->environment.history, sender->environment.id, parcel->items,
                       parcel->count, lost, judgement->reason);
    }
    ray_ledger_delivered(sender->ledger, delivered - lost);
    ray_trail_delivered(sender->environment.history, parcel->items, parcel->count);
    keep_items(parcel, keep);
    sender->recovered = sender->recovered || sender->schedule.flow != RAY_FLOW_OPEN;
    ray_schedule_success(&sender->schedule,
                         (double)sooner(judgement->throttled, sent) / (double)sent);
    set_health(sender, true, "");
    if (parcel->count == 0) {
        ray_parcel_free(parcel);
        return;
    }
    parcel->hurried = false;
    parcel->failures = 0;
    parcel->due_ns =
        now_ns(sender) + ray_schedule_leftover_ns(&sender->schedule, parcel->attempts++);
    log_retry(sender, parcel, judgement);
    if (!join_leftovers(sender, parcel)) {
        wait_until(parcel, parcel->due_ns);
    }
}

static const enum ray_flow flow_of[] = {
    [RAY_VERDICT_THROTTLED] = RAY_FLOW_THROTTLED,
    [RAY_VERDICT_TRANSIENT] = RAY_FLOW_DOWN,
    [RAY_VERDICT_BLOCKED] = RAY_FLOW_BLOCKED,
};

static void on_failed(struct ray_sender *sender, struct ray_parcel *parcel,
                      const struct ray_judgement *judgement)
{
    uint64_t due_ns =
        ray_schedule_failure(&sender->schedule, flow_of[judgement->verdict], parcel->round,
                             parcel->failures++, judgement->retry_after_ms, now_ns(sender));
    parcel->due_ns = due_ns;
    parcel->hurried = false;
    if (judgement->verdict == RAY_VERDICT_BLOCKED) {
        log_blocked(sender, parcel, judgement);
    } else {
        log_retry(sender, parcel, judgement);
    }
    if (keep_what_may_retry(sender, parcel, judgement->reason)) {
        retry_parcel(sender, parcel, due_ns, judgement);
    } else {
        ray_parcel_free(parcel);
    }
}

static void on_again(struct ray_sender *sender, struct ray_parcel *parcel,
                     const struct ray_judgement *judgement)
{
    if (parcel->hurried) { /* mending did not help */
        struct ray_judgement blocked = *judgement;
        blocked.verdict = RAY_VERDICT_BLOCKED;
        on_failed(sender, parcel, &blocked);
        return;
    }
    parcel->hurried = true;
    sender->schedule.flow = RAY_FLOW_OPEN;
    retry_parcel(sender, parcel, now_ns(sender), judgement);
}

static void on_content(struct ray_sender *sender, struct ray_parcel *parcel,
                       const struct ray_judgement *judgement)
{
    bool none[1] = {false};
    ray_schedule_success(&sender->schedule, 0); /* it is there, and it knows us */
    if (parcel->count == 1) {
        drop_item(sender, &parcel->items[0], judgement->reason);
        keep_items(parcel, none);
        ray_parcel_free(parcel);
        return;
    }
    parcel->suspect = true;
    struct ray_parcel *half = ray_parcel_split(parcel, parcel->count / 2);
    uint64_t due_ns = now_ns(sender) + (half != NULL ? 0 : NO_MEMORY_MS * RAY_NS_PER_MS);
    retry_parcel(sender, parcel, due_ns, judgement);
    if (half != NULL) {
        retry_parcel(sender, half, due_ns, judgement);
    }
}

static const char *const outcome_names[] = {
    [RAY_CALL_CONNECT_FAILED] = "connect_failed",
    [RAY_CALL_TIMED_OUT] = "timed_out",
    [RAY_CALL_BROKEN] = "broken",
    [RAY_CALL_ANSWER_TOO_BIG] = "answer_too_big",
};

static void judge_call(struct ray_sender *sender, struct ray_parcel *parcel,
                       struct ray_judgement *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < parcel->count; i++) {
        parcel->items[i].fate = RAY_FATE_DELIVERED;
        parcel->items[i].code[0] = '\0';
    }
    if (parcel->call.outcome == RAY_CALL_ANSWERED) {
        sender->protocol->judge(sender->context, &parcel->call, parcel->items, parcel->count, out);
        return;
    }
    out->verdict = RAY_VERDICT_TRANSIENT;
    snprintf(out->reason, sizeof(out->reason), "%s", outcome_names[parcel->call.outcome]);
}

static void on_call_done(struct ray_http_call *call)
{
    struct ray_parcel *parcel = call->context;
    struct ray_sender *sender = parcel->sender;
    struct ray_judgement judgement;
    ray_parcel_list_remove(&sender->flying, parcel);
    sender->flying_count--;
    ray_schedule_landed(&sender->schedule, parcel->probe);
    if (call->outcome == RAY_CALL_CANCELLED) {
        wait_until(parcel, now_ns(sender));
        return;
    }
    judge_call(sender, parcel, &judgement);
    ray_parcel_strip(parcel);
    switch (judgement.verdict) {
    case RAY_VERDICT_DONE:
        on_done(sender, parcel, &judgement);
        break;
    case RAY_VERDICT_THROTTLED:
    case RAY_VERDICT_TRANSIENT:
    case RAY_VERDICT_BLOCKED:
        on_failed(sender, parcel, &judgement);
        break;
    case RAY_VERDICT_CONTENT:
        on_content(sender, parcel, &judgement);
        break;
    case RAY_VERDICT_AGAIN:
        on_again(sender, parcel, &judgement);
        break;
    }
}

/* -- reading the queue -- */

static void look_ahead(struct ray_sender *sender)
{
    while (!sender->closed && ray_stage_wants(sender->stage)) {
        struct ray_batch *batch;
        uint64_t number;
        enum ray_status status = ray_cursor_next(sender->cursor, &batch, &number);
        if (status != RAY_OK) {
            sender->closed = status == RAY_CLOSED;
            return;
        }
        sender->some_done = sender->some_done || ray_cursor_may_be_done(sender->cursor, number,
                                                                        ray_batch_documents(batch));
        ray_stage_give(sender->stage, batch, sender->environment.profile, number, now_ns(sender));
    }
}

/* For good, before it was packed. */
static void drop_staged(struct ray_sender *sender, const struct ray_staged *staged,
                        const char *reason)
{
    struct ray_sender_item item = {.trace_id = staged->document.trace_id, .number = staged->number};
    memcpy(item.span_id, staged->document.span_id, sizeof(item.span_id));
    drop_item(sender, &item, reason);
    acknowledge(sender, &item, 1);
}

/* Moves documents from the stage until the parcel is full or has all that belongs to it. */
static void fill(struct ray_sender *sender, struct ray_parcel *parcel)
{
    struct ray_staged staged;
    ray_stage_begin(sender->stage, sender->options.documents_max,
                    sender->options.body_max_bytes / 5 * 4); /* escapes take the rest */
    while (ray_stage_peek(sender->stage, &staged)) {
        if (sender->some_done && ray_cursor_is_done(sender->cursor, staged.number)) {
            ray_stage_take(sender->stage);
            continue;
        }
        bool too_old = is_too_old(sender, staged.accepted_unix_ns);
        enum ray_status status = too_old ? RAY_INVALID
                                         : ray_parcel_add(parcel, &staged.document, staged.number,
                                                          staged.accepted_unix_ns);
        if (too_old || status == RAY_TOO_BIG) {
            drop_staged(sender, &staged, too_old ? "max_age" : "too_big");
        } else if (status != RAY_OK) {
            return;
        }
        ray_stage_take(sender->stage);
    }
}

/* NULL when memory is short, or when nothing that was staged may go. */
static struct ray_parcel *pack(struct ray_sender *sender)
{
    struct ray_parcel *parcel = ray_parcel_new(
        sender, sender->protocol, sender->options.documents_max, sender->options.body_max_bytes);
    uint32_t before = ray_stage_count(sender->stage) + 1;
    while (parcel != NULL && parcel->count == 0 && ray_stage_count(sender->stage) < before) {
        before = ray_stage_count(sender->stage);
        fill(sender, parcel);
    }
    if (parcel != NULL && parcel->count > 0) {
        if (sender->protocol->packed != NULL) {
            sender->protocol->packed(sender->context, parcel->items, parcel->count);
        }
        return parcel;
    }
    ray_parcel_free(parcel);
    if (ray_stage_count(sender->stage) > 0) {
        sender->pack_after_ns = now_ns(sender) + NO_MEMORY_MS * RAY_NS_PER_MS;
    }
    return NULL;
}

/* -- sending -- */

/* When the next parcel is to be packed: at once when there is enough for a full one, else when the
 * oldest document has waited long enough for more. */
static uint64_t stage_due_ns(const struct ray_sender *sender)
{
    uint32_t count = ray_stage_count(sender->stage);
    bool outage = !ray_schedule_is_good(&sender->schedule) && sender->waiting != NULL;
    if (count == 0 || outage ||
        sender->waiting_count + sender->flying_count >= sender->options.window) {
        return UINT64_MAX;
    }
    bool enough = sender->closed || count >= sender->options.documents_max ||
                  ray_stage_is_full(sender->stage);
    uint64_t due_ns =
        enough ? 0 : ray_stage_oldest_ns(sender->stage) + sender->options.linger_ms * RAY_NS_PER_MS;
    return due_ns > sender->pack_after_ns ? due_ns : sender->pack_after_ns;
}

/* The oldest of those that wait and are due, without what became too old meanwhile. */
static struct ray_parcel *take_waiting(struct ray_sender *sender)
{
    uint64_t now = now_ns(sender);
    struct ray_parcel *parcel = sender->waiting;
    while (parcel != NULL) {
        struct ray_parcel *next = parcel->next;
        if (parcel->due_ns <= now) {
            stop_waiting(parcel);
            if (keep_what_may_retry(sender, parcel, NULL)) {
                return parcel;
            }
            ray_parcel_free(parcel);
        }
        parcel = next;
    }
    return NULL;
}

/* On no list. NULL when nothing is due. */
static struct ray_parcel *take_due(struct ray_sender *sender)
{
    struct ray_parcel *parcel = take_waiting(sender);
    if (parcel == NULL && stage_due_ns(sender) <= now_ns(sender)) {
        parcel = pack(sender);
    }
    return parcel;
}

static enum ray_status prepare(struct ray_sender *sender, struct ray_parcel *parcel)
{
    struct ray_http_call *call = &parcel->call;
    enum ray_status status = ray_parcel_end(parcel);
    if (status == RAY_OK) {
        call->body = ray_buf_str(&parcel->body);
        status = sender->protocol->address(sender->context, call->body, &parcel->lines);
    }
    if (status != RAY_OK) {
        return status;
    }
    call->method = "POST";
    call->timeout_ms = sender->options.call_timeout_ms;
    call->done = on_call_done;
    call->context = parcel;
    call->status = 0;
    call->error_type[0] = call->retry_after[0] = call->date[0] = call->problem[0] = '\0';
    for (size_t i = 0; i < parcel->count; i++) {
        uint64_t *first = &parcel->items[i].first_sent_ns;
        *first = *first != 0 ? *first : now_ns(sender);
    }
    return ray_parcel_point_at_lines(parcel) ? RAY_OK : RAY_NOMEM;
}

static void launch(struct ray_sender *sender, struct ray_parcel *parcel)
{
    enum ray_status status = prepare(sender, parcel);
    parcel->round = sender->schedule.round;
    if (status == RAY_OK) {
        ray_parcel_list_append(&sender->flying, parcel); /* before: `done` may run inside */
        sender->flying_count++;
        parcel->launched_ns = now_ns(sender);
        parcel->probe = ray_schedule_launched(&sender->schedule, now_ns(sender));
        status = sender->transport->ops->start(sender->transport, &parcel->call);
        if (status == RAY_OK) {
            return;
        }
        ray_parcel_list_remove(&sender->flying, parcel);
        sender->flying_count--;
        ray_schedule_landed(&sender->schedule, parcel->probe);
    }
    if (status == RAY_NOMEM || status == RAY_AGAIN) {
        wait_until(parcel, now_ns(sender) + NO_MEMORY_MS * RAY_NS_PER_MS);
        return;
    }
    struct ray_judgement judgement = {
        .verdict = RAY_VERDICT_BLOCKED, .reason = "bad_url", .advice = "correct the endpoint"};
    on_failed(sender, parcel, &judgement);
}

/* Asks the protocol at most every NOT_READY_MS while it says no. */
static bool is_ready(struct ray_sender *sender)
{
    char why[200] = "";
    if (sender->ready_after_ns > now_ns(sender)) {
        return false;
    }
    if (sender->protocol->ready(sender->context, why)) {
        if (sender->ready_after_ns != 0) {
            set_health(sender, true, "");
            sender->ready_after_ns = 0;
        }
        return true;
    }
    set_health(sender, false, why);
    sender->ready_after_ns = now_ns(sender) + NOT_READY_MS * RAY_NS_PER_MS;
    return false;
}

static bool may_launch(struct ray_sender *sender)
{
    /* asked first, whatever the schedule says: a time to ask again that has come would be waited
     * for without end, and without sleep */
    return is_ready(sender) &&
           ray_schedule_may_launch(&sender->schedule, sender->flying_count, now_ns(sender));
}

/* Every round tries the queue first, so that the cursor knows when to wake us. */
static void send_what_may(struct ray_sender *sender)
{
    look_ahead(sender);
    while (may_launch(sender)) {
        struct ray_parcel *parcel = take_due(sender);
        if (parcel == NULL) {
            return;
        }
        launch(sender, parcel);
        look_ahead(sender);
    }
}

/* When there may be something to launch, without news from network or queue. */
static uint64_t next_due_ns(const struct ray_sender *sender)
{
    uint64_t due_ns = stage_due_ns(sender);
    if (sender->ready_after_ns != 0) {
        return sender->ready_after_ns; /* asked again even with nothing to send, for the health */
    }
    for (const struct ray_parcel *p = sender->waiting; p != NULL; p = p->next) {
        due_ns = sooner(due_ns, p->due_ns);
    }
    return ray_schedule_next_ns(&sender->schedule, sender->flying_count, due_ns);
}

static uint32_t wait_ms(const struct ray_sender *sender, uint32_t max_wait_ms)
{
    uint64_t now = now_ns(sender);
    uint64_t until = sooner(next_due_ns(sender), now + max_wait_ms * RAY_NS_PER_MS);
    if (atomic_load(&sender->stopping)) {
        until = sooner(until, atomic_load(&sender->stop_at_ns));
    }
    return until <= now ? 0 : (uint32_t)((until - now + RAY_NS_PER_MS - 1) / RAY_NS_PER_MS);
}

/* The stop was asked for: what waits for minutes gets one last try now. */
static void bring_forward(struct ray_sender *sender)
{
    sender->last_try = true;
    sender->schedule.not_before_ns = 0;
    for (struct ray_parcel *p = sender->waiting; p != NULL; p = p->next) {
        p->due_ns = 0;
    }
}

static bool is_finished(const struct ray_sender *sender)
{
    return sender->closed && ray_stage_count(sender->stage) == 0 && sender->waiting == NULL &&
           sender->flying == NULL;
}

/* The far end is back. Calls that it left hanging would keep their documents until they time out.
 */
static void recall_hanging(struct ray_sender *sender)
{
    uint64_t patience_ns = sender->options.max_interval_ms * RAY_NS_PER_MS;
    struct ray_parcel *parcel = sender->flying;
    sender->recovered = false;
    while (parcel != NULL) {
        struct ray_parcel *next = parcel->next;
        if (now_ns(sender) - parcel->launched_ns > patience_ns) {
            ray_ledger_retried(sender->ledger, RAY_STR("timed_out"), parcel->count);
            sender->transport->ops->cancel(sender->transport, &parcel->call);
        }
        parcel = next;
    }
}

bool ray_sender_step(struct ray_sender *sender, uint32_t max_wait_ms)
{
    if (atomic_load(&sender->stopping)) {
        if (!sender->last_try) {
            bring_forward(sender);
        }
        if (now_ns(sender) >= atomic_load(&sender->stop_at_ns)) {
            return false;
        }
    }
    if (sender->recovered) {
        recall_hanging(sender);
    }
    send_what_may(sender);
    if (is_finished(sender)) {
        return false;
    }
    sender->transport->ops->poll(sender->transport, wait_ms(sender, max_wait_ms));
    return true;
}

/* -- life -- */

static void wake(void *context)
{
    struct ray_sender *sender = context;
    sender->transport->ops->wakeup(sender->transport);
}

static void *run(void *argument)
{
    while (ray_sender_step(argument, STEP_MAX_MS)) {
    }
    return NULL;
}

struct ray_sender *ray_sender_new(const struct ray_sender_options *options,
                                  const struct ray_sender_protocol *protocol, void *context,
                                  const struct ray_exporter_environment *environment,
                                  struct ray_transport *transport)
{
    assert(options->window > 0 && options->window <= RAY_SENDER_WINDOW_MAX);
    assert(options->documents_max > 0 && options->documents_max <= RAY_SENDER_DOCUMENTS_MAX);
    struct ray_sender *sender = calloc(1, sizeof(*sender));
    struct ray_exporter_ledger *ledger =
        ray_exporter_ledger_new(environment->metrics, environment->id);
    struct ray_stage *stage = ray_stage_new(options->seed);
    if (sender == NULL || ledger == NULL || stage == NULL) {
        free(sender);
        ray_exporter_ledger_free(ledger);
        ray_stage_free(stage);
        return NULL;
    }
    sender->stage = stage;
    sender->options = *options;
    sender->protocol = protocol;
    sender->context = context;
    sender->environment = *environment;
    sender->transport = transport;
    sender->ledger = ledger;
    struct ray_backoff backoff = {options->initial_interval_ms, options->max_interval_ms,
                                  options->multiplier, options->randomization_factor};
    ray_schedule_init(&sender->schedule, &backoff, options->window, options->seed);
    sender->healthy = true;
    pthread_mutex_init(&sender->health_lock, NULL);
    return sender;
}

enum ray_status ray_sender_open(struct ray_sender *sender)
{
    struct ray_cursor_options cursor = {
        .name = sender->environment.id,
        .profile = sender->environment.profile,
        .ledger = sender->ledger,
        .wake = wake,
        .context = sender,
        .drop_oldest = sender->environment.drop_oldest,
    };
    sender->cursor = ray_cursor_open(sender->environment.queue, &cursor);
    if (sender->cursor == NULL) {
        return RAY_NOMEM;
    }
    (void)is_ready(sender); /* so that the health is right before the first document */
    return RAY_OK;
}

enum ray_status ray_sender_start(struct ray_sender *sender)
{
    enum ray_status status = ray_sender_open(sender);
    if (status != RAY_OK) {
        return status;
    }
    status = ray_thread_start(&sender->thread, "upload", run, sender);
    if (status != RAY_OK) {
        ray_cursor_close(sender->cursor);
        sender->cursor = NULL;
    }
    return status;
}

bool ray_sender_ready(struct ray_sender *sender, char why[200])
{
    pthread_mutex_lock(&sender->health_lock);
    bool healthy = sender->healthy;
    memcpy(why, sender->why, sizeof(sender->why));
    pthread_mutex_unlock(&sender->health_lock);
    return healthy;
}

/* What flies is called back: nobody knows of it any more. */
static uint64_t give_up(struct ray_sender *sender)
{
    while (sender->flying != NULL) {
        sender->transport->ops->cancel(sender->transport, &sender->flying->call);
    }
    return ray_exporter_give_up(&sender->environment, sender->ledger, sender->cursor);
}

uint64_t ray_sender_stop(struct ray_sender *sender, uint32_t timeout_ms)
{
    if (sender->cursor == NULL) {
        return 0;
    }
    atomic_store(&sender->stop_at_ns, now_ns(sender) + timeout_ms * RAY_NS_PER_MS);
    atomic_store(&sender->stopping, true);
    if (sender->thread.started) {
        wake(sender);
        ray_thread_join(&sender->thread);
    } else {
        run(sender);
    }
    uint64_t left = give_up(sender);
    while (sender->waiting != NULL) {
        struct ray_parcel *parcel = sender->waiting;
        sender->waiting = parcel->next;
        ray_parcel_free(parcel);
    }
    sender->waiting_count = 0;
    ray_cursor_close(sender->cursor);
    sender->cursor = NULL;
    return left;
}

void ray_sender_free(struct ray_sender *sender)
{
    if (sender != NULL) {
        ray_exporter_ledger_free(sender->ledger);
        ray_stage_free(sender->stage);
        pthread_mutex_destroy(&sender->health_lock);
        free(sender);
    }
}

uint32_t ray_sender_limit(const struct ray_sender *sender)
{
    return (uint32_t)sender->schedule.limit;
}
