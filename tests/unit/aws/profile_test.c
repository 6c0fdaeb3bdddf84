/* profile: are the shared files read as the SDKs read them? */
#include "../check.h"

#include "aws/profile.h"

static const struct {
    const char *name; /* of the case */
    enum ray_profile_file kind;
    const char *profile;
    const char *text;
    const char *region; /* NULL: the profile is not found */
} cases[] = {
    {"config default", RAY_PROFILE_CONFIG, "default", "[default]\nregion = a\n", "a"},
    {"config needs the word", RAY_PROFILE_CONFIG, "p", "[p]\nregion = a\n", NULL},
    {"config profile", RAY_PROFILE_CONFIG, "p", "[profile p]\nregion = a", "a"},
    {"config quotes", RAY_PROFILE_CONFIG, "my p", "[profile \"my p\"]\nregion=a\n", "a"},
    {"blanks in the head", RAY_PROFILE_CONFIG, "p", "[ profile \t p ] # x\nregion=a\n", "a"},
    {"sso-session is no profile", RAY_PROFILE_CONFIG, "p", "[sso-session p]\nregion=a\n", NULL},
    {"credentials plain", RAY_PROFILE_CREDENTIALS, "p", "[p]\nregion=a\n", "a"},
    {"credentials with the word", RAY_PROFILE_CREDENTIALS, "p", "[profile p]\nregion=a\n", NULL},
    {"profile default wins before", RAY_PROFILE_CONFIG, "default",
     "[profile default]\nregion=a\n[default]\nregion=b\n", "a"},
    {"profile default wins after", RAY_PROFILE_CONFIG, "default",
     "[default]\nregion=b\n[profile default]\n", ""},
    {"sections merge, later wins", RAY_PROFILE_CREDENTIALS, "p",
     "[p]\nregion=a\n[q]\nregion=z\n[p]\nRegion=b\n", "b"},
    {"CRLF", RAY_PROFILE_CREDENTIALS, "p", "[p]\r\nregion = a\r\n", "a"},
    {"byte order mark", RAY_PROFILE_CREDENTIALS, "p", "\xEF\xBB\xBF[p]\nregion = a\n", "a"},
    {"comment after a blank", RAY_PROFILE_CREDENTIALS, "p", "[p]\nregion = a ; b\n", "a"},
    {"no comment without a blank", RAY_PROFILE_CREDENTIALS, "p", "[p]\nregion = a;b#c\n", "a;b#c"},
    {"comment lines", RAY_PROFILE_CREDENTIALS, "p", "; x\n[p]\n# region = z\n;\nregion=a\n", "a"},
    {"only a comment for a value", RAY_PROFILE_CREDENTIALS, "p", "[p]\nregion = # none\n", ""},
    {"nested keys are not ours", RAY_PROFILE_CREDENTIALS, "p",
     "[p]\ns3 =\n  region = z\noutput = json\n", ""},
    {"all indented alike", RAY_PROFILE_CREDENTIALS, "p", "[p]\n  output = x\n  region = a\n", "a"},
    {"empty file", RAY_PROFILE_CREDENTIALS, "p", "", NULL},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_profile profile = {.name = ray_str_from(cases[i].profile)};
        struct ray_aws_error error;
        print_message("%s\n", cases[i].name);
        CHECK_OK(
            ray_profile_take(&profile, ray_str_from(cases[i].text), cases[i].kind, "f", &error));
        assert_int_equal(profile.found, cases[i].region != NULL);
        CHECK_STR(profile.values[RAY_PROFILE_REGION], cases[i].region);
    }
}

static const struct {
    const char *text;
    const char *want;
} broken[] = {
    {"region = a\n", "f:1: a key stands before"}, {"[p]\n\nregion\n", "f:3: neither [section]"},
    {"[p]\n= a\n", "f:2: neither [section]"},     {"[p\nregion = a\n", "f:1: a section's ']'"},
    {"[p] x\n", "f:1: something follows"},
};

static void test_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct ray_profile profile = {.name = RAY_STR("p")};
        struct ray_aws_error error;
        assert_int_equal(ray_profile_take(&profile, ray_str_from(broken[i].text),
                                          RAY_PROFILE_CREDENTIALS, "f", &error),
                         RAY_INVALID);
        CHECK_STR(ray_str_until(ray_str_from(error.text), strlen(broken[i].want)), broken[i].want);
    }
}

static void test_service_endpoint(void **state)
{
    (void)state;
    struct ray_profile profile = {.name = RAY_STR("p")};
    struct ray_aws_error error;
    struct ray_str text = RAY_STR("[services other]\nxray =\n  endpoint_url = http://no\n"
                                  "[profile p]\nservices = dev\nendpoint_url = http://all\n"
                                  "[services dev]\ns3 =\n  endpoint_url = http://no\n"
                                  "xray =\n  endpoint_url = http://yes\n");
    CHECK_OK(ray_profile_take(&profile, text, RAY_PROFILE_CONFIG, "f", &error));
    CHECK_STR(profile.service_endpoint_url, "http://yes");
    CHECK_STR(profile.values[RAY_PROFILE_ENDPOINT_URL], "http://all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_broken),
                                       cmocka_unit_test(test_service_endpoint)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
