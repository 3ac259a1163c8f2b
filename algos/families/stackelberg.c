#include "algos/families/stackelberg.h"

#include <math.h>

fm_status stackelberg_accepts(const char *name, const off_policy_config *base,
                              const stackelberg_config *config, fm_error *err) {
    if (algo_total_accepts(name, &config->total, err) != FM_OK) return FM_BAD;
    if (config->curvature == NN_HESSIAN) return FM_OK;
    if (config->leader == STACKELBERG_CRITIC)
        return fm_fail(err,
                       "%s: curvature = gauss_newton is that of critics, whose loss is a sum of squares; "
                       "with leader = critic the actor follows: give leader = actor, or curvature = hessian",
                       name);
    if (config->total.damping == 0)
        return fm_fail(err,
                       "%s: curvature = gauss_newton needs damping > 0, since a minibatch does not curve the "
                       "critics' loss in every direction; give damping, or curvature = hessian",
                       name);
    if (base->replay.batch_size > STACKELBERG_GRAM_ROWS)
        return fm_fail(err,
                       "%s: curvature = gauss_newton makes a matrix of batch_size = %lld rows; give at most "
                       "%d, or curvature = hessian",
                       name, (long long)base->replay.batch_size, STACKELBERG_GRAM_ROWS);
    return FM_OK;
}

double stackelberg_damping(const stackelberg *s) {
    double decay = s->config->damping_decay, damping = s->config->total.damping;
    return decay > 0 ? damping * exp(-(double)s->base.cadence.decisions / decay) : damping;
}

/* The follower's gradient is of the point that the leader stood at. */
static void learn(off_policy *c, double rate, double tau) {
    stackelberg *s = (stackelberg *)c;
    const nn_total_options options = algo_total_now(&s->config->total, stackelberg_damping(s));
    const nn_total_report report = nn_total_run(&s->total, &options);
    int64_t steps = s->config->unroll;
    algo_total_note(&s->log, &report, 1);
    algo_net_descend(s->leader, (double)*s->total.leader_loss, s->total.direction, rate);
    if (s->config->order == STACKELBERG_SIMULTANEOUS) {
        algo_net_descend(s->follower, (double)*s->total.follower_loss, s->total.follower_gradient, rate);
        steps--;
    }
    while (steps-- > 0) algo_net_step(s->follower, rate);
    if (tau > 0) off_policy_track(c, tau);
}

stackelberg *stackelberg_make(const algo_setup *setup, const off_policy_config *base,
                              const stackelberg_config *config, const off_policy_rule *rule) {
    stackelberg *s = fm_arena_array(setup->arena, stackelberg, 1);
    off_policy *c = &s->base;
    bool actor_leads = config->leader == STACKELBERG_ACTOR, gram = config->curvature == NN_GAUSS_NEWTON;
    s->config = config;
    off_policy_make(c, setup, base, rule);
    s->leader = actor_leads ? &c->actor : &c->critic;
    s->follower = actor_leads ? &c->critic : &c->actor;
    nn_total_shape shape = {.leader = algo_net_group(s->leader),
                            .follower = algo_net_group(s->follower),
                            .leader_loss = actor_leads ? c->actor_loss : c->critic_loss,
                            .follower_loss = actor_leads ? c->critic_loss : c->actor_loss,
                            .curvature = (nn_curvature)config->curvature,
                            .outputs = c->taught,
                            .n_outputs = gram ? c->critics : 0,
                            .gram = gram,
                            .coupling = AD_NONE,
                            .also = &c->mean_log_prob,
                            .n_also = rule->stochastic};
    s->total = nn_total_make(&shape, setup->arena);
    if (config->order == STACKELBERG_SEQUENTIAL || config->unroll > 1)
        algo_net_learn(s->follower, setup, shape.follower_loss);
    s->log = algo_total_log_make(setup);
    c->shown = s->total.shown;
    c->learn = learn;
    return s;
}
