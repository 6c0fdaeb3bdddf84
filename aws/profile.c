/* profile: see the header. */
#include "aws/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* Far above any real file; a wrong path (a log, a disk) must not fill the memory. */
#define FILE_MAX_BYTES ((size_t)1024 * 1024)

static const char *const key_names[RAY_PROFILE_KEYS] = {
    [RAY_PROFILE_ACCESS_KEY_ID] = "aws_access_key_id",
    [RAY_PROFILE_SECRET_ACCESS_KEY] = "aws_secret_access_key",
    [RAY_PROFILE_SESSION_TOKEN] = "aws_session_token",
    [RAY_PROFILE_REGION] = "region",
    [RAY_PROFILE_ENDPOINT_URL] = "endpoint_url",
    [RAY_PROFILE_SERVICES] = "services",
    [RAY_PROFILE_IGNORE_ENDPOINT_URLS] = "ignore_configured_endpoint_urls",
    [RAY_PROFILE_USE_FIPS] = "use_fips_endpoint",
    [RAY_PROFILE_USE_DUALSTACK] = "use_dualstack_endpoint",
    [RAY_PROFILE_ROLE_ARN] = "role_arn",
    [RAY_PROFILE_SOURCE_PROFILE] = "source_profile",
    [RAY_PROFILE_CREDENTIAL_SOURCE] = "credential_source",
    [RAY_PROFILE_WEB_IDENTITY_TOKEN_FILE] = "web_identity_token_file",
    [RAY_PROFILE_SSO_SESSION] = "sso_session",
    [RAY_PROFILE_SSO_START_URL] = "sso_start_url",
    [RAY_PROFILE_SSO_ACCOUNT_ID] = "sso_account_id",
    [RAY_PROFILE_LOGIN_SESSION] = "login_session",
    [RAY_PROFILE_CREDENTIAL_PROCESS] = "credential_process",
};

static const struct {
    const char *variable;
    const char *under_home;
} file_places[RAY_PROFILE_FILES] = {
    [RAY_PROFILE_CONFIG] = {"AWS_CONFIG_FILE", "~/.aws/config"},
    [RAY_PROFILE_CREDENTIALS] = {"AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"},
};

const char *ray_profile_key_name(enum ray_profile_key key)
{
    return key_names[key];
}

/* -- lines -- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool starts_comment(char c)
{
    return c == '#' || c == ';';
}

/* Up to a '#' or ';' that has a blank before it, trimmed. */
static struct ray_str without_comment(struct ray_str s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (starts_comment(s.ptr[i]) && is_blank(s.ptr[i - 1])) {
            return ray_str_trim(ray_str_until(s, i));
        }
    }
    return ray_str_trim(s);
}

void ray_profile_read_init(struct ray_profile_reader *reader, struct ray_str text)
{
    *reader = (struct ray_profile_reader){.rest = text};
    if (ray_str_starts_with(text, RAY_STR("\xEF\xBB\xBF"))) { /* Notepad's byte order mark */
        reader->rest = ray_str_from_pos(text, 3);
    }
}

static bool fail(struct ray_profile_reader *reader, const char *problem)
{
    reader->problem = problem;
    return false;
}

static bool read_section(struct ray_profile_reader *reader, struct ray_str line,
                         struct ray_profile_line *out)
{
    size_t close = ray_str_find_byte(line, ']');
    if (close == SIZE_MAX) {
        return fail(reader, "a section's ']' is missing");
    }
    struct ray_str after = ray_str_trim(ray_str_from_pos(line, close + 1));
    if (after.len > 0 && !starts_comment(after.ptr[0])) {
        return fail(reader, "something follows the section's ']'");
    }
    out->kind = RAY_PROFILE_SECTION;
    out->name = ray_str_trim(ray_str_until(ray_str_from_pos(line, 1), close - 1));
    out->value = (struct ray_str){NULL, 0};
    reader->in_section = true;
    reader->in_key = false;
    return true;
}

static bool read_pair(struct ray_profile_reader *reader, struct ray_str line,
                      struct ray_profile_line *out)
{
    size_t indent = 0;
    while (is_blank(line.ptr[indent])) { /* ends: the line is not blank */
        indent++;
    }
    bool nested = reader->in_key && indent > reader->key_indent;
    size_t equals = ray_str_find_byte(line, '=');
    struct ray_str name = ray_str_trim(ray_str_until(line, equals));
    out->kind = nested ? RAY_PROFILE_NESTED : RAY_PROFILE_KEY;
    out->name = name;
    out->value = equals == SIZE_MAX ? (struct ray_str){NULL, 0}
                                    : without_comment(ray_str_from_pos(line, equals));
    out->value = ray_str_trim(ray_str_from_pos(out->value, 1)); /* the '=' */
    if (nested) {
        return true; /* a value that goes on over several lines needs no '=' */
    }
    reader->in_key = true;
    reader->key_indent = indent;
    if (!reader->in_section) {
        return fail(reader, "a key stands before the first [section]");
    }
    if (equals == SIZE_MAX || name.len == 0) {
        return fail(reader, "neither [section], comment nor key = value");
    }
    return true;
}

