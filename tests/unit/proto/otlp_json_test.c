/* otlp_json: does the decoder follow the OTLP rules for JSON, and say what is wrong otherwise? */
#include "proto/otlp_decode.h"

#include "tests/unit/check.h"

#include <math.h>

#define ARENA_BYTES  (64u * 1024 * 1024)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct ray_arena *arena;

static int new_arena(void **state)
{
    (void)state;
    arena = ray_arena_new(ARENA_BYTES);
    return arena == NULL;
}

static int free_arena(void **state)
{
    (void)state;
    ray_arena_free(arena);
    return 0;
}

static const struct ray_span *decode_span(const char *span)
{
    static const struct ray_span nothing;
    struct ray_str body =
        ray_arena_printf(arena, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[%s]}]}]}", span);
    struct ray_request request;
    struct ray_decode_error error = {""};
    if (ray_otlp_json_decode(body, arena, &request, &error) != RAY_OK) {
        fail_msg("%s\n%s", error.text, span);
        return &nothing;
    }
    assert_int_equal(request.span_count, 1);
    return &request.resources[0].scopes[0].spans[0];
}

static const struct ray_value *decode_value(const char *value)
{
    struct ray_str span =
        ray_arena_printf(arena, "{\"attributes\":[{\"key\":\"k\",\"value\":{%s}}]}", value);
    return &decode_span(span.ptr)->attributes.items[0].value;
}

static void check_span(const struct ray_span *span)
{
    CHECK_STR(span->trace_id, "0123456789abcdeF");
    CHECK_STR(span->span_id, "01234567");
    CHECK_STR(span->parent_id, "\xab");
    CHECK_STR(span->trace_state, "a=b");
    CHECK_STR(span->name, "n\"");
    assert_int_equal(span->kind, RAY_SPAN_SERVER);
    assert_int_equal(span->start_unix_ns, 1544712660000000001);
    assert_int_equal(span->end_unix_ns, 18446744073709551615u);
    assert_int_equal(span->attributes.count, 1);
    assert_int_equal(span->dropped_attributes, 1);
    assert_int_equal(span->event_count, 2);
    CHECK_STR(span->events[0].name, "e");
    assert_int_equal(span->events[0].time_unix_ns, 5);
    assert_int_equal(span->events[0].dropped_attributes, 9);
    CHECK_STR(span->events[1].name, "");
    assert_int_equal(span->dropped_events, 2);
    assert_int_equal(span->link_count, 1);
    CHECK_STR(span->links[0].trace_id, "\x01");
    CHECK_STR(span->links[0].span_id, "\x02");
    CHECK_STR(span->links[0].trace_state, "l");
    assert_int_equal(span->links[0].flags, 768);
    assert_int_equal(span->dropped_links, 3);
    CHECK_STR(span->status_message, "m");
    assert_int_equal(span->status_code, RAY_SPAN_STATUS_ERROR);
    assert_int_equal(span->flags, 257);
}

static void every_field_of_a_span_is_read(void **state)
{
    (void)state;
    check_span(decode_span(
        "{\"traceId\":\"30313233343536373839616263646546\",\"spanId\":\"3031323334353637\","
        "\"parentSpanId\":\"aB\",\"traceState\":\"a=b\",\"name\":\"n\\\"\",\"kind\":2,"
        "\"startTimeUnixNano\":\"1544712660000000001\",\"endTimeUnixNano\":18446744073709551615,"
        "\"attributes\":[{}],\"droppedAttributesCount\":1,"
        "\"events\":[{\"name\":\"e\",\"timeUnixNano\":\"5\",\"droppedAttributesCount\":\"9\"},{}],"
        "\"droppedEventsCount\":2,\"links\":[{\"traceId\":\"01\",\"spanId\":\"02\","
        "\"traceState\":\"l\",\"attributes\":[],\"flags\":768}],\"droppedLinksCount\":3,"
        "\"status\":{\"message\":\"m\",\"code\":2},\"flags\":257}"));
}

