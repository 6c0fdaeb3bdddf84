/* fuzz: any text as a shared AWS file: reading must end, and every value must lie inside it. */
#include "aws/profile.h"

#include <stdlib.h>

static void check_view(struct ray_str view, const uint8_t *data, size_t size)
{
    const char *start = (const char *)data;
    if (view.len > 0 &&
        (view.ptr < start || view.len > size || (size_t)(view.ptr - start) > size - view.len)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int kind = 0; kind < RAY_PROFILE_FILES; kind++) {
        struct ray_profile profile = {.name = RAY_STR_INIT("default")};
        struct ray_aws_error error;
        (void)!ray_profile_take(&profile, (struct ray_str){(const char *)data, size},
                                (enum ray_profile_file)kind, "fuzz", &error);
        for (size_t i = 0; i < RAY_PROFILE_KEYS; i++) {
            check_view(profile.values[i], data, size);
        }
        check_view(profile.service_endpoint_url, data, size);
    }
    return 0;
}
