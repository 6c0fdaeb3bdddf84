/*
 * scan: one pass of the pull parser collects members, then the rules look at what was collected.
 */
#include "xray/scan.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/codec.h"
#include "core/json_reader.h"
#include "xray/limits.h"

/* Times are seconds since 1970. Past this (the year 2286) they are milliseconds by mistake, and
 * nanoseconds would leave 64 bits soon after. */
#define TIME_MAX_S 1e10

#define SPAN_ID_DIGITS 16u

static const char *const code_names[RAY_SCAN_CODE_COUNT] = {
    [RAY_SCAN_OK] = "",
    [RAY_SCAN_SEGMENT_TOO_LARGE] = "SegmentTooLarge",
    [RAY_SCAN_PARSE_ERROR] = "ParseError",
    [RAY_SCAN_MISSING_ID] = "MissingId",
    [RAY_SCAN_INVALID_ID] = "InvalidId",
    [RAY_SCAN_MISSING_NAME] = "MissingName",
    [RAY_SCAN_INVALID_NAME] = "InvalidName",
    [RAY_SCAN_MISSING_START_TIME] = "MissingStartTime",
    [RAY_SCAN_INVALID_START_TIME] = "InvalidStartTime",
    [RAY_SCAN_MISSING_END_TIME] = "MissingEndTime",
    [RAY_SCAN_INVALID_END_TIME] = "InvalidEndTime",
    [RAY_SCAN_MISSING_PARENT_ID] = "MissingParentId",
    [RAY_SCAN_INVALID_PARENT_ID] = "InvalidParentId",
    [RAY_SCAN_MISSING_TRACE_ID] = "MissingTraceId",
    [RAY_SCAN_INVALID_TRACE_ID] = "InvalidTraceId",
};

/* A member as it was found. `wrong_type`: there, but not of the type it must have. */
struct text_member {
    bool present, wrong_type;
    struct ray_str text;
};

struct time_member {
    bool present, wrong_type;
    uint64_t unix_ns;
};

/* What one segment or subsegment says of itself. */
struct members {
    struct text_member id, name, trace_id, parent_id, type;
    struct time_member start, end;
    bool in_progress, error, fault, throttle;
    enum ray_scan_code inner; /* the first problem of a subsegment inside */
};

enum member_kind { MEMBER_TEXT, MEMBER_TIME, MEMBER_BOOL, MEMBER_SUBSEGMENTS };

static const struct {
    struct ray_str key;
    enum member_kind kind;
    size_t offset;
} member_table[] = {
    {RAY_STR_INIT("id"), MEMBER_TEXT, offsetof(struct members, id)},
    {RAY_STR_INIT("name"), MEMBER_TEXT, offsetof(struct members, name)},
    {RAY_STR_INIT("trace_id"), MEMBER_TEXT, offsetof(struct members, trace_id)},
    {RAY_STR_INIT("parent_id"), MEMBER_TEXT, offsetof(struct members, parent_id)},
    {RAY_STR_INIT("type"), MEMBER_TEXT, offsetof(struct members, type)},
    {RAY_STR_INIT("start_time"), MEMBER_TIME, offsetof(struct members, start)},
    {RAY_STR_INIT("end_time"), MEMBER_TIME, offsetof(struct members, end)},
    {RAY_STR_INIT("in_progress"), MEMBER_BOOL, offsetof(struct members, in_progress)},
    {RAY_STR_INIT("error"), MEMBER_BOOL, offsetof(struct members, error)},
    {RAY_STR_INIT("fault"), MEMBER_BOOL, offsetof(struct members, fault)},
    {RAY_STR_INIT("throttle"), MEMBER_BOOL, offsetof(struct members, throttle)},
    {RAY_STR_INIT("subsegments"), MEMBER_SUBSEGMENTS, 0},
};

static void read_object(struct ray_json_reader *r, uint32_t depth, struct members *m);

/* null equals absent, in documents as in requests. */
static void read_text(struct ray_json_reader *r, struct text_member *out)
{
    enum ray_json_type type = ray_json_peek(r);
    *out = (struct text_member){.present = type != RAY_JSON_NULL,
                                .wrong_type = type != RAY_JSON_STRING};
    if (type == RAY_JSON_STRING) {
        ray_json_read_string(r, &out->text);
    } else {
        ray_json_skip_value(r, NULL);
    }
}

