/* DDPG and SAC: one whole update of linear networks against sums in double, exploration, and what is refused.
 * Gradients are compared with differences of the double losses; Adam's first step is the learning rate along
 * the gradient's sign. */
#include "tests/off_policy_sums.h"

extern const algo_type algo_ddpg, algo_sac;

static void expect_first_step(double before, double after, double g, double lr) {
    if (fabs(g) > 1e-3) EXPECT_NEAR(after, before - copysign(lr, g), 1e-4);
}

/* With the actor's second output, log sigma, moved by `wider`. */
static void expect_update(const algo_type *algo, const char *settings, double wider) {
    drive d;
    double critic, actor, log_prob, ignored;
    off_policy *c = before_an_update(&d, algo, settings);
    if (wider != 0)
        c->actor.params.theta[c->actor.params.entries[c->actor.mlp.bias[0]].at + 1] += (real)wider;
    numbers before = numbers_of(c);
    drive_run(&d, 1);
    EXPECT_EQ(c->cadence.updates, 1);
    numbers after = numbers_of(c), judged = before;
    memcpy(judged.critic, after.critic, sizeof judged.critic);
    losses(c, &before, &critic, &ignored, &log_prob);
    losses(c, &judged, &ignored, &actor, &ignored);
    EXPECT_NEAR(*c->critic.loss, critic, 1e-4 * (1 + critic));
    EXPECT_NEAR(*c->actor.loss, actor, 1e-4 * (1 + fabs(actor)));
    if (c->rule.stochastic) EXPECT_NEAR(*c->entropy, -log_prob, 1e-4);
    for (size_t i = 0; i < c->critic.params.n; i++) {
        double g = slope(c, &before, &before.critic[i], 0);
        EXPECT_NEAR(c->critic.objective.gradient[0][i], g, 1e-3 * (1 + fabs(g)));
        expect_first_step(before.critic[i], after.critic[i], g, 0.02);
        EXPECT_NEAR(after.critic_target[i],
                    before.critic_target[i] + 0.25 * (after.critic[i] - before.critic_target[i]), 1e-5);
        EXPECT((after.critic[i] != before.critic[i]) == (c->critic.objective.gradient[0][i] != 0));
    }
    for (size_t i = 0; i < c->actor.params.n; i++) {
        double g = slope(c, &judged, &judged.actor[i], 1);
        EXPECT_NEAR(c->actor.objective.gradient[0][i], g, 1e-3 * (1 + fabs(g)));
        expect_first_step(before.actor[i], after.actor[i], g, 0.01);
        if (!c->rule.target_actor) continue;
        EXPECT_NEAR(after.actor_target[i],
                    before.actor_target[i] + 0.25 * (after.actor[i] - before.actor_target[i]), 1e-5);
    }
    drive_end(&d);
}

TEST(ddpg_updates_as_its_formulas_say) {
    expect_update(&algo_ddpg, LINEAR, 0);
    expect_update(&algo_ddpg, LINEAR "target_actor=false", 0);
}

TEST(sac_updates_as_its_formulas_say) {
    expect_update(&algo_sac, LINEAR "ent_coef=0.3", 0);
    expect_update(&algo_sac, LINEAR "ent_coef=0", 0);
    expect_update(&algo_sac, LINEAR "ent_coef=auto", 0);
    expect_update(&algo_sac, LINEAR "ent_coef=0.3", 2.8); /* beyond the limit of 2 in some rows */
}

/* Adam's first step is the learning rate, of which 59 % are left after 41 of 100 decisions where it falls:
 * log alpha falls where the entropy is above its target. */
TEST(the_temperature_follows_the_entropy) {
    static const struct {
        const char *settings;
        double alpha, target;
    } CASES[] = {{LINEAR "target_entropy=-50", 0.99004983, -50},
                 {LINEAR "target_entropy=50", 1.01005017, 50},
                 {LINEAR "target_entropy=-50 lr_final=0", 0.99411736, -50},
                 {LINEAR, 0, -1},
                 {LINEAR "ent_coef=0.2 target_entropy=50", 0.2, 50}};
    for (int k = 0; k < 5; k++) {
        drive d;
        off_policy *c = before_an_update(&d, &algo_sac, CASES[k].settings);
        EXPECT_NEAR(c->rule.target_entropy, CASES[k].target, 0);
        drive_run(&d, 1);
        if (CASES[k].alpha > 0) EXPECT_NEAR(*c->alpha, CASES[k].alpha, 1e-6);
        EXPECT_NEAR(drive_metric(&d, "ent_coef"), (double)*c->alpha, 0);
        drive_end(&d);
    }
}

