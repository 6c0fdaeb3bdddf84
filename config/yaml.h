/*
 * yaml: a document as a tree that remembers where everything stood.
 *
 * libyaml's event interface behind it. Anchors and aliases are followed (bounded: an alias bomb is
 * an error), merge keys ("<<") too; duplicate keys in one map are an error. At most 1 MiB of text,
 * 64 levels, 100,000 nodes. The tree lives in the arena. Immutable after parsing, except through
 * config's merge.
 */
#ifndef RAY_CONFIG_YAML_H
#define RAY_CONFIG_YAML_H

#include "core/arena.h"
#include "core/buf.h"

enum ray_yaml_kind { RAY_YAML_NULL, RAY_YAML_SCALAR, RAY_YAML_LIST, RAY_YAML_MAP };

/* Where a thing was written. `file` is "(--set)" or "(env:NAME)" and the like when not in a file.
 */
struct ray_place {
    const char *file;
    uint32_t line;   /* from 1; 0: unknown */
    uint32_t column; /* from 1 */
};

struct ray_yaml_pair;

struct ray_yaml {
    enum ray_yaml_kind kind;
    struct ray_place place;
    struct ray_str text;         /* SCALAR, after ${...} expansion */
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

/* What is wrong with a configuration, one message per failed condition, each with its place:
 * "collector.yaml:7:5: exporters.awsxray.regoin: unknown key, did you mean 'region'?" */
struct ray_problems {
    struct ray_arena *arena;
    struct ray_buf text; /* lines, each ended by \n */
    uint32_t count;      /* errors */
    uint32_t warnings;
    struct ray_buf warning_text; /* the same for what is accepted without effect */
};
void ray_problems_init(struct ray_problems *problems);
void ray_problems_clear(struct ray_problems *problems);
void ray_problem(struct ray_problems *problems, const struct ray_place *place, const char *format,
                 ...) RAY_PRINTF(3, 4);
void ray_problem_warn(struct ray_problems *problems, const struct ray_place *place,
                      const char *format, ...) RAY_PRINTF(3, 4);

/* RAY_INVALID with problems added. An empty document is a NULL node. */
RAY_MUST_USE enum ray_status ray_yaml_parse(struct ray_str text, const char *file,
                                            struct ray_arena *arena, struct ray_problems *problems,
                                            struct ray_yaml **out);
/* The value of `key` in a MAP, or NULL (also when `node` is no map or NULL). */
struct ray_yaml *ray_yaml_get(const struct ray_yaml *node, struct ray_str key);

#endif
