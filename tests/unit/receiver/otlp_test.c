/* otlp: are the collector's keys read, bounded or refused by name, and do the two transports come
 * up, share one budget and go down together? */
#include "tests/unit/check.h"

#include <string.h>

#include "receiver/otlp.h"
#include "tests/unit/receiver/rig.h"

struct read_options {
    struct ray_arena *arena;
    struct ray_problems problems;
    struct ray_otlp_options options;
    enum ray_status status;
};

static void read_yaml(struct read_options *r, const char *text)
{
    *r = (struct read_options){.arena = ray_arena_new(1 << 20)};
    ray_problems_init(&r->problems);
    struct ray_yaml *node = NULL;
    CHECK_OK(ray_yaml_parse(ray_str_from(text), "test.yaml", r->arena, &r->problems, &node));
    r->status = ray_options_read(ray_otlp_option_table, node, "receivers.otlp", r->arena,
                                 &r->problems, &r->options);
    if (r->status == RAY_OK) {
        r->status = ray_otlp_receiver_check(&r->options, node, "receivers.otlp", &r->problems);
    }
}

static void read_clear(struct read_options *r)
{
    ray_problems_clear(&r->problems);
    ray_arena_free(r->arena);
}

static void test_defaults(void **state)
{
    (void)state;
    struct read_options r;
    read_yaml(&r, "protocols:\n  grpc:\n  http:\n");
    CHECK_OK(r.status);
    assert_true(r.options.protocols.grpc_on && r.options.protocols.http_on);
    CHECK_STR(r.options.protocols.grpc.endpoint, "localhost:4317");
    CHECK_STR(r.options.protocols.http.endpoint, "localhost:4318");
    CHECK_STR(r.options.protocols.http.traces_url_path, "/v1/traces");
    assert_int_equal(r.options.protocols.grpc.keepalive_time_ms, 20000);
    assert_int_equal(r.options.protocols.grpc.keepalive_timeout_ms, 10000);
    assert_int_equal(r.options.protocols.grpc.max_concurrent_streams, 16);
    assert_int_equal(r.options.protocols.http.max_request_body_size, 20971520);
    assert_int_equal(r.options.max_in_flight_mib, 24);
    read_clear(&r);
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        bool good;
        const char *says; /* among problems or warnings */
    } cases[] = {
        {"protocols: {grpc: }", true, ""},
        {"protocols:\n", false, "test.yaml:1:11: receivers.otlp.protocols: no protocol is named"},
        {"", false, "no protocol is named"},
        {"protocols: {grpc: {endpoint: \"0.0.0.0:4317\", transport: tcp4}}", true, ""},
        {"protocols: {grpc: {transport: unix}}", false, "tcp"},
        {"protocols: {grpc: {endpoint: nowhere}}", false,
         "test.yaml:1:30: receivers.otlp.protocols.grpc.endpoint: nowhere: no port"},
        {"protocols: {grpc: {keepalive: {server_parameters: {max_connection_age: 1m, time: 0}}}}",
         true, ""},
        {"protocols: {grpc: {keepalive: {enforcement_policy: {min_time: 10s}}}}", true, ""},
        {"protocols: {grpc: {read_buffer_size: 524288, include_metadata: true}}", true,
         "read_buffer_size"},
        {"protocols: {grpc: {tls: {cert_file: a}}}", false, "TLS is not served"},
        {"protocols: {http: {auth: {authenticator: x}}}", false, "not authenticated"},
        {"protocols: {http: {cors: {allowed_origins: [x]}}}", false, "cors"},
        {"protocols: {http: {compression_algorithms: [gzip, snappy]}}", true, "snappy"},
        {"protocols: {http: {compression_algorithms: [gzpi]}}", false, "gzpi"},
        {"protocols: {http: {max_request_body_size: -1}}", false, "max_request_body_size"},
        {"protocols: {http: {metrics_url_path: /m, keep_alives_enabled: false}}", true,
         "metrics_url_path"},
        {"protocols: {http: {enpoint: x}}", false, "did you mean 'endpoint'"},
        {"protocols: {http: {traces_url_path: \"\"}}", false, "traces_url_path"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct read_options r;
        read_yaml(&r, cases[i].yaml);
        print_message("case %zu: %.*s%.*s\n", i, RAY_STR_ARG(ray_buf_str(&r.problems.text)),
                      RAY_STR_ARG(ray_buf_str(&r.problems.warning_text)));
        assert_int_equal(r.status == RAY_OK, cases[i].good);
        assert_true(
            ray_str_find(ray_buf_str(&r.problems.text), ray_str_from(cases[i].says)) != SIZE_MAX ||
            ray_str_find(ray_buf_str(&r.problems.warning_text), ray_str_from(cases[i].says)) !=
                SIZE_MAX);
        read_clear(&r);
    }
}

static struct ray_otlp_receiver *receiver_of(struct rig *rig, const char *grpc, const char *http)
{
    struct ray_otlp_options options = {
        .protocols = {.grpc_on = true,
                      .http_on = true,
                      .grpc = {.endpoint = ray_str_from(grpc)},
                      .http = {.endpoint = ray_str_from(http),
                               .traces_url_path = RAY_STR("/v1/traces")}},
        .max_in_flight_mib = 24};
    struct ray_receiver_environment environment = {
        .id = "otlp", .intake = rig->intake, .metrics = rig->metrics, .clock = &ray_clock_system};
    struct ray_otlp_receiver *receiver = ray_otlp_receiver_new(&options, &environment);
    assert_non_null(receiver);
    return receiver;
}

static void test_ports(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    struct ray_net_error error = {.text = ""};
    struct ray_otlp_receiver *first = receiver_of(&rig, "localhost:0", "127.0.0.1:0");
    CHECK_OK(ray_otlp_receiver_start(first, &error));
    uint16_t grpc = ray_otlp_receiver_grpc_port(first);
    uint16_t http = ray_otlp_receiver_http_port(first);
    assert_true(grpc != 0 && http != 0 && grpc != http);

    /* whichever port is taken, the error names its key, and nothing stays open */
    char taken[2][64];
    snprintf(taken[0], sizeof(taken[0]), "127.0.0.1:%u", grpc);
    snprintf(taken[1], sizeof(taken[1]), "127.0.0.1:%u", http);
    static const char *const keys[] = {"protocols.grpc.endpoint: ", "protocols.http.endpoint: "};
    for (int i = 0; i < 2; i++) {
        struct ray_otlp_receiver *second =
            receiver_of(&rig, i == 0 ? taken[0] : "localhost:0", i == 1 ? taken[1] : "localhost:0");
        assert_int_equal(ray_otlp_receiver_start(second, &error), RAY_IO);
        print_message("%s\n", error.text);
        assert_true(ray_str_starts_with(ray_str_from(error.text), ray_str_from(keys[i])));
        assert_non_null(strstr(error.text, taken[i]));
        assert_int_equal(ray_otlp_receiver_grpc_port(second), 0);
        ray_otlp_receiver_free(second);
    }
    ray_otlp_receiver_stop(first, 1000);
    ray_otlp_receiver_stop(first, 1000); /* again: nothing to do */

    /* the ports are free again at once */
    struct ray_otlp_receiver *third = receiver_of(&rig, taken[0], taken[1]);
    if (ray_otlp_receiver_start(third, &error) != RAY_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(ray_otlp_receiver_grpc_port(third), grpc);
    ray_otlp_receiver_stop(third, 1000);
    ray_otlp_receiver_free(third);
    ray_otlp_receiver_free(first);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