/* The first update leaves the target networks, the second one moves them. */
TEST(targets_step_at_their_interval) {
    drive d;
    off_policy *c = before_an_update(&d, &algo_ddpg, LINEAR "target_update_interval=2");
    numbers before = numbers_of(c);
    for (int update = 1; update <= 2; update++) {
        drive_run(&d, 1);
        EXPECT_EQ(c->cadence.updates, update);
        numbers after = numbers_of(c);
        for (size_t i = 0; i < c->critic.params.n; i++) {
            double by = update == 1 ? 0 : 0.25 * (after.critic[i] - before.critic_target[i]);
            EXPECT_NEAR(after.critic_target[i], before.critic_target[i] + by, 1e-6);
        }
        for (size_t i = 0; i < c->actor.params.n; i++) {
            double by = update == 1 ? 0 : 0.25 * (after.actor[i] - before.actor_target[i]);
            EXPECT_NEAR(after.actor_target[i], before.actor_target[i] + by, 1e-6);
        }
    }
    drive_end(&d);
}

/* ---- exploration ---- */

/* Before learning starts: uniform on the box -2..4; each of four quarters within three deviations of a
 * quarter of the draws. */
TEST(random_actions_are_uniform_and_held) {
    drive d;
    int quarter[4] = {0}, changes = 0;
    double last = 0;
    drive_open(&d, &algo_sac, &TOY_ENV, NULL, "box=true agents=1 length=8",
               "learning_starts=8000 hold_noise=3");
    drive_start(&d, 1, 8000, 1);
    for (int k = 0; k < 8000; k++) {
        drive_run(&d, 1);
        double action = (double)d.stage.vec.actions[0];
        bool due = k % 8 == 0 || k % 8 == 3 || k % 8 == 6; /* an episode begins with noise of its own */
        EXPECT_MSG((action != last) == due, "decision %d", k);
        EXPECT(action >= -2 && action <= 4);
        if (due) quarter[(int)fmin(3, (action + 2) / 1.5)]++, changes++;
        last = action;
    }
    for (int q = 0; q < 4; q++) EXPECT_NEAR(quarter[q], changes / 4.0, 3 * sqrt(changes * 3 / 16.0));
    drive_end(&d);
}

/* Mean and deviation of 4,000 actions in one situation, as columns in [-1, 1]. */
static void moments(const algo_type *algo, const char *settings, algo_mode mode, double *mean,
                    double *deviation) {
    drive d;
    double sum = 0, squares = 0;
    drive_open(&d, algo, &TOY_ENV, NULL, "box=true agents=1", settings);
    drive_start(&d, 1, 100, 1);
    off_policy *c = d.learner;
    memset(c->actor.params.theta, 0, c->actor.params.n * sizeof(real));
    c->actor.params.theta[c->actor.params.entries[c->actor.mlp.bias[0]].at] = (real)0.1;
    if (c->rule.stochastic)
        c->actor.params.theta[c->actor.params.entries[c->actor.mlp.bias[0]].at + 1] = (real)-5;
    env_view view = drive_view(&d);
    for (int k = 0; k < 4000; k++) {
        real action[1];
        algo->act(d.learner, &view, mode, d.stage.rng, NULL, action);
        double column = ((double)action[0] + 2) / 3 - 1;
        sum += column, squares += column * column;
    }
    *mean = sum / 4000;
    *deviation = sqrt(fmax(0, squares / 4000 - *mean * *mean));
    drive_end(&d);
}

TEST(noise_is_where_it_belongs) {
    double mean, deviation, sigma = exp(-5) * (1 - tanh(0.1) * tanh(0.1));
    const char *still = "hidden=none learning_starts=0 train_freq=1000";
    for (int mode = ALGO_TRAIN; mode <= ALGO_GREEDY; mode++) {
        moments(&algo_sac, still, (algo_mode)mode, &mean, &deviation);
        EXPECT_NEAR(mean, tanh(0.1), 4e-4);
        EXPECT_NEAR(deviation, mode == ALGO_GREEDY ? 0 : sigma, 4e-4);
        moments(&algo_ddpg, "hidden=none learning_starts=0 train_freq=1000 action_noise=0.2", (algo_mode)mode,
                &mean, &deviation);
        EXPECT_NEAR(mean, tanh(0.1), 0.01);
        EXPECT_NEAR(deviation, mode == ALGO_TRAIN ? 0.2 : 0, 0.01);
    }
}

