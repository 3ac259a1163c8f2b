/* Learners that share a game's agents out, in games whose outcome is known: one against a follower that is
 * trained and answers, and two unlike ones that learn at the same time. */
#include "algos/cast.h"
#include "tests/drive.h"
#include "tests/test.h"

/* d->algo plays all agents but the second, which is the role's. */
static void join(drive *d, const char *game, const char *algo, const char *settings, const algo_role *role) {
    fm_error err;
    drive_make(d, algo_find(algo), NULL, game, "", settings);
    algo_role roles[] = {{.agent = ALGO_REST, .algo = d->algo, .config = d->config}, *role};
    algo_cast *cast = algo_cast_make(&d->game.facts, roles, 2, &d->arena, &err);
    drive_must(cast ? FM_OK : FM_BAD, &err);
    d->algo = &cast->type;
    d->config = cast;
}

/* What the leader's learner finds against the follower of a trained bi-level learner, which answers every
 * action: the Stackelberg point, where two independent learners find a Nash equilibrium at most. */
static void lead(const char *game, const char *trainer, const char *settings, const char *leader,
                 double value, uint64_t seed) {
    drive before, d;
    double returns[2];
    drive_begin(&before, algo_find(trainer), game, "", settings, 1, 5000, seed);
    drive_run(&before, 5000);
    algo_frozen frozen = {&before.game.facts, before.learner, &before.keep, ALGO_GREEDY};
    algo_role follower = {.agent = 1, .algo = before.algo, .frozen = &frozen};
    join(&d, game, leader, "", &follower);
    drive_start(&d, 1, 6000, seed);
    drive_run(&d, 6000);
    drive_play(&d, 1, returns);
    EXPECT_MSG(fabs(returns[0] - value) < 1e-9, "%s against %s in %s, seed %d: %g, not %g", leader, trainer,
               game, (int)seed, returns[0], value);
    drive_end(&d);
    drive_end(&before);
}

TEST(a_leader_finds_the_best_against_a_follower_that_answers) {
    for (uint64_t seed = 0; seed < 2; seed++) {
        lead("maintain", "bilevel_q", "", "idqn", 20, seed);
        lead("escape", "bilevel_q", "", "idqn", 30, seed);
    }
    lead("maintain", "biac", "", "idqn", 20, 0);
    lead("maintain", "biac", "", "ppo", 20, 0);
}

/* Whoever moves alone from the greedy joint action is not better off. */
TEST(unlike_learners_find_an_equilibrium) {
    static const double LEADER[3][3] = {{20, 0, 0}, {30, 10, 0}, {0, 0, 5}},
                        FOLLOWER[3][3] = {{15, 0, 0}, {0, 5, 0}, {0, 0, 10}};
    for (uint64_t seed = 0; seed < 3; seed++) {
        drive d;
        real action[DRIVE_ACTIONS];
        const algo_type *other = algo_find("idqn");
        void *config = calloc(1, other->config_size);
        if (!config) exit(1);
        fm_options_reset(other->options, config);
        join(&d, "maintain", "reinforce", "n_steps=64",
             &(algo_role){.agent = 1, .algo = other, .config = config});
        drive_start(&d, 1, 12000, seed);
        drive_run(&d, 12000);
        drive_greedy(&d, action);
        int row = (int)action[0], col = (int)action[1];
        for (int k = 0; k < 3; k++)
            EXPECT_MSG(LEADER[k][col] <= LEADER[row][col] && FOLLOWER[row][k] <= FOLLOWER[row][col],
                       "seed %d: %d, %d is no equilibrium", (int)seed, row, col);
        drive_end(&d);
        free(config);
    }
}

TEST_MAIN(CASE(a_leader_finds_the_best_against_a_follower_that_answers),
          CASE(unlike_learners_find_an_equilibrium))
