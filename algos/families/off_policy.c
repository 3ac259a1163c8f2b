#include "algos/families/off_policy.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "nn/distributions.h"

#define LOG_STD_LOW (-20.0)
#define LOG_STD_HIGH 2.0

/* ---- what can be learned ---- */

static fm_status accepts_box(const char *name, const env_facts *facts, fm_error *err) {
    const env_space *space = &facts->agent[0].action;
    if (space->kind != ENV_BOX)
        return fm_fail(err, "%s needs a box of actions; '%s' has %s", name, facts->name,
                       space->kind == ENV_DISCRETE ? "discrete ones (idqn and reinforce learn those)"
                                                   : "several heads (reinforce learns those)");
    for (int k = 0; k < space->size; k++)
        if (!isfinite(space->low[k]) || !isfinite(space->high[k]))
            return fm_fail(err, "%s needs bounds of the box of actions; in '%s' number %d is within %g..%g",
                           name, facts->name, k, space->low[k], space->high[k]);
    return FM_OK;
}

fm_status off_policy_accepts(const char *name, const env_facts *facts, const off_policy_config *config,
                             fm_error *err) {
    if (facts->agents != 1)
        return fm_fail(err, "%s is for one agent; '%s' has %d (maddpg and td3 learn with several)", name,
                       facts->name, facts->agents);
    if (accepts_box(name, facts, err) != FM_OK) return FM_BAD;
    if (config->replay.buffer_size < config->replay.batch_size)
        return fm_fail(
            err, "%s: a replay of %lld cannot hold a minibatch of %lld (options buffer_size, batch_size)",
            name, (long long)config->replay.buffer_size, (long long)config->replay.batch_size);
    return FM_OK;
}

/* A number, or `otherwise` for "auto"; whether it was that stands in *is_auto. */
static fm_status number_or_auto(const char *name, const char *option, const char *text, double otherwise,
                                double *value, bool *is_auto, fm_error *err) {
    *is_auto = strcmp(text, "auto") == 0;
    *value = otherwise;
    if (!*is_auto && !fm_text_to_real(text, value))
        return fm_fail(err, "%s: %s is '%s'; expected a number, or auto", name, option, text);
    if (!isfinite((real)*value))
        return fm_fail(err, "%s: %s is %s, which is too large to compute with", name, option, text);
    return FM_OK;
}

fm_status off_policy_entropy(const char *name, const env_facts *facts, const off_policy_entropy_options *o,
                             off_policy_rule *rule, fm_error *err) {
    double minus_width = -(double)facts->agent[0].action.size;
    bool is_auto;
    if (number_or_auto(name, "ent_coef", o->ent_coef, 1, &rule->ent_coef, &rule->adapt, err) != FM_OK ||
        number_or_auto(name, "target_entropy", o->target_entropy, minus_width, &rule->target_entropy,
                       &is_auto, err) != FM_OK)
        return FM_BAD;
    if (rule->ent_coef < 0)
        return fm_fail(err, "%s: ent_coef is %s; a temperature is 0 or more", name, o->ent_coef);
    return FM_OK;
}

/* ---- the mathematics, recorded once ---- */

/* Columns of the minibatch on the tape. */
typedef struct transition {
    ad_var obs, action, reward, not_done, weight, next_obs;
} transition;

/* An action [B, A], and the logarithm of its density [B, 1] (deterministic: AD_NONE). */
typedef struct chosen {
    ad_var action, log_prob;
} chosen;

static chosen choose(const off_policy *c, const nn_leaves *actor, ad_var obs, ad_var noise) {
    ad_var out = algo_net_apply(&c->actor, actor, obs);
    if (!c->rule.stochastic) return (chosen){ad_tanh(out), AD_NONE};
    ad_var mean = ad_slice_cols(out, 0, c->width);
    ad_var log_std = ad_clip(ad_slice_cols(out, c->width, c->width), LOG_STD_LOW, LOG_STD_HIGH);
    ad_var u = nn_gaussian_rsample(mean, log_std, noise);
    return (chosen){ad_tanh(u), nn_squashed_log_prob_drawn(log_std, noise, u)};
}

/* min_k Q_k(s, a). */
static ad_var least_value(const off_policy *c, const nn_leaves *critic, ad_var obs, ad_var action) {
    ad_var x = ad_concat_cols(obs, action), value = algo_net_apply(&c->critic, critic, x);
    return c->critics == 2 ? ad_min(value, algo_net_apply_twin(&c->critic, critic, x)) : value;
}

