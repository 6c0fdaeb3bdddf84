/* durable: does the queue with a log keep what was accepted over a restart, give each document
 * once, and give its space back? On the real file system, in a folder of its own. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "queue/queue.h"
#include "queue/wal.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "%s", "/tmp/ray-durable-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static size_t count_files(const char *ending)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        size_t len = strlen(d->d_name), end = strlen(ending);
        count += len >= end && strcmp(d->d_name + len - end, ending) == 0;
    }
    closedir(dir);
    return count;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *dir = opendir(folder);
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
        unlink(path);
    }
    closedir(dir);
    return rmdir(folder);
}

/* ---- small tools ----------------------------------------------------------------------------- */

/* A ticket that can be waited for. */
struct waited {
    struct ray_ticket ticket;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
    enum ray_status status;
};

static void on_done(struct ray_ticket *ticket, enum ray_status status)
{
    struct waited *waited = (struct waited *)(void *)ticket;
    pthread_mutex_lock(&waited->lock);
    waited->is_done = true;
    waited->status = status;
    pthread_cond_signal(&waited->done);
    pthread_mutex_unlock(&waited->lock);
}

static void no_wake(void *context)
{
    (void)context;
}

/* Document number i of profile p has the text "p:i", so that each can be known again. */
static struct ray_batch *make_batch(const uint32_t *documents, size_t profiles, uint32_t first)
{
    struct ray_batch *batch = ray_batch_new(8 << 20);
    struct ray_trace_id trace_id = {{1}};
    uint8_t span_id[8] = {2};
    for (size_t p = 0; p < profiles; p++) {
        ray_batch_begin_section(batch, p + 1);
        for (uint32_t d = 0; d < documents[p]; d++) {
            ray_buf_printf(ray_batch_begin_document(batch), "%zu:%u%100s", p + 1, first + d, "");
            CHECK_OK(ray_batch_end_document(batch, &trace_id, span_id, d));
        }
    }
    ray_batch_set_accepted(batch, 42);
    ray_batch_seal(batch);
    return batch;
}

static enum ray_status push_batch(struct ray_queue *queue, struct ray_batch *batch)
{
    struct waited waited = {.ticket = {on_done}};
    pthread_mutex_init(&waited.lock, NULL);
    pthread_cond_init(&waited.done, NULL);
    enum ray_status status = ray_queue_push(queue, batch, 0, &waited.ticket);
    if (status != RAY_OK) {
        ray_batch_unref(batch);
        return status;
    }
    pthread_mutex_lock(&waited.lock);
    while (!waited.is_done) {
        pthread_cond_wait(&waited.done, &waited.lock);
    }
    pthread_mutex_unlock(&waited.lock);
    return waited.status;
}

static enum ray_status push(struct ray_queue *queue, uint32_t first, uint32_t count)
{
    return push_batch(queue, make_batch(&count, 1, first));
}

struct settings {
    size_t max_bytes;
    uint64_t segment_bytes;
    enum ray_fsync fsync;
};

static struct ray_queue *open_with(struct settings settings)
{
    char error[256] = "";
    static struct ray_disk disk;
    disk = ray_disk_system;
    struct ray_wal_options log = {
        .folder = folder,
        .disk = &disk,
        .fsync = settings.fsync,
        .fsync_interval_ms = 10,
        .segment_bytes = settings.segment_bytes,
        .max_bytes = settings.max_bytes,
        .clock = &ray_clock_system,
    };
    static struct ray_wal_options kept; /* must outlive the queue; one at a time here */
    kept = log;
    struct ray_queue *queue =
        ray_queue_new(&(struct ray_queue_options){.max_bytes = settings.max_bytes, .log = &kept});
    assert_non_null(queue);
    enum ray_status status = ray_queue_start(queue, error);
    if (status != RAY_OK) {
        fail_msg("cannot start: %s", error);
    }
    return queue;
}

static struct ray_queue *open_queue(void)
{
    return open_with((struct settings){64 << 20, 64 << 10, RAY_FSYNC_ALWAYS});
}

static struct ray_cursor *open_cursor(struct ray_queue *queue, const char *name, uint64_t profile)
{
    struct ray_cursor_options options = {.name = name, .profile = profile, .wake = no_wake};
    struct ray_cursor *cursor = ray_cursor_open(queue, &options);
    assert_non_null(cursor);
    return cursor;
}

