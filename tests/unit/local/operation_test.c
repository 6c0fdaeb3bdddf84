/* operation: what do clients see of a small shop's traces, page by page, filter by filter, and what
 * do wrong requests get? */
#include <unistd.h>

#include "local/operation.h"
#include "tests/unit/check.h"

#define NOW_S 1700000000ull

static uint64_t fixed_time(const struct ray_clock *clock)
{
    (void)clock;
    return NOW_S * RAY_NS_PER_S;
}
static const struct ray_clock fixed_clock = {fixed_time, fixed_time, NULL};

struct fixture {
    char directory[64];
    struct ray_xray xray;
    struct ray_buf out;
    struct ray_failure failure;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.directory = "/tmp/operation_test.XXXXXX"};
    assert_non_null(mkdtemp(f->directory));
    struct ray_store_options options = {f->directory, 0, 0, &fixed_clock};
    struct ray_store_error error;
    f->xray = (struct ray_xray){NULL, RAY_STR("111122223333"), &fixed_clock};
    CHECK_OK(ray_store_open(&options, &f->xray.store, &error));
    ray_buf_init(&f->out, 64 << 20);
}

static void end(struct fixture *f)
{
    char path[128];
    ray_buf_clear(&f->out);
    ray_store_close(f->xray.store);
    snprintf(path, sizeof(path), "%s/local.db", f->directory);
    unlink(path);
    assert_int_equal(rmdir(f->directory), 0);
}

static bool run(struct fixture *f, const char *path, struct ray_str body)
{
    const struct ray_operation *operation = ray_operation_find(ray_str_from(path));
    assert_non_null(operation);
    ray_buf_reset(&f->out);
    return ray_operation_run(operation, &f->xray, body, &f->out, &f->failure);
}

static void ask(struct fixture *f, const char *path, const char *body)
{
    if (!run(f, path, ray_str_from(body))) {
        fail_msg("%s %s: %s: %s", path, body, f->failure.type, f->failure.message);
    }
}

static void check_has(const struct ray_buf *got, const char *part, int line)
{
    if (ray_str_find(ray_buf_str(got), ray_str_from(part)) == SIZE_MAX) {
        fail_msg("line %d: no %s in %.*s", line, part, (int)got->len, got->data);
    }
}
#define CHECK_HAS(got, part) check_has((got), (part), __LINE__)

/* Every document a line of `documents`. */
static void put(struct fixture *f, const char *const *documents)
{
    struct ray_buf body;
    struct ray_json_writer w;
    ray_buf_init(&body, 1 << 20);
    ray_json_init(&w, &body);
    ray_json_object_begin(&w);
    RAY_JSON_KEY(&w, "TraceSegmentDocuments");
    ray_json_array_begin(&w);
    for (; *documents != NULL; documents++) {
        ray_json_string(&w, ray_str_from(*documents));
    }
    ray_json_array_end(&w);
    ray_json_object_end(&w);
    assert_true(run(f, "/TraceSegments", ray_buf_str(&body)));
    CHECK_BUF(&f->out, "{\"UnprocessedTraceSegments\":[]}");
    ray_buf_clear(&body);
}

#define SHOP "1-65000000-00000000000000000000aaaa"
#define JOB  "1-65000000-00000000000000000000bbbb"

/* web (400, after payment's fault) -> payment -> orders, a table that sent no segment; and a job in
 * progress with an independent subsegment. */
