/*
 * shrink: see shrink.h.
 *
 * The order: long strings in metadata, the bottom of stacks, the query, large metadata entries,
 * annotations. Ids, names, times, flags, http, aws, exception types and messages are never cut.
 */
#include "translate/shrink.h"

#define ALL SIZE_MAX

static const struct ray_limits steps[] = {
    /* string frames query entry metadata annotations */
    {32768, ALL, ALL, ALL, ALL, ALL}, {16384, ALL, ALL, ALL, ALL, ALL},
    {8192, ALL, ALL, ALL, ALL, ALL},  {4096, ALL, ALL, ALL, ALL, ALL},
    {2048, ALL, ALL, ALL, ALL, ALL},  {1024, ALL, ALL, ALL, ALL, ALL},
    {512, ALL, ALL, ALL, ALL, ALL},   {256, ALL, ALL, ALL, ALL, ALL},
    {256, 200, ALL, ALL, ALL, ALL},   {256, 100, ALL, ALL, ALL, ALL},
    {256, 50, ALL, ALL, ALL, ALL},    {256, 20, ALL, ALL, ALL, ALL},
    {256, 5, ALL, ALL, ALL, ALL},     {256, 5, 32768, ALL, ALL, ALL},
    {256, 5, 16384, ALL, ALL, ALL},   {256, 5, 4096, ALL, ALL, ALL},
    {256, 5, 1024, ALL, ALL, ALL},    {256, 5, 1024, 8192, ALL, ALL},
    {256, 5, 1024, 2048, ALL, ALL},   {256, 5, 1024, 512, ALL, ALL},
    {256, 5, 1024, 512, 48000, ALL},  {256, 5, 1024, 512, 32000, ALL},
    {256, 5, 1024, 512, 16000, ALL},  {256, 5, 1024, 512, 8000, ALL},
    {256, 5, 1024, 256, 2000, ALL},   {256, 5, 1024, 256, 2000, 48000},
    {256, 5, 1024, 256, 2000, 32000}, {256, 5, 1024, 256, 2000, 16000},
    {256, 1, 256, 0, 0, 4000},        {256, 0, 0, 0, 0, 0},
};

const struct ray_limits *ray_shrink_step(size_t step)
{
    if (step == 0) {
        return &ray_limits_none;
    }
    return step <= sizeof(steps) / sizeof(steps[0]) ? &steps[step - 1] : NULL;
}
