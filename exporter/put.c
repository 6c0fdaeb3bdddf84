/* put: see the header. */
#include "exporter/put.h"

#include "core/json_writer.h"

#include <json-c/json.h>

/* {"UnprocessedTraceSegments":[{...}]} is three deep. */
#define ANSWER_DEPTH 8

const struct ray_str ray_put_head = RAY_STR_INIT("{\"TraceSegmentDocuments\":[");
const struct ray_str ray_put_separator = RAY_STR_INIT(",");
const struct ray_str ray_put_tail = RAY_STR_INIT("]}");

/* Parts of names, the first match decides: "InvalidSegment" is final, "InternalFailure" is not. */
static const struct {
    struct ray_str part;
    enum ray_put_code meaning;
} codes[] = {
    {RAY_STR_INIT("Size"), RAY_PUT_CODE_FINAL}, /* before the limits of rates below */
    {RAY_STR_INIT("Throttl"), RAY_PUT_CODE_THROTTLE},
    {RAY_STR_INIT("TooManyRequests"), RAY_PUT_CODE_THROTTLE},
    {RAY_STR_INIT("LimitExceeded"), RAY_PUT_CODE_THROTTLE},
    {RAY_STR_INIT("SlowDown"), RAY_PUT_CODE_THROTTLE},
    {RAY_STR_INIT("InternalFailure"), RAY_PUT_CODE_RETRY},
    {RAY_STR_INIT("InternalError"), RAY_PUT_CODE_RETRY},
    {RAY_STR_INIT("InternalServ"), RAY_PUT_CODE_RETRY},
    {RAY_STR_INIT("ServiceUnavailable"), RAY_PUT_CODE_RETRY},
    {RAY_STR_INIT("Timeout"), RAY_PUT_CODE_RETRY},
    {RAY_STR_INIT("TimedOut"), RAY_PUT_CODE_RETRY},
    {RAY_STR_INIT("Invalid"), RAY_PUT_CODE_FINAL},
    {RAY_STR_INIT("Missing"), RAY_PUT_CODE_FINAL},
    {RAY_STR_INIT("Parse"), RAY_PUT_CODE_FINAL},
    {RAY_STR_INIT("Malformed"), RAY_PUT_CODE_FINAL},
    {RAY_STR_INIT("Validation"), RAY_PUT_CODE_FINAL},
    {RAY_STR_INIT("TooLarge"), RAY_PUT_CODE_FINAL},
    {RAY_STR_INIT("TooBig"), RAY_PUT_CODE_FINAL},
    {RAY_STR_INIT("TooLong"), RAY_PUT_CODE_FINAL},
};

void ray_put_write(struct ray_buf *body, struct ray_str document)
{
    ray_buf_append_byte(body, '"');
    ray_json_escape(body, document);
    ray_buf_append_byte(body, '"');
}

static struct ray_str member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, name, &value) ||
        !json_object_is_type(value, json_type_string)) {
        return (struct ray_str){NULL, 0};
    }
    return (struct ray_str){json_object_get_string(value),
                            (size_t)json_object_get_string_len(value)};
}

static enum ray_status read_entries(struct json_object *root, ray_put_entry_fn entry, void *context)
{
    struct json_object *list = NULL;
    if (!json_object_is_type(root, json_type_object)) {
        return RAY_INVALID;
    }
    if (!json_object_object_get_ex(root, "UnprocessedTraceSegments", &list) || list == NULL) {
        return RAY_OK; /* absent and null are the empty list */
    }
    if (!json_object_is_type(list, json_type_array)) {
        return RAY_INVALID;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        if (json_object_is_type(item, json_type_object)) {
            struct ray_put_unprocessed unprocessed = {member(item, "Id"), member(item, "ErrorCode"),
                                                      member(item, "Message")};
            entry(context, &unprocessed);
        }
    }
    return RAY_OK;
}

enum ray_status ray_put_read_answer(struct ray_str answer, ray_put_entry_fn entry, void *context)
{
    struct json_tokener *tokener =
        answer.len <= INT32_MAX ? json_tokener_new_ex(ANSWER_DEPTH) : NULL;
    if (tokener == NULL) {
        return RAY_INVALID;
    }
    struct json_object *root =
        json_tokener_parse_ex(tokener, answer.len ? answer.ptr : "", (int)answer.len);
    enum ray_status status = read_entries(root, entry, context);
    json_object_put(root);
    json_tokener_free(tokener);
    return status;
}

enum ray_put_code ray_put_classify(struct ray_str code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (ray_str_find(code, codes[i].part) != SIZE_MAX) {
            return codes[i].meaning;
        }
    }
    return RAY_PUT_CODE_UNKNOWN;
}
