/*
 * preserve: does nothing disappear unseen?
 *
 * Random spans in which every value is one of its kind. With `preserve: all` each must stand
 * somewhere in the span's documents; with `none` what docs/translation.md says is left out must be
 * missing, and what no block can have taken must be there. The seed is printed with a failure.
 */
#include "core/json_writer.h"
#include "tests/unit/check.h"
#include "translate/semconv.h"
#include "translate/translate.h"

#include <string.h>

#define RUNS       4000u
#define TOKENS_MAX 400u

/* What is to be expected of a value. */
enum fate {
    KEPT,       /* with `none`, too */
    EITHER,     /* with `none` a rule decides */
    LEFT_OUT,   /* with `none` it must not be there */
    OF_SEGMENT, /* the resource's: with `none` on segments only */
};

struct token {
    struct ray_str text;
    enum fate fate;
    const char *what;
};

struct world {
    uint64_t random;
    uint64_t number; /* of the next token */
    struct ray_arena *arena;
    struct token tokens[TOKENS_MAX];
    size_t count;
};

/* xorshift64*: the same spans on every machine. */
static uint64_t draw(struct world *w, uint64_t below)
{
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return (w->random * UINT64_C(2685821657736338717) >> 33) % below;
}

static void expect(struct world *w, struct ray_str text, enum fate fate, const char *what)
{
    assert_true(w->count < TOKENS_MAX);
    w->tokens[w->count++] = (struct token){text, fate, what};
}

static struct ray_str word(struct world *w, enum fate fate, const char *what)
{
    struct ray_str text =
        ray_arena_printf(w->arena, "tok%08llu", (unsigned long long)w->number++ % 100000000);
    expect(w, text, fate, what);
    return text;
}

/* Nine digits that no time and no id has. */
static uint32_t number(struct world *w, enum fate fate, const char *what)
{
    uint32_t value = 810000000u + (uint32_t)(w->number++ % 9000000);
    expect(w, ray_arena_printf(w->arena, "%u", value), fate, what);
    return value;
}

static struct ray_str odd_id(struct world *w, enum fate fate, const char *what)
{
    struct ray_str text =
        ray_arena_printf(w->arena, "%05llu", (unsigned long long)w->number++ % 100000);
    struct ray_str hex = ray_arena_printf(w->arena, "\"%02x%02x%02x%02x%02x\"", text.ptr[0],
                                          text.ptr[1], text.ptr[2], text.ptr[3], text.ptr[4]);
    expect(w, hex, fate, what);
    return text;
}

static struct ray_value nested(struct world *w, enum fate fate, const char *what)
{
    struct ray_attribute *items = RAY_ARENA_ARRAY(w->arena, struct ray_attribute, 2);
    items[0].key = word(w, fate, what);
    items[0].value = (struct ray_value){.kind = RAY_VALUE_STRING, .as.string = word(w, fate, what)};
    items[1].key = RAY_STR("n");
    items[1].value = (struct ray_value){.kind = RAY_VALUE_INT, .as.integer = number(w, fate, what)};
    struct ray_value map = {.kind = RAY_VALUE_MAP};
    map.as.map.items = items;
    map.as.map.count = 2;
    return map;
}

static struct ray_value list(struct world *w, enum fate fate, const char *what)
{
    struct ray_value *items = RAY_ARENA_ARRAY(w->arena, struct ray_value, 2);
    items[0] = (struct ray_value){.kind = RAY_VALUE_STRING, .as.string = word(w, fate, what)};
    items[1] = nested(w, fate, what);
    struct ray_value value = {.kind = RAY_VALUE_LIST};
    value.as.list.items = items;
    value.as.list.count = 2;
    return value;
}

/* "tok00000001" are 11 bytes: with another they are 16 digits of base64. */
static struct ray_value bytes(struct world *w, enum fate fate, const char *what)
{
    struct ray_str text =
        ray_arena_printf(w->arena, "\xff%011llu", (unsigned long long)w->number++ % 100000000);
    struct ray_buf out;
    struct ray_json_writer json;
    ray_buf_init(&out, 64);
    ray_json_init(&json, &out);
    ray_json_base64(&json, text);
    expect(w, ray_arena_copy(w->arena, ray_buf_str(&out)), fate, what);
    ray_buf_clear(&out);
    return (struct ray_value){.kind = RAY_VALUE_BYTES, .as.string = text};
}

