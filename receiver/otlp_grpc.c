/*
 * otlp_grpc: a few threads, each with a completion queue, an arena and the calls it accepted.
 *
 * A call goes armed -> reading -> queued -> taken -> replying. Everything but "taken" belongs to
 * the thread of its queue; the reply may be started by whatever thread completes the ticket, and
 * from that moment on the queue's thread may already be freeing the call.
 *
 * Messages that have arrived are admitted before any is worked on: that is what makes the byte
 * budget mean something, since core hands over what it has read whether we are busy or not.
 */
#include "receiver/otlp_grpc.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "core/thread.h"
#include "receiver/acceptor.h"
#include "receiver/answer.h"
#include "receiver/busy_watch.h"
#include "receiver/crowd.h"
#include "receiver/grpc_message.h"
#include "receiver/grpc_settings.h"
#include "receiver/tsan.h"

#define POLLERS_MAX        4u
#define ARMED_CALLS        16u /* per method and thread; core keeps what comes beyond waiting */
#define ADMIT_AT_ONCE      16u /* events taken in before a waiting message is worked on */
#define MESSAGE_TIMEOUT_MS 30000u
#define RETRY_AFTER_MS     1000u
#define CONNECTIONS_MAX    4096u
#define WATCH_MS           50u
/* CPU time that a thread may spend inside core before it hands anything out. Good clients stay far
 * below: flow control stops them when nobody takes their messages. */
#define STUCK_CPU_NS (150 * RAY_NS_PER_MS)
/* Between two looks. What keeps core inside sends more than that; who sends less is a bystander,
 * who came while core digests what it has of a flood that is cut already. */
#define FLOOD_LEAST_BYTES 16384u
/* 10 KB each inside core. Above it calls are told to come again, and one whose message does not
 * come has not long. */
#define LIVE_CALLS_MAX     4096u
#define CROWDED_MESSAGE_MS 1000u
/* Calls of one connection above its max_concurrent_streams that may be on their way out. */
#define ENDING_CALLS_MAX  256u
#define REPLY_MAX_BYTES   4096u
#define STATUS_TEXT_BYTES 256u
/* gRPC's and the collector's default for a message. */
#define MESSAGE_DEFAULT_BYTES ((int64_t)4 << 20)
/* A message of n bytes needs at most this many times n once decoded; beyond it is an attack. */
#define ARENA_PER_MESSAGE_BYTE 8u

enum method { METHOD_EXPORT, METHOD_HEALTH, METHOD_OTHER, METHOD_COUNT };

static const char *const method_names[METHOD_COUNT] = {
    [METHOD_EXPORT] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    [METHOD_HEALTH] = "/grpc.health.v1.Health/Check",
    [METHOD_OTHER] = NULL,
};

enum call_state { CALL_ARMED, CALL_READING, CALL_QUEUED, CALL_TAKEN, CALL_REPLYING };

struct poller;

struct call {
    struct ray_intake_call intake; /* first: what comes back */
    struct poller *poller;
    enum method method;
    enum call_state state;
    TAILQ_ENTRY(call) link; /* on the list of its state */
    grpc_call *call;
    int connection;            /* its descriptor, -1 when not known */
    grpc_call_details details; /* METHOD_OTHER only */
    grpc_metadata_array metadata;
    gpr_timespec deadline;
    grpc_byte_buffer *message;
    size_t message_bytes; /* taken from the budget */
    uint64_t read_by_ns;
    /* lent to core until the reply is done */
    grpc_byte_buffer *reply;
    grpc_metadata trailing;
    grpc_slice status_text;
    int cancelled;
};

TAILQ_HEAD(call_list, call);

struct poller {
    struct ray_otlp_grpc *grpc;
    grpc_completion_queue *queue;
    struct ray_thread thread;
    struct ray_arena *arena;
    struct ray_grpc_opener opener;
    struct call_list reading;
    struct call_list waiting; /* admitted, not yet worked on */
    size_t armed[METHOD_COUNT];
    _Atomic size_t live; /* calls not freed, and the server's shutdown where it will be told */
    size_t admitted;     /* events since the last message was worked on */
    bool server_closed;  /* an armed call came back unused */
    bool queue_closed;
    struct ray_busy_watch watch; /* of its stays in core */
};

