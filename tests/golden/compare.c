/* compare: see compare.h. */
#include "tests/golden/compare.h"

#include "core/json_reader.h"
#include "core/map.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEPTH           512
#define DOCUMENTS_MAX   512
#define TIME_TOLERANCE  1e-6
#define MADE_ID_CHARS   16
#define DUPLICATE_QUOTA (64u * 1024 * 1024)

/* Which made-up name stands for which id, both ways, and the ids that are given. */
struct binder {
    struct json_object *id_of, *name_of;
    struct json_object *given; /* borrowed */
};

struct difference {
    struct golden_result *result; /* first one only */
    bool subset;
    size_t count;
};

static void differ(struct difference *d, const char *format, ...) RAY_PRINTF(2, 3);

static void differ(struct difference *d, const char *format, ...)
{
    if (d->count++ == 0) {
        va_list args;
        va_start(args, format);
        vsnprintf(d->result->why, sizeof(d->result->why), format, args);
        va_end(args);
    }
}

static const char *text_of(struct json_object *value)
{
    return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
}

static bool is_made_name(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) &&
           strncmp(json_object_get_string(value), "$rand:", 6) == 0;
}

static struct json_object *copy(struct json_object *value)
{
    struct json_object *out = NULL;
    json_object_deep_copy(value, &out, NULL);
    return out;
}

static struct binder binder_copy(const struct binder *binder)
{
    return (struct binder){copy(binder->id_of), copy(binder->name_of), binder->given};
}

static void binder_clear(struct binder *binder)
{
    json_object_put(binder->id_of);
    json_object_put(binder->name_of);
}

static bool is_made_id(const char *id)
{
    return strlen(id) == MADE_ID_CHARS && strspn(id, "0123456789abcdef") == MADE_ID_CHARS &&
           strspn(id, "0") < MADE_ID_CHARS;
}

static void bind(struct binder *binder, const char *name, struct json_object *got, const char *path,
                 struct difference *d)
{
    const char *id = json_object_is_type(got, json_type_string) ? json_object_get_string(got) : "";
    struct json_object *bound;
    if (!is_made_id(id)) {
        differ(d, "%s: want an id of 16 hex digits, got %s", path, text_of(got));
    } else if (json_object_object_get_ex(binder->id_of, name, &bound)) {
        if (strcmp(json_object_get_string(bound), id) != 0) {
            differ(d, "%s: want the same id as before, got %s", path, id);
        }
    } else if (json_object_object_get_ex(binder->name_of, id, NULL) ||
               json_object_object_get_ex(binder->given, id, NULL)) {
        differ(d, "%s: the id %s is in use", path, id);
    } else {
        json_object_object_add(binder->id_of, name, json_object_new_string(id));
        json_object_object_add(binder->name_of, id, json_object_new_string(name));
    }
}

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static bool numbers_equal(struct json_object *want, struct json_object *got, const char *path)
{
    if (json_object_is_type(want, json_type_int) && json_object_is_type(got, json_type_int)) {
        return json_object_equal(want, got);
    }
    double a = json_object_get_double(want), b = json_object_get_double(got);
    bool is_time = strcmp(path, ".start_time") == 0 || strcmp(path, ".end_time") == 0;
    return a == b || (is_time && fabs(a - b) <= TIME_TOLERANCE);
}

static void compare_value(struct json_object *want, struct json_object *got, const char *path,
                          struct binder *binder, struct difference *d);

static void compare_objects(struct json_object *want, struct json_object *got, const char *path,
                            struct binder *binder, struct difference *d)
{
    json_object_object_foreach(want, key, wanted)
    {
        char below[300];
        struct json_object *value;
        snprintf(below, sizeof(below), "%.200s.%.90s", path, key);
        if (json_object_object_get_ex(got, key, &value)) {
            compare_value(wanted, value, below, binder, d);
        } else {
            differ(d, "%s: missing, want %s", below, text_of(wanted));
        }
    }
    json_object_object_foreach(got, other, extra)
    {
        if (!d->subset && !json_object_object_get_ex(want, other, NULL)) {
            differ(d, "%s.%s: not wanted: %s", path, other, text_of(extra));
        }
    }
}

