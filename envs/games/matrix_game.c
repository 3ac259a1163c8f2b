/* matrix_game.c: two-player normal-form games as environments, by name or from a .nfg file.
 *
 * Agent 0 is the leader and chooses the row, agent 1 the follower and chooses the column. Payoffs are the
 * rewards as they are. The games themselves, and their solutions, are bimatrix.h's.
 *
 * One joint action ends the episode, unless the option `rounds` makes it a repeated game (25 in STEP [Zhang
 * 2023, Section 5.1]): the last round ends it then, or with `done_every_round` each, which is the one-shot
 * game again, of which so many rounds are so many episodes. Nothing tells the rounds apart: each agent
 * observes a constant, 1 [Zhang 2020] or by the option `obs` 0, as the program of STEP's first author has it.
 *
 * The solutions of a repeated game are those of one round, played in every round; a leader that could commit
 * to answers to what it has seen might get more. Its outcome is the joint action of the last round. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/terminal.h"
#include "base/text.h"
#include "envs/games/bimatrix.h"
#include "envs/env.h"
#include "envs/games/nfg.h"

/* Equilibria listed in the facts at most: a game of equal payoffs has as many as cells. */
#define NASH_LISTED 1024

/* The options of all rows; each row's table lists the ones it has. The game's own stand first, because their
 * rows count from there. */
typedef struct matrix_config {
    bimatrix_config game;
    int64_t rounds, obs;
    bool done_every_round;
    char path[FM_TEXT_MAX];
} matrix_config;

_Static_assert(offsetof(matrix_config, game) == 0, "rows of bimatrix_config are rows of matrix_config");

typedef struct matrix_game {
    bimatrix table;
    int64_t rounds; /* of an episode */
    real obs;
} matrix_game;

/* The last joint action; before the first one, row and col are -1 and the payoffs 0. */
typedef struct play {
    int64_t row, col;
    double payoff[2];
    int64_t rounds; /* played */
} play;

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const matrix_game *m = game;
    play *p = state;
    *p = (play){.row = -1, .col = -1};
    io->obs[0] = io->obs[1] = m->obs;
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const matrix_game *m = game;
    const bimatrix *g = &m->table;
    play *p = state;
    p->row = (int64_t)io->actions[0];
    p->col = (int64_t)io->actions[1];
    size_t cell = (size_t)p->row * g->cols + (size_t)p->col;
    for (int i = 0; i < 2; i++) io->rewards[i] = p->payoff[i] = g->payoff[i][cell];
    io->obs[0] = io->obs[1] = m->obs;
    io->terminated = ++p->rounds == m->rounds;
}

static int outcome(const void *game, const void *state) {
    const bimatrix *g = &((const matrix_game *)game)->table;
    const play *p = state;
    return (int)(p->row * (int64_t)g->cols + p->col);
}

static void read_play(const void *game, const void *state, double *readings) {
    (void)game;
    const play *p = state;
    readings[0] = (double)p->row;
    readings[1] = (double)p->col;
    readings[2] = p->payoff[0];
    readings[3] = p->payoff[1];
}

/* ---- the table on the terminal ---- */

static int cell_text(const bimatrix *g, size_t cell, int digits, char *text, size_t size) {
    return snprintf(text, size, "%.*g, %.*g", digits, g->payoff[0][cell], digits, g->payoff[1][cell]);
}

#define ROWS_SHOWN 24 /* of a larger game those around the chosen one */

/* What is shown of a table: rows and columns from `first` on, so many of them; how wide they are. */
typedef struct view { size_t first[2], n[2], side, width; int digits; } view;

static size_t wider(size_t width, const char *text) {
    size_t columns = fm_text_columns(text);
    return columns > width ? columns : width;
}

