/* test_hypernetwork.c: a written network against plain loops, its derivatives to second order, its start. */
#include "nn/hypernetwork.h"

#include "nn/objective.h"
#include "tests/test.h"
#include "tests/derivatives.h"

enum { B = 5, CONDITION = 3, IN = 4, OUT = 2 };

static const fm_ints TRUNK = {2, {5, 6}}, TARGET = {1, {3}}, WIDE = {1, {256}};

typedef struct made {
    fm_arena arena;
    nn_params p;
    nn_hypernetwork h;
    nn_leaves leaves;
    ad_tape *t;
} made;

static made make(const nn_hypernetwork_shape *shape, uint64_t seed) {
    made m = {.t = ad_tape_new()};
    fm_rng rng = fm_rng_split(seed, FM_RNG_INIT, 0, 0);
    m.h = nn_hypernetwork_declare(&m.p, "hyper", shape);
    nn_params_make(&m.p, &m.arena, NULL, NULL);
    nn_params_init(&m.p, &rng);
    m.leaves = nn_params_leaves(m.t, &m.p, m.p.theta, &m.arena);
    return m;
}

static void unmake(made *m) {
    ad_tape_free(m->t);
    nn_params_free(&m->p);
    fm_arena_free(&m->arena);
}

/* y = act(x w + b), row by row of w. */
static void layer(const double *x, size_t in, const double *w, const double *b, size_t out, ad_act act,
                  double *y) {
    for (size_t j = 0; j < out; j++) {
        double sum = b[j];
        for (size_t i = 0; i < in; i++) sum += x[i] * w[i * out + j];
        y[j] = act == AD_TANH ? tanh(sum) : sum;
    }
}

static void entry_of(const made *m, size_t index, double *to) {
    const nn_entry *e = &m->p.entries[index];
    for (size_t k = 0; k < e->rows * e->cols; k++) to[k] = (double)m->p.theta[e->at + k];
}

static const nn_hypernetwork_shape SMALL = {
    .condition = CONDITION,
    .hidden = &TRUNK,
    .act = AD_TANH,
    .target = {.in = IN, .hidden = &TARGET, .out = OUT, .act = AD_TANH}};

TEST(hypernetwork_equals_plain_loops) {
    made m = make(&SMALL, 1);
    real conditions[2 * CONDITION], x[B * IN];
    fm_rng rng = fm_rng_split(1, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, conditions, 2 * CONDITION);
    fm_rng_fill_normal(&rng, x, B * IN);
    for (size_t k = 0; k < m.p.n; k++) m.p.theta[k] += (real)(0.2 * fm_rng_normal(&rng)); /* biases too */
    ad_var all = nn_hypernetwork_generate(&m.h, &m.leaves, ad_leaf(m.t, 2, CONDITION, conditions, "c"));
    EXPECT_EQ(ad_rows(all), 2);
    EXPECT_EQ(ad_cols(all), IN * 3 + 3 + 3 * OUT + OUT);
    for (size_t c = 0; c < 2; c++) {
        double w[256], b[64], e[CONDITION], h[2][8], target[32], *at = target;
        for (int k = 0; k < CONDITION; k++) e[k] = (double)conditions[c * CONDITION + (size_t)k];
        entry_of(&m, m.h.trunk.weight[0], w), entry_of(&m, m.h.trunk.bias[0], b);
        layer(e, CONDITION, w, b, 5, AD_TANH, h[0]);
        entry_of(&m, m.h.trunk.weight[1], w), entry_of(&m, m.h.trunk.bias[1], b);
        layer(h[0], 5, w, b, 6, AD_TANH, h[1]);
        for (size_t l = 0; l < 2; l++) {
            size_t numbers = l == 0 ? IN * 3 + 3 : 3 * OUT + OUT;
            entry_of(&m, m.h.weight[l], w), entry_of(&m, m.h.bias[l], b);
            for (int k = 0; k < 6 && l == 0; k++) h[1][k] /= 6;
            layer(h[1], 6, w, b, numbers, AD_IDENTITY, at);
            at += numbers;
        }
        ad_var y = nn_hypernetwork_apply(&m.h, ad_slice_rows(all, c, 1), ad_leaf(m.t, B, IN, x, "x"));
        for (size_t r = 0; r < B; r++) {
            double row[IN], hidden[3], out[OUT];
            for (size_t k = 0; k < IN; k++) row[k] = (double)x[r * IN + k];
            layer(row, IN, target, target + IN * 3, 3, AD_TANH, hidden);
            layer(hidden, 3, target + IN * 3 + 3, target + IN * 3 + 3 + 3 * OUT, OUT, AD_IDENTITY, out);
            for (size_t k = 0; k < OUT; k++) EXPECT_NEAR(ad_value(y)[r * OUT + k], out[k], 1e-5);
        }
    }
    unmake(&m);
}

