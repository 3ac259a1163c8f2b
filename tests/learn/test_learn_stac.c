/* AC and STAC with their defaults: they balance the pole for its whole episode, and their
 * baselines learn the corridor's values. */
#include "algos/families/actor_critic.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_ac, algo_stac;

/* 500 is the most; a policy that chooses at random earns 22. Seeds 1000 to 1005 earn 486 to 500. */
static void expect_balance(const algo_type *algo) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        drive d;
        double value;
        drive_begin(&d, algo, "cartpole", "", "", 1, 100000, 2000 + seed);
        drive_run(&d, 100000);
        drive_play(&d, 20, &value);
        EXPECT_MSG(value >= 450, "%s, seed %llu: %g", algo->name, (unsigned long long)(2000 + seed), value);
        drive_end(&d);
    }
}

TEST(ac_balances_the_pole) { expect_balance(&algo_ac); }
TEST(stac_balances_the_pole) { expect_balance(&algo_stac); }

/* V(step) = (1 - g^(4 - step)) / (1 - g), as it was noted in the last rollout. */
static void expect_values(const algo_type *algo) {
    drive d;
    drive_open(&d, algo, &TOY_ENV, NULL, "", "gamma=0.9 n_steps=64");
    drive_start(&d, 2, 6400, 7);
    drive_run(&d, 6400);
    const actor_critic *ac = d.learner;
    const algo_rollout *r = &ac->rollout;
    for (size_t slot = 0; slot < r->slots; slot++)
        for (size_t i = 0; i < 2; i++) {
            double step = (double)(slot / 2 % 4);
            EXPECT_NEAR(r->value[slot * 2 + i], (1 - pow(0.9, 4 - step)) / (1 - 0.9), 0.05);
        }
    EXPECT(drive_metric(&d, "explained_variance_0") > 0.99);
    drive_end(&d);
}

TEST(baselines_learn_the_corridors_values) {
    expect_values(&algo_ac);
    expect_values(&algo_stac);
}

TEST_MAIN(CASE(ac_balances_the_pole), CASE(stac_balances_the_pole),
          CASE(baselines_learn_the_corridors_values))