static void read_time(struct ray_json_reader *r, struct time_member *out)
{
    enum ray_json_type type = ray_json_peek(r);
    struct ray_str number = {NULL, 0};
    double seconds = 0;
    *out = (struct time_member){.present = type != RAY_JSON_NULL, .wrong_type = true};
    if (type != RAY_JSON_NUMBER) {
        ray_json_skip_value(r, NULL);
    } else if (ray_json_read_number(r, &number) && ray_str_to_double(number, &seconds) == RAY_OK &&
               seconds >= 0 && seconds < TIME_MAX_S) {
        out->wrong_type = false;
        out->unix_ns = (uint64_t)(seconds * (double)RAY_NS_PER_S + 0.5);
    }
}

static void read_bool(struct ray_json_reader *r, bool *out)
{
    *out = false;
    if (ray_json_peek(r) == RAY_JSON_BOOL) {
        ray_json_read_bool(r, out);
    } else {
        ray_json_skip_value(r, NULL);
    }
}

static bool is_span_id(struct ray_str text)
{
    uint8_t bytes[8];
    return text.len == SPAN_ID_DIGITS && ray_hex_decode(text, bytes, sizeof(bytes)) == RAY_OK;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/* Letters, digits, white space and a few signs, at most 200 (X-Ray developer guide, segment
 * documents: name). */
static bool is_name(struct ray_str name)
{
    size_t chars = 0;
    for (struct ray_str rest = name; rest.len > 0; chars++) {
        bool valid = true;
        uint32_t c = ray_utf8_next(&rest, &valid);
        bool sign = c < 0x80 && c != 0 && strchr("_.:/%&#=+\\-@", (int)c) != NULL;
        bool digit = c >= '0' && c <= '9';
        if (!valid || !(sign || digit || is_space(c) || ray_unicode_is_letter(c))) {
            return false;
        }
    }
    return chars > 0 && chars <= RAY_NAME_MAX_CHARS;
}

static enum ray_scan_code check_text(const struct text_member *m, bool (*is_good)(struct ray_str),
                                     enum ray_scan_code missing)
{
    if (!m->present) {
        return missing;
    }
    /* each MISSING_X is followed by its INVALID_X */
    return m->wrong_type || !is_good(m->text) ? missing + 1 : RAY_SCAN_OK;
}

static enum ray_scan_code check_times(const struct members *m)
{
    if (!m->start.present || m->start.wrong_type) {
        return m->start.present ? RAY_SCAN_INVALID_START_TIME : RAY_SCAN_MISSING_START_TIME;
    }
    if (!m->end.present) {
        return m->in_progress ? RAY_SCAN_OK : RAY_SCAN_MISSING_END_TIME;
    }
    return m->end.wrong_type ? RAY_SCAN_INVALID_END_TIME : RAY_SCAN_OK;
}

/* What every segment and subsegment needs. */
static enum ray_scan_code check_common(const struct members *m)
{
    enum ray_scan_code code = check_text(&m->id, is_span_id, RAY_SCAN_MISSING_ID);
    if (code == RAY_SCAN_OK) {
        code = check_text(&m->name, is_name, RAY_SCAN_MISSING_NAME);
    }
    return code == RAY_SCAN_OK ? check_times(m) : code;
}

static void read_subsegment(struct ray_json_reader *r, uint32_t depth, struct members *outer)
{
    struct members m = {0};
    if (ray_json_peek(r) == RAY_JSON_OBJECT) {
        read_object(r, depth, &m);
    } else {
        ray_json_skip_value(r, NULL); /* has no id: says check_common */
    }
    enum ray_scan_code code = check_common(&m);
    code = code == RAY_SCAN_OK ? m.inner : code;
    if (outer->inner == RAY_SCAN_OK) {
        outer->inner = code;
    }
}

static void read_subsegments(struct ray_json_reader *r, uint32_t depth, struct members *outer)
{
    if (ray_json_peek(r) != RAY_JSON_ARRAY) {
        ray_json_skip_value(r, NULL);
        return;
    }
    if (depth >= RAY_SCAN_SUBSEGMENTS_DEPTH_MAX) {
        ray_json_fail(r, "subsegments nested too deep");
        return;
    }
    outer->inner = RAY_SCAN_OK; /* of a key given twice the last one counts */
    ray_json_enter_array(r);
    while (ray_json_next_element(r)) {
        read_subsegment(r, depth + 1, outer);
    }
}

static void read_member(struct ray_json_reader *r, struct ray_str key, uint32_t depth,
                        struct members *m)
{
    size_t count = sizeof(member_table) / sizeof(member_table[0]);
    size_t i = 0;
    while (i < count && !ray_str_eq(key, member_table[i].key)) {
        i++;
    }
    if (i == count) {
        ray_json_skip_value(r, NULL);
        return;
    }
    char *field = (char *)m + member_table[i].offset;
    switch (member_table[i].kind) {
    case MEMBER_TEXT:
        read_text(r, (struct text_member *)(void *)field);
        break;
    case MEMBER_TIME:
        read_time(r, (struct time_member *)(void *)field);
        break;
    case MEMBER_BOOL:
        read_bool(r, (bool *)field);
        break;
    case MEMBER_SUBSEGMENTS:
        read_subsegments(r, depth, m);
        break;
    }
}

/* Recursion through read_subsegments, capped there. */
static void read_object(struct ray_json_reader *r, uint32_t depth, struct members *m)
{
    struct ray_str key;
    ray_json_enter_object(r);
    while (ray_json_next_key(r, &key)) {
        read_member(r, key, depth, m);
    }
}

static bool is_trace_id(struct ray_str text)
{
    struct ray_trace_id id;
    return text.len == RAY_XRAY_TRACE_ID_CHARS && ray_trace_id_parse(text, &id) == RAY_OK;
}

static enum ray_scan_code check_parent(const struct members *m, bool is_subsegment)
{
    if (!m->parent_id.present && !is_subsegment) {
        return RAY_SCAN_OK;
    }
    return check_text(&m->parent_id, is_span_id, RAY_SCAN_MISSING_PARENT_ID);
}

static enum ray_scan_code check_document(const struct members *m, struct ray_segment_scan *out)
{
    out->is_subsegment = ray_str_eq(m->type.text, RAY_STR("subsegment"));
    out->problem_in_subsegment = out->is_subsegment;
    enum ray_scan_code code = check_common(m);
    code = code == RAY_SCAN_OK ? check_parent(m, out->is_subsegment) : code;
    if (code == RAY_SCAN_OK && m->inner != RAY_SCAN_OK) {
        out->problem_in_subsegment = true;
        return m->inner;
    }
    return code == RAY_SCAN_OK ? check_text(&m->trace_id, is_trace_id, RAY_SCAN_MISSING_TRACE_ID)
                               : code;
}

static bool decode_ids(const struct members *m, struct ray_segment_scan *out)
{
    out->has_parent = m->parent_id.present;
    return ray_hex_decode(m->id.text, out->id, sizeof(out->id)) == RAY_OK &&
           ray_trace_id_parse(m->trace_id.text, &out->trace_id) == RAY_OK &&
           (!out->has_parent ||
            ray_hex_decode(m->parent_id.text, out->parent_id, sizeof(out->parent_id)) == RAY_OK);
}

enum ray_scan_code ray_segment_scan(struct ray_str text, struct ray_arena *arena,
                                    struct ray_segment_scan *out)
{
    *out = (struct ray_segment_scan){0};
    struct members m = {0};
    struct ray_json_reader r;
    ray_json_read_init(&r, text, arena, RAY_SCAN_DEPTH_MAX);
    bool is_object = ray_json_peek(&r) == RAY_JSON_OBJECT;
    if (is_object) {
        read_object(&r, 0, &m);
    } else {
        ray_json_skip_value(&r, NULL);
    }
    bool too_large =
        text.len > (size_t)(RAY_SEGMENT_MAX_BYTES); /* scanned all the same, for its id */
    if (r.failed || !ray_json_at_end(&r)) {
        return too_large ? RAY_SCAN_SEGMENT_TOO_LARGE : RAY_SCAN_PARSE_ERROR;
    }
    out->id_text = m.id.text;
    if (too_large) {
        return RAY_SCAN_SEGMENT_TOO_LARGE;
    }
    enum ray_scan_code code = check_document(&m, out);
    if (code != RAY_SCAN_OK || !decode_ids(&m, out)) {
        return code;
    }
    out->problem_in_subsegment = false;
    out->name = m.name.text;
    out->in_progress = m.in_progress;
    out->error = m.error;
    out->fault = m.fault;
    out->throttle = m.throttle;
    out->start_unix_ns = m.start.unix_ns;
    out->end_unix_ns = m.end.present && !m.in_progress ? m.end.unix_ns : m.start.unix_ns;
    return RAY_SCAN_OK;
}

const char *ray_scan_code_name(enum ray_scan_code code)
{
    return (size_t)code < RAY_SCAN_CODE_COUNT ? code_names[code] : "";
}

void ray_scan_message(enum ray_scan_code code, bool in_subsegment, char out[RAY_SCAN_MESSAGE_BYTES])
{
    snprintf(out, RAY_SCAN_MESSAGE_BYTES,
             in_subsegment ? "Invalid subsegment. ErrorCode: %s, Cause: null"
                           : "Invalid segment. ErrorCode: %s",
             ray_scan_code_name(code));
}
