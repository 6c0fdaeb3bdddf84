/*
 * translate: one span -> one or two X-Ray segment documents.
 *
 * Pure: no clock, lock, I/O or random number; ids it has to make are a hash of trace id, span id
 * and an ordinal, so the same request gives the same bytes. Facts are gathered first, then one
 * document is written in one pass straight into the open batch. Rules and their sources:
 * docs/translation.md. A translator is immutable after creation and shared by all threads.
 */
#ifndef RAY_TRANSLATE_TRANSLATE_H
#define RAY_TRANSLATE_TRANSLATE_H

#include "core/arena.h"
#include "proto/span.h"
#include "xray/batch.h"
#include "xray/cut.h"

struct ray_translator;

/* The awsxray exporter's keys that shape documents. Views are copied by ray_translator_new. */
struct ray_translate_options {
    const struct ray_str
        *indexed_attributes; /* become annotations: names, patterns, renames (indexed.h) */
    size_t indexed_attribute_count;
    const struct ray_str *aws_log_groups;
    size_t aws_log_group_count;
    bool index_all_attributes;
    bool preserve_all;          /* key `preserve: all` */
    uint32_t annotation_budget; /* annotations that a document keeps; 0: all */
};

/* NULL when out of memory. */
struct ray_translator *ray_translator_new(const struct ray_translate_options *options);
void ray_translator_free(struct ray_translator *translator); /* accepts NULL */

/* Equal options give equal profiles on every run; names the batch's section. */
uint64_t ray_translator_profile(const struct ray_translator *translator);

/* What translation did to a request, in spans; adds to what stands there. */
struct ray_translate_counts {
    uint32_t translated;         /* became documents */
    uint32_t invalid_ids;        /* zero, missing or of another length */
    uint32_t too_big;            /* could not be brought below the document limit */
    uint32_t shrunk;             /* among the translated: parts were cut to fit 64 kB (rule D34) */
    uint32_t cut[RAY_CUT_COUNT]; /* documents of which that was cut, one may be in several */
    uint32_t over_budget;        /* annotations that became metadata: annotation_budget */
};

/*
 * Writes the documents of all spans of `request`, in their order, as one section of `batch`.
 * A span that cannot be translated is counted and left out, its neighbours are taken.
 *   RAY_NOMEM    `arena` or memory is used up: the batch must be thrown away
 *   RAY_TOO_BIG  the batch's own maximum is reached: likewise
 * `arena` is the request's; scratch is taken from it.
 */
RAY_MUST_USE enum ray_status ray_translate_request(const struct ray_translator *translator,
                                                   const struct ray_request *request,
                                                   struct ray_arena *arena, struct ray_batch *batch,
                                                   struct ray_translate_counts *counts);

#endif
