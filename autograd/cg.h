/* cg.h: conjugate gradient on any matrix-vector product.
 *
 * Solves (A + damping I) x = b for a symmetric A that is only known through products, starting from x = 0
 * [Hestenes & Stiefel 1952]. It stops at the iteration limit, when the residual is small, or when a direction
 * of non-positive curvature shows that A + damping I is not positive definite; x is then the best point so
 * far.
 *
 * The scale of b does not matter: a right-hand side of 1e-25 is solved as well as one of 1.
 *
 * The directions are always the first n reals of the workspace and the products the second n, so that a
 * Hessian product recorded over these two (autograd/plan.h) is applied without a copy.
 *
 * Example (compiled by the tests):
 *
 *     #include "autograd/plan.h"
 *     real w_data[2] = {1, 1}, scale[2] = {1, 2}, b[2] = {3, 10}, x[2], work[AD_CG_WORK(2)] = {0};
 *     ad_tape *t = ad_tape_new();
 *     ad_var w = ad_leaf(t, 1, 2, w_data, "w"), s = ad_leaf(t, 1, 2, scale, "scale");
 *     ad_product *hessian = ad_hessian(ad_sum(ad_mul(s, ad_square(w))), &w, 1, work, work + 2);
 *     ad_cg_options options = {.iterations = 10, .tolerance = 1e-5, .damping = 1};
 *     ad_cg_result r = ad_cg(ad_apply_matvec, hessian, 2, b, x, work, &options);
 *     FM_CHECK(r.stop == AD_CG_CONVERGED, "%s", ad_cg_stop_name(r.stop));
 *     FM_CHECK((int)(1000 * x[0] + (real)0.5) == 1000, "(2 + 1) x = 3");
 *     FM_CHECK((int)(1000 * x[1] + (real)0.5) == 2000, "(4 + 1) x = 10");
 *     ad_tape_free(t);
 */
#ifndef AD_CG_H
#define AD_CG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/real.h"

/* out = A v; both have n entries and are owned by the solver. */
typedef void ad_matvec(void *context, size_t n, const real *v, real *out);

typedef enum ad_cg_stop {
    AD_CG_CONVERGED,  /* the residual reached the tolerance (also: b = 0) */
    AD_CG_ITERATIONS, /* the limit was reached first */
    AD_CG_CURVATURE,  /* <p, (A + damping I) p> <= 0: stopped before that step */
    AD_CG_NONFINITE   /* b or a product left the range of a real: x is the point before it; or x did: 0 */
} ad_cg_stop;

typedef struct ad_cg_options {
    int iterations;   /* limit, > 0 */
    double tolerance; /* stop when |b - Ax| <= tolerance |b| */
    double damping;   /* lambda, >= 0 */
    bool indefinite;  /* goes on through directions of negative curvature, as programs do that do not look: x
                       * then tends to a saddle point, and may be far off on the way */
} ad_cg_options;

typedef struct ad_cg_result {
    ad_cg_stop stop;
    int iterations;   /* products made */
    double residual;  /* |b - (A + damping I) x| by the recurrence */
    double curvature; /* smallest <p, (A + damping I) p> / <p, p> among the directions, 0 without any */
} ad_cg_result;

/* Reals of workspace for n unknowns. */
#define AD_CG_WORK(n) (3 * (n))

/* b and x [n], work [AD_CG_WORK(n)], all the caller's and distinct. Allocates nothing. */
ad_cg_result ad_cg(ad_matvec *matvec, void *context, size_t n, const real *b, real *x, real *work,
                   const ad_cg_options *options);

/* <a, b>; in double where the sum of reals leaves the range in which it can be trusted. */
double ad_dot(size_t n, const real *a, const real *b);

/* Parts of an iteration: q += damping p, then <p, q>, and *pp = <p, p>; and r -= alpha q, then <r, r>. The
 * sums as those of ad_dot. */
double ad_cg_curve(size_t n, double damping, const real *p, real *q, double *pp);
double ad_cg_shorten(size_t n, double alpha, const real *q, real *r);

/* What becomes of a solution x that left the range of a real: 0, as if nothing had been solved. */
void ad_cg_check(size_t n, const real *b, real *x, ad_cg_result *result);

/* "converged", "iteration limit", "non-positive curvature", "non-finite number". */
const char *ad_cg_stop_name(ad_cg_stop stop);

#endif
