/* fuzz: any bytes may come as a segment document; scanning must end, stay in bounds, and be sure of
 * what it accepts. */
#include <stdlib.h>

#include "xray/limits.h"
#include "xray/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ray_arena *arena = ray_arena_new(2 * size + 4096);
    struct ray_segment_scan scan, again;
    struct ray_str text = {(const char *)data, size};
    enum ray_scan_code code = ray_segment_scan(text, arena, &scan);
    if (code == RAY_SCAN_OK) {
        bool sane = size <= RAY_SEGMENT_MAX_BYTES && scan.name.len > 0 && scan.id_text.len == 16 &&
                    (scan.has_parent || !scan.is_subsegment) &&
                    (!scan.in_progress || scan.end_unix_ns == scan.start_unix_ns);
        if (!sane) {
            abort();
        }
    }
    ray_arena_reset(arena);
    if (ray_segment_scan(text, arena, &again) != code) {
        abort(); /* the same document gets the same answer */
    }
    ray_arena_free(arena);
    return 0;
}
