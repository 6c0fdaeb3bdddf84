/*
 * buf: a growing buffer of bytes, born with a maximum.
 *
 * Failure is sticky: after the maximum or the memory is reached every append does
 * nothing and `failed` stays set until reset, so a writer checks once at the end.
 * One thread at a time.
 */
#ifndef RAY_CORE_BUF_H
#define RAY_CORE_BUF_H

#include <string.h>

#include "core/str.h"

struct ray_buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max_bytes;
    bool failed; /* an append did not fit; `data` holds what came before it */
};

/* Allocates nothing. `max_bytes` > 0. */
void ray_buf_init(struct ray_buf *buf, size_t max_bytes);
void ray_buf_clear(struct ray_buf *buf); /* frees; as after init, with the same maximum */
void ray_buf_reset(struct ray_buf *buf); /* empties, keeps the memory, forgets `failed` */

/* Makes room for `bytes` more behind `len`. False (and failed) when it cannot be had. */
bool ray_buf_reserve(struct ray_buf *buf, size_t bytes);

/* Cuts back to an earlier length, to undo what was written since; also forgets `failed`. */
void ray_buf_rewind(struct ray_buf *buf, size_t len);

void ray_buf_printf(struct ray_buf *buf, const char *format, ...) RAY_PRINTF(2, 3);
/* Decimal text. */
void ray_buf_append_u64(struct ray_buf *buf, uint64_t value);

/* The bytes so far, valid until the next append. */
static inline struct ray_str ray_buf_str(const struct ray_buf *buf)
{
    return (struct ray_str){buf->data, buf->len};
}

static inline void ray_buf_append(struct ray_buf *buf, struct ray_str s)
{
    if (s.len > 0 && (buf->capacity - buf->len >= s.len || ray_buf_reserve(buf, s.len)) &&
        !buf->failed) {
        memcpy(buf->data + buf->len, s.ptr, s.len);
        buf->len += s.len;
    }
}

static inline void ray_buf_append_byte(struct ray_buf *buf, char byte)
{
    if ((buf->len < buf->capacity || ray_buf_reserve(buf, 1)) && !buf->failed) {
        buf->data[buf->len++] = byte;
    }
}

#endif