struct ray_otlp_grpc {
    struct ray_otlp_grpc_settings settings;
    size_t max_message_bytes;
    uint64_t message_timeout_ns;
    grpc_server *server;
    grpc_server_credentials *plain;
    struct ray_acceptor *acceptor;
    struct ray_log_limiter floods;
    struct ray_crowd crowd;
    bool suspicious; /* the acceptor's thread: one of ours looked stuck at the last look */
    void *registered[METHOD_COUNT];
    uint16_t port;
    _Atomic bool stopping;
    struct poller pollers[POLLERS_MAX];
    size_t poller_count;
    /* Guards `running`. No other lock under it. */
    pthread_mutex_t lock;
    pthread_cond_t none_running;
    size_t running;
};

static uint64_t now_ns(const struct ray_otlp_grpc *grpc)
{
    return ray_clock_monotonic_ns(grpc->settings.clock);
}

static bool is_crowded(const struct ray_otlp_grpc *grpc)
{
    size_t live = 0;
    for (size_t i = 0; i < grpc->poller_count; i++) {
        live += atomic_load_explicit(&grpc->pollers[i].live, memory_order_relaxed);
    }
    return live >= LIVE_CALLS_MAX;
}

/* ---- the life of a call ---------------------------------------------------------------------- */

static void call_free(struct call *call)
{
    call->poller->live--;
    ray_crowd_leave(&call->poller->grpc->crowd, call->connection);
    grpc_metadata_array_destroy(&call->metadata);
    if (call->method == METHOD_OTHER) {
        grpc_call_details_destroy(&call->details);
    }
    if (call->call != NULL) {
        grpc_call_unref(call->call);
    }
    grpc_byte_buffer_destroy(call->reply);
    grpc_slice_unref(call->status_text);
    grpc_slice_unref(call->trailing.value);
    free(call);
}

/* Core calls the peer of a connection that it was given "fd:" and the descriptor. */
static int connection_of(grpc_call *call)
{
    char *peer = grpc_call_get_peer(call);
    struct ray_str name = ray_str_from(peer);
    uint64_t descriptor = UINT64_MAX;
    bool known = ray_str_starts_with(name, RAY_STR("fd:")) &&
                 ray_str_to_u64(ray_str_from_pos(name, 3), &descriptor) == RAY_OK &&
                 descriptor <= INT32_MAX;
    gpr_free(peer);
    return known ? (int)descriptor : -1;
}

/* Asks core for the next call of a method. False when out of memory. */
static bool arm(struct poller *poller, enum method method)
{
    struct ray_otlp_grpc *grpc = poller->grpc;
    struct call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return false;
    }
    call->poller = poller;
    call->method = method;
    call->state = CALL_ARMED;
    call->connection = -1;
    call->status_text = call->trailing.value = grpc_empty_slice();
    grpc_metadata_array_init(&call->metadata);
    poller->live++;
    poller->armed[method]++;
    RAY_TSAN_GIVE(call);
    grpc_call_error error;
    if (method == METHOD_OTHER) {
        grpc_call_details_init(&call->details);
        error = grpc_server_request_call(grpc->server, &call->call, &call->details, &call->metadata,
                                         poller->queue, poller->queue, call);
    } else {
        error = grpc_server_request_registered_call(grpc->server, grpc->registered[method],
                                                    &call->call, &call->deadline, &call->metadata,
                                                    NULL, poller->queue, poller->queue, call);
    }
    assert(error == GRPC_CALL_OK); /* anything else is a wrong use of core */
    (void)error;
    return true;
}

static void arm_all(struct poller *poller)
{
    for (int method = 0; method < METHOD_COUNT && !poller->server_closed; method++) {
        while (poller->armed[method] < ARMED_CALLS && arm(poller, (enum method)method)) {
        }
    }
}

static void start_batch(struct call *call, const grpc_op *ops, size_t count)
{
    grpc_call *handle = call->call;
    RAY_TSAN_GIVE(call);
    /* From here on the queue's thread may own, and free, the call: touch nothing of it. */
    grpc_call_error error = grpc_call_start_batch(handle, ops, count, call, NULL);
    assert(error == GRPC_CALL_OK);
    (void)error;
}

/* ---- replies --------------------------------------------------------------------------------- */

static grpc_slice slice_of(struct ray_str text)
{
    return text.len > 0 ? grpc_slice_from_copied_buffer(text.ptr, text.len) : grpc_empty_slice();
}

/* Puts a google.rpc.Status with RetryInfo into the trailer that OTLP clients look for it in. */
static void add_retry_info(struct call *call, enum ray_rpc_code code, struct ray_str text,
                           uint32_t retry_after_ms)
{
    struct ray_buf status;
    ray_buf_init(&status, REPLY_MAX_BYTES);
    ray_otlp_write_status(RAY_OTLP_PROTOBUF, code, text, retry_after_ms, &status);
    call->trailing.key = grpc_slice_from_static_string("grpc-status-details-bin");
    call->trailing.value = slice_of(ray_buf_str(&status));
    ray_buf_clear(&status);
}

