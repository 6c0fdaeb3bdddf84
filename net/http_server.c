/*
 * http_server: see http_server.h.
 *
 * How one exchange goes. libmicrohttpd (MHD) calls us on its thread: begin_exchange at the request
 * line, on_request at the end of the head, for each piece of the body and at its end, and
 * end_exchange when the reply went out or the connection died. At the end of the body the handler
 * runs. When it has not answered on return, the connection is suspended, and whoever answers
 * resumes it; MHD then calls on_request once more, which sends the reply.
 *
 *     READING -> HANDLING -> ANSWERED              answered inside the handler
 *                HANDLING -> PARKED -> ANSWERED    answered later: the replier resumes
 *
 * Each arrow is one atomic step, so either the replier sees PARKED and resumes, or our side fails
 * to park and resumes at once. An exchange has two references: the server's, until end_exchange,
 * and the owner's, from handing over until ray_http_reply; it holds copies of all that its getters
 * show, so that an owner who was answered for (at stop) may still look.
 *
 * A Content-Length that is no number MHD answers by itself, with 400 or 413, and (0.9.75) sends the
 * head of that reply twice before it closes. We are not asked.
 *
 * MHD_stop_daemon aborts the process while a connection is suspended: ray_http_server_stop first
 * sees to it that none is.
 */
#include "net/http_server.h"

#include "core/arena.h"
#include "core/buf.h"
#include "core/thread.h"
#include "net/http_deadline.h"
#include "net/http_head.h"

#include <errno.h>
#include <linux/tcp.h> /* tcp_info with byte counts, which glibc 2.36 leaves out of its own */
#include <malloc.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CONNECTIONS     4096u
#define DEFAULT_HEAD_TIMEOUT_MS 10000u
#define DEFAULT_BODY_TIMEOUT_MS 30000u
#define DEFAULT_IDLE_TIMEOUT_MS 60000u

/* MHD keeps the whole pool of a connection resident from its first request on, and the pool is
 * what bounds the head: measured 4.6 KB per idle connection with 4 KB, 32.6 with 32 KB. */
#define POOL_BYTES  (12u * 1024)
#define MAX_HEADERS 64u
/* Copies of the head and decoded query values; more than a pool can hold. */
#define EXCHANGE_ARENA_BYTES (64u * 1024)
#define MHD_STACK_BYTES      (512u * 1024)

/* Up to here memory and budget are taken for a Content-Length at once. Above, as the bytes come:
 * a mere promise of 20 MiB must not lock others out. */
#define TRUSTED_BODY_BYTES (256u * 1024)
/* A body past the limit is swallowed, so that the client reads our 413; but not for ever. */
#define SWALLOW_FACTOR 4u

#define TICK_MIN_MS 20u
#define TICK_MAX_MS 1000u
/* At stop, after the last were answered 503, for that to go out. */
#define LAST_REPLIES_MS 1000u
/* Small pools of closed connections stay in the heap (27 MB after 1,000) until it is trimmed. */
#define TRIM_AFTER_CONNECTIONS 64u

enum exchange_state { READING, HANDLING, PARKED, ANSWERED };

struct ray_http_exchange {
    struct ray_http_server *server; /* counted in server->references */
    struct connection *connection;  /* the server's side only, until end_exchange */
    atomic_uint references;
    _Atomic enum exchange_state state;
    atomic_bool is_claimed; /* somebody answers: the owner, or stop in its place */
    atomic_bool must_close;
    struct ray_arena *arena;
    struct ray_str method, target;
    struct ray_http_field *fields;
    size_t field_count;
    char peer[RAY_ADDRESS_TEXT_BYTES];
    bool head_seen;
    bool is_refused; /* with `refusal`, when the swallowed body has ended */
    enum ray_http_refusal refusal;
    struct ray_buf body;
    size_t budget_taken; /* of server->options.budget */
    uint64_t swallowed_bytes;
    void *user;
    /* written by who claimed, before ANSWERED */
    unsigned reply_status;
    struct MHD_Response *reply;                /* NULL: out of memory, the connection is cut */
    struct ray_http_exchange *next_unanswered; /* a list of stop's own */
};

struct connection {
    struct connection *previous, *next;
    struct MHD_Connection *mhd;
    int fd;
    char peer[RAY_ADDRESS_TEXT_BYTES];
    atomic_ullong body_bytes; /* of the body that is coming in */
    /* guarded by server->lock */
    struct ray_http_deadline deadline;
    struct ray_http_exchange *exchange;
};

