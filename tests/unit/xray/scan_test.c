/* scan: does a foreign document get the code the service would give, and are its facts right? */
#include "tests/unit/check.h"
#include "xray/scan.h"

#define T "\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\""
#define I "\"id\":\"53995c3f42cd8ad8\""
#define N "\"name\":\"shop\""
#define S "\"start_time\":1478293361.271"
#define E "\"end_time\":1478293361.449"

static const struct {
    const char *what;
    const char *text;
    const char *code;
    bool in_subsegment;
} cases[] = {
    {"whole", "{" T "," I "," N "," S "," E "}", "", false},
    {"in progress", "{" T "," I "," N "," S ",\"in_progress\":true}", "", false},
    {"unknown members",
     "{" T "," I "," N "," S "," E ",\"x\":{\"y\":[1,null]},\"id2\":5,\"user\":null}", "", false},
    {"letters of other scripts",
     "{" T "," I ",\"name\":\"Gesch\\u00e4ft \xE5\xBA\x97 a-b\"," S "," E "}", "", false},
    {"empty list", "[]", "MissingId", false},
    {"empty object", "{}", "MissingId", false},
    {"number", "5", "MissingId", false},
    {"no JSON", "{\"id\":", "ParseError", false},
    {"two values", "{} {}", "ParseError", false},
    {"nothing", "", "ParseError", false},
    {"id null", "{" T ",\"id\":null," N "," S "," E "}", "MissingId", false},
    {"id short", "{" T ",\"id\":\"53995c3f42cd8ad\"," N "," S "," E "}", "InvalidId", false},
    {"id no hex", "{" T ",\"id\":\"53995c3f42cd8adz\"," N "," S "," E "}", "InvalidId", false},
    {"id number", "{" T ",\"id\":5399543242538548," N "," S "," E "}", "InvalidId", false},
    {"no name", "{" T "," I "," S "," E "}", "MissingName", false},
    {"name empty", "{" T "," I ",\"name\":\"\"," S "," E "}", "InvalidName", false},
    {"name with ?", "{" T "," I ",\"name\":\"what?\"," S "," E "}", "InvalidName", false},
    {"name with NUL", "{" T "," I ",\"name\":\"a\\u0000b\"," S "," E "}", "InvalidName", false},
    {"no start", "{" T "," I "," N "," E "}", "MissingStartTime", false},
    {"start text", "{" T "," I "," N ",\"start_time\":\"now\"," E "}", "InvalidStartTime", false},
    {"start in ms", "{" T "," I "," N ",\"start_time\":1478293361271," E "}", "InvalidStartTime",
     false},
    {"no end", "{" T "," I "," N "," S "}", "MissingEndTime", false},
    {"not in progress", "{" T "," I "," N "," S ",\"in_progress\":false}", "MissingEndTime", false},
    {"end negative", "{" T "," I "," N "," S ",\"end_time\":-1}", "InvalidEndTime", false},
    {"no parent", "{" T "," I "," N "," S "," E ",\"type\":\"subsegment\"}", "MissingParentId",
     true},
    {"bad parent", "{" T "," I "," N "," S "," E ",\"parent_id\":\"x\"}", "InvalidParentId", false},
    {"no trace id", "{" I "," N "," S "," E "}", "MissingTraceId", false},
    {"bad trace id", "{\"trace_id\":\"1-2-3\"," I "," N "," S "," E "}", "InvalidTraceId", false},
    {"W3C spelling", "{\"trace_id\":\"5759e988bd862e3fe1be46a994272793\"," I "," N "," S "," E "}",
     "InvalidTraceId", false},
    {"subsegment before trace id",
     "{" I "," N "," S "," E ",\"subsegments\":[{" I "," N "," S "}]}", "MissingEndTime", true},
    {"subsegment inside subsegment",
     "{" T "," I "," N "," S "," E ",\"subsegments\":[{" I "," N "," S "," E ",\"subsegments\":[{" I
     "," S "," E "}]}]}",
     "MissingName", true},
    {"subsegment is a number", "{" T "," I "," N "," S "," E ",\"subsegments\":[7]}", "MissingId",
     true},
    {"whole subsegments",
     "{" T "," I "," N "," S "," E ",\"subsegments\":[{" I "," N "," S "," E "}]}", "", false},
};

