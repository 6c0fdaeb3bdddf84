/*
 * aws: the aws block: what the resource says of its place, and what the span says of an AWS call.
 */
#ifndef RAY_TRANSLATE_AWS_H
#define RAY_TRANSLATE_AWS_H

#include "translate/resource.h"
#include "translate/shape.h"

/* False on another cloud: no aws block, and its attributes stay ordinary ones (D23). */
bool ray_aws_applies(const struct ray_facts *resource);

/* "i-" and 8 to 17 hex digits (D25): other machines have a host.id, too. */
bool ray_aws_is_instance_id(struct ray_str id);
/* The name in "arn:aws:logs:region:account:log-group:NAME:..."; what has no seventh part is one. */
struct ray_str ray_aws_log_group_of_arn(struct ray_str arn);

/* The members that come from the resource: ec2, ecs, elastic_beanstalk, eks, cloudwatch_logs and
 * last xray, which is left open: a span may have more to say there. */
void ray_aws_write_resource(const struct ray_facts *resource,
                            const struct ray_resource_options *options, struct ray_json_writer *w);

struct ray_aws {
    bool present;
    struct ray_str operation, account_id, region, request_id, queue_url, table_name;
    const struct ray_value *table_names;    /* a list, or NULL */
    const struct ray_value *retries;        /* an int, or NULL */
    const struct ray_value *resource_names; /* a list, or NULL */
    struct ray_str sampling_rule;
};

struct ray_aws ray_aws_collect(const struct ray_resource *resource, const struct ray_shape *shape,
                               struct ray_facts *facts);
/* The block's value; only when present. The service segment of a local root has nothing of the
 * call, a nested subsegment nothing of the resource. */
void ray_aws_write(const struct ray_aws *aws, const struct ray_resource *resource,
                   const struct ray_shape *shape, struct ray_json_writer *w);

#endif
