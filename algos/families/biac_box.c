/* biac_box.c: agents whose actions are numbers of a box: deterministic actors that climb their critics
 * (Eq. 22), the noise by which they explore, and the points that a maximising leader tries. */
#include <math.h>

#include "algos/families/biac.h"

/* What agent k would do, given the columns of the levels above. */
static ad_var answer(const biac *b, int k, const ad_var *columns) {
    ad_var out = biac_actor_on_tape(b, k, columns);
    ad_var action = biac_is_discrete(b, k) ? ad_softmax(out) : ad_tanh(out);
    return b->one_shot ? action : ad_mul(action, b->agent[k].active);
}

/* For the total derivative: agents of i's level play what they would now, without the noise of the replay (an
 * answer to noise has another slope), and the levels below answer. */
static void let_others_answer(const biac *b, int i, ad_var *columns) {
    const int *level = b->order.level;
    for (int k = 0; k < b->joint.agents; k++)
        if (k != i && level[k] == level[i] && biac_has_actor(b, k))
            columns[k] = ad_stop_gradient(answer(b, k, columns));
    for (int turn = 0; turn < b->order.agents; turn++) {
        int k = b->order.turn[turn];
        if (level[k] > level[i]) columns[k] = answer(b, k, columns);
    }
}

/* - Q_i(o_i, a) with mu_i(o_i, a of the levels above) in place of a_i (Eq. 22). */
void biac_box_learn(biac *b, const algo_setup *setup, int i) {
    const biac_agent *a = &b->agent[i];
    size_t agents = (size_t)b->joint.agents;
    ad_var *input = fm_arena_array(setup->arena, ad_var, agents + 1), *columns = input + 1;
    input[0] = a->obs;
    for (size_t k = 0; k < agents; k++) columns[k] = a->columns[k];
    columns[i] = answer(b, i, columns);
    if (b->config->reaction == BIAC_REACTION_TOTAL) let_others_answer(b, i, columns);
    ad_var q = algo_net_apply(&a->critic, &a->critic.leaves, ad_concat_cols_n(input, agents + 1));
    algo_net_learn(&b->agent[i].actor, setup, ad_neg(nn_weighted_mean(q, a->weight)));
}

void biac_box_wander(const biac *b, biac_play *play, fm_rng *rng) {
    const biac_config *c = b->config;
    double left = algo_linear_decay(b->cadence.decisions, b->total_steps);
    double sigma = c->action_noise_final + left * (c->action_noise - c->action_noise_final);
    for (int turn = 0; turn < b->order.agents; turn++) {
        int i = b->order.turn[turn], below = b->order.level[i] + 1;
        if (biac_is_discrete(b, i)) continue;
        for (size_t r = 0; r < play->rows; r++) {
            real *columns = biac_place(b, play, r, i);
            for (int k = 0; columns && k < b->joint.width[i]; k++) {
                double x = (double)columns[k] + sigma * fm_rng_normal(biac_stream(play, rng, r));
                columns[k] = (real)fmin(1, fmax(-1, x));
            }
        }
        if (below < b->order.levels) biac_play_respond(b, play, below, rng);
    }
}

void biac_box_point(size_t k, size_t width, real *point) {
    static const size_t PRIMES[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53};
    for (size_t d = 0; d < width; d++) {
        size_t prime = PRIMES[d % (sizeof PRIMES / sizeof *PRIMES)];
        double x = 0, digit = 1;
        for (size_t n = k + 1; n > 0; n /= prime) x += (digit /= (double)prime) * (double)(n % prime);
        point[d] = (real)(2 * x - 1);
    }
}
