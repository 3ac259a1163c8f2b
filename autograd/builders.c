/* builders.c: one function per op: the shape of the result, and the errors of shapes that do not fit. */
#include <string.h>

#include "autograd/tape.h"

static const ad_attr NOTHING;

static ad_var same_shape(ad_op op, ad_var a, ad_attr attr) {
    return ad_emit(a.tape, op, ad_rows(a), ad_cols(a), &a, attr);
}

/* b as a matrix of a's shape. */
static ad_var fit(const char *op, ad_var a, ad_var b) {
    size_t rows = ad_rows(a), cols = ad_cols(a), rows_b = ad_rows(b), cols_b = ad_cols(b);
    if (rows == rows_b && cols == cols_b) return b;
    FM_CHECK((rows_b == 1 || rows_b == rows) && (cols_b == 1 || cols_b == cols),
             "%s: [%zu, %zu] with [%zu, %zu]", op, rows, cols, rows_b, cols_b);
    return ad_broadcast(b, rows, cols);
}

static ad_var binary(ad_op op, ad_var a, ad_var b) {
    ad_var in[2] = {a, fit(AD_TABLE[op].name, a, b)};
    return ad_emit(a.tape, op, ad_rows(a), ad_cols(a), in, NOTHING);
}

#define BINARY(name)                                                                                         \
    ad_var ad_##name(ad_var a, ad_var b) { return binary(AD_OP_##name, a, b); }
#define UNARY(name)                                                                                          \
    ad_var ad_##name(ad_var a) { return same_shape(AD_OP_##name, a, NOTHING); }

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
UNARY(sin)
UNARY(cos)
UNARY(sigmoid)
UNARY(relu)
UNARY(softplus)
UNARY(abs)
UNARY(stop_gradient)
UNARY(sign)
UNARY(copy)
UNARY(log_softmax)
UNARY(softmax)

ad_var ad_mul_add(ad_var a, ad_var b, ad_var c, ad_var d) {
    ad_var in[4] = {a, fit("mul_add", a, b), fit("mul_add", a, c), fit("mul_add", a, d)};
    return ad_emit(a.tape, AD_OP_mul_add, ad_rows(a), ad_cols(a), in, NOTHING);
}

ad_var ad_scale(ad_var a, double factor) { return same_shape(AD_OP_scale, a, (ad_attr){.low = factor}); }

ad_var ad_shift(ad_var a, double offset) { return same_shape(AD_OP_shift, a, (ad_attr){.low = offset}); }

ad_var ad_clip(ad_var a, double low, double high) {
    FM_CHECK(low <= high, "clip: from %g to %g", low, high);
    return same_shape(AD_OP_clip, a, (ad_attr){.low = low, .high = high});
}

ad_var ad_where(ad_var mask, ad_var a, ad_var b) {
    size_t rows = ad_rows(mask), cols = ad_cols(mask);
    const ad_var in[3] = {mask, a, b};
    for (int i = 1; i < 3; i++) {
        if (ad_rows(in[i]) > rows) rows = ad_rows(in[i]);
        if (ad_cols(in[i]) > cols) cols = ad_cols(in[i]);
    }
    ad_var whole[3];
    for (int i = 0; i < 3; i++) {
        FM_CHECK((ad_rows(in[i]) == 1 || ad_rows(in[i]) == rows) &&
                     (ad_cols(in[i]) == 1 || ad_cols(in[i]) == cols),
                 "where: mask [%zu, %zu], a [%zu, %zu], b [%zu, %zu]", ad_rows(mask), ad_cols(mask),
                 ad_rows(a), ad_cols(a), ad_rows(b), ad_cols(b));
        whole[i] = ad_broadcast(in[i], rows, cols);
    }
    return ad_emit(mask.tape, AD_OP_where, rows, cols, whole, NOTHING);
}

ad_var ad_inside(ad_var a, double low, double high) {
    return same_shape(AD_OP_inside, a, (ad_attr){.low = low, .high = high});
}

/* ---- linear algebra ---- */

