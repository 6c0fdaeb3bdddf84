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
    {ALL, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    /* string frames query entry metadata annotations messages */
    {32768, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    {16384, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    {8192, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    {4096, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    {2048, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    {1024, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    {512, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    {256, ALL, ALL, ALL, ALL, ALL, ALL, NULL},
    {256, 200, ALL, ALL, ALL, ALL, ALL, NULL},
    {256, 100, ALL, ALL, ALL, ALL, ALL, NULL},
    {256, 50, ALL, ALL, ALL, ALL, ALL, NULL},
    {256, 20, ALL, ALL, ALL, ALL, ALL, NULL},
    {256, 5, ALL, ALL, ALL, ALL, ALL, NULL},
    {256, 5, 32768, ALL, ALL, ALL, ALL, NULL},
    {256, 5, 16384, ALL, ALL, ALL, ALL, NULL},
    {256, 5, 4096, ALL, ALL, ALL, ALL, NULL},
    {256, 5, 1024, ALL, ALL, ALL, ALL, NULL},
    {256, 5, 1024, 8192, ALL, ALL, ALL, NULL},
    {256, 5, 1024, 2048, ALL, ALL, ALL, NULL},
    {256, 5, 1024, 512, ALL, ALL, ALL, NULL},
    {256, 5, 1024, 512, 48000, ALL, ALL, NULL},
    {256, 5, 1024, 512, 32000, ALL, ALL, NULL},
    {256, 5, 1024, 512, 16000, ALL, ALL, NULL},
    {256, 5, 1024, 512, 8000, ALL, ALL, NULL},
    {256, 5, 1024, 256, 2000, ALL, ALL, NULL},
    {256, 5, 1024, 256, 2000, 48000, ALL, NULL},
    {256, 5, 1024, 256, 2000, 32000, ALL, NULL},
    {256, 5, 1024, 256, 2000, 16000, ALL, NULL},
    {256, 1, 256, 0, 0, 4000, ALL, NULL},
    {256, 0, 0, 0, 0, 0, ALL, NULL},
    {256, 0, 0, 0, 0, 0, 16384, NULL},
    {256, 0, 0, 0, 0, 0, 4096, NULL},
    {256, 0, 0, 0, 0, 0, 1024, NULL},
    {256, 0, 0, 0, 0, 0, 128, NULL},
};

const struct ray_limits *ray_shrink_step(size_t step)
{
    return step == 0 ? &ray_limits_none : &steps[step]; /* the one that is compared with */
}
