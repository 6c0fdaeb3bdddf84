/*
 * xray_daemon: see the header. What is on its way stands in one ring of datagrams:
 *
 *     settled ... in doubt (handed to the kernel) ... next to send ... end
 *
 * News that one came back moves "next to send" to the settled end.
 */
#include "exporter/xray_daemon.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/thread.h"
#include "exporter/daemon_address.h"
#include "exporter/pace.h"
#include "queue/ledger.h"
#include "translate/shrink.h"
#include "xray/split.h"

#define STEP_MAX_MS 1000u
/* A queue behind the socket's buffer is full, and nothing announces its end. */
#define ENOBUFS_WAIT_MS 2u
#define NO_MEMORY_MS    1000u
#define ROUNDS_MAX      64u
/* Documents that one round takes from the queue, of a backlog that is too old for instance. */
#define FETCHES_MAX 16384u
/* A name is looked up again after errors, but not more often. */
#define LOOK_UP_MS 5000u

static const struct ray_str header = RAY_STR_INIT("{\"format\":\"json\",\"version\":1}\n");
#define DOCUMENT_MAX_BYTES (RAY_UDP_MAX_BYTES - sizeof("{\"format\":\"json\",\"version\":1}"))
_Static_assert(RAY_DOCUMENT_GOAL_BYTES <= DOCUMENT_MAX_BYTES,
               "whatever was translated here fits a datagram");

/* Probes of a daemon that is away: after random(0, min(most, first * 2^failures)), so that an
 * outage costs an attempt per BACK_OFF_MAX_MS and a fleet does not come back in one moment. */
#define BACK_OFF_FIRST_MS 200u
#define BACK_OFF_MAX_MS   5000u

/* One of the ring. What it owns is let go when it is settled. */
struct datagram {
    struct ray_str text;
    struct ray_batch *batch; /* that the text lies in, or NULL */
    struct ray_arena *parts; /* of a split document: goes with its last part */
    uint64_t number;         /* of the queue, of the document that is complete with it; 0: none */
    uint64_t sent_ns;
    uint64_t accepted_unix_ns;
    struct ray_trace_id trace_id; /* of that document, for the history */
    uint8_t span_id[8];
};

/* What stands next in the queue. */
struct source {
    struct ray_batch *batch;
    struct ray_batch_reader reader;
    uint64_t number; /* of the reader's next document */
    /* of a document that is being put into the ring part by part */
    struct ray_arena *arena;
    const struct ray_split_part *part;
    struct ray_document whole;
    /* one that found no memory to be split in */
    struct ray_document waiting;
    bool has_waiting;
    bool may_be_done; /* an earlier process delivered some of the batch */
    bool closed;
};

struct ray_xray_daemon {
    const struct ray_xray_daemon_options *options;
    struct ray_exporter_environment environment;
    struct ray_udp_out *network;
    struct ray_str endpoint;
    struct ray_exporter_ledger *ledger;
    struct ray_cursor *cursor;
    struct source source;
    struct datagram ring[RAY_DAEMON_WINDOW];
    uint64_t settled, next, end; /* counts; modulo the window they are places */
    uint64_t probe_at_ns;
    uint64_t random; /* of the waits' jitter */
    struct ray_pace pace;
    uint64_t not_before_ns; /* no memory, or a queue behind the socket is full */
    uint64_t looked_up_ns;
    unsigned failures; /* in a row: the daemon is away while there are any */
    bool owns_network;
    bool is_open;   /* the network has a socket */
    bool for_room;  /* the socket's buffer is full */
    bool has_more;  /* the round ended early */
    bool lost_part; /* of the document that the ring's oldest datagrams belong to */
    bool last_try;  /* the stop has been seen */

    struct ray_thread thread;
    atomic_bool stopping;
    _Atomic uint64_t stop_at_ns;
    struct ray_log_limiter lookup_limiter, returned_limiter, drop_limiter, age_limiter;
    pthread_mutex_t health_lock; /* guards the two below; no other lock is held with it */
    bool healthy;
    char why[200];
};

/* -- options -- */

