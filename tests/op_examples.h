/* op_examples.h: one example of every op of the table, for tests/test_ops.c.
 *
 * EXAMPLES lists, in the order of the table, example_<name> of every op; an op without one does not
 * compile. An example knows its arguments in a few shapes, how to build the op on them, and a plain
 * formula for each number of the result. */
#ifndef TESTS_OP_EXAMPLES_H
#define TESTS_OP_EXAMPLES_H

#include <math.h>

#include "autograd/tape.h"

enum { SHAPES = 4, MATRIX_MAX = 96, RESULT_MAX = 4 * MATRIX_MAX };

typedef struct example {
    size_t rows[AD_MAX_IN], cols[AD_MAX_IN]; /* of the arguments */
    double low[AD_MAX_IN], high[AD_MAX_IN];  /* where their numbers are drawn from */
    bool kinked;                             /* numbers stay away from +-kink by 0.1 */
    double kink;
    bool apart;                              /* the second argument stays away from the first by 0.1 */
    size_t index_count;                      /* not 0: argument index_at is an index of so many things */
    int index_at;
    int output_at;                           /* not 0: that argument is an output of `act` */
    ad_var (*build)(ad_tape *t, const ad_var *in, const struct example *e);
    double (*value)(const real *const *x, const struct example *e, size_t r, size_t c);
    size_t from, count;                      /* what the op knows besides its arguments */
    double k, k2;
    bool trans_a, trans_b;
    ad_act act;
} example;

/* Rows and columns that are one, that fill no vector, and that fill more than one. */
static const size_t ROWS[SHAPES] = {1, 3, 5, 2}, COLS[SHAPES] = {1, 4, 1, 9};

static example arguments(int shape, int arity) {
    example e = {0};
    for (int i = 0; i < arity; i++) {
        e.rows[i] = ROWS[shape];
        e.cols[i] = COLS[shape];
        e.low[i] = -1.5;
        e.high[i] = 1.5;
    }
    return e;
}

static double at(const real *const *x, const example *e, int i, size_t r, size_t c) {
    return (double)x[i][r * e->cols[i] + c];
}

#define A at(x, e, 0, r, c)
#define B at(x, e, 1, r, c)
#define C at(x, e, 2, r, c)
#define D at(x, e, 3, r, c)
#define BUILD(name, expression)                                                                              \
    static ad_var build_##name(ad_tape *t, const ad_var *in, const example *e) {                             \
        (void)t, (void)in, (void)e;                                                                          \
        return expression;                                                                                   \
    }
#define VALUE(name, expression)                                                                              \
    static double value_##name(const real *const *x, const example *e, size_t r, size_t c) {                 \
        (void)x, (void)e, (void)r, (void)c;                                                                  \
        return expression;                                                                                   \
    }
/* An op of `arity` arguments of one shape; `more` sets what is special. */
#define EXAMPLE(name, arity, build_expression, value_expression, more)                                       \
    BUILD(name, build_expression)                                                                            \
    VALUE(name, value_expression)                                                                            \
    static example example_##name(int shape) {                                                               \
        example e = arguments(shape, arity);                                                                 \
        e.build = build_##name;                                                                              \
        e.value = value_##name;                                                                              \
        more;                                                                                                \
        return e;                                                                                            \
    }

static double act_of(ad_act act, double x) {
    return act == AD_TANH ? tanh(x) : act == AD_RELU ? fmax(x, 0) : x;
}

static double slope_of(ad_act act, double y) {
    return act == AD_TANH ? 1 - y * y : act == AD_RELU ? y > 0 : 1;
}

static double row_log_sum(const real *const *x, const example *e, size_t r) {
    double sum = 0;
    for (size_t c = 0; c < e->cols[0]; c++) sum += exp(A);
    return log(sum);
}

static double row_most(const real *const *x, const example *e, size_t r) {
    double most = -INFINITY;
    for (size_t c = 0; c < e->cols[0]; c++) most = fmax(most, A);
    return most;
}

static double row_most_at(const real *const *x, const example *e, size_t r) {
    size_t c = 0;
    while (A < row_most(x, e, r)) c++;
    return (double)c;
}

