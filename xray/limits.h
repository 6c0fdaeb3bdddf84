/*
 * limits: each X-Ray limit that this program keeps, with its unit and its source.
 */
#ifndef RAY_XRAY_LIMITS_H
#define RAY_XRAY_LIMITS_H

/* A segment document is at most 64 kB (X-Ray developer guide, segment documents). */
#define RAY_SEGMENT_MAX_BYTES (64u * 1024)
/* Documents of one PutTraceSegments call (the daemon and the reference send at most this many). */
#define RAY_PUT_DOCUMENTS_MAX 50u
/* Body of one PutTraceSegments call; the service names no figure, this stays below known front
 * ends. */
#define RAY_PUT_BODY_MAX_BYTES (1024u * 1024)
/* What is stored of a trace, sent together and over a longer time: "100 to 500 kB, dynamic" (X-Ray
 * quotas; the two cases by AWS support on re:Post). Beyond: InvalidSegment, "Trace Size Exceeded".
 */
#define RAY_TRACE_TOGETHER_MAX_BYTES 500000u
#define RAY_TRACE_SPREAD_MAX_BYTES   100000u
/* Segment names, in characters (segment documents). */
#define RAY_NAME_MAX_CHARS 200u
/* Annotation keys and string values, in characters (quotas). */
#define RAY_ANNOTATION_KEY_MAX_CHARS   500u
#define RAY_ANNOTATION_VALUE_MAX_CHARS 1000u

#endif
