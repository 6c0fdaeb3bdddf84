/* Does the server hand over whole requests, take replies now or later from any thread, refuse what
 * must not be guessed at, close who is too slow, and stop without losing an answer? */
#include "tests/unit/check.h"
#include "tests/unit/net/raw_client.h"

#include "core/thread.h"
#include "net/http_server.h"

#define BODY_LIMIT 100000u

/* ---- an application: what it does with a request stands in the path ---- */

struct app {
    struct ray_http_server *server;
    struct ray_budget budget;
    struct ray_log *log;
    uint16_t port;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct ray_http_exchange *later[512];
    size_t later_count;
    bool holds; /* nobody takes from `later` */
    bool ends;
    unsigned handled, refused;
    struct ray_thread answerer;
};

static void reply_text(struct ray_http_exchange *exchange, unsigned status, const char *text)
{
    static const struct ray_http_reply_header headers[] = {{"Content-Type", "text/plain"},
                                                           {"X-Test", "yes"}};
    ray_http_reply(exchange, status, headers, 2, ray_str_from(text), false);
}

static bool show_header(void *context, struct ray_str name, struct ray_str value)
{
    ray_buf_printf(context, "%.*s=%.*s;", RAY_STR_ARG(name), RAY_STR_ARG(value));
    return true;
}

/* method path query headers body, as the server shows them */
static void reply_all_it_shows(struct ray_http_exchange *exchange)
{
    struct ray_buf text;
    ray_buf_init(&text, 1 << 20);
    ray_buf_append(&text, ray_http_method(exchange));
    ray_buf_append_byte(&text, ' ');
    ray_buf_append(&text, ray_http_target(exchange));
    ray_buf_append_byte(&text, ' ');
    ray_buf_append(&text, ray_http_path(exchange));
    ray_buf_printf(&text, " q=%.*s x=%.*s ", RAY_STR_ARG(ray_http_query(exchange, "q")),
                   RAY_STR_ARG(ray_http_header(exchange, "x-CASE")));
    ray_http_each_header(exchange, show_header, &text);
    ray_buf_append_byte(&text, ' ');
    ray_buf_append(&text, ray_http_body(exchange));
    ray_http_reply(exchange, 200, NULL, 0, ray_buf_str(&text), false);
    ray_buf_clear(&text);
}

static void hand_over(struct app *app, struct ray_http_exchange *exchange)
{
    pthread_mutex_lock(&app->lock);
    app->later[app->later_count++] = exchange;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->lock);
}

static void *answer_later(void *context)
{
    struct app *app = context;
    pthread_mutex_lock(&app->lock);
    for (;;) {
        while (!app->ends && (app->holds || app->later_count == 0)) {
            pthread_cond_wait(&app->changed, &app->lock);
        }
        if (app->later_count == 0) {
            break;
        }
        struct ray_http_exchange *exchange = app->later[--app->later_count];
        pthread_mutex_unlock(&app->lock);
        ray_http_reply(exchange, 200, NULL, 0, ray_http_body(exchange), false);
        pthread_mutex_lock(&app->lock);
    }
    pthread_mutex_unlock(&app->lock);
    return NULL;
}

static void on_request(void *context, struct ray_http_exchange *exchange)
{
    struct app *app = context;
    struct ray_str path = ray_http_path(exchange);
    pthread_mutex_lock(&app->lock);
    app->handled++;
    pthread_mutex_unlock(&app->lock);
    if (ray_str_eq(path, RAY_STR("/later"))) {
        hand_over(app, exchange);
    } else if (ray_str_eq(path, RAY_STR("/show"))) {
        reply_all_it_shows(exchange);
    } else if (ray_str_eq(path, RAY_STR("/user"))) {
        ray_http_set_user(exchange, app);
        reply_text(exchange, 200, ray_http_user(exchange) == app ? ray_http_peer(exchange) : "no");
    } else if (ray_str_eq(path, RAY_STR("/close"))) {
        ray_http_reply(exchange, 200, NULL, 0, RAY_STR("bye"), true);
    } else if (ray_str_eq(path, RAY_STR("/big"))) {
        char *big = calloc(1, 8 << 20);
        ray_http_reply(exchange, 200, NULL, 0, (struct ray_str){big, 8 << 20}, false);
        free(big);
    } else {
        ray_http_reply(exchange, 200, NULL, 0, ray_http_body(exchange), false);
    }
}

