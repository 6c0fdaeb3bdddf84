/*
 * api: check, route, run, answer.
 */
#include "local/api.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/sigv4.h"
#include "core/thread.h"
#include "local/operation.h"
#include "net/http_origin.h"
#include "net/http_server.h"

/* 50 documents of 64 kB, escaped as strings, twice over. */
#define BODY_MAX_BYTES   (8u << 20)
#define ANSWER_MAX_BYTES (64u << 20)
/* Bodies in hand, all requests together. */
#define IN_HAND_MAX_BYTES (64u << 20)
/* A query answers with what is there once it has waited this long for the exporter. */
#define FRESH_WAIT_NS (1 * RAY_NS_PER_S)
/* Waiting queries: past this the worker is hopelessly behind, clients are told to slow down. */
#define QUERIES_MAX 256u

/* A query on its way to the worker. */
struct query {
    struct ray_http_exchange *exchange;
    const struct ray_operation *operation;
    uint64_t position;    /* what it wants to see stored */
    uint64_t deadline_ns; /* monotonic */
    struct query *next;
};

struct ray_api {
    struct ray_api_options options;
    struct ray_xray xray;
    struct ray_http_server *server;
    struct ray_budget budget;
    bool on_loopback;
    _Atomic uint64_t request_count;
    struct ray_log_limiter failures;

    struct ray_thread worker;
    pthread_mutex_t lock; /* guards what follows; only `is_stored` is called under it */
    pthread_cond_t changed;
    struct query *first, **end;
    size_t query_count;
    bool stopping;
};

/* ---- answers ---- */

#define REQUEST_ID_BYTES 37u

/* Looks like the service's; unique in this process, which is all a log line needs. */
static void make_request_id(struct ray_api *api, char out[REQUEST_ID_BYTES])
{
    uint64_t number = atomic_fetch_add(&api->request_count, 1);
    uint64_t now = ray_clock_unix_ns(api->options.clock);
    uint64_t parts[2] = {now, number};
    struct ray_str bytes = {(const char *)parts, sizeof(parts)};
    uint64_t a = ray_str_hash(bytes, 1), b = ray_str_hash(bytes, 2);
    snprintf(out, REQUEST_ID_BYTES, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xFFFF), (unsigned)(a & 0xFFFF), (unsigned)(b >> 48),
             (unsigned long long)(b & 0xFFFFFFFFFFFFull));
}

static void reply_json(struct ray_api *api, struct ray_http_exchange *exchange, unsigned status,
                       const char *error_type, struct ray_str body)
{
    char id[REQUEST_ID_BYTES];
    make_request_id(api, id);
    struct ray_http_reply_header headers[] = {
        {"Content-Type", "application/json"},
        {"x-amzn-RequestId", id},
        {"X-Content-Type-Options", "nosniff"},
        {"x-amzn-ErrorType", error_type},
    };
    size_t count = error_type != NULL ? 4 : 3;
    ray_http_reply(exchange, status, headers, count, body, false);
}

static void reply_failure(struct ray_api *api, struct ray_http_exchange *exchange,
                          const struct ray_failure *failure)
{
    struct ray_buf body;
    struct ray_json_writer w;
    ray_buf_init(&body, 4096);
    ray_json_init(&w, &body);
    ray_json_object_begin(&w);
    ray_json_key_string(&w, RAY_STR("__type"), ray_str_from(failure->type));
    ray_json_key_string(&w, RAY_STR("Message"), ray_str_from(failure->message));
    ray_json_object_end(&w);
    reply_json(api, exchange, failure->status, failure->type, ray_buf_str(&body));
    ray_buf_clear(&body);
}

static void log_failure(struct ray_api *api, const struct ray_operation *operation,
                        const struct ray_failure *failure)
{
    uint64_t repeated = 0;
    bool ours = failure->status >= 500 || failure->status == 429; /* the rest is the client's */
    if (ours && ray_log_allow(&api->failures, api->options.clock, &repeated)) {
        ray_log_warn(api->options.log, "local X-Ray cannot answer",
                     "operation=%s problem=%s repeated=%" PRIu64, operation->name,
                     RAY_LOG_STR(ray_str_from(failure->message)), repeated);
    }
}

