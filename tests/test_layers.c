/* test_layers.c: layers against plain loops, derivatives against differences, and whether they learn. */
#include "nn/layers.h"

#include "nn/optim.h"
#include "tests/test.h"
#include "tests/derivatives.h"

#define DOUBLE (sizeof(real) == 8)

typedef struct net { fm_arena arena; nn_params p; nn_mlp mlp; } net;

static net net_of(nn_mlp_shape shape, uint64_t seed) {
    net n = {0};
    n.mlp = nn_mlp_declare(&n.p, "net", &shape);
    nn_params_make(&n.p, &n.arena, NULL, NULL);
    fm_rng rng = fm_rng_split(seed, FM_RNG_INIT, 0, 0);
    nn_params_init(&n.p, &rng);
    return n;
}

static net net_make(size_t in, fm_ints hidden, size_t out, ad_act act, nn_init init, uint64_t seed) {
    return net_of((nn_mlp_shape){.in = in, .hidden = &hidden, .out = out, .act = act, .init = init}, seed);
}

static void net_free(net *n) {
    nn_params_free(&n->p);
    fm_arena_free(&n->arena);
}

/* The input of layer l: less its mean, by its deviation, times a weight, plus a bias. */
static void naive_norm(const net *n, size_t l, double *x) {
    const nn_entry *weight = &n->p.entries[n->mlp.norm[l].weight], *bias = &n->p.entries[n->mlp.norm[l].bias];
    const size_t width = weight->cols;
    double mean = 0, variance = 0;
    for (size_t i = 0; i < width; i++) mean += x[i] / (double)width;
    for (size_t i = 0; i < width; i++) variance += (x[i] - mean) * (x[i] - mean) / (double)width;
    for (size_t i = 0; i < width; i++)
        x[i] = (x[i] - mean) / sqrt(variance + 1e-5) * (double)n->p.theta[weight->at + i] +
               (double)n->p.theta[bias->at + i];
}

/* One row through the network, in double, straight from the definition. */
static void naive(const net *n, const real *x, double *y) {
    double now[64], next[64];
    for (size_t i = 0; i < n->mlp.in; i++) now[i] = (double)x[i];
    for (size_t l = 0; l < n->mlp.layers; l++) {
        if (n->mlp.normed) naive_norm(n, l, now);
        const nn_entry *w = &n->p.entries[n->mlp.weight[l]];
        for (size_t j = 0; j < w->cols; j++) {
            next[j] = n->mlp.linear ? 0 : (double)n->p.theta[n->p.entries[n->mlp.bias[l]].at + j];
            for (size_t i = 0; i < w->rows; i++)
                next[j] += now[i] * (double)n->p.theta[w->at + i * w->cols + j];
            ad_act act = l + 1 < n->mlp.layers ? n->mlp.act : n->mlp.out_act;
            if (act == AD_RELU) next[j] = fmax(next[j], 0);
            if (act == AD_TANH) next[j] = tanh(next[j]);
        }
        memcpy(now, next, sizeof now);
    }
    for (size_t j = 0; j < n->mlp.out; j++) y[j] = now[j];
}

static const fm_ints TWO = {2, {16, 7}}, THREE = {3, {8, 33, 5}}, NONE = {0, {0}}, WIDE = {1, {64}};
static const nn_mlp_shape NETS[] = {
    {.in = 4, .hidden = &TWO, .out = 3, .act = AD_TANH, .init = NN_INIT_FAN_IN},
    {.in = 3, .hidden = &THREE, .out = 1, .act = AD_RELU, .init = NN_INIT_HE},
    {.in = 5, .hidden = &NONE, .out = 2, .act = AD_TANH, .init = NN_INIT_GLOROT},
    {.in = 1, .hidden = &WIDE, .out = 4, .act = AD_RELU, .init = NN_INIT_ORTHOGONAL},
    {.in = 3, .out = 2, .act = AD_RELU, .out_act = AD_TANH, .init = NN_INIT_GLOROT},
    {.in = 2, .hidden = &TWO, .out = 5, .act = AD_TANH, .out_act = AD_RELU, .init = NN_INIT_HE},
    {.in = 5, .hidden = &TWO, .out = 3, .act = AD_TANH, .init = NN_INIT_GLOROT, .layer_norm = true},
    {.in = 3, .out = 2, .init = NN_INIT_GLOROT, .layer_norm = true},
    {.in = 5, .hidden = &TWO, .out = 3, .act = AD_TANH, .init = NN_INIT_GLOROT, .linear = true},
};
#define NET_COUNT (sizeof NETS / sizeof *NETS)
#define NET(i, seed) net_of(NETS[i], seed)

