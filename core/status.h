/*
 * status: what a fallible function can say, in the whole program.
 *
 * Results come through the last parameter and are untouched on failure. The
 * decision (drop, retry, refuse, stop) is logged where it is made, not here.
 */
#ifndef RAY_CORE_STATUS_H
#define RAY_CORE_STATUS_H

#define RAY_MUST_USE __attribute__((warn_unused_result))
#define RAY_PRINTF(format_index, first_argument)                                                   \
    __attribute__((format(printf, format_index, first_argument)))

enum ray_status {
    RAY_OK = 0,
    RAY_AGAIN,   /* full or throttled: keep the work, retry later */
    RAY_INVALID, /* bad input: count it, drop it, never retry */
    RAY_TOO_BIG, /* past a documented limit: as INVALID, name the limit */
    RAY_NOMEM,   /* shed this request, keep serving */
    RAY_IO,      /* the system refused; errno says why */
    RAY_CLOSED,  /* shutting down */
};

/* A lower-case word for logs and metric labels ("ok", "again", ...). Never NULL. Any thread. */
const char *ray_status_name(enum ray_status status);

/* The worse of two, for an answer that covers several steps: later values win over earlier. */
enum ray_status ray_status_worst(enum ray_status a, enum ray_status b);

#endif
