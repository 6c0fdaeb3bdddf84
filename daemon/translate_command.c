/* translate_command: see translate_command.h. */
#include "daemon/translate_command.h"

#include "config/location.h"
#include "daemon/request_input.h"
#include "exporter/awsxray.h"
#include "proto/otlp_decode.h"
#include "translate/explain.h"
#include "translate/mapping.h"
#include "translate/translate.h"
#include "xray/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_MAX_BYTES ((size_t)4 * 1024 * 1024 * 1024)
#define BATCH_MAX_BYTES ((size_t)1024 * 1024 * 1024)
#define PAGE_MAX_BYTES  ((size_t)1 << 20)
#define LINES_MAX_BYTES ((size_t)64 * 1024 * 1024) /* explaining one document */

/* One call of the command. */
struct job {
    const struct ray_translate_command *command;
    const struct ray_translator *translator;
    struct ray_arena *config; /* of the options */
    struct ray_str_list indexed_attributes;
    struct ray_arena *arena;   /* of one request */
    struct ray_arena *scratch; /* of one span, when spans are explained */
    struct ray_buf lines;      /* the same */
    uint64_t documents;        /* printed so far */
    struct ray_translate_counts counts;
};

/* The keys of exporter awsxray, read from a file or `yaml:{...}` by the exporter's own table. */
static struct ray_translator *make_translator(const char *uri, struct ray_arena *arena,
                                              struct ray_problems *problems,
                                              struct ray_str_list *indexed_attributes)
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
    if (problems->text.len > 0) {
        return NULL;
    }
    struct ray_translate_options translate = {0};
    ray_document_options_for_translate(&options->documents, &translate);
    *indexed_attributes = options->documents.indexed_attributes;
    return ray_translator_new(&translate);
}

/* --- output --- */

static void print(struct ray_str text)
{
    fwrite(text.ptr, 1, text.len, stdout);
}

static bool flush_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return true;
    }
    fprintf(stderr, "spanbridge translate: cannot write standard output: %s\n", strerror(errno));
    return false;
}

/* What is done with one document; `span` is NULL unless it is asked for. */
typedef enum ray_status (*document_fn)(struct job *job, struct ray_str text,
                                       const struct ray_resource_spans *resource,
                                       const struct ray_span *span);

static enum ray_status print_document(struct job *job, struct ray_str text,
                                      const struct ray_resource_spans *resource,
                                      const struct ray_span *span)
{
    (void)resource;
    (void)span;
    job->documents++;
    print(text);
    fputc('\n', stdout);
    return RAY_OK;
}

static enum ray_status explain_document(struct job *job, struct ray_str text,
                                        const struct ray_resource_spans *resource,
                                        const struct ray_span *span)
{
    struct ray_explained explained = {
        .span = span,
        .resource = &resource->attributes,
        .number = ++job->documents,
        .indexed_attributes = job->indexed_attributes.items,
        .indexed_attribute_count = job->indexed_attributes.count,
    };
    ray_buf_reset(&job->lines);
    enum ray_status status = ray_explain(text, &explained, job->scratch, &job->lines);
    print(ray_buf_str(&job->lines));
    return status;
}

/* --- translating --- */

static enum ray_status translate(struct job *job, const struct ray_request *request,
                                 struct ray_arena *arena, document_fn take,
                                 const struct ray_span *span)
{
    struct ray_batch *batch = ray_batch_new(BATCH_MAX_BYTES);
    enum ray_status status =
        batch ? ray_translate_request(job->translator, request, arena, batch, &job->counts)
              : RAY_NOMEM;
    struct ray_batch_reader reader;
    struct ray_document document;
    if (status == RAY_OK) {
        ray_batch_seal(batch);
        if (ray_batch_read_section(batch, ray_translator_profile(job->translator), &reader)) {
            while (status == RAY_OK && ray_batch_next(&reader, &document)) {
                status = take(job, document.text, request->resources, span);
            }
        }
    }
    ray_batch_unref(batch);
    return status;
}

/* The translator looks at each span alone, so that alone it gives the same documents; and of these
 * we know what they were made of. */
