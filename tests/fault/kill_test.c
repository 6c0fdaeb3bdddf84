/* kill: a process with a queue on the real disk is killed at random moments, over and over; two
 * exporters whose acknowledgements overtake each other. What it promised is kept in memory that
 * outlives it. Nothing accepted is lost, nothing acknowledged comes again. */
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "queue/queue.h"
#include "queue/wal.h"
#include "tests/unit/check.h"

#define DOCUMENTS_MAX (1u << 22)
#define CURSORS       2
#define IN_FLIGHT     16 /* batches that a cursor holds before it acknowledges one of them */
#define TEXT_BYTES    180

enum { DELIVERED = 1, ACKED = 2, ACKING = 4 };

/* Shared by parent and child; each byte is written by one thread at a time. */
struct book {
    _Atomic uint32_t next;
    _Atomic uint64_t in_flight_at_kill, repeated, acked_repeated, wrong;
    _Atomic uint32_t stop; /* no more pushes */
    unsigned char accepted[DOCUMENTS_MAX];
    unsigned char seen[CURSORS][DOCUMENTS_MAX];
};

static char folder[64];

struct process {
    struct book *book;
    struct ray_queue *queue;
    struct ray_cursor *cursors[CURSORS];
    uint64_t seed;
};

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void write_text(char *out, uint32_t d)
{
    size_t at = (size_t)snprintf(out, 16, "%010" PRIu32 ":", d);
    for (; at < TEXT_BYTES; at++) {
        out[at] = (char)('a' + (d * 7u + at) % 26);
    }
    out[at] = '\0';
}

/* ---- the process ----------------------------------------------------------------------------- */

struct pushed {
    struct ray_ticket ticket; /* first */
    struct process *process;
    uint32_t first, count;
    _Atomic bool waits;
};

static void on_done(struct ray_ticket *ticket, enum ray_status status)
{
    struct pushed *pushed = (struct pushed *)(void *)ticket;
    if (status == RAY_OK) {
        memset(pushed->process->book->accepted + pushed->first, 1, pushed->count);
    }
    atomic_store(&pushed->waits, false);
}

static struct ray_batch *make_batch(uint32_t first, uint32_t count)
{
    char text[TEXT_BYTES + 1];
    struct ray_batch *batch = ray_batch_new(1 << 20);
    struct ray_trace_id trace_id = {{1}};
    ray_batch_begin_section(batch, 1);
    for (uint32_t i = 0; i < count; i++) {
        write_text(text, first + i);
        ray_buf_append(ray_batch_begin_document(batch), ray_str_from(text));
        if (ray_batch_end_document(batch, &trace_id, (const uint8_t[8]){1}, i) != RAY_OK) {
            _exit(3);
        }
    }
    ray_batch_seal(batch);
    return batch;
}

