/* shape: see shape.h. */
#include "translate/shape.h"

static enum ray_span_kind known_kind(int32_t kind)
{
    return kind >= RAY_SPAN_UNSPECIFIED && kind <= RAY_SPAN_CONSUMER ? (enum ray_span_kind)kind
                                                                     : RAY_SPAN_UNSPECIFIED;
}

/* awsxrayexporter names every consumer after its operation and makes it part of the producer; it is
 * the service that handles the message (D01), unless its parent is known to run in the same
 * process. An AWS SDK call such as ReceiveMessage is one only under a remote parent (D38). */
static bool serves(const struct ray_span *span, const struct ray_shape *shape)
{
    if (shape->kind != RAY_SPAN_CONSUMER || shape->role != RAY_ROLE_PLAIN) {
        return false;
    }
    bool remote_known = (span->flags & RAY_SPAN_FLAG_HAS_IS_REMOTE) != 0;
    bool remote = (span->flags & RAY_SPAN_FLAG_IS_REMOTE) != 0;
    if (shape->aws_sdk) {
        return shape->has_parent && remote_known && remote;
    }
    return !(shape->has_parent && remote_known && !remote);
}

bool ray_shape_is_local_root(const struct ray_facts *facts)
{
    return ray_str_eq(ray_facts_string(facts, RAY_KEY_AWS_SPAN_KIND), RAY_STR("LOCAL_ROOT"));
}

static bool is_true(const struct ray_value *value)
{
    return value != NULL && value->kind == RAY_VALUE_BOOL && value->as.boolean;
}

struct ray_shape ray_shape_of(const struct ray_span *span, const struct ray_facts *facts,
                              enum ray_role role)
{
    struct ray_shape shape = {
        .kind = known_kind(span->kind),
        .role = role,
        .aws_sdk = ray_str_eq(ray_facts_string(facts, RAY_KEY_RPC_SYSTEM), RAY_STR("aws-api")),
        .has_parent =
            span->parent_id.len == RAY_SPAN_ID_BYTES && !ray_bytes_all_zero(span->parent_id),
    };
    shape.was_segment = is_true(ray_facts_first(facts, RAY_KEY_XRAY_SEGMENT));
    shape.nested = shape.was_segment && is_true(ray_facts_first(facts, RAY_KEY_XRAY_NESTED));
    shape.serves = serves(span, &shape);
    shape.subsegment =
        role == RAY_ROLE_DEPENDENCY || (role == RAY_ROLE_PLAIN && shape.has_parent &&
                                        shape.kind != RAY_SPAN_SERVER && !shape.serves);
    return shape;
}

void ray_shape_forget_segment_words(const struct ray_shape *shape, struct ray_facts *facts)
{
    for (unsigned key = RAY_KEY_XRAY_NESTED; !shape->was_segment && key <= RAY_KEY_XRAY_SQL_TYPE;
         key++) {
        facts->first[key] = facts->last[key] = 0;
    }
}
