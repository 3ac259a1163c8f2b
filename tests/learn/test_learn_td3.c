/* TD3: minimum, smoothing, delay and the noise of its play by themselves; then the known optimum of a swing
 * for one agent, the Cournot-Nash point and Nash cells for two. */
#include "algos/families/centralised.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"
#include "tests/toy_swing.h"

extern const algo_type algo_td3;

#define SMOOTH                                                                                               \
    "batch_size=64 hidden=16,16 actor_hidden=8 activation=tanh critic_lr=0.003 actor_lr=0.002 "              \
    "buffer_size=5000"

/* Critics and their target copies that give two constants, 8 and 6; learning rates and targets' steps of
 * zero. `target` and `judge` are those in y and in the actor's loss. */
static void expect_critics(const char *settings, double target, double judge) {
    char all[256];
    drive d;
    snprintf(
        all, sizeof all,
        "gamma=0.5 hidden=8 critic_lr=0 actor_lr=0 tau=0 batch_size=64 buffer_size=64 learning_starts=63 "
        "policy_delay=1 logit_l2=0 %s",
        settings);
    drive_open(&d, &algo_td3, &TOY_ENV, NULL, "", all);
    drive_start(&d, 1, 100, 1);
    centralised *c = d.learner;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++) {
            algo_net *critic = &c->agent[i].critic[k];
            size_t bias = critic->params.entries[critic->mlp.bias[1]].at;
            memset(critic->params.theta, 0, critic->params.n * sizeof(real));
            memset(critic->target, 0, critic->params.n * sizeof(real));
            critic->params.theta[bias] = critic->target[bias] = k == 0 ? 8 : 6;
        }
    drive_run(&d, 64);
    for (int i = 0; i < 2; i++)
        for (size_t b = 0; b < 64; b++)
            EXPECT_NEAR(c->agent[i].td_target[b], c->batch.drawn[b] % 4 == 3 ? 1 : 1 + 0.5 * target, 1e-5);
    EXPECT_NEAR(drive_metric(&d, "actor_loss_1"), -judge, 1e-5);
    drive_end(&d);
}

TEST(target_takes_the_smaller_critic) {
    expect_critics("", 6, 8);
    expect_critics("swap_critics=true", 8, 6);
}

/* Q' is agent 1's target action: mu' = tanh(atanh 0.9) plus noise that is nearly always beyond its clip of
 * 0.25, so that y is 1 + 0.5 (0.9 - 0.25) or 1 + 0.5 min(1, 0.9 + 0.25). */
TEST(target_actions_are_smoothed_and_clipped) {
    drive d;
    drive_open(&d, &algo_td3, &TOY_ENV, NULL, "box=true cut=true",
               "gamma=0.5 hidden=none actor_hidden=none critic_lr=0 actor_lr=0 tau=0 batch_size=64 "
               "buffer_size=64 learning_starts=63 "
               "target_policy_noise=10 "
               "target_noise_clip=0.25");
    drive_start(&d, 1, 100, 1);
    centralised *c = d.learner;
    for (int i = 0; i < 2; i++) {
        algo_net *actor = &c->agent[i].actor;
        memset(actor->target, 0, actor->params.n * sizeof(real));
        actor->target[actor->params.entries[actor->mlp.bias[0]].at] = (real)atanh(0.9);
        for (int k = 0; k < 2; k++) {
            algo_net *critic = &c->agent[i].critic[k];
            memset(critic->target, 0, critic->params.n * sizeof(real));
            critic->target[critic->params.entries[critic->mlp.weight[0]].at + critic->mlp.in - 1] = 1;
        }
    }
    drive_run(&d, 64);
    int low = 0, high = 0;
    for (size_t b = 0; b < 64; b++) {
        double y = (double)c->agent[0].td_target[b];
        EXPECT(y > 1 + 0.5 * 0.65 - 1e-5 && y < 1.5 + 1e-5);
        low += fabs(y - (1 + 0.5 * 0.65)) < 1e-5;
        high += fabs(y - 1.5) < 1e-5;
    }
    EXPECT_MSG(low >= 15 && high >= 15 && low + high >= 55, "%d low, %d high", low, high);
    drive_end(&d);
}

