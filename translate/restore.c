/* restore: see restore.h. */
#include "translate/restore.h"

#include "core/json_reader.h"

#define FIELD_PREFIX RAY_STR("aws.xray.field.")

/* The objects of a document that may have unknown members. `name` in `parent`. */
enum block {
    TOP,
    HTTP,
    REQUEST,
    RESPONSE,
    SERVICE,
    SQL,
    CAUSE,
    AWS,
    EC2,
    ECS,
    EKS,
    EB,
    XRAY,
    BLOCKS
};

static const struct {
    struct ray_str path, name;
    enum block parent;
} blocks[BLOCKS] = {
    [TOP] = {RAY_STR_INIT(""), RAY_STR_INIT(""), BLOCKS},
    [HTTP] = {RAY_STR_INIT("http."), RAY_STR_INIT("http"), TOP},
    [REQUEST] = {RAY_STR_INIT("http.request."), RAY_STR_INIT("request"), HTTP},
    [RESPONSE] = {RAY_STR_INIT("http.response."), RAY_STR_INIT("response"), HTTP},
    [SERVICE] = {RAY_STR_INIT("service."), RAY_STR_INIT("service"), TOP},
    [SQL] = {RAY_STR_INIT("sql."), RAY_STR_INIT("sql"), TOP},
    [CAUSE] = {RAY_STR_INIT("cause."), RAY_STR_INIT("cause"), TOP},
    [AWS] = {RAY_STR_INIT("aws."), RAY_STR_INIT("aws"), TOP},
    [EC2] = {RAY_STR_INIT("aws.ec2."), RAY_STR_INIT("ec2"), AWS},
    [ECS] = {RAY_STR_INIT("aws.ecs."), RAY_STR_INIT("ecs"), AWS},
    [EKS] = {RAY_STR_INIT("aws.eks."), RAY_STR_INIT("eks"), AWS},
    [EB] = {RAY_STR_INIT("aws.elastic_beanstalk."), RAY_STR_INIT("elastic_beanstalk"), AWS},
    [XRAY] = {RAY_STR_INIT("aws.xray."), RAY_STR_INIT("xray"), AWS},
};

/* Never written by a client's word, or lists of which only some items were odd. */
static const struct ray_str never[] = {
    RAY_STR_INIT("name"),        RAY_STR_INIT("id"),          RAY_STR_INIT("trace_id"),
    RAY_STR_INIT("parent_id"),   RAY_STR_INIT("type"),        RAY_STR_INIT("start_time"),
    RAY_STR_INIT("end_time"),    RAY_STR_INIT("fault"),       RAY_STR_INIT("error"),
    RAY_STR_INIT("throttle"),    RAY_STR_INIT("links"),       RAY_STR_INIT("annotations"),
    RAY_STR_INIT("in_progress"), RAY_STR_INIT("metadata"),    RAY_STR_INIT("http"),
    RAY_STR_INIT("aws"),         RAY_STR_INIT("sql"),         RAY_STR_INIT("service"),
    RAY_STR_INIT("cause"),       RAY_STR_INIT("subsegments"), RAY_STR_INIT("cause.exceptions"),
};

/* The innermost block of a path. */
static enum block block_of(struct ray_str path)
{
    enum block best = TOP;
    for (unsigned i = TOP + 1; i < BLOCKS; i++) {
        if (ray_str_starts_with(path, blocks[i].path) &&
            blocks[i].path.len > blocks[best].path.len) {
            best = (enum block)i;
        }
    }
    return best;
}

bool ray_restore_takes(struct ray_str key)
{
    if (!ray_str_starts_with(key, FIELD_PREFIX)) {
        return false;
    }
    struct ray_str path = ray_str_from_pos(key, FIELD_PREFIX.len);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        if (ray_str_eq(path, never[i])) {
            return false;
        }
    }
    return path.len > 0;
}

struct restorer {
    const struct ray_facts *facts;
    const struct ray_limits *limits;
    struct ray_arena *arena;
    struct ray_json_reader reader;
    struct ray_json_writer writer;
};

