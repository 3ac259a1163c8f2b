/* ops_rules.h: the functions that the rule and jvp columns of the op table name. */
#ifndef AD_OPS_RULES_H
#define AD_OPS_RULES_H

#include "autograd/tape.h"

ad_rule ad_r_add, ad_r_sub, ad_d_mul, ad_d_div, ad_d_min, ad_d_max, ad_d_mul_add, ad_r_neg, ad_r_scale,
    ad_d_shift, ad_d_exp, ad_d_log, ad_d_sqrt, ad_d_square;
ad_rule ad_d_sin, ad_d_cos, ad_r_where, ad_r_matmul_blocks, ad_r_take_rows, ad_r_put_rows, ad_v_logsumexp;
ad_rule ad_d_tanh, ad_d_sigmoid, ad_d_relu, ad_d_softplus, ad_d_abs, ad_d_clip, ad_r_matmul, ad_r_sum,
    ad_r_sum_rows, ad_r_sum_cols;
ad_rule ad_r_broadcast_all, ad_r_broadcast_rows, ad_r_broadcast_cols, ad_r_copy, ad_r_reshape,
    ad_r_transpose, ad_r_slice_cols, ad_r_pad_cols;
ad_rule ad_r_concat_cols, ad_r_slice_rows, ad_r_pad_rows, ad_r_concat_rows, ad_r_gather, ad_r_scatter;
ad_rule ad_v_affine, ad_v_act_grad, ad_v_act_curve, ad_v_log_softmax, ad_v_softmax;
ad_tangent_rule ad_j_logsumexp, ad_j_affine, ad_j_act_grad, ad_j_act_curve, ad_j_log_softmax, ad_j_softmax;

#endif