static void protobuf_names_and_enum_names_are_read_too(void **state)
{
    (void)state;
    check_span(decode_span(
        "{\"trace_id\":\"30313233343536373839616263646546\",\"span_id\":\"3031323334353637\","
        "\"parent_span_id\":\"Ab\",\"trace_state\":\"a=b\",\"name\":\"n\\u0022\","
        "\"kind\":\"SPAN_KIND_SERVER\",\"start_time_unix_nano\":1544712660000000001,"
        "\"end_time_unix_nano\":\"18446744073709551615\",\"attributes\":[null],"
        "\"dropped_attributes_count\":1,\"events\":[{\"name\":\"e\",\"time_unix_nano\":5,"
        "\"dropped_attributes_count\":9},null],\"dropped_events_count\":2,"
        "\"links\":[{\"trace_id\":\"01\",\"span_id\":\"02\",\"trace_state\":\"l\","
        "\"flags\":768}],\"dropped_links_count\":3,"
        "\"status\":{\"code\":\"STATUS_CODE_ERROR\",\"message\":\"m\"},\"flags\":257}"));
}

static void resource_and_scope_are_read(void **state)
{
    (void)state;
    struct ray_request request;
    CHECK_OK(ray_otlp_json_decode(
        RAY_STR(" {\"resourceSpans\" : [ {\"resource\":{\"attributes\":[{\"key\":\"service.name\","
                "\"value\":{\"stringValue\":\"s\"}}],\"droppedAttributesCount\":1},"
                "\"schemaUrl\":\"u\",\"scopeSpans\":[{\"scope\":{\"name\":\"n\",\"version\":\"v\","
                "\"attributes\":[{\"key\":\"a\"}],\"droppedAttributesCount\":2},"
                "\"schemaUrl\":\"w\",\"spans\":[{},{}]},{}]},{}] } "),
        arena, &request, NULL));
    assert_int_equal(request.resource_count, 2);
    assert_int_equal(request.span_count, 2);
    const struct ray_resource_spans *resource = &request.resources[0];
    CHECK_STR(ray_attributes_string(&resource->attributes, RAY_STR("service.name")), "s");
    CHECK_STR(resource->schema_url, "u");
    assert_int_equal(resource->dropped_attributes, 1);
    assert_int_equal(resource->scope_count, 2);
    CHECK_STR(resource->scopes[0].name, "n");
    CHECK_STR(resource->scopes[0].version, "v");
    CHECK_STR(resource->scopes[0].attributes.items[0].key, "a");
    CHECK_STR(resource->scopes[0].schema_url, "w");
    assert_int_equal(resource->scopes[0].dropped_attributes, 2);
}

static void integers_are_read_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"\"42\"", 42},
        {"\"-42\"", -42},
        {"9223372036854775807", INT64_MAX},
        {"\"-9223372036854775808\"", INT64_MIN},
        {"1e3", 1000},
        {"\"1e3\"", 1000},
        {"1E+3", 1000},
        {"1.5e1", 15},
        {"-1.50e1", -15},
        {"1000e-3", 1},
        {"3.0", 3},
        {"0.0e99999", 0},
        {"0.0000000000000000000001e22", 1},
        {"1.000000000000000000000000", 1},
        {"922337203685477580700e-2", INT64_MAX},
        {"9.223372036854775807e18", INT64_MAX},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char json[64];
        snprintf(json, sizeof(json), "\"intValue\":%s", cases[i].json);
        const struct ray_value *value = decode_value(json);
        if (value->kind != RAY_VALUE_INT || value->as.integer != cases[i].value) {
            fail_msg("%s: kind %d, value %lld", json, (int)value->kind,
                     (long long)value->as.integer);
        }
    }
}

static void doubles_are_read_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        double value;
    } cases[] = {
        {"1.5", 1.5},     {"-2", -2},
        {"\"1.5\"", 1.5}, {"1e300", 1e300},
        {"1e-999", 0},    {"\"Infinity\"", INFINITY},
        {"0.1", 0.1},     {"\"-Infinity\"", -INFINITY},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char json[64];
        snprintf(json, sizeof(json), "\"doubleValue\":%s", cases[i].json);
        const struct ray_value *value = decode_value(json);
        if (value->kind != RAY_VALUE_DOUBLE || value->as.number != cases[i].value) {
            fail_msg("%s: kind %d, value %g", json, (int)value->kind, value->as.number);
        }
    }
    assert_true(isnan(decode_value("\"doubleValue\":\"NaN\"")->as.number));
}

