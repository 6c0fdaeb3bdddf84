/* split: do the parts hold everything, each small enough, each where it belongs? Is what cannot be
 * split left alone? */
#include "xray/split.h"

#include "tests/unit/check.h"
#include "tests/unit/xray/split_check.h"

#define ROOT "\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\",\"id\":\"00000000000000aa\""
#define CHILD(trace_part, parent)                                                                  \
    "{\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\",\"parent_id\":\"" parent                \
    "\",\"type\":\"subsegment\"," trace_part "}"

struct fixture {
    struct ray_arena *arena;
    struct ray_split_part *parts;
};

static enum ray_status split(struct fixture *f, struct ray_str text, size_t max_bytes)
{
    f->parts = NULL;
    f->arena = ray_arena_new(RAY_SPLIT_ARENA_BYTES(text.len));
    return ray_document_split(text, max_bytes, f->arena, &f->parts);
}

static const struct {
    const char *what, *text;
    size_t max_bytes;
    enum ray_status status;
    const char *parts[4];
} cases[] = {
    {"fits", "{" ROOT "}", 200, RAY_OK, {"{" ROOT "}"}},
    {"fits without white space",
     "{ \"a\" : \" x\\\" y \" ,\n\t\"b\" : [ 1 , 2 ] }\r\n",
     26,
     RAY_OK,
     {"{\"a\":\" x\\\" y \",\"b\":[1,2]}"}},
    {"one leaves",
     "{" ROOT
     ",\"subsegments\":[{\"id\":\"b1\",\"n\":1},{\"id\":\"b2\",\"name\":\"larger\"}],\"z\":1}",
     130,
     RAY_OK,
     {"{" ROOT ",\"z\":1,\"subsegments\":[{\"id\":\"b1\",\"n\":1}]}",
      CHILD("\"id\":\"b2\",\"name\":\"larger\"", "00000000000000aa")}},
    {"all leave, and the list with them",
     "{" ROOT ",\"z\":\"012345678901234567890\",\"subsegments\":[{\"id\":\"b1\",\"n\":1},{\"id\":"
     "\"b2\",\"type\":\"x\",\"parent_id\":\"old\",\"trace_id\":\"old\"}]}",
     135,
     RAY_OK,
     {"{" ROOT ",\"z\":\"012345678901234567890\"}", CHILD("\"id\":\"b2\"", "00000000000000aa"),
      CHILD("\"id\":\"b1\",\"n\":1", "00000000000000aa")}},
    {"a child is split too",
     "{" ROOT ",\"subsegments\":[{\"id\":\"b1\",\"subsegments\":[{\"id\":\"c1\","
     "\"n\":\"0123456789012345678901234567890123456789\"}]}]}",
     165,
     RAY_OK,
     {"{" ROOT "}", CHILD("\"id\":\"b1\"", "00000000000000aa"),
      CHILD("\"id\":\"c1\",\"n\":\"0123456789012345678901234567890123456789\"", "b1")}},
    {"what has no id stays",
     "{" ROOT ",\"subsegments\":[{\"n\":\"0123456789012345678\"},{\"id\":\"b2\"},7]}",
     130,
     RAY_OK,
     {"{" ROOT ",\"subsegments\":[{\"n\":\"0123456789012345678\"},7]}",
      CHILD("\"id\":\"b2\"", "00000000000000aa")}},
    {"no subsegments", "{" ROOT ",\"a\":\"0123456789\"}", 90, RAY_TOO_BIG, {0}},
    {"subsegments is no list",
     "{" ROOT ",\"subsegments\":[{\"id\":\"b\"}],\"subsegments\":{\"id\":\"0123456789\"}}",
     100,
     RAY_TOO_BIG,
     {0}},
    {"no trace id", "{\"id\":\"a\",\"subsegments\":[{\"id\":\"b2\"}]}", 30, RAY_TOO_BIG, {0}},
    {"no id", "{\"trace_id\":\"a\",\"subsegments\":[{\"id\":\"b2\"}]}", 30, RAY_TOO_BIG, {0}},
    {"no object", "[1, 2, 3, 4]", 4, RAY_INVALID, {0}},
    {"no JSON", "{\"a\":", 4, RAY_INVALID, {0}},
    {"two values", "{} {}", 4, RAY_INVALID, {0}},
    {"empty", "", 4, RAY_INVALID, {0}},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        print_message("%s\n", cases[i].what);
        assert_int_equal(split(&f, ray_str_from(cases[i].text), cases[i].max_bytes),
                         cases[i].status);
        const struct ray_split_part *part = f.parts;
        for (size_t p = 0; p < 4 && cases[i].parts[p] != NULL; p++, part = part->next) {
            assert_non_null(part);
            CHECK_STR(part->text, cases[i].parts[p]);
        }
        assert_null(part);
        ray_arena_free(f.arena);
    }
}

