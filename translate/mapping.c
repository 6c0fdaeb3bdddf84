/* mapping: see mapping.h. What each Dnn is: docs/translation.md. */
#include "translate/mapping.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define COPY    RAY_MAPPED_COPY
#define PART    RAY_MAPPED_PART
#define CLEANED RAY_MAPPED_CLEANED
#define CODE    RAY_MAPPED_CODE
#define DECIDES RAY_MAPPED_DECIDES

/* clang-format off */
static const struct ray_mapping mappings[] = {
    /* path, from, how, rule, source, note */
    {"id", "field:spanId", DECIDES, "top", "AR", "the service segment of a local root has a made one"},
    {"trace_id", "field:traceId", DECIDES, "top", "AR", "1-, 8 digits, -, 24 digits"},
    {"parent_id", "field:parentSpanId", DECIDES, "top", "AR", "left out without a parent"},
    {"type", "field:parentSpanId", DECIDES, "shape", "AR", "subsegment: a parent, and what it does is no service's work"},
    {"type", "span:aws.span.kind=LOCAL_ROOT", DECIDES, "shape", "R", "the call of a local root"},
    {"start_time", "field:startTimeUnixNano", DECIDES, "top", "AR", "seconds"},
    {"end_time", "field:endTimeUnixNano", DECIDES, "top", "AR", "seconds"},
    {"in_progress", "span:aws.xray.inprogress", COPY, "D27", "AN", "only true; no end_time then"},
    {"in_progress", "field:endTimeUnixNano", DECIDES, "D27", "O", "0"},
    {"error", "span:aws.xray.error", COPY, "D28", "O", "of a legacy segment, where the code says another"},
    {"error", "span:http.status_code", CODE, "top", "AR", "400 to 499; text counts, too (D11)"},
    {"error", "span:http.response.status_code", CODE, "top", "AR", ""},
    {"error", "-", DECIDES, "top", "R", "false"},
    {"throttle", "span:aws.xray.throttle", COPY, "D28", "O", "the same"},
    {"throttle", "span:http.status_code", CODE, "top", "AR", "429"},
    {"throttle", "span:http.response.status_code", CODE, "top", "AR", ""},
    {"throttle", "-", DECIDES, "top", "R", "false"},
    {"fault", "span:aws.xray.fault", COPY, "D28", "O", "the same"},
    {"fault", "span:http.status_code", CODE, "top", "AR", "500 to 599"},
    {"fault", "span:http.response.status_code", CODE, "top", "AR", ""},
    {"fault", "field:status.code", DECIDES, "top", "R", "ERROR, without a code of 400 to 599"},

    {"name", "span:aws.xray.name", CLEANED, "D28", "O", "of a legacy segment, where something else would name it"},
    {"name", "span:aws.local.service", CLEANED, "name", "R", "SERVER, local roots, consumers"},
    {"name", "span:aws.remote.service", CLEANED, "name", "R", "calls; without AWS.SDK. or AWS:: in front"},
    {"name", "span:peer.service", CLEANED, "name", "R", ""},
    {"name", "span:aws.service", CLEANED, "name", "R", ""},
    {"name", "span:rpc.service", CLEANED, "D04", "A", "on AWS SDK calls: before the database"},
    {"name", "span:db.name", PART, "name", "R", "with @ and the host"},
    {"name", "span:db.connection_string", PART, "name", "R", "its host, behind db.name"},
    {"name", "span:db.namespace", PART, "D06", "O", "with @ and server.address"},
    {"name", "resource:service.name", CLEANED, "name", "AR", "SERVER; before the others on consumers (D01) and service segments (D37)"},
    {"name", "span:http.host", CLEANED, "name", "R", ""},
    {"name", "span:net.peer.name", CLEANED, "name", "R", ""},
    {"name", "span:server.address", CLEANED, "D05", "O", "calls"},
    {"name", "field:name", CLEANED, "name", "R", "at most 200 characters (D03)"},
    {"name", "-", DECIDES, "name", "R", "span"},

    {"namespace", "span:aws.xray.namespace", COPY, "D28", "O", "of a legacy segment; not on what serves"},
    {"namespace", "span:rpc.system=aws-api", DECIDES, "namespace", "AR", "aws"},
    {"namespace", "span:aws.service", DECIDES, "namespace", "R", "aws, when it gave the name, too"},
    {"namespace", "span:aws.remote.service", DECIDES, "namespace", "R", "remote, on calls"},
    {"namespace", "field:kind", DECIDES, "namespace", "ARN", "remote: CLIENT, and PRODUCER (D02); none on what serves (D38)"},

    {"user", "span:enduser.id", COPY, "top", "AR", ""},
    {"user", "span:user.id", COPY, "D29", "O", ""},
    {"service.version", "resource:service.version", COPY, "top", "AR", ""},
    {"service.version", "resource:container.image.tags", COPY, "D30", "N", "its first element"},
    {"service.version", "resource:container.image.tag", COPY, "top", "R", ""},
    {"origin", "resource:aws.xray.origin", COPY, "D28", "O", "of a legacy segment; empty: it has none"},
    {"origin", "resource:cloud.platform", DECIDES, "origin", "AR", ""},
    {"origin", "resource:aws.ecs.launchtype", DECIDES, "D26", "R", "which of ECS's, in any case"},
    {"origin", "resource:cloud.provider=aws", DECIDES, "origin", "R", "or absent"},
    {"resource_arn", "resource:aws.xray.resource_arn", COPY, "D28", "O", "segments only"},
    {"traced", "span:aws.xray.traced", COPY, "D28", "O", ""},

    {"http.request.method", "span:http.method", COPY, "http", "AR", "of an old and a new name the later one counts"},
    {"http.request.method", "span:http.request.method", COPY, "http", "AR", ""},
    {"http.request.user_agent", "span:http.user_agent", COPY, "http", "AR", ""},
    {"http.request.user_agent", "span:user_agent.original", COPY, "http", "AR", ""},
    {"http.request.client_ip", "span:http.client_ip", COPY, "http", "AR", ""},
    {"http.request.client_ip", "span:client.address", COPY, "http", "R", "when it is an IP address"},
    {"http.request.client_ip", "span:net.peer.ip", COPY, "http", "R", "when nothing names the client"},
    {"http.request.client_ip", "span:network.peer.address", COPY, "http", "R", "the same, when it is an IP address"},
    {"http.request.x_forwarded_for", "span:aws.xray.x_forwarded_for", COPY, "D28", "O", ""},
    {"http.request.x_forwarded_for", "span:http.client_ip", DECIDES, "http", "AR", "a client without a peer; SERVER: one that differs (D12)"},
    {"http.request.x_forwarded_for", "span:client.address", DECIDES, "http", "AR", ""},
    {"http.request.url", "span:http.url", COPY, "http", "AR", ""},
    {"http.request.url", "span:url.full", COPY, "http", "AR", ""},
    {"http.request.url", "span:http.host", PART, "http", "R", "put together: scheme, host, port, path"},
    {"http.request.url", "span:http.server_name", PART, "http", "R", "SERVER"},
    {"http.request.url", "span:net.host.name", PART, "http", "R", "SERVER"},
    {"http.request.url", "span:host.name", PART, "http", "R", "SERVER"},
    {"http.request.url", "span:net.peer.name", PART, "http", "R", "other kinds"},
    {"http.request.url", "span:server.address", PART, "D09", "O", "SERVER: as the reference"},
    {"http.request.url", "span:net.peer.ip", PART, "http", "R", "other kinds"},
    {"http.request.url", "span:net.host.port", PART, "http", "R", "SERVER; 80 and 443 only where they are not the default"},
    {"http.request.url", "span:net.peer.port", PART, "http", "R", "other kinds"},
    {"http.request.url", "span:server.port", PART, "D09", "O", "SERVER: as the reference"},
    {"http.request.url", "span:http.target", PART, "http", "R", ""},
    {"http.request.url", "span:url.path", PART, "http", "R", ""},
    {"http.request.url", "span:url.query", PART, "http", "R", "behind ?"},
    {"http.request.url", "span:http.scheme", PART, "http", "R", "http without one"},
    {"http.request.url", "span:url.scheme", PART, "http", "R", ""},
    {"http.request.url", "-", DECIDES, "http", "R", "nothing that names a host"},
    {"http.response.status", "span:http.status_code", COPY, "http", "AR", "text and whole doubles, too (D11)"},
    {"http.response.status", "span:http.response.status_code", COPY, "http", "AR", ""},
    {"http.response.content_length", "span:messaging.message_payload_size_bytes", COPY, "http", "R", "where message.type is RECEIVED"},
    {"http.response.content_length", "event:messaging.message_payload_size_bytes", COPY, "http", "R", "the same, the first event"},
    {"http.response.content_length", "span:message.type=RECEIVED", COPY, "http", "R", "the condition"},
    {"http.response.content_length", "event:message.type=RECEIVED", COPY, "http", "R", "the condition"},
    {"http.response.content_length", "span:http.response.body.size", COPY, "D10", "O", ""},
    {"http.response.content_length", "span:http.response_content_length", COPY, "D10", "O", ""},
    {"http.response.content_length", "span:http.response.header.content-length", COPY, "D10", "O", "its first element"},
    {"http.response.content_length", "-", DECIDES, "http", "R", "0"},

    {"cause", "span:aws.xray.cause", COPY, "D28", "O", "id of an exception in another subsegment, without one here"},
    {"cause.exceptions[].id", "event:aws.xray.exception.id", COPY, "D28", "O", ""},
    {"cause.exceptions[].id", "-", DECIDES, "cause", "AR", "made: a hash of trace id, span id and an ordinal"},
    {"cause.exceptions[].type", "event:exception.type", COPY, "cause", "AR", ""},
    {"cause.exceptions[].type", "event:aws.http.error_message", DECIDES, "cause", "R", "aws.http.error.event"},
    {"cause.exceptions[].type", "event:exception.stacktrace", PART, "stack", "R", "of a cause, from the chain in the text"},
    {"cause.exceptions[].type", "-", DECIDES, "cause", "R", "empty: the status gave the message, or there is no type"},
    {"cause.exceptions[].message", "event:exception.message", COPY, "cause", "AR", ""},
    {"cause.exceptions[].message", "event:aws.http.error_message", PART, "cause", "R", "code @ seconds @ message"},
    {"cause.exceptions[].message", "event:http.response.status_code", PART, "cause", "R", "the code in it"},
    {"cause.exceptions[].message", "event:exception.stacktrace", PART, "stack", "R", "of a cause; Python's other chain (D15)"},
    {"cause.exceptions[].message", "field:status.message", COPY, "cause", "R", "status ERROR without such events"},
    {"cause.exceptions[].message", "span:http.status_text", COPY, "cause", "R", "the same without a message"},
    {"cause.exceptions[].message", "-", DECIDES, "cause", "R", "from the text of a stack trace, or empty"},
    {"cause.exceptions[].remote", "event:aws.xray.exception.remote", COPY, "D28", "O", ""},
    {"cause.exceptions[].remote", "field:kind", DECIDES, "cause", "AR", "CLIENT and PRODUCER"},
    {"cause.exceptions[].truncated", "event:aws.xray.exception.truncated", COPY, "D28", "A", ""},
    {"cause.exceptions[].truncated", "-", DECIDES, "D34", "O", "frames left out to fit 64 kB"},
    {"cause.exceptions[].skipped", "event:aws.xray.exception.skipped", COPY, "D28", "A", ""},
    {"cause.exceptions[].cause", "event:aws.xray.exception.cause", COPY, "D28", "O", ""},
    {"cause.exceptions[].cause", "event:exception.stacktrace", DECIDES, "stack", "AR", "the id of the next in a chain"},
    {"cause.exceptions[].stack[].path", "event:aws.xray.exception.stack", DECIDES, "D28", "O", "frames that Java's text cannot hold"},
    {"cause.exceptions[].stack[].path", "event:exception.stacktrace", DECIDES, "stack", "AR", "by telemetry.sdk.language (D13 to D16)"},
    {"cause.exceptions[].stack[].path", "resource:telemetry.sdk.language", DECIDES, "stack", "R", "which parser"},
    {"cause.exceptions[].stack[].line", "event:aws.xray.exception.stack", DECIDES, "D28", "O", "frames that Java's text cannot hold"},
    {"cause.exceptions[].stack[].line", "event:exception.stacktrace", DECIDES, "stack", "AR", ""},
    {"cause.exceptions[].stack[].label", "event:aws.xray.exception.stack", DECIDES, "D28", "O", "frames that Java's text cannot hold"},
    {"cause.exceptions[].stack[].label", "event:exception.stacktrace", DECIDES, "stack", "AR", ""},

    {"aws.account_id", "span:aws.account_id", COPY, "aws", "AR", ""},
    {"aws.account_id", "resource:cloud.account.id", COPY, "aws", "AR", ""},
    {"aws.operation", "span:aws.operation", COPY, "aws", "AR", ""},
    {"aws.operation", "span:rpc.method", COPY, "aws", "R", "of any RPC system"},
    {"aws.region", "span:aws.region", COPY, "aws", "AR", ""},
    {"aws.region", "span:cloud.region", COPY, "D31", "O", ""},
    {"aws.request_id", "span:aws.request_id", COPY, "aws", "AR", "the order is D36"},
    {"aws.request_id", "span:aws.requestId", COPY, "aws", "R", ""},
    {"aws.request_id", "span:aws.request.id", COPY, "D31", "O", ""},
    {"aws.queue_url", "span:messaging.url", COPY, "aws", "AR", "the order is D36"},
    {"aws.queue_url", "span:aws.queue_url", COPY, "aws", "AR", ""},
    {"aws.queue_url", "span:aws.queue.url", COPY, "aws", "R", ""},
    {"aws.queue_url", "span:aws.sqs.queue.url", COPY, "D31", "O", ""},
    {"aws.table_name", "span:aws.dynamodb.table_names", COPY, "aws", "AR", "a string, or a list of one"},
    {"aws.table_name", "span:aws.table_name", COPY, "aws", "AR", "the order is D36"},
    {"aws.table_name", "span:aws.table.name", COPY, "aws", "R", ""},
    {"aws.table_names[]", "span:aws.dynamodb.table_names", DECIDES, "aws", "AR", "a list of several"},
    {"aws.resource_names[]", "span:aws.xray.resource_names", DECIDES, "D28", "O", ""},
    {"aws.retries", "span:aws.xray.retries", COPY, "D28", "O", ""},
    {"aws.ec2.instance_id", "resource:host.id", COPY, "aws", "AR", "on EC2, or like an instance id (D25)"},
    {"aws.ec2.availability_zone", "resource:cloud.availability_zone", COPY, "aws", "AR", "null when absent"},
    {"aws.ec2.instance_size", "resource:host.type", COPY, "aws", "AR", "null when absent"},
    {"aws.ec2.ami_id", "resource:host.image.id", COPY, "aws", "AR", "null when absent"},
    {"aws.ecs.container", "resource:container.name", COPY, "aws", "AR", ""},
    {"aws.ecs.container_id", "resource:container.id", COPY, "aws", "AR", ""},
    {"aws.ecs.availability_zone", "resource:cloud.availability_zone", COPY, "aws", "AR", ""},
    {"aws.ecs.container_arn", "resource:aws.ecs.container.arn", COPY, "aws", "AR", ""},
    {"aws.ecs.cluster_arn", "resource:aws.ecs.cluster.arn", COPY, "aws", "AR", ""},
    {"aws.ecs.task_arn", "resource:aws.ecs.task.arn", COPY, "aws", "AR", ""},
    {"aws.ecs.task_family", "resource:aws.ecs.task.family", COPY, "aws", "AR", ""},
    {"aws.ecs.launch_type", "resource:aws.ecs.launchtype", COPY, "aws", "AR", ""},
    {"aws.elastic_beanstalk.environment_name", "resource:service.namespace", COPY, "aws", "AR", "null when absent"},
    {"aws.elastic_beanstalk.deployment_id", "resource:service.instance.id", COPY, "aws", "AR", "as an integer, or 0"},
    {"aws.elastic_beanstalk.version_label", "resource:service.version", COPY, "aws", "AR", "null when absent"},
    {"aws.eks.cluster_name", "resource:k8s.cluster.name", COPY, "aws", "R", "null when absent"},
    {"aws.eks.pod", "resource:k8s.pod.name", COPY, "aws", "R", "null when absent"},
    {"aws.eks.container_id", "resource:container.id", COPY, "aws", "R", "null when absent"},
    {"aws.cloudwatch_logs[].arn", "resource:aws.log.group.arns", DECIDES, "aws", "AR", "a list, or one string with & between"},
    {"aws.cloudwatch_logs[].log_group", "resource:aws.log.group.arns", DECIDES, "aws", "AR", "the name in the ARN"},
    {"aws.cloudwatch_logs[].log_group", "resource:aws.log.group.names", DECIDES, "aws", "AR", "a list, or one string with & between"},
    {"aws.cloudwatch_logs[].log_group", "config:aws_log_groups", DECIDES, "aws", "R", ""},
    {"aws.xray.sdk", "resource:telemetry.sdk.name", PART, "aws", "AR", "with the language behind \"for\""},
    {"aws.xray.sdk", "resource:telemetry.sdk.language", PART, "aws", "AR", ""},
    {"aws.xray.sdk_version", "resource:telemetry.sdk.version", COPY, "aws", "AR", ""},
    {"aws.xray.auto_instrumentation", "resource:telemetry.auto.version", DECIDES, "aws", "AR", "true when it is there"},
    {"aws.xray.auto_instrumentation", "resource:telemetry.distro.version", DECIDES, "aws", "R", "true when it is there"},
    {"aws.xray.auto_instrumentation", "-", DECIDES, "aws", "R", "false"},
    {"aws.xray.sampling_rule_name", "span:aws.xray.sampling_rule_name", COPY, "D28", "O", ""},

    {"sql.url", "span:aws.xray.sql.url", COPY, "D28", "O", "empty: it has none"},
    {"sql.url", "field:name", COPY, "sql", "R", "on purpose not a URL"},
    {"sql.connection_string", "span:aws.xray.sql.connection_string", COPY, "D28", "O", "the same"},
    {"sql.connection_string", "span:db.connection_string", PART, "sql", "R", "and the database behind /"},
    {"sql.connection_string", "span:server.address", PART, "D07", "O", "and the port"},
    {"sql.connection_string", "span:net.peer.name", PART, "D07", "O", "and the port"},
    {"sql.connection_string", "span:net.peer.ip", PART, "D07", "O", "and the port"},
    {"sql.connection_string", "span:server.port", PART, "D07", "O", ""},
    {"sql.connection_string", "span:net.peer.port", PART, "D07", "O", ""},
    {"sql.connection_string", "span:db.name", PART, "sql", "R", "localhost without a host"},
    {"sql.connection_string", "span:db.namespace", PART, "D06", "O", "localhost without a host"},
    {"sql.connection_string", "-", DECIDES, "sql", "R", "neither host nor database known"},
    {"sql.database_type", "span:aws.xray.sql.database_type", COPY, "D28", "O", "the same"},
    {"sql.database_type", "span:db.system", COPY, "sql", "AR", "relational ones only (D08 knows more)"},
    {"sql.database_type", "span:db.system.name", COPY, "D06", "O", ""},
    {"sql.user", "span:db.user", COPY, "sql", "AR", ""},
    {"sql.sanitized_query", "span:db.statement", COPY, "sql", "AR", ""},
    {"sql.sanitized_query", "span:db.query.text", COPY, "D06", "O", ""},

    {"annotations.*", "span:*", COPY, "annotation", "AR", "indexed ones; also what a block consumed (D21)"},
    {"annotations.*", "resource:*", COPY, "annotation", "R", "indexed ones, as otel.resource.KEY, on segments"},
    {"annotations.*", "span:aws.xray.annotations", DECIDES, "annotation", "R", "names more to index; consumed when it is a list"},
    {"annotations.*", "span:aws.xray.annotation.*", DECIDES, "D28", "O", "a legacy one whose name means something else"},
    {"metadata.default.*", "span:aws.xray.segment", DECIDES, "D28", "O", "true: what restates a field of the segment is left out"},
    {"metadata.default.*", "span:aws.xray.nested", DECIDES, "D28", "O", "true: what the resource says is the segment's, not the subsegment's"},
    {"metadata.default.*", "span:aws.remote.service", COPY, "shape", "R", "not on the service segment of a local root"},
    {"metadata.default.*", "span:aws.remote.operation", COPY, "shape", "R", "the same"},
    {"metadata.default.*", "span:remoteTarget", COPY, "shape", "R", "the same"},
    {"metadata.default.*", "span:K8s.RemoteNamespace", COPY, "shape", "R", "the same"},
    {"metadata.default.*", "span:*", COPY, "annotation", "R", "what no block consumed; indexed lists (D18), clashing keys (D19), long text (D20)"},
    {"metadata.default.*", "resource:*", COPY, "annotation", "R", "as otel.resource.KEY, on segments (D33)"},
    {"metadata.default.*", "span:aws.xray.metadata.*", DECIDES, "annotation", "R", "a JSON object for the namespace default"},
    {"metadata.NAMESPACE", "span:aws.xray.metadata.*", DECIDES, "annotation", "R", "null"},
    {"metadata.NAMESPACE.*", "span:aws.xray.metadata.*", DECIDES, "annotation", "R", "a JSON object; integers stay exact (D35)"},
    {"metadata.otel.events", "field:events", DECIDES, "preserve", "O", "preserve: all; what did not become an exception"},
    {"metadata.otel.scope.*", "field:scope", DECIDES, "preserve", "O", "preserve: all"},
    {"metadata.otel.resource.*", "field:resource", DECIDES, "preserve", "O", "preserve: all; schema URL, dropped count, keys without a value; attributes on subsegments"},
    {"metadata.otel.span.name", "field:name", COPY, "preserve", "O", "preserve: all; when neither the document nor sql.url has it"},
    {"metadata.otel.span.kind", "field:kind", DECIDES, "preserve", "O", "preserve: all"},
    {"metadata.otel.span.status", "field:status.code", DECIDES, "preserve", "O", "OK"},
    {"metadata.otel.span.status_message", "field:status.message", COPY, "preserve", "O", "when it is not a cause"},
    {"metadata.otel.span.trace_state", "field:traceState", DECIDES, "preserve", "O", ""},
    {"metadata.otel.span.flags", "field:flags", DECIDES, "preserve", "O", ""},
    {"metadata.otel.span.dropped_attributes_count", "field:droppedAttributesCount", DECIDES, "preserve", "O", ""},
    {"metadata.otel.span.dropped_events_count", "field:droppedEventsCount", DECIDES, "preserve", "O", ""},
    {"metadata.otel.span.dropped_links_count", "field:droppedLinksCount", DECIDES, "preserve", "O", ""},
    {"metadata.otel.span.parent_id", "field:parentSpanId", DECIDES, "preserve", "O", "of a wrong length"},
    {"metadata.otel.span.end_time", "field:endTimeUnixNano", DECIDES, "preserve", "O", "hidden by in_progress"},
    {"metadata.otel.span.attributes", "span:*", DECIDES, "preserve", "O", "what a block took without writing it; metadata as JSON whose names were taken"},
    {"metadata.otel.span.duplicate_attributes", "span:*", DECIDES, "preserve", "O", "earlier values of a key that comes again"},
    {"metadata.otel.span.unset_attributes", "span:*", DECIDES, "preserve", "O", "keys without a value"},
    {"metadata.otel.span.links", "field:links", DECIDES, "preserve", "O", "trace state, flags, dropped count per link"},
    {"metadata.otel.span.exceptions", "field:events", DECIDES, "preserve", "O", "time and attributes that an exception has no field for; a stack whose frames say less"},
    {"metadata.spanbridge.truncated.*", "-", DECIDES, "shrink", "O", "what was cut to fit 64 kB (D34)"},

    {"links[].trace_id", "field:links.traceId", DECIDES, "link", "R", ""},
    {"links[].id", "field:links.spanId", DECIDES, "link", "R", "empty for a zero id"},
    {"links[].attributes.*", "field:links.attributes", DECIDES, "link", "R", ""},
};
/* clang-format on */

