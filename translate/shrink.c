/*
 * shrink: see shrink.h.
 *
 * The order: long strings in metadata, the bottom of stacks, the query, large metadata entries,
 * annotations; and, so that the document goes out at all, the messages of exceptions. Ids, names,
 * times, flags, http, aws and exception types are not touched by any of them.
 */
#include "translate/shrink.h"

#define ALL SIZE_MAX

static const struct ray_limits steps[RAY_SHRINK_STEPS] = {
    /* string frames query entry metadata small annotations messages */
    {ALL, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {32768, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {16384, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {8192, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {4096, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {2048, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {1024, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {512, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {256, ALL, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 200, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 100, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 50, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 20, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 5, ALL, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 5, 32768, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 5, 16384, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 5, 4096, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 5, 1024, ALL, ALL, 0, ALL, ALL, NULL},
    {256, 5, 1024, 8192, ALL, 0, ALL, ALL, NULL},
    {256, 5, 1024, 2048, ALL, 0, ALL, ALL, NULL},
    {256, 5, 1024, 512, ALL, 0, ALL, ALL, NULL},
    {256, 5, 1024, 512, 48000, 256, ALL, ALL, NULL},
    {256, 5, 1024, 512, 32000, 256, ALL, ALL, NULL},
    {256, 5, 1024, 512, 16000, 256, ALL, ALL, NULL},
    {256, 5, 1024, 256, 48000, 128, ALL, ALL, NULL},
    {256, 5, 1024, 256, 32000, 128, ALL, ALL, NULL},
    {256, 5, 1024, 256, 16000, 128, ALL, ALL, NULL},
    {256, 5, 1024, 128, 48000, 64, ALL, ALL, NULL},
    {256, 5, 1024, 128, 32000, 64, ALL, ALL, NULL},
    {256, 5, 1024, 128, 16000, 64, ALL, ALL, NULL},
    {256, 5, 1024, 64, 48000, 32, ALL, ALL, NULL},
    {256, 5, 1024, 64, 32000, 32, ALL, ALL, NULL},
    {256, 5, 1024, 64, 16000, 32, ALL, ALL, NULL},
    {256, 5, 1024, 32, 48000, 16, ALL, ALL, NULL},
    {256, 5, 1024, 32, 32000, 16, ALL, ALL, NULL},
    {256, 5, 1024, 32, 16000, 16, ALL, ALL, NULL},
    {256, 5, 1024, 16, 48000, 0, ALL, ALL, NULL},
    {256, 5, 1024, 16, 32000, 0, ALL, ALL, NULL},
    {256, 5, 1024, 16, 16000, 0, ALL, ALL, NULL},
    {256, 5, 1024, 16, 8000, 0, ALL, ALL, NULL},
    {256, 5, 1024, 16, 2000, 0, ALL, ALL, NULL},
    {256, 5, 1024, 16, 2000, 0, 48000, ALL, NULL},
    {256, 5, 1024, 16, 2000, 0, 32000, ALL, NULL},
    {256, 5, 1024, 16, 2000, 0, 16000, ALL, NULL},
    {256, 1, 256, 0, 0, 0, 4000, ALL, NULL},
    {256, 0, 0, 0, 0, 0, 0, ALL, NULL},
    {256, 0, 0, 0, 0, 0, 0, 16384, NULL},
    {256, 0, 0, 0, 0, 0, 0, 4096, NULL},
    {256, 0, 0, 0, 0, 0, 0, 1024, NULL},
    {256, 0, 0, 0, 0, 0, 0, 128, NULL},
};

const struct ray_limits *ray_shrink_step(size_t step)
{
    return step == 0 ? &ray_limits_none : &steps[step]; /* the one that is compared with */
}
