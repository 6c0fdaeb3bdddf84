/* credentials: is the right source taken, and does a broken one say what to do? */
#include "fake_env.h"

static struct ray_aws_error error;

static enum ray_status find(const char *profile, struct ray_credentials **out)
{
    memset(&error, 0, sizeof(error));
    *out = NULL;
    return ray_credentials_find(&fake_environment, ray_str_from(profile), out, &error);
}

struct source_case {
    const char *name;
    const char *env[8]; /* name, value, ... */
    const char *config;
    const char *credentials;
    const char *profile; /* of the settings */
    enum ray_status want;
    const char *key_id; /* RAY_OK */
    const char *says;   /* else: part of the error */
};

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = secret-of-" id "\n"

static const struct source_case cases[] = {
    {"nothing at all", {NULL}, NULL, NULL, "", RAY_AGAIN, NULL, "tried AWS_ACCESS_KEY_ID"},
    {"environment",
     {"AWS_ACCESS_KEY_ID", "AKIDENV", "AWS_SECRET_ACCESS_KEY", "s"},
     NULL,
     "[default]\n" KEYS("AKIDFILE"),
     "",
     RAY_OK,
     "AKIDENV",
     NULL},
    {"empty variables are unset",
     {"AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", ""},
     NULL,
     "[default]\n" KEYS("AKIDFILE"),
     "",
     RAY_OK,
     "AKIDFILE",
     NULL},
    {"id without secret",
     {"AWS_ACCESS_KEY_ID", "AKIDENV"},
     NULL,
     "[default]\n" KEYS("AKIDFILE"),
     "",
     RAY_INVALID,
     NULL,
     "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"},
    {"environment wins over AWS_PROFILE",
     {"AWS_ACCESS_KEY_ID", "AKIDENV", "AWS_SECRET_ACCESS_KEY", "s", "AWS_PROFILE", "p"},
     NULL,
     "[p]\n" KEYS("AKIDP"),
     "",
     RAY_OK,
     "AKIDENV",
     NULL},
    {"the settings' profile wins over the environment",
     {"AWS_ACCESS_KEY_ID", "AKIDENV", "AWS_SECRET_ACCESS_KEY", "s"},
     NULL,
     "[p]\n" KEYS("AKIDP"),
     "p",
     RAY_OK,
     "AKIDP",
     NULL},
    {"default profile", {NULL}, NULL, "[default]\n" KEYS("AKIDFILE"), "", RAY_OK, "AKIDFILE", NULL},
    {"config file", {NULL}, "[default]\n" KEYS("AKIDCONF"), NULL, "", RAY_OK, "AKIDCONF", NULL},
    {"credentials file wins",
     {NULL},
     "[default]\n" KEYS("AKIDCONF"),
     "[default]\n" KEYS("AKIDFILE"),
     "",
     RAY_OK,
     "AKIDFILE",
     NULL},
    {"AWS_PROFILE",
     {"AWS_PROFILE", "p"},
     "[profile p]\n" KEYS("AKIDP"),
     NULL,
     "",
     RAY_OK,
     "AKIDP",
     NULL},
    {"named but absent",
     {"AWS_PROFILE", "gone"},
     NULL,
     "[default]\n" KEYS("AKIDFILE"),
     "",
     RAY_INVALID,
     NULL,
     "profile gone is neither in"},
    {"default without keys",
     {NULL},
     "[default]\nregion = x\n",
     NULL,
     "",
     RAY_AGAIN,
     NULL,
     "no AWS credentials"},
    {"half a pair",
     {NULL},
     NULL,
     "[default]\naws_access_key_id = A\n",
     "",
     RAY_INVALID,
     NULL,
     "aws_access_key_id without aws_secret_access_key"},
    {"role_arn",
     {"AWS_PROFILE", "r"},
     "[profile r]\nrole_arn = x\nsource_profile = default\n",
     "[default]\n" KEYS("AKIDFILE"),
     "",
     RAY_INVALID,
     NULL,
     "profile r in "},
    {"role_arn over static keys is not dropped",
     {NULL},
     "[default]\nrole_arn = x\n" KEYS("A"),
     NULL,
     "",
     RAY_INVALID,
     NULL,
     "`role_arn`"},
    {"static keys before sso",
     {NULL},
     "[default]\nsso_session = x\n" KEYS("AKIDCONF"),
     NULL,
     "",
     RAY_OK,
     "AKIDCONF",
     NULL},
    {"sso", {NULL}, "[default]\nsso_session = x\n", NULL, "", RAY_INVALID, NULL, "`sso_session`"},
    {"credential_process",
     {NULL},
     "[default]\ncredential_process = x\n",
     NULL,
     "",
     RAY_INVALID,
     NULL,
     "`credential_process`"},
    {"malformed file",
     {NULL},
     NULL,
     "[default]\nnonsense\n",
     "",
     RAY_INVALID,
     NULL,
     "credentials:2: neither"},
    {"web identity",
     {"AWS_WEB_IDENTITY_TOKEN_FILE", "/x"},
     NULL,
     "[default]\n" KEYS("AKIDFILE"),
     "",
     RAY_INVALID,
     NULL,
     "AWS_WEB_IDENTITY_TOKEN_FILE is set"},
    {"container",
     {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"},
     NULL,
     NULL,
     "",
     RAY_INVALID,
     NULL,
     "AWS_CONTAINER_CREDENTIALS_FULL_URI is set"},
    {"container behind a profile",
     {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"},
     NULL,
     "[default]\n" KEYS("AKIDFILE"),
     "",
     RAY_OK,
     "AKIDFILE",
     NULL},
    {"control character",
     {"AWS_ACCESS_KEY_ID", "AK\r\nX: y", "AWS_SECRET_ACCESS_KEY", "s"},
     NULL,
     NULL,
     "",
     RAY_INVALID,
     NULL,
     "control character"},
};

static void check_case(const struct source_case *c)
{
    struct ray_credentials *credentials;
    print_message("%s\n", c->name);
    fake_reset();
    for (size_t i = 0; i < 8 && c->env[i] != NULL; i += 2) {
        fake_set(c->env[i], c->env[i + 1]);
    }
    if (c->config != NULL) {
        fake_write("config", c->config);
    }
    if (c->credentials != NULL) {
        fake_write("credentials", c->credentials);
    }
    enum ray_status status = find(c->profile, &credentials);
    print_message("    %s %s\n", ray_status_name(status), error.text);
    assert_int_equal(status, c->want);
    if (c->want == RAY_OK) {
        CHECK_STR(ray_str_from(credentials->access_key_id), c->key_id);
        ray_credentials_unref(credentials);
    } else {
        assert_non_null(strstr(error.text, c->says));
        assert_null(strstr(error.text, "secret-of"));
    }
}

static void test_sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_case(&cases[i]);
    }
}

