#include "algos/families/actor_critic.h"

#include <math.h>
#include <string.h>

#include "algos/parts/net.h"
#include "algos/parts/schedule.h"
#include "base/text.h"

fm_status actor_critic_accepts(const char *name, const env_facts *facts, bool shared, fm_error *err) {
    const env_agent *first = &facts->agent[0];
    for (int i = 1; i < facts->agents && shared; i++) {
        const env_agent *other = &facts->agent[i];
        if (algo_agents_alike(first, other)) continue;
        return fm_fail(
            err,
            "%s has one policy for all agents; in '%s' the agents '%s' and '%s' differ in what they "
            "observe or can do",
            name, facts->name, first->name, other->name);
    }
    return FM_OK;
}

/* ---- building ---- */

static void declare_net(actor_critic_net *net, const actor_critic_shape *shape, size_t in, size_t out,
                        double out_gain) {
    nn_mlp_shape mlp = {.in = in,
                        .out = out,
                        .hidden = shape->hidden,
                        .act = shape->activation,
                        .init = NN_INIT_ORTHOGONAL,
                        .gain = sqrt(2.0),
                        .out_gain = out_gain};
    if (shape->fan_in) {
        mlp.init = NN_INIT_FAN_IN;
        mlp.gain = mlp.out_gain = 1;
    }
    net->mlp = nn_mlp_declare(&net->params, "layer", &mlp);
}

/* Parameters, optimiser, and a plan that evaluates `rows` rows. */
static void make_net(actor_critic_net *net, const algo_setup *setup, const char *name, double lr,
                     const actor_critic_shape *shape, size_t rows, fm_rng *init) {
    nn_optimizer_kind kind = shape->plain_steps ? NN_SGD : NN_ADAM;
    char text[FM_NAME_MAX];
    nn_params_make(&net->params, setup->arena, setup->keep, name);
    nn_params_init(&net->params, init);
    net->leaves = nn_params_leaves(setup->tape, &net->params, net->params.theta, setup->arena);
    fm_text_format(text, sizeof text, "%s.%s", name, shape->plain_steps ? "sgd" : "adam");
    net->optimizer = nn_optimizer_make(kind, lr, net->params.n, setup->arena, setup->keep, text);
    net->lr = lr;
    ad_var x;
    net->x = algo_leaf(setup, rows, net->mlp.in, "network.x", &x);
    ad_output y = {nn_mlp_apply(&net->mlp, &net->leaves, x),
                   fm_arena_array(setup->arena, real, rows * net->mlp.out)};
    net->y = y.to;
    net->plan = ad_plan_make(NULL, 0, &y, 1);
}

static void make_nets(const actor_critic *ac, actor_critic_policy *p, const algo_setup *setup, int index) {
    const env_facts *facts = ac->facts;
    const env_agent *agent = &facts->agent[p->agents[0]];
    char name[FM_NAME_MAX];
    size_t rows = ac->copies * p->agent_count, sees = (size_t)agent->obs_length;
    if (ac->shape.central_critic)
        sees = (size_t)(facts->central_length > 0 ? facts->central_length : facts->obs_total);
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, (uint64_t)index);
    p->head = algo_head_make(&agent->action, setup->arena);
    declare_net(&p->actor, &ac->shape, (size_t)agent->obs_length, p->head.outputs, 0.01);
    if (algo_head_has_std(&p->head))
        p->log_std = nn_params_declare(&p->actor.params, "log_std", 1, p->head.outputs, NN_INIT_ZERO, 1, 1);
    fm_text_format(name, sizeof name, "actor.%d", index);
    make_net(&p->actor, setup, name, ac->shape.actor_lr, &ac->shape, rows, &init);
    declare_net(&p->critic, &ac->shape, sees, 1, 1);
    fm_text_format(name, sizeof name, "critic.%d", index);
    make_net(&p->critic, setup, name, ac->shape.critic_lr, &ac->shape, rows, &init);
}

