/*
 * stage: see the header.
 *
 * Three tables of fixed size, linked by 16-bit indexes: batches in the order they came, traces in
 * the order they are served and chained by hash, documents chained by trace. Index 0 is nobody.
 * Entries are taken from a table's never used end only when none was given back, so that a sender
 * with little to do touches little of them.
 */
#include "exporter/stage.h"

#include <stdlib.h>

#define NODES     (RAY_STAGE_DOCUMENTS_MAX + 1)
#define HASH_SIZE ((size_t)2 * RAY_STAGE_DOCUMENTS_MAX)
#define NOBODY    0u
/* Traces passed over in search of one that fits, per call: bounds the time, not the outcome. */
#define SKIPS_MAX 256u

struct held_batch {
    struct ray_batch *batch;
    uint64_t given_ns;
    uint32_t left; /* documents that have not left the stage */
    uint16_t previous, next;
};

struct staged_trace {
    struct ray_trace_id id;
    uint64_t served_until; /* begun; goes to the end of the line after documents up to this order */
    size_t bytes;
    uint32_t count;
    uint16_t first, last; /* documents */
    uint16_t previous, next;
    uint16_t next_of_hash;
};

struct staged_document {
    struct ray_str text;
    uint64_t number;
    uint64_t order; /* in which it was staged, from 1: numbers need not rise */
    uint8_t span_id[8];
    uint32_t source;
    uint16_t batch;
    uint16_t next; /* of its trace */
};

/* Which entries of a table are free. */
struct pool {
    uint16_t freed[NODES];
    uint32_t freed_count;
    uint32_t used; /* from here on: never used */
};

struct ray_stage {
    uint64_t seed;
    struct ray_batch_reader reader; /* of the newest batch, not all staged yet */
    uint16_t reader_batch;
    uint64_t reader_number;
    uint64_t staged; /* documents, ever */
    size_t held_bytes;
    uint32_t count;
    /* the call that is being filled */
    uint32_t room_documents;
    size_t room_bytes;
    uint16_t current; /* trace; NOBODY: to be looked for from `candidate` on */
    uint16_t candidate;
    uint32_t skips;
    uint16_t first_batch, last_batch;
    uint16_t first_trace, last_trace;
    struct pool batch_pool, trace_pool, document_pool;
    uint16_t hash[HASH_SIZE];
    struct held_batch batches[NODES];
    struct staged_trace traces[NODES];
    struct staged_document documents[NODES];
};

static uint16_t pool_take(struct pool *pool)
{
    return pool->freed_count > 0 ? pool->freed[--pool->freed_count] : (uint16_t)++pool->used;
}

static void pool_give(struct pool *pool, uint16_t index)
{
    pool->freed[pool->freed_count++] = index;
}

static bool pool_is_empty(const struct pool *pool)
{
    return pool->freed_count == 0 && pool->used == RAY_STAGE_DOCUMENTS_MAX;
}

struct ray_stage *ray_stage_new(uint64_t seed)
{
    struct ray_stage *stage = calloc(1, sizeof(*stage));
    if (stage != NULL) {
        stage->seed = seed;
    }
    return stage;
}

void ray_stage_free(struct ray_stage *stage)
{
    for (uint16_t i = stage != NULL ? stage->first_batch : NOBODY; i != NOBODY;
         i = stage->batches[i].next) {
        ray_batch_unref(stage->batches[i].batch);
    }
    free(stage);
}

/* -- batches -- */

static uint16_t hold_batch(struct ray_stage *stage, struct ray_batch *batch, uint32_t documents,
                           uint64_t now_ns)
{
    uint16_t i = pool_take(&stage->batch_pool);
    stage->batches[i] = (struct held_batch){
        .batch = batch, .given_ns = now_ns, .left = documents, .previous = stage->last_batch};
    if (stage->last_batch != NOBODY) {
        stage->batches[stage->last_batch].next = i;
    } else {
        stage->first_batch = i;
    }
    stage->last_batch = i;
    stage->held_bytes += ray_batch_bytes(batch);
    return i;
}

