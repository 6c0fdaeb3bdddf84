/*
 * network: a scripted far end behind the transport's face, and a clock that only it moves.
 *
 * A test gives it a function that decides on each call. It keeps what it took, so that a test can
 * ask whether every document arrived, and how many calls that cost.
 */
#ifndef RAY_TESTS_NETWORK_H
#define RAY_TESTS_NETWORK_H

#include "../unit/check.h"

#include "core/clock.h"
#include "net/http_client.h"

#define NETWORK_FLYING_MAX    256
#define NETWORK_DOCUMENTS_MAX 131072

/* How the far end treats one call. Zeroed: 200 after no time, documents taken. */
struct reply {
    enum ray_call_outcome outcome; /* ANSWERED is 0 */
    unsigned status;               /* 0: 200 */
    uint32_t after_ms;
    const char *error_type;
    const char *retry_after;
    const char *date;
    const char *body; /* NULL: none unprocessed */
    bool refuses;     /* nothing is taken, although the status is 200; or: lost on the way */
};

struct network;
typedef void (*network_reply_fn)(struct network *network, const struct ray_http_call *call,
                                 struct reply *out);

struct network {
    struct ray_transport transport;
    struct ray_clock clock;
    uint64_t now_ns;
    uint64_t wall_start_s;
    network_reply_fn reply;
    void *context;
    struct {
        struct ray_http_call *call;
        uint64_t due_ns;
        struct reply reply;
        char body[2048];
    } flying[NETWORK_FLYING_MAX];
    size_t flying_count, most_flying;
    size_t calls, polls;
    uint64_t call_times_hash; /* equal runs have equal hashes */
    uint64_t last_call_ns;
    unsigned taken[NETWORK_DOCUMENTS_MAX]; /* by id: how often */
    char *body;                            /* scratch of the reply function, copied with it */
};

/* The ids of the documents in a body: they are numbers in hexadecimal. False at the end. */
static inline bool network_next_id(struct ray_str *body, unsigned *id)
{
    struct ray_str mark = RAY_STR("\\\"id\\\":\\\"");
    size_t at = ray_str_find(*body, mark);
    if (at == SIZE_MAX) {
        return false;
    }
    *body = ray_str_from_pos(*body, at + mark.len);
    char digits[17];
    snprintf(digits, sizeof(digits), "%.16s", body->ptr);
    *id = (unsigned)strtoul(digits, NULL, 16);
    return true;
}

static inline size_t network_count_documents(const struct ray_http_call *call)
{
    struct ray_str rest = call->body;
    unsigned id;
    size_t count = 0;
    while (network_next_id(&rest, &id)) {
        count++;
    }
    return count;
}

static inline bool network_contains(const struct ray_http_call *call, unsigned wanted)
{
    struct ray_str rest = call->body;
    unsigned id;
    while (network_next_id(&rest, &id)) {
        if (id == wanted) {
            return true;
        }
    }
    return false;
}

static uint64_t network_monotonic(const struct ray_clock *clock)
{
    return ((const struct network *)clock->context)->now_ns;
}

static uint64_t network_unix(const struct ray_clock *clock)
{
    const struct network *network = clock->context;
    return network->wall_start_s * RAY_NS_PER_S + network->now_ns;
}

static enum ray_status network_start(struct ray_transport *transport, struct ray_http_call *call)
{
    struct network *network = (struct network *)transport;
    assert_true(network->flying_count < NETWORK_FLYING_MAX);
    size_t i = network->flying_count++;
    struct reply *reply = &network->flying[i].reply;
    memset(reply, 0, sizeof(*reply));
    network->calls++;
    network->call_times_hash =
        ray_str_hash((struct ray_str){(const char *)&network->now_ns, sizeof(network->now_ns)},
                     network->call_times_hash);
    network->reply(network, call, reply);
    network->last_call_ns = network->now_ns;
    network->flying[i].call = call;
    snprintf(network->flying[i].body, sizeof(network->flying[i].body), "%s",
             reply->body != NULL ? reply->body : "{\"UnprocessedTraceSegments\":[]}");
    bool hangs = reply->outcome == RAY_CALL_TIMED_OUT || reply->after_ms > call->timeout_ms;
    if (hangs) {
        reply->outcome = RAY_CALL_TIMED_OUT;
        reply->after_ms = call->timeout_ms;
    }
    network->flying[i].due_ns = network->now_ns + reply->after_ms * RAY_NS_PER_MS;
    network->most_flying =
        network->flying_count > network->most_flying ? network->flying_count : network->most_flying;
    return RAY_OK;
}

