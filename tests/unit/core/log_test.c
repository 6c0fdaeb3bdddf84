/* Is every entry one line that nobody can forge, in both formats, and do limiters hold back? */
#include "tests/unit/check.h"

#include <pthread.h>
#include <unistd.h>

#include "core/json_reader.h"
#include "core/log.h"

static uint64_t told_ns(const struct ray_clock *clock)
{
    return *(const uint64_t *)clock->context;
}

struct fixture {
    int pipe[2];
    uint64_t now_ns;
    struct ray_clock clock;
    struct ray_log *log;
    char text[8192];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL || pipe(f->pipe) != 0) {
        return -1;
    }
    f->now_ns = UINT64_C(1795536000123456789); /* 2026-11-24T16:00:00.123456789Z */
    f->clock = (struct ray_clock){told_ns, told_ns, &f->now_ns};
    f->log = ray_log_new(f->pipe[1], RAY_LOG_INFO, RAY_LOG_TEXT, &f->clock);
    *state = f;
    return f->log ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ray_log_free(f->log);
    close(f->pipe[0]);
    close(f->pipe[1]);
    free(f);
    return 0;
}

/* What one write(2) put into the pipe. */
static struct ray_str written(struct fixture *f)
{
    ray_log_error(f->log, "END", "");
    ssize_t len = read(f->pipe[0], f->text, sizeof(f->text));
    struct ray_str all = {f->text, len > 0 ? (size_t)len : 0};
    return ray_str_until(all, ray_str_find_last_byte(ray_str_until(all, all.len - 1), '\n') + 1);
}

static void text_lines(void **state)
{
    struct fixture *f = *state;
    ray_log_warn(f->log, "upload failed", "status=%d host=%s", 503,
                 RAY_LOG_STR(RAY_STR("a host\n2026 forged=\"1\"")));
    ray_log_info(f->log, "started", "");
    CHECK_STR(written(f), "2026-11-24T16:00:00.123Z warn upload failed status=503 "
                          "host=\"a host\\u000a2026 forged=\\\"1\\\"\"\n"
                          "2026-11-24T16:00:00.123Z info started\n");
}

static void json_lines(void **state)
{
    struct fixture *f = *state;
    ray_log_set(f->log, RAY_LOG_INFO, RAY_LOG_JSON);
    ray_log_warn(f->log, "upload failed", "status=%d host=%s plain=%s yes=%s id=%s", 503,
                 RAY_LOG_STR(RAY_STR("a \"host\" \xff")), RAY_LOG_STR(RAY_STR("word")), "true",
                 "00ab");
    struct ray_str lines = written(f);
    ray_log_set(f->log, RAY_LOG_INFO, RAY_LOG_TEXT);
    CHECK_STR(
        ray_str_until(lines, ray_str_find_byte(lines, '\n')),
        "{\"time\":\"2026-11-24T16:00:00.123Z\",\"level\":\"warn\",\"message\":\"upload failed\","
        "\"status\":503,\"host\":\"a \\\"host\\\" \xef\xbf\xbd\",\"plain\":\"word\",\"yes\":true,"
        "\"id\":\"00ab\"}");
}

static void levels(void **state)
{
    struct fixture *f = *state;
    ray_log_debug(f->log, "not", "");
    assert_false(ray_log_enabled(f->log, RAY_LOG_DEBUG));
    assert_true(ray_log_enabled(f->log, RAY_LOG_INFO));
    assert_false(ray_log_enabled(NULL, RAY_LOG_ERROR));
    ray_log_write(NULL, RAY_LOG_ERROR, "nowhere", "x=%d", 1);
    CHECK_STR(written(f), "");
    ray_log_set(f->log, RAY_LOG_OFF, RAY_LOG_TEXT);
    assert_false(ray_log_enabled(f->log, RAY_LOG_ERROR));
}

/* A caller that forgets RAY_LOG_STR still cannot start a second line. */
static void unquoted_values_stay_on_the_line(void **state)
{
    struct fixture *f = *state;
    ray_log_error(f->log, "bad", "value=%s", "a\nb\x1b[31m\x7f");
    CHECK_STR(written(f), "2026-11-24T16:00:00.123Z error bad value=a?b?[31m?\n");
}

