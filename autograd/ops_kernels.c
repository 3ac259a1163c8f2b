/* ops_kernels.c: each op's value, by the kernels of kernels.h. */
#include "autograd/ops_kernels.h"

#include <string.h>

#include "autograd/kernels.h"

static size_t count(const ad_call *c) { return (size_t)c->rows * c->cols; }

#define UNARY(name) \
    void k_##name(const ad_call *c) { ad_v_##name(count(c), c->x[0], c->y); }
#define BINARY(name) \
    void k_##name(const ad_call *c) { ad_v_##name(count(c), c->x[0], c->x[1], c->y); }
#define SCALAR(name) \
    void k_##name(const ad_call *c) { ad_v_##name(count(c), (real)c->attr.low, c->x[0], c->y); }

UNARY(neg)
UNARY(exp)
UNARY(log)
UNARY(sqrt)
UNARY(square)
UNARY(tanh)
UNARY(sigmoid)
UNARY(relu)
UNARY(softplus)
UNARY(abs)
UNARY(sign)
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(min)
BINARY(max)
BINARY(greater)
SCALAR(scale)
SCALAR(shift)

/* The caller's memory is the value. */
void k_leaf(const ad_call *c) { (void)c; }
void k_fill(const ad_call *c) { ad_v_fill(count(c), (real)c->attr.low, c->y); }
void k_copy(const ad_call *c) { memmove(c->y, c->x[0], count(c) * sizeof(real)); }
void k_mul_add(const ad_call *c) { ad_v_mul_add_mul(count(c), c->x[0], c->x[1], c->x[2], c->x[3], c->y); }
void k_clip(const ad_call *c) { ad_v_clip(count(c), (real)c->attr.low, (real)c->attr.high, c->x[0], c->y); }

void k_inside(const ad_call *c) {
    for (size_t i = 0; i < count(c); i++) c->y[i] = c->x[0][i] > c->attr.low && c->x[0][i] < c->attr.high;
}

void k_row_max(const ad_call *c) {
    size_t cols = c->x_cols[0];
    for (size_t r = 0; r < c->rows; r++) {
        const real *x = c->x[0] + r * cols;
        real most = x[0];
        for (size_t j = 1; j < cols; j++) most = x[j] > most ? x[j] : most;
        c->y[r] = most;
    }
}

/* ---- products ---- */

void ad_product_columns(const ad_call *c, size_t from, size_t to) {
    ad_term term[2] = {{0}};
    const bool trans_a = c->attr.trans_a, trans_b = c->attr.trans_b;
    for (int t = 0; t < 2; t++) {
        const int i = 4 * t;
        if (c->x[i] == NULL) continue;
        term[t] = (ad_term){c->x[i], c->x_cols[i], c->x[i + 1] + (trans_b ? from * c->x_cols[i + 1] : from),
                            c->x_cols[i + 1], trans_a ? c->x_rows[i] : c->x_cols[i]};
    }
    ad_gemm_sum(trans_a, trans_b, c->rows, to - from, c->x[4] != NULL ? 2 : 1, term, c->accumulate, c->y + from,
                c->cols, c->x[2] != NULL ? c->x[2] + from : NULL);
}

void ad_product_finish(const ad_call *c) {
    if (c->attr.act == AD_RELU) ad_v_relu(count(c), c->y, c->y);
    if (c->attr.act == AD_TANH) ad_v_tanh(count(c), c->y, c->y);
    if (c->attr.mask == AD_RELU) ad_v_mul_drelu(count(c), c->y, c->x[3], c->y);
    if (c->attr.mask == AD_TANH) ad_v_mul_dtanh(count(c), c->y, c->x[3], c->y);
}

void k_product(const ad_call *c) {
    ad_product_columns(c, 0, c->cols);
    ad_product_finish(c);
}

void k_act_grad(const ad_call *c) {
    if (c->attr.act == AD_TANH) ad_v_mul_dtanh(count(c), c->x[0], c->x[1], c->y);
    else ad_v_mul_drelu(count(c), c->x[0], c->x[1], c->y);
}

void k_act_curve(const ad_call *c) {
    ad_v_mul_dtanh_dot(count(c), c->x[0], c->x[2], c->x[3], c->x[1], c->y);
}

