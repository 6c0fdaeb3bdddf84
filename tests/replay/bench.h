/*
 * bench: a sender with its queue and ledger between a pusher and the scripted network, stepped by
 * the test. The sender's sources are part of the program, so that a test may look inside.
 */
#ifndef RAY_TESTS_BENCH_H
#define RAY_TESTS_BENCH_H

#include "network.h"

#include <errno.h>

/* These tests step the sender by themselves: where it wants a thread, there is none to have. */
#define ray_thread_start no_thread_to_have
#include "exporter/awsxray.c"
#include "exporter/sender.c"

enum ray_status no_thread_to_have(struct ray_thread *thread, const char *name,
                                  void *(*start)(void *argument), void *argument)
{
    (void)thread;
    (void)name;
    (void)start;
    (void)argument;
    errno = EAGAIN;
    return RAY_IO;
}

#define PROFILE 7u

struct bench {
    struct network network;
    struct ray_awsxray_options options;
    struct ray_metrics *metrics;
    struct ray_history *history; /* large enough for all that a test pushes */
    struct ray_queue *queue;
    struct ray_awsxray *exporter;
    unsigned pushed;
    unsigned traces;    /* the documents are of so many in turn; 0: each of its own */
    uint32_t linger_ms; /* of the queue */
    size_t padding;     /* of each document */
    bool says_when;     /* batches know when they were accepted */
};

static inline void ticket_done(struct ray_ticket *ticket, enum ray_status status)
{
    (void)ticket;
    CHECK_OK(status);
}

static inline void set_options(struct ray_awsxray_options *options)
{
    *options = (struct ray_awsxray_options){
        .endpoint = RAY_STR_INIT("http://far.end:9999/base"),
        .region = RAY_STR_INIT("eu-west-1"),
        .num_workers = 32,
        .request_timeout_seconds = 30,
        .retry = {.enabled = true,
                  .initial_interval_ms = 200,
                  .max_interval_ms = 5000,
                  .multiplier = 2,
                  .randomization_factor = 1},
        .queue = {.enabled = true, .queue_size = 64u << 20},
    };
}

/* Everything but the thread. */
static inline void bench_start(struct bench *bench, network_reply_fn reply, void *context)
{
    struct ray_aws_error error;
    network_init(&bench->network, reply, context);
    bench->pushed = 0;
    bench->metrics = ray_metrics_new();
    struct ray_queue_options queue = {.max_bytes = 128u << 20, .max_linger_ms = bench->linger_ms};
    bench->queue = ray_queue_new(&queue);
    bench->history = ray_history_new(&(struct ray_history_options){
        .traces = 1 << 18, .refused = 256, .clock = &bench->network.clock});
    struct ray_exporter_environment environment = {
        .id = "awsxray",
        .queue = bench->queue,
        .profile = PROFILE,
        .history = ray_history_column(bench->history, "awsxray"),
        .metrics = bench->metrics,
        .clock = &bench->network.clock,
    };
    bench->exporter = ray_awsxray_new(&bench->options, &environment, &bench->network.transport);
    assert_non_null(bench->exporter);
    (void)find_identity(bench->exporter, &error);
    bench->exporter->sender = new_sender(bench->exporter);
    assert_non_null(bench->exporter->sender);
    CHECK_OK(ray_sender_open(bench->exporter->sender));
}

static inline void bench_init(struct bench *bench, network_reply_fn reply, void *context)
{
    set_options(&bench->options);
    bench->traces = bench->linger_ms = 0;
    bench->padding = 0;
    bench->says_when = false;
    bench_start(bench, reply, context);
}

/* Document number i has the id i; its size varies. */
static inline void write_document(struct ray_batch *batch, unsigned i, unsigned trace,
                                  size_t padding)
{
    struct ray_trace_id trace_id = {{0}};
    uint8_t span_id[8] = {0};
    struct ray_buf *out = ray_batch_begin_document(batch);
    for (size_t b = 0; b < 4; b++) {
        span_id[7 - b] = (uint8_t)(i >> (8 * b));
        trace_id.bytes[15 - b] = (uint8_t)(trace >> (8 * b));
    }
    ray_buf_printf(out, "{\"id\":\"%016x\",\"name\":\"%*s\"}", i, (int)(i * 37 % 900 + padding),
                   "x");
    CHECK_OK(ray_batch_end_document(batch, &trace_id, span_id, i));
}

static inline struct ray_history_column *history_column(const struct bench *bench)
{
    return ray_history_column(bench->history, "awsxray");
}

static inline void bench_push(struct bench *bench, unsigned documents)
{
    static struct ray_ticket ticket = {ticket_done};
    while (documents > 0) {
        unsigned count = documents < 70 ? documents : 70;
        struct ray_batch *batch = ray_batch_new(1 << 20);
        ray_batch_begin_section(batch, PROFILE);
        for (unsigned i = 0; i < count; i++) {
            unsigned id = bench->pushed++;
            write_document(batch, id, bench->traces > 0 ? id % bench->traces : id, bench->padding);
        }
        ray_batch_set_accepted(batch, bench->says_when ? network_unix(&bench->network.clock) : 0);
        ray_batch_seal(batch);
        ray_history_taken(&(struct ray_history_owed){history_column(bench), PROFILE}, 1, batch);
        CHECK_OK(ray_queue_push(bench->queue, batch, 0, &ticket));
        documents -= count;
    }
}

