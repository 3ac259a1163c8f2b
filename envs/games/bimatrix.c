/* bimatrix.c: two-player normal-form games as data, and their exact solutions. */
#include "envs/games/bimatrix.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "envs/games/commitment.h"

/* ---- the game as data ---- */

static const char *number_label(size_t action, fm_arena *arena) {
    char text[24];
    fm_text_format(text, sizeof text, "%zu", action + 1);
    return fm_arena_text(arena, text);
}

void bimatrix_make(bimatrix *game, size_t rows, size_t cols, const char *title, fm_arena *arena) {
    FM_CHECK(rows > 0 && rows <= BIMATRIX_MAX_ACTIONS, "bimatrix: %zu rows", rows);
    FM_CHECK(cols > 0 && cols <= BIMATRIX_MAX_ACTIONS, "bimatrix: %zu columns", cols);
    FM_CHECK(rows * cols <= BIMATRIX_MAX_CELLS, "bimatrix: %zu by %zu cells", rows, cols);
    const size_t actions[2] = {rows, cols};
    *game = (bimatrix){.rows = rows, .cols = cols, .player = {"Leader", "Follower"}};
    game->title = fm_arena_text(arena, title);
    for (int i = 0; i < 2; i++) {
        game->payoff[i] = fm_arena_array(arena, double, rows * cols);
        game->label[i] = fm_arena_array(arena, const char *, actions[i]);
        for (size_t a = 0; a < actions[i]; a++) game->label[i][a] = number_label(a, arena);
    }
}

static bool is_taken(const char *const *labels, size_t n, const char *label, size_t except) {
    for (size_t i = 0; i < n; i++)
        if (i != except && strcmp(labels[i], label) == 0) return true;
    return false;
}

static const char *numbered(const char *label, size_t number, fm_arena *arena) {
    char suffix[24];
    fm_text_format(suffix, sizeof suffix, "_%zu", number);
    const size_t size = strlen(label) + strlen(suffix) + 1;
    char *text = fm_arena_array(arena, char, size);
    fm_text_format(text, size, "%s%s", label, suffix);
    return text;
}

void bimatrix_make_labels_distinct(bimatrix *game, fm_arena *arena) {
    const size_t actions[2] = {game->rows, game->cols};
    for (int i = 0; i < 2; i++) {
        const char **labels = game->label[i];
        for (size_t a = 0; a < actions[i]; a++)
            if (labels[a][0] == '\0') labels[a] = number_label(a, arena);
        for (size_t a = 1; a < actions[i]; a++) {
            if (!is_taken(labels, a, labels[a], a)) continue;
            const char *label = labels[a];
            for (size_t number = a + 1; labels[a] == label; number++) {
                const fm_mark mark = fm_arena_mark(arena);
                const char *candidate = numbered(label, number, arena);
                if (is_taken(labels, actions[i], candidate, a)) fm_arena_reset(arena, mark);
                else labels[a] = candidate;
            }
        }
    }
}

/* ---- pure concepts: exact comparisons ---- */

bool bimatrix_is_nash(const bimatrix *game, size_t row, size_t col) {
    const double *leader = game->payoff[0], *follower = game->payoff[1];
    const size_t cols = game->cols, at = row * cols + col;
    for (size_t r = 0; r < game->rows; r++)
        if (leader[r * cols + col] > leader[at]) return false;
    for (size_t c = 0; c < cols; c++)
        if (follower[row * cols + c] > follower[at]) return false;
    return true;
}

/* The follower's best response to a row, ties broken for the leader or against it. */
static size_t best_response(const bimatrix *game, size_t row, bool for_leader) {
    const double *leader = game->payoff[0] + row * game->cols, *follower = game->payoff[1] + row * game->cols;
    size_t best = 0;
    for (size_t c = 1; c < game->cols; c++) {
        const bool tie_won = for_leader ? leader[c] > leader[best] : leader[c] < leader[best];
        if (follower[c] > follower[best] || (follower[c] == follower[best] && tie_won)) best = c;
    }
    return best;
}

void bimatrix_stackelberg_pure(const bimatrix *game, bool strong, size_t action[2]) {
    double best = 0;
    for (size_t row = 0; row < game->rows; row++) {
        const size_t col = best_response(game, row, strong);
        const double value = game->payoff[0][row * game->cols + col];
        if (row > 0 && value <= best) continue;
        best = value;
        action[0] = row;
        action[1] = col;
    }
}

static double largest_of(const double *x, size_t n) {
    double largest = x[0];
    for (size_t i = 1; i < n; i++) largest = fmax(largest, x[i]);
    return largest;
}

static double smallest_of(const double *x, size_t n) {
    double smallest = x[0];
    for (size_t i = 1; i < n; i++) smallest = fmin(smallest, x[i]);
    return smallest;
}

/* The payoffs' distances from their mean, in units of their range: no unit, no zero, no overflow. The
 * quarters keep the difference of two huge payoffs finite. */
static bool centre(const double *payoff, size_t n, double *out) {
    const double low = smallest_of(payoff, n) / 4, range = largest_of(payoff, n) / 4 - low;
    if (!(range > 0)) return false;
    double mean = 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = (payoff[i] / 4 - low) / range;
        mean += out[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) out[i] -= mean;
    return true;
}

