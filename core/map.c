/* map: see map.h. Linear probing; at most three quarters full, so that a probe ends soon. */
#include "core/map.h"

#define FIRST_CAPACITY 16u

void ray_map_init(struct ray_map *map, struct ray_arena *arena, uint64_t seed)
{
    *map = (struct ray_map){.arena = arena, .seed = seed};
}

/* The entry of `key`, or the free one where it belongs. `capacity` > 0. */
static struct ray_map_entry *probe(const struct ray_map *map, struct ray_str key)
{
    size_t mask = map->capacity - 1;
    size_t at = (size_t)ray_str_hash(key, map->seed) & mask;
    while (map->entries[at].used && !ray_str_eq(map->entries[at].key, key)) {
        at = (at + 1) & mask;
    }
    return &map->entries[at];
}

struct ray_map_entry *ray_map_find(const struct ray_map *map, struct ray_str key)
{
    if (map->capacity == 0) {
        return NULL;
    }
    struct ray_map_entry *entry = probe(map, key);
    return entry->used ? entry : NULL;
}

/* The smaller table stays in the arena until its reset: doubling wastes as much as is in use. */
static bool grow(struct ray_map *map)
{
    struct ray_map bigger = *map;
    bigger.capacity = map->capacity > 0 ? map->capacity * 2 : FIRST_CAPACITY;
    bigger.entries = RAY_ARENA_ARRAY(map->arena, struct ray_map_entry, bigger.capacity);
    if (bigger.entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->entries[i].used) {
            *probe(&bigger, map->entries[i].key) = map->entries[i];
        }
    }
    *map = bigger;
    return true;
}

struct ray_map_entry *ray_map_put(struct ray_map *map, struct ray_str key, bool *added)
{
    struct ray_map_entry *entry = ray_map_find(map, key);
    bool is_new = entry == NULL;
    if (is_new) {
        if (map->count >= map->capacity / 4 * 3 && !grow(map)) {
            return NULL;
        }
        entry = probe(map, key);
        *entry = (struct ray_map_entry){.key = key, .used = true};
        map->count++;
    }
    if (added != NULL) {
        *added = is_new;
    }
    return entry;
}
