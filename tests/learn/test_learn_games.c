/* Random games as files, from 2x2 to 10x10 and with payoffs of very different sizes: with the defaults,
 * nothing set per game, Bi-AC ends at the exact pure Stackelberg point of at least 90 %. Games and seeds are
 * fixed. */
#include <unistd.h>

#include "envs/games/bimatrix.h"
#include "envs/games/nfg.h"
#include "tests/drive.h"
#include "tests/test.h"

extern const algo_type algo_biac;

#define GAMES 20

/* A game of size 2..10 whose payoffs are drawn around `shift` with spread `scale`. */
static void write_game(int k, const char *path, size_t action[2]) {
    static const double SCALES[] = {1, 1000, 0.001, 1}, SHIFTS[] = {0, -500, 0, 100};
    fm_arena arena = {0};
    fm_error err;
    bimatrix game;
    fm_rng rng = fm_rng_split(2024, FM_RNG_TEST, (uint64_t)k, 0);
    size_t size = 2 + (size_t)k % 9;
    bimatrix_random(size, size, 0.25 * (k % 4), &rng, &arena, &game);
    for (int i = 0; i < 2; i++)
        for (size_t cell = 0; cell < size * size; cell++)
            game.payoff[i][cell] = game.payoff[i][cell] * SCALES[k % 4] + SHIFTS[k % 4];
    drive_must(nfg_save(&game, path, &err), &err);
    bimatrix_stackelberg_pure(&game, true, action);
    fm_arena_free(&arena);
}

TEST(games_as_files_end_at_the_stackelberg_point) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/firstmover-game-%ld.nfg", (long)getpid());
    int right = 0;
    for (int k = 0; k < GAMES; k++) {
        size_t wanted[2];
        real action[DRIVE_ACTIONS];
        drive d;
        write_game(k, path, wanted);
        drive_begin(&d, &algo_biac, path, "", "", 1, algo_biac.steps, (uint64_t)k);
        drive_run(&d, algo_biac.steps);
        drive_greedy(&d, action);
        right += action[0] == (real)wanted[0] && action[1] == (real)wanted[1];
        drive_end(&d);
    }
    unlink(path);
    EXPECT_MSG(right >= GAMES * 9 / 10, "the Stackelberg point in %d of %d games", right, GAMES);
}

TEST_MAIN(CASE(games_as_files_end_at_the_stackelberg_point))
