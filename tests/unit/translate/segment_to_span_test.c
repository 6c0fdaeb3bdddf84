/*
 * segment_to_span: is there and back again the identity?
 *
 * Segment documents, legacy ones of every kind and random ones, become spans, and those documents
 * again. Each member of the segment must be there as it was, also those that spans have no place
 * for, and what is there besides must be one of the additions named below (defaults).
 */
#include "translate/segment_to_span.h"

#include "translate/facts.h"
#include "translate/translate.h"

#include "tests/unit/check.h"

#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>

#define ARENA_BYTES  (64u * 1024 * 1024)
#define BATCH_BYTES  (16u * 1024 * 1024)
#define DOCUMENT_MAX 400u
#define RANDOM_RUNS  500u

/* --- comparing --- */

struct place {
    char path[400];
};

static struct place inside(const struct place *place, const char *key)
{
    struct place in = *place;
    size_t len = strlen(in.path);
    snprintf(in.path + len, sizeof(in.path) - len, "/%s", key);
    return in;
}

static bool starts(const struct place *place, const char *prefix)
{
    return strncmp(place->path, prefix, strlen(prefix)) == 0;
}

static bool ends(const struct place *place, const char *suffix)
{
    size_t len = strlen(place->path), end = strlen(suffix);
    return len >= end && strcmp(place->path + len - end, suffix) == 0;
}

/* What a document may say that its segment did not. */
static bool may_be_added(const struct place *place, struct json_object *value)
{
    const char *text = json_object_get_string(value);
    bool nothing = value == NULL || strcmp(text, "false") == 0 || strcmp(text, "0") == 0 ||
                   strcmp(text, "") == 0;
    if (starts(place, "/metadata/default/otel.resource.")) {
        return true;
    }
    return nothing && (strchr(place->path + 1, '/') == NULL || starts(place, "/http/") ||
                       starts(place, "/aws/") || starts(place, "/cause/"));
}

/* Objects in objects with nothing in them. */
static bool is_empty(struct json_object *object)
{
    json_object_object_foreach(object, key, value)
    {
        (void)key;
        if (!json_object_is_type(value, json_type_object) || !is_empty(value)) {
            return false;
        }
    }
    return true;
}

static void check_equal(struct json_object *want, struct json_object *got,
                        const struct place *place, const char *document);

static struct json_object *get(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, key, &value)
               ? value
               : NULL;
}

static void check_objects(struct json_object *want, struct json_object *got,
                          const struct place *place, const char *document)
{
    if (want != NULL) {
        json_object_object_foreach(want, key, value)
        {
            struct place in = inside(place, key);
            if (value != NULL) {
                check_equal(value, get(got, key), &in, document);
            }
        }
    }
    if (got != NULL) {
        json_object_object_foreach(got, key, value)
        {
            if (get(want, key) == NULL) {
                struct place in = inside(place, key);
                check_equal(NULL, value, &in, document);
            }
        }
    }
}

static void check_lists(struct json_object *want, struct json_object *got,
                        const struct place *place, const char *document)
{
    if (json_object_array_length(want) != json_object_array_length(got)) {
        fail_msg("%s: %zu items, not %zu\nof %s", place->path, json_object_array_length(got),
                 json_object_array_length(want), document);
    }
    for (size_t i = 0; i < json_object_array_length(want); i++) {
        struct place in = inside(place, "*");
        struct json_object *first = json_object_array_get_idx(want, i);
        struct json_object *second = json_object_array_get_idx(got, i);
        if (first != NULL || second != NULL) {
            check_equal(first, second, &in, document);
        }
    }
}

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static bool same_number(struct json_object *a, struct json_object *b, bool is_time)
{
    if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int)) {
        return json_object_get_int64(a) == json_object_get_int64(b);
    }
    double x = json_object_get_double(a), y = json_object_get_double(b);
    return is_time ? fabs(x - y) < 1e-6 : x == y;
}