/* Reads one batch and checks what its documents say; returns the first's own number, or -1. With
 * `ack`, acknowledges those that were not. */
static int64_t read_batch(struct ray_cursor *cursor, uint64_t profile, bool ack, uint32_t *count)
{
    struct ray_batch *batch = NULL;
    uint64_t first = 0;
    if (ray_cursor_next(cursor, &batch, &first) != RAY_OK) {
        return -1;
    }
    struct ray_batch_reader reader;
    struct ray_document document;
    int64_t own = -1;
    uint32_t read = 0;
    assert_true(ray_batch_read_section(batch, profile, &reader));
    assert_int_equal(ray_batch_accepted_unix_ns(batch), 42);
    bool may = ray_cursor_may_be_done(cursor, first, reader.left);
    for (uint64_t number = first; ray_batch_next(&reader, &document); number++) {
        unsigned p, d;
        assert_int_equal(sscanf(document.text.ptr, "%u:%u", &p, &d), 2);
        own = own < 0 ? (int64_t)d : own;
        bool done = may && ray_cursor_is_done(cursor, number);
        read += !done;
        if (ack && !done) {
            ray_cursor_ack(cursor, number, 1);
        }
    }
    ray_batch_unref(batch);
    if (count != NULL) {
        *count = read;
    }
    return own;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_a_restart_goes_on(void **state)
{
    (void)state;
    struct ray_queue *queue = open_queue();
    struct ray_cursor *cursor = open_cursor(queue, "awsxray/prod", 1);
    for (uint32_t i = 0; i < 1000; i++) {
        CHECK_OK(push(queue, i * 3, 3));
    }
    assert_int_equal(ray_cursor_backlog(cursor), 3000);
    for (uint32_t i = 0; i < 400; i++) {
        assert_int_equal(read_batch(cursor, 1, true, NULL), i * 3);
    }
    ray_cursor_ack(cursor, 400 * 3 + 2, 1); /* the second of the next three */
    ray_cursor_close(cursor);
    ray_queue_close(queue);
    ray_queue_free(queue);

    queue = open_queue();
    cursor = open_cursor(queue, "awsxray/prod", 1);
    ray_queue_forget_absent(queue);
    assert_int_equal(ray_cursor_backlog(cursor), 3000 - 1200 - 1);
    CHECK_OK(push(queue, 77777, 1));
    CHECK_OK(push(queue, 77778, 1));
    uint32_t count = 0;
    assert_int_equal(read_batch(cursor, 1, true, &count), 1200);
    assert_int_equal(count, 2);
    assert_int_equal(read_batch(cursor, 1, true, NULL), 77777); /* old and fresh take turns */
    assert_int_equal(read_batch(cursor, 1, true, NULL), 401 * 3);
    assert_int_equal(read_batch(cursor, 1, true, NULL), 77778);
    for (uint32_t i = 402; i < 1000; i++) {
        assert_int_equal(read_batch(cursor, 1, true, NULL), i * 3);
    }
    assert_int_equal(read_batch(cursor, 1, true, NULL), -1);
    assert_int_equal(ray_cursor_backlog(cursor), 0);
    assert_true(ray_cursor_passed(cursor, ray_queue_end(queue)));
    ray_cursor_close(cursor);
    ray_queue_close(queue);
    ray_queue_free(queue);
    assert_int_equal(count_files(".seg"), 0); /* all done: nothing stays */
    assert_int_equal(count_files(".tmp"), 0);
}

static void test_a_lagging_reader_reads_the_file(void **state)
{
    (void)state;
    struct ray_queue *queue = open_with((struct settings){64 << 20, 64 << 10, RAY_FSYNC_INTERVAL});
    struct ray_cursor *fast = open_cursor(queue, "fast", 1);
    struct ray_cursor *slow = open_cursor(queue, "slow", 1);
    uint32_t slow_at = 0;
    for (uint32_t i = 0; i < 2000; i++) { /* several times what is kept in memory */
        CHECK_OK(push(queue, i * 64, 64));
        assert_int_equal(read_batch(fast, 1, true, NULL), i * 64);
        if (i % 2 == 0) {
            assert_int_equal(read_batch(slow, 1, true, NULL), slow_at);
            slow_at += 64;
        }
    }
    assert_int_equal(ray_cursor_backlog(fast), 0);
    while (slow_at < 2000 * 64) {
        assert_int_equal(read_batch(slow, 1, true, NULL), slow_at);
        slow_at += 64;
    }
    assert_int_equal(ray_cursor_backlog(slow), 0);
    ray_cursor_close(fast);
    ray_cursor_close(slow);
    ray_queue_free(queue);
    assert_int_equal(count_files(".seg"), 0);
}

static void test_profiles_over_a_restart(void **state)
{
    (void)state;
    struct ray_queue *queue = open_queue();
    struct ray_cursor *large = open_cursor(queue, "large", 1);
    struct ray_cursor *small = open_cursor(queue, "small", 2);
    for (uint32_t i = 0; i < 100; i++) {
        CHECK_OK(push_batch(queue, make_batch((uint32_t[]){5, 2}, 2, i * 5)));
    }
    assert_int_equal(ray_cursor_backlog(small), 200);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(read_batch(small, 2, true, NULL), i * 5);
    }
    ray_cursor_close(large);
    ray_cursor_close(small);
    ray_queue_free(queue);

    queue = open_queue();
    large = open_cursor(queue, "large", 7); /* its options have changed */
    small = open_cursor(queue, "small", 2);
    struct ray_cursor *fresh = open_cursor(queue, "fresh", 1);
    ray_queue_forget_absent(queue);
    assert_int_equal(ray_cursor_backlog(fresh), 0);
    assert_int_equal(ray_cursor_backlog(large), 500);
    assert_int_equal(ray_cursor_backlog(small), 180);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(read_batch(large, 7, true, NULL), i * 5);
    }
    assert_int_equal(ray_cursor_backlog(large), 0);
    for (uint32_t i = 10; i < 100; i++) {
        assert_int_equal(read_batch(small, 2, true, NULL), i * 5);
    }
    assert_int_equal(ray_cursor_backlog(small), 0);
    ray_cursor_close(large);
    ray_cursor_close(small);
    ray_cursor_close(fresh);
    ray_queue_free(queue);
    assert_int_equal(count_files(".seg"), 0);
}

