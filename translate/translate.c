/*
 * translate: see translate.h. The walk over a request, and the order in which a document is
 * written; each block has a file of its own.
 */
#include "translate/translate.h"

#include "translate/annotation.h"
#include "translate/aws.h"
#include "translate/cause.h"
#include "translate/http.h"
#include "translate/link.h"
#include "translate/name.h"
#include "translate/shrink.h"
#include "translate/sql.h"
#include "xray/limits.h"

#include <stdlib.h>

struct ray_translator {
    struct ray_names names;
    struct ray_str *strings; /* the options' views and their text, one block */
    struct ray_resource_options resource_options;
    bool preserve_all;
    uint32_t annotation_budget;
    uint64_t profile;
};

/* The work on one request; on the stack of its thread. */
struct work {
    const struct ray_translator *translator;
    struct ray_arena *arena;
    struct ray_batch *batch;
    struct ray_translate_counts *counts;
    struct ray_resource resource; /* of the ResourceSpans at hand */
    const struct ray_resource_spans *resource_spans;
    const struct ray_scope_spans *scope;
    struct ray_facts_scratch scratch;
    uint32_t source; /* ordinal of the span at hand */
};

/* Everything that is known of one document before its first byte is written. */
struct document {
    const struct ray_span *span;
    const struct ray_resource *resource;
    struct ray_shape shape;
    struct ray_name_choice name;
    const uint8_t *id;     /* 8 bytes */
    const uint8_t *parent; /* 8 bytes or NULL */
    bool in_progress;
    const struct ray_value *traced; /* a bool, or NULL */
    struct ray_str user;
    struct ray_http http;
    struct ray_cause cause;
    struct ray_aws aws;
    struct ray_sql sql;
    bool with_links;
    struct ray_preserved preserved;
    struct ray_annotations annotations;
    unsigned cuts; /* bits 1u << enum ray_cut */
};

/* --- the translator --- */

/* `label` keeps the lists apart. */
static uint64_t hash_strings(struct ray_str label, const struct ray_str *strings, size_t count,
                             uint64_t seed)
{
    uint64_t hash = ray_str_hash(label, seed);
    for (size_t i = 0; i < count; i++) {
        hash = ray_str_hash(strings[i], hash);
    }
    return hash;
}

/* Equal options, equal number; the salt changes when documents of equal options would differ. */
static uint64_t profile_of(const struct ray_translate_options *options)
{
    uint64_t hash = ray_str_hash(RAY_STR("awsxray 2"), 0);
    hash = hash_strings(RAY_STR("indexed"), options->indexed_attributes,
                        options->indexed_attribute_count, hash);
    hash = hash_strings(RAY_STR("log groups"), options->aws_log_groups,
                        options->aws_log_group_count, hash);
    hash = ray_str_hash(options->index_all_attributes ? RAY_STR("all") : RAY_STR("some"), hash);
    hash = ray_str_hash(options->preserve_all ? RAY_STR("all") : RAY_STR("none"), hash);
    return hash ^ options->annotation_budget * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t text_bytes(const struct ray_str *strings, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += strings[i].len;
    }
    return bytes;
}

static char *copy_strings(const struct ray_str *from, size_t count, struct ray_str *to, char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (from[i].len > 0) {
            memcpy(text, from[i].ptr, from[i].len);
        }
        to[i] = (struct ray_str){text, from[i].len};
        text += from[i].len;
    }
    return text;
}

/* Views and their text in one block. */
static struct ray_str *copy_options(const struct ray_translate_options *options)
{
    size_t names = options->indexed_attribute_count, groups = options->aws_log_group_count;
    struct ray_str *strings = calloc(1, (names + groups) * sizeof(*strings) +
                                            text_bytes(options->indexed_attributes, names) +
                                            text_bytes(options->aws_log_groups, groups) + 1);
    if (strings != NULL) {
        char *text = (char *)(strings + names + groups);
        text = copy_strings(options->indexed_attributes, names, strings, text);
        copy_strings(options->aws_log_groups, groups, strings + names, text);
    }
    return strings;
}

