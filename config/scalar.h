/*
 * scalar: what the text of a scalar means as a bool, a number, a duration, a size.
 *
 * Pure. RAY_INVALID: it is no such thing. RAY_TOO_BIG: it is, but past what the type holds. *out is
 * untouched then. Doubles: ray_str_to_double().
 */
#ifndef RAY_CONFIG_SCALAR_H
#define RAY_CONFIG_SCALAR_H

#include "core/str.h"

/* What Go's strconv.ParseBool takes, since that is what the collector's files may hold: 1 t T true
 * True TRUE 0 f F false False FALSE. Not yes, no, on, off: YAML 1.2 reads them as text. */
RAY_MUST_USE enum ray_status ray_scalar_bool(struct ray_str text, bool *out);

/* Whole numbers of YAML 1.2's core schema: 12, -12, +12, 0x1F, 0o17. */
RAY_MUST_USE enum ray_status ray_scalar_int(struct ray_str text, int64_t *out);

/* Go's time.ParseDuration: "300ms", "1m30s", "1.5h"; units ns us µs ms s m h; a bare 0. Parts of
 * a millisecond are rounded up, so that no short wait becomes none. Negative: RAY_INVALID. */
RAY_MUST_USE enum ray_status ray_scalar_duration_ms(struct ray_str text, uint32_t *out);

/* "4GiB", "512 KiB", "1.5MB", "100" (bytes). kB, MB, GB, TB are powers of 1000; KiB to TiB of 1024;
 * upper and lower case alike. */
RAY_MUST_USE enum ray_status ray_scalar_bytes(struct ray_str text, uint64_t *out);

#endif
