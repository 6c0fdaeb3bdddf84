/*
 * segment_place: see segment_place.h. Fields: X-Ray developer guide, segment documents: aws,
 * origin.
 */
#include "translate/segment_place.h"

#include "translate/aws.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
static const struct ray_segment_field aws_fields[] = {
    RAY_SEGMENT_FIELD("account_id",        STRING, SPAN, "aws.account_id"),
    RAY_SEGMENT_FIELD("operation",         STRING, SPAN, "aws.operation"),
    RAY_SEGMENT_FIELD("region",            STRING, SPAN, "aws.region"),
    RAY_SEGMENT_FIELD("request_id",        STRING, SPAN, "aws.request_id"),
    RAY_SEGMENT_FIELD("queue_url",         STRING, SPAN, "aws.queue_url"),
    RAY_SEGMENT_FIELD("table_name",        STRING, SPAN, "aws.table_name"),
    RAY_SEGMENT_FIELD("table_names",       LIST,   SPAN, "aws.dynamodb.table_names"),
    RAY_SEGMENT_FIELD("resource_names",    LIST,   SPAN, "aws.xray.resource_names"),
    RAY_SEGMENT_FIELD("retries",           INT,    SPAN, "aws.xray.retries"),
    RAY_SEGMENT_FIELD("ec2",               MAP,    ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("ecs",               MAP,    ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("elastic_beanstalk", MAP,    ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("eks",               MAP,    ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("xray",              MAP,    ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("cloudwatch_logs",   LIST,   ELSEWHERE, ""),
};
static const struct ray_segment_field ec2_fields[] = {
    RAY_SEGMENT_FIELD("instance_id",       STRING, RESOURCE, "host.id"),
    RAY_SEGMENT_FIELD("availability_zone", STRING, ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("instance_size",     STRING, RESOURCE, "host.type"),
    RAY_SEGMENT_FIELD("ami_id",            STRING, RESOURCE, "host.image.id"),
};
static const struct ray_segment_field ecs_fields[] = {
    RAY_SEGMENT_FIELD("container",         STRING, RESOURCE, "container.name"),
    RAY_SEGMENT_FIELD("container_id",      STRING, ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("availability_zone", STRING, ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("container_arn",     STRING, RESOURCE, "aws.ecs.container.arn"),
    RAY_SEGMENT_FIELD("cluster_arn",       STRING, RESOURCE, "aws.ecs.cluster.arn"),
    RAY_SEGMENT_FIELD("task_arn",          STRING, RESOURCE, "aws.ecs.task.arn"),
    RAY_SEGMENT_FIELD("task_family",       STRING, RESOURCE, "aws.ecs.task.family"),
    RAY_SEGMENT_FIELD("launch_type",       STRING, RESOURCE, "aws.ecs.launchtype"),
};
static const struct ray_segment_field beanstalk_fields[] = {
    RAY_SEGMENT_FIELD("environment_name",  STRING, RESOURCE, "service.namespace"),
    RAY_SEGMENT_FIELD("version_label",     STRING, ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("deployment_id",     INT,    ELSEWHERE, ""),
};
static const struct ray_segment_field eks_fields[] = {
    RAY_SEGMENT_FIELD("cluster_name",      STRING, RESOURCE, "k8s.cluster.name"),
    RAY_SEGMENT_FIELD("pod",               STRING, RESOURCE, "k8s.pod.name"),
    RAY_SEGMENT_FIELD("container_id",      STRING, ELSEWHERE, ""),
};
static const struct ray_segment_field sdk_fields[] = {
    RAY_SEGMENT_FIELD("sdk",                  STRING, RESOURCE, "telemetry.sdk.name"), /* with its language */
    RAY_SEGMENT_FIELD("sdk_version",          STRING, RESOURCE, "telemetry.sdk.version"),
    RAY_SEGMENT_FIELD("sampling_rule_name",   STRING, SPAN,     "aws.xray.sampling_rule_name"),
    RAY_SEGMENT_FIELD("auto_instrumentation", BOOL,   ELSEWHERE, ""),
};
/* clang-format on */

static const struct ray_segment_block aws_block = RAY_SEGMENT_BLOCK("aws.", aws_fields);
static const struct ray_segment_block ec2_block = RAY_SEGMENT_BLOCK("aws.ec2.", ec2_fields);
static const struct ray_segment_block ecs_block = RAY_SEGMENT_BLOCK("aws.ecs.", ecs_fields);
static const struct ray_segment_block beanstalk_block =
    RAY_SEGMENT_BLOCK("aws.elastic_beanstalk.", beanstalk_fields);
static const struct ray_segment_block eks_block = RAY_SEGMENT_BLOCK("aws.eks.", eks_fields);
static const struct ray_segment_block sdk_block = RAY_SEGMENT_BLOCK("aws.xray.", sdk_fields);

struct platform {
    struct ray_str sign, platform;
};

/* A block needs its platform to be written again; the origin is kept beside it. */
static const struct platform platforms_by_block[] = {
    {RAY_STR_INIT("ecs"), RAY_STR_INIT("aws_ecs")},
    {RAY_STR_INIT("elastic_beanstalk"), RAY_STR_INIT("aws_elastic_beanstalk")},
    {RAY_STR_INIT("eks"), RAY_STR_INIT("aws_eks")},
};
static const struct platform platforms_by_origin[] = {
    {RAY_STR_INIT("AWS::EC2::Instance"), RAY_STR_INIT("aws_ec2")},
    {RAY_STR_INIT("AWS::ECS::Container"), RAY_STR_INIT("aws_ecs")},
    {RAY_STR_INIT("AWS::ECS::EC2"), RAY_STR_INIT("aws_ecs")},
    {RAY_STR_INIT("AWS::ECS::Fargate"), RAY_STR_INIT("aws_ecs")},
    {RAY_STR_INIT("AWS::ElasticBeanstalk::Environment"), RAY_STR_INIT("aws_elastic_beanstalk")},
    {RAY_STR_INIT("AWS::EKS::Container"), RAY_STR_INIT("aws_eks")},
    {RAY_STR_INIT("AWS::AppRunner::Service"), RAY_STR_INIT("aws_app_runner")},
    {RAY_STR_INIT("AWS::Lambda::Function"), RAY_STR_INIT("aws_lambda")},
    {RAY_STR_INIT("AWS::Lambda"), RAY_STR_INIT("aws_lambda")},
};

static struct ray_str platform_of(const struct ray_value *aws, struct ray_str origin)
{
    for (size_t i = 0; i < COUNT(platforms_by_block); i++) {
        if (ray_value_member(aws, platforms_by_block[i].sign, RAY_VALUE_MAP) != NULL) {
            return platforms_by_block[i].platform;
        }
    }
    for (size_t i = 0; i < COUNT(platforms_by_origin); i++) {
        if (ray_str_eq(platforms_by_origin[i].sign, origin)) {
            return platforms_by_origin[i].platform;
        }
    }
    bool machine = ray_value_member(aws, RAY_STR("ec2"), RAY_VALUE_MAP) != NULL;
    return machine ? RAY_STR("aws_ec2") : RAY_STR("");
}

static void take_place(const struct ray_segment *segment, struct ray_str platform,
                       const struct ray_value *aws, struct ray_segment_sink *sink)
{
    const struct ray_value *origin = ray_segment_find(&segment->members, RAY_STR("origin"));
    bool has_origin = origin != NULL && origin->kind == RAY_VALUE_STRING;
    if (platform.len > 0 || aws != NULL || has_origin) {
        ray_sink_add_resource_string(sink, RAY_STR("cloud.provider"), RAY_STR("aws"));
    }
    if (platform.len > 0) {
        ray_sink_add_resource_string(sink, RAY_STR("cloud.platform"), platform);
    }
    if (platform.len > 0 || has_origin) { /* "" says that there was none */
        ray_sink_add_resource_string(sink, RAY_STR("aws.xray.origin"), ray_value_string(origin));
    }
}

/* One attribute of the resource is a field of two blocks: when only one of them has it, it stays
 * there. */
static const struct {
    struct ray_str field, attribute;
    struct platform blocks[2]; /* and the platform that makes aws.c write them anyway */
} shared_fields[] = {
    {RAY_STR_INIT("availability_zone"),
     RAY_STR_INIT("cloud.availability_zone"),
     {{RAY_STR_INIT("ec2"), RAY_STR_INIT("aws_ec2")},
      {RAY_STR_INIT("ecs"), RAY_STR_INIT("aws_ecs")}}},
    {RAY_STR_INIT("container_id"),
     RAY_STR_INIT("container.id"),
     {{RAY_STR_INIT("ecs"), RAY_STR_INIT("aws_ecs")},
      {RAY_STR_INIT("eks"), RAY_STR_INIT("aws_eks")}}},
};

static void take_shared(const struct ray_value *aws, struct ray_str platform,
                        const struct ray_value *block, const struct ray_segment_block *fields,
                        struct ray_segment_sink *sink)
{
    for (size_t i = 0; i < COUNT(shared_fields); i++) {
        struct ray_str key = shared_fields[i].field;
        const struct ray_value *value = ray_value_member(block, key, RAY_VALUE_STRING);
        if (ray_value_string(value).len == 0) {
            continue;
        }
        bool same = true;
        for (size_t j = 0; j < COUNT(shared_fields[i].blocks); j++) {
            const struct platform *other = &shared_fields[i].blocks[j];
            const struct ray_value *map = ray_value_member(aws, other->sign, RAY_VALUE_MAP);
            bool written = map != NULL || ray_str_eq(platform, other->platform);
            same &= !written || ray_str_eq(ray_value_member_string(map, key), value->as.string);
        }
        if (!same || !ray_sink_add_resource(sink, shared_fields[i].attribute, value)) {
            ray_sink_add_unknown(sink, fields->path, key, value);
        }
    }
}

/* The version is the service's, too, which may have another or none. */
static void take_version_label(const struct ray_value *block, struct ray_segment_sink *sink)
{
    const struct ray_str key = RAY_STR("version_label");
    const struct ray_value *label = ray_value_member(block, key, RAY_VALUE_STRING);
    struct ray_str version =
        ray_value_string(ray_segment_find(sink->resource, RAY_STR("service.version")));
    if (ray_value_string(label).len > 0 && !ray_str_eq(version, label->as.string)) {
        ray_sink_add_unknown(sink, beanstalk_block.path, key, label);
    }
}

static bool take_beanstalk(const struct ray_segment *segment, const struct ray_value *block,
                           struct ray_segment_sink *sink)
{
    const struct ray_value *id = ray_value_member(block, RAY_STR("deployment_id"), RAY_VALUE_INT);
    if (id == NULL || !ray_sink_add_resource_string(sink, RAY_STR("service.instance.id"),
                                                    ray_value_text(id, sink->arena))) {
        return false;
    }
    ray_sink_take_block(segment, &beanstalk_block, block, sink);
    take_version_label(block, sink);
    return true;
}

static bool take_sdk(const struct ray_segment *segment, const struct ray_value *block,
                     struct ray_segment_sink *sink)
{
    ray_sink_take_block(segment, &sdk_block, block, sink);
    const struct ray_value *automatic =
        ray_value_member(block, RAY_STR("auto_instrumentation"), RAY_VALUE_BOOL);
    if (automatic != NULL && segment->nested) {
        ray_sink_add_unknown(sink, sdk_block.path, RAY_STR("auto_instrumentation"), automatic);
    } else if (automatic != NULL && automatic->as.boolean) {
        struct ray_str version = ray_value_member_string(block, RAY_STR("sdk_version"));
        ray_sink_add_resource_string(sink, RAY_STR("telemetry.auto.version"),
                                     version.len > 0 ? version : RAY_STR("unknown"));
    }
    return true;
}

/* All groups by their ARNs, or all by their names: the resource has one list. */
static bool take_log_groups(const struct ray_value *groups, struct ray_segment_sink *sink)
{
    struct ray_value list = {.kind = RAY_VALUE_LIST};
    struct ray_value *names = RAY_ARENA_ARRAY(sink->arena, struct ray_value, groups->as.list.count);
    sink->failed |= names == NULL;
    size_t arns = 0, count = names != NULL ? groups->as.list.count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct ray_value *group = &groups->as.list.items[i];
        struct ray_str arn = ray_value_member_string(group, RAY_STR("arn"));
        struct ray_str name = ray_value_member_string(group, RAY_STR("log_group"));
        if (group->kind != RAY_VALUE_MAP || (arn.len == 0 && name.len == 0) ||
            (arn.len > 0 && !ray_str_eq(ray_aws_log_group_of_arn(arn), name))) {
            return false;
        }
        arns += arn.len > 0;
        names[i] = ray_value_of_string(arn.len > 0 ? arn : name);
    }
    if (count == 0 || (arns > 0 && arns < count)) {
        return false;
    }
    list.as.list.items = names;
    list.as.list.count = count;
    return ray_sink_add_resource(
        sink, arns > 0 ? RAY_STR("aws.log.group.arns") : RAY_STR("aws.log.group.names"), &list);
}

/* True when aws.c will write the block again from the attributes. */
static bool take_resource_block(const struct ray_segment *segment, struct ray_str platform,
                                const struct ray_value *aws, const struct ray_attribute *member,
                                struct ray_segment_sink *sink)
{
    const struct ray_value *block = &member->value;
    const struct ray_segment_block *fields = NULL;
    if (ray_str_eq(member->key, RAY_STR("ec2"))) {
        bool shown = ray_str_eq(platform, RAY_STR("aws_ec2")) ||
                     ray_aws_is_instance_id(ray_value_member_string(block, RAY_STR("instance_id")));
        fields = shown ? &ec2_block : NULL;
    } else if (ray_str_eq(member->key, RAY_STR("ecs"))) {
        fields = ray_str_eq(platform, RAY_STR("aws_ecs")) ? &ecs_block : NULL;
    } else if (ray_str_eq(member->key, RAY_STR("eks"))) {
        bool shown = ray_str_eq(platform, RAY_STR("aws_eks")) ||
                     ray_value_member_string(block, RAY_STR("cluster_name")).len > 0;
        fields = shown ? &eks_block : NULL;
    } else if (ray_str_eq(platform, RAY_STR("aws_elastic_beanstalk"))) {
        return take_beanstalk(segment, block, sink);
    }
    if (fields != NULL) {
        ray_sink_take_block(segment, fields, block, sink);
        take_shared(aws, platform, block, fields, sink);
    }
    return fields != NULL;
}

static void take_elsewhere(const struct ray_segment *segment, struct ray_str platform,
                           const struct ray_value *aws, const struct ray_attribute *member,
                           struct ray_segment_sink *sink)
{
    bool taken;
    if (ray_str_eq(member->key, RAY_STR("xray"))) {
        taken = take_sdk(segment, &member->value, sink);
    } else if (segment->nested) {
        taken = false;
    } else if (member->value.kind == RAY_VALUE_LIST) {
        taken = take_log_groups(&member->value, sink);
    } else {
        taken = take_resource_block(segment, platform, aws, member, sink);
    }
    if (!taken) {
        ray_sink_add_unknown(sink, aws_block.path, member->key, &member->value);
    }
}

void ray_segment_take_aws(const struct ray_segment *segment, struct ray_segment_sink *sink)
{
    const struct ray_value *aws = ray_segment_find(&segment->members, RAY_STR("aws"));
    struct ray_str origin =
        ray_value_string(ray_segment_find(&segment->members, RAY_STR("origin")));
    struct ray_str platform = platform_of(aws, origin);
    if (!segment->nested) {
        take_place(segment, platform, aws, sink);
    }
    if (aws == NULL || aws->kind != RAY_VALUE_MAP) {
        return;
    }
    ray_sink_take_block(segment, &aws_block, aws, sink);
    for (size_t i = 0; i < aws->as.map.count; i++) {
        const struct ray_segment_field *field =
            ray_segment_field_find(&aws_block, &aws->as.map.items[i]);
        if (field != NULL && field->owner == RAY_OWNER_ELSEWHERE) {
            take_elsewhere(segment, platform, aws, &aws->as.map.items[i], sink);
        }
    }
}
