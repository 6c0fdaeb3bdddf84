/* Is each entry of `indexed_attributes` read as it is written, and does a pattern fit what it
 * should?
 */
#include "tests/unit/check.h"
#include "translate/indexed.h"

static const struct {
    const char *text;
    enum ray_status status;
    const char *name, *renamed;
    bool is_pattern;
} entries[] = {
    {"http.route", RAY_OK, "http.route", "", false},
    {"", RAY_OK, "", "", false},
    {" padded ", RAY_OK, " padded ", "", false}, /* as elsewhere: names are taken as they stand */
    {"app.*", RAY_OK, "app.*", "", true},
    {"*", RAY_OK, "*", "", true},
    {"http.route -> route", RAY_OK, "http.route", "route", false},
    {"http.route->route", RAY_OK, "http.route", "route", false},
    {"otel.resource.service.name -> my service", RAY_OK, "otel.resource.service.name", "my service",
     false},
    {"a -> b -> c", RAY_OK, "a", "b -> c", false},
    {"a > b", RAY_OK, "a > b", "", false},
    {"-> b", RAY_INVALID, "-> b", "", false},
    {"a -> ", RAY_INVALID, "a -> ", "", false},
    {"app.* -> app", RAY_INVALID, "app.* -> app", "", false},
};

static void entries_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        struct ray_index_entry entry;
        print_message("'%s'\n", entries[i].text);
        assert_int_equal(ray_index_entry_read(ray_str_from(entries[i].text), &entry),
                         entries[i].status);
        CHECK_STR(entry.name, entries[i].name);
        CHECK_STR(entry.renamed, entries[i].renamed);
        assert_int_equal(entry.is_pattern, entries[i].is_pattern);
    }
}

static const struct {
    const char *pattern, *text;
    bool matches;
} matches[] = {
    {"app.*", "app.tenant", true},
    {"app.*", "app.", true},
    {"app.*", "app", false},
    {"app.*", "my.app.tenant", false},
    {"*.id", "order.id", true},
    {"*.id", "order.id.x", false},
    {"a*.id", "a.b.id", true},
    {"a*.id", "a.id", true},
    {"a*.id", "b.id", false},
    {"*", "", true},
    {"**", "x", true},
    {"a*b*c", "a-b-b-c", true},
    {"a*b*c", "a-c-b", false},
    {"*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    {"", "", true},
    {"", "x", false},
    {"otel.resource.*", "otel.resource.service.name", true},
};

static void patterns_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
        print_message("'%s' '%s'\n", matches[i].pattern, matches[i].text);
        assert_int_equal(
            ray_pattern_matches(ray_str_from(matches[i].pattern), ray_str_from(matches[i].text)),
            matches[i].matches);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(patterns_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