static const char *const shop[] = {
    "{\"trace_id\":\"" SHOP
    "\",\"id\":\"00000000000000a1\",\"name\":\"web\",\"start_time\":1699999900,"
    "\"end_time\":1699999900.5,\"error\":true,\"origin\":\"AWS::EC2::Instance\",\"user\":\"ann\","
    "\"http\":{\"request\":{\"method\":\"GET\",\"url\":\"http://shop/cart\"},"
    "\"response\":{\"status\":400}},\"annotations\":{\"plan\":\"gold\",\"n\":3},"
    "\"subsegments\":[{\"id\":\"00000000000000a2\",\"name\":\"payment\",\"namespace\":\"remote\","
    "\"start_time\":1699999900.125,\"end_time\":1699999900.375,\"fault\":true}]}",
    "{\"trace_id\":\"" SHOP "\",\"id\":\"00000000000000b1\",\"parent_id\":\"00000000000000a2\","
    "\"name\":\"payment\",\"start_time\":1699999900.125,\"end_time\":1699999900.25,\"fault\":true,"
    "\"annotations\":{\"plan\":\"gold\",\"ok\":false},"
    "\"cause\":{\"exceptions\":[{\"id\":\"00000000000000e1\",\"type\":\"Boom\",\"message\":\"no\"}]"
    "},"
    "\"subsegments\":[{\"id\":\"00000000000000b2\",\"name\":\"DynamoDB\",\"namespace\":\"aws\","
    "\"start_time\":1699999900.1875,\"end_time\":1699999900.25,\"aws\":{\"operation\":\"GetItem\","
    "\"table_name\":\"orders\"}}]}",
    NULL,
};
static const char *const job[] = {
    "{\"trace_id\":\"" JOB "\",\"id\":\"00000000000000d2\",\"parent_id\":\"00000000000000d1\","
    "\"type\":\"subsegment\",\"name\":\"step\",\"start_time\":1699999951,\"end_time\":1699999952}",
    "{\"trace_id\":\"" JOB "\",\"id\":\"00000000000000d1\",\"name\":\"job\","
    "\"start_time\":1699999950,\"in_progress\":true}",
    NULL,
};

#define WEB_ID                                                                                     \
    "{\"Name\":\"web\",\"Names\":[\"web\"],\"AccountId\":\"111122223333\","                        \
    "\"Type\":\"AWS::EC2::Instance\"}"
#define PAYMENT_ID "{\"Name\":\"payment\",\"Names\":[\"payment\"],\"AccountId\":\"111122223333\"}"
#define TABLE_ID                                                                                   \
    "{\"Name\":\"orders\",\"Names\":[\"orders\"],\"AccountId\":\"111122223333\","                  \
    "\"Type\":\"AWS::DynamoDB::Table\"}"

static void test_summary(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    put(&f, shop);
    ask(&f, "/TraceSummaries",
        "{\"StartTime\":1699999900,\"EndTime\":\"2023-11-14T22:13:20Z\",\"Unknown\":1}");
    CHECK_BUF(
        &f.out,
        "{\"TraceSummaries\":[{\"Id\":\"" SHOP
        "\",\"StartTime\":1699999900,\"Duration\":0.5,\"ResponseTime\":0.5,\"HasFault\":false,"
        "\"HasError\":true,\"HasThrottle\":false,\"IsPartial\":false,\"Http\":{\"HttpStatus\":400,"
        "\"HttpURL\":\"http://shop/cart\",\"HttpMethod\":\"GET\"},\"Annotations\":{\"plan\":[{"
        "\"AnnotationValue\":{\"StringValue\":\"gold\"},\"ServiceIds\":[" PAYMENT_ID "," WEB_ID
        "]}],\"n\":[{\"AnnotationValue\":{\"NumberValue\":3},\"ServiceIds\":[" WEB_ID
        "]}],\"ok\":[{\"AnnotationValue\":{\"BooleanValue\":false},\"ServiceIds\":[" PAYMENT_ID
        "]}]},\"ServiceIds\":[" WEB_ID "," PAYMENT_ID "," TABLE_ID
        "],\"Users\":[{\"UserName\":\"ann\",\"ServiceIds\":[" WEB_ID
        "]}],\"ResourceARNs\":[],\"InstanceIds\":[],\"AvailabilityZones\":[],\"EntryPoint\":" WEB_ID
        ",\"FaultRootCauses\":[],\"ErrorRootCauses\":[{\"Services\":[{\"Name\":\"web\",\"Names\":["
        "\"web\"],\"AccountId\":\"111122223333\",\"Type\":\"AWS::EC2::Instance\",\"Inferred\":"
        "false,"
        "\"EntityPath\":[{\"Name\":\"web\",\"Exceptions\":[],\"Remote\":false}]}],"
        "\"ClientImpacting\":true}],\"ResponseTimeRootCauses\":[{\"Services\":[{\"Name\":\"web\","
        "\"Names\":[\"web\"],\"AccountId\":\"111122223333\",\"Type\":\"AWS::EC2::Instance\","
        "\"Inferred\":false,\"EntityPath\":[{\"Name\":\"web\",\"Coverage\":1,\"Remote\":false},{"
        "\"Name\":\"payment\",\"Coverage\":0.5,\"Remote\":true}]},{\"Name\":\"payment\",\"Names\":["
        "\"payment\"],\"AccountId\":\"111122223333\",\"Type\":\"\",\"Inferred\":false,"
        "\"EntityPath\":[{\"Name\":\"payment\",\"Coverage\":0.25,\"Remote\":false},{\"Name\":"
        "\"DynamoDB\",\"Coverage\":0.125,\"Remote\":false}]},{\"Name\":\"orders\",\"Names\":["
        "\"orders\"],\"AccountId\":\"111122223333\",\"Type\":\"AWS::DynamoDB::Table\",\"Inferred\":"
        "true,\"EntityPath\":[{\"Name\":\"DynamoDB\",\"Coverage\":0.125,\"Remote\":false}]}],"
        "\"ClientImpacting\":true}],\"Revision\":2}],\"ApproximateTime\":1700000000,"
        "\"TracesProcessedCount\":1}");
    end(&f);
}

