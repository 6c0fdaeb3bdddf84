/* cut: see cut.h. */
#include "xray/cut.h"

struct ray_str ray_cut_name(enum ray_cut cut)
{
    static const struct ray_str names[RAY_CUT_COUNT] = {
        [RAY_CUT_STRINGS] = RAY_STR_INIT("strings"),
        [RAY_CUT_STACKS] = RAY_STR_INIT("stacks"),
        [RAY_CUT_QUERY] = RAY_STR_INIT("query"),
        [RAY_CUT_METADATA] = RAY_STR_INIT("metadata"),
        [RAY_CUT_ANNOTATIONS] = RAY_STR_INIT("annotations"),
        [RAY_CUT_MESSAGES] = RAY_STR_INIT("messages"),
        [RAY_CUT_FIELDS] = RAY_STR_INIT("fields"),
    };
    return names[cut];
}