struct ray_http_server {
    struct ray_http_server_options options;
    struct ray_http_limits limits;
    struct MHD_Daemon *daemon;
    int listen_fd;
    uint16_t port;
    uint32_t tick_ms;
    atomic_uint references; /* start's one, and one of each exchange */
    atomic_bool is_quiesced;
    bool thread_is_named; /* MHD's thread only */
    struct ray_thread watch;

    /* Guards what follows and the parts of connections that say so. No other lock is taken and
     * nothing of MHD is called while it is held. */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* an exchange or a late reply ended, a first connection, a stop */
    struct connection *connections;
    size_t connection_count;
    size_t connection_peak; /* since the heap was trimmed */
    size_t open_exchanges;
    size_t late_replies; /* threads inside MHD_resume_connection */
    bool is_stopping;
};

/* ---- references ---- */

static void unref_server(struct ray_http_server *server)
{
    if (atomic_fetch_sub(&server->references, 1) == 1) {
        pthread_cond_destroy(&server->changed);
        pthread_mutex_destroy(&server->lock);
        free(server);
    }
}

/* The body is the bulk of a request: it goes as soon as its owner has answered. */
static void drop_body(struct ray_http_exchange *exchange)
{
    ray_buf_clear(&exchange->body);
    if (exchange->budget_taken > 0) {
        ray_budget_give(exchange->server->options.budget, exchange->budget_taken);
        exchange->budget_taken = 0;
    }
}

static void unref_exchange(struct ray_http_exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->references, 1) != 1) {
        return;
    }
    drop_body(exchange);
    if (exchange->reply != NULL) {
        MHD_destroy_response(exchange->reply);
    }
    ray_arena_free(exchange->arena);
    unref_server(exchange->server);
    free(exchange);
}

/* ---- phases of a connection ---- */

static uint64_t now_ns(const struct ray_http_server *server)
{
    return ray_clock_monotonic_ns(server->options.clock);
}

static void enter_phase(struct ray_http_server *server, struct connection *connection,
                        enum ray_http_phase phase, uint64_t bytes)
{
    uint64_t now = now_ns(server);
    pthread_mutex_lock(&server->lock);
    ray_http_deadline_enter(&connection->deadline, &server->limits, phase, now, bytes);
    pthread_mutex_unlock(&server->lock);
}

/* What the deadline counts in this phase. MHD tells nothing about a head or a reply under way;
 * the kernel does. */
static uint64_t count_bytes(const struct connection *connection)
{
    if (connection->deadline.phase == RAY_HTTP_BODY) {
        return atomic_load_explicit(&connection->body_bytes, memory_order_relaxed);
    }
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        return 0;
    }
    return connection->deadline.phase == RAY_HTTP_SENDING ? info.tcpi_bytes_acked
                                                          : info.tcpi_bytes_received;
}

/* Under the lock: MHD reports a connection closed, and we forget it, before its descriptor is
 * closed, so that we never hit one that was used anew. MHD's thread does the cleaning up. */
static void shut_late_connections(struct ray_http_server *server)
{
    uint64_t now = now_ns(server);
    for (struct connection *each = server->connections; each != NULL; each = each->next) {
        if (each->deadline.phase != RAY_HTTP_WORKING &&
            ray_http_deadline_passed(&each->deadline, &server->limits, now, count_bytes(each))) {
            shutdown(each->fd, SHUT_RDWR);
        }
    }
}

static void wait_until(struct ray_http_server *server, uint32_t from_now_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += from_now_ms / 1000;
    until.tv_nsec += (long)(from_now_ms % 1000) * (long)RAY_NS_PER_MS;
    if (until.tv_nsec >= (long)RAY_NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= (long)RAY_NS_PER_S;
    }
    pthread_cond_timedwait(&server->changed, &server->lock, &until);
}

