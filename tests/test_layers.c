/* test_layers.c: the MLP against plain loops, its gradient against differences, and whether it learns. */
#include "nn/layers.h"

#include "nn/optim.h"
#include "tests/test.h"

#define DOUBLE (sizeof(real) == 8)

typedef struct net { fm_arena arena; nn_params p; nn_mlp mlp; } net;

static net net_make(size_t in, fm_ints hidden, size_t out, ad_act act, nn_init init, uint64_t seed) {
    net n = {0};
    n.mlp = nn_mlp_declare(&n.p, "net", in, &hidden, out, act, init);
    nn_params_make(&n.p, &n.arena, NULL, NULL);
    fm_rng rng = fm_rng_split(seed, FM_RNG_INIT, 0, 0);
    nn_params_init(&n.p, &rng);
    return n;
}

static void net_free(net *n) {
    nn_params_free(&n->p);
    fm_arena_free(&n->arena);
}

/* One row through the network, in double, straight from the definition. */
static void naive(const net *n, const real *x, double *y) {
    double now[64], next[64];
    for (size_t i = 0; i < n->mlp.in; i++) now[i] = (double)x[i];
    for (size_t l = 0; l < n->mlp.layers; l++) {
        const nn_entry *w = &n->p.entries[n->mlp.weight[l]], *b = &n->p.entries[n->mlp.bias[l]];
        for (size_t j = 0; j < w->cols; j++) {
            next[j] = (double)n->p.theta[b->at + j];
            for (size_t i = 0; i < w->rows; i++)
                next[j] += now[i] * (double)n->p.theta[w->at + i * w->cols + j];
            if (l + 1 < n->mlp.layers && n->mlp.act == AD_RELU) next[j] = fmax(next[j], 0);
            if (l + 1 < n->mlp.layers && n->mlp.act == AD_TANH) next[j] = tanh(next[j]);
        }
        memcpy(now, next, sizeof now);
    }
    for (size_t j = 0; j < n->mlp.out; j++) y[j] = now[j];
}

static const struct { size_t in; fm_ints hidden; size_t out; ad_act act; nn_init init; } NETS[] = {
    {4, {2, {16, 7}}, 3, AD_TANH, NN_INIT_FAN_IN},
    {3, {3, {8, 33, 5}}, 1, AD_RELU, NN_INIT_HE},
    {5, {0, {0}}, 2, AD_TANH, NN_INIT_GLOROT},
    {1, {1, {64}}, 4, AD_RELU, NN_INIT_ORTHOGONAL},
};
#define NET_COUNT (sizeof NETS / sizeof *NETS)
#define NET(i, seed) net_make(NETS[i].in, NETS[i].hidden, NETS[i].out, NETS[i].act, NETS[i].init, seed)

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
    net_free(&n);
    n = NET(0, 0);
    const nn_entry *bias = &n.p.entries[n.mlp.bias[1]];
    EXPECT(nn_norm(n.p.theta + bias->at, 7) > 0);
    for (size_t i = 0; i < 7; i++) EXPECT(fabs((double)n.p.theta[bias->at + i]) <= 0.25);
    net_free(&n);
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
          CASE(layers_mlp_names_and_starts), CASE(layers_mlp_learns))
