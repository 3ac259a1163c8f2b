/* biac_approximator.c: actors pi_i(o_i) that imitate the Stackelberg joint action from own observations, for
 * play in which an agent does not see what the others see. */
#include <string.h>

#include "algos/families/biac.h"

/* Cross-entropy with the Stackelberg action; squared error in a box. */
static ad_var loss(const biac *b, int i, ad_var out, ad_var example) {
    ad_var penalty = biac_is_discrete(b, i) ? ad_neg(ad_sum_cols(ad_mul(ad_log_softmax(out), example)))
                                            : ad_mean_cols(ad_square(ad_sub(ad_tanh(out), example)));
    return nn_weighted_mean(penalty, b->agent[i].weight);
}

void biac_approximator_learn(biac *b, const algo_setup *setup, int i) {
    biac_agent *a = &b->agent[i];
    size_t in = (size_t)b->facts->agent[i].obs_length, out = (size_t)b->joint.width[i];
    ad_var example;
    biac_make_net(b, setup, &a->approximator, "own", i,
                  (algo_net_shape){.in = in, .out = out, .lr = b->config->actor_lr});
    a->example = algo_leaf(setup, b->batch.rows, out, "Stackelberg action", &example);
    ad_var y = algo_net_apply(&a->approximator, &a->approximator.leaves, a->obs);
    algo_net_learn(&a->approximator, setup, loss(b, i, y, example));
    a->apart =
        algo_forward_make(&a->approximator, setup, a->approximator.params.theta, (size_t)setup->num_envs);
}

void biac_approximators_step(biac *b, double rate) {
    biac_play_joint(b, b->online, NULL);
    for (int i = 0; i < b->joint.agents; i++) {
        size_t width = (size_t)b->joint.width[i], total = (size_t)b->joint.total;
        const real *columns = b->online->joint + b->joint.at[i];
        for (size_t r = 0; r < b->batch.rows; r++)
            memcpy(b->agent[i].example + r * width, columns + r * total, width * sizeof *columns);
        algo_net_step(&b->agent[i].approximator, rate);
    }
}

void biac_approximators_act(biac *b, const env_view *view) {
    for (int i = 0; i < b->joint.agents; i++) {
        algo_forward *f = &b->agent[i].apart;
        algo_forward_show(f, b->facts, view, i);
        algo_forward_run(f);
        for (size_t r = 0; r < b->acting->rows; r++) {
            real *columns = biac_place(b, b->acting, r, i);
            if (columns) biac_choose(b, i, f->y + r * f->out, NULL, columns);
        }
    }
}
