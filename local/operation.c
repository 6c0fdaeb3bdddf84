/*
 * operation: a table of operations; each reads its members, asks the store, writes its answer.
 */
#include "local/operation.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/codec.h"
#include "core/map.h"
#include "local/compile.h"
#include "local/facts.h"
#include "local/graph.h"
#include "local/summary.h"
#include "local/traces.h"
#include "xray/expr.h"
#include "xray/scan.h"

/* A page of summaries ends at this many, or when this many traces were looked at, so that one call
 * stays short; the service ends pages early as well. */
#define PAGE_SUMMARIES 100u
#define PAGE_SCANNED   2000u
/* A page also ends when its text is this long. */
#define PAGE_BYTES (4u << 20)
/* Traces asked of the store at once. */
#define FIND_TRACES 200u

/* Of the scratch of one trace, and of what a call keeps. */
#define TRACE_ARENA_BYTES (256u << 20)
#define CALL_ARENA_BYTES  (64u << 20)

#define REQUEST_DEPTH   32
#define TIME_MAX_S      9e9 /* nanoseconds must fit 64 bits */
#define TOKEN_HEX_CHARS 48u /* 8 bytes of time, 16 of trace id */

struct ray_call {
    const struct ray_xray *xray;
    struct json_object *request;
    struct ray_json_writer *w;
    struct ray_failure *failure;
    struct ray_arena *arena;   /* lives as long as the call */
    struct ray_arena *scratch; /* lives as long as one trace is in hand */
};

/* ---- failures ---- */

void ray_failure_set(struct ray_failure *failure, unsigned status, const char *type,
                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    failure->status = status;
    failure->type = type;
    vsnprintf(failure->message, sizeof(failure->message), format, arguments);
    va_end(arguments);
}

#define INVALID(failure, ...)                                                                      \
    (ray_failure_set((failure), 400, "InvalidRequestException", __VA_ARGS__), false)

static bool fail_status(struct ray_failure *failure, enum ray_status status, const char *what)
{
    if (status == RAY_NOMEM) {
        ray_failure_set(failure, 503, "ThrottledException", "out of memory for this request");
    } else {
        ray_failure_set(failure, 500, "InternalFailure", "the store cannot be read: %s", what);
    }
    return false;
}

/* ---- request members ---- */

/* null equals absent. */
static struct json_object *member(const struct ray_call *call, const char *name)
{
    return ray_json_at(call->request, RAY_PATH(name));
}

static struct ray_str string_of(struct json_object *json)
{
    return (struct ray_str){json_object_get_string(json), (size_t)json_object_get_string_len(json)};
}

/* Absent: the NULL view. */
static bool read_text(const struct ray_call *call, const char *name, struct ray_str *out)
{
    struct json_object *json = member(call, name);
    *out = (struct ray_str){NULL, 0};
    if (json != NULL && !json_object_is_type(json, json_type_string)) {
        return INVALID(call->failure, "%s must be a string", name);
    }
    *out = json != NULL ? string_of(json) : *out;
    return true;
}

static bool parse_zone(const char *text, double *offset_s)
{
    uint64_t hours, minutes;
    if (strcmp(text, "Z") == 0 || *text == '\0') {
        *offset_s = 0;
        return true;
    }
    struct ray_str zone = ray_str_from(text);
    if (zone.len != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
        ray_str_to_u64((struct ray_str){text + 1, 2}, &hours) != RAY_OK ||
        ray_str_to_u64((struct ray_str){text + 4, 2}, &minutes) != RAY_OK) {
        return false;
    }
    *offset_s = (text[0] == '-' ? -60.0 : 60.0) * (double)(hours * 60 + minutes);
    return true;
}

/* "2026-01-02T03:04:05.678Z" or "...+01:00" (RFC 3339), besides the number the model asks for. */
static bool parse_iso_time(const char *text, double *out)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    double fraction = 0, offset_s = 0;
    if (rest == NULL) {
        return false;
    }
    if (*rest == '.') {
        char *end = NULL;
        fraction = strtod(rest, &end);
        rest = end;
    }
    if (!parse_zone(rest, &offset_s)) {
        return false;
    }
    *out = (double)timegm(&tm) + fraction - offset_s;
    return true;
}

