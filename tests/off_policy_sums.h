/* off_policy_sums.h: the losses of ddpg and sac, of linear networks and one minibatch, as sums in double: an
 * independent computation for tests of updates. */
#ifndef TESTS_OFF_POLICY_SUMS_H
#define TESTS_OFF_POLICY_SUMS_H

#include <math.h>

#include "algos/families/off_policy.h"
#include "tests/drive.h"
#include "tests/test.h"
#include "tests/toy_env.h"

#define LINEAR                                                                                               \
    "hidden=none batch_size=32 buffer_size=64 learning_starts=40 actor_lr=0.01 critic_lr=0.02 gamma=0.9 "    \
    "tau=0.25 "
#define CORRIDOR "box=true agents=1 hidden=1"

enum { OBS = 5, B = 32, MOST = 64 };

/* What an update begins with, in double. */
typedef struct numbers {
    double actor[MOST], critic[MOST], actor_target[MOST], critic_target[MOST], alpha;
} numbers;

static inline void copy(double *to, const real *from, size_t n) {
    FM_CHECK(n <= MOST, "%zu parameters", n);
    for (size_t i = 0; from && i < n; i++) to[i] = (double)from[i];
}

static inline numbers numbers_of(const off_policy *c) {
    numbers n = {.alpha = c->alpha ? (double)*c->alpha : 0};
    copy(n.actor, c->actor.params.theta, c->actor.params.n);
    copy(n.critic, c->critic.params.theta, c->critic.params.n);
    copy(n.actor_target, c->actor.target, c->actor.params.n);
    copy(n.critic_target, c->critic.target, c->critic.params.n);
    return n;
}

/* Output k of one linear layer. */
static inline double linear(const algo_net *net, const nn_mlp *mlp, const double *theta, const double *x,
                            size_t k) {
    const nn_entry *weight = &net->params.entries[mlp->weight[0]], *bias = &net->params.entries[mlp->bias[0]];
    double y = theta[bias->at + k];
    for (size_t i = 0; i < mlp->in; i++) y += x[i] * theta[weight->at + i * mlp->out + k];
    return y;
}

/* a in [-1, 1] and log pi(a|s) of one number. */
static inline double act(const off_policy *c, const double *actor, const double *obs, double noise,
                         double *log_prob) {
    double out = linear(&c->actor, &c->actor.mlp, actor, obs, 0);
    *log_prob = 0;
    if (!c->rule.stochastic) return tanh(out);
    double log_std = fmax(-20, fmin(2, linear(&c->actor, &c->actor.mlp, actor, obs, 1)));
    double u = out + exp(log_std) * noise, log_slope = -2 * log(cosh(u)); /* log (1 - tanh^2) */
    *log_prob = -noise * noise / 2 - log_std - log(2 * acos(-1.0)) / 2 - log_slope;
    return tanh(u);
}

static inline void values(const off_policy *c, const double *critic, const double *obs, double action,
                          double q[2]) {
    double x[OBS + 1];
    memcpy(x, obs, OBS * sizeof *x);
    x[OBS] = action;
    q[0] = linear(&c->critic, &c->critic.mlp, critic, x, 0);
    q[1] = c->rule.stochastic ? linear(&c->critic, &c->critic.twin, critic, x, 0) : q[0];
}

/* L, l_pi and mean log pi of the minibatch drawn. */
static inline void losses(const off_policy *c, const numbers *n, double *critic, double *actor,
                          double *mean_log_prob) {
    double count = 0, q[2], log_prob, l = 0, l_pi = 0, sum = 0;
    for (size_t b = 0; b < B; b++) {
        size_t slot = c->batch.drawn[b];
        double obs[OBS], next[OBS];
        for (size_t k = 0; k < OBS; k++) {
            obs[k] = (double)c->replay.obs[slot * OBS + k];
            next[k] = (double)c->replay.next_obs[slot * OBS + k];
        }
        if (!c->replay.weight[slot]) continue;
        count++;
        const double *next_actor = c->rule.target_actor ? n->actor_target : n->actor;
        double a = act(c, next_actor, next, c->next_draws ? (double)c->next_draws[b] : 0, &log_prob);
        values(c, n->critic_target, next, a, q);
        double y = c->replay.rewards[slot] +
                   0.9 * c->replay.not_done[slot] * (fmin(q[0], q[1]) - n->alpha * log_prob);
        values(c, n->critic, obs, ((double)c->replay.actions[slot] + 2) / 3 - 1, q);
        l += pow(q[0] - y, 2) + (c->rule.stochastic ? pow(q[1] - y, 2) : 0);
        a = act(c, n->actor, obs, c->draws ? (double)c->draws[b] : 0, &log_prob);
        values(c, n->critic, obs, a, q);
        l_pi += n->alpha * log_prob - fmin(q[0], q[1]);
        sum += log_prob;
    }
    FM_CHECK(count > 5 && count < B, "%g rows count", count);
    *critic = l / count, *actor = l_pi / count, *mean_log_prob = sum / count;
}

/* One entry's derivative of a loss (0: L, 1: l_pi), by central differences. */
static inline double slope(const off_policy *c, numbers *n, double *entry, int which) {
    double value[2][3], x = *entry;
    for (int side = 0; side < 2; side++) {
        *entry = x + (side ? 1e-5 : -1e-5);
        losses(c, n, &value[side][0], &value[side][1], &value[side][2]);
    }
    *entry = x;
    return (value[1][which] - value[0][which]) / 2e-5;
}

static inline void shake(real *x, size_t n, fm_rng *rng) {
    for (size_t i = 0; x && i < n; i++) x[i] += (real)(0.3 * fm_rng_normal(rng));
}

/* The first update is due after decision 41. */
static inline off_policy *before_an_update(drive *d, const algo_type *algo, const char *settings) {
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    drive_open(d, algo, &TOY_ENV, NULL, CORRIDOR, settings);
    drive_start(d, 1, 100, 1);
    drive_run(d, 40);
    off_policy *c = d->learner;
    shake(c->actor.params.theta, c->actor.params.n, &rng);
    shake(c->critic.params.theta, c->critic.params.n, &rng);
    shake(c->actor.target, c->actor.params.n, &rng);
    shake(c->critic.target, c->critic.params.n, &rng);
    EXPECT_EQ(c->cadence.updates, 0);
    return c;
}

#endif
