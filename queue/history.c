/*
 * history: see the header.
 *
 * A column's rows lie in a ring in the order in which their traces came, a hash table of chains
 * finds them. When the ring is full the row under the hand goes, unless something was taken for it
 * when it was old already: then it gets a second round, so that a trace that goes on for hours does
 * not fall out in the middle.
 */
#include "queue/history.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define REASONS_MAX 64u /* "" is the first, "other" the last */
#define REASON_MASK (REASONS_MAX - 1)
#define NONE        0u /* of links: row numbers plus one */

struct row {
    struct ray_trace_id id;
    uint32_t taken_s, settled_s, seen_s;
    uint32_t next;         /* in its chain */
    uint64_t waiting : 20, /* bit fields: a row is 40 bytes, and there are as many as traces */
        delivered : 20, dropped : 16, reason : 6, second_round : 1;
};

struct ray_history_column {
    struct ray_history *history;
    char name[RAY_HISTORY_WHERE_BYTES];
    uint64_t waiting; /* of all rows */
    uint32_t delivered_s, failing_since_s, failed_s;
    unsigned failed_because;
    struct row *rows;
    uint32_t *heads;  /* a power of two of them */
    size_t row_count; /* used so far */
    size_t hand;      /* the next row to go, once all are used */
    uint32_t complete_since_s;
};

struct ray_history {
    struct ray_history_options options;
    pthread_mutex_t lock; /* guards all that follows; no other is taken under it */
    size_t head_count;
    struct ray_history_column *columns[RAY_HISTORY_EXPORTERS_MAX + 1]; /* the door first */
    size_t column_count;
    char reasons[REASONS_MAX][RAY_HISTORY_REASON_BYTES];
    unsigned reason_count;
    struct ray_history_refusal *refusals;
    uint64_t refusal_count; /* ever; the newest is the last */
};

static uint32_t unix_s(const struct ray_history *history)
{
    return (uint32_t)(ray_clock_unix_ns(history->options.clock) / RAY_NS_PER_S);
}

/* ---- rows ---- */

/* Ids are chosen outside: each of their bytes counts, and the seed is secret, so that no sender can
 * make one chain of all his traces. */
static uint32_t *chain_of(const struct ray_history_column *column, const struct ray_trace_id *id)
{
    struct ray_str bytes = {(const char *)id->bytes, sizeof(id->bytes)};
    uint64_t hash = ray_str_hash(bytes, column->history->options.seed);
    return &column->heads[hash & (column->history->head_count - 1)];
}

static struct row *find_row(const struct ray_history_column *column, const struct ray_trace_id *id)
{
    uint32_t link = *chain_of(column, id);
    while (link != NONE) {
        struct row *row = &column->rows[link - 1];
        if (memcmp(&row->id, id, sizeof(*id)) == 0) {
            return row;
        }
        link = row->next;
    }
    return NULL;
}

/* Its second may not be over: what was seen in it later would be unknown. */
static void forget_row(struct ray_history_column *column, const struct row *row)
{
    uint32_t known_since = row->seen_s + 1;
    if (known_since > column->complete_since_s) {
        column->complete_since_s = known_since;
    }
    column->waiting -= row->waiting;
    uint32_t *link = chain_of(column, &row->id);
    while (&column->rows[*link - 1] != row) {
        link = &column->rows[*link - 1].next;
    }
    *link = row->next;
}

/* A row that nobody uses. */
static struct row *free_row(struct ray_history_column *column)
{
    size_t capacity = column->history->options.traces;
    if (column->row_count < capacity) {
        return &column->rows[column->row_count++];
    }
    for (;;) {
        struct row *row = &column->rows[column->hand];
        column->hand = column->hand + 1 < capacity ? column->hand + 1 : 0;
        if (!row->second_round) {
            forget_row(column, row);
            return row;
        }
        row->second_round = 0;
    }
}

static struct row *add_row(struct ray_history_column *column, const struct ray_trace_id *id)
{
    struct row *row = free_row(column);
    uint32_t *head = chain_of(column, id);
    *row = (struct row){.id = *id, .next = *head};
    *head = (uint32_t)(row - column->rows) + 1;
    return row;
}

/* Would the hand reach it within half a round? */
static bool is_old(const struct ray_history_column *column, const struct row *row)
{
    size_t capacity = column->history->options.traces;
    size_t at = (size_t)(row - column->rows);
    size_t ahead = at >= column->hand ? at - column->hand : at + capacity - column->hand;
    return column->row_count == capacity && ahead < capacity / 2;
}

