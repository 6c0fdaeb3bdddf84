/*
 * stacktrace: see stacktrace.h.
 *
 * What each language's text looks like is awsxrayexporter 0.130 behaviour, with the rules D13 to
 * D16 where real SDKs print something else or the reference dies of the text.
 */
#include "translate/stacktrace.h"

#include "core/codec.h"

#include <stdio.h>
#include <string.h>

#define ID_CHARS ((size_t)2 * RAY_SPAN_ID_BYTES)

struct ray_exception *ray_exception_new(struct ray_stack_builder *builder)
{
    struct ray_exception *exception = RAY_ARENA_NEW(builder->arena, struct ray_exception);
    char *hex = ray_arena_alloc_text(builder->arena, ID_CHARS);
    if (exception == NULL || hex == NULL) {
        builder->failed = true;
        return NULL;
    }
    uint8_t id[RAY_SPAN_ID_BYTES];
    ray_made_id_next(builder->ids, id);
    ray_hex_encode((struct ray_str){(const char *)id, sizeof(id)}, hex);
    exception->id = (struct ray_str){hex, ID_CHARS};
    return exception;
}

static void add_frame(struct ray_stack_builder *builder, struct ray_str path, int64_t line,
                      struct ray_str label)
{
    struct ray_frame *frame = RAY_ARENA_NEW(builder->arena, struct ray_frame);
    if (frame == NULL) {
        builder->failed = true;
        return;
    }
    *frame = (struct ray_frame){path, label, line, NULL};
    *builder->frame_end = frame;
    builder->frame_end = &frame->next;
    builder->current->frame_count++;
}

/* The exception that the current one was caused by becomes the current one. */
static void add_cause(struct ray_stack_builder *builder, struct ray_str type,
                      struct ray_str message)
{
    struct ray_exception *cause = ray_exception_new(builder);
    if (cause == NULL) {
        return;
    }
    cause->type = type;
    cause->message = message;
    cause->has_remote = builder->current->has_remote;
    cause->remote = builder->current->remote;
    cause->next = builder->current->next;
    builder->current->cause = cause->id;
    builder->current->next = cause;
    builder->current = cause;
    builder->frame_end = &cause->frames;
}

/* Numbers that don't parse are 0. */
static int64_t number(struct ray_str text)
{
    int64_t value = 0;
    if (text.len > 1 && text.ptr[0] == '+') {
        text = ray_str_from_pos(text, 1);
    }
    return ray_str_to_i64(text, &value) == RAY_OK ? value : 0;
}

