/* actor_critic.h: policies with baselines that learn from rollouts: networks, acting, and everything up to
 * the loss, which is the algorithm's.
 *
 * Every agent has a policy pi(a | o) and a baseline V(o), or all of them share one. An algorithm is a struct
 * whose first member is an actor_critic; it passes itself to the functions of the contract below and writes
 * what follows.
 *
 * Outline:
 *
 *     create    actor_critic_make(&x->base, setup, &shape);
 *               for each policy p: actor_critic_learn(p, setup, the loss, made of p->terms, ...);
 *     update    if (!actor_critic_ready(&x->base)) return;       // a rollout with its advantages
 *               for each policy p, once or several times:
 *                   algo_minibatches_start(&p->minibatches, &x->base.shuffle);
 *                   while (algo_minibatches_next(&p->minibatches)) actor_critic_step(p);
 *               actor_critic_clear(&x->base);
 *
 * algos/reinforce.c is the shortest one. */
#ifndef ALGO_ACTOR_CRITIC_H
#define ALGO_ACTOR_CRITIC_H

#include "algos/parts/cadence.h"
#include "algos/parts/head.h"
#include "algos/parts/minibatch.h"
#include "algos/parts/normaliser.h"
#include "algos/parts/options.h"
#include "nn/layers.h"
#include "nn/normalise.h"
#include "nn/objective.h"

/* What a loss is made of: nodes of R rows, the samples of a minibatch; losses are weighted means of them
 * (nn_weighted_mean), since rows of weight 0 are padding. */
typedef struct actor_critic_terms {
    /* By the present parameters, [R, 1]. */
    ad_var log_prob, entropy, value;
    /* Leaves: when the samples were taken, [R, 1]; `returns` is the value's target. */
    ad_var old_log_prob, old_value, advantage, returns, weight;
} actor_critic_terms;

/* What a network sees of the world: the sum of these, side by side in this order. */
enum {
    ACTOR_CRITIC_OWN = 1,   /* the agent's observation */
    ACTOR_CRITIC_STATE = 2, /* the centralised state, or where there is none all observations */
    ACTOR_CRITIC_ID = 4,    /* the one-hot of which agent it is */
    /* What the agents before it in the order have just chosen (algos/parts/joint.h), the one just before it
     * first, in as many places as all agents but one need, zeros where there is none. */
    ACTOR_CRITIC_SUPERIORS = 8
};

/* A network with its parameters, optimiser and place on the tape; in the arena and kept. Copies of it share
 * them all. */
typedef struct actor_critic_net {
    nn_params params;
    nn_mlp mlp; /* unless the actor is a model */
    nn_leaves leaves;
    nn_optimizer optimizer;
    double lr; /* at the start of the run */
    int sees;
    size_t in, out;
    real *x; /* [num_envs x agents of the policy, in]: write, replay the plan, read y */
    const real *y;
    ad_plan *plan;
} actor_critic_net;

/* An actor of the algorithm's own making instead of an mlp. All policies share its parameters; what each of
 * them makes of an input is `apply`'s, [R, in] -> [R, out]. */
typedef struct actor_critic_model {
    void *self;
    void (*declare)(void *self, nn_params *params, size_t in, size_t out);
    ad_var (*apply)(void *self, const nn_leaves *leaves, size_t policy, ad_var x);
    /* The same numbers, to act by: part of it may be held ready from update to update. */
    ad_var (*act)(void *self, const nn_leaves *leaves, size_t policy, ad_var x);
} actor_critic_model;

#define ACTOR_CRITIC_SHOWN 8

/* One policy and its baseline; sample k of copy c has row c agent_count + k. */
typedef struct actor_critic_policy {
    size_t index;
    const int *agents; /* [agent_count] whose policy it is */
    size_t agent_count;
    algo_head head;
    actor_critic_net actor, critic; /* outputs of the head; one value, in the units of value_norm if any */
    nn_value_norm value_norm;
    size_t log_std; /* the actor's entry [1, size] when the head has one */
    algo_minibatches minibatches;
    actor_critic_terms terms;
    nn_objective objective;
    double max_grad_norm;
    bool clips_apart;
    double *explained_variance; /* of the last rollout, kept */
    /* [2 + shown] loss, gradient norm, other scalars, summed over the steps [1] of the last update; kept. */
    double *sum, *steps;
    size_t shown;
} actor_critic_policy;

