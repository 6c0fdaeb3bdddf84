/* What the tests of config share: an arena, problems, and a tree as text. */
#ifndef RAY_TESTS_CONFIG_CHECK_H
#define RAY_TESTS_CONFIG_CHECK_H

#include "config/config.h"

#include "tests/unit/check.h"

struct bench {
    struct ray_arena *arena;
    struct ray_problems problems;
};

static inline void bench_open(struct bench *bench)
{
    bench->arena = ray_arena_new(64u << 20);
    assert_non_null(bench->arena);
    ray_problems_init(&bench->problems);
}

static inline void bench_close(struct bench *bench)
{
    ray_problems_clear(&bench->problems);
    ray_arena_free(bench->arena);
}

/* Both at once, so that a failing case shows which it was. */
static inline void check_case(const char *name, struct ray_str got, const char *want)
{
    if (!ray_str_eq(got, ray_str_from(want))) {
        fail_msg("%s\ngot:\n%.*s\nwant:\n%s\n", name, RAY_STR_ARG(got), want);
    }
}

static inline void check_tree(const char *name, const struct ray_yaml *tree, const char *want)
{
    struct ray_buf text;
    ray_buf_init(&text, 4u << 20);
    /* print starts at a list or map; anything else is shown as an entry */
    struct ray_yaml *items[] = {NULL};
    struct ray_yaml list = {.kind = RAY_YAML_LIST, .items = items, .count = 1};
    struct ray_yaml copy = *tree;
    items[0] = &copy;
    bool is_container = tree->kind == RAY_YAML_LIST || tree->kind == RAY_YAML_MAP;
    ray_config_print(&(struct ray_config){.root = is_container ? tree : &list}, &text);
    check_case(name, ray_buf_str(&text), want);
    ray_buf_clear(&text);
}

#endif
