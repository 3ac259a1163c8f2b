#include "algos/parts/net.h"

#include "base/text.h"

void algo_net_make(algo_net *net, const algo_setup *setup, ad_tape *tape, const algo_net_shape *shape,
                   fm_rng *rng) {
    char prefix[FM_NAME_MAX];
    *net = (algo_net){0};
    net->mlp = nn_mlp_declare(&net->params, "layer",
                              &(nn_mlp_shape){.in = shape->in, .hidden = shape->hidden, .out = shape->out,
                                              .act = shape->act, .init = NN_INIT_GLOROT});
    net->quadratic = shape->quadratic;
    if (net->quadratic > 0)
        net->form = nn_params_declare(&net->params, "form.weight", net->quadratic * (net->quadratic + 1) / 2,
                                      shape->out, NN_INIT_ZERO, 1, 1);
    nn_params_make(&net->params, setup->arena, setup->keep, shape->name);
    nn_params_init(&net->params, rng);
    net->leaves = nn_params_leaves(tape, &net->params, net->params.theta, setup->arena);
    net->gradient = fm_arena_array(setup->arena, real, net->params.n);
    net->loss = fm_arena_array(setup->arena, real, 1);
    if (shape->target) {
        fm_text_format(prefix, sizeof prefix, "%s.target", shape->name);
        net->target = nn_params_copy(&net->params, setup->arena, setup->keep, prefix);
    }
    fm_text_format(prefix, sizeof prefix, "%s.adam", shape->name);
    net->adam = nn_optimizer_make(NN_ADAM, shape->lr, net->params.n, setup->arena, setup->keep, prefix);
}

/* x_i x_j for i <= j of the last n columns. */
static ad_var products(ad_var x, size_t n) {
    size_t first = ad_cols(x) - n;
    ad_var all = AD_NONE;
    for (size_t i = 0; i < n; i++) {
        ad_var rest = ad_slice_cols(x, first + i, n - i), own = ad_slice_cols(x, first + i, 1);
        ad_var row = ad_mul(rest, own);
        all = i == 0 ? row : ad_concat_cols(all, row);
    }
    return all;
}

ad_var algo_net_apply(const algo_net *net, const nn_leaves *leaves, ad_var x) {
    ad_var y = nn_mlp_apply(&net->mlp, leaves, x);
    if (net->quadratic == 0) return y;
    return ad_add(y, ad_matmul(products(x, net->quadratic), leaves->leaf[net->form]));
}

void algo_net_learn(algo_net *net, const algo_setup *setup, ad_var loss) {
    size_t count = net->leaves.count;
    ad_output *out = fm_arena_array(setup->arena, ad_output, count + 1);
    nn_gradient_outputs(&net->params, &net->leaves, loss, net->gradient, out);
    out[count] = (ad_output){loss, net->loss};
    net->learn = ad_plan_make(NULL, 0, out, count + 1);
}

void algo_net_step(algo_net *net, double clip, double rate) {
    ad_replay(net->learn);
    if (clip > 0) nn_clip_per_tensor(&net->params, net->gradient, clip);
    double lr = net->adam.lr;
    net->adam.lr = lr * rate;
    nn_optimizer_step(&net->adam, net->params.theta, net->gradient);
    net->adam.lr = lr;
}

void algo_net_track(algo_net *net, double tau) {
    nn_polyak(net->target, net->params.theta, net->params.n, tau);
}

void algo_net_rescale(algo_net *net, double factor, double offset) {
    size_t last = net->mlp.layers - 1;
    const nn_entry *weight = &net->params.entries[net->mlp.weight[last]];
    const nn_entry *bias = &net->params.entries[net->mlp.bias[last]];
    real *both[] = {net->params.theta, net->target};
    for (int k = 0; k < 2 && both[k] != NULL; k++) {
        real *w = both[k] + weight->at, *b = both[k] + bias->at;
        for (size_t j = 0; j < weight->rows * weight->cols; j++) w[j] = (real)(factor * (double)w[j]);
        for (size_t j = 0; j < bias->cols; j++) b[j] = (real)(factor * (double)b[j] + offset);
        if (net->quadratic == 0) continue;
        const nn_entry *form = &net->params.entries[net->form];
        for (size_t j = 0; j < form->rows * form->cols; j++)
            both[k][form->at + j] = (real)(factor * (double)both[k][form->at + j]);
    }
}

void algo_net_free(algo_net *net) { nn_params_free(&net->params); }

algo_forward algo_forward_make(const algo_net *net, const algo_setup *setup, ad_tape *tape, bool target,
                               size_t rows) {
    algo_forward f = {.rows = rows, .in = net->mlp.in, .out = net->mlp.out};
    const real *vector = target ? net->target : net->params.theta;
    nn_leaves leaves = nn_params_leaves(tape, &net->params, vector, setup->arena);
    ad_var x;
    f.x = algo_leaf(setup, tape, rows, f.in, "forward.x", &x);
    ad_output y = {algo_net_apply(net, &leaves, x), fm_arena_array(setup->arena, real, rows * f.out)};
    f.y = y.to;
    f.plan = ad_plan_make(NULL, 0, &y, 1);
    return f;
}

void algo_forward_run(algo_forward *forward) { ad_replay(forward->plan); }

/* Huber: e^2/2 where |e| <= 1 and |e| - 1/2 beyond, written as c (e - c/2) with c = e cut to [-1, 1]; no |e|,
 * whose kink would take the second derivative at e = 0. */
ad_var algo_penalty(ad_var error, algo_loss loss) {
    if (loss == ALGO_MSE) return ad_square(error);
    ad_var near = ad_clip(error, -1, 1);
    return ad_mul(near, ad_sub(error, ad_scale(near, 0.5)));
}

ad_var algo_regression(ad_var prediction, ad_var wanted, algo_loss loss) {
    return ad_mean(algo_penalty(ad_sub(prediction, wanted), loss));
}

real *algo_leaf(const algo_setup *setup, ad_tape *tape, size_t rows, size_t cols, const char *name,
                ad_var *leaf) {
    real *data = fm_arena_array(setup->arena, real, rows * cols);
    *leaf = ad_leaf(tape, rows, cols, data, name);
    return data;
}