ad_var ad_matmul_t(ad_var a, bool trans_a, ad_var b, bool trans_b) {
    size_t m = trans_a ? ad_cols(a) : ad_rows(a), k = trans_a ? ad_rows(a) : ad_cols(a);
    size_t k_b = trans_b ? ad_cols(b) : ad_rows(b), n = trans_b ? ad_rows(b) : ad_cols(b);
    FM_CHECK(k == k_b, "matmul: [%zu, %zu]%s with [%zu, %zu]%s: inner sizes %zu and %zu", ad_rows(a),
             ad_cols(a), trans_a ? "^T" : "", ad_rows(b), ad_cols(b), trans_b ? "^T" : "", k, k_b);
    ad_var in[2] = {a, b};
    return ad_emit(a.tape, AD_OP_matmul, m, n, in, (ad_attr){.trans_a = trans_a, .trans_b = trans_b});
}

ad_var ad_matmul(ad_var a, ad_var b) { return ad_matmul_t(a, false, b, false); }

ad_var ad_matmul_blocks_t(ad_var a, bool trans_a, ad_var b, bool trans_b, size_t blocks) {
    FM_CHECK(blocks > 0 && blocks < UINT32_MAX && ad_rows(a) % blocks == 0 && ad_rows(b) % blocks == 0,
             "matmul_blocks: [%zu, %zu] with [%zu, %zu] in %zu blocks", ad_rows(a), ad_cols(a), ad_rows(b),
             ad_cols(b), blocks);
    size_t a_rows = ad_rows(a) / blocks, b_rows = ad_rows(b) / blocks;
    size_t m = trans_a ? ad_cols(a) : a_rows, k = trans_a ? a_rows : ad_cols(a);
    size_t k_b = trans_b ? ad_cols(b) : b_rows, n = trans_b ? b_rows : ad_cols(b);
    FM_CHECK(k == k_b, "matmul_blocks: [%zu, %zu]%s with [%zu, %zu]%s in %zu blocks: inner sizes %zu and %zu",
             ad_rows(a), ad_cols(a), trans_a ? "^T" : "", ad_rows(b), ad_cols(b), trans_b ? "^T" : "", blocks,
             k, k_b);
    if (blocks == 1) return ad_matmul_t(a, trans_a, b, trans_b);
    ad_var in[2] = {a, b};
    ad_attr attr = {.trans_a = trans_a, .trans_b = trans_b, .from = (uint32_t)blocks};
    return ad_emit(a.tape, AD_OP_matmul_blocks, blocks * m, n, in, attr);
}

ad_var ad_matmul_blocks(ad_var a, ad_var b, size_t blocks, bool trans_b) {
    return ad_matmul_blocks_t(a, false, b, trans_b, blocks);
}

ad_var ad_affine(ad_var x, ad_var w, ad_var b, ad_act act) {
    FM_CHECK(ad_cols(x) == ad_rows(w) && ad_cols(b) == ad_cols(w) && ad_rows(b) == 1,
             "affine: x [%zu, %zu], w [%zu, %zu], b [%zu, %zu]", ad_rows(x), ad_cols(x), ad_rows(w),
             ad_cols(w), ad_rows(b), ad_cols(b));
    ad_var in[3] = {x, w, b};
    return ad_emit(x.tape, AD_OP_affine, ad_rows(x), ad_cols(w), in, (ad_attr){.act = (uint8_t)act});
}

ad_var ad_act_grad(ad_var g, ad_var y, ad_act act) {
    if (act == AD_IDENTITY || ad_is_zero(g)) return g;
    ad_var in[2] = {g, fit("act_grad", g, y)};
    return ad_emit(g.tape, AD_OP_act_grad, ad_rows(g), ad_cols(g), in, (ad_attr){.act = (uint8_t)act});
}

ad_var ad_act_curve(ad_var dg, ad_var g, ad_var y, ad_var dy, ad_act act) {
    if (act != AD_TANH || ad_is_zero(g) || ad_is_zero(dy)) return ad_act_grad(dg, y, act);
    ad_var in[4] = {dg, g, y, dy};
    return ad_emit(g.tape, AD_OP_act_curve, ad_rows(g), ad_cols(g), in, (ad_attr){.act = (uint8_t)act});
}

