/* crowd: is the connection found that has too many calls, and no other? */
#include "tests/unit/check.h"

#include "receiver/crowd.h"

static void enter(struct ray_crowd *crowd, int fd, int calls)
{
    for (int i = 0; i < calls; i++) {
        ray_crowd_enter(crowd, fd);
    }
}

static void test_finds_each_above(void **state)
{
    (void)state;
    struct ray_crowd *crowd = calloc(1, sizeof(*crowd));
    assert_non_null(crowd);
    assert_int_equal(ray_crowd_find(crowd, 0, 0), -1);
    ray_crowd_open(crowd, 7);
    enter(crowd, 7, 11);
    enter(crowd, 8, 10);
    enter(crowd, RAY_CROWD_DESCRIPTORS - 1, 12);
    assert_int_equal(ray_crowd_find(crowd, 0, 10), 7);
    assert_int_equal(ray_crowd_find(crowd, 8, 10), RAY_CROWD_DESCRIPTORS - 1);
    assert_int_equal(ray_crowd_find(crowd, RAY_CROWD_DESCRIPTORS, 10), -1);
    ray_crowd_leave(crowd, 7);
    assert_int_equal(ray_crowd_find(crowd, 0, 10), RAY_CROWD_DESCRIPTORS - 1);
    free(crowd);
}

static void test_a_number_used_anew(void **state)
{
    (void)state;
    struct ray_crowd *crowd = calloc(1, sizeof(*crowd));
    assert_non_null(crowd);
    enter(crowd, 5, 1000);
    ray_crowd_open(crowd, 5); /* the flood's calls are still here */
    enter(crowd, 5, 10);
    assert_int_equal(ray_crowd_find(crowd, 0, 10), -1);
    ray_crowd_leave(crowd, 5);
    enter(crowd, 5, 2);
    assert_int_equal(ray_crowd_find(crowd, 0, 10), 5);
    free(crowd);
}

static void test_descriptors_beyond(void **state)
{
    (void)state;
    struct ray_crowd *crowd = calloc(1, sizeof(*crowd));
    assert_non_null(crowd);
    const int beyond[] = {-1, RAY_CROWD_DESCRIPTORS, INT32_MAX};
    for (size_t i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
        ray_crowd_open(crowd, beyond[i]);
        ray_crowd_enter(crowd, beyond[i]);
        ray_crowd_leave(crowd, beyond[i]);
    }
    assert_int_equal(ray_crowd_find(crowd, 0, 0), -1);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_each_above),
        cmocka_unit_test(test_a_number_used_anew),
        cmocka_unit_test(test_descriptors_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
