/* otlp_grpc: does each call over a real socket end with the status that OTLP clients act on, with
 * bounded memory, and does stop leave nobody without an answer? */
#include "tests/unit/receiver/rig.h"

#include <poll.h>
#include <zlib.h>
#include <zstd.h>

#include "receiver/otlp_grpc.h"
#include "tests/unit/net/raw_client.h"
#include "tests/unit/receiver/grpc_client.h"
#include "tests/unit/receiver/request.h"

struct grpc_rig {
    struct rig rig;
    struct ray_otlp_grpc_options options;
    struct ray_otlp_grpc_settings settings;
    struct ray_otlp_grpc *grpc;
    struct client client;
};

static void grpc_open_patient(struct grpc_rig *r, uint32_t threads, bool gzip, uint32_t patience_ms)
{
    rig_open(&r->rig);
    r->options = (struct ray_otlp_grpc_options){.endpoint = RAY_STR("localhost:0"),
                                                .max_recv_msg_size_mib = 1,
                                                .max_concurrent_streams = 100,
                                                .keepalive_time_ms = 20000,
                                                .keepalive_timeout_ms = 10000};
    r->settings = (struct ray_otlp_grpc_settings){.options = &r->options,
                                                  .intake = r->rig.intake,
                                                  .ledger = &r->rig.ledger,
                                                  .budget = &r->rig.budget,
                                                  .clock = &ray_clock_system,
                                                  .threads = threads,
                                                  .message_timeout_ms = patience_ms};
    struct ray_net_error error = {.text = ""};
    if (ray_otlp_grpc_start(&r->settings, &r->grpc, &error) != RAY_OK) {
        fail_msg("%s", error.text);
    }
    client_open(&r->client, ray_otlp_grpc_port(r->grpc), gzip);
}

static void grpc_open(struct grpc_rig *r, uint32_t threads, bool gzip)
{
    grpc_open_patient(r, threads, gzip, 400);
}

static void grpc_close(struct grpc_rig *r)
{
    ray_otlp_grpc_stop(r->grpc, 5000);
    client_close(&r->client);
    rig_close(&r->rig);
}

static bool has(const char *bytes, size_t len, const char *needle)
{
    return ray_str_find((struct ray_str){bytes, len}, ray_str_from(needle)) != SIZE_MAX;
}

static void check_call(struct grpc_rig *r, const char *method, struct ray_str message,
                       grpc_status_code code, const char *text, bool retry_info)
{
    struct client_call *call = client_ask(&r->client, method, message);
    print_message("%s: %d %s\n", method, call->code, call->text);
    assert_int_equal(call->code, code);
    assert_non_null(strstr(call->text, text));
    assert_int_equal(has(call->details, call->details_bytes, "google.rpc.RetryInfo"), retry_info);
    client_free(call);
}

static void test_states_and_methods(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    struct ray_str good = request_of(5, 0, 0);
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_OK, "", false);
    check_call(&r, EXPORT_METHOD, RAY_STR(""), GRPC_STATUS_OK, "", false);
    assert_int_equal(rig_taken(&r.rig), 5);
    check_call(&r, EXPORT_METHOD, RAY_STR("\x0a\x7f"), GRPC_STATUS_INVALID_ARGUMENT,
               "runs past the end", false);
    check_call(&r, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", good,
               GRPC_STATUS_UNIMPLEMENTED, "only traces are taken here", false);

    struct client_call *health = client_ask(&r.client, "/grpc.health.v1.Health/Check", RAY_STR(""));
    assert_int_equal(health->code, GRPC_STATUS_OK);
    CHECK_VIEW(((struct ray_str){health->reply, health->reply_bytes}), RAY_STR("\x08\x01"));
    client_free(health);

    struct ray_str partly = request_of(5, 2, 0);
    struct client_call *partial = client_ask(&r.client, EXPORT_METHOD, partly);
    assert_int_equal(partial->code, GRPC_STATUS_OK);
    assert_true(has(partial->reply, partial->reply_bytes, "2 of 5 spans rejected"));
    client_free(partial);
    request_free(partly);

    static const struct {
        enum ray_status reserve, ticket;
        grpc_status_code code;
        bool retry_info;
    } cases[] = {
        {RAY_AGAIN, RAY_OK, GRPC_STATUS_RESOURCE_EXHAUSTED, true},
        {RAY_TOO_BIG, RAY_OK, GRPC_STATUS_RESOURCE_EXHAUSTED, false},
        {RAY_CLOSED, RAY_OK, GRPC_STATUS_UNAVAILABLE, true},
        {RAY_OK, RAY_IO, GRPC_STATUS_UNAVAILABLE, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fake_queue_set(&r.rig.queue, cases[i].reserve, RAY_OK, cases[i].ticket, false);
        check_call(&r, EXPORT_METHOD, good, cases[i].code, "", cases[i].retry_info);
    }
    request_free(good);
    grpc_close(&r);
}

