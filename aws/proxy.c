/* proxy: see the header. */
#include "aws/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Either spelling; the lower case one first, as curl and Go have it. */
static struct ray_str variable(const struct ray_aws_environment *environment, const char *lower,
                               const char *upper)
{
    struct ray_str value = ray_str_from(ray_aws_variable(environment, lower));
    return value.len > 0 ? value : ray_str_from(ray_aws_variable(environment, upper));
}

static bool parse_ip(struct ray_str text, uint8_t out[16], int *family)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len >= sizeof(copy)) {
        return false;
    }
    snprintf(copy, sizeof(copy), "%.*s", RAY_STR_ARG(text));
    *family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
    return inet_pton(*family, copy, out) == 1;
}

static bool is_loopback(struct ray_str host)
{
    uint8_t ip[16];
    int family;
    if (!parse_ip(host, ip, &family)) {
        return ray_str_eq_nocase(host, RAY_STR("localhost"));
    }
    static const uint8_t six[16] = {[15] = 1};
    return family == AF_INET ? ip[0] == 127 : memcmp(ip, six, sizeof(six)) == 0;
}

/* "10.0.0.0/8", "fd00::/8": the host is an address inside. */
static bool matches_network(struct ray_str host, struct ray_str network, struct ray_str bits_text)
{
    uint8_t a[16], b[16];
    int family_a, family_b;
    uint64_t bits = 0;
    if (ray_str_to_u64(bits_text, &bits) != RAY_OK || !parse_ip(host, a, &family_a) ||
        !parse_ip(network, b, &family_b) || family_a != family_b ||
        bits > (family_a == AF_INET ? 32u : 128u)) {
        return false;
    }
    size_t whole = (size_t)bits / 8;
    uint8_t mask = (uint8_t)(0xFF00u >> (bits % 8));
    return memcmp(a, b, whole) == 0 && (mask == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

/* One entry of NO_PROXY: "*", a network, a host with or without port, a domain (".x", "*.x", and
 * "x" for x and all below it). */
static bool matches_entry(const struct ray_endpoint *endpoint, struct ray_str entry)
{
    size_t slash = ray_str_find_byte(entry, '/');
    if (slash != SIZE_MAX) {
        return matches_network(endpoint->host, ray_str_until(entry, slash),
                               ray_str_from_pos(entry, slash + 1));
    }
    if (ray_str_eq(entry, RAY_STR("*")) || ray_str_eq_nocase(entry, endpoint->host) ||
        ray_str_eq_nocase(entry, endpoint->authority)) {
        return true;
    }
    entry = ray_str_starts_with(entry, RAY_STR("*.")) ? ray_str_from_pos(entry, 1) : entry;
    entry = ray_str_starts_with(entry, RAY_STR(".")) ? ray_str_from_pos(entry, 1) : entry;
    struct ray_str host = endpoint->host;
    if (entry.len == 0 || host.len <= entry.len) {
        return false;
    }
    size_t cut = host.len - entry.len;
    return host.ptr[cut - 1] == '.' && ray_str_eq_nocase(ray_str_from_pos(host, cut), entry);
}

static bool is_exempt(const struct ray_aws_environment *environment,
                      const struct ray_endpoint *endpoint)
{
    struct ray_str list = variable(environment, "no_proxy", "NO_PROXY");
    struct ray_str entry;
    while (list.len > 0 && ray_str_split(&list, ',', &entry)) {
        if (matches_entry(endpoint, ray_str_trim(entry))) {
            return true;
        }
    }
    return is_loopback(endpoint->host);
}

void ray_proxy_find(const struct ray_aws_environment *environment, struct ray_str configured,
                    const struct ray_endpoint *endpoint, char out[RAY_PROXY_BYTES])
{
    struct ray_str proxy = configured;
    if (proxy.len == 0) {
        proxy = endpoint->https ? variable(environment, "https_proxy", "HTTPS_PROXY")
                                : variable(environment, "http_proxy", "HTTP_PROXY");
    }
    if (proxy.len >= RAY_PROXY_BYTES || is_exempt(environment, endpoint)) {
        proxy.len = 0;
    }
    snprintf(out, RAY_PROXY_BYTES, "%.*s", RAY_STR_ARG(proxy));
}
