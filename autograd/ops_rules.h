/* ops_rules.h: the functions that the rule and jvp columns of the op table name. */
#ifndef AD_OPS_RULES_H
#define AD_OPS_RULES_H

#include "autograd/tape.h"

ad_rule r_add, r_sub, d_mul, d_div, d_min, d_max, d_mul_add, r_neg, r_scale, d_shift, d_exp, d_log, d_sqrt,
    d_square;
ad_rule d_tanh, d_sigmoid, d_relu, d_softplus, d_abs, d_clip, r_matmul, r_sum, r_sum_rows, r_sum_cols;
ad_rule r_broadcast_all, r_broadcast_rows, r_broadcast_cols, r_copy, r_reshape, r_transpose, r_slice_cols,
    r_pad_cols;
ad_rule r_concat_cols, r_slice_rows, r_pad_rows, r_concat_rows, r_gather, r_scatter;
ad_rule v_affine, v_act_grad, v_act_curve, v_log_softmax, v_softmax;
ad_jvp j_affine, j_act_grad, j_act_curve, j_log_softmax, j_softmax;

#endif