static bool read_time(const struct ray_call *call, const char *name, double *out)
{
    struct json_object *json = member(call, name);
    double seconds = 0;
    bool good = false;
    if (json == NULL) {
        return INVALID(call->failure, "%s is missing", name);
    }
    if (json_object_is_type(json, json_type_string)) {
        good = parse_iso_time(json_object_get_string(json), &seconds);
    } else if (json_object_is_type(json, json_type_int) ||
               json_object_is_type(json, json_type_double)) {
        seconds = json_object_get_double(json);
        good = true;
    }
    if (!good || !(seconds >= 0 && seconds < TIME_MAX_S)) {
        return INVALID(call->failure, "%s must be a time in seconds since 1970", name);
    }
    *out = seconds;
    return true;
}

static bool read_window(const struct ray_call *call, double *start_s, double *end_s)
{
    if (!read_time(call, "StartTime", start_s) || !read_time(call, "EndTime", end_s)) {
        return false;
    }
    return *end_s >= *start_s || INVALID(call->failure, "EndTime is before StartTime");
}

static uint64_t to_ns(double seconds)
{
    return (uint64_t)(seconds * (double)RAY_NS_PER_S + 0.5);
}

static bool read_list(const struct ray_call *call, const char *name, struct json_object **out)
{
    *out = member(call, name);
    if (*out == NULL) {
        return INVALID(call->failure, "%s is missing", name);
    }
    if (!json_object_is_type(*out, json_type_array)) {
        return INVALID(call->failure, "%s must be a list", name);
    }
    for (size_t i = 0; i < json_object_array_length(*out); i++) {
        if (!json_object_is_type(json_object_array_get_idx(*out, i), json_type_string)) {
            return INVALID(call->failure, "%s must be a list of strings", name);
        }
    }
    return true;
}

/* ---- traces ---- */

/* Reads and compiles into the scratch, which is emptied first. *found false: unknown trace. */
static bool load_trace(const struct ray_call *call, const struct ray_trace_id *id,
                       struct ray_trace *trace, uint64_t *revision, bool *found)
{
    struct ray_str *documents = NULL;
    size_t count = 0;
    ray_arena_reset(call->scratch);
    enum ray_status status =
        ray_store_read(call->xray->store, id, call->scratch, &documents, &count, revision);
    if (status == RAY_OK) {
        *found = count > 0;
        status =
            ray_trace_compile(id, documents, count, call->xray->account_id, call->scratch, trace);
    }
    return status == RAY_OK || fail_status(call->failure, status, ray_status_name(status));
}

/* ---- PutTraceSegments ---- */

struct put {
    struct ray_store_document *documents;
    size_t count;
};

static void write_unprocessed(const struct ray_call *call, enum ray_scan_code code,
                              const struct ray_segment_scan *scan)
{
    char message[RAY_SCAN_MESSAGE_BYTES];
    ray_scan_message(code, scan->problem_in_subsegment, message);
    ray_json_object_begin(call->w);
    if (scan->id_text.len > 0) {
        ray_json_key_string(call->w, RAY_STR("Id"), scan->id_text);
    }
    ray_json_key_string(call->w, RAY_STR("ErrorCode"), ray_str_from(ray_scan_code_name(code)));
    ray_json_key_string(call->w, RAY_STR("Message"), ray_str_from(message));
    ray_json_object_end(call->w);
}

static void take_document(const struct ray_call *call, struct ray_str text, struct put *put)
{
    struct ray_segment_scan scan;
    enum ray_scan_code code = ray_segment_scan(text, call->arena, &scan);
    if (code != RAY_SCAN_OK) {
        write_unprocessed(call, code, &scan);
        return;
    }
    struct ray_store_document *document = &put->documents[put->count++];
    *document = (struct ray_store_document){
        .trace_id = scan.trace_id,
        .start_unix_ns = scan.start_unix_ns,
        .end_unix_ns = scan.end_unix_ns,
        .in_progress = scan.in_progress,
        .name = scan.name,
        .text = text,
    };
    memcpy(document->id, scan.id, sizeof(document->id));
}

static bool store(const struct ray_call *call, const struct put *put)
{
    struct ray_store_error error;
    if (put->count == 0) {
        return true;
    }
    enum ray_status status = ray_store_put(call->xray->store, put->documents, put->count, &error);
    if (status == RAY_AGAIN) { /* clients try it again */
        ray_failure_set(call->failure, 429, "ThrottledException", "the store is full: %.300s",
                        error.text);
    } else if (status != RAY_OK) {
        ray_failure_set(call->failure, 500, "InternalFailure", "the store cannot write: %.300s",
                        error.text);
    }
    return status == RAY_OK;
}

