/* xray_daemon: is nothing lost while the network refuses, fills up or is not there yet, are the
 * waits right, is everything counted? A scripted network in virtual time. */
#include "exporter/xray_daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/check.h"

#define DOCUMENTS_MAX 8192

/* A far end, and a clock that only waiting moves. */
struct far_end {
    struct ray_udp_out face;
    struct ray_clock clock;
    uint64_t now_ns;
    /* the script */
    bool away;            /* takes one datagram of a call, which comes back at once */
    bool comes_back_late; /* or at the next question */
    bool no_such_host;
    size_t room; /* datagrams until it says `full` */
    int full;
    size_t too_long; /* what is longer than that is refused; 0: nothing */
    /* what happened */
    int pending;
    unsigned opens, sends, waits_for_room;
    unsigned got[DOCUMENTS_MAX]; /* by id; what came back is not got */
    uint64_t last_ns;
    size_t datagrams, longest;
};

static uint64_t far_now(const struct ray_clock *clock)
{
    return ((const struct far_end *)clock->context)->now_ns;
}

static enum ray_status far_open(struct ray_udp_out *out, struct ray_net_error *error)
{
    struct far_end *far = (struct far_end *)out;
    far->opens++;
    snprintf(error->text, sizeof(error->text), "no such host");
    return far->no_such_host ? RAY_IO : RAY_OK;
}

static void take(struct far_end *far, struct ray_str text)
{
    size_t id_at = ray_str_find(text, RAY_STR("\"id\":\""));
    unsigned id = 0;
    assert_true(id_at != SIZE_MAX && sscanf(text.ptr + id_at + 6, "%16x", &id) == 1);
    far->got[id % DOCUMENTS_MAX]++;
    far->longest = text.len > far->longest ? text.len : far->longest;
}

static size_t far_send(struct ray_udp_out *out, struct ray_str prefix, const struct ray_str *texts,
                       size_t count, int *code)
{
    struct far_end *far = (struct far_end *)out;
    CHECK_STR(prefix, "{\"format\":\"json\",\"version\":1}\n");
    far->sends++;
    *code = 0;
    for (size_t i = 0; i < count; i++) {
        if (far->room == 0) {
            *code = far->full;
            return i;
        }
        if (far->too_long > 0 && texts[i].len > far->too_long) {
            *code = EMSGSIZE;
            return i;
        }
        far->room--;
        far->datagrams++;
        far->last_ns = far->now_ns;
        if (far->away) {
            far->pending = far->comes_back_late ? ECONNREFUSED : 0;
            *code = far->comes_back_late ? 0 : ECONNREFUSED;
            if (!far->comes_back_late) {
                return i + 1;
            }
            continue;
        }
        take(far, texts[i]);
    }
    return count;
}

static int far_returned(struct ray_udp_out *out)
{
    struct far_end *far = (struct far_end *)out;
    int code = far->pending;
    far->pending = 0;
    return code;
}

static void far_wait(struct ray_udp_out *out, bool for_room, uint32_t timeout_ms)
{
    struct far_end *far = (struct far_end *)out;
    far->waits_for_room += for_room;
    if (for_room) {
        far->room = 10;
        timeout_ms = 1;
    }
    far->now_ns += (timeout_ms > 0 ? timeout_ms : 1) * RAY_NS_PER_MS;
}

static void far_nothing(struct ray_udp_out *out)
{
    (void)out;
}

static const struct ray_udp_out_ops far_ops = {far_open, far_send,    far_returned,
                                               far_wait, far_nothing, far_nothing};

struct fixture {
    struct far_end far;
    struct ray_xray_daemon_options options;
    struct ray_exporter_environment environment;
    struct ray_history *history;
    struct ray_xray_daemon *exporter;
    unsigned pushed;
};

