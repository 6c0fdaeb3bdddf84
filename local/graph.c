/*
 * graph: nodes and edges found by key, statistics added up, histograms kept short.
 */
#include "local/graph.h"

#include <string.h>

#include "local/summary.h"

/* Response times are kept to the millisecond until there are this many, then neighbours merge. */
#define BINS_MAX 100u

struct bin {
    double seconds;
    uint64_t count;
};

struct statistics {
    uint64_t ok, error, throttle, fault, total;
    double response_s;
    double start_s, end_s; /* of what was seen, unfinished included */
    bool seen;
    uint32_t bin_count;
    struct bin bins[BINS_MAX + 1]; /* by time; one more while merging */
};

struct ray_graph_edge {
    uint32_t to; /* ReferenceId */
    struct statistics statistics;
    struct ray_graph_edge *next;
};

struct ray_graph_service {
    uint32_t reference_id;
    struct ray_node node;
    bool is_root, is_client;
    bool reported; /* sent a segment of its own */
    struct statistics statistics;
    struct ray_graph_edge *first_edge, **edge_end;
    struct ray_graph_service *next;
};

/* ---- statistics ---- */

static void merge_bins(struct statistics *s, uint32_t left)
{
    struct bin *a = &s->bins[left], *b = &s->bins[left + 1];
    uint64_t count = a->count + b->count;
    a->seconds = (a->seconds * (double)a->count + b->seconds * (double)b->count) / (double)count;
    a->count = count;
    memmove(b, b + 1, (s->bin_count - left - 2) * sizeof(*b));
    s->bin_count--;
}

static void merge_nearest(struct statistics *s)
{
    uint32_t nearest = 0;
    for (uint32_t i = 1; i + 1 < s->bin_count; i++) {
        double gap = s->bins[i + 1].seconds - s->bins[i].seconds;
        nearest = gap < s->bins[nearest + 1].seconds - s->bins[nearest].seconds ? i : nearest;
    }
    merge_bins(s, nearest);
}

static void add_time(struct statistics *s, double seconds)
{
    double rounded = (double)(uint64_t)(seconds * 1000 + 0.5) / 1000;
    uint32_t i = 0;
    while (i < s->bin_count && s->bins[i].seconds < rounded) {
        i++;
    }
    if (i < s->bin_count && s->bins[i].seconds == rounded) {
        s->bins[i].count++;
        return;
    }
    memmove(&s->bins[i + 1], &s->bins[i], (s->bin_count - i) * sizeof(s->bins[0]));
    s->bins[i] = (struct bin){rounded, 1};
    s->bin_count++;
    if (s->bin_count > BINS_MAX) {
        merge_nearest(s);
    }
}

/* One request counts in one class. */
static void add(struct statistics *s, const struct ray_entity *entity)
{
    double seconds = ray_duration_s(entity->start_s, entity->end_s);
    s->start_s = !s->seen || entity->start_s < s->start_s ? entity->start_s : s->start_s;
    s->end_s = !s->seen || entity->end_s > s->end_s ? entity->end_s : s->end_s;
    s->seen = true;
    if (entity->in_progress) {
        return;
    }
    uint64_t *class = entity->fault      ? &s->fault
                      : entity->throttle ? &s->throttle
                      : entity->error    ? &s->error
                                         : &s->ok;
    (*class)++;
    s->total++;
    s->response_s += seconds;
    add_time(s, seconds);
}

/* ---- nodes and edges ---- */

void ray_graph_init(struct ray_graph *graph, struct ray_arena *arena)
{
    *graph = (struct ray_graph){.arena = arena};
    uint64_t seed = (uint64_t)(uintptr_t)arena; /* differs from process to process */
    ray_map_init(&graph->services, arena, seed);
    ray_map_init(&graph->edges, arena, seed);
    graph->end = &graph->first;
}

/* Adds an entry under a copy of `key`. */
static struct ray_map_entry *put_copy(struct ray_graph *graph, struct ray_map *map,
                                      struct ray_str key)
{
    struct ray_str copy = ray_arena_copy(graph->arena, key);
    return copy.ptr != NULL ? ray_map_put(map, copy, NULL) : NULL;
}

