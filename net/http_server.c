/*
 * http_server: see http_server.h.
 *
 * How one exchange goes. libmicrohttpd (MHD) calls us on its thread: begin_exchange at the request
 * line, on_request at the end of the head, for each piece of the body and at its end, and
 * end_exchange when the reply went out or the connection died. At the end of the body the handler
 * runs. When it has not answered on return, the connection is suspended (PARKED), and whoever
 * answers resumes it; MHD then calls on_request once more, which sends the reply. Either the
 * replier sees PARKED and resumes, or our side fails to park and resumes at once.
 *
 * A Content-Length that is no number MHD answers by itself, with 400 or 413, and (0.9.75) sends the
 * head of that reply twice before it closes. We are not asked.
 *
 * MHD_stop_daemon aborts the process while a connection is suspended: ray_http_server_stop first
 * sees to it that none is.
 */
#include "net/http_server.h"

#include "net/http_exchange.h"
#include "net/http_watch.h"

#include <errno.h>
#include <microhttpd.h>
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
#define MAX_HEADERS 64
#define STACK_BYTES (512u * 1024)

/* A body past the limit is swallowed, so that the client reads our 413; but not for ever. */
#define SWALLOW_FACTOR 4u
/* At stop, after the last were answered 503, for that to go out. */
#define LAST_REPLIES_MS 1000u

struct connection {
    struct ray_http_connection watched; /* first: an exchange points here */
    char peer[RAY_ADDRESS_TEXT_BYTES];
};

struct ray_http_server {
    struct ray_http_server_options options;
    struct MHD_Daemon *daemon;
    struct ray_http_watch watch;
    int listen_fd;
    uint16_t port;
    atomic_uint references; /* start's one, and one of each exchange */
    atomic_bool is_quiesced;
    bool thread_is_named; /* MHD's thread only */

    /* Guards what follows. No other lock is taken and nothing of MHD is called while it is held. */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* an exchange or a late reply ended while stopping */
    struct ray_http_exchange *open;
    size_t late_replies; /* threads inside MHD_resume_connection */
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

static void unref_exchange(struct ray_http_exchange *exchange)
{
    if (!ray_http_exchange_is_last(exchange)) {
        return;
    }
    struct ray_http_server *server = exchange->server;
    if (exchange->reply != NULL) {
        MHD_destroy_response(exchange->reply);
    }
    ray_http_exchange_free(exchange);
    unref_server(server);
}

/* Under the lock, when something ended that stop may wait for. */
static void tell_stop(struct ray_http_server *server)
{
    if (atomic_load(&server->is_quiesced)) {
        pthread_cond_broadcast(&server->changed);
    }
}

/* ---- connections come and go (MHD's thread) ---- */

static struct connection *new_connection(struct MHD_Connection *mhd)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return NULL;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection->watched.fd = info->connect_fd;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ray_address_text(info->client_addr, connection->peer);
    return connection;
}

static void name_thread_once(struct ray_http_server *server)
{
    char name[16]; /* a Linux limit */
    if (!server->thread_is_named) {
        snprintf(name, sizeof(name), "%s", server->options.thread_name);
        pthread_setname_np(pthread_self(), name);
        server->thread_is_named = true;
    }
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct ray_http_server *server = context;
    struct connection *connection = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        name_thread_once(server);
        connection = new_connection(mhd);
        *socket_context = connection; /* NULL: begin_exchange fails, which closes it */
        if (connection != NULL) {
            ray_http_watch_add(&server->watch, &connection->watched);
        }
    } else if (connection != NULL) {
        ray_http_watch_remove(&server->watch, &connection->watched);
        free(connection);
        *socket_context = NULL;
    }
}

/* ---- an exchange begins and ends ---- */

static void link_open(struct ray_http_server *server, struct ray_http_exchange *exchange)
{
    pthread_mutex_lock(&server->lock);
    exchange->next = server->open;
    if (server->open != NULL) {
        server->open->previous = exchange;
    }
    server->open = exchange;
    pthread_mutex_unlock(&server->lock);
}

