/* Where functions have kinks, ties, poles or infinities: values, slopes and curvatures as autograd/ad.h
 * states them; and that what a mask does not choose leaks nowhere. */
#include "autograd/ad.h"

#include "autograd/plan.h"
#include "tests/test.h"

static const double INF = INFINITY;

/* ---- functions of one number ---- */

static ad_var clip(ad_var x) { return ad_clip(x, -1, 2); }
static ad_var clip_square(ad_var x) { return ad_square(ad_clip(x, -1, 2)); }
static ad_var relu_square(ad_var x) { return ad_square(ad_relu(x)); }
static ad_var abs_square(ad_var x) { return ad_square(ad_abs(x)); }
static ad_var max_zero(ad_var x) { return ad_max(x, ad_zeros(x.tape, 1, 1)); }
static ad_var zero_max(ad_var x) { return ad_max(ad_zeros(x.tape, 1, 1), x); }
static ad_var min_zero(ad_var x) { return ad_min(x, ad_zeros(x.tape, 1, 1)); }
static ad_var zero_min(ad_var x) { return ad_min(ad_zeros(x.tape, 1, 1), x); }
static ad_var above_zero(ad_var x) { return ad_mul(ad_greater(x, ad_zeros(x.tape, 1, 1)), x); }
static ad_var inverse(ad_var x) { return ad_div(ad_fill(x.tape, ad_rows(x), 1, 1), x); }
static ad_var held(ad_var x) { return ad_mul(ad_stop_gradient(x), x); }
static ad_var relu_layer(ad_var x) {
    return ad_affine(x, ad_fill(x.tape, 1, 1, 1), ad_zeros(x.tape, 1, 1), AD_RELU);
}

/* f, f' and f''. */
static const struct point {
    const char *name;
    ad_var (*f)(ad_var);
    double x, value, slope, curve;
} POINTS[] = {
    {"relu 0", ad_relu, 0, 0, 0, 0},
    {"relu -0", ad_relu, -0.0, 0, 0, 0},
    {"relu^2 0", relu_square, 0, 0, 0, 0},
    {"relu layer 0", relu_layer, 0, 0, 0, 0},
    {"abs 0", ad_abs, 0, 0, 0, 0},
    {"abs^2 0", abs_square, 0, 0, 0, 0},
    {"abs -2", ad_abs, -2, 2, -1, 0},
    {"sign 0", ad_sign, 0, 0, 0, 0},
    {"clip low", clip, -1, -1, 1, 0},
    {"clip high", clip, 2, 2, 1, 0},
    {"clip below", clip, -1.5, -1, 0, 0},
    {"clip above", clip, 2.5, 2, 0, 0},
    {"clip^2 high", clip_square, 2, 4, 4, 2},
    {"clip^2 above", clip_square, 3, 4, 0, 0},
    {"max(x, 0) 0", max_zero, 0, 0, 1, 0},
    {"max(0, x) 0", zero_max, 0, 0, 0, 0},
    {"min(x, 0) 0", min_zero, 0, 0, 1, 0},
    {"min(0, x) 0", zero_min, 0, 0, 0, 0},
    {"x > 0 at 0", above_zero, 0, 0, 0, 0},
    {"stop(x) x", held, 3, 9, 3, 0},
    {"sqrt 0", ad_sqrt, 0, 0, INF, -INF},
    {"log 0", ad_log, 0, -INF, INF, -INF},
    {"1/x at infinity", inverse, INF, 0, 0, 0},
    {"exp -inf", ad_exp, -INF, 0, 0, 0},
    {"exp large", ad_exp, 1e4, INF, INF, INF},
    {"square large", ad_square, -1e15, 1e30, -2e15, 2},
    {"softplus 0", ad_softplus, 0, 0.69314718, 0.5, 0.25},
    {"softplus large", ad_softplus, 1e4, 1e4, 1, 0},
    {"softplus small", ad_softplus, -1e4, 0, 0, 0},
    {"softplus inf", ad_softplus, INF, INF, 1, 0},
    {"softplus -20", ad_softplus, -20, 2.0611536e-9, 2.0611536e-9, 2.0611536e-9},
    {"sigmoid large", ad_sigmoid, 1e4, 1, 0, 0},
    {"sigmoid small", ad_sigmoid, -1e4, 0, 0, 0},
    {"tanh large", ad_tanh, 1e4, 1, 0, 0},
    {"tanh small", ad_tanh, -1e4, -1, 0, 0},
    {"sin 0", ad_sin, 0, 0, 1, 0},
    {"cos 0", ad_cos, 0, 1, 0, -1},
    {"sin 1e6", ad_sin, 1e6, -0.34999350, 0.93675213, 0.34999350},
};