static void test_codes(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_segment_scan scan;
        enum ray_scan_code code = ray_segment_scan(ray_str_from(cases[i].text), arena, &scan);
        const char *got = ray_scan_code_name(code);
        if (strcmp(got, cases[i].code) != 0 ||
            scan.problem_in_subsegment != cases[i].in_subsegment) {
            fail_msg("%s: got %s (in subsegment: %d), want %s", cases[i].what, got,
                     scan.problem_in_subsegment, cases[i].code);
        }
    }
    ray_arena_free(arena);
}

static void test_facts(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1 << 20);
    struct ray_segment_scan scan;
    struct ray_str text = RAY_STR(
        "{" T "," I ",\"name\":\"a\\u0062c\",\"start_time\":1.478293361271E9," E
        ",\"type\":\"subsegment\",\"parent_id\":\"00000000000000FF\",\"fault\":true,\"error\":1}");
    assert_int_equal(ray_segment_scan(text, arena, &scan), RAY_SCAN_OK);
    CHECK_STR(scan.name, "abc");
    CHECK_STR(scan.id_text, "53995c3f42cd8ad8");
    assert_int_equal(scan.id[0], 0x53);
    assert_int_equal(scan.parent_id[7], 0xFF);
    assert_int_equal(scan.trace_id.bytes[15], 0x93);
    assert_true(scan.is_subsegment && scan.has_parent && scan.fault && !scan.error);
    /* a double of seconds holds about 240 ns here */
    assert_in_range(scan.start_unix_ns, 1478293361270999000, 1478293361271001000);
    assert_in_range(scan.end_unix_ns, 1478293361448999000, 1478293361449001000);
    ray_arena_free(arena);
}

/* Does depth end in an answer, not in the stack? */
static void test_depth(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1 << 20);
    struct ray_buf text;
    ray_buf_init(&text, 1 << 20);
    struct ray_str piece = RAY_STR("{\"subsegments\":[");
    for (int i = 0; i < 4000; i++) {
        ray_buf_append(&text, piece);
    }
    struct ray_segment_scan scan;
    assert_int_equal(ray_segment_scan(ray_buf_str(&text), arena, &scan), RAY_SCAN_PARSE_ERROR);
    ray_buf_clear(&text);
    ray_arena_free(arena);
}

static void test_size(void **state)
{
    (void)state;
    struct ray_arena *arena = ray_arena_new(1 << 20);
    struct ray_buf text;
    ray_buf_init(&text, 1 << 20);
    ray_buf_append(&text, RAY_STR("{" T "," I "," N "," S "," E ",\"metadata\":\""));
    while (text.len < 65536 - 2) {
        ray_buf_append_byte(&text, 'x');
    }
    ray_buf_append(&text, RAY_STR("\"}"));
    struct ray_segment_scan scan;
    assert_int_equal(text.len, 65536);
    assert_int_equal(ray_segment_scan(ray_buf_str(&text), arena, &scan), RAY_SCAN_OK);
    ray_buf_append_byte(&text, ' ');
    assert_int_equal(ray_segment_scan(ray_buf_str(&text), arena, &scan),
                     RAY_SCAN_SEGMENT_TOO_LARGE);
    CHECK_STR(scan.id_text, "53995c3f42cd8ad8");
    ray_buf_clear(&text);
    ray_arena_free(arena);
}

static void test_messages(void **state)
{
    (void)state;
    char text[RAY_SCAN_MESSAGE_BYTES];
    ray_scan_message(RAY_SCAN_MISSING_ID, false, text);
    assert_string_equal(text, "Invalid segment. ErrorCode: MissingId");
    ray_scan_message(RAY_SCAN_MISSING_END_TIME, true, text);
    assert_string_equal(text, "Invalid subsegment. ErrorCode: MissingEndTime, Cause: null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes), cmocka_unit_test(test_facts),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),  cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
