/* golden_input: see golden_input.h. A case is {"input": {"resourceSpans": [...]}, ...} on a line.
 */
#include "bench/micro/golden_input.h"

#include <stdlib.h>

#include "bench/micro/bench.h"
#include "core/json_reader.h"
#include "tests/support/otlp_encode.h"

#define INPUT_MAX_BYTES ((size_t)64 << 20)

/* What the cases have in common, gathered from line to line. */
struct parts {
    struct ray_str resource; /* of the first case */
    struct ray_buf scopes;   /* the insides of all scopeSpans */
};

static void add_scopes(struct parts *parts, struct ray_str array)
{
    struct ray_str inside = ray_str_trim(ray_str_from_pos(ray_str_until(array, array.len - 1), 1));
    if (inside.len > 0 && parts->scopes.len > 0) {
        ray_buf_append_byte(&parts->scopes, ',');
    }
    ray_buf_append(&parts->scopes, inside);
}

static void read_resource_spans(struct ray_json_reader *r, struct parts *parts)
{
    struct ray_str key, raw;
    for (ray_json_enter_object(r); ray_json_next_key(r, &key);) {
        if (!ray_json_skip_value(r, &raw)) {
            return;
        }
        if (ray_str_eq(key, RAY_STR("scopeSpans")) && raw.ptr[0] == '[') {
            add_scopes(parts, raw);
        } else if (ray_str_eq(key, RAY_STR("resource")) && parts->resource.len == 0) {
            parts->resource = raw;
        }
    }
}

static void read_input(struct ray_json_reader *r, struct parts *parts)
{
    struct ray_str key;
    for (ray_json_enter_object(r); ray_json_next_key(r, &key);) {
        if (!ray_str_eq(key, RAY_STR("resourceSpans"))) {
            ray_json_skip_value(r, NULL);
            continue;
        }
        for (ray_json_enter_array(r); ray_json_next_element(r);) {
            read_resource_spans(r, parts);
        }
    }
}

static void read_case(struct ray_str line, struct ray_arena *arena, struct parts *parts)
{
    struct ray_json_reader r;
    struct ray_str key;
    ray_json_read_init(&r, line, arena, RAY_JSON_DEPTH_MAX);
    for (ray_json_enter_object(&r); ray_json_next_key(&r, &key);) {
        if (ray_str_eq(key, RAY_STR("input"))) {
            read_input(&r, parts);
        } else {
            ray_json_skip_value(&r, NULL);
        }
    }
}

static void write_request(struct bench_input *input, const struct parts *parts, size_t times)
{
    ray_buf_reset(&input->json);
    ray_buf_append(&input->json, RAY_STR("{\"resourceSpans\":[{\"resource\":"));
    ray_buf_append(&input->json, parts->resource.len ? parts->resource : RAY_STR("{}"));
    ray_buf_append(&input->json, RAY_STR(",\"scopeSpans\":["));
    for (size_t i = 0; i < times; i++) {
        if (i > 0) {
            ray_buf_append_byte(&input->json, ',');
        }
        ray_buf_append(&input->json, ray_buf_str(&parts->scopes));
    }
    ray_buf_append(&input->json, RAY_STR("]}]}"));
}

static bool decode(struct bench_input *input)
{
    return !input->json.failed &&
           ray_otlp_json_decode(ray_buf_str(&input->json), input->arena, &input->request, NULL) ==
               RAY_OK &&
           input->request.span_count > 0;
}

static bool build(struct bench_input *input, struct ray_str file, struct parts *parts)
{
    struct ray_str rest = file, line;
    while (ray_str_split(&rest, '\n', &line)) {
        if (line.len > 0) {
            read_case(line, input->arena, parts);
        }
    }
    write_request(input, parts, 1);
    if (!decode(input)) {
        return false;
    }
    write_request(input, parts,
                  (BENCH_REQUEST_SPANS + input->request.span_count / 2) /
                      input->request.span_count);
    return decode(input) && ray_test_otlp_encode(&input->request, input->arena, &input->pb);
}

struct bench_input *bench_input_new(const char *path)
{
    size_t bytes;
    char *file = bench_read_file(path, &bytes);
    if (file == NULL) {
        return NULL;
    }
    struct bench_input *input = calloc(1, sizeof(*input));
    struct parts parts = {0};
    input->arena = ray_arena_new(INPUT_MAX_BYTES);
    ray_buf_init(&input->json, INPUT_MAX_BYTES);
    ray_buf_init(&parts.scopes, INPUT_MAX_BYTES);
    bool good = build(input, (struct ray_str){file, bytes}, &parts);
    ray_buf_clear(&parts.scopes);
    free(file);
    if (!good) {
        bench_input_free(input);
        return NULL;
    }
    return input;
}

void bench_input_free(struct bench_input *input)
{
    ray_buf_clear(&input->json);
    ray_arena_free(input->arena);
    free(input);
}
