/*
 * preserve: what X-Ray has no field for, as metadata namespaces of our own (`preserve: all`).
 *
 * otel.events [{name, time, attributes}], otel.scope {name, version, attributes, schema_url},
 * otel.span {kind, status, status_message, trace_state, flags, dropped counts}. What another rule
 * took is not repeated, what is empty is left out.
 */
#ifndef RAY_TRANSLATE_PRESERVE_H
#define RAY_TRANSLATE_PRESERVE_H

#include "translate/cause.h"

struct ray_preserved {
    const struct ray_span *span;
    const struct ray_scope_spans *scope;
    const struct ray_shape *shape;
    const struct ray_cause *cause;
};

#define RAY_PRESERVE_NAMESPACES 3u

struct ray_str ray_preserve_name(size_t index);
/* False: the namespace would be empty. */
bool ray_preserve_has(const struct ray_preserved *preserved, size_t index);
/* The namespace's value. */
void ray_preserve_write(const struct ray_preserved *preserved, size_t index,
                        const struct ray_limits *limits, struct ray_arena *arena,
                        struct ray_json_writer *w);

#endif
