/* otlp_pb: does the decoder read what protobuf says, and refuse the rest with a place and a reason?
 */
#include "proto/otlp_decode.h"

#include "tests/support/otlp_encode.h"
#include "tests/unit/check.h"

#define ARENA_BYTES (64u * 1024 * 1024)

/* Wire pieces, for literals. The enclosing messages hold less than 128 bytes each. */
#define TRACE_ID                                                                                   \
    "\x0a\x10"                                                                                     \
    "0123456789abcdef"
#define SPAN_ID                                                                                    \
    "\x12\x08"                                                                                     \
    "01234567"

static struct ray_arena *arena;

static int new_arena(void **state)
{
    (void)state;
    arena = ray_arena_new(ARENA_BYTES);
    return arena == NULL;
}

static int free_arena(void **state)
{
    (void)state;
    ray_arena_free(arena);
    return 0;
}

static struct ray_str wrapped(char number, struct ray_str inside)
{
    struct ray_buf buf;
    ray_buf_init(&buf, inside.len + 16);
    ray_buf_append_byte(&buf, (char)(number << 3 | 2));
    for (size_t len = inside.len; true; len >>= 7) {
        ray_buf_append_byte(&buf, (char)((len & 0x7f) | (len > 0x7f ? 0x80 : 0)));
        if (len <= 0x7f) {
            break;
        }
    }
    ray_buf_append(&buf, inside);
    struct ray_str out = ray_arena_copy(arena, ray_buf_str(&buf));
    assert_non_null(out.ptr);
    ray_buf_clear(&buf);
    return out;
}

static struct ray_str joined(struct ray_str a, struct ray_str b)
{
    char *text = ray_arena_alloc_text(arena, a.len + b.len);
    memcpy(text, a.ptr, a.len);
    memcpy(text + a.len, b.ptr, b.len);
    return (struct ray_str){text, a.len + b.len};
}

/* A request of one resource and one scope that holds the span. */
static struct ray_str request_of_span(struct ray_str span)
{
    return wrapped(1, wrapped(2, wrapped(2, span)));
}

static const struct ray_span *decode_span(struct ray_str span)
{
    static const struct ray_span nothing;
    struct ray_request request;
    struct ray_decode_error error = {""};
    enum ray_status status = ray_otlp_pb_decode(request_of_span(span), arena, &request, &error);
    if (status != RAY_OK) {
        fail_msg("%s", error.text);
        return &nothing;
    }
    assert_int_equal(request.span_count, 1);
    return &request.resources[0].scopes[0].spans[0];
}

static void every_field_of_a_span_is_read(void **state)
{
    (void)state;
    const struct ray_span *span =
        decode_span(RAY_STR(TRACE_ID SPAN_ID "\x1a\x02ts\x22\x08parentid\x2a\x04name\x30\x03"
                                             "\x39\x01\0\0\0\0\0\0\0\x41\x02\0\0\0\0\0\0\x01"
                                             "\x4a\x03\x0a\x01k\x50\x05\x5a\x02\x12\x00\x60\x06"
                                             "\x6a\x03\x1a\x01s\x70\x07\x7a\x05\x12\x01m\x18\x02"
                                             "\x85\x01\x01\x03\0\0"));
    CHECK_STR(span->trace_id, "0123456789abcdef");
    CHECK_STR(span->span_id, "01234567");
    CHECK_STR(span->trace_state, "ts");
    CHECK_STR(span->parent_id, "parentid");
    CHECK_STR(span->name, "name");
    assert_int_equal(span->kind, RAY_SPAN_CLIENT);
    assert_int_equal(span->start_unix_ns, 1);
    assert_int_equal(span->end_unix_ns, 0x0100000000000002);
    assert_int_equal(span->attributes.count, 1);
    CHECK_STR(span->attributes.items[0].key, "k");
    assert_int_equal(span->attributes.items[0].value.kind, RAY_VALUE_NONE);
    assert_int_equal(span->dropped_attributes, 5);
    assert_int_equal(span->event_count, 1);
    assert_int_equal(span->dropped_events, 6);
    assert_int_equal(span->link_count, 1);
    CHECK_STR(span->links[0].trace_state, "s");
    assert_int_equal(span->dropped_links, 7);
    CHECK_STR(span->status_message, "m");
    assert_int_equal(span->status_code, RAY_SPAN_STATUS_ERROR);
    assert_int_equal(span->flags, RAY_SPAN_FLAG_IS_REMOTE | RAY_SPAN_FLAG_HAS_IS_REMOTE | 1);
}

