/* ppo.h: proximal policy optimisation on families/actor_critic.h: one loss, one update. What the algorithms
 * that use it differ in (who shares a policy, what actors and critics see, what an advantage is) is in their
 * files; reading ppo.c, ippo.c, mappo.c, happo.c and step.c side by side shows it.
 *
 * With the ratio r = pi(a | o) / pi_old(a | o), the advantage A and the range eps, a step of Adam descends
 *
 *     - mean[ min(r A, clip(r, 1 - eps, 1 + eps) A) ]                     [Schulman 2017, Eq. 7]
 *     - ent_coef mean[ entropy ]
 *     + vf_coef mean[ max(h(V - R), h(clip(V, V_old - eps, V_old + eps) - R)) ]   [Huang 2022, detail 9]
 *
 * over the samples of a minibatch, n_epochs times over the rollout. h(e) is e^2 / 2, or Huber's loss.
 * Advantages are brought to mean 0 and deviation 1 over all samples of a policy in the rollout [Yu 2022] (not
 * minibatch by minibatch). An update ends after an epoch over which the mean of (r - 1) - log r, an estimate
 * of KL(pi_old || pi) [Schulman 2020], is above target_kl. */
#ifndef ALGO_PPO_H
#define ALGO_PPO_H

#include "algos/families/actor_critic.h"

typedef struct ppo_options {
    fm_ints hidden;
    int64_t activation;
    algo_rollout_options rollout;
    algo_epoch_options epoch;
    algo_clip_options clip;
    algo_coefficient_options coefficient;
    algo_descent_options descent;
    double huber_delta;
    bool clip_value, normalize_advantage, normalize_value, layer_norm;
} ppo_options;

/* Rows for the member `at` of a config, but for the learning rates and those of ALGO_ROLLOUT_OPTIONS,
 * ALGO_EPOCH_OPTIONS and ALGO_COEFFICIENT_OPTIONS, whose defaults differ. */
#define PPO_OPTIONS(config, at, activation_, clip_, final_, norm_, huber_, value_, layer_)                   \
    ALGO_HIDDEN_OPTION(config, at.hidden, "64,64"),                                                          \
        ALGO_ACTIVATION_OPTION(config, at.activation, activation_),                                          \
        ALGO_CLIP_OPTIONS(config, at.clip, clip_, "0"),                                                      \
        ALGO_DESCENT_OPTIONS(config, at.descent, final_, norm_),                                             \
        ALGO_REAL(config, at.huber_delta, "huber_delta", huber_, 0, 1e9, "",                                 \
                  "where the value's loss becomes linear; 0: nowhere", "delta"),                             \
        ALGO_BOOL(config, at.clip_value, "clip_value", "true", "values too count only within clip_range"),   \
        ALGO_BOOL(config, at.normalize_advantage, "normalize_advantage", "true",                             \
                  "advantages of a rollout less their mean, by their deviation"),                            \
        ALGO_BOOL(config, at.normalize_value, "normalize_value", value_,                                     \
                  "the critic learns returns less their running mean, by their deviation"),                  \
        ALGO_BOOL(config, at.layer_norm, "layer_norm", layer_, "every layer's input is normalised")

/* Rows of presets: matrix games as STEP's first author plays them, 4 x 25 rounds to an update. A layer norm
 * of the one constant number that is seen there would be zero. */
#define PPO_MATRIX_PRESETS                                                                                   \
    {"", "penalty", 10000, "n_steps=100 n_epochs=5 layer_norm=false"}, {                                     \
        "", "mixing", 10000, "n_steps=100 n_epochs=5 layer_norm=false"                                       \
    }

/* Settings of presets for the on-ramp: 20 x 200 decisions to an update and 5 epochs, as STEP's first author
 * has them for 5 M decisions; but with minibatches, and clip_range stays 0.2, so that 2 M are enough. After
 * 250,000 at density 2 (seed 1000) IPPO's return in training is 18 with whole rollouts, 47 with minibatches of
 * 800, 45 of 200; with clip_range=0.05 and whole rollouts there is little learned in 300,000. */
#define PPO_ONRAMP "n_steps=4000 n_epochs=5 batch_size=800"

typedef struct ppo {
    actor_critic base;
    const ppo_options *options;
} ppo;

/* What the family asks of an algorithm. */
typedef struct ppo_shape {
    const ppo_options *options;
    double actor_lr, critic_lr, log_std;
    bool shared, clips_apart;
    int actor_sees, critic_sees;
    const int *turn;
    const actor_critic_model *model;
} ppo_shape; /* see actor_critic_shape */

/* Fills x, which lies in setup->arena. Adam's epsilon is 1e-5 [Huang 2022, detail 3]. */
void ppo_make(ppo *x, const algo_setup *setup, const ppo_shape *shape);

/* Declares the loss above for a policy, plus `also` unless it is AD_NONE. */
void ppo_learn(ppo *x, const algo_setup *setup, actor_critic_policy *policy, ad_var also);

/* Builds it all: for algorithms that need no more. */
void *ppo_create(const algo_setup *setup, const ppo_shape *shape);

/* Whether an update is due; then advantages are ready, normalised. */
bool ppo_ready(ppo *x);

/* All epochs for one policy. */
void ppo_improve(ppo *x, actor_critic_policy *policy);

/* The contract's: every policy in turn. */
void ppo_update(void *self);

#define PPO_METRICS                                                                                          \
    ACTOR_CRITIC_METRICS, {"value_loss", "", "the critic's part of the loss, before vf_coef", true},         \
        {"entropy", "nats", "mean entropy of the policy", true},                                             \
        {"approx_kl", "nats", "how far the policy moved from the one that played", true}, {                  \
        "clip_fraction", "", "share of the samples whose ratio was beyond clip_range", true                  \
    }
double *ppo_measure(const ppo *x, double *values); /* ORDER: the rows */

#endif