static void test_an_absent_exporter_is_forgotten(void **state)
{
    (void)state;
    struct ray_queue *queue = open_queue();
    struct ray_cursor *stays = open_cursor(queue, "stays", 1);
    struct ray_cursor *goes = open_cursor(queue, "goes", 1);
    CHECK_OK(push(queue, 0, 10));
    assert_int_equal(read_batch(stays, 1, true, NULL), 0);
    ray_cursor_close(stays);
    ray_cursor_close(goes);
    ray_queue_free(queue);
    assert_int_equal(count_files(".seg"), 1);

    queue = open_queue();
    stays = open_cursor(queue, "stays", 1);
    assert_true(ray_queue_used_bytes(queue) > 0);
    ray_queue_forget_absent(queue);
    assert_int_equal(ray_queue_used_bytes(queue), 0);
    ray_cursor_close(stays);
    ray_queue_free(queue);
    assert_int_equal(count_files(".seg"), 0);
    assert_int_equal(count_files(".ack"), 1);
}

static void test_full_refuses_and_comes_back(void **state)
{
    (void)state;
    struct ray_queue *queue = open_with((struct settings){1 << 20, 64 << 10, RAY_FSYNC_NEVER});
    struct ray_cursor *cursor = open_cursor(queue, "a", 1);
    uint32_t pushed = 0;
    while (push(queue, pushed * 50, 50) == RAY_OK) {
        pushed++;
    }
    assert_true(pushed > 80);
    assert_true(ray_queue_used_bytes(queue) <= 1 << 20);
    for (uint32_t i = 0; i < pushed; i++) {
        assert_int_equal(read_batch(cursor, 1, true, NULL), i * 50);
    }
    for (uint32_t i = 0; i < pushed / 2; i++) { /* deletion is the log thread's: it may lag */
        enum ray_status status = push(queue, i * 50, 50);
        assert_true(status == RAY_OK);
    }
    ray_cursor_close(cursor);
    ray_queue_free(queue);
}

static void test_drop_oldest_gives_up_only_its_own(void **state)
{
    (void)state;
    struct ray_queue *queue = open_with((struct settings){1 << 20, 64 << 10, RAY_FSYNC_NEVER});
    struct ray_cursor_options options = {
        .name = "a", .profile = 1, .wake = no_wake, .drop_oldest = true};
    struct ray_cursor *cursor = ray_cursor_open(queue, &options);
    assert_non_null(cursor);
    for (uint32_t i = 0; i < 400; i++) {
        CHECK_OK(push(queue, i * 50, 50));
    }
    int64_t last = -1, own = 0;
    uint64_t read = 0;
    for (own = read_batch(cursor, 1, true, NULL); own >= 0;
         own = read_batch(cursor, 1, true, NULL)) {
        assert_true(own > last);
        last = own;
        read++;
    }
    assert_int_equal(last, 399 * 50); /* the newest are kept */
    assert_true(read > 60 && read < 200);
    ray_cursor_close(cursor);
    ray_queue_free(queue);
}

