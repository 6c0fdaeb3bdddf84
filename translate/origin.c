/* origin: see origin.h. Values: X-Ray developer guide, segment documents: origin. Which platform
 * gives which: awsxrayexporter 0.130 behaviour. */
#include "translate/origin.h"

static const struct {
    struct ray_str platform, origin;
} origins[] = {
    {RAY_STR_INIT("aws_ec2"), RAY_STR_INIT("AWS::EC2::Instance")},
    {RAY_STR_INIT("aws_eks"), RAY_STR_INIT("AWS::EKS::Container")},
    {RAY_STR_INIT("aws_elastic_beanstalk"), RAY_STR_INIT("AWS::ElasticBeanstalk::Environment")},
    {RAY_STR_INIT("aws_app_runner"), RAY_STR_INIT("AWS::AppRunner::Service")},
};

static struct ray_str ecs_origin(struct ray_str launch_type)
{
    /* D26: the ECS agent writes "FARGATE" */
    if (ray_str_eq_nocase(launch_type, RAY_STR("ec2"))) {
        return RAY_STR("AWS::ECS::EC2");
    }
    if (ray_str_eq_nocase(launch_type, RAY_STR("fargate"))) {
        return RAY_STR("AWS::ECS::Fargate");
    }
    return RAY_STR("AWS::ECS::Container");
}

struct ray_str ray_origin_of(const struct ray_facts *resource)
{
    const struct ray_value *provider = ray_facts_first(resource, RAY_KEY_CLOUD_PROVIDER);
    if (provider != NULL && !ray_str_eq(ray_value_string(provider), RAY_STR("aws"))) {
        return RAY_STR("");
    }
    struct ray_str platform = ray_facts_string(resource, RAY_KEY_CLOUD_PLATFORM);
    if (ray_str_eq(platform, RAY_STR("aws_ecs"))) {
        return ecs_origin(ray_facts_string(resource, RAY_KEY_ECS_LAUNCH_TYPE));
    }
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        if (ray_str_eq(platform, origins[i].platform)) {
            return origins[i].origin;
        }
    }
    return RAY_STR("");
}