/* Ends a call. Any thread; `call` is not ours afterwards. `message` NULL: a status alone. */
static void reply(struct call *call, enum ray_rpc_code code, struct ray_str text,
                  uint32_t retry_after_ms, const struct ray_str *message)
{
    call->state = CALL_REPLYING;
    call->status_text = slice_of(text);
    grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}};
    size_t count = 1;
    if (message != NULL) {
        grpc_slice slice = slice_of(*message);
        call->reply = grpc_raw_byte_buffer_create(&slice, 1);
        grpc_slice_unref(slice);
        ops[count].op = GRPC_OP_SEND_MESSAGE;
        ops[count++].data.send_message.send_message = call->reply;
    }
    if (retry_after_ms > 0) {
        add_retry_info(call, code, text, retry_after_ms);
        ops[count].data.send_status_from_server.trailing_metadata_count = 1;
        ops[count].data.send_status_from_server.trailing_metadata = &call->trailing;
    }
    ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[count].data.send_status_from_server.status = (grpc_status_code)code;
    ops[count++].data.send_status_from_server.status_details =
        text.len > 0 ? &call->status_text : NULL;
    ops[count].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[count++].data.recv_close_on_server.cancelled = &call->cancelled;
    start_batch(call, ops, count);
}

static void refuse(struct call *call, enum ray_refusal reason, enum ray_rpc_code code,
                   struct ray_str text, uint32_t retry_after_ms)
{
    ray_ledger_refuse_request(call->poller->grpc->settings.ledger, reason);
    reply(call, code, text, retry_after_ms, NULL);
}

static void refuse_stopping(struct call *call)
{
    refuse(call, RAY_REFUSED_SHUTDOWN, RAY_RPC_UNAVAILABLE,
           RAY_STR("shutting down: send the same again later"), RETRY_AFTER_MS);
}

static void refuse_for_memory(struct call *call)
{
    refuse(call, RAY_REFUSED_MEMORY_LIMIT, RAY_RPC_RESOURCE_EXHAUSTED,
           RAY_STR("above memory_limiter's limit: send the same again later"), RETRY_AFTER_MS);
}

static void on_answered(struct ray_intake_call *intake)
{
    struct call *call = (struct call *)(void *)intake;
    struct ray_str text = ray_str_from(intake->message);
    if (intake->status != RAY_OK) {
        reply(call, ray_answer_for(intake->status).code, text, intake->retry_after_ms, NULL);
        return;
    }
    struct ray_buf message;
    ray_buf_init(&message, REPLY_MAX_BYTES);
    ray_otlp_write_response(RAY_OTLP_PROTOBUF, intake->rejected_spans, text, &message);
    struct ray_str view = ray_buf_str(&message);
    reply(call, RAY_RPC_OK, RAY_STR(""), 0, &view);
    ray_buf_clear(&message);
}

/* ---- a message on its way in ----------------------------------------------------------------- */

static void refuse_unopened(struct call *call, enum ray_status status)
{
    if (status == RAY_TOO_BIG) {
        refuse(call, RAY_REFUSED_TOO_BIG, RAY_RPC_RESOURCE_EXHAUSTED,
               RAY_STR("the message inflates past max_recv_msg_size_mib, or by more than 100 to 1: "
                       "send fewer spans per request"),
               0);
    } else if (status == RAY_NOMEM) {
        refuse(call, RAY_REFUSED_MEMORY, RAY_RPC_RESOURCE_EXHAUSTED,
               RAY_STR("out of memory: send the same again later"), RETRY_AFTER_MS);
    } else {
        refuse(call, RAY_REFUSED_INVALID, RAY_RPC_INVALID_ARGUMENT,
               RAY_STR("the message is not what its grpc-encoding says, or it is cut"), 0);
    }
}

/* The call's message, opened. On failure the call was answered. */
static enum ray_status open_message(struct poller *poller, struct call *call,
                                    const grpc_byte_buffer *message, struct ray_str *body)
{
    enum ray_status status = ray_grpc_open(&poller->opener, message, body);
    if (status != RAY_OK) {
        refuse_unopened(call, status);
        return status;
    }
    if (ray_grpc_is_snappy(*body)) {
        refuse(call, RAY_REFUSED_INVALID, RAY_RPC_UNIMPLEMENTED,
               RAY_STR("snappy is not served: set the client's compression to gzip, zstd or none"),
               0);
        return RAY_INVALID;
    }
    return RAY_OK;
}

