/*
 * made_id: ids that OTLP does not have: of exceptions, and of the service segment of a local root.
 *
 * Not random: a hash of trace id, span id and an ordinal over all ids made for that span, so that a
 * request sent twice gives the same bytes. Never zero.
 */
#ifndef RAY_TRANSLATE_MADE_ID_H
#define RAY_TRANSLATE_MADE_ID_H

#include "proto/span.h"

struct ray_made_ids {
    const struct ray_span *span;
    uint64_t ordinal; /* ids made so far */
};

void ray_made_id_next(struct ray_made_ids *ids, uint8_t out[RAY_SPAN_ID_BYTES]);

#endif