static void *run_pusher(void *argument)
{
    struct process *process = argument;
    uint64_t random = process->seed;
    static struct pushed slots[8];
    for (size_t i = 0; !atomic_load(&process->book->stop); i = (i + 1) % 8) {
        struct pushed *slot = &slots[i];
        if (atomic_load(&slot->waits)) {
            continue;
        }
        uint32_t count = 1 + (uint32_t)(next_random(&random) % 40);
        uint32_t first = atomic_fetch_add(&process->book->next, count);
        if (first + count >= DOCUMENTS_MAX) {
            break;
        }
        *slot = (struct pushed){{on_done}, process, first, count, true};
        struct ray_batch *batch = make_batch(first, count);
        if (ray_queue_push(process->queue, batch, 0, &slot->ticket) != RAY_OK) {
            ray_batch_unref(batch);
            atomic_store(&slot->waits, false);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        while (atomic_load(&slots[i].waits)) {
            sched_yield();
        }
    }
    return NULL;
}

struct held {
    uint64_t number;
    uint32_t document, count;
};

static uint32_t check_text(struct book *book, const struct ray_document *document)
{
    char want[TEXT_BYTES + 1];
    uint32_t d = (uint32_t)strtoul(document->text.ptr, NULL, 10);
    write_text(want, d);
    if (d >= DOCUMENTS_MAX || document->text.len != TEXT_BYTES ||
        memcmp(want, document->text.ptr, TEXT_BYTES) != 0) {
        atomic_fetch_add(&book->wrong, 1);
        return 0;
    }
    return d;
}

static void acknowledge(struct process *process, int c, const struct held *held)
{
    unsigned char *seen = process->book->seen[c];
    for (uint32_t i = 0; i < held->count; i++) {
        seen[held->document + i] |= ACKING;
    }
    ray_cursor_ack(process->cursors[c], held->number, held->count);
    for (uint32_t i = 0; i < held->count; i++) {
        seen[held->document + i] |= ACKED;
    }
}

/* Runs of documents that were not done before. */
static size_t take_batch(struct process *process, int c, struct held *held)
{
    struct ray_batch *batch;
    struct ray_batch_reader reader;
    struct ray_document document;
    uint64_t number;
    size_t runs = 0;
    if (ray_cursor_next(process->cursors[c], &batch, &number) != RAY_OK) {
        return 0;
    }
    unsigned char *seen = process->book->seen[c];
    (void)!ray_batch_read_section(batch, 1, &reader);
    for (; ray_batch_next(&reader, &document); number++) {
        uint32_t d = check_text(process->book, &document);
        if (ray_cursor_is_done(process->cursors[c], number)) {
            continue;
        }
        if ((seen[d] & ACKED) != 0) {
            atomic_fetch_add(&process->book->acked_repeated, 1);
        }
        if (seen[d] != 0) {
            atomic_fetch_add(&process->book->repeated, 1);
        }
        seen[d] = DELIVERED;
        bool grows = runs > 0 && held[runs - 1].number + held[runs - 1].count == number;
        if (grows) {
            held[runs - 1].count++;
        } else {
            held[runs++] = (struct held){number, d, 1};
        }
    }
    ray_batch_unref(batch);
    return runs;
}

struct exporter {
    struct process *process;
    int cursor;
};

static void *run_exporter(void *argument)
{
    struct exporter *exporter = argument;
    struct process *process = exporter->process;
    struct held held[IN_FLIGHT + 64];
    size_t count = 0;
    uint64_t random = process->seed + (uint64_t)exporter->cursor + 1;
    for (;;) {
        bool stopping = atomic_load(&process->book->stop) != 0;
        size_t got = take_batch(process, exporter->cursor, held + count);
        count += got;
        if (got == 0 && count == 0 && stopping) {
            return NULL;
        }
        while (count >= IN_FLIGHT || (got == 0 && count > 0)) {
            size_t i = (size_t)(next_random(&random) % count);
            acknowledge(process, exporter->cursor, &held[i]);
            held[i] = held[--count];
        }
        if (got == 0) {
            sched_yield();
        }
    }
}

static void no_wake(void *context)
{
    (void)context;
}

static void open_all(struct process *process, struct ray_wal_options *log)
{
    char error[256] = "";
    static const char *const names[CURSORS] = {"a", "b"};
    process->queue =
        ray_queue_new(&(struct ray_queue_options){.max_bytes = log->max_bytes, .log = log});
    if (process->queue == NULL || ray_queue_start(process->queue, error) != RAY_OK) {
        fprintf(stderr, "cannot start: %s\n", error);
        _exit(2);
    }
    for (int c = 0; c < CURSORS; c++) {
        struct ray_cursor_options options = {.name = names[c], .profile = 1, .wake = no_wake};
        process->cursors[c] = ray_cursor_open(process->queue, &options);
    }
    ray_queue_forget_absent(process->queue);
}

/* Until it is killed; in the last life until all is done. */
static void live(struct book *book, enum ray_fsync fsync, uint64_t segment_bytes, uint64_t seed)
{
    struct ray_disk disk = ray_disk_system;
    struct ray_wal_options log = {.folder = folder,
                                  .disk = &disk,
                                  .fsync = fsync,
                                  .fsync_interval_ms = 10,
                                  .segment_bytes = segment_bytes,
                                  .max_bytes = 8 << 20,
                                  .clock = &ray_clock_system};
    struct process process = {.book = book, .seed = seed};
    open_all(&process, &log);
    pthread_t pusher, exporters[CURSORS];
    struct exporter arguments[CURSORS] = {{&process, 0}, {&process, 1}};
    pthread_create(&pusher, NULL, run_pusher, &process);
    for (int c = 0; c < CURSORS; c++) {
        pthread_create(&exporters[c], NULL, run_exporter, &arguments[c]);
    }
    pthread_join(pusher, NULL);
    for (int c = 0; c < CURSORS; c++) {
        pthread_join(exporters[c], NULL);
        ray_cursor_close(process.cursors[c]);
    }
    ray_queue_free(process.queue);
    _exit(0);
}

/* ---- the one that kills ---------------------------------------------------------------------- */

static pid_t begin_life(struct book *book, enum ray_fsync fsync, uint64_t segment_bytes,
                        uint64_t seed)
{
    pid_t child = fork();
    if (child == 0) {
        live(book, fsync, segment_bytes, seed);
    }
    assert_true(child > 0);
    return child;
}

static void remove_folder(void)
{
    char path[400];
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
        unlink(path);
    }
    closedir(dir);
    rmdir(folder);
}

