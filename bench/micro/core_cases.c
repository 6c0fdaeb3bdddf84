/* core_cases: the ground: text, JSON, hashing, logs. */
#include "bench/micro/bench.h"

#include <fcntl.h>
#include <stdlib.h>

#include "core/codec.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metric.h"

#define COUNT 1000u

/* ---- what real attributes look like ---- */

static const struct ray_str ascii_texts[] = {
    RAY_STR_INIT("GET"),
    RAY_STR_INIT("/api/v1/orders/81723/items?expand=price"),
    RAY_STR_INIT("checkout-service"),
    RAY_STR_INIT("10.12.7.33"),
    RAY_STR_INIT("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"),
    RAY_STR_INIT("SELECT id, name FROM customers WHERE region = $1 AND active ORDER BY name"),
    RAY_STR_INIT("aws_lambda"),
    RAY_STR_INIT("us-east-1"),
};
static const struct ray_str high_texts[] = {
    RAY_STR_INIT("K\xc3\xb6ln, M\xc3\xbcnchen und Z\xc3\xbcrich"),
    RAY_STR_INIT("\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd\xe5\x8d\x83\xe4\xbb\xa3\xe7\x94\xb0"),
};
static const struct ray_str odd_texts[] = {
    RAY_STR_INIT("line one\nline \"two\"\n\tat com.example.Main(Main.java:17)\n"),
    RAY_STR_INIT("{\"json\":\"in a string\",\"n\":[1,2,3]}"),
};

/* ---- writing ---- */

static void *new_buf(const char *input, size_t *units)
{
    (void)input;
    (void)units;
    struct ray_buf *out = malloc(sizeof(*out));
    ray_buf_init(out, 1 << 20);
    return out;
}

static void free_buf(void *state)
{
    ray_buf_clear(state);
    free(state);
}

static void write_texts(struct ray_buf *out, const struct ray_str *texts, size_t count)
{
    struct ray_json_writer w;
    ray_buf_reset(out);
    ray_json_init(&w, out);
    for (size_t i = 0; i < COUNT; i++) {
        ray_json_string(&w, texts[i % count]);
    }
    bench_use(out->data);
}

static void write_ascii(void *out)
{
    write_texts(out, ascii_texts, sizeof(ascii_texts) / sizeof(ascii_texts[0]));
}

static void write_high(void *out)
{
    write_texts(out, high_texts, sizeof(high_texts) / sizeof(high_texts[0]));
}

static void write_odd(void *out)
{
    write_texts(out, odd_texts, sizeof(odd_texts) / sizeof(odd_texts[0]));
}

static void write_decimals(void *out)
{
    struct ray_json_writer w;
    ray_buf_reset(out);
    ray_json_init(&w, out);
    for (size_t i = 0; i < COUNT; i++) {
        ray_json_double(&w, (double)(i * 7919) / 1000);
    }
}

static void write_full_doubles(void *out)
{
    struct ray_json_writer w;
    ray_buf_reset(out);
    ray_json_init(&w, out);
    for (size_t i = 0; i < COUNT; i++) {
        ray_json_double(&w, 1.0 / (double)(i + 3));
    }
}

static void write_times(void *out)
{
    struct ray_json_writer w;
    ray_buf_reset(out);
    ray_json_init(&w, out);
    for (size_t i = 0; i < COUNT; i++) {
        ray_json_unix_ns(&w, 1763919199643488887u + i * 1009);
    }
}

static void write_base64(void *out)
{
    struct ray_json_writer w;
    ray_buf_reset(out);
    ray_json_init(&w, out);
    for (size_t i = 0; i < COUNT; i++) {
        ray_json_base64(&w, ascii_texts[4]);
    }
}

/* ---- reading ---- */

