/* layers.c: stacks of fused affine layers, and the normalisation of rows. */
#include "nn/layers.h"

#include <math.h>

#include "base/text.h"

/* ---- Stacks of affine layers ---- */

/* Keeps the size of a signal through the layers [Saxe 2014; for relu He 2015]. */
static double orthogonal_gain(ad_act act) {
    switch (act) {
    case AD_RELU: return sqrt(2.0);
    case AD_TANH: return 5.0 / 3.0;
    default: return 1;
    }
}

static double gain_of(const nn_mlp_shape *shape, bool last) {
    double given = last ? shape->out_gain : shape->gain;
    if (given != 0) return given;
    return shape->init == NN_INIT_ORTHOGONAL && !last ? orthogonal_gain(shape->act) : 1;
}

nn_mlp nn_mlp_declare(nn_params *p, const char *name, const nn_mlp_shape *shape) {
    const nn_init bias_init = shape->init == NN_INIT_FAN_IN ? NN_INIT_FAN_IN : NN_INIT_ZERO;
    const fm_ints *hidden = shape->hidden;
    FM_CHECK(!hidden || (hidden->n >= 0 && hidden->n <= FM_INTS_MAX), "mlp '%s': %lld hidden layers", name,
             (long long)hidden->n);
    nn_mlp mlp = {.in = shape->in, .out = shape->out, .layers = (hidden ? (size_t)hidden->n : 0) + 1,
                  .act = shape->act, .out_act = shape->out_act, .normed = shape->layer_norm,
                  .linear = shape->linear};
    for (size_t i = 0, from = mlp.in; i < mlp.layers; i++) {
        bool last = i + 1 == mlp.layers;
        FM_CHECK(last || hidden->v[i] > 0, "mlp '%s': hidden layer %zu has width %lld", name, i,
                 (long long)hidden->v[i]);
        size_t to = last ? mlp.out : (size_t)hidden->v[i];
        char entry[FM_NAME_MAX];
        fm_text_format(entry, sizeof entry, "%s.%zu.norm", name, i);
        if (mlp.normed) mlp.norm[i] = nn_layer_norm_declare(p, entry, from);
        fm_text_format(entry, sizeof entry, "%s.%zu.weight", name, i);
        mlp.weight[i] = nn_params_declare(p, entry, from, to, shape->init, gain_of(shape, last), from);
        fm_text_format(entry, sizeof entry, "%s.%zu.bias", name, i);
        if (!mlp.linear) mlp.bias[i] = nn_params_declare(p, entry, 1, to, bias_init, 1, from);
        from = to;
    }
    return mlp;
}

ad_var nn_mlp_apply(const nn_mlp *mlp, const nn_leaves *leaves, ad_var x) {
    FM_CHECK(ad_cols(x) == mlp->in, "mlp: input [%zu, %zu], %zu columns expected", ad_rows(x), ad_cols(x),
             mlp->in);
    for (size_t i = 0; i < mlp->layers; i++) {
        FM_CHECK(mlp->weight[i] < leaves->count && mlp->bias[i] < leaves->count,
                 "mlp: the leaves are not those of its parameters");
        ad_var weight = leaves->leaf[mlp->weight[i]];
        ad_var bias = mlp->linear ? ad_zeros(x.tape, 1, ad_cols(weight)) : leaves->leaf[mlp->bias[i]];
        ad_act act = i + 1 < mlp->layers ? mlp->act : mlp->out_act;
        if (mlp->normed) x = nn_layer_norm_apply(&mlp->norm[i], leaves, x);
        x = ad_affine(x, weight, bias, act);
    }
    return x;
}

/* ---- Layer norm ---- */

nn_layer_norm nn_layer_norm_declare(nn_params *p, const char *name, size_t width) {
    nn_layer_norm norm = {.width = width};
    char entry[FM_NAME_MAX];
    fm_text_format(entry, sizeof entry, "%s.weight", name);
    norm.weight = nn_params_declare(p, entry, 1, width, NN_INIT_CONSTANT, 1, width);
    fm_text_format(entry, sizeof entry, "%s.bias", name);
    norm.bias = nn_params_declare(p, entry, 1, width, NN_INIT_ZERO, 1, width);
    return norm;
}

ad_var nn_layer_norm_apply(const nn_layer_norm *norm, const nn_leaves *leaves, ad_var x) {
    FM_CHECK(ad_cols(x) == norm->width, "layer norm: input [%zu, %zu], %zu columns expected", ad_rows(x),
             ad_cols(x), norm->width);
    FM_CHECK(norm->bias < leaves->count, "layer norm: the leaves are not those of its parameters");
    ad_var centred = ad_sub(x, ad_mean_cols(x));
    ad_var deviation = ad_sqrt(ad_shift(ad_mean_cols(ad_square(centred)), 1e-5));
    return ad_add(ad_mul(ad_div(centred, deviation), leaves->leaf[norm->weight]), leaves->leaf[norm->bias]);
}
