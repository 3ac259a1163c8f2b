/* The arena: alignment, zeroes, marks, growth, and silence towards the system once warm. */
#include <stdint.h>

#include "base/arena.h"
#include "base/random.h"
#include "tests/test.h"

TEST(alloc_is_aligned_and_zeroed) {
    fm_arena arena = {0};
    for (size_t n = 0; n < 300; n += 7) {
        unsigned char *x = fm_arena_alloc(&arena, n, 1);
        EXPECT(x != NULL);
        EXPECT_EQ((uintptr_t)x % FM_ALIGNMENT, 0);
        for (size_t i = 0; i < n; i++) EXPECT_EQ(x[i], 0);
        memset(x, 0xab, n);
    }
    fm_arena_free(&arena);
}

/* Zeroed again after a reset, though the bytes were used before. */
TEST(alloc_zeroes_used_memory) {
    fm_arena arena = {0};
    fm_mark mark = fm_arena_mark(&arena);
    memset(fm_arena_alloc(&arena, 1000, 1), 0xff, 1000);
    fm_arena_reset(&arena, mark);
    unsigned char *x = fm_arena_alloc(&arena, 1000, 1);
    int sum = 0;
    for (int i = 0; i < 1000; i++) sum += x[i];
    EXPECT_EQ(sum, 0);
    fm_arena_free(&arena);
}

TEST(growth_keeps_pointers) {
    enum { N = 400 };
    fm_arena arena = {0};
    int *kept[N];
    for (int i = 0; i < N; i++) {
        kept[i] = fm_arena_array(&arena, int, (size_t)(i * 37 + 1));
        kept[i][i * 37] = kept[i][0] = i;
    }
    for (int i = 0; i < N; i++) EXPECT(kept[i][0] == i && kept[i][i * 37] == i);
    fm_arena_free(&arena);
}

TEST(reset_restores_use_and_keeps_peak) {
    fm_arena arena = {0};
    double *first = fm_arena_array(&arena, double, 10);
    first[9] = 5;
    EXPECT_EQ(arena.used, 128);
    fm_mark mark = fm_arena_mark(&arena);
    void *second = fm_arena_alloc(&arena, 100, 1);
    fm_arena_alloc(&arena, 1 << 20, 1);
    size_t peak = arena.used;
    EXPECT_EQ(peak, 128 + 128 + (1 << 20));
    fm_arena_reset(&arena, mark);
    EXPECT_EQ(arena.used, 128);
    EXPECT_EQ(arena.peak, peak);
    EXPECT_EQ(first[9], 5);
    EXPECT(fm_arena_alloc(&arena, 100, 1) == second);
    fm_arena_free(&arena);
    EXPECT(arena.first == NULL && arena.current == NULL && arena.used == 0);
}

TEST(marks_nest) {
    fm_arena arena = {0};
    fm_mark outer = fm_arena_mark(&arena);
    char *a = fm_arena_text(&arena, "outer");
    fm_mark inner = fm_arena_mark(&arena);
    fm_arena_alloc(&arena, 1 << 18, 1);
    fm_arena_reset(&arena, inner);
    EXPECT_TEXT(a, "outer");
    fm_arena_reset(&arena, outer);
    EXPECT_EQ(arena.used, 0);
    EXPECT(fm_arena_alloc(&arena, 8, 1) == (void *)a);
    fm_arena_free(&arena);
}

/* Any sequence of sizes, repeated, takes nothing from the system the second time. */
TEST(warm_passes_call_nobody) {
    fm_arena arena = {0};
    fm_rng sizes = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    fm_arena_alloc(&arena, 1000, 1);
    fm_mark mark = fm_arena_mark(&arena);
    size_t cold = fm_arena_system_calls(), warm = 0;
    for (int pass = 0; pass < 4; pass++) {
        fm_rng rng = sizes;
        for (int i = 0; i < 500; i++) {
            size_t n = (size_t)fm_rng_below(&rng, fm_rng_below(&rng, 50) == 0 ? 300000 : 3000);
            unsigned char *x = fm_arena_alloc_raw(&arena, n, 1);
            if (n) x[0] = x[n - 1] = 1;
        }
        fm_arena_reset(&arena, mark);
        if (pass == 0) warm = fm_arena_system_calls();
    }
    EXPECT(warm > cold);
    EXPECT_EQ(fm_arena_system_calls(), warm);
    fm_arena_free(&arena);
}

TEST(large_alloc_after_small_blocks) {
    fm_arena arena = {0};
    fm_arena_alloc(&arena, 10, 1);
    char *big = fm_arena_alloc(&arena, (size_t)5 << 20, 1);
    big[((size_t)5 << 20) - 1] = 1;
    char *small = fm_arena_alloc(&arena, 10, 1);
    small[9] = 1;
    EXPECT(small < big || small >= big + ((size_t)5 << 20));
    fm_arena_free(&arena);
    fm_arena_free(&arena);
    EXPECT_EQ(arena.peak, 0);
}

/* What a reset leaves may be too small for what comes next. */
TEST(kept_blocks_too_small_are_passed_over) {
    fm_arena arena = {0};
    fm_mark mark = fm_arena_mark(&arena);
    for (int i = 0; i < 3; i++) fm_arena_alloc(&arena, 60000, 1);
    fm_arena_reset(&arena, mark);
    size_t calls = fm_arena_system_calls();
    unsigned char *big = fm_arena_alloc(&arena, (size_t)8 << 20, 1);
    EXPECT_EQ(fm_arena_system_calls(), calls + 1);
    big[((size_t)8 << 20) - 1] = 1;
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(alloc_is_aligned_and_zeroed), CASE(alloc_zeroes_used_memory), CASE(growth_keeps_pointers),
          CASE(reset_restores_use_and_keeps_peak), CASE(marks_nest), CASE(warm_passes_call_nobody),
          CASE(large_alloc_after_small_blocks), CASE(kept_blocks_too_small_are_passed_over))
