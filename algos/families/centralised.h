/* centralised.h: actors that see their own observation, with critics that see every observation and every
 * action: the core of maddpg and td3 [Lowe 2017; Fujimoto 2018]. With one agent the critics see what the
 * actor sees, and maddpg is DDPG [Lillicrap 2016], td3 is TD3.
 *
 * For agent i: actor mu_i(o_i), critics Q_i1 (and Q_i2) of all observations x and all actions a = a_1..a_N;
 * each has a target copy (primed). A transition (x, a, r, x', not_done) gives
 *
 *     critics  minimise  mean (y_i - Q_ik(x, a))^2,
 *              y_i = r_i + gamma not_done_i min_k Q'_ik(x', a'),  a'_j = mu'_j(o'_j)
 *     actor    maximises mean Q_i1(x, a) with a_i = mu_i(o_i), the other actions as they were taken
 *
 * Means are over the rows in which agent i acted and earned credit. Whoever does not act any more has zeros
 * in x and a; who waits and comes back would not fit the x' of the others, so environments with pauses are
 * refused to several agents.
 *
 * A box's actor ends in tanh, actions being scaled to [-1, 1]. A discrete actor gives logits, from which
 * actions are drawn; for its gradient the draw is relaxed in one of three ways [Jang 2017; Maddison 2017]:
 *
 *     soft         Gumbel-Softmax, here and in the targets
 *     straight     Gumbel-Softmax whose value is the one-hot of the drawn action
 *     expectation  no draw: sum_b pi_i(b|o_i) Q_i(x, a with a_i = b); exact, but asks about every action */
#ifndef ALGO_CENTRALISED_H
#define ALGO_CENTRALISED_H

#include "algos/parts/cadence.h"
#include "algos/parts/net.h"
#include "algos/parts/options.h"
#include "algos/parts/replay.h"
#include "algos/parts/schedule.h"

typedef enum centralised_relaxation {
    CENTRALISED_SOFT,
    CENTRALISED_STRAIGHT,
    CENTRALISED_EXPECTATION
} centralised_relaxation;

/* Stands as the member `c` of a learner's config. */
typedef struct centralised_config {
    fm_ints hidden, actor_hidden;
    int64_t activation, loss; /* ad_act, algo_loss */
    double critic_lr, actor_lr, gamma;
    algo_replay_options replay;
    algo_target_options target; /* its interval counts updates of the actors */
    algo_descent_options descent;
    int64_t relaxation; /* centralised_relaxation */
    double temperature, logit_l2;
    bool sample_actions;
    algo_epsilon_schedule epsilon;
    int64_t coin; /* algo_coin */
    double action_noise, action_noise_final;
    int64_t scale_rewards; /* algo_scaling */
} centralised_config;

/* The rows of the core's options. */
#define CENTRALISED_OPTIONS(config)                                                                          \
    ALGO_INTS(config, c.hidden, "hidden", "32,32", 1, 4096, "units", "widths of a critic's hidden layers"),  \
        ALGO_INTS(config, c.actor_hidden, "actor_hidden", "32,32", 1, 4096, "units",                         \
                  "widths of an actor's hidden layers"),                                                     \
        ALGO_ACTIVATION_OPTION(config, c.activation, "relu"), ALGO_LOSS_OPTION(config, c.loss),              \
        ALGO_LR_OPTION(config, c.critic_lr, "critic_lr", "0.002", "learning rate of the critics", ""),       \
        ALGO_LR_OPTION(config, c.actor_lr, "actor_lr", "0.001", "learning rate of the actors", ""),          \
        ALGO_GAMMA_OPTION(config, c.gamma, "0.99"),                                                          \
        ALGO_REPLAY_OPTIONS(config, c.replay, "128", "20000", "1000"),                                       \
        ALGO_REAL(config, c.target.tau, "tau", "0.01", 0, 1, "", "step of the target networks; 1: a copy",   \
                  "tau"),                                                                                    \
        ALGO_INT(config, c.target.target_update_interval, "target_update_interval", "1", 1, 1e9,             \
                 "updates of the actors", "updates of the actors per step of the target networks", ""),      \
        ALGO_DESCENT_OPTIONS(config, c.descent, "0.1", "10"),                                                \
        ALGO_CHOICE(config, c.relaxation, "relaxation", "soft", "soft|straight|expectation",                 \
                    "gradient of a discrete actor"),                                                         \
        ALGO_REAL(config, c.temperature, "temperature", "1", 0.01, 100, "", "temperature of Gumbel-Softmax", \
                  ""),                                                                                       \
        ALGO_REAL(config, c.logit_l2, "logit_l2", "0.001", 0, 1e3, "", "penalty of squared logits", ""),     \
        ALGO_BOOL(config, c.sample_actions, "sample_actions", "true",                                        \
                  "a discrete policy is drawn from, rather than its likeliest action played"),               \
        ALGO_EPSILON_OPTIONS(config, c.epsilon, "0.3", "0.9", "500", "0.02", "a random discrete action"),    \
        ALGO_COIN_OPTION(config, c.coin, "own"),                                                             \
        ALGO_REAL(config, c.action_noise, "action_noise", "0.3", 0, 10, "half ranges",                       \
                  "standard deviation of the noise on a box's actions", "sigma"),                            \
        ALGO_REAL(config, c.action_noise_final, "action_noise_final", "0.2", 0, 1, "",                       \
                  "share of that noise left at the end of the run; the fall is linear", ""),                 \
        ALGO_SCALE_OPTION(config, c.scale_rewards), FM_OPT_RENAMED("batch", "batch_size"),                   \
        FM_OPT_RENAMED("replay", "buffer_size"), FM_OPT_RENAMED("warmup", "learning_starts"),                \
        FM_OPT_RENAMED("train_every", "train_freq"),                                                         \
        FM_OPT_RENAMED("target_every", "target_update_interval"), FM_OPT_RENAMED("clip", "max_grad_norm"),   \
        FM_OPT_RENAMED("noise", "action_noise"), FM_OPT_RENAMED("noise_final", "action_noise_final")