static struct ray_value any_value(struct world *w, enum fate fate, const char *what)
{
    switch (draw(w, 11)) {
    case 0:
        return (struct ray_value){.kind = RAY_VALUE_INT, .as.integer = number(w, fate, what)};
    case 1:
        return (struct ray_value){.kind = RAY_VALUE_DOUBLE,
                                  .as.number = number(w, fate, what) + 0.25};
    case 2:
        return (struct ray_value){.kind = RAY_VALUE_BOOL, .as.boolean = draw(w, 2)};
    case 3:
        return list(w, fate, what);
    case 4:
        return nested(w, fate, what);
    case 5:
        return (struct ray_value){.kind = RAY_VALUE_NONE};
    case 6:
        return bytes(w, fate, what);
    default:
        return (struct ray_value){.kind = RAY_VALUE_STRING, .as.string = word(w, fate, what)};
    }
}

/* Values that make blocks exist. */
static const struct {
    enum ray_key key;
    const char *text;
} telling[] = {
    {RAY_KEY_DB_SYSTEM, "mysql"},          {RAY_KEY_RPC_SYSTEM, "aws-api"},
    {RAY_KEY_AWS_SPAN_KIND, "LOCAL_ROOT"}, {RAY_KEY_HTTP_METHOD, "GET"},
    {RAY_KEY_HTTP_STATUS_CODE, "404"},     {RAY_KEY_CLIENT_ADDRESS, "10.0.0.1"},
    {RAY_KEY_DB_SYSTEM_NAME, "redis"},     {RAY_KEY_MESSAGE_TYPE, "RECEIVED"},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct ray_attribute known_attribute(struct world *w)
{
    if (draw(w, 4) == 0) {
        size_t i = draw(w, COUNT(telling));
        struct ray_value text = {.kind = RAY_VALUE_STRING,
                                 .as.string = ray_str_from(telling[i].text)};
        return (struct ray_attribute){ray_semconv_name(telling[i].key), text};
    }
    enum ray_key key = (enum ray_key)(1 + draw(w, RAY_KEY_COUNT - 1));
    struct ray_str name = ray_semconv_name(key);
    return (struct ray_attribute){name, any_value(w, EITHER, name.ptr)};
}

/* Names of few letters, so that some come twice. */
static struct ray_attribute any_attribute(struct world *w)
{
    if (draw(w, 2) == 0) {
        return known_attribute(w);
    }
    if (draw(w, 12) == 0) {
        static const char *const names[] = {"aws.xray.metadata.shop", "aws.xray.metadata.default",
                                            "aws.xray.metadata.Default"};
        struct ray_str json = ray_arena_printf(
            w->arena, "{\"%s\":[1],\"app-a%c\":{\"x\":%u},\"otel.resource.odd\":%u}",
            word(w, EITHER, "namespace").ptr, (char)('a' + draw(w, 8)), number(w, EITHER, "member"),
            number(w, EITHER, "member"));
        return (struct ray_attribute){ray_str_from(names[draw(w, 3)]),
                                      {.kind = RAY_VALUE_STRING, .as.string = json}};
    }
    if (draw(w, 30) == 0) {
        return (struct ray_attribute){RAY_STR("otel.resource.odd"),
                                      any_value(w, EITHER, "attribute like the resource's")};
    }
    struct ray_str key = ray_arena_printf(w->arena, "app-%c%c", (char)('a' + draw(w, 26)),
                                          (char)('a' + draw(w, 26)));
    return (struct ray_attribute){key, any_value(w, EITHER, "attribute")};
}

static struct ray_attributes attributes(struct world *w, size_t max)
{
    size_t count = draw(w, max + 1);
    struct ray_attribute *items = RAY_ARENA_ARRAY(w->arena, struct ray_attribute, max);
    for (size_t i = 0; i < count; i++) {
        items[i] = any_attribute(w);
        if (items[i].value.kind == RAY_VALUE_NONE) {
            expect(w, ray_arena_printf(w->arena, "\"%.*s\"", RAY_STR_ARG(items[i].key)), EITHER,
                   "key without a value");
        }
    }
    return (struct ray_attributes){items, count};
}

/* With keys that mean nothing; those of what is kept differ. */
static struct ray_attributes plain(struct world *w, size_t count, enum fate fate, const char *what)
{
    struct ray_attribute *items = RAY_ARENA_ARRAY(w->arena, struct ray_attribute, count);
    for (size_t i = 0; i < count; i++) {
        bool again = (fate == LEFT_OUT || fate == EITHER) && draw(w, 4) == 0;
        items[i].key = ray_arena_printf(w->arena, "plain.%zu", again ? 0 : i);
        items[i].value = any_value(w, fate, what);
    }
    return (struct ray_attributes){items, count};
}

/* A key may come again, have no value, or be one that the span has, too. */
static struct ray_attributes resource_attributes(struct world *w)
{
    size_t others = draw(w, 5), count = 0;
    struct ray_attributes all = plain(w, others, OF_SEGMENT, "resource attribute");
    struct ray_attribute *items = RAY_ARENA_ARRAY(w->arena, struct ray_attribute, others + 3);
    static const char *const languages[] = {"java", "python", "nodejs", "dotnet", "go", "php"};
    for (uint64_t odd = draw(w, 3); odd > 0; odd--) {
        items[count++] = (struct ray_attribute){RAY_STR("odd"), any_value(w, EITHER, "odd one")};
    }
    for (size_t i = 0; i < others; i++) {
        items[count++] = all.items[i];
        if (all.items[i].value.kind == RAY_VALUE_NONE) {
            expect(w, ray_arena_printf(w->arena, "plain.%zu\"", i), EITHER, "unset");
        }
    }
    items[count++] = (struct ray_attribute){
        RAY_STR("telemetry.sdk.language"),
        {.kind = RAY_VALUE_STRING, .as.string = ray_str_from(languages[draw(w, 6)])}};
    return (struct ray_attributes){items, count};
}

/* As some SDK prints them, with what has no field: columns, lines of source, modules, counts. */
static struct ray_str stack(struct world *w)
{
    struct ray_str a = word(w, EITHER, "stack"), b = word(w, EITHER, "stack"),
                   c = word(w, EITHER, "stack");
    unsigned n = number(w, EITHER, "line"), m = number(w, EITHER, "line or column");
    switch (draw(w, 6)) {
    case 0:
        return ray_arena_printf(w->arena, "%s: %s\n\tat %s(A.java:%u)\n\t... %u more", a.ptr, b.ptr,
                                c.ptr, n, m);
    case 1:
        return ray_arena_printf(w->arena,
                                "E: x\n\tat %s(A.java:%u)\nCaused by: %s: %s\n\tat p(q.java:%u)",
                                a.ptr, n, b.ptr, c.ptr, m);
    case 2:
        return ray_arena_printf(
            w->arena,
            "Traceback (most recent call last):\n  File \"%s\", line %u, in f%u\n"
            "    %s\nE: %s",
            a.ptr, n, m, b.ptr, c.ptr);
    case 3:
        return ray_arena_printf(w->arena, "E: %s\n    at %s (/%s.js:%u:%u)", a.ptr, b.ptr, c.ptr, n,
                                m);
    case 4:
        return ray_arena_printf(w->arena, "E: %s\n   at %s() in /%s.cs:line %u\n   --- %u ---",
                                a.ptr, b.ptr, c.ptr, n, m);
    default:
        return ray_arena_printf(w->arena, "goroutine %u [running]:\n%s(0x1)\n\t/%s.go:%u +0x1\n%s",
                                m, a.ptr, b.ptr, n, c.ptr);
    }
}

static void make_exception(struct world *w, struct ray_event *event)
{
    static const char *const names[] = {"exception.type", "exception.message",
                                        "exception.stacktrace", "exception.escaped"};
    size_t count = draw(w, COUNT(names) + 1);
    struct ray_attribute *items = RAY_ARENA_ARRAY(w->arena, struct ray_attribute, COUNT(names));
    event->name = RAY_STR("exception");
    for (size_t i = 0; i < count; i++) {
        struct ray_value value =
            i == 2 && draw(w, 4) > 0
                ? (struct ray_value){.kind = RAY_VALUE_STRING, .as.string = stack(w)}
                : any_value(w, EITHER, names[i]);
        items[i] = (struct ray_attribute){ray_str_from(names[i]), value};
    }
    event->attributes = (struct ray_attributes){items, count};
}

static void make_failure(struct world *w, struct ray_event *event)
{
    static const char *const names[] = {"http.response.status_code", "aws.http.error_message", "x"};
    size_t count = draw(w, COUNT(names) + 1);
    struct ray_attribute *items = RAY_ARENA_ARRAY(w->arena, struct ray_attribute, COUNT(names));
    event->name = RAY_STR("HTTP request failure");
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct ray_attribute){ray_str_from(names[i]), any_value(w, EITHER, names[i])};
    }
    event->attributes = (struct ray_attributes){items, count};
}

