/*
 * batch: see batch.h, which also draws the layout of the payload.
 *
 * While open the payload is one growing buffer; heads are reserved first and filled in when what
 * they describe has ended.
 */
#include "xray/batch.h"

#include "core/bytes.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SECTION_HEAD_BYTES  16u
#define DOCUMENT_HEAD_BYTES 32u
#define ALIGNMENT           8u
#define NOWHERE             SIZE_MAX

struct ray_batch {
    atomic_uint refs;
    bool sealed;
    uint64_t accepted_unix_ns;
    uint32_t documents;         /* of the largest section that has ended */
    uint32_t section_documents; /* of the open one */
    size_t section_at;          /* its head, or NOWHERE */
    size_t document_at;         /* head of the open document, or NOWHERE */
    struct ray_buf payload;
};

static size_t padded(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Room for a head, to be filled in later. */
static bool skip(struct ray_buf *buf, size_t bytes)
{
    if (!ray_buf_reserve(buf, bytes)) {
        return false;
    }
    memset(buf->data + buf->len, 0, bytes);
    buf->len += bytes;
    return true;
}

struct ray_batch *ray_batch_new(size_t max_bytes)
{
    struct ray_batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL) {
        return NULL;
    }
    atomic_init(&batch->refs, 1);
    batch->section_at = NOWHERE;
    batch->document_at = NOWHERE;
    /* the sizes in the heads have 32 bits */
    ray_buf_init(&batch->payload, max_bytes < UINT32_MAX ? max_bytes : UINT32_MAX);
    return batch;
}

struct ray_batch *ray_batch_ref(struct ray_batch *batch)
{
    atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
    return batch;
}

