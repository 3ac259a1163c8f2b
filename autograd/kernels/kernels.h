/* kernels.h: what the tape computes with: matrix products, vector functions, sums, optimiser steps.
 *
 * Every kernel exists for AVX-512, for AVX2+FMA and in portable C, written once (the .inc.h files of this
 * folder) over a few vector primitives; the best variant of the CPU is chosen at first use. Builds in double
 * have the portable one only.
 *
 * Rules of all kernels
 *   - pure functions of their arguments; they allocate nothing, start no thread, and several may run at once;
 *   - arrays need no alignment, and the numbers do not depend on it: the same call gives the same bits;
 *   - nothing is read or written outside the stated arrays; y may be an input, but not a shifted one;
 *   - each entry of a vector function depends on that entry alone, not on its place in the array;
 *   - matrices are row-major; `ld` is the distance between rows, in reals, at least the number of columns;
 *   - a sum runs in an order fixed by the shapes, so work may be divided among threads at places that do not
 *     depend on their number. Different instruction sets round differently.
 *
 * Example (compiled by the tests, given size_t n, real *x, real *w, real *b, real *y):
 *
 *     ad_gemm(false, false, n, n, n, x, n, w, n, false, y, n, b);   // y = x w + b
 *     ad_v_tanh(n * n, y, y);                                       // y = tanh(y)
 *
 * FIRSTMOVER_ISA=portable|avx2|avx512 in the environment asks for a variant. The programs refuse one that the
 * CPU or the build does not have (ad_kernels_find); whoever did not look first is stopped at first use. */
#ifndef AD_KERNELS_H
#define AD_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/real.h"

typedef enum ad_isa { AD_ISA_PORTABLE, AD_ISA_AVX2, AD_ISA_AVX512 } ad_isa;
#define AD_ISA_NAMES "portable|avx2|avx512" /* ORDER: ad_isa */

/* y = f(x), entry by entry. Largest error of float against exact: the number in ulp, over the whole range
 * with infinities, NaN and denormals as in C's libm. The portable variant of the first seven calls libm. */
#define AD_KERNELS_UNARY(X)                                                                                  \
    X(tanh)     /* 2.5 ulp */                                                                                \
    X(exp)      /* 1 ulp; denormal results included */                                                       \
    X(log)      /* 1 ulp */                                                                                  \
    X(sigmoid)  /* 2.5 ulp: 1 / (1 + exp(-x)) */                                                             \
    X(softplus) /* 3 ulp: log(1 + exp(x)) */                                                                 \
    X(sin)      /* 2 ulp; beyond 131072 exact to rounding, and slow */                                       \
    X(cos)      /* 2 ulp; likewise */                                                                        \
    X(sqrt)                                                                                                  \
    X(neg)                                                                                                   \
    X(square)                                                                                                \
    X(abs)                                                                                                   \
    X(relu) /* NaN stays NaN */                                                                              \
    X(sign) /* -1, 0, 1; NaN gives 0 */

/* y = f(a, b) */
#define AD_KERNELS_BINARY(X)                                                                                 \
    X(add)                                                                                                   \
    X(sub)                                                                                                   \
    X(mul)                                                                                                   \
    X(div)                                                                                                   \
    X(min)      /* NaN when either is */                                                                     \
    X(max)      /* NaN when either is */                                                                     \
    X(greater)  /* 1 where a > b, else 0 */                                                                  \
    X(mul_dtanh) /* a (1 - b b): a gradient through y = tanh(x), with b = y */                               \
    X(mul_drelu) /* a where b > 0, else 0 */

/* y = f(a, b, c, d) */
#define AD_KERNELS_QUATERNARY(X)                                                                             \
    X(mul_add_mul)  /* a b + c d */                                                                          \
    X(mul_dtanh_dot) /* a (1 - b b) - 2 b c d: tangent of g (1 - y y), with a = dg, b = y, c = dy, d = g */

/* y = f(x, s) with one number s */
#define AD_KERNELS_SCALAR(X)                                                                                 \
    X(scale) /* s x */                                                                                       \
    X(shift) /* s + x */                                                                                     \
    X(axpy)  /* y + s x */

