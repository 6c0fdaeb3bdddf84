/* door: see door.h. */
#include "receiver/door.h"

#include <stdio.h>

#include "queue/ledger.h"

/* Of one request, so that a client that resends what is refused does not push all others out. */
#define KEPT_OF_REFUSED  4u
#define KEPT_OF_REJECTED 16u

struct kept {
    struct ray_history_refusal items[KEPT_OF_REJECTED];
    size_t count;
};

static void add_kept(const struct ray_door *door, struct kept *kept, size_t max,
                     struct ray_str trace_id, struct ray_str span_id, const char *reason,
                     const char *message)
{
    if (kept->count == max) {
        return;
    }
    struct ray_history_refusal *item = &kept->items[kept->count++];
    *item = (struct ray_history_refusal){.unix_ns = 0};
    if (trace_id.len == sizeof(item->trace_id.bytes)) {
        memcpy(item->trace_id.bytes, trace_id.ptr, trace_id.len);
    }
    if (span_id.len == sizeof(item->span_id)) {
        memcpy(item->span_id, span_id.ptr, span_id.len);
    }
    snprintf(item->where, sizeof(item->where), "%s", door->receiver);
    snprintf(item->reason, sizeof(item->reason), "%s", reason);
    snprintf(item->message, sizeof(item->message), "%s", message);
}

static void keep_all(const struct ray_door *door, const struct kept *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        ray_history_keep_refusal(door->column, &kept->items[i]);
    }
}

/* A trace can be asked after only by a whole id that is not zero. */
static void note_trace(struct ray_history_pen *pen, struct ray_str id)
{
    struct ray_trace_id whole;
    if (id.len == sizeof(whole.bytes) && !ray_bytes_all_zero(id)) {
        memcpy(whole.bytes, id.ptr, sizeof(whole.bytes));
        ray_history_note(pen, &whole);
    }
}

/* All spans of a request in order, whatever they hang from. */
struct walk {
    const struct ray_request *request;
    size_t resource, scope, span;
};

static const struct ray_span *next_span(struct walk *walk)
{
    for (; walk->resource < walk->request->resource_count; walk->resource++, walk->scope = 0) {
        const struct ray_resource_spans *resource = &walk->request->resources[walk->resource];
        for (; walk->scope < resource->scope_count; walk->scope++, walk->span = 0) {
            const struct ray_scope_spans *scope = &resource->scopes[walk->scope];
            if (walk->span < scope->span_count) {
                return &scope->spans[walk->span++];
            }
        }
    }
    return NULL;
}

void ray_door_refuse(const struct ray_door *door, const struct ray_request *request,
                     const char *reason, const char *message)
{
    if (door->column == NULL) {
        return;
    }
    struct ray_history_pen pen;
    struct kept kept = {.count = 0};
    struct walk walk = {.request = request};
    const struct ray_span *span;
    ray_history_begin(&pen, door->column, RAY_HISTORY_REFUSED, ray_str_from(reason));
    while ((span = next_span(&walk)) != NULL) {
        note_trace(&pen, span->trace_id);
        add_kept(door, &kept, KEPT_OF_REFUSED, span->trace_id, span->span_id, reason, message);
    }
    ray_history_end(&pen);
    keep_all(door, &kept);
}

void ray_door_refuse_batch(const struct ray_door *door, const struct ray_batch *batch,
                           uint64_t profile, const char *reason, const char *message)
{
    struct ray_batch_reader reader;
    if (door->column == NULL || !ray_batch_read_section(batch, profile, &reader)) {
        return;
    }
    struct ray_history_pen pen;
    struct kept kept = {.count = 0};
    struct ray_document document;
    ray_history_begin(&pen, door->column, RAY_HISTORY_REFUSED, ray_str_from(reason));
    while (ray_batch_next(&reader, &document)) {
        struct ray_str trace_id = {(const char *)document.trace_id.bytes,
                                   sizeof(document.trace_id.bytes)};
        struct ray_str span_id = {(const char *)document.span_id, sizeof(document.span_id)};
        note_trace(&pen, trace_id);
        add_kept(door, &kept, KEPT_OF_REFUSED, trace_id, span_id, reason, message);
    }
    ray_history_end(&pen);
    keep_all(door, &kept);
}

/* Does the section go on with a document of span `source`? Sources ascend. */
static bool has_document(struct ray_batch_reader *reader, uint32_t source)
{
    struct ray_document document;
    struct ray_batch_reader ahead = *reader;
    while (ray_batch_next(&ahead, &document) && document.source <= source) {
        *reader = ahead;
        if (document.source == source) {
            return true;
        }
    }
    return false;
}

static void note_rejected(const struct ray_door *door, const struct ray_span *span,
                          enum ray_refusal reason)
{
    struct ray_history_pen pen;
    ray_history_begin(&pen, door->column, RAY_HISTORY_REFUSED,
                      ray_str_from(ray_refusal_name(reason)));
    note_trace(&pen, span->trace_id);
    ray_history_end(&pen);
}

void ray_door_reject(const struct ray_door *door, const struct ray_request *request,
                     const struct ray_batch *batch, uint64_t profile)
{
    if (door->column == NULL) {
        return;
    }
    struct kept kept = {.count = 0};
    struct walk walk = {.request = request};
    struct ray_batch_reader reader;
    const struct ray_span *span;
    ray_batch_read_section(batch, profile, &reader);
    for (uint32_t source = 0; (span = next_span(&walk)) != NULL; source++) {
        bool has_ids = ray_span_has_ids(span);
        if (has_ids && has_document(&reader, source)) {
            continue;
        }
        enum ray_refusal reason = has_ids ? RAY_REFUSED_TOO_BIG : RAY_REFUSED_INVALID;
        note_rejected(door, span, reason);
        add_kept(door, &kept, KEPT_OF_REJECTED, span->trace_id, span->span_id,
                 ray_refusal_name(reason),
                 has_ids ? "too large for a segment document"
                         : "trace id or span id is missing, zero or of a wrong length");
    }
    keep_all(door, &kept);
}
