/* simplify.c: equal, simpler nodes, found before a node is recorded. Transforms write sums and products with
 * zeros and ones freely, as the formulas have them, and rely on these rules to leave nothing behind. */
#include "autograd/tape.h"

static ad_var scaled(ad_var a, double k) {
    if (k == 1) return a;
    return ad_scale(a, k);
}

/* A product with a constant matrix. */
static ad_var simplify_mul(ad_var a, ad_var b) {
    double k;
    if (ad_is_fill(a, &k)) return scaled(b, k);
    if (ad_is_fill(b, &k)) return scaled(a, k);
    return AD_NONE;
}

static ad_var simplify_mul_add(const ad_var *in) {
    double k;
    bool plain =
        ad_is_fill(in[0], &k) || ad_is_fill(in[1], &k) || ad_is_fill(in[2], &k) || ad_is_fill(in[3], &k);
    if (!plain) return AD_NONE;
    return ad_add(ad_mul(in[0], in[1]), ad_mul(in[2], in[3]));
}

static ad_var simplify_scale(ad_var a, double k) {
    double value;
    if (k == 1) return a;
    if (k == 0) return ad_zeros(a.tape, ad_rows(a), ad_cols(a));
    if (ad_is_fill(a, &value)) return ad_fill(a.tape, ad_rows(a), ad_cols(a), k * value);
    const ad_node *n = ad_node_of(a);
    if (n->op == AD_OP_scale) return ad_scale(ad_in(a, 0), k * n->attr.low);
    if (n->op == AD_OP_neg) return ad_scale(ad_in(a, 0), -k);
    return AD_NONE;
}

/* Whether a linear op has nothing but zeros to work on: all arguments of LINEAR, one of BILINEAR. */
static bool vanishes(ad_op op, const ad_var *in) {
    const ad_op_row *row = &AD_TABLE[op];
    if (row->kind == AD_BILINEAR) return ad_is_zero(in[0]) || ad_is_zero(in[1]);
    if (row->kind != AD_LINEAR) return false;
    for (int i = 0; i < row->arity; i++)
        if (row->rows[i] != 'i' && !ad_is_zero(in[i])) return false;
    return true;
}

ad_var ad_simplify(ad_tape *t, ad_op op, size_t rows, size_t cols, const ad_var *in, ad_attr attr) {
    double k;
    if (op == AD_OP_copy) return AD_NONE; /* somebody wants these numbers in another place */
    if (vanishes(op, in)) return ad_zeros(t, rows, cols);
    switch (op) {
    case AD_OP_add:
        if (ad_is_zero(in[0])) return in[1];
        if (ad_is_zero(in[1])) return in[0];
        return AD_NONE;
    case AD_OP_sub:
        if (ad_is_zero(in[0])) return ad_neg(in[1]);
        if (ad_is_zero(in[1])) return in[0];
        return AD_NONE;
    case AD_OP_mul: return simplify_mul(in[0], in[1]);
    case AD_OP_mul_add: return simplify_mul_add(in);
    case AD_OP_div:
        if (ad_is_zero(in[0])) return in[0];
        if (ad_is_fill(in[1], &k) && k != 0) return scaled(in[0], 1 / k);
        return AD_NONE;
    case AD_OP_neg:
        if (ad_node_of(in[0])->op == AD_OP_neg) return ad_in(in[0], 0);
        if (ad_node_of(in[0])->op == AD_OP_scale || ad_is_fill(in[0], &k)) return ad_scale(in[0], -1);
        return AD_NONE;
    case AD_OP_scale: return simplify_scale(in[0], attr.low);
    case AD_OP_sum:
    case AD_OP_sum_rows:
    case AD_OP_sum_cols:
        if (ad_rows(in[0]) == rows && ad_cols(in[0]) == cols) return in[0];
        return AD_NONE;
    case AD_OP_broadcast_all:
    case AD_OP_broadcast_rows:
    case AD_OP_broadcast_cols:
        if (ad_is_fill(in[0], &k)) return ad_fill(t, rows, cols, k);
        return AD_NONE;
    case AD_OP_where:
        if (ad_is_fill(in[0], &k)) return k != 0 ? in[1] : in[2];
        return AD_NONE;
    case AD_OP_slice_cols:
        if (ad_node_of(in[0])->op != AD_OP_slice_cols) return AD_NONE;
        return ad_slice_cols(ad_in(in[0], 0), ad_node_of(in[0])->attr.from + attr.from, cols);
    case AD_OP_slice_rows:
        if (ad_node_of(in[0])->op != AD_OP_slice_rows) return AD_NONE;
        return ad_slice_rows(ad_in(in[0], 0), ad_node_of(in[0])->attr.from + attr.from, rows);
    case AD_OP_stop_gradient:
        if (ad_is_fill(in[0], &k)) return in[0];
        return AD_NONE;
    default: return AD_NONE;
    }
}
