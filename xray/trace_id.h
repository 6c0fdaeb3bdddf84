/*
 * trace_id: a trace's 16 bytes in both spellings, 32 hex digits (W3C) and 1-8-24 (X-Ray).
 */
#ifndef RAY_XRAY_TRACE_ID_H
#define RAY_XRAY_TRACE_ID_H

#include "core/str.h"

#define RAY_XRAY_TRACE_ID_CHARS 35u /* "1-" + 8 + "-" + 24 */

struct ray_trace_id {
    uint8_t bytes[16];
};

/* Writes exactly RAY_XRAY_TRACE_ID_CHARS characters, no NUL. */
void ray_trace_id_write(const struct ray_trace_id *id, char *out);
/* Takes 1-8-24 and plain 32 digits, either case. RAY_INVALID for anything else. */
RAY_MUST_USE enum ray_status ray_trace_id_parse(struct ray_str text, struct ray_trace_id *out);

#endif
