#include "algos/families/centralised.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "nn/distributions.h"

#define FORBIDDEN (-1e9)

/* ---- building ---- */

fm_status centralised_accepts(const char *name, const env_facts *facts, const centralised_config *config,
                              fm_error *err) {
    (void)facts;
    if (config->replay < config->batch)
        return fm_fail(err, "%s: a replay of %lld cannot hold a minibatch of %lld (options replay, batch)",
                       name, (long long)config->replay, (long long)config->batch);
    return FM_OK;
}

static bool is_discrete(const centralised *c, int i) { return c->facts->action[i].n > 0; }

static bool is_expected(const centralised *c, int i) {
    return is_discrete(c, i) && c->config->relaxation == CENTRALISED_EXPECTATION;
}

static ad_act activation(const centralised *c) {
    return c->config->activation == CENTRALISED_TANH ? AD_TANH : AD_RELU;
}

/* Critics that the actor's gradient goes through. */
static int judges(const centralised *c) { return c->rule.actor_min ? c->rule.critics : 1; }

/* x with the columns of agent i's action replaced by `action`. */
static ad_var with_action(const centralised *c, int i, ad_var action) {
    size_t from = (size_t)(c->facts->obs_total + c->joint.at[i]), to = from + (size_t)c->joint.width[i];
    ad_var x = ad_concat_cols(ad_slice_cols(c->batch_x, 0, from), action);
    if (to == c->in) return x;
    return ad_concat_cols(x, ad_slice_cols(c->batch_x, to, c->in - to));
}

/* The smallest of the judges' values. */
static ad_var judged(const centralised *c, int i, ad_var action) {
    const centralised_agent *agent = &c->agent[i];
    ad_var x = with_action(c, i, action), value = AD_NONE;
    for (int k = 0; k < judges(c); k++) {
        const algo_net *net = &agent->critic[k].net;
        ad_var q = nn_mlp_apply(&net->mlp, &net->leaves, x);
        value = k == 0 ? q : ad_min(value, q);
    }
    return value;
}

/* -Q_i(x, a) with a_i from the actor [Lowe 2017, Eq. 5], and the relaxation of a discrete action. */
static ad_var actor_loss(centralised *c, int i, const algo_setup *setup, ad_var out) {
    ad_tape *t = c->tape;
    centralised_agent *agent = &c->agent[i];
    if (!is_discrete(c, i)) return ad_neg(ad_mean(judged(c, i, ad_tanh(out))));
    size_t rows = c->replay.batch, actions = (size_t)c->joint.width[i];
    ad_var logits = out, value;
    if (c->facts->masks) {
        ad_var forbidden;
        agent->forbidden = algo_leaf(setup, t, rows, actions, "batch.forbidden", &forbidden);
        logits = ad_add(out, forbidden);
    }
    if (is_expected(c, i)) {
        ad_var each;
        agent->each = algo_leaf(setup, t, rows, actions, "batch.each", &each);
        value = ad_sum_cols(ad_mul(ad_softmax(logits), each));
    } else {
        ad_var noise, action;
        agent->noise = algo_leaf(setup, t, rows, actions, "batch.gumbel", &noise);
        if (c->config->relaxation == CENTRALISED_SOFT)
            action = nn_gumbel_softmax(logits, noise, c->config->temperature);
        else action = nn_gumbel_straight_through(logits, noise, c->config->temperature);
        value = judged(c, i, action);
    }
    ad_var penalty = ad_scale(ad_mean(ad_sum_cols(ad_square(out))), c->config->logit_l2);
    return ad_sub(penalty, ad_mean(value));
}

/* (y_i - Q_ik(x, a))^2 [Lowe 2017, Eq. 6; Fujimoto 2018, Alg. 1]. */
static void make_critic(centralised *c, int i, int k, const algo_setup *setup, ad_var wanted, fm_rng *init) {
    centralised_critic *critic = &c->agent[i].critic[k];
    char name[FM_NAME_MAX];
    fm_text_format(name, sizeof name, "critic.%d.%d", i, k);
    algo_net_shape shape = {.name = name,
                            .in = c->in,
                            .out = 1,
                            .hidden = &c->config->hidden,
                            .act = activation(c),
                            .lr = c->config->critic_lr,
                            .target = true};
    algo_net_make(&critic->net, setup, c->tape, &shape, init);
    ad_var q = nn_mlp_apply(&critic->net.mlp, &critic->net.leaves, c->batch_x);
    algo_net_learn(&critic->net, setup, algo_regression(q, wanted, (algo_loss)c->config->loss));
    critic->next = algo_forward_make(&critic->net, setup, c->tape, true, c->replay.batch);
    if (is_expected(c, i) && k < judges(c))
        critic->each = algo_forward_make(&critic->net, setup, c->tape, false,
                                         c->replay.batch * (size_t)c->joint.width[i]);
}

