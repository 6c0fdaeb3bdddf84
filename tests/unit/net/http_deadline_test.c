/* How long may a connection take for each phase, and when is a body fast enough to go on? */
#include "tests/unit/check.h"

#include "core/clock.h"
#include "net/http_deadline.h"

static const struct ray_http_limits limits = {
    .head_ns = 10 * RAY_NS_PER_S, .body_ns = 30 * RAY_NS_PER_S, .idle_ns = 60 * RAY_NS_PER_S};

#define UNKNOWN RAY_HTTP_BYTES_UNKNOWN
#define END     -1

/* A phase entered at second 0 with a count, then looks: at a second, with a count. */
static const struct {
    const char *name;
    enum ray_http_phase phase;
    uint64_t mark;
    struct {
        int at_s;
        uint64_t bytes;
    } looks[10];
    int closed_at; /* index into looks of the first that closes */
} cases[] = {
    {"idle", RAY_HTTP_WAITING, 0, {{1, 0}, {59, 0}, {60, 0}, {END, 0}}, 2},
    {"a head that begins late has its full time",
     RAY_HTTP_WAITING,
     100,
     {{59, 101}, {68, 150}, {69, 151}, {END, 0}},
     2},
    {"unknown mark: the first count is it",
     RAY_HTTP_WAITING,
     UNKNOWN,
     {{1, 500}, {30, 500}, {59, 501}, {68, 600}, {70, 600}, {END, 0}},
     4},
    {"head", RAY_HTTP_HEAD, 0, {{9, 5000}, {10, 9000}, {END, 0}}, 1},
    {"working has all the time", RAY_HTTP_WORKING, 0, {{100000, 0}, {END, 0}}, -1},
    {"body, silent", RAY_HTTP_BODY, 0, {{29, 0}, {30, 0}, {END, 0}}, 1},
    {"body, a byte a second", RAY_HTTP_BODY, 0, {{29, 29}, {30, 30}, {END, 0}}, 1},
    {"body at exactly 1 KiB/s goes on, window after window",
     RAY_HTTP_BODY,
     0,
     {{30, 30720}, {34, 30721}, {35, 35840}, {40, 40960}, {45, 46079}, {END, 0}},
     4},
    {"a fast start buys no later stall",
     RAY_HTTP_BODY,
     0,
     {{5, 10000000}, {30, 10000000}, {34, 10000000}, {35, 10000000}, {END, 0}},
     3},
    {"reply not read", RAY_HTTP_SENDING, UNKNOWN, {{1, 700}, {30, 700}, {END, 0}}, 1},
    {"reply read slowly but well",
     RAY_HTTP_SENDING,
     UNKNOWN,
     {{0, 0}, {30, 100000}, {35, 105120}, {40, 105121}, {END, 0}},
     3},
};

static void closes_when_it_should(void **state)
{
    (void)state;
    const uint64_t start = 1000 * RAY_NS_PER_S;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ray_http_deadline deadline;
        ray_http_deadline_enter(&deadline, &limits, cases[i].phase, start, cases[i].mark);
        int closed_at = -1;
        for (int look = 0; closed_at < 0 && cases[i].looks[look].at_s != END; look++) {
            uint64_t now = start + (uint64_t)cases[i].looks[look].at_s * RAY_NS_PER_S;
            if (ray_http_deadline_passed(&deadline, &limits, now, cases[i].looks[look].bytes)) {
                closed_at = look;
            }
        }
        if (closed_at != cases[i].closed_at) {
            fail_msg("%s: closed at look %d, not %d", cases[i].name, closed_at, cases[i].closed_at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(closes_when_it_should)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