/* What the two learners differ in. */
typedef struct centralised_rule {
    int critics;                /* of each agent: 1 or 2 */
    int target_critics;         /* of so many of them the smallest value is in y_i */
    int actor_critics;          /* and so many judge the actor */
    double target_policy_noise; /* standard deviation of the noise on a box's a', in half ranges */
    double target_noise_clip;   /* and its largest size */
    int64_t policy_delay;       /* updates of the critics per update of actors and targets */
} centralised_rule;

#define CENTRALISED_CRITICS 2

/* B rows of a minibatch, A numbers of an action as a network's input. */
typedef struct centralised_agent {
    algo_net actor, critic[CENTRALISED_CRITICS];
    algo_forward now, value; /* [num_envs] rows of the actor, of the first critic */
    /* Columns of the batch, as they stand on the tape; masks are AD_NONE when everything is legal. */
    ad_var reward, not_done, weight, mask, next_mask;
    ad_var target; /* y_i as the critics are shown it */
    /* [B, 1] the numbers of reward, not_done, weight and target, and 1 where the agent acted. */
    real *rewards, *goes_on, *counts, *td_target, *acts;
    real *draws, *next_draws; /* [B, A] noise of the actor's and of the target's action, NULL: none */
    double *mean_target;      /* of the last minibatch; kept */
} centralised_agent;

typedef struct centralised {
    const env_facts *facts;
    const centralised_config *config;
    centralised_rule rule;
    int agents, num_envs;
    int64_t steps;
    algo_replay replay;
    algo_batch batch;
    centralised_agent *agent; /* [agents] */
    algo_scale *scale;        /* [agents] of the rewards */
    ad_var x, next_obs;       /* (x, a) and x' on the tape */
    real *x_rows, *next_rows; /* their numbers: zeros of who does not act */
    ad_plan *targets;         /* y of every agent, to td_target */
    real *columns;            /* one agent's action, scratch */
    fm_rng sample, noise;     /* minibatches; draws inside an update */
    algo_cadence cadence;
} centralised;

/* FM_BAD for an action space or an environment that it cannot learn, and when the replay cannot hold a
 * minibatch. `name` is the algorithm's. */
fm_status centralised_accepts(const char *name, const env_facts *facts, const centralised_config *config,
                              fm_error *err);

/* Builds the learner in setup->arena. */
centralised *centralised_make(const algo_setup *setup, const centralised_config *config,
                              const centralised_rule *rule);

/* The functions of the contract; `self` is a centralised. */
void centralised_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                     real *actions);
void centralised_observe(void *self, const algo_step *step);
void centralised_update(void *self);
extern const algo_metric CENTRALISED_METRICS[];
void centralised_measure(const void *self, double *values);
void centralised_values(void *self, const env_view *view, const real *actions, double *values);
void centralised_probabilities(void *self, const env_view *view, const real *actions, double *probabilities);
void centralised_destroy(void *self);

#endif
