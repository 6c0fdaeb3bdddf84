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
#include "translate/facts.h"
#include "translate/segment_cause.h"
#include "translate/segment_place.h"
#include "translate/value.h"
#include "xray/trace_id.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
static const struct ray_segment_field request_fields[] = {
    RAY_SEGMENT_FIELD("method",          STRING, SPAN, "http.method"),
    RAY_SEGMENT_FIELD("url",             STRING, SPAN, "http.url"),
    RAY_SEGMENT_FIELD("user_agent",      STRING, SPAN, "http.user_agent"),
    RAY_SEGMENT_FIELD("client_ip",       STRING, SPAN, "http.client_ip"),
    RAY_SEGMENT_FIELD("x_forwarded_for", BOOL,   SPAN, "aws.xray.x_forwarded_for"),
};
static const struct ray_segment_field response_fields[] = {
    RAY_SEGMENT_FIELD("status",         INT,    SPAN, "http.status_code"),
    RAY_SEGMENT_FIELD("status",         STRING, SPAN, "http.status_code"),
    RAY_SEGMENT_FIELD("content_length", INT,    SPAN, "http.response_content_length"),
};
static const struct ray_segment_field service_fields[] = {
    RAY_SEGMENT_FIELD("version", STRING, RESOURCE, "service.version"),
};
static const struct ray_segment_field sql_fields[] = {
    RAY_SEGMENT_FIELD("user",              STRING, SPAN, "db.user"),
    RAY_SEGMENT_FIELD("sanitized_query",   STRING, SPAN, "db.statement"),
    RAY_SEGMENT_FIELD("url",               STRING, SPAN, "aws.xray.sql.url"),
    RAY_SEGMENT_FIELD("connection_string", STRING, ELSEWHERE, ""),
    RAY_SEGMENT_FIELD("database_type",     STRING, ELSEWHERE, ""),
};
/* clang-format on */

static const struct ray_segment_block request_block =
    RAY_SEGMENT_BLOCK("http.request.", request_fields);
static const struct ray_segment_block response_block =
    RAY_SEGMENT_BLOCK("http.response.", response_fields);
static const struct ray_segment_block service_block = RAY_SEGMENT_BLOCK("service.", service_fields);
static const struct ray_segment_block sql_block = RAY_SEGMENT_BLOCK("sql.", sql_fields);

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
            ray_sink_take_block(segment, request ? &request_block : &response_block, &part->value,
                                sink);
        } else {
            ray_sink_add_unknown(sink, RAY_STR("http."), part->key, &part->value);
        }
    }
    const struct ray_value *request = ray_value_member(http, RAY_STR("request"), RAY_VALUE_MAP);
    const struct ray_value *length =
        ray_value_member(ray_value_member(http, RAY_STR("response"), RAY_VALUE_MAP),
                         RAY_STR("content_length"), RAY_VALUE_INT);
    if (length != NULL && length->as.integer < 0) { /* no length, for the rules of http.c */
        ray_sink_add_unknown(sink, response_block.path, RAY_STR("content_length"), length);
    }
    if (ray_value_member(request, RAY_STR("client_ip"), RAY_VALUE_STRING) != NULL &&
        ray_value_member(request, RAY_STR("x_forwarded_for"), RAY_VALUE_BOOL) == NULL) {
        /* a client without a peer would otherwise be taken for one that was forwarded */
        ray_sink_add_bool(sink, RAY_STR("aws.xray.x_forwarded_for"), false);
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
    const struct ray_value *response = ray_value_member(http, RAY_STR("response"), RAY_VALUE_MAP);
    const struct ray_value *status = ray_value_member(response, RAY_STR("status"), RAY_VALUE_INT);
    int64_t code = 0;
    (void)ray_value_to_int(
        status ? status : ray_value_member(response, RAY_STR("status"), RAY_VALUE_STRING), &code);
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
        ray_sink_add_bool(sink, RAY_STR("aws.xray.fault"), fault);
    }
    if (error != said_error) {
        ray_sink_add_bool(sink, RAY_STR("aws.xray.error"), error);
    }
    if (throttle != (code == 429)) {
        ray_sink_add_bool(sink, RAY_STR("aws.xray.throttle"), throttle);
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
    struct ray_str text = ray_value_member_string(sql, RAY_STR("connection_string"));
    size_t slash = ray_str_find_last_byte(text, '/');
    if (slash != SIZE_MAX && slash > 0) {
        ray_sink_add_string(sink, RAY_STR("db.connection_string"), ray_str_until(text, slash));
        ray_sink_add_string(sink, RAY_STR("db.name"), ray_str_from_pos(text, slash + 1));
        return;
    }
    if (text.len > 0) {
        ray_sink_add_string(sink, RAY_STR("db.connection_string"), text);
    }
    ray_sink_add_string(sink, RAY_STR("aws.xray.sql.connection_string"), text);
}

