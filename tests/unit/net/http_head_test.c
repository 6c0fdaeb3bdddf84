/* Which framings are clear, and what do path and query say? */
#include "tests/unit/check.h"

#include "net/http_head.h"

#define F(name, value)                                                                             \
    {                                                                                              \
        RAY_STR_INIT(name), RAY_STR_INIT(value)                                                    \
    }

static const struct {
    struct ray_http_field fields[3];
    size_t count;
    enum ray_http_framing want;
    uint64_t bytes;
} framings[] = {
    {{F("Host", "x")}, 1, RAY_HTTP_SIZED, 0},
    {{F("content-LENGTH", "17")}, 1, RAY_HTTP_SIZED, 17},
    {{F("Content-Length", "18446744073709551615")}, 1, RAY_HTTP_SIZED, UINT64_MAX},
    {{F("transfer-encoding", "Chunked")}, 1, RAY_HTTP_CHUNKED, 0},
    {{F("Content-Length", "18446744073709551616")}, 1, RAY_HTTP_BROKEN, 0},
    {{F("Content-Length", "")}, 1, RAY_HTTP_BROKEN, 0},
    {{F("Content-Length", "+5")}, 1, RAY_HTTP_BROKEN, 0},
    {{F("Content-Length", "0x5")}, 1, RAY_HTTP_BROKEN, 0},
    {{F("Content-Length", "5"), F("Content-Length", "5")}, 2, RAY_HTTP_BROKEN, 0},
    {{F("Content-Length", "5"), F("Transfer-Encoding", "chunked")}, 2, RAY_HTTP_BROKEN, 0},
    {{F("Transfer-Encoding", "chunked"), F("X", ""), F("Content-Length", "5")},
     3,
     RAY_HTTP_BROKEN,
     0},
    {{F("Transfer-Encoding", "identity")}, 1, RAY_HTTP_BROKEN, 0},
    {{F("Transfer-Encoding", "chunked, chunked")}, 1, RAY_HTTP_BROKEN, 0},
    {{F("Content-Length ", "5")}, 1, RAY_HTTP_BROKEN, 0},
    {{F("Content-Length\0", "5")}, 1, RAY_HTTP_BROKEN, 0},
    {{F("", "5")}, 1, RAY_HTTP_BROKEN, 0},
};

static void ambiguous_framings_are_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(framings) / sizeof(framings[0]); i++) {
        uint64_t bytes = 0;
        enum ray_http_framing got =
            ray_http_framing_of(framings[i].fields, framings[i].count, &bytes);
        if (got != framings[i].want || bytes != framings[i].bytes) {
            fail_msg("case %zu: framing %d, %ju bytes", i, got, (uintmax_t)bytes);
        }
    }
}

static const struct {
    const char *target, *path, *value; /* of the parameter "key" */
} targets[] = {
    {"/", "/", NULL},
    {"/a%20b?key=1", "/a%20b", "1"},
    {"/a?key", "/a", ""},
    {"/a?key=", "/a", ""},
    {"/a?b=2&key=x%2By+z&key=2", "/a", "x+y z"},
    {"/a?%6bey=v", "/a", "v"},
    {"/a?key=%", "/a", "%"},
    {"/a?key=%4", "/a", "%4"},
    {"/a?key=%zz%41", "/a", "%zzA"},
    {"/a?keys=1&ke=2&=3&&", "/a", NULL},
    {"/a?x=?key=1", "/a", NULL},
    {"http://host:80/p/q?key=v", "/p/q", "v"},
    {"http://host", "/", NULL},
    {"/r?u=http://host/x", "/r", NULL},
    {"*", "*", NULL},
    {"", "", NULL},
};

static void path_and_query_come_from_the_target(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct ray_arena *arena = ray_arena_new(4096);
        struct ray_str target = ray_str_from(targets[i].target);
        CHECK_STR(ray_http_target_path(target), targets[i].path);
        struct ray_str value = ray_http_target_query(target, RAY_STR("key"), arena);
        CHECK_STR(value, targets[i].value);
        assert_int_equal(value.ptr == NULL, targets[i].value == NULL);
        ray_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ambiguous_framings_are_broken),
        cmocka_unit_test(path_and_query_come_from_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
