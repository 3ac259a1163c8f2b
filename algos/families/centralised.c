#include "algos/families/centralised.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "nn/distributions.h"

fm_status centralised_accepts(const char *name, const env_facts *facts, const centralised_config *config,
                              fm_error *err) {
    for (int i = 0; i < facts->agents; i++)
        if (facts->agent[i].action.kind == ENV_MULTI_DISCRETE)
            return fm_fail(err,
                           "%s needs a box or one discrete action; '%s' has several heads for agent '%s'",
                           name, facts->name, facts->agent[i].name);
    if (facts->pauses && facts->agents > 1)
        return fm_fail(err,
                       "%s needs every agent to act at every decision; in '%s' agents wait for each other",
                       name, facts->name);
    if (config->replay.buffer_size < config->replay.batch_size)
        return fm_fail(
            err, "%s: a replay of %lld cannot hold a minibatch of %lld (options buffer_size, batch_size)",
            name, (long long)config->replay.buffer_size, (long long)config->replay.batch_size);
    return FM_OK;
}

static bool is_discrete(const centralised *c, int i) {
    return c->facts->agent[i].action.kind == ENV_DISCRETE;
}

/* ---- the mathematics, recorded once ---- */

/* Agent i's part of all observations. */
static ad_var own(const centralised *c, int i, ad_var obs) {
    const env_agent *agent = &c->facts->agent[i];
    return ad_slice_cols(obs, (size_t)agent->obs_at, (size_t)agent->obs_length);
}

/* (x, a) with a_i replaced. */
static ad_var with_action(const centralised *c, int i, ad_var action) {
    size_t from = (size_t)(c->facts->obs_total + c->batch.joint.at[i]), to = from + ad_cols(action);
    ad_var before = ad_slice_cols(c->x, 0, from);
    if (to == ad_cols(c->x)) return ad_concat_cols(before, action);
    return ad_concat_cols(before, action, ad_slice_cols(c->x, to, ad_cols(c->x) - to));
}

static ad_var apply_target(const algo_net *net, const algo_setup *setup, ad_var x) {
    nn_leaves leaves = nn_params_leaves(setup->tape, &net->params, net->target, setup->arena);
    return algo_net_apply(net, &leaves, x);
}

/* The smallest of the values of the critics that judge the actor. */
static ad_var judged(const centralised *c, int i, ad_var x) {
    const algo_net *critic = c->agent[i].critic;
    ad_var value = algo_net_apply(&critic[0], &critic[0].leaves, x);
    for (int k = 1; k < c->rule.actor_critics; k++)
        value = ad_min(value, algo_net_apply(&critic[k], &critic[k].leaves, x));
    return value;
}

/* Logits of illegal actions far below all others, so that their probability is exactly zero. */
static ad_var legal(ad_var logits, ad_var mask) {
    return ad_is_none(mask) ? logits : ad_where(mask, logits, ad_fill(logits.tape, 1, 1, -1e9));
}

/* A discrete action drawn from softmax(logits), relaxed: the largest of logits + Gumbel noise is such a
 * draw. */
static ad_var draw(const centralised *c, const algo_setup *setup, ad_var logits, real **noise) {
    ad_var gumbel;
    *noise = algo_leaf(setup, ad_rows(logits), ad_cols(logits), "gumbel", &gumbel);
    if (c->config->relaxation == CENTRALISED_SOFT)
        return nn_gumbel_softmax(logits, gumbel, c->config->temperature);
    return nn_gumbel_straight_through(logits, gumbel, c->config->temperature);
}

/* a'_i. A box's is smoothed: clip(mu'_i(o'_i) + clip(sigma noise, -c, c), -1, 1) [Fujimoto 2018, Alg. 1]. */
static ad_var target_action(centralised *c, int i, const algo_setup *setup) {
    centralised_agent *agent = &c->agent[i];
    ad_var out = apply_target(&agent->actor, setup, own(c, i, c->next_obs)), noise;
    if (is_discrete(c, i)) return draw(c, setup, legal(out, agent->next_mask), &agent->next_draws);
    if (c->rule.target_policy_noise == 0) return ad_tanh(out);
    agent->next_draws = algo_leaf(setup, ad_rows(out), ad_cols(out), "smoothing", &noise);
    double most = c->rule.target_noise_clip;
    ad_var smoothing = ad_clip(ad_scale(noise, c->rule.target_policy_noise), -most, most);
    return ad_clip(ad_add(ad_tanh(out), smoothing), -1, 1);
}

