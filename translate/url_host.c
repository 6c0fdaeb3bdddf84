/*
 * url_host: see url_host.h.
 *
 *   [scheme ":"] ["//" [user "@"] host [":" port]] [path] ["?" query] ["#" fragment]
 *
 * RFC 3986 as Go's net/url reads it (url.go: parse, parseAuthority, parseHost, unescape): a scheme
 * ends at the first colon, what follows without a slash is opaque, user and host hold only what
 * their part of the RFC allows and a few more.
 */
#include "translate/url_host.h"

#include "core/codec.h"

#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_among(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool has_control_character(struct ray_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

/* The byte behind a '%' at `at`; -1: not two hex digits. */
static int decoded_byte(struct ray_str s, size_t at)
{
    uint8_t byte;
    struct ray_str digits = ray_str_until(ray_str_from_pos(s, at + 1), 2);
    return digits.len == 2 && ray_hex_decode(digits, &byte, 1) == RAY_OK ? byte : -1;
}

static bool is_well_escaped(struct ray_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '%' && decoded_byte(s, i) < 0) {
            return false;
        }
    }
    return true;
}

/* Takes the scheme away, if there is one. False: a colon first is no URL. */
static bool take_scheme(struct ray_str *url, bool *has_scheme)
{
    *has_scheme = false;
    for (size_t i = 0; i < url->len; i++) {
        char c = url->ptr[i];
        if (c == ':') {
            *url = ray_str_from_pos(*url, i + 1);
            *has_scheme = true;
            return i > 0;
        }
        if (!is_letter(c) && (i == 0 || !(is_digit(c) || is_among(c, "+-.")))) {
            return true;
        }
    }
    return true;
}

static bool is_user(struct ray_str user)
{
    for (size_t i = 0; i < user.len; i++) {
        char c = user.ptr[i];
        if (!is_letter(c) && !is_digit(c) && !is_among(c, "-._:~!$&'()*+,;=%@")) {
            return false;
        }
    }
    return is_well_escaped(user);
}

static bool is_port(struct ray_str text) /* with its colon, or empty */
{
    for (size_t i = 1; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
    }
    return text.len == 0 || text.ptr[0] == ':';
}

static bool is_host_char(char c)
{
    return (unsigned char)c >= 0x80 || is_letter(c) || is_digit(c) ||
           is_among(c, "-_.~!$&'()*+,;=:[]<>\"");
}

/* Behind a '%': bytes above ASCII, or '%' itself; in an IPv6 zone also blanks and what needs none.
 */
static bool may_be_escaped(int byte, bool in_zone)
{
    return byte >= 0x80 || byte == '%' ||
           (in_zone && (byte == ' ' || (byte >= 0 && is_host_char((char)byte))));
}

/* Decodes `host`; false: it holds what no host may. */
static bool decode(struct ray_str *host, struct ray_arena *arena)
{
    size_t zone =
        host->len > 0 && host->ptr[0] == '[' ? ray_str_find(*host, RAY_STR("%25")) : SIZE_MAX;
    char *out =
        ray_str_find_byte(*host, '%') == SIZE_MAX ? NULL : ray_arena_alloc_text(arena, host->len);
    size_t len = 0;
    for (size_t i = 0; i < host->len; i++) {
        char c = host->ptr[i];
        if (c == '%') {
            int byte = decoded_byte(*host, i);
            if (out == NULL || !may_be_escaped(byte, i > zone)) {
                return false;
            }
            c = (char)byte;
            i += 2;
        } else if (!is_host_char(c)) {
            return false;
        }
        if (out != NULL) {
            out[len++] = c;
        }
    }
    *host = out != NULL ? (struct ray_str){out, len} : *host;
    return true;
}

/* "[::1]:80" -> "::1"; of "h1:3306,h2:3306" the port is what stands behind the last colon. */
static struct ray_str without_port(struct ray_str host)
{
    size_t colon = ray_str_find_last_byte(host, ':');
    if (colon != SIZE_MAX && is_port(ray_str_from_pos(host, colon))) {
        host = ray_str_until(host, colon);
    }
    if (host.len > 1 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        host = ray_str_until(ray_str_from_pos(host, 1), host.len - 2);
    }
    return host;
}

static struct ray_str host_of_authority(struct ray_str authority, struct ray_arena *arena)
{
    size_t at = ray_str_find_last_byte(authority, '@');
    struct ray_str host = at == SIZE_MAX ? authority : ray_str_from_pos(authority, at + 1);
    if (at != SIZE_MAX && !is_user(ray_str_until(authority, at))) {
        return RAY_STR("");
    }
    bool in_brackets = host.len > 0 && host.ptr[0] == '[';
    size_t end = ray_str_find_last_byte(host, in_brackets ? ']' : ':');
    struct ray_str port =
        end == SIZE_MAX ? RAY_STR("") : ray_str_from_pos(host, end + (in_brackets ? 1 : 0));
    if ((in_brackets && end == SIZE_MAX) || !is_port(port) || !decode(&host, arena)) {
        return RAY_STR("");
    }
    return without_port(host);
}

struct ray_str ray_url_host(struct ray_str url, struct ray_arena *arena)
{
    bool has_scheme;
    size_t hash = ray_str_find_byte(url, '#');
    struct ray_str fragment = hash == SIZE_MAX ? RAY_STR("") : ray_str_from_pos(url, hash + 1);
    struct ray_str rest = ray_str_until(url, hash);
    if (has_control_character(rest) || !is_well_escaped(fragment) ||
        !take_scheme(&rest, &has_scheme)) {
        return RAY_STR("");
    }
    rest = ray_str_until(rest, ray_str_find_byte(rest, '?'));
    if (!ray_str_starts_with(rest, RAY_STR("//")) ||
        (!has_scheme && ray_str_starts_with(rest, RAY_STR("///")))) {
        return RAY_STR(""); /* opaque, or a path */
    }
    struct ray_str authority = ray_str_from_pos(rest, 2);
    size_t slash = ray_str_find_byte(authority, '/');
    if (slash != SIZE_MAX && !is_well_escaped(ray_str_from_pos(authority, slash))) {
        return RAY_STR("");
    }
    return host_of_authority(ray_str_until(authority, slash), arena);
}