/* Keys of renames are cleaned where they stand: the text is ours. NULL: no memory. */
static struct ray_index_entry *read_indexed(const struct ray_str *strings, size_t count)
{
    struct ray_index_entry *entries = strings != NULL ? calloc(count + 1, sizeof(*entries)) : NULL;
    for (size_t i = 0; entries != NULL && i < count; i++) {
        if (ray_index_entry_read(strings[i], &entries[i]) == RAY_OK && entries[i].renamed.len > 0) {
            /* past -Wcast-qual; once a start */
            char *text =
                (char *)(uintptr_t)entries[i].renamed.ptr; /* NOLINT(performance-no-int-to-ptr) */
            entries[i].renamed = ray_annotation_key_clean(entries[i].renamed, text);
        }
    }
    return entries;
}

struct ray_translator *ray_translator_new(const struct ray_translate_options *options)
{
    struct ray_translator *translator = calloc(1, sizeof(*translator));
    struct ray_str *strings = copy_options(options);
    struct ray_index_entry *indexed = read_indexed(strings, options->indexed_attribute_count);
    /* Where the heap lies is not known outside; the seed decides no byte of the output. */
    if (translator == NULL || indexed == NULL ||
        ray_names_init(&translator->names, indexed, options->indexed_attribute_count,
                       (uintptr_t)translator) != RAY_OK) {
        free(indexed);
        free(strings);
        free(translator);
        return NULL;
    }
    free(indexed);
    translator->strings = strings;
    translator->annotation_budget = options->annotation_budget;
    translator->profile = profile_of(options);
    translator->preserve_all = options->preserve_all;
    translator->resource_options = (struct ray_resource_options){
        .names = &translator->names,
        .log_groups = strings + options->indexed_attribute_count,
        .log_group_count = options->aws_log_group_count,
        .index_all = options->index_all_attributes,
    };
    return translator;
}

void ray_translator_free(struct ray_translator *translator)
{
    if (translator != NULL) {
        ray_names_clear(&translator->names);
        free(translator->strings);
        free(translator);
    }
}

uint64_t ray_translator_profile(const struct ray_translator *translator)
{
    return translator->profile;
}

/* --- collecting --- */

/* Takes an attribute away for good. */
static void hide(struct ray_facts *facts, enum ray_key key)
{
    if (ray_facts_has(facts, key)) {
        facts->notes[facts->last[key] - 1].superseded = true;
    }
}

/* What the service segment of a local root does not see: it speaks of the other side. */
static void hide_other_side(struct ray_facts *facts)
{
    static const enum ray_key hidden[] = {RAY_KEY_AWS_REMOTE_SERVICE, RAY_KEY_AWS_REMOTE_OPERATION,
                                          RAY_KEY_REMOTE_TARGET, RAY_KEY_REMOTE_NAMESPACE};
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        hide(facts, hidden[i]);
        facts->first[hidden[i]] = facts->last[hidden[i]] = 0;
    }
}

static const struct ray_value *take_bool(struct ray_facts *facts, enum ray_key key)
{
    const struct ray_value *value = ray_facts_last(facts, key);
    if (value == NULL || value->kind != RAY_VALUE_BOOL) {
        return NULL;
    }
    ray_facts_consume(facts, key);
    return value;
}

/* X-Ray developer guide: user; D29: semconv 1.26 calls it user.id. */
static struct ray_str take_user(struct ray_facts *facts)
{
    struct ray_str user = ray_facts_last_string(facts, RAY_KEY_ENDUSER_ID);
    hide(facts, RAY_KEY_ENDUSER_ID); /* not even indexing brings it back (reference) */
    if (user.len == 0) {
        user = ray_facts_last_string(facts, RAY_KEY_USER_ID);
        facts->consumed[RAY_KEY_USER_ID] = user.len > 0;
    }
    return user;
}

/* Links of a consumer name the messages it took: they belong to the segment that handles them. */
static bool carries_links(const struct ray_span *span, const struct ray_shape *shape)
{
    if (span->link_count == 0) {
        return false;
    }
    bool consumer = shape->kind == RAY_SPAN_CONSUMER;
    return shape->role == RAY_ROLE_SERVICE      ? consumer
           : shape->role == RAY_ROLE_DEPENDENCY ? !consumer
                                                : true;
}

static struct ray_preserved preserved_of(const struct work *work, const struct document *d,
                                         const struct ray_facts *facts)
{
    return (struct ray_preserved){
        .span = d->span,
        .scope = work->scope,
        .resource = d->shape.subsegment ? NULL : work->resource_spans,
        .shape = &d->shape,
        .facts = facts,
        .name = d->name.text,
        .shown = {&d->http, &d->cause, &d->aws, &d->sql, d->user, d->in_progress},
    };
}