/* By the generator's parameters, the condition and the input. */
TEST(hypernetwork_derivatives_to_second_order) {
    made m = make(&SMALL, 2);
    real condition[CONDITION], x[B * IN];
    ad_var leaf[DERIVATIVES_LEAVES];
    real *data[DERIVATIVES_LEAVES];
    fm_rng rng = fm_rng_split(2, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, condition, CONDITION);
    fm_rng_fill_normal(&rng, x, B * IN);
    size_t n = m.leaves.count;
    for (size_t k = 0; k < n; k++) leaf[k] = m.leaves.leaf[k], data[k] = m.p.theta + m.p.entries[k].at;
    leaf[n] = ad_leaf(m.t, 1, CONDITION, condition, "condition"), data[n] = condition;
    leaf[n + 1] = ad_leaf(m.t, B, IN, x, "x"), data[n + 1] = x;
    ad_var weights = nn_hypernetwork_generate(&m.h, &m.leaves, leaf[n]);
    ad_var loss = ad_sum(ad_square(nn_hypernetwork_apply(&m.h, weights, leaf[n + 1])));
    expect_derivatives(loss, leaf, data, n + 2, 2);
    unmake(&m);
}

/* Weights of both layers with variance 1 / in; two conditions, two networks. */
TEST(hypernetwork_starts_at_the_scale_of_a_network) {
    const nn_hypernetwork_shape shape = {.condition = 16,
                                         .hidden = &WIDE,
                                         .act = AD_RELU,
                                         .target = {.in = 100, .hidden = &TRUNK, .out = 50, .act = AD_RELU}};
    made m = make(&shape, 3);
    real conditions[20 * 16];
    fm_rng rng = fm_rng_split(3, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, conditions, 20 * 16);
    ad_var all = nn_hypernetwork_generate(&m.h, &m.leaves, ad_leaf(m.t, 20, 16, conditions, "c"));
    const double in[3] = {100, 5, 6};
    const size_t first[3] = {0, 505, 505 + 36}, count[3] = {500, 30, 300};
    for (int l = 0; l < 3; l++) {
        double squares = 0;
        for (size_t r = 0; r < 20; r++)
            for (size_t k = 0; k < count[l]; k++)
                squares += pow((double)ad_value(all)[r * m.h.numbers + first[l] + k], 2);
        EXPECT_NEAR(squares / (20 * (double)count[l]) * in[l], 1, 0.35);
    }
    EXPECT(ad_value(all)[0] != ad_value(all)[m.h.numbers]);
    EXPECT_TEXT(m.p.entries[m.h.trunk.weight[0]].name, "hyper.trunk.0.weight");
    EXPECT_TEXT(m.p.entries[m.h.weight[2]].name, "hyper.2.weight");
    unmake(&m);
}

/* The last layer of the target alone. */
TEST(hypernetwork_starts_with_the_gain_of_the_output) {
    nn_hypernetwork_shape shape = SMALL;
    made one = make(&shape, 4);
    shape.target.out_gain = 0.01;
    made small = make(&shape, 4);
    size_t first = one.p.entries[one.h.weight[0]].at, last = one.p.entries[one.h.weight[1]].at;
    EXPECT_EQ(one.p.theta[first], small.p.theta[first]);
    for (size_t k = 0; k < 6 * (3 * OUT + OUT); k++)
        EXPECT_NEAR(small.p.theta[last + k], 0.01 * (double)one.p.theta[last + k], 1e-7);
    unmake(&one);
    unmake(&small);
}

/* A step of Adam by the sum of a target's numbers moves each of them by a few times lr, as a step of a
 * network would, the trunk's own change included; not by lr times the sum of the trunk, which is about 100
 * here. */
TEST(hypernetwork_learns_at_the_rate_of_a_network) {
    const nn_hypernetwork_shape shape = {
        .condition = 16, .hidden = &WIDE, .act = AD_RELU, .target = {.in = 20, .out = 5}};
    made m = make(&shape, 5);
    real condition[16];
    fm_rng rng = fm_rng_split(5, FM_RNG_TEST, 0, 0);
    fm_rng_fill_normal(&rng, condition, 16);
    ad_var all = nn_hypernetwork_generate(&m.h, &m.leaves, ad_leaf(m.t, 1, 16, condition, "c"));
    nn_group group = {"hyper", &m.p, &m.leaves};
    nn_objective sum = nn_objective_make(ad_sum(all), &group, 1, NULL, 0, &m.arena);
    nn_optimizer adam = nn_optimizer_make(NN_ADAM, 1e-4, m.p.n, &m.arena, NULL, NULL);
    double before = nn_objective_run(&sum);
    nn_optimizer_step(&adam, m.p.theta, sum.gradient[0]);
    double moved = (before - nn_objective_run(&sum)) / 105;
    EXPECT_MSG(moved > 1e-4 && moved < 8e-4, "%g after a step of 1e-4", moved);
    unmake(&m);
}

TEST_MAIN(CASE(hypernetwork_equals_plain_loops), CASE(hypernetwork_derivatives_to_second_order),
          CASE(hypernetwork_starts_at_the_scale_of_a_network),
          CASE(hypernetwork_starts_with_the_gain_of_the_output),
          CASE(hypernetwork_learns_at_the_rate_of_a_network))