static const char segment[] =
    "{\"trace_id\":\"1-5759e988-bd862e3fe1be46a994272793\",\"id\":\"defdfd9912dc5a56\","
    "\"start_time\":1461096053.37518,\"end_time\":1461096053.4042,\"name\":\"www.example.com\","
    "\"http\":{\"request\":{\"url\":\"https://www.example.com/health\",\"method\":\"GET\","
    "\"user_agent\":\"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_6)\",\"client_ip\":"
    "\"11.0.3.111\"},\"response\":{\"status\":200,\"content_length\":86}},\"annotations\":"
    "{\"customer_category\":124,\"zip_code\":98101,\"country\":\"United States\"},\"subsegments\":"
    "[{\"id\":\"53995c3f42cd8ad8\",\"name\":\"api.example.com\",\"start_time\":1461096053.37769,"
    "\"end_time\":1461096053.40379,\"namespace\":\"remote\",\"error\":false}]}";

static void skip_segments(void *state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        struct ray_json_reader r;
        ray_json_read_init(&r, RAY_STR(segment), NULL, 64);
        bool good = ray_json_skip_value(&r, NULL);
        bench_use(&good);
    }
}

/* ---- the rest ---- */

static void *new_arena(const char *input, size_t *units)
{
    (void)input;
    (void)units;
    return ray_arena_new(4 << 20);
}

static void free_arena(void *state)
{
    ray_arena_free(state);
}

static void cut_arena(void *arena)
{
    ray_arena_reset(arena);
    for (size_t i = 0; i < COUNT; i++) {
        bench_use(ray_arena_alloc(arena, 48));
    }
}

static void fill_map(void *arena)
{
    struct ray_map map;
    ray_arena_reset(arena);
    ray_map_init(&map, arena, 7);
    for (size_t i = 0; i < COUNT; i++) {
        char *key = ray_arena_alloc_text(arena, 8);
        memcpy(key, &i, sizeof(i));
        ray_map_put(&map, (struct ray_str){key, 8}, NULL)->value.number = i;
    }
}

static void hash_texts(void *state)
{
    (void)state;
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT; i++) {
        sum += ray_str_hash(ascii_texts[i % 8], sum);
    }
    bench_use(&sum);
}

static void *new_log(const char *input, size_t *units)
{
    (void)input;
    (void)units;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return fd < 0 ? NULL : ray_log_new(fd, RAY_LOG_INFO, RAY_LOG_TEXT, &ray_clock_system);
}

static void free_log(void *state)
{
    ray_log_free(state);
}

static void write_log(void *log)
{
    for (size_t i = 0; i < COUNT; i++) {
        ray_log_warn(log, "upload failed", "status=%d host=%s", 503, RAY_LOG_STR(ascii_texts[1]));
    }
}

static void count_metric(void *state)
{
    for (size_t i = 0; i < COUNT; i++) {
        ray_metric_add(state, 1);
    }
}

static void *new_metric(const char *input, size_t *units)
{
    (void)input;
    (void)units;
    return calloc(1, sizeof(struct ray_metric));
}

/* clang-format off */
const struct bench_case bench_core_cases[] = {
    {"core/json_string",         "string",   COUNT, NULL, new_buf,    write_ascii,        free_buf},
    {"core/json_string_utf8",    "string",   COUNT, NULL, new_buf,    write_high,         free_buf},
    {"core/json_string_escapes", "string",   COUNT, NULL, new_buf,    write_odd,          free_buf},
    {"core/json_double",         "number",   COUNT, NULL, new_buf,    write_decimals,     free_buf},
    {"core/json_double_full",    "number",   COUNT, NULL, new_buf,    write_full_doubles, free_buf},
    {"core/json_unix_ns",        "number",   COUNT, NULL, new_buf,    write_times,        free_buf},
    {"core/json_base64",         "string",   COUNT, NULL, new_buf,    write_base64,       free_buf},
    {"core/json_skip_segment",   "document", COUNT, NULL, NULL,       skip_segments,      NULL},
    {"core/arena_alloc",         "block",    COUNT, NULL, new_arena,  cut_arena,          free_arena},
    {"core/map_put",             "key",      COUNT, NULL, new_arena,  fill_map,           free_arena},
    {"core/hash",                "string",   COUNT, NULL, NULL,       hash_texts,         NULL},
    {"core/log_line",            "line",     COUNT, NULL, new_log,    write_log,          free_log},
    {"core/metric_add",          "count",    COUNT, NULL, new_metric, count_metric,       free},
    BENCH_CASES_END,
};
/* clang-format on */
