/* Is any span refused for its size? Each field in turn is made too large for a document; it must go
 * out cut, say so, and leave its neighbours alone. */
#include "tests/unit/check.h"
#include "translate/field.h"
#include "translate/semconv.h"
#include "translate/translate.h"
#include "xray/limits.h"

#include <string.h>

#define SPAN_ID  "\1\2\3\4\5\6\7\10"
#define TRACE_ID "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20"
#define LARGE    100000u
#define MANY     5000u
#define SPANS    3u

struct fixture {
    struct ray_arena *arena;
    struct ray_translate_options options;
    struct ray_span spans[SPANS];
    struct ray_scope_spans scope;
    struct ray_resource_spans resource;
    struct ray_translate_counts counts;
    struct ray_str documents[2 * SPANS];
    size_t document_count;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.arena = ray_arena_new(64u << 20)};
    for (size_t i = 0; i < SPANS; i++) {
        f->spans[i] = (struct ray_span){
            .trace_id = {TRACE_ID, 16}, .span_id = {SPAN_ID, 8}, .name = RAY_STR("work")};
    }
    f->scope.spans = f->spans;
    f->scope.span_count = SPANS;
    f->resource.scopes = &f->scope;
    f->resource.scope_count = 1;
}

static void run(struct fixture *f)
{
    struct ray_request request = {&f->resource, 1, SPANS};
    struct ray_translator *translator = ray_translator_new(&f->options);
    struct ray_batch *batch = ray_batch_new(16u << 20);
    struct ray_batch_reader reader;
    struct ray_document document;
    f->counts = (struct ray_translate_counts){0};
    f->document_count = 0;
    CHECK_OK(ray_translate_request(translator, &request, f->arena, batch, &f->counts));
    ray_batch_seal(batch);
    ray_batch_read_section(batch, ray_translator_profile(translator), &reader);
    while (ray_batch_next(&reader, &document)) {
        f->documents[f->document_count++] = ray_arena_copy(f->arena, document.text);
    }
    ray_batch_unref(batch);
    ray_translator_free(translator);
}

static void ignore(void *context, const struct ray_field *field)
{
    (void)context;
    (void)field;
}

static void all_fit(struct fixture *f, const char *what)
{
    run(f);
    if (f->counts.translated != SPANS || f->counts.too_big != 0) {
        fail_msg("%s: %u translated, %u too big", what, f->counts.translated, f->counts.too_big);
    }
    for (size_t i = 0; i < f->document_count; i++) {
        if (f->documents[i].len > 64000 ||
            ray_fields_walk(f->documents[i], f->arena, ignore, NULL) != RAY_OK) {
            fail_msg("%s: document %zu of %zu bytes: %.200s", what, i, f->documents[i].len,
                     f->documents[i].ptr);
        }
    }
}

static struct ray_str text(struct fixture *f, char of)
{
    char *bytes = ray_arena_alloc_text(f->arena, LARGE);
    memset(bytes, of, LARGE);
    return (struct ray_str){bytes, LARGE};
}

/* The kinds of large values that an attribute can have. */
static struct ray_value large(struct fixture *f, size_t kind)
{
    struct ray_value value = {.kind = RAY_VALUE_STRING};
    if (kind < 2) {
        value.as.string = text(f, kind == 0 ? 'x' : '\1');
        return value;
    }
    struct ray_value *items = RAY_ARENA_ARRAY(f->arena, struct ray_value, MANY);
    for (size_t i = 0; i < MANY; i++) {
        items[i].kind = RAY_VALUE_STRING;
        items[i].as.string = ray_arena_printf(f->arena, "arn:aws:logs:r:1:log-group:%zu", i);
    }
    value.kind = RAY_VALUE_LIST;
    value.as.list.items = items;
    value.as.list.count = MANY;
    return value;
}

static struct ray_attribute attribute(const char *key, const char *value)
{
    return (struct ray_attribute){ray_str_from(key),
                                  {.kind = RAY_VALUE_STRING, .as.string = ray_str_from(value)}};
}

/* With one of them on the span or its resource, all blocks there. */
static void check_key(enum ray_key key, size_t kind, bool on_resource, bool preserve)
{
    struct fixture f;
    setup(&f);
    struct ray_attribute span[] = {attribute("db.system", "mysql"),
                                   attribute("http.method", "GET"),
                                   attribute("aws.span.kind", key % 2 ? "LOCAL_ROOT" : ""),
                                   {ray_semconv_name(key), large(&f, kind)}};
    struct ray_attribute resource[] = {
        attribute("cloud.platform", preserve ? "aws_ecs" : "aws_ec2"),
        {ray_semconv_name(key), large(&f, kind)}};
    f.options.preserve_all = preserve;
    f.spans[1].kind = RAY_SPAN_CLIENT;
    f.spans[1].attributes = (struct ray_attributes){span, on_resource ? 3 : 4};
    f.resource.attributes = (struct ray_attributes){resource, on_resource ? 2 : 1};
    all_fit(&f, ray_semconv_name(key).ptr);
    ray_arena_free(f.arena);
}

static void every_attribute_may_be_large(void **state)
{
    (void)state;
    for (unsigned key = 1; key < RAY_KEY_COUNT; key++) {
        for (size_t kind = 0; kind < 3; kind++) {
            check_key((enum ray_key)key, kind, false, kind == 0);
            check_key((enum ray_key)key, kind, true, key % 2);
        }
    }
}

