/* mixture.c: a normal-form game in which the leader commits to a mixture.
 *
 * Paper: Brero et al., "Stackelberg POMDP", 2022, "randomised" mode. The leader's action is a number from 0
 * to 1 for each row; divided by their sum they are probabilities (all alike when all are 0). The follower
 * chooses a column, and both earn their expected payoffs. Both observe the constant 1.
 *
 * The known solution is the best commitment to a mixture (bimatrix.h).
 *
 * Deviations: payoffs are as they are, not divided by the largest one. */
#include <math.h>
#include <string.h>

#include "envs/env.h"
#include "envs/games/bimatrix.h"

typedef struct mixture_config {
    char game[FM_TEXT_MAX];
} mixture_config;

static const fm_option OPTIONS[] = {
    FM_OPT_TEXT(mixture_config, game, "maintain", "a named game in normal form (solve --list)"),
    FM_OPT_END,
};

#define ROWS_MAX 16

typedef struct play {
    int64_t col; /* -1 before it is chosen */
    double p[ROWS_MAX], payoff[2];
} play;

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    *(play *)state = (play){.col = -1};
    io->obs[0] = io->obs[1] = 1;
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const bimatrix *g = game;
    play *p = state;
    double sum = 0;
    for (size_t r = 0; r < g->rows; r++) sum += (double)io->actions[r];
    p->col = (int64_t)io->actions[g->rows];
    for (size_t r = 0; r < g->rows; r++) {
        p->p[r] = sum > 0 ? (double)io->actions[r] / sum : 1 / (double)g->rows;
        for (int i = 0; i < 2; i++) p->payoff[i] += p->p[r] * g->payoff[i][r * g->cols + (size_t)p->col];
    }
    for (int i = 0; i < 2; i++) io->rewards[i] = p->payoff[i];
    io->obs[0] = io->obs[1] = 1;
    io->terminated = true;
}

static const char *const READINGS[] = {"column", "payoff_0", "payoff_1"};

static void read_play(const void *game, const void *state, double *readings) {
    (void)game;
    const play *p = state;
    readings[0] = (double)p->col;
    readings[1] = p->payoff[0];
    readings[2] = p->payoff[1];
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)actions;
    const bimatrix *g = game;
    const play *p = state;
    if (p->col < 0) {
        fprintf(out, "  %s: the leader chooses a mixture of %zu rows\n", g->title, g->rows);
        return;
    }
    for (size_t r = 0; r < g->rows; r++) fprintf(out, "  %s:%.4g", g->label[0][r], p->p[r]);
    fprintf(out, "  |  %s: %.6g, %.6g\n", g->label[1][p->col], p->payoff[0], p->payoff[1]);
}

static void fill_solution(const bimatrix *g, fm_arena *arena, env_facts *facts) {
    bimatrix_solution all;
    env_solution *solution = fm_arena_array(arena, env_solution, 1);
    bimatrix_solve(g, arena, &all);
    for (size_t i = 0; i < all.n; i++) {
        if (all.outcomes[i].concept != BIMATRIX_STACKELBERG_MIXED) continue;
        double *value = fm_arena_array(arena, double, 2);
        memcpy(value, all.outcomes[i].value, 2 * sizeof *value);
        *solution = (env_solution){
            .concept = "stackelberg", .label = "the best mixture", .value = value, .source = "exact"};
    }
    facts->solution = solution;
    facts->solutions = 1;
}

static void fill_agents(const bimatrix *g, fm_arena *arena, env_facts *facts) {
    double *bounds = fm_arena_array(arena, double, 2 * g->rows);
    for (size_t r = 0; r < g->rows; r++) bounds[g->rows + r] = 1;
    env_facts_agents(facts, 2, arena);
    for (int i = 0; i < 2; i++) {
        env_agent *agent = &facts->agent[i];
        *agent = (env_agent){.name = g->player[i],
                             .level = i,
                             .obs_length = 1,
                             .one_hot = true,
                             .action = i == 0 ? env_box((int)g->rows, bounds, bounds + g->rows)
                                              : env_discrete((int)g->cols, g->label[1]),
                             .reward_low = INFINITY,
                             .reward_high = -INFINITY};
        for (size_t cell = 0; cell < g->rows * g->cols; cell++) {
            agent->reward_low = fmin(agent->reward_low, g->payoff[i][cell]);
            agent->reward_high = fmax(agent->reward_high, g->payoff[i][cell]);
        }
    }
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    bimatrix *g = fm_arena_array(arena, bimatrix, 1);
    const char *name = ((const mixture_config *)config)->game;
    if (bimatrix_load(name, NULL, arena, g, err) != FM_OK) return FM_BAD;
    if (g->rows > ROWS_MAX)
        return fm_fail(err, "mixture: '%s' has %zu rows; at most %d are possible", name, g->rows, ROWS_MAX);
    *game = g;
    facts->title = g->title;
    facts->source = "[Brero et al. 2022]";
    facts->horizon = 1;
    facts->rewards = ENV_GENERAL_SUM;
    facts->deterministic = true;
    facts->state_size = sizeof(play);
    facts->readings = sizeof READINGS / sizeof *READINGS;
    facts->reading_name = READINGS;
    fill_agents(g, arena, facts);
    fill_solution(g, arena, facts);
    return FM_OK;
}

const env_type env_mixture = {
    .name = "mixture",
    .doc = "a normal-form game in which the leader commits to a mixture of rows",
    .options = OPTIONS,
    .config_size = sizeof(mixture_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_play,
};