#define RAY_OPT_STRUCT struct ray_xray_daemon_options
const struct ray_option ray_xray_daemon_option_table[] = {
    RAY_OPT_STR("endpoint", endpoint, "",
                "host:port of the daemon; empty: AWS_XRAY_DAEMON_ADDRESS, else 127.0.0.1:2000"),
    RAY_OPT_INT("max_datagrams_per_second", max_datagrams_per_second, "0", "0", "10000000",
                "the daemon drops what it cannot keep up with, unheard; 0: no limit"),
    RAY_OPT_DOCUMENTS(documents, "none"),
    RAY_OPT_SECTION("sending_queue", queue, ray_queue_key_table,
                    "documents that wait to be handed to the kernel"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

static enum ray_status find_address(const struct ray_xray_daemon_options *options,
                                    struct ray_str *out, struct ray_net_error *error)
{
    return ray_daemon_address_find(options->endpoint, getenv(RAY_DAEMON_ADDRESS_VARIABLE), out,
                                   error);
}

enum ray_status ray_xray_daemon_check(const struct ray_xray_daemon_options *options,
                                      const struct ray_yaml *node, const char *path,
                                      struct ray_problems *problems)
{
    uint32_t before = problems->count;
    struct ray_str address;
    struct ray_net_error error;
    if (find_address(options, &address, &error) != RAY_OK) {
        ray_problem(problems, ray_key_place(node, "endpoint"), "%s.endpoint: %s", path, error.text);
    }
    ray_document_keys_check(node, path, problems);
    ray_queue_keys_check(&options->queue, node, path, problems);
    return problems->count > before ? RAY_INVALID : RAY_OK;
}

/* -- small helpers -- */

static uint64_t now_ns(const struct ray_xray_daemon *exporter)
{
    return ray_clock_monotonic_ns(exporter->environment.clock);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static struct datagram *at(struct ray_xray_daemon *exporter, uint64_t count)
{
    return &exporter->ring[count % RAY_DAEMON_WINDOW];
}

static struct ray_log_text own_id(const struct ray_xray_daemon *exporter)
{
    return ray_log_quote(ray_str_from(exporter->environment.id));
}

static void set_health(struct ray_xray_daemon *exporter, bool healthy, const char *why)
{
    pthread_mutex_lock(&exporter->health_lock);
    exporter->healthy = healthy;
    snprintf(exporter->why, sizeof(exporter->why), "%s", why);
    pthread_mutex_unlock(&exporter->health_lock);
}

/* -- given up -- */

static bool is_too_old(const struct ray_xray_daemon *exporter, uint64_t accepted_unix_ns)
{
    return ray_exporter_is_too_old(exporter->environment.clock, exporter->environment.max_age_ms,
                                   accepted_unix_ns);
}

static void count_drop(struct ray_xray_daemon *exporter, const struct ray_trace_id *trace_id,
                       const uint8_t span_id[8], uint64_t number, const char *reason)
{
    ray_ledger_dropped(exporter->ledger, ray_str_from(reason), 1);
    ray_history_dropped(exporter->environment.history, trace_id, span_id, ray_str_from(reason));
    ray_cursor_ack(exporter->cursor, number, 1);
}

static void drop_old(struct ray_xray_daemon *exporter, const struct ray_trace_id *trace_id,
                     const uint8_t span_id[8], uint64_t number)
{
    uint64_t repeated = 0;
    char text[RAY_XRAY_TRACE_ID_CHARS + 1] = "";
    ray_trace_id_write(trace_id, text);
    count_drop(exporter, trace_id, span_id, number, "max_age");
    if (ray_log_allow(&exporter->age_limiter, exporter->environment.clock, &repeated)) {
        ray_log_warn(exporter->environment.log, "document dropped: it waited for too long",
                     "exporter=%s reason=max_age trace_id=%s repeated=%llu", own_id(exporter).text,
                     text, (unsigned long long)repeated);
    }
}

/* -- from the queue into the ring -- */

static void drop(struct ray_xray_daemon *exporter, const struct ray_document *document,
                 uint64_t number, const char *why)
{
    uint64_t repeated = 0;
    char trace_id[RAY_XRAY_TRACE_ID_CHARS + 1] = "";
    ray_trace_id_write(&document->trace_id, trace_id);
    count_drop(exporter, &document->trace_id, document->span_id, number, "too_big");
    if (ray_log_allow(&exporter->drop_limiter, exporter->environment.clock, &repeated)) {
        ray_log_warn(exporter->environment.log, "document dropped: no datagram can hold it",
                     "exporter=%s reason=too_big problem=%s trace_id=%s bytes=%zu repeated=%llu",
                     own_id(exporter).text, RAY_LOG_STR(ray_str_from(why)), trace_id,
                     document->text.len, (unsigned long long)repeated);
    }
}

/* The slow path. RAY_NOMEM: later again. */
static enum ray_status begin_parts(struct ray_xray_daemon *exporter,
                                   const struct ray_document *document, uint64_t number)
{
    struct ray_split_part *parts = NULL;
    struct ray_arena *arena = ray_arena_new(RAY_SPLIT_ARENA_BYTES(document->text.len));
    enum ray_status status =
        arena != NULL ? ray_document_split(document->text, DOCUMENT_MAX_BYTES, arena, &parts)
                      : RAY_NOMEM;
    if (status == RAY_OK) {
        exporter->source.arena = arena;
        exporter->source.part = parts;
        exporter->source.whole = *document;
        return RAY_OK;
    }
    ray_arena_free(arena);
    if (status == RAY_NOMEM) {
        return status;
    }
    drop(exporter, document, number,
         status == RAY_INVALID ? "it is no JSON object" : "it cannot be split");
    return RAY_OK;
}

static void name(struct datagram *datagram, const struct ray_document *document)
{
    datagram->trace_id = document->trace_id;
    memcpy(datagram->span_id, document->span_id, sizeof(datagram->span_id));
}

static void put_part(struct ray_xray_daemon *exporter)
{
    struct source *source = &exporter->source;
    const struct ray_split_part *part = source->part;
    bool is_last = part->next == NULL;
    *at(exporter, exporter->end++) = (struct datagram){
        .text = part->text,
        .parts = is_last ? source->arena : NULL,
        .number = is_last ? source->number - 1 : 0,
        .accepted_unix_ns = ray_batch_accepted_unix_ns(source->batch),
    };
    name(at(exporter, exporter->end - 1), &source->whole);
    source->part = part->next;
    source->arena = is_last ? NULL : source->arena;
}

static enum ray_status put_document(struct ray_xray_daemon *exporter,
                                    const struct ray_document *document)
{
    struct source *source = &exporter->source;
    uint64_t number = source->number;
    if (source->may_be_done && ray_cursor_is_done(exporter->cursor, number)) {
        source->number++;
        return RAY_OK;
    }
    uint64_t accepted_unix_ns = ray_batch_accepted_unix_ns(source->batch);
    if (is_too_old(exporter, accepted_unix_ns)) {
        drop_old(exporter, &document->trace_id, document->span_id, number);
        source->has_waiting = false;
        source->number++;
        return RAY_OK;
    }
    if (document->text.len > DOCUMENT_MAX_BYTES) {
        enum ray_status status = begin_parts(exporter, document, number);
        if (status != RAY_OK) {
            source->waiting = *document;
        }
        source->has_waiting = status != RAY_OK;
        source->number += status == RAY_OK ? 1 : 0;
        return status;
    }
    *at(exporter, exporter->end++) = (struct datagram){.text = document->text,
                                                       .batch = ray_batch_ref(source->batch),
                                                       .number = number,
                                                       .accepted_unix_ns = accepted_unix_ns};
    name(at(exporter, exporter->end - 1), document);
    source->number++;
    return RAY_OK;
}

static bool next_batch(struct ray_xray_daemon *exporter)
{
    struct source *source = &exporter->source;
    ray_batch_unref(source->batch);
    source->batch = NULL;
    enum ray_status status = ray_cursor_next(exporter->cursor, &source->batch, &source->number);
    source->closed = status == RAY_CLOSED;
    if (status != RAY_OK) {
        return false;
    }
    ray_batch_read_section(source->batch, exporter->environment.profile, &source->reader);
    source->may_be_done =
        ray_cursor_may_be_done(exporter->cursor, source->number, source->reader.left);
    return true;
}

/* One step towards a fuller ring; false when there is none to take. */
static bool fetch(struct ray_xray_daemon *exporter)
{
    struct source *source = &exporter->source;
    struct ray_document document = source->waiting;
    if (source->part != NULL) {
        put_part(exporter);
        return true;
    }
    if (!source->has_waiting &&
        (source->batch == NULL || !ray_batch_next(&source->reader, &document))) {
        return next_batch(exporter);
    }
    if (put_document(exporter, &document) == RAY_OK) {
        return true;
    }
    exporter->not_before_ns = now_ns(exporter) + NO_MEMORY_MS * RAY_NS_PER_MS;
    return false;
}

/* True when there may be more that the ring has room for. */
static bool fill(struct ray_xray_daemon *exporter)
{
    unsigned fetches = 0;
    while (exporter->end - exporter->settled < RAY_DAEMON_WINDOW && fetches < FETCHES_MAX &&
           fetch(exporter)) {
        fetches++;
    }
    return fetches == FETCHES_MAX;
}

/* -- settled -- */

static void let_go(struct datagram *datagram)
{
    ray_batch_unref(datagram->batch);
    ray_arena_free(datagram->parts);
    *datagram = (struct datagram){.number = 0};
}

struct run {
    uint64_t first;
    uint32_t count;
};

static void drop_without_part(struct ray_xray_daemon *exporter, const struct datagram *last)
{
    exporter->lost_part = false;
    count_drop(exporter, &last->trace_id, last->span_id, last->number, "too_big");
}

/* Where whole documents begin: behind the one that lost a part, if the oldest is of such a one. */
static uint64_t first_whole(struct ray_xray_daemon *exporter, uint64_t count)
{
    uint64_t i = exporter->settled;
    if (exporter->lost_part) {
        while (i < count && at(exporter, i)->number == 0) {
            i++;
        }
        i += i < count ? 1 : 0;
    }
    return i;
}

/* Of what stands from `from` to `count`. */
static void tell_history(struct ray_xray_daemon *exporter, uint64_t from, uint64_t count,
                         enum ray_history_event event, const char *reason)
{
    struct ray_history_pen pen;
    if (exporter->environment.history == NULL || from == count) {
        return;
    }
    ray_history_begin(&pen, exporter->environment.history, event, ray_str_from(reason));
    for (uint64_t i = from; i < count; i++) {
        if (at(exporter, i)->number != 0) {
            ray_history_note(&pen, &at(exporter, i)->trace_id);
        }
    }
    ray_history_end(&pen);
}

static void acknowledge(struct ray_xray_daemon *exporter, const struct run *run)
{
    if (run->count > 0) {
        ray_ledger_delivered(exporter->ledger, run->count);
        ray_cursor_ack(exporter->cursor, run->first, run->count);
    }
}

/* Everything up to `count` is delivered. Neighbours are acknowledged together. */
static void settle(struct ray_xray_daemon *exporter, uint64_t count)
{
    struct run run = {0, 0};
    uint64_t whole = first_whole(exporter, count);
    tell_history(exporter, whole, count, RAY_HISTORY_DELIVERED, "");
    for (; exporter->settled < count; exporter->settled++) {
        struct datagram *datagram = at(exporter, exporter->settled);
        uint64_t number = datagram->number;
        if (number == 0) {
            /* a part of a document that is not complete yet */
        } else if (exporter->lost_part) {
            drop_without_part(exporter, datagram);
        } else if (run.count > 0 && run.first + run.count == number) {
            run.count++;
        } else {
            acknowledge(exporter, &run);
            run = (struct run){number, 1};
        }
        let_go(datagram);
    }
    acknowledge(exporter, &run);
}

static uint64_t doubt_ends_ns(struct ray_xray_daemon *exporter, uint64_t count)
{
    return at(exporter, count)->sent_ns + RAY_DAEMON_DOUBT_MS * RAY_NS_PER_MS;
}

/* What was not heard of for long enough, and the older half when all of the ring is in doubt. */
static void settle_old(struct ray_xray_daemon *exporter)
{
    uint64_t now = now_ns(exporter), count = exporter->settled;
    while (count < exporter->next && doubt_ends_ns(exporter, count) <= now) {
        count++;
    }
    bool is_full = exporter->next - exporter->settled == RAY_DAEMON_WINDOW;
    if (is_full && exporter->failures == 0) {
        count = later(count, exporter->settled + RAY_DAEMON_WINDOW / 2);
    }
    if (count > exporter->settled && exporter->failures > 0) {
        exporter->failures = 0;
        ray_log_info(exporter->environment.log, "the daemon takes datagrams again", "exporter=%s",
                     own_id(exporter).text);
    }
    settle(exporter, count);
}

/* The oldest of the ring while nothing is in doubt, so all through an outage. */
static void drop_what_is_old(struct ray_xray_daemon *exporter)
{
    while (exporter->next == exporter->settled && exporter->next < exporter->end) {
        struct datagram *oldest = at(exporter, exporter->next);
        if (!is_too_old(exporter, oldest->accepted_unix_ns)) {
            return;
        }
        if (oldest->number != 0) { /* else a part: the document is counted with its last one */
            exporter->lost_part = false;
            drop_old(exporter, &oldest->trace_id, oldest->span_id, oldest->number);
        }
        let_go(oldest);
        exporter->settled = ++exporter->next;
    }
}

/* -- trouble -- */

static const char *reason_of(int code)
{
    switch (code) {
    case ECONNREFUSED:
        return "refused";
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
        return "unreachable";
    case EPERM:
    case EACCES:
        return "forbidden";
    default:
        return "send_failed";
    }
}

static uint64_t back_off_ms(struct ray_xray_daemon *exporter)
{
    uint64_t most = BACK_OFF_FIRST_MS;
    for (unsigned i = 0; i < exporter->failures && most < BACK_OFF_MAX_MS; i++) {
        most *= 2;
    }
    most = sooner(most, BACK_OFF_MAX_MS);
    /* Knuth's MMIX generator; its high bits are the good ones */
    exporter->random = exporter->random * 6364136223846793005ull + 1442695040888963407ull;
    return 1 + (exporter->random >> 33) % most;
}

/* All in doubt goes again: nobody says which of them came back. */
static void start_over(struct ray_xray_daemon *exporter, int code)
{
    uint64_t repeated = 0, documents = 0;
    for (uint64_t i = exporter->settled; i < exporter->next; i++) {
        documents += at(exporter, i)->number != 0;
    }
    if (documents > 0) {
        ray_ledger_retried(exporter->ledger, ray_str_from(reason_of(code)), documents);
    }
    tell_history(exporter, exporter->settled, exporter->next, RAY_HISTORY_RETRIED, reason_of(code));
    exporter->next = exporter->settled;
    exporter->probe_at_ns = now_ns(exporter) + back_off_ms(exporter) * RAY_NS_PER_MS;
    exporter->failures++;
    if (ray_log_allow(&exporter->returned_limiter, exporter->environment.clock, &repeated)) {
        ray_log_warn(exporter->environment.log,
                     "the daemon is away: documents are kept and sent again",
                     "exporter=%s endpoint=%s reason=%s problem=%s repeated=%llu",
                     own_id(exporter).text, RAY_LOG_STR(exporter->endpoint), reason_of(code),
                     RAY_LOG_STR(ray_str_from(strerror(code))), (unsigned long long)repeated);
    }
}

/* The kernel takes no datagram of that size, so none of its document is worth waiting for. */
static void drop_next(struct ray_xray_daemon *exporter)
{
    uint64_t repeated = 0;
    struct datagram *first = at(exporter, exporter->next);
    if (ray_log_allow(&exporter->drop_limiter, exporter->environment.clock, &repeated)) {
        ray_log_warn(exporter->environment.log,
                     "document dropped: the kernel takes no datagram of its length",
                     "exporter=%s reason=too_big bytes=%zu repeated=%llu", own_id(exporter).text,
                     first->text.len, (unsigned long long)repeated);
    }
    settle(exporter, exporter->next); /* it is the oldest now */
    exporter->lost_part = true;
    exporter->next++;
    settle(exporter, exporter->next);
}

static void on_code(struct ray_xray_daemon *exporter, int code)
{
    uint64_t now = now_ns(exporter);
    switch (code) {
    case 0:
    case EINTR:
        return;
    case EAGAIN:
        exporter->for_room = true;
        return;
    case ENOBUFS:
    case ENOMEM:
        exporter->not_before_ns = now + ENOBUFS_WAIT_MS * RAY_NS_PER_MS;
        return;
    case EMSGSIZE:
        drop_next(exporter);
        return;
    default:
        start_over(exporter, code);
        return;
    }
}

/* -- sending -- */

static void look_up(struct ray_xray_daemon *exporter)
{
    uint64_t repeated = 0;
    struct ray_net_error error = {""};
    exporter->looked_up_ns = now_ns(exporter);
    if (exporter->network->ops->open(exporter->network, &error) == RAY_OK) {
        exporter->is_open = true;
        set_health(exporter, true, "");
        return;
    }
    if (exporter->is_open) {
        return; /* the old address may come back to life */
    }
    set_health(exporter, false, error.text);
    if (ray_log_allow(&exporter->lookup_limiter, exporter->environment.clock, &repeated)) {
        ray_log_warn(exporter->environment.log,
                     "the daemon is not found: documents are kept, tried again every few seconds",
                     "exporter=%s problem=%s repeated=%llu", own_id(exporter).text,
                     RAY_LOG_STR(ray_str_from(error.text)), (unsigned long long)repeated);
    }
}

/* Without a socket, and while the daemon is away: its name may mean another address by now. */
static void look_up_again(struct ray_xray_daemon *exporter)
{
    uint64_t due_ns = exporter->looked_up_ns + LOOK_UP_MS * RAY_NS_PER_MS;
    /* with nothing in doubt, since what comes back comes to the old socket */
    bool is_away = exporter->failures > 0 && exporter->next == exporter->settled;
    if ((!exporter->is_open || is_away) && now_ns(exporter) >= due_ns) {
        look_up(exporter);
    }
}

/* How many may go now. */
static size_t allowance(const struct ray_xray_daemon *exporter, uint64_t now)
{
    bool is_probe = exporter->failures > 0;
    if (!exporter->is_open || exporter->for_room || now < exporter->not_before_ns ||
        now < exporter->probe_at_ns || (is_probe && exporter->next > exporter->settled)) {
        return 0;
    }
    uint64_t most = is_probe ? 1 : RAY_UDP_SEND_MAX;
    most = sooner(most, exporter->end - exporter->next);
    return (size_t)sooner(most, ray_pace_allowance(&exporter->pace, now));
}

/* True when there may be more to send at once. */
static bool send_some(struct ray_xray_daemon *exporter)
{
    struct ray_str texts[RAY_UDP_SEND_MAX];
    uint64_t now = now_ns(exporter);
    size_t count = allowance(exporter, now);
    int code = 0;
    for (size_t i = 0; i < count; i++) {
        texts[i] = at(exporter, exporter->next + i)->text;
    }
    if (count == 0) {
        return false;
    }
    size_t sent = exporter->network->ops->send(exporter->network, header, texts, count, &code);
    for (size_t i = 0; i < sent; i++) {
        at(exporter, exporter->next + i)->sent_ns = now;
    }
    exporter->next += sent;
    ray_pace_spend(&exporter->pace, sent, now);
    on_code(exporter, code);
    return true;
}

/* Also without anything in doubt: news that nobody takes would end every wait at once. */
static void hear(struct ray_xray_daemon *exporter)
{
    int code = exporter->is_open ? exporter->network->ops->returned(exporter->network) : 0;
    if (code != 0) {
        start_over(exporter, code);
    }
}

static void send_what_may(struct ray_xray_daemon *exporter)
{
    hear(exporter); /* before anything is settled */
    look_up_again(exporter);
    unsigned rounds = 0; /* a stop's deadline is looked at in between */
    bool has_more = false;
    do {
        settle_old(exporter);
        drop_what_is_old(exporter);
        has_more = fill(exporter);
    } while (send_some(exporter) && ++rounds < ROUNDS_MAX);
    exporter->has_more = has_more || rounds == ROUNDS_MAX;
}

/* -- stepping -- */

/* When the next datagram may go, news apart. */
static uint64_t next_send_ns(const struct ray_xray_daemon *exporter)
{
    if (!exporter->is_open) {
        return exporter->looked_up_ns + LOOK_UP_MS * RAY_NS_PER_MS;
    }
    bool probing = exporter->failures > 0 && exporter->next > exporter->settled;
    if (exporter->for_room || probing) {
        return UINT64_MAX; /* room, or the end of the doubt */
    }
    return later(later(exporter->not_before_ns, exporter->probe_at_ns),
                 ray_pace_next_ns(&exporter->pace));
}

static uint32_t wait_ms(struct ray_xray_daemon *exporter, uint32_t max_wait_ms)
{
    uint64_t now = now_ns(exporter), until = now + max_wait_ms * RAY_NS_PER_MS;
    bool waits = exporter->end > exporter->next || exporter->source.has_waiting;
    if (waits) {
        until = sooner(until, next_send_ns(exporter));
    }
    if (exporter->next > exporter->settled) {
        until = sooner(until, doubt_ends_ns(exporter, exporter->settled));
    }
    if (atomic_load(&exporter->stopping)) {
        until = sooner(until, atomic_load(&exporter->stop_at_ns));
    }
    return until <= now || exporter->has_more
               ? 0
               : (uint32_t)((until - now + RAY_NS_PER_MS - 1) / RAY_NS_PER_MS);
}

static bool is_finished(const struct ray_xray_daemon *exporter)
{
    return exporter->source.closed && exporter->settled == exporter->end;
}

bool ray_xray_daemon_step(struct ray_xray_daemon *exporter, uint32_t max_wait_ms)
{
    if (atomic_load(&exporter->stopping)) {
        if (!exporter->last_try) { /* what waits long gets one last try now */
            exporter->last_try = true;
            exporter->probe_at_ns = 0;
        }
        if (now_ns(exporter) >= atomic_load(&exporter->stop_at_ns)) {
            return false;
        }
    }
    send_what_may(exporter);
    if (is_finished(exporter)) {
        return false;
    }
    uint32_t wait = wait_ms(exporter, max_wait_ms);
    exporter->network->ops->wait(exporter->network, exporter->for_room, wait);
    exporter->for_room = false; /* the next send tells */
    return true;
}

static void wake(void *context)
{
    struct ray_xray_daemon *exporter = context;
    exporter->network->ops->wakeup(exporter->network);
}

static void *run(void *argument)
{
    while (ray_xray_daemon_step(argument, STEP_MAX_MS)) {
    }
    return NULL;
}

/* -- life -- */

struct ray_xray_daemon *ray_xray_daemon_new(const struct ray_xray_daemon_options *options,
                                            const struct ray_exporter_environment *environment,
                                            struct ray_udp_out *network)
{
    struct ray_xray_daemon *exporter = calloc(1, sizeof(*exporter));
    struct ray_exporter_ledger *ledger =
        ray_exporter_ledger_new(environment->metrics, environment->id);
    if (exporter == NULL || ledger == NULL) {
        free(exporter);
        ray_exporter_ledger_free(ledger);
        return NULL;
    }
    exporter->options = options;
    exporter->environment = *environment;
    exporter->network = network;
    exporter->ledger = ledger;
    exporter->healthy = true;
    ray_pace_init(&exporter->pace, (uint64_t)options->max_datagrams_per_second);
    exporter->random = ray_clock_unix_ns(environment->clock);
    pthread_mutex_init(&exporter->health_lock, NULL);
    return exporter;
}

static enum ray_status open_network(struct ray_xray_daemon *exporter, struct ray_net_error *error)
{
    struct ray_net_error problem = {""};
    if (find_address(exporter->options, &exporter->endpoint, &problem) != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "endpoint: %.180s", problem.text);
        return RAY_INVALID;
    }
    if (exporter->network == NULL) {
        exporter->network = ray_udp_out_new(exporter->endpoint);
        exporter->owns_network = exporter->network != NULL;
    }
    if (exporter->network == NULL) {
        snprintf(error->text, sizeof(error->text), "no memory or no file descriptor is left");
        return RAY_NOMEM;
    }
    return RAY_OK;
}

enum ray_status ray_xray_daemon_open(struct ray_xray_daemon *exporter, struct ray_net_error *error)
{
    enum ray_status status = open_network(exporter, error);
    if (status != RAY_OK) {
        return status;
    }
    struct ray_cursor_options cursor = {
        .name = exporter->environment.id,
        .profile = exporter->environment.profile,
        .ledger = exporter->ledger,
        .wake = wake,
        .context = exporter,
        .drop_oldest = exporter->environment.drop_oldest,
    };
    exporter->cursor = ray_cursor_open(exporter->environment.queue, &cursor);
    if (exporter->cursor == NULL) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return RAY_NOMEM;
    }
    ray_log_info(exporter->environment.log, "documents go to an X-Ray daemon",
                 "exporter=%s endpoint=%s", own_id(exporter).text, RAY_LOG_STR(exporter->endpoint));
    look_up(exporter);
    return RAY_OK;
}

enum ray_status ray_xray_daemon_start(struct ray_xray_daemon *exporter, struct ray_net_error *error)
{
    enum ray_status status = ray_xray_daemon_open(exporter, error);
    if (status != RAY_OK) {
        return status;
    }
    status = ray_thread_start(&exporter->thread, "daemon", run, exporter);
    if (status != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "cannot start a thread: %s", strerror(errno));
        ray_cursor_close(exporter->cursor);
        exporter->cursor = NULL;
    }
    return status;
}

