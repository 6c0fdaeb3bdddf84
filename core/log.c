/* log: see log.h. No memory is asked for after ray_log_new: what is logged is often that there
 * is none. */
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/codec.h"
#include "core/json_reader.h"
#include "core/json_writer.h"

/* A line goes out whole: a write to a pipe of at most PIPE_BUF bytes is atomic, and that is 4096
 * on Linux (pipe(7)). Longer ones are cut. */
#define LINE_MAX_BYTES   4096u
#define FIELDS_MAX_BYTES 3072u
#define SILENCE_NS       (60 * RAY_NS_PER_S)

struct ray_log {
    int fd;
    _Atomic int level;
    _Atomic int format;
    const struct ray_clock *clock;
};

struct ray_log *ray_log_new(int fd, enum ray_log_level level, enum ray_log_format format,
                            const struct ray_clock *clock)
{
    struct ray_log *log = calloc(1, sizeof(*log));
    if (log != NULL) {
        log->fd = fd;
        log->clock = clock;
        ray_log_set(log, level, format);
    }
    return log;
}

void ray_log_free(struct ray_log *log)
{
    free(log);
}

void ray_log_set(struct ray_log *log, enum ray_log_level level, enum ray_log_format format)
{
    atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
    atomic_store_explicit(&log->format, (int)format, memory_order_relaxed);
}

bool ray_log_enabled(const struct ray_log *log, enum ray_log_level level)
{
    return log != NULL && level < RAY_LOG_OFF &&
           (int)level >= atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* ---- one line ---- */

struct line {
    const char *time;
    const char *level;
    const char *message;
    struct ray_str fields; /* "key=value key=value", no control characters */
};

static void format_time(uint64_t unix_ns, char *out, size_t out_bytes)
{
    time_t seconds = (time_t)(unix_ns / RAY_NS_PER_S);
    struct tm utc;
    char date[32] = "";
    if (gmtime_r(&seconds, &utc) != NULL) {
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    }
    snprintf(out, out_bytes, "%s.%03uZ", date, (unsigned)(unix_ns % RAY_NS_PER_S / RAY_NS_PER_MS));
}

static const char *level_name(enum ray_log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}

static void write_text_line(const struct line *line, struct ray_buf *out)
{
    ray_buf_append(out, ray_str_from(line->time));
    ray_buf_append_byte(out, ' ');
    ray_buf_append(out, ray_str_from(line->level));
    ray_buf_append_byte(out, ' ');
    ray_buf_append(out, ray_str_from(line->message));
    if (line->fields.len > 0) {
        ray_buf_append_byte(out, ' ');
        ray_buf_append(out, line->fields);
    }
}

/* Whether `text` can stand in JSON as it is: what RAY_LOG_STR quoted, a number, true or false. */
static bool is_json_value(struct ray_str text)
{
    struct ray_json_reader r;
    ray_json_read_init(&r, text, NULL, 0);
    return ray_json_skip_value(&r, NULL) && ray_json_at_end(&r);
}

/* The value at the front of `rest`: up to the closing quote when it is quoted, else to a blank. */
static struct ray_str take_value(struct ray_str *rest)
{
    size_t end = 1;
    if (rest->len > 0 && rest->ptr[0] == '"') {
        while (end < rest->len && rest->ptr[end] != '"') {
            end += rest->ptr[end] == '\\' ? 2 : 1;
        }
        end++;
    } else {
        end = ray_str_find_byte(*rest, ' ');
    }
    struct ray_str value = ray_str_until(*rest, end);
    *rest = ray_str_from_pos(*rest, value.len + 1);
    return value;
}

/* One key=value as a member; nothing when it does not fit. */
static void write_member(struct ray_json_writer *w, struct ray_str key, struct ray_str value)
{
    size_t before = w->out->len;
    ray_json_key(w, key);
    if (is_json_value(value)) {
        ray_json_raw(w, value);
    } else {
        ray_json_string(w, value);
    }
    if (w->out->failed || w->out->max_bytes - w->out->len < 2) { /* the brace and the line feed */
        ray_buf_rewind(w->out, before);
        w->comma = true;
    }
}

static void write_json_line(const struct line *line, struct ray_buf *out)
{
    struct ray_json_writer w;
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    write_member(&w, RAY_STR("time"), ray_str_from(line->time));
    write_member(&w, RAY_STR("level"), ray_str_from(line->level));
    write_member(&w, RAY_STR("message"), ray_str_from(line->message));
    struct ray_str rest = line->fields;
    while (rest.len > 0) {
        size_t equals = ray_str_find_byte(rest, '=');
        struct ray_str key = ray_str_until(rest, equals);
        rest = ray_str_from_pos(rest, equals < rest.len ? equals + 1 : rest.len);
        write_member(&w, key, take_value(&rest));
    }
    ray_json_object_end(&w);
}

/* A caller that forgot RAY_LOG_STR must not let a value start a line of its own. */
RAY_PRINTF(3, 0)
static struct ray_str format_fields(char *out, size_t out_bytes, const char *format, va_list args)
{
    int len = vsnprintf(out, out_bytes, format, args);
    size_t kept = len < 0 ? 0 : (size_t)len < out_bytes ? (size_t)len : out_bytes - 1;
    for (size_t i = 0; i < kept; i++) {
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f) {
            out[i] = '?';
        }
    }
    return ray_utf8_first_bytes((struct ray_str){out, kept}, kept);
}

