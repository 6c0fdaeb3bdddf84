/* quota: does it warn in time, once, and about the right trace? */
#include "../check.h"

#include "core/clock.h"
#include "exporter/quota.h"

#include <string.h>

static struct ray_trace_id trace(uint32_t n)
{
    struct ray_trace_id id = {{0}};
    memcpy(&id.bytes[12], &n, sizeof(n));
    return id;
}

static bool add(struct ray_quota *quota, uint32_t n, size_t bytes, uint64_t at_ms,
                struct ray_quota_warning *out)
{
    struct ray_trace_id id = trace(n);
    return ray_quota_add(quota, &id, bytes, (1000 + at_ms) * RAY_NS_PER_MS, out);
}

static void test_together(void **state)
{
    (void)state;
    struct ray_quota *quota = ray_quota_new(1);
    struct ray_quota_warning warning = {0};
    for (unsigned i = 0; i < 3; i++) {
        assert_false(add(quota, 1, 100000, i, &warning));
        assert_false(add(quota, 2, 99999, i, &warning));
    }
    assert_false(add(quota, 2, 99999, 3, &warning));
    assert_true(add(quota, 1, 100000, 3, &warning));
    assert_int_equal(warning.bytes, 400000);
    assert_int_equal(warning.limit_bytes, 500000);
    assert_false(add(quota, 1, 100000, 4, &warning)); /* once */
    ray_quota_free(quota);
}

static void test_over_a_longer_time(void **state)
{
    (void)state;
    struct ray_quota *quota = ray_quota_new(1);
    struct ray_quota_warning warning = {0};
    assert_false(add(quota, 1, 79000, 0, &warning));
    assert_true(add(quota, 1, 1000, 1001, &warning));
    assert_int_equal(warning.bytes, 80000);
    assert_int_equal(warning.limit_bytes, 100000);
    ray_quota_free(quota);
}

/* Large ones are known after 100,000 others. */
static void test_crowd(void **state)
{
    (void)state;
    struct ray_quota *quota = ray_quota_new(1);
    struct ray_quota_warning warning = {0};
    unsigned warned = 0;
    for (uint32_t i = 0; i < 200; i++) {
        assert_false(add(quota, i, 60000, 0, &warning));
    }
    for (uint32_t i = 1000; i < 101000; i++) {
        assert_false(add(quota, i, 1800, 1, &warning));
    }
    for (uint32_t i = 0; i < 200; i++) {
        warned += add(quota, i, 20000, 2000, &warning);
    }
    print_message("%u of 200\n", warned);
    assert_true(warned >= 195);
    ray_quota_free(quota);
}

/* What is over makes room, however large it was. */
static void test_over(void **state)
{
    (void)state;
    struct ray_quota *quota = ray_quota_new(1);
    struct ray_quota_warning warning = {0};
    for (uint32_t i = 0; i < 10000; i++) {
        (void)add(quota, i, 90000, 0, &warning);
    }
    assert_false(add(quota, 20000, 50000, 700000, &warning));
    for (uint32_t i = 30000; i < 40000; i++) {
        (void)add(quota, i, 1800, 700001, &warning);
    }
    assert_true(add(quota, 20000, 40000, 702000, &warning));
    ray_quota_free(quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_over_a_longer_time),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