/* A tree of `left` subsegments with all sorts of values, from one number. */
struct maker {
    uint64_t random;
    unsigned next_id, depth_max;
    struct ray_buf out;
};

static unsigned roll(struct maker *maker, unsigned sides)
{
    maker->random = maker->random * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(maker->random >> 33) % sides;
}

static void make_fields(struct maker *maker)
{
    static const char *const fields[] = {
        ",\"name\":\"a \\\"quoted\\\" \\\\ name\"",
        ",\"annotations\":{\"k\":\"\xc3\xa9\\u00e9\",\"n\":-1.5e3,\"b\":[true,null,{}]}",
        ", \"metadata\" : { \"subsegments\" : [ { \"id\" : \"x\" } ] }",
        ",\"k\\u0065y \\n\":[[],[[]]]",
        ",\"fault\":true",
        ",\"type\":\"subsegment\"",
    };
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (roll(maker, 2) == 0) {
            ray_buf_append(&maker->out, ray_str_from(fields[i]));
        }
    }
    ray_buf_printf(&maker->out, ",\"pad\":\"%*s\"", (int)roll(maker, 60), "");
}

static void make_segment(struct maker *maker, unsigned depth)
{
    ray_buf_printf(&maker->out, "{\"id\":\"%016x\"", ++maker->next_id);
    if (depth == 0) {
        ray_buf_append(&maker->out,
                       RAY_STR(",\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\""));
    }
    make_fields(maker);
    unsigned children = depth < maker->depth_max ? roll(maker, 6) : 0;
    if (children > 0) {
        ray_buf_append(&maker->out, RAY_STR(", \"subsegments\" : ["));
        for (unsigned i = 0; i < children; i++) {
            ray_buf_append(&maker->out, i > 0 ? RAY_STR(" , ") : RAY_STR(" "));
            make_segment(maker, depth + 1);
        }
        ray_buf_append_byte(&maker->out, ']');
    }
    ray_buf_append_byte(&maker->out, '}');
}

/* Whatever it looks like and wherever the limit is: nothing is lost. The deepest have thousands of
 * subsegments: all are so only when asked to take longer. */
static void test_nothing_is_lost(void **state)
{
    (void)state;
    unsigned in_parts = 0;
    bool deep = getenv("TEST_DEEP") != NULL;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct maker maker = {.random = seed, .depth_max = deep || seed % 60 == 0 ? 6 : 3};
        ray_buf_init(&maker.out, 1u << 24);
        make_segment(&maker, 0);
        for (size_t max_bytes = 400; max_bytes < 4000; max_bytes += 450) {
            struct fixture f;
            struct ray_str text = ray_buf_str(&maker.out);
            CHECK_OK(split(&f, text, max_bytes));
            const char *problem = split_problem(text, f.parts, max_bytes);
            if (problem != NULL) {
                fail_msg("seed %u, %zu bytes: %s", (unsigned)seed, max_bytes, problem);
            }
            in_parts += f.parts->next != NULL;
            ray_arena_free(f.arena);
        }
        ray_buf_clear(&maker.out);
    }
    assert_in_range(in_parts, 500, 3000);
}

/* Subsegments in subsegments come from outside: deep nesting ends in an answer. */
static void test_depth(void **state)
{
    (void)state;
    struct ray_buf text;
    ray_buf_init(&text, 1u << 20);
    ray_buf_append(&text, RAY_STR("{" ROOT));
    for (int i = 0; i < 100; i++) {
        ray_buf_printf(&text, ",\"subsegments\":[{\"id\":\"%d\"", i);
    }
    for (int i = 0; i < 100; i++) {
        ray_buf_append(&text, RAY_STR("}]"));
    }
    ray_buf_append(&text, RAY_STR("}"));
    struct fixture f;
    assert_int_equal(split(&f, ray_buf_str(&text), 170), RAY_TOO_BIG);
    ray_arena_free(f.arena);
    ray_buf_clear(&text);
}

/* An arena of every size: an answer each time. */
static void test_memory(void **state)
{
    (void)state;
    struct ray_str text = ray_str_from(cases[4].text);
    enum ray_status status = RAY_NOMEM;
    for (size_t quota = 64; status == RAY_NOMEM && quota < (1u << 20); quota += 64) {
        struct ray_split_part *parts = NULL;
        struct ray_arena *arena = ray_arena_new(quota);
        status = ray_document_split(text, cases[4].max_bytes, arena, &parts);
        ray_arena_free(arena);
    }
    CHECK_OK(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_nothing_is_lost),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
