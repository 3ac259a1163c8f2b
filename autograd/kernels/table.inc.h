/* table.inc.h: the table of a variant. */

#define X(f) .f = ad_k_##f,
const ad_kernel_table AD_TABLE = {
    .isa = AD_ISA,
    .name = AD_ISA_NAME,
    AD_KERNELS_UNARY(X)
    AD_KERNELS_BINARY(X)
    AD_KERNELS_QUATERNARY(X)
    AD_KERNELS_SCALAR(X)
    AD_KERNELS_BROADCAST(X)
    X(mul_add) X(where) X(axpby) X(clip) X(fill)
    X(sum) X(sum_squares) X(dot) X(col_sums) X(row_sums)
    X(transpose) X(softmax) X(log_softmax) X(softmax_columns) X(log_softmax_columns)
    X(logsumexp) X(logsumexp_columns) X(adam) X(gemm_sum)
    X(peak_fma) X(memory_read) X(memory_copy)
};
#undef X
