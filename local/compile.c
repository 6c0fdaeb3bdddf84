/*
 * compile: parse, adopt (subsegments into parents), link (callers), infer, order.
 */
#include "local/compile.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/codec.h"
#include "core/map.h"
#include "xray/scan.h"

/* What the scanner lets in, the parser must be able to read: the document's own level on top. */
#define PARSE_DEPTH ((int)RAY_SCAN_DEPTH_MAX + 1)

#define INFERRED_ID_SEED 0x696e666572726564ull

struct builder {
    struct ray_trace *trace;
    struct ray_arena *arena;
    struct ray_entity **entities;
    size_t count, room;
    struct ray_map by_id; /* the 8 bytes of an id -> the first entity of that id */
    bool failed;          /* out of memory */
};

/* ---- JSON members ---- */

struct json_object *ray_json_at(struct json_object *json, const char *const *path)
{
    for (; *path != NULL; path++) {
        if (!json_object_is_type(json, json_type_object) ||
            !json_object_object_get_ex(json, *path, &json)) {
            return NULL;
        }
    }
    return json;
}

static struct ray_str text_of(struct json_object *json)
{
    if (!json_object_is_type(json, json_type_string)) {
        return (struct ray_str){NULL, 0};
    }
    return (struct ray_str){json_object_get_string(json), (size_t)json_object_get_string_len(json)};
}

struct ray_str ray_json_text_at(struct json_object *json, const char *const *path)
{
    return text_of(ray_json_at(json, path));
}

static bool is_true(struct json_object *json, const char *key)
{
    struct json_object *value = ray_json_at(json, RAY_PATH(key));
    return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

static bool is_number(struct json_object *json)
{
    return json_object_is_type(json, json_type_double) || json_object_is_type(json, json_type_int);
}

static bool read_id(struct json_object *json, const char *key, uint64_t *out)
{
    uint8_t bytes[8];
    if (ray_hex_decode(ray_json_text_at(json, RAY_PATH(key)), bytes, sizeof(bytes)) != RAY_OK) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *out = *out << 8 | bytes[i];
    }
    return true;
}

/* ---- parse ---- */

static void read_members(struct ray_entity *entity, struct json_object *json)
{
    struct json_object *start = ray_json_at(json, RAY_PATH("start_time"));
    struct json_object *end = ray_json_at(json, RAY_PATH("end_time"));
    entity->json = json;
    entity->name = ray_json_text_at(json, RAY_PATH("name"));
    entity->has_parent_id = read_id(json, "parent_id", &entity->parent_id);
    entity->error = is_true(json, "error");
    entity->fault = is_true(json, "fault");
    entity->throttle = is_true(json, "throttle");
    entity->in_progress = is_true(json, "in_progress") || !is_number(end);
    entity->start_s = is_number(start) ? json_object_get_double(start) : 0;
    entity->end_s = entity->in_progress ? entity->start_s : json_object_get_double(end);
}

static struct ray_str id_key(const struct ray_entity *entity)
{
    return (struct ray_str){(const char *)&entity->id, sizeof(entity->id)};
}

static bool grow(struct builder *b)
{
    size_t room = b->room == 0 ? 32 : b->room * 2;
    struct ray_entity **entities = RAY_ARENA_ARRAY(b->arena, struct ray_entity *, room);
    if (entities == NULL) {
        return false;
    }
    if (b->count > 0) {
        memcpy(entities, b->entities, b->count * sizeof(struct ray_entity *));
    }
    b->entities = entities;
    b->room = room;
    return true;
}

static struct ray_entity *add_entity(struct builder *b, struct json_object *json)
{
    uint64_t id;
    if (!read_id(json, "id", &id) || b->failed) {
        return NULL;
    }
    struct ray_entity *entity = RAY_ARENA_NEW(b->arena, struct ray_entity);
    if (entity == NULL || (b->count == b->room && !grow(b))) {
        b->failed = true;
        return NULL;
    }
    entity->id = id;
    read_members(entity, json);
    b->entities[b->count++] = entity;
    bool added = false;
    struct ray_map_entry *entry = ray_map_put(&b->by_id, id_key(entity), &added);
    b->failed = b->failed || entry == NULL;
    if (entry != NULL && added) {
        entry->value.ptr = entity;
    }
    return entity;
}

/* Recursion as deep as the parser let the text nest: PARSE_DEPTH / 2. */
static void add_inner(struct builder *b, struct ray_entity *outer)
{
    struct json_object *list = ray_json_at(outer->json, RAY_PATH("subsegments"));
    size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct ray_entity *inner = add_entity(b, json_object_array_get_idx(list, i));
        if (inner != NULL) {
            inner->is_subsegment = true;
            inner->outer = outer;
            add_inner(b, inner);
        }
    }
}

