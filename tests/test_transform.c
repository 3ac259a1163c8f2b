/* The transforms: how many nodes they leave behind, and what they do at the edges of a graph. */
#include "autograd/ad.h"

#include "autograd/plan.h"
#include "autograd/tape.h"
#include "tests/test.h"

/* ---- a net with two hidden layers: how many nodes ---- */

enum { ROWS = 50, INPUTS = 7, HIDDEN = 20, PARAMETERS = (INPUTS + 1 + HIDDEN + 1 + 1) * HIDDEN + 1 };

typedef struct net {
    ad_tape *t;
    ad_var x, w[6], loss, g[6];
    real data[ROWS * INPUTS], target[ROWS], theta[PARAMETERS], direction[PARAMETERS], result[PARAMETERS];
} net;

static void layout(ad_tape *t, const real *vector, const char *name, ad_var *w) {
    const size_t rows[6] = {INPUTS, 1, HIDDEN, 1, HIDDEN, 1};
    const size_t cols[6] = {HIDDEN, HIDDEN, HIDDEN, HIDDEN, 1, 1};
    for (int i = 0; i < 6; i++) {
        w[i] = ad_leaf(t, rows[i], cols[i], vector, name);
        vector += rows[i] * cols[i];
    }
}

static void fill(real *x, size_t n, int seed) {
    for (size_t i = 0; i < n; i++) x[i] = (real)((double)((i + 1) * 7919 % 101 + (size_t)seed) / 101 - 0.5);
}

static void net_make(net *m, ad_act act) {
    fill(m->data, ROWS * INPUTS, 1);
    fill(m->target, ROWS, 2);
    fill(m->theta, PARAMETERS, 3);
    fill(m->direction, PARAMETERS, 4);
    ad_tape *t = m->t = ad_tape_new();
    m->x = ad_leaf(t, ROWS, INPUTS, m->data, "x");
    layout(t, m->theta, "w", m->w);
    ad_var h = m->x, y = ad_leaf(t, ROWS, 1, m->target, "y");
    for (int l = 0; l < 3; l++) h = ad_affine(h, m->w[2 * l], m->w[2 * l + 1], l < 2 ? act : AD_IDENTITY);
    m->loss = ad_mean(ad_square(ad_sub(h, y)));
}

static size_t count_of(ad_tape *t, uint32_t from, const char *op) {
    size_t n = 0;
    for (uint32_t id = from; id < ad_count(t); id++) n += strcmp(ad_op_name((ad_var){t, id}), op) == 0;
    return n;
}

/* Nodes from `from` that are as large as the input: a gradient or a tangent of the data would be. */
static size_t count_like_input(ad_tape *t, uint32_t from) {
    size_t n = 0;
    for (uint32_t id = from; id < ad_count(t); id++)
        n += ad_rows((ad_var){t, id}) == ROWS && ad_cols((ad_var){t, id}) == INPUTS;
    return n;
}

TEST(transform_nodes_of_a_net) {
    for (ad_act act = AD_RELU; act <= AD_TANH; act++) {
        net m;
        net_make(&m, act);
        /* x, 6 parameters and y; 3 layers; sub, square, sum, scale (of the mean) */
        EXPECT_EQ(ad_count(m.t), 8 + 3 + 4);

        /* Fills: 1, 1/50, and that as a column. Scale: 2 (h - y), then 2/50 (h - y). Per layer the
         * gradients of w and b; of its input in layers 2 and 3 only, where also the activation before is
         * passed. */
        uint32_t from = ad_count(m.t);
        ad_grad(m.loss, m.w, 6, m.g);
        EXPECT_EQ(ad_count(m.t) - from, 3 + 2 + 3 * 2 + 2 * 2);
        EXPECT_EQ(count_of(m.t, from, "matmul"), 3 + 2);
        EXPECT_EQ(count_of(m.t, from, "act_grad"), 2);
        EXPECT_EQ(count_like_input(m.t, from), 0);

        /* Forward: layer 1 is x dw + db; layers 2 and 3 add dh w to h dw + db (3 nodes each); 2
         * activations; of the error one scale, and the fill 2/50 that it came from. Backward: w of layer 1
         * has x^T dd alone, layers 2 and 3 two products and their sum; so have the gradients of their
         * inputs; 3 biases, 2 activations. */
        ad_var d[6], hv[6];
        layout(m.t, m.direction, "direction", d);
        from = ad_count(m.t);
        ad_jvp(m.g, 6, m.w, d, 6, hv);
        EXPECT_EQ(ad_count(m.t) - from, (1 + 3 + 3 + 2 + 2) + (1 + 3 + 3) + (3 + 3) + 3 + 2);
        EXPECT_EQ(count_like_input(m.t, from), 0);
        /* relu: its mask does not move; tanh: the change of its slope is part of the one node */
        EXPECT_EQ(count_of(m.t, from, "act_curve"), act == AD_TANH ? 2 : 0);
        EXPECT_EQ(count_of(m.t, from, "mul"), 0);
        ad_tape_free(m.t);
    }
}

