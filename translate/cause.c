/*
 * cause: see cause.h.
 *
 * Fields: X-Ray developer guide, segment documents: errors and exceptions. Which event becomes
 * what: awsxrayexporter 0.130 behaviour. Attributes aws.xray.exception.*: D28, what the segment
 * receiver wrote for a legacy segment.
 */
#include "translate/cause.h"

#include "core/codec.h"
#include "core/map.h"
#include "translate/http.h"

#define HTTP_ERROR     400
#define HTTP_THROTTLED 429
#define HTTP_FAULT     500
#define HTTP_END       600

static void judge(struct ray_cause *cause, int64_t code, bool status_is_error)
{
    cause->error = code >= HTTP_ERROR && code < HTTP_FAULT;
    cause->throttle = code == HTTP_THROTTLED;
    cause->by_code = code >= HTTP_ERROR && code < HTTP_END;
    cause->fault = (code >= HTTP_FAULT && code < HTTP_END) || (status_is_error && !cause->error);
}

/* What a legacy segment said of itself is right (segment_to_span). */
static void override(bool *flag, struct ray_facts *facts, enum ray_key key)
{
    const struct ray_value *said = ray_facts_last(facts, key);
    if (said != NULL && said->kind == RAY_VALUE_BOOL) {
        *flag = said->as.boolean;
        ray_facts_consume(facts, key);
    }
}

static void override_flags(struct ray_cause *cause, struct ray_facts *facts)
{
    override(&cause->fault, facts, RAY_KEY_XRAY_FAULT);
    override(&cause->error, facts, RAY_KEY_XRAY_ERROR);
    override(&cause->throttle, facts, RAY_KEY_XRAY_THROTTLE);
}

static bool is_exception(const struct ray_event *event)
{
    return ray_str_eq(event->name, RAY_STR("exception"));
}

/* The AWS SDK for Java reports each failed attempt of a call as one of these. */
static bool is_http_failure(const struct ray_event *event, const struct ray_shape *shape)
{
    return shape->aws_sdk && ray_str_eq(event->name, RAY_STR("HTTP request failure"));
}

static bool has_exceptions(const struct ray_span *span, const struct ray_shape *shape)
{
    for (size_t i = 0; i < span->event_count; i++) {
        if (is_exception(&span->events[i]) || is_http_failure(&span->events[i], shape)) {
            return true;
        }
    }
    return false;
}

static struct ray_exception *last_of(struct ray_exception *exception)
{
    while (exception->next != NULL) {
        exception = exception->next;
    }
    return exception;
}

static void apply_legacy(const struct ray_attributes *event, struct ray_exception *exception)
{
    const struct ray_value *remote =
        ray_attributes_find(event, RAY_STR("aws.xray.exception.remote"));
    if (remote != NULL && remote->kind == RAY_VALUE_BOOL) {
        exception->has_remote = true;
        exception->remote = remote->as.boolean;
    }
    const struct ray_value *truncated =
        ray_attributes_find(event, RAY_STR("aws.xray.exception.truncated"));
    const struct ray_value *skipped =
        ray_attributes_find(event, RAY_STR("aws.xray.exception.skipped"));
    exception->truncated = ray_value_int(truncated);
    exception->skipped = ray_value_int(skipped);
    exception->has_truncated = truncated != NULL && truncated->kind == RAY_VALUE_INT;
    exception->has_skipped = skipped != NULL && skipped->kind == RAY_VALUE_INT;
}

/* Frames that no text can hold. True when there were any. */
static bool take_legacy_stack(const struct ray_attributes *event, struct ray_exception *exception,
                              struct ray_stack_builder *builder)
{
    const struct ray_value *stack = ray_attributes_find(event, RAY_STR("aws.xray.exception.stack"));
    size_t count = stack != NULL && stack->kind == RAY_VALUE_LIST ? stack->as.list.count : 0;
    if (count == 0) {
        return false;
    }
    struct ray_frame *frames = RAY_ARENA_ARRAY(builder->arena, struct ray_frame, count);
    if (frames == NULL) {
        builder->failed = true;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ray_value *item = &stack->as.list.items[i];
        struct ray_attributes members = {NULL, 0};
        if (item->kind == RAY_VALUE_MAP) {
            members = (struct ray_attributes){item->as.map.items, item->as.map.count};
        }
        frames[i] = (struct ray_frame){
            .path = ray_attributes_string(&members, RAY_STR("path")),
            .label = ray_attributes_string(&members, RAY_STR("label")),
            .line = ray_value_int(ray_attributes_find(&members, RAY_STR("line"))),
            .next = i + 1 < count ? &frames[i + 1] : NULL,
        };
    }
    exception->frames = frames;
    exception->frame_count = count;
    return true;
}