/* ---- life ---- */

static void free_column(struct ray_history_column *column)
{
    if (column != NULL) {
        free(column->rows);
        free(column->heads);
        free(column);
    }
}

static struct ray_history_column *add_column(struct ray_history *history, const char *name)
{
    struct ray_history_column *column = calloc(1, sizeof(*column));
    if (column == NULL || history->column_count > RAY_HISTORY_EXPORTERS_MAX) {
        free(column);
        return NULL;
    }
    column->history = history;
    column->complete_since_s = unix_s(history) + 1; /* its second may have seen an earlier run */
    snprintf(column->name, sizeof(column->name), "%s", name);
    /* calloc: pages that no trace has used yet take no memory */
    column->rows = calloc(history->options.traces, sizeof(*column->rows));
    column->heads = calloc(history->head_count, sizeof(*column->heads));
    if (column->rows == NULL || column->heads == NULL) {
        free_column(column);
        return NULL;
    }
    history->columns[history->column_count++] = column;
    return column;
}

struct ray_history *ray_history_new(const struct ray_history_options *options)
{
    assert(options->traces > 0 && options->traces < UINT32_MAX && options->refused > 0);
    struct ray_history *history = calloc(1, sizeof(*history));
    if (history == NULL) {
        return NULL;
    }
    history->options = *options;
    pthread_mutex_init(&history->lock, NULL);
    history->head_count = 1;
    while (history->head_count < options->traces) {
        history->head_count *= 2;
    }
    history->reason_count = 1;
    snprintf(history->reasons[REASONS_MAX - 1], sizeof(history->reasons[0]), "other");
    history->refusals = calloc(options->refused, sizeof(*history->refusals));
    if (history->refusals == NULL || add_column(history, "") == NULL) {
        ray_history_free(history);
        return NULL;
    }
    return history;
}

void ray_history_free(struct ray_history *history)
{
    if (history == NULL) {
        return;
    }
    for (size_t i = 0; i < history->column_count; i++) {
        free_column(history->columns[i]);
    }
    free(history->refusals);
    pthread_mutex_destroy(&history->lock);
    free(history);
}

struct ray_history_column *ray_history_column(struct ray_history *history, const char *exporter)
{
    struct ray_history_column *column = NULL;
    pthread_mutex_lock(&history->lock);
    for (size_t i = 1; i < history->column_count && column == NULL; i++) {
        column = strcmp(history->columns[i]->name, exporter) == 0 ? history->columns[i] : NULL;
    }
    if (column == NULL) {
        column = add_column(history, exporter);
    }
    pthread_mutex_unlock(&history->lock);
    return column;
}

struct ray_history_column *ray_history_door(struct ray_history *history)
{
    return history->columns[0];
}

/* ---- events ---- */

/* Codes come from outside: the table is bounded, the rest is "other". Locked. */
static unsigned reason_number(struct ray_history *history, struct ray_str reason)
{
    reason = ray_str_until(reason, RAY_HISTORY_REASON_BYTES - 1);
    for (unsigned i = 0; i < history->reason_count; i++) {
        if (ray_str_eq(ray_str_from(history->reasons[i]), reason)) {
            return i;
        }
    }
    if (history->reason_count == REASONS_MAX - 1 || memchr(reason.ptr, 0, reason.len) != NULL) {
        return REASONS_MAX - 1;
    }
    memcpy(history->reasons[history->reason_count], reason.ptr, reason.len);
    return history->reason_count++;
}

static uint32_t at_most(uint32_t value, uint32_t max)
{
    return value < max ? value : max;
}

static void take(struct row *row, struct ray_history_column *column, uint32_t documents,
                 uint32_t now_s)
{
    uint32_t more = at_most(documents, RAY_HISTORY_COUNT_MAX - row->waiting);
    row->taken_s = row->waiting == 0 ? now_s : row->taken_s;
    row->waiting += more;
    column->waiting += more;
    row->second_round |= is_old(column, row);
}

/* They do not wait any longer, as far as the row knows that they did. */
static void settle(struct row *row, struct ray_history_column *column, uint32_t documents)
{
    uint32_t known = at_most(documents, row->waiting);
    row->waiting -= known;
    column->waiting -= known;
}

