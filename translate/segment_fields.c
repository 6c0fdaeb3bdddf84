/*
 * segment_fields: see segment_fields.h.
 *
 * Fields: X-Ray developer guide, segment documents. Attribute names: the awsxray receiver of
 * opentelemetry-collector-contrib, and D28. An `aws.xray.*` attribute that says how a segment
 * differs from what translate/ makes of the others is written only where it does differ.
 */
#include "translate/segment_fields.h"

#include "core/codec.h"
#include "core/json_reader.h"
#include "translate/aws.h"
#include "translate/made_id.h"
#include "xray/trace_id.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct ray_value *ray_segment_find(const struct ray_attribute_list *members,
                                         struct ray_str key)
{
    for (size_t i = members->count; i > 0; i--) {
        if (ray_str_eq(members->items[i - 1].key, key)) {
            return &members->items[i - 1].value;
        }
    }
    return NULL;
}

bool ray_attribute_list_add(struct ray_attribute_list *list, struct ray_arena *arena,
                            struct ray_str key, const struct ray_value *value)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 8;
        struct ray_attribute *more = RAY_ARENA_ARRAY(arena, struct ray_attribute, capacity);
        if (more == NULL) {
            return false;
        }
        if (list->count > 0) {
            memcpy(more, list->items, list->count * sizeof(*more));
        }
        list->items = more;
        list->capacity = capacity;
    }
    list->items[list->count++] = (struct ray_attribute){key, *value};
    return true;
}

/* --- adding --- */

static void add(struct ray_segment_sink *sink, struct ray_str key, const struct ray_value *value)
{
    sink->failed |= !ray_attribute_list_add(&sink->attributes, sink->arena, key, value);
}

static struct ray_value of_string(struct ray_str text)
{
    struct ray_value value = {.kind = RAY_VALUE_STRING};
    value.as.string = text;
    return value;
}

static struct ray_value of_bool(bool boolean)
{
    struct ray_value value = {.kind = RAY_VALUE_BOOL};
    value.as.boolean = boolean;
    return value;
}

static void add_string(struct ray_segment_sink *sink, struct ray_str key, struct ray_str text)
{
    struct ray_value value = of_string(text);
    add(sink, key, &value);
}

static void add_bool(struct ray_segment_sink *sink, struct ray_str key, bool boolean)
{
    struct ray_value value = of_bool(boolean);
    add(sink, key, &value);
}

static struct ray_str joined(struct ray_segment_sink *sink, struct ray_str a, struct ray_str b)
{
    struct ray_str text = ray_arena_printf(sink->arena, "%.*s%.*s", RAY_STR_ARG(a), RAY_STR_ARG(b));
    sink->failed |= text.ptr == NULL;
    return text;
}

/* A member that has no place in either model. `path` ends in a dot, or is empty. */
static void add_unknown(struct ray_segment_sink *sink, struct ray_str path, struct ray_str key,
                        const struct ray_value *value)
{
    if (value->kind != RAY_VALUE_NONE) {
        struct ray_str name = joined(sink, RAY_STR("aws.xray.field."), path);
        add(sink, joined(sink, name, key), value);
    }
}

/* Blocks of a resource share attributes (ec2 and ecs the zone): false when they disagree. */
static bool add_resource(struct ray_segment_sink *sink, struct ray_str key,
                         const struct ray_value *value)
{
    const struct ray_value *there = ray_segment_find(sink->resource, key);
    if (there != NULL) {
        return there->kind == RAY_VALUE_STRING && value->kind == RAY_VALUE_STRING &&
               ray_str_eq(there->as.string, value->as.string);
    }
    sink->failed |= !ray_attribute_list_add(sink->resource, sink->arena, key, value);
    return true;
}

static bool add_resource_string(struct ray_segment_sink *sink, struct ray_str key,
                                struct ray_str text)
{
    struct ray_value value = of_string(text);
    return add_resource(sink, key, &value);
}

/* --- tables of fields --- */

enum owner { SPAN, RESOURCE, ELSEWHERE };

struct field {
    struct ray_str name;
    enum ray_value_kind kind;
    enum owner owner;
    struct ray_str attribute;
};

struct block {
    struct ray_str path; /* ends in a dot */
    const struct field *fields;
    size_t count;
};

#define FIELD(name, kind, owner, attribute)                                                        \
    {                                                                                              \
        RAY_STR_INIT(name), RAY_VALUE_##kind, owner, RAY_STR_INIT(attribute)                       \
    }
#define BLOCK(path, fields)                                                                        \
    {                                                                                              \
        RAY_STR_INIT(path), (fields), COUNT(fields)                                                \
    }

