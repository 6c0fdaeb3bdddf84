/* crc32c: are the published values ours, in one part and in many? */
#include "tests/unit/check.h"

#include <string.h>

#include "core/crc32c.h"

/* RFC 3720, appendix B.4, and the usual check value. */
static void test_published_values(void **state)
{
    (void)state;
    char bytes[32];
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(ray_crc32c(0, (struct ray_str){bytes, sizeof(bytes)}), 0x8a9136aau);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(ray_crc32c(0, (struct ray_str){bytes, sizeof(bytes)}), 0x62a8ab43u);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (char)i;
    }
    assert_int_equal(ray_crc32c(0, (struct ray_str){bytes, sizeof(bytes)}), 0x46dd794eu);
    assert_int_equal(ray_crc32c(0, RAY_STR("123456789")), 0xe3069283u);
    assert_int_equal(ray_crc32c(0, RAY_STR("")), 0);
}

static void test_parts_make_the_whole(void **state)
{
    (void)state;
    struct ray_str whole = RAY_STR("a record's head is checked apart from what it describes");
    uint32_t want = ray_crc32c(0, whole);
    for (size_t cut = 0; cut <= whole.len; cut++) {
        uint32_t first = ray_crc32c(0, ray_str_until(whole, cut));
        struct ray_str rest = {whole.ptr + cut, whole.len - cut};
        assert_int_equal(ray_crc32c(first, rest), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_values),
        cmocka_unit_test(test_parts_make_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
