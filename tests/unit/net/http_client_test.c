/* Does the client tell the outcomes apart, whatever a far end does, and keep many in flight? */
#include "tests/unit/check.h"
#include "tests/unit/net/raw_client.h"

#include "core/thread.h"
#include "net/address.h"
#include "net/http_client.h"

/* ---- a far end: one thread per connection; the path says what it does ---- */

struct far_end {
    int fd;
    uint16_t port;
    struct ray_thread acceptor;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool ends;
    int open[256]; /* connections that are served */
    size_t open_count;
    unsigned accepted;
    char last_request[70000];
};

struct served {
    struct far_end *far;
    int fd;
};

/* Reads one request, head and body, into `text`; false when the client is gone. */
static bool read_request(int fd, char *text, size_t size)
{
    size_t len = 0, want = 0;
    text[0] = '\0';
    while (want == 0 || len < want) {
        ssize_t got = len < size - 1 ? recv(fd, text + len, size - 1 - len, 0) : 0;
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end != NULL) {
            const char *length = strcasestr(text, "\r\ncontent-length:");
            want = (size_t)(end - text) + 4 + (length ? strtoul(length + 17, NULL, 10) : 0);
        }
    }
    return true;
}

static const struct {
    const char *path, *answer;
    bool closes, resets;
} scripts[] = {
    {"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Tue, 24 Nov 2026 16:00:00 GMT\r\n\r\nok",
     false, false},
    {"/throttle",
     "HTTP/1.1 503 Slow\r\nretry-after:  7 \r\nX-Amzn-ErrorType: ThrottlingException:http://x/y\r\n"
     "Content-Length: 4\r\n\r\nwait",
     false, false},
    {"/interim",
     "HTTP/1.1 100 Continue\r\nRetry-After: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
     false, false},
    {"/redirect",
     "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false,
     false},
    {"/until-close", "HTTP/1.1 200 OK\r\n\r\nall of it", true, false},
    {"/chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", false,
     false},
    {"/nothing", "", true, false},
    {"/reset", "", true, true},
    {"/half-head", "HTTP/1.1 200 OK\r\nContent-Le", true, false},
    {"/half-body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true, false},
    {"/half-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", true, false},
    {"/bad-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n0\r\n\r\n",
     true, false},
    {"/garbage", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", true, false},
    {"/big", "HTTP/1.1 400 Bad\r\nContent-Length: 1001\r\n\r\n", false, false},
};

/* False: the connection ends. */
static bool perform(struct served *served, const char *request)
{
    const char *path = strchr(request, ' ') + 1;
    size_t len = strcspn(path, " ?");
    if (len == 5 && memcmp(path, "/hang", 5) == 0) {
        char byte;
        return recv(served->fd, &byte, 1, 0) > 0; /* until the client gives up */
    }
    if (len == 13 && memcmp(path, "/endless-head", 13) == 0) {
        bool sent = raw_send_text(served->fd, "HTTP/1.1 200 OK\r\n");
        while (sent) {
            sent = raw_send_text(served->fd, "X-Filler: 0123456789012345678901234567890123456\r\n");
        }
        return false;
    }
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        if (strlen(scripts[i].path) != len || memcmp(path, scripts[i].path, len) != 0) {
            continue;
        }
        raw_send_text(served->fd, scripts[i].answer);
        if (strcmp(scripts[i].path, "/big") == 0) {
            char zeros[1001] = {0};
            raw_send(served->fd, zeros, sizeof(zeros));
        }
        struct linger reset = {.l_onoff = 1};
        if (scripts[i].resets) {
            setsockopt(served->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        return !scripts[i].closes;
    }
    return false;
}

static void *serve(void *context)
{
    struct served *served = context;
    struct far_end *far = served->far;
    static const size_t size = 70000;
    char *request = malloc(size);
    while (read_request(served->fd, request, size)) {
        pthread_mutex_lock(&far->lock);
        memcpy(far->last_request, request, size);
        pthread_mutex_unlock(&far->lock);
        if (!perform(served, request)) {
            break;
        }
    }
    free(request);
    pthread_mutex_lock(&far->lock);
    for (size_t i = 0; i < far->open_count; i++) {
        if (far->open[i] == served->fd) {
            far->open[i] = far->open[--far->open_count];
            break;
        }
    }
    close(served->fd);
    pthread_cond_broadcast(&far->changed);
    pthread_mutex_unlock(&far->lock);
    free(served);
    return NULL;
}

static void *accept_all(void *context)
{
    struct far_end *far = context;
    for (;;) {
        int fd = accept(far->fd, NULL, NULL);
        pthread_mutex_lock(&far->lock);
        if (fd < 0 || far->ends) {
            pthread_mutex_unlock(&far->lock);
            return NULL;
        }
        far->accepted++;
        far->open[far->open_count++] = fd;
        pthread_mutex_unlock(&far->lock);
        struct served *served = malloc(sizeof(*served));
        *served = (struct served){far, fd};
        struct ray_thread thread;
        if (ray_thread_start(&thread, "serve", serve, served) != RAY_OK) {
            abort();
        }
        pthread_detach(thread.id);
    }
}

static struct far_end *start_far_end(void)
{
    struct far_end *far = calloc(1, sizeof(*far));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ray_address bound;
    pthread_mutex_init(&far->lock, NULL);
    pthread_cond_init(&far->changed, NULL);
    far->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(far->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(far->fd, 200), 0);
    CHECK_OK(ray_address_of_socket(far->fd, &bound));
    far->port = ray_address_port(&bound);
    CHECK_OK(ray_thread_start(&far->acceptor, "accept", accept_all, far));
    return far;
}

static void stop_far_end(struct far_end *far)
{
    pthread_mutex_lock(&far->lock);
    far->ends = true;
    for (size_t i = 0; i < far->open_count; i++) {
        shutdown(far->open[i], SHUT_RDWR);
    }
    pthread_mutex_unlock(&far->lock);
    shutdown(far->fd, SHUT_RDWR);
    ray_thread_join(&far->acceptor);
    pthread_mutex_lock(&far->lock);
    while (far->open_count > 0) {
        pthread_cond_wait(&far->changed, &far->lock);
    }
    pthread_mutex_unlock(&far->lock);
    close(far->fd);
    pthread_cond_destroy(&far->changed);
    pthread_mutex_destroy(&far->lock);
    free(far);
}

static unsigned accepted(struct far_end *far)
{
    pthread_mutex_lock(&far->lock);
    unsigned count = far->accepted;
    pthread_mutex_unlock(&far->lock);
    return count;
}

/* ---- the near end ---- */

static void count_done(struct ray_http_call *call)
{
    unsigned *done = call->context;
    (*done)++;
}

static struct ray_transport *new_client(void)
{
    struct ray_transport *client = ray_http_client_new(&(struct ray_http_client_options){
        .max_connections = 64, .user_agent = "spanbridge-test/1"});
    assert_non_null(client);
    return client;
}

static struct ray_http_call call_to(char *url, size_t url_bytes, uint16_t port, const char *path,
                                    unsigned *done)
{
    snprintf(url, url_bytes, "http://127.0.0.1:%u%s", port, path);
    struct ray_http_call call = {.method = "POST",
                                 .url = url,
                                 .body = RAY_STR("{\"TraceSegmentDocuments\":[]}"),
                                 .timeout_ms = 5000,
                                 .done = count_done,
                                 .context = done};
    ray_buf_init(&call.answer, 1000);
    return call;
}

static void run_until(struct ray_transport *client, const unsigned *done, unsigned count)
{
    double begin = raw_seconds();
    while (*done < count && raw_seconds() - begin < 20) {
        client->ops->poll(client, 1000);
    }
    assert_int_equal(*done, count);
}

static const struct {
    const char *path;
    enum ray_call_outcome outcome;
    unsigned status;
    const char *answer, *error_type, *retry_after, *date;
} cases[] = {
    {"/ok", RAY_CALL_ANSWERED, 200, "ok", "", "", "Tue, 24 Nov 2026 16:00:00 GMT"},
    {"/throttle", RAY_CALL_ANSWERED, 503, "wait", "ThrottlingException", "7", ""},
    {"/interim", RAY_CALL_ANSWERED, 200, "!", "", "", ""},
    {"/redirect", RAY_CALL_ANSWERED, 302, "", "", "", ""},
    {"/until-close", RAY_CALL_ANSWERED, 200, "all of it", "", "", ""},
    {"/chunked", RAY_CALL_ANSWERED, 200, "abc", "", "", ""},
    {"/nothing", RAY_CALL_BROKEN, 0, "", "", "", ""},
    {"/reset", RAY_CALL_BROKEN, 0, "", "", "", ""},
    {"/half-head", RAY_CALL_BROKEN, 200, "", "", "", ""},
    {"/half-body", RAY_CALL_BROKEN, 200, "half", "", "", ""},
    {"/half-chunk", RAY_CALL_BROKEN, 200, "half", "", "", ""},
    {"/bad-chunk", RAY_CALL_BROKEN, 200, "", "", "", ""},
    {"/garbage", RAY_CALL_BROKEN, 0, "", "", "", ""},
    {"/endless-head", RAY_CALL_BROKEN, 200, "", "", "", ""},
    {"/big", RAY_CALL_ANSWER_TOO_BIG, 400, NULL, "", "", ""},
};

static void outcomes_are_told_apart(void **state)
{
    (void)state;
    struct far_end *far = start_far_end();
    struct ray_transport *client = new_client();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char url[100];
        unsigned done = 0;
        struct ray_http_call call = call_to(url, sizeof(url), far->port, cases[i].path, &done);
        CHECK_OK(client->ops->start(client, &call));
        run_until(client, &done, 1);
        if (call.outcome != cases[i].outcome || call.status != cases[i].status) {
            fail_msg("%s: outcome %d, status %u, %s", cases[i].path, call.outcome, call.status,
                     call.problem);
        }
        if (cases[i].answer != NULL) {
            CHECK_BUF(&call.answer, cases[i].answer);
        }
        CHECK_STR(ray_str_from(call.error_type), cases[i].error_type);
        CHECK_STR(ray_str_from(call.retry_after), cases[i].retry_after);
        CHECK_STR(ray_str_from(call.date), cases[i].date);
        assert_int_equal(call.problem[0] == '\0', call.outcome == RAY_CALL_ANSWERED);
        ray_buf_clear(&call.answer);
    }
    client->ops->free(client);
    stop_far_end(far);
}

static void what_was_never_sent_is_connect_failed(void **state)
{
    (void)state;
    struct ray_transport *client = new_client();
    struct ray_address address;
    struct ray_net_error error;
    int fd = -1;
    CHECK_OK(ray_address_resolve(RAY_STR("127.0.0.1:0"), &address, &error));
    CHECK_OK(ray_listen_tcp(&address, &fd, &error));
    CHECK_OK(ray_address_of_socket(fd, &address));
    char silent_tls[64], refused[64];
    snprintf(silent_tls, sizeof(silent_tls), "https://127.0.0.1:%u/", ray_address_port(&address));
    snprintf(refused, sizeof(refused), "http://127.0.0.1:1/");
    const char *urls[] = {refused, "http://no-such-host.invalid/", silent_tls};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        char unused[100];
        unsigned done = 0;
        struct ray_http_call call = call_to(unused, sizeof(unused), 1, "/", &done);
        call.url = urls[i];
        call.timeout_ms = 400;
        CHECK_OK(client->ops->start(client, &call));
        run_until(client, &done, 1);
        if (call.outcome != RAY_CALL_CONNECT_FAILED) {
            fail_msg("%s: outcome %d, %s", urls[i], call.outcome, call.problem);
        }
        assert_true(call.problem[0] != '\0');
        ray_buf_clear(&call.answer);
    }
    close(fd);
    client->ops->free(client);
}

static void a_plain_far_end_is_no_tls(void **state)
{
    (void)state;
    struct far_end *far = start_far_end();
    struct ray_transport *client = new_client();
    char url[100];
    unsigned done = 0;
    struct ray_http_call call = call_to(url, sizeof(url), far->port, "/ok", &done);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/ok", far->port);
    call.timeout_ms = 500;
    CHECK_OK(client->ops->start(client, &call));
    run_until(client, &done, 1);
    assert_int_equal(call.outcome, RAY_CALL_CONNECT_FAILED);
    ray_buf_clear(&call.answer);
    client->ops->free(client);
    stop_far_end(far);
}

static void a_far_end_that_hangs_times_out(void **state)
{
    (void)state;
    struct far_end *far = start_far_end();
    struct ray_transport *client = new_client();
    char url[100];
    unsigned done = 0;
    struct ray_http_call call = call_to(url, sizeof(url), far->port, "/hang", &done);
    call.timeout_ms = 300;
    double begin = raw_seconds();
    CHECK_OK(client->ops->start(client, &call));
    run_until(client, &done, 1);
    assert_int_equal(call.outcome, RAY_CALL_TIMED_OUT);
    assert_true(raw_seconds() - begin < 3);
    ray_buf_clear(&call.answer);
    client->ops->free(client);
    stop_far_end(far);
}

static void bad_calls_are_refused(void **state)
{
    (void)state;
    struct ray_transport *client = new_client();
    static const char *const urls[] = {
        "",        "127.0.0.1:80/", "ftp://127.0.0.1/",       "file:///x",
        "http://", "http://a b/",   "http://127.0.0.1:99999/"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        char unused[100];
        unsigned done = 0;
        struct ray_http_call call = call_to(unused, sizeof(unused), 1, "/", &done);
        call.url = urls[i];
        if (client->ops->start(client, &call) != RAY_INVALID) {
            fail_msg("%s was taken", urls[i]);
        }
        assert_int_equal(done, 0);
    }
    char url[100];
    unsigned done = 0;
    struct ray_http_call call = call_to(url, sizeof(url), 1, "/", &done);
    call.headers = (const char *const[]){"X-A: 1\r\nX-B: 2", NULL};
    assert_int_equal(client->ops->start(client, &call), RAY_INVALID);
    client->ops->free(client);
}

static const struct {
    const char *method, *body;
    const char *const headers[3];
    const char *has[4], *lacks[4];
} requests[] = {
    {"POST",
     "{}",
     {"Authorization: AWS4", "Content-Type: application/json", NULL},
     {"POST /ok?a=%20b HTTP/1.1\r\n", "Authorization: AWS4\r\n", "Content-Length: 2\r\n",
      "User-Agent: spanbridge-test/1\r\n"},
     {"Expect", "x-www-form", "Accept-Encoding", "gzip"}},
    {"POST", "", {NULL}, {"POST /ok", "Content-Length: 0\r\n"}, {"Expect", "Content-Type"}},
    {"PUT",
     "",
     {"X-aws-ec2-metadata-token-ttl-seconds: 60", NULL},
     {"PUT /ok", "Content-Length: 0\r\n", "ttl-seconds: 60\r\n"},
     {"Content-Type", "Expect"}},
    {"GET", "", {NULL}, {"GET /ok"}, {"Content-Length", "Content-Type", "Expect"}},
    {"DELETE", "", {NULL}, {"DELETE /ok"}, {"Expect"}},
};

static void requests_look_as_asked_for(void **state)
{
    (void)state;
    struct far_end *far = start_far_end();
    struct ray_transport *client = new_client();
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        char url[100];
        unsigned done = 0;
        struct ray_http_call call = call_to(url, sizeof(url), far->port, "/ok?a=%20b", &done);
        call.method = requests[i].method;
        call.body = ray_str_from(requests[i].body);
        call.headers = requests[i].headers;
        CHECK_OK(client->ops->start(client, &call));
        run_until(client, &done, 1);
        assert_int_equal(call.outcome, RAY_CALL_ANSWERED);
        ray_buf_clear(&call.answer);
        pthread_mutex_lock(&far->lock);
        for (int k = 0; k < 4; k++) {
            const char *has = requests[i].has[k], *lacks = requests[i].lacks[k];
            if ((has && !strstr(far->last_request, has)) ||
                (lacks && strcasestr(far->last_request, lacks))) {
                print_error("want %s, not %s\n%s\n", has, lacks, far->last_request);
                fail();
            }
        }
        pthread_mutex_unlock(&far->lock);
    }
    assert_int_equal(accepted(far), 1); /* all on one kept connection */
    client->ops->free(client);
    stop_far_end(far);
}