/* clang-format off */
static const struct field request_fields[] = {
    FIELD("method",          STRING, SPAN, "http.method"),
    FIELD("url",             STRING, SPAN, "http.url"),
    FIELD("user_agent",      STRING, SPAN, "http.user_agent"),
    FIELD("client_ip",       STRING, SPAN, "http.client_ip"),
    FIELD("x_forwarded_for", BOOL,   SPAN, "aws.xray.x_forwarded_for"),
};
static const struct field response_fields[] = {
    FIELD("status",         INT,    SPAN, "http.status_code"),
    FIELD("status",         STRING, SPAN, "http.status_code"),
    FIELD("content_length", INT,    SPAN, "http.response_content_length"),
};
static const struct field aws_fields[] = {
    FIELD("account_id",        STRING, SPAN, "aws.account_id"),
    FIELD("operation",         STRING, SPAN, "aws.operation"),
    FIELD("region",            STRING, SPAN, "aws.region"),
    FIELD("request_id",        STRING, SPAN, "aws.request_id"),
    FIELD("queue_url",         STRING, SPAN, "aws.queue_url"),
    FIELD("table_name",        STRING, SPAN, "aws.table_name"),
    FIELD("table_names",       LIST,   SPAN, "aws.dynamodb.table_names"),
    FIELD("resource_names",    LIST,   SPAN, "aws.xray.resource_names"),
    FIELD("retries",           INT,    SPAN, "aws.xray.retries"),
    FIELD("ec2",               MAP,    ELSEWHERE, ""),
    FIELD("ecs",               MAP,    ELSEWHERE, ""),
    FIELD("elastic_beanstalk", MAP,    ELSEWHERE, ""),
    FIELD("eks",               MAP,    ELSEWHERE, ""),
    FIELD("xray",              MAP,    ELSEWHERE, ""),
    FIELD("cloudwatch_logs",   LIST,   ELSEWHERE, ""),
};
static const struct field ec2_fields[] = {
    FIELD("instance_id",       STRING, RESOURCE, "host.id"),
    FIELD("availability_zone", STRING, RESOURCE, "cloud.availability_zone"),
    FIELD("instance_size",     STRING, RESOURCE, "host.type"),
    FIELD("ami_id",            STRING, RESOURCE, "host.image.id"),
};
static const struct field ecs_fields[] = {
    FIELD("container",         STRING, RESOURCE, "container.name"),
    FIELD("container_id",      STRING, RESOURCE, "container.id"),
    FIELD("availability_zone", STRING, RESOURCE, "cloud.availability_zone"),
    FIELD("container_arn",     STRING, RESOURCE, "aws.ecs.container.arn"),
    FIELD("cluster_arn",       STRING, RESOURCE, "aws.ecs.cluster.arn"),
    FIELD("task_arn",          STRING, RESOURCE, "aws.ecs.task.arn"),
    FIELD("task_family",       STRING, RESOURCE, "aws.ecs.task.family"),
    FIELD("launch_type",       STRING, RESOURCE, "aws.ecs.launchtype"),
};
static const struct field beanstalk_fields[] = {
    FIELD("environment_name",  STRING, RESOURCE, "service.namespace"),
    FIELD("version_label",     STRING, RESOURCE, "service.version"),
    FIELD("deployment_id",     INT,    ELSEWHERE, ""),
};
static const struct field eks_fields[] = {
    FIELD("cluster_name",      STRING, RESOURCE, "k8s.cluster.name"),
    FIELD("pod",               STRING, RESOURCE, "k8s.pod.name"),
    FIELD("container_id",      STRING, RESOURCE, "container.id"),
};
static const struct field sdk_fields[] = {
    FIELD("sdk",                  STRING, RESOURCE, "telemetry.sdk.name"), /* with its language */
    FIELD("sdk_version",          STRING, RESOURCE, "telemetry.sdk.version"),
    FIELD("sampling_rule_name",   STRING, SPAN,     "aws.xray.sampling_rule_name"),
    FIELD("auto_instrumentation", BOOL,   ELSEWHERE, ""),
};
static const struct field service_fields[] = {
    FIELD("version", STRING, RESOURCE, "service.version"),
};
static const struct field sql_fields[] = {
    FIELD("user",              STRING, SPAN, "db.user"),
    FIELD("sanitized_query",   STRING, SPAN, "db.statement"),
    FIELD("url",               STRING, SPAN, "aws.xray.sql.url"),
    FIELD("connection_string", STRING, ELSEWHERE, ""),
    FIELD("database_type",     STRING, ELSEWHERE, ""),
};
/* clang-format on */

static const struct block request_block = BLOCK("http.request.", request_fields);
static const struct block response_block = BLOCK("http.response.", response_fields);
static const struct block aws_block = BLOCK("aws.", aws_fields);
static const struct block ec2_block = BLOCK("aws.ec2.", ec2_fields);
static const struct block ecs_block = BLOCK("aws.ecs.", ecs_fields);
static const struct block beanstalk_block = BLOCK("aws.elastic_beanstalk.", beanstalk_fields);
static const struct block eks_block = BLOCK("aws.eks.", eks_fields);
static const struct block sdk_block = BLOCK("aws.xray.", sdk_fields);
static const struct block service_block = BLOCK("service.", service_fields);
static const struct block sql_block = BLOCK("sql.", sql_fields);

static const struct field *find_field(const struct block *block, const struct ray_attribute *member)
{
    for (size_t i = 0; i < block->count; i++) {
        if (block->fields[i].kind == member->value.kind &&
            ray_str_eq(block->fields[i].name, member->key)) {
            return &block->fields[i];
        }
    }
    return NULL;
}

