/* Bi-AC finds the exact Stackelberg points of small games. Seeds, steps and thresholds stand in each case. */
#include <math.h>

#include "algos/families/biac.h"
#include "tests/drive.h"
#include "tests/test.h"

extern const algo_type algo_biac;

/* Whether the greedy joint action of a one-shot game is the pure Stackelberg point. */
static bool at_stackelberg(drive *d) {
    real action[DRIVE_ACTIONS];
    drive_greedy(d, action);
    const env_solution *point = env_facts_solution(&d->game.facts, "stackelberg");
    char label[64], x[32], y[32];
    snprintf(label, sizeof label, "%s-%s", env_action_label(&d->game.facts, 0, 0, (int)action[0], x, sizeof x),
             env_action_label(&d->game.facts, 1, 0, (int)action[1], y, sizeof y));
    return strcmp(label, point->label) == 0;
}

static int found(const char *game, const char *game_settings, const char *settings, int64_t steps,
                 int seeds) {
    int right = 0;
    for (int seed = 0; seed < seeds; seed++) {
        drive d;
        drive_begin(&d, &algo_biac, game, game_settings, settings, 1, steps, (uint64_t)seed);
        drive_run(&d, steps);
        right += at_stackelberg(&d);
        drive_end(&d);
    }
    return right;
}

TEST(biac_plays_the_stackelberg_point_of_the_papers_games) {
    EXPECT_EQ(found("escape", "", "", 3000, 5), 5);
    EXPECT_EQ(found("maintain", "", "", 3000, 5), 5);
    EXPECT_EQ(found("penalty", "k=-100", "", 3000, 3), 3);
}

/* The order may be turned round: in Maintain the column player then leads, to another cell. */
TEST(biac_follows_the_order_it_is_given) {
    real action[DRIVE_ACTIONS];
    drive d;
    drive_begin(&d, &algo_biac, "maintain", "", "order=1,0", 1, 3000, 0);
    drive_run(&d, 3000);
    drive_greedy(&d, action);
    EXPECT(action[0] == 2 &&
           action[1] == 2); /* row answers X: B, Y: B, Z: C; best of 0, 5, 10 for the column: C-Z */
    drive_end(&d);
}

/* Each agent acts on its own observation alone and still plays its part of the joint action. */
TEST(biac_approximators_play_the_joint_action) {
    EXPECT_EQ(found("escape", "", "approximators=yes", 3000, 3), 3);
}

TEST(biac_leader_with_an_actor_learns) {
    real action[DRIVE_ACTIONS];
    drive d;
    drive_begin(&d, &algo_biac, "escape", "", "leader=actor", 1, 3000, 0);
    drive_run(&d, 3000);
    drive_greedy(&d, action);
    EXPECT(action[0] == 2 && action[1] == 2);
    drive_end(&d);
}

TEST(biac_reaches_the_better_meeting_of_the_grid) {
    drive d;
    double returns[2];
    drive_begin(&d, &algo_biac, "grid", "", "", 1, 6000, 0);
    drive_run(&d, 6000);
    drive_play(&d, 1, returns);
    EXPECT(returns[0] == 20 && returns[1] == 20);
    drive_end(&d);
}

/* Quantities of a duopoly: Stackelberg 6 and 3; Cournot 4 and 4. With the partial derivative of Eq. (22) the
 * leader takes the follower's quantity as given, which is the Cournot game; with the total one it leads.
 * Short runs, so 10 %. */
static void duopoly_quantities(const char *settings, real *action) {
    drive d;
    drive_begin(&d, &algo_biac, "duopoly", "", settings, 1, 6000, 0);
    drive_run(&d, 6000);
    drive_greedy(&d, action);
    drive_end(&d);
}

TEST(biac_total_derivative_leads_and_partial_does_not) {
    real total[DRIVE_ACTIONS], partial[DRIVE_ACTIONS];
    duopoly_quantities("hidden=32,32 actor_lr=0.003", total);
    duopoly_quantities("hidden=32,32 actor_lr=0.003 reaction=partial", partial);
    EXPECT_NEAR(total[0], 6, 0.6);
    EXPECT_NEAR(total[1], 3, 0.3);
    EXPECT_NEAR(partial[0], 4, 0.4);
    EXPECT_NEAR(partial[1], 4, 0.4);
}

TEST(biac_argmax_leader_searches_a_box) {
    real action[DRIVE_ACTIONS];
    duopoly_quantities("hidden=32,32 actor_lr=0.003 leader=argmax candidates=128", action);
    EXPECT_NEAR(action[0], 6, 0.8);
}

/* A follower's own noise apart, its quantity falls as the leader's noise raises the leader's: with a slope of
 * -1/2, and noise of one size for both, the correlation is -1/2 / sqrt(1 + 1/4) = -0.45. */