/* 16 hexadecimal digits, not all zero, that no other exception of the document has. */
static bool is_new_id(struct ray_str id, struct ray_map *used, struct ray_stack_builder *builder)
{
    uint8_t bytes[RAY_SPAN_ID_BYTES];
    if (ray_hex_decode(id, bytes, sizeof(bytes)) != RAY_OK ||
        ray_bytes_all_zero((struct ray_str){(const char *)bytes, sizeof(bytes)})) {
        return false;
    }
    bool added = false;
    builder->failed |= ray_map_put(used, id, &added) == NULL;
    return added;
}

static struct ray_exception *from_exception(const struct ray_event *event,
                                            const struct ray_shape *shape, struct ray_str language,
                                            struct ray_map *used, struct ray_stack_builder *builder)
{
    const struct ray_attributes *attributes = &event->attributes;
    struct ray_str id = ray_attributes_string(attributes, RAY_STR("aws.xray.exception.id"));
    struct ray_exception *exception = ray_exception_new(builder);
    if (exception == NULL) {
        return NULL;
    }
    exception->type = ray_attributes_string(attributes, RAY_STR("exception.type"));
    exception->message = ray_attributes_string(attributes, RAY_STR("exception.message"));
    exception->has_remote = true;
    exception->remote = shape->kind == RAY_SPAN_CLIENT || shape->kind == RAY_SPAN_PRODUCER;
    apply_legacy(attributes, exception);
    struct ray_str cause = ray_attributes_string(attributes, RAY_STR("aws.xray.exception.cause"));
    struct ray_str text = ray_attributes_string(attributes, RAY_STR("exception.stacktrace"));
    if (id.len > 0) {
        exception->legacy = shape->was_segment;
        exception->id = is_new_id(id, used, builder) ? id : exception->id;
        language = RAY_STR("java"); /* the form that the receiver writes, whatever the language */
    }
    bool has_stack = exception->legacy && take_legacy_stack(attributes, exception, builder);
    if (!has_stack && text.len > 0) {
        ray_stacktrace_parse(language, text, exception, builder);
    }
    if (exception->cause.len == 0 || (id.len > 0 && cause.len > 0)) {
        exception->cause = cause; /* a segment's own word counts before its stack's */
    }
    return exception;
}

static const struct ray_value *failure_code(const struct ray_event *event)
{
    return ray_attributes_find(&event->attributes, RAY_STR("http.response.status_code"));
}

static const struct ray_value *failure_message(const struct ray_event *event)
{
    return ray_attributes_find(&event->attributes, RAY_STR("aws.http.error_message"));
}

static struct ray_exception *from_http_failure(const struct ray_event *event,
                                               struct ray_stack_builder *builder)
{
    const struct ray_value *code = failure_code(event), *message = failure_message(event);
    if (code == NULL || message == NULL) {
        return NULL;
    }
    struct ray_exception *exception = ray_exception_new(builder);
    if (exception == NULL) {
        return NULL;
    }
    uint64_t us = event->time_unix_ns / 1000;
    exception->type = RAY_STR("aws.http.error.event");
    exception->has_remote = exception->remote = true;
    exception->message = ray_arena_printf(
        builder->arena, "%.*s@%llu.%06llu@%.*s", RAY_STR_ARG(ray_value_text(code, builder->arena)),
        (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000),
        RAY_STR_ARG(ray_value_string(message)));
    return exception;
}

static void collect_events(struct ray_cause *cause, const struct ray_span *span,
                           const struct ray_shape *shape, struct ray_str language,
                           struct ray_stack_builder *builder)
{
    struct ray_exception **end = &cause->exceptions;
    struct ray_map used; /* ids */
    ray_map_init(&used, builder->arena, (uintptr_t)builder->arena);
    for (size_t i = 0; i < span->event_count && !builder->failed; i++) {
        struct ray_exception *exception = NULL;
        if (is_exception(&span->events[i])) {
            exception = from_exception(&span->events[i], shape, language, &used, builder);
        } else if (is_http_failure(&span->events[i], shape)) {
            exception = from_http_failure(&span->events[i], builder);
        }
        if (exception != NULL) {
            exception->event = &span->events[i];
            *end = exception;
            end = &last_of(exception)->next;
        }
    }
}

