/*
 * aws: see aws.h.
 *
 * Fields: X-Ray developer guide, segment documents: aws. Where they come from: awsxrayexporter
 * 0.130 behaviour, with D23, D25, D28, D31 and D36.
 */
#include "translate/aws.h"

bool ray_aws_applies(const struct ray_facts *resource)
{
    struct ray_str provider = ray_facts_string(resource, RAY_KEY_CLOUD_PROVIDER);
    return provider.len == 0 || ray_str_eq(provider, RAY_STR("aws"));
}

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

bool ray_aws_is_instance_id(struct ray_str id)
{
    if (id.len < 2 + 8 || id.len > 2 + 17 || !ray_str_starts_with(id, RAY_STR("i-"))) {
        return false;
    }
    for (size_t i = 2; i < id.len; i++) {
        if (!is_hex_digit(id.ptr[i])) {
            return false;
        }
    }
    return true;
}

static void write_ec2(const struct ray_facts *resource, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "ec2");
    ray_json_object_begin(w);
    RAY_WRITE_OR_NULL(w, "instance_id", ray_facts_string(resource, RAY_KEY_HOST_ID));
    RAY_WRITE_OR_NULL(w, "availability_zone", ray_facts_string(resource, RAY_KEY_CLOUD_ZONE));
    RAY_WRITE_OR_NULL(w, "instance_size", ray_facts_string(resource, RAY_KEY_HOST_TYPE));
    RAY_WRITE_OR_NULL(w, "ami_id", ray_facts_string(resource, RAY_KEY_HOST_IMAGE_ID));
    ray_json_object_end(w);
}

static void write_ecs(const struct ray_facts *resource, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "ecs");
    ray_json_object_begin(w);
    RAY_WRITE_IF_ANY(w, "container", ray_facts_string(resource, RAY_KEY_CONTAINER_NAME));
    RAY_WRITE_IF_ANY(w, "container_id", ray_facts_string(resource, RAY_KEY_CONTAINER_ID));
    RAY_WRITE_IF_ANY(w, "availability_zone", ray_facts_string(resource, RAY_KEY_CLOUD_ZONE));
    RAY_WRITE_IF_ANY(w, "container_arn", ray_facts_string(resource, RAY_KEY_ECS_CONTAINER_ARN));
    RAY_WRITE_IF_ANY(w, "cluster_arn", ray_facts_string(resource, RAY_KEY_ECS_CLUSTER_ARN));
    RAY_WRITE_IF_ANY(w, "task_arn", ray_facts_string(resource, RAY_KEY_ECS_TASK_ARN));
    RAY_WRITE_IF_ANY(w, "task_family", ray_facts_string(resource, RAY_KEY_ECS_TASK_FAMILY));
    RAY_WRITE_IF_ANY(w, "launch_type", ray_facts_string(resource, RAY_KEY_ECS_LAUNCH_TYPE));
    ray_json_object_end(w);
}

static void write_beanstalk(const struct ray_facts *resource, struct ray_json_writer *w)
{
    int64_t deployment = 0;
    struct ray_str id = ray_facts_string(resource, RAY_KEY_SERVICE_INSTANCE_ID);
    if (id.len > 1 && id.ptr[0] == '+' && id.ptr[1] != '-') { /* a sign, as the reference has it */
        id = ray_str_from_pos(id, 1);
    }
    if (ray_str_to_i64(id, &deployment) != RAY_OK) {
        deployment = 0;
    }
    RAY_JSON_KEY(w, "elastic_beanstalk");
    ray_json_object_begin(w);
    RAY_WRITE_OR_NULL(w, "environment_name", ray_facts_string(resource, RAY_KEY_SERVICE_NAMESPACE));
    RAY_WRITE_OR_NULL(w, "version_label", ray_facts_string(resource, RAY_KEY_SERVICE_VERSION));
    RAY_JSON_KEY(w, "deployment_id");
    ray_json_i64(w, deployment);
    ray_json_object_end(w);
}

