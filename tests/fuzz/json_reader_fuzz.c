/* fuzz: any bytes may come as JSON. Reading must end and stay in bounds, skipping and walking must
 * agree to the byte, and json-c must think the same of the text wherever it is as strict. */
#include <stdlib.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "core/json_reader.h"

#define DEPTH 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches every byte: what is in neither the input nor the arena, a sanitizer reports. */
static void touch(struct ray_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        (void)*(const volatile char *)&s.ptr[i];
    }
}

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void require_inside(struct ray_str view, struct ray_str whole)
{
    require(view.ptr >= whole.ptr && view.len <= whole.len &&
            (size_t)(view.ptr - whole.ptr) <= whole.len - view.len);
    touch(view);
}

static void walk(struct ray_json_reader *r, struct ray_str whole)
{
    struct ray_str text;
    bool flag;
    switch (ray_json_peek(r)) {
    case RAY_JSON_ERROR:
        return;
    case RAY_JSON_NULL:
        ray_json_read_null(r);
        return;
    case RAY_JSON_BOOL:
        ray_json_read_bool(r, &flag);
        return;
    case RAY_JSON_NUMBER:
        if (ray_json_read_number(r, &text)) {
            require_inside(text, whole);
        }
        return;
    case RAY_JSON_STRING:
        if (ray_json_read_string(r, &text)) {
            touch(text);
        }
        return;
    case RAY_JSON_ARRAY:
        for (ray_json_enter_array(r); ray_json_next_element(r);) {
            walk(r, whole);
        }
        return;
    case RAY_JSON_OBJECT:
        for (ray_json_enter_object(r); ray_json_next_key(r, &text);) {
            touch(text);
            walk(r, whole);
        }
        return;
    }
}

/* Where json-c is looser than RFC 8259 even when strict: it stops at a NUL, takes NaN and
 * Infinity, and odd control characters as white space. */
static bool json_c_is_as_strict(struct ray_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 'N' || c == 'I') {
            return false;
        }
    }
    return true;
}

/* And it takes line feeds and tabs inside strings, and numbers such as 01 or 1. or 1e: then what
 * we refused stands at the end of a number. */
static bool refused_what_json_c_takes(const struct ray_json_reader *r)
{
    bool number = r->error_at > 0 && strchr("0123456789.eE+-", r->start[r->error_at - 1]) != NULL;
    return number || strcmp(r->error, "control character in a string") == 0;
}

static bool json_c_accepts(const char *text, size_t size)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH + 2);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    char *copy = malloc(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0'; /* ends a number */
    struct json_object *object = json_tokener_parse_ex(tokener, copy, (int)size + 1);
    bool good = json_tokener_get_error(tokener) == json_tokener_success;
    json_object_put(object);
    json_tokener_free(tokener);
    free(copy);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ray_str text = {(const char *)data, size}, raw = {NULL, 0};
    struct ray_arena *arena = ray_arena_new(16 * size + 65536);
    struct ray_json_reader skipping, walking;
    ray_json_read_init(&skipping, text, NULL, DEPTH);
    bool skipped = ray_json_skip_value(&skipping, &raw) && ray_json_at_end(&skipping);
    if (skipped) {
        require_inside(raw, text);
    }
    ray_json_read_init(&walking, text, arena, DEPTH);
    walk(&walking, text);
    bool walked = !walking.failed && ray_json_at_end(&walking);
    require(skipped == walked && skipping.failed == walking.failed &&
            skipping.error_at == walking.error_at && skipping.error_at <= size);
    bool too_deep = skipping.failed && strcmp(skipping.error, "nested too deep") == 0;
    if (!too_deep && size > 0 && size < 100000 && json_c_is_as_strict(text)) {
        bool accepted = json_c_accepts(text.ptr, size);
        require(skipped ? accepted : !accepted || refused_what_json_c_takes(&skipping));
    }
    ray_arena_free(arena);
    return 0;
}
