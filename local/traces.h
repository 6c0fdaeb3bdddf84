/*
 * traces: one compiled trace as a member of BatchGetTraces' Traces.
 */
#ifndef RAY_LOCAL_TRACES_H
#define RAY_LOCAL_TRACES_H

#include "core/json_writer.h"
#include "local/compile.h"

/* A trace may be 100 to 500 kB on the service, depending on its traffic (quotas): here nothing is
 * refused, but LimitExceeded is said from the upper end on. */
#define RAY_TRACE_LIMIT_BYTES ((size_t)500 * 1024)

/* Appends one object: Id, Duration, LimitExceeded, Segments. */
void ray_trace_write(const struct ray_trace *trace, struct ray_json_writer *w);

#endif
