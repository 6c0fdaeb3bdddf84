/* fuzz: any request line, headers and body: the canonicaliser must end and stay in bounds, and what
 * we sign we must accept. Input: target \n (name ":" value \n)* \n body. */
#include "aws/sigv4.h"

#include <stdlib.h>

static struct ray_str secret(void *context, struct ray_str access_key_id)
{
    (void)context;
    (void)access_key_id;
    return RAY_STR("secret");
}

static size_t read_headers(struct ray_str *rest, struct ray_sigv4_header *headers, size_t max)
{
    size_t count = 0;
    struct ray_str line;
    while (count < max && ray_str_split(rest, '\n', &line) && line.len > 0) {
        size_t colon = ray_str_find_byte(line, ':');
        headers[count++] = (struct ray_sigv4_header){
            ray_str_until(line, colon),
            colon == SIZE_MAX ? (struct ray_str){NULL, 0} : ray_str_from_pos(line, colon + 1)};
    }
    return count;
}

/* Names that hold the list's own separator, and a second Authorization, cannot make the round
 * trip; no HTTP parser lets them through. */
static int is_plain(const struct ray_sigv4_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ray_str name = headers[i].name;
        if (name.len == 0 || ray_str_find_byte(name, ';') != SIZE_MAX ||
            ray_str_find_byte(name, ',') != SIZE_MAX || ray_str_trim(name).len != name.len ||
            ray_str_eq_nocase(name, RAY_STR("authorization")) ||
            ray_str_eq_nocase(name, RAY_STR("x-amz-date"))) {
            return 0;
        }
    }
    return 1;
}

static void round_trip(struct ray_sigv4_request *request, struct ray_sigv4_header *headers)
{
    struct ray_sigv4_scope scope = {RAY_STR("us-east-1"), RAY_STR("xray"), 1767323045};
    struct ray_credentials *credentials =
        ray_credentials_new(RAY_STR("AKIDEXAMPLE"), RAY_STR("secret"), RAY_STR(""), "fuzz");
    struct ray_sigv4_key key = {.valid = false};
    struct ray_buf authorization;
    struct ray_aws_error error;
    ray_buf_init(&authorization, 1u << 20);
    if (ray_sigv4_sign(request, &scope, credentials, &key, &authorization) == RAY_OK) {
        headers[request->header_count++] = (struct ray_sigv4_header){
            RAY_STR_INIT("Authorization"), {authorization.data, authorization.len}};
        enum ray_status status = ray_sigv4_verify(request, scope.time_unix_s, secret, NULL, &error);
        if (status == RAY_INVALID) {
            abort();
        }
    }
    ray_buf_clear(&authorization);
    ray_credentials_unref(credentials);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ray_sigv4_header headers[RAY_SIGV4_HEADERS_MAX + 8];
    struct ray_str rest = {(const char *)data, size};
    struct ray_sigv4_request request = {.method = RAY_STR("POST"), .headers = headers};
    struct ray_aws_error error;
    (void)!ray_str_split(&rest, '\n', &request.target);
    headers[0] = (struct ray_sigv4_header){RAY_STR_INIT("host"), RAY_STR_INIT("h:1")};
    headers[1] =
        (struct ray_sigv4_header){RAY_STR_INIT("X-Amz-Date"), RAY_STR_INIT("20260102T030405Z")};
    request.header_count = 2 + read_headers(&rest, headers + 2, RAY_SIGV4_HEADERS_MAX + 2);
    request.body = rest;
    (void)!ray_sigv4_verify(&request, 1767323045, secret, NULL, &error);
    if (is_plain(headers + 2, request.header_count - 2)) {
        round_trip(&request, headers);
    }
    return 0;
}
