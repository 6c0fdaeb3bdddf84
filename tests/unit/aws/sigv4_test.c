/* sigv4: does each stage agree with botocore's signer, and do both sides agree with each other? */
#include "../check.h"

#include "aws/sigv4.c"

#include <json-c/json.h>

static const char *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, name, &value);
    return value != NULL ? json_object_get_string(value) : NULL;
}

/* A vector, as a request. */
struct vector {
    const char *name;
    struct ray_sigv4_header headers[RAY_SIGV4_HEADERS_MAX];
    struct ray_sigv4_request request;
    struct ray_sigv4_scope scope;
    struct ray_credentials *credentials;
    char host[300];
    char *body;
};

static void add_header(struct vector *v, const char *name, const char *value)
{
    v->headers[v->request.header_count++] =
        (struct ray_sigv4_header){ray_str_from(name), ray_str_from(value)};
}

/* The body's characters are its bytes (latin1); json-c holds them as UTF-8. */
static struct ray_str body_bytes(struct vector *v, struct json_object *vector)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(vector, "body", &value);
    struct ray_str text = {json_object_get_string(value),
                           (size_t)json_object_get_string_len(value)};
    bool latin1 = strcmp(member(vector, "body_encoding"), "latin1") == 0;
    size_t len = 0;
    v->body = malloc(text.len + 1);
    while (latin1 && text.len > 0) {
        v->body[len++] = (char)ray_utf8_next(&text, NULL);
    }
    memcpy(v->body + len, text.len ? text.ptr : "", latin1 ? 0 : text.len);
    return (struct ray_str){v->body, latin1 ? len : text.len};
}

static void set_target(struct vector *v, const char *url)
{
    bool https = strncmp(url, "https:", 6) == 0;
    const char *authority = strstr(url, "://") + 3;
    size_t len = strcspn(authority, "/?");
    struct ray_str host = {authority, len};
    struct ray_str port = https ? RAY_STR(":443") : RAY_STR(":80");
    host.len -= ray_str_ends_with(host, port) ? port.len : 0;
    snprintf(v->host, sizeof(v->host), "%.*s", RAY_STR_ARG(host));
    v->request.target = ray_str_from(authority + len);
    add_header(v, "Host", v->host);
}

static void load(struct vector *v, struct json_object *vector)
{
    struct json_object *headers = NULL;
    int64_t when = 0;
    *v = (struct vector){.name = member(vector, "name")};
    v->request.headers = v->headers;
    v->request.method = ray_str_from(member(vector, "method"));
    set_target(v, member(vector, "url"));
    json_object_object_get_ex(vector, "headers", &headers);
    for (size_t i = 0; i < json_object_array_length(headers); i++) {
        struct json_object *pair = json_object_array_get_idx(headers, i);
        add_header(v, json_object_get_string(json_object_array_get_idx(pair, 0)),
                   json_object_get_string(json_object_array_get_idx(pair, 1)));
    }
    add_header(v, "X-Amz-Date", member(vector, "time"));
    if (member(vector, "session_token") != NULL) {
        add_header(v, "X-Amz-Security-Token", member(vector, "session_token"));
    }
    v->request.body = body_bytes(v, vector);
    assert_true(parse_date(ray_str_from(member(vector, "time")), &when));
    v->scope = (struct ray_sigv4_scope){ray_str_from(member(vector, "region")),
                                        ray_str_from(member(vector, "service")), (uint64_t)when};
    v->credentials = ray_credentials_new(ray_str_from(member(vector, "access_key")),
                                         ray_str_from(member(vector, "secret_key")),
                                         ray_str_from(member(vector, "session_token")), "test");
}

static void unload(struct vector *v)
{
    ray_credentials_unref(v->credentials);
    free(v->body);
}

static struct ray_str secret_of(void *context, struct ray_str access_key_id)
{
    const struct ray_credentials *credentials = context;
    return ray_str_eq(access_key_id, ray_str_from(credentials->access_key_id))
               ? ray_str_from(credentials->secret_access_key)
               : (struct ray_str){NULL, 0};
}

static enum ray_status verify(struct vector *v, struct ray_aws_error *error)
{
    return ray_sigv4_verify(&v->request, v->scope.time_unix_s, secret_of, v->credentials, error);
}