static void fifty_in_flight(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct far_end *far = start_far_end();
    struct ray_transport *client = new_client();
    char urls[COUNT][100];
    struct ray_http_call calls[COUNT];
    char *body = malloc(60000);
    memset(body, 'x', 60000);
    for (int round = 0; round < 2; round++) {
        unsigned done = 0;
        for (int i = 0; i < COUNT; i++) {
            calls[i] = call_to(urls[i], sizeof(urls[i]), far->port, "/ok", &done);
            calls[i].body = (struct ray_str){body, 60000};
            CHECK_OK(client->ops->start(client, &calls[i]));
        }
        run_until(client, &done, COUNT);
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(calls[i].outcome, RAY_CALL_ANSWERED);
            CHECK_BUF(&calls[i].answer, "ok");
            ray_buf_clear(&calls[i].answer);
        }
    }
    assert_in_range(accepted(far), 1, COUNT); /* the second round made no connection */
    free(body);
    client->ops->free(client);
    stop_far_end(far);
}

static void cancelling_ends_a_call_at_once(void **state)
{
    (void)state;
    struct far_end *far = start_far_end();
    struct ray_transport *client = new_client();
    char urls[2][100];
    unsigned done = 0;
    struct ray_http_call hung = call_to(urls[0], sizeof(urls[0]), far->port, "/hang", &done);
    struct ray_http_call unsent = call_to(urls[1], sizeof(urls[1]), far->port, "/ok", &done);
    CHECK_OK(client->ops->start(client, &hung));
    for (int i = 0; i < 5; i++) {
        client->ops->poll(client, 20);
    }
    CHECK_OK(client->ops->start(client, &unsent));
    client->ops->cancel(client, &unsent);
    client->ops->cancel(client, &hung);
    assert_int_equal(done, 2);
    assert_int_equal(hung.outcome, RAY_CALL_CANCELLED);
    assert_int_equal(unsent.outcome, RAY_CALL_CANCELLED);
    CHECK_STR(ray_str_from(hung.problem), "cancelled");
    client->ops->cancel(client, &hung); /* has no effect */
    assert_int_equal(done, 2);
    client->ops->free(client);
    stop_far_end(far);
}

