/*
 * http_client: see http_client.h.
 *
 * Each call borrows an easy handle from a free list: what is the same for all calls was set when
 * the handle was made, and it keeps its TLS session. Connections live in the multi handle. The
 * settings follow measurements with libcurl 7.88 (90 KB posts); where one was not obvious, the
 * reason stands beside it.
 */
#include "net/http_client.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_CONNECT_TIMEOUT_MS 5000u
#define DEFAULT_CONNECTIONS        16u
/* Connections kept open beyond those in use; below the number in flight every call reconnects
 * (4.2 times the CPU over TLS). */
#define SPARE_CONNECTIONS 8u
/* A body that fits the upload buffer leaves in one send. Above 96 KB nothing more is gained, and
 * from 128 KiB on malloc would map and unmap it for each call. */
#define UPLOAD_BUFFER_MIN_BYTES 16384u
#define UPLOAD_BUFFER_MAX_BYTES 98304u
#define UPLOAD_HEAD_BYTES       2048u
/* Of an answer's head; X-Ray's have less than 1 KiB. */
#define ANSWER_HEAD_MAX_BYTES (64ul * 1024)

/* One easy handle, in use by a call or on the free list. */
struct slot {
    struct client *client;
    CURL *easy;
    struct ray_http_call *call; /* NULL: free */
    struct curl_slist *headers;
    struct slot *next;
    size_t head_bytes; /* of the answer */
    bool head_is_complete;
    bool answer_is_too_big;
    const char *our_problem;       /* why a callback of ours broke it off; NULL: it did not */
    char problem[CURL_ERROR_SIZE]; /* libcurl's words */
};

struct client {
    struct ray_transport transport;         /* first: the face is the client */
    struct ray_http_client_options options; /* its texts are copies */
    CURLM *multi;
    CURLU *url_parser;
    char *proxy, *ca_file, *user_agent;
    struct slot *free_slots;
    size_t free_count;
};

static struct client *client_of(struct ray_transport *transport)
{
    return (struct client *)transport;
}

/* ---- what comes back ---- */

static bool take_value(struct ray_str line, struct ray_str name, char *out, size_t out_bytes)
{
    if (line.len <= name.len || line.ptr[name.len] != ':' ||
        !ray_str_eq_nocase(ray_str_until(line, name.len), name)) {
        return false;
    }
    struct ray_str value = ray_str_trim(ray_str_from_pos(line, name.len + 1));
    snprintf(out, out_bytes, "%.*s", RAY_STR_ARG(value));
    return true;
}

static void forget_headers(struct ray_http_call *call)
{
    call->error_type[0] = '\0';
    call->retry_after[0] = '\0';
    call->date[0] = '\0';
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    (void)size; /* always 1 */
    struct slot *slot = context;
    struct ray_http_call *call = slot->call;
    struct ray_str line = {bytes, count};
    slot->head_bytes += count;
    if (slot->head_bytes > ANSWER_HEAD_MAX_BYTES) {
        slot->our_problem = "the answer's head is over 64 KiB";
        return CURL_WRITEFUNC_ERROR;
    }
    if (ray_str_starts_with(line, RAY_STR("HTTP/"))) {
        forget_headers(call); /* of an interim answer (100) before this one */
        slot->head_is_complete = false;
    } else if (ray_str_trim(line).len == 0) {
        slot->head_is_complete = true;
    } else if (take_value(line, RAY_STR("x-amzn-errortype"), call->error_type,
                          sizeof(call->error_type))) {
        /* "ThrottlingException:http://internal.amazon.com/...": the name ends at the colon */
        call->error_type[strcspn(call->error_type, ":")] = '\0';
    } else if (!take_value(line, RAY_STR("retry-after"), call->retry_after,
                           sizeof(call->retry_after))) {
        (void)take_value(line, RAY_STR("date"), call->date, sizeof(call->date));
    }
    return count;
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *context)
{
    (void)size; /* always 1 */
    struct slot *slot = context;
    struct ray_buf *answer = &slot->call->answer;
    if (count > answer->max_bytes - answer->len) {
        slot->answer_is_too_big = true;
        slot->our_problem = "the answer is larger than expected";
        return CURL_WRITEFUNC_ERROR;
    }
    ray_buf_append(answer, (struct ray_str){bytes, count});
    if (answer->failed) {
        slot->our_problem = "out of memory for the answer";
        return CURL_WRITEFUNC_ERROR;
    }
    return count;
}