static void deliver(struct row *row, uint32_t documents, uint32_t now_s)
{
    row->delivered += at_most(documents, RAY_HISTORY_COUNT_MAX - row->delivered);
    row->settled_s = now_s;
}

static void drop(struct row *row, const struct ray_history_pen *pen)
{
    row->dropped += at_most(pen->run, RAY_HISTORY_DROPPED_MAX - row->dropped);
    row->settled_s = pen->now_s;
    row->reason = pen->reason & REASON_MASK;
}

static void apply(struct row *row, const struct ray_history_pen *pen)
{
    struct ray_history_column *column = pen->column;
    switch (pen->event) {
    case RAY_HISTORY_TAKEN:
        take(row, column, pen->run, pen->now_s);
        break;
    case RAY_HISTORY_TAKEN_BACK:
        settle(row, column, pen->run);
        return; /* nothing was seen */
    case RAY_HISTORY_DELIVERED:
        settle(row, column, pen->run);
        deliver(row, pen->run, pen->now_s);
        break;
    case RAY_HISTORY_RETRIED:
        row->reason = row->dropped == 0 ? pen->reason & REASON_MASK : row->reason;
        return; /* no news of the trace: how long it is known does not change */
    case RAY_HISTORY_DROPPED:
        settle(row, column, pen->run);
        drop(row, pen);
        break;
    case RAY_HISTORY_REFUSED:
        drop(row, pen);
        row->second_round |= is_old(column, row);
        break;
    }
    row->seen_s = pen->now_s;
}

void ray_history_end_run(struct ray_history_pen *pen)
{
    if (pen->run == 0) {
        return;
    }
    struct row *row = find_row(pen->column, &pen->trace_id);
    bool is_news = pen->event != RAY_HISTORY_TAKEN_BACK && pen->event != RAY_HISTORY_RETRIED;
    if (row == NULL && is_news) {
        row = add_row(pen->column, &pen->trace_id);
    }
    if (row != NULL) {
        apply(row, pen);
    }
    pen->run = 0;
}

/* Locked. */
static void begin(struct ray_history_pen *pen, struct ray_history_column *column,
                  enum ray_history_event event, struct ray_str reason)
{
    *pen = (struct ray_history_pen){
        .column = column,
        .event = event,
        .reason = reason_number(column->history, reason),
        .now_s = unix_s(column->history),
    };
    if (event == RAY_HISTORY_RETRIED) {
        column->failing_since_s = column->failed_s == 0 ? pen->now_s : column->failing_since_s;
        column->failed_s = pen->now_s;
        column->failed_because = pen->reason;
    }
    if (event == RAY_HISTORY_DELIVERED) {
        column->failed_s = column->failing_since_s = 0;
        column->delivered_s = pen->now_s;
    }
}

void ray_history_begin(struct ray_history_pen *pen, struct ray_history_column *column,
                       enum ray_history_event event, struct ray_str reason)
{
    pthread_mutex_lock(&column->history->lock);
    begin(pen, column, event, reason);
}

void ray_history_end(struct ray_history_pen *pen)
{
    ray_history_end_run(pen);
    pthread_mutex_unlock(&pen->column->history->lock);
}

static void note_batch(const struct ray_history_owed *owed, size_t count,
                       const struct ray_batch *batch, enum ray_history_event event)
{
    for (size_t i = 0; i < count; i++) {
        struct ray_history_pen pen;
        struct ray_batch_reader reader;
        struct ray_document document;
        if (owed[i].column == NULL || !ray_batch_read_section(batch, owed[i].profile, &reader)) {
            continue;
        }
        ray_history_begin(&pen, owed[i].column, event, RAY_STR(""));
        while (ray_batch_next(&reader, &document)) {
            ray_history_note(&pen, &document.trace_id);
        }
        ray_history_end(&pen);
    }
}

void ray_history_taken(const struct ray_history_owed *owed, size_t count,
                       const struct ray_batch *batch)
{
    note_batch(owed, count, batch, RAY_HISTORY_TAKEN);
}

void ray_history_taken_back(const struct ray_history_owed *owed, size_t count,
                            const struct ray_batch *batch)
{
    note_batch(owed, count, batch, RAY_HISTORY_TAKEN_BACK);
}