/* `centre`: the chosen row and column. */
static view view_of(const bimatrix *g, const size_t centre[2], size_t columns, int digits) {
    view v = {.side = fm_text_columns(g->player[0]), .n = {g->rows, g->cols}, .digits = digits};
    char text[64];
    for (size_t r = 0; r < g->rows; r++) v.side = wider(v.side, g->label[0][r]);
    for (size_t c = 0; c < g->cols; c++) v.width = wider(v.width, g->label[1][c]);
    for (size_t cell = 0; cell < g->rows * g->cols; cell++) {
        cell_text(g, cell, digits, text, sizeof text);
        v.width = wider(v.width, text);
    }
    size_t room = columns > v.side + 1 ? (columns - v.side - 1) / (v.width + 2) : 0;
    size_t most[2] = {ROWS_SHOWN, room > 0 ? room : 1};
    for (int side = 0; side < 2; side++) {
        size_t all = v.n[side], half = most[side] / 2;
        if (all <= most[side]) continue;
        v.n[side] = most[side];
        v.first[side] = centre[side] > half ? centre[side] - half : 0;
        if (v.first[side] > all - most[side]) v.first[side] = all - most[side];
    }
    return v;
}

static void put_padded(const char *text, size_t width, FILE *out) {
    size_t columns = fm_text_columns(text);
    fprintf(out, "%s%*s", text, (int)(width > columns ? width - columns : 0), "");
}

/* Rows are the leader's, columns the follower's; the chosen cell stands in brackets. */
static void render(const void *game, const void *state, const real *actions, FILE *out) {
    const matrix_game *m = game;
    const bimatrix *g = &m->table;
    const play *p = state;
    const size_t centre[2] = {actions ? (size_t)p->row : 0, actions ? (size_t)p->col : 0};
    view v = view_of(g, centre, fm_terminal_columns(out), 5);
    if (v.n[1] < g->cols) v = view_of(g, centre, fm_terminal_columns(out), 2);
    fprintf(out, "%*s  %s\n", (int)v.side, "", g->player[1]);
    put_padded(g->player[0], v.side + 1, out);
    for (size_t c = v.first[1]; c < v.first[1] + v.n[1]; c++) {
        fputc(' ', out);
        put_padded(g->label[1][c], v.width + 1, out);
    }
    fputc('\n', out);
    for (size_t r = v.first[0]; r < v.first[0] + v.n[0]; r++) {
        put_padded(g->label[0][r], v.side + 1, out);
        for (size_t c = v.first[1]; c < v.first[1] + v.n[1]; c++) {
            char text[64];
            bool chosen = actions && r == centre[0] && c == centre[1];
            int length = cell_text(g, r * g->cols + c, v.digits, text, sizeof text);
            int pad = (int)v.width - length;
            fprintf(out, "%c%s%c%*s", chosen ? '[' : ' ', text, chosen ? ']' : ' ', pad, "");
        }
        fputc('\n', out);
    }
    if (v.n[0] < g->rows || v.n[1] < g->cols)
        fprintf(out, "(rows %zu to %zu of %zu, columns %zu to %zu of %zu)\n", v.first[0] + 1,
                v.first[0] + v.n[0], g->rows, v.first[1] + 1, v.first[1] + v.n[1], g->cols);
    if (m->rounds > 1) fprintf(out, "round %lld of %lld\n", (long long)p->rounds, (long long)m->rounds);
}

/* ---- facts ---- */

static const char *const READINGS[] = {"row", "column", "payoff_0", "payoff_1"};

/* "A-X" for every cell, row by row, in one block of text. */
static const char *const *name_cells(const bimatrix *g, fm_arena *arena) {
    size_t size = 0;
    for (size_t r = 0; r < g->rows; r++)
        for (size_t c = 0; c < g->cols; c++) size += strlen(g->label[0][r]) + strlen(g->label[1][c]) + 2;
    const char **names = fm_arena_array(arena, const char *, g->rows * g->cols);
    char *text = fm_arena_array(arena, char, size);
    for (size_t r = 0; r < g->rows; r++) {
        for (size_t c = 0; c < g->cols; c++) {
            size_t length = strlen(g->label[0][r]) + strlen(g->label[1][c]) + 2;
            fm_text_format(text, length, "%s-%s", g->label[0][r], g->label[1][c]);
            names[r * g->cols + c] = text;
            text += length;
        }
    }
    return names;
}

