/* plan.h: replay of a recorded slice, and second-order products made of it.
 *
 * A plan is the list of nodes that some outputs need and that depend on some leaves, in order, with every
 * address resolved: replaying it allocates nothing and records nothing. Where rows are independent (a batch),
 * the plan walks the nodes block of rows by block of rows, so that what lies between the leaves and the
 * outputs stays in the cache, transposed where its rows are too short for the vector registers; sums over
 * rows are gathered block by block in a fixed order. The result does not depend on the number of threads.
 *
 * Plans of one tape share the memory of its nodes: linearise again (below) after another plan was replayed
 * with other numbers in the leaves.
 *
 * Plans live in their tape's arena and end with it (or with the ad_reset that goes behind them).
 *
 * Example (compiled by the tests):
 *
 *     real x_data[3] = {1, 2, 3}, out[1];
 *     ad_tape *t = ad_tape_new();
 *     ad_var x = ad_leaf(t, 3, 1, x_data, "x");
 *     ad_output y = {ad_sum(ad_square(x)), out};
 *     ad_plan *plan = ad_plan_make(&x, 1, &y, 1);
 *     x_data[0] = 5;
 *     ad_replay(plan);
 *     FM_CHECK(out[0] == 38, "25 + 4 + 9");
 *     ad_tape_free(t);
 *
 * Example (compiled by the tests):
 *
 *     real w[2] = {1, 2}, v[2] = {1, 0}, hv[2];
 *     ad_tape *t = ad_tape_new();
 *     ad_var x = ad_leaf(t, 1, 2, w, "w");
 *     ad_var loss = ad_square(ad_sum(ad_square(x)));
 *     ad_product *h = ad_hessian(loss, &x, 1, v, hv);
 *     ad_linearise(h);                        // after w changed
 *     ad_apply(h);                            // hv = H v; H = 4 |w|^2 I + 8 w w^T
 *     FM_CHECK(hv[0] == 28 && hv[1] == 16, "%g %g", (double)hv[0], (double)hv[1]);
 *     ad_tape_free(t);
 */
#ifndef AD_PLAN_H
#define AD_PLAN_H

#include "autograd/ad.h"

typedef struct ad_plan ad_plan;

/* A node whose numbers are wanted after a replay, and where: `to` [rows * cols] is borrowed, written at once
 * and by every replay, and the caller's to change in between; it may not overlap a leaf. NULL: on the tape,
 * for ad_value. */
typedef struct ad_output {
    ad_var var;
    real *to;
} ad_output;

/* A plan for the nodes between `changing` leaves and the n_out >= 1 outputs; what does not depend on the
 * changing leaves keeps its recorded value. changing NULL: every leaf may change. */
ad_plan *ad_plan_make(const ad_var *changing, size_t n_changing, const ad_output *out, size_t n_out);

/* Computes the outputs from the present numbers of the leaves. */
void ad_replay(ad_plan *plan);

/* How many nodes one replay evaluates. */
size_t ad_plan_count(const ad_plan *plan);

/* Threads that ad_replay may use, 1 (the default) to 64; only large plans use more than one. Process-wide. */
void ad_set_threads(int threads);
int ad_threads(void);

/* ---- linearised products ----
 *
 * A product is y -> dy along a direction: recorded once with the direction as a leaf, linearised at a point
 * (one evaluation of all that does not depend on the direction) and then applied many times.
 */
typedef struct ad_product ad_product;

/* hv = H v for H = d2 loss / dx2. The leaves x lie in one vector, x[0] first, perhaps with gaps; v and hv
 * have that layout and are borrowed; gaps of hv are zero. Exact second derivatives, kinks taken as constant
 * masks. Recorded here and linearised at the present point. */
ad_product *ad_hessian(ad_var loss, const ad_var *x, size_t n, const real *v, real *hv);

/* out = d/dz <d loss / dx, v> (v constant): the mixed product of total derivatives [Zheng 2022, Eq. 15]. */
ad_product *ad_mixed(ad_var loss, const ad_var *x, size_t nx, const ad_var *z, size_t nz, const real *v,
                     real *out);

/* gv = J^T C J v with J = d outputs / dx and C = d2 loss / d outputs2, of one or more nodes: the generalised
 * Gauss-Newton matrix [Schraudolph 2002], positive semi-definite when the loss is a convex function of the
 * outputs. Ways from x to the loss around the outputs do not count. autograd/gram.h solves its systems. */
ad_product *ad_gauss_newton(ad_var loss, const ad_var *outputs, size_t n_outputs, const ad_var *x, size_t n,
                            const real *v, real *gv);

void ad_linearise(ad_product *p);
void ad_apply(ad_product *p);

/* A plan for n_out >= 0 outputs that also linearises these products: what they have in common is evaluated
 * once. All leaves may change. */
ad_plan *ad_plan_linearise(const ad_output *out, size_t n_out, ad_product *const *product,
                           size_t n_products);

/* The product as the callback of autograd/cg.h; `context` is the ad_product. Copies v and out only when they
 * are not the vectors that the product was recorded with. */
void ad_apply_matvec(void *context, size_t n, const real *v, real *out);

/* Nodes evaluated by one linearisation and by one application. */
size_t ad_product_count(const ad_product *p, size_t *linearise);

#endif