struct chain {
    struct ray_transport *client;
    struct ray_http_call *hung;
    unsigned done;
};

static void go_on(struct ray_http_call *call)
{
    struct chain *chain = call->context;
    ray_buf_reset(&call->answer);
    if (++chain->done < 5) {
        CHECK_OK(chain->client->ops->start(chain->client, call));
    } else {
        chain->client->ops->cancel(chain->client, chain->hung);
    }
}

static void done_may_start_and_cancel(void **state)
{
    (void)state;
    struct far_end *far = start_far_end();
    struct ray_transport *client = new_client();
    char urls[2][100];
    unsigned hung_done = 0;
    struct ray_http_call hung = call_to(urls[0], sizeof(urls[0]), far->port, "/hang", &hung_done);
    struct chain chain = {client, &hung, 0};
    struct ray_http_call call = call_to(urls[1], sizeof(urls[1]), far->port, "/ok", NULL);
    call.context = &chain;
    call.done = go_on;
    CHECK_OK(client->ops->start(client, &hung));
    CHECK_OK(client->ops->start(client, &call));
    run_until(client, &hung_done, 1);
    assert_int_equal(chain.done, 5);
    assert_int_equal(hung.outcome, RAY_CALL_CANCELLED);
    ray_buf_clear(&call.answer);
    client->ops->free(client);
    stop_far_end(far);
}

