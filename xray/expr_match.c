/* expr_match: whether a parsed expression holds for the facts of a trace (expr.h). */
#include "xray/expr_tree.h"

static bool compare_numbers(enum ray_expr_compare compare, double a, double b)
{
    switch (compare) {
    case RAY_COMPARE_EQ:
        return a == b;
    case RAY_COMPARE_NE:
        return a != b;
    case RAY_COMPARE_LT:
        return a < b;
    case RAY_COMPARE_LE:
        return a <= b;
    case RAY_COMPARE_GT:
        return a > b;
    case RAY_COMPARE_GE:
        return a >= b;
    case RAY_COMPARE_SET:
    case RAY_COMPARE_CONTAINS:
    case RAY_COMPARE_BEGINS:
    case RAY_COMPARE_ENDS:
        break;
    }
    return false;
}

static bool compare_strings(enum ray_expr_compare compare, struct ray_str a, struct ray_str b)
{
    switch (compare) {
    case RAY_COMPARE_EQ:
        return ray_str_eq(a, b);
    case RAY_COMPARE_NE:
        return !ray_str_eq(a, b);
    case RAY_COMPARE_CONTAINS:
        return b.len == 0 || ray_str_find(a, b) != SIZE_MAX;
    case RAY_COMPARE_BEGINS:
        return ray_str_starts_with(a, b);
    case RAY_COMPARE_ENDS:
        return ray_str_ends_with(a, b);
    case RAY_COMPARE_SET:
    case RAY_COMPARE_LT:
    case RAY_COMPARE_LE:
    case RAY_COMPARE_GT:
    case RAY_COMPARE_GE:
        break;
    }
    return false;
}

/* Like is compared with like. One exception: the API reference's `annotation.account = "12345"`
 * does not say of which type the annotation is, so = and != also read a quoted number as one. */
static bool compare_value(const struct ray_expr *expr, const struct ray_expr_value *value)
{
    double number;
    if (expr->compare == RAY_COMPARE_SET) {
        return value->kind == RAY_EXPR_BOOL ? value->boolean : true;
    }
    if (value->kind == expr->value.kind) {
        switch (value->kind) {
        case RAY_EXPR_BOOL:
            return (value->boolean == expr->value.boolean) == (expr->compare == RAY_COMPARE_EQ);
        case RAY_EXPR_NUMBER:
            return compare_numbers(expr->compare, value->number, expr->value.number);
        case RAY_EXPR_STRING:
            return compare_strings(expr->compare, value->string, expr->value.string);
        }
    }
    bool quoted_number = value->kind == RAY_EXPR_NUMBER && expr->value.kind == RAY_EXPR_STRING &&
                         (expr->compare == RAY_COMPARE_EQ || expr->compare == RAY_COMPARE_NE) &&
                         ray_str_to_double(expr->value.string, &number) == RAY_OK;
    return quoted_number && compare_numbers(expr->compare, value->number, number);
}

/* True if any value satisfies; an absent one satisfies nothing, "!=" included. */
static bool leaf_matches(const struct ray_expr *expr, struct ray_expr_scope scope,
                         const struct ray_expr_facts *facts)
{
    struct ray_expr_value value;
    for (size_t n = 0;; n++) {
        bool found = expr->kind == RAY_EXPR_NODE_FIELD
                         ? facts->field(facts->context, scope, expr->field, n, &value)
                         : facts->annotation(facts->context, scope, expr->key, n, &value);
        if (!found || compare_value(expr, &value)) {
            return found;
        }
    }
}

static bool part_matches(struct ray_str pattern, struct ray_str text)
{
    return pattern.ptr == NULL || ray_str_eq(pattern, text);
}

static bool pattern_matches(const struct ray_expr_pattern *pattern,
                            const struct ray_expr_service *service)
{
    return part_matches(pattern->name, service->name) &&
           part_matches(pattern->type, service->type) &&
           part_matches(pattern->account_id, service->account_id);
}

static bool matches(const struct ray_expr *expr, struct ray_expr_scope scope,
                    const struct ray_expr_facts *facts);

static bool block_matches(const struct ray_expr *expr, enum ray_expr_scope_kind kind, size_t index,
                          const struct ray_expr_facts *facts)
{
    struct ray_expr_scope scope = {kind, index};
    return expr->first == NULL || matches(expr->first, scope, facts);
}

static bool service_matches(const struct ray_expr *expr, const struct ray_expr_facts *facts)
{
    struct ray_expr_service service;
    for (size_t i = 0; facts->service(facts->context, i, &service); i++) {
        if (pattern_matches(&expr->callee, &service) &&
            block_matches(expr, RAY_EXPR_SERVICE, i, facts)) {
            return true;
        }
    }
    return false;
}

static bool edge_matches(const struct ray_expr *expr, const struct ray_expr_facts *facts)
{
    struct ray_expr_edge edge;
    for (size_t i = 0; facts->edge(facts->context, i, &edge); i++) {
        if (pattern_matches(&expr->caller, &edge.caller) &&
            pattern_matches(&expr->callee, &edge.callee) &&
            block_matches(expr, RAY_EXPR_EDGE, i, facts)) {
            return true;
        }
    }
    return false;
}

/* AND stops at the first false operand, OR at the first true one. */
static bool row_matches(const struct ray_expr *expr, struct ray_expr_scope scope,
                        const struct ray_expr_facts *facts)
{
    bool stop_at = expr->kind == RAY_EXPR_NODE_OR;
    for (const struct ray_expr *operand = expr->first; operand != NULL; operand = operand->next) {
        if (matches(operand, scope, facts) == stop_at) {
            return stop_at;
        }
    }
    return !stop_at;
}

/* As deep as the parser let it become: RAY_EXPR_DEPTH_MAX. */
static bool matches(const struct ray_expr *expr, struct ray_expr_scope scope,
                    const struct ray_expr_facts *facts)
{
    bool result = false;
    switch (expr->kind) {
    case RAY_EXPR_NODE_AND:
    case RAY_EXPR_NODE_OR:
        result = row_matches(expr, scope, facts);
        break;
    case RAY_EXPR_NODE_SERVICE:
        result = service_matches(expr, facts);
        break;
    case RAY_EXPR_NODE_EDGE:
        result = edge_matches(expr, facts);
        break;
    case RAY_EXPR_NODE_FIELD:
    case RAY_EXPR_NODE_ANNOTATION:
        result = leaf_matches(expr, scope, facts);
        break;
    }
    return result != expr->negated;
}

bool ray_expr_matches(const struct ray_expr *expr, const struct ray_expr_facts *facts)
{
    struct ray_expr_scope scope = {RAY_EXPR_TRACE, 0};
    return matches(expr, scope, facts);
}