static bool put_trace_segments(const struct ray_call *call)
{
    struct json_object *list;
    if (!read_list(call, "TraceSegmentDocuments", &list)) {
        return false;
    }
    size_t count = json_object_array_length(list);
    struct put put = {RAY_ARENA_ARRAY(call->arena, struct ray_store_document, count), 0};
    if (put.documents == NULL) {
        return fail_status(call->failure, RAY_NOMEM, "");
    }
    RAY_JSON_KEY(call->w, "UnprocessedTraceSegments");
    ray_json_array_begin(call->w);
    for (size_t i = 0; i < count; i++) {
        take_document(call, string_of(json_object_array_get_idx(list, i)), &put);
    }
    ray_json_array_end(call->w);
    return store(call, &put);
}

/* ---- BatchGetTraces ---- */

/* Paging goes by place in the list that the client sent: the token is that number. */
static bool read_place(const struct ray_call *call, size_t count, size_t *out)
{
    struct ray_str token;
    uint64_t place = 0;
    if (!read_text(call, "NextToken", &token)) {
        return false;
    }
    if (token.ptr != NULL && (ray_str_to_u64(token, &place) != RAY_OK || place >= count)) {
        return INVALID(call->failure, "NextToken is not one of ours");
    }
    *out = (size_t)place;
    return true;
}

static bool write_trace(const struct ray_call *call, const struct ray_trace_id *id, bool *found)
{
    struct ray_trace trace;
    if (!load_trace(call, id, &trace, NULL, found)) {
        return false;
    }
    if (*found) {
        ray_trace_write(&trace, call->w);
    }
    ray_trace_clear(&trace);
    return true;
}

/* True for the first of equal texts. */
static bool is_new(struct ray_map *seen, struct ray_str text)
{
    bool added = false;
    return ray_map_put(seen, text, &added) == NULL || added;
}

static bool batch_get_traces(const struct ray_call *call)
{
    struct json_object *list;
    size_t place = 0;
    if (!read_list(call, "TraceIds", &list) ||
        !read_place(call, json_object_array_length(list), &place)) {
        return false;
    }
    size_t count = json_object_array_length(list), unknown_count = 0;
    struct ray_map seen;
    ray_map_init(&seen, call->arena, ray_clock_monotonic_ns(call->xray->clock));
    struct ray_str *unknown = RAY_ARENA_ARRAY(call->arena, struct ray_str, count);
    if (unknown == NULL) {
        return fail_status(call->failure, RAY_NOMEM, "");
    }
    RAY_JSON_KEY(call->w, "Traces");
    ray_json_array_begin(call->w);
    for (; place < count && call->w->out->len < PAGE_BYTES; place++) {
        struct ray_str text = string_of(json_object_array_get_idx(list, place));
        struct ray_trace_id id;
        bool found = false;
        if (!is_new(&seen, text)) {
            continue;
        }
        if (ray_trace_id_parse(text, &id) == RAY_OK && !write_trace(call, &id, &found)) {
            return false;
        }
        if (!found) {
            unknown[unknown_count++] = text;
        }
    }
    ray_json_array_end(call->w);
    RAY_JSON_KEY(call->w, "UnprocessedTraceIds");
    ray_json_array_begin(call->w);
    for (size_t i = 0; i < unknown_count; i++) {
        ray_json_string(call->w, unknown[i]);
    }
    ray_json_array_end(call->w);
    if (place < count) {
        ray_json_key_string(call->w, RAY_STR("NextToken"),
                            ray_arena_printf(call->arena, "%zu", place));
    }
    return true;
}

/* ---- GetTraceSummaries ---- */

struct summaries {
    struct ray_store_query query;
    const struct ray_expr *filter; /* NULL: everything */
    double share;                  /* FixedRate sampling: of the traces; 1: all */
    uint32_t scanned, written;
    bool more; /* `query.after` is where the next page begins */
};

static const struct {
    struct ray_str name;
    enum ray_store_window window;
} range_types[] = {
    {RAY_STR_INIT("TraceId"), RAY_STORE_STARTED},
    {RAY_STR_INIT("Event"), RAY_STORE_ACTIVE},
    {RAY_STR_INIT("Service"), RAY_STORE_SEGMENT_ENDED},
};

