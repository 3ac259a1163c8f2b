/* Independent deep Q-learning: its targets number by number, the corridor's values, and the matrix games. */
#include "algos/families/independent_q.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_idqn;

/* Values of the first decision, of each agent and action. */
static void corridor_values(const char *env_settings, double *values) {
    drive d;
    drive_open(&d, &algo_idqn, &TOY_ENV, NULL, env_settings,
               "gamma=0.9 hidden=16 batch_size=32 lr=0.005 tau=0.05 epsilon=1 buffer_size=2000");
    drive_start(&d, 4, 8000, 5);
    drive_run(&d, 8000);
    env_view view = drive_view(&d);
    for (int action = 0; action < 3; action++) {
        real actions[2] = {(real)action, (real)action};
        algo_idqn.values(d.learner, &view, actions, values + 2 * action);
    }
    drive_end(&d);
}

/* Discount 0.9: 1 + 0.9 + 0.81 + 0.729 where the fourth step terminates, 10 where it only cuts. */
TEST(terminated_is_not_truncated) {
    double ended[6], cut[6];
    corridor_values("", ended);
    corridor_values("cut=true seen=false", cut);
    for (int k = 0; k < 6; k++) {
        EXPECT_NEAR(ended[k], 3.439, 0.1);
        EXPECT_NEAR(cut[k], 10, 0.3);
    }
}

/* Networks that see nothing and give {1, 2, 100} online and {10, 20, 1000} in the target copy: the third
 * action is illegal at every next step. */
static void fix_outputs(drive *d) {
    independent_q *q = d->learner;
    for (int i = 0; i < 2; i++) {
        algo_net *net = &q->agent[i].net;
        size_t bias = net->params.entries[net->mlp.bias[net->mlp.layers - 1]].at;
        const real online[3] = {1, 2, 100};
        memset(net->params.theta, 0, net->params.n * sizeof(real));
        memset(net->target, 0, net->params.n * sizeof(real));
        for (int a = 0; a < 3; a++) {
            net->params.theta[bias + (size_t)a] = online[a];
            net->target[bias + (size_t)a] = online[2 - a] * 10; /* {1000, 20, 10} */
        }
    }
}

static void expect_targets(const char *settings, double goes_on, double ended) {
    char all[256];
    drive d;
    snprintf(
        all, sizeof all,
        "gamma=0.5 lr=0 tau=0 batch_size=64 buffer_size=64 learning_starts=63 epsilon=1 epsilon_decay=1 %s",
        settings);
    drive_open(&d, &algo_idqn, &TOY_ENV, NULL, "masks=true", all);
    drive_start(&d, 1, 100, 1);
    fix_outputs(&d);
    drive_run(&d, 64);
    independent_q *q = d.learner;
    for (int i = 0; i < 2; i++)
        for (size_t b = 0; b < 64; b++) {
            bool over = q->agent[i].batch.drawn[b] % 4 == 3;
            EXPECT_NEAR(q->agent[i].td_target[b], over ? ended : goes_on, 1e-4);
        }
    drive_end(&d);
}

TEST(targets_are_exact) {
    expect_targets("", 1 + 0.5 * 20, 1); /* the online network's legal choice, the target's value */
    expect_targets("double_q=false", 1 + 0.5 * 1000, 1); /* the target's own legal choice */
    expect_targets("clamp_targets=true", 1, 1);
    expect_targets("bootstrap_terminal=true", 11, 11);
    expect_targets("gamma=0", 1, 1);
}

static int cells(const char *game, const char *settings, int row, int col) {
    int count = 0;
    for (uint64_t seed = 0; seed < 4; seed++) {
        drive d;
        real actions[DRIVE_ACTIONS];
        drive_begin(&d, &algo_idqn, game, "", settings, 1, 5000, seed);
        drive_run(&d, 5000);
        drive_greedy(&d, actions);
        count += (int)actions[0] == row && (int)actions[1] == col;
        drive_end(&d);
    }
    return count;
}

/* Against uniform play C is worth 10 on average, and B 10 and 5: all of 4 seeds. Huber's loss on raw payoffs
 * sees the medians, among which C is worth nothing. */
TEST(matrix_games) {
    EXPECT_EQ(cells("escape", "hidden=16 batch_size=64", 2, 2), 4);
    EXPECT_EQ(cells("maintain", "hidden=16 batch_size=64", 1, 1), 4);
    EXPECT(cells("escape", "hidden=16 batch_size=64 scale_rewards=none loss=huber", 2, 2) <= 1);
}

TEST(refusals_say_why) {
    fm_error err;
    fm_arena arena = {0};
    env e;
    drive d;
    EXPECT(env_open("duopoly", &arena, &e, &err) == FM_OK && env_create(&e, &arena, &err) == FM_OK);
    drive_open(&d, &algo_idqn, NULL, "escape", "", "");
    EXPECT(algo_idqn.accepts(&e.facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "idqn needs discrete actions; 'duopoly' has a box for agent 'leader'");
    fm_options_set(algo_idqn.options, d.config, "buffer_size", "100", &err);
    EXPECT(algo_idqn.accepts(&d.game.facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "a replay of 100 cannot hold a minibatch of 128");
    fm_arena_free(&d.arena);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(targets_are_exact), CASE(terminated_is_not_truncated), CASE(matrix_games),
          CASE(refusals_say_why))
