/* What becomes of input that JSON lines cannot hold: bytes that are no text, and nesting without
 * end? The rest of the bad input is in tests/golden/own/bad_input.jsonl. */
#include "proto/otlp_decode.h"
#include "tests/unit/check.h"
#include "translate/translate.h"

#include <string.h>

#define MILLION 1000000u

static struct ray_str translate(const struct ray_translate_options *options,
                                const struct ray_attributes *attributes, struct ray_arena *arena,
                                struct ray_translate_counts *counts)
{
    struct ray_span span = {
        .trace_id = RAY_STR("fedcba9876543210"),
        .span_id = RAY_STR("hgfedcba"),
        .name = RAY_STR("n\xff"),
        .attributes = *attributes,
    };
    struct ray_scope_spans scope = {.spans = &span, .span_count = 1};
    struct ray_resource_spans resource = {.scopes = &scope, .scope_count = 1};
    struct ray_request request = {&resource, 1, 1};
    struct ray_translator *translator = ray_translator_new(options);
    struct ray_batch *batch = ray_batch_new(16u << 20);
    struct ray_batch_reader reader;
    struct ray_document document;
    CHECK_OK(ray_translate_request(translator, &request, arena, batch, counts));
    ray_batch_seal(batch);
    ray_batch_read_section(batch, ray_translator_profile(translator), &reader);
    assert_true(ray_batch_next(&reader, &document));
    struct ray_str copy = ray_arena_copy(arena, document.text);
    ray_batch_unref(batch);
    ray_translator_free(translator);
    return copy;
}

/* U+FFFD for each maximal bad part (Unicode 15, 3.9). */
#define BAD "\xef\xbf\xbd"
static const struct {
    struct ray_str text;
    const char *becomes;
} texts[] = {
    {RAY_STR_INIT("a\xff"), "a" BAD},
    {RAY_STR_INIT("\xc3"), BAD},
    {RAY_STR_INIT("\xe2\x82x"), BAD "x"},
    {RAY_STR_INIT("\xed\xa0\x80"), BAD BAD BAD}, /* a surrogate */
    {RAY_STR_INIT("\xf4\x90\x80\x80"), BAD BAD BAD BAD},
    {RAY_STR_INIT("\xc0\xaf"), BAD BAD}, /* overlong */
    {RAY_STR_INIT("\xc3\xa9"), "\xc3\xa9"},
};

static void bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
    static const struct ray_translate_options index_all = {.index_all_attributes = true};
    static const struct ray_translate_options plain;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ray_arena *arena = ray_arena_new(1 << 20);
        struct ray_translate_counts counts = {0};
        const struct ray_attribute item = {texts[i].text,
                                           {.kind = RAY_VALUE_STRING, .as.string = texts[i].text}};
        const struct ray_attributes attributes = {&item, 1};
        struct ray_str want = ray_arena_printf(arena, "\"metadata\":{\"default\":{\"%s\":\"%s\"}}",
                                               texts[i].becomes, texts[i].becomes);
        struct ray_str got = translate(&plain, &attributes, arena, &counts);
        print_message("%.*s\n", RAY_STR_ARG(got));
        assert_true(ray_str_find(got, want) != SIZE_MAX);
        assert_true(ray_str_starts_with(got, RAY_STR("{\"name\":\"n\",")));
        got = translate(&index_all, &attributes, arena, &counts);
        assert_true(ray_str_find(got, RAY_STR("\"annotations\":{\"")) != SIZE_MAX);
        ray_arena_free(arena);
    }
}

static struct ray_str brackets(struct ray_arena *arena, struct ray_str before, struct ray_str after)
{
    char *text = ray_arena_alloc_text(arena, before.len + 2 * MILLION + after.len);
    memcpy(text, before.ptr, before.len);
    memset(text + before.len, '[', MILLION);
    memset(text + before.len + MILLION, ']', MILLION);
    memcpy(text + before.len + 2 * MILLION, after.ptr, after.len);
    return (struct ray_str){text, before.len + 2 * MILLION + after.len};
}

