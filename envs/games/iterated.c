/* iterated.c: the iterated games as an environment of two agents.
 *
 * Paper: Gerstgrasser & Parkes, "Oracles & followers: Stackelberg equilibria in deep multi-agent
 * reinforcement learning", ICML 2023; the games and what players remember as in their program.
 *
 *     observation  the one-hot of the player's state (iterated.h); the round is not seen
 *     action       0 "C" or 1 "D" of both at once; in the games of common interest the names mean nothing
 *     reward       payoff - offset
 *     episode      `horizon` rounds, then it terminates
 *
 * Readings are in payoffs. The known solution is the exact commitment to a table, its value in rewards.
 *
 * Deviations: none known. `memory=none` is ours, for games of one round. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "envs/env.h"
#include "envs/games/iterated.h"

/* `joint` is a_leader + 2 a_follower of the last round, -1 before the first. */
typedef struct play {
    int64_t joint, rounds;
    double sum[2]; /* of payoffs */
} play;

static void observe(const iterated_game *g, const play *p, real *obs) {
    memset(obs, 0, 2 * (size_t)g->states * sizeof *obs);
    for (int i = 0; i < 2; i++) obs[i * g->states + iterated_state(g, i, (int)p->joint)] = 1;
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    play *p = state;
    *p = (play){.joint = -1};
    observe(game, p, io->obs);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)rng;
    const iterated_game *g = game;
    play *p = state;
    p->joint = (int64_t)io->actions[0] + 2 * (int64_t)io->actions[1];
    for (int i = 0; i < 2; i++) {
        p->sum[i] += g->payoff[i][p->joint];
        io->rewards[i] = g->payoff[i][p->joint] - g->offset;
    }
    io->terminated = ++p->rounds == g->horizon;
    observe(g, p, io->obs);
}

static const char *const READINGS[] = {"round", "leader_action", "follower_action", "sum_0", "sum_1"};

static void read_play(const void *game, const void *state, double *readings) {
    (void)game;
    const play *p = state;
    readings[0] = (double)p->rounds;
    readings[1] = p->joint < 0 ? FM_ABSENT : (double)(p->joint % 2);
    readings[2] = p->joint < 0 ? FM_ABSENT : (double)(p->joint / 2);
    readings[3] = p->sum[0];
    readings[4] = p->sum[1];
}

static const char *const LABELS[] = {"C", "D"};

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    const iterated_game *g = game;
    const play *p = state;
    for (int row = 0; row < 2; row++) {
        fprintf(out, "  %s ", LABELS[row]);
        for (int col = 0; col < 2; col++) {
            int joint = row + 2 * col;
            bool chosen = actions && p->joint == joint;
            fprintf(out, " %c%g, %g%c", chosen ? '[' : ' ', g->payoff[0][joint], g->payoff[1][joint],
                    chosen ? ']' : ' ');
        }
        fputc('\n', out);
    }
    fprintf(out, "  round %lld of %lld, sums %g, %g\n", (long long)p->rounds, (long long)g->horizon,
            p->sum[0], p->sum[1]);
}

/* "1,0,0,1,1", the actions of a table by state. */
static char *table_text(const iterated_game *g, int table, char *text) {
    for (int s = 0; s < g->states; s++) {
        text[2 * s] = (char)('0' + (table >> s & 1));
        text[2 * s + 1] = s + 1 < g->states ? ',' : '\0';
    }
    return text;
}

static void fill_solution(const iterated_game *g, env_facts *facts, fm_arena *arena) {
    enum { LABEL = 64 };
    iterated_outcome best = iterated_solve(g).strong;
    env_solution *solution = fm_arena_array(arena, env_solution, 1);
    double *value = fm_arena_array(arena, double, 2);
    char *label = fm_arena_array(arena, char, LABEL), leader[16], follower[16];
    for (int i = 0; i < 2; i++) value[i] = best.sum[i] - (double)g->horizon * g->offset;
    fm_text_format(label, LABEL, "leader %s, follower %s", table_text(g, best.leader, leader),
                   table_text(g, best.follower, follower));
    *solution = (env_solution){.concept = "stackelberg", .label = label, .value = value, .source = "exact"};
    facts->solution = solution;
    facts->solutions = 1;
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    (void)err;
    iterated_game *g = fm_arena_array(arena, iterated_game, 1);
    *g = iterated_make(config);
    *game = g;
    facts->title = g->name;
    facts->source = "[Gerstgrasser & Parkes 2023]";
    facts->horizon = g->horizon;
    facts->fixed_length = true;
    facts->rewards = ENV_GENERAL_SUM;
    facts->deterministic = true;
    facts->state_size = sizeof(play);
    facts->readings = sizeof READINGS / sizeof *READINGS;
    facts->reading_name = READINGS;
    env_facts_agents(facts, 2, arena);
    for (int i = 0; i < 2; i++) {
        env_agent *agent = &facts->agent[i];
        *agent = (env_agent){.name = i == 0 ? "leader" : "follower",
                             .level = i,
                             .obs_length = g->states,
                             .one_hot = true,
                             .action = env_discrete(2, LABELS),
                             .reward_low = INFINITY,
                             .reward_high = -INFINITY};
        for (int cell = 0; cell < 4; cell++) {
            agent->reward_low = fmin(agent->reward_low, g->payoff[i][cell] - g->offset);
            agent->reward_high = fmax(agent->reward_high, g->payoff[i][cell] - g->offset);
        }
    }
    fill_solution(g, facts, arena);
    return FM_OK;
}

const env_type env_iterated = {
    .name = "iterated",
    .doc = "a symmetric 2 by 2 game in rounds, in which players remember the last one",
    .options = ITERATED_OPTIONS,
    .config_size = sizeof(iterated_config),
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_play,
};
