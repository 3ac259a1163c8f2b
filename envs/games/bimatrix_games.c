/* bimatrix_games.c: the normal-form games that have a name, and finding a game by name or file. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "envs/games/bimatrix.h"
#include "envs/games/nfg.h"

static void set_labels(bimatrix *game, const char *const *rows, const char *const *cols) {
    for (size_t r = 0; r < game->rows; r++) game->label[0][r] = rows[r];
    for (size_t c = 0; c < game->cols; c++) game->label[1][c] = cols[c];
}

/* The published games are all 3 by 3; a cell is {payoff of the row player, payoff of the column player}. */
static void fill_3x3(bimatrix *game, const double cells[3][3][2]) {
    for (size_t r = 0; r < 3; r++)
        for (size_t c = 0; c < 3; c++)
            for (int i = 0; i < 2; i++) game->payoff[i][r * 3 + c] = cells[r][c][i];
}

static const char *const ROWS_ABC[] = {"A", "B", "C"}, *const COLS_XYZ[] = {"X", "Y", "Z"};
static const char *const ROWS_A123[] = {"a1", "a2", "a3"}, *const COLS_B123[] = {"b1", "b2", "b3"};

static void build_escape(const bimatrix_config *config, fm_arena *arena, bimatrix *game) {
    (void)config;
    bimatrix_make(game, 3, 3, "Escape", arena);
    set_labels(game, ROWS_ABC, COLS_XYZ);
    fill_3x3(game, (const double[3][3][2]){{{15, 15}, {10, 10}, {0, 0}},
                                           {{10, 10}, {10, 10}, {0, 0}},
                                           {{0, 0}, {0, 0}, {30, 30}}});
}

static void build_maintain(const bimatrix_config *config, fm_arena *arena, bimatrix *game) {
    (void)config;
    bimatrix_make(game, 3, 3, "Maintain", arena);
    set_labels(game, ROWS_ABC, COLS_XYZ);
    fill_3x3(game, (const double[3][3][2]){{{20, 15}, {0, 0}, {0, 0}},
                                           {{30, 0}, {10, 5}, {0, 0}},
                                           {{0, 0}, {0, 0}, {5, 10}}});
}

static void build_penalty(const bimatrix_config *config, fm_arena *arena, bimatrix *game) {
    const double k = config->k;
    bimatrix_make(game, 3, 3, "Penalty", arena);
    set_labels(game, ROWS_A123, COLS_B123);
    fill_3x3(game, (const double[3][3][2]){{{k, k}, {0, 0}, {10, 10}},
                                           {{0, 0}, {2, 2}, {0, 0}},
                                           {{8, 8}, {0, 0}, {k, k}}});
}

static void build_mixing(const bimatrix_config *config, fm_arena *arena, bimatrix *game) {
    (void)config;
    bimatrix_make(game, 3, 3, "Mixing", arena);
    set_labels(game, ROWS_A123, COLS_B123);
    fill_3x3(game, (const double[3][3][2]){{{0, 5}, {-10, -5}, {-8, 4}},
                                           {{-5, -10}, {-5, 0}, {-15, -5}},
                                           {{5, 0}, {-10, -5}, {-10, 5}}});
}

static void build_2x2(bimatrix *game, const char *title, fm_arena *arena, const double cells[4][2]) {
    bimatrix_make(game, 2, 2, title, arena);
    for (size_t cell = 0; cell < 4; cell++)
        for (int i = 0; i < 2; i++) game->payoff[i][cell] = cells[cell][i];
}

static void build_commitment(const bimatrix_config *config, fm_arena *arena, bimatrix *game) {
    (void)config;
    build_2x2(game, "Commitment", arena, (const double[4][2]){{1, 1}, {3, 0}, {0, 0}, {2, 1}});
}

static void build_dominance(const bimatrix_config *config, fm_arena *arena, bimatrix *game) {
    (void)config;
    build_2x2(game, "Dominance", arena, (const double[4][2]){{3, 2}, {1, 3}, {2, 0}, {0, 1}});
}

void bimatrix_random(size_t rows, size_t cols, double covariance, fm_rng *rng, fm_arena *arena,
                     bimatrix *game) {
    FM_CHECK(fabs(covariance) <= 1, "bimatrix: covariance %g", covariance);
    const double rest = sqrt(1 - covariance * covariance);
    bimatrix_make(game, rows, cols, "Random matrix", arena);
    for (size_t at = 0; at < rows * cols; at++) {
        const double first = fm_rng_normal(rng), second = fm_rng_normal(rng);
        game->payoff[0][at] = first;
        game->payoff[1][at] = covariance * first + rest * second;
    }
}

