/* http_head: see http_head.h. */
#include "net/http_head.h"

#include "core/codec.h"

#include <string.h>

/* RFC 9110 5.6.2 */
static bool is_token(struct ray_str name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr(marks, c) == NULL)) {
            return false;
        }
    }
    return name.len > 0;
}

/* What the fields say about the body, before judging. */
struct framing_facts {
    size_t encodings, lengths;
    struct ray_str encoding, length;
    bool has_bad_name;
};

static struct framing_facts collect_framing(const struct ray_http_field *fields, size_t count)
{
    struct framing_facts facts = {0};
    for (size_t i = 0; i < count; i++) {
        facts.has_bad_name |= !is_token(fields[i].name);
        if (ray_str_eq_nocase(fields[i].name, RAY_STR("transfer-encoding"))) {
            facts.encodings++;
            facts.encoding = fields[i].value;
        } else if (ray_str_eq_nocase(fields[i].name, RAY_STR("content-length"))) {
            facts.lengths++;
            facts.length = fields[i].value;
        }
    }
    return facts;
}

enum ray_http_framing ray_http_framing_of(const struct ray_http_field *fields, size_t count,
                                          uint64_t *body_bytes)
{
    struct framing_facts facts = collect_framing(fields, count);
    if (facts.has_bad_name || facts.encodings + facts.lengths > 1) {
        return RAY_HTTP_BROKEN;
    }
    if (facts.encodings == 1) {
        return ray_str_eq_nocase(facts.encoding, RAY_STR("chunked")) ? RAY_HTTP_CHUNKED
                                                                     : RAY_HTTP_BROKEN;
    }
    uint64_t bytes = 0;
    if (facts.lengths == 1 && ray_str_to_u64(facts.length, &bytes) != RAY_OK) {
        return RAY_HTTP_BROKEN;
    }
    *body_bytes = bytes;
    return RAY_HTTP_SIZED;
}

struct ray_str ray_http_find_field(const struct ray_http_field *fields, size_t count,
                                   struct ray_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (ray_str_eq_nocase(fields[i].name, name)) {
            return fields[i].value;
        }
    }
    return (struct ray_str){NULL, 0};
}

struct ray_str ray_http_target_path(struct ray_str target)
{
    struct ray_str path = ray_str_until(target, ray_str_find_byte(target, '?'));
    size_t scheme_end = ray_str_find(path, RAY_STR("://"));
    if (path.len == 0 || path.ptr[0] == '/' || scheme_end == SIZE_MAX) {
        return path;
    }
    struct ray_str rest = ray_str_from_pos(path, scheme_end + 3);
    size_t slash = ray_str_find_byte(rest, '/');
    return slash == SIZE_MAX ? RAY_STR("/") : ray_str_from_pos(rest, slash);
}

/* Takes one decoded byte off `rest`, which is not empty. */
static char next_decoded(struct ray_str *rest)
{
    uint8_t byte = rest->ptr[0] == '+' ? ' ' : (uint8_t)rest->ptr[0];
    bool coded = rest->ptr[0] == '%' && rest->len >= 3 &&
                 ray_hex_decode((struct ray_str){rest->ptr + 1, 2}, &byte, 1) == RAY_OK;
    *rest = ray_str_from_pos(*rest, coded ? 3 : 1);
    return (char)byte;
}

static bool decodes_to(struct ray_str raw, struct ray_str want)
{
    size_t i = 0;
    while (raw.len > 0 && i < want.len && next_decoded(&raw) == want.ptr[i]) {
        i++;
    }
    return raw.len == 0 && i == want.len;
}

static struct ray_str decode(struct ray_str raw, struct ray_arena *arena)
{
    char *text = ray_arena_alloc_text(arena, raw.len + 1);
    size_t len = 0;
    if (text == NULL) {
        return (struct ray_str){NULL, 0};
    }
    while (raw.len > 0) {
        text[len++] = next_decoded(&raw);
    }
    return (struct ray_str){text, len};
}

struct ray_str ray_http_target_query(struct ray_str target, struct ray_str name,
                                     struct ray_arena *arena)
{
    size_t mark = ray_str_find_byte(target, '?');
    struct ray_str pair = {NULL, 0};
    struct ray_str rest = mark == SIZE_MAX ? pair : ray_str_from_pos(target, mark + 1);
    while (ray_str_split(&rest, '&', &pair)) {
        size_t equals = ray_str_find_byte(pair, '=');
        if (decodes_to(ray_str_until(pair, equals), name)) {
            return decode(equals == SIZE_MAX ? RAY_STR("") : ray_str_from_pos(pair, equals + 1),
                          arena);
        }
    }
    return (struct ray_str){NULL, 0};
}
