/* ops_kernels.c: each op's value, by the kernels of kernels.h.
 *
 * Elementwise ops do not care how their numbers are laid out. The others that go row for row look at
 * by_columns: a matrix [rows, cols] then stands as its transpose. */
#include "autograd/ops_kernels.h"

#include <string.h>

#include "autograd/kernels/kernels.h"

static size_t count(const ad_call *c) { return (size_t)c->rows * c->cols; }

#define UNARY(name) \
    void ad_k_##name(const ad_call *c) { ad_v_##name(count(c), c->x[0], c->y); }
#define BINARY(name) \
    void ad_k_##name(const ad_call *c) { ad_v_##name(count(c), c->x[0], c->x[1], c->y); }
#define SCALAR(name) \
    void ad_k_##name(const ad_call *c) { ad_v_##name(count(c), (real)c->attr.low, c->x[0], c->y); }

UNARY(neg)
UNARY(exp)
UNARY(log)
UNARY(sqrt)
UNARY(square)
UNARY(tanh)
UNARY(sin)
UNARY(cos)
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
void ad_k_leaf(const ad_call *c) { (void)c; }
void ad_k_fill(const ad_call *c) { ad_v_fill(count(c), (real)c->attr.low, c->y); }
void ad_k_copy(const ad_call *c) { memmove(c->y, c->x[0], count(c) * sizeof(real)); }
void ad_k_mul_add(const ad_call *c) { ad_v_mul_add_mul(count(c), c->x[0], c->x[1], c->x[2], c->x[3], c->y); }
void ad_k_clip(const ad_call *c) {
    ad_v_clip(count(c), (real)c->attr.low, (real)c->attr.high, c->x[0], c->y);
}

void ad_k_inside(const ad_call *c) {
    const real low = (real)c->attr.low, high = (real)c->attr.high; /* as clip rounds them */
    for (size_t i = 0; i < count(c); i++) c->y[i] = c->x[0][i] >= low && c->x[0][i] <= high;
}

void ad_k_where(const ad_call *c) { ad_v_where(count(c), c->x[0], c->x[1], c->x[2], c->y); }

/* The first NaN, if there is one: it is the maximum too. */
void ad_k_row_argmax(const ad_call *c) {
    const size_t cols = c->x_cols[0], next = c->by_columns ? c->rows : 1, row = c->by_columns ? 1 : cols;
    for (size_t r = 0; r < c->rows; r++) {
        const real *x = c->x[0] + r * row;
        size_t best = 0;
        for (size_t j = 1; j < cols; j++) {
            const real most = x[best * next], other = x[j * next];
            if (other > most || (other != other && most == most)) best = j;
        }
        c->y[r] = (real)best;
    }
}

/* ---- products ---- */

/* What the product does as it writes its result: a layer's relu, or that of a gradient. */
static ad_finish finish_of(const ad_call *c) {
    return (ad_finish){c->attr.act == AD_RELU, c->attr.mask == AD_RELU ? c->x[3] : NULL};
}

/* y = x w + b as y^T = w^T x^T + b^T, and the sum over rows x^T g of x^T and g^T. */
static void product_by_columns(const ad_call *c) {
    const bool sums = c->attr.trans_a;
    ad_term term[2] = {{0}};
    for (int t = 0; t < 2; t++) {
        const int x = 4 * t, other = 4 * t + 1;
        if (c->x[x] == NULL) continue;
        if (sums) term[t] = (ad_term){c->x[x], c->x_rows[x], c->x[other], c->x_rows[other], c->x_rows[x]};
        else term[t] = (ad_term){c->x[other], c->x_cols[other], c->x[x], c->rows, c->x_cols[x]};
    }
    const size_t terms = c->x[4] != NULL ? 2 : 1;
    const ad_bias none = {0}, bias = {c->x[2], true};
    if (sums)
        ad_gemm_sum(false, true, c->rows, c->cols, terms, term, c->accumulate, c->y, c->cols, none,
                    (ad_finish){0});
    else
        ad_gemm_sum(!c->attr.trans_b, false, c->cols, c->rows, terms, term, c->accumulate, c->y, c->rows,
                    bias, finish_of(c));
}

void ad_product_columns(const ad_call *c, size_t from, size_t to) {
    ad_term term[2] = {{0}};
    const bool trans_a = c->attr.trans_a, trans_b = c->attr.trans_b;
    for (int t = 0; t < 2; t++) {
        const int i = 4 * t;
        if (c->x[i] == NULL) continue;
        term[t] = (ad_term){c->x[i], c->x_cols[i], c->x[i + 1] + (trans_b ? from * c->x_cols[i + 1] : from),
                            c->x_cols[i + 1], trans_a ? c->x_rows[i] : c->x_cols[i]};
    }
    ad_finish finish = finish_of(c);
    if (finish.mask != NULL) finish.mask += from;
    ad_gemm_sum(trans_a, trans_b, c->rows, to - from, c->x[4] != NULL ? 2 : 1, term, c->accumulate,
                c->y + from, c->cols, (ad_bias){c->x[2] != NULL ? c->x[2] + from : NULL, false}, finish);
}