/* A nested subsegment shares the resource of its segment and says nothing of it. */
static bool take_field(const struct ray_segment *segment, const struct field *field,
                       const struct ray_value *value, struct ray_segment_sink *sink)
{
    if (field == NULL) {
        return false;
    }
    if (field->owner == RESOURCE) {
        return !segment->nested && add_resource(sink, field->attribute, value);
    }
    if (field->owner == SPAN) {
        add(sink, field->attribute, value);
    }
    return true;
}

/* Members of `map` by the table; what it does not know is unknown. */
static void take_block(const struct ray_segment *segment, const struct block *block,
                       const struct ray_value *map, struct ray_segment_sink *sink)
{
    for (size_t i = 0; i < map->as.map.count; i++) {
        const struct ray_attribute *member = &map->as.map.items[i];
        if (!take_field(segment, find_field(block, member), &member->value, sink)) {
            add_unknown(sink, block->path, member->key, &member->value);
        }
    }
}

static const struct ray_value *member_of(const struct ray_value *map, struct ray_str key,
                                         enum ray_value_kind kind)
{
    for (size_t i = map != NULL && map->kind == RAY_VALUE_MAP ? map->as.map.count : 0; i > 0; i--) {
        const struct ray_attribute *member = &map->as.map.items[i - 1];
        if (ray_str_eq(member->key, key)) {
            return member->value.kind == kind ? &member->value : NULL;
        }
    }
    return NULL;
}

static struct ray_str string_of(const struct ray_value *map, struct ray_str key)
{
    return ray_value_string(member_of(map, key, RAY_VALUE_STRING));
}

/* --- http, and the flags that usually follow from it --- */

static bool take_http(const struct ray_segment *segment, const struct ray_value *http,
                      struct ray_segment_sink *sink)
{
    if (http->kind != RAY_VALUE_MAP) {
        return false;
    }
    for (size_t i = 0; i < http->as.map.count; i++) {
        const struct ray_attribute *part = &http->as.map.items[i];
        bool request = ray_str_eq(part->key, RAY_STR("request"));
        bool response = ray_str_eq(part->key, RAY_STR("response"));
        if (part->value.kind == RAY_VALUE_MAP && (request || response)) {
            take_block(segment, request ? &request_block : &response_block, &part->value, sink);
        } else {
            add_unknown(sink, RAY_STR("http."), part->key, &part->value);
        }
    }
    const struct ray_value *request = member_of(http, RAY_STR("request"), RAY_VALUE_MAP);
    if (member_of(request, RAY_STR("client_ip"), RAY_VALUE_STRING) != NULL &&
        member_of(request, RAY_STR("x_forwarded_for"), RAY_VALUE_BOOL) == NULL) {
        /* a client without a peer would otherwise be taken for one that was forwarded */
        add_bool(sink, RAY_STR("aws.xray.x_forwarded_for"), false);
    }
    return true;
}

static bool is_set(const struct ray_segment *segment, struct ray_str key)
{
    const struct ray_value *value = ray_segment_find(&segment->members, key);
    return value != NULL && value->kind == RAY_VALUE_BOOL && value->as.boolean;
}

static int64_t http_code(const struct ray_segment *segment)
{
    const struct ray_value *http = ray_segment_find(&segment->members, RAY_STR("http"));
    const struct ray_value *response = member_of(http, RAY_STR("response"), RAY_VALUE_MAP);
    const struct ray_value *status = member_of(response, RAY_STR("status"), RAY_VALUE_INT);
    int64_t code = 0;
    (void)ray_value_to_int(
        status ? status : member_of(response, RAY_STR("status"), RAY_VALUE_STRING), &code);
    return code;
}

/* A flag is an attribute of its own only where status and HTTP code don't say it already, by the
 * rules of cause.c. */
static void take_flags(const struct ray_segment *segment, struct ray_segment_sink *sink)
{
    bool fault = is_set(segment, RAY_STR("fault")), error = is_set(segment, RAY_STR("error"));
    bool throttle = is_set(segment, RAY_STR("throttle"));
    int64_t code = http_code(segment);
    bool failed = fault || error || throttle;
    bool said_error = code >= 400 && code < 500;
    bool said_fault = (code >= 500 && code < 600) || (failed && !said_error);
    sink->span->status_code = failed ? RAY_SPAN_STATUS_ERROR : RAY_SPAN_STATUS_UNSET;
    if (fault != said_fault) {
        add_bool(sink, RAY_STR("aws.xray.fault"), fault);
    }
    if (error != said_error) {
        add_bool(sink, RAY_STR("aws.xray.error"), error);
    }
    if (throttle != (code == 429)) {
        add_bool(sink, RAY_STR("aws.xray.throttle"), throttle);
    }
}

/* --- aws and the place --- */

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
        if (member_of(aws, platforms_by_block[i].sign, RAY_VALUE_MAP) != NULL) {
            return platforms_by_block[i].platform;
        }
    }
    for (size_t i = 0; i < COUNT(platforms_by_origin); i++) {
        if (ray_str_eq(platforms_by_origin[i].sign, origin)) {
            return platforms_by_origin[i].platform;
        }
    }
    bool machine = member_of(aws, RAY_STR("ec2"), RAY_VALUE_MAP) != NULL;
    return machine ? RAY_STR("aws_ec2") : RAY_STR("");
}