static bool read_range_type(const struct ray_call *call, enum ray_store_window *out)
{
    struct ray_str text;
    *out = RAY_STORE_STARTED;
    if (!read_text(call, "TimeRangeType", &text)) {
        return false;
    }
    if (text.ptr == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof(range_types) / sizeof(range_types[0]); i++) {
        if (ray_str_eq(text, range_types[i].name)) {
            *out = range_types[i].window;
            return true;
        }
    }
    return INVALID(call->failure, "TimeRangeType must be TraceId, Event or Service");
}

/* Absent: 1, everything. */
static bool read_share(const struct ray_call *call, struct json_object *value, double *share)
{
    bool number = json_object_is_type(value, json_type_double) ||
                  json_object_is_type(value, json_type_int) || value == NULL;
    *share = value != NULL ? json_object_get_double(value) : 1;
    return (number && *share >= 0 && *share <= 1) ||
           INVALID(call->failure, "SamplingStrategy.Value must be a number, 0 to 1");
}

static bool read_sampling(const struct ray_call *call, double *share)
{
    struct json_object *on = member(call, "Sampling");
    struct json_object *name = ray_json_at(call->request, RAY_PATH("SamplingStrategy", "Name"));
    struct json_object *value = ray_json_at(call->request, RAY_PATH("SamplingStrategy", "Value"));
    *share = 1;
    if (on != NULL && !json_object_is_type(on, json_type_boolean)) {
        return INVALID(call->failure, "Sampling must be true or false");
    }
    if (!json_object_get_boolean(on) || name == NULL ||
        ray_str_eq(string_of(name), RAY_STR("PartialScan"))) {
        return true; /* everything is a scan as well */
    }
    if (!ray_str_eq(string_of(name), RAY_STR("FixedRate"))) {
        return INVALID(call->failure, "SamplingStrategy.Name must be PartialScan or FixedRate");
    }
    return read_share(call, value, share);
}

/* A place in the order of traces, so that pages neither repeat nor skip while new traces come. */
static bool read_token(const struct ray_call *call, struct ray_store_query *query)
{
    struct ray_str token;
    uint8_t bytes[TOKEN_HEX_CHARS / 2];
    if (!read_text(call, "NextToken", &token)) {
        return false;
    }
    if (token.ptr == NULL) {
        return true;
    }
    if (ray_hex_decode(token, bytes, sizeof(bytes)) != RAY_OK) {
        return INVALID(call->failure, "NextToken is not one of ours");
    }
    query->resume = true;
    query->after.start_unix_ns = 0;
    for (size_t i = 0; i < 8; i++) {
        query->after.start_unix_ns = query->after.start_unix_ns << 8 | bytes[i];
    }
    memcpy(query->after.trace_id.bytes, bytes + 8, sizeof(query->after.trace_id.bytes));
    return true;
}

static void write_token(const struct ray_call *call, const struct ray_store_position *after)
{
    uint8_t bytes[TOKEN_HEX_CHARS / 2];
    char text[TOKEN_HEX_CHARS];
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(after->start_unix_ns >> (56 - 8 * i));
    }
    memcpy(bytes + 8, after->trace_id.bytes, sizeof(after->trace_id.bytes));
    ray_hex_encode((struct ray_str){(const char *)bytes, sizeof(bytes)}, text);
    ray_json_key_string(call->w, RAY_STR("NextToken"), (struct ray_str){text, sizeof(text)});
}

static bool read_filter(const struct ray_call *call, const struct ray_expr **out)
{
    struct ray_str text;
    struct ray_expr_error error;
    *out = NULL;
    if (!read_text(call, "FilterExpression", &text)) {
        return false;
    }
    if (text.ptr == NULL) {
        return true;
    }
    return ray_expr_parse(text, call->arena, out, &error) == RAY_OK ||
           INVALID(call->failure, "%s", error.text);
}

/* By hash, so that pages and repeats agree. */
static bool is_sampled(const struct summaries *s, const struct ray_trace_id *id)
{
    struct ray_str bytes = {(const char *)id->bytes, sizeof(id->bytes)};
    return s->share >= 1 || (double)(ray_str_hash(bytes, 0) >> 11) < s->share * 0x1p53;
}

