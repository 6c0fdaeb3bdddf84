/* intake: does each state of the queues and each kind of request give the answer that tells a
 * client rightly whether to send again, and does the ledger know? */
#include "tests/unit/receiver/rig.h"

#include "tests/unit/receiver/request.h"

struct asked {
    struct ray_intake_call call; /* first */
    int answers;
};

static void on_answered(struct ray_intake_call *call)
{
    ((struct asked *)(void *)call)->answers++;
}

static struct asked ask(struct rig *rig, struct ray_arena *arena, enum ray_otlp_encoding encoding,
                        struct ray_str body)
{
    struct asked asked = {.call = {.body = body,
                                   .encoding = encoding,
                                   .arena = arena,
                                   .ledger = &rig->ledger,
                                   .answered = on_answered}};
    ray_intake_take(rig->intake, &asked.call);
    return asked;
}

static void test_states_of_the_queue(void **state)
{
    (void)state;
    static const struct {
        enum ray_status reserve, push, ticket, want;
        enum ray_refusal reason;
        bool resend;
    } cases[] = {
        {RAY_OK, RAY_OK, RAY_OK, RAY_OK, RAY_REFUSED_COUNT, false},
        {RAY_AGAIN, RAY_OK, RAY_OK, RAY_AGAIN, RAY_REFUSED_QUEUE_FULL, true},
        {RAY_TOO_BIG, RAY_OK, RAY_OK, RAY_TOO_BIG, RAY_REFUSED_TOO_BIG, false},
        {RAY_CLOSED, RAY_OK, RAY_OK, RAY_CLOSED, RAY_REFUSED_SHUTDOWN, true},
        {RAY_OK, RAY_CLOSED, RAY_OK, RAY_CLOSED, RAY_REFUSED_SHUTDOWN, true},
        {RAY_OK, RAY_NOMEM, RAY_OK, RAY_NOMEM, RAY_REFUSED_MEMORY, true},
        {RAY_OK, RAY_OK, RAY_AGAIN, RAY_AGAIN, RAY_REFUSED_QUEUE_FULL, true},
        {RAY_OK, RAY_OK, RAY_IO, RAY_IO, RAY_REFUSED_IO, true},
    };
    struct ray_str body = request_of(5, 2, 0);
    struct ray_arena *arena = ray_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig rig;
        rig_open(&rig);
        fake_queue_set(&rig.queue, cases[i].reserve, cases[i].push, cases[i].ticket, false);
        struct asked asked = ask(&rig, arena, RAY_OTLP_PROTOBUF, body);
        print_message("case %zu: %s, %s\n", i, ray_status_name(asked.call.status),
                      asked.call.message);
        assert_int_equal(asked.answers, 1);
        assert_int_equal(asked.call.status, cases[i].want);
        assert_int_equal(asked.call.retry_after_ms > 0, cases[i].resend);
        if (cases[i].want == RAY_OK) {
            assert_int_equal(asked.call.rejected_spans, 2);
            assert_int_equal(rig_taken(&rig), 3);
            assert_int_equal(rig_refused(&rig, RAY_REFUSED_INVALID), 2);
            assert_int_equal(rig.queue.documents, 3);
            CHECK_STR(ray_str_from(asked.call.message),
                      "2 of 5 spans rejected: 2 whose trace id or span id is missing, zero or of a "
                      "wrong length");
        } else {
            assert_int_equal(rig_refused(&rig, cases[i].reason), 5);
            assert_int_equal(rig_taken(&rig), 0);
        }
        rig_close(&rig);
        ray_arena_reset(arena);
    }
    ray_arena_free(arena);
    request_free(body);
}

