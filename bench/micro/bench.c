/* bench: see bench.h. Usage: bench [PATTERN], where PATTERN is part of a case's name. */
#include "bench/micro/bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"

#define RUNS         7
#define RUN_AT_LEAST (20 * RAY_NS_PER_MS)

static const struct bench_case *const tables[] = {
    bench_core_cases, bench_span_cases, bench_aws_cases, bench_queue_cases, bench_durable_cases};

/* ---- counting malloc: ours come first at link time, glibc's stand behind under these names ----
 */

void *__libc_malloc(size_t bytes);                // NOLINT: glibc's own name
void *__libc_calloc(size_t count, size_t bytes);  // NOLINT: glibc's own name
void *__libc_realloc(void *memory, size_t bytes); // NOLINT: glibc's own name
void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *memory, size_t bytes);

static _Atomic uint64_t mallocs, malloc_bytes; /* a program of its own, not a room */

static void count_malloc(size_t bytes)
{
    atomic_fetch_add_explicit(&mallocs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&malloc_bytes, bytes, memory_order_relaxed);
}

void *malloc(size_t bytes)
{
    count_malloc(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    count_malloc(count * bytes);
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    count_malloc(bytes);
    return __libc_realloc(memory, bytes);
}

/* ---- measuring ---- */

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * RAY_NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t time_passes(const struct bench_case *row, void *state, uint64_t passes)
{
    uint64_t start = cpu_ns();
    for (uint64_t i = 0; i < passes; i++) {
        row->run(state);
    }
    return cpu_ns() - start;
}

/* So many that a run is long against the clock's grain; this warms caches and buffers as well. */
static uint64_t find_passes(const struct bench_case *row, void *state)
{
    uint64_t passes = 1;
    while (time_passes(row, state, passes) < RUN_AT_LEAST) {
        passes *= 2;
    }
    return passes;
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void measure(const struct bench_case *row, void *state, size_t units)
{
    uint64_t passes = find_passes(row, state), runs[RUNS];
    uint64_t mallocs_before = mallocs, bytes_before = malloc_bytes;
    for (int i = 0; i < RUNS; i++) {
        runs[i] = time_passes(row, state, passes);
    }
    double done = (double)passes * (double)units;
    double mallocs_each = (double)(mallocs - mallocs_before) / (RUNS * done);
    double bytes_each = (double)(malloc_bytes - bytes_before) / (RUNS * done);
    qsort(runs, RUNS, sizeof(runs[0]), by_size);
    const size_t middle = RUNS / 2;
    double each = (double)runs[middle] / done;
    printf("%s %zu %ss %.*f ns/%s %.3g mallocs/%s %.0f bytes/%s\n", row->name, units, row->unit,
           each < 100 ? 1 : 0, each, row->unit, mallocs_each, row->unit, bytes_each, row->unit);
    fflush(stdout);
}

static void run_case(const struct bench_case *row)
{
    size_t units = row->units;
    void *state = row->set_up ? row->set_up(row->input, &units) : NULL;
    if ((row->set_up != NULL && state == NULL) || units == 0) {
        printf("%s skipped: its input is not there\n", row->name);
        return;
    }
    measure(row, state, units);
    if (row->tear_down != NULL) {
        row->tear_down(state);
    }
}

void bench_must(enum ray_status status)
{
    if (status != RAY_OK) {
        fprintf(stderr, "bench: a case failed: %s\n", ray_status_name(status));
        exit(1);
    }
}

char *bench_read_file(const char *path, size_t *bytes)
{
    char full[1024];
    snprintf(full, sizeof(full), "%s/%s", BENCH_ROOT, path);
    FILE *file = fopen(full, "rb");
    if (file == NULL) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = size > 0 ? malloc((size_t)size) : NULL;
    *bytes = text ? fread(text, 1, (size_t)size, file) : 0;
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    const char *pattern = argc > 1 ? argv[1] : "";
#ifndef __OPTIMIZE__
    fprintf(stderr, "bench: not an optimised build, the figures mean nothing\n");
#endif
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct bench_case *row = tables[i]; row->name != NULL; row++) {
            if (strstr(row->name, pattern) != NULL) {
                run_case(row);
            }
        }
    }
    return 0;
}