static void on_refusal(void *context, struct ray_http_exchange *exchange, enum ray_http_refusal why)
{
    static const struct {
        unsigned status;
        const char *text;
    } words[] = {[RAY_HTTP_BODY_TOO_BIG] = {413, "too big"},
                 [RAY_HTTP_BUSY] = {503, "busy"},
                 [RAY_HTTP_STOPPING] = {503, "stopping"},
                 [RAY_HTTP_BAD_REQUEST] = {400, "bad"},
                 [RAY_HTTP_NO_MEMORY] = {503, "memory"}};
    struct app *app = context;
    pthread_mutex_lock(&app->lock);
    app->refused++;
    pthread_mutex_unlock(&app->lock);
    reply_text(exchange, words[why].status, words[why].text);
}

static struct app *start_app(struct ray_http_server_options options)
{
    struct app *app = calloc(1, sizeof(*app));
    struct ray_address address;
    struct ray_net_error error = {""};
    ray_budget_init(&app->budget, 4 << 20);
    pthread_mutex_init(&app->lock, NULL);
    pthread_cond_init(&app->changed, NULL);
    app->log = ray_log_new(2, RAY_LOG_WARN, RAY_LOG_TEXT, &ray_clock_system);
    options.thread_name = "http";
    options.handler.context = app;
    options.handler.request = on_request;
    options.budget = &app->budget;
    options.max_body_bytes = options.max_body_bytes ? options.max_body_bytes : BODY_LIMIT;
    options.log = app->log;
    options.clock = &ray_clock_system;
    CHECK_OK(ray_address_resolve(RAY_STR("127.0.0.1:0"), &address, &error));
    CHECK_OK(ray_http_server_start(&options, &address, &app->server, &error));
    app->port = ray_http_server_port(app->server);
    CHECK_OK(ray_thread_start(&app->answerer, "answerer", answer_later, app));
    return app;
}

static struct app *start_default(void)
{
    return start_app((struct ray_http_server_options){.handler.refuse = on_refusal});
}

static void end_answerer(struct app *app)
{
    pthread_mutex_lock(&app->lock);
    app->ends = true;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->lock);
    ray_thread_join(&app->answerer);
}

/* Every byte of the budget must have come back. */
static void free_app(struct app *app)
{
    assert_int_equal(ray_budget_used(&app->budget), 0);
    pthread_cond_destroy(&app->changed);
    pthread_mutex_destroy(&app->lock);
    ray_log_free(app->log);
    free(app);
}

static void stop_app(struct app *app)
{
    ray_http_server_stop(app->server, 5000);
    end_answerer(app);
    free_app(app);
}

static void hold(struct app *app, bool holds)
{
    pthread_mutex_lock(&app->lock);
    app->holds = holds;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->lock);
}

static void wait_for_parked(struct app *app, size_t count)
{
    pthread_mutex_lock(&app->lock);
    while (app->later_count < count) {
        pthread_cond_wait(&app->changed, &app->lock);
    }
    pthread_mutex_unlock(&app->lock);
}

/* ---- one request, one reply ---- */

#define HOST "Host: x\r\n"