static void test_documents(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    put(&f, job);
    ask(&f, "/Traces",
        "{\"TraceIds\":[\"" JOB "\",\"1-00000000-000000000000000000000000\",\"" JOB "\",\"bad\"]}");
    CHECK_BUF(
        &f.out,
        "{\"Traces\":[{\"Id\":\"" JOB "\",\"Duration\":2,\"LimitExceeded\":false,\"Segments\":["
        "{\"Id\":\"00000000000000d1\",\"Document\":\"{\\\"trace_id\\\":\\\"" JOB
        "\\\",\\\"id\\\":\\\"00000000000000d1\\\",\\\"name\\\":\\\"job\\\",\\\"start_time\\\":"
        "1699999950,\\\"in_progress\\\":true,\\\"subsegments\\\":[{\\\"id\\\":"
        "\\\"00000000000000d2\\\",\\\"name\\\":\\\"step\\\",\\\"start_time\\\":1699999951,"
        "\\\"end_time\\\":1699999952}]}\"}]}],\"UnprocessedTraceIds\":["
        "\"1-00000000-000000000000000000000000\",\"bad\"]}");
    put(&f, shop);
    ask(&f, "/Traces", "{\"TraceIds\":[\"" SHOP "\"]}");
    struct ray_str text = ray_buf_str(&f.out);
    /* what was not touched comes back byte for byte; the table is inferred */
    assert_true(ray_str_find(text, RAY_STR("\\\"end_time\\\":1699999900.5,\\\"error\\\":true")) !=
                SIZE_MAX);
    assert_true(ray_str_find(text, RAY_STR("\\\"parent_id\\\":\\\"00000000000000b2\\\"")) !=
                SIZE_MAX);
    assert_true(ray_str_find(text, RAY_STR("\\\"inferred\\\":true,\\\"origin\\\":"
                                           "\\\"AWS::DynamoDB::Table\\\"")) != SIZE_MAX);
    end(&f);
}

/* An independent subsegment that comes before its parent, again and out of order. */
static void test_completion(void **state)
{
    (void)state;
    static const char *const whole[] = {
        "{\"trace_id\":\"" JOB "\",\"id\":\"00000000000000d1\",\"name\":\"job\","
        "\"start_time\":1699999950,\"end_time\":1699999953}",
        NULL,
    };
    struct fixture f;
    begin(&f);
    put(&f, whole);
    put(&f, job); /* the part in progress comes last: it replaces nothing */
    ask(&f, "/Traces", "{\"TraceIds\":[\"" JOB "\"]}");
    struct ray_str text = ray_buf_str(&f.out);
    assert_true(ray_str_find(text, RAY_STR("in_progress")) == SIZE_MAX);
    assert_true(ray_str_find(text, RAY_STR("\\\"name\\\":\\\"step\\\"")) != SIZE_MAX);
    end(&f);
}

