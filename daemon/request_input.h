/*
 * request_input: OTLP requests out of a file or a pipe, one after the other.
 *
 * One protobuf request, or JSON: a request on each line (blank lines are skipped), or requests that
 * are spread over lines. Which of the two, the first line tells: it holds a whole value or not. Of
 * lines only the current one is held, and it is handed out when its end has come, not when the
 * input ends. One thread.
 */
#ifndef RAY_DAEMON_REQUEST_INPUT_H
#define RAY_DAEMON_REQUEST_INPUT_H

#include "core/buf.h"

#define RAY_REQUEST_INPUT_MAX_BYTES ((size_t)256 * 1024 * 1024) /* of one request */

enum ray_request_form {
    RAY_REQUEST_FORM_UNKNOWN = 0,
    RAY_REQUEST_FORM_LINES,  /* JSON, each line a request */
    RAY_REQUEST_FORM_VALUES, /* JSON, spread over lines */
    RAY_REQUEST_FORM_BINARY, /* protobuf */
};

struct ray_request_input {
    int fd;
    bool ended; /* nothing more can be read */
    enum ray_request_form form;
    struct ray_buf buf;
    size_t taken;     /* bytes of `buf` that were handed out */
    size_t line;      /* in which `taken` lies, from 1 */
    size_t next_line; /* in which what is handed out next begins */
};

/* `fd` stays the caller's. */
void ray_request_input_init(struct ray_request_input *input, int fd);
void ray_request_input_clear(struct ray_request_input *input);

/*
 * The next request's bytes, valid until the next call; input->line is where they begin.
 *   RAY_CLOSED   there are no more
 *   RAY_TOO_BIG  longer than RAY_REQUEST_INPUT_MAX_BYTES, or no memory for it
 *   RAY_IO       reading failed; errno says why
 * A protobuf request may look like JSON behind a blank line (0x0A, 0x7B): RAY_REQUEST_FORM_UNKNOWN
 * stays in input->form then, and the whole input is handed out. Unless the caller finds it to be
 * protobuf, it calls ray_request_input_is_text, and gets it again in pieces.
 */
RAY_MUST_USE enum ray_status ray_request_input_next(struct ray_request_input *input,
                                                    struct ray_str *request);
void ray_request_input_is_text(struct ray_request_input *input);

#endif