bool ray_xray_daemon_ready(struct ray_xray_daemon *exporter, char why[200])
{
    pthread_mutex_lock(&exporter->health_lock);
    bool healthy = exporter->healthy;
    memcpy(why, exporter->why, sizeof(exporter->why));
    pthread_mutex_unlock(&exporter->health_lock);
    return healthy;
}

/* What was handed over and not heard of counts as delivered, however short ago; the rest as
 * dropped, so that the ledger balances to the end. */
static uint64_t give_up(struct ray_xray_daemon *exporter)
{
    hear(exporter);
    settle(exporter, exporter->next);
    return ray_exporter_give_up(&exporter->environment, exporter->ledger, exporter->cursor);
}

static void forget(struct ray_xray_daemon *exporter)
{
    for (; exporter->settled < exporter->end; exporter->settled++) {
        let_go(at(exporter, exporter->settled));
    }
    ray_batch_unref(exporter->source.batch);
    ray_arena_free(exporter->source.arena);
    exporter->source = (struct source){.closed = true};
}

uint64_t ray_xray_daemon_stop(struct ray_xray_daemon *exporter, uint32_t timeout_ms)
{
    if (exporter->cursor == NULL) {
        return 0;
    }
    atomic_store(&exporter->stop_at_ns, now_ns(exporter) + timeout_ms * RAY_NS_PER_MS);
    atomic_store(&exporter->stopping, true);
    if (exporter->thread.started) {
        wake(exporter);
        ray_thread_join(&exporter->thread);
    } else {
        run(exporter);
    }
    uint64_t left = give_up(exporter);
    forget(exporter);
    ray_cursor_close(exporter->cursor);
    exporter->cursor = NULL;
    return left;
}

void ray_xray_daemon_free(struct ray_xray_daemon *exporter)
{
    if (exporter == NULL) {
        return;
    }
    if (exporter->owns_network) {
        exporter->network->ops->free(exporter->network);
    }
    ray_exporter_ledger_free(exporter->ledger);
    pthread_mutex_destroy(&exporter->health_lock);
    free(exporter);
}
