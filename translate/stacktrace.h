/*
 * stacktrace: the text of a stack trace, as SDKs print it, into frames and chained exceptions.
 *
 * Takes any text: what does not look like a frame is skipped. Frames are views into the text.
 */
#ifndef RAY_TRANSLATE_STACKTRACE_H
#define RAY_TRANSLATE_STACKTRACE_H

#include "core/arena.h"
#include "proto/span.h"
#include "translate/made_id.h"

struct ray_frame {
    struct ray_str path, label;
    int64_t line;
    struct ray_frame *next;
};

struct ray_exception {
    struct ray_str id; /* 16 hex digits */
    struct ray_str type, message;
    struct ray_str cause; /* id of the exception behind this one, empty: none */
    bool legacy;          /* of a segment (segment_cause) */
    bool has_remote;
    bool remote;
    bool has_truncated, has_skipped;
    int64_t truncated, skipped;
    struct ray_frame *frames; /* innermost first */
    size_t frame_count;
    const struct ray_event *event; /* what it was made of; NULL: a cause, or a status message */
    struct ray_exception *next;
};

/* What a parser needs to make frames and further exceptions. */
struct ray_stack_builder {
    struct ray_arena *arena;
    struct ray_made_ids *ids;
    struct ray_exception *current; /* frames go here */
    struct ray_frame **frame_end;
    bool failed; /* the arena is used up */
};

/* A new exception with an id of its own, zeroed else. NULL, and failed, when out of memory. */
struct ray_exception *ray_exception_new(struct ray_stack_builder *builder);

/*
 * Parses by the rules of `language` (telemetry.sdk.language; unknown ones give no frames) into
 * `exception`; the chain of causes is linked behind it, each named by the `cause` of the one
 * before.
 */
void ray_stacktrace_parse(struct ray_str language, struct ray_str text,
                          struct ray_exception *exception, struct ray_stack_builder *builder);

/* True when the exception and its causes say all that stands in the text: Java's form without
 * columns, lines of source, modules, "... 7 more" and the like. */
bool ray_stacktrace_is_whole(const struct ray_exception *exception, struct ray_str text);

#endif
