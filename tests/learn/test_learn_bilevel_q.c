/* Tabular bi-level Q: the measured rates on the matrix games, a known path, and the corridor's values. */
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_bilevel_q;

/* Of seeds 0..99, how many end in the cell. */
static int hits(const char *game, const char *settings, int64_t steps, int row, int col) {
    int count = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        drive d;
        real actions[DRIVE_ACTIONS];
        drive_begin(&d, &algo_bilevel_q, game, "", settings, 1, steps, seed);
        drive_run(&d, steps);
        drive_greedy(&d, actions);
        count += (int)actions[0] == row && (int)actions[1] == col;
        drive_end(&d);
    }
    return count;
}

/* Rates measured by an implementation of the rule in another program: 100, 100, 85, 100, 100, 2 of 100. */
TEST(rates_on_the_matrix_games) {
#define PAPER "initial=0 first_sets=no "
    EXPECT_EQ(hits("escape", PAPER, 2000, 2, 2), 100);
    EXPECT_EQ(hits("maintain", PAPER, 2000, 0, 0), 100);
    int own = hits("escape", PAPER "coin=own", 2000, 2, 2);
    EXPECT_MSG(own >= 72 && own <= 95, "escape, own coins, 2000 steps: %d of 100", own);
    EXPECT_EQ(hits("escape", PAPER "coin=own", 20000, 2, 2), 100);
    EXPECT_EQ(hits("maintain", PAPER "coin=own", 2000, 0, 0), 100);
    int rare = hits("escape", PAPER "coin=own epsilon=0.005", 20000, 2, 2);
    EXPECT_MSG(rare <= 12, "escape, own coins at 0.005: %d of 100", rare);
}

/* Without exploration: every joint action that might be better is tried once, and that is enough. */
TEST(a_sweep_finds_the_point) {
    EXPECT_EQ(hits("escape", "epsilon=0", 20, 2, 2), 100);
    EXPECT_EQ(hits("maintain", "epsilon=0", 20, 0, 0), 100);
}

/* With the column player in front, Maintain ends where it commits to Z: (C, Z) pays it 10. Against X, the row
 * player would answer B. */
TEST(order_is_who_leads) { EXPECT_EQ(hits("maintain", "order=1,0", 2000, 2, 2), 100); }

TEST(grid_meets_on_20) {
    for (uint64_t seed = 0; seed < 5; seed++) {
        drive d;
        double returns[2];
        drive_begin(&d, &algo_bilevel_q, "grid", "", "lr=1 initial=20", 2, 30000, seed);
        drive_run(&d, 30000);
        drive_play(&d, 1, returns);
        EXPECT_NEAR(returns[0], 20, 0);
        drive_end(&d);
    }
}

static double value_at_start(const char *env_settings, const char *settings, double *unknown) {
    drive d;
    double values[3];
    real actions[3] = {0, 0, 0};
    drive_open(&d, &algo_bilevel_q, &TOY_ENV, NULL, env_settings, settings);
    drive_start(&d, 1, 40000, 3);
    drive_run(&d, 40000);
    env_view view = drive_view(&d);
    algo_bilevel_q.values(d.learner, &view, actions, values);
    if (unknown) *unknown = drive_metric(&d, "unknown");
    for (int i = 1; i < 3; i++) EXPECT_NEAR(values[i], values[0], 1e-3);
    drive_end(&d);
    return values[0];
}

/* Discount 0.9: 1 + 0.9 + 0.81 + 0.729 where the fourth step terminates, 10 where it only cuts. */
TEST(terminated_is_not_truncated) {
    const char *settings = "gamma=0.9 epsilon=1 lr=0.1,0.2,0.3";
    EXPECT_NEAR(value_at_start("agents=3", settings, NULL), 3.439, 1e-3);
    EXPECT_NEAR(value_at_start("agents=3 cut=true seen=false", settings, NULL), 10, 1e-3);
    EXPECT_NEAR(value_at_start("agents=3 masks=true", settings, NULL), 3.439, 1e-3);
}

/* Who dies after two steps has 1 + 0.9, the others go on alone, and what stands in its place is not looked
 * at. */