/* y_i = r_i + gamma not_done_i min_k Q'_ik(x', a') [Lowe 2017, Eq. 6; Fujimoto 2018, Eq. 10]. */
static void record_targets(centralised *c, const algo_setup *setup) {
    size_t agents = (size_t)c->agents;
    ad_var *next = fm_arena_array(setup->arena, ad_var, 1 + agents);
    ad_output *y = fm_arena_array(setup->arena, ad_output, agents);
    next[0] = c->next_obs;
    for (int i = 0; i < c->agents; i++)
        next[1 + i] = ad_mul(target_action(c, i, setup), c->agent[i].not_done);
    ad_var x = ad_concat_cols_n(next, 1 + agents);
    for (int i = 0; i < c->agents; i++) {
        const centralised_agent *agent = &c->agent[i];
        ad_var value = apply_target(&agent->critic[0], setup, x);
        for (int k = 1; k < c->rule.target_critics; k++)
            value = ad_min(value, apply_target(&agent->critic[k], setup, x));
        ad_var future = ad_scale(ad_mul(agent->not_done, value), c->config->gamma);
        y[i] = (ad_output){ad_add(agent->reward, future), agent->td_target};
    }
    c->targets = ad_plan_make(NULL, 0, y, agents);
}

/* mean (y_i - Q_ik(x, a))^2. */
static ad_var critic_loss(const centralised *c, int i, int k) {
    const algo_net *critic = &c->agent[i].critic[k];
    ad_var error = ad_sub(c->agent[i].target, algo_net_apply(critic, &critic->leaves, c->x));
    return nn_weighted_mean(algo_penalty(error, (algo_loss)c->config->loss), c->agent[i].weight);
}

/* sum_b pi(b) Q_i(x, a with a_i = b). */
static ad_var expected(const centralised *c, int i, const algo_setup *setup, ad_var logits) {
    size_t rows = ad_rows(logits), n = ad_cols(logits);
    ad_var one_hots, each = AD_NONE;
    real *data = algo_leaf(setup, n, n, "one-hots", &one_hots);
    for (size_t b = 0; b < n; b++) data[b * n + b] = 1;
    for (size_t b = 0; b < n; b++) {
        ad_var action = ad_broadcast(ad_slice_rows(one_hots, b, 1), rows, n);
        ad_var value = judged(c, i, with_action(c, i, action));
        each = b == 0 ? value : ad_concat_cols(each, value);
    }
    return ad_sum_cols(ad_mul(ad_softmax(logits), each));
}

/* -mean Q_i(x, a) with a_i from the actor [Lowe 2017, Eq. 5]. */
static ad_var actor_loss(centralised *c, int i, const algo_setup *setup) {
    centralised_agent *agent = &c->agent[i];
    ad_var out = algo_net_apply(&agent->actor, &agent->actor.leaves, own(c, i, c->x));
    if (!is_discrete(c, i))
        return ad_neg(nn_weighted_mean(judged(c, i, with_action(c, i, ad_tanh(out))), agent->weight));
    ad_var logits = legal(out, agent->mask), value;
    if (c->config->relaxation == CENTRALISED_EXPECTATION)
        value = expected(c, i, setup, logits);
    else
        value = judged(c, i, with_action(c, i, draw(c, setup, logits, &agent->draws)));
    ad_var penalty = ad_scale(ad_sum_cols(ad_square(out)), c->config->logit_l2);
    return nn_weighted_mean(ad_sub(penalty, value), agent->weight);
}

/* ---- building ---- */

static void make_net(centralised *c, algo_net *net, const algo_setup *setup, const char *name, size_t in,
                     size_t out, bool critic, fm_rng *init) {
    const centralised_config *config = c->config;
    algo_net_shape shape = {.name = name,
                            .in = in,
                            .out = out,
                            .hidden = critic ? &config->hidden : &config->actor_hidden,
                            .activation = (ad_act)config->activation,
                            .lr = critic ? config->critic_lr : config->actor_lr,
                            .max_grad_norm = config->descent.max_grad_norm,
                            .target = true};
    algo_net_make(net, setup, &shape, init);
}

