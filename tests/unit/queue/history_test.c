/* history: is what it says of a trace true, and does it say so when it does not know? */
#include "tests/unit/check.h"

#include <pthread.h>

#include "queue/history.c"

#define START_S 1000u

static uint64_t read_clock(const struct ray_clock *clock)
{
    return *(const uint64_t *)clock->context;
}

/* A history with one exporter, "awsxray", at START_S seconds. */
struct fixture {
    uint64_t now_ns;
    struct ray_clock clock;
    struct ray_history *history;
    struct ray_history_column *exporter;
    struct ray_arena *arena;
};

static void set_up(struct fixture *f, size_t traces, size_t refused)
{
    *f = (struct fixture){.now_ns = START_S * RAY_NS_PER_S};
    f->clock = (struct ray_clock){read_clock, read_clock, &f->now_ns};
    f->history = ray_history_new(&(struct ray_history_options){
        .traces = traces, .refused = refused, .seed = 42, .clock = &f->clock});
    assert_non_null(f->history);
    f->exporter = ray_history_column(f->history, "awsxray");
    assert_non_null(f->exporter);
    f->arena = ray_arena_new(1 << 20);
}

static void tear_down(struct fixture *f)
{
    ray_history_free(f->history);
    ray_arena_free(f->arena);
}

static struct ray_trace_id id_of(unsigned number)
{
    struct ray_trace_id id = {{0x57, 0x59, 0xe9, 0x88}};
    memcpy(id.bytes + 8, &number, sizeof(number));
    return id;
}

static void note(struct ray_history_column *column, enum ray_history_event event,
                 const char *reason, unsigned number, unsigned documents)
{
    struct ray_history_pen pen;
    struct ray_trace_id id = id_of(number);
    ray_history_begin(&pen, column, event, ray_str_from(reason));
    for (unsigned i = 0; i < documents; i++) {
        ray_history_note(&pen, &id);
    }
    ray_history_end(&pen);
}

static struct ray_history_answer find(struct fixture *f, unsigned number)
{
    struct ray_history_answer answer;
    struct ray_trace_id id = id_of(number);
    ray_arena_reset(f->arena);
    CHECK_OK(ray_history_find(f->history, &id, f->arena, &answer));
    return answer;
}

/* "where: taken@ waiting delivered dropped settled@ reason", a line for each column that knows. */
static void check_fates(struct fixture *f, unsigned number, const char *want)
{
    struct ray_history_answer answer = find(f, number);
    struct ray_buf text;
    ray_buf_init(&text, 4096);
    for (size_t i = 0; i < answer.fate_count; i++) {
        const struct ray_history_fate *fate = &answer.fates[i];
        ray_buf_printf(&text, "%s: %u@%u, %u, %u@%u %s\n", fate->where, fate->waiting,
                       fate->taken_unix_s, fate->delivered, fate->dropped, fate->settled_unix_s,
                       fate->reason);
    }
    CHECK_BUF(&text, want);
    ray_buf_clear(&text);
}

static void pass_s(struct fixture *f, unsigned seconds)
{
    f->now_ns += seconds * RAY_NS_PER_S;
}

static void test_the_life_of_a_trace(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 16, 4);
    check_fates(&f, 1, "");
    note(f.exporter, RAY_HISTORY_TAKEN, "", 1, 5);
    check_fates(&f, 1, "awsxray: 5@1000, 0, 0@0 \n");
    pass_s(&f, 7);
    note(f.exporter, RAY_HISTORY_TAKEN, "", 1, 1); /* since when it waits: the first */
    note(f.exporter, RAY_HISTORY_RETRIED, "ThrottledException", 1, 6);
    check_fates(&f, 1, "awsxray: 6@1000, 0, 0@0 ThrottledException\n");
    pass_s(&f, 1);
    note(f.exporter, RAY_HISTORY_DELIVERED, "", 1, 4);
    note(f.exporter, RAY_HISTORY_DROPPED, "InvalidSegment", 1, 1);
    check_fates(&f, 1, "awsxray: 1@1000, 4, 1@1008 InvalidSegment\n");
    note(f.exporter, RAY_HISTORY_RETRIED, "ThrottledException", 1, 1); /* the drop's stays */
    note(f.exporter, RAY_HISTORY_DELIVERED, "", 1, 1);
    check_fates(&f, 1, "awsxray: 0@1000, 5, 1@1008 InvalidSegment\n");
    pass_s(&f, 2);
    note(f.exporter, RAY_HISTORY_TAKEN, "", 1, 2); /* a new wait */
    check_fates(&f, 1, "awsxray: 2@1010, 5, 1@1008 InvalidSegment\n");
    tear_down(&f);
}

