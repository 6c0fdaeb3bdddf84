/* reader: see reader.h. */
#include "core/reader.h"

uint64_t ray_read_varint_slow(struct ray_reader *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && ray_reader_more(in); shift += 7) {
        uint8_t byte = *in->pos++;
        if (shift == 63 && byte > 1) {
            break; /* the tenth byte holds one bit */
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    in->failed = true;
    return 0;
}

uint32_t ray_read_u32(struct ray_reader *in)
{
    struct ray_str bytes = ray_read_bytes(in, sizeof(uint32_t));
    uint32_t value = 0;
    for (size_t i = bytes.len; i-- > 0;) {
        value = value << 8 | (uint8_t)bytes.ptr[i];
    }
    return value;
}

uint64_t ray_read_u64(struct ray_reader *in)
{
    struct ray_str bytes = ray_read_bytes(in, sizeof(uint64_t));
    uint64_t value = 0;
    for (size_t i = bytes.len; i-- > 0;) {
        value = value << 8 | (uint8_t)bytes.ptr[i];
    }
    return value;
}
