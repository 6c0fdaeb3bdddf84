/* parcel: is the body whole whatever is added to it, cut out of it, split off and joined? */
#include "../check.h"

#include "exporter/parcel.h"
#include "exporter/put.h"

#define LONG_TEXT "{\"a\":\"0123456789012345678901234567890123456\"}"

static void write_document(struct ray_buf *body, const struct ray_document *document)
{
    ray_put_write(body, document->text);
}

static const struct ray_sender_protocol protocol = {
    .head = &ray_put_head,
    .separator = &ray_put_separator,
    .tail = &ray_put_tail,
    .growth_max = RAY_PUT_ESCAPE_FACTOR,
    .write = write_document,
};

static struct ray_parcel *parcel_of(size_t capacity, size_t max_bytes)
{
    struct ray_parcel *parcel = ray_parcel_new(NULL, &protocol, capacity, max_bytes);
    assert_non_null(parcel);
    return parcel;
}

static enum ray_status add(struct ray_parcel *parcel, const char *text, uint64_t number)
{
    struct ray_document document = {.text = ray_str_from(text), .span_id = {(uint8_t)number}};
    return ray_parcel_add(parcel, &document, number, 0);
}

static void add_numbers(struct ray_parcel *parcel, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char text[16];
        snprintf(text, sizeof(text), "{%u}", i);
        CHECK_OK(add(parcel, text, i));
    }
}

/* The body with its end, and that each item's place holds what its number says. */
static void check_body(struct ray_parcel *parcel, const char *want)
{
    CHECK_OK(ray_parcel_end(parcel));
    CHECK_BUF(&parcel->body, want);
    for (size_t i = 0; i < parcel->count; i++) {
        char text[24];
        const struct ray_sender_item *item = &parcel->items[i];
        snprintf(text, sizeof(text), "\"{%u}\"", (unsigned)item->number);
        CHECK_STR(((struct ray_str){parcel->body.data + item->at, item->bytes}), text);
    }
    ray_parcel_strip(parcel);
}

static void test_body(void **state)
{
    (void)state;
    struct ray_parcel *parcel = parcel_of(50, 1024);
    CHECK_OK(add(parcel, "{\"id\":\"a\\n\"}", 1));
    CHECK_OK(add(parcel, "{}", 2));
    CHECK_OK(ray_parcel_end(parcel));
    CHECK_BUF(&parcel->body,
              "{\"TraceSegmentDocuments\":[\"{\\\"id\\\":\\\"a\\\\n\\\"}\",\"{}\"]}");
    ray_parcel_free(parcel);
}

/* However small the body is, it is whole when it ends, and never longer than allowed. */
static void test_every_size(void **state)
{
    (void)state;
    for (size_t max = 30; max < 120; max++) {
        struct ray_parcel *parcel = parcel_of(50, max);
        while (add(parcel, "{\"a\":1}", 1) == RAY_OK) {
        }
        size_t added = parcel->count;
        CHECK_OK(ray_parcel_end(parcel));
        assert_true(parcel->body.len <= max);
        CHECK_STR(ray_str_from_pos(ray_buf_str(&parcel->body), parcel->body.len - 2), "]}");
        assert_int_equal(added, (max - 27) / 12);
        ray_parcel_free(parcel);
    }
}

static void test_too_big(void **state)
{
    (void)state;
    struct ray_parcel *parcel = parcel_of(50, 64);
    assert_int_equal(add(parcel, LONG_TEXT, 1), RAY_TOO_BIG);
    CHECK_OK(add(parcel, "{3}", 3));
    assert_int_equal(add(parcel, LONG_TEXT, 1), RAY_AGAIN);
    check_body(parcel, "{\"TraceSegmentDocuments\":[\"{3}\"]}");
    ray_parcel_free(parcel);
}

static void test_capacity(void **state)
{
    (void)state;
    struct ray_parcel *parcel = parcel_of(2, 1024);
    add_numbers(parcel, 1, 3);
    assert_int_equal(add(parcel, "{3}", 3), RAY_AGAIN);
    check_body(parcel, "{\"TraceSegmentDocuments\":[\"{1}\",\"{2}\"]}");
    ray_parcel_free(parcel);
}

/* Every choice among six documents of different lengths. */
static void test_keep(void **state)
{
    (void)state;
    for (unsigned choice = 0; choice < 64; choice++) {
        struct ray_parcel *parcel = parcel_of(50, 1024);
        struct ray_buf want;
        bool keep[6];
        ray_buf_init(&want, 1024);
        ray_buf_append(&want, ray_put_head);
        add_numbers(parcel, 97, 103);
        for (unsigned i = 0; i < 6; i++) {
            keep[i] = choice & 1u << i;
            if (keep[i]) {
                ray_buf_printf(&want, "%s\"{%u}\"", want.len > ray_put_head.len ? "," : "", 97 + i);
            }
        }
        ray_buf_printf(&want, "]}%c", '\0');
        ray_parcel_keep(parcel, keep);
        check_body(parcel, want.data);
        ray_buf_clear(&want);
        ray_parcel_free(parcel);
    }
}

static void test_split_and_join(void **state)
{
    (void)state;
    struct ray_parcel *parcel = parcel_of(8, 70);
    add_numbers(parcel, 8, 13);
    struct ray_parcel *rest = ray_parcel_split(parcel, 2);
    assert_non_null(rest);
    check_body(parcel, "{\"TraceSegmentDocuments\":[\"{8}\",\"{9}\"]}");
    check_body(rest, "{\"TraceSegmentDocuments\":[\"{10}\",\"{11}\",\"{12}\"]}");
    assert_true(ray_parcel_join(rest, parcel));
    check_body(rest, "{\"TraceSegmentDocuments\":[\"{10}\",\"{11}\",\"{12}\",\"{8}\",\"{9}\"]}");
    struct ray_parcel *more = parcel_of(8, 70);
    add_numbers(more, 10, 12);
    assert_false(ray_parcel_join(rest, more)); /* the body is full */
    check_body(rest, "{\"TraceSegmentDocuments\":[\"{10}\",\"{11}\",\"{12}\",\"{8}\",\"{9}\"]}");
    check_body(more, "{\"TraceSegmentDocuments\":[\"{10}\",\"{11}\"]}");
    ray_parcel_free(more);
    ray_parcel_free(rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body),    cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_too_big), cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_keep),    cmocka_unit_test(test_split_and_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
