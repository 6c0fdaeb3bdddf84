/*
 * otlp_http: what the OTLP specification asks of "OTLP/HTTP" (opentelemetry-proto, specification
 * 1.x): POST, one path a signal, Content-Type decides the encoding of request and reply, errors
 * carry a google.rpc.Status in that encoding, 503 has Retry-After.
 */
#include "receiver/otlp_http.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/http_server.h"
#include "net/inflate.h"
#include "receiver/answer.h"

/* A reply is a status with a message of at most 191 characters and one detail. */
#define REPLY_MAX_BYTES 4096u
/* What the thread keeps of its inflate buffer between requests. */
#define KEEP_MAX_BYTES ((size_t)256 << 10)

struct ray_otlp_http {
    struct ray_otlp_http_settings settings;
    struct ray_http_server *server;
    char path[256]; /* with its leading slash */
    /* of the server's thread, which handles one request at a time */
    struct ray_arena *arena;
    struct ray_buf inflated;
    /* Guards `pending`: calls whose answer is not out yet. No other lock under it. */
    pthread_mutex_t lock;
    pthread_cond_t none_pending;
    size_t pending;
};

/* A request that reached the intake. */
struct http_call {
    struct ray_intake_call intake; /* first: what comes back */
    struct ray_otlp_http *http;
    struct ray_http_exchange *exchange;
};

/* ---- replies --------------------------------------------------------------------------------- */

static const char *content_type(enum ray_otlp_encoding encoding)
{
    return encoding == RAY_OTLP_JSON ? "application/json" : "application/x-protobuf";
}

static void reply(const struct ray_otlp_http *http, struct ray_http_exchange *exchange,
                  unsigned status, enum ray_otlp_encoding encoding, uint32_t retry_after_ms,
                  bool close, struct ray_str body)
{
    char seconds[16];
    snprintf(seconds, sizeof(seconds), "%u", (retry_after_ms + 999) / 1000);
    struct ray_http_reply_header headers[] = {
        {"Content-Type", content_type(encoding)},
        {status == 405 ? "Allow" : "Retry-After", status == 405 ? "POST" : seconds},
    };
    size_t count = status == 405 || retry_after_ms > 0 ? 2 : 1;
    ray_http_reply(exchange, status, headers, count, body,
                   close || !http->settings.options->keep_alives_enabled);
}

static void reply_status(const struct ray_otlp_http *http, struct ray_http_exchange *exchange,
                         unsigned status, enum ray_otlp_encoding encoding, enum ray_rpc_code code,
                         struct ray_str message, uint32_t retry_after_ms, bool close)
{
    struct ray_buf body;
    ray_buf_init(&body, REPLY_MAX_BYTES);
    ray_otlp_write_status(encoding, code, message, retry_after_ms, &body);
    reply(http, exchange, status, encoding, retry_after_ms, close, ray_buf_str(&body));
    ray_buf_clear(&body);
}

static void on_answered(struct ray_intake_call *intake_call)
{
    struct http_call *call = (struct http_call *)(void *)intake_call;
    struct ray_otlp_http *http = call->http;
    struct ray_answer answer = ray_answer_for(intake_call->status);
    struct ray_str message = ray_str_from(intake_call->message);
    if (intake_call->status == RAY_OK) {
        struct ray_buf body;
        ray_buf_init(&body, REPLY_MAX_BYTES);
        ray_otlp_write_response(intake_call->encoding, intake_call->rejected_spans, message, &body);
        reply(http, call->exchange, answer.http_status, intake_call->encoding, 0, false,
              ray_buf_str(&body));
        ray_buf_clear(&body);
    } else {
        reply_status(http, call->exchange, answer.http_status, intake_call->encoding, answer.code,
                     message, intake_call->retry_after_ms, intake_call->status == RAY_CLOSED);
    }
    free(call);
    pthread_mutex_lock(&http->lock);
    if (--http->pending == 0) {
        pthread_cond_broadcast(&http->none_pending);
    }
    pthread_mutex_unlock(&http->lock); /* the last touch: stop may free it now */
}

