/* arena.c: a list of blocks, filled in order.
 *
 * Invariants: every block after `current` counts as empty whatever its `offset` says; offsets and block
 * starts are multiples of FM_ALIGNMENT, so every allocation is aligned without further work. Blocks are
 * searched forward only, hence the same sequence of allocations between the same mark and reset visits the
 * same blocks: the second pass through a training step needs nothing from the system.
 *
 * What was never handed out is zero, as the system gives it, and stays untouched: a large buffer takes no
 * memory before it is used.
 *
 * Under AddressSanitizer the bytes that are not handed out are poisoned, so that a use after a reset or a
 * write into the padding is reported as it would be for malloc. */
#include "base/arena.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#if defined(__SANITIZE_ADDRESS__)
#define POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONING 1
#endif
#endif

#ifdef POISONING
#include <sanitizer/asan_interface.h>
#define POISON(at, bytes) __asan_poison_memory_region((at), (bytes))
#define UNPOISON(at, bytes) __asan_unpoison_memory_region((at), (bytes))
#else
#define POISON(at, bytes) ((void)0)
#define UNPOISON(at, bytes) ((void)0)
#endif

#define BLOCK_MIN ((size_t)1 << 16)
/* Growth doubles up to here; a larger single allocation has a block of its own. */
#define BLOCK_MAX ((size_t)1 << 26)

struct fm_block {
    struct fm_block *next;
    unsigned char *data; /* aligned, inside the same piece of memory */
    size_t size, offset;
    size_t touched; /* bytes from here on were never handed out */
};

static atomic_size_t system_calls, held;

size_t fm_arena_system_calls(void) { return atomic_load(&system_calls); }
size_t fm_arena_held(void) { return atomic_load(&held); }

static struct fm_block *block_new(size_t size) {
    FM_CHECK(size <= SIZE_MAX - sizeof(struct fm_block) - FM_ALIGNMENT, "arena: a block of %zu bytes", size);
    struct fm_block *block = calloc(1, sizeof *block + FM_ALIGNMENT + size);
    if (!block) fm_out_of_memory(size);
    atomic_fetch_add(&system_calls, 1);
    atomic_fetch_add(&held, size);
    unsigned char *start = (unsigned char *)(block + 1);
    size_t past = (size_t)((uintptr_t)start % FM_ALIGNMENT);
    block->data = start + (FM_ALIGNMENT - past) % FM_ALIGNMENT;
    block->size = size;
    POISON(block->data, size);
    return block;
}

/* Makes current a block with room for `bytes`: the next kept one that is large enough, or a new one at the
 * end. */
static void find_room(fm_arena *arena, size_t bytes) {
    struct fm_block *last = arena->current;
    for (struct fm_block *block = last ? last->next : arena->first; block; block = block->next) {
        last = block;
        block->offset = 0;
        if (block->size < bytes) continue;
        arena->current = block;
        return;
    }
    size_t size = last ? last->size : BLOCK_MIN / 2;
    size = size >= BLOCK_MAX / 2 ? BLOCK_MAX : size * 2;
    struct fm_block *block = block_new(bytes > size ? bytes : size);
    if (last) last->next = block;
    else arena->first = block;
    arena->current = block;
}

/* *stale: how many of the bytes, the first ones, may have been handed out before. */
static void *take(fm_arena *arena, size_t count, size_t size, size_t *stale) {
    FM_CHECK(size == 0 || count <= (SIZE_MAX - FM_ALIGNMENT) / size, "arena: %zu items of %zu bytes overflow",
             count, size);
    size_t bytes = count * size;
    size_t taken = (bytes + FM_ALIGNMENT - 1) / FM_ALIGNMENT * FM_ALIGNMENT;
    if (!arena->current || arena->current->size - arena->current->offset < taken) find_room(arena, taken);
    struct fm_block *block = arena->current;
    void *at = block->data + block->offset;
    UNPOISON(at, bytes);
    size_t before = block->touched > block->offset ? block->touched - block->offset : 0;
    *stale = before < bytes ? before : bytes;
    block->offset += taken;
    if (block->offset > block->touched) block->touched = block->offset;
    arena->used += taken;
    if (arena->used > arena->peak) arena->peak = arena->used;
    return at;
}

void *fm_arena_alloc_raw(fm_arena *arena, size_t count, size_t size) {
    size_t stale;
    return take(arena, count, size, &stale);
}

void *fm_arena_alloc(fm_arena *arena, size_t count, size_t size) {
    size_t stale;
    void *at = take(arena, count, size, &stale);
    return memset(at, 0, stale);
}

char *fm_arena_text(fm_arena *arena, const char *text) {
    size_t bytes = strlen(text) + 1;
    return memcpy(fm_arena_alloc_raw(arena, bytes, 1), text, bytes);
}

fm_mark fm_arena_mark(const fm_arena *arena) {
    return (fm_mark){arena->current, arena->current ? arena->current->offset : 0, arena->used};
}

void fm_arena_reset(fm_arena *arena, fm_mark mark) {
    FM_CHECK(mark.used <= arena->used,
             "arena: reset to %zu bytes of %zu: marks nest, the inner one is reset first",
             mark.used, arena->used);
    struct fm_block *block = mark.block ? mark.block : arena->first;
    arena->current = block;
    arena->used = mark.used;
    if (!block) return;
    block->offset = mark.offset;
    POISON(block->data + block->offset, block->size - block->offset);
    for (block = block->next; block; block = block->next) POISON(block->data, block->size);
}

void fm_arena_free(fm_arena *arena) {
    for (struct fm_block *block = arena->first, *next; block; block = next) {
        next = block->next;
        UNPOISON(block->data, block->size);
        atomic_fetch_sub(&held, block->size);
        free(block);
    }
    *arena = (fm_arena){0};
}