static bool copy_node(struct ray_graph *graph, const struct ray_node *from, struct ray_node *to)
{
    to->name = ray_arena_copy(graph->arena, from->name);
    to->type = ray_arena_copy(graph->arena, from->type);
    to->account_id = ray_arena_copy(graph->arena, from->account_id);
    return to->name.ptr != NULL && to->type.ptr != NULL && to->account_id.ptr != NULL;
}

static struct ray_graph_service *add_service(struct ray_graph *graph, struct ray_str key,
                                             const struct ray_node *node)
{
    struct ray_graph_service *service = RAY_ARENA_NEW(graph->arena, struct ray_graph_service);
    struct ray_map_entry *entry = put_copy(graph, &graph->services, key);
    if (service == NULL || entry == NULL || !copy_node(graph, node, &service->node)) {
        return NULL;
    }
    entry->value.ptr = service;
    service->reference_id = graph->count++;
    service->edge_end = &service->first_edge;
    *graph->end = service;
    graph->end = &service->next;
    return service;
}

static struct ray_graph_service *find_service(struct ray_graph *graph, const struct ray_node *node)
{
    struct ray_str key = ray_node_key(node, graph->scratch);
    if (key.ptr == NULL) {
        return NULL;
    }
    struct ray_map_entry *entry = ray_map_find(&graph->services, key);
    return entry != NULL ? entry->value.ptr : add_service(graph, key, node);
}

static struct ray_graph_edge *find_edge(struct ray_graph *graph, struct ray_graph_service *from,
                                        const struct ray_graph_service *to)
{
    uint32_t ends[2] = {from->reference_id, to->reference_id};
    struct ray_str key = {(const char *)ends, sizeof(ends)};
    struct ray_map_entry *entry = ray_map_find(&graph->edges, key);
    if (entry != NULL) {
        return entry->value.ptr;
    }
    struct ray_graph_edge *edge = RAY_ARENA_NEW(graph->arena, struct ray_graph_edge);
    entry = edge != NULL ? put_copy(graph, &graph->edges, key) : NULL;
    if (entry == NULL) {
        return NULL;
    }
    entry->value.ptr = edge;
    edge->to = to->reference_id;
    *from->edge_end = edge;
    from->edge_end = &edge->next;
    return edge;
}

static bool add_edge(struct ray_graph *graph, const struct ray_node *from_node,
                     const struct ray_graph_service *to, const struct ray_entity *seen)
{
    struct ray_graph_service *from = find_service(graph, from_node);
    struct ray_graph_edge *edge = from != NULL ? find_edge(graph, from, to) : NULL;
    if (edge == NULL) {
        return false;
    }
    from->is_client = ray_str_eq(from_node->type, RAY_STR("client"));
    add(&edge->statistics, seen);
    if (from->is_client) { /* it has no requests of its own, only a time */
        from->statistics.start_s = edge->statistics.start_s;
        from->statistics.end_s = edge->statistics.end_s;
    }
    return true;
}

/* Who called: the caller's service, seen by its subsegment; or, from outside, a client. */
static bool add_caller(struct ray_graph *graph, const struct ray_trace *trace,
                       const struct ray_entity *segment, const struct ray_graph_service *service)
{
    const struct ray_entity *caller = segment->caller;
    if (caller != NULL && !caller->top->is_subsegment) {
        return add_edge(graph, &caller->top->node, service,
                        caller->is_subsegment ? caller : segment);
    }
    if (segment == trace->root && ray_json_at(segment->json, RAY_PATH("http", "request")) != NULL) {
        struct ray_node client = segment->node;
        client.type = RAY_STR("client");
        return add_edge(graph, &client, service, segment);
    }
    return true;
}

