/* span: see span.h. */
#include "proto/span.h"

const struct ray_value *ray_attributes_find(const struct ray_attributes *attributes,
                                            struct ray_str key)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (ray_str_eq(attributes->items[i].key, key)) {
            return &attributes->items[i].value;
        }
    }
    return NULL;
}

struct ray_str ray_attributes_string(const struct ray_attributes *attributes, struct ray_str key)
{
    const struct ray_value *value = ray_attributes_find(attributes, key);
    if (value == NULL || value->kind != RAY_VALUE_STRING) {
        return (struct ray_str){NULL, 0};
    }
    return value->as.string;
}

bool ray_bytes_all_zero(struct ray_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] != 0) {
            return false;
        }
    }
    return true;
}

bool ray_span_has_ids(const struct ray_span *span)
{
    return span->trace_id.len == RAY_TRACE_ID_BYTES && span->span_id.len == RAY_SPAN_ID_BYTES &&
           !ray_bytes_all_zero(span->trace_id) && !ray_bytes_all_zero(span->span_id);
}