/* Attributes that segment_to_span made of what the document has as a field already. */
static void consume_restated(const struct document *d, struct ray_facts *facts)
{
    static const enum ray_key restated[] = {
        RAY_KEY_XRAY_SEGMENT,    RAY_KEY_RPC_SYSTEM,     RAY_KEY_RPC_SERVICE,
        RAY_KEY_XRAY_NAME,       RAY_KEY_XRAY_NAMESPACE, RAY_KEY_DYNAMODB_TABLE_NAMES,
        RAY_KEY_RESPONSE_LENGTH,
    };
    for (size_t i = 0; d->shape.was_segment && i < sizeof(restated) / sizeof(restated[0]); i++) {
        ray_facts_consume(facts, restated[i]);
    }
}

/* The blocks in the order in which they consume attributes. */
static void collect_blocks(struct work *work, struct document *d, struct ray_facts *facts,
                           struct ray_made_ids *ids)
{
    const struct ray_value *in_progress = take_bool(facts, RAY_KEY_XRAY_IN_PROGRESS);
    d->in_progress = d->span->end_unix_ns == 0 || /* D27 */
                     (in_progress != NULL && in_progress->as.boolean);
    d->traced = take_bool(facts, RAY_KEY_XRAY_TRACED);
    d->http = ray_http_collect(d->span, &d->shape, facts);
    d->cause =
        ray_cause_collect(d->span, &d->shape, facts, work->resource.language, ids, work->arena);
    d->aws = ray_aws_collect(&work->resource, &d->shape, facts);
    d->sql = ray_sql_collect(d->span->name, facts);
    consume_restated(d, facts);
    d->user = take_user(facts);
    struct ray_annotation_rules rules = {
        .index_all = work->translator->resource_options.index_all,
        .budget = work->translator->annotation_budget,
        .with_resource = !d->shape.subsegment, /* also local roots that have a parent (D33) */
        .only_resource_names = d->shape.role == RAY_ROLE_SERVICE,
    };
    if (work->translator->preserve_all && !rules.only_resource_names) {
        d->preserved = preserved_of(work, d, facts);
        rules.preserved = &d->preserved;
    }
    d->annotations = ray_annotations_collect(facts, &work->resource, &rules, work->arena);
    d->with_links = carries_links(d->span, &d->shape);
}

/* --- writing --- */

static void write_id(struct ray_json_writer *w, const uint8_t id[RAY_SPAN_ID_BYTES])
{
    ray_json_hex(w, (struct ray_str){(const char *)id, RAY_SPAN_ID_BYTES});
}

static void write_head(const struct document *d, struct ray_json_writer *w)
{
    struct ray_trace_id trace_id;
    char text[RAY_XRAY_TRACE_ID_CHARS + 2];
    memcpy(trace_id.bytes, d->span->trace_id.ptr, sizeof(trace_id.bytes));
    ray_trace_id_write(&trace_id, text + 1);
    text[0] = text[sizeof(text) - 1] = '"';
    RAY_JSON_KEY(w, "name");
    ray_json_string(w, d->name.text);
    RAY_JSON_KEY(w, "id");
    write_id(w, d->id);
    RAY_JSON_KEY(w, "trace_id");
    ray_json_raw(w, (struct ray_str){text, sizeof(text)});
    if (d->parent != NULL) {
        RAY_JSON_KEY(w, "parent_id");
        write_id(w, d->parent);
    }
    RAY_JSON_KEY(w, "start_time");
    ray_json_unix_ns(w, d->span->start_unix_ns);
    if (d->in_progress) {
        RAY_JSON_KEY(w, "in_progress");
        ray_json_bool(w, true);
    } else {
        RAY_JSON_KEY(w, "end_time");
        ray_json_unix_ns(w, d->span->end_unix_ns);
    }
}

static void write_flags(const struct document *d, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "fault");
    ray_json_bool(w, d->cause.fault);
    RAY_JSON_KEY(w, "error");
    ray_json_bool(w, d->cause.error);
    RAY_JSON_KEY(w, "throttle");
    ray_json_bool(w, d->cause.throttle);
    if (d->traced != NULL) {
        RAY_JSON_KEY(w, "traced");
        ray_json_bool(w, d->traced->as.boolean);
    }
}

