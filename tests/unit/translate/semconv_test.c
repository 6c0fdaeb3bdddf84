/* Is each name found, and nothing else; and are duplicates sorted into first and last? */
#include "tests/unit/check.h"
#include "translate/facts.h"

static const struct ray_index_entry indexed[] = {
    {.name = RAY_STR_INIT("app.tenant")},
    {.name = RAY_STR_INIT("http.method")},
    {.name = RAY_STR_INIT("")},
};

static const struct ray_name *find(const struct ray_names *names, struct ray_str text)
{
    return ray_names_find(names, text, ray_str_hash(text, names->seed));
}

static void every_name_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct ray_names names;
        CHECK_OK(ray_names_init(&names, indexed, 3, seed));
        for (unsigned key = RAY_KEY_NONE + 1; key < RAY_KEY_COUNT; key++) {
            const struct ray_name *name = find(&names, ray_semconv_name((enum ray_key)key));
            assert_non_null(name);
            assert_int_equal(name->key, key);
            assert_int_equal(name->indexed, key == RAY_KEY_HTTP_METHOD);
        }
        assert_true(find(&names, RAY_STR("app.tenant"))->indexed);
        assert_int_equal(find(&names, RAY_STR("app.tenant"))->key, RAY_KEY_NONE);
        assert_true(find(&names, RAY_STR(""))->indexed);
        assert_null(find(&names, RAY_STR("http.metho")));
        assert_null(find(&names, RAY_STR("HTTP.METHOD")));
        ray_names_clear(&names);
    }
}

static void names_come_before_patterns(void **state)
{
    (void)state;
    static const struct ray_index_entry entries[] = {
        {.name = RAY_STR_INIT("app.*"), .is_pattern = true},
        {.name = RAY_STR_INIT("app.a"), .renamed = RAY_STR_INIT("a")},
        {.name = RAY_STR_INIT("app.a")},
    };
    struct ray_names names;
    CHECK_OK(ray_names_init(&names, entries, 3, 7));
    const struct ray_name *name = find(&names, RAY_STR("app.a"));
    CHECK_STR(name->renamed, "a");
    assert_int_equal(ray_names_indexing(&names, name, RAY_STR("app.a")), RAY_INDEXED_BY_NAME);
    assert_int_equal(ray_names_indexing(&names, NULL, RAY_STR("app.b")), RAY_INDEXED_BY_PATTERN);
    assert_int_equal(ray_names_indexing(&names, NULL, RAY_STR("app")), RAY_INDEXED_NOT);
    ray_names_clear(&names);
}

static void gather_sorts_duplicates(void **state)
{
    (void)state;
    const struct ray_attribute items[] = {
        {RAY_STR_INIT("a"), {.kind = RAY_VALUE_INT, .as.integer = 1}},
        {RAY_STR_INIT("http.method"), {.kind = RAY_VALUE_INT, .as.integer = 2}},
        {RAY_STR_INIT("a"), {.kind = RAY_VALUE_INT, .as.integer = 3}},
        {RAY_STR_INIT("http.method"), {.kind = RAY_VALUE_INT, .as.integer = 4}},
        {RAY_STR_INIT("otel.resource.x"), {.kind = RAY_VALUE_NONE}},
    };
    const struct ray_attributes attributes = {items, 5};
    struct ray_arena *arena = ray_arena_new(1 << 20);
    struct ray_facts_scratch scratch = {0};
    struct ray_names names;
    struct ray_facts facts;
    CHECK_OK(ray_names_init(&names, NULL, 0, 5));
    CHECK_OK(ray_facts_scratch_reserve(&scratch, arena, 5));
    ray_facts_gather(&facts, &attributes, &names, &scratch);
    assert_int_equal(ray_facts_first(&facts, RAY_KEY_HTTP_METHOD)->as.integer, 2);
    assert_int_equal(ray_facts_last(&facts, RAY_KEY_HTTP_METHOD)->as.integer, 4);
    assert_null(ray_facts_first(&facts, RAY_KEY_URL_PATH));
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(facts.notes[i].superseded, i < 2);
    }
    assert_true(facts.has_resource_names);
    assert_false(facts.has_metadata_names);
    ray_names_clear(&names);
    ray_arena_free(arena);
}

static void many_attributes_cost_no_square(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct ray_arena *arena = ray_arena_new(64 << 20);
    struct ray_attribute *items = RAY_ARENA_ARRAY(arena, struct ray_attribute, MANY);
    for (size_t i = 0; i < MANY; i++) {
        items[i].key = ray_arena_printf(arena, "key.%zu", i % (MANY / 2));
    }
    const struct ray_attributes attributes = {items, MANY};
    struct ray_facts_scratch scratch = {0};
    struct ray_names names;
    struct ray_facts facts;
    CHECK_OK(ray_names_init(&names, NULL, 0, 5));
    CHECK_OK(ray_facts_scratch_reserve(&scratch, arena, MANY));
    ray_facts_gather(&facts, &attributes, &names, &scratch);
    assert_true(facts.notes[0].superseded);
    assert_false(facts.notes[MANY - 1].superseded);
    ray_names_clear(&names);
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found),
        cmocka_unit_test(names_come_before_patterns),
        cmocka_unit_test(gather_sorts_duplicates),
        cmocka_unit_test(many_attributes_cost_no_square),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