static void check_vector(struct json_object *vector)
{
    struct vector v;
    char hash[65], date[RAY_SIGV4_DATE_BYTES];
    struct ray_buf canonical, to_sign, authorization;
    struct ray_sigv4_key key = {.valid = false};
    struct ray_aws_error error;
    load(&v, vector);
    print_message("%s\n", v.name);
    ray_buf_init(&canonical, 1 << 20);
    ray_buf_init(&to_sign, 1 << 20);
    ray_buf_init(&authorization, 1 << 20);
    ray_sigv4_payload_hash(v.request.body, hash);
    CHECK_STR(ray_str_from(hash), member(vector, "payload_hash"));
    ray_sigv4_canonical_request(&v.request, ray_str_from(hash), &canonical);
    CHECK_BUF(&canonical, member(vector, "canonical_request"));
    ray_sigv4_date(v.scope.time_unix_s, date);
    write_string_to_sign(ray_str_from(date), &v.scope, ray_buf_str(&canonical), &to_sign);
    CHECK_BUF(&to_sign, member(vector, "string_to_sign"));
    CHECK_OK(ray_sigv4_sign(&v.request, &v.scope, v.credentials, &key, &authorization));
    CHECK_BUF(&authorization, member(vector, "authorization"));
    ray_buf_append_byte(&authorization, '\0');
    add_header(&v, "Authorization", authorization.data);
    enum ray_status status = verify(&v, &error);
    if (status != RAY_OK) {
        print_error("%s\n", error.text);
    }
    CHECK_OK(status);
    ray_buf_clear(&canonical);
    ray_buf_clear(&to_sign);
    ray_buf_clear(&authorization);
    unload(&v);
}

static void test_vectors(void **state)
{
    (void)state;
    struct ray_str text = check_read_file("data/sigv4-vectors.json");
    struct json_object *root = json_tokener_parse(text.ptr), *vectors = NULL;
    assert_non_null(root);
    json_object_object_get_ex(root, "vectors", &vectors);
    assert_int_equal(json_object_array_length(vectors), 42);
    for (size_t i = 0; i < json_object_array_length(vectors); i++) {
        check_vector(json_object_array_get_idx(vectors, i));
    }
    json_object_put(root);
    free((char *)(uintptr_t)text.ptr);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 33;
}

static struct ray_str random_text(uint64_t *random, const char *alphabet, char *out, size_t max)
{
    size_t len = next_random(random) % max, letters = strlen(alphabet);
    for (size_t i = 0; i < len; i++) {
        out[i] = alphabet[next_random(random) % letters];
    }
    out[len] = '\0';
    return (struct ray_str){out, len};
}

struct random_request {
    char target[64], body[64], values[6][32], date[RAY_SIGV4_DATE_BYTES];
    struct vector v;
};

static void make_random(struct random_request *r, uint64_t *random)
{
    static const char *const names[] = {"Content-Type", "X-Amz-Thing", "x-amz-thing",
                                        "User-Agent",   "X-Other",     "Expect"};
    r->v = (struct vector){.scope = {RAY_STR("eu-west-1"), RAY_STR("xray"), 1767323045}};
    r->v.request.headers = r->v.headers;
    r->v.request.method = next_random(random) % 2 ? RAY_STR("POST") : RAY_STR("GET");
    random_text(random, "ab/.%2?&=~\xc3+ ", r->target + 1, sizeof(r->target) - 1);
    r->target[0] = '/';
    r->v.request.target = ray_str_from(r->target);
    r->v.request.body = random_text(random, "abc\n{}", r->body, sizeof(r->body));
    ray_sigv4_date(r->v.scope.time_unix_s, r->date);
    add_header(&r->v, "hOsT", "localhost:2001");
    add_header(&r->v, "X-Amz-Date", r->date);
    for (size_t i = 0; i < 6; i++) {
        random_text(random, " \tab,;=", r->values[i], sizeof(r->values[i]));
        add_header(&r->v, names[next_random(random) % 6], r->values[i]);
    }
    r->v.credentials =
        ray_credentials_new(RAY_STR("AKIDEXAMPLE"), RAY_STR("secret"), RAY_STR(""), "test");
}