static void make_events(struct world *w, struct ray_span *span)
{
    struct ray_event *events = RAY_ARENA_ARRAY(w->arena, struct ray_event, 4);
    span->event_count = draw(w, 5);
    span->events = events;
    for (size_t i = 0; i < span->event_count; i++) {
        events[i].time_unix_ns = 1763983752000000000u + i;
        uint64_t sort = draw(w, 4);
        if (sort == 0) {
            make_exception(w, &events[i]);
        } else if (sort == 1) {
            make_failure(w, &events[i]);
        } else {
            events[i].name = word(w, LEFT_OUT, "event name");
            events[i].attributes = plain(w, draw(w, 24), LEFT_OUT, "event attribute");
            events[i].dropped_attributes = number(w, LEFT_OUT, "dropped of an event");
        }
    }
}

static void make_links(struct world *w, struct ray_span *span)
{
    struct ray_link *links = RAY_ARENA_ARRAY(w->arena, struct ray_link, 3);
    span->link_count = draw(w, 4);
    span->links = links;
    for (size_t i = 0; i < span->link_count; i++) {
        links[i].trace_id =
            draw(w, 4) ? RAY_STR("0123456789abcdef") : odd_id(w, LEFT_OUT, "link id");
        links[i].span_id = RAY_STR("abcdefgh");
        links[i].attributes = plain(w, draw(w, 3), draw(w, 2) ? KEPT : EITHER, "link attribute");
        if (draw(w, 2)) {
            links[i].trace_state = word(w, LEFT_OUT, "link trace state");
            links[i].dropped_attributes = number(w, LEFT_OUT, "dropped of a link");
            links[i].flags = number(w, LEFT_OUT, "link flags");
        }
    }
}