static const struct {
    const char *name, *request;
    int status;
    const char *body;
    bool closes;
} single[] = {
    {"get", "GET / HTTP/1.1\r\n" HOST "\r\n", 200, "", false},
    {"post", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 200, "hello", false},
    {"post, later", "POST /later HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 200, "hello",
     false},
    {"chunked",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n"
     "\r\n",
     200, "abcde", false},
    {"what is shown",
     "PATCH /show?a=1&q=x%20y+z%&q=2 HTTP/1.1\r\n" HOST
     "x-case:  v \r\nContent-Length: 2\r\n\r\nhi",
     200, "PATCH /show?a=1&q=x%20y+z%&q=2 /show q=x y z% x=v Host=x;x-case=v;Content-Length=2; hi",
     false},
    {"absolute form", "GET http://other/show?q=1 HTTP/1.1\r\n" HOST "\r\n", 200,
     "GET http://other/show?q=1 /show q=1 x= Host=x; ", false},
    {"encoded path stays", "GET /sh%6fw HTTP/1.1\r\n" HOST "\r\n", 200, "", false},
    {"options", "OPTIONS /show HTTP/1.1\r\n" HOST "\r\n", 200, "OPTIONS /show /show q= x= Host=x; ",
     false},
    {"unknown method", "BREW /show HTTP/1.1\r\n" HOST "\r\n", 200,
     "BREW /show /show q= x= Host=x; ", false},
    {"reply closes", "GET /close HTTP/1.1\r\n" HOST "\r\n", 200, "bye", true},
    {"client closes", "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", 200, "", true},
    {"http/1.0", "GET / HTTP/1.0\r\n\r\n", 200, "", true},
    {"both framings",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "bad", true},
    {"both, other order",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
     400, "bad", true},
    {"two lengths",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, "bad",
     true},
    {"two encodings",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     400, "bad", true},
    {"unknown encoding",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "bad",
     true},
    {"blank before the colon", "POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello", 400,
     "bad", true},
    {"length is no number", "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello", 400,
     NULL, true},
    {"negative length", "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, NULL, true},
    {"length of 2^64", "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n",
     413, NULL, true},
    {"too long by its head", "POST / HTTP/1.1\r\n" HOST "Content-Length: 100001\r\n\r\n", 413,
     "too big", true},
    {"too long, not asked to continue",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 100001\r\nExpect: 100-continue\r\n\r\n", 413,
     "too big", true},
    {"no http", "hello\r\n\r\n", 0, NULL, true},
    {"bad chunk", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 400,
     NULL, true},
};

static void answers_each_request(void **state)
{
    (void)state;
    struct app *app = start_default();
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        int fd = raw_connect(app->port);
        assert_true(raw_send_text(fd, single[i].request));
        struct raw_reply reply = raw_read(fd);
        if (reply.status != single[i].status) {
            print_error("%s: status %d\n%s\n", single[i].name, reply.status, reply.head);
        }
        assert_int_equal(reply.status, single[i].status);
        if (single[i].body != NULL) {
            CHECK_STR(ray_str_from(reply.body), single[i].body);
        }
        if (!single[i].closes) { /* and the connection is as good as new */
            assert_true(raw_send_text(fd, "PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok"));
            CHECK_STR(ray_str_from(raw_read(fd).body), "ok");
        } else if (!raw_is_closed(fd)) {
            fail_msg("%s: not closed", single[i].name);
        }
        close(fd);
    }
    stop_app(app);
}

static void head_has_a_length_and_no_body(void **state)
{
    (void)state;
    struct app *app = start_default();
    int fd = raw_connect(app->port);
    raw_send_text(fd, "HEAD /close HTTP/1.1\r\n" HOST "\r\n");
    char all[1024] = "";
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len < sizeof(all) - 1; len += (size_t)got) {
        got = recv(fd, all + len, sizeof(all) - 1 - len, 0);
    }
    assert_non_null(strstr(all, "Content-Length: 3\r\n"));
    assert_null(strstr(all, "bye"));
    close(fd);
    stop_app(app);
}

static void shows_peer_and_user(void **state)
{
    (void)state;
    struct app *app = start_default();
    struct raw_reply reply = raw_ask(app->port, "GET /user HTTP/1.1\r\n" HOST "\r\n");
    assert_memory_equal(reply.body, "127.0.0.1:", 10);
    assert_non_null(strstr(reply.head, "X-Test: yes\r\n"));
    stop_app(app);
}

static void continues_when_asked(void **state)
{
    (void)state;
    struct app *app = start_default();
    int fd = raw_connect(app->port);
    raw_send_text(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n"
                      "\r\n");
    assert_int_equal(raw_read(fd).status, 100);
    raw_send_text(fd, "abc");
    CHECK_STR(ray_str_from(raw_read(fd).body), "abc");
    close(fd);
    stop_app(app);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct app *app = start_default();
    struct ray_buf all;
    ray_buf_init(&all, 1 << 20);
    for (int i = 0; i < 200; i++) { /* in turns at once and later */
        ray_buf_printf(&all, "POST %s HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n%03d",
                       i % 2 ? "/later" : "/", i);
    }
    int fd = raw_connect(app->port);
    assert_true(raw_send(fd, all.data, all.len));
    for (int i = 0; i < 200; i++) {
        char want[4];
        snprintf(want, sizeof(want), "%03d", i);
        CHECK_STR(ray_str_from(raw_read(fd).body), want);
    }
    close(fd);
    ray_buf_clear(&all);
    stop_app(app);
}

/* ---- sizes ---- */

