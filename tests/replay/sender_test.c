/* sender, awsxray: whatever the far end does, is every accepted document delivered or accounted
 * for, and is the number of calls bounded? */
#include "bench.h"

static void test_good(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_good, NULL);
    bench_push(&bench, 2000);
    run_until_quiet(&bench, 10000);
    check_accounts(&bench, 0);
    assert_int_equal(bench.network.calls, 40);
    assert_int_equal(bench.network.most_flying, 32);
    bench_clear(&bench);
}

/* -- packing -- */

/* Notes which call brought a document. */
static void reply_and_note(struct network *network, const struct ray_http_call *call,
                           struct reply *out)
{
    size_t *call_of = network->context;
    struct ray_str rest = call->body;
    unsigned id;
    while (network_next_id(&rest, &id)) {
        call_of[id] = network->calls;
    }
    out->after_ms = 20;
}

/* Traces of 20 documents, of which every request brings one of each: no call has a part of one. */
static void test_whole_traces(void **state)
{
    (void)state;
    struct bench bench;
    static size_t call_of[NETWORK_DOCUMENTS_MAX];
    bench_init(&bench, reply_and_note, call_of);
    bench.traces = 70;
    bench_push(&bench, 1400);
    run_until_quiet(&bench, 10000);
    check_accounts(&bench, 0);
    for (unsigned id = 0; id < 1400; id++) {
        assert_int_equal(call_of[id], call_of[id % 70]);
    }
    assert_int_equal(bench.network.calls, 35); /* two traces each */
    bench_clear(&bench);
}

static void test_trace_larger_than_a_call(void **state)
{
    (void)state;
    struct bench bench;
    static size_t call_of[NETWORK_DOCUMENTS_MAX];
    bench_init(&bench, reply_and_note, call_of);
    bench.traces = 1;
    bench_push(&bench, 180);
    run_until_quiet(&bench, 10000);
    check_accounts(&bench, 0);
    for (unsigned id = 0; id < 180; id++) {
        assert_int_equal(call_of[id], id / 50 + 1);
    }
    bench_clear(&bench);
}

#define LARGE "spanbridge_exporter_large_traces"

/* 420 kB that come together, then 85 kB of another trace in two parts; a small one never. */
static void test_large_traces(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_good, NULL);
    bench.traces = 1;
    bench.padding = 8000;
    bench_push(&bench, 40);
    run_until_quiet(&bench, 10000);
    assert_int_equal(metric(&bench, LARGE, ""), 0);
    bench_push(&bench, 10);
    run_until_quiet(&bench, 10000);
    assert_int_equal(metric(&bench, LARGE, ""), 1);
    bench.pushed = 51;
    bench.traces = 3; /* documents 51, 52 and 53: of the traces 0, 1 and 2 */
    bench.padding = 45000;
    bench_push(&bench, 3);
    run_for(&bench, 2000);
    assert_int_equal(metric(&bench, LARGE, ""), 1);
    bench_push(&bench, 2); /* 54 and 55: the first is known already */
    run_until_quiet(&bench, 10000);
    assert_int_equal(metric(&bench, LARGE, ""), 2);
    bench_clear(&bench);
}

/* Nobody waits longer for company than he should, whoever comes meanwhile. */
static void test_linger(void **state)
{
    (void)state;
    struct bench bench = {.linger_ms = 200};
    set_options(&bench.options);
    bench_start(&bench, reply_good, NULL);
    bench_push(&bench, 10);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(ray_sender_step(bench.exporter->sender, 60));
        assert_int_equal(bench.network.calls, 0);
        bench_push(&bench, 10);
    }
    run_for(&bench, 30); /* at 180 ms */
    assert_int_equal(bench.network.calls, 1);
    assert_int_equal((bench.network.last_call_ns / RAY_NS_PER_MS) - 1000000, 200);
    run_until_quiet(&bench, 300);
    check_accounts(&bench, 0);
    assert_int_equal(bench.network.calls, 1);
    bench_push(&bench, 50); /* a full one waits for nobody */
    uint64_t before = bench.network.now_ns;
    assert_true(ray_sender_step(bench.exporter->sender, 60));
    assert_true(bench.network.last_call_ns == before);
    run_until_quiet(&bench, 300);
    bench_clear(&bench);
}