/* Takes the oldest admitted message through the intake. */
static void work_one(struct poller *poller)
{
    struct ray_otlp_grpc *grpc = poller->grpc;
    struct call *call = TAILQ_FIRST(&poller->waiting);
    TAILQ_REMOVE(&poller->waiting, call, link);
    /* kept here: once the intake has it, the call may be answered and gone */
    grpc_byte_buffer *message = call->message;
    size_t message_bytes = call->message_bytes;
    call->message = NULL;
    call->state = CALL_TAKEN;

    struct ray_str body;
    if (open_message(poller, call, message, &body) == RAY_OK) {
        call->intake.body = body;
        call->intake.encoding = RAY_OTLP_PROTOBUF;
        call->intake.arena = poller->arena;
        call->intake.ledger = grpc->settings.ledger;
        call->intake.answered = on_answered;
        ray_intake_take(grpc->settings.intake, &call->intake);
    }
    grpc_byte_buffer_destroy(message);
    ray_budget_give(grpc->settings.budget, message_bytes);
    ray_arena_reset(poller->arena);
    ray_grpc_opener_reset(&poller->opener);
    poller->admitted = 0;
}

/* A message is complete: in by the budget, or answered now and its memory given back. */
static void admit(struct poller *poller, struct call *call)
{
    struct ray_budget *budget = poller->grpc->settings.budget;
    size_t bytes = grpc_byte_buffer_length(call->message);
    if (ray_budget_take(budget, bytes)) {
        call->message_bytes = bytes;
        call->state = CALL_QUEUED;
        TAILQ_INSERT_TAIL(&poller->waiting, call, link);
        return;
    }
    grpc_byte_buffer_destroy(call->message);
    call->message = NULL;
    if (bytes > budget->limit_bytes) {
        refuse(call, RAY_REFUSED_TOO_BIG, RAY_RPC_RESOURCE_EXHAUSTED,
               RAY_STR("the message is larger than max_in_flight_mib: send fewer spans per "
                       "request"),
               0);
        return;
    }
    if (ray_budget_has_room(budget, bytes)) {
        refuse_for_memory(call);
        return;
    }
    refuse(
        call, RAY_REFUSED_BUSY, RAY_RPC_RESOURCE_EXHAUSTED,
        RAY_STR("more requests in hand than max_in_flight_mib allows: send the same again later"),
        RETRY_AFTER_MS);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Above the hard limit not even a message is waited for, which core would keep. */
static bool is_out_of_memory(const struct ray_otlp_grpc *grpc)
{
    struct ray_memory_gate *gate = grpc->settings.budget->gate;
    return gate != NULL && ray_memory_gate_is_closed(gate, true);
}

static void begin_export(struct poller *poller, struct call *call)
{
    if (atomic_load(&poller->grpc->stopping)) {
        refuse_stopping(call);
        return;
    }
    if (is_crowded(poller->grpc)) {
        refuse(call, RAY_REFUSED_BUSY, RAY_RPC_RESOURCE_EXHAUSTED,
               RAY_STR("more calls at once than this server takes: send the same again later"),
               RETRY_AFTER_MS);
        return;
    }
    if (is_out_of_memory(poller->grpc)) {
        refuse_for_memory(call);
        return;
    }
    call->state = CALL_READING;
    call->read_by_ns = now_ns(poller->grpc) + poller->grpc->message_timeout_ns;
    TAILQ_INSERT_TAIL(&poller->reading, call, link);
    grpc_op op;
    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_RECV_MESSAGE;
    op.data.recv_message.recv_message = &call->message;
    start_batch(call, &op, 1);
}

/* grpc.health.v1.HealthCheckResponse: field 1, SERVING = 1, NOT_SERVING = 2. */
static void answer_health(struct call *call)
{
    bool stopping = atomic_load(&call->poller->grpc->stopping);
    struct ray_str message = stopping ? RAY_STR("\x08\x02") : RAY_STR("\x08\x01");
    reply(call, RAY_RPC_OK, RAY_STR(""), 0, &message);
}

static void answer_other(struct call *call)
{
    const grpc_slice *method = &call->details.method;
    struct ray_str name = {(const char *)GRPC_SLICE_START_PTR(*method), GRPC_SLICE_LENGTH(*method)};
    char text[STATUS_TEXT_BYTES];
    snprintf(text, sizeof(text), "%.*s is not served: only traces are taken here, by %s",
             RAY_STR_ARG(ray_str_until(name, 100)), method_names[METHOD_EXPORT] + 1);
    reply(call, RAY_RPC_UNIMPLEMENTED, ray_str_from(text), 0, NULL);
}

static void on_accepted(struct poller *poller, struct call *call, bool success)
{
    poller->armed[call->method]--;
    if (!success) {
        poller->server_closed = true;
        call_free(call);
        return;
    }
    call->connection = connection_of(call->call);
    ray_crowd_enter(&poller->grpc->crowd, call->connection);
    switch (call->method) {
    case METHOD_EXPORT:
        begin_export(poller, call);
        break;
    case METHOD_HEALTH:
        answer_health(call);
        break;
    case METHOD_OTHER:
    case METHOD_COUNT:
        answer_other(call);
        break;
    }
}

static void on_message(struct poller *poller, struct call *call)
{
    TAILQ_REMOVE(&poller->reading, call, link);
    if (call->message != NULL) {
        admit(poller, call);
        return;
    }
    /* Too large for core, which has then told the client; or the client went, or took too long. */
    refuse(call, RAY_REFUSED_INVALID, RAY_RPC_INVALID_ARGUMENT,
           RAY_STR("the call carried no complete message"), 0);
}

static void on_event(struct poller *poller, void *tag, bool success)
{
    if (tag == poller->grpc) { /* the server's shutdown */
        poller->live--;
        return;
    }
    struct call *call = tag;
    RAY_TSAN_TAKE(call);
    switch (call->state) {
    case CALL_ARMED:
        on_accepted(poller, call, success);
        break;
    case CALL_READING:
        on_message(poller, call);
        break;
    case CALL_REPLYING:
        call_free(call);
        break;
    case CALL_QUEUED:
    case CALL_TAKEN:
        assert(!"an event for a call that core has nothing to do for");
    }
}

/* How much sooner a call must have its message: in a crowd, those that were begun and left alone
 * must not keep the others out. */
static uint64_t hurry_ns(const struct ray_otlp_grpc *grpc)
{
    uint64_t crowded_ns = CROWDED_MESSAGE_MS * RAY_NS_PER_MS;
    bool hurry = grpc->message_timeout_ns > crowded_ns && is_crowded(grpc);
    return hurry ? grpc->message_timeout_ns - crowded_ns : 0;
}

/* Core would wait for ever for a message that comes a byte at a time. `up_to_date`: whatever came
 * was handed to us; without that it is no time to hurry anyone. */
static void cancel_overdue(struct poller *poller, bool up_to_date)
{
    struct call *call = TAILQ_FIRST(&poller->reading);
    if (call == NULL) {
        return;
    }
    uint64_t now = now_ns(poller->grpc) + (up_to_date ? hurry_ns(poller->grpc) : 0);
    for (; call != NULL && call->read_by_ns <= now; call = TAILQ_NEXT(call, link)) {
        if (call->read_by_ns != 0) {
            grpc_call_cancel_with_status(call->call, GRPC_STATUS_DEADLINE_EXCEEDED,
                                         "the message was not complete in time", NULL);
            call->read_by_ns = 0; /* its event is on the way */
        }
    }
}

/* Until when the queue may be waited on: not at all while there is work. */
static gpr_timespec wait_until(const struct poller *poller)
{
    if (!TAILQ_EMPTY(&poller->waiting)) {
        return gpr_inf_past(GPR_CLOCK_MONOTONIC);
    }
    const struct call *call = TAILQ_FIRST(&poller->reading);
    while (call != NULL && call->read_by_ns == 0) {
        call = TAILQ_NEXT(call, link);
    }
    if (call == NULL) {
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    }
    uint64_t now = now_ns(poller->grpc) + hurry_ns(poller->grpc);
    uint64_t left_ns = call->read_by_ns > now ? call->read_by_ns - now : 0;
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_nanos((int64_t)left_ns, GPR_TIMESPAN));
}