static void test_everything_is_taken(void **state)
{
    (void)state;
    struct ray_credentials *credentials;
    char want[160];
    fake_reset();
    fake_write("credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=b=c#d\n"
                              "AWS_SESSION_TOKEN = t==\n");
    CHECK_OK(find("", &credentials));
    CHECK_STR(ray_str_from(credentials->secret_access_key), "b=c#d");
    CHECK_STR(ray_str_from(credentials->session_token), "t==");
    snprintf(want, sizeof(want), "profile default (%s/.aws/credentials)", fake_home);
    CHECK_STR(ray_str_from(credentials->source), want);
    ray_credentials_unref(ray_credentials_ref(credentials));
    assert_true(ray_credentials_equal(credentials, credentials));
    assert_false(ray_credentials_equal(credentials, NULL));
    ray_credentials_unref(credentials);
}

static void test_unreadable(void **state)
{
    (void)state;
    struct ray_credentials *credentials;
    fake_reset();
    fake_set("AWS_SHARED_CREDENTIALS_FILE", fake_home); /* a folder: cannot be read, even by root */
    assert_int_equal(find("", &credentials), RAY_INVALID);
    assert_non_null(strstr(error.text, "cannot be read"));
    assert_non_null(strstr(error.text, fake_home));
}

static void test_shown_id(void **state)
{
    (void)state;
    static const char *const ids[][2] = {{"AKIDEXAMPLEMPLE", "AKID...MPLE"}, {"AKIDEX", "****"}};
    for (size_t i = 0; i < 2; i++) {
        char shown[16];
        ray_credentials_show_id(ids[i][0], shown);
        CHECK_STR(ray_str_from(shown), ids[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources), cmocka_unit_test(test_everything_is_taken),
        cmocka_unit_test(test_unreadable), cmocka_unit_test(test_shown_id)};
    return cmocka_run_group_tests(tests, NULL, fake_remove);
}
