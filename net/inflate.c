/* inflate: see inflate.h. */
#include "net/inflate.h"

#include <limits.h>

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

/* Past the first MiB a body may not have grown more than this. */
#define RATIO_FREE_BYTES (1024ul * 1024)
#define RATIO_MAX        100u

/* A zstd window is memory that the sender chooses, up to 2 GiB. RFC 9659 asks for at most 8 MiB in
 * HTTP; common encoders announce 16 and 32 MiB at their better levels, so that is where we stop. */
#define ZSTD_WINDOW_LOG_MAX 25

/* How far one step of a decoder came. */
enum step { STEP_ROOM_FULL, STEP_END, STEP_BROKEN, STEP_NO_MEMORY };
typedef enum step (*step_fn)(void *state, char *out, size_t room, size_t *made);

/* Runs `step` until the end, growing `out` by at most `limit` bytes. */
static enum ray_status drain(step_fn step, void *state, size_t limit, struct ray_buf *out)
{
    size_t made_total = 0;
    enum step how = STEP_ROOM_FULL;
    while (how == STEP_ROOM_FULL) {
        char spare; /* at the limit: may the end come, or only one byte more? */
        size_t room = limit - made_total, made = 0;
        if (room == 0) {
            how = step(state, &spare, 1, &made);
            if (made > 0) {
                return RAY_TOO_BIG;
            }
            continue;
        }
        if (!ray_buf_reserve(out, 1)) {
            return RAY_NOMEM;
        }
        if (room > out->capacity - out->len) {
            room = out->capacity - out->len;
        }
        how = step(state, out->data + out->len, room, &made);
        out->len += made;
        made_total += made;
    }
    return how == STEP_END ? RAY_OK : how == STEP_NO_MEMORY ? RAY_NOMEM : RAY_INVALID;
}

struct zlib_state {
    z_stream stream;
    bool members_may_follow; /* gzip: RFC 1952 2.2 */
};

/* STEP_END only when the input is used up: what follows a finished stream is another member or
 * garbage. */
static enum step zlib_step(void *opaque, char *out, size_t room, size_t *made)
{
    struct zlib_state *state = opaque;
    z_stream *stream = &state->stream;
    const uInt room_now = room > UINT_MAX ? UINT_MAX : (uInt)room;
    stream->next_out = (Bytef *)out;
    stream->avail_out = room_now;
    for (;;) {
        int code = inflate(stream, Z_NO_FLUSH);
        *made = room_now - stream->avail_out;
        if (code == Z_MEM_ERROR) {
            return STEP_NO_MEMORY;
        }
        if (code == Z_STREAM_END) {
            if (stream->avail_in == 0) {
                return STEP_END;
            }
            if (!state->members_may_follow || inflateReset(stream) != Z_OK) {
                return STEP_BROKEN;
            }
            continue;
        }
        if (code != Z_OK && code != Z_BUF_ERROR) {
            return STEP_BROKEN;
        }
        if (stream->avail_out == 0) {
            return STEP_ROOM_FULL;
        }
        if (stream->avail_in == 0) {
            return STEP_BROKEN; /* cut */
        }
    }
}

/* RFC 1950 2.2: method 8, and the first two bytes are a multiple of 31. A raw deflate stream that
 * starts like this would be a stored block with non-zero padding, which no encoder writes. */
static bool has_zlib_header(struct ray_str in)
{
    if (in.len < 2) {
        return false;
    }
    unsigned method = (unsigned char)in.ptr[0], flags = (unsigned char)in.ptr[1];
    return (method & 0x0f) == 8 && (method << 8 | flags) % 31 == 0;
}

static int window_bits(enum ray_compression compression, struct ray_str in)
{
    if (compression == RAY_COMPRESSION_GZIP) {
        return MAX_WBITS + 16;
    }
    return has_zlib_header(in) ? MAX_WBITS : -MAX_WBITS;
}

static enum ray_status inflate_zlib(enum ray_compression compression, struct ray_str in,
                                    size_t limit, struct ray_buf *out)
{
    struct zlib_state state = {.members_may_follow = compression == RAY_COMPRESSION_GZIP};
    if (in.len > UINT_MAX) {
        return RAY_TOO_BIG; /* zlib counts in 32 bits */
    }
    state.stream.next_in = (const Bytef *)in.ptr;
    state.stream.avail_in = (uInt)in.len;
    if (inflateInit2(&state.stream, window_bits(compression, in)) != Z_OK) {
        return RAY_NOMEM;
    }
    enum ray_status status = drain(zlib_step, &state, limit, out);
    inflateEnd(&state.stream);
    return status;
}