/* One event, or one message. False when the queue is gone. */
static bool poll_once(struct poller *poller)
{
    ray_busy_turn(&poller->watch);
    grpc_event event = grpc_completion_queue_next(poller->queue, wait_until(poller), NULL);
    ray_busy_turn(&poller->watch);
    if (event.type == GRPC_QUEUE_SHUTDOWN) {
        return false;
    }
    if (event.type == GRPC_OP_COMPLETE) {
        on_event(poller, event.tag, event.success != 0);
        arm_all(poller);
        poller->admitted++;
    }
    cancel_overdue(poller, event.type == GRPC_QUEUE_TIMEOUT);
    if (!TAILQ_EMPTY(&poller->waiting) &&
        (event.type == GRPC_QUEUE_TIMEOUT || poller->admitted >= ADMIT_AT_ONCE)) {
        work_one(poller);
    }
    if (poller->live == 0 && !poller->queue_closed) {
        /* Nobody can hand this queue an event any more; one that came later would abort us. */
        poller->queue_closed = true;
        grpc_completion_queue_shutdown(poller->queue);
    }
    return true;
}

static void *run_poller(void *argument)
{
    struct poller *poller = argument;
    struct ray_otlp_grpc *grpc = poller->grpc;
    while (poll_once(poller)) {
    }
    pthread_mutex_lock(&grpc->lock);
    if (--grpc->running == 0) {
        pthread_cond_broadcast(&grpc->none_running);
    }
    pthread_mutex_unlock(&grpc->lock);
    return NULL;
}