static void expect_number(const char *name, const char *what, double found, double wanted) {
    bool right = isinf(wanted) ? found == wanted : fabs(found - wanted) <= 2e-6 * fabs(wanted);
    EXPECT_MSG(right, "%s: %s %.9g, not %.9g", name, what, found, wanted);
}

/* Both as recorded and as replayed from another number to this one. */
TEST(special_points_of_functions) {
    for (size_t i = 0; i < sizeof POINTS / sizeof *POINTS; i++) {
        const struct point *p = &POINTS[i];
        for (int replayed = 0; replayed < 2; replayed++) {
            real at = replayed ? (real)0.625 : (real)p->x, got[3];
            ad_tape *t = ad_tape_new();
            ad_var x = ad_leaf(t, 1, 1, &at, "x"), y = p->f(x), one = ad_fill(t, 1, 1, 1), slope, tangent,
                   curve;
            ad_grad(y, &x, 1, &slope);
            ad_jvp(&y, 1, &x, &one, 1, &tangent);
            ad_jvp(&slope, 1, &x, &one, 1, &curve);
            ad_output out[4] = {{y, &got[0]}, {slope, &got[1]}, {curve, &got[2]}, {tangent, NULL}};
            ad_plan *plan = ad_plan_make(NULL, 0, out, 4);
            at = (real)p->x;
            ad_replay(plan);
            expect_number(p->name, "value", (double)got[0], p->value);
            expect_number(p->name, "slope", (double)got[1], p->slope);
            expect_number(p->name, "tangent", (double)ad_scalar(tangent), p->slope);
            expect_number(p->name, "curve", (double)got[2], p->curve);
            ad_tape_free(t);
        }
    }
}

/* ---- rows ---- */

static void expect_row(const char *what, ad_var v, size_t n, const double *wanted) {
    for (size_t i = 0; i < n; i++) expect_number(what, "entry", (double)ad_value(v)[i], wanted[i]);
}

TEST(special_points_of_row_max) {
    static real data[12] = {1, 3, 3, -INFINITY, -INFINITY, -INFINITY, 2, INFINITY, 0, 0, -0.0f, 0};
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 4, 3, data, "x"), y = ad_row_max(x), g;
    expect_row("row_max", y, 4, (double[]){3, -INF, INF, 0});
    expect_row("row_argmax", ad_row_argmax(x), 4, (double[]){1, 0, 1, 0});
    ad_var seed = ad_fill(t, 4, 1, 2);
    ad_vjp(&y, &seed, 1, &x, 1, &g);
    expect_row("slope of row_max", g, 12, (double[]){0, 2, 0, 2, 0, 0, 0, 2, 0, 2, 0, 0});
    data[5] = (real)NAN;
    ad_var again = ad_leaf(t, 4, 3, data, "x");
    EXPECT(isnan(ad_value(ad_row_max(again))[1]));
    EXPECT_NEAR(ad_value(ad_row_argmax(again))[1], 2, 0);
    ad_tape_free(t);
}

/* Rows that are narrow and wide for the vector kernels, with -infinity in them; the derivative of what counts
 * for nothing is 0, of first and second order. */
