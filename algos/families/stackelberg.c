#include "algos/families/stackelberg.h"

#include <math.h>

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
    bool actor_leads = config->leader == STACKELBERG_ACTOR;
    s->config = config;
    off_policy_make(c, setup, base, rule);
    s->leader = actor_leads ? &c->actor : &c->critic;
    s->follower = actor_leads ? &c->critic : &c->actor;
    nn_total_shape shape = {.leader = algo_net_group(s->leader),
                            .follower = algo_net_group(s->follower),
                            .leader_loss = actor_leads ? c->actor_loss : c->critic_loss,
                            .follower_loss = actor_leads ? c->critic_loss : c->actor_loss,
                            .curvature = NN_HESSIAN,
                            .outputs = AD_NONE,
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