static void collect_status(struct ray_cause *cause, const struct ray_span *span,
                           struct ray_facts *facts, struct ray_stack_builder *builder)
{
    struct ray_str message = span->status_message;
    if (message.len == 0) {
        message = ray_facts_last_string(facts, RAY_KEY_HTTP_STATUS_TEXT);
    }
    ray_facts_consume(facts, RAY_KEY_HTTP_STATUS_TEXT);
    if (message.len == 0) {
        return;
    }
    cause->exceptions = ray_exception_new(builder);
    if (cause->exceptions != NULL) {
        cause->exceptions->message = message;
        cause->present = true;
        cause->took_message = true;
    }
}

bool ray_cause_takes(const struct ray_event *event, const struct ray_shape *shape)
{
    return is_exception(event) || (is_http_failure(event, shape) && failure_code(event) != NULL &&
                                   failure_message(event) != NULL);
}

#define UNKNOWN_PREFIX RAY_STR("aws.xray.field.exception.")

/* Of "aws.xray.field.exception.NAME"; empty for others, and for names that are written anyway. */
static struct ray_str unknown_name(const struct ray_attribute *attribute)
{
    static const struct ray_str written[] = {
        RAY_STR_INIT("id"),     RAY_STR_INIT("type"),      RAY_STR_INIT("message"),
        RAY_STR_INIT("remote"), RAY_STR_INIT("truncated"), RAY_STR_INIT("skipped"),
        RAY_STR_INIT("cause"),  RAY_STR_INIT("stack"),
    };
    if (!ray_str_starts_with(attribute->key, UNKNOWN_PREFIX)) {
        return RAY_STR("");
    }
    struct ray_str name = ray_str_from_pos(attribute->key, UNKNOWN_PREFIX.len);
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        if (ray_str_eq(written[i], name)) {
            return RAY_STR("");
        }
    }
    return name;
}

bool ray_cause_shows(const struct ray_event *event, const struct ray_exception *exception,
                     const struct ray_attribute *attribute)
{
    static const struct {
        struct ray_str key;
        enum ray_value_kind kind; /* of what is written */
        bool as_frames;
    } shown[] = {
        {RAY_STR_INIT("exception.type"), RAY_VALUE_STRING, false},
        {RAY_STR_INIT("exception.message"), RAY_VALUE_STRING, false},
        {RAY_STR_INIT("exception.stacktrace"), RAY_VALUE_STRING, true},
        {RAY_STR_INIT("aws.xray.exception.id"), RAY_VALUE_STRING, false},
        {RAY_STR_INIT("aws.xray.exception.cause"), RAY_VALUE_STRING, false},
        {RAY_STR_INIT("aws.xray.exception.remote"), RAY_VALUE_BOOL, false},
        {RAY_STR_INIT("aws.xray.exception.truncated"), RAY_VALUE_INT, false},
        {RAY_STR_INIT("aws.xray.exception.skipped"), RAY_VALUE_INT, false},
    };
    const struct ray_value *value = &attribute->value;
    if (exception == NULL || ray_attributes_find(&event->attributes, attribute->key) != value) {
        return false; /* the first of duplicates counts */
    }
    if (exception->legacy && unknown_name(attribute).len > 0) {
        return true;
    }
    if (!is_exception(event)) {
        return (value == failure_code(event) && value->kind < RAY_VALUE_LIST) ||
               (value == failure_message(event) && value->kind == RAY_VALUE_STRING);
    }
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (ray_str_eq(shown[i].key, attribute->key)) {
            return value->kind == shown[i].kind &&
                   (!shown[i].as_frames || ray_stacktrace_is_whole(exception, value->as.string));
        }
    }
    return false;
}