static void run(struct ray_api *api, const struct ray_operation *operation,
                struct ray_http_exchange *exchange)
{
    struct ray_failure failure;
    struct ray_buf answer;
    ray_buf_init(&answer, ANSWER_MAX_BYTES);
    if (ray_operation_run(operation, &api->xray, ray_http_body(exchange), &answer, &failure)) {
        reply_json(api, exchange, 200, NULL, ray_buf_str(&answer));
    } else {
        log_failure(api, operation, &failure);
        reply_failure(api, exchange, &failure);
    }
    ray_buf_clear(&answer);
}

/* ---- the worker ---- */

/* With the lock held. */
static bool may_run(const struct ray_api *api, const struct query *query)
{
    return api->stopping || api->options.is_stored(api->options.context, query->position) ||
           ray_clock_monotonic_ns(api->options.clock) >= query->deadline_ns;
}

/* Until something changes, or the first query's patience ends. With the lock held. */
static void wait_for_change(struct ray_api *api)
{
    if (api->first == NULL) {
        pthread_cond_wait(&api->changed, &api->lock);
        return;
    }
    struct timespec until = ray_condition_deadline(50); /* the real one is looked at in may_run */
    (void)ray_condition_wait_until(&api->changed, &api->lock, &until);
}

/* NULL when stopping and nothing is left. */
static struct query *take_query(struct ray_api *api)
{
    pthread_mutex_lock(&api->lock);
    while (api->first == NULL ? !api->stopping : !may_run(api, api->first)) {
        wait_for_change(api);
    }
    struct query *query = api->first;
    if (query != NULL) {
        api->first = query->next;
        api->end = api->first == NULL ? &api->first : api->end;
        api->query_count--;
    }
    pthread_mutex_unlock(&api->lock);
    return query;
}

static void *work(void *argument)
{
    struct ray_api *api = argument;
    for (struct query *query = take_query(api); query != NULL; query = take_query(api)) {
        run(api, query->operation, query->exchange);
        free(query);
    }
    return NULL;
}

void ray_api_wake(struct ray_api *api)
{
    pthread_mutex_lock(&api->lock);
    pthread_cond_signal(&api->changed);
    pthread_mutex_unlock(&api->lock);
}

static bool enqueue(struct ray_api *api, struct query *query)
{
    pthread_mutex_lock(&api->lock);
    bool taken = !api->stopping && api->query_count < QUERIES_MAX;
    if (taken) {
        *api->end = query;
        api->end = &query->next;
        api->query_count++;
        pthread_cond_signal(&api->changed);
    }
    pthread_mutex_unlock(&api->lock);
    return taken;
}

/* The position is taken here, on arrival: what comes later need not be waited for. */
static void hand_to_worker(struct ray_api *api, const struct ray_operation *operation,
                           struct ray_http_exchange *exchange)
{
    struct query *query = calloc(1, sizeof(*query));
    if (query != NULL) {
        query->exchange = exchange;
        query->operation = operation;
        query->position = api->options.position(api->options.context);
        query->deadline_ns = ray_clock_monotonic_ns(api->options.clock) + FRESH_WAIT_NS;
        if (enqueue(api, query)) {
            return;
        }
    }
    struct ray_failure failure;
    free(query);
    ray_failure_set(&failure, 429, "ThrottledException", "too many queries at once");
    reply_failure(api, exchange, &failure);
}

/* ---- who may ask ---- */

struct header_list {
    struct ray_sigv4_header items[64]; /* as many as net/ lets in */
    size_t count;
};

static bool add_header(void *context, struct ray_str name, struct ray_str value)
{
    struct header_list *list = context;
    if (list->count == sizeof(list->items) / sizeof(list->items[0])) {
        return false;
    }
    list->items[list->count++] = (struct ray_sigv4_header){name, value};
    return true;
}

static struct ray_str find_secret(void *context, struct ray_str access_key_id)
{
    const struct ray_api *api = context;
    for (size_t i = 0; i < api->options.key_count; i++) {
        if (ray_str_eq(api->options.keys[i].id, access_key_id)) {
            return api->options.keys[i].secret;
        }
    }
    return (struct ray_str){NULL, 0};
}

/* What ray_sigv4_verify's message may begin with. */
static const char *const signature_errors[] = {
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
};

