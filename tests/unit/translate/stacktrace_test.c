/* What does each language's text become, and is odd text harmless? The golden cases hold whole
 * traces of real SDKs; these are the corners. */
#include "tests/unit/check.h"
#include "translate/stacktrace.h"

static const uint8_t ids[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* "path:line label" per frame, one line each; exceptions begin with "type|message". */
static void render(const struct ray_exception *exception, struct ray_buf *out)
{
    for (; exception != NULL; exception = exception->next) {
        ray_buf_printf(out, "%.*s|%.*s\n", RAY_STR_ARG(exception->type),
                       RAY_STR_ARG(exception->message));
        for (const struct ray_frame *f = exception->frames; f != NULL; f = f->next) {
            ray_buf_printf(out, "%.*s:%lld %.*s\n", RAY_STR_ARG(f->path), (long long)f->line,
                           RAY_STR_ARG(f->label));
        }
    }
}

static const struct {
    const char *language, *text, *want;
} cases[] = {
    {"java", "E: m\n\tat app/a.B.c(B.java:7)\n\tat d.E.f(Native Method)\n",
     "|\nB.java:7 a.B.c\nNative Method:0 d.E.f\n"},
    {"java", "E\r\n\tat a.B.c(B.java:7)\r\nCaused by: X: why\r\n more\r\n\tat d.E.f(E.java:8)",
     "|\nB.java:7 a.B.c\nX|why more\nE.java:8 d.E.f\n"},
    {"java", "E\nCaused by: X:", "|\nX|\n"},
    {"java", "E\nCaused by: X", "|\nX|\n"},
    {"java", "E\nCaused by: \nCaused by: ", "|\n|Caused by: \n"},
    {"java", "E\n\tat )(\n\tat (", "|\n"},
    {"java", "E\n\tat ()", "|\n:0 \n"},
    {"go", "E\nmain.f()\n\t/a.go:3 +0x1\nmain.g()\n", "|\n/a.go:3 main.f()\n/a.go:3 main.g()\n"},
    {"go", "E\nmain.f()", "|\n:0 main.f()\n"},
    {"go", "E\na()\n\t/a.go:3\ngoroutine 1 [running]:", "|\n/a.go:3 a()\n/a.go:3 \n"},
    {"php", "E\n\tat f(a.php:3)", "|\na.php:3 f\n"},
    {"python", "Traceback:\n  File \"a,b.py\", line 3, in f\n    x\n  File \"c.py\", line 4\nE: m",
     "|\nc.py:4 \na,b.py:3 f\n"},
    {"python", "Traceback\r\n  File \"a.py\", line 3, in f\r\nE: m\r\n", "|\na.py:3 f\n"},
    {"python",
     "  File \"a.py\", line 3, in f\r\nE\r\nF: m\r\nmore\r\n\r\nDuring handling of the above "
     "exception, "
     "another exception occurred:\r\n\r\n  File \"b.py\", line 4, in g\r\nF: n",
     "|\nb.py:4 g\nE\nF|m\nmore\na.py:3 f\n"},
    {"dotnet", "E\n at A() in /x.cs:12\n at B() in /y.cs:line\n", "|\n/x.cs:12 A()\n/y.cs:0 B()\n"},
    {"python", "  File , line 3, in f\nE", "|\n"},
    {"python", "  File \"x, line 3, in f\nE", "|\n:3 f\n"},
    {"python", "During handling of the above exception, another exception occurred:\nE", "|\n"},
    {"python",
     "T:\n  File \"a.py\", line 1, in f\n    x()\n    ~^^\nA: one\ntwo\n\nThe above exception was "
     "the "
     "direct cause of the following exception:\n\nT:\n  File \"b.py\", line 2, in g\nB: b\n",
     "|\nb.py:2 g\nA|one\ntwo\na.py:1 f\n"},
    {"nodejs",
     "E\n    at f (node:internal/x:12:3)\n    at file:///srv/a.mjs:4:5\n    at g (native)\n"
     "    at h (x\n    at C:\\a.js:1:2",
     "|\nnode:internal/x:12 f \nfile:///srv/a.mjs:4 \nnative:0 g \nC:\\a.js:1 \n"},
    {"dotnet", "E\n   at A.B(C d) in /s/x.cs:line 42\n   at in ...\n   at F()\n   at G() in y:line",
     "|\n/s/x.cs:42 A.B(C d)\n:0 F()\ny:0 G()\n"},
    {"go", "panic\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/s/x.go:42 +0x1d\nmain.g()\n\tnowhere\n",
     "|\n/s/x.go:42 main.f(0x1)\n/s/x.go:42 main.g()\n"},
    {"rust", "E\n\tat a.B.c(B.java:7)", "|\n"},
    {"java", "", "|\n"},
    {"python", "", "|\n"},
    {"go", "\n\n\n", "|\n:0 \n"},
};

static void text_becomes_frames(void **state)
{
    (void)state;
    struct ray_span span = {.trace_id = {(const char *)ids, 16}, .span_id = {(const char *)ids, 8}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_arena *arena = ray_arena_new(1 << 20);
        struct ray_made_ids made = {&span, 0};
        struct ray_stack_builder builder = {.arena = arena, .ids = &made};
        struct ray_exception *exception = ray_exception_new(&builder);
        struct ray_buf out;
        ray_buf_init(&out, 1 << 16);
        ray_stacktrace_parse(ray_str_from(cases[i].language), ray_str_from(cases[i].text),
                             exception, &builder);
        render(exception, &out);
        print_message("case %zu\n", i);
        CHECK_BUF(&out, cases[i].want);
        ray_buf_clear(&out);
        ray_arena_free(arena);
    }
}

static const struct {
    const char *text;
    bool whole;
} texts[] = {
    {"E: m\n\tat a.B.c(B.java:7)\n\tat d.E.f(Native Method)", true},
    {"E: m\n\tat a.B.c(B.java:7)\n", true},
    {"E: m\n\tat a.B.c(B.java:7)\nCaused by: X: why\n\tat d.E.f(E.java:8)", true},
    {"E: m\n\tat a.B.c(B.java:0)", true},
    {"F: m\n\tat a.B.c(B.java:7)", false},
    {"E: m\n\tat app/a.B.c(B.java:7)", false},
    {"E: m\n\tat a.B.c(B.java:07)", false},
    {"E: m\n\tat a.B.c(B.java:7)\n\t... 3 more", false},
    {"E: m\n\tat a.B.c(B.java:7)\nCaused by: X: why\n more\n\tat d.E.f(E.java:8)", false},
    {"E: m", false},
};

static void a_stack_may_say_more_than_its_frames(void **state)
{
    (void)state;
    struct ray_span span = {.trace_id = {(const char *)ids, 16}, .span_id = {(const char *)ids, 8}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ray_arena *arena = ray_arena_new(1 << 20);
        struct ray_made_ids made = {&span, 0};
        struct ray_stack_builder builder = {.arena = arena, .ids = &made};
        struct ray_exception *exception = ray_exception_new(&builder);
        struct ray_str text = ray_str_from(texts[i].text);
        exception->type = RAY_STR("E");
        exception->message = RAY_STR("m");
        ray_stacktrace_parse(RAY_STR("java"), text, exception, &builder);
        print_message("%s\n", texts[i].text);
        assert_int_equal(ray_stacktrace_is_whole(exception, text), texts[i].whole);
        ray_arena_free(arena);
    }
}

static void made_ids_repeat_and_differ(void **state)
{
    (void)state;
    struct ray_span span = {.trace_id = {(const char *)ids, 16}, .span_id = {(const char *)ids, 8}};
    struct ray_made_ids first = {&span, 0}, again = {&span, 0};
    uint8_t a[8], b[8], c[8];
    ray_made_id_next(&first, a);
    ray_made_id_next(&again, b);
    ray_made_id_next(&first, c);
    assert_memory_equal(a, b, 8);
    assert_memory_not_equal(a, c, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_frames),
        cmocka_unit_test(a_stack_may_say_more_than_its_frames),
        cmocka_unit_test(made_ids_repeat_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
