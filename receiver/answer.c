/* answer: see answer.h. */
#include "receiver/answer.h"

/* RESOURCE_EXHAUSTED means "send again" only with a RetryInfo beside it, UNAVAILABLE always; over
 * HTTP 503 does, 400 and 413 do not. */
static const struct ray_answer answers[] = {
    [RAY_OK] = {RAY_RPC_OK, 200},
    [RAY_AGAIN] = {RAY_RPC_RESOURCE_EXHAUSTED, 503},
    [RAY_INVALID] = {RAY_RPC_INVALID_ARGUMENT, 400},
    [RAY_TOO_BIG] = {RAY_RPC_RESOURCE_EXHAUSTED, 413},
    [RAY_NOMEM] = {RAY_RPC_RESOURCE_EXHAUSTED, 503},
    [RAY_IO] = {RAY_RPC_UNAVAILABLE, 503},
    [RAY_CLOSED] = {RAY_RPC_UNAVAILABLE, 503},
};

struct ray_answer ray_answer_for(enum ray_status status)
{
    return answers[status];
}