/* The thread that keeps the deadlines; sleeps soundly while there is no connection. */
static void *watch_connections(void *argument)
{
    struct ray_http_server *server = argument;
    pthread_mutex_lock(&server->lock);
    while (!server->is_stopping) {
        if (server->connection_count == 0 && server->connection_peak >= TRIM_AFTER_CONNECTIONS) {
            server->connection_peak = 0;
            pthread_mutex_unlock(&server->lock);
            malloc_trim(0);
            pthread_mutex_lock(&server->lock);
        } else if (server->connection_count == 0) {
            pthread_cond_wait(&server->changed, &server->lock);
        } else {
            wait_until(server, server->tick_ms);
            shut_late_connections(server);
        }
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* ---- connections come and go (MHD's thread) ---- */

static void link_connection(struct ray_http_server *server, struct connection *connection)
{
    uint64_t now = now_ns(server);
    pthread_mutex_lock(&server->lock);
    ray_http_deadline_enter(&connection->deadline, &server->limits, RAY_HTTP_WAITING, now, 0);
    connection->next = server->connections;
    if (server->connections != NULL) {
        server->connections->previous = connection;
    }
    server->connections = connection;
    if (server->connection_count++ == 0) {
        pthread_cond_broadcast(&server->changed); /* the watch slept */
    }
    if (server->connection_count > server->connection_peak) {
        server->connection_peak = server->connection_count;
    }
    pthread_mutex_unlock(&server->lock);
}

static void unlink_connection(struct ray_http_server *server, struct connection *connection)
{
    pthread_mutex_lock(&server->lock);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    server->connection_count--;
    pthread_mutex_unlock(&server->lock);
}

static struct connection *new_connection(struct MHD_Connection *mhd)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return NULL;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection->mhd = mhd;
    connection->fd = info->connect_fd;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ray_address_text(info->client_addr, connection->peer);
    return connection;
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct ray_http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        if (!server->thread_is_named) {
            char name[16]; /* a Linux limit */
            snprintf(name, sizeof(name), "%s", server->options.thread_name);
            pthread_setname_np(pthread_self(), name);
            server->thread_is_named = true;
        }
        struct connection *connection = new_connection(mhd);
        *socket_context = connection; /* NULL: begin_exchange fails, which closes it */
        if (connection != NULL) {
            link_connection(server, connection);
        }
    } else if (*socket_context != NULL) {
        unlink_connection(server, *socket_context);
        free(*socket_context);
        *socket_context = NULL;
    }
}

/* ---- an exchange begins: the request line and the head ---- */

static struct ray_http_exchange *new_exchange(struct ray_http_server *server,
                                              struct connection *connection, struct ray_str target)
{
    struct ray_http_exchange *exchange = calloc(1, sizeof(*exchange));
    struct ray_arena *arena = ray_arena_new(EXCHANGE_ARENA_BYTES);
    struct ray_str copy = {NULL, 0};
    if (arena != NULL) {
        copy = ray_arena_copy(arena, target);
    }
    if (exchange == NULL || copy.ptr == NULL) {
        free(exchange);
        ray_arena_free(arena);
        return NULL;
    }
    exchange->arena = arena;
    exchange->target = copy;
    exchange->server = server;
    exchange->connection = connection;
    memcpy(exchange->peer, connection->peer, sizeof(exchange->peer));
    atomic_init(&exchange->references, 1);
    ray_buf_init(&exchange->body, 1);
    atomic_fetch_add(&server->references, 1);
    return exchange;
}

/* MHD asks for its "log" of the URI: the only place that shows it as it was sent. What we return
 * becomes the request's context. */
static void *begin_exchange(void *context, const char *uri, struct MHD_Connection *mhd)
{
    struct ray_http_server *server = context;
    struct connection *connection =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (connection == NULL) {
        return NULL;
    }
    struct ray_http_exchange *exchange = new_exchange(server, connection, ray_str_from(uri));
    if (exchange == NULL) {
        return NULL;
    }
    uint64_t now = now_ns(server);
    pthread_mutex_lock(&server->lock);
    connection->exchange = exchange;
    server->open_exchanges++;
    if (connection->deadline.phase == RAY_HTTP_WAITING) {
        ray_http_deadline_enter(&connection->deadline, &server->limits, RAY_HTTP_HEAD, now, 0);
    }
    pthread_mutex_unlock(&server->lock);
    return exchange;
}

static void end_exchange(void *context, struct MHD_Connection *mhd, void **request_context,
                         enum MHD_RequestTerminationCode why)
{
    (void)mhd;
    (void)why;
    struct ray_http_server *server = context;
    struct ray_http_exchange *exchange = *request_context;
    if (exchange == NULL) {
        return;
    }
    *request_context = NULL;
    uint64_t now = now_ns(server);
    pthread_mutex_lock(&server->lock);
    ray_http_deadline_enter(&exchange->connection->deadline, &server->limits, RAY_HTTP_WAITING, now,
                            RAY_HTTP_BYTES_UNKNOWN);
    exchange->connection->exchange = NULL;
    server->open_exchanges--;
    if (atomic_load(&server->is_quiesced)) {
        pthread_cond_broadcast(&server->changed);
    }
    pthread_mutex_unlock(&server->lock);
    exchange->connection = NULL;
    unref_exchange(exchange);
}

static enum MHD_Result copy_field(void *context, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct ray_http_exchange *exchange = context;
    struct ray_http_field field = {
        ray_arena_copy(exchange->arena, (struct ray_str){name, name_len}),
        ray_arena_copy(exchange->arena,
                       ray_str_trim((struct ray_str){value, value == NULL ? 0 : value_len}))};
    if (field.name.ptr == NULL || field.value.ptr == NULL) {
        return MHD_NO;
    }
    exchange->fields[exchange->field_count++] = field;
    return MHD_YES;
}

static enum ray_status copy_head(struct ray_http_exchange *exchange, const char *method)
{
    struct MHD_Connection *mhd = exchange->connection->mhd;
    int count = MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, NULL, NULL);
    if (count < 0 || (size_t)count > MAX_HEADERS) {
        return RAY_TOO_BIG;
    }
    exchange->method = ray_arena_copy(exchange->arena, ray_str_from(method));
    exchange->fields = RAY_ARENA_ARRAY(exchange->arena, struct ray_http_field, (size_t)count);
    if (exchange->method.ptr == NULL || (count > 0 && exchange->fields == NULL)) {
        return RAY_NOMEM;
    }
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, copy_field, exchange);
    return exchange->field_count == (size_t)count ? RAY_OK : RAY_NOMEM;
}

