/* AC and STAC: with linear networks a whole update has a closed form, which is computed here from the rollout
 * in double: the policy's step, with the implicit term in every form, and the baseline's steps after it. */
#include "algos/families/actor_first.h"
#include "algos/parts/total.h"

#include "base/text.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

extern const algo_type algo_ac, algo_stac;

enum { WIDTH = 512, IN = 16, STEPS = 36, COPIES = 3 };

#define LINEAR "hidden=none optimizer=sgd lr_final=1 max_grad_norm=0 gamma=0.9 gae_lambda=0.8 n_steps=36 "

/* ---- one update, from before to after ---- */

typedef struct moment {
    real actor[WIDTH], critic[WIDTH];
} moment;

typedef struct change {
    drive d;
    const actor_critic *ac;
    moment before[2]; /* [agents] */
} change;

static void take(const actor_critic *ac, moment *m) {
    for (size_t i = 0; i < ac->policies; i++) {
        FM_CHECK(ac->policy[i].actor.params.n <= WIDTH && ac->policy[i].critic.params.n <= WIDTH, "too wide");
        memcpy(m[i].actor, ac->policy[i].actor.params.theta, ac->policy[i].actor.params.n * sizeof(real));
        memcpy(m[i].critic, ac->policy[i].critic.params.theta, ac->policy[i].critic.params.n * sizeof(real));
    }
}

/* Two rollouts, so that weights are not as they began; the second one's update is looked at. */
static void begin(change *c, const algo_type *algo, const char *world, const char *settings) {
    drive_open(&c->d, algo, &TOY_ENV, "", world, settings);
    drive_start(&c->d, COPIES, 1000, 3);
    c->ac = c->d.learner;
    drive_run(&c->d, 2 * STEPS - COPIES);
    take(c->ac, c->before);
    drive_run(&c->d, COPIES);
}

/* What the second rollout says of agent i's samples, in double: x [IN] with 1 behind it, V by the weights
 * before, and which trajectory each is of. */
typedef struct sample {
    double x[IN + 1], prob[4], advantage, target, value;
    int action, steps, trajectory;
} sample;

typedef struct samples {
    sample at[STEPS];
    int n, trajectories, start[STEPS]; /* first sample of each trajectory */
    int begun;                         /* first sample of the first episode that begins in the rollout */
    size_t begun_slot;
    size_t in, choices;
} samples;

static double entry(const nn_params *p, const real *vector, size_t index, size_t k) {
    return (double)vector[p->entries[index].at + k];
}

static void read_sample(const change *c, int i, size_t slot, samples *all) {
    const algo_rollout *r = &c->ac->rollout;
    const env_facts *facts = c->ac->facts;
    const actor_critic_policy *p = &c->ac->policy[i];
    const real *obs = r->obs + slot * (size_t)facts->obs_total + facts->agent[i].obs_at;
    const uint8_t *mask =
        r->mask ? r->mask + slot * (size_t)facts->mask_total + facts->agent[i].mask_at : NULL;
    size_t at = slot * (size_t)facts->agents + (size_t)i;
    sample *s = &all->at[all->n];
    double total = 0;
    all->in = p->actor.mlp.in;
    all->choices = p->head.outputs;
    for (size_t k = 0; k < all->in; k++) s->x[k] = (double)obs[k];
    s->x[all->in] = 1;
    for (size_t j = 0; j < all->choices; j++) {
        double logit = entry(&p->actor.params, c->before[i].actor, p->actor.mlp.bias[0], j);
        for (size_t k = 0; k < all->in; k++)
            logit += s->x[k] * entry(&p->actor.params, c->before[i].actor, p->actor.mlp.weight[0],
                                     k * all->choices + j);
        total += s->prob[j] = mask && !mask[j] ? 0 : exp(logit);
    }
    for (size_t j = 0; j < all->choices; j++) s->prob[j] /= total;
    s->value = entry(&p->critic.params, c->before[i].critic, p->critic.mlp.bias[0], 0);
    for (size_t k = 0; k < all->in; k++)
        s->value += s->x[k] * entry(&p->critic.params, c->before[i].critic, p->critic.mlp.weight[0], k);
    s->action = (int)r->actions[slot * (size_t)facts->action_total + (size_t)facts->agent[i].action_at];
    s->advantage = (double)r->advantage[at];
    s->target = (double)r->returns[at];
}