static void make_agent(centralised *c, int i, const algo_setup *setup) {
    centralised_agent *agent = &c->agent[i];
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, (uint64_t)i);
    ad_var wanted;
    agent->wanted = algo_leaf(setup, c->tape, c->replay.batch, 1, "batch.target", &wanted);
    for (int k = 0; k < c->rule.critics; k++) make_critic(c, i, k, setup, wanted, &init);
    agent->value = algo_forward_make(&agent->critic[0].net, setup, c->tape, false, (size_t)c->copies);

    char name[FM_NAME_MAX];
    fm_text_format(name, sizeof name, "actor.%d", i);
    size_t obs = (size_t)c->facts->obs_length[i];
    algo_net_shape shape = {.name = name,
                            .in = obs,
                            .out = (size_t)c->joint.width[i],
                            .hidden = &c->config->actor_hidden,
                            .act = activation(c),
                            .lr = c->config->actor_lr,
                            .target = true};
    algo_net_make(&agent->actor, setup, c->tape, &shape, &init);
    agent->now = algo_forward_make(&agent->actor, setup, c->tape, false, (size_t)c->copies);
    agent->next = algo_forward_make(&agent->actor, setup, c->tape, true, c->replay.batch);
    ad_var own = ad_slice_cols(c->batch_x, (size_t)c->facts->obs_at[i], obs);
    ad_var out = nn_mlp_apply(&agent->actor.mlp, &agent->actor.leaves, own);
    algo_net_learn(&agent->actor, setup, actor_loss(c, i, setup, out));
    agent->scale = c->config->scale_rewards ? algo_reward_scale(c->facts, i) : (algo_scale){.scale = 1};
}

centralised *centralised_make(const algo_setup *setup, const centralised_config *config,
                              const centralised_rule *rule) {
    centralised *c = fm_arena_array(setup->arena, centralised, 1);
    size_t rows = (size_t)config->batch;
    c->facts = setup->facts;
    c->config = config;
    c->rule = *rule;
    c->joint = algo_joint_of(setup->facts);
    c->agents = setup->facts->agents;
    c->copies = setup->copies;
    c->steps = setup->steps;
    c->in = (size_t)(setup->facts->obs_total + c->joint.total);
    c->tape = ad_tape_new();
    c->replay = algo_replay_make(setup, config->replay, config->batch);
    c->x = algo_leaf(setup, c->tape, rows, c->in, "batch.x", &c->batch_x);
    c->next_x = fm_arena_array(setup->arena, real, rows * c->in);
    c->continues = fm_arena_array(setup->arena, real, rows);
    c->columns = fm_arena_array(setup->arena, real, (size_t)c->joint.total);
    for (int i = 0; i < c->agents; i++) {
        make_agent(c, i, setup);
        c->explore[i] = fm_rng_split(setup->seed, FM_RNG_EXPLORE, 0, (uint64_t)i);
    }
    c->sample = fm_rng_split(setup->seed, FM_RNG_SAMPLE, 0, 0);
    c->noise = fm_rng_split(setup->seed, FM_RNG_UPDATE, 0, 0);
    fm_keep_bytes(setup->keep, c->explore, sizeof c->explore, "rng.explore");
    fm_keep_bytes(setup->keep, &c->sample, sizeof c->sample, "rng.sample");
    fm_keep_bytes(setup->keep, &c->noise, sizeof c->noise, "rng.update");
    fm_keep(setup->keep, FM_I64, &c->clock, sizeof c->clock / sizeof(int64_t), "clock");
    fm_keep(setup->keep, FM_F64, c->stats, CENTRALISED_STATS, "stats");
    return c;
}

void centralised_destroy(void *self) {
    centralised *c = self;
    for (int i = 0; i < c->agents; i++) {
        algo_net_free(&c->agent[i].actor);
        for (int k = 0; k < c->rule.critics; k++) algo_net_free(&c->agent[i].critic[k].net);
    }
    ad_tape_free(c->tape);
}

/* ---- acting ---- */

/* Every actor's outputs in the rows of the view, in agent[i].now.y. */
static void evaluate(centralised *c, const algo_view *view) {
    for (int i = 0; i < c->agents; i++) {
        algo_forward *now = &c->agent[i].now;
        for (size_t r = 0; r < (size_t)view->copies; r++)
            memcpy(now->x + r * now->in, view->obs + r * (size_t)c->facts->obs_total + c->facts->obs_at[i],
                   now->in * sizeof(real));
        algo_forward_run(now);
    }
}