/* -- throttling -- */

static void reply_half_throttled(struct network *network, const struct ray_http_call *call,
                                 struct reply *out)
{
    uint64_t *random = network->context;
    (void)call;
    *random = *random * 6364136223846793005ull + 1442695040888963407ull;
    out->after_ms = 20;
    if (*random >> 63) {
        out->status = 429;
        out->error_type = "ThrottledException";
    }
}

static void test_throttle_storm(void **state)
{
    (void)state;
    struct bench bench;
    uint64_t random = 11;
    bench_init(&bench, reply_half_throttled, &random);
    bench_push(&bench, 4000);
    run_until_quiet(&bench, 120000);
    check_accounts(&bench, 0);
    assert_true(bench.network.calls <= 80 * 5 / 2); /* 80 are needed; each costs two on average */
    bench_clear(&bench);
}

static void reply_until(struct network *network, const struct ray_http_call *call,
                        struct reply *out)
{
    const struct {
        uint64_t until_ms;
        struct reply reply;
    } *plan = network->context;
    (void)call;
    out->after_ms = 20;
    if (network_elapsed_ms(network) < plan->until_ms) {
        *out = plan->reply;
    }
}

/* The far end behaves badly for a while, then well: what it may cost. */
struct outage {
    const char *name;
    struct {
        uint64_t until_ms;
        struct reply reply;
    } plan;
    size_t calls_max;       /* while it lasts */
    uint32_t back_after_ms; /* all is delivered so long after its end, at the latest */
};

static const struct outage outages[] = {
    {"throttled",
     {60000, {.status = 429, .error_type = "ThrottledException", .after_ms = 20}},
     32 + 100,
     5000},
    {"throttled as 400",
     {60000, {.status = 400, .error_type = "ThrottlingException"}},
     32 + 100,
     5000},
    {"refused", {600000, {.outcome = RAY_CALL_CONNECT_FAILED}}, 32 + 400, 8000},
    {"reset",
     {600000, {.outcome = RAY_CALL_BROKEN, .refuses = true, .after_ms = 5}},
     32 + 400,
     8000},
    {"hangs", {600000, {.outcome = RAY_CALL_TIMED_OUT}}, 32 + 130, 6000},
    {"503", {600000, {.status = 503, .after_ms = 10}}, 32 + 400, 8000},
    {"garbage status", {300000, {.status = 999, .after_ms = 10}}, 32 + 6, 70000},
    {"access denied",
     {300000, {.status = 403, .error_type = "AccessDeniedException"}},
     32 + 6,
     70000},
    {"moved", {300000, {.status = 301}}, 32 + 6, 70000},
    {"answer too big",
     {60000, {.outcome = RAY_CALL_ANSWER_TOO_BIG, .refuses = true}},
     32 + 100,
     8000},
};

static void check_outage(const struct outage *outage)
{
    struct bench bench;
    struct outage copy = *outage;
    print_message("%s\n", outage->name);
    bench_init(&bench, reply_until, &copy.plan);
    bench_push(&bench, 4000);
    run_for(&bench, outage->plan.until_ms);
    print_message("    %zu calls while it lasted\n", bench.network.calls);
    assert_true(bench.network.calls <= outage->calls_max);
    assert_int_equal(metric(&bench, DROPPED, ""), 0);
    run_until_quiet(&bench, outage->back_after_ms);
    check_accounts(&bench, 0);
    bench_clear(&bench);
}

static void test_outages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(outages) / sizeof(outages[0]); i++) {
        check_outage(&outages[i]);
    }
}