static void read_samples(const change *c, int i, samples *all) {
    const algo_rollout *r = &c->ac->rollout;
    memset(all, 0, sizeof *all);
    all->begun_slot = r->slots;
    for (size_t b = 0; b < r->copies; b++) {
        int steps = 0, now = -1;
        for (size_t t = 0; t < r->steps; t++) {
            size_t slot = t * r->copies + b;
            if (r->first[slot]) now = -1;
            if (!r->weight[slot * (size_t)c->ac->facts->agents + (size_t)i]) continue;
            if (now < 0) steps = 0, now = all->trajectories++, all->start[now] = all->n;
            read_sample(c, i, slot, all);
            if (r->first[slot] && slot < all->begun_slot) all->begun = all->n, all->begun_slot = slot;
            all->at[all->n].trajectory = now;
            all->at[all->n++].steps = steps++;
        }
    }
}

/* (2/N sum x x^T + damping I) y = mean x, by elimination; y [in + 1]. */
static void solve(const samples *all, double damping, double *y) {
    size_t n = all->in + 1;
    double a[IN + 1][IN + 2] = {{0}};
    for (int s = 0; s < all->n; s++)
        for (size_t i = 0; i < n; i++) {
            a[i][n] += all->at[s].x[i] / all->n;
            for (size_t j = 0; j < n; j++) a[i][j] += 2 * all->at[s].x[i] * all->at[s].x[j] / all->n;
        }
    for (size_t i = 0; i < n; i++) a[i][i] += damping;
    for (size_t k = 0; k < n; k++) /* positive definite: no pivots */
        for (size_t i = 0; i < n; i++) {
            double factor = i == k ? 0 : a[i][k] / a[k][k];
            for (size_t j = k; j <= n; j++) a[i][j] -= factor * a[k][j];
        }
    for (size_t i = 0; i < n; i++) y[i] = a[i][n] / a[i][i];
}