/* Everything here is one span with the name "n": what stands around it must not matter. */
static void unknown_fields_are_skipped(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct ray_str bytes;
    } cases[] = {
        {"varint", RAY_STR_INIT("\xf8\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x2a\x01n")},
        {"fixed64", RAY_STR_INIT("\xf9\x07"
                                 "12345678\x2a\x01n")},
        {"bytes", RAY_STR_INIT("\xfa\x07\x03"
                               "abc\x2a\x01n")},
        {"fixed32", RAY_STR_INIT("\xfd\x07"
                                 "1234\x2a\x01n")},
        {"group", RAY_STR_INIT("\x2a\x01n\xfb\x07\x08\x01\x2a\x01x\xfc\x07")},
        {"groups in a group", RAY_STR_INIT("\x2a\x01n\xfb\x07\x0b\x0c\x13\x1b\x1c\x14\xfc\x07")},
        {"group with every type", RAY_STR_INIT("\x2a\x01n\x0b\x08\x01\x09"
                                               "12345678\x12\x02\x0c\x0c\x0d"
                                               "1234\x0c")},
        {"known number, other wire type", RAY_STR_INIT("\x28\x05\x2d"
                                                       "1234\x2a\x01n\x28\x05")},
        {"a tag in five bytes", RAY_STR_INIT("\xaa\x80\x80\x80\x00\x01n")},
        {"a length in ten bytes", RAY_STR_INIT("\x2a\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00n")},
        {"the last one counts", RAY_STR_INIT("\x2a\x01x\x2a\x00\x2a\x01n")},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].what);
        CHECK_STR(decode_span(cases[i].bytes)->name, "n");
    }
}

static void values_of_each_kind_are_read(void **state)
{
    (void)state;
    /* clang-format off */
    const struct ray_span *span = decode_span(RAY_STR(
        "\x4a\x05\x12\x03\x0a\x01s"                                  /* "s" */
        "\x4a\x04\x12\x02\x0a\x00"                                   /* "" is set */
        "\x4a\x04\x12\x02\x10\x01"                                   /* true */
        "\x4a\x0d\x12\x0b\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* -1 */
        "\x4a\x0b\x12\x09\x21\0\0\0\0\0\0\xf8\x3f"                   /* 1.5 */
        "\x4a\x08\x12\x06\x2a\x04\x0a\x02\x18\x02"                   /* [2] */
        "\x4a\x09\x12\x07\x32\x05\x0a\x03\x0a\x01k"                  /* {"k": none} */
        "\x4a\x06\x12\x04\x3a\x02\0\xff"                             /* bytes */
        "\x4a\x02\x12\x00"                                           /* none */
        "\x4a\x09\x12\x07\x0a\x01s\x2a\x00\x10\x00"                  /* the last of a oneof: false */
        "\x4a\x07\x12\x03\x0a\x01s\x12\x00"                          /* merged with nothing: "s" */
        "\x4a\x0b\x0a\x01x\x12\x03\x0a\x01s\x0a\x01y"                /* the last key: "y" */
        "\x4a\x0a\x0a\x01z\x12\x05\x0a\x01s\x18\x05"));             /* the last of a oneof: 5 */
    /* clang-format on */
    assert_int_equal(span->attributes.count, 13);
    const struct ray_attribute *items = span->attributes.items;
    CHECK_STR(items[0].value.as.string, "s");
    assert_int_equal(items[1].value.kind, RAY_VALUE_STRING);
    assert_true(items[2].value.kind == RAY_VALUE_BOOL && items[2].value.as.boolean);
    assert_int_equal(items[3].value.as.integer, -1);
    assert_true(items[4].value.as.number == 1.5);
    assert_int_equal(items[5].value.as.list.items[0].as.integer, 2);
    CHECK_STR(items[6].value.as.map.items[0].key, "k");
    CHECK_VIEW(items[7].value.as.string, RAY_STR("\0\xff"));
    assert_int_equal(items[8].value.kind, RAY_VALUE_NONE);
    assert_true(items[9].value.kind == RAY_VALUE_BOOL && !items[9].value.as.boolean);
    CHECK_STR(items[10].value.as.string, "s");
    CHECK_STR(items[11].key, "y");
    CHECK_STR(items[11].value.as.string, "s");
    assert_true(items[12].value.kind == RAY_VALUE_INT && items[12].value.as.integer == 5);
}

