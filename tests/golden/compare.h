/*
 * compare: segment documents against the expected ones of a golden case.
 *
 * Forgiven: order of keys and documents, 1 = 1.0, one microsecond at start_time and end_time, and
 * ids written "$rand:N". Nothing else: null is not absence, true is not 1, and text must be strict
 * JSON without a key twice in one object.
 */
#ifndef RAY_TESTS_GOLDEN_COMPARE_H
#define RAY_TESTS_GOLDEN_COMPARE_H

#include "core/str.h"

#include <json-c/json.h>

struct golden_result {
    char why[400]; /* the first difference, "" when there is none */
};

/* `expected` is a JSON array. `subset`: only the fields given count (mode "limits"). */
struct golden_result golden_compare(struct json_object *expected, const struct ray_str *documents,
                                    size_t count, bool subset, size_t max_bytes);

#endif