static void check_equal(struct json_object *want, struct json_object *got,
                        const struct place *place, const char *document)
{
    bool objects = (want == NULL || json_object_is_type(want, json_type_object)) &&
                   (got == NULL || json_object_is_type(got, json_type_object));
    if (objects && (want != NULL || got != NULL)) {
        if (want != NULL && got == NULL && !is_empty(want)) {
            fail_msg("%s: lost %s\nof %s", place->path, json_object_to_json_string(want), document);
        }
        check_objects(want, got, place, document);
    } else if (want == NULL) {
        if (!may_be_added(place, got)) {
            fail_msg("%s: added %s\nto %s", place->path, json_object_to_json_string(got), document);
        }
    } else if (json_object_is_type(want, json_type_array) &&
               json_object_is_type(got, json_type_array)) {
        check_lists(want, got, place, document);
    } else if (is_number(want) && is_number(got) ? !same_number(want, got, ends(place, "_time"))
                                                 : !json_object_equal(want, got)) {
        fail_msg("%s: %s, not %s\nof %s", place->path, json_object_to_json_string(got),
                 json_object_to_json_string(want), document);
    }
}

/* --- there and back again --- */

/* The segment and its subsegments in the order of the spans, each as a document of its own. */
static size_t flatten(struct json_object *segment, struct json_object *parent,
                      struct json_object **out, size_t count)
{
    struct json_object *subsegments = get(segment, "subsegments");
    struct json_object *children = json_object_get(subsegments);
    out[count++] = segment;
    assert_true(count < DOCUMENT_MAX);
    if (parent != NULL) {
        json_object_object_add(segment, "type", json_object_new_string("subsegment"));
        json_object_object_add(segment, "trace_id", json_object_get(get(parent, "trace_id")));
        json_object_object_add(segment, "parent_id", json_object_get(get(parent, "id")));
    }
    json_object_object_del(segment, "subsegments");
    for (size_t i = 0; children != NULL && i < json_object_array_length(children); i++) {
        count =
            flatten(json_object_get(json_object_array_get_idx(children, i)), segment, out, count);
    }
    json_object_put(children);
    return count;
}

static struct json_object *parse(struct ray_str text)
{
    struct json_tokener *tokener = json_tokener_new_ex(512);
    struct json_object *value = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    assert_non_null(value);
    json_tokener_free(tokener);
    return value;
}

/* The documents that become of the spans; returns how many. */
static size_t translate(const struct ray_request *request, struct ray_arena *arena,
                        struct json_object **out)
{
    struct ray_translate_options options = {0};
    struct ray_translate_counts counts = {0};
    struct ray_translator *translator = ray_translator_new(&options);
    struct ray_batch *batch = ray_batch_new(BATCH_BYTES);
    struct ray_batch_reader reader;
    struct ray_document document;
    size_t count = 0;
    CHECK_OK(ray_translate_request(translator, request, arena, batch, &counts));
    ray_batch_seal(batch);
    assert_true(ray_batch_read_section(batch, ray_translator_profile(translator), &reader));
    while (ray_batch_next(&reader, &document)) {
        assert_true(count < DOCUMENT_MAX);
        out[count++] = parse(document.text);
    }
    ray_batch_unref(batch);
    ray_translator_free(translator);
    return count;
}

static void check_round_trip(struct ray_str text, struct ray_arena *arena)
{
    struct json_object *want[DOCUMENT_MAX], *got[DOCUMENT_MAX];
    struct ray_request request;
    struct ray_decode_error error = {""};
    ray_arena_reset(arena);
    if (ray_segment_to_spans(text, arena, &request, &error) != RAY_OK) {
        fail_msg("%s\nof %.*s", error.text, RAY_STR_ARG(text));
    }
    size_t wanted = flatten(parse(text), NULL, want, 0);
    size_t found = translate(&request, arena, got);
    assert_int_equal(found, wanted);
    assert_int_equal(request.span_count, wanted);
    char *document = strndup(text.ptr, text.len);
    for (size_t i = 0; i < wanted; i++) {
        struct place place = {.path = ""};
        check_equal(want[i], got[i], &place, document);
        json_object_put(got[i]);
        json_object_put(want[i]);
    }
    free(document);
}

static void legacy_documents_come_back(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    struct ray_str text = check_read_file("data/legacy-segments.jsonl"), rest = text, line;
    size_t documents = 0;
    while (ray_str_split(&rest, '\n', &line)) {
        if (line.len > 0) {
            check_round_trip(line, arena);
            documents++;
        }
    }
    print_message("%zu documents\n", documents);
    free((char *)(uintptr_t)text.ptr);
    ray_arena_free(arena);
}