/* What kind of node this is, and where it ran. */
static void write_kind(const struct document *d, struct ray_json_writer *w)
{
    if (d->shape.subsegment) {
        RAY_JSON_KEY(w, "type");
        ray_json_string(w, RAY_STR("subsegment"));
    } else {
        RAY_WRITE_IF_ANY(w, "resource_arn", d->resource->arn);
    }
    RAY_WRITE_IF_ANY(w, "namespace", d->name.namespace);
    RAY_WRITE_IF_ANY(w, "origin", d->resource->origin);
    RAY_WRITE_IF_ANY(w, "user", d->user);
    if (d->resource->service.len > 0) {
        RAY_JSON_KEY(w, "service");
        ray_json_raw(w, d->resource->service);
    }
}

static void write_blocks(struct document *d, const struct ray_limits *limits,
                         struct ray_json_writer *w)
{
    if (d->http.present && d->shape.role != RAY_ROLE_SERVICE) {
        RAY_JSON_KEY(w, "http");
        ray_http_write(&d->http, w);
    }
    if (d->cause.present) {
        RAY_JSON_KEY(w, "cause");
        ray_cause_write(&d->cause, limits, w);
    }
    if (d->aws.present) { /* D24: a local root on another cloud has none */
        RAY_JSON_KEY(w, "aws");
        ray_aws_write(&d->aws, d->resource, d->shape.role, w);
    }
    if (d->sql.present) {
        RAY_JSON_KEY(w, "sql");
        ray_sql_write(&d->sql, limits, w);
    }
    ray_annotations_write(&d->annotations, limits, w);
    if (d->with_links) {
        ray_links_write(d->span, limits, d->annotations.arena, w);
    }
    ray_metadata_write(&d->annotations, limits, w); /* last: it says what was cut */
}

static void write_document(struct document *d, const struct ray_limits *limits, struct ray_buf *out)
{
    struct ray_json_writer w;
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    write_head(d, &w);
    write_flags(d, &w);
    write_kind(d, &w);
    write_blocks(d, limits, &w);
    ray_json_object_end(&w);
}

enum outcome { WRITTEN, SHRUNK, NOT_WRITTEN };

static bool is_out_of_memory(const struct document *d)
{
    return d->annotations.failed || d->cause.failed;
}

/* Writes the document, again with less of it while it is too big. False: nothing helps. */
static bool write_small_enough(struct document *d, struct ray_buf *out)
{
    size_t start = out->len, step = 0;
    const struct ray_limits *limits;
    while ((limits = ray_shrink_step(step++)) != NULL) {
        struct ray_limits noting = *limits;
        noting.cuts = &d->cuts;
        d->cuts = 0;
        write_document(d, limits == &ray_limits_none ? limits : &noting, out);
        /* where there is room for a small document, the buffer can only fail of a large one */
        bool full = out->failed && out->max_bytes - start < (size_t)RAY_SEGMENT_MAX_BYTES;
        bool fits = !out->failed && out->len - start <= RAY_DOCUMENT_GOAL_BYTES;
        if (full || fits || is_out_of_memory(d)) {
            return true;
        }
        ray_buf_rewind(out, start);
    }
    return false;
}

static void count_document(struct ray_translate_counts *counts, const struct document *d)
{
    counts->over_budget += d->annotations.over_budget;
    for (unsigned cut = 0; cut < RAY_CUT_COUNT; cut++) {
        counts->cut[cut] += d->cuts >> cut & 1;
    }
}

static enum ray_status put_document(struct work *work, struct document *d, enum outcome *outcome)
{
    bool written = write_small_enough(d, ray_batch_begin_document(work->batch));
    if (!written || is_out_of_memory(d)) {
        ray_batch_drop_document(work->batch);
        *outcome = NOT_WRITTEN;
        return written ? RAY_NOMEM : RAY_OK;
    }
    struct ray_trace_id trace_id;
    memcpy(trace_id.bytes, d->span->trace_id.ptr, sizeof(trace_id.bytes));
    *outcome = d->cuts == 0 ? WRITTEN : SHRUNK;
    count_document(work->counts, d);
    return ray_batch_end_document(work->batch, &trace_id, d->id, work->source);
}

/* --- spans --- */

static const uint8_t *id_of(struct ray_str bytes)
{
    return (const uint8_t *)bytes.ptr;
}