/* While the far end is away no more is packed than what flew when it went. */
static void test_outage_holds_little(void **state)
{
    (void)state;
    struct bench bench;
    struct outage outage = {.plan = {60000, {.outcome = RAY_CALL_CONNECT_FAILED, .after_ms = 5}}};
    bench_init(&bench, reply_until, &outage.plan);
    struct ray_sender *sender = bench.exporter->sender;
    bench_push(&bench, 150);
    assert_true(ray_sender_step(sender, 1000));
    bench_push(&bench, 3850);
    uint32_t most = 0;
    while (network_elapsed_ms(&bench.network) < 60000 && ray_sender_step(sender, 1000)) {
        uint32_t held = sender->waiting_count + sender->flying_count;
        most = held > most ? held : most;
    }
    print_message("    at most %u parcels\n", most);
    assert_true(most <= 4);
    run_until_quiet(&bench, 8000);
    check_accounts(&bench, 0);
    bench_clear(&bench);
}

/* A blocked exporter says so, and says when it is over. */
static void test_blocked_is_shown(void **state)
{
    (void)state;
    struct bench bench;
    struct outage outage = {
        .plan = {90000, {.status = 403, .error_type = "AccessDeniedException"}}};
    char why[200];
    bench_init(&bench, reply_until, &outage.plan);
    assert_true(ray_awsxray_ready(bench.exporter, why));
    bench_push(&bench, 10);
    run_for(&bench, 5000);
    assert_false(ray_awsxray_ready(bench.exporter, why));
    CHECK_STR(ray_str_from(why), "uploads are refused: AccessDeniedException: allow "
                                 "xray:PutTraceSegments to key AKID...1234");
    run_until_quiet(&bench, 200000);
    assert_true(ray_awsxray_ready(bench.exporter, why));
    check_accounts(&bench, 0);
    bench_clear(&bench);
}

static void reply_retry_after(struct network *network, const struct ray_http_call *call,
                              struct reply *out)
{
    (void)call;
    if (network->calls == 1) {
        out->status = 503;
        out->retry_after = "10";
        return;
    }
    uint64_t waited_ms = network_elapsed_ms(network);
    assert_true(waited_ms >= 10000 && waited_ms <= 12001);
}

static void test_retry_after(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_retry_after, NULL);
    bench_push(&bench, 10);
    run_until_quiet(&bench, 13000);
    check_accounts(&bench, 0);
    assert_int_equal(bench.network.calls, 2);
    bench_clear(&bench);
}

/* -- answers -- */

static void reply_every_third_breaks(struct network *network, const struct ray_http_call *call,
                                     struct reply *out)
{
    (void)call;
    out->after_ms = 20;
    out->outcome = network->calls % 3 == 0 ? RAY_CALL_BROKEN : RAY_CALL_ANSWERED;
}

static void test_resets_between(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_every_third_breaks, NULL);
    bench_push(&bench, 4000);
    run_until_quiet(&bench, 60000);
    check_accounts(&bench, 0); /* twice is legal, never is not */
    assert_true(bench.network.calls <= 80 * 2);
    bench_clear(&bench);
}

