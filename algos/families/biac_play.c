/* biac_play.c: Stackelberg play of Bi-AC's networks: who answers whom, for acting, for targets and for the
 * actors' alternatives alike. */
#include <math.h>
#include <string.h>

#include "algos/families/biac.h"
#include "nn/distributions.h"

size_t biac_actor_width(const biac *b, int agent) {
    size_t width = (size_t)b->facts->agent[agent].obs_length;
    for (int j = 0; j < b->joint.agents; j++)
        if (b->order.level[j] < b->order.level[agent]) width += (size_t)b->joint.width[j];
    return width;
}

void biac_actor_input(const biac *b, int agent, const real *obs, const real *joint, real *input) {
    size_t length = (size_t)b->facts->agent[agent].obs_length;
    memcpy(input, obs, length * sizeof *input);
    input += length;
    for (int j = 0; j < b->joint.agents; j++) {
        if (b->order.level[j] >= b->order.level[agent]) continue;
        memcpy(input, joint + b->joint.at[j], (size_t)b->joint.width[j] * sizeof *input);
        input += b->joint.width[j];
    }
}

void biac_choose(const biac *b, int agent, const real *out, fm_rng *rng, real *columns) {
    const env_space *space = &b->facts->agent[agent].action;
    if (space->kind == ENV_DISCRETE) {
        int action = rng ? nn_categorical_sample(out, NULL, space->n, rng) : nn_argmax(out, NULL, space->n);
        algo_one_hot(columns, space->n, action);
        return;
    }
    for (int k = 0; k < space->size; k++) columns[k] = (real)tanh((double)out[k]);
}

/* ---- making ---- */

biac_play *biac_play_make(const biac *b, const algo_setup *setup, size_t rows, bool target) {
    size_t agents = (size_t)b->joint.agents;
    biac_play *play = fm_arena_array(setup->arena, biac_play, 1);
    *play = (biac_play){.rows = rows, .share = rows, .target = target};
    play->obs = fm_arena_array(setup->arena, real, rows * (size_t)b->facts->obs_total);
    play->present = fm_arena_array(setup->arena, real, rows * agents);
    for (size_t k = 0; k < rows * agents; k++) play->present[k] = 1;
    play->joint = fm_arena_array(setup->arena, real, rows * (size_t)b->joint.total);
    play->actor = fm_arena_array(setup->arena, algo_forward, agents);
    play->critic = fm_arena_array(setup->arena, algo_forward, agents);
    for (int i = 0; i < b->joint.agents; i++)
        if (biac_has_actor(b, i)) play->actor[i] = algo_forward_make(&b->agent[i].actor, setup, target, rows);
    return play;
}

void biac_play_add_critic(const biac *b, const algo_setup *setup, biac_play *play, int agent) {
    play->critic[agent] = algo_forward_make(&b->agent[agent].critic, setup, play->target, play->rows);
}

void biac_play_add_tries(const biac *b, const algo_setup *setup, biac_play *play) {
    if (b->leader < 0) return;
    play->tries = biac_play_make(b, setup, play->rows * b->candidates, play->target);
    biac_play_add_critic(b, setup, play->tries, b->leader);
}

void biac_list_candidates(biac *b, fm_arena *arena) {
    const env_space *space = &b->facts->agent[b->leader].action;
    bool discrete = space->kind == ENV_DISCRETE;
    size_t width = (size_t)b->joint.width[b->leader];
    b->candidates = discrete ? (size_t)space->n : (size_t)b->config->candidates;
    b->candidate = fm_arena_array(arena, real, b->candidates * width);
    for (size_t k = 0; k < b->candidates; k++) {
        real *row = b->candidate + k * width;
        if (discrete)
            algo_one_hot(row, space->n, (int)k);
        else
            biac_box_point(k, width, row);
    }
}

/* ---- on the tape ---- */

ad_var biac_actor_on_tape(const biac *b, int agent, const ad_var *columns) {
    const biac_agent *a = &b->agent[agent];
    ad_var x = a->obs;
    for (int j = 0; j < b->joint.agents; j++)
        if (b->order.level[j] < b->order.level[agent]) x = ad_concat_cols(x, columns[j]);
    return algo_net_apply(&a->actor, &a->actor.leaves, x);
}

