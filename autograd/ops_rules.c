/* ops_rules.c: the derivative facts, in the tensor language: what they return is differentiable like anything
 * else. */
#include "autograd/ops_rules.h"

#define RULE(name) ad_var name(ad_tape *t, ad_var y, int i, ad_var g)
#define JVP(name) ad_var name(ad_tape *t, ad_var y, const ad_var *dx)
#define IN(k) ad_in(t, y, k)
#define ATTR (t->nodes[y.id].attr)
#define UNUSED (void)t, (void)y, (void)i, (void)g

static ad_var ones_like(ad_tape *t, ad_var y) { return ad_fill(t, ad_rows(t, y), ad_cols(t, y), 1); }
static ad_var zeros_like(ad_tape *t, ad_var y) { return ad_zeros(t, ad_rows(t, y), ad_cols(t, y)); }
static ad_var one_minus(ad_tape *t, ad_var a) { return ad_shift(t, ad_neg(t, a), 1); }

/* ---- ELEM: dy/da_i ---- */

RULE(ad_d_mul) {
    UNUSED;
    return IN(1 - i);
}
RULE(ad_d_div) {
    UNUSED;
    ad_var inverse = ad_div(t, ones_like(t, y), IN(1));
    return i == 0 ? inverse : ad_neg(t, ad_mul(t, y, inverse));
}
RULE(ad_d_min) {
    UNUSED;
    ad_var second = ad_greater(t, IN(0), IN(1));
    return i == 0 ? one_minus(t, second) : second;
}
RULE(ad_d_max) {
    UNUSED;
    ad_var second = ad_greater(t, IN(1), IN(0));
    return i == 0 ? one_minus(t, second) : second;
}
RULE(ad_d_mul_add) {
    UNUSED;
    return IN(i ^ 1);
}
RULE(ad_d_shift) {
    UNUSED;
    return ones_like(t, y);
}
RULE(ad_d_exp) {
    UNUSED;
    return y;
}
RULE(ad_d_log) {
    UNUSED;
    return ad_div(t, ones_like(t, y), IN(0));
}
RULE(ad_d_sqrt) {
    UNUSED;
    return ad_div(t, ad_fill(t, ad_rows(t, y), ad_cols(t, y), 0.5), y);
}
RULE(ad_d_square) {
    UNUSED;
    return ad_scale(t, IN(0), 2);
}
RULE(ad_d_tanh) {
    UNUSED;
    return one_minus(t, ad_square(t, y));
}
RULE(ad_d_sigmoid) {
    UNUSED;
    return ad_mul(t, y, one_minus(t, y));
}
RULE(ad_d_relu) {
    UNUSED;
    return ad_greater(t, IN(0), zeros_like(t, y));
}
RULE(ad_d_softplus) {
    UNUSED;
    return ad_sigmoid(t, IN(0));
}
RULE(ad_d_abs) {
    UNUSED;
    return ad_sign(t, IN(0));
}
RULE(ad_d_clip) {
    UNUSED;
    return ad_inside(t, IN(0), ATTR.low, ATTR.high);
}

/* ---- LINEAR: the transpose applied to g ---- */

RULE(ad_r_add) {
    UNUSED;
    return g;
}
RULE(ad_r_sub) {
    UNUSED;
    return i == 0 ? g : ad_neg(t, g);
}
RULE(ad_r_neg) {
    UNUSED;
    return ad_neg(t, g);
}
RULE(ad_r_copy) {
    UNUSED;
    return g;
}
RULE(ad_r_scale) {
    UNUSED;
    return ad_scale(t, g, ATTR.low);
}
RULE(ad_r_sum) {
    UNUSED;
    return ad_broadcast(t, g, ad_rows(t, IN(0)), ad_cols(t, IN(0)));
}
RULE(ad_r_sum_rows) {
    UNUSED;
    return ad_broadcast(t, g, ad_rows(t, IN(0)), ad_cols(t, IN(0)));
}
RULE(ad_r_sum_cols) {
    UNUSED;
    return ad_broadcast(t, g, ad_rows(t, IN(0)), ad_cols(t, IN(0)));
}
RULE(ad_r_broadcast_all) {
    UNUSED;
    return ad_sum(t, g);
}
RULE(ad_r_broadcast_rows) {
    UNUSED;
    return ad_sum_rows(t, g);
}
RULE(ad_r_broadcast_cols) {
    UNUSED;
    return ad_sum_cols(t, g);
}
RULE(ad_r_reshape) {
    UNUSED;
    return ad_reshape(t, g, ad_rows(t, IN(0)), ad_cols(t, IN(0)));
}
RULE(ad_r_transpose) {
    UNUSED;
    return ad_transpose(t, g);
}
RULE(ad_r_slice_cols) {
    UNUSED;
    return ad_pad_cols(t, g, ATTR.from, ad_cols(t, IN(0)));
}
RULE(ad_r_pad_cols) {
    UNUSED;
    return ad_slice_cols(t, g, ATTR.from, ad_cols(t, IN(0)));
}
RULE(ad_r_concat_cols) {
    UNUSED;
    return ad_slice_cols(t, g, i == 0 ? 0 : ad_cols(t, IN(0)), ad_cols(t, IN(i)));
}
RULE(ad_r_slice_rows) {
    UNUSED;
    return ad_pad_rows(t, g, ATTR.from, ad_rows(t, IN(0)));
}
RULE(ad_r_pad_rows) {
    UNUSED;
    return ad_slice_rows(t, g, ATTR.from, ad_rows(t, IN(0)));
}
RULE(ad_r_concat_rows) {
    UNUSED;
    return ad_slice_rows(t, g, i == 0 ? 0 : ad_rows(t, IN(0)), ad_rows(t, IN(i)));
}
RULE(ad_r_gather) {
    UNUSED;
    return ad_scatter(t, g, IN(1), ad_cols(t, IN(0)));
}
RULE(ad_r_scatter) {
    UNUSED;
    return ad_gather(t, g, IN(1));
}