static void reply_garbage(struct network *network, const struct ray_http_call *call,
                          struct reply *out)
{
    static const char *const bodies[] = {"<html>hello</html>",
                                         "",
                                         "{\"Unproc",
                                         "[]",
                                         "\xff\xfe",
                                         "{\"UnprocessedTraceSegments\":7}",
                                         "{\"UnprocessedTraceSegments\":[7,null,[]]}",
                                         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["};
    (void)call;
    out->body = bodies[network->calls % 8];
}

static void test_garbage(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_garbage, NULL);
    bench_push(&bench, 400);
    run_until_quiet(&bench, 1000);
    check_accounts(&bench, 0);
    assert_int_equal(bench.network.calls, 8);
    bench_clear(&bench);
}

/* Ids 0 mod 10: final. 1 mod 10: throttled twice, then fine. 2 mod 10: a code nobody knows, always.
 * 3 mod 10: internal failure once. */
struct mixed {
    unsigned asked[NETWORK_DOCUMENTS_MAX];
    char body[16384];
};

static const char *mixed_code(struct mixed *mixed, unsigned id)
{
    unsigned asked = ++mixed->asked[id];
    switch (id % 10) {
    case 0:
        return "InvalidSegment";
    case 1:
        return asked <= 2 ? "ThrottledException" : NULL;
    case 2:
        return "NobodyKnows";
    case 3:
        return asked <= 1 ? "InternalFailure" : NULL;
    default:
        return NULL;
    }
}

static void reply_mixed(struct network *network, const struct ray_http_call *call,
                        struct reply *out)
{
    struct mixed *mixed = network->context;
    struct ray_str rest = call->body;
    struct ray_buf body;
    unsigned id;
    ray_buf_init(&body, sizeof(mixed->body));
    ray_buf_append(&body, RAY_STR("{\"UnprocessedTraceSegments\":["));
    size_t start = body.len;
    while (network_next_id(&rest, &id)) {
        const char *code = mixed_code(mixed, id);
        if (code == NULL) {
            network->taken[id]++;
        } else {
            ray_buf_printf(&body, "%s{\"Id\":\"%016x\",\"ErrorCode\":\"%s\"}",
                           body.len > start ? "," : "", id, code);
        }
    }
    ray_buf_append(&body, RAY_STR("]}"));
    ray_buf_append_byte(&body, '\0');
    assert_true(body.len <= 2048);
    memcpy(mixed->body, body.data, body.len);
    ray_buf_clear(&body);
    out->body = mixed->body;
    out->refuses = true; /* taken above, one by one */
}

static void test_unprocessed(void **state)
{
    (void)state;
    struct bench bench;
    static struct mixed mixed;
    memset(&mixed, 0, sizeof(mixed));
    bench_init(&bench, reply_mixed, &mixed);
    bench_push(&bench, 1000);
    run_until_quiet(&bench, 60000);
    check_accounts(&bench, 200);
    assert_int_equal(metric(&bench, DROPPED, "InvalidSegment"), 100);
    assert_int_equal(metric(&bench, DROPPED, "NobodyKnows"), 100);
    for (unsigned i = 0; i < 1000; i += 10) {
        assert_int_equal(mixed.asked[i], 1);     /* final */
        assert_int_equal(mixed.asked[i + 2], 3); /* three attempts */
        assert_int_equal(mixed.asked[i + 4], 1); /* good ones are sent once */
        assert_int_equal(bench.network.taken[i + 4], 1);
    }
    assert_true(bench.network.calls <= 20 + 20); /* leftovers travel together */
    bench_clear(&bench);
}

static void reply_unnamed(struct network *network, const struct ray_http_call *call,
                          struct reply *out)
{
    (void)call;
    out->body = network->calls == 1
                    ? "{\"UnprocessedTraceSegments\":[{\"ErrorCode\":\"ParseError\"},{\"Id\":null,"
                      "\"ErrorCode\":\"ParseError\"}]}"
                : network->calls == 2
                    ? "{\"UnprocessedTraceSegments\":[{\"ErrorCode\":\"InternalFailure\"}]}"
                    : NULL;
}

/* Without an Id it is only a number: final ones are counted, others make the call go again. */
static void test_unprocessed_unnamed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_unnamed, NULL);
    bench_push(&bench, 50);
    run_until_quiet(&bench, 10000);
    assert_int_equal(metric(&bench, DROPPED, "ParseError"), 2);
    assert_int_equal(metric(&bench, DELIVERED, ""), 48);
    bench_push(&bench, 50);
    run_until_quiet(&bench, 10000);
    assert_int_equal(bench.network.calls, 3);
    assert_int_equal(metric(&bench, DELIVERED, ""), 98);
    bench_clear(&bench);
}

