/*
 * profile: one named profile out of the shared AWS files, ~/.aws/config and ~/.aws/credentials.
 *
 * Reads what the AWS SDKs and Tools Reference Guide ("Shared config and credentials files") calls
 * the file format:
 *
 *   [default] | [profile NAME] | [sso-session NAME] | [services NAME]     in the config file
 *   [NAME]                                                                in the credentials file
 *   key = value            key in any case; " #" and " ;" start a comment
 *     nested = value       belongs to the key above
 *   # comment, ; comment   only at the start of a line
 *
 * Sections that come twice merge, later keys win; the credentials file wins over the config file;
 * [profile default] replaces [default]. Values may be secrets: the texts are cleansed on clear.
 */
#ifndef RAY_AWS_PROFILE_H
#define RAY_AWS_PROFILE_H

#include "aws/credentials.h"

/* -- the lines of a file; pure -- */

enum ray_profile_line_kind {
    RAY_PROFILE_SECTION, /* `name`: the text between the brackets, trimmed */
    RAY_PROFILE_KEY,     /* `name`, `value` */
    RAY_PROFILE_NESTED,  /* the same, below the last KEY */
};

struct ray_profile_line {
    enum ray_profile_line_kind kind;
    struct ray_str name;
    struct ray_str value;
    unsigned number; /* from 1 */
};

struct ray_profile_reader {
    struct ray_str rest;
    unsigned number;
    bool in_section;
    bool in_key;
    size_t key_indent;   /* blanks before the last KEY: what is indented deeper belongs to it */
    const char *problem; /* what is wrong with line `number`, a literal; NULL while good */
};

void ray_profile_read_init(struct ray_profile_reader *reader, struct ray_str text);
/* The next line that says something; views into the text. False at the end, or with `problem`
 * set. */
bool ray_profile_next(struct ray_profile_reader *reader, struct ray_profile_line *out);

/* -- one profile -- */

enum ray_profile_file { RAY_PROFILE_CONFIG, RAY_PROFILE_CREDENTIALS, RAY_PROFILE_FILES };

/* The keys that mean something to this program, served or not. */
enum ray_profile_key {
    RAY_PROFILE_ACCESS_KEY_ID,
    RAY_PROFILE_SECRET_ACCESS_KEY,
    RAY_PROFILE_SESSION_TOKEN,
    RAY_PROFILE_REGION,
    RAY_PROFILE_ENDPOINT_URL,
    RAY_PROFILE_SERVICES,
    RAY_PROFILE_IGNORE_ENDPOINT_URLS,
    RAY_PROFILE_USE_FIPS,
    RAY_PROFILE_USE_DUALSTACK,
    RAY_PROFILE_ROLE_ARN, /* this and what follows: sources of credentials not served yet */
    RAY_PROFILE_SOURCE_PROFILE,
    RAY_PROFILE_CREDENTIAL_SOURCE,
    RAY_PROFILE_WEB_IDENTITY_TOKEN_FILE,
    RAY_PROFILE_SSO_SESSION,
    RAY_PROFILE_SSO_START_URL,
    RAY_PROFILE_SSO_ACCOUNT_ID,
    RAY_PROFILE_LOGIN_SESSION,
    RAY_PROFILE_CREDENTIAL_PROCESS,
    RAY_PROFILE_KEYS
};
const char *ray_profile_key_name(enum ray_profile_key key);

struct ray_profile {
    struct ray_str name;
    bool found;     /* has a section in one of the files */
    bool by_choice; /* named by setting or AWS_PROFILE, so its absence is an error */
    struct ray_str values[RAY_PROFILE_KEYS]; /* views into `texts`; empty when absent */
    enum ray_profile_file from[RAY_PROFILE_KEYS];
    struct ray_str service_endpoint_url; /* [services NAME], xray, endpoint_url */
    char paths[RAY_PROFILE_FILES][256];  /* as looked at */
    char *texts[RAY_PROFILE_FILES];
    size_t text_bytes[RAY_PROFILE_FILES];
};

/* Takes the wanted profile's keys from one text (pure; `profile->name` is set). RAY_INVALID with
 * *error, naming `path` and the line. */
RAY_MUST_USE enum ray_status ray_profile_take(struct ray_profile *profile, struct ray_str text,
                                              enum ray_profile_file kind, const char *path,
                                              struct ray_aws_error *error);

/* Reads both files. `name` "" means AWS_PROFILE, else "default". Files that are not there are
 * empty; RAY_INVALID with *error when one cannot be read or parsed, or when a profile by choice is
 * absent; RAY_NOMEM. Clear it in every case. */
RAY_MUST_USE enum ray_status ray_profile_load(struct ray_profile *profile,
                                              const struct ray_aws_environment *environment,
                                              struct ray_str name, struct ray_aws_error *error);
void ray_profile_clear(struct ray_profile *profile);

#endif
