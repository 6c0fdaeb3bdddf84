/* http_origin: see http_origin.h. */
#include "net/http_origin.h"

#include <string.h>

/* The host part of "host:port" or "[v6]:port". */
static struct ray_str host_of(struct ray_str host)
{
    if (ray_str_starts_with(host, RAY_STR("["))) {
        return ray_str_until(host, ray_str_find_byte(host, ']') + 1);
    }
    return ray_str_until(host, ray_str_find_byte(host, ':'));
}

static bool is_loopback_name(struct ray_str host)
{
    return ray_str_eq_nocase(host, RAY_STR("localhost")) || ray_str_eq(host, RAY_STR("[::1]")) ||
           (ray_str_starts_with(host, RAY_STR("127.")) &&
            strspn(host.ptr, "0123456789.") >= host.len);
}

/* A site that makes its own name point to 127.0.0.1 is seen by the Host that its browser sends; a
 * page of another site by the Origin. */
bool ray_http_is_foreign(struct ray_http_exchange *exchange, bool on_loopback)
{
    struct ray_str host = ray_http_header(exchange, "Host");
    struct ray_str origin = ray_http_header(exchange, "Origin");
    if (on_loopback && host.len > 0 && !is_loopback_name(host_of(host))) {
        return true;
    }
    if (origin.ptr == NULL || origin.len == 0) {
        return false;
    }
    bool ours = ray_str_starts_with(origin, RAY_STR("http://")) &&
                ray_str_eq_nocase(ray_str_from_pos(origin, sizeof("http://") - 1), host);
    return !ours;
}
