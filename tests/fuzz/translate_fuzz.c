/*
 * fuzz: whatever decodes must translate: each document strict JSON of at most 64 kB that names its
 * trace, each span accounted for, and the same bytes the second time.
 *
 * The first byte chooses the options, the rest is an ExportTraceServiceRequest.
 */
#include "proto/otlp_decode.h"
#include "translate/shrink.h"
#include "translate/translate.h"

#include <json-c/json.h>
#include <stdlib.h>

#define ARENA_BYTES (64u * 1024 * 1024)
#define BATCH_BYTES (32u * 1024 * 1024)
#define DEPTH       512

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_json(struct ray_str text)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *value = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    require(json_object_is_type(value, json_type_object) &&
            json_tokener_get_parse_end(tokener) == text.len);
    json_object_put(value);
    json_tokener_free(tokener);
}

static void check_document(const struct ray_document *document)
{
    char trace_id[RAY_XRAY_TRACE_ID_CHARS];
    ray_trace_id_write(&document->trace_id, trace_id);
    require(document->text.len <= RAY_DOCUMENT_GOAL_BYTES);
    require(ray_str_find(document->text, (struct ray_str){trace_id, sizeof(trace_id)}) != SIZE_MAX);
    check_json(document->text);
}

/* NULL when memory ran out, which is an answer too. */
static struct ray_batch *translate(const struct ray_translator *translator,
                                   const struct ray_request *request, struct ray_arena *arena)
{
    struct ray_translate_counts counts = {0};
    struct ray_batch *batch = ray_batch_new(BATCH_BYTES);
    if (ray_translate_request(translator, request, arena, batch, &counts) != RAY_OK) {
        ray_batch_unref(batch);
        return NULL;
    }
    require(counts.translated + counts.invalid_ids + counts.too_big == request->span_count);
    ray_batch_seal(batch);
    return batch;
}

static void compare(const struct ray_batch *a, const struct ray_batch *b, uint64_t profile)
{
    struct ray_batch_reader in_a, in_b;
    struct ray_document first, second;
    require(ray_batch_read_section(a, profile, &in_a) && ray_batch_read_section(b, profile, &in_b));
    while (ray_batch_next(&in_a, &first)) {
        require(ray_batch_next(&in_b, &second) && ray_str_eq(first.text, second.text));
        check_document(&first);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ray_str indexed[] = {RAY_STR_INIT("http.method"),
                                             RAY_STR_INIT("otel.resource.service.name"),
                                             RAY_STR_INIT("a*"),
                                             RAY_STR_INIT("*.*e"),
                                             RAY_STR_INIT("a -> b c"),
                                             RAY_STR_INIT("otel.resource.* "),
                                             RAY_STR_INIT("x -> otel.resource.x")};
    static const uint32_t budgets[] = {0, 1, 3, 50};
    if (size == 0) {
        return 0;
    }
    struct ray_translate_options options = {.index_all_attributes = data[0] & 1,
                                            .preserve_all = data[0] & 2,
                                            .indexed_attributes = indexed,
                                            .indexed_attribute_count = (data[0] >> 2) % 8,
                                            .annotation_budget = budgets[data[0] >> 5 & 3]};
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    struct ray_request request = {0};
    struct ray_str body = {(const char *)data + 1, size - 1};
    if (ray_otlp_pb_decode(body, arena, &request, NULL) == RAY_OK) {
        struct ray_translator *translator = ray_translator_new(&options);
        struct ray_batch *first = translate(translator, &request, arena);
        struct ray_batch *second = translate(translator, &request, arena);
        if (first != NULL && second != NULL) {
            compare(first, second, ray_translator_profile(translator));
        }
        ray_batch_unref(first);
        ray_batch_unref(second);
        ray_translator_free(translator);
    }
    ray_arena_free(arena);
    return 0;
}
