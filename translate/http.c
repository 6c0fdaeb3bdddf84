/*
 * http: see http.h.
 *
 * awsxrayexporter 0.130 behaviour unless a rule is named; field meanings: X-Ray developer guide,
 * segment documents: http. Of an old and a new name the later attribute counts.
 */
#include "translate/http.h"

#include "translate/value.h"

#include <arpa/inet.h>

static const enum ray_key makes_block[] = {
    RAY_KEY_HTTP_METHOD,
    RAY_KEY_HTTP_REQUEST_METHOD,
    RAY_KEY_HTTP_CLIENT_IP,
    RAY_KEY_HTTP_USER_AGENT,
    RAY_KEY_USER_AGENT_ORIGINAL,
    RAY_KEY_HTTP_STATUS_CODE,
    RAY_KEY_HTTP_RESPONSE_STATUS,
    RAY_KEY_HTTP_URL,
    RAY_KEY_URL_FULL,
    RAY_KEY_HTTP_SCHEME,
    RAY_KEY_URL_SCHEME,
    RAY_KEY_HTTP_HOST,
    RAY_KEY_HTTP_SERVER_NAME,
    RAY_KEY_HTTP_TARGET,
    RAY_KEY_URL_PATH,
    RAY_KEY_URL_QUERY,
    RAY_KEY_NET_HOST_PORT,
};

/* network.peer.address does too, when it is an IP address. */
static const enum ray_key makes_url[] = {
    RAY_KEY_HTTP_URL,         RAY_KEY_URL_FULL,       RAY_KEY_HTTP_HOST,
    RAY_KEY_HTTP_SERVER_NAME, RAY_KEY_HOST_NAME,      RAY_KEY_NET_HOST_NAME,
    RAY_KEY_NET_PEER_NAME,    RAY_KEY_SERVER_ADDRESS, RAY_KEY_NET_PEER_IP,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool has_any(const struct ray_facts *facts, const enum ray_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ray_facts_has(facts, keys[i])) {
            return true;
        }
    }
    return false;
}

static const struct ray_value *later_of(const struct ray_facts *facts, enum ray_key a,
                                        enum ray_key b)
{
    return ray_facts_last(facts, facts->last[a] > facts->last[b] ? a : b);
}

/* The first key that is there at all. */
static const struct ray_value *first_present(const struct ray_facts *facts,
                                             const enum ray_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ray_facts_has(facts, keys[i])) {
            return ray_facts_last(facts, keys[i]);
        }
    }
    return NULL;
}

/* Four numbers of at most 255 without leading zeros, as inet_pton has it; it is asked for each
 * server's span, more than once. */
static bool is_ipv4(struct ray_str s)
{
    unsigned numbers = 0, digits = 0, value = 0;
    for (size_t i = 0; i <= s.len; i++) {
        unsigned digit = i < s.len ? (unsigned)(unsigned char)s.ptr[i] - '0' : 10;
        if (digit <= 9) {
            if (digits > 0 && value == 0) {
                return false;
            }
            value = value * 10 + digit;
            digits++;
        } else if ((i < s.len && s.ptr[i] != '.') || digits == 0) {
            return false;
        } else {
            numbers++;
            digits = value = 0;
        }
        if (value > 255 || digits > 3) {
            return false;
        }
    }
    return numbers == 4;
}

