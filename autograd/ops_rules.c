/* ops_rules.c: the derivative facts, in the tensor language: what they return is differentiable like anything
 * else. */
#include "autograd/ops_rules.h"

#define RULE(name) ad_var name(ad_var y, int i, ad_var g)
#define JVP(name) ad_var name(ad_var y, const ad_var *dx)
#define IN(k) ad_in(y, k)
#define ATTR (ad_node_of(y)->attr)
#define UNUSED (void)y, (void)i, (void)g

static ad_var ones_like(ad_var y) { return ad_fill(y.tape, ad_rows(y), ad_cols(y), 1); }
static ad_var zeros_like(ad_var y) { return ad_zeros(y.tape, ad_rows(y), ad_cols(y)); }
static ad_var one_minus(ad_var a) { return ad_shift(ad_neg(a), 1); }

/* ---- ELEM: dy/da_i ---- */

RULE(ad_d_mul) {
    UNUSED;
    return IN(1 - i);
}
RULE(ad_d_div) {
    UNUSED;
    ad_var inverse = ad_div(ones_like(y), IN(1));
    return i == 0 ? inverse : ad_neg(ad_mul(y, inverse));
}
RULE(ad_d_min) {
    UNUSED;
    ad_var second = ad_greater(IN(0), IN(1));
    return i == 0 ? one_minus(second) : second;
}
RULE(ad_d_max) {
    UNUSED;
    ad_var second = ad_greater(IN(1), IN(0));
    return i == 0 ? one_minus(second) : second;
}
RULE(ad_d_mul_add) {
    UNUSED;
    return IN(i ^ 1);
}
RULE(ad_d_shift) {
    UNUSED;
    return ones_like(y);
}
RULE(ad_d_exp) {
    UNUSED;
    return y;
}
RULE(ad_d_log) {
    UNUSED;
    return ad_div(ones_like(y), IN(0));
}
RULE(ad_d_sqrt) {
    UNUSED;
    return ad_div(ad_fill(y.tape, ad_rows(y), ad_cols(y), 0.5), y);
}
RULE(ad_d_square) {
    UNUSED;
    return ad_scale(IN(0), 2);
}
RULE(ad_d_tanh) {
    UNUSED;
    return one_minus(ad_square(y));
}
RULE(ad_d_sin) {
    UNUSED;
    return ad_cos(IN(0));
}
RULE(ad_d_cos) {
    UNUSED;
    return ad_neg(ad_sin(IN(0)));
}
RULE(ad_d_sigmoid) {
    UNUSED;
    return ad_mul(y, one_minus(y));
}
RULE(ad_d_relu) {
    UNUSED;
    return ad_greater(IN(0), zeros_like(y));
}
RULE(ad_d_softplus) {
    UNUSED;
    return ad_sigmoid(IN(0));
}
RULE(ad_d_abs) {
    UNUSED;
    return ad_sign(IN(0));
}
RULE(ad_d_clip) {
    UNUSED;
    return ad_inside(IN(0), ATTR.low, ATTR.high);
}

/* ---- LINEAR: the transpose applied to g ---- */

RULE(ad_r_add) {
    UNUSED;
    return g;
}
RULE(ad_r_sub) {
    UNUSED;
    return i == 0 ? g : ad_neg(g);
}
RULE(ad_r_neg) {
    UNUSED;
    return ad_neg(g);
}
RULE(ad_r_copy) {
    UNUSED;
    return g;
}
RULE(ad_r_scale) {
    UNUSED;
    return ad_scale(g, ATTR.low);
}
RULE(ad_r_sum) {
    UNUSED;
    return ad_broadcast(g, ad_rows(IN(0)), ad_cols(IN(0)));
}
RULE(ad_r_sum_rows) {
    UNUSED;
    return ad_broadcast(g, ad_rows(IN(0)), ad_cols(IN(0)));
}
RULE(ad_r_sum_cols) {
    UNUSED;
    return ad_broadcast(g, ad_rows(IN(0)), ad_cols(IN(0)));
}
RULE(ad_r_broadcast_all) {
    UNUSED;
    return ad_sum(g);
}
RULE(ad_r_broadcast_rows) {
    UNUSED;
    return ad_sum_rows(g);
}
RULE(ad_r_broadcast_cols) {
    UNUSED;
    return ad_sum_cols(g);
}
RULE(ad_r_reshape) {
    UNUSED;
    return ad_reshape(g, ad_rows(IN(0)), ad_cols(IN(0)));
}
RULE(ad_r_transpose) {
    UNUSED;
    return ad_transpose(g);
}
RULE(ad_r_slice_cols) {
    UNUSED;
    return ad_pad_cols(g, ATTR.from, ad_cols(IN(0)));
}
RULE(ad_r_pad_cols) {
    UNUSED;
    return ad_slice_cols(g, ATTR.from, ad_cols(IN(0)));
}
RULE(ad_r_concat_cols) {
    UNUSED;
    return ad_slice_cols(g, i == 0 ? 0 : ad_cols(IN(0)), ad_cols(IN(i)));
}
RULE(ad_r_slice_rows) {
    UNUSED;
    return ad_pad_rows(g, ATTR.from, ad_rows(IN(0)));
}
RULE(ad_r_pad_rows) {
    UNUSED;
    return ad_slice_rows(g, ATTR.from, ad_rows(IN(0)));
}
RULE(ad_r_concat_rows) {
    UNUSED;
    return ad_slice_rows(g, i == 0 ? 0 : ad_rows(IN(0)), ad_rows(IN(i)));
}
RULE(ad_r_gather) {
    UNUSED;
    return ad_scatter(g, IN(1), ad_cols(IN(0)));
}
RULE(ad_r_scatter) {
    UNUSED;
    return ad_gather(g, IN(1));
}