TEST(transform_steps_of_plans_of_a_net) {
    for (ad_act act = AD_RELU; act <= AD_TANH; act++) {
        net m;
        net_make(&m, act);
        ad_grad(m.loss, m.w, 6, m.g);
        ad_output out[6];
        for (int i = 0; i < 6; i++) out[i] = (ad_output){m.g[i], NULL};
        /* 3 layers, sub, scale; per layer w and b; the inputs of layers 2 and 3, which multiply by the
         * derivative of the activation as they write. The loss itself is not needed. */
        EXPECT_EQ(ad_plan_count(ad_plan_make(NULL, 0, out, 6)), 3 + 2 + 3 * 2 + 2);

        /* Once per point: the layers, sub, scale. relu: the gradient after the second hidden layer, in one
         * step. tanh: that gradient before and after the activation, and the one before the first
         * activation. */
        size_t once, each;
        ad_product *h = ad_hessian(m.loss, m.w, 6, m.direction, m.result);
        each = ad_product_count(h, &once);
        EXPECT_EQ(once, 3 + 2 + (act == AD_TANH ? 3u : 1u));
        /* The product rule gives sums of two products, and each pair is one step, which applies the mask too:
         * forward 3, scale, inputs backward 2, weights 3, biases 3. tanh: its two curves are steps of their
         * own. */
        EXPECT_EQ(each, 3 + 1 + 2 + 3 + 3 + (act == AD_TANH ? 2u : 0u));
        ad_tape_free(m.t);
    }
}

/* Parameters that stand still cost nothing: of the last layer's direction nothing goes back to the first
 * layers but through the error. */
TEST(transform_jvp_follows_what_moves) {
    net m;
    net_make(&m, AD_TANH);
    ad_grad(m.loss, m.w, 6, m.g);
    ad_var d[6], hv[6];
    layout(m.t, m.direction, "direction", d);
    for (int i = 0; i < 5; i++) d[i] = ad_zeros(m.t, ad_rows(m.w[i]), ad_cols(m.w[i]));
    uint32_t from = ad_count(m.t);
    ad_jvp(&m.g[5], 1, m.w, d, 6, &hv[5]);
    EXPECT_EQ(count_of(m.t, from, "matmul"), 0);
    EXPECT_EQ(count_of(m.t, from, "affine"), 0);
    EXPECT_NEAR(ad_scalar(hv[5]), 2 * (double)ad_scalar(d[5]), 1e-6); /* d2 mean((h + b)^2) = 2 */
    from = ad_count(m.t);
    for (int i = 0; i < 6; i++) d[i] = ad_zeros(m.t, ad_rows(m.w[i]), ad_cols(m.w[i]));
    ad_jvp(m.g, 6, m.w, d, 6, hv);
    for (int i = 0; i < 6; i++) EXPECT(ad_is_zero(hv[i]));
    for (uint32_t id = from; id < ad_count(m.t); id++) EXPECT_TEXT(ad_op_name((ad_var){m.t, id}), "fill");
    ad_tape_free(m.t);
}

/* ---- edges ---- */

static real XS[6] = {1, 2, 3, 4, 5, 6};