static void begin_with(struct fixture *f, unsigned per_second, uint64_t max_age_ms)
{
    memset(f, 0, sizeof(*f));
    f->far.face.ops = &far_ops;
    f->far.now_ns = 1000 * RAY_NS_PER_S;
    f->far.room = SIZE_MAX;
    f->far.clock = (struct ray_clock){far_now, far_now, &f->far};
    f->options.endpoint = RAY_STR("127.0.0.1:2000");
    f->options.max_datagrams_per_second = per_second;
    struct ray_queue_options queue = {.max_bytes = 64u << 20, .max_linger_ms = 1};
    f->history = ray_history_new(
        &(struct ray_history_options){.traces = 16, .refused = 4, .clock = &f->far.clock});
    assert_non_null(f->history);
    f->environment = (struct ray_exporter_environment){
        .id = "xray_daemon",
        .queue = ray_queue_new(&queue),
        .profile = 7,
        .max_age_ms = max_age_ms,
        .history = ray_history_column(f->history, "xray_daemon"),
        .metrics = ray_metrics_new(),
        .clock = &f->far.clock,
    };
    f->exporter = ray_xray_daemon_new(&f->options, &f->environment, &f->far.face);
    assert_non_null(f->exporter);
}

static void begin(struct fixture *f, unsigned per_second)
{
    begin_with(f, per_second, 0);
}

static void open_it(struct fixture *f)
{
    struct ray_net_error error = {""};
    CHECK_OK(ray_xray_daemon_open(f->exporter, &error));
}

static void end(struct fixture *f)
{
    ray_xray_daemon_free(f->exporter);
    ray_queue_free(f->environment.queue);
    ray_metrics_free(f->environment.metrics);
    ray_history_free(f->history);
}

static void on_taken(struct ray_ticket *ticket, enum ray_status status)
{
    (void)ticket;
    CHECK_OK(status);
}

static struct ray_ticket ticket = {on_taken};

/* One batch of `count` documents; `extra` is their further members. */
static void push(struct fixture *f, unsigned count, const char *extra)
{
    struct ray_batch *batch = ray_batch_new(32u << 20);
    ray_batch_begin_section(batch, 7);
    for (unsigned i = 0; i < count; i++) {
        struct ray_trace_id id = {{1}};
        uint8_t span[8] = {1};
        ray_buf_printf(ray_batch_begin_document(batch),
                       "{\"id\":\"%016x\",\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\"%s}",
                       ++f->pushed, extra);
        CHECK_OK(ray_batch_end_document(batch, &id, span, i));
    }
    ray_batch_set_accepted(batch, f->far.now_ns);
    ray_batch_seal(batch);
    ray_history_taken(&(struct ray_history_owed){f->environment.history, 7}, 1, batch);
    CHECK_OK(ray_queue_push(f->environment.queue, batch, 0, &ticket));
}

static void step_for(struct fixture *f, uint32_t ms)
{
    uint64_t until = f->far.now_ns + ms * RAY_NS_PER_MS;
    while (f->far.now_ns < until) {
        uint64_t left_ms = (until - f->far.now_ns) / RAY_NS_PER_MS;
        if (!ray_xray_daemon_step(f->exporter, left_ms < 1000 ? (uint32_t)left_ms : 1000)) {
            return;
        }
    }
}

static int64_t metric(const struct fixture *f, const char *name)
{
    struct ray_buf page;
    ray_buf_init(&page, 1u << 20);
    ray_metrics_write(f->environment.metrics, &page);
    ray_buf_append_byte(&page, '\0');
    size_t at = ray_str_find(ray_buf_str(&page), ray_str_from(name));
    int64_t value = at == SIZE_MAX ? 0 : atoll(page.data + at + strlen(name));
    ray_buf_clear(&page);
    return value;
}

#define DELIVERED "\nspanbridge_exporter_delivered_documents{exporter=\"xray_daemon\"} "
#define DROPPED(reason)                                                                            \
    "\nspanbridge_exporter_dropped_documents{exporter=\"xray_daemon\",reason=\"" reason "\"} "
#define RETRIED(reason)                                                                            \
    "\nspanbridge_exporter_retried_documents{exporter=\"xray_daemon\",reason=\"" reason "\"} "

