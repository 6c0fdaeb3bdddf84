/* facts: see facts.h. */
#include "translate/facts.h"

#define RESOURCE_PREFIX   RAY_STR("otel.resource.")
#define METADATA_PREFIX   RAY_STR("aws.xray.metadata.")
#define ANNOTATION_PREFIX RAY_STR("aws.xray.annotation.")

/* The smallest power of two with at least two slots per item, so that probing ends soon. */
static size_t table_slots(size_t count)
{
    size_t slots = 16;
    while (slots < count * 2) {
        slots *= 2;
    }
    return slots;
}

enum ray_status ray_facts_scratch_reserve(struct ray_facts_scratch *scratch,
                                          struct ray_arena *arena, size_t count)
{
    if (count <= scratch->capacity && scratch->table != NULL) {
        return RAY_OK;
    }
    size_t capacity = table_slots(count) / 2;
    struct ray_facts_scratch more = {
        RAY_ARENA_ARRAY(arena, struct ray_note, capacity),
        RAY_ARENA_ARRAY(arena, uint32_t, table_slots(capacity)),
        RAY_ARENA_ARRAY(arena, uint64_t, capacity),
        capacity,
    };
    if (more.notes == NULL || more.table == NULL || more.hashes == NULL) {
        return RAY_NOMEM;
    }
    *scratch = more;
    return RAY_OK;
}

/* Marks an earlier attribute with the same key, if there is one. */
static void note_duplicate(struct ray_facts *facts, struct ray_facts_scratch *scratch, size_t mask,
                           size_t index)
{
    uint64_t hash = scratch->hashes[index];
    size_t at = (hash >> 32) & mask; /* other bits than the name lookup uses */
    while (scratch->table[at] != 0) {
        size_t earlier = scratch->table[at] - 1;
        if (scratch->hashes[earlier] == hash &&
            ray_str_eq(facts->items[earlier].key, facts->items[index].key)) {
            facts->notes[earlier].superseded = true;
            facts->has_duplicates = true;
            break;
        }
        at = (at + 1) & mask;
    }
    scratch->table[at] = (uint32_t)index + 1;
}

static void note_name(struct ray_facts *facts, const struct ray_name *name, size_t index)
{
    facts->notes[index].key = (uint8_t)name->key;
    facts->notes[index].indexing = name->indexed ? RAY_INDEXED_BY_NAME : RAY_INDEXED_NOT;
    facts->notes[index].annotation_key = name->renamed;
    if (facts->first[name->key] == 0) {
        facts->first[name->key] = (uint32_t)index + 1;
    }
    facts->last[name->key] = (uint32_t)index + 1;
}

static void note_patterns(struct ray_facts *facts, const struct ray_names *names)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->notes[i].indexing == RAY_INDEXED_NOT) {
            facts->notes[i].indexing =
                (uint8_t)ray_names_indexing(names, NULL, facts->items[i].key);
        }
    }
}

/* The first byte decides nearly always. */
static void note_prefix(struct ray_facts *facts, struct ray_str key)
{
    if (key.len < RESOURCE_PREFIX.len) { /* the shorter of the two */
        return;
    }
    if (key.ptr[0] == 'o') {
        facts->has_resource_names |= ray_str_starts_with(key, RESOURCE_PREFIX);
    } else if (key.ptr[0] == 'a') {
        facts->has_metadata_names |= ray_str_starts_with(key, METADATA_PREFIX);
        facts->has_annotation_names |= ray_str_starts_with(key, ANNOTATION_PREFIX);
    }
}

void ray_facts_gather(struct ray_facts *facts, const struct ray_attributes *attributes,
                      const struct ray_names *names, struct ray_facts_scratch *scratch)
{
    memset(facts, 0, sizeof(*facts));
    facts->items = attributes->items;
    facts->count = attributes->count;
    facts->notes = scratch->notes;
    size_t slots = table_slots(attributes->count);
    memset(scratch->table, 0, slots * sizeof(scratch->table[0]));
    for (size_t i = 0; i < attributes->count; i++) {
        struct ray_str key = attributes->items[i].key;
        scratch->hashes[i] = ray_str_hash(key, names->seed);
        facts->notes[i] = (struct ray_note){0};
        const struct ray_name *name = ray_names_find(names, key, scratch->hashes[i]);
        if (name != NULL) {
            note_name(facts, name, i);
        }
        note_duplicate(facts, scratch, slots - 1, i);
        facts->has_unset |= attributes->items[i].value.kind == RAY_VALUE_NONE;
        note_prefix(facts, key);
    }
    if (names->pattern_count > 0) {
        note_patterns(facts, names);
    }
    /* names that are configured but not in the table all met at index 0 */
    facts->first[RAY_KEY_NONE] = facts->last[RAY_KEY_NONE] = 0;
}
