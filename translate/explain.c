/* explain: see explain.h. */
#include "translate/explain.h"

#include "core/codec.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "translate/annotation.h"
#include "translate/field.h"
#include "translate/indexed.h"
#include "translate/mapping.h"
#include "translate/restore.h"
#include "translate/value.h"

#define VALUE_MAX_CHARS 80u

struct explain {
    const struct ray_explained *made_of;
    struct ray_arena *arena;
    struct ray_buf *out;
};

/* A field's value, as text where it is a scalar. */
struct written {
    enum ray_json_type type;
    struct ray_str text;
};

static struct written read_written(struct ray_str json, struct ray_arena *arena)
{
    struct ray_json_reader r;
    struct written written;
    ray_json_read_init(&r, json, arena, RAY_JSON_DEPTH_MAX);
    written.type = ray_json_peek(&r);
    written.text = json;
    if (written.type == RAY_JSON_STRING) {
        ray_json_read_string(&r, &written.text);
    }
    return written;
}

/* --- does a value fit what was written --- */

static bool is_number(struct ray_str text, double number)
{
    double other;
    return ray_str_to_double(text, &other) == RAY_OK && other == number;
}

/* Repaired characters make texts incomparable; then presence has to do. */
static bool text_fits(struct ray_str text, struct ray_str written)
{
    return ray_str_starts_with(text, written) || /* cut at a limit */
           ray_str_find(written, RAY_STR("\xEF\xBF\xBD")) != SIZE_MAX;
}

static bool is_copy(const struct ray_value *value, const struct written *written,
                    struct ray_arena *arena)
{
    switch (value->kind) {
    case RAY_VALUE_NONE:
        return written->type == RAY_JSON_NULL;
    case RAY_VALUE_STRING: /* "200" may be written as 200 (D11) */
        return written->type == RAY_JSON_STRING ? text_fits(value->as.string, written->text)
                                                : ray_str_eq(value->as.string, written->text);
    case RAY_VALUE_BOOL:
    case RAY_VALUE_INT:
        return ray_str_eq(ray_value_text(value, arena), written->text);
    case RAY_VALUE_DOUBLE: /* NaN and infinities are strings (D17) */
        return written->type == RAY_JSON_STRING || is_number(written->text, value->as.number);
    case RAY_VALUE_LIST: /* where a scalar is written it is the first element */
        return written->type == RAY_JSON_ARRAY ||
               (value->as.list.count > 0 && value->as.list.items[0].kind != RAY_VALUE_LIST &&
                is_copy(&value->as.list.items[0], written, arena));
    case RAY_VALUE_MAP:
        return written->type == RAY_JSON_OBJECT;
    case RAY_VALUE_DIGITS:
        return ray_str_eq(value->as.string, written->text);
    case RAY_VALUE_BYTES:
        return written->type == RAY_JSON_STRING || written->type == RAY_JSON_NULL;
    }
    return false;
}

static bool is_part(const struct ray_value *value, struct ray_str written, struct ray_arena *arena)
{
    struct ray_str text = ray_value_text(value, arena);
    return text.len > 0 &&
           (ray_str_find(written, text) != SIZE_MAX || ray_str_find(text, written) != SIZE_MAX);
}

/* Cleaning only deletes, so what is left stands in the text in that order. */
static bool is_cleaned(struct ray_str text, struct ray_str written)
{
    size_t at = 0;
    for (size_t i = 0; i < text.len && at < written.len; i++) {
        at += text.ptr[i] == written.ptr[at];
    }
    return at == written.len;
}

static bool is_error_code(const struct ray_value *value)
{
    int64_t code;
    return ray_value_to_int(value, &code) && code >= 400 && code <= 599;
}

static bool fits(enum ray_mapping_how how, const struct ray_value *value,
                 const struct written *written, struct ray_arena *arena)
{
    switch (how) {
    case RAY_MAPPED_COPY:
        return is_copy(value, written, arena);
    case RAY_MAPPED_PART:
        return is_part(value, written->text, arena);
    case RAY_MAPPED_CLEANED:
        return is_cleaned(ray_value_string(value), written->text);
    case RAY_MAPPED_CODE:
        return is_error_code(value);
    case RAY_MAPPED_DECIDES:
        return true;
    }
    return false;
}

/* --- looking for the source of one row --- */

