/* MADDPG: its targets number by number, the corridor's values, the Cournot-Nash point, and Nash cells. */
#include "algos/families/centralised.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_maddpg;

#define SMOOTH                                                                                               \
    "batch_size=64 hidden=16,16 actor_hidden=8 activation=tanh critic_lr=0.003 actor_lr=0.002 "              \
    "buffer_size=5000"

static double corridor_value(const char *env_settings) {
    drive d;
    double values[2];
    real actions[2] = {0, 0};
    drive_open(&d, &algo_maddpg, &TOY_ENV, NULL, env_settings,
               "gamma=0.9 hidden=16 actor_hidden=8 batch_size=32 critic_lr=0.005 tau=0.05 buffer_size=2000");
    drive_start(&d, 4, 8000, 5);
    drive_run(&d, 8000);
    env_view view = drive_view(&d);
    algo_maddpg.values(d.learner, &view, actions, values);
    drive_end(&d);
    return values[0];
}

/* Discount 0.9: 1 + 0.9 + 0.81 + 0.729 where the fourth step terminates, 10 where it only cuts. */
TEST(terminated_is_not_truncated) {
    EXPECT_NEAR(corridor_value(""), 3.439, 0.15);
    EXPECT_NEAR(corridor_value("box=true"), 3.439, 0.15);
    EXPECT_NEAR(corridor_value("masks=true"), 3.439, 0.15);
    EXPECT_NEAR(corridor_value("cut=true seen=false"), 10, 0.4);
}

/* A linear target critic that reads agent 1's action alone: Q'(x', a') = 3 a'_1 + 2 (a box), and target
 * actors that give atanh(0.5) whatever they see: y = 1 + 0.5 (1.5 + 2), or 1 where the episode terminated. */
TEST(targets_ask_all_target_actors) {
    drive d;
    drive_open(&d, &algo_maddpg, &TOY_ENV, NULL, "box=true",
               "gamma=0.5 hidden=none actor_hidden=none critic_lr=0 actor_lr=0 tau=0 batch_size=64 "
               "buffer_size=64 learning_starts=63");
    drive_start(&d, 1, 100, 1);
    centralised *c = d.learner;
    for (int i = 0; i < 2; i++) {
        algo_net *critic = &c->agent[i].critic[0], *actor = &c->agent[i].actor;
        memset(critic->target, 0, critic->params.n * sizeof(real));
        memset(actor->target, 0, actor->params.n * sizeof(real));
        critic->target[critic->params.entries[critic->mlp.weight[0]].at + critic->mlp.in - 1] = 3;
        critic->target[critic->params.entries[critic->mlp.bias[0]].at] = 2;
        actor->target[actor->params.entries[actor->mlp.bias[0]].at] = (real)atanh(0.5);
    }
    drive_run(&d, 64);
    for (int i = 0; i < 2; i++)
        for (size_t b = 0; b < 64; b++)
            EXPECT_NEAR(c->agent[i].td_target[b], c->batch.drawn[b] % 4 == 3 ? 1 : 1 + 0.5 * 3.5, 1e-5);
    drive_end(&d);
}

/* Both choose at once, so simultaneous learners find the Cournot-Nash quantities (4, 4), not (6, 3): within
 * 2 %, on each of 3 seeds. */
TEST(duopoly_cournot) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        drive d;
        real actions[2];
        drive_begin(&d, &algo_maddpg, "duopoly", "", SMOOTH, 1, 15000, seed);
        drive_run(&d, 15000);
        drive_greedy(&d, actions);
        EXPECT_NEAR(actions[0], 4, 0.08);
        EXPECT_NEAR(actions[1], 4, 0.08);
        drive_end(&d);
    }
}

static bool is_nash(const char *game, const char *settings, uint64_t seed) {
    drive d;
    real actions[2];
    bool found = false;
    drive_begin(&d, &algo_maddpg, game, "", settings, 1, 6000, seed);
    drive_run(&d, 6000);
    drive_greedy(&d, actions);
    const env_facts *facts = &d.game.facts;
    for (int k = 0; k < facts->solutions; k++)
        found = found ||
                (strcmp(facts->solution[k].concept, "nash") == 0 &&
                 facts->solution[k].action[0] == actions[0] && facts->solution[k].action[1] == actions[1]);
    env_view view = drive_view(&d);
    double sum[2] = {0, 0}, part[2];
    for (int a = 0; a < 3; a++) {
        actions[0] = actions[1] = (real)a;
        algo_maddpg.probabilities(d.learner, &view, actions, part);
        for (int i = 0; i < 2; i++) sum[i] += part[i];
    }
    EXPECT_NEAR(sum[0], 1, 1e-6);
    EXPECT_NEAR(sum[1], 1, 1e-6);
    drive_end(&d);
    return found;
}

/* All of 3 seeds each. */
TEST(nash_cells) {
    for (uint64_t seed = 0; seed < 3; seed++) {
        EXPECT(is_nash("maintain", "hidden=16 actor_hidden=8 batch_size=64 relaxation=expectation", seed));
        EXPECT(is_nash("escape", "hidden=16 actor_hidden=8 batch_size=64", seed));
        EXPECT(is_nash("escape", "hidden=16 actor_hidden=8 batch_size=64 relaxation=straight", seed));
    }
}

TEST_MAIN(CASE(targets_ask_all_target_actors), CASE(terminated_is_not_truncated), CASE(duopoly_cournot),
          CASE(nash_cells))