/* Each of what was pushed arrived, at most `most` times. */
static void all_arrived(const struct fixture *f, unsigned most)
{
    for (unsigned i = 1; i <= f->pushed; i++) {
        if (f->far.got[i] < 1 || f->far.got[i] > most) {
            fail_msg("document %u of %u arrived %u times", i, f->pushed, f->far.got[i]);
        }
    }
}

static void close_and_stop(struct fixture *f, uint32_t timeout_ms, uint64_t given_up)
{
    ray_queue_close(f->environment.queue);
    assert_int_equal(ray_xray_daemon_stop(f->exporter, timeout_ms), given_up);
}

static void test_delivers(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    open_it(&f);
    push(&f, 5000, "");
    push(&f, 3, "");
    step_for(&f, 5);
    all_arrived(&f, 1);
    assert_in_range(metric(&f, DELIVERED), 3000, 5002); /* the last ones are in doubt */
    step_for(&f, 200);
    assert_int_equal(metric(&f, DELIVERED), 5003);
    assert_in_range(f.far.sends, 70, 200);
    close_and_stop(&f, 1000, 0);
    end(&f);
}

static void test_full_buffers(void **state)
{
    (void)state;
    const int codes[] = {EAGAIN, ENOBUFS};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        begin(&f, 0);
        open_it(&f);
        f.far.full = codes[i];
        f.far.room = 100;
        push(&f, 500, "");
        step_for(&f, 50);
        if (codes[i] == ENOBUFS) {
            assert_in_range(f.far.sends, 10, 60); /* no spinning */
            f.far.room = SIZE_MAX;
        }
        close_and_stop(&f, 5000, 0);
        all_arrived(&f, 1);
        assert_int_equal(metric(&f, DELIVERED), 500);
        assert_true(codes[i] != EAGAIN || f.far.waits_for_room >= 40);
        end(&f);
    }
}

/* Nobody listens for a minute: nothing is lost, and it costs an attempt per few seconds. */
static void outage(bool comes_back_late)
{
    struct fixture f;
    begin(&f, 0);
    open_it(&f);
    f.far.away = true;
    f.far.comes_back_late = comes_back_late;
    push(&f, 300, "");
    step_for(&f, 60000);
    assert_int_equal(metric(&f, DELIVERED), 0);
    assert_in_range(f.far.datagrams, 10, 500);
    assert_in_range(metric(&f, RETRIED("refused")), 10, 500);
    assert_in_range(f.far.opens, 8, 14); /* the name is looked up again */
    f.far.away = false;
    step_for(&f, 10000);
    all_arrived(&f, 1);
    assert_int_equal(metric(&f, DELIVERED), 300);
    close_and_stop(&f, 1000, 0);
    end(&f);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    outage(false);
    outage(true);
}

/* The far end went away after a good while: what came back is among what is in doubt. */
static void test_goes_away(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    open_it(&f);
    push(&f, 100, "");
    step_for(&f, 300);
    f.far.away = f.far.comes_back_late = true;
    push(&f, 100, "");
    step_for(&f, 1000);
    assert_int_equal(metric(&f, DELIVERED), 100);
    f.far.away = false;
    step_for(&f, 10000);
    all_arrived(&f, 1);
    assert_int_equal(metric(&f, DELIVERED), 200);
    close_and_stop(&f, 1000, 0);
    end(&f);
}

static void test_pace(void **state)
{
    (void)state;
    const unsigned rates[] = {1, 10, 1000, 50000};
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        unsigned rate = rates[i], seconds = rate == 1 ? 10 : rate < 5000 ? 2 : 0;
        begin(&f, rate);
        open_it(&f);
        push(&f, 8000, "");
        step_for(&f, seconds > 0 ? seconds * 1000 : 100);
        double want = seconds > 0 ? rate * seconds : rate / 10.0;
        assert_in_range(f.far.datagrams, (size_t)(want * 0.98),
                        (size_t)(want * 1.02) + rate / 100 + 2);
        close_and_stop(&f, 0, 8000 - f.far.datagrams);
        end(&f);
    }
}

