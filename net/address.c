/* address: see address.h. */
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A host name is at most 253 characters (RFC 1035 3.1: 255 octets on the wire). */
#define HOST_MAX_BYTES 253u

static enum ray_status refuse(struct ray_net_error *error, struct ray_str text, const char *why)
{
    snprintf(error->text, sizeof(error->text), "%.*s: %s", RAY_STR_ARG(ray_str_until(text, 80)),
             why);
    return RAY_INVALID;
}

static enum ray_status split_at(struct ray_str text, size_t colon, struct ray_str *host,
                                uint16_t *port, struct ray_net_error *error)
{
    uint64_t number = 0;
    if (ray_str_to_u64(ray_str_from_pos(text, colon + 1), &number) != RAY_OK ||
        number > UINT16_MAX) {
        return refuse(error, text, "port is not 0 to 65535");
    }
    *host = ray_str_until(text, colon);
    *port = (uint16_t)number;
    return RAY_OK;
}

enum ray_status ray_address_split(struct ray_str text, struct ray_str *host, uint16_t *port,
                                  struct ray_net_error *error)
{
    size_t colon = ray_str_find_last_byte(text, ':');
    if (colon == SIZE_MAX) {
        return refuse(error, text, "no port; write host:port");
    }
    if (text.ptr[0] == '[') {
        if (colon < 3 || text.ptr[colon - 1] != ']') {
            return refuse(error, text, "write an IPv6 address as [address]:port");
        }
        struct ray_str bracketed = {NULL, 0};
        enum ray_status status = split_at(text, colon, &bracketed, port, error);
        if (status == RAY_OK) {
            *host = ray_str_from_pos(ray_str_until(bracketed, bracketed.len - 1), 1);
        }
        return status;
    }
    if (ray_str_find_byte(text, ':') != colon) {
        return refuse(error, text, "write an IPv6 address as [address]:port");
    }
    return split_at(text, colon, host, port, error);
}

static void set_v4(struct ray_address *out, in_addr_t host, uint16_t port)
{
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
    *out = (struct ray_address){.len = sizeof(v4)};
    memcpy(&out->storage, &v4, sizeof(v4));
}

/* Both families where the machine has IPv6: listeners on :: take IPv4 too. */
static void set_any(struct ray_address *out, uint16_t port)
{
    int probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        set_v4(out, INADDR_ANY, port);
        return;
    }
    close(probe);
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    *out = (struct ray_address){.len = sizeof(v6)};
    memcpy(&out->storage, &v6, sizeof(v6));
}

static enum ray_status look_up(struct ray_str text, const char *host, uint16_t port,
                               struct ray_address *out, struct ray_net_error *error)
{
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, service, &hints, &found);
    if (code != 0 || found == NULL || found->ai_addrlen > sizeof(out->storage)) {
        const char *why = code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code);
        freeaddrinfo(found);
        snprintf(error->text, sizeof(error->text), "%.*s: cannot find this host: %s",
                 RAY_STR_ARG(ray_str_until(text, 80)), why);
        return RAY_INVALID;
    }
    *out = (struct ray_address){.len = found->ai_addrlen};
    memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return RAY_OK;
}

enum ray_status ray_address_resolve(struct ray_str text, struct ray_address *out,
                                    struct ray_net_error *error)
{
    struct ray_str host = {NULL, 0};
    uint16_t port = 0;
    enum ray_status status = ray_address_split(text, &host, &port, error);
    if (status != RAY_OK) {
        return status;
    }
    if (host.len == 0) {
        set_any(out, port);
        return RAY_OK;
    }
    if (ray_str_eq_nocase(host, RAY_STR("localhost"))) {
        set_v4(out, INADDR_LOOPBACK, port);
        return RAY_OK;
    }
    char name[HOST_MAX_BYTES + 1];
    if (host.len > HOST_MAX_BYTES || memchr(host.ptr, '\0', host.len) != NULL) {
        return refuse(error, text, "this cannot be a host name");
    }
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';
    return look_up(text, name, port, out, error);
}

static const char *advice(int code)
{
    switch (code) {
    case EADDRINUSE:
        return "; stop the program that has it, or choose another port";
    case EADDRNOTAVAIL:
        return "; this machine has no such address";
    case EACCES:
        return "; ports below 1024 need a privilege, choose another port";
    default:
        return "";
    }
}

static enum ray_status listen_failed(const struct ray_address *address, int fd,
                                     struct ray_net_error *error)
{
    int code = errno;
    char text[RAY_ADDRESS_TEXT_BYTES];
    ray_address_text((const struct sockaddr *)&address->storage, text);
    snprintf(error->text, sizeof(error->text), "cannot listen on %s: %s%s", text, strerror(code),
             advice(code));
    if (fd >= 0) {
        close(fd);
    }
    errno = code;
    return RAY_IO;
}

enum ray_status ray_listen_tcp(const struct ray_address *address, int *fd,
                               struct ray_net_error *error)
{
    const int on = 1, off = 0;
    int family = address->storage.ss_family;
    int made = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0) {
        return listen_failed(address, made, error);
    }
    /* without it, connections in TIME_WAIT block a restart for a minute */
    if (setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (family == AF_INET6 &&
         setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) ||
        bind(made, (const struct sockaddr *)&address->storage, address->len) != 0 ||
        listen(made, SOMAXCONN) != 0) {
        return listen_failed(address, made, error);
    }
    *fd = made;
    return RAY_OK;
}

enum ray_status ray_address_of_socket(int fd, struct ray_address *out)
{
    struct ray_address found = {.len = sizeof(found.storage)};
    if (getsockname(fd, (struct sockaddr *)&found.storage, &found.len) != 0) {
        return RAY_IO;
    }
    *out = found;
    return RAY_OK;
}

/* The IPv4 address inside, also of ::ffff:a.b.c.d, as a socket on :: shows its IPv4 peers. */
static bool find_v4(const struct sockaddr *address, struct in_addr *host)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        *host = v4.sin_addr;
        return true;
    }
    struct sockaddr_in6 v6;
    if (address->sa_family != AF_INET6) {
        return false;
    }
    memcpy(&v6, address, sizeof(v6));
    if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        return false;
    }
    memcpy(host, &v6.sin6_addr.s6_addr[12], sizeof(*host));
    return true;
}

/* sin_port and sin6_port stand at the same place. */
static uint16_t port_of(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6) {
        return 0;
    }
    memcpy(&v4, address, sizeof(v4));
    return ntohs(v4.sin_port);
}

uint16_t ray_address_port(const struct ray_address *address)
{
    return port_of((const struct sockaddr *)&address->storage);
}

bool ray_address_is_loopback(const struct ray_address *address)
{
    struct in_addr v4;
    const struct sockaddr *any = (const struct sockaddr *)&address->storage;
    if (find_v4(any, &v4)) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, any, sizeof(v6));
    return any->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

void ray_address_text(const struct sockaddr *address, char out[RAY_ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "";
    struct in_addr v4;
    if (find_v4(address, &v4)) {
        inet_ntop(AF_INET, &v4, host, sizeof(host));
        snprintf(out, RAY_ADDRESS_TEXT_BYTES, "%s:%u", host, port_of(address));
        return;
    }
    if (address->sa_family != AF_INET6) {
        snprintf(out, RAY_ADDRESS_TEXT_BYTES, "unknown");
        return;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof(v6));
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
    snprintf(out, RAY_ADDRESS_TEXT_BYTES, "[%s]:%u", host, port_of(address));
}