static void take_place(const struct ray_segment *segment, struct ray_str platform,
                       const struct ray_value *aws, struct ray_segment_sink *sink)
{
    const struct ray_value *origin = ray_segment_find(&segment->members, RAY_STR("origin"));
    bool has_origin = origin != NULL && origin->kind == RAY_VALUE_STRING;
    if (platform.len > 0 || aws != NULL || has_origin) {
        add_resource_string(sink, RAY_STR("cloud.provider"), RAY_STR("aws"));
    }
    if (platform.len > 0) {
        add_resource_string(sink, RAY_STR("cloud.platform"), platform);
    }
    if (platform.len > 0 || has_origin) { /* "" says that there was none */
        add_resource_string(sink, RAY_STR("aws.xray.origin"), ray_value_string(origin));
    }
}

static bool take_beanstalk(const struct ray_segment *segment, const struct ray_value *block,
                           struct ray_segment_sink *sink)
{
    const struct ray_value *id = member_of(block, RAY_STR("deployment_id"), RAY_VALUE_INT);
    if (id == NULL || !add_resource_string(sink, RAY_STR("service.instance.id"),
                                           ray_value_text(id, sink->arena))) {
        return false;
    }
    take_block(segment, &beanstalk_block, block, sink);
    return true;
}

static bool take_sdk(const struct ray_segment *segment, const struct ray_value *block,
                     struct ray_segment_sink *sink)
{
    take_block(segment, &sdk_block, block, sink);
    const struct ray_value *automatic =
        member_of(block, RAY_STR("auto_instrumentation"), RAY_VALUE_BOOL);
    if (automatic != NULL && automatic->as.boolean && !segment->nested) {
        struct ray_str version = string_of(block, RAY_STR("sdk_version"));
        add_resource_string(sink, RAY_STR("telemetry.auto.version"),
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
        struct ray_str arn = string_of(group, RAY_STR("arn"));
        struct ray_str name = string_of(group, RAY_STR("log_group"));
        if (group->kind != RAY_VALUE_MAP || (arn.len == 0 && name.len == 0) ||
            (arn.len > 0 && !ray_str_eq(ray_aws_log_group_of_arn(arn), name))) {
            return false;
        }
        arns += arn.len > 0;
        names[i] = of_string(arn.len > 0 ? arn : name);
    }
    if (count == 0 || (arns > 0 && arns < count)) {
        return false;
    }
    list.as.list.items = names;
    list.as.list.count = count;
    return add_resource(
        sink, arns > 0 ? RAY_STR("aws.log.group.arns") : RAY_STR("aws.log.group.names"), &list);
}

/* True when aws.c will write the block again from the attributes. */
static bool take_resource_block(const struct ray_segment *segment, struct ray_str platform,
                                const struct ray_attribute *member, struct ray_segment_sink *sink)
{
    const struct ray_value *block = &member->value;
    const struct block *fields = NULL;
    if (ray_str_eq(member->key, RAY_STR("ec2"))) {
        bool shown = ray_str_eq(platform, RAY_STR("aws_ec2")) ||
                     ray_aws_is_instance_id(string_of(block, RAY_STR("instance_id")));
        fields = shown ? &ec2_block : NULL;
    } else if (ray_str_eq(member->key, RAY_STR("ecs"))) {
        fields = ray_str_eq(platform, RAY_STR("aws_ecs")) ? &ecs_block : NULL;
    } else if (ray_str_eq(member->key, RAY_STR("eks"))) {
        bool shown = ray_str_eq(platform, RAY_STR("aws_eks")) ||
                     string_of(block, RAY_STR("cluster_name")).len > 0;
        fields = shown ? &eks_block : NULL;
    } else if (ray_str_eq(platform, RAY_STR("aws_elastic_beanstalk"))) {
        return take_beanstalk(segment, block, sink);
    }
    if (fields != NULL) {
        take_block(segment, fields, block, sink);
    }
    return fields != NULL;
}

static void take_elsewhere(const struct ray_segment *segment, struct ray_str platform,
                           const struct ray_attribute *member, struct ray_segment_sink *sink)
{
    bool taken;
    if (ray_str_eq(member->key, RAY_STR("xray"))) {
        taken = take_sdk(segment, &member->value, sink);
    } else if (segment->nested) {
        taken = false;
    } else if (member->value.kind == RAY_VALUE_LIST) {
        taken = take_log_groups(&member->value, sink);
    } else {
        taken = take_resource_block(segment, platform, member, sink);
    }
    if (!taken) {
        add_unknown(sink, aws_block.path, member->key, &member->value);
    }
}

static void take_aws(const struct ray_segment *segment, struct ray_segment_sink *sink)
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
    take_block(segment, &aws_block, aws, sink);
    for (size_t i = 0; i < aws->as.map.count; i++) {
        const struct field *field = find_field(&aws_block, &aws->as.map.items[i]);
        if (field != NULL && field->owner == ELSEWHERE) {
            take_elsewhere(segment, platform, &aws->as.map.items[i], sink);
        }
    }
}

/* --- sql --- */

