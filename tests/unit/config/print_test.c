/* Is nothing shown that is secret, and does what is shown read back as it was? */
#include "config/expand.h"
#include "config/secret.h"

#include "tests/unit/config/config_check.h"

static void test_secret_keys(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        bool secret;
    } cases[] = {
        {"password", true},         {"PASSWORD", true},       {"client_secret", true},
        {"secret", true},           {"token", true},          {"auth_token", true},
        {"key_pem", true},          {"ca_pem", true},         {"headers", true},
        {"response_headers", true}, {"Authorization", true},  {"api_key", true},
        {"htpasswd", true},         {"token_file", false},    {"key_file", false},
        {"region", false},          {"access_keys", false},   {"id", false},
        {"endpoint", false},        {"metadata_keys", false}, {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (ray_secret_key(ray_str_from(cases[i].key)) != cases[i].secret) {
            fail_msg("%s should be %s", cases[i].key, cases[i].secret ? "secret" : "shown");
        }
    }
}

static const struct print_case {
    const char *text, *printed;
} print_cases[] = {
    {"a: {password: x, b: y}", "a:\n  password: \"***\"\n  b: y\n"},
    {"headers: {x-key: abc, list: [a]}", "headers:\n  x-key: \"***\"\n  list:\n    - \"***\"\n"},
    {"access_keys: [{id: A, secret: B}]", "access_keys:\n  -\n    id: A\n    secret: \"***\"\n"},
    {"password:\ntoken: ''\n", "password:\ntoken: \"***\"\n"},
    {"proxy_address: http://user:word@host:8080/x?y=a@b",
     "proxy_address: \"http://***@host:8080/x?y=a@b\"\n"},
    {"proxy_address: http://host/@x", "proxy_address: \"http://host/@x\"\n"},
    {"endpoint: http://user@host", "endpoint: \"http://***@host\"\n"},
    {"mail: a@b.c", "mail: \"a@b.c\"\n"},
    {"a: -5\nb: '-x'\nc: '~'\nd: 'x:'\ne: 'null'\nf: '#x'\n",
     "a: -5\nb: \"-x\"\nc: \"~\"\nd: \"x:\"\ne: \"null\"\nf: \"#x\"\n"},
    {"a: \"line\\nbreak \\x01 \\\" \\\\ \\u2028 \\x85 \\ufeff\"",
     "a: \"line\\nbreak \\x01 \\\" \\\\ \\u2028 \\x85 \\ufeff\"\n"},
    {"a: $$${yaml:x}$${y} $z", "a: \"$x$${y} $z\"\n"},
};

static void test_print(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(print_cases) / sizeof(print_cases[0]); i++) {
        const struct print_case *c = &print_cases[i];
        struct bench b;
        bench_open(&b);
        struct ray_yaml *tree = NULL;
        CHECK_OK(ray_yaml_parse(ray_str_from(c->text), "f.yaml", b.arena, &b.problems, &tree));
        CHECK_OK(ray_expand(tree, b.arena, &b.problems));
        check_tree(c->text, tree, c->printed);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secret_keys),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
