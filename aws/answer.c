/* answer: see the header. */
#include "aws/answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#define RETRY_AFTER_MAX_S 300u
/* An error's body is flat; deeper is not ours. */
#define BODY_DEPTH 8

static const struct {
    struct ray_str code;
    enum ray_answer meaning;
} codes[] = {
    {RAY_STR_INIT("ThrottledException"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("Throttling"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("ThrottlingException"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("RequestThrottled"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("RequestThrottledException"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("TooManyRequestsException"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("RequestLimitExceeded"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("SlowDown"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("LimitExceededException"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("BandwidthLimitExceeded"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("PriorRequestNotComplete"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("ProvisionedThroughputExceededException"), RAY_ANSWER_THROTTLED},
    {RAY_STR_INIT("RequestTimeout"), RAY_ANSWER_TRANSIENT},
    {RAY_STR_INIT("RequestTimeoutException"), RAY_ANSWER_TRANSIENT},
    {RAY_STR_INIT("InternalFailure"), RAY_ANSWER_TRANSIENT},
    {RAY_STR_INIT("ServiceUnavailable"), RAY_ANSWER_TRANSIENT},
    {RAY_STR_INIT("InvalidRequestException"), RAY_ANSWER_CONTENT},
    {RAY_STR_INIT("SerializationException"), RAY_ANSWER_CONTENT},
    {RAY_STR_INIT("ValidationException"), RAY_ANSWER_CONTENT},
    {RAY_STR_INIT("InvalidSignatureException"), RAY_ANSWER_SIGNATURE},
    {RAY_STR_INIT("SignatureDoesNotMatch"), RAY_ANSWER_SIGNATURE},
    {RAY_STR_INIT("RequestTimeTooSkewed"), RAY_ANSWER_SIGNATURE},
    {RAY_STR_INIT("RequestExpired"), RAY_ANSWER_SIGNATURE},
    {RAY_STR_INIT("RequestInTheFuture"), RAY_ANSWER_SIGNATURE},
    {RAY_STR_INIT("AuthFailure"), RAY_ANSWER_SIGNATURE},
    {RAY_STR_INIT("UnrecognizedClientException"), RAY_ANSWER_IDENTITY},
    {RAY_STR_INIT("InvalidClientTokenId"), RAY_ANSWER_IDENTITY},
    {RAY_STR_INIT("ExpiredToken"), RAY_ANSWER_IDENTITY},
    {RAY_STR_INIT("ExpiredTokenException"), RAY_ANSWER_IDENTITY},
};

static const struct {
    unsigned status;
    enum ray_answer meaning;
} statuses[] = {
    {408, RAY_ANSWER_TRANSIENT}, {413, RAY_ANSWER_CONTENT},   {429, RAY_ANSWER_THROTTLED},
    {500, RAY_ANSWER_TRANSIENT}, {502, RAY_ANSWER_TRANSIENT}, {503, RAY_ANSWER_TRANSIENT},
    {504, RAY_ANSWER_TRANSIENT},
};

static void copy_code(struct ray_str code, char out[RAY_ERROR_CODE_BYTES])
{
    code = ray_str_until(code, ray_str_find_byte(code, ':'));
    size_t hash = ray_str_find_last_byte(code, '#');
    code = hash == SIZE_MAX ? code : ray_str_from_pos(code, hash + 1);
    snprintf(out, RAY_ERROR_CODE_BYTES, "%.*s", RAY_STR_ARG(ray_str_trim(code)));
}

static struct json_object *parse_object(struct ray_str body)
{
    struct json_tokener *tokener = body.len <= INT32_MAX ? json_tokener_new_ex(BODY_DEPTH) : NULL;
    if (tokener == NULL) {
        return NULL;
    }
    struct json_object *object =
        json_tokener_parse_ex(tokener, body.len ? body.ptr : "", (int)body.len);
    json_tokener_free(tokener);
    if (object != NULL && !json_object_is_type(object, json_type_object)) {
        json_object_put(object);
        return NULL;
    }
    return object;
}

void ray_answer_code(const char *header, struct ray_str body, char out[RAY_ERROR_CODE_BYTES])
{
    static const char *const members[] = {"__type", "code", "Code"};
    copy_code(ray_str_from(header), out);
    struct json_object *object = out[0] == '\0' ? parse_object(body) : NULL;
    for (size_t i = 0; i < 3 && object != NULL && out[0] == '\0'; i++) {
        struct json_object *value = NULL;
        if (json_object_object_get_ex(object, members[i], &value) &&
            json_object_is_type(value, json_type_string)) {
            copy_code(ray_str_from(json_object_get_string(value)), out);
        }
    }
    json_object_put(object);
}

enum ray_answer ray_answer_classify(unsigned status, struct ray_str code)
{
    if (status >= 200 && status < 300) {
        return RAY_ANSWER_GOOD;
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (ray_str_eq(code, codes[i].code)) {
            return codes[i].meaning;
        }
    }
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (status == statuses[i].status) {
            return statuses[i].meaning;
        }
    }
    return RAY_ANSWER_MISCONFIGURED;
}

enum ray_status ray_answer_date(const char *text, uint64_t *unix_s)
{
    struct tm when = {.tm_year = 0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &when);
    if (end == NULL || *end != '\0') {
        return RAY_INVALID;
    }
    time_t seconds = timegm(&when);
    if (seconds < 0) {
        return RAY_INVALID;
    }
    *unix_s = (uint64_t)seconds;
    return RAY_OK;
}

uint32_t ray_answer_retry_after_ms(const char *text, uint64_t now_unix_s)
{
    uint64_t seconds = 0, date = 0;
    if (ray_str_to_u64(ray_str_trim(ray_str_from(text)), &seconds) != RAY_OK) {
        seconds = 0;
        if (ray_answer_date(text, &date) == RAY_OK && date > now_unix_s) {
            seconds = date - now_unix_s;
        }
    }
    return (uint32_t)(seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds) * 1000u;
}