static void test_each_exporter_has_its_own(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 16, 4);
    struct ray_history_column *other = ray_history_column(f.history, "local");
    assert_ptr_equal(ray_history_column(f.history, "local"), other);
    assert_ptr_equal(ray_history_column(f.history, "awsxray"), f.exporter);
    note(f.exporter, RAY_HISTORY_TAKEN, "", 1, 3);
    note(other, RAY_HISTORY_TAKEN, "", 1, 3);
    note(other, RAY_HISTORY_DELIVERED, "", 1, 3);
    note(ray_history_door(f.history), RAY_HISTORY_REFUSED, "queue_full", 1, 9);
    check_fates(&f, 1,
                ": 0@0, 0, 9@1000 queue_full\n"
                "awsxray: 3@1000, 0, 0@0 \n"
                "local: 0@1000, 3, 0@1000 \n");
    tear_down(&f);
}

/* A batch whose section of profile 1 has documents of traces 1 1 2 1, that of 2 one of trace 1. */
static struct ray_batch *make_batch(void)
{
    static const struct {
        uint64_t profile;
        unsigned traces[4], count;
    } sections[] = {{1, {1, 1, 2, 1}, 4}, {2, {1}, 1}};
    struct ray_batch *batch = ray_batch_new(1 << 16);
    for (size_t s = 0; s < 2; s++) {
        ray_batch_begin_section(batch, sections[s].profile);
        for (unsigned i = 0; i < sections[s].count; i++) {
            struct ray_trace_id id = id_of(sections[s].traces[i]);
            ray_buf_append(ray_batch_begin_document(batch), RAY_STR("{}"));
            CHECK_OK(ray_batch_end_document(batch, &id, (const uint8_t[8]){7}, i));
        }
    }
    ray_batch_seal(batch);
    return batch;
}

static void test_a_batch_is_owed_by_section(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 16, 4);
    const struct ray_history_owed owed[] = {
        {f.exporter, 1}, {ray_history_column(f.history, "local"), 2}, {NULL, 1}};
    struct ray_batch *batch = make_batch();
    ray_history_taken(owed, 3, batch);
    check_fates(&f, 1, "awsxray: 3@1000, 0, 0@0 \nlocal: 1@1000, 0, 0@0 \n");
    check_fates(&f, 2, "awsxray: 1@1000, 0, 0@0 \n");
    ray_history_taken_back(owed, 3, batch);
    check_fates(&f, 1, "");
    check_fates(&f, 2, "");
    ray_batch_unref(batch);
    tear_down(&f);
}

/* The last so many, and the time since when nothing is missing. */
static void test_the_ring_is_exact(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 4, 4);
    assert_int_equal(find(&f, 0).complete_since_unix_s, START_S + 1);
    for (unsigned i = 1; i <= 5; i++) {
        pass_s(&f, 10);
        note(f.exporter, RAY_HISTORY_TAKEN, "", i, i);
    }
    check_fates(&f, 1, "");
    assert_int_equal(find(&f, 1).complete_since_unix_s, 1011); /* trace 1 came at 1010 */
    check_fates(&f, 2, "awsxray: 2@1020, 0, 0@0 \n");
    struct ray_history_standing standing;
    ray_history_stand(f.exporter, &standing);
    assert_int_equal(standing.waiting, 2 + 3 + 4 + 5); /* the one of trace 1 has no name here */
    note(f.exporter, RAY_HISTORY_DELIVERED, "", 1, 1); /* comes back, and pushes out trace 2 */
    check_fates(&f, 1, "awsxray: 0@0, 1, 0@1050 \n");
    check_fates(&f, 2, "");
    assert_int_equal(find(&f, 2).complete_since_unix_s, 1021);
    ray_history_stand(f.exporter, &standing);
    assert_int_equal(standing.waiting, 3 + 4 + 5);
    tear_down(&f);
}

/* A trace that goes on for hours stays, whatever passes by. */
static void test_a_long_trace_stays(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 8, 4);
    for (unsigned i = 100; i < 200; i++) {
        pass_s(&f, 1);
        note(f.exporter, RAY_HISTORY_TAKEN, "", 1, 1);
        note(f.exporter, RAY_HISTORY_TAKEN, "", i, 1);
    }
    check_fates(&f, 1, "awsxray: 100@1001, 0, 0@0 \n");
    check_fates(&f, 194, "awsxray: 1@1095, 0, 0@0 \n");
    assert_int_equal(find(&f, 1).complete_since_unix_s, 1094);
    tear_down(&f);
}

