/*
 * arena: memory of one request, given back all at once.
 *
 * Has a quota, so that one request cannot eat the machine. One thread at a time. Under
 * AddressSanitizer unused bytes are poisoned, so an overrun inside it is still caught.
 */
#ifndef RAY_CORE_ARENA_H
#define RAY_CORE_ARENA_H

#include <stddef.h>

#include "core/str.h"

struct ray_arena;

/* `quota_bytes` bounds what may be held at once. Allocates nothing yet but the head.
 * NULL when out of memory. */
struct ray_arena *ray_arena_new(size_t quota_bytes);
void ray_arena_free(struct ray_arena *arena); /* accepts NULL */

/* No more than that at once until the next reset, and never more than the quota. */
void ray_arena_limit(struct ray_arena *arena, size_t bytes);

/* Forgets everything handed out; keeps one block (at most 256 KiB) for the next request. */
void ray_arena_reset(struct ray_arena *arena);

/* Zeroed, aligned for any type. NULL when the quota or the machine's memory is used up.
 * `bytes` 0 gives a pointer that must not be read. */
void *ray_arena_alloc(struct ray_arena *arena, size_t bytes);
/* count * size with an overflow check. */
void *ray_arena_alloc_array(struct ray_arena *arena, size_t count, size_t size);
#define RAY_ARENA_NEW(arena, type) ((type *)ray_arena_alloc((arena), sizeof(type)))
#define RAY_ARENA_ARRAY(arena, type, count)                                                        \
    ((type *)ray_arena_alloc_array((arena), (count), sizeof(type)))

/* Not zeroed, not aligned: for bytes of text. */
char *ray_arena_alloc_text(struct ray_arena *arena, size_t bytes);

/* A NUL-terminated copy; NULL when out of memory. */
char *ray_arena_copy_cstr(struct ray_arena *arena, struct ray_str s);
/* A copy (with a NUL behind it, not counted); the NULL view when out of memory. */
struct ray_str ray_arena_copy(struct ray_arena *arena, struct ray_str s);
/* printf into the arena; the NULL view when out of memory. */
struct ray_str ray_arena_printf(struct ray_arena *arena, const char *format, ...) RAY_PRINTF(2, 3);

#endif