struct zstd_state {
    ZSTD_DStream *stream;
    ZSTD_inBuffer in;
};

static enum step zstd_step(void *opaque, char *out, size_t room, size_t *made)
{
    struct zstd_state *state = opaque;
    ZSTD_outBuffer to = {out, room, 0};
    for (;;) {
        size_t left = ZSTD_decompressStream(state->stream, &to, &state->in);
        *made = to.pos;
        if (ZSTD_isError(left)) {
            return STEP_BROKEN;
        }
        if (left == 0 && state->in.pos == state->in.size) {
            return STEP_END;
        }
        if (to.pos == to.size) {
            return STEP_ROOM_FULL;
        }
        if (state->in.pos == state->in.size) {
            return STEP_BROKEN; /* cut */
        }
    }
}

static enum ray_status inflate_zstd(struct ray_str in, size_t limit, struct ray_buf *out)
{
    struct zstd_state state = {ZSTD_createDStream(), {in.ptr, in.len, 0}};
    if (state.stream == NULL) {
        return RAY_NOMEM;
    }
    enum ray_status status = RAY_NOMEM;
    if (!ZSTD_isError(
            ZSTD_DCtx_setParameter(state.stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX))) {
        status = drain(zstd_step, &state, limit, out);
    }
    ZSTD_freeDStream(state.stream);
    return status;
}

static size_t limit_of(struct ray_str in, const struct ray_buf *out)
{
    size_t room = out->max_bytes - out->len;
    size_t by_ratio = in.len > SIZE_MAX / RATIO_MAX ? SIZE_MAX : in.len * RATIO_MAX;
    if (by_ratio < RATIO_FREE_BYTES) {
        by_ratio = RATIO_FREE_BYTES;
    }
    return by_ratio < room ? by_ratio : room;
}

static enum ray_status append_plain(struct ray_str in, struct ray_buf *out)
{
    if (in.len > out->max_bytes - out->len) {
        return RAY_TOO_BIG;
    }
    ray_buf_append(out, in);
    return out->failed ? RAY_NOMEM : RAY_OK;
}

static enum ray_status open_with(enum ray_compression compression, struct ray_str in,
                                 struct ray_buf *out)
{
    switch (compression) {
    case RAY_COMPRESSION_NONE:
        return append_plain(in, out);
    case RAY_COMPRESSION_GZIP:
    case RAY_COMPRESSION_DEFLATE:
        return in.len == 0 ? RAY_INVALID : inflate_zlib(compression, in, limit_of(in, out), out);
    case RAY_COMPRESSION_ZSTD:
        return in.len == 0 ? RAY_INVALID : inflate_zstd(in, limit_of(in, out), out);
    }
    return RAY_INVALID;
}

enum ray_status ray_inflate(enum ray_compression compression, struct ray_str in,
                            struct ray_buf *out)
{
    const size_t before = out->len;
    enum ray_status status = open_with(compression, in, out);
    if (status != RAY_OK) {
        ray_buf_rewind(out, before);
    }
    return status;
}

static const struct {
    struct ray_str name;
    enum ray_compression compression;
} names[] = {
    {RAY_STR_INIT(""), RAY_COMPRESSION_NONE},
    {RAY_STR_INIT("identity"), RAY_COMPRESSION_NONE},
    {RAY_STR_INIT("gzip"), RAY_COMPRESSION_GZIP},
    {RAY_STR_INIT("x-gzip"), RAY_COMPRESSION_GZIP}, /* RFC 9110 8.4.1.3: the same as gzip */
    {RAY_STR_INIT("deflate"), RAY_COMPRESSION_DEFLATE},
    {RAY_STR_INIT("zlib"), RAY_COMPRESSION_DEFLATE}, /* the OpenTelemetry collector's name */
    {RAY_STR_INIT("zstd"), RAY_COMPRESSION_ZSTD},
};

enum ray_status ray_compression_parse(struct ray_str name, enum ray_compression *out)
{
    struct ray_str trimmed = ray_str_trim(name);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ray_str_eq_nocase(trimmed, names[i].name)) {
            *out = names[i].compression;
            return RAY_OK;
        }
    }
    return RAY_INVALID;
}
