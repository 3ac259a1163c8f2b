/* Hysteretic deep Q-learning: the weighting by itself, and where its optimism leads. */
#include "algos/families/independent_q.h"
#include "tests/drive.h"
#include "tests/test.h"

extern const algo_type algo_hysteretic;

static void expect_loss(independent_q_weigh weigh, algo_loss penalty, double loss, double up, double down) {
    real delta[2] = {2, (real)-0.5};
    ad_tape *t = ad_tape_new();
    ad_var leaf = ad_leaf(t, 2, 1, delta, "delta"), g;
    ad_var value = independent_q_forgiving_loss(leaf, AD_NONE, ad_fill(t, 1, 1, 0.75), weigh, penalty);
    ad_grad(value, &leaf, 1, &g);
    EXPECT_NEAR(ad_scalar(value), loss, 1e-6);
    EXPECT_NEAR(ad_value(g)[0], up, 1e-6);
    EXPECT_NEAR(ad_value(g)[1], down, 1e-6);
    ad_tape_free(t);
}

/* Errors 2 and -0.5, of which the negative one counts a quarter: in its gradient, or in the error itself,
 * which makes a sixteenth of a squared penalty's gradient. */
TEST(negative_errors_count_less) {
    expect_loss(INDEPENDENT_Q_WEIGH_GRADIENT, ALGO_MSE, (4 + 0.25 * 0.25) / 2, 2, -0.5 * 0.25);
    expect_loss(INDEPENDENT_Q_WEIGH_ERROR, ALGO_MSE, (4 + 0.015625) / 2, 2, -0.5 * 0.0625);
    expect_loss(INDEPENDENT_Q_WEIGH_GRADIENT, ALGO_HUBER, (1.5 + 0.125 * 0.25) / 2, 0.5, -0.25 * 0.25);
}

static double value_of(const char *settings, real action) {
    drive d;
    double values[2];
    real actions[2] = {action, action};
    drive_begin(&d, &algo_hysteretic, "maintain", "", settings, 1, 4000, 7);
    drive_run(&d, 4000);
    env_view view = drive_view(&d);
    algo_hysteretic.values(d.learner, &view, actions, values);
    drive_end(&d);
    return values[0];
}

/* Under uniform play the row player's B pays 30, 10 or 0. beta = 1 finds the mean, 40/3; beta = 0.25 the
 * point where the positive errors weigh up the negative ones: (30 - q) = 0.25 ((q - 10) + q), q = 65/3. */
TEST(optimism_is_the_expectile) {
    EXPECT_NEAR(value_of("epsilon=1 epsilon_decay=1 hidden=16 beta=1", 1), 40.0 / 3, 1);
    EXPECT_NEAR(value_of("epsilon=1 epsilon_decay=1 hidden=16 beta=0.25", 1), 65.0 / 3, 1);
}

/* All of 4 seeds: Escape's best cell. */
TEST(escape) {
    for (uint64_t seed = 0; seed < 4; seed++) {
        drive d;
        real actions[DRIVE_ACTIONS];
        drive_begin(&d, &algo_hysteretic, "escape", "", "hidden=16 batch_size=64", 1, 5000, seed);
        drive_run(&d, 5000);
        drive_greedy(&d, actions);
        EXPECT(actions[0] == 2 && actions[1] == 2);
        drive_end(&d);
    }
}

TEST_MAIN(CASE(negative_errors_count_less), CASE(optimism_is_the_expectile), CASE(escape))