static bool is_ip(struct ray_str s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[16];
    if (ray_str_find_byte(s, ':') == SIZE_MAX) {
        return is_ipv4(s);
    }
    if (s.len == 0 || s.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return strlen(text) == s.len && inet_pton(AF_INET6, text, address) == 1;
}

struct addresses {
    struct ray_str client;      /* who asked */
    struct ray_str declared[2]; /* client, as attributes of an old and a new name have it */
    struct ray_str peer;        /* the other end of the connection */
    bool has_peer;
};

/* In input order, because later attributes overwrite earlier ones, but a peer never overwrites. */
static struct addresses collect_addresses(const struct ray_facts *facts)
{
    struct addresses found = {{NULL, 0}, {{NULL, 0}, {NULL, 0}}, {NULL, 0}, false};
    for (size_t i = 0; i < facts->count; i++) {
        struct ray_str text = ray_value_string(&facts->items[i].value);
        unsigned key = facts->notes[i].key;
        if (key == RAY_KEY_HTTP_CLIENT_IP || (key == RAY_KEY_CLIENT_ADDRESS && is_ip(text))) {
            found.client = found.declared[key == RAY_KEY_CLIENT_ADDRESS] = text;
        } else if (key == RAY_KEY_NET_PEER_IP ||
                   (key == RAY_KEY_NETWORK_PEER_ADDRESS && is_ip(text))) {
            found.peer = text;
            found.has_peer = true;
            found.client = found.client.len > 0 ? found.client : text;
        }
    }
    return found;
}

static bool is_forwarded(const struct addresses *found, const struct ray_shape *shape)
{
    if (found->client.len > 0 && !found->has_peer) {
        return true;
    }
    bool differs = false;
    for (size_t i = 0; i < COUNT(found->declared); i++) {
        differs |= found->declared[i].len > 0 && !ray_str_eq(found->declared[i], found->peer);
    }
    return shape->kind == RAY_SPAN_SERVER && found->peer.len > 0 && differs;
}

/* "x_forwarded_for: true if the client_ip was read from an X-Forwarded-For header" (X-Ray developer
 * guide). It was, when there is no peer to have read it from, or (D12) when a server's client is
 * not its peer; otherwise the field is left out. What a segment receiver read in a legacy segment
 * overrides both, and is written as it is (D28). */
static void collect_forwarded(struct ray_http *http, const struct addresses *found,
                              const struct ray_shape *shape, const struct ray_facts *facts)
{
    const struct ray_value *said = ray_facts_last(facts, RAY_KEY_XRAY_FORWARDED);
    if (said != NULL && said->kind == RAY_VALUE_BOOL) {
        http->has_forwarded = true;
        http->forwarded = said->as.boolean;
        return;
    }
    http->has_forwarded = http->forwarded = is_forwarded(found, shape);
}

static void collect_place(const struct ray_shape *shape, const struct ray_facts *facts,
                          struct ray_url_parts *url)
{
    static const enum ray_key server_hosts[] = {RAY_KEY_HTTP_SERVER_NAME, RAY_KEY_NET_HOST_NAME,
                                                RAY_KEY_HOST_NAME, RAY_KEY_SERVER_ADDRESS};
    static const enum ray_key server_ports[] = {RAY_KEY_NET_HOST_PORT, RAY_KEY_SERVER_PORT};
    static const enum ray_key client_hosts[] = {
        RAY_KEY_NET_PEER_NAME, RAY_KEY_SERVER_ADDRESS /* D09 */, RAY_KEY_NET_PEER_IP};
    static const enum ray_key client_ports[] = {RAY_KEY_NET_PEER_PORT,
                                                RAY_KEY_SERVER_PORT /* D09 */};
    url->host = ray_facts_last(facts, RAY_KEY_HTTP_HOST); /* has its port in it */
    if (url->host != NULL) {
        return;
    }
    if (shape->kind == RAY_SPAN_SERVER) {
        url->host = first_present(facts, server_hosts, COUNT(server_hosts));
        url->port = first_present(facts, server_ports, COUNT(server_ports));
    } else {
        url->host = first_present(facts, client_hosts, COUNT(client_hosts));
        url->port = first_present(facts, client_ports, COUNT(client_ports));
    }
}

/* Old RPC instrumentation says on the span or in an event how large the message was. */
static int64_t received_bytes(struct ray_str type, const struct ray_value *size)
{
    return ray_str_eq(type, RAY_STR("RECEIVED")) ? ray_value_int(size) : 0;
}

static int64_t message_bytes(const struct ray_span *span, const struct ray_facts *facts)
{
    int64_t bytes = received_bytes(ray_facts_string(facts, RAY_KEY_MESSAGE_TYPE),
                                   ray_facts_first(facts, RAY_KEY_MESSAGE_PAYLOAD_SIZE));
    for (size_t i = 0; bytes == 0 && i < span->event_count; i++) {
        const struct ray_attributes *attributes = &span->events[i].attributes;
        bytes = received_bytes(
            ray_attributes_string(attributes, ray_semconv_name(RAY_KEY_MESSAGE_TYPE)),
            ray_attributes_find(attributes, ray_semconv_name(RAY_KEY_MESSAGE_PAYLOAD_SIZE)));
    }
    return bytes;
}

/* D10 */
static int64_t response_bytes(const struct ray_facts *facts)
{
    static const enum ray_key keys[] = {RAY_KEY_RESPONSE_BODY_SIZE, RAY_KEY_RESPONSE_LENGTH,
                                        RAY_KEY_RESPONSE_HEADER_LENGTH};
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct ray_value *value = ray_facts_last(facts, keys[i]);
        if (value != NULL && value->kind == RAY_VALUE_LIST && value->as.list.count > 0) {
            value = &value->as.list.items[0]; /* headers are lists */
        }
        int64_t bytes = 0;
        if (ray_value_to_int(value, &bytes) && bytes > 0) {
            return bytes;
        }
    }
    return 0;
}

