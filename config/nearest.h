/*
 * nearest: "did you mean": the known word that a mistyped one is nearest to.
 */
#ifndef RAY_CONFIG_NEAREST_H
#define RAY_CONFIG_NEAREST_H

#include "core/str.h"

/*
 * The candidate nearest to `word` by edits (insert, delete, replace, swap neighbours; upper and
 * lower case alike), when near enough to be a slip: at most a third of its letters, at least one.
 * Else the empty view. Of equals the first. Single letters and words above 64 bytes are near to
 * nothing.
 */
struct ray_str ray_nearest_word(struct ray_str word, const struct ray_str *candidates,
                                size_t count);

#endif
