/*
 * cut: the parts of a document that can be given up when it is over the service's limit.
 */
#ifndef RAY_XRAY_CUT_H
#define RAY_XRAY_CUT_H

#include "core/str.h"

/* In the order in which they are given up. */
enum ray_cut {
    RAY_CUT_STRINGS, /* in metadata */
    RAY_CUT_STACKS,
    RAY_CUT_QUERY,
    RAY_CUT_METADATA,
    RAY_CUT_ANNOTATIONS,
    RAY_CUT_MESSAGES,
    RAY_CUT_FIELDS, /* any other, as a last resort */
    RAY_CUT_COUNT,
};
/* "strings", "stacks", ... */
struct ray_str ray_cut_name(enum ray_cut cut);

#endif
