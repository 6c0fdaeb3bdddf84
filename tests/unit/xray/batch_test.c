/* Does a batch give back what was written, count it, hold its bound, and die with its last
 * reference? */
#include "tests/unit/check.h"
#include "xray/batch.h"

#include <pthread.h>

static const struct ray_trace_id trace = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const uint8_t span[8] = {9, 8, 7, 6, 5, 4, 3, 2};

static enum ray_status write_document(struct ray_batch *batch, const char *text, uint32_t source)
{
    struct ray_buf *buf = ray_batch_begin_document(batch);
    ray_buf_append(buf, ray_str_from(text));
    return ray_batch_end_document(batch, &trace, span, source);
}

static void documents_come_back_in_order(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "{\"a\":1}", "", "12345678", "123456789"};
    struct ray_batch *batch = ray_batch_new(4096);
    ray_batch_begin_section(batch, 7);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_OK(write_document(batch, texts[i], i * 2));
    }
    ray_batch_seal(batch);
    assert_int_equal(ray_batch_documents(batch), 5);
    struct ray_batch_reader reader;
    struct ray_document document;
    assert_true(ray_batch_read_section(batch, 7, &reader));
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(ray_batch_next(&reader, &document));
        CHECK_STR(document.text, texts[i]);
        assert_int_equal(document.source, i * 2);
        assert_memory_equal(&document.trace_id, &trace, sizeof(trace));
        assert_memory_equal(document.span_id, span, sizeof(span));
    }
    assert_false(ray_batch_next(&reader, &document));
    ray_batch_unref(batch);
}

static void sections_are_found_by_profile(void **state)
{
    (void)state;
    struct ray_batch *batch = ray_batch_new(4096);
    ray_batch_begin_section(batch, UINT64_MAX);
    CHECK_OK(write_document(batch, "one", 0));
    ray_batch_begin_section(batch, 2); /* stays empty */
    ray_batch_begin_section(batch, 3);
    CHECK_OK(write_document(batch, "two", 0));
    CHECK_OK(write_document(batch, "three", 1));
    ray_batch_seal(batch);
    assert_int_equal(ray_batch_documents(batch), 2);
    struct ray_batch_reader reader;
    struct ray_document document;
    assert_true(ray_batch_read_section(batch, 3, &reader));
    assert_true(ray_batch_next(&reader, &document));
    CHECK_STR(document.text, "two");
    assert_true(ray_batch_read_section(batch, UINT64_MAX, &reader));
    assert_true(ray_batch_next(&reader, &document));
    CHECK_STR(document.text, "one");
    assert_true(ray_batch_read_section(batch, 2, &reader));
    assert_false(ray_batch_next(&reader, &document));
    assert_false(ray_batch_read_section(batch, 4, &reader));
    assert_false(ray_batch_next(&reader, &document));
    ray_batch_unref(batch);
}

static void an_empty_batch_has_no_section(void **state)
{
    (void)state;
    struct ray_batch *batch = ray_batch_new(4096);
    struct ray_batch_reader reader;
    ray_batch_seal(batch);
    assert_int_equal(ray_batch_bytes(batch), 0);
    assert_false(ray_batch_read_section(batch, 1, &reader));
    ray_batch_unref(batch);
}

static void a_dropped_document_leaves_no_trace(void **state)
{
    (void)state;
    struct ray_batch *batch = ray_batch_new(4096);
    ray_batch_begin_section(batch, 1);
    CHECK_OK(write_document(batch, "kept", 0));
    ray_buf_append(ray_batch_begin_document(batch), RAY_STR("not kept"));
    ray_batch_drop_document(batch);
    ray_batch_seal(batch);
    assert_int_equal(ray_batch_documents(batch), 1);
    assert_int_equal(ray_batch_bytes(batch), 16 + 32 + 8);
    ray_batch_unref(batch);
}

static void the_bound_holds(void **state)
{
    (void)state;
    struct ray_batch *batch = ray_batch_new(16 + 32 + 8 + 32 + 7);
    ray_batch_begin_section(batch, 1);
    CHECK_OK(write_document(batch, "12345678", 0));
    assert_int_equal(write_document(batch, "12345678", 1), RAY_TOO_BIG);
    assert_int_equal(write_document(batch, "1234567", 1), RAY_TOO_BIG); /* its padding */
    CHECK_OK(write_document(batch, "", 1));
    ray_batch_begin_section(batch, 2); /* no room for its head */
    assert_int_equal(write_document(batch, "", 2), RAY_TOO_BIG);
    ray_batch_seal(batch);
    struct ray_batch_reader reader;
    assert_true(ray_batch_read_section(batch, 1, &reader));
    assert_int_equal(reader.left, 2);
    assert_false(ray_batch_read_section(batch, 2, &reader));
    ray_batch_unref(batch);
}

