/*
 * golden_test: does every golden case still come out as it should? See README.md.
 *
 * golden_test FOLDER [CASE]: prints what differs, and the documents when one CASE is named, then
 * one line per group. Exit status 1 when a group is below floor.txt.
 */
#include "core/json_reader.h"
#include "proto/otlp_decode.h"
#include "tests/golden/compare.h"
#include "tests/support/otlp_encode.h"
#include "translate/translate.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTA         (256u * 1024 * 1024)
#define BATCH_BYTES   (64u * 1024 * 1024)
#define NAMES_MAX     64
#define DOCUMENTS_MAX 512

struct golden_case {
    struct ray_str name, input, expected;
    struct ray_str indexed[NAMES_MAX], log_groups[NAMES_MAX];
    struct ray_translate_options options;
    bool subset;
    size_t max_bytes;
};

static size_t read_names(struct ray_json_reader *r, struct ray_str *out)
{
    size_t count = 0;
    if (ray_json_enter_array(r)) {
        while (ray_json_next_element(r) && count < NAMES_MAX &&
               ray_json_read_string(r, &out[count])) {
            count++;
        }
    }
    return count;
}

static void read_config(struct ray_json_reader *r, struct golden_case *c)
{
    struct ray_str key, text;
    uint64_t number;
    if (!ray_json_enter_object(r)) {
        return;
    }
    while (ray_json_next_key(r, &key)) {
        if (ray_str_eq(key, RAY_STR("indexed_attributes"))) {
            c->options.indexed_attributes = c->indexed;
            c->options.indexed_attribute_count = read_names(r, c->indexed);
        } else if (ray_str_eq(key, RAY_STR("aws_log_groups"))) {
            c->options.aws_log_groups = c->log_groups;
            c->options.aws_log_group_count = read_names(r, c->log_groups);
        } else if (ray_str_eq(key, RAY_STR("index_all_attributes"))) {
            ray_json_read_bool(r, &c->options.index_all_attributes);
        } else if (ray_str_eq(key, RAY_STR("preserve")) && ray_json_read_string(r, &text)) {
            c->options.preserve_all = ray_str_eq(text, RAY_STR("all"));
        } else if (ray_str_eq(key, RAY_STR("annotation_budget")) &&
                   ray_json_read_number(r, &text) && ray_str_to_u64(text, &number) == RAY_OK) {
            c->options.annotation_budget = (uint32_t)number;
        } else {
            ray_json_fail(r, "unknown config key");
        }
    }
}

static bool read_case(struct ray_str line, struct ray_arena *arena, struct golden_case *c)
{
    struct ray_json_reader r;
    struct ray_str key, text;
    uint64_t number;
    memset(c, 0, sizeof(*c));
    ray_json_read_init(&r, line, arena, RAY_JSON_DEPTH_MAX);
    ray_json_enter_object(&r);
    while (ray_json_next_key(&r, &key)) {
        if (ray_str_eq(key, RAY_STR("name"))) {
            ray_json_read_string(&r, &c->name);
        } else if (ray_str_eq(key, RAY_STR("input"))) {
            ray_json_skip_value(&r, &c->input);
        } else if (ray_str_eq(key, RAY_STR("expected"))) {
            ray_json_skip_value(&r, &c->expected);
        } else if (ray_str_eq(key, RAY_STR("config"))) {
            read_config(&r, c);
        } else if (ray_str_eq(key, RAY_STR("mode"))) {
            ray_json_read_string(&r, &text);
            c->subset = ray_str_eq(text, RAY_STR("limits"));
        } else if (ray_str_eq(key, RAY_STR("max_bytes"))) {
            if (ray_json_read_number(&r, &text) && ray_str_to_u64(text, &number) == RAY_OK) {
                c->max_bytes = (size_t)number;
            }
        } else {
            ray_json_skip_value(&r, NULL);
        }
    }
    return !r.failed;
}

static struct json_object *parse_expected(struct ray_str text)
{
    struct json_tokener *tokener = json_tokener_new_ex(RAY_JSON_DEPTH_MAX);
    struct json_object *value = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    json_tokener_free(tokener);
    return value;
}

