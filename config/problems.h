/*
 * problems: what is wrong with a configuration, one line per failed condition, each with its place:
 *
 *     collector.yaml:7:5: exporters.awsxray.regoin: unknown key, did you mean 'region'?
 *
 * Warnings (accepted, but not what the writer may have meant) stand apart from errors. Of each at
 * most RAY_PROBLEMS_LISTED are written out, then a last line says how many more there were.
 * Control characters in messages are escaped, so that a hostile file cannot forge lines.
 * One thread at a time.
 */
#ifndef RAY_CONFIG_PROBLEMS_H
#define RAY_CONFIG_PROBLEMS_H

#include "core/buf.h"

#define RAY_PROBLEMS_LISTED 50u

/* Where a thing was written. `file` is "(--set)" or "(env:NAME)" and the like when not in a file.
 */
struct ray_place {
    const char *file;
    uint32_t line;   /* from 1; 0: unknown */
    uint32_t column; /* from 1, in characters */
};

struct ray_problems {
    struct ray_buf text; /* lines, each ended by \n */
    uint32_t count;      /* errors, listed or not */
    uint32_t warnings;
    struct ray_buf warning_text; /* the same for what is accepted without effect */
    size_t listed_bytes;         /* of `text`: behind them stands the line "and N more" */
    size_t warning_listed_bytes;
};

void ray_problems_init(struct ray_problems *problems);
void ray_problems_clear(struct ray_problems *problems);

/* `place` NULL, or without a file: the message stands alone. Messages are cut at 1 KiB. */
void ray_problem(struct ray_problems *problems, const struct ray_place *place, const char *format,
                 ...) RAY_PRINTF(3, 4);
void ray_problem_warn(struct ray_problems *problems, const struct ray_place *place,
                      const char *format, ...) RAY_PRINTF(3, 4);

#endif