/* ---- answers ---- */

static const struct {
    enum ray_http_refusal why;
    unsigned status;
    struct ray_str text;
    bool close;
} refusals[] = {
    {RAY_HTTP_BODY_TOO_BIG, 413, RAY_STR_INIT("the body is larger than this server takes\n"),
     false},
    {RAY_HTTP_BUSY, 503, RAY_STR_INIT("busy, try again\n"), false},
    {RAY_HTTP_STOPPING, 503, RAY_STR_INIT("stopping, try again elsewhere\n"), true},
    {RAY_HTTP_BAD_REQUEST, 400, RAY_STR_INIT("the framing of this request is ambiguous\n"), true},
    {RAY_HTTP_NO_MEMORY, 503, RAY_STR_INIT("out of memory, try again\n"), false},
};

/* Hands the exchange to an owner, who must answer. */
static void give_to_owner(struct ray_http_exchange *exchange)
{
    atomic_fetch_add(&exchange->references, 1);
    atomic_store(&exchange->state, HANDLING);
}

static struct MHD_Response *make_reply(const struct ray_http_exchange *exchange,
                                       const struct ray_http_reply_header *headers,
                                       size_t header_count, struct ray_str body, bool close)
{
    /* MHD takes void * but copies */
    void *bytes = (void *)(uintptr_t)(body.len ? body.ptr : "");
    struct MHD_Response *reply =
        MHD_create_response_from_buffer(body.len, bytes, MHD_RESPMEM_MUST_COPY);
    if (reply == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < header_count; i++) {
        if (MHD_add_response_header(reply, headers[i].name, headers[i].value) != MHD_YES) {
            ray_log_warn(exchange->server->options.log, "reply header left out", "name=%s",
                         RAY_LOG_STR(ray_str_from(headers[i].name)));
        }
    }
    if (close || atomic_load(&exchange->must_close) ||
        atomic_load(&exchange->server->is_quiesced)) {
        (void)MHD_add_response_header(reply, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    return reply;
}

/* From another thread, or late on this one. Counted, so that stop does not free the daemon while
 * we are still inside its resume. */
static void answer_parked(struct ray_http_exchange *exchange)
{
    struct ray_http_server *server = exchange->server;
    struct MHD_Connection *mhd = exchange->connection->mhd; /* until resumed it cannot go */
    pthread_mutex_lock(&server->lock);
    server->late_replies++;
    pthread_mutex_unlock(&server->lock);
    atomic_store(&exchange->state, ANSWERED);
    MHD_resume_connection(mhd);
    pthread_mutex_lock(&server->lock);
    server->late_replies--;
    if (atomic_load(&server->is_quiesced)) {
        pthread_cond_broadcast(&server->changed);
    }
    pthread_mutex_unlock(&server->lock);
}

/* By who claimed the exchange and holds a reference to it. */
static void answer(struct ray_http_exchange *exchange, unsigned status, struct MHD_Response *reply)
{
    exchange->reply_status = status;
    exchange->reply = reply;
    enum exchange_state handling = HANDLING;
    if (!atomic_compare_exchange_strong(&exchange->state, &handling, ANSWERED)) {
        answer_parked(exchange);
    }
}

void ray_http_reply(struct ray_http_exchange *exchange, unsigned status,
                    const struct ray_http_reply_header *headers, size_t header_count,
                    struct ray_str body, bool close)
{
    if (atomic_exchange(&exchange->is_claimed, true)) {
        unref_exchange(exchange); /* stop answered in its owner's place */
        return;
    }
    /* copied before the body goes, where it may lie */
    struct MHD_Response *reply = make_reply(exchange, headers, header_count, body, close);
    drop_body(exchange);
    answer(exchange, status, reply);
    unref_exchange(exchange);
}

static void reply_plain(struct ray_http_exchange *exchange, unsigned status, struct ray_str text,
                        bool close)
{
    static const struct ray_http_reply_header plain = {"Content-Type", "text/plain; charset=utf-8"};
    ray_http_reply(exchange, status, &plain, 1, text, close);
}

static void reply_refusal(struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    const struct ray_http_handler *handler = &exchange->server->options.handler;
    size_t row = 0;
    while (refusals[row].why != why) {
        row++;
    }
    atomic_store(&exchange->must_close, refusals[row].close);
    drop_body(exchange);
    give_to_owner(exchange);
    if (handler->refuse != NULL) {
        handler->refuse(handler->context, exchange, why);
        return;
    }
    reply_plain(exchange, refusals[row].status, refusals[row].text, false);
}

/* ---- MHD's calls for one request ---- */

static enum MHD_Result send_reply(struct ray_http_exchange *exchange)
{
    if (exchange->reply == NULL) {
        return MHD_NO;
    }
    enter_phase(exchange->server, exchange->connection, RAY_HTTP_SENDING, RAY_HTTP_BYTES_UNKNOWN);
    return MHD_queue_response(exchange->connection->mhd, exchange->reply_status, exchange->reply);
}

/* After the handler has run, and again after each resume. */
static enum MHD_Result settle(struct ray_http_exchange *exchange)
{
    struct MHD_Connection *mhd = exchange->connection->mhd;
    if (atomic_load(&exchange->state) == ANSWERED) {
        return send_reply(exchange);
    }
    MHD_suspend_connection(mhd);
    enum exchange_state handling = HANDLING;
    if (!atomic_compare_exchange_strong(&exchange->state, &handling, PARKED)) {
        MHD_resume_connection(mhd); /* answered meanwhile, by one who saw no need to resume */
    }
    return MHD_YES;
}

static enum MHD_Result refuse_now(struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    reply_refusal(exchange, why);
    if (atomic_load(&exchange->state) != ANSWERED) {
        /* MHD cannot suspend before the body was read; a refusal must not wait */
        ray_log_error(exchange->server->options.log, "refusal was not answered at once", "");
        return MHD_NO;
    }
    return send_reply(exchange);
}

/* Memory and budget for what the head promises; false when the budget is used up. */
static bool expect_body(struct ray_http_exchange *exchange, enum ray_http_framing framing,
                        uint64_t body_bytes)
{
    const struct ray_http_server_options *options = &exchange->server->options;
    size_t max_bytes = framing == RAY_HTTP_SIZED ? (size_t)body_bytes : options->max_body_bytes;
    ray_buf_init(&exchange->body, max_bytes > 0 ? max_bytes : 1);
    if (framing != RAY_HTTP_SIZED || body_bytes > TRUSTED_BODY_BYTES) {
        return true;
    }
    if (options->budget != NULL) {
        if (!ray_budget_take(options->budget, max_bytes)) {
            return false;
        }
        exchange->budget_taken = max_bytes;
    }
    return max_bytes == 0 || ray_buf_reserve(&exchange->body, max_bytes);
}

static enum MHD_Result on_head(struct ray_http_exchange *exchange, const char *method)
{
    struct ray_http_server *server = exchange->server;
    uint64_t body_bytes = 0;
    exchange->head_seen = true;
    atomic_store(&exchange->connection->body_bytes, 0);
    enter_phase(server, exchange->connection, RAY_HTTP_BODY, 0);
    enum ray_status status = copy_head(exchange, method);
    if (status == RAY_TOO_BIG) {
        give_to_owner(exchange);
        reply_plain(exchange, 431, RAY_STR("more than 64 header lines\n"), true);
        return send_reply(exchange);
    }
    if (status != RAY_OK) {
        return refuse_now(exchange, RAY_HTTP_NO_MEMORY);
    }
    enum ray_http_framing framing =
        ray_http_framing_of(exchange->fields, exchange->field_count, &body_bytes);
    if (framing == RAY_HTTP_BROKEN) {
        return refuse_now(exchange, RAY_HTTP_BAD_REQUEST);
    }
    if (atomic_load(&server->is_quiesced)) {
        return refuse_now(exchange, RAY_HTTP_STOPPING);
    }
    if (framing == RAY_HTTP_SIZED && body_bytes > server->options.max_body_bytes) {
        return refuse_now(exchange, RAY_HTTP_BODY_TOO_BIG);
    }
    if (!expect_body(exchange, framing, body_bytes)) {
        return refuse_now(exchange, exchange->body.failed ? RAY_HTTP_NO_MEMORY : RAY_HTTP_BUSY);
    }
    return MHD_YES;
}

/* In the middle of a body MHD takes no answer: what remains is read and thrown away. */
static void refuse_at_end(struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    exchange->is_refused = true;
    exchange->refusal = why;
    drop_body(exchange);
}

static bool take_budget(struct ray_http_exchange *exchange, size_t held_bytes)
{
    if (exchange->server->options.budget == NULL || held_bytes <= exchange->budget_taken) {
        return true;
    }
    size_t more = held_bytes - exchange->budget_taken;
    if (!ray_budget_take(exchange->server->options.budget, more)) {
        return false;
    }
    exchange->budget_taken += more;
    return true;
}

static enum MHD_Result on_body(struct ray_http_exchange *exchange, struct ray_str piece)
{
    struct ray_buf *body = &exchange->body;
    size_t max_bytes = exchange->server->options.max_body_bytes;
    atomic_fetch_add_explicit(&exchange->connection->body_bytes, piece.len, memory_order_relaxed);
    if (exchange->is_refused) {
        exchange->swallowed_bytes += piece.len;
        return exchange->swallowed_bytes / SWALLOW_FACTOR > max_bytes ? MHD_NO : MHD_YES;
    }
    if (piece.len > body->max_bytes - body->len) {
        refuse_at_end(exchange, RAY_HTTP_BODY_TOO_BIG);
    } else if (!take_budget(exchange, body->len + piece.len)) {
        refuse_at_end(exchange, RAY_HTTP_BUSY);
    } else {
        ray_buf_append(body, piece);
        if (body->failed) {
            refuse_at_end(exchange, RAY_HTTP_NO_MEMORY);
        }
    }
    return MHD_YES;
}

static enum MHD_Result on_end(struct ray_http_exchange *exchange)
{
    const struct ray_http_handler *handler = &exchange->server->options.handler;
    if (atomic_load(&exchange->state) == READING) {
        enter_phase(exchange->server, exchange->connection, RAY_HTTP_WORKING, 0);
        if (exchange->is_refused) {
            return refuse_now(exchange, exchange->refusal);
        }
        give_to_owner(exchange);
        handler->request(handler->context, exchange);
    }
    return settle(exchange);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **request_context)
{
    (void)context;
    (void)mhd;
    (void)url;
    (void)version;
    struct ray_http_exchange *exchange = *request_context;
    if (exchange == NULL) {
        return MHD_NO; /* out of memory at its beginning */
    }
    if (!exchange->head_seen) {
        return on_head(exchange, method);
    }
    if (*upload_bytes > 0) {
        struct ray_str piece = {upload, *upload_bytes};
        *upload_bytes = 0;
        return on_body(exchange, piece);
    }
    return on_end(exchange);
}

/* ---- start ---- */

static void RAY_PRINTF(2, 0) log_mhd(void *context, const char *format, va_list arguments)
{
    const struct ray_http_server *server = context;
    char text[200];
    if (ray_log_enabled(server->options.log, RAY_LOG_DEBUG)) {
        vsnprintf(text, sizeof(text), format, arguments);
        ray_log_debug(server->options.log, "http", "note=%s",
                      RAY_LOG_STR(ray_str_trim(ray_str_from(text))));
    }
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static uint32_t tick_of(const struct ray_http_limits *limits)
{
    uint64_t least = limits->head_ns < limits->body_ns ? limits->head_ns : limits->body_ns;
    least = least < limits->idle_ns ? least : limits->idle_ns;
    uint64_t tick_ms = least / RAY_NS_PER_MS / 4;
    return tick_ms < TICK_MIN_MS   ? TICK_MIN_MS
           : tick_ms > TICK_MAX_MS ? TICK_MAX_MS
                                   : (uint32_t)tick_ms;
}

static struct ray_http_server *new_server(const struct ray_http_server_options *options)
{
    struct ray_http_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return NULL;
    }
    server->options = *options;
    server->options.max_connections = or_default(options->max_connections, DEFAULT_CONNECTIONS);
    server->limits = (struct ray_http_limits){
        or_default(options->head_timeout_ms, DEFAULT_HEAD_TIMEOUT_MS) * RAY_NS_PER_MS,
        or_default(options->body_timeout_ms, DEFAULT_BODY_TIMEOUT_MS) * RAY_NS_PER_MS,
        or_default(options->idle_timeout_ms, DEFAULT_IDLE_TIMEOUT_MS) * RAY_NS_PER_MS};
    server->tick_ms = tick_of(&server->limits);
    server->listen_fd = -1;
    atomic_init(&server->references, 1);
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return server;
}

/* With every signal blocked, which MHD's thread inherits: they belong to main. */
static struct MHD_Daemon *start_daemon(struct ray_http_server *server)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* MHD_OPTION_LISTENING_ADDRESS_REUSE stays out: 0 there makes connections in TIME_WAIT block
     * the next start. The external logger comes first, so that MHD never writes by itself. */
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, server,
        MHD_OPTION_LISTEN_SOCKET, server->listen_fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        server, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, server, MHD_OPTION_NOTIFY_COMPLETED,
        end_exchange, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, server->options.max_connections, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)MHD_STACK_BYTES, MHD_OPTION_END);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return daemon;
}

