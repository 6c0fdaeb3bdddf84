/*
 * expand: ${...} in the values of a document, as the collector does it.
 *
 *     ${env:NAME}  ${NAME}       a variable; unset: empty, with a warning
 *     ${env:NAME:-fallback}      the fallback when unset
 *     ${file:PATH}               the text of a file, without the line break at its end
 *     ${yaml:TEXT}               the text itself
 *     $$                         a dollar
 *
 * References may stand inside references; what came from a variable or a file is expanded in turn,
 * at most RAY_EXPAND_MAX_DEPTH deep. A value that is wholly one reference becomes what its text
 * parses to (a number, a list, a map); text that is no YAML is taken as it is. Keys are not
 * expanded. Values that came from the environment are marked secret.
 */
#ifndef RAY_CONFIG_EXPAND_H
#define RAY_CONFIG_EXPAND_H

#include "config/yaml.h"

#define RAY_EXPAND_MAX_DEPTH      16u
#define RAY_EXPAND_MAX_REFERENCES 10000u

/* Expands the whole tree in place. RAY_INVALID with problems (all of them), or RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_expand(struct ray_yaml *root, struct ray_arena *arena,
                                        struct ray_problems *problems);

#endif
