/* DDPG and SAC on the pendulum, seeds 100 and 101, and their versions with a leader, seed 100: greedy returns
 * of 20 episodes after 6,000 decisions, STSAC's after 8,000. Gauss-Newton leaders stop a pendulum whose best
 * policy is known. */
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_swing.h"

extern const algo_type algo_ddpg, algo_sac, algo_stddpg, algo_stsac;

/* Playing at random gives about -1200, hanging still the same; the best play -150. */
static void expect_swing(const algo_type *algo, const char *settings, int seeds, int64_t steps,
                         double least) {
    for (uint64_t seed = 100; seed < 100 + (uint64_t)seeds; seed++) {
        drive d;
        double reached;
        drive_begin(&d, algo, "pendulum", "", settings, 1, steps, seed);
        drive_run(&d, steps);
        drive_play(&d, 20, &reached);
        EXPECT_MSG(reached >= least, "%s, seed %d: %g", algo->name, (int)seed, reached);
        drive_end(&d);
    }
}

#define SMALL "hidden=32,32 batch_size=64 learning_starts=500 actor_lr=0.003 critic_lr=0.003 "

TEST(sac_swings_the_pendulum_up) { expect_swing(&algo_sac, SMALL, 2, 6000, -250); }
TEST(ddpg_swings_the_pendulum_up) { expect_swing(&algo_ddpg, SMALL, 2, 6000, -250); }

TEST(stddpg_swings_the_pendulum_up) {
    expect_swing(&algo_stddpg, SMALL "leader=actor", 1, 6000, -250);
    expect_swing(&algo_stddpg, SMALL "leader=critic", 1, 6000, -250);
}

TEST(stsac_swings_the_pendulum_up) {
    expect_swing(&algo_stsac, SMALL "leader=actor", 1, 8000, -250);
    expect_swing(&algo_stsac, SMALL "leader=critic", 1, 8000, -250);
}

/* The best policy gets -3.7, one that never pushes -34. */
TEST(gauss_newton_leaders_stop_the_swing) {
    static const algo_type *const ALGOS[] = {&algo_stddpg, &algo_stsac};
    for (int k = 0; k < 2; k++) {
        drive d;
        double reached;
        drive_open(&d, ALGOS[k], &TOY_SWING, NULL, "",
                   "hidden=32,32 batch_size=64 learning_starts=1000 actor_lr=0.001 critic_lr=0.003 "
                   "gamma=0.95 tau=0.02 curvature=gauss_newton damping=1");
        drive_start(&d, 1, 4000, 100);
        drive_run(&d, 4000);
        drive_play(&d, 200, &reached);
        EXPECT_MSG(reached >= -10, "%s: %g", ALGOS[k]->name, reached);
        drive_end(&d);
    }
}

TEST_MAIN(CASE(sac_swings_the_pendulum_up), CASE(ddpg_swings_the_pendulum_up),
          CASE(stddpg_swings_the_pendulum_up), CASE(stsac_swings_the_pendulum_up),
          CASE(gauss_newton_leaders_stop_the_swing))
