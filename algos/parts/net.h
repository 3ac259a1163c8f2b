/* net.h: a network that learns by its own loss, and its evaluation at a fixed number of rows: what
 * value-based learners and actors share. It is the plainest combination of the three pieces in nn/:
 * parameters with layers, an objective, an optimiser. The mathematics stands in the algorithms' files. */
#ifndef ALGO_NET_H
#define ALGO_NET_H

#include "algos/algo.h"
#include "nn/layers.h"
#include "nn/objective.h"

/* All in the run arena and kept. */
typedef struct algo_net {
    nn_params params;
    nn_mlp mlp, twin; /* twin: a second network over the same vector; no layers: none */
    size_t quadratic; /* the last columns of the input, whose products enter linearly too; 0: none */
    size_t form;      /* entry of their weights [n (n + 1) / 2, out] */
    nn_leaves leaves; /* the parameters on the tape */
    real *target;     /* [params.n] a target copy, or NULL */
    nn_objective objective;
    nn_optimizer adam;
    double *loss, *gradient_norm; /* at the last step, FM_ABSENT before the first */
} algo_net;

/* What a network is made of. */
typedef struct algo_net_shape {
    const char *name; /* "critic.0" */
    size_t in, out;
    const fm_ints *hidden;
    ad_act activation;
    double lr, max_grad_norm;
    bool target;
    bool twin;   /* two networks of this shape that learn by one loss: of two values the smaller */
    bool fan_in; /* starts as PyTorch's layers do: weights and biases uniform, +-1 / sqrt(inputs) */
    size_t quadratic;
} algo_net_shape;

/* Unless fan_in: Glorot-uniform weights, zero biases [Keras's defaults, as the reference experiments have
 * them]. Draws from `rng`. */
void algo_net_make(algo_net *net, const algo_setup *setup, const algo_net_shape *shape, fm_rng *rng);

/* x [R, in] -> [R, out] with these leaves of its parameters: the layers, plus a quadratic form of the last
 * columns, which starts at zero. */
ad_var algo_net_apply(const algo_net *net, const nn_leaves *leaves, ad_var x);

/* Likewise of the twin. */
ad_var algo_net_apply_twin(const algo_net *net, const nn_leaves *leaves, ad_var x);

/* Its parameters, to differentiate by. Borrows the net. */
nn_group algo_net_group(const algo_net *net);

/* Declares the scalar that algo_net_step descends; recorded once. */
void algo_net_learn(algo_net *net, const algo_setup *setup, ad_var loss);

/* One optimiser step along the gradient at the present numbers of the leaves, with the learning rate times
 * `rate`. */
void algo_net_step(algo_net *net, double rate);

/* The same, and then algo_net_track, of which tau = 0 does nothing: in one pass over the parameters. */
void algo_net_step_tracked(algo_net *net, double rate, double tau);

/* algo_net_step along a gradient [params.n] of the caller's, which is clipped in place; `loss` is for the
 * log. */
void algo_net_descend(algo_net *net, double loss, real *gradient, double rate);

/* target += tau (theta - target). */
void algo_net_track(algo_net *net, double tau);

/* From now on its outputs are factor y + offset: the last layer is changed, and that of the target copy. What
 * the network knows then outlives a change of the units that it is taught in [van Hasselt 2016, PopArt]. */
void algo_net_rescale(algo_net *net, double factor, double offset);

void algo_net_free(algo_net *net);

/* The network evaluated on `rows` rows, by any vector of its layout (params.theta, the target copy): write x,
 * run, read y. */
typedef struct algo_forward {
    real *x;       /* [rows, in] */
    const real *y; /* [rows, out] */
    size_t rows, in, out;
    ad_plan *plan;
} algo_forward;

algo_forward algo_forward_make(const algo_net *net, const algo_setup *setup, const real *vector, size_t rows);
void algo_forward_run(algo_forward *forward);

/* Copies an agent's observation in every row of the view to x, in rows of `in`. */
void algo_forward_show(algo_forward *forward, const env_facts *facts, const env_view *view, int agent);

/* Of each entry: its square, or Huber's loss with delta 1. */
typedef enum algo_loss { ALGO_MSE, ALGO_HUBER } algo_loss;
ad_var algo_penalty(ad_var error, algo_loss loss);

/* A matrix [rows, cols] in the run arena that is a leaf of the learner's tape. */
real *algo_leaf(const algo_setup *setup, size_t rows, size_t cols, const char *name, ad_var *leaf);

/* A stream of the learner's own, kept: (seed, purpose, 0, agent). */
void algo_stream(const algo_setup *setup, fm_rng *rng, fm_rng_purpose purpose, int agent);

#endif
