/* made_id: see made_id.h. */
#include "translate/made_id.h"

#define SEED 0x7261795f6d616465u /* ours alone; changing it changes every id made */

void ray_made_id_next(struct ray_made_ids *ids, uint8_t out[RAY_SPAN_ID_BYTES])
{
    uint64_t trace = ray_str_hash(ids->span->trace_id, SEED);
    uint64_t hash = ray_str_hash(ids->span->span_id, trace + ids->ordinal++);
    hash = hash != 0 ? hash : 1;
    for (unsigned i = 0; i < RAY_SPAN_ID_BYTES; i++) {
        out[i] = (uint8_t)(hash >> (8 * i));
    }
}