/* Soft: what has arrived is answered "later"; hard: what is to come is not even waited for. A
 * request without spans passes the first. */
static void test_memory_limit(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    rig_limit_memory(&r.rig);
    struct ray_str good = request_of(5, 0, 0);
    struct ray_str none = RAY_STR("");
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_OK, "", false);
    for (size_t over = 1; over <= 2; over++) {
        atomic_store(&r.rig.held_bytes, (over << 20) + 1);
        check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_RESOURCE_EXHAUSTED, "memory_limiter", true);
        assert_int_equal(rig_refused_requests(&r.rig, RAY_REFUSED_MEMORY_LIMIT), over);
        if (over == 1) {
            check_call(&r, EXPORT_METHOD, none, GRPC_STATUS_OK, "", false);
        }
    }
    atomic_store(&r.rig.held_bytes, 0);
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_OK, "", false);
    request_free(good);
    ray_otlp_grpc_stop(r.grpc,
                       5000); /* an answer may be read before its request's memory is back */
    assert_int_equal(ray_memory_gate_used(&r.rig.gate), 0);
    client_close(&r.client);
    rig_close(&r.rig);
}

static void test_budget_and_size(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    struct ray_str good = request_of(5, 0, 0);
    assert_true(ray_budget_take(&r.rig.budget, r.rig.budget.limit_bytes - 16));
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_RESOURCE_EXHAUSTED, "max_in_flight_mib", true);
    assert_int_equal(rig_refused_requests(&r.rig, RAY_REFUSED_BUSY), 1);
    ray_budget_give(&r.rig.budget, r.rig.budget.limit_bytes - 16);

    struct ray_str large = request_of(1, 0, (1 << 20) + 1);
    check_call(&r, EXPORT_METHOD, large, GRPC_STATUS_RESOURCE_EXHAUSTED, "larger than max", false);
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_OK, "", false);
    request_free(large);
    request_free(good);
    grpc_close(&r);
}

/* ---- compression -------------------------------------------------------------------------------
 */

static struct ray_str gzip_of(struct ray_str in)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t size = deflateBound(&stream, in.len);
    char *out = malloc(size);
    assert_non_null(out);
    memcpy(&stream.next_in, &in.ptr, sizeof(in.ptr));
    stream.avail_in = (uInt)in.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)size;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t len = stream.total_out;
    deflateEnd(&stream);
    return (struct ray_str){out, len};
}

/* Sends bytes that are already compressed, or say so, and gives the status. */
static grpc_status_code send_packed(struct grpc_rig *r, struct ray_str packed, const char *text)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(packed.ptr, packed.len);
    grpc_byte_buffer *sent = grpc_raw_compressed_byte_buffer_create(&slice, 1, GRPC_COMPRESS_GZIP);
    grpc_slice_unref(slice);
    struct client_call *call = client_start_buffer(&r->client, EXPORT_METHOD, sent);
    client_wait(&r->client, call);
    print_message("packed: %d %s\n", call->code, call->text);
    assert_non_null(strstr(call->text, text));
    grpc_status_code code = call->code;
    client_free(call);
    return code;
}

static long peak_kib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    char line[256];
    long kib = -1;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    fclose(file);
    return kib;
}

static void test_compressed_messages(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, true);
    struct ray_str good = request_of(50, 0, 0);
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_OK, "", false); /* packed by the client */
    struct ray_str packed = gzip_of(good);
    assert_int_equal(send_packed(&r, packed, ""), GRPC_STATUS_OK);
    assert_int_equal(rig_taken(&r.rig), 100);
    assert_int_equal(send_packed(&r, ray_str_until(packed, packed.len / 2), "grpc-encoding"),
                     GRPC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(send_packed(&r, RAY_STR("no gzip"), "grpc-encoding"),
                     GRPC_STATUS_INVALID_ARGUMENT);
    request_free(packed);
    request_free(good);
    grpc_close(&r);
}

