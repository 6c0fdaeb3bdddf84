/* Does a trace id survive both spellings, and is everything else refused? */
#include "tests/unit/check.h"
#include "xray/trace_id.h"

#define HEX  "58406520a006649127e371903a2de979"
#define XRAY "1-58406520-a006649127e371903a2de979"

static void write_gives_the_xray_form(void **state)
{
    (void)state;
    struct ray_trace_id id;
    char out[RAY_XRAY_TRACE_ID_CHARS];
    CHECK_OK(ray_trace_id_parse(RAY_STR(HEX), &id));
    ray_trace_id_write(&id, out);
    CHECK_STR(((struct ray_str){out, sizeof(out)}), XRAY);
}

static void parse_takes_both_forms(void **state)
{
    (void)state;
    static const char *const good[] = {HEX, XRAY, "58406520A006649127E371903A2DE979",
                                       "1-58406520-A006649127E371903A2DE979"};
    struct ray_trace_id want;
    CHECK_OK(ray_trace_id_parse(RAY_STR(HEX), &want));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct ray_trace_id got = {{0}};
        CHECK_OK(ray_trace_id_parse(ray_str_from(good[i]), &got));
        assert_memory_equal(got.bytes, want.bytes, sizeof(want.bytes));
    }
}

static void parse_refuses_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1-",
        "58406520a006649127e371903a2de97",
        "58406520a006649127e371903a2de9790",
        "58406520a006649127e371903a2de97g",
        "2-58406520-a006649127e371903a2de979",
        "1-58406520_a006649127e371903a2de979",
        "1-5840652-0a006649127e371903a2de979",
        "1-5840652x-a006649127e371903a2de979",
        "1-58406520-a006649127e371903a2de97-",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ray_trace_id id = {{7}};
        if (ray_trace_id_parse(ray_str_from(bad[i]), &id) != RAY_INVALID || id.bytes[0] != 7) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_gives_the_xray_form),
        cmocka_unit_test(parse_takes_both_forms),
        cmocka_unit_test(parse_refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
