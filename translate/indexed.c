/* indexed: see indexed.h. */
#include "translate/indexed.h"

static struct ray_str trim(struct ray_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = ray_str_from_pos(s, 1);
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

enum ray_status ray_index_entry_read(struct ray_str text, struct ray_index_entry *out)
{
    size_t arrow = ray_str_find(text, RAY_STR("->"));
    bool has_star = ray_str_find_byte(text, '*') != SIZE_MAX;
    *out = (struct ray_index_entry){.name = text};
    if (arrow == SIZE_MAX) {
        out->is_pattern = has_star;
        return RAY_OK;
    }
    struct ray_str name = trim(ray_str_until(text, arrow));
    struct ray_str renamed = trim(ray_str_from_pos(text, arrow + 2));
    if (name.len == 0 || renamed.len == 0 || has_star) {
        return RAY_INVALID;
    }
    out->name = name;
    out->renamed = renamed;
    return RAY_OK;
}

bool ray_pattern_matches(struct ray_str pattern, struct ray_str text)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, resume = 0; /* the last star, and where in `text` it now ends */
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) { /* the last star takes one more; earlier ones need not */
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}
