/* json_reader: see json_reader.h. The grammar is RFC 8259's. */
#include "core/json_reader.h"

#include "core/codec.h"
#include "core/json_scan.h"

void ray_json_read_init(struct ray_json_reader *r, struct ray_str text, struct ray_arena *arena,
                        uint32_t max_depth)
{
    const char *start = text.len > 0 ? text.ptr : "";
    *r = (struct ray_json_reader){
        .start = start,
        .pos = start,
        .end = start + text.len,
        .arena = arena,
        .max_depth = max_depth < RAY_JSON_DEPTH_MAX ? max_depth : RAY_JSON_DEPTH_MAX,
    };
}

void ray_json_fail(struct ray_json_reader *r, const char *error)
{
    if (!r->failed) {
        r->failed = true;
        r->error = error;
        r->error_at = (size_t)(r->pos - r->start);
    }
}

static bool refuse(struct ray_json_reader *r, const char *error)
{
    ray_json_fail(r, error);
    return false;
}

/* The next character that is no white space, or NUL at the end (which no token starts with). */
static char look(struct ray_json_reader *r)
{
    while (r->pos < r->end &&
           (*r->pos == ' ' || *r->pos == '\n' || *r->pos == '\r' || *r->pos == '\t')) {
        r->pos++;
    }
    if (r->pos == r->end) {
        return '\0';
    }
    return *r->pos;
}

static bool take(struct ray_json_reader *r, char c)
{
    if (r->failed || look(r) != c || r->pos == r->end) {
        return false;
    }
    r->pos++;
    return true;
}

enum ray_json_type ray_json_peek(struct ray_json_reader *r)
{
    if (r->failed) {
        return RAY_JSON_ERROR;
    }
    char c = look(r);
    switch (c) {
    case 'n':
        return RAY_JSON_NULL;
    case 't':
    case 'f':
        return RAY_JSON_BOOL;
    case '"':
        return RAY_JSON_STRING;
    case '[':
        return RAY_JSON_ARRAY;
    case '{':
        return RAY_JSON_OBJECT;
    default:
        break;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        return RAY_JSON_NUMBER;
    }
    ray_json_fail(r, r->pos < r->end ? "expected a value" : "the text ends where a value belongs");
    return RAY_JSON_ERROR;
}

/* ---- containers ---- */

static bool in_array(const struct ray_json_reader *r)
{
    uint32_t top = r->depth - 1;
    return r->is_array[top / 8] >> (top % 8) & 1;
}

static bool enter(struct ray_json_reader *r, bool array)
{
    if (r->depth >= r->max_depth) {
        return refuse(r, "nested too deep");
    }
    r->pos++;
    uint8_t bit = (uint8_t)(1u << (r->depth % 8));
    uint8_t *byte = &r->is_array[r->depth / 8];
    *byte = (uint8_t)(array ? *byte | bit : *byte & ~bit);
    r->depth++;
    r->first = true;
    return true;
}

bool ray_json_enter_object(struct ray_json_reader *r)
{
    if (ray_json_peek(r) != RAY_JSON_OBJECT) {
        return refuse(r, "expected an object");
    }
    return enter(r, false);
}

bool ray_json_enter_array(struct ray_json_reader *r)
{
    if (ray_json_peek(r) != RAY_JSON_ARRAY) {
        return refuse(r, "expected an array");
    }
    return enter(r, true);
}

/* Past the comma to the next element; false when the container ended here, or failed. */
static bool next_in(struct ray_json_reader *r, char closing)
{
    if (take(r, closing)) {
        r->depth--;
        r->first = false;
        return false;
    }
    if (!r->failed && !r->first && !take(r, ',')) {
        return refuse(r, closing == '}' ? "expected , or }" : "expected , or ]");
    }
    r->first = false;
    return !r->failed;
}

bool ray_json_next_element(struct ray_json_reader *r)
{
    if (r->depth == 0 || !in_array(r)) {
        return refuse(r, "not in an array");
    }
    return next_in(r, ']') && ray_json_peek(r) != RAY_JSON_ERROR;
}

/* ---- strings ---- */

