/* independent_q.h: one deep Q-learner per agent, each on its own observation and action: the core of idqn,
 * hysteretic and lenient, which differ in what a negative error counts [Tan 1993; Mnih 2015; van Hasselt
 * 2016].
 *
 * Agent i's network has one output per action. For a transition (o, a, r, o', continues) it descends the
 * rule's loss of
 *
 *     delta_i = r_i + gamma continues Q'_i(o'_i, argmax_b Q_i(o'_i, b)) - Q_i(o_i, a_i)        (double_q)
 *     delta_i = r_i + gamma continues max_b Q'_i(o'_i, b)               - Q_i(o_i, a_i)        (else)
 *
 * where Q' is the target copy and b is legal at o'. A learner is a struct whose first member is an
 * independent_q, and passes itself to the functions below. */
#ifndef ALGO_INDEPENDENT_Q_H
#define ALGO_INDEPENDENT_Q_H

#include "algos/parts/net.h"
#include "algos/parts/replay.h"
#include "algos/parts/schedule.h"

/* Stands as the member `q` of a learner's config. */
typedef struct independent_q_config {
    fm_ints hidden;
    double lr, lr_final;
    int64_t loss; /* algo_loss */
    double gamma;
    bool double_q, bootstrap_terminal, clamp_targets, blind, scale_rewards;
    int64_t batch, replay, warmup, train_every, target_every;
    double tau, clip;
    algo_epsilon_schedule epsilon;
    int64_t coin, draw; /* independent_q_share */
} independent_q_config;

/* What the agents have each for itself, or all together. */
typedef enum independent_q_share { INDEPENDENT_Q_OWN, INDEPENDENT_Q_JOINT } independent_q_share;