static bool look_at(const struct ray_call *call, struct summaries *s, const struct ray_trace_id *id)
{
    struct ray_trace trace;
    uint64_t revision = 0;
    bool found = false;
    if (!is_sampled(s, id)) {
        return true;
    }
    if (!load_trace(call, id, &trace, &revision, &found)) {
        return false;
    }
    struct ray_expr_facts facts = ray_trace_facts(&trace);
    enum ray_status status = RAY_OK;
    if (trace.root != NULL && (s->filter == NULL || ray_expr_matches(s->filter, &facts))) {
        status = ray_summary_write(&trace, revision, call->scratch, call->w);
        s->written++;
    }
    ray_trace_clear(&trace);
    return status == RAY_OK || fail_status(call->failure, status, "");
}

static bool is_page_full(const struct ray_call *call, const struct summaries *s)
{
    return s->written >= PAGE_SUMMARIES || s->scanned >= PAGE_SCANNED ||
           call->w->out->len >= PAGE_BYTES;
}

/* One round of traces from the store. *ended: there were no more. */
static bool look_at_some(const struct ray_call *call, struct summaries *s, bool *ended)
{
    struct ray_store_trace *traces = NULL;
    size_t count = 0, i = 0;
    s->query.limit = FIND_TRACES;
    enum ray_status status =
        ray_store_find(call->xray->store, &s->query, call->arena, &traces, &count);
    if (status != RAY_OK) {
        return fail_status(call->failure, status, ray_status_name(status));
    }
    for (; i < count && !is_page_full(call, s); i++) {
        if (!look_at(call, s, &traces[i].trace_id)) {
            return false;
        }
        s->scanned++;
        s->query.resume = true;
        s->query.after = (struct ray_store_position){traces[i].start_unix_ns, traces[i].trace_id};
    }
    *ended = i == count && count < FIND_TRACES;
    return true;
}

static bool get_trace_summaries(const struct ray_call *call)
{
    struct summaries s = {0};
    double start_s, end_s;
    if (!read_window(call, &start_s, &end_s) || !read_range_type(call, &s.query.window) ||
        !read_sampling(call, &s.share) || !read_token(call, &s.query) ||
        !read_filter(call, &s.filter)) {
        return false;
    }
    s.query.from_unix_ns = to_ns(start_s);
    s.query.to_unix_ns = to_ns(end_s);
    RAY_JSON_KEY(call->w, "TraceSummaries");
    ray_json_array_begin(call->w);
    bool ended = false;
    while (!ended && !is_page_full(call, &s)) {
        if (!look_at_some(call, &s, &ended)) {
            return false;
        }
    }
    ray_json_array_end(call->w);
    RAY_JSON_KEY(call->w, "ApproximateTime");
    ray_json_double(call->w, (double)ray_clock_unix_ns(call->xray->clock) / (double)RAY_NS_PER_S);
    RAY_JSON_KEY(call->w, "TracesProcessedCount");
    ray_json_u64(call->w, s.scanned);
    if (!ended) {
        write_token(call, &s.query.after);
    }
    return true;
}

/* ---- GetServiceGraph, GetTraceGraph ---- */

/* Graphs are one page, since numbers that edges point to must be unique over all of it. */
static bool refuse_token(const struct ray_call *call)
{
    struct ray_str token;
    return read_text(call, "NextToken", &token) &&
           (token.ptr == NULL || INVALID(call->failure, "NextToken is not one of ours"));
}

static bool add_to_graph(const struct ray_call *call, struct ray_graph *graph,
                         const struct ray_trace_id *id)
{
    struct ray_trace trace;
    bool found = false;
    if (!load_trace(call, id, &trace, NULL, &found)) {
        return false;
    }
    enum ray_status status = ray_graph_add(graph, &trace, call->scratch);
    ray_trace_clear(&trace);
    return status == RAY_OK || fail_status(call->failure, status, "");
}

static bool refuse_group(const struct ray_call *call)
{
    struct ray_str name, arn;
    if (!read_text(call, "GroupName", &name) || !read_text(call, "GroupARN", &arn)) {
        return false;
    }
    bool named = name.ptr != NULL && !ray_str_eq(name, RAY_STR("Default"));
    return (!named && arn.ptr == NULL) ||
           INVALID(call->failure, "this local X-Ray does not serve groups yet");
}