static double put_sum(const real *const *x, const example *e, size_t r, size_t c) {
    double sum = 0;
    for (size_t i = 0; i < e->rows[0]; i++)
        if ((size_t)x[1][i] == r) sum += at(x, e, 0, i, c);
    return sum;
}

static double total(const real *const *x, const example *e, bool over_rows, bool over_cols, size_t r,
                    size_t c) {
    double sum = 0;
    for (size_t i = over_rows ? 0 : r; i < (over_rows ? e->rows[0] : r + 1); i++)
        for (size_t j = over_cols ? 0 : c; j < (over_cols ? e->cols[0] : c + 1); j++)
            sum += at(x, e, 0, i, j);
    return sum;
}

static double product(const real *const *x, const example *e, size_t r, size_t c) {
    double sum = 0;
    for (size_t i = 0; i < (e->trans_a ? e->rows[0] : e->cols[0]); i++)
        sum += (e->trans_a ? at(x, e, 0, i, r) : at(x, e, 0, r, i)) *
               (e->trans_b ? at(x, e, 1, c, i) : at(x, e, 1, i, c));
    return sum;
}

/* Of the block that row r of the result is in. */
static double block_product(const real *const *x, const example *e, size_t r, size_t c) {
    example one = *e;
    one.rows[0] /= e->count;
    one.rows[1] /= e->count;
    size_t rows = e->trans_a ? one.cols[0] : one.rows[0], block = r / rows;
    const real *part[2];
    for (int i = 0; i < 2; i++) part[i] = x[i] + block * one.rows[i] * one.cols[i];
    return product(part, &one, r % rows, c);
}

static void set_range(example *e, int i, double low, double high) {
    e->low[i] = low;
    e->high[i] = high;
}

static void set_kink(example *e, double k) {
    e->kinked = true;
    e->kink = k;
}

/* Shapes of a matrix product with each pair of flags. */
static void set_product(example *e, int shape) {
    size_t m = ROWS[shape], n = COLS[shape], k = (size_t)shape + 2;
    e->trans_a = shape & 1;
    e->trans_b = shape & 2;
    e->rows[0] = e->trans_a ? k : m;
    e->cols[0] = e->trans_a ? m : k;
    e->rows[1] = e->trans_b ? n : k;
    e->cols[1] = e->trans_b ? k : n;
}

static void set_affine(example *e, int shape) {
    e->act = (ad_act)(shape % 3);
    e->cols[0] = e->rows[1] = (size_t)shape + 1;
    e->rows[2] = 1;
}

static void set_act(example *e, ad_act act, int output_at) {
    e->act = act;
    e->output_at = output_at;
}

/* The argument `at` is a column of whole numbers below `count`. */
static void set_index(example *e, int at_argument, size_t count) {
    e->index_count = count;
    e->index_at = at_argument;
    e->cols[at_argument] = 1;
}

static void set_mask(example *e) {
    e->index_count = 2;
    e->index_at = 0;
}

/* Two blocks, in each of the four ways to transpose. */
static void set_blocks(example *e, int shape) {
    set_product(e, shape);
    e->count = 2;
    e->rows[0] *= 2;
    e->rows[1] *= 2;
}

/* The rows of a table that an index names: more rows taken than there are, or fewer. */
static void set_table(example *e, int table, size_t rows) {
    set_index(e, 1, rows);
    e->rows[table] = rows;
}