/* The sum of a metric family's cells, all of them or those whose labels contain `label`. */
static inline uint64_t metric(struct bench *bench, const char *family, const char *label)
{
    struct ray_buf page;
    uint64_t sum = 0;
    ray_buf_init(&page, 1 << 20);
    ray_metrics_write(bench->metrics, &page);
    struct ray_str rest = ray_buf_str(&page), line;
    while (ray_str_split(&rest, '\n', &line)) {
        uint64_t value = 0;
        size_t blank = ray_str_find_last_byte(line, ' ');
        if (ray_str_starts_with(line, ray_str_from(family)) &&
            ray_str_find(line, ray_str_from(label)) != SIZE_MAX &&
            ray_str_to_u64(ray_str_from_pos(line, blank + 1), &value) == RAY_OK) {
            sum += value;
        }
    }
    ray_buf_clear(&page);
    return sum;
}

#define DELIVERED "spanbridge_exporter_delivered_documents"
#define DROPPED   "spanbridge_exporter_dropped_documents"
#define QUEUED    "spanbridge_exporter_queued_documents"
#define RECOVERED "spanbridge_exporter_recovered_documents"
#define RETRIED   "spanbridge_exporter_retried_documents"
#define TAKEN     "spanbridge_exporter_taken_documents"

/* At any moment between steps: the ledger's equation, and the history knows of each that waits. */
static inline void check_balance(struct bench *bench)
{
    struct ray_history_standing standing;
    ray_history_stand(history_column(bench), &standing);
    assert_int_equal(metric(bench, TAKEN, "") + metric(bench, RECOVERED, ""),
                     metric(bench, DELIVERED, "") + metric(bench, QUEUED, "") +
                         metric(bench, DROPPED, ""));
    assert_int_equal(metric(bench, QUEUED, ""),
                     ray_cursor_backlog(bench->exporter->sender->cursor));
    assert_int_equal(standing.waiting, metric(bench, QUEUED, ""));
}

static inline void run_for(struct bench *bench, uint64_t ms)
{
    uint64_t until = bench->network.now_ns + ms * RAY_NS_PER_MS;
    while (bench->network.now_ns < until && ray_sender_step(bench->exporter->sender, 1000)) {
    }
}

/* Steps until the far end has settled everything; no longer than `ms`. */
static inline void run_until_quiet(struct bench *bench, uint64_t ms)
{
    uint64_t until = bench->network.now_ns + ms * RAY_NS_PER_MS;
    while (ray_cursor_backlog(bench->exporter->sender->cursor) > 0) {
        if (bench->network.now_ns > until) {
            fail_msg("after %llu ms %llu documents are left (%zu calls)", (unsigned long long)ms,
                     (unsigned long long)ray_cursor_backlog(bench->exporter->sender->cursor),
                     bench->network.calls);
        }
        assert_true(ray_sender_step(bench->exporter->sender, 1000));
    }
    check_balance(bench);
}

/* Nothing is lost: each document arrived or was dropped with a reason, and the ledger balances. */
static inline void check_accounts(struct bench *bench, uint64_t dropped)
{
    unsigned missing = 0;
    for (unsigned i = 0; i < bench->pushed; i++) {
        missing += bench->network.taken[i] == 0;
    }
    print_message("    %u documents, %zu calls, %zu at once, %llu ms, limit %u, dropped %llu\n",
                  bench->pushed, bench->network.calls, bench->network.most_flying,
                  (unsigned long long)network_elapsed_ms(&bench->network),
                  ray_sender_limit(bench->exporter->sender),
                  (unsigned long long)metric(bench, DROPPED, ""));
    assert_int_equal(missing, dropped);
    assert_int_equal(metric(bench, TAKEN, ""), bench->pushed);
    assert_int_equal(metric(bench, DELIVERED, ""), bench->pushed - dropped);
    assert_int_equal(metric(bench, DROPPED, ""), dropped);
    assert_int_equal(ray_queue_used_bytes(bench->queue), 0);
}

static inline void bench_clear(struct bench *bench)
{
    if (bench->exporter->sender->cursor != NULL) { /* else a test has stopped it */
        check_balance(bench);
    }
    ray_queue_close(bench->queue);
    (void)ray_awsxray_stop(bench->exporter, 0);
    ray_awsxray_free(bench->exporter);
    ray_queue_free(bench->queue);
    ray_history_free(bench->history);
    ray_metrics_free(bench->metrics);
}

static inline void reply_good(struct network *network, const struct ray_http_call *call,
                              struct reply *out)
{
    (void)network;
    (void)call;
    out->after_ms = 20;
}

#endif