static void test_host_not_found(void **state)
{
    (void)state;
    struct fixture f;
    char why[200];
    begin(&f, 0);
    f.far.no_such_host = true;
    open_it(&f);
    push(&f, 10, "");
    step_for(&f, 20000);
    assert_false(ray_xray_daemon_ready(f.exporter, why));
    assert_string_equal(why, "no such host");
    assert_in_range(f.far.opens, 4, 6);
    f.far.no_such_host = false;
    step_for(&f, 6000);
    assert_true(ray_xray_daemon_ready(f.exporter, why));
    close_and_stop(&f, 1000, 0);
    all_arrived(&f, 1);
    end(&f);
}

static void test_too_large(void **state)
{
    (void)state;
    struct fixture f;
    char *extra = malloc(200000);
    begin(&f, 0);
    open_it(&f);
    /* two subsegments of 40,000 bytes: one leaves. Their ids are no documents' */
    snprintf(extra, 200000,
             ",\"subsegments\":[{\"id\":\"%016x\",\"n\":\"%040000d\"},"
             "{\"id\":\"%016x\",\"n\":\"%040000d\"}]",
             8000, 0, 8001, 0);
    push(&f, 1, extra);
    snprintf(extra, 200000, ",\"n\":\"%070000d\"", 0);
    push(&f, 1, extra);
    push(&f, 1, "");
    close_and_stop(&f, 1000, 0);
    assert_int_equal(f.far.datagrams, 3);
    assert_int_equal(f.far.got[1], 1);
    assert_int_equal(f.far.got[2], 0);
    assert_int_equal(f.far.got[3], 1);
    assert_int_equal(f.far.got[8000], 1);
    assert_true(f.far.longest <= 65477);
    assert_int_equal(metric(&f, DELIVERED), 2);
    assert_int_equal(metric(&f, DROPPED("too_big")), 1);
    free(extra);
    end(&f);
}

/* Of the trace that all documents are of: "waiting delivered dropped reason". */
static void check_fate(const struct fixture *f, const char *want)
{
    struct ray_arena *arena = ray_arena_new(1u << 20);
    struct ray_trace_id id = {{1}};
    struct ray_history_answer answer;
    CHECK_OK(ray_history_find(f->history, &id, arena, &answer));
    assert_int_equal(answer.fate_count, 1);
    const struct ray_history_fate *fate = &answer.fates[0];
    CHECK_STR(ray_arena_printf(arena, "%u %u %u %s", fate->waiting, fate->delivered, fate->dropped,
                               fate->reason),
              want);
    ray_arena_free(arena);
}

/* What waits too long goes, wherever it waits: in parts, in the ring and in the queue. */
static void test_max_age(void **state)
{
    (void)state;
    struct fixture f;
    char *parts = malloc(200000);
    snprintf(parts, 200000,
             ",\"n\":\"%040000d\",\"subsegments\":[{\"id\":\"%016x\",\"n\":\"%040000d\"}]", 0, 8000,
             0);
    begin_with(&f, 0, 30000);
    open_it(&f);
    f.far.away = true;
    push(&f, 4, "");
    push(&f, 1, parts);
    step_for(&f, 20000);
    check_fate(&f, "5 0 0 refused");
    push(&f, 2000, "");
    step_for(&f, 16000); /* five seconds between two looks at most */
    assert_int_equal(metric(&f, DROPPED("max_age")), 5);
    check_fate(&f, "2000 0 5 max_age");
    step_for(&f, 20000);
    assert_int_equal(metric(&f, DROPPED("max_age")), 2005);
    push(&f, 3, "");
    f.far.away = false;
    close_and_stop(&f, 6000, 0);
    assert_int_equal(metric(&f, DELIVERED), 3);
    assert_int_equal(metric(&f, DROPPED("max_age")), 2005);
    assert_int_equal(f.far.datagrams - f.far.got[2006] - f.far.got[2007] - f.far.got[2008],
                     metric(&f, RETRIED("refused")));
    check_fate(&f, "0 3 2005 max_age");
    free(parts);
    end(&f);
}