static bool take_sql(const struct ray_segment *segment, const struct ray_value *sql,
                     struct ray_segment_sink *sink)
{
    if (sql->kind != RAY_VALUE_MAP) {
        return false;
    }
    struct ray_str type = ray_value_member_string(sql, RAY_STR("database_type"));
    struct ray_str system = system_of(type);
    ray_sink_add_string(sink, RAY_STR("db.system"), system);
    if (!ray_str_eq(system, type)) {
        ray_sink_add_string(sink, RAY_STR("aws.xray.sql.database_type"), type);
    }
    take_connection(sql, sink);
    ray_sink_take_block(segment, &sql_block, sql, sink);
    if (ray_value_member(sql, RAY_STR("url"), RAY_VALUE_STRING) == NULL) {
        ray_sink_add_string(sink, RAY_STR("aws.xray.sql.url"),
                            RAY_STR("")); /* not the span's name */
    }
    /* the database would name the segment otherwise */
    ray_sink_add_string(sink, RAY_STR("aws.xray.name"), segment->name);
    return true;
}

/* --- links --- */

static bool take_link(const struct ray_value *value, struct ray_segment_sink *sink,
                      struct ray_link *link)
{
    struct ray_trace_id *trace_id = RAY_ARENA_NEW(sink->arena, struct ray_trace_id);
    uint8_t *id = (uint8_t *)ray_arena_alloc_text(sink->arena, RAY_SPAN_ID_BYTES);
    struct ray_str text = ray_value_member_string(value, RAY_STR("id"));
    if (trace_id == NULL || id == NULL) {
        sink->failed = true;
        return false;
    }
    if (ray_trace_id_parse(ray_value_member_string(value, RAY_STR("trace_id")), trace_id) !=
            RAY_OK ||
        (text.len > 0 && ray_hex_decode(text, id, RAY_SPAN_ID_BYTES) != RAY_OK)) {
        return false;
    }
    const struct ray_value *attributes =
        ray_value_member(value, RAY_STR("attributes"), RAY_VALUE_MAP);
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
            ray_sink_add_unknown(sink, RAY_STR(""), RAY_STR("links"), item);
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
            name = ray_sink_join(sink, RAY_STR("aws.xray.annotation."), name);
        }
        ray_sink_add(sink, name, &annotation->value);
        names[list.as.list.count++] = ray_value_of_string(name);
    }
    if (list.as.list.count > 0) {
        list.as.list.items = names;
        ray_sink_add(sink, RAY_STR("aws.xray.annotations"), &list);
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
        ray_sink_add_string(sink, RAY_STR("aws.xray.field.metadata"), segment->metadata);
        return;
    }
    ray_json_enter_object(&reader);
    while (ray_json_next_key(&reader, &key) && ray_json_skip_value(&reader, &raw)) {
        ray_sink_add_string(sink, ray_sink_join(sink, RAY_STR("aws.xray.metadata."), key), raw);
    }
    sink->failed |= reader.failed; /* the text was read once: only memory can be missing */
}