/* min_k Q_k(s, a) - alpha log pi(a|s). */
static ad_var soft_value(const off_policy *c, const nn_leaves *critic, ad_var obs, chosen a, ad_var alpha) {
    ad_var value = least_value(c, critic, obs, a.action);
    return c->rule.stochastic ? ad_sub(value, ad_mul(a.log_prob, alpha)) : value;
}

static ad_var squared_error(const transition *b, ad_var value, ad_var y) {
    return nn_weighted_mean(ad_square(ad_sub(value, y)), b->weight);
}

static nn_leaves target_leaves(const algo_net *net, const algo_setup *setup) {
    return nn_params_leaves(setup->tape, &net->params, net->target, setup->arena);
}

/* L and l_pi of the top of off_policy.h. */
static void record_losses(off_policy *c, const algo_setup *setup, const transition *b, ad_var alpha) {
    size_t rows = c->batch.rows;
    ad_var noise = AD_NONE, next_noise = AD_NONE;
    if (c->rule.stochastic) {
        c->draws = algo_leaf(setup, rows, c->width, "noise", &noise);
        c->next_draws = algo_leaf(setup, rows, c->width, "next noise", &next_noise);
    }
    nn_leaves critic_target = target_leaves(&c->critic, setup), next_actor = c->actor.leaves;
    if (c->rule.target_actor) next_actor = target_leaves(&c->actor, setup);
    chosen next = choose(c, &next_actor, b->next_obs, next_noise);
    ad_var future = ad_mul(b->not_done, soft_value(c, &critic_target, b->next_obs, next, alpha));
    ad_var y = ad_add(b->reward, ad_scale(future, c->config->gamma));

    ad_var x = ad_concat_cols(b->obs, b->action);
    c->taught[0] = algo_net_apply(&c->critic, &c->critic.leaves, x);
    c->critic_loss = squared_error(b, c->taught[0], y);
    if (c->critics == 2) {
        c->taught[1] = algo_net_apply_twin(&c->critic, &c->critic.leaves, x);
        c->critic_loss = ad_add(c->critic_loss, squared_error(b, c->taught[1], y));
    }
    chosen now = choose(c, &c->actor.leaves, b->obs, noise);
    ad_var value = soft_value(c, &c->critic.leaves, b->obs, now, alpha);
    c->actor_loss = ad_neg(nn_weighted_mean(value, b->weight));
    c->mean_log_prob = c->rule.stochastic ? nn_weighted_mean(now.log_prob, b->weight) : AD_NONE;
}

/* ---- building ---- */

static void make_nets(off_policy *c, const algo_setup *setup) {
    const off_policy_config *config = c->config;
    size_t obs = (size_t)c->facts->agent[0].obs_length;
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, 0);
    algo_net_shape shape = {.name = "critic",
                            .in = obs + c->width,
                            .out = 1,
                            .hidden = &config->hidden,
                            .activation = (ad_act)config->activation,
                            .lr = config->critic_lr,
                            .max_grad_norm = config->descent.max_grad_norm,
                            .target = true,
                            .twin = c->critics == 2,
                            .fan_in = true};
    algo_net_make(&c->critic, setup, &shape, &init);
    shape.name = "actor";
    shape.in = obs;
    shape.out = c->rule.stochastic ? 2 * c->width : c->width;
    shape.lr = config->actor_lr;
    shape.target = c->rule.target_actor;
    shape.twin = false;
    algo_net_make(&c->actor, setup, &shape, &init);
}

/* alpha, and log alpha with its optimiser when it adapts. */
static ad_var make_temperature(off_policy *c, const algo_setup *setup) {
    ad_var alpha;
    if (!c->rule.stochastic) return AD_NONE;
    c->alpha = algo_leaf(setup, 1, 1, "alpha", &alpha);
    *c->alpha = (real)c->rule.ent_coef;
    fm_keep(setup->keep, FM_DTYPE_REAL, c->alpha, 1, "temperature.alpha");
    c->entropy = fm_arena_array(setup->arena, double, 1);
    *c->entropy = FM_ABSENT;
    fm_keep(setup->keep, FM_F64, c->entropy, 1, "temperature.entropy");
    if (!c->rule.adapt) return alpha;
    nn_params_declare(&c->temperature, "log_alpha", 1, 1, NN_INIT_ZERO, 1, 1);
    nn_params_make(&c->temperature, setup->arena, setup->keep, "temperature");
    c->temperature.theta[0] = (real)log(c->rule.ent_coef);
    c->temperature_gradient = fm_arena_array(setup->arena, real, c->temperature.n);
    c->temperature_adam = nn_optimizer_make(NN_ADAM, c->config->actor_lr, c->temperature.n, setup->arena,
                                            setup->keep, "temperature.adam");
    return alpha;
}

