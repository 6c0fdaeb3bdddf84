/* json_value: see json_value.h. Recursion is bounded by the reader's max_depth. */
#include "translate/json_value.h"

#include "core/json_reader.h"

#include <math.h>
#include <string.h>

struct parser {
    struct ray_json_reader reader;
    struct ray_arena *arena;
    bool out_of_memory;
};

static bool read_value(struct parser *p, struct ray_value *out);

/* Room for one more item; the array doubles, what was there stays in the arena. */
static void *grow(struct parser *p, void *items, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity) {
        return items;
    }
    size_t more = *capacity > 0 ? *capacity * 2 : 4;
    void *bigger = ray_arena_alloc_array(p->arena, more, item_bytes);
    if (bigger == NULL) {
        p->out_of_memory = true;
        return NULL;
    }
    if (count > 0) {
        memcpy(bigger, items, count * item_bytes);
    }
    *capacity = more;
    return bigger;
}

static bool read_map(struct parser *p, struct ray_value *out)
{
    struct ray_attribute *items = NULL;
    size_t count = 0, capacity = 0;
    struct ray_str key;
    if (!ray_json_enter_object(&p->reader)) {
        return false;
    }
    while (ray_json_next_key(&p->reader, &key)) {
        items = grow(p, items, count, &capacity, sizeof(*items));
        if (items == NULL) {
            return false;
        }
        items[count].key = key;
        if (!read_value(p, &items[count].value)) {
            return false;
        }
        count++;
    }
    out->kind = RAY_VALUE_MAP;
    out->as.map.items = items;
    out->as.map.count = count;
    return !p->reader.failed;
}

static bool read_list(struct parser *p, struct ray_value *out)
{
    struct ray_value *items = NULL;
    size_t count = 0, capacity = 0;
    if (!ray_json_enter_array(&p->reader)) {
        return false;
    }
    while (ray_json_next_element(&p->reader)) {
        items = grow(p, items, count, &capacity, sizeof(*items));
        if (items == NULL || !read_value(p, &items[count])) {
            return false;
        }
        count++;
    }
    out->kind = RAY_VALUE_LIST;
    out->as.list.items = items;
    out->as.list.count = count;
    return !p->reader.failed;
}

static bool is_integer(struct ray_str number)
{
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] != '-' && (number.ptr[i] < '0' || number.ptr[i] > '9')) {
            return false;
        }
    }
    return true;
}

static bool read_number(struct parser *p, struct ray_value *out)
{
    struct ray_str digits;
    if (!ray_json_read_number(&p->reader, &digits)) {
        return false;
    }
    if (ray_str_to_i64(digits, &out->as.integer) == RAY_OK) {
        out->kind = RAY_VALUE_INT;
        return true;
    }
    if (is_integer(digits)) { /* D35: exact, also above 64 bits */
        out->kind = RAY_VALUE_DIGITS;
        out->as.string = digits;
        return true;
    }
    double number;
    if (ray_str_to_double(digits, &number) != RAY_OK || !isfinite(number)) {
        return false;
    }
    out->kind = RAY_VALUE_DOUBLE;
    out->as.number = number;
    return true;
}

static bool read_value(struct parser *p, struct ray_value *out)
{
    switch (ray_json_peek(&p->reader)) {
    case RAY_JSON_NULL:
        out->kind = RAY_VALUE_NONE;
        return ray_json_read_null(&p->reader);
    case RAY_JSON_BOOL:
        out->kind = RAY_VALUE_BOOL;
        return ray_json_read_bool(&p->reader, &out->as.boolean);
    case RAY_JSON_NUMBER:
        return read_number(p, out);
    case RAY_JSON_STRING:
        out->kind = RAY_VALUE_STRING;
        return ray_json_read_string(&p->reader, &out->as.string);
    case RAY_JSON_ARRAY:
        return read_list(p, out);
    case RAY_JSON_OBJECT:
        return read_map(p, out);
    case RAY_JSON_ERROR:
        break;
    }
    return false;
}

enum ray_status ray_value_from_json(struct ray_str text, struct ray_arena *arena,
                                    struct ray_value *out)
{
    struct parser p = {.arena = arena};
    struct ray_value value = {0};
    ray_json_read_init(&p.reader, text, arena, RAY_VALUE_DEPTH_MAX);
    bool read = read_value(&p, &value) && ray_json_at_end(&p.reader);
    if (p.out_of_memory) {
        return RAY_NOMEM;
    }
    if (!read) {
        return RAY_INVALID;
    }
    *out = value;
    return RAY_OK;
}
