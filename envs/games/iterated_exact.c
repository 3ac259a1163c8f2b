/* iterated_exact.c: the table of iterated games, and their solutions by trying every pair of tables. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "envs/games/iterated.h"

/* A row: leader's and follower's payoffs of (row, column) = (0,0), (0,1), (1,0), (1,1). */
typedef struct payoffs {
    const char *name;
    double cell[4][2];
} payoffs;

/* ORDER: the choices of the option `game`. The first twelve are all strictly ordinal symmetric games. */
static const payoffs GAMES[] = {
    {"prisoners_dilemma", {{3, 3}, {1, 4}, {4, 1}, {2, 2}}},
    {"stag_hunt", {{4, 4}, {1, 3}, {3, 1}, {2, 2}}},
    {"assurance", {{4, 4}, {1, 2}, {2, 1}, {3, 3}}},
    {"coordination", {{4, 4}, {2, 1}, {1, 2}, {3, 3}}},
    {"mixedharmony", {{4, 4}, {3, 1}, {1, 3}, {2, 2}}},
    {"harmony", {{4, 4}, {3, 2}, {2, 3}, {1, 1}}},
    {"noconflict", {{4, 4}, {2, 3}, {3, 2}, {1, 1}}},
    {"deadlock", {{2, 2}, {1, 4}, {4, 1}, {3, 3}}},
    {"prisoners_delight", {{1, 1}, {2, 4}, {4, 2}, {3, 3}}},
    {"hero", {{1, 1}, {3, 4}, {4, 3}, {2, 2}}},
    {"battle", {{2, 2}, {3, 4}, {4, 3}, {1, 1}}},
    {"chicken", {{3, 3}, {2, 4}, {4, 2}, {1, 1}}},
    {"modified_prisoners_dilemma", {{4, 3}, {2, 4}, {3, 1}, {1, 2}}},
    {"battle_of_the_sexes", {{2, 1}, {0, 0}, {0, 0}, {1, 2}}},
    {"reward_timing", {{NAN, 0.001}, {NAN, 0}, {NAN, 0}, {1, 2}}}, /* x and c stand for the first three */
};

const fm_option ITERATED_OPTIONS[] = {
    FM_OPT_CHOICE(iterated_config, game, "prisoners_dilemma",
                  "prisoners_dilemma|stag_hunt|assurance|coordination|mixedharmony|harmony|noconflict|"
                  "deadlock|prisoners_delight|hero|battle|chicken|modified_prisoners_dilemma|"
                  "battle_of_the_sexes|reward_timing",
                  "the payoffs of a round", ""),
    ITERATED_RULE_ROWS,
    FM_OPT_END,
};

iterated_game iterated_make(const iterated_config *config) {
    const payoffs *row = &GAMES[config->game];
    iterated_game g = {.name = row->name,
                       .memory = (iterated_memory)config->memory,
                       .horizon = config->horizon,
                       .offset = config->offset};
    for (int player = 0; player < 2; player++)
        for (int cell = 0; cell < 4; cell++)
            g.payoff[player][cell / 2 + 2 * (cell % 2)] = row->cell[cell][player];
    if (isnan(row->cell[0][0])) {
        g.payoff[0][0] = config->x;
        g.payoff[0][1] = g.payoff[0][2] = config->c;
    }
    g.states = g.memory == ITERATED_JOINT ? 5 : g.memory == ITERATED_SMALL ? 3 : 1;
    g.tables = 1 << g.states;
    return g;
}

int iterated_state(const iterated_game *game, int player, int joint) {
    if (joint < 0 || game->memory == ITERATED_NONE) return 0;
    if (game->memory == ITERATED_JOINT) return 1 + joint;
    return 1 + (player == 0 ? joint / 2 : joint % 2);
}

const char *iterated_state_name(const iterated_game *game, int player, int state) {
    static const char *const JOINT[] = {"start", "CC", "DC", "CD", "DD"};
    static const char *const SMALL[2][3] = {{"start", "-C", "-D"}, {"start", "C-", "D-"}};
    FM_CHECK(state >= 0 && state < game->states, "%s: state %d of %d", game->name, state, game->states);
    return game->memory == ITERATED_SMALL ? SMALL[player][state] : JOINT[state];
}

