/* expr: does each documented filter expression select what it should, and is every other refused
 * with a position? */
#include "tests/unit/check.h"
#include "xray/expr.h"

/* A trace as a few rows. scope 't' trace, 's' service, 'e' edge; index is the row of that kind. */
struct fact {
    char scope;
    size_t index;
    int field;       /* -1: annotation `key` */
    const char *key; /* of the annotation */
    struct ray_expr_value value;
};
#define B(v)                                                                                       \
    {                                                                                              \
        .kind = RAY_EXPR_BOOL, .boolean = (v)                                                      \
    }
#define D(v)                                                                                       \
    {                                                                                              \
        .kind = RAY_EXPR_NUMBER, .number = (v)                                                     \
    }
#define Z(v)                                                                                       \
    {                                                                                              \
        .kind = RAY_EXPR_STRING, .string = RAY_STR_INIT(v)                                         \
    }

struct trace {
    const struct fact *facts;
    size_t fact_count;
    const struct ray_expr_service *services;
    size_t service_count;
    const struct ray_expr_edge *edges;
    size_t edge_count;
};

static bool find(const struct trace *trace, struct ray_expr_scope scope, int field,
                 struct ray_str key, size_t n, struct ray_expr_value *out)
{
    for (size_t i = 0; i < trace->fact_count; i++) {
        const struct fact *fact = &trace->facts[i];
        bool here = fact->scope == "tse"[scope.kind] && fact->index == scope.index;
        bool same =
            fact->field == field && (field >= 0 || ray_str_eq(key, ray_str_from(fact->key)));
        if (here && same && n-- == 0) {
            *out = fact->value;
            return true;
        }
    }
    return false;
}

static bool field(const void *context, struct ray_expr_scope scope, enum ray_expr_field name,
                  size_t n, struct ray_expr_value *out)
{
    return find(context, scope, (int)name, RAY_STR(""), n, out);
}

static bool annotation(const void *context, struct ray_expr_scope scope, struct ray_str key,
                       size_t n, struct ray_expr_value *out)
{
    return find(context, scope, -1, key, n, out);
}

static bool service(const void *context, size_t n, struct ray_expr_service *out)
{
    const struct trace *trace = context;
    if (n >= trace->service_count) {
        return false;
    }
    *out = trace->services[n];
    return true;
}

static bool edge(const void *context, size_t n, struct ray_expr_edge *out)
{
    const struct trace *trace = context;
    if (n >= trace->edge_count) {
        return false;
    }
    *out = trace->edges[n];
    return true;
}

