#include "algos/families/actor_critic.h"

#include <math.h>
#include <string.h>

#include "algos/parts/net.h"
#include "algos/parts/schedule.h"
#include "base/text.h"

const env_agent *actor_critic_unlike(const env_facts *facts) {
    for (int i = 1; i < facts->agents; i++)
        if (!algo_agents_alike(&facts->agent[0], &facts->agent[i])) return &facts->agent[i];
    return NULL;
}

fm_status actor_critic_accepts(const char *name, const env_facts *facts, bool shared, fm_error *err) {
    const env_agent *unlike = shared ? actor_critic_unlike(facts) : NULL;
    if (unlike == NULL) return FM_OK;
    return fm_fail(err,
                   "%s has one policy for all agents; in '%s' the agents '%s' and '%s' differ in what they "
                   "observe or can do",
                   name, facts->name, facts->agent[0].name, unlike->name);
}

/* ---- building ---- */

static bool sees_central(const actor_critic *ac) { return ac->facts->central_length > 0; }

/* Numbers that a network sees. */
static size_t sight_of(const actor_critic *ac, int sees, const env_agent *agent) {
    const env_facts *facts = ac->facts;
    size_t width = 0, others = (size_t)facts->agents - 1;
    if (sees & ACTOR_CRITIC_OWN) width += (size_t)agent->obs_length;
    if (sees & ACTOR_CRITIC_STATE)
        width += (size_t)(sees_central(ac) ? facts->central_length : facts->obs_total);
    if (sees & ACTOR_CRITIC_ID) width += (size_t)facts->agents;
    if (sees & ACTOR_CRITIC_SUPERIORS) width += others * ac->action_columns;
    return width;
}

/* The same of the samples of a minibatch, as a leaf. */
static ad_var show_batch(const actor_critic *ac, actor_critic_policy *p, const algo_setup *setup, int sees) {
    algo_batch *batch = &p->minibatches.batch;
    const env_facts *facts = ac->facts;
    const env_agent *agent = &facts->agent[p->agents[0]];
    size_t width = sight_of(ac, sees, agent);
    ad_var leaf;
    real *to = algo_leaf(setup, batch->rows, width, "what is seen", &leaf);
    if (sees & ACTOR_CRITIC_OWN) {
        algo_batch_into(batch, ALGO_OBS, ALGO_OWN, to, width);
        to += agent->obs_length;
    }
    if (sees & ACTOR_CRITIC_STATE) {
        algo_batch_into(batch, sees_central(ac) ? ALGO_CENTRAL : ALGO_OBS, ALGO_ALL, to, width);
        to += sees_central(ac) ? facts->central_length : facts->obs_total;
    }
    if (sees & ACTOR_CRITIC_ID) {
        algo_batch_into(batch, ALGO_ID, ALGO_OWN, to, width);
        to += facts->agents;
    }
    if (sees & ACTOR_CRITIC_SUPERIORS)
        for (size_t k = p->index; k-- > 0; to += ac->action_columns)
            algo_batch_into(batch, ALGO_COLUMNS, ac->policy[k].agents[0], to, width);
    return leaf;
}

static void declare_mlp(actor_critic_net *net, const actor_critic_shape *shape, double out_gain) {
    nn_mlp_shape mlp = {.in = net->in,
                        .out = net->out,
                        .hidden = shape->hidden,
                        .act = shape->activation,
                        .init = NN_INIT_ORTHOGONAL,
                        .gain = sqrt(2.0),
                        .out_gain = out_gain,
                        .layer_norm = shape->layer_norm,
                        .linear = shape->linear};
    if (shape->fan_in) {
        mlp.init = NN_INIT_FAN_IN;
        mlp.gain = mlp.out_gain = 1;
    }
    net->mlp = nn_mlp_declare(&net->params, "layer", &mlp);
}

