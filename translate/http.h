/*
 * http: the http block, from old and new conventions side by side.
 */
#ifndef RAY_TRANSLATE_HTTP_H
#define RAY_TRANSLATE_HTTP_H

#include "core/json_writer.h"
#include "translate/shape.h"

struct ray_url_parts { /* NULL: not given */
    const struct ray_value *full, *scheme, *host, *port, *target, *path, *query;
};

struct ray_http {
    bool present;       /* some attribute makes the block exist */
    bool has_url;       /* some attribute says where the request went */
    bool has_forwarded; /* the field x_forwarded_for is written */
    bool forwarded;
    bool has_status;
    struct ray_str method, user_agent, client_ip;
    struct ray_url_parts url;
    int64_t status;
    int64_t content_length;
};

/* Consumes what it knows when the block is present (D22: otherwise nothing). */
struct ray_http ray_http_collect(const struct ray_span *span, const struct ray_shape *shape,
                                 struct ray_facts *facts);
/* The block's value; only when present. */
void ray_http_write(const struct ray_http *http, struct ray_json_writer *w);

/* The status code that decides error, fault and throttle; 0 when there is none (D11). */
int64_t ray_http_code(const struct ray_facts *facts);

#endif
