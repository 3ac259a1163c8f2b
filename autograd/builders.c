/* builders.c: one function per op: the shape of the result, and the errors of shapes that do not fit. */
#include <string.h>

#include "autograd/tape.h"

static const ad_attr NOTHING;

static ad_var same_shape(ad_tape *t, ad_op op, ad_var a, ad_attr attr) {
    return ad_emit(t, op, ad_rows(t, a), ad_cols(t, a), &a, attr);
}

/* b as a matrix of a's shape. */
static ad_var fit(ad_tape *t, const char *op, ad_var a, ad_var b) {
    size_t rows = ad_rows(t, a), cols = ad_cols(t, a), rows_b = ad_rows(t, b), cols_b = ad_cols(t, b);
    if (rows == rows_b && cols == cols_b) return b;
    FM_CHECK((rows_b == 1 || rows_b == rows) && (cols_b == 1 || cols_b == cols),
             "%s: [%zu, %zu] with [%zu, %zu]", op, rows, cols, rows_b, cols_b);
    return ad_broadcast(t, b, rows, cols);
}

static ad_var binary(ad_tape *t, ad_op op, ad_var a, ad_var b) {
    ad_var in[2] = {a, fit(t, AD_TABLE[op].name, a, b)};
    return ad_emit(t, op, ad_rows(t, a), ad_cols(t, a), in, NOTHING);
}

#define BINARY(name)                                                                                         \
    ad_var ad_##name(ad_tape *t, ad_var a, ad_var b) { return binary(t, AD_OP_##name, a, b); }
#define UNARY(name)                                                                                          \
    ad_var ad_##name(ad_tape *t, ad_var a) { return same_shape(t, AD_OP_##name, a, NOTHING); }

BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(min)
BINARY(max)
BINARY(greater)
UNARY(neg)
UNARY(exp)
UNARY(log)
UNARY(sqrt)
UNARY(square)
UNARY(tanh)
UNARY(sigmoid)
UNARY(relu)
UNARY(softplus)
UNARY(abs)
UNARY(stop)
UNARY(sign)
UNARY(copy)
UNARY(log_softmax)
UNARY(softmax)

ad_var ad_mul_add(ad_tape *t, ad_var a, ad_var b, ad_var c, ad_var d) {
    ad_var in[4] = {a, fit(t, "mul_add", a, b), fit(t, "mul_add", a, c), fit(t, "mul_add", a, d)};
    return ad_emit(t, AD_OP_mul_add, ad_rows(t, a), ad_cols(t, a), in, NOTHING);
}

ad_var ad_scale(ad_tape *t, ad_var a, double factor) {
    return same_shape(t, AD_OP_scale, a, (ad_attr){.low = factor});
}

ad_var ad_shift(ad_tape *t, ad_var a, double offset) {
    return same_shape(t, AD_OP_shift, a, (ad_attr){.low = offset});
}

ad_var ad_clip(ad_tape *t, ad_var a, double low, double high) {
    FM_CHECK(low <= high, "clip: from %g to %g", low, high);
    return same_shape(t, AD_OP_clip, a, (ad_attr){.low = low, .high = high});
}

ad_var ad_inside(ad_tape *t, ad_var a, double low, double high) {
    return same_shape(t, AD_OP_inside, a, (ad_attr){.low = low, .high = high});
}

/* ---- linear algebra ---- */

ad_var ad_matmul_t(ad_tape *t, ad_var a, bool trans_a, ad_var b, bool trans_b) {
    size_t m = trans_a ? ad_cols(t, a) : ad_rows(t, a), k = trans_a ? ad_rows(t, a) : ad_cols(t, a);
    size_t k_b = trans_b ? ad_cols(t, b) : ad_rows(t, b), n = trans_b ? ad_rows(t, b) : ad_cols(t, b);
    FM_CHECK(k == k_b, "matmul: [%zu, %zu]%s with [%zu, %zu]%s: inner sizes %zu and %zu", ad_rows(t, a),
             ad_cols(t, a), trans_a ? "^T" : "", ad_rows(t, b), ad_cols(t, b), trans_b ? "^T" : "", k, k_b);
    ad_var in[2] = {a, b};
    return ad_emit(t, AD_OP_matmul, m, n, in, (ad_attr){.trans_a = trans_a, .trans_b = trans_b});
}

