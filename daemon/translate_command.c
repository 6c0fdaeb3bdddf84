/* translate_command: see translate_command.h. */
#include "daemon/translate_command.h"

#include "config/location.h"
#include "exporter/awsxray.h"
#include "proto/otlp_decode.h"
#include "translate/translate.h"
#include "xray/batch.h"

#include <errno.h>
#include <stdio.h>

#define INPUT_MAX_BYTES ((size_t)256 * 1024 * 1024)
#define ARENA_MAX_BYTES ((size_t)4 * 1024 * 1024 * 1024)
#define BATCH_MAX_BYTES ((size_t)1024 * 1024 * 1024)
#define READ_BYTES      ((size_t)64 * 1024)

static bool read_all(FILE *file, struct ray_buf *out)
{
    while (ray_buf_reserve(out, READ_BYTES)) {
        size_t got = fread(out->data + out->len, 1, READ_BYTES, file);
        out->len += got;
        if (got < READ_BYTES) {
            return !ferror(file);
        }
    }
    errno = EFBIG;
    return false;
}

static bool read_input(const char *name, struct ray_buf *out)
{
    FILE *file = name ? fopen(name, "rbe") : stdin;
    bool good = file != NULL && read_all(file, out);
    if (!good) {
        fprintf(stderr, "spanbridge translate: cannot read %s: %s\n",
                name ? name : "standard input", strerror(errno));
    }
    if (name != NULL && file != NULL) {
        fclose(file);
    }
    return good;
}

/* JSON begins with a brace behind white space at most; so may a protobuf request (0x0A, then a
 * length of 0x7B), so the other decoder is asked when JSON does not fit. */
static enum ray_status decode(struct ray_str input, struct ray_arena *arena,
                              struct ray_request *request, struct ray_decode_error *error)
{
    struct ray_str text = ray_str_trim(input);
    bool looks_like_json = text.len > 0 && (text.ptr[0] == '{' || text.ptr[0] == '[');
    if (!looks_like_json) {
        return ray_otlp_pb_decode(input, arena, request, error);
    }
    enum ray_status status = ray_otlp_json_decode(input, arena, request, error);
    struct ray_decode_error unused;
    if (status == RAY_INVALID && input.ptr[0] == '\n' &&
        ray_otlp_pb_decode(input, arena, request, &unused) == RAY_OK) {
        return RAY_OK;
    }
    return status;
}

/* The keys of exporter awsxray, read from a file or `yaml:{...}` by the exporter's own table. */
static struct ray_translator *make_translator(const char *uri, struct ray_arena *arena,
                                              struct ray_problems *problems)
{
    struct ray_awsxray_options *options = RAY_ARENA_NEW(arena, struct ray_awsxray_options);
    struct ray_yaml *node = NULL;
    if (options == NULL ||
        (uri != NULL && ray_location_load(uri, arena, problems, &node) != RAY_OK)) {
        return NULL;
    }
    if (ray_options_read(ray_awsxray_option_table, node, "--options", arena, problems, options) !=
        RAY_OK) {
        return NULL;
    }
    ray_document_keys_check(node, "--options", problems);
    struct ray_translate_options translate = {0};
    ray_document_options_for_translate(&options->documents, &translate);
    return ray_translator_new(&translate);
}

static void print_documents(const struct ray_batch *batch, uint64_t profile)
{
    struct ray_batch_reader reader;
    struct ray_document document;
    if (ray_batch_read_section(batch, profile, &reader)) {
        while (ray_batch_next(&reader, &document)) {
            fwrite(document.text.ptr, 1, document.text.len, stdout);
            fputc('\n', stdout);
        }
    }
}

static bool translate(struct ray_str input, const struct ray_translator *translator,
                      struct ray_arena *arena)
{
    struct ray_request request;
    struct ray_decode_error error = {""};
    struct ray_translate_counts counts = {0};
    enum ray_status status = decode(input, arena, &request, &error);
    if (status != RAY_OK) {
        fprintf(stderr, "spanbridge translate: not an OTLP trace request: %s\n", error.text);
        return false;
    }
    struct ray_batch *batch = ray_batch_new(BATCH_MAX_BYTES);
    status = batch ? ray_translate_request(translator, &request, arena, batch, &counts) : RAY_NOMEM;
    if (status == RAY_OK) {
        ray_batch_seal(batch);
        print_documents(batch, ray_translator_profile(translator));
    } else {
        fprintf(stderr, "spanbridge translate: %s\n", ray_status_name(status));
    }
    ray_batch_unref(batch);
    uint32_t left_out = counts.invalid_ids + counts.too_big;
    if (left_out > 0) {
        fprintf(stderr,
                "spanbridge translate: %u spans left out: %u with missing, zero or misshapen ids, "
                "%u too big for a segment document\n",
                left_out, counts.invalid_ids, counts.too_big);
    }
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (!written) {
        fprintf(stderr, "spanbridge translate: cannot write standard output: %s\n",
                strerror(errno));
    }
    return status == RAY_OK && written;
}

enum ray_exit ray_translate_command_run(const struct ray_translate_command *command)
{
    struct ray_arena *arena = ray_arena_new(ARENA_MAX_BYTES);
    struct ray_problems problems;
    struct ray_buf input;
    bool good = false;
    ray_problems_init(&problems);
    ray_buf_init(&input, INPUT_MAX_BYTES);
    struct ray_translator *translator =
        arena ? make_translator(command->options_uri, arena, &problems) : NULL;
    fprintf(stderr, "%.*s", RAY_STR_ARG(ray_buf_str(&problems.warning_text)));
    if (translator == NULL) {
        fprintf(stderr, "%.*s", RAY_STR_ARG(ray_buf_str(&problems.text)));
    } else if (read_input(command->file, &input)) {
        good = translate(ray_buf_str(&input), translator, arena);
    }
    ray_translator_free(translator);
    ray_buf_clear(&input);
    ray_problems_clear(&problems);
    ray_arena_free(arena);
    return good ? RAY_EXIT_GOOD : RAY_EXIT_FAILED;
}
