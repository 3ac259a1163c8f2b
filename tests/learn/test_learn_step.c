/* test_learn_step.c: what STEP learns by its defaults, on seeds and to thresholds that are stated here. */
#include "algos/families/ppo.h"

#include "tests/drive.h"
#include "tests/test.h"

extern const algo_type algo_n_level;

/* Of `seeds` seeds from 2000 on, how many play that joint action greedily after 10,000 decisions. */
static int at_cell(const char *game, const char *world, const char *settings, int row, int col, int seeds) {
    int hits = 0;
    for (int seed = 0; seed < seeds; seed++) {
        drive d;
        real joint[2];
        drive_begin(&d, &algo_n_level, game, world, settings, 4, 10000, 2000 + (uint64_t)seed);
        drive_run(&d, 10000);
        drive_greedy(&d, joint);
        hits += (int)joint[0] == row && (int)joint[1] == col;
        drive_end(&d);
    }
    return hits;
}

/* a1-b3, beside the largest penalty, whatever the constant that is observed; one that is not taken away makes
 * the leader fast, and it flees (algos/step.c). */
TEST(step_climbs_penalty) {
    EXPECT_EQ(at_cell("penalty", "k=-100 obs=0", "", 0, 2, 6), 6);
    EXPECT_EQ(at_cell("penalty", "k=-100 obs=1", "", 0, 2, 6), 6);
    EXPECT_EQ(at_cell("penalty", "k=-25", "", 0, 2, 2), 2);
    EXPECT(at_cell("penalty", "k=-100 obs=1", "normalize_obs=false n_epochs=5", 0, 2, 12) < 12);
}

/* a1-b1 when the row player leads; a1-b3 when the column player does. */
TEST(step_finds_who_leads_in_mixing) {
    EXPECT_EQ(at_cell("mixing", "", "", 0, 0, 3), 3);
    EXPECT_EQ(at_cell("mixing", "", "order=1,0", 0, 2, 3), 3);
}

/* What greedy play of a chain is worth after that many decisions of seed 2000; `blind`: the most that a team
 * can have whose agents see none of the others. */
static double hung(const char *world, int copies, int64_t decisions, double *blind) {
    drive d;
    double returns[64];
    drive_begin(&d, &algo_n_level, "chain", world, "", copies, decisions, 2000);
    drive_run(&d, decisions);
    drive_play(&d, 200, returns);
    *blind = d.game.facts.solution[1].value[0];
    drive_end(&d);
    return returns[0];
}

/* Teams that answer their superiors are above the best blind one. Agents who see the posts, but none of the
 * others, could learn to be there too; 16 of them are at 0.6 of what the blind ones lose. */
TEST(step_hangs_chains) {
    double blind, of_4 = hung("agents=4", 4, 100000, &blind);
    EXPECT_MSG(of_4 > blind / 2, "%g, blind teams %g", of_4, blind);
    double of_16 = hung("agents=16", 16, 100000, &blind);
    EXPECT_MSG(of_16 > blind / 4, "%g, blind teams %g", of_16, blind);
}

/* Greedy play is soon better than -1, where a random team has -43 and the best one 0. */
TEST(step_hangs_a_chain_of_64) {
    double blind, reached = hung("agents=64", 16, 4000, &blind);
    EXPECT_MSG(reached > -1, "%g", reached);
}

/* Who is certain before it has seen much does not get far: no policy is, of agents who still crash in every
 * other episode. */
TEST(step_stays_open_on_the_onramp) {
    drive d;
    drive_begin(&d, &algo_n_level, "onramp", "density=2", "", 20, 20000, 2000);
    drive_run(&d, 20000);
    for (size_t i = 0; i < 3; i++) {
        double entropy = actor_critic_shown(&((const actor_critic *)d.learner)->policy[i], 1);
        EXPECT_MSG(entropy > 1.4 && entropy < 1.61, "agent %zu: %g of %g nats", i, entropy, log(5));
    }
    drive_end(&d);
}

TEST_MAIN(CASE(step_climbs_penalty), CASE(step_finds_who_leads_in_mixing), CASE(step_hangs_chains),
          CASE(step_hangs_a_chain_of_64), CASE(step_stays_open_on_the_onramp))