static void test_kinds_of_request(void **state)
{
    (void)state;
    static const struct {
        enum ray_otlp_encoding encoding;
        const char *body;
        size_t len;
        enum ray_status want;
        uint64_t rejected;
    } cases[] = {
        {RAY_OTLP_PROTOBUF, "", 0, RAY_OK, 0},
        {RAY_OTLP_JSON, "{}", 2, RAY_OK, 0},
        {RAY_OTLP_PROTOBUF, "\x0a\x7f", 2, RAY_INVALID, 0},
        {RAY_OTLP_PROTOBUF, "not protobuf", 12, RAY_INVALID, 0},
        {RAY_OTLP_JSON, "", 0, RAY_INVALID, 0},
        {RAY_OTLP_JSON, "{\"resourceSpans\":[", 18, RAY_INVALID, 0},
        {RAY_OTLP_JSON, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{}]}]}]}", 51, RAY_OK, 1},
    };
    struct ray_arena *arena = ray_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig rig;
        rig_open(&rig);
        fake_queue_set(&rig.queue, RAY_AGAIN, RAY_OK, RAY_OK, false); /* full, and not asked */
        struct asked asked =
            ask(&rig, arena, cases[i].encoding, (struct ray_str){cases[i].body, cases[i].len});
        print_message("case %zu: %s, %s\n", i, ray_status_name(asked.call.status),
                      asked.call.message);
        assert_int_equal(asked.answers, 1);
        assert_int_equal(asked.call.status, cases[i].want);
        assert_int_equal(asked.call.rejected_spans, cases[i].rejected);
        assert_int_equal(rig_refused_requests(&rig, RAY_REFUSED_INVALID),
                         cases[i].want == RAY_INVALID);
        assert_int_equal(asked.call.retry_after_ms, 0);
        assert_int_equal(rig.queue.pushes, 0);
        rig_close(&rig);
        ray_arena_reset(arena);
    }
    ray_arena_free(arena);
}

static void test_two_pipelines_give_one_answer(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    struct ray_queue second;
    fake_queue_init(&second);
    const struct ray_translator *translators[] = {rig.translator};
    struct ray_intake_pipeline pipelines[] = {
        {.queue = &rig.queue, .translators = translators, .translator_count = 1},
        {.queue = &second, .translators = translators, .translator_count = 1}};
    ray_intake_free(rig.intake);
    rig.intake = ray_intake_new(&(struct ray_intake_options){
        .pipelines = pipelines, .pipeline_count = 2, .clock = &ray_clock_system});
    struct ray_str body = request_of(3, 0, 0);
    struct ray_arena *arena = ray_arena_new(1 << 20);

    /* the second is full: the first gets its room back and nothing is pushed */
    fake_queue_set(&second, RAY_AGAIN, RAY_OK, RAY_OK, false);
    struct asked asked = ask(&rig, arena, RAY_OTLP_PROTOBUF, body);
    assert_int_equal(asked.call.status, RAY_AGAIN);
    assert_int_equal(rig.queue.pushes, 0);
    assert_int_equal(rig.queue.reserved_bytes, 0);

    /* both take it, one ticket comes later and worse: the answer waits for it */
    fake_queue_set(&second, RAY_OK, RAY_OK, RAY_IO, true);
    ray_arena_reset(arena);
    struct asked late = {
        .call = {.body = body, .arena = arena, .ledger = &rig.ledger, .answered = on_answered}};
    ray_intake_take(rig.intake, &late.call);
    assert_int_equal(late.answers, 0);
    ray_arena_free(arena); /* the intake is done with both */
    request_free(body);
    fake_queue_release(&second);
    assert_int_equal(late.answers, 1);
    assert_int_equal(late.call.status, RAY_IO);
    assert_int_equal(rig_refused(&rig, RAY_REFUSED_IO), 3);
    assert_int_equal(rig_taken(&rig), 0);
    rig_close(&rig);
}

/* An arena that is too small for a large request says "smaller"; for a small one "later". */
static void test_used_up_arena(void **state)
{
    (void)state;
    static const struct {
        unsigned spans;
        size_t padding;
        enum ray_status want;
    } cases[] = {{100, 0, RAY_NOMEM}, {100, 2000, RAY_TOO_BIG}};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        rig_open(&rig);
        struct ray_str body = request_of(cases[i].spans, 0, cases[i].padding);
        struct ray_arena *arena = ray_arena_new(4096);
        struct asked asked = ask(&rig, arena, RAY_OTLP_PROTOBUF, body);
        assert_int_equal(asked.call.status, cases[i].want);
        rig_close(&rig);
        ray_arena_free(arena);
        request_free(body);
    }
}