static env_solution solution_at(const matrix_game *m, const char *concept, size_t row, size_t col,
                                const char *const *cells, fm_arena *arena) {
    const bimatrix *g = &m->table;
    size_t cell = row * g->cols + col;
    double *numbers = fm_arena_array(arena, double, 4);
    numbers[0] = (double)m->rounds * g->payoff[0][cell];
    numbers[1] = (double)m->rounds * g->payoff[1][cell];
    numbers[2] = (double)row;
    numbers[3] = (double)col;
    return (env_solution){.concept = concept,
                          .label = cells[cell],
                          .value = numbers,
                          .action = m->rounds == 1 ? numbers + 2 : NULL,
                          .source = "exact"};
}

/* The point of pure commitment, ties in favour of the leader; then the pure Nash equilibria row by row. */
static void fill_solutions(const matrix_game *m, env_facts *facts, fm_arena *arena) {
    const bimatrix *g = &m->table;
    size_t cells = g->rows * g->cols;
    env_solution *solution =
        fm_arena_array(arena, env_solution, (cells < NASH_LISTED ? cells : NASH_LISTED) + 1);
    size_t committed[2];
    bimatrix_stackelberg_pure(g, true, committed);
    const char *const *names = facts->outcome_name;
    solution[0] = solution_at(m, "stackelberg", committed[0], committed[1], names, arena);
    int n = 1;
    for (size_t cell = 0; cell < cells && n <= NASH_LISTED; cell++) {
        size_t row = cell / g->cols, col = cell % g->cols;
        if (bimatrix_is_nash(g, row, col))
            solution[n++] = solution_at(m, "nash", row, col, names, arena);
    }
    facts->solution = solution;
    facts->solutions = n;
}

static void fill_facts(const matrix_game *m, env_facts *facts, fm_arena *arena) {
    const bimatrix *g = &m->table;
    size_t cells = g->rows * g->cols;
    facts->title = g->title[0] ? g->title : facts->name;
    facts->horizon = m->rounds;
    facts->fixed_length = true;
    facts->deterministic = true;
    facts->state_size = sizeof(play);
    facts->readings = sizeof READINGS / sizeof *READINGS;
    facts->reading_name = READINGS;
    facts->outcomes = (int)cells;
    facts->outcome_name = name_cells(g, arena);
    facts->bimatrix = m->rounds == 1 ? g : NULL;
    const size_t actions[2] = {g->rows, g->cols};
    facts->rewards = ENV_COMMON;
    env_facts_agents(facts, 2, arena);
    for (int i = 0; i < 2; i++) {
        env_agent *agent = &facts->agent[i];
        *agent = (env_agent){.name = g->player[i],
                             .level = i,
                             .obs_length = 1,
                             .one_hot = m->obs == 1,
                             .action = env_discrete((int)actions[i], g->label[i]),
                             .reward_low = g->payoff[i][0],
                             .reward_high = g->payoff[i][0]};
        for (size_t cell = 0; cell < cells; cell++) {
            agent->reward_low = fmin(agent->reward_low, g->payoff[i][cell]);
            agent->reward_high = fmax(agent->reward_high, g->payoff[i][cell]);
            if (g->payoff[i][cell] != g->payoff[0][cell]) facts->rewards = ENV_GENERAL_SUM;
        }
    }
    fill_solutions(m, facts, arena);
}

/* ---- rows of the table ---- */

static matrix_game *make_game(const matrix_config *c, fm_arena *arena) {
    matrix_game *m = fm_arena_array(arena, matrix_game, 1);
    m->rounds = c->done_every_round ? 1 : c->rounds;
    m->obs = (real)c->obs;
    return m;
}

static fm_status create_named(const char *name, const void *config, fm_arena *arena, void **game,
                              env_facts *facts) {
    const bimatrix_named *named = bimatrix_find(name);
    FM_CHECK(named, "no game is named '%s'", name);
    const matrix_config *c = config;
    matrix_game *m = make_game(c, arena);
    named->build(&c->game, arena, &m->table);
    facts->source = named->source;
    fill_facts(m, facts, arena);
    *game = m;
    return FM_OK;
}

