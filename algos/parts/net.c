#include "algos/parts/net.h"

#include <string.h>

#include "base/text.h"

static double *keep_number(const algo_setup *setup, const char *net, const char *what) {
    double *number = fm_arena_array(setup->arena, double, 1);
    *number = FM_ABSENT;
    fm_keep(setup->keep, FM_F64, number, 1, "%s.%s", net, what);
    return number;
}

void algo_net_make(algo_net *net, const algo_setup *setup, const algo_net_shape *shape, fm_rng *rng) {
    char prefix[FM_NAME_MAX];
    *net = (algo_net){0};
    nn_mlp_shape mlp = {.in = shape->in,
                        .hidden = shape->hidden,
                        .out = shape->out,
                        .act = shape->activation,
                        .init = shape->fan_in ? NN_INIT_FAN_IN : NN_INIT_GLOROT};
    net->mlp = nn_mlp_declare(&net->params, "layer", &mlp);
    if (shape->twin) net->twin = nn_mlp_declare(&net->params, "twin", &mlp);
    net->quadratic = shape->quadratic;
    if (net->quadratic > 0)
        net->form = nn_params_declare(&net->params, "form.weight", net->quadratic * (net->quadratic + 1) / 2,
                                      shape->out, NN_INIT_ZERO, 1, 1);
    nn_params_make(&net->params, setup->arena, setup->keep, shape->name);
    nn_params_init(&net->params, rng);
    net->leaves = nn_params_leaves(setup->tape, &net->params, net->params.theta, setup->arena);
    net->loss = keep_number(setup, shape->name, "loss");
    net->gradient_norm = keep_number(setup, shape->name, "gradient_norm");
    if (shape->target) {
        fm_text_format(prefix, sizeof prefix, "%s.target", shape->name);
        net->target = nn_params_copy(&net->params, setup->arena, setup->keep, prefix);
    }
    fm_text_format(prefix, sizeof prefix, "%s.adam", shape->name);
    net->adam = nn_optimizer_make(NN_ADAM, shape->lr, net->params.n, setup->arena, setup->keep, prefix);
    net->adam.max_grad_norm = shape->max_grad_norm;
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

ad_var algo_net_apply_twin(const algo_net *net, const nn_leaves *leaves, ad_var x) {
    return nn_mlp_apply(&net->twin, leaves, x);
}

nn_group algo_net_group(const algo_net *net) {
    return (nn_group){.name = net->params.entries[0].name, .params = &net->params, .leaves = &net->leaves};
}

void algo_net_learn(algo_net *net, const algo_setup *setup, ad_var loss) {
    nn_group own = algo_net_group(net);
    net->objective = nn_objective_make(loss, &own, 1, NULL, 0, setup->arena);
}

static void descend(algo_net *net, double loss, real *gradient, double rate, double tau) {
    double lr = net->adam.lr;
    *net->loss = loss;
    net->adam.lr = lr * rate;
    *net->gradient_norm = nn_optimizer_step_tracked(&net->adam, net->params.theta, gradient,
                                                    tau > 0 ? net->target : NULL, tau);
    net->adam.lr = lr;
}

void algo_net_descend(algo_net *net, double loss, real *gradient, double rate) {
    descend(net, loss, gradient, rate, 0);
}

void algo_net_step_tracked(algo_net *net, double rate, double tau) {
    double loss = nn_objective_run(&net->objective);
    descend(net, loss, net->objective.gradient[0], rate, tau);
}

void algo_net_step(algo_net *net, double rate) { algo_net_step_tracked(net, rate, 0); }

void algo_net_track(algo_net *net, double tau) {
    nn_polyak(net->target, net->params.theta, net->params.n, tau);
}

static void scale(real *x, const nn_entry *entry, double factor, double offset) {
    for (size_t j = 0; j < entry->rows * entry->cols; j++)
        x[entry->at + j] = (real)(factor * (double)x[entry->at + j] + offset);
}

void algo_net_rescale(algo_net *net, double factor, double offset) {
    size_t last = net->mlp.layers - 1;
    real *both[] = {net->params.theta, net->target};
    for (int k = 0; k < 2 && both[k] != NULL; k++) {
        scale(both[k], &net->params.entries[net->mlp.weight[last]], factor, 0);
        scale(both[k], &net->params.entries[net->mlp.bias[last]], factor, offset);
        if (net->quadratic > 0) scale(both[k], &net->params.entries[net->form], factor, 0);
    }
}

void algo_net_free(algo_net *net) { nn_params_free(&net->params); }

algo_forward algo_forward_make(const algo_net *net, const algo_setup *setup, const real *vector,
                               size_t rows) {
    algo_forward f = {.rows = rows, .in = net->mlp.in, .out = net->mlp.out};
    nn_leaves leaves = nn_params_leaves(setup->tape, &net->params, vector, setup->arena);
    ad_var x;
    f.x = algo_leaf(setup, rows, f.in, "forward.x", &x);
    ad_output y = {algo_net_apply(net, &leaves, x), fm_arena_array(setup->arena, real, rows * f.out)};
    f.y = y.to;
    f.plan = ad_plan_make(NULL, 0, &y, 1);
    return f;
}

void algo_forward_run(algo_forward *forward) { ad_replay(forward->plan); }

void algo_forward_show(algo_forward *f, const env_facts *facts, const env_view *view, int agent) {
    const env_agent *a = &facts->agent[agent];
    for (size_t r = 0; r < (size_t)view->copies; r++)
        memcpy(f->x + r * f->in, view->obs + r * (size_t)facts->obs_total + a->obs_at,
               (size_t)a->obs_length * sizeof(real));
}

ad_var algo_penalty(ad_var error, algo_loss loss) {
    return loss == ALGO_MSE ? ad_square(error) : nn_huber(error, 1);
}

real *algo_leaf(const algo_setup *setup, size_t rows, size_t cols, const char *name, ad_var *leaf) {
    real *data = fm_arena_array(setup->arena, real, rows * cols);
    *leaf = ad_leaf(setup->tape, rows, cols, data, name);
    return data;
}

void algo_stream(const algo_setup *setup, fm_rng *rng, fm_rng_purpose purpose, int agent) {
    *rng = fm_rng_split(setup->seed, purpose, 0, (uint64_t)agent);
    fm_keep_bytes(setup->keep, rng, sizeof *rng, "rng.%d.%d", (int)purpose, agent);
}
