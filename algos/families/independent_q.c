#include "algos/families/independent_q.h"

#include <string.h>

#include "base/text.h"
#include "nn/distributions.h"

/* ---- building ---- */

fm_status independent_q_accepts(const char *name, const env_facts *facts, const independent_q_config *config,
                                fm_error *err) {
    for (int i = 0; i < facts->agents; i++)
        if (facts->action[i].n == 0)
            return fm_fail(err, "%s needs discrete actions; '%s' has a box for agent '%s'", name, facts->name,
                           facts->agent_name[i]);
    if (config->replay < config->batch)
        return fm_fail(err, "%s: a replay of %lld cannot hold a minibatch of %lld (options replay, batch)",
                       name, (long long)config->replay, (long long)config->batch);
    return FM_OK;
}

static void make_agent(independent_q *q, int i, const algo_setup *setup) {
    const independent_q_config *config = q->config;
    independent_q_agent *agent = &q->agent[i];
    size_t rows = (size_t)config->batch, obs = (size_t)q->facts->obs_length[i];
    char name[FM_NAME_MAX];
    fm_text_format(name, sizeof name, "q.%d", i);
    algo_net_shape shape = {.name = name,
                            .in = obs,
                            .out = (size_t)q->facts->action[i].n,
                            .hidden = &config->hidden,
                            .act = AD_RELU,
                            .lr = config->lr,
                            .target = true};
    fm_rng init = fm_rng_split(setup->seed, FM_RNG_INIT, 0, (uint64_t)i);
    algo_net_make(&agent->net, setup, q->tape, &shape, &init);
    agent->now = algo_forward_make(&agent->net, setup, q->tape, false, (size_t)q->copies);
    if (config->double_q) agent->next = algo_forward_make(&agent->net, setup, q->tape, false, rows);
    agent->next_target = algo_forward_make(&agent->net, setup, q->tape, true, rows);
    agent->scale = config->scale_rewards ? algo_reward_scale(q->facts, i) : (algo_scale){.scale = 1};

    ad_var obs_leaf, index, wanted;
    agent->obs = algo_leaf(setup, q->tape, rows, obs, "batch.obs", &obs_leaf);
    agent->index = algo_leaf(setup, q->tape, rows, 1, "batch.action", &index);
    agent->wanted = algo_leaf(setup, q->tape, rows, 1, "batch.target", &wanted);
    ad_var all = nn_mlp_apply(&agent->net.mlp, &agent->net.leaves, obs_leaf);
    ad_var taken = ad_gather(all, index);
    algo_net_learn(&agent->net, setup, q->rule->loss(q, i, ad_sub(wanted, taken)));
}

void independent_q_make(independent_q *q, const algo_setup *setup, const independent_q_config *config,
                        const independent_q_rule *rule) {
    q->facts = setup->facts;
    q->config = config;
    q->rule = rule;
    q->agents = setup->facts->agents;
    q->copies = setup->copies;
    q->steps = setup->steps;
    q->tape = ad_tape_new();
    q->replay = algo_replay_make(setup, config->replay, config->batch);
    q->continues = fm_arena_array(setup->arena, real, (size_t)config->batch);
    for (int i = 0; i < q->agents; i++) {
        make_agent(q, i, setup);
        q->explore[i] = fm_rng_split(setup->seed, FM_RNG_EXPLORE, 0, (uint64_t)i);
    }
    q->sample = fm_rng_split(setup->seed, FM_RNG_SAMPLE, 0, 0);
    fm_keep_bytes(setup->keep, q->explore, sizeof q->explore, "rng.explore");
    fm_keep_bytes(setup->keep, &q->sample, sizeof q->sample, "rng.sample");
    fm_keep(setup->keep, FM_I64, &q->clock, sizeof q->clock / sizeof(int64_t), "clock");
    fm_keep(setup->keep, FM_F64, q->stats, INDEPENDENT_Q_STATS, "stats");
}

