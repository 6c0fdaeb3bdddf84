/* aws_cases: what signing one upload costs. */
#include <stdlib.h>
#include <string.h>

#include "aws/sigv4.h"
#include "bench/micro/bench.h"

#define BODY_BYTES ((size_t)87 * 1024) /* 50 documents of ordinary size */

struct sign_state {
    struct ray_credentials *credentials;
    struct ray_sigv4_key key;
    struct ray_buf out;
    char body[BODY_BYTES];
};

static void *new_state(const char *input, size_t *units)
{
    (void)input;
    (void)units;
    struct sign_state *state = calloc(1, sizeof(*state));
    state->credentials = ray_credentials_new(RAY_STR("AKIAIOSFODNN7EXAMPLE"),
                                             RAY_STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                                             RAY_STR(""), "bench");
    ray_buf_init(&state->out, BODY_BYTES);
    memset(state->body, 'x', sizeof(state->body));
    return state;
}

static void free_state(void *memory)
{
    struct sign_state *state = memory;
    ray_sigv4_key_clear(&state->key);
    ray_credentials_unref(state->credentials);
    ray_buf_clear(&state->out);
    free(state);
}

static void sign(struct sign_state *state, size_t body_bytes)
{
    static const struct ray_sigv4_header headers[] = {
        {RAY_STR_INIT("host"), RAY_STR_INIT("xray.us-east-1.amazonaws.com")},
        {RAY_STR_INIT("content-type"), RAY_STR_INIT("application/json")},
        {RAY_STR_INIT("x-amz-date"), RAY_STR_INIT("20251123T173319Z")},
    };
    const struct ray_sigv4_request request = {
        RAY_STR("POST"), RAY_STR("/TraceSegments"), headers, 3, {state->body, body_bytes}};
    const struct ray_sigv4_scope scope = {RAY_STR("us-east-1"), RAY_STR("xray"), 1763919199};
    ray_buf_reset(&state->out);
    bench_must(ray_sigv4_sign(&request, &scope, state->credentials, &state->key, &state->out));
    bench_use(state->out.data);
}

static void sign_upload(void *memory)
{
    sign(memory, BODY_BYTES);
}

static void sign_nothing(void *memory)
{
    sign(memory, 0);
}

const struct bench_case bench_aws_cases[] = {
    {"aws/sign_87_kb", "call", 1, NULL, new_state, sign_upload, free_state},
    {"aws/sign_empty", "call", 1, NULL, new_state, sign_nothing, free_state},
    BENCH_CASES_END,
};