/* Parameters, once they are declared, and their optimiser. */
static void make_params(actor_critic_net *net, const algo_setup *setup, const actor_critic_shape *shape,
                        const char *name, double lr, fm_rng *init) {
    nn_optimizer_kind kind = shape->plain_steps ? NN_SGD : NN_ADAM;
    char text[FM_NAME_MAX];
    nn_params_make(&net->params, setup->arena, setup->keep, name);
    nn_params_init(&net->params, init);
    net->leaves = nn_params_leaves(setup->tape, &net->params, net->params.theta, setup->arena);
    fm_text_format(text, sizeof text, "%s.%s", name, shape->plain_steps ? "sgd" : "adam");
    net->optimizer = nn_optimizer_make(kind, lr, net->params.n, setup->arena, setup->keep, text);
    net->lr = lr;
}

/* A plan that evaluates the rows of all copies. */
static void make_plan(const actor_critic *ac, const actor_critic_policy *p, actor_critic_net *net,
                      const algo_setup *setup) {
    const actor_critic_model *model = net == &p->actor ? ac->shape.model : NULL;
    size_t rows = ac->copies * p->agent_count;
    ad_var x;
    net->x = algo_leaf(setup, rows, net->in, "network.x", &x);
    ad_output y = {model ? model->act(model->self, &net->leaves, p->index, x)
                         : nn_mlp_apply(&net->mlp, &net->leaves, x),
                   fm_arena_array(setup->arena, real, rows * net->out)};
    net->y = y.to;
    net->plan = ad_plan_make(NULL, 0, &y, 1);
}

static void make_actor(const actor_critic *ac, actor_critic_policy *p, const algo_setup *setup,
                       fm_rng *init) {
    const actor_critic_model *model = ac->shape.model;
    actor_critic_net *net = &p->actor;
    char name[FM_NAME_MAX];
    if (model && p->index > 0) {
        *net = ac->policy[0].actor;
        p->log_std = ac->policy[0].log_std;
        make_plan(ac, p, net, setup);
        return;
    }
    net->sees = ac->shape.actor_sees ? ac->shape.actor_sees : ACTOR_CRITIC_OWN;
    net->in = sight_of(ac, net->sees, &ac->facts->agent[p->agents[0]]);
    net->out = p->head.outputs;
    if (model)
        model->declare(model->self, &net->params, net->in, net->out);
    else
        declare_mlp(net, &ac->shape, 0.01);
    if (algo_head_has_std(&p->head))
        p->log_std =
            nn_params_declare(&net->params, "log_std", 1, net->out, NN_INIT_CONSTANT, ac->shape.log_std, 1);
    fm_text_format(name, sizeof name, model ? "actor" : "actor.%zu", p->index);
    make_params(net, setup, &ac->shape, name, ac->shape.actor_lr, init);
    make_plan(ac, p, net, setup);
}

static void make_nets(const actor_critic *ac, actor_critic_policy *p, const algo_setup *setup) {
    const env_agent *agent = &ac->facts->agent[p->agents[0]];
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, (uint64_t)p->index);
    char name[FM_NAME_MAX];
    p->head = algo_head_make(&agent->action, setup->arena);
    make_actor(ac, p, setup, &init);
    actor_critic_net *net = &p->critic;
    net->sees = ac->shape.critic_sees ? ac->shape.critic_sees : ACTOR_CRITIC_OWN;
    net->in = sight_of(ac, net->sees, agent);
    net->out = 1;
    declare_mlp(net, &ac->shape, 1);
    fm_text_format(name, sizeof name, "critic.%zu", p->index);
    make_params(net, setup, &ac->shape, name, ac->shape.critic_lr, &init);
    make_plan(ac, p, net, setup);
    fm_text_format(name, sizeof name, "critic.%zu.units", p->index);
    if (ac->shape.normalize_value) p->value_norm = nn_value_norm_make(setup->arena, setup->keep, name);
}