/* "maintain" of "games/maintain.nfg". */
static const char *base_name(const char *path, fm_arena *arena) {
    const char *slash = strrchr(path, '/');
    char *name = fm_arena_text(arena, slash && slash[1] ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot > name) *dot = '\0';
    return name;
}

static fm_status create_file(const void *config, fm_arena *arena, void **game, env_facts *facts,
                             fm_error *err) {
    const matrix_config *c = config;
    if (!c->path[0])
        return fm_fail(err, "nfg: no file is given: name the .nfg file itself as the environment");
    matrix_game *m = make_game(c, arena);
    if (nfg_read(c->path, arena, &m->table, err) != FM_OK) return FM_BAD;
    facts->name = base_name(c->path, arena);
    facts->source = fm_arena_text(arena, c->path);
    facts->file = &m->table;
    fill_facts(m, facts, arena);
    *game = m;
    return FM_OK;
}

#define ROUND_ROWS                                                                                           \
    FM_OPT_INT(matrix_config, rounds, "1", 1, 1000000, "rounds", "length of the repeated game", ""),         \
        FM_OPT_BOOL(matrix_config, done_every_round, "false", "every round ends an episode", ""),            \
        FM_OPT_INT(matrix_config, obs, "1", 0, 1, "", "the constant that both agents observe", "")

static const fm_option ROUNDS[] = {ROUND_ROWS, FM_OPT_END};
static const fm_option PENALTY[] = {BIMATRIX_PENALTY_ROWS, ROUND_ROWS, FM_OPT_END};
static const fm_option RANDOM[] = {BIMATRIX_RANDOM_ROWS, ROUND_ROWS, FM_OPT_END};
static const fm_option NFG[] = {
    FM_OPT_TEXT(matrix_config, path, "", "a file in Gambit's strategic form; --env FILE.nfg sets it"),
    ROUND_ROWS,
    FM_OPT_END,
};

#define MATRIX_ROW(symbol, row, text, table, maker)                                                          \
    const env_type env_##symbol = {                                                                          \
        .name = row,                                                                                         \
        .doc = text,                                                                                         \
        .options = table,                                                                                    \
        .config_size = sizeof(matrix_config),                                                                \
        .create = maker,                                                                                     \
        .reset = reset,                                                                                      \
        .step = step,                                                                                        \
        .render = render,                                                                                    \
        .read = read_play,                                                                                   \
        .outcome = outcome,                                                                                  \
    }

#define NAMED_ROW(symbol, row, text, table)                                                                  \
    static fm_status create_##symbol(const void *config, fm_arena *arena, void **game, env_facts *facts,     \
                                     fm_error *err) {                                                        \
        (void)err;                                                                                           \
        return create_named(row, config, arena, game, facts);                                                \
    }                                                                                                        \
    MATRIX_ROW(symbol, row, text, table, create_##symbol)

NAMED_ROW(escape, "escape", "common interest; a modest equilibrium hides the best one", ROUNDS);
NAMED_ROW(maintain, "maintain", "general sum; the Stackelberg point is better for both than every Nash one",
          ROUNDS);
NAMED_ROW(penalty, "penalty", "common interest; the two best joint actions stand beside the penalty k",
          PENALTY);
NAMED_ROW(mixing, "mixing",
          "general sum; the one pure Nash equilibrium is worse for both than the Stackelberg point", ROUNDS);
NAMED_ROW(commitment, "commitment", "general sum; a leader gains by committing to a row that is dominated",
          ROUNDS);
NAMED_ROW(dominance, "dominance", "general sum; dominance solves it, and commitment does not help", ROUNDS);
NAMED_ROW(random_matrix, "random-matrix",
          "payoff pairs from a bivariate normal; covariance sets common interest", RANDOM);

MATRIX_ROW(nfg, "nfg", "any two-player game in Gambit's strategic form: --env FILE.nfg", NFG, create_file);
