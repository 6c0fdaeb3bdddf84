/*
 * put: the two texts of a PutTraceSegments call, the body we send and the answer we get.
 *
 *   request   {"TraceSegmentDocuments":["<document, escaped>",...]}
 *   answer    {"UnprocessedTraceSegments":[{"Id":"...","ErrorCode":"...","Message":"..."},...]}
 *
 * Source: X-Ray API Reference, PutTraceSegments. The list of error codes is not published: those
 * here were seen in public reports, the rest is told by the form of their names. Pure.
 */
#ifndef RAY_EXPORTER_PUT_H
#define RAY_EXPORTER_PUT_H

#include "core/buf.h"

/* What stands before, between and after the documents of a body. */
extern const struct ray_str ray_put_head, ray_put_separator, ray_put_tail;
/* A byte of a document takes at most so many in a body: \u00XX. */
#define RAY_PUT_ESCAPE_FACTOR 6u
/* One document; `body` has failed when there was no room. */
void ray_put_write(struct ray_buf *body, struct ray_str document);

/* An entry of the answer; views that are valid during the call. */
struct ray_put_unprocessed {
    struct ray_str id; /* empty when the service named none */
    struct ray_str code;
    struct ray_str message;
};
typedef void (*ray_put_entry_fn)(void *context, const struct ray_put_unprocessed *entry);
/* Calls `entry` for each unprocessed document. RAY_INVALID: not the answer of X-Ray. */
RAY_MUST_USE enum ray_status ray_put_read_answer(struct ray_str answer, ray_put_entry_fn entry,
                                                 void *context);

enum ray_put_code {
    RAY_PUT_CODE_FINAL,    /* the document is no good */
    RAY_PUT_CODE_THROTTLE, /* too fast */
    RAY_PUT_CODE_RETRY,    /* their trouble */
    RAY_PUT_CODE_UNKNOWN,
};
enum ray_put_code ray_put_classify(struct ray_str code);

#endif