/* y[i, j] = f(x[i, j], v) of x, y [m, n] without gaps; v is v[j] (a row) or v[i] (a column). */
#define AD_KERNELS_BROADCAST(X)                                                                              \
    X(add_row)                                                                                               \
    X(sub_row)                                                                                               \
    X(mul_row)                                                                                               \
    X(div_row)                                                                                               \
    X(add_col)                                                                                               \
    X(sub_col)                                                                                               \
    X(mul_col)                                                                                               \
    X(div_col)

/* One product of a sum: op(A) [m, k] op(B) [k, n]. */
typedef struct ad_term {
    const real *a;
    size_t lda;
    const real *b;
    size_t ldb;
    size_t k;
} ad_term;

/* What is added to every row of C, by_rows false, [n]; or to every column, [m]. NULL: nothing. */
typedef struct ad_bias {
    const real *b;
    bool by_rows;
} ad_bias;

/* What becomes of an entry of C when its sum is complete: max(0, entry), and then zero where the entry of
 * `mask`, which is laid out as C, is not positive. NULL: no mask. */
typedef struct ad_finish {
    bool relu;
    const real *mask;
} ad_finish;

/* A step of Adam. */
typedef struct ad_adam {
    double rate, beta1, beta2, epsilon;
    double tau; /* of the target copy, if there is one */
} ad_adam;

/* The kernels of one instruction set. The functions below are the same, called through ad_kernels(). */
typedef struct ad_kernel_table {
    ad_isa isa;
    const char *name; /* "avx512" */
#define X(f) void (*f)(size_t n, const real *x, real *y);
    AD_KERNELS_UNARY(X)
#undef X
#define X(f) void (*f)(size_t n, const real *a, const real *b, real *y);
    AD_KERNELS_BINARY(X)
#undef X
#define X(f) void (*f)(size_t n, const real *a, const real *b, const real *c, const real *d, real *y);
    AD_KERNELS_QUATERNARY(X)
#undef X
#define X(f) void (*f)(size_t n, real s, const real *x, real *y);
    AD_KERNELS_SCALAR(X)
#undef X
#define X(f) void (*f)(size_t m, size_t n, const real *x, const real *v, real *y);
    AD_KERNELS_BROADCAST(X)
#undef X
    void (*mul_add)(size_t n, const real *a, const real *b, const real *c, real *y);
    void (*where)(size_t n, const real *m, const real *a, const real *b, real *y);
    void (*axpby)(size_t n, real s, const real *x, real t, real *y);
    void (*clip)(size_t n, real low, real high, const real *x, real *y);
    void (*fill)(size_t n, real s, real *y);
    real (*sum)(size_t n, const real *x);
    real (*sum_squares)(size_t n, const real *x);
    real (*dot)(size_t n, const real *x, const real *y);
    void (*col_sums)(size_t m, size_t n, const real *x, size_t ldx, bool accumulate, real *y);
    void (*row_sums)(size_t m, size_t n, const real *x, size_t ldx, bool accumulate, real *y);
    void (*transpose)(size_t m, size_t n, const real *x, real *y);
    void (*softmax)(size_t m, size_t n, const real *x, real *y);
    void (*log_softmax)(size_t m, size_t n, const real *x, real *y);
    void (*softmax_columns)(size_t m, size_t n, const real *x, real *y);
    void (*log_softmax_columns)(size_t m, size_t n, const real *x, real *y);
    void (*logsumexp)(size_t m, size_t n, const real *x, real *y);
    void (*logsumexp_columns)(size_t m, size_t n, const real *x, real *y);
    real (*adam)(size_t n, real *theta, real *first, real *second, const real *g, const ad_adam *step,
                 real *target);
    void (*gemm_sum)(bool trans_a, bool trans_b, size_t m, size_t n, size_t terms, const ad_term *term,
                     bool accumulate, real *c, size_t ldc, ad_bias bias, ad_finish finish);
    double (*peak_fma)(size_t iterations);
    real (*memory_read)(size_t n, const real *x);
    void (*memory_copy)(size_t n, const real *x, real *y);
} ad_kernel_table;

/* The table in use: chosen at the first call, once for the process. */
const ad_kernel_table *ad_kernels(void);
ad_isa ad_kernels_isa(void);

/* The table of one variant, or NULL when this CPU or this build does not have it. */
const ad_kernel_table *ad_kernels_of(ad_isa isa);

