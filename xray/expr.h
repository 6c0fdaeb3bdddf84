/*
 * expr: X-Ray filter expressions: text -> checked tree -> true or false over facts of a trace.
 *
 *     service("shop") { fault } AND annotation.plan = "gold" AND !partial
 *
 * The grammar is the developer guide's ("Use filter expressions"): juxtaposition is AND, AND binds
 * tighter than OR, keywords and operators in any case, string values case-sensitive. Where the
 * facts come from is the caller's business (struct ray_expr_facts): the local X-Ray asks a compiled
 * trace. Everything that is not served is refused by name; no part is ever silently ignored.
 * Refused for now: rootcause.* and group.*.
 *
 * A parsed expression is immutable; any number of threads may evaluate it.
 */
#ifndef RAY_XRAY_EXPR_H
#define RAY_XRAY_EXPR_H

#include "core/arena.h"

/* The present service model names no limit, the older API reference 2,000 characters. */
#define RAY_EXPR_MAX_BYTES ((size_t)16 * 1024)
/* Parentheses, negations and blocks inside one another. */
#define RAY_EXPR_DEPTH_MAX 200u

enum ray_expr_field {
    RAY_EXPR_OK,
    RAY_EXPR_ERROR,
    RAY_EXPR_FAULT,
    RAY_EXPR_THROTTLE,
    RAY_EXPR_PARTIAL,
    RAY_EXPR_ROOT, /* services only */
    RAY_EXPR_INFERRED,
    RAY_EXPR_RESPONSE_TIME,
    RAY_EXPR_DURATION,
    RAY_EXPR_HTTP_STATUS,
    RAY_EXPR_HTTP_URL,
    RAY_EXPR_HTTP_METHOD,
    RAY_EXPR_HTTP_USER_AGENT,
    RAY_EXPR_HTTP_CLIENT_IP,
    RAY_EXPR_USER,
    RAY_EXPR_NAME, /* services and edges only */
    RAY_EXPR_TYPE, /* likewise */
    RAY_EXPR_AVAILABILITY_ZONE,
    RAY_EXPR_INSTANCE_ID,
    RAY_EXPR_RESOURCE_ARN,
    RAY_EXPR_FIELD_COUNT
};

/* Where a field or annotation is looked up. */
enum ray_expr_scope_kind {
    RAY_EXPR_TRACE,   /* the whole trace; flags and http are the root segment's */
    RAY_EXPR_SERVICE, /* the index-th service */
    RAY_EXPR_EDGE,    /* the index-th call, as its caller saw it */
};
struct ray_expr_scope {
    enum ray_expr_scope_kind kind;
    size_t index;
};

enum ray_expr_value_kind { RAY_EXPR_BOOL, RAY_EXPR_NUMBER, RAY_EXPR_STRING };
struct ray_expr_value {
    enum ray_expr_value_kind kind;
    bool boolean;
    double number; /* seconds where it is a time */
    struct ray_str string;
};

/* A node of the map. Absent parts are empty. */
struct ray_expr_service {
    struct ray_str name;
    struct ray_str type;
    struct ray_str account_id;
};
struct ray_expr_edge {
    struct ray_expr_service caller, callee;
};

/*
 * What is known of one trace. Each function gives the n-th of its kind (from 0) and false when
 * there are no more; an absent value has no 0th. Pure: asked again, the same answer.
 */
struct ray_expr_facts {
    const void *context;
    bool (*field)(const void *context, struct ray_expr_scope scope, enum ray_expr_field field,
                  size_t n, struct ray_expr_value *out);
    bool (*annotation)(const void *context, struct ray_expr_scope scope, struct ray_str key,
                       size_t n, struct ray_expr_value *out);
    bool (*service)(const void *context, size_t n, struct ray_expr_service *out);
    bool (*edge)(const void *context, size_t n, struct ray_expr_edge *out);
};

struct ray_expr;

/* What is wrong and where, for the caller of the API. NUL-terminated; printable. */
struct ray_expr_error {
    char text[240];
};

/* Parses `text` into `arena`; strings are copied, `text` may go. RAY_INVALID with *error,
 * RAY_TOO_BIG (as RAY_INVALID), RAY_NOMEM (error set too). */
RAY_MUST_USE enum ray_status ray_expr_parse(struct ray_str text, struct ray_arena *arena,
                                            const struct ray_expr **out,
                                            struct ray_expr_error *error);

/* Allocates nothing. */
bool ray_expr_matches(const struct ray_expr *expr, const struct ray_expr_facts *facts);

#endif
