/* endpoint: which region and which URL, and is every wrong one refused with a reason? */
#include "fake_env.h"

#include "aws/endpoint.h"
#include "aws/proxy.h"

static struct ray_aws_error error;

static const struct {
    const char *configured;
    const char *env[4];
    const char *config;
    enum ray_status want;
    const char *region; /* or part of the error */
    const char *source;
    bool fips;
} regions[] = {
    {"eu-west-1", {"AWS_REGION", "x"}, NULL, RAY_OK, "eu-west-1", "configuration", false},
    {"", {"AWS_REGION", "a", "AWS_DEFAULT_REGION", "b"}, NULL, RAY_OK, "a", "AWS_REGION", false},
    {"", {"AWS_DEFAULT_REGION", "b"}, NULL, RAY_OK, "b", "AWS_DEFAULT_REGION", false},
    {"", {NULL}, "[default]\nregion = c\n", RAY_OK, "c", "profile", false},
    {"", {NULL}, NULL, RAY_AGAIN, "tried the key `region`, AWS_REGION", NULL, false},
    {"fips-us-east-1", {NULL}, NULL, RAY_OK, "us-east-1", "configuration", true},
    {"us-east-1-fips", {NULL}, NULL, RAY_OK, "us-east-1", "configuration", true},
    {"evil.com/", {NULL}, NULL, RAY_INVALID, "is no AWS region", NULL, false},
    {"US-EAST-1", {NULL}, NULL, RAY_INVALID, "is no AWS region", NULL, false},
};

static void set_up(const char *const *env, const char *config)
{
    fake_reset();
    for (size_t i = 0; i < 4 && env[i] != NULL; i += 2) {
        fake_set(env[i], env[i + 1]);
    }
    if (config != NULL) {
        fake_write("config", config);
    }
}

static void test_regions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        struct ray_region region;
        set_up(regions[i].env, regions[i].config);
        enum ray_status status = ray_region_find(
            &fake_environment, ray_str_from(regions[i].configured), RAY_STR(""), &region, &error);
        assert_int_equal(status, regions[i].want);
        if (status == RAY_OK) {
            CHECK_STR(ray_str_from(region.name), regions[i].region);
            CHECK_STR(ray_str_from(region.source), regions[i].source);
            assert_int_equal(region.fips, regions[i].fips);
        } else {
            assert_non_null(strstr(error.text, regions[i].region));
        }
    }
}

static const struct {
    const char *region;
    const char *configured;
    const char *env[4];
    const char *config;
    const char *want; /* NULL: RAY_INVALID */
} endpoints[] = {
    {"us-east-1", "", {NULL}, NULL, "https://xray.us-east-1.amazonaws.com"},
    {"cn-north-1", "", {NULL}, NULL, "https://xray.cn-north-1.amazonaws.com.cn"},
    {"us-gov-west-1", "", {NULL}, NULL, "https://xray.us-gov-west-1.amazonaws.com"},
    {"eusc-de-east-1", "", {NULL}, NULL, "https://xray.eusc-de-east-1.amazonaws.eu"},
    {"us-isob-east-1", "", {NULL}, NULL, "https://xray.us-isob-east-1.sc2s.sgov.gov"},
    {"us-iso-east-1", "", {NULL}, NULL, "https://xray.us-iso-east-1.c2s.ic.gov"},
    {"brand-new-1", "", {NULL}, NULL, "https://xray.brand-new-1.amazonaws.com"},
    {"us-east-1",
     "",
     {"AWS_USE_FIPS_ENDPOINT", "true"},
     NULL,
     "https://xray-fips.us-east-1.amazonaws.com"},
    {"us-east-1",
     "",
     {"AWS_USE_DUALSTACK_ENDPOINT", "TRUE"},
     NULL,
     "https://xray.us-east-1.api.aws"},
    {"us-east-1",
     "",
     {"AWS_USE_DUALSTACK_ENDPOINT", "true", "AWS_USE_FIPS_ENDPOINT", "true"},
     NULL,
     "https://xray-fips.us-east-1.api.aws"},
    {"r", "http://h:1/", {"AWS_ENDPOINT_URL_XRAY", "http://x"}, NULL, "http://h:1"},
    {"r",
     "",
     {"AWS_ENDPOINT_URL_XRAY", "http://x", "AWS_ENDPOINT_URL", "http://y"},
     NULL,
     "http://x"},
    {"r", "", {"AWS_ENDPOINT_URL", "http://y/base//"}, NULL, "http://y/base"},
    {"r",
     "",
     {"AWS_ENDPOINT_URL", "http://y", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"},
     NULL,
     "https://xray.r.amazonaws.com"},
    {"r", "", {NULL}, "[default]\nendpoint_url = http://p\n", "http://p"},
    {"r",
     "",
     {NULL},
     "[default]\nendpoint_url=http://p\nservices=s\n[services s]\nxray=\n  endpoint_url=http://s\n",
     "http://s"},
    {"r", "http://h", {"AWS_USE_FIPS_ENDPOINT", "true"}, NULL, NULL},
    {"r", "ftp://h", {NULL}, NULL, NULL},
    {"r", "http://", {NULL}, NULL, NULL},
    {"r", "http:///x", {NULL}, NULL, NULL},
    {"r", "http://u@h", {NULL}, NULL, NULL},
    {"r", "http://h:0", {NULL}, NULL, NULL},
    {"r", "http://h:70000", {NULL}, NULL, NULL},
    {"r", "http://h?q", {NULL}, NULL, NULL},
    {"r", "http://h\r\nX: y", {NULL}, NULL, NULL},
    {"r", "http://[::1", {NULL}, NULL, NULL},
    {"r", "http://[::1]x:80", {NULL}, NULL, NULL},
    {"r", "http://[]", {NULL}, NULL, NULL},
    {"r", "http://::1", {NULL}, NULL, NULL},
    {"r", "http://h]", {NULL}, NULL, NULL},
};

static void test_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        struct ray_region region = {.source = "test"};
        char out[RAY_ENDPOINT_BYTES];
        snprintf(region.name, sizeof(region.name), "%s", endpoints[i].region);
        set_up(endpoints[i].env, endpoints[i].config);
        enum ray_status status =
            ray_endpoint_find(&fake_environment, ray_str_from(endpoints[i].configured), RAY_STR(""),
                              &region, out, &error);
        if (endpoints[i].want == NULL) {
            assert_int_equal(status, RAY_INVALID);
            print_message("%s\n", error.text);
        } else {
            CHECK_OK(status);
            CHECK_STR(ray_str_from(out), endpoints[i].want);
        }
    }
}

