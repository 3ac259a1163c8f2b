/* gram.h: damped Gauss-Newton systems of a batch, solved exactly by a matrix of its rows.
 *
 * Outputs y [B, 1] that follow from their rows of a batch and from the leaves w, J = dy / dw [B, n]; a loss
 * that is a convex function of every row by itself, C = d2 loss / dy2, a diagonal. Then
 *
 *     (J^T C J + damping I) x = b
 *     x = (b - S^T (S S^T + damping I)^-1 S b) / damping,   S = C^1/2 J              [Woodbury 1950]
 *
 * asks for a Cholesky factor of the Gram matrix S S^T [B, B] only, which is little work where B is much
 * smaller than n. S itself is never written out. Behind an affine layer the gradient of one row is an outer
 * product, of the layer's input and of what comes back to its output; so with these two of all rows, A and D
 * (of C^1/2 y), and V the layer's part of v [Goodfellow 2015],
 *
 *     S S^T = sum of (A A^T) o (D D^T),   S v = sum of the columns of (A V) o D,   S^T z = A^T diag(z) D
 *
 * are sums over the layers, with a column of ones for A in the part of a bias. Several outputs that share no
 * leaf have a matrix each.
 *
 * Each solution is checked by a product with J^T C J, and what it leaves is solved for again: that takes away
 * the rounding errors, which a small damping enlarges by |J^T C J| / damping. A damping that is itself lost
 * in rounding, or 0, is raised in the formula, not in the product: the residual shows it.
 *
 * Example (compiled by the tests):
 *
 *     real a_data[2] = {1, 2}, w_data[1] = {0}, b[1] = {11}, x[1];
 *     ad_tape *t = ad_tape_new();
 *     ad_var w = ad_leaf(t, 1, 1, w_data, "w"), y = ad_matmul(ad_leaf(t, 2, 1, a_data, "a"), w);
 *     ad_gram *gram = ad_gram_make(ad_sum(ad_square(y)), &y, 1, &w, 1);
 *     ad_plan *at = ad_plan_linearise(gram->kernel, gram->outputs, gram->product, 2);
 *     a_data[0] = 1;
 *     ad_replay(at);                                                       // after any leaf changed
 *     ad_cg_options options = {.iterations = 3, .tolerance = 1e-5, .damping = 1};
 *     ad_cg_result r = ad_gram_solve(gram, b, x, &options);
 *     FM_CHECK(r.stop == AD_CG_CONVERGED && r.iterations == 1, "%s", ad_cg_stop_name(r.stop));
 *     FM_CHECK((int)(1000 * x[0] + (real)0.5) == 1000, "(2 (1 + 4) + 1) x = 11");
 *     ad_tape_free(t);
 */
#ifndef AD_GRAM_H
#define AD_GRAM_H

#include "autograd/cg.h"
#include "autograd/plan.h"

/* On the tape. */
typedef struct ad_gram {
    size_t outputs, rows, unknowns; /* unknowns: length of the layout of the leaves */
    /* A plan brings it to a point: ad_plan_linearise(kernel, outputs, product, 2). */
    ad_output *kernel;      /* [outputs] */
    ad_product *product[2]; /* v -> S v, z -> S^T z */
    /* The rest is its own. */
    real *matrix, *factor; /* [outputs, rows, rows] S S^T; L of L L^T = S S^T + damping I */
    real *p, *q, *left;    /* [unknowns] */
    real *along, *seed;    /* [outputs, rows] S v; z */
} ad_gram;

/* Recorded here, at the present point. The leaves w lie in one vector, w[0] first, perhaps with gaps. Aborts
 * when an output is not [B, 1], or a row of it not a function of one row; when the gradient of a row by a
 * leaf is no outer product, as where the leaf stands in two places; when the loss is not curved in an output,
 * or mixes rows or outputs. */
ad_gram *ad_gram_make(ad_var loss, const ad_var *outputs, size_t n_outputs, const ad_var *w, size_t n);

/* b and x [unknowns], distinct. options->iterations: at most so many solutions, each with one product with
 * J^T C J, until what is left is at most tolerance |b|, or no longer falls. AD_CG_NONFINITE where a number is
 * not finite or the loss is not convex; x is the best solution before it, or 0. Allocates nothing. */
ad_cg_result ad_gram_solve(ad_gram *gram, const real *b, real *x, const ad_cg_options *options);

#endif
