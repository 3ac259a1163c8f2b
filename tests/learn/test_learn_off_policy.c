/* DDPG and SAC on the pendulum: greedy returns of 20 episodes. Seeds 100 and 101, each. */
#include "tests/drive.h"
#include "tests/test.h"

extern const algo_type algo_ddpg, algo_sac;

/* Playing at random gives about -1200, hanging still the same; the best play -150. */
static void expect_swing(const algo_type *algo, const char *settings, int64_t steps, double least) {
    for (uint64_t seed = 100; seed < 102; seed++) {
        drive d;
        double reached;
        drive_begin(&d, algo, "pendulum", "", settings, 1, steps, seed);
        drive_run(&d, steps);
        drive_play(&d, 20, &reached);
        EXPECT_MSG(reached >= least, "%s, seed %d: %g", algo->name, (int)seed, reached);
        drive_end(&d);
    }
}

#define SMALL "hidden=32,32 batch_size=64 learning_starts=500 "

TEST(sac_swings_the_pendulum_up) {
    expect_swing(&algo_sac, SMALL "actor_lr=0.003 critic_lr=0.003", 6000, -250);
}

TEST(ddpg_swings_the_pendulum_up) {
    expect_swing(&algo_ddpg, SMALL "actor_lr=0.003 critic_lr=0.003", 6000, -250);
}

TEST_MAIN(CASE(sac_swings_the_pendulum_up), CASE(ddpg_swings_the_pendulum_up))
