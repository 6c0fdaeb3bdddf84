/* Does a table turn a part of a file into a struct, and say of each mistake what and where? */
#include "config/options.h"

#include "tests/unit/config/config_check.h"

struct inner {
    struct ray_str endpoint;
    uint32_t timeout_ms;
};

struct options {
    struct ray_str region;
    struct ray_str client_secret;
    bool enabled;
    int64_t workers;
    double factor;
    uint32_t wait_ms;
    uint64_t max_bytes;
    struct ray_str_list names;
    int mode;
    bool has_grpc;
    struct inner grpc;
    struct inner http;
    const struct ray_yaml *keys;
};

#define RAY_OPT_STRUCT struct inner
static const struct ray_option inner_table[] = {
    RAY_OPT_STR("endpoint", endpoint, "localhost:1", "where"),
    RAY_OPT_DURATION("timeout", timeout_ms, "0", "1s", NULL, "0 by default: off"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

static const struct ray_option reports_table[] = {
    RAY_OPT_IGNORED("enabled", ""),
    RAY_OPT_IGNORED("hostname", ""),
    RAY_OPT_END,
};

#define RAY_OPT_STRUCT struct options
static const struct ray_option table[] = {
    RAY_OPT_STR("region", region, "", "of AWS"),
    RAY_OPT_SECRET("client_secret", client_secret, "shown to nobody"),
    RAY_OPT_BOOL("enabled", enabled, "true", "on"),
    RAY_OPT_INT("workers", workers, "8", "1", "256", "in flight"),
    RAY_OPT_DOUBLE("factor", factor, "1.5", "0", "10", "of back-off"),
    RAY_OPT_DURATION("wait", wait_ms, "5s", "1s", "5m", "before"),
    RAY_OPT_BYTES("max_size", max_bytes, "64MiB", "1KiB", NULL, "of the queue"),
    RAY_OPT_STR_LIST("names", names, "a list"),
    RAY_OPT_ENUM("mode", mode, "none", "none|some|all", "one | two"),
    RAY_OPT_SECTION_IF("grpc", grpc, has_grpc, inner_table, "on when there"),
    RAY_OPT_SECTION("http", http, inner_table, "always on"),
    RAY_OPT_NODE("keys", keys, "as they are"),
    RAY_OPT_IGNORED("buffer", "the kernel knows better"),
    RAY_OPT_REFUSED("old", "use 'wait'"),
    RAY_OPT_IGNORED_SECTION("reports", reports_table, "none are sent"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

static enum ray_status read_text(struct bench *b, const char *text, struct options *out)
{
    struct ray_yaml *tree = NULL;
    CHECK_OK(ray_yaml_parse(ray_str_from(text), "f.yaml", b->arena, &b->problems, &tree));
    return ray_options_read(table, tree, "exporters.x", b->arena, &b->problems, out);
}

static void test_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "~", "{}", "region:\nworkers: ~\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bench b;
        bench_open(&b);
        struct options o;
        memset(&o, 0xaa, sizeof(o));
        CHECK_OK(read_text(&b, texts[i], &o));
        CHECK_STR(o.region, "");
        assert_int_equal(o.region.ptr[0], '\0');
        assert_true(o.enabled);
        assert_int_equal(o.workers, 8);
        assert_true(o.factor > 1.49 && o.factor < 1.51);
        assert_int_equal(o.wait_ms, 5000);
        assert_int_equal(o.max_bytes, 64u << 20);
        assert_int_equal(o.names.count, 0);
        assert_int_equal(o.mode, 0);
        assert_false(o.has_grpc);
        CHECK_STR(o.grpc.endpoint, "localhost:1");
        assert_int_equal(o.http.timeout_ms, 0);
        assert_null(o.keys);
        bench_close(&b);
    }
    struct bench b;
    bench_open(&b);
    struct options o;
    CHECK_OK(ray_options_read(table, NULL, "", b.arena, &b.problems, &o));
    assert_int_equal(o.workers, 8);
    bench_close(&b);
}

static void test_everything_set(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct options o;
    CHECK_OK(read_text(&b,
                       "region: eu-central-1\n"
                       "client_secret: s\n"
                       "enabled: false\n"
                       "workers: '256'\n" /* a number in quotes */
                       "factor: 2\n"
                       "wait: 1m30s\n"
                       "max_size: 1.5KiB\n"
                       "names: [a, 5, ~]\n"
                       "mode: ALL\n"
                       "grpc:\n"
                       "http: {endpoint: 127.0.0.1:2, timeout: 2s}\n"
                       "keys: {id: 1}\n",
                       &o));
    CHECK_STR(o.region, "eu-central-1");
    assert_int_equal(strlen(o.region.ptr), o.region.len);
    CHECK_STR(o.client_secret, "s");
    assert_false(o.enabled);
    assert_int_equal(o.workers, 256);
    assert_true(o.factor > 1.99 && o.factor < 2.01);
    assert_int_equal(o.wait_ms, 90000);
    assert_int_equal(o.max_bytes, 1536);
    assert_int_equal(o.names.count, 3);
    CHECK_STR(o.names.items[0], "a");
    CHECK_STR(o.names.items[1], "5");
    CHECK_STR(o.names.items[2], "~");
    assert_int_equal(o.mode, 2);
    assert_true(o.has_grpc);
    CHECK_STR(o.grpc.endpoint, "localhost:1");
    CHECK_STR(o.http.endpoint, "127.0.0.1:2");
    assert_int_equal(o.http.timeout_ms, 2000);
    assert_int_equal(o.keys->kind, RAY_YAML_MAP);
    CHECK_BUF(&b.problems.warning_text, "");
    bench_close(&b);
}

/* A number where text is wanted, text where a list is. */
static void test_weak_types(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct options o;
    CHECK_OK(read_text(&b, "region: 5\nnames: a, b\nenabled: 'true'\nworkers: 0x10\n", &o));
    CHECK_STR(o.region, "5");
    assert_int_equal(o.names.count, 2);
    CHECK_STR(o.names.items[1], "b");
    assert_int_equal(o.workers, 16);
    CHECK_OK(read_text(&b, "names: ''\n", &o));
    assert_int_equal(o.names.count, 0);
    bench_close(&b);
}

static const struct bad_case {
    const char *text, *problems;
} bad_cases[] = {
    {"regoin: x", "f.yaml:1:1: exporters.x.regoin: unknown key, did you mean 'region'?\n"},
    {"zzz: x", "f.yaml:1:1: exporters.x.zzz: unknown key; known here: region, client_secret, "
               "enabled, workers, factor, wait, max_size, names, mode, grpc, http, keys, buffer, "
               "old, reports\n"},
    {"reports: {enabled: true, hostnam: x}",
     "f.yaml:1:26: exporters.x.reports.hostnam: unknown key, did you mean 'hostname'?\n"},
    {"grpc:\n  endpont: x",
     "f.yaml:2:3: exporters.x.grpc.endpont: unknown key, did you mean 'endpoint'?\n"},
    {"workers: 0", "f.yaml:1:10: exporters.x.workers: 0 is below 1\n"},
    {"workers: 257", "f.yaml:1:10: exporters.x.workers: 257 is above 256\n"},
    {"workers: 99999999999999999999",
     "f.yaml:1:10: exporters.x.workers: 99999999999999999999 is above 256\n"},
    {"workers: many",
     "f.yaml:1:10: exporters.x.workers: 'many' is not a whole number (1 to 256)\n"},
    {"workers: 1.5", "f.yaml:1:10: exporters.x.workers: '1.5' is not a whole number (1 to 256)\n"},
    {"workers: [1]",
     "f.yaml:1:10: exporters.x.workers: a list stands where a whole number belongs\n"},
    {"factor: 11", "f.yaml:1:9: exporters.x.factor: 11 is above 10\n"},
    {"factor: 1e999", "f.yaml:1:9: exporters.x.factor: '1e999' is not a number (0 to 10)\n"},
    {"factor: .nan", "f.yaml:1:9: exporters.x.factor: '.nan' is not a number (0 to 10)\n"},
    {"wait: 30", "f.yaml:1:7: exporters.x.wait: '30' is not a duration such as 300ms, 5s or 1m30s "
                 "(1s to 5m)\n"},
    {"wait: 10ms", "f.yaml:1:7: exporters.x.wait: 10ms is below 1s\n"},
    {"wait: 1h", "f.yaml:1:7: exporters.x.wait: 1h is above 5m\n"},
    {"grpc: {timeout: 9999h}", "f.yaml:1:17: exporters.x.grpc.timeout: 9999h is above 1193h (49 "
                               "days)\n"},
    {"max_size: 4G",
     "f.yaml:1:11: exporters.x.max_size: '4G' is not a size such as 512KiB, 4GiB or "
     "a number of bytes (at least 1KiB)\n"},
    {"max_size: 1B", "f.yaml:1:11: exporters.x.max_size: 1B is below 1KiB\n"},
    {"enabled: yes", "f.yaml:1:10: exporters.x.enabled: 'yes' is neither true nor false\n"},
    {"enabled: {}", "f.yaml:1:10: exporters.x.enabled: a map stands where true or false belongs\n"},
    {"region: [a]", "f.yaml:1:9: exporters.x.region: a list stands where text belongs\n"},
    {"names: {a: b}", "f.yaml:1:8: exporters.x.names: a map stands where a list belongs\n"},
    {"names: [a, [b]]", "f.yaml:1:12: exporters.x.names: a list stands where text belongs\n"},
    {"mode: al", "f.yaml:1:7: exporters.x.mode: 'al' is none of: none, some, all; did you mean "
                 "'all'?\n"},
    {"mode: 7", "f.yaml:1:7: exporters.x.mode: '7' is none of: none, some, all\n"},
    {"grpc: 5", "f.yaml:1:7: exporters.x.grpc: text stands where a map of keys belongs\n"},
    {"[a]", "f.yaml:1:1: exporters.x: a list stands where a map of keys belongs\n"},
    {"old: 1", "f.yaml:1:1: exporters.x.old: not supported here: use 'wait'\n"},
    {"client_secret: [a]",
     "f.yaml:1:16: exporters.x.client_secret: a list stands where text belongs\n"},
    /* all of them, not just the first */
    {"workers: 0\nwait: x\nfoo_bar: 1\nregion: ok",
     "f.yaml:1:10: exporters.x.workers: 0 is below 1\n"
     "f.yaml:2:7: exporters.x.wait: 'x' is not a duration such as 300ms, 5s or 1m30s (1s to 5m)\n"
     "f.yaml:3:1: exporters.x.foo_bar: unknown key; known here: region, client_secret, enabled, "
     "workers, factor, wait, max_size, names, mode, grpc, http, keys, buffer, old, reports\n"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        struct bench b;
        bench_open(&b);
        struct options o;
        enum ray_status status = read_text(&b, bad_cases[i].text, &o);
        check_case(bad_cases[i].text, ray_buf_str(&b.problems.text), bad_cases[i].problems);
        assert_int_equal(status, RAY_INVALID);
        assert_int_equal(o.workers, 8); /* the default where the file was wrong */
        bench_close(&b);
    }
}

static void test_ignored_is_a_warning(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct options o;
    CHECK_OK(read_text(&b, "buffer:\nold: ''\n", &o)); /* asks for nothing */
    CHECK_OK(read_text(&b, "buffer: []\nold: {}\n", &o));
    CHECK_BUF(&b.problems.warning_text, "");
    CHECK_OK(read_text(&b, "reports: {}\n", &o));
    CHECK_BUF(&b.problems.warning_text, "");
    CHECK_OK(read_text(&b, "buffer: 5\n", &o));
    CHECK_BUF(&b.problems.warning_text, "f.yaml:1:1: exporters.x.buffer: accepted, without effect: "
                                        "the kernel knows better\n");
    bench_close(&b);
}

static void test_secrets_are_not_quoted(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct options o;
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(RAY_STR("workers: hunter2"), "f.yaml", b.arena, &b.problems, &tree));
    tree->pairs[0].value->secret = true;
    assert_int_equal(ray_options_read(table, tree, "x", b.arena, &b.problems, &o), RAY_INVALID);
    CHECK_BUF(&b.problems.text, "f.yaml:1:10: x.workers: '***' is not a whole number (1 to 256)\n");
    bench_close(&b);
}

static void test_long_values_are_cut(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct options o;
    char text[300] = "workers: ";
    memset(text + 9, 'y', 200);
    assert_int_equal(read_text(&b, text, &o), RAY_INVALID);
    CHECK_BUF(
        &b.problems.text,
        "f.yaml:1:10: exporters.x.workers: 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
        "yyyyyyyy...' is not a whole number (1 to 256)\n");
    bench_close(&b);
}

/* A variable that happens to look like a map is still a password. */
static void test_text_that_looks_like_yaml(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct options o;
    struct ray_yaml *tree;
    CHECK_OK(ray_yaml_parse(RAY_STR("region: {a: b}"), "f.yaml", b.arena, &b.problems, &tree));
    tree->pairs[0].value->text = RAY_STR("a: b");
    CHECK_OK(ray_options_read(table, tree, "x", b.arena, &b.problems, &o));
    CHECK_STR(o.region, "a: b");
    bench_close(&b);
}

static void test_describe(void **state)
{
    (void)state;
    struct ray_buf page;
    ray_buf_init(&page, 64u << 10);
    ray_options_describe(table, &page);
    CHECK_BUF(&page, "| key | type | default | meaning |\n"
                     "|---|---|---|---|\n"
                     "| `region` | text |  | of AWS |\n"
                     "| `client_secret` | secret text |  | shown to nobody |\n"
                     "| `enabled` | bool | `true` | on |\n"
                     "| `workers` | whole number, 1 to 256 | `8` | in flight |\n"
                     "| `factor` | number, 0 to 10 | `1.5` | of back-off |\n"
                     "| `wait` | duration, 1s to 5m | `5s` | before |\n"
                     "| `max_size` | size, at least 1KiB | `64MiB` | of the queue |\n"
                     "| `names` | list |  | a list |\n"
                     "| `mode` | one of none, some, all | `none` | one \\| two |\n"
                     "| `grpc` | section |  | on when there |\n"
                     "| `grpc.endpoint` | text | `localhost:1` | where |\n"
                     "| `grpc.timeout` | duration, at least 1s | `0` | 0 by default: off |\n"
                     "| `http` | section |  | always on |\n"
                     "| `http.endpoint` | text | `localhost:1` | where |\n"
                     "| `http.timeout` | duration, at least 1s | `0` | 0 by default: off |\n"
                     "| `keys` | any |  | as they are |\n"
                     "| `buffer` | no effect |  | the kernel knows better |\n"
                     "| `old` | refused |  | use 'wait' |\n"
                     "| `reports` | no effect |  | none are sent |\n");
    ray_buf_clear(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_set),
        cmocka_unit_test(test_weak_types),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_ignored_is_a_warning),
        cmocka_unit_test(test_secrets_are_not_quoted),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_text_that_looks_like_yaml),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