static void make_nets(centralised *c, int i, const algo_setup *setup) {
    centralised_agent *agent = &c->agent[i];
    size_t in = (size_t)(c->facts->obs_total + c->batch.joint.total), envs = (size_t)c->num_envs;
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, (uint64_t)i);
    char name[FM_NAME_MAX];
    for (int k = 0; k < c->rule.critics; k++) {
        fm_text_format(name, sizeof name, "critic.%d.%d", i, k);
        make_net(c, &agent->critic[k], setup, name, in, 1, true, &init);
    }
    fm_text_format(name, sizeof name, "actor.%d", i);
    make_net(c, &agent->actor, setup, name, (size_t)c->facts->agent[i].obs_length,
             (size_t)c->batch.joint.width[i], false, &init);
    agent->value = algo_forward_make(&agent->critic[0], setup, agent->critic[0].params.theta, envs);
    agent->now = algo_forward_make(&agent->actor, setup, agent->actor.params.theta, envs);
    agent->mean_target = fm_arena_array(setup->arena, double, 1);
    *agent->mean_target = FM_ABSENT;
    fm_keep(setup->keep, FM_F64, agent->mean_target, 1, "critic.%d.mean_target", i);
}

static void declare_columns(centralised *c, int i, const algo_setup *setup) {
    centralised_agent *agent = &c->agent[i];
    algo_batch *batch = &c->batch;
    agent->rewards = algo_batch_leaf(batch, ALGO_REWARD, i, &agent->reward);
    agent->goes_on = algo_batch_leaf(batch, ALGO_NOT_DONE, i, &agent->not_done);
    agent->counts = algo_batch_leaf(batch, ALGO_WEIGHT, i, &agent->weight);
    agent->acts = algo_batch_leaf(batch, ALGO_ACTIVE, i, NULL);
    agent->td_target = algo_leaf(setup, batch->rows, 1, "td_target", &agent->target);
    agent->mask = agent->next_mask = AD_NONE;
    if (c->facts->masks && is_discrete(c, i)) {
        algo_batch_leaf(batch, ALGO_MASK, i, &agent->mask);
        algo_batch_leaf(batch, ALGO_NEXT_MASK, i, &agent->next_mask);
    }
}

static void record(centralised *c, const algo_setup *setup) {
    size_t obs = (size_t)c->facts->obs_total, in = obs + (size_t)c->batch.joint.total;
    c->x_rows = algo_leaf(setup, c->batch.rows, in, "observations and actions", &c->x);
    algo_batch_into(&c->batch, ALGO_OBS, ALGO_ALL, c->x_rows, in);
    algo_batch_into(&c->batch, ALGO_COLUMNS, ALGO_ALL, c->x_rows + obs, in);
    c->next_rows = algo_batch_leaf(&c->batch, ALGO_NEXT_OBS, ALGO_ALL, &c->next_obs);
    for (int i = 0; i < c->agents; i++) declare_columns(c, i, setup);
    record_targets(c, setup);
    for (int i = 0; i < c->agents; i++) {
        for (int k = 0; k < c->rule.critics; k++)
            algo_net_learn(&c->agent[i].critic[k], setup, critic_loss(c, i, k));
        algo_net_learn(&c->agent[i].actor, setup, actor_loss(c, i, setup));
    }
}

centralised *centralised_make(const algo_setup *setup, const centralised_config *config,
                              const centralised_rule *rule) {
    centralised *c = fm_arena_array(setup->arena, centralised, 1);
    size_t agents = (size_t)setup->facts->agents;
    c->facts = setup->facts;
    c->config = config;
    c->rule = *rule;
    c->agents = setup->facts->agents;
    c->num_envs = setup->num_envs;
    c->steps = setup->steps;
    c->agent = fm_arena_array(setup->arena, centralised_agent, agents);
    c->scale = fm_arena_array(setup->arena, algo_scale, agents);
    c->replay = algo_replay_make(setup, config->replay.buffer_size);
    c->batch = algo_batch_make(setup, (size_t)config->replay.batch_size);
    c->batch.scale = c->scale;
    c->columns = fm_arena_array(setup->arena, real, (size_t)c->batch.joint.total);
    bool raw = config->scale_rewards == ALGO_SCALE_NONE;
    for (int i = 0; i < c->agents; i++) {
        c->scale[i] = algo_reward_scale(c->facts, i, raw);
        make_nets(c, i, setup);
    }
    record(c, setup);
    algo_stream(setup, &c->sample, FM_RNG_SAMPLE, 0);
    algo_stream(setup, &c->noise, FM_RNG_UPDATE, 0);
    algo_cadence_keep(&c->cadence, setup);
    return c;
}