ad_var ad_matmul(ad_tape *t, ad_var a, ad_var b) { return ad_matmul_t(t, a, false, b, false); }

ad_var ad_affine(ad_tape *t, ad_var x, ad_var w, ad_var b, ad_act act) {
    FM_CHECK(ad_cols(t, x) == ad_rows(t, w) && ad_cols(t, b) == ad_cols(t, w) && ad_rows(t, b) == 1,
             "affine: x [%zu, %zu], w [%zu, %zu], b [%zu, %zu]", ad_rows(t, x), ad_cols(t, x), ad_rows(t, w),
             ad_cols(t, w), ad_rows(t, b), ad_cols(t, b));
    ad_var in[3] = {x, w, b};
    return ad_emit(t, AD_OP_affine, ad_rows(t, x), ad_cols(t, w), in, (ad_attr){.act = (uint8_t)act});
}

ad_var ad_act_grad(ad_tape *t, ad_var g, ad_var y, ad_act act) {
    if (act == AD_IDENTITY || ad_is_zero(t, g)) return g;
    ad_var in[2] = {g, fit(t, "act_grad", g, y)};
    return ad_emit(t, AD_OP_act_grad, ad_rows(t, g), ad_cols(t, g), in, (ad_attr){.act = (uint8_t)act});
}

ad_var ad_act_curve(ad_tape *t, ad_var dg, ad_var g, ad_var y, ad_var dy, ad_act act) {
    if (act != AD_TANH || ad_is_zero(t, g) || ad_is_zero(t, dy)) return ad_act_grad(t, dg, y, act);
    ad_var in[4] = {dg, g, y, dy};
    return ad_emit(t, AD_OP_act_curve, ad_rows(t, g), ad_cols(t, g), in, (ad_attr){.act = (uint8_t)act});
}

/* ---- sums and broadcasts ---- */

ad_var ad_sum(ad_tape *t, ad_var a) { return ad_emit(t, AD_OP_sum, 1, 1, &a, NOTHING); }
ad_var ad_sum_rows(ad_tape *t, ad_var a) { return ad_emit(t, AD_OP_sum_rows, 1, ad_cols(t, a), &a, NOTHING); }
ad_var ad_sum_cols(ad_tape *t, ad_var a) { return ad_emit(t, AD_OP_sum_cols, ad_rows(t, a), 1, &a, NOTHING); }
ad_var ad_row_max(ad_tape *t, ad_var a) { return ad_emit(t, AD_OP_row_max, ad_rows(t, a), 1, &a, NOTHING); }

ad_var ad_mean(ad_tape *t, ad_var a) {
    return ad_scale(t, ad_sum(t, a), 1.0 / ((double)ad_rows(t, a) * (double)ad_cols(t, a)));
}
ad_var ad_mean_rows(ad_tape *t, ad_var a) {
    return ad_scale(t, ad_sum_rows(t, a), 1.0 / (double)ad_rows(t, a));
}
ad_var ad_mean_cols(ad_tape *t, ad_var a) {
    return ad_scale(t, ad_sum_cols(t, a), 1.0 / (double)ad_cols(t, a));
}

ad_var ad_broadcast(ad_tape *t, ad_var a, size_t rows, size_t cols) {
    size_t rows_a = ad_rows(t, a), cols_a = ad_cols(t, a);
    if (rows_a == rows && cols_a == cols) return a;
    if (rows_a == 1 && cols_a == 1) return ad_emit(t, AD_OP_broadcast_all, rows, cols, &a, NOTHING);
    if (rows_a == 1 && cols_a == cols) return ad_emit(t, AD_OP_broadcast_rows, rows, cols, &a, NOTHING);
    FM_CHECK(rows_a == rows && cols_a == 1, "broadcast: [%zu, %zu] to [%zu, %zu]", rows_a, cols_a, rows,
             cols);
    return ad_emit(t, AD_OP_broadcast_cols, rows, cols, &a, NOTHING);
}

/* ---- pieces ---- */

static void check_piece(const char *op, size_t from, size_t count, size_t whole) {
    FM_CHECK(count > 0 && from <= whole && count <= whole - from, "%s: %zu from %zu of %zu", op, count, from,
             whole);
}