/* `from` of a row, taken apart: "span:aws.span.kind=LOCAL_ROOT". */
struct source {
    struct ray_str place;  /* "span" */
    struct ray_str name;   /* "aws.span.kind", or what stands before "*" */
    struct ray_str wanted; /* "LOCAL_ROOT", or the NULL view */
    bool any;              /* there was a "*" */
};

static struct source read_source(const char *from)
{
    struct ray_str rest = ray_str_from(from);
    struct source source = {.wanted = {NULL, 0}};
    ray_str_split(&rest, ':', &source.place);
    size_t equals = ray_str_find_byte(rest, '=');
    source.name = ray_str_until(rest, equals);
    if (equals != SIZE_MAX) {
        source.wanted = ray_str_from_pos(rest, equals + 1);
    }
    source.any = ray_str_ends_with(source.name, RAY_STR("*"));
    if (source.any) {
        source.name.len--;
    }
    return source;
}

/* What is being asked about one row. */
struct question {
    const struct ray_mapping *row;
    struct source source;
    const struct ray_field *field;
    const struct written *written;
    const struct ray_explained *made_of;
    struct ray_arena *arena;
};

/* The name, or what `indexed_attributes` makes of it. */
static struct ray_str renamed(const struct ray_explained *made_of, struct ray_str name)
{
    struct ray_index_entry entry;
    for (size_t i = 0; i < made_of->indexed_attribute_count; i++) {
        if (ray_index_entry_read(made_of->indexed_attributes[i], &entry) == RAY_OK &&
            entry.renamed.len > 0 && ray_str_eq(entry.name, name)) {
            return entry.renamed;
        }
    }
    return name;
}

/* The key that an attribute has in annotations or metadata. */
static struct ray_str written_key(const struct question *q, struct ray_str name)
{
    if (ray_str_starts_with(q->field->pattern, RAY_STR("annotations."))) {
        return ray_annotation_key(renamed(q->made_of, name), q->arena);
    }
    return name;
}

/* "aws.xray.metadata.Default" is the namespace "default", too. */
static bool names_namespace(const struct question *q, struct ray_str name)
{
    return ray_str_starts_with(name, q->source.name) &&
           ray_str_eq_nocase(ray_str_from_pos(name, q->source.name.len), q->field->namespace);
}

static bool is_resource(const struct question *q)
{
    return ray_str_eq(q->source.place, RAY_STR("resource"));
}

static bool key_fits(const struct question *q, struct ray_str name)
{
    bool open = ray_str_ends_with(q->field->pattern, RAY_STR(".*"));
    if (!q->source.any) {
        return ray_str_eq(name, q->source.name) &&
               (!open || ray_str_eq(written_key(q, name), q->field->key));
    }
    if (q->source.name.len > 0) {
        return names_namespace(q, name);
    }
    if (is_resource(q)) {
        name = ray_arena_printf(q->arena, "otel.resource.%.*s", RAY_STR_ARG(name));
    }
    return ray_str_eq(written_key(q, name), q->field->key);
}

static bool value_fits(const struct question *q, const struct ray_value *value)
{
    if (q->source.wanted.ptr != NULL && !ray_str_eq(ray_value_string(value), q->source.wanted)) {
        return false;
    }
    return fits(q->row->how, value, q->written, q->arena);
}

/* The name of the attribute that answers, or the NULL view. */
static struct ray_str find_attribute(const struct question *q,
                                     const struct ray_attributes *attributes)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (key_fits(q, attributes->items[i].key) && value_fits(q, &attributes->items[i].value)) {
            return attributes->items[i].key;
        }
    }
    return (struct ray_str){NULL, 0};
}

static struct ray_str find_in_events(const struct question *q, const struct ray_span *span)
{
    struct ray_str name = {NULL, 0};
    for (size_t i = 0; i < span->event_count && name.ptr == NULL; i++) {
        name = find_attribute(q, &span->events[i].attributes);
    }
    return name;
}

/* Fields whose value can be compared; of others the row says enough. */
static bool field_fits(const struct question *q, const struct ray_span *span)
{
    struct ray_value value = {.kind = RAY_VALUE_STRING};
    if (ray_str_eq(q->source.name, RAY_STR("name"))) {
        value.as.string = span->name;
    } else if (ray_str_eq(q->source.name, RAY_STR("status.message"))) {
        value.as.string = span->status_message;
    } else {
        return true;
    }
    return fits(q->row->how, &value, q->written, q->arena);
}