static bool matches(const struct trace *trace, const char *text)
{
    struct ray_arena *arena = ray_arena_new(1 << 20);
    struct ray_expr_error error = {""};
    const struct ray_expr *expr = NULL;
    if (ray_expr_parse(ray_str_from(text), arena, &expr, &error) != RAY_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    struct ray_expr_facts facts = {trace, field, annotation, service, edge};
    bool result = ray_expr_matches(expr, &facts);
    ray_arena_free(arena);
    return result;
}

/* web -> payment-api -> orders (DynamoDB). web answered 404 after payment-api's fault. */
static const struct ray_expr_service services[] = {
    {RAY_STR_INIT("web"), RAY_STR_INIT("AWS::EC2::Instance"), RAY_STR_INIT("123456789012")},
    {RAY_STR_INIT("payment-api"), RAY_STR_INIT("AWS::ECS::Container"),
     RAY_STR_INIT("123456789012")},
    {RAY_STR_INIT("orders"), RAY_STR_INIT("AWS::DynamoDB::Table"), RAY_STR_INIT("000000000000")},
};
static const struct ray_expr_edge edges[] = {
    {{RAY_STR_INIT("web"), RAY_STR_INIT("AWS::EC2::Instance"), RAY_STR_INIT("123456789012")},
     {RAY_STR_INIT("payment-api"), RAY_STR_INIT("AWS::ECS::Container"),
      RAY_STR_INIT("123456789012")}},
    {{RAY_STR_INIT("payment-api"), RAY_STR_INIT("AWS::ECS::Container"),
      RAY_STR_INIT("123456789012")},
     {RAY_STR_INIT("orders"), RAY_STR_INIT("AWS::DynamoDB::Table"), RAY_STR_INIT("000000000000")}},
};
static const struct fact facts[] = {
    {'t', 0, RAY_EXPR_OK, NULL, B(false)},
    {'t', 0, RAY_EXPR_ERROR, NULL, B(true)},
    {'t', 0, RAY_EXPR_FAULT, NULL, B(false)},
    {'t', 0, RAY_EXPR_THROTTLE, NULL, B(false)},
    {'t', 0, RAY_EXPR_PARTIAL, NULL, B(false)},
    {'t', 0, RAY_EXPR_INFERRED, NULL, B(true)},
    {'t', 0, RAY_EXPR_RESPONSE_TIME, NULL, D(2.5)},
    {'t', 0, RAY_EXPR_DURATION, NULL, D(6)},
    {'t', 0, RAY_EXPR_HTTP_STATUS, NULL, D(404)},
    {'t', 0, RAY_EXPR_HTTP_URL, NULL, Z("http://api.example.com/v2/api/game/health")},
    {'t', 0, RAY_EXPR_HTTP_METHOD, NULL, Z("POST")},
    {'t', 0, RAY_EXPR_HTTP_USER_AGENT, NULL, Z("curl/7.88")},
    {'t', 0, RAY_EXPR_HTTP_CLIENT_IP, NULL, Z("203.0.113.9")},
    {'t', 0, RAY_EXPR_USER, NULL, Z("alice")},
    {'t', 0, RAY_EXPR_USER, NULL, Z("svc-batch")},
    {'t', 0, RAY_EXPR_AVAILABILITY_ZONE, NULL, Z("us-east-1a")},
    {'t', 0, RAY_EXPR_INSTANCE_ID, NULL, Z("i-0aaa")},
    {'t', 0, RAY_EXPR_RESOURCE_ARN, NULL, Z("arn:aws:lambda:us-east-1:1:function:thumb")},
    {'t', 0, -1, "gameid", Z("817DL6VO")},
    {'t', 0, -1, "age", D(30)},
    {'t', 0, -1, "vip", B(true)},
    {'t', 0, -1, "basic", B(false)},
    {'t', 0, -1, "tier", Z("gold")},
    {'t', 0, -1, "city", Z("the \"Old\" town")},
    {'t', 0, -1, "http.route", Z("/v2/items")},
    {'t', 0, -1, "5xx", D(1)},
    {'t', 0, -1, "region", Z("eu")},
    {'t', 0, -1, "region", Z("us")},
    {'t', 0, -1, "order_id", Z("2026-17")},
    {'s', 0, RAY_EXPR_ROOT, NULL, B(true)},
    {'s', 0, RAY_EXPR_ERROR, NULL, B(true)},
    {'s', 0, RAY_EXPR_FAULT, NULL, B(false)},
    {'s', 0, RAY_EXPR_NAME, NULL, Z("web")},
    {'s', 1, RAY_EXPR_ROOT, NULL, B(false)},
    {'s', 1, RAY_EXPR_ERROR, NULL, B(false)},
    {'s', 1, RAY_EXPR_FAULT, NULL, B(true)},
    {'s', 1, RAY_EXPR_RESPONSE_TIME, NULL, D(1.5)},
    {'s', 1, -1, "retries", D(3)},
    {'s', 2, RAY_EXPR_INFERRED, NULL, B(true)},
    {'e', 0, RAY_EXPR_ERROR, NULL, B(false)},
    {'e', 0, RAY_EXPR_FAULT, NULL, B(true)},
    {'e', 0, RAY_EXPR_RESPONSE_TIME, NULL, D(1.6)},
};
static const struct trace shop = {facts, sizeof(facts) / sizeof(facts[0]), services, 3, edges, 2};

static const struct {
    const char *text;
    bool want;
} cases[] = {
    {"service(\"payment-api\") AND error", true},
    {"service(\"payment-api\") { error }", false},
    {"service(\"api.example.com\")", false},
    {"service() { fault }", true},
    {"service() { fault } AND !fault", true},
    {"!service(\"cache\")", true},
    {"service(\"web\") AND service(\"orders\")", true},
    {"service(\"web\") AND service(\"cache\")", false},
    {"service(\"cache\") OR service(\"orders\")", true},
    {"service(\"payment-api\") { fault = true OR responsetime > 2.5 }", true},
    {"service(\"payment-api\") { responsetime > 2.5 }", false},
    {"service(\"web\") { root = true and error = true }", true},
    {"service(\"payment-api\") { root = true and fault = true }", false},
    {"service(id(name: \"orders\", type: \"AWS::Lambda::Function\")) { error }", false},
    {"service(id(type: \"AWS::DynamoDB::Table\"))", true},
    {"service(id(type: \"AWS::DynamoDB::Table\")) { inferred }", true},
    {"service(id(account.id: \"123456789012\"))", true},
    {"service(id(account.id: \"999999999999\"))", false},
    {"edge(\"web\", \"payment-api\")", true},
    {"edge(\"payment-api\", \"web\")", false},
    {"edge(\"web\", \"payment-api\") { error }", false},
    {"edge(\"web\", \"payment-api\") { fault OR responsetime > 1 }", true},
    {"!edge(\"web\", \"legacy\")", true},
    {"edge(\"web\")", true},
    {"edge(, \"orders\")", true},
    {"edge()", true},
    {"edge(id(name: \"web\", type: \"AWS::EC2::Instance\"), id(name: \"payment-api\", type: "
     "\"AWS::ECS::Container\"))",
     true},
    {"ok", false},
    {"!ok", true},
    {"ok = false", true},
    {"error", true},
    {"fault", false},
    {"throttle", false},
    {"fault != true", true},
    {"partial", false},
    {"!ok !partial duration <7", true},
    {"!ok !partial duration <3", false},
    {"responsetime > 5", false},
    {"responseTime > 2", true},
    {"duration >= 5 AND duration <= 8", true},
    {"duration > 10 AND responsetime < 1", false},
    {"http.status = 404", true},
    {"http.status != 200", true},
    {"http.status >= 500 AND http.status < 600", false},
    {"http.url CONTAINS \"/api/game/\"", true},
    {"http.url BEGINSWITH \"http://api.example.com/\" AND http.url CONTAINS \"/v2/\" AND "
     "!service(\"api.example.com\")",
     true},
    {"http.url ENDSWITH \"/health\"", true},
    {"http.url", true},
    {"http.url AND responseTime > 2", true},
    {"http.method = \"POST\"", true},
    {"HTTP.Method = \"post\"", false},
    {"http.useragent CONTAINS \"curl\"", true},
    {"http.clientip = \"203.0.113.9\"", true},
    {"user = \"alice\"", true},
    {"user = \"bob\"", false},
    {"user CONTAINS \"\"", true},
    {"user BEGINSWITH \"svc-\" AND fault", false},
    {"user = alice", true},
    {"annotation.gameid = \"817DL6VO\"", true},
    {"annotation.age", true},
    {"!annotation.age", false},
    {"!annotation.missing", true},
    {"annotation.missing != \"x\"", false},
    {"annotation.age > 29", true},
    {"annotation.age = \"30\"", true},
    {"annotation.age != \"31\"", true},
    {"annotation.age CONTAINS \"3\"", false},
    {"annotation.age != \"thirty\"", false},
    {"annotation.gameid > 5", false},
    {"annotation.vip", true},
    {"annotation.vip = false", false},
    {"annotation.basic", false},
    {"annotation.basic = false", true},
    {"annotation.tier != \"basic\" AND annotation.tier", true},
    {"annotation.city CONTAINS \"\\\"Old\\\"\"", true},
    {"annotation[http.route] = \"/v2/items\"", true},
    {"annotation[\"http.route\"] = \"/v2/items\"", true},
    {"annotation[5xx] = 1", true},
    {"annotation.region = \"eu\" AND annotation.region = \"us\"", true},
    {"annotation.order_id BEGINSWITH \"2026-\"", true},
    {"Annotation.Tier = \"gold\"", false},
    {"service(\"payment-api\") { annotation.retries > 2 }", true},
    {"service(\"web\") { annotation.retries }", false},
    {"service() { name BEGINSWITH \"w\" }", true},
    {"availabilityzone = \"us-east-1a\"", true},
    {"instance.id = \"i-0aaa\"", true},
    {"resource.arn CONTAINS \":function:thumb\"", true},
    {"(service(\"web\") OR service(\"cache\")) AND fault", false},
    {"service(\"web\") OR service(\"cache\") AND fault", true},
    {"!(error AND partial)", true},
    {"!!error", true},
    {"responsetime=2.5", true},
    {"responsetime > -1e-3", true},
};

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (matches(&shop, cases[i].text) != cases[i].want) {
            fail_msg("%s: got %d", cases[i].text, !cases[i].want);
        }
    }
}

