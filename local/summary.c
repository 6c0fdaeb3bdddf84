/*
 * summary: nodes are numbered first, values are collected by key, then everything is written.
 */
#include "local/summary.h"

#include <json-c/json.h>

#include "core/map.h"
#include "local/rootcause.h"

/* Nodes at which a value was seen. */
struct seen_at {
    const struct ray_node *node; /* the first of its key: pointers compare */
    struct seen_at *next;
};

/* A distinct value of an annotation, or a distinct user or ARN: `json` or `text`. */
struct value {
    struct json_object *json;
    struct ray_str text;
    struct seen_at *nodes;
    struct value *next;
};

/* All values of one key, in order of appearance. */
struct group {
    struct ray_str key;
    struct value *first, **end;
    struct group *next;
};

struct collection {
    struct group *first, **end;
};

enum list { USERS, RESOURCES, INSTANCES, ZONES, LIST_COUNT };

struct summary {
    const struct ray_trace *trace;
    struct ray_arena *arena;
    struct ray_map nodes;  /* ray_node_key -> const struct ray_node * */
    struct ray_map groups; /* collection and key -> struct group * */
    struct ray_map values; /* group and value -> struct value * */
    struct collection annotations;
    struct collection lists[LIST_COUNT];
    bool failed; /* out of memory */
};

static const struct {
    const char *member; /* of the answer */
    const char *item;   /* the name of a value in it */
    bool with_services;
    const char *path[4];
} lists[LIST_COUNT] = {
    [USERS] = {"Users", "UserName", true, {"user"}},
    [RESOURCES] = {"ResourceARNs", "ARN", false, {"resource_arn"}},
    [INSTANCES] = {"InstanceIds", "Id", false, {"aws", "ec2", "instance_id"}},
    [ZONES] = {"AvailabilityZones", "Name", false, {"aws", "ec2", "availability_zone"}},
};

/* ---- collect ---- */

static const struct ray_node *canonical(struct summary *s, const struct ray_entity *segment)
{
    struct ray_str key = ray_node_key(&segment->node, s->arena);
    bool added = false;
    struct ray_map_entry *entry = key.ptr != NULL ? ray_map_put(&s->nodes, key, &added) : NULL;
    if (entry == NULL) {
        s->failed = true;
        return NULL;
    }
    if (added) {
        entry->value.const_ptr = &segment->node;
    }
    return entry->value.const_ptr;
}

static struct group *find_group(struct summary *s, struct collection *collection,
                                struct ray_str key)
{
    struct ray_str place =
        ray_arena_printf(s->arena, "%p %.*s", (void *)collection, RAY_STR_ARG(key));
    bool added = false;
    struct ray_map_entry *entry = place.ptr != NULL ? ray_map_put(&s->groups, place, &added) : NULL;
    struct group *group = entry == NULL ? NULL
                          : added       ? RAY_ARENA_NEW(s->arena, struct group)
                                        : entry->value.ptr;
    if (group == NULL) {
        s->failed = true;
        return NULL;
    }
    if (added) {
        *group = (struct group){.key = key};
        group->end = &group->first;
        entry->value.ptr = group;
        *collection->end = group;
        collection->end = &group->next;
    }
    return group;
}

/* `spelling` tells values of one group apart. */
static struct value *find_value(struct summary *s, struct group *group, struct ray_str spelling)
{
    struct ray_str place =
        ray_arena_printf(s->arena, "%p %.*s", (void *)group, RAY_STR_ARG(spelling));
    bool added = false;
    struct ray_map_entry *entry = place.ptr != NULL ? ray_map_put(&s->values, place, &added) : NULL;
    struct value *value = entry == NULL ? NULL
                          : added       ? RAY_ARENA_NEW(s->arena, struct value)
                                        : entry->value.ptr;
    if (value == NULL) {
        s->failed = true;
        return NULL;
    }
    if (added) {
        entry->value.ptr = value;
        *group->end = value;
        group->end = &value->next;
    }
    return value;
}

static void mark_seen(struct summary *s, struct value *value, const struct ray_node *node)
{
    for (struct seen_at *seen = value->nodes; seen != NULL; seen = seen->next) {
        if (seen->node == node) {
            return;
        }
    }
    struct seen_at *seen = RAY_ARENA_NEW(s->arena, struct seen_at);
    if (seen == NULL) {
        s->failed = true;
        return;
    }
    *seen = (struct seen_at){node, value->nodes};
    value->nodes = seen;
}

static void collect_annotation(struct summary *s, struct ray_str key, struct json_object *json,
                               const struct ray_node *node)
{
    enum json_type type = json_object_get_type(json);
    if (type == json_type_null || type == json_type_array || type == json_type_object) {
        return; /* no annotation can have such a value */
    }
    struct group *group = find_group(s, &s->annotations, key);
    struct value *value = NULL;
    if (group != NULL) { /* as JSON text: "4" and 4 differ */
        value = find_value(s, group, ray_str_from(json_object_to_json_string(json)));
    }
    if (value != NULL) {
        value->json = json;
        if (node != NULL) {
            mark_seen(s, value, node);
        }
    }
}