static const struct {
    struct ray_str type, system;
} databases[] = {
    /* what the X-Ray SDKs call them, and semconv 1.24 */
    {RAY_STR_INIT("PostgreSQL"), RAY_STR_INIT("postgresql")},
    {RAY_STR_INIT("postgres"), RAY_STR_INIT("postgresql")},
    {RAY_STR_INIT("MySQL"), RAY_STR_INIT("mysql")},
    {RAY_STR_INIT("MariaDB"), RAY_STR_INIT("mariadb")},
    {RAY_STR_INIT("Oracle"), RAY_STR_INIT("oracle")},
    {RAY_STR_INIT("SQLite"), RAY_STR_INIT("sqlite")},
    {RAY_STR_INIT("mssql"), RAY_STR_INIT("mssql")},
    {RAY_STR_INIT("Microsoft SQL Server"), RAY_STR_INIT("mssql")},
};

static struct ray_str system_of(struct ray_str type)
{
    for (size_t i = 0; i < COUNT(databases); i++) {
        if (ray_str_eq_nocase(databases[i].type, type)) {
            return databases[i].system;
        }
    }
    return RAY_STR("other_sql");
}

/* "jdbc:postgresql://host:5432/shop" is a place and a database, as in the awsxray receiver. */
static void take_connection(const struct ray_value *sql, struct ray_segment_sink *sink)
{
    struct ray_str text = string_of(sql, RAY_STR("connection_string"));
    size_t slash = ray_str_find_last_byte(text, '/');
    if (slash != SIZE_MAX && slash > 0) {
        add_string(sink, RAY_STR("db.connection_string"), ray_str_until(text, slash));
        add_string(sink, RAY_STR("db.name"), ray_str_from_pos(text, slash + 1));
        return;
    }
    if (text.len > 0) {
        add_string(sink, RAY_STR("db.connection_string"), text);
    }
    add_string(sink, RAY_STR("aws.xray.sql.connection_string"), text);
}

static bool take_sql(const struct ray_segment *segment, const struct ray_value *sql,
                     struct ray_segment_sink *sink)
{
    if (sql->kind != RAY_VALUE_MAP) {
        return false;
    }
    struct ray_str type = string_of(sql, RAY_STR("database_type"));
    struct ray_str system = system_of(type);
    add_string(sink, RAY_STR("db.system"), system);
    if (!ray_str_eq(system, type)) {
        add_string(sink, RAY_STR("aws.xray.sql.database_type"), type);
    }
    take_connection(sql, sink);
    take_block(segment, &sql_block, sql, sink);
    if (member_of(sql, RAY_STR("url"), RAY_VALUE_STRING) == NULL) {
        add_string(sink, RAY_STR("aws.xray.sql.url"), RAY_STR("")); /* not the span's name */
    }
    /* the database would name the segment otherwise */
    add_string(sink, RAY_STR("aws.xray.name"), segment->name);
    return true;
}

/* --- cause --- */

/* Text that does not end its line. */
static void append_line_text(struct ray_buf *out, struct ray_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        ray_buf_append_byte(out, c == '\n' || c == '\r' ? ' ' : c);
    }
}

/* What the rules for Java's text (stacktrace.c) read back as it was. */
static bool is_plain_frame(const struct ray_value *frame)
{
    struct ray_str label = string_of(frame, RAY_STR("label"));
    struct ray_str path = string_of(frame, RAY_STR("path"));
    return frame->kind == RAY_VALUE_MAP && ray_str_find_byte(label, '(') == SIZE_MAX &&
           ray_str_find_byte(label, '/') == SIZE_MAX &&
           ray_str_find_byte(label, '\n') == SIZE_MAX && ray_str_find_byte(path, ':') == SIZE_MAX &&
           ray_str_find_byte(path, '\n') == SIZE_MAX;
}

static void write_frame(struct ray_buf *out, const struct ray_value *frame)
{
    const struct ray_value *line = member_of(frame, RAY_STR("line"), RAY_VALUE_INT);
    ray_buf_append(out, RAY_STR("\tat "));
    append_line_text(out, string_of(frame, RAY_STR("label")));
    ray_buf_append_byte(out, '(');
    append_line_text(out, string_of(frame, RAY_STR("path")));
    if (line != NULL) {
        ray_buf_printf(out, ": %lld)\n", (long long)line->as.integer);
    } else {
        ray_buf_append(out, RAY_STR(": <unknown>)\n"));
    }
}

/* Java's form, as the awsxray receiver writes it. Frames that this form cannot hold are in an
 * attribute of their own as well. */
static void take_stack(const struct ray_value *exception, struct ray_attribute_list *attributes,
                       struct ray_segment_sink *sink)
{
    const struct ray_value *stack = member_of(exception, RAY_STR("stack"), RAY_VALUE_LIST);
    struct ray_buf text;
    bool plain = true;
    if (stack == NULL || stack->as.list.count == 0) {
        return;
    }
    ray_buf_init(&text, SIZE_MAX / 2);
    append_line_text(&text, string_of(exception, RAY_STR("type")));
    ray_buf_append(&text, RAY_STR(": "));
    append_line_text(&text, string_of(exception, RAY_STR("message")));
    ray_buf_append_byte(&text, '\n');
    for (size_t i = 0; i < stack->as.list.count; i++) {
        write_frame(&text, &stack->as.list.items[i]);
        plain &= is_plain_frame(&stack->as.list.items[i]);
    }
    struct ray_value value = of_string(ray_arena_copy(sink->arena, ray_buf_str(&text)));
    sink->failed |= text.failed || value.as.string.ptr == NULL;
    ray_buf_clear(&text);
    sink->failed |=
        !ray_attribute_list_add(attributes, sink->arena, RAY_STR("exception.stacktrace"), &value);
    if (!plain) {
        sink->failed |= !ray_attribute_list_add(attributes, sink->arena,
                                                RAY_STR("aws.xray.exception.stack"), stack);
    }
}