/* What a request may take grows with its size, so that a small one cannot be a bomb. */
static void test_memory_follows_the_body(void **state)
{
    (void)state;
    struct ray_buf links, span, scope, body;
    struct ray_buf *const all[] = {&links, &span, &scope, &body};
    for (size_t i = 0; i < 4; i++) {
        ray_buf_init(all[i], (size_t)16 << 20);
    }
    for (size_t i = 0; i < 90000; i++) {
        ray_buf_append(&links, RAY_STR("\x6a\x00"));
    }
    for (size_t i = 0; i < 10; i++) { /* 1.8 MB that would be 88 in the arena */
        request_field(&span, 2, ray_buf_str(&links));
    }
    request_field(&scope, 2, ray_buf_str(&span));
    request_field(&body, 1, ray_buf_str(&scope));
    struct rig rig;
    rig_open(&rig);
    struct ray_arena *arena = ray_arena_new((size_t)256 << 20);
    struct asked asked = ask(&rig, arena, RAY_OTLP_PROTOBUF, ray_buf_str(&body));
    print_message("%s: %s\n", ray_status_name(asked.call.status), asked.call.message);
    assert_int_equal(asked.call.status, RAY_TOO_BIG);
    assert_non_null(strstr(asked.call.message, "too much memory"));
    ray_arena_free(arena);
    rig_close(&rig);
    for (size_t i = 0; i < 4; i++) {
        ray_buf_clear(all[i]);
    }
}

/* "where: waiting dropped reason" of the trace of request_of, then what was kept of its spans. */
static void check_history(struct ray_history *history, const char *want, size_t kept)
{
    struct ray_arena *arena = ray_arena_new(1 << 20);
    struct ray_trace_id id = {{1, 2, 3}};
    struct ray_history_answer answer, all;
    struct ray_buf text;
    ray_buf_init(&text, 4096);
    CHECK_OK(ray_history_find(history, &id, arena, &answer));
    CHECK_OK(ray_history_find(history, NULL, arena, &all));
    for (size_t i = 0; i < answer.fate_count; i++) {
        const struct ray_history_fate *fate = &answer.fates[i];
        ray_buf_printf(&text, "%s: %u %u %s\n", fate->where, fate->waiting, fate->dropped,
                       fate->reason);
    }
    CHECK_BUF(&text, want);
    assert_int_equal(all.refusal_count, kept);
    for (size_t i = 0; i < all.refusal_count; i++) {
        assert_string_equal(all.refusals[i].where, "otlp/two");
    }
    ray_buf_clear(&text);
    ray_arena_free(arena);
}

/* What the queue, or the ticket later, says no to is taken back and noted as refused; the spans
 * without ids are kept too, though no trace can be asked after by theirs. */
static void test_the_history_hears_of_it(void **state)
{
    (void)state;
    static const struct {
        enum ray_status reserve, push, ticket;
        const char *history;
        size_t kept;
    } cases[] = {
        {RAY_OK, RAY_OK, RAY_OK, "awsxray: 3 0 \n", 2},
        {RAY_AGAIN, RAY_OK, RAY_OK, ": 0 3 queue_full\n", 4},
        {RAY_OK, RAY_CLOSED, RAY_OK, ": 0 3 shutdown\n", 2 + 3},
        {RAY_OK, RAY_OK, RAY_IO, ": 0 3 io\n", 2 + 3},
    };
    struct ray_str body = request_of(5, 2, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig rig;
        rig_open(&rig);
        ray_intake_free(rig.intake);
        struct ray_history *history = ray_history_new(
            &(struct ray_history_options){.traces = 16, .refused = 16, .clock = &ray_clock_system});
        const struct ray_history_owed owed = {ray_history_column(history, "awsxray"),
                                              ray_translator_profile(rig.translator)};
        struct ray_intake_pipeline pipeline = {
            .queue = &rig.queue,
            .translators = (const struct ray_translator *const *)&rig.translator,
            .translator_count = 1,
            .owed = &owed,
            .owed_count = 1,
        };
        rig.intake = ray_intake_new(&(struct ray_intake_options){.pipelines = &pipeline,
                                                                 .pipeline_count = 1,
                                                                 .receiver = "otlp/two",
                                                                 .history = history,
                                                                 .clock = &ray_clock_system});
        fake_queue_set(&rig.queue, cases[i].reserve, cases[i].push, cases[i].ticket, false);
        struct ray_arena *arena = ray_arena_new(1 << 20);
        (void)ask(&rig, arena, RAY_OTLP_PROTOBUF, body);
        print_message("case %zu\n", i);
        check_history(history, cases[i].history, cases[i].kept);
        ray_arena_free(arena);
        rig_close(&rig);
        ray_history_free(history);
    }
    request_free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_of_the_queue),
        cmocka_unit_test(test_kinds_of_request),
        cmocka_unit_test(test_two_pipelines_give_one_answer),
        cmocka_unit_test(test_used_up_arena),
        cmocka_unit_test(test_memory_follows_the_body),
        cmocka_unit_test(test_the_history_hears_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
