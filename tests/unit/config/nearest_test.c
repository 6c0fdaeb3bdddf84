/* Are slips recognised, and strangers left alone? */
#include "config/nearest.h"

#include "tests/unit/check.h"

static const struct ray_str words[] = {
    RAY_STR_INIT("region"),      RAY_STR_INIT("endpoint"), RAY_STR_INIT("index_all_attributes"),
    RAY_STR_INIT("num_workers"), RAY_STR_INIT("grpc"),     RAY_STR_INIT("http"),
    RAY_STR_INIT("traces"),
};

static void test_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"regoin", "region"},
        {"REGION", "region"},
        {"rgion", "region"},
        {"endpiont", "endpoint"},
        {"end_point", "endpoint"},
        {"index_all_attribute", "index_all_attributes"},
        {"index_attributes", "index_all_attributes"},
        {"numworkers", "num_workers"},
        {"grp", "grpc"},
        {"htpp", "http"},
        {"trace", "traces"},
        {"metrics", ""},
        {"x", ""},
        {"", ""},
        {"a_very_long_word_that_goes_on_and_on_and_on_until_it_is_past_all_limits_of_words", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_str near =
            ray_nearest_word(ray_str_from(cases[i].word), words, sizeof(words) / sizeof(words[0]));
        if (!ray_str_eq(near, ray_str_from(cases[i].nearest))) {
            fail_msg("%s: got '%.*s', want '%s'", cases[i].word, RAY_STR_ARG(near),
                     cases[i].nearest);
        }
    }
    assert_int_equal(ray_nearest_word(RAY_STR("region"), words, 0).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