TEST(layers_mlp_equals_plain_loops) {
    for (size_t k = 0; k < NET_COUNT; k++) {
        net n = NET(k, k);
        real x[9 * 5];
        fm_rng rng = fm_rng_split(k, FM_RNG_TEST, 0, 0);
        fm_rng_fill_normal(&rng, x, 9 * n.mlp.in);
        for (size_t i = 0; i < n.p.n; i++) n.p.theta[i] *= (real)1.5;
        ad_tape *t = ad_tape_new();
        nn_leaves leaves = nn_params_leaves(t, &n.p, n.p.theta, &n.arena);
        ad_var y = nn_mlp_apply(&n.mlp, &leaves, ad_leaf(t, 9, n.mlp.in, x, "x"));
        EXPECT_EQ(ad_rows(y), 9);
        EXPECT_EQ(ad_cols(y), n.mlp.out);
        for (size_t r = 0; r < 9; r++) {
            double wanted[64];
            naive(&n, x + r * n.mlp.in, wanted);
            for (size_t j = 0; j < n.mlp.out; j++)
                EXPECT_NEAR(ad_value(y)[r * n.mlp.out + j], wanted[j], DOUBLE ? 1e-12 : 2e-5);
        }
        ad_tape_free(t);
        net_free(&n);
    }
}

/* The sum of squares of the outputs over `rows` rows, in double. */
static double naive_loss(const net *n, const real *x, size_t rows) {
    double sum = 0, y[64];
    for (size_t r = 0; r < rows; r++) {
        naive(n, x + r * n->mlp.in, y);
        for (size_t j = 0; j < n->mlp.out; j++) sum += y[j] * y[j];
    }
    return sum;
}

TEST(layers_mlp_gradient_equals_differences) {
    const double h = DOUBLE ? 1e-6 : 0x1p-14, tolerance = DOUBLE ? 1e-6 : 2e-3;
    for (size_t k = 0; k < NET_COUNT; k++) {
        net n = NET(k, k + 50);
        real x[6 * 5];
        fm_rng rng = fm_rng_split(k, FM_RNG_TEST, 1, 0);
        fm_rng_fill_normal(&rng, x, 6 * n.mlp.in);
        ad_tape *t = ad_tape_new();
        nn_leaves leaves = nn_params_leaves(t, &n.p, n.p.theta, &n.arena);
        ad_var y = nn_mlp_apply(&n.mlp, &leaves, ad_leaf(t, 6, n.mlp.in, x, "x"));
        real *gradient = fm_arena_array(&n.arena, real, n.p.n);
        ad_output out[2 * NN_LAYERS_MAX];
        nn_gradient_outputs(&n.p, &leaves, ad_sum(ad_square(y)), gradient, out);
        ad_replay(ad_plan_make(NULL, 0, out, leaves.count));
        double size = nn_norm(gradient, n.p.n), worst = 0;
        for (size_t i = 0; i < n.p.n; i++) {
            const real old = n.p.theta[i];
            const real up = (real)((double)old + h), down = (real)((double)old - h);
            n.p.theta[i] = up;
            double difference = naive_loss(&n, x, 6);
            n.p.theta[i] = down;
            difference = (difference - naive_loss(&n, x, 6)) / (double)(up - down);
            n.p.theta[i] = old;
            worst = fmax(worst, fabs(difference - (double)gradient[i]));
        }
        EXPECT(size > 0.1);
        EXPECT_NEAR(worst / size, 0, tolerance);
        ad_tape_free(t);
        net_free(&n);
    }
}