TEST(special_points_of_logsumexp) {
    for (size_t cols = 2; cols < 40; cols += 9) {
        real data[4 * 40];
        for (size_t i = 0; i < 4 * cols; i++) data[i] = (real)-INFINITY;
        data[0] = 0;
        data[cols + 1] = data[2 * cols - 1] = 300; /* the same entry when there are two columns */
        data[3 * cols + 1] = (real)INFINITY;
        ad_tape *t = ad_tape_new();
        ad_var x = ad_leaf(t, 4, cols, data, "x"), y = ad_logsumexp(x);
        expect_row("logsumexp", y, 4, (double[]){0, cols == 2 ? 300 : 300 + log(2), -INF, INF});
        ad_var finite = ad_slice_rows(x, 0, 2), sum = ad_sum(ad_square(ad_logsumexp(finite))), g, hv;
        ad_var ones = ad_fill(t, 4, cols, 1);
        ad_grad(sum, &x, 1, &g);
        ad_jvp(&g, 1, &x, &ones, 1, &hv);
        double half = cols == 2 ? 1 : 0.5;
        for (size_t i = 0; i < 2 * cols; i++) {
            double weight = i == 0 ? 1 : i == cols + 1 || i == 2 * cols - 1 ? half : 0;
            double value = i < cols ? 0 : 300 + log(1 / half);
            expect_number("slope of logsumexp^2", "entry", (double)ad_value(g)[i], 2 * value * weight);
            expect_number("curve of logsumexp^2", "entry", (double)ad_value(hv)[i], 2 * weight);
        }
        ad_tape_free(t);
    }
}

/* ---- what is not chosen ---- */

static ad_var root_of_log(ad_var x) { return ad_sqrt(ad_log(x)); }
static ad_var quotient(ad_var x) { return ad_mul(ad_div(ad_shift(x, 1), x), ad_shift(x, 0)); }
static ad_var self_product(ad_var x) { return ad_mul(ad_log(x), inverse(x)); }
static ad_var of_pieces(ad_var x) { /* through sums, pieces and signs, elementwise */
    ad_var l = ad_log(x), wide = ad_concat_cols(l, ad_neg(l), ad_sub(x, l));
    return ad_mul(ad_sum_cols(ad_slice_cols(wide, 1, 2)), ad_scale(ad_sqrt(x), -2));
}

/* x = 4 in row 0, where f is chosen, and a bad number in row 1, where x^2 is: the loss, its gradient, its
 * Hessian's diagonal and the third derivative are those of f(4) + bad^2. */
static void check_choice(ad_var (*f)(ad_var), double bad, bool swapped) {
    real data[2] = {4, (real)bad}, choose[2] = {swapped ? 0 : 1, swapped ? 1 : 0}, alone_data[1] = {4};
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 2, 1, data, "x"), m = ad_leaf(t, 2, 1, choose, "mask"), d[4],
           ones = ad_fill(t, 2, 1, 1);
    ad_var alone = ad_leaf(t, 1, 1, alone_data, "alone"), e[4], one = ad_fill(t, 1, 1, 1);
    ad_var a = f(x), b = ad_square(x);
    d[0] = swapped ? ad_where(m, b, a) : ad_where(m, a, b);
    e[0] = f(alone);
    d[0] = ad_sum(ad_square(d[0]));
    e[0] = ad_square(e[0]);
    ad_grad(d[0], &x, 1, &d[1]);
    ad_grad(e[0], &alone, 1, &e[1]);
    for (int k = 1; k < 3; k++) { /* reverse of the derivative, so that both modes are in it */
        ad_jvp(&d[k], 1, &x, &ones, 1, &d[k + 1]);
        ad_jvp(&e[k], 1, &alone, &one, 1, &e[k + 1]);
    }
    ad_var reversed;
    ad_grad(ad_sum(d[1]), &x, 1, &reversed);
    double power[4] = {bad * bad * bad * bad, 4 * bad * bad * bad, 12 * bad * bad, 24 * bad};
    expect_number("a choice", "value", (double)ad_scalar(d[0]), (double)ad_scalar(e[0]) + power[0]);
    for (int k = 1; k < 4; k++) {
        expect_number("a choice, chosen", "derivative", (double)ad_value(d[k])[0], (double)ad_scalar(e[k]));
        expect_number("a choice, not chosen", "derivative", (double)ad_value(d[k])[1], power[k]);
    }
    expect_number("a choice, reverse twice", "chosen", (double)ad_value(reversed)[0],
                  (double)ad_scalar(e[2]));
    expect_number("a choice, reverse twice", "not chosen", (double)ad_value(reversed)[1], power[2]);
    ad_tape_free(t);
}

