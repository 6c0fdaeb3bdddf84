/*
 * graph: services and the calls between them, summed over traces: GetServiceGraph, GetTraceGraph.
 *
 * A node is (name, type, account). Its statistics come from the service's own segments; those of an
 * edge from the caller's subsegment: the caller's view (X-Ray developer guide, service graph). An
 * entry service that answered an HTTP request gets a second node of type "client" with one edge to
 * it. A segment in progress makes its node exist but is not counted.
 */
#ifndef RAY_LOCAL_GRAPH_H
#define RAY_LOCAL_GRAPH_H

#include "core/json_writer.h"
#include "core/map.h"
#include "local/compile.h"

struct ray_graph_service;

struct ray_graph {
    struct ray_arena *arena;
    struct ray_arena *scratch; /* keys to look up with; only while adding */
    struct ray_map services;   /* node key -> struct ray_graph_service * */
    struct ray_map edges;      /* two numbers -> struct ray_graph_edge * */
    struct ray_graph_service *first, **end;
    uint32_t count;
};

/* Everything the graph keeps is in `arena`; nothing of a trace is kept. */
void ray_graph_init(struct ray_graph *graph, struct ray_arena *arena);
/* `scratch` may be reset afterwards. RAY_NOMEM: the graph is incomplete and must not be shown. */
RAY_MUST_USE enum ray_status ray_graph_add(struct ray_graph *graph, const struct ray_trace *trace,
                                           struct ray_arena *scratch);
/* Appends the array of services. */
void ray_graph_write(const struct ray_graph *graph, struct ray_json_writer *w);

#endif