static double epsilon_now(const centralised *c) {
    return c->clock.decisions < c->config->warmup ? 1 : algo_epsilon(&c->config->epsilon, c->clock.decisions);
}

/* What is left of a quantity that falls linearly to a share of itself. */
static double left_of(const centralised *c, double final) {
    return final + (1 - final) * algo_linear_decay(c->clock.decisions, c->steps);
}

/* Agent i's action by its actor, as columns. */
static void write_columns(centralised *c, int i, const real *out, const uint8_t *mask, bool greedy,
                          real *to) {
    int width = c->joint.width[i];
    fm_rng *rng = &c->explore[i];
    if (is_discrete(c, i)) {
        bool draw = !greedy && c->config->sample_actions;
        algo_one_hot(to, width,
                     draw ? nn_categorical_sample(out, mask, width, rng) : nn_argmax(out, mask, width));
        return;
    }
    double sigma = c->config->noise * left_of(c, c->config->noise_final);
    for (int k = 0; k < width; k++)
        to[k] = (real)(tanh((double)out[k]) + (greedy ? 0 : sigma * fm_rng_normal(rng)));
}

void centralised_act(void *self, const algo_view *view, bool greedy, real *actions) {
    centralised *c = self;
    const env_facts *facts = c->facts;
    double epsilon = epsilon_now(c);
    bool warm = !greedy && c->clock.decisions < c->config->warmup;
    if (!warm) evaluate(c, view);
    for (size_t r = 0; r < (size_t)view->copies; r++) {
        const uint8_t *masks = view->mask + r * (size_t)facts->mask_total;
        real *row = actions + r * (size_t)facts->action_total;
        for (int i = 0; i < c->agents && !warm; i++) {
            const algo_forward *now = &c->agent[i].now;
            const uint8_t *mask = facts->masks && is_discrete(c, i) ? masks + facts->mask_at[i] : NULL;
            write_columns(c, i, now->y + r * now->out, mask, greedy, c->columns + c->joint.at[i]);
        }
        if (!warm) algo_decode(&c->joint, c->columns, row);
        bool explore = warm;
        for (int i = 0; i < c->agents && !greedy; i++) {
            bool own_coin = c->config->coin == CENTRALISED_COIN_OWN || i == 0;
            if (!warm && own_coin) explore = fm_rng_uniform(&c->explore[i]) < epsilon;
            if (warm || (explore && is_discrete(c, i)))
                algo_random_action(facts, i, masks, &c->explore[i], row + facts->action_at[i]);
        }
    }
}

/* In the units of the rewards. */
void centralised_values(void *self, const algo_view *view, const real *actions, double *values) {
    centralised *c = self;
    const env_facts *facts = c->facts;
    for (int i = 0; i < c->agents; i++) {
        algo_forward *value = &c->agent[i].value;
        algo_scale scale = c->agent[i].scale;
        for (size_t r = 0; r < (size_t)view->copies; r++) {
            real *x = value->x + r * c->in;
            memcpy(x, view->obs + r * (size_t)facts->obs_total, (size_t)facts->obs_total * sizeof(real));
            algo_encode(&c->joint, actions + r * (size_t)facts->action_total, x + facts->obs_total);
        }
        algo_forward_run(value);
        for (size_t r = 0; r < (size_t)view->copies; r++)
            values[r * (size_t)c->agents + (size_t)i] = (double)value->y[r] / scale.scale + scale.shift;
    }
}

/* softmax(logits)[action] among the legal ones. */
static double probability(const real *logits, const uint8_t *mask, int n, int action) {
    double largest = (double)logits[nn_argmax(logits, mask, n)], total = 0;
    for (int k = 0; k < n; k++)
        if (mask == NULL || mask[k]) total += exp((double)logits[k] - largest);
    return mask == NULL || mask[action] ? exp((double)logits[action] - largest) / total : 0;
}

/* 0 for an agent with a box. */
void centralised_probabilities(void *self, const algo_view *view, const real *actions,
                               double *probabilities) {
    centralised *c = self;
    const env_facts *facts = c->facts;
    evaluate(c, view);
    for (size_t r = 0; r < (size_t)view->copies; r++)
        for (int i = 0; i < c->agents; i++) {
            const algo_forward *now = &c->agent[i].now;
            const uint8_t *mask =
                facts->masks ? view->mask + r * (size_t)facts->mask_total + facts->mask_at[i] : NULL;
            int action = (int)actions[r * (size_t)facts->action_total + (size_t)facts->action_at[i]];
            probabilities[r * (size_t)c->agents + (size_t)i] =
                is_discrete(c, i) ? probability(now->y + r * now->out, mask, (int)now->out, action) : 0;
        }
}