static unsigned hex4(const char *text, unsigned *unit)
{
    uint8_t bytes[2];
    if (ray_hex_decode((struct ray_str){text, 4}, bytes, 2) != RAY_OK) {
        return 0;
    }
    *unit = (unsigned)bytes[0] << 8 | bytes[1];
    return 4;
}

/* Steps over the escape at `pos`, which stands on the backslash. */
static bool skip_escape(struct ray_json_reader *r)
{
    size_t left = (size_t)(r->end - r->pos);
    unsigned unit;
    if (left < 2) {
        return refuse(r, "the text ends inside a string");
    }
    if (r->pos[1] == 'u') {
        if (left < 6 || hex4(r->pos + 2, &unit) == 0) {
            return refuse(r, "\\u needs four hex digits");
        }
        r->pos += 6;
        return true;
    }
    if (r->pos[1] == '\0' || strchr("\"\\/bfnrt", r->pos[1]) == NULL) {
        return refuse(r, "unknown escape");
    }
    r->pos += 2;
    return true;
}

/* Consumes a string; `inside` is what stands between the quotes, escapes and all. */
static bool scan_string(struct ray_json_reader *r, struct ray_str *inside, bool *escaped)
{
    if (!take(r, '"')) {
        return refuse(r, "expected a string");
    }
    const char *start = r->pos;
    *escaped = false;
    for (;;) {
        r->pos += ray_json_plain_run(r->pos, (size_t)(r->end - r->pos), false);
        if (r->pos == r->end) {
            return refuse(r, "the text ends inside a string");
        }
        if (*r->pos == '"') {
            *inside = (struct ray_str){start, (size_t)(r->pos - start)};
            r->pos++;
            return true;
        }
        if (*r->pos != '\\') {
            return refuse(r, "control character in a string");
        }
        *escaped = true;
        if (!skip_escape(r)) {
            return false;
        }
    }
}

/* The code point of the \u escape at the front of `in`, with its second half when it is a pair
 * of surrogates. A lone one stays what it is; ray_utf8_encode makes U+FFFD of it. */
static uint32_t take_unicode_escape(struct ray_str *in)
{
    unsigned high = 0, low = 0;
    hex4(in->ptr + 2, &high);
    *in = ray_str_from_pos(*in, 6);
    bool pair = high >= 0xd800 && high <= 0xdbff && in->len >= 6 && in->ptr[0] == '\\' &&
                in->ptr[1] == 'u' && hex4(in->ptr + 2, &low) != 0 && low >= 0xdc00 && low <= 0xdfff;
    if (!pair) {
        return high;
    }
    *in = ray_str_from_pos(*in, 6);
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static char short_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c; /* quote, backslash, slash */
    }
}

/* An escape is never shorter than what it stands for, so in.len bytes at `out` are enough. */
static size_t unescape(struct ray_str in, char *out)
{
    char *to = out;
    while (in.len > 0) {
        size_t plain = ray_str_find_byte(in, '\\');
        plain = plain < in.len ? plain : in.len;
        memcpy(to, in.ptr, plain);
        to += plain;
        in = ray_str_from_pos(in, plain);
        if (in.len == 0) {
            break;
        }
        if (in.ptr[1] == 'u') {
            to += ray_utf8_encode(take_unicode_escape(&in), to);
        } else {
            *to++ = short_escape(in.ptr[1]);
            in = ray_str_from_pos(in, 2);
        }
    }
    return (size_t)(to - out);
}

bool ray_json_read_string(struct ray_json_reader *r, struct ray_str *out)
{
    struct ray_str inside;
    bool escaped;
    if (!scan_string(r, &inside, &escaped)) {
        return false;
    }
    if (!escaped) {
        *out = inside;
        return true;
    }
    char *text = r->arena ? ray_arena_alloc_text(r->arena, inside.len) : NULL;
    if (text == NULL) {
        return refuse(r, "out of memory");
    }
    *out = (struct ray_str){text, unescape(inside, text)};
    return true;
}

static bool begin_member(struct ray_json_reader *r)
{
    if (r->depth == 0 || in_array(r)) {
        return refuse(r, "not in an object");
    }
    return next_in(r, '}');
}

static bool take_colon(struct ray_json_reader *r)
{
    return take(r, ':') || refuse(r, "expected :");
}

