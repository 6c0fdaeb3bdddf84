/* awsxray: do real calls over real sockets arrive, signed so that a server accepts them? */
#include "../check.h"

#include "aws/sigv4.h"
#include "core/thread.h"
#include "exporter/awsxray.h"
#include "net/address.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PROFILE     7u
#define HEADERS_MAX 32u
#define CALLERS_MAX 16u
#define REQUEST_MAX (2u << 20)

/* A small server: a thread per connection, each request checked by the verifying side. */
struct server {
    int listener;
    uint16_t port;
    struct ray_thread acceptor;
    struct ray_thread callers[CALLERS_MAX];
    size_t caller_count;
    atomic_uint good_calls, bad_calls, documents;
    atomic_uint fail_first; /* so many calls are answered 503 */
    atomic_bool ends;
    char problem[400]; /* of the last bad call; read after the end */
};

struct caller {
    struct server *server;
    int fd;
};

static struct ray_str secret_of(void *context, struct ray_str access_key_id)
{
    (void)context;
    return ray_str_eq(access_key_id, RAY_STR("AKIDEXAMPLE1234")) ? RAY_STR("very/secret+key")
                                                                 : (struct ray_str){NULL, 0};
}

/* Reads one request into `data`; 0 when the connection is over. */
static size_t read_request(int fd, char *data, size_t *head_bytes)
{
    size_t len = 0, want = SIZE_MAX;
    while (len < want) {
        ssize_t got = recv(fd, data + len, REQUEST_MAX - len - 1, 0);
        if (got <= 0) {
            return 0;
        }
        len += (size_t)got;
        data[len] = '\0';
        char *end = want == SIZE_MAX ? strstr(data, "\r\n\r\n") : NULL;
        if (end != NULL) {
            const char *length = strcasestr(data, "\r\ncontent-length: ");
            *head_bytes = (size_t)(end - data) + 4;
            want = *head_bytes + (length != NULL ? strtoul(length + 18, NULL, 10) : 0);
        }
    }
    return len;
}

static size_t parse_headers(struct ray_str head, struct ray_sigv4_header *headers)
{
    struct ray_str line;
    size_t count = 0;
    while (count < HEADERS_MAX && ray_str_split(&head, '\n', &line)) {
        size_t colon = ray_str_find_byte(line, ':');
        if (colon != SIZE_MAX) {
            headers[count++] = (struct ray_sigv4_header){
                ray_str_until(line, colon), ray_str_trim(ray_str_from_pos(line, colon + 1))};
        }
    }
    return count;
}

static enum ray_status check_request(struct ray_str data, size_t head_bytes,
                                     struct ray_aws_error *error)
{
    struct ray_sigv4_header headers[HEADERS_MAX];
    struct ray_str head = ray_str_until(data, head_bytes), line;
    (void)!ray_str_split(&head, '\n', &line);
    size_t blank = ray_str_find_byte(line, ' ');
    struct ray_str target = ray_str_from_pos(line, blank + 1);
    struct ray_sigv4_request request = {
        .method = ray_str_until(line, blank),
        .target = ray_str_until(target, ray_str_find_byte(target, ' ')),
        .headers = headers,
        .header_count = parse_headers(head, headers),
        .body = ray_str_from_pos(data, head_bytes),
    };
    bool right = ray_str_eq(request.target, RAY_STR("/base/TraceSegments")) &&
                 ray_str_starts_with(request.body, RAY_STR("{\"TraceSegmentDocuments\":[\"")) &&
                 ray_str_find(data, RAY_STR("spanbridge/")) < head_bytes &&
                 ray_str_find(data, RAY_STR("Expect:")) >= head_bytes;
    if (!right) {
        snprintf(error->text, sizeof(error->text), "%.*s", RAY_STR_ARG(data));
        return RAY_INVALID;
    }
    return ray_sigv4_verify(&request, (uint64_t)time(NULL), secret_of, NULL, error);
}