static void set_signature_failure(const struct ray_aws_error *error, struct ray_failure *failure)
{
    struct ray_str text = ray_str_from(error->text);
    size_t colon = ray_str_find(text, RAY_STR(": "));
    struct ray_str name = ray_str_until(text, colon);
    struct ray_str words = colon == SIZE_MAX ? text : ray_str_from_pos(text, colon + 2);
    const char *type = signature_errors[0];
    for (size_t i = 0; i < sizeof(signature_errors) / sizeof(signature_errors[0]); i++) {
        type = ray_str_eq(name, ray_str_from(signature_errors[i])) ? signature_errors[i] : type;
    }
    ray_failure_set(failure, 403, type, "%.*s", RAY_STR_ARG(words));
}

static bool is_signed(struct ray_api *api, struct ray_http_exchange *exchange,
                      struct ray_failure *failure)
{
    struct header_list headers = {.count = 0};
    struct ray_aws_error error = {""};
    if (api->options.key_count == 0) {
        return true;
    }
    ray_http_each_header(exchange, add_header, &headers);
    struct ray_sigv4_request request = {
        .method = ray_http_method(exchange),
        .target = ray_http_target(exchange),
        .headers = headers.items,
        .header_count = headers.count,
        .body = ray_http_body(exchange),
    };
    uint64_t now_s = ray_clock_unix_ns(api->options.clock) / RAY_NS_PER_S;
    if (ray_sigv4_verify(&request, now_s, find_secret, api, &error) == RAY_OK) {
        return true;
    }
    set_signature_failure(&error, failure);
    return false;
}

/* ---- routing ---- */

static void reply_welcome(struct ray_api *api, struct ray_http_exchange *exchange)
{
    char text[1000], id[REQUEST_ID_BYTES];
    struct ray_str host = ray_str_until(ray_http_header(exchange, "Host"), 100);
    make_request_id(api, id);
    int len = snprintf(text, sizeof(text),
                       "This is the local X-Ray of spanbridge %s. Ask it with the AWS CLI:\n\n"
                       "  export AWS_ENDPOINT_URL_XRAY=http://%.*s\n"
                       "  aws xray get-trace-summaries"
                       " --start-time $(date -d -10min +%%s) --end-time $(date +%%s)\n"
                       "  aws xray batch-get-traces --trace-ids ID\n"
                       "  aws xray get-service-graph"
                       " --start-time $(date -d -10min +%%s) --end-time $(date +%%s)\n",
                       SPANBRIDGE_VERSION, RAY_STR_ARG(host));
    struct ray_http_reply_header headers[] = {
        {"Content-Type", "text/plain; charset=utf-8"},
        {"x-amzn-RequestId", id},
        {"X-Content-Type-Options", "nosniff"},
    };
    ray_http_reply(exchange, 200, headers, 3, (struct ray_str){text, (size_t)len}, false);
}

/* What is asked of the program, not of X-Ray. */
static bool is_control(const struct ray_api *api, struct ray_str method, struct ray_str path)
{
    return api->options.control != NULL && ray_str_eq(method, RAY_STR("GET")) &&
           (ray_str_eq(path, RAY_STR("/why")) || ray_str_starts_with(path, RAY_STR("/why/")));
}

/* False with *failure set. *operation NULL: the welcome page, or the program's own. */
static bool route(struct ray_api *api, struct ray_http_exchange *exchange,
                  const struct ray_operation **operation, struct ray_failure *failure)
{
    struct ray_str method = ray_http_method(exchange), path = ray_http_path(exchange);
    bool post = ray_str_eq(method, RAY_STR("POST"));
    *operation = post ? ray_operation_find(path) : NULL;
    if (ray_http_is_foreign(exchange, api->on_loopback)) {
        ray_failure_set(failure, 403, "AccessDeniedException",
                        "requests by way of another site's pages or names are not served");
        return false;
    }
    if (ray_str_eq(path, RAY_STR("/")) &&
        (ray_str_eq(method, RAY_STR("GET")) || ray_str_eq(method, RAY_STR("HEAD")))) {
        return true;
    }
    if (*operation == NULL && !is_control(api, method, path)) {
        ray_failure_set(failure, 404, "UnknownOperationException",
                        "X-Ray has no operation at %.*s %.*s", RAY_STR_ARG(method),
                        RAY_STR_ARG(ray_str_until(path, 100)));
        return false;
    }
    return is_signed(api, exchange, failure);
}

