/*
 * bench: what the work of one unit costs, in CPU time and calls of malloc.
 *
 * A case is a row in the table of its room's *_cases.c, and a table is a row in bench.c. One line
 * comes out per case, the median of several runs:
 *
 *     core/json_string 1000 strings 12 ns/string 0 mallocs/string
 */
#ifndef RAY_BENCH_BENCH_H
#define RAY_BENCH_BENCH_H

#include "core/str.h"

struct bench_case {
    const char *name; /* "room/what" */
    const char *unit; /* "span": what one run does `units` of */
    size_t units;
    /* What `run` needs, made once. With units 0 in the table it says how many there are. May be
     * NULL; a NULL state skips the case. */
    void *(*set_up)(size_t *units);
    /* One pass over all units. Its result must be used, or the compiler may leave the work out. */
    void (*run)(void *state);
    void (*tear_down)(void *state);
};

/* Ended by a row without a name. */
extern const struct bench_case bench_core_cases[];

/* Makes the compiler believe that `value` is looked at. */
static inline void bench_use(const void *value)
{
    __asm__ volatile("" : : "g"(value) : "memory");
}

/* The whole file at `path` below the project's folder; NULL view when it is not there. Freed by
 * the caller. */
struct ray_str bench_read_file(const char *path);

#endif
