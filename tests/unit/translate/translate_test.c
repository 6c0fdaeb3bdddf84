/* Does a request become one section of documents, with every span accounted for and every document
 * small enough? What documents contain is the question of the golden cases. */
#include "tests/unit/check.h"
#include "translate/translate.h"
#include "xray/limits.h"

#include <string.h>

#define SPAN_ID  "\1\2\3\4\5\6\7\10"
#define TRACE_ID "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20"

struct fixture {
    struct ray_arena *arena;
    struct ray_translator *translator;
    struct ray_batch *batch;
    struct ray_translate_counts counts;
    struct ray_span spans[3];
    struct ray_scope_spans scope;
    struct ray_resource_spans resource;
    struct ray_request request;
};

static struct ray_span good_span(void)
{
    return (struct ray_span){
        .trace_id = {TRACE_ID, 16},
        .span_id = {SPAN_ID, 8},
        .name = RAY_STR("work"),
        .start_unix_ns = 1700000000000000000u,
        .end_unix_ns = 1700000001500000000u,
    };
}

static void setup(struct fixture *f, const struct ray_translate_options *options, size_t max_bytes)
{
    memset(f, 0, sizeof(*f));
    f->arena = ray_arena_new(256u << 20);
    f->translator = ray_translator_new(options);
    f->batch = ray_batch_new(max_bytes);
    for (int i = 0; i < 3; i++) {
        f->spans[i] = good_span();
    }
    f->scope.spans = f->spans;
    f->scope.span_count = 3;
    f->resource.scopes = &f->scope;
    f->resource.scope_count = 1;
    f->request.resources = &f->resource;
    f->request.resource_count = 1;
    f->request.span_count = 3;
}

static enum ray_status run(struct fixture *f)
{
    enum ray_status status =
        ray_translate_request(f->translator, &f->request, f->arena, f->batch, &f->counts);
    ray_batch_seal(f->batch);
    return status;
}

static void teardown(struct fixture *f)
{
    ray_batch_unref(f->batch);
    ray_translator_free(f->translator);
    ray_arena_free(f->arena);
}

static const struct ray_translate_options no_options;

static void a_bare_span_is_a_document(void **state)
{
    (void)state;
    struct fixture f;
    struct ray_batch_reader reader;
    struct ray_document document;
    setup(&f, &no_options, 1 << 20);
    CHECK_OK(run(&f));
    assert_true(ray_batch_read_section(f.batch, ray_translator_profile(f.translator), &reader));
    assert_true(ray_batch_next(&reader, &document));
    CHECK_STR(document.text,
              "{\"name\":\"work\",\"id\":\"0102030405060708\","
              "\"trace_id\":\"1-01020304-05060708090a0b0c0d0e0f10\",\"start_time\":1700000000,"
              "\"end_time\":1700000001.5,\"fault\":false,\"error\":false,\"throttle\":false,"
              "\"aws\":{\"xray\":{\"auto_instrumentation\":false}}}");
    teardown(&f);
}

static void bad_ids_are_counted_and_their_neighbours_taken(void **state)
{
    (void)state;
    struct fixture f;
    struct ray_batch_reader reader;
    struct ray_document document;
    setup(&f, &no_options, 1 << 20);
    f.spans[1].span_id.len = 7;
    CHECK_OK(run(&f));
    assert_int_equal(f.counts.translated, 2);
    assert_int_equal(f.counts.invalid_ids, 1);
    ray_batch_read_section(f.batch, ray_translator_profile(f.translator), &reader);
    assert_true(ray_batch_next(&reader, &document));
    assert_int_equal(document.source, 0);
    assert_true(ray_batch_next(&reader, &document));
    assert_int_equal(document.source, 2);
    assert_false(ray_batch_next(&reader, &document));
    teardown(&f);
}

static void a_full_batch_says_so(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, &no_options, 600);
    assert_int_equal(run(&f), RAY_TOO_BIG);
    teardown(&f);
}

static void a_small_arena_says_so(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, &no_options, 1 << 20);
    ray_arena_free(f.arena);
    f.arena = ray_arena_new(64);
    assert_int_equal(run(&f), RAY_NOMEM);
    teardown(&f);
}

/* `count` attributes of `bytes` each on the first span; what comes out of it. */
static struct ray_document huge(struct fixture *f, size_t count, size_t bytes, bool index_all)
{
    const struct ray_translate_options options = {.index_all_attributes = index_all};
    struct ray_batch_reader reader;
    struct ray_document document = {0};
    setup(f, &options, 16 << 20);
    struct ray_attribute *items = RAY_ARENA_ARRAY(f->arena, struct ray_attribute, count);
    char *text = ray_arena_alloc_text(f->arena, bytes);
    memset(text, 'x', bytes);
    for (size_t i = 0; i < count; i++) {
        items[i].key = ray_arena_printf(f->arena, "key.%zu", i);
        items[i].value.kind = RAY_VALUE_STRING;
        items[i].value.as.string = (struct ray_str){text, bytes};
    }
    f->spans[0].attributes = (struct ray_attributes){items, count};
    CHECK_OK(run(f));
    ray_batch_read_section(f->batch, ray_translator_profile(f->translator), &reader);
    assert_true(ray_batch_next(&reader, &document));
    return document;
}

