/* expand: see expand.h. */
#include "config/expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/location.h"

struct expander {
    struct ray_arena *arena;
    struct ray_problems *problems;
    uint32_t references;
    enum ray_status status; /* sticky */
};

/* What a reference stands for. */
struct reference {
    struct ray_str text;
    bool found;
    bool secret;
    bool fresh;       /* from outside: its own references are still to be expanded */
    const char *file; /* the text has places of its own in here; NULL: it stands at the reference */
};

static void refuse(struct expander *x, const struct ray_place *place, struct ray_str inside,
                   const char *why)
{
    ray_problem(x->problems, place, "${%.*s}: %s", RAY_STR_ARG(inside), why);
    if (x->status == RAY_OK) {
        x->status = RAY_INVALID;
    }
}

static bool ok_or_nomem(struct expander *x, bool ok)
{
    if (!ok) {
        x->status = RAY_NOMEM;
    }
    return ok;
}

static bool starts_at(struct ray_str text, size_t at, struct ray_str what)
{
    return ray_str_starts_with(ray_str_from_pos(text, at), what);
}

static size_t find_balanced_close(struct ray_str text, size_t from)
{
    size_t open = 1;
    for (size_t i = from; i < text.len; i++) {
        open += text.ptr[i] == '{';
        open -= text.ptr[i] == '}';
        if (open == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* The '}' of the reference whose inside begins at `from`, or SIZE_MAX. Braces inside count, so that
 * ${yaml:{a: 1}} works; where that fails ("${env:X:-a{b}") the first one ends it. */
static size_t find_close(struct ray_str text, size_t from)
{
    size_t close = find_balanced_close(text, from);
    if (close == SIZE_MAX) {
        size_t first = ray_str_find_byte(ray_str_from_pos(text, from), '}');
        close = first == SIZE_MAX ? SIZE_MAX : from + first;
    }
    return close;
}

static void expand_text(struct expander *x, struct ray_str text, const struct ray_place *place,
                        unsigned depth, struct ray_buf *out, bool *secret);

/* A copy of `text` with its references expanded; the NULL view when that failed. */
static struct ray_str expanded_copy(struct expander *x, struct ray_str text,
                                    const struct ray_place *place, unsigned depth, bool *secret)
{
    struct ray_buf out;
    ray_buf_init(&out, RAY_YAML_MAX_BYTES);
    uint32_t problems_before = x->problems->count;
    expand_text(x, text, place, depth, &out, secret);
    struct ray_str copy = {NULL, 0};
    if (out.failed) {
        ray_problem(x->problems, place, "the value grows past 1 MiB");
        x->status = RAY_INVALID;
    } else if (x->problems->count == problems_before && x->status != RAY_NOMEM) {
        copy = ray_arena_copy(x->arena, ray_buf_str(&out));
        ok_or_nomem(x, copy.ptr != NULL);
    }
    ray_buf_clear(&out);
    return copy;
}

static bool is_variable_name(struct ray_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return name.len > 0;
}

static void resolve_fallback(struct expander *x, struct ray_str fallback,
                             const struct ray_place *place, unsigned depth, struct reference *out)
{
    out->text = expanded_copy(x, fallback, place, depth + 1, &out->secret);
    out->found = true;
}

/* `inside` is what stands behind "env:". */
static void resolve_env(struct expander *x, struct ray_str inside, const struct ray_place *place,
                        unsigned depth, struct reference *out)
{
    size_t dash = ray_str_find(inside, RAY_STR(":-"));
    bool secret = false;
    struct ray_str name = expanded_copy(x, ray_str_until(inside, dash), place, depth + 1, &secret);
    if (name.ptr == NULL) {
        return;
    }
    if (!is_variable_name(name)) {
        refuse(x, place, inside, "this is no name of a variable (letters, digits, _)");
        return;
    }
    const char *value = getenv(name.ptr); /* copies end in a NUL */
    if (value == NULL && dash != SIZE_MAX) {
        resolve_fallback(x, ray_str_from_pos(inside, dash + 2), place, depth, out);
        return;
    }
    if (value == NULL) {
        ray_problem_warn(x->problems, place,
                         "${%.*s}: the variable is not set, the value is empty; "
                         "${env:%.*s:-fallback} gives one",
                         RAY_STR_ARG(inside), RAY_STR_ARG(name));
        return;
    }
    struct ray_str copy = ray_arena_copy(x->arena, ray_str_from(value));
    if (ok_or_nomem(x, copy.ptr != NULL)) {
        *out = (struct reference){.text = copy, .found = true, .secret = true, .fresh = true};
    }
}

static struct ray_str without_line_break(struct ray_str text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) {
        text.len--;
    }
    return text;
}

static void resolve_file(struct expander *x, struct ray_str inside, const struct ray_place *place,
                         unsigned depth, struct reference *out)
{
    bool secret = false;
    struct ray_str path = expanded_copy(x, inside, place, depth + 1, &secret);
    if (path.ptr == NULL) {
        return;
    }
    struct ray_str text;
    enum ray_status status = ray_location_read_file(path.ptr, x->arena, &text);
    if (status == RAY_NOMEM) {
        x->status = RAY_NOMEM;
    } else if (status != RAY_OK) {
        refuse(x, place, inside, status == RAY_IO ? strerror(errno) : "larger than 1 MiB");
    } else {
        *out = (struct reference){.text = without_line_break(text),
                                  .found = true,
                                  .secret = secret,
                                  .fresh = true,
                                  .file = path.ptr};
    }
}

static void resolve_yaml(struct expander *x, struct ray_str inside, const struct ray_place *place,
                         unsigned depth, struct reference *out)
{
    resolve_fallback(x, inside, place, depth, out);
}

typedef void resolve_fn(struct expander *x, struct ray_str inside, const struct ray_place *place,
                        unsigned depth, struct reference *out);

static const struct scheme {
    struct ray_str prefix;
    resolve_fn *resolve; /* NULL: known elsewhere, refused here */
} schemes[] = {
    {RAY_STR_INIT("env:"), resolve_env},   {RAY_STR_INIT("file:"), resolve_file},
    {RAY_STR_INIT("yaml:"), resolve_yaml}, {RAY_STR_INIT("http:"), NULL},
    {RAY_STR_INIT("https:"), NULL},        {RAY_STR_INIT("s3:"), NULL},
};

/* False when a limit ends it. */
static bool may_go_on(struct expander *x, struct ray_str inside, const struct ray_place *place,
                      unsigned depth)
{
    if (depth > RAY_EXPAND_MAX_DEPTH) {
        refuse(x, place, inside, "references nest more than 16 deep; does one lead to itself?");
    } else if (++x->references > RAY_EXPAND_MAX_REFERENCES) {
        refuse(x, place, inside, "more than 10000 references");
    }
    return depth <= RAY_EXPAND_MAX_DEPTH && x->references <= RAY_EXPAND_MAX_REFERENCES;
}

static void resolve(struct expander *x, struct ray_str inside, const struct ray_place *place,
                    unsigned depth, struct reference *out)
{
    *out = (struct reference){.found = false};
    if (!may_go_on(x, inside, place, depth)) {
        return;
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (!ray_str_starts_with(inside, schemes[i].prefix)) {
            continue;
        }
        if (schemes[i].resolve == NULL) {
            refuse(x, place, inside, "values are not loaded from the network; use env: or file:");
            return;
        }
        schemes[i].resolve(x, ray_str_from_pos(inside, schemes[i].prefix.len), place, depth, out);
        return;
    }
    resolve_env(x, inside, place, depth, out);
}

static void append_reference(struct expander *x, struct ray_str inside,
                             const struct ray_place *place, unsigned depth, struct ray_buf *out,
                             bool *secret)
{
    struct reference reference;
    resolve(x, inside, place, depth, &reference);
    if (!reference.found) {
        return;
    }
    *secret = *secret || reference.secret;
    if (reference.fresh) {
        expand_text(x, reference.text, place, depth + 1, out, secret);
    } else {
        ray_buf_append(out, reference.text);
    }
}

/* One reference, escape or byte at `at`; returns where the next begins. */
static size_t expand_step(struct expander *x, struct ray_str text, size_t at,
                          const struct ray_place *place, unsigned depth, struct ray_buf *out,
                          bool *secret)
{
    if (starts_at(text, at, RAY_STR("$$"))) {
        ray_buf_append_byte(out, '$');
        return at + 2;
    }
    size_t close = starts_at(text, at, RAY_STR("${")) ? find_close(text, at + 2) : SIZE_MAX;
    if (close == SIZE_MAX) {
        ray_buf_append_byte(out, text.ptr[at]);
        return at + 1;
    }
    struct ray_str inside = ray_str_until(ray_str_from_pos(text, at + 2), close - at - 2);
    append_reference(x, inside, place, depth, out, secret);
    return close + 1;
}

static void expand_text(struct expander *x, struct ray_str text, const struct ray_place *place,
                        unsigned depth, struct ray_buf *out, bool *secret)
{
    for (size_t at = 0; at < text.len && x->status != RAY_NOMEM && !out->failed;) {
        at = expand_step(x, text, at, place, depth, out, secret);
    }
}

static void mark_secret(struct ray_yaml *node)
{
    node->secret = true;
    for (size_t i = 0; i < node->count; i++) {
        mark_secret(node->kind == RAY_YAML_LIST ? node->items[i] : node->pairs[i].value);
    }
}

/* The text of a reference as a node. What does not parse is text: a password need not be YAML. */
static enum ray_status parse_reference(struct expander *x, const struct reference *reference,
                                       const struct ray_place *place, struct ray_yaml **out)
{
    struct ray_problems unseen;
    ray_problems_init(&unseen);
    enum ray_status status =
        reference->file != NULL
            ? ray_yaml_parse(reference->text, reference->file, x->arena, &unseen, out)
            : ray_yaml_parse_at(reference->text, place, x->arena, &unseen, out);
    ray_problems_clear(&unseen);
    return status;
}

static void expand_node(struct expander *x, struct ray_yaml *node, unsigned depth);

static void replace_node(struct expander *x, struct ray_yaml *node,
                         const struct reference *reference, unsigned depth)
{
    struct ray_yaml *parsed = NULL;
    enum ray_status status = parse_reference(x, reference, &node->place, &parsed);
    if (status == RAY_NOMEM) {
        x->status = RAY_NOMEM;
        return;
    }
    bool empty = reference->text.len == 0;
    if (status == RAY_OK && (parsed->kind == RAY_YAML_LIST || parsed->kind == RAY_YAML_MAP)) {
        *node = *parsed;
        node->text = reference->text;
    } else if (status == RAY_OK && parsed->kind == RAY_YAML_NULL && (empty || parsed->text.len)) {
        *node = *parsed;
    } else {
        /* Text keeps every byte (also what YAML takes for a comment or quotes), as it does in the
         * collector. */
        node->kind = RAY_YAML_SCALAR;
        node->text = reference->text;
        node->quoted = status != RAY_OK || parsed->kind == RAY_YAML_NULL;
    }
    if (reference->secret) {
        mark_secret(node);
    }
    if (reference->fresh) {
        expand_node(x, node, depth + 1);
    }
}

static bool is_one_reference(struct ray_str text)
{
    return ray_str_starts_with(text, RAY_STR("${")) && find_close(text, 2) == text.len - 1;
}

static void expand_whole(struct expander *x, struct ray_yaml *node, unsigned depth)
{
    struct ray_str inside = ray_str_until(ray_str_from_pos(node->text, 2), node->text.len - 3);
    struct reference reference;
    resolve(x, inside, &node->place, depth, &reference);
    if (reference.found && reference.text.ptr != NULL) {
        replace_node(x, node, &reference, depth);
        return;
    }
    node->kind = RAY_YAML_NULL;
    node->text = (struct ray_str){NULL, 0};
}

static void expand_scalar(struct expander *x, struct ray_yaml *node, unsigned depth)
{
    if (ray_str_find_byte(node->text, '$') == SIZE_MAX) {
        return;
    }
    if (is_one_reference(node->text)) {
        expand_whole(x, node, depth);
        return;
    }
    bool secret = node->secret;
    struct ray_str text = expanded_copy(x, node->text, &node->place, depth, &secret);
    if (text.ptr != NULL) {
        node->text = text;
        node->secret = secret;
    }
}

/* Goes on after a problem, so that all are reported; depth of the tree is the parser's bound times
 * RAY_EXPAND_MAX_DEPTH. */
static void expand_node(struct expander *x, struct ray_yaml *node, unsigned depth)
{
    if (x->status == RAY_NOMEM) {
        return;
    }
    if (node->kind == RAY_YAML_SCALAR) {
        expand_scalar(x, node, depth);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        expand_node(x, node->kind == RAY_YAML_LIST ? node->items[i] : node->pairs[i].value, depth);
    }
}

enum ray_status ray_expand(struct ray_yaml *root, struct ray_arena *arena,
                           struct ray_problems *problems)
{
    struct expander x = {.arena = arena, .problems = problems};
    expand_node(&x, root, 0);
    return x.status;
}