/* -- content -- */

static void reply_bad_ones(struct network *network, const struct ray_http_call *call,
                           struct reply *out)
{
    const struct reply *refusal = network->context;
    if (network_contains(call, 17) || network_contains(call, 333)) {
        *out = *refusal;
    }
}

static void test_bad_documents(void **state)
{
    (void)state;
    struct reply refusals[] = {{.status = 400, .error_type = "InvalidRequestException"},
                               {.status = 400, .error_type = "SerializationException"},
                               {.status = 413}};
    for (size_t i = 0; i < 3; i++) {
        struct bench bench;
        bench_init(&bench, reply_bad_ones, &refusals[i]);
        bench_push(&bench, 50);
        run_until_quiet(&bench, 10000);
        check_accounts(&bench, 1);
        assert_true(bench.network.calls <= 13); /* 1 + 2 * ceil(log2(50)) */
        bench_push(&bench, 350);
        run_until_quiet(&bench, 10000);
        check_accounts(&bench, 2);
        assert_true(bench.network.calls <= 26 + 7);
        bench_clear(&bench);
    }
}

/* -- what the history hears -- */

/* "waiting delivered dropped reason" of the trace of document `i`, then each of its refusals. */
static void check_fate(struct bench *bench, unsigned i, const char *want)
{
    struct ray_arena *arena = ray_arena_new(1 << 20);
    struct ray_trace_id id = {{0}};
    struct ray_history_answer answer;
    struct ray_buf text;
    ray_buf_init(&text, 4096);
    id.bytes[14] = (uint8_t)(i >> 8);
    id.bytes[15] = (uint8_t)i;
    CHECK_OK(ray_history_find(bench->history, &id, arena, &answer));
    assert_int_equal(answer.fate_count, 1);
    ray_buf_printf(&text, "%u %u %u %s", answer.fates[0].waiting, answer.fates[0].delivered,
                   answer.fates[0].dropped, answer.fates[0].reason);
    for (size_t r = 0; r < answer.refusal_count; r++) {
        ray_buf_printf(&text, "; %u %s: %s", answer.refusals[r].span_id[7],
                       answer.refusals[r].reason, answer.refusals[r].message);
    }
    CHECK_BUF(&text, want);
    ray_buf_clear(&text);
    ray_arena_free(arena);
}

static void reply_away(struct network *network, const struct ray_http_call *call, struct reply *out)
{
    if (network_elapsed_ms(network) < 60000) {
        out->outcome = RAY_CALL_CONNECT_FAILED;
    } else {
        reply_bad_ones(network, call, out);
    }
}

static void test_the_history_hears_of_it(void **state)
{
    (void)state;
    struct bench bench;
    struct ray_history_standing standing;
    struct reply refusal = {.status = 400, .error_type = "InvalidRequestException"};
    bench_init(&bench, reply_away, &refusal);
    bench_push(&bench, 20);
    run_for(&bench, 30000);
    check_fate(&bench, 3, "1 0 0 connect_failed");
    ray_history_stand(history_column(&bench), &standing);
    assert_string_equal(standing.failed_because, "connect_failed");
    assert_true(standing.failed_unix_s > standing.failing_since_unix_s + 10);
    run_until_quiet(&bench, 60000);
    check_fate(&bench, 3, "0 1 0 InvalidRequestException"); /* was in a call that was cut in two */
    check_fate(&bench, 17, "0 0 1 InvalidRequestException; 17 InvalidRequestException: ");
    ray_history_stand(history_column(&bench), &standing);
    assert_int_equal(standing.failed_unix_s, 0);
    bench_clear(&bench);

    bench_init(&bench, reply_unnamed, NULL);
    bench_push(&bench, 50);
    run_until_quiet(&bench, 10000);
    check_fate(&bench, 3,
               "0 1 0 ; 3 ParseError: 2 of the call's documents refused without a name: "
               "this may be one");
    bench_clear(&bench);
}

