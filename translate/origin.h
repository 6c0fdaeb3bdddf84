/*
 * origin: which kind of AWS resource the application runs on.
 */
#ifndef RAY_TRANSLATE_ORIGIN_H
#define RAY_TRANSLATE_ORIGIN_H

#include "translate/facts.h"

/* Empty when it is not one of those that X-Ray knows. Points to literals. A
 * legacy segment may say another itself (aws.xray.origin). */
struct ray_str ray_origin_of(const struct ray_facts *resource);

#endif
