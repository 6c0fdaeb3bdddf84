/* Do bounded reads stop at the end, and does failure stick? */
#include "tests/unit/check.h"

#include "core/reader.h"

static void varints(void **state)
{
    (void)state;
    static const struct {
        struct ray_str bytes;
        bool good;
        uint64_t value;
    } cases[] = {
        {RAY_STR_INIT("\x00"), true, 0},
        {RAY_STR_INIT("\x7f"), true, 127},
        {RAY_STR_INIT("\x96\x01"), true, 150},
        {RAY_STR_INIT("\x80\x80\x00"), true, 0}, /* longer than it need be: allowed */
        {RAY_STR_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true, UINT64_MAX},
        {RAY_STR_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), false, 0}, /* 65 bits */
        {RAY_STR_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"), false, 0},
        {RAY_STR_INIT("\x80"), false, 0},
        {RAY_STR_INIT(""), false, 0},
        {{NULL, 0}, false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_reader in = ray_reader_of(cases[i].bytes);
        uint64_t value = ray_read_varint(&in);
        if (in.failed == cases[i].good || value != cases[i].value) {
            fail_msg("case %zu: failed %d value %llu", i, in.failed, (unsigned long long)value);
        }
    }
}

static void fixed_numbers_and_bytes(void **state)
{
    (void)state;
    struct ray_reader in = ray_reader_of(RAY_STR("\x01\x02\x03\x84\x01\x02\x03\x04\x05\x06\x07\x88"
                                                 "abc"));
    assert_int_equal(ray_read_u32(&in), 0x84030201u);
    assert_true(ray_read_u64(&in) == 0x8807060504030201u);
    assert_int_equal(in.end - in.pos, 3);
    CHECK_STR(ray_read_bytes(&in, 2), "ab");
    assert_true(ray_reader_more(&in));
    CHECK_STR(ray_read_bytes(&in, 0), "");
    CHECK_STR(ray_read_bytes(&in, 1), "c");
    assert_false(ray_reader_more(&in));
    assert_false(in.failed);
}

static void failure_sticks_and_moves_nothing(void **state)
{
    (void)state;
    struct ray_reader in = ray_reader_of(RAY_STR("abc"));
    assert_null(ray_read_bytes(&in, UINT64_MAX).ptr);
    assert_true(in.failed);
    assert_int_equal(ray_read_varint(&in), 0);
    assert_int_equal(ray_read_u32(&in), 0);
    assert_int_equal(ray_read_bytes(&in, 1).len, 0);
    assert_false(ray_reader_more(&in));
    assert_int_equal(in.end - in.pos, 3);
    in = ray_reader_of(RAY_STR("abc"));
    assert_int_equal(ray_read_u32(&in), 0);
    assert_true(in.failed);
    in = ray_reader_of(RAY_STR("1234567"));
    assert_int_equal(ray_read_u64(&in), 0);
    assert_true(in.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints),
        cmocka_unit_test(fixed_numbers_and_bytes),
        cmocka_unit_test(failure_sticks_and_moves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