static void collect_annotations(struct summary *s, const struct ray_entity *entity,
                                const struct ray_node *node)
{
    struct json_object *annotations = ray_json_at(entity->json, RAY_PATH("annotations"));
    if (!json_object_is_type(annotations, json_type_object)) {
        return;
    }
    struct json_object_iterator i = json_object_iter_begin(annotations);
    struct json_object_iterator end = json_object_iter_end(annotations);
    for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
        collect_annotation(s, ray_str_from(json_object_iter_peek_name(&i)),
                           json_object_iter_peek_value(&i), node);
    }
}

static void collect_lists(struct summary *s, const struct ray_entity *entity,
                          const struct ray_node *node)
{
    for (size_t i = 0; i < LIST_COUNT; i++) {
        struct ray_str text = ray_json_text_at(entity->json, lists[i].path);
        struct group *group = text.ptr != NULL ? find_group(s, &s->lists[i], RAY_STR("")) : NULL;
        struct value *value = group != NULL ? find_value(s, group, text) : NULL;
        if (value != NULL) {
            value->text = text;
            if (node != NULL) {
                mark_seen(s, value, node);
            }
        }
    }
}

/* Inferred segments copied what they have: it would be counted for two services. */
static void collect(struct summary *s)
{
    for (size_t i = 0; i < s->trace->entity_count && !s->failed; i++) {
        const struct ray_entity *entity = s->trace->entities[i];
        const struct ray_node *node = NULL;
        if (!entity->top->is_subsegment) {
            node = canonical(s, entity->top);
        }
        if (!entity->inferred) {
            collect_annotations(s, entity, node);
            collect_lists(s, entity, node);
        }
    }
}

/* ---- write ---- */

void ray_node_write_members(const struct ray_node *node, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "Name");
    ray_json_string(w, node->name);
    RAY_JSON_KEY(w, "Names");
    ray_json_array_begin(w);
    ray_json_string(w, node->name);
    ray_json_array_end(w);
    if (node->account_id.len > 0) {
        RAY_JSON_KEY(w, "AccountId");
        ray_json_string(w, node->account_id);
    }
    if (node->type.len > 0) {
        RAY_JSON_KEY(w, "Type");
        ray_json_string(w, node->type);
    }
}

static void write_node(const struct ray_node *node, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    ray_node_write_members(node, w);
    ray_json_object_end(w);
}

static void write_seen(const struct value *value, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "ServiceIds");
    ray_json_array_begin(w);
    for (const struct seen_at *seen = value->nodes; seen != NULL; seen = seen->next) {
        write_node(seen->node, w);
    }
    ray_json_array_end(w);
}

static void write_annotation_value(struct json_object *json, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "AnnotationValue");
    ray_json_object_begin(w);
    if (json_object_is_type(json, json_type_boolean)) {
        RAY_JSON_KEY(w, "BooleanValue");
        ray_json_bool(w, json_object_get_boolean(json));
    } else if (json_object_is_type(json, json_type_string)) {
        RAY_JSON_KEY(w, "StringValue");
        ray_json_string(w, (struct ray_str){json_object_get_string(json),
                                            (size_t)json_object_get_string_len(json)});
    } else {
        RAY_JSON_KEY(w, "NumberValue");
        ray_json_double(w, json_object_get_double(json));
    }
    ray_json_object_end(w);
}

static void write_annotations(const struct summary *s, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "Annotations");
    ray_json_object_begin(w);
    for (const struct group *group = s->annotations.first; group != NULL; group = group->next) {
        ray_json_key(w, group->key);
        ray_json_array_begin(w);
        for (const struct value *value = group->first; value != NULL; value = value->next) {
            ray_json_object_begin(w);
            write_annotation_value(value->json, w);
            write_seen(value, w);
            ray_json_object_end(w);
        }
        ray_json_array_end(w);
    }
    ray_json_object_end(w);
}

