/*
 * summary: one compiled trace as a member of GetTraceSummaries' TraceSummaries.
 *
 * Members and their rules: X-Ray API reference, TraceSummary; flags are the root segment's
 * (HasThrottle: any segment's), never guessed from http.status. Some members are there even when
 * empty (Http, ResourceARNs, root causes), because known clients look inside without asking.
 */
#ifndef RAY_LOCAL_SUMMARY_H
#define RAY_LOCAL_SUMMARY_H

#include "core/json_writer.h"
#include "local/compile.h"

/* Appends one object. Scratch comes from `arena`. RAY_NOMEM; the buffer's own failure is sticky
 * there. */
RAY_MUST_USE enum ray_status ray_summary_write(const struct ray_trace *trace, uint64_t revision,
                                               struct ray_arena *arena, struct ray_json_writer *w);

/* {"Name":..,"Names":[..],"AccountId":..,"Type":..}: the members, without the braces. */
void ray_node_write_members(const struct ray_node *node, struct ray_json_writer *w);

#endif
