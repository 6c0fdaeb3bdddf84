/* api: over a real socket: the service's protocol, who is let in, and what a query waits for. */
#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aws/sigv4.h"
#include "core/thread.h"
#include "local/api.h"
#include "tests/unit/check.h"

static const struct ray_api_key keys[] = {{RAY_STR_INIT("AKIDEXAMPLE"), RAY_STR_INIT("SECRET")}};

struct fixture {
    char directory[64];
    struct ray_store *store;
    struct ray_api *api;
    uint16_t port;
    _Atomic uint64_t accepted, stored;
    char answer[1 << 16];
};

static uint64_t get_position(void *context)
{
    return ((struct fixture *)context)->accepted;
}

static bool get_is_stored(void *context, uint64_t position)
{
    return ((struct fixture *)context)->stored >= position;
}

static void begin(struct fixture *f, size_t key_count)
{
    *f = (struct fixture){.directory = "/tmp/api_test.XXXXXX"};
    assert_non_null(mkdtemp(f->directory));
    struct ray_store_options store = {f->directory, 0, 0, &ray_clock_system};
    struct ray_store_error store_error;
    CHECK_OK(ray_store_open(&store, &f->store, &store_error));
    struct ray_api_options options = {
        .store = f->store,
        .account_id = RAY_STR("000000000000"),
        .keys = keys,
        .key_count = key_count,
        .clock = &ray_clock_system,
        .context = f,
        .position = get_position,
        .is_stored = get_is_stored,
    };
    struct ray_address address;
    struct ray_net_error error = {""};
    CHECK_OK(ray_address_resolve(RAY_STR("127.0.0.1:0"), &address, &error));
    CHECK_OK(ray_api_start(&options, &address, &f->api, &error));
    f->port = ray_api_port(f->api);
}

static void end(struct fixture *f)
{
    char path[128];
    ray_api_stop(f->api, 1000);
    ray_store_close(f->store);
    snprintf(path, sizeof(path), "%s/local.db", f->directory);
    unlink(path);
    assert_int_equal(rmdir(f->directory), 0);
}

static int open_connection(const struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(f->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void read_answer(struct fixture *f, int fd)
{
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, f->answer + len, sizeof(f->answer) - 1 - len)) > 0) {
        len += (size_t)got;
    }
    f->answer[len] = '\0';
    close(fd);
}

static void send_request(const struct fixture *f, int fd, const char *line, const char *headers,
                         const char *body)
{
    char text[4096];
    int len = snprintf(text, sizeof(text),
                       "%s HTTP/1.1\r\n%sConnection: close\r\nContent-Length: %zu\r\n\r\n%s", line,
                       headers, strlen(body), body);
    (void)f;
    assert_int_equal(write(fd, text, (size_t)len), len);
}

static void ask(struct fixture *f, const char *line, const char *headers, const char *body)
{
    int fd = open_connection(f);
    send_request(f, fd, line, headers, body);
    read_answer(f, fd);
}

static void expect(const struct fixture *f, const char *part)
{
    if (strstr(f->answer, part) == NULL) {
        fail_msg("no \"%s\" in:\n%s", part, f->answer);
    }
}

#define LOCAL "Host: 127.0.0.1:1\r\n"

static const struct {
    const char *what, *line, *headers, *body;
    const char *status, *part;
} cases[] = {
    {"welcome", "GET /", LOCAL, "", "200", "AWS_ENDPOINT_URL_XRAY=http://127.0.0.1:1"},
    {"not served", "POST /Groups", LOCAL, "{}", "400",
     "{\"__type\":\"InvalidRequestException\",\"Message\":\"this local X-Ray does not serve "
     "GetGroups yet\"}"},
    {"error header", "POST /TraceSegments", LOCAL, "{}", "400",
     "x-amzn-ErrorType: InvalidRequestException\r\n"},
    {"unknown path", "POST /Nothing", LOCAL, "{}", "404",
     "{\"__type\":\"UnknownOperationException\""},
    {"wrong method", "GET /TraceSummaries", LOCAL, "", "404", "UnknownOperationException"},
    {"name of the host", "GET /", "Host: localhost\r\n", "", "200", "aws xray"},
    {"IPv6", "GET /", "Host: [::1]:2001\r\n", "", "200", "aws xray"},
    {"rebound name", "POST /Traces", "Host: evil.example\r\n", "{}", "403", "AccessDenied"},
    {"nearly an address", "GET /", "Host: 127.0.0.1.evil.example\r\n", "", "403", "AccessDenied"},
    {"page of another site", "POST /TraceSegments", LOCAL "Origin: http://evil.example\r\n", "{}",
     "403", "AccessDenied"},
    {"page of nowhere", "POST /TraceSegments", LOCAL "Origin: null\r\n", "{}", "403",
     "AccessDenied"},
    {"our own page", "POST /Groups", LOCAL "Origin: http://127.0.0.1:1\r\n", "{}", "400",
     "GetGroups"},
    {"signed with anything", "POST /TraceSegments", LOCAL "Authorization: AWS4-HMAC-SHA256 x\r\n",
     "{\"TraceSegmentDocuments\":[]}", "200", "{\"UnprocessedTraceSegments\":[]}"},
};

static void test_protocol(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ask(&f, cases[i].line, cases[i].headers, cases[i].body);
        if (strncmp(f.answer + 9, cases[i].status, 3) != 0 ||
            strstr(f.answer, cases[i].part) == NULL ||
            strstr(f.answer, "x-amzn-RequestId: ") == NULL) {
            fail_msg("%s:\n%s", cases[i].what, f.answer);
        }
    }
    end(&f);
}