/* ---- sums and broadcasts ---- */

ad_var ad_sum(ad_var a) { return ad_emit(a.tape, AD_OP_sum, 1, 1, &a, NOTHING); }
ad_var ad_sum_rows(ad_var a) { return ad_emit(a.tape, AD_OP_sum_rows, 1, ad_cols(a), &a, NOTHING); }
ad_var ad_sum_cols(ad_var a) { return ad_emit(a.tape, AD_OP_sum_cols, ad_rows(a), 1, &a, NOTHING); }
ad_var ad_row_argmax(ad_var a) { return ad_emit(a.tape, AD_OP_row_argmax, ad_rows(a), 1, &a, NOTHING); }
ad_var ad_row_max(ad_var a) { return ad_gather(a, ad_row_argmax(a)); }
ad_var ad_logsumexp(ad_var a) { return ad_emit(a.tape, AD_OP_logsumexp, ad_rows(a), 1, &a, NOTHING); }

ad_var ad_mean(ad_var a) { return ad_scale(ad_sum(a), 1.0 / ((double)ad_rows(a) * (double)ad_cols(a))); }
ad_var ad_mean_rows(ad_var a) { return ad_scale(ad_sum_rows(a), 1.0 / (double)ad_rows(a)); }
ad_var ad_mean_cols(ad_var a) { return ad_scale(ad_sum_cols(a), 1.0 / (double)ad_cols(a)); }

ad_var ad_broadcast(ad_var a, size_t rows, size_t cols) {
    size_t rows_a = ad_rows(a), cols_a = ad_cols(a);
    if (rows_a == rows && cols_a == cols) return a;
    if (rows_a == 1 && cols_a == 1) return ad_emit(a.tape, AD_OP_broadcast_all, rows, cols, &a, NOTHING);
    if (rows_a == 1 && cols_a == cols) return ad_emit(a.tape, AD_OP_broadcast_rows, rows, cols, &a, NOTHING);
    FM_CHECK(rows_a == rows && cols_a == 1, "broadcast: [%zu, %zu] to [%zu, %zu]", rows_a, cols_a, rows,
             cols);
    return ad_emit(a.tape, AD_OP_broadcast_cols, rows, cols, &a, NOTHING);
}

/* ---- pieces ---- */

static void check_piece(const char *op, size_t from, size_t count, size_t whole) {
    FM_CHECK(count > 0 && from <= whole && count <= whole - from, "%s: %zu from %zu of %zu", op, count, from,
             whole);
}

ad_var ad_slice_cols(ad_var a, size_t from, size_t count) {
    check_piece("slice_cols", from, count, ad_cols(a));
    if (count == ad_cols(a)) return a;
    return ad_emit(a.tape, AD_OP_slice_cols, ad_rows(a), count, &a, (ad_attr){.from = (uint32_t)from});
}

ad_var ad_slice_rows(ad_var a, size_t from, size_t count) {
    check_piece("slice_rows", from, count, ad_rows(a));
    if (count == ad_rows(a)) return a;
    return ad_emit(a.tape, AD_OP_slice_rows, count, ad_cols(a), &a, (ad_attr){.from = (uint32_t)from});
}

ad_var ad_pad_cols(ad_var a, size_t from, size_t cols) {
    check_piece("pad_cols", from, ad_cols(a), cols);
    if (cols == ad_cols(a)) return a;
    return ad_emit(a.tape, AD_OP_pad_cols, ad_rows(a), cols, &a, (ad_attr){.from = (uint32_t)from});
}

ad_var ad_pad_rows(ad_var a, size_t from, size_t rows) {
    check_piece("pad_rows", from, ad_rows(a), rows);
    if (rows == ad_rows(a)) return a;
    return ad_emit(a.tape, AD_OP_pad_rows, rows, ad_cols(a), &a, (ad_attr){.from = (uint32_t)from});
}