/* ---- learning: the critics ---- */

void centralised_observe(void *self, const algo_step *step) {
    centralised *c = self;
    algo_replay_add(&c->replay, step);
    c->clock.decisions += step->before.copies;
    if (algo_replay_size(&c->replay) >= c->replay.batch) c->clock.credit += step->before.copies;
}

/* A discrete a'_i: drawn from softmax(logits) as the largest of logits + Gumbel noise; soft when the
 * relaxation is. */
static void draw_target(centralised *c, int i, const real *logits, const uint8_t *mask, real *to) {
    int n = c->joint.width[i];
    for (int k = 0; k < n; k++)
        to[k] =
            mask == NULL || mask[k] ? (real)((double)logits[k] + fm_rng_gumbel(&c->noise)) : (real)FORBIDDEN;
    int best = nn_argmax(to, mask, n);
    if (c->config->relaxation != CENTRALISED_SOFT) {
        algo_one_hot(to, n, best);
        return;
    }
    double largest = (double)to[best], total = 0;
    for (int k = 0; k < n; k++)
        total += (double)(to[k] = (real)exp(((double)to[k] - largest) / c->config->temperature));
    for (int k = 0; k < n; k++) to[k] = (real)((double)to[k] / total);
}

/* A box's a'_i, smoothed: clip(mu' + clip(noise, -c, c), -1, 1) [Fujimoto 2018, Alg. 1]. */
static void smooth_target(centralised *c, int i, const real *out, real *to) {
    double sigma = c->rule.smoothing, most = c->rule.smoothing_clip;
    for (int k = 0; k < c->joint.width[i]; k++) {
        double noise = sigma > 0 ? fmax(-most, fmin(most, sigma * fm_rng_normal(&c->noise))) : 0;
        to[k] = (real)fmax(-1, fmin(1, tanh((double)out[k]) + noise));
    }
}

/* next_x: all next observations and the target actors' actions there. */
static void fill_next(centralised *c) {
    for (int i = 0; i < c->agents; i++) {
        algo_forward *next = &c->agent[i].next;
        algo_replay_next_obs(&c->replay, i, c->next_x + c->facts->obs_at[i], c->in);
        algo_replay_next_obs(&c->replay, i, next->x, next->in);
        algo_forward_run(next);
        for (size_t b = 0; b < c->replay.batch; b++) {
            real *to = c->next_x + b * c->in + c->facts->obs_total + c->joint.at[i];
            const real *out = next->y + b * next->out;
            if (is_discrete(c, i)) draw_target(c, i, out, algo_replay_next_mask(&c->replay, b, i), to);
            else smooth_target(c, i, out, to);
        }
    }
}

/* wanted += gamma continues min_k Q'_ik(x', a'). */
static void bootstrap(centralised *c, int i) {
    centralised_agent *agent = &c->agent[i];
    int critics = c->rule.target_min ? c->rule.critics : 1;
    for (int k = 0; k < critics; k++) {
        memcpy(agent->critic[k].next.x, c->next_x, c->replay.batch * c->in * sizeof(real));
        algo_forward_run(&agent->critic[k].next);
    }
    for (size_t b = 0; b < c->replay.batch; b++) {
        double value = (double)agent->critic[0].next.y[b];
        for (int k = 1; k < critics; k++) value = fmin(value, (double)agent->critic[k].next.y[b]);
        agent->wanted[b] =
            (real)((double)agent->wanted[b] + c->config->gamma * (double)c->continues[b] * value);
    }
}

/* y_i of the drawn minibatch, to agent[i].wanted. */
static void fill_wanted(centralised *c) {
    bool any = false; /* in one-shot games nothing has a future */
    algo_replay_continues(&c->replay, c->continues);
    for (size_t b = 0; b < c->replay.batch; b++) any = any || c->continues[b] > 0;
    any = any && c->config->gamma > 0;
    if (any) fill_next(c);
    for (int i = 0; i < c->agents; i++) {
        algo_replay_reward(&c->replay, i, c->agent[i].scale, c->agent[i].wanted);
        if (any) bootstrap(c, i);
    }
}

static void add_stats(centralised *c, int loss, int gradient, const algo_net *net, int count) {
    c->stats[loss] += (double)*net->loss / count;
    c->stats[gradient] += nn_norm(net->gradient, net->params.n) / count;
}

