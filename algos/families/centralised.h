/* centralised.h: actors that see their own observation, with critics that see everything: the core of maddpg
 * and td3 [Lowe 2017; Fujimoto 2018].
 *
 * For agent i: actor mu_i(o_i), critics Q_i1 (and Q_i2) of all observations x and all actions a_1..a_N; each
 * has a target copy (primed). A transition (x, a, r, x', continues) gives
 *
 *     critics  minimise  mean (y_i - Q_ik(x, a))^2,
 *              y_i = r_i + gamma continues min_k Q'_ik(x', a'),  a'_j = mu'_j(o'_j)
 *     actor    maximises mean Q_i1(x, a) with a_i = mu_i(o_i), the other actions as they were taken
 *
 * A box's actor ends in tanh, actions being scaled to [-1, 1]. A discrete actor gives logits, from which
 * actions are drawn; for its gradient the draw is relaxed in one of three ways [Jang 2017; Maddison 2017]:
 *
 *     soft         Gumbel-Softmax, here and in the targets
 *     straight     Gumbel-Softmax whose value is the one-hot of the drawn action
 *     expectation  no draw: sum_b pi_i(b|o_i) Q_i(x, a with a_i = b); exact, but asks about every action */
#ifndef ALGO_CENTRALISED_H
#define ALGO_CENTRALISED_H

#include "algos/parts/net.h"
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
    double critic_lr, actor_lr, lr_final, gamma, tau, clip, logit_l2, temperature, noise, noise_final;
    int64_t loss;       /* algo_loss */
    int64_t activation; /* centralised_activation */
    int64_t batch, replay, warmup, train_every, target_every;
    int64_t relaxation; /* centralised_relaxation */
    int64_t coin;       /* centralised_coin */
    bool sample_actions, scale_rewards;
    algo_epsilon_schedule epsilon;
} centralised_config;

typedef enum centralised_activation { CENTRALISED_RELU, CENTRALISED_TANH } centralised_activation;

typedef enum centralised_coin { CENTRALISED_COIN_OWN, CENTRALISED_COIN_JOINT } centralised_coin;