static void compare_lists(struct json_object *want, struct json_object *got, const char *path,
                          struct binder *binder, struct difference *d)
{
    size_t wanted = json_object_array_length(want), found = json_object_array_length(got);
    if (found < wanted || (found > wanted && !d->subset)) {
        differ(d, "%s: want %zu items, got %zu", path, wanted, found);
        return;
    }
    for (size_t i = 0; i < wanted; i++) {
        char below[300];
        snprintf(below, sizeof(below), "%.200s[%zu]", path, i);
        compare_value(json_object_array_get_idx(want, i), json_object_array_get_idx(got, i), below,
                      binder, d);
    }
}

static void compare_value(struct json_object *want, struct json_object *got, const char *path,
                          struct binder *binder, struct difference *d)
{
    if (is_made_name(want)) {
        bind(binder, json_object_get_string(want), got, path, d);
    } else if (is_number(want) && is_number(got)) {
        if (!numbers_equal(want, got, path)) {
            differ(d, "%s: want %s, got %s", path, text_of(want), text_of(got));
        }
    } else if (json_object_get_type(want) != json_object_get_type(got)) {
        differ(d, "%s: want %.120s, got %.120s", path, text_of(want), text_of(got));
    } else if (json_object_is_type(want, json_type_object)) {
        compare_objects(want, got, path, binder, d);
    } else if (json_object_is_type(want, json_type_array)) {
        compare_lists(want, got, path, binder, d);
    } else if (!json_object_equal(want, got)) {
        differ(d, "%s: want %.120s, got %.120s", path, text_of(want), text_of(got));
    }
}

/* The reader checks the grammar; this looks for keys that stand twice in one object. */
static bool has_unique_keys(struct ray_json_reader *r, struct ray_arena *arena)
{
    enum ray_json_type type = ray_json_peek(r);
    if (type == RAY_JSON_OBJECT) {
        struct ray_map seen;
        struct ray_str key;
        ray_map_init(&seen, arena, 1);
        ray_json_enter_object(r);
        while (ray_json_next_key(r, &key)) {
            bool added = false;
            if (ray_map_put(&seen, key, &added) == NULL || !added || !has_unique_keys(r, arena)) {
                return false;
            }
        }
        return !r->failed;
    }
    if (type == RAY_JSON_ARRAY) {
        ray_json_enter_array(r);
        while (ray_json_next_element(r)) {
            if (!has_unique_keys(r, arena)) {
                return false;
            }
        }
        return !r->failed;
    }
    return ray_json_skip_value(r, NULL);
}

static bool is_strict_json(struct ray_str text)
{
    struct ray_arena *arena = ray_arena_new(DUPLICATE_QUOTA);
    struct ray_json_reader reader;
    ray_json_read_init(&reader, text, arena, RAY_JSON_DEPTH_MAX);
    bool good = has_unique_keys(&reader, arena) && ray_json_at_end(&reader);
    ray_arena_free(arena);
    return good;
}

static struct json_object *parse(struct ray_str text)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *value = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    json_tokener_free(tokener);
    return value;
}

/* Ids written out in the expected documents: made ones must differ from them. */
static void collect_given(struct json_object *value, struct json_object *given)
{
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            collect_given(json_object_array_get_idx(value, i), given);
        }
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            bool is_id = strcmp(key, "id") == 0 || strcmp(key, "parent_id") == 0 ||
                         strcmp(key, "cause") == 0;
            if (is_id && json_object_is_type(member, json_type_string) && !is_made_name(member)) {
                json_object_object_add(given, json_object_get_string(member), NULL);
            }
            collect_given(member, given);
        }
    }
}