static void learn_critics(centralised *c, double rate) {
    int count = c->agents * c->rule.critics;
    c->stats[CENTRALISED_CRITIC_LOSS] = c->stats[CENTRALISED_CRITIC_GRADIENT] =
        c->stats[CENTRALISED_MEAN_TARGET] = 0;
    fill_wanted(c);
    for (int i = 0; i < c->agents; i++) {
        for (int k = 0; k < c->rule.critics; k++) {
            algo_net *net = &c->agent[i].critic[k].net;
            algo_net_step(net, c->config->clip, rate);
            add_stats(c, CENTRALISED_CRITIC_LOSS, CENTRALISED_CRITIC_GRADIENT, net, count);
        }
        double sum = 0;
        for (size_t b = 0; b < c->replay.batch; b++) sum += (double)c->agent[i].wanted[b];
        c->stats[CENTRALISED_MEAN_TARGET] += sum / (double)c->replay.batch / c->agents;
    }
}

/* ---- learning: the actors ---- */

/* Values of every own action beside what the others did, the smaller of the judges'. */
static void fill_each(centralised *c, int i) {
    centralised_agent *agent = &c->agent[i];
    size_t actions = (size_t)c->joint.width[i], own = (size_t)(c->facts->obs_total + c->joint.at[i]);
    for (int k = 0; k < judges(c); k++) {
        algo_forward *each = &agent->critic[k].each;
        for (size_t b = 0; b < c->replay.batch; b++)
            for (size_t a = 0; a < actions; a++) {
                real *x = each->x + (b * actions + a) * c->in;
                memcpy(x, c->x + b * c->in, c->in * sizeof(real));
                algo_one_hot(x + own, (int)actions, (int)a);
            }
        algo_forward_run(each);
        for (size_t e = 0; e < c->replay.batch * actions; e++)
            if (k == 0 || each->y[e] < agent->each[e]) agent->each[e] = each->y[e];
    }
}

static void fill_forbidden(centralised *c, int i) {
    size_t actions = (size_t)c->joint.width[i];
    for (size_t b = 0; b < c->replay.batch; b++) {
        const uint8_t *mask = algo_replay_mask(&c->replay, b, i);
        for (size_t a = 0; a < actions; a++)
            c->agent[i].forbidden[b * actions + a] = mask[a] ? 0 : (real)FORBIDDEN;
    }
}

static void learn_actors(centralised *c, double rate) {
    c->stats[CENTRALISED_ACTOR_LOSS] = c->stats[CENTRALISED_ACTOR_GRADIENT] = 0;
    for (int i = 0; i < c->agents; i++) {
        centralised_agent *agent = &c->agent[i];
        if (agent->forbidden != NULL) fill_forbidden(c, i);
        if (agent->noise != NULL)
            nn_gumbel_fill(agent->noise, c->replay.batch * (size_t)c->joint.width[i], &c->noise);
        if (agent->each != NULL) fill_each(c, i);
        algo_net_step(&agent->actor, c->config->clip, rate);
        add_stats(c, CENTRALISED_ACTOR_LOSS, CENTRALISED_ACTOR_GRADIENT, &agent->actor, c->agents);
    }
}

static void track(centralised *c) {
    for (int i = 0; i < c->agents; i++) {
        algo_net_track(&c->agent[i].actor, c->config->tau);
        for (int k = 0; k < c->rule.critics; k++) algo_net_track(&c->agent[i].critic[k].net, c->config->tau);
    }
}

static void learn(centralised *c) {
    double rate = left_of(c, c->config->lr_final);
    algo_replay_sample(&c->replay, &c->sample);
    for (int i = 0; i < c->agents; i++) algo_replay_obs(&c->replay, i, c->x + c->facts->obs_at[i], c->in);
    algo_replay_joint(&c->replay, &c->joint, c->x + c->facts->obs_total, c->in);
    learn_critics(c, rate);
    if (++c->clock.updates % c->rule.delay != 0) return;
    learn_actors(c, rate);
    if (++c->clock.actor_updates % c->config->target_every == 0) track(c);
}

void centralised_update(void *self) {
    centralised *c = self;
    for (; c->clock.credit >= c->config->train_every; c->clock.credit -= c->config->train_every) learn(c);
    c->stats[CENTRALISED_EPSILON] = epsilon_now(c);
}

/* ORDER: the statistics. */
const char *const CENTRALISED_METRICS[] = {
    "critic_loss", "actor_loss", "critic_gradient", "actor_gradient", "mean_target", "epsilon", NULL};

void centralised_metrics(const void *self, double *values) {
    memcpy(values, ((const centralised *)self)->stats, sizeof((const centralised *)self)->stats);
}
