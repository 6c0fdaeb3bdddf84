/*
 * facts: fields by a table: which member, of which entities.
 *
 * Services are the segments (inferred ones too), edges the segments with a caller; an edge's facts
 * are those of the caller's subsegment (developer guide: edges take the upstream's view).
 */
#include "local/facts.h"

#include <json-c/json.h>
#include <string.h>

/* Annotation keys are at most 500 characters; a longer one is in no trace. */
#define KEY_BYTES 512u

enum source {
    OF_ENTITY, /* the root, service or call */
    OF_ALL,    /* at trace level any segment, inside a block its own */
    COMPUTED,
};

static const struct {
    enum source source;
    const char *path[4]; /* ended by NULL */
} fields[RAY_EXPR_FIELD_COUNT] = {
    [RAY_EXPR_OK] = {COMPUTED, {NULL}},
    [RAY_EXPR_ERROR] = {COMPUTED, {NULL}},
    [RAY_EXPR_FAULT] = {COMPUTED, {NULL}},
    [RAY_EXPR_THROTTLE] = {COMPUTED, {NULL}},
    [RAY_EXPR_PARTIAL] = {COMPUTED, {NULL}},
    [RAY_EXPR_ROOT] = {COMPUTED, {NULL}},
    [RAY_EXPR_INFERRED] = {COMPUTED, {NULL}},
    [RAY_EXPR_RESPONSE_TIME] = {COMPUTED, {NULL}},
    [RAY_EXPR_DURATION] = {COMPUTED, {NULL}},
    [RAY_EXPR_NAME] = {COMPUTED, {NULL}},
    [RAY_EXPR_TYPE] = {COMPUTED, {NULL}},
    [RAY_EXPR_HTTP_STATUS] = {OF_ENTITY, {"http", "response", "status"}},
    [RAY_EXPR_HTTP_URL] = {OF_ENTITY, {"http", "request", "url"}},
    [RAY_EXPR_HTTP_METHOD] = {OF_ENTITY, {"http", "request", "method"}},
    [RAY_EXPR_HTTP_USER_AGENT] = {OF_ENTITY, {"http", "request", "user_agent"}},
    [RAY_EXPR_HTTP_CLIENT_IP] = {OF_ENTITY, {"http", "request", "client_ip"}},
    [RAY_EXPR_USER] = {OF_ALL, {"user"}},
    [RAY_EXPR_AVAILABILITY_ZONE] = {OF_ALL, {"aws", "ec2", "availability_zone"}},
    [RAY_EXPR_INSTANCE_ID] = {OF_ALL, {"aws", "ec2", "instance_id"}},
    [RAY_EXPR_RESOURCE_ARN] = {OF_ALL, {"resource_arn"}},
};

/* ---- services and edges by number ---- */

static const struct ray_entity *find_service(const struct ray_trace *trace, size_t n)
{
    for (size_t i = 0; i < trace->top_count; i++) {
        if (!trace->tops[i]->is_subsegment && n-- == 0) {
            return trace->tops[i];
        }
    }
    return NULL;
}

/* The called segment of the n-th edge. */
static const struct ray_entity *find_edge(const struct ray_trace *trace, size_t n)
{
    for (size_t i = 0; i < trace->top_count; i++) {
        const struct ray_entity *top = trace->tops[i];
        bool called = top->caller != NULL && !top->caller->top->is_subsegment;
        if (called && n-- == 0) {
            return top;
        }
    }
    return NULL;
}

/* Whose facts stand for a scope; NULL when there is no such thing. */
static const struct ray_entity *entity_of(const struct ray_trace *trace,
                                          struct ray_expr_scope scope)
{
    const struct ray_entity *callee;
    switch (scope.kind) {
    case RAY_EXPR_TRACE:
        return trace->root;
    case RAY_EXPR_SERVICE:
        return find_service(trace, scope.index);
    case RAY_EXPR_EDGE:
        callee = find_edge(trace, scope.index);
        if (callee == NULL) {
            return NULL;
        }
        /* called from a segment itself: there is no subsegment whose view it could be */
        return callee->caller->is_subsegment ? callee->caller : callee;
    }
    return NULL;
}

static bool is_in_scope(const struct ray_entity *entity, struct ray_expr_scope scope,
                        const struct ray_entity *of)
{
    switch (scope.kind) {
    case RAY_EXPR_TRACE:
        return true;
    case RAY_EXPR_SERVICE:
        return entity->top == of;
    case RAY_EXPR_EDGE:
        return entity == of;
    }
    return false;
}

/* ---- values ---- */

static bool value_of(struct json_object *json, struct ray_expr_value *out)
{
    switch (json_object_get_type(json)) {
    case json_type_boolean:
        *out = (struct ray_expr_value){.kind = RAY_EXPR_BOOL};
        out->boolean = json_object_get_boolean(json);
        return true;
    case json_type_int:
    case json_type_double:
        *out = (struct ray_expr_value){.kind = RAY_EXPR_NUMBER};
        out->number = json_object_get_double(json);
        return true;
    case json_type_string:
        *out = (struct ray_expr_value){.kind = RAY_EXPR_STRING};
        out->string = (struct ray_str){json_object_get_string(json),
                                       (size_t)json_object_get_string_len(json)};
        return true;
    case json_type_null:
    case json_type_array:
    case json_type_object:
        break;
    }
    return false;
}

/* The n-th value of a member over all entities of a scope. Inferred segments copy their caller's
 * members: they are asked only about themselves. */
