/* MADDPG: its targets number by number, what its modes of play draw, the corridor's values with and without
 * deaths, the Cournot-Nash point, and Nash cells. */
#include "algos/families/centralised.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_idqn, algo_maddpg;

#define SMOOTH                                                                                               \
    "batch_size=64 hidden=16,16 actor_hidden=8 activation=tanh critic_lr=0.003 actor_lr=0.002 "              \
    "buffer_size=5000"

/* Of the first decision, to values [2]. */
static void corridor_values(const char *env_settings, double *values) {
    drive d;
    real actions[2] = {0, 0};
    drive_open(&d, &algo_maddpg, &TOY_ENV, NULL, env_settings,
               "gamma=0.9 hidden=16 actor_hidden=8 batch_size=32 critic_lr=0.005 tau=0.05 buffer_size=2000");
    drive_start(&d, 4, 8000, 5);
    drive_run(&d, 8000);
    env_view view = drive_view(&d);
    algo_maddpg.values(d.learner, &view, actions, values);
    drive_end(&d);
}

static void expect_value(const char *env_settings, int agent, double value, double tolerance) {
    double values[2] = {0, 0};
    corridor_values(env_settings, values);
    EXPECT_NEAR(values[agent], value, tolerance);
}

/* Discount 0.9: 1 + 0.9 + 0.81 + 0.729 where the fourth step terminates, 10 where it only cuts. */
TEST(terminated_is_not_truncated) {
    expect_value("", 0, 3.439, 0.15);
    expect_value("box=true", 0, 3.439, 0.15);
    expect_value("masks=true", 0, 3.439, 0.15);
    expect_value("cut=true seen=false", 0, 10, 0.4);
}

/* One that dies after two steps has 1 + 0.9, whatever the other still gets. */
TEST(deaths_end_the_values_of_the_dead_alone) {
    double values[2];
    corridor_values("death=2", values);
    EXPECT_NEAR(values[0], 3.439, 0.15);
    EXPECT_NEAR(values[1], 1.9, 0.15);
}

TEST(one_agent_is_enough) {
    expect_value("agents=1", 0, 3.439, 0.15);
    expect_value("agents=1 box=true", 0, 3.439, 0.15);
}

/* What an agent earns while it waits is its own. */
TEST(one_agent_may_wait) { expect_value("agents=1 pauses=true", 0, 2 + 0.9 * 2, 0.15); }

static size_t last_bias(const algo_net *net) {
    return net->params.entries[net->mlp.bias[net->mlp.layers - 1]].at;
}

/* A linear target critic that reads agent 1's action alone: Q'(x', a') = 3 a'_1 + 2 (a box), and target
 * actors that give atanh(0.5) whatever they see. */
static void fix_targets(drive *d) {
    centralised *c = d->learner;
    for (int i = 0; i < 2; i++) {
        algo_net *critic = &c->agent[i].critic[0], *actor = &c->agent[i].actor;
        memset(critic->target, 0, critic->params.n * sizeof(real));
        memset(actor->target, 0, actor->params.n * sizeof(real));
        critic->target[critic->params.entries[critic->mlp.weight[0]].at + critic->mlp.in - 1] = 3;
        critic->target[last_bias(critic)] = 2;
        actor->target[last_bias(actor)] = (real)atanh(0.5);
    }
}

#define STILL                                                                                                \
    "gamma=0.5 hidden=none actor_hidden=none critic_lr=0 actor_lr=0 tau=0 batch_size=64 buffer_size=64 "     \
    "learning_starts=63"

/* y = 1 + 0.5 (1.5 + 2), or 1 where the episode terminated. */
TEST(targets_ask_all_target_actors) {
    drive d;
    drive_open(&d, &algo_maddpg, &TOY_ENV, NULL, "box=true", STILL);
    drive_start(&d, 1, 100, 1);
    fix_targets(&d);
    drive_run(&d, 64);
    centralised *c = d.learner;
    for (int i = 0; i < 2; i++)
        for (size_t b = 0; b < 64; b++)
            EXPECT_NEAR(c->agent[i].td_target[b], c->batch.drawn[b] % 4 == 3 ? 1 : 1 + 0.5 * 3.5, 1e-5);
    EXPECT(drive_metric(&d, "mean_target_1") > 1 && drive_metric(&d, "mean_target_1") < 2.75);
    drive_end(&d);
}