static struct json_object *parse(struct ray_str text)
{
    struct json_tokener *tokener = json_tokener_new_ex(PARSE_DEPTH);
    if (tokener == NULL || text.len > INT32_MAX) {
        json_tokener_free(tokener);
        return NULL;
    }
    struct json_object *json = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    json_tokener_free(tokener);
    return json;
}

static void add_document(struct builder *b, struct ray_str text)
{
    struct json_object *json = parse(text);
    if (json == NULL) {
        return;
    }
    if (json_object_array_add(b->trace->made, json) != 0) {
        json_object_put(json);
        b->failed = true;
        return;
    }
    struct ray_entity *entity = add_entity(b, json);
    if (entity != NULL) {
        entity->text = text;
        entity->is_subsegment =
            ray_str_eq(ray_json_text_at(json, RAY_PATH("type")), RAY_STR("subsegment"));
        add_inner(b, entity);
    }
    b->trace->document_bytes += text.len;
}

/* ---- adopt ---- */

static struct ray_entity *find_parent(const struct builder *b, const struct ray_entity *entity)
{
    struct ray_str key = {(const char *)&entity->parent_id, sizeof(entity->parent_id)};
    struct ray_map_entry *entry = entity->has_parent_id ? ray_map_find(&b->by_id, key) : NULL;
    return entry != NULL && entry->value.ptr != entity ? entry->value.ptr : NULL;
}

static bool is_independent(const struct ray_entity *entity)
{
    return entity->is_subsegment && entity->text.ptr != NULL;
}

/* Also true for everything in a circle, and below one. */
static bool is_too_deep(const struct ray_entity *entity)
{
    unsigned depth = 0;
    while (entity->outer != NULL && depth <= RAY_COMPILE_DEPTH_MAX) {
        entity = entity->outer;
        depth++;
    }
    return depth > RAY_COMPILE_DEPTH_MAX;
}

static struct json_object *subsegments_of(struct json_object *json)
{
    struct json_object *list = ray_json_at(json, RAY_PATH("subsegments"));
    if (!json_object_is_type(list, json_type_array)) {
        list = json_object_new_array();
        if (list == NULL || json_object_object_add(json, "subsegments", list) != 0) {
            json_object_put(list);
            return NULL;
        }
    }
    return list;
}

/* Puts an independent subsegment into its parent, without what only a document needs. */
static void insert(struct builder *b, struct ray_entity *entity)
{
    struct json_object *list = subsegments_of(entity->outer->json);
    struct json_object *json = json_object_get(entity->json);
    if (list == NULL || json_object_array_add(list, json) != 0) {
        json_object_put(json);
        b->failed = true;
        return;
    }
    json_object_object_del(json, "trace_id");
    json_object_object_del(json, "parent_id");
    json_object_object_del(json, "type");
}

/* First every wish, then which of them go too far, then the deed: the answer does not depend on
 * the order of the documents. */
static void adopt(struct builder *b)
{
    bool *refused = RAY_ARENA_ARRAY(b->arena, bool, b->count);
    if (refused == NULL) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (is_independent(b->entities[i])) {
            b->entities[i]->outer = find_parent(b, b->entities[i]);
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        refused[i] = is_independent(b->entities[i]) && is_too_deep(b->entities[i]);
    }
    for (size_t i = 0; i < b->count; i++) {
        if (refused[i]) {
            b->entities[i]->outer = NULL;
        }
    }
    for (size_t i = 0; i < b->count && !b->failed; i++) {
        if (is_independent(b->entities[i]) && b->entities[i]->outer != NULL) {
            insert(b, b->entities[i]);
        }
    }
}

static void find_tops(const struct builder *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct ray_entity *top = b->entities[i];
        while (top->outer != NULL) {
            top = top->outer;
        }
        b->entities[i]->top = top;
    }
    for (size_t i = 0; i < b->count; i++) {
        if (is_independent(b->entities[i]) && b->entities[i]->outer != NULL) {
            b->entities[i]->text = (struct ray_str){NULL, 0};
            b->entities[i]->top->text = (struct ray_str){NULL, 0};
        }
    }
}

/* ---- link and infer ---- */

/* By start descending, so that pushing in front leaves lists ascending. */
static void link_entities(const struct builder *b)
{
    for (size_t i = b->count; i-- > 0;) {
        struct ray_entity *entity = b->entities[i];
        if (entity->outer != NULL) {
            entity->next_inner = entity->outer->first_inner;
            entity->outer->first_inner = entity;
        }
        if (!entity->is_subsegment) {
            entity->caller = find_parent(b, entity);
        }
        if (entity->caller != NULL) {
            entity->next_called = entity->caller->first_called;
            entity->caller->first_called = entity;
        }
    }
}