static void other_values_are_read(void **state)
{
    (void)state;
    CHECK_STR(decode_value("\"stringValue\":\"\\u00e9\\ud83d\\ude00\"")->as.string, "é😀");
    assert_int_equal(decode_value("\"stringValue\":\"\"")->kind, RAY_VALUE_STRING);
    assert_true(decode_value("\"boolValue\":true")->as.boolean);
    assert_int_equal(decode_value("\"bool_value\":false")->kind, RAY_VALUE_BOOL);
    CHECK_VIEW(decode_value("\"bytesValue\":\"AP8=\"")->as.string, RAY_STR("\0\xff"));
    CHECK_VIEW(decode_value("\"bytesValue\":\"_-8\"")->as.string, RAY_STR("\xff\xef"));
    assert_int_equal(decode_value("\"bytesValue\":\"\"")->kind, RAY_VALUE_BYTES);
    const struct ray_value *list =
        decode_value("\"arrayValue\":{\"values\":[{\"intValue\":1},null,{}]}");
    assert_int_equal(list->as.list.count, 3);
    assert_int_equal(list->as.list.items[0].as.integer, 1);
    assert_int_equal(list->as.list.items[1].kind, RAY_VALUE_NONE);
    assert_int_equal(decode_value("\"arrayValue\":{}")->kind, RAY_VALUE_LIST);
    const struct ray_value *map = decode_value("\"kvlistValue\":{\"values\":[{\"key\":\"a\","
                                               "\"value\":{\"arrayValue\":{\"values\":[{}]}}}]}");
    assert_int_equal(map->kind, RAY_VALUE_MAP);
    CHECK_STR(map->as.map.items[0].key, "a");
    assert_int_equal(map->as.map.items[0].value.as.list.count, 1);
}

static void null_is_absence_and_unknown_keys_are_ignored(void **state)
{
    (void)state;
    const struct ray_span *span = decode_span(
        "{\"traceId\":null,\"name\":null,\"kind\":null,\"startTimeUnixNano\":null,\"events\":null,"
        "\"attributes\":null,\"status\":null,\"droppedLinksCount\":null,"
        "\"new\":{\"spans\":[1,{\"a\":[[]]}]},\"Name\":\"x\",\"\":\"y\",\"flags\":1}");
    assert_int_equal(span->trace_id.len, 0);
    assert_int_equal(span->name.len, 0);
    assert_int_equal(span->attributes.count, 0);
    assert_int_equal(span->flags, 1);
    assert_int_equal(decode_value("\"stringValue\":null")->kind, RAY_VALUE_NONE);
    assert_int_equal(decode_value("\"newValue\":1")->kind, RAY_VALUE_NONE);
}

static void the_last_of_a_key_counts(void **state)
{
    (void)state;
    const struct ray_span *span =
        decode_span("{\"name\":\"a\",\"attributes\":[{},{}],\"name\":\"b\",\"attributes\":[{}],"
                    "\"status\":{\"message\":\"m\"},\"status\":{\"code\":1}}");
    CHECK_STR(span->name, "b");
    assert_int_equal(span->attributes.count, 1);
    CHECK_STR(span->status_message, "");
    assert_int_equal(decode_value("\"stringValue\":\"s\",\"intValue\":3")->as.integer, 3);
    struct ray_request request;
    CHECK_OK(ray_otlp_json_decode(
        RAY_STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{},{},{}],\"spans\":[{}]}]}]}"),
        arena, &request, NULL));
    assert_int_equal(request.span_count, 1);
}

