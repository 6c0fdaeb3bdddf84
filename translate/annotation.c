/*
 * annotation: see annotation.h.
 *
 * awsxrayexporter 0.130 behaviour, with D17 to D21 and D35. Limits: X-Ray quotas (key and value
 * length); at most 50 annotations of a trace are indexed: which ones the service decides, unless
 * there is a budget.
 *
 * The common case is a copy of the resource's prepared text. A span "interferes" when it has names
 * that begin like the resource's, or lists names to index itself; then each item is looked at.
 */
#include "translate/annotation.h"

#include "core/codec.h"
#include "translate/json_value.h"
#include "translate/restore.h"
#include "xray/limits.h"

#define METADATA_PREFIX   RAY_STR("aws.xray.metadata.")
#define RESOURCE_PREFIX   RAY_STR("otel.resource.")
#define CUTS_NAME         RAY_STR("spanbridge.truncated")
#define ANNOTATION_PREFIX RAY_STR("aws.xray.annotation.")

enum place { NOWHERE = 0, ANNOTATION = 1, METADATA = 2, CLASHED = RAY_PLACE_CLASHED };

bool ray_annotation_fits(const struct ray_value *value)
{
    return value->kind == RAY_VALUE_STRING || value->kind == RAY_VALUE_INT ||
           value->kind == RAY_VALUE_DOUBLE || value->kind == RAY_VALUE_BOOL;
}

/* 0 or 1. */
static unsigned is_key_char(char c)
{
    static const uint64_t ascii[2] = {/* . 0-9 */ UINT64_C(0x03ff400000000000),
                                      /* A-Z _ a-z */ UINT64_C(0x07fffffe87fffffe)};
    unsigned char byte = (unsigned char)c;
    return byte < 0x80 ? (unsigned)(ascii[byte / 64] >> byte % 64 & 1) : 0;
}

static bool is_clean_key(struct ray_str name)
{
    size_t i = 0;
    bool clean = name.len <= RAY_ANNOTATION_KEY_MAX_CHARS;
    for (; clean && name.len - i >= 4; i += 4) { /* one branch for four */
        const char *at = name.ptr + i;
        clean = (is_key_char(at[0]) & is_key_char(at[1]) & is_key_char(at[2]) &
                 is_key_char(at[3])) != 0;
    }
    for (; clean && i < name.len; i++) {
        clean = is_key_char(name.ptr[i]) != 0;
    }
    return clean;
}

struct ray_str ray_annotation_key(struct ray_str name, struct ray_arena *arena)
{
    if (is_clean_key(name)) {
        return name;
    }
    char *out = ray_arena_alloc_text(arena, RAY_ANNOTATION_KEY_MAX_CHARS);
    return out != NULL ? ray_annotation_key_clean(name, out) : (struct ray_str){NULL, 0};
}

struct ray_str ray_annotation_key_clean(struct ray_str name, char *out)
{
    size_t len = 0;
    while (name.len > 0 && len < RAY_ANNOTATION_KEY_MAX_CHARS) {
        char first = name.ptr[0];
        ray_utf8_next(&name, NULL); /* one "_" for one character */
        out[len] = '_';
        if (is_key_char(first) != 0) {
            out[len] = first;
        }
        len++;
    }
    return (struct ray_str){out, len};
}

/* D20: annotation values are cut, and are then metadata, too. */
static bool is_long(const struct ray_value *value)
{
    return value->kind == RAY_VALUE_STRING &&
           value->as.string.len > RAY_ANNOTATION_VALUE_MAX_CHARS &&
           ray_utf8_first_chars(value->as.string, RAY_ANNOTATION_VALUE_MAX_CHARS).len <
               value->as.string.len;
}

/* True when `key` is new in the map; false also when out of memory, which is noted. */
static bool claim(struct ray_map *map, struct ray_str key, bool *failed)
{
    bool added = false;
    if (ray_map_put(map, key, &added) == NULL) {
        *failed = true;
    }
    return added;
}

/* --- deciding --- */

static bool is_listed(const struct ray_annotations *a, struct ray_str name)
{
    return a->listed.count > 0 && ray_map_find(&a->listed, name) != NULL;
}