static bool add_window(const struct ray_call *call, struct ray_graph *graph,
                       struct ray_store_query *query)
{
    struct ray_arena *rows = ray_arena_new(1u << 20);
    size_t count = FIND_TRACES;
    bool good = rows != NULL || fail_status(call->failure, RAY_NOMEM, "");
    query->limit = FIND_TRACES;
    while (good && count == FIND_TRACES) {
        struct ray_store_trace *traces = NULL;
        ray_arena_reset(rows);
        enum ray_status status = ray_store_find(call->xray->store, query, rows, &traces, &count);
        good = status == RAY_OK || fail_status(call->failure, status, ray_status_name(status));
        for (size_t i = 0; good && i < count; i++) {
            good = add_to_graph(call, graph, &traces[i].trace_id);
            query->resume = true;
            query->after = (struct ray_store_position){traces[i].start_unix_ns, traces[i].trace_id};
        }
    }
    ray_arena_free(rows);
    return good;
}

static bool get_service_graph(const struct ray_call *call)
{
    struct ray_graph graph;
    double start_s, end_s;
    if (!read_window(call, &start_s, &end_s) || !refuse_group(call) || !refuse_token(call)) {
        return false;
    }
    struct ray_store_query query = {
        .window = RAY_STORE_ACTIVE, .from_unix_ns = to_ns(start_s), .to_unix_ns = to_ns(end_s)};
    ray_graph_init(&graph, call->arena);
    if (!add_window(call, &graph, &query)) {
        return false;
    }
    RAY_JSON_KEY(call->w, "StartTime");
    ray_json_double(call->w, start_s);
    RAY_JSON_KEY(call->w, "EndTime");
    ray_json_double(call->w, end_s);
    RAY_JSON_KEY(call->w, "ContainsOldGroupVersions");
    ray_json_bool(call->w, false);
    RAY_JSON_KEY(call->w, "Services");
    ray_graph_write(&graph, call->w);
    return true;
}

static bool get_trace_graph(const struct ray_call *call)
{
    struct json_object *list;
    struct ray_graph graph;
    if (!read_list(call, "TraceIds", &list) || !refuse_token(call)) {
        return false;
    }
    struct ray_map seen;
    ray_map_init(&seen, call->arena, ray_clock_monotonic_ns(call->xray->clock));
    ray_graph_init(&graph, call->arena);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct ray_trace_id id;
        struct ray_str text = string_of(json_object_array_get_idx(list, i));
        if (is_new(&seen, text) && ray_trace_id_parse(text, &id) == RAY_OK &&
            !add_to_graph(call, &graph, &id)) {
            return false;
        }
    }
    RAY_JSON_KEY(call->w, "Services");
    ray_graph_write(&graph, call->w);
    return true;
}

/* ---- the table ---- */

#define SERVED(path, name, kind, run)                                                              \
    {                                                                                              \
        RAY_STR_INIT(path), name, RAY_OPERATION_##kind, run                                        \
    }
#define LATER(path, name)                                                                          \
    {                                                                                              \
        RAY_STR_INIT(path), name, RAY_OPERATION_NOT_SERVED, NULL                                   \
    }

