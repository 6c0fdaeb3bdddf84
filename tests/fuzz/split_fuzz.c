/* fuzz: any bytes may come as a document that is too large; splitting must end, stay in its arena,
 * and neither lose nor change anything. */
#include "tests/unit/xray/split_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t max_bytes = data[0] | (size_t)(data[1] & 3) << 8;
    struct ray_str text = {(const char *)data + 2, size - 2};
    struct ray_arena *arena = ray_arena_new(RAY_SPLIT_ARENA_BYTES(size));
    struct ray_split_part *parts = NULL;
    enum ray_status status = ray_document_split(text, max_bytes, arena, &parts);
    if (status == RAY_NOMEM) {
        abort(); /* the arena is said to suffice */
    }
    /* the other library ends keys at a NUL */
    bool comparable = ray_str_find(text, RAY_STR("\\u0000")) == SIZE_MAX;
    if (status == RAY_OK && comparable && split_problem(text, parts, max_bytes) != NULL) {
        abort();
    }
    ray_arena_free(arena);
    return 0;
}
