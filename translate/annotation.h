/*
 * annotation: what no block took, as annotations (indexed by X-Ray) and metadata (kept).
 *
 * Nothing disappears: what cannot be an annotation is metadata.
 */
#ifndef RAY_TRANSLATE_ANNOTATION_H
#define RAY_TRANSLATE_ANNOTATION_H

#include "core/map.h"
#include "translate/preserve.h"
#include "translate/resource.h"
#include "translate/shape.h"

/* True for the kinds that annotations have: string, number, bool. */
bool ray_annotation_fits(const struct ray_value *value);
/* The key with every character outside A-Za-z0-9._ as "_", at most RAY_ANNOTATION_KEY_MAX_CHARS
 * long. `name` itself when nothing has to be done; the NULL view when out of memory. */
struct ray_str ray_annotation_key(struct ray_str name, struct ray_arena *arena);
/* The same into `out`: as long as the name, or RAY_ANNOTATION_KEY_MAX_CHARS bytes; may be the name
 * itself. */
struct ray_str ray_annotation_key_clean(struct ray_str name, char *out);

/* A metadata namespace that came as JSON (attribute aws.xray.metadata.NAME). */
struct ray_namespace {
    size_t item; /* of the facts */
    struct ray_str name;
    struct ray_value value; /* MAP or NONE */
    struct ray_namespace *next;
};

/* What is done with the attributes of one document. */
struct ray_annotation_rules {
    bool index_all;
    uint32_t budget;    /* annotations that stay such; 0: all */
    bool with_resource; /* segments carry the resource, subsegments don't */
    bool restores;      /* of a segment: aws.xray.field.* goes back to its place (restore.h) */
    bool only_resource_names;        /* metadata of the service segment of a local root */
    struct ray_preserved *preserved; /* NULL: `preserve: none` */
};

/* Where each attribute of one document goes. */
struct ray_annotations {
    struct ray_annotation_rules rules;
    const struct ray_facts *facts;
    const struct ray_resource *resource;
    struct ray_arena *arena;
    struct ray_arena *scratch; /* of one writing: `arena`, or one that is emptied in between */
    bool interferes;           /* the resource's prepared text cannot be used */
    struct ray_map listed;     /* names in the attribute aws.xray.annotations */
    struct ray_map taken;      /* annotation keys in use, when keys may collide */
    uint8_t *item_places;      /* of the resource's items, once they had to be decided */
    uint32_t over_budget;      /* annotations that are metadata instead */
    bool restores;             /* there are some that go back to their place */
    struct ray_namespace *namespaces;
    bool failed; /* the arena is used up */
};

/* Decides; marks the facts' notes. */
struct ray_annotations ray_annotations_collect(struct ray_facts *facts,
                                               const struct ray_resource *resource,
                                               const struct ray_annotation_rules *rules,
                                               struct ray_arena *arena);
/* The fields `annotations` and `metadata`, each with its key, each only when it has something. */
void ray_annotations_write(struct ray_annotations *annotations, const struct ray_limits *limits,
                           struct ray_json_writer *w);
void ray_metadata_write(struct ray_annotations *annotations, const struct ray_limits *limits,
                        struct ray_json_writer *w);

/* The members that a resource adds to any segment that does not interfere. False: no memory. */
bool ray_annotations_write_resource(const struct ray_resource *resource, struct ray_arena *arena,
                                    struct ray_json_writer *w);
/* Likewise, and marks the items that are left out. */
bool ray_metadata_write_resource(struct ray_resource *resource, struct ray_arena *arena,
                                 struct ray_json_writer *w);

#endif