/* The variant of that name; "auto": the one in use, or else the one that FIRSTMOVER_ISA names, or else the
 * widest. Errors: there is none of that name here; those there are stand in the message. */
fm_status ad_kernels_find(const char *name, ad_isa *isa, fm_error *err);

/* Uses that variant from now on (not while kernels run elsewhere). Aborts when there is none. */
void ad_kernels_use(ad_isa isa);

/* The same with a table: one of the above, or a copy of one in which functions watch what passes through
 * them. It must last as long as it is in use. */
void ad_kernels_replace(const ad_kernel_table *table);

#define X(f) static inline void ad_v_##f(size_t n, const real *x, real *y) { ad_kernels()->f(n, x, y); }
AD_KERNELS_UNARY(X)
#undef X
#define X(f)                                                                                                 \
    static inline void ad_v_##f(size_t n, const real *a, const real *b, real *y) {                           \
        ad_kernels()->f(n, a, b, y);                                                                         \
    }
AD_KERNELS_BINARY(X)
#undef X
#define X(f)                                                                                                 \
    static inline void ad_v_##f(size_t n, const real *a, const real *b, const real *c, const real *d,        \
                                real *y) {                                                                   \
        ad_kernels()->f(n, a, b, c, d, y);                                                                   \
    }
AD_KERNELS_QUATERNARY(X)
#undef X
#define X(f)                                                                                                 \
    static inline void ad_v_##f(size_t n, real s, const real *x, real *y) {                                  \
        ad_kernels()->f(n, s, x, y);                                                                         \
    }
AD_KERNELS_SCALAR(X)
#undef X
#define X(f)                                                                                                 \
    static inline void ad_v_##f(size_t m, size_t n, const real *x, const real *v, real *y) {                 \
        ad_kernels()->f(m, n, x, v, y);                                                                      \
    }
AD_KERNELS_BROADCAST(X)
#undef X

/* y = a b + c */
static inline void ad_v_mul_add(size_t n, const real *a, const real *b, const real *c, real *y) {
    ad_kernels()->mul_add(n, a, b, c, y);
}

/* y = a where m is not 0, else b: bit for bit, whatever the other one is */
static inline void ad_v_where(size_t n, const real *m, const real *a, const real *b, real *y) {
    ad_kernels()->where(n, m, a, b, y);
}

/* y = s x + t y (y is read also when t is 0) */
static inline void ad_v_axpby(size_t n, real s, const real *x, real t, real *y) {
    ad_kernels()->axpby(n, s, x, t, y);
}

/* y = x between low and high; NaN stays NaN */
static inline void ad_v_clip(size_t n, real low, real high, const real *x, real *y) {
    ad_kernels()->clip(n, low, high, x, y);
}

static inline void ad_v_fill(size_t n, real s, real *y) { ad_kernels()->fill(n, s, y); }

/* Sums in `real`, over several interleaved partial sums: the error grows with n / 64 additions or less
 * (AVX-512). */
static inline real ad_v_sum(size_t n, const real *x) { return ad_kernels()->sum(n, x); }
static inline real ad_v_sum_squares(size_t n, const real *x) { return ad_kernels()->sum_squares(n, x); }
static inline real ad_v_dot(size_t n, const real *x, const real *y) { return ad_kernels()->dot(n, x, y); }

/* y[j] (+)= sum over i of x[i, j]; x [m, n], y [n]. */
static inline void ad_col_sums(size_t m, size_t n, const real *x, size_t ldx, bool accumulate, real *y) {
    ad_kernels()->col_sums(m, n, x, ldx, accumulate, y);
}

/* y[i] (+)= sum over j of x[i, j]; x [m, n], y [m]; y may not be x. */
static inline void ad_row_sums(size_t m, size_t n, const real *x, size_t ldx, bool accumulate, real *y) {
    ad_kernels()->row_sums(m, n, x, ldx, accumulate, y);
}

/* y[j, i] = x[i, j]; x [m, n], y [n, m], without gaps; y may not be x. */
static inline void ad_transpose_to(size_t m, size_t n, const real *x, real *y) {
    ad_kernels()->transpose(m, n, x, y);
}

/* Over the n >= 1 columns of each row of x [m, n]: exp(x - max) / sum, and x - max - log(sum). An entry of
 * -infinity has probability 0; a row of nothing else gives NaN. */