/* Actors and targets move at every third step of the critics, which move at each. */
TEST(actors_are_delayed) {
    drive d;
    real before[3];
    drive_begin(&d, &algo_td3, "escape", "",
                "hidden=8 actor_hidden=8 batch_size=16 learning_starts=15 policy_delay=3 tau=0.5", 1, 100, 1);
    drive_run(&d, 15);
    centralised *c = d.learner;
    const algo_net *critic = &c->agent[1].critic[1], *actor = &c->agent[1].actor;
    EXPECT_EQ(c->cadence.updates, 0);
    for (int step = 1; step <= 9; step++) {
        /* The bias of the last layer: always has a gradient. */
        const real *at[3] = {critic->params.theta + critic->params.entries[critic->mlp.bias[1]].at,
                             actor->params.theta + actor->params.entries[actor->mlp.bias[1]].at,
                             critic->target + critic->params.entries[critic->mlp.bias[1]].at};
        for (int k = 0; k < 3; k++) before[k] = *at[k];
        drive_run(&d, 1);
        EXPECT(*at[0] != before[0]);
        EXPECT((*at[1] != before[1]) == (step % 3 == 0));
        EXPECT((*at[2] != before[2]) == (step % 3 == 0));
    }
    EXPECT_EQ(c->cadence.updates, 9);
    drive_end(&d);
}

/* A box from -2 to 4 whose actors say 0, its middle 1: training adds normal noise of 0.3 half ranges, a
 * sample and greedy play are the policy itself. */
TEST(noise_is_in_half_ranges) {
    enum { DRAWS = 20000 };
    drive d;
    real action;
    double sum = 0, square = 0;
    drive_open(&d, &algo_td3, &TOY_ENV, NULL, "box=true agents=1", "learning_starts=0 train_freq=1e9");
    drive_start(&d, 1, 1000, 1);
    algo_net *actor = &((centralised *)d.learner)->agent[0].actor;
    memset(actor->params.theta, 0, actor->params.n * sizeof(real));
    env_view view = drive_view(&d);
    fm_rng before = d.stage.rng[0];
    for (int mode = ALGO_SAMPLE; mode <= ALGO_GREEDY; mode++) {
        algo_td3.act(d.learner, &view, (algo_mode)mode, d.stage.rng, NULL, &action);
        EXPECT_NEAR(action, 1, 1e-6);
    }
    EXPECT(memcmp(&before, &d.stage.rng[0], sizeof before) == 0);
    for (int k = 0; k < DRAWS; k++) {
        algo_td3.act(d.learner, &view, ALGO_TRAIN, d.stage.rng, NULL, &action);
        EXPECT(action >= -2 && action <= 4);
        sum += (double)action / DRAWS;
        square += ((double)action - 1) * ((double)action - 1) / DRAWS;
    }
    EXPECT_NEAR(sum, 1, 4.5 * 0.9 / sqrt(DRAWS));
    EXPECT_NEAR(sqrt(square), 0.9, 0.02);
    drive_end(&d);
}

/* The best policy returns -3.74, one that never pushes -33.65: within 0.5 of the best, on each of 2 seeds. */
TEST(one_agent_stops_the_swing) {
    for (uint64_t seed = 0; seed < 2; seed++) {
        drive d;
        double value;
        drive_open(&d, &algo_td3, &TOY_SWING, NULL, "",
                   "gamma=0.95 scale_rewards=none loss=huber activation=tanh hidden=64,64 critic_lr=0.001 "
                   "max_grad_norm=0 batch_size=64 action_noise=0.2 action_noise_final=1");
        drive_start(&d, 1, 8000, seed);
        drive_run(&d, 8000);
        drive_play(&d, 100, &value);
        EXPECT_MSG(value > TOY_SWING_OPTIMUM - 0.5, "seed %d: return %g", (int)seed, value);
        drive_end(&d);
    }
}

/* Simultaneous learners: (4, 4), not (6, 3). Within 2 %, on each of 3 seeds. */
TEST(duopoly_cournot) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        drive d;
        real actions[2];
        drive_begin(&d, &algo_td3, "duopoly", "", SMOOTH, 1, 15000, seed);
        drive_run(&d, 15000);
        drive_greedy(&d, actions);
        EXPECT_NEAR(actions[0], 4, 0.08);
        EXPECT_NEAR(actions[1], 4, 0.08);
        drive_end(&d);
    }
}

/* All of 3 seeds: Escape's C-Z, Maintain's B-Y. */
TEST(nash_cells) {
    for (uint64_t seed = 0; seed < 3; seed++)
        for (int game = 0; game < 2; game++) {
            drive d;
            real actions[2];
            drive_begin(&d, &algo_td3, game ? "maintain" : "escape", "",
                        game ? "hidden=16 actor_hidden=8 batch_size=64 policy_delay=1 relaxation=expectation"
                             : "batch_size=64 policy_delay=1",
                        1, 6000, seed);
            drive_run(&d, 6000);
            drive_greedy(&d, actions);
            EXPECT_EQ(actions[0], game ? 1 : 2);
            EXPECT_EQ(actions[1], game ? 1 : 2);
            drive_end(&d);
        }
}

TEST_MAIN(CASE(target_takes_the_smaller_critic), CASE(target_actions_are_smoothed_and_clipped),
          CASE(actors_are_delayed), CASE(noise_is_in_half_ranges), CASE(one_agent_stops_the_swing),
          CASE(duopoly_cournot), CASE(nash_cells))