TEST(biac_followers_answer_what_was_done) {
    drive d;
    double sum[2] = {0}, product[3] = {0};
    int n = 2000;
    drive_begin(&d, &algo_biac, "duopoly", "", "hidden=32,32 action_noise=0.1 action_noise_final=0.1", 1, 8000, 0);
    drive_run(&d, 6000);
    for (int k = 0; k < n; k++) {
        drive_run(&d, 1);
        double x = (double)d.stage.vec.actions[0] - 6, y = (double)d.stage.vec.actions[1] - 3;
        sum[0] += x, sum[1] += y;
        product[0] += x * x, product[1] += y * y, product[2] += x * y;
    }
    double both = product[2] - sum[0] * sum[1] / n;
    double each = (product[0] - sum[0] * sum[0] / n) * (product[1] - sum[1] * sum[1] / n);
    EXPECT_NEAR(both / sqrt(each), -0.45, 0.08);
    drive_end(&d);
}

/* The replay forgets the wide warm-up, and the unit of rewards shrinks with their spread; what the critics
 * say in the game's own unit stays, since they do not learn here. */
TEST(biac_values_outlive_a_change_of_unit) {
    drive d;
    double before[2], after[2];
    const real joint[2] = {6, 3};
    drive_begin(&d, &algo_biac, "duopoly", "",
                "leader_critic_lr=0 critic_lr=0 actor_lr=0 buffer_size=400 learning_starts=400", 1, 3000, 0);
    drive_run(&d, 450);
    env_view view = drive_view(&d);
    const biac *b = d.learner;
    algo_scale scale[2] = {b->scale[0], b->scale[1]};
    algo_biac.values(d.learner, &view, joint, before);
    drive_run(&d, 1000);
    algo_biac.values(d.learner, &view, joint, after);
    for (int i = 0; i < 2; i++) {
        EXPECT(b->scale[i].scale > 1.5 * scale[i].scale);
        EXPECT_NEAR(after[i], before[i], 1e-3 * fabs(before[i]));
    }
    drive_end(&d);
}

/* Soft Q-values over two steps of the grid's walk, and draws by them, end at the same meeting. */
TEST(biac_soft_leader_learns) {
    drive d;
    double returns[2];
    EXPECT_EQ(found("maintain", "", "soft=0.05", 3000, 3), 3);
    drive_begin(&d, &algo_biac, "grid", "", "soft=0.005", 1, 8000, 1);
    drive_run(&d, 8000);
    drive_play(&d, 1, returns);
    EXPECT(returns[0] == 20 && returns[1] == 20);
    drive_end(&d);
}

TEST(biac_names_what_it_cannot_play) {
    drive d;
    fm_error err;
    drive_open(&d, &algo_biac, NULL, "maintain", "", "");
    EXPECT_EQ(fm_options_apply(algo_biac.options, d.config, "order=0,2", &err), FM_OK);
    EXPECT_EQ(algo_biac.accepts(&d.game.facts, d.config, &err), FM_BAD);
    EXPECT_HAS(err.text, "there is no agent 2");
    EXPECT_EQ(fm_options_apply(algo_biac.options, d.config, "order=folower,leader", &err), FM_OK);
    EXPECT_EQ(algo_biac.accepts(&d.game.facts, d.config, &err), FM_BAD);
    EXPECT_HAS(err.text, "folower");
    EXPECT_EQ(fm_options_apply(algo_biac.options, d.config, "order=0", &err), FM_OK);
    EXPECT_EQ(algo_biac.accepts(&d.game.facts, d.config, &err), FM_BAD);
    EXPECT_HAS(err.text, "is missing");
    EXPECT_EQ(fm_options_apply(algo_biac.options, d.config, "order=0+1 leader=argmax", &err), FM_OK);
    EXPECT_EQ(algo_biac.accepts(&d.game.facts, d.config, &err), FM_BAD);
    EXPECT_HAS(err.text, "one agent on the first level");
    fm_arena_free(&d.arena);
}

/* A warm learner allocates nothing: neither arenas nor the tape grow. */
TEST(biac_updates_without_allocation) {
    drive d;
    drive_begin(&d, &algo_biac, "maintain", "", "learning_starts=100", 1, 3000, 0);
    drive_run(&d, 200);
    size_t calls = fm_arena_system_calls(), used = d.arena.used;
    drive_run(&d, 500);
    EXPECT_EQ(fm_arena_system_calls(), calls);
    EXPECT_EQ(d.arena.used, used);
    drive_end(&d);
}

TEST_MAIN(CASE(biac_plays_the_stackelberg_point_of_the_papers_games),
          CASE(biac_follows_the_order_it_is_given), CASE(biac_approximators_play_the_joint_action),
          CASE(biac_leader_with_an_actor_learns), CASE(biac_reaches_the_better_meeting_of_the_grid),
          CASE(biac_total_derivative_leads_and_partial_does_not), CASE(biac_argmax_leader_searches_a_box),
          CASE(biac_followers_answer_what_was_done), CASE(biac_values_outlive_a_change_of_unit),
          CASE(biac_soft_leader_learns),
          CASE(biac_names_what_it_cannot_play), CASE(biac_updates_without_allocation))