static void unlink_open(struct ray_http_server *server, struct ray_http_exchange *exchange)
{
    pthread_mutex_lock(&server->lock);
    if (exchange->previous != NULL) {
        exchange->previous->next = exchange->next;
    } else {
        server->open = exchange->next;
    }
    if (exchange->next != NULL) {
        exchange->next->previous = exchange->previous;
    }
    tell_stop(server);
    pthread_mutex_unlock(&server->lock);
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
    struct ray_http_exchange *exchange =
        ray_http_exchange_new(ray_str_from(uri), connection->peer, server->options.budget);
    if (exchange == NULL) {
        return NULL;
    }
    atomic_fetch_add(&server->references, 1);
    exchange->server = server;
    exchange->connection = &connection->watched;
    exchange->mhd = mhd;
    link_open(server, exchange);
    ray_http_watch_enter_head(&server->watch, &connection->watched);
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
    ray_http_watch_enter(&server->watch, exchange->connection, RAY_HTTP_WAITING,
                         RAY_HTTP_BYTES_UNKNOWN);
    unlink_open(server, exchange);
    unref_exchange(exchange);
}

/* ---- answers ---- */

/* Hands the exchange to an owner, who must answer. */
static void give_to_owner(struct ray_http_exchange *exchange)
{
    ray_http_exchange_ref(exchange);
    atomic_store(&exchange->state, RAY_HTTP_HANDLING);
}

static struct MHD_Response *make_body(struct ray_str body)
{
    char *copy = malloc(body.len > 0 ? body.len : 1);
    if (copy == NULL) {
        return NULL;
    }
    if (body.len > 0) {
        memcpy(copy, body.ptr, body.len);
    }
    struct MHD_Response *reply =
        MHD_create_response_from_buffer(body.len, copy, MHD_RESPMEM_MUST_FREE);
    if (reply == NULL) {
        free(copy);
    }
    return reply;
}