/* And what the pace holds back. */
static void test_max_age_at_a_pace(void **state)
{
    (void)state;
    struct fixture f;
    begin_with(&f, 1, 10000);
    open_it(&f);
    push(&f, 3000, "");
    step_for(&f, 20000);
    assert_in_range(metric(&f, DELIVERED), 10, 12);
    assert_int_equal(metric(&f, DELIVERED) + metric(&f, DROPPED("max_age")), 3000);
    close_and_stop(&f, 1000, 0);
    end(&f);
}

/* A dead far end holds no stop up past its deadline, and what is given up is counted. */
static void test_gives_up(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    open_it(&f);
    f.far.away = true;
    push(&f, 50, "");
    step_for(&f, 1000);
    uint64_t before = f.far.now_ns;
    close_and_stop(&f, 3000, 50);
    assert_in_range((f.far.now_ns - before) / RAY_NS_PER_MS, 2900, 3100);
    assert_int_equal(metric(&f, DROPPED("shutdown")), 50);
    end(&f);
}

/* What the kernel takes at no time goes, and nothing with it. */
static void test_kernel_says_too_long(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    open_it(&f);
    f.far.room = 3;
    f.far.full = EMSGSIZE;
    push(&f, 5, "");
    step_for(&f, 1);
    close_and_stop(&f, 1000, 0);
    assert_int_equal(metric(&f, DELIVERED), 3);
    assert_int_equal(metric(&f, DROPPED("too_big")), 2);
    end(&f);
}

/* ... nor does the history forget those who went out behind a document that lost a part. */
static void test_kernel_takes_a_part(void **state)
{
    (void)state;
    struct fixture f;
    char *parts = malloc(200000);
    snprintf(parts, 200000,
             ",\"n\":\"%040000d\",\"subsegments\":[{\"id\":\"%016x\",\"n\":\"%030000d\"}]", 0, 8000,
             0);
    begin(&f, 0);
    open_it(&f);
    f.far.too_long = 35000;
    push(&f, 2, "");
    push(&f, 1, parts);
    push(&f, 4, "");
    close_and_stop(&f, 1000, 0);
    assert_int_equal(f.far.got[8000], 1);
    assert_int_equal(metric(&f, DELIVERED), 6);
    assert_int_equal(metric(&f, DROPPED("too_big")), 1);
    check_fate(&f, "0 6 1 too_big");
    free(parts);
    end(&f);
}

/* With its own thread, socket and clock: pushed while it runs, drained by the stop. */
static void test_thread(void **state)
{
    (void)state;
    struct fixture f;
    struct ray_net_error error = {""};
    char endpoint[32], datagram[256];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    begin(&f, 0);
    ray_xray_daemon_free(f.exporter);
    snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", ntohs(at.sin_port));
    f.options.endpoint = ray_str_from(endpoint);
    f.environment.clock = &ray_clock_system;
    f.exporter = ray_xray_daemon_new(&f.options, &f.environment, NULL);
    CHECK_OK(ray_xray_daemon_start(f.exporter, &error));
    for (unsigned i = 0; i < 10; i++) {
        push(&f, 10, "");
    }
    close_and_stop(&f, 20000, 0);
    for (unsigned i = 0; i < 100; i++) {
        ssize_t got = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT);
        assert_true(got > 0);
        take(&f.far, (struct ray_str){datagram, (size_t)got});
    }
    all_arrived(&f, 1);
    close(fd);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivers),
        cmocka_unit_test(test_full_buffers),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_goes_away),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_host_not_found),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_max_age),
        cmocka_unit_test(test_max_age_at_a_pace),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_kernel_says_too_long),
        cmocka_unit_test(test_kernel_takes_a_part),
        cmocka_unit_test(test_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