/* ---- requests -------------------------------------------------------------------------------- */

/* A request that is refused before its spans were looked at. */
struct refusal {
    unsigned http_status;
    enum ray_rpc_code code;
    enum ray_refusal reason;
    uint32_t retry_after_ms;
    bool close;
};

static void refuse(const struct ray_otlp_http *http, struct ray_http_exchange *exchange,
                   enum ray_otlp_encoding encoding, const struct refusal *refusal,
                   struct ray_str message)
{
    ray_ledger_refuse_request(http->settings.ledger, refusal->reason);
    reply_status(http, exchange, refusal->http_status, encoding, refusal->code, message,
                 refusal->retry_after_ms, refusal->close);
}

/* "application/json; charset=utf-8" is JSON. Anything that is not protobuf is answered in JSON,
 * which people can read. */
static bool parse_content_type(struct ray_str value, enum ray_otlp_encoding *encoding)
{
    struct ray_str type = ray_str_trim(ray_str_until(value, ray_str_find_byte(value, ';')));
    if (ray_str_eq_nocase(type, RAY_STR("application/x-protobuf"))) {
        *encoding = RAY_OTLP_PROTOBUF;
        return true;
    }
    *encoding = RAY_OTLP_JSON;
    return ray_str_eq_nocase(type, RAY_STR("application/json"));
}

/* True when this receiver opens bodies of that Content-Encoding. */
static bool serves_compression(const struct ray_otlp_http *http, struct ray_str name,
                               enum ray_compression *out)
{
    if (ray_compression_parse(name, out) != RAY_OK) {
        return false;
    }
    const struct ray_str_list *allowed = &http->settings.options->compression_algorithms;
    if (allowed->count == 0 || *out == RAY_COMPRESSION_NONE) {
        return true;
    }
    for (size_t i = 0; i < allowed->count; i++) {
        enum ray_compression one;
        if (ray_compression_parse(allowed->items[i], &one) == RAY_OK && one == *out) {
            return true;
        }
    }
    return false;
}

/* Answers a request for something else than traces. True when it did. */
static bool refuse_route(const struct ray_otlp_http *http, struct ray_http_exchange *exchange,
                         enum ray_otlp_encoding encoding)
{
    char message[400];
    if (!ray_str_eq(ray_http_path(exchange), ray_str_from(http->path))) {
        snprintf(message, sizeof(message),
                 "nothing is served at this path: only traces are taken here, at %s", http->path);
        reply_status(http, exchange, 404, encoding, RAY_RPC_UNIMPLEMENTED, ray_str_from(message), 0,
                     false);
        return true;
    }
    if (!ray_str_eq(ray_http_method(exchange), RAY_STR("POST"))) {
        reply_status(http, exchange, 405, encoding, RAY_RPC_UNIMPLEMENTED,
                     RAY_STR("traces are sent with POST"), 0, false);
        return true;
    }
    return false;
}

/* The body as the intake wants it. False when the request was answered. */
static bool open_body(struct ray_otlp_http *http, struct ray_http_exchange *exchange,
                      enum ray_otlp_encoding encoding, struct ray_str *body)
{
    static const struct refusal unknown = {415, RAY_RPC_INVALID_ARGUMENT, RAY_REFUSED_INVALID, 0,
                                           false};
    static const struct refusal broken = {400, RAY_RPC_INVALID_ARGUMENT, RAY_REFUSED_INVALID, 0,
                                          false};
    static const struct refusal too_big = {413, RAY_RPC_RESOURCE_EXHAUSTED, RAY_REFUSED_TOO_BIG, 0,
                                           false};
    static const struct refusal no_memory = {503, RAY_RPC_RESOURCE_EXHAUSTED, RAY_REFUSED_MEMORY,
                                             1000, false};
    enum ray_compression compression;
    if (!serves_compression(http, ray_http_header(exchange, "Content-Encoding"), &compression)) {
        refuse(http, exchange, encoding, &unknown,
               RAY_STR("this Content-Encoding is not served: send identity, gzip, deflate, zlib or "
                       "zstd, as the receiver's compression_algorithms allow"));
        return false;
    }
    *body = ray_http_body(exchange);
    if (compression == RAY_COMPRESSION_NONE) {
        return true;
    }
    enum ray_status status = ray_inflate(compression, *body, &http->inflated);
    if (status == RAY_OK) {
        *body = ray_buf_str(&http->inflated);
        return true;
    }
    if (status == RAY_TOO_BIG) {
        refuse(http, exchange, encoding, &too_big,
               RAY_STR("the body inflates past max_request_body_size, or by more than 100 to 1"));
    } else if (status == RAY_NOMEM) {
        refuse(http, exchange, encoding, &no_memory, RAY_STR("out of memory: send it again later"));
    } else {
        refuse(http, exchange, encoding, &broken,
               RAY_STR("the body is not what its Content-Encoding says, or it is cut"));
    }
    return false;
}