static void split_messages_are_merged(void **state)
{
    (void)state;
    struct ray_request request;
    struct ray_str scope = RAY_STR("\x0a\x05\x0a\x01n\x1a\x00\x0a\x05\x12\x01v\x1a\x00");
    struct ray_str body = wrapped(1, joined(RAY_STR("\x0a\x07\x0a\x03\x0a\x01"
                                                    "a\x10\x02\x0a\x05\x0a\x03\x0a\x01"
                                                    "b"),
                                            wrapped(2, scope)));
    CHECK_OK(ray_otlp_pb_decode(body, arena, &request, NULL));
    const struct ray_resource_spans *resource = &request.resources[0];
    assert_int_equal(resource->attributes.count, 2);
    CHECK_STR(resource->attributes.items[0].key, "a");
    CHECK_STR(resource->attributes.items[1].key, "b");
    assert_int_equal(resource->dropped_attributes, 2);
    CHECK_STR(resource->scopes[0].name, "n");
    CHECK_STR(resource->scopes[0].version, "v");
    assert_int_equal(resource->scopes[0].attributes.count, 2);
    const struct ray_span *span = decode_span(RAY_STR("\x7a\x03\x12\x01m\x7a\x02\x18\x02"));
    CHECK_STR(span->status_message, "m");
    assert_int_equal(span->status_code, 2);
}