/* Distribution and value of the samples of a minibatch. */
static void record_terms(const actor_critic *ac, actor_critic_policy *p, const algo_setup *setup) {
    algo_batch *batch = &p->minibatches.batch;
    const actor_critic_model *model = ac->shape.model;
    actor_critic_terms *x = &p->terms;
    ad_var action, mask = AD_NONE, log_std = AD_NONE;
    ad_var seen = show_batch(ac, p, setup, p->actor.sees), judged = seen;
    if (p->critic.sees != p->actor.sees) judged = show_batch(ac, p, setup, p->critic.sees);
    algo_batch_leaf(batch, ALGO_ACTION, ALGO_OWN, &action);
    algo_batch_leaf(batch, ALGO_LOG_PROB, ALGO_OWN, &x->old_log_prob);
    algo_batch_leaf(batch, ALGO_VALUE, ALGO_OWN, &x->old_value);
    algo_batch_leaf(batch, ALGO_ADVANTAGE, ALGO_OWN, &x->advantage);
    algo_batch_leaf(batch, ALGO_RETURN, ALGO_OWN, &x->returns);
    algo_batch_leaf(batch, ALGO_WEIGHT, ALGO_OWN, &x->weight);
    if (ac->facts->masks && p->head.choices > 0) algo_batch_leaf(batch, ALGO_MASK, ALGO_OWN, &mask);
    if (algo_head_has_std(&p->head)) log_std = p->actor.leaves.leaf[p->log_std];
    ad_var out = model ? model->apply(model->self, &p->actor.leaves, p->index, seen)
                       : nn_mlp_apply(&p->actor.mlp, &p->actor.leaves, seen);
    x->log_prob = algo_head_log_prob(&p->head, out, log_std, mask, action);
    x->entropy = algo_head_entropy(&p->head, out, log_std, mask);
    x->value = nn_mlp_apply(&p->critic.mlp, &p->critic.leaves, judged);
}

static void make_policy(actor_critic *ac, const algo_setup *setup, int index) {
    actor_critic_policy *p = &ac->policy[index];
    size_t agents = (size_t)ac->facts->agents;
    int *own = fm_arena_array(setup->arena, int, agents);
    for (int i = 0; i < ac->facts->agents; i++)
        if (ac->policy_of[i] == index) own[p->agent_count++] = i;
    p->index = (size_t)index;
    p->agents = own;
    p->max_grad_norm = ac->shape.descent->max_grad_norm;
    p->clips_apart = ac->shape.clips_apart;
    make_nets(ac, p, setup);
    p->minibatches =
        algo_minibatches_make(setup, &ac->rollout, p->agents, p->agent_count, ac->shape.batch_size);
    record_terms(ac, p, setup);
    p->sum = fm_arena_array(setup->arena, double, 2 + ACTOR_CRITIC_SHOWN);
    p->steps = fm_arena_array(setup->arena, double, 1);
    p->explained_variance = fm_arena_array(setup->arena, double, 1);
    *p->explained_variance = FM_ABSENT;
    fm_keep(setup->keep, FM_F64, p->sum, 2 + ACTOR_CRITIC_SHOWN, "actor_critic.%d.sum", index);
    fm_keep(setup->keep, FM_F64, p->steps, 1, "actor_critic.%d.steps", index);
    fm_keep(setup->keep, FM_F64, p->explained_variance, 1, "actor_critic.%d.explained_variance", index);
}

/* Actions of superiors take the same place in what all see, so all actions must be alike. */
static void prepare_superiors(actor_critic *ac, const algo_setup *setup) {
    const env_facts *facts = setup->facts;
    algo_joint joint = algo_joint_of(facts, setup->arena);
    FM_CHECK(!ac->shape.shared, "a policy that is its own superior");
    for (int i = 1; i < facts->agents; i++)
        FM_CHECK(algo_actions_alike(&facts->agent[0], &facts->agent[i]), "superiors that act differently");
    ac->action_columns = (size_t)joint.width[0];
    ac->after_actions = fm_arena_array(setup->arena, real, ac->copies * (size_t)facts->action_total);
    ac->after_rng = fm_arena_array(setup->arena, fm_rng, ac->copies);
    for (size_t c = 0; c < ac->copies; c++) algo_stream(setup, &ac->after_rng[c], FM_RNG_SAMPLE, (int)c + 1);
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
    for (int k = 0; k < (int)agents; k++)
        ac->policy_of[shape->turn ? shape->turn[k] : k] = shape->shared ? 0 : k;
    if ((shape->actor_sees | shape->critic_sees) & ACTOR_CRITIC_SUPERIORS) prepare_superiors(ac, setup);
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
        if (p == 0 || !ac->shape.model) nn_params_free(&ac->policy[p].actor.params);
        nn_params_free(&ac->policy[p].critic.params);
    }
}