void ad_product_finish(const ad_call *c) {
    if (c->attr.act == AD_TANH) ad_v_tanh(count(c), c->y, c->y);
    if (c->attr.mask == AD_TANH) ad_v_mul_dtanh(count(c), c->y, c->x[3], c->y);
}

void ad_k_product(const ad_call *c) {
    if (c->by_columns) product_by_columns(c);
    else ad_product_columns(c, 0, c->cols);
    ad_product_finish(c);
}

void ad_k_matmul_blocks(const ad_call *c) {
    const size_t blocks = c->attr.from, a_rows = c->x_rows[0] / blocks, b_rows = c->x_rows[1] / blocks;
    const size_t m = c->rows / blocks, k = c->attr.trans_a ? a_rows : c->x_cols[0];
    for (size_t i = 0; i < blocks; i++)
        ad_gemm(c->attr.trans_a, c->attr.trans_b, m, c->cols, k, c->x[0] + i * a_rows * c->x_cols[0],
                c->x_cols[0], c->x[1] + i * b_rows * c->x_cols[1], c->x_cols[1], false,
                c->y + i * m * c->cols, c->cols, NULL);
}

void ad_k_act_grad(const ad_call *c) {
    if (c->attr.act == AD_TANH) ad_v_mul_dtanh(count(c), c->x[0], c->x[1], c->y);
    else ad_v_mul_drelu(count(c), c->x[0], c->x[1], c->y);
}

void ad_k_act_curve(const ad_call *c) {
    ad_v_mul_dtanh_dot(count(c), c->x[0], c->x[2], c->x[3], c->x[1], c->y);
}

/* ---- sums and broadcasts ---- */

void ad_k_sum(const ad_call *c) {
    real sum = ad_v_sum((size_t)c->x_rows[0] * c->x_cols[0], c->x[0]);
    c->y[0] = c->accumulate ? c->y[0] + sum : sum;
}

void ad_k_sum_rows(const ad_call *c) {
    size_t rows = c->x_rows[0], cols = c->x_cols[0];
    if (c->by_columns) ad_row_sums(cols, rows, c->x[0], rows, c->accumulate, c->y);
    else ad_col_sums(rows, cols, c->x[0], cols, c->accumulate, c->y);
}

void ad_k_sum_cols(const ad_call *c) {
    size_t rows = c->rows, cols = c->x_cols[0];
    if (c->by_columns) ad_col_sums(cols, rows, c->x[0], rows, false, c->y);
    else ad_row_sums(rows, cols, c->x[0], cols, false, c->y);
}

void ad_k_broadcast_all(const ad_call *c) { ad_v_fill(count(c), c->x[0][0], c->y); }

/* y [m, n]: v [n] in every row, or v [m] in every column. */
static void every_row(size_t m, size_t n, const real *v, real *y) {
    for (size_t i = 0; i < m; i++) memcpy(y + i * n, v, n * sizeof(real));
}

static void every_column(size_t m, size_t n, const real *v, real *y) {
    for (size_t i = 0; i < m; i++) ad_v_fill(n, v[i], y + i * n);
}

void ad_k_broadcast_rows(const ad_call *c) {
    if (c->by_columns) every_column(c->cols, c->rows, c->x[0], c->y);
    else every_row(c->rows, c->cols, c->x[0], c->y);
}

void ad_k_broadcast_cols(const ad_call *c) {
    if (c->by_columns) every_row(c->cols, c->rows, c->x[0], c->y);
    else every_column(c->rows, c->cols, c->x[0], c->y);
}

/* ---- pieces ---- */

void ad_k_transpose(const ad_call *c) { ad_transpose_to(c->cols, c->rows, c->x[0], c->y); }

void ad_turn(const ad_call *c) {
    if (c->by_columns) ad_transpose_to(c->rows, c->cols, c->x[0], c->y);
    else ad_transpose_to(c->cols, c->rows, c->x[0], c->y);
}

/* Rows are often short: a call of memcpy would cost more than they do. */
static void copy_row(real *to, const real *from, size_t n) {
    for (; n >= 8; n -= 8, to += 8, from += 8) memcpy(to, from, 8 * sizeof *to);
    for (size_t k = 0; k < n; k++) to[k] = from[k];
}

