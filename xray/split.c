/*
 * split: see the header. One object at a time: its members and subsegments are collected as views,
 * then it is decided what leaves, then it is written.
 */
#include "xray/split.h"

#include <stdlib.h>
#include <string.h>

#include "core/json_reader.h"
#include "core/json_scan.h"
#include "core/json_writer.h"
#include "xray/scan.h"

struct member {
    struct ray_str key; /* as written, with its quotes and colon */
    struct ray_str value;
    struct member *next;
};

/* A subsegment inside, or whatever else stands in that list. */
struct element {
    struct ray_str text;
    size_t order; /* in the list */
    bool leaves;
    struct element *next;
};

/* A segment or subsegment. */
struct node {
    struct member *members; /* without `subsegments`, and what is written anew */
    struct ray_str id;      /* as written, with its quotes; the NULL view: none */
    struct ray_str trace_id;
    struct element *elements;
    size_t element_count;
    bool has_list;            /* subsegments is a list */
    struct ray_str odd_value; /* it is something else, kept as it is */
};

/* What makes a subsegment independent; NULL views for the root. */
struct standing {
    struct ray_str trace_id, parent_id;
};

struct split {
    struct ray_arena *arena;
    size_t max_bytes;
    struct ray_split_part **last; /* where the next part is hung in */
};

/* -- white space -- */

/* The text of one string, `text` beginning behind its first quote; includes the last one. */
static size_t string_rest(struct ray_str text)
{
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '"') {
        at += text.ptr[at] == '\\' ? 2 : 1;
        if (at < text.len) {
            at += ray_json_plain_run(text.ptr + at, text.len - at, false);
        }
    }
    return at < text.len ? at + 1 : text.len;
}

/* `text` is JSON. */
static enum ray_status without_space(struct ray_str text, struct ray_arena *arena,
                                     struct ray_str *out)
{
    char *copy = ray_arena_alloc_text(arena, text.len);
    size_t len = 0;
    if (copy == NULL) {
        return RAY_NOMEM;
    }
    for (size_t at = 0; at < text.len;) {
        char c = text.ptr[at++];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            continue;
        }
        copy[len++] = c;
        if (c == '"') {
            size_t rest = string_rest(ray_str_from_pos(text, at));
            memcpy(copy + len, text.ptr + at, rest);
            len += rest;
            at += rest;
        }
    }
    *out = (struct ray_str){copy, len};
    return RAY_OK;
}

/* -- reading -- */

static bool read_elements(struct split *split, struct ray_str list, struct node *node)
{
    struct ray_json_reader r;
    struct element **last = &node->elements;
    ray_json_read_init(&r, list, split->arena, RAY_SCAN_DEPTH_MAX);
    ray_json_enter_array(&r);
    while (ray_json_next_element(&r)) {
        struct element *element = RAY_ARENA_NEW(split->arena, struct element);
        if (element == NULL) {
            return false;
        }
        ray_json_skip_value(&r, &element->text);
        element->order = node->element_count++;
        *last = element;
        last = &element->next;
    }
    return true;
}

static bool read_subsegments(struct split *split, struct ray_str value, struct node *node)
{
    node->elements = NULL; /* of a key given twice the last one counts */
    node->element_count = 0;
    node->has_list = value.len > 0 && value.ptr[0] == '[';
    node->odd_value = node->has_list ? (struct ray_str){NULL, 0} : value;
    return !node->has_list || read_elements(split, value, node);
}

static struct ray_str if_string(struct ray_str value)
{
    return value.len > 0 && value.ptr[0] == '"' ? value : (struct ray_str){NULL, 0};
}

/* What an independent subsegment says for itself. */
static bool is_written_anew(struct ray_str key)
{
    return ray_str_eq(key, RAY_STR("trace_id")) || ray_str_eq(key, RAY_STR("parent_id")) ||
           ray_str_eq(key, RAY_STR("type"));
}

