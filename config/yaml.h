/*
 * yaml: a document as a tree that remembers where everything stood.
 *
 * libyaml's event interface behind it. Anchors and aliases are followed (copied, so that no node
 * has two parents; bounded: an alias bomb is an error), merge keys ("<<") too; duplicate keys in
 * one map are an error. At most 1 MiB of text, 64 levels, 100,000 nodes. The tree lives in the
 * arena. Immutable after parsing, except through config's merge and expansion. Knows no types
 * beyond "is it null": what a scalar means is the reading table's business (options.h).
 */
#ifndef RAY_CONFIG_YAML_H
#define RAY_CONFIG_YAML_H

#include "config/problems.h"
#include "core/arena.h"

#define RAY_YAML_MAX_BYTES  ((size_t)1024 * 1024)
#define RAY_YAML_MAX_LEVELS 64u
#define RAY_YAML_MAX_NODES  100000u

enum ray_yaml_kind { RAY_YAML_NULL, RAY_YAML_SCALAR, RAY_YAML_LIST, RAY_YAML_MAP };

struct ray_yaml_pair;

struct ray_yaml {
    enum ray_yaml_kind kind;
    struct ray_place place;
    /* SCALAR: after ${...} expansion, NUL-terminated, no NUL inside. LIST or MAP: empty, but the
     * text as it was written when the whole came from one reference, for keys that want text. */
    struct ray_str text;
    bool quoted;                 /* SCALAR in quotes: a string even when it looks like a number */
    bool secret;                 /* came from the environment: never printed */
    struct ray_yaml **items;     /* LIST */
    struct ray_yaml_pair *pairs; /* MAP, in order */
    size_t count;
};

struct ray_yaml_pair {
    struct ray_str key;
    struct ray_place place; /* of the key */
    struct ray_yaml *value; /* never NULL */
};

/* RAY_INVALID with problems added, or RAY_NOMEM. An empty document is a NULL node. `file` must
 * live as long as the tree. */
RAY_MUST_USE enum ray_status ray_yaml_parse(struct ray_str text, const char *file,
                                            struct ray_arena *arena, struct ray_problems *problems,
                                            struct ray_yaml **out);
/* The same for text that is part of something else (a --set value, a variable): every node and
 * message stands at `place`. */
RAY_MUST_USE enum ray_status ray_yaml_parse_at(struct ray_str text, const struct ray_place *place,
                                               struct ray_arena *arena,
                                               struct ray_problems *problems,
                                               struct ray_yaml **out);

/* The value of `key` in a MAP, or NULL (also when `node` is no map or NULL). */
struct ray_yaml *ray_yaml_get(const struct ray_yaml *node, struct ray_str key);

/* For messages: "nothing", "text", "a list", "a map". */
const char *ray_yaml_kind_name(enum ray_yaml_kind kind);

#endif