static struct MHD_Response *make_reply(const struct ray_http_exchange *exchange,
                                       const struct ray_http_reply_header *headers,
                                       size_t header_count, struct ray_str body, bool close)
{
    const struct ray_http_server *server = exchange->server;
    struct MHD_Response *reply = make_body(body);
    if (reply == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < header_count; i++) {
        if (MHD_add_response_header(reply, headers[i].name, headers[i].value) != MHD_YES) {
            ray_log_warn(server->options.log, "reply header left out", "name=%s",
                         RAY_LOG_STR(ray_str_from(headers[i].name)));
        }
    }
    if (close || atomic_load(&exchange->must_close) || atomic_load(&server->is_quiesced)) {
        (void)MHD_add_response_header(reply, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    return reply;
}

/* Counted, so that stop does not free the daemon while we are still inside its resume. */
static void answer_parked(struct ray_http_exchange *exchange)
{
    struct ray_http_server *server = exchange->server;
    pthread_mutex_lock(&server->lock);
    server->late_replies++;
    pthread_mutex_unlock(&server->lock);
    atomic_store(&exchange->state, RAY_HTTP_ANSWERED);
    MHD_resume_connection(exchange->mhd); /* until resumed it cannot go */
    pthread_mutex_lock(&server->lock);
    server->late_replies--;
    tell_stop(server);
    pthread_mutex_unlock(&server->lock);
}

/* By who claimed the exchange and holds a reference to it. */
static void answer(struct ray_http_exchange *exchange, unsigned status, struct MHD_Response *reply)
{
    exchange->reply_status = status;
    exchange->reply = reply;
    enum ray_http_exchange_state handling = RAY_HTTP_HANDLING;
    if (!atomic_compare_exchange_strong(&exchange->state, &handling, RAY_HTTP_ANSWERED)) {
        answer_parked(exchange);
    }
}

void ray_http_reply(struct ray_http_exchange *exchange, unsigned status,
                    const struct ray_http_reply_header *headers, size_t header_count,
                    struct ray_str body, bool close)
{
    if (!atomic_exchange(&exchange->is_claimed, true)) {
        /* copied before the body goes, where it may lie */
        struct MHD_Response *reply = make_reply(exchange, headers, header_count, body, close);
        ray_http_exchange_drop_body(exchange);
        answer(exchange, status, reply);
    }
    unref_exchange(exchange);
}

static void reply_plain(struct ray_http_exchange *exchange, unsigned status, struct ray_str text)
{
    static const struct ray_http_reply_header plain = {"Content-Type", "text/plain; charset=utf-8"};
    ray_http_reply(exchange, status, &plain, 1, text, false);
}

static const struct {
    enum ray_http_refusal why;
    unsigned status;
    struct ray_str text;
    bool close;
} refusals[] = {
    {RAY_HTTP_BODY_TOO_BIG, 413, RAY_STR_INIT("the body is larger than this server takes\n"),
     false},
    {RAY_HTTP_BUSY, 503, RAY_STR_INIT("busy, try again\n"), false},
    {RAY_HTTP_MEMORY_LIMIT, 503, RAY_STR_INIT("no memory to spare, try again\n"), false},
    {RAY_HTTP_STOPPING, 503, RAY_STR_INIT("stopping, try again elsewhere\n"), true},
    {RAY_HTTP_BAD_REQUEST, 400, RAY_STR_INIT("the framing of this request is ambiguous\n"), true},
    {RAY_HTTP_NO_MEMORY, 503, RAY_STR_INIT("out of memory, try again\n"), false},
};

static void reply_refusal(struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    const struct ray_http_handler *handler = &exchange->server->options.handler;
    size_t row = 0;
    while (refusals[row].why != why) {
        row++;
    }
    atomic_store(&exchange->must_close, refusals[row].close);
    ray_http_exchange_drop_body(exchange);
    give_to_owner(exchange);
    if (handler->refuse != NULL) {
        handler->refuse(handler->context, exchange, why);
    } else {
        reply_plain(exchange, refusals[row].status, refusals[row].text);
    }
}

/* ---- MHD's calls for one request ---- */

static enum MHD_Result send_reply(struct ray_http_exchange *exchange)
{
    if (exchange->reply == NULL) {
        return MHD_NO;
    }
    ray_http_watch_enter(&exchange->server->watch, exchange->connection, RAY_HTTP_SENDING,
                         RAY_HTTP_BYTES_UNKNOWN);
    return MHD_queue_response(exchange->mhd, exchange->reply_status, exchange->reply);
}

/* After the handler has run, and again after each resume. */
static enum MHD_Result settle(struct ray_http_exchange *exchange)
{
    if (atomic_load(&exchange->state) == RAY_HTTP_ANSWERED) {
        return send_reply(exchange);
    }
    MHD_suspend_connection(exchange->mhd);
    enum ray_http_exchange_state handling = RAY_HTTP_HANDLING;
    if (!atomic_compare_exchange_strong(&exchange->state, &handling, RAY_HTTP_PARKED)) {
        MHD_resume_connection(exchange->mhd); /* answered meanwhile, by one who did not resume */
    }
    return MHD_YES;
}

/* MHD cannot suspend before the body was read, so a refusal must not wait. */
static enum MHD_Result send_refusal(struct ray_http_exchange *exchange)
{
    if (atomic_load(&exchange->state) == RAY_HTTP_ANSWERED) {
        return send_reply(exchange);
    }
    ray_log_error(exchange->server->options.log, "refusal was not answered at once", "");
    return MHD_NO;
}

static enum MHD_Result refuse(struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    reply_refusal(exchange, why);
    return send_refusal(exchange);
}

static enum MHD_Result refuse_head(struct ray_http_exchange *exchange)
{
    atomic_store(&exchange->must_close, true);
    give_to_owner(exchange);
    reply_plain(exchange, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                RAY_STR("more than 64 header lines\n"));
    return send_refusal(exchange);
}

static enum MHD_Result copy_field(void *context, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct ray_str name_view = {name, name_len}, value_view = {value, value ? value_len : 0};
    return ray_http_exchange_add_field(context, name_view, value_view) == RAY_OK ? MHD_YES : MHD_NO;
}

static enum ray_status copy_head(struct ray_http_exchange *exchange, const char *method)
{
    int count = MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, NULL, NULL);
    if (count < 0 || count > MAX_HEADERS) {
        return RAY_TOO_BIG;
    }
    enum ray_status status =
        ray_http_exchange_init_head(exchange, ray_str_from(method), (size_t)count);
    if (status != RAY_OK) {
        return status;
    }
    MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, copy_field, exchange);
    return exchange->field_count == (size_t)count ? RAY_OK : RAY_NOMEM;
}