/* Distribution and value of the samples of a minibatch. */
static void record_terms(const actor_critic *ac, actor_critic_policy *p) {
    const env_facts *facts = ac->facts;
    algo_batch *batch = &p->minibatches.batch;
    actor_critic_terms *x = &p->terms;
    ad_var obs, sees, action, mask = AD_NONE, log_std = AD_NONE;
    algo_batch_leaf(batch, ALGO_OBS, ALGO_OWN, &obs);
    algo_batch_leaf(batch, ALGO_ACTION, ALGO_OWN, &action);
    algo_batch_leaf(batch, ALGO_LOG_PROB, ALGO_OWN, &x->old_log_prob);
    algo_batch_leaf(batch, ALGO_VALUE, ALGO_OWN, &x->old_value);
    algo_batch_leaf(batch, ALGO_ADVANTAGE, ALGO_OWN, &x->advantage);
    algo_batch_leaf(batch, ALGO_RETURN, ALGO_OWN, &x->returns);
    algo_batch_leaf(batch, ALGO_WEIGHT, ALGO_OWN, &x->weight);
    if (facts->masks && p->head.choices > 0) algo_batch_leaf(batch, ALGO_MASK, ALGO_OWN, &mask);
    if (!ac->shape.central_critic)
        sees = obs;
    else
        algo_batch_leaf(batch, facts->central_length > 0 ? ALGO_CENTRAL : ALGO_OBS, ALGO_ALL, &sees);
    if (algo_head_has_std(&p->head)) log_std = p->actor.leaves.leaf[p->log_std];
    ad_var out = nn_mlp_apply(&p->actor.mlp, &p->actor.leaves, obs);
    x->log_prob = algo_head_log_prob(&p->head, out, log_std, mask, action);
    x->entropy = algo_head_entropy(&p->head, out, log_std, mask);
    x->value = nn_mlp_apply(&p->critic.mlp, &p->critic.leaves, sees);
}

static void make_policy(actor_critic *ac, const algo_setup *setup, int index) {
    actor_critic_policy *p = &ac->policy[index];
    size_t agents = (size_t)ac->facts->agents;
    int *own = fm_arena_array(setup->arena, int, agents);
    for (int i = 0; i < ac->facts->agents; i++)
        if (ac->policy_of[i] == index) own[p->agent_count++] = i;
    p->agents = own;
    p->max_grad_norm = ac->shape.descent->max_grad_norm;
    make_nets(ac, p, setup, index);
    p->minibatches =
        algo_minibatches_make(setup, &ac->rollout, p->agents, p->agent_count, ac->shape.batch_size);
    record_terms(ac, p);
    p->sum = fm_arena_array(setup->arena, double, 2 + ACTOR_CRITIC_SHOWN);
    p->steps = fm_arena_array(setup->arena, double, 1);
    p->explained_variance = fm_arena_array(setup->arena, double, 1);
    *p->explained_variance = FM_ABSENT;
    fm_keep(setup->keep, FM_F64, p->sum, 2 + ACTOR_CRITIC_SHOWN, "actor_critic.%d.sum", index);
    fm_keep(setup->keep, FM_F64, p->steps, 1, "actor_critic.%d.steps", index);
    fm_keep(setup->keep, FM_F64, p->explained_variance, 1, "actor_critic.%d.explained_variance", index);
}

void actor_critic_make(actor_critic *ac, const algo_setup *setup, const actor_critic_shape *shape) {
    const algo_rollout_options *o = shape->rollout;
    size_t agents = (size_t)setup->facts->agents;
    ac->facts = setup->facts;
    ac->shape = *shape;
    ac->copies = (size_t)setup->num_envs;
    ac->run = setup->steps;
    ac->policies = shape->shared ? 1 : agents;
    ac->policy = fm_arena_array(setup->arena, actor_critic_policy, ac->policies);
    ac->policy_of = fm_arena_array(setup->arena, int, agents);
    for (int i = 0; i < (int)agents; i++) ac->policy_of[i] = shape->shared ? 0 : i;
    algo_cadence_keep(&ac->cadence, setup);
    ac->normaliser = algo_normaliser_make(setup, ac->policy_of, (int)ac->policies, o->normalize_obs,
                                          o->normalize_reward, o->gamma);
    ac->rollout = algo_rollout_make(setup, &(algo_rollout_shape){.decisions = o->n_steps, .chunk_length = 1});
    ac->after = fm_arena_array(setup->arena, real, ac->copies * agents);
    algo_stream(setup, &ac->shuffle, FM_RNG_SAMPLE, 0);
    for (int p = 0; p < (int)ac->policies; p++) make_policy(ac, setup, p);
}

void actor_critic_destroy(void *self) {
    actor_critic *ac = self;
    for (size_t p = 0; p < ac->policies; p++) {
        nn_params_free(&ac->policy[p].actor.params);
        nn_params_free(&ac->policy[p].critic.params);
    }
}

/* ---- acting ---- */