/* The attribute is a list written by a segment receiver; other kinds are ordinary attributes. */
static void collect_listed(struct ray_annotations *a, struct ray_facts *facts)
{
    const struct ray_value *list = ray_facts_last(facts, RAY_KEY_XRAY_ANNOTATIONS);
    if (list == NULL || list->kind != RAY_VALUE_LIST) {
        return;
    }
    for (size_t i = 0; i < list->as.list.count; i++) {
        if (list->as.list.items[i].kind == RAY_VALUE_STRING) {
            claim(&a->listed, list->as.list.items[i].as.string, &a->failed);
        }
    }
}

static bool is_own_name(const struct ray_annotations *a, struct ray_str name)
{
    if (ray_str_eq(name, CUTS_NAME)) {
        return true;
    }
    for (size_t i = 0; a->rules.preserved != NULL && i < RAY_PRESERVE_NAMESPACES; i++) {
        if (ray_str_eq(ray_preserve_name(i), name)) {
            return true;
        }
    }
    return false;
}

/* {"a": 1} or null in aws.xray.metadata.NAME; false when it is an ordinary attribute. */
static bool add_namespace(struct ray_annotations *a, const struct ray_facts *facts, size_t item)
{
    const struct ray_attribute *attribute = &facts->items[item];
    if (a->rules.index_all || attribute->value.kind != RAY_VALUE_STRING ||
        !ray_str_starts_with(attribute->key, METADATA_PREFIX)) {
        return false;
    }
    struct ray_str name = ray_str_from_pos(attribute->key, METADATA_PREFIX.len);
    if (is_own_name(a, name)) {
        return false; /* ours to write */
    }
    struct ray_value value;
    enum ray_status status = ray_value_from_json(attribute->value.as.string, a->arena, &value);
    a->failed |= status == RAY_NOMEM;
    if (status != RAY_OK || (value.kind != RAY_VALUE_MAP && value.kind != RAY_VALUE_NONE)) {
        return false;
    }
    struct ray_namespace *namespace = RAY_ARENA_NEW(a->arena, struct ray_namespace);
    if (namespace == NULL) {
        a->failed = true;
        return false;
    }
    namespace->item = item;
    namespace->name = name;
    namespace->value = value;
    namespace->next = a->namespaces;
    a->namespaces = namespace;
    return true;
}

static bool is_consumed(const struct ray_annotations *a, const struct ray_facts *facts, size_t i)
{
    const struct ray_note *note = &facts->notes[i];
    if (note->key == RAY_KEY_XRAY_ANNOTATIONS) {
        return facts->items[i].value.kind == RAY_VALUE_LIST;
    }
    return note->key != RAY_KEY_NONE && facts->consumed[note->key] &&
           note->indexing == RAY_INDEXED_NOT && !is_listed(a, facts->items[i].key); /* D21 */
}

/* Of a legacy annotation whose name would mean something else as an attribute. */
static struct ray_str own_name(struct ray_str key)
{
    return key.len > ANNOTATION_PREFIX.len && ray_str_starts_with(key, ANNOTATION_PREFIX)
               ? ray_str_from_pos(key, ANNOTATION_PREFIX.len)
               : key;
}

static unsigned place_of(struct ray_annotations *a, struct ray_facts *facts, size_t i)
{
    const struct ray_attribute *attribute = &facts->items[i];
    struct ray_note *note = &facts->notes[i];
    if (note->superseded || attribute->value.kind == RAY_VALUE_NONE || is_consumed(a, facts, i)) {
        return NOWHERE;
    }
    if (a->rules.restores && ray_restore_takes(attribute->key)) {
        a->restores = true;
        return NOWHERE;
    }
    bool indexed =
        a->rules.index_all || note->indexing != RAY_INDEXED_NOT || is_listed(a, attribute->key);
    if (indexed && ray_annotation_fits(&attribute->value)) {
        if (note->annotation_key.ptr == NULL) { /* not renamed */
            bool renamed = a->rules.restores && facts->has_annotation_names;
            struct ray_str name = renamed ? own_name(attribute->key) : attribute->key;
            note->annotation_key = ray_annotation_key(name, a->arena);
        }
        a->failed |= note->annotation_key.ptr == NULL && attribute->key.len > 0;
        return is_long(&attribute->value) ? ANNOTATION | METADATA : ANNOTATION;
    }
    if (!indexed && facts->has_metadata_names && add_namespace(a, facts, i)) {
        return NOWHERE;
    }
    return METADATA; /* D18: also what is indexed but no annotation can hold */
}