static enum ray_http_refusal refusal_for(const struct ray_http_exchange *exchange,
                                         enum ray_status status)
{
    if (status == RAY_TOO_BIG) {
        return RAY_HTTP_BODY_TOO_BIG;
    }
    if (status != RAY_AGAIN) {
        return RAY_HTTP_NO_MEMORY;
    }
    return exchange->gate_is_closed ? RAY_HTTP_MEMORY_LIMIT : RAY_HTTP_BUSY;
}

/* Before the body: whoever is still writing it shall be able to read the answer. */
static enum MHD_Result refuse_unread(struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    exchange->connection->lingers = true;
    return refuse(exchange, why);
}

static enum MHD_Result on_head(struct ray_http_exchange *exchange, const char *method)
{
    struct ray_http_server *server = exchange->server;
    exchange->head_is_seen = true;
    atomic_store(&exchange->connection->body_bytes, 0);
    ray_http_watch_enter(&server->watch, exchange->connection, RAY_HTTP_BODY, 0);
    enum ray_status status = copy_head(exchange, method);
    if (status != RAY_OK) {
        return status == RAY_TOO_BIG ? refuse_head(exchange)
                                     : refuse_unread(exchange, RAY_HTTP_NO_MEMORY);
    }
    uint64_t body_bytes = UINT64_MAX;
    enum ray_http_framing framing =
        ray_http_framing_of(exchange->fields, exchange->field_count, &body_bytes);
    if (framing == RAY_HTTP_BROKEN) {
        return refuse_unread(exchange, RAY_HTTP_BAD_REQUEST);
    }
    if (atomic_load(&server->is_quiesced)) {
        return refuse_unread(exchange, RAY_HTTP_STOPPING);
    }
    if (framing == RAY_HTTP_SIZED && body_bytes > server->options.max_body_bytes) {
        return refuse_unread(exchange, RAY_HTTP_BODY_TOO_BIG);
    }
    status = ray_http_exchange_expect(exchange, body_bytes, server->options.max_body_bytes);
    return status == RAY_OK ? MHD_YES : refuse_unread(exchange, refusal_for(exchange, status));
}

static enum MHD_Result on_body(struct ray_http_exchange *exchange, struct ray_str piece)
{
    size_t max_bytes = exchange->server->options.max_body_bytes;
    atomic_fetch_add_explicit(&exchange->connection->body_bytes, piece.len, memory_order_relaxed);
    if (exchange->is_refused) {
        exchange->swallowed_bytes += piece.len;
        return exchange->swallowed_bytes / SWALLOW_FACTOR > max_bytes ? MHD_NO : MHD_YES;
    }
    enum ray_status status = ray_http_exchange_take(exchange, piece);
    if (status != RAY_OK) {
        /* in the middle of a body MHD takes no answer: what remains is read and thrown away */
        exchange->is_refused = true;
        exchange->refusal = refusal_for(exchange, status);
        ray_http_exchange_drop_body(exchange);
    }
    return MHD_YES;
}