/* All of them at once, each byte taking six; together as much as a request may hold. */
static void all_attributes_may_be_large(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct ray_attribute items[RAY_KEY_COUNT];
    struct ray_value value = large(&f, 1);
    value.as.string.len = LARGE / 5;
    for (unsigned key = 1; key < RAY_KEY_COUNT; key++) {
        items[key - 1] = (struct ray_attribute){ray_semconv_name((enum ray_key)key), value};
    }
    f.spans[2].attributes = (struct ray_attributes){items, RAY_KEY_COUNT - 1};
    f.resource.attributes = (struct ray_attributes){items, RAY_KEY_COUNT - 1};
    all_fit(&f, "all");
    ray_arena_free(f.arena);
}

static void a_span_may_have_many_links_and_exceptions(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct ray_link *links = RAY_ARENA_ARRAY(f.arena, struct ray_link, MANY);
    struct ray_event *events = RAY_ARENA_ARRAY(f.arena, struct ray_event, MANY);
    for (size_t i = 0; i < MANY; i++) {
        links[i] = (struct ray_link){.trace_id = {TRACE_ID, 16}, .span_id = {SPAN_ID, 8}};
        events[i].name = RAY_STR("exception");
    }
    f.spans[1].links = links;
    f.spans[1].link_count = MANY;
    all_fit(&f, "links");
    assert_int_equal(f.counts.cut[RAY_CUT_FIELDS], 1);
    f.spans[1].link_count = 0;
    f.spans[1].events = events;
    f.spans[1].event_count = MANY;
    all_fit(&f, "exceptions");
    assert_int_equal(f.counts.cut[RAY_CUT_FIELDS], 1);
    f.spans[1].event_count = 1;
    events[0].attributes = (struct ray_attributes){NULL, 0};
    links[0].span_id = text(&f, 'x');
    f.spans[1].link_count = 1;
    all_fit(&f, "id of a link");
    ray_arena_free(f.arena);
}

/* What is small stays, and it is said what happened. */
static void only_what_is_long_is_cut(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    const struct ray_attribute items[] = {{RAY_STR_INIT("http.url"), large(&f, 0)},
                                          attribute("user.id", "ann"),
                                          attribute("app.cart", "c-1")};
    f.spans[1].attributes = (struct ray_attributes){items, 3};
    all_fit(&f, "url");
    assert_int_equal(f.counts.shrunk, 1);
    for (size_t cut = 0; cut < RAY_CUT_COUNT; cut++) {
        assert_int_equal(f.counts.cut[cut], cut == RAY_CUT_FIELDS);
    }
    struct ray_str got = f.documents[1];
    assert_in_range(got.len, 8192 + 100, 8192 + 600);
    assert_true(ray_str_find(got, RAY_STR("\"user\":\"ann\"")) != SIZE_MAX);
    size_t at = ray_str_find(got, RAY_STR("\"metadata\""));
    CHECK_STR(ray_str_from_pos(got, at), "\"metadata\":{\"default\":{\"app.cart\":\"c-1\"},"
                                         "\"spanbridge.truncated\":{\"cut\":[\"fields\"]}}}");
    ray_arena_free(f.arena);
}

/* Ids are made of ordinals: those of a pair still name each other. */
static void a_pair_stays_together(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct ray_attribute items[] = {attribute("aws.span.kind", "LOCAL_ROOT"),
                                    attribute("aws.local.service", "shop"),
                                    attribute("x", "y"),
                                    {RAY_STR_INIT("user.id"), large(&f, 0)}};
    f.spans[1].kind = RAY_SPAN_CLIENT;
    f.spans[1].attributes = (struct ray_attributes){items, 3};
    all_fit(&f, "small");
    struct ray_str small = f.documents[2];
    f.spans[1].attributes.count = 4;
    all_fit(&f, "large");
    assert_int_equal(f.counts.cut[RAY_CUT_FIELDS], 2);
    struct ray_str head = ray_str_until(small, ray_str_find(small, RAY_STR("\"trace_id\"")));
    print_message("%.*s\n", RAY_STR_ARG(head));
    assert_true(ray_str_starts_with(f.documents[2], head));
    ray_arena_free(f.arena);
}

/* Large maps need memory to find duplicates, at each step anew; it is not the neighbours'. */
static void what_it_takes_is_not_taken_from_the_request(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct ray_attribute *members = RAY_ARENA_ARRAY(f.arena, struct ray_attribute, MANY);
    for (size_t i = 0; i < MANY; i++) {
        members[i] = attribute(ray_arena_printf(f.arena, "member.%zu", i).ptr, "some text");
    }
    struct ray_attribute items[20];
    for (size_t i = 0; i < 20; i++) {
        items[i].key = ray_arena_printf(f.arena, "map.%zu", i);
        items[i].value.kind = RAY_VALUE_MAP;
        items[i].value.as.map.items = members;
        items[i].value.as.map.count = MANY;
    }
    f.spans[0].attributes = f.spans[1].attributes = (struct ray_attributes){items, 20};
    all_fit(&f, "maps");
    ray_arena_free(f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attribute_may_be_large),
        cmocka_unit_test(all_attributes_may_be_large),
        cmocka_unit_test(a_span_may_have_many_links_and_exceptions),
        cmocka_unit_test(only_what_is_long_is_cut),
        cmocka_unit_test(a_pair_stays_together),
        cmocka_unit_test(what_it_takes_is_not_taken_from_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
