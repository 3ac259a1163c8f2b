/* Games as files, by default settings: of any size, with ties, with payoffs of any size and far from zero,
 * Bi-AC and bi-level Q-learning end at the strong point of pure commitment. Games and seeds are fixed. */
#include <unistd.h>

#include <stb_ds.h>

#include "envs/games/bimatrix.h"
#include "envs/games/nfg.h"
#include "tests/drive.h"
#include "tests/test.h"

extern const algo_type algo_biac, algo_bilevel_q, algo_idqn, algo_maddpg, algo_reinforce;

static const char *path(void) {
    static char text[64];
    snprintf(text, sizeof text, "/tmp/firstmover-game-%ld.nfg", (long)getpid());
    return text;
}

static void save(const bimatrix *game) {
    fm_error err;
    drive_must(nfg_save(game, path(), &err), &err);
}

/* Trains on the game, once or in rounds; whether the greedy joint action is a best response of the follower
 * that pays the leader as much as the strong point. */
static bool is_solved(const algo_type *algo, const bimatrix *game, const char *rounds, uint64_t seed) {
    real action[DRIVE_ACTIONS];
    size_t wanted[2], cols = game->cols;
    drive d;
    save(game);
    drive_open(&d, algo, NULL, path(), rounds, "");
    drive_start(&d, 1, d.steps, seed);
    drive_run(&d, d.steps);
    drive_greedy(&d, action);
    drive_end(&d);
    unlink(path());
    bimatrix_stackelberg_pure(game, true, wanted);
    size_t row = (size_t)action[0], cell = row * cols + (size_t)action[1];
    bool answers = true;
    for (size_t c = 0; c < cols; c++) answers &= game->payoff[1][cell] >= game->payoff[1][row * cols + c];
    return answers && game->payoff[0][cell] == game->payoff[0][wanted[0] * cols + wanted[1]];
}

/* Normal payoffs around `shift` with spread `scale`; levels > 0: whole numbers below it instead. */
static bool solves(const algo_type *algo, size_t rows, size_t cols, int levels, double scale, double shift,
                   int k) {
    fm_arena arena = {0};
    bimatrix game;
    fm_rng rng = fm_rng_split(2024, FM_RNG_TEST, (uint64_t)k, 0);
    bimatrix_random(rows, cols, 0.25 * (k % 4), &rng, &arena, &game);
    for (int i = 0; i < 2; i++)
        for (size_t cell = 0; cell < rows * cols; cell++) {
            double payoff = game.payoff[i][cell];
            if (levels > 0) payoff = (double)fm_rng_below(&rng, (uint64_t)levels);
            game.payoff[i][cell] = payoff * scale + shift;
        }
    bool solved = is_solved(algo, &game, "", (uint64_t)k);
    fm_arena_free(&arena);
    return solved;
}

TEST(small_games_end_at_the_stackelberg_point) {
    static const double SCALES[] = {1, 1000, 0.001, 1}, SHIFTS[] = {0, -500, 0, 100};
    int right = 0;
    for (int k = 0; k < 10; k++) {
        size_t size = 2 + (size_t)k % 9;
        right += solves(&algo_biac, size, size, k % 2 ? 0 : 4, SCALES[k % 4], SHIFTS[k % 4], k);
    }
    EXPECT_MSG(right >= 9, "the Stackelberg point in %d of 10 games", right);
}

TEST(large_games_end_at_the_stackelberg_point) {
    EXPECT(solves(&algo_biac, 20, 6, 4, 1, 0, 2));
    EXPECT(solves(&algo_biac, 30, 30, 0, 1, 0, 3));
}

/* Where nothing is random, a sweep of the cells leaves nothing to chance. */
TEST(bilevel_q_ends_at_the_stackelberg_point_of_every_game) {
    static const size_t ROWS[] = {2, 3, 5, 10, 20, 30, 3, 40}, COLS[] = {2, 3, 5, 10, 20, 30, 40, 3};
    static const double SCALES[] = {1, 1e6, 1e-6}, SHIFTS[] = {0, 1e9, -1e11};
    for (int k = 0; k < 8; k++)
        for (int i = 0; i < 3; i++) {
            EXPECT(solves(&algo_bilevel_q, ROWS[k], COLS[k], 0, SCALES[i], 0, k));
            EXPECT(solves(&algo_bilevel_q, ROWS[k], COLS[k], 4, 1, SHIFTS[i], k));
        }
}

