/* fuzz: any bytes as OTLP/JSON. What is taken must survive a turn through protobuf unchanged;
 * packing it reads every byte of every view, so one that points elsewhere is caught. */
#include "proto/otlp_decode.h"

#include "tests/support/otlp_encode.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* "{}," in a list of spans costs three bytes there and two hundred here, per quota */
    struct ray_arena *arena = ray_arena_new(128 * size + 64 * 1024);
    struct ray_arena *scratch = ray_arena_new(1024 * size + 64 * 1024);
    struct ray_request request, again;
    struct ray_decode_error error = {""};
    struct ray_str body;
    char where[200];
    enum ray_status status =
        ray_otlp_json_decode((struct ray_str){(const char *)data, size}, arena, &request, &error);
    if (status != RAY_OK && error.text[0] == '\0') {
        abort();
    }
    if (status == RAY_OK && ray_test_otlp_encode(&request, scratch, &body)) {
        if (ray_otlp_pb_decode(body, scratch, &again, &error) != RAY_OK) {
            fprintf(stderr, "%s\n", error.text);
            abort();
        }
        if (!ray_test_otlp_equal(&request, &again, where)) {
            fprintf(stderr, "%s\n", where);
            abort();
        }
    }
    ray_arena_free(scratch);
    ray_arena_free(arena);
    return 0;
}
