#include "algos/families/independent_q.h"

#include <string.h>

#include "base/text.h"
#include "nn/distributions.h"

/* ---- building ---- */

fm_status independent_q_accepts(const char *name, const env_facts *facts, const independent_q_config *config,
                                fm_error *err) {
    for (int i = 0; i < facts->agents; i++)
        if (facts->agent[i].action.kind != ENV_DISCRETE)
            return fm_fail(err, "%s needs discrete actions; '%s' has %s for agent '%s'", name, facts->name,
                           facts->agent[i].action.kind == ENV_BOX ? "a box" : "several heads",
                           facts->agent[i].name);
    if (config->replay.buffer_size < config->replay.batch_size)
        return fm_fail(
            err, "%s: a replay of %lld cannot hold a minibatch of %lld (options buffer_size, batch_size)",
            name, (long long)config->replay.buffer_size, (long long)config->replay.batch_size);
    return FM_OK;
}

/* delta_i of the top of independent_q.h, its target from outside the tape. */
static void record_loss(independent_q *q, int i, const algo_setup *setup) {
    independent_q_agent *agent = &q->agent[i];
    ad_var obs, action, td_target, weight;
    agent->batch = algo_batch_make(setup, (size_t)q->config->replay.batch_size);
    agent->batch.scale = q->scale;
    agent->obs = algo_batch_leaf(&agent->batch, ALGO_OBS, i, &obs);
    agent->td_target = algo_batch_leaf(&agent->batch, ALGO_REWARD, i, &td_target);
    agent->not_done = algo_batch_leaf(&agent->batch, ALGO_NOT_DONE, i, NULL);
    algo_batch_leaf(&agent->batch, ALGO_ACTION, i, &action);
    agent->weight = algo_batch_leaf(&agent->batch, ALGO_WEIGHT, i, &weight);
    ad_var taken = ad_gather(algo_net_apply(&agent->net, &agent->net.leaves, obs), action);
    algo_net_learn(&agent->net, setup, q->rule->loss(q, i, ad_sub(td_target, taken), weight));
}

static void make_agent(independent_q *q, int i, const algo_setup *setup) {
    const independent_q_config *config = q->config;
    independent_q_agent *agent = &q->agent[i];
    size_t rows = (size_t)config->replay.batch_size;
    char name[FM_NAME_MAX];
    fm_text_format(name, sizeof name, "q.%d", i);
    algo_net_shape shape = {.name = name,
                            .in = (size_t)q->facts->agent[i].obs_length,
                            .out = (size_t)q->facts->agent[i].action.n,
                            .hidden = &config->hidden,
                            .activation = (ad_act)config->activation,
                            .lr = config->lr,
                            .max_grad_norm = config->descent.max_grad_norm,
                            .target = true};
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, (uint64_t)i);
    algo_net_make(&agent->net, setup, &shape, &init);
    record_loss(q, i, setup);
    agent->now = algo_forward_make(&agent->net, setup, agent->net.params.theta, (size_t)q->num_envs);
    agent->next_target = algo_forward_make(&agent->net, setup, agent->net.target, rows);
    algo_batch_into(&agent->batch, ALGO_NEXT_OBS, i, agent->next_target.x, agent->next_target.in);
    if (config->double_q) {
        agent->next = algo_forward_make(&agent->net, setup, agent->net.params.theta, rows);
        algo_batch_into(&agent->batch, ALGO_NEXT_OBS, i, agent->next.x, agent->next.in);
    }
    agent->mean_target = fm_arena_array(setup->arena, double, 1);
    *agent->mean_target = FM_ABSENT;
    fm_keep(setup->keep, FM_F64, agent->mean_target, 1, "%s.mean_target", name);
}

