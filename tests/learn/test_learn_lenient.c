/* Lenient deep Q-learning: temperatures and leniencies number by number, and where the optimism leads. */
#include "algos/families/independent_q.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_lenient;

static const real *kept(const drive *d, const char *name) {
    const fm_kept *item = fm_keep_find(&d->keep, name);
    EXPECT_MSG(item != NULL, "%s is not kept", name);
    return item ? item->data : NULL;
}

/* One-shot episodes: every play of an action multiplies its temperature by exp(rho), and what was stored with
 * the play is the leniency of the temperature before it. */
TEST(temperatures_fall_with_every_play) {
    drive d;
    drive_begin(&d, &algo_lenient, "escape", "",
                "buckets=1 rho=-0.1 mu=1 K=1.5 temperature=2 lr=0 batch_size=8 learning_starts=8 "
                "epsilon=1 epsilon_decay=1",
                1, 50, 1);
    drive_run(&d, 50);
    const real *actions = kept(&d, "replay.actions"), *leniency = kept(&d, "replay.leniency.1");
    const real *temperature = kept(&d, "temperature.1");
    double expected[3] = {2, 2, 2};
    for (int k = 0; k < 50; k++) {
        int action = (int)actions[2 * k + 1];
        EXPECT_NEAR(leniency[k], 1 - exp(-1.5 * expected[action]), 1e-5);
        expected[action] *= exp(-0.1);
    }
    for (int a = 0; a < 3; a++) EXPECT_NEAR(temperature[a], expected[a], 1e-5);
    drive_end(&d);
}

/* Two steps and one bucket. Of the first step: folded with the mean of the next observation's temperatures
 * (which the last step's decay has just changed); decayed by exp(rho d). The ceiling falls by mu per
 * episode. */
TEST(decay_runs_backwards_and_folds) {
    drive d;
    drive_open(&d, &algo_lenient, &TOY_ENV, NULL, "length=2 agents=1",
               "buckets=1 rho=-0.5 d=0.5 mu=0.5 upsilon=0.25 temperature=1 lr=0 batch_size=8 "
               "learning_starts=8 epsilon=1 epsilon_decay=1");
    drive_start(&d, 1, 50, 2);
    drive_run(&d, 4);
    const real *actions = kept(&d, "replay.actions"), *temperature = kept(&d, "temperature.0");
    double T[3] = {1, 1, 1}, ceiling = 1;
    for (int episode = 0; episode < 2; episode++, ceiling *= 0.5) {
        int first = (int)actions[2 * episode], last = (int)actions[2 * episode + 1];
        T[last] = fmin(ceiling, exp(-0.5) * T[last]);
        T[first] = fmin(ceiling, exp(-0.25) * (0.75 * T[first] + 0.25 * (T[0] + T[1] + T[2]) / 3));
    }
    for (int a = 0; a < 3; a++) EXPECT_NEAR(temperature[a], T[a], 1e-6);
    drive_end(&d);
}

/* The value of B to the row player of Maintain under uniform play, with leniency held at 0.75. */
static double value_of(const char *settings) {
    char all[256];
    drive d;
    double values[2];
    real actions[2] = {1, 1};
    snprintf(all, sizeof all, "epsilon=1 epsilon_decay=1 hidden=16 K=1.386294361 decay_after=1e9 %s",
             settings);
    drive_begin(&d, &algo_lenient, "maintain", "", all, 1, 4000, 7);
    drive_run(&d, 4000);
    env_view view = drive_view(&d);
    algo_lenient.values(d.learner, &view, actions, values);
    drive_end(&d);
    return values[0];
}

/* It pays 30, 10 or 0: (30 - q) = 0.25 ((q - 10) + q) gives 65/3, whether the quarter is a chance or a
 * weight. Without leniency it is the mean. */
TEST(leniency_is_optimism) {
    EXPECT_NEAR(value_of("forgive=draw"), 65.0 / 3, 1.5);
    EXPECT_NEAR(value_of("forgive=weight"), 65.0 / 3, 1);
    EXPECT_NEAR(value_of("K=0"), 40.0 / 3, 1);
}

/* All of 4 seeds: Escape's best cell. */
TEST(escape) {
    for (uint64_t seed = 0; seed < 4; seed++) {
        drive d;
        real actions[DRIVE_ACTIONS];
        drive_begin(&d, &algo_lenient, "escape", "", "hidden=16 batch_size=64", 1, 5000, seed);
        drive_run(&d, 5000);
        drive_greedy(&d, actions);
        EXPECT(actions[0] == 2 && actions[1] == 2);
        drive_end(&d);
    }
}

TEST_MAIN(CASE(temperatures_fall_with_every_play), CASE(decay_runs_backwards_and_folds),
          CASE(leniency_is_optimism), CASE(escape))