void centralised_destroy(void *self) {
    centralised *c = self;
    for (int i = 0; i < c->agents; i++) {
        algo_net_free(&c->agent[i].actor);
        for (int k = 0; k < c->rule.critics; k++) algo_net_free(&c->agent[i].critic[k]);
    }
}

/* ---- acting ---- */

/* Every actor's outputs in the rows of the view, in agent[i].now.y. */
static void evaluate(centralised *c, const env_view *view) {
    for (int i = 0; i < c->agents; i++) {
        algo_forward_show(&c->agent[i].now, c->facts, view, i);
        algo_forward_run(&c->agent[i].now);
    }
}

static bool all_random(const centralised *c) {
    return c->cadence.decisions < c->config->replay.learning_starts;
}

static double epsilon_now(const centralised *c) {
    return all_random(c) ? 1 : algo_epsilon(&c->config->epsilon, c->cadence.decisions);
}

static double action_noise_now(const centralised *c) {
    return c->config->action_noise *
           algo_falling(c->config->action_noise_final, c->cadence.decisions, c->steps);
}

/* Agent i's action by its actor's outputs. */
static void play(centralised *c, int i, const real *out, const uint8_t *mask, algo_mode mode, fm_rng *rng,
                 real *action) {
    int width = c->batch.joint.width[i];
    if (is_discrete(c, i)) {
        bool drawn = mode != ALGO_GREEDY && c->config->sample_actions;
        *action = (real)(drawn ? nn_categorical_sample(out, mask, width, rng) : nn_argmax(out, mask, width));
        return;
    }
    double sigma = mode == ALGO_TRAIN ? action_noise_now(c) : 0;
    for (int k = 0; k < width; k++)
        c->columns[k] = (real)(tanh((double)out[k]) + (sigma > 0 ? sigma * fm_rng_normal(rng) : 0));
    algo_decode_agent(&c->facts->agent[i].action, c->columns, action);
}

/* The joint action of one copy. Whole random actions are for the discrete agents; a box is explored by its
 * noise, but for the random decisions at the start. */
static void act_row(centralised *c, const env_view *view, size_t row, algo_mode mode, fm_rng *rng,
                    real *actions) {
    const env_facts *facts = c->facts;
    const uint8_t *masks = view->mask + row * (size_t)facts->mask_total;
    double epsilon = mode == ALGO_TRAIN ? epsilon_now(c) : 0;
    bool joint = c->config->coin == ALGO_COIN_JOINT && epsilon > 0 && fm_rng_uniform(rng) < epsilon;
    for (int i = 0; i < c->agents; i++) {
        const env_agent *agent = &facts->agent[i];
        const algo_forward *now = &c->agent[i].now;
        const uint8_t *mask = facts->masks ? masks + agent->mask_at : NULL;
        real *action = actions + agent->action_at;
        bool explores = epsilon > 0 && (is_discrete(c, i) || all_random(c));
        if (c->config->coin == ALGO_COIN_JOINT)
            explores = explores && joint;
        else
            explores = explores && fm_rng_uniform(rng) < epsilon;
        if (!view->active[row * (size_t)c->agents + (size_t)i])
            memset(action, 0, (size_t)agent->action.size * sizeof *action);
        else if (explores)
            algo_random_action(facts, i, masks, rng, action);
        else
            play(c, i, now->y + row * now->out, mask, mode, rng, action);
    }
}

void centralised_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                     real *actions) {
    (void)memory;
    centralised *c = self;
    if (mode != ALGO_TRAIN || !all_random(c)) evaluate(c, view);
    for (size_t r = 0; r < (size_t)view->copies; r++)
        act_row(c, view, r, mode, &rng[r], actions + r * (size_t)c->facts->action_total);
}