/* Of one request. */
#define STATS(ok, error, fault, time)                                                              \
    "\"SummaryStatistics\":{\"OkCount\":" ok ",\"ErrorStatistics\":{\"ThrottleCount\":0,"          \
    "\"OtherCount\":" error ",\"TotalCount\":" error                                               \
    "},\"FaultStatistics\":{\"OtherCount\":" fault ",\"TotalCount\":" fault                        \
    "},\"TotalCount\":1,\"TotalResponseTime\":" time "},"
#define BIN(key, time) "\"" key "\":[{\"Value\":" time ",\"Count\":1}]"
#define BINS(time)     BIN("DurationHistogram", time) "," BIN("ResponseTimeHistogram", time)
#define EDGE(to, times, stats, time)                                                               \
    "\"Edges\":[{\"ReferenceId\":" to                                                              \
    "," times stats BIN("ResponseTimeHistogram", time) ",\"Aliases\":[]}]"
#define NODE(number, name, type)                                                                   \
    "{\"ReferenceId\":" number ",\"Name\":\"" name "\",\"Names\":[\"" name                         \
    "\"],\"AccountId\":\"111122223333\"," type
#define TYPE(type)        "\"Type\":\"" type "\","
#define TIMES(start, end) "\"StartTime\":1699999900" start ",\"EndTime\":1699999900" end ","

/* clang-format off: its line breaks hide which node a line is about */
/* The table's node rounds 0.0625 s to the millisecond in its histogram. */
static const char shop_graph[] = "{\"Services\":[" NODE(
    "0", "web", TYPE("AWS::EC2::Instance")) "\"Root\":true,\"State\":\"active\"," TIMES("", ".5")
    EDGE("2", TIMES(".125", ".375"), STATS("0", "0", "1", "0.25"), "0.25") "," STATS(
        "0", "1", "0",
        "0.5") BINS("0.5") "}," NODE("1", "web",
                                     TYPE("client")) "\"State\":\"unknown\"," TIMES("", ".5")
        EDGE("0", TIMES("", ".5"), STATS("0", "1", "0", "0.5"), "0.5") "}," NODE(
            "2", "payment",
            "") "\"State\":\"active\"," TIMES(".125", ".25") EDGE("3", TIMES(".1875", ".25"),
                                                                  STATS("1", "0", "0", "0.0625"),
                                                                  "0.063") "," STATS("0", "0", "1",
                                                                                     "0.125")
            BINS("0.125") "}," NODE(
                "3", "orders",
                TYPE(
                    "AWS::DynamoDB::Table")) "\"State\":\"unknown\"," TIMES(".1875",
                                                                            ".25") "\"Edges\":[]"
                                                                                   "," STATS("1",
                                                                                             "0",
                                                                                             "0",
                                                                                             "0."
                                                                                             "0625")
                                                                                       BINS(
                                                                                           "0.063") "}]}";
/* clang-format on */

static void test_graph(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    put(&f, shop);
    ask(&f, "/TraceGraph", "{\"TraceIds\":[\"" SHOP "\",\"" SHOP "\"]}");
    CHECK_BUF(&f.out, shop_graph);
    ask(&f, "/ServiceGraph", "{\"StartTime\":1699999000,\"EndTime\":1700000000}");
    assert_true(ray_str_find(ray_buf_str(&f.out), RAY_STR("\"ContainsOldGroupVersions\":false")) !=
                SIZE_MAX);
    ask(&f, "/ServiceGraph", "{\"StartTime\":1699990000,\"EndTime\":1699990001}");
    CHECK_BUF(&f.out, "{\"StartTime\":1699990000,\"EndTime\":1699990001,"
                      "\"ContainsOldGroupVersions\":false,\"Services\":[]}");
    end(&f);
}

