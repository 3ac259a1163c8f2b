/* biac_discrete.c: how a discrete agent's actor learns: its softmax ascends the expectation of its critic
 * over all of its own actions (Eq. 16), each with the answers of the levels below. */
#include <string.h>

#include "algos/families/biac.h"
#include "nn/distributions.h"

static bool is_last(const biac *b, int i) { return b->order.level[i] == b->order.levels - 1; }

/* phi_i ascends E over pi_i of Q_i(o_i, a) (Eq. 16), plus the entropy bonus, less the penalty on logits. */
static ad_var loss(const biac *b, int i, ad_var logits, ad_var values, ad_var gumbel) {
    const biac_config *c = b->config;
    ad_var pi = c->gumbel ? nn_gumbel_softmax(logits, gumbel, c->temperature) : ad_softmax(logits);
    ad_var loss = ad_neg(ad_sum_cols(ad_mul(pi, values)));
    if (c->ent_coef > 0) loss = ad_sub(loss, ad_scale(nn_categorical_entropy(logits, AD_NONE), c->ent_coef));
    if (c->logit_l2 > 0) loss = ad_add(loss, ad_scale(ad_sum_cols(ad_square(logits)), c->logit_l2));
    return nn_weighted_mean(loss, b->agent[i].weight);
}

/* The replayed situations are the first B rows of the play, when levels below must answer. */
static void declare_deviations(biac *b, const algo_setup *setup, int i) {
    size_t agents = (size_t)b->joint.agents, total = (size_t)b->joint.total;
    size_t piece = b->agent[i].piece = biac_play_piece(b, b->batch.rows, (size_t)b->joint.width[i]);
    biac_play *play = biac_play_make(b, setup, b->batch.rows * piece, false);
    biac_play_add_critic(b, setup, play, i);
    b->agent[i].deviations = play;
    if (is_last(b, i)) return;
    algo_batch_into(&b->batch, ALGO_OBS, ALGO_ALL, play->obs, (size_t)b->facts->obs_total);
    algo_batch_into(&b->batch, ALGO_COLUMNS, ALGO_ALL, play->joint, total);
    for (int j = 0; j < b->joint.agents && !b->one_shot; j++)
        algo_batch_into(&b->batch, ALGO_ACTIVE, j, play->present + j, agents);
}

void biac_discrete_learn(biac *b, const algo_setup *setup, int i) {
    biac_agent *a = &b->agent[i];
    size_t width = (size_t)b->joint.width[i], rows = b->batch.rows;
    ad_var values, gumbel = AD_NONE;
    a->values = algo_leaf(setup, rows, width, "values of own actions", &values);
    if (b->config->gumbel) a->gumbel = algo_leaf(setup, rows, width, "gumbel noise", &gumbel);
    ad_var logits = biac_actor_on_tape(b, i, a->columns);
    algo_net_learn(&a->actor, setup, loss(b, i, logits, values, gumbel));
    declare_deviations(b, setup, i);
}

/* ---- Q_i of a piece of the own actions in the replayed situations: block k of B rows has action first + k;
 * a block beyond the last action has none, and nobody looks at it ---- */

/* Every block becomes a copy of `from` (which may be the first of them). */
static void spread(const biac *b, int i, const real *from, real *x, size_t cols) {
    size_t block = b->batch.rows * cols;
    for (size_t k = 0; k < b->agent[i].piece; k++)
        if (x + k * block != from) memcpy(x + k * block, from, block * sizeof *x);
}

/* Agent i's columns, which begin at `at` in rows of `cols`. */
static void deviate(const biac *b, int i, size_t first, real *x, size_t at, size_t cols) {
    size_t B = b->batch.rows, width = (size_t)b->joint.width[i];
    for (size_t k = 0; k < b->agent[i].piece; k++)
        for (size_t c = 0; c < width; c++)
            for (size_t row = k * B; row < (k + 1) * B; row++) x[row * cols + at + c] = c == first + k;
}

/* The other columns stay as they were replayed: no level below answers. */
static const real *value_own_actions(biac *b, int i, size_t first) {
    algo_forward *critic = &b->agent[i].deviations->critic[i];
    size_t own = critic->in - (size_t)(b->joint.total - b->joint.at[i]);
    spread(b, i, b->agent[i].replayed, critic->x, critic->in);
    deviate(b, i, first, critic->x, own, critic->in);
    algo_forward_run(critic);
    return critic->y;
}

/* With the answers of the levels below. Of the first block, which the batch fills, a piece changes only what
 * the next one writes anew: the columns of the agent and of these levels. */
static const real *value_led_actions(biac *b, int i, size_t first) {
    biac_play *play = b->agent[i].deviations;
    spread(b, i, play->obs, play->obs, (size_t)b->facts->obs_total);
    spread(b, i, play->present, play->present, (size_t)b->joint.agents);
    spread(b, i, play->joint, play->joint, (size_t)b->joint.total);
    deviate(b, i, first, play->joint, (size_t)b->joint.at[i], (size_t)b->joint.total);
    biac_play_respond(b, play, b->order.level[i] + 1, NULL);
    return biac_play_value(b, play, i);
}

void biac_discrete_prepare(biac *b, int i) {
    biac_agent *a = &b->agent[i];
    size_t B = b->batch.rows, width = (size_t)b->joint.width[i];
    for (size_t first = 0; first < width; first += a->piece) {
        const real *q = is_last(b, i) ? value_own_actions(b, i, first) : value_led_actions(b, i, first);
        size_t left = width - first, n = left < a->piece ? left : a->piece;
        for (size_t k = 0; k < n; k++)
            for (size_t row = 0; row < B; row++) a->values[row * width + first + k] = q[k * B + row];
    }
    if (a->gumbel) nn_gumbel_fill(a->gumbel, B * width, &b->noise);
}
