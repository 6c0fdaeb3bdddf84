/*
 * answer: what the answer of an AWS service means for the one who called.
 *
 * Looks at the error *code* before the status, since throttling also comes as 400. Codes: X-Ray API
 * Reference ("Common Errors"), the retry tables of botocore and the Go SDK. Pure.
 */
#ifndef RAY_AWS_ANSWER_H
#define RAY_AWS_ANSWER_H

#include "core/str.h"

enum ray_answer {
    RAY_ANSWER_GOOD,          /* 2xx */
    RAY_ANSWER_THROTTLED,     /* slow down, then again */
    RAY_ANSWER_TRANSIENT,     /* their trouble: again */
    RAY_ANSWER_CONTENT,       /* what we sent is refused: never again as it is */
    RAY_ANSWER_SIGNATURE,     /* wrong secret, or the clocks differ */
    RAY_ANSWER_IDENTITY,      /* expired or unknown keys: look for new ones */
    RAY_ANSWER_MISCONFIGURED, /* permission, address: somebody must act */
};

#define RAY_ERROR_CODE_BYTES 96u
/* The error's name: the header x-amzn-ErrorType (`header`, "" when absent), else the body's __type
 * (behind '#') or code. "" when there is none. */
void ray_answer_code(const char *header, struct ray_str body, char out[RAY_ERROR_CODE_BYTES]);

enum ray_answer ray_answer_classify(unsigned status, struct ray_str code);

/* An HTTP date, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7; the two obsolete forms are not
 * read). RAY_INVALID otherwise. */
RAY_MUST_USE enum ray_status ray_answer_date(const char *text, uint64_t *unix_s);
/* Retry-After: seconds or a date, as milliseconds from `now_unix_s`; 0 when absent, past or not
 * readable; at most five minutes, so that no answer can switch us off. */
uint32_t ray_answer_retry_after_ms(const char *text, uint64_t now_unix_s);

#endif