/* The follower is indifferent after the first row; the strong point is there, the weak one is not. */
TEST(a_tie_of_the_follower_helps_the_leader) {
    static const double PAYOFF[2][4] = {{3, 0, 2, 2}, {1, 1, 1, 0}};
    fm_arena arena = {0};
    bimatrix game;
    bimatrix_make(&game, 2, 2, "a tie", &arena);
    for (int i = 0; i < 2; i++) memcpy(game.payoff[i], PAYOFF[i], sizeof PAYOFF[i]);
    for (uint64_t seed = 0; seed < 3; seed++) EXPECT(is_solved(&algo_biac, &game, "", seed));
    fm_arena_free(&arena);
}

/* Maintain, its payoffs multiplied and moved. */
static void maintain(bimatrix *game, double scale, double shift, fm_arena *arena) {
    fm_error err;
    drive_must(bimatrix_load("maintain", "", arena, game, &err), &err);
    for (int i = 0; i < 2; i++)
        for (size_t cell = 0; cell < game->rows * game->cols; cell++)
            game->payoff[i][cell] = game->payoff[i][cell] * scale + shift;
}

/* What a learner does and knows after 1150 decisions of it: a fingerprint. */
static uint64_t conduct(const algo_type *algo, const char *rounds, double scale, double shift) {
    fm_arena arena = {0};
    bimatrix game;
    drive d;
    uint64_t sum = 0;
    maintain(&game, scale, shift, &arena);
    save(&game);
    drive_begin(&d, algo, path(), rounds, "", 1, 5000, 1);
    for (int t = 0; t < 1150; t++) {
        drive_step(&d);
        sum = sum * 31 + (uint64_t)(3 * d.stage.vec.actions[0] + d.stage.vec.actions[1]);
    }
    for (size_t k = 0; k < arrlenu(d.keep.items); k++) {
        const fm_kept *item = &d.keep.items[k];
        size_t bytes = item->rows * (item->cols ? item->cols : 1) * fm_dtype_size(item->dtype);
        bool in_unit = strncmp(item->name, "normaliser", 10) == 0; /* statistics, in the game's unit */
        for (size_t b = 0; b < bytes && item->parameter && !in_unit; b++)
            sum = sum * 31 + ((const unsigned char *)item->data)[b];
    }
    drive_end(&d);
    unlink(path());
    fm_arena_free(&arena);
    return sum;
}

/* To the last bit: these numbers, and their differences, are exact in double. */
TEST(unit_and_zero_of_the_payoffs_change_nothing) {
    static const algo_type *const ALGOS[] = {&algo_biac, &algo_bilevel_q, &algo_idqn, &algo_maddpg,
                                             &algo_reinforce};
    static const double SHIFTS[] = {1e3, 1e9, -1e11};
    static const char *const ROUNDS[] = {"", "rounds=4"};
    for (size_t k = 0; k < 2 * sizeof ALGOS / sizeof *ALGOS; k++) {
        const algo_type *algo = ALGOS[k / 2];
        const char *rounds = ROUNDS[k % 2];
        uint64_t plain = conduct(algo, rounds, 1, 0);
        for (size_t s = 0; s < sizeof SHIFTS / sizeof *SHIFTS; s++)
            EXPECT_MSG(conduct(algo, rounds, 1, SHIFTS[s]) == plain, "%s: %g %s", algo->name, SHIFTS[s],
                       rounds);
        EXPECT(conduct(algo, rounds, 0x1p-20, 0) == plain && conduct(algo, rounds, 0x1p20, -1e9) == plain);
    }
}

TEST(rounds_far_from_zero_end_at_the_stackelberg_point) {
    fm_arena arena = {0};
    bimatrix game;
    maintain(&game, 1, 1e9, &arena);
    for (uint64_t seed = 0; seed < 3; seed++) {
        EXPECT(is_solved(&algo_biac, &game, "rounds=3", seed));
        EXPECT(is_solved(&algo_bilevel_q, &game, "rounds=3", seed));
    }
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(small_games_end_at_the_stackelberg_point), CASE(large_games_end_at_the_stackelberg_point),
          CASE(bilevel_q_ends_at_the_stackelberg_point_of_every_game),
          CASE(a_tie_of_the_follower_helps_the_leader), CASE(unit_and_zero_of_the_payoffs_change_nothing),
          CASE(rounds_far_from_zero_end_at_the_stackelberg_point))
