/* Bi-AC finds the exact Stackelberg points of small games. Seeds, steps and thresholds stand in each case. */
#include <math.h>

#include "algos/families/biac.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_biac;

/* Whether the greedy joint action of a one-shot game is the pure Stackelberg point. */
static bool at_stackelberg(drive *d) {
    real action[DRIVE_ACTIONS];
    drive_greedy(d, action);
    const env_solution *point = env_facts_solution(&d->game.facts, "stackelberg");
    char label[64], x[32], y[32];
    snprintf(label, sizeof label, "%s-%s",
             env_action_label(&d->game.facts, 0, 0, (int)action[0], x, sizeof x),
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

/* Logits of 10, 0, 14 are action 2; their hyperbolic tangents are equal, and would be action 0. */
TEST(biac_approximators_take_the_largest_logit) {
    real action[DRIVE_ACTIONS];
    drive d;
    drive_begin(&d, &algo_biac, "maintain", "", "approximators=yes hidden=none", 1, 100, 0);
    for (int i = 0; i < 2; i++) {
        algo_net *net = &((biac *)d.learner)->agent[i].approximator;
        memset(net->params.theta, 0, net->params.n * sizeof(real));
        real *bias = net->params.theta + net->params.entries[net->mlp.bias[0]].at;
        bias[0] = 10, bias[1] = 0, bias[2] = 14;
    }
    drive_greedy(&d, action);
    EXPECT(action[0] == 2 && action[1] == 2);
    drive_end(&d);
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
    drive_begin(&d, &algo_biac, "grid", "", "", 1, 12000, 0);
    drive_run(&d, 12000);
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
    drive_begin(&d, &algo_biac, "duopoly", "", "hidden=32,32 action_noise=0.1 action_noise_final=0.1", 1,
                8000, 0);
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
    env_view now = drive_view(&d), later;
    const biac *b = d.learner;
    algo_scale scale[2] = {b->scale[0], b->scale[1]};
    algo_biac.values(d.learner, &now, joint, before);
    drive_run(&d, 1000);
    later = drive_view(&d);
    algo_biac.values(d.learner, &later, joint, after);
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

/* 48 * 86 decisions, of which the first 100 earn nothing. */
TEST(biac_learns_by_decisions_not_by_steps) {
    const char *settings[] = {"learning_starts=100 hidden=4 batch_size=2",
                              "learning_starts=100 hidden=4 batch_size=2 train_freq=4",
                              "learning_starts=100 hidden=4 batch_size=2 train_freq=4 gradient_steps=3"};
    const int64_t updates[] = {4028, 1007, 3021};
    const int copies[] = {1, 3, 16};
    for (int k = 0; k < 9; k++) {
        drive d;
        drive_begin(&d, &algo_biac, "maintain", "", settings[k / 3], copies[k % 3], 4128, 0);
        drive_run(&d, 4128);
        EXPECT_EQ(((biac *)d.learner)->cadence.updates, updates[k / 3]);
        drive_end(&d);
    }
}

/* A maximising leader has no actor; what is not known before the first update is absent; all is kept. */
TEST(biac_metrics_are_known_after_the_first_update) {
    static const char *const NAMES[] = {"critic_loss_0", "critic_loss_1", "actor_loss_1"};
    static const char *const KEPT[] = {"critic.0.loss", "critic.1.loss", "actor.1.loss"};
    drive d;
    drive_begin(&d, &algo_biac, "maintain", "", "learning_starts=20 epsilon=0.25", 1, 100, 0);
    drive_run(&d, 20);
    for (int k = 0; k < 3; k++) EXPECT(drive_metric(&d, NAMES[k]) == FM_ABSENT);
    drive_run(&d, 1);
    for (int k = 0; k < 3; k++) {
        const fm_kept *kept = fm_keep_find(&d.keep, KEPT[k]);
        EXPECT(drive_metric(&d, NAMES[k]) != FM_ABSENT && isfinite(drive_metric(&d, NAMES[k])));
        EXPECT(kept != NULL && *(const double *)kept->data == drive_metric(&d, NAMES[k]));
    }
    EXPECT(drive_metric(&d, "actor_loss_0") == FM_ABSENT);
    EXPECT(drive_metric(&d, "epsilon") == 0.25);
    drive_end(&d);
}

/* ---- one update, row by row ----
 *
 * Networks without hidden layers, which do not move, can be computed by hand. */

#define STILL "leader_critic_lr=0 critic_lr=0 actor_lr=0 hidden=none batch_size=64 learning_starts=50 "

/* Output k of a network of one layer. */
static double linear(const algo_net *net, const real *x, size_t k) {
    const real *weight = net->params.theta + net->params.entries[net->mlp.weight[0]].at;
    double y = (double)net->params.theta[net->params.entries[net->mlp.bias[0]].at + k];
    for (size_t j = 0; j < net->mlp.in; j++) y += (double)x[j] * (double)weight[j * net->mlp.out + k];
    return y;
}

static int best_of(const algo_net *net, const real *x) {
    int best = 0;
    for (size_t k = 1; k < net->mlp.out; k++)
        if (linear(net, x, k) > linear(net, x, (size_t)best)) best = (int)k;
    return best;
}

static void begin_corridor(drive *d, const char *env_settings, const char *settings, int64_t steps) {
    drive_open(d, &algo_biac, &TOY_ENV, NULL, env_settings, settings);
    drive_start(d, 1, steps, 0);
    drive_run(d, steps);
}

/* Of three levels, the middle one values its own actions with the last one's answers, and the last one its
 * own as they are. */
TEST(biac_own_actions_are_valued_with_the_answers_below) {
    drive d;
    begin_corridor(&d, "agents=3", STILL, 60);
    const biac *b = d.learner;
    const biac_agent *middle = &b->agent[1], *last = &b->agent[2];
    size_t length = (size_t)d.game.facts.agent[0].obs_length, in = length + 9;
    for (size_t row = 0; row < b->batch.rows; row++)
        for (size_t k = 0; k < 3; k++) {
            real x[32], tried[32];
            memcpy(x, last->replayed + row * in, in * sizeof *x);
            algo_one_hot(x + length + 6, 3, (int)k);
            EXPECT_NEAR(last->values[row * 3 + k], linear(&last->critic, x, 0), 1e-5);
            memcpy(tried, last->replayed + row * in, in * sizeof *tried);
            algo_one_hot(tried + length + 3, 3, (int)k);
            int answer = best_of(&last->actor, tried); /* o_3, a_1, a_2 stand first */
            memcpy(tried, middle->replayed + row * in, length * sizeof *tried);
            algo_one_hot(tried + length + 6, 3, answer);
            EXPECT_NEAR(middle->values[row * 3 + k], linear(&middle->critic, tried, 0), 1e-5);
        }
    drive_end(&d);
}

/* More tries than a play may hold, whose pieces end amid the actions of a row. */
TEST(biac_leader_of_many_actions_tries_them_in_pieces) {
    enum { K = 100, A = 3, B = 1024 };
    drive d;
    drive_open(&d, &algo_biac, NULL, "random-matrix", "rows=100 cols=3 rounds=3", STILL "batch_size=1024");
    drive_start(&d, 1, 60, 0);
    drive_run(&d, 51);
    const biac *b = d.learner;
    double value[K];
    int best = 0, going_on = 0;
    for (int k = 0; k < K; k++) {
        real x[1 + K + A] = {1};
        algo_one_hot(x + 1, K, k);
        algo_one_hot(x + 1 + K, A, best_of(&b->agent[1].actor, x)); /* the observation and a_1 stand first */
        value[k] = linear(&b->agent[0].critic, x, 0);
        if (value[k] > value[best]) best = k;
    }
    EXPECT(b->target->tries->critic[0].rows < B * K && b->target->tries->critic[0].rows % K > 0);
    for (size_t row = 0; row < B; row++) {
        if (b->target->present[2 * row] == 0) continue;
        going_on++;
        for (size_t k = 0; k < K; k++) EXPECT_NEAR(b->target->tried[row * K + k], value[k], 1e-5);
        EXPECT(b->target->joint[row * (K + A) + (size_t)best] == 1);
    }
    EXPECT(going_on > B / 2);
    drive_end(&d);
}

/* The step that agent i of the corridor sees in a row. */
static int step_in(const biac *b, int i, size_t row) {
    const real *obs = b->agent[i].replayed + row * b->agent[i].critic.mlp.in;
    int step = 0;
    while (obs[step] == 0) step++;
    return step;
}

static double size_of(const real *x, int n) {
    double sum = 0;
    for (int k = 0; k < n; k++) sum += fabs((double)x[k]);
    return sum;
}

/* The last agent dies after two of four steps. From then on its columns are zeros, in the joint actions of
 * the minibatch and of the situations after it; it bootstraps nothing after its second step, and its steps as
 * a dead one are no part of its loss. It may be the follower, the leader or in a box. */
static void expect_the_dead_left_out(const char *env_settings, const char *settings) {
    drive d;
    char all[200];
    snprintf(all, sizeof all, STILL "gamma=0.5 %s", settings);
    begin_corridor(&d, env_settings, all, 60);
    const biac *b = d.learner;
    const biac_agent *dead = &b->agent[1];
    int total = b->joint.total, width = b->joint.width[1], length = d.game.facts.agent[1].obs_length;
    double loss = 0, rows = 0;
    for (size_t row = 0; row < b->batch.rows; row++) {
        const real *x = dead->replayed + row * dead->critic.mlp.in;
        bool lives = step_in(b, 1, row) < 2, goes_on = step_in(b, 1, row) < 1;
        EXPECT_EQ(size_of(x + length + b->joint.at[1], width) > 0, lives);
        EXPECT_EQ(size_of(b->target->joint + row * (size_t)total + b->joint.at[1], width) > 0, goes_on);
        EXPECT(size_of(x + length + b->joint.at[0], b->joint.width[0]) > 0);
        double error = linear(&dead->critic, x, 0) - (double)dead->td_target[row];
        if (!goes_on) EXPECT(dead->td_target[row] == (lives ? 1 : 0));
        if (lives) loss += error * error, rows++;
    }
    EXPECT(rows > 10 && rows < (double)b->batch.rows - 10);
    EXPECT_NEAR(drive_metric(&d, "critic_loss_1"), loss / rows, 1e-5 * loss / rows);
    while (drive_view(&d).active[1]) drive_step(&d);
    for (int k = 0; k < 20; k++) {
        drive_step(&d);
        if (!env_vec_before(&d.stage.vec).active[1]) EXPECT(d.stage.vec.actions[1] == 0);
    }
    drive_end(&d);
}

TEST(biac_leaves_the_dead_out) {
    expect_the_dead_left_out("death=2", "");
    expect_the_dead_left_out("death=2", "order=1,0");
    expect_the_dead_left_out("death=2", "order=0+1");
    expect_the_dead_left_out("death=2 box=true", "scale_rewards=bounds");
}

/* A leader of a box counts with its follower's answer, and a dead follower answers nothing: the leader's loss
 * is minus its value with the columns of the dead at zero. */
TEST(biac_box_actors_expect_no_answer_of_the_dead) {
    drive d;
    double value = 0;
    begin_corridor(&d, "death=2 box=true", STILL, 60);
    const biac *b = d.learner;
    const biac_agent *leader = &b->agent[0], *follower = &b->agent[1];
    size_t length = (size_t)d.game.facts.agent[0].obs_length;
    for (size_t row = 0; row < b->batch.rows; row++) {
        real x[16], y[16];
        memcpy(x, leader->replayed + row * (length + 2), length * sizeof *x);
        memcpy(y, follower->replayed + row * (length + 2), length * sizeof *y);
        x[length] = y[length] = (real)tanh(linear(&leader->actor, x, 0));
        x[length + 1] = step_in(b, 1, row) < 2 ? (real)tanh(linear(&follower->actor, y, 0)) : 0;
        value += linear(&leader->critic, x, 0) / (double)b->batch.rows;
    }
    EXPECT_NEAR(drive_metric(&d, "actor_loss_0"), -value, 1e-5);
    drive_end(&d);
}

/* With two living agents the corridor's values are known, and so they are for the one that dies. */
TEST(biac_values_of_those_who_die) {
    drive d;
    double values[2];
    const real joint[2] = {0, 0};
    begin_corridor(&d, "death=2", "gamma=0.5 hidden=16 batch_size=32 learning_starts=200", 3000);
    while (env_vec_now(&d.stage.vec).obs[0] != 1) drive_step(&d); /* the first situation */
    env_view view = drive_view(&d);
    algo_biac.values(d.learner, &view, joint, values);
    EXPECT_NEAR(values[0], 1 + 0.5 + 0.25 + 0.125, 0.05);
    EXPECT_NEAR(values[1], 1 + 0.5, 0.05);
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

TEST(biac_names_games_that_it_cannot_play) {
    static const int HEADS[] = {2, 3};
    drive d;
    fm_error err;
    drive_open(&d, &algo_biac, NULL, "maintain", "", "");
    env_facts facts = d.game.facts;
    facts.pauses = true;
    EXPECT_EQ(algo_biac.accepts(&facts, d.config, &err), FM_BAD);
    EXPECT_HAS(err.text, "agents wait for each other");
    facts = d.game.facts;
    facts.masks = true;
    EXPECT_EQ(algo_biac.accepts(&facts, d.config, &err), FM_BAD);
    EXPECT_HAS(err.text, "illegal actions");
    facts = d.game.facts;
    facts.agent[1].action = env_multi_discrete(2, HEADS, NULL);
    EXPECT_EQ(algo_biac.accepts(&facts, d.config, &err), FM_BAD);
    EXPECT_HAS(err.text, "several heads");
    EXPECT_EQ(fm_options_apply(algo_biac.options, d.config, "entropy=0.1", &err), FM_BAD);
    EXPECT_HAS(err.text, "ent_coef");
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
          CASE(biac_approximators_take_the_largest_logit), CASE(biac_leader_with_an_actor_learns),
          CASE(biac_reaches_the_better_meeting_of_the_grid),
          CASE(biac_total_derivative_leads_and_partial_does_not), CASE(biac_argmax_leader_searches_a_box),
          CASE(biac_followers_answer_what_was_done), CASE(biac_values_outlive_a_change_of_unit),
          CASE(biac_soft_leader_learns), CASE(biac_learns_by_decisions_not_by_steps),
          CASE(biac_metrics_are_known_after_the_first_update),
          CASE(biac_own_actions_are_valued_with_the_answers_below),
          CASE(biac_leader_of_many_actions_tries_them_in_pieces), CASE(biac_leaves_the_dead_out),
          CASE(biac_box_actors_expect_no_answer_of_the_dead), CASE(biac_values_of_those_who_die),
          CASE(biac_names_what_it_cannot_play), CASE(biac_names_games_that_it_cannot_play),
          CASE(biac_updates_without_allocation))