static const struct {
    const char *text;
    const char *problem; /* part of the message */
} refused[] = {
    {"service(\"x\"", "position 12: expected ')', found the end"},
    {"responsetime >", "position 15: expected a number, found the end"},
    {"nosuchkeyword = 1", "position 1: unknown keyword 'nosuchkeyword'"},
    {"responsetime = \"slow\"", "position 16: expected a number"},
    {"AND error", "position 1: expected a keyword"},
    {"error AND", "position 10: expected a keyword"},
    {"@@@", "position 1: Invalid input symbol '@'"},
    {"###", "Invalid input symbol '#'"},
    {"service(\"x\") { error", "position 21: expected '}'"},
    {"http.status CONTAINS \"4\"", "position 13: CONTAINS cannot be used here"},
    {"error )", "position 7: expected AND, OR or the end, found )"},
    {"", "empty"},
    {"  ", "empty"},
    {"service(", "expected a service name"},
    {"responsetime > \"x\"", "expected a number"},
    {"service(shop)", "in double quotes"},
    {"user = \"open", "no closing quote"},
    {"user = \"open\\", "no closing quote"},
    {"ok > 1", "cannot be used here"},
    {"ok = 1", "expected true or false"},
    {"ok = \"true\"", "expected true or false, found \"true\""},
    {"user > 5", "cannot be used here"},
    {"annotation.a > \"x\"", "does not compare"},
    {"annotation.a CONTAINS 5", "does not compare"},
    {"annotation.a.b = 1", "needs brackets: annotation[a.b]"},
    {"annotation = 1", "behind annotation"},
    {"annotation. = 1", "needs a key"},
    {"annotation[] = 1", "expected a key"},
    {"annotation[a-b] = 1", "position"},
    {"error OR", "expected a keyword"},
    {"error OR OR fault", "expected a keyword"},
    {"()", "expected a keyword"},
    {"root", "belongs inside a service() or edge() block"},
    {"name = traces", "belongs inside"},
    {"service() { service(\"x\") }", "cannot stand inside a block"},
    {"duration > 1x", "this is no number"},
    {"service(id(nam: \"x\"))", "expected name:, type: or account.id:"},
    {"group.name = \"slow\" AND user = \"alice\"", "groups (group.name) are not served yet"},
    {"group.arn = \"arn:aws:xray:us-east-1:123456789012:group/g/ID\"", "not served yet"},
    {"rootcause.fault.service { name = \"Auth\" }", "root causes (rootcause.*) are not served yet"},
    {"rootcause.json = #[{ \"Services\": [] }]", "not served yet"},
    {"service() { coverage > 0.5 }", "belongs inside a rootcause block"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct ray_arena *arena = ray_arena_new(1 << 20);
        struct ray_expr_error error = {""};
        const struct ray_expr *expr = NULL;
        enum ray_status status =
            ray_expr_parse(ray_str_from(refused[i].text), arena, &expr, &error);
        if (status != RAY_INVALID || strstr(error.text, refused[i].problem) == NULL) {
            fail_msg("%s: %s: %s", refused[i].text, ray_status_name(status), error.text);
        }
        ray_arena_free(arena);
    }
}

