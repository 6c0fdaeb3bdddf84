/*
 * address: "host:port" texts and listening sockets.
 */
#ifndef RAY_NET_ADDRESS_H
#define RAY_NET_ADDRESS_H

#include <sys/socket.h>

#include "core/str.h"

struct ray_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

#define RAY_ADDRESS_TEXT_BYTES 64u

/* Why it failed, for the operator: "localhost:70000: port is not 0 to 65535". */
struct ray_net_error {
    char text[200];
};

/* Splits "host:port", "[v6]:port", ":port" (all addresses). RAY_INVALID with *error set. */
RAY_MUST_USE enum ray_status ray_address_split(struct ray_str text, struct ray_str *host,
                                               uint16_t *port, struct ray_net_error *error);
/* Resolves a text to *listen* on; blocks on the resolver. "localhost" gives 127.0.0.1 without
 * asking anyone. */
RAY_MUST_USE enum ray_status ray_address_resolve(struct ray_str text, struct ray_address *out,
                                                 struct ray_net_error *error);
/* A TCP socket, bound and listening, non-blocking, close-on-exec, SO_REUSEADDR. Port 0 takes a free
 * one. *fd is the caller's. RAY_IO with *error: address in use, foreign, no permission. */
RAY_MUST_USE enum ray_status ray_listen_tcp(const struct ray_address *address, int *fd,
                                            struct ray_net_error *error);
/* The address that a socket is bound to. */
RAY_MUST_USE enum ray_status ray_address_of_socket(int fd, struct ray_address *out);
uint16_t ray_address_port(const struct ray_address *address);
bool ray_address_is_loopback(const struct ray_address *address);
/* "127.0.0.1:4317" or "[::1]:4317", NUL-terminated. */
void ray_address_text(const struct sockaddr *address, char out[RAY_ADDRESS_TEXT_BYTES]);

#endif
