/*
 * sigv4: see the header. One canonicaliser serves both sides; they differ in which headers it is
 * given: all but the changeable ones when signing, those that SignedHeaders names when checking.
 */
#include "aws/sigv4.h"

#include "core/codec.h"

#include <stdio.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#define HASH_BYTES          32u
#define SIGNATURE_CHARS     64u
#define CANONICAL_MAX_BYTES ((size_t)256 * 1024)
/* X-Ray refuses a request more than five minutes off (measured; AWS General Reference). */
#define SKEW_MAX_S 300
#define ALGORITHM  "AWS4-HMAC-SHA256"
/* 9999-12-31T23:59:59Z: later years do not fit the format. */
#define LAST_SECOND 253402300799ull

/* Proxies and clients change, add or drop these on the way (AWS General Reference and botocore's
 * list), so a signature over them would break. */
static const struct ray_str unsigned_headers[] = {
    RAY_STR_INIT("authorization"),
    RAY_STR_INIT("connection"),
    RAY_STR_INIT("expect"),
    RAY_STR_INIT("keep-alive"),
    RAY_STR_INIT("te"),
    RAY_STR_INIT("trailer"),
    RAY_STR_INIT("upgrade"),
    RAY_STR_INIT("user-agent"),
    RAY_STR_INIT("x-amzn-trace-id"),
    RAY_STR_INIT("content-length"),
    RAY_STR_INIT("transfer-encoding"),
};

struct header_list {
    const struct ray_sigv4_header *items[RAY_SIGV4_HEADERS_MAX];
    size_t count;
    bool overflow;
};

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int compare_names(struct ray_str a, struct ray_str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shorter; i++) {
        int difference = (unsigned char)lower(a.ptr[i]) - (unsigned char)lower(b.ptr[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* Keeps the list sorted by name; equal names stay in order of appearance. */
static void header_list_add(struct header_list *list, const struct ray_sigv4_header *header)
{
    if (list->count >= RAY_SIGV4_HEADERS_MAX) {
        list->overflow = true;
        return;
    }
    size_t at = list->count++;
    while (at > 0 && compare_names(list->items[at - 1]->name, header->name) > 0) {
        list->items[at] = list->items[at - 1];
        at--;
    }
    list->items[at] = header;
}

static bool may_be_signed(struct ray_str name)
{
    for (size_t i = 0; i < sizeof(unsigned_headers) / sizeof(unsigned_headers[0]); i++) {
        if (ray_str_eq_nocase(name, unsigned_headers[i])) {
            return false;
        }
    }
    struct ray_str proxy = RAY_STR("proxy-");
    return !ray_str_eq_nocase(ray_str_until(name, proxy.len), proxy);
}

static void collect_to_sign(const struct ray_sigv4_request *request, struct header_list *list)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (may_be_signed(request->headers[i].name)) {
            header_list_add(list, &request->headers[i]);
        }
    }
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void write_encoded(struct ray_buf *out, struct ray_str s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_unreserved(c)) {
            ray_buf_append_byte(out, (char)c);
        } else {
            char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            ray_buf_append(out, (struct ray_str){escape, sizeof(escape)});
        }
    }
}

/* Dot segments and repeated slashes go, a trailing slash stays; what is percent-encoded on the wire
 * is encoded once more (only S3 leaves that out). */
static void write_path(struct ray_buf *out, struct ray_str path)
{
    size_t start = out->len;
    struct ray_str rest = path;
    struct ray_str part;
    while (ray_str_split(&rest, '/', &part)) {
        if (ray_str_eq(part, RAY_STR(".."))) {
            size_t slash = ray_str_find_last_byte(ray_str_from_pos(ray_buf_str(out), start), '/');
            out->len = slash == SIZE_MAX ? start : start + slash;
        } else if (part.len > 0 && !ray_str_eq(part, RAY_STR("."))) {
            ray_buf_append_byte(out, '/');
            write_encoded(out, part);
        }
    }
    if (out->len == start || ray_str_ends_with(path, RAY_STR("/"))) {
        ray_buf_append_byte(out, '/');
    }
}

struct parameter {
    struct ray_str name;
    struct ray_str value;
};

static int compare_parameters(const void *left, const void *right)
{
    const struct parameter *a = left;
    const struct parameter *b = right;
    int by_name = ray_str_cmp(a->name, b->name);
    return by_name != 0 ? by_name : ray_str_cmp(a->value, b->value);
}