EXAMPLE(leaf, 1, in[0], A, (void)e)
EXAMPLE(fill, 0, ad_fill(t, 3, 4, e->k), e->k, e.k = 0.75)
EXAMPLE(add, 2, ad_add(in[0], in[1]), A + B, (void)e)
EXAMPLE(sub, 2, ad_sub(in[0], in[1]), A - B, (void)e)
EXAMPLE(mul, 2, ad_mul(in[0], in[1]), A *B, (void)e)
EXAMPLE(div, 2, ad_div(in[0], in[1]), A / B, set_range(&e, 1, 0.7, 2))
EXAMPLE(min, 2, ad_min(in[0], in[1]), fmin(A, B), e.apart = true)
EXAMPLE(max, 2, ad_max(in[0], in[1]), fmax(A, B), e.apart = true)
EXAMPLE(mul_add, 4, ad_mul_add(in[0], in[1], in[2], in[3]), A *B + C * D, (void)e)
EXAMPLE(neg, 1, ad_neg(in[0]), -A, (void)e)
EXAMPLE(scale, 1, ad_scale(in[0], e->k), e->k *A, e.k = -1.25)
EXAMPLE(shift, 1, ad_shift(in[0], e->k), e->k + A, e.k = -1.25)
EXAMPLE(exp, 1, ad_exp(in[0]), exp(A), (void)e)
EXAMPLE(log, 1, ad_log(in[0]), log(A), set_range(&e, 0, 0.5, 3))
EXAMPLE(sqrt, 1, ad_sqrt(in[0]), sqrt(A), set_range(&e, 0, 0.5, 3))
EXAMPLE(square, 1, ad_square(in[0]), A *A, (void)e)
EXAMPLE(tanh, 1, ad_tanh(in[0]), tanh(A), (void)e)
EXAMPLE(sin, 1, ad_sin(in[0]), sin(A), set_range(&e, 0, -4, 4))
EXAMPLE(cos, 1, ad_cos(in[0]), cos(A), set_range(&e, 0, -4, 4))
EXAMPLE(sigmoid, 1, ad_sigmoid(in[0]), 1 / (1 + exp(-A)), (void)e)
EXAMPLE(relu, 1, ad_relu(in[0]), fmax(A, 0), set_kink(&e, 0))
EXAMPLE(softplus, 1, ad_softplus(in[0]), log(1 + exp(A)), (void)e)
EXAMPLE(abs, 1, ad_abs(in[0]), fabs(A), set_kink(&e, 0))
EXAMPLE(clip, 1, ad_clip(in[0], e->k2, e->k), fmin(fmax(A, e->k2), e->k), set_kink(&e, 0.6);
        e.k = 0.6; e.k2 = -0.6)
EXAMPLE(where, 3, ad_where(in[0], in[1], in[2]), A > 0 ? B : C, set_mask(&e))
EXAMPLE(stop_gradient, 1, ad_stop_gradient(in[0]), A, (void)e)
EXAMPLE(greater, 2, ad_greater(in[0], in[1]), A > B, e.apart = true)
EXAMPLE(sign, 1, ad_sign(in[0]), A > 0 ? 1 : A < 0 ? -1 : 0, set_kink(&e, 0))
EXAMPLE(inside, 1, ad_inside(in[0], e->k2, e->k), A >= e->k2 && A <= e->k, set_kink(&e, 0.6);
        e.k = 0.6; e.k2 = -0.6)
EXAMPLE(row_argmax, 1, ad_row_argmax(in[0]), row_most_at(x, e, r), (void)e)
EXAMPLE(matmul, 2, ad_matmul_t(in[0], e->trans_a, in[1], e->trans_b), product(x, e, r, c),
        set_product(&e, shape))
EXAMPLE(matmul_blocks, 2, ad_matmul_blocks_t(in[0], e->trans_a, in[1], e->trans_b, e->count),
        block_product(x, e, r, c), set_blocks(&e, shape))
EXAMPLE(sum, 1, ad_sum(in[0]), total(x, e, true, true, r, c), (void)e)
EXAMPLE(sum_rows, 1, ad_sum_rows(in[0]), total(x, e, true, false, r, c), (void)e)
EXAMPLE(sum_cols, 1, ad_sum_cols(in[0]), total(x, e, false, true, r, c), (void)e)
EXAMPLE(broadcast_all, 1, ad_broadcast(in[0], 3, 4), at(x, e, 0, 0, 0), e.rows[0] = e.cols[0] = 1)
EXAMPLE(broadcast_rows, 1, ad_broadcast(in[0], 3, e->cols[0]), at(x, e, 0, 0, c), e.rows[0] = 1;
        e.cols[0] += 1)
