/*
 * daemon_address: where an X-Ray daemon is, as configuration and applications say it.
 *
 * Applications share one variable, AWS_XRAY_DAEMON_ADDRESS: "host:port", or
 * "tcp:host:port udp:host:port" in either order (X-Ray developer guide, SDK configuration). Pure.
 */
#ifndef RAY_EXPORTER_DAEMON_ADDRESS_H
#define RAY_EXPORTER_DAEMON_ADDRESS_H

#include "net/address.h"

#define RAY_DAEMON_ADDRESS_VARIABLE "AWS_XRAY_DAEMON_ADDRESS"

/* "host:port" to send datagrams to: `configured`, else what `variable` (the variable's text; NULL
 * or
 * "" when unset) says, else 127.0.0.1:2000. A view into one of them. RAY_INVALID with *error: no
 * address, or none for UDP. */
RAY_MUST_USE enum ray_status ray_daemon_address_find(struct ray_str configured,
                                                     const char *variable, struct ray_str *out,
                                                     struct ray_net_error *error);

#endif