/* How the policies are made. */
typedef struct actor_critic_shape {
    const algo_rollout_options *rollout;
    const algo_descent_options *descent;
    const fm_ints *hidden;
    ad_act activation;
    double actor_lr, critic_lr;
    double log_std;              /* of a box's actions at the start; 0: half of the box */
    bool plain_steps;            /* of gradient descent; else Adam's */
    bool fan_in;                 /* mlps start with NN_INIT_FAN_IN, as PyTorch's linear layers do */
    int64_t batch_size;          /* samples of a minibatch; 0: all */
    bool shared;                 /* one policy for all agents, which must be alike */
    bool layer_norm;             /* of every layer's input (nn/layers.h) */
    bool linear;                 /* mlps have no biases (nn/layers.h) */
    bool clips_apart;            /* max_grad_norm is of each network by itself, not of both as one */
    bool monte_carlo;            /* returns are discounted sums of rewards, whatever gae_lambda is */
    bool normalize_value;        /* the critic learns returns brought to mean 0 and deviation 1 */
    int actor_sees, critic_sees; /* 0: the agent's observation */
    const int *turn; /* [agents] the order in which they choose, each with a policy; NULL: as numbered */
    const actor_critic_model *model; /* or NULL */
} actor_critic_shape;

typedef struct actor_critic {
    const env_facts *facts;
    actor_critic_shape shape;
    size_t copies;
    int64_t run;          /* decisions of the whole run */
    algo_cadence cadence; /* an update for every rollout */
    size_t policies;
    actor_critic_policy *policy; /* [policies] in the order in which they choose */
    int *policy_of;              /* [agents] */
    size_t action_columns;       /* of one superior's action */
    algo_normaliser normaliser;
    algo_rollout rollout;
    real *after; /* [copies][agents] V(after) */
    real
        *after_actions; /* [copies][action_total] what would be chosen there, and the streams for it, kept; */
    fm_rng *after_rng;  /* [copies] NULL unless a critic sees what superiors choose */
    fm_rng shuffle;     /* for the order of minibatches, kept */
} actor_critic;

/* The first agent that cannot share a policy with agent 0, since it observes or acts differently; NULL: all
 * can. */
const env_agent *actor_critic_unlike(const env_facts *facts);

/* FM_BAD when agents that shall share a policy differ. `name` is the algorithm's. */
fm_status actor_critic_accepts(const char *name, const env_facts *facts, bool shared, fm_error *err);

/* Fills ac, which lies in setup->arena; what `shape` points to is borrowed for as long. Mlps start
 * orthogonally with gain sqrt 2, 0.01 for the policy's last layer and 1 for the value's (but for fan_in);
 * log_std at 0 unless the shape says otherwise [Huang 2022, details 2 and 3]. */
void actor_critic_make(actor_critic *ac, const algo_setup *setup, const actor_critic_shape *shape);

/* Declares the scalar that actor_critic_step descends, by the actor's and the critic's parameters; `also` are
 * at most ACTOR_CRITIC_SHOWN scalars more whose mean over an update's steps actor_critic_shown tells. */
void actor_critic_learn(actor_critic_policy *policy, const algo_setup *setup, ad_var loss, const ad_var *also,
                        size_t n_also);

/* Whether the rollout is full; then its advantages are ready, and a new update begins. With normalize_value
 * the rollout's returns and values are those of the critic's units from here on; the statistics have taken in
 * the returns. */
bool actor_critic_ready(actor_critic *ac);

/* One step of both optimisers on the present minibatch; the gradient is clipped before, of both networks as
 * one unless clips_apart. */
void actor_critic_step(actor_critic_policy *policy);

/* For an algorithm that takes its steps by itself: counts one, with its loss, the norm of its gradient and
 * `shown` [n_shown] other scalars. */
void actor_critic_count(actor_critic_policy *policy, double loss, double norm, const real *shown,
                        size_t n_shown);

/* The update is done. */
void actor_critic_clear(actor_critic *ac);

/* The functions of the contract; `self` points to an actor_critic. */
void actor_critic_act(void *self, const env_view *view, algo_mode mode, fm_rng *rng, real *memory,
                      real *actions);
void actor_critic_observe(void *self, const algo_step *step);
void actor_critic_probabilities(void *self, const env_view *view, const real *actions, double *probabilities);
void actor_critic_destroy(void *self);

/* ORDER: the rows, and the numbers that actor_critic_measure writes; returns where they end. */
#define ACTOR_CRITIC_METRICS                                                                                 \
    {"loss", "", "the loss, mean over the last update", true},                                               \
        {"gradient_norm", "", "norm of its gradient, before it was clipped", true}, {                        \
        "explained_variance", "", "of the returns, by the baseline; 1: all", true                            \
    }
double *actor_critic_measure(const actor_critic *ac, double *values);

/* Mean of the k-th other scalar over the steps of the last update; FM_ABSENT before the first. */
double actor_critic_shown(const actor_critic_policy *policy, size_t k);

#endif