/* --- what it makes, and what it refuses --- */

#define HEAD                                                                                       \
    "\"name\":\"n\",\"id\":\"70de5b6f19ff9a0a\","                                                  \
    "\"trace_id\":\"1-581cf771-a006649127e371903a2de979\",\"start_time\":1,\"end_time\":2"

static void kinds_follow_type_and_namespace(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        int32_t kind;
    } cases[] = {
        {"", RAY_SPAN_SERVER},
        {",\"parent_id\":\"70de5b6f19ff9a0b\"", RAY_SPAN_SERVER},
        {",\"namespace\":\"aws\"", RAY_SPAN_SERVER},
        {",\"type\":\"subsegment\"", RAY_SPAN_INTERNAL},
        {",\"type\":\"subsegment\",\"namespace\":\"remote\"", RAY_SPAN_CLIENT},
        {",\"namespace\":\"aws\",\"type\":\"subsegment\"", RAY_SPAN_CLIENT},
        {",\"type\":\"subsegment\",\"namespace\":\"\"", RAY_SPAN_INTERNAL},
    };
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_request request;
        struct ray_str text = ray_arena_printf(arena, "{" HEAD "%s}", cases[i].members);
        CHECK_OK(ray_segment_to_spans(text, arena, &request, NULL));
        assert_int_equal(request.resources[0].scopes[0].spans[0].kind, cases[i].kind);
    }
    ray_arena_free(arena);
}

static void times_keep_their_nanoseconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns; /* 0: refused */
    } cases[] = {
        {"1478293361.271", 1478293361271000000u},
        {"1.478293361271E9", 1478293361271000000u},
        {"1478293361271e-3", 1478293361271000000u},
        {"14782933.61271e+2", 1478293361271000000u},
        {"1478293361.123456789", 1478293361123456789u},
        {"1478293361.1234567891", 1478293361123456789u},
        {"1478293361", 1478293361000000000u},
        {"18446744073.709551615", UINT64_MAX},
        {"18446744073.709551616", 0},
        {"1e30", 0},
        {"1e31", 0},
        {"1e99999999999999999999", 0},
        {"-1", 0},
        {"null", 0},
        {"\"1\"", 0},
        {"[1]", 0},
    };
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_request request;
        struct ray_str text =
            ray_arena_printf(arena, "{" HEAD ",\"start_time\":%s}", cases[i].text);
        enum ray_status status = ray_segment_to_spans(text, arena, &request, NULL);
        if (status != (cases[i].ns ? RAY_OK : RAY_INVALID)) {
            fail_msg("%s: status %d", cases[i].text, (int)status);
        }
        if (status == RAY_OK) {
            assert_int_equal(request.resources[0].scopes[0].spans[0].start_unix_ns, cases[i].ns);
        }
    }
    ray_arena_free(arena);
}

static void what_is_no_segment_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "byte 0: "},
        {"[]", "byte 0: expected an object"},
        {"{" HEAD "} x", "byte "},
        {"{" HEAD ",}", "byte "},
        {" {\"name\":\"n\"}", "byte 1: id is not 16 hexadecimal digits"},
        {"{" HEAD ",\"name\":7}", "byte 120: a segment without a name"},
        {"{" HEAD ",\"id\":\"0000000000000000\"}", "byte 118: id is not"},
        {"{" HEAD ",\"trace_id\":\"1-2-3\"}", "byte 124: trace_id is not of the form 1-8-24"},
        {"{" HEAD ",\"parent_id\":\"x\"}", "byte 125: parent_id is not"},
        {"{" HEAD ",\"end_time\":\"x\"}", "byte 124: end_time is not"},
        {"{\"subsegments\":[ {}]," HEAD "}", "byte 17: a segment without a name"},
        {"{\"subsegments\":[1]," HEAD "}", "byte 16: expected an object"},
        {"{\"subsegments\":{}," HEAD "}", "byte 15: expected an array"},
    };
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_request request = {0};
        struct ray_decode_error error = {""};
        assert_int_equal(ray_segment_to_spans(ray_str_from(cases[i].text), arena, &request, &error),
                         RAY_INVALID);
        if (strncmp(error.text, cases[i].message, strlen(cases[i].message)) != 0) {
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, error.text, cases[i].message);
        }
        assert_null(request.resources);
    }
    ray_arena_free(arena);
}