#define CENTRALISED_FIELD_(config, field) offsetof(config, c.field)
#define CENTRALISED_INT_(config, field, value, low, high, unit, doc, symbol)                                 \
    {#field, FM_INT, CENTRALISED_FIELD_(config, field), value, low, high, NULL, unit, doc, symbol}
#define CENTRALISED_REAL_(config, field, value, low, high, unit, doc, symbol)                                \
    {#field, FM_REAL, CENTRALISED_FIELD_(config, field), value, low, high, NULL, unit, doc, symbol}
#define CENTRALISED_BOOL_(config, field, value, doc)                                                         \
    {#field, FM_BOOL, CENTRALISED_FIELD_(config, field), value, 0, 0, NULL, "", doc, ""}
#define CENTRALISED_CHOICE_(config, field, value, words, doc)                                                \
    {#field, FM_CHOICE, CENTRALISED_FIELD_(config, field), value, 0, 0, words, "", doc, ""}
#define CENTRALISED_INTS_(config, field, value, doc)                                                         \
    {#field, FM_INTS, CENTRALISED_FIELD_(config, field), value, 1, 4096, NULL, "units", doc, ""}

/* The rows of the core's options. */
#define CENTRALISED_OPTIONS(config)                                                                          \
    CENTRALISED_INTS_(config, hidden, "32,32", "widths of a critic's hidden layers"),                        \
        CENTRALISED_INTS_(config, actor_hidden, "32,32", "widths of an actor's hidden layers"),              \
        CENTRALISED_CHOICE_(config, activation, "relu", "relu|tanh", "between the layers"),                  \
        CENTRALISED_REAL_(config, critic_lr, "0.002", 0, 1, "", "learning rate of the critics", ""),         \
        CENTRALISED_REAL_(config, actor_lr, "0.001", 0, 1, "", "learning rate of the actors", ""),           \
        CENTRALISED_REAL_(config, lr_final, "0.1", 0, 1, "",                                                 \
                          "share of the rates left at the end of the run; the fall is linear", ""),          \
        CENTRALISED_CHOICE_(config, loss, "mse", "mse|huber", "penalty of a critic's error"),                \
        CENTRALISED_REAL_(config, gamma, "0.99", 0, 1, "", "discount", "gamma"),                             \
        CENTRALISED_INT_(config, batch, "128", 1, 65536, "transitions", "minibatch size", "S"),              \
        CENTRALISED_INT_(config, replay, "20000", 1, 1e8, "transitions", "size of the replay buffer", "D"),  \
        CENTRALISED_INT_(config, warmup, "1000", 0, 1e15, "decisions",                                       \
                         "purely random decisions at the start", ""),                                        \
        CENTRALISED_INT_(config, train_every, "1", 1, 1e6, "decisions", "decisions per gradient step", ""),  \
        CENTRALISED_REAL_(config, tau, "0.01", 0, 1, "", "step of the targets; 1: a copy", "tau"),           \
        CENTRALISED_INT_(config, target_every, "1", 1, 1e9, "actor steps",                                   \
                         "steps of the actors per step of the targets", ""),                                 \
        CENTRALISED_REAL_(config, clip, "10", 0, 1e9, "", "largest norm of a tensor's gradient; 0: any",     \
                          ""),                                                                               \
        CENTRALISED_CHOICE_(config, relaxation, "soft", "soft|straight|expectation",                         \
                            "gradient of a discrete actor"),                                                 \
        CENTRALISED_REAL_(config, temperature, "1", 0.01, 100, "", "temperature of Gumbel-Softmax", ""),     \
        CENTRALISED_REAL_(config, logit_l2, "0.001", 0, 1e3, "", "penalty of squared logits", ""),           \
        CENTRALISED_BOOL_(config, sample_actions, "true",                                                    \
                          "discrete actors explore by drawing from their policy too"),                       \
        ALGO_EPSILON_OPTIONS(config, c.epsilon, "0.3", "0.9", "500", "0.02", "a random discrete action"),    \
        CENTRALISED_CHOICE_(config, coin, "own", "own|joint", "whether the agents explore each by itself"),  \
        CENTRALISED_REAL_(config, noise, "0.3", 0, 10, "half ranges",                                        \
                          "standard deviation of the noise on a box's actions", "sigma"),                    \
        CENTRALISED_REAL_(config, noise_final, "0.2", 0, 1, "",                                              \
                          "share of the noise left at the end of the run; the fall is linear", ""),          \
        CENTRALISED_BOOL_(config, scale_rewards, "true", "bring rewards to about one by their bounds")

/* What the two learners differ in. */
typedef struct centralised_rule {
    int critics;      /* 1 or 2 per agent */
    bool target_min;  /* the smaller of the two critics in y_i, else the first */
    bool actor_min;   /* the smaller of the two for the actor, else the first */
    double smoothing; /* standard deviation of the noise on a box's target actions, in half ranges; 0: none */
    double smoothing_clip; /* and its largest size */
    int64_t delay;         /* critic steps per actor step */
} centralised_rule;

#define CENTRALISED_CRITICS 2

typedef struct centralised_critic {
    algo_net net;
    algo_forward next; /* [B] rows, target copy */
    algo_forward each; /* [B A_i] rows: every own action, for the expectation */
} centralised_critic;

typedef struct centralised_agent {
    algo_net actor;
    algo_forward now, next; /* [copies] rows; [B] rows of the target copy */
    centralised_critic critic[CENTRALISED_CRITICS];
    algo_forward value; /* [copies] rows of critic 0 */
    real *wanted;       /* [B, 1] y_i */
    real *noise;        /* [B, A_i] Gumbel draws; discrete only */
    real *forbidden;    /* [B, A_i] added to the logits: 0, or very negative; with masks only */
    real *each;         /* [B, A_i] values of every own action */
    algo_scale scale;
} centralised_agent;

typedef struct centralised_clock {
    int64_t decisions, credit, updates, actor_updates;
} centralised_clock;
enum {
    CENTRALISED_CRITIC_LOSS,
    CENTRALISED_ACTOR_LOSS,
    CENTRALISED_CRITIC_GRADIENT,
    CENTRALISED_ACTOR_GRADIENT,
    CENTRALISED_MEAN_TARGET,
    CENTRALISED_EPSILON,
    CENTRALISED_STATS
};

typedef struct centralised {
    const env_facts *facts;
    const centralised_config *config;
    centralised_rule rule;
    algo_joint joint;
    int agents, copies;
    int64_t steps;
    size_t in; /* columns of a critic's input: every observation, then the joint action */
    ad_tape *tape;
    ad_var batch_x;
    algo_replay replay;
    real *x, *next_x; /* [B, in] */
    real *continues;  /* [B] */
    real *columns;    /* [joint.total] scratch of one row */
    centralised_agent agent[ENV_AGENTS_MAX];
    fm_rng explore[ENV_AGENTS_MAX], sample, noise;
    centralised_clock clock;
    double stats[CENTRALISED_STATS]; /* of the last update, means over agents and critics */
} centralised;

/* FM_BAD when the replay cannot hold a minibatch. `name` is the algorithm's. */
fm_status centralised_accepts(const char *name, const env_facts *facts, const centralised_config *config,
                              fm_error *err);

/* Builds the learner in setup->arena. */
centralised *centralised_make(const algo_setup *setup, const centralised_config *config,
                              const centralised_rule *rule);

/* The functions of the contract; `self` is a centralised. */
void centralised_act(void *self, const algo_view *view, bool greedy, real *actions);
void centralised_observe(void *self, const algo_step *step);
void centralised_update(void *self);
extern const char *const CENTRALISED_METRICS[];
void centralised_metrics(const void *self, double *values);
void centralised_values(void *self, const algo_view *view, const real *actions, double *values);
void centralised_probabilities(void *self, const algo_view *view, const real *actions, double *probabilities);
void centralised_destroy(void *self);

#endif
