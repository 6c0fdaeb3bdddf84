/*
 * otlp: the component: its keys, and the order in which its two transports start and stop.
 */
#include "receiver/otlp.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/inflate.h"
#include "receiver/otlp_grpc.h"
#include "receiver/otlp_http.h"

/* ---- keys: the collector's otlpreceiver, config.go and confighttp, configgrpc ------------------
 */

#define NO_TLS                                                                                     \
    "TLS is not served by this version: bind to loopback or put a proxy that ends TLS in front"
#define NO_AUTH                                                                                    \
    "clients are not authenticated by this version: bind to loopback or put a proxy in front"
#define NO_MIDDLEWARE "there are no middleware extensions here"
#define NO_METADATA   "X-Ray documents have no place for a client's metadata"
#define NO_DIALER     "a server never dials"
#define NO_SIGNAL     "only traces are taken here; other paths answer 404"

#define RAY_OPT_STRUCT struct ray_otlp_grpc_options
/* clang-format off */
static const struct ray_option server_parameters_table[] = {
    RAY_OPT_DURATION("max_connection_idle", max_connection_idle_ms, "0s", NULL, NULL, "a connection without calls is closed after this; 0: never"),
    RAY_OPT_DURATION("max_connection_age", max_connection_age_ms, "0s", NULL, NULL, "a connection is ended (GOAWAY) at this age, give or take a tenth; 0: never"),
    RAY_OPT_DURATION("max_connection_age_grace", max_connection_age_grace_ms, "0s", NULL, NULL, "time for calls in progress after that; 0: as long as they take"),
    RAY_OPT_DURATION("time", keepalive_time_ms, "20s", NULL, NULL, "a silent peer is pinged after this; 0: after 2 h"),
    RAY_OPT_DURATION("timeout", keepalive_timeout_ms, "10s", NULL, NULL, "and cut off when it has not answered for this; 0: 20 s"),
    RAY_OPT_END,
};

static const struct ray_option enforcement_policy_table[] = {
    RAY_OPT_DURATION("min_time", enforcement_min_time_ms, "0s", NULL, NULL, "clients that ping more often are cut off; 0: 5 min"),
    RAY_OPT_IGNORED("permit_without_stream", "clients may always ping without a call in progress"),
    RAY_OPT_END,
};

/* `endpoint` is the first member: what stands below is counted from the same struct. */
static const struct ray_option keepalive_table[] = {
    RAY_OPT_SECTION("server_parameters", endpoint, server_parameters_table, "how this end keeps connections"),
    RAY_OPT_SECTION("enforcement_policy", endpoint, enforcement_policy_table, "what clients may do"),
    RAY_OPT_END,
};