void independent_q_destroy(void *self) {
    independent_q *q = self;
    for (int i = 0; i < q->agents; i++) algo_net_free(&q->agent[i].net);
    ad_tape_free(q->tape);
}

/* ---- acting ---- */

/* Every agent's values of its actions in the rows of the view, in agent[i].now.y. */
static void evaluate(independent_q *q, const algo_view *view) {
    for (int i = 0; i < q->agents; i++) {
        algo_forward *now = &q->agent[i].now;
        for (size_t c = 0; c < (size_t)view->copies && !q->config->blind; c++)
            memcpy(now->x + c * now->in, view->obs + c * (size_t)q->facts->obs_total + q->facts->obs_at[i],
                   now->in * sizeof(real));
        algo_forward_run(now);
    }
}

static double epsilon_now(const independent_q *q) {
    return q->clock.decisions < q->config->warmup ? 1 : algo_epsilon(&q->config->epsilon, q->clock.decisions);
}

void independent_q_act(void *self, const algo_view *view, bool greedy, real *actions) {
    independent_q *q = self;
    const env_facts *facts = q->facts;
    double epsilon = greedy ? 0 : epsilon_now(q);
    if (epsilon < 1) evaluate(q, view);
    for (int c = 0; c < view->copies; c++) {
        const uint8_t *masks = view->mask + (size_t)c * (size_t)facts->mask_total;
        real *row = actions + (size_t)c * (size_t)facts->action_total;
        bool explore = false;
        for (int i = 0; i < q->agents; i++) {
            const uint8_t *mask = facts->masks ? masks + facts->mask_at[i] : NULL;
            const algo_forward *now = &q->agent[i].now;
            bool own_coin = q->config->coin == INDEPENDENT_Q_OWN || i == 0;
            if (!greedy && own_coin) explore = fm_rng_uniform(&q->explore[i]) < epsilon;
            real *action = row + facts->action_at[i];
            if (explore) algo_random_action(facts, i, masks, &q->explore[i], action);
            else *action = (real)nn_argmax(now->y + (size_t)c * now->out, mask, (int)now->out);
        }
    }
}

/* In the units of the rewards. */
void independent_q_values(void *self, const algo_view *view, const real *actions, double *values) {
    independent_q *q = self;
    evaluate(q, view);
    for (size_t c = 0; c < (size_t)view->copies; c++)
        for (int i = 0; i < q->agents; i++) {
            const independent_q_agent *agent = &q->agent[i];
            size_t action =
                (size_t)actions[c * (size_t)q->facts->action_total + (size_t)q->facts->action_at[i]];
            double value = (double)agent->now.y[c * agent->now.out + action];
            values[c * (size_t)q->agents + (size_t)i] = value / agent->scale.scale + agent->scale.shift;
        }
}

/* ---- learning ---- */

void independent_q_observe(void *self, const algo_step *step) {
    independent_q *q = self;
    if (q->rule->observed != NULL) q->rule->observed(q, step);
    algo_replay_add(&q->replay, step);
    q->clock.decisions += step->before.copies;
    if (algo_replay_size(&q->replay) >= q->replay.batch) q->clock.credit += step->before.copies;
}

/* Adds gamma continues Q'_i(o'_i, b), see the top of independent_q.h. */
static void bootstrap(independent_q *q, int i) {
    independent_q_agent *agent = &q->agent[i];
    algo_forward *target = &agent->next_target, *chooser = q->config->double_q ? &agent->next : target;
    if (!q->config->blind) {
        algo_replay_next_obs(&q->replay, i, target->x, target->in);
        if (chooser != target) algo_replay_next_obs(&q->replay, i, chooser->x, chooser->in);
    }
    algo_forward_run(target);
    if (chooser != target) algo_forward_run(chooser);
    for (size_t b = 0; b < q->replay.batch; b++) {
        const uint8_t *mask = algo_replay_next_mask(&q->replay, b, i);
        size_t row = b * target->out;
        int best = nn_argmax(chooser->y + row, mask, (int)target->out);
        double value = (double)target->y[row + (size_t)best];
        agent->wanted[b] =
            (real)((double)agent->wanted[b] + q->config->gamma * (double)q->continues[b] * value);
    }
}

