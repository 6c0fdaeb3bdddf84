/*
 * durable_cases: what a document costs on its way through a queue, in memory and with a log on
 * disk, by policy of sync and by documents per request. Two threads besides the log's own: one
 * pushes requests, a bounded number of them unanswered, one reads and acknowledges in calls of 50.
 * CPU time of the process: the system's own threads that write back are not in it. Around each push
 * stands what a receiver does (6 us a document, 25 us a request), so that the pace is a real one
 * and the share of durability can be read off.
 */
#include "bench/micro/bench.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queue/queue.h"
#include "queue/wal.h"

#define DOCUMENTS      32768u /* of one pass; fewer in requests of one */
#define DOCUMENT_BYTES 1800
#define UNANSWERED     256u /* requests */

struct durable_state {
    struct ray_queue *queue;
    struct ray_cursor *cursor;
    struct ray_wal_options log;
    struct ray_disk disk;
    char folder[64];
    struct ray_batch *batch;
    uint32_t each;      /* documents of a request */
    uint32_t documents; /* of a pass */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t unanswered;
    bool awake;
};

struct request {
    struct ray_ticket ticket; /* first */
    struct durable_state *state;
};

static void on_wake(void *context)
{
    struct durable_state *state = context;
    pthread_mutex_lock(&state->lock);
    state->awake = true;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->lock);
}

static void on_answer(struct ray_ticket *ticket, enum ray_status status)
{
    struct request *request = (struct request *)(void *)ticket;
    struct durable_state *state = request->state;
    bench_must(status);
    pthread_mutex_lock(&state->lock);
    if (state->unanswered-- == UNANSWERED) {
        pthread_cond_broadcast(&state->changed);
    }
    pthread_mutex_unlock(&state->lock);
    free(request);
}

static struct ray_batch *make_request(uint32_t documents)
{
    struct ray_batch *batch = ray_batch_new(4 << 20);
    ray_batch_begin_section(batch, 1);
    for (uint32_t i = 0; i < documents; i++) {
        struct ray_trace_id id = {{(uint8_t)i}};
        ray_buf_printf(ray_batch_begin_document(batch), "%*u", DOCUMENT_BYTES, i);
        bench_must(ray_batch_end_document(batch, &id, (const uint8_t[8]){1}, i));
    }
    ray_batch_seal(batch);
    return batch;
}

static void *new_state(size_t *units, uint32_t each, bool has_log, enum ray_fsync fsync)
{
    struct durable_state *state = calloc(1, sizeof(*state));
    char error[256];
    state->disk = ray_disk_system;
    state->each = each;
    state->batch = make_request(each);
    pthread_mutex_init(&state->lock, NULL);
    pthread_cond_init(&state->changed, NULL);
    snprintf(state->folder, sizeof(state->folder), "/tmp/ray-bench-XXXXXX");
    state->log = (struct ray_wal_options){.folder = mkdtemp(state->folder),
                                          .disk = &state->disk,
                                          .fsync = fsync,
                                          .fsync_interval_ms = 100,
                                          .max_bytes = (uint64_t)1 << 30,
                                          .clock = &ray_clock_system};
    struct ray_queue_options options = {.max_bytes = (size_t)1 << 30,
                                        .log = has_log ? &state->log : NULL};
    state->queue = ray_queue_new(&options);
    bench_must(ray_queue_start(state->queue, error));
    struct ray_cursor_options cursor = {
        .name = "bench", .profile = 1, .wake = on_wake, .context = state};
    state->cursor = ray_cursor_open(state->queue, &cursor);
    state->documents = each == 1 ? DOCUMENTS / 8 : DOCUMENTS;
    *units = state->documents;
    return state;
}

/* Until all of one pass came. */
static void *run_reader(void *argument)
{
    struct durable_state *state = argument;
    for (uint32_t left = state->documents; left > 0;) {
        struct ray_batch *batch;
        uint64_t first;
        if (ray_cursor_next(state->cursor, &batch, &first) == RAY_OK) {
            uint32_t documents = ray_batch_documents(batch);
            ray_batch_unref(batch);
            for (uint32_t i = 0; i < documents; i += 50) {
                uint32_t call = documents - i < 50 ? documents - i : 50;
                ray_cursor_ack(state->cursor, first + i, call);
            }
            left -= documents;
            continue;
        }
        pthread_mutex_lock(&state->lock);
        while (!state->awake) {
            pthread_cond_wait(&state->changed, &state->lock);
        }
        state->awake = false;
        pthread_mutex_unlock(&state->lock);
    }
    return NULL;
}