/* ---- start ----------------------------------------------------------------------------------- */

static void create_server(struct ray_otlp_grpc *grpc)
{
    grpc->server = ray_grpc_server_new(grpc->settings.options, grpc->max_message_bytes,
                                       grpc->settings.budget->limit_bytes);
    grpc->plain = grpc_insecure_server_credentials_create();
    for (int method = 0; method < METHOD_OTHER; method++) {
        grpc->registered[method] = grpc_server_register_method(grpc->server, method_names[method],
                                                               NULL, GRPC_SRM_PAYLOAD_NONE, 0);
    }
    for (size_t i = 0; i < grpc->poller_count; i++) {
        grpc->pollers[i].queue = grpc_completion_queue_create_for_next(NULL);
        grpc_server_register_completion_queue(grpc->server, grpc->pollers[i].queue, NULL);
    }
}

/* ---- connections ----------------------------------------------------------------------------- */

static void on_connected(void *context, int fd)
{
    struct ray_otlp_grpc *grpc = context;
    ray_crowd_open(&grpc->crowd, fd);
    grpc_server_add_channel_from_fd(grpc->server, fd, grpc->plain);
}

static void note_cut(struct ray_otlp_grpc *grpc, bool cut)
{
    uint64_t repeated = 0;
    if (cut && ray_log_allow(&grpc->floods, grpc->settings.clock, &repeated)) {
        ray_log_warn(grpc->settings.log, "connection cut: it floods the server with frames",
                     "transport=grpc repeated=%llu", (unsigned long long)repeated);
    }
}

/*
 * Core goes on reading a connection for as long as bytes come, and keeps what it has read: a flood
 * of opened and reset calls (CVE-2023-44487) starves all others and eats the memory. It shows as a
 * thread that does not come out of core: whoever sends most at that moment is cut off.
 */
static bool has_stuck_thread(struct ray_otlp_grpc *grpc)
{
    bool stuck = false;
    for (size_t i = 0; i < grpc->poller_count; i++) {
        struct poller *poller = &grpc->pollers[i];
        stuck |= ray_busy_inside_ns(&poller->watch, poller->thread.id) >= STUCK_CPU_NS;
    }
    return stuck;
}

static void cut_busiest_when_stuck(struct ray_otlp_grpc *grpc)
{
    bool stuck = has_stuck_thread(grpc);
    if (stuck && grpc->suspicious) {
        note_cut(grpc, ray_acceptor_cut_busiest(grpc->acceptor, FLOOD_LEAST_BYTES));
    } else if (stuck) { /* see who goes on sending until the next look */
        ray_acceptor_mark(grpc->acceptor);
    }
    grpc->suspicious = stuck;
}

/*
 * Or, when core reads on a thread of its own, as calls that we have and it does nothing for. A
 * client that resets calls has more of them here than it may have begun, which tells it from many
 * clients who all send at once.
 */
static void cut_crowders(struct ray_otlp_grpc *grpc)
{
    int64_t streams = grpc->settings.options->max_concurrent_streams;
    int64_t most = streams > 0 ? streams + ENDING_CALLS_MAX : LIVE_CALLS_MAX;
    int fd = -1;
    while ((fd = ray_crowd_find(&grpc->crowd, fd + 1, most)) >= 0) {
        note_cut(grpc, ray_acceptor_cut(grpc->acceptor, fd));
    }
}

static void watch_pollers(void *context)
{
    struct ray_otlp_grpc *grpc = context;
    cut_busiest_when_stuck(grpc);
    if (is_crowded(grpc)) {
        cut_crowders(grpc);
    }
}

