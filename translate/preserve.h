/*
 * preserve: what X-Ray has no field for, as metadata namespaces of our own (`preserve: all`).
 *
 *   otel.events    [{name, time, attributes, dropped_attributes_count}]: what is no exception
 *   otel.scope     {name, version, attributes, schema_url, dropped_attributes_count}
 *   otel.resource  {attributes, duplicate_attributes, unset_attributes, schema_url,
 *                  dropped_attributes_count}; the attributes on subsegments, where no other rule
 *                  writes them
 *   otel.span      the table `members` in preserve.c: kind, status, trace state, ..., and what
 *                  blocks took without writing it
 *
 * What another rule wrote is not repeated, what is empty is left out.
 */
#ifndef RAY_TRANSLATE_PRESERVE_H
#define RAY_TRANSLATE_PRESERVE_H

#include "translate/resource.h"
#include "translate/shown.h"

struct ray_preserved {
    const struct ray_span *span;
    const struct ray_scope_spans *scope;
    const struct ray_resource_spans *resource_spans;
    const struct ray_resource *resource; /* the same, prepared */
    const uint8_t *item_places;          /* of its items; NULL: none clashed */
    const struct ray_shape *shape;
    const struct ray_facts *facts; /* with each attribute's place decided */
    struct ray_str name;           /* of the document */
    struct ray_shown shown;
};

#define RAY_PRESERVE_NAMESPACES 4u

struct ray_str ray_preserve_name(size_t index);
/* False: the namespace would be empty. */
bool ray_preserve_has(const struct ray_preserved *preserved, size_t index);
/* The namespace's value. */
void ray_preserve_write(const struct ray_preserved *preserved, size_t index,
                        const struct ray_limits *limits, struct ray_arena *arena,
                        struct ray_json_writer *w);

#endif