/* The next line without its LF or CR LF; false at the end. */
static bool next_line(struct ray_str *rest, struct ray_str *line)
{
    if (rest->len == 0) {
        return false;
    }
    size_t end = ray_str_find_byte(*rest, '\n');
    *line = ray_str_until(*rest, end);
    *rest = ray_str_from_pos(*rest, end == SIZE_MAX ? rest->len : end + 1);
    if (end != SIZE_MAX && line->len > 0 && line->ptr[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

static bool ends_in(struct ray_str s, char byte)
{
    return s.len > 0 && s.ptr[s.len - 1] == byte;
}

/* --- Java, PHP: "\tat com.example.Shop.buy(Shop.java:42)" --- */

static bool is_java_frame(struct ray_str line)
{
    return ray_str_starts_with(line, RAY_STR("\tat ")) &&
           ray_str_find_byte(line, '(') != SIZE_MAX && ends_in(line, ')');
}

static void add_java_frame(struct ray_stack_builder *builder, struct ray_str line)
{
    size_t open = ray_str_find_byte(line, '(');
    struct ray_str label = ray_str_from_pos(ray_str_until(line, open), 4);
    size_t slash = ray_str_find_byte(label, '/'); /* class loader or module before it */
    label = slash == SIZE_MAX ? label : ray_str_from_pos(label, slash + 1);
    struct ray_str place = ray_str_from_pos(ray_str_until(line, line.len - 1), open + 1);
    size_t colon = ray_str_find_byte(place, ':');
    struct ray_str digits = colon == SIZE_MAX ? RAY_STR("") : ray_str_from_pos(place, colon + 1);
    /* the segment receiver writes "(path: 42)" (D28) */
    add_frame(builder, ray_str_until(place, colon), number(ray_str_trim(digits)), label);
}

/* The lines of a message up to the next frame. Counts their bytes, and copies them when `out` is
 * given; they are joined without separator, as in the reference. On return `line` is the frame;
 * false when there is none. */
static bool read_java_message(struct ray_str *rest, struct ray_str *line, char *out, size_t *bytes)
{
    *bytes = 0;
    while (next_line(rest, line)) {
        if (is_java_frame(*line)) {
            return true;
        }
        if (out != NULL && line->len > 0) {
            memcpy(out + *bytes, line->ptr, line->len);
        }
        *bytes += line->len;
    }
    return false;
}

/* `line` starts "Caused by: "; takes the lines of the message, too. On return `line` is the first
 * line behind it; false when there is none. */
static bool add_java_cause(struct ray_stack_builder *builder, struct ray_str *rest,
                           struct ray_str *line)
{
    struct ray_str type = ray_str_from_pos(*line, 11);
    size_t colon = ray_str_find_byte(type, ':');
    struct ray_str head =
        colon == SIZE_MAX ? RAY_STR("") : ray_str_from_pos(type, colon + 2); /* ": " */
    type = ray_str_until(type, colon);
    struct ray_str ahead = *rest;
    size_t bytes;
    read_java_message(&ahead, line, NULL, &bytes);
    char *message = ray_arena_alloc_text(builder->arena, head.len + bytes);
    if (message == NULL) {
        builder->failed = true;
        return false;
    }
    if (head.len > 0) {
        memcpy(message, head.ptr, head.len);
    }
    bool more = read_java_message(rest, line, message + head.len, &bytes);
    add_cause(builder, type, (struct ray_str){message, head.len + bytes});
    return more;
}

static void parse_java(struct ray_str rest, struct ray_stack_builder *builder)
{
    struct ray_str line;
    bool more = next_line(&rest, &line); /* the message */
    more = more && next_line(&rest, &line);
    while (more && !builder->failed) {
        if (ray_str_starts_with(line, RAY_STR("Caused by: "))) {
            more = add_java_cause(builder, &rest, &line);
            continue;
        }
        if (is_java_frame(line)) {
            add_java_frame(builder, line);
        }
        more = next_line(&rest, &line);
    }
}

/* --- Python: "  File "shop.py", line 42, in buy", read from the bottom up --- */

static const struct ray_str python_file = RAY_STR_INIT("  File ");
static const struct ray_str python_chains[] = {
    RAY_STR_INIT("During handling of the above exception, another exception occurred:"),
    RAY_STR_INIT("The above exception was the direct cause of the following exception:"),
};

/* Takes the last line off `rest`; false when nothing is left. */
static bool last_line(struct ray_str *rest, struct ray_str *line)
{
    if (rest->ptr == NULL) {
        return false;
    }
    size_t end = ray_str_find_last_byte(*rest, '\n');
    *line = end == SIZE_MAX ? *rest : ray_str_from_pos(*rest, end + 1);
    *rest = end == SIZE_MAX ? (struct ray_str){NULL, 0} : ray_str_until(*rest, end);
    if (ends_in(*rest, '\r')) { /* of the CR LF between the two */
        rest->len--;
    }
    return true;
}

/* CR LF as LF: lines end in either. */
static struct ray_str with_plain_lines(struct ray_str text, struct ray_stack_builder *builder)
{
    if (ray_str_find(text, RAY_STR("\r\n")) == SIZE_MAX) {
        return text;
    }
    char *out = ray_arena_alloc_text(builder->arena, text.len);
    size_t len = 0;
    builder->failed |= out == NULL;
    for (size_t i = 0; out != NULL && i < text.len; i++) {
        bool of_end = text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        if (!of_end) {
            out[len++] = text.ptr[i];
        }
    }
    return (struct ray_str){out, len};
}

/* D15: the whole line, so that a comma in the path or a missing function does no harm. */
static bool add_python_frame(struct ray_stack_builder *builder, struct ray_str line)
{
    if (!ray_str_starts_with(line, RAY_STR("  File \""))) {
        return false;
    }
    struct ray_str text = ray_str_from_pos(line, 8);
    size_t quote = ray_str_find(text, RAY_STR("\", line "));
    if (quote == SIZE_MAX) {
        return false;
    }
    struct ray_str digits = ray_str_from_pos(text, quote + 8);
    struct ray_str label = RAY_STR("");
    size_t comma = ray_str_find_byte(digits, ',');
    if (comma != SIZE_MAX) {
        if (!ray_str_starts_with(ray_str_from_pos(digits, comma), RAY_STR(", in "))) {
            return false;
        }
        label = ray_str_from_pos(digits, comma + 5);
    }
    uint64_t value;
    digits = ray_str_until(digits, comma);
    if (ray_str_to_u64(digits, &value) != RAY_OK) {
        return false;
    }
    add_frame(builder, ray_str_until(text, quote), number(digits), label);
    return true;
}

/* The reference's rule: exactly three parts between commas. */
static void add_python_parts(struct ray_stack_builder *builder, struct ray_str line)
{
    struct ray_str parts[3], part;
    size_t count = 0;
    while (ray_str_split(&line, ',', &part)) {
        if (count == 3) {
            return;
        }
        parts[count++] = part;
    }
    if (count != 3 || parts[0].len < 9) {
        return; /* D16: a shorter one ends the reference's process */
    }
    struct ray_str path = ray_str_from_pos(ray_str_until(parts[0], parts[0].len - 1), 8);
    int64_t at = ray_str_starts_with(parts[1], RAY_STR(" line "))
                     ? number(ray_str_from_pos(parts[1], 6))
                     : 0;
    struct ray_str label = ray_str_starts_with(parts[2], RAY_STR(" in "))
                               ? ray_str_from_pos(parts[2], 4)
                               : RAY_STR("");
    add_frame(builder, path, at, label);
}

static bool is_python_chain(struct ray_str line)
{
    return ray_str_starts_with(line, python_chains[0]) ||
           ray_str_starts_with(line, python_chains[1]);
}

/* D15: the exception's text is what stands below its last frame: from the first line that is
 * neither indented (source, ~~^~~ markers) nor blank. */
static struct ray_str python_text(struct ray_str below)
{
    struct ray_str from = below, line;
    while (from.len > 0) {
        size_t end = ray_str_find_byte(from, '\n');
        line = ray_str_until(from, end);
        if (ray_str_trim(line).len > 0 && line.ptr[0] != ' ' && line.ptr[0] != '\t') {
            break;
        }
        from = ray_str_from_pos(from, end == SIZE_MAX ? from.len : end + 1);
    }
    while (from.len > 0 && (ends_in(from, '\n') || ends_in(from, '\r') || ends_in(from, ' '))) {
        from.len--;
    }
    return from;
}

/* `above` is everything before a chain marker. Finds the exception it speaks of, makes it the
 * current one, leaves its last frame's line as the last of `above`. False: no frame above. */
static bool add_python_cause(struct ray_stack_builder *builder, struct ray_str *above)
{
    struct ray_str rest = *above, line;
    do {
        struct ray_str with_line = rest;
        if (!last_line(&rest, &line)) {
            return false;
        }
        if (ray_str_starts_with(line, python_file)) {
            size_t frame_end = (size_t)(line.ptr - above->ptr) + line.len;
            struct ray_str text =
                with_plain_lines(python_text(ray_str_from_pos(*above, frame_end + 1)), builder);
            size_t colon = ray_str_find_byte(text, ':');
            struct ray_str message =
                colon == SIZE_MAX ? RAY_STR("") : ray_str_from_pos(text, colon + 1);
            if (ray_str_starts_with(message, RAY_STR(" "))) {
                message = ray_str_from_pos(message, 1);
            }
            add_cause(builder, ray_str_until(text, colon), message);
            *above = with_line;
            return true;
        }
    } while (true);
}

static void parse_python(struct ray_str rest, struct ray_stack_builder *builder)
{
    struct ray_str line;
    if (rest.ptr == NULL || !last_line(&rest, &line)) { /* the last is the message */
        return;
    }
    while (last_line(&rest, &line) && !builder->failed) {
        if (ray_str_starts_with(line, python_file)) {
            if (!add_python_frame(builder, line)) {
                add_python_parts(builder, line);
            }
        } else if (is_python_chain(line) &&
                   (rest.ptr == NULL || !add_python_cause(builder, &rest))) {
            return;
        }
    }
}

/* --- JavaScript: "    at buy (file:///srv/shop.js:42:7)" --- */

/* Cuts ":digits" off the end; false when there is none. */
static bool cut_number(struct ray_str *text, int64_t *value)
{
    size_t colon = ray_str_find_last_byte(*text, ':');
    uint64_t digits;
    if (colon == SIZE_MAX ||
        ray_str_to_u64(ray_str_from_pos(*text, colon + 1), &digits) != RAY_OK) {
        return false;
    }
    *value = (int64_t)digits;
    *text = ray_str_until(*text, colon);
    return true;
}

static void split_place(struct ray_str *path, int64_t *line)
{
    /* D14: the last two numbers are line and column, whatever colons the path has */
    struct ray_str cut = *path;
    int64_t column, at;
    if (cut_number(&cut, &column) && cut_number(&cut, &at)) {
        *path = cut;
        *line = at;
        return;
    }
    size_t first = ray_str_find_byte(*path, ':');
    if (first == SIZE_MAX) {
        if (ray_str_find(*path, RAY_STR("native")) != SIZE_MAX) {
            *path = RAY_STR("native");
        }
        return;
    }
    struct ray_str behind = ray_str_from_pos(*path, first + 1);
    size_t second = ray_str_find_byte(behind, ':');
    if (second != SIZE_MAX) {
        *line = number(ray_str_until(behind, second));
        *path = ray_str_until(*path, first);
    }
}

static void parse_javascript(struct ray_str rest, struct ray_stack_builder *builder)
{
    struct ray_str line;
    bool more = next_line(&rest, &line); /* the first is the message */
    while (more && next_line(&rest, &line) && !builder->failed) {
        if (!ray_str_starts_with(line, RAY_STR("    at "))) {
            continue;
        }
        struct ray_str label = RAY_STR(""), path = ray_str_from_pos(line, 7);
        size_t open = ray_str_find_byte(path, '(');
        if (open != SIZE_MAX) {
            if (!ends_in(path, ')')) {
                continue;
            }
            label = ray_str_until(path, open);
            path = ray_str_from_pos(ray_str_until(path, path.len - 1), open + 1);
        }
        int64_t at = 0;
        split_place(&path, &at);
        if (path.len > 0 || label.len > 0 || at != 0) {
            add_frame(builder, path, at, label);
        }
    }
}

/* --- .NET: "   at Shop.Buy(Int32 id) in /src/Shop.cs:line 42" --- */

static void add_dotnet_frame(struct ray_stack_builder *builder, struct ray_str line)
{
    struct ray_str text = ray_str_from_pos(line, 3);
    size_t in = ray_str_find(line, RAY_STR(" in "));
    if (in == SIZE_MAX) {
        size_t close = ray_str_find_last_byte(text, ')');
        if (close != SIZE_MAX) {
            add_frame(builder, RAY_STR(""), 0, ray_str_until(text, close + 1));
        }
        return;
    }
    if (in < 3) {
        return; /* D16: "at in x" */
    }
    struct ray_str path = ray_str_from_pos(line, in + 4);
    path = ray_str_until(path, ray_str_find(path, RAY_STR(" in ")));
    int64_t at = 0;
    size_t colon = ray_str_find_last_byte(path, ':');
    if (colon != SIZE_MAX) {
        struct ray_str tail = ray_str_from_pos(path, colon + 1);
        at = number(ray_str_starts_with(tail, RAY_STR("line")) ? ray_str_from_pos(tail, 5) : tail);
        path = ray_str_until(path, colon);
    }
    add_frame(builder, path, at, ray_str_until(text, in - 3));
}

static void parse_dotnet(struct ray_str rest, struct ray_stack_builder *builder)
{
    struct ray_str line;
    bool more = next_line(&rest, &line); /* the first is the message */
    while (more && next_line(&rest, &line) && !builder->failed) {
        line = ray_str_trim(line);
        if (ray_str_starts_with(line, RAY_STR("at "))) {
            add_dotnet_frame(builder, line);
        }
    }
}

/* --- Go: pairs of lines, "main.buy(0x1)" and "\t/src/shop.go:42 +0x1d" --- */

static bool is_goroutine_line(struct ray_str line)
{
    return ray_str_starts_with(line, RAY_STR("goroutine")) && ends_in(line, ':') &&
           ray_str_find(line, RAY_STR("running")) != SIZE_MAX;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The first "path:number" without blanks or colons in the path. */
static bool find_go_place(struct ray_str line, struct ray_str *path, int64_t *at)
{
    size_t start = 0;
    for (size_t i = 0; i < line.len; i++) {
        bool colon = line.ptr[i] == ':';
        if (colon && i > start && i + 1 < line.len && is_digit(line.ptr[i + 1])) {
            size_t end = i + 1;
            while (end < line.len && is_digit(line.ptr[end])) {
                end++;
            }
            *path = ray_str_from_pos(ray_str_until(line, i), start);
            *at = number(ray_str_from_pos(ray_str_until(line, end), i + 1));
            return true;
        }
        if (colon || is_space(line.ptr[i])) {
            start = i + 1;
        }
    }
    return false;
}

static void parse_go(struct ray_str rest, struct ray_stack_builder *builder)
{
    struct ray_str label, place, path = RAY_STR("");
    int64_t at = 0;
    bool more = next_line(&rest, &label); /* the first is the message */
    while (more && next_line(&rest, &label) && !builder->failed) {
        if (is_goroutine_line(label) && !next_line(&rest, &label)) {
            label = RAY_STR(""); /* a text that is cut still gives a frame, as the reference */
        }
        if (!next_line(&rest, &place)) {
            place = RAY_STR("");
        }
        find_go_place(place, &path, &at); /* else the one before again, as the reference */
        add_frame(builder, path, at, label);
    }
}

static const struct {
    struct ray_str language;
    void (*parse)(struct ray_str text, struct ray_stack_builder *builder);
} parsers[] = {
    {RAY_STR_INIT("java"), parse_java},         {RAY_STR_INIT("php"), parse_java},
    {RAY_STR_INIT("python"), parse_python},     {RAY_STR_INIT("javascript"), parse_javascript},
    {RAY_STR_INIT("nodejs"), parse_javascript}, {RAY_STR_INIT("webjs"), parse_javascript}, /* D13 */
    {RAY_STR_INIT("dotnet"), parse_dotnet},     {RAY_STR_INIT("go"), parse_go},
};

void ray_stacktrace_parse(struct ray_str language, struct ray_str text,
                          struct ray_exception *exception, struct ray_stack_builder *builder)
{
    builder->current = exception;
    builder->frame_end = &exception->frames;
    for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
        if (ray_str_eq(parsers[i].language, language)) {
            parsers[i].parse(text, builder);
            return;
        }
    }
}

/* --- what a text says beyond its frames --- */

static bool eat(struct ray_str *rest, struct ray_str what)
{
    if (!ray_str_starts_with(*rest, what)) {
        return false;
    }
    *rest = ray_str_from_pos(*rest, what.len);
    return true;
}

static bool eat_line_number(struct ray_str *rest, int64_t line)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), ":%lld", (long long)line);
    return eat(rest, (struct ray_str){digits, (size_t)len}) || line == 0;
}

static bool eat_exception(struct ray_str *rest, const struct ray_exception *exception)
{
    if (!eat(rest, exception->type) ||
        (exception->message.len > 0 &&
         !(eat(rest, RAY_STR(": ")) && eat(rest, exception->message)))) {
        return false;
    }
    for (const struct ray_frame *frame = exception->frames; frame != NULL; frame = frame->next) {
        if (!eat(rest, RAY_STR("\n\tat ")) || !eat(rest, frame->label) ||
            !eat(rest, RAY_STR("(")) || !eat(rest, frame->path) ||
            !eat_line_number(rest, frame->line) || !eat(rest, RAY_STR(")"))) {
            return false;
        }
    }
    return true;
}

bool ray_stacktrace_is_whole(const struct ray_exception *exception, struct ray_str text)
{
    struct ray_str rest = text;
    bool whole = exception->frame_count > 0 && eat_exception(&rest, exception);
    const struct ray_exception *cause = exception->next;
    for (; whole && cause != NULL && cause->event == NULL; cause = cause->next) {
        whole = eat(&rest, RAY_STR("\nCaused by: ")) && eat_exception(&rest, cause);
    }
    (void)eat(&rest, RAY_STR("\n"));
    return whole && rest.len == 0;
}