struct documents {
    struct json_object *items[DOCUMENTS_MAX]; /* NULL: taken */
    size_t count;
};

static bool may_match(struct json_object *want, struct json_object *got,
                      const struct binder *binder)
{
    struct json_object *want_id = NULL, *got_id = NULL, *bound;
    json_object_object_get_ex(want, "id", &want_id);
    json_object_object_get_ex(got, "id", &got_id);
    if (is_made_name(want_id)) {
        if (!json_object_object_get_ex(binder->id_of, json_object_get_string(want_id), &bound)) {
            return true;
        }
        want_id = bound;
    }
    return json_object_equal(want_id, got_id);
}

/* The document that differs least takes part in the answer; its bindings stay. */
static void match_one(struct json_object *want, struct documents *got, struct binder *binder,
                      bool subset, struct golden_result *result)
{
    size_t best = SIZE_MAX, best_count = SIZE_MAX;
    struct binder best_binder = {0};
    struct golden_result best_result = {{0}};
    for (size_t i = 0; i < got->count && best_count > 0; i++) {
        if (got->items[i] == NULL || !may_match(want, got->items[i], binder)) {
            continue;
        }
        struct golden_result here = {{0}};
        struct difference d = {&here, subset, 0};
        struct binder bound = binder_copy(binder);
        compare_value(want, got->items[i], "", &bound, &d);
        if (d.count < best_count) {
            binder_clear(&best_binder);
            best = i, best_count = d.count, best_binder = bound, best_result = here;
        } else {
            binder_clear(&bound);
        }
    }
    if (best == SIZE_MAX) {
        struct difference d = {result, subset, 0};
        differ(&d, "missing: %.200s", text_of(want));
        return;
    }
    binder_clear(binder);
    *binder = (struct binder){best_binder.id_of, best_binder.name_of, binder->given};
    json_object_put(got->items[best]);
    got->items[best] = NULL;
    if (best_count > 0) {
        *result = best_result;
    }
}

static bool parse_all(const struct ray_str *texts, size_t count, size_t max_bytes,
                      struct documents *out, struct golden_result *result)
{
    struct difference d = {result, false, 0};
    out->count = 0;
    for (size_t i = 0; i < count && i < DOCUMENTS_MAX; i++) {
        if (max_bytes > 0 && texts[i].len > max_bytes) {
            differ(&d, "document %zu has %zu bytes", i, texts[i].len);
        }
        struct json_object *value = is_strict_json(texts[i]) ? parse(texts[i]) : NULL;
        if (value == NULL) {
            differ(&d, "document %zu is not strict JSON: %.*s", i, RAY_STR_ARG(texts[i]));
        }
        out->items[out->count++] = value;
    }
    return d.count == 0;
}

struct golden_result golden_compare(struct json_object *expected, const struct ray_str *texts,
                                    size_t count, bool subset, size_t max_bytes)
{
    struct golden_result result = {{0}};
    struct documents got;
    struct binder binder = {json_object_new_object(), json_object_new_object(),
                            json_object_new_object()};
    bool parsed = parse_all(texts, count, max_bytes, &got, &result);
    collect_given(expected, binder.given);
    /* documents with a given id first: they bind the names that the others mention */
    for (int made = 0; made <= 1; made++) {
        for (size_t i = 0; parsed && i < json_object_array_length(expected); i++) {
            struct json_object *want = json_object_array_get_idx(expected, i), *id = NULL;
            json_object_object_get_ex(want, "id", &id);
            if (is_made_name(id) == made && result.why[0] == '\0') {
                match_one(want, &got, &binder, subset, &result);
            }
        }
    }
    for (size_t i = 0; i < got.count; i++) {
        if (got.items[i] != NULL && result.why[0] == '\0') {
            snprintf(result.why, sizeof(result.why), "not wanted: %.300s", text_of(got.items[i]));
        }
        json_object_put(got.items[i]);
    }
    binder_clear(&binder);
    json_object_put(binder.given);
    return result;
}
