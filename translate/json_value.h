/*
 * json_value: JSON text that arrived as an attribute, as a value.
 */
#ifndef RAY_TRANSLATE_JSON_VALUE_H
#define RAY_TRANSLATE_JSON_VALUE_H

#include "core/arena.h"
#include "proto/span.h"

/*
 * Integers that fit in 64 bits stay exact (D35), other numbers are doubles.
 *   RAY_INVALID  not JSON, deeper than RAY_VALUE_DEPTH_MAX, or a number no double can hold
 *   RAY_NOMEM    the arena is used up
 */
RAY_MUST_USE enum ray_status ray_value_from_json(struct ray_str text, struct ray_arena *arena,
                                                 struct ray_value *out);

#endif
