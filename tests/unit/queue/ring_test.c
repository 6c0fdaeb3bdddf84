/* ring: the newest batches by number, bounded by bytes and by count. */
#include "tests/unit/check.h"

#include "queue/ring.h"

static struct ray_batch *make_batch(size_t bytes)
{
    struct ray_batch *batch = ray_batch_new(1 << 20);
    struct ray_trace_id trace_id = {{1}};
    ray_batch_begin_section(batch, 1);
    ray_buf_printf(ray_batch_begin_document(batch), "%*s", (int)bytes, "");
    CHECK_OK(ray_batch_end_document(batch, &trace_id, (const uint8_t[8]){1}, 0));
    ray_batch_seal(batch);
    return batch;
}

static void push(struct ray_ring *ring, size_t bytes, uint64_t first, uint64_t last)
{
    struct ray_ring_out out = {.count = 0};
    ray_ring_push(ring, make_batch(bytes), first, last, &out);
    ray_ring_out_clear(&out);
}

static struct ray_ring *new_ring(size_t max_bytes)
{
    struct ray_ring *ring = calloc(1, sizeof(*ring));
    assert_non_null(ring);
    ring->max_bytes = max_bytes;
    return ring;
}

static void test_found_by_any_of_its_numbers(void **state)
{
    (void)state;
    struct ray_ring *ring = new_ring(1 << 20);
    assert_null(ray_ring_find(ring, 1));
    for (uint64_t i = 0; i < 100; i++) { /* with a hole before each */
        push(ring, 10, 11 + i * 10, 11 + i * 10 + 7);
    }
    assert_null(ray_ring_find(ring, 10)); /* older than what it has */
    assert_null(ray_ring_find(ring, 11 + 990 + 8));
    for (uint64_t number = 11; number < 11 + 990 + 8; number++) {
        const struct ray_ring_entry *entry = ray_ring_find(ring, number);
        assert_non_null(entry);
        assert_true(entry->last >= number);
        assert_true(entry->first <= number + 2); /* the next one, in a hole */
    }
    ray_ring_clear(ring);
    assert_int_equal(ring->bytes, 0);
    free(ring);
}

static void test_bounded_by_bytes(void **state)
{
    (void)state;
    struct ray_ring *ring = new_ring(10000);
    for (uint64_t i = 1; i <= 200; i++) {
        push(ring, 500, i, i);
        assert_true(ring->bytes <= 10000);
    }
    assert_null(ray_ring_find(ring, 100));
    assert_non_null(ray_ring_find(ring, 200));
    push(ring, 50000, 201, 201); /* larger than all: it is alone */
    assert_null(ray_ring_find(ring, 200));
    assert_non_null(ray_ring_find(ring, 201));
    push(ring, 10, 202, 202);
    assert_null(ray_ring_find(ring, 201));
    ray_ring_clear(ring);
    free(ring);
}

static void test_bounded_by_count_and_trimmed(void **state)
{
    (void)state;
    struct ray_ring *ring = new_ring(1 << 30);
    struct ray_ring_out out = {.count = 0};
    for (uint64_t i = 1; i <= RAY_RING_BATCHES + 50; i++) {
        push(ring, 8, i, i);
    }
    assert_null(ray_ring_find(ring, 50));
    assert_non_null(ray_ring_find(ring, 51));
    ray_ring_trim(ring, 60, &out);
    assert_int_equal(out.count, 10);
    ray_ring_out_clear(&out);
    assert_null(ray_ring_find(ring, 60));
    ray_ring_trim(ring, 1000, &out); /* no more than `out` takes */
    assert_int_equal(out.count, 16);
    ray_ring_out_clear(&out);
    assert_non_null(ray_ring_find(ring, 77));
    ray_ring_clear(ring);
    free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_by_any_of_its_numbers),
        cmocka_unit_test(test_bounded_by_bytes),
        cmocka_unit_test(test_bounded_by_count_and_trimmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