TEST(the_dead_leave_the_game) {
    drive d;
    double values[3], same[3];
    real actions[3] = {0, 0, 0}, obs[15];
    drive_open(&d, &algo_bilevel_q, &TOY_ENV, NULL, "agents=3 death=2 masks=true",
               "gamma=0.9 epsilon=0.5 initial=3");
    drive_start(&d, 1, 40000, 3);
    drive_run(&d, 40000);
    env_view view = drive_view(&d);
    algo_bilevel_q.values(d.learner, &view, actions, values);
    EXPECT_NEAR(values[0], 3.439, 1e-3);
    EXPECT_NEAR(values[1], 3.439, 1e-3);
    EXPECT_NEAR(values[2], 1.9, 1e-3);
    EXPECT_NEAR(drive_metric(&d, "states"), 4, 0);
    drive_run(&d, 2);
    view = drive_view(&d);
    algo_bilevel_q.values(d.learner, &view, actions, values);
    memcpy(obs, view.obs, sizeof obs);
    for (int k = 10; k < 15; k++) obs[k] = 7;
    view.obs = obs;
    algo_bilevel_q.values(d.learner, &view, actions, same);
    for (int i = 0; i < 2; i++) {
        EXPECT_NEAR(values[i], 1.9, 1e-3);
        EXPECT_EQ(values[i], same[i]);
    }
    drive_end(&d);
}

/* A first decision that teaches nothing leaves its entries as they were. */
TEST(hidden_steps_teach_nothing) {
    EXPECT_NEAR(value_at_start("agents=3 hidden=1", "gamma=0.9 epsilon=1 initial=5", NULL), 5, 0);
    EXPECT_NEAR(value_at_start("agents=3", "gamma=0.9 epsilon=1 initial=5", NULL), 3.439, 1e-3);
}

/* Four states visited, room for two: the value stops where the table does, and the metric says so. */
TEST(full_table_is_reported) {
    double unknown = 0;
    EXPECT_NEAR(value_at_start("agents=3", "gamma=0.9 epsilon=1 states=2", &unknown), 1.9, 1e-3);
    EXPECT_NEAR(unknown, 20000, 0);
}

TEST(refusals_say_why) {
    fm_error err;
    drive d;
    drive_open(&d, &algo_bilevel_q, NULL, "maintain", "", "");
    const env_facts *facts = &d.game.facts;
    fm_status status = fm_options_set(algo_bilevel_q.options, d.config, "lr", "0.1,2", &err);
    EXPECT(status == FM_OK && algo_bilevel_q.accepts(facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "'2' is not a number from 0 to 1");
    fm_options_set(algo_bilevel_q.options, d.config, "lr", "0.1,0.1,0.1", &err);
    EXPECT(algo_bilevel_q.accepts(facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "3 numbers; expected 1, or 2");
    fm_options_set(algo_bilevel_q.options, d.config, "lr", "0.1", &err);
    fm_options_set(algo_bilevel_q.options, d.config, "initial", "high", &err);
    EXPECT(algo_bilevel_q.accepts(facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "'high' is neither a number nor auto");
    fm_options_set(algo_bilevel_q.options, d.config, "initial", "auto", &err);
    fm_options_set(algo_bilevel_q.options, d.config, "order", "0+1", &err);
    EXPECT(algo_bilevel_q.accepts(facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "2 agents on 1 levels");
    fm_arena_free(&d.arena);
    fm_arena arena = {0};
    env e;
    EXPECT(env_open("duopoly", &arena, &e, &err) == FM_OK && env_create(&e, &arena, &err) == FM_OK);
    drive_open(&d, &algo_bilevel_q, NULL, "escape", "", "");
    EXPECT(algo_bilevel_q.accepts(&e.facts, d.config, &err) == FM_BAD);
    EXPECT_HAS(err.text, "bilevel_q needs discrete actions; 'duopoly' has a box for agent 'leader'");
    fm_arena_free(&d.arena);
    fm_arena_free(&arena);
}

TEST_MAIN(CASE(rates_on_the_matrix_games), CASE(a_sweep_finds_the_point),
          CASE(order_is_who_leads), CASE(grid_meets_on_20),
          CASE(terminated_is_not_truncated), CASE(the_dead_leave_the_game), CASE(hidden_steps_teach_nothing),
          CASE(full_table_is_reported), CASE(refusals_say_why))
