/* yaml: see yaml.h. */
#include "config/yaml.h"

#include <yaml.h>

#include "core/map.h"

/* The hash table over the keys of the largest map there can be, with what it grew out of. */
#define SCRATCH_MAX_BYTES ((size_t)64 * 1024 * 1024)

/* A child whose parent is still open. */
struct pending {
    struct ray_yaml_pair pair; /* in a list only `value` */
    bool is_merge;             /* the key is a plain "<<" */
};

/* A list or map that is still open. */
struct frame {
    struct ray_yaml *node;
    struct ray_str anchor;
    size_t first; /* its first child in `pending`, in bytes */
    bool has_key; /* MAP: `key` waits for its value */
    struct pending key;
};

struct parser {
    yaml_parser_t yaml;
    struct ray_str text;
    const char *file;
    const struct ray_place *fixed_place; /* NULL: places are those in the text */
    struct ray_arena *arena;
    struct ray_arena *scratch; /* of one check for duplicate keys */
    struct ray_problems *problems;
    struct ray_map anchors; /* name -> finished node */
    struct ray_buf pending; /* children of all open nodes, a stack of struct pending */
    struct frame frames[RAY_YAML_MAX_LEVELS];
    size_t depth;
    uint32_t nodes;
    uint32_t documents;
    bool ended;
    enum ray_status status; /* sticky */
    struct ray_yaml *root;
};

const char *ray_yaml_kind_name(enum ray_yaml_kind kind)
{
    static const char *const names[] = {[RAY_YAML_NULL] = "nothing",
                                        [RAY_YAML_SCALAR] = "text",
                                        [RAY_YAML_LIST] = "a list",
                                        [RAY_YAML_MAP] = "a map"};
    return names[kind];
}

struct ray_yaml *ray_yaml_get(const struct ray_yaml *node, struct ray_str key)
{
    if (node == NULL || node->kind != RAY_YAML_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (ray_str_eq(node->pairs[i].key, key)) {
            return node->pairs[i].value;
        }
    }
    return NULL;
}

