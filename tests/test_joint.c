/* The unit of rewards: payoffs of any size and far from zero are learned as reals, and told in the game's. */
#include <math.h>

#include "algos/parts/joint.h"
#include "tests/test.h"

/* Facts of one agent whose rewards lie in low..high; H decisions of an episode. */
static env_facts facts_of(env_agent *agent, double low, double high, int64_t horizon, bool fixed) {
    *agent = (env_agent){.reward_low = low, .reward_high = high};
    return (env_facts){.agents = 1, .agent = agent, .horizon = horizon, .fixed_length = fixed};
}

static double scaled(algo_scale s, double reward) { return (reward - s.shift) * s.scale; }

TEST(rewards_of_equally_long_episodes_fill_the_unit_wherever_they_lie) {
    static const double SHIFTS[] = {0, 1e9, -1e12};
    for (int k = 0; k < 3; k++) {
        env_agent agent;
        env_facts facts = facts_of(&agent, SHIFTS[k], SHIFTS[k] + 30, 3, true);
        algo_scale s = algo_reward_scale(&facts, 0, false);
        EXPECT(scaled(s, SHIFTS[k]) == -1 && scaled(s, SHIFTS[k] + 30) == 1);
        EXPECT_NEAR(scaled(s, SHIFTS[k] + 20), 1.0 / 3, 1e-12);
    }
}

/* A longer episode must not be worth more by what is taken off. */
TEST(rewards_of_other_episodes_keep_their_zero) {
    env_agent agent;
    env_facts facts = facts_of(&agent, -1, 50, 100, false);
    algo_scale s = algo_reward_scale(&facts, 0, false);
    EXPECT(s.shift == 0 && s.scale == 1.0 / 50);
    facts = facts_of(&agent, 1e9, 1e9 + 1, 100, false);
    EXPECT(algo_reward_scale(&facts, 0, true).shift == 0);
}

/* As the game has them, but where a real could not tell them apart. */
TEST(raw_rewards_are_shifted_only_from_afar) {
    env_agent agent;
    env_facts facts = facts_of(&agent, -100, 10, 1, true);
    algo_scale s = algo_reward_scale(&facts, 0, true);
    EXPECT(s.shift == 0 && s.scale == 1);
    for (int side = -1; side <= 1; side += 2) {
        facts = facts_of(&agent, side * 1e9, side * 1e9 + 30, 25, true);
        s = algo_reward_scale(&facts, 0, true);
        EXPECT(scaled(s, side * 1e9) == -15 && scaled(s, side * 1e9 + 30) == 15);
    }
    facts = facts_of(&agent, 1, 1, 1, true);
    EXPECT(algo_reward_scale(&facts, 0, false).scale == 1);
}

/* What a learner without a clock converges to, from raw rewards and from scaled ones, by iteration:
 * Q = r + gamma (1 - 1/H) Q. */
TEST(values_are_said_in_the_games_unit) {
    static const double GAMMA[] = {0, 0.9, 1}, REWARD = 1020;
    for (int g = 0; g < 3; g++)
        for (int64_t H = 1; H <= 25; H += 8) {
            env_agent agent;
            env_facts facts = facts_of(&agent, 1000, 1030, H, true);
            algo_scale s = algo_reward_scale(&facts, 0, false);
            double goes_on = GAMMA[g] * (1 - 1 / (double)H), raw = 0, learned = 0;
            for (int k = 0; k < 2000; k++) {
                raw = REWARD + goes_on * raw;
                learned = scaled(s, REWARD) + goes_on * learned;
            }
            EXPECT_NEAR(algo_value_in_unit(&facts, s, GAMMA[g], learned), raw, 1e-8 * raw);
        }
}

TEST_MAIN(CASE(rewards_of_equally_long_episodes_fill_the_unit_wherever_they_lie),
          CASE(rewards_of_other_episodes_keep_their_zero), CASE(raw_rewards_are_shifted_only_from_afar),
          CASE(values_are_said_in_the_games_unit))