/* --- the rest --- */

static bool take_user(const struct ray_segment *segment, const struct ray_value *value,
                      struct ray_segment_sink *sink)
{
    (void)segment;
    bool string = ray_value_string(value).len > 0;
    if (string) {
        ray_sink_add(sink, RAY_STR("enduser.id"), value);
    }
    return string;
}

static bool take_traced(const struct ray_segment *segment, const struct ray_value *value,
                        struct ray_segment_sink *sink)
{
    (void)segment;
    bool boolean = value->kind == RAY_VALUE_BOOL;
    if (boolean) {
        ray_sink_add(sink, RAY_STR("aws.xray.traced"), value);
    }
    return boolean;
}

static bool take_in_progress(const struct ray_segment *segment, const struct ray_value *value,
                             struct ray_segment_sink *sink)
{
    (void)segment;
    if (value->kind == RAY_VALUE_BOOL && value->as.boolean) {
        ray_sink_add(sink, RAY_STR("aws.xray.inprogress"), value);
    }
    return value->kind == RAY_VALUE_BOOL;
}

/* "remote" is what a client is without a word. */
static bool take_namespace(const struct ray_segment *segment, const struct ray_value *value,
                           struct ray_segment_sink *sink)
{
    struct ray_str text = ray_value_string(value);
    if (text.len == 0) {
        return false;
    }
    if (segment->subsegment && ray_str_eq(text, RAY_STR("aws"))) {
        ray_sink_add_string(sink, RAY_STR("rpc.system"), RAY_STR("aws-api"));
        ray_sink_add_string(sink, RAY_STR("rpc.service"), segment->name);
    }
    if (!(segment->subsegment && ray_str_eq(text, RAY_STR("remote")))) {
        ray_sink_add(sink, RAY_STR("aws.xray.namespace"), value);
    }
    return true;
}

static bool take_service(const struct ray_segment *segment, const struct ray_value *value,
                         struct ray_segment_sink *sink)
{
    if (value->kind != RAY_VALUE_MAP) {
        return false;
    }
    ray_sink_take_block(segment, &service_block, value, sink);
    return true;
}

static bool take_resource_arn(const struct ray_segment *segment, const struct ray_value *value,
                              struct ray_segment_sink *sink)
{
    return !segment->subsegment && value->kind == RAY_VALUE_STRING &&
           ray_sink_add_resource(sink, RAY_STR("aws.xray.resource_arn"), value);
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
    {RAY_STR_INIT("cause"), ray_segment_take_cause},
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
            ray_sink_add_unknown(sink, RAY_STR(""), member->key, &member->value);
        }
    }
}

void ray_segment_take_fields(const struct ray_segment *segment, struct ray_segment_sink *sink)
{
    if (!segment->subsegment) {
        ray_sink_add_resource_string(sink, RAY_STR("service.name"), segment->name);
    }
    /* what translate/ needs to know to not tell the same twice */
    ray_sink_add_bool(sink, RAY_STR("aws.xray.segment"), true);
    if (segment->nested) {
        ray_sink_add_bool(sink, RAY_STR("aws.xray.nested"), true);
    }
    take_flags(segment, sink);
    for (size_t i = 0; i < COUNT(takers); i++) {
        const struct ray_value *value = ray_segment_find(&segment->members, takers[i].name);
        if (value != NULL && value->kind != RAY_VALUE_NONE &&
            !takers[i].take(segment, value, sink)) {
            ray_sink_add_unknown(sink, RAY_STR(""), takers[i].name, value);
        }
    }
    ray_segment_take_aws(segment, sink);
    take_metadata(segment, sink);
    take_unknown(segment, sink);
    sink->span->attributes =
        (struct ray_attributes){sink->attributes.items, sink->attributes.count};
}
