/* queue: does it keep its promises, in order, under threads, and next to a list that is too simple
 * to be wrong? */
#include "tests/unit/check.h"

#include <pthread.h>
#include <string.h>

#include "queue/queue.h"

struct counted_ticket {
    struct ray_ticket ticket;
    int done;
    enum ray_status status;
};

static void on_done(struct ray_ticket *ticket, enum ray_status status)
{
    struct counted_ticket *counted = (struct counted_ticket *)(void *)ticket;
    counted->done++;
    counted->status = status;
}

static void count_wake(void *context)
{
    (*(int *)context)++;
}

static void no_wake(void *context)
{
    (void)context;
}

static struct ray_cursor *open_cursor(struct ray_queue *queue, const char *name, uint64_t profile,
                                      ray_wake_fn wake, void *context)
{
    return ray_cursor_open(queue, &(struct ray_cursor_options){
                                      .name = name,
                                      .profile = profile,
                                      .wake = wake,
                                      .context = context,
                                  });
}

/* A batch with `documents[p]` documents in the section of profile p + 1. */
static struct ray_batch *make_batch(const uint32_t *documents, size_t profiles,
                                    uint32_t first_source)
{
    struct ray_batch *batch = ray_batch_new(1 << 20);
    assert_non_null(batch);
    struct ray_trace_id trace_id = {{1}};
    uint8_t span_id[8] = {2};
    for (size_t p = 0; p < profiles; p++) {
        ray_batch_begin_section(batch, p + 1);
        for (uint32_t d = 0; d < documents[p]; d++) {
            ray_buf_append(ray_batch_begin_document(batch), RAY_STR("{}"));
            CHECK_OK(ray_batch_end_document(batch, &trace_id, span_id, first_source + d));
        }
    }
    ray_batch_seal(batch);
    return batch;
}

static struct ray_batch *batch_of(uint32_t documents)
{
    return make_batch(&documents, 1, 0);
}

static struct ray_queue *queue_of(size_t max_bytes)
{
    struct ray_queue *queue =
        ray_queue_new(&(struct ray_queue_options){.max_bytes = max_bytes, .max_linger_ms = 1});
    assert_non_null(queue);
    return queue;
}

static enum ray_status push(struct ray_queue *queue, struct ray_batch *batch)
{
    struct counted_ticket ticket = {.ticket = {on_done}};
    enum ray_status status = ray_queue_push(queue, batch, 0, &ticket.ticket);
    assert_int_equal(ticket.done, status == RAY_OK);
    assert_int_equal(ticket.status, RAY_OK);
    if (status != RAY_OK) {
        ray_batch_unref(batch);
    }
    return status;
}

static uint64_t next_first(struct ray_cursor *cursor)
{
    struct ray_batch *batch = NULL;
    uint64_t first = 0;
    if (ray_cursor_next(cursor, &batch, &first) == RAY_OK) {
        ray_batch_unref(batch);
    }
    return first;
}

static void check_queued(struct ray_metrics *metrics, unsigned want)
{
    char line[96];
    struct ray_buf page;
    snprintf(line, sizeof(line), "spanbridge_exporter_queued_documents{exporter=\"x\"} %u\n", want);
    ray_buf_init(&page, 1 << 20);
    ray_metrics_write(metrics, &page);
    if (ray_str_find(ray_buf_str(&page), ray_str_from(line)) == SIZE_MAX) {
        fail_msg("no line %s in\n%.*s", line, (int)page.len, page.data);
    }
    ray_buf_clear(&page);
}

static void test_numbers_and_room(void **state)
{
    (void)state;
    struct ray_queue *queue = queue_of(1 << 20);
    struct ray_cursor *a = open_cursor(queue, "a", 1, no_wake, NULL);
    struct ray_cursor *b = open_cursor(queue, "b", 1, no_wake, NULL);
    CHECK_OK(push(queue, batch_of(3)));
    CHECK_OK(push(queue, batch_of(100)));
    assert_int_equal(ray_queue_end(queue), 103);
    assert_int_equal(next_first(a), 1);
    assert_int_equal(next_first(a), 4);
    assert_int_equal(next_first(a), 0);
    size_t both = ray_queue_used_bytes(queue);

    ray_cursor_ack(a, 4, 100); /* out of order */
    assert_false(ray_cursor_passed(a, 1));
    assert_int_equal(ray_cursor_backlog(a), 3);
    ray_cursor_ack(a, 1, 3);
    ray_cursor_ack(a, 1, 3); /* again: nothing happens */
    assert_true(ray_cursor_passed(a, 103));
    assert_false(ray_cursor_passed(a, 104));
    assert_int_equal(ray_cursor_backlog(a), 0);
    assert_int_equal(ray_queue_used_bytes(queue), both); /* b has not read them */

    ray_cursor_ack(b, 50, UINT32_MAX); /* past the end: clamped */
    ray_cursor_ack(b, UINT64_MAX, 7);
    assert_int_equal(ray_cursor_backlog(b), 49);
    ray_cursor_close(b);
    assert_int_equal(ray_queue_used_bytes(queue), 0);
    ray_cursor_close(a);
    ray_queue_free(queue);
}