/* Locked. */
static void keep(struct ray_history *history, const struct ray_history_refusal *refusal)
{
    struct ray_history_refusal *slot =
        &history->refusals[history->refusal_count++ % history->options.refused];
    *slot = *refusal;
    slot->unix_ns = ray_clock_unix_ns(history->options.clock);
}

void ray_history_keep_refusal(struct ray_history_column *column,
                              const struct ray_history_refusal *refusal)
{
    if (column != NULL) {
        pthread_mutex_lock(&column->history->lock);
        keep(column->history, refusal);
        pthread_mutex_unlock(&column->history->lock);
    }
}

void ray_history_dropped(struct ray_history_column *column, const struct ray_trace_id *trace_id,
                         const uint8_t span_id[8], struct ray_str reason)
{
    if (column == NULL) {
        return;
    }
    struct ray_history_pen pen;
    struct ray_history_refusal refusal = {.trace_id = *trace_id};
    memcpy(refusal.span_id, span_id, sizeof(refusal.span_id));
    snprintf(refusal.where, sizeof(refusal.where), "%s", column->name);
    snprintf(refusal.reason, sizeof(refusal.reason), "%.*s", RAY_STR_ARG(reason));
    ray_history_begin(&pen, column, RAY_HISTORY_DROPPED, reason);
    ray_history_note(&pen, trace_id);
    keep(column->history, &refusal);
    ray_history_end(&pen);
}

/* ---- questions ---- */

static void fill_fate(const struct ray_history_column *column, const struct row *row,
                      struct ray_history_fate *out)
{
    *out = (struct ray_history_fate){
        .where = column->name,
        .waiting = (uint32_t)row->waiting,
        .delivered = (uint32_t)row->delivered,
        .dropped = (uint32_t)row->dropped,
        .taken_unix_s = row->taken_s,
        .settled_unix_s = row->settled_s,
        .reason = column->history->reasons[row->reason],
    };
}

/* Locked. A row that knows nothing (all was taken back) is none. */
static void find_fates(const struct ray_history *history, const struct ray_trace_id *id,
                       struct ray_history_answer *out)
{
    for (size_t i = 0; i < history->column_count; i++) {
        const struct ray_history_column *column = history->columns[i];
        const struct row *row = id != NULL ? find_row(column, id) : NULL;
        if (row != NULL && (row->waiting > 0 || row->delivered > 0 || row->dropped > 0)) {
            fill_fate(column, row, &out->fates[out->fate_count++]);
        }
        if (column->complete_since_s > out->complete_since_unix_s) {
            out->complete_since_unix_s = column->complete_since_s;
        }
    }
}

/* Locked. */
static void find_refusals(const struct ray_history *history, const struct ray_trace_id *id,
                          struct ray_history_answer *out)
{
    uint64_t count = history->refusal_count;
    for (size_t i = 0; i < history->options.refused && i < count; i++) {
        const struct ray_history_refusal *refusal =
            &history->refusals[(count - 1 - i) % history->options.refused];
        if (id == NULL || memcmp(&refusal->trace_id, id, sizeof(*id)) == 0) {
            out->refusals[out->refusal_count++] = *refusal;
        }
    }
}

enum ray_status ray_history_find(struct ray_history *history, const struct ray_trace_id *id,
                                 struct ray_arena *arena, struct ray_history_answer *out)
{
    struct ray_history_answer answer = {
        .fates = RAY_ARENA_ARRAY(arena, struct ray_history_fate, RAY_HISTORY_EXPORTERS_MAX + 1),
        .refusals = RAY_ARENA_ARRAY(arena, struct ray_history_refusal, history->options.refused),
    };
    if (answer.fates == NULL || answer.refusals == NULL) {
        return RAY_NOMEM;
    }
    pthread_mutex_lock(&history->lock);
    find_fates(history, id, &answer);
    find_refusals(history, id, &answer);
    pthread_mutex_unlock(&history->lock);
    *out = answer;
    return RAY_OK;
}

void ray_history_stand(struct ray_history_column *column, struct ray_history_standing *out)
{
    struct ray_history *history = column->history;
    pthread_mutex_lock(&history->lock);
    *out = (struct ray_history_standing){
        .waiting = column->waiting,
        .failing_since_unix_s = column->failing_since_s,
        .failed_unix_s = column->failed_s,
        .delivered_unix_s = column->delivered_s,
        .failed_because = column->failed_s != 0 ? history->reasons[column->failed_because] : "",
    };
    pthread_mutex_unlock(&history->lock);
}