/* Gives back what a request used of the thread's memory, all but a little. */
static void reset_thread(struct ray_otlp_http *http)
{
    ray_arena_reset(http->arena);
    size_t max_bytes = http->inflated.max_bytes;
    if (http->inflated.capacity > KEEP_MAX_BYTES) {
        ray_buf_clear(&http->inflated);
        ray_buf_init(&http->inflated, max_bytes);
    }
    ray_buf_reset(&http->inflated);
}

static void take(struct ray_otlp_http *http, struct ray_http_exchange *exchange,
                 enum ray_otlp_encoding encoding, struct ray_str body)
{
    static const struct refusal no_memory = {503, RAY_RPC_RESOURCE_EXHAUSTED, RAY_REFUSED_MEMORY,
                                             1000, false};
    struct http_call *call = calloc(1, sizeof(*call));
    if (call == NULL) {
        refuse(http, exchange, encoding, &no_memory, RAY_STR("out of memory: send it again later"));
        return;
    }
    call->http = http;
    call->exchange = exchange;
    call->intake.body = body;
    call->intake.encoding = encoding;
    call->intake.arena = http->arena;
    call->intake.ledger = http->settings.ledger;
    call->intake.answered = on_answered;
    pthread_mutex_lock(&http->lock);
    http->pending++;
    pthread_mutex_unlock(&http->lock);
    ray_intake_take(http->settings.intake, &call->intake);
}

static void on_request(void *context, struct ray_http_exchange *exchange)
{
    static const struct refusal unknown = {415, RAY_RPC_INVALID_ARGUMENT, RAY_REFUSED_INVALID, 0,
                                           false};
    struct ray_otlp_http *http = context;
    enum ray_otlp_encoding encoding;
    bool known = parse_content_type(ray_http_header(exchange, "Content-Type"), &encoding);
    if (refuse_route(http, exchange, encoding)) {
        return;
    }
    if (!known) {
        refuse(http, exchange, encoding, &unknown,
               RAY_STR("Content-Type must be application/x-protobuf or application/json"));
        return;
    }
    struct ray_str body;
    if (open_body(http, exchange, encoding, &body)) {
        take(http, exchange, encoding, body);
    }
    reset_thread(http);
}

