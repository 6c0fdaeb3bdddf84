/* options_page: a table as Markdown, for docs/. See options.h. */
#include "config/options.h"

#include <stdio.h>

/* '|' would end the cell. */
static void append_cell(struct ray_buf *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|') {
            ray_buf_append_byte(out, '\\');
        }
        ray_buf_append_byte(out, *at);
    }
}

static const char *type_name(enum ray_option_type type)
{
    static const char *const names[] = {
        [RAY_OPTION_STR] = "text",          [RAY_OPTION_BOOL] = "bool",
        [RAY_OPTION_INT] = "whole number",  [RAY_OPTION_DOUBLE] = "number",
        [RAY_OPTION_DURATION] = "duration", [RAY_OPTION_BYTES] = "size",
        [RAY_OPTION_STR_LIST] = "list",     [RAY_OPTION_ENUM] = "one of ",
        [RAY_OPTION_SECTION] = "section",   [RAY_OPTION_NODE] = "any",
        [RAY_OPTION_IGNORED] = "no effect", [RAY_OPTION_REFUSED] = "refused",
    };
    return names[type];
}

static void append_type(struct ray_buf *out, const struct ray_option *option)
{
    append_cell(out, option->secret ? "secret text" : type_name(option->type));
    struct ray_str words = ray_str_from(option->words);
    struct ray_str word;
    for (size_t i = 0; ray_str_split(&words, '|', &word); i++) {
        ray_buf_printf(out, "%s%.*s", i > 0 ? ", " : "", RAY_STR_ARG(word));
    }
    if (option->min != NULL && option->max != NULL) {
        ray_buf_printf(out, ", %s to %s", option->min, option->max);
    } else if (option->min != NULL) {
        ray_buf_printf(out, ", at least %s", option->min);
    } else if (option->max != NULL) {
        ray_buf_printf(out, ", at most %s", option->max);
    }
}

static void append_rows(struct ray_buf *out, const struct ray_option *table, const char *prefix)
{
    for (const struct ray_option *option = table; option->key != NULL; option++) {
        ray_buf_printf(out, "| `%s%s` | ", prefix, option->key);
        append_type(out, option);
        bool shows_default = option->default_text != NULL && option->default_text[0] != '\0';
        const char *quote = shows_default ? "`" : "";
        ray_buf_printf(out, " | %s%s%s | ", quote, shows_default ? option->default_text : "",
                       quote);
        append_cell(out, option->help != NULL ? option->help : "");
        ray_buf_append(out, RAY_STR(" |\n"));
        if (option->type == RAY_OPTION_SECTION) {
            char nested[256];
            snprintf(nested, sizeof(nested), "%s%s.", prefix, option->key);
            append_rows(out, option->section, nested);
        }
    }
}

void ray_options_describe(const struct ray_option *table, struct ray_buf *out)
{
    ray_buf_append(out, RAY_STR("| key | type | default | meaning |\n|---|---|---|---|\n"));
    append_rows(out, table, "");
}
