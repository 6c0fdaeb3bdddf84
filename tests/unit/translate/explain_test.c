/* Does an explanation name what wrote each field? */
#include "tests/unit/check.h"
#include "translate/explain.h"

#define STRING(name, text)                                                                         \
    {                                                                                              \
        RAY_STR_INIT(name),                                                                        \
        {                                                                                          \
            .kind = RAY_VALUE_STRING, .as.string = RAY_STR_INIT(text)                              \
        }                                                                                          \
    }
#define INT(name, number)                                                                          \
    {                                                                                              \
        RAY_STR_INIT(name),                                                                        \
        {                                                                                          \
            .kind = RAY_VALUE_INT, .as.integer = (number)                                          \
        }                                                                                          \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct ray_attribute span_items[] = {
    STRING("http.request.method", "GET"),
    STRING("url.full", "https://shop.example/cart?a=b"),
    INT("http.response.status_code", 503),
    STRING("peer.service", "sh!op"),
    STRING("weird key!", "v"),
    STRING("app.tenant", "t1"),
    STRING("aws.xray.metadata.cart", "{\"items\":[1,2]}"),
    STRING("db.system.name", "mysql"),
    STRING("db.namespace", "orders"),
    STRING("server.address", "db.example"),
};
static const struct ray_attribute resource_items[] = {
    STRING("service.name", "front"),
    STRING("cloud.platform", "aws_ec2"),
    STRING("host.id", "i-0123456789abcdef0"),
};
static const struct ray_attribute event_items[] = {
    STRING("exception.type", "IOError"),
    STRING("exception.message", "disk\ttorn"),
};

static void explain_span(const struct ray_span *span, const char *document, const char *want)
{
    struct ray_attributes resource = {resource_items, COUNT(resource_items)};
    static const struct ray_str indexed[] = {RAY_STR_INIT("app.*"),
                                             RAY_STR_INIT("app.tenant -> the tenant"),
                                             RAY_STR_INIT("otel.resource.host.id -> host")};
    struct ray_explained explained = {span, &resource, 7, indexed, COUNT(indexed)};
    struct ray_arena *arena = ray_arena_new(1u << 20);
    struct ray_buf out;
    ray_buf_init(&out, 1u << 20);
    CHECK_OK(ray_explain(ray_str_from(document), &explained, arena, &out));
    CHECK_BUF(&out, want);
    ray_buf_clear(&out);
    ray_arena_free(arena);
}

/* What `document` becomes, a line per field, without the number. */
static void check_explained(const char *document, const char *want)
{
    struct ray_event event = {.name = RAY_STR("exception"),
                              .attributes = {event_items, COUNT(event_items)}};
    struct ray_span span = {.name = RAY_STR("GET"),
                            .attributes = {span_items, COUNT(span_items)},
                            .events = &event,
                            .event_count = 1};
    explain_span(&span, document, want);
}

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        const char *document, *want;
    } cases[] = {
        {"{\"http\":{\"request\":{\"method\":\"GET\"}}}",
         "7\thttp.request.method\t\"GET\"\tspan:http.request.method\thttp\tAR\n"},
        {"{\"http\":{\"request\":{},\"response\":{\"status\":503}}}",
         "7\thttp.response.status\t503\tspan:http.response.status_code\thttp\tAR\n"},
        {"{\"http\":{\"response\":{\"content_length\":0}}}",
         "7\thttp.response.content_length\t0\t-\thttp\tR\n"},
        {"{\"fault\":true}", "7\tfault\ttrue\tspan:http.response.status_code\ttop\tAR\n"},
        {"{\"name\":\"shop\"}", "7\tname\t\"shop\"\tspan:peer.service\tname\tR\n"},
        {"{\"name\":\"orders@db.example\"}",
         "7\tname\t\"orders@db.example\"\tspan:db.namespace\tD06\tO\n"},
        {"{\"name\":\"front\"}", "7\tname\t\"front\"\tresource:service.name\tname\tAR\n"},
        {"{\"namespace\":\"remote\"}", "7\tnamespace\t\"remote\"\tfield:kind\tnamespace\tARN\n"},
        {"{\"origin\":\"AWS::EC2::Instance\"}",
         "7\torigin\t\"AWS::EC2::Instance\"\tresource:cloud.platform\torigin\tAR\n"},
        {"{\"sql\":{\"connection_string\":\"db.example/orders\"}}",
         "7\tsql.connection_string\t\"db.example/orders\"\tspan:server.address\tD07\tO\n"},
        {"{\"aws\":{\"ec2\":{\"ami_id\":null,\"instance_id\":\"i-0123456789abcdef0\"}}}",
         "7\taws.ec2.ami_id\tnull\t-\taws\tAR\n"
         "7\taws.ec2.instance_id\t\"i-0123456789abcdef0\"\tresource:host.id\taws\tAR\n"},
        {"{\"cause\":{\"exceptions\":[{\"type\":\"IOError\",\"message\":\"disk\\ttorn\"}]}}",
         "7\tcause.exceptions[0].type\t\"IOError\"\tevent:exception.type\tcause\tAR\n"
         "7\tcause.exceptions[0].message\t\"disk\\ttorn\"\tevent:exception.message\tcause\tAR\n"},
        {"{\"annotations\":{\"weird_key_\":\"v\",\"otel.resource.service.name\":\"front\"}}",
         "7\tannotations.weird_key_\t\"v\"\tspan:weird key!\tannotation\tAR\n"
         "7\tannotations.otel.resource.service.name\t\"front\"\tresource:service.name\t"
         "annotation\tR\n"},
        {"{\"annotations\":{\"host\":\"i-0123456789abcdef0\"}}",
         "7\tannotations.host\t\"i-0123456789abcdef0\"\tresource:host.id\tannotation\tR\n"},
        {"{\"annotations\":{\"the_tenant\":\"t1\"}}",
         "7\tannotations.the_tenant\t\"t1\"\tspan:app.tenant\tannotation\tAR\n"},
        {"{\"metadata\":{\"default\":{\"app.tenant\":\"t1\"},\"cart\":{\"items\":[1,2]}}}",
         "7\tmetadata.default.app.tenant\t\"t1\"\tspan:app.tenant\tannotation\tR\n"
         "7\tmetadata.cart.items\t[1,2]\tspan:aws.xray.metadata.cart\tannotation\tR\n"},
        {"{\"metadata\":{\"otel.events\":[{\"name\":\"e\"}],\"otel.span\":{\"kind\":\"CLIENT\"}}}",
         "7\tmetadata.otel.events\t[{\"name\":\"e\"}]\tfield:events\tpreserve\tO\n"
         "7\tmetadata.otel.span.kind\t\"CLIENT\"\tfield:kind\tpreserve\tO\n"},
        {"{\"never\":{\"heard\":1}}", "7\tnever.heard\t1\t-\t-\t-\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_explained(cases[i].document, cases[i].want);
    }
}

