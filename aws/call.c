/* call: see the header. */
#include "aws/call.h"

#include <stdio.h>

#define TARGET_BYTES 1024u
#define SIGNED_MAX   4u

static void write_line(struct ray_buf *lines, struct ray_str name, struct ray_str value)
{
    ray_buf_append(lines, name);
    ray_buf_append(lines, RAY_STR(": "));
    ray_buf_append(lines, value);
    ray_buf_append_byte(lines, '\0');
}

static void write_url(struct ray_buf *lines, const struct ray_endpoint *endpoint,
                      const char *target)
{
    ray_buf_append(lines, endpoint->https ? RAY_STR("https://") : RAY_STR("http://"));
    ray_buf_append(lines, endpoint->authority);
    ray_buf_append(lines, ray_str_from(target));
    ray_buf_append_byte(lines, '\0');
}

enum ray_status ray_aws_call_sign(const struct ray_aws_call *call,
                                  const struct ray_credentials *credentials,
                                  struct ray_sigv4_key *key, struct ray_buf *lines)
{
    char target[TARGET_BYTES], date[RAY_SIGV4_DATE_BYTES];
    int len = snprintf(target, sizeof(target), "%.*s%.*s", RAY_STR_ARG(call->endpoint->path),
                       RAY_STR_ARG(call->path));
    if (len < 0 || (size_t)len >= sizeof(target)) {
        return RAY_TOO_BIG;
    }
    ray_sigv4_date(call->time_unix_s, date);
    struct ray_sigv4_header headers[SIGNED_MAX] = {
        {RAY_STR_INIT("Host"), call->endpoint->authority},
        {RAY_STR_INIT("Content-Type"), call->content_type},
        {RAY_STR_INIT("X-Amz-Date"), {date, sizeof(date) - 1}},
        {RAY_STR_INIT("X-Amz-Security-Token"), ray_str_from(credentials->session_token)},
    };
    size_t count = headers[3].value.len > 0 ? 4 : 3;
    struct ray_sigv4_request request = {RAY_STR("POST"), ray_str_from(target), headers, count,
                                        call->body};
    struct ray_sigv4_scope scope = {call->region, call->service, call->time_unix_s};
    write_url(lines, call->endpoint, target);
    for (size_t i = 0; i < count; i++) {
        write_line(lines, headers[i].name, headers[i].value);
    }
    ray_buf_append(lines, RAY_STR("Authorization: "));
    enum ray_status status = ray_sigv4_sign(&request, &scope, credentials, key, lines);
    ray_buf_append_byte(lines, '\0');
    return status == RAY_OK && lines->failed ? RAY_NOMEM : status;
}
