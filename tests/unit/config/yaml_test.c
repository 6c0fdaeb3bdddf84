/* Does the parser read YAML as written, remember the places, and refuse what could hurt? */
#include "tests/unit/config/config_check.h"

static const struct good_case {
    const char *name, *text, *tree;
} good_cases[] = {
    {"a map", "a: 1\nb: x y\n", "a: 1\nb: \"x y\"\n"},
    {"nested", "a:\n  b:\n    - 1\n    - {c: d}\n", "a:\n  b:\n    - 1\n    -\n      c: d\n"},
    {"flow", "{a: [1, [2]], b: {}, c: []}", "a:\n  - 1\n  -\n    - 2\nb: {}\nc: []\n"},
    {"empty file", "", "-\n"},
    {"only a comment", "# nothing\n", "-\n"},
    {"nulls", "a:\nb: ~\nc: null\nd: Null\ne: NULL\nf: 'null'\ng: ''\n",
     "a:\nb:\nc:\nd:\ne:\nf: \"null\"\ng: \"\"\n"},
    {"quoted stays text", "a: '5'\nb: \"6\"\nc: 7\n", "a: \"5\"\nb: \"6\"\nc: 7\n"},
    {"tag makes text", "a: !!str 5\nb: !!int 5\n", "a: \"5\"\nb: 5\n"},
    {"CRLF", "a: 1\r\nb:\r\n  - x\r\n", "a: 1\nb:\n  - x\n"},
    {"byte order mark",
     "\xef\xbb\xbf"
     "a: 1\n",
     "a: 1\n"},
    {"document marks", "---\na: 1\n...\n", "a: 1\n"},
    {"block text", "a: |\n  x\n  y\nb: >-\n  x\n  y\n", "a: \"x\\ny\\n\"\nb: \"x y\"\n"},
    {"alias", "a: &x {k: 1}\nb: *x\n", "a:\n  k: 1\nb:\n  k: 1\n"},
    {"scalar alias", "a: &x 5\nb: [*x, *x]\n", "a: 5\nb:\n  - 5\n  - 5\n"},
    {"anchor given twice: the last one", "a: &x 1\nb: &x 2\nc: *x\n", "a: 1\nb: 2\nc: 2\n"},
    {"merge key", "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n",
     "a:\n  k: 1\n  l: 2\nb:\n  l: 3\n  k: 1\n"},
    {"merge key, a list: the first wins", "b:\n  <<: [{k: 1}, {k: 2, m: 3}]\n",
     "b:\n  k: 1\n  m: 3\n"},
    {"a quoted << is a key", "b: {'<<': 1}\n", "b:\n  \"<<\": 1\n"},
    {"a tab after the value", "a: 1\t# x\n", "a: 1\n"},
    {"not latin", "a: \xc3\xa9\n", "a: \"\xc3\xa9\"\n"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
        const struct good_case *c = &good_cases[i];
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        enum ray_status status =
            ray_yaml_parse(ray_str_from(c->text), "f.yaml", b.arena, &b.problems, &tree);
        check_case(c->name, ray_buf_str(&b.problems.text), "");
        assert_int_equal(status, RAY_OK);
        check_tree(c->name, tree, c->tree);
        bench_close(&b);
    }
}