/* Halves, and halves of those: n parts are copied log2 n times, not n. */
static ad_var concat(ad_op op, const ad_var *parts, size_t n) {
    if (n == 1) return parts[0];
    ad_var in[2] = {concat(op, parts, n / 2), concat(op, parts + n / 2, n - n / 2)};
    size_t rows = ad_rows(in[0]), cols = ad_cols(in[0]);
    if (op == AD_OP_concat_cols) cols += ad_cols(in[1]);
    else rows += ad_rows(in[1]);
    return ad_emit(in[0].tape, op, rows, cols, in, NOTHING);
}

ad_var ad_concat_cols_n(const ad_var *parts, size_t n) {
    FM_CHECK(n > 0, "concat_cols: of nothing");
    for (size_t i = 1; i < n; i++)
        FM_CHECK(ad_rows(parts[i]) == ad_rows(parts[0]), "concat_cols: [%zu, %zu] with [%zu, %zu]",
                 ad_rows(parts[0]), ad_cols(parts[0]), ad_rows(parts[i]), ad_cols(parts[i]));
    return concat(AD_OP_concat_cols, parts, n);
}

ad_var ad_concat_rows_n(const ad_var *parts, size_t n) {
    FM_CHECK(n > 0, "concat_rows: of nothing");
    for (size_t i = 1; i < n; i++)
        FM_CHECK(ad_cols(parts[i]) == ad_cols(parts[0]), "concat_rows: [%zu, %zu] with [%zu, %zu]",
                 ad_rows(parts[0]), ad_cols(parts[0]), ad_rows(parts[i]), ad_cols(parts[i]));
    return concat(AD_OP_concat_rows, parts, n);
}

ad_var ad_reshape(ad_var a, size_t rows, size_t cols) {
    FM_CHECK(rows * cols == ad_rows(a) * ad_cols(a), "reshape: [%zu, %zu] to [%zu, %zu]", ad_rows(a),
             ad_cols(a), rows, cols);
    if (rows == ad_rows(a)) return a;
    return ad_emit(a.tape, AD_OP_reshape, rows, cols, &a, NOTHING);
}

ad_var ad_transpose(ad_var a) {
    return ad_emit(a.tape, AD_OP_transpose, ad_cols(a), ad_rows(a), &a, NOTHING);
}

static void check_index(const char *op, ad_var a, ad_var index) {
    FM_CHECK(ad_rows(index) == ad_rows(a) && ad_cols(index) == 1, "%s: [%zu, %zu] with an index [%zu, %zu]",
             op, ad_rows(a), ad_cols(a), ad_rows(index), ad_cols(index));
}

ad_var ad_gather(ad_var a, ad_var index) {
    check_index("gather", a, index);
    ad_var in[2] = {a, index};
    return ad_emit(a.tape, AD_OP_gather, ad_rows(a), 1, in, NOTHING);
}

ad_var ad_scatter(ad_var a, ad_var index, size_t cols) {
    check_index("scatter", a, index);
    FM_CHECK(ad_cols(a) == 1, "scatter: of [%zu, %zu], not one column", ad_rows(a), ad_cols(a));
    ad_var in[2] = {a, index};
    return ad_emit(a.tape, AD_OP_scatter, ad_rows(a), cols, in, NOTHING);
}

ad_var ad_take_rows(ad_var a, ad_var index) {
    FM_CHECK(ad_cols(index) == 1, "take_rows: [%zu, %zu] with an index [%zu, %zu]", ad_rows(a), ad_cols(a),
             ad_rows(index), ad_cols(index));
    ad_var in[2] = {a, index};
    return ad_emit(a.tape, AD_OP_take_rows, ad_rows(index), ad_cols(a), in, NOTHING);
}

ad_var ad_put_rows(ad_var a, ad_var index, size_t rows) {
    check_index("put_rows", a, index);
    ad_var in[2] = {a, index};
    return ad_emit(a.tape, AD_OP_put_rows, rows, ad_cols(a), in, NOTHING);
}