static const struct {
    const char *filter;
    bool shop, job;
} filters[] = {
    {"error", true, false},
    {"fault", false, false},
    {"partial", false, true},
    {"service(\\\"orders\\\")", true, false},
    {"service(\\\"payment\\\") { fault }", true, false},
    {"edge(\\\"web\\\", \\\"payment\\\") { fault AND responsetime = 0.25 }", true, false},
    {"edge(\\\"payment\\\", \\\"orders\\\") { name = \\\"orders\\\" }", true, false},
    {"annotation.plan = \\\"gold\\\" AND service(\\\"web\\\")", true, false},
    {"!annotation.plan", false, true},
    {"service(\\\"web\\\") { annotation.ok }", false, false},
    {"service(\\\"payment\\\") { annotation.ok = false }", true, false},
    {"http.status = 400 AND http.url CONTAINS \\\"cart\\\" AND user", true, false},
    {"duration > 1", false, true},
    {"responsetime", true, false},
    {"inferred", true, false},
    {"service(id(account.id: \\\"111122223333\\\"))", true, true},
};

static void test_filters(void **state)
{
    (void)state;
    struct fixture f;
    char body[300];
    begin(&f);
    put(&f, shop);
    put(&f, job);
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        snprintf(body, sizeof(body),
                 "{\"StartTime\":1699990000,\"EndTime\":1700000000,\"FilterExpression\":\"%s\"}",
                 filters[i].filter);
        ask(&f, "/TraceSummaries", body);
        bool found_shop = ray_str_find(ray_buf_str(&f.out), RAY_STR(SHOP)) != SIZE_MAX;
        bool found_job = ray_str_find(ray_buf_str(&f.out), RAY_STR(JOB)) != SIZE_MAX;
        if (found_shop != filters[i].shop || found_job != filters[i].job) {
            fail_msg("%s: shop %d, job %d", filters[i].filter, found_shop, found_job);
        }
    }
    end(&f);
}

/* 0.4 is 0.3999998569... between two times of today; and a clock that was set back. */
static void test_times_without_noise(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    put(&f, (const char *const[]){"{\"trace_id\":\"" SHOP "\",\"id\":\"00000000000000a1\","
                                  "\"name\":\"web\",\"start_time\":1699999900.1,"
                                  "\"end_time\":1699999900.5}",
                                  "{\"trace_id\":\"" JOB "\",\"id\":\"00000000000000d1\","
                                  "\"name\":\"job\",\"start_time\":1699999950,"
                                  "\"end_time\":1699999940}",
                                  NULL});
    ask(&f, "/TraceSummaries",
        "{\"StartTime\":1699990000,\"EndTime\":1700000000,"
        "\"FilterExpression\":\"responsetime = 0.4\"}");
    CHECK_HAS(&f.out, "\"Duration\":0.4,\"ResponseTime\":0.4,");
    ask(&f, "/Traces", "{\"TraceIds\":[\"" SHOP "\",\"" JOB "\"]}");
    CHECK_HAS(&f.out, "\"Duration\":0.4,");
    CHECK_HAS(&f.out, "\"Duration\":0,");
    ask(&f, "/TraceGraph", "{\"TraceIds\":[\"" SHOP "\"]}");
    CHECK_HAS(&f.out, "\"TotalResponseTime\":0.4}");
    end(&f);
}

/* Is every trace on exactly one page, though new ones come in between? */
static void test_pages(void **state)
{
    (void)state;
    struct fixture f;
    char text[300], token[100] = "";
    size_t seen = 0, pages = 0;
    begin(&f);
    for (int i = 0; i < 250; i++) {
        snprintf(text, sizeof(text),
                 "{\"trace_id\":\"1-65000000-%024x\",\"id\":\"00000000000000a1\",\"name\":\"p\","
                 "\"start_time\":%d,\"end_time\":%d}",
                 i, 1699999000 + i / 3, 1699999100 + i / 3);
        put(&f, (const char *const[]){text, NULL});
    }
    do {
        snprintf(text, sizeof(text), "{\"StartTime\":1699999000,\"EndTime\":1700000000%s%s%s}",
                 token[0] ? ",\"NextToken\":\"" : "", token, token[0] ? "\"" : "");
        ask(&f, "/TraceSummaries", text);
        struct ray_str rest = ray_buf_str(&f.out);
        for (size_t at; (at = ray_str_find(rest, RAY_STR("{\"Id\":"))) != SIZE_MAX; seen++) {
            rest = ray_str_from_pos(rest, at + 1);
        }
        size_t at = ray_str_find(ray_buf_str(&f.out), RAY_STR("\"NextToken\":\""));
        struct ray_str next = ray_str_from_pos(ray_buf_str(&f.out), at == SIZE_MAX ? at : at + 13);
        snprintf(token, sizeof(token), "%.*s", (int)ray_str_find_byte(next, '"'), next.ptr);
        token[at == SIZE_MAX ? 0 : strlen(token)] = '\0';
        put(&f,
            (const char *const[]){"{\"trace_id\":\"1-65000000-00000000000000000000ffff\",\"id\":"
                                  "\"00000000000000a1\",\"name\":\"p\",\"start_time\":1699999999,"
                                  "\"end_time\":1699999999}",
                                  NULL});
    } while (token[0] != '\0' && ++pages < 10);
    assert_int_equal(seen, 250);
    assert_int_equal(pages, 2);
    end(&f);
}