/* ---- easy handles ---- */

static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return curl_easy_setopt(easy, option, text) == CURLE_OK;
}

/* What is the same for every call. False when out of memory: only texts are copied. */
static bool set_up(CURL *easy, const struct ray_http_client_options *options)
{
    /* else six sigactions per call, and a race with other threads over SIGPIPE */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Debian's build would offer h2, which gains nothing here */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L); /* off: 2.7 ms per call over TLS */
    /* else a timeout waits for a dead name server: 9.5 s instead of 0.5 */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* would carry signatures elsewhere */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, options->no_verify_ssl ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options->no_verify_ssl ? 0L : 2L);
    /* with a path the CA cache is off, and every connection parses the bundle: 21 ms, not 0.8 */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    /* PROXY and NOPROXY are always set, so that libcurl does not read the environment: its
     * NO_PROXY misses many forms, who calls us matches for himself */
    return set_text(easy, CURLOPT_PROXY, options->proxy != NULL ? options->proxy : "") &&
           set_text(easy, CURLOPT_NOPROXY, "") &&
           set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
           (options->ca_file == NULL || set_text(easy, CURLOPT_CAINFO, options->ca_file)) &&
           (options->user_agent == NULL || set_text(easy, CURLOPT_USERAGENT, options->user_agent));
}

static void free_slot(struct slot *slot)
{
    if (slot != NULL) {
        curl_easy_cleanup(slot->easy);
        free(slot);
    }
}

static struct slot *new_slot(struct client *client)
{
    struct slot *slot = calloc(1, sizeof(*slot));
    if (slot == NULL) {
        return NULL;
    }
    slot->client = client;
    slot->easy = curl_easy_init();
    if (slot->easy == NULL || !set_up(slot->easy, &client->options)) {
        free_slot(slot);
        return NULL;
    }
    curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(slot->easy, CURLOPT_HEADERDATA, slot);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->problem);
    return slot;
}

static struct slot *take_slot(struct client *client)
{
    struct slot *slot = client->free_slots;
    if (slot == NULL) {
        return new_slot(client);
    }
    client->free_slots = slot->next;
    client->free_count--;
    return slot;
}

static void give_slot_back(struct slot *slot)
{
    struct client *client = slot->client;
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(slot->headers);
    slot->headers = NULL;
    slot->call = NULL;
    if (client->free_count >= client->options.max_connections) {
        free_slot(slot);
        return;
    }
    slot->next = client->free_slots;
    client->free_slots = slot;
    client->free_count++;
}

/* ---- a call begins ---- */

static bool add_header(struct slot *slot, const char *line)
{
    struct curl_slist *longer = curl_slist_append(slot->headers, line);
    if (longer != NULL) {
        slot->headers = longer;
    }
    return longer != NULL;
}

static bool names_header(const char *line, struct ray_str name)
{
    struct ray_str text = ray_str_from(line);
    return text.len > name.len && text.ptr[name.len] == ':' &&
           ray_str_eq_nocase(ray_str_until(text, name.len), name);
}

static enum ray_status set_headers(struct slot *slot, const struct ray_http_call *call)
{
    bool has_type = false;
    for (size_t i = 0; call->headers != NULL && call->headers[i] != NULL; i++) {
        const char *line = call->headers[i];
        if (strpbrk(line, "\r\n") != NULL) {
            return RAY_INVALID; /* it would become another header */
        }
        has_type |= names_header(line, RAY_STR("content-type"));
        if (!add_header(slot, line)) {
            return RAY_NOMEM;
        }
    }
    /* above 1 MiB libcurl would wait a second for "100 Continue"; and a form it is not */
    if (!add_header(slot, "Expect:") || (!has_type && !add_header(slot, "Content-Type:"))) {
        return RAY_NOMEM;
    }
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
    return RAY_OK;
}

static enum ray_status set_url(struct slot *slot, const struct ray_http_call *call)
{
    /* strict: an unknown scheme, no host, blanks inside are refused */
    CURLUcode code = curl_url_set(slot->client->url_parser, CURLUPART_URL, call->url, 0);
    if (code == CURLUE_OUT_OF_MEMORY) {
        return RAY_NOMEM;
    }
    struct ray_str url = ray_str_from(call->url);
    bool is_http = ray_str_eq_nocase(ray_str_until(url, 7), RAY_STR("http://")) ||
                   ray_str_eq_nocase(ray_str_until(url, 8), RAY_STR("https://"));
    if (code != CURLUE_OK || !is_http) {
        return RAY_INVALID;
    }
    return set_text(slot->easy, CURLOPT_URL, call->url) ? RAY_OK : RAY_NOMEM;
}