/* Outputs of the head for every row of the view, in actor.y. */
static void run_actor(const actor_critic *ac, actor_critic_policy *p, const env_view *view) {
    actor_critic_net *net = &p->actor;
    for (size_t c = 0; c < (size_t)view->copies; c++)
        for (size_t k = 0; k < p->agent_count; k++)
            memcpy(net->x + (c * p->agent_count + k) * net->mlp.in,
                   view->obs + c * (size_t)ac->facts->obs_total + ac->facts->agent[p->agents[k]].obs_at,
                   net->mlp.in * sizeof(real));
    ad_replay(net->plan);
}

/* Values of every row of the view -> values [copies][agents], for the agents of the policy. */
static void run_critic(const actor_critic *ac, actor_critic_policy *p, const env_view *view, real *values) {
    const env_facts *facts = ac->facts;
    actor_critic_net *net = &p->critic;
    size_t copies = (size_t)view->copies, n = p->agent_count, agents = (size_t)facts->agents;
    bool central = ac->shape.central_critic && facts->central_length > 0;
    for (size_t c = 0; c < copies; c++)
        for (size_t k = 0; k < n; k++) {
            const real *from = view->obs + c * (size_t)facts->obs_total;
            if (central)
                from = view->central + c * net->mlp.in;
            else if (!ac->shape.central_critic)
                from += facts->agent[p->agents[k]].obs_at;
            memcpy(net->x + (c * n + k) * net->mlp.in, from, net->mlp.in * sizeof(real));
        }
    ad_replay(net->plan);
    for (size_t c = 0; c < copies; c++)
        for (size_t k = 0; k < n; k++) values[c * agents + (size_t)p->agents[k]] = net->y[c * n + k];
}

/* What the head needs of one agent in one copy; its actions stand at `action_at`. */
typedef struct seat {
    size_t at, action_at;
    bool active;
    const real *out, *log_std;
    const uint8_t *mask;
} seat;

static seat seat_of(const actor_critic *ac, const actor_critic_policy *p, const env_view *view, size_t c,
                    size_t k) {
    const env_facts *facts = ac->facts;
    const env_agent *agent = &facts->agent[p->agents[k]];
    const nn_params *params = &p->actor.params;
    seat s = {.at = c * (size_t)facts->agents + (size_t)p->agents[k],
              .action_at = c * (size_t)facts->action_total + (size_t)agent->action_at,
              .out = p->actor.y + (c * p->agent_count + k) * p->head.outputs};
    s.active = view->active[s.at];
    if (facts->masks) s.mask = view->mask + c * (size_t)facts->mask_total + agent->mask_at;
    if (algo_head_has_std(&p->head)) s.log_std = params->theta + params->entries[p->log_std].at;
    return s;
}

static void act(const actor_critic *ac, actor_critic_policy *p, const env_view *view, algo_mode mode,
                fm_rng *rng, real *actions, real *log_prob) {
    run_actor(ac, p, view);
    for (size_t c = 0; c < (size_t)view->copies; c++)
        for (size_t k = 0; k < p->agent_count; k++) {
            seat s = seat_of(ac, p, view, c, k);
            real *action = actions + s.action_at;
            if (!s.active) { /* its mask means nothing */
                memset(action, 0, (size_t)p->head.space.size * sizeof *action);
                continue;
            }
            algo_head_act(&p->head, s.out, s.log_std, s.mask, mode, &rng[c], action);
            if (log_prob)
                log_prob[s.at] = (real)algo_head_log_prob_of(&p->head, s.out, s.log_std, s.mask, action);
        }
}

void actor_critic_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                      real *actions) {
    (void)memory;
    actor_critic *ac = self;
    bool training = mode == ALGO_TRAIN;
    env_view seen = algo_normaliser_view(&ac->normaliser, view, training);
    algo_notes notes = training ? algo_rollout_notes(&ac->rollout) : (algo_notes){0};
    for (size_t k = 0; k < ac->policies; k++) {
        act(ac, &ac->policy[k], &seen, mode, rng, actions, notes.log_prob);
        if (training) run_critic(ac, &ac->policy[k], &seen, notes.value);
    }
}

void actor_critic_probabilities(void *self, const env_view *view, const real *actions,
                                double *probabilities) {
    actor_critic *ac = self;
    env_view seen = algo_normaliser_view(&ac->normaliser, view, false);
    for (size_t i = 0; i < ac->policies; i++) {
        actor_critic_policy *p = &ac->policy[i];
        run_actor(ac, p, &seen);
        for (size_t c = 0; c < (size_t)view->copies; c++)
            for (size_t k = 0; k < p->agent_count; k++) {
                seat s = seat_of(ac, p, &seen, c, k);
                bool discrete = p->head.choices > 0;
                const real *action = actions + s.action_at;
                probabilities[s.at] = 0;
                if (s.active && discrete)
                    probabilities[s.at] = exp(algo_head_log_prob_of(&p->head, s.out, NULL, s.mask, action));
            }
    }
}