/* ---- exact solutions ---- */

static int bit(int table, int state) { return table >> state & 1; }

static int next_joint(const iterated_game *g, int leader, int follower, int joint) {
    return bit(leader, iterated_state(g, 0, joint)) + 2 * bit(follower, iterated_state(g, 1, joint));
}

/* Rounds are counted first, so that equal plays have equal sums to the last bit. */
void iterated_play(const iterated_game *g, int leader, int follower, double sum[2]) {
    double times[4] = {0};
    int joint = -1;
    for (int64_t t = 0; t < g->horizon; t++) {
        joint = next_joint(g, leader, follower, joint);
        times[joint]++;
    }
    for (int player = 0; player < 2; player++) {
        sum[player] = 0;
        for (int cell = 0; cell < 4; cell++)
            if (times[cell] > 0) sum[player] += times[cell] * g->payoff[player][cell];
    }
}

/* What counts as no difference between sums of `rounds` payoffs. */
static double slack(const iterated_game *g, int64_t rounds) {
    double largest = 0;
    for (int player = 0; player < 2; player++)
        for (int cell = 0; cell < 4; cell++) largest = fmax(largest, fabs(g->payoff[player][cell]));
    return 1e-9 * largest * (double)rounds;
}

iterated_answers iterated_answer(const iterated_game *g, int leader) {
    const double equal = slack(g, g->horizon);
    double sum[ITERATED_TABLES_MAX][2], best = -INFINITY;
    for (int f = 0; f < g->tables; f++) {
        iterated_play(g, leader, f, sum[f]);
        best = fmax(best, sum[f][1]);
    }
    iterated_answers a = {.strong = {.leader = leader, .follower = -1}};
    for (int f = 0; f < g->tables; f++) {
        const iterated_outcome this = {.leader = leader, .follower = f, .sum = {sum[f][0], sum[f][1]}};
        if (sum[f][1] < best - equal) continue;
        if (a.strong.follower < 0) a.strong = a.weak = this;
        if (sum[f][0] > a.strong.sum[0] + equal) a.strong = this;
        if (sum[f][0] < a.weak.sum[0] - equal) a.weak = this;
    }
    return a;
}

/* value[1 + joint][player]: sums of the rounds that are left after that joint action. */
void iterated_answer_by_round(const iterated_game *g, int leader, double sum[2]) {
    double value[5][2] = {{0}}, before[5][2];
    for (int64_t left = 1; left <= g->horizon; left++) {
        const double equal = slack(g, left);
        memcpy(before, value, sizeof value);
        for (int joint = -1; joint < 4; joint++) {
            int row = bit(leader, iterated_state(g, 0, joint));
            double of[2][2];
            for (int col = 0; col < 2; col++)
                for (int player = 0; player < 2; player++)
                    of[col][player] = g->payoff[player][row + 2 * col] + before[1 + row + 2 * col][player];
            double more = of[1][1] - of[0][1];
            int col = more > equal || (more > -equal && of[1][0] > of[0][0] + equal);
            memcpy(value[1 + joint], of[col], sizeof of[col]);
        }
    }
    memcpy(sum, value[0], sizeof value[0]);
}

iterated_solution iterated_solve(const iterated_game *g) {
    const double equal = slack(g, g->horizon);
    iterated_solution s;
    for (int leader = 0; leader < g->tables; leader++) {
        iterated_answers a = iterated_answer(g, leader);
        iterated_outcome timed = {.leader = leader, .follower = -1};
        iterated_answer_by_round(g, leader, timed.sum);
        if (leader == 0) s = (iterated_solution){a.strong, a.weak, timed};
        if (a.strong.sum[0] > s.strong.sum[0] + equal) s.strong = a.strong;
        if (a.weak.sum[0] > s.weak.sum[0] + equal) s.weak = a.weak;
        if (timed.sum[0] > s.by_round.sum[0] + equal) s.by_round = timed;
    }
    return s;
}
