/*
 * quota: how many bytes of each trace have gone out, to warn before X-Ray stops taking them.
 *
 * X-Ray stores up to 500 kB of a trace that is sent together and about 100 kB of one that comes
 * over a longer time; what is beyond it refuses (see xray/limits.h). Which of both holds is told by
 * the time between a trace's first document and the one at hand.
 *
 * A table of fixed size: where it is crowded the trace with the fewest bytes is forgotten, so large
 * ones stay. A warning may be missed for a trace that trickles in among very many; none is false.
 * One thread.
 */
#ifndef RAY_EXPORTER_QUOTA_H
#define RAY_EXPORTER_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xray/trace_id.h"

struct ray_quota;

struct ray_quota_warning {
    uint64_t bytes; /* sent so far */
    uint64_t limit_bytes;
};

/* `seed` keeps clients from choosing ids that collide. NULL when out of memory. */
struct ray_quota *ray_quota_new(uint64_t seed);
void ray_quota_free(struct ray_quota *quota); /* accepts NULL */

/* So many more bytes of the trace go out. True, with `out`, when that brings it to four fifths of
 * what X-Ray stores of it: once per trace. */
bool ray_quota_add(struct ray_quota *quota, const struct ray_trace_id *id, size_t bytes,
                   uint64_t now_ns, struct ray_quota_warning *out);

#endif
