/*
 * shrink: what to give up of a document that is over 64 kB, and in which order (rule D34).
 */
#ifndef RAY_TRANSLATE_SHRINK_H
#define RAY_TRANSLATE_SHRINK_H

#include "translate/value.h"

/* We stay below both readings of "64 kB" (65,536 and 64,000 bytes). */
#define RAY_DOCUMENT_GOAL_BYTES 64000u

#define RAY_SHRINK_STEPS 50u

/* Step 0 gives up nothing; each further one a little more. When the last is not enough, all texts
 * are cut (abridge.h). */
const struct ray_limits *ray_shrink_step(size_t step);

#endif