static const char *answer_to(struct server *server, struct ray_str data, size_t head_bytes)
{
    struct ray_aws_error error;
    if (atomic_load(&server->fail_first) > 0) {
        atomic_fetch_sub(&server->fail_first, 1);
        return "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    }
    if (check_request(data, head_bytes, &error) != RAY_OK) {
        atomic_fetch_add(&server->bad_calls, 1);
        memcpy(server->problem, error.text, sizeof(server->problem));
        return "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
    }
    struct ray_str rest = ray_str_from_pos(data, head_bytes), mark = RAY_STR("\\\"id\\\"");
    for (size_t at; (at = ray_str_find(rest, mark)) != SIZE_MAX;) {
        atomic_fetch_add(&server->documents, 1);
        rest = ray_str_from_pos(rest, at + mark.len);
    }
    atomic_fetch_add(&server->good_calls, 1);
    return "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"UnprocessedTraceSegments\":[]}";
}

static void *serve_caller(void *argument)
{
    struct caller *caller = argument;
    char *data = malloc(REQUEST_MAX);
    size_t head_bytes = 0, len;
    while ((len = read_request(caller->fd, data, &head_bytes)) > 0) {
        const char *answer = answer_to(caller->server, (struct ray_str){data, len}, head_bytes);
        if (send(caller->fd, answer, strlen(answer), MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    close(caller->fd);
    free(data);
    free(caller);
    return NULL;
}

static void *serve(void *argument)
{
    struct server *server = argument;
    while (!atomic_load(&server->ends)) {
        struct pollfd ready = {server->listener, POLLIN, 0};
        int fd = poll(&ready, 1, 20) > 0 ? accept(server->listener, NULL, NULL) : -1;
        if (fd >= 0 && server->caller_count < CALLERS_MAX) {
            struct caller *caller = malloc(sizeof(*caller));
            *caller = (struct caller){server, fd};
            CHECK_OK(ray_thread_start(&server->callers[server->caller_count++], "caller",
                                      serve_caller, caller));
        }
    }
    return NULL;
}

static void server_start(struct server *server)
{
    struct ray_address address, bound;
    struct ray_net_error error;
    memset(server, 0, sizeof(*server));
    CHECK_OK(ray_address_resolve(RAY_STR("127.0.0.1:0"), &address, &error));
    CHECK_OK(ray_listen_tcp(&address, &server->listener, &error));
    CHECK_OK(ray_address_of_socket(server->listener, &bound));
    server->port = ray_address_port(&bound);
    CHECK_OK(ray_thread_start(&server->acceptor, "server", serve, server));
}

/* After the client is gone. */
static void server_stop(struct server *server)
{
    atomic_store(&server->ends, true);
    ray_thread_join(&server->acceptor);
    for (size_t i = 0; i < server->caller_count; i++) {
        ray_thread_join(&server->callers[i]);
    }
    close(server->listener);
}

static void ticket_done(struct ray_ticket *ticket, enum ray_status status)
{
    (void)ticket;
    CHECK_OK(status);
}

static void push(struct ray_queue *queue, unsigned documents)
{
    struct ray_ticket ticket = {ticket_done};
    struct ray_batch *batch = ray_batch_new(4 << 20);
    ray_batch_begin_section(batch, PROFILE);
    for (unsigned i = 0; i < documents; i++) {
        struct ray_trace_id trace_id = {{1}};
        uint8_t span_id[8] = {(uint8_t)i, 1};
        ray_buf_printf(ray_batch_begin_document(batch),
                       "{\"id\":\"%02x01000000000000\",\"name\":\"%0*d\"}", i & 0xFF,
                       (int)(i * 97 % 4000), 0);
        CHECK_OK(ray_batch_end_document(batch, &trace_id, span_id, i));
    }
    ray_batch_seal(batch);
    CHECK_OK(ray_queue_push(queue, batch, 0, &ticket));
}

struct bench {
    struct server server;
    char endpoint[64];
    struct ray_awsxray_options options;
    struct ray_log *log;
    struct ray_metrics *metrics;
    struct ray_queue *queue;
    struct ray_awsxray *exporter;
};

static void bench_init(struct bench *bench, const char *host)
{
    server_start(&bench->server);
    snprintf(bench->endpoint, sizeof(bench->endpoint), "http://%s:%u/base/", host,
             bench->server.port);
    bench->options = (struct ray_awsxray_options){
        .endpoint = ray_str_from(bench->endpoint),
        .region = RAY_STR_INIT("eu-west-1"),
        .num_workers = 4,
        .request_timeout_seconds = 10,
        .retry = {true, 20, 200, 0, 2, 1},
    };
    struct ray_queue_options queue = {.max_bytes = 64u << 20, .max_linger_ms = 5};
    bench->log = ray_log_new(2, RAY_LOG_DEBUG, RAY_LOG_TEXT, &ray_clock_system);
    bench->metrics = ray_metrics_new();
    bench->queue = ray_queue_new(&queue);
    struct ray_exporter_environment environment = {.id = "awsxray",
                                                   .queue = bench->queue,
                                                   .profile = PROFILE,
                                                   .metrics = bench->metrics,
                                                   .log = bench->log,
                                                   .clock = &ray_clock_system};
    bench->exporter = ray_awsxray_new(&bench->options, &environment, NULL);
    assert_non_null(bench->exporter);
    CHECK_OK(ray_awsxray_start(bench->exporter));
}

/* Returns what was given up. */
static uint64_t bench_stop(struct bench *bench, uint32_t timeout_ms)
{
    ray_queue_close(bench->queue);
    uint64_t left = ray_awsxray_stop(bench->exporter, timeout_ms);
    ray_awsxray_free(bench->exporter);
    server_stop(&bench->server);
    ray_queue_free(bench->queue);
    ray_metrics_free(bench->metrics);
    ray_log_free(bench->log);
    if (bench->server.problem[0] != '\0') {
        print_error("%s\n", bench->server.problem);
    }
    return left;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct bench bench;
    char why[200];
    bench_init(&bench, "127.0.0.1");
    assert_true(ray_awsxray_ready(bench.exporter, why));
    for (unsigned i = 0; i < 20; i++) {
        push(bench.queue, 60);
    }
    assert_int_equal(bench_stop(&bench, 20000), 0);
    print_message("%u calls\n", bench.server.good_calls);
    assert_int_equal(bench.server.bad_calls, 0);
    assert_int_equal(bench.server.documents, 1200);
    assert_true(bench.server.good_calls >= 24 && bench.server.good_calls <= 44);
    assert_true(bench.server.caller_count <= 4); /* connections are kept */
}

static void test_session_token_and_trouble(void **state)
{
    (void)state;
    struct bench bench;
    setenv("AWS_SESSION_TOKEN", "tok/en+=", 1);
    bench_init(&bench, "localhost");
    atomic_store(&bench.server.fail_first, 5);
    push(bench.queue, 200);
    assert_int_equal(bench_stop(&bench, 20000), 0);
    assert_int_equal(bench.server.bad_calls, 0);
    assert_int_equal(bench.server.documents, 200);
    unsetenv("AWS_SESSION_TOKEN");
}

static void test_wrong_secret_is_kept(void **state)
{
    (void)state;
    struct bench bench;
    setenv("AWS_SECRET_ACCESS_KEY", "wrong", 1);
    bench_init(&bench, "127.0.0.1");
    push(bench.queue, 10);
    assert_int_equal(bench_stop(&bench, 300), 10);
    assert_true(bench.server.bad_calls >= 1);
    assert_int_equal(bench.server.documents, 0);
    setenv("AWS_SECRET_ACCESS_KEY", "very/secret+key", 1);
}

int main(void)
{
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE1234", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "very/secret+key", 1);
    setenv("HOME", "/nonexistent", 1);
    unsetenv("AWS_PROFILE");
    if (ray_http_client_global_init() != RAY_OK) {
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_session_token_and_trouble),
                                       cmocka_unit_test(test_wrong_secret_is_kept)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ray_http_client_global_free();
    return failed;
}
