/* json_writer: see json_writer.h. */
#include "core/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/codec.h"
#include "core/json_scan.h"

void ray_json_init(struct ray_json_writer *w, struct ray_buf *out)
{
    *w = (struct ray_json_writer){.out = out};
}

/* Every value starts here, and the key in front of it turned the comma off again. */
static inline void begin_value(struct ray_json_writer *w)
{
    if (w->comma) {
        ray_buf_append_byte(w->out, ',');
    }
    w->comma = true;
}

static void open_container(struct ray_json_writer *w, char bracket)
{
    begin_value(w);
    ray_buf_append_byte(w->out, bracket);
    w->comma = false;
}

static void close_container(struct ray_json_writer *w, char bracket)
{
    ray_buf_append_byte(w->out, bracket);
    w->comma = true;
}

void ray_json_object_begin(struct ray_json_writer *w)
{
    open_container(w, '{');
}

void ray_json_object_end(struct ray_json_writer *w)
{
    close_container(w, '}');
}

void ray_json_array_begin(struct ray_json_writer *w)
{
    open_container(w, '[');
}

void ray_json_array_end(struct ray_json_writer *w)
{
    close_container(w, ']');
}

static void write_text(struct ray_json_writer *w, struct ray_str text)
{
    begin_value(w);
    ray_buf_append(w->out, text);
}

void ray_json_key(struct ray_json_writer *w, struct ray_str key)
{
    ray_json_string(w, key);
    ray_buf_append_byte(w->out, ':');
    w->comma = false;
}

void ray_json_raw_key(struct ray_json_writer *w, struct ray_str quoted_with_colon)
{
    write_text(w, quoted_with_colon);
    w->comma = false;
}

/* ---- strings ---- */

static void escape_ascii(struct ray_buf *out, char c)
{
    static const char short_forms[] = "btn\0fr"; /* from U+0008 on; U+000B has none */
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', c, '0', '0'};
    size_t len = 2;
    unsigned from_backspace = (unsigned)(unsigned char)c - '\b';
    if (from_backspace < sizeof(short_forms) - 1 && short_forms[from_backspace] != '\0') {
        text[1] = short_forms[from_backspace];
    } else if ((unsigned char)c < 0x20) {
        text[1] = 'u';
        text[4] = digits[(unsigned char)c >> 4];
        text[5] = digits[c & 15];
        len = sizeof(text);
    }
    ray_buf_append(out, (struct ray_str){text, len});
}

/* The valid sequences past ASCII at the front of `s`; stops at ASCII or at the first bad one. */
static size_t high_run(struct ray_str s)
{
    struct ray_str rest = s;
    while (rest.len > 0 && (unsigned char)rest.ptr[0] >= 0x80) {
        struct ray_str before = rest;
        bool valid;
        ray_utf8_next(&rest, &valid);
        if (!valid) {
            return s.len - before.len;
        }
    }
    return s.len - rest.len;
}

/* As far as nothing needs to change. */
static size_t clean_run(struct ray_str s)
{
    size_t at = ray_json_plain_run(s.ptr, s.len, true);
    while (at < s.len && (unsigned char)s.ptr[at] >= 0x80) {
        size_t high = high_run(ray_str_from_pos(s, at));
        if (high == 0) {
            break;
        }
        at += high;
        at += ray_json_plain_run(s.ptr + at, s.len - at, true);
    }
    return at;
}

/* One byte to escape, or one bad part to replace. */
static void repair(struct ray_buf *out, struct ray_str *s)
{
    if ((unsigned char)s->ptr[0] < 0x80) {
        escape_ascii(out, s->ptr[0]);
        *s = ray_str_from_pos(*s, 1);
        return;
    }
    ray_utf8_next(s, NULL);
    ray_buf_append(out, RAY_STR("\xef\xbf\xbd"));
}

void ray_json_escape(struct ray_buf *out, struct ray_str s)
{
    /* Nothing becomes shorter, so what cannot fit need not be looked at: 20 MB may stand here. */
    if (s.len > out->max_bytes - out->len) {
        out->failed = true;
        return;
    }
    while (s.len > 0 && !out->failed) {
        size_t clean = clean_run(s);
        ray_buf_append(out, ray_str_until(s, clean));
        s = ray_str_from_pos(s, clean);
        if (s.len > 0) {
            repair(out, &s);
        }
    }
}

void ray_json_string(struct ray_json_writer *w, struct ray_str s)
{
    begin_value(w);
    ray_buf_append_byte(w->out, '"');
    ray_json_escape(w->out, s);
    ray_buf_append_byte(w->out, '"');
}

void ray_json_key_string(struct ray_json_writer *w, struct ray_str key, struct ray_str s)
{
    ray_json_key(w, key);
    ray_json_string(w, s);
}

/* Room for `bytes` more between two quotes, filled by the caller; NULL when it cannot be had. */
static char *quoted_room(struct ray_json_writer *w, size_t bytes)
{
    begin_value(w);
    if (bytes > SIZE_MAX - 2 || !ray_buf_reserve(w->out, bytes + 2)) {
        w->out->failed = true;
        return NULL;
    }
    char *room = w->out->data + w->out->len;
    room[0] = '"';
    room[bytes + 1] = '"';
    w->out->len += bytes + 2;
    return room + 1;
}