/* D19: the first of several attributes with one annotation key keeps it. */
static void settle_keys(struct ray_annotations *a, struct ray_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        if ((facts->notes[i].place & ANNOTATION) != 0 &&
            !claim(&a->taken, facts->notes[i].annotation_key, &a->failed)) {
            facts->notes[i].place = METADATA;
        }
    }
}

/* Once per document and only when the prepared text will not do: the resource's attributes get the
 * annotation keys that the span's have left. */
static void place_items(struct ray_annotations *a)
{
    if (a->item_places != NULL || a->failed) {
        return;
    }
    a->item_places = RAY_ARENA_ARRAY(a->arena, uint8_t, a->resource->item_count);
    if (a->item_places == NULL) {
        a->failed = true;
        return;
    }
    for (size_t i = 0; i < a->resource->item_count; i++) {
        const struct ray_resource_item *item = &a->resource->items[i];
        bool annotated = (item->indexed || is_listed(a, item->name)) &&
                         item->annotation_key.len > 0 &&
                         claim(&a->taken, item->annotation_key, &a->failed);
        a->item_places[i] = (uint8_t)(!annotated             ? METADATA
                                      : is_long(item->value) ? ANNOTATION | METADATA
                                                             : ANNOTATION);
    }
}

/* Of several that are metadata under one name the last is written. Once more changes nothing. */
static void settle_items(struct ray_annotations *a)
{
    struct ray_map names;
    ray_map_init(&names, a->scratch, a->taken.seed);
    size_t duplicates = a->resource->facts.has_duplicates ? a->resource->item_count : 0;
    for (size_t i = duplicates; !a->failed && i > 0; i--) {
        uint8_t *place = &a->item_places[i - 1];
        if ((*place & METADATA) != 0 &&
            !claim(&names, a->resource->items[i - 1].name, &a->failed)) {
            *place = (uint8_t)((*place & ~(unsigned)METADATA) | CLASHED);
        }
    }
}

/* --- the budget --- */

static enum ray_indexing indexing_of(const struct ray_annotations *a, unsigned indexing,
                                     struct ray_str name)
{
    return is_listed(a, name) ? RAY_INDEXED_BY_NAME : (enum ray_indexing)indexing;
}

/* One annotation of the budget is used, or, when there is none left, it becomes metadata. */
static void spend(struct ray_annotations *a, uint8_t *place, unsigned metadata, uint32_t *left)
{
    if (*left > 0) {
        (*left)--;
        return;
    }
    *place = (uint8_t)metadata;
    a->over_budget++;
}

/* What is indexed in one way: the span's attributes, then the resource's. */
static void spend_on(struct ray_annotations *a, struct ray_facts *facts, enum ray_indexing indexing,
                     uint32_t *left)
{
    for (size_t i = 0; i < facts->count; i++) {
        struct ray_note *note = &facts->notes[i];
        if ((note->place & ANNOTATION) != 0 &&
            indexing_of(a, note->indexing, facts->items[i].key) == indexing) {
            spend(a, &note->place, METADATA, left);
        }
    }
    for (size_t i = 0; a->item_places != NULL && i < a->resource->item_count; i++) {
        const struct ray_resource_item *item = &a->resource->items[i];
        if ((a->item_places[i] & ANNOTATION) != 0 &&
            indexing_of(a, item->indexing, item->name) == indexing) {
            spend(a, &a->item_places[i], METADATA, left);
        }
    }
}

/* Of too many annotations those stay that are named, then those that fit a pattern, then others. */
static void keep_budget(struct ray_annotations *a, struct ray_facts *facts)
{
    uint32_t left = a->rules.budget;
    if (a->rules.with_resource) {
        place_items(a);
    }
    spend_on(a, facts, RAY_INDEXED_BY_NAME, &left);
    spend_on(a, facts, RAY_INDEXED_BY_PATTERN, &left);
    spend_on(a, facts, RAY_INDEXED_NOT, &left);
    if (a->item_places != NULL) {
        settle_items(a);
    }
    a->interferes |= a->over_budget > 0; /* the resource's prepared text may have too many */
}