static void test_what_only_a_segment_had(void **state)
{
    (void)state;
    static const struct ray_attribute items[] = {
        {RAY_STR_INIT("aws.xray.segment"), {.kind = RAY_VALUE_BOOL, .as.boolean = true}},
        STRING("aws.xray.field.sql.preparation", "statement"),
        {RAY_STR_INIT("aws.xray.field.odd"), {.kind = RAY_VALUE_MAP}},
    };
    static const struct {
        const char *document, *want;
    } cases[] = {
        {"{\"sql\":{\"preparation\":\"statement\"}}",
         "7\tsql.preparation\t\"statement\"\tspan:aws.xray.field.sql.preparation\tD28\tO\n"},
        {"{\"odd\":{\"a\":1},\"odder\":2}",
         "7\todd.a\t1\tspan:aws.xray.field.odd\tD28\tO\n7\todder\t2\t-\t-\t-\n"},
        {"{\"odd\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":1}}}}}}}}}",
         "7\todd.b.c.d.e.f.g.h.i\t1\tspan:aws.xray.field.odd\tD28\tO\n"},
    };
    struct ray_span span = {.attributes = {items, COUNT(items)}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        explain_span(&span, cases[i].document, cases[i].want);
    }
}

static void test_a_long_value_is_cut(void **state)
{
    (void)state;
    char document[300], want[300];
    snprintf(document, sizeof(document), "{\"never\":\"%0200d\"}", 0);
    snprintf(want, sizeof(want), "7\tnever\t\"%079d...\t-\t-\t-\n", 0);
    check_explained(document, want);
}

static void test_what_is_no_document(void **state)
{
    (void)state;
    static const char *const broken[] = {"", "{", "{\"a\":1}}"};
    struct ray_span span = {0};
    struct ray_attributes none = {0};
    struct ray_explained explained = {&span, &none, 1, NULL, 0};
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct ray_arena *arena = ray_arena_new(1u << 20);
        struct ray_buf out;
        ray_buf_init(&out, 1u << 20);
        assert_int_equal(ray_explain(ray_str_from(broken[i]), &explained, arena, &out),
                         RAY_INVALID);
        ray_buf_clear(&out);
        ray_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_what_only_a_segment_had),
        cmocka_unit_test(test_a_long_value_is_cut),
        cmocka_unit_test(test_what_is_no_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