static void *read_and_let_go(void *context)
{
    struct ray_batch *batch = context;
    struct ray_batch_reader reader;
    struct ray_document document;
    size_t bytes = 0;
    if (ray_batch_read_section(batch, 1, &reader)) {
        while (ray_batch_next(&reader, &document)) {
            bytes += document.text.len;
        }
    }
    ray_batch_unref(batch);
    return bytes == 8 ? context : NULL;
}

static void many_threads_read_one_batch(void **state)
{
    (void)state;
    struct ray_batch *batch = ray_batch_new(4096);
    ray_batch_begin_section(batch, 1);
    CHECK_OK(write_document(batch, "12345678", 0));
    ray_batch_seal(batch);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_let_go, ray_batch_ref(batch)),
                         0);
    }
    ray_batch_unref(batch); /* the last reader frees */
    for (int i = 0; i < 4; i++) {
        void *saw;
        pthread_join(threads[i], &saw);
        assert_non_null(saw);
    }
    ray_batch_unref(NULL);
}

static struct ray_batch *two_sections(void)
{
    struct ray_batch *batch = ray_batch_new(4096);
    ray_batch_begin_section(batch, 5);
    CHECK_OK(write_document(batch, "{\"a\":1}", 0));
    CHECK_OK(write_document(batch, "123456789", 1));
    ray_batch_begin_section(batch, 6);
    CHECK_OK(write_document(batch, "{}", 0));
    ray_batch_set_accepted(batch, 77);
    ray_batch_seal(batch);
    return batch;
}

static struct ray_buf copy_of(struct ray_str bytes)
{
    struct ray_buf buf;
    ray_buf_init(&buf, 4096);
    ray_buf_append(&buf, bytes);
    return buf;
}

static void a_payload_becomes_a_batch_again(void **state)
{
    (void)state;
    struct ray_batch *batch = two_sections();
    assert_int_equal(ray_batch_accepted_unix_ns(batch), 77);
    struct ray_buf copy = copy_of(ray_batch_payload(batch));
    struct ray_batch *again = NULL;
    CHECK_OK(ray_batch_from_payload(&copy, &again));
    assert_int_equal(copy.len, 0);
    assert_int_equal(ray_batch_documents(again), 2);
    assert_int_equal(ray_batch_bytes(again), ray_batch_bytes(batch));
    ray_batch_relabel(again, 6, 9);
    ray_batch_relabel(again, 1234, 9); /* not there: nothing happens */
    struct ray_batch_reader reader;
    struct ray_document document;
    assert_false(ray_batch_read_section(again, 6, &reader));
    assert_true(ray_batch_read_section(again, 9, &reader));
    assert_true(ray_batch_next(&reader, &document));
    CHECK_STR(document.text, "{}");
    assert_true(ray_batch_read_section(again, 5, &reader));
    assert_int_equal(reader.left, 2);
    ray_batch_unref(again);
    ray_batch_unref(batch);
}

/* Whatever the lengths say after a byte was changed, reading what was taken stays inside. */
static void a_damaged_payload_is_no_batch(void **state)
{
    (void)state;
    struct ray_batch *batch = two_sections();
    struct ray_str payload = ray_batch_payload(batch);
    for (size_t cut = 1; cut < payload.len; cut++) {
        struct ray_buf copy = copy_of(ray_str_until(payload, cut));
        struct ray_batch *again = NULL;
        bool is_section_end = ray_batch_from_payload(&copy, &again) == RAY_OK;
        assert_int_equal(is_section_end, cut == payload.len - 16 - 40);
        ray_batch_unref(again);
        ray_buf_clear(&copy);
    }
    for (size_t at = 0; at < payload.len; at++) {
        struct ray_buf copy = copy_of(payload);
        copy.data[at] = (char)(copy.data[at] ^ 0x80);
        struct ray_batch *again = NULL;
        if (ray_batch_from_payload(&copy, &again) == RAY_OK) {
            struct ray_batch_reader reader;
            struct ray_document document;
            assert_int_equal(ray_batch_documents(again), 2);
            (void)ray_batch_read_section(again, 5, &reader);
            while (ray_batch_next(&reader, &document)) {
                assert_true(document.text.len < payload.len);
            }
        }
        ray_batch_unref(again);
        ray_buf_clear(&copy);
    }
    ray_batch_unref(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_come_back_in_order),
        cmocka_unit_test(sections_are_found_by_profile),
        cmocka_unit_test(an_empty_batch_has_no_section),
        cmocka_unit_test(a_dropped_document_leaves_no_trace),
        cmocka_unit_test(the_bound_holds),
        cmocka_unit_test(many_threads_read_one_batch),
        cmocka_unit_test(a_payload_becomes_a_batch_again),
        cmocka_unit_test(a_damaged_payload_is_no_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