/* (x, a) of one copy. */
static void write_joint_input(const centralised *c, const env_view *view, size_t row, const real *actions,
                              real *x) {
    const env_facts *facts = c->facts;
    memset(x, 0, (size_t)(facts->obs_total + c->batch.joint.total) * sizeof *x);
    for (int i = 0; i < c->agents; i++) {
        const env_agent *agent = &facts->agent[i];
        if (!view->active[row * (size_t)c->agents + (size_t)i]) continue;
        memcpy(x + agent->obs_at, view->obs + row * (size_t)facts->obs_total + agent->obs_at,
               (size_t)agent->obs_length * sizeof *x);
        algo_encode_agent(&agent->action, actions + agent->action_at,
                          x + facts->obs_total + c->batch.joint.at[i]);
    }
}

/* In the units of the rewards. */
void centralised_values(void *self, const env_view *view, const real *actions, double *values) {
    centralised *c = self;
    for (int i = 0; i < c->agents; i++) {
        algo_forward *value = &c->agent[i].value;
        for (size_t r = 0; r < (size_t)view->copies; r++)
            write_joint_input(c, view, r, actions + r * (size_t)c->facts->action_total,
                              value->x + r * value->in);
        algo_forward_run(value);
        for (size_t r = 0; r < (size_t)view->copies; r++)
            values[r * (size_t)c->agents + (size_t)i] =
                algo_value_in_unit(c->facts, c->scale[i], c->config->gamma, (double)value->y[r]);
    }
}

/* softmax(logits)[action] among the legal ones. */
static double probability(const real *logits, const uint8_t *mask, int n, int action) {
    double largest = (double)logits[nn_argmax(logits, mask, n)], total = 0;
    for (int k = 0; k < n; k++)
        if (mask == NULL || mask[k]) total += exp((double)logits[k] - largest);
    return mask == NULL || mask[action] ? exp((double)logits[action] - largest) / total : 0;
}

/* 0 for an agent with a box, or one that does not act. */
void centralised_probabilities(void *self, const env_view *view, const real *actions, double *probabilities) {
    centralised *c = self;
    const env_facts *facts = c->facts;
    evaluate(c, view);
    for (size_t r = 0; r < (size_t)view->copies; r++)
        for (int i = 0; i < c->agents; i++) {
            const env_agent *agent = &facts->agent[i];
            const algo_forward *now = &c->agent[i].now;
            const uint8_t *masks = view->mask + r * (size_t)facts->mask_total;
            size_t own = r * (size_t)c->agents + (size_t)i;
            int action = (int)actions[r * (size_t)facts->action_total + (size_t)agent->action_at];
            probabilities[own] = 0;
            if (is_discrete(c, i) && view->active[own])
                probabilities[own] =
                    probability(now->y + r * now->out, facts->masks ? masks + agent->mask_at : NULL,
                                agent->action.n, action);
        }
}

/* ---- learning ---- */

void centralised_observe(void *self, const algo_step *step) {
    centralised *c = self;
    algo_replay_add(&c->replay, step);
    algo_cadence_count(&c->cadence, step->before.copies, c->config->replay.learning_starts);
}

/* Zeros for what agent i sees in the rows in which it does not act. */
static void clear_absent(const centralised *c, int i, const real *acts, real *rows, size_t stride) {
    const env_agent *agent = &c->facts->agent[i];
    for (size_t b = 0; b < c->batch.rows; b++)
        if (acts[b] == 0)
            memset(rows + b * stride + agent->obs_at, 0, (size_t)agent->obs_length * sizeof *rows);
}

static void fill_batch(centralised *c) {
    algo_replay_draw(&c->replay, &c->batch, &c->sample);
    algo_replay_fill(&c->replay, &c->batch);
    for (int i = 0; i < c->agents; i++) {
        clear_absent(c, i, c->agent[i].acts, c->x_rows, ad_cols(c->x));
        clear_absent(c, i, c->agent[i].goes_on, c->next_rows, ad_cols(c->next_obs));
    }
}

static void fill_draws(centralised *c, int i, real *draws) {
    size_t n = c->batch.rows * (size_t)c->batch.joint.width[i];
    if (draws == NULL) return;
    if (is_discrete(c, i))
        nn_gumbel_fill(draws, n, &c->noise);
    else
        fm_rng_fill_normal(&c->noise, draws, n);
}

/* Of the rows that count. */
static double mean_target(const centralised_agent *agent, size_t rows) {
    double sum = 0, count = 0;
    for (size_t b = 0; b < rows; b++) {
        sum += (double)agent->counts[b] * (double)agent->td_target[b];
        count += (double)agent->counts[b];
    }
    return count > 0 ? sum / count : FM_ABSENT;
}

