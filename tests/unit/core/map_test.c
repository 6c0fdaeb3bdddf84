/* Does the map find what was put, and nothing else, while it grows? */
#include "tests/unit/check.h"

#include "core/map.h"

static void finds_what_was_put(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(4 << 20);
    struct ray_map map;
    ray_map_init(&map, arena, 12345);
    assert_null(ray_map_find(&map, RAY_STR("0")));
    for (uint64_t i = 0; i < 5000; i++) {
        bool added = false;
        struct ray_str key = ray_arena_printf(arena, "%u", (unsigned)i);
        struct ray_map_entry *entry = ray_map_put(&map, key, &added);
        assert_non_null(entry);
        assert_true(added);
        entry->value.number = i;
    }
    assert_int_equal(map.count, 5000);
    for (uint64_t i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "%u", (unsigned)i);
        struct ray_map_entry *entry = ray_map_find(&map, ray_str_from(key));
        assert_non_null(entry);
        assert_int_equal(entry->value.number, i);
        bool added = true;
        assert_ptr_equal(ray_map_put(&map, ray_str_from(key), &added), entry);
        assert_false(added);
    }
    assert_null(ray_map_find(&map, RAY_STR("5000")));
    assert_int_equal(map.count, 5000);
    ray_arena_free(arena);
}

static void any_bytes_are_a_key(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(10000);
    struct ray_map map;
    ray_map_init(&map, arena, 0);
    int target = 0;
    ray_map_put(&map, (struct ray_str){NULL, 0}, NULL)->value.ptr = &target;
    ray_map_put(&map, RAY_STR("a\0b"), NULL)->value.number = 2;
    assert_ptr_equal(ray_map_find(&map, RAY_STR(""))->value.ptr, &target);
    assert_int_equal(ray_map_find(&map, RAY_STR("a\0b"))->value.number, 2);
    assert_null(ray_map_find(&map, RAY_STR("a\0c")));
    ray_arena_free(arena);
}

static void out_of_memory_leaves_it_whole(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1000);
    struct ray_map map;
    ray_map_init(&map, arena, 0);
    char keys[100][4];
    size_t put = 0;
    for (; put < 100; put++) {
        snprintf(keys[put], sizeof(keys[put]), "%zu", put);
        if (ray_map_put(&map, ray_str_from(keys[put]), NULL) == NULL) {
            break;
        }
    }
    assert_int_equal(put, 12); /* three quarters of the first table */
    assert_int_equal(map.count, put);
    for (size_t i = 0; i < put; i++) {
        assert_non_null(ray_map_find(&map, ray_str_from(keys[i])));
    }
    assert_null(ray_map_find(&map, ray_str_from(keys[put])));
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put),
        cmocka_unit_test(any_bytes_are_a_key),
        cmocka_unit_test(out_of_memory_leaves_it_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
