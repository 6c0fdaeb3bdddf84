/* stage: does every document leave once, oldest first, and its trace with it in the same call? */
#include "../check.h"

#include "exporter/stage.h"

#include <stdlib.h>

#define PROFILE       7u
#define CALL          50u
#define CALL_BYTES    ((size_t)800 * 1024)
#define DOCUMENTS_MAX 60000u

/* What was given and what came out; document number i + 1 is of trace trace_of[i]. */
struct bench {
    struct ray_stage *stage;
    unsigned given, taken, calls;
    uint16_t *trace_of;
    unsigned *call_of; /* 0: not yet */
    uint64_t now_ns;
};

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){.stage = ray_stage_new(1), .now_ns = 1000};
    bench->trace_of = calloc(DOCUMENTS_MAX, sizeof(*bench->trace_of));
    bench->call_of = calloc(DOCUMENTS_MAX, sizeof(*bench->call_of));
}

static void bench_clear(struct bench *bench)
{
    ray_stage_free(bench->stage);
    free(bench->trace_of);
    free(bench->call_of);
}

/* A batch with one document for each of `traces`, `bytes` long. */
static void give(struct bench *bench, const unsigned *traces, unsigned count, int bytes)
{
    struct ray_batch *batch = ray_batch_new(64 << 20);
    ray_batch_begin_section(batch, PROFILE);
    uint64_t first = bench->given + 1;
    for (unsigned i = 0; i < count; i++) {
        struct ray_trace_id id = {{0}};
        uint8_t span_id[8] = {0};
        memcpy(&id.bytes[4], &traces[i], sizeof(traces[i]));
        memcpy(span_id, &bench->given, sizeof(bench->given));
        ray_buf_printf(ray_batch_begin_document(batch), "%*u", bytes, bench->given + 1);
        CHECK_OK(ray_batch_end_document(batch, &id, span_id, i));
        bench->trace_of[bench->given++] = (uint16_t)traces[i];
    }
    ray_batch_set_accepted(batch, 17);
    ray_batch_seal(batch);
    ray_stage_give(bench->stage, batch, PROFILE, first, bench->now_ns++);
}

/* Returns how many documents the call has. */
static unsigned take_call(struct bench *bench)
{
    struct ray_staged staged;
    unsigned count = 0;
    bench->calls++;
    ray_stage_begin(bench->stage, CALL, CALL_BYTES);
    while (ray_stage_peek(bench->stage, &staged)) {
        uint64_t number = 0;
        unsigned trace;
        CHECK_OK(ray_str_to_u64(ray_str_trim(staged.document.text), &number));
        memcpy(&trace, &staged.document.trace_id.bytes[4], sizeof(trace));
        assert_int_equal(number, staged.number);
        assert_int_equal(trace, bench->trace_of[number - 1]);
        assert_int_equal(bench->call_of[number - 1], 0);
        assert_int_equal(staged.accepted_unix_ns, 17);
        bench->call_of[number - 1] = bench->calls;
        ray_stage_take(bench->stage);
        bench->taken++;
        count++;
    }
    return count;
}

static unsigned oldest_left(const struct bench *bench)
{
    unsigned i = 0;
    while (i < bench->given && bench->call_of[i] != 0) {
        i++;
    }
    return i;
}

/* Documents of eight traces that come one by one in turn. */
static void test_interleaved(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    for (unsigned round = 0; round < 10; round++) {
        give(&bench, (const unsigned[]){1, 2, 3, 4, 5, 6, 7, 8}, 8, 100);
    }
    assert_int_equal(ray_stage_count(bench.stage), 80);
    assert_int_equal(ray_stage_oldest_ns(bench.stage), 1000);
    assert_int_equal(take_call(&bench), 50);
    assert_int_equal(take_call(&bench), 30);
    for (unsigned i = 0; i < 80; i++) {
        assert_int_equal(bench.call_of[i], bench.trace_of[i] <= 5 ? 1 : 2);
    }
    assert_int_equal(ray_stage_count(bench.stage), 0);
    assert_true(ray_stage_oldest_ns(bench.stage) == UINT64_MAX);
    assert_int_equal(take_call(&bench), 0);
    bench_clear(&bench);
}

/* 30 do not fit behind 30, but 20 of a younger one do. */
static void test_what_fits_whole(void **state)
{
    (void)state;
    struct bench bench;
    unsigned traces[80];
    for (unsigned i = 0; i < 80; i++) {
        traces[i] = i < 30 ? 1 : i < 60 ? 2 : 3;
    }
    bench_init(&bench);
    give(&bench, traces, 80, 100);
    assert_int_equal(take_call(&bench), 50);
    assert_int_equal(bench.call_of[29], 1);
    assert_int_equal(bench.call_of[30], 0);
    assert_int_equal(bench.call_of[79], 1);
    assert_int_equal(take_call(&bench), 30);
    bench_clear(&bench);
}