static void write_eks(const struct ray_facts *resource, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "eks");
    ray_json_object_begin(w);
    RAY_WRITE_OR_NULL(w, "cluster_name", ray_facts_string(resource, RAY_KEY_K8S_CLUSTER_NAME));
    RAY_WRITE_OR_NULL(w, "pod", ray_facts_string(resource, RAY_KEY_K8S_POD_NAME));
    RAY_WRITE_OR_NULL(w, "container_id", ray_facts_string(resource, RAY_KEY_CONTAINER_ID));
    ray_json_object_end(w);
}

struct ray_str ray_aws_log_group_of_arn(struct ray_str arn)
{
    struct ray_str rest = arn, part;
    for (unsigned i = 0; ray_str_split(&rest, ':', &part); i++) {
        if (i == 6) {
            return part;
        }
    }
    return arn;
}

static void write_log_group(struct ray_str text, bool is_arn, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    if (is_arn) {
        RAY_WRITE_IF_ANY(w, "arn", text);
        text = ray_aws_log_group_of_arn(text);
    }
    RAY_WRITE_OR_NULL(w, "log_group", text);
    ray_json_object_end(w);
}

/* Some piece between the '&' is not empty. */
static bool has_piece(struct ray_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '&') {
            return true;
        }
    }
    return false;
}

/* A list, or one string with '&' between (the form of OTEL_RESOURCE_ATTRIBUTES), in which empty
 * pieces don't count. */
static bool write_log_groups(const struct ray_value *groups, bool is_arn, struct ray_json_writer *w)
{
    bool list = groups != NULL && groups->kind == RAY_VALUE_LIST && groups->as.list.count > 0;
    if (!list && !has_piece(ray_value_string(groups))) {
        return false;
    }
    RAY_JSON_KEY(w, "cloudwatch_logs");
    ray_json_array_begin(w);
    if (list) {
        for (size_t i = 0; i < groups->as.list.count; i++) {
            write_log_group(ray_value_string(&groups->as.list.items[i]), is_arn, w);
        }
    } else {
        struct ray_str rest = groups->as.string, part;
        while (ray_str_split(&rest, '&', &part)) {
            if (part.len > 0) {
                write_log_group(part, is_arn, w);
            }
        }
    }
    ray_json_array_end(w);
    return true;
}

static void write_logs(const struct ray_facts *resource, const struct ray_resource_options *options,
                       struct ray_json_writer *w)
{
    if (write_log_groups(ray_facts_first(resource, RAY_KEY_LOG_GROUP_ARNS), true, w) ||
        write_log_groups(ray_facts_first(resource, RAY_KEY_LOG_GROUP_NAMES), false, w) ||
        options->log_group_count == 0) {
        return;
    }
    RAY_JSON_KEY(w, "cloudwatch_logs");
    ray_json_array_begin(w);
    for (size_t i = 0; i < options->log_group_count; i++) {
        write_log_group(options->log_groups[i], false, w);
    }
    ray_json_array_end(w);
}

static void write_xray(const struct ray_facts *resource, struct ray_json_writer *w)
{
    struct ray_str sdk = ray_facts_string(resource, RAY_KEY_SDK_NAME);
    struct ray_str language = ray_facts_string(resource, RAY_KEY_SDK_LANGUAGE);
    RAY_JSON_KEY(w, "xray");
    ray_json_object_begin(w);
    if (sdk.len > 0) {
        RAY_JSON_KEY(w, "sdk");
        ray_json_raw(w, RAY_STR("\""));
        ray_json_escape(w->out, sdk);
        if (language.len > 0) {
            ray_json_escape(w->out, RAY_STR(" for "));
            ray_json_escape(w->out, language);
        }
        ray_buf_append_byte(w->out, '"');
    }
    RAY_WRITE_IF_ANY(w, "sdk_version", ray_facts_string(resource, RAY_KEY_SDK_VERSION));
    RAY_JSON_KEY(w, "auto_instrumentation");
    ray_json_bool(w, ray_facts_string(resource, RAY_KEY_AUTO_VERSION).len > 0 ||
                         ray_facts_string(resource, RAY_KEY_DISTRO_VERSION).len > 0);
    /* left open: ray_aws_write ends it */
}

