/*
 * credentials: keys to sign with, and where they came from.
 *
 * Served now: exporter settings, the environment, the shared credentials and config files with
 * static keys. A configured source that fails is an error; the search does not slide on to the next
 * one. Secrets are cleansed on free and never logged.
 */
#ifndef RAY_AWS_CREDENTIALS_H
#define RAY_AWS_CREDENTIALS_H

#include "core/str.h"

/* Immutable and reference-counted; shared by all threads. NUL-terminated strings. */
struct ray_credentials {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* "" when there is none */
    const char *source;        /* "environment", "profile default (~/.aws/credentials)" */
};

/* With one reference of the caller's; copies everything. NULL when out of memory. */
struct ray_credentials *ray_credentials_new(struct ray_str access_key_id, struct ray_str secret,
                                            struct ray_str token, const char *source);
struct ray_credentials *ray_credentials_ref(struct ray_credentials *credentials);
void ray_credentials_unref(struct ray_credentials *credentials); /* accepts NULL; cleanses */
/* Same key id, secret and token: asking again brought nothing new. Either may be NULL. */
bool ray_credentials_equal(const struct ray_credentials *a, const struct ray_credentials *b);

/* For the operator: which source, what was tried, what to do. Holds no secret. */
struct ray_aws_error {
    char text[400];
};

/* What the search looks at; replaceable in tests. `getenv` returns NULL for an unset name. */
struct ray_aws_environment {
    const char *(*getenv)(const char *name);
};
extern const struct ray_aws_environment ray_aws_process_environment;

/* The value of a variable; "" (never NULL) when it is unset. */
const char *ray_aws_variable(const struct ray_aws_environment *environment, const char *name);
/* True for "true" in any case, as the SDKs read their switches. */
bool ray_aws_switch(const struct ray_aws_environment *environment, const char *name);

/* One walk through the chain; reads files, blocks on nothing else. `profile` from the exporter's
 * settings, "" for AWS_PROFILE or default. RAY_OK with a reference of the caller's; RAY_INVALID
 * when a source is configured and broken, or of a kind that this version does not serve; RAY_AGAIN
 * when none is configured; RAY_NOMEM; all with *error. */
RAY_MUST_USE enum ray_status ray_credentials_find(const struct ray_aws_environment *environment,
                                                  struct ray_str profile,
                                                  struct ray_credentials **out,
                                                  struct ray_aws_error *error);

/* Key ids may be shown as first four and last four characters: "AKID...MPLE". Shorter than twelve
 * characters: "****". */
void ray_credentials_show_id(const char *access_key_id, char out[16]);

#endif
