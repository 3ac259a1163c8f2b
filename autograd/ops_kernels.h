/* ops_kernels.h: the functions that the kernel column of the op table names. */
#ifndef AD_OPS_KERNELS_H
#define AD_OPS_KERNELS_H

#include "autograd/tape.h"

ad_kernel ad_k_leaf, ad_k_fill, ad_k_add, ad_k_sub, ad_k_mul, ad_k_div, ad_k_min, ad_k_max, ad_k_mul_add,
    ad_k_neg, ad_k_scale, ad_k_shift, ad_k_exp, ad_k_log;
ad_kernel ad_k_sqrt, ad_k_square, ad_k_tanh, ad_k_sigmoid, ad_k_relu, ad_k_softplus, ad_k_abs, ad_k_clip,
    ad_k_copy, ad_k_greater, ad_k_sign, ad_k_inside;
ad_kernel ad_k_sin, ad_k_cos, ad_k_where, ad_k_row_argmax, ad_k_matmul_blocks, ad_k_take_rows, ad_k_put_rows,
    ad_k_logsumexp;
ad_kernel ad_k_product, ad_k_sum, ad_k_sum_rows, ad_k_sum_cols, ad_k_broadcast_all,
    ad_k_broadcast_rows, ad_k_broadcast_cols;
ad_kernel ad_k_transpose, ad_k_slice_cols, ad_k_pad_cols, ad_k_concat_cols, ad_k_slice_rows, ad_k_pad_rows,
    ad_k_concat_rows, ad_k_gather;
ad_kernel ad_k_scatter, ad_k_act_grad, ad_k_act_curve, ad_k_log_softmax, ad_k_softmax;

/* ad_k_product, of matmul and affine, in two parts: any range of the result's columns, with the bias, and
 * with a relu or the derivative of one that a plan folded in (its layer output is x[3]); then, once all
 * columns stand there, tanh and its derivative, as a pass over the block while it is in the cache: whole
 * vectors, where a row of 20 would end in a fragment. */
void ad_product_columns(const ad_call *c, size_t from, size_t to);
void ad_product_finish(const ad_call *c);

/* From rows to columns (by_columns) or back: y and x[0] are the same matrix [rows, cols]. */
ad_kernel ad_turn;

#endif