/* What core does not know it hands over unmarked. */
static void test_encodings_that_core_does_not_know(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    struct ray_str good = request_of(50, 0, 0);
    char frame[4096];
    size_t len = ZSTD_compress(frame, sizeof(frame), good.ptr, good.len, 3);
    check_call(&r, EXPORT_METHOD, (struct ray_str){frame, len}, GRPC_STATUS_OK, "", false);
    assert_int_equal(rig_taken(&r.rig), 50);
    check_call(&r, EXPORT_METHOD, RAY_STR("\xff\x06\x00\x00sNaPpY\x01"), GRPC_STATUS_UNIMPLEMENTED,
               "snappy is not served", false);
    request_free(good);
    grpc_close(&r);
}

/* 100 KB that would become 100 MB: refused, and the process does not grow by more than the cap. */
static void test_compression_bomb(void **state)
{
    (void)state;
    size_t zeros_bytes = (size_t)100 << 20;
    char *zeros = calloc(1, zeros_bytes); /* untouched pages of one zero page */
    struct ray_str bomb = gzip_of((struct ray_str){zeros, zeros_bytes});
    free(zeros);
    struct grpc_rig r;
    grpc_open(&r, 1, true);
    FILE *clear = fopen("/proc/self/clear_refs", "w"); /* 5: forget the peak so far */
    if (clear != NULL) {
        fputs("5", clear);
        fclose(clear);
    }
    long before = peak_kib();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(send_packed(&r, bomb, "inflates past"), GRPC_STATUS_RESOURCE_EXHAUSTED);
    }
    long grown = peak_kib() - before;
    print_message("grown by %ld KiB\n", grown);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(grown < 16 * 1024);
#endif
    assert_int_equal(rig_refused_requests(&r.rig, RAY_REFUSED_TOO_BIG), 10);
    request_free(bomb);
    grpc_close(&r);
}

/* ---- many, late, slow
 * ---------------------------------------------------------------------------- */

#define MANY 100

static void test_many_calls_with_late_tickets(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 2; threads++) {
        struct grpc_rig r;
        grpc_open(&r, threads, false);
        struct ray_str good = request_of(3, 0, 0);
        fake_queue_set(&r.rig.queue, RAY_OK, RAY_OK, RAY_OK, true);
        struct client_call *calls[MANY];
        for (int i = 0; i < MANY; i++) {
            calls[i] = client_start(&r.client, EXPORT_METHOD, good);
        }
        fake_queue_wait_held(&r.rig.queue, MANY);
        pthread_t releasers[2];
        for (int i = 0; i < 2; i++) {
            pthread_create(&releasers[i], NULL, fake_queue_release, &r.rig.queue);
        }
        for (int i = 0; i < MANY; i++) {
            client_wait(&r.client, calls[i]);
            assert_int_equal(calls[i]->code, GRPC_STATUS_OK);
            client_free(calls[i]);
        }
        for (int i = 0; i < 2; i++) {
            pthread_join(releasers[i], NULL);
        }
        assert_int_equal(rig_taken(&r.rig), 3 * MANY);
        request_free(good);
        grpc_close(&r);
    }
}

/* The calls that were begun get their answers, the ones after them are told to come back. */
static void test_stop_with_calls_pending(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 2, false);
    struct ray_str good = request_of(3, 0, 0);
    fake_queue_set(&r.rig.queue, RAY_OK, RAY_OK, RAY_OK, true);
    struct client_call *calls[5];
    for (int i = 0; i < 5; i++) {
        calls[i] = client_start(&r.client, EXPORT_METHOD, good);
    }
    fake_queue_wait_held(&r.rig.queue, 5);
    ray_otlp_grpc_quiesce(r.grpc);
    struct client_call *late = client_ask(&r.client, EXPORT_METHOD, good);
    print_message("after quiesce: %d %s\n", late->code, late->text);
    /* core's own CANCELLED when the call and the GOAWAY cross; OTLP clients resend after both */
    assert_true(late->code == GRPC_STATUS_UNAVAILABLE || late->code == GRPC_STATUS_CANCELLED);
    client_free(late);
    pthread_t releaser;
    pthread_create(&releaser, NULL, fake_queue_release, &r.rig.queue);
    for (int i = 0; i < 5; i++) {
        client_wait(&r.client, calls[i]);
        assert_int_equal(calls[i]->code, GRPC_STATUS_OK);
        client_free(calls[i]);
    }
    pthread_join(releaser, NULL);
    request_free(good);
    grpc_close(&r);
}