static void test_smaller_sections_are_done_before_they_start(void **state)
{
    (void)state;
    struct ray_queue *queue = queue_of(1 << 20);
    struct ray_cursor *large = open_cursor(queue, "large", 1, no_wake, NULL);
    struct ray_cursor *small = open_cursor(queue, "small", 2, no_wake, NULL);
    struct ray_cursor *absent = open_cursor(queue, "absent", 77, no_wake, NULL);
    CHECK_OK(push(queue, make_batch((uint32_t[]){5, 2}, 2, 0)));
    CHECK_OK(push(queue, make_batch((uint32_t[]){0, 0}, 2, 0)));
    CHECK_OK(push(queue, make_batch((uint32_t[]){1, 0}, 2, 0)));
    assert_int_equal(ray_queue_end(queue), 6);
    assert_int_equal(ray_cursor_backlog(small), 2);
    assert_int_equal(ray_cursor_backlog(absent), 0);
    assert_true(ray_cursor_passed(absent, 6));
    assert_int_equal(next_first(absent), 0);
    assert_int_equal(next_first(small), 1);
    assert_int_equal(next_first(small), 0); /* the third batch has nothing for it */
    ray_cursor_ack(small, 1, 2);
    assert_true(ray_cursor_passed(small, 6));
    ray_cursor_ack(large, 1, 6);
    assert_int_equal(ray_queue_used_bytes(queue), 0);
    ray_cursor_close(large);
    ray_cursor_close(small);
    ray_cursor_close(absent);
    ray_queue_free(queue);
}

/* The gauge of what waits follows pushes, acknowledgements and the end of a cursor by itself: it is
 * no difference of the other counters, so that they can be checked against it. */
static void test_the_ledger_knows_what_waits(void **state)
{
    (void)state;
    struct ray_metrics *metrics = ray_metrics_new();
    struct ray_exporter_ledger *ledger = ray_exporter_ledger_new(metrics, "x");
    struct ray_queue *queue = queue_of(1 << 20);
    struct ray_cursor_options options = {.profile = 1, .ledger = ledger, .wake = no_wake};
    struct ray_cursor *cursor = ray_cursor_open(queue, &options);
    CHECK_OK(push(queue, batch_of(5)));
    check_queued(metrics, 5);
    ray_cursor_ack(cursor, 2, 2);
    ray_cursor_ack(cursor, 3, 9); /* overlaps, and reaches past the end */
    check_queued(metrics, 1);
    ray_cursor_close(cursor);
    check_queued(metrics, 0);
    ray_queue_free(queue);
    ray_exporter_ledger_free(ledger);
    ray_metrics_free(metrics);
}