static enum ray_status start_threads(struct ray_http_server *server, struct ray_net_error *error)
{
    if (ray_thread_start(&server->watch, "http-deadline", watch_connections, server) != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "cannot start a thread: %s", strerror(errno));
        return RAY_IO;
    }
    server->daemon = start_daemon(server);
    if (server->daemon == NULL) {
        snprintf(error->text, sizeof(error->text),
                 "cannot start the HTTP server: %s; is the limit of open files too low?",
                 strerror(errno));
        return RAY_IO;
    }
    return RAY_OK;
}

static void end_watch(struct ray_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    ray_thread_join(&server->watch);
}

enum ray_status ray_http_server_start(const struct ray_http_server_options *options,
                                      const struct ray_address *address,
                                      struct ray_http_server **out, struct ray_net_error *error)
{
    struct ray_http_server *server = new_server(options);
    if (server == NULL) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return RAY_NOMEM;
    }
    struct ray_address bound;
    enum ray_status status = ray_listen_tcp(address, &server->listen_fd, error);
    if (status == RAY_OK) {
        status = ray_address_of_socket(server->listen_fd, &bound);
    }
    if (status == RAY_OK) {
        server->port = ray_address_port(&bound);
        status = start_threads(server, error);
    }
    if (status != RAY_OK) {
        end_watch(server);
        if (server->listen_fd >= 0) {
            close(server->listen_fd);
        }
        unref_server(server);
        return status;
    }
    *out = server;
    return RAY_OK;
}

