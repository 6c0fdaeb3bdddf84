/* value: see value.h. */
#include "translate/value.h"

#include "core/codec.h"
#include "core/map.h"

#include <string.h>

/* Larger maps look for duplicate keys with a table: comparing all with all would cost the square
 * of what a client sends. */
#define SMALL_MAP 16u

const struct ray_limits ray_limits_none = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX,
                                           0,        SIZE_MAX, SIZE_MAX, NULL};

void ray_limits_note(const struct ray_limits *limits, enum ray_cut cut)
{
    if (limits->cuts != NULL) {
        *limits->cuts |= 1u << cut;
    }
}

struct ray_str ray_limits_cut(const struct ray_limits *limits, struct ray_str text,
                              size_t max_bytes, enum ray_cut cut)
{
    if (text.len <= max_bytes) {
        return text;
    }
    ray_limits_note(limits, cut);
    return ray_utf8_first_bytes(text, max_bytes);
}

static bool comes_again(const struct ray_attribute *items, size_t count, size_t index)
{
    for (size_t i = index + 1; i < count; i++) {
        if (ray_str_eq(items[i].key, items[index].key)) {
            return true;
        }
    }
    return false;
}

static void write_member(const struct ray_attribute *item, const struct ray_limits *limits,
                         struct ray_arena *arena, struct ray_json_writer *w)
{
    ray_json_key(w, item->key);
    ray_value_write(&item->value, limits, arena, w);
}

static void write_large_map(const struct ray_value *value, const struct ray_limits *limits,
                            struct ray_arena *arena, struct ray_json_writer *w)
{
    struct ray_map last;
    ray_map_init(&last, arena, (uintptr_t)arena); /* the seed orders nothing that is seen */
    for (size_t i = 0; i < value->as.map.count; i++) {
        struct ray_map_entry *entry = ray_map_put(&last, value->as.map.items[i].key, NULL);
        if (entry == NULL) {
            w->out->failed = true;
            return;
        }
        entry->value.number = i;
    }
    for (size_t i = 0; i < value->as.map.count; i++) {
        if (ray_map_find(&last, value->as.map.items[i].key)->value.number == i) {
            write_member(&value->as.map.items[i], limits, arena, w);
        }
    }
}

static void write_map(const struct ray_value *value, const struct ray_limits *limits,
                      struct ray_arena *arena, struct ray_json_writer *w)
{
    size_t count = value->as.map.count;
    ray_json_object_begin(w);
    if (count > SMALL_MAP) {
        write_large_map(value, limits, arena, w);
    } else {
        for (size_t i = 0; i < count; i++) {
            if (!comes_again(value->as.map.items, count, i)) {
                write_member(&value->as.map.items[i], limits, arena, w);
            }
        }
    }
    ray_json_object_end(w);
}

static void write_list(const struct ray_value *value, const struct ray_limits *limits,
                       struct ray_arena *arena, struct ray_json_writer *w)
{
    ray_json_array_begin(w);
    for (size_t i = 0; i < value->as.list.count; i++) {
        ray_value_write(&value->as.list.items[i], limits, arena, w);
    }
    ray_json_array_end(w);
}

/* In whole groups of three bytes, so that what is left is base64 still. */
static void write_bytes(struct ray_str bytes, const struct ray_limits *limits,
                        struct ray_json_writer *w)
{
    size_t max_bytes = limits->string_bytes / 4 * 3;
    if (bytes.len > max_bytes) {
        ray_limits_note(limits, RAY_CUT_STRINGS);
    }
    ray_json_base64(w, ray_str_until(bytes, max_bytes));
}

void ray_value_write(const struct ray_value *value, const struct ray_limits *limits,
                     struct ray_arena *arena, struct ray_json_writer *w)
{
    switch (value->kind) {
    case RAY_VALUE_STRING:
        ray_json_string(
            w, ray_limits_cut(limits, value->as.string, limits->string_bytes, RAY_CUT_STRINGS));
        break;
    case RAY_VALUE_BOOL:
        ray_json_bool(w, value->as.boolean);
        break;
    case RAY_VALUE_INT:
        ray_json_i64(w, value->as.integer);
        break;
    case RAY_VALUE_DOUBLE:
        ray_json_double(w, value->as.number);
        break;
    case RAY_VALUE_LIST:
        write_list(value, limits, arena, w);
        break;
    case RAY_VALUE_MAP:
        write_map(value, limits, arena, w);
        break;
    case RAY_VALUE_BYTES:
        if (value->as.string.len > 0) {
            write_bytes(value->as.string, limits, w);
            break;
        }
        ray_json_null(w);
        break;
    case RAY_VALUE_DIGITS: /* D35 */
        ray_json_raw(w, value->as.string);
        break;
    case RAY_VALUE_NONE:
        ray_json_null(w);
        break;
    }
}

int64_t ray_value_int(const struct ray_value *value)
{
    return value != NULL && value->kind == RAY_VALUE_INT ? value->as.integer : 0;
}

/* Doubles below this are whole numbers exactly when they look so. */
#define EXACT_DOUBLE 9007199254740992.0 /* 2^53 */

bool ray_value_to_int(const struct ray_value *value, int64_t *out)
{
    if (value == NULL) {
        return false;
    }
    if (value->kind == RAY_VALUE_INT) {
        *out = value->as.integer;
        return true;
    }
    if (value->kind == RAY_VALUE_STRING) {
        return ray_str_to_i64(value->as.string, out) == RAY_OK;
    }
    if (value->kind != RAY_VALUE_DOUBLE || !(value->as.number >= -EXACT_DOUBLE) ||
        !(value->as.number <= EXACT_DOUBLE) ||
        (double)(int64_t)value->as.number != value->as.number) {
        return false; /* the negated comparisons hold for NaN, too */
    }
    *out = (int64_t)value->as.number;
    return true;
}

/* As JSON has it; NaN and infinities as JSON strings have them. */
static struct ray_str double_text(double number, struct ray_arena *arena)
{
    struct ray_json_writer w;
    struct ray_buf out;
    ray_buf_init(&out, 64);
    ray_json_init(&w, &out);
    ray_json_double(&w, number);
    struct ray_str text = ray_buf_str(&out);
    if (ray_str_starts_with(text, RAY_STR("\""))) {
        text = ray_str_until(ray_str_from_pos(text, 1), text.len - 2);
    }
    text = ray_arena_copy(arena, text);
    ray_buf_clear(&out);
    return text;
}

struct ray_str ray_value_text(const struct ray_value *value, struct ray_arena *arena)
{
    if (value->kind == RAY_VALUE_STRING) {
        return value->as.string;
    }
    if (value->kind == RAY_VALUE_INT) {
        return ray_arena_printf(arena, "%lld", (long long)value->as.integer);
    }
    if (value->kind == RAY_VALUE_BOOL) {
        return value->as.boolean ? RAY_STR("true") : RAY_STR("false");
    }
    return value->kind == RAY_VALUE_DOUBLE ? double_text(value->as.number, arena) : RAY_STR("");
}

void ray_write_if_any(struct ray_json_writer *w, struct ray_str quoted_key, struct ray_str s)
{
    if (s.len > 0) {
        ray_json_raw_key(w, quoted_key);
        ray_json_string(w, s);
    }
}

void ray_write_or_null(struct ray_json_writer *w, struct ray_str quoted_key, struct ray_str s)
{
    ray_json_raw_key(w, quoted_key);
    if (s.len > 0) {
        ray_json_string(w, s);
    } else {
        ray_json_null(w);
    }
}
