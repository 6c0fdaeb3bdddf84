/* semconv: see semconv.h. */
#include "translate/semconv.h"

#include <stdlib.h>

/* Slots per name: most lookups are misses, which end at the first free slot. */
#define SPARSENESS 4u

static const struct ray_str semconv_names[RAY_KEY_COUNT] = {
#define KEY_TEXT(name, text) [RAY_KEY_##name] = RAY_STR_INIT(text),
    RAY_SEMCONV(KEY_TEXT)
#undef KEY_TEXT
};

struct ray_str ray_semconv_name(enum ray_key key)
{
    return semconv_names[key];
}

/* The slot that holds `text`, or the free one where it belongs. */
static struct ray_name *find_slot(const struct ray_names *names, struct ray_str text, uint64_t hash)
{
    size_t at = hash & names->mask;
    while (names->slots[at].text.ptr != NULL && !ray_str_eq(names->slots[at].text, text)) {
        at = (at + 1) & names->mask;
    }
    return &names->slots[at];
}

static struct ray_name *add(struct ray_names *names, struct ray_str text)
{
    struct ray_name *slot = find_slot(names, text, ray_str_hash(text, names->seed));
    slot->text = text.ptr != NULL ? text : RAY_STR("");
    return slot;
}

static void add_indexed(struct ray_names *names, const struct ray_index_entry *entry)
{
    if (entry->is_pattern) {
        names->patterns[names->pattern_count++] = entry->name;
        return;
    }
    struct ray_name *name = add(names, entry->name);
    name->indexed = true;
    if (entry->renamed.len > 0) {
        name->renamed = entry->renamed;
    }
}

enum ray_status ray_names_init(struct ray_names *names, const struct ray_index_entry *indexed,
                               size_t indexed_count, uint64_t seed)
{
    size_t slots = 1;
    while (slots < (RAY_KEY_COUNT + indexed_count) * SPARSENESS) {
        slots *= 2;
    }
    *names = (struct ray_names){calloc(slots, sizeof(struct ray_name)), slots - 1, seed,
                                calloc(indexed_count + 1, sizeof(struct ray_str)), 0};
    if (names->slots == NULL || names->patterns == NULL) {
        ray_names_clear(names);
        return RAY_NOMEM;
    }
    for (unsigned key = RAY_KEY_NONE + 1; key < RAY_KEY_COUNT; key++) {
        add(names, semconv_names[key])->key = (enum ray_key)key;
    }
    for (size_t i = 0; i < indexed_count; i++) {
        add_indexed(names, &indexed[i]);
    }
    return RAY_OK;
}

void ray_names_clear(struct ray_names *names)
{
    free(names->slots);
    free(names->patterns);
    names->slots = NULL;
    names->patterns = NULL;
}

const struct ray_name *ray_names_find(const struct ray_names *names, struct ray_str text,
                                      uint64_t hash)
{
    const struct ray_name *slot = find_slot(names, text, hash);
    return slot->text.ptr != NULL ? slot : NULL;
}

enum ray_indexing ray_names_indexing(const struct ray_names *names, const struct ray_name *name,
                                     struct ray_str text)
{
    if (name != NULL && name->indexed) {
        return RAY_INDEXED_BY_NAME;
    }
    for (size_t i = 0; i < names->pattern_count; i++) {
        if (ray_pattern_matches(names->patterns[i], text)) {
            return RAY_INDEXED_BY_PATTERN;
        }
    }
    return RAY_INDEXED_NOT;
}