static const struct {
    const char *path, *body, *type, *words;
} wrong[] = {
    {"/TraceSegments", "{}", "InvalidRequestException", "TraceSegmentDocuments is missing"},
    {"/TraceSegments", "", "InvalidRequestException", "TraceSegmentDocuments is missing"},
    {"/TraceSegments", "{\"TraceSegmentDocuments\":null}", "InvalidRequestException", "is missing"},
    {"/TraceSegments", "{\"TraceSegmentDocuments\":[1]}", "InvalidRequestException", "strings"},
    {"/TraceSegments", "[]", "SerializationException", "not a JSON object"},
    {"/TraceSegments", "{", "SerializationException", "not a JSON object"},
    {"/TraceSegments", "{} x", "SerializationException", "not a JSON object"},
    {"/Traces", "{\"TraceIds\":\"x\"}", "InvalidRequestException", "must be a list"},
    {"/Traces", "{\"TraceIds\":[\"x\"],\"NextToken\":\"9\"}", "InvalidRequestException",
     "NextToken"},
    {"/TraceSummaries", "{\"StartTime\":1}", "InvalidRequestException", "EndTime is missing"},
    {"/TraceSummaries", "{\"StartTime\":\"x\",\"EndTime\":2}", "InvalidRequestException",
     "StartTime"},
    {"/TraceSummaries", "{\"StartTime\":1e300,\"EndTime\":2}", "InvalidRequestException",
     "StartTime"},
    {"/TraceSummaries", "{\"StartTime\":3,\"EndTime\":2}", "InvalidRequestException", "before"},
    {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2,\"TimeRangeType\":\"x\"}",
     "InvalidRequestException", "TimeRangeType"},
    {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2,\"TimeRangeType\":7}",
     "InvalidRequestException", "must be a string"},
    {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2,\"NextToken\":\"zz\"}",
     "InvalidRequestException", "NextToken"},
    {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2,\"FilterExpression\":\"\"}",
     "InvalidRequestException", "empty"},
    {"/TraceSummaries",
     "{\"StartTime\":1,\"EndTime\":2,\"FilterExpression\":\"group.name=\\\"g\\\"\"}",
     "InvalidRequestException", "not served yet"},
    {"/TraceSummaries",
     "{\"StartTime\":1,\"EndTime\":2,\"Sampling\":true,\"SamplingStrategy\":{\"Name\":\"x\"}}",
     "InvalidRequestException", "SamplingStrategy"},
    {"/TraceSummaries",
     "{\"StartTime\":1,\"EndTime\":2,\"Sampling\":true,\"SamplingStrategy\":"
     "{\"Name\":\"FixedRate\",\"Value\":\"x\"}}",
     "InvalidRequestException", "must be a number"},
    {"/TraceSummaries", "{\"StartTime\":1,\"EndTime\":2,\"Sampling\":\"yes\"}",
     "InvalidRequestException", "Sampling must be"},
    {"/ServiceGraph", "{\"StartTime\":1,\"EndTime\":2,\"GroupName\":\"g\"}",
     "InvalidRequestException", "groups"},
    {"/ServiceGraph", "{\"StartTime\":1,\"EndTime\":2,\"NextToken\":\"zz\"}",
     "InvalidRequestException", "NextToken"},
    {"/TraceGraph", "{\"TraceIds\":[],\"NextToken\":\"zz\"}", "InvalidRequestException",
     "NextToken"},
    {"/Groups", "{}", "InvalidRequestException", "does not serve GetGroups yet"},
    {"/SamplingTargets", "{", "InvalidRequestException", "does not serve GetSamplingTargets yet"},
};