/* What we sign, we accept; with one thing changed, we do not. */
static void test_round_trip(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (int round = 0; round < 3000; round++) {
        struct random_request r;
        struct ray_buf authorization;
        struct ray_sigv4_key key = {.valid = false};
        struct ray_aws_error error;
        make_random(&r, &random);
        ray_buf_init(&authorization, 1 << 16);
        CHECK_OK(ray_sigv4_sign(&r.v.request, &r.v.scope, r.v.credentials, &key, &authorization));
        ray_buf_append_byte(&authorization, '\0');
        add_header(&r.v, "Authorization", authorization.data);
        CHECK_OK(verify(&r.v, &error));
        r.v.request.method = RAY_STR("PUT");
        assert_int_equal(verify(&r.v, &error), RAY_INVALID);
        ray_credentials_unref(r.v.credentials);
        make_random(&r, &random); /* another body, same signature */
        add_header(&r.v, "Authorization", authorization.data);
        assert_int_equal(verify(&r.v, &error), RAY_INVALID);
        ray_buf_clear(&authorization);
        ray_credentials_unref(r.v.credentials);
    }
}

static const struct {
    const char *authorization;
    const char *date;
    const char *want; /* the error begins so */
} refusals[] = {
    {NULL, "20260102T030405Z", "MissingAuthenticationTokenException"},
    {"Basic abc", "20260102T030405Z", "IncompleteSignatureException"},
    {"AWS4-HMAC-SHA256 ", "20260102T030405Z", "IncompleteSignatureException"},
    {"AWS4-HMAC-SHA256 Credential=A/20260102/r/s/aws4_request, SignedHeaders=host;x-amz-date, "
     "Signature=abc",
     "20260102T030405Z", "IncompleteSignatureException"},
#define SIGNATURE "Signature=0123456789012345678901234567890123456789012345678901234567890123"
    {"AWS4-HMAC-SHA256 Credential=A/20260102/r/s/aws4_request, SignedHeaders=host, " SIGNATURE,
     "20260102T030405Z", "InvalidSignatureException: host, x-amz-date"},
    {"AWS4-HMAC-SHA256 Credential=A/20260102/r/s/aws4_request, "
     "SignedHeaders=host;x-amz-date, " SIGNATURE,
     "20260102T030405Z", "UnrecognizedClientException"},
    {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/r/s/aws4_request, "
     "SignedHeaders=host;x-amz-date, " SIGNATURE,
     "20260102T030405Z", "InvalidSignatureException: The request signature"},
    {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260103/r/s/aws4_request, "
     "SignedHeaders=host;x-amz-date, " SIGNATURE,
     "20260102T030405Z", "InvalidSignatureException: Date in Credential"},
    {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/r/s/aws4_request, "
     "SignedHeaders=host;x-amz-date, " SIGNATURE,
     "20260102T025904Z", "InvalidSignatureException: Signature expired"},
    {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/r/s/aws4_request, "
     "SignedHeaders=host;x-amz-date, " SIGNATURE,
     "20260102T030906Z", "InvalidSignatureException: Signature not yet current"},
    {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/r/s/aws4_request, "
     "SignedHeaders=host;x-amz-date, " SIGNATURE,
     "yesterday", "IncompleteSignatureException"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct vector v = {.scope.time_unix_s = 1767323045};
        struct ray_aws_error error = {""};
        v.request.headers = v.headers;
        v.request.method = RAY_STR("POST");
        v.request.target = RAY_STR("/TraceSegments");
        v.credentials =
            ray_credentials_new(RAY_STR("AKIDEXAMPLE"), RAY_STR("secret"), RAY_STR(""), "test");
        add_header(&v, "Host", "localhost:2001");
        add_header(&v, "X-Amz-Date", refusals[i].date);
        if (refusals[i].authorization != NULL) {
            add_header(&v, "Authorization", refusals[i].authorization);
        }
        assert_int_equal(verify(&v, &error), RAY_INVALID);
        struct ray_str text = ray_str_from(error.text);
        CHECK_STR(ray_str_until(text, strlen(refusals[i].want)), refusals[i].want);
        ray_credentials_unref(v.credentials);
    }
}