static void ids_that_are_not_hex_have_no_valid_length(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "zz313233343536373839616263646566",
        "3031323334353637383961626364656",
        "MDEyMzQ1Njc=",
        "x",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char json[128];
        snprintf(json, sizeof(json), "{\"traceId\":\"%s\",\"spanId\":\"3031323334353637\"}",
                 bad[i]);
        const struct ray_span *span = decode_span(json);
        assert_false(ray_span_has_ids(span));
        assert_int_equal(span->trace_id.len, 1);
        CHECK_STR(span->span_id, "01234567");
    }
}

static void unknown_enum_names_are_unspecified(void **state)
{
    (void)state;
    const struct ray_span *span =
        decode_span("{\"kind\":\"SPAN_KIND_NEW\",\"status\":{\"code\":\"STATUS_CODE_NEW\"}}");
    assert_int_equal(span->kind, RAY_SPAN_UNSPECIFIED);
    assert_int_equal(span->status_code, RAY_SPAN_STATUS_UNSET);
    assert_int_equal(decode_span("{\"kind\":99}")->kind, 99);
    assert_int_equal(decode_span("{\"kind\":-2147483648}")->kind, INT32_MIN);
}

static void malformed_requests_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *error; /* part of it */
    } cases[] = {
        {"", "byte 0: the text ends where a value belongs"},
        {"[]", "byte 0: expected an object with resourceSpans"},
        {"null", "byte 0: expected an object with resourceSpans"},
        {"{\"resourceSpans\":{}}", "byte 17, at or after \"resourceSpans\": expected an array"},
        {"{\"resourceSpans\":[1]}", "byte 18, at or after \"resourceSpans\": expected an object"},
        {"{\"resourceSpans\":[}", "\"resourceSpans\": expected a value"},
        {"{\"resourceSpans\":[{},]}", "\"resourceSpans\": expected a value"},
        {"{\"resourceSpans\":[]", "\"resourceSpans\": expected , or }"},
        {"{\"resourceSpans\":[]}x", "byte 20"},
        {"{\"other\":tru}", "byte 9"},
        {"{\"resourceSpans\":[{\"schemaUrl\":1}]}", "\"schemaUrl\": expected a string"},
        {"{\"resourceSpans\":[{\"schemaUrl\":\"a\nb\"}]}", "\"schemaUrl\": control character"},
        {"{\"resourceSpans\":[{\"schemaUrl\":\"\\x\"}]}", "\"schemaUrl\": unknown escape"},
        {"\x0a\x10 protobuf", "byte 1: expected a value"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ray_request request = {.span_count = 99};
        struct ray_decode_error error = {""};
        struct ray_str body = ray_str_from(cases[i].json);
        assert_int_equal(ray_otlp_json_decode(body, arena, &request, &error), RAY_INVALID);
        assert_int_equal(ray_otlp_json_decode(body, arena, &request, NULL), RAY_INVALID);
        assert_int_equal(request.span_count, 99);
        if (strstr(error.text, cases[i].error) == NULL) {
            fail_msg("%s\ngot  %s\nwant %s", cases[i].json, error.text, cases[i].error);
        }
    }
}

