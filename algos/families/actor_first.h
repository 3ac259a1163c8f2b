/* actor_first.h: actor-critics that answer every rollout with one step of the policy, and then with m steps
 * of the baseline on the same samples: the order of a leader and its follower [Zheng 2022, Alg. 2]. An
 * algorithm says along which direction the policy steps.
 *
 * Outline:
 *
 *     create    actor_first_make(&x->base, setup, &config->learner);
 *               for each policy i: record its direction, made of actor_first_loss(&x->base, i), ...;
 *     update    if (!actor_first_ready(&x->base)) return;     // advantages have mean 0 and deviation 1
 *               for each policy i:
 *                   if (!actor_first_draw(&x->base, i)) continue; // the leaves hold the whole rollout
 *                   actor_first_step(&x->base, i, &found);        // a direction
 *               actor_first_done(&x->base);
 *
 * algos/ac.c is the shortest one. */
#ifndef ALGO_ACTOR_FIRST_H
#define ALGO_ACTOR_FIRST_H

#include "algos/families/actor_critic.h"

typedef struct actor_first_options {
    fm_ints hidden;
    int64_t activation;
    int64_t optimizer, init, targets; /* ORDER: sgd, adam; orthogonal, fan_in; lambda, monte_carlo */
    double actor_lr, critic_lr;
    int64_t vf_iters;
    double ent_coef, noise;
    algo_rollout_options rollout;
    algo_descent_options descent;
} actor_first_options;

#define ACTOR_FIRST_OPTIONS(config, at)                                                                      \
    ALGO_HIDDEN_OPTION(config, at.hidden, "64,64"), ALGO_ACTIVATION_OPTION(config, at.activation, "tanh"),   \
        ALGO_CHOICE(config, at.init, "init", "orthogonal", "orthogonal|fan_in",                              \
                    "how weights start: as PPO's do, or as PyTorch's layers do"),                            \
        ALGO_CHOICE(config, at.optimizer, "optimizer", "adam", "sgd|adam", "what takes the steps"),          \
        ALGO_LR_OPTION(config, at.actor_lr, "actor_lr", "0.01", "learning rate of the policy",               \
                       "alpha_theta"),                                                                       \
        ALGO_LR_OPTION(config, at.critic_lr, "critic_lr", "0.01", "learning rate of the baseline",           \
                       "alpha_w"),                                                                           \
        ALGO_INT(config, at.vf_iters, "vf_iters", "10", 1, 1e6, "steps",                                     \
                 "of the baseline after each step of the policy", "m"),                                      \
        ALGO_CHOICE(config, at.targets, "targets", "lambda", "lambda|monte_carlo",                           \
                    "of the baseline: returns by gae_lambda, or discounted sums of rewards"),                \
        ALGO_REAL(config, at.ent_coef, "ent_coef", "0", 0, 1e9, "", "weight of the entropy", ""),            \
        ALGO_REAL(config, at.noise, "noise", "0", 0, 1e9, "",                                                \
                  "deviation of a normal number added to every entry of every gradient", ""),                \
        ALGO_ROLLOUT_OPTIONS(config, at.rollout, "1000", "0.99", "0.97", "false", "false"),                  \
        ALGO_DESCENT_OPTIONS(config, at.descent, "0.1", "0.5")

/* One policy's part, beside that of the actor_critic. */
typedef struct actor_first_policy {
    ad_var critic_loss, entropy; /* mean (R - V)^2; mean entropy */
    nn_objective critic;
} actor_first_policy;

typedef struct actor_first {
    actor_critic base; /* first, for the functions of the contract */
    const actor_first_options *options;
    actor_first_policy *policy; /* [base.policies] */
    fm_rng noise;               /* kept */
} actor_first;

/* Fills x, which lies in setup->arena; the options are borrowed. */
void actor_first_make(actor_first *x, const algo_setup *setup, const actor_first_options *options);

/* -mean_t [ A_t log pi(a_t | o_t) ] - ent_coef mean_t [ H(pi(. | o_t)) ] of policy i, on the tape. */
ad_var actor_first_loss(const actor_first *x, size_t i);

/* Whether a rollout is full; its advantages are then computed and brought to mean 0 and deviation 1. */
bool actor_first_ready(actor_first *x);

/* Fills the leaves of policy i: all samples of the rollout are one minibatch. False when there is none. */
bool actor_first_draw(actor_first *x, size_t i);

/* What an algorithm knows when policy i steps. The vectors are changed. */
typedef struct actor_first_found {
    real *direction;       /* [n] of the policy; it goes down */
    real loss, entropy;    /* for the log */
    real *critic_gradient; /* [n] of critic_loss, where it is known already; else NULL */
    real critic_loss;      /* likewise */
} actor_first_found;

/* One step of policy i, then vf_iters steps of its baseline. */
void actor_first_step(actor_first *x, size_t i, const actor_first_found *found);

void actor_first_done(actor_first *x);

/* ORDER: the rows, and the numbers that actor_first_measure writes; returns where they end. */
#define ACTOR_FIRST_METRICS                                                                                  \
    ACTOR_CRITIC_METRICS, {"entropy", "nats", "mean entropy of the policy", true},                           \
        {"critic_loss", "", "mean squared error of the baseline, before its last step", true}
double *actor_first_measure(const actor_first *x, double *values);

#endif
