/* arena: see arena.h. A chain of blocks, the newest first; each is cut from the front. */
#include "core/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(address, bytes)   ASAN_POISON_MEMORY_REGION((address), (bytes))
#define UNPOISON(address, bytes) ASAN_UNPOISON_MEMORY_REGION((address), (bytes))
#define RED_ZONE_BYTES           16u
#else
#define POISON(address, bytes)   ((void)0)
#define UNPOISON(address, bytes) ((void)0)
#define RED_ZONE_BYTES           0u
#endif

#define FIRST_BLOCK_BYTES ((size_t)16 * 1024)
#define KEPT_BLOCK_BYTES  ((size_t)256 * 1024)
#define ALIGNMENT         16u

struct block {
    struct block *older;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT) char bytes[];
};

struct ray_arena {
    struct block *newest;
    size_t quota_bytes;
    size_t limit_bytes; /* until the next reset, at most the quota */
    size_t held_bytes;  /* capacities of all blocks */
};

struct ray_arena *ray_arena_new(size_t quota_bytes)
{
    struct ray_arena *arena = calloc(1, sizeof(*arena));
    if (arena != NULL) {
        arena->quota_bytes = arena->limit_bytes = quota_bytes;
    }
    return arena;
}

void ray_arena_limit(struct ray_arena *arena, size_t bytes)
{
    arena->limit_bytes = bytes < arena->quota_bytes ? bytes : arena->quota_bytes;
}

static void free_block(struct block *block)
{
    UNPOISON(block->bytes, block->capacity);
    free(block);
}

static void free_blocks(struct block *block)
{
    while (block != NULL) {
        struct block *older = block->older;
        free_block(block);
        block = older;
    }
}

void ray_arena_free(struct ray_arena *arena)
{
    if (arena != NULL) {
        free_blocks(arena->newest);
        free(arena);
    }
}

/* Takes the newest block that may be kept out of the chain; NULL when there is none. Not simply
 * the newest: a request that needs one block more than the last would then give both back and the
 * next one would start small again. */
static struct block *take_kept(struct block **chain)
{
    while (*chain != NULL && (*chain)->capacity > KEPT_BLOCK_BYTES) {
        chain = &(*chain)->older;
    }
    struct block *kept = *chain;
    if (kept != NULL) {
        *chain = kept->older;
    }
    return kept;
}

void ray_arena_reset(struct ray_arena *arena)
{
    struct block *kept = take_kept(&arena->newest);
    free_blocks(arena->newest);
    arena->newest = kept;
    arena->held_bytes = 0;
    arena->limit_bytes = arena->quota_bytes;
    if (kept != NULL) {
        kept->older = NULL;
        kept->used = 0;
        POISON(kept->bytes, kept->capacity);
        arena->held_bytes = kept->capacity;
    }
}

/* Blocks double, so that a request of n bytes costs log n mallocs. */
static struct block *add_block(struct ray_arena *arena, size_t at_least)
{
    size_t limit = arena->limit_bytes;
    size_t left = limit > arena->held_bytes ? limit - arena->held_bytes : 0;
    size_t wanted = arena->newest ? arena->newest->capacity * 2 : FIRST_BLOCK_BYTES;
    if (wanted < at_least) {
        wanted = at_least;
    }
    if (wanted > left) {
        wanted = left;
    }
    if (wanted < at_least) {
        return NULL;
    }
    struct block *block = malloc(sizeof(*block) + wanted);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct block){.older = arena->newest, .capacity = wanted};
    POISON(block->bytes, block->capacity);
    arena->newest = block;
    arena->held_bytes += wanted;
    return block;
}

static char *cut(struct ray_arena *arena, size_t bytes, size_t alignment)
{
    struct block *block = arena->newest;
    size_t start = block ? (block->used + alignment - 1) & ~(alignment - 1) : 0;
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    size_t needed = bytes + RED_ZONE_BYTES;
    if (block == NULL || start > block->capacity || block->capacity - start < needed) {
        block = add_block(arena, needed);
        start = 0;
        if (block == NULL) {
            return NULL;
        }
    }
    block->used = start + needed;
    UNPOISON(block->bytes + start, bytes);
    return block->bytes + start;
}

void *ray_arena_alloc(struct ray_arena *arena, size_t bytes)
{
    char *memory = cut(arena, bytes, ALIGNMENT);
    return memory ? memset(memory, 0, bytes) : NULL;
}

void *ray_arena_alloc_array(struct ray_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : ray_arena_alloc(arena, bytes);
}

char *ray_arena_alloc_text(struct ray_arena *arena, size_t bytes)
{
    return cut(arena, bytes, 1);
}

char *ray_arena_copy_cstr(struct ray_arena *arena, struct ray_str s)
{
    char *text = s.len < SIZE_MAX ? cut(arena, s.len + 1, 1) : NULL;
    if (text == NULL) {
        return NULL;
    }
    if (s.len > 0) {
        memcpy(text, s.ptr, s.len);
    }
    text[s.len] = '\0';
    return text;
}

struct ray_str ray_arena_copy(struct ray_arena *arena, struct ray_str s)
{
    const char *text = ray_arena_copy_cstr(arena, s);
    return (struct ray_str){text, text ? s.len : 0};
}

struct ray_str ray_arena_printf(struct ray_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len >= 0 ? cut(arena, (size_t)len + 1, 1) : NULL;
    if (text != NULL) {
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    return (struct ray_str){text, text ? (size_t)len : 0};
}