/* The i-th attribute, when it is a member of that block; its name there. */
static bool is_member(const struct restorer *r, size_t i, enum block block, struct ray_str *name)
{
    struct ray_str key = r->facts->items[i].key;
    if (r->facts->notes[i].superseded || !ray_restore_takes(key)) {
        return false;
    }
    struct ray_str path = ray_str_from_pos(key, FIELD_PREFIX.len);
    *name = ray_str_from_pos(path, blocks[block].path.len);
    return block_of(path) == block;
}

static bool has_member(const struct restorer *r, enum block block, struct ray_str name)
{
    struct ray_str other;
    for (size_t i = 0; i < r->facts->count; i++) {
        if (is_member(r, i, block, &other) && (name.ptr == NULL || ray_str_eq(other, name))) {
            return true;
        }
    }
    return false;
}

/* In it or in one of its blocks. */
static bool has_any_member(const struct restorer *r, enum block block)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        bool within = ray_str_starts_with(blocks[i].path, blocks[block].path);
        if (within && has_member(r, (enum block)i, (struct ray_str){NULL, 0})) {
            return true;
        }
    }
    return false;
}

static void write_members(struct restorer *r, enum block block)
{
    struct ray_str name;
    for (size_t i = 0; i < r->facts->count; i++) {
        if (!is_member(r, i, block, &name)) {
            continue;
        }
        size_t start = r->writer.out->len;
        bool comma = r->writer.comma;
        ray_json_key(&r->writer, name);
        ray_value_write(&r->facts->items[i].value, r->limits, r->arena, &r->writer);
        if (!r->writer.out->failed && r->writer.out->len - start > r->limits->entry_bytes) {
            ray_buf_rewind(r->writer.out, start);
            r->writer.comma = comma;
            ray_limits_note(r->limits, RAY_CUT_METADATA);
        }
    }
}

static enum block child_named(enum block parent, struct ray_str name)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].parent == parent && ray_str_eq(blocks[i].name, name)) {
            return (enum block)i;
        }
    }
    return BLOCKS;
}

static void write_block(struct restorer *r, enum block block, bool exists);

/* One member of a block as it stands, unless it is replaced. */
static void copy_member(struct restorer *r, enum block block, struct ray_str key, unsigned *seen)
{
    struct ray_str raw;
    enum block child = child_named(block, key);
    bool replaced = has_member(r, block, key);
    bool inside = child != BLOCKS && ray_json_peek(&r->reader) == RAY_JSON_OBJECT;
    *seen |= child != BLOCKS ? 1u << child : 0;
    if (inside && !replaced) {
        ray_json_key(&r->writer, key);
        write_block(r, child, true);
    } else if (ray_json_skip_value(&r->reader, &raw) && !replaced) {
        ray_json_key(&r->writer, key);
        ray_json_raw(&r->writer, raw);
    }
}

static void write_block(struct restorer *r, enum block block, bool exists)
{
    struct ray_str key;
    unsigned seen = 0;
    ray_json_object_begin(&r->writer);
    if (exists) {
        ray_json_enter_object(&r->reader);
        while (ray_json_next_key(&r->reader, &key)) {
            copy_member(r, block, key, &seen);
        }
    }
    write_members(r, block);
    for (unsigned i = 0; i < BLOCKS; i++) {
        bool there = (seen >> i & 1) != 0 || has_member(r, block, blocks[i].name);
        if (blocks[i].parent == block && !there && has_any_member(r, (enum block)i)) {
            ray_json_key(&r->writer, blocks[i].name);
            write_block(r, (enum block)i, false);
        }
    }
    ray_json_object_end(&r->writer);
}

bool ray_restore_write(const struct ray_facts *facts, struct ray_str document,
                       const struct ray_limits *limits, struct ray_arena *arena,
                       struct ray_buf *out)
{
    struct restorer r = {.facts = facts, .limits = limits, .arena = arena};
    ray_json_read_init(&r.reader, document, arena, RAY_JSON_DEPTH_MAX);
    ray_json_init(&r.writer, out);
    write_block(&r, TOP, true);
    return !r.reader.failed;
}