/* clang-format off */
static const struct field exception_fields[] = {
    FIELD("type",      STRING, SPAN, "exception.type"),
    FIELD("message",   STRING, SPAN, "exception.message"),
    FIELD("id",        STRING, SPAN, "aws.xray.exception.id"),
    FIELD("remote",    BOOL,   SPAN, "aws.xray.exception.remote"),
    FIELD("cause",     STRING, SPAN, "aws.xray.exception.cause"),
    FIELD("truncated", INT,    SPAN, "aws.xray.exception.truncated"),
    FIELD("skipped",   INT,    SPAN, "aws.xray.exception.skipped"),
    FIELD("stack",     LIST,   ELSEWHERE, ""),
};
/* clang-format on */
static const struct block exception_block = BLOCK("exception.", exception_fields);

/* Every exception needs an id: it also says that the stack is written our way. */
static void add_made_id(struct ray_segment_sink *event, struct ray_made_ids *ids)
{
    uint8_t id[RAY_SPAN_ID_BYTES];
    char *hex = ray_arena_alloc_text(event->arena, sizeof(id) * 2);
    ray_made_id_next(ids, id);
    if (hex == NULL) {
        event->failed = true;
        return;
    }
    ray_hex_encode((struct ray_str){(const char *)id, sizeof(id)}, hex);
    add_string(event, RAY_STR("aws.xray.exception.id"), (struct ray_str){hex, sizeof(id) * 2});
}

static struct ray_event take_exception(const struct ray_segment *segment,
                                       const struct ray_value *exception, struct ray_made_ids *ids,
                                       struct ray_segment_sink *sink)
{
    struct ray_segment_sink event = {.arena = sink->arena}; /* its attributes are the event's */
    take_block(segment, &exception_block, exception, &event);
    if (string_of(exception, RAY_STR("id")).len == 0) {
        add_made_id(&event, ids);
    }
    if (member_of(exception, RAY_STR("remote"), RAY_VALUE_BOOL) == NULL) {
        add_bool(&event, RAY_STR("aws.xray.exception.remote"), false);
    }
    take_stack(exception, &event.attributes, &event);
    sink->failed |= event.failed;
    uint64_t end = sink->span->end_unix_ns;
    return (struct ray_event){
        .time_unix_ns = end != 0 ? end : sink->span->start_unix_ns,
        .name = RAY_STR("exception"),
        .attributes = {event.attributes.items, event.attributes.count},
    };
}

static void take_exceptions(const struct ray_segment *segment, const struct ray_value *exceptions,
                            struct ray_segment_sink *sink)
{
    struct ray_made_ids ids = {.span = sink->span};
    struct ray_event *events =
        RAY_ARENA_ARRAY(sink->arena, struct ray_event, exceptions->as.list.count);
    if (events == NULL) {
        sink->failed = true;
        return;
    }
    sink->span->events = events;
    for (size_t i = 0; i < exceptions->as.list.count; i++) {
        const struct ray_value *exception = &exceptions->as.list.items[i];
        if (exception->kind == RAY_VALUE_MAP) {
            events[sink->span->event_count++] = take_exception(segment, exception, &ids, sink);
        } else {
            add_unknown(sink, RAY_STR("cause."), RAY_STR("exceptions"), exception);
        }
    }
}

/* An object, or the id of an exception in another subsegment. */
static bool take_cause(const struct ray_segment *segment, const struct ray_value *cause,
                       struct ray_segment_sink *sink)
{
    if (cause->kind == RAY_VALUE_STRING) {
        add_string(sink, RAY_STR("aws.xray.cause"), cause->as.string);
        return true;
    }
    if (cause->kind != RAY_VALUE_MAP) {
        return false;
    }
    const struct ray_value *exceptions = member_of(cause, RAY_STR("exceptions"), RAY_VALUE_LIST);
    if (exceptions != NULL) {
        take_exceptions(segment, exceptions, sink);
    }
    for (size_t i = 0; i < cause->as.map.count; i++) {
        if (&cause->as.map.items[i].value != exceptions) {
            add_unknown(sink, RAY_STR("cause."), cause->as.map.items[i].key,
                        &cause->as.map.items[i].value);
        }
    }
    return true;
}

/* --- links --- */