static struct ray_span make_span(struct world *w)
{
    struct ray_span span = {
        .trace_id = RAY_STR("fedcba9876543210"),
        .span_id = RAY_STR("hgfedcba"),
        .start_unix_ns = 1763983752000000000u,
        .end_unix_ns = 1763983753000000000u,
        .kind = (int32_t)draw(w, 6),
        .status_code = (int32_t)draw(w, 3),
    };
    span.name = word(w, EITHER, "span name");
    span.parent_id = draw(w, 2) ? RAY_STR("pppppppp") : RAY_STR("");
    if (draw(w, 8) == 0) {
        span.parent_id = odd_id(w, LEFT_OUT, "parent id");
    }
    if (draw(w, 2)) {
        span.trace_state = word(w, LEFT_OUT, "trace state");
        span.status_message = word(w, EITHER, "status message");
        span.flags = number(w, LEFT_OUT, "flags");
        span.dropped_attributes = number(w, LEFT_OUT, "dropped attributes");
        span.dropped_events = number(w, LEFT_OUT, "dropped events");
        span.dropped_links = number(w, LEFT_OUT, "dropped links");
    }
    span.attributes = attributes(w, 16);
    make_events(w, &span);
    make_links(w, &span);
    return span;
}

static struct ray_scope_spans make_scope(struct world *w, const struct ray_span *span)
{
    struct ray_scope_spans scope = {.spans = span, .span_count = 1};
    if (draw(w, 3)) {
        scope.name = word(w, LEFT_OUT, "scope name");
        scope.version = word(w, LEFT_OUT, "scope version");
        scope.schema_url = word(w, LEFT_OUT, "scope schema");
        scope.attributes = plain(w, draw(w, 3), LEFT_OUT, "scope attribute");
        scope.dropped_attributes = number(w, LEFT_OUT, "dropped of the scope");
    }
    return scope;
}

