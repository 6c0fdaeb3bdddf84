/* otlp_http: does each request over a real socket get the status, the headers and the words that
 * OTLP clients act on? */
#include "tests/unit/receiver/rig.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "receiver/otlp_http.h"
#include "tests/unit/net/raw_client.h"
#include "tests/unit/receiver/request.h"

struct http_rig {
    struct rig rig;
    struct ray_otlp_http_options options;
    struct ray_otlp_http *http;
    uint16_t port;
};

static void http_open(struct http_rig *r)
{
    rig_open(&r->rig);
    r->options = (struct ray_otlp_http_options){.endpoint = RAY_STR("localhost:0"),
                                                .traces_url_path = RAY_STR("v1/traces"),
                                                .max_request_body_size = 1 << 20,
                                                .keep_alives_enabled = true};
    struct ray_otlp_http_settings settings = {.options = &r->options,
                                              .intake = r->rig.intake,
                                              .ledger = &r->rig.ledger,
                                              .budget = &r->rig.budget,
                                              .clock = &ray_clock_system};
    struct ray_net_error error = {.text = ""};
    if (ray_otlp_http_start(&settings, &r->http, &error) != RAY_OK) {
        fail_msg("%s", error.text);
    }
    r->port = ray_otlp_http_port(r->http);
}

static void http_close(struct http_rig *r)
{
    ray_otlp_http_stop(r->http, 5000);
    rig_close(&r->rig);
}

static struct raw_reply ask_on(int fd, const char *method, const char *path, const char *type,
                               const char *encoding, struct ray_str body)
{
    char head[512];
    snprintf(head, sizeof(head),
             "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n%s%s%sContent-Length: %zu\r\n\r\n",
             method, path, type, encoding[0] ? "Content-Encoding: " : "", encoding,
             encoding[0] ? "\r\n" : "", body.len);
    if (fd >= 0 && raw_send_text(fd, head)) {
        (void)raw_send(fd, body.ptr, body.len);
    }
    return raw_read(fd);
}

static struct raw_reply ask(const struct http_rig *r, const char *method, const char *path,
                            const char *type, const char *encoding, struct ray_str body)
{
    int fd = raw_connect(r->port);
    struct raw_reply reply = ask_on(fd, method, path, type, encoding, body);
    close(fd);
    return reply;
}

#define PB   "application/x-protobuf"
#define JSON "application/json"

static void test_routes_and_types(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *type, *encoding, *body;
        int want;
        const char *in_head, *in_body;
    } cases[] = {
        {"POST", "/v1/traces", JSON, "", "{}", 200, "Content-Type: application/json", "{}"},
        {"POST", "/v1/traces", PB, "", "", 200, "Content-Type: application/x-protobuf", ""},
        {"POST", "/v1/traces", "Application/JSON; charset=utf-8", "", "{}", 200, "", "{}"},
        {"POST", "/v1/traces", JSON, "identity", "{}", 200, "", "{}"},
        {"POST", "/v1/metrics", JSON, "", "{}", 404, "", "only traces are taken here, at /v1/trac"},
        {"POST", "/v1/logs", PB, "", "", 404, "application/x-protobuf", "only traces"},
        {"GET", "/v1/traces", JSON, "", "", 405, "Allow: POST", "POST"},
        {"PUT", "/v1/traces", JSON, "", "{}", 405, "Allow: POST", "POST"},
        {"POST", "/v1/traces", "text/plain", "", "{}", 415, JSON, "application/x-protobuf"},
        {"POST", "/v1/traces", JSON, "snappy", "{}", 415, "", "zstd"},
        {"POST", "/v1/traces", JSON, "gzip", "{}", 400, "", "Content-Encoding"},
        {"POST", "/v1/traces", JSON, "", "{\"resourceSpans\":[", 400, JSON, "\"code\""},
        {"POST", "/v1/traces", PB, "", "\x0a\x7f", 400, PB, "runs past the end"},
    };
    struct http_rig r;
    http_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct raw_reply reply = ask(&r, cases[i].method, cases[i].path, cases[i].type,
                                     cases[i].encoding, ray_str_from(cases[i].body));
        print_message("case %zu: %d %s\n", i, reply.status, reply.body);
        assert_int_equal(reply.status, cases[i].want);
        assert_non_null(strcasestr(reply.head, cases[i].in_head));
        assert_true(ray_str_find((struct ray_str){reply.body, reply.body_bytes},
                                 ray_str_from(cases[i].in_body)) != SIZE_MAX);
    }
    http_close(&r);
}

