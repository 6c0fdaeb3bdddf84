/* span_cases: the way of a span: decode, translate; and of a segment: scan. */
#include <stdlib.h>

#include "bench/micro/bench.h"
#include "bench/micro/golden_input.h"
#include "translate/translate.h"
#include "xray/scan.h"

#define BATCH_MAX_BYTES   ((size_t)64 << 20)
#define REQUEST_MAX_BYTES ((size_t)64 << 20)

struct span_state {
    struct bench_input *input;
    struct ray_arena *arena;
    struct ray_translator *translator;
};

static void *set_up(const char *path, size_t *units, bool index_all)
{
    struct bench_input *input = bench_input_new(path);
    if (input == NULL) {
        return NULL;
    }
    struct span_state *state = calloc(1, sizeof(*state));
    state->input = input;
    state->arena = ray_arena_new(REQUEST_MAX_BYTES);
    state->translator = ray_translator_new(&(struct ray_translate_options){
        .index_all_attributes = index_all, .preserve_all = index_all});
    *units = input->request.span_count;
    return state;
}

static void *set_up_plain(const char *path, size_t *units)
{
    return set_up(path, units, false);
}

/* As `spanbridge local` translates. */
static void *set_up_local(const char *path, size_t *units)
{
    return set_up(path, units, true);
}

static void tear_down(void *memory)
{
    struct span_state *state = memory;
    ray_translator_free(state->translator);
    ray_arena_free(state->arena);
    bench_input_free(state->input);
    free(state);
}

static void decode_pb(void *memory)
{
    struct span_state *state = memory;
    struct ray_request request;
    ray_arena_reset(state->arena);
    bench_must(ray_otlp_pb_decode(state->input->pb, state->arena, &request, NULL));
    bench_use(&request);
}

static void decode_json(void *memory)
{
    struct span_state *state = memory;
    struct ray_request request;
    ray_arena_reset(state->arena);
    bench_must(
        ray_otlp_json_decode(ray_buf_str(&state->input->json), state->arena, &request, NULL));
    bench_use(&request);
}

static void translate_all(void *memory)
{
    struct span_state *state = memory;
    struct ray_translate_counts counts = {0};
    ray_arena_reset(state->arena);
    struct ray_batch *batch = ray_batch_new(BATCH_MAX_BYTES);
    bench_must(ray_translate_request(state->translator, &state->input->request, state->arena, batch,
                                     &counts));
    bench_must(counts.translated > 0 ? RAY_OK : RAY_INVALID);
    ray_batch_seal(batch);
    ray_batch_unref(batch);
}

/* ---- the legacy lane ---- */

static void scan_segment(void *memory)
{
    static const char segment[] =
        "{\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\",\"id\":\"defdfd9912dc5a56\","
        "\"start_time\":1461096053.37518,\"end_time\":1461096053.4042,\"name\":"
        "\"www.example.com\",\"http\":{\"request\":{\"url\":\"https://www.example.com/health\","
        "\"method\":\"GET\",\"user_agent\":\"Mozilla/5.0 (Macintosh)\",\"client_ip\":"
        "\"11.0.3.111\"},\"response\":{\"status\":200,\"content_length\":86}},\"annotations\":"
        "{\"customer_category\":124,\"zip_code\":98101},\"subsegments\":[{\"id\":"
        "\"53995c3f42cd8ad8\",\"name\":\"api.example.com\",\"start_time\":1461096053.37769,"
        "\"end_time\":1461096053.40379,\"namespace\":\"remote\"}]}";
    struct ray_arena *arena = memory;
    struct ray_segment_scan scan;
    ray_arena_reset(arena);
    bench_must(ray_segment_scan(RAY_STR(segment), arena, &scan) == RAY_SCAN_OK ? RAY_OK
                                                                               : RAY_INVALID);
}

static void *new_arena(const char *path, size_t *units)
{
    (void)path;
    (void)units;
    return ray_arena_new(REQUEST_MAX_BYTES);
}

static void free_arena(void *memory)
{
    ray_arena_free(memory);
}

#define PARITY(name) "tests/golden/parity/" name ".jsonl"
/* What an agent writes for an HTTP server: 17 attributes a span, 14 on the resource. The aims are
 * for these: 500 ns a span to decode, 2,000 ns to translate with everything on. */
#define REALISTIC "bench/micro/http_server.jsonl"

/* clang-format off */
const struct bench_case bench_span_cases[] = {
    {"proto/decode_realistic",     "span", 0, REALISTIC,            set_up_plain, decode_pb,     tear_down},
    {"translate/realistic_plain",  "span", 0, REALISTIC,            set_up_plain, translate_all, tear_down},
    {"translate/realistic_all_on", "span", 0, REALISTIC,            set_up_local, translate_all, tear_down},
    {"proto/decode_pb_captured",   "span", 0, PARITY("captured"),   set_up_plain, decode_pb,     tear_down},
    {"proto/decode_pb_http",       "span", 0, PARITY("http_new"),   set_up_plain, decode_pb,     tear_down},
    {"proto/decode_json_captured", "span", 0, PARITY("captured"),   set_up_plain, decode_json,   tear_down},
    {"translate/captured",         "span", 0, PARITY("captured"),   set_up_plain, translate_all, tear_down},
    {"translate/captured_local",   "span", 0, PARITY("captured"),   set_up_local, translate_all, tear_down},
    {"translate/http",             "span", 0, PARITY("http_new"),   set_up_plain, translate_all, tear_down},
    {"translate/aws_sdk",          "span", 0, PARITY("aws_sdk"),    set_up_plain, translate_all, tear_down},
    {"translate/exceptions",       "span", 0, PARITY("exceptions"), set_up_plain, translate_all, tear_down},
    {"xray/scan_segment",          "document", 1, NULL,             new_arena,    scan_segment,  free_arena},
    BENCH_CASES_END,
};
/* clang-format on */