static void consume(struct ray_facts *facts)
{
    for (unsigned key = RAY_KEY_HTTP_FIRST; key <= RAY_KEY_HTTP_LAST; key++) {
        ray_facts_consume(facts, (enum ray_key)key);
    }
    const struct ray_value *said = ray_facts_last(facts, RAY_KEY_XRAY_FORWARDED);
    if (said != NULL && said->kind == RAY_VALUE_BOOL) {
        ray_facts_consume(facts, RAY_KEY_XRAY_FORWARDED);
    }
}

/* A segment may say no more of its request than this. */
static bool was_segment_with_http(const struct ray_shape *shape, const struct ray_facts *facts)
{
    return shape->was_segment && (ray_facts_has(facts, RAY_KEY_XRAY_FORWARDED) ||
                                  ray_facts_has(facts, RAY_KEY_RESPONSE_LENGTH));
}

struct ray_http ray_http_collect(const struct ray_span *span, const struct ray_shape *shape,
                                 struct ray_facts *facts)
{
    struct ray_http http = {.present = has_any(facts, makes_block, COUNT(makes_block)) ||
                                       was_segment_with_http(shape, facts)};
    if (!http.present) {
        return http;
    }
    struct addresses found = collect_addresses(facts);
    http.method =
        ray_value_string(later_of(facts, RAY_KEY_HTTP_METHOD, RAY_KEY_HTTP_REQUEST_METHOD));
    http.user_agent =
        ray_value_string(later_of(facts, RAY_KEY_HTTP_USER_AGENT, RAY_KEY_USER_AGENT_ORIGINAL));
    http.client_ip = found.client;
    collect_forwarded(&http, &found, shape, facts);
    http.has_url = has_any(facts, makes_url, COUNT(makes_url)) ||
                   is_ip(ray_facts_last_string(facts, RAY_KEY_NETWORK_PEER_ADDRESS));
    http.url.full = later_of(facts, RAY_KEY_HTTP_URL, RAY_KEY_URL_FULL);
    http.url.scheme = later_of(facts, RAY_KEY_HTTP_SCHEME, RAY_KEY_URL_SCHEME);
    http.url.target = ray_facts_last(facts, RAY_KEY_HTTP_TARGET);
    http.url.path = ray_facts_last(facts, RAY_KEY_URL_PATH);
    http.url.query = ray_facts_last(facts, RAY_KEY_URL_QUERY);
    collect_place(shape, facts, &http.url);
    const struct ray_value *status =
        later_of(facts, RAY_KEY_HTTP_STATUS_CODE, RAY_KEY_HTTP_RESPONSE_STATUS);
    http.has_status = status != NULL;
    (void)ray_value_to_int(status, &http.status); /* stays 0 when it is no number */
    http.content_length = message_bytes(span, facts);
    if (http.content_length == 0) {
        http.content_length = response_bytes(facts);
    }
    consume(facts);
    return http;
}

