/* why: is each thing that can have become of a trace said in words, and what is not known, too? */
#include "daemon/why.h"

#include "queue/ledger.h"
#include "tests/unit/check.h"

#define START_S 1764000000u /* 2025-11-24T16:00:00Z */

static uint64_t read_clock(const struct ray_clock *clock)
{
    return *(const uint64_t *)clock->context;
}

struct fixture {
    uint64_t now_ns;
    struct ray_clock clock;
    struct ray_history *history;
    struct ray_history_column *aws, *local, *udp;
    struct ray_metrics *metrics;
    struct ray_exporter_ledger *ledger; /* of aws */
    struct ray_graph_exporter exporters[3];
    struct ray_why_sources sources;
    struct ray_arena *arena;
    struct ray_buf out;
};

static void set_up(struct fixture *f)
{
    *f = (struct fixture){.now_ns = START_S * RAY_NS_PER_S,
                          .exporters = {{"awsxray/eu", "awsxray", true, ""},
                                        {"local", "local", true, ""},
                                        {"xray_daemon", "xray_daemon", true, ""}}};
    f->clock = (struct ray_clock){read_clock, read_clock, &f->now_ns};
    f->history = ray_history_new(
        &(struct ray_history_options){.traces = 4, .refused = 8, .clock = &f->clock});
    f->aws = ray_history_column(f->history, "awsxray/eu");
    f->local = ray_history_column(f->history, "local");
    f->udp = ray_history_column(f->history, "xray_daemon");
    f->metrics = ray_metrics_new();
    f->ledger = ray_exporter_ledger_new(f->metrics, "awsxray/eu");
    f->arena = ray_arena_new(1 << 20);
    f->sources = (struct ray_why_sources){f->history, f->metrics, f->exporters, 3, START_S};
    ray_buf_init(&f->out, 1 << 20);
}

static void tear_down(struct fixture *f)
{
    ray_buf_clear(&f->out);
    ray_arena_free(f->arena);
    ray_exporter_ledger_free(f->ledger);
    ray_metrics_free(f->metrics);
    ray_history_free(f->history);
}

static const struct ray_trace_id trace = {{0x57, 0x59, 0xe9, 0x88, 0xbd, 0x86, 0x2e, 0x3f, 0xe1,
                                           0xbe, 0x46, 0xa9, 0x94, 0x27, 0x27, 0x93}};

static void note(struct ray_history_column *column, enum ray_history_event event,
                 const char *reason, unsigned documents)
{
    struct ray_history_pen pen;
    ray_history_begin(&pen, column, event, ray_str_from(reason));
    for (unsigned i = 0; i < documents; i++) {
        ray_history_note(&pen, &trace);
    }
    ray_history_end(&pen);
}

static void pass_s(struct fixture *f, unsigned seconds)
{
    f->now_ns += seconds * RAY_NS_PER_S;
}

/* Everything between "state": and ,"complete_since". */
static void check_answer(struct fixture *f, const char *want)
{
    ray_buf_reset(&f->out);
    CHECK_OK(ray_why_write(&f->sources, &trace, f->arena, &f->out));
    struct ray_str text = ray_buf_str(&f->out);
    struct ray_str begin = RAY_STR("{\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\","
                                   "\"w3c_trace_id\":\"5759e988bd862e3fe1be46a994272793\","
                                   "\"state\":");
    assert_true(ray_str_starts_with(text, begin));
    text = ray_str_from_pos(text, begin.len);
    CHECK_STR(ray_str_until(text, ray_str_find(text, RAY_STR(",\"complete_since\""))), want);
}

static void test_delivered(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    note(f.aws, RAY_HISTORY_TAKEN, "", 12);
    note(f.local, RAY_HISTORY_TAKEN, "", 1);
    note(f.udp, RAY_HISTORY_TAKEN, "", 2);
    pass_s(&f, 2);
    note(f.aws, RAY_HISTORY_DELIVERED, "", 12);
    note(f.local, RAY_HISTORY_DELIVERED, "", 1);
    note(f.udp, RAY_HISTORY_DELIVERED, "", 2);
    check_answer(&f, "\"delivered\",\"answer\":["
                     "\"delivered: 12 documents by exporter awsxray/eu, the last "
                     "2025-11-24T16:00:02Z, taken 2025-11-24T16:00:00Z\","
                     "\"delivered: 1 document by exporter local (stored on this machine), the last "
                     "2025-11-24T16:00:02Z, taken 2025-11-24T16:00:00Z\","
                     "\"delivered: 2 documents by exporter xray_daemon (handed to the kernel: a "
                     "daemon gives no answer), the last 2025-11-24T16:00:02Z, taken "
                     "2025-11-24T16:00:00Z\"]");
    tear_down(&f);
}

#define WAITS                                                                                      \
    "\"waiting\",\"answer\":[\"waiting: 3 documents for exporter awsxray/eu since "                \
    "2025-11-24T16:00:00Z: "