TEST(layers_mlp_names_and_starts) {
    net n = NET(3, 0);
    EXPECT_EQ(n.mlp.layers, 2);
    EXPECT_TEXT(n.p.entries[n.mlp.weight[0]].name, "net.0.weight");
    EXPECT_TEXT(n.p.entries[n.mlp.bias[1]].name, "net.1.bias");
    EXPECT_NEAR(n.p.entries[n.mlp.weight[0]].gain, sqrt(2.0), 1e-12);
    EXPECT_NEAR(n.p.entries[n.mlp.weight[1]].gain, 1, 0);
    EXPECT_NEAR(nn_norm(n.p.theta, 64), sqrt(2.0), 1e-6);
    EXPECT_EQ(nn_params_count(&n.p), 64 + 64 + 256 + 4);
    EXPECT(nn_norm(n.p.theta + n.p.entries[n.mlp.bias[0]].at, 64) == 0);
    net_free(&n);
    n = net_make(2, (fm_ints){1, {9}}, 3, AD_TANH, NN_INIT_ORTHOGONAL, 0);
    EXPECT_NEAR(n.p.entries[n.mlp.weight[0]].gain, 5.0 / 3, 1e-12);
    EXPECT_NEAR(n.p.entries[n.mlp.weight[1]].gain, 1, 0);
    net_free(&n);
    n = NET(6, 0);
    EXPECT_TEXT(n.p.entries[n.mlp.norm[1].bias].name, "net.1.norm.bias");
    EXPECT_EQ(n.p.entries[n.mlp.norm[2].weight].cols, 7);
    net_free(&n);
    n = NET(8, 0);
    EXPECT_EQ(nn_params_count(&n.p), 5 * 16 + 16 * 7 + 7 * 3);
    net_free(&n);
    n = NET(0, 0);
    const nn_entry *bias = &n.p.entries[n.mlp.bias[1]];
    EXPECT(nn_norm(n.p.theta + bias->at, 7) > 0);
    for (size_t i = 0; i < 7; i++) EXPECT(fabs((double)n.p.theta[bias->at + i]) <= 0.25);
    net_free(&n);
}

/* PPO's policy: columns of length sqrt 2 and 0.01, whatever the activation; a bias has no part in it. */
TEST(layers_mlp_gains_are_chosen) {
    const nn_init inits[] = {NN_INIT_ORTHOGONAL, NN_INIT_HE, NN_INIT_FAN_IN};
    for (size_t k = 0; k < 3; k++) {
        net n = net_of((nn_mlp_shape){.in = 8, .hidden = &TWO, .out = 3, .act = AD_TANH, .init = inits[k],
                                      .gain = sqrt(2.0), .out_gain = 0.01}, 0);
        for (size_t l = 0; l < 3; l++) {
            EXPECT_NEAR(n.p.entries[n.mlp.weight[l]].gain, l < 2 ? sqrt(2.0) : 0.01, 1e-12);
            EXPECT_NEAR(n.p.entries[n.mlp.bias[l]].gain, 1, 0);
        }
        const real *last = n.p.theta + n.p.entries[n.mlp.weight[2]].at;
        double column = 0;
        for (size_t i = 0; i < 7; i++) column += (double)last[3 * i] * (double)last[3 * i];
        if (k == 0) EXPECT_NEAR(sqrt(column), 0.01, 1e-7);
        net_free(&n);
    }
}

/* Every row to mean 0 and variance 1, then scaled and shifted; a constant row has nothing to scale. */
TEST(layers_norm_equals_its_formula) {
    enum { B = 5, W = 6 };
    fm_arena arena = {0};
    nn_params p = {0};
    nn_layer_norm norm = nn_layer_norm_declare(&p, "norm", W);
    nn_params_make(&p, &arena, NULL, NULL);
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    nn_params_init(&p, &rng);
    for (size_t j = 0; j < W; j++)
        EXPECT(p.theta[p.entries[norm.weight].at + j] == 1 && p.theta[p.entries[norm.bias].at + j] == 0);
    EXPECT_TEXT(p.entries[norm.weight].name, "norm.weight");
    EXPECT_TEXT(p.entries[norm.bias].name, "norm.bias");
    real *weight = p.theta + p.entries[norm.weight].at, *bias = p.theta + p.entries[norm.bias].at, x[B * W];
    fm_rng_fill_normal(&rng, weight, W);
    fm_rng_fill_normal(&rng, bias, W);
    fm_rng_fill_normal(&rng, x, B * W);
    for (size_t j = 0; j < W; j++) {
        x[W + j] = (real)(100 + (double)x[W + j]);
        x[2 * W + j] = 7;                               /* variance 0 */
        x[3 * W + j] = (real)(0.003 * (double)x[3 * W + j]); /* about epsilon */
    }
    ad_tape *t = ad_tape_new();
    nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
    ad_var in = ad_leaf(t, B, W, x, "x"), y = nn_layer_norm_apply(&norm, &leaves, in);
    for (size_t r = 0; r < B; r++) {
        double mean = 0, variance = 0;
        for (size_t j = 0; j < W; j++) mean += (double)x[r * W + j] / W;
        for (size_t j = 0; j < W; j++) variance += pow((double)x[r * W + j] - mean, 2) / W;
        for (size_t j = 0; j < W; j++) {
            double wanted = ((double)x[r * W + j] - mean) / sqrt(variance + 1e-5) * (double)weight[j];
            EXPECT_NEAR(ad_value(y)[r * W + j], wanted + (double)bias[j], DOUBLE ? 1e-11 : 1e-4);
        }
    }
    ad_tape_free(t);
    nn_params_free(&p);
    fm_arena_free(&arena);
}

