/*
 * segment_to_span: see segment_to_span.h. The walk over a document and what every span has; the
 * fields are in segment_fields.c.
 *
 * Members may come in any order, so a nested subsegment is often read before the id and the trace
 * of the one around it: whoever finishes gives its id to those in its range that have no parent
 * yet, and the root gives its trace to all.
 */
#include "translate/segment_to_span.h"

#include "core/codec.h"
#include "core/json_reader.h"
#include "translate/facts.h"
#include "translate/json_value.h"
#include "translate/segment_fields.h"
#include "xray/trace_id.h"

#include <stdio.h>
#include <string.h>

#define NS_DIGITS    9 /* behind the point of a second */
#define EXPONENT_MAX 30

struct walk {
    struct ray_json_reader reader;
    struct ray_arena *arena;
    struct ray_span *spans;
    size_t count, capacity;
    struct ray_attribute_list resource;
    const char *start;
    enum ray_status status; /* of the first failure */
    const char *message;
    size_t at;
};

static bool fail(struct walk *walk, enum ray_status status, const char *message, const char *at)
{
    if (walk->status == RAY_OK) {
        walk->status = status;
        walk->message = message;
        walk->at = (size_t)(at - walk->start);
    }
    return false;
}

static bool fail_of_memory(struct walk *walk)
{
    return fail(walk, RAY_NOMEM, "memory is used up", walk->reader.pos);
}

/* --- scalars --- */

/* The digit at a place of "1478293361.271", the point left out; 0 behind its end. */
static bool digit_at(struct ray_str number, size_t point, size_t place, unsigned *digit)
{
    size_t at = place < point ? place : place + 1;
    *digit = 0;
    if (at < number.len) {
        *digit = (unsigned)(unsigned char)number.ptr[at] - '0';
    }
    return *digit <= 9;
}

/* Seconds as "1461096053.37518" or "1.46109605337518E9" (Java's): a double has not digits enough
 * for nanoseconds, so they are taken from the text. False unless it is a number that fits. */
static bool parse_time(struct ray_str text, uint64_t *unix_ns)
{
    size_t e = ray_str_find_byte(text, 'E');
    e = e == SIZE_MAX ? ray_str_find_byte(text, 'e') : e;
    struct ray_str number = ray_str_until(text, e);
    struct ray_str power = e == SIZE_MAX ? RAY_STR("0") : ray_str_from_pos(text, e + 1);
    size_t point = ray_str_find_byte(number, '.');
    point = point == SIZE_MAX ? number.len : point;
    int64_t exponent;
    power = ray_str_from_pos(power, power.len > 0 && power.ptr[0] == '+' ? 1 : 0);
    if (number.len == 0 || ray_str_to_i64(power, &exponent) != RAY_OK || exponent < -EXPONENT_MAX ||
        exponent > EXPONENT_MAX) {
        return false;
    }
    int64_t places = (int64_t)point + exponent + NS_DIGITS;
    uint64_t ns = 0;
    for (int64_t i = 0; i < places || (size_t)i + 1 < number.len; i++) {
        unsigned digit;
        if (!digit_at(number, point, (size_t)i, &digit) ||
            (i < places && ns > (UINT64_MAX - digit) / 10)) {
            return false;
        }
        ns = i < places ? ns * 10 + digit : ns;
    }
    *unix_ns = ns;
    return true;
}

static bool parse_id(struct walk *walk, struct ray_str text, struct ray_str *id)
{
    uint8_t *bytes = (uint8_t *)ray_arena_alloc_text(walk->arena, RAY_SPAN_ID_BYTES);
    if (bytes == NULL) {
        return fail_of_memory(walk);
    }
    if (ray_hex_decode(text, bytes, RAY_SPAN_ID_BYTES) != RAY_OK) {
        return false;
    }
    *id = (struct ray_str){(const char *)bytes, RAY_SPAN_ID_BYTES};
    return true;
}

static bool parse_trace_id(struct walk *walk, struct ray_str text, struct ray_str *id)
{
    struct ray_trace_id *trace_id = RAY_ARENA_NEW(walk->arena, struct ray_trace_id);
    if (trace_id == NULL) {
        return fail_of_memory(walk);
    }
    if (ray_trace_id_parse(text, trace_id) != RAY_OK) {
        return false;
    }
    *id = (struct ray_str){(const char *)trace_id->bytes, sizeof(trace_id->bytes)};
    return true;
}

/* --- reading one object --- */

