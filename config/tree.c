/* tree: see tree.h. */
#include "config/tree.h"

static struct ray_yaml_pair *find_pair(const struct ray_yaml *map, struct ray_str key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (ray_str_eq(map->pairs[i].key, key)) {
            return &map->pairs[i];
        }
    }
    return NULL;
}

static enum ray_status merge_maps(struct ray_yaml *base, const struct ray_yaml *over,
                                  struct ray_arena *arena)
{
    struct ray_yaml_pair *pairs =
        RAY_ARENA_ARRAY(arena, struct ray_yaml_pair, base->count + over->count);
    if (pairs == NULL) {
        return RAY_NOMEM;
    }
    for (size_t i = 0; i < base->count; i++) {
        pairs[i] = base->pairs[i];
    }
    base->pairs = pairs;
    for (size_t i = 0; i < over->count; i++) {
        struct ray_yaml_pair *same = find_pair(base, over->pairs[i].key);
        if (same == NULL) {
            base->pairs[base->count++] = over->pairs[i];
            continue;
        }
        same->place = over->pairs[i].place;
        enum ray_status status = ray_tree_merge(&same->value, over->pairs[i].value, arena);
        if (status != RAY_OK) {
            return status;
        }
    }
    return RAY_OK;
}

enum ray_status ray_tree_merge(struct ray_yaml **base, struct ray_yaml *over,
                               struct ray_arena *arena)
{
    if ((*base)->kind == RAY_YAML_MAP && over->kind == RAY_YAML_MAP) {
        return merge_maps(*base, over, arena);
    }
    *base = over;
    return RAY_OK;
}

static enum ray_status wrap_once(struct ray_str key, const struct ray_place *place,
                                 struct ray_yaml **value, struct ray_arena *arena)
{
    struct ray_yaml *map = RAY_ARENA_NEW(arena, struct ray_yaml);
    struct ray_yaml_pair *pair = RAY_ARENA_NEW(arena, struct ray_yaml_pair);
    struct ray_str copy = ray_arena_copy(arena, key);
    if (map == NULL || pair == NULL || copy.ptr == NULL) {
        return RAY_NOMEM;
    }
    *pair = (struct ray_yaml_pair){.key = copy, .place = *place, .value = *value};
    *map = (struct ray_yaml){.kind = RAY_YAML_MAP, .place = *place, .pairs = pair, .count = 1};
    *value = map;
    return RAY_OK;
}

/* Where the last part of `path` begins; 0 when it is the only one. */
static size_t last_part(struct ray_str path, struct ray_str separator)
{
    for (size_t end = path.len; end >= separator.len; end--) {
        if (ray_str_ends_with(ray_str_until(path, end), separator)) {
            return end;
        }
    }
    return 0;
}

enum ray_status ray_tree_wrap(struct ray_str path, struct ray_str separator,
                              const struct ray_place *place, struct ray_yaml *value,
                              struct ray_arena *arena, struct ray_yaml **out)
{
    struct ray_yaml *tree = value;
    for (unsigned level = 0; level < RAY_YAML_MAX_LEVELS; level++) {
        size_t from = last_part(path, separator);
        struct ray_str part = ray_str_from_pos(path, from);
        if (part.len == 0) {
            return RAY_INVALID;
        }
        enum ray_status status = wrap_once(part, place, &tree, arena);
        if (status != RAY_OK) {
            return status;
        }
        if (from == 0) {
            *out = tree;
            return RAY_OK;
        }
        path = ray_str_until(path, from - separator.len);
    }
    return RAY_INVALID;
}