/* min_k Q_k for the rows of a view. */
static void record_values(off_policy *c, const algo_setup *setup) {
    size_t rows = (size_t)setup->num_envs, obs = c->actor.mlp.in;
    ad_var x;
    c->value_x = algo_leaf(setup, rows, obs + c->width, "value.x", &x);
    c->value_y = fm_arena_array(setup->arena, real, rows);
    ad_var y = least_value(c, &c->critic.leaves, ad_slice_cols(x, 0, obs), ad_slice_cols(x, obs, c->width));
    c->values = ad_plan_make(NULL, 0, &(ad_output){y, c->value_y}, 1);
}

void off_policy_make(off_policy *c, const algo_setup *setup, const off_policy_config *config,
                     const off_policy_rule *rule) {
    c->facts = setup->facts;
    c->config = config;
    c->rule = *rule;
    c->width = (size_t)setup->facts->agent[0].action.size;
    c->critics = rule->stochastic ? 2 : 1;
    c->steps = setup->steps;
    make_nets(c, setup);
    c->replay = algo_replay_make(setup, config->replay.buffer_size);
    c->batch = algo_batch_make(setup, (size_t)config->replay.batch_size);
    transition b;
    algo_batch_leaf(&c->batch, ALGO_OBS, 0, &b.obs);
    algo_batch_leaf(&c->batch, ALGO_COLUMNS, 0, &b.action);
    algo_batch_leaf(&c->batch, ALGO_REWARD, 0, &b.reward);
    algo_batch_leaf(&c->batch, ALGO_NOT_DONE, 0, &b.not_done);
    algo_batch_leaf(&c->batch, ALGO_WEIGHT, 0, &b.weight);
    algo_batch_leaf(&c->batch, ALGO_NEXT_OBS, 0, &b.next_obs);
    record_losses(c, setup, &b, make_temperature(c, setup));
    record_values(c, setup);
    c->now = algo_forward_make(&c->actor, setup, c->actor.params.theta, (size_t)setup->num_envs);
    c->fresh = fm_arena_array(setup->arena, real, 1 + c->width);
    algo_stream(setup, &c->sample, FM_RNG_SAMPLE, 0);
    algo_stream(setup, &c->noise, FM_RNG_UPDATE, 0);
    algo_cadence_keep(&c->cadence, setup);
}

void off_policy_destroy(void *self) {
    off_policy *c = self;
    algo_net_free(&c->actor);
    algo_net_free(&c->critic);
    nn_params_free(&c->temperature);
}

/* ---- acting ---- */

static bool all_random(const off_policy *c) {
    return c->cadence.decisions < c->config->replay.learning_starts;
}

/* A copy's memory: for how many decisions more its noise stays, and the noise, A standard normals. */
size_t off_policy_memory_length(const void *self) {
    const off_policy *c = self;
    return c->config->hold_noise > 1 ? 1 + c->width : 0;
}

static const real *noise_of_decision(off_policy *c, algo_mode mode, fm_rng *rng, real *memory) {
    bool held = mode == ALGO_TRAIN && memory != NULL;
    if (!held) memory = c->fresh;
    if (!held || memory[0] <= 0) {
        fm_rng_fill_normal(rng, memory + 1, c->width);
        memory[0] = (real)c->config->hold_noise;
    }
    memory[0]--;
    return memory + 1;
}

/* An action in [-1, 1]^A by the actor's outputs; NULL: a uniform one, since Phi(noise) is uniform. */
static void play(const off_policy *c, const real *out, const real *noise, real *columns) {
    for (size_t k = 0; k < c->width; k++) {
        double e = noise ? (double)noise[k] : 0, action;
        if (out == NULL) {
            action = erf(e * sqrt(0.5));
        } else if (c->rule.stochastic) {
            double log_std = fmin(LOG_STD_HIGH, fmax(LOG_STD_LOW, (double)out[c->width + k]));
            action = tanh((double)out[k] + exp(log_std) * e);
        } else {
            action = tanh((double)out[k]) + c->rule.action_noise * e;
        }
        columns[k] = (real)action;
    }
}