/* -- clock and keys -- */

static void reply_skewed(struct network *network, const struct ray_http_call *call,
                         struct reply *out)
{
    char low[RAY_SIGV4_DATE_BYTES], high[RAY_SIGV4_DATE_BYTES];
    char *date = network->context;
    uint64_t theirs = network_unix(&network->clock) / RAY_NS_PER_S - 7200;
    struct ray_str sent = sent_header(call, RAY_STR("X-Amz-Date: "));
    time_t seconds = (time_t)theirs;
    struct tm when;
    gmtime_r(&seconds, &when);
    strftime(date, 48, "%a, %d %b %Y %H:%M:%S GMT", &when);
    ray_sigv4_date(theirs - 300, low);
    ray_sigv4_date(theirs + 300, high);
    out->date = date;
    out->after_ms = 20;
    if (strcmp(sent.ptr, low) < 0 || strcmp(sent.ptr, high) > 0) {
        out->status = 403;
        out->error_type = "InvalidSignatureException";
    }
}

static void test_clock_skew(void **state)
{
    (void)state;
    struct bench bench;
    char date[48];
    bench_init(&bench, reply_skewed, date);
    bench_push(&bench, 4000);
    run_until_quiet(&bench, 2000); /* at once, not after the minute of a refusal */
    check_accounts(&bench, 0);
    assert_true(bench.network.calls <= 80 + 32);
    bench_clear(&bench);
}

static void reply_expired(struct network *network, const struct ray_http_call *call,
                          struct reply *out)
{
    (void)network;
    struct ray_str authorization = sent_header(call, RAY_STR("Authorization: "));
    out->after_ms = 20;
    if (ray_str_find(authorization, RAY_STR("Credential=AKIDNEW/")) == SIZE_MAX) {
        out->status = 403;
        out->error_type = "ExpiredTokenException";
        setenv("AWS_ACCESS_KEY_ID", "AKIDNEW", 1);
    }
}

static void test_new_keys_are_found(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_expired, NULL);
    bench_push(&bench, 4000);
    run_until_quiet(&bench, 2000);
    check_accounts(&bench, 0);
    assert_true(bench.network.calls <= 80 + 32);
    bench_clear(&bench);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE1234", 1);
}

static void test_missing_keys(void **state)
{
    (void)state;
    struct bench bench;
    char why[200];
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    bench_init(&bench, reply_good, NULL);
    assert_false(ray_awsxray_ready(bench.exporter, why));
    assert_non_null(strstr(why, "no AWS credentials"));
    bench_push(&bench, 500);
    run_for(&bench, 60000);
    assert_int_equal(bench.network.calls, 0);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE1234", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    run_until_quiet(&bench, 5000);
    assert_true(ray_awsxray_ready(bench.exporter, why));
    check_accounts(&bench, 0);
    bench_clear(&bench);
}

/* -- the end -- */

static bool ready_when_found(void *context, char why[200])
{
    const struct ray_awsxray *exporter = context;
    snprintf(why, 200, "no credentials");
    return exporter->identity.found;
}

/* No credentials any more, and what still flew was refused: nothing to do for a minute. */
static void test_not_ready_while_blocked(void **state)
{
    (void)state;
    struct bench bench;
    struct outage outage = {
        .plan = {60000, {.status = 403, .error_type = "AccessDeniedException", .after_ms = 500}}};
    bench_init(&bench, reply_until, &outage.plan);
    struct ray_sender *sender = bench.exporter->sender;
    struct ray_sender_protocol protocol = *sender->protocol;
    protocol.ready = ready_when_found;
    sender->protocol = &protocol;
    bench_push(&bench, 50);
    assert_true(ray_sender_step(sender, 100));
    assert_int_equal(bench.network.flying_count, 1);
    bench.exporter->identity.found = false;
    bench_push(&bench, 50);
    for (int i = 0; i < 60; i++) {
        assert_true(ray_sender_step(sender, 1000));
    }
    print_message("    60 steps took %llu ms\n",
                  (unsigned long long)network_elapsed_ms(&bench.network));
    assert_true(network_elapsed_ms(&bench.network) > 20000);
    bench.exporter->identity.found = true;
    run_until_quiet(&bench, 200000);
    check_accounts(&bench, 0);
    bench_clear(&bench);
}