static enum ray_status set_method(struct slot *slot, const struct ray_http_call *call)
{
    CURL *easy = slot->easy;
    bool is_get = strcmp(call->method, "GET") == 0 && call->body.len == 0;
    bool is_head = strcmp(call->method, "HEAD") == 0;
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* undoes what the last call had set */
    if (is_head) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (!is_get) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.len ? call->body.ptr : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    }
    const char *spelled = is_get || is_head ? NULL : call->method;
    return set_text(easy, CURLOPT_CUSTOMREQUEST, spelled) ? RAY_OK : RAY_NOMEM;
}

static long upload_buffer_bytes(size_t body_bytes)
{
    if (body_bytes > UPLOAD_BUFFER_MAX_BYTES - UPLOAD_HEAD_BYTES) {
        return (long)UPLOAD_BUFFER_MAX_BYTES;
    }
    size_t wanted = body_bytes + UPLOAD_HEAD_BYTES;
    return (long)(wanted < UPLOAD_BUFFER_MIN_BYTES ? UPLOAD_BUFFER_MIN_BYTES : wanted);
}

static void set_limits(struct slot *slot, const struct ray_http_call *call)
{
    uint32_t connect_ms = slot->client->options.connect_timeout_ms;
    connect_ms = connect_ms < call->timeout_ms ? connect_ms : call->timeout_ms;
    curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(slot->easy, CURLOPT_UPLOAD_BUFFERSIZE, upload_buffer_bytes(call->body.len));
}

static enum ray_status prepare(struct slot *slot, struct ray_http_call *call)
{
    enum ray_status status = set_url(slot, call);
    if (status == RAY_OK) {
        status = set_headers(slot, call);
    }
    if (status == RAY_OK) {
        status = set_method(slot, call);
    }
    set_limits(slot, call);
    return status;
}

static enum ray_status start(struct ray_transport *transport, struct ray_http_call *call)
{
    struct client *client = client_of(transport);
    struct slot *slot = take_slot(client);
    if (slot == NULL) {
        return RAY_NOMEM;
    }
    enum ray_status status = prepare(slot, call);
    if (status == RAY_OK && curl_multi_add_handle(client->multi, slot->easy) != CURLM_OK) {
        status = RAY_NOMEM;
    }
    if (status != RAY_OK) {
        give_slot_back(slot);
        return status;
    }
    slot->call = call;
    slot->head_bytes = 0;
    slot->head_is_complete = false;
    slot->answer_is_too_big = false;
    slot->our_problem = NULL;
    slot->problem[0] = '\0';
    call->status = 0;
    call->problem[0] = '\0';
    forget_headers(call);
    call->transport_private = slot;
    return RAY_OK;
}

/* ---- and ends ---- */

/* Whether anything of the request itself left us. A CONNECT to a proxy counts bytes too, but the
 * transfer proper begins only after it. */
static bool was_sent(CURL *easy)
{
    long request_bytes = 0;
    curl_off_t begun_us = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &begun_us);
    return request_bytes > 0 && begun_us > 0;
}

static enum ray_call_outcome outcome_of(const struct slot *slot, CURLcode code)
{
    if (code == CURLE_OK && slot->head_is_complete) {
        return RAY_CALL_ANSWERED;
    }
    if (slot->answer_is_too_big) {
        return RAY_CALL_ANSWER_TOO_BIG;
    }
    if (!was_sent(slot->easy)) {
        return RAY_CALL_CONNECT_FAILED;
    }
    return code == CURLE_OPERATION_TIMEDOUT ? RAY_CALL_TIMED_OUT : RAY_CALL_BROKEN;
}

/* libcurl says "Couldn't connect to server" for everything; the system knows why. */
static void note_problem(const struct slot *slot, struct ray_http_call *call, const char *problem)
{
    char reason[64] = "";
    long system_code = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_OS_ERRNO, &system_code);
    if (call->outcome == RAY_CALL_CONNECT_FAILED && system_code != 0) {
        snprintf(reason, sizeof(reason), " (%s)", strerrordesc_np((int)system_code));
    }
    struct ray_str shown =
        ray_str_until(ray_str_from(problem), sizeof(call->problem) - sizeof(reason));
    snprintf(call->problem, sizeof(call->problem), "%.*s%s", RAY_STR_ARG(shown), reason);
}