TEST(transform_constants_record_nothing) {
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 2, 3, XS, "x"), c = ad_leaf(t, 2, 3, XS, "c"), g[2];
    ad_var branch = ad_exp(ad_mul(c, c)), loss = ad_sum(ad_mul(x, ad_stop_gradient(branch)));
    ad_var more = ad_add(loss, ad_sum(branch));
    uint32_t from = ad_count(t);
    ad_grad(more, &x, 1, g);
    EXPECT_EQ(ad_count(t) - from, 2); /* the ones, [1, 1] and [2, 3]; the gradient is a node that was there */
    EXPECT_TEXT(ad_op_name(g[0]), "stop_gradient");
    ad_tape_free(t);
}

TEST(transform_gradient_of_what_does_not_depend_is_zero) {
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 2, 3, XS, "x"), y = ad_leaf(t, 1, 2, XS, "y"), g[3];
    const ad_var in[3] = {x, y, x};
    ad_grad(ad_sum(ad_square(x)), in, 3, g);
    EXPECT(ad_is_zero(g[1]));
    EXPECT_EQ(ad_rows(g[1]), 1);
    EXPECT_EQ(ad_cols(g[1]), 2);
    EXPECT_EQ(g[0].id, g[2].id);
    EXPECT_NEAR(ad_value(g[0])[5], 12, 1e-5);
    ad_var loss = ad_fill(t, 1, 1, 3);
    ad_grad(loss, in, 1, g);
    EXPECT(ad_is_zero(g[0]));
    ad_tape_free(t);
}

/* A scalar as its own variable. */
TEST(transform_gradient_of_x_in_x_is_one) {
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 1, 1, XS, "x"), g, d = ad_fill(t, 1, 1, 5), dy;
    ad_grad(x, &x, 1, &g);
    EXPECT_NEAR(ad_scalar(g), 1, 0);
    ad_jvp(&x, 1, &x, &d, 1, &dy);
    EXPECT_EQ(dy.id, d.id);
    ad_tape_free(t);
}

/* Of y = exp(x) + x with h = exp(x) held as a variable of its own: dy/dx is that of the second term alone. */
TEST(transform_intermediate_nodes_are_variables) {
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 1, 1, XS, "x"), h = ad_exp(x), g[2];
    ad_var y = ad_add(ad_square(h), ad_scale(x, 3));
    const ad_var both[2] = {x, h};
    double e = exp(1.0);
    ad_grad(y, both, 2, g);
    EXPECT_NEAR(ad_scalar(g[0]), 3, 1e-6);
    EXPECT_NEAR(ad_scalar(g[1]), 2 * e, 1e-5);
    ad_grad(y, &h, 1, g);
    EXPECT_NEAR(ad_scalar(g[0]), 2 * e, 1e-5);
    ad_grad(y, &x, 1, g);
    EXPECT_NEAR(ad_scalar(g[0]), 2 * e * e + 3, 1e-4);

    ad_var d[2] = {ad_fill(t, 1, 1, 1), ad_fill(t, 1, 1, 10)}, dy;
    ad_jvp(&y, 1, both, d, 2, &dy);
    EXPECT_NEAR(ad_scalar(dy), 3 + 20 * e, 1e-4);
    ad_jvp(&y, 1, &h, &d[1], 1, &dy);
    EXPECT_NEAR(ad_scalar(dy), 20 * e, 1e-4);
    ad_tape_free(t);
}

TEST(transform_vjp_of_several_outputs) {
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 2, 3, XS, "x"), seed_row = ad_leaf(t, 1, 3, XS + 3, "row");
    const ad_var y[4] = {ad_sum_rows(ad_square(x)), ad_exp(x), x, ad_leaf(t, 1, 1, XS, "other")};
    const ad_var seed[4] = {seed_row, ad_fill(t, 2, 3, 0.5), ad_fill(t, 2, 3, 7), ad_fill(t, 1, 1, 1)};
    ad_var g;
    ad_vjp(y, seed, 4, &x, 1, &g);
    for (int i = 0; i < 6; i++) {
        double v = (double)XS[i], wanted = 2 * v * (double)XS[3 + i % 3] + 0.5 * exp(v) + 7;
        EXPECT_NEAR(ad_value(g)[i], wanted, 1e-5 * wanted);
    }
    ad_var twice[2] = {y[1], y[1]}; /* the same output again adds to it */
    ad_vjp(twice, seed + 1, 2, &x, 1, &g);
    EXPECT_NEAR(ad_value(g)[0], 7.5 * exp(1.0), 1e-4);
    ad_tape_free(t);
}

