/*
 * fuzz: whatever document becomes spans, they are good ones: every span has its ids and every
 * parent is in the request or outside it, the request is written, read back and written as the same
 * bytes, all its views can be read (the arena is poisoned, the input is a block of its own), and
 * it translates to strict JSON documents, one a span, of at most 64 kB.
 */
#include "proto/otlp_decode.h"
#include "proto/otlp_json_write.h"
#include "translate/segment_to_span.h"
#include "translate/shrink.h"
#include "translate/translate.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (64u * 1024 * 1024)
#define BATCH_BYTES (32u * 1024 * 1024)
#define TEXT_BYTES  (64u * 1024 * 1024)
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

static void check_spans(const struct ray_request *request)
{
    require(request->resource_count == 1 && request->resources[0].scope_count == 1);
    const struct ray_scope_spans *scope = &request->resources[0].scopes[0];
    require(scope->span_count == request->span_count && scope->span_count > 0);
    for (size_t i = 0; i < scope->span_count; i++) {
        const struct ray_span *span = &scope->spans[i];
        require(ray_span_has_ids(span) && span->name.len > 0);
        require(i == 0 || span->parent_id.len == RAY_SPAN_ID_BYTES);
        require(ray_str_eq(span->trace_id, scope->spans[0].trace_id));
    }
}

/* Text that was repaired once stays as it is: so the bytes are compared, not the spans. */
static void check_writing(const struct ray_request *request, struct ray_arena *arena)
{
    struct ray_buf first, second;
    struct ray_request again;
    ray_buf_init(&first, TEXT_BYTES);
    ray_buf_init(&second, TEXT_BYTES);
    ray_otlp_json_write(request, &first);
    if (!first.failed) {
        enum ray_status status = ray_otlp_json_decode(ray_buf_str(&first), arena, &again, NULL);
        require(status == RAY_OK || status == RAY_NOMEM);
        if (status == RAY_OK) {
            ray_otlp_json_write(&again, &second);
            require(ray_str_eq(ray_buf_str(&first), ray_buf_str(&second)));
        }
    }
    ray_buf_clear(&first);
    ray_buf_clear(&second);
}

static void check_translation(const struct ray_request *request, struct ray_arena *arena)
{
    struct ray_translate_options options = {0};
    struct ray_translate_counts counts = {0};
    struct ray_translator *translator = ray_translator_new(&options);
    struct ray_batch *batch = ray_batch_new(BATCH_BYTES);
    struct ray_batch_reader reader;
    struct ray_document document;
    uint32_t documents = 0;
    if (ray_translate_request(translator, request, arena, batch, &counts) == RAY_OK) {
        require(counts.invalid_ids == 0);
        require(counts.translated + counts.too_big == request->span_count);
        ray_batch_seal(batch);
        require(ray_batch_read_section(batch, ray_translator_profile(translator), &reader));
        while (ray_batch_next(&reader, &document)) {
            require(document.text.len <= RAY_DOCUMENT_GOAL_BYTES);
            check_json(document.text);
            documents++;
        }
        require(documents == counts.translated);
    }
    ray_batch_unref(batch);
    ray_translator_free(translator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    struct ray_request request = {0};
    struct ray_decode_error error = {""};
    struct ray_str document = {(const char *)data, size};
    if (ray_segment_to_spans(document, arena, &request, &error) == RAY_OK) {
        check_spans(&request);
        check_writing(&request, arena);
        check_translation(&request, arena);
    } else {
        require(error.text[0] != '\0' && request.span_count == 0);
    }
    ray_arena_free(arena);
    return 0;
}
