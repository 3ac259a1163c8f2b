/* REINFORCE learns what has a known answer: values in corridors with pauses, deaths and cut-offs; the push
 * that stops a linear pendulum; where to turn when it is shown; equilibria of matrix games. */
#include "algos/families/actor_critic.h"

#include "envs/games/bimatrix.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"
#include "tests/toy_recall.h"
#include "tests/toy_swing.h"

extern const algo_type algo_reinforce;

/* ---- values ---- */

/* Trains in a corridor of six steps with discount 0.9, then compares the baseline of every decision in the
 * last rollout with value(agent, step). */
static void expect_values(const char *world, double (*value)(int agent, int step)) {
    for (uint64_t seed = 0; seed < 5; seed++) {
        drive d;
        drive_open(&d, &algo_reinforce, &TOY_ENV, "", world,
                   "gamma=0.9 normalize_reward=false vf_coef=1 hidden=32 n_steps=120 lr=0.01");
        drive_start(&d, 4, 24000, seed);
        drive_run(&d, 24000);
        const algo_rollout *r = &((actor_critic *)d.learner)->rollout;
        size_t width = (size_t)d.game.facts.agent[0].obs_length;
        int compared = 0;
        for (size_t s = 0; s < r->slots; s++)
            for (size_t i = 0; i < 2; i++) {
                const real *obs = r->obs + (s * 2 + i) * width;
                int step = 0;
                while (width > 1 && obs[step] == 0) step++;
                if (!r->active[s * 2 + i]) continue;
                EXPECT_NEAR(r->value[s * 2 + i], value((int)i, step), 0.15);
                compared++;
            }
        EXPECT(compared >= 60);
        drive_end(&d);
    }
}

static double discounted(int rewards) { return (1 - pow(0.9, rewards)) / (1 - 0.9); }

static double until_the_end(int agent, int step) { return (void)agent, discounted(6 - step); }
static double until_death(int agent, int step) { return discounted(agent == 1 ? 3 - step : 6 - step); }
static double for_ever(int agent, int step) { return (void)agent, (void)step, 1 / (1 - 0.9); }
/* Two steps a decision, but for the last of agent 1, which acts at 1, 3 and 5. */
static double by_twos(int agent, int step) {
    int decisions = (6 - step + 1) / 2;
    return agent == 0 ? 2 * discounted(decisions) : 2 * discounted(decisions) - pow(0.9, decisions - 1);
}

TEST(reinforce_learns_the_values_of_corridors) {
    expect_values("length=6", until_the_end);
    expect_values("length=6 death=3 masks=true", until_death);
    expect_values("length=6 pauses=true", by_twos);
    expect_values("length=6 cut=true seen=false", for_ever);
}

/* ---- policies ---- */

/* Return of greedy play after training; all seeds 0 to 4. */
static void expect_return(const env_type *own, const char *name, const char *world, const char *settings,
                          int64_t steps, double least) {
    for (uint64_t seed = 0; seed < 5; seed++) {
        drive d;
        double returns[4];
        drive_open(&d, &algo_reinforce, own, name, world, settings);
        drive_start(&d, 4, steps, seed);
        drive_run(&d, steps);
        drive_play(&d, 200, returns);
        EXPECT_MSG(returns[0] >= least, "%s (%s), seed %d: %g", d.game.facts.name, settings, (int)seed,
                   returns[0]);
        drive_end(&d);
    }
}

/* The optimum is -3.74 on average, and 200 starts have a deviation of 0.2 around theirs. */
TEST(reinforce_stops_the_pendulum) {
    expect_return(&TOY_SWING, "", "", "", 200000, -4.1);
    expect_return(&TOY_SWING, "", "", "normalize_obs=true gae_lambda=0.95", 200000, -4.1);
}

TEST(reinforce_turns_where_it_is_shown) { expect_return(&TOY_RECALL, "", "length=1", "", 10000, 1); }

/* Both play a pure equilibrium of Escape: no cell of their row or column is better for who chooses it. */
TEST(reinforce_ends_at_an_equilibrium) {
    for (uint64_t seed = 0; seed < 5; seed++) {
        drive d;
        real joint[2];
        drive_begin(&d, &algo_reinforce, "escape", "", "", 4, 20000, seed);
        drive_run(&d, 20000);
        drive_greedy(&d, joint);
        const bimatrix *g = d.game.facts.bimatrix;
        size_t row = (size_t)joint[0], col = (size_t)joint[1];
        for (size_t k = 0; k < g->rows; k++)
            EXPECT(g->payoff[0][k * g->cols + col] <= g->payoff[0][row * g->cols + col]);
        for (size_t k = 0; k < g->cols; k++)
            EXPECT(g->payoff[1][row * g->cols + k] <= g->payoff[1][row * g->cols + col]);
        drive_end(&d);
    }
}

/* Without a baseline advantages are the returns: every action is praised in a world that only pays. */
TEST(reinforce_does_without_a_baseline) {
    drive d;
    drive_open(&d, &algo_reinforce, &TOY_ENV, "", "",
               "gamma=0.9 normalize_reward=false hidden=8 n_steps=120 baseline=false");
    drive_start(&d, 4, 2400, 1);
    drive_run(&d, 2400);
    const algo_rollout *r = &((actor_critic *)d.learner)->rollout;
    for (size_t k = 0; k < r->slots * 2; k++) {
        EXPECT_NEAR(r->value[k], 0, 0);
        EXPECT_NEAR(r->advantage[k], r->returns[k], 0);
        EXPECT(r->advantage[k] >= 1);
    }
    drive_end(&d);
}

TEST_MAIN(CASE(reinforce_does_without_a_baseline), CASE(reinforce_learns_the_values_of_corridors),
          CASE(reinforce_stops_the_pendulum), CASE(reinforce_turns_where_it_is_shown),
          CASE(reinforce_ends_at_an_equilibrium))
