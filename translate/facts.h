/*
 * facts: the attributes of one span or resource, sorted by meaning in one pass.
 *
 * Blocks (http, aws, sql, ...) ask for keys, never for names, and mark what they took with
 * ray_facts_consume: consumed attributes don't show up in metadata. A key that occurs twice has a
 * first and a last value; the rules say which one counts.
 */
#ifndef RAY_TRANSLATE_FACTS_H
#define RAY_TRANSLATE_FACTS_H

#include "proto/span.h"
#include "translate/semconv.h"

#include <string.h>

/* A bit of `place` beside those of annotation.c: part of it is not written as metadata, because its
 * name is taken. Known once the metadata is written. */
#define RAY_PLACE_CLASHED 4u

/* What was found out about one attribute. */
struct ray_note {
    uint8_t key;      /* enum ray_key */
    uint8_t indexing; /* enum ray_indexing */
    bool superseded;  /* the same key stands again further behind, or it is not to be seen */
    uint8_t place;    /* bits of annotation.c: where it is written */
    struct ray_str annotation_key; /* when it becomes an annotation; set early: it is renamed */
};

struct ray_facts {
    const struct ray_attribute *items;
    size_t count;
    struct ray_note *notes;        /* one per item */
    bool has_duplicates;           /* some key comes again */
    bool has_unset;                /* some value is not set */
    bool has_resource_names;       /* some key starts with "otel.resource." */
    bool has_metadata_names;       /* some key starts with "aws.xray.metadata." */
    bool has_annotation_names;     /* some key starts with "aws.xray.annotation." */
    bool consumed[RAY_KEY_COUNT];  /* by a block */
    uint32_t first[RAY_KEY_COUNT]; /* 1 + index of the item, 0: absent */
    uint32_t last[RAY_KEY_COUNT];
};

/* Memory for gathering, reused from span to span. */
struct ray_facts_scratch {
    struct ray_note *notes;
    uint32_t *table; /* 1 + index of the last item seen with a hash */
    uint64_t *hashes;
    size_t capacity; /* items that fit */
};

_Static_assert(RAY_KEY_COUNT <= UINT8_MAX, "struct ray_note holds a key in one byte");

/* Room for `count` attributes. RAY_NOMEM: the arena is used up. */
RAY_MUST_USE enum ray_status ray_facts_scratch_reserve(struct ray_facts_scratch *scratch,
                                                       struct ray_arena *arena, size_t count);
/* `scratch` must have room. The facts are valid until it is used again. */
void ray_facts_gather(struct ray_facts *facts, const struct ray_attributes *attributes,
                      const struct ray_names *names, struct ray_facts_scratch *scratch);

static inline bool ray_facts_has(const struct ray_facts *facts, enum ray_key key)
{
    return facts->first[key] != 0;
}

/* NULL when absent. */
static inline const struct ray_value *ray_facts_first(const struct ray_facts *facts,
                                                      enum ray_key key)
{
    return facts->first[key] ? &facts->items[facts->first[key] - 1].value : NULL;
}

static inline const struct ray_value *ray_facts_last(const struct ray_facts *facts,
                                                     enum ray_key key)
{
    return facts->last[key] ? &facts->items[facts->last[key] - 1].value : NULL;
}

static inline void ray_facts_consume(struct ray_facts *facts, enum ray_key key)
{
    facts->consumed[key] = true;
}

/* The string of a value: the empty view for NULL and for other kinds. */
static inline struct ray_str ray_value_string(const struct ray_value *value)
{
    return value != NULL && value->kind == RAY_VALUE_STRING ? value->as.string
                                                            : (struct ray_str){NULL, 0};
}

static inline struct ray_str ray_facts_string(const struct ray_facts *facts, enum ray_key key)
{
    return ray_value_string(ray_facts_first(facts, key));
}

static inline struct ray_str ray_facts_last_string(const struct ray_facts *facts, enum ray_key key)
{
    return ray_value_string(ray_facts_last(facts, key));
}

#endif
