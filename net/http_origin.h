/*
 * http_origin: does a browser ask on behalf of somebody else's page?
 *
 * For listeners without authentication: pages of any site may send requests to an address on this
 * machine, and a site may let its own name point here (DNS rebinding).
 */
#ifndef RAY_NET_HTTP_ORIGIN_H
#define RAY_NET_HTTP_ORIGIN_H

#include "net/http_server.h"

/* True when Origin names another site than Host does, or, for a listener `on_loopback`, when Host
 * is no name of this machine. A client that sends neither is no browser. */
bool ray_http_is_foreign(struct ray_http_exchange *exchange, bool on_loopback);

#endif