ad_var ad_slice_cols(ad_tape *t, ad_var a, size_t from, size_t count) {
    check_piece("slice_cols", from, count, ad_cols(t, a));
    if (count == ad_cols(t, a)) return a;
    return ad_emit(t, AD_OP_slice_cols, ad_rows(t, a), count, &a, (ad_attr){.from = (uint32_t)from});
}

ad_var ad_slice_rows(ad_tape *t, ad_var a, size_t from, size_t count) {
    check_piece("slice_rows", from, count, ad_rows(t, a));
    if (count == ad_rows(t, a)) return a;
    return ad_emit(t, AD_OP_slice_rows, count, ad_cols(t, a), &a, (ad_attr){.from = (uint32_t)from});
}

ad_var ad_pad_cols(ad_tape *t, ad_var a, size_t from, size_t cols) {
    check_piece("pad_cols", from, ad_cols(t, a), cols);
    if (cols == ad_cols(t, a)) return a;
    return ad_emit(t, AD_OP_pad_cols, ad_rows(t, a), cols, &a, (ad_attr){.from = (uint32_t)from});
}

ad_var ad_pad_rows(ad_tape *t, ad_var a, size_t from, size_t rows) {
    check_piece("pad_rows", from, ad_rows(t, a), rows);
    if (rows == ad_rows(t, a)) return a;
    return ad_emit(t, AD_OP_pad_rows, rows, ad_cols(t, a), &a, (ad_attr){.from = (uint32_t)from});
}

ad_var ad_concat_cols(ad_tape *t, ad_var a, ad_var b) {
    FM_CHECK(ad_rows(t, a) == ad_rows(t, b), "concat_cols: [%zu, %zu] with [%zu, %zu]", ad_rows(t, a),
             ad_cols(t, a), ad_rows(t, b), ad_cols(t, b));
    ad_var in[2] = {a, b};
    return ad_emit(t, AD_OP_concat_cols, ad_rows(t, a), ad_cols(t, a) + ad_cols(t, b), in, NOTHING);
}

ad_var ad_concat_rows(ad_tape *t, ad_var a, ad_var b) {
    FM_CHECK(ad_cols(t, a) == ad_cols(t, b), "concat_rows: [%zu, %zu] with [%zu, %zu]", ad_rows(t, a),
             ad_cols(t, a), ad_rows(t, b), ad_cols(t, b));
    ad_var in[2] = {a, b};
    return ad_emit(t, AD_OP_concat_rows, ad_rows(t, a) + ad_rows(t, b), ad_cols(t, a), in, NOTHING);
}

ad_var ad_reshape(ad_tape *t, ad_var a, size_t rows, size_t cols) {
    FM_CHECK(rows * cols == ad_rows(t, a) * ad_cols(t, a), "reshape: [%zu, %zu] to [%zu, %zu]", ad_rows(t, a),
             ad_cols(t, a), rows, cols);
    if (rows == ad_rows(t, a)) return a;
    return ad_emit(t, AD_OP_reshape, rows, cols, &a, NOTHING);
}

ad_var ad_transpose(ad_tape *t, ad_var a) {
    return ad_emit(t, AD_OP_transpose, ad_cols(t, a), ad_rows(t, a), &a, NOTHING);
}

static void check_index(const ad_tape *t, const char *op, ad_var a, ad_var index) {
    FM_CHECK(ad_rows(t, index) == ad_rows(t, a) && ad_cols(t, index) == 1,
             "%s: [%zu, %zu] with an index [%zu, %zu]", op, ad_rows(t, a), ad_cols(t, a), ad_rows(t, index),
             ad_cols(t, index));
}

ad_var ad_gather(ad_tape *t, ad_var a, ad_var index) {
    check_index(t, "gather", a, index);
    ad_var in[2] = {a, index};
    return ad_emit(t, AD_OP_gather, ad_rows(t, a), 1, in, NOTHING);
}

ad_var ad_scatter(ad_tape *t, ad_var a, ad_var index, size_t cols) {
    check_index(t, "scatter", a, index);
    FM_CHECK(ad_cols(t, a) == 1, "scatter: of [%zu, %zu], not one column", ad_rows(t, a), ad_cols(t, a));
    ad_var in[2] = {a, index};
    return ad_emit(t, AD_OP_scatter, ad_rows(t, a), cols, in, NOTHING);
}