static void network_take(struct network *network, const struct ray_http_call *call)
{
    struct ray_str rest = call->body;
    unsigned id;
    while (network_next_id(&rest, &id)) {
        assert_true(id < NETWORK_DOCUMENTS_MAX);
        network->taken[id]++;
    }
}

static void network_finish(struct network *network, size_t i, bool cancelled)
{
    struct ray_http_call *call = network->flying[i].call;
    struct reply reply = network->flying[i].reply;
    call->outcome = cancelled ? RAY_CALL_CANCELLED : reply.outcome;
    call->status = reply.status != 0 ? reply.status : 200;
    snprintf(call->error_type, sizeof(call->error_type), "%s",
             reply.error_type ? reply.error_type : "");
    snprintf(call->retry_after, sizeof(call->retry_after), "%s",
             reply.retry_after ? reply.retry_after : "");
    snprintf(call->date, sizeof(call->date), "%s", reply.date ? reply.date : "");
    snprintf(call->problem, sizeof(call->problem), "scripted");
    ray_buf_append(&call->answer, ray_str_from(network->flying[i].body));
    bool got_there = reply.outcome == RAY_CALL_ANSWERED || reply.outcome == RAY_CALL_BROKEN;
    if (!cancelled && !reply.refuses && got_there && call->status == 200) {
        network_take(network, call);
    }
    network->flying[i] = network->flying[--network->flying_count];
    call->done(call);
}

static void network_cancel(struct ray_transport *transport, struct ray_http_call *call)
{
    struct network *network = (struct network *)transport;
    size_t i = 0;
    while (network->flying[i].call != call) {
        i++;
    }
    network_finish(network, i, true);
}

/* Jumps to the next answer, or to the end of the wait. */
static void network_poll(struct ray_transport *transport, uint32_t timeout_ms)
{
    struct network *network = (struct network *)transport;
    uint64_t until = network->now_ns + timeout_ms * RAY_NS_PER_MS;
    if (++network->polls > 2000000) {
        fail_msg("no progress: %zu calls, %zu flying", network->calls, network->flying_count);
    }
    for (size_t i = 0; i < network->flying_count; i++) {
        until = network->flying[i].due_ns < until ? network->flying[i].due_ns : until;
    }
    network->now_ns = until > network->now_ns ? until : network->now_ns;
    for (size_t i = 0; i < network->flying_count;) {
        if (network->flying[i].due_ns <= network->now_ns) {
            network_finish(network, i, false);
        } else {
            i++;
        }
    }
}

static void network_wakeup(struct ray_transport *transport)
{
    (void)transport;
}

static void network_free(struct ray_transport *transport)
{
    (void)transport;
}

static const struct ray_transport_ops network_ops = {network_start, network_cancel, network_poll,
                                                     network_wakeup, network_free};

static inline void network_init(struct network *network, network_reply_fn reply, void *context)
{
    memset(network, 0, sizeof(*network));
    network->transport.ops = &network_ops;
    network->clock = (struct ray_clock){network_unix, network_monotonic, network};
    network->now_ns = 1000 * RAY_NS_PER_S;
    network->wall_start_s = 1767323045 - 1000;
    network->reply = reply;
    network->context = context;
}

static inline uint64_t network_elapsed_ms(const struct network *network)
{
    return network->now_ns / RAY_NS_PER_MS - 1000000;
}

#endif