static size_t compress_as(const char *encoding, struct ray_str in, char *out, size_t size)
{
    if (strcmp(encoding, "zstd") == 0) {
        return ZSTD_compress(out, size, in.ptr, in.len, 3);
    }
    z_stream stream = {0};
    int window = strcmp(encoding, "gzip") == 0 ? 15 + 16 : 15;
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    memcpy(&stream.next_in, &in.ptr, sizeof(in.ptr));
    stream.avail_in = (uInt)in.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)size;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t len = stream.total_out;
    deflateEnd(&stream);
    return len;
}

static void test_compressed_bodies(void **state)
{
    (void)state;
    static const char *const encodings[] = {"gzip", "deflate", "zlib", "zstd"};
    struct http_rig r;
    http_open(&r);
    struct ray_str body = request_of(7, 0, 0);
    char packed[1 << 16];
    for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
        size_t len = compress_as(encodings[i], body, packed, sizeof(packed));
        struct raw_reply reply =
            ask(&r, "POST", "/v1/traces", PB, encodings[i], (struct ray_str){packed, len});
        assert_int_equal(reply.status, 200);
        assert_int_equal(rig_taken(&r.rig), 7 * (i + 1));
        struct raw_reply cut =
            ask(&r, "POST", "/v1/traces", PB, encodings[i], (struct ray_str){packed, len / 2});
        assert_int_equal(cut.status, 400);
    }
    assert_int_equal(rig_refused_requests(&r.rig, RAY_REFUSED_INVALID), 4);
    request_free(body);

    /* a bomb, and a body that is plainly too large: 413, and the next request is served */
    size_t zeros_bytes = (size_t)24 << 20;
    char *zeros = calloc(1, zeros_bytes);
    size_t len = compress_as("gzip", (struct ray_str){zeros, zeros_bytes}, packed, sizeof(packed));
    assert_int_equal(
        ask(&r, "POST", "/v1/traces", PB, "gzip", (struct ray_str){packed, len}).status, 413);
    assert_int_equal(
        ask(&r, "POST", "/v1/traces", PB, "", (struct ray_str){zeros, (1 << 20) + 1}).status, 413);
    assert_int_equal(rig_refused_requests(&r.rig, RAY_REFUSED_TOO_BIG), 2);
    free(zeros);
    assert_int_equal(ask(&r, "POST", "/v1/traces", JSON, "", RAY_STR("{}")).status, 200);
    http_close(&r);
}

static void test_full_queue_and_partial_success(void **state)
{
    (void)state;
    struct http_rig r;
    http_open(&r);
    struct ray_str body = request_of(5, 2, 0);
    struct raw_reply reply = ask(&r, "POST", "/v1/traces", PB, "", body);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "2 of 5 spans rejected"));

    fake_queue_set(&r.rig.queue, RAY_AGAIN, RAY_OK, RAY_OK, false);
    reply = ask(&r, "POST", "/v1/traces", PB, "", body);
    assert_int_equal(reply.status, 503);
    assert_non_null(strcasestr(reply.head, "Retry-After: 1\r\n"));
    assert_true(ray_str_find((struct ray_str){reply.body, reply.body_bytes},
                             RAY_STR("google.rpc.RetryInfo")) != SIZE_MAX);

    /* the byte budget at the door */
    fake_queue_set(&r.rig.queue, RAY_OK, RAY_OK, RAY_OK, false);
    assert_true(ray_budget_take(&r.rig.budget, r.rig.budget.limit_bytes - 16));
    reply = ask(&r, "POST", "/v1/traces", PB, "", body);
    assert_int_equal(reply.status, 503);
    assert_non_null(strcasestr(reply.head, "Retry-After: 1\r\n"));
    assert_int_equal(rig_refused_requests(&r.rig, RAY_REFUSED_BUSY), 1);
    ray_budget_give(&r.rig.budget, r.rig.budget.limit_bytes - 16);
    request_free(body);
    http_close(&r);
}

