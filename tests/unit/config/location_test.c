/* Are path, file:, env:, yaml: and --set read as the collector reads them? */
#include "config/location.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/config/config_check.h"

static void test_good(void **state)
{
    (void)state;
    setenv("T_CONFIG", "a: 1\n", 1);
    setenv("T_BLANK", "", 1);
    static const struct {
        const char *location, *tree, *file;
    } cases[] = {
        {"yaml:a: 1", "a: 1\n", "(yaml)"},
        {"yaml:{a: {b: 1}}", "a:\n  b: 1\n", "(yaml)"},
        {"yaml:a::b::c: 1", "a:\n  b:\n    c: 1\n", "(yaml)"},
        {"yaml:{a::b: 1, a::c: 2, d: 3}", "a:\n  b: 1\n  c: 2\nd: 3\n", "(yaml)"},
        {"yaml:a::otlp/2: [1]", "a:\n  otlp/2:\n    - 1\n", "(yaml)"},
        {"yaml:", "-\n", "(yaml)"},
        {"env:T_CONFIG", "a: 1\n", "(env:T_CONFIG)"},
        {"env:T_BLANK", "-\n", "(env:T_BLANK)"},
        {"/dev/null", "-\n", "/dev/null"},
        {"file:/dev/null", "-\n", "/dev/null"},
        {"file:///dev/null", "-\n", "///dev/null"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        enum ray_status status = ray_location_load(cases[i].location, b.arena, &b.problems, &tree);
        check_case(cases[i].location, ray_buf_str(&b.problems.text), "");
        assert_int_equal(status, RAY_OK);
        check_tree(cases[i].location, tree, cases[i].tree);
        assert_string_equal(tree->place.file, cases[i].file);
        bench_close(&b);
    }
}

#define NETWORK                                                                                    \
    ": configurations are not loaded from the network; fetch it first, then give a path, "         \
    "file:PATH, env:NAME or yaml:TEXT\n"

static void test_bad(void **state)
{
    (void)state;
    unsetenv("T_UNSET");
    static const struct {
        const char *location;
        enum ray_status status;
        const char *problems;
    } cases[] = {
        {"/nowhere/c.yaml", RAY_IO, "/nowhere/c.yaml: cannot be read: No such file or directory\n"},
        {"file:/nowhere/c.yaml", RAY_IO,
         "/nowhere/c.yaml: cannot be read: No such file or directory\n"},
        {"/tmp", RAY_IO, "/tmp: cannot be read: Is a directory\n"},
        {"/dev/zero", RAY_INVALID, "/dev/zero: larger than 1 MiB\n"},
        {"env:T_UNSET", RAY_IO, "(env:T_UNSET): the variable is not set\n"},
        {"yaml:[a]", RAY_INVALID,
         "(yaml):1:1: a configuration is a map of receivers, exporters, service and so on; here "
         "stands a list\n"},
        {"yaml:just text", RAY_INVALID,
         "(yaml):1:1: a configuration is a map of receivers, exporters, service and so on; here "
         "stands text\n"},
        {"yaml:a::::b: 1", RAY_INVALID, "(yaml):1:1: 'a::::b': a key has an empty part\n"},
        {"yaml:a: [", RAY_INVALID,
         "(yaml):2:1: did not find expected node content while parsing a flow node\n"},
        {"http://x/y", RAY_INVALID, "--config http://x/y" NETWORK},
        {"https://x/y", RAY_INVALID, "--config https://x/y" NETWORK},
        {"s3://x/y", RAY_INVALID, "--config s3://x/y" NETWORK},
        {"gs://x/y", RAY_INVALID, "--config gs://x/y" NETWORK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        enum ray_status status = ray_location_load(cases[i].location, b.arena, &b.problems, &tree);
        check_case(cases[i].location, ray_buf_str(&b.problems.text), cases[i].problems);
        assert_int_equal(status, cases[i].status);
        bench_close(&b);
    }
}

static void test_unreadable_file(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        return; /* root reads everything */
    }
    char path[] = "/tmp/ray_location_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    fchmod(fd, 0);
    close(fd);
    struct bench b;
    bench_open(&b);
    struct ray_yaml *tree;
    assert_int_equal(ray_location_load(path, b.arena, &b.problems, &tree), RAY_IO);
    assert_true(ray_str_ends_with(ray_buf_str(&b.problems.text), RAY_STR("Permission denied\n")));
    bench_close(&b);
    unlink(path);
}

static void test_sets(void **state)
{
    (void)state;
    static const struct {
        const char *set, *tree;
    } cases[] = {
        {"a=1", "a: 1\n"},
        {"a.b.c=x y", "a:\n  b:\n    c: \"x y\"\n"},
        {"a.otlp/two.c=[1, 2]", "a:\n  otlp/two:\n    c:\n      - 1\n      - 2\n"},
        {"a=b=c", "a: \"b=c\"\n"},
        {"a={b: 1}", "a:\n  b: 1\n"},
        {"a=", "a:\n"},
        {"a=''", "a: \"\"\n"},
        {"a.endpoint=127.0.0.1:0", "a:\n  endpoint: 127.0.0.1:0\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        CHECK_OK(ray_location_set(cases[i].set, b.arena, &b.problems, &tree));
        check_tree(cases[i].set, tree, cases[i].tree);
        bench_close(&b);
    }
}

static void test_bad_sets(void **state)
{
    (void)state;
    static const struct {
        const char *set, *problems;
    } cases[] = {
        {"a", "(--set):1:1: 'a': expected key.key=value\n"},
        {"", "(--set):1:1: '': expected key.key=value\n"},
        {"=1", "(--set):1:1: '': a key has an empty part\n"},
        {"a..b=1", "(--set):1:1: 'a..b': a key has an empty part\n"},
        {".a=1", "(--set):1:1: '.a': a key has an empty part\n"},
        {"a.=1", "(--set):1:1: 'a.': a key has an empty part\n"},
        {"a.b=[", "(--set):1:5: did not find expected node content while parsing a flow node\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        enum ray_status status = ray_location_set(cases[i].set, b.arena, &b.problems, &tree);
        check_case(cases[i].set, ray_buf_str(&b.problems.text), cases[i].problems);
        assert_int_equal(status, RAY_INVALID);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_bad_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