/* `depth` subsegments in each other. */
static enum ray_status read_nested(unsigned depth, struct ray_arena *arena,
                                   struct ray_request *request)
{
    struct ray_buf text;
    ray_buf_init(&text, 1u << 20);
    ray_buf_append(&text, RAY_STR("{" HEAD));
    for (unsigned i = 0; i < depth; i++) {
        ray_buf_append(&text, RAY_STR(",\"subsegments\":[{" HEAD));
    }
    ray_buf_append_byte(&text, '}');
    for (unsigned i = 0; i < depth; i++) {
        ray_buf_append(&text, RAY_STR("]}"));
    }
    struct ray_str copy = ray_arena_copy(arena, ray_buf_str(&text));
    ray_buf_clear(&text);
    return ray_segment_to_spans(copy, arena, request, NULL);
}

static void depth_and_memory_are_bounded(void **state)
{
    (void)state;
    struct ray_request request;
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    CHECK_OK(read_nested(RAY_SUBSEGMENT_DEPTH_MAX, arena, &request));
    assert_int_equal(request.span_count, RAY_SUBSEGMENT_DEPTH_MAX + 1);
    assert_int_equal(read_nested(RAY_SUBSEGMENT_DEPTH_MAX + 1, arena, &request), RAY_TOO_BIG);
    ray_arena_free(arena);
    static const char escapes[] = "{" HEAD ",\"a\\u0041\":\"x\\n\",\"annotations\":{\"k\\n\":1},"
                                  "\"metadata\":{\"m\\n\":{}},\"subsegments\":[{" HEAD "}]}";
    for (size_t quota = 1024, done = 0; !done; quota += 64) {
        arena = ray_arena_new(quota);
        enum ray_status status = ray_segment_to_spans(ray_str_from(escapes), arena, &request, NULL);
        if (status != RAY_NOMEM) {
            CHECK_OK(status);
            done = 1;
        }
        ray_arena_free(arena);
    }
}

/* --- random documents --- */

struct dice {
    uint64_t state;
    struct ray_buf text;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice->state >> 33) % sides;
}

static bool coin(struct dice *dice)
{
    return roll(dice, 2) == 0;
}

static void put(struct dice *dice, const char *text)
{
    ray_buf_append(&dice->text, ray_str_from(text));
}

static void put_string(struct dice *dice, const char *key)
{
    static const char *const strings[] = {
        "a",
        "",
        "GET",
        "https://x.example/a?b=c",
        "with \\\"quotes\\\"",
        "\\u00fc\\n",
        "/",
        ":",
        "i-0123456789abcdef0",
        "a(b)",
        "jdbc:x://h:1/db",
        "remote",
        "127.0.0.1",
        "\\ttab",
        "a\\rb",
        " b ",
        "true",
        "17",
        "null",
        "Caused by: x: y",
    };
    ray_buf_printf(&dice->text, "\"%s\":\"%s\",", key,
                   strings[roll(dice, sizeof(strings) / sizeof(strings[0]))]);
}

static void put_strings(struct dice *dice, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        if (coin(dice)) {
            put_string(dice, *keys);
        }
    }
}

static void put_int(struct dice *dice, const char *key, uint32_t below)
{
    if (coin(dice)) {
        ray_buf_printf(&dice->text, "\"%s\":%u,", key, roll(dice, below));
    }
}

static void put_bool(struct dice *dice, const char *key)
{
    if (coin(dice)) {
        ray_buf_printf(&dice->text, "\"%s\":%s,", key, coin(dice) ? "true" : "false");
    }
}

/* Takes back the comma behind the last member. */
static void end(struct dice *dice, const char *close)
{
    if (dice->text.data[dice->text.len - 1] == ',') {
        ray_buf_rewind(&dice->text, dice->text.len - 1);
    }
    put(dice, close);
}

static void put_id(struct dice *dice, const char *key)
{
    ray_buf_printf(&dice->text, "\"%s\":\"%08x%08x\",", key, roll(dice, UINT32_MAX) | 1,
                   roll(dice, UINT32_MAX));
}