/* More than any body holds, as when its first bytes cannot be had. */
static const struct ray_str endless_head = {"", SIZE_MAX / 2};

/* A body whose beginning is missing would be refused, and its documents with it. */
static void test_no_memory_for_a_body(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_good, NULL);
    struct ray_sender *sender = bench.exporter->sender;
    const struct ray_sender_protocol *whole = sender->protocol;
    struct ray_sender_protocol protocol = *whole;
    protocol.head = &endless_head;
    sender->protocol = &protocol;
    bench_push(&bench, 50);
    for (int i = 0; i < 3; i++) {
        assert_true(ray_sender_step(sender, 1000));
    }
    assert_int_equal(bench.network.calls, 0);
    sender->protocol = whole;
    run_until_quiet(&bench, 10000);
    check_accounts(&bench, 0);
    assert_int_equal(bench.network.calls, 1);
    bench_clear(&bench);
}

/* A start that fails half-way leaves nothing open, so that the queue may go. */
static void test_no_thread(void **state)
{
    (void)state;
    struct bench bench;
    set_options(&bench.options);
    network_init(&bench.network, reply_good, NULL);
    bench.metrics = ray_metrics_new();
    bench.queue = ray_queue_new(&(struct ray_queue_options){.max_bytes = 1 << 20});
    struct ray_exporter_environment environment = {
        .id = "awsxray",
        .queue = bench.queue,
        .profile = PROFILE,
        .metrics = bench.metrics,
        .clock = &bench.network.clock,
    };
    bench.exporter = ray_awsxray_new(&bench.options, &environment, &bench.network.transport);
    assert_int_equal(ray_awsxray_start(bench.exporter), RAY_IO);
    ray_awsxray_free(bench.exporter);
    ray_queue_free(bench.queue);
    ray_metrics_free(bench.metrics);
}

static void test_drain(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, reply_good, NULL);
    bench_push(&bench, 4000);
    ray_queue_close(bench.queue);
    assert_int_equal(ray_sender_stop(bench.exporter->sender, 20000), 0);
    check_accounts(&bench, 0);
    assert_true(network_elapsed_ms(&bench.network) < 1000);
    bench_clear(&bench);
}

/* Blocked for a minute when the stop comes, and mended meanwhile: one last try finds out. */
static void test_drain_after_block(void **state)
{
    (void)state;
    struct bench bench;
    struct outage outage = {.plan = {5000, {.status = 403, .error_type = "AccessDeniedException"}}};
    bench_init(&bench, reply_until, &outage.plan);
    bench_push(&bench, 500);
    run_for(&bench, 10000);
    ray_queue_close(bench.queue);
    assert_int_equal(ray_sender_stop(bench.exporter->sender, 5000), 0);
    check_accounts(&bench, 0);
    bench_clear(&bench);
}

static void test_give_up(void **state)
{
    (void)state;
    struct bench bench;
    struct outage outage = {.plan = {UINT64_MAX, {.outcome = RAY_CALL_TIMED_OUT}}};
    bench_init(&bench, reply_until, &outage.plan);
    bench_push(&bench, 4000);
    run_for(&bench, 100);
    ray_queue_close(bench.queue);
    uint64_t before_ms = network_elapsed_ms(&bench.network);
    assert_int_equal(ray_sender_stop(bench.exporter->sender, 2000), 4000);
    assert_true(network_elapsed_ms(&bench.network) - before_ms <= 2001);
    assert_int_equal(metric(&bench, DROPPED, "shutdown"), 4000);
    assert_int_equal(metric(&bench, TAKEN, ""), 4000);
    assert_int_equal(bench.network.flying_count, 0);
    bench_clear(&bench);
}

