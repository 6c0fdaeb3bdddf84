/* problems: see problems.h. */
#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_MAX_BYTES 1024
/* 50 lines of the longest message, every byte escaped, and their places. */
#define TEXT_MAX_BYTES ((size_t)512 * 1024)

void ray_problems_init(struct ray_problems *problems)
{
    *problems = (struct ray_problems){.count = 0};
    ray_buf_init(&problems->text, TEXT_MAX_BYTES);
    ray_buf_init(&problems->warning_text, TEXT_MAX_BYTES);
}

void ray_problems_clear(struct ray_problems *problems)
{
    ray_buf_clear(&problems->text);
    ray_buf_clear(&problems->warning_text);
}

static void append_place(struct ray_buf *out, const struct ray_place *place)
{
    if (place == NULL || place->file == NULL || place->file[0] == '\0') {
        return;
    }
    ray_buf_printf(out, "%s:", place->file);
    if (place->line > 0) {
        ray_buf_printf(out, "%u:%u:", place->line, place->column);
    }
    ray_buf_append_byte(out, ' ');
}

/* Keys and values are other people's text: a line break in one must not look like a new message. */
static void append_escaped(struct ray_buf *out, const char *message)
{
    for (const char *at = message; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7f) {
            ray_buf_printf(out, "\\x%02x", byte);
        } else {
            ray_buf_append_byte(out, *at);
        }
    }
}

/* The line of problem number `count`, or what stands for it behind the listed ones. */
static void append_line(struct ray_buf *out, size_t *listed_bytes, uint32_t count,
                        const struct ray_place *place, const char *message)
{
    if (count > RAY_PROBLEMS_LISTED) {
        ray_buf_rewind(out, *listed_bytes);
        ray_buf_printf(out, "and %u more\n", count - RAY_PROBLEMS_LISTED);
        return;
    }
    append_place(out, place);
    append_escaped(out, message);
    ray_buf_append_byte(out, '\n');
    *listed_bytes = out->len;
}

void ray_problem(struct ray_problems *problems, const struct ray_place *place, const char *format,
                 ...)
{
    char message[MESSAGE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    problems->count++;
    append_line(&problems->text, &problems->listed_bytes, problems->count, place, message);
}

void ray_problem_warn(struct ray_problems *problems, const struct ray_place *place,
                      const char *format, ...)
{
    char message[MESSAGE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    problems->warnings++;
    append_line(&problems->warning_text, &problems->warning_listed_bytes, problems->warnings, place,
                message);
}