EXAMPLE(broadcast_cols, 1, ad_broadcast(in[0], e->rows[0], 4), at(x, e, 0, r, 0), e.cols[0] = 1;
        e.rows[0] += 1)
EXAMPLE(copy, 1, ad_copy(in[0]), A, (void)e)
EXAMPLE(reshape, 1, ad_reshape(in[0], e->cols[0], e->rows[0]), (double)x[0][r * e->rows[0] + c], (void)e)
EXAMPLE(transpose, 1, ad_transpose(in[0]), at(x, e, 0, c, r), (void)e)
EXAMPLE(slice_cols, 1, ad_slice_cols(in[0], e->from, e->count), at(x, e, 0, r, c + e->from),
        e.cols[0] += 2; e.from = 1; e.count = e.cols[0] - 2)
EXAMPLE(pad_cols, 1, ad_pad_cols(in[0], 2, e->cols[0] + 3),
        c < 2 || c >= 2 + e->cols[0] ? 0 : at(x, e, 0, r, c - 2), (void)e)
EXAMPLE(concat_cols, 2, ad_concat_cols(in[0], in[1]), c < e->cols[0] ? A : at(x, e, 1, r, c - e->cols[0]),
        e.cols[1] += 2)
EXAMPLE(slice_rows, 1, ad_slice_rows(in[0], e->from, e->count), at(x, e, 0, r + e->from, c),
        e.rows[0] += 2; e.from = 1; e.count = e.rows[0] - 2)
EXAMPLE(pad_rows, 1, ad_pad_rows(in[0], 2, e->rows[0] + 3),
        r < 2 || r >= 2 + e->rows[0] ? 0 : at(x, e, 0, r - 2, c), (void)e)
EXAMPLE(concat_rows, 2, ad_concat_rows(in[0], in[1]), r < e->rows[0] ? A : at(x, e, 1, r - e->rows[0], c),
        e.rows[1] += 2)
EXAMPLE(gather, 2, ad_gather(in[0], in[1]), at(x, e, 0, r, (size_t)x[1][r]), set_index(&e, 1, e.cols[0]))
EXAMPLE(scatter, 2, ad_scatter(in[0], in[1], e->index_count), c == (size_t)x[1][r] ? (double)x[0][r] : 0,
        e.cols[0] = 1; set_index(&e, 1, COLS[shape] + 1))
EXAMPLE(take_rows, 2, ad_take_rows(in[0], in[1]), at(x, e, 0, (size_t)x[1][r], c), set_table(&e, 0, 3))
EXAMPLE(put_rows, 2, ad_put_rows(in[0], in[1], e->index_count), put_sum(x, e, r, c), set_index(&e, 1, 3))
EXAMPLE(affine, 3, ad_affine(in[0], in[1], in[2], e->act),
        act_of(e->act, product(x, e, r, c) + at(x, e, 2, 0, c)), set_affine(&e, shape))
EXAMPLE(act_grad, 2, ad_act_grad(in[0], in[1], e->act), A *slope_of(e->act, B), 
        set_act(&e, shape % 2 ? AD_TANH : AD_RELU, 1))
EXAMPLE(act_curve, 4, ad_act_curve(in[0], in[1], in[2], in[3], e->act), A *(1 - C * C) - 2 * B * C * D,
        set_act(&e, AD_TANH, 2))
EXAMPLE(log_softmax, 1, ad_log_softmax(in[0]), A - row_log_sum(x, e, r), (void)e)
EXAMPLE(logsumexp, 1, ad_logsumexp(in[0]), row_log_sum(x, e, r), (void)e)
EXAMPLE(softmax, 1, ad_softmax(in[0]), exp(A - row_log_sum(x, e, r)), (void)e)

#undef A
#undef B
#undef C
#undef D

typedef struct op_example { const char *name; example (*make)(int shape); } op_example;
static const op_example EXAMPLES[AD_OP_COUNT] = {
#define ROW(name, arity, kind, rows, y, kernel, rule, jvp) {#name, example_##name},
    AD_OPS(ROW)
#undef ROW
};

#endif
