/* ops.h: the op table. One op is one row; the engine (transform.c, plan.c) knows none of them by name.
 *
 *   X(name, arity, kind, rows, y, kernel, rule, jvp)
 *
 * kind     what the one derivative fact in `rule` states:
 *            ELEM      dy/da_i, elementwise
 *            LINEAR    the transpose in argument i applied to g; y is linear in all arguments together
 *            BILINEAR  the transpose in argument i applied to g; y is linear in each of two arguments
 *            GENERAL   the vector-Jacobian product in argument i applied to g; `jvp` states the tangent
 *            FLAT      nothing: the derivative is zero by definition
 * rows     how rows of the result follow from rows of the arguments, which is what a plan needs to work block
 *            by block: one letter per argument, r = row for row, i = the same of an index or a mask,
 *            which has no derivative, w = the whole of it; then >r (row for row), >+ (a sum over the rows) or
 *            >w (no row structure)
 * y        the formula
 * kernel   computes y, a function of ops_kernels.c; what goes row for row may be laid out by columns
 * rule     a function of ops_rules.c, written in the tensor language and so differentiable again
 *
 * A row whose kernel, rule or test example (tests/op_examples.h) is missing does not compile. */
#ifndef AD_OPS_H
#define AD_OPS_H

#define AD_OPS(X)                                                                                            \
    /* sources */                                                                                            \
    X(leaf, 0, FLAT, ">w", "the caller's numbers", k_leaf, none, none)                                       \
    X(fill, 0, FLAT, ">w", "c", k_fill, none, none)                                                          \
    /* elementwise */                                                                                        \
    X(add, 2, LINEAR, "rr>r", "a + b", k_add, r_add, none)                                                   \
    X(sub, 2, LINEAR, "rr>r", "a - b", k_sub, r_sub, none)                                                   \
    X(mul, 2, ELEM, "rr>r", "a b", k_mul, d_mul, none)                                                       \
    X(div, 2, ELEM, "rr>r", "a / b", k_div, d_div, none)                                                     \
    X(min, 2, ELEM, "rr>r", "min(a, b)", k_min, d_min, none)                                                 \
    X(max, 2, ELEM, "rr>r", "max(a, b)", k_max, d_max, none)                                                 \
    X(mul_add, 4, ELEM, "rrrr>r", "a b + c d", k_mul_add, d_mul_add, none)                                   \
    X(neg, 1, LINEAR, "r>r", "-a", k_neg, r_neg, none)                                                       \
    X(scale, 1, LINEAR, "r>r", "k a", k_scale, r_scale, none)                                                \
    X(shift, 1, ELEM, "r>r", "a + k", k_shift, d_shift, none)                                                \
    X(exp, 1, ELEM, "r>r", "exp a", k_exp, d_exp, none)                                                      \
    X(log, 1, ELEM, "r>r", "log a", k_log, d_log, none)                                                      \
    X(sqrt, 1, ELEM, "r>r", "sqrt a", k_sqrt, d_sqrt, none)                                                  \
    X(square, 1, ELEM, "r>r", "a^2", k_square, d_square, none)                                               \
    X(tanh, 1, ELEM, "r>r", "tanh a", k_tanh, d_tanh, none)                                                  \
    X(sin, 1, ELEM, "r>r", "sin a", k_sin, d_sin, none)                                                      \
    X(cos, 1, ELEM, "r>r", "cos a", k_cos, d_cos, none)                                                      \
    X(sigmoid, 1, ELEM, "r>r", "1 / (1 + exp -a)", k_sigmoid, d_sigmoid, none)                               \
    X(relu, 1, ELEM, "r>r", "max(a, 0)", k_relu, d_relu, none)                                               \
    X(softplus, 1, ELEM, "r>r", "log(1 + exp a)", k_softplus, d_softplus, none)                              \
    X(abs, 1, ELEM, "r>r", "|a|", k_abs, d_abs, none)                                                        \
    X(clip, 1, ELEM, "r>r", "min(max(a, low), high)", k_clip, d_clip, none)                                  \
    X(where, 3, LINEAR, "irr>r", "a where m is not 0, else b", k_where, r_where, none)                       \
    /* constants of the derivative */                                                                        \
    X(stop_gradient, 1, FLAT, "r>r", "a", k_copy, none, none)                                                \
    X(greater, 2, FLAT, "rr>r", "a > b", k_greater, none, none)                                              \
    X(sign, 1, FLAT, "r>r", "sign a", k_sign, none, none)                                                    \
    X(inside, 1, FLAT, "r>r", "low <= a <= high", k_inside, none, none)                                      \
    X(row_argmax, 1, FLAT, "r>r", "column of the largest", k_row_argmax, none, none)                         \
    /* products, sums, broadcasts */                                                                         \
    X(matmul, 2, BILINEAR, "matmul", "op(a) op(b)", k_product, r_matmul, none)                               \
    X(matmul_blocks, 2, BILINEAR, "ww>w", "op(a_i) op(b_i)", k_matmul_blocks, r_matmul_blocks, none)         \
    X(sum, 1, LINEAR, "r>+", "sum of all", k_sum, r_sum, none)                                               \
    X(sum_rows, 1, LINEAR, "r>+", "sum over the rows", k_sum_rows, r_sum_rows, none)                         \
    X(sum_cols, 1, LINEAR, "r>r", "sum over the columns", k_sum_cols, r_sum_cols, none)                      \
    X(broadcast_all, 1, LINEAR, "w>r", "a everywhere", k_broadcast_all, r_broadcast_all, none)               \
    X(broadcast_rows, 1, LINEAR, "w>r", "a in every row", k_broadcast_rows, r_broadcast_rows, none)          \
    X(broadcast_cols, 1, LINEAR, "r>r", "a in every column", k_broadcast_cols, r_broadcast_cols, none)       \
    /* pieces */                                                                                             \
    X(copy, 1, LINEAR, "r>r", "a", k_copy, r_copy, none)                                                     \
    X(reshape, 1, LINEAR, "w>w", "a in another shape", k_copy, r_reshape, none)                              \
    X(transpose, 1, LINEAR, "w>w", "a^T", k_transpose, r_transpose, none)                                    \
    X(slice_cols, 1, LINEAR, "r>r", "columns from..from+n of a", k_slice_cols, r_slice_cols, none)           \
    X(pad_cols, 1, LINEAR, "r>r", "a between columns of zeros", k_pad_cols, r_pad_cols, none)                \
    X(concat_cols, 2, LINEAR, "rr>r", "[a | b]", k_concat_cols, r_concat_cols, none)                         \
    X(slice_rows, 1, LINEAR, "w>w", "rows from..from+n of a", k_slice_rows, r_slice_rows, none)              \
    X(pad_rows, 1, LINEAR, "w>w", "a between rows of zeros", k_pad_rows, r_pad_rows, none)                   \
    X(concat_rows, 2, LINEAR, "ww>w", "a above b", k_concat_rows, r_concat_rows, none)                       \
    X(gather, 2, LINEAR, "ri>r", "a[r, index[r]]", k_gather, r_gather, none)                                 \
    X(scatter, 2, LINEAR, "ri>r", "a[r] at index[r], else 0", k_scatter, r_scatter, none)                    \
    X(take_rows, 2, LINEAR, "wi>r", "row index[r] of a", k_take_rows, r_take_rows, none)                     \
    X(put_rows, 2, LINEAR, "ri>+", "a[r] added to row index[r]", k_put_rows, r_put_rows, none)               \
    /* fused; each equals its composite to second order */                                                   \
    X(affine, 3, GENERAL, "rww>r", "act(x w + b)", k_product, v_affine, j_affine)                            \
    X(act_grad, 2, GENERAL, "rr>r", "g act'(y)", k_act_grad, v_act_grad, j_act_grad)                         \
    X(act_curve, 4, GENERAL, "rrrr>r", "dg act'(y) + g act''(y) dy", k_act_curve, v_act_curve, j_act_curve)  \
    X(log_softmax, 1, GENERAL, "r>r", "a - log sum exp a", k_log_softmax, v_log_softmax, j_log_softmax)      \
    X(logsumexp, 1, GENERAL, "r>r", "log sum exp a", k_logsumexp, v_logsumexp, j_logsumexp)                  \
    X(softmax, 1, GENERAL, "r>r", "exp a / sum exp a", k_softmax, v_softmax, j_softmax)

typedef enum ad_op {
#define AD_OP_ENUM(name, arity, kind, rows, y, kernel, rule, jvp) AD_OP_##name,
    AD_OPS(AD_OP_ENUM)
#undef AD_OP_ENUM
    AD_OP_COUNT
} ad_op;

#endif
