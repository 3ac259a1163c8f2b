/* test_commitment.c: the best mixed commitment against exact arithmetic, and in large games. */
#include <time.h>

#include "tests/rational.h"
#include "tests/test.h"

static fm_rng stream(uint64_t n) { return fm_rng_split(8, FM_RNG_TEST, n, 0); }

static const bimatrix_outcome *mixed_of(const bimatrix_solution *s) { return &s->outcomes[s->n - 1]; }

/* A payoff of every size from 1e-6 to 1e12, or one of a few values, some of them huge. */
static double payoff_of_any_size(int kind, double huge, fm_rng *rng) {
    if (kind == 0) return (fm_rng_below(rng, 2) ? 1 : -1) * pow(10, 18 * fm_rng_uniform(rng) - 6);
    if (kind == 1) return (double)fm_rng_below(rng, 5) - 2 - (fm_rng_below(rng, 6) == 0 ? huge : 0);
    const double size = fm_rng_below(rng, 3) ? 1 : fm_rng_below(rng, 2) ? huge : 1e-6;
    return size * ((double)fm_rng_below(rng, 5) - 2);
}

/* Compares with exact arithmetic, on games with payoffs up to `huge`; returns how many are left with a
 * gap. */
static int expect_exact_values(int games, double huge, uint64_t n) {
    fm_rng rng = stream(n);
    fm_arena arena = {0};
    int gaps = 0;
    for (int trial = 0; trial < games; trial++) {
        const fm_mark mark = fm_arena_mark(&arena);
        bimatrix g;
        bimatrix_solution s;
        bimatrix_make(&g, 2 + fm_rng_below(&rng, 3), 1 + fm_rng_below(&rng, 4), "of any size", &arena);
        const double most = pow(huge, fm_rng_uniform(&rng));
        for (int i = 0; i < 2; i++) {
            const int kind = (int)fm_rng_below(&rng, 3);
            for (size_t k = 0; k < g.rows * g.cols; k++)
                g.payoff[i][k] = payoff_of_any_size(kind, most, &rng);
        }
        bimatrix_solve(&g, &arena, &s);
        const double exact = exact_commitment(&g);
        EXPECT_NEAR(mixed_of(&s)->value[0], exact, fmax(1e-9 * fmax(fabs(exact), 1e-6), s.gap));
        gaps += s.gap > 0;
        fm_arena_reset(&arena, mark);
    }
    fm_arena_free(&arena);
    return gaps;
}

TEST(commitment_is_exact_for_payoffs_of_any_size) {
    EXPECT(expect_exact_values(1000, 1e12, 1) == 0);
    EXPECT(expect_exact_values(200, 1e25, 2) > 0);
}

/* A penalty that is never paid does not hide that a mixture is better. */
TEST(commitment_ignores_huge_payoffs_that_are_never_played) {
    fm_arena arena = {0};
    for (double penalty = 1; penalty < 1e13; penalty *= 10) {
        bimatrix g;
        bimatrix_solution s;
        bimatrix_make(&g, 3, 2, "penalty", &arena);
        const double leader[6] = {2, 4, 1, 3, 3, -penalty}, follower[6] = {1, 0, 0, 1, 0, 1};
        memcpy(g.payoff[0], leader, sizeof leader);
        memcpy(g.payoff[1], follower, sizeof follower);
        bimatrix_solve(&g, &arena, &s);
        const bimatrix_outcome *o = mixed_of(&s);
        EXPECT_NEAR(o->value[0], 3.5, 1e-14);
        EXPECT_NEAR(o->value[1], 0.5, 1e-14);
        EXPECT_NEAR(o->strategy[0][0], 0.5, 1e-14);
        EXPECT(o->strategy[0][2] == 0 && o->strategy[1][1] == 1 && s.gap == 0);
    }
    fm_arena_free(&arena);
}

/* Solves a zero-sum game and the one with the roles exchanged: committing costs nothing there, so that the
 * two values by the minimax theorem add up to zero. */
static void expect_zero_sum(size_t rows, size_t cols, uint64_t n) {
    fm_rng rng = stream(n);
    fm_arena arena = {0};
    bimatrix g, turned;
    bimatrix_solution s, t;
    bimatrix_random(rows, cols, -1, &rng, &arena, &g);
    bimatrix_make(&turned, cols, rows, "turned", &arena);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            const double leader = g.payoff[0][r * cols + c];
            g.payoff[1][r * cols + c] = turned.payoff[0][c * rows + r] = -leader;
            turned.payoff[1][c * rows + r] = leader;
        }
    bimatrix_solve(&g, &arena, &s);
    bimatrix_solve(&turned, &arena, &t);
    EXPECT_NEAR(mixed_of(&s)->value[0], -mixed_of(&t)->value[0], 1e-12);
    EXPECT(s.gap == 0 && t.gap == 0);
    fm_arena_free(&arena);
}

/* With a tableau of all rows and columns for every answer, 300 by 300 took 20 seconds, and one row of 4096
 * columns more than a minute. */
TEST(commitment_in_large_games_takes_little_time) {
    const clock_t start = clock();
    expect_zero_sum(300, 300, 3);
    expect_zero_sum(1, 4096, 4);
    expect_zero_sum(1000, 30, 5);
    EXPECT((double)(clock() - start) / CLOCKS_PER_SEC < 20);
}

TEST_MAIN(CASE(commitment_is_exact_for_payoffs_of_any_size),
          CASE(commitment_ignores_huge_payoffs_that_are_never_played),
          CASE(commitment_in_large_games_takes_little_time))