/* No time is left: connections are cut, but a ticket that is out is still waited for. */
static void *stop_at_once(void *argument)
{
    ray_otlp_grpc_stop(argument, 0);
    return NULL;
}

static void test_stop_without_time(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    struct ray_str good = request_of(3, 0, 0);
    fake_queue_set(&r.rig.queue, RAY_OK, RAY_OK, RAY_OK, true);
    struct client_call *call = client_start(&r.client, EXPORT_METHOD, good);
    fake_queue_wait_held(&r.rig.queue, 1);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_at_once, r.grpc);
    client_wait(&r.client, call);
    print_message("cut: %d %s\n", call->code, call->text);
    assert_int_not_equal(call->code, GRPC_STATUS_OK);
    client_free(call);
    fake_queue_release(&r.rig.queue);
    pthread_join(stopper, NULL);
    request_free(good);
    client_close(&r.client);
    rig_close(&r.rig);
}

/* ---- HTTP/2 by hand (RFC 9113, RFC 7541)
 * ---------------------------------------------------------- */

static void h2_frame(struct ray_buf *out, char type, char flags, uint32_t stream,
                     struct ray_str payload)
{
    char head[9] = {(char)(payload.len >> 16),
                    (char)(payload.len >> 8),
                    (char)payload.len,
                    type,
                    flags,
                    (char)(stream >> 24),
                    (char)(stream >> 16),
                    (char)(stream >> 8),
                    (char)stream};
    ray_buf_append(out, (struct ray_str){head, sizeof(head)});
    ray_buf_append(out, payload);
}