static void fill_wanted(independent_q *q, int i, bool goes_on) {
    real *wanted = q->agent[i].wanted;
    algo_replay_reward(&q->replay, i, q->agent[i].scale, wanted);
    if (goes_on) bootstrap(q, i);
    for (size_t b = 0; b < q->replay.batch && q->config->clamp_targets; b++)
        wanted[b] = wanted[b] < 1 ? wanted[b] : 1;
}

/* Draws the minibatch; returns whether anything in it has a future: in one-shot games nothing has. */
static bool draw(independent_q *q) {
    bool any = false;
    algo_replay_sample(&q->replay, &q->sample);
    algo_replay_continues(&q->replay, q->continues);
    for (size_t b = 0; b < q->replay.batch; b++) {
        if (q->config->bootstrap_terminal) q->continues[b] = 1;
        any = any || q->continues[b] > 0;
    }
    return any && q->config->gamma > 0;
}

static double mean(const real *x, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += (double)x[k];
    return sum / (double)n;
}

static void learn(independent_q *q) {
    const independent_q_config *config = q->config;
    double left = algo_linear_decay(q->clock.decisions, q->steps);
    double rate = config->lr_final + (1 - config->lr_final) * left;
    bool goes_on = false;
    memset(q->stats, 0, sizeof q->stats);
    q->clock.updates++;
    for (int i = 0; i < q->agents; i++) {
        independent_q_agent *agent = &q->agent[i];
        if (i == 0 || config->draw == INDEPENDENT_Q_OWN) goes_on = draw(q);
        if (q->rule->sampled != NULL) q->rule->sampled(q, i);
        fill_wanted(q, i, goes_on);
        if (!config->blind) algo_replay_obs(&q->replay, i, agent->obs, agent->net.mlp.in);
        algo_replay_index(&q->replay, i, agent->index);
        algo_net_step(&agent->net, config->clip, rate);
        if (q->clock.updates % config->target_every == 0) algo_net_track(&agent->net, config->tau);
        q->stats[INDEPENDENT_Q_LOSS] += (double)*agent->net.loss / q->agents;
        q->stats[INDEPENDENT_Q_GRADIENT] += nn_norm(agent->net.gradient, agent->net.params.n) / q->agents;
        q->stats[INDEPENDENT_Q_MEAN] += mean(agent->wanted, q->replay.batch) / q->agents;
    }
}

void independent_q_update(void *self) {
    independent_q *q = self;
    for (; q->clock.credit >= q->config->train_every; q->clock.credit -= q->config->train_every) learn(q);
    q->stats[INDEPENDENT_Q_EPSILON] = epsilon_now(q);
}

const char *const INDEPENDENT_Q_METRICS[] = {"loss", "gradient_norm", "mean_target", "epsilon", NULL};

void independent_q_metrics(const void *self, double *values) {
    memcpy(values, ((const independent_q *)self)->stats, sizeof((const independent_q *)self)->stats);
}

ad_var independent_q_forgiving_loss(ad_var delta, ad_var forgive, independent_q_weigh weigh, algo_loss loss) {
    ad_var negative = ad_greater(ad_neg(delta), ad_fill(delta.tape, 1, 1, 0));
    ad_var weight = ad_shift(ad_neg(ad_mul(negative, forgive)), 1);
    if (weigh == INDEPENDENT_Q_WEIGH_ERROR) return ad_mean(algo_penalty(ad_mul(weight, delta), loss));
    return ad_mean(ad_mul(weight, algo_penalty(delta, loss)));
}