ad_var biac_critic_on_tape(const biac *b, int agent, ad_var joint) {
    const biac_agent *a = &b->agent[agent];
    return algo_net_apply(&a->critic, &a->critic.leaves, ad_concat_cols(a->obs, joint));
}

/* ---- playing ---- */

static bool present(const biac *b, const biac_play *play, size_t row, int agent) {
    return play->present[row * (size_t)b->joint.agents + (size_t)agent] != 0;
}

static real *columns_of(const biac *b, const biac_play *play, size_t row, int agent) {
    return play->joint + row * (size_t)b->joint.total + b->joint.at[agent];
}

/* The outputs of agent i's actor on what it sees and on what stands in the columns of those above; [R, A_i]. */
static const real *run_actor(const biac *b, biac_play *play, int i) {
    algo_forward *actor = &play->actor[i];
    size_t obs_total = (size_t)b->facts->obs_total, total = (size_t)b->joint.total;
    const real *obs = play->obs + b->facts->agent[i].obs_at;
    for (size_t r = 0; r < play->rows; r++)
        biac_actor_input(b, i, obs + r * obs_total, play->joint + r * total, actor->x + r * actor->in);
    algo_forward_run(actor);
    return actor->y;
}

void biac_play_respond(const biac *b, biac_play *play, int level, fm_rng *rng) {
    if (!b->config->sample_follower) rng = NULL;
    for (int turn = 0; turn < b->order.agents; turn++) {
        int i = b->order.turn[turn];
        size_t width = (size_t)b->joint.width[i];
        if (b->order.level[i] < level || !biac_has_actor(b, i)) continue;
        const real *out = run_actor(b, play, i);
        for (size_t r = 0; r < play->rows; r++) {
            real *columns = columns_of(b, play, r, i);
            if (present(b, play, r, i))
                biac_choose(b, i, out + r * width, rng ? &rng[r / play->share] : NULL, columns);
            else
                memset(columns, 0, width * sizeof *columns);
        }
    }
}

const real *biac_play_value(const biac *b, biac_play *play, int agent) {
    algo_forward *critic = &play->critic[agent];
    size_t obs_total = (size_t)b->facts->obs_total, total = (size_t)b->joint.total;
    size_t length = (size_t)b->facts->agent[agent].obs_length;
    for (size_t r = 0; r < play->rows; r++) {
        real *x = critic->x + r * critic->in;
        memcpy(x, play->obs + r * obs_total + b->facts->agent[agent].obs_at, length * sizeof *x);
        memcpy(x + length, play->joint + r * total, total * sizeof *x);
    }
    algo_forward_run(critic);
    return critic->y;
}

/* What everybody sees stands in each of the leader's tries, with one of its candidates. */
static void lay_out_tries(const biac *b, const biac_play *play) {
    biac_play *tries = play->tries;
    size_t obs_total = (size_t)b->facts->obs_total, agents = (size_t)b->joint.agents, K = b->candidates;
    size_t width = (size_t)b->joint.width[b->leader];
    tries->rows = play->rows * K;
    tries->share = play->share * K;
    for (size_t r = 0; r < tries->rows; r++) {
        real *columns = columns_of(b, tries, r, b->leader);
        memcpy(tries->obs + r * obs_total, play->obs + r / K * obs_total, obs_total * sizeof(real));
        memcpy(tries->present + r * agents, play->present + r / K * agents, agents * sizeof(real));
        if (present(b, tries, r, b->leader))
            memcpy(columns, b->candidate + r % K * width, width * sizeof *columns);
        else
            memset(columns, 0, width * sizeof *columns);
    }
}

/* Which of its K candidates the leader takes: the best; a soft leader one drawn by exp(Q / alpha), which is
 * nn_categorical_sample's softmax by way of Gumbel noise, without a copy of the values. */
static size_t pick_try(const biac *b, const real *q, fm_rng *rng) {
    double alpha = b->config->soft, most = -HUGE_VAL;
    if (alpha == 0 || rng == NULL) return (size_t)nn_argmax(q, NULL, (int)b->candidates);
    size_t best = 0;
    for (size_t k = 0; k < b->candidates; k++) {
        double noisy = (double)q[k] + alpha * fm_rng_gumbel(rng);
        if (noisy > most) {
            most = noisy;
            best = k;
        }
    }
    return best;
}

