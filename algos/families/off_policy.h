/* off_policy.h: one agent with a box of actions, an actor and critics that learn from a replay: the core of
 * ddpg and sac [Lillicrap 2016; Haarnoja 2018; Fujimoto 2018], and of their versions with a leader.
 *
 * Actions are those of [-1, 1]^A; the environment's box is scaled to it. Actor pi, critics Q_k(s, a) with
 * target copies (primed). A transition (s, a, r, s', not_done) gives, means over the minibatch,
 *
 *     L     = sum_k mean (Q_k(s, a) - y)^2
 *     y     = r + gamma not_done (min_k Q'_k(s', a') - alpha log pi(a'|s')),   a' ~ pi(.|s')
 *     l_pi  = mean (alpha log pi(a~|s) - min_k Q_k(s, a~)),                    a~ ~ pi(.|s)
 *
 *     stochastic     a = tanh(mu(s) + sigma(s) noise), two critics, log sigma within -20..2          (sac)
 *     deterministic  a = tanh(mu(s)), one critic, no entropy (alpha log pi = 0)                     (ddpg)
 *
 * Both losses stand on the tape whole: y depends on the actor, too. Who descends what along which derivative
 * is the algorithm's.
 *
 * Outline:
 *
 *     create    off_policy_make(&x->base, setup, &config->base, &rule);
 *               off_policy_learn_in_turn(&x->base, setup);        // or what else learns: stackelberg.h
 *
 * An algorithm is a struct whose first member is an off_policy; it passes itself to the functions of the
 * contract below. algos/ddpg.c is the shortest one. */
#ifndef ALGO_OFF_POLICY_H
#define ALGO_OFF_POLICY_H

#include "algos/parts/cadence.h"
#include "algos/parts/net.h"
#include "algos/parts/options.h"
#include "algos/parts/replay.h"
#include "algos/parts/schedule.h"

/* Stands as the member `base` of an algorithm's config. */
typedef struct off_policy_config {
    fm_ints hidden;
    int64_t activation; /* ad_act */
    double actor_lr, critic_lr, gamma;
    algo_replay_options replay;
    algo_target_options target;
    algo_descent_options descent;
    int64_t hold_noise;
} off_policy_config;

/* The rows of the core's options. */
#define OFF_POLICY_OPTIONS(config)                                                                           \
    ALGO_HIDDEN_OPTION(config, base.hidden, "256,256"),                                                      \
        ALGO_ACTIVATION_OPTION(config, base.activation, "relu"),                                             \
        ALGO_LR_OPTION(config, base.actor_lr, "actor_lr", "0.001", "learning rate of the actor", ""),        \
        ALGO_LR_OPTION(config, base.critic_lr, "critic_lr", "0.001", "learning rate of the critics", ""),    \
        ALGO_GAMMA_OPTION(config, base.gamma, "0.99"),                                                       \
        ALGO_REPLAY_OPTIONS(config, base.replay, "100", "1000000", "1000"),                                  \
        ALGO_TARGET_OPTIONS(config, base.target, "0.005"),                                                   \
        ALGO_DESCENT_OPTIONS(config, base.descent, "1", "0"),                                                \
        ALGO_INT(config, base.hold_noise, "hold_noise", "1", 1, 1e6, "decisions",                            \
                 "for so many the noise of exploration stays as it was drawn", "")

#define OFF_POLICY_NOISE_OPTION(config, field)                                                               \
    FM_OPT_REAL(config, field, "0.1", 0, 10, "half ranges",                                                  \
                "standard deviation of the noise on the actions that explore", "sigma")

/* Settings that apply by themselves. Small networks are enough for the pendulum, and for the mountain car,
 * whose only pay is behind a hill that no white noise climbs. */
#define OFF_POLICY_PENDULUM "hidden=64,64"
#define OFF_POLICY_MOUNTAINCAR "hidden=64,64 hold_noise=50 learning_starts=5000"

/* Of a stochastic actor: numbers, or "auto". */
typedef struct off_policy_entropy_options {
    char ent_coef[FM_TEXT_MAX], target_entropy[FM_TEXT_MAX];
} off_policy_entropy_options;

#define OFF_POLICY_TEXT(config, field, name, unit, doc, symbol)                                              \
    { name, FM_TEXT, offsetof(config, field), "auto", 0, 0, NULL, unit, doc, symbol }
#define OFF_POLICY_ENTROPY_OPTIONS(config, at)                                                               \
    OFF_POLICY_TEXT(config, at.ent_coef, "ent_coef", "",                                                     \
                    "temperature: a number, or auto: adapts until the entropy is target_entropy", "alpha"),  \
        OFF_POLICY_TEXT(config, at.target_entropy, "target_entropy", "nats",                                 \
                        "a number, or auto: minus the numbers of an action", "H")