static struct ray_place place_of(const struct parser *parser, yaml_mark_t mark)
{
    if (parser->fixed_place != NULL) {
        return *parser->fixed_place;
    }
    return (struct ray_place){parser->file, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static void fail(struct parser *parser, enum ray_status status)
{
    if (parser->status == RAY_OK) {
        parser->status = status;
    }
}

static void refuse(struct parser *parser, struct ray_place place, const char *why)
{
    ray_problem(parser->problems, &place, "%s", why);
    fail(parser, RAY_INVALID);
}

/* NULL, with the status set, when a limit is reached. */
static struct ray_yaml *new_node(struct parser *parser, enum ray_yaml_kind kind,
                                 struct ray_place place)
{
    if (++parser->nodes > RAY_YAML_MAX_NODES) {
        refuse(parser, place, "more than 100000 values, aliases counted as what they stand for");
        return NULL;
    }
    struct ray_yaml *node = RAY_ARENA_NEW(parser->arena, struct ray_yaml);
    if (node == NULL) {
        fail(parser, RAY_NOMEM);
        return NULL;
    }
    node->kind = kind;
    node->place = place;
    return node;
}

static struct ray_str copy_text(struct parser *parser, const void *bytes, size_t len)
{
    struct ray_str copy = ray_arena_copy(parser->arena, (struct ray_str){bytes, len});
    if (copy.ptr == NULL) {
        fail(parser, RAY_NOMEM);
    }
    return copy;
}

static void push_pending(struct parser *parser, const struct pending *child)
{
    ray_buf_append(&parser->pending, (struct ray_str){(const char *)child, sizeof(*child)});
    if (parser->pending.failed) {
        fail(parser, RAY_NOMEM);
    }
}

static bool is_merge_key(const struct ray_yaml *node)
{
    return !node->quoted && ray_str_eq(node->text, RAY_STR("<<"));
}

/* A finished node finds its parent. */
static void add_node(struct parser *parser, struct ray_yaml *node)
{
    if (parser->depth == 0) {
        parser->root = node;
        return;
    }
    struct frame *frame = &parser->frames[parser->depth - 1];
    if (frame->node->kind == RAY_YAML_LIST) {
        push_pending(parser, &(struct pending){.pair = {.value = node}});
        return;
    }
    if (frame->has_key) {
        frame->key.pair.value = node;
        push_pending(parser, &frame->key);
        frame->has_key = false;
        return;
    }
    if (node->kind == RAY_YAML_LIST || node->kind == RAY_YAML_MAP) {
        refuse(parser, node->place, "a key must be text, not a list or a map");
        return;
    }
    frame->key = (struct pending){.pair = {.key = node->text, .place = node->place},
                                  .is_merge = is_merge_key(node)};
    frame->has_key = true;
}

static void remember_anchor(struct parser *parser, struct ray_str anchor, struct ray_yaml *node)
{
    if (anchor.len == 0) {
        return;
    }
    struct ray_map_entry *entry = ray_map_put(&parser->anchors, anchor, NULL);
    if (entry == NULL) {
        fail(parser, RAY_NOMEM);
        return;
    }
    entry->value.ptr = node;
}

static struct ray_str anchor_name(struct parser *parser, const yaml_char_t *anchor)
{
    if (anchor == NULL) {
        return (struct ray_str){NULL, 0};
    }
    const char *name = (const char *)anchor;
    return copy_text(parser, name, strlen(name));
}

static bool is_null_word(struct ray_str text)
{
    /* YAML 1.2, section 10.3.2 (core schema). */
    static const struct ray_str words[] = {RAY_STR_INIT(""), RAY_STR_INIT("~"),
                                           RAY_STR_INIT("null"), RAY_STR_INIT("Null"),
                                           RAY_STR_INIT("NULL")};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ray_str_eq(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* Tags of YAML's own schema are let through; !!str makes a string of whatever follows. */
static void check_tag(struct parser *parser, const yaml_char_t *tag, struct ray_place place,
                      struct ray_yaml *node)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    struct ray_str name = ray_str_from((const char *)tag);
    if (name.len == 0) {
        return;
    }
    if (ray_str_eq(name, RAY_STR("!")) || ray_str_eq(name, RAY_STR("tag:yaml.org,2002:str"))) {
        node->quoted = true;
    } else if (!ray_str_starts_with(name, RAY_STR(prefix))) {
        ray_problem(parser->problems, &place, "the tag '%.*s' is not understood, leave it out",
                    RAY_STR_ARG(name));
        fail(parser, RAY_INVALID);
    }
}

static void on_scalar(struct parser *parser, const yaml_event_t *event)
{
    struct ray_place place = place_of(parser, event->start_mark);
    struct ray_yaml *node = new_node(parser, RAY_YAML_SCALAR, place);
    if (node == NULL) {
        return;
    }
    const void *value = event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (memchr(value, '\0', len) != NULL) {
        refuse(parser, place, "a NUL character is not allowed in text");
        return;
    }
    node->text = copy_text(parser, value, len);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    check_tag(parser, event->data.scalar.tag, place, node);
    if (!node->quoted && is_null_word(node->text)) {
        node->kind = RAY_YAML_NULL;
    }
    remember_anchor(parser, anchor_name(parser, event->data.scalar.anchor), node);
    add_node(parser, node);
}

static void open_node(struct parser *parser, const yaml_event_t *event, enum ray_yaml_kind kind,
                      const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct ray_place place = place_of(parser, event->start_mark);
    if (parser->depth == RAY_YAML_MAX_LEVELS) {
        refuse(parser, place, "nested more than 64 levels deep");
        return;
    }
    struct ray_yaml *node = new_node(parser, kind, place);
    if (node == NULL) {
        return;
    }
    check_tag(parser, tag, place, node);
    parser->frames[parser->depth++] = (struct frame){
        .node = node, .anchor = anchor_name(parser, anchor), .first = parser->pending.len};
}

static struct pending *children_of(const struct parser *parser, const struct frame *frame,
                                   size_t *count)
{
    *count = (parser->pending.len - frame->first) / sizeof(struct pending);
    /* pending.data comes from malloc and holds whole records only, so the cast is aligned. */
    return *count == 0 ? NULL : (struct pending *)(void *)(parser->pending.data + frame->first);
}

static void close_list(struct parser *parser, const struct frame *frame)
{
    size_t count;
    const struct pending *children = children_of(parser, frame, &count);
    struct ray_yaml *node = frame->node;
    node->items = RAY_ARENA_ARRAY(parser->arena, struct ray_yaml *, count);
    if (node->items == NULL) {
        fail(parser, RAY_NOMEM);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        node->items[i] = children[i].pair.value;
    }
    node->count = count;
}

/* Adds `pair` to `node` unless its key is there; `keys` says where. False when it was there. */
static bool put_pair(struct parser *parser, struct ray_yaml *node, struct ray_map *keys,
                     const struct ray_yaml_pair *pair, const struct ray_yaml_pair **first)
{
    bool added = false;
    struct ray_map_entry *entry = ray_map_put(keys, pair->key, &added);
    if (entry == NULL) {
        fail(parser, RAY_NOMEM);
        return true;
    }
    if (!added) {
        *first = &node->pairs[entry->value.number];
        return false;
    }
    entry->value.number = node->count;
    node->pairs[node->count++] = *pair;
    return true;
}

static void put_own_pairs(struct parser *parser, struct ray_yaml *node, struct ray_map *keys,
                          const struct pending *children, size_t count)
{
    for (size_t i = 0; i < count && parser->status != RAY_NOMEM; i++) {
        const struct ray_yaml_pair *pair = &children[i].pair;
        const struct ray_yaml_pair *first = NULL;
        if (!children[i].is_merge && !put_pair(parser, node, keys, pair, &first)) {
            ray_problem(parser->problems, &pair->place,
                        "the key '%.*s' is here twice, first at %u:%u", RAY_STR_ARG(pair->key),
                        first->place.line, first->place.column);
            fail(parser, RAY_INVALID);
        }
    }
}

/* "<<: map" or "<<: [map, map]": keys that the map itself does not have; an earlier map wins
 * (YAML merge key language-independent type, 1.1). */
static void put_merged_map(struct parser *parser, struct ray_yaml *node, struct ray_map *keys,
                           const struct ray_yaml *from)
{
    if (from->kind != RAY_YAML_MAP) {
        refuse(parser, from->place, "'<<' takes a map or a list of maps");
        return;
    }
    for (size_t i = 0; i < from->count && parser->status == RAY_OK; i++) {
        const struct ray_yaml_pair *first;
        put_pair(parser, node, keys, &from->pairs[i], &first);
    }
}

static void put_merged(struct parser *parser, struct ray_yaml *node, struct ray_map *keys,
                       const struct ray_yaml *from)
{
    if (from->kind != RAY_YAML_LIST) {
        put_merged_map(parser, node, keys, from);
        return;
    }
    for (size_t i = 0; i < from->count && parser->status == RAY_OK; i++) {
        put_merged_map(parser, node, keys, from->items[i]);
    }
}

static size_t merged_pairs(const struct ray_yaml *from)
{
    size_t count = from->kind == RAY_YAML_MAP ? from->count : 0;
    for (size_t i = 0; from->kind == RAY_YAML_LIST && i < from->count; i++) {
        count += from->items[i]->kind == RAY_YAML_MAP ? from->items[i]->count : 0;
    }
    return count;
}

static void close_map(struct parser *parser, const struct frame *frame)
{
    size_t count;
    const struct pending *children = children_of(parser, frame, &count);
    size_t most = count;
    for (size_t i = 0; i < count; i++) {
        most += children[i].is_merge ? merged_pairs(children[i].pair.value) : 0;
    }
    struct ray_yaml *node = frame->node;
    node->pairs = RAY_ARENA_ARRAY(parser->arena, struct ray_yaml_pair, most);
    if (node->pairs == NULL) {
        fail(parser, RAY_NOMEM);
        return;
    }
    struct ray_map keys;
    ray_map_init(&keys, parser->scratch, 0);
    put_own_pairs(parser, node, &keys, children, count);
    for (size_t i = 0; i < count && parser->status == RAY_OK; i++) {
        if (children[i].is_merge) {
            put_merged(parser, node, &keys, children[i].pair.value);
        }
    }
    ray_arena_reset(parser->scratch);
}

static void close_node(struct parser *parser)
{
    struct frame frame = parser->frames[parser->depth - 1];
    if (frame.node->kind == RAY_YAML_LIST) {
        close_list(parser, &frame);
    } else {
        close_map(parser, &frame);
    }
    ray_buf_rewind(&parser->pending, frame.first);
    parser->depth--;
    /* Only now: an alias to an open node would make the tree a ring. */
    remember_anchor(parser, frame.anchor, frame.node);
    if (parser->status == RAY_OK) {
        add_node(parser, frame.node);
    }
}

static struct ray_yaml *copy_node(struct parser *parser, const struct ray_yaml *from, size_t depth);

static void copy_children(struct parser *parser, const struct ray_yaml *from, struct ray_yaml *to,
                          size_t depth)
{
    if (from->kind == RAY_YAML_LIST) {
        to->items = RAY_ARENA_ARRAY(parser->arena, struct ray_yaml *, from->count);
    } else {
        to->pairs = RAY_ARENA_ARRAY(parser->arena, struct ray_yaml_pair, from->count);
    }
    if (to->items == NULL && to->pairs == NULL) {
        fail(parser, RAY_NOMEM);
        return;
    }
    for (size_t i = 0; i < from->count && parser->status == RAY_OK; i++) {
        if (from->kind == RAY_YAML_LIST) {
            to->items[i] = copy_node(parser, from->items[i], depth + 1);
        } else {
            to->pairs[i] = from->pairs[i];
            to->pairs[i].value = copy_node(parser, from->pairs[i].value, depth + 1);
        }
    }
    to->count = from->count;
}

/* Depth and nodes count against the same limits as written-out text: chains of aliases would
 * otherwise build trees that no recursion survives. */
static struct ray_yaml *copy_node(struct parser *parser, const struct ray_yaml *from, size_t depth)
{
    if (depth > RAY_YAML_MAX_LEVELS) {
        refuse(parser, from->place, "nested more than 64 levels deep through aliases");
        return NULL;
    }
    struct ray_yaml *node = new_node(parser, from->kind, from->place);
    if (node == NULL) {
        return NULL;
    }
    node->text = from->text;
    node->quoted = from->quoted;
    if (from->kind == RAY_YAML_LIST || from->kind == RAY_YAML_MAP) {
        copy_children(parser, from, node, depth);
    }
    return node;
}

static void on_alias(struct parser *parser, const yaml_event_t *event)
{
    struct ray_str name = ray_str_from((const char *)event->data.alias.anchor);
    struct ray_map_entry *entry = ray_map_find(&parser->anchors, name);
    if (entry == NULL) {
        struct ray_place place = place_of(parser, event->start_mark);
        ray_problem(parser->problems, &place, "the alias '*%.*s' has no finished anchor before it",
                    RAY_STR_ARG(name));
        fail(parser, RAY_INVALID);
        return;
    }
    struct ray_yaml *copy = copy_node(parser, entry->value.ptr, parser->depth);
    if (copy != NULL && parser->status == RAY_OK) {
        add_node(parser, copy);
    }
}

static void on_document(struct parser *parser, const yaml_event_t *event)
{
    if (++parser->documents > 1) {
        struct ray_place place = place_of(parser, event->start_mark);
        ray_problem_warn(parser->problems, &place,
                         "a second document begins here, it is ignored (so does the collector)");
        parser->ended = true;
    }
}

static void on_event(struct parser *parser, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        on_document(parser, event);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(parser, event);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(parser, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_node(parser, event, RAY_YAML_LIST, event->data.sequence_start.anchor,
                  event->data.sequence_start.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        open_node(parser, event, RAY_YAML_MAP, event->data.mapping_start.anchor,
                  event->data.mapping_start.tag);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_node(parser);
        break;
    case YAML_STREAM_END_EVENT:
        parser->ended = true;
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

/* libyaml gives reader errors (encoding, control characters) as an offset in bytes. */
static yaml_mark_t mark_at_offset(struct ray_str text, size_t offset)
{
    yaml_mark_t mark = {.line = 0, .column = 0};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte == '\n') {
            mark.line++;
            mark.column = 0;
        } else if ((byte & 0xc0) != 0x80) { /* not in the middle of a character */
            mark.column++;
        }
    }
    return mark;
}

/* libyaml says of a tab only that the "character cannot start any token". */
static bool is_tab_at(struct ray_str text, yaml_mark_t mark)
{
    for (size_t line = 0; line < mark.line; line++) {
        size_t end = ray_str_find_byte(text, '\n');
        text = end == SIZE_MAX ? (struct ray_str){NULL, 0} : ray_str_from_pos(text, end + 1);
    }
    /* Only blanks stand before a tab that indents, so characters are bytes here. */
    return mark.column < text.len && text.ptr[mark.column] == '\t';
}

static void on_syntax_error(struct parser *parser)
{
    const yaml_parser_t *yaml = &parser->yaml;
    if (yaml->error == YAML_MEMORY_ERROR) {
        fail(parser, RAY_NOMEM);
        return;
    }
    const char *what = yaml->problem ? yaml->problem : "not YAML";
    yaml_mark_t mark = yaml->problem_mark;
    const char *hint = is_tab_at(parser->text, mark) ? "; use blanks, not tabs, to indent" : "";
    if (yaml->error == YAML_READER_ERROR) {
        mark = mark_at_offset(parser->text, yaml->problem_offset);
        hint = "";
    }
    struct ray_place place = place_of(parser, mark);
    ray_problem(parser->problems, &place, "%s%s%s%s", what, yaml->context ? " " : "",
                yaml->context ? yaml->context : "", hint);
    fail(parser, RAY_INVALID);
}

static void run(struct parser *parser)
{
    while (parser->status == RAY_OK && !parser->ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser->yaml, &event)) {
            on_syntax_error(parser);
            return;
        }
        on_event(parser, &event);
        yaml_event_delete(&event);
    }
}

static enum ray_status parse(struct parser *parser, struct ray_yaml **out)
{
    /* libyaml gives positions in characters without the byte order mark; so do we. */
    if (ray_str_starts_with(parser->text, RAY_STR("\xef\xbb\xbf"))) {
        parser->text = ray_str_from_pos(parser->text, 3);
    }
    if (parser->text.len > RAY_YAML_MAX_BYTES) {
        refuse(parser, place_of(parser, (yaml_mark_t){.line = 0}), "larger than 1 MiB");
        return parser->status;
    }
    ray_map_init(&parser->anchors, parser->arena, 0);
    ray_buf_init(&parser->pending, RAY_YAML_MAX_NODES * sizeof(struct pending));
    parser->scratch = ray_arena_new(SCRATCH_MAX_BYTES);
    if (parser->scratch == NULL || !yaml_parser_initialize(&parser->yaml)) {
        ray_arena_free(parser->scratch);
        return RAY_NOMEM;
    }
    const char *bytes = parser->text.len > 0 ? parser->text.ptr : "";
    yaml_parser_set_input_string(&parser->yaml, (const unsigned char *)bytes, parser->text.len);
    run(parser);
    yaml_parser_delete(&parser->yaml);
    ray_buf_clear(&parser->pending);
    ray_arena_free(parser->scratch);
    if (parser->status == RAY_OK && parser->root == NULL) {
        parser->root = new_node(parser, RAY_YAML_NULL, place_of(parser, (yaml_mark_t){.line = 0}));
    }
    if (parser->status == RAY_OK) {
        *out = parser->root;
    }
    return parser->status;
}

enum ray_status ray_yaml_parse(struct ray_str text, const char *file, struct ray_arena *arena,
                               struct ray_problems *problems, struct ray_yaml **out)
{
    struct parser parser = {.text = text, .file = file, .arena = arena, .problems = problems};
    return parse(&parser, out);
}

enum ray_status ray_yaml_parse_at(struct ray_str text, const struct ray_place *place,
                                  struct ray_arena *arena, struct ray_problems *problems,
                                  struct ray_yaml **out)
{
    struct parser parser = {
        .text = text, .fixed_place = place, .arena = arena, .problems = problems};
    return parse(&parser, out);
}
