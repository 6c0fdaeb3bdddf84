/* print: a configuration as YAML that this program would read again, but for its secrets. See
 * config.h. */
#include "config/config.h"
#include "config/secret.h"

/* YAML 1.2, 7.4.2: an implicit key has at most 1024 characters. */
#define SIMPLE_KEY_MAX_BYTES 1000u
#define INDENT               2

struct printer {
    struct ray_buf *out;
    struct ray_buf scratch;
};

static bool is_plain_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || ray_str_find_byte(RAY_STR("_-./:+"), byte) != SIZE_MAX;
}

/* Text that needs no quotes to be read back as it is: a cautious subset of YAML's plain scalars. */
static bool is_plain(struct ray_str text)
{
    static const struct ray_str nulls[] = {RAY_STR_INIT("null"), RAY_STR_INIT("Null"),
                                           RAY_STR_INIT("NULL")};
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
        if (ray_str_eq(text, nulls[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_plain_byte(text.ptr[i])) {
            return false;
        }
    }
    bool starts_well = text.len > 0 && ray_str_find_byte(RAY_STR("-:."), text.ptr[0]) == SIZE_MAX;
    bool is_number = text.len > 1 && text.ptr[0] == '-' && is_plain_byte(text.ptr[1]) &&
                     text.ptr[1] >= '0' && text.ptr[1] <= '9';
    return (starts_well || is_number) && text.ptr[text.len - 1] != ':';
}

/* Characters past ASCII that YAML reads as line breaks or not at all unless escaped (YAML 1.2,
 * 5.1 and 5.4), as UTF-8. */
static const struct special {
    struct ray_str utf8;
    const char *escape;
} specials[] = {
    {RAY_STR_INIT("\xe2\x80\xa8"), "\\u2028"}, {RAY_STR_INIT("\xe2\x80\xa9"), "\\u2029"},
    {RAY_STR_INIT("\xef\xbb\xbf"), "\\ufeff"}, {RAY_STR_INIT("\xef\xbf\xbe"), "\\ufffe"},
    {RAY_STR_INIT("\xef\xbf\xbf"), "\\uffff"},
};

/* Writes what stands at the start of `rest`, escaped where it must be; returns its length. */
static size_t write_special(struct ray_buf *out, struct ray_str rest)
{
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
        if (ray_str_starts_with(rest, specials[i].utf8)) {
            ray_buf_append(out, ray_str_from(specials[i].escape));
            return specials[i].utf8.len;
        }
    }
    if (rest.len > 1 && (unsigned char)rest.ptr[0] == 0xc2 && (unsigned char)rest.ptr[1] < 0xa0) {
        ray_buf_printf(out, "\\x%02x", (unsigned char)rest.ptr[1]); /* U+0080 to U+009F */
        return 2;
    }
    ray_buf_append_byte(out, rest.ptr[0]);
    return 1;
}

static void write_quoted(struct ray_buf *out, struct ray_str text)
{
    ray_buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len;) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte == '"' || byte == '\\') {
            ray_buf_printf(out, "\\%c", byte);
        } else if (byte == '\n') {
            ray_buf_append(out, RAY_STR("\\n"));
        } else if (byte < 0x20 || byte == 0x7f) {
            ray_buf_printf(out, "\\x%02x", byte);
        } else {
            i += write_special(out, ray_str_from_pos(text, i));
            continue;
        }
        i++;
    }
    ray_buf_append_byte(out, '"');
}

/* What was expanded must not be expanded again when read back. */
static void double_dollars(struct ray_buf *out, struct ray_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool starts = text.ptr[i] == '$' && i + 1 < text.len &&
                      (text.ptr[i + 1] == '$' || text.ptr[i + 1] == '{');
        ray_buf_append(out, starts ? RAY_STR("$$") : (struct ray_str){text.ptr + i, 1});
    }
}

static void write_scalar(struct printer *p, const struct ray_yaml *node)
{
    struct ray_buf cleaned;
    ray_buf_init(&cleaned, RAY_YAML_MAX_BYTES + 64);
    ray_secret_write(node->text, &cleaned);
    ray_buf_reset(&p->scratch);
    double_dollars(&p->scratch, ray_buf_str(&cleaned));
    ray_buf_clear(&cleaned);
    struct ray_str text = ray_buf_str(&p->scratch);
    if (!node->quoted && is_plain(text)) {
        ray_buf_append(p->out, text);
    } else {
        write_quoted(p->out, text);
    }
}

static void indent(struct printer *p, unsigned level)
{
    for (unsigned i = 0; i < level * INDENT; i++) {
        ray_buf_append_byte(p->out, ' ');
    }
}

static void write_node(struct printer *p, const struct ray_yaml *node, unsigned level, bool hidden);

/* What stands behind "key:" or "-": on the same line, or as a block below. */
static void write_value(struct printer *p, const struct ray_yaml *node, unsigned level, bool hidden)
{
    bool is_list = node->kind == RAY_YAML_LIST;
    if ((is_list || node->kind == RAY_YAML_MAP) && node->count > 0) {
        ray_buf_append_byte(p->out, '\n');
        write_node(p, node, level + 1, hidden);
        return;
    }
    if (is_list || node->kind == RAY_YAML_MAP) {
        ray_buf_append(p->out, is_list ? RAY_STR(" []") : RAY_STR(" {}"));
    } else if (node->kind == RAY_YAML_SCALAR) {
        ray_buf_append_byte(p->out, ' ');
        if (hidden || node->secret) {
            ray_buf_append(p->out, RAY_STR("\"***\""));
        } else {
            write_scalar(p, node);
        }
    }
    ray_buf_append_byte(p->out, '\n');
}

static void write_key_text(struct printer *p, struct ray_str key)
{
    if (is_plain(key)) {
        ray_buf_append(p->out, key);
    } else {
        write_quoted(p->out, key);
    }
}

/* A key that escapes have made longer than a simple one may be stands behind a "?". */
static void write_key(struct printer *p, struct ray_str key, unsigned level)
{
    size_t start = p->out->len;
    write_key_text(p, key);
    if (p->out->len - start > SIMPLE_KEY_MAX_BYTES) {
        ray_buf_rewind(p->out, start);
        ray_buf_append(p->out, RAY_STR("? "));
        write_key_text(p, key);
        ray_buf_append_byte(p->out, '\n');
        indent(p, level);
    }
    ray_buf_append_byte(p->out, ':');
}

/* A list or map with entries. As deep as the tree, which the parser and expand bound. */
static void write_node(struct printer *p, const struct ray_yaml *node, unsigned level, bool hidden)
{
    for (size_t i = 0; i < node->count; i++) {
        indent(p, level);
        if (node->kind == RAY_YAML_LIST) {
            ray_buf_append_byte(p->out, '-');
            write_value(p, node->items[i], level, hidden);
        } else {
            const struct ray_yaml_pair *pair = &node->pairs[i];
            write_key(p, pair->key, level);
            write_value(p, pair->value, level, hidden || ray_secret_key(pair->key));
        }
    }
}

void ray_config_print(const struct ray_config *config, struct ray_buf *out)
{
    struct printer printer = {.out = out};
    ray_buf_init(&printer.scratch, 2 * RAY_YAML_MAX_BYTES + 128);
    write_node(&printer, config->root, 0, false);
    ray_buf_clear(&printer.scratch);
}
