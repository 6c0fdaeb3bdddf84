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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_come_back_in_order),
        cmocka_unit_test(sections_are_found_by_profile),
        cmocka_unit_test(an_empty_batch_has_no_section),
        cmocka_unit_test(a_dropped_document_leaves_no_trace),
        cmocka_unit_test(the_bound_holds),
        cmocka_unit_test(many_threads_read_one_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
