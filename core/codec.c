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

/* ---- CRC-32C ---- */

/* Reflected polynomial 0x82F63B78 (RFC 3720, appendix B.4), one entry a byte. */
/* clang-format off */
static const uint32_t crc32c_table[256] = {
    0x00000000, 0xf26b8303, 0xe13b70f7, 0x1350f3f4, 0xc79a971f, 0x35f1141c, 0x26a1e7e8, 0xd4ca64eb,
    0x8ad958cf, 0x78b2dbcc, 0x6be22838, 0x9989ab3b, 0x4d43cfd0, 0xbf284cd3, 0xac78bf27, 0x5e133c24,
    0x105ec76f, 0xe235446c, 0xf165b798, 0x030e349b, 0xd7c45070, 0x25afd373, 0x36ff2087, 0xc494a384,
    0x9a879fa0, 0x68ec1ca3, 0x7bbcef57, 0x89d76c54, 0x5d1d08bf, 0xaf768bbc, 0xbc267848, 0x4e4dfb4b,
    0x20bd8ede, 0xd2d60ddd, 0xc186fe29, 0x33ed7d2a, 0xe72719c1, 0x154c9ac2, 0x061c6936, 0xf477ea35,
    0xaa64d611, 0x580f5512, 0x4b5fa6e6, 0xb93425e5, 0x6dfe410e, 0x9f95c20d, 0x8cc531f9, 0x7eaeb2fa,
    0x30e349b1, 0xc288cab2, 0xd1d83946, 0x23b3ba45, 0xf779deae, 0x05125dad, 0x1642ae59, 0xe4292d5a,
    0xba3a117e, 0x4851927d, 0x5b016189, 0xa96ae28a, 0x7da08661, 0x8fcb0562, 0x9c9bf696, 0x6ef07595,
    0x417b1dbc, 0xb3109ebf, 0xa0406d4b, 0x522bee48, 0x86e18aa3, 0x748a09a0, 0x67dafa54, 0x95b17957,
    0xcba24573, 0x39c9c670, 0x2a993584, 0xd8f2b687, 0x0c38d26c, 0xfe53516f, 0xed03a29b, 0x1f682198,
    0x5125dad3, 0xa34e59d0, 0xb01eaa24, 0x42752927, 0x96bf4dcc, 0x64d4cecf, 0x77843d3b, 0x85efbe38,
    0xdbfc821c, 0x2997011f, 0x3ac7f2eb, 0xc8ac71e8, 0x1c661503, 0xee0d9600, 0xfd5d65f4, 0x0f36e6f7,
    0x61c69362, 0x93ad1061, 0x80fde395, 0x72966096, 0xa65c047d, 0x5437877e, 0x4767748a, 0xb50cf789,
    0xeb1fcbad, 0x197448ae, 0x0a24bb5a, 0xf84f3859, 0x2c855cb2, 0xdeeedfb1, 0xcdbe2c45, 0x3fd5af46,
    0x7198540d, 0x83f3d70e, 0x90a324fa, 0x62c8a7f9, 0xb602c312, 0x44694011, 0x5739b3e5, 0xa55230e6,
    0xfb410cc2, 0x092a8fc1, 0x1a7a7c35, 0xe811ff36, 0x3cdb9bdd, 0xceb018de, 0xdde0eb2a, 0x2f8b6829,
    0x82f63b78, 0x709db87b, 0x63cd4b8f, 0x91a6c88c, 0x456cac67, 0xb7072f64, 0xa457dc90, 0x563c5f93,
    0x082f63b7, 0xfa44e0b4, 0xe9141340, 0x1b7f9043, 0xcfb5f4a8, 0x3dde77ab, 0x2e8e845f, 0xdce5075c,
    0x92a8fc17, 0x60c37f14, 0x73938ce0, 0x81f80fe3, 0x55326b08, 0xa759e80b, 0xb4091bff, 0x466298fc,
    0x1871a4d8, 0xea1a27db, 0xf94ad42f, 0x0b21572c, 0xdfeb33c7, 0x2d80b0c4, 0x3ed04330, 0xccbbc033,
    0xa24bb5a6, 0x502036a5, 0x4370c551, 0xb11b4652, 0x65d122b9, 0x97baa1ba, 0x84ea524e, 0x7681d14d,
    0x2892ed69, 0xdaf96e6a, 0xc9a99d9e, 0x3bc21e9d, 0xef087a76, 0x1d63f975, 0x0e330a81, 0xfc588982,
    0xb21572c9, 0x407ef1ca, 0x532e023e, 0xa145813d, 0x758fe5d6, 0x87e466d5, 0x94b49521, 0x66df1622,
    0x38cc2a06, 0xcaa7a905, 0xd9f75af1, 0x2b9cd9f2, 0xff56bd19, 0x0d3d3e1a, 0x1e6dcdee, 0xec064eed,
    0xc38d26c4, 0x31e6a5c7, 0x22b65633, 0xd0ddd530, 0x0417b1db, 0xf67c32d8, 0xe52cc12c, 0x1747422f,
    0x49547e0b, 0xbb3ffd08, 0xa86f0efc, 0x5a048dff, 0x8ecee914, 0x7ca56a17, 0x6ff599e3, 0x9d9e1ae0,
    0xd3d3e1ab, 0x21b862a8, 0x32e8915c, 0xc083125f, 0x144976b4, 0xe622f5b7, 0xf5720643, 0x07198540,
    0x590ab964, 0xab613a67, 0xb831c993, 0x4a5a4a90, 0x9e902e7b, 0x6cfbad78, 0x7fab5e8c, 0x8dc0dd8f,
    0xe330a81a, 0x115b2b19, 0x020bd8ed, 0xf0605bee, 0x24aa3f05, 0xd6c1bc06, 0xc5914ff2, 0x37faccf1,
    0x69e9f0d5, 0x9b8273d6, 0x88d28022, 0x7ab90321, 0xae7367ca, 0x5c18e4c9, 0x4f48173d, 0xbd23943e,
    0xf36e6f75, 0x0105ec76, 0x12551f82, 0xe03e9c81, 0x34f4f86a, 0xc69f7b69, 0xd5cf889d, 0x27a40b9e,
    0x79b737ba, 0x8bdcb4b9, 0x988c474d, 0x6ae7c44e, 0xbe2da0a5, 0x4c4623a6, 0x5f16d052, 0xad7d5351,
};
/* clang-format on */

static uint32_t crc32c_by_table(uint32_t crc, const uint8_t *in, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc = crc >> 8 ^ crc32c_table[(crc ^ in[i]) & 0xff];
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_by_cpu(uint32_t crc, const uint8_t *in,
                                                                size_t len)
{
    uint64_t wide = crc;
    for (uint64_t word; len >= sizeof(word); in += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, in, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (size_t i = 0; i < len; i++) {
        crc = __builtin_ia32_crc32qi(crc, in[i]);
    }
    return crc;
}
#endif

uint32_t ray_crc32c(uint32_t crc, struct ray_str bytes)
{
    const uint8_t *in = (const uint8_t *)bytes.ptr;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_by_cpu(~crc, in, bytes.len);
    }
#endif
    return ~crc32c_by_table(~crc, in, bytes.len);
}
