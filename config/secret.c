/* secret: see secret.h. */
#include "config/secret.h"

static bool contains_nocase(struct ray_str text, struct ray_str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (ray_str_eq_nocase(ray_str_until(ray_str_from_pos(text, i), word.len), word)) {
            return true;
        }
    }
    return false;
}

static bool ends_with_nocase(struct ray_str text, struct ray_str word)
{
    return text.len >= word.len &&
           ray_str_eq_nocase(ray_str_from_pos(text, text.len - word.len), word);
}

bool ray_secret_key(struct ray_str key)
{
    static const struct ray_str inside[] = {
        RAY_STR_INIT("password"),      RAY_STR_INIT("passwd"), RAY_STR_INIT("secret"),
        RAY_STR_INIT("token"),         RAY_STR_INIT("apikey"), RAY_STR_INIT("api_key"),
        RAY_STR_INIT("authorization"),
    };
    static const struct ray_str at_end[] = {RAY_STR_INIT("_pem"), RAY_STR_INIT("headers")};
    static const struct ray_str files[] = {RAY_STR_INIT("_file"), RAY_STR_INIT("_path")};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (ends_with_nocase(key, files[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        if (contains_nocase(key, inside[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(at_end) / sizeof(at_end[0]); i++) {
        if (ends_with_nocase(key, at_end[i])) {
            return true;
        }
    }
    return false;
}

void ray_secret_write(struct ray_str value, struct ray_buf *out)
{
    size_t scheme = ray_str_find(value, RAY_STR("://"));
    if (scheme != SIZE_MAX) {
        struct ray_str rest = ray_str_from_pos(value, scheme + 3);
        size_t authority = 0;
        while (authority < rest.len &&
               ray_str_find_byte(RAY_STR("/?#"), rest.ptr[authority]) == SIZE_MAX) {
            authority++;
        }
        size_t at = ray_str_find_last_byte(ray_str_until(rest, authority), '@');
        if (at != SIZE_MAX) {
            ray_buf_append(out, ray_str_until(value, scheme + 3));
            ray_buf_append(out, RAY_STR("***"));
            value = ray_str_from_pos(rest, at);
        }
    }
    ray_buf_append(out, value);
}