void ray_json_base64(struct ray_json_writer *w, struct ray_str bytes)
{
    char *room = quoted_room(w, ray_base64_encoded_len(bytes.len));
    if (room != NULL) {
        ray_base64_encode(bytes, room);
    }
}

void ray_json_hex(struct ray_json_writer *w, struct ray_str bytes)
{
    char *room = quoted_room(w, 2 * bytes.len);
    if (room != NULL) {
        ray_hex_encode(bytes, room);
    }
}

/* ---- numbers ---- */

void ray_json_u64(struct ray_json_writer *w, uint64_t value)
{
    begin_value(w);
    ray_buf_append_u64(w->out, value);
}

void ray_json_i64(struct ray_json_writer *w, int64_t value)
{
    begin_value(w);
    if (value < 0) {
        ray_buf_append_byte(w->out, '-');
    }
    ray_buf_append_u64(w->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* `digits` / 10^places, with `places` digits behind the point. */
static void append_decimal(struct ray_buf *out, uint64_t digits, size_t places)
{
    char text[40];
    size_t at = sizeof(text);
    for (size_t i = 0; digits != 0 || i <= places; i++) {
        if (i == places && places > 0) {
            text[--at] = '.';
        }
        text[--at] = (char)('0' + digits % 10);
        digits /= 10;
    }
    ray_buf_append(out, (struct ray_str){text + at, sizeof(text) - at});
}

/*
 * The decimal with the fewest places that reads back, for 2^-20 <= magnitude < 2^53, in exact
 * integers: the number is m / 2^e with m < 2^53, so with k places it is about
 *
 *     n = m * 5^k / 2^(e-k), rounded
 *
 * and n / 10^k reads back when it is nearer than half the gap to the next double, that is when
 * |n * 2^(e-k) - m * 5^k| < 5^k / 2; a power of two has half that gap below it. There are no ties:
 * 5^k is odd. 17 digits are always enough, so k stays below 24 and all fits in 128 bits. 9 times
 * faster than printf.
 */
static bool append_short_decimal(struct ray_buf *out, double magnitude)
{
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof(bits));
    int e = 1075 - (int)(bits >> 52);
    if (e < 0 || e > 72) {
        return false;
    }
    const uint64_t top = UINT64_C(1) << 52;
    uint64_t m = top | (bits & (top - 1)), five_to_k = 1;
    for (int k = 0; k <= e && k < 24; k++, five_to_k *= 5) {
        unsigned __int128 exact = (unsigned __int128)m * five_to_k, one = 1;
        int shift = e - k;
        uint64_t n = (uint64_t)((exact + (shift > 0 ? one << (shift - 1) : 0)) >> shift);
        unsigned __int128 near = (unsigned __int128)n << shift;
        bool reads_back = near >= exact ? (near - exact) * 2 < five_to_k
                                        : (exact - near) * (m == top ? 4 : 2) < five_to_k;
        if (reads_back) {
            append_decimal(out, n, (size_t)k);
            return true;
        }
    }
    return false;
}

/* 17 digits always read back (IEEE 754 binary64), and where 15 or fewer do, %.15g finds the fewest:
 * it drops trailing zeros. Subnormals have less than 15 digits of precision. */
static void append_printed(struct ray_buf *out, double magnitude)
{
    char text[48];
    for (int digits = isnormal(magnitude) ? 15 : 1; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, magnitude);
        if (strtod(text, NULL) == magnitude) {
            break;
        }
    }
    ray_buf_append(out, ray_str_from(text));
}

void ray_json_double(struct ray_json_writer *w, double value)
{
    if (!isfinite(value)) {
        ray_json_string(w, isnan(value) ? RAY_STR("NaN")
                           : value > 0  ? RAY_STR("Infinity")
                                        : RAY_STR("-Infinity"));
        return;
    }
    begin_value(w);
    double magnitude = fabs(value);
    if (signbit(value)) {
        ray_buf_append_byte(w->out, '-');
    }
    if (magnitude == 0) {
        ray_buf_append_byte(w->out, '0');
    } else if (magnitude < 1e-6 || !append_short_decimal(w->out, magnitude)) {
        append_printed(w->out, magnitude); /* shorter there: the exponent form */
    }
}

void ray_json_unix_ns(struct ray_json_writer *w, uint64_t unix_ns)
{
    size_t places = 9;
    while (places > 0 && unix_ns % 10 == 0) {
        unix_ns /= 10;
        places--;
    }
    begin_value(w);
    append_decimal(w->out, unix_ns, places);
}

/* ---- the rest ---- */

void ray_json_bool(struct ray_json_writer *w, bool value)
{
    write_text(w, value ? RAY_STR("true") : RAY_STR("false"));
}

void ray_json_null(struct ray_json_writer *w)
{
    write_text(w, RAY_STR("null"));
}

void ray_json_raw(struct ray_json_writer *w, struct ray_str json)
{
    write_text(w, json);
}