bool ray_profile_next(struct ray_profile_reader *reader, struct ray_profile_line *out)
{
    struct ray_str line;
    while (reader->problem == NULL && ray_str_split(&reader->rest, '\n', &line)) {
        reader->number++;
        struct ray_str trimmed = ray_str_trim(line); /* takes the CR of CRLF too */
        if (trimmed.len == 0 || starts_comment(trimmed.ptr[0])) {
            continue;
        }
        out->number = reader->number;
        return trimmed.ptr[0] == '[' && !is_blank(line.ptr[0]) ? read_section(reader, trimmed, out)
                                                               : read_pair(reader, line, out);
    }
    return false;
}

/* -- a profile out of a text -- */

/* Takes the word and the blanks behind it off a section's text: "profile  x" gives "x". */
static bool cut_word(struct ray_str *section, struct ray_str word)
{
    if (!ray_str_starts_with(*section, word) || section->len <= word.len ||
        !is_blank(section->ptr[word.len])) {
        return false;
    }
    *section = ray_str_trim(ray_str_from_pos(*section, word.len));
    return true;
}

static struct ray_str unquote(struct ray_str s)
{
    bool quoted =
        s.len >= 2 && (s.ptr[0] == '"' || s.ptr[0] == '\'') && s.ptr[s.len - 1] == s.ptr[0];
    return quoted ? ray_str_until(ray_str_from_pos(s, 1), s.len - 2) : s;
}

enum section { OTHER, PLAIN_DEFAULT, WANTED };

static enum section classify(struct ray_str section, struct ray_str wanted,
                             enum ray_profile_file kind)
{
    bool plain = kind == RAY_PROFILE_CREDENTIALS;
    if (kind == RAY_PROFILE_CONFIG && !cut_word(&section, RAY_STR("profile"))) {
        plain = true;
        if (!ray_str_eq(section, RAY_STR("default"))) {
            return OTHER; /* sso-session, services, plugins, and names that lack "profile" */
        }
    }
    if (!ray_str_eq(unquote(section), wanted)) {
        return OTHER;
    }
    return plain && kind == RAY_PROFILE_CONFIG ? PLAIN_DEFAULT : WANTED;
}

static void take_pair(struct ray_profile *profile, const struct ray_profile_line *line,
                      enum ray_profile_file kind)
{
    for (size_t i = 0; i < RAY_PROFILE_KEYS; i++) {
        if (ray_str_eq_nocase(line->name, ray_str_from(key_names[i]))) {
            profile->values[i] = line->value;
            profile->from[i] = kind;
        }
    }
}

static enum ray_status report_line(const struct ray_profile_reader *reader, const char *path,
                                   struct ray_aws_error *error)
{
    if (reader->problem == NULL) {
        return RAY_OK;
    }
    snprintf(error->text, sizeof(error->text), "%s:%u: %s", path, reader->number, reader->problem);
    return RAY_INVALID;
}

/* The endpoint that `services = NAME` points at: a nested key, so it is read on its own. */
static void take_service_endpoint(struct ray_profile *profile, struct ray_str text)
{
    struct ray_profile_reader reader;
    struct ray_profile_line line;
    bool in_services = false, in_xray = false;
    ray_profile_read_init(&reader, text);
    while (ray_profile_next(&reader, &line)) {
        if (line.kind == RAY_PROFILE_SECTION) {
            in_services = cut_word(&line.name, RAY_STR("services")) &&
                          ray_str_eq(unquote(line.name), profile->values[RAY_PROFILE_SERVICES]);
            in_xray = false;
        } else if (line.kind == RAY_PROFILE_KEY) {
            in_xray = in_services && ray_str_eq_nocase(line.name, RAY_STR("xray"));
        } else if (in_xray && ray_str_eq_nocase(line.name, RAY_STR("endpoint_url"))) {
            profile->service_endpoint_url = line.value;
        }
    }
}

enum ray_status ray_profile_take(struct ray_profile *profile, struct ray_str text,
                                 enum ray_profile_file kind, const char *path,
                                 struct ray_aws_error *error)
{
    struct ray_profile_reader reader;
    struct ray_profile_line line;
    enum section section = OTHER;
    bool profile_default = false;
    ray_profile_read_init(&reader, text);
    while (ray_profile_next(&reader, &line)) {
        if (line.kind == RAY_PROFILE_SECTION) {
            section = classify(line.name, profile->name, kind);
            profile->found = profile->found || section != OTHER;
            bool replaces = section == WANTED && kind == RAY_PROFILE_CONFIG &&
                            ray_str_eq(profile->name, RAY_STR("default")) && !profile_default;
            if (replaces) { /* [profile default] wins as a whole over [default] */
                memset(profile->values, 0, sizeof(profile->values));
                profile_default = true;
            }
        } else if (line.kind == RAY_PROFILE_KEY && section != OTHER &&
                   !(section == PLAIN_DEFAULT && profile_default)) {
            take_pair(profile, &line, kind);
        }
    }
    if (kind == RAY_PROFILE_CONFIG && profile->values[RAY_PROFILE_SERVICES].len > 0) {
        take_service_endpoint(profile, text);
    }
    return report_line(&reader, path, error);
}

