/* options: see options.h. */
#include "config/options.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "config/nearest.h"
#include "config/scalar.h"
#include "config/secret.h"

/* Values in messages are cut here. */
#define SHOWN_MAX_BYTES 60u

struct reading {
    const char *path;
    struct ray_arena *arena;
    struct ray_problems *problems;
    bool defaults; /* reading a default: no bounds */
    enum ray_status status;
};

static void complain(struct reading *r, const struct ray_place *place, struct ray_str key,
                     const char *format, ...) RAY_PRINTF(4, 5);

static void complain(struct reading *r, const struct ray_place *place, struct ray_str key,
                     const char *format, ...)
{
    char what[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    ray_problem(r->problems, place, "%s%s%.*s: %s", r->path, r->path[0] != '\0' ? "." : "",
                RAY_STR_ARG(key), what);
    if (r->status == RAY_OK) {
        r->status = RAY_INVALID;
    }
}

static void complain_of(struct reading *r, const struct ray_option *option,
                        const struct ray_yaml *node, const char *before, const char *after)
{
    complain(r, &node->place, ray_str_from(option->key), "%s%s", before, after);
}

/* The value as messages may show it, cut at a whole character; *** for secrets. */
struct shown {
    char text[SHOWN_MAX_BYTES + 4];
};

static struct shown show(const struct ray_option *option, const struct ray_yaml *node)
{
    struct shown shown;
    if (node->secret || option->secret || ray_secret_key(ray_str_from(option->key))) {
        snprintf(shown.text, sizeof(shown.text), "***");
        return shown;
    }
    struct ray_buf cleaned;
    ray_buf_init(&cleaned, RAY_YAML_MAX_BYTES + 64);
    ray_secret_write(node->text, &cleaned);
    size_t len = cleaned.len;
    if (len > SHOWN_MAX_BYTES) {
        len = SHOWN_MAX_BYTES;
        while (len > 0 && ((unsigned char)cleaned.data[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    snprintf(shown.text, sizeof(shown.text), "%.*s%s", (int)len, len ? cleaned.data : "",
             len < cleaned.len ? "..." : "");
    ray_buf_clear(&cleaned);
    return shown;
}

static bool is_container(const struct ray_yaml *node)
{
    return node->kind == RAY_YAML_LIST || node->kind == RAY_YAML_MAP;
}

/* False, with a problem, when `node` is a list or a map. */
static bool expect_scalar(struct reading *r, const struct ray_option *option,
                          const struct ray_yaml *node, const char *what)
{
    if (!is_container(node)) {
        return true;
    }
    complain(r, &node->place, ray_str_from(option->key), "%s stands where %s belongs",
             ray_yaml_kind_name(node->kind), what);
    return false;
}

static struct ray_str keep(struct reading *r, struct ray_str text)
{
    struct ray_str copy = ray_arena_copy(r->arena, text);
    if (copy.ptr == NULL) {
        r->status = RAY_NOMEM;
    }
    return copy;
}

/* ---- text, truth, words ------------------------------------------------------------------- */

static void read_str(struct reading *r, const struct ray_option *option,
                     const struct ray_yaml *node, void *field)
{
    /* A list or map with a text of its own is a variable that happens to look like YAML. */
    if (is_container(node) && node->text.len == 0) {
        (void)expect_scalar(r, option, node, "text");
        return;
    }
    struct ray_str copy = keep(r, node->text);
    memcpy(field, &copy, sizeof(copy));
}

static void read_bool(struct reading *r, const struct ray_option *option,
                      const struct ray_yaml *node, void *field)
{
    if (!expect_scalar(r, option, node, "true or false")) {
        return;
    }
    bool value;
    if (ray_scalar_bool(node->text, &value) != RAY_OK) {
        complain(r, &node->place, ray_str_from(option->key), "'%s' is neither true nor false",
                 show(option, node).text);
        return;
    }
    memcpy(field, &value, sizeof(value));
}

#define WORDS_MAX 16

static size_t split_words(const char *words, struct ray_str out[WORDS_MAX])
{
    struct ray_str rest = ray_str_from(words);
    size_t count = 0;
    while (count < WORDS_MAX && ray_str_split(&rest, '|', &out[count])) {
        count++;
    }
    return count;
}

/* "'al' is none of none, all, did you mean 'all'?" */
static void complain_of_word(struct reading *r, const struct ray_option *option,
                             const struct ray_yaml *node, const struct ray_str *words, size_t count)
{
    char list[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < count && len < sizeof(list); i++) {
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%.*s", i > 0 ? ", " : "",
                                RAY_STR_ARG(words[i]));
    }
    struct ray_str near = ray_nearest_word(node->text, words, count);
    complain(r, &node->place, ray_str_from(option->key), "'%s' is none of: %s%s%.*s%s",
             show(option, node).text, list, near.len > 0 ? "; did you mean '" : "",
             RAY_STR_ARG(near), near.len > 0 ? "'?" : "");
}

static void read_enum(struct reading *r, const struct ray_option *option,
                      const struct ray_yaml *node, void *field)
{
    if (!expect_scalar(r, option, node, "a word")) {
        return;
    }
    struct ray_str words[WORDS_MAX];
    size_t count = split_words(option->words, words);
    for (size_t i = 0; i < count; i++) {
        if (ray_str_eq_nocase(node->text, words[i])) {
            int index = (int)i;
            memcpy(field, &index, sizeof(index));
            return;
        }
    }
    complain_of_word(r, option, node, words, count);
}

/* ---- numbers ------------------------------------------------------------------------------ */

union number {
    int64_t whole;
    double real;
    uint32_t ms;
    uint64_t bytes;
};

static enum ray_status parse_whole(struct ray_str text, union number *out)
{
    return ray_scalar_int(text, &out->whole);
}

static enum ray_status parse_real(struct ray_str text, union number *out)
{
    return ray_str_to_double(text, &out->real);
}

static enum ray_status parse_ms(struct ray_str text, union number *out)
{
    return ray_scalar_duration_ms(text, &out->ms);
}

static enum ray_status parse_bytes(struct ray_str text, union number *out)
{
    return ray_scalar_bytes(text, &out->bytes);
}

static bool below_whole(const union number *a, const union number *b)
{
    return a->whole < b->whole;
}

static bool below_real(const union number *a, const union number *b)
{
    return a->real < b->real;
}

static bool below_ms(const union number *a, const union number *b)
{
    return a->ms < b->ms;
}

static bool below_bytes(const union number *a, const union number *b)
{
    return a->bytes < b->bytes;
}

static const struct numeric {
    enum ray_status (*parse)(struct ray_str text, union number *out);
    bool (*below)(const union number *a, const union number *b);
    size_t size;
    const char *what;
    const char *most; /* what the type holds */
} numerics[] = {
    [RAY_OPTION_INT] = {parse_whole, below_whole, sizeof(int64_t), "a whole number",
                        "what 64 bits hold"},
    [RAY_OPTION_DOUBLE] = {parse_real, below_real, sizeof(double), "a number",
                           "what a double holds"},
    [RAY_OPTION_DURATION] = {parse_ms, below_ms, sizeof(uint32_t),
                             "a duration such as 300ms, 5s or 1m30s", "1193h (49 days)"},
    [RAY_OPTION_BYTES] = {parse_bytes, below_bytes, sizeof(uint64_t),
                          "a size such as 512KiB, 4GiB or a number of bytes", "what 64 bits hold"},
};

/* " (1 to 256)", " (at least 1)", "" */
static struct shown show_range(const struct ray_option *option)
{
    struct shown shown = {.text = ""};
    if (option->min != NULL && option->max != NULL) {
        snprintf(shown.text, sizeof(shown.text), " (%s to %s)", option->min, option->max);
    } else if (option->min != NULL) {
        snprintf(shown.text, sizeof(shown.text), " (at least %s)", option->min);
    } else if (option->max != NULL) {
        snprintf(shown.text, sizeof(shown.text), " (at most %s)", option->max);
    }
    return shown;
}

static union number parse_bound(const struct numeric *type, const char *text)
{
    union number bound = {.bytes = 0};
    enum ray_status status = type->parse(ray_str_from(text), &bound);
    assert(status == RAY_OK); /* a mistake in a table */
    (void)status;
    return bound;
}

/* NULL when within bounds, else "below" or "above" with the bound. */
static const char *outside(const struct numeric *type, const struct ray_option *option,
                           const union number *value, const char **bound)
{
    union number limit;
    if (option->min != NULL) {
        limit = parse_bound(type, option->min);
        *bound = option->min;
        if (type->below(value, &limit)) {
            return "below";
        }
    }
    if (option->max != NULL) {
        limit = parse_bound(type, option->max);
        *bound = option->max;
        if (type->below(&limit, value)) {
            return "above";
        }
    }
    return NULL;
}

static void read_number(struct reading *r, const struct ray_option *option,
                        const struct ray_yaml *node, void *field)
{
    const struct numeric *type = &numerics[option->type];
    if (!expect_scalar(r, option, node, type->what)) {
        return;
    }
    struct ray_str key = ray_str_from(option->key);
    union number value = {.bytes = 0};
    enum ray_status status = type->parse(node->text, &value);
    if (status == RAY_TOO_BIG) {
        complain(r, &node->place, key, "%s is above %s", show(option, node).text,
                 option->max != NULL ? option->max : type->most);
        return;
    }
    if (status != RAY_OK) {
        complain(r, &node->place, key, "'%s' is not %s%s", show(option, node).text, type->what,
                 show_range(option).text);
        return;
    }
    const char *bound = NULL;
    const char *side = r->defaults ? NULL : outside(type, option, &value, &bound);
    if (side != NULL) {
        complain(r, &node->place, key, "%s is %s %s", show(option, node).text, side, bound);
        return;
    }
    memcpy(field, &value, type->size);
}

/* ---- lists -------------------------------------------------------------------------------- */

static bool new_list(struct reading *r, size_t count, struct ray_str_list *list)
{
    list->items = RAY_ARENA_ARRAY(r->arena, struct ray_str, count);
    list->count = 0;
    if (list->items == NULL) {
        r->status = RAY_NOMEM;
    }
    return list->items != NULL;
}

/* "a, b" as the collector splits it; an empty text is no entry. */
static void split_list(struct reading *r, struct ray_str text, struct ray_str_list *list)
{
    size_t commas = 0;
    for (size_t i = 0; i < text.len; i++) {
        commas += text.ptr[i] == ',';
    }
    if (!new_list(r, commas + 1, list)) {
        return;
    }
    struct ray_str part;
    while (ray_str_trim(text).len > 0 && ray_str_split(&text, ',', &part)) {
        list->items[list->count++] = keep(r, ray_str_trim(part));
    }
}

static void read_items(struct reading *r, const struct ray_option *option,
                       const struct ray_yaml *node, struct ray_str_list *list)
{
    if (!new_list(r, node->count, list)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (expect_scalar(r, option, node->items[i], "text")) {
            list->items[list->count++] = keep(r, node->items[i]->text);
        }
    }
}

static void read_str_list(struct reading *r, const struct ray_option *option,
                          const struct ray_yaml *node, void *field)
{
    struct ray_str_list list = {.count = 0};
    if (node->kind == RAY_YAML_MAP) {
        complain_of(r, option, node, "a map stands where a list belongs", "");
        return;
    }
    if (node->kind == RAY_YAML_LIST) {
        read_items(r, option, node, &list);
    } else {
        split_list(r, node->text, &list);
    }
    memcpy(field, &list, sizeof(list));
}

/* ---- the rest ----------------------------------------------------------------------------- */

static void read_node(struct reading *r, const struct ray_option *option,
                      const struct ray_yaml *node, void *field)
{
    (void)r;
    (void)option;
    *(const struct ray_yaml **)field = node;
}

static void read_ignored(struct reading *r, const struct ray_option *option,
                         const struct ray_yaml *node, void *field)
{
    (void)field;
    ray_problem_warn(r->problems, &node->place, "%s%s%s: accepted, without effect: %s", r->path,
                     r->path[0] != '\0' ? "." : "", option->key, option->help);
}

static void read_refused(struct reading *r, const struct ray_option *option,
                         const struct ray_yaml *node, void *field)
{
    (void)field;
    complain_of(r, option, node, "not supported here: ", option->help);
}

typedef void read_fn(struct reading *r, const struct ray_option *option,
                     const struct ray_yaml *node, void *field);

static read_fn *const readers[] = {
    [RAY_OPTION_STR] = read_str,           [RAY_OPTION_BOOL] = read_bool,
    [RAY_OPTION_INT] = read_number,        [RAY_OPTION_DOUBLE] = read_number,
    [RAY_OPTION_DURATION] = read_number,   [RAY_OPTION_BYTES] = read_number,
    [RAY_OPTION_STR_LIST] = read_str_list, [RAY_OPTION_ENUM] = read_enum,
    [RAY_OPTION_SECTION] = NULL,           [RAY_OPTION_NODE] = read_node,
    [RAY_OPTION_IGNORED] = read_ignored,   [RAY_OPTION_REFUSED] = read_refused,
};

/* ---- defaults ----------------------------------------------------------------------------- */

static void *at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static size_t field_size(enum ray_option_type type)
{
    static const size_t sizes[] = {
        [RAY_OPTION_STR] = sizeof(struct ray_str),
        [RAY_OPTION_BOOL] = sizeof(bool),
        [RAY_OPTION_INT] = sizeof(int64_t),
        [RAY_OPTION_DOUBLE] = sizeof(double),
        [RAY_OPTION_DURATION] = sizeof(uint32_t),
        [RAY_OPTION_BYTES] = sizeof(uint64_t),
        [RAY_OPTION_STR_LIST] = sizeof(struct ray_str_list),
        [RAY_OPTION_ENUM] = sizeof(int),
        [RAY_OPTION_SECTION] = 0,
        [RAY_OPTION_NODE] = sizeof(const struct ray_yaml *),
        [RAY_OPTION_IGNORED] = 0,
        [RAY_OPTION_REFUSED] = 0,
    };
    return sizes[type];
}

static void fill_defaults(struct reading *r, const struct ray_option *table, void *out);

static void fill_default(struct reading *r, const struct ray_option *option, void *out)
{
    void *field = at(out, option->offset);
    if (option->type == RAY_OPTION_SECTION) {
        if (option->present_offset != SIZE_MAX) {
            *(bool *)at(out, option->present_offset) = false;
        }
        fill_defaults(r, option->section, field);
        return;
    }
    /* Also the check of tables written by hand: printing hides by name (secret.h). */
    assert(!option->secret || ray_secret_key(ray_str_from(option->key)));
    memset(field, 0, field_size(option->type));
    bool has_default = option->default_text != NULL && field_size(option->type) > 0;
    if (has_default || option->type == RAY_OPTION_STR) {
        struct ray_yaml node = {.kind = RAY_YAML_SCALAR,
                                .text = ray_str_from(has_default ? option->default_text : "")};
        readers[option->type](r, option, &node, field);
        assert(r->status != RAY_INVALID); /* a mistake in the table */
    }
}

static void fill_defaults(struct reading *r, const struct ray_option *table, void *out)
{
    for (const struct ray_option *option = table; option->key != NULL; option++) {
        fill_default(r, option, out);
    }
}

/* ---- what the file says ------------------------------------------------------------------- */

static const struct ray_option *find_option(const struct ray_option *table, struct ray_str key)
{
    for (const struct ray_option *option = table; option->key != NULL; option++) {
        if (ray_str_eq(key, ray_str_from(option->key))) {
            return option;
        }
    }
    return NULL;
}

#define KEYS_MAX 128

static void complain_of_key(struct reading *r, const struct ray_option *table,
                            const struct ray_yaml_pair *pair)
{
    struct ray_str keys[KEYS_MAX] = {{NULL, 0}};
    size_t count = 0;
    for (const struct ray_option *option = table; option->key != NULL && count < KEYS_MAX;
         option++) {
        keys[count++] = ray_str_from(option->key);
    }
    struct ray_str near = ray_nearest_word(pair->key, keys, count);
    if (near.len > 0) {
        complain(r, &pair->place, pair->key, "unknown key, did you mean '%.*s'?",
                 RAY_STR_ARG(near));
        return;
    }
    char list[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < count && len < sizeof(list); i++) {
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%.*s", i > 0 ? ", " : "",
                                RAY_STR_ARG(keys[i]));
    }
    complain(r, &pair->place, pair->key, "unknown key%s%s", count > 0 ? "; known here: " : "",
             list);
}

static void read_map(struct reading *r, const struct ray_option *table, const struct ray_yaml *node,
                     void *out);

/* Messages are about keys of this section until r->path is set back. */
static bool enter(struct reading *r, const struct ray_option *option)
{
    const char *outer = r->path;
    struct ray_str path =
        ray_arena_printf(r->arena, "%s%s%s", outer, outer[0] != '\0' ? "." : "", option->key);
    r->path = path.ptr != NULL ? path.ptr : outer;
    r->status = path.ptr != NULL ? r->status : RAY_NOMEM;
    return path.ptr != NULL;
}

static void read_section(struct reading *r, const struct ray_option *option,
                         const struct ray_yaml *node, void *out)
{
    if (option->present_offset != SIZE_MAX) {
        *(bool *)at(out, option->present_offset) = true;
    }
    const char *outer = r->path;
    if (enter(r, option)) {
        read_map(r, option->section, node, at(out, option->offset));
    }
    r->path = outer;
}

/* Of a section without effect only the names of its keys matter. */
static void check_keys(struct reading *r, const struct ray_option *option,
                       const struct ray_yaml *node)
{
    const char *outer = r->path;
    if (option->section == NULL || node->kind != RAY_YAML_MAP || !enter(r, option)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (find_option(option->section, node->pairs[i].key) == NULL) {
            complain_of_key(r, option->section, &node->pairs[i]);
        }
    }
    r->path = outer;
}

/* "role_arn: ''" asks for nothing, so it is not refused. */
static bool says_nothing(const struct ray_yaml *node)
{
    return node->kind == RAY_YAML_NULL || (node->count == 0 && node->text.len == 0);
}

static void read_pair(struct reading *r, const struct ray_option *table,
                      const struct ray_yaml_pair *pair, void *out)
{
    const struct ray_option *option = find_option(table, pair->key);
    if (option == NULL) {
        complain_of_key(r, table, pair);
    } else if (option->type == RAY_OPTION_SECTION) {
        read_section(r, option, pair->value, out);
    } else if (option->type == RAY_OPTION_REFUSED || option->type == RAY_OPTION_IGNORED) {
        struct ray_yaml at_key = {.place = pair->place};
        if (!says_nothing(pair->value)) {
            readers[option->type](r, option, &at_key, NULL);
        }
        check_keys(r, option, pair->value);
    } else if (pair->value->kind != RAY_YAML_NULL) {
        readers[option->type](r, option, pair->value, at(out, option->offset));
    }
}

static void read_map(struct reading *r, const struct ray_option *table, const struct ray_yaml *node,
                     void *out)
{
    if (node->kind == RAY_YAML_NULL) {
        return;
    }
    if (node->kind != RAY_YAML_MAP) {
        ray_problem(r->problems, &node->place, "%s: %s stands where a map of keys belongs",
                    r->path[0] != '\0' ? r->path : "options", ray_yaml_kind_name(node->kind));
        r->status = r->status == RAY_OK ? RAY_INVALID : r->status;
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        read_pair(r, table, &node->pairs[i], out);
    }
}

enum ray_status ray_options_read(const struct ray_option *table, const struct ray_yaml *node,
                                 const char *path, struct ray_arena *arena,
                                 struct ray_problems *problems, void *out)
{
    struct reading r = {.path = path, .arena = arena, .problems = problems, .defaults = true};
    fill_defaults(&r, table, out);
    r.defaults = false;
    if (node != NULL && r.status == RAY_OK) {
        read_map(&r, table, node, out);
    }
    return r.status;
}