static void test_an_acknowledgement_past_the_end(void **state)
{
    (void)state;
    struct ray_queue *queue = open_queue();
    struct ray_cursor *cursor = open_cursor(queue, "a", 1);
    CHECK_OK(push(queue, 0, 1));
    ray_cursor_ack(cursor, 1, 1000); /* there is only one yet */
    CHECK_OK(push(queue, 1, 5));
    assert_int_equal(ray_cursor_backlog(cursor), 5);
    ray_cursor_close(cursor);
    ray_queue_free(queue);

    queue = open_queue();
    cursor = open_cursor(queue, "a", 1);
    ray_queue_forget_absent(queue);
    assert_int_equal(ray_cursor_backlog(cursor), 5);
    uint32_t count = 0;
    assert_int_equal(read_batch(cursor, 1, true, &count), 1);
    assert_int_equal(count, 5);
    ray_cursor_close(cursor);
    ray_queue_free(queue);
}

/* Somebody empties the folder under us: what is in memory still comes, the rest is counted out, and
 * what is pushed from then on is safe again. */
static void test_files_deleted_by_somebody(void **state)
{
    (void)state;
    struct ray_queue *queue = open_with((struct settings){64 << 20, 64 << 10, RAY_FSYNC_NEVER});
    struct ray_cursor *cursor = open_cursor(queue, "a", 1);
    for (uint32_t i = 0; i < 1000; i++) { /* twice what is kept in memory */
        CHECK_OK(push(queue, i * 50, 50));
    }
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
        if (strstr(d->d_name, ".seg") != NULL) {
            unlink(path);
        }
    }
    closedir(dir);
    int64_t last = -1, own = 0;
    while ((own = read_batch(cursor, 1, true, NULL)) >= 0) {
        assert_true(own > last);
        last = own;
    }
    assert_int_equal(last, 999 * 50);
    assert_int_equal(ray_cursor_backlog(cursor), 0);
    CHECK_OK(push(queue, 77777, 1));
    assert_int_equal(read_batch(cursor, 1, true, NULL), 77777);
    ray_cursor_close(cursor);
    ray_queue_free(queue);
    assert_int_equal(count_files(".seg"), 0);
}

static void test_one_owner(void **state)
{
    (void)state;
    struct ray_queue *queue = open_queue();
    struct ray_disk disk = ray_disk_system;
    struct ray_wal_options log = {
        .folder = folder, .disk = &disk, .max_bytes = 1 << 20, .clock = &ray_clock_system};
    struct ray_queue *second =
        ray_queue_new(&(struct ray_queue_options){.max_bytes = 1 << 20, .log = &log});
    char error[256] = "";
    assert_int_equal(ray_queue_start(second, error), RAY_CLOSED);
    assert_non_null(strstr(error, "another process"));
    ray_queue_free(second);
    ray_queue_free(queue);
}

