/*
 * scan: reads just enough of a segment document that somebody else wrote, and says whether the
 * service would take it.
 *
 * No tree, no copy: one pass over the text. Checks the structure of the document and of every
 * subsegment inside it, in the order of enum ray_scan_code, so that one document always gets the
 * same answer. Members it does not know are passed over. It never changes a document. Pure.
 */
#ifndef RAY_XRAY_SCAN_H
#define RAY_XRAY_SCAN_H

#include "core/arena.h"
#include "xray/trace_id.h"

/* JSON containers open at once; metadata counts too. Deeper is a ParseError. */
#define RAY_SCAN_DEPTH_MAX 256u
/* Subsegments inside subsegments; each takes two JSON levels. Deeper is a ParseError. */
#define RAY_SCAN_SUBSEGMENTS_DEPTH_MAX 64u

/*
 * Why a document is not processed: the ErrorCode of UnprocessedTraceSegments. MissingId,
 * InvalidName, MissingEndTime and MissingParentId were seen in answers of the service (public
 * issues of the X-Ray SDKs and the collector), InvalidTraceId stands in the developer guide; the
 * others are named by analogy. In the order in which they are looked for: a subsegment's structure
 * comes before its trace id, as on the service.
 */
enum ray_scan_code {
    RAY_SCAN_OK = 0,
    RAY_SCAN_SEGMENT_TOO_LARGE, /* over RAY_SEGMENT_MAX_BYTES */
    RAY_SCAN_PARSE_ERROR,       /* not JSON, or nested too deep */
    RAY_SCAN_MISSING_ID,        /* also "[]" and every JSON value that is no object */
    RAY_SCAN_INVALID_ID,
    RAY_SCAN_MISSING_NAME,
    RAY_SCAN_INVALID_NAME,
    RAY_SCAN_MISSING_START_TIME,
    RAY_SCAN_INVALID_START_TIME,
    RAY_SCAN_MISSING_END_TIME, /* neither end_time nor in_progress: true */
    RAY_SCAN_INVALID_END_TIME,
    RAY_SCAN_MISSING_PARENT_ID, /* type subsegment, standing alone */
    RAY_SCAN_INVALID_PARENT_ID,
    RAY_SCAN_MISSING_TRACE_ID,
    RAY_SCAN_INVALID_TRACE_ID,
    RAY_SCAN_CODE_COUNT
};
/* "MissingId"; "" for RAY_SCAN_OK. Never NULL. */
const char *ray_scan_code_name(enum ray_scan_code code);

struct ray_segment_scan {
    struct ray_str id_text; /* as written, "" when there is none: for the answer */
    struct ray_str name;
    struct ray_trace_id trace_id;
    uint8_t id[8];
    uint8_t parent_id[8];
    bool has_parent;
    bool is_subsegment; /* type "subsegment": independent */
    bool in_progress;
    bool error, fault, throttle;
    uint64_t start_unix_ns;
    uint64_t end_unix_ns;       /* the start when in progress */
    bool problem_in_subsegment; /* what the code complains about is a subsegment */
};

/*
 * Scans one document. On any code but RAY_SCAN_OK only `id_text` (empty when it could not be read)
 * and `problem_in_subsegment` are set. Strings are views into `text`, or into `arena` when they
 * hold escapes. RAY_SCAN_PARSE_ERROR also when the arena is used up.
 */
enum ray_scan_code ray_segment_scan(struct ray_str text, struct ray_arena *arena,
                                    struct ray_segment_scan *out);

/* The service's words for a code (seen in answers): "Invalid segment. ErrorCode: MissingId", or
 * "Invalid subsegment. ErrorCode: MissingEndTime, Cause: null". NUL-terminated. */
#define RAY_SCAN_MESSAGE_BYTES 96u
void ray_scan_message(enum ray_scan_code code, bool in_subsegment,
                      char out[RAY_SCAN_MESSAGE_BYTES]);

#endif
