#include "algos/families/ppo.h"

/* ORDER: the scalars shown, and the rows of PPO_METRICS that follow the family's. */
enum { VALUE_LOSS, ENTROPY, APPROX_KL, CLIP_FRACTION, SHOWN };

void ppo_make(ppo *x, const algo_setup *setup, const ppo_shape *shape) {
    const ppo_options *o = x->options = shape->options;
    actor_critic_make(&x->base, setup,
                      &(actor_critic_shape){.rollout = &o->rollout,
                                            .descent = &o->descent,
                                            .hidden = &o->hidden,
                                            .activation = (ad_act)o->activation,
                                            .actor_lr = shape->actor_lr,
                                            .critic_lr = shape->critic_lr,
                                            .log_std = shape->log_std,
                                            .batch_size = o->epoch.batch_size,
                                            .shared = shape->shared,
                                            .layer_norm = o->layer_norm,
                                            .clips_apart = shape->clips_apart,
                                            .normalize_value = o->normalize_value,
                                            .actor_sees = shape->actor_sees,
                                            .critic_sees = shape->critic_sees,
                                            .turn = shape->turn,
                                            .model = shape->model});
    for (size_t k = 0; k < x->base.policies; k++)
        x->base.policy[k].actor.optimizer.eps = x->base.policy[k].critic.optimizer.eps = 1e-5;
}

/* ---- the loss ---- */

/* min(r A, clip(r, 1 - eps, 1 + eps) A) [Schulman 2017, Eq. 7] */
static ad_var surrogate(ad_var ratio, ad_var advantage, double eps) {
    ad_var clipped = ad_clip(ratio, 1 - eps, 1 + eps);
    return ad_min(ad_mul(ratio, advantage), ad_mul(clipped, advantage));
}

static ad_var miss(const ppo_options *o, ad_var value, ad_var returns) {
    ad_var error = ad_sub(returns, value);
    return o->huber_delta > 0 ? nn_huber(error, o->huber_delta) : ad_scale(ad_square(error), 0.5);
}

/* The larger of the losses of V and of V kept within eps of V_old. */
static ad_var value_loss(const ppo_options *o, const actor_critic_terms *x) {
    double eps = o->clip.clip_range;
    ad_var loss = miss(o, x->value, x->returns);
    if (!o->clip_value) return loss;
    ad_var clipped = ad_add(x->old_value, ad_clip(ad_sub(x->value, x->old_value), -eps, eps));
    return ad_max(loss, miss(o, clipped, x->returns));
}

void ppo_learn(ppo *x, const algo_setup *setup, actor_critic_policy *p, ad_var also) {
    const ppo_options *o = x->options;
    const actor_critic_terms *y = &p->terms;
    double eps = o->clip.clip_range;
    ad_var log_ratio = ad_sub(y->log_prob, y->old_log_prob), ratio = ad_exp(log_ratio);
    ad_var moved = ad_shift(ratio, -1), limit = ad_fill(setup->tape, ad_rows(ratio), 1, eps);
    ad_var shown[SHOWN] = {
        [VALUE_LOSS] = nn_weighted_mean(value_loss(o, y), y->weight),
        [ENTROPY] = nn_weighted_mean(y->entropy, y->weight),
        [APPROX_KL] = nn_weighted_mean(ad_sub(moved, log_ratio), y->weight),
        [CLIP_FRACTION] = nn_weighted_mean(ad_greater(ad_abs(moved), limit), y->weight),
    };
    ad_var gain = nn_weighted_mean(surrogate(ratio, y->advantage, eps), y->weight);
    gain = ad_add(gain, ad_scale(shown[ENTROPY], o->coefficient.ent_coef));
    ad_var loss = ad_sub(ad_scale(shown[VALUE_LOSS], o->coefficient.vf_coef), gain);
    if (!ad_is_none(also)) loss = ad_add(loss, also);
    actor_critic_learn(p, setup, loss, shown, SHOWN);
}

void *ppo_create(const algo_setup *setup, const ppo_shape *shape) {
    ppo *x = fm_arena_array(setup->arena, ppo, 1);
    ppo_make(x, setup, shape);
    for (size_t k = 0; k < x->base.policies; k++) ppo_learn(x, setup, &x->base.policy[k], AD_NONE);
    return x;
}

/* ---- the update ---- */

bool ppo_ready(ppo *x) {
    if (!actor_critic_ready(&x->base)) return false;
    for (size_t k = 0; k < x->base.policies && x->options->normalize_advantage; k++) {
        const actor_critic_policy *p = &x->base.policy[k];
        algo_rollout_normalize(&x->base.rollout, p->agents, p->agent_count);
    }
    return true;
}

void ppo_improve(ppo *x, actor_critic_policy *p) {
    const ppo_options *o = x->options;
    for (int64_t epoch = 0; epoch < o->epoch.n_epochs; epoch++) {
        double steps = *p->steps, kl = p->sum[2 + APPROX_KL];
        algo_minibatches_start(&p->minibatches, &x->base.shuffle);
        while (algo_minibatches_next(&p->minibatches)) actor_critic_step(p);
        steps = *p->steps - steps, kl = p->sum[2 + APPROX_KL] - kl;
        if (o->clip.target_kl > 0 && kl > o->clip.target_kl * steps) break;
    }
}

void ppo_update(void *self) {
    ppo *x = self;
    if (!ppo_ready(x)) return;
    for (size_t k = 0; k < x->base.policies; k++) ppo_improve(x, &x->base.policy[k]);
    actor_critic_clear(&x->base);
}

double *ppo_measure(const ppo *x, double *values) {
    const actor_critic *ac = &x->base;
    values = actor_critic_measure(ac, values);
    for (size_t k = 0; k < SHOWN; k++)
        for (int i = 0; i < ac->facts->agents; i++)
            *values++ = actor_critic_shown(&ac->policy[ac->policy_of[i]], k);
    return values;
}