static double cooperation(const bimatrix *game, fm_arena *scratch) {
    const fm_mark mark = fm_arena_mark(scratch);
    const size_t n = game->rows * game->cols;
    double *d[2], square[2] = {0, 0}, product = 0, level = NAN;
    bool varied = true;
    for (int i = 0; i < 2; i++) {
        d[i] = fm_arena_array(scratch, double, n);
        varied = centre(game->payoff[i], n, d[i]) && varied;
    }
    if (varied) {
        for (size_t k = 0; k < n; k++) {
            product += d[0][k] * d[1][k];
            square[0] += d[0][k] * d[0][k];
            square[1] += d[1][k] * d[1][k];
        }
        level = fmax(-1, fmin(1, product / sqrt(square[0] * square[1])));
    }
    fm_arena_reset(scratch, mark);
    return level;
}

double bimatrix_cooperation(const bimatrix *game) {
    fm_arena scratch = {0};
    const double level = cooperation(game, &scratch);
    fm_arena_free(&scratch);
    return level;
}

/* ---- all of them ---- */

static const char *const CONCEPT_NAME[BIMATRIX_CONCEPTS] = {
    [BIMATRIX_NASH] = "nash",
    [BIMATRIX_STACKELBERG_PURE_STRONG] = "stackelberg-pure-strong",
    [BIMATRIX_STACKELBERG_PURE_WEAK] = "stackelberg-pure-weak",
    [BIMATRIX_STACKELBERG_MIXED] = "stackelberg-mixed",
};

const char *bimatrix_concept_name(bimatrix_concept concept) {
    FM_CHECK((unsigned)concept < BIMATRIX_CONCEPTS, "bimatrix: concept %d", (int)concept);
    return CONCEPT_NAME[concept];
}

/* Every pure strategy of n actions is a window on one array of 2n - 1 zeros with a 1 in the middle: a game of
 * a thousand equilibria needs no thousand vectors. */
static const double *pure_strategies(size_t n, fm_arena *arena) {
    double *x = fm_arena_array(arena, double, 2 * n - 1);
    x[n - 1] = 1;
    return x;
}

typedef struct pures { const double *row, *col; } pures;

static bimatrix_outcome pure_outcome(const bimatrix *game, const pures *pure, bimatrix_concept concept,
                                     size_t row, size_t col) {
    const size_t at = row * game->cols + col;
    return (bimatrix_outcome){
        .concept = concept,
        .value = {game->payoff[0][at], game->payoff[1][at]},
        .strategy = {pure->row + (game->rows - 1 - row), pure->col + (game->cols - 1 - col)},
    };
}

/* Marks every pure Nash equilibrium with 1 in `is_nash` [rows][cols], in time proportional to the cells. */
static size_t mark_nash(const bimatrix *game, unsigned char *is_nash, fm_arena *scratch) {
    const size_t rows = game->rows, cols = game->cols;
    const double *leader = game->payoff[0], *follower = game->payoff[1];
    double *best_of_col = fm_arena_array(scratch, double, cols);
    memcpy(best_of_col, leader, cols * sizeof *best_of_col);
    for (size_t r = 1; r < rows; r++)
        for (size_t c = 0; c < cols; c++) best_of_col[c] = fmax(best_of_col[c], leader[r * cols + c]);
    size_t n = 0;
    for (size_t r = 0; r < rows; r++) {
        const double best_of_row = largest_of(follower + r * cols, cols);
        for (size_t c = 0; c < cols; c++) {
            const size_t at = r * cols + c;
            is_nash[at] = leader[at] == best_of_col[c] && follower[at] == best_of_row;
            n += is_nash[at];
        }
    }
    return n;
}

/* Returns the gap. */
static double mixed_outcome(const bimatrix *game, const pures *pure, const size_t strong[2], fm_arena *arena,
                            bimatrix_outcome *out) {
    *out = pure_outcome(game, pure, BIMATRIX_STACKELBERG_MIXED, strong[0], strong[1]);
    const commitment best = commitment_best(game, strong, arena);
    if (best.mixes) {
        out->strategy[0] = best.x;
        out->strategy[1] = pure->col + (game->cols - 1 - best.col);
        for (int i = 0; i < 2; i++) out->value[i] = best.value[i];
    }
    return best.gap;
}

void bimatrix_solve(const bimatrix *game, fm_arena *arena, bimatrix_solution *solution) {
    const size_t cells = game->rows * game->cols;
    fm_arena scratch = {0};
    unsigned char *is_nash = fm_arena_array(&scratch, unsigned char, cells);
    const size_t equilibria = mark_nash(game, is_nash, &scratch);
    const pures pure = {pure_strategies(game->rows, arena), pure_strategies(game->cols, arena)};

    solution->n = equilibria + 3;
    solution->outcomes = fm_arena_array(arena, bimatrix_outcome, solution->n);
    solution->cooperation = cooperation(game, &scratch);
    bimatrix_outcome *out = solution->outcomes;
    for (size_t at = 0; at < cells; at++)
        if (is_nash[at]) *out++ = pure_outcome(game, &pure, BIMATRIX_NASH, at / game->cols, at % game->cols);
    size_t strong[2], weak[2];
    bimatrix_stackelberg_pure(game, true, strong);
    bimatrix_stackelberg_pure(game, false, weak);
    *out++ = pure_outcome(game, &pure, BIMATRIX_STACKELBERG_PURE_STRONG, strong[0], strong[1]);
    *out++ = pure_outcome(game, &pure, BIMATRIX_STACKELBERG_PURE_WEAK, weak[0], weak[1]);
    solution->gap = mixed_outcome(game, &pure, strong, arena, out);
    fm_arena_free(&scratch);
}