/* What the server refuses by itself. */
static void on_refuse(void *context, struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    static const struct {
        struct refusal refusal;
        const char *message;
    } refusals[] = {
        [RAY_HTTP_BODY_TOO_BIG] = {{413, RAY_RPC_RESOURCE_EXHAUSTED, RAY_REFUSED_TOO_BIG, 0, false},
                                   "the body is larger than max_request_body_size"},
        [RAY_HTTP_BUSY] = {{503, RAY_RPC_RESOURCE_EXHAUSTED, RAY_REFUSED_BUSY, 1000, false},
                           "more requests in hand than max_in_flight_mib allows: send it again "
                           "later"},
        [RAY_HTTP_MEMORY_LIMIT] = {{503, RAY_RPC_RESOURCE_EXHAUSTED, RAY_REFUSED_MEMORY_LIMIT, 1000,
                                    false},
                                   "above memory_limiter's limit: send it again later"},
        [RAY_HTTP_STOPPING] = {{503, RAY_RPC_UNAVAILABLE, RAY_REFUSED_SHUTDOWN, 1000, true},
                               "shutting down: send it again later"},
        [RAY_HTTP_BAD_REQUEST] = {{400, RAY_RPC_INVALID_ARGUMENT, RAY_REFUSED_INVALID, 0, true},
                                  "the request's framing is not one that may be guessed at"},
        [RAY_HTTP_NO_MEMORY] = {{503, RAY_RPC_RESOURCE_EXHAUSTED, RAY_REFUSED_MEMORY, 1000, false},
                                "out of memory: send it again later"},
    };
    struct ray_otlp_http *http = context;
    enum ray_otlp_encoding encoding;
    (void)parse_content_type(ray_http_header(exchange, "Content-Type"), &encoding);
    refuse(http, exchange, encoding, &refusals[why].refusal, ray_str_from(refusals[why].message));
}

/* ---- start and stop -------------------------------------------------------------------------- */

static void http_free(struct ray_otlp_http *http)
{
    ray_arena_free(http->arena);
    ray_buf_clear(&http->inflated);
    pthread_cond_destroy(&http->none_pending);
    pthread_mutex_destroy(&http->lock);
    free(http);
}

static struct ray_otlp_http *http_new(const struct ray_otlp_http_settings *settings)
{
    struct ray_otlp_http *http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return NULL;
    }
    http->settings = *settings;
    struct ray_str path = settings->options->traces_url_path;
    snprintf(http->path, sizeof(http->path), "%s%.*s",
             ray_str_starts_with(path, RAY_STR("/")) ? "" : "/", RAY_STR_ARG(path));
    pthread_mutex_init(&http->lock, NULL);
    pthread_cond_init(&http->none_pending, NULL);
    ray_buf_init(&http->inflated, (size_t)settings->options->max_request_body_size);
    http->arena = ray_arena_new(ray_intake_arena_quota(settings->intake));
    if (http->arena == NULL) {
        http_free(http);
        return NULL;
    }
    return http;
}

enum ray_status ray_otlp_http_start(const struct ray_otlp_http_settings *settings,
                                    struct ray_otlp_http **out, struct ray_net_error *error)
{
    const struct ray_otlp_http_options *options = settings->options;
    struct ray_address address;
    if (ray_address_resolve(options->endpoint, &address, error) != RAY_OK) {
        return RAY_IO;
    }
    struct ray_otlp_http *http = http_new(settings);
    if (http == NULL) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return RAY_NOMEM;
    }
    struct ray_http_server_options server = {
        .thread_name = "http",
        .handler = {http, on_request, on_refuse},
        .budget = settings->budget,
        .max_body_bytes = (size_t)options->max_request_body_size,
        .head_timeout_ms = options->read_header_timeout_ms,
        .body_timeout_ms = options->read_timeout_ms,
        .idle_timeout_ms = options->idle_timeout_ms,
        .log = settings->log,
        .clock = settings->clock,
    };
    enum ray_status status = ray_http_server_start(&server, &address, &http->server, error);
    if (status != RAY_OK) {
        http_free(http);
        return status;
    }
    *out = http;
    return RAY_OK;
}

uint16_t ray_otlp_http_port(const struct ray_otlp_http *http)
{
    return ray_http_server_port(http->server);
}

void ray_otlp_http_quiesce(struct ray_otlp_http *http)
{
    ray_http_server_quiesce(http->server);
}

void ray_otlp_http_stop(struct ray_otlp_http *http, uint32_t timeout_ms)
{
    if (http == NULL) {
        return;
    }
    ray_http_server_stop(http->server, timeout_ms);
    /* An exchange outlives its server until it is answered; so must we. The queue owes each ticket.
     */
    pthread_mutex_lock(&http->lock);
    while (http->pending > 0) {
        pthread_cond_wait(&http->none_pending, &http->lock);
    }
    pthread_mutex_unlock(&http->lock);
    http_free(http);
}