static void *wake(void *context)
{
    struct ray_transport *client = context;
    client->ops->wakeup(client);
    return NULL;
}

static void wakeup_ends_a_poll(void **state)
{
    (void)state;
    struct ray_transport *client = new_client();
    struct ray_thread thread = {0};
    double begin = raw_seconds();
    CHECK_OK(ray_thread_start(&thread, "wake", wake, client));
    client->ops->poll(client, 15000);
    assert_true(raw_seconds() - begin < 10);
    ray_thread_join(&thread);
    client->ops->free(client);
}

static void a_kept_connection_that_died_is_replaced(void **state)
{
    (void)state;
    struct far_end *far = start_far_end();
    struct ray_transport *client = new_client();
    for (unsigned round = 1; round <= 2; round++) {
        char url[100];
        unsigned done = 0;
        struct ray_http_call call = call_to(url, sizeof(url), far->port, "/ok", &done);
        CHECK_OK(client->ops->start(client, &call));
        run_until(client, &done, 1);
        assert_int_equal(call.outcome, RAY_CALL_ANSWERED);
        ray_buf_clear(&call.answer);
        assert_int_equal(accepted(far), round);
        pthread_mutex_lock(&far->lock); /* the far end restarts */
        shutdown(far->open[0], SHUT_RDWR);
        while (far->open_count > 0) {
            pthread_cond_wait(&far->changed, &far->lock);
        }
        pthread_mutex_unlock(&far->lock);
    }
    client->ops->free(client);
    stop_far_end(far);
}