/* Agent 1 dies after two of four steps: from then on it is 0 to the other's critic, whatever stands in its
 * place, and its own rows count for nothing. Q' = 3 a'_1 + 5 o'_1 + 2, all observations are 1. */
TEST(the_dead_are_zeros) {
    drive d;
    drive_open(&d, &algo_maddpg, &TOY_ENV, NULL, "box=true death=2 seen=false", STILL);
    drive_start(&d, 1, 100, 1);
    fix_targets(&d);
    centralised *c = d.learner;
    for (int i = 0; i < 2; i++) {
        algo_net *critic = &c->agent[i].critic[0];
        critic->target[critic->params.entries[critic->mlp.weight[0]].at + 1] = 5;
    }
    drive_run(&d, 64);
    static const double FIRST[] = {1 + 0.5 * 8.5, 2, 2, 1}, LAST[] = {1 + 0.5 * 8.5, 1};
    double sum = 0, count = 0;
    for (size_t b = 0; b < 64; b++) {
        size_t step = c->batch.drawn[b] % 4;
        EXPECT_NEAR(c->agent[0].td_target[b], FIRST[step], 1e-5);
        EXPECT_EQ(c->agent[1].counts[b], step < 2);
        EXPECT_EQ(c->x_rows[4 * b + 1], step < 2);
        EXPECT((c->x_rows[4 * b + 3] != 0) == (step < 2));
        if (step >= 2) continue;
        EXPECT_NEAR(c->agent[1].td_target[b], LAST[step], 1e-5);
        sum += LAST[step];
        count++;
    }
    EXPECT_NEAR(drive_metric(&d, "mean_target_1"), sum / count, 1e-5);
    drive_end(&d);
}

/* The third action is illegal from the second step on. A critic that rates nothing else, and the targets'
 * copy of it, then have no part in y, nor in what the actor learns of those steps: weights [5, 3] of a linear
 * actor, whose rows are the steps that it sees. */
static void expect_masked(const char *relaxation) {
    char all[256];
    drive d;
    snprintf(all, sizeof all, "%s actor_lr=0.01 logit_l2=0 relaxation=%s", STILL, relaxation);
    drive_open(&d, &algo_maddpg, &TOY_ENV, NULL, "masks=true", all);
    drive_start(&d, 1, 100, 1);
    centralised *c = d.learner;
    algo_net *critic = &c->agent[0].critic[0], *actor = &c->agent[0].actor;
    size_t rated = critic->params.entries[critic->mlp.weight[0]].at + (size_t)c->facts->obs_total + 2;
    memset(critic->params.theta, 0, critic->params.n * sizeof(real));
    memset(critic->target, 0, critic->params.n * sizeof(real));
    critic->params.theta[rated] = critic->target[rated] = 7;
    real before[15], *weights = actor->params.theta + actor->params.entries[actor->mlp.weight[0]].at;
    memcpy(before, weights, sizeof before);
    drive_run(&d, 64);
    for (size_t b = 0; b < 64; b++) EXPECT_EQ(c->agent[0].td_target[b], 1);
    EXPECT(weights[2] > before[2]);
    EXPECT_MSG(memcmp(before + 3, weights + 3, 12 * sizeof(real)) == 0, "%s", relaxation);
    drive_end(&d);
}

TEST(illegal_actions_have_no_part) {
    expect_masked("soft");
    expect_masked("straight");
    expect_masked("expectation");
}

/* ---- modes of play ---- */

/* Counts each agent's actions in so many joint actions of one mode, to count [2][3]. */
static void count_actions(drive *d, algo_mode mode, int draws, int count[2][3]) {
    env_view view = drive_view(d);
    real actions[2];
    memset(count, 0, 2 * sizeof *count);
    for (int k = 0; k < draws; k++) {
        algo_maddpg.act(d->learner, &view, mode, d->stage.rng, NULL, actions);
        for (int i = 0; i < 2; i++) count[i][(int)actions[i]]++;
    }
}