static enum ray_status start_acceptor(struct ray_otlp_grpc *grpc, int listener,
                                      struct ray_net_error *error)
{
    struct ray_acceptor_options options = {
        .listener = listener,
        .max_connections = CONNECTIONS_MAX,
        .connected = on_connected,
        .tick = watch_pollers,
        .tick_ms = WATCH_MS,
        .context = grpc,
    };
    enum ray_status status = ray_acceptor_start(&options, &grpc->acceptor);
    if (status != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "cannot start to accept connections: %s",
                 strerror(errno));
    }
    return status;
}

static void grpc_free(struct ray_otlp_grpc *grpc)
{
    for (size_t i = 0; i < grpc->poller_count; i++) {
        ray_arena_free(grpc->pollers[i].arena);
        ray_grpc_opener_clear(&grpc->pollers[i].opener);
    }
    pthread_cond_destroy(&grpc->none_running);
    pthread_mutex_destroy(&grpc->lock);
    free(grpc);
}

static uint32_t default_threads(void)
{
    /* Measured on 2 cores: a second thread makes a call dearer (51 us against 31) and no more of
     * them. */
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores <= 2 ? 1 : cores >= 8 ? POLLERS_MAX : (uint32_t)cores / 2;
}

static bool pollers_init(struct ray_otlp_grpc *grpc)
{
    uint32_t wanted = grpc->settings.threads ? grpc->settings.threads : default_threads();
    size_t quota = ray_intake_arena_quota(grpc->settings.intake);
    size_t enough = grpc->max_message_bytes * ARENA_PER_MESSAGE_BYTE;
    grpc->poller_count = wanted < POLLERS_MAX ? wanted : POLLERS_MAX;
    for (size_t i = 0; i < grpc->poller_count; i++) {
        struct poller *poller = &grpc->pollers[i];
        poller->grpc = grpc;
        TAILQ_INIT(&poller->reading);
        TAILQ_INIT(&poller->waiting);
        poller->arena = ray_arena_new(enough < quota ? enough : quota);
        ray_grpc_opener_init(&poller->opener, grpc->max_message_bytes);
        if (poller->arena == NULL) {
            return false;
        }
    }
    grpc->pollers[0].live = 1; /* the server's shutdown will be told here */
    return true;
}

static struct ray_otlp_grpc *grpc_new(const struct ray_otlp_grpc_settings *settings)
{
    struct ray_otlp_grpc *grpc = calloc(1, sizeof(*grpc));
    if (grpc == NULL) {
        return NULL;
    }
    grpc->settings = *settings;
    atomic_init(&grpc->stopping, false);
    int64_t mib = settings->options->max_recv_msg_size_mib;
    grpc->max_message_bytes = (size_t)(mib > 0 ? mib << 20 : MESSAGE_DEFAULT_BYTES);
    grpc->message_timeout_ns =
        (settings->message_timeout_ms ? settings->message_timeout_ms : MESSAGE_TIMEOUT_MS) *
        RAY_NS_PER_MS;
    pthread_mutex_init(&grpc->lock, NULL);
    ray_condition_init(&grpc->none_running);
    if (!pollers_init(grpc)) {
        grpc_free(grpc);
        return NULL;
    }
    return grpc;
}