/* ---- acting ---- */

static real *append(real *to, const real *from, size_t n) {
    memcpy(to, from, n * sizeof *to);
    return to + n;
}

/* The nearest superior first; zeros where the action of one does not count. */
static real *append_superiors(const actor_critic *ac, const actor_critic_policy *p, const env_view *view,
                              size_t c, const real *actions, real *to) {
    const env_facts *facts = ac->facts;
    for (size_t k = p->index; k-- > 0; to += ac->action_columns) {
        int i = ac->policy[k].agents[0];
        const env_agent *superior = &facts->agent[i];
        const real *action = actions + c * (size_t)facts->action_total + superior->action_at;
        if (view->active[c * (size_t)facts->agents + (size_t)i])
            algo_encode_agent(&superior->action, action, to);
        else
            memset(to, 0, ac->action_columns * sizeof *to);
    }
    return to;
}

/* What the network sees of every row of the view, where its superiors have chosen `actions`. */
static void show(const actor_critic *ac, const actor_critic_policy *p, const actor_critic_net *net,
                 const env_view *view, const real *actions) {
    const env_facts *facts = ac->facts;
    size_t obs = (size_t)facts->obs_total, central = (size_t)facts->central_length;
    real *to = net->x;
    for (size_t c = 0; c < (size_t)view->copies; c++)
        for (size_t k = 0; k < p->agent_count; k++) {
            const env_agent *agent = &facts->agent[p->agents[k]];
            real *end = to + net->in;
            if (net->sees & ACTOR_CRITIC_OWN)
                to = append(to, view->obs + c * obs + agent->obs_at, (size_t)agent->obs_length);
            if (net->sees & ACTOR_CRITIC_STATE)
                to = central > 0 ? append(to, view->central + c * central, central)
                                 : append(to, view->obs + c * obs, obs);
            if (net->sees & ACTOR_CRITIC_ID) {
                algo_one_hot(to, facts->agents, p->agents[k]);
                to += facts->agents;
            }
            if (net->sees & ACTOR_CRITIC_SUPERIORS) to = append_superiors(ac, p, view, c, actions, to);
            memset(to, 0, (size_t)(end - to) * sizeof *to);
            to = end;
        }
}

/* Outputs of the head for every row of the view, in actor.y. */
static void run_actor(const actor_critic *ac, const actor_critic_policy *p, const env_view *view,
                      const real *actions) {
    show(ac, p, &p->actor, view, actions);
    ad_replay(p->actor.plan);
}

/* Values of every row of the view -> values [copies][agents], for the agents of the policy. */
static void run_critic(const actor_critic *ac, const actor_critic_policy *p, const env_view *view,
                       const real *actions, real *values) {
    size_t n = p->agent_count, agents = (size_t)ac->facts->agents;
    bool units = ac->shape.normalize_value;
    double mean = units ? nn_value_norm_mean(&p->value_norm) : 0;
    double deviation = units ? nn_value_norm_deviation(&p->value_norm) : 1;
    show(ac, p, &p->critic, view, actions);
    ad_replay(p->critic.plan);
    for (size_t c = 0; c < (size_t)view->copies; c++)
        for (size_t k = 0; k < n; k++)
            values[c * agents + (size_t)p->agents[k]] =
                (real)(mean + deviation * (double)p->critic.y[c * n + k]);
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
    run_actor(ac, p, view, actions);
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
        if (training) run_critic(ac, &ac->policy[k], &seen, actions, notes.value);
    }
}