/* What stops everything comes first, then what the last attempt met, then the queue. */
static void test_waiting_and_why(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    ray_ledger_exporter_took(f.ledger, 40);
    note(f.aws, RAY_HISTORY_TAKEN, "", 3);
    check_answer(&f, WAITS "its turn comes, 40 in all wait or are on their way\"]");
    pass_s(&f, 60);
    note(f.aws, RAY_HISTORY_RETRIED, "ThrottledException", 3);
    check_answer(&f, WAITS
                 "attempts fail since 2025-11-24T16:01:00Z, the last one 2025-11-24T16:01:00Z: "
                 "ThrottledException\"]");
    f.exporters[0].ready = false;
    snprintf(f.exporters[0].why, sizeof(f.exporters[0].why), "no credentials");
    check_answer(&f, WAITS "no credentials\"]");
    ray_ledger_dropped(f.ledger, RAY_STR("queue_full"), 9);
    check_answer(&f, WAITS "no credentials\",\"unless it is among what the queue of exporter "
                           "awsxray/eu gave up unread, being full or damaged: 9 documents\"]");
    tear_down(&f);
}

static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    note(f.aws, RAY_HISTORY_TAKEN, "", 2);
    ray_history_dropped(f.aws, &trace, (const uint8_t[8]){0x53, 0x99}, RAY_STR("InvalidSegment"));
#define REFUSED                                                                                    \
    "\"refused: 1 document by exporter awsxray/eu, the last 2025-11-24T16:00:00Z: "                \
    "InvalidSegment\",\"refused: span 5399000000000000 by awsxray/eu 2025-11-24T16:00:00Z: "       \
    "InvalidSegment\"]"
    note(f.aws, RAY_HISTORY_DELIVERED, "", 1);
    check_answer(&f, "\"partly_refused\",\"answer\":[\"delivered: 1 document by exporter "
                     "awsxray/eu, the last 2025-11-24T16:00:00Z, taken "
                     "2025-11-24T16:00:00Z\"," REFUSED);
    tear_down(&f);
}

/* A full queue is no last word: a client that came again is delivered. */
static void test_refused_for_a_time(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
#define FULL                                                                                       \
    "\"refused: 5 spans not taken in, the last 2025-11-24T16:00:00Z: queue_full; the client was "  \
    "told to send again\""
    note(ray_history_door(f.history), RAY_HISTORY_REFUSED, "queue_full", 5);
    check_answer(&f, "\"refused\",\"answer\":[" FULL "]");
    pass_s(&f, 1);
    note(f.aws, RAY_HISTORY_TAKEN, "", 5);
    note(f.aws, RAY_HISTORY_DELIVERED, "", 5);
    check_answer(&f, "\"delivered\",\"answer\":[" FULL
                     ",\"delivered: 5 documents by exporter awsxray/eu, the last "
                     "2025-11-24T16:00:01Z, taken 2025-11-24T16:00:01Z\"]");
    tear_down(&f);
}

/* A full queue that gives up its oldest tells nobody whose they were. */
static void test_unheard(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    note(f.aws, RAY_HISTORY_TAKEN, "", 2);
    f.sources.now_unix_s = START_S + 5;
    check_answer(&f, "\"waiting\",\"answer\":[\"waiting: 2 documents for exporter awsxray/eu since "
                     "2025-11-24T16:00:00Z: its turn comes, 0 in all wait or are on their way\"]");
    f.sources.now_unix_s = START_S + 6;
    check_answer(&f,
                 "\"unknown\",\"answer\":[\"unknown: 2 documents for exporter awsxray/eu, taken "
                 "2025-11-24T16:00:00Z; its queue is empty, and what became of them was not "
                 "heard\"]");
    tear_down(&f);
}

static void test_not_seen(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    check_answer(&f, "\"not_seen\",\"answer\":[\"not seen since 2025-11-24T16:00:01Z\"]");
    ray_ledger_recovered(f.ledger, 7);
    check_answer(&f, "\"not_seen\",\"answer\":[\"not seen since 2025-11-24T16:00:01Z\","
                     "\"it may be among what waits for exporter awsxray/eu since before that: 7 "
                     "documents (found in its queue at the start)\"]");
    note(f.aws, RAY_HISTORY_TAKEN, "", 1); /* of what waits, one is known by trace */
    ray_ledger_left_queue(f.ledger, 6);
    check_answer(&f, "\"waiting\",\"answer\":[\"waiting: 1 document for exporter awsxray/eu since "
                     "2025-11-24T16:00:00Z: its turn comes, 1 in all wait or are on their way\"]");
    tear_down(&f);
}

static void test_all_refusals(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    struct ray_history_refusal refusal = {
        .trace_id = trace, .where = "otlp", .reason = "invalid", .message = "says \"no\""};
    ray_history_keep_refusal(f.aws, &refusal);
    CHECK_OK(ray_why_write_refusals(&f.sources, f.arena, &f.out));
    CHECK_BUF(&f.out,
              "{\"complete_since\":\"2025-11-24T16:00:01Z\",\"refusals\":[{\"time\":"
              "\"2025-11-24T16:00:00Z\",\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\","
              "\"w3c_trace_id\":\"5759e988bd862e3fe1be46a994272793\",\"span_id\":"
              "\"0000000000000000\",\"by\":\"otlp\",\"reason\":\"invalid\",\"message\":\"says "
              "\\\"no\\\"\"}]}");
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivered),    cmocka_unit_test(test_waiting_and_why),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_refused_for_a_time),
        cmocka_unit_test(test_not_seen),     cmocka_unit_test(test_unheard),
        cmocka_unit_test(test_all_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