static void test_full_closed_and_reserved(void **state)
{
    (void)state;
    struct ray_batch *probe = batch_of(4);
    size_t bytes = ray_batch_bytes(probe);
    ray_batch_unref(probe);

    struct ray_queue *queue = queue_of(2 * bytes);
    assert_int_equal(push(queue, batch_of(4)), RAY_CLOSED); /* nobody reads */
    struct ray_cursor *cursor = open_cursor(queue, "a", 1, no_wake, NULL);
    assert_int_equal(ray_queue_reserve(queue, 2 * bytes + 1), RAY_TOO_BIG);
    CHECK_OK(ray_queue_reserve(queue, bytes));
    CHECK_OK(push(queue, batch_of(4)));
    assert_int_equal(push(queue, batch_of(4)), RAY_AGAIN); /* the reservation is kept for another */
    assert_int_equal(ray_queue_reserve(queue, 1), RAY_AGAIN);
    struct counted_ticket ticket = {.ticket = {on_done}};
    CHECK_OK(ray_queue_push(queue, batch_of(4), bytes, &ticket.ticket));
    assert_int_equal(ray_queue_used_bytes(queue), 2 * bytes);
    ray_cursor_ack(cursor, 1, 4);
    CHECK_OK(ray_queue_reserve(queue, bytes));
    ray_queue_cancel(queue, bytes);
    assert_int_equal(ray_queue_used_bytes(queue), bytes);

    ray_queue_close(queue);
    assert_int_equal(push(queue, batch_of(1)), RAY_CLOSED);
    assert_int_equal(ray_queue_reserve(queue, 1), RAY_CLOSED);
    assert_int_equal(next_first(cursor), 5); /* what is there is still read */
    struct ray_batch *batch = NULL;
    uint64_t first = 0;
    assert_int_equal(ray_cursor_next(cursor, &batch, &first), RAY_CLOSED);
    ray_cursor_close(cursor);
    ray_queue_free(queue);
}

static void test_wakes_once_per_empty_look(void **state)
{
    (void)state;
    struct ray_queue *queue = queue_of(1 << 20);
    int wakes = 0;
    struct ray_cursor *cursor = open_cursor(queue, "a", 1, count_wake, &wakes);
    CHECK_OK(push(queue, batch_of(1)));
    assert_int_equal(wakes, 0); /* it has not looked yet */
    next_first(cursor);
    next_first(cursor);
    CHECK_OK(push(queue, batch_of(0))); /* nothing to read */
    assert_int_equal(wakes, 0);
    CHECK_OK(push(queue, batch_of(1)));
    CHECK_OK(push(queue, batch_of(1)));
    assert_int_equal(wakes, 1);
    while (next_first(cursor) != 0) {
    }
    ray_queue_close(queue);
    assert_int_equal(wakes, 2);
    ray_cursor_close(cursor);
    ray_queue_free(queue);
}

/* ---- next to a naive list -------------------------------------------------------------------- */

#define MODEL_CURSORS   3
#define MODEL_DOCUMENTS 400000u
#define MODEL_BATCHES   100000u
#define MODEL_STEPS     100000
#define MODEL_PROFILES  3

struct model_cursor {
    struct ray_cursor *real; /* NULL: not open */
    uint64_t profile;
    uint64_t opened_at;
    uint64_t given;
    bool *done; /* by number; false also for what is owed */
};

struct model {
    struct ray_queue *queue;
    uint64_t end;
    size_t used;
    size_t batch_count;
    struct {
        uint64_t first;
        uint32_t documents[MODEL_PROFILES];
        uint32_t largest;
        size_t bytes;
        bool gone;
    } * batches;
    struct model_cursor cursors[MODEL_CURSORS];
    uint64_t random;
};

static uint32_t model_random(struct model *m, uint32_t below)
{
    m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(m->random >> 33) % below;
}

static bool model_owes(const struct model *m, const struct model_cursor *c, size_t b)
{
    if (c->real == NULL || m->batches[b].first <= c->opened_at) {
        return false;
    }
    for (uint32_t d = 0; d < m->batches[b].documents[c->profile - 1]; d++) {
        if (!c->done[m->batches[b].first + d]) {
            return true;
        }
    }
    return false;
}

static void model_collect(struct model *m)
{
    for (size_t b = 0; b < m->batch_count; b++) {
        bool owed = false;
        for (int i = 0; i < MODEL_CURSORS; i++) {
            owed = owed || model_owes(m, &m->cursors[i], b);
        }
        if (!owed && !m->batches[b].gone) {
            m->batches[b].gone = true;
            m->used -= m->batches[b].bytes;
        }
    }
    /* forget the finished ones at the front, so that the list stays short */
    size_t front = 0;
    while (front < m->batch_count && m->batches[front].gone) {
        front++;
    }
    memmove(m->batches, m->batches + front, (m->batch_count - front) * sizeof(*m->batches));
    m->batch_count -= front;
}

