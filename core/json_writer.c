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

static const double powers_of_ten[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                                       1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};

/* Both n < 2^53 and 10^k are exact as doubles and division rounds correctly, so n / 10^k is what
 * a correct reader makes of the text: when it gives the value back, the text is right, and the
 * smallest such k has the fewest digits. Answers most numbers 20 times faster than printf. */
static bool append_short_decimal(struct ray_buf *out, double magnitude)
{
    const double exact_limit = 9007199254740992.0; /* 2^53 */
    for (size_t places = 0; places < sizeof(powers_of_ten) / sizeof(powers_of_ten[0]); places++) {
        double scaled = magnitude * powers_of_ten[places];
        if (scaled >= exact_limit) {
            return false;
        }
        uint64_t digits = (uint64_t)(scaled + 0.5);
        if ((double)digits / powers_of_ten[places] == magnitude) {
            append_decimal(out, digits, places);
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
    /* below a millionth the exponent form is the shorter one */
    bool small = magnitude < 1e-6 && magnitude > 0;
    if (small || !append_short_decimal(w->out, magnitude)) {
        append_printed(w->out, magnitude);
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
