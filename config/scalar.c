/* scalar: see scalar.h. */
#include "config/scalar.h"

enum ray_status ray_scalar_bool(struct ray_str text, bool *out)
{
    static const struct {
        struct ray_str word;
        bool value;
    } words[] = {
        {RAY_STR_INIT("true"), true}, {RAY_STR_INIT("false"), false},
        {RAY_STR_INIT("True"), true}, {RAY_STR_INIT("False"), false},
        {RAY_STR_INIT("TRUE"), true}, {RAY_STR_INIT("FALSE"), false},
        {RAY_STR_INIT("t"), true},    {RAY_STR_INIT("f"), false},
        {RAY_STR_INIT("T"), true},    {RAY_STR_INIT("F"), false},
        {RAY_STR_INIT("1"), true},    {RAY_STR_INIT("0"), false},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ray_str_eq(text, words[i].word)) {
            *out = words[i].value;
            return RAY_OK;
        }
    }
    return RAY_INVALID;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

static enum ray_status parse_based(struct ray_str digits, int base, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digit_value(digits.ptr[i]);
        if (digit >= base) {
            return RAY_INVALID;
        }
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return RAY_TOO_BIG;
        }
    }
    if (digits.len == 0) {
        return RAY_INVALID;
    }
    *out = value;
    return RAY_OK;
}

static bool all_digits(struct ray_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

enum ray_status ray_scalar_int(struct ray_str text, int64_t *out)
{
    if (ray_str_starts_with(text, RAY_STR("0x"))) {
        return parse_based(ray_str_from_pos(text, 2), 16, out);
    }
    if (ray_str_starts_with(text, RAY_STR("0o"))) {
        return parse_based(ray_str_from_pos(text, 2), 8, out);
    }
    bool has_sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    if (!all_digits(ray_str_from_pos(text, has_sign))) {
        return RAY_INVALID;
    }
    bool plus = text.ptr[0] == '+';
    return ray_str_to_i64(ray_str_from_pos(text, plus), out) == RAY_OK ? RAY_OK : RAY_TOO_BIG;
}

/* Cuts "12", "1.5" or ".5" off the front of `rest`. Doubles are exact far past what fits. */
static bool cut_number(struct ray_str *rest, double *out)
{
    size_t len = 0;
    while (len < rest->len && (digit_value(rest->ptr[len]) < 10 || rest->ptr[len] == '.')) {
        len++;
    }
    struct ray_str number = ray_str_until(*rest, len);
    *rest = ray_str_from_pos(*rest, len);
    if (number.len > 0 && number.ptr[number.len - 1] == '.') { /* Go takes "1.s" */
        number.len--;
    }
    char padded[64] = "0"; /* ".5" -> "0.5" */
    if (number.len == 0 || number.len > sizeof(padded) - 1) {
        return false;
    }
    for (size_t i = 0; i < number.len; i++) {
        padded[i + 1] = number.ptr[i];
    }
    return ray_str_to_double((struct ray_str){padded, number.len + 1}, out) == RAY_OK;
}

struct unit {
    struct ray_str name;
    double factor;
};

/* The longest unit that `rest` starts with, cut off; 0 when there is none. */
static double cut_unit(struct ray_str *rest, const struct unit *units, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ray_str head = ray_str_until(*rest, units[i].name.len);
        if (ray_str_eq(head, units[i].name)) {
            *rest = ray_str_from_pos(*rest, units[i].name.len);
            return units[i].factor;
        }
    }
    return 0;
}

enum ray_status ray_scalar_duration_ms(struct ray_str text, uint32_t *out)
{
    /* In nanoseconds; units that begin like others stand first. µ is U+00B5 or U+03BC. */
    static const struct unit units[] = {
        {RAY_STR_INIT("ns"), 1},          {RAY_STR_INIT("us"), 1e3},
        {RAY_STR_INIT("\xc2\xb5s"), 1e3}, {RAY_STR_INIT("\xce\xbcs"), 1e3},
        {RAY_STR_INIT("ms"), 1e6},        {RAY_STR_INIT("s"), 1e9},
        {RAY_STR_INIT("m"), 60e9},        {RAY_STR_INIT("h"), 3600e9},
    };
    if (text.len > 0 && text.ptr[0] == '+') {
        text = ray_str_from_pos(text, 1);
    }
    if (ray_str_eq(text, RAY_STR("0"))) {
        *out = 0;
        return RAY_OK;
    }
    double total_ns = 0;
    do {
        double number = 0;
        double factor = 0;
        if (cut_number(&text, &number)) {
            factor = cut_unit(&text, units, sizeof(units) / sizeof(units[0]));
        }
        if (factor == 0) {
            return RAY_INVALID;
        }
        total_ns += number * factor;
    } while (text.len > 0);
    if (total_ns > (double)UINT32_MAX * 1e6) {
        return RAY_TOO_BIG;
    }
    uint32_t ms = (uint32_t)(total_ns / 1e6);
    *out = ms + ((double)ms * 1e6 < total_ns);
    return RAY_OK;
}

static double bytes_unit(struct ray_str name)
{
    static const struct unit units[] = {
        {RAY_STR_INIT(""), 1},         {RAY_STR_INIT("b"), 1},        {RAY_STR_INIT("kib"), 0x1p10},
        {RAY_STR_INIT("kb"), 1e3},     {RAY_STR_INIT("mib"), 0x1p20}, {RAY_STR_INIT("mb"), 1e6},
        {RAY_STR_INIT("gib"), 0x1p30}, {RAY_STR_INIT("gb"), 1e9},     {RAY_STR_INIT("tib"), 0x1p40},
        {RAY_STR_INIT("tb"), 1e12},
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ray_str_eq_nocase(name, units[i].name)) {
            return units[i].factor;
        }
    }
    return 0;
}

enum ray_status ray_scalar_bytes(struct ray_str text, uint64_t *out)
{
    if (all_digits(text)) { /* exact, where a double is not */
        return ray_str_to_u64(text, out) == RAY_OK ? RAY_OK : RAY_TOO_BIG;
    }
    double number;
    if (!cut_number(&text, &number)) {
        return RAY_INVALID;
    }
    double factor = bytes_unit(ray_str_trim(text));
    if (factor == 0) {
        return RAY_INVALID;
    }
    double bytes = number * factor;
    if (bytes >= 0x1p63) {
        return RAY_TOO_BIG;
    }
    *out = (uint64_t)bytes;
    return RAY_OK;
}
