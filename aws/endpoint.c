/* endpoint: see the header. */
#include "aws/endpoint.h"

#include "aws/profile.h"

#include <stdio.h>
#include <string.h>

/* First match by the region's beginning; the last row takes every other region, known or new. */
static const struct partition {
    struct ray_str prefix;
    const char *suffix;
    const char *dual_suffix;
} partitions[] = {
    {RAY_STR_INIT("cn-"), "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {RAY_STR_INIT("us-gov-"), "amazonaws.com", "api.aws"},
    {RAY_STR_INIT("eusc-"), "amazonaws.eu", "api.amazonwebservices.eu"},
    {RAY_STR_INIT("us-iso-"), "c2s.ic.gov", "api.aws.ic.gov"},
    {RAY_STR_INIT("us-isob-"), "sc2s.sgov.gov", "api.aws.scloud"},
    {RAY_STR_INIT("eu-isoe-"), "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {RAY_STR_INIT("us-isof-"), "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {RAY_STR_INIT(""), "amazonaws.com", "api.aws"},
};

bool ray_region_is_valid(struct ray_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= 63;
}

static enum ray_status accept_region(struct ray_str name, const char *source,
                                     struct ray_region *out, struct ray_aws_error *error)
{
    struct ray_str front = RAY_STR("fips-"), back = RAY_STR("-fips");
    if (!ray_region_is_valid(name)) {
        snprintf(error->text, sizeof(error->text),
                 "%s: \"%.*s\" is no AWS region: 1 to 63 of a-z, 0-9 and '-', as us-east-1", source,
                 (int)(name.len > 64 ? 64 : name.len), name.ptr);
        return RAY_INVALID;
    }
    struct ray_str plain = name;
    plain = ray_str_starts_with(plain, front) ? ray_str_from_pos(plain, front.len) : plain;
    plain = ray_str_ends_with(plain, back) ? ray_str_until(plain, plain.len - back.len) : plain;
    plain = plain.len > 0 ? plain : name;
    snprintf(out->name, sizeof(out->name), "%.*s", RAY_STR_ARG(plain));
    out->fips = plain.len != name.len;
    out->source = source;
    return RAY_OK;
}

static enum ray_status region_of_profile(const struct ray_aws_environment *environment,
                                         struct ray_str name, struct ray_region *out,
                                         struct ray_aws_error *error)
{
    struct ray_profile profile;
    enum ray_status status = ray_profile_load(&profile, environment, name, error);
    if (status == RAY_OK) {
        struct ray_str region = profile.values[RAY_PROFILE_REGION];
        status = region.len > 0 ? accept_region(region, "profile", out, error) : RAY_AGAIN;
    }
    ray_profile_clear(&profile);
    return status;
}

enum ray_status ray_region_find(const struct ray_aws_environment *environment,
                                struct ray_str configured, struct ray_str profile,
                                struct ray_region *out, struct ray_aws_error *error)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    if (configured.len > 0) {
        return accept_region(configured, "configuration", out, error);
    }
    for (size_t i = 0; i < 2; i++) {
        struct ray_str value = ray_str_from(ray_aws_variable(environment, variables[i]));
        if (value.len > 0) {
            return accept_region(value, variables[i], out, error);
        }
    }
    enum ray_status status = region_of_profile(environment, profile, out, error);
    if (status == RAY_AGAIN) {
        snprintf(error->text, sizeof(error->text),
                 "no AWS region: tried the key `region`, AWS_REGION, AWS_DEFAULT_REGION and "
                 "`region` of the profile in ~/.aws/config: set one of them");
    }
    return status;
}

static bool is_url_byte(char c)
{
    return c > ' ' && c <= '~' && strchr("\"<>\\^`{|}", c) == NULL;
}

static const char *url_problem(struct ray_str url, const struct ray_endpoint *parts)
{
    for (size_t i = 0; i < url.len; i++) {
        if (!is_url_byte(url.ptr[i])) {
            return "it holds a blank or a character that no URL has";
        }
    }
    if (parts->host.len == 0) {
        return "no host";
    }
    if (ray_str_find_byte(url, '?') != SIZE_MAX || ray_str_find_byte(url, '#') != SIZE_MAX) {
        return "a query or fragment is not allowed";
    }
    return url.len >= RAY_ENDPOINT_BYTES ? "it is longer than 511 bytes" : NULL;
}

/* Brackets stand around an IPv6 address and nowhere else (RFC 3986, 3.2.2). */
static const char *split_host(struct ray_str text, struct ray_str *host)
{
    bool opens = ray_str_starts_with(text, RAY_STR("["));
    bool closes = ray_str_ends_with(text, RAY_STR("]"));
    *host = opens && closes ? ray_str_until(ray_str_from_pos(text, 1), text.len - 2) : text;
    bool is_ipv6 = ray_str_find_byte(*host, ':') != SIZE_MAX;
    bool more =
        ray_str_find_byte(*host, '[') != SIZE_MAX || ray_str_find_byte(*host, ']') != SIZE_MAX;
    return opens != closes || is_ipv6 != opens || more ? "write an IPv6 address as [address]:port"
                                                       : NULL;
}

/* "host:port" apart; a port that is the scheme's own leaves the authority, as curl leaves it. */
static const char *split_authority(struct ray_endpoint *parts)
{
    struct ray_str text = parts->authority;
    if (ray_str_find_byte(text, '@') != SIZE_MAX) {
        return "user data before '@' is not allowed";
    }
    size_t bracket = ray_str_find_last_byte(text, ']');
    size_t colon = ray_str_find_last_byte(text, ':');
    if (colon == SIZE_MAX || (bracket != SIZE_MAX && colon < bracket)) {
        colon = text.len;
    }
    struct ray_str port = ray_str_from_pos(text, colon + 1);
    uint64_t number = parts->https ? 443 : 80;
    if (port.len > 0 &&
        (ray_str_to_u64(port, &number) != RAY_OK || number == 0 || number > 65535)) {
        return "the port is not 1 to 65535";
    }
    text = ray_str_until(text, colon);
    if (number == (parts->https ? 443u : 80u)) {
        parts->authority = text;
    }
    return split_host(text, &parts->host);
}

enum ray_status ray_endpoint_split(struct ray_str url, struct ray_endpoint *out,
                                   struct ray_aws_error *error)
{
    struct ray_endpoint parts = {.https = ray_str_starts_with(url, RAY_STR("https://"))};
    const char *problem = "it must start with http:// or https://";
    if (parts.https || ray_str_starts_with(url, RAY_STR("http://"))) {
        struct ray_str rest = ray_str_from_pos(url, parts.https ? 8 : 7);
        size_t slash = ray_str_find_byte(rest, '/');
        parts.authority = ray_str_until(rest, slash);
        parts.path = slash == SIZE_MAX ? (struct ray_str){NULL, 0} : ray_str_from_pos(rest, slash);
        while (ray_str_ends_with(parts.path, RAY_STR("/"))) {
            parts.path.len--;
        }
        problem = split_authority(&parts);
        problem = problem != NULL ? problem : url_problem(url, &parts);
    }
    if (problem != NULL) {
        /* what stands before an '@' may be a password */
        struct ray_str shown = ray_str_find_byte(url, '@') == SIZE_MAX ? url : RAY_STR("***");
        snprintf(error->text, sizeof(error->text), "endpoint \"%.*s\": %s",
                 (int)(shown.len > 200 ? 200 : shown.len), shown.len ? shown.ptr : "", problem);
        return RAY_INVALID;
    }
    *out = parts;
    return RAY_OK;
}

struct endpoint_choice {
    struct ray_str url; /* empty: by the rules */
    bool fips;
    bool dual_stack;
};

static bool profile_switch(const struct ray_profile *profile, enum ray_profile_key key)
{
    return ray_str_eq_nocase(profile->values[key], RAY_STR("true"));
}

static void choose(const struct ray_aws_environment *environment, struct ray_str configured,
                   const struct ray_profile *profile, struct endpoint_choice *out)
{
    struct ray_str candidates[] = {
        ray_str_from(ray_aws_variable(environment, "AWS_ENDPOINT_URL_XRAY")),
        ray_str_from(ray_aws_variable(environment, "AWS_ENDPOINT_URL")),
        profile->service_endpoint_url,
        profile->values[RAY_PROFILE_ENDPOINT_URL],
    };
    bool ignore = ray_aws_switch(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") ||
                  profile_switch(profile, RAY_PROFILE_IGNORE_ENDPOINT_URLS);
    out->url = configured;
    for (size_t i = 0; i < 4 && !ignore && out->url.len == 0; i++) {
        out->url = candidates[i];
    }
    out->fips = ray_aws_switch(environment, "AWS_USE_FIPS_ENDPOINT") ||
                profile_switch(profile, RAY_PROFILE_USE_FIPS);
    out->dual_stack = ray_aws_switch(environment, "AWS_USE_DUALSTACK_ENDPOINT") ||
                      profile_switch(profile, RAY_PROFILE_USE_DUALSTACK);
}

static void by_rules(const char *region, bool fips, bool dual_stack, char out[RAY_ENDPOINT_BYTES])
{
    const struct partition *partition = partitions;
    while (!ray_str_starts_with(ray_str_from(region), partition->prefix)) {
        partition++; /* ends: the last prefix is empty */
    }
    snprintf(out, RAY_ENDPOINT_BYTES, "https://xray%s.%s.%s", fips ? "-fips" : "", region,
             dual_stack ? partition->dual_suffix : partition->suffix);
}

static enum ray_status write_choice(const struct endpoint_choice *choice, const char *region,
                                    char out[RAY_ENDPOINT_BYTES], struct ray_aws_error *error)
{
    if (choice->url.len == 0) {
        by_rules(region, choice->fips, choice->dual_stack, out);
        return RAY_OK;
    }
    if (choice->fips || choice->dual_stack) {
        snprintf(error->text, sizeof(error->text),
                 "a custom endpoint cannot be combined with a FIPS or dual-stack one: drop the "
                 "endpoint, or AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT and the fips- of "
                 "the region");
        return RAY_INVALID;
    }
    struct ray_endpoint parts;
    enum ray_status status = ray_endpoint_split(choice->url, &parts, error);
    if (status == RAY_OK) {
        struct ray_str url = choice->url;
        while (ray_str_ends_with(url, RAY_STR("/"))) {
            url.len--;
        }
        snprintf(out, RAY_ENDPOINT_BYTES, "%.*s", RAY_STR_ARG(url));
    }
    return status;
}

enum ray_status ray_endpoint_find(const struct ray_aws_environment *environment,
                                  struct ray_str configured, struct ray_str profile_name,
                                  const struct ray_region *region, char out[RAY_ENDPOINT_BYTES],
                                  struct ray_aws_error *error)
{
    struct ray_profile profile;
    enum ray_status status = ray_profile_load(&profile, environment, profile_name, error);
    if (status == RAY_OK) {
        struct endpoint_choice choice;
        choose(environment, configured, &profile, &choice);
        choice.fips = choice.fips || region->fips;
        status = write_choice(&choice, region->name, out, error);
    }
    ray_profile_clear(&profile);
    return status;
}