static const struct bad_case {
    const char *name, *text, *problems;
} bad_cases[] = {
    {"a tab to indent", "a:\n\tb: 1\n",
     "f.yaml:2:1: found character that cannot start any token while scanning for the next token; "
     "use blanks, not tabs, to indent\n"},
    {"a key twice", "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' is here twice, first at 1:1\n"},
    {"all keys that are here twice", "x: {a: 1, a: 2}\nb: {c: 1, c: 2}\n",
     "f.yaml:1:11: the key 'a' is here twice, first at 1:5\n"},
    {"a list as key", "? [a]\n: 1\n", "f.yaml:1:3: a key must be text, not a list or a map\n"},
    {"unknown alias", "a: *x\n", "f.yaml:1:4: the alias '*x' has no finished anchor before it\n"},
    {"a ring", "a: &x [*x]\n", "f.yaml:1:8: the alias '*x' has no finished anchor before it\n"},
    {"unknown tag", "a: !secret b\n",
     "f.yaml:1:4: the tag '!secret' is not understood, leave it out\n"},
    {"merge of text", "a: {<<: b}\n", "f.yaml:1:9: '<<' takes a map or a list of maps\n"},
    {"unclosed", "a: [1,\nb: 2\n",
     "f.yaml:3:1: did not find expected ',' or ']' while parsing a flow sequence\n"},
    {"colon in text", "a: b: c\n", "f.yaml:1:5: mapping values are not allowed in this context\n"},
    {"escaped NUL", "a: \"x\\0y\"\n", "f.yaml:1:4: a NUL character is not allowed in text\n"},
    {"broken UTF-8", "a: 1\nb: x\xff\n", "f.yaml:2:5: invalid leading UTF-8 octet\n"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        const struct bad_case *c = &bad_cases[i];
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        enum ray_status status =
            ray_yaml_parse(ray_str_from(c->text), "f.yaml", b.arena, &b.problems, &tree);
        check_case(c->name, ray_buf_str(&b.problems.text), c->problems);
        assert_int_equal(status, RAY_INVALID);
        assert_null(tree);
        bench_close(&b);
    }
}

static void test_nul_byte(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    assert_int_equal(
        ray_yaml_parse(RAY_STR("a: 1\nb: x\0y\n"), "f.yaml", b.arena, &b.problems, &tree),
        RAY_INVALID);
    CHECK_BUF(&b.problems.text, "f.yaml:2:5: control characters are not allowed\n");
    bench_close(&b);
}

static void test_second_document_is_a_warning(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(RAY_STR("a: 1\n---\nb: 2\n"), "f.yaml", b.arena, &b.problems, &tree));
    check_tree("first", tree, "a: 1\n");
    CHECK_BUF(&b.problems.warning_text,
              "f.yaml:2:1: a second document begins here, it is ignored (so does the collector)\n");
    bench_close(&b);
}

static void test_places(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(RAY_STR("\xef\xbb\xbf"
                                    "a:\n  \xc3\xa9: [x, 'y']\n"),
                            "f.yaml", b.arena, &b.problems, &tree));
    const struct ray_yaml_pair *a = &tree->pairs[0];
    const struct ray_yaml_pair *e = &a->value->pairs[0];
    assert_int_equal(a->place.line, 1);
    assert_int_equal(a->place.column, 1);
    assert_int_equal(e->place.line, 2);
    assert_int_equal(e->place.column, 3);
    assert_int_equal(e->value->place.column, 6);
    assert_int_equal(e->value->items[1]->place.column, 10);
    assert_string_equal(e->value->place.file, "f.yaml");
    assert_true(e->value->items[1]->quoted);
    assert_false(e->value->items[0]->quoted);
    assert_ptr_equal(ray_yaml_get(tree, RAY_STR("a")), a->value);
    assert_null(ray_yaml_get(tree, RAY_STR("b")));
    assert_null(ray_yaml_get(NULL, RAY_STR("b")));
    assert_null(ray_yaml_get(e->value, RAY_STR("b")));
    bench_close(&b);
}

/* ---- limits ------------------------------------------------------------------------------- */

static void check_refused(struct ray_str text, const char *problems)
{
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    assert_int_equal(ray_yaml_parse(text, "f.yaml", b.arena, &b.problems, &tree), RAY_INVALID);
    CHECK_BUF(&b.problems.text, problems);
    bench_close(&b);
}

/* Nine levels of nine aliases: 387 million values in 300 bytes. */
static void test_alias_bomb(void **state)
{
    (void)state;
    struct ray_buf text;
    ray_buf_init(&text, 4096);
    ray_buf_append(&text, RAY_STR("l0: &l0 x\n"));
    for (int level = 1; level < 10; level++) {
        ray_buf_printf(&text, "l%d: &l%d [", level, level);
        for (int i = 0; i < 9; i++) {
            ray_buf_printf(&text, "%s*l%d", i ? ", " : "", level - 1);
        }
        ray_buf_append(&text, RAY_STR("]\n"));
    }
    check_refused(ray_buf_str(&text),
                  "f.yaml:1:5: more than 100000 values, aliases counted as what they stand for\n");
    ray_buf_clear(&text);
}