/* A member that spans have no place for. */
static void put_odd(struct dice *dice)
{
    static const char *const values[] = {"7", "\"\"", "[]", "{\"a\":[1,{\"b\":2}]}", "true"};
    static const char *const names[] = {"odd", "preparation", "a b", "working_directory"};
    if (roll(dice, 3) == 0) {
        ray_buf_printf(&dice->text, "\"%s\":%s,", names[roll(dice, 4)], values[roll(dice, 5)]);
    }
}

static void put_http(struct dice *dice)
{
    static const char *const request[] = {"method", "url", "user_agent", "client_ip", NULL};
    put(dice, "\"http\":{\"request\":{");
    put_strings(dice, request);
    put_bool(dice, "x_forwarded_for");
    put_odd(dice);
    end(dice, "},\"response\":{");
    put_int(dice, "status", 700);
    put_int(dice, "content_length", 3);
    if (roll(dice, 4) == 0) {
        put(dice, "\"content_length\":-1,");
    }
    put_odd(dice);
    end(dice, "}");
    put(dice, ",");
    put_odd(dice);
    end(dice, "},");
}

static void put_exception(struct dice *dice)
{
    static const char *const texts[] = {"type", "message", NULL};
    static const char *const frame[] = {"path", "label", NULL};
    put(dice, "{");
    put_id(dice, "id");
    put_strings(dice, texts);
    put_bool(dice, "remote");
    put_int(dice, "truncated", 4);
    put_int(dice, "skipped", 4);
    if (coin(dice)) {
        put_id(dice, "cause");
    }
    put_odd(dice);
    put(dice, "\"stack\":[");
    for (uint32_t i = roll(dice, 4) + 1; i > 0; i--) {
        put(dice, "{");
        put_strings(dice, frame);
        put_int(dice, "line", 100);
        end(dice, "},");
    }
    end(dice, "]},");
}

static void put_cause(struct dice *dice)
{
    if (roll(dice, 4) == 0) {
        put_id(dice, "cause");
        return;
    }
    put(dice, "\"cause\":{\"exceptions\":[");
    for (uint32_t i = roll(dice, 3) + 1; i > 0; i--) {
        put_exception(dice);
    }
    end(dice, "],");
    put_odd(dice);
    end(dice, "},");
}

static void put_aws(struct dice *dice)
{
    static const char *const call[] = {"account_id", "operation",  "region", "request_id",
                                       "queue_url",  "table_name", NULL};
    static const char *const ec2[] = {"ami_id", "instance_size", "availability_zone", NULL};
    static const char *const ecs[] = {
        "container",   "container_arn", "cluster_arn",       "task_arn",
        "task_family", "container_id",  "availability_zone", NULL};
    static const char *const sdk[] = {"sdk", "sdk_version", NULL};
    put(dice, "\"aws\":{");
    put_strings(dice, call);
    put_int(dice, "retries", 3);
    if (coin(dice)) {
        put(dice, "\"table_names\":[\"t\"],\"resource_names\":[\"a\",\"b\"],");
    }
    if (coin(dice)) {
        put(dice, "\"ec2\":{\"instance_id\":\"i-0123456789abcdef0\",");
        put_strings(dice, ec2);
        put_odd(dice);
        end(dice, "},");
    }
    if (coin(dice)) {
        put(dice, "\"ecs\":{");
        put_strings(dice, ecs);
        put_odd(dice);
        end(dice, "},");
    } else if (coin(dice)) {
        put(dice, "\"eks\":{\"cluster_name\":\"c\",\"pod\":\"p\",");
        put_strings(dice, (const char *const[]){"container_id", NULL});
        end(dice, "},");
    }
    if (roll(dice, 4) == 0) {
        put(dice, "\"elastic_beanstalk\":{\"environment_name\":\"e\",\"deployment_id\":3,");
        put(dice, "\"version_label\":\"v\"},");
    }
    put_odd(dice);
    put(dice, "\"xray\":{");
    put_strings(dice, sdk);
    put_bool(dice, "auto_instrumentation");
    put_odd(dice);
    if (coin(dice)) {
        put_string(dice, "sampling_rule_name");
    }
    end(dice, "}},");
}

static void put_sql(struct dice *dice)
{
    static const char *const sql[] = {"url",  "connection_string", "database_type",
                                      "user", "sanitized_query",   NULL};
    put(dice, "\"sql\":{");
    put_strings(dice, sql);
    put_odd(dice);
    end(dice, "},");
}