/* `text` is without white space. */
static enum ray_status read_node(struct split *split, struct ray_str text, bool is_root,
                                 struct node *node)
{
    struct ray_json_reader r;
    struct ray_str key, value;
    struct member **last = &node->members;
    const char *from = text.ptr + 1; /* behind the brace, then behind each comma */
    *node = (struct node){.members = NULL};
    ray_json_read_init(&r, text, split->arena, RAY_SCAN_DEPTH_MAX);
    ray_json_enter_object(&r);
    while (ray_json_next_key(&r, &key) && ray_json_skip_value(&r, &value)) {
        struct ray_str written = {from, (size_t)(value.ptr - from)};
        from = value.ptr + value.len + 1;
        if (ray_str_eq(key, RAY_STR("subsegments"))) {
            if (!read_subsegments(split, value, node)) {
                return RAY_NOMEM;
            }
            continue;
        }
        node->id = ray_str_eq(key, RAY_STR("id")) ? if_string(value) : node->id;
        node->trace_id = ray_str_eq(key, RAY_STR("trace_id")) ? if_string(value) : node->trace_id;
        if (!is_root && is_written_anew(key)) {
            continue;
        }
        struct member *member = RAY_ARENA_NEW(split->arena, struct member);
        if (member == NULL) {
            return RAY_NOMEM;
        }
        *member = (struct member){written, value, NULL};
        *last = member;
        last = &member->next;
    }
    return r.failed ? RAY_NOMEM : RAY_OK; /* the text was checked: only memory can be missing */
}

/* -- writing -- */

static void write_list(struct ray_json_writer *w, const struct node *node)
{
    size_t stay = 0;
    for (const struct element *e = node->elements; e != NULL; e = e->next) {
        stay += e->leaves ? 0 : 1;
    }
    if (stay == 0 && node->element_count > 0) {
        return;
    }
    RAY_JSON_KEY(w, "subsegments");
    ray_json_array_begin(w);
    for (const struct element *e = node->elements; e != NULL; e = e->next) {
        if (!e->leaves) {
            ray_json_raw(w, e->text);
        }
    }
    ray_json_array_end(w);
}

static void write_node(struct ray_buf *out, const struct node *node,
                       const struct standing *standing)
{
    struct ray_json_writer w;
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    if (standing->trace_id.len > 0) {
        RAY_JSON_KEY(&w, "trace_id");
        ray_json_raw(&w, standing->trace_id);
        RAY_JSON_KEY(&w, "parent_id");
        ray_json_raw(&w, standing->parent_id);
        RAY_JSON_KEY(&w, "type");
        ray_json_string(&w, RAY_STR("subsegment"));
    }
    for (const struct member *m = node->members; m != NULL; m = m->next) {
        ray_json_raw_key(&w, m->key);
        ray_json_raw(&w, m->value);
    }
    if (node->odd_value.len > 0) {
        RAY_JSON_KEY(&w, "subsegments");
        ray_json_raw(&w, node->odd_value);
    } else if (node->has_list) {
        write_list(&w, node);
    }
    ray_json_object_end(&w);
}

/* The length of what write_node would write, of which nothing is kept. */
static size_t measure(const struct node *node, const struct standing *standing, size_t upper)
{
    struct ray_buf out;
    ray_buf_init(&out, upper);
    write_node(&out, node, standing);
    size_t len = out.failed ? SIZE_MAX : out.len;
    ray_buf_clear(&out);
    return len;
}

/* -- deciding -- */

