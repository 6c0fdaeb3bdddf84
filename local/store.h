/*
 * store: segment documents on disk, by trace. Knows nothing of what stands in them.
 *
 * One SQLite file per folder; its layout is described in local/schema.h. A document is identified
 * by (trace id, id): a complete one replaces one in progress, never the reverse; the same again
 * changes nothing; of two complete ones the later stands.
 *
 * Any thread: writes go one after the other through one connection, reads through a second one,
 * each behind a mutex of its own, so that a query never waits for a write (write-ahead log) nor a
 * write for a query. A read sees everything whose put had returned before it began. All of it
 * blocks on the disk: never call it from a thread that serves anything else.
 */
#ifndef RAY_LOCAL_STORE_H
#define RAY_LOCAL_STORE_H

#include "core/arena.h"
#include "core/clock.h"
#include "xray/trace_id.h"

struct ray_store;

struct ray_store_options {
    const char *directory;   /* must exist */
    uint64_t max_size_bytes; /* of the database; 0: unbounded */
    uint32_t max_age_s;      /* since a trace last changed; 0: unbounded */
    const struct ray_clock *clock;
};

/* What is wrong, with the file's name and what to do. NUL-terminated. */
struct ray_store_error {
    char text[800];
};

/*
 * Opens or creates the file. RAY_INVALID: it is no database, not ours, or damaged (nothing is
 * written to it). RAY_IO: cannot be opened or written. RAY_NOMEM. *error is set on any.
 */
RAY_MUST_USE enum ray_status ray_store_open(const struct ray_store_options *options,
                                            struct ray_store **out, struct ray_store_error *error);
void ray_store_close(struct ray_store *store); /* accepts NULL */

struct ray_store_document {
    struct ray_trace_id trace_id;
    uint8_t id[8];
    uint64_t start_unix_ns;
    uint64_t end_unix_ns;
    bool in_progress;
    struct ray_str name;
    struct ray_str text;
};

/*
 * Stores all of them in one transaction, or none. When it returns RAY_OK the next query sees them
 * and a kill of the process loses none (a power failure may). Deletes what retention no longer
 * holds. RAY_AGAIN: the disk or the file is full; RAY_IO: the system refused; both leave what was
 * there, set *error, and may be tried again.
 */
RAY_MUST_USE enum ray_status ray_store_put(struct ray_store *store,
                                           const struct ray_store_document *documents, size_t count,
                                           struct ray_store_error *error);

/* Deletes what is older than max_age_s, for a store that nothing is put into. */
RAY_MUST_USE enum ray_status ray_store_trim(struct ray_store *store, struct ray_store_error *error);

/* How a time window selects traces. */
enum ray_store_window {
    RAY_STORE_STARTED,       /* the trace started in it */
    RAY_STORE_ACTIVE,        /* some part of the trace lies in it */
    RAY_STORE_SEGMENT_ENDED, /* a segment ended in it */
};

/* A place in the order of traces: newest start first, then by id. */
struct ray_store_position {
    uint64_t start_unix_ns;
    struct ray_trace_id trace_id;
};

struct ray_store_query {
    enum ray_store_window window;
    uint64_t from_unix_ns; /* inclusive */
    uint64_t to_unix_ns;   /* exclusive */
    bool resume;           /* go on behind `after` */
    struct ray_store_position after;
    uint32_t limit;
};

struct ray_store_trace {
    struct ray_trace_id trace_id;
    uint64_t start_unix_ns;
    uint64_t end_unix_ns;
    uint64_t revision;
};

/* Traces of a window, newest first, at most `limit` of them, into `arena`. RAY_IO, RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_store_find(struct ray_store *store,
                                            const struct ray_store_query *query,
                                            struct ray_arena *arena, struct ray_store_trace **out,
                                            size_t *count);

/* The documents of one trace by start time, copied into `arena`; *count 0: unknown trace.
 * `revision` may be NULL. RAY_IO, RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_store_read(struct ray_store *store,
                                            const struct ray_trace_id *trace_id,
                                            struct ray_arena *arena, struct ray_str **documents,
                                            size_t *count, uint64_t *revision);

#endif
