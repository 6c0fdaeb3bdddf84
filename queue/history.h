/*
 * history: what became of the last traces, so that one can be asked after by its id alone.
 *
 * A column for each exporter and one for the door (what receivers refused) has a ring of the last
 * traces, 44 bytes for each; one more ring has the last refused documents with their reasons. None
 * of them grows, none holds attributes.
 *
 * It never guesses: the rings say since when they are complete, and each column how many of the
 * documents that wait it can name, so that the rest (found in a queue on disk, or pushed out of the
 * ring) is a number too. Counts are of documents; at the door of spans.
 *
 * One mutex guards all of it; no other lock is taken under it and nothing is called. Verbs: any
 * thread. Where a column may be NULL, nothing happens then.
 */
#ifndef RAY_QUEUE_HISTORY_H
#define RAY_QUEUE_HISTORY_H

#include <string.h>

#include "core/arena.h"
#include "core/clock.h"
#include "xray/batch.h"

struct ray_history;
struct ray_history_column;

struct ray_history_options {
    size_t traces;                 /* the last so many, in each column; > 0 */
    size_t refused;                /* documents; > 0 */
    uint64_t seed;                 /* of the hash: trace ids come from outside */
    const struct ray_clock *clock; /* must outlive it */
};
/* NULL when out of memory. */
struct ray_history *ray_history_new(const struct ray_history_options *options);
void ray_history_free(struct ray_history *history); /* accepts NULL */

#define RAY_HISTORY_EXPORTERS_MAX 127u
/* The column of that exporter, made when there is none yet; the history's own. NULL when out of
 * memory or past RAY_HISTORY_EXPORTERS_MAX. */
struct ray_history_column *ray_history_column(struct ray_history *history, const char *exporter);
/* The receivers' one. */
struct ray_history_column *ray_history_door(struct ray_history *history);

/* Who is owed the documents of a batch: an exporter's column and the sections that it reads. */
struct ray_history_owed {
    struct ray_history_column *column;
    uint64_t profile;
};
/* Before the batch is pushed, so that no exporter can be done with it before. */
void ray_history_taken(const struct ray_history_owed *owed, size_t count,
                       const struct ray_batch *batch);
/* The push, or its ticket, said no. */
void ray_history_taken_back(const struct ray_history_owed *owed, size_t count,
                            const struct ray_batch *batch);

enum ray_history_event {
    RAY_HISTORY_TAKEN,
    RAY_HISTORY_TAKEN_BACK,
    RAY_HISTORY_DELIVERED,
    RAY_HISTORY_RETRIED, /* an attempt failed, another one follows */
    RAY_HISTORY_DROPPED, /* by an exporter */
    RAY_HISTORY_REFUSED, /* at the door */
};

/*
 * Notes one event for many documents: begin, note for each, end. Between begin and end the pen
 * holds the history's lock; neighbours of one trace cost one look-up.
 *
 *     ray_history_begin(&pen, column, RAY_HISTORY_DELIVERED, RAY_STR(""));
 *     for (...) { ray_history_note(&pen, &document.trace_id); }
 *     ray_history_end(&pen);
 */
struct ray_history_pen {
    struct ray_history_column *column;
    enum ray_history_event event;
    unsigned reason;
    uint32_t now_s;
    struct ray_trace_id trace_id; /* of the run that is counted */
    uint32_t run;                 /* documents */
};
/* `reason` of RETRIED, DROPPED, REFUSED: a word or code, kept in a table of the first 62. */
void ray_history_begin(struct ray_history_pen *pen, struct ray_history_column *column,
                       enum ray_history_event event, struct ray_str reason);
void ray_history_end(struct ray_history_pen *pen);
void ray_history_end_run(struct ray_history_pen *pen); /* for ray_history_note */

static inline void ray_history_note(struct ray_history_pen *pen, const struct ray_trace_id *id)
{
    if (pen->run == 0 || memcmp(&pen->trace_id, id, sizeof(*id)) != 0) {
        ray_history_end_run(pen);
        pen->trace_id = *id;
    }
    pen->run++;
}

#define RAY_HISTORY_WHERE_BYTES   48u
#define RAY_HISTORY_REASON_BYTES  64u
#define RAY_HISTORY_MESSAGE_BYTES 120u

/* A refused document, or a span for which no document was made. Texts are ended by NUL, cut. */
struct ray_history_refusal {
    uint64_t unix_ns; /* set by the history */
    struct ray_trace_id trace_id;
    uint8_t span_id[8];
    char where[RAY_HISTORY_WHERE_BYTES]; /* the exporter or receiver */
    char reason[RAY_HISTORY_REASON_BYTES];
    char message[RAY_HISTORY_MESSAGE_BYTES]; /* our own words: nothing of what a span says */
};
/* Keeps it among the last. Not while a pen of this thread is open. */
void ray_history_keep_refusal(struct ray_history_column *column,
                              const struct ray_history_refusal *refusal);
/* An exporter gives up one document: the event and the refusal in one. */
void ray_history_dropped(struct ray_history_column *column, const struct ray_trace_id *trace_id,
                         const uint8_t span_id[8], struct ray_str reason);

/* What is known of one trace in one column. Times are whole seconds since 1970, 0: never. */
struct ray_history_fate {
    const char *where;       /* exporter id; "" is the door. The history's */
    uint32_t waiting;        /* documents taken, and neither delivered nor dropped */
    uint32_t delivered;      /* RAY_HISTORY_COUNT_MAX: that many or more */
    uint32_t dropped;        /* or refused; RAY_HISTORY_DROPPED_MAX: that many or more */
    uint32_t taken_unix_s;   /* the first that waits; when none does, the last that began a wait */
    uint32_t settled_unix_s; /* the last that was delivered, dropped or refused */
    const char *reason;      /* of the last drop, else of the last failed attempt; "" */
};
#define RAY_HISTORY_COUNT_MAX   ((1u << 20) - 1)
#define RAY_HISTORY_DROPPED_MAX ((1u << 16) - 1)

/* In the arena. */
struct ray_history_answer {
    uint32_t complete_since_unix_s; /* whatever was seen since then is known */
    struct ray_history_fate *fates; /* only columns that know it */
    size_t fate_count;
    struct ray_history_refusal *refusals; /* of this trace, newest first */
    size_t refusal_count;
};
/* RAY_NOMEM. `id` NULL: all refusals and no fate. */
RAY_MUST_USE enum ray_status ray_history_find(struct ray_history *history,
                                              const struct ray_trace_id *id,
                                              struct ray_arena *arena,
                                              struct ray_history_answer *out);

/* How an exporter stands as a whole. */
struct ray_history_standing {
    uint64_t waiting;              /* documents that wait and whose traces are known */
    uint32_t delivered_unix_s;     /* the last delivery; 0: none */
    uint32_t failing_since_unix_s; /* the first failed attempt since then; 0: none */
    uint32_t failed_unix_s;        /* the last one */
    const char *failed_because;    /* "" */
};
void ray_history_stand(struct ray_history_column *column, struct ray_history_standing *out);

#endif
