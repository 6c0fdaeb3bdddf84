/* Is the host of a connection string the one that Go's net/url finds? */
#include "translate/url_host.h"

#include "tests/unit/check.h"

static const struct {
    const char *url, *want;
} cases[] = {
    {"mysql://db.example:3306", "db.example"},
    {"mysql://u:p@db.example:3306/shop?x=//y", "db.example"},
    {"postgresql://[2001:db8::1]:5432/x", "2001:db8::1"},
    {"postgresql://[2001:db8::1]", "2001:db8::1"},
    {"http://[fe80::1%25en0]:80/", "fe80::1%en0"},
    {"//h/x", "h"},
    {"mysql://h1:3306,h2:3306/d", "h1:3306,h2"},
    {"mysql://h:/d", "h"},
    {"mysql://u@v@h/d", "h"},
    {"mysql://caf%c3%a9/d", "caf\xc3\xa9"},
    {"mysql://h?x=%zz", "h"},
    {"mysql://h<x>/d", "h<x>"},
    {"a+b-c.1://h", "h"},
    /* no scheme, or nothing but a scheme */
    {"", ""},
    {"//", ""},
    {"///h/x", ""},
    {"http://[", ""},
    {"http://]", "]"},
    {"Server=db;Port=1", ""},
    {"h2:tcp://localhost/~/test", ""},
    {"mysql:replication://h1,h2/db", ""},
    {" mysql://h", ""},
    {"1mysql://h/d", ""},
    {"my_sql://h/d", ""},
    {"://h/d", ""},
    {"/x//h", ""},
    {"?//h", ""},
    /* not to be parsed */
    {"sqlserver://sql.x:1433;databaseName=a", ""},
    {"mysql://h:33x6/d", ""},
    {"mysql://a b/c", ""},
    {"mysql://h/%zz", ""},
    {"mysql://h/%4", ""},
    {"mysql://%zz/", ""},
    {"mysql://%41/", ""},
    {"mysql://h/d\n", ""},
    {"mysql://h/d#%zz", ""},
    {"mysql://h/d#\n", "h"},
    {"mysql://u:p#ss@h/", ""},
    {"mysql://u:p^ss@h/", ""},
    {"mysql://u<p@h/", ""},
    {"mysql://[::1", ""},
    {"mysql://[::1]x", ""},
    {"mysql://h`x/d", ""},
    {"mysql://{h}/d", ""},
    {"mysql://h|y/d", ""},
    {"http://a\\b/c", ""},
};

static void hosts_come_out_of_urls(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1 << 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].url);
        CHECK_STR(ray_url_host(ray_str_from(cases[i].url), arena), cases[i].want);
    }
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hosts_come_out_of_urls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