static void release_document_of(struct ray_stage *stage, uint16_t i)
{
    struct held_batch *held = &stage->batches[i];
    if (--held->left > 0) {
        return;
    }
    *(held->previous != NOBODY ? &stage->batches[held->previous].next : &stage->first_batch) =
        held->next;
    *(held->next != NOBODY ? &stage->batches[held->next].previous : &stage->last_batch) =
        held->previous;
    stage->held_bytes -= ray_batch_bytes(held->batch);
    ray_batch_unref(held->batch);
    pool_give(&stage->batch_pool, i);
}

/* -- traces -- */

static uint16_t *hash_place(struct ray_stage *stage, const struct ray_trace_id *id)
{
    uint64_t halves[2];
    memcpy(halves, id->bytes, sizeof(halves));
    uint64_t mixed = (halves[0] ^ stage->seed) * 0x9E3779B97F4A7C15ull;
    mixed = ((mixed ^ (mixed >> 32)) + halves[1]) * 0xBF58476D1CE4E5B9ull;
    return &stage->hash[(mixed >> 40) % HASH_SIZE];
}

static void line_up(struct ray_stage *stage, uint16_t i)
{
    stage->traces[i].previous = stage->last_trace;
    stage->traces[i].next = NOBODY;
    *(stage->last_trace != NOBODY ? &stage->traces[stage->last_trace].next : &stage->first_trace) =
        i;
    stage->last_trace = i;
}

static void leave_line(struct ray_stage *stage, uint16_t i)
{
    const struct staged_trace *trace = &stage->traces[i];
    *(trace->previous != NOBODY ? &stage->traces[trace->previous].next : &stage->first_trace) =
        trace->next;
    *(trace->next != NOBODY ? &stage->traces[trace->next].previous : &stage->last_trace) =
        trace->previous;
}

static uint16_t find_or_add_trace(struct ray_stage *stage, const struct ray_trace_id *id)
{
    uint16_t *place = hash_place(stage, id);
    for (uint16_t i = *place; i != NOBODY; i = stage->traces[i].next_of_hash) {
        if (memcmp(stage->traces[i].id.bytes, id->bytes, sizeof(id->bytes)) == 0) {
            return i;
        }
    }
    uint16_t i = pool_take(&stage->trace_pool);
    stage->traces[i] = (struct staged_trace){.id = *id, .next_of_hash = *place};
    *place = i;
    line_up(stage, i);
    return i;
}

static void remove_trace(struct ray_stage *stage, uint16_t i)
{
    uint16_t *place = hash_place(stage, &stage->traces[i].id);
    while (*place != i) {
        place = &stage->traces[*place].next_of_hash;
    }
    *place = stage->traces[i].next_of_hash;
    leave_line(stage, i);
    pool_give(&stage->trace_pool, i);
}

/* -- documents -- */

static void add_document(struct ray_stage *stage, const struct ray_document *document)
{
    uint16_t i = pool_take(&stage->document_pool);
    struct staged_trace *trace = &stage->traces[find_or_add_trace(stage, &document->trace_id)];
    stage->documents[i] = (struct staged_document){.text = document->text,
                                                   .number = stage->reader_number++,
                                                   .order = ++stage->staged,
                                                   .source = document->source,
                                                   .batch = stage->reader_batch};
    memcpy(stage->documents[i].span_id, document->span_id, sizeof(document->span_id));
    *(trace->count > 0 ? &stage->documents[trace->last].next : &trace->first) = i;
    trace->last = i;
    trace->count++;
    trace->bytes += document->text.len;
    stage->count++;
}

static void stage_what_fits(struct ray_stage *stage)
{
    struct ray_document document;
    while (stage->reader.left > 0 && !pool_is_empty(&stage->document_pool) &&
           ray_batch_next(&stage->reader, &document)) {
        add_document(stage, &document);
    }
}

bool ray_stage_is_full(const struct ray_stage *stage)
{
    /* of the three tables that of documents is full first: the others' entries each have one */
    return stage->reader.left > 0 || stage->held_bytes >= RAY_STAGE_BYTES_MAX ||
           pool_is_empty(&stage->document_pool);
}

