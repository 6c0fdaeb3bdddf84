/*
 * facts: what a filter expression may ask of a compiled trace.
 */
#ifndef RAY_LOCAL_FACTS_H
#define RAY_LOCAL_FACTS_H

#include "local/compile.h"
#include "xray/expr.h"

/* The face for ray_expr_matches; both must outlive its use. Pure, allocates nothing. */
struct ray_expr_facts ray_trace_facts(const struct ray_trace *trace);

#endif