static void heads_have_limits(void **state)
{
    (void)state;
    struct app *app = start_default();
    struct ray_buf text;
    ray_buf_init(&text, 1 << 20);
    ray_buf_printf(&text, "GET / HTTP/1.1\r\nHost: x\r\nX: %020000d\r\n\r\n", 0);
    ray_buf_append_byte(&text, '\0');
    assert_int_equal(raw_ask(app->port, text.data).status, 431);
    ray_buf_reset(&text);
    ray_buf_printf(&text, "GET /%020000d HTTP/1.1\r\nHost: x\r\n\r\n", 0);
    ray_buf_append_byte(&text, '\0');
    assert_int_equal(raw_ask(app->port, text.data).status, 414);
    for (int headers = 64; headers <= 65; headers++) {
        ray_buf_reset(&text);
        ray_buf_append(&text, RAY_STR("GET / HTTP/1.1\r\n"));
        for (int i = 0; i < headers; i++) {
            ray_buf_printf(&text, "X-%d: %d\r\n", i, i);
        }
        ray_buf_append(&text, RAY_STR("\r\n"));
        ray_buf_append_byte(&text, '\0');
        assert_int_equal(raw_ask(app->port, text.data).status, headers == 64 ? 200 : 431);
    }
    ray_buf_clear(&text);
    stop_app(app);
}

static bool send_zeros(int fd, size_t bytes)
{
    char zeros[8192];
    memset(zeros, '0', sizeof(zeros));
    for (size_t sent = 0; sent < bytes; sent += sizeof(zeros)) {
        size_t rest = bytes - sent;
        if (!raw_send(fd, zeros, rest < sizeof(zeros) ? rest : sizeof(zeros))) {
            return false;
        }
    }
    return true;
}

static void bodies_fill_exactly_to_the_limit(void **state)
{
    (void)state;
    struct app *app = start_default();
    int fd = raw_connect(app->port);
    raw_send_text(fd, "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
    assert_true(send_zeros(fd, BODY_LIMIT));
    struct raw_reply reply = raw_read(fd);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body_bytes, BODY_LIMIT);
    /* chunked: the same, then one byte more, which is swallowed and refused at the end */
    for (int surplus = 0; surplus < 2; surplus++) {
        char head[100];
        snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
                 BODY_LIMIT + (unsigned)surplus);
        raw_send_text(fd, head);
        assert_true(send_zeros(fd, BODY_LIMIT + (unsigned)surplus));
        raw_send_text(fd, "\r\n0\r\n\r\n");
        reply = raw_read(fd);
        assert_int_equal(reply.status, surplus ? 413 : 200);
    }
    close(fd);
    stop_app(app);
}