uint16_t ray_http_server_port(const struct ray_http_server *server)
{
    return server->port;
}

/* ---- stop ---- */

void ray_http_server_quiesce(struct ray_http_server *server)
{
    if (atomic_exchange(&server->is_quiesced, true)) {
        return;
    }
    MHD_quiesce_daemon(server->daemon);
    /* Refuses new clients at once. Closing waits until MHD's thread is gone: it may stand right
     * before an accept of this descriptor. */
    shutdown(server->listen_fd, SHUT_RD);
}

static uint64_t real_ms(void)
{
    return ray_clock_monotonic_ns(&ray_clock_system) / RAY_NS_PER_MS;
}

/* Until no exchange is open and no late reply under way; false when the time was up first. */
static bool wait_for_exchanges(struct ray_http_server *server, uint32_t timeout_ms)
{
    uint64_t now = real_ms(), until = now + timeout_ms;
    pthread_mutex_lock(&server->lock);
    while ((server->open_exchanges > 0 || server->late_replies > 0) && now < until) {
        wait_until(server, (uint32_t)(until - now));
        now = real_ms();
    }
    bool is_quiet = server->open_exchanges == 0 && server->late_replies == 0;
    pthread_mutex_unlock(&server->lock);
    return is_quiet;
}

/* Those that wait for their owner's answer, each with a reference, as a list. What still arrives
 * is cut off. */