void independent_q_make(independent_q *q, const algo_setup *setup, const independent_q_config *config,
                        const independent_q_rule *rule) {
    q->facts = setup->facts;
    q->config = config;
    q->rule = rule;
    q->agents = setup->facts->agents;
    q->num_envs = setup->num_envs;
    q->steps = setup->steps;
    q->replay = algo_replay_make(setup, config->replay.buffer_size);
    q->agent = fm_arena_array(setup->arena, independent_q_agent, (size_t)q->agents);
    q->scale = fm_arena_array(setup->arena, algo_scale, (size_t)q->agents);
    for (int i = 0; i < q->agents; i++) {
        bool raw = config->scale_rewards == ALGO_SCALE_NONE;
        q->scale[i] = algo_reward_scale(q->facts, i, raw);
        make_agent(q, i, setup);
    }
    algo_stream(setup, &q->sample, FM_RNG_SAMPLE, 0);
    algo_cadence_keep(&q->cadence, setup);
}

void independent_q_destroy(void *self) {
    independent_q *q = self;
    for (int i = 0; i < q->agents; i++) algo_net_free(&q->agent[i].net);
}

/* ---- acting ---- */

/* Every agent's values of its actions in the rows of the view, in agent[i].now.y. */
static void evaluate(independent_q *q, const env_view *view) {
    for (int i = 0; i < q->agents; i++) {
        algo_forward *now = &q->agent[i].now;
        algo_forward_show(now, q->facts, view, i);
        published_q(&q->config->faults, PUBLISHED_Q_OBS, now->x, now->rows * now->in);
        algo_forward_run(now);
    }
}

static double epsilon_now(const independent_q *q) {
    int64_t decisions = q->cadence.decisions;
    return decisions < q->config->replay.learning_starts ? 1 : algo_epsilon(&q->config->epsilon, decisions);
}

void independent_q_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                       real *actions) {
    (void)memory;
    independent_q *q = self;
    const env_facts *facts = q->facts;
    double epsilon = mode == ALGO_TRAIN ? epsilon_now(q) : 0;
    if (epsilon < 1) evaluate(q, view);
    for (size_t c = 0; c < (size_t)view->copies; c++) {
        const uint8_t *masks = view->mask + c * (size_t)facts->mask_total;
        bool explore = false;
        for (int i = 0; i < q->agents; i++) {
            const env_agent *agent = &facts->agent[i];
            const algo_forward *now = &q->agent[i].now;
            const uint8_t *mask = facts->masks ? masks + agent->mask_at : NULL;
            real *action = actions + c * (size_t)facts->action_total + agent->action_at;
            bool own_coin = q->config->coin == ALGO_COIN_OWN || i == 0;
            if (epsilon > 0 && own_coin) explore = fm_rng_uniform(&rng[c]) < epsilon;
            if (!view->active[c * (size_t)q->agents + (size_t)i])
                *action = 0;
            else if (explore)
                algo_random_action(facts, i, masks, &rng[c], action);
            else
                *action = (real)nn_argmax(now->y + c * now->out, mask, (int)now->out);
        }
    }
}

/* In the units of the rewards. */
void independent_q_values(void *self, const env_view *view, const real *actions, double *values) {
    independent_q *q = self;
    evaluate(q, view);
    for (size_t c = 0; c < (size_t)view->copies; c++)
        for (int i = 0; i < q->agents; i++) {
            const algo_forward *now = &q->agent[i].now;
            size_t at = c * (size_t)q->facts->action_total + (size_t)q->facts->agent[i].action_at;
            double value = (double)now->y[c * now->out + (size_t)actions[at]];
            values[c * (size_t)q->agents + (size_t)i] =
                algo_value_in_unit(q->facts, q->scale[i], q->config->gamma, value);
        }
}

/* ---- learning ---- */

void independent_q_observe(void *self, const algo_step *step) {
    independent_q *q = self;
    if (q->rule->observed != NULL) q->rule->observed(q, step);
    algo_replay_add(&q->replay, step);
    algo_cadence_count(&q->cadence, step->before.copies, q->config->replay.learning_starts);
}

/* Adds gamma not_done Q'_i(o'_i, b), see the top of independent_q.h; nothing where nothing in the minibatch
 * has a future, as in one-shot games. */
