/* Is ${...} what the collector makes of it, and bounded? */
#include "config/expand.h"

#include <unistd.h>

#include "tests/unit/config/config_check.h"

static void set_up_environment(void)
{
    setenv("T_NUMBER", "5", 1);
    setenv("T_EMPTY", "", 1);
    setenv("T_HOST", "example.org", 1);
    setenv("T_LIST", "[a, b]", 1);
    setenv("T_WHICH", "T_NUMBER", 1);
    setenv("T_NESTED", "<${env:T_NUMBER}>", 1);
    setenv("T_PASSWORD", "p@ss: {w#rd", 1);
    setenv("T_COMMENT", "#x", 1);
    setenv("T_QUOTED", "'5'", 1);
    setenv("T_DOLLARS", "a$$b", 1);
    setenv("T_SELF", "${env:T_SELF}", 1);
    unsetenv("T_UNSET");
}

/* As it would be printed, but nothing hidden. */
static void show_all(struct ray_yaml *node)
{
    node->secret = false;
    for (size_t i = 0; i < node->count; i++) {
        show_all(node->kind == RAY_YAML_LIST ? node->items[i] : node->pairs[i].value);
    }
}

static const struct good_case {
    const char *text, *tree, *warnings;
} good_cases[] = {
    {"a: ${env:T_NUMBER}", "a: 5\n", ""},
    {"a: ${T_NUMBER}", "a: 5\n", ""},
    {"a: '${T_NUMBER}'", "a: 5\n", ""}, /* quotes around a reference do not make it text */
    {"a: ${env:T_LIST}", "a:\n  - a\n  - b\n", ""},
    {"a: http://${env:T_HOST}:${T_NUMBER}/x", "a: http://example.org:5/x\n", ""},
    {"a: ${env:T_EMPTY}", "a:\n", ""},
    {"a: x${env:T_EMPTY}y", "a: xy\n", ""},
    {"a: ${env:T_UNSET:-fallback}", "a: fallback\n", ""},
    {"a: ${T_UNSET:-5}", "a: 5\n", ""},
    {"a: ${T_UNSET:-}", "a:\n", ""},
    {"a: x${T_UNSET:-}", "a: x\n", ""},
    {"a: ${T_NUMBER:-${T_UNSET}}", "a: 5\n", ""}, /* no warning for what is not used */
    {"a: ${T_UNSET:-${T_NUMBER}}", "a: 5\n", ""},
    {"a: '${T_UNSET:-{}}'", "a: {}\n", ""},
    {"a: '${T_UNSET:-x{y}'", "a: \"x{y\"\n", ""},
    {"a: ${env:T_UNSET}", "a:\n",
     "f.yaml:1:4: ${T_UNSET}: the variable is not set, the value is empty; "
     "${env:T_UNSET:-fallback} gives one\n"},
    {"b:\n  - x${T_UNSET}y", "b:\n  - xy\n",
     "f.yaml:2:5: ${T_UNSET}: the variable is not set, the value is empty; "
     "${env:T_UNSET:-fallback} gives one\n"},
    {"a: '${yaml:{x: 1, y: [2]}}'", "a:\n  x: 1\n  y:\n    - 2\n", ""},
    {"a: '${yaml:5}'", "a: 5\n", ""},
    {"a: ${yaml:true}", "a: true\n", ""},
    {"a: ${env:${env:T_WHICH}}", "a: 5\n", ""},
    {"a: ${env:T_NESTED}", "a: \"<5>\"\n", ""},
    {"a: $$", "a: \"$\"\n", ""},
    {"a: $${T_NUMBER}", "a: \"$${T_NUMBER}\"\n", ""}, /* printed so that it reads back */
    {"a: $$$${x}", "a: \"$$$${x}\"\n", ""},
    {"a: $T_NUMBER", "a: \"$T_NUMBER\"\n", ""},
    {"a: ${T_NUMBER", "a: \"$${T_NUMBER\"\n", ""},
    {"a: ${env:T_DOLLARS}", "a: \"a$b\"\n", ""},
    {"${T_NUMBER}: x", "\"${T_NUMBER}\": x\n", ""}, /* keys are left alone */
    /* text keeps every byte, whatever YAML would make of it */
    {"a: ${env:T_PASSWORD}", "a: \"p@ss: {w#rd\"\n", ""},
    {"a: ${env:T_COMMENT}", "a: \"#x\"\n", ""},
    {"a: ${env:T_QUOTED}", "a: \"'5'\"\n", ""},
};

static void test_good(void **state)
{
    (void)state;
    set_up_environment();
    for (size_t i = 0; i < sizeof(good_cases) / sizeof(good_cases[0]); i++) {
        const struct good_case *c = &good_cases[i];
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        CHECK_OK(ray_yaml_parse(ray_str_from(c->text), "f.yaml", b.arena, &b.problems, &tree));
        enum ray_status status = ray_expand(tree, b.arena, &b.problems);
        check_case(c->text, ray_buf_str(&b.problems.text), "");
        assert_int_equal(status, RAY_OK);
        check_case(c->text, ray_buf_str(&b.problems.warning_text), c->warnings);
        show_all(tree);
        check_tree(c->text, tree, c->tree);
        bench_close(&b);
    }
}