struct ray_annotations ray_annotations_collect(struct ray_facts *facts,
                                               const struct ray_resource *resource,
                                               const struct ray_annotation_rules *rules,
                                               struct ray_arena *arena)
{
    struct ray_annotations a = {
        .rules = *rules, .facts = facts, .resource = resource, .arena = arena, .scratch = arena};
    uint64_t seed = (uintptr_t)arena; /* seen in no output, and not to be guessed */
    ray_map_init(&a.listed, arena, seed);
    ray_map_init(&a.taken, arena, seed);
    collect_listed(&a, facts);
    bool rewritten = false;
    size_t annotations = rules->with_resource ? resource->annotation_count : 0;
    for (size_t i = 0; i < facts->count; i++) {
        struct ray_note *note = &facts->notes[i];
        note->place = (uint8_t)place_of(&a, facts, i);
        if ((note->place & ANNOTATION) == 0) {
            continue;
        }
        annotations++;
        if (note->annotation_key.ptr != facts->items[i].key.ptr) {
            rewritten = true;
            a.interferes |= ray_str_starts_with(note->annotation_key, RESOURCE_PREFIX);
        }
    }
    a.interferes |= facts->has_resource_names || a.listed.count > 0 || a.namespaces != NULL ||
                    (rules->with_resource && resource->has_renamed);
    if (rewritten || a.interferes) { /* else keys are as different as the attributes are */
        settle_keys(&a, facts);
    }
    if (rules->budget > 0 && (annotations > rules->budget || a.interferes)) {
        keep_budget(&a, facts);
    }
    return a;
}

/* --- writing --- */

/* An object, begun only when it gets its first member, so that there are no empty ones. */
struct section {
    struct ray_json_writer *w;
    struct ray_str quoted_key;
    struct section *outer; /* begun first; or NULL */
    size_t max_bytes;      /* of the whole object */
    size_t entry_bytes;    /* of one member */
    size_t small_bytes;    /* members that stay even so */
    const struct ray_limits *limits;
    enum ray_cut cut; /* what is noted when a member does not fit */
    size_t start;     /* where it began */
    bool open;
};

static void open_section(struct section *s)
{
    if (s->open) {
        return;
    }
    if (s->outer != NULL) {
        open_section(s->outer);
    }
    ray_json_raw_key(s->w, s->quoted_key);
    ray_json_object_begin(s->w);
    s->start = s->w->out->len;
    s->open = true;
}

static void close_section(const struct section *s)
{
    if (s->open) {
        ray_json_object_end(s->w);
    }
}

/* What stood before a member, to take it back when it is too big (D34). */
struct mark {
    size_t len;
    bool comma;
};

static struct mark begin_member(struct section *s)
{
    open_section(s);
    return (struct mark){s->w->out->len, s->w->comma};
}

static void end_member(const struct section *s, struct mark mark)
{
    const struct ray_buf *out = s->w->out;
    size_t bytes = out->len - mark.len;
    bool no_room = bytes > s->small_bytes && out->len - s->start > s->max_bytes;
    if (!out->failed && (bytes > s->entry_bytes || no_room)) {
        ray_buf_rewind(s->w->out, mark.len);
        s->w->comma = mark.comma;
        ray_limits_note(s->limits, s->cut);
    }
}

static void write_annotation(struct section *s, struct ray_str key, const struct ray_value *value,
                             struct ray_arena *arena)
{
    struct mark mark = begin_member(s);
    ray_json_key(s->w, key);
    if (value->kind == RAY_VALUE_STRING) {
        ray_json_string(s->w,
                        ray_utf8_first_chars(value->as.string, RAY_ANNOTATION_VALUE_MAX_CHARS));
    } else {
        ray_value_write(value, &ray_limits_none, arena, s->w);
    }
    end_member(s, mark);
}

static void write_metadata(struct section *s, struct ray_str key, const struct ray_value *value,
                           const struct ray_limits *limits, struct ray_arena *arena)
{
    struct mark mark = begin_member(s);
    ray_json_key(s->w, key);
    ray_value_write(value, limits, arena, s->w);
    end_member(s, mark);
}

static void write_item_annotations(struct ray_annotations *a, struct section *s)
{
    place_items(a);
    for (size_t i = 0; !a->failed && i < a->resource->item_count; i++) {
        if ((a->item_places[i] & ANNOTATION) != 0) {
            write_annotation(s, a->resource->items[i].annotation_key, a->resource->items[i].value,
                             a->scratch);
        }
    }
}

