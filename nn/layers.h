/* layers.h: the layers of reinforcement learning's small networks.
 *
 * Example (compiled by the tests):
 *
 *     #include <math.h>
 *     fm_arena arena = {0};
 *     nn_params p = {0};
 *     fm_ints hidden = {2, {64, 64}};
 *     real observations[3 * 4] = {0};
 *     fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
 *     nn_mlp actor = nn_mlp_declare(&p, "actor", &(nn_mlp_shape){.in = 4, .hidden = &hidden, .out = 2,
 *         .act = AD_TANH, .init = NN_INIT_ORTHOGONAL, .gain = sqrt(2.0), .out_gain = 0.01});    // PPO's
 *     nn_params_make(&p, &arena, NULL, NULL);
 *     nn_params_init(&p, &rng);
 *     ad_tape *t = ad_tape_new();
 *     nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
 *     ad_var logits = nn_mlp_apply(&actor, &leaves, ad_leaf(t, 3, 4, observations, "obs"));
 *     FM_CHECK(ad_rows(logits) == 3 && ad_cols(logits) == 2, "two logits per row");
 *     ad_tape_free(t);
 *     nn_params_free(&p);
 *     fm_arena_free(&arena);
 */
#ifndef NN_LAYERS_H
#define NN_LAYERS_H

#include "base/option.h"
#include "nn/params.h"

/* ---- Layer norm [Ba 2016] ---- */

typedef struct nn_layer_norm {
    size_t width, weight, bias; /* entries weight and bias, both [1, width] */
} nn_layer_norm;

/* Declares "name.weight", ones, and "name.bias", zeros. */
nn_layer_norm nn_layer_norm_declare(nn_params *p, const char *name, size_t width);

/* (x - mean) / sqrt(variance + 1e-5) weight + bias, with mean and (biased) variance of each row; x [B, width]
 * -> [B, width]. Epsilon is PyTorch's. */
ad_var nn_layer_norm_apply(const nn_layer_norm *norm, const nn_leaves *leaves, ad_var x);

/* ---- Stacks of affine layers ---- */

#define NN_LAYERS_MAX (FM_INTS_MAX + 1)

/* What a stack is made of; what is left out is zero, and a good choice where a zero has a meaning. */
typedef struct nn_mlp_shape {
    size_t in, out;
    const fm_ints *hidden; /* widths of the hidden layers; NULL or none: one linear layer */
    ad_act act, out_act;   /* after each hidden layer; after the last one (AD_IDENTITY: nothing) */
    nn_init init;          /* of the weights */
    double gain, out_gain; /* of the hidden layers' weights, of the last one's; 0: see nn_mlp_declare */
    bool layer_norm;       /* of every layer's input, x included, as MAPPO's networks have it [Yu 2022] */
    bool linear;           /* the layers have weights alone: of a one-hot, one layer is a table */
} nn_mlp_shape;

/* A stack of affine layers. Plain data. */
typedef struct nn_mlp {
    size_t in, out, layers;
    ad_act act, out_act;
    size_t weight[NN_LAYERS_MAX]; /* entries of weight [in, out] and bias [1, out] of each layer */
    size_t bias[NN_LAYERS_MAX]; /* none when `linear` */
    bool normed, linear;
    nn_layer_norm norm[NN_LAYERS_MAX]; /* of each layer's input when `normed` */
} nn_mlp;

/* Declares "name.0.weight" [in, w], unless linear "name.0.bias" [1, w], ... Gains that are not given are 1,
 * but of ORTHOGONAL hidden layers sqrt 2 for relu and 5/3 for tanh [Saxe 2014]. Biases start at zero (FAN_IN:
 * like the weights, with gain 1). Layer norms are "name.0.norm.weight", ... PPO's networks are ORTHOGONAL
 * with gain sqrt 2, and out_gain 0.01 for a policy, 1 for a value [Huang 2022, The 37 implementation details
 * of PPO, 2]. */
nn_mlp nn_mlp_declare(nn_params *p, const char *name, const nn_mlp_shape *shape);

/* x [B, in] -> [B, out]. */
ad_var nn_mlp_apply(const nn_mlp *mlp, const nn_leaves *leaves, ad_var x);

#endif