TEST(where_lets_nothing_through_that_it_does_not_choose) {
    ad_var (*const functions[])(ad_var) = {ad_log,       ad_sqrt,   root_of_log, quotient,
                                           self_product, of_pieces, inverse};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        for (int swapped = 0; swapped < 2; swapped++) {
            check_choice(functions[i], 0, swapped);
            check_choice(functions[i], -2, swapped);
        }
}

/* A leaf that is NaN or infinite where it is not chosen. */
TEST(where_chooses_between_leaves) {
    real good[4] = {1, 2, 3, 4}, bad[4] = {(real)NAN, 20, (real)INFINITY, 40}, mask[4] = {1, 0, 1, 0};
    ad_tape *t = ad_tape_new();
    ad_var m = ad_leaf(t, 2, 2, mask, "m"), in[2] = {ad_leaf(t, 2, 2, good, "a"), ad_leaf(t, 2, 2, bad, "b")};
    ad_var y = ad_where(m, in[0], in[1]), g[2], hv[2], ones[2] = {ad_fill(t, 2, 2, 1), ad_fill(t, 2, 2, 1)};
    expect_row("where", y, 4, (double[]){1, 20, 3, 40});
    ad_grad(ad_sum(ad_square(y)), in, 2, g);
    expect_row("slope in a", g[0], 4, (double[]){2, 0, 6, 0});
    expect_row("slope in b", g[1], 4, (double[]){0, 40, 0, 80});
    ad_jvp(g, 2, in, ones, 2, hv);
    expect_row("curve in a", hv[0], 4, (double[]){2, 0, 2, 0});
    expect_row("curve in b", hv[1], 4, (double[]){0, 2, 0, 2});
    ad_var row = ad_leaf(t, 1, 2, mask, "row");
    expect_row("a row as mask, a scalar as b", ad_where(row, in[0], ad_fill(t, 1, 1, -7)), 4,
               (double[]){1, -7, 3, -7});
    expect_row("a column as mask, a scalar as a",
               ad_where(ad_leaf(t, 2, 1, mask, "column"), ad_zeros(t, 1, 1), in[0]), 4,
               (double[]){0, 0, 3, 4});
    ad_tape_free(t);
}

/* The adjoint of a chosen entry may be 0 itself, as at a residual of 0: its second derivative is not. */
TEST(where_keeps_second_derivatives_at_a_slope_of_zero) {
    real data[2] = {3, 5}, mask[2] = {1, 0};
    ad_tape *t = ad_tape_new();
    ad_var x = ad_leaf(t, 2, 1, data, "x"), m = ad_leaf(t, 2, 1, mask, "m"), ones = ad_fill(t, 2, 1, 1), g,
           hv;
    ad_var residual = ad_shift(ad_where(m, ad_square(x), ad_exp(x)), -9);
    ad_grad(ad_sum(ad_mul(m, ad_square(residual))), &x, 1, &g);
    ad_jvp(&g, 1, &x, &ones, 1, &hv);
    expect_row("slope", g, 2, (double[]){0, 0});
    expect_row("curve", hv, 2, (double[]){72, 0}); /* 2 (2 x)^2 */
    ad_tape_free(t);
}

/* The entries that a gather leaves out are as safe. */
TEST(gather_lets_nothing_through_that_it_does_not_take) {
    real data[4] = {0.25f, 0, 0, 0.5f}, column[2] = {0, 1};
    ad_tape *t = ad_tape_new();
    ad_var p = ad_leaf(t, 2, 2, data, "p"), index = ad_leaf(t, 2, 1, column, "index"), g, hv;
    ad_var ones = ad_fill(t, 2, 2, 1);
    ad_grad(ad_sum(ad_gather(ad_log(p), index)), &p, 1, &g);
    ad_jvp(&g, 1, &p, &ones, 1, &hv);
    expect_row("slope", g, 4, (double[]){4, 0, 0, 2});
    expect_row("curve", hv, 4, (double[]){-16, 0, 0, -4});
    ad_tape_free(t);
}

TEST_MAIN(CASE(special_points_of_functions), CASE(special_points_of_row_max),
          CASE(special_points_of_logsumexp), CASE(where_lets_nothing_through_that_it_does_not_choose),
          CASE(where_chooses_between_leaves), CASE(where_keeps_second_derivatives_at_a_slope_of_zero),
          CASE(gather_lets_nothing_through_that_it_does_not_take))
