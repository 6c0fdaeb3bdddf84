/*
 * fake_env: an environment for the searches of aws/, and a folder for shared files.
 *
 * The struct that aws/ asks takes a bare function, so the variables stand in a table of the test
 * program; each test fills it anew.
 */
#ifndef RAY_TESTS_FAKE_ENV_H
#define RAY_TESTS_FAKE_ENV_H

#include "../check.h"

#include "aws/credentials.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAKE_ENV_MAX 16

static struct {
    char name[64];
    char value[512];
} fake_env[FAKE_ENV_MAX];
static char fake_home[64];

static const char *fake_getenv(const char *name)
{
    for (size_t i = 0; i < FAKE_ENV_MAX; i++) {
        if (fake_env[i].name[0] != '\0' && strcmp(fake_env[i].name, name) == 0) {
            return fake_env[i].value;
        }
    }
    return NULL;
}

static const struct ray_aws_environment fake_environment = {fake_getenv};

static inline void fake_set(const char *name, const char *value)
{
    for (size_t i = 0; i < FAKE_ENV_MAX; i++) {
        if (fake_env[i].name[0] == '\0') {
            snprintf(fake_env[i].name, sizeof(fake_env[i].name), "%s", name);
            snprintf(fake_env[i].value, sizeof(fake_env[i].value), "%s", value);
            return;
        }
    }
    fail_msg("fake_env is full");
}

static inline void fake_write(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/.aws/%s", fake_home, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Forgets all variables and files; HOME is the folder. */
static inline void fake_reset(void)
{
    char path[160];
    memset(fake_env, 0, sizeof(fake_env));
    if (fake_home[0] == '\0') {
        snprintf(fake_home, sizeof(fake_home), "/tmp/ray-aws-test-XXXXXX");
        assert_non_null(mkdtemp(fake_home));
        snprintf(path, sizeof(path), "%s/.aws", fake_home);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof(path), "%s/.aws/config", fake_home);
    unlink(path);
    snprintf(path, sizeof(path), "%s/.aws/credentials", fake_home);
    unlink(path);
    fake_set("HOME", fake_home);
}

static inline int fake_remove(void **state)
{
    (void)state;
    char path[160];
    fake_reset();
    snprintf(path, sizeof(path), "%s/.aws", fake_home);
    rmdir(path);
    rmdir(fake_home);
    return 0;
}

#endif