struct ray_cause ray_cause_collect(const struct ray_span *span, const struct ray_shape *shape,
                                   struct ray_facts *facts, struct ray_str language,
                                   struct ray_made_ids *ids, struct ray_arena *arena)
{
    struct ray_cause cause = {0};
    struct ray_stack_builder builder = {.arena = arena, .ids = ids};
    bool status_is_error = span->status_code == RAY_SPAN_STATUS_ERROR;
    judge(&cause, ray_http_code(facts), status_is_error);
    override_flags(&cause, facts);
    struct ray_str elsewhere = ray_facts_last_string(facts, RAY_KEY_XRAY_CAUSE);
    if (elsewhere.len == (size_t)2 * RAY_SPAN_ID_BYTES) { /* what is no id stays an attribute */
        cause.elsewhere = elsewhere;
    }
    if (has_exceptions(span, shape)) {
        cause.present = true;
        collect_events(&cause, span, shape, language, &builder);
    } else if (cause.elsewhere.len > 0) {
        cause.present = true;
        ray_facts_consume(facts, RAY_KEY_XRAY_CAUSE);
    } else if (status_is_error) {
        collect_status(&cause, span, facts, &builder);
    }
    cause.failed = builder.failed;
    return cause;
}

static void write_stack(const struct ray_exception *exception, size_t frames,
                        struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "stack");
    ray_json_array_begin(w);
    for (const struct ray_frame *frame = exception->frames; frame != NULL && frames > 0;
         frame = frame->next, frames--) {
        ray_json_object_begin(w);
        RAY_JSON_KEY(w, "path");
        ray_json_string(w, frame->path);
        RAY_JSON_KEY(w, "line");
        ray_json_i64(w, frame->line);
        RAY_JSON_KEY(w, "label");
        ray_json_string(w, frame->label);
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

static void write_int_if(bool wanted, struct ray_json_writer *w, struct ray_str quoted_key,
                         int64_t value)
{
    if (wanted) {
        ray_json_raw_key(w, quoted_key);
        ray_json_i64(w, value);
    }
}

/* Members of a segment's exception that neither model knows (segment_cause). */
static void write_unknown(const struct ray_exception *exception, const struct ray_limits *limits,
                          struct ray_arena *arena, struct ray_json_writer *w)
{
    const struct ray_event *event = exception->legacy ? exception->event : NULL;
    for (size_t i = 0; event != NULL && i < event->attributes.count; i++) {
        struct ray_str name = unknown_name(&event->attributes.items[i]);
        if (name.len > 0 && limits->entry_bytes > 0) {
            ray_json_key(w, name);
            ray_value_write(&event->attributes.items[i].value, limits, arena, w);
        }
    }
}

static void write_exception(const struct ray_exception *exception, const struct ray_limits *limits,
                            struct ray_arena *arena, struct ray_json_writer *w)
{
    size_t frames = exception->frame_count;
    if (frames > limits->frames) {
        frames = limits->frames;
        ray_limits_note(limits, RAY_CUT_STACKS);
    }
    int64_t left_out = (int64_t)(exception->frame_count - frames);
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "id");
    ray_json_string(w, exception->id);
    RAY_JSON_KEY(w, "type");
    ray_json_string(w, exception->type);
    RAY_JSON_KEY(w, "message");
    ray_json_string(
        w, ray_limits_cut(limits, exception->message, limits->message_bytes, RAY_CUT_MESSAGES));
    if (exception->has_remote) {
        RAY_JSON_KEY(w, "remote");
        ray_json_bool(w, exception->remote);
    }
    /* what a client says it cut itself may be any number */
    int64_t truncated =
        exception->truncated > INT64_MAX - left_out ? INT64_MAX : exception->truncated + left_out;
    write_int_if(exception->has_truncated || left_out > 0, w, RAY_STR("\"truncated\":"), truncated);
    write_int_if(exception->has_skipped, w, RAY_STR("\"skipped\":"), exception->skipped);
    RAY_WRITE_IF_ANY(w, "cause", exception->cause);
    write_unknown(exception, limits, arena, w);
    if (frames > 0) {
        write_stack(exception, frames, w);
    }
    ray_json_object_end(w);
}

void ray_cause_write(const struct ray_cause *cause, const struct ray_limits *limits,
                     struct ray_arena *arena, struct ray_json_writer *w)
{
    if (cause->exceptions == NULL && cause->elsewhere.len > 0) {
        ray_json_string(w, cause->elsewhere);
        return;
    }
    ray_json_object_begin(w);
    if (cause->exceptions != NULL) {
        RAY_JSON_KEY(w, "exceptions");
        ray_json_array_begin(w);
        for (const struct ray_exception *e = cause->exceptions; e != NULL; e = e->next) {
            write_exception(e, limits, arena, w);
        }
        ray_json_array_end(w);
    }
    ray_json_object_end(w);
}
