/*
 * compile: the documents of one trace -> its segments, as the service shows them.
 *
 * Independent subsegments are put into their parents, a called service that sent no segment of its
 * own gets an inferred one (X-Ray developer guide, "Segment documents" and "inferred segments"),
 * callers and callees are linked. Everything else (summaries, filters, graphs) reads the result.
 * In-progress documents were already replaced by the store.
 *
 * Bounded: a subsegment that would stand more than RAY_COMPILE_DEPTH_MAX deep, or whose ancestors
 * form a circle, stays a document of its own, as does one whose parent is not there (yet).
 * Documents that are no JSON objects with an id are left out. Pure; one thread at a time.
 */
#ifndef RAY_LOCAL_COMPILE_H
#define RAY_LOCAL_COMPILE_H

#include "core/arena.h"
#include "xray/trace_id.h"

struct json_object;

/* Subsegments inside one another after compiling. json-c prints recursively. */
#define RAY_COMPILE_DEPTH_MAX 100u

/* The node on the map that a segment belongs to. Absent parts are empty. */
struct ray_node {
    struct ray_str name;
    struct ray_str type;
    struct ray_str account_id;
};

/* A segment or subsegment. Views live as long as the trace. */
struct ray_entity {
    struct json_object *json; /* borrowed from the trace */
    struct ray_str text;      /* the document as it came; NULL view when compiling changed it */
    struct ray_str name;
    uint64_t id; /* the 16 digits as a number */
    uint64_t parent_id;
    bool has_parent_id;
    bool is_subsegment;
    bool inferred; /* a segment made here */
    bool in_progress;
    bool error, fault, throttle;
    double start_s, end_s; /* end = start while in progress */
    struct ray_node node;  /* of a segment; empty for a subsegment */

    struct ray_entity *outer; /* what a subsegment stands in; NULL for a document of its own */
    struct ray_entity *top;   /* the document it is part of; itself for a top one */
    /* A segment's caller, named by its parent_id; NULL when not in the trace. */
    struct ray_entity *caller;
    /* What stands in it, by start time. */
    struct ray_entity *first_inner, *next_inner;
    /* The first segment it called, and the next one that the same caller called. */
    struct ray_entity *first_called, *next_called;
};

struct ray_trace {
    struct ray_trace_id id;
    struct ray_entity **entities; /* all of them, by start */
    size_t entity_count;
    struct ray_entity **tops; /* what is a document: segments, inferred ones, orphans; by start */
    size_t top_count;
    /* The earliest segment that nobody in the trace called; else the earliest top. NULL: empty. */
    struct ray_entity *root;
    double start_s, end_s;     /* earliest start, latest end */
    size_t document_bytes;     /* of the documents as they came */
    struct ray_str account_id; /* for nodes whose segments name none */
    struct json_object *made;  /* keeps what `entities` borrow; freed by ray_trace_clear */
};

/* The documents' bytes must outlive the trace; other memory is `arena`'s and json-c's.
 * RAY_NOMEM: nothing to clear. */
RAY_MUST_USE enum ray_status ray_trace_compile(const struct ray_trace_id *id,
                                               const struct ray_str *documents, size_t count,
                                               struct ray_str account_id, struct ray_arena *arena,
                                               struct ray_trace *out);
void ray_trace_clear(struct ray_trace *trace);

/* The text of a top's document: as it came, or printed anew when compiling changed it. Valid until
 * the next call for the same top or ray_trace_clear. */
struct ray_str ray_trace_document(const struct ray_entity *top);

/* Equal nodes give equal keys: name, type and account, NUL between them. The NULL view when out of
 * memory. */
struct ray_str ray_node_key(const struct ray_node *node, struct ray_arena *arena);

/* Seconds from start to end, never below 0, to the microsecond: seconds since 1970 as a double are
 * exact to about 0.2 us, the digits behind that are noise (0.3999998569 for 0.4). */
double ray_duration_s(double start_s, double end_s);
/* To six digits after the point. `value` is 0 or more. */
double ray_round_micro(double value);

/* Members by a path of keys ("http", "request", "url"), ended by NULL: the empty view, or NULL. */
struct ray_str ray_json_text_at(struct json_object *json, const char *const *path);
struct json_object *ray_json_at(struct json_object *json, const char *const *path);
#define RAY_PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