/* What answers in the spelling of the table, or the NULL view. */
static struct ray_str answer(const struct question *q)
{
    const struct ray_explained *made_of = q->made_of;
    struct ray_str name;
    if (ray_str_eq(q->source.place, RAY_STR("span"))) {
        name = find_attribute(q, &made_of->span->attributes);
    } else if (is_resource(q)) {
        name = find_attribute(q, made_of->resource);
    } else if (ray_str_eq(q->source.place, RAY_STR("event"))) {
        name = find_in_events(q, made_of->span);
    } else {
        bool good = !ray_str_eq(q->source.place, RAY_STR("field")) || field_fits(q, made_of->span);
        return good ? ray_str_from(q->row->from) : (struct ray_str){NULL, 0};
    }
    if (name.ptr == NULL) {
        return name;
    }
    return ray_arena_printf(q->arena, "%.*s:%.*s", RAY_STR_ARG(q->source.place), RAY_STR_ARG(name));
}

/* --- the lines --- */

static void write_value(struct ray_str json, struct ray_buf *out)
{
    struct ray_str shown = ray_utf8_first_chars(json, VALUE_MAX_CHARS);
    ray_buf_append(out, shown);
    if (shown.len < json.len) {
        ray_buf_append(out, RAY_STR("..."));
    }
}

static void write_line(const struct explain *e, const struct ray_field *field, struct ray_str from,
                       const struct ray_mapping *row)
{
    ray_buf_append_u64(e->out, e->made_of->number);
    ray_buf_append_byte(e->out, '\t');
    ray_json_escape(e->out, field->path);
    ray_buf_append_byte(e->out, '\t');
    write_value(field->json, e->out);
    ray_buf_append_byte(e->out, '\t');
    ray_json_escape(e->out, from);
    ray_buf_printf(e->out, "\t%s\t%s\n", row ? row->rule : "-", row ? row->source : "-");
}

/* The attribute that kept a member which only a segment has (restore.h), or the NULL view. */
static struct ray_str find_kept(const struct ray_attributes *attributes, struct ray_str path)
{
    static const struct ray_str prefix = RAY_STR_INIT("aws.xray.field.");
    const struct ray_value *segment = ray_attributes_find(attributes, RAY_STR("aws.xray.segment"));
    bool was_segment = segment != NULL && segment->kind == RAY_VALUE_BOOL && segment->as.boolean;
    for (size_t i = 0; was_segment && i < attributes->count; i++) {
        struct ray_str key = attributes->items[i].key;
        struct ray_str kept = ray_str_from_pos(key, prefix.len);
        if (ray_restore_takes(key) && ray_str_starts_with(path, kept) &&
            (path.len == kept.len || path.ptr[kept.len] == '.' || path.ptr[kept.len] == '[')) {
            return key;
        }
    }
    return (struct ray_str){NULL, 0};
}

static void explain_field(void *context, const struct ray_field *field)
{
    const struct explain *e = context;
    static const struct ray_mapping restored = {.rule = "D28", .source = "O"};
    size_t count;
    struct ray_str kept = find_kept(&e->made_of->span->attributes, field->path);
    if (kept.ptr != NULL) {
        write_line(e, field, ray_arena_printf(e->arena, "span:%.*s", RAY_STR_ARG(kept)), &restored);
        return;
    }
    const struct ray_mapping *rows = ray_mappings_of(field->pattern, &count);
    struct written written = read_written(field->json, e->arena);
    for (size_t i = 0; i < count; i++) {
        struct question q = {&rows[i], read_source(rows[i].from), field, &written, e->made_of,
                             e->arena};
        struct ray_str from = answer(&q);
        if (from.ptr != NULL) {
            write_line(e, field, from, &rows[i]);
            return;
        }
    }
    write_line(e, field, RAY_STR("-"), rows); /* null: what it comes from is absent */
}

enum ray_status ray_explain(struct ray_str document, const struct ray_explained *explained,
                            struct ray_arena *arena, struct ray_buf *out)
{
    struct explain explain = {explained, arena, out};
    enum ray_status status = ray_fields_walk(document, arena, explain_field, &explain);
    return status == RAY_OK && out->failed ? RAY_TOO_BIG : status;
}