const struct ray_mapping *ray_mappings(size_t *count)
{
    *count = COUNT(mappings);
    return mappings;
}

const struct ray_mapping *ray_mappings_of(struct ray_str path, size_t *count)
{
    size_t first = 0;
    while (first < COUNT(mappings) && !ray_str_eq(ray_str_from(mappings[first].path), path)) {
        first++;
    }
    size_t end = first;
    while (end < COUNT(mappings) && ray_str_eq(ray_str_from(mappings[end].path), path)) {
        end++;
    }
    *count = end - first;
    return end > first ? &mappings[first] : NULL;
}

/* --- the page --- */

static const char page_head[] =
    "# Where each field comes from\n"
    "\n"
    "Made by `spanbridge translate --mapping` from the table in `translate/mapping.c`; a test "
    "holds "
    "it equal.\n"
    "`spanbridge translate --explain` names the row for each field of your own spans.\n"
    "\n"
    "- **from**: in order of precedence. `span:`, `resource:`, `event:` an attribute there (`=`: "
    "when it has\n"
    "  that value), `field:` a field of the span in OTLP, `config:` a key of the exporter, `-` "
    "when "
    "nothing above applies.\n"
    "- **how**: `copy` the value itself, `part` together with others, `cleaned` what X-Ray allows "
    "of it, `code` decided\n"
    "  by it when it is an HTTP status of 400 to 599, `decides` another value is chosen by it.\n"
    "- **rule**: a part of [translation.md](translation.md), or a Dnn of its last table, where we "
    "differ from the reference.\n"
    "- **source**: A the AWS X-Ray developer guide, R behaviour of awsxrayexporter 0.130, N of "
    "0.156, O ours.\n"
    "\n"
    "| field | from | how | rule | source | |\n"
    "|---|---|---|---|---|---|\n";