static void values_of_the_wrong_kind_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        const char *error;
    } cases[] = {
        {"\"traceId\":1", "\"traceId\": expected a string"},
        {"\"kind\":1.5", "\"kind\": not an integer"},
        {"\"kind\":2147483648", "\"kind\": an integer out of its range"},
        {"\"kind\":{}", "\"kind\": expected a number"},
        {"\"startTimeUnixNano\":-1", "\"startTimeUnixNano\": an integer out of its range"},
        {"\"startTimeUnixNano\":18446744073709551616", "\"startTimeUnixNano\": not an integer"},
        {"\"startTimeUnixNano\":\" 1\"", "\"startTimeUnixNano\": not an integer"},
        {"\"startTimeUnixNano\":\"\"", "\"startTimeUnixNano\": not an integer"},
        {"\"startTimeUnixNano\":\"-\"", "\"startTimeUnixNano\": not an integer"},
        {"\"startTimeUnixNano\":\"1.2.3\"", "\"startTimeUnixNano\": not an integer"},
        {"\"startTimeUnixNano\":\"1e\"", "\"startTimeUnixNano\": not an integer"},
        {"\"startTimeUnixNano\":\"0x10\"", "\"startTimeUnixNano\": not an integer"},
        {"\"startTimeUnixNano\":1e9999999999999999999", "\"startTimeUnixNano\": not an integer"},
        {"\"startTimeUnixNano\":1e20", "\"startTimeUnixNano\": not an integer"},
        {"\"flags\":4294967296", "\"flags\": an integer out of its range"},
        {"\"status\":[]", "\"status\": expected an object"},
        {"\"events\":{\"a\":1}", "\"events\": expected an array"},
        {"\"attributes\":[{\"value\":1}]", "\"value\": expected an object"},
        {"\"attributes\":[{\"value\":{\"intValue\":true}}]", "\"intValue\": expected a number"},
        {"\"attributes\":[{\"value\":{\"intValue\":9223372036854775808}}]",
         "\"intValue\": an integer out of its range"},
        {"\"attributes\":[{\"value\":{\"boolValue\":\"true\"}}]", "\"boolValue\": expected"},
        {"\"attributes\":[{\"value\":{\"doubleValue\":\"nan\"}}]", "\"doubleValue\": not a double"},
        {"\"attributes\":[{\"value\":{\"doubleValue\":1e999}}]", "\"doubleValue\": not a double"},
        {"\"attributes\":[{\"value\":{\"bytesValue\":\"*\"}}]", "\"bytesValue\": not base64"},
        {"\"attributes\":[{\"value\":{\"arrayValue\":[]}}]", "\"arrayValue\": expected an object"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ray_request request;
        struct ray_decode_error error = {""};
        struct ray_str body = ray_arena_printf(
            arena, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{%s}]}]}]}", cases[i].member);
        assert_int_equal(ray_otlp_json_decode(body, arena, &request, &error), RAY_INVALID);
        if (strstr(error.text, cases[i].error) == NULL) {
            fail_msg("%s\ngot  %s\nwant %s", cases[i].member, error.text, cases[i].error);
        }
    }
}

static void a_cut_request_is_never_taken(void **state)
{
    (void)state;
    struct ray_str body =
        RAY_STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"\\u0041\","
                "\"attributes\":[{\"key\":\"k\",\"value\":{\"arrayValue\":{\"values\":["
                "{\"intValue\":12}]}}}],\"status\":null}]}]}]}");
    struct ray_request request;
    CHECK_OK(ray_otlp_json_decode(body, arena, &request, NULL));
    for (size_t len = 0; len < body.len; len++) {
        assert_int_equal(ray_otlp_json_decode(ray_str_until(body, len), arena, &request, NULL),
                         RAY_INVALID);
    }
}

static struct ray_str nested_request(unsigned depth, const char *open, const char *close)
{
    struct ray_buf buf;
    ray_buf_init(&buf, 1u << 20);
    ray_buf_append(&buf, RAY_STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{"
                                 "\"attributes\":[{\"key\":\"k\",\"value\":{"));
    for (unsigned i = 1; i < depth; i++) {
        ray_buf_append(&buf, ray_str_from(open));
    }
    for (unsigned i = 1; i < depth; i++) {
        ray_buf_append(&buf, ray_str_from(close));
    }
    ray_buf_append(&buf, RAY_STR("}}]}]}]}]}"));
    struct ray_str body = ray_arena_copy(arena, ray_buf_str(&buf));
    ray_buf_clear(&buf);
    return body;
}

