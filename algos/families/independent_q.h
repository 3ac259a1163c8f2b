/* independent_q.h: one deep Q-learner per agent, each on its own observation and action: the core of idqn,
 * hysteretic and lenient, which differ in what a negative error counts [Tan 1993; Mnih 2015; van Hasselt
 * 2016]. With one agent it is the double deep Q-network.
 *
 * Agent i's network has one output per action. For a transition (o, a, r, o', not_done) it descends the
 * rule's loss of
 *
 *     delta_i = r_i + gamma not_done Q'_i(o'_i, argmax_b Q_i(o'_i, b)) - Q_i(o_i, a_i)        (double_q)
 *     delta_i = r_i + gamma not_done max_b Q'_i(o'_i, b)               - Q_i(o_i, a_i)        (else)
 *
 * where Q' is the target copy and b is legal at o'. A learner is a struct whose first member is an
 * independent_q, and passes itself to the functions below. */
#ifndef ALGO_INDEPENDENT_Q_H
#define ALGO_INDEPENDENT_Q_H

#include "algos/families/published.h"
#include "algos/parts/cadence.h"
#include "algos/parts/net.h"
#include "algos/parts/options.h"
#include "algos/parts/replay.h"
#include "algos/parts/schedule.h"

/* Stands as the member `q` of a learner's config. */
typedef struct independent_q_config {
    fm_ints hidden;
    int64_t activation, loss; /* ad_act, algo_loss */
    double lr, gamma;
    bool double_q;
    algo_replay_options replay;
    algo_target_options target;
    algo_descent_options descent;
    algo_epsilon_schedule epsilon;
    int64_t coin, draw, scale_rewards; /* algo_coin twice, algo_scaling */
    published_q_faults faults;
} independent_q_config;

/* The rows of the core's options. */
#define INDEPENDENT_Q_OPTIONS(config)                                                                        \
    ALGO_HIDDEN_OPTION(config, q.hidden, "32,32"), ALGO_ACTIVATION_OPTION(config, q.activation, "relu"),     \
        ALGO_LR_OPTION(config, q.lr, "lr", "0.001", "learning rate of Adam", "alpha"),                       \
        ALGO_GAMMA_OPTION(config, q.gamma, "0.99"),                                                          \
        ALGO_BOOL(config, q.double_q, "double_q", "true", "the online network chooses the next action"),     \
        ALGO_REPLAY_OPTIONS(config, q.replay, "128", "20000", "1000"),                                       \
        ALGO_TARGET_OPTIONS(config, q.target, "0.01"), ALGO_DESCENT_OPTIONS(config, q.descent, "0.1", "10"), \
        ALGO_LOSS_OPTION(config, q.loss),                                                                    \
        ALGO_EPSILON_OPTIONS(config, q.epsilon, "0.3", "0.9", "500", "0.02", "a random action"),             \
        ALGO_COIN_OPTION(config, q.coin, "own"),                                                             \
        ALGO_CHOICE(config, q.draw, "draw", "joint", "own|joint",                                            \
                    "whether the agents draw their minibatches each by itself"),                             \
        ALGO_SCALE_OPTION(config, q.scale_rewards), PUBLISHED_Q_OPTIONS(config, q.faults),                   \
        FM_OPT_RENAMED("batch", "batch_size"), FM_OPT_RENAMED("replay", "buffer_size"),                      \
        FM_OPT_RENAMED("warmup", "learning_starts"), FM_OPT_RENAMED("train_every", "train_freq"),            \
        FM_OPT_RENAMED("target_every", "target_update_interval"), FM_OPT_RENAMED("clip", "max_grad_norm")

typedef struct independent_q independent_q;

/* What a learner adds. Only `loss` is required. */
typedef struct independent_q_rule {
    /* The scalar that agent i descends, of the errors delta [B, 1], each row counting `weight` [B, 1] times;
     * called once, when the tape is recorded. */
    ad_var (*loss)(independent_q *q, int agent, ad_var delta, ad_var weight);
    /* An agent's minibatch was drawn (agent->batch.drawn): fill the leaves that `loss` made. */
    void (*sampled)(independent_q *q, int agent);
    /* A step is about to be added to the replay. */
    void (*observed)(independent_q *q, const algo_step *step);
} independent_q_rule;

/* B rows of a minibatch; the matrices are columns of the batch. */
typedef struct independent_q_agent {
    algo_net net;
    algo_forward now, next, next_target; /* [num_envs], [B], [B] rows; `next` only when double_q */
    algo_batch batch;
    real *obs, *not_done, *weight; /* [B, obs], [B, 1], [B, 1] */
    real *td_target;      /* [B, 1] */
    double *mean_target;  /* of the last minibatch, kept */
} independent_q_agent;

struct independent_q {
    const env_facts *facts;
    const independent_q_config *config;
    const independent_q_rule *rule;
    int agents, num_envs;
    int64_t steps;
    algo_replay replay;
    independent_q_agent *agent; /* [agents] */
    algo_scale *scale;          /* [agents] of the rewards */
    fm_rng sample;
    algo_cadence cadence;
};

/* FM_BAD when an agent has no discrete actions, or when the replay cannot hold a minibatch. `name` is the
 * algorithm's. */
fm_status independent_q_accepts(const char *name, const env_facts *facts, const independent_q_config *config,
                                fm_error *err);

/* Fills q, which lies in setup->arena; `rule` is borrowed for as long. */
void independent_q_make(independent_q *q, const algo_setup *setup, const independent_q_config *config,
                        const independent_q_rule *rule);

/* The functions of the contract; `self` points to an independent_q. */
void independent_q_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                       real *actions);
void independent_q_observe(void *self, const algo_step *step);
void independent_q_update(void *self);
void independent_q_values(void *self, const env_view *view, const real *actions, double *values);
void independent_q_destroy(void *self);

/* ORDER: the rows, and the numbers that independent_q_measure writes; returns where they end. */
#define INDEPENDENT_Q_METRICS                                                                                \
    {"loss", "", "the loss at the last update", true},                                                       \
        {"gradient_norm", "", "norm of its gradient, before it was clipped", true},                          \
        {"mean_target", "scaled reward", "mean TD target of the last minibatch", true},                      \
        {"epsilon", "", "chance of a random action", false}
double *independent_q_measure(const independent_q *q, double *values);

/* Mean penalty of the errors, of which the negative ones count 1 - forgive times (forgive [1, 1] or [B, 1]):
 * either their penalty is multiplied, so that the gradient is, or the error itself is, as the reference
 * experiments do. */
typedef enum independent_q_weigh {
    INDEPENDENT_Q_WEIGH_GRADIENT,
    INDEPENDENT_Q_WEIGH_ERROR
} independent_q_weigh;
ad_var independent_q_forgiving_loss(ad_var delta, ad_var weight, ad_var forgive, independent_q_weigh weigh,
                                    algo_loss loss);

#endif