static void large_documents_shrink(void **state)
{
    (void)state;
    static const struct {
        size_t count, bytes;
        bool index_all;
        size_t at_least; /* bytes that should be left */
    } cases[] = {
        {1, 500000, false, 30000}, {100, 10000, false, 40000},
        {20000, 10, false, 20000}, {1000, 900, true, 20000},
        {2, 3000000, true, 3000},  {1, 20000000, false, 30000}, /* above the batch's own maximum */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct ray_document document = huge(&f, cases[i].count, cases[i].bytes, cases[i].index_all);
        print_message("case %zu: %zu bytes\n", i, document.text.len);
        assert_in_range(document.text.len, cases[i].at_least, 64000);
        assert_int_equal(f.counts.shrunk, 1);
        assert_int_equal(f.counts.translated, 3);
        teardown(&f);
    }
}

static struct ray_str long_text(struct fixture *f, size_t bytes)
{
    char *text = ray_arena_alloc_text(f->arena, bytes);
    memset(text, 'x', bytes);
    return (struct ray_str){text, bytes};
}

static void a_long_message_is_cut_and_said(void **state)
{
    (void)state;
    struct fixture f;
    struct ray_batch_reader reader;
    struct ray_document document;
    setup(&f, &no_options, 1 << 20);
    f.spans[0].status_code = RAY_SPAN_STATUS_ERROR;
    f.spans[0].status_message = long_text(&f, 70000); /* an exception's message */
    CHECK_OK(run(&f));
    assert_int_equal(f.counts.shrunk, 1);
    assert_int_equal(f.counts.cut[RAY_CUT_MESSAGES], 1);
    assert_int_equal(f.counts.cut[RAY_CUT_STRINGS], 0);
    ray_batch_read_section(f.batch, ray_translator_profile(f.translator), &reader);
    assert_true(ray_batch_next(&reader, &document));
    assert_in_range(document.text.len, 16384, 17000);
    size_t at = ray_str_find(document.text, RAY_STR("\"metadata\""));
    CHECK_STR(ray_str_from_pos(document.text, at),
              "\"metadata\":{\"spanbridge.truncated\":{\"cut\":[\"messages\"]}}}");
    teardown(&f);
}

/* Only what the configuration adds cannot be cut. */
static void what_cannot_shrink_is_counted(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, &no_options, 1 << 20);
    const struct ray_str group = long_text(&f, 70000);
    const struct ray_translate_options options = {.aws_log_groups = &group,
                                                  .aws_log_group_count = 1};
    ray_translator_free(f.translator);
    f.translator = ray_translator_new(&options);
    CHECK_OK(run(&f));
    assert_int_equal(f.counts.too_big, 3);
    assert_int_equal(f.counts.translated, 0);
    teardown(&f);
}

static void preserve_all_keeps_what_has_no_field(void **state)
{
    (void)state;
    static const struct ray_event events[] = {
        {.time_unix_ns = 1700000000250000000u, .name = RAY_STR_INIT("cache miss")},
        {.name = RAY_STR_INIT("exception")},
    };
    const struct ray_translate_options options = {.preserve_all = true};
    struct fixture f;
    struct ray_batch_reader reader;
    struct ray_document document;
    setup(&f, &options, 1 << 20);
    f.scope.name = RAY_STR("shop");
    f.spans[0].events = events;
    f.spans[0].event_count = 2;
    f.spans[0].kind = RAY_SPAN_SERVER;
    f.spans[0].status_message = RAY_STR("fine");
    f.spans[0].trace_state = RAY_STR("a=b");
    f.spans[0].dropped_links = 2;
    CHECK_OK(run(&f));
    ray_batch_read_section(f.batch, ray_translator_profile(f.translator), &reader);
    assert_true(ray_batch_next(&reader, &document));
    size_t at = ray_str_find(document.text, RAY_STR("\"metadata\""));
    CHECK_STR(ray_str_from_pos(document.text, at),
              "\"metadata\":{\"otel.events\":[{\"name\":\"cache miss\",\"time\":1700000000.25}],"
              "\"otel.scope\":{\"name\":\"shop\"},\"otel.span\":{\"kind\":\"SERVER\","
              "\"status_message\":\"fine\",\"trace_state\":\"a=b\",\"dropped_links_count\":2,"
              "\"exceptions\":[{\"time\":0}]}}}");
    teardown(&f);
}

static void profiles_follow_options(void **state)
{
    (void)state;
    static const struct ray_str a[] = {RAY_STR_INIT("a"), RAY_STR_INIT("b")};
    static const struct ray_str joined[] = {RAY_STR_INIT("ab")};
    const struct ray_translate_options options[] = {
        {0},
        {.index_all_attributes = true},
        {.preserve_all = true},
        {.indexed_attributes = a, .indexed_attribute_count = 1},
        {.indexed_attributes = a, .indexed_attribute_count = 2},
        {.indexed_attributes = joined, .indexed_attribute_count = 1},
        {.aws_log_groups = a, .aws_log_group_count = 1},
    };
    enum { COUNT = sizeof(options) / sizeof(options[0]) };
    uint64_t profiles[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        struct ray_translator *first = ray_translator_new(&options[i]);
        struct ray_translator *again = ray_translator_new(&options[i]);
        profiles[i] = ray_translator_profile(first);
        assert_true(profiles[i] == ray_translator_profile(again));
        for (size_t j = 0; j < i; j++) {
            assert_true(profiles[i] != profiles[j]);
        }
        ray_translator_free(first);
        ray_translator_free(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_span_is_a_document),
        cmocka_unit_test(bad_ids_are_counted_and_their_neighbours_taken),
        cmocka_unit_test(a_full_batch_says_so),
        cmocka_unit_test(a_small_arena_says_so),
        cmocka_unit_test(large_documents_shrink),
        cmocka_unit_test(a_long_message_is_cut_and_said),
        cmocka_unit_test(what_cannot_shrink_is_counted),
        cmocka_unit_test(preserve_all_keeps_what_has_no_field),
        cmocka_unit_test(profiles_follow_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
