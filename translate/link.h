/*
 * link: references to spans of other traces.
 */
#ifndef RAY_TRANSLATE_LINK_H
#define RAY_TRANSLATE_LINK_H

#include "translate/value.h"

/* The field `links` of a span that has some. Attributes are metadata: `limits` apply. */
void ray_links_write(const struct ray_span *span, const struct ray_limits *limits,
                     struct ray_arena *arena, struct ray_json_writer *w);

#endif