/* `described` names are in use already. */
static void write_item_metadata(struct ray_annotations *a, struct section *s,
                                const struct ray_map *described, const struct ray_limits *limits)
{
    place_items(a);
    settle_items(a);
    for (size_t i = 0; !a->failed && i < a->resource->item_count; i++) {
        const struct ray_resource_item *item = &a->resource->items[i];
        if ((a->item_places[i] & METADATA) == 0) {
            continue;
        }
        if (ray_map_find(described, item->name) != NULL) {
            a->item_places[i] |= CLASHED;
        } else {
            write_metadata(s, item->name, item->value, limits, a->scratch);
        }
    }
}

static bool prepared_text_will_do(const struct ray_annotations *a, const struct ray_limits *limits)
{
    return !a->interferes && limits == &ray_limits_none;
}

void ray_annotations_write(struct ray_annotations *a, const struct ray_limits *limits,
                           struct ray_json_writer *w)
{
    struct section s = {.w = w,
                        .quoted_key = RAY_STR("\"annotations\":"),
                        .max_bytes = limits->annotation_bytes,
                        .entry_bytes = SIZE_MAX,
                        .limits = limits,
                        .cut = RAY_CUT_ANNOTATIONS};
    for (size_t i = 0; i < a->facts->count; i++) {
        const struct ray_note *note = &a->facts->notes[i];
        if ((note->place & ANNOTATION) != 0) {
            write_annotation(&s, note->annotation_key, &a->facts->items[i].value, a->scratch);
        }
    }
    if (a->rules.with_resource && !prepared_text_will_do(a, limits)) {
        write_item_annotations(a, &s);
    } else if (a->rules.with_resource && a->resource->annotations.len > 0) {
        open_section(&s);
        ray_json_raw(w, a->resource->annotations);
    }
    close_section(&s);
}

/* The service segment of a local root keeps the resource's names only; what is emptied stays. */
static bool is_kept(const struct ray_annotations *a, struct ray_str name)
{
    return !a->rules.only_resource_names || ray_str_starts_with(name, RESOURCE_PREFIX);
}

/* Writes a member of the default namespace unless its name is in use: then it returns false. */
static bool write_default(struct ray_annotations *a, struct section *s, struct ray_map *described,
                          const struct ray_attribute *member, const struct ray_limits *limits)
{
    /* names can only repeat when something interferes: else the map stays empty */
    if (a->interferes && !claim(described, member->key, &a->failed)) {
        return false;
    }
    open_section(s);
    if (is_kept(a, member->key)) {
        write_metadata(s, member->key, &member->value, limits, a->scratch);
    }
    return true;
}

static bool is_default(const struct ray_namespace *namespace)
{
    return ray_str_eq_nocase(namespace->name, RAY_STR("default"));
}

static void write_default_namespace(struct ray_annotations *a, struct section *s,
                                    const struct ray_limits *limits)
{
    struct ray_map described;
    ray_map_init(&described, a->scratch, a->taken.seed);
    for (size_t i = 0; i < a->facts->count; i++) {
        if ((a->facts->notes[i].place & METADATA) != 0) {
            (void)write_default(a, s, &described, &a->facts->items[i], limits);
        }
    }
    for (const struct ray_namespace *n = a->namespaces; n != NULL; n = n->next) {
        size_t members =
            is_default(n) && n->value.kind == RAY_VALUE_MAP ? n->value.as.map.count : 0;
        for (size_t i = members; i > 0; i--) { /* from behind: of duplicates the last wins */
            if (!write_default(a, s, &described, &n->value.as.map.items[i - 1], limits)) {
                a->facts->notes[n->item].place |= CLASHED;
            }
        }
    }
    if (a->rules.with_resource && !prepared_text_will_do(a, limits)) {
        write_item_metadata(a, s, &described, limits);
    } else if (a->rules.with_resource && a->resource->metadata.len > 0) {
        open_section(s);
        ray_json_raw(s->w, a->resource->metadata);
    }
}

static void write_namespace(struct ray_annotations *a, const struct ray_namespace *n,
                            struct section *outer, const struct ray_limits *limits)
{
    struct ray_attribute *kept = RAY_ARENA_ARRAY(
        a->scratch, struct ray_attribute, a->rules.only_resource_names ? n->value.as.map.count : 0);
    struct ray_value value = n->value;
    if (a->rules.only_resource_names && value.kind == RAY_VALUE_MAP) {
        if (kept == NULL) {
            a->failed = true;
            return;
        }
        value.as.map.items = kept;
        value.as.map.count = 0;
        for (size_t i = 0; i < n->value.as.map.count; i++) {
            if (is_kept(a, n->value.as.map.items[i].key)) {
                kept[value.as.map.count++] = n->value.as.map.items[i];
            }
        }
    }
    write_metadata(outer, n->name, &value, limits, a->scratch);
}