static const struct ray_option grpc_table[] = {
    RAY_OPT_STR("endpoint", endpoint, "localhost:4317", "host:port to listen on"),
    RAY_OPT_ENUM("transport", transport, "tcp", "tcp|tcp4|tcp6", "the endpoint's address decides the family"),
    RAY_OPT_INT("max_recv_msg_size_mib", max_recv_msg_size_mib, "0", "0", "1024", "largest message, as sent and inflated; 0: 4"),
    RAY_OPT_INT("max_concurrent_streams", max_concurrent_streams, "16", "0", "2147483647", "calls at once on one connection; 0: no limit"),
    RAY_OPT_SECTION("keepalive", endpoint, keepalive_table, "pings and the age of connections"),
    RAY_OPT_IGNORED("read_buffer_size", "the gRPC library sizes its own buffers"),
    RAY_OPT_IGNORED("write_buffer_size", "the gRPC library sizes its own buffers"),
    RAY_OPT_IGNORED("include_metadata", NO_METADATA),
    RAY_OPT_IGNORED("dialer", NO_DIALER),
    RAY_OPT_REFUSED("tls", NO_TLS),
    RAY_OPT_REFUSED("auth", NO_AUTH),
    RAY_OPT_REFUSED("middlewares", NO_MIDDLEWARE),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

#define RAY_OPT_STRUCT struct ray_otlp_http_options
static const struct ray_option http_table[] = {
    RAY_OPT_STR("endpoint", endpoint, "localhost:4318", "host:port to listen on"),
    RAY_OPT_ENUM("transport", transport, "tcp", "tcp|tcp4|tcp6", "the endpoint's address decides the family"),
    RAY_OPT_STR("traces_url_path", traces_url_path, "/v1/traces", "path that takes traces; a missing leading slash is added"),
    RAY_OPT_INT("max_request_body_size", max_request_body_size, "20971520", "0", "1073741824", "bytes of a body, as sent and inflated; 0: 20 MiB"),
    RAY_OPT_DURATION("read_timeout", read_timeout_ms, "0s", NULL, NULL, "for one body, longer only while at least 1 KiB/s arrive; 0: 30s"),
    RAY_OPT_DURATION("read_header_timeout", read_header_timeout_ms, "0s", NULL, NULL, "for one head; 0: 10s"),
    RAY_OPT_DURATION("idle_timeout", idle_timeout_ms, "0s", NULL, NULL, "between requests; 0: 60s"),
    RAY_OPT_STR_LIST("compression_algorithms", compression_algorithms, "Content-Encodings taken, of gzip, deflate, zlib, zstd; empty: all"),
    RAY_OPT_BOOL("keep_alives_enabled", keep_alives_enabled, "true", "connections stay open between requests"),
    RAY_OPT_IGNORED("metrics_url_path", NO_SIGNAL),
    RAY_OPT_IGNORED("logs_url_path", NO_SIGNAL),
    RAY_OPT_IGNORED("profiles_url_path", NO_SIGNAL),
    RAY_OPT_IGNORED("write_timeout", "a client that does not read its reply is cut off by read_timeout's rule"),
    RAY_OPT_IGNORED("include_metadata", NO_METADATA),
    RAY_OPT_IGNORED("dialer", NO_DIALER),
    RAY_OPT_REFUSED("tls", NO_TLS),
    RAY_OPT_REFUSED("auth", NO_AUTH),
    RAY_OPT_REFUSED("cors", "browsers of other origins are not let in by this version"),
    RAY_OPT_REFUSED("response_headers", "replies carry no extra headers in this version"),
    RAY_OPT_REFUSED("middlewares", NO_MIDDLEWARE),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

#define RAY_OPT_STRUCT struct ray_otlp_protocols
static const struct ray_option protocols_table[] = {
    RAY_OPT_SECTION_IF("grpc", grpc, grpc_on, grpc_table, "OTLP over gRPC; on when named"),
    RAY_OPT_SECTION_IF("http", http, http_on, http_table, "OTLP over HTTP; on when named"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

#define RAY_OPT_STRUCT struct ray_otlp_options
const struct ray_option ray_otlp_option_table[] = {
    RAY_OPT_SECTION("protocols", protocols, protocols_table, "grpc, http or both"),
    RAY_OPT_INT("max_in_flight_mib", max_in_flight_mib, "24", "1", "65536", "requests in hand, both protocols together; past it clients are told to wait"),
    RAY_OPT_END,
};
/* clang-format on */
#undef RAY_OPT_STRUCT

/* ---- what the tables cannot check --------------------------------------------------------------
 */

/* The node of `key` below `node`, or the nearest one above it that was written. */
static const struct ray_place *place_of(const struct ray_yaml *node, struct ray_str key,
                                        const struct ray_place *above)
{
    const struct ray_yaml *found = ray_yaml_get(node, key);
    return found ? &found->place : above;
}

static bool check_endpoint(struct ray_str endpoint, const struct ray_yaml *node,
                           const struct ray_place *above, const char *path, const char *protocol,
                           struct ray_problems *problems)
{
    struct ray_str host;
    uint16_t port;
    struct ray_net_error error;
    if (ray_address_split(endpoint, &host, &port, &error) == RAY_OK) {
        return true;
    }
    ray_problem(problems, place_of(node, RAY_STR("endpoint"), above),
                "%s.protocols.%s.endpoint: %s", path, protocol, error.text);
    return false;
}

/* confighttp knows these; this receiver answers 415 to them. */
static bool is_foreign_compression(struct ray_str name)
{
    static const struct ray_str names[] = {
        RAY_STR_INIT("snappy"),
        RAY_STR_INIT("x-snappy-framed"),
        RAY_STR_INIT("lz4"),
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (ray_str_eq(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool check_compressions(const struct ray_str_list *list, const struct ray_place *place,
                               const char *path, struct ray_problems *problems)
{
    bool good = true;
    for (size_t i = 0; i < list->count; i++) {
        enum ray_compression unused;
        struct ray_str name = list->items[i];
        if (is_foreign_compression(name)) {
            ray_problem_warn(problems, place,
                             "%s.protocols.http.compression_algorithms: %.*s is not served; such "
                             "requests are answered 415",
                             path, RAY_STR_ARG(name));
        } else if (ray_compression_parse(name, &unused) != RAY_OK) {
            ray_problem(problems, place,
                        "%s.protocols.http.compression_algorithms: '%.*s' is unknown; gzip, "
                        "deflate, zlib and zstd are served",
                        path, RAY_STR_ARG(name));
            good = false;
        }
    }
    return good;
}

static bool check_http(const struct ray_otlp_http_options *http, const struct ray_yaml *node,
                       const struct ray_place *above, const char *path,
                       struct ray_problems *problems)
{
    bool good = check_endpoint(http->endpoint, node, above, path, "http", problems);
    good = check_compressions(&http->compression_algorithms,
                              place_of(node, RAY_STR("compression_algorithms"), above), path,
                              problems) &&
           good;
    if (http->traces_url_path.len == 0 || http->traces_url_path.len > RAY_OTLP_PATH_MAX_BYTES) {
        ray_problem(problems, place_of(node, RAY_STR("traces_url_path"), above),
                    "%s.protocols.http.traces_url_path: must have 1 to %u characters", path,
                    RAY_OTLP_PATH_MAX_BYTES);
        good = false;
    }
    return good;
}

enum ray_status ray_otlp_receiver_check(const struct ray_otlp_options *options,
                                        const struct ray_yaml *node, const char *path,
                                        struct ray_problems *problems)
{
    static const struct ray_place nowhere = {.file = "", .line = 0, .column = 0};
    const struct ray_place *place = node ? &node->place : &nowhere;
    const struct ray_yaml *protocols = ray_yaml_get(node, RAY_STR("protocols"));
    place = protocols ? &protocols->place : place;
    if (!options->protocols.grpc_on && !options->protocols.http_on) {
        ray_problem(problems, place, "%s.protocols: no protocol is named: write grpc, http or both",
                    path);
        return RAY_INVALID;
    }
    bool good = true;
    if (options->protocols.grpc_on) {
        good =
            check_endpoint(options->protocols.grpc.endpoint,
                           ray_yaml_get(protocols, RAY_STR("grpc")), place, path, "grpc", problems);
    }
    if (options->protocols.http_on) {
        good = check_http(&options->protocols.http, ray_yaml_get(protocols, RAY_STR("http")), place,
                          path, problems) &&
               good;
    }
    return good ? RAY_OK : RAY_INVALID;
}

/* ---- the component ------------------------------------------------------------------------------
 */

struct ray_otlp_receiver {
    struct ray_otlp_options options;
    struct ray_receiver_environment environment;
    struct ray_budget budget;
    struct ray_receiver_ledger grpc_ledger;
    struct ray_receiver_ledger http_ledger;
    struct ray_otlp_grpc *grpc; /* NULL: not open */
    struct ray_otlp_http *http;
    uint16_t grpc_port;
    uint16_t http_port;
};

struct ray_otlp_receiver *ray_otlp_receiver_new(const struct ray_otlp_options *options,
                                                const struct ray_receiver_environment *environment)
{
    struct ray_otlp_receiver *receiver = calloc(1, sizeof(*receiver));
    if (receiver == NULL) {
        return NULL;
    }
    receiver->options = *options;
    receiver->environment = *environment;
    struct ray_otlp_http_options *http = &receiver->options.protocols.http;
    if (http->max_request_body_size == 0) {
        http->max_request_body_size = RAY_OTLP_HTTP_BODY_DEFAULT_BYTES;
    }
    ray_budget_init(&receiver->budget, (size_t)options->max_in_flight_mib << 20);
    receiver->budget.gate = environment->memory;
    if (ray_receiver_ledger_init(&receiver->grpc_ledger, environment->metrics, environment->id,
                                 "grpc") != RAY_OK ||
        ray_receiver_ledger_init(&receiver->http_ledger, environment->metrics, environment->id,
                                 "http") != RAY_OK) {
        free(receiver);
        return NULL;
    }
    return receiver;
}

/* "127.0.0.1:4317: address in use" becomes "protocols.grpc.endpoint: 127.0.0.1:4317: ...". */
static void name_key(struct ray_net_error *error, const char *key)
{
    struct ray_net_error named;
    snprintf(named.text, sizeof(named.text), "%s: %.150s", key, error->text);
    *error = named;
}

static void warn_when_open(const struct ray_otlp_receiver *receiver, const char *transport,
                           struct ray_str endpoint)
{
    struct ray_address address;
    struct ray_net_error unused;
    if (ray_address_resolve(endpoint, &address, &unused) == RAY_OK &&
        !ray_address_is_loopback(&address)) {
        ray_log_warn(receiver->environment.log,
                     "anyone who reaches this port can send traces: no TLS, no authentication",
                     "receiver=%s transport=%s endpoint=%s",
                     RAY_LOG_STR(ray_str_from(receiver->environment.id)), transport,
                     RAY_LOG_STR(endpoint));
    }
}

static enum ray_status start_grpc(struct ray_otlp_receiver *receiver, struct ray_net_error *error)
{
    struct ray_otlp_grpc_settings settings = {
        .options = &receiver->options.protocols.grpc,
        .intake = receiver->environment.intake,
        .ledger = &receiver->grpc_ledger,
        .budget = &receiver->budget,
        .log = receiver->environment.log,
        .clock = receiver->environment.clock,
    };
    enum ray_status status = ray_otlp_grpc_start(&settings, &receiver->grpc, error);
    if (status != RAY_OK) {
        name_key(error, "protocols.grpc.endpoint");
        return status;
    }
    receiver->grpc_port = ray_otlp_grpc_port(receiver->grpc);
    warn_when_open(receiver, "grpc", settings.options->endpoint);
    return RAY_OK;
}

static enum ray_status start_http(struct ray_otlp_receiver *receiver, struct ray_net_error *error)
{
    struct ray_otlp_http_settings settings = {
        .options = &receiver->options.protocols.http,
        .intake = receiver->environment.intake,
        .ledger = &receiver->http_ledger,
        .budget = &receiver->budget,
        .log = receiver->environment.log,
        .clock = receiver->environment.clock,
    };
    enum ray_status status = ray_otlp_http_start(&settings, &receiver->http, error);
    if (status != RAY_OK) {
        name_key(error, "protocols.http.endpoint");
        return status;
    }
    receiver->http_port = ray_otlp_http_port(receiver->http);
    warn_when_open(receiver, "http", settings.options->endpoint);
    return RAY_OK;
}

enum ray_status ray_otlp_receiver_start(struct ray_otlp_receiver *receiver,
                                        struct ray_net_error *error)
{
    enum ray_status status = RAY_OK;
    if (receiver->options.protocols.grpc_on) {
        status = start_grpc(receiver, error);
    }
    if (status == RAY_OK && receiver->options.protocols.http_on) {
        status = start_http(receiver, error);
    }
    if (status != RAY_OK) {
        ray_otlp_receiver_stop(receiver, 0);
    }
    return status;
}

uint16_t ray_otlp_receiver_grpc_port(const struct ray_otlp_receiver *receiver)
{
    return receiver->grpc_port;
}

uint16_t ray_otlp_receiver_http_port(const struct ray_otlp_receiver *receiver)
{
    return receiver->http_port;
}

void ray_otlp_receiver_stop(struct ray_otlp_receiver *receiver, uint32_t timeout_ms)
{
    /* Both refuse before either is waited for, so that they share the time. */
    if (receiver->grpc != NULL) {
        ray_otlp_grpc_quiesce(receiver->grpc);
    }
    if (receiver->http != NULL) {
        ray_otlp_http_quiesce(receiver->http);
    }
    uint64_t start_ns = ray_clock_monotonic_ns(receiver->environment.clock);
    ray_otlp_grpc_stop(receiver->grpc, timeout_ms);
    uint64_t used_ms =
        (ray_clock_monotonic_ns(receiver->environment.clock) - start_ns) / RAY_NS_PER_MS;
    ray_otlp_http_stop(receiver->http, used_ms < timeout_ms ? timeout_ms - (uint32_t)used_ms : 0);
    receiver->grpc = NULL;
    receiver->http = NULL;
    receiver->grpc_port = receiver->http_port = 0;
}

void ray_otlp_receiver_free(struct ray_otlp_receiver *receiver)
{
    free(receiver);
}