static void an_endless_chunked_body_is_cut(void **state)
{
    (void)state;
    struct app *app = start_default();
    int fd = raw_connect(app->port);
    raw_send_text(fd, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n");
    assert_false(send_zeros(fd, 100 << 20));
    close(fd);
    stop_app(app);
}

static void the_budget_says_busy(void **state)
{
    (void)state;
    struct app *app = start_app(
        (struct ray_http_server_options){.handler.refuse = on_refusal, .max_body_bytes = 2 << 20});
    hold(app, true);
    assert_true(ray_budget_take(&app->budget, (4 << 20) - 1000));
    /* known at the head */
    struct raw_reply reply = raw_ask(app->port, "POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
    assert_int_equal(reply.status, 503);
    CHECK_STR(ray_str_from(reply.body), "busy");
    /* found out on the way */
    int fd = raw_connect(app->port);
    raw_send_text(fd, "POST / HTTP/1.1\r\nContent-Length: 500000\r\n\r\n");
    assert_true(send_zeros(fd, 500000));
    assert_int_equal(raw_read(fd).status, 503);
    assert_int_equal(ray_budget_used(&app->budget), (4 << 20) - 1000);
    /* the connection stays good, and what fits is counted while it is in hand */
    raw_send_text(fd, "POST /later HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
    send_zeros(fd, 1000);
    wait_for_parked(app, 1);
    assert_int_equal(ray_budget_used(&app->budget), 4 << 20);
    hold(app, false);
    assert_int_equal(raw_read(fd).status, 200);
    close(fd);
    ray_budget_give(&app->budget, (4 << 20) - 1000);
    stop_app(app);
}

static void refuses_in_plain_text_without_a_handler(void **state)
{
    (void)state;
    struct app *app = start_app((struct ray_http_server_options){0});
    struct raw_reply reply =
        raw_ask(app->port, "POST / HTTP/1.1\r\nContent-Length: 100001\r\n\r\n");
    assert_int_equal(reply.status, 413);
    CHECK_STR(ray_str_from(reply.body), "the body is larger than this server takes\n");
    stop_app(app);
}

/* ---- time ---- */

#define SHORT_MS 300u

static const struct {
    const char *name;
    const char *at_once;    /* sent first */
    const char *drop;       /* then one byte of it every 50 ms, for ever */
    double least_s, most_s; /* closed between */
} slow[] = {
    {"dribbled request line", "", "G", 0.2, 1.5},
    {"dribbled head", "GET / HTTP/1.1\r\nX: ", "x", 0.2, 1.5},
    {"half a head, then silence", "GET / HTTP/1.1\r\nX: ", "", 0.2, 1.5},
    {"dribbled body", "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n", "x", 0.2, 1.5},
    {"dribbled chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n", "x", 0.2,
     1.5},
    {"silence", "", "", 0.7, 2.5},
    {"dribbled second head", "GET / HTTP/1.1\r\n\r\n", "G", 0.2, 1.8},
    {"silence between requests", "GET / HTTP/1.1\r\n\r\n", "", 0.7, 2.5},
};

#define SLOW_COUNT (sizeof(slow) / sizeof(slow[0]))

static int begin_slowly(const struct app *app, size_t i)
{
    int fd = raw_connect(app->port);
    raw_send_text(fd, slow[i].at_once);
    if (strstr(slow[i].at_once, "\r\n\r\n") && slow[i].at_once[0] == 'G') {
        assert_int_equal(raw_read(fd).status, 200);
    }
    struct timeval pace = {.tv_usec = 50000 / SLOW_COUNT}; /* one round takes 50 ms */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pace, sizeof(pace));
    return fd;
}

/* All at once: most of it is waiting. */
static void closes_who_is_too_slow(void **state)
{
    (void)state;
    struct app *app = start_app((struct ray_http_server_options){
        .head_timeout_ms = SHORT_MS, .body_timeout_ms = SHORT_MS, .idle_timeout_ms = 800});
    int fds[SLOW_COUNT];
    double begin[SLOW_COUNT], took[SLOW_COUNT] = {0};
    for (size_t i = 0; i < SLOW_COUNT; i++) {
        fds[i] = begin_slowly(app, i);
        begin[i] = raw_seconds();
    }
    for (size_t left = SLOW_COUNT; left > 0;) {
        for (size_t i = 0; i < SLOW_COUNT; i++) {
            if (fds[i] < 0) {
                continue;
            }
            bool is_open = !raw_is_closed(fds[i]) && took[i] < 5;
            took[i] = raw_seconds() - begin[i]; /* now: a round may take long */
            if (is_open) {
                raw_send_text(fds[i], slow[i].drop);
            } else {
                close(fds[i]);
                fds[i] = -1;
                left--;
            }
        }
    }
    for (size_t i = 0; i < SLOW_COUNT; i++) {
        if (took[i] < slow[i].least_s || took[i] > slow[i].most_s) {
            fail_msg("%s: closed after %.2f s", slow[i].name, took[i]);
        }
    }
    stop_app(app);
}

static void who_leaves_in_the_middle_is_noticed(void **state)
{
    (void)state;
    struct app *app = start_app(
        (struct ray_http_server_options){.head_timeout_ms = 400, .body_timeout_ms = 60000});
    int fd = raw_connect(app->port);
    raw_send_text(fd, "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo");
    close(fd); /* at once, so that the end comes together with the bytes */
    double begin = raw_seconds();
    ray_http_server_stop(app->server, 9000);
    assert_true(raw_seconds() - begin < 3);
    end_answerer(app);
    free_app(app);
}

static void a_body_may_take_long_while_it_comes_fast_enough(void **state)
{
    (void)state;
    struct app *app = start_app((struct ray_http_server_options){.body_timeout_ms = SHORT_MS});
    int fd = raw_connect(app->port);
    raw_send_text(fd, "POST / HTTP/1.1\r\nContent-Length: 30000\r\n\r\n");
    for (int i = 0; i < 15; i++) { /* 1.5 s, five times the timeout, at 20 KB/s */
        assert_true(send_zeros(fd, 2000));
        usleep(100000);
    }
    assert_int_equal(raw_read(fd).status, 200);
    close(fd);
    stop_app(app);
}

static void a_client_that_does_not_read_is_closed(void **state)
{
    (void)state;
    struct app *app = start_app((struct ray_http_server_options){.body_timeout_ms = SHORT_MS});
    int fd = raw_connect(app->port);
    raw_send_text(fd, "GET /big HTTP/1.1\r\n\r\n");
    usleep(1200000);
    struct raw_reply reply = raw_read(fd);
    assert_int_equal(reply.status, 0);
    assert_in_range(reply.body_bytes, 0, (8 << 20) - 1);
    close(fd);
    stop_app(app);
}

static void waiting_for_the_handler_has_no_deadline(void **state)
{
    (void)state;
    struct app *app = start_app((struct ray_http_server_options){
        .head_timeout_ms = 50, .body_timeout_ms = 50, .idle_timeout_ms = 50});
    hold(app, true);
    int fd = raw_connect(app->port);
    raw_send_text(fd, "POST /later HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
    wait_for_parked(app, 1);
    usleep(300000);
    hold(app, false);
    CHECK_STR(ray_str_from(raw_read(fd).body), "hi");
    close(fd);
    stop_app(app);
}

/* ---- many, and gone ---- */

static void two_hundred_connections_at_once(void **state)
{
    (void)state;
    struct app *app = start_default();
    int fds[200];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            char text[100];
            fds[i] = round == 0 ? raw_connect(app->port) : fds[i];
            snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nContent-Length: 3\r\n\r\n%03d",
                     i % 3 ? "/later" : "/", i);
            assert_true(raw_send_text(fds[i], text));
        }
        for (int i = 0; i < 200; i++) {
            char want[4];
            snprintf(want, sizeof(want), "%03d", i);
            CHECK_STR(ray_str_from(raw_read(fds[i]).body), want);
        }
    }
    assert_int_equal(app->handled, 600);
    for (int i = 0; i < 200; i++) {
        close(fds[i]);
    }
    stop_app(app);
}