static struct ray_http_exchange *take_unanswered(struct ray_http_server *server)
{
    struct ray_http_exchange *list = NULL;
    pthread_mutex_lock(&server->lock);
    for (struct connection *each = server->connections; each != NULL; each = each->next) {
        struct ray_http_exchange *exchange = each->exchange;
        if (exchange == NULL) {
            continue;
        }
        if (atomic_load(&exchange->state) == READING) {
            shutdown(each->fd, SHUT_RDWR);
        } else if (!atomic_exchange(&exchange->is_claimed, true)) {
            atomic_fetch_add(&exchange->references, 1);
            exchange->next_unanswered = list;
            list = exchange;
        }
    }
    pthread_mutex_unlock(&server->lock);
    return list;
}

static void answer_in_place_of_owners(struct ray_http_server *server)
{
    struct ray_http_exchange *list = take_unanswered(server);
    size_t count = 0;
    while (list != NULL) {
        struct ray_http_exchange *exchange = list;
        list = exchange->next_unanswered;
        answer(exchange, 503, make_reply(exchange, NULL, 0, RAY_STR("stopping\n"), true));
        unref_exchange(exchange);
        count++;
    }
    if (count > 0) {
        ray_log_warn(server->options.log, "requests were answered 503 at stop", "count=%zu", count);
    }
}