#define TRACE "1-65000000-00000000000000000000aaaa"
static const char document[] = "{\"TraceSegmentDocuments\":[\"{\\\"trace_id\\\":\\\"" TRACE
                               "\\\",\\\"id\\\":\\\"00000000000000a1\\\",\\\"name\\\":\\\"web\\\","
                               "\\\"start_time\\\":1699999900,"
                               "\\\"end_time\\\":1699999901}\"]}";
static const char ids[] = "{\"TraceIds\":[\"" TRACE "\"]}";

static void test_reads_own_writes(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    ask(&f, "POST /TraceSegments", LOCAL, document);
    expect(&f, "[]");
    ask(&f, "POST /Traces", LOCAL, ids);
    expect(&f, "00000000000000a1");
    end(&f);
}

/* The exporter's part: stores, a little later. */
static void *store_later(void *argument)
{
    struct fixture *f = argument;
    struct ray_store_document d = {.start_unix_ns = 1, .end_unix_ns = 2};
    struct ray_store_error error;
    d.name = RAY_STR("late");
    d.text =
        RAY_STR("{\"id\":\"00000000000000c3\",\"name\":\"late\",\"start_time\":1,\"end_time\":2}");
    CHECK_OK(ray_trace_id_parse(RAY_STR(TRACE), &d.trace_id));
    usleep(50000);
    CHECK_OK(ray_store_put(f->store, &d, 1, &error));
    f->stored = 5;
    ray_api_wake(f->api);
    return NULL;
}

static void test_waits_for_exporter(void **state)
{
    (void)state;
    struct fixture f;
    struct ray_thread thread = {0};
    begin(&f, 0);
    f.accepted = 5;
    int fd = open_connection(&f);
    send_request(&f, fd, "POST /Traces", LOCAL, ids);
    CHECK_OK(ray_thread_start(&thread, "later", store_later, &f));
    ask(&f, "POST /Groups", LOCAL, "{}"); /* the listener's thread does not wait */
    expect(&f, "GetGroups");
    read_answer(&f, fd);
    expect(&f, "00000000000000c3");
    ray_thread_join(&thread);

    uint64_t before = ray_clock_monotonic_ns(&ray_clock_system);
    f.accepted = 9; /* an exporter that is stuck: the query answers with what is there */
    ask(&f, "POST /Traces", LOCAL, ids);
    expect(&f, "00000000000000c3");
    uint64_t waited_ms = (ray_clock_monotonic_ns(&ray_clock_system) - before) / RAY_NS_PER_MS;
    assert_in_range(waited_ms, 900, 3000);
    end(&f);
}

/* A query that waits while the program stops is answered all the same. */
static void test_stop(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    f.accepted = 5;
    int fd = open_connection(&f);
    send_request(&f, fd, "POST /Traces", LOCAL, ids);
    ask(&f, "POST /Groups", LOCAL, "{}"); /* both have arrived once this one is answered */
    end(&f);
    read_answer(&f, fd);
    expect(&f, "HTTP/1.1 ");
}

static void sign(char out[600], const char *secret, const char *body)
{
    char date[RAY_SIGV4_DATE_BYTES];
    uint64_t now_s = ray_clock_unix_ns(&ray_clock_system) / RAY_NS_PER_S;
    struct ray_buf authorization;
    struct ray_sigv4_key key = {.valid = false};
    struct ray_credentials *credentials =
        ray_credentials_new(RAY_STR("AKIDEXAMPLE"), ray_str_from(secret), RAY_STR(""), "test");
    ray_sigv4_date(now_s, date);
    ray_buf_init(&authorization, 1000);
    const struct ray_sigv4_header headers[] = {{RAY_STR("Host"), RAY_STR("127.0.0.1:1")},
                                               {RAY_STR("X-Amz-Date"), ray_str_from(date)}};
    struct ray_sigv4_request request = {RAY_STR("POST"), RAY_STR("/TraceSegments"), headers, 2,
                                        ray_str_from(body)};
    struct ray_sigv4_scope scope = {RAY_STR("us-east-1"), RAY_STR("xray"), now_s};
    CHECK_OK(ray_sigv4_sign(&request, &scope, credentials, &key, &authorization));
    snprintf(out, 600, LOCAL "X-Amz-Date: %s\r\nAuthorization: %.*s\r\n", date,
             RAY_STR_ARG(ray_buf_str(&authorization)));
    ray_buf_clear(&authorization);
    ray_credentials_unref(credentials);
}

static void test_signatures(void **state)
{
    (void)state;
    struct fixture f;
    char headers[600];
    begin(&f, 1);
    ask(&f, "POST /TraceSegments", LOCAL, document);
    expect(&f, "HTTP/1.1 403 ");
    expect(&f, "Exception");
    sign(headers, "SECRET", document);
    ask(&f, "POST /TraceSegments", headers, document);
    expect(&f, "{\"UnprocessedTraceSegments\":[]}");
    ask(&f, "POST /TraceSegments", headers, "{\"TraceSegmentDocuments\":[]}"); /* another body */
    expect(&f, "HTTP/1.1 403 ");
    sign(headers, "GUESSED", document);
    ask(&f, "POST /TraceSegments", headers, document);
    expect(&f, "HTTP/1.1 403 ");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol),           cmocka_unit_test(test_reads_own_writes),
        cmocka_unit_test(test_waits_for_exporter), cmocka_unit_test(test_stop),
        cmocka_unit_test(test_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