void ray_batch_unref(struct ray_batch *batch)
{
    /* release: our reads are done; acquire: so are everybody else's, before the memory goes */
    if (batch == NULL || atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    ray_buf_clear(&batch->payload);
    free(batch);
}

static void end_section(struct ray_batch *batch)
{
    if (batch->section_at == NOWHERE) {
        return;
    }
    char *head = batch->payload.data + batch->section_at;
    ray_put_u32(head + 8, batch->section_documents);
    ray_put_u32(head + 12, (uint32_t)(batch->payload.len - batch->section_at - SECTION_HEAD_BYTES));
    if (batch->section_documents > batch->documents) {
        batch->documents = batch->section_documents;
    }
    batch->section_at = NOWHERE;
}

void ray_batch_begin_section(struct ray_batch *batch, uint64_t profile)
{
    assert(!batch->sealed && batch->document_at == NOWHERE);
    end_section(batch);
    size_t at = batch->payload.len;
    batch->section_documents = 0;
    if (skip(&batch->payload, SECTION_HEAD_BYTES)) {
        ray_put_u64(batch->payload.data + at, profile);
        batch->section_at = at;
    }
}

struct ray_buf *ray_batch_begin_document(struct ray_batch *batch)
{
    assert(!batch->sealed && batch->document_at == NOWHERE);
    batch->document_at = batch->payload.len;
    if (batch->section_at == NOWHERE) {
        batch->payload.failed = true; /* its section found no room */
    }
    skip(&batch->payload, DOCUMENT_HEAD_BYTES);
    return &batch->payload;
}

enum ray_status ray_batch_end_document(struct ray_batch *batch, const struct ray_trace_id *trace_id,
                                       const uint8_t span_id[8], uint32_t source)
{
    assert(batch->document_at != NOWHERE);
    struct ray_buf *payload = &batch->payload;
    size_t at = batch->document_at;
    if (payload->failed) {
        ray_batch_drop_document(batch);
        return RAY_TOO_BIG;
    }
    size_t text_bytes = payload->len - at - DOCUMENT_HEAD_BYTES;
    if (!skip(payload, padded(text_bytes) - text_bytes)) {
        ray_batch_drop_document(batch);
        return RAY_TOO_BIG;
    }
    char *head = payload->data + at;
    ray_put_u32(head, (uint32_t)text_bytes);
    ray_put_u32(head + 4, source);
    memcpy(head + 8, trace_id->bytes, sizeof(trace_id->bytes));
    memcpy(head + 24, span_id, 8);
    batch->section_documents++;
    batch->document_at = NOWHERE;
    return RAY_OK;
}

void ray_batch_drop_document(struct ray_batch *batch)
{
    assert(batch->document_at != NOWHERE);
    ray_buf_rewind(&batch->payload, batch->document_at);
    batch->document_at = NOWHERE;
}

void ray_batch_set_accepted(struct ray_batch *batch, uint64_t unix_ns)
{
    batch->accepted_unix_ns = unix_ns;
}

void ray_batch_seal(struct ray_batch *batch)
{
    assert(!batch->sealed && batch->document_at == NOWHERE);
    end_section(batch);
    batch->sealed = true;
}

/* True when `left` bytes at `at` hold exactly `documents` documents. */
static bool holds_documents(const char *at, size_t left, uint32_t documents)
{
    for (; documents > 0; documents--) {
        if (left < DOCUMENT_HEAD_BYTES) {
            return false;
        }
        size_t text_bytes = padded(ray_get_u32(at));
        if (text_bytes > left - DOCUMENT_HEAD_BYTES) {
            return false;
        }
        at += DOCUMENT_HEAD_BYTES + text_bytes;
        left -= DOCUMENT_HEAD_BYTES + text_bytes;
    }
    return left == 0;
}

/* Documents of the largest section in *largest. */
static bool is_payload(struct ray_str bytes, uint32_t *largest)
{
    *largest = 0;
    while (bytes.len > 0) {
        if (bytes.len < SECTION_HEAD_BYTES) {
            return false;
        }
        uint32_t documents = ray_get_u32(bytes.ptr + 8);
        size_t section_bytes = ray_get_u32(bytes.ptr + 12);
        if (section_bytes > bytes.len - SECTION_HEAD_BYTES ||
            !holds_documents(bytes.ptr + SECTION_HEAD_BYTES, section_bytes, documents)) {
            return false;
        }
        *largest = documents > *largest ? documents : *largest;
        bytes.ptr += SECTION_HEAD_BYTES + section_bytes;
        bytes.len -= SECTION_HEAD_BYTES + section_bytes;
    }
    return true;
}

enum ray_status ray_batch_from_payload(struct ray_buf *payload, struct ray_batch **out)
{
    uint32_t documents;
    if (payload->failed || !is_payload(ray_buf_str(payload), &documents)) {
        return RAY_INVALID;
    }
    struct ray_batch *batch = ray_batch_new(payload->max_bytes);
    if (batch == NULL) {
        return RAY_NOMEM;
    }
    batch->payload = *payload;
    batch->documents = documents;
    batch->sealed = true;
    ray_buf_init(payload, payload->max_bytes);
    *out = batch;
    return RAY_OK;
}

static char *find_section(const struct ray_batch *batch, uint64_t profile)
{
    size_t at = 0;
    while (at < batch->payload.len) {
        char *head = batch->payload.data + at;
        if (ray_get_u64(head) == profile) {
            return head;
        }
        at += SECTION_HEAD_BYTES + ray_get_u32(head + 12);
    }
    return NULL;
}

void ray_batch_relabel(struct ray_batch *batch, uint64_t from, uint64_t to)
{
    assert(atomic_load(&batch->refs) == 1);
    char *head = find_section(batch, from);
    if (head != NULL) {
        ray_put_u64(head, to);
    }
}

struct ray_str ray_batch_payload(const struct ray_batch *batch)
{
    return ray_buf_str(&batch->payload);
}

uint64_t ray_batch_accepted_unix_ns(const struct ray_batch *batch)
{
    return batch->accepted_unix_ns;
}

size_t ray_batch_bytes(const struct ray_batch *batch)
{
    return batch->payload.len;
}

uint32_t ray_batch_documents(const struct ray_batch *batch)
{
    return batch->documents;
}

bool ray_batch_read_section(const struct ray_batch *batch, uint64_t profile,
                            struct ray_batch_reader *reader)
{
    assert(batch->sealed);
    *reader = (struct ray_batch_reader){.batch = batch};
    const char *head = find_section(batch, profile);
    if (head == NULL) {
        return false;
    }
    reader->pos = head + SECTION_HEAD_BYTES;
    reader->left = ray_get_u32(head + 8);
    return true;
}

bool ray_batch_next(struct ray_batch_reader *reader, struct ray_document *out)
{
    if (reader->left == 0) {
        return false;
    }
    const char *head = reader->pos;
    size_t text_bytes = ray_get_u32(head);
    out->text = (struct ray_str){head + DOCUMENT_HEAD_BYTES, text_bytes};
    out->source = ray_get_u32(head + 4);
    memcpy(out->trace_id.bytes, head + 8, sizeof(out->trace_id.bytes));
    memcpy(out->span_id, head + 24, sizeof(out->span_id));
    reader->pos = head + DOCUMENT_HEAD_BYTES + padded(text_bytes);
    reader->left--;
    return true;
}
