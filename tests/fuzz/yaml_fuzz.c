/*
 * fuzz: any bytes may be a configuration: parsing ends, stays within its limits, and what was read
 * and printed reads back as the same tree.
 */
#include <assert.h>
#include <stdio.h>

#include "config/config.h"
#include "config/expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Counts nodes and checks that every view ends in a NUL, holds none, and nothing is too deep. */
static size_t check_tree(const struct ray_yaml *node, unsigned depth)
{
    assert(depth <= RAY_YAML_MAX_LEVELS);
    size_t nodes = 1;
    if (node->kind == RAY_YAML_SCALAR) {
        assert(node->text.ptr[node->text.len] == '\0');
        assert(strlen(node->text.ptr) == node->text.len);
    }
    for (size_t i = 0; i < node->count; i++) {
        nodes += check_tree(node->kind == RAY_YAML_LIST ? node->items[i] : node->pairs[i].value,
                            depth + 1);
    }
    return nodes;
}

static void check_print(struct ray_yaml *tree, struct ray_arena *arena)
{
    struct ray_problems problems;
    struct ray_buf once, twice;
    ray_problems_init(&problems);
    ray_buf_init(&once, 16u << 20);
    ray_buf_init(&twice, 16u << 20);
    ray_config_print(&(struct ray_config){.root = tree}, &once);
    struct ray_yaml *again;
    if (!once.failed && once.len < RAY_YAML_MAX_BYTES) {
        enum ray_status status =
            ray_yaml_parse(ray_buf_str(&once), "printed", arena, &problems, &again);
        if (status != RAY_OK && status != RAY_NOMEM) {
            fprintf(stderr, "%.*s\nprinted:\n%.*s\n", RAY_STR_ARG(ray_buf_str(&problems.text)),
                    RAY_STR_ARG(ray_buf_str(&once)));
        }
        assert(status == RAY_OK || status == RAY_NOMEM);
        if (status == RAY_OK && ray_expand(again, arena, &problems) == RAY_OK) {
            ray_config_print(&(struct ray_config){.root = again}, &twice);
            assert(ray_str_eq(ray_buf_str(&once), ray_buf_str(&twice)));
        }
    }
    ray_buf_clear(&once);
    ray_buf_clear(&twice);
    ray_problems_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ray_arena *arena = ray_arena_new(64u << 20);
    struct ray_problems problems;
    struct ray_yaml *tree = NULL;
    ray_problems_init(&problems);
    struct ray_str text = {(const char *)data, size};
    /* No ${file:...}: it would read this machine. */
    bool expands = ray_str_find(text, RAY_STR("file:")) == SIZE_MAX;
    if (ray_yaml_parse(text, "fuzz", arena, &problems, &tree) == RAY_OK) {
        assert(check_tree(tree, 0) <= RAY_YAML_MAX_NODES);
        if (expands && ray_expand(tree, arena, &problems) == RAY_OK) {
            check_print(tree, arena);
        }
    } else {
        assert(problems.count > 0);
    }
    ray_problems_clear(&problems);
    ray_arena_free(arena);
    return 0;
}