bool ray_json_next_key(struct ray_json_reader *r, struct ray_str *key)
{
    return begin_member(r) && ray_json_read_string(r, key) && take_colon(r);
}

/* ---- numbers and words ---- */

static size_t skip_digits(struct ray_json_reader *r)
{
    const char *start = r->pos;
    while (r->pos < r->end && *r->pos >= '0' && *r->pos <= '9') {
        r->pos++;
    }
    return (size_t)(r->pos - start);
}

static bool skip_one_of(struct ray_json_reader *r, char a, char b)
{
    bool found = r->pos < r->end && (*r->pos == a || *r->pos == b);
    r->pos += found;
    return found;
}

bool ray_json_read_number(struct ray_json_reader *r, struct ray_str *out)
{
    if (ray_json_peek(r) != RAY_JSON_NUMBER) {
        return refuse(r, "expected a number");
    }
    const char *start = r->pos;
    skip_one_of(r, '-', '-');
    /* no leading zeros: behind a 0 no digit is taken, and none fits what must come next */
    bool good = skip_one_of(r, '0', '0') || skip_digits(r) > 0;
    if (good && skip_one_of(r, '.', '.')) {
        good = skip_digits(r) > 0;
    }
    if (good && skip_one_of(r, 'e', 'E')) {
        skip_one_of(r, '+', '-');
        good = skip_digits(r) > 0;
    }
    if (!good) {
        return refuse(r, "a digit is missing in a number");
    }
    *out = (struct ray_str){start, (size_t)(r->pos - start)};
    return true;
}

static bool take_word(struct ray_json_reader *r, struct ray_str word)
{
    if (r->failed) {
        return false;
    }
    look(r);
    struct ray_str rest = {r->pos, (size_t)(r->end - r->pos)};
    if (!ray_str_starts_with(rest, word)) {
        return false;
    }
    r->pos += word.len;
    return true;
}

bool ray_json_read_bool(struct ray_json_reader *r, bool *out)
{
    bool yes = take_word(r, RAY_STR("true"));
    if (!yes && !take_word(r, RAY_STR("false"))) {
        return refuse(r, "expected true or false");
    }
    *out = yes;
    return true;
}

bool ray_json_read_null(struct ray_json_reader *r)
{
    return take_word(r, RAY_STR("null")) || refuse(r, "expected null");
}

/* ---- skipping ---- */

/* Consumes a scalar, or the opening bracket of a container. */
static void skip_step(struct ray_json_reader *r)
{
    struct ray_str text;
    bool flag;
    switch (ray_json_peek(r)) {
    case RAY_JSON_NULL:
        ray_json_read_null(r);
        break;
    case RAY_JSON_BOOL:
        ray_json_read_bool(r, &flag);
        break;
    case RAY_JSON_NUMBER:
        ray_json_read_number(r, &text);
        break;
    case RAY_JSON_STRING:
        scan_string(r, &text, &flag);
        break;
    case RAY_JSON_ARRAY:
        enter(r, true);
        break;
    case RAY_JSON_OBJECT:
        enter(r, false);
        break;
    case RAY_JSON_ERROR:
        break;
    }
}

/* To the next value inside the innermost container; false when it ended instead, or failed. */
static bool skip_to_value(struct ray_json_reader *r)
{
    struct ray_str key;
    bool escaped;
    if (in_array(r)) {
        return ray_json_next_element(r);
    }
    return begin_member(r) && scan_string(r, &key, &escaped) && take_colon(r);
}

bool ray_json_skip_value(struct ray_json_reader *r, struct ray_str *raw)
{
    uint32_t outside = r->depth;
    ray_json_peek(r); /* to the first byte of the value */
    const char *start = r->pos;
    skip_step(r);
    while (!r->failed && r->depth > outside) {
        if (skip_to_value(r)) {
            skip_step(r);
        }
    }
    if (!r->failed && raw != NULL) {
        *raw = (struct ray_str){start, (size_t)(r->pos - start)};
    }
    return !r->failed;
}

bool ray_json_at_end(struct ray_json_reader *r)
{
    if (r->failed) {
        return false;
    }
    look(r);
    if (r->depth > 0 || r->pos < r->end) {
        return refuse(r, "text after the value");
    }
    return true;
}