static bool take_link(const struct ray_value *value, struct ray_segment_sink *sink,
                      struct ray_link *link)
{
    struct ray_trace_id *trace_id = RAY_ARENA_NEW(sink->arena, struct ray_trace_id);
    uint8_t *id = (uint8_t *)ray_arena_alloc_text(sink->arena, RAY_SPAN_ID_BYTES);
    struct ray_str text = string_of(value, RAY_STR("id"));
    if (trace_id == NULL || id == NULL) {
        sink->failed = true;
        return false;
    }
    if (ray_trace_id_parse(string_of(value, RAY_STR("trace_id")), trace_id) != RAY_OK ||
        (text.len > 0 && ray_hex_decode(text, id, RAY_SPAN_ID_BYTES) != RAY_OK)) {
        return false;
    }
    const struct ray_value *attributes = member_of(value, RAY_STR("attributes"), RAY_VALUE_MAP);
    *link = (struct ray_link){
        .trace_id = {(const char *)trace_id->bytes, sizeof(trace_id->bytes)},
        .span_id = {(const char *)id, text.len > 0 ? RAY_SPAN_ID_BYTES : 0},
    };
    if (attributes != NULL) {
        link->attributes =
            (struct ray_attributes){attributes->as.map.items, attributes->as.map.count};
    }
    return true;
}

static bool take_links(const struct ray_segment *segment, const struct ray_value *value,
                       struct ray_segment_sink *sink)
{
    (void)segment;
    if (value->kind != RAY_VALUE_LIST) {
        return false;
    }
    struct ray_link *links = RAY_ARENA_ARRAY(sink->arena, struct ray_link, value->as.list.count);
    if (links == NULL) {
        sink->failed = true;
        return true;
    }
    sink->span->links = links;
    for (size_t i = 0; i < value->as.list.count; i++) {
        const struct ray_value *item = &value->as.list.items[i];
        if (take_link(item, sink, &links[sink->span->link_count])) {
            sink->span->link_count++;
        } else {
            add_unknown(sink, RAY_STR(""), RAY_STR("links"), item);
        }
    }
    return true;
}

/* --- annotations and metadata --- */

static bool is_known_name(struct ray_str name)
{
    for (unsigned key = RAY_KEY_NONE + 1; key < RAY_KEY_COUNT; key++) {
        if (ray_str_eq(ray_semconv_name((enum ray_key)key), name)) {
            return true;
        }
    }
    return ray_str_starts_with(name, RAY_STR("aws.xray."));
}

/* Under their own names, listed in aws.xray.annotations as in the awsxray receiver, except where
 * that name would say something else. */
static bool take_annotations(const struct ray_segment *segment, const struct ray_value *value,
                             struct ray_segment_sink *sink)
{
    (void)segment;
    if (value->kind != RAY_VALUE_MAP) {
        return false;
    }
    struct ray_value list = {.kind = RAY_VALUE_LIST};
    struct ray_value *names = RAY_ARENA_ARRAY(sink->arena, struct ray_value, value->as.map.count);
    if (names == NULL) {
        sink->failed = true;
        return true;
    }
    for (size_t i = 0; i < value->as.map.count; i++) {
        const struct ray_attribute *annotation = &value->as.map.items[i];
        struct ray_str name = annotation->key;
        if (is_known_name(name)) {
            name = joined(sink, RAY_STR("aws.xray.annotation."), name);
        }
        add(sink, name, &annotation->value);
        names[list.as.list.count++] = of_string(name);
    }
    if (list.as.list.count > 0) {
        list.as.list.items = names;
        add(sink, RAY_STR("aws.xray.annotations"), &list);
    }
    return true;
}

static void take_metadata(const struct ray_segment *segment, struct ray_segment_sink *sink)
{
    struct ray_json_reader reader;
    struct ray_str key, raw;
    if (segment->metadata.len == 0) {
        return;
    }
    ray_json_read_init(&reader, segment->metadata, sink->arena, RAY_JSON_DEPTH_MAX);
    if (ray_json_peek(&reader) != RAY_JSON_OBJECT) {
        add_string(sink, RAY_STR("aws.xray.field.metadata"), segment->metadata);
        return;
    }
    ray_json_enter_object(&reader);
    while (ray_json_next_key(&reader, &key) && ray_json_skip_value(&reader, &raw)) {
        add_string(sink, joined(sink, RAY_STR("aws.xray.metadata."), key), raw);
    }
    sink->failed |= reader.failed; /* the text was read once: only memory can be missing */
}

/* --- the rest --- */

static bool take_user(const struct ray_segment *segment, const struct ray_value *value,
                      struct ray_segment_sink *sink)
{
    (void)segment;
    bool string = value->kind == RAY_VALUE_STRING;
    if (string) {
        add(sink, RAY_STR("enduser.id"), value);
    }
    return string;
}

static bool take_traced(const struct ray_segment *segment, const struct ray_value *value,
                        struct ray_segment_sink *sink)
{
    (void)segment;
    bool boolean = value->kind == RAY_VALUE_BOOL;
    if (boolean) {
        add(sink, RAY_STR("aws.xray.traced"), value);
    }
    return boolean;
}

static bool take_in_progress(const struct ray_segment *segment, const struct ray_value *value,
                             struct ray_segment_sink *sink)
{
    (void)segment;
    if (value->kind == RAY_VALUE_BOOL && value->as.boolean) {
        add(sink, RAY_STR("aws.xray.inprogress"), value);
    }
    return value->kind == RAY_VALUE_BOOL;
}