/* Members that every span needs: their text says where they stand, and of times all digits. */
enum head { NAME, ID, TRACE_ID, PARENT_ID, START_TIME, END_TIME, HEADS };
static const struct ray_str head_names[HEADS] = {
    [NAME] = RAY_STR_INIT("name"),
    [ID] = RAY_STR_INIT("id"),
    [TRACE_ID] = RAY_STR_INIT("trace_id"),
    [PARENT_ID] = RAY_STR_INIT("parent_id"),
    [START_TIME] = RAY_STR_INIT("start_time"),
    [END_TIME] = RAY_STR_INIT("end_time"),
};
struct texts {
    struct ray_str raw[HEADS]; /* views into the document; NULL: not there */
};

static struct ray_span *add_span(struct walk *walk)
{
    if (walk->count == RAY_REQUEST_SPANS_MAX) {
        fail(walk, RAY_TOO_BIG, "too many subsegments", walk->reader.pos);
        return NULL;
    }
    if (walk->count == walk->capacity) {
        size_t capacity = walk->capacity > 0 ? walk->capacity * 2 : 4;
        struct ray_span *more = RAY_ARENA_ARRAY(walk->arena, struct ray_span, capacity);
        if (more == NULL) {
            fail_of_memory(walk);
            return NULL;
        }
        if (walk->count > 0) {
            memcpy(more, walk->spans, walk->count * sizeof(*more));
        }
        walk->spans = more;
        walk->capacity = capacity;
    }
    return &walk->spans[walk->count++];
}

static bool read_member(struct walk *walk, struct ray_str key, struct ray_segment *segment,
                        struct texts *texts)
{
    struct ray_str raw;
    struct ray_value value = {0};
    if (!ray_json_skip_value(&walk->reader, &raw)) {
        return false;
    }
    for (unsigned i = 0; i < HEADS; i++) {
        if (ray_str_eq(key, head_names[i])) {
            texts->raw[i] = raw;
        }
    }
    if (ray_str_eq(key, RAY_STR("metadata"))) {
        segment->metadata = raw;
        return true;
    }
    enum ray_status status = ray_value_from_json(raw, walk->arena, &value);
    if (status == RAY_INVALID) { /* nested too deep, or no double holds it: kept as text */
        value.kind = RAY_VALUE_STRING;
        value.as.string = raw;
    }
    if (status == RAY_NOMEM ||
        !ray_attribute_list_add(&segment->members, walk->arena, key, &value)) {
        return fail_of_memory(walk);
    }
    return true;
}

static bool read_segment(struct walk *walk, unsigned depth);

static bool read_subsegments(struct walk *walk, unsigned depth)
{
    if (ray_json_peek(&walk->reader) == RAY_JSON_NULL) {
        return ray_json_read_null(&walk->reader);
    }
    if (depth == RAY_SUBSEGMENT_DEPTH_MAX) {
        return fail(walk, RAY_TOO_BIG, "subsegments are nested too deep", walk->reader.pos);
    }
    if (!ray_json_enter_array(&walk->reader)) {
        return false;
    }
    while (ray_json_next_element(&walk->reader)) {
        if (!read_segment(walk, depth + 1)) {
            return false;
        }
    }
    return !walk->reader.failed;
}

static struct ray_str text_of(const struct ray_segment *segment, struct ray_str key)
{
    return ray_value_string(ray_segment_find(&segment->members, key));
}

/* The value's first byte, or, when it is missing, the object's. */
static bool fail_of(struct walk *walk, enum head head, const char *message,
                    const struct texts *texts, const char *where)
{
    const char *value = texts->raw[head].ptr;
    return fail(walk, RAY_INVALID, message, value != NULL ? value : where);
}

/* Ids and times. `where` is the object's first byte. */
static bool take_head(struct walk *walk, struct ray_segment *segment, const struct texts *texts,
                      const char *where, struct ray_span *span)
{
    struct ray_str parent = text_of(segment, head_names[PARENT_ID]);
    segment->name = text_of(segment, head_names[NAME]);
    span->name = segment->name;
    if (segment->name.len == 0) {
        return fail_of(walk, NAME, "a segment without a name", texts, where);
    }
    if (!parse_id(walk, text_of(segment, head_names[ID]), &span->span_id) ||
        ray_bytes_all_zero(span->span_id)) {
        return fail_of(walk, ID, "id is not 16 hexadecimal digits", texts, where);
    }
    if (!segment->nested &&
        (!parse_trace_id(walk, text_of(segment, head_names[TRACE_ID]), &span->trace_id) ||
         ray_bytes_all_zero(span->trace_id))) {
        return fail_of(walk, TRACE_ID, "trace_id is not of the form 1-8-24", texts, where);
    }
    if (parent.len > 0 && !parse_id(walk, parent, &span->parent_id)) {
        return fail_of(walk, PARENT_ID, "parent_id is not 16 hexadecimal digits", texts, where);
    }
    if (!parse_time(texts->raw[START_TIME], &span->start_unix_ns)) {
        return fail_of(walk, START_TIME, "start_time is not seconds since 1970", texts, where);
    }
    const struct ray_value *end = ray_segment_find(&segment->members, head_names[END_TIME]);
    if (end != NULL && end->kind != RAY_VALUE_NONE &&
        !parse_time(texts->raw[END_TIME], &span->end_unix_ns)) {
        return fail_of(walk, END_TIME, "end_time is not seconds since 1970", texts, where);
    }
    return true;
}

