/* test_learn_ppo.c: what PPO and its kin learn by their defaults, on seeds and to thresholds that are stated
 * here. */
#include "algos/families/ppo.h"

#include "envs/games/bimatrix.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_ppo, algo_ippo, algo_mappo, algo_happo;

/* Return of 100 greedy episodes. */
static double learned(const algo_type *algo, const char *world, int64_t steps, uint64_t seed) {
    drive d;
    double returns[4];
    drive_begin(&d, algo, world, "", "", 1, steps, seed);
    drive_run(&d, steps);
    drive_play(&d, 100, returns);
    drive_end(&d);
    return returns[0];
}

TEST(ppo_balances_the_pole) {
    for (uint64_t seed = 0; seed < 2; seed++) {
        double mean = learned(&algo_ppo, "cartpole", 150000, seed);
        EXPECT_MSG(mean >= 475, "seed %d: %g", (int)seed, mean);
    }
}

TEST(ppo_swings_the_pendulum_up) {
    double mean = learned(&algo_ppo, "pendulum", 300000, 0);
    EXPECT_MSG(mean >= -200, "%g", mean);
}

/* Agents that climb Penalty at once flee its penalties, and meet at the safe equilibrium for every k < 0; for
 * k = 0 at the best one [STEP, Fig. 5]. */
TEST(ppo_kin_meet_at_the_safe_equilibrium) {
    static const algo_type *const KIN[] = {&algo_ippo, &algo_mappo, &algo_happo};
    for (size_t a = 0; a < 3; a++)
        for (uint64_t seed = 0; seed < 3; seed++) {
            drive d;
            real joint[2];
            const char *k = seed < 2 ? "k=-100" : "k=0";
            drive_begin(&d, KIN[a], "penalty", k, "", 4, 10000, seed);
            drive_run(&d, 10000);
            drive_greedy(&d, joint);
            int row = seed < 2 ? 1 : 0, col = seed < 2 ? 1 : 2;
            EXPECT_MSG((int)joint[0] == row && (int)joint[1] == col, "%s, %s, seed %d: a%d, b%d",
                       KIN[a]->name, k, (int)seed, (int)joint[0] + 1, (int)joint[1] + 1);
            drive_end(&d);
        }
}

/* The value of each step of a corridor in which both earn 1 a step; of a shared critic, of one that sees all,
 * in units of the returns' deviation. */
static void expect_values(const algo_type *algo, const char *settings) {
    drive d;
    drive_open(&d, algo, &TOY_ENV, "", "length=4", settings);
    drive_start(&d, 4, 40000, 1);
    drive_run(&d, 40000);
    const actor_critic *ac = d.learner;
    const algo_rollout *r = &ac->rollout;
    for (size_t slot = 0; slot < r->slots; slot++)
        for (size_t i = 0; i < 2; i++) {
            int step = 0;
            for (int k = 0; k < 4; k++)
                if (r->obs[slot * (size_t)d.game.facts.obs_total + (size_t)k] > (real)0.5) step = k;
            const nn_value_norm *units = &ac->policy[ac->policy_of[i]].value_norm;
            double value =
                nn_value_norm_mean(units) + nn_value_norm_deviation(units) * (double)r->value[slot * 2 + i];
            EXPECT_NEAR(value, (1 - pow(0.9, 4 - step)) / (1 - 0.9), 0.1);
        }
    drive_end(&d);
}

TEST(ppo_critics_learn_values) {
#define CORRIDOR "gamma=0.9 n_steps=200 batch_size=100 "
    expect_values(&algo_ippo, CORRIDOR);
    expect_values(&algo_mappo, CORRIDOR "share_policy=true");
    expect_values(&algo_happo, CORRIDOR "layer_norm=false");
}

TEST_MAIN(CASE(ppo_balances_the_pole), CASE(ppo_swings_the_pendulum_up),
          CASE(ppo_kin_meet_at_the_safe_equilibrium), CASE(ppo_critics_learn_values))