TEST(layers_norm_derivatives) {
    enum { B = 3, W = 5 };
    fm_arena arena = {0};
    nn_params p = {0};
    nn_layer_norm norm = nn_layer_norm_declare(&p, "norm", W);
    nn_params_make(&p, &arena, NULL, NULL);
    fm_rng rng = fm_rng_split(4, FM_RNG_TEST, 0, 0);
    real x[B * W];
    fm_rng_fill_normal(&rng, x, B * W);
    fm_rng_fill_normal(&rng, p.theta, p.n);
    ad_tape *t = ad_tape_new();
    nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
    ad_var in = ad_leaf(t, B, W, x, "x"), y = nn_layer_norm_apply(&norm, &leaves, in);
    ad_var loss = ad_sum(ad_mul(ad_tanh(y), ad_slice_rows(y, 1, 1)));
    real *data[] = {x, p.theta + p.entries[norm.weight].at, p.theta + p.entries[norm.bias].at};
    ad_var from[] = {in, leaves.leaf[norm.weight], leaves.leaf[norm.bias]};
    expect_derivatives(loss, from, data, 3, 1);
    ad_tape_free(t);
    nn_params_free(&p);
    fm_arena_free(&arena);
}

/* The loss after so many steps. The rate falls to 0: at a constant one Adam's loss has spikes. */
static double train(net *n, size_t rows, const real *x, const real *target, nn_optimizer_kind kind, double lr,
                    int steps) {
    ad_tape *t = ad_tape_new();
    nn_leaves leaves = nn_params_leaves(t, &n->p, n->p.theta, &n->arena);
    ad_var y = nn_mlp_apply(&n->mlp, &leaves, ad_leaf(t, rows, n->mlp.in, x, "x"));
    ad_var miss = ad_sub(y, ad_leaf(t, rows, n->mlp.out, target, "target"));
    ad_var loss = ad_mean(ad_square(miss));
    real *gradient = fm_arena_array(&n->arena, real, n->p.n), last = 0;
    ad_output out[2 * NN_LAYERS_MAX + 1];
    nn_gradient_outputs(&n->p, &leaves, loss, gradient, out);
    out[leaves.count] = (ad_output){loss, &last};
    ad_plan *plan = ad_plan_make(leaves.leaf, leaves.count, out, leaves.count + 1);
    nn_optimizer opt = nn_optimizer_make(kind, lr, n->p.n, &n->arena, NULL, "opt");
    for (int i = 0; i < steps; i++) {
        ad_replay(plan);
        nn_clip_global(gradient, n->p.n, 10);
        opt.lr = lr * (steps - i) / steps;
        nn_optimizer_step(&opt, n->p.theta, gradient);
    }
    ad_tape_free(t);
    return (double)last;
}

/* Seeds 0 to 4; a linear function misses XOR by a mean square of 0.25 and this sine by more than 0.1. */
TEST(layers_mlp_learns) {
    static const real xor_x[] = {0, 0, 0, 1, 1, 0, 1, 1}, xor_y[] = {0, 1, 1, 0};
    real sine_x[64], sine_y[64];
    for (int i = 0; i < 64; i++) {
        sine_x[i] = (real)(i / 32.0 - 1);
        sine_y[i] = (real)sin(4 * (double)sine_x[i]);
    }
    for (uint64_t seed = 0; seed < 5; seed++) {
        net n = net_make(2, (fm_ints){1, {16}}, 1, AD_TANH, NN_INIT_GLOROT, seed);
        EXPECT(train(&n, 4, xor_x, xor_y, NN_ADAM, 0.02, 500) < 1e-3);
        net_free(&n);
        n = net_make(1, (fm_ints){2, {32, 32}}, 1, AD_TANH, NN_INIT_ORTHOGONAL, seed);
        EXPECT(train(&n, 64, sine_x, sine_y, NN_ADAM, 0.01, 800) < 2e-3);
        net_free(&n);
        n = net_make(1, (fm_ints){2, {32, 32}}, 1, AD_RELU, NN_INIT_HE, seed);
        EXPECT(train(&n, 64, sine_x, sine_y, NN_RMSPROP, 0.002, 1500) < 2e-2);
        net_free(&n);
    }
}

TEST_MAIN(CASE(layers_mlp_equals_plain_loops), CASE(layers_mlp_gradient_equals_differences),
          CASE(layers_mlp_names_and_starts), CASE(layers_mlp_gains_are_chosen),
          CASE(layers_norm_equals_its_formula), CASE(layers_norm_derivatives), CASE(layers_mlp_learns))