static void build_random(const bimatrix_config *config, fm_arena *arena, bimatrix *game) {
    fm_rng rng = fm_rng_split((uint64_t)config->seed, FM_RNG_TEST, 0, 0);
    bimatrix_random((size_t)config->rows, (size_t)config->cols, config->covariance, &rng, arena, game);
}

static const fm_option NO_OPTIONS[] = {FM_OPT_END};

static const fm_option PENALTY_OPTIONS[] = {BIMATRIX_PENALTY_ROWS, FM_OPT_END};

static const fm_option RANDOM_OPTIONS[] = {BIMATRIX_RANDOM_ROWS, FM_OPT_END};

const bimatrix_named BIMATRIX_GAMES[] = {
    {"escape", "common interest; a modest equilibrium that is easy to find hides the best one",
     "[Zhang 2020, Table 1a]", NO_OPTIONS, build_escape},
    {"maintain", "general sum; the Stackelberg point is better for both than every Nash equilibrium",
     "[Zhang 2020, Table 1b]", NO_OPTIONS, build_maintain},
    {"penalty", "common interest; the two best joint actions stand beside the penalty k",
     "[Claus & Boutilier 1998; STEP, Fig. 4]", PENALTY_OPTIONS, build_penalty},
    {"mixing", "general sum; the one pure Nash equilibrium is bad, following the leader is better for both",
     "[STEP, Fig. 4]", NO_OPTIONS, build_mixing},
    {"commitment", "general sum; a leader gains by committing to a row that is dominated",
     "[Conitzer & Sandholm 2006; Brero et al. 2022]", NO_OPTIONS, build_commitment},
    {"dominance", "general sum; dominance solves it, and commitment does not help", "[Brero et al. 2022]",
     NO_OPTIONS, build_dominance},
    {"random-matrix", "payoff pairs drawn from a bivariate normal; covariance sets how far interests agree",
     "[Zhang 2020, Fig. 2]", RANDOM_OPTIONS, build_random},
};

const size_t BIMATRIX_GAMES_COUNT = sizeof BIMATRIX_GAMES / sizeof *BIMATRIX_GAMES;

const bimatrix_named *bimatrix_find(const char *name) {
    for (size_t i = 0; i < BIMATRIX_GAMES_COUNT; i++)
        if (fm_text_same_name(BIMATRIX_GAMES[i].name, name)) return &BIMATRIX_GAMES[i];
    return NULL;
}

static fm_status unknown_game(const char *name, fm_error *err) {
    const char *names[sizeof BIMATRIX_GAMES / sizeof *BIMATRIX_GAMES];
    for (size_t i = 0; i < BIMATRIX_GAMES_COUNT; i++) names[i] = BIMATRIX_GAMES[i].name;
    const char *nearest = fm_text_nearest(name, names, BIMATRIX_GAMES_COUNT);
    if (nearest) return fm_fail(err, "unknown game '%s'; did you mean '%s'?", name, nearest);
    return fm_fail(err, "unknown game '%s': neither a .nfg file nor one of the games that --list names",
                   name);
}

static bool looks_like_file(const char *text) {
    const size_t n = strlen(text);
    return strchr(text, '/') || (n >= 4 && strcasecmp(text + n - 4, ".nfg") == 0) || fm_file_exists(text);
}

fm_status bimatrix_load(const char *name_or_path, const char *settings, fm_arena *arena, bimatrix *game,
                        fm_error *err) {
    const bimatrix_named *named = bimatrix_find(name_or_path);
    if (named) {
        bimatrix_config config;
        memset(&config, 0, sizeof config);
        fm_options_reset(named->options, &config);
        if (fm_options_apply(named->options, &config, settings, err) != FM_OK)
            return fm_fail_in(err, "game '%s': ", named->name);
        named->build(&config, arena, game);
        return FM_OK;
    }
    if (!looks_like_file(name_or_path)) return unknown_game(name_or_path, err);
    if (settings && settings[0] != '\0')
        return fm_fail(err, "%s: a game read from a file has no options, but '%s' was set", name_or_path,
                       settings);
    return nfg_read(name_or_path, arena, game, err);
}
