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

/* <a, b>; in double where the sum of reals leaves the range in which it can be trusted. */
static double dot(size_t n, const real *a, const real *b) {
    double fast = (double)ad_v_dot(n, a, b), sum = 0;
    if (fabs(fast) > 1e-25 && fabs(fast) < 1e30) return fast;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Where b / scale has its largest entry: near the middle of what the squares of reals bear, with most of the
 * room below, since residuals only fall; with large damping by a factor of 1e7 in a step, and products of
 * numbers that are no longer normal would take a hundred times as long. */
#define LARGEST_EXPONENT 36

/* A power of two: the equations are solved for b / scale, and a change by a power of two rounds nothing. 0
 * when b is; NaN when an entry is, or is infinite. */
static double scale_of(size_t n, const real *b) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs((double)b[i]);
        if (!isfinite(size)) return (double)NAN;
        if (size > largest) largest = size;
    }
    int exponent;
    frexp(largest, &exponent);
    return largest > 0 ? ldexp(1, exponent - 1 - LARGEST_EXPONENT) : 0;
}

/* x = scale x; false when an entry is too large for a real. */
static bool unscale(size_t n, real *x, double scale) {
    bool fits = true;
    for (size_t i = 0; i < n; i++) {
        x[i] = (real)((double)x[i] * scale);
        fits = fits && isfinite(x[i]);
    }
    return fits;
}

/* The iteration for r = p = b, x = 0. */
static ad_cg_result iterate(ad_matvec *matvec, void *context, size_t n, real *x, real *work,
                            const ad_cg_options *options) {
    real *p = work, *q = work + n, *r = work + 2 * n;
    double rr = dot(n, r, r), enough = rr * options->tolerance * options->tolerance;
    ad_cg_result result = {.stop = AD_CG_ITERATIONS, .residual = sqrt(rr)};
    while (result.stop == AD_CG_ITERATIONS && result.iterations < options->iterations) {
        matvec(context, n, p, q);
        result.iterations++;
        if (options->damping > 0) ad_v_axpy(n, (real)options->damping, p, q);
        double pq = dot(n, p, q), alpha = rr / pq;
        double curvature = pq / dot(n, p, p);
        if (isfinite(pq) && (result.iterations == 1 || curvature < result.curvature))
            result.curvature = curvature;
        if (!isfinite(pq)) result.stop = AD_CG_NONFINITE;
        else if (pq <= 0 && !options->indefinite) result.stop = AD_CG_CURVATURE;
        else if (!isfinite((real)alpha)) result.stop = AD_CG_NONFINITE;
        if (result.stop != AD_CG_ITERATIONS) break;
        ad_v_axpy(n, (real)alpha, p, x);
        ad_v_axpy(n, (real)-alpha, q, r);
        double rr_next = dot(n, r, r);
        ad_v_axpby(n, 1, r, (real)(rr_next / rr), p); /* p = r + beta p */
        rr = rr_next;
        result.residual = sqrt(rr);
        if (rr <= enough) result.stop = AD_CG_CONVERGED;
    }
    return result;
}

ad_cg_result ad_cg(ad_matvec *matvec, void *context, size_t n, const real *b, real *x, real *work,
                   const ad_cg_options *options) {
    FM_CHECK(options->iterations > 0 && options->damping >= 0 && options->tolerance >= 0,
             "cg: %d iterations, damping %g, tolerance %g", options->iterations, options->damping,
             options->tolerance);
    double scale = scale_of(n, b);
    memset(x, 0, n * sizeof *x);
    if (scale == 0) return (ad_cg_result){.stop = AD_CG_CONVERGED};
    if (isnan(scale)) return (ad_cg_result){.stop = AD_CG_NONFINITE, .residual = scale};
    for (size_t i = 0; i < n; i++) work[i] = work[2 * n + i] = (real)((double)b[i] / scale);
    ad_cg_result result = iterate(matvec, context, n, x, work, options);
    result.residual *= scale;
    if (!unscale(n, x, scale)) result.stop = AD_CG_NONFINITE;
    return result;
}
