/* biac_discrete.c: how a discrete agent's actor learns: its softmax ascends the expectation of its critic over
 * all of its own actions (Eq. 16), each with the answers of the levels below. */
#include <string.h>

#include "algos/families/biac.h"
#include "nn/distributions.h"

/* phi_i ascends E over pi_i of Q_i(o_i, a) (Eq. 16), plus the entropy bonus, less the penalty on logits. */
static ad_var loss(const biac *b, int i, ad_var logits, ad_var values, ad_var gumbel) {
    const biac_config *c = b->config;
    ad_var pi = c->gumbel ? nn_gumbel_softmax(logits, gumbel, c->temperature) : ad_softmax(logits);
    ad_var loss = ad_neg(ad_sum_cols(ad_mul(pi, values)));
    if (c->ent_coef > 0) loss = ad_sub(loss, ad_scale(nn_categorical_entropy(logits), c->ent_coef));
    if (c->logit_l2 > 0) loss = ad_add(loss, ad_scale(ad_sum_cols(ad_square(logits)), c->logit_l2));
    return nn_weighted_mean(loss, b->agent[i].weight_leaf);
}

void biac_discrete_learn(biac *b, const algo_setup *setup, int i) {
    biac_agent *a = &b->agent[i];
    size_t width = (size_t)b->joint.width[i], in = a->actor.mlp.in, rows = b->batch.rows;
    ad_var x, values, gumbel = AD_NONE;
    real *column = algo_leaf(setup, rows, in, "actor input", &x);
    algo_batch_into(&b->batch, ALGO_OBS, i, column, in);
    column += b->facts->agent[i].obs_length;
    for (int j = 0; j < b->joint.agents; j++) {
        if (b->order.level[j] >= b->order.level[i]) continue;
        algo_batch_into(&b->batch, ALGO_COLUMNS, j, column, in);
        column += b->joint.width[j];
    }
    a->values = algo_leaf(setup, rows, width, "values of own actions", &values);
    if (b->config->gumbel) a->gumbel = algo_leaf(setup, rows, width, "gumbel noise", &gumbel);
    ad_var logits = algo_net_apply(&a->actor, &a->actor.leaves, x);
    algo_net_learn(&a->actor, setup, loss(b, i, logits, values, gumbel));
    a->deviations = biac_play_make(b, setup, rows * width, false);
    biac_play_add_critic(b, setup, a->deviations, i);
}

/* ---- Q_i of each own action in the replayed situations ---- */

/* When no level below answers: the other columns stay as they were replayed. */
static void value_own_actions(biac *b, int i) {
    biac_agent *a = &b->agent[i];
    algo_forward *critic = &a->deviations->critic[i];
    size_t width = (size_t)b->joint.width[i];
    size_t at = (size_t)(b->facts->agent[i].obs_length + b->joint.at[i]);
    real *x = critic->x;
    for (size_t row = 0; row < b->batch.rows; row++) {
        const real *replayed = a->critic_input + row * critic->in;
        for (size_t k = 0; k < width; k++, x += critic->in) {
            for (size_t c = 0; c < critic->in; c++) x[c] = replayed[c];
            for (size_t c = 0; c < width; c++) x[at + c] = c == k;
        }
    }
    algo_forward_run(critic);
    memcpy(a->values, critic->y, critic->rows * sizeof(real));
}

/* With the answers of the levels below. */
static void value_led_actions(biac *b, int i) {
    biac_play *play = b->agent[i].deviations;
    size_t width = (size_t)b->joint.width[i], total = (size_t)b->joint.total;
    size_t agents = (size_t)b->joint.agents;
    for (size_t r = 0; r < play->rows; r++) {
        size_t row = r / width;
        real *obs = play->obs + r * (size_t)b->facts->obs_total, *joint = play->joint + r * total;
        for (size_t k = 0; k < agents; k++) {
            const biac_agent *other = &b->agent[k];
            memcpy(obs + b->facts->agent[k].obs_at, other->critic_input + row * other->critic.mlp.in,
                   (size_t)b->facts->agent[k].obs_length * sizeof *obs);
            if (other->active) play->present[r * agents + k] = other->active[row];
        }
        const real *replayed = b->agent[i].critic_input + row * b->agent[i].critic.mlp.in;
        memcpy(joint, replayed + b->facts->agent[i].obs_length, total * sizeof *joint);
        algo_one_hot(joint + b->joint.at[i], (int)width, (int)(r % width));
    }
    biac_play_respond(b, play, b->order.level[i] + 1, NULL);
    memcpy(b->agent[i].values, biac_play_value(b, play, i), play->rows * sizeof(real));
}

void biac_discrete_prepare(biac *b, int i) {
    biac_agent *a = &b->agent[i];
    if (b->order.level[i] == b->order.levels - 1)
        value_own_actions(b, i);
    else
        value_led_actions(b, i);
    if (a->gumbel) nn_gumbel_fill(a->gumbel, b->batch.rows * (size_t)b->joint.width[i], &b->noise);
}