/* A trace of 120 between others: two full calls, and the rest with others. */
static void test_larger_than_a_call(void **state)
{
    (void)state;
    struct bench bench;
    unsigned traces[160];
    for (unsigned i = 0; i < 160; i++) {
        traces[i] = i < 120 ? 1 : i;
    }
    bench_init(&bench);
    give(&bench, traces, 160, 100);
    assert_int_equal(take_call(&bench), 50);
    assert_int_equal(take_call(&bench), 50);
    assert_int_equal(bench.call_of[99], 2);
    assert_int_equal(take_call(&bench), 50);
    assert_int_equal(bench.call_of[119], 3);
    assert_int_equal(take_call(&bench), 10);
    bench_clear(&bench);
}

/* A trace without end does not keep the others from their turn. */
static void test_endless_trace(void **state)
{
    (void)state;
    struct bench bench;
    unsigned endless[60] = {0}, calls = 0;
    bench_init(&bench);
    give(&bench, endless, 60, 100);
    give(&bench, (const unsigned[]){1, 2}, 2, 100);
    unsigned other = bench.given - 1;
    while (bench.call_of[other] == 0 && calls < 20) {
        take_call(&bench);
        give(&bench, endless, 60, 100);
        calls++;
    }
    print_message("waited %u calls\n", calls);
    assert_true(calls <= 3);
    bench_clear(&bench);
}

/* Bytes count too: of large documents there are fewer in a call, and fewer batches are held. */
static void test_large_documents(void **state)
{
    (void)state;
    struct bench bench;
    unsigned traces[40];
    for (unsigned i = 0; i < 40; i++) {
        traces[i] = i / 10;
    }
    bench_init(&bench);
    assert_true(ray_stage_wants(bench.stage));
    give(&bench, traces, 40, 60000);
    assert_false(ray_stage_wants(bench.stage)); /* 2.4 MB */
    assert_true(ray_stage_is_full(bench.stage));
    assert_int_equal(take_call(&bench), 10); /* 600 kB; another ten would be 1.2 MB */
    assert_int_equal(take_call(&bench), 10);
    assert_int_equal(take_call(&bench), 10);
    assert_int_equal(take_call(&bench), 10);
    assert_true(ray_stage_wants(bench.stage));
    bench_clear(&bench);
}

static void test_no_section(void **state)
{
    (void)state;
    struct ray_stage *stage = ray_stage_new(1);
    struct ray_batch *batch = ray_batch_new(1000);
    ray_batch_begin_section(batch, PROFILE);
    ray_batch_seal(batch);
    ray_stage_give(stage, ray_batch_ref(batch), PROFILE, 1, 1);
    ray_stage_give(stage, batch, PROFILE + 1, 1, 1);
    assert_int_equal(ray_stage_count(stage), 0);
    assert_true(ray_stage_wants(stage));
    ray_stage_free(stage);
}

/* Each call has the oldest document of all, and whatever fits whole is whole. */
static void check_call(struct bench *bench, unsigned oldest)
{
    static unsigned in_call[1000], left[1000];
    memset(in_call, 0, sizeof(in_call));
    memset(left, 0, sizeof(left));
    for (unsigned i = oldest; i < bench->given; i++) {
        unsigned *where = bench->call_of[i] == bench->calls ? in_call
                          : bench->call_of[i] == 0          ? left
                                                            : NULL;
        if (where != NULL) {
            where[bench->trace_of[i]]++;
        }
    }
    assert_int_equal(bench->call_of[oldest], bench->calls);
    for (unsigned trace = 0; trace < 1000; trace++) {
        if (in_call[trace] > 0 && left[trace] > 0 && trace != bench->trace_of[oldest]) {
            fail_msg("call %u has %u of trace %u, %u are left", bench->calls, in_call[trace], trace,
                     left[trace]);
        }
    }
}

/* A long random run against the rules; also the tables' wrap and the batches larger than them. */
static void test_random(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    srand(7);
    while (bench.given < DOCUMENTS_MAX - 5000) {
        unsigned traces[3000];
        unsigned count = rand() % 20 == 0 ? 3000 : 1 + (unsigned)rand() % 100;
        for (unsigned i = 0; i < count; i++) {
            traces[i] = (unsigned)(rand() % (1 + rand() % 1000));
        }
        if (ray_stage_wants(bench.stage)) {
            give(&bench, traces, count, 1 + rand() % 1000);
        }
        bool all_staged = ray_stage_wants(bench.stage);
        if (ray_stage_count(bench.stage) > 0 && rand() % 3 > 0) {
            unsigned oldest = oldest_left(&bench);
            take_call(&bench);
            if (all_staged && ray_stage_count(bench.stage) + bench.taken == bench.given) {
                check_call(&bench, oldest);
            }
        }
    }
    while (ray_stage_wants(bench.stage), ray_stage_count(bench.stage) > 0) {
        take_call(&bench);
    }
    print_message("%u documents in %u calls\n", bench.taken, bench.calls);
    assert_int_equal(bench.taken, bench.given);
    assert_true(bench.calls < bench.given / 50 * 5 / 4);
    bench_clear(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interleaved),
        cmocka_unit_test(test_what_fits_whole),
        cmocka_unit_test(test_larger_than_a_call),
        cmocka_unit_test(test_endless_trace),
        cmocka_unit_test(test_large_documents),
        cmocka_unit_test(test_no_section),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
