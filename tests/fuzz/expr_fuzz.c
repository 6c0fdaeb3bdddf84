/* fuzz: any text may come as a filter expression; parsing must end with a tree that can be
 * evaluated, or with a message. */
#include <stdlib.h>

#include "xray/expr.h"

static bool field(const void *context, struct ray_expr_scope scope, enum ray_expr_field name,
                  size_t n, struct ray_expr_value *out)
{
    (void)context, (void)scope;
    *out = (struct ray_expr_value){.kind = (enum ray_expr_value_kind)(((size_t)name + n) % 3),
                                   .string = RAY_STR("a")};
    return n < 2;
}

static bool annotation(const void *context, struct ray_expr_scope scope, struct ray_str key,
                       size_t n, struct ray_expr_value *out)
{
    return field(context, scope, (enum ray_expr_field)(key.len % RAY_EXPR_FIELD_COUNT), n, out);
}

static bool service(const void *context, size_t n, struct ray_expr_service *out)
{
    (void)context;
    *out = (struct ray_expr_service){RAY_STR("a"), RAY_STR("b"), {NULL, 0}};
    return n < 2;
}

static bool edge(const void *context, size_t n, struct ray_expr_edge *out)
{
    return service(context, n, &out->caller) && service(context, n, &out->callee);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ray_arena *arena = ray_arena_new(8 << 20);
    struct ray_expr_error error = {""};
    const struct ray_expr *expr = NULL;
    struct ray_str text = {(const char *)data, size};
    enum ray_status status = ray_expr_parse(text, arena, &expr, &error);
    if (status == RAY_OK) {
        struct ray_expr_facts facts = {NULL, field, annotation, service, edge};
        bool first = ray_expr_matches(expr, &facts);
        if (ray_expr_matches(expr, &facts) != first) {
            abort();
        }
    } else if (error.text[0] == '\0') {
        abort(); /* every refusal says why */
    }
    ray_arena_free(arena);
    return 0;
}
