/* Does the arena hold its quota, align and zero what it gives, and reuse its memory? */
#include "tests/unit/check.h"

#include "core/arena.h"

static void memory_is_aligned_and_zeroed(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1 << 20);
    for (int round = 0; round < 3; round++) {
        for (size_t bytes = 0; bytes < 200; bytes++) {
            uint8_t *memory = ray_arena_alloc(arena, bytes);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 16, 0);
            for (size_t i = 0; i < bytes; i++) {
                assert_int_equal(memory[i], 0);
            }
            memset(memory, 0xff, bytes);
            char *text = ray_arena_alloc_text(arena, 3); /* puts the next one off balance */
            memset(text, 'x', 3);
        }
        ray_arena_reset(arena);
    }
    ray_arena_free(arena);
    ray_arena_free(NULL);
}

static void quota_holds(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(100000);
    size_t taken = 0;
    while (ray_arena_alloc(arena, 1000) != NULL) {
        taken += 1000;
    }
    assert_in_range(taken, 80000, 100000); /* blocks have ends, sanitizers have red zones */
    ray_arena_reset(arena);
    assert_null(ray_arena_alloc(arena, 100001));
    assert_null(ray_arena_alloc(arena, SIZE_MAX));
    assert_null(ray_arena_alloc(arena, SIZE_MAX - 8));
    assert_null(ray_arena_alloc_array(arena, SIZE_MAX / 4, 8));
    assert_non_null(ray_arena_alloc(arena, 50000)); /* a refusal breaks nothing */
    ray_arena_free(arena);
    arena = ray_arena_new(0);
    assert_null(ray_arena_alloc(arena, 1));
    ray_arena_free(arena);
}

static void a_limit_holds_until_the_reset(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(100000);
    ray_arena_limit(arena, 20000);
    assert_null(ray_arena_alloc(arena, 20001));
    assert_non_null(ray_arena_alloc(arena, 15000));
    ray_arena_limit(arena, 1000); /* below what is held */
    assert_null(ray_arena_alloc(arena, 19000));
    ray_arena_reset(arena);
    assert_non_null(ray_arena_alloc(arena, 50000));
    ray_arena_reset(arena);
    ray_arena_limit(arena, SIZE_MAX); /* the quota stays */
    assert_null(ray_arena_alloc(arena, 100001));
    ray_arena_free(arena);
}

static void copies_and_text(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(10000);
    struct ray_str copy = ray_arena_copy(arena, RAY_STR("a\0b"));
    CHECK_VIEW(copy, RAY_STR("a\0b"));
    assert_int_equal(copy.ptr[3], '\0');
    CHECK_STR(ray_arena_copy(arena, (struct ray_str){NULL, 0}), "");
    assert_string_equal(ray_arena_copy_cstr(arena, RAY_STR("text")), "text");
    CHECK_STR(ray_arena_printf(arena, "%s-%d", "x", 12), "x-12");
    CHECK_STR(ray_arena_printf(arena, "%s", ""), "");
    assert_null(ray_arena_printf(arena, "%20000d", 1).ptr);
    assert_null(ray_arena_copy_cstr(arena, (struct ray_str){"", SIZE_MAX}));
    ray_arena_free(arena);
}

/* Steady traffic must not pay for malloc again, even when each request ends on a large block. */
static void a_block_is_kept_between_requests(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(4 << 20);
    const char *first = ray_arena_alloc(arena, 100);
    ray_arena_reset(arena);
    assert_ptr_equal(ray_arena_alloc(arena, 100), first);
    assert_non_null(ray_arena_alloc(arena, 1 << 20)); /* a block too large to keep, in front */
    ray_arena_reset(arena);
    assert_ptr_equal(ray_arena_alloc(arena, 100), first);
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_zeroed),     cmocka_unit_test(quota_holds),
        cmocka_unit_test(a_limit_holds_until_the_reset),    cmocka_unit_test(copies_and_text),
        cmocka_unit_test(a_block_is_kept_between_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