static void model_push(struct model *m, size_t max_bytes)
{
    uint32_t documents[MODEL_PROFILES];
    uint32_t largest = 0;
    uint32_t most = model_random(m, 20) == 0 ? 200 : 4;
    for (int p = 0; p < MODEL_PROFILES; p++) {
        documents[p] = model_random(m, most);
        largest = documents[p] > largest ? documents[p] : largest;
    }
    struct ray_batch *batch = make_batch(documents, MODEL_PROFILES, 0);
    size_t bytes = ray_batch_bytes(batch);
    bool readers = false;
    for (int i = 0; i < MODEL_CURSORS; i++) {
        readers = readers || m->cursors[i].real != NULL;
    }
    enum ray_status want = !readers                      ? RAY_CLOSED
                           : bytes > max_bytes           ? RAY_TOO_BIG
                           : bytes > max_bytes - m->used ? RAY_AGAIN
                                                         : RAY_OK;
    assert_int_equal(push(m->queue, batch), want);
    if (want == RAY_OK && largest > 0) {
        size_t b = m->batch_count++;
        m->batches[b].first = m->end + 1;
        memcpy(m->batches[b].documents, documents, sizeof(documents));
        m->batches[b].largest = largest;
        m->batches[b].bytes = bytes;
        m->batches[b].gone = false;
        m->end += largest;
        m->used += bytes;
        model_collect(m);
    }
}

static void model_next(struct model *m, struct model_cursor *c)
{
    uint64_t want = 0;
    for (size_t b = 0; b < m->batch_count && want == 0; b++) {
        if (m->batches[b].first > c->given && model_owes(m, c, b)) {
            want = m->batches[b].first;
            c->given = want;
        }
    }
    assert_int_equal(next_first(c->real), want);
}

static void model_ack(struct model *m, struct model_cursor *c)
{
    uint64_t oldest = m->batch_count > 0 ? m->batches[0].first : m->end;
    uint64_t first = oldest + model_random(m, (uint32_t)(m->end - oldest) + 3);
    uint32_t count = model_random(m, model_random(m, 10) == 0 ? 500 : 5);
    if (model_random(m, 8) == 0) {
        first = oldest; /* else a little is left everywhere and the queue stays full */
        count = 200;
    }
    ray_cursor_ack(c->real, first, count);
    for (uint64_t n = first; n < first + count && n <= m->end; n++) {
        c->done[n] = true;
    }
    model_collect(m);
}

static void model_open_or_close(struct model *m, struct model_cursor *c)
{
    if (c->real != NULL) {
        ray_cursor_close(c->real);
        c->real = NULL;
        model_collect(m);
        return;
    }
    c->profile = 1 + model_random(m, MODEL_PROFILES);
    c->opened_at = c->given = m->end;
    c->real = open_cursor(m->queue, "model", c->profile, no_wake, NULL);
    assert_non_null(c->real);
}

static void model_check(const struct model *m, const struct model_cursor *c)
{
    assert_int_equal(ray_queue_used_bytes(m->queue), m->used);
    assert_int_equal(ray_queue_end(m->queue), m->end);
    if (c->real == NULL) {
        return;
    }
    uint64_t backlog = 0;
    uint64_t first_owed = 0;
    for (size_t b = 0; b < m->batch_count; b++) {
        if (m->batches[b].first <= c->opened_at) {
            continue;
        }
        for (uint32_t d = 0; d < m->batches[b].documents[c->profile - 1]; d++) {
            uint64_t number = m->batches[b].first + d;
            if (!c->done[number]) {
                backlog++;
                first_owed = first_owed ? first_owed : number;
            }
        }
    }
    assert_int_equal(ray_cursor_backlog(c->real), backlog);
    uint64_t low = first_owed ? first_owed - 1 : m->end;
    assert_true(ray_cursor_passed(c->real, low));
    assert_false(ray_cursor_passed(c->real, low + 1));
}