/* What a receiver would do with the request before its push. */
static void work(uint32_t documents)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    int64_t until = now.tv_sec * (int64_t)1000000000 + now.tv_nsec + 25000 + 6000 * documents;
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while (now.tv_sec * (int64_t)1000000000 + now.tv_nsec < until);
}

static void push_and_read(void *argument)
{
    struct durable_state *state = argument;
    pthread_t reader;
    pthread_create(&reader, NULL, run_reader, state);
    for (uint32_t pushed = 0; pushed < state->documents; pushed += state->each) {
        struct request *request = malloc(sizeof(*request));
        *request = (struct request){{on_answer}, state};
        work(state->each);
        pthread_mutex_lock(&state->lock);
        while (state->unanswered == UNANSWERED) {
            pthread_cond_wait(&state->changed, &state->lock);
        }
        state->unanswered++;
        pthread_mutex_unlock(&state->lock);
        enum ray_status status;
        do { /* the disk is behind: a client would try again */
            status = ray_queue_push(state->queue, ray_batch_ref(state->batch), 0, &request->ticket);
            if (status != RAY_OK) {
                ray_batch_unref(state->batch);
                usleep(500);
            }
        } while (status == RAY_AGAIN);
        bench_must(status);
    }
    pthread_join(reader, NULL);
}

static void free_state(void *argument)
{
    struct durable_state *state = argument;
    char path[400];
    ray_cursor_close(state->cursor);
    ray_queue_free(state->queue);
    DIR *folder = opendir(state->folder);
    for (const struct dirent *d = readdir(folder); d != NULL; d = readdir(folder)) {
        snprintf(path, sizeof(path), "%s/%s", state->folder, d->d_name);
        unlink(path);
    }
    closedir(folder);
    rmdir(state->folder);
    ray_batch_unref(state->batch);
    free(state);
}

#define SET_UP(name, each, has_log, fsync)                                                         \
    static void *new_##name##_##each(const char *input, size_t *units)                             \
    {                                                                                              \
        (void)input;                                                                               \
        return new_state(units, each, has_log, fsync);                                             \
    }
SET_UP(memory, 512, false, RAY_FSYNC_NEVER)
SET_UP(memory, 16, false, RAY_FSYNC_NEVER)
SET_UP(memory, 1, false, RAY_FSYNC_NEVER)
SET_UP(never, 512, true, RAY_FSYNC_NEVER)
SET_UP(never, 16, true, RAY_FSYNC_NEVER)
SET_UP(never, 1, true, RAY_FSYNC_NEVER)
SET_UP(interval, 512, true, RAY_FSYNC_INTERVAL)
SET_UP(interval, 16, true, RAY_FSYNC_INTERVAL)
SET_UP(interval, 1, true, RAY_FSYNC_INTERVAL)
SET_UP(always, 512, true, RAY_FSYNC_ALWAYS)
SET_UP(always, 16, true, RAY_FSYNC_ALWAYS)
SET_UP(always, 1, true, RAY_FSYNC_ALWAYS)

/* clang-format off */
const struct bench_case bench_durable_cases[] = {
    {"queue/memory_by_512",   "document", 0, NULL, new_memory_512,   push_and_read, free_state},
    {"queue/never_by_512",    "document", 0, NULL, new_never_512,    push_and_read, free_state},
    {"queue/interval_by_512", "document", 0, NULL, new_interval_512, push_and_read, free_state},
    {"queue/always_by_512",   "document", 0, NULL, new_always_512,   push_and_read, free_state},
    {"queue/memory_by_16",    "document", 0, NULL, new_memory_16,    push_and_read, free_state},
    {"queue/never_by_16",     "document", 0, NULL, new_never_16,     push_and_read, free_state},
    {"queue/interval_by_16",  "document", 0, NULL, new_interval_16,  push_and_read, free_state},
    {"queue/always_by_16",    "document", 0, NULL, new_always_16,    push_and_read, free_state},
    {"queue/memory_by_1",     "document", 0, NULL, new_memory_1,     push_and_read, free_state},
    {"queue/never_by_1",      "document", 0, NULL, new_never_1,      push_and_read, free_state},
    {"queue/interval_by_1",   "document", 0, NULL, new_interval_1,   push_and_read, free_state},
    {"queue/always_by_1",     "document", 0, NULL, new_always_1,     push_and_read, free_state},
    BENCH_CASES_END,
};
/* clang-format on */
