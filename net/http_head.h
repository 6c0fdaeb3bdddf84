/*
 * http_head: what the head of a request says, judged before anything is read. Pure.
 *
 * Private to net/. Two parties that read one request differently can be played against each other
 * (request smuggling), so framing that leaves room for doubt is refused, never repaired:
 * Transfer-Encoding together with Content-Length, either of them twice, any coding but "chunked"
 * (RFC 9112 6.1 and 6.3), names that are not tokens (RFC 9110 5.1).
 */
#ifndef RAY_NET_HTTP_HEAD_H
#define RAY_NET_HTTP_HEAD_H

#include "core/arena.h"

struct ray_http_field {
    struct ray_str name;
    struct ray_str value; /* without blanks around it */
};

enum ray_http_framing {
    RAY_HTTP_SIZED,   /* by Content-Length, or no body */
    RAY_HTTP_CHUNKED, /* length unknown */
    RAY_HTTP_BROKEN,  /* 400 */
};

/* *body_bytes is set for RAY_HTTP_SIZED; 0 without a Content-Length. */
enum ray_http_framing ray_http_framing_of(const struct ray_http_field *fields, size_t count,
                                          uint64_t *body_bytes);
/* The first field of that name (any case), or the NULL view. */
struct ray_str ray_http_find_field(const struct ray_http_field *fields, size_t count,
                                   struct ray_str name);

/* The path of a target, as sent: without query; also of "http://host/path" (RFC 9112 3.2.2). */
struct ray_str ray_http_target_path(struct ray_str target);
/* The first parameter of that name, decoded (%41, and '+' as a blank) into `arena`; the NULL view
 * when absent or out of memory. A '%' without two digits stands for itself. */
struct ray_str ray_http_target_query(struct ray_str target, struct ray_str name,
                                     struct ray_arena *arena);

#endif