static enum ray_status explain_span(struct job *job, const struct ray_resource_spans *resource,
                                    const struct ray_scope_spans *scope,
                                    const struct ray_span *span)
{
    struct ray_scope_spans one_scope = *scope;
    one_scope.spans = span;
    one_scope.span_count = 1;
    struct ray_resource_spans one_resource = *resource;
    one_resource.scopes = &one_scope;
    one_resource.scope_count = 1;
    struct ray_request request = {&one_resource, 1, 1};
    ray_arena_reset(job->scratch);
    return translate(job, &request, job->scratch, explain_document, span);
}

static enum ray_status explain_scope(struct job *job, const struct ray_resource_spans *resource,
                                     const struct ray_scope_spans *scope)
{
    enum ray_status status = RAY_OK;
    for (size_t i = 0; status == RAY_OK && i < scope->span_count; i++) {
        status = explain_span(job, resource, scope, &scope->spans[i]);
    }
    return status;
}

static enum ray_status explain(struct job *job, const struct ray_request *request)
{
    enum ray_status status = RAY_OK;
    for (size_t i = 0; i < request->resource_count; i++) {
        const struct ray_resource_spans *resource = &request->resources[i];
        for (size_t k = 0; status == RAY_OK && k < resource->scope_count; k++) {
            status = explain_scope(job, resource, &resource->scopes[k]);
        }
    }
    return status;
}

static bool print_request(struct job *job, const struct ray_request *request)
{
    enum ray_status status = job->command->explain
                                 ? explain(job, request)
                                 : translate(job, request, job->arena, print_document, NULL);
    if (status != RAY_OK) {
        fprintf(stderr, "spanbridge translate: %s\n", ray_status_name(status));
    }
    return status == RAY_OK && flush_output();
}

/* --- input --- */

static enum ray_status decode(struct ray_request_input *input, struct ray_str bytes,
                              struct ray_arena *arena, struct ray_request *request,
                              struct ray_decode_error *error)
{
    ray_arena_reset(arena);
    return input->form == RAY_REQUEST_FORM_BINARY
               ? ray_otlp_pb_decode(bytes, arena, request, error)
               : ray_otlp_json_decode(bytes, arena, request, error);
}