/* ---- sums and broadcasts ---- */

void k_sum(const ad_call *c) {
    real sum = ad_v_sum((size_t)c->x_rows[0] * c->x_cols[0], c->x[0]);
    c->y[0] = c->accumulate ? c->y[0] + sum : sum;
}

void k_sum_rows(const ad_call *c) {
    ad_col_sums(c->x_rows[0], c->x_cols[0], c->x[0], c->x_cols[0], c->accumulate, c->y);
}

void k_sum_cols(const ad_call *c) { ad_row_sums(c->rows, c->x_cols[0], c->x[0], c->x_cols[0], c->y); }

void k_broadcast_all(const ad_call *c) { ad_v_fill(count(c), c->x[0][0], c->y); }

void k_broadcast_rows(const ad_call *c) {
    for (size_t r = 0; r < c->rows; r++) memcpy(c->y + r * c->cols, c->x[0], c->cols * sizeof(real));
}

void k_broadcast_cols(const ad_call *c) {
    for (size_t r = 0; r < c->rows; r++) ad_v_fill(c->cols, c->x[0][r], c->y + r * c->cols);
}

/* ---- pieces ---- */

void k_transpose(const ad_call *c) {
    for (size_t r = 0; r < c->rows; r++)
        for (size_t j = 0; j < c->cols; j++) c->y[r * c->cols + j] = c->x[0][j * c->x_cols[0] + r];
}

static void copy_columns(size_t rows, size_t cols, const real *from, size_t from_cols, real *to, size_t to_cols) {
    for (size_t r = 0; r < rows; r++) memcpy(to + r * to_cols, from + r * from_cols, cols * sizeof(real));
}

void k_slice_cols(const ad_call *c) {
    copy_columns(c->rows, c->cols, c->x[0] + c->attr.from, c->x_cols[0], c->y, c->cols);
}

void k_pad_cols(const ad_call *c) {
    memset(c->y, 0, count(c) * sizeof(real));
    copy_columns(c->rows, c->x_cols[0], c->x[0], c->x_cols[0], c->y + c->attr.from, c->cols);
}

void k_concat_cols(const ad_call *c) {
    copy_columns(c->rows, c->x_cols[0], c->x[0], c->x_cols[0], c->y, c->cols);
    copy_columns(c->rows, c->x_cols[1], c->x[1], c->x_cols[1], c->y + c->x_cols[0], c->cols);
}

void k_slice_rows(const ad_call *c) {
    memcpy(c->y, c->x[0] + (size_t)c->attr.from * c->cols, count(c) * sizeof(real));
}

void k_pad_rows(const ad_call *c) {
    memset(c->y, 0, count(c) * sizeof(real));
    memcpy(c->y + (size_t)c->attr.from * c->cols, c->x[0], (size_t)c->x_rows[0] * c->cols * sizeof(real));
}

void k_concat_rows(const ad_call *c) {
    size_t first = (size_t)c->x_rows[0] * c->cols;
    memcpy(c->y, c->x[0], first * sizeof(real));
    memcpy(c->y + first, c->x[1], (count(c) - first) * sizeof(real));
}

static size_t column(const real *index, size_t row, size_t cols) {
    real x = index[row];
    FM_CHECK(x >= 0 && x < (real)cols, "gather: index %g in row %zu of %zu columns", (double)x, row, cols);
    return (size_t)x;
}

void k_gather(const ad_call *c) {
    size_t cols = c->x_cols[0];
    for (size_t r = 0; r < c->rows; r++) c->y[r] = c->x[0][r * cols + column(c->x[1], r, cols)];
}

void k_scatter(const ad_call *c) {
    memset(c->y, 0, count(c) * sizeof(real));
    for (size_t r = 0; r < c->rows; r++) c->y[r * c->cols + column(c->x[1], r, c->cols)] = c->x[0][r];
}

/* ---- over the columns of each row ---- */

void k_softmax(const ad_call *c) { ad_v_softmax(c->rows, c->cols, c->x[0], c->y); }
void k_log_softmax(const ad_call *c) { ad_v_log_softmax(c->rows, c->cols, c->x[0], c->y); }