void ray_aws_write_resource(const struct ray_facts *resource,
                            const struct ray_resource_options *options, struct ray_json_writer *w)
{
    struct ray_str platform = ray_facts_string(resource, RAY_KEY_CLOUD_PLATFORM);
    if (ray_str_eq(platform, RAY_STR("aws_ec2")) ||
        ray_aws_is_instance_id(ray_facts_string(resource, RAY_KEY_HOST_ID))) {
        write_ec2(resource, w);
    }
    if (ray_str_eq(platform, RAY_STR("aws_ecs"))) {
        write_ecs(resource, w);
    }
    if (ray_str_eq(platform, RAY_STR("aws_elastic_beanstalk")) &&
        ray_facts_string(resource, RAY_KEY_SERVICE_INSTANCE_ID).len > 0) {
        write_beanstalk(resource, w);
    }
    if (ray_str_eq(platform, RAY_STR("aws_eks")) ||
        ray_facts_string(resource, RAY_KEY_K8S_CLUSTER_NAME).len > 0) {
        write_eks(resource, w);
    }
    write_logs(resource, options, w);
    write_xray(resource, w);
}

/* The first of three spellings that is there; D36: the order here, not that of the input. */
static struct ray_str first_of(const struct ray_facts *facts, enum ray_key a, enum ray_key b,
                               enum ray_key c)
{
    if (ray_facts_has(facts, a)) {
        return ray_facts_last_string(facts, a);
    }
    return ray_facts_last_string(facts, ray_facts_has(facts, b) ? b : c);
}

static void collect_tables(const struct ray_facts *facts, const struct ray_shape *shape,
                           struct ray_aws *aws)
{
    const struct ray_value *names = ray_facts_last(facts, RAY_KEY_DYNAMODB_TABLE_NAMES);
    aws->table_name =
        first_of(facts, RAY_KEY_AWS_TABLE_NAME, RAY_KEY_AWS_TABLE_NAME_DOT, RAY_KEY_NONE);
    if (names == NULL) {
        return;
    }
    if (shape->was_segment && names->kind == RAY_VALUE_LIST) {
        aws->table_names = names; /* it had both, or a list of one */
    } else if (names->kind == RAY_VALUE_STRING) {
        aws->table_name = names->as.string;
    } else if (names->kind == RAY_VALUE_LIST && names->as.list.count == 1) {
        aws->table_name = ray_value_string(&names->as.list.items[0]);
    } else if (names->kind == RAY_VALUE_LIST && names->as.list.count > 1) {
        aws->table_name = (struct ray_str){NULL, 0};
        aws->table_names = names;
    }
}

static void consume(struct ray_facts *facts)
{
    static const enum ray_key keys[] = {
        RAY_KEY_AWS_ACCOUNT_ID,     RAY_KEY_AWS_OPERATION,     RAY_KEY_RPC_METHOD,
        RAY_KEY_AWS_REGION,         RAY_KEY_AWS_REQUEST_ID,    RAY_KEY_AWS_REQUEST_ID_CAMEL,
        RAY_KEY_AWS_QUEUE_URL,      RAY_KEY_AWS_QUEUE_URL_DOT, RAY_KEY_AWS_TABLE_NAME,
        RAY_KEY_AWS_TABLE_NAME_DOT,
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        ray_facts_consume(facts, keys[i]);
    }
}

/* What a legacy segment said of its call (D28 and segment_to_span). */
static void collect_legacy(struct ray_facts *facts, struct ray_aws *aws)
{
    const struct ray_value *retries = ray_facts_last(facts, RAY_KEY_XRAY_RETRIES);
    const struct ray_value *names = ray_facts_last(facts, RAY_KEY_XRAY_RESOURCE_NAMES);
    if (retries != NULL && retries->kind == RAY_VALUE_INT) {
        aws->retries = retries;
        ray_facts_consume(facts, RAY_KEY_XRAY_RETRIES);
    }
    if (names != NULL && names->kind == RAY_VALUE_LIST) {
        aws->resource_names = names;
        ray_facts_consume(facts, RAY_KEY_XRAY_RESOURCE_NAMES);
    }
    aws->sampling_rule = ray_facts_last_string(facts, RAY_KEY_XRAY_SAMPLING_RULE);
    if (aws->sampling_rule.len > 0) {
        ray_facts_consume(facts, RAY_KEY_XRAY_SAMPLING_RULE);
    }
}

