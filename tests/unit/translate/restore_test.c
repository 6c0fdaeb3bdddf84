/* Do members that only a segment had go back to where they stood, and only there? */
#include "translate/restore.h"

#include "tests/unit/check.h"

#define ATTRIBUTES_MAX 4u

static struct ray_attribute text(const char *key, const char *value)
{
    return (struct ray_attribute){ray_str_from(key),
                                  {.kind = RAY_VALUE_STRING, .as.string = ray_str_from(value)}};
}

static void members_go_back(void **state)
{
    (void)state;
    static const struct {
        const char *document, *keys[ATTRIBUTES_MAX], *want;
    } cases[] = {
        {"{\"id\":\"1\"}", {"odd"}, "{\"id\":\"1\",\"odd\":\"v0\"}"},
        {"{\"sql\":{\"url\":\"u\"}}",
         {"sql.preparation"},
         "{\"sql\":{\"url\":\"u\",\"preparation\":\"v0\"}}"},
        {"{\"sql\":{\"url\":\"u\"},\"x\":[1]}",
         {"sql.url", "user"},
         "{\"sql\":{\"url\":\"v0\"},\"x\":[1],\"user\":\"v1\"}"},
        {"{}",
         {"aws.ec2.a", "aws.b", "http.request.c"},
         "{\"http\":{\"request\":{\"c\":\"v2\"}},\"aws\":{\"b\":\"v1\",\"ec2\":{\"a\":\"v0\"}}}"},
        {"{\"aws\":{\"ec2\":{\"z\":1}}}",
         {"aws.ec2", "aws.ec2.a"},
         "{\"aws\":{\"ec2\":\"v0\"}}"}, /* nobody writes both */
        {"{\"cause\":\"id\"}", {"cause.paths"}, "{\"cause\":\"id\"}"},
    };
    struct ray_arena *arena = ray_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_attribute items[ATTRIBUTES_MAX];
        struct ray_note notes[ATTRIBUTES_MAX] = {{0}};
        struct ray_facts facts = {.items = items, .notes = notes};
        struct ray_buf out;
        ray_buf_init(&out, 4096);
        for (; facts.count < ATTRIBUTES_MAX && cases[i].keys[facts.count] != NULL; facts.count++) {
            items[facts.count] =
                text(ray_arena_printf(arena, "aws.xray.field.%s", cases[i].keys[facts.count]).ptr,
                     ray_arena_printf(arena, "v%zu", facts.count).ptr);
        }
        assert_true(ray_restore_write(&facts, ray_str_from(cases[i].document), &ray_limits_none,
                                      arena, &out));
        CHECK_BUF(&out, cases[i].want);
        ray_buf_clear(&out);
    }
    ray_arena_free(arena);
}

static void what_names_a_document_is_never_replaced(void **state)
{
    (void)state;
    static const char *const not_taken[] = {"trace_id", "id",    "name",  "metadata",
                                            "links",    "fault", "cause", "subsegments"};
    assert_true(ray_restore_takes(RAY_STR("aws.xray.field.x")));
    assert_false(ray_restore_takes(RAY_STR("aws.xray.field.")));
    assert_false(ray_restore_takes(RAY_STR("aws.xray.fault")));
    for (size_t i = 0; i < sizeof(not_taken) / sizeof(not_taken[0]); i++) {
        char key[64];
        snprintf(key, sizeof(key), "aws.xray.field.%s", not_taken[i]);
        assert_false(ray_restore_takes(ray_str_from(key)));
    }
}

static void large_ones_are_left_out_and_noted(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1 << 20);
    const struct ray_attribute items[] = {text("aws.xray.field.a", "0123456789"),
                                          text("aws.xray.field.b", "0")};
    struct ray_note notes[2] = {{0}};
    struct ray_facts facts = {.items = items, .count = 2, .notes = notes};
    unsigned cuts = 0;
    struct ray_limits limits = ray_limits_none;
    struct ray_buf out;
    ray_buf_init(&out, 4096);
    limits.entry_bytes = 10;
    limits.cuts = &cuts;
    assert_true(ray_restore_write(&facts, RAY_STR("{\"c\":1}"), &limits, arena, &out));
    CHECK_BUF(&out, "{\"c\":1,\"b\":\"0\"}");
    assert_int_equal(cuts, 1u << RAY_CUT_METADATA);
    ray_buf_clear(&out);
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_go_back),
        cmocka_unit_test(what_names_a_document_is_never_replaced),
        cmocka_unit_test(large_ones_are_left_out_and_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