static void write_out(int fd, struct ray_str line)
{
    ssize_t written;
    do {
        written = write(fd, line.ptr, line.len);
    } while (written < 0 && errno == EINTR);
}

void ray_log_write(struct ray_log *log, enum ray_log_level level, const char *message,
                   const char *format, ...)
{
    if (!ray_log_enabled(log, level)) {
        return;
    }
    char time_text[48], fields[FIELDS_MAX_BYTES], text[LINE_MAX_BYTES];
    format_time(ray_clock_unix_ns(log->clock), time_text, sizeof(time_text));
    va_list args;
    va_start(args, format);
    struct line line = {time_text, level_name(level), message,
                        format_fields(fields, sizeof(fields), format, args)};
    va_end(args);
    /* over an array: capacity and maximum are the same, so that it never reallocates */
    struct ray_buf out = {
        .data = text, .capacity = sizeof(text) - 1, .max_bytes = sizeof(text) - 1};
    if (atomic_load_explicit(&log->format, memory_order_relaxed) == RAY_LOG_JSON) {
        write_json_line(&line, &out);
    } else {
        write_text_line(&line, &out);
    }
    text[out.len++] = '\n';
    write_out(log->fd, ray_buf_str(&out));
}

/* ---- values ---- */

/* What a terminal or a reader of lines might act on: controls (C0, DEL, C1), line and paragraph
 * separators, and the marks that reorder text. */
static bool is_unprintable(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* The text of one code point inside quotes, as JSON would have it; returns its length. */
static size_t quote_char(uint32_t c, char out[8])
{
    if (is_unprintable(c)) {
        return (size_t)snprintf(out, 8, "\\u%04x", c & 0xffffu);
    }
    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    return ray_utf8_encode(c, out);
}

static bool needs_quotes(struct ray_str s)
{
    bool needed = s.len == 0;
    while (s.len > 0 && !needed) {
        bool valid;
        uint32_t c = ray_utf8_next(&s, &valid);
        needed = !valid || is_unprintable(c) || c == ' ' || c == '"' || c == '\\' || c == '=';
    }
    return needed;
}

struct ray_log_text ray_log_quote(struct ray_str s)
{
    struct ray_log_text quoted;
    const size_t room = sizeof(quoted.text) - sizeof("...\"");
    bool quotes = needs_quotes(s);
    size_t len = 0;
    if (quotes) {
        quoted.text[len++] = '"';
    }
    while (s.len > 0) {
        char piece[8];
        uint32_t c = ray_utf8_next(&s, NULL);
        size_t piece_len = quotes ? quote_char(c, piece) : ray_utf8_encode(c, piece);
        if (len + piece_len > room) {
            memcpy(quoted.text + len, "...", 3);
            len += 3;
            break;
        }
        memcpy(quoted.text + len, piece, piece_len);
        len += piece_len;
    }
    if (quotes) {
        quoted.text[len++] = '"';
    }
    quoted.text[len] = '\0';
    return quoted;
}

/* ---- repeated conditions ---- */

bool ray_log_allow(struct ray_log_limiter *limiter, const struct ray_clock *clock,
                   uint64_t *repeated)
{
    uint64_t now = ray_clock_monotonic_ns(clock);
    uint64_t next = atomic_load_explicit(&limiter->next_ns, memory_order_relaxed);
    if (now < next || !atomic_compare_exchange_strong(&limiter->next_ns, &next, now + SILENCE_NS)) {
        atomic_fetch_add_explicit(&limiter->held_back, 1, memory_order_relaxed);
        return false;
    }
    *repeated = atomic_exchange(&limiter->held_back, 0);
    return true;
}