void actor_critic_probabilities(void *self, const env_view *view, const real *actions,
                                double *probabilities) {
    actor_critic *ac = self;
    env_view seen = algo_normaliser_view(&ac->normaliser, view, false);
    for (size_t i = 0; i < ac->policies; i++) {
        actor_critic_policy *p = &ac->policy[i];
        run_actor(ac, p, &seen, actions);
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
    for (size_t k = 0; k < ac->policies && wanted; k++) {
        if (ac->after_rng)
            act(ac, &ac->policy[k], &seen.after, ALGO_SAMPLE, ac->after_rng, ac->after_actions, NULL);
        run_critic(ac, &ac->policy[k], &seen.after, ac->after_actions, ac->after);
    }
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

/* To the units of the critic, which take in the returns: they are what it shall predict from now on. The
 * values are what it gave, in the units of then. */
static void normalize_values(actor_critic *ac, actor_critic_policy *p) {
    algo_rollout *r = &ac->rollout;
    size_t agents = (size_t)ac->facts->agents;
    double n = 0, sum = 0, squares = 0, mean = nn_value_norm_mean(&p->value_norm);
    double deviation = nn_value_norm_deviation(&p->value_norm);
    for (size_t s = 0; s < r->slots; s++)
        for (size_t k = 0; k < p->agent_count; k++) {
            size_t at = s * agents + (size_t)p->agents[k];
            if (!r->weight[at]) continue;
            double x = (double)r->returns[at];
            n++, sum += x, squares += x * x;
            r->value[at] = (real)(((double)r->value[at] - mean) / deviation);
        }
    if (n == 0) return;
    nn_value_norm_update(&p->value_norm, sum / n, squares / n);
    mean = nn_value_norm_mean(&p->value_norm), deviation = nn_value_norm_deviation(&p->value_norm);
    for (size_t s = 0; s < r->slots; s++)
        for (size_t k = 0; k < p->agent_count; k++) {
            size_t at = s * agents + (size_t)p->agents[k];
            if (r->weight[at]) r->returns[at] = (real)(((double)r->returns[at] - mean) / deviation);
        }
}

bool actor_critic_ready(actor_critic *ac) {
    const algo_rollout_options *o = ac->shape.rollout;
    if (!algo_cadence_due(&ac->cadence, (int64_t)ac->rollout.slots, 1)) return false;
    algo_rollout_gae(&ac->rollout, o->gamma, o->gae_lambda, ac->normaliser.scale);
    if (ac->shape.monte_carlo) algo_rollout_retarget(&ac->rollout, o->gamma, 1, ac->normaliser.scale);
    double rate = algo_falling(ac->shape.descent->lr_final, ac->cadence.decisions, ac->run);
    for (size_t k = 0; k < ac->policies; k++) {
        actor_critic_policy *p = &ac->policy[k];
        p->actor.optimizer.lr = p->actor.lr * rate;
        p->critic.optimizer.lr = p->critic.lr * rate;
        *p->explained_variance = algo_rollout_explained_variance(&ac->rollout, p->agents, p->agent_count);
        *p->steps = 0;
        if (ac->shape.normalize_value) normalize_values(ac, p);
        for (size_t i = 0; i < 2 + ACTOR_CRITIC_SHOWN; i++) p->sum[i] = 0;
    }
    return true;
}

void actor_critic_step(actor_critic_policy *p) {
    real *of_actor = p->objective.gradient[0], *of_critic = p->objective.gradient[1];
    double loss = nn_objective_run(&p->objective);
    double actor_norm = nn_norm(of_actor, p->actor.params.n),
           critic_norm = nn_norm(of_critic, p->critic.params.n);
    double norm = hypot(actor_norm, critic_norm), limit = p->max_grad_norm;
    if (p->clips_apart) {
        nn_clip_global(of_actor, p->actor.params.n, limit);
        nn_clip_global(of_critic, p->critic.params.n, limit);
    } else if (limit > 0 && norm > limit) {
        nn_clip_global(of_actor, p->actor.params.n, actor_norm * limit / norm);
        nn_clip_global(of_critic, p->critic.params.n, critic_norm * limit / norm);
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