static void test_counts_stop_at_their_maximum(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 8, 4);
    note(f.exporter, RAY_HISTORY_TAKEN, "", 1, 3000000);
    note(f.exporter, RAY_HISTORY_DROPPED, "x", 1, 3000000);
    note(f.exporter, RAY_HISTORY_DELIVERED, "", 1, 3000000);
    check_fates(&f, 1, "awsxray: 0@1000, 1048575, 65535@1000 x\n");
    struct ray_history_standing standing;
    ray_history_stand(f.exporter, &standing);
    assert_int_equal(standing.waiting, 0);
    tear_down(&f);
}

static void test_how_an_exporter_stands(void **state)
{
    (void)state;
    struct fixture f;
    struct ray_history_standing standing;
    set_up(&f, 8, 4);
    ray_history_stand(f.exporter, &standing);
    assert_int_equal(standing.failed_unix_s, 0);
    note(f.exporter, RAY_HISTORY_TAKEN, "", 1, 1);
    note(f.exporter, RAY_HISTORY_RETRIED, "connect_failed", 1, 1);
    pass_s(&f, 2);
    note(f.exporter, RAY_HISTORY_RETRIED, "timed_out", 1, 1);
    ray_history_stand(f.exporter, &standing);
    assert_int_equal(standing.failing_since_unix_s, START_S);
    assert_int_equal(standing.failed_unix_s, START_S + 2);
    assert_string_equal(standing.failed_because, "timed_out");
    pass_s(&f, 1);
    note(f.exporter, RAY_HISTORY_DELIVERED, "", 1, 1);
    ray_history_stand(f.exporter, &standing);
    assert_int_equal(standing.failed_unix_s, 0);
    assert_int_equal(standing.delivered_unix_s, START_S + 3);
    assert_string_equal(standing.failed_because, "");
    tear_down(&f);
}

static void test_the_last_refusals(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 8, 3);
    for (unsigned i = 1; i <= 5; i++) {
        struct ray_trace_id id = id_of(i % 2);
        note(f.exporter, RAY_HISTORY_TAKEN, "", i % 2, 1);
        ray_history_dropped(f.exporter, &id, (const uint8_t[8]){(uint8_t)i},
                            RAY_STR("InvalidSegment"));
        pass_s(&f, 1);
    }
    struct ray_history_refusal refusal = {
        .trace_id = id_of(1), .where = "otlp", .reason = "too_big", .message = "too large"};
    ray_history_keep_refusal(ray_history_door(f.history), &refusal);
    ray_history_keep_refusal(NULL, &refusal);
    struct ray_history_answer answer = find(&f, 1);
    assert_int_equal(answer.refusal_count, 2);
    assert_string_equal(answer.refusals[0].where, "otlp");
    assert_string_equal(answer.refusals[0].message, "too large");
    assert_int_equal(answer.refusals[0].unix_ns, (START_S + 5) * RAY_NS_PER_S);
    assert_string_equal(answer.refusals[1].where, "awsxray");
    assert_string_equal(answer.refusals[1].reason, "InvalidSegment");
    assert_int_equal(answer.refusals[1].span_id[0], 5);
    CHECK_OK(ray_history_find(f.history, NULL, f.arena, &answer));
    assert_int_equal(answer.refusal_count, 3);
    assert_int_equal(answer.fate_count, 0);
    tear_down(&f);
}

/* A far end that invents a code per document must not fill our memory. */
static void test_reasons_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 512, 4);
    for (unsigned i = 0; i < 200; i++) {
        char code[100];
        snprintf(code, sizeof(code), "Code%u-%080u", i, i);
        note(f.exporter, RAY_HISTORY_DROPPED, code, i, 1);
    }
    assert_string_equal(find(&f, 199).fates[0].reason, "other");
    assert_int_equal(strlen(find(&f, 3).fates[0].reason), RAY_HISTORY_REASON_BYTES - 1);
    tear_down(&f);
}

static void test_columns_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 1, 1);
    char name[16];
    for (unsigned i = 1; i < RAY_HISTORY_EXPORTERS_MAX; i++) {
        snprintf(name, sizeof(name), "awsxray/%u", i);
        assert_non_null(ray_history_column(f.history, name));
    }
    assert_null(ray_history_column(f.history, "one more"));
    tear_down(&f);
}

/* ---- next to a table that is too simple to be wrong ---- */

#define TRACES 40u

struct naive {
    unsigned waiting, delivered;
    uint32_t seen_s;
};