static void test_wrong_requests(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        f.failure = (struct ray_failure){0};
        bool answered = run(&f, wrong[i].path, ray_str_from(wrong[i].body));
        if (answered || f.failure.status != 400 || strcmp(f.failure.type, wrong[i].type) != 0 ||
            strstr(f.failure.message, wrong[i].words) == NULL || f.out.len != 0) {
            fail_msg("%s %s: %u %s: %s", wrong[i].path, wrong[i].body, f.failure.status,
                     answered ? "answered" : f.failure.type, f.failure.message);
        }
    }
    assert_null(ray_operation_find(RAY_STR("/PutTraceSegments")));
    end(&f);
}

static void test_unprocessed(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    ask(&f, "/TraceSegments",
        "{\"TraceSegmentDocuments\":[\"{}\",\"{\\\"id\\\":\\\"00000000000000a1\\\",\\\"name\\\":"
        "\\\"a\\\",\\\"start_time\\\":1}\",\"{\\\"trace_id\\\":\\\"" SHOP
        "\\\",\\\"id\\\":\\\"00000000000000a1\\\",\\\"name\\\":\\\"good\\\",\\\"start_time\\\":1,"
        "\\\"end_time\\\":2}\"]}");
    CHECK_BUF(&f.out, "{\"UnprocessedTraceSegments\":[{\"ErrorCode\":\"MissingId\",\"Message\":"
                      "\"Invalid segment. ErrorCode: MissingId\"},{\"Id\":\"00000000000000a1\","
                      "\"ErrorCode\":\"MissingEndTime\",\"Message\":"
                      "\"Invalid segment. ErrorCode: MissingEndTime\"}]}");
    ask(&f, "/Traces", "{\"TraceIds\":[\"" SHOP "\"]}");
    assert_true(ray_str_find(ray_buf_str(&f.out), RAY_STR("good")) != SIZE_MAX);
    end(&f);
}

/* Subsegments that are their own ancestors, or stand too deep: does compiling end, keep them all?
 */
static void test_hostile_trees(void **state)
{
    (void)state;
    struct fixture f;
    char text[300];
    begin(&f);
    for (int i = 0; i < 300; i++) { /* a chain, and a circle of three */
        snprintf(text, sizeof(text),
                 "{\"trace_id\":\"" JOB "\",\"id\":\"%016x\",\"parent_id\":\"%016x\",\"type\":"
                 "\"subsegment\",\"name\":\"s\",\"start_time\":1699999000,\"end_time\":1699999001,"
                 "\"namespace\":\"remote\"}",
                 i + 1,
                 i < 3    ? (i + 1) % 3 + 1
                 : i == 3 ? 0x7777
                          : i);
        put(&f, (const char *const[]){text, NULL});
    }
    ask(&f, "/Traces", "{\"TraceIds\":[\"" JOB "\"]}");
    size_t count = 0;
    struct ray_str rest = ray_buf_str(&f.out);
    for (size_t at; (at = ray_str_find(rest, RAY_STR("\\\"name\\\":\\\"s\\\""))) != SIZE_MAX;
         count++) {
        rest = ray_str_from_pos(rest, at + 1);
    }
    assert_int_equal(count, 600); /* each, and what each inferred */
    ask(&f, "/TraceSummaries", "{\"StartTime\":1699990000,\"EndTime\":1700000000}");
    ask(&f, "/TraceGraph", "{\"TraceIds\":[\"" JOB "\"]}");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_wrong_requests),
        cmocka_unit_test(test_unprocessed),
        cmocka_unit_test(test_times_without_noise),
        cmocka_unit_test(test_hostile_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
