/* credentials: see the header. The chain is the table at the end; its order is the AWS SDKs'
 * (Go v2), which is the collector's too. */
#include "aws/credentials.h"

#include "aws/profile.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/* One block: this head, then the four strings. */
struct block {
    struct ray_credentials credentials; /* first: the public pointer is the block's */
    atomic_uint references;
    size_t bytes;
    char text[];
};

static const char *process_getenv(const char *name)
{
    return getenv(name);
}

const struct ray_aws_environment ray_aws_process_environment = {process_getenv};

const char *ray_aws_variable(const struct ray_aws_environment *environment, const char *name)
{
    const char *value = environment->getenv(name);
    return value != NULL ? value : "";
}

bool ray_aws_switch(const struct ray_aws_environment *environment, const char *name)
{
    return ray_str_eq_nocase(ray_str_from(ray_aws_variable(environment, name)), RAY_STR("true"));
}

static const char *put_text(char **at, struct ray_str s)
{
    char *start = *at;
    if (s.len > 0) {
        memcpy(start, s.ptr, s.len);
    }
    start[s.len] = '\0';
    *at += s.len + 1;
    return start;
}

struct ray_credentials *ray_credentials_new(struct ray_str access_key_id, struct ray_str secret,
                                            struct ray_str token, const char *source)
{
    struct ray_str from = ray_str_from(source);
    size_t text_bytes = access_key_id.len + secret.len + token.len + from.len + 4;
    struct block *block = malloc(sizeof(*block) + text_bytes);
    if (block == NULL) {
        return NULL;
    }
    char *at = block->text;
    atomic_init(&block->references, 1);
    block->bytes = sizeof(*block) + text_bytes;
    block->credentials.access_key_id = put_text(&at, access_key_id);
    block->credentials.secret_access_key = put_text(&at, secret);
    block->credentials.session_token = put_text(&at, token);
    block->credentials.source = put_text(&at, from);
    return &block->credentials;
}

struct ray_credentials *ray_credentials_ref(struct ray_credentials *credentials)
{
    struct block *block = (struct block *)credentials;
    atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
    return credentials;
}

void ray_credentials_unref(struct ray_credentials *credentials)
{
    struct block *block = (struct block *)credentials;
    if (block != NULL &&
        atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1) {
        OPENSSL_cleanse(block, block->bytes);
        free(block);
    }
}

bool ray_credentials_equal(const struct ray_credentials *a, const struct ray_credentials *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return strcmp(a->access_key_id, b->access_key_id) == 0 &&
           strcmp(a->secret_access_key, b->secret_access_key) == 0 &&
           strcmp(a->session_token, b->session_token) == 0;
}

void ray_credentials_show_id(const char *access_key_id, char out[16])
{
    size_t len = strlen(access_key_id);
    if (len < 12) {
        snprintf(out, 16, "****");
        return;
    }
    snprintf(out, 16, "%.4s...%.4s", access_key_id, access_key_id + len - 4);
}

/* -- the chain -- */

struct search {
    const struct ray_aws_environment *environment;
    struct ray_str profile; /* of the exporter's settings */
    struct ray_credentials **out;
    struct ray_aws_error *error;
};

