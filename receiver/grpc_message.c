/* grpc_message: see grpc_message.h. */
#include "receiver/grpc_message.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include "net/inflate.h"

/* What a thread keeps of its buffers between messages. */
#define KEEP_MAX_BYTES ((size_t)256 << 10)

void ray_grpc_opener_init(struct ray_grpc_opener *opener, size_t max_message_bytes)
{
    ray_buf_init(&opener->flat, max_message_bytes + 1);
    ray_buf_init(&opener->inflated, max_message_bytes);
}

void ray_grpc_opener_clear(struct ray_grpc_opener *opener)
{
    ray_buf_clear(&opener->flat);
    ray_buf_clear(&opener->inflated);
}

/* The bytes of `message` as one view: its only slice, or a copy. The null view: no memory. */
static struct ray_str flatten(struct ray_grpc_opener *opener, const grpc_byte_buffer *message)
{
    const grpc_slice_buffer *slices = &message->data.raw.slice_buffer;
    if (slices->count == 1) {
        const grpc_slice *only = &slices->slices[0];
        return (struct ray_str){(const char *)GRPC_SLICE_START_PTR(*only),
                                GRPC_SLICE_LENGTH(*only)};
    }
    ray_buf_reserve(&opener->flat, slices->length);
    for (size_t i = 0; i < slices->count; i++) {
        const grpc_slice *slice = &slices->slices[i];
        ray_buf_append(&opener->flat, (struct ray_str){(const char *)GRPC_SLICE_START_PTR(*slice),
                                                       GRPC_SLICE_LENGTH(*slice)});
    }
    return opener->flat.failed ? (struct ray_str){NULL, 0} : ray_buf_str(&opener->flat);
}

/* The collector's clients can be set to zstd, whose frames begin with this number (RFC 8878,
 * 3.1.1); no request begins so. */
static enum ray_compression compression_of(const grpc_byte_buffer *message, struct ray_str body)
{
    switch (message->data.raw.compression) {
    case GRPC_COMPRESS_GZIP:
        return RAY_COMPRESSION_GZIP;
    case GRPC_COMPRESS_DEFLATE:
        return RAY_COMPRESSION_DEFLATE;
    case GRPC_COMPRESS_NONE:
    case GRPC_COMPRESS_ALGORITHMS_COUNT:
        break;
    }
    return ray_str_starts_with(body, RAY_STR("\x28\xb5\x2f\xfd")) ? RAY_COMPRESSION_ZSTD
                                                                  : RAY_COMPRESSION_NONE;
}

enum ray_status ray_grpc_open(struct ray_grpc_opener *opener,
                              const struct grpc_byte_buffer *message, struct ray_str *body)
{
    struct ray_str flat = flatten(opener, message);
    if (opener->flat.failed) {
        return RAY_NOMEM;
    }
    enum ray_compression compression = compression_of(message, flat);
    enum ray_status status = RAY_OK;
    if (compression != RAY_COMPRESSION_NONE) {
        status = ray_inflate(compression, flat, &opener->inflated);
        flat = ray_buf_str(&opener->inflated);
    }
    if (status == RAY_OK) {
        *body = flat;
    }
    return status;
}

static void shrink(struct ray_buf *buf)
{
    size_t max_bytes = buf->max_bytes;
    if (buf->capacity > KEEP_MAX_BYTES) {
        ray_buf_clear(buf);
        ray_buf_init(buf, max_bytes);
    }
    ray_buf_reset(buf);
}

void ray_grpc_opener_reset(struct ray_grpc_opener *opener)
{
    shrink(&opener->flat);
    shrink(&opener->inflated);
}

/* framing_format.txt of google/snappy */
bool ray_grpc_is_snappy(struct ray_str body)
{
    return ray_str_starts_with(body, RAY_STR("\xff\x06\x00\x00sNaPpY"));
}
