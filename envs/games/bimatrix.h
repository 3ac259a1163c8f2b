/* bimatrix.h: finite two-player games in normal form, and their exact solutions.
 *
 * Player 0, the leader, chooses the row; player 1, the follower, the column.
 *
 * Example (compiled by the tests):
 *
 *     #include <stdio.h>
 *     fm_arena arena = {0};
 *     fm_error err;
 *     bimatrix game;
 *     bimatrix_solution solution;
 *     if (bimatrix_load("penalty", "k=-50", &arena, &game, &err) != FM_OK) return 1; // or "game.nfg"
 *     bimatrix_solve(&game, &arena, &solution);
 *     for (size_t i = 0; i < solution.n; i++) {
 *         const bimatrix_outcome *o = &solution.outcomes[i];
 *         printf("%s %g %g\n", bimatrix_concept_name(o->concept), o->value[0], o->value[1]);
 *     }
 *     fm_arena_free(&arena);
 *
 * The solutions do not depend on the unit or the zero of either player's payoffs. Pure concepts compare
 * payoffs exactly, as the numbers given; only the mixed commitment knows a tolerance (see bimatrix_solve). */
#ifndef BIMATRIX_H
#define BIMATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/option.h"
#include "base/random.h"

/* A game. Plain data; what it points to lives in the arena it was made in. Labels are not empty and differ
 * within a player. */
typedef struct bimatrix {
    size_t rows, cols;       /* number of actions of the leader and of the follower */
    double *payoff[2];       /* payoff[i][row * cols + col] of player i, finite */
    const char **label[2];   /* label[0][row], label[1][col] */
    const char *player[2];   /* names of the players */
    const char *title;
} bimatrix;

/* The largest game: at most so many actions of one player, and so many cells. */
#define BIMATRIX_MAX_ACTIONS 4096
#define BIMATRIX_MAX_CELLS ((size_t)1 << 20)

/* Makes a game of zeros with labels "1", "2", ... and players "Leader" and "Follower"; the title is copied.
 * Aborts when a size is zero or above the limits, which whoever reads sizes from outside checks first. */
void bimatrix_make(bimatrix *game, size_t rows, size_t cols, const char *title, fm_arena *arena);

/* For labels that came from outside: gives an empty one the action's number, and a repeated one the number
 * behind it ("x", "x_2"), or the next number that makes it differ from all others. */
void bimatrix_make_labels_distinct(bimatrix *game, fm_arena *arena);

/* ---- games by name ---- */

/* The options of all named games; each game's table lists the ones it has. */
typedef struct bimatrix_config {
    double k;           /* penalty */
    int64_t rows, cols; /* random-matrix */
    double covariance;
    int64_t seed; /* the option is called game_seed, to tell it from the seed of a run */
} bimatrix_config;

/* Their rows, for the tables of the environments of the same games. */
#define BIMATRIX_PENALTY_ROWS                                                                                \
    FM_OPT_REAL(bimatrix_config, k, "-100", -1e6, 0, "", "payoff of both where they miscoordinate worst", "k")
#define BIMATRIX_RANDOM_ROWS                                                                                 \
    FM_OPT_INT(bimatrix_config, rows, "10", 1, 100, "actions", "actions of the leader", ""),                 \
        FM_OPT_INT(bimatrix_config, cols, "10", 1, 100, "actions", "actions of the follower", ""),           \
        FM_OPT_REAL(bimatrix_config, covariance, "0", -1, 1, "", "covariance of the two payoffs of a cell",  \
                    "c"),                                                                                    \
        {"game_seed", FM_INT, offsetof(bimatrix_config, seed), "0", 0, 1e15, NULL, "",                       \
         "which game of the family", ""}

typedef struct bimatrix_named {
    const char *name;
    const char *summary;      /* one line */
    const char *source;       /* "[Zhang 2020, Table 1a]" */
    const fm_option *options; /* of bimatrix_config; ended by FM_OPT_END, so never NULL */
    void (*build)(const bimatrix_config *config, fm_arena *arena, bimatrix *game);
} bimatrix_named;

extern const bimatrix_named BIMATRIX_GAMES[];
extern const size_t BIMATRIX_GAMES_COUNT;

/* The row of that name, or NULL. */
const bimatrix_named *bimatrix_find(const char *name);