/* Bad ids are the span's own matter, text may be any bytes: both are kept as sent. */
static void odd_contents_are_kept(void **state)
{
    (void)state;
    CHECK_STR(decode_span(RAY_STR("\x0a\x03"
                                  "abc"))
                  ->trace_id,
              "abc");
    CHECK_STR(decode_span(RAY_STR("\x12\x11"
                                  "0123456789abcdefg"))
                  ->span_id,
              "0123456789abcdefg");
    CHECK_VIEW(decode_span(RAY_STR("\x0a\x02\0\0"))->trace_id, RAY_STR("\0\0"));
    CHECK_VIEW(decode_span(RAY_STR("\x2a\x04\xff\0\xc3("))->name, RAY_STR("\xff\0\xc3("));
    assert_int_equal(decode_span(RAY_STR("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))->kind,
                     -1);
    assert_int_equal(decode_span(RAY_STR(""))->trace_id.len, 0);
}

static void malformed_requests_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        struct ray_str bytes;
        const char *error;
    } cases[] = {
        {RAY_STR_INIT("\x0a"), "byte 0: field 1 runs past the end of its message"},
        {RAY_STR_INIT("\x0a\x05"
                      "abc"),
         "byte 0: field 1 runs past the end of its message"},
        {RAY_STR_INIT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
         "byte 0: field 1 runs past the end of its message"},
        {RAY_STR_INIT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01"),
         "byte 0: field 1: its number is cut off or too long"},
        {RAY_STR_INIT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
         "byte 0: field 1: its number is cut off or too long"},
        {RAY_STR_INIT("\x10\x80"), "byte 0: field 2: its number is cut off or too long"},
        {RAY_STR_INIT("\x08\x01\x11"
                      "1234567"),
         "byte 2: field 2 runs past the end of its message"},
        {RAY_STR_INIT("\x15"
                      "123"),
         "byte 0: field 2 runs past the end of its message"},
        {RAY_STR_INIT("\x0e"), "byte 0: field 1 has no wire type of protobuf"},
        {RAY_STR_INIT("\x0f"), "byte 0: field 1 has no wire type of protobuf"},
        {RAY_STR_INIT("\x08\x01\x00"), "byte 2: no field can start here"},
        {RAY_STR_INIT("\xff\xff\xff\xff\x1f\x01"), "byte 0: no field can start here"},
        {RAY_STR_INIT("\x88\x80\x80\x80\x80\x00\x01"), "byte 0: no field can start here"},
        {RAY_STR_INIT("\x80"), "byte 0: no field can start here"},
        {RAY_STR_INIT("\x0b\x08\x01"), "byte 0: group 1 is unbalanced or nested too deep"},
        {RAY_STR_INIT("\x0b\x14"), "byte 0: group 1 is unbalanced or nested too deep"},
        {RAY_STR_INIT("\x0c"), "byte 0: group 1 is unbalanced or nested too deep"},
        {RAY_STR_INIT("\x0a\x02\x12\x01"), "byte 2: field 2 runs past the end of its message"},
        {RAY_STR_INIT("\x0a\x06\x12\x04\x12\x02\x0a\x10"),
         "byte 6: field 1 runs past the end of its message"},
        {RAY_STR_INIT("{\"resourceSpans\":[]}"),
         "byte 0: group 15 is unbalanced or nested too deep"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_request request = {.span_count = 99};
        struct ray_decode_error error = {""};
        assert_int_equal(ray_otlp_pb_decode(cases[i].bytes, arena, &request, &error), RAY_INVALID);
        assert_int_equal(ray_otlp_pb_decode(cases[i].bytes, arena, &request, NULL), RAY_INVALID);
        CHECK_STR(ray_str_from(error.text), cases[i].error);
        assert_int_equal(request.span_count, 99);
    }
}

static void a_cut_request_is_never_taken(void **state)
{
    (void)state;
    struct ray_str body =
        request_of_span(RAY_STR(TRACE_ID SPAN_ID "\x4a\x09\x12\x07\x32\x05\x0a\x03\x0a\x01k"));
    struct ray_request request;
    CHECK_OK(ray_otlp_pb_decode(body, arena, &request, NULL));
    for (size_t len = 1; len < body.len; len++) {
        struct ray_decode_error error = {""};
        assert_int_equal(ray_otlp_pb_decode(ray_str_until(body, len), arena, &request, &error),
                         RAY_INVALID);
        assert_true(error.text[0] != '\0');
    }
    CHECK_OK(ray_otlp_pb_decode((struct ray_str){NULL, 0}, arena, &request, NULL));
    assert_int_equal(request.resource_count, 0);
}

/* A message head in front of what was written so far; the buffer is filled from its end. */
static void put_head(char number, char *buffer, size_t bytes, size_t *start)
{
    size_t len = bytes - *start, varint_bytes = len > 0x3fff ? 3 : len > 0x7f ? 2 : 1;
    for (size_t i = varint_bytes; i-- > 0;) {
        unsigned more = i + 1 < varint_bytes ? 0x80 : 0;
        buffer[--*start] = (char)((len >> (7 * i) & 0x7f) | more);
    }
    buffer[--*start] = (char)(number << 3 | 2);
}

/* A span with one attribute whose value holds a list in a list in a list ... around a map of one
 * plain attribute: `depth` values in each other. */
static struct ray_str nested_request(unsigned depth)
{
    size_t bytes = 64 + 8 * (size_t)depth, start = bytes;
    char *buffer = ray_arena_alloc_text(arena, bytes);
    assert_non_null(buffer);
    static const char map[] = "\x32\x0a\x0a\x08\x0a\x01k\x12\x03\x0a\x01v";
    start -= sizeof(map) - 1;
    memcpy(buffer + start, map, sizeof(map) - 1);
    for (unsigned i = 2; i < depth; i++) {
        put_head(1, buffer, bytes, &start);
        put_head(5, buffer, bytes, &start);
    }
    static const char path[] = {2, 9, 2, 2, 1};
    for (size_t i = 0; i < sizeof(path); i++) {
        put_head(path[i], buffer, bytes, &start);
    }
    return (struct ray_str){buffer + start, bytes - start};
}

static void nesting_is_capped(void **state)
{
    (void)state;
    struct ray_request request;
    struct ray_decode_error error = {""};
    CHECK_OK(ray_otlp_pb_decode(nested_request(64), arena, &request, &error));
    assert_int_equal(ray_otlp_pb_decode(nested_request(65), arena, &request, &error), RAY_TOO_BIG);
    assert_non_null(strstr(error.text, "nested deeper than 64"));
    assert_int_equal(ray_otlp_pb_decode(nested_request(5000), arena, &request, &error),
                     RAY_TOO_BIG);
}

static void deep_groups_are_refused(void **state)
{
    (void)state;
    struct ray_request request;
    char body[130];
    memset(body, 0x0b, 65);
    memset(body + 65, 0x0c, 65);
    CHECK_OK(ray_otlp_pb_decode((struct ray_str){body + 1, 128}, arena, &request, NULL));
    assert_int_equal(ray_otlp_pb_decode((struct ray_str){body, 130}, arena, &request, NULL),
                     RAY_INVALID);
}

/* A million attributes are 2 MB here and 40 in the arena: refused before the memory is taken. */
static void items_of_one_list_are_counted(void **state)
{
    (void)state;
    static const size_t counts[] = {100000, 100001, 1000000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        bool fits = counts[i] == 100000;
        struct ray_arena *own = ray_arena_new(fits ? ARENA_BYTES : 4096);
        struct ray_buf attributes;
        struct ray_request request;
        struct ray_decode_error error = {""};
        ray_buf_init(&attributes, 2 * counts[i]);
        for (size_t k = 0; k < counts[i]; k++) {
            ray_buf_append(&attributes, RAY_STR("\x4a\x00"));
        }
        struct ray_str body = wrapped(1, wrapped(2, wrapped(2, ray_buf_str(&attributes))));
        enum ray_status status = ray_otlp_pb_decode(body, own, &request, &error);
        print_message("%zu attributes: %s %s\n", counts[i], ray_status_name(status), error.text);
        assert_int_equal(status, fits ? RAY_OK : RAY_TOO_BIG);
        assert_true(fits || strstr(error.text, "more than 100000 items") != NULL);
        ray_buf_clear(&attributes);
        ray_arena_free(own);
    }
}

static void spans_of_one_request_are_counted(void **state)
{
    (void)state;
    static const struct {
        size_t spans;
        enum ray_status status;
    } cases[] = {{100000, RAY_OK}, {100001, RAY_TOO_BIG}, {1000000, RAY_TOO_BIG}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* refused before anything is taken: 1 KiB would not hold them */
        struct ray_arena *own = ray_arena_new(cases[i].status == RAY_OK ? ARENA_BYTES : 1024);
        struct ray_buf spans;
        struct ray_request request;
        struct ray_decode_error error = {""};
        ray_buf_init(&spans, 2 * cases[i].spans);
        for (size_t k = 0; k < cases[i].spans; k++) {
            ray_buf_append(&spans, RAY_STR("\x12\x00"));
        }
        struct ray_str body = wrapped(1, wrapped(2, ray_buf_str(&spans)));
        assert_int_equal(ray_otlp_pb_decode(body, own, &request, &error), cases[i].status);
        if (cases[i].status == RAY_OK) {
            assert_int_equal(request.span_count, cases[i].spans);
        } else {
            assert_non_null(strstr(error.text, "more than 100000 spans"));
        }
        ray_buf_clear(&spans);
        ray_arena_free(own);
    }
}

static void a_small_arena_is_a_reason_not_a_crash(void **state)
{
    (void)state;
    struct ray_str body = nested_request(20);
    enum ray_status status = RAY_NOMEM;
    for (size_t quota = 0; status != RAY_OK; quota += 16) {
        struct ray_arena *small = ray_arena_new(quota);
        struct ray_request request;
        status = ray_otlp_pb_decode(body, small, &request, NULL);
        assert_true(status == RAY_OK || status == RAY_NOMEM);
        ray_arena_free(small);
    }
}

/* Random requests, by a fixed seed: what protobuf-c packs comes back the same. */
struct random {
    uint64_t state;
};

static uint64_t next(struct random *r, uint64_t below)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (r->state >> 33) % below;
}

