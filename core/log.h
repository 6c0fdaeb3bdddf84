/*
 * log: lines for operators, to standard error.
 *
 * One line is one write(2): "2026-11-24T16:00:00.123Z warn upload failed status=503 wait_ms=200".
 * A short fixed message, then key=value. Values with blanks, quotes or control characters are
 * quoted and escaped, whatever a hostile span put into them. Never give it credentials,
 * Authorization headers, SQL text or attribute values. Any thread.
 */
#ifndef RAY_CORE_LOG_H
#define RAY_CORE_LOG_H

#include <stdatomic.h>

#include "core/clock.h"
#include "core/str.h"

enum ray_log_level { RAY_LOG_DEBUG, RAY_LOG_INFO, RAY_LOG_WARN, RAY_LOG_ERROR, RAY_LOG_OFF };
enum ray_log_format { RAY_LOG_TEXT, RAY_LOG_JSON };

struct ray_log;

/* Writes to `fd` (not closed). NULL when out of memory. */
struct ray_log *ray_log_new(int fd, enum ray_log_level level, enum ray_log_format format,
                            const struct ray_clock *clock);
void ray_log_free(struct ray_log *log); /* accepts NULL */
void ray_log_set(struct ray_log *log, enum ray_log_level level, enum ray_log_format format);
bool ray_log_enabled(const struct ray_log *log, enum ray_log_level level);

/* `format` makes "key=value key=value" (may be ""); a string value is passed through
 * RAY_LOG_STR, which quotes it when needed:
 *     ray_log_warn(log, "upload failed", "status=%d host=%s", status, RAY_LOG_STR(host));
 * A NULL `log` writes nothing. */
void ray_log_write(struct ray_log *log, enum ray_log_level level, const char *message,
                   const char *format, ...) RAY_PRINTF(4, 5);
#define ray_log_error(log, ...) ray_log_write((log), RAY_LOG_ERROR, __VA_ARGS__)
#define ray_log_warn(log, ...)  ray_log_write((log), RAY_LOG_WARN, __VA_ARGS__)
#define ray_log_info(log, ...)  ray_log_write((log), RAY_LOG_INFO, __VA_ARGS__)
#define ray_log_debug(log, ...) ray_log_write((log), RAY_LOG_DEBUG, __VA_ARGS__)

/* A printable, quoted-when-needed copy of at most 255 characters, on the caller's stack for the
 * rest of the full expression. */
struct ray_log_text {
    char text[256];
};
struct ray_log_text ray_log_quote(struct ray_str s);
#define RAY_LOG_STR(view) ray_log_quote(view).text

/* Repeated conditions: the first occurrence is logged at once, then one line a minute with the
 * count ("repeated=4182"). One limiter per condition, owned by its module, zero-initialised. */
struct ray_log_limiter {
    _Atomic uint64_t next_ns;
    _Atomic uint64_t held_back;
};
/* True when the caller may log now; *repeated is how many were held back since the last line. */
bool ray_log_allow(struct ray_log_limiter *limiter, const struct ray_clock *clock,
                   uint64_t *repeated);

#endif