static void handle(void *context, struct ray_http_exchange *exchange)
{
    struct ray_api *api = context;
    struct ray_failure failure;
    const struct ray_operation *operation;
    if (!route(api, exchange, &operation, &failure)) {
        reply_failure(api, exchange, &failure);
    } else if (is_control(api, ray_http_method(exchange), ray_http_path(exchange))) {
        api->options.control->request(api->options.control->context, exchange);
    } else if (operation == NULL) {
        reply_welcome(api, exchange);
    } else if (operation->kind == RAY_OPERATION_QUERY) {
        hand_to_worker(api, operation, exchange);
    } else {
        run(api, operation, exchange);
    }
}

static void refuse(void *context, struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    static const struct {
        unsigned status;
        const char *type, *message;
    } refusals[] = {
        [RAY_HTTP_BODY_TOO_BIG] = {413, "RequestEntityTooLargeException",
                                   "the body is larger than 8 MiB"},
        [RAY_HTTP_BUSY] = {429, "ThrottledException", "too many requests in hand"},
        [RAY_HTTP_STOPPING] = {503, "ServiceUnavailableException", "shutting down"},
        [RAY_HTTP_BAD_REQUEST] = {400, "SerializationException", "the request is malformed"},
        [RAY_HTTP_NO_MEMORY] = {503, "ServiceUnavailableException", "out of memory"},
    };
    struct ray_failure failure;
    ray_failure_set(&failure, refusals[why].status, refusals[why].type, "%s",
                    refusals[why].message);
    reply_failure(context, exchange, &failure);
}

/* ---- start and stop ---- */

static uint64_t no_position(void *context)
{
    (void)context;
    return 0;
}

static bool always_stored(void *context, uint64_t position)
{
    (void)context;
    (void)position;
    return true;
}

static struct ray_api *new_api(const struct ray_api_options *options)
{
    struct ray_api *api = calloc(1, sizeof(*api));
    if (api == NULL) {
        return NULL;
    }
    api->options = *options;
    if (options->position == NULL) {
        api->options.position = no_position;
        api->options.is_stored = always_stored;
    }
    api->xray = (struct ray_xray){options->store, options->account_id, options->clock};
    api->end = &api->first;
    ray_budget_init(&api->budget, IN_HAND_MAX_BYTES);
    pthread_mutex_init(&api->lock, NULL);
    ray_condition_init(&api->changed);
    return api;
}

static enum ray_status start_server(struct ray_api *api, const struct ray_address *address,
                                    struct ray_net_error *error)
{
    struct ray_http_server_options options = {
        .thread_name = "api",
        .handler = {api, handle, refuse},
        .budget = &api->budget,
        .max_body_bytes = BODY_MAX_BYTES,
        .log = api->options.log,
        .clock = api->options.clock,
    };
    /* before the first request can come */
    api->on_loopback = ray_address_is_loopback(address);
    return ray_http_server_start(&options, address, &api->server, error);
}

enum ray_status ray_api_start(const struct ray_api_options *options,
                              const struct ray_address *address, struct ray_api **out,
                              struct ray_net_error *error)
{
    struct ray_api *api = new_api(options);
    if (api == NULL) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return RAY_NOMEM;
    }
    enum ray_status status = ray_thread_start(&api->worker, "api-query", work, api);
    if (status != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "cannot start a thread");
    } else {
        status = start_server(api, address, error);
    }
    if (status != RAY_OK) {
        ray_api_stop(api, 0);
        return status;
    }
    *out = api;
    return RAY_OK;
}

uint16_t ray_api_port(const struct ray_api *api)
{
    return ray_http_server_port(api->server);
}

/* The worker answers what waits, then ends; what arrives after that is told so by enqueue. */
void ray_api_stop(struct ray_api *api, uint32_t timeout_ms)
{
    if (api == NULL) {
        return;
    }
    if (api->server != NULL) {
        ray_http_server_quiesce(api->server);
    }
    pthread_mutex_lock(&api->lock);
    api->stopping = true;
    pthread_cond_signal(&api->changed);
    pthread_mutex_unlock(&api->lock);
    ray_thread_join(&api->worker);
    ray_http_server_stop(api->server, timeout_ms);
    pthread_cond_destroy(&api->changed);
    pthread_mutex_destroy(&api->lock);
    free(api);
}