/* Fills `game` from a name of the table or from the path of a .nfg file (anything that ends in .nfg, holds a
 * slash, or is no name but an existing file). `settings` is "key=value ..." for a named game, NULL or "" for
 * none. Errors: an unknown name (the nearest is given), a wrong setting, settings for a file, and all of
 * nfg_read. */
fm_status bimatrix_load(const char *name_or_path, const char *settings, fm_arena *arena, bimatrix *game,
                        fm_error *err);

/* A random game: the payoff pair of each cell is drawn, independently of the others, from a bivariate normal
 * of mean 0, variance 1 and covariance in [-1, 1] [Zhang 2020, Fig. 2]. Two normals per cell, in row-major
 * order. */
void bimatrix_random(size_t rows, size_t cols, double covariance, fm_rng *rng, fm_arena *arena,
                     bimatrix *game);

/* ---- exact solutions ---- */

typedef enum bimatrix_concept {
    BIMATRIX_NASH,                    /* a Nash equilibrium in pure strategies */
    BIMATRIX_STACKELBERG_PURE_STRONG, /* the leader commits to a row; ties of the follower help it */
    BIMATRIX_STACKELBERG_PURE_WEAK,   /* the same, but they hurt it */
    BIMATRIX_STACKELBERG_MIXED,       /* the leader commits to a mixture; ties help it */
    BIMATRIX_CONCEPTS
} bimatrix_concept;

/* "nash", "stackelberg-pure-strong", "stackelberg-pure-weak", "stackelberg-mixed". */
const char *bimatrix_concept_name(bimatrix_concept concept);

typedef struct bimatrix_outcome {
    bimatrix_concept concept;
    double value[2];           /* expected payoffs of leader and follower */
    const double *strategy[2]; /* probabilities, [rows] and [cols]; in the same arena */
} bimatrix_outcome;

/* Lives in the arena given to bimatrix_solve. */
typedef struct bimatrix_solution {
    size_t n;
    bimatrix_outcome *outcomes; /* the Nash equilibria in row-major order, then one of each other concept */
    double gap;         /* by how much a mixed commitment might be better than the one found; 0: by nothing */
    double cooperation; /* see bimatrix_cooperation */
} bimatrix_solution;

/* Whether neither player gains by changing its action alone. Costs rows + cols comparisons. */
bool bimatrix_is_nash(const bimatrix *game, size_t row, size_t col);

/* The point of pure commitment [von Stengel & Zamir 2010]: the row that is best for the leader when the
 * follower plays a best response to it, the strong one or the weak one. Writes {row, col}. Where the leader
 * is indifferent between rows, or between best responses, the first one is taken. */
void bimatrix_stackelberg_pure(const bimatrix *game, bool strong, size_t action[2]);

/* Cooperation level [Zhang 2020, Eq. 6]: Pearson correlation of the two players' payoffs over the
 * deterministic joint actions, 1 for a common interest and -1 for a zero-sum game. Undefined, NAN, when a
 * player's payoff is constant. */
double bimatrix_cooperation(const bimatrix *game);

/* Every concept. The mixed commitment is the strong one: for each follower action one linear programme finds
 * the best mixture to which that action is a best response, and the best of them is taken [Conitzer &
 * Sandholm 2006]. Its leader value is unique; where several points attain it, the one reported is the pure
 * point if that is among them.
 *
 * The value is right to 1e-9 of itself, or of the leader's smaller payoffs where these are larger, and does
 * not suffer from huge payoffs that are never played: the programmes are solved in numbers of 31 digits, and
 * each is proved by its dual. Where rounding defeats a proof, `gap` says by how much the value might be too
 * low, INFINITY when nothing is known: with payoffs from 1e-6 to 1e12 in about one game of a thousand, more
 * often when they are further apart.
 *
 * Time: a game of one row or column takes as long as to read it. Random games of 1000 by 1000 take a tenth of
 * a second to some seconds, the more the players' interests are opposed. Almost but not exactly opposed ones
 * are the worst, because every follower action is then a programme of its own: some seconds for 300 by 300
 * and minutes for 1000 by 1000. */
void bimatrix_solve(const bimatrix *game, fm_arena *arena, bimatrix_solution *solution);

#endif
