/*
 * url_host: the host name in a URL, where the reference finds one.
 *
 * Connection strings look like URLs and often are none; awsxrayexporter asks Go's net/url, and
 * a text that it does not parse has no host. The same here, so that names agree.
 */
#ifndef RAY_TRANSLATE_URL_HOST_H
#define RAY_TRANSLATE_URL_HOST_H

#include "core/arena.h"

/* Without user, port and the brackets of IPv6; empty: none. A view into `url`, or from `arena` when
 * it is percent-encoded. */
struct ray_str ray_url_host(struct ray_str url, struct ray_arena *arena);

#endif