static const struct bad_case {
    const char *text, *problems;
} bad_cases[] = {
    {"a: ${http://x/y}",
     "f.yaml:1:4: ${http://x/y}: values are not loaded from the network; use env: or file:\n"},
    {"a: ${s3://x/y}",
     "f.yaml:1:4: ${s3://x/y}: values are not loaded from the network; use env: or file:\n"},
    {"a: ${vault:x}",
     "f.yaml:1:4: ${vault:x}: this is no name of a variable (letters, digits, _)\n"},
    {"a: ${}", "f.yaml:1:4: ${}: this is no name of a variable (letters, digits, _)\n"},
    {"a: ${1X}", "f.yaml:1:4: ${1X}: this is no name of a variable (letters, digits, _)\n"},
    {"a: ${file:/nowhere/at/all}", "f.yaml:1:4: ${/nowhere/at/all}: No such file or directory\n"},
    {"a: ${env:T_SELF}", "f.yaml:1:4: ${env:T_SELF}: references nest more than 16 deep; does one "
                         "lead to itself?\n"},
    {"a: ${vault:x}\nb: 1\nc: x${file:/nowhere}\n",
     "f.yaml:1:4: ${vault:x}: this is no name of a variable (letters, digits, _)\n"
     "f.yaml:3:4: ${/nowhere}: No such file or directory\n"},
};

static void test_bad(void **state)
{
    (void)state;
    set_up_environment();
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        const struct bad_case *c = &bad_cases[i];
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        CHECK_OK(ray_yaml_parse(ray_str_from(c->text), "f.yaml", b.arena, &b.problems, &tree));
        enum ray_status status = ray_expand(tree, b.arena, &b.problems);
        check_case(c->text, ray_buf_str(&b.problems.text), c->problems);
        assert_int_equal(status, RAY_INVALID);
        bench_close(&b);
    }
}

/* Doubling 15 times over would be 32,768 references and as many bytes. */
static void test_growth_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 15; i++) {
        char name[16], value[64];
        snprintf(name, sizeof(name), "T_G%d", i);
        snprintf(value, sizeof(value), "${T_G%d}${T_G%d}", i + 1, i + 1);
        setenv(name, value, 1);
    }
    setenv("T_G15", "xx", 1);
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(RAY_STR("a: ${T_G0}"), "f.yaml", b.arena, &b.problems, &tree));
    assert_int_equal(ray_expand(tree, b.arena, &b.problems), RAY_INVALID);
    assert_true(ray_str_starts_with(ray_buf_str(&b.problems.text), RAY_STR("f.yaml:1:4: ${T_G")));
    bench_close(&b);
}

static void test_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/ray_expand_XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof(path), "%s/part.yaml", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("x: 1\ny: ${env:T_NUMBER}\n", file);
    fclose(file);
    set_up_environment();
    setenv("T_FOLDER", folder, 1);

    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(RAY_STR("a: ${file:${env:T_FOLDER}/part.yaml}\nb: <${file:/dev/null}>"),
                            "f.yaml", b.arena, &b.problems, &tree));
    CHECK_OK(ray_expand(tree, b.arena, &b.problems));
    show_all(tree);
    check_tree("file", tree, "a:\n  x: 1\n  y: 5\nb: \"<>\"\n");
    const struct ray_yaml *y = ray_yaml_get(tree->pairs[0].value, RAY_STR("y"));
    assert_string_equal(y->place.file, path); /* where it was written */
    assert_int_equal(y->place.line, 2);
    bench_close(&b);
    unlink(path);
    rmdir(folder);
}

/* A file with one word and its line break is the word. */
static void test_file_loses_its_last_line_break(void **state)
{
    (void)state;
    char path[] = "/tmp/ray_expand_XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "7\r\n", 3), 3);
    close(fd);
    char text[80];
    snprintf(text, sizeof(text), "a: ${file:%s}", path);
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(ray_str_from(text), "f.yaml", b.arena, &b.problems, &tree));
    CHECK_OK(ray_expand(tree, b.arena, &b.problems));
    check_tree("word", tree, "a: 7\n");
    bench_close(&b);
    unlink(path);
}

static void test_what_comes_from_the_environment_is_secret(void **state)
{
    (void)state;
    set_up_environment();
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(RAY_STR("a: ${T_NUMBER}\nb: x${T_HOST}\nc: ${T_LIST}\n"
                                    "d: ${T_UNSET:-open}\ne: ${T_UNSET:-${T_HOST}}\n"
                                    "f: ${yaml:open}\n"),
                            "f.yaml", b.arena, &b.problems, &tree));
    CHECK_OK(ray_expand(tree, b.arena, &b.problems));
    check_tree(
        "secret", tree,
        "a: \"***\"\nb: \"***\"\nc:\n  - \"***\"\n  - \"***\"\nd: open\ne: \"***\"\nf: open\n");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_growth_is_bounded),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_file_loses_its_last_line_break),
        cmocka_unit_test(test_what_comes_from_the_environment_is_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