static uint64_t count_unacknowledged(const struct book *book)
{
    uint64_t count = 0;
    for (uint32_t d = 0; d < atomic_load(&book->next) && d < DOCUMENTS_MAX; d++) {
        for (int c = 0; c < CURSORS; c++) {
            count += book->seen[c][d] == DELIVERED || book->seen[c][d] == (DELIVERED | ACKING);
        }
    }
    return count;
}

static void kill_often(enum ray_fsync fsync, uint64_t segment_bytes, unsigned kills)
{
    static const char *const policies[] = {"always", "interval", "never"};
    struct book *book =
        mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(book != MAP_FAILED);
    snprintf(folder, sizeof(folder), "%s", "/tmp/ray-kill-XXXXXX");
    assert_non_null(mkdtemp(folder));
    uint64_t random = segment_bytes + (uint64_t)fsync, in_flight = 0;
    int status = 0;
    for (unsigned i = 0; i < kills; i++) {
        pid_t child = begin_life(book, fsync, segment_bytes, i);
        nanosleep(&(struct timespec){.tv_nsec = 1000000 + (long)(next_random(&random) % 25000000)},
                  NULL);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        in_flight += count_unacknowledged(book);
    }
    atomic_store(&book->stop, 1);
    pid_t child = begin_life(book, fsync, segment_bytes, kills);
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    uint64_t accepted = 0, lost = 0;
    for (uint32_t d = 0; d < DOCUMENTS_MAX; d++) {
        accepted += book->accepted[d];
        for (int c = 0; c < CURSORS; c++) {
            /* killed within an acknowledgement: it counted, or it did not and came again */
            lost += book->accepted[d] && (book->seen[c][d] & (ACKED | ACKING)) == 0;
        }
    }
    print_message("%s, %" PRIu64 " KiB, %u kills: %" PRIu64 " accepted, %" PRIu64 " lost, %" PRIu64
                  " repeated of %" PRIu64 " in flight\n",
                  policies[fsync], segment_bytes >> 10, kills, accepted, lost,
                  atomic_load(&book->repeated), in_flight);
    assert_int_equal(lost, 0);
    assert_int_equal(atomic_load(&book->wrong), 0);
    assert_int_equal(atomic_load(&book->acked_repeated), 0);
    assert_true(atomic_load(&book->repeated) <= in_flight);
    assert_true(accepted > kills);
    munmap(book, sizeof(*book));
    remove_folder();
}

static void test_kills(void **state)
{
    (void)state;
    unsigned kills = getenv("FAULT_DEEP") != NULL ? 400 : 20;
    for (unsigned fsync = 0; fsync < 3; fsync++) {
        kill_often((enum ray_fsync)fsync, 256 << 10, kills);
        kill_often((enum ray_fsync)fsync, 32 << 10, kills);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