bool ray_stage_wants(struct ray_stage *stage)
{
    stage_what_fits(stage);
    return !ray_stage_is_full(stage);
}

void ray_stage_give(struct ray_stage *stage, struct ray_batch *batch, uint64_t profile,
                    uint64_t number, uint64_t now_ns)
{
    if (!ray_batch_read_section(batch, profile, &stage->reader) || stage->reader.left == 0) {
        ray_batch_unref(batch);
        return;
    }
    stage->reader_batch = hold_batch(stage, batch, stage->reader.left, now_ns);
    stage->reader_number = number;
    stage_what_fits(stage);
}

uint32_t ray_stage_count(const struct ray_stage *stage)
{
    return stage->count;
}

uint64_t ray_stage_oldest_ns(const struct ray_stage *stage)
{
    return stage->first_batch != NOBODY ? stage->batches[stage->first_batch].given_ns : UINT64_MAX;
}

/* -- calls -- */

/* Who has had what was there when his turn came lets the others go first: a trace that never ends
 * must not hold them up. */
static void end_turns(struct ray_stage *stage)
{
    for (uint16_t i = stage->first_trace; i != NOBODY; i = stage->first_trace) {
        struct staged_trace *trace = &stage->traces[i];
        if (trace->served_until == 0 ||
            stage->documents[trace->first].order <= trace->served_until) {
            return;
        }
        trace->served_until = 0;
        leave_line(stage, i);
        line_up(stage, i);
    }
}

void ray_stage_begin(struct ray_stage *stage, uint32_t documents_max, size_t bytes_max)
{
    end_turns(stage);
    stage->room_documents = documents_max;
    stage->room_bytes = bytes_max;
    stage->skips = 0;
    stage->candidate = stage->first_trace;
    stage->current = stage->first_trace; /* whether it fits or not */
    if (stage->current != NOBODY && stage->traces[stage->current].served_until == 0) {
        stage->traces[stage->current].served_until = stage->staged;
    }
}

/* The next in line that fits whole. What did not fit once will not later in the same call. */
static uint16_t find_fitting(struct ray_stage *stage)
{
    uint16_t i = stage->candidate;
    while (i != NOBODY && stage->skips < SKIPS_MAX) {
        const struct staged_trace *trace = &stage->traces[i];
        if (trace->count <= stage->room_documents && trace->bytes <= stage->room_bytes) {
            return i;
        }
        stage->skips++;
        i = trace->next;
    }
    return NOBODY;
}

bool ray_stage_peek(struct ray_stage *stage, struct ray_staged *out)
{
    if (stage->room_documents == 0) {
        return false;
    }
    if (stage->current == NOBODY) {
        stage->current = stage->candidate = find_fitting(stage);
    }
    if (stage->current == NOBODY) {
        return false;
    }
    const struct staged_trace *trace = &stage->traces[stage->current];
    const struct staged_document *document = &stage->documents[trace->first];
    out->document = (struct ray_document){
        .text = document->text, .trace_id = trace->id, .source = document->source};
    memcpy(out->document.span_id, document->span_id, sizeof(document->span_id));
    out->number = document->number;
    out->accepted_unix_ns = ray_batch_accepted_unix_ns(stage->batches[document->batch].batch);
    return true;
}

void ray_stage_take(struct ray_stage *stage)
{
    struct staged_trace *trace = &stage->traces[stage->current];
    uint16_t i = trace->first;
    const struct staged_document *document = &stage->documents[i];
    size_t bytes = document->text.len;
    trace->first = document->next;
    trace->count--;
    trace->bytes -= bytes;
    stage->count--;
    stage->room_documents--;
    stage->room_bytes -= bytes < stage->room_bytes ? bytes : stage->room_bytes;
    release_document_of(stage, document->batch);
    pool_give(&stage->document_pool, i);
    if (trace->count == 0) {
        stage->candidate = trace->next;
        remove_trace(stage, stage->current);
        stage->current = NOBODY;
    }
}