/* One document of `span` in the given role. `made` is the id of the pair's service segment. */
static enum ray_status translate_as(struct work *work, const struct ray_span *span,
                                    struct ray_facts *facts, enum ray_role role,
                                    struct ray_made_ids *ids, const uint8_t *made,
                                    enum outcome *outcome)
{
    struct document d = {.span = span, .resource = &work->resource, .id = id_of(span->span_id)};
    d.shape = ray_shape_of(span, facts, role);
    d.parent = d.shape.has_parent ? id_of(span->parent_id) : NULL;
    if (role == RAY_ROLE_SERVICE) {
        d.id = made;
        hide_other_side(facts);
    } else if (role == RAY_ROLE_DEPENDENCY) {
        d.parent = made;
    }
    d.name = ray_name_choose(&d.shape, facts, &work->resource.facts, span->name, work->arena);
    memset(facts->consumed, 0, sizeof(facts->consumed));
    collect_blocks(work, &d, facts, ids);
    return put_document(work, &d, outcome);
}

/* A local root that calls somebody: the call, then the service that made it. */
static enum ray_status translate_pair(struct work *work, const struct ray_span *span,
                                      struct ray_facts *facts, struct ray_made_ids *ids,
                                      enum outcome *outcome)
{
    uint8_t made[RAY_SPAN_ID_BYTES];
    enum outcome first;
    ray_made_id_next(ids, made);
    enum ray_status status =
        translate_as(work, span, facts, RAY_ROLE_DEPENDENCY, ids, made, &first);
    if (status == RAY_OK) {
        status = translate_as(work, span, facts, RAY_ROLE_SERVICE, ids, made, outcome);
        *outcome = first > *outcome ? first : *outcome;
    }
    return status;
}

static void count(struct ray_translate_counts *counts, enum outcome outcome)
{
    counts->translated += outcome != NOT_WRITTEN;
    counts->shrunk += outcome == SHRUNK;
    counts->too_big += outcome == NOT_WRITTEN;
}

static enum ray_status translate_span(struct work *work, const struct ray_span *span)
{
    if (!ray_span_has_ids(span)) { /* D32 */
        work->counts->invalid_ids++;
        return RAY_OK;
    }
    if (ray_facts_scratch_reserve(&work->scratch, work->arena, span->attributes.count) != RAY_OK) {
        return RAY_NOMEM;
    }
    struct ray_facts facts;
    struct ray_made_ids ids = {span, 0};
    enum outcome outcome = WRITTEN;
    enum ray_status status;
    ray_facts_gather(&facts, &span->attributes, &work->translator->names, &work->scratch);
    if (!ray_shape_is_local_root(&facts)) {
        status = translate_as(work, span, &facts, RAY_ROLE_PLAIN, &ids, NULL, &outcome);
    } else if (span->kind == RAY_SPAN_SERVER || span->kind == RAY_SPAN_INTERNAL) {
        status = translate_as(work, span, &facts, RAY_ROLE_LOCAL_ROOT, &ids, NULL, &outcome);
    } else {
        status = translate_pair(work, span, &facts, &ids, &outcome);
    }
    if (status == RAY_OK) {
        count(work->counts, outcome);
    }
    return status;
}

static enum ray_status translate_resource(struct work *work, const struct ray_resource_spans *spans)
{
    enum ray_status status = ray_resource_prepare(spans, &work->translator->resource_options,
                                                  work->arena, &work->resource);
    work->resource_spans = spans;
    for (size_t i = 0; status == RAY_OK && i < spans->scope_count; i++) {
        const struct ray_scope_spans *scope = &spans->scopes[i];
        work->scope = scope;
        for (size_t j = 0; status == RAY_OK && j < scope->span_count; j++) {
            status = translate_span(work, &scope->spans[j]);
            work->source++;
        }
    }
    return status;
}

enum ray_status ray_translate_request(const struct ray_translator *translator,
                                      const struct ray_request *request, struct ray_arena *arena,
                                      struct ray_batch *batch, struct ray_translate_counts *counts)
{
    struct work work = {.translator = translator, .arena = arena, .batch = batch, .counts = counts};
    enum ray_status status = RAY_OK;
    ray_batch_begin_section(batch, translator->profile);
    for (size_t i = 0; status == RAY_OK && i < request->resource_count; i++) {
        status = translate_resource(&work, &request->resources[i]);
    }
    return status;
}
