/*
 * translate: see translate.h. The walk over a request, and the order in which a document is
 * written; each block has a file of its own.
 */
#include "translate/translate.h"

#include "translate/abridge.h"
#include "translate/annotation.h"
#include "translate/aws.h"
#include "translate/cause.h"
#include "translate/http.h"
#include "translate/link.h"
#include "translate/name.h"
#include "translate/restore.h"
#include "translate/shrink.h"
#include "translate/sql.h"
#include "xray/limits.h"

#include <stdlib.h>

/* What one document that is too big may take beside the request's arena. */
#define SPARE_BYTES ((size_t)16 * 1024 * 1024)

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
    uint32_t source;         /* ordinal of the span at hand */
    struct ray_arena *spare; /* of documents that are too big; NULL until there is one */
    bool abridged;           /* the span at hand is a shorter copy */
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
    uint64_t hash = ray_str_hash(RAY_STR("awsxray 3"), 0);
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
        .preserve_all = options->preserve_all,
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
        .resource_spans = work->resource_spans,
        .resource = &work->resource,
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
        RAY_KEY_XRAY_SEGMENT,         RAY_KEY_XRAY_NESTED,     RAY_KEY_RPC_SYSTEM,
        RAY_KEY_RPC_SERVICE,          RAY_KEY_XRAY_NAME,       RAY_KEY_XRAY_NAMESPACE,
        RAY_KEY_DYNAMODB_TABLE_NAMES, RAY_KEY_RESPONSE_LENGTH,
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
        .restores = d->shape.was_segment,
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
    }
    if (!d->in_progress || (d->shape.was_segment && d->span->end_unix_ns != 0)) {
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
    if (!d->shape.nested) {
        const struct ray_value *said =
            d->shape.was_segment ? ray_facts_first(&d->resource->facts, RAY_KEY_XRAY_ORIGIN) : NULL;
        bool own = said != NULL && said->kind == RAY_VALUE_STRING; /* also that it has none */
        RAY_WRITE_IF_ANY(w, "origin", own ? said->as.string : d->resource->origin);
    }
    RAY_WRITE_IF_ANY(w, "user", d->user);
    if (d->resource->service.len > 0 && !d->shape.nested) {
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
        ray_cause_write(&d->cause, limits, d->annotations.scratch, w);
    }
    if (d->aws.present) { /* D24: a local root on another cloud has none */
        RAY_JSON_KEY(w, "aws");
        ray_aws_write(&d->aws, d->resource, &d->shape, w);
    }
    if (d->sql.present) {
        RAY_JSON_KEY(w, "sql");
        ray_sql_write(&d->sql, limits, w);
    }
    ray_annotations_write(&d->annotations, limits, w);
    if (d->with_links) {
        ray_links_write(d->span, limits, d->annotations.scratch, w);
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

/* Once more, with the members that only the segment had (segment_to_span). */
static void restore_members(struct document *d, const struct ray_limits *limits, size_t start,
                            struct ray_buf *out)
{
    struct ray_arena *arena = d->annotations.scratch;
    struct ray_str text = ray_str_from_pos(ray_buf_str(out), start);
    if (out->failed) {
        return;
    }
    text = ray_arena_copy(arena, text);
    ray_buf_rewind(out, start);
    d->annotations.failed |=
        text.ptr == NULL || !ray_restore_write(d->annotations.facts, text, limits, arena, out);
}

enum outcome { WRITTEN, SHRUNK, NOT_WRITTEN };

static bool is_out_of_memory(const struct document *d)
{
    return d->annotations.failed || d->cause.failed;
}

/* Emptied. NULL: out of memory. */
static struct ray_arena *spare_arena(struct work *work)
{
    if (work->spare == NULL) {
        work->spare = ray_arena_new(SPARE_BYTES);
    } else {
        ray_arena_reset(work->spare);
    }
    return work->spare;
}

enum fit { FITS, TOO_BIG, NO_ROOM /* for any document */ };

/* Where the buffer may end while one document is written: a span of 20 MB shall not take the memory
 * of its whole text, only to be found too large. Doubled, as the buffer grows anyway. */
static size_t document_end(const struct ray_buf *out)
{
    const size_t least = (size_t)RAY_SEGMENT_MAX_BYTES;
    size_t room = out->len > least ? out->len : least;
    size_t end = out->max_bytes - out->len < room ? out->max_bytes : out->len + room;
    return end < out->capacity ? out->capacity : end; /* no buffer may have more than its maximum */
}

/* Writes what is left of the document at a step; takes back what is too big. */
static enum fit try_step(struct document *d, size_t step, bool abridged, struct ray_buf *out)
{
    size_t start = out->len;
    const struct ray_limits *limits = ray_shrink_step(step);
    struct ray_limits noting = *limits;
    bool whole = step == 0 && !abridged;
    noting.cuts = &d->cuts;
    d->cuts = abridged ? 1u << RAY_CUT_FIELDS : 0;
    const size_t max_bytes = out->max_bytes;
    out->max_bytes = document_end(out);
    write_document(d, whole ? limits : &noting, out);
    if (d->annotations.restores) {
        restore_members(d, &noting, start, out);
    }
    out->max_bytes = max_bytes;
    /* where there is room for a small document, the buffer can only fail of a large one */
    bool full = out->failed && max_bytes - start < (size_t)RAY_SEGMENT_MAX_BYTES;
    if (full || (whole && is_out_of_memory(d))) {
        return NO_ROOM;
    }
    if (!out->failed && !is_out_of_memory(d) && out->len - start <= RAY_DOCUMENT_GOAL_BYTES) {
        return FITS;
    }
    d->annotations.failed = false; /* the spare arena was too small: less may fit */
    ray_buf_rewind(out, start);
    return TOO_BIG;
}

/* The same with a place to find large maps' duplicates in that is not the neighbours'. */
static enum fit try_less(struct work *work, struct document *d, size_t step, struct ray_buf *out)
{
    if (!work->abridged) { /* else all of it stands in the spare arena */
        d->annotations.scratch = spare_arena(work);
        if (d->annotations.scratch == NULL) {
            return TOO_BIG;
        }
    }
    return try_step(d, step, work->abridged, out);
}

/* Writes the document with as little less of it as makes it fit. Each step gives up more, so the
 * first that fits is found by halving: most documents fit at once, the others in nine writes. */
static enum fit write_small_enough(struct work *work, struct document *d, struct ray_buf *out)
{
    size_t start = out->len, low = 1, high = RAY_SHRINK_STEPS - 1;
    enum fit fit = try_step(d, 0, work->abridged, out);
    if (fit != TOO_BIG || (fit = try_less(work, d, high, out)) != FITS) {
        return fit;
    }
    while (low < high) {
        size_t step = (low + high) / 2;
        ray_buf_rewind(out, start);
        fit = try_less(work, d, step, out);
        if (fit == FITS) {
            high = step;
        } else {
            low = step + 1;
        }
    }
    return fit == FITS ? fit : try_less(work, d, high, out);
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
    enum fit fit = write_small_enough(work, d, ray_batch_begin_document(work->batch));
    *outcome = fit == TOO_BIG ? NOT_WRITTEN : d->cuts == 0 ? WRITTEN : SHRUNK;
    if (fit == TOO_BIG || is_out_of_memory(d)) {
        ray_batch_drop_document(work->batch);
        return fit == TOO_BIG ? RAY_OK : RAY_NOMEM;
    }
    struct ray_trace_id trace_id;
    memcpy(trace_id.bytes, d->span->trace_id.ptr, sizeof(trace_id.bytes));
    count_document(work->counts, d);
    return ray_batch_end_document(work->batch, &trace_id, d->id, work->source);
}

/* --- spans --- */

static const uint8_t *id_of(struct ray_str bytes)
{
    return (const uint8_t *)bytes.ptr;
}

/* One document of a span in the given role. `made` is the id of the pair's service segment. */
struct part {
    const struct ray_span *span;
    enum ray_role role;
    const uint8_t *made;
};

static enum ray_status translate_part(struct work *work, const struct part *part,
                                      struct ray_facts *facts, struct ray_made_ids *ids,
                                      enum outcome *outcome)
{
    const struct ray_span *span = part->span;
    struct document d = {.span = span, .resource = &work->resource, .id = id_of(span->span_id)};
    d.shape = ray_shape_of(span, facts, part->role);
    d.parent = d.shape.has_parent ? id_of(span->parent_id) : NULL;
    ray_shape_forget_segment_words(&d.shape, facts);
    if (part->role == RAY_ROLE_SERVICE) {
        d.id = part->made;
        hide_other_side(facts);
    } else if (part->role == RAY_ROLE_DEPENDENCY) {
        d.parent = part->made;
    }
    d.name = ray_name_choose(&d.shape, facts, &work->resource.facts, span->name, work->arena);
    memset(facts->consumed, 0, sizeof(facts->consumed));
    collect_blocks(work, &d, facts, ids);
    return put_document(work, &d, outcome);
}

/* The same of a shorter copy of the span and its resource, in the spare arena. */
static enum ray_status translate_abridged(const struct work *work, const struct part *part,
                                          size_t level, struct ray_made_ids *ids,
                                          enum outcome *outcome)
{
    struct work own = *work;
    struct ray_abridged copy;
    struct ray_facts facts;
    struct part shorter = {&copy.span, part->role, part->made};
    own.scratch = (struct ray_facts_scratch){0};
    own.arena = work->spare;
    own.abridged = true;
    own.resource_spans = &copy.resource;
    own.scope = &copy.scope;
    if (ray_abridge(level, part->span, work->scope, work->resource_spans, own.arena, &copy) !=
            RAY_OK ||
        ray_resource_prepare(&copy.resource, &work->translator->resource_options, own.arena,
                             &own.resource) != RAY_OK ||
        ray_facts_scratch_reserve(&own.scratch, own.arena, copy.span.attributes.count) != RAY_OK) {
        return RAY_NOMEM;
    }
    ray_facts_gather(&facts, &copy.span.attributes, &work->translator->names, &own.scratch);
    return translate_part(&own, &shorter, &facts, ids, outcome);
}

/* A field that nothing replaces is too large: it is cut, too, so that the document goes out at
 * all. The rest of it is as whole as it can be then. */
static enum ray_status translate_as(struct work *work, const struct part *part,
                                    struct ray_facts *facts, struct ray_made_ids *ids,
                                    enum outcome *outcome)
{
    struct ray_made_ids before = *ids;
    enum ray_status status = translate_part(work, part, facts, ids, outcome);
    for (size_t level = 0; level < RAY_ABRIDGE_LEVELS && *outcome == NOT_WRITTEN; level++) {
        if (spare_arena(work) == NULL) {
            return RAY_NOMEM;
        }
        *ids = before;
        status = translate_abridged(work, part, level, ids, outcome);
        if (status == RAY_NOMEM) { /* of the spare arena: only this span is refused */
            *outcome = NOT_WRITTEN;
            status = RAY_OK;
        }
    }
    return status;
}

/* A local root that calls somebody: the call, then the service that made it. */
static enum ray_status translate_pair(struct work *work, const struct ray_span *span,
                                      struct ray_facts *facts, struct ray_made_ids *ids,
                                      enum outcome *outcome)
{
    uint8_t made[RAY_SPAN_ID_BYTES];
    enum outcome first;
    ray_made_id_next(ids, made);
    const struct part call = {span, RAY_ROLE_DEPENDENCY, made};
    const struct part service = {span, RAY_ROLE_SERVICE, made};
    enum ray_status status = translate_as(work, &call, facts, ids, &first);
    if (status == RAY_OK) {
        status = translate_as(work, &service, facts, ids, outcome);
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
    struct part part = {.span = span, .role = RAY_ROLE_PLAIN};
    enum outcome outcome = WRITTEN;
    enum ray_status status;
    ray_facts_gather(&facts, &span->attributes, &work->translator->names, &work->scratch);
    bool acts = span->kind == RAY_SPAN_SERVER || span->kind == RAY_SPAN_INTERNAL;
    if (ray_shape_is_local_root(&facts) && !acts) {
        status = translate_pair(work, span, &facts, &ids, &outcome);
    } else {
        part.role = ray_shape_is_local_root(&facts) ? RAY_ROLE_LOCAL_ROOT : RAY_ROLE_PLAIN;
        status = translate_as(work, &part, &facts, &ids, &outcome);
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
    ray_arena_free(work.spare);
    return status;
}