static const char *how_word(enum ray_mapping_how how)
{
    static const char *const words[] = {
        [RAY_MAPPED_COPY] = "copy",       [RAY_MAPPED_PART] = "part",
        [RAY_MAPPED_CLEANED] = "cleaned", [RAY_MAPPED_CODE] = "code",
        [RAY_MAPPED_DECIDES] = "decides",
    };
    return words[how];
}

/* "AR" as "A, R". */
static void write_letters(const char *letters, struct ray_buf *out)
{
    for (const char *c = letters; *c != '\0'; c++) {
        ray_buf_printf(out, "%s%c", c == letters ? "" : ", ", *c);
    }
}

static void write_row(const struct ray_mapping *row, bool first, struct ray_buf *out)
{
    ray_buf_append_byte(out, '|');
    if (first) {
        ray_buf_printf(out, " `%s`", row->path);
    }
    ray_buf_printf(out, " | `%s` | %s | %s | ", row->from, how_word(row->how), row->rule);
    write_letters(row->source, out);
    ray_buf_printf(out, " | %s%s|\n", row->note, row->note[0] ? " " : "");
}

void ray_mapping_write_page(struct ray_buf *out)
{
    ray_buf_append(out, RAY_STR(page_head));
    for (size_t i = 0; i < COUNT(mappings); i++) {
        bool first = i == 0 || strcmp(mappings[i].path, mappings[i - 1].path) != 0;
        write_row(&mappings[i], first, out);
    }
}
