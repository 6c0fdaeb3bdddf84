/* Does a buffer grow to its maximum, not past it, and does failure stick until it is undone? */
#include "tests/unit/check.h"

static void grows_to_the_last_byte(void **state)
{
    (void)state;
    struct ray_buf buf;
    ray_buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++) {
        ray_buf_append_byte(&buf, (char)('a' + i % 26));
    }
    assert_false(buf.failed);
    assert_int_equal(buf.len, 1000);
    assert_int_equal(buf.data[999], 'a' + 999 % 26);
    ray_buf_append_byte(&buf, 'x');
    assert_true(buf.failed);
    assert_int_equal(buf.len, 1000);
    ray_buf_clear(&buf);
}

static void failure_sticks(void **state)
{
    (void)state;
    struct ray_buf buf;
    ray_buf_init(&buf, 10);
    ray_buf_append(&buf, RAY_STR("1234567"));
    ray_buf_append(&buf, RAY_STR("too long"));
    ray_buf_append(&buf, RAY_STR("x")); /* would fit, but something is missing before it */
    ray_buf_append_byte(&buf, 'x');
    ray_buf_append_u64(&buf, 1);
    ray_buf_printf(&buf, "x");
    assert_true(buf.failed);
    assert_false(ray_buf_reserve(&buf, 1));
    CHECK_BUF(&buf, "1234567");
    ray_buf_rewind(&buf, 3);
    CHECK_BUF(&buf, "123");
    ray_buf_rewind(&buf, 99); /* nothing to cut */
    CHECK_BUF(&buf, "123");
    ray_buf_append(&buf, RAY_STR("4"));
    CHECK_BUF(&buf, "1234");
    ray_buf_reset(&buf);
    CHECK_BUF(&buf, "");
    assert_false(ray_buf_reserve(&buf, SIZE_MAX));
    ray_buf_clear(&buf);
}

static void numbers_and_formats(void **state)
{
    (void)state;
    struct ray_buf buf;
    ray_buf_init(&buf, 41);
    ray_buf_append_u64(&buf, 0);
    ray_buf_append_byte(&buf, ' ');
    ray_buf_append_u64(&buf, UINT64_MAX);
    ray_buf_printf(&buf, " %s=%d", "key", -1);
    ray_buf_printf(&buf, "%s", "");
    CHECK_BUF(&buf, "0 18446744073709551615 key=-1");
    ray_buf_printf(&buf, "%012d", 7); /* to the very last byte: the NUL needs no room */
    CHECK_BUF(&buf, "0 18446744073709551615 key=-1000000000007");
    assert_false(buf.failed);
    ray_buf_clear(&buf);
    ray_buf_printf(&buf, "%s", "");
    ray_buf_append(&buf, (struct ray_str){NULL, 0});
    CHECK_BUF(&buf, "");
    ray_buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_the_last_byte),
        cmocka_unit_test(failure_sticks),
        cmocka_unit_test(numbers_and_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