/* The documents of one request, one after the other. */
static struct ray_str translate(const struct ray_translate_options *options,
                                const struct ray_request *request, struct ray_arena *arena)
{
    struct ray_translator *translator = ray_translator_new(options);
    struct ray_batch *batch = ray_batch_new(1 << 20);
    struct ray_translate_counts counts = {0};
    struct ray_batch_reader reader;
    struct ray_document document;
    struct ray_str all = RAY_STR("");
    CHECK_OK(ray_translate_request(translator, request, arena, batch, &counts));
    assert_int_equal(counts.translated, 1);
    assert_int_equal(counts.shrunk, 0);
    ray_batch_seal(batch);
    ray_batch_read_section(batch, ray_translator_profile(translator), &reader);
    while (ray_batch_next(&reader, &document)) {
        all = ray_arena_printf(arena, "%.*s%.*s\n", RAY_STR_ARG(all), RAY_STR_ARG(document.text));
    }
    ray_batch_unref(batch);
    ray_translator_free(translator);
    return all;
}

static void check_tokens(const struct world *w, struct ray_str documents, bool all, uint64_t seed)
{
    size_t lines = 0, subsegments = 0;
    for (size_t i = 0; i < documents.len; i++) {
        struct ray_str rest = ray_str_from_pos(documents, i);
        lines += rest.ptr[0] == '\n';
        subsegments += ray_str_starts_with(rest, RAY_STR("\"type\":\"subsegment\""));
    }
    for (size_t i = 0; i < w->count; i++) {
        const struct token *token = &w->tokens[i];
        bool there = ray_str_find(documents, token->text) != SIZE_MAX;
        bool must =
            all || token->fate == KEPT || (token->fate == OF_SEGMENT && subsegments < lines);
        bool must_not = !all && token->fate == LEFT_OUT;
        if ((must && !there) || (must_not && there)) {
            fail_msg("seed %llu, preserve %s: %s %.*s is %s\n%.*s", (unsigned long long)seed,
                     all ? "all" : "none", token->what, RAY_STR_ARG(token->text),
                     there ? "there" : "missing", RAY_STR_ARG(documents));
        }
    }
}

static void check_seed(uint64_t seed)
{
    static const struct ray_str indexed[] = {RAY_STR_INIT("app-a*"), RAY_STR_INIT("app-bb -> b"),
                                             RAY_STR_INIT("http.method")};
    struct world w = {.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .number = seed * 1000};
    w.arena = ray_arena_new(32u << 20);
    struct ray_span span = make_span(&w);
    struct ray_scope_spans scope = make_scope(&w, &span);
    struct ray_resource_spans resource = {.scopes = &scope, .scope_count = 1};
    resource.attributes = resource_attributes(&w);
    struct ray_request request = {&resource, 1, 1};
    struct ray_translate_options options = {
        .indexed_attributes = indexed,
        .indexed_attribute_count = draw(&w, 4),
        .index_all_attributes = draw(&w, 2),
        .annotation_budget = draw(&w, 2) ? (uint32_t)draw(&w, 5) : 0,
    };
    check_tokens(&w, translate(&options, &request, w.arena), false, seed);
    options.preserve_all = true;
    check_tokens(&w, translate(&options, &request, w.arena), true, seed);
    ray_arena_free(w.arena);
}

static void nothing_disappears_unseen(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        check_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_disappears_unseen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