static struct ray_str account_of(const struct builder *b, struct json_object *json)
{
    struct ray_str account = ray_json_text_at(json, RAY_PATH("aws", "account_id"));
    return account.len > 0 ? account : b->trace->account_id;
}

/* The node of a call whose service did not report (developer guide, inferred segments; what is not
 * said there follows the same pattern). The first row that fits. */
static const struct {
    const char *name;   /* of the subsegment; NULL: any */
    const char *member; /* of its aws block; gives the node's name */
    struct ray_str type;
} aws_nodes[] = {
    {"DynamoDB", "table_name", RAY_STR_INIT("AWS::DynamoDB::Table")},
    {"SQS", "queue_url", RAY_STR_INIT("AWS::SQS::Queue")},
    {"Lambda", "function_name", RAY_STR_INIT("AWS::Lambda")},
};

static struct ray_node aws_node(const struct builder *b, const struct ray_entity *call)
{
    struct ray_node node = {.name = call->name, .account_id = account_of(b, call->json)};
    for (size_t i = 0; i < sizeof(aws_nodes) / sizeof(aws_nodes[0]); i++) {
        struct ray_str name = ray_json_text_at(call->json, RAY_PATH("aws", aws_nodes[i].member));
        if (name.len > 0 && ray_str_eq_nocase(call->name, ray_str_from(aws_nodes[i].name))) {
            node.name = name;
            node.type = aws_nodes[i].type;
            return node;
        }
    }
    node.type = ray_arena_printf(b->arena, "AWS::%.*s", RAY_STR_ARG(call->name));
    return node;
}

static struct ray_node remote_node(const struct builder *b, const struct ray_entity *call)
{
    bool sql = ray_json_at(call->json, RAY_PATH("sql")) != NULL;
    return (struct ray_node){call->name, sql ? RAY_STR("Database::SQL") : RAY_STR("remote"),
                             account_of(b, call->json)};
}

static void copy_member(struct json_object *to, struct json_object *from, const char *key)
{
    struct json_object *value = ray_json_at(from, RAY_PATH(key));
    if (value != NULL && json_object_object_add(to, key, json_object_get(value)) != 0) {
        json_object_put(value);
    }
}

static void add_text(struct json_object *to, const char *key, struct ray_str text)
{
    json_object_object_add(to, key, json_object_new_string_len(text.ptr, (int)text.len));
}

static void id_text(uint64_t id, char out[17])
{
    snprintf(out, 17, "%016" PRIx64, id);
}

/* The same id whenever the same trace is compiled. */
static uint64_t inferred_id(const struct ray_trace *trace, const struct ray_entity *call)
{
    struct ray_str bytes = {(const char *)trace->id.bytes, sizeof(trace->id.bytes)};
    return ray_str_hash(bytes, INFERRED_ID_SEED ^ call->id);
}

static struct json_object *inferred_json(const struct ray_trace *trace,
                                         const struct ray_entity *call, struct ray_str type)
{
    static const char *const copied[] = {"start_time", "end_time", "in_progress", "http",
                                         "aws",        "sql",      "error",       "fault",
                                         "throttle",   "cause"};
    struct json_object *json = json_object_new_object();
    char id[17], trace_id[RAY_XRAY_TRACE_ID_CHARS];
    if (json == NULL) {
        return NULL;
    }
    id_text(inferred_id(trace, call), id);
    add_text(json, "id", ray_str_from(id));
    add_text(json, "name", call->name);
    ray_trace_id_write(&trace->id, trace_id);
    add_text(json, "trace_id", (struct ray_str){trace_id, sizeof(trace_id)});
    id_text(call->id, id);
    add_text(json, "parent_id", ray_str_from(id));
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
        copy_member(json, call->json, copied[i]);
    }
    json_object_object_add(json, "inferred", json_object_new_boolean(1));
    add_text(json, "origin", type);
    return json;
}

static void infer(struct builder *b, struct ray_entity *call, bool aws)
{
    struct ray_node node = aws ? aws_node(b, call) : remote_node(b, call);
    struct json_object *json = inferred_json(b->trace, call, node.type);
    if (json == NULL || json_object_array_add(b->trace->made, json) != 0) {
        json_object_put(json);
        b->failed = true;
        return;
    }
    struct ray_entity *entity = add_entity(b, json);
    if (entity != NULL) {
        entity->inferred = true;
        entity->node = node;
        entity->top = entity;
        entity->caller = call;
        call->first_called = entity;
    }
}

