/* hypernetwork.h: a network whose weights another network writes [Ha 2017]. A condition (which agent, which
 * task) goes into the generator; what comes out are the weights and biases of the target, an mlp that has no
 * parameters of its own. So one set of parameters gives as many different networks as there are conditions.
 *
 *     h = trunk(condition) / T               hidden layers, the last one's activation included; T its width
 *     weights and biases of target layer l = h W_l + b_l
 *
 * The division, with a W_l that starts T times as large, leaves what is written as it is, but is what lets a
 * hypernetwork learn at the rate of the network that it writes. Where all T weights behind a written number
 * move by lr at once, as under Adam they do, that number moves by lr times the mean of the trunk, as if it
 * were a parameter itself, and not by lr times the sum, T times as far [Yang 2021, output multiplier of muP].
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     nn_params p = {0};
 *     fm_ints hidden = {1, {64}};
 *     fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
 *     real agent[8] = {1}, x[5 * 16] = {1};
 *     nn_hypernetwork policy = nn_hypernetwork_declare(&p, "policy", &(nn_hypernetwork_shape){
 *         .condition = 8, .hidden = &hidden, .act = AD_RELU, .target = {.in = 16, .out = 3}});
 *     nn_params_make(&p, &arena, NULL, NULL);
 *     nn_params_init(&p, &rng);
 *     ad_tape *t = ad_tape_new();
 *     nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
 *     ad_var weights = nn_hypernetwork_generate(&policy, &leaves, ad_leaf(t, 1, 8, agent, "agent"));
 *     ad_var y = nn_hypernetwork_apply(&policy, weights, ad_leaf(t, 5, 16, x, "x"));
 *     FM_CHECK(ad_cols(weights) == 16 * 3 + 3 && ad_rows(y) == 5, "51 numbers, five rows");
 *     ad_tape_free(t);
 *     nn_params_free(&p);
 *     fm_arena_free(&arena);
 */
#ifndef NN_HYPERNETWORK_H
#define NN_HYPERNETWORK_H

#include "nn/layers.h"

typedef struct nn_hypernetwork_shape {
    size_t condition;      /* columns of a condition */
    const fm_ints *hidden; /* widths of the trunk's layers, at least one */
    ad_act act;            /* after each of them */
    nn_mlp_shape target;   /* in, out, hidden, activations, out_gain; the rest means nothing here */
} nn_hypernetwork_shape;

/* Plain data. */
typedef struct nn_hypernetwork {
    nn_mlp trunk;
    size_t layers, width[NN_LAYERS_MAX + 1]; /* of the target: width[0] is its input's */
    ad_act act, out_act;
    size_t weight[NN_LAYERS_MAX], bias[NN_LAYERS_MAX]; /* entries that write each layer */
    size_t numbers;                                    /* of a whole target */
} nn_hypernetwork;

/* Declares "name.trunk.0.weight", ... [He 2015] and, for each layer of the target, "name.0.weight"
 * [T, numbers of the layer] and "name.0.bias", zeros. The weights are normal with deviation sqrt(T / in),
 * `in` that of the target's layer: the target then starts with weights of variance about 1 / in, for
 * conditions whose numbers are of size 1 [Chang 2020, Eq. 7]; its last layer with out_gain times as large
 * ones (0: 1). */
nn_hypernetwork nn_hypernetwork_declare(nn_params *p, const char *name, const nn_hypernetwork_shape *shape);

/* conditions [n, condition] -> [n, numbers]: a target in each row, layer by layer, weights [in, out] row by
 * row before biases. */
ad_var nn_hypernetwork_generate(const nn_hypernetwork *h, const nn_leaves *leaves, ad_var conditions);

/* x [B, in] through the target of that one row [1, numbers] -> [B, out]. */
ad_var nn_hypernetwork_apply(const nn_hypernetwork *h, ad_var weights, ad_var x);

#endif
