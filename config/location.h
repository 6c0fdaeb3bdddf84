/*
 * location: where a configuration comes from: a path, file:, env:NAME, yaml:TEXT, and --set.
 *
 * The collector's spellings (opentelemetry.io, collector configuration, "Locations"). http:, https:
 * and s3: are refused: a program that holds AWS credentials does not load its orders from the
 * network. Reads at most RAY_YAML_MAX_BYTES.
 */
#ifndef RAY_CONFIG_LOCATION_H
#define RAY_CONFIG_LOCATION_H

#include "config/yaml.h"

/*
 * The document at `location`, a map or a NULL node; top-level keys such as "a::b" unfolded. Places
 * name the file, "(env:NAME)" or "(yaml)".
 *   RAY_IO       it cannot be read (a problem says why)
 *   RAY_INVALID  it is no configuration
 */
RAY_MUST_USE enum ray_status ray_location_load(const char *location, struct ray_arena *arena,
                                               struct ray_problems *problems,
                                               struct ray_yaml **out);

/* Text that stands for the document itself, as `name` in places. */
RAY_MUST_USE enum ray_status ray_location_parse(struct ray_str text, const char *name,
                                                struct ray_arena *arena,
                                                struct ray_problems *problems,
                                                struct ray_yaml **out);

/* "a.b.c=value", the value in YAML, as the map {a: {b: {c: value}}} placed at "(--set)". */
RAY_MUST_USE enum ray_status ray_location_set(const char *argument, struct ray_arena *arena,
                                              struct ray_problems *problems, struct ray_yaml **out);

/* The text of a file, NUL-terminated in the arena. RAY_IO (errno), RAY_TOO_BIG above
 * RAY_YAML_MAX_BYTES, RAY_NOMEM. Pipes and devices are read to their end. */
RAY_MUST_USE enum ray_status ray_location_read_file(const char *path, struct ray_arena *arena,
                                                    struct ray_str *out);

#endif