/* Of a nested subsegment: there is a block only when it had one. */
static bool says_anything(const struct ray_aws *aws)
{
    return aws->operation.len > 0 || aws->account_id.len > 0 || aws->region.len > 0 ||
           aws->request_id.len > 0 || aws->queue_url.len > 0 || aws->table_name.len > 0 ||
           aws->table_names != NULL || aws->retries != NULL || aws->resource_names != NULL ||
           aws->sampling_rule.len > 0;
}

struct ray_aws ray_aws_collect(const struct ray_resource *resource, const struct ray_shape *shape,
                               struct ray_facts *facts)
{
    struct ray_aws aws = {.present = resource->on_aws, .account_id = resource->account_id};
    if (!aws.present) {
        return aws;
    }
    const struct ray_value *account = ray_facts_last(facts, RAY_KEY_AWS_ACCOUNT_ID);
    if (account != NULL && account->kind != RAY_VALUE_NONE) {
        aws.account_id = ray_value_string(account);
    }
    aws.operation = first_of(facts, RAY_KEY_AWS_OPERATION, RAY_KEY_RPC_METHOD, RAY_KEY_NONE);
    aws.region = first_of(facts, RAY_KEY_AWS_REGION, RAY_KEY_CLOUD_REGION, RAY_KEY_NONE);
    aws.request_id = first_of(facts, RAY_KEY_AWS_REQUEST_ID, RAY_KEY_AWS_REQUEST_ID_CAMEL,
                              RAY_KEY_AWS_REQUEST_ID_DOT);
    aws.queue_url = first_of(facts, RAY_KEY_AWS_QUEUE_URL, RAY_KEY_AWS_QUEUE_URL_DOT,
                             RAY_KEY_AWS_SQS_QUEUE_URL);
    if (ray_facts_has(facts, RAY_KEY_MESSAGING_URL)) {
        aws.queue_url = ray_facts_last_string(facts, RAY_KEY_MESSAGING_URL);
    }
    collect_tables(facts, shape, &aws);
    collect_legacy(facts, &aws);
    consume(facts);
    aws.present = !shape->nested || says_anything(&aws);
    return aws;
}

static void write_strings(struct ray_json_writer *w, struct ray_str quoted_key,
                          const struct ray_value *list)
{
    if (list != NULL) {
        ray_json_raw_key(w, quoted_key);
        ray_json_array_begin(w);
        for (size_t i = 0; i < list->as.list.count; i++) {
            ray_json_string(w, ray_value_string(&list->as.list.items[i]));
        }
        ray_json_array_end(w);
    }
}

static void write_call(const struct ray_aws *aws, struct ray_json_writer *w)
{
    RAY_WRITE_IF_ANY(w, "operation", aws->operation);
    RAY_WRITE_IF_ANY(w, "account_id", aws->account_id);
    RAY_WRITE_IF_ANY(w, "region", aws->region);
    RAY_WRITE_IF_ANY(w, "request_id", aws->request_id);
    RAY_WRITE_IF_ANY(w, "queue_url", aws->queue_url);
    RAY_WRITE_IF_ANY(w, "table_name", aws->table_name);
    write_strings(w, RAY_STR("\"table_names\":"), aws->table_names);
}

void ray_aws_write(const struct ray_aws *aws, const struct ray_resource *resource,
                   const struct ray_shape *shape, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    if (shape->role != RAY_ROLE_SERVICE) {
        write_call(aws, w);
    }
    if (aws->retries != NULL) {
        RAY_JSON_KEY(w, "retries");
        ray_json_i64(w, aws->retries->as.integer);
    }
    write_strings(w, RAY_STR("\"resource_names\":"), aws->resource_names);
    if (shape->nested) {
        RAY_JSON_KEY(w, "xray");
        ray_json_object_begin(w);
    } else {
        ray_json_raw(w, resource->aws);
    }
    RAY_WRITE_IF_ANY(w, "sampling_rule_name", aws->sampling_rule);
    ray_json_object_end(w); /* of xray */
    ray_json_object_end(w);
}
