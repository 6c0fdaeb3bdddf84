/*
 * resource: what the spans of one ResourceSpans share, prepared once and copied into each document.
 *
 * Parts that don't depend on the span are kept as JSON text. Lives as long as the request's arena.
 */
#ifndef RAY_TRANSLATE_RESOURCE_H
#define RAY_TRANSLATE_RESOURCE_H

#include "core/buf.h"
#include "translate/facts.h"
#include "translate/value.h"

/* A resource attribute as it appears in documents. */
struct ray_resource_item {
    struct ray_str name;           /* "otel.resource." and the key */
    struct ray_str annotation_key; /* empty: its kind cannot become an annotation */
    const struct ray_value *value;
    bool indexed;     /* by the configuration */
    uint8_t indexing; /* enum ray_indexing: how */
    bool superseded;  /* the same name comes again */
    bool left_out;    /* of `metadata`, since its name comes again there */
};

struct ray_resource {
    struct ray_facts facts;
    struct ray_str origin;
    struct ray_str language;   /* telemetry.sdk.language */
    struct ray_str arn;        /* aws.xray.resource_arn */
    struct ray_str service;    /* the field's JSON value, empty: none */
    bool on_aws;               /* or nowhere in particular: documents get an aws block */
    struct ray_str account_id; /* of the resource */
    struct ray_str aws;        /* the block's members that no span changes */
    struct ray_resource_item *items;
    size_t item_count;
    size_t annotation_count;    /* items that are annotations when no span interferes, about */
    bool has_renamed;           /* some become annotations that span attributes may be, too */
    struct ray_str annotations; /* the items as members, when no span interferes */
    struct ray_str metadata;
    struct ray_str attributes; /* all of them as one object: for `preserve: all` */
};

struct ray_resource_options {
    const struct ray_names *names;
    const struct ray_str *log_groups;
    size_t log_group_count;
    bool index_all;
    bool preserve_all;
};

/* RAY_NOMEM: the arena is used up. */
RAY_MUST_USE enum ray_status ray_resource_prepare(const struct ray_resource_spans *spans,
                                                  const struct ray_resource_options *options,
                                                  struct ray_arena *arena,
                                                  struct ray_resource *out);

#endif