/* Is nesting capped, and is a long flat row not mistaken for it? */
static void test_bounds(void **state)
{
    (void)state;
    static char text[RAY_EXPR_MAX_BYTES + 2];
    struct ray_arena *arena = ray_arena_new(8 << 20);
    struct ray_expr_error error;
    const struct ray_expr *expr = NULL;
    memset(text, '(', 201);
    memcpy(text + 201, "ok", 3);
    assert_int_equal(ray_expr_parse(ray_str_from(text), arena, &expr, &error), RAY_INVALID);
    assert_non_null(strstr(error.text, "nested more than 200 deep"));
    memset(text, '!', RAY_EXPR_MAX_BYTES - 2);
    memcpy(text + RAY_EXPR_MAX_BYTES - 2, "ok", 3);
    assert_int_equal(ray_expr_parse(ray_str_from(text), arena, &expr, &error), RAY_OK);
    memset(text, ' ', RAY_EXPR_MAX_BYTES + 1);
    memcpy(text, "ok", 2);
    assert_int_equal(ray_expr_parse(ray_str_from(text), arena, &expr, &error), RAY_TOO_BIG);
    for (size_t i = 0; i + 3 <= RAY_EXPR_MAX_BYTES; i += 3) {
        memcpy(text + i, "ok ", 3);
    }
    text[RAY_EXPR_MAX_BYTES - 1] = '\0';
    assert_int_equal(ray_expr_parse(ray_str_from(text), arena, &expr, &error), RAY_OK);
    struct ray_expr_facts all = {&shop, field, annotation, service, edge};
    assert_false(ray_expr_matches(expr, &all));
    ray_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