static void test_same_as_a_naive_list(void **state)
{
    (void)state;
    const size_t max_bytes = 30000;
    struct model m = {.queue = queue_of(max_bytes), .random = 13};
    m.batches = calloc(MODEL_BATCHES, sizeof(*m.batches));
    for (int i = 0; i < MODEL_CURSORS; i++) {
        m.cursors[i].done = calloc(MODEL_DOCUMENTS, sizeof(bool));
    }
    for (int step = 0; step < MODEL_STEPS && m.end < MODEL_DOCUMENTS - 1000; step++) {
        struct model_cursor *c = &m.cursors[model_random(&m, MODEL_CURSORS)];
        uint32_t what = model_random(&m, 1000);
        if (what < 300) {
            model_push(&m, max_bytes);
        } else if (what < 310) {
            model_open_or_close(&m, c);
        } else if (c->real != NULL && what < 600) {
            model_next(&m, c);
        } else if (c->real != NULL) {
            model_ack(&m, c);
        }
        model_check(&m, c);
    }
    for (int i = 0; i < MODEL_CURSORS; i++) {
        if (m.cursors[i].real != NULL) {
            ray_cursor_close(m.cursors[i].real);
        }
        free(m.cursors[i].done);
    }
    assert_true(m.end > 100000); /* it did not just refuse */
    assert_int_equal(ray_queue_used_bytes(m.queue), 0);
    ray_queue_free(m.queue);
    free(m.batches);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define PUSHERS        3
#define PUSHES         2000
#define THREAD_CURSORS 2

struct reader {
    struct ray_queue *queue;
    struct ray_cursor *cursor;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool awake;
    uint64_t documents;
};

static void wake_reader(void *context)
{
    struct reader *reader = context;
    pthread_mutex_lock(&reader->lock);
    reader->awake = true;
    pthread_cond_signal(&reader->woken);
    pthread_mutex_unlock(&reader->lock);
}

static void *run_reader(void *argument)
{
    struct reader *reader = argument;
    for (;;) {
        struct ray_batch *batch = NULL;
        uint64_t first = 0;
        enum ray_status status = ray_cursor_next(reader->cursor, &batch, &first);
        if (status == RAY_CLOSED) {
            break;
        }
        if (status == RAY_OK) {
            uint32_t documents = ray_batch_documents(batch);
            ray_batch_unref(batch);
            reader->documents += documents;
            ray_cursor_ack(reader->cursor, first, documents);
            continue;
        }
        pthread_mutex_lock(&reader->lock);
        while (!reader->awake) {
            pthread_cond_wait(&reader->woken, &reader->lock);
        }
        reader->awake = false;
        pthread_mutex_unlock(&reader->lock);
    }
    ray_cursor_close(reader->cursor);
    return NULL;
}

static void *run_pusher(void *argument)
{
    struct ray_queue *queue = argument;
    for (int i = 0; i < PUSHES; i++) {
        struct ray_batch *batch = batch_of(1 + (uint32_t)i % 3);
        struct counted_ticket ticket = {.ticket = {on_done}};
        while (ray_queue_push(queue, batch, 0, &ticket.ticket) == RAY_AGAIN) {
            sched_yield();
        }
        assert_int_equal(ticket.done, 1);
    }
    return NULL;
}

static void test_nothing_lost_between_threads(void **state)
{
    (void)state;
    struct ray_queue *queue = queue_of(4096);
    struct reader readers[THREAD_CURSORS] = {0};
    pthread_t reader_threads[THREAD_CURSORS];
    pthread_t pushers[PUSHERS];
    for (int i = 0; i < THREAD_CURSORS; i++) {
        readers[i].queue = queue;
        pthread_mutex_init(&readers[i].lock, NULL);
        pthread_cond_init(&readers[i].woken, NULL);
        readers[i].cursor = open_cursor(queue, "t", 1, wake_reader, &readers[i]);
        assert_non_null(readers[i].cursor);
    }
    for (int i = 0; i < THREAD_CURSORS; i++) {
        pthread_create(&reader_threads[i], NULL, run_reader, &readers[i]);
    }
    for (int i = 0; i < PUSHERS; i++) {
        pthread_create(&pushers[i], NULL, run_pusher, queue);
    }
    for (int i = 0; i < PUSHERS; i++) {
        pthread_join(pushers[i], NULL);
    }
    uint64_t end = ray_queue_end(queue);
    ray_queue_close(queue);
    for (int i = 0; i < THREAD_CURSORS; i++) {
        pthread_join(reader_threads[i], NULL);
        assert_int_equal(readers[i].documents, end);
    }
    assert_int_equal(ray_queue_used_bytes(queue), 0);
    ray_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_and_room),
        cmocka_unit_test(test_smaller_sections_are_done_before_they_start),
        cmocka_unit_test(test_the_ledger_knows_what_waits),
        cmocka_unit_test(test_full_closed_and_reserved),
        cmocka_unit_test(test_wakes_once_per_empty_look),
        cmocka_unit_test(test_same_as_a_naive_list),
        cmocka_unit_test(test_nothing_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