static void expect_share(int count, int draws, double share) {
    EXPECT_NEAR((double)count / draws, share, 4.5 * sqrt(share * (1 - share) / draws));
}

/* Policies (0.5, 0.3, 0.2). Their own chance is not exploration: a sample has it, and nothing else; training
 * adds epsilon; greedy play draws nothing. Where the third action is illegal, the others share its part. */
TEST(modes_draw_what_they_say) {
    enum { DRAWS = 40000 };
    static const double POLICY[] = {0.5, 0.3, 0.2};
    int count[2][3];
    drive d;
    drive_open(&d, &algo_maddpg, &TOY_ENV, NULL, "masks=true",
               STILL " epsilon=0.6 epsilon_decay=1 learning_starts=0 train_freq=1000000");
    drive_start(&d, 1, 100, 1);
    centralised *c = d.learner;
    for (int i = 0; i < 2; i++) {
        algo_net *actor = &c->agent[i].actor;
        memset(actor->params.theta, 0, actor->params.n * sizeof(real));
        for (int a = 0; a < 3; a++) actor->params.theta[last_bias(actor) + (size_t)a] = (real)log(POLICY[a]);
    }
    count_actions(&d, ALGO_SAMPLE, DRAWS, count);
    for (int i = 0; i < 2; i++)
        for (int a = 0; a < 3; a++) expect_share(count[i][a], DRAWS, POLICY[a]);
    count_actions(&d, ALGO_TRAIN, DRAWS, count);
    for (int i = 0; i < 2; i++)
        for (int a = 0; a < 3; a++) expect_share(count[i][a], DRAWS, 0.4 * POLICY[a] + 0.6 / 3);
    fm_rng before = d.stage.rng[0];
    count_actions(&d, ALGO_GREEDY, 10, count);
    EXPECT(count[0][0] == 10 && count[1][0] == 10);
    EXPECT(memcmp(&before, &d.stage.rng[0], sizeof before) == 0);
    drive_run(&d, 1);
    count_actions(&d, ALGO_SAMPLE, DRAWS, count);
    for (int a = 0; a < 3; a++) expect_share(count[1][a], DRAWS, a < 2 ? POLICY[a] / 0.8 : 0);
    count_actions(&d, ALGO_TRAIN, DRAWS, count);
    for (int a = 0; a < 3; a++) expect_share(count[1][a], DRAWS, a < 2 ? 0.4 * POLICY[a] / 0.8 + 0.6 / 2 : 0);
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

static void expect_refusal(const char *env_settings, const char *why) {
    fm_error err = {.text = ""};
    drive d, other;
    drive_open(&d, &algo_maddpg, NULL, "escape", "", "");
    drive_open(&other, &algo_idqn, &TOY_ENV, NULL, "", "");
    const env_type *toy = &TOY_ENV;
    fm_options_apply(toy->options, other.game.config, env_settings, &err);
    drive_must(env_create(&other.game, &other.arena, &err), &err);
    fm_status status = algo_maddpg.accepts(&other.game.facts, d.config, &err);
    EXPECT_EQ(status, why ? FM_BAD : FM_OK);
    if (why) EXPECT_HAS(err.text, why);
    fm_arena_free(&d.arena);
    fm_arena_free(&other.arena);
}

TEST(refusals_say_why) {
    expect_refusal("heads=2",
                   "maddpg needs a box or one discrete action; 'corridor' has several heads for agent 'a'");
    expect_refusal("pauses=true",
                   "maddpg needs every agent to act at every decision; in 'corridor' agents wait");
    expect_refusal("pauses=true agents=1", NULL);
    expect_refusal("death=2", NULL);
}

TEST_MAIN(CASE(targets_ask_all_target_actors), CASE(the_dead_are_zeros), CASE(illegal_actions_have_no_part),
          CASE(modes_draw_what_they_say), CASE(terminated_is_not_truncated),
          CASE(deaths_end_the_values_of_the_dead_alone), CASE(one_agent_is_enough), CASE(one_agent_may_wait),
          CASE(duopoly_cournot), CASE(nash_cells), CASE(refusals_say_why))
