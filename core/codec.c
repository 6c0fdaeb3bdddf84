/* codec: see codec.h. */
#include "core/codec.h"

#include <string.h>

#define NO_DIGIT 0xffu

/* ---- hex ---- */

void ray_hex_encode(struct ray_str bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.ptr[i];
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
}

static unsigned hex_value(char c)
{
    unsigned digit = (unsigned)(uint8_t)c - '0';
    unsigned letter = ((unsigned)(uint8_t)c | 0x20) - 'a';
    if (digit < 10) {
        return digit;
    }
    return letter < 6 ? letter + 10 : NO_DIGIT;
}

enum ray_status ray_hex_decode(struct ray_str text, uint8_t *out, size_t out_bytes)
{
    if (text.len % 2 != 0 || text.len / 2 != out_bytes) {
        return RAY_INVALID;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (hex_value(text.ptr[i]) == NO_DIGIT) {
            return RAY_INVALID;
        }
    }
    for (size_t i = 0; i < out_bytes; i++) {
        out[i] = (uint8_t)(hex_value(text.ptr[2 * i]) << 4 | hex_value(text.ptr[2 * i + 1]));
    }
    return RAY_OK;
}

/* ---- base64: RFC 4648, sections 4 and 5 ---- */

size_t ray_base64_encoded_len(size_t bytes)
{
    return (bytes + 2) / 3 * 4;
}

static void encode_group(uint32_t group, char out[4])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 3; i >= 0; i--, group >>= 6) {
        out[i] = alphabet[group & 63];
    }
}

void ray_base64_encode(struct ray_str bytes, char *out)
{
    const uint8_t *in = (const uint8_t *)bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 3; left -= 3, in += 3, out += 4) {
        encode_group((uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2], out);
    }
    if (left > 0) {
        encode_group((uint32_t)in[0] << 16 | (left == 2 ? (uint32_t)in[1] << 8 : 0), out);
        out[3] = '=';
        if (left == 1) {
            out[2] = '=';
        }
    }
}

/* Both alphabets in one table; 255 is no digit. */
/* clang-format off */
static const uint8_t base64_values[256] = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,  62, 255,  62, 255,  63,
     52,  53,  54,  55,  56,  57,  58,  59,  60,  61, 255, 255, 255, 255, 255, 255,
    255,   0,   1,   2,   3,   4,   5,   6,   7,   8,   9,  10,  11,  12,  13,  14,
     15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25, 255, 255, 255, 255,  63,
    255,  26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,
     41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
};
/* clang-format on */

/* Padding, where there is some, must fill the last group of four. */
static struct ray_str without_padding(struct ray_str text)
{
    for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++) {
        text.len--;
    }
    return text;
}

enum ray_status ray_base64_decode(struct ray_str text, uint8_t *out, size_t *out_bytes)
{
    struct ray_str digits = without_padding(text);
    if (digits.len % 4 == 1 || (digits.len != text.len && text.len % 4 != 0)) {
        return RAY_INVALID;
    }
    uint32_t group = 0;
    size_t written = 0;
    for (size_t i = 0; i < digits.len; i++) {
        uint8_t value = base64_values[(uint8_t)digits.ptr[i]];
        if (value == NO_DIGIT) {
            return RAY_INVALID;
        }
        group = group << 6 | value;
        if (i % 4 != 0) { /* each digit after a group's first completes one byte */
            out[written++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
        }
    }
    *out_bytes = written;
    return RAY_OK;
}

/* ---- UTF-8: Unicode 15, table 3-7 (well-formed byte sequences) ---- */

struct utf8_lead {
    uint8_t first, last; /* lead bytes of this row */
    uint8_t more;        /* bytes behind the lead */
    uint8_t low, high;   /* what the second byte may be; later ones are 80..BF */
    uint8_t bits;        /* the lead's own bits of the code point */
};

static const struct utf8_lead utf8_leads[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf, 0x1f}, {0xe0, 0xe0, 2, 0xa0, 0xbf, 0x0f},
    {0xe1, 0xec, 2, 0x80, 0xbf, 0x0f}, {0xed, 0xed, 2, 0x80, 0x9f, 0x0f},
    {0xee, 0xef, 2, 0x80, 0xbf, 0x0f}, {0xf0, 0xf0, 3, 0x90, 0xbf, 0x07},
    {0xf1, 0xf3, 3, 0x80, 0xbf, 0x07}, {0xf4, 0xf4, 3, 0x80, 0x8f, 0x07},
};