static void write_query(struct ray_buf *out, struct ray_str query)
{
    struct parameter parameters[RAY_SIGV4_PARAMETERS_MAX];
    size_t count = 0;
    struct ray_str rest = query;
    struct ray_str pair;
    while (query.len > 0 && ray_str_split(&rest, '&', &pair)) {
        if (count == RAY_SIGV4_PARAMETERS_MAX) {
            out->failed = true;
            return;
        }
        size_t equals = ray_str_find_byte(pair, '=');
        parameters[count].name = ray_str_until(pair, equals);
        parameters[count].value =
            equals == SIZE_MAX ? (struct ray_str){NULL, 0} : ray_str_from_pos(pair, equals + 1);
        count++;
    }
    if (count > 1) {
        qsort(parameters, count, sizeof(parameters[0]), compare_parameters);
    }
    for (size_t i = 0; i < count; i++) {
        ray_buf_append(out, i > 0 ? RAY_STR("&") : RAY_STR(""));
        ray_buf_append(out, parameters[i].name);
        ray_buf_append_byte(out, '=');
        ray_buf_append(out, parameters[i].value);
    }
}

static void write_lower(struct ray_buf *out, struct ray_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        ray_buf_append_byte(out, lower(s.ptr[i]));
    }
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Trimmed, inner runs of white space as one blank. */
static void write_value(struct ray_buf *out, struct ray_str value)
{
    struct ray_str s = ray_str_trim(value);
    for (size_t i = 0; i < s.len; i++) {
        if (!is_blank(s.ptr[i])) {
            ray_buf_append_byte(out, s.ptr[i]);
        } else if (i == 0 || !is_blank(s.ptr[i - 1])) {
            ray_buf_append_byte(out, ' ');
        }
    }
}

static bool repeats_name(const struct header_list *list, size_t i)
{
    if (i == 0 || i >= list->count) {
        return false;
    }
    return compare_names(list->items[i - 1]->name, list->items[i]->name) == 0;
}

static void write_headers(struct ray_buf *out, const struct header_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (repeats_name(list, i)) {
            out->len -= out->failed ? 0 : 1; /* the line goes on: takes back its end */
            ray_buf_append_byte(out, ',');
        } else {
            write_lower(out, list->items[i]->name);
            ray_buf_append_byte(out, ':');
        }
        write_value(out, list->items[i]->value);
        ray_buf_append_byte(out, '\n');
    }
}

static void write_names(struct ray_buf *out, const struct header_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!repeats_name(list, i)) {
            ray_buf_append(out, i > 0 ? RAY_STR(";") : RAY_STR(""));
            write_lower(out, list->items[i]->name);
        }
    }
}

static void write_canonical(const struct ray_sigv4_request *request, const struct header_list *list,
                            struct ray_str payload_hash, struct ray_buf *out)
{
    size_t question = ray_str_find_byte(request->target, '?');
    struct ray_str query = {NULL, 0};
    if (question != SIZE_MAX) {
        query = ray_str_from_pos(request->target, question + 1);
    }
    ray_buf_append(out, request->method);
    ray_buf_append_byte(out, '\n');
    write_path(out, ray_str_until(request->target, question));
    ray_buf_append_byte(out, '\n');
    write_query(out, query);
    ray_buf_append_byte(out, '\n');
    write_headers(out, list);
    ray_buf_append_byte(out, '\n');
    write_names(out, list);
    ray_buf_append_byte(out, '\n');
    ray_buf_append(out, payload_hash);
    out->failed = out->failed || list->overflow;
}

static bool hmac(struct ray_str key, struct ray_str data, uint8_t out[HASH_BYTES])
{
    unsigned len = HASH_BYTES;
    return HMAC(EVP_sha256(), key.len ? key.ptr : "", (int)key.len,
                (const unsigned char *)(data.len ? data.ptr : ""), data.len, out, &len) != NULL;
}

static struct ray_str bytes_of(const uint8_t hash[HASH_BYTES])
{
    return (struct ray_str){(const char *)hash, HASH_BYTES};
}

static bool derive_key(struct ray_str secret, struct ray_str day,
                       const struct ray_sigv4_scope *scope, uint8_t out[HASH_BYTES])
{
    struct ray_buf first;
    ray_buf_init(&first, 4096);
    ray_buf_append(&first, RAY_STR("AWS4"));
    ray_buf_append(&first, secret);
    bool good = !first.failed && hmac(ray_buf_str(&first), day, out) &&
                hmac(bytes_of(out), scope->region, out) &&
                hmac(bytes_of(out), scope->service, out) &&
                hmac(bytes_of(out), RAY_STR("aws4_request"), out);
    if (first.data != NULL) {
        OPENSSL_cleanse(first.data, first.capacity);
    }
    ray_buf_clear(&first);
    return good;
}