/* -- files -- */

/* HOME, else the password database: a service started by init may have no HOME. */
static void find_home(const struct ray_aws_environment *environment, char *out, size_t bytes)
{
    const char *home = ray_aws_variable(environment, "HOME");
    struct passwd entry, *found = NULL;
    char scratch[1024];
    if (home[0] == '\0' && getpwuid_r(getuid(), &entry, scratch, sizeof(scratch), &found) == 0 &&
        found != NULL) {
        home = entry.pw_dir;
    }
    snprintf(out, bytes, "%s", home);
}

static enum ray_status find_path(const struct ray_aws_environment *environment,
                                 enum ray_profile_file kind, char *out, size_t bytes,
                                 struct ray_aws_error *error)
{
    const char *path = ray_aws_variable(environment, file_places[kind].variable);
    path = path[0] != '\0' ? path : file_places[kind].under_home;
    int len;
    if (path[0] == '~' && path[1] == '/') {
        char home[256];
        find_home(environment, home, sizeof(home));
        len = snprintf(out, bytes, "%s%s", home, path + 1);
    } else {
        len = snprintf(out, bytes, "%s", path);
    }
    if (len < 0 || (size_t)len >= bytes) {
        snprintf(error->text, sizeof(error->text), "%s: the path is longer than %zu bytes",
                 file_places[kind].variable, bytes - 1);
        return RAY_INVALID;
    }
    return RAY_OK;
}

static enum ray_status read_all(int fd, char *text, size_t *bytes)
{
    size_t len = 0;
    while (len <= FILE_MAX_BYTES) {
        ssize_t got = read(fd, text + len, FILE_MAX_BYTES + 1 - len);
        if (got < 0 && errno != EINTR) {
            return RAY_IO;
        }
        if (got == 0) {
            *bytes = len;
            return RAY_OK;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    errno = EFBIG;
    return RAY_IO;
}

/* A file that is not there is no error: *text stays NULL. Secrets are in it: never realloc. */
static enum ray_status read_file(const char *path, char **text, size_t *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? RAY_OK : RAY_IO;
    }
    char *data = malloc(FILE_MAX_BYTES + 1); /* pages are taken only as they are filled */
    enum ray_status status = data != NULL ? read_all(fd, data, bytes) : RAY_NOMEM;
    if (status == RAY_OK) {
        *text = data;
    } else {
        free(data);
    }
    close(fd);
    return status;
}

static enum ray_status load_file(struct ray_profile *profile,
                                 const struct ray_aws_environment *environment,
                                 enum ray_profile_file kind, struct ray_aws_error *error)
{
    char *path = profile->paths[kind];
    enum ray_status status =
        find_path(environment, kind, path, sizeof(profile->paths[kind]), error);
    if (status != RAY_OK) {
        return status;
    }
    status = read_file(path, &profile->texts[kind], &profile->text_bytes[kind]);
    if (status != RAY_OK) {
        char reason[100];
        snprintf(error->text, sizeof(error->text), "%s: cannot be read: %s", path,
                 status == RAY_NOMEM ? "out of memory" : strerror_r(errno, reason, sizeof(reason)));
        return status == RAY_NOMEM ? RAY_NOMEM : RAY_INVALID;
    }
    struct ray_str text = {profile->texts[kind], profile->text_bytes[kind]};
    return ray_profile_take(profile, text, kind, path, error);
}

enum ray_status ray_profile_load(struct ray_profile *profile,
                                 const struct ray_aws_environment *environment, struct ray_str name,
                                 struct ray_aws_error *error)
{
    *profile = (struct ray_profile){.name = name, .by_choice = true};
    if (name.len == 0) {
        profile->name = ray_str_from(ray_aws_variable(environment, "AWS_PROFILE"));
    }
    if (profile->name.len == 0) {
        profile->name = RAY_STR("default");
        profile->by_choice = false;
    }
    for (int kind = 0; kind < RAY_PROFILE_FILES; kind++) {
        enum ray_status status =
            load_file(profile, environment, (enum ray_profile_file)kind, error);
        if (status != RAY_OK) {
            return status;
        }
    }
    if (profile->by_choice && !profile->found) {
        snprintf(error->text, sizeof(error->text),
                 "profile %.*s is neither in %.120s nor in %.120s: add it, or correct `profile` or "
                 "AWS_PROFILE",
                 (int)(profile->name.len > 64 ? 64 : profile->name.len), profile->name.ptr,
                 profile->paths[RAY_PROFILE_CONFIG], profile->paths[RAY_PROFILE_CREDENTIALS]);
        return RAY_INVALID;
    }
    return RAY_OK;
}

void ray_profile_clear(struct ray_profile *profile)
{
    for (size_t kind = 0; kind < RAY_PROFILE_FILES; kind++) {
        if (profile->texts[kind] != NULL) {
            OPENSSL_cleanse(profile->texts[kind], profile->text_bytes[kind]);
            free(profile->texts[kind]);
        }
    }
    *profile = (struct ray_profile){.found = false};
}