static const struct utf8_lead *find_lead(uint8_t byte)
{
    for (size_t i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++) {
        if (byte <= utf8_leads[i].last) {
            return byte >= utf8_leads[i].first ? &utf8_leads[i] : NULL;
        }
    }
    return NULL;
}

/* Length of the sequence, or of the bad maximal subpart, at `in`, which starts past ASCII. */
static size_t decode_long(const uint8_t *in, size_t left, uint32_t *code_point)
{
    const struct utf8_lead *lead = find_lead(in[0]);
    *code_point = RAY_UTF8_REPLACEMENT;
    if (lead == NULL) {
        return 1;
    }
    uint32_t value = in[0] & lead->bits;
    uint8_t low = lead->low, high = lead->high;
    for (size_t i = 1; i <= lead->more; i++) {
        if (i >= left || in[i] < low || in[i] > high) {
            return i;
        }
        value = value << 6 | (in[i] & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    *code_point = value;
    return lead->more + 1u;
}

uint32_t ray_utf8_next(struct ray_str *rest, bool *valid)
{
    const uint8_t *in = (const uint8_t *)rest->ptr;
    uint32_t code_point = in[0];
    size_t taken = in[0] < 0x80 ? 1 : decode_long(in, rest->len, &code_point);
    if (valid != NULL) {
        /* U+FFFD itself may stand in good text, as EF BF BD; no bad part behind EF has three */
        *valid = code_point != RAY_UTF8_REPLACEMENT || (taken == 3 && in[0] == 0xef);
    }
    rest->ptr += taken;
    rest->len -= taken;
    return code_point;
}

size_t ray_utf8_encode(uint32_t code_point, char out[4])
{
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) {
        code_point = RAY_UTF8_REPLACEMENT;
    }
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t more = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--, code_point >>= 6) {
        out[i] = (char)(0x80 | (code_point & 0x3f));
    }
    static const uint8_t marks[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(marks[more] | code_point);
    return more + 1;
}

/* How many bytes at the front are ASCII, in steps of eight; the caller looks at the rest. */
static size_t ascii_words(const char *text, size_t len)
{
    size_t at = 0;
    for (uint64_t word; len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, text + at, sizeof(word));
        if (word & 0x8080808080808080u) {
            break;
        }
    }
    return at;
}

bool ray_utf8_is_valid(struct ray_str s)
{
    bool valid = true;
    while (valid && s.len > 0) {
        s = ray_str_from_pos(s, ascii_words(s.ptr, s.len));
        for (int i = 0; i < 8 && valid && s.len > 0; i++) {
            ray_utf8_next(&s, &valid);
        }
    }
    return valid;
}

struct ray_str ray_utf8_first_chars(struct ray_str s, size_t max_chars)
{
    struct ray_str rest = s;
    while (max_chars > 0 && rest.len > max_chars) { /* else it fits, whatever the bytes are */
        ray_utf8_next(&rest, NULL);
        max_chars--;
    }
    return max_chars > 0 ? s : ray_str_until(s, s.len - rest.len);
}

struct ray_str ray_utf8_first_bytes(struct ray_str s, size_t max_bytes)
{
    if (s.len <= max_bytes) {
        return s;
    }
    size_t start = max_bytes; /* of the sequence that the cut would fall into */
    while (start > 0 && max_bytes - start < 3 && ((uint8_t)s.ptr[start] & 0xc0) == 0x80) {
        start--;
    }
    struct ray_str rest = ray_str_from_pos(s, start);
    bool valid;
    ray_utf8_next(&rest, &valid);
    bool cuts = valid && s.len - rest.len > max_bytes;
    return ray_str_until(s, cuts ? start : max_bytes);
}