/* min_k Q_k, in the units of the rewards. */
TEST(values_are_the_critics) {
    drive d;
    double value, q[2], obs[OBS];
    off_policy *c = before_an_update(&d, &algo_sac, LINEAR);
    numbers n = numbers_of(c);
    env_view view = drive_view(&d);
    for (int k = 0; k < OBS; k++) obs[k] = (double)view.obs[k];
    const real action[1] = {(real)2.5};
    d.algo->values(c, &view, action, &value);
    values(c, n.critic, obs, 0.5, q);
    EXPECT_NEAR(value, fmin(q[0], q[1]), 1e-5);
    drive_end(&d);
}

/* ---- refusals ---- */

static void expect_refusal(const algo_type *algo, const char *env_settings, const char *settings,
                           const char *says) {
    fm_arena arena = {0};
    fm_error err = {.text = ""};
    env game = {.type = &TOY_ENV, .config = fm_arena_alloc(&arena, 1, TOY_ENV.config_size)};
    void *config = fm_arena_alloc(&arena, 1, algo->config_size);
    fm_options_reset(TOY_ENV.options, game.config);
    drive_must(fm_options_apply(TOY_ENV.options, game.config, env_settings, &err), &err);
    drive_must(env_create(&game, &arena, &err), &err);
    fm_options_reset(algo->options, config);
    drive_must(fm_options_apply(algo->options, config, settings, &err), &err);
    EXPECT_MSG(algo->accepts(&game.facts, config, &err) == FM_BAD && strstr(err.text, says), "'%s' for '%s'",
               err.text, says);
    fm_arena_free(&arena);
}

TEST(what_cannot_be_learned_is_refused_by_name) {
    expect_refusal(&algo_sac, "agents=1", "", "sac needs a box of actions; 'corridor' has discrete ones");
    expect_refusal(&algo_ddpg, "agents=1 heads=2", "",
                   "ddpg needs a box of actions; 'corridor' has several heads");
    expect_refusal(&algo_sac, "agents=2 box=true", "", "sac is for one agent; 'corridor' has 2");
    expect_refusal(&algo_ddpg, "agents=1 box=true", "buffer_size=9",
                   "a replay of 9 cannot hold a minibatch of 100");
    expect_refusal(&algo_sac, "agents=1 box=true", "ent_coef=warm", "ent_coef is 'warm'");
    expect_refusal(&algo_sac, "agents=1 box=true", "ent_coef=-1", "ent_coef is -1");
    expect_refusal(&algo_sac, "agents=1 box=true", "ent_coef=0x1", "ent_coef is '0x1'");
    expect_refusal(&algo_sac, "agents=1 box=true", "target_entropy=nan", "target_entropy is 'nan'");
    if (sizeof(real) == sizeof(float))
        expect_refusal(&algo_sac, "agents=1 box=true", "ent_coef=1e39", "ent_coef is 1e39, which is too");
}

TEST(a_box_without_bounds_is_refused) {
    const double low[] = {-1, -INFINITY}, high[] = {1, INFINITY};
    env_agent agent = {.name = "agent", .obs_length = 1, .action = env_box(2, low, high)};
    env_facts facts = {.name = "plain", .agents = 1, .agent = &agent};
    off_policy_config config = {.replay = {.batch_size = 1, .buffer_size = 1}};
    fm_error err;
    EXPECT_EQ(off_policy_accepts("sac", &facts, &config, &err), FM_BAD);
    EXPECT_MSG(strstr(err.text, "in 'plain' number 1 is within -inf..inf"), "%s", err.text);
}

TEST_MAIN(CASE(ddpg_updates_as_its_formulas_say), CASE(sac_updates_as_its_formulas_say),
          CASE(the_temperature_follows_the_entropy), CASE(targets_step_at_their_interval),
          CASE(random_actions_are_uniform_and_held), CASE(noise_is_where_it_belongs),
          CASE(values_are_the_critics), CASE(what_cannot_be_learned_is_refused_by_name),
          CASE(a_box_without_bounds_is_refused))
