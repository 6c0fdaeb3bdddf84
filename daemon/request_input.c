/* request_input: see request_input.h. */
#include "daemon/request_input.h"

#include <errno.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 * 1024)

void ray_request_input_init(struct ray_request_input *input, int fd)
{
    *input = (struct ray_request_input){.fd = fd, .line = 1, .next_line = 1};
    ray_buf_init(&input->buf, RAY_REQUEST_INPUT_MAX_BYTES + READ_BYTES);
}

void ray_request_input_clear(struct ray_request_input *input)
{
    ray_buf_clear(&input->buf);
}

static struct ray_str rest_of(const struct ray_request_input *input)
{
    return ray_str_from_pos(ray_buf_str(&input->buf), input->taken);
}

/* What was handed out makes room. */
static void drop_taken(struct ray_request_input *input)
{
    struct ray_str rest = rest_of(input);
    if (input->taken > 0 && rest.len > 0) {
        memmove(input->buf.data, rest.ptr, rest.len);
    }
    input->buf.len = rest.len;
    input->taken = 0;
}

/* One read, so that a line of a slow pipe is seen when it is there. */
static enum ray_status read_more(struct ray_request_input *input)
{
    drop_taken(input);
    if (!ray_buf_reserve(&input->buf, READ_BYTES)) {
        return RAY_TOO_BIG;
    }
    ssize_t got;
    do {
        got = read(input->fd, input->buf.data + input->buf.len, READ_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return RAY_IO;
    }
    input->ended = got == 0;
    input->buf.len += (size_t)got;
    return RAY_OK;
}

static enum ray_status read_all(struct ray_request_input *input)
{
    enum ray_status status = RAY_OK;
    while (!input->ended && status == RAY_OK) {
        status = read_more(input);
    }
    return status;
}

static void count_lines(struct ray_request_input *input, struct ray_str bytes)
{
    struct ray_str part;
    while (ray_str_split(&bytes, '\n', &part)) {
        input->next_line += bytes.ptr != NULL;
    }
}

static struct ray_str hand_out(struct ray_request_input *input, size_t bytes)
{
    struct ray_str request = ray_str_until(rest_of(input), bytes);
    input->line = input->next_line;
    if (input->form != RAY_REQUEST_FORM_BINARY) {
        count_lines(input, request);
    }
    input->taken += request.len;
    return request;
}

static enum ray_status take_whole(struct ray_request_input *input, struct ray_str *request)
{
    enum ray_status status = read_all(input);
    if (status == RAY_OK) {
        *request = hand_out(input, SIZE_MAX);
        status = request->len > RAY_REQUEST_INPUT_MAX_BYTES ? RAY_TOO_BIG : RAY_OK;
    }
    return status;
}

/* --- JSON --- */

/* How far a value was looked through, so that no byte is looked at twice. */
struct scan {
    size_t pos;   /* in the rest */
    size_t depth; /* brackets that are open */
    bool in_string, escaped;
    bool any; /* something else than white space was there */
};

static void scan_byte(struct scan *scan, char c)
{
    if (scan->in_string) {
        scan->in_string = c != '"' || scan->escaped;
        scan->escaped = c == '\\' && !scan->escaped;
        return;
    }
    scan->in_string = c == '"';
    if (c == '{' || c == '[') {
        scan->depth++;
    } else if ((c == '}' || c == ']') && scan->depth > 0) {
        scan->depth--;
    }
    scan->any |= c != ' ' && c != '\t' && c != '\r' && c != '\n';
}

/* True when a request ends in front of scan->pos: at the end of a line, and of a value where values
 * are spread over lines. */
static bool scan_request(struct ray_request_input *input, struct scan *scan)
{
    struct ray_str rest = rest_of(input);
    while (scan->pos < rest.len) {
        char c = rest.ptr[scan->pos++];
        scan_byte(scan, c);
        if (c != '\n' || !scan->any) {
            continue;
        }
        bool whole = scan->depth == 0 && !scan->in_string;
        if (input->form == RAY_REQUEST_FORM_UNKNOWN) {
            input->form = whole ? RAY_REQUEST_FORM_LINES : RAY_REQUEST_FORM_VALUES;
        }
        if (whole || input->form == RAY_REQUEST_FORM_LINES) {
            return true;
        }
    }
    return false;
}

/* Blank lines stay in front of the request that follows them: they do no harm, and places in it
 * are counted from there. */
static enum ray_status take_text(struct ray_request_input *input, struct ray_str *request)
{
    struct scan scan = {0};
    enum ray_status status = RAY_OK;
    while (!scan_request(input, &scan) && !input->ended && status == RAY_OK) {
        if (rest_of(input).len > RAY_REQUEST_INPUT_MAX_BYTES) {
            input->line = input->next_line;
            return RAY_TOO_BIG;
        }
        if (!scan.any) {
            hand_out(input, scan.pos); /* nothing but blank lines so far */
            scan.pos = 0;
        }
        status = read_more(input);
    }
    if (status != RAY_OK) {
        input->line = input->next_line;
        return status;
    }
    *request = hand_out(input, scan.pos);
    return scan.any ? RAY_OK : RAY_CLOSED;
}

void ray_request_input_is_text(struct ray_request_input *input)
{
    input->taken = 0; /* the whole was handed out, nothing was dropped */
    input->next_line = 1;
    input->form = RAY_REQUEST_FORM_UNKNOWN;
    struct scan scan = {0};
    scan_request(input, &scan);
    if (input->form == RAY_REQUEST_FORM_UNKNOWN) {
        input->form = RAY_REQUEST_FORM_VALUES; /* one line without an end */
    }
}

/* By the first byte that is not white space; a protobuf request begins with 0x0A. */
static enum ray_status find_form(struct ray_request_input *input, bool *unclear)
{
    enum ray_status status = RAY_OK;
    struct ray_str text = ray_str_trim(rest_of(input));
    while (text.len == 0 && !input->ended && status == RAY_OK) {
        status = read_more(input);
        text = ray_str_trim(rest_of(input));
    }
    if (status == RAY_OK && text.len == 0) {
        return RAY_CLOSED; /* blank lines, or nothing at all */
    }
    if (status == RAY_OK && text.ptr[0] != '{' && text.ptr[0] != '[') {
        input->form = RAY_REQUEST_FORM_BINARY;
    } else if (status == RAY_OK) {
        *unclear = rest_of(input).ptr[0] == '\n';
    }
    return status;
}

enum ray_status ray_request_input_next(struct ray_request_input *input, struct ray_str *request)
{
    bool first = input->form == RAY_REQUEST_FORM_UNKNOWN && input->taken == 0, unclear = false;
    enum ray_status status = first ? find_form(input, &unclear) : RAY_OK;
    if (status != RAY_OK) {
        return status;
    }
    if (input->form == RAY_REQUEST_FORM_BINARY || unclear) {
        return first ? take_whole(input, request) : RAY_CLOSED;
    }
    return take_text(input, request);
}