static struct ray_str random_text(struct random *r)
{
    static const char bytes[] = "\0\xff spanname/\x80héllo";
    size_t from = next(r, sizeof(bytes));
    return (struct ray_str){bytes + from, next(r, sizeof(bytes) - from)};
}

static struct ray_attributes random_attributes(struct random *r, unsigned depth);

static struct ray_value random_value(struct random *r, unsigned depth)
{
    struct ray_value value = {.kind = (enum ray_value_kind)next(r, depth < 4 ? 8 : 5)};
    switch (value.kind) {
    case RAY_VALUE_STRING:
    case RAY_VALUE_BYTES:
        value.as.string = random_text(r);
        break;
    case RAY_VALUE_BOOL:
        value.as.boolean = next(r, 2) == 1;
        break;
    case RAY_VALUE_INT:
        value.as.integer = (int64_t)(r->state << next(r, 60));
        break;
    case RAY_VALUE_DOUBLE:
        value.as.number = (double)next(r, 1000) / 7 - 50;
        break;
    case RAY_VALUE_LIST: {
        size_t count = next(r, 4);
        struct ray_value *items = RAY_ARENA_ARRAY(arena, struct ray_value, count);
        for (size_t i = 0; i < count; i++) {
            items[i] = random_value(r, depth + 1);
        }
        value.as.list.items = items;
        value.as.list.count = count;
        break;
    }
    case RAY_VALUE_MAP: {
        struct ray_attributes map = random_attributes(r, depth + 1);
        value.as.map.items = map.items;
        value.as.map.count = map.count;
        break;
    }
    case RAY_VALUE_DIGITS:
    case RAY_VALUE_NONE:
        break;
    }
    return value;
}

