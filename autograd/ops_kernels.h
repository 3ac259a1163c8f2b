/* ops_kernels.h: the functions that the kernel column of the op table names. */
#ifndef AD_OPS_KERNELS_H
#define AD_OPS_KERNELS_H

#include "autograd/tape.h"

ad_kernel k_leaf, k_fill, k_add, k_sub, k_mul, k_div, k_min, k_max, k_mul_add, k_neg, k_scale, k_shift, k_exp, k_log;
ad_kernel k_sqrt, k_square, k_tanh, k_sigmoid, k_relu, k_softplus, k_abs, k_clip, k_copy, k_greater, k_sign, k_inside;
ad_kernel k_row_max, k_product, k_sum, k_sum_rows, k_sum_cols, k_broadcast_all, k_broadcast_rows, k_broadcast_cols;
ad_kernel k_transpose, k_slice_cols, k_pad_cols, k_concat_cols, k_slice_rows, k_pad_rows, k_concat_rows, k_gather;
ad_kernel k_scatter, k_act_grad, k_act_curve, k_log_softmax, k_softmax;

/* k_product, of matmul and affine, in two parts: any range of the result's columns, with the bias; then, once
 * all columns stand there, the activation and the derivative of one that a plan folded in (its layer output is
 * x[3]), as a pass over the finished block while it is in the cache: whole vectors, where a row of 20 would end
 * in a fragment. */
void ad_product_columns(const ad_call *c, size_t from, size_t to);
void ad_product_finish(const ad_call *c);

/* From rows to columns (by_columns) or back: y and x[0] are the same matrix [rows, cols]. */
ad_kernel ad_turn;

#endif