static const struct ray_operation operations[] = {
    SERVED("/TraceSegments", "PutTraceSegments", PUT, put_trace_segments),
    SERVED("/Traces", "BatchGetTraces", QUERY, batch_get_traces),
    SERVED("/TraceSummaries", "GetTraceSummaries", QUERY, get_trace_summaries),
    SERVED("/ServiceGraph", "GetServiceGraph", QUERY, get_service_graph),
    SERVED("/TraceGraph", "GetTraceGraph", QUERY, get_trace_graph),
    LATER("/TelemetryRecords", "PutTelemetryRecords"),
    LATER("/TimeSeriesServiceStatistics", "GetTimeSeriesServiceStatistics"),
    LATER("/GetSamplingRules", "GetSamplingRules"),
    LATER("/SamplingTargets", "GetSamplingTargets"),
    LATER("/SamplingStatisticSummaries", "GetSamplingStatisticSummaries"),
    LATER("/CreateSamplingRule", "CreateSamplingRule"),
    LATER("/UpdateSamplingRule", "UpdateSamplingRule"),
    LATER("/DeleteSamplingRule", "DeleteSamplingRule"),
    LATER("/CreateGroup", "CreateGroup"),
    LATER("/GetGroup", "GetGroup"),
    LATER("/UpdateGroup", "UpdateGroup"),
    LATER("/DeleteGroup", "DeleteGroup"),
    LATER("/Groups", "GetGroups"),
    LATER("/EncryptionConfig", "GetEncryptionConfig"),
    LATER("/PutEncryptionConfig", "PutEncryptionConfig"),
    LATER("/TagResource", "TagResource"),
    LATER("/UntagResource", "UntagResource"),
    LATER("/ListTagsForResource", "ListTagsForResource"),
    LATER("/InsightSummaries", "GetInsightSummaries"),
    LATER("/Insight", "GetInsight"),
    LATER("/InsightEvents", "GetInsightEvents"),
    LATER("/InsightImpactGraph", "GetInsightImpactGraph"),
    LATER("/GetTraceSegmentDestination", "GetTraceSegmentDestination"),
    LATER("/UpdateTraceSegmentDestination", "UpdateTraceSegmentDestination"),
    LATER("/GetIndexingRules", "GetIndexingRules"),
    LATER("/UpdateIndexingRule", "UpdateIndexingRule"),
    LATER("/StartTraceRetrieval", "StartTraceRetrieval"),
    LATER("/CancelTraceRetrieval", "CancelTraceRetrieval"),
    LATER("/ListRetrievedTraces", "ListRetrievedTraces"),
    LATER("/GetRetrievedTracesGraph", "GetRetrievedTracesGraph"),
    LATER("/PutResourcePolicy", "PutResourcePolicy"),
    LATER("/DeleteResourcePolicy", "DeleteResourcePolicy"),
    LATER("/ListResourcePolicies", "ListResourcePolicies"),
};

const struct ray_operation *ray_operation_find(struct ray_str path)
{
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (ray_str_eq(path, operations[i].path)) {
            return &operations[i];
        }
    }
    return NULL;
}

static struct json_object *parse_request(struct ray_str body, struct ray_failure *failure)
{
    body = ray_str_trim(body);
    body = body.len == 0 ? RAY_STR("{}") : body;
    struct json_tokener *tokener = json_tokener_new_ex(REQUEST_DEPTH);
    struct json_object *json = NULL;
    if (tokener != NULL && body.len <= INT32_MAX) {
        json = json_tokener_parse_ex(tokener, body.ptr, (int)body.len);
        bool whole = json_tokener_get_parse_end(tokener) == body.len;
        if (json != NULL && (!whole || !json_object_is_type(json, json_type_object))) {
            json_object_put(json);
            json = NULL;
        }
    }
    json_tokener_free(tokener);
    if (json == NULL) {
        ray_failure_set(failure, 400, "SerializationException", "the body is not a JSON object");
    }
    return json;
}

static bool run_call(const struct ray_operation *operation, struct ray_call *call,
                     struct ray_buf *out)
{
    size_t before = out->len;
    bool good = call->arena != NULL && call->scratch != NULL;
    if (!good) {
        return fail_status(call->failure, RAY_NOMEM, "");
    }
    ray_json_object_begin(call->w);
    good = operation->run(call);
    ray_json_object_end(call->w);
    if (good && out->failed) {
        good = INVALID(call->failure, "the answer is too large: ask for less at once");
    }
    if (!good) {
        ray_buf_rewind(out, before);
    }
    return good;
}

bool ray_operation_run(const struct ray_operation *operation, const struct ray_xray *xray,
                       struct ray_str body, struct ray_buf *out, struct ray_failure *failure)
{
    if (operation->kind == RAY_OPERATION_NOT_SERVED) {
        return INVALID(failure, "this local X-Ray does not serve %s yet", operation->name);
    }
    struct ray_json_writer w;
    ray_json_init(&w, out);
    struct ray_call call = {.xray = xray, .w = &w, .failure = failure};
    call.request = parse_request(body, failure);
    if (call.request == NULL) {
        return false;
    }
    call.arena = ray_arena_new(CALL_ARENA_BYTES);
    call.scratch = ray_arena_new(TRACE_ARENA_BYTES);
    bool good = run_call(operation, &call, out);
    ray_arena_free(call.scratch);
    ray_arena_free(call.arena);
    json_object_put(call.request);
    return good;
}