static void check_against(struct fixture *f, const struct naive *naive)
{
    uint64_t named = 0, all = 0;
    for (unsigned i = 0; i < TRACES; i++) {
        struct ray_history_answer answer = find(f, i);
        const struct ray_history_fate *fate = answer.fate_count > 0 ? &answer.fates[0] : NULL;
        all += naive[i].waiting;
        if (fate == NULL) {
            if (naive[i].seen_s >= answer.complete_since_unix_s) {
                fail_msg("trace %u, seen at %u, is unknown; complete since %u", i, naive[i].seen_s,
                         answer.complete_since_unix_s);
            }
            continue;
        }
        named += fate->waiting;
        assert_true(fate->waiting <= naive[i].waiting);
        assert_true(fate->delivered <= naive[i].delivered);
    }
    struct ray_history_standing standing;
    ray_history_stand(f->exporter, &standing);
    assert_int_equal(standing.waiting, named);
    assert_true(named <= all);
}

static void test_same_as_a_naive_table(void **state)
{
    (void)state;
    struct fixture f;
    struct naive naive[TRACES] = {{0}};
    uint32_t random = 12345;
    set_up(&f, 13, 4);
    for (unsigned step = 0; step < 20000; step++) {
        random = random * 1664525u + 1013904223u;
        unsigned number = (random >> 8) % TRACES, count = 1 + (random >> 16) % 3;
        struct naive *trace = &naive[number];
        if ((random >> 24) % 2 == 0) {
            note(f.exporter, RAY_HISTORY_TAKEN, "", number, count);
            trace->waiting += count;
            trace->seen_s = (uint32_t)(f.now_ns / RAY_NS_PER_S);
        } else if (trace->waiting >= count) {
            note(f.exporter, RAY_HISTORY_DELIVERED, "", number, count);
            trace->waiting -= count;
            trace->delivered += count;
            trace->seen_s = (uint32_t)(f.now_ns / RAY_NS_PER_S);
        }
        f.now_ns += (random >> 20) * 1000000ull;
        if (step % 64 == 0) {
            check_against(&f, naive);
        }
    }
    tear_down(&f);
}

/* ---- chains ---- */

static size_t longest_chain(const struct ray_history_column *column)
{
    size_t longest = 0;
    for (size_t i = 0; i < column->history->head_count; i++) {
        size_t length = 0;
        for (uint32_t link = column->heads[i]; link != NONE; link = column->rows[link - 1].next) {
            length++;
        }
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Ids come from outside: wherever those of a sender differ, the lock is not held for long walks. */
static void test_chains_stay_short(void **state)
{
    (void)state;
    const unsigned count = 4096;
    for (size_t at = 0; at + 1 < sizeof(struct ray_trace_id); at++) {
        struct fixture f;
        struct ray_history_pen pen;
        set_up(&f, count, 1);
        ray_history_begin(&pen, f.exporter, RAY_HISTORY_TAKEN, RAY_STR(""));
        for (unsigned i = 0; i < count; i++) {
            struct ray_trace_id id = {{0x57, 0x59, 0xe9, 0x88}};
            id.bytes[at] = (uint8_t)(i >> 8);
            id.bytes[at + 1] = (uint8_t)i;
            ray_history_note(&pen, &id);
        }
        ray_history_end(&pen);
        size_t longest = longest_chain(f.exporter);
        if (longest > 12) {
            fail_msg("ids that differ in bytes %zu and %zu: %zu in one chain", at, at + 1, longest);
        }
        tear_down(&f);
    }
}

/* ---- threads ---- */

static void *take_and_deliver(void *argument)
{
    struct ray_history_column *column = argument;
    for (unsigned i = 0; i < 5000; i++) {
        note(column, RAY_HISTORY_TAKEN, "", i % 50, 2);
        note(column, RAY_HISTORY_DELIVERED, "", i % 50, 2);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    (void)state;
    struct fixture f;
    pthread_t threads[3];
    set_up(&f, 32, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_deliver, f.exporter), 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        (void)find(&f, i % 50);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    struct ray_history_standing standing;
    ray_history_stand(f.exporter, &standing);
    assert_int_equal(standing.waiting, 0);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_life_of_a_trace),
        cmocka_unit_test(test_each_exporter_has_its_own),
        cmocka_unit_test(test_a_batch_is_owed_by_section),
        cmocka_unit_test(test_the_ring_is_exact),
        cmocka_unit_test(test_a_long_trace_stays),
        cmocka_unit_test(test_counts_stop_at_their_maximum),
        cmocka_unit_test(test_how_an_exporter_stands),
        cmocka_unit_test(test_the_last_refusals),
        cmocka_unit_test(test_reasons_are_bounded),
        cmocka_unit_test(test_columns_are_bounded),
        cmocka_unit_test(test_same_as_a_naive_table),
        cmocka_unit_test(test_chains_stay_short),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
