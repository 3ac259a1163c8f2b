/* arena.h: memory that is taken in order and given back all at once.
 *
 * Three arenas live in a training run: `run` (parameters, replay: the whole life), `iter` (the tape: mark,
 * use, reset) and `scratch` (one call). After warm-up nothing calls malloc or free. An arena grows by further
 * blocks, so pointers into it stay valid until the reset that frees them.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};                           // an empty arena is all zeros
 *     float *x = fm_arena_array(&arena, float, 100);  // 64-byte aligned, zeroed
 *     fm_mark mark = fm_arena_mark(&arena);
 *     x[99] = *fm_arena_array(&arena, float, 5);
 *     fm_arena_reset(&arena, mark);                   // the five are gone, x is not
 *     fm_arena_free(&arena);
 */
#ifndef FM_ARENA_H
#define FM_ARENA_H

#include <stddef.h>

#define FM_ALIGNMENT 64

/* Plain data, so that it can stand inside other structs. All sizes in bytes. */
typedef struct fm_arena {
    struct fm_block *first;   /* owned; blocks are kept by a reset and used again */
    struct fm_block *current; /* the block that serves the next allocation */
    size_t used;              /* bytes handed out now, alignment included */
    size_t peak;              /* the most that was ever handed out: the high-water mark of the log */
} fm_arena;

/* A place to come back to. Marks nest: reset the inner one first. */
typedef struct fm_mark {
    struct fm_block *block;
    size_t offset;
    size_t used;
} fm_mark;

/* `count` items of `size` bytes, zeroed, aligned to FM_ALIGNMENT; the arena owns them. Aborts, naming the
 * size, when count * size overflows; memory that is exhausted ends the program (base/memory.h). A count of
 * zero gives a valid pointer to nothing. */
void *fm_arena_alloc(fm_arena *arena, size_t count, size_t size);

#define fm_arena_array(arena, type, count) ((type *)fm_arena_alloc((arena), (count), sizeof(type)))

/* As fm_arena_alloc but the bytes are whatever was there: for buffers that are written before they are
 * read. */
void *fm_arena_alloc_raw(fm_arena *arena, size_t count, size_t size);

/* A copy of a string, owned by the arena. */
char *fm_arena_text(fm_arena *arena, const char *text);

fm_mark fm_arena_mark(const fm_arena *arena);
void fm_arena_reset(fm_arena *arena, fm_mark mark);

/* Gives every block back to the system; the arena is empty and usable afterwards. */
void fm_arena_free(fm_arena *arena);

/* How often any arena called malloc since the program started: a warm training step must not change it
 * (tested). */
size_t fm_arena_system_calls(void);

/* Bytes that all arenas hold now. */
size_t fm_arena_held(void);

#endif