/* Above the soft limit no new request is begun; small and large, announced or not. */
static void test_memory_limit(void **state)
{
    (void)state;
    struct http_rig r;
    http_open(&r);
    rig_limit_memory(&r.rig);
    struct ray_str small = request_of(5, 0, 0), large = request_of(1, 0, 300000);
    assert_int_equal(ask(&r, "POST", "/v1/traces", PB, "", small).status, 200);
    /* 300 kB are taken for 1.2 MB of documents, above the soft limit and below the hard one */
    assert_int_equal(ask(&r, "POST", "/v1/traces", PB, "", large).status, 200);
    atomic_store(&r.rig.held_bytes, ((size_t)1 << 20) + 1);
    for (int i = 0; i < 2; i++) {
        struct raw_reply reply = ask(&r, "POST", "/v1/traces", PB, "", i ? large : small);
        print_message("%d: %d %.*s\n", i, reply.status, (int)reply.body_bytes, reply.body);
        assert_int_equal(reply.status, 503);
        assert_non_null(strcasestr(reply.head, "Retry-After: 1\r\n"));
        assert_true(ray_str_find((struct ray_str){reply.body, reply.body_bytes},
                                 RAY_STR("memory_limiter")) != SIZE_MAX);
        assert_int_equal(rig_refused_requests(&r.rig, RAY_REFUSED_MEMORY_LIMIT), i + 1);
    }
    assert_int_equal(ask(&r, "POST", "/v1/traces", PB, "", RAY_STR("")).status, 200);
    atomic_store(&r.rig.held_bytes, 0);
    assert_int_equal(ask(&r, "POST", "/v1/traces", PB, "", large).status, 200);
    assert_int_equal(ray_memory_gate_used(&r.rig.gate), 0);
    request_free(small);
    request_free(large);
    http_close(&r);
}

/* Requests whose tickets are out keep no thread: others are served meanwhile, and stop waits. */
static void test_late_tickets_and_stop(void **state)
{
    (void)state;
    struct http_rig r;
    http_open(&r);
    struct ray_str body = request_of(2, 0, 0);
    fake_queue_set(&r.rig.queue, RAY_OK, RAY_OK, RAY_OK, true);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        char head[160];
        snprintf(head, sizeof(head),
                 "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: " PB
                 "\r\nContent-Length: %zu\r\n\r\n",
                 body.len);
        fds[i] = raw_connect(r.port);
        assert_true(raw_send_text(fds[i], head) && raw_send(fds[i], body.ptr, body.len));
    }
    fake_queue_wait_held(&r.rig.queue, 3);
    assert_int_equal(ask(&r, "POST", "/v1/traces", JSON, "", RAY_STR("{}")).status, 200);

    int open = raw_connect(r.port);
    assert_int_equal(ask_on(open, "POST", "/v1/traces", JSON, "", RAY_STR("{}")).status, 200);
    ray_otlp_http_quiesce(r.http);
    struct raw_reply refused = ask_on(open, "POST", "/v1/traces", JSON, "", RAY_STR("{}"));
    assert_true(refused.status == 503 || refused.status == 0); /* or it was closed first */
    close(open);

    pthread_t releaser;
    pthread_create(&releaser, NULL, fake_queue_release, &r.rig.queue);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(raw_read(fds[i]).status, 200);
        close(fds[i]);
    }
    pthread_join(releaser, NULL);
    assert_int_equal(rig_taken(&r.rig), 6);
    request_free(body);
    http_close(&r);
}

static void test_only_the_configured_encodings(void **state)
{
    (void)state;
    struct http_rig r;
    http_open(&r);
    struct ray_str names[] = {RAY_STR("zstd"), RAY_STR("")};
    r.options.compression_algorithms = (struct ray_str_list){names, 2};
    assert_int_equal(ask(&r, "POST", "/v1/traces", JSON, "gzip", RAY_STR("x")).status, 415);
    assert_int_equal(ask(&r, "POST", "/v1/traces", JSON, "zstd", RAY_STR("x")).status, 400);
    assert_int_equal(ask(&r, "POST", "/v1/traces", JSON, "", RAY_STR("{}")).status, 200);
    http_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_and_types),
        cmocka_unit_test(test_compressed_bodies),
        cmocka_unit_test(test_full_queue_and_partial_success),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_late_tickets_and_stop),
        cmocka_unit_test(test_only_the_configured_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