/* Some outputs depend, some do not, some are the variables; nodes that no output needs get no tangent. */
TEST(transform_jvp_of_several_outputs) {
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 2, 3, XS, "x"), c = ad_leaf(t, 2, 3, XS, "c"), d = ad_fill(t, 2, 3, 0.25), dy[4];
    ad_var needless = ad_tanh(x);
    const ad_var y[4] = {ad_square(x), ad_square(c), x, ad_mul(c, x)};
    uint32_t from = ad_count(t);
    ad_jvp(y, 4, &x, &d, 1, dy);
    EXPECT_NEAR(ad_value(dy[0])[5], 3, 1e-6);
    EXPECT(ad_is_zero(dy[1]));
    EXPECT_EQ(dy[2].id, d.id);
    EXPECT_NEAR(ad_value(dy[3])[5], 1.5, 1e-6);
    EXPECT_EQ(count_of(t, from, "tanh") + count_of(t, from, "shift"), 0);
    EXPECT(ad_value(needless) != NULL);
    ad_tape_free(t);
}

/* The index of a gather has no derivative, even when it was computed from the variable. */
TEST(transform_index_has_no_derivative) {
    ad_tape *t = ad_tape_new();
    static real table[4] = {5, 6, 7, 8}, column[2] = {1, 0};
    ad_var x = ad_leaf(t, 2, 2, table, "x"), i = ad_leaf(t, 2, 1, column, "i"), in[2] = {x, i}, g[2], dy;
    ad_var y = ad_sum(ad_square(ad_gather(x, ad_relu(i))));
    ad_grad(y, in, 2, g);
    EXPECT(ad_is_zero(g[1]));
    EXPECT_NEAR(ad_value(g[0])[1], 12, 1e-5);
    EXPECT_NEAR(ad_value(g[0])[0], 0, 0);
    ad_var one = ad_fill(t, 2, 1, 1);
    ad_jvp(&y, 1, &i, &one, 1, &dy);
    EXPECT(ad_is_zero(dy));
    ad_tape_free(t);
}

TEST(transform_depends) {
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 2, 3, XS, "x"), again = ad_leaf(t, 2, 3, XS, "x"), i = ad_leaf(t, 2, 1, XS, "i");
    ad_var both[2] = {again, x};
    EXPECT(ad_depends(ad_sum(ad_exp(x)), &x, 1));
    EXPECT(ad_depends(x, &x, 1));
    EXPECT(!ad_depends(ad_sum(ad_exp(x)), &again, 1)); /* the same numbers, but other leaves */
    EXPECT(ad_depends(ad_sum(ad_exp(x)), both, 2));
    EXPECT(!ad_depends(ad_sum(ad_exp(x)), both, 0));
    EXPECT(!ad_depends(ad_mul(ad_stop_gradient(x), again), &x, 1));
    EXPECT(!ad_depends(ad_mul(ad_greater(x, again), ad_sign(x)), &x, 1));
    EXPECT(!ad_depends(ad_scale(x, 0), &x, 1));
    EXPECT(!ad_depends(ad_gather(x, i), &i, 1) && ad_depends(ad_gather(x, i), &x, 1));
    EXPECT(!ad_depends(ad_where(x, again, again), &x, 1));
    EXPECT(!ad_depends(x, &(ad_var){t, ad_exp(x).id}, 1)); /* what comes later */
    ad_tape_free(t);
}

TEST_MAIN(CASE(transform_nodes_of_a_net), CASE(transform_steps_of_plans_of_a_net),
          CASE(transform_jvp_follows_what_moves), CASE(transform_constants_record_nothing),
          CASE(transform_gradient_of_what_does_not_depend_is_zero), CASE(transform_gradient_of_x_in_x_is_one),
          CASE(transform_intermediate_nodes_are_variables), CASE(transform_vjp_of_several_outputs),
          CASE(transform_jvp_of_several_outputs), CASE(transform_index_has_no_derivative),
          CASE(transform_depends))
