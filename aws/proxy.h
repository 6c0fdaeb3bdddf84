/*
 * proxy: through which HTTP proxy a URL is called, by the settings and the environment.
 *
 * We match NO_PROXY ourselves: libcurl's own matching knows neither IPv6 networks nor "*.name" nor
 * "host:port" (measured with 7.88), and it ignores HTTP_PROXY in capitals.
 */
#ifndef RAY_AWS_PROXY_H
#define RAY_AWS_PROXY_H

#include "aws/endpoint.h"

#define RAY_PROXY_BYTES 512u

/* `configured`, else HTTPS_PROXY or HTTP_PROXY (or in lower case) by the URL's scheme, unless
 * NO_PROXY (no_proxy) names the host. "" is direct; loopback always is. A proxy that does not fit
 * RAY_PROXY_BYTES is left out. */
void ray_proxy_find(const struct ray_aws_environment *environment, struct ray_str configured,
                    const struct ray_endpoint *endpoint, char out[RAY_PROXY_BYTES]);

#endif