static void cut_connections(struct ray_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct connection *each = server->connections; each != NULL; each = each->next) {
        shutdown(each->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
}

void ray_http_server_stop(struct ray_http_server *server, uint32_t timeout_ms)
{
    if (server == NULL) {
        return;
    }
    ray_http_server_quiesce(server);
    if (!wait_for_exchanges(server, timeout_ms)) {
        answer_in_place_of_owners(server);
    }
    /* In turns: a request whose body ended just now may have been handed to its handler since. */
    while (!wait_for_exchanges(server, LAST_REPLIES_MS)) {
        answer_in_place_of_owners(server);
        cut_connections(server);
    }
    MHD_stop_daemon(server->daemon);
    end_watch(server);
    close(server->listen_fd);
    unref_server(server);
}

/* ---- what an exchange shows ---- */

struct ray_str ray_http_method(const struct ray_http_exchange *exchange)
{
    return exchange->method;
}

struct ray_str ray_http_target(const struct ray_http_exchange *exchange)
{
    return exchange->target;
}

struct ray_str ray_http_path(const struct ray_http_exchange *exchange)
{
    return ray_http_target_path(exchange->target);
}

struct ray_str ray_http_query(struct ray_http_exchange *exchange, const char *name)
{
    return ray_http_target_query(exchange->target, ray_str_from(name), exchange->arena);
}

struct ray_str ray_http_header(struct ray_http_exchange *exchange, const char *name)
{
    return ray_http_find_field(exchange->fields, exchange->field_count, ray_str_from(name));
}

void ray_http_each_header(struct ray_http_exchange *exchange, ray_http_header_fn each,
                          void *context)
{
    for (size_t i = 0; i < exchange->field_count; i++) {
        if (!each(context, exchange->fields[i].name, exchange->fields[i].value)) {
            return;
        }
    }
}

struct ray_str ray_http_body(const struct ray_http_exchange *exchange)
{
    return ray_buf_str(&exchange->body);
}

const char *ray_http_peer(struct ray_http_exchange *exchange)
{
    return exchange->peer;
}

void ray_http_set_user(struct ray_http_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *ray_http_user(const struct ray_http_exchange *exchange)
{
    return exchange->user;
}