static double along(const double *x, const double *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

typedef enum term { NONE, TRAJECTORY, RAW, RELEASED } term;

/* The policy's step is rate sum_s (weight(s) dlog pi / dtheta + ent_coef / N dH / dtheta); of the softmax with
 * probabilities p, dH / dlogit_j = -p_j (log p_j + H). */
static void expect_policy_step(const change *c, int i, double rate, term form, double damping) {
    static samples all;
    double y[IN + 1], want[WIDTH] = {0}, bonus = ((const actor_first *)c->ac)->options->ent_coef;
    const actor_critic_net *net = &c->ac->policy[i].actor;
    size_t weight = net->params.entries[net->mlp.weight[0]].at,
           bias = net->params.entries[net->mlp.bias[0]].at;
    read_samples(c, i, &all);
    solve(&all, damping, y);
    for (int k = 0; k < all.n; k++) {
        const sample *s = &all.at[k];
        int start = form == RELEASED ? all.begun : all.start[s->trajectory];
        double kappa = along(all.at[start].x, y, all.in + 1), mean = s->advantage / all.n, sum = mean;
        if (form == TRAJECTORY || form == RELEASED) sum += 2 * kappa * mean;
        if (form == RAW) sum += 2 * kappa * pow(0.9, s->steps) * s->target / all.trajectories;
        double entropy = 0;
        for (size_t j = 0; j < all.choices; j++) entropy -= s->prob[j] > 0 ? s->prob[j] * log(s->prob[j]) : 0;
        for (size_t j = 0; j < all.choices; j++) {
            double slope = sum * ((s->action == (int)j) - s->prob[j]);
            if (s->prob[j] > 0) slope -= bonus / all.n * s->prob[j] * (log(s->prob[j]) + entropy);
            want[bias + j] += rate * slope;
            for (size_t f = 0; f < all.in; f++) want[weight + f * all.choices + j] += rate * slope * s->x[f];
        }
    }
    double size = 0;
    for (size_t k = 0; k < net->params.n; k++) size = fmax(size, fabs(want[k]));
    EXPECT(all.n > 10 && all.trajectories > 3 && size > 1e-3);
    for (size_t k = 0; k < net->params.n; k++)
        EXPECT_NEAR((double)net->params.theta[k] - (double)c->before[i].actor[k], want[k], 2e-4 * size);
}

/* m plain steps down the mean squared error of the same samples, whose targets stay. */
static void expect_baseline_steps(const change *c, int i, double rate, int m) {
    static samples all;
    const actor_critic_net *net = &c->ac->policy[i].critic;
    size_t weight = net->params.entries[net->mlp.weight[0]].at,
           bias = net->params.entries[net->mlp.bias[0]].at;
    double w[IN + 1];
    read_samples(c, i, &all);
    for (size_t k = 0; k < all.in; k++) w[k] = (double)c->before[i].critic[weight + k];
    w[all.in] = (double)c->before[i].critic[bias];
    for (int k = 0; k < m; k++) {
        double g[IN + 1] = {0};
        for (int s = 0; s < all.n; s++) {
            double error = along(all.at[s].x, w, all.in + 1) - all.at[s].target;
            for (size_t f = 0; f <= all.in; f++) g[f] += 2 * error * all.at[s].x[f] / all.n;
        }
        for (size_t f = 0; f <= all.in; f++) w[f] -= rate * g[f];
    }
    for (size_t k = 0; k < all.in; k++) EXPECT_NEAR(net->params.theta[weight + k], w[k], 2e-5);
    EXPECT_NEAR(net->params.theta[bias], w[all.in], 2e-5);
    EXPECT(fabs((double)net->params.theta[bias] - (double)c->before[i].critic[bias]) > 1e-3);
}

static const char *const WORLDS[] = {"length=5", "masks=true death=3", "pauses=true masks=true",
                                     "hidden=1 cut=true"};
#define WORLD_COUNT (sizeof WORLDS / sizeof *WORLDS)

TEST(ac_steps_as_its_equations_say) {
    for (size_t k = 0; k < WORLD_COUNT; k++)
        for (int m = 1; m <= 4; m += 3) {
            char settings[256];
            change c;
            fm_text_format(settings, sizeof settings,
                           LINEAR "actor_lr=0.5 critic_lr=0.05 vf_iters=%d ent_coef=%g", m, m > 1 ? 0.7 : 0);
            begin(&c, &algo_ac, WORLDS[k], settings);
            for (int i = 0; i < 2; i++) {
                expect_policy_step(&c, i, 0.5, NONE, 1);
                expect_baseline_steps(&c, i, 0.05, m);
            }
            drive_end(&c.d);
        }
}

TEST(ac_normalises_advantages) {
    static samples all;
    change c;
    begin(&c, &algo_ac, "pauses=true", LINEAR);
    for (int i = 0; i < 2; i++) {
        double sum = 0, squares = 0;
        read_samples(&c, i, &all);
        for (int k = 0; k < all.n; k++)
            sum += all.at[k].advantage, squares += all.at[k].advantage * all.at[k].advantage;
        EXPECT_NEAR(sum / all.n, 0, 1e-5);
        EXPECT_NEAR(squares / all.n, 1, 1e-4);
    }
    drive_end(&c.d);
}

/* R_t = sum gamma^k r, and gamma^K V(after) where the rollout cuts it off. */
TEST(targets_of_monte_carlo_are_discounted_rewards) {
    for (int monte_carlo = 0; monte_carlo < 2; monte_carlo++) {
        change c;
        double most = 0;
        begin(&c, &algo_ac, "length=5",
              monte_carlo ? LINEAR "vf_iters=3 critic_lr=0.05 targets=monte_carlo" : LINEAR "vf_iters=3");
        const algo_rollout *r = &c.ac->rollout;
        for (size_t b = 0; b < r->copies; b++)
            for (size_t i = 0; i < 2; i++) {
                double target = 0;
                for (size_t t = r->steps; t-- > 0;) {
                    size_t at = (t * r->copies + b) * 2 + i;
                    if (r->next[at] != ALGO_GOES_ON) target = (double)r->after[at];
                    target = r->rewards[at] + 0.9 * target;
                    most = fmax(most, fabs(target - (double)r->returns[at]));
                }
            }
        EXPECT(monte_carlo ? most < 1e-5 : most > 0.1);
        for (int i = 0; i < 2 && monte_carlo; i++) expect_baseline_steps(&c, i, 0.05, 3);
        drive_end(&c.d);
    }
}

TEST(stac_steps_as_its_equations_say_in_every_form) {
    static const char *const FORMS[] = {"", "trajectory", "raw", "released"};
    for (size_t k = 0; k < WORLD_COUNT; k++)
        for (int form = TRAJECTORY; form <= RELEASED; form++)
            for (int gauss = 0; gauss < 2; gauss++) {
                char settings[256];
                change c;
                fm_text_format(settings, sizeof settings,
                               LINEAR
                               "actor_lr=0.5 critic_lr=0.05 vf_iters=3 guard=0 cg_iters=50 damping=0.3 "
                               "cg_tolerance=0.000001 form=%s ent_coef=%g curvature=%s",
                               FORMS[form], gauss ? 0.7 : 0,
                               gauss ? "gauss_newton" : "hessian"); /* of a linear V: the same */
                begin(&c, &algo_stac, WORLDS[k], settings);
                for (int i = 0; i < 2; i++) {
                    expect_policy_step(&c, i, 0.5, (term)form, 0.3);
                    expect_baseline_steps(&c, i, 0.05, 3);
                }
                drive_end(&c.d);
            }
}

/* Without its implicit term it is AC, but for rounding: its gradients come from one plan. */
TEST(stac_without_its_implicit_term_is_ac) {
    change a, b;
    begin(&a, &algo_ac, "masks=true", LINEAR "hidden=8 vf_iters=2");
    begin(&b, &algo_stac, "masks=true", LINEAR "hidden=8 vf_iters=2 implicit=none");
    for (int i = 0; i < 2; i++) {
        const actor_critic_policy *p = &a.ac->policy[i], *q = &b.ac->policy[i];
        for (size_t k = 0; k < p->actor.params.n; k++)
            EXPECT_NEAR(p->actor.params.theta[k], q->actor.params.theta[k], 0);
        for (size_t k = 0; k < p->critic.params.n; k++)
            EXPECT_NEAR(p->critic.params.theta[k], q->critic.params.theta[k], 0);
    }
    EXPECT_NEAR(drive_metric(&b.d, "norm_ratio"), 1, 1e-6);
    EXPECT_NEAR(drive_metric(&b.d, "loss_0"), drive_metric(&a.d, "loss_0"), 0);
    EXPECT_NEAR(drive_metric(&b.d, "entropy_1"), drive_metric(&a.d, "entropy_1"), 0);
    EXPECT_NEAR(drive_metric(&b.d, "critic_loss_1"), drive_metric(&a.d, "critic_loss_1"), 0);
    drive_end(&a.d);
    drive_end(&b.d);
}

/* The released surrogate with the Gauss-Newton matrix and no damping: twice the policy gradient, whatever the
 * critic is. */
TEST(the_released_step_is_twice_the_policy_gradient) {
    drive d;
    drive_begin(&d, &algo_stac, "cartpole", "",
                "preset=published curvature=gauss_newton cg_iters=30 n_steps=500", 1, 3000, 5);
    for (int k = 0; k < 4; k++) {
        drive_run(&d, 500);
        EXPECT_NEAR(drive_metric(&d, "norm_ratio"), 2, 0.003);
        EXPECT_NEAR(drive_metric(&d, "cosine"), 1, 1e-6);
        EXPECT(drive_metric(&d, "curvature") >= 0 && drive_metric(&d, "guard") == 0);
        EXPECT(drive_metric(&d, "cg_iterations") > 2 && drive_metric(&d, "cg_residual") < 0.001);
    }
    drive_end(&d);
}

/* lambda = 0 and the whole Hessian, which is indefinite here: the published program goes on through it; ours
 * stops, says so, and keeps to its bound. */
TEST(the_guard_holds_where_the_hessian_is_indefinite) {
    drive d;
    bool met = false;
    drive_begin(&d, &algo_stac, "cartpole", "", "preset=published n_steps=500 indefinite=no guard=1.5", 1,
                9000, 5);
    for (int k = 0; k < 12; k++) {
        drive_run(&d, 500);
        met = met || drive_metric(&d, "curvature") < 0;
        EXPECT(drive_metric(&d, "norm_ratio") <= 1.5 * 1.0001);
    }
    EXPECT(met && drive_metric(&d, "guard") > 0 && drive_metric(&d, "guard") <= 1);
    drive_end(&d);

    met = false;
    drive_begin(&d, &algo_stac, "cartpole", "", "preset=published n_steps=500", 1, 9000, 5);
    for (int k = 0; k < 12; k++) {
        drive_run(&d, 500);
        met = met || (drive_metric(&d, "curvature") < 0 && drive_metric(&d, "cg_iterations") == 10);
        EXPECT(drive_metric(&d, "guard") == 0);
    }
    EXPECT(met);
    drive_end(&d);
}

/* Of one update of two leaders: means, the least curvature, and the share that a guard changed. */
TEST(the_log_sums_up_the_leaders) {
    static const double WANTED[] = {3, 0.25, -3, 0.5, 1.5, 0.5};
    const nn_total_report two[] = {
        {.iterations = 4, .residual = 0.5, .curvature = -3, .cosine = 1, .norm_ratio = 2, .guarded = true},
        {.iterations = 2, .residual = 0, .curvature = 7, .cosine = 0, .norm_ratio = 1}};
    fm_arena arena = {0};
    fm_keep_list keep = {0};
    algo_total_log log = algo_total_log_make(&(algo_setup){.arena = &arena, .keep = &keep});
    double shown[6];
    EXPECT(algo_total_measure(&log, shown) == shown + 6 && shown[0] == FM_ABSENT && shown[5] == FM_ABSENT);
    algo_total_note(&log, two, 2);
    algo_total_measure(&log, shown);
    for (int i = 0; i < 6; i++) EXPECT_NEAR(shown[i], WANTED[i], 1e-15);
    fm_keep_free(&keep);
    fm_arena_free(&arena);
}

/* Noise of deviation s in every gradient moves every parameter by rate s xi, and no gap between them. */
TEST(noise_is_added_to_every_gradient) {
    change a, b;
    begin(&a, &algo_ac, "", LINEAR "n_steps=72 hidden=16,8 actor_lr=0.5 critic_lr=0.25 vf_iters=1");
    begin(&b, &algo_ac, "", LINEAR "n_steps=72 hidden=16,8 actor_lr=0.5 critic_lr=0.25 vf_iters=1 noise=0.2");
    for (int i = 0; i < 2; i++)
        for (int net = 0; net < 2; net++) {
            const nn_params *p = net ? &a.ac->policy[i].critic.params : &a.ac->policy[i].actor.params;
            const nn_params *q = net ? &b.ac->policy[i].critic.params : &b.ac->policy[i].actor.params;
            double squares = 0, count = (double)nn_params_count(p);
            for (size_t k = 0; k < p->n; k++)
                squares += pow(((double)q->theta[k] - (double)p->theta[k]) / (net ? 0.25 : 0.5), 2);
            EXPECT_NEAR(sqrt(squares / count), 0.2, 0.03);
            EXPECT(p->n > nn_params_count(p));
            for (size_t e = 0; e + 1 < 4; e++)
                for (size_t k = p->entries[e].at + p->entries[e].rows * p->entries[e].cols;
                     k < p->entries[e + 1].at; k++)
                    EXPECT(q->theta[k] == 0);
        }
    drive_end(&a.d);
    drive_end(&b.d);
}

/* Each network's gradient by itself is brought to the limit. */
TEST(gradients_are_clipped_apart) {
    change c;
    begin(&c, &algo_ac, "", LINEAR "n_steps=36 actor_lr=0.5 critic_lr=0.25 vf_iters=1 max_grad_norm=0.003");
    for (int i = 0; i < 2; i++)
        for (int net = 0; net < 2; net++) {
            const actor_critic_net *of = net ? &c.ac->policy[i].critic : &c.ac->policy[i].actor;
            const real *before = net ? c.before[i].critic : c.before[i].actor;
            double squares = 0;
            for (size_t k = 0; k < of->params.n; k++)
                squares += pow((double)of->params.theta[k] - (double)before[k], 2);
            EXPECT_NEAR(sqrt(squares) / (net ? 0.25 : 0.5), 0.003, 1e-5);
        }
    drive_end(&c.d);
}

/* PyTorch's layers begin with biases, uniform within 1 / sqrt(inputs) as the weights; PPO's with none. */
TEST(networks_start_as_asked) {
    for (int fan_in = 0; fan_in < 2; fan_in++) {
        drive d;
        drive_begin(&d, &algo_stac, "cartpole", "",
                    fan_in ? "preset=published init=fan_in" : "preset=published init=orthogonal", 1, 3000, 5);
        const actor_critic *ac = d.learner;
        const nn_params *p = &ac->policy[0].critic.params;
        const nn_entry *weight = &p->entries[ac->policy[0].critic.mlp.weight[1]],
                       *bias = &p->entries[ac->policy[0].critic.mlp.bias[1]];
        double most = 0, offset = 0, limit = 1 / sqrt(64);
        for (size_t k = 0; k < weight->rows * weight->cols; k++)
            most = fmax(most, fabs((double)p->theta[weight->at + k]));
        for (size_t k = 0; k < bias->cols; k++) offset = fmax(offset, fabs((double)p->theta[bias->at + k]));
        EXPECT_EQ(weight->rows, 64);
        EXPECT(fan_in ? most <= limit && most > 0.99 * limit : most > 2 * limit);
        EXPECT(fan_in ? offset <= limit && offset > 0.8 * limit : offset == 0);
        drive_end(&d);
    }
}

TEST(settings_that_make_no_sense_are_refused) {
    static const struct {
        const char *settings, *words;
    } WRONG[] = {{"damping=-1", "damping"},
                 {"vf_iters=0", "vf_iters"},
                 {"cg_iters=0", "cg_iters"},
                 {"form=trajectories", "form"},
                 {"guard=0.5", "guard = 0.5"}};
    for (size_t k = 0; k < sizeof WRONG / sizeof *WRONG; k++) {
        fm_arena arena = {0};
        fm_error err;
        env game;
        void *config = fm_arena_alloc(&arena, 1, algo_stac.config_size);
        fm_options_reset(algo_stac.options, config);
        EXPECT(env_open("cartpole", &arena, &game, &err) == FM_OK &&
               env_create(&game, &arena, &err) == FM_OK);
        EXPECT(algo_stac.accepts(&game.facts, config, &err) == FM_OK);
        fm_status status = fm_options_apply(algo_stac.options, config, WRONG[k].settings, &err);
        if (status == FM_OK) status = algo_stac.accepts(&game.facts, config, &err);
        EXPECT_EQ(status, FM_BAD);
        EXPECT_HAS(err.text, WRONG[k].words);
        fm_arena_free(&arena);
    }
}

TEST_MAIN(CASE(ac_steps_as_its_equations_say), CASE(ac_normalises_advantages),
          CASE(targets_of_monte_carlo_are_discounted_rewards),
          CASE(stac_steps_as_its_equations_say_in_every_form), CASE(stac_without_its_implicit_term_is_ac),
          CASE(the_released_step_is_twice_the_policy_gradient),
          CASE(the_guard_holds_where_the_hessian_is_indefinite), CASE(the_log_sums_up_the_leaders),
          CASE(noise_is_added_to_every_gradient), CASE(gradients_are_clipped_apart),
          CASE(networks_start_as_asked), CASE(settings_that_make_no_sense_are_refused))