/* Decoders say "byte 17: what"; a human looks for the line, too. */
static void print_place(const struct ray_request_input *input, struct ray_str bytes,
                        struct ray_str error)
{
    size_t line = input->line, line_start = 0;
    struct ray_str number = ray_str_from_pos(error, sizeof("byte ") - 1);
    size_t digits = strspn(number.ptr, "0123456789");
    uint64_t at;
    bool known = ray_str_starts_with(error, RAY_STR("byte ")) &&
                 ray_str_to_u64(ray_str_until(number, digits), &at) == RAY_OK;
    if (input->form == RAY_REQUEST_FORM_BINARY) {
        fprintf(stderr, "spanbridge translate: not an OTLP trace request: %s\n", error.ptr);
        return;
    }
    if (!known) {
        fprintf(stderr, "spanbridge translate: line %zu: not an OTLP trace request: %s\n", line,
                error.ptr);
        return;
    }
    for (size_t i = 0; i < at && i < bytes.len; i++) {
        if (bytes.ptr[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    fprintf(stderr, "spanbridge translate: line %zu, byte %zu: not an OTLP trace request%s\n", line,
            (size_t)at - line_start, number.ptr + digits);
}

static bool translate_one(struct job *job, struct ray_request_input *input, struct ray_str bytes)
{
    struct ray_request request;
    struct ray_decode_error error = {""};
    enum ray_status status = decode(input, bytes, job->arena, &request, &error);
    if (status == RAY_OK) {
        return print_request(job, &request);
    }
    if (error.text[0] == '\0') {
        snprintf(error.text, sizeof(error.text), "%s", ray_status_name(status));
    }
    print_place(input, bytes, ray_str_from(error.text));
    return false;
}

/* Behind a blank line both are possible: a request of protobuf is much less likely to be JSON by
 * chance than to be what it is. */
static bool is_protobuf(struct job *job, struct ray_str bytes, struct ray_request *request)
{
    ray_arena_reset(job->arena);
    return ray_otlp_pb_decode(bytes, job->arena, request, NULL) == RAY_OK;
}

static bool translate_all(struct job *job, struct ray_request_input *input)
{
    struct ray_str bytes;
    struct ray_request request;
    enum ray_status status;
    while ((status = ray_request_input_next(input, &bytes)) == RAY_OK) {
        if (bytes.len > 0 && bytes.ptr[0] == '\n' && input->form == RAY_REQUEST_FORM_UNKNOWN) {
            if (is_protobuf(job, bytes, &request)) {
                return print_request(job, &request);
            }
            ray_request_input_is_text(input);
        } else if (!translate_one(job, input, bytes)) {
            return false;
        }
    }
    if (status == RAY_TOO_BIG) {
        fprintf(stderr, "spanbridge translate: line %zu: longer than %zu MiB\n", input->line,
                RAY_REQUEST_INPUT_MAX_BYTES >> 20);
    } else if (status == RAY_IO) {
        fprintf(stderr, "spanbridge translate: cannot read %s: %s\n",
                job->command->file ? job->command->file : "standard input", strerror(errno));
    }
    return status == RAY_CLOSED;
}

static bool translate_file(struct job *job)
{
    const char *name = job->command->file;
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (fd < 0) {
        fprintf(stderr, "spanbridge translate: cannot read %s: %s\n", name, strerror(errno));
        return false;
    }
    struct ray_request_input input;
    ray_request_input_init(&input, fd);
    bool good = translate_all(job, &input);
    ray_request_input_clear(&input);
    if (name != NULL) {
        close(fd);
    }
    uint32_t left_out = job->counts.invalid_ids + job->counts.too_big;
    if (left_out > 0) {
        fprintf(stderr,
                "spanbridge translate: %u spans left out: %u with missing, zero or misshapen ids, "
                "%u too big for a segment document\n",
                left_out, job->counts.invalid_ids, job->counts.too_big);
    }
    return good;
}

/* --- the command --- */

static enum ray_exit print_mapping(void)
{
    struct ray_buf page;
    ray_buf_init(&page, PAGE_MAX_BYTES);
    ray_mapping_write_page(&page);
    print(ray_buf_str(&page));
    bool good = !page.failed && flush_output();
    ray_buf_clear(&page);
    return good ? RAY_EXIT_GOOD : RAY_EXIT_FAILED;
}

static bool run(struct job *job, struct ray_problems *problems)
{
    job->config = ray_arena_new(ARENA_MAX_BYTES);
    job->arena = ray_arena_new(ARENA_MAX_BYTES);
    job->scratch = ray_arena_new(ARENA_MAX_BYTES);
    if (job->config == NULL || job->arena == NULL || job->scratch == NULL) {
        fprintf(stderr, "spanbridge translate: %s\n", ray_status_name(RAY_NOMEM));
        return false;
    }
    struct ray_translator *translator =
        make_translator(job->command->options_uri, job->config, problems, &job->indexed_attributes);
    job->translator = translator;
    fprintf(stderr, "%.*s", RAY_STR_ARG(ray_buf_str(&problems->warning_text)));
    if (translator == NULL) {
        fprintf(stderr, "%.*s", RAY_STR_ARG(ray_buf_str(&problems->text)));
    }
    bool good = translator != NULL && translate_file(job);
    ray_translator_free(translator);
    return good;
}

enum ray_exit ray_translate_command_run(const struct ray_translate_command *command)
{
    if (command->mapping) {
        return print_mapping();
    }
    struct job job = {.command = command};
    struct ray_problems problems;
    ray_problems_init(&problems);
    ray_buf_init(&job.lines, LINES_MAX_BYTES);
    bool good = run(&job, &problems);
    ray_buf_clear(&job.lines);
    ray_problems_clear(&problems);
    ray_arena_free(job.scratch);
    ray_arena_free(job.arena);
    ray_arena_free(job.config);
    return good ? RAY_EXIT_GOOD : RAY_EXIT_FAILED;
}