RULE(ad_r_where) {
    UNUSED;
    return i == 1 ? ad_where(IN(0), g, zeros_like(y)) : ad_where(IN(0), zeros_like(y), g);
}
RULE(ad_r_take_rows) {
    UNUSED;
    return ad_put_rows(g, IN(1), ad_rows(IN(0)));
}
RULE(ad_r_put_rows) {
    UNUSED;
    return ad_take_rows(g, IN(1));
}

/* ---- BILINEAR ---- */

/* y = op(a) op(b). With A = op(a), B = op(b): dA = g B^T, dB = A^T g, transposed back when a or b were. */
RULE(ad_r_matmul) {
    UNUSED;
    bool ta = ATTR.trans_a, tb = ATTR.trans_b;
    if (i == 0) return ta ? ad_matmul_t(IN(1), tb, g, true) : ad_matmul_t(g, false, IN(1), !tb);
    return tb ? ad_matmul_t(g, true, IN(0), ta) : ad_matmul_t(IN(0), !ta, g, false);
}

/* The same, block by block. */
RULE(ad_r_matmul_blocks) {
    UNUSED;
    bool ta = ATTR.trans_a, tb = ATTR.trans_b;
    size_t n = ATTR.from;
    if (i == 0)
        return ta ? ad_matmul_blocks_t(IN(1), tb, g, true, n) : ad_matmul_blocks_t(g, false, IN(1), !tb, n);
    return tb ? ad_matmul_blocks_t(g, true, IN(0), ta, n) : ad_matmul_blocks_t(IN(0), !ta, g, false, n);
}

/* ---- GENERAL ---- */

#define ACT ((ad_act)ATTR.act)

RULE(ad_v_affine) {
    ad_var d = ad_act_grad(g, y, ACT); /* gradient of x w + b; recorded once for the three */
    if (i == 0) return ad_matmul_t(d, false, IN(1), true);
    if (i == 1) return ad_matmul_t(IN(0), true, d, false);
    return ad_sum_rows(d);
}

/* The bias tangent rides on the product x dw. */
JVP(ad_j_affine) {
    ad_var sum = AD_NONE;
    if (!ad_is_none(dx[1]) && !ad_is_none(dx[2]))
        sum = ad_affine(IN(0), dx[1], dx[2], AD_IDENTITY);
    else if (!ad_is_none(dx[1]))
        sum = ad_matmul(IN(0), dx[1]);
    else if (!ad_is_none(dx[2]))
        sum = ad_broadcast(dx[2], ad_rows(y), ad_cols(y));
    if (!ad_is_none(dx[0])) {
        ad_var moved = ad_matmul(dx[0], IN(1));
        sum = ad_is_none(sum) ? moved : ad_add(sum, moved);
    }
    return ad_act_grad(sum, y, ACT);
}

/* y = g act'(h), h the layer's output. relu' does not change; tanh' = 1 - h^2. */
static ad_var act_slope_change(ad_var g, ad_var h, ad_act act) {
    return act == AD_TANH ? ad_scale(ad_mul(g, h), -2) : zeros_like(h);
}

RULE(ad_v_act_grad) {
    if (i == 0) return ad_act_grad(g, IN(1), ACT);
    return ad_mul(g, act_slope_change(IN(0), IN(1), ACT));
}

JVP(ad_j_act_grad) {
    if (ad_is_none(dx[1])) return ad_act_grad(dx[0], IN(1), ACT);
    if (ad_is_none(dx[0])) return ad_mul(dx[1], act_slope_change(IN(0), IN(1), ACT));
    return ad_act_curve(dx[0], IN(0), IN(1), dx[1], ACT);
}

/* y = dg (1 - h^2) - 2 g h dh, for tanh alone (the builder reduces the others). */
RULE(ad_v_act_curve) {
    ad_var dg = IN(0), g0 = IN(1), h = IN(2), dh = IN(3);
    switch (i) {
    case 0: return ad_act_grad(g, h, ACT);
    case 1: return ad_mul(g, ad_scale(ad_mul(h, dh), -2));
    case 2: return ad_mul(g, ad_scale(ad_mul_add(dg, h, g0, dh), -2));
    default: return ad_mul(g, ad_scale(ad_mul(g0, h), -2));
    }
}

/* Elementwise, so the tangent is the sum of the transposes applied to the tangents. */
JVP(ad_j_act_curve) {
    ad_var sum = zeros_like(y);
    for (int i = 0; i < 4; i++)
        if (!ad_is_none(dx[i])) sum = ad_add(sum, ad_v_act_curve(y, i, dx[i]));
    return sum;
}

RULE(ad_v_log_softmax) {
    UNUSED;
    ad_var total = ad_broadcast(ad_sum_cols(g), ad_rows(y), ad_cols(y));
    return ad_sub(g, ad_mul(ad_exp(y), total));
}

JVP(ad_j_log_softmax) { return ad_sub(dx[0], ad_sum_cols(ad_mul(ad_exp(y), dx[0]))); }

RULE(ad_v_logsumexp) {
    UNUSED;
    return ad_mul(ad_softmax(IN(0)), g);
}

JVP(ad_j_logsumexp) {
    (void)y;
    return ad_sum_cols(ad_mul(ad_softmax(IN(0)), dx[0]));
}

/* The Jacobian diag(y) - y y^T is symmetric: both directions are the same product. */
static ad_var softmax_jacobian(ad_var y, ad_var v) { return ad_mul(y, ad_sub(v, ad_sum_cols(ad_mul(y, v)))); }

RULE(ad_v_softmax) {
    UNUSED;
    return softmax_jacobian(y, g);
}
JVP(ad_j_softmax) { return softmax_jacobian(y, dx[0]); }