enum ray_status ray_graph_add(struct ray_graph *graph, const struct ray_trace *trace,
                              struct ray_arena *scratch)
{
    graph->scratch = scratch;
    for (size_t i = 0; i < trace->top_count; i++) {
        const struct ray_entity *segment = trace->tops[i];
        if (segment->is_subsegment) {
            continue; /* its segment has not come: nobody knows whose it is */
        }
        struct ray_graph_service *service = find_service(graph, &segment->node);
        if (service == NULL || !add_caller(graph, trace, segment, service)) {
            return RAY_NOMEM;
        }
        add(&service->statistics, segment);
        service->reported = service->reported || !segment->inferred;
        service->is_root = service->is_root || segment == trace->root;
    }
    return RAY_OK;
}

/* ---- write ---- */

static void write_count(struct ray_json_writer *w, const char *key, uint64_t count)
{
    ray_json_key(w, ray_str_from(key));
    ray_json_u64(w, count);
}

/* All numbers, zeros too: a known client looks inside without asking. */
static void write_statistics(const struct statistics *s, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "SummaryStatistics");
    ray_json_object_begin(w);
    write_count(w, "OkCount", s->ok);
    RAY_JSON_KEY(w, "ErrorStatistics");
    ray_json_object_begin(w);
    write_count(w, "ThrottleCount", s->throttle);
    write_count(w, "OtherCount", s->error);
    write_count(w, "TotalCount", s->throttle + s->error);
    ray_json_object_end(w);
    RAY_JSON_KEY(w, "FaultStatistics");
    ray_json_object_begin(w);
    write_count(w, "OtherCount", s->fault);
    write_count(w, "TotalCount", s->fault);
    ray_json_object_end(w);
    write_count(w, "TotalCount", s->total);
    RAY_JSON_KEY(w, "TotalResponseTime");
    ray_json_double(w, ray_round_micro(s->response_s));
    ray_json_object_end(w);
}

static void write_histogram(const struct statistics *s, const char *key, struct ray_json_writer *w)
{
    ray_json_key(w, ray_str_from(key));
    ray_json_array_begin(w);
    for (uint32_t i = 0; i < s->bin_count; i++) {
        ray_json_object_begin(w);
        RAY_JSON_KEY(w, "Value");
        ray_json_double(w, ray_round_micro(s->bins[i].seconds));
        write_count(w, "Count", s->bins[i].count);
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

static void write_times(const struct statistics *s, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "StartTime");
    ray_json_double(w, s->start_s);
    RAY_JSON_KEY(w, "EndTime");
    ray_json_double(w, s->end_s);
}

static void write_edges(const struct ray_graph_service *service, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "Edges");
    ray_json_array_begin(w);
    for (const struct ray_graph_edge *e = service->first_edge; e != NULL; e = e->next) {
        ray_json_object_begin(w);
        write_count(w, "ReferenceId", e->to);
        write_times(&e->statistics, w);
        write_statistics(&e->statistics, w);
        write_histogram(&e->statistics, "ResponseTimeHistogram", w);
        RAY_JSON_KEY(w, "Aliases");
        ray_json_array_begin(w);
        ray_json_array_end(w);
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

static void write_service(const struct ray_graph_service *service, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    write_count(w, "ReferenceId", service->reference_id);
    ray_node_write_members(&service->node, w);
    if (service->is_root) { /* only true is ever sent */
        RAY_JSON_KEY(w, "Root");
        ray_json_bool(w, true);
    }
    RAY_JSON_KEY(w, "State");
    ray_json_string(w, service->reported ? RAY_STR("active") : RAY_STR("unknown"));
    write_times(&service->statistics, w);
    write_edges(service, w);
    if (!service->is_client) {
        write_statistics(&service->statistics, w);
        write_histogram(&service->statistics, "DurationHistogram", w);
        write_histogram(&service->statistics, "ResponseTimeHistogram", w);
    }
    ray_json_object_end(w);
}

void ray_graph_write(const struct ray_graph *graph, struct ray_json_writer *w)
{
    ray_json_array_begin(w);
    for (const struct ray_graph_service *s = graph->first; s != NULL; s = s->next) {
        write_service(s, w);
    }
    ray_json_array_end(w);
}