/* Each line nests the one before it 50 levels deeper. */
static void test_alias_chain_is_not_deep(void **state)
{
    (void)state;
    struct ray_buf text;
    ray_buf_init(&text, 64u << 10);
    ray_buf_append(&text, RAY_STR("l0: &l0 x\n"));
    for (int line = 1; line < 3; line++) {
        ray_buf_printf(&text, "l%d: &l%d ", line, line);
        for (int i = 0; i < 50; i++) {
            ray_buf_append_byte(&text, '[');
        }
        ray_buf_printf(&text, "*l%d", line - 1);
        for (int i = 0; i < 50; i++) {
            ray_buf_append_byte(&text, ']');
        }
        ray_buf_append_byte(&text, '\n');
    }
    check_refused(ray_buf_str(&text),
                  "f.yaml:2:23: nested more than 64 levels deep through aliases\n");
    ray_buf_clear(&text);
}

static void test_levels(void **state)
{
    (void)state;
    char text[400] = "";
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(ray_str_from(text), "f.yaml", b.arena, &b.problems, &tree));
    bench_close(&b);
    memset(text, '[', 300);
    check_refused(ray_str_from(text), "f.yaml:1:65: nested more than 64 levels deep\n");
}

static void test_size(void **state)
{
    (void)state;
    size_t len = RAY_YAML_MAX_BYTES + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '#', len);
    check_refused((struct ray_str){text, len}, "f.yaml:1:1: larger than 1 MiB\n");
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    CHECK_OK(
        ray_yaml_parse((struct ray_str){text, len - 1}, "f.yaml", b.arena, &b.problems, &tree));
    assert_int_equal(tree->kind, RAY_YAML_NULL);
    bench_close(&b);
    free(text);
}

static void test_out_of_memory_is_said(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(32u << 10);
    struct ray_problems problems;
    ray_problems_init(&problems);
    struct ray_buf text;
    ray_buf_init(&text, 1u << 20);
    for (int i = 0; i < 5000; i++) {
        ray_buf_printf(&text, "- key%d\n", i);
    }
    struct ray_yaml *tree;
    assert_int_equal(ray_yaml_parse(ray_buf_str(&text), "f.yaml", arena, &problems, &tree),
                     RAY_NOMEM);
    ray_buf_clear(&text);
    ray_problems_clear(&problems);
    ray_arena_free(arena);
}

/* ---- problems ----------------------------------------------------------------------------- */

static void test_problems_are_bounded(void **state)
{
    (void)state;
    struct ray_problems problems;
    ray_problems_init(&problems);
    for (int i = 0; i < 63; i++) {
        ray_problem(&problems, &(struct ray_place){"f.yaml", 1, 2}, "no. %d", i);
        ray_problem_warn(&problems, NULL, "no. %d", i);
    }
    assert_int_equal(problems.count, 63);
    assert_int_equal(problems.warnings, 63);
    assert_true(ray_str_ends_with(ray_buf_str(&problems.text),
                                  RAY_STR("\nf.yaml:1:2: no. 49\nand 13 more\n")));
    assert_true(
        ray_str_ends_with(ray_buf_str(&problems.warning_text), RAY_STR("\nno. 49\nand 13 more\n")));
    ray_problems_clear(&problems);
}

static void test_problems_stay_on_their_line(void **state)
{
    (void)state;
    struct ray_problems problems;
    ray_problems_init(&problems);
    ray_problem(&problems, &(struct ray_place){"(--set)", 0, 0}, "a\nf.yaml:1:1: \x1b[31mforged");
    CHECK_BUF(&problems.text, "(--set): a\\x0af.yaml:1:1: \\x1b[31mforged\n");
    ray_problems_clear(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_nul_byte),
        cmocka_unit_test(test_second_document_is_a_warning),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_alias_bomb),
        cmocka_unit_test(test_alias_chain_is_not_deep),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_out_of_memory_is_said),
        cmocka_unit_test(test_problems_are_bounded),
        cmocka_unit_test(test_problems_stay_on_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