/* ---- learning ---- */

void actor_critic_observe(void *self, const algo_step *step) {
    actor_critic *ac = self;
    algo_step seen = algo_normaliser_step(&ac->normaliser, step);
    bool wanted = algo_rollout_wants_after(&ac->rollout, step);
    for (size_t k = 0; k < ac->policies && wanted; k++)
        run_critic(ac, &ac->policy[k], &seen.after, ac->after);
    algo_rollout_add(&ac->rollout, &seen, wanted ? ac->after : NULL);
    algo_cadence_count(&ac->cadence, step->before.copies, 0);
}

void actor_critic_learn(actor_critic_policy *p, const algo_setup *setup, ad_var loss, const ad_var *also,
                        size_t n_also) {
    nn_group groups[] = {{"actor", &p->actor.params, &p->actor.leaves},
                         {"critic", &p->critic.params, &p->critic.leaves}};
    p->shown = n_also;
    p->objective = nn_objective_make(loss, groups, 2, also, n_also, setup->arena);
}

bool actor_critic_ready(actor_critic *ac) {
    const algo_rollout_options *o = ac->shape.rollout;
    if (!algo_cadence_due(&ac->cadence, (int64_t)ac->rollout.slots, 1)) return false;
    algo_rollout_gae(&ac->rollout, o->gamma, o->gae_lambda, ac->normaliser.reward_scale);
    double rate = algo_falling(ac->shape.descent->lr_final, ac->cadence.decisions, ac->run);
    for (size_t k = 0; k < ac->policies; k++) {
        actor_critic_policy *p = &ac->policy[k];
        p->actor.optimizer.lr = p->actor.lr * rate;
        p->critic.optimizer.lr = p->critic.lr * rate;
        *p->explained_variance = algo_rollout_explained_variance(&ac->rollout, p->agents, p->agent_count);
        *p->steps = 0;
        for (size_t i = 0; i < 2 + ACTOR_CRITIC_SHOWN; i++) p->sum[i] = 0;
    }
    return true;
}

void actor_critic_step(actor_critic_policy *p) {
    real *of_actor = p->objective.gradient[0], *of_critic = p->objective.gradient[1];
    double loss = nn_objective_run(&p->objective);
    double actor_norm = nn_norm(of_actor, p->actor.params.n);
    double critic_norm = nn_norm(of_critic, p->critic.params.n);
    double norm = hypot(actor_norm, critic_norm);
    if (p->max_grad_norm > 0 && norm > p->max_grad_norm) {
        nn_clip_global(of_actor, p->actor.params.n, actor_norm * p->max_grad_norm / norm);
        nn_clip_global(of_critic, p->critic.params.n, critic_norm * p->max_grad_norm / norm);
    }
    nn_optimizer_step(&p->actor.optimizer, p->actor.params.theta, of_actor);
    nn_optimizer_step(&p->critic.optimizer, p->critic.params.theta, of_critic);
    actor_critic_count(p, loss, norm, p->objective.shown, p->shown);
}

void actor_critic_count(actor_critic_policy *p, double loss, double norm, const real *shown, size_t n_shown) {
    FM_CHECK(n_shown <= ACTOR_CRITIC_SHOWN, "%zu scalars to be shown", n_shown);
    ++*p->steps;
    p->sum[0] += loss;
    p->sum[1] += norm;
    for (size_t k = 0; k < n_shown; k++) p->sum[2 + k] += (double)shown[k];
}

void actor_critic_clear(actor_critic *ac) { algo_rollout_clear(&ac->rollout); }

static double mean_of(const actor_critic_policy *p, size_t k) {
    return *p->steps > 0 ? p->sum[k] / *p->steps : FM_ABSENT;
}

double actor_critic_shown(const actor_critic_policy *p, size_t k) { return mean_of(p, 2 + k); }

double *actor_critic_measure(const actor_critic *ac, double *values) {
    for (int i = 0; i < ac->facts->agents; i++) *values++ = mean_of(&ac->policy[ac->policy_of[i]], 0);
    for (int i = 0; i < ac->facts->agents; i++) *values++ = mean_of(&ac->policy[ac->policy_of[i]], 1);
    for (int i = 0; i < ac->facts->agents; i++) *values++ = *ac->policy[ac->policy_of[i]].explained_variance;
    return values;
}