/* What the algorithms differ in. */
typedef struct off_policy_rule {
    bool stochastic;       /* as above */
    bool target_actor;     /* a' is that of a target copy of the actor */
    double action_noise;   /* deterministic: standard deviation of the exploration, in half ranges */
    bool adapt;            /* stochastic: alpha adapts until the entropy is target_entropy */
    double ent_coef;       /* alpha, or where it starts */
    double target_entropy; /* in nats, of actions in [-1, 1]^A */
} off_policy_rule;

/* B rows of a minibatch, A numbers of an action, D of an observation. */
typedef struct off_policy {
    const env_facts *facts;
    const off_policy_config *config;
    off_policy_rule rule;
    size_t width;   /* A */
    size_t critics; /* 2 when stochastic, else 1 */
    int64_t steps;
    algo_net actor;  /* D -> A, or 2 A: mu and log sigma */
    algo_net critic; /* D + A -> 1; as many as `critics` */
    algo_replay replay;
    algo_batch batch;
    algo_cadence cadence;
    fm_rng sample, noise; /* minibatches; draws inside an update */

    /* On the tape: the losses, and also mean log pi(a~|s) when stochastic. */
    ad_var critic_loss, actor_loss, mean_log_prob;
    ad_var taught[2]; /* [critics] Q_k(s, a) [B, 1] of the minibatch, whose errors L is made of */
    real *draws, *next_draws; /* [B, A] noise of a~ and of a'; deterministic: NULL */
    /* One update of actor and critics on the minibatch drawn, with learning rates times `rate`, and of their
     * target copies by tau (0: none is due); writes the number of mean_log_prob before it. */
    void (*learn)(struct off_policy *c, double rate, double tau);
    const real *shown; /* where it writes that */

    real *alpha;           /* the temperature, a leaf; kept */
    double *entropy;       /* -mean log pi(a~|s) at the last update; kept */
    nn_params temperature; /* log alpha, when it adapts */
    nn_optimizer temperature_adam;
    real *temperature_gradient; /* [temperature.n] */

    algo_forward now; /* [num_envs] rows of the actor */
    real *value_x;    /* [num_envs, D + A] and their values */
    real *value_y;
    ad_plan *values;
    real *fresh; /* [1 + A] memory of a decision's noise that nobody carries on */
} off_policy;

/* FM_BAD unless it is one agent with a box of finite bounds, and when the replay cannot hold a minibatch.
 * `name` is the algorithm's. */
fm_status off_policy_accepts(const char *name, const env_facts *facts, const off_policy_config *config,
                             fm_error *err);

/* Fills the rule's part of a stochastic actor. FM_BAD for text that is neither auto nor a number that can be
 * one. */
fm_status off_policy_entropy(const char *name, const env_facts *facts,
                             const off_policy_entropy_options *options, off_policy_rule *rule, fm_error *err);

/* Makes everything but `learn`, in setup->arena. */
void off_policy_make(off_policy *c, const algo_setup *setup, const off_policy_config *config,
                     const off_policy_rule *rule);

/* Critics first, along dL/dw; then the actor, judged by the new critics. */
void off_policy_learn_in_turn(off_policy *c, const algo_setup *setup);

/* Target copies come nearer by tau: for a `learn` that steps by itself. */
void off_policy_track(off_policy *c, double tau);

/* The functions of the contract; `self` begins with an off_policy. */
size_t off_policy_memory_length(const void *self);
void off_policy_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                    real *actions);
void off_policy_observe(void *self, const algo_step *step);
void off_policy_update(void *self);
void off_policy_values(void *self, const env_view *view, const real *actions, double *values);
void off_policy_destroy(void *self);

/* The rows of metrics that all have, and their numbers; returns the place behind them. */
#define OFF_POLICY_METRICS                                                                                   \
    {"critic_loss", "", "the critics' loss at the last update, their sum", false},                           \
        {"actor_loss", "", "the actor's loss at the last update", false},                                    \
        {"critic_gradient_norm", "", "norm of the critics' gradient before it was clipped", false}, {        \
        "actor_gradient_norm", "", "norm of the actor's gradient before it was clipped", false               \
    }
double *off_policy_measure(const off_policy *c, double *values);

/* Of stochastic actors; likewise. */
#define OFF_POLICY_ENTROPY_METRICS                                                                           \
    {"ent_coef", "", "the temperature", false}, {                                                            \
        "entropy", "nats", "of the policy, at the last minibatch", false                                     \
    }
double *off_policy_measure_entropy(const off_policy *c, double *values);

#endif