static int by_size(const void *a, const void *b)
{
    const struct element *x = *(struct element *const *)a, *y = *(struct element *const *)b;
    if (x->text.len != y->text.len) {
        return x->text.len > y->text.len ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

static struct element **largest_first(struct split *split, const struct node *node)
{
    struct element **sorted = RAY_ARENA_ARRAY(split->arena, struct element *, node->element_count);
    size_t count = 0;
    for (struct element *e = node->elements; sorted != NULL && e != NULL; e = e->next) {
        sorted[count++] = e;
    }
    if (sorted != NULL) {
        qsort(sorted, count, sizeof(struct element *), by_size);
    }
    return sorted;
}

static enum ray_status split_object(struct split *split, struct ray_str text,
                                    const struct standing *standing, unsigned depth);

/* The parts of what leaves; nothing of it when it cannot. */
static enum ray_status take_out(struct split *split, struct element *element,
                                const struct standing *standing, unsigned depth)
{
    struct ray_split_part **before = split->last;
    if (element->text.ptr[0] != '{') {
        return RAY_TOO_BIG;
    }
    enum ray_status status = split_object(split, element->text, standing, depth);
    if (status != RAY_OK) {
        split->last = before;
        *before = NULL;
    }
    element->leaves = status == RAY_OK;
    return status;
}

/* Takes elements out until `size` is small enough; a comma goes with each but the last. */
static enum ray_status shrink(struct split *split, struct node *node,
                              const struct standing *children, size_t size, unsigned depth)
{
    struct element **sorted = largest_first(split, node);
    if (sorted == NULL) {
        return RAY_NOMEM;
    }
    size_t left = node->element_count;
    for (size_t i = 0; i < node->element_count && size > split->max_bytes; i++) {
        enum ray_status status = take_out(split, sorted[i], children, depth + 1);
        if (status == RAY_NOMEM) {
            return status;
        }
        if (status == RAY_OK) {
            left--;
            size -= sorted[i]->text.len + (left > 0 ? 1 : sizeof(",\"subsegments\":[]") - 1);
        }
    }
    return size > split->max_bytes ? RAY_TOO_BIG : RAY_OK;
}

static enum ray_status finish(struct split *split, struct ray_split_part *part,
                              const struct node *node, const struct standing *standing)
{
    struct ray_buf out;
    ray_buf_init(&out, split->max_bytes);
    write_node(&out, node, standing);
    part->text =
        out.failed ? (struct ray_str){NULL, 0} : ray_arena_copy(split->arena, ray_buf_str(&out));
    ray_buf_clear(&out);
    return part->text.ptr != NULL ? RAY_OK : RAY_NOMEM;
}

/* Recursion through take_out, capped here. */
static enum ray_status split_object(struct split *split, struct ray_str text,
                                    const struct standing *standing, unsigned depth)
{
    struct node node;
    bool is_root = standing->trace_id.len == 0;
    if (depth > RAY_SCAN_SUBSEGMENTS_DEPTH_MAX) {
        return RAY_TOO_BIG;
    }
    enum ray_status status = read_node(split, text, is_root, &node);
    struct ray_split_part *part = RAY_ARENA_NEW(split->arena, struct ray_split_part);
    if (status != RAY_OK || part == NULL) {
        return status != RAY_OK ? status : RAY_NOMEM;
    }
    struct standing children = {is_root ? node.trace_id : standing->trace_id, node.id};
    if (node.id.len == 0 || children.trace_id.len == 0) {
        return RAY_TOO_BIG;
    }
    *split->last = part; /* before its children */
    split->last = &part->next;
    /* it grows by nothing but what an independent one says of itself */
    size_t size =
        measure(&node, standing, text.len + children.trace_id.len + standing->parent_id.len + 256);
    if (size == SIZE_MAX) {
        return RAY_NOMEM;
    }
    if (size > split->max_bytes) {
        status = shrink(split, &node, &children, size, depth);
    }
    return status == RAY_OK ? finish(split, part, &node, standing) : status;
}

enum ray_status ray_document_split(struct ray_str text, size_t part_max_bytes,
                                   struct ray_arena *arena, struct ray_split_part **parts)
{
    struct split split = {.arena = arena, .max_bytes = part_max_bytes};
    struct ray_split_part *first = NULL;
    struct ray_json_reader r;
    struct ray_str compact;
    ray_json_read_init(&r, text, NULL, RAY_SCAN_DEPTH_MAX);
    bool is_object = ray_json_peek(&r) == RAY_JSON_OBJECT;
    if (!is_object || !ray_json_skip_value(&r, NULL) || !ray_json_at_end(&r)) {
        return RAY_INVALID;
    }
    enum ray_status status = without_space(text, arena, &compact);
    if (status != RAY_OK) {
        return status;
    }
    if (compact.len <= part_max_bytes) {
        first = RAY_ARENA_NEW(arena, struct ray_split_part);
        if (first != NULL) {
            first->text = compact;
        }
        *parts = first;
        return first != NULL ? RAY_OK : RAY_NOMEM;
    }
    split.last = &first;
    struct standing root = {{NULL, 0}, {NULL, 0}};
    status = split_object(&split, compact, &root, 0);
    if (status == RAY_OK) {
        *parts = first;
    }
    return status;
}