static void test_too_many(void **state)
{
    (void)state;
    struct ray_sigv4_header headers[RAY_SIGV4_HEADERS_MAX + 1];
    for (size_t i = 0; i < RAY_SIGV4_HEADERS_MAX + 1; i++) {
        headers[i] = (struct ray_sigv4_header){RAY_STR("X-Amz-A"), RAY_STR("b")};
    }
    struct ray_credentials *credentials =
        ray_credentials_new(RAY_STR("AKIDEXAMPLE"), RAY_STR("s"), RAY_STR(""), "test");
    struct ray_sigv4_request request = {RAY_STR("GET"), RAY_STR("/"), headers,
                                        RAY_SIGV4_HEADERS_MAX + 1, RAY_STR("")};
    struct ray_sigv4_scope scope = {RAY_STR("r"), RAY_STR("s"), 1};
    struct ray_sigv4_key key = {.valid = false};
    struct ray_buf out;
    ray_buf_init(&out, 4096);
    assert_int_equal(ray_sigv4_sign(&request, &scope, credentials, &key, &out), RAY_TOO_BIG);
    char query[2 * RAY_SIGV4_PARAMETERS_MAX + 4] = "/?";
    memset(query + 2, '&', 2 * RAY_SIGV4_PARAMETERS_MAX);
    request.target = ray_str_from(query);
    request.header_count = 1;
    assert_int_equal(ray_sigv4_sign(&request, &scope, credentials, &key, &out), RAY_TOO_BIG);
    ray_buf_clear(&out);
    ray_credentials_unref(credentials);
}

static void sign_at(uint64_t time_unix_s, struct ray_sigv4_key *key, const char *secret,
                    struct ray_buf *out)
{
    struct ray_credentials *credentials =
        ray_credentials_new(RAY_STR("AKIDEXAMPLE"), ray_str_from(secret), RAY_STR(""), "test");
    struct ray_sigv4_header header = {RAY_STR("Host"), RAY_STR("h")};
    struct ray_sigv4_request request = {RAY_STR("GET"), RAY_STR("/"), &header, 1, RAY_STR("")};
    struct ray_sigv4_scope scope = {RAY_STR("r"), RAY_STR("s"), time_unix_s};
    ray_buf_reset(out);
    CHECK_OK(ray_sigv4_sign(&request, &scope, credentials, key, out));
    ray_credentials_unref(credentials);
}

/* The cached key must never outlive its day or its secret. */
static void test_cached_key(void **state)
{
    (void)state;
    static const struct {
        uint64_t time_unix_s;
        const char *secret;
    } steps[] = {{1767311999, "a"}, {1767312000, "a"}, {1767312000, "b"}, {1767312001, "b"}};
    struct ray_sigv4_key cached = {.valid = false};
    struct ray_buf with, without;
    ray_buf_init(&with, 4096);
    ray_buf_init(&without, 4096);
    for (size_t i = 0; i < 4; i++) {
        struct ray_sigv4_key fresh = {.valid = false};
        sign_at(steps[i].time_unix_s, &cached, steps[i].secret, &with);
        sign_at(steps[i].time_unix_s, &fresh, steps[i].secret, &without);
        CHECK_VIEW(ray_buf_str(&with), ray_buf_str(&without));
    }
    ray_sigv4_key_clear(&cached);
    assert_false(cached.valid);
    ray_buf_clear(&with);
    ray_buf_clear(&without);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        uint64_t time_unix_s;
        const char *want;
    } cases[] = {{0, "19700101T000000Z"},
                 {1709164799, "20240228T235959Z"},
                 {1709164800, "20240229T000000Z"},
                 {1767225599, "20251231T235959Z"},
                 {UINT64_MAX, "99991231T235959Z"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char date[RAY_SIGV4_DATE_BYTES];
        int64_t back = 0;
        ray_sigv4_date(cases[i].time_unix_s, date);
        CHECK_STR(ray_str_from(date), cases[i].want);
        assert_true(parse_date(ray_str_from(date), &back));
        assert_true(i == 4 || (uint64_t)back == cases[i].time_unix_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_cached_key), cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
