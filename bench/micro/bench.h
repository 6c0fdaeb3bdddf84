/*
 * bench: what the work of one unit costs, in CPU time, calls of malloc and bytes taken by them.
 *
 * A case is a row in the table of its room's *_cases.c, and a table is a row in bench.c. One line
 * comes out per case, the median of several runs:
 *
 *     core/json_string 1000 strings 12 ns/string 0 mallocs/string 0 bytes/string
 */
#ifndef RAY_BENCH_BENCH_H
#define RAY_BENCH_BENCH_H

#include "core/str.h"

struct bench_case {
    const char *name; /* "room/what" */
    const char *unit; /* "span": what one run does `units` of */
    size_t units;
    const char *input; /* for `set_up`: a file, or NULL */
    /* What `run` needs, made once. With units 0 in the table it says how many there are. May be
     * NULL; a NULL state skips the case. */
    void *(*set_up)(const char *input, size_t *units);
    /* One pass over all units. Its result must be used, or the compiler may leave the work out. */
    void (*run)(void *state);
    void (*tear_down)(void *state);
};

/* Each ended by a row without a name. */
#define BENCH_CASES_END                                                                            \
    {                                                                                              \
        NULL, NULL, 0, NULL, NULL, NULL, NULL                                                      \
    }
extern const struct bench_case bench_core_cases[];
extern const struct bench_case bench_span_cases[];
extern const struct bench_case bench_aws_cases[];
extern const struct bench_case bench_queue_cases[];
extern const struct bench_case bench_durable_cases[];

/* Work that fails would be measured as fast: ends the program. */
void bench_must(enum ray_status status);

/* Makes the compiler believe that `value` is looked at. */
static inline void bench_use(const void *value)
{
    __asm__ volatile("" : : "g"(value) : "memory");
}

/* The whole file at `path` below the project's folder, freed by the caller; NULL when it is not
 * there. */
char *bench_read_file(const char *path, size_t *bytes);

#endif