static inline void ad_v_softmax(size_t m, size_t n, const real *x, real *y) {
    ad_kernels()->softmax(m, n, x, y);
}
static inline void ad_v_log_softmax(size_t m, size_t n, const real *x, real *y) {
    ad_kernels()->log_softmax(m, n, x, y);
}

/* y[i] = log of the sum over j of exp(x[i, j]), y [m]: -infinity when the whole row is, infinity when one
 * entry is. */
static inline void ad_v_logsumexp(size_t m, size_t n, const real *x, real *y) {
    ad_kernels()->logsumexp(m, n, x, y);
}

/* The same over the m >= 1 rows of each column. */
static inline void ad_v_softmax_columns(size_t m, size_t n, const real *x, real *y) {
    ad_kernels()->softmax_columns(m, n, x, y);
}
static inline void ad_v_log_softmax_columns(size_t m, size_t n, const real *x, real *y) {
    ad_kernels()->log_softmax_columns(m, n, x, y);
}
static inline void ad_v_logsumexp_columns(size_t m, size_t n, const real *x, real *y) {
    ad_kernels()->logsumexp_columns(m, n, x, y);
}

/* One step of Adam over n parameters: first = b1 first + (1 - b1) g, second = b2 second + (1 - b2) g g,
 * theta -= rate first / (sqrt(second) + epsilon); then, unless target is NULL, what ad_v_polyak does to it.
 * All in one pass over memory, and with it the sum of g g, which is returned. With the step size and epsilon
 * of [Kingma 2015, Alg. 1] at step t, pass rate = alpha sqrt(1 - b2^t) / (1 - b1^t) and epsilon =
 * eps sqrt(1 - b2^t). Moments below 1e-36 become 0. */
static inline real ad_v_adam(size_t n, real *theta, real *first, real *second, const real *g,
                             const ad_adam *step, real *target) {
    return ad_kernels()->adam(n, theta, first, second, g, step, target);
}

/* target += tau (x - target), as (1 - tau) target + tau x. */
static inline void ad_v_polyak(size_t n, double tau, const real *x, real *target) {
    ad_kernels()->axpby(n, (real)tau, x, (real)(1 - tau), target);
}

/* C [m, n] = or += the sum of op(A) op(B) over the terms, + the bias, and finished. op transposes when asked,
 * all terms alike, so A is stored [m, k] or [k, m], B [k, n] or [n, k]. No terms, or k = 0, are a sum of
 * nothing. C overlaps no input. All terms are summed in one pass over C, as if they were one product of
 * concatenated matrices; that is faster than one product after another, most of all for small k.
 *
 * An entry's sum runs in an order that depends on the whole shape: a product computed in blocks of rows
 * gives the same bits again only with the same blocks. */
static inline void ad_gemm_sum(bool trans_a, bool trans_b, size_t m, size_t n, size_t terms,
                               const ad_term *term, bool accumulate, real *c, size_t ldc, ad_bias bias,
                               ad_finish finish) {
    ad_kernels()->gemm_sum(trans_a, trans_b, m, n, terms, term, accumulate, c, ldc, bias, finish);
}

/* The same with one term, and a bias [n] of every row or NULL. */
static inline void ad_gemm(bool trans_a, bool trans_b, size_t m, size_t n, size_t k, const real *a,
                           size_t lda, const real *b, size_t ldb, bool accumulate, real *c, size_t ldc,
                           const real *bias) {
    const ad_term one = {a, lda, b, ldb, k};
    ad_gemm_sum(trans_a, trans_b, m, n, 1, &one, accumulate, c, ldc, (ad_bias){bias, false}, (ad_finish){0});
}

/* For benchmarks. Fused multiply-adds in registers, as wide and as many at once as the variant can:
 * returns the number of floating-point operations done (portable: multiply and add). Reading n reals, and
 * copying them. */
static inline double ad_peak_fma(size_t iterations) { return ad_kernels()->peak_fma(iterations); }
static inline real ad_memory_read(size_t n, const real *x) { return ad_kernels()->memory_read(n, x); }
static inline void ad_memory_copy(size_t n, const real *x, real *y) { ad_kernels()->memory_copy(n, x, y); }

#endif