/* The hash of the secret stands in the name too: a key id may come back with another secret. */
static bool refresh_key(struct ray_sigv4_key *key, const struct ray_credentials *credentials,
                        struct ray_str day, const struct ray_sigv4_scope *scope)
{
    struct ray_str secret = ray_str_from(credentials->secret_access_key);
    char name[sizeof(key->scope)];
    int len = snprintf(name, sizeof(name), "%.*s/%.*s/%.*s/%016llx", RAY_STR_ARG(day),
                       RAY_STR_ARG(scope->region), RAY_STR_ARG(scope->service),
                       (unsigned long long)ray_str_hash(secret, 4));
    if (key->valid && strcmp(key->scope, name) == 0) {
        return true;
    }
    bool fits = len > 0 && (size_t)len < sizeof(name);
    key->valid = false;
    if (!derive_key(secret, day, scope, key->bytes)) {
        return false;
    }
    memcpy(key->scope, name, sizeof(name));
    key->valid = fits; /* a name that was cut could stand for two keys */
    return true;
}

static void write_string_to_sign(struct ray_str date, const struct ray_sigv4_scope *scope,
                                 struct ray_str canonical, struct ray_buf *out)
{
    char hash[65];
    ray_sigv4_payload_hash(canonical, hash);
    ray_buf_append(out, RAY_STR(ALGORITHM "\n"));
    ray_buf_append(out, date);
    ray_buf_append_byte(out, '\n');
    ray_buf_append(out, ray_str_until(date, 8));
    ray_buf_append_byte(out, '/');
    ray_buf_append(out, scope->region);
    ray_buf_append_byte(out, '/');
    ray_buf_append(out, scope->service);
    ray_buf_append(out, RAY_STR("/aws4_request\n"));
    ray_buf_append(out, ray_str_from(hash));
}

/* `text` is scratch; holds the canonical request, then the string to sign. */
static enum ray_status sign_canonical(struct ray_buf *text, struct ray_str date,
                                      const struct ray_sigv4_scope *scope,
                                      const uint8_t key[HASH_BYTES], char signature[65])
{
    if (text->failed) {
        return RAY_TOO_BIG;
    }
    size_t canonical_len = text->len;
    write_string_to_sign(date, scope, ray_buf_str(text), text);
    uint8_t mac[HASH_BYTES];
    if (text->failed ||
        !hmac(bytes_of(key), ray_str_from_pos(ray_buf_str(text), canonical_len), mac)) {
        return RAY_NOMEM;
    }
    ray_hex_encode(bytes_of(mac), signature);
    signature[64] = '\0';
    return RAY_OK;
}

static void write_authorization(const struct ray_credentials *credentials, struct ray_str day,
                                const struct ray_sigv4_scope *scope, const struct header_list *list,
                                const char signature[65], struct ray_buf *out)
{
    ray_buf_printf(out, ALGORITHM " Credential=%s/%.*s/%.*s/%.*s/aws4_request, SignedHeaders=",
                   credentials->access_key_id, RAY_STR_ARG(day), RAY_STR_ARG(scope->region),
                   RAY_STR_ARG(scope->service));
    write_names(out, list);
    ray_buf_printf(out, ", Signature=%s", signature);
}

/* -- the checking side -- */

struct authorization {
    struct ray_str key_id, day, region, service, signed_names, signature;
};

static bool split_credential(struct ray_str credential, struct authorization *out)
{
    struct ray_str *parts[] = {&out->key_id, &out->day, &out->region, &out->service};
    struct ray_str rest = credential;
    for (size_t i = 0; i < 4; i++) {
        if (!ray_str_split(&rest, '/', parts[i]) || parts[i]->len == 0) {
            return false;
        }
    }
    return ray_str_eq(rest, RAY_STR("aws4_request"));
}

/* A list of "Name=value", separated by commas. */
static bool parse_authorization(struct ray_str value, struct authorization *out)
{
    struct ray_str credential = {NULL, 0};
    struct {
        struct ray_str name;
        struct ray_str *value;
    } fields[] = {{RAY_STR_INIT("Credential="), &credential},
                  {RAY_STR_INIT("SignedHeaders="), &out->signed_names},
                  {RAY_STR_INIT("Signature="), &out->signature}};
    struct ray_str rest = ray_str_from_pos(value, sizeof(ALGORITHM) - 1);
    struct ray_str part;
    while (ray_str_split(&rest, ',', &part)) {
        part = ray_str_trim(part);
        for (size_t i = 0; i < 3; i++) {
            if (ray_str_starts_with(part, fields[i].name)) {
                *fields[i].value = ray_str_from_pos(part, fields[i].name.len);
            }
        }
    }
    return split_credential(credential, out) && out->signed_names.len > 0 &&
           out->signature.len == SIGNATURE_CHARS;
}