static void h2_preface(struct ray_buf *out)
{
    ray_buf_init(out, 1 << 20);
    ray_buf_append(out, RAY_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    h2_frame(out, 4, 0, 0, RAY_STR("")); /* SETTINGS */
}

/* HEADERS of an Export call, with END_HEADERS. */
static void h2_headers(struct ray_buf *out, uint32_t stream)
{
    struct ray_buf head;
    ray_buf_init(&head, 4096);
    ray_buf_append(&head, RAY_STR("\x83\x86\x04")); /* POST, http, :path */
    ray_buf_append_byte(&head, (char)strlen(EXPORT_METHOD));
    ray_buf_append(&head, ray_str_from(EXPORT_METHOD));
    ray_buf_append(&head, RAY_STR("\x01\x01x")); /* :authority */
    ray_buf_append(&head, RAY_STR("\x0f\x10\x10"
                                  "application/grpc")); /* content-type */
    ray_buf_append(&head, RAY_STR("\0\x02te\x08trailers"));
    h2_frame(out, 1, 4, stream, ray_buf_str(&head));
    ray_buf_clear(&head);
}

/* A message that never becomes complete. */
static void test_incomplete_message_is_cancelled(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    struct ray_buf out;
    h2_preface(&out);
    h2_headers(&out, 1);
    h2_frame(&out, 0, 0, 1, RAY_STR("\0\0\0\0\x64\x0a\x62")); /* 2 bytes of a message of 100 */
    int fd = raw_connect(ray_otlp_grpc_port(r.grpc));
    assert_true(raw_send(fd, out.data, out.len));
    /* the server's frames go on until it ends the stream, with trailers that say why */
    char seen[4096];
    size_t len = 0;
    while (len < sizeof(seen) && !has(seen, len, "not complete in time")) {
        ssize_t got = recv(fd, seen + len, sizeof(seen) - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    assert_true(has(seen, len, "not complete in time"));
    close(fd);
    ray_buf_clear(&out);
    struct ray_str good = request_of(3, 0, 0);
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_OK, "", false); /* the others are unharmed */
    assert_int_equal(rig_refused_requests(&r.rig, RAY_REFUSED_INVALID), 1);
    request_free(good);
    grpc_close(&r);
}

/* False when the far end has closed, although it does not read any longer. */
static bool push_until(int fd, struct ray_str bytes, uint64_t until_ns)
{
    size_t sent = 0;
    while (sent < bytes.len && ray_clock_monotonic_ns(&ray_clock_system) < until_ns) {
        struct pollfd wanted = {fd, POLLOUT | POLLRDHUP, 0};
        ssize_t now = send(fd, bytes.ptr + sent, bytes.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (now >= 0) {
            sent += (size_t)now;
        } else if (errno != EAGAIN ||
                   (poll(&wanted, 1, 100) > 0 && (wanted.revents & ~POLLOUT) != 0)) {
            return false;
        }
    }
    return true;
}

/* Opens calls and resets them as fast as they can be written. How many, until the connection was
 * cut; 0: it was not, for `seconds`. */
static uint32_t flood(uint16_t port, uint64_t seconds)
{
    struct ray_buf out;
    h2_preface(&out);
    int fd = raw_connect(port);
    uint32_t stream = 1;
    bool open = true;
    uint64_t until_ns = ray_clock_monotonic_ns(&ray_clock_system) + seconds * RAY_NS_PER_S;
    while (open && ray_clock_monotonic_ns(&ray_clock_system) < until_ns) {
        for (int i = 0; i < 200; i++, stream += 2) {
            h2_headers(&out, stream);
            h2_frame(&out, 3, 0, stream, RAY_STR("\0\0\0\x08")); /* RST_STREAM, CANCEL */
        }
        open = push_until(fd, ray_buf_str(&out), until_ns);
        ray_buf_reset(&out);
        char seen[65536];
        while (recv(fd, seen, sizeof(seen), MSG_DONTWAIT) > 0) {
        }
    }
    close(fd);
    ray_buf_clear(&out);
    return open ? 0 : stream / 2;
}

/* The connection is cut, others are served. */
static void test_rapid_reset_is_cut(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    uint32_t calls = flood(ray_otlp_grpc_port(r.grpc), 60);
    print_message("cut after %u calls\n", calls);
    assert_int_not_equal(calls, 0);
    struct ray_str good = request_of(3, 0, 0);
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_OK, "", false);
    request_free(good);
    grpc_close(&r);
}

struct flooder {
    pthread_t thread;
    uint16_t port;
    uint32_t cut;
};

static void *run_flooder(void *argument)
{
    struct flooder *flooder = argument;
    flooder->cut = flood(flooder->port, 20);
    return NULL;
}

/* As long as bytes come, core's threads read them: a flood must not keep us from ending. */
static void test_stop_during_a_flood(void **state)
{
    (void)state;
    struct flooder flooders[4];
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    for (size_t i = 0; i < 4; i++) {
        flooders[i].port = ray_otlp_grpc_port(r.grpc);
        pthread_create(&flooders[i].thread, NULL, run_flooder, &flooders[i]);
    }
    usleep(20000); /* sooner than the watch can cut one */
    uint64_t start_ns = ray_clock_monotonic_ns(&ray_clock_system);
    ray_otlp_grpc_stop(r.grpc, 100);
    uint64_t took_ms = (ray_clock_monotonic_ns(&ray_clock_system) - start_ns) / RAY_NS_PER_MS;
    print_message("stopped after %llu ms\n", (unsigned long long)took_ms);
    assert_true(took_ms < 2500);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(flooders[i].thread, NULL);
        assert_int_not_equal(flooders[i].cut, 0);
    }
    client_close(&r.client);
    rig_close(&r.rig);
}

/* Opens `count` connections with 100 calls each, begun in one write per connection. */
static void open_crowd(const struct grpc_rig *r, int *fds, size_t count, bool complete)
{
    struct ray_buf out;
    h2_preface(&out);
    for (uint32_t call = 0; call < 100; call++) {
        h2_headers(&out, 2 * call + 1);
        if (complete) { /* an empty message, END_STREAM */
            h2_frame(&out, 0, 1, 2 * call + 1, RAY_STR("\0\0\0\0\0"));
        }
    }
    for (size_t i = 0; i < count; i++) {
        fds[i] = raw_connect(ray_otlp_grpc_port(r->grpc));
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(raw_send(fds[i], out.data, out.len));
    }
    ray_buf_clear(&out);
}

/* Calls that were ended (HEADERS with END_STREAM) before `wanted` were or the connection ended. */
static size_t count_ended(int fd, size_t wanted)
{
    size_t ended = 0;
    unsigned char head[9];
    char payload[16384];
    while (ended < wanted && recv(fd, head, sizeof(head), MSG_WAITALL) == (ssize_t)sizeof(head)) {
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        if (len > sizeof(payload) ||
            (len > 0 && recv(fd, payload, len, MSG_WAITALL) != (ssize_t)len)) {
            break;
        }
        ended += head[3] == 1 && (head[4] & 1) != 0;
    }
    return ended;
}

/* As many calls as clients may begin, all at once, as after a restart: nobody is cut. */
static void test_burst_of_good_clients(void **state)
{
    (void)state;
    int fds[80];
    const size_t count = sizeof(fds) / sizeof(*fds);
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    open_crowd(&r, fds, count, true);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(count_ended(fds[i], 100), 100);
        close(fds[i]);
    }
    grpc_close(&r);
}

