/*
 * rootcause: one walk, three ways to choose the next step.
 */
#include "local/rootcause.h"

#include <json-c/json.h>

#include "local/summary.h"

/* Steps at most: callers may form a circle in hostile data. */
#define STEPS_MAX 200u
/* The slow path goes on into a part that takes at least this share of the whole it is part of. */
#define SLOW_SHARE 0.5

struct walk {
    enum ray_cause_kind kind;
    double root_s;
    struct ray_json_writer *w;
};

static double seconds(const struct ray_entity *entity)
{
    return ray_duration_s(entity->start_s, entity->end_s);
}

static bool is_on_path(const struct walk *walk, const struct ray_entity *from,
                       const struct ray_entity *to)
{
    switch (walk->kind) {
    case RAY_CAUSE_FAULT:
        return to->fault;
    case RAY_CAUSE_ERROR:
        return to->error;
    case RAY_CAUSE_RESPONSE_TIME:
        return !to->in_progress && seconds(to) >= SLOW_SHARE * seconds(from);
    }
    return false;
}

/* Of several the first that failed, or the longest. */
static bool is_better(const struct walk *walk, const struct ray_entity *best,
                      const struct ray_entity *candidate)
{
    return best == NULL ||
           (walk->kind == RAY_CAUSE_RESPONSE_TIME && seconds(candidate) > seconds(best));
}

/* A called service knows more than the call: it goes first. */
static const struct ray_entity *next_step(const struct walk *walk, const struct ray_entity *from)
{
    const struct ray_entity *best = NULL;
    for (const struct ray_entity *e = from->first_called; e != NULL; e = e->next_called) {
        best = is_on_path(walk, from, e) && is_better(walk, best, e) ? e : best;
    }
    if (best != NULL) {
        return best;
    }
    for (const struct ray_entity *e = from->first_inner; e != NULL; e = e->next_inner) {
        best = is_on_path(walk, from, e) && is_better(walk, best, e) ? e : best;
    }
    return best;
}

static void write_exceptions(const struct ray_entity *entity, struct ray_json_writer *w)
{
    struct json_object *list = ray_json_at(entity->json, RAY_PATH("cause", "exceptions"));
    size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    RAY_JSON_KEY(w, "Exceptions");
    ray_json_array_begin(w);
    for (size_t i = 0; i < count; i++) {
        struct json_object *exception = json_object_array_get_idx(list, i);
        ray_json_object_begin(w);
        RAY_JSON_KEY(w, "Name");
        ray_json_string(w, ray_json_text_at(exception, RAY_PATH("type")));
        RAY_JSON_KEY(w, "Message");
        ray_json_string(w, ray_json_text_at(exception, RAY_PATH("message")));
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

static void write_entity(const struct walk *walk, const struct ray_entity *entity)
{
    struct ray_json_writer *w = walk->w;
    struct ray_str space = ray_json_text_at(entity->json, RAY_PATH("namespace"));
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "Name");
    ray_json_string(w, entity->name);
    if (walk->kind == RAY_CAUSE_RESPONSE_TIME) {
        RAY_JSON_KEY(w, "Coverage");
        double share = walk->root_s > 0 ? seconds(entity) / walk->root_s : 1;
        ray_json_double(w, ray_round_micro(share));
    } else {
        write_exceptions(entity, w);
    }
    RAY_JSON_KEY(w, "Remote");
    ray_json_bool(w, ray_str_eq(space, RAY_STR("remote")));
    ray_json_object_end(w);
}

static void begin_service(const struct ray_entity *segment, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    ray_node_write_members(&segment->node, w);
    if (segment->node.type.len == 0) { /* a known client looks inside without asking */
        RAY_JSON_KEY(w, "Type");
        ray_json_string(w, RAY_STR(""));
    }
    RAY_JSON_KEY(w, "Inferred");
    ray_json_bool(w, segment->inferred);
    RAY_JSON_KEY(w, "EntityPath");
    ray_json_array_begin(w);
}

static void end_service(struct ray_json_writer *w)
{
    ray_json_array_end(w);
    ray_json_object_end(w);
}

static void write_path(const struct walk *walk, const struct ray_entity *root)
{
    const struct ray_entity *entity = root;
    for (unsigned i = 0; i < STEPS_MAX && entity != NULL; i++) {
        if (entity != root && !entity->is_subsegment) {
            end_service(walk->w);
        }
        if (entity == root || !entity->is_subsegment) {
            begin_service(entity, walk->w);
        }
        write_entity(walk, entity);
        entity = next_step(walk, entity);
        entity = entity == root ? NULL : entity;
    }
    end_service(walk->w);
}

void ray_causes_write(const struct ray_trace *trace, enum ray_cause_kind kind,
                      struct ray_json_writer *w)
{
    const struct ray_entity *root = trace->root;
    ray_json_array_begin(w);
    if (root != NULL) {
        struct walk walk = {kind, seconds(root), w};
        if (is_on_path(&walk, root, root)) {
            ray_json_object_begin(w);
            RAY_JSON_KEY(w, "Services");
            ray_json_array_begin(w);
            write_path(&walk, root);
            ray_json_array_end(w);
            RAY_JSON_KEY(w, "ClientImpacting");
            ray_json_bool(w, true);
            ray_json_object_end(w);
        }
    }
    ray_json_array_end(w);
}
