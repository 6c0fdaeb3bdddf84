/*
 * expr_tree: a parsed filter expression, between the one who makes it and the one who walks it.
 *
 * Private to expr.c and expr_match.c. AND and OR hold their operands as a list, not as nested
 * pairs: a long row of terms is as flat as it looks, so recursion is bounded by what the parser let
 * through (RAY_EXPR_DEPTH_MAX).
 */
#ifndef RAY_XRAY_EXPR_TREE_H
#define RAY_XRAY_EXPR_TREE_H

#include "xray/expr.h"

enum ray_expr_node_kind {
    RAY_EXPR_NODE_AND,
    RAY_EXPR_NODE_OR,
    RAY_EXPR_NODE_SERVICE,
    RAY_EXPR_NODE_EDGE,
    RAY_EXPR_NODE_FIELD,
    RAY_EXPR_NODE_ANNOTATION
};

enum ray_expr_compare {
    RAY_COMPARE_SET, /* no comparison: a boolean's value, or "it is set" */
    RAY_COMPARE_EQ,
    RAY_COMPARE_NE,
    RAY_COMPARE_LT,
    RAY_COMPARE_LE,
    RAY_COMPARE_GT,
    RAY_COMPARE_GE,
    RAY_COMPARE_CONTAINS,
    RAY_COMPARE_BEGINS,
    RAY_COMPARE_ENDS,
};

/* What a service or edge end must be; parts with a NULL pointer are free. */
struct ray_expr_pattern {
    struct ray_str name, type, account_id;
};

struct ray_expr {
    enum ray_expr_node_kind kind;
    bool negated;
    enum ray_expr_field field;
    enum ray_expr_compare compare;
    struct ray_expr_value value;
    struct ray_str key;                     /* RAY_EXPR_NODE_ANNOTATION */
    struct ray_expr_pattern caller, callee; /* callee: also RAY_EXPR_NODE_SERVICE */
    struct ray_expr *first; /* operands of AND and OR; the block of a service or edge */
    struct ray_expr *next;  /* the next operand of the same parent */
};

#endif
