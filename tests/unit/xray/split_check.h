/*
 * split_check: is a split document the same as before, once its parts are hung back where their
 * parent_id says? For the unit test and the fuzzer. By another JSON library than ours.
 */
#ifndef RAY_TESTS_SPLIT_CHECK_H
#define RAY_TESTS_SPLIT_CHECK_H

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "xray/split.h"

/* NULL when the library cannot read it. */
static inline struct json_object *split_parse(struct ray_str text)
{
    struct json_tokener *tokener = json_tokener_new_ex(300);
    struct json_object *object = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    json_tokener_free(tokener);
    return object;
}

static inline struct json_object *split_list(struct json_object *object)
{
    struct json_object *list = NULL;
    json_object_object_get_ex(object, "subsegments", &list);
    return json_object_is_type(list, json_type_array) ? list : NULL;
}

static inline const char *split_text_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

/* The (sub)segments with that id, in `object` and below; *found is the last one. */
static inline size_t split_find(struct json_object *object, const char *id,
                                struct json_object **found)
{
    const char *own = split_text_of(object, "id");
    size_t count = own != NULL && strcmp(own, id) == 0;
    if (count > 0) {
        *found = object;
    }
    struct json_object *list = split_list(object);
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        count += json_object_is_type(item, json_type_object) ? split_find(item, id, found) : 0;
    }
    return count;
}

/* By id, since writing a whole branch for each comparison takes long; what has none, by its text.
 */
static inline int split_order(const void *a, const void *b)
{
    struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
    const char *x_id = split_text_of(x, "id"), *y_id = split_text_of(y, "id");
    int order = x_id == NULL || y_id == NULL ? (x_id == NULL) - (y_id == NULL) : strcmp(x_id, y_id);
    return order != 0 ? order
                      : strcmp(json_object_to_json_string(x), json_object_to_json_string(y));
}

/* What may differ, made equal: the order of subsegments, and what an independent one says of
 * itself. */
static inline void split_normalise(struct json_object *object, bool is_root)
{
    if (!is_root) {
        json_object_object_del(object, "trace_id");
        json_object_object_del(object, "parent_id");
        json_object_object_del(object, "type");
    }
    struct json_object *list = split_list(object), *value = NULL;
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        if (json_object_is_type(item, json_type_object)) {
            split_normalise(item, false);
        }
    }
    if (list != NULL) {
        json_object_array_sort(list, split_order);
    }
    if (json_object_object_get_ex(object, "subsegments", &value)) { /* put last */
        json_object_get(value);
        json_object_object_del(object, "subsegments");
        if (list != NULL && json_object_array_length(list) == 0) {
            json_object_put(value);
        } else {
            json_object_object_add(object, "subsegments", value);
        }
    }
}

static inline const char *split_hang_in(struct json_object *root, struct json_object *part)
{
    struct json_object *parent = NULL;
    const char *trace = split_text_of(root, "trace_id"), *own = split_text_of(part, "trace_id");
    const char *type = split_text_of(part, "type"), *up = split_text_of(part, "parent_id");
    if (trace == NULL || own == NULL || strcmp(own, trace) != 0) {
        return "a part is of another trace";
    }
    if (type == NULL || strcmp(type, "subsegment") != 0 || up == NULL) {
        return "a part is no independent subsegment";
    }
    size_t parents = split_find(root, up, &parent);
    if (parents != 1) {
        return parents == 0 ? "a part's parent is not among the parts" : "";
    }
    if (split_list(parent) == NULL) {
        json_object_object_add(parent, "subsegments", json_object_new_array());
    }
    json_object_array_add(split_list(parent), json_object_get(part));
    return NULL;
}

/* What is wrong with the parts; NULL: nothing. */
static inline const char *split_problem(struct ray_str text, const struct ray_split_part *parts,
                                        size_t max_bytes)
{
    const char *problem = NULL;
    struct json_object *before = split_parse(text), *root = NULL;
    for (const struct ray_split_part *p = parts; p != NULL && problem == NULL; p = p->next) {
        struct json_object *part = split_parse(p->text);
        if (p->text.len > max_bytes) {
            problem = "a part is too large";
        } else if (before != NULL && part == NULL) {
            problem = "a part is no JSON";
        } else if (root == NULL) {
            root = json_object_get(part);
        } else {
            problem = split_hang_in(root, part);
        }
        json_object_put(part);
    }
    if (problem == NULL && before != NULL) {
        split_normalise(before, true);
        split_normalise(root, true);
        problem = strcmp(json_object_to_json_string(before), json_object_to_json_string(root)) == 0
                      ? NULL
                      : "something was lost or changed";
    }
    json_object_put(before);
    json_object_put(root);
    /* "": an id stands twice, so that nobody can say whose child it was */
    return problem != NULL && problem[0] != '\0' ? problem : NULL;
}

#endif
