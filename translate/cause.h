/*
 * cause: error, fault and throttle, and the exceptions behind them.
 */
#ifndef RAY_TRANSLATE_CAUSE_H
#define RAY_TRANSLATE_CAUSE_H

#include "core/json_writer.h"
#include "translate/shape.h"
#include "translate/stacktrace.h"
#include "translate/value.h"

struct ray_cause {
    bool error, fault, throttle;
    bool present;      /* there is a cause, maybe an empty one */
    bool by_code;      /* an HTTP code decided the three flags, not the status */
    bool took_message; /* the status message is its exception */
    struct ray_exception *exceptions;
    struct ray_str elsewhere; /* id of the exception in another subsegment that is the cause */
    bool failed;              /* the arena is used up */
};

/* `language` is the resource's telemetry.sdk.language. Consumes http.status_text where it looked.
 */
struct ray_cause ray_cause_collect(const struct ray_span *span, const struct ray_shape *shape,
                                   struct ray_facts *facts, struct ray_str language,
                                   struct ray_made_ids *ids, struct ray_arena *arena);
/* True for an event that becomes an exception. */
bool ray_cause_takes(const struct ray_event *event, const struct ray_shape *shape);
/* True for an attribute of such an event that `exception`, made of it, shows. Frames show a stack's
 * text when there are some. */
bool ray_cause_shows(const struct ray_event *event, const struct ray_exception *exception,
                     const struct ray_attribute *attribute);
/* The block's value; only when present. */
void ray_cause_write(const struct ray_cause *cause, const struct ray_limits *limits,
                     struct ray_arena *arena, struct ray_json_writer *w);

#endif