static void clients_that_leave_do_no_harm(void **state)
{
    (void)state;
    struct app *app = start_default();
    static const char *const beginnings[] = {
        "GE",
        "GET / HTTP/1.1\r\nX:",
        "POST / HTTP/1.1\r\nContent-Length: 50000\r\n\r\nabc",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "POST /later HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "GET /big HTTP/1.1\r\n\r\n",
    };
    const size_t kinds = sizeof(beginnings) / sizeof(beginnings[0]);
    hold(app, true);
    for (size_t i = 0; i < 20 * kinds; i++) {
        int fd = raw_connect(app->port);
        struct linger reset = {.l_onoff = 1}; /* every second leaves with a reset */
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, i / kinds % 2 ? sizeof(reset) : 0);
        raw_send_text(fd, beginnings[i % kinds]);
        close(fd);
    }
    hold(app, false);
    assert_int_equal(raw_ask(app->port, "GET / HTTP/1.1\r\n\r\n").status, 200);
    stop_app(app);
}

/* ---- stop ---- */

static void stop_waits_for_the_answers(void **state)
{
    (void)state;
    struct app *app = start_default();
    hold(app, true);
    int fds[5], idle = raw_connect(app->port);
    raw_send_text(idle, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(raw_read(idle).status, 200);
    for (int i = 0; i < 5; i++) {
        fds[i] = raw_connect(app->port);
        raw_send_text(fds[i], "POST /later HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
    }
    wait_for_parked(app, 5);
    ray_http_server_quiesce(app->server);
    assert_int_equal(raw_connect(app->port), -1); /* nobody new */
    raw_send_text(idle, "GET / HTTP/1.1\r\n\r\n");
    struct raw_reply reply = raw_read(idle);
    assert_int_equal(reply.status, 503);
    CHECK_STR(ray_str_from(reply.body), "stopping");
    assert_true(raw_is_closed(idle));
    close(idle);
    hold(app, false);
    stop_app(app);
    for (int i = 0; i < 5; i++) {
        reply = raw_read(fds[i]);
        assert_int_equal(reply.status, 200);
        assert_non_null(strstr(reply.head, "Connection: close\r\n"));
        close(fds[i]);
    }
}

static void stop_answers_for_owners_that_do_not(void **state)
{
    (void)state;
    struct app *app = start_default();
    hold(app, true);
    int fds[3], half = raw_connect(app->port);
    raw_send_text(half, "POST /later HTTP/1.1\r\nContent-Length: 2\r\n\r\nh");
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_connect(app->port);
        raw_send_text(fds[i], "POST /later HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
    }
    wait_for_parked(app, 3);
    ray_log_set(app->log, RAY_LOG_OFF, RAY_LOG_TEXT);
    ray_http_server_stop(app->server, 50);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(raw_read(fds[i]).status, 503);
        assert_true(raw_is_closed(fds[i]));
        close(fds[i]);
    }
    assert_true(raw_is_closed(half));
    close(half);
    /* the owners still hold theirs, may look, and answer into the void */
    CHECK_STR(ray_http_body(app->later[0]), "hi");
    CHECK_STR(ray_http_method(app->later[0]), "POST");
    end_answerer(app);
    free_app(app);
}

/* Asks until nobody listens any more, now and then leaving in the middle. */
static void *hammer(void *context)
{
    struct app *app = context;
    unsigned turn = 0;
    for (int fd = raw_connect(app->port); fd >= 0; fd = raw_connect(app->port)) {
        bool alive = true;
        for (int i = 0; alive && i < 20; i++, turn++) {
            const char *path = turn % 3 ? "/later" : "/";
            char text[100];
            snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", path);
            size_t len = turn % 17 == 0 ? strlen(text) - 2 : strlen(text);
            alive = raw_send(fd, text, len) && turn % 17 != 0 && turn % 19 != 0;
            struct raw_reply reply = {0};
            if (alive) {
                reply = raw_read(fd);
                alive = reply.status == 200;
            }
        }
        close(fd);
    }
    return NULL;
}

static void stops_under_load(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 12; round++) {
        struct app *app = start_default();
        struct ray_thread clients[4] = {0};
        ray_log_set(app->log, RAY_LOG_OFF, RAY_LOG_TEXT);
        for (int i = 0; i < 4; i++) {
            CHECK_OK(ray_thread_start(&clients[i], "hammer", hammer, app));
        }
        usleep(20000 + 3000 * round);
        hold(app, round % 3 == 0); /* answers in time, or never */
        ray_http_server_stop(app->server, round % 3 ? 300 : 5);
        for (int i = 0; i < 4; i++) {
            ray_thread_join(&clients[i]);
        }
        end_answerer(app);
        free_app(app);
    }
}