static struct ray_str find_header(const struct ray_sigv4_request *request, struct ray_str name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (ray_str_eq_nocase(request->headers[i].name, name)) {
            return ray_str_trim(request->headers[i].value);
        }
    }
    return (struct ray_str){NULL, 0};
}

static bool names_contain(struct ray_str names, struct ray_str name)
{
    struct ray_str part;
    while (ray_str_split(&names, ';', &part)) {
        if (ray_str_eq_nocase(part, name)) {
            return true;
        }
    }
    return false;
}

static bool parse_date(struct ray_str date, int64_t *unix_s)
{
    static const uint8_t digits[] = {4, 2, 2, 2, 2, 2}; /* with a T after the third, a Z at last */
    int values[6];
    size_t pos = 0;
    if (date.len != RAY_SIGV4_DATE_BYTES - 1 || date.ptr[8] != 'T' || date.ptr[15] != 'Z') {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        uint64_t value = 0;
        pos += i == 3;
        if (ray_str_to_u64((struct ray_str){date.ptr + pos, digits[i]}, &value) != RAY_OK) {
            return false;
        }
        values[i] = (int)value;
        pos += digits[i];
    }
    struct tm when = {.tm_year = values[0] - 1900,
                      .tm_mon = values[1] - 1,
                      .tm_mday = values[2],
                      .tm_hour = values[3],
                      .tm_min = values[4],
                      .tm_sec = values[5]};
    *unix_s = timegm(&when);
    return true;
}

static enum ray_status refuse(struct ray_aws_error *error, const char *text)
{
    snprintf(error->text, sizeof(error->text), "%s", text);
    return RAY_INVALID;
}

static enum ray_status check_time(struct ray_str date, uint64_t now_unix_s,
                                  struct ray_aws_error *error)
{
    int64_t sent = 0;
    if (!parse_date(date, &sent)) {
        return refuse(error, "IncompleteSignatureException: X-Amz-Date must be in ISO-8601 basic "
                             "format, as 20260102T030405Z.");
    }
    int64_t off = (int64_t)now_unix_s - sent;
    if (off > SKEW_MAX_S || off < -SKEW_MAX_S) {
        char now[RAY_SIGV4_DATE_BYTES];
        ray_sigv4_date(now_unix_s, now);
        snprintf(error->text, sizeof(error->text),
                 "InvalidSignatureException: Signature %s: %.*s is more than 5 min. from %s",
                 off > 0 ? "expired" : "not yet current", RAY_STR_ARG(date), now);
        return RAY_INVALID;
    }
    return RAY_OK;
}

/* What must hold before anything is computed. */
static enum ray_status check_form(const struct ray_sigv4_request *request, struct ray_str value,
                                  struct authorization *parts, uint64_t now_unix_s,
                                  struct ray_aws_error *error)
{
    if (value.len == 0) {
        return refuse(error, "MissingAuthenticationTokenException: Missing Authentication Token");
    }
    if (!ray_str_starts_with(value, RAY_STR(ALGORITHM " ")) || !parse_authorization(value, parts)) {
        return refuse(error, "IncompleteSignatureException: Authorization header requires "
                             "Credential, SignedHeaders and Signature.");
    }
    struct ray_str token = RAY_STR("x-amz-security-token");
    if (!names_contain(parts->signed_names, RAY_STR("host")) ||
        !names_contain(parts->signed_names, RAY_STR("x-amz-date")) ||
        (find_header(request, token).len > 0 && !names_contain(parts->signed_names, token))) {
        return refuse(error, "InvalidSignatureException: host, x-amz-date and "
                             "x-amz-security-token must be signed.");
    }
    struct ray_str date = find_header(request, RAY_STR("x-amz-date"));
    enum ray_status status = check_time(date, now_unix_s, error);
    if (status == RAY_OK && !ray_str_eq(ray_str_until(date, 8), parts->day)) {
        return refuse(error, "InvalidSignatureException: Date in Credential scope does not match "
                             "X-Amz-Date.");
    }
    return status;
}

