/* The figures that the sender promises: calls per document, attempts while the far end is away, how
 * soon it is through with what waited. In virtual time, at a far end 50 ms away. */
#include "bench.h"

#define RATE    2000u /* documents a second */
#define SECONDS 60u
#define PUSHES  100u /* a second */

static double next_share(uint64_t *random)
{
    *random = *random * 6364136223846793005ull + 1442695040888963407ull;
    return (double)(*random >> 11) * 0x1p-53;
}

/* Pushes evenly and steps for so long. */
static void push_for(struct bench *bench, uint32_t seconds, uint32_t rate)
{
    for (uint32_t i = 0; i < seconds * PUSHES; i++) {
        uint64_t until = bench->network.now_ns + RAY_NS_PER_S / PUSHES;
        bench_push(bench, rate / PUSHES);
        while (bench->network.now_ns < until) {
            uint64_t left_ms = (until - bench->network.now_ns + RAY_NS_PER_MS - 1) / RAY_NS_PER_MS;
            assert_true(ray_sender_step(bench->exporter->sender, (uint32_t)left_ms));
        }
    }
}

static void bench_init_lingering(struct bench *bench, network_reply_fn reply, void *context)
{
    memset(bench, 0, sizeof(*bench));
    set_options(&bench->options);
    bench->linger_ms = 200;
    bench_start(bench, reply, context);
}

/* -- calls per document -- */

struct trouble {
    double share;
    struct reply reply;
    uint64_t random;
};

static void reply_with_trouble(struct network *network, const struct ray_http_call *call,
                               struct reply *out)
{
    struct trouble *trouble = network->context;
    (void)call;
    if (next_share(&trouble->random) < trouble->share) {
        *out = trouble->reply;
    }
    out->after_ms = 50;
}

static void test_calls(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double share;
        struct reply reply;
        double most;
    } cases[] = {
        {"untroubled", 0, {0}, 1.0},
        {"half 429 ThrottledException",
         0.5,
         {.status = 429, .error_type = "ThrottledException"},
         2.1},
        {"half 400 Throttling", 0.5, {.status = 400, .error_type = "Throttling"}, 2.1},
        {"half 400 ThrottlingException in the body",
         0.5,
         {.status = 400, .body = "{\"__type\":\"com.amazon#ThrottlingException\"}"},
         2.1},
        {"20 % reset", 0.2, {.outcome = RAY_CALL_BROKEN, .refuses = true}, 1.4},
        {"20 % reset after it was taken", 0.2, {.outcome = RAY_CALL_BROKEN}, 1.4},
        {"20 % 503", 0.2, {.status = 503}, 1.4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct bench bench;
        struct trouble trouble = {cases[i].share, cases[i].reply, 3};
        print_message("%s\n", cases[i].name);
        bench_init_lingering(&bench, reply_with_trouble, &trouble);
        push_for(&bench, SECONDS / 4, RATE);
        uint64_t backlog = ray_cursor_backlog(bench.exporter->sender->cursor);
        run_until_quiet(&bench, 20000);
        check_accounts(&bench, 0);
        double ratio = (double)bench.network.calls / (bench.pushed / 50.0);
        print_message("    calls x%.3f, %llu documents waited at the end\n", ratio,
                      (unsigned long long)backlog);
        assert_true(ratio <= cases[i].most);
        bench_clear(&bench);
    }
}

/* 32 calls in flight of 50 documents, each 50 ms: 32,000 a second at most. */
static void test_rate(void **state)
{
    (void)state;
    static struct bench bench;
    struct trouble trouble = {.share = 0};
    bench_init_lingering(&bench, reply_with_trouble, &trouble);
    push_for(&bench, 2, 25000);
    assert_true(ray_cursor_backlog(bench.exporter->sender->cursor) < 5000);
    assert_true(bench.network.most_flying <= 32);
    run_until_quiet(&bench, 300);
    check_accounts(&bench, 0);
    bench_clear(&bench);
}

/* -- outages -- */

struct away {
    struct reply reply;
    uint64_t from_ms, until_ms;
    unsigned calls_in_second[SECONDS + 1];
};

static void reply_away(struct network *network, const struct ray_http_call *call, struct reply *out)
{
    struct away *away = network->context;
    uint64_t now_ms = network_elapsed_ms(network);
    (void)call;
    out->after_ms = 50;
    if (now_ms >= away->from_ms && now_ms < away->until_ms) {
        *out = away->reply;
        away->calls_in_second[(now_ms - away->from_ms) / 1000]++;
    }
}

static void print_attempts(const struct away *away)
{
    unsigned sum = 0, most = 0;
    for (unsigned i = 0; i < SECONDS; i++) {
        sum += away->calls_in_second[i];
        most = i > 0 && away->calls_in_second[i] > most ? away->calls_in_second[i] : most;
    }
    print_message("    %u attempts in the first second, then at most %u a second, %u in all\n",
                  away->calls_in_second[0], most, sum);
    assert_true(sum <= SECONDS * 5);
    assert_true(most <= 5);
}

static size_t held_bytes(const struct ray_sender *sender)
{
    size_t bytes = 0;
    for (const struct ray_parcel *p = sender->waiting; p != NULL; p = p->next) {
        bytes += p->body.capacity + sizeof(*p) + p->capacity * sizeof(p->items[0]);
    }
    return bytes;
}

static void test_outages(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct reply reply;
    } cases[] = {
        {"refused", {.outcome = RAY_CALL_CONNECT_FAILED}},
        {"503", {.status = 503, .after_ms = 50}},
        {"hangs", {.outcome = RAY_CALL_TIMED_OUT}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct bench bench;
        struct away away = {cases[i].reply, 2000, 2000 + SECONDS * 1000, {0}};
        print_message("%s\n", cases[i].name);
        bench_init_lingering(&bench, reply_away, &away);
        push_for(&bench, 2 + SECONDS, RATE);
        uint64_t backlog = ray_cursor_backlog(bench.exporter->sender->cursor);
        print_message("    %llu documents wait, %zu KiB of them packed\n",
                      (unsigned long long)backlog, held_bytes(bench.exporter->sender) / 1024);
        print_attempts(&away);
        uint64_t over_ms = network_elapsed_ms(&bench.network);
        run_until_quiet(&bench, 10000);
        print_message("    empty after %llu ms\n",
                      (unsigned long long)(network_elapsed_ms(&bench.network) - over_ms));
        check_accounts(&bench, 0);
        bench_clear(&bench);
    }
}

int main(void)
{
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE1234", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("HOME", "/nonexistent", 1);
    unsetenv("AWS_PROFILE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_outages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