static void write_preserved(const struct ray_annotations *a, struct section *outer,
                            const struct ray_limits *limits)
{
    if (a->rules.preserved == NULL) {
        return;
    }
    a->rules.preserved->item_places = a->item_places; /* decided by now, or they don't matter */
    for (size_t i = 0; i < RAY_PRESERVE_NAMESPACES; i++) {
        if (ray_preserve_has(a->rules.preserved, i)) {
            struct mark mark = begin_member(outer);
            ray_json_key(outer->w, ray_preserve_name(i));
            ray_preserve_write(a->rules.preserved, i, limits, a->scratch, outer->w);
            end_member(outer, mark);
        }
    }
}

/* What was cut to make the document fit, for who misses something in it. Never cut itself. */
static void write_cuts(struct section *outer, const struct ray_limits *limits)
{
    if (limits->cuts == NULL || *limits->cuts == 0) {
        return;
    }
    begin_member(outer);
    ray_json_key(outer->w, CUTS_NAME);
    ray_json_object_begin(outer->w);
    RAY_JSON_KEY(outer->w, "cut");
    ray_json_array_begin(outer->w);
    for (unsigned cut = 0; cut < RAY_CUT_COUNT; cut++) {
        if ((*limits->cuts & 1u << cut) != 0) {
            ray_json_string(outer->w, ray_cut_name((enum ray_cut)cut));
        }
    }
    ray_json_array_end(outer->w);
    ray_json_object_end(outer->w);
}

void ray_metadata_write(struct ray_annotations *a, const struct ray_limits *limits,
                        struct ray_json_writer *w)
{
    struct section outer = {.w = w,
                            .quoted_key = RAY_STR("\"metadata\":"),
                            .max_bytes = limits->metadata_bytes,
                            .entry_bytes = limits->entry_bytes,
                            .small_bytes = limits->small_bytes,
                            .limits = limits,
                            .cut = RAY_CUT_METADATA};
    struct section inner = outer;
    inner.quoted_key = RAY_STR("\"default\":");
    inner.outer = &outer;
    write_default_namespace(a, &inner, limits);
    close_section(&inner);
    for (const struct ray_namespace *n = a->namespaces; n != NULL; n = n->next) {
        if (!is_default(n)) {
            write_namespace(a, n, &outer, limits);
        }
    }
    write_preserved(a, &outer, limits);
    write_cuts(&outer, limits);
    close_section(&outer);
}

/* A document without attributes of its own, to prepare what the resource adds to each. */
static struct ray_annotations resource_alone(const struct ray_resource *resource,
                                             struct ray_arena *arena)
{
    struct ray_annotations a = {.resource = resource, .arena = arena, .scratch = arena};
    ray_map_init(&a.listed, arena, 0);
    ray_map_init(&a.taken, arena, (uintptr_t)arena);
    return a;
}

bool ray_annotations_write_resource(const struct ray_resource *resource, struct ray_arena *arena,
                                    struct ray_json_writer *w)
{
    struct ray_annotations a = resource_alone(resource, arena);
    struct section s = {.w = w,
                        .max_bytes = SIZE_MAX,
                        .entry_bytes = SIZE_MAX,
                        .limits = &ray_limits_none,
                        .open = true};
    write_item_annotations(&a, &s);
    return !a.failed;
}

bool ray_metadata_write_resource(struct ray_resource *resource, struct ray_arena *arena,
                                 struct ray_json_writer *w)
{
    struct ray_annotations a = resource_alone(resource, arena);
    struct section s = {.w = w,
                        .max_bytes = SIZE_MAX,
                        .entry_bytes = SIZE_MAX,
                        .limits = &ray_limits_none,
                        .open = true};
    struct ray_map none;
    ray_map_init(&none, arena, 0);
    write_item_metadata(&a, &s, &none, &ray_limits_none);
    for (size_t i = 0; !a.failed && i < resource->item_count; i++) {
        resource->items[i].left_out = (a.item_places[i] & CLASHED) != 0;
    }
    return !a.failed;
}