static void long_lines_are_cut_and_stay_json(void **state)
{
    struct fixture *f = *state;
    ray_log_set(f->log, RAY_LOG_INFO, RAY_LOG_JSON);
    static const char quotes[3000] = {[0 ... 2998] = '"'};
    ray_log_error(f->log, "long", "a=%d b=%s c=%d", 1, quotes, 2);
    ssize_t len = read(f->pipe[0], f->text, sizeof(f->text));
    assert_in_range(len, 1, 4096);
    struct ray_str line = {f->text, (size_t)len};
    assert_int_equal(ray_str_find_byte(line, '\n'), line.len - 1);
    struct ray_json_reader r;
    ray_json_read_init(&r, line, NULL, 2);
    if (!ray_json_skip_value(&r, NULL) || !ray_json_at_end(&r)) {
        fail_msg("%s at %zu: %.*s", r.error, r.error_at, RAY_STR_ARG(line));
    }
    ray_log_set(f->log, RAY_LOG_INFO, RAY_LOG_TEXT);
    ray_log_error(f->log, "long", "b=%s%s", quotes, quotes);
    len = read(f->pipe[0], f->text, sizeof(f->text));
    assert_in_range(len, 3000, 4096);
    assert_int_equal(f->text[len - 1], '\n');
}

static void quoting(void **state)
{
    (void)state;
    static const struct {
        struct ray_str in;
        const char *out;
    } cases[] = {
        {RAY_STR_INIT("word"), "word"},
        {RAY_STR_INIT("/path:80?x"), "/path:80?x"},
        {{NULL, 0}, "\"\""},
        {RAY_STR_INIT("a b"), "\"a b\""},
        {RAY_STR_INIT("a=b"), "\"a=b\""},
        {RAY_STR_INIT("\\"), "\"\\\\\""},
        {RAY_STR_INIT("\0"), "\"\\u0000\""},
        {RAY_STR_INIT("caf\xc3\xa9"), "caf\xc3\xa9"},
        {RAY_STR_INIT("\xc2\x9b"
                      "31m"),
         "\"\\u009b31m\""}, /* C1: a terminal's CSI */
        {RAY_STR_INIT("\xe2\x80\xae"
                      "gpj\xe2\x80\xac"),
         "\"\\u202egpj\\u202c\""}, /* right-to-left override, and its end */
        {RAY_STR_INIT("\xff"), "\"\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_STR(ray_str_from(RAY_LOG_STR(cases[i].in)), cases[i].out);
    }
}

static void long_values_are_cut(void **state)
{
    (void)state;
    char many[1000];
    static const char *const fills[] = {"x",        "\"", "\n", "\xc3\xa9", "\xf0\x9f\x98\x80",
                                        " \xc3\xa9"};
    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        size_t step = strlen(fills[i]);
        for (size_t at = 0; at + step <= sizeof(many); at += step) {
            memcpy(many + at, fills[i], step);
        }
        struct ray_log_text quoted =
            ray_log_quote((struct ray_str){many, sizeof(many) / step * step});
        size_t len = strlen(quoted.text);
        assert_in_range(len, 240, 255);
        const char *end = quoted.text[0] == '"' ? "...\"" : "...";
        assert_string_equal(quoted.text + len - strlen(end), end);
    }
}

static void limiters_hold_back(void **state)
{
    struct fixture *f = *state;
    struct ray_log_limiter limiter = {0};
    uint64_t repeated = 99;
    assert_true(ray_log_allow(&limiter, &f->clock, &repeated));
    assert_int_equal(repeated, 0);
    for (int i = 0; i < 5; i++) {
        f->now_ns += RAY_NS_PER_S;
        assert_false(ray_log_allow(&limiter, &f->clock, &repeated));
    }
    f->now_ns += 55 * RAY_NS_PER_S;
    assert_true(ray_log_allow(&limiter, &f->clock, &repeated));
    assert_int_equal(repeated, 5);
    assert_false(ray_log_allow(&limiter, &f->clock, &repeated));
}

struct counted {
    struct fixture *f;
    struct ray_log_limiter limiter;
    _Atomic uint64_t allowed;
};

static void *ask_often(void *argument)
{
    struct counted *counted = argument;
    uint64_t repeated;
    for (int i = 0; i < 1000; i++) {
        if (ray_log_allow(&counted->limiter, &counted->f->clock, &repeated)) {
            counted->allowed += 1 + repeated;
            ray_log_error(counted->f->log, "once", "repeated=%d", (int)repeated);
        }
    }
    return NULL;
}

static void threads_share_a_limiter(void **state)
{
    struct counted counted = {.f = *state};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &counted), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    counted.f->now_ns += 60 * RAY_NS_PER_S;
    uint64_t repeated = 0;
    assert_true(ray_log_allow(&counted.limiter, &counted.f->clock, &repeated));
    assert_int_equal(counted.allowed + repeated, 4000); /* no occurrence is lost */
}

int main(void)
{
#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_LOG(text_lines),
        WITH_LOG(json_lines),
        WITH_LOG(levels),
        WITH_LOG(unquoted_values_stay_on_the_line),
        WITH_LOG(long_lines_are_cut_and_stay_json),
        cmocka_unit_test(quoting),
        cmocka_unit_test(long_values_are_cut),
        WITH_LOG(limiters_hold_back),
        WITH_LOG(threads_share_a_limiter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
