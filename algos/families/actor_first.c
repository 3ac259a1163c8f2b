#include "algos/families/actor_first.h"

#include "algos/parts/net.h"

void actor_first_make(actor_first *x, const algo_setup *setup, const actor_first_options *o) {
    x->options = o;
    actor_critic_make(&x->base, setup,
                      &(actor_critic_shape){.rollout = &o->rollout,
                                            .descent = &o->descent,
                                            .hidden = &o->hidden,
                                            .activation = (ad_act)o->activation,
                                            .actor_lr = o->actor_lr,
                                            .critic_lr = o->critic_lr,
                                            .plain_steps = o->optimizer == 0,
                                            .fan_in = o->init == 1,
                                            .monte_carlo = o->targets == 1});
    algo_stream(setup, &x->noise, FM_RNG_UPDATE, 0);
    x->policy = fm_arena_array(setup->arena, actor_first_policy, x->base.policies);
    for (size_t i = 0; i < x->base.policies; i++) {
        actor_critic_policy *p = &x->base.policy[i];
        actor_first_policy *own = &x->policy[i];
        const actor_critic_terms *terms = &p->terms;
        nn_group critic = {"critic", &p->critic.params, &p->critic.leaves};
        own->entropy = nn_weighted_mean(terms->entropy, terms->weight);
        own->critic_loss = nn_weighted_mean(ad_square(ad_sub(terms->value, terms->returns)), terms->weight);
        own->critic = nn_objective_make(own->critic_loss, &critic, 1, NULL, 0, setup->arena);
        p->actor.optimizer.max_grad_norm = p->critic.optimizer.max_grad_norm = p->max_grad_norm;
    }
}

ad_var actor_first_loss(const actor_first *x, size_t i) {
    const actor_critic_terms *terms = &x->base.policy[i].terms;
    ad_var gain = nn_weighted_mean(ad_mul(terms->log_prob, terms->advantage), terms->weight);
    return ad_neg(ad_add(gain, ad_scale(x->policy[i].entropy, x->options->ent_coef)));
}

/* ---- an update ---- */

bool actor_first_ready(actor_first *x) {
    if (!actor_critic_ready(&x->base)) return false;
    for (size_t i = 0; i < x->base.policies; i++) {
        const actor_critic_policy *p = &x->base.policy[i];
        algo_rollout_normalize(&x->base.rollout, p->agents, p->agent_count);
    }
    return true;
}

bool actor_first_draw(actor_first *x, size_t i) {
    algo_minibatches *samples = &x->base.policy[i].minibatches;
    algo_minibatches_start(samples, &x->base.shuffle);
    return algo_minibatches_next(samples);
}

/* Returns the gradient's norm before it was clipped. */
static double step(actor_first *x, actor_critic_net *net, real *gradient) {
    double noise = x->options->noise;
    for (size_t e = 0; e < net->leaves.count && noise > 0; e++) { /* gaps stay zero */
        const nn_entry *entry = &net->params.entries[e];
        for (size_t k = 0; k < entry->rows * entry->cols; k++)
            gradient[entry->at + k] += (real)(noise * fm_rng_normal(&x->noise));
    }
    return nn_optimizer_step(&net->optimizer, net->params.theta, gradient);
}

void actor_first_step(actor_first *x, size_t i, const actor_first_found *found) {
    actor_critic_policy *p = &x->base.policy[i];
    nn_objective *critic = &x->policy[i].critic;
    real *gradient = found->critic_gradient, shown[] = {found->entropy, found->critic_loss};
    double norm = step(x, &p->actor, found->direction);
    for (int64_t k = 0; k < x->options->vf_iters; k++) {
        if (gradient == NULL) {
            shown[1] = (real)nn_objective_run(critic);
            gradient = critic->gradient[0];
        }
        step(x, &p->critic, gradient);
        gradient = NULL;
    }
    actor_critic_count(p, (double)found->loss, norm, shown, 2);
}

void actor_first_done(actor_first *x) { actor_critic_clear(&x->base); }

double *actor_first_measure(const actor_first *x, double *values) {
    const actor_critic *ac = &x->base;
    values = actor_critic_measure(ac, values);
    for (size_t k = 0; k < 2; k++)
        for (int i = 0; i < ac->facts->agents; i++)
            *values++ = actor_critic_shown(&ac->policy[ac->policy_of[i]], k);
    return values;
}
