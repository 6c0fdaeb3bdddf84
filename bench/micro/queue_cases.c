/* queue_cases: what a document costs on its way through the queue's room. */
#include "bench/micro/bench.h"

#include <stdlib.h>

#include "queue/history.h"

/* A request's worth, and enough requests that every look-up meets a full ring. */
#define DOCUMENTS 512u
#define REQUESTS  256u

struct history_state {
    struct ray_history *history;
    struct ray_history_owed owed;
    struct ray_batch *batches[REQUESTS];
};

/* Documents in runs of `run` of one trace. */
static struct ray_batch *make_batch(unsigned request, unsigned run)
{
    struct ray_batch *batch = ray_batch_new(1 << 20);
    ray_batch_begin_section(batch, 1);
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        uint64_t number = request * DOCUMENTS + i / run;
        uint64_t words[2] = {number * 0x9e3779b97f4a7c15u, number * 0xd6e8feb86659fd93u};
        struct ray_trace_id id;
        memcpy(id.bytes, words, sizeof(words));
        ray_buf_append(ray_batch_begin_document(batch), RAY_STR("{}"));
        bench_must(ray_batch_end_document(batch, &id, (const uint8_t[8]){1}, i));
    }
    ray_batch_seal(batch);
    return batch;
}

static void *new_history(size_t *units, unsigned run)
{
    struct history_state *state = calloc(1, sizeof(*state));
    state->history = ray_history_new(&(struct ray_history_options){
        .traces = 16384, .refused = 256, .seed = 1, .clock = &ray_clock_system});
    state->owed = (struct ray_history_owed){ray_history_column(state->history, "awsxray"), 1};
    for (unsigned i = 0; i < REQUESTS; i++) {
        state->batches[i] = make_batch(i, run);
    }
    *units = (size_t)REQUESTS * DOCUMENTS;
    return state;
}

static void *new_history_runs(const char *input, size_t *units)
{
    (void)input;
    return new_history(units, 8);
}

static void *new_history_random(const char *input, size_t *units)
{
    (void)input;
    return new_history(units, 1);
}

/* Each document is taken, and delivered in calls of 50. */
static void take_and_deliver(void *argument)
{
    struct history_state *state = argument;
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct ray_batch_reader reader;
        struct ray_document document;
        ray_history_taken(&state->owed, 1, state->batches[i]);
        ray_batch_read_section(state->batches[i], 1, &reader);
        while (reader.left > 0) {
            struct ray_history_pen pen;
            ray_history_begin(&pen, state->owed.column, RAY_HISTORY_DELIVERED, RAY_STR(""));
            for (unsigned n = 0; n < 50 && ray_batch_next(&reader, &document); n++) {
                ray_history_note(&pen, &document.trace_id);
            }
            ray_history_end(&pen);
        }
    }
}

static void free_history(void *argument)
{
    struct history_state *state = argument;
    for (unsigned i = 0; i < REQUESTS; i++) {
        ray_batch_unref(state->batches[i]);
    }
    ray_history_free(state->history);
    free(state);
}

/* clang-format off */
const struct bench_case bench_queue_cases[] = {
    {"queue/history_runs_of_8", "document", 0, NULL, new_history_runs,   take_and_deliver, free_history},
    {"queue/history_random",    "document", 0, NULL, new_history_random, take_and_deliver, free_history},
    BENCH_CASES_END,
};
/* clang-format on */