/* CR or LF in a key id or token would write headers of their own. */
static bool is_printable(struct ray_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

static enum ray_status make(struct search *search, struct ray_str id, struct ray_str secret,
                            struct ray_str token, const char *source)
{
    if (!is_printable(id) || !is_printable(secret) || !is_printable(token)) {
        snprintf(search->error->text, sizeof(search->error->text),
                 "%s: the access key id, secret or session token holds a blank or a control "
                 "character: correct it",
                 source);
        return RAY_INVALID;
    }
    *search->out = ray_credentials_new(id, secret, token, source);
    return *search->out != NULL ? RAY_OK : RAY_NOMEM;
}

static enum ray_status from_variables(struct search *search)
{
    struct ray_str id = ray_str_from(ray_aws_variable(search->environment, "AWS_ACCESS_KEY_ID"));
    struct ray_str secret =
        ray_str_from(ray_aws_variable(search->environment, "AWS_SECRET_ACCESS_KEY"));
    struct ray_str token = ray_str_from(ray_aws_variable(search->environment, "AWS_SESSION_TOKEN"));
    if (id.len == 0 && secret.len == 0) {
        return RAY_AGAIN;
    }
    if (id.len == 0 || secret.len == 0) {
        snprintf(search->error->text, sizeof(search->error->text),
                 "%s is set, but %s is not: set both",
                 id.len > 0 ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                 id.len > 0 ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
        return RAY_INVALID;
    }
    return make(search, id, secret, token, "environment");
}

/* Sources that exist in the chain and are not served here: when one is configured, sliding past it
 * would sign with keys that nobody meant. */
static enum ray_status refuse_variable(struct search *search, const char *name)
{
    if (ray_aws_variable(search->environment, name)[0] == '\0') {
        return RAY_AGAIN;
    }
    snprintf(search->error->text, sizeof(search->error->text),
             "%s is set, but this version serves static keys only: set AWS_ACCESS_KEY_ID and "
             "AWS_SECRET_ACCESS_KEY, or a profile with aws_access_key_id and "
             "aws_secret_access_key, and unset %s if it is not meant",
             name, name);
    return RAY_INVALID;
}

static enum ray_status from_web_identity(struct search *search)
{
    return refuse_variable(search, "AWS_WEB_IDENTITY_TOKEN_FILE");
}

static enum ray_status from_container(struct search *search)
{
    enum ray_status status = refuse_variable(search, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    return status != RAY_AGAIN ? status
                               : refuse_variable(search, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

/* The first key in [first, end) that the profile has: a source this version does not serve. */
static enum ray_status refuse_keys(const struct search *search, const struct ray_profile *profile,
                                   enum ray_profile_key first, enum ray_profile_key end)
{
    for (size_t key = first; key < end; key++) {
        if (profile->values[key].len > 0) {
            snprintf(search->error->text, sizeof(search->error->text),
                     "profile %.*s in %.150s has `%s`, but this version serves static keys only: "
                     "give it aws_access_key_id and aws_secret_access_key, or name another profile",
                     (int)(profile->name.len > 64 ? 64 : profile->name.len), profile->name.ptr,
                     profile->paths[profile->from[key]],
                     ray_profile_key_name((enum ray_profile_key)key));
            return RAY_INVALID;
        }
    }
    return RAY_AGAIN;
}

static enum ray_status from_static_keys(struct search *search, const struct ray_profile *profile)
{
    struct ray_str id = profile->values[RAY_PROFILE_ACCESS_KEY_ID];
    struct ray_str secret = profile->values[RAY_PROFILE_SECRET_ACCESS_KEY];
    enum ray_profile_file file =
        profile->from[id.len > 0 ? RAY_PROFILE_ACCESS_KEY_ID : RAY_PROFILE_SECRET_ACCESS_KEY];
    char source[384];
    snprintf(source, sizeof(source), "profile %.*s (%s)",
             (int)(profile->name.len > 64 ? 64 : profile->name.len), profile->name.ptr,
             profile->paths[file]);
    if (id.len == 0 && secret.len == 0) {
        return RAY_AGAIN;
    }
    if (id.len == 0 || secret.len == 0) {
        snprintf(search->error->text, sizeof(search->error->text),
                 "%.300s has %s without %s: add it", source,
                 id.len > 0 ? "aws_access_key_id" : "aws_secret_access_key",
                 id.len > 0 ? "aws_secret_access_key" : "aws_access_key_id");
        return RAY_INVALID;
    }
    return make(search, id, secret, profile->values[RAY_PROFILE_SESSION_TOKEN], source);
}

/* The SDKs' order: a role laid on top of another profile, static keys, all other sources. */
static enum ray_status from_loaded(struct search *search, const struct ray_profile *profile)
{
    enum ray_status status =
        refuse_keys(search, profile, RAY_PROFILE_ROLE_ARN, RAY_PROFILE_CREDENTIAL_SOURCE);
    if (status == RAY_AGAIN) {
        status = from_static_keys(search, profile);
    }
    if (status == RAY_AGAIN) {
        status = refuse_keys(search, profile, RAY_PROFILE_CREDENTIAL_SOURCE, RAY_PROFILE_KEYS);
    }
    return status;
}

static enum ray_status from_profile(struct search *search)
{
    struct ray_profile profile;
    enum ray_status status =
        ray_profile_load(&profile, search->environment, search->profile, search->error);
    if (status == RAY_OK) {
        status = from_loaded(search, &profile);
    }
    ray_profile_clear(&profile);
    return status;
}

typedef enum ray_status (*source_fn)(struct search *search);

static const source_fn sources[] = {from_variables, from_web_identity, from_profile,
                                    from_container};

enum ray_status ray_credentials_find(const struct ray_aws_environment *environment,
                                     struct ray_str profile, struct ray_credentials **out,
                                     struct ray_aws_error *error)
{
    struct search search = {environment, profile, out, error};
    size_t i = 0;
    if (profile.len > 0) { /* a profile of the settings beats the environment's keys */
        while (sources[i] != from_profile) {
            i++;
        }
    }
    for (; i < sizeof(sources) / sizeof(sources[0]); i++) {
        enum ray_status status = sources[i](&search);
        if (status == RAY_NOMEM) {
            snprintf(error->text, sizeof(error->text),
                     "out of memory while looking for credentials");
        }
        if (status != RAY_AGAIN) {
            return status;
        }
    }
    snprintf(error->text, sizeof(error->text),
             "no AWS credentials: tried AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and profile "
             "%.*s in ~/.aws/credentials and ~/.aws/config (or AWS_SHARED_CREDENTIALS_FILE, "
             "AWS_CONFIG_FILE): set one of them",
             profile.len > 0 ? (int)(profile.len > 64 ? 64 : profile.len) : 22,
             profile.len > 0 ? profile.ptr : "AWS_PROFILE or default");
    return RAY_AGAIN;
}
