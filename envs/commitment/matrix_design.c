/* matrix_design.c: a leader that promises side payments in a game of two followers.
 *
 * Paper: Brero et al., "Stackelberg POMDP", 2022. The followers play once
 *
 *                  0        1
 *          0     3, 3     6, 4
 *          1     4, 6     2, 2        all divided by 6;
 *
 * the leader sees what both did and pays each of them between 0 and 10, which costs it nothing. It earns the
 * sum of the two payoffs, without the payments: at best 10 / 6.
 *
 *     observation  followers: the constant 1; leader: one-hot of 2 a_first + a_second
 *     action       followers: 0 or 1; then, in a second step, leader: both payments
 *
 * Deviations: none known. */
#include <string.h>

#include "envs/env.h"

static const double PAYOFF[2][4] = {{3.0 / 6, 6.0 / 6, 4.0 / 6, 2.0 / 6},
                                    {3.0 / 6, 4.0 / 6, 6.0 / 6, 2.0 / 6}};

#define MOST 10.0 /* payment */

/* `joint` is 2 a_first + a_second, -1 before; payments are -1 before they are made. */
typedef struct play {
    int64_t joint;
    double payment[2];
} play;

static void show(const play *p, env_io *io) {
    memset(io->obs, 0, 4 * sizeof *io->obs);
    if (p->joint >= 0) io->obs[p->joint] = 1;
    io->obs[4] = io->obs[5] = 1;
    io->active[0] = p->joint >= 0;
    io->active[1] = io->active[2] = p->joint < 0;
}

static void reset(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    play *p = state;
    *p = (play){.joint = -1, .payment = {-1, -1}};
    show(p, io);
}

static void step(const void *game, void *state, fm_rng *rng, env_io *io) {
    (void)game, (void)rng;
    play *p = state;
    if (p->joint < 0) {
        p->joint = 2 * (int64_t)io->actions[2] + (int64_t)io->actions[3];
    } else {
        for (int i = 0; i < 2; i++) {
            p->payment[i] = (double)io->actions[i];
            io->rewards[0] += PAYOFF[i][p->joint];
            io->rewards[1 + i] = PAYOFF[i][p->joint] + p->payment[i];
        }
        io->terminated = true;
    }
    show(p, io);
}

static const char *const READINGS[] = {"first", "second", "payment_first", "payment_second"};

static void read_play(const void *game, const void *state, double *readings) {
    (void)game;
    const play *p = state;
    readings[0] = p->joint < 0 ? FM_ABSENT : (double)(p->joint / 2);
    readings[1] = p->joint < 0 ? FM_ABSENT : (double)(p->joint % 2);
    for (int i = 0; i < 2; i++) readings[2 + i] = p->payment[i] < 0 ? FM_ABSENT : p->payment[i];
}

static void render(const void *game, const void *state, const real *actions, FILE *out) {
    (void)game, (void)actions;
    const play *p = state;
    if (p->joint < 0)
        fputs("  the followers choose", out);
    else
        fprintf(out, "  the followers chose %d, %d", (int)(p->joint / 2), (int)(p->joint % 2));
    if (p->payment[0] >= 0) fprintf(out, "; they are paid %g, %g", p->payment[0], p->payment[1]);
    fputc('\n', out);
}

static fm_status create(const void *config, fm_arena *arena, void **game, env_facts *facts, fm_error *err) {
    static const double LOW[] = {0, 0}, HIGH[] = {MOST, MOST};
    static const double VALUE[] = {10.0 / 6, 6.0 / 6, 4.0 / 6};
    static const env_solution SOLUTION[] = {{.concept = "stackelberg",
                                             .label = "the followers choose differently",
                                             .value = VALUE,
                                             .source = "[Brero et al. 2022]"}};
    (void)config, (void)err;
    *game = NULL;
    facts->title = "Matrix design";
    facts->source = "[Brero et al. 2022]";
    facts->horizon = 2;
    facts->rewards = ENV_GENERAL_SUM;
    facts->pauses = true;
    facts->deterministic = true;
    facts->state_size = sizeof(play);
    facts->readings = sizeof READINGS / sizeof *READINGS;
    facts->reading_name = READINGS;
    facts->solution = SOLUTION;
    facts->solutions = 1;
    env_facts_agents(facts, 3, arena);
    facts->agent[0] = (env_agent){.name = "designer",
                                  .obs_length = 4,
                                  .one_hot = true,
                                  .action = env_box(2, LOW, HIGH),
                                  .reward_high = 10.0 / 6};
    for (int i = 1; i < 3; i++)
        facts->agent[i] = (env_agent){.name = i == 1 ? "first" : "second",
                                      .level = 1,
                                      .obs_length = 1,
                                      .one_hot = true,
                                      .action = env_discrete(2, NULL),
                                      .reward_high = 1 + MOST};
    return FM_OK;
}

const env_type env_matrix_design = {
    .name = "matrix-design",
    .doc = "a leader promises side payments to two players of a 2 by 2 game",
    .create = create,
    .reset = reset,
    .step = step,
    .render = render,
    .read = read_play,
};