static enum MHD_Result on_end(struct ray_http_exchange *exchange)
{
    const struct ray_http_handler *handler = &exchange->server->options.handler;
    if (atomic_load(&exchange->state) == RAY_HTTP_READING) {
        ray_http_watch_enter(&exchange->server->watch, exchange->connection, RAY_HTTP_WORKING, 0);
        if (exchange->is_refused) {
            return refuse(exchange, exchange->refusal);
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
    if (!exchange->head_is_seen) {
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

static struct ray_http_server *new_server(const struct ray_http_server_options *options)
{
    struct ray_http_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return NULL;
    }
    server->options = *options;
    server->listen_fd = -1;
    atomic_init(&server->references, 1);
    pthread_mutex_init(&server->lock, NULL);
    ray_condition_init(&server->changed);
    return server;
}

/* With every signal blocked, which MHD's thread inherits: they belong to main. */
static struct MHD_Daemon *start_daemon(struct ray_http_server *server)
{
    unsigned max_connections = or_default(server->options.max_connections, DEFAULT_CONNECTIONS);
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
        MHD_OPTION_CONNECTION_LIMIT, max_connections, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)STACK_BYTES, MHD_OPTION_END);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return daemon;
}

static enum ray_status start_threads(struct ray_http_server *server, struct ray_net_error *error)
{
    const struct ray_http_server_options *options = &server->options;
    const struct ray_http_limits limits = {
        or_default(options->head_timeout_ms, DEFAULT_HEAD_TIMEOUT_MS) * RAY_NS_PER_MS,
        or_default(options->body_timeout_ms, DEFAULT_BODY_TIMEOUT_MS) * RAY_NS_PER_MS,
        or_default(options->idle_timeout_ms, DEFAULT_IDLE_TIMEOUT_MS) * RAY_NS_PER_MS};
    if (ray_http_watch_start(&server->watch, &limits, options->clock) != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "cannot start a thread: %s", strerror(errno));
        return RAY_IO;
    }
    server->daemon = start_daemon(server);
    if (server->daemon == NULL) {
        snprintf(error->text, sizeof(error->text),
                 "cannot start the HTTP server: %s; is the limit of open files too low?",
                 strerror(errno));
        ray_http_watch_stop(&server->watch);
        return RAY_IO;
    }
    return RAY_OK;
}

static enum ray_status listen_and_start(struct ray_http_server *server,
                                        const struct ray_address *address,
                                        struct ray_net_error *error)
{
    enum ray_status status = ray_listen_tcp(address, &server->listen_fd, error);
    if (status != RAY_OK) {
        return status;
    }
    struct ray_address bound;
    status = ray_address_of_socket(server->listen_fd, &bound);
    if (status == RAY_OK) {
        server->port = ray_address_port(&bound);
        status = start_threads(server, error);
    }
    if (status != RAY_OK) {
        close(server->listen_fd);
    }
    return status;
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
    enum ray_status status = listen_and_start(server, address, error);
    if (status != RAY_OK) {
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

/* Until no exchange is open and no late reply under way; false when the time was up first. */
static bool wait_for_exchanges(struct ray_http_server *server, uint32_t timeout_ms)
{
    struct timespec until = ray_condition_deadline(timeout_ms);
    bool in_time = true;
    pthread_mutex_lock(&server->lock);
    while ((server->open != NULL || server->late_replies > 0) && in_time) {
        in_time = ray_condition_wait_until(&server->changed, &server->lock, &until);
    }
    bool is_quiet = server->open == NULL && server->late_replies == 0;
    pthread_mutex_unlock(&server->lock);
    return is_quiet;
}

/* Those that wait for their owner's answer, each with a reference, as a list. What still arrives
 * is cut off. */
static struct ray_http_exchange *take_unanswered(struct ray_http_server *server)
{
    struct ray_http_exchange *list = NULL;
    pthread_mutex_lock(&server->lock);
    for (struct ray_http_exchange *each = server->open; each != NULL; each = each->next) {
        if (atomic_load(&each->state) == RAY_HTTP_READING) {
            shutdown(each->connection->fd, SHUT_RDWR); /* open: its connection is too */
        } else if (!atomic_exchange(&each->is_claimed, true)) {
            ray_http_exchange_ref(each);
            each->next_unanswered = list;
            list = each;
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
        ray_http_watch_cut_all(&server->watch);
    }
    MHD_stop_daemon(server->daemon);
    ray_http_watch_stop(&server->watch);
    close(server->listen_fd);
    unref_server(server);
}