static int32_t kind_of(const struct ray_segment *segment)
{
    if (!segment->subsegment) {
        return RAY_SPAN_SERVER;
    }
    return text_of(segment, RAY_STR("namespace")).len > 0 ? RAY_SPAN_CLIENT : RAY_SPAN_INTERNAL;
}

static bool take_segment(struct walk *walk, struct ray_segment *segment, const struct texts *texts,
                         const char *where, size_t index)
{
    struct ray_span span = {0};
    segment->subsegment =
        segment->nested || ray_str_eq(text_of(segment, RAY_STR("type")), RAY_STR("subsegment"));
    if (!take_head(walk, segment, texts, where, &span)) {
        return false;
    }
    span.kind = kind_of(segment);
    struct ray_segment_sink sink = {
        .arena = walk->arena, .resource = &walk->resource, .span = &span};
    ray_segment_take_fields(segment, &sink);
    if (sink.failed) {
        return fail_of_memory(walk);
    }
    for (size_t i = index + 1; i < walk->count; i++) {
        if (walk->spans[i].parent_id.len == 0) {
            walk->spans[i].parent_id = span.span_id;
        }
    }
    walk->spans[index] = span;
    return true;
}

static bool read_segment(struct walk *walk, unsigned depth)
{
    struct ray_segment segment = {.nested = depth > 0};
    struct texts texts = {0};
    struct ray_str key;
    size_t index = walk->count;
    ray_json_peek(&walk->reader); /* white space is behind us */
    const char *where = walk->reader.pos;
    if (!ray_json_enter_object(&walk->reader) || add_span(walk) == NULL) {
        return false;
    }
    while (ray_json_next_key(&walk->reader, &key)) {
        bool read = ray_str_eq(key, RAY_STR("subsegments"))
                        ? read_subsegments(walk, depth)
                        : read_member(walk, key, &segment, &texts);
        if (!read) {
            return false;
        }
    }
    return !walk->reader.failed && take_segment(walk, &segment, &texts, where, index);
}

/* --- the document --- */

static enum ray_status finish(struct walk *walk, struct ray_request *out)
{
    struct ray_resource_spans *resource = RAY_ARENA_NEW(walk->arena, struct ray_resource_spans);
    struct ray_scope_spans *scope = RAY_ARENA_NEW(walk->arena, struct ray_scope_spans);
    if (resource == NULL || scope == NULL) {
        return RAY_NOMEM;
    }
    for (size_t i = 1; i < walk->count; i++) {
        walk->spans[i].trace_id = walk->spans[0].trace_id;
    }
    scope->spans = walk->spans;
    scope->span_count = walk->count;
    resource->attributes = (struct ray_attributes){walk->resource.items, walk->resource.count};
    resource->scopes = scope;
    resource->scope_count = 1;
    *out = (struct ray_request){resource, 1, walk->count};
    return RAY_OK;
}

enum ray_status ray_segment_to_spans(struct ray_str document, struct ray_arena *arena,
                                     struct ray_request *out, struct ray_decode_error *error)
{
    struct walk walk = {.arena = arena};
    ray_json_read_init(&walk.reader, document, arena, RAY_JSON_DEPTH_MAX);
    walk.start = walk.reader.start;
    if (read_segment(&walk, 0) && ray_json_at_end(&walk.reader)) {
        return finish(&walk, out);
    }
    if (walk.status == RAY_OK) { /* it was the reader */
        walk.message = walk.reader.error != NULL ? walk.reader.error : "not a segment document";
        walk.status = strcmp(walk.message, "out of memory") == 0 ? RAY_NOMEM : RAY_INVALID;
        walk.at = walk.reader.error_at;
    }
    if (error != NULL) {
        snprintf(error->text, sizeof(error->text), "byte %zu: %s", walk.at, walk.message);
    }
    return walk.status;
}
