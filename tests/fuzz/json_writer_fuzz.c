/* fuzz: whatever bytes a span carries, what we write is valid JSON, reads back as the same text
 * with each bad part replaced, and numbers read back as they were. */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/codec.h"
#include "core/json_reader.h"
#include "core/json_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* The slow and obvious way. */
static void append_repaired(struct ray_buf *out, struct ray_str s)
{
    while (s.len > 0) {
        char text[4];
        size_t len = ray_utf8_encode(ray_utf8_next(&s, NULL), text);
        ray_buf_append(out, (struct ray_str){text, len});
    }
}

static void write_all(struct ray_buf *out, struct ray_str bytes, double number)
{
    struct ray_json_writer w;
    ray_json_init(&w, out);
    ray_json_array_begin(&w);
    ray_json_string(&w, bytes);
    ray_json_double(&w, number);
    ray_json_object_begin(&w);
    ray_json_key(&w, bytes);
    ray_json_base64(&w, bytes);
    ray_json_object_end(&w);
    ray_json_array_end(&w);
}

static void require_valid(struct ray_str json)
{
    struct json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(tokener, json.ptr, (int)json.len);
    require(object != NULL && json_tokener_get_parse_end(tokener) == json.len);
    json_object_put(object);
    json_tokener_free(tokener);
}

static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static void require_number(struct ray_json_reader *r, double number)
{
    struct ray_str text;
    if (ray_json_peek(r) == RAY_JSON_STRING) { /* NaN and infinities */
        require(ray_json_read_string(r, &text) && number - number != 0);
        return;
    }
    double back = 0;
    require(ray_json_read_number(r, &text) && ray_str_to_double(text, &back) == RAY_OK);
    require(bits_of(back) == bits_of(number)); /* the sign of zero too */
}

static void require_same(struct ray_str json, struct ray_str bytes, struct ray_str repaired,
                         double number)
{
    struct ray_arena *arena = ray_arena_new(64 * json.len + 65536);
    struct ray_json_reader r;
    struct ray_str text;
    ray_json_read_init(&r, json, arena, 3);
    require(ray_json_enter_array(&r) && ray_json_next_element(&r));
    require(ray_json_read_string(&r, &text) && ray_str_eq(text, repaired));
    require(ray_json_next_element(&r));
    require_number(&r, number);
    require(ray_json_next_element(&r) && ray_json_enter_object(&r) && ray_json_next_key(&r, &text));
    require(ray_str_eq(text, repaired) && ray_json_read_string(&r, &text));
    uint8_t *decoded = malloc(text.len / 4 * 3 + 3);
    size_t decoded_bytes;
    require(ray_base64_decode(text, decoded, &decoded_bytes) == RAY_OK);
    require(ray_str_eq((struct ray_str){(char *)decoded, decoded_bytes}, bytes));
    free(decoded);
    require(!ray_json_next_key(&r, &text) && !ray_json_next_element(&r) && ray_json_at_end(&r));
    ray_arena_free(arena);
}

/* Cutting keeps to the length and breaks nothing that was whole. */
static void require_good_cuts(struct ray_str bytes)
{
    bool valid = ray_utf8_is_valid(bytes);
    for (size_t max = 0; max <= bytes.len && max < 64; max++) {
        struct ray_str by_bytes = ray_utf8_first_bytes(bytes, max);
        struct ray_str by_chars = ray_utf8_first_chars(bytes, max);
        require(by_bytes.len <= max && by_bytes.len + 4 > max && by_chars.len >= max);
        require(!valid || (ray_utf8_is_valid(by_bytes) && ray_utf8_is_valid(by_chars)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ray_str bytes = {(const char *)data, size};
    double number = 0;
    memcpy(&number, data, size < sizeof(number) ? size : sizeof(number));
    struct ray_buf json, repaired;
    ray_buf_init(&json, 16 * size + 1024);
    ray_buf_init(&repaired, 3 * size + 1024);
    write_all(&json, bytes, number);
    append_repaired(&repaired, bytes);
    require(!json.failed && !repaired.failed && ray_utf8_is_valid(ray_buf_str(&repaired)));
    require(ray_utf8_is_valid(bytes) == ray_str_eq(bytes, ray_buf_str(&repaired)));
    require_valid(ray_buf_str(&json));
    require_same(ray_buf_str(&json), bytes, ray_buf_str(&repaired), number);
    require_good_cuts(bytes);
    ray_buf_clear(&json);
    ray_buf_clear(&repaired);
    return 0;
}
