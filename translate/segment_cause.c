/*
 * segment_cause: see segment_cause.h. Fields: X-Ray developer guide, segment documents: errors and
 * exceptions. Attributes: D28.
 */
#include "translate/segment_cause.h"

#include "core/buf.h"
#include "core/codec.h"
#include "translate/facts.h"
#include "translate/made_id.h"

/* Text that does not end its line. */
static void append_line_text(struct ray_buf *out, struct ray_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool ends_line = text.ptr[i] == '\n' || text.ptr[i] == '\r';
        ray_buf_append(out, ends_line ? RAY_STR(" ") : (struct ray_str){&text.ptr[i], 1});
    }
}

static bool has_any(struct ray_str text, const char *bytes)
{
    for (; *bytes != '\0'; bytes++) {
        if (ray_str_find_byte(text, *bytes) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* What the rules for Java's text (stacktrace.c) read back as it was. */
static bool is_plain_frame(const struct ray_value *frame)
{
    return frame->kind == RAY_VALUE_MAP &&
           !has_any(ray_value_member_string(frame, RAY_STR("label")), "(/\n\r") &&
           !has_any(ray_value_member_string(frame, RAY_STR("path")), ":\n\r");
}

static void write_frame(struct ray_buf *out, const struct ray_value *frame)
{
    const struct ray_value *line = ray_value_member(frame, RAY_STR("line"), RAY_VALUE_INT);
    ray_buf_append(out, RAY_STR("\tat "));
    append_line_text(out, ray_value_member_string(frame, RAY_STR("label")));
    ray_buf_append_byte(out, '(');
    append_line_text(out, ray_value_member_string(frame, RAY_STR("path")));
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
    const struct ray_value *stack = ray_value_member(exception, RAY_STR("stack"), RAY_VALUE_LIST);
    struct ray_buf text;
    bool plain = true;
    if (stack == NULL || stack->as.list.count == 0) {
        return;
    }
    ray_buf_init(&text, SIZE_MAX / 2);
    append_line_text(&text, ray_value_member_string(exception, RAY_STR("type")));
    ray_buf_append(&text, RAY_STR(": "));
    append_line_text(&text, ray_value_member_string(exception, RAY_STR("message")));
    ray_buf_append_byte(&text, '\n');
    for (size_t i = 0; i < stack->as.list.count; i++) {
        write_frame(&text, &stack->as.list.items[i]);
        plain &= is_plain_frame(&stack->as.list.items[i]);
    }
    struct ray_value value = ray_value_of_string(ray_arena_copy(sink->arena, ray_buf_str(&text)));
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
static const struct ray_segment_field exception_fields[] = {
    RAY_SEGMENT_FIELD("type",      STRING, SPAN, "exception.type"),
    RAY_SEGMENT_FIELD("message",   STRING, SPAN, "exception.message"),
    RAY_SEGMENT_FIELD("id",        STRING, SPAN, "aws.xray.exception.id"),
    RAY_SEGMENT_FIELD("remote",    BOOL,   SPAN, "aws.xray.exception.remote"),
    RAY_SEGMENT_FIELD("cause",     STRING, SPAN, "aws.xray.exception.cause"),
    RAY_SEGMENT_FIELD("truncated", INT,    SPAN, "aws.xray.exception.truncated"),
    RAY_SEGMENT_FIELD("skipped",   INT,    SPAN, "aws.xray.exception.skipped"),
    RAY_SEGMENT_FIELD("stack",     LIST,   ELSEWHERE, ""),
};
/* clang-format on */
static const struct ray_segment_block exception_block =
    RAY_SEGMENT_BLOCK("exception.", exception_fields);

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
    ray_sink_add_string(event, RAY_STR("aws.xray.exception.id"),
                        (struct ray_str){hex, sizeof(id) * 2});
}

static struct ray_event take_exception(const struct ray_segment *segment,
                                       const struct ray_value *exception, struct ray_made_ids *ids,
                                       struct ray_segment_sink *sink)
{
    struct ray_segment_sink event = {.arena = sink->arena}; /* its attributes are the event's */
    ray_sink_take_block(segment, &exception_block, exception, &event);
    if (ray_value_member_string(exception, RAY_STR("id")).len == 0) {
        add_made_id(&event, ids);
    }
    if (ray_value_member(exception, RAY_STR("remote"), RAY_VALUE_BOOL) == NULL) {
        ray_sink_add_bool(&event, RAY_STR("aws.xray.exception.remote"), false);
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
            ray_sink_add_unknown(sink, RAY_STR("cause."), RAY_STR("exceptions"), exception);
        }
    }
}

bool ray_segment_take_cause(const struct ray_segment *segment, const struct ray_value *cause,
                            struct ray_segment_sink *sink)
{
    if (ray_value_string(cause).len == (size_t)2 * RAY_SPAN_ID_BYTES) {
        ray_sink_add_string(sink, RAY_STR("aws.xray.cause"), cause->as.string);
        return true;
    }
    if (cause->kind != RAY_VALUE_MAP) {
        return false;
    }
    const struct ray_value *exceptions =
        ray_value_member(cause, RAY_STR("exceptions"), RAY_VALUE_LIST);
    if (exceptions != NULL) {
        take_exceptions(segment, exceptions, sink);
    }
    for (size_t i = 0; i < cause->as.map.count; i++) {
        if (&cause->as.map.items[i].value != exceptions) {
            ray_sink_add_unknown(sink, RAY_STR("cause."), cause->as.map.items[i].key,
                                 &cause->as.map.items[i].value);
        }
    }
    return true;
}
