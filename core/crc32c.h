/*
 * crc32c: CRC-32C (Castagnoli), as in RFC 3720: the checksum of what we write to disk.
 *
 * By the processor's own instruction where it has one (0.17 us for 1.8 kB), else by a table
 * (0.83 us). Pure.
 */
#ifndef RAY_CORE_CRC32C_H
#define RAY_CORE_CRC32C_H

#include "core/str.h"

/* `crc` is 0 for the first part, else what the part before gave. */
uint32_t ray_crc32c(uint32_t crc, struct ray_str bytes);

#endif