/* y of the minibatch; the rewards alone where nothing in it has a future, as in one-shot games. */
static void fill_targets(centralised *c) {
    size_t rows = c->batch.rows;
    bool goes_on = false;
    for (int i = 0; i < c->agents; i++) {
        const centralised_agent *agent = &c->agent[i];
        memcpy(agent->td_target, agent->rewards, rows * sizeof(real));
        for (size_t b = 0; b < rows; b++) goes_on = goes_on || agent->goes_on[b] > 0;
    }
    if (goes_on && c->config->gamma > 0) {
        for (int i = 0; i < c->agents; i++) fill_draws(c, i, c->agent[i].next_draws);
        ad_replay(c->targets);
    }
    for (int i = 0; i < c->agents; i++) *c->agent[i].mean_target = mean_target(&c->agent[i], rows);
}

static void track(centralised *c) {
    double tau = c->config->target.tau;
    for (int i = 0; i < c->agents; i++) {
        algo_net_track(&c->agent[i].actor, tau);
        for (int k = 0; k < c->rule.critics; k++) algo_net_track(&c->agent[i].critic[k], tau);
    }
}

/* The critics, and at every policy_delay-th time the actors and the targets [Fujimoto 2018, Alg. 1]. */
static void learn(centralised *c) {
    int64_t updates = c->cadence.updates, delay = c->rule.policy_delay;
    double rate = algo_falling(c->config->descent.lr_final, c->cadence.decisions, c->steps);
    fill_batch(c);
    fill_targets(c);
    for (int i = 0; i < c->agents; i++)
        for (int k = 0; k < c->rule.critics; k++) algo_net_step(&c->agent[i].critic[k], rate);
    if (updates % delay != 0) return;
    for (int i = 0; i < c->agents; i++) {
        fill_draws(c, i, c->agent[i].draws);
        algo_net_step(&c->agent[i].actor, rate);
    }
    if (updates / delay % c->config->target.target_update_interval == 0) track(c);
}

void centralised_update(void *self) {
    centralised *c = self;
    const algo_replay_options *o = &c->config->replay;
    while (algo_cadence_due(&c->cadence, o->train_freq, o->gradient_steps)) learn(c);
}

/* ---- what the log shows ---- */

/* ORDER: centralised_measure. */
const algo_metric CENTRALISED_METRICS[] = {
    {"critic_loss", "", "the critics' loss at the last update, their mean", true},
    {"actor_loss", "", "the actor's loss at its last update", true},
    {"critic_gradient_norm", "", "norm of a critic's gradient before it was clipped, their mean", true},
    {"actor_gradient_norm", "", "norm of the actor's gradient before it was clipped", true},
    {"mean_target", "scaled reward", "mean TD target of the last minibatch", true},
    {"epsilon", "", "chance of a random discrete action", false},
    {"action_noise", "half ranges", "standard deviation of the noise on a box's actions", false},
    {NULL, NULL, NULL, false},
};

/* Of what both critics have, or neither. */
static double mean_of(double first, double second, int critics) {
    return first == FM_ABSENT || critics == 1 ? first : (first + second) / 2;
}

void centralised_measure(const void *self, double *values) {
    const centralised *c = self;
    bool discrete = false, box = false;
    for (int i = 0; i < c->agents; i++) {
        const centralised_agent *agent = &c->agent[i];
        const algo_net *critic = agent->critic;
        bool both = c->rule.critics == 2;
        double *at = values + i;
        *at = mean_of(*critic[0].loss, both ? *critic[1].loss : 0, c->rule.critics);
        *(at += c->agents) = *agent->actor.loss;
        *(at += c->agents) =
            mean_of(*critic[0].gradient_norm, both ? *critic[1].gradient_norm : 0, c->rule.critics);
        *(at += c->agents) = *agent->actor.gradient_norm;
        *(at += c->agents) = *agent->mean_target;
        *(is_discrete(c, i) ? &discrete : &box) = true;
    }
    values[5 * c->agents] = discrete ? epsilon_now(c) : FM_ABSENT;
    values[5 * c->agents + 1] = box ? action_noise_now(c) : FM_ABSENT;
}
