/* reverse_command: see reverse_command.h. */
#include "daemon/reverse_command.h"

#include "daemon/request_input.h"
#include "proto/otlp_json_write.h"
#include "translate/segment_to_span.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ARENA_MAX_BYTES  ((size_t)4 * 1024 * 1024 * 1024)
#define OUTPUT_MAX_BYTES ((size_t)2 * 1024 * 1024 * 1024) /* of one request */

static bool print_request(struct ray_str document, size_t line, struct ray_arena *arena,
                          struct ray_buf *out)
{
    struct ray_request request;
    struct ray_decode_error error = {""};
    ray_arena_reset(arena);
    ray_buf_reset(out);
    if (ray_segment_to_spans(document, arena, &request, &error) != RAY_OK) {
        fprintf(stderr, "spanbridge translate: not a segment document: line %zu, %s\n", line,
                error.text);
        return false;
    }
    ray_otlp_json_write(&request, out);
    ray_buf_append_byte(out, '\n');
    if (out->failed) {
        fprintf(stderr, "spanbridge translate: line %zu: memory is used up\n", line);
        return false;
    }
    return fwrite(out->data, 1, out->len, stdout) == out->len;
}

static bool print_all(struct ray_request_input *input, const char *name, struct ray_arena *arena,
                      struct ray_buf *out)
{
    struct ray_str document;
    enum ray_status status;
    while ((status = ray_request_input_next(input, &document)) == RAY_OK) {
        if (input->form == RAY_REQUEST_FORM_UNKNOWN) { /* only of OTLP there is a binary form */
            ray_request_input_is_text(input);
        } else if (!print_request(document, input->line, arena, out)) {
            return false;
        }
    }
    if (status != RAY_CLOSED) {
        fprintf(stderr, "spanbridge translate: cannot read %s, line %zu: %s\n", name, input->line,
                status == RAY_IO ? strerror(errno) : ray_status_name(status));
    }
    return status == RAY_CLOSED;
}

/* What was printed must also arrive. */
static bool flush(void)
{
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (!written) {
        fprintf(stderr, "spanbridge translate: cannot write standard output: %s\n",
                strerror(errno));
    }
    return written;
}

enum ray_exit ray_reverse_command_run(const char *file)
{
    const char *name = file != NULL ? file : "standard input";
    int fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (fd < 0) {
        fprintf(stderr, "spanbridge translate: cannot read %s: %s\n", name, strerror(errno));
        return RAY_EXIT_FAILED;
    }
    struct ray_request_input input;
    struct ray_buf out;
    struct ray_arena *arena = ray_arena_new(ARENA_MAX_BYTES);
    ray_request_input_init(&input, fd);
    ray_buf_init(&out, OUTPUT_MAX_BYTES);
    bool good = arena != NULL && print_all(&input, name, arena, &out);
    good = flush() && good;
    ray_buf_clear(&out);
    ray_request_input_clear(&input);
    ray_arena_free(arena);
    if (file != NULL) {
        close(fd);
    }
    return good ? RAY_EXIT_GOOD : RAY_EXIT_FAILED;
}