static void the_environment_names_no_proxy(void **state)
{
    (void)state;
    struct far_end *far = start_far_end();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    struct ray_transport *client = new_client();
    char url[100];
    unsigned done = 0;
    struct ray_http_call call = call_to(url, sizeof(url), far->port, "/ok", &done);
    CHECK_OK(client->ops->start(client, &call));
    run_until(client, &done, 1);
    assert_int_equal(call.outcome, RAY_CALL_ANSWERED);
    ray_buf_clear(&call.answer);
    client->ops->free(client);

    /* and one that is set is used: this one answers for every host */
    char proxy[64];
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", far->port);
    client = ray_http_client_new(&(struct ray_http_client_options){.proxy = proxy});
    proxy[0] = '\0'; /* copied */
    done = 0;
    call = call_to(url, sizeof(url), 1, "", &done);
    call.url = "http://elsewhere.invalid/ok";
    CHECK_OK(client->ops->start(client, &call));
    run_until(client, &done, 1);
    /* the far end knows no absolute form and closes: BROKEN shows that it was asked */
    assert_int_equal(call.outcome, RAY_CALL_BROKEN);
    pthread_mutex_lock(&far->lock);
    assert_memory_equal(far->last_request, "POST http://elsewhere.invalid/ok ", 33);
    pthread_mutex_unlock(&far->lock);
    ray_buf_clear(&call.answer);

    /* a CONNECT that the proxy breaks off sent nothing of the request */
    done = 0;
    call = call_to(url, sizeof(url), 1, "", &done);
    call.url = "https://elsewhere.invalid/ok";
    CHECK_OK(client->ops->start(client, &call));
    run_until(client, &done, 1);
    assert_int_equal(call.outcome, RAY_CALL_CONNECT_FAILED);
    ray_buf_clear(&call.answer);
    client->ops->free(client);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    stop_far_end(far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_are_told_apart),
        cmocka_unit_test(what_was_never_sent_is_connect_failed),
        cmocka_unit_test(a_plain_far_end_is_no_tls),
        cmocka_unit_test(a_far_end_that_hangs_times_out),
        cmocka_unit_test(bad_calls_are_refused),
        cmocka_unit_test(requests_look_as_asked_for),
        cmocka_unit_test(fifty_in_flight),
        cmocka_unit_test(cancelling_ends_a_call_at_once),
        cmocka_unit_test(done_may_start_and_cancel),
        cmocka_unit_test(wakeup_ends_a_poll),
        cmocka_unit_test(a_kept_connection_that_died_is_replaced),
        cmocka_unit_test(the_environment_names_no_proxy),
    };
    if (ray_http_client_global_init() != RAY_OK) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ray_http_client_global_free();
    return failed;
}
