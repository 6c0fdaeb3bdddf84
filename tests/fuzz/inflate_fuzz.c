/* fuzz: any bytes may come in as a compressed body; opening them must end, and never give more
 * than the cap. The first byte chooses the compression. */
#include <stdlib.h>

#include "net/inflate.h"

#define CAP_BYTES (2u * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct ray_str body = {(const char *)data + 1, size - 1};
    struct ray_buf out;
    ray_buf_init(&out, CAP_BYTES);
    enum ray_status status = ray_inflate((enum ray_compression)(data[0] % 4), body, &out);
    if (out.len > CAP_BYTES || out.capacity > CAP_BYTES || (status != RAY_OK && out.len != 0)) {
        abort();
    }
    ray_buf_clear(&out);
    return 0;
}