static void test_split(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"https://h:443/a/b", "h", "h", "/a/b"}, {"http://h:443", "h:443", "h", ""},
        {"http://h:80/", "h", "h", ""},          {"http://[::1]:2001/x", "[::1]:2001", "::1", "/x"},
        {"https://[::1]", "[::1]", "::1", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_endpoint parts;
        CHECK_OK(ray_endpoint_split(ray_str_from(cases[i][0]), &parts, &error));
        CHECK_STR(parts.authority, cases[i][1]);
        CHECK_STR(parts.host, cases[i][2]);
        CHECK_STR(parts.path, cases[i][3]);
    }
}

/* A URL that is refused is shown, but not the password in it, whatever the fault is. */
static void test_passwords_are_not_shown(void **state)
{
    (void)state;
    static const char *const cases[] = {"http://me:hush@h", "http://me:hush@h:70000",
                                        "ftp://me:hush@h", "http://me:hu sh@h"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_endpoint parts;
        assert_int_equal(ray_endpoint_split(ray_str_from(cases[i]), &parts, &error), RAY_INVALID);
        if (strstr(error.text, "hu") != NULL) {
            fail_msg("%s", error.text);
        }
    }
}

static void test_proxies(void **state)
{
    (void)state;
    static const char *const cases[][6] = {
        /* url, configured, HTTPS_PROXY, http_proxy, NO_PROXY, wanted */
        {"https://xray.r.amazonaws.com", "", "", "", "", ""},
        {"https://xray.r.amazonaws.com", "http://c", "http://s", "", "", "http://c"},
        {"https://xray.r.amazonaws.com", "", "http://s", "http://p", "", "http://s"},
        {"http://h", "", "http://s", "http://p", "", "http://p"},
        {"http://127.0.0.1:2001", "", "", "http://p", "", ""},
        {"http://localhost", "http://c", "", "", "", ""},
        {"http://[::1]", "http://c", "", "", "", ""},
        {"https://xray.r.amazonaws.com", "", "http://s", "", "x, .amazonaws.com", ""},
        {"https://xray.r.amazonaws.com", "", "http://s", "", "*.amazonaws.com", ""},
        {"https://xray.r.amazonaws.com", "", "http://s", "", "amazonaws.com", ""},
        {"https://xray.r.amazonaws.com", "", "http://s", "", "zonaws.com", "http://s"},
        {"https://xray.r.amazonaws.com", "", "http://s", "", "*", ""},
        {"http://10.1.2.3", "", "", "http://p", "10.0.0.0/8", ""},
        {"http://11.1.2.3", "", "", "http://p", "10.0.0.0/8", "http://p"},
        {"http://[fd00::7]", "", "", "http://p", "fd00::/8", ""},
        {"http://h:8080", "", "", "http://p", "h:8080", ""},
        {"http://h:8081", "", "", "http://p", "h:8080", "http://p"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_endpoint parts;
        char out[RAY_PROXY_BYTES];
        fake_reset();
        fake_set("HTTPS_PROXY", cases[i][2]);
        fake_set("http_proxy", cases[i][3]);
        fake_set("NO_PROXY", cases[i][4]);
        CHECK_OK(ray_endpoint_split(ray_str_from(cases[i][0]), &parts, &error));
        ray_proxy_find(&fake_environment, ray_str_from(cases[i][1]), &parts, out);
        CHECK_STR(ray_str_from(out), cases[i][5]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions), cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_split), cmocka_unit_test(test_passwords_are_not_shown),
        cmocka_unit_test(test_proxies)};
    return cmocka_run_group_tests(tests, NULL, fake_remove);
}
