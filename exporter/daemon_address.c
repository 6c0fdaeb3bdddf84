/* daemon_address: see the header. */
#include "exporter/daemon_address.h"

#include <stdio.h>

static enum ray_status refuse(struct ray_net_error *error, struct ray_str text, const char *why)
{
    snprintf(error->text, sizeof(error->text), "%.*s: %s", RAY_STR_ARG(ray_str_until(text, 80)),
             why);
    return RAY_INVALID;
}

static enum ray_status check(struct ray_str address, struct ray_net_error *error)
{
    struct ray_str host;
    uint16_t port;
    enum ray_status status = ray_address_split(address, &host, &port, error);
    if (status != RAY_OK) {
        return status;
    }
    return host.len > 0 && port > 0 ? RAY_OK
                                    : refuse(error, address, "needs a host and a port to send to");
}

/* One word of the variable. */
static enum ray_status take_word(struct ray_str word, struct ray_str *udp,
                                 struct ray_net_error *error)
{
    struct ray_str kind = ray_str_until(word, 4);
    if (ray_str_eq_nocase(kind, RAY_STR("tcp:"))) {
        return RAY_OK; /* of the sampling proxy */
    }
    bool is_udp = ray_str_eq_nocase(kind, RAY_STR("udp:"));
    *udp = is_udp ? ray_str_from_pos(word, 4) : word;
    return check(*udp, error);
}

static enum ray_status read_variable(struct ray_str text, struct ray_str *out,
                                     struct ray_net_error *error)
{
    struct ray_str rest = text, word, found = {NULL, 0};
    while (ray_str_split(&rest, ' ', &word)) {
        if (word.len == 0) {
            continue;
        }
        if (found.len > 0 && !ray_str_eq_nocase(ray_str_until(word, 4), RAY_STR("tcp:"))) {
            return refuse(error, text, "more than one address for UDP");
        }
        enum ray_status status = take_word(word, &found, error);
        if (status != RAY_OK) {
            return status;
        }
    }
    if (found.len == 0) {
        return refuse(error, text, "no address for UDP; write host:port or udp:host:port");
    }
    *out = found;
    return RAY_OK;
}

enum ray_status ray_daemon_address_find(struct ray_str configured, const char *variable,
                                        struct ray_str *out, struct ray_net_error *error)
{
    struct ray_net_error inner = {""};
    struct ray_str text = ray_str_trim(ray_str_from(variable));
    enum ray_status status = RAY_OK;
    if (configured.len > 0) {
        status = check(configured, error);
        if (status == RAY_OK) {
            *out = configured;
        }
        return status;
    }
    if (text.len == 0) {
        *out = RAY_STR("127.0.0.1:2000");
        return RAY_OK;
    }
    status = read_variable(text, out, &inner);
    if (status != RAY_OK) {
        snprintf(error->text, sizeof(error->text), RAY_DAEMON_ADDRESS_VARIABLE ": %.150s",
                 inner.text);
    }
    return status;
}
