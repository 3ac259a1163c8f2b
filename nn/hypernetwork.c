#include "nn/hypernetwork.h"

#include <math.h>

#include "base/text.h"

static void set_target(nn_hypernetwork *h, const nn_mlp_shape *target) {
    const fm_ints *hidden = target->hidden;
    h->layers = (hidden ? (size_t)hidden->n : 0) + 1;
    h->act = target->act, h->out_act = target->out_act;
    h->width[0] = target->in;
    for (size_t l = 1; l < h->layers; l++) h->width[l] = (size_t)hidden->v[l - 1];
    h->width[h->layers] = target->out;
}

/* Numbers that layer l of the target needs. */
static size_t layer_numbers(const nn_hypernetwork *h, size_t l) {
    return h->width[l] * h->width[l + 1] + h->width[l + 1];
}

nn_hypernetwork nn_hypernetwork_declare(nn_params *p, const char *name, const nn_hypernetwork_shape *shape) {
    nn_hypernetwork h = {0};
    char entry[FM_NAME_MAX];
    FM_CHECK(shape->hidden && shape->hidden->n > 0, "hypernetwork '%s': no trunk", name);
    fm_ints inner = *shape->hidden;
    size_t trunk = (size_t)inner.v[--inner.n];
    fm_text_format(entry, sizeof entry, "%s.trunk", name);
    h.trunk = nn_mlp_declare(p, entry,
                             &(nn_mlp_shape){.in = shape->condition,
                                             .hidden = &inner,
                                             .out = trunk,
                                             .act = shape->act,
                                             .out_act = shape->act,
                                             .init = NN_INIT_HE});
    set_target(&h, &shape->target);
    for (size_t l = 0; l < h.layers; l++) {
        size_t numbers = layer_numbers(&h, l);
        double gain = (double)trunk / sqrt(2 * (double)h.width[l]); /* of HE's sqrt(2 / T) */
        if (l + 1 == h.layers && shape->target.out_gain != 0) gain *= shape->target.out_gain;
        fm_text_format(entry, sizeof entry, "%s.%zu.weight", name, l);
        h.weight[l] = nn_params_declare(p, entry, trunk, numbers, NN_INIT_HE, gain, trunk);
        fm_text_format(entry, sizeof entry, "%s.%zu.bias", name, l);
        h.bias[l] = nn_params_declare(p, entry, 1, numbers, NN_INIT_ZERO, 1, trunk);
        h.numbers += numbers;
    }
    return h;
}

ad_var nn_hypernetwork_generate(const nn_hypernetwork *h, const nn_leaves *leaves, ad_var conditions) {
    ad_var layer[NN_LAYERS_MAX], trunk = nn_mlp_apply(&h->trunk, leaves, conditions);
    trunk = ad_scale(trunk, 1 / (double)h->trunk.out);
    for (size_t l = 0; l < h->layers; l++)
        layer[l] = ad_affine(trunk, leaves->leaf[h->weight[l]], leaves->leaf[h->bias[l]], AD_IDENTITY);
    return ad_concat_cols_n(layer, h->layers);
}

ad_var nn_hypernetwork_apply(const nn_hypernetwork *h, ad_var weights, ad_var x) {
    FM_CHECK(ad_rows(weights) == 1 && ad_cols(weights) == h->numbers && ad_cols(x) == h->width[0],
             "hypernetwork: a target [%zu, %zu] on [%zu, %zu], expected [1, %zu] on %zu columns",
             ad_rows(weights), ad_cols(weights), ad_rows(x), ad_cols(x), h->numbers, h->width[0]);
    for (size_t l = 0, at = 0; l < h->layers; l++) {
        size_t in = h->width[l], out = h->width[l + 1];
        ad_var w = ad_reshape(ad_slice_cols(weights, at, in * out), in, out);
        ad_var b = ad_slice_cols(weights, at + in * out, out);
        x = ad_affine(x, w, b, l + 1 < h->layers ? h->act : h->out_act);
        at += layer_numbers(h, l);
    }
    return x;
}
