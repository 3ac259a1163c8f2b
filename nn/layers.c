/* layers.c: stacks of fused affine layers. */
#include "nn/layers.h"

#include <math.h>

#include "base/text.h"

/* Keeps the size of a signal through the layers [Saxe 2014; for relu He 2015]. */
static double orthogonal_gain(ad_act act) {
    switch (act) {
    case AD_RELU: return sqrt(2.0);
    case AD_TANH: return 5.0 / 3.0;
    default: return 1;
    }
}

nn_mlp nn_mlp_declare(nn_params *p, const char *name, size_t in, const fm_ints *hidden, size_t out,
                      ad_act act, nn_init init) {
    const nn_init bias_init = init == NN_INIT_FAN_IN ? NN_INIT_FAN_IN : NN_INIT_ZERO;
    size_t hidden_layers = hidden ? (size_t)hidden->n : 0;
    FM_CHECK(!hidden || (hidden->n >= 0 && hidden->n <= FM_INTS_MAX), "mlp '%s': %lld hidden layers", name,
             (long long)hidden->n);
    nn_mlp mlp = {.in = in, .out = out, .layers = hidden_layers + 1, .act = act};
    for (size_t i = 0, from = in; i < mlp.layers; i++) {
        bool last = i + 1 == mlp.layers;
        FM_CHECK(last || hidden->v[i] > 0, "mlp '%s': hidden layer %zu has width %lld", name, i,
                 (long long)hidden->v[i]);
        size_t to = last ? out : (size_t)hidden->v[i];
        double gain = init == NN_INIT_ORTHOGONAL && !last ? orthogonal_gain(act) : 1;
        char entry[FM_NAME_MAX];
        fm_text_format(entry, sizeof entry, "%s.%zu.weight", name, i);
        mlp.weight[i] = nn_params_declare(p, entry, from, to, init, gain, from);
        fm_text_format(entry, sizeof entry, "%s.%zu.bias", name, i);
        mlp.bias[i] = nn_params_declare(p, entry, 1, to, bias_init, 1, from);
        from = to;
    }
    return mlp;
}

ad_var nn_mlp_apply(const nn_mlp *mlp, const nn_leaves *leaves, ad_var x) {
    FM_CHECK(ad_cols(x) == mlp->in, "mlp: input [%zu, %zu], %zu columns expected", ad_rows(x), ad_cols(x),
             mlp->in);
    for (size_t i = 0; i < mlp->layers; i++) {
        FM_CHECK(mlp->bias[i] < leaves->count, "mlp: the leaves are not those of its parameters");
        ad_act act = i + 1 < mlp->layers ? mlp->act : AD_IDENTITY;
        x = ad_affine(x, leaves->leaf[mlp->weight[i]], leaves->leaf[mlp->bias[i]], act);
    }
    return x;
}
