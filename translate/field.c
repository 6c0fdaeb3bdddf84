/* field: see field.h. */
#include "translate/field.h"

#include "core/buf.h"
#include "core/json_reader.h"

/* cause.exceptions[].stack[].label is the deepest. */
#define DEPTH_MAX      8u
#define PATH_MAX_BYTES ((size_t)1 << 20) /* keys come from clients */

struct walk {
    struct ray_json_reader r;
    struct ray_buf path, pattern;
    struct ray_str namespace;
    ray_field_fn take;
    void *context;
};

/* Where a walk stood, to go back to. */
struct place {
    size_t path, pattern;
};

static struct place place_of(const struct walk *walk)
{
    return (struct place){walk->path.len, walk->pattern.len};
}

static void go_back(struct walk *walk, struct place place)
{
    walk->path.len = place.path;
    walk->pattern.len = place.pattern;
}

static void enter(struct ray_buf *path, struct ray_str key)
{
    if (path->len > 0) {
        ray_buf_append_byte(path, '.');
    }
    ray_buf_append(path, key);
}

static bool pattern_is(const struct walk *walk, const char *text)
{
    return ray_str_eq(ray_buf_str(&walk->pattern), ray_str_from(text));
}

/* The objects whose members are named by users. */
static bool members_are_fields(const struct walk *walk)
{
    return pattern_is(walk, "annotations") || pattern_is(walk, "links[].attributes") ||
           ray_str_starts_with(ray_buf_str(&walk->pattern), RAY_STR("metadata."));
}

/* The namespaces that have rows of their own. */
static struct ray_str namespace_pattern(struct ray_str name)
{
    static const struct ray_str known[] = {
        RAY_STR_INIT("default"),       RAY_STR_INIT("otel.events"),
        RAY_STR_INIT("otel.scope"),    RAY_STR_INIT("otel.span"),
        RAY_STR_INIT("otel.resource"), RAY_STR_INIT("spanbridge.truncated")};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (ray_str_eq(name, known[i])) {
            return name;
        }
    }
    return RAY_STR("NAMESPACE");
}

static void take_field(struct walk *walk, struct ray_str key)
{
    struct ray_field field = {.namespace = walk->namespace, .key = key};
    if (ray_json_skip_value(&walk->r, &field.json)) {
        field.path = ray_buf_str(&walk->path);
        field.pattern = ray_buf_str(&walk->pattern);
        walk->take(walk->context, &field);
    }
}

static void take_members(struct walk *walk)
{
    struct ray_str key;
    bool known_names = pattern_is(walk, "metadata.otel.span");
    for (ray_json_enter_object(&walk->r); ray_json_next_key(&walk->r, &key);) {
        struct place place = place_of(walk);
        enter(&walk->path, key);
        enter(&walk->pattern, known_names ? key : RAY_STR("*"));
        take_field(walk, key);
        go_back(walk, place);
    }
}

static void walk_value(struct walk *walk, struct ray_str key, unsigned depth);

static void walk_object(struct walk *walk, unsigned depth)
{
    struct ray_str key;
    bool metadata = pattern_is(walk, "metadata");
    for (ray_json_enter_object(&walk->r); ray_json_next_key(&walk->r, &key);) {
        struct place place = place_of(walk);
        enter(&walk->path, key);
        enter(&walk->pattern, metadata ? namespace_pattern(key) : key);
        walk->namespace = metadata ? key : RAY_STR("");
        walk_value(walk, key, depth + 1);
        go_back(walk, place);
    }
}

static void walk_array(struct walk *walk, struct ray_str key, unsigned depth)
{
    ray_json_enter_array(&walk->r);
    for (unsigned i = 0; ray_json_next_element(&walk->r); i++) {
        struct place place = place_of(walk);
        ray_buf_printf(&walk->path, "[%u]", i);
        ray_buf_append(&walk->pattern, RAY_STR("[]"));
        walk_value(walk, key, depth + 1);
        go_back(walk, place);
    }
}

static void walk_value(struct walk *walk, struct ray_str key, unsigned depth)
{
    enum ray_json_type type = ray_json_peek(&walk->r);
    bool is_events = pattern_is(walk, "metadata.otel.events");
    bool is_deep = depth > DEPTH_MAX; /* a legacy segment's member that has no place may be so */
    if (is_deep || (type == RAY_JSON_ARRAY && is_events) ||
        (type != RAY_JSON_OBJECT && type != RAY_JSON_ARRAY)) {
        take_field(walk, key);
    } else if (type == RAY_JSON_ARRAY) {
        walk_array(walk, key, depth);
    } else if (members_are_fields(walk)) {
        take_members(walk);
    } else {
        walk_object(walk, depth);
    }
}

enum ray_status ray_fields_walk(struct ray_str document, struct ray_arena *arena, ray_field_fn take,
                                void *context)
{
    struct walk walk = {.take = take, .context = context};
    ray_buf_init(&walk.path, PATH_MAX_BYTES);
    ray_buf_init(&walk.pattern, PATH_MAX_BYTES);
    ray_json_read_init(&walk.r, document, arena, RAY_JSON_DEPTH_MAX);
    walk_value(&walk, RAY_STR(""), 0);
    bool good = ray_json_at_end(&walk.r) && !walk.r.failed;
    ray_buf_clear(&walk.path);
    ray_buf_clear(&walk.pattern);
    return good ? RAY_OK : RAY_INVALID;
}
