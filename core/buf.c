/* buf: see buf.h. */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_BYTES 256u

void ray_buf_init(struct ray_buf *buf, size_t max_bytes)
{
    *buf = (struct ray_buf){.max_bytes = max_bytes};
}

void ray_buf_clear(struct ray_buf *buf)
{
    free(buf->data);
    *buf = (struct ray_buf){.max_bytes = buf->max_bytes};
}

void ray_buf_reset(struct ray_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void ray_buf_rewind(struct ray_buf *buf, size_t len)
{
    if (len < buf->len) {
        buf->len = len;
    }
    buf->failed = false;
}

static size_t next_capacity(const struct ray_buf *buf, size_t needed)
{
    size_t capacity = buf->capacity ? buf->capacity : FIRST_BYTES;
    while (capacity < needed && capacity <= buf->max_bytes / 2) {
        capacity *= 2;
    }
    return capacity < needed || capacity > buf->max_bytes ? buf->max_bytes : capacity;
}

bool ray_buf_reserve(struct ray_buf *buf, size_t bytes)
{
    if (buf->failed) {
        return false;
    }
    if (buf->capacity - buf->len >= bytes) {
        return true;
    }
    if (buf->max_bytes - buf->len < bytes) {
        buf->failed = true;
        return false;
    }
    size_t capacity = next_capacity(buf, buf->len + bytes);
    char *data = realloc(buf->data, capacity + 1); /* and room for vsnprintf's NUL */
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void ray_buf_printf(struct ray_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0 && ray_buf_reserve(buf, (size_t)len)) {
        va_start(args, format);
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
        va_end(args);
        buf->len += (size_t)len;
    }
}

void ray_buf_append_u64(struct ray_buf *buf, uint64_t value)
{
    char text[20];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    ray_buf_append(buf, (struct ray_str){text + at, sizeof(text) - at});
}