/* `n` columns from one matrix of c->rows rows to another, from column `at` and to column `to_at`. */
static void copy_columns(const ad_call *c, size_t n, const real *from, size_t at, size_t cols, real *to,
                         size_t to_at, size_t to_cols) {
    size_t rows = c->rows;
    if (c->by_columns) memcpy(to + to_at * rows, from + at * rows, n * rows * sizeof(real));
    for (size_t r = 0; r < rows && !c->by_columns; r++)
        copy_row(to + r * to_cols + to_at, from + r * cols + at, n);
}

void ad_k_slice_cols(const ad_call *c) {
    copy_columns(c, c->cols, c->x[0], c->attr.from, c->x_cols[0], c->y, 0, c->cols);
}

void ad_k_pad_cols(const ad_call *c) {
    memset(c->y, 0, count(c) * sizeof(real));
    copy_columns(c, c->x_cols[0], c->x[0], 0, c->x_cols[0], c->y, c->attr.from, c->cols);
}

void ad_k_concat_cols(const ad_call *c) {
    copy_columns(c, c->x_cols[0], c->x[0], 0, c->x_cols[0], c->y, 0, c->cols);
    copy_columns(c, c->x_cols[1], c->x[1], 0, c->x_cols[1], c->y, c->x_cols[0], c->cols);
}

void ad_k_slice_rows(const ad_call *c) {
    memcpy(c->y, c->x[0] + (size_t)c->attr.from * c->cols, count(c) * sizeof(real));
}

void ad_k_pad_rows(const ad_call *c) {
    memset(c->y, 0, count(c) * sizeof(real));
    memcpy(c->y + (size_t)c->attr.from * c->cols, c->x[0], (size_t)c->x_rows[0] * c->cols * sizeof(real));
}

void ad_k_concat_rows(const ad_call *c) {
    size_t first = (size_t)c->x_rows[0] * c->cols;
    memcpy(c->y, c->x[0], first * sizeof(real));
    memcpy(c->y + first, c->x[1], (count(c) - first) * sizeof(real));
}

/* The index of row r, one of n. */
static size_t index_of(const char *op, const ad_call *c, size_t r, size_t n) {
    real x = c->x[1][r];
    FM_CHECK(x >= 0 && x < (real)n, "%s: index %g in row %zu, of %zu", op, (double)x, r, n);
    return (size_t)x;
}

/* Where row r of a matrix with `cols` columns has column j. */
static size_t entry(const ad_call *c, size_t r, size_t j, size_t cols) {
    return c->by_columns ? j * c->x_rows[1] + r : r * cols + j;
}

void ad_k_gather(const ad_call *c) {
    const size_t cols = c->x_cols[0];
    for (size_t r = 0; r < c->rows; r++) c->y[r] = c->x[0][entry(c, r, index_of("gather", c, r, cols), cols)];
}

void ad_k_scatter(const ad_call *c) {
    memset(c->y, 0, count(c) * sizeof(real));
    for (size_t r = 0; r < c->rows; r++)
        c->y[entry(c, r, index_of("scatter", c, r, c->cols), c->cols)] = c->x[0][r];
}

void ad_k_take_rows(const ad_call *c) {
    for (size_t r = 0; r < c->rows; r++) {
        const real *from = c->x[0] + index_of("take_rows", c, r, c->x_rows[0]) * c->cols;
        if (!c->by_columns) memcpy(c->y + r * c->cols, from, c->cols * sizeof(real));
        for (size_t j = 0; j < c->cols && c->by_columns; j++) c->y[entry(c, r, j, c->cols)] = from[j];
    }
}

void ad_k_put_rows(const ad_call *c) {
    if (!c->accumulate) memset(c->y, 0, count(c) * sizeof(real));
    for (size_t r = 0; r < c->x_rows[1]; r++) {
        real *to = c->y + index_of("put_rows", c, r, c->rows) * c->cols;
        if (!c->by_columns) ad_v_add(c->cols, to, c->x[0] + r * c->cols, to);
        for (size_t j = 0; j < c->cols && c->by_columns; j++) to[j] += c->x[0][entry(c, r, j, c->cols)];
    }
}

/* ---- over the columns of each row ---- */

void ad_k_softmax(const ad_call *c) {
    if (c->by_columns) ad_v_softmax_columns(c->cols, c->rows, c->x[0], c->y);
    else ad_v_softmax(c->rows, c->cols, c->x[0], c->y);
}

void ad_k_log_softmax(const ad_call *c) {
    if (c->by_columns) ad_v_log_softmax_columns(c->cols, c->rows, c->x[0], c->y);
    else ad_v_log_softmax(c->rows, c->cols, c->x[0], c->y);
}

void ad_k_logsumexp(const ad_call *c) {
    if (c->by_columns) ad_v_logsumexp_columns(c->x_cols[0], c->rows, c->x[0], c->y);
    else ad_v_logsumexp(c->rows, c->x_cols[0], c->x[0], c->y);
}