static void put_notes(struct dice *dice)
{
    static const char *const annotations[] = {
        "a",          "http.method",   "user.id", "enduser.id", "db.system",
        "rpc.system", "aws.xray.name", "b_2",     NULL};
    static const char *const metadata[] = {"m", "http.url", "x y", NULL};
    put(dice, "\"annotations\":{");
    put_strings(dice, annotations);
    put_int(dice, "number", 9);
    put_bool(dice, "flag");
    end(dice, "},\"metadata\":{\"default\":{");
    put_strings(dice, metadata);
    end(dice, "},\"ns\":{");
    put_strings(dice, metadata);
    end(dice, "}},");
}

static void put_segment(struct dice *dice, unsigned depth)
{
    static const char *const origins[] = {"AWS::EC2::Instance",
                                          "AWS::ECS::Container",
                                          "AWS::ECS::Fargate",
                                          "AWS::EKS::Container",
                                          "AWS::Lambda",
                                          "AWS::ApiGateway::Stage",
                                          "odd"};
    static const char *const names[] = {"shop", "## work", "db@host.example", "S3", "a: b"};
    put(dice, "{");
    ray_buf_printf(&dice->text, "\"name\":\"%s\",", names[roll(dice, 5)]);
    put_id(dice, "id");
    ray_buf_printf(&dice->text, "\"start_time\":1478293361.%06u,", roll(dice, 1000000));
    uint32_t progress = roll(dice, 5);
    if (progress < 2) {
        put(dice, "\"in_progress\":true,");
    }
    if (progress != 0) {
        ray_buf_printf(&dice->text, "\"end_time\":1478293362.%u,", roll(dice, 1000));
    }
    put_bool(dice, "fault");
    put_bool(dice, "error");
    put_bool(dice, "throttle");
    if (depth == 0) {
        put(dice, "\"trace_id\":\"1-581cf771-a006649127e371903a2de979\",");
        if (coin(dice)) {
            put_id(dice, "parent_id");
            put(dice, coin(dice) ? "\"type\":\"subsegment\"," : "");
        }
    }
    if (coin(dice)) {
        ray_buf_printf(&dice->text, "\"origin\":\"%s\",", origins[roll(dice, 7)]);
    }
    if (coin(dice)) {
        ray_buf_printf(&dice->text, "\"namespace\":\"%s\",", coin(dice) ? "aws" : "remote");
    }
    if (coin(dice)) {
        put_string(dice, "user");
    }
    put_bool(dice, "traced");
    put_odd(dice);
    if (coin(dice)) {
        put(dice, "\"service\":{");
        put_strings(dice, (const char *const[]){"version", "compiler", NULL});
        end(dice, "},");
    }
    if (coin(dice)) {
        put_http(dice);
    }
    if (coin(dice)) {
        put_cause(dice);
    }
    if (coin(dice)) {
        put_aws(dice);
    }
    if (roll(dice, 3) == 0) {
        put_sql(dice);
    }
    if (coin(dice)) {
        put_notes(dice);
    }
    put(dice, "\"subsegments\":[");
    for (uint32_t i = depth < 3 ? roll(dice, 3) : 0; i > 0; i--) {
        put_segment(dice, depth + 1);
        put(dice, ",");
    }
    end(dice, "]}");
}

static void random_documents_come_back(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    struct dice dice = {.state = 14};
    unsigned runs = getenv("TEST_DEEP") != NULL ? 100 * RANDOM_RUNS : RANDOM_RUNS;
    ray_buf_init(&dice.text, 1u << 20);
    for (unsigned i = 0; i < runs; i++) {
        ray_buf_reset(&dice.text);
        put_segment(&dice, 0);
        check_round_trip(ray_buf_str(&dice.text), arena);
    }
    ray_buf_clear(&dice.text);
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legacy_documents_come_back),
        cmocka_unit_test(random_documents_come_back),
        cmocka_unit_test(kinds_follow_type_and_namespace),
        cmocka_unit_test(times_keep_their_nanoseconds),
        cmocka_unit_test(what_is_no_segment_is_refused_with_its_place),
        cmocka_unit_test(depth_and_memory_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