/* 80 with http and 443 with https go without saying. */
static bool is_default_port(struct ray_str scheme, struct ray_str text, int64_t number)
{
    struct ray_str other = ray_str_eq(scheme, RAY_STR("http"))    ? RAY_STR("80")
                           : ray_str_eq(scheme, RAY_STR("https")) ? RAY_STR("443")
                                                                  : RAY_STR("");
    if (other.len == 0) {
        return false;
    }
    return text.len > 0 ? ray_str_eq(text, other) : number == (other.len == 2 ? 80 : 443);
}

/* Without printf: it would be a fiftieth of a span's time. */
static void write_port(const struct ray_value *port, struct ray_str scheme,
                       struct ray_json_writer *w)
{
    struct ray_str text = ray_value_string(port);
    int64_t number = ray_value_int(port);
    if (port == NULL || is_default_port(scheme, text, number)) {
        return;
    }
    ray_buf_append_byte(w->out, ':');
    if (text.len > 0) {
        ray_json_escape(w->out, text);
        return;
    }
    if (number < 0) {
        ray_buf_append_byte(w->out, '-');
    }
    ray_buf_append_u64(w->out, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

static void write_path(const struct ray_url_parts *url, struct ray_json_writer *w)
{
    if (url->target != NULL) {
        ray_json_escape(w->out, ray_value_string(url->target));
        return;
    }
    ray_json_escape(w->out, url->path ? ray_value_string(url->path) : RAY_STR("/"));
    if (url->query != NULL) {
        struct ray_str query = ray_value_string(url->query);
        if (!ray_str_starts_with(query, RAY_STR("?"))) {
            ray_buf_append_byte(w->out, '?');
        }
        ray_json_escape(w->out, query);
    }
}

/* Put together from its parts without a copy: between the quotes of one JSON string. */
static void write_url(const struct ray_url_parts *url, struct ray_json_writer *w)
{
    if (url->full != NULL) {
        RAY_WRITE_IF_ANY(w, "url", ray_value_string(url->full));
        return;
    }
    struct ray_str scheme = url->scheme ? ray_value_string(url->scheme) : RAY_STR("http");
    RAY_JSON_KEY(w, "url");
    ray_json_raw(w, RAY_STR("\""));
    ray_json_escape(w->out, scheme);
    ray_json_escape(w->out, RAY_STR("://"));
    ray_json_escape(w->out, ray_value_string(url->host));
    write_port(url->port, scheme, w);
    write_path(url, w);
    ray_buf_append_byte(w->out, '"');
}

void ray_http_write(const struct ray_http *http, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "request");
    ray_json_object_begin(w);
    RAY_WRITE_IF_ANY(w, "method", http->method);
    if (http->has_url) {
        write_url(&http->url, w);
    }
    RAY_WRITE_IF_ANY(w, "user_agent", http->user_agent);
    RAY_WRITE_IF_ANY(w, "client_ip", http->client_ip);
    if (http->has_forwarded) {
        RAY_JSON_KEY(w, "x_forwarded_for");
        ray_json_bool(w, http->forwarded);
    }
    ray_json_object_end(w);
    RAY_JSON_KEY(w, "response");
    ray_json_object_begin(w);
    if (http->has_status) {
        RAY_JSON_KEY(w, "status");
        ray_json_i64(w, http->status);
    }
    RAY_JSON_KEY(w, "content_length");
    ray_json_i64(w, http->content_length);
    ray_json_object_end(w);
    ray_json_object_end(w);
}

int64_t ray_http_code(const struct ray_facts *facts)
{
    int64_t code = 0;
    const struct ray_value *value = ray_facts_first(facts, RAY_KEY_HTTP_STATUS_CODE);
    if (value == NULL) {
        value = ray_facts_first(facts, RAY_KEY_HTTP_RESPONSE_STATUS);
    }
    (void)ray_value_to_int(value, &code);
    return code;
}