static void test_max_elapsed(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct outage outage = {.plan = {UINT64_MAX, {.status = 503}}};
    set_options(&bench.options);
    bench.options.retry.max_elapsed_ms = 30000;
    bench_start(&bench, reply_until, &outage.plan);
    bench_push(&bench, 500);
    run_until_quiet(&bench, 600000);
    check_accounts(&bench, 500);
    assert_int_equal(metric(&bench, DROPPED, "max_elapsed_time"), 500);
    bench_clear(&bench);
}

/* Older than max_age: dropped instead of sent, whether it was packed before the outage or not;
 * younger ones, and such of unknown age, are sent. */
static void test_max_age(void **state)
{
    (void)state;
    struct bench bench;
    struct outage outage = {.plan = {100000, {.outcome = RAY_CALL_CONNECT_FAILED}}};
    bench_init(&bench, reply_until, &outage.plan);
    bench.exporter->sender->options.max_age_ms = 60000;
    bench_push(&bench, 100); /* of unknown age */
    bench.says_when = true;
    bench_push(&bench, 3000);
    run_for(&bench, 70000);
    bench_push(&bench, 900);
    run_until_quiet(&bench, 60000);
    check_accounts(&bench, 3000);
    assert_int_equal(metric(&bench, DROPPED, "max_age"), 3000);
    bench_clear(&bench);
}

static void test_retry_off(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct outage outage = {.plan = {UINT64_MAX, {.status = 503}}};
    set_options(&bench.options);
    bench.options.retry.enabled = false;
    bench_start(&bench, reply_until, &outage.plan);
    bench_push(&bench, 50);
    run_until_quiet(&bench, 1000);
    check_accounts(&bench, 50);
    assert_int_equal(bench.network.calls, 1);
    bench_clear(&bench);
}

/* The same seed gives the same calls at the same times. */
static void test_deterministic(void **state)
{
    (void)state;
    uint64_t hashes[2];
    for (size_t i = 0; i < 2; i++) {
        struct bench bench;
        uint64_t random = 5;
        bench_init(&bench, reply_half_throttled, &random);
        bench_push(&bench, 1000);
        run_until_quiet(&bench, 60000);
        hashes[i] = bench.network.call_times_hash;
        bench_clear(&bench);
    }
    assert_true(hashes[0] == hashes[1]);
}

int main(void)
{
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE1234", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("HOME", "/nonexistent", 1);
    unsetenv("AWS_PROFILE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_whole_traces),
        cmocka_unit_test(test_trace_larger_than_a_call),
        cmocka_unit_test(test_large_traces),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_throttle_storm),
        cmocka_unit_test(test_outages),
        cmocka_unit_test(test_outage_holds_little),
        cmocka_unit_test(test_blocked_is_shown),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_resets_between),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_unprocessed),
        cmocka_unit_test(test_unprocessed_unnamed),
        cmocka_unit_test(test_bad_documents),
        cmocka_unit_test(test_the_history_hears_of_it),
        cmocka_unit_test(test_clock_skew),
        cmocka_unit_test(test_new_keys_are_found),
        cmocka_unit_test(test_missing_keys),
        cmocka_unit_test(test_not_ready_while_blocked),
        cmocka_unit_test(test_no_memory_for_a_body),
        cmocka_unit_test(test_no_thread),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_after_block),
        cmocka_unit_test(test_give_up),
        cmocka_unit_test(test_max_elapsed),
        cmocka_unit_test(test_max_age),
        cmocka_unit_test(test_retry_off),
        cmocka_unit_test(test_deterministic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
