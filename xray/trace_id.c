/* trace_id: see trace_id.h. The 1-8-24 form: X-Ray developer guide, segment documents. */
#include "xray/trace_id.h"

#include "core/codec.h"

#include <string.h>

#define W3C_CHARS  32u
#define TIME_CHARS 8u /* seconds since 1970 in the X-Ray form; not checked, W3C ids are random */
#define REST_AT    (2u + TIME_CHARS + 1u)

void ray_trace_id_write(const struct ray_trace_id *id, char *out)
{
    char hex[W3C_CHARS];
    ray_hex_encode((struct ray_str){(const char *)id->bytes, sizeof(id->bytes)}, hex);
    out[0] = '1';
    out[1] = '-';
    memcpy(out + 2, hex, TIME_CHARS);
    out[2 + TIME_CHARS] = '-';
    memcpy(out + REST_AT, hex + TIME_CHARS, W3C_CHARS - TIME_CHARS);
}

enum ray_status ray_trace_id_parse(struct ray_str text, struct ray_trace_id *out)
{
    char hex[W3C_CHARS];
    struct ray_str digits = text;
    if (text.len == RAY_XRAY_TRACE_ID_CHARS) {
        if (memcmp(text.ptr, "1-", 2) != 0 || text.ptr[REST_AT - 1] != '-') {
            return RAY_INVALID;
        }
        memcpy(hex, text.ptr + 2, TIME_CHARS);
        memcpy(hex + TIME_CHARS, text.ptr + REST_AT, W3C_CHARS - TIME_CHARS);
        digits = (struct ray_str){hex, sizeof(hex)};
    }
    struct ray_trace_id id = {{0}};
    if (digits.len != W3C_CHARS || ray_hex_decode(digits, id.bytes, sizeof(id.bytes)) != RAY_OK) {
        return RAY_INVALID;
    }
    *out = id;
    return RAY_OK;
}
