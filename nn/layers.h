/* layers.h: the layers of reinforcement learning's small networks.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     nn_params p = {0};
 *     fm_ints hidden = {2, {64, 64}};
 *     real observations[3 * 4] = {0};
 *     fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
 *     nn_mlp critic = nn_mlp_declare(&p, "critic", 4, &hidden, 1, AD_RELU, NN_INIT_ORTHOGONAL);
 *     nn_params_make(&p, &arena, NULL, NULL);
 *     nn_params_init(&p, &rng);
 *     ad_tape *t = ad_tape_new();
 *     nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
 *     ad_var value = nn_mlp_apply(&critic, &leaves, ad_leaf(t, 3, 4, observations, "obs"));
 *     FM_CHECK(ad_rows(value) == 3 && ad_cols(value) == 1, "one value per row");
 *     ad_tape_free(t);
 *     nn_params_free(&p);
 *     fm_arena_free(&arena);
 */
#ifndef NN_LAYERS_H
#define NN_LAYERS_H

#include "base/option.h"
#include "nn/params.h"

#define NN_LAYERS_MAX (FM_INTS_MAX + 1)

/* A stack of affine layers with one activation between them and none at the end. Plain data. */
typedef struct nn_mlp {
    size_t in, out, layers;
    ad_act act;
    size_t weight[NN_LAYERS_MAX]; /* entries of weight [in, out] and bias [1, out] of each layer */
    size_t bias[NN_LAYERS_MAX];
} nn_mlp;

/* Declares "name.0.weight" [in, w], "name.0.bias" [1, w], ... for the widths in `hidden` (none: one linear
 * layer). Weights start by `init` with gain 1 (ORTHOGONAL: sqrt 2 for relu, 5/3 for tanh, 1 for the last
 * layer), biases at zero (FAN_IN: like the weights). */
nn_mlp nn_mlp_declare(nn_params *p, const char *name, size_t in, const fm_ints *hidden, size_t out,
                      ad_act act, nn_init init);

/* x [B, in] -> [B, out]. */
ad_var nn_mlp_apply(const nn_mlp *mlp, const nn_leaves *leaves, ad_var x);

#endif