static void bootstrap(independent_q *q, int i) {
    independent_q_agent *agent = &q->agent[i];
    algo_forward *target = &agent->next_target, *chooser = q->config->double_q ? &agent->next : target;
    bool goes_on = false;
    for (size_t b = 0; b < agent->batch.rows; b++) goes_on = goes_on || agent->not_done[b] > 0;
    if (!goes_on || q->config->gamma == 0) return;
    algo_forward_run(target);
    if (chooser != target) algo_forward_run(chooser);
    for (size_t b = 0; b < agent->batch.rows; b++) {
        if (agent->not_done[b] == 0 || agent->weight[b] == 0) continue; /* nothing need be legal there */
        const uint8_t *mask = algo_replay_next_mask(&q->replay, agent->batch.drawn[b], i);
        size_t row = b * target->out;
        int best = nn_argmax(chooser->y + row, mask, (int)target->out);
        double value = (double)target->y[row + (size_t)best];
        agent->td_target[b] =
            (real)((double)agent->td_target[b] + q->config->gamma * (double)agent->not_done[b] * value);
    }
}

/* The minibatch of agent i: drawn by itself, or the first agent's rows. */
static void load(independent_q *q, int i) {
    independent_q_agent *agent = &q->agent[i];
    const published_q_faults *faults = &q->config->faults;
    size_t rows = agent->batch.rows;
    if (i == 0 || q->config->draw == ALGO_COIN_OWN)
        algo_replay_draw(&q->replay, &agent->batch, &q->sample);
    else
        memcpy(agent->batch.drawn, q->agent[0].batch.drawn, rows * sizeof *agent->batch.drawn);
    algo_replay_fill(&q->replay, &agent->batch);
    published_q(faults, PUBLISHED_Q_OBS, agent->obs, rows * agent->net.mlp.in);
    published_q(faults, PUBLISHED_Q_OBS, agent->next_target.x, rows * agent->net.mlp.in);
    if (q->config->double_q) published_q(faults, PUBLISHED_Q_OBS, agent->next.x, rows * agent->net.mlp.in);
    published_q(faults, PUBLISHED_Q_NOT_DONE, agent->not_done, rows);
}

static double mean(const real *x, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += (double)x[k];
    return sum / (double)n;
}

static void learn(independent_q *q) {
    const independent_q_config *config = q->config;
    double rate = algo_falling(config->descent.lr_final, q->cadence.decisions, q->steps);
    for (int i = 0; i < q->agents; i++) {
        independent_q_agent *agent = &q->agent[i];
        load(q, i);
        if (q->rule->sampled != NULL) q->rule->sampled(q, i);
        bootstrap(q, i);
        published_q(&config->faults, PUBLISHED_Q_TARGET, agent->td_target, agent->batch.rows);
        algo_net_step(&agent->net, rate);
        if (q->cadence.updates % config->target.target_update_interval == 0)
            algo_net_track(&agent->net, config->target.tau);
        *agent->mean_target = mean(agent->td_target, agent->batch.rows);
    }
}

void independent_q_update(void *self) {
    independent_q *q = self;
    const algo_replay_options *o = &q->config->replay;
    while (algo_cadence_due(&q->cadence, o->train_freq, o->gradient_steps)) learn(q);
}

double *independent_q_measure(const independent_q *q, double *values) {
    for (int i = 0; i < q->agents; i++) *values++ = *q->agent[i].net.loss;
    for (int i = 0; i < q->agents; i++) *values++ = *q->agent[i].net.gradient_norm;
    for (int i = 0; i < q->agents; i++) *values++ = *q->agent[i].mean_target;
    *values++ = epsilon_now(q);
    return values;
}

ad_var independent_q_forgiving_loss(ad_var delta, ad_var weight, ad_var forgive, independent_q_weigh weigh,
                                    algo_loss loss) {
    ad_var negative = ad_greater(ad_neg(delta), ad_fill(delta.tape, 1, 1, 0));
    ad_var counts = ad_shift(ad_neg(ad_mul(negative, forgive)), 1);
    if (weigh == INDEPENDENT_Q_WEIGH_ERROR)
        return nn_weighted_mean(algo_penalty(ad_mul(counts, delta), loss), weight);
    return nn_weighted_mean(ad_mul(counts, algo_penalty(delta, loss)), weight);
}