static void a_million_levels_of_json_in_an_attribute_are_text(void **state)
{
    (void)state;
    static const struct ray_translate_options plain;
    struct ray_arena *arena = ray_arena_new(64u << 20);
    struct ray_translate_counts counts = {0};
    const struct ray_attribute item = {
        RAY_STR_INIT("aws.xray.metadata.x"),
        {.kind = RAY_VALUE_STRING, .as.string = brackets(arena, RAY_STR("{\"a\":"), RAY_STR("}"))},
    };
    const struct ray_attributes attributes = {&item, 1};
    struct ray_str got = translate(&plain, &attributes, arena, &counts);
    assert_true(ray_str_find(got, RAY_STR("{\"aws.xray.metadata.x\":\"{\\\"a\\\":[[[[")) !=
                SIZE_MAX);
    assert_int_equal(counts.cut[RAY_CUT_STRINGS], 1);
    assert_in_range(got.len, 1000, 64000);
    ray_arena_free(arena);
}

/* AnyValue in ArrayValue in AnyValue ..., from the inside out; lengths as five-byte varints. */
static struct ray_str nested_protobuf(struct ray_arena *arena, size_t levels)
{
    size_t room = levels * 12, at = room;
    char *text = ray_arena_alloc_text(arena, room);
    for (size_t i = 0; i < levels * 2; i++) {
        size_t len = room - at;
        for (unsigned k = 5; k > 0; k--) {
            unsigned more = k < 5 ? 0x80u : 0;
            text[--at] = (char)((len >> (7 * (k - 1)) & 0x7f) | more);
        }
        text[--at] = i % 2 ? 0x2a : 0x0a; /* array_value = 5, values = 1 */
    }
    return ray_str_from_pos((struct ray_str){text, room}, at);
}

static struct ray_str wrap(struct ray_arena *arena, char tag, struct ray_str inside)
{
    char *text = ray_arena_alloc_text(arena, inside.len + 6);
    text[0] = tag;
    for (unsigned k = 0; k < 5; k++) {
        text[1 + k] = (char)((inside.len >> (7 * k) & 0x7f) | (k < 4 ? 0x80u : 0));
    }
    memcpy(text + 6, inside.ptr, inside.len);
    return (struct ray_str){text, inside.len + 6};
}

static void a_million_levels_are_refused(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(256u << 20);
    struct ray_request request = {0};
    struct ray_decode_error error = {{0}};
    struct ray_str json = brackets(arena, RAY_STR("{\"x\":"), RAY_STR("}"));
    enum ray_status status = ray_otlp_json_decode(json, arena, &request, &error);
    print_message("JSON: %s, %s\n", ray_status_name(status), error.text);
    assert_true(status == RAY_INVALID || status == RAY_TOO_BIG);
    /* value = 2 of KeyValue, attributes = 9 of Span, spans, scope_spans, resource_spans */
    struct ray_str bytes = nested_protobuf(arena, MILLION);
    static const char tags[] = {0x12, 0x4a, 0x12, 0x12, 0x0a};
    for (size_t i = 0; i < sizeof(tags); i++) {
        bytes = wrap(arena, tags[i], bytes);
    }
    status = ray_otlp_pb_decode(bytes, arena, &request, &error);
    print_message("protobuf: %s, %s\n", ray_status_name(status), error.text);
    assert_true(status == RAY_INVALID || status == RAY_TOO_BIG);
    ray_arena_free(arena);
}

static void annotations_over_the_budget_are_counted(void **state)
{
    (void)state;
    const struct ray_translate_options options = {.index_all_attributes = true,
                                                  .annotation_budget = 50};
    struct ray_arena *arena = ray_arena_new(16u << 20);
    struct ray_translate_counts counts = {0};
    struct ray_attribute *items = RAY_ARENA_ARRAY(arena, struct ray_attribute, 5000);
    for (size_t i = 0; i < 5000; i++) {
        items[i].key = ray_arena_printf(arena, "k%zu", i);
        items[i].value = (struct ray_value){.kind = RAY_VALUE_BOOL};
    }
    const struct ray_attributes attributes = {items, 5000};
    struct ray_str got = translate(&options, &attributes, arena, &counts);
    assert_int_equal(counts.over_budget, 4950);
    assert_true(ray_str_find(got, RAY_STR("\"k49\":false},\"metadata\"")) != SIZE_MAX);
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(a_million_levels_of_json_in_an_attribute_are_text),
        cmocka_unit_test(a_million_levels_are_refused),
        cmocka_unit_test(annotations_over_the_budget_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