void biac_play_joint(const biac *b, biac_play *play, fm_rng *rng) {
    size_t total = (size_t)b->joint.total, K = b->candidates;
    if (b->leader < 0) {
        biac_play_respond(b, play, 0, rng);
        return;
    }
    lay_out_tries(b, play);
    biac_play_respond(b, play->tries, 0, rng);                       /* pi_2(s, x) for every x */
    const real *q = biac_play_value(b, play->tries, b->leader);     /* Q_1(s, x, pi_2(s, x)) */
    for (size_t r = 0; r < play->rows; r++) {                        /* Eq. (12) */
        size_t best = r * K + pick_try(b, q + r * K, rng ? &rng[r / play->share] : NULL);
        memcpy(play->joint + r * total, play->tries->joint + best * total, total * sizeof(real));
    }
}

double biac_soft_value(const biac *b, const biac_play *play, size_t row) {
    const real *q = play->tries->critic[b->leader].y + row * b->candidates;
    double alpha = b->config->soft, most = (double)q[nn_argmax(q, NULL, (int)b->candidates)], sum = 0;
    for (size_t k = 0; k < b->candidates; k++) sum += exp(((double)q[k] - most) / alpha);
    return most + alpha * log(sum / (double)b->candidates);
}

/* ---- what it shows of itself ---- */

void biac_show(const biac *b, biac_play *play, const env_view *view) {
    size_t agents = (size_t)b->joint.agents;
    play->rows = (size_t)view->copies;
    memcpy(play->obs, view->obs, play->rows * (size_t)b->facts->obs_total * sizeof(real));
    for (size_t k = 0; k < play->rows * agents; k++) play->present[k] = view->active[k];
}

/* The given joint actions stand in the play. */
static void lay_out_actions(const biac *b, biac_play *play, const env_view *view, const real *actions) {
    biac_show(b, play, view);
    for (size_t r = 0; r < play->rows; r++)
        for (int i = 0; i < b->joint.agents; i++) {
            const env_agent *agent = &b->facts->agent[i];
            const real *action = actions + r * (size_t)b->facts->action_total + agent->action_at;
            real *columns = columns_of(b, play, r, i);
            if (present(b, play, r, i))
                algo_encode_agent(&agent->action, action, columns);
            else
                memset(columns, 0, (size_t)b->joint.width[i] * sizeof *columns);
        }
}

void biac_values(void *self, const env_view *view, const real *actions, double *values) {
    biac *b = self;
    size_t agents = (size_t)b->joint.agents;
    lay_out_actions(b, b->acting, view, actions);
    for (size_t i = 0; i < agents; i++) {
        const real *q = biac_play_value(b, b->acting, (int)i);
        for (size_t r = 0; r < b->acting->rows; r++)
            values[r * agents + i] = (double)q[r] / b->scale[i].scale + b->scale[i].shift;
    }
}

static double softmax_of(const real *logits, int n, int action) {
    double most = (double)logits[nn_argmax(logits, NULL, n)], sum = 0;
    for (int k = 0; k < n; k++) sum += exp((double)logits[k] - most);
    return exp((double)logits[action] - most) / sum;
}

/* A maximising leader's is 0 or 1; numbers of a box have none. */
void biac_probabilities(void *self, const env_view *view, const real *actions, double *probabilities) {
    biac *b = self;
    biac_play *play = b->acting;
    size_t agents = (size_t)b->joint.agents, width = (size_t)b->facts->action_total;
    biac_show(b, play, view);
    biac_play_joint(b, play, NULL);
    for (size_t r = 0; r < play->rows && b->leader >= 0 && biac_is_discrete(b, b->leader); r++) {
        int action = (int)actions[r * width + (size_t)b->facts->agent[b->leader].action_at];
        probabilities[r * agents + (size_t)b->leader] = columns_of(b, play, r, b->leader)[action] != 0;
    }
    lay_out_actions(b, play, view, actions);
    for (int i = 0; i < b->joint.agents; i++) {
        if (!biac_has_actor(b, i) || !biac_is_discrete(b, i)) continue;
        const real *logits = run_actor(b, play, i);
        int n = b->joint.width[i];
        for (size_t r = 0; r < play->rows; r++) {
            int action = (int)actions[r * width + (size_t)b->facts->agent[i].action_at];
            probabilities[r * agents + (size_t)i] = softmax_of(logits + r * (size_t)n, n, action);
        }
    }
}