#define INDEPENDENT_Q_FIELD_(config, field) offsetof(config, q.field)
#define INDEPENDENT_Q_INT_(config, field, value, low, high, unit, doc, symbol)                               \
    {#field, FM_INT, INDEPENDENT_Q_FIELD_(config, field), value, low, high, NULL, unit, doc, symbol}
#define INDEPENDENT_Q_REAL_(config, field, value, low, high, unit, doc, symbol)                              \
    {#field, FM_REAL, INDEPENDENT_Q_FIELD_(config, field), value, low, high, NULL, unit, doc, symbol}
#define INDEPENDENT_Q_BOOL_(config, field, value, doc)                                                       \
    {#field, FM_BOOL, INDEPENDENT_Q_FIELD_(config, field), value, 0, 0, NULL, "", doc, ""}
#define INDEPENDENT_Q_CHOICE_(config, field, value, words, doc)                                              \
    {#field, FM_CHOICE, INDEPENDENT_Q_FIELD_(config, field), value, 0, 0, words, "", doc, ""}

#define INDEPENDENT_Q_INTS_(config, field, value, doc)                                                       \
    {#field, FM_INTS, INDEPENDENT_Q_FIELD_(config, field), value, 1, 4096, NULL, "units", doc, ""}

/* The rows of the core's options. */
#define INDEPENDENT_Q_OPTIONS(config)                                                                        \
    INDEPENDENT_Q_INTS_(config, hidden, "32,32", "widths of the hidden layers"),                             \
        INDEPENDENT_Q_REAL_(config, lr, "0.001", 0, 1, "", "learning rate of Adam", "alpha"),                \
        INDEPENDENT_Q_REAL_(config, lr_final, "0.1", 0, 1, "",                                               \
                            "share of lr left at the end of the run; the fall is linear", ""),               \
        INDEPENDENT_Q_CHOICE_(config, loss, "mse", "mse|huber", "penalty of an error"),                      \
        INDEPENDENT_Q_REAL_(config, gamma, "0.99", 0, 1, "", "discount", "gamma"),                           \
        INDEPENDENT_Q_BOOL_(config, double_q, "true", "the online network chooses the next action"),         \
        INDEPENDENT_Q_INT_(config, batch, "128", 1, 65536, "transitions", "minibatch size", "B"),            \
        INDEPENDENT_Q_INT_(config, replay, "20000", 1, 1e8, "transitions", "size of the replay buffer", ""), \
        INDEPENDENT_Q_INT_(config, warmup, "1000", 0, 1e15, "decisions",                                     \
                           "purely random decisions at the start", ""),                                      \
        INDEPENDENT_Q_INT_(config, train_every, "1", 1, 1e6, "decisions", "decisions per gradient step",     \
                           ""),                                                                              \
        INDEPENDENT_Q_REAL_(config, tau, "0.01", 0, 1, "", "step of the target network; 1: a copy", "tau"),  \
        INDEPENDENT_Q_INT_(config, target_every, "1", 1, 1e9, "gradient steps",                              \
                           "gradient steps per step of the target network", ""),                             \
        INDEPENDENT_Q_REAL_(config, clip, "10", 0, 1e9, "", "largest norm of a tensor's gradient; 0: any",   \
                            ""),                                                                             \
        ALGO_EPSILON_OPTIONS(config, q.epsilon, "0.3", "0.9", "500", "0.02", "a random action"),             \
        INDEPENDENT_Q_CHOICE_(config, coin, "own", "own|joint",                                              \
                              "whether the agents explore each by itself"),                                  \
        INDEPENDENT_Q_CHOICE_(config, draw, "joint", "own|joint",                                            \
                              "whether the agents draw their minibatches each by itself"),                   \
        INDEPENDENT_Q_BOOL_(config, scale_rewards, "true", "bring rewards to about one by their bounds"),    \
        INDEPENDENT_Q_BOOL_(config, bootstrap_terminal, "false", "bootstrap also where an episode ended"),   \
        INDEPENDENT_Q_BOOL_(config, clamp_targets, "false", "cut targets at 1"),                             \
        INDEPENDENT_Q_BOOL_(config, blind, "false", "the networks see zeros instead of observations")

typedef struct independent_q independent_q;

/* What a learner adds. Only `loss` is required. */
typedef struct independent_q_rule {
    /* The scalar that agent i descends, of the errors delta [B, 1]; called once, when the tape is recorded.
     */
    ad_var (*loss)(independent_q *q, int agent, ad_var delta);
    /* An agent's minibatch was drawn (q->replay.drawn): fill the leaves that `loss` made. */
    void (*sampled)(independent_q *q, int agent);
    /* A step is about to be added to the replay. */
    void (*observed)(independent_q *q, const algo_step *step);
} independent_q_rule;

typedef struct independent_q_agent {
    algo_net net;
    algo_forward now, next, next_target; /* [copies], [B], [B] rows; `next` only when double_q */
    real *obs;                           /* [B, obs] */
    real *index, *wanted;                /* [B, 1] */
    algo_scale scale;
} independent_q_agent;

/* What changes besides the networks. Kept. */
typedef struct independent_q_clock {
    int64_t decisions, credit, updates;
} independent_q_clock;
enum {
    INDEPENDENT_Q_LOSS,
    INDEPENDENT_Q_GRADIENT,
    INDEPENDENT_Q_MEAN,
    INDEPENDENT_Q_EPSILON,
    INDEPENDENT_Q_STATS
};

struct independent_q {
    const env_facts *facts;
    const independent_q_config *config;
    const independent_q_rule *rule;
    int agents, copies;
    int64_t steps;
    ad_tape *tape;
    algo_replay replay;
    real *continues; /* [B] */
    independent_q_agent agent[ENV_AGENTS_MAX];
    fm_rng explore[ENV_AGENTS_MAX], sample;
    independent_q_clock clock;
    double stats[INDEPENDENT_Q_STATS]; /* of the last update, means over the agents */
};

/* FM_BAD when an agent has a box, or when the replay cannot hold a minibatch. `name` is the algorithm's. */
fm_status independent_q_accepts(const char *name, const env_facts *facts, const independent_q_config *config,
                                fm_error *err);

/* Fills q, which lies in setup->arena; `rule` is borrowed for as long. */
void independent_q_make(independent_q *q, const algo_setup *setup, const independent_q_config *config,
                        const independent_q_rule *rule);

/* The functions of the contract; `self` points to an independent_q. */
void independent_q_act(void *self, const algo_view *view, bool greedy, real *actions);
void independent_q_observe(void *self, const algo_step *step);
void independent_q_update(void *self);
extern const char *const INDEPENDENT_Q_METRICS[];
void independent_q_metrics(const void *self, double *values);
void independent_q_values(void *self, const algo_view *view, const real *actions, double *values);
void independent_q_destroy(void *self);

/* Mean penalty of the errors, of which the negative ones count 1 - forgive times (forgive [1, 1] or [B, 1]):
 * either their penalty is multiplied, so that the gradient is, or the error itself is, as the reference
 * experiments do. */
typedef enum independent_q_weigh {
    INDEPENDENT_Q_WEIGH_GRADIENT,
    INDEPENDENT_Q_WEIGH_ERROR
} independent_q_weigh;
ad_var independent_q_forgiving_loss(ad_var delta, ad_var forgive, independent_q_weigh weigh, algo_loss loss);

#endif