/* Core's last words: server first, then the queues, which must be empty. */
static void destroy_server(struct ray_otlp_grpc *grpc)
{
    grpc_server_destroy(grpc->server);
    grpc_server_credentials_release(grpc->plain);
    for (size_t i = 0; i < grpc->poller_count; i++) {
        struct poller *poller = &grpc->pollers[i];
        if (!poller->queue_closed) { /* it never ran */
            grpc_completion_queue_shutdown(poller->queue);
            while (
                grpc_completion_queue_next(poller->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
                    .type != GRPC_QUEUE_SHUTDOWN) {
            }
        }
        grpc_completion_queue_destroy(poller->queue);
    }
    grpc_shutdown();
}

static enum ray_status start_pollers(struct ray_otlp_grpc *grpc, struct ray_net_error *error)
{
    grpc_server_start(grpc->server);
    grpc->running = grpc->poller_count;
    for (size_t i = 0; i < grpc->poller_count; i++) {
        arm_all(&grpc->pollers[i]);
    }
    for (size_t i = 0; i < grpc->poller_count; i++) {
        struct poller *poller = &grpc->pollers[i];
        char name[32];
        snprintf(name, sizeof(name), "grpc-%zu", i);
        if (ray_thread_start(&poller->thread, name, run_poller, poller) != RAY_OK) {
            snprintf(error->text, sizeof(error->text), "cannot start a thread: %s",
                     strerror(errno));
            return RAY_IO;
        }
    }
    return RAY_OK;
}

/* Everything but the socket. On failure the listener is still the caller's. */
static enum ray_status start_server(struct ray_otlp_grpc *grpc, int listener,
                                    struct ray_net_error *error)
{
    grpc_init();
    /* Core prints to standard error in its own form, a line per bad peer; we count them. */
    gpr_set_log_verbosity((gpr_log_severity)(GPR_LOG_SEVERITY_ERROR + 1));
    create_server(grpc);
    enum ray_status status = start_pollers(grpc, error);
    if (status == RAY_OK) {
        status = start_acceptor(grpc, listener, error);
    }
    if (status != RAY_OK) {
        ray_otlp_grpc_stop(grpc, 0);
    }
    return status;
}

static enum ray_status listen_and_start(struct ray_otlp_grpc *grpc,
                                        const struct ray_address *address,
                                        struct ray_net_error *error)
{
    struct ray_address bound;
    int listener = -1;
    enum ray_status status = ray_listen_tcp(address, &listener, error);
    if (status != RAY_OK) {
        grpc_free(grpc);
        return status;
    }
    if (ray_address_of_socket(listener, &bound) == RAY_OK) {
        grpc->port = ray_address_port(&bound);
    }
    status = start_server(grpc, listener, error);
    if (status != RAY_OK) {
        close(listener);
    }
    return status;
}

enum ray_status ray_otlp_grpc_start(const struct ray_otlp_grpc_settings *settings,
                                    struct ray_otlp_grpc **out, struct ray_net_error *error)
{
    struct ray_address address;
    if (ray_address_resolve(settings->options->endpoint, &address, error) != RAY_OK) {
        return RAY_IO;
    }
    struct ray_otlp_grpc *grpc = grpc_new(settings);
    if (grpc == NULL) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return RAY_NOMEM;
    }
    /* The threads that core makes for itself inherit this: signals are main's. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    enum ray_status status = listen_and_start(grpc, &address, error);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status == RAY_OK) {
        *out = grpc;
    }
    return status;
}

uint16_t ray_otlp_grpc_port(const struct ray_otlp_grpc *grpc)
{
    return grpc->port;
}

/* ---- stop ------------------------------------------------------------------------------------ */

void ray_otlp_grpc_quiesce(struct ray_otlp_grpc *grpc)
{
    if (!atomic_exchange(&grpc->stopping, true)) {
        ray_acceptor_quiesce(grpc->acceptor);
        /* Calls stay armed until core gives them back: between the two a client would be cut. */
        grpc_server_shutdown_and_notify(grpc->server, grpc->pollers[0].queue, grpc);
    }
}

/* False when some thread still has calls after `timeout_ms`. */
static bool wait_for_pollers(struct ray_otlp_grpc *grpc, uint32_t timeout_ms)
{
    struct timespec until = ray_condition_deadline(timeout_ms);
    bool in_time = true;
    pthread_mutex_lock(&grpc->lock);
    while (grpc->running > 0 && in_time) {
        in_time = ray_condition_wait_until(&grpc->none_running, &grpc->lock, &until);
    }
    bool all_done = grpc->running == 0;
    pthread_mutex_unlock(&grpc->lock);
    return all_done;
}

void ray_otlp_grpc_stop(struct ray_otlp_grpc *grpc, uint32_t timeout_ms)
{
    if (grpc == NULL) {
        return;
    }
    ray_otlp_grpc_quiesce(grpc);
    for (size_t i = 0; i < grpc->poller_count; i++) {
        if (!grpc->pollers[i].thread.started) { /* a start that failed half-way */
            run_poller(&grpc->pollers[i]);
        }
    }
    if (!wait_for_pollers(grpc, timeout_ms)) {
        /* First: as long as bytes come, whoever touches core may end up reading them. */
        ray_acceptor_cut_all(grpc->acceptor);
        grpc_server_cancel_all_calls(grpc->server);
        while (!wait_for_pollers(grpc, UINT32_MAX)) {
        }
    }
    ray_acceptor_stop(grpc->acceptor); /* it looked at the threads until now */
    for (size_t i = 0; i < grpc->poller_count; i++) {
        ray_thread_join(&grpc->pollers[i].thread);
    }
    destroy_server(grpc);
    grpc_free(grpc);
}
