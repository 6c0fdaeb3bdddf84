/*
 * segment_to_span: is there and back again the identity?
 *
 * Segment documents, legacy ones of every kind and random ones, become spans, and those documents
 * again. Each member of the segment must be there as it was, and what is there besides must be one
 * of the additions named below (defaults, and what a subsegment shares with its segment).
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
#define RANDOM_RUNS  3000u

/* --- comparing --- */

struct place {
    char path[400];
    bool nested;
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
    if (starts(place, "/metadata/default/otel.resource.") ||
        starts(place, "/metadata/default/aws.xray.field.")) {
        return true;
    }
    if (place->nested &&
        (starts(place, "/origin") || starts(place, "/service") || starts(place, "/aws/"))) {
        return true; /* the resource is the segment's */
    }
    return nothing && (strchr(place->path + 1, '/') == NULL || starts(place, "/http/") ||
                       starts(place, "/aws/") || starts(place, "/cause/"));
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

/* These have no place in spans: they are kept as attributes, which become metadata. */
static bool is_kept_as_field(const struct place *place)
{
    static const char *const kept[] = {
        "/http/request/traced", "/sql/preparation",         "/sql/database_version",
        "/sql/driver_version",  "/cause/working_directory", "/cause/paths",
        "/aws/function_arn",    "/precursor_ids",
    };
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (strcmp(place->path, kept[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check_objects(struct json_object *want, struct json_object *got,
                          const struct place *place, const char *document)
{
    if (want != NULL) {
        json_object_object_foreach(want, key, value)
        {
            struct place in = inside(place, key);
            if (value != NULL && !is_kept_as_field(&in)) {
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
        if (want != NULL && got == NULL && json_object_object_length(want) > 0) {
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
        /* lengths that are none are the default */
        if (!(ends(place, "/content_length") && json_object_get_int64(want) < 0)) {
            fail_msg("%s: %s, not %s\nof %s", place->path, json_object_to_json_string(got),
                     json_object_to_json_string(want), document);
        }
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
        struct place place = {.path = "", .nested = i > 0};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legacy_documents_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
