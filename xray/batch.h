/*
 * batch: segment documents on their way from a receiver to the exporters.
 *
 * Open: one thread writes documents into it. Sealed: immutable, reference-counted, read by any
 * thread. One block of memory:
 *
 *   payload = section*            one section per profile (a distinct set of translation options)
 *   section = profile u64, documents u32, bytes u32, document*      (numbers little-endian)
 *   document = text bytes u32, source u32, trace id 16, span id 8, text, padding to 8
 *
 * `source` is the ordinal of the span or segment that the document came from, counted over the
 * request, so that sections with different numbers of documents can be accounted in spans.
 */
#ifndef RAY_XRAY_BATCH_H
#define RAY_XRAY_BATCH_H

#include "core/buf.h"
#include "xray/trace_id.h"

struct ray_batch;

/* One document of a sealed batch; views into it. */
struct ray_document {
    struct ray_str text; /* JSON */
    struct ray_trace_id trace_id;
    uint8_t span_id[8];
    uint32_t source;
};

/* An open batch with one reference, holding at most `max_bytes` of payload. NULL: no memory. */
struct ray_batch *ray_batch_new(size_t max_bytes);
struct ray_batch *ray_batch_ref(struct ray_batch *batch);
void ray_batch_unref(struct ray_batch *batch); /* accepts NULL */

/* Open batch only. Starts the section of `profile`; the one before it ends. */
void ray_batch_begin_section(struct ray_batch *batch, uint64_t profile);
/* The buffer to write the next document's text into; between begin and end nothing else is
 * called on the batch. The buffer's `failed` makes end return RAY_TOO_BIG. */
struct ray_buf *ray_batch_begin_document(struct ray_batch *batch);
RAY_MUST_USE enum ray_status ray_batch_end_document(struct ray_batch *batch,
                                                    const struct ray_trace_id *trace_id,
                                                    const uint8_t span_id[8], uint32_t source);
/* Takes back what was written since begin. */
void ray_batch_drop_document(struct ray_batch *batch);

/* When its documents came in, since 1970; 0 when nobody said. Before it is sealed. */
void ray_batch_set_accepted(struct ray_batch *batch, uint64_t unix_ns);
/* No more writes. */
void ray_batch_seal(struct ray_batch *batch);

/*
 * A sealed batch of what another one's payload was, back from a file. Takes over the buffer's
 * memory when it says RAY_OK. RAY_INVALID when the bytes are no payload, whoever made them:
 * every section and document lies inside; RAY_NOMEM.
 */
RAY_MUST_USE enum ray_status ray_batch_from_payload(struct ray_buf *payload,
                                                    struct ray_batch **out);
/* For the one who holds the only reference: the section of `from` becomes that of `to`. */
void ray_batch_relabel(struct ray_batch *batch, uint64_t from, uint64_t to);

/* Sealed batch only; any thread. */
size_t ray_batch_bytes(const struct ray_batch *batch);           /* of the payload */
struct ray_str ray_batch_payload(const struct ray_batch *batch); /* a multiple of 8 bytes long */
uint64_t ray_batch_accepted_unix_ns(const struct ray_batch *batch);
/* Documents of the largest section: how many queue numbers the batch takes. */
uint32_t ray_batch_documents(const struct ray_batch *batch);

/* Walks the documents of one section in order. */
struct ray_batch_reader {
    const struct ray_batch *batch;
    const char *pos;
    uint32_t left; /* documents not yet read */
};
/* False when the batch has no section of `profile`; the reader is then empty. */
bool ray_batch_read_section(const struct ray_batch *batch, uint64_t profile,
                            struct ray_batch_reader *reader);
bool ray_batch_next(struct ray_batch_reader *reader, struct ray_document *out);

#endif