static void infer_all(struct builder *b)
{
    size_t real = b->count; /* what is added has no subsegments */
    for (size_t i = 0; i < real && !b->failed; i++) {
        struct ray_entity *call = b->entities[i];
        struct ray_str space = ray_json_text_at(call->json, RAY_PATH("namespace"));
        bool aws = ray_str_eq(space, RAY_STR("aws"));
        if (call->is_subsegment && call->first_called == NULL &&
            (aws || ray_str_eq(space, RAY_STR("remote")))) {
            infer(b, call, aws);
        }
    }
}

static void set_nodes(const struct builder *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct ray_entity *entity = b->entities[i];
        if (!entity->is_subsegment && !entity->inferred) {
            entity->node =
                (struct ray_node){entity->name, ray_json_text_at(entity->json, RAY_PATH("origin")),
                                  account_of(b, entity->json)};
        }
    }
}

/* ---- order ---- */

static int compare_starts(const void *left, const void *right)
{
    const struct ray_entity *a = *(struct ray_entity *const *)left;
    const struct ray_entity *b = *(struct ray_entity *const *)right;
    if (a->start_s != b->start_s) {
        return a->start_s < b->start_s ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

static void sort(const struct builder *b)
{
    if (b->count > 1) {
        qsort(b->entities, b->count, sizeof(struct ray_entity *), compare_starts);
    }
}

static bool is_root(const struct ray_entity *top)
{
    return !top->is_subsegment && top->caller == NULL;
}

/* Entities are sorted by start: the first that fits is the earliest. */
static void collect_tops(struct builder *b)
{
    struct ray_trace *trace = b->trace;
    trace->tops = RAY_ARENA_ARRAY(b->arena, struct ray_entity *, b->count);
    if (trace->tops == NULL) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < b->count; i++) {
        struct ray_entity *entity = b->entities[i];
        trace->start_s = i == 0 ? entity->start_s : trace->start_s;
        trace->end_s = entity->end_s > trace->end_s ? entity->end_s : trace->end_s;
        if (entity->top == entity) {
            trace->tops[trace->top_count++] = entity;
            trace->root = trace->root == NULL && is_root(entity) ? entity : trace->root;
        }
    }
    if (trace->root == NULL && trace->top_count > 0) {
        trace->root = trace->tops[0];
    }
}

enum ray_status ray_trace_compile(const struct ray_trace_id *id, const struct ray_str *documents,
                                  size_t count, struct ray_str account_id, struct ray_arena *arena,
                                  struct ray_trace *out)
{
    *out = (struct ray_trace){.id = *id, .account_id = account_id};
    struct builder b = {.trace = out, .arena = arena};
    ray_map_init(&b.by_id, arena, ray_str_hash((struct ray_str){(const char *)id->bytes, 16}, 0));
    out->made = json_object_new_array();
    b.failed = out->made == NULL;
    for (size_t i = 0; i < count && !b.failed; i++) {
        add_document(&b, documents[i]);
    }
    if (!b.failed) {
        sort(&b);
        adopt(&b);
        find_tops(&b);
        link_entities(&b);
        infer_all(&b);
        set_nodes(&b);
        sort(&b);
        collect_tops(&b);
    }
    if (b.failed) {
        ray_trace_clear(out);
        return RAY_NOMEM;
    }
    out->entities = b.entities;
    out->entity_count = b.count;
    return RAY_OK;
}

void ray_trace_clear(struct ray_trace *trace)
{
    json_object_put(trace->made);
    trace->made = NULL;
}

struct ray_str ray_trace_document(const struct ray_entity *top)
{
    size_t len = 0;
    if (top->text.ptr != NULL) {
        return top->text;
    }
    const char *text = json_object_to_json_string_length(
        top->json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    return (struct ray_str){text, text != NULL ? len : 0};
}

struct ray_str ray_node_key(const struct ray_node *node, struct ray_arena *arena)
{
    size_t len = node->name.len + node->type.len + node->account_id.len + 2;
    char *key = ray_arena_alloc_text(arena, len), *pos = key;
    if (key == NULL) {
        return (struct ray_str){NULL, 0};
    }
    const struct ray_str parts[] = {node->name, node->type, node->account_id};
    for (size_t i = 0; i < 3; i++) {
        if (i > 0) {
            *pos++ = '\0';
        }
        if (parts[i].len > 0) {
            memcpy(pos, parts[i].ptr, parts[i].len);
            pos += parts[i].len;
        }
    }
    return (struct ray_str){key, len};
}

double ray_round_micro(double value)
{
    return value < 1e12 ? (double)(uint64_t)(value * 1e6 + 0.5) / 1e6 : value;
}

double ray_duration_s(double start_s, double end_s)
{
    return end_s > start_s ? ray_round_micro(end_s - start_s) : 0;
}
