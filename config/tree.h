/*
 * tree: what the rest of config does to parsed documents: lay one over another, and build the
 * nested maps that "a.b.c=value" and "a::b: value" stand for.
 */
#ifndef RAY_CONFIG_TREE_H
#define RAY_CONFIG_TREE_H

#include "config/yaml.h"

/*
 * Lays `over` over `base`: maps merge key by key, anything else replaces (a list too, and a null
 * over a map leaves an empty component). Uses up both trees; the result is in *base.
 */
RAY_MUST_USE enum ray_status ray_tree_merge(struct ray_yaml **base, struct ray_yaml *over,
                                            struct ray_arena *arena);

/* The map {part: {part: ... value}} for `path`, its parts separated by `separator`; all keys stand
 * at `place`. RAY_INVALID when a part is empty or there are more than RAY_YAML_MAX_LEVELS. */
RAY_MUST_USE enum ray_status ray_tree_wrap(struct ray_str path, struct ray_str separator,
                                           const struct ray_place *place, struct ray_yaml *value,
                                           struct ray_arena *arena, struct ray_yaml **out);

#endif