static void starts_again_on_the_same_port(void **state)
{
    (void)state;
    struct app *app = start_default();
    assert_int_equal(raw_ask(app->port, "GET /close HTTP/1.1\r\n\r\n").status, 200);
    struct ray_address address;
    struct ray_net_error error = {""};
    char text[32];
    snprintf(text, sizeof(text), "127.0.0.1:%u", app->port);
    CHECK_OK(ray_address_resolve(ray_str_from(text), &address, &error));
    struct ray_http_server_options options = {.thread_name = "http",
                                              .handler = {app, on_request, NULL},
                                              .max_body_bytes = 1,
                                              .clock = &ray_clock_system};
    struct ray_http_server *second = NULL;
    assert_int_equal(ray_http_server_start(&options, &address, &second, &error), RAY_IO);
    assert_null(second);
    assert_non_null(strstr(error.text, "in use"));
    stop_app(app);
    CHECK_OK(ray_http_server_start(&options, &address, &second, &error));
    ray_http_server_stop(second, 0);
    ray_http_server_stop(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_request),
        cmocka_unit_test(head_has_a_length_and_no_body),
        cmocka_unit_test(shows_peer_and_user),
        cmocka_unit_test(continues_when_asked),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(heads_have_limits),
        cmocka_unit_test(bodies_fill_exactly_to_the_limit),
        cmocka_unit_test(an_endless_chunked_body_is_cut),
        cmocka_unit_test(the_budget_says_busy),
        cmocka_unit_test(refuses_in_plain_text_without_a_handler),
        cmocka_unit_test(closes_who_is_too_slow),
        cmocka_unit_test(who_leaves_in_the_middle_is_noticed),
        cmocka_unit_test(a_body_may_take_long_while_it_comes_fast_enough),
        cmocka_unit_test(a_client_that_does_not_read_is_closed),
        cmocka_unit_test(waiting_for_the_handler_has_no_deadline),
        cmocka_unit_test(two_hundred_connections_at_once),
        cmocka_unit_test(clients_that_leave_do_no_harm),
        cmocka_unit_test(stop_waits_for_the_answers),
        cmocka_unit_test(stop_answers_for_owners_that_do_not),
        cmocka_unit_test(stops_under_load),
        cmocka_unit_test(starts_again_on_the_same_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
