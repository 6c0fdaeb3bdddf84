/* status: see status.h. */
#include "core/status.h"

const char *ray_status_name(enum ray_status status)
{
    switch (status) {
    case RAY_OK:
        return "ok";
    case RAY_AGAIN:
        return "again";
    case RAY_INVALID:
        return "invalid";
    case RAY_TOO_BIG:
        return "too_big";
    case RAY_NOMEM:
        return "no_memory";
    case RAY_IO:
        return "io";
    case RAY_CLOSED:
        return "closed";
    }
    return "unknown";
}

enum ray_status ray_status_worst(enum ray_status a, enum ray_status b)
{
    return a > b ? a : b;
}