/* Three sealed segments and more, all owed to "a". Their paths, oldest first. */
static size_t fill_segments(char paths[16][320])
{
    struct ray_queue *queue = open_queue();
    struct ray_cursor *cursor = open_cursor(queue, "a", 1);
    for (uint32_t i = 0; i < 40; i++) {
        CHECK_OK(push(queue, i * 64, 64));
    }
    assert_int_equal(read_batch(cursor, 1, true, NULL), 0);
    ray_cursor_close(cursor);
    ray_queue_free(queue);
    struct dirent **names;
    int found = scandir(folder, &names, NULL, alphasort);
    size_t count = 0;
    for (int i = 0; i < found; i++) {
        if (strncmp(names[i]->d_name, "q-", 2) == 0 && count < 16) {
            snprintf(paths[count++], 320, "%s/%s", folder, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
    assert_true(count >= 4);
    return count;
}

static void test_a_deleted_segment_is_told(void **state)
{
    (void)state;
    char paths[16][320];
    struct ray_wal_stats stats;
    (void)fill_segments(paths);
    assert_int_equal(unlink(paths[1]), 0);
    struct ray_queue *queue = open_queue();
    struct ray_cursor *cursor = open_cursor(queue, "a", 1);
    ray_queue_log_stats(queue, &stats);
    assert_true(stats.missing_documents > 0 && stats.missing_documents % 64 == 0);
    assert_int_equal(ray_cursor_backlog(cursor) + stats.missing_documents, 39 * 64);
    while (read_batch(cursor, 1, true, NULL) >= 0) {
    }
    assert_int_equal(ray_cursor_backlog(cursor), 0);
    ray_cursor_close(cursor);
    ray_queue_free(queue);
    queue = open_queue(); /* once */
    cursor = open_cursor(queue, "a", 1);
    ray_queue_log_stats(queue, &stats);
    assert_int_equal(stats.missing_documents, 0);
    ray_cursor_close(cursor);
    ray_queue_free(queue);
}

static void test_renamed_segments_are_known_by_their_heads(void **state)
{
    (void)state;
    char paths[16][320], between[320];
    (void)fill_segments(paths);
    snprintf(between, sizeof(between), "%s/between", folder);
    assert_int_equal(rename(paths[0], between), 0);
    assert_int_equal(rename(paths[2], paths[0]), 0);
    assert_int_equal(rename(between, paths[2]), 0);
    struct ray_queue *queue = open_queue();
    struct ray_cursor *cursor = open_cursor(queue, "a", 1);
    assert_int_equal(ray_cursor_backlog(cursor), 39 * 64);
    for (uint32_t i = 1; i < 40; i++) {
        assert_int_equal(read_batch(cursor, 1, true, NULL), i * 64);
    }
    ray_cursor_close(cursor);
    ray_queue_free(queue);
    assert_int_equal(count_files(".seg"), 0);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define PUSHERS 4
#define PUSHES  1500u

static void *run_pusher(void *argument)
{
    for (uint32_t i = 0; i < PUSHES; i++) {
        enum ray_status status = push(argument, i, 1 + i % 7);
        while (status == RAY_AGAIN) {
            status = push(argument, i, 1 + i % 7);
        }
        CHECK_OK(status);
    }
    return NULL;
}

static void test_nothing_lost_between_threads(void **state)
{
    (void)state;
    struct ray_queue *queue = open_with((struct settings){4 << 20, 64 << 10, RAY_FSYNC_NEVER});
    struct ray_cursor *cursors[2] = {open_cursor(queue, "a", 1), open_cursor(queue, "b", 1)};
    uint64_t read[2] = {0, 0}, want = 0;
    for (uint32_t i = 0; i < PUSHES; i++) {
        want += PUSHERS * (1 + i % 7);
    }
    pthread_t pushers[PUSHERS];
    for (int i = 0; i < PUSHERS; i++) {
        pthread_create(&pushers[i], NULL, run_pusher, queue);
    }
    while (read[0] < want || read[1] < want) {
        for (int c = 0; c < 2; c++) {
            struct ray_batch *batch = NULL;
            uint64_t first = 0;
            if (ray_cursor_next(cursors[c], &batch, &first) == RAY_OK) {
                ray_cursor_ack(cursors[c], first, ray_batch_documents(batch));
                read[c] += ray_batch_documents(batch);
                ray_batch_unref(batch);
            }
        }
    }
    for (int i = 0; i < PUSHERS; i++) {
        pthread_join(pushers[i], NULL);
    }
    assert_int_equal(read[0], want);
    assert_int_equal(read[1], want);
    assert_int_equal(ray_cursor_backlog(cursors[0]) + ray_cursor_backlog(cursors[1]), 0);
    ray_cursor_close(cursors[0]);
    ray_cursor_close(cursors[1]);
    ray_queue_free(queue);
    assert_int_equal(count_files(".seg"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_restart_goes_on),
        TEST(test_a_lagging_reader_reads_the_file),
        TEST(test_profiles_over_a_restart),
        TEST(test_an_absent_exporter_is_forgotten),
        TEST(test_full_refuses_and_comes_back),
        TEST(test_drop_oldest_gives_up_only_its_own),
        TEST(test_a_deleted_segment_is_told),
        TEST(test_renamed_segments_are_known_by_their_heads),
        TEST(test_an_acknowledgement_past_the_end),
        TEST(test_files_deleted_by_somebody),
        TEST(test_one_owner),
        TEST(test_nothing_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