/* Calls begun and left alone: whoever works beside them is not taken for the culprit, and gets his
 * turn long before they are over. */
static void test_idle_crowd_harms_nobody(void **state)
{
    (void)state;
    int fds[60];
    const size_t count = sizeof(fds) / sizeof(*fds);
    struct grpc_rig r;
    grpc_open_patient(&r, 1, false, 30000);
    struct ray_str good = request_of(3, 0, 0);
    check_call(&r, EXPORT_METHOD, good, GRPC_STATUS_OK, "", false);
    open_crowd(&r, fds, count, false);
    size_t taken = 0;
    size_t told = 0;
    /* for some looks of the watch at least */
    uint64_t until_ns = ray_clock_monotonic_ns(&ray_clock_system) + 400 * RAY_NS_PER_MS;
    while (taken < 100 || ray_clock_monotonic_ns(&ray_clock_system) < until_ns) {
        struct client_call *call = client_ask(&r.client, EXPORT_METHOD, good);
        if (call->code == GRPC_STATUS_OK) {
            taken++;
        } else if (has(call->details, call->details_bytes, "google.rpc.RetryInfo")) {
            told++;
            usleep(1000);
        } else {
            fail_msg("%d %s", call->code, call->text);
        }
        client_free(call);
    }
    print_message("%zu taken, %zu told to come again, %zu calls idle\n", taken, told, 100 * count);
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
    request_free(good);
    grpc_close(&r);
}

static void test_port_in_use(void **state)
{
    (void)state;
    struct grpc_rig r;
    grpc_open(&r, 1, false);
    char endpoint[64];
    int len = snprintf(endpoint, sizeof(endpoint), "localhost:%u", ray_otlp_grpc_port(r.grpc));
    struct ray_otlp_grpc_options options = r.options;
    options.endpoint = (struct ray_str){endpoint, (size_t)len};
    struct ray_otlp_grpc_settings settings = r.settings;
    settings.options = &options;
    struct ray_otlp_grpc *second = NULL;
    struct ray_net_error error = {.text = ""};
    assert_int_equal(ray_otlp_grpc_start(&settings, &second, &error), RAY_IO);
    print_message("%s\n", error.text);
    assert_non_null(strstr(error.text, "in use"));
    assert_non_null(strstr(error.text, strchr(endpoint, ':')));
    grpc_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_and_methods),
        cmocka_unit_test(test_budget_and_size),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_compressed_messages),
        cmocka_unit_test(test_encodings_that_core_does_not_know),
        cmocka_unit_test(test_compression_bomb),
        cmocka_unit_test(test_many_calls_with_late_tickets),
        cmocka_unit_test(test_stop_with_calls_pending),
        cmocka_unit_test(test_stop_without_time),
        cmocka_unit_test(test_incomplete_message_is_cancelled),
        cmocka_unit_test(test_rapid_reset_is_cut),
        cmocka_unit_test(test_stop_during_a_flood),
        cmocka_unit_test(test_burst_of_good_clients),
        cmocka_unit_test(test_idle_crowd_harms_nobody),
        cmocka_unit_test(test_port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