/* "remote" is what a client is without a word. */
static bool take_namespace(const struct ray_segment *segment, const struct ray_value *value,
                           struct ray_segment_sink *sink)
{
    struct ray_str text = ray_value_string(value);
    if (value->kind != RAY_VALUE_STRING) {
        return false;
    }
    if (segment->subsegment && ray_str_eq(text, RAY_STR("aws"))) {
        add_string(sink, RAY_STR("rpc.system"), RAY_STR("aws-api"));
        add_string(sink, RAY_STR("rpc.service"), segment->name);
    }
    if (text.len > 0 && !(segment->subsegment && ray_str_eq(text, RAY_STR("remote")))) {
        add(sink, RAY_STR("aws.xray.namespace"), value);
    }
    return true;
}

static bool take_service(const struct ray_segment *segment, const struct ray_value *value,
                         struct ray_segment_sink *sink)
{
    if (value->kind != RAY_VALUE_MAP) {
        return false;
    }
    take_block(segment, &service_block, value, sink);
    return true;
}

static bool take_resource_arn(const struct ray_segment *segment, const struct ray_value *value,
                              struct ray_segment_sink *sink)
{
    return !segment->subsegment && value->kind == RAY_VALUE_STRING &&
           add_resource(sink, RAY_STR("aws.xray.resource_arn"), value);
}

/* Read with the segment itself: only a nested subsegment has an origin that says nothing. */
static bool take_origin(const struct ray_segment *segment, const struct ray_value *value,
                        struct ray_segment_sink *sink)
{
    (void)sink;
    return !segment->nested && value->kind == RAY_VALUE_STRING;
}

static bool is_map(const struct ray_segment *segment, const struct ray_value *value,
                   struct ray_segment_sink *sink)
{
    (void)segment, (void)sink;
    return value->kind == RAY_VALUE_MAP;
}

static bool is_bool(const struct ray_segment *segment, const struct ray_value *value,
                    struct ray_segment_sink *sink)
{
    (void)segment, (void)sink;
    return value->kind == RAY_VALUE_BOOL;
}

static bool is_head(const struct ray_segment *segment, const struct ray_value *value,
                    struct ray_segment_sink *sink)
{
    (void)segment, (void)value, (void)sink;
    return true;
}

/* `take` is false when the member is not what it should be: then it is unknown. The order is that
 * of the attributes. */
static const struct {
    struct ray_str name;
    bool (*take)(const struct ray_segment *segment, const struct ray_value *value,
                 struct ray_segment_sink *sink);
} takers[] = {
    {RAY_STR_INIT("name"), is_head},
    {RAY_STR_INIT("id"), is_head},
    {RAY_STR_INIT("trace_id"), is_head},
    {RAY_STR_INIT("parent_id"), is_head},
    {RAY_STR_INIT("type"), is_head},
    {RAY_STR_INIT("start_time"), is_head},
    {RAY_STR_INIT("end_time"), is_head},
    {RAY_STR_INIT("in_progress"), take_in_progress},
    {RAY_STR_INIT("namespace"), take_namespace},
    {RAY_STR_INIT("user"), take_user},
    {RAY_STR_INIT("traced"), take_traced},
    {RAY_STR_INIT("http"), take_http},
    {RAY_STR_INIT("fault"), is_bool},
    {RAY_STR_INIT("error"), is_bool},
    {RAY_STR_INIT("throttle"), is_bool},
    {RAY_STR_INIT("cause"), take_cause},
    {RAY_STR_INIT("service"), take_service},
    {RAY_STR_INIT("origin"), take_origin},
    {RAY_STR_INIT("resource_arn"), take_resource_arn},
    {RAY_STR_INIT("aws"), is_map},
    {RAY_STR_INIT("sql"), take_sql},
    {RAY_STR_INIT("annotations"), take_annotations},
    {RAY_STR_INIT("links"), take_links},
};

static bool has_taker(struct ray_str name)
{
    for (size_t i = 0; i < COUNT(takers); i++) {
        if (ray_str_eq(takers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void take_unknown(const struct ray_segment *segment, struct ray_segment_sink *sink)
{
    for (size_t i = 0; i < segment->members.count; i++) {
        const struct ray_attribute *member = &segment->members.items[i];
        if (!has_taker(member->key)) {
            add_unknown(sink, RAY_STR(""), member->key, &member->value);
        }
    }
}

void ray_segment_take_fields(const struct ray_segment *segment, struct ray_segment_sink *sink)
{
    if (!segment->subsegment) {
        add_resource_string(sink, RAY_STR("service.name"), segment->name);
    }
    /* what translate/ needs to know to not tell the same twice */
    add_bool(sink, RAY_STR("aws.xray.segment"), true);
    take_flags(segment, sink);
    for (size_t i = 0; i < COUNT(takers); i++) {
        const struct ray_value *value = ray_segment_find(&segment->members, takers[i].name);
        if (value != NULL && value->kind != RAY_VALUE_NONE &&
            !takers[i].take(segment, value, sink)) {
            add_unknown(sink, RAY_STR(""), takers[i].name, value);
        }
    }
    take_aws(segment, sink);
    take_metadata(segment, sink);
    take_unknown(segment, sink);
    sink->span->attributes =
        (struct ray_attributes){sink->attributes.items, sink->attributes.count};
}