static struct ray_attributes random_attributes(struct random *r, unsigned depth)
{
    size_t count = next(r, 5);
    struct ray_attribute *items = RAY_ARENA_ARRAY(arena, struct ray_attribute, count);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct ray_attribute){random_text(r), random_value(r, depth)};
    }
    return (struct ray_attributes){items, count};
}

static struct ray_span random_span(struct random *r)
{
    struct ray_event *events = RAY_ARENA_ARRAY(arena, struct ray_event, 2);
    struct ray_link *links = RAY_ARENA_ARRAY(arena, struct ray_link, 2);
    for (size_t i = 0; i < 2; i++) {
        events[i] = (struct ray_event){next(r, 1u << 31) << 33, random_text(r),
                                       random_attributes(r, 0), (uint32_t)next(r, 3)};
        links[i] = (struct ray_link){random_text(r),          random_text(r),
                                     random_text(r),          random_attributes(r, 0),
                                     (uint32_t)next(r, 1000), (uint32_t)next(r, 1u << 31)};
    }
    return (struct ray_span){
        .trace_id = random_text(r),
        .span_id = random_text(r),
        .parent_id = random_text(r),
        .name = random_text(r),
        .trace_state = random_text(r),
        .status_message = random_text(r),
        .start_unix_ns = next(r, 1u << 31) << 32,
        .end_unix_ns = next(r, 1u << 31),
        .attributes = random_attributes(r, 0),
        .events = events,
        .event_count = next(r, 3),
        .links = links,
        .link_count = next(r, 3),
        .kind = (int32_t)next(r, 9) - 2,
        .status_code = (int32_t)next(r, 4),
        .flags = (uint32_t)next(r, 1024),
        .dropped_attributes = (uint32_t)next(r, 2),
        .dropped_events = (uint32_t)next(r, 300),
        .dropped_links = (uint32_t)next(r, 1u << 31),
    };
}

static struct ray_request random_request(struct random *r)
{
    struct ray_request request = {.resource_count = next(r, 3)};
    struct ray_resource_spans *resources = RAY_ARENA_ARRAY(arena, struct ray_resource_spans, 3);
    for (size_t i = 0; i < request.resource_count; i++) {
        struct ray_scope_spans *scopes = RAY_ARENA_ARRAY(arena, struct ray_scope_spans, 3);
        resources[i] = (struct ray_resource_spans){random_attributes(r, 0), random_text(r), scopes,
                                                   next(r, 3), (uint32_t)next(r, 2)};
        for (size_t k = 0; k < resources[i].scope_count; k++) {
            struct ray_span *spans = RAY_ARENA_ARRAY(arena, struct ray_span, 3);
            scopes[k] = (struct ray_scope_spans){
                random_text(r), random_text(r), random_attributes(r, 0), random_text(r),
                spans,          next(r, 4),     (uint32_t)next(r, 2)};
            for (size_t n = 0; n < scopes[k].span_count; n++) {
                spans[n] = random_span(r);
            }
            request.span_count += scopes[k].span_count;
        }
    }
    request.resources = resources;
    return request;
}

static void what_protobuf_c_packs_comes_back_the_same(void **state)
{
    (void)state;
    struct random r = {20240613};
    for (unsigned i = 0; i < 300; i++) {
        ray_arena_reset(arena);
        struct ray_request request = random_request(&r), decoded;
        struct ray_str body;
        struct ray_decode_error error = {""};
        char where[200];
        assert_true(ray_test_otlp_encode(&request, arena, &body));
        if (ray_otlp_pb_decode(body, arena, &decoded, &error) != RAY_OK) {
            fail_msg("request %u: %s", i, error.text);
        }
        if (!ray_test_otlp_equal(&request, &decoded, where)) {
            fail_msg("request %u: %s", i, where);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_of_a_span_is_read, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(unknown_fields_are_skipped, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(values_of_each_kind_are_read, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(split_messages_are_merged, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(odd_contents_are_kept, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(malformed_requests_are_refused_with_a_reason, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(a_cut_request_is_never_taken, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(nesting_is_capped, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(deep_groups_are_refused, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(spans_of_one_request_are_counted, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(items_of_one_list_are_counted, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(a_small_arena_is_a_reason_not_a_crash, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(what_protobuf_c_packs_comes_back_the_same, new_arena,
                                        free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
