/*
 * rootcause: the path from the entry service down to what failed, or to what took the time.
 */
#ifndef RAY_LOCAL_ROOTCAUSE_H
#define RAY_LOCAL_ROOTCAUSE_H

#include "core/json_writer.h"
#include "local/compile.h"

enum ray_cause_kind { RAY_CAUSE_FAULT, RAY_CAUSE_ERROR, RAY_CAUSE_RESPONSE_TIME };

/* Appends an array of at most one cause (X-Ray API reference, FaultRootCause, ErrorRootCause,
 * ResponseTimeRootCause): empty when the root is neither failed nor complete. */
void ray_causes_write(const struct ray_trace *trace, enum ray_cause_kind kind,
                      struct ray_json_writer *w);

#endif