/* Takes the call off its handle and tells its owner, who may start the next at once. */
static void finish(struct slot *slot, enum ray_call_outcome outcome, const char *problem)
{
    struct ray_http_call *call = slot->call;
    long status = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(slot->client->multi, slot->easy);
    call->outcome = outcome;
    call->status = (unsigned)status;
    if (outcome != RAY_CALL_ANSWERED) {
        note_problem(slot, call, problem);
    }
    call->transport_private = NULL;
    give_slot_back(slot);
    call->done(call);
}

static const char *problem_of(const struct slot *slot, CURLcode code)
{
    if (code == CURLE_OK) {
        return "the answer's head was cut"; /* libcurl takes it for an answer without body */
    }
    if (slot->our_problem != NULL) {
        return slot->our_problem;
    }
    return slot->problem[0] != '\0' ? slot->problem : curl_easy_strerror(code);
}

static bool finish_those_done(struct client *client)
{
    bool any = false;
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(client->multi, &left); message != NULL;
         message = curl_multi_info_read(client->multi, &left)) {
        struct slot *slot = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
        finish(slot, outcome_of(slot, code), problem_of(slot, code));
        any = true;
    }
    return any;
}

static void cancel(struct ray_transport *transport, struct ray_http_call *call)
{
    (void)transport;
    struct slot *slot = call->transport_private;
    if (slot != NULL) {
        finish(slot, RAY_CALL_CANCELLED, "cancelled");
    }
}

static void poll_once(struct ray_transport *transport, uint32_t timeout_ms)
{
    struct client *client = client_of(transport);
    int running = 0;
    curl_multi_perform(client->multi, &running);
    if (finish_those_done(client)) {
        return;
    }
    int wait_ms = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
    curl_multi_poll(client->multi, NULL, 0, wait_ms, NULL);
    curl_multi_perform(client->multi, &running);
    finish_those_done(client);
}

static void wakeup(struct ray_transport *transport)
{
    curl_multi_wakeup(client_of(transport)->multi);
}

static void free_client(struct ray_transport *transport)
{
    struct client *client = client_of(transport);
    while (client->free_slots != NULL) {
        struct slot *slot = client->free_slots;
        client->free_slots = slot->next;
        free_slot(slot);
    }
    curl_multi_cleanup(client->multi);
    curl_url_cleanup(client->url_parser);
    free(client->proxy);
    free(client->ca_file);
    free(client->user_agent);
    free(client);
}

static const struct ray_transport_ops ops = {start, cancel, poll_once, wakeup, free_client};

/* False when out of memory. */
static bool copy_text(const char *text, char **copy, const char **shown)
{
    *copy = text != NULL ? strdup(text) : NULL;
    *shown = *copy;
    return text == NULL || *copy != NULL;
}

static bool take_options(struct client *client, const struct ray_http_client_options *options)
{
    client->options = *options;
    if (client->options.max_connections == 0) {
        client->options.max_connections = DEFAULT_CONNECTIONS;
    }
    if (client->options.connect_timeout_ms == 0) {
        client->options.connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS;
    }
    return copy_text(options->proxy, &client->proxy, &client->options.proxy) &&
           copy_text(options->ca_file, &client->ca_file, &client->options.ca_file) &&
           copy_text(options->user_agent, &client->user_agent, &client->options.user_agent);
}

struct ray_transport *ray_http_client_new(const struct ray_http_client_options *options)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return NULL;
    }
    client->transport.ops = &ops;
    client->multi = curl_multi_init();
    client->url_parser = curl_url();
    if (!take_options(client, options) || client->multi == NULL || client->url_parser == NULL) {
        free_client(&client->transport);
        return NULL;
    }
    long connections = (long)client->options.max_connections;
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections + (long)SPARE_CONNECTIONS);
    return &client->transport;
}

enum ray_status ray_http_client_global_init(void)
{
    /* First: OpenSSL's own clean-up at exit() crashes under a thread that is in a handshake. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) != 1 ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return RAY_NOMEM;
    }
    return RAY_OK;
}

void ray_http_client_global_free(void)
{
    curl_global_cleanup();
}
