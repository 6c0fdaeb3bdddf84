/*
 * config: from `--config` and `--set` to a checked list of components and pipelines.
 *
 * Reads otelcol's YAML: locations (path, file:, env:NAME, yaml:TEXT), several merged in order (maps
 * merge, lists and scalars replace), --set a.b=v on top, ${env:NAME}, ${NAME},
 * ${env:NAME:-fallback}, ${file:path}, ${yaml:text} expanded, $$ a literal dollar; a value that is
 * wholly one reference keeps the type of its parsed text. Knows sections, component ids and
 * pipelines; what a component's own keys mean is its table's business (options.h).
 *
 * The steps, each a module: location (where text comes from), yaml (text to tree), tree (merge),
 * expand (${...}), config (what the tree means), print. Problems and secrets stand beside.
 */
#ifndef RAY_CONFIG_CONFIG_H
#define RAY_CONFIG_CONFIG_H

#include "config/options.h"

enum ray_section {
    RAY_SECTION_RECEIVER,
    RAY_SECTION_PROCESSOR,
    RAY_SECTION_EXPORTER,
    RAY_SECTION_EXTENSION,
    RAY_SECTION_CONNECTOR,
    RAY_SECTION_COUNT
};
const char *ray_section_name(enum ray_section section); /* "receivers", ... */

struct ray_config_component {
    struct ray_str id;   /* "otlp/two" */
    struct ray_str type; /* "otlp" */
    struct ray_place place;
    const struct ray_yaml *options; /* NULL or RAY_YAML_NULL: all defaults */
};

struct ray_config_reference {
    struct ray_str id;
    struct ray_place place;
    const struct ray_config_component *component; /* in a pipeline perhaps a connector */
};

struct ray_config_pipeline {
    struct ray_str id;     /* "traces/main" */
    struct ray_str signal; /* "traces", "metrics", "logs" */
    struct ray_place place;
    struct ray_config_reference *receivers, *processors, *exporters;
    size_t receiver_count, processor_count, exporter_count;
};

struct ray_config {
    struct ray_config_component *components[RAY_SECTION_COUNT];
    size_t component_count[RAY_SECTION_COUNT];
    struct ray_config_pipeline *pipelines;
    size_t pipeline_count;
    struct ray_config_reference *extensions; /* service.extensions */
    size_t extension_count;
    const struct ray_yaml *telemetry; /* service.telemetry, or NULL */
    const struct ray_yaml *service;   /* without extensions, pipelines, telemetry: what is left for
                                         the caller's table */
    const struct ray_yaml *root;
};

struct ray_config_source {
    const char *const *locations; /* of --config, in order */
    size_t location_count;
    const char *const *sets; /* of --set: "a.b.c=value" */
    size_t set_count;
    /* a built-in document to start from (`spanbridge local`), with its name; NULL: none */
    const char *builtin_text;
    const char *builtin_name;
};

/*
 * Loads, merges, expands and checks everything that needs no knowledge of component types:
 * unknown top-level sections, ids, references to components that are not defined, pipelines without
 * receivers or exporters, a missing service. All problems are reported; components that no pipeline
 * uses are a warning. RAY_INVALID, RAY_IO (a location cannot be read), RAY_NOMEM with problems set.
 * *out and its tree live in `arena`; the strings of `source` must live as long. With RAY_INVALID
 * *out is set all the same once there is a tree: its components can be checked then, so that one
 * run tells every mistake, but its pipelines are not complete. Otherwise it is untouched.
 */
RAY_MUST_USE enum ray_status ray_config_load(const struct ray_config_source *source,
                                             struct ray_arena *arena, struct ray_problems *problems,
                                             struct ray_config *out);

/* The merged, expanded document as YAML, secrets as ***. */
void ray_config_print(const struct ray_config *config, struct ray_buf *out);

#endif