static bool nth_value(const struct ray_trace *trace, struct ray_expr_scope scope,
                      const char *const *path, size_t n, struct ray_expr_value *out)
{
    const struct ray_entity *of = entity_of(trace, scope);
    for (size_t i = 0; i < trace->entity_count; i++) {
        const struct ray_entity *entity = trace->entities[i];
        if ((entity->inferred && entity != of) || !is_in_scope(entity, scope, of)) {
            continue;
        }
        if (value_of(ray_json_at(entity->json, path), out) && n-- == 0) {
            return true;
        }
    }
    return false;
}

static bool any(const struct ray_trace *trace, bool (*is)(const struct ray_entity *))
{
    for (size_t i = 0; i < trace->top_count; i++) {
        if (is(trace->tops[i])) {
            return true;
        }
    }
    return false;
}

static bool is_throttled(const struct ray_entity *entity)
{
    return entity->throttle;
}

static bool is_unfinished(const struct ray_entity *entity)
{
    return entity->in_progress;
}

static bool is_inferred(const struct ray_entity *entity)
{
    return entity->inferred;
}

static bool flag_of(const struct ray_trace *trace, bool whole, const struct ray_entity *entity,
                    enum ray_expr_field field)
{
    switch ((int)field) {
    case RAY_EXPR_OK:
        return !entity->error && !entity->fault && !entity->throttle;
    case RAY_EXPR_ERROR:
        return entity->error;
    case RAY_EXPR_FAULT:
        return entity->fault;
    case RAY_EXPR_THROTTLE:
        return whole ? any(trace, is_throttled) : entity->throttle;
    case RAY_EXPR_PARTIAL:
        return whole ? any(trace, is_unfinished) : entity->in_progress;
    case RAY_EXPR_INFERRED:
        return whole ? any(trace, is_inferred) : entity->inferred;
    default: /* RAY_EXPR_ROOT */
        return entity == trace->root;
    }
}

static bool set_number(struct ray_expr_value *out, double number)
{
    *out = (struct ray_expr_value){.kind = RAY_EXPR_NUMBER, .number = number};
    return true;
}

static bool set_text(struct ray_expr_value *out, struct ray_str text)
{
    *out = (struct ray_expr_value){.kind = RAY_EXPR_STRING, .string = text};
    return text.len > 0;
}

/* An edge goes by the node it leads to. */
static const struct ray_node *node_of(const struct ray_trace *trace, struct ray_expr_scope scope,
                                      const struct ray_entity *entity)
{
    bool edge = scope.kind == RAY_EXPR_EDGE;
    return edge ? &find_edge(trace, scope.index)->node : &entity->node;
}

static bool computed_value(const struct ray_trace *trace, struct ray_expr_scope scope,
                           enum ray_expr_field field, struct ray_expr_value *out)
{
    const struct ray_entity *entity = entity_of(trace, scope);
    bool whole = scope.kind == RAY_EXPR_TRACE;
    if (entity == NULL) {
        return false;
    }
    if (whole && field == RAY_EXPR_DURATION) {
        return set_number(out, ray_duration_s(trace->start_s, trace->end_s));
    }
    switch ((int)field) {
    case RAY_EXPR_DURATION:
    case RAY_EXPR_RESPONSE_TIME: /* not known yet while in progress */
        return set_number(out, ray_duration_s(entity->start_s, entity->end_s)) &&
               !entity->in_progress;
    case RAY_EXPR_NAME:
        return set_text(out, node_of(trace, scope, entity)->name);
    case RAY_EXPR_TYPE:
        return set_text(out, node_of(trace, scope, entity)->type);
    default:
        *out = (struct ray_expr_value){.kind = RAY_EXPR_BOOL};
        out->boolean = flag_of(trace, whole, entity, field);
        return true;
    }
}

/* ---- the face ---- */

static bool get_field(const void *context, struct ray_expr_scope scope, enum ray_expr_field field,
                      size_t n, struct ray_expr_value *out)
{
    const struct ray_trace *trace = context;
    const struct ray_entity *entity;
    switch (fields[field].source) {
    case COMPUTED:
        return n == 0 && computed_value(trace, scope, field, out);
    case OF_ALL:
        return nth_value(trace, scope, fields[field].path, n, out);
    case OF_ENTITY:
        entity = entity_of(trace, scope);
        return n == 0 && entity != NULL &&
               value_of(ray_json_at(entity->json, fields[field].path), out);
    }
    return false;
}

static bool get_annotation(const void *context, struct ray_expr_scope scope, struct ray_str key,
                           size_t n, struct ray_expr_value *out)
{
    char name[KEY_BYTES];
    if (key.len >= sizeof(name)) {
        return false;
    }
    memcpy(name, key.ptr, key.len);
    name[key.len] = '\0';
    return nth_value(context, scope, RAY_PATH("annotations", name), n, out);
}

static struct ray_expr_service service_of(const struct ray_node *node)
{
    return (struct ray_expr_service){node->name, node->type, node->account_id};
}

static bool get_service(const void *context, size_t n, struct ray_expr_service *out)
{
    const struct ray_entity *entity = find_service(context, n);
    if (entity == NULL) {
        return false;
    }
    *out = service_of(&entity->node);
    return true;
}

static bool get_edge(const void *context, size_t n, struct ray_expr_edge *out)
{
    const struct ray_entity *callee = find_edge(context, n);
    if (callee == NULL) {
        return false;
    }
    out->caller = service_of(&callee->caller->top->node);
    out->callee = service_of(&callee->node);
    return true;
}

struct ray_expr_facts ray_trace_facts(const struct ray_trace *trace)
{
    return (struct ray_expr_facts){trace, get_field, get_annotation, get_service, get_edge};
}