static enum ray_status compute(const struct ray_sigv4_request *request,
                               const struct authorization *parts, struct ray_str secret,
                               char signature[65])
{
    struct header_list list = {.count = 0};
    for (size_t i = 0; i < request->header_count; i++) {
        if (names_contain(parts->signed_names, request->headers[i].name)) {
            header_list_add(&list, &request->headers[i]);
        }
    }
    struct ray_sigv4_scope scope = {.region = parts->region, .service = parts->service};
    char payload_hash[65];
    uint8_t key[HASH_BYTES];
    ray_sigv4_payload_hash(request->body, payload_hash);
    if (!derive_key(secret, parts->day, &scope, key)) {
        return RAY_NOMEM;
    }
    struct ray_buf text;
    ray_buf_init(&text, CANONICAL_MAX_BYTES);
    write_canonical(request, &list, ray_str_from(payload_hash), &text);
    enum ray_status status =
        sign_canonical(&text, find_header(request, RAY_STR("x-amz-date")), &scope, key, signature);
    OPENSSL_cleanse(key, sizeof(key));
    ray_buf_clear(&text);
    return status;
}

/* -- public -- */

void ray_sigv4_date(uint64_t time_unix_s, char out[RAY_SIGV4_DATE_BYTES])
{
    time_t seconds = (time_t)(time_unix_s > LAST_SECOND ? LAST_SECOND : time_unix_s);
    struct tm when;
    gmtime_r(&seconds, &when);
    strftime(out, RAY_SIGV4_DATE_BYTES, "%Y%m%dT%H%M%SZ", &when);
}

void ray_sigv4_key_clear(struct ray_sigv4_key *key)
{
    OPENSSL_cleanse(key, sizeof(*key));
}

void ray_sigv4_canonical_request(const struct ray_sigv4_request *request,
                                 struct ray_str payload_hash, struct ray_buf *out)
{
    struct header_list list = {.count = 0};
    collect_to_sign(request, &list);
    write_canonical(request, &list, payload_hash, out);
}

void ray_sigv4_payload_hash(struct ray_str body, char out[65])
{
    uint8_t hash[HASH_BYTES];
    if (SHA256((const unsigned char *)(body.len ? body.ptr : ""), body.len, hash) == NULL) {
        memset(hash, 0, sizeof(hash));
    }
    ray_hex_encode(bytes_of(hash), out);
    out[64] = '\0';
}

enum ray_status ray_sigv4_sign(const struct ray_sigv4_request *request,
                               const struct ray_sigv4_scope *scope,
                               const struct ray_credentials *credentials, struct ray_sigv4_key *key,
                               struct ray_buf *out)
{
    char date[RAY_SIGV4_DATE_BYTES], payload_hash[65], signature[65];
    ray_sigv4_date(scope->time_unix_s, date);
    struct ray_str day = {date, 8};
    if (!refresh_key(key, credentials, day, scope)) {
        return RAY_NOMEM;
    }
    struct header_list list = {.count = 0};
    collect_to_sign(request, &list);
    ray_sigv4_payload_hash(request->body, payload_hash);
    struct ray_buf text;
    ray_buf_init(&text, CANONICAL_MAX_BYTES);
    write_canonical(request, &list, ray_str_from(payload_hash), &text);
    enum ray_status status =
        sign_canonical(&text, ray_str_from(date), scope, key->bytes, signature);
    ray_buf_clear(&text);
    if (status != RAY_OK) {
        return status;
    }
    write_authorization(credentials, day, scope, &list, signature, out);
    return out->failed ? RAY_NOMEM : RAY_OK;
}

enum ray_status ray_sigv4_verify(const struct ray_sigv4_request *request, uint64_t now_unix_s,
                                 ray_sigv4_secret_fn find, void *context,
                                 struct ray_aws_error *error)
{
    struct authorization parts = {.key_id = {NULL, 0}};
    struct ray_str value = find_header(request, RAY_STR("authorization"));
    enum ray_status status = check_form(request, value, &parts, now_unix_s, error);
    if (status != RAY_OK) {
        return status;
    }
    struct ray_str secret = find(context, parts.key_id);
    if (secret.len == 0) {
        return refuse(error, "UnrecognizedClientException: The security token included in the "
                             "request is invalid.");
    }
    char signature[65];
    status = compute(request, &parts, secret, signature);
    if (status == RAY_NOMEM) {
        return status;
    }
    if (status != RAY_OK || CRYPTO_memcmp(signature, parts.signature.ptr, SIGNATURE_CHARS) != 0) {
        return refuse(error, "InvalidSignatureException: The request signature we calculated does "
                             "not match the signature you provided. Check your AWS Secret Access "
                             "Key and signing method.");
    }
    return RAY_OK;
}
