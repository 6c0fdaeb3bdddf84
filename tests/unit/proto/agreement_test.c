/*
 * agreement: do both decoders make the same model of the same request?
 *
 * Each input of the golden cases is read as JSON, packed by protobuf-c and read as protobuf; the
 * two models must not differ anywhere. What our writer of OTLP/JSON makes of it is read back as the
 * same again.
 */
#include "core/json_reader.h"
#include "proto/otlp_decode.h"
#include "proto/otlp_json_write.h"

#include "tests/support/otlp_encode.h"
#include "tests/unit/check.h"

#include <dirent.h>

#define ARENA_BYTES (256u * 1024 * 1024)

/* The members of a case that matter here, as they stand in the line. */
struct golden_case {
    struct ray_str name;
    struct ray_str input;
};

static struct golden_case read_case(struct ray_str line, struct ray_arena *arena)
{
    struct golden_case found = {{NULL, 0}, {NULL, 0}};
    struct ray_json_reader r;
    struct ray_str key;
    ray_json_read_init(&r, line, arena, RAY_JSON_DEPTH_MAX);
    ray_json_enter_object(&r);
    while (ray_json_next_key(&r, &key)) {
        struct ray_str raw;
        ray_json_skip_value(&r, &raw);
        if (ray_str_eq(key, RAY_STR("name"))) {
            found.name = raw;
        } else if (ray_str_eq(key, RAY_STR("input"))) {
            found.input = raw;
        }
    }
    assert_false(r.failed);
    return found;
}

static void check_written(struct ray_str name, const struct ray_request *request,
                          struct ray_arena *arena)
{
    struct ray_request again;
    struct ray_decode_error error = {""};
    struct ray_buf text;
    char where[200];
    ray_buf_init(&text, ARENA_BYTES);
    ray_otlp_json_write(request, &text);
    assert_false(text.failed);
    if (ray_otlp_json_decode(ray_buf_str(&text), arena, &again, &error) != RAY_OK) {
        fail_msg("%.*s: written JSON: %s", RAY_STR_ARG(name), error.text);
    }
    if (!ray_test_otlp_equal(request, &again, where)) {
        fail_msg("%.*s: written and read back: %s", RAY_STR_ARG(name), where);
    }
    ray_buf_clear(&text);
}

static void check_case(struct ray_str line, struct ray_arena *arena)
{
    struct golden_case golden = read_case(line, arena);
    struct ray_request from_json, from_pb, oracle;
    struct ray_decode_error error = {""};
    struct ray_str body;
    char where[200];
    if (ray_otlp_json_decode(golden.input, arena, &from_json, &error) != RAY_OK) {
        fail_msg("%.*s: JSON: %s", RAY_STR_ARG(golden.name), error.text);
    }
    assert_true(ray_test_otlp_encode(&from_json, arena, &body));
    if (ray_otlp_pb_decode(body, arena, &from_pb, &error) != RAY_OK) {
        fail_msg("%.*s: protobuf: %s", RAY_STR_ARG(golden.name), error.text);
    }
    if (!ray_test_otlp_equal(&from_json, &from_pb, where)) {
        fail_msg("%.*s: JSON and protobuf: %s", RAY_STR_ARG(golden.name), where);
    }
    assert_true(ray_test_otlp_oracle(body, arena, &oracle));
    if (!ray_test_otlp_equal(&from_pb, &oracle, where)) {
        fail_msg("%.*s: protobuf and protobuf-c: %s", RAY_STR_ARG(golden.name), where);
    }
    check_written(golden.name, &from_json, arena);
}

static size_t check_file(const char *name)
{
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    struct ray_str text = check_read_file(name);
    struct ray_str rest = text, line;
    size_t cases = 0;
    while (ray_str_split(&rest, '\n', &line)) {
        if (line.len > 0) {
            ray_arena_reset(arena);
            check_case(line, arena);
            cases++;
        }
    }
    free((char *)(uintptr_t)text.ptr);
    ray_arena_free(arena);
    return cases;
}

static size_t check_folder(const char *folder)
{
    char path[512];
    size_t cases = 0;
    snprintf(path, sizeof(path), "%s/%s", RAY_TEST_DATA, folder);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        fail_msg("cannot open %s", path);
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (ray_str_ends_with(ray_str_from(entry->d_name), RAY_STR(".jsonl"))) {
            char name[300];
            snprintf(name, sizeof(name), "%.30s/%.255s", folder, entry->d_name);
            cases += check_file(name);
        }
    }
    closedir(dir);
    print_message("%s: %zu inputs\n", folder, cases);
    return cases;
}

static void decoders_agree_on_parity_inputs(void **state)
{
    (void)state;
    assert_true(check_folder("golden/parity") > 0);
}

static void decoders_agree_on_deviations_inputs(void **state)
{
    (void)state;
    assert_true(check_folder("golden/deviations") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_agree_on_parity_inputs),
        cmocka_unit_test(decoders_agree_on_deviations_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