/* ---- BILINEAR ---- */

/* y = op(a) op(b). With A = op(a), B = op(b): dA = g B^T, dB = A^T g, transposed back when a or b were. */
RULE(ad_r_matmul) {
    UNUSED;
    bool ta = ATTR.trans_a, tb = ATTR.trans_b;
    if (i == 0) return ta ? ad_matmul_t(t, IN(1), tb, g, true) : ad_matmul_t(t, g, false, IN(1), !tb);
    return tb ? ad_matmul_t(t, g, true, IN(0), ta) : ad_matmul_t(t, IN(0), !ta, g, false);
}

/* ---- GENERAL ---- */

#define ACT ((ad_act)ATTR.act)

RULE(ad_v_affine) {
    ad_var d = ad_act_grad(t, g, y, ACT); /* gradient of x w + b; recorded once for the three */
    if (i == 0) return ad_matmul_t(t, d, false, IN(1), true);
    if (i == 1) return ad_matmul_t(t, IN(0), true, d, false);
    return ad_sum_rows(t, d);
}

/* The bias tangent rides on the product x dw. */
JVP(ad_j_affine) {
    ad_var sum = AD_NONE;
    if (!ad_is_none(dx[1]) && !ad_is_none(dx[2]))
        sum = ad_affine(t, IN(0), dx[1], dx[2], AD_IDENTITY);
    else if (!ad_is_none(dx[1]))
        sum = ad_matmul(t, IN(0), dx[1]);
    else if (!ad_is_none(dx[2]))
        sum = ad_broadcast(t, dx[2], ad_rows(t, y), ad_cols(t, y));
    if (!ad_is_none(dx[0])) {
        ad_var moved = ad_matmul(t, dx[0], IN(1));
        sum = ad_is_none(sum) ? moved : ad_add(t, sum, moved);
    }
    return ad_act_grad(t, sum, y, ACT);
}

/* y = g act'(h), h the layer's output. relu' does not change; tanh' = 1 - h^2. */
static ad_var act_slope_change(ad_tape *t, ad_var g, ad_var h, ad_act act) {
    return act == AD_TANH ? ad_scale(t, ad_mul(t, g, h), -2) : zeros_like(t, h);
}

RULE(ad_v_act_grad) {
    if (i == 0) return ad_act_grad(t, g, IN(1), ACT);
    return ad_mul(t, g, act_slope_change(t, IN(0), IN(1), ACT));
}

JVP(ad_j_act_grad) {
    if (ad_is_none(dx[1])) return ad_act_grad(t, dx[0], IN(1), ACT);
    if (ad_is_none(dx[0])) return ad_mul(t, dx[1], act_slope_change(t, IN(0), IN(1), ACT));
    return ad_act_curve(t, dx[0], IN(0), IN(1), dx[1], ACT);
}

/* y = dg (1 - h^2) - 2 g h dh, for tanh alone (the builder reduces the others). */
RULE(ad_v_act_curve) {
    ad_var dg = IN(0), g0 = IN(1), h = IN(2), dh = IN(3);
    switch (i) {
    case 0: return ad_act_grad(t, g, h, ACT);
    case 1: return ad_mul(t, g, ad_scale(t, ad_mul(t, h, dh), -2));
    case 2: return ad_mul(t, g, ad_scale(t, ad_mul_add(t, dg, h, g0, dh), -2));
    default: return ad_mul(t, g, ad_scale(t, ad_mul(t, g0, h), -2));
    }
}

/* Elementwise, so the tangent is the sum of the transposes applied to the tangents. */
JVP(ad_j_act_curve) {
    ad_var sum = zeros_like(t, y);
    for (int i = 0; i < 4; i++)
        if (!ad_is_none(dx[i])) sum = ad_add(t, sum, ad_v_act_curve(t, y, i, dx[i]));
    return sum;
}

RULE(ad_v_log_softmax) {
    UNUSED;
    ad_var total = ad_broadcast(t, ad_sum_cols(t, g), ad_rows(t, y), ad_cols(t, y));
    return ad_sub(t, g, ad_mul(t, ad_exp(t, y), total));
}

JVP(ad_j_log_softmax) { return ad_sub(t, dx[0], ad_sum_cols(t, ad_mul(t, ad_exp(t, y), dx[0]))); }

/* The Jacobian diag(y) - y y^T is symmetric: both directions are the same product. */
static ad_var softmax_jacobian(ad_tape *t, ad_var y, ad_var v) {
    return ad_mul(t, y, ad_sub(t, v, ad_sum_cols(t, ad_mul(t, y, v))));
}

RULE(ad_v_softmax) {
    UNUSED;
    return softmax_jacobian(t, y, g);
}
JVP(ad_j_softmax) { return softmax_jacobian(t, y, dx[0]); }