static void write_list(const struct summary *s, enum list which, struct ray_json_writer *w)
{
    const struct group *group = s->lists[which].first;
    ray_json_key(w, ray_str_from(lists[which].member));
    ray_json_array_begin(w);
    for (const struct value *value = group != NULL ? group->first : NULL; value != NULL;
         value = value->next) {
        ray_json_object_begin(w);
        ray_json_key_string(w, ray_str_from(lists[which].item), value->text);
        if (lists[which].with_services) {
            write_seen(value, w);
        }
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

/* In the order in which the services began, each once. */
static void write_service_ids(struct summary *s, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "ServiceIds");
    ray_json_array_begin(w);
    for (size_t i = 0; i < s->trace->top_count; i++) {
        const struct ray_entity *top = s->trace->tops[i];
        if (!top->is_subsegment && canonical(s, top) == &top->node) {
            write_node(&top->node, w);
        }
    }
    ray_json_array_end(w);
}

static const struct {
    struct ray_str member;
    const char *path[4];
} http_texts[] = {
    {RAY_STR_INIT("HttpURL"), {"http", "request", "url"}},
    {RAY_STR_INIT("HttpMethod"), {"http", "request", "method"}},
    {RAY_STR_INIT("UserAgent"), {"http", "request", "user_agent"}},
    {RAY_STR_INIT("ClientIp"), {"http", "request", "client_ip"}},
};

static void write_http(const struct ray_entity *root, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "Http");
    ray_json_object_begin(w);
    struct json_object *status = ray_json_at(root->json, RAY_PATH("http", "response", "status"));
    if (json_object_is_type(status, json_type_int)) {
        RAY_JSON_KEY(w, "HttpStatus");
        ray_json_i64(w, json_object_get_int64(status));
    }
    for (size_t i = 0; i < sizeof(http_texts) / sizeof(http_texts[0]); i++) {
        struct ray_str text = ray_json_text_at(root->json, http_texts[i].path);
        if (text.ptr != NULL) {
            ray_json_key_string(w, http_texts[i].member, text);
        }
    }
    ray_json_object_end(w);
}

static void write_flags(const struct ray_trace *trace, struct ray_json_writer *w)
{
    bool throttled = false, partial = false;
    for (size_t i = 0; i < trace->top_count; i++) {
        throttled = throttled || trace->tops[i]->throttle;
        partial = partial || trace->tops[i]->in_progress;
    }
    RAY_JSON_KEY(w, "HasFault");
    ray_json_bool(w, trace->root->fault);
    RAY_JSON_KEY(w, "HasError");
    ray_json_bool(w, trace->root->error);
    RAY_JSON_KEY(w, "HasThrottle");
    ray_json_bool(w, throttled);
    RAY_JSON_KEY(w, "IsPartial");
    ray_json_bool(w, partial);
}

static void write_times(const struct ray_trace *trace, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "StartTime");
    ray_json_double(w, trace->start_s);
    RAY_JSON_KEY(w, "Duration");
    ray_json_double(w, ray_duration_s(trace->start_s, trace->end_s));
    if (!trace->root->in_progress) {
        RAY_JSON_KEY(w, "ResponseTime");
        ray_json_double(w, ray_duration_s(trace->root->start_s, trace->root->end_s));
    }
}

static void write_causes(const struct ray_trace *trace, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "FaultRootCauses");
    ray_causes_write(trace, RAY_CAUSE_FAULT, w);
    RAY_JSON_KEY(w, "ErrorRootCauses");
    ray_causes_write(trace, RAY_CAUSE_ERROR, w);
    RAY_JSON_KEY(w, "ResponseTimeRootCauses");
    ray_causes_write(trace, RAY_CAUSE_RESPONSE_TIME, w);
}

static void write_all(struct summary *s, uint64_t revision, struct ray_json_writer *w)
{
    char id[RAY_XRAY_TRACE_ID_CHARS];
    ray_trace_id_write(&s->trace->id, id);
    ray_json_object_begin(w);
    ray_json_key_string(w, RAY_STR("Id"), (struct ray_str){id, sizeof(id)});
    write_times(s->trace, w);
    write_flags(s->trace, w);
    write_http(s->trace->root, w);
    write_annotations(s, w);
    write_service_ids(s, w);
    for (size_t i = 0; i < LIST_COUNT; i++) {
        write_list(s, (enum list)i, w);
    }
    if (!s->trace->root->is_subsegment) {
        RAY_JSON_KEY(w, "EntryPoint");
        write_node(&s->trace->root->node, w);
    }
    write_causes(s->trace, w);
    RAY_JSON_KEY(w, "Revision");
    ray_json_u64(w, revision);
    ray_json_object_end(w);
}

enum ray_status ray_summary_write(const struct ray_trace *trace, uint64_t revision,
                                  struct ray_arena *arena, struct ray_json_writer *w)
{
    struct summary s = {.trace = trace, .arena = arena};
    uint64_t seed = ray_str_hash((struct ray_str){(const char *)trace->id.bytes, 16}, 1);
    ray_map_init(&s.nodes, arena, seed);
    ray_map_init(&s.groups, arena, seed);
    ray_map_init(&s.values, arena, seed);
    s.annotations.end = &s.annotations.first;
    for (size_t i = 0; i < LIST_COUNT; i++) {
        s.lists[i].end = &s.lists[i].first;
    }
    collect(&s);
    if (!s.failed && trace->root != NULL) {
        write_all(&s, revision, w);
    }
    return s.failed ? RAY_NOMEM : RAY_OK;
}
