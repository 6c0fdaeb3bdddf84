/* quota: see the header. Sets of four traces, found by hash. */
#include "exporter/quota.h"

#include "core/clock.h"
#include "xray/limits.h"

#include <stdlib.h>
#include <string.h>

#define SETS 512u
#define WAYS 4u
/* Calls so close to each other are together. X-Ray says no figure; a sender's consecutive calls
 * lie within it. */
#define TOGETHER_NS RAY_NS_PER_S
/* Nothing of a trace for so long: it is over. */
#define FORGOTTEN_NS (600 * RAY_NS_PER_S)

struct counted_trace {
    struct ray_trace_id id;
    uint64_t first_ns, last_ns; /* 0: free */
    uint32_t bytes;             /* at most UINT32_MAX */
    bool warned;
};

struct ray_quota {
    uint64_t seed;
    struct counted_trace traces[SETS][WAYS];
};

struct ray_quota *ray_quota_new(uint64_t seed)
{
    struct ray_quota *quota = calloc(1, sizeof(*quota));
    if (quota != NULL) {
        quota->seed = seed;
    }
    return quota;
}

void ray_quota_free(struct ray_quota *quota)
{
    free(quota);
}

static struct counted_trace *set_of(struct ray_quota *quota, const struct ray_trace_id *id)
{
    uint64_t halves[2];
    memcpy(halves, id->bytes, sizeof(halves));
    uint64_t mixed = (halves[0] ^ quota->seed) * 0x9E3779B97F4A7C15ull;
    mixed = ((mixed ^ (mixed >> 32)) + halves[1]) * 0xBF58476D1CE4E5B9ull;
    return quota->traces[(mixed >> 40) % SETS];
}

static bool is_over(const struct counted_trace *trace, uint64_t now_ns)
{
    return now_ns - trace->last_ns > FORGOTTEN_NS;
}

/* Its own place, else the one that is missed least. */
static struct counted_trace *find_or_replace(struct ray_quota *quota, const struct ray_trace_id *id,
                                             uint64_t now_ns)
{
    struct counted_trace *set = set_of(quota, id), *least = set;
    for (unsigned i = 0; i < WAYS; i++) {
        bool used = set[i].last_ns != 0;
        if (used && memcmp(set[i].id.bytes, id->bytes, sizeof(id->bytes)) == 0) {
            return &set[i];
        }
        if (used && is_over(&set[i], now_ns)) {
            set[i].bytes = 0;
        }
        least = set[i].bytes < least->bytes ? &set[i] : least;
    }
    *least = (struct counted_trace){.id = *id, .first_ns = now_ns};
    return least;
}

bool ray_quota_add(struct ray_quota *quota, const struct ray_trace_id *id, size_t bytes,
                   uint64_t now_ns, struct ray_quota_warning *out)
{
    struct counted_trace *trace = find_or_replace(quota, id, now_ns);
    uint64_t sum = (uint64_t)trace->bytes + bytes;
    bool together = now_ns - trace->first_ns <= TOGETHER_NS;
    uint64_t limit = together ? RAY_TRACE_TOGETHER_MAX_BYTES : RAY_TRACE_SPREAD_MAX_BYTES;
    trace->last_ns = now_ns;
    trace->bytes = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
    if (trace->warned || sum < limit / 5 * 4) {
        return false;
    }
    trace->warned = true;
    *out = (struct ray_quota_warning){sum, limit};
    return true;
}