/* Translates and compares one decoded request. */
static struct golden_result run(const struct golden_case *c, const struct ray_request *request,
                                struct ray_arena *arena, bool verbose)
{
    struct ray_str texts[DOCUMENTS_MAX];
    struct golden_result result = {{0}};
    struct ray_translate_counts counts = {0};
    struct ray_translator *translator = ray_translator_new(&c->options);
    struct ray_batch *batch = ray_batch_new(BATCH_BYTES);
    enum ray_status status = ray_translate_request(translator, request, arena, batch, &counts);
    ray_batch_seal(batch);
    struct ray_batch_reader reader;
    struct ray_document document;
    size_t count = 0;
    ray_batch_read_section(batch, ray_translator_profile(translator), &reader);
    while (count < DOCUMENTS_MAX && ray_batch_next(&reader, &document)) {
        texts[count++] = document.text;
        if (verbose) {
            printf("%.*s\n", RAY_STR_ARG(document.text));
        }
    }
    struct json_object *expected = parse_expected(c->expected);
    result = golden_compare(expected, texts, count, c->subset, c->max_bytes);
    if (status != RAY_OK) {
        snprintf(result.why, sizeof(result.why), "translate: %s", ray_status_name(status));
    } else if (counts.translated + counts.invalid_ids + counts.too_big != request->span_count) {
        snprintf(result.why, sizeof(result.why), "spans are not accounted for");
    }
    json_object_put(expected);
    ray_batch_unref(batch);
    ray_translator_free(translator);
    return result;
}

static struct golden_result run_json(const struct golden_case *c, struct ray_arena *arena,
                                     struct ray_request *request, bool verbose)
{
    struct ray_decode_error error = {{0}};
    struct golden_result result = {{0}};
    enum ray_status status = ray_otlp_json_decode(c->input, arena, request, &error);
    if (status != RAY_OK) {
        snprintf(result.why, sizeof(result.why), "JSON: %s", error.text);
        return result;
    }
    return run(c, request, arena, verbose);
}

static struct golden_result run_protobuf(const struct golden_case *c, struct ray_arena *arena,
                                         const struct ray_request *request)
{
    struct ray_decode_error error = {{0}};
    struct golden_result result = {{0}};
    struct ray_request again = {0};
    struct ray_str bytes;
    if (!ray_test_otlp_encode(request, arena, &bytes) ||
        ray_otlp_pb_decode(bytes, arena, &again, &error) != RAY_OK) {
        snprintf(result.why, sizeof(result.why), "protobuf: %s", error.text);
        return result;
    }
    return run(c, &again, arena, false);
}

static bool run_line(struct ray_str line, const char *only)
{
    struct ray_arena *arena = ray_arena_new(QUOTA);
    struct golden_case c;
    struct ray_request request = {0};
    struct golden_result json = {"cannot read the case"}, protobuf = {{0}};
    if (read_case(line, arena, &c) && (only == NULL || ray_str_eq(c.name, ray_str_from(only)))) {
        json = run_json(&c, arena, &request, only != NULL);
        protobuf = json;
        if (json.why[0] == '\0') {
            protobuf = run_protobuf(&c, arena, &request);
        }
    }
    if (protobuf.why[0] != '\0') {
        printf("FAIL %.*s%s: %s\n", RAY_STR_ARG(c.name), json.why[0] ? "" : " (protobuf)",
               protobuf.why);
    }
    ray_arena_free(arena);
    return json.why[0] == '\0' && protobuf.why[0] == '\0';
}

struct score {
    unsigned good, all;
};

static void run_file(const char *path, const char *only, struct score *score)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    while ((len = getline(&line, &capacity, file)) > 0) {
        if (only == NULL || strstr(line, only) != NULL) {
            score->good += run_line((struct ray_str){line, (size_t)len}, only);
            score->all++;
        }
    }
    free(line);
    fclose(file);
}

static struct score run_group(const char *folder, const char *group, const char *only)
{
    struct score score = {0};
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, group);
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (strstr(entries[i]->d_name, ".jsonl") != NULL) {
            char name[1024];
            snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
            run_file(name, only, &score);
        }
        free(entries[i]);
    }
    free(entries);
    return score;
}

static unsigned floor_of(const char *folder, const char *group)
{
    char path[512], name[32];
    unsigned floor = 0;
    snprintf(path, sizeof(path), "%s/floor.txt", folder);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    unsigned value;
    while (fscanf(file, "%31s %u", name, &value) == 2) {
        floor = strcmp(name, group) == 0 ? value : floor;
    }
    fclose(file);
    return floor;
}

int main(int argc, char **argv)
{
    static const char *const groups[] = {"parity", "deviations", "own"};
    const char *folder = argc > 1 ? argv[1] : ".";
    const char *only = argc > 2 ? argv[2] : NULL;
    int failed = 0;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        struct score score = run_group(folder, groups[i], only);
        unsigned floor = only == NULL ? floor_of(folder, groups[i]) : score.all;
        printf("%s %u of %u\n", groups[i], score.good, score.all);
        if (score.good < floor) {
            printf("%s: below the floor of %u\n", groups[i], floor);
            failed = 1;
        } else if (score.good > floor) {
            printf("%s: better than floor.txt says (%u): raise it\n", groups[i], floor);
        }
    }
    return failed;
}
