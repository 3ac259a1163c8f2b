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
    default: return "non-finite product";
    }
}

ad_cg_result ad_cg(ad_matvec *matvec, void *context, size_t n, const real *b, real *x, real *work,
                   const ad_cg_options *options) {
    FM_CHECK(options->iterations > 0 && options->damping >= 0 && options->tolerance >= 0,
             "cg: %d iterations, damping %g, tolerance %g", options->iterations, options->damping,
             options->tolerance);
    real *p = work, *q = work + n, *r = work + 2 * n;
    memset(x, 0, n * sizeof *x);
    memcpy(r, b, n * sizeof *r);
    memcpy(p, b, n * sizeof *p);
    double rr = (double)ad_v_dot(n, r, r);
    double enough = rr * options->tolerance * options->tolerance;
    ad_cg_result result = {.stop = AD_CG_ITERATIONS};
    while (result.iterations < options->iterations) {
        if (rr <= enough) {
            result.stop = AD_CG_CONVERGED;
            break;
        }
        matvec(context, n, p, q);
        result.iterations++;
        if (options->damping > 0) ad_v_axpy(n, (real)options->damping, p, q);
        double pq = (double)ad_v_dot(n, p, q);
        if (!isfinite(pq)) {
            result.stop = AD_CG_NONFINITE;
            break;
        }
        result.curvature = pq / (double)ad_v_dot(n, p, p);
        if (pq <= 0) {
            result.stop = AD_CG_CURVATURE;
            break;
        }
        double alpha = rr / pq;
        ad_v_axpy(n, (real)alpha, p, x);
        ad_v_axpy(n, (real)-alpha, q, r);
        double rr_next = (double)ad_v_dot(n, r, r);
        ad_v_axpby(n, 1, r, (real)(rr_next / rr), p); /* p = r + beta p */
        rr = rr_next;
    }
    if (result.stop == AD_CG_ITERATIONS && rr <= enough) result.stop = AD_CG_CONVERGED;
    result.residual = sqrt(rr);
    return result;
}
