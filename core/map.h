/*
 * map: from a view to a number or pointer, in an arena. Open addressing, no deletion.
 *
 * Keys are views; their bytes must outlive the map. Hashes are seeded by the caller where keys
 * come from outside. One thread at a time.
 */
#ifndef RAY_CORE_MAP_H
#define RAY_CORE_MAP_H

#include "core/arena.h"

struct ray_map_entry {
    struct ray_str key;
    union {
        uint64_t number;
        void *ptr;
        const void *const_ptr;
    } value;
    bool used;
};

struct ray_map {
    struct ray_arena *arena;
    struct ray_map_entry *entries; /* a power of two of them, or NULL */
    size_t capacity;
    size_t count;
    uint64_t seed;
};

void ray_map_init(struct ray_map *map, struct ray_arena *arena, uint64_t seed);
/* NULL when absent. The entry stays valid until the next put. */
struct ray_map_entry *ray_map_find(const struct ray_map *map, struct ray_str key);
/* Finds or adds; *added says which (may be NULL). NULL when out of memory. */
struct ray_map_entry *ray_map_put(struct ray_map *map, struct ray_str key, bool *added);

#endif
