/* cg.c: conjugate gradient [Hestenes & Stiefel 1952]. */
#include "autograd/cg.h"

#include <math.h>
#include <string.h>

#include "autograd/kernels/kernels.h"
#include "base/error.h"

const char *ad_cg_stop_name(ad_cg_stop stop) {
    switch (stop) {
    case AD_CG_CONVERGED: return "converged";
    case AD_CG_ITERATIONS: return "iteration limit";
    case AD_CG_CURVATURE: return "non-positive curvature";
    default: return "non-finite number";
    }
}

/* Vectors are walked through piece by piece: a piece of those at hand stays in the first cache while
 * everything is done to it that can be done before the next sum is known. */
#define PIECE 1024

/* Whether a sum of reals stayed in the range in which it can be trusted. */
static bool trusted(double sum) { return fabs(sum) > 1e-25 && fabs(sum) < 1e30; }

/* <a, b> in double. */
static double exact_dot(size_t n, const real *a, const real *b) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

double ad_dot(size_t n, const real *a, const real *b) {
    double sum = (double)ad_v_dot(n, a, b);
    return trusted(sum) ? sum : exact_dot(n, a, b);
}

double ad_cg_curve(size_t n, double damping, const real *p, real *q, double *pp) {
    double pq = 0;
    *pp = 0;
    for (size_t at = 0, m; at < n; at += m) {
        m = n - at < PIECE ? n - at : PIECE;
        if (damping > 0) ad_v_axpy(m, (real)damping, p + at, q + at);
        pq += (double)ad_v_dot(m, p + at, q + at);
        *pp += (double)ad_v_sum_squares(m, p + at);
    }
    if (!trusted(*pp)) *pp = exact_dot(n, p, p);
    return trusted(pq) ? pq : exact_dot(n, p, q);
}

double ad_cg_shorten(size_t n, double alpha, const real *q, real *r) {
    double rr = 0;
    for (size_t at = 0, m; at < n; at += m) {
        m = n - at < PIECE ? n - at : PIECE;
        ad_v_axpy(m, (real)-alpha, q + at, r + at);
        rr += (double)ad_v_sum_squares(m, r + at);
    }
    return trusted(rr) ? rr : exact_dot(n, r, r);
}

/* x += step p, then p = r + beta p; from the end, where r is still near. */
static void advance(size_t n, double step, double beta, const real *r, real *p, real *x) {
    for (size_t end = n, at; end > 0; end = at) {
        at = (end - 1) / PIECE * PIECE;
        const size_t m = end - at;
        ad_v_axpy(m, (real)step, p + at, x + at);
        ad_v_axpby(m, 1, r + at, (real)beta, p + at);
    }
}

/* |b / scale|: near the middle of what the squares of reals bear, with most of the room below, since
 * residuals only fall; with large damping by a factor of 1e7 in a step. */
#define SIZE_EXPONENT 36

/* The largest |b|; NaN when one is, or is infinite. */
static double largest_of(size_t n, const real *b) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs((double)b[i]);
        if (!isfinite(size)) return (double)NAN;
        if (size > largest) largest = size;
    }
    return largest;
}

void ad_cg_check(size_t n, const real *b, real *x, ad_cg_result *result) {
    if (isfinite(ad_v_sum_squares(n, x)) || !isnan(largest_of(n, x))) return;
    memset(x, 0, n * sizeof *x);
    result->stop = AD_CG_NONFINITE;
    result->residual = sqrt(ad_dot(n, b, b));
}

/* Changes every number by a power of two, which rounds nothing; in two halves, since the whole of it need not
 * be a real. */
static void change_scale(size_t n, int exponent, const real *from, real *to) {
    ad_v_scale(n, (real)ldexp(1, exponent / 2), from, to);
    ad_v_scale(n, (real)ldexp(1, exponent - exponent / 2), to, to);
}

/* The exponent that brings a norm to 2^SIZE_EXPONENT or to somewhat less. */
static int exponent_for(double norm) {
    int exponent;
    frexp(norm, &exponent);
    return SIZE_EXPONENT + 1 - exponent;
}

/* p and r times 2^exponent, *unit divided by it; returns what <r, r> is multiplied by. */
static double enlarge(size_t n, int exponent, real *p, real *r, double *unit) {
    change_scale(n, exponent, p, p);
    change_scale(n, exponent, r, r);
    *unit = ldexp(*unit, -exponent);
    return ldexp(1, 2 * exponent);
}

/* The iteration for r = p = b, x = 0. When |r| has fallen below 1, r and p are enlarged, which changes no
 * step but the unit that they count in: sums of reals that are no longer normal would be wrong, and take a
 * hundred times as long. */
static ad_cg_result iterate(ad_matvec *matvec, void *context, size_t n, real *x, real *work,
                            const ad_cg_options *options) {
    real *p = work, *q = work + n, *r = work + 2 * n;
    double rr = ad_dot(n, r, r), enough = sqrt(rr) * options->tolerance, unit = 1;
    ad_cg_result result = {.stop = AD_CG_ITERATIONS, .residual = sqrt(rr)};
    while (result.stop == AD_CG_ITERATIONS && result.iterations < options->iterations) {
        matvec(context, n, p, q);
        result.iterations++;
        double pp, pq = ad_cg_curve(n, options->damping, p, q, &pp), alpha = rr / pq, curvature = pq / pp;
        if (isfinite(pq) && (result.iterations == 1 || curvature < result.curvature))
            result.curvature = curvature;
        if (!isfinite(pq)) result.stop = AD_CG_NONFINITE;
        else if (pq <= 0 && !options->indefinite) result.stop = AD_CG_CURVATURE;
        else if (!isfinite((real)alpha)) result.stop = AD_CG_NONFINITE;
        if (result.stop != AD_CG_ITERATIONS) break;
        double rr_next = ad_cg_shorten(n, alpha, q, r);
        advance(n, alpha * unit, rr_next / rr, r, p, x);
        rr = rr_next;
        result.residual = sqrt(rr) * unit;
        if (result.residual <= enough) result.stop = AD_CG_CONVERGED;
        else if (rr < 1) rr *= enlarge(n, exponent_for(sqrt(rr)), p, r, &unit);
    }
    return result;
}

ad_cg_result ad_cg(ad_matvec *matvec, void *context, size_t n, const real *b, real *x, real *work,
                   const ad_cg_options *options) {
    FM_CHECK(options->iterations > 0 && options->damping >= 0 && options->tolerance >= 0,
             "cg: %d iterations, damping %g, tolerance %g", options->iterations, options->damping,
             options->tolerance);
    memset(x, 0, n * sizeof *x);
    double squares = (double)ad_v_sum_squares(n, b);
    double size = squares > 1e-25 && squares < 1e37 ? sqrt(squares) : largest_of(n, b);
    if (size == 0) return (ad_cg_result){.stop = AD_CG_CONVERGED};
    if (isnan(size)) return (ad_cg_result){.stop = AD_CG_NONFINITE, .residual = size};
    const int exponent = exponent_for(size);
    change_scale(n, exponent, b, work + 2 * n);
    memcpy(work, work + 2 * n, n * sizeof *work);
    ad_cg_result result = iterate(matvec, context, n, x, work, options);
    result.residual = ldexp(result.residual, -exponent);
    change_scale(n, -exponent, x, x);
    ad_cg_check(n, b, x, &result);
    return result;
}