static void nesting_is_capped(void **state)
{
    (void)state;
    static const char list[] = "\"arrayValue\":{\"values\":[{";
    static const char map[] = "\"kvlistValue\":{\"values\":[{\"value\":{";
    struct ray_request request;
    struct ray_decode_error error = {""};
    CHECK_OK(ray_otlp_json_decode(nested_request(64, list, "}]}"), arena, &request, &error));
    CHECK_OK(ray_otlp_json_decode(nested_request(64, map, "}}]}"), arena, &request, &error));
    assert_int_equal(ray_otlp_json_decode(nested_request(65, list, "}]}"), arena, &request, &error),
                     RAY_TOO_BIG);
    assert_non_null(strstr(error.text, "nested deeper than 64"));
    assert_int_equal(ray_otlp_json_decode(nested_request(65, map, "}}]}"), arena, &request, NULL),
                     RAY_TOO_BIG);
    assert_int_equal(
        ray_otlp_json_decode(nested_request(5000, list, "}]}"), arena, &request, &error),
        RAY_TOO_BIG);
    assert_int_equal(
        ray_otlp_json_decode(nested_request(5000, "\"x\":{", "}"), arena, &request, &error),
        RAY_INVALID);
}

static void spans_of_one_request_are_counted(void **state)
{
    (void)state;
    for (size_t count = 100000; count <= 100001; count++) {
        struct ray_buf body;
        struct ray_request request;
        struct ray_decode_error error = {""};
        ray_buf_init(&body, 1u << 20);
        ray_buf_append(&body, RAY_STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{}"));
        for (size_t i = 1; i < count; i++) {
            ray_buf_append(&body, RAY_STR(",{}"));
        }
        ray_buf_append(&body, RAY_STR("]}]}]}"));
        enum ray_status status = ray_otlp_json_decode(ray_buf_str(&body), arena, &request, &error);
        assert_int_equal(status, count == 100000 ? RAY_OK : RAY_TOO_BIG);
        ray_buf_clear(&body);
    }
}

static void items_of_one_list_are_counted(void **state)
{
    (void)state;
    for (size_t count = 100000; count <= 100001; count++) {
        struct ray_buf body;
        struct ray_request request;
        struct ray_decode_error error = {""};
        ray_buf_init(&body, 1u << 20);
        ray_buf_append(&body, RAY_STR("{\"resourceSpans\":[{\"resource\":{\"attributes\":[{}"));
        for (size_t i = 1; i < count; i++) {
            ray_buf_append(&body, RAY_STR(",{}"));
        }
        ray_buf_append(&body, RAY_STR("]}}]}"));
        enum ray_status status = ray_otlp_json_decode(ray_buf_str(&body), arena, &request, &error);
        assert_int_equal(status, count == 100000 ? RAY_OK : RAY_TOO_BIG);
        ray_buf_clear(&body);
    }
}

static void a_small_arena_is_a_reason_not_a_crash(void **state)
{
    (void)state;
    struct ray_str body =
        RAY_STR("{\"resourceSpans\":[{\"schemaUrl\":\"\\u0041bcdefghijklmnop\",\"scopeSpans\":"
                "[{\"spans\":[{\"traceId\":\"30313233343536373839616263646566\","
                "\"attributes\":[{\"value\":{\"bytesValue\":\"AAAAAAAA\"}}]}]}]}]}");
    enum ray_status status = RAY_NOMEM;
    size_t tries = 0;
    for (size_t quota = 0; status != RAY_OK; quota += 16, tries++) {
        struct ray_arena *small = ray_arena_new(quota);
        struct ray_request request;
        status = ray_otlp_json_decode(body, small, &request, NULL);
        assert_true(status == RAY_OK || status == RAY_NOMEM);
        ray_arena_free(small);
    }
    assert_true(tries > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_of_a_span_is_read, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(protobuf_names_and_enum_names_are_read_too, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(resource_and_scope_are_read, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(integers_are_read_in_every_spelling, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(doubles_are_read_in_every_spelling, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(other_values_are_read, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(null_is_absence_and_unknown_keys_are_ignored, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(the_last_of_a_key_counts, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(ids_that_are_not_hex_have_no_valid_length, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(unknown_enum_names_are_unspecified, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(malformed_requests_are_refused_with_a_reason, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(values_of_the_wrong_kind_are_refused, new_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(a_cut_request_is_never_taken, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(nesting_is_capped, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(spans_of_one_request_are_counted, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(items_of_one_list_are_counted, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(a_small_arena_is_a_reason_not_a_crash, new_arena,
                                        free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