void off_policy_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                    real *actions) {
    off_policy *c = self;
    const env_space *space = &c->facts->agent[0].action;
    bool random = mode == ALGO_TRAIN && all_random(c);
    bool draws = mode == ALGO_TRAIN || (mode == ALGO_SAMPLE && c->rule.stochastic);
    size_t length = off_policy_memory_length(c);
    if (!random) {
        algo_forward_show(&c->now, c->facts, view, 0);
        algo_forward_run(&c->now);
    }
    for (size_t r = 0; r < (size_t)view->copies; r++) {
        real *action = actions + r * c->width;
        real *own = length > 0 && memory ? memory + r * length : NULL;
        const real *noise = draws ? noise_of_decision(c, mode, &rng[r], own) : NULL;
        play(c, random ? NULL : c->now.y + r * c->now.out, noise, action);
        algo_decode_agent(space, action, action);
    }
}

/* In the units of the rewards. */
void off_policy_values(void *self, const env_view *view, const real *actions, double *values) {
    off_policy *c = self;
    size_t obs = c->actor.mlp.in, in = obs + c->width, copies = (size_t)view->copies;
    for (size_t r = 0; r < copies; r++) {
        memcpy(c->value_x + r * in, view->obs + r * obs, obs * sizeof(real));
        algo_encode_agent(&c->facts->agent[0].action, actions + r * c->width, c->value_x + r * in + obs);
    }
    ad_replay(c->values);
    for (size_t r = 0; r < copies; r++) values[r] = (double)c->value_y[r];
}

/* ---- learning ---- */

void off_policy_observe(void *self, const algo_step *step) {
    off_policy *c = self;
    algo_replay_add(&c->replay, step);
    algo_cadence_count(&c->cadence, step->before.copies, c->config->replay.learning_starts);
}

static void learn_in_turn(off_policy *c, double rate, double tau) {
    algo_net_step_tracked(&c->critic, rate, tau);
    algo_net_step_tracked(&c->actor, rate, c->rule.target_actor ? tau : 0);
}

void off_policy_learn_in_turn(off_policy *c, const algo_setup *setup) {
    nn_group actor = algo_net_group(&c->actor);
    algo_net_learn(&c->critic, setup, c->critic_loss);
    c->actor.objective =
        nn_objective_make(c->actor_loss, &actor, 1, &c->mean_log_prob, c->rule.stochastic, setup->arena);
    c->shown = c->actor.objective.shown;
    c->learn = learn_in_turn;
}

void off_policy_track(off_policy *c, double tau) {
    algo_net_track(&c->critic, tau);
    if (c->rule.target_actor) algo_net_track(&c->actor, tau);
}

/* Descends -log alpha (mean log pi + target entropy) [Haarnoja 2018b, Eq. 18, as the programs have it: in log
 * alpha instead of alpha]. */
static void adapt(off_policy *c, double rate) {
    c->temperature_gradient[0] = (real)(*c->entropy - c->rule.target_entropy);
    c->temperature_adam.lr = c->config->actor_lr * rate;
    nn_optimizer_step(&c->temperature_adam, c->temperature.theta, c->temperature_gradient);
    *c->alpha = (real)exp((double)c->temperature.theta[0]);
}

static void learn(off_policy *c) {
    const algo_target_options *target = &c->config->target;
    size_t numbers = c->batch.rows * c->width;
    double rate = algo_falling(c->config->descent.lr_final, c->cadence.decisions, c->steps);
    algo_replay_draw(&c->replay, &c->batch, &c->sample);
    algo_replay_fill(&c->replay, &c->batch);
    if (c->rule.stochastic) {
        fm_rng_fill_normal(&c->noise, c->next_draws, numbers);
        fm_rng_fill_normal(&c->noise, c->draws, numbers);
    }
    c->learn(c, rate, c->cadence.updates % target->target_update_interval == 0 ? target->tau : 0);
    if (c->rule.stochastic) *c->entropy = -(double)*c->shown;
    if (c->rule.adapt) adapt(c, rate);
}

void off_policy_update(void *self) {
    off_policy *c = self;
    const algo_replay_options *o = &c->config->replay;
    while (algo_cadence_due(&c->cadence, o->train_freq, o->gradient_steps)) learn(c);
}

/* ---- what the log shows ---- */

/* ORDER: OFF_POLICY_METRICS. */
double *off_policy_measure(const off_policy *c, double *values) {
    *values++ = *c->critic.loss;
    *values++ = *c->actor.loss;
    *values++ = *c->critic.gradient_norm;
    *values++ = *c->actor.gradient_norm;
    return values;
}

double *off_policy_measure_entropy(const off_policy *c, double *values) {
    *values++ = (double)*c->alpha;
    *values++ = *c->entropy;
    return values;
}
