/* total.h: the total derivative of a leader's loss, when a follower answers by descending a loss of its own
 * [Fiez 2020; Zheng 2022, Eq. 15, 16].
 *
 * Leader parameters p1, loss f1; follower parameters p2, loss f2; both minimised:
 *
 *     H = d2 f2 / dp2 dp2,   b = d f1 / dp2,   (H + damping I) x = b   by conjugate gradient
 *     D = d f1 / dp1 - M x,   M x = d/dp1 <d f2 / dp2, x>               the leader's direction
 *
 * Where the follower has come to its answer p2*(p1), d f2 / dp2 = 0 and D is the derivative of
 * f1(p1, p2*(p1)); with large damping it is the individual gradient d f1 / dp1. The follower's own direction
 * is d f2 / dp2. Nothing here knows who leads whom: an actor may lead a critic, a critic an actor, a
 * regulariser's weight a fit, and then f1 need not mention p1 at all.
 *
 * H need not be positive definite away from the answer. Conjugate gradient stops at a direction of
 * non-positive curvature, with the x it had, and a guard bounds |D|; an M x that is no finite number is left
 * out; the report says so. Where f2 is an error of outputs, their Gauss-Newton matrix may stand for H; for a
 * batch of fewer rows than parameters it is solved exactly, by the Gram matrix of the rows (autograd/gram.h).
 *
 * A problem of two levels: the weight of a ridge regression that fits new data best. The fit of y = w x to
 * (1, 3), (2, 5) with the weight r is w = 13 / (5 + r), and the new point (1, 2) wants w = 2: so r = 1.5.
 *
 * Example (compiled by the tests):
 *
 *     #include <math.h>
 *     fm_arena arena = {0};
 *     real x_data[2] = {1, 2}, y_data[2] = {3, 5}, new_data[1] = {2};
 *     nn_params ridge = {0}, fit = {0};
 *     nn_params_declare(&ridge, "r", 1, 1, NN_INIT_ZERO, 1, 1);
 *     nn_params_declare(&fit, "w", 1, 1, NN_INIT_ZERO, 1, 1);
 *     nn_params_make(&ridge, &arena, NULL, NULL);
 *     nn_params_make(&fit, &arena, NULL, NULL);
 *
 *     ad_tape *t = ad_tape_new();
 *     nn_leaves r = nn_params_leaves(t, &ridge, ridge.theta, &arena);
 *     nn_leaves w = nn_params_leaves(t, &fit, fit.theta, &arena);
 *     ad_var x = ad_leaf(t, 2, 1, x_data, "x"), y = ad_leaf(t, 2, 1, y_data, "y");
 *     ad_var error = ad_sub(ad_matmul(x, w.leaf[0]), y);
 *     ad_var fit_loss = ad_add(ad_sum(ad_square(error)), ad_mul(r.leaf[0], ad_square(w.leaf[0])));
 *     ad_var new_loss = ad_square(ad_sub(w.leaf[0], ad_leaf(t, 1, 1, new_data, "new")));
 *     nn_total_shape shape = {.leader = {"ridge", &ridge, &r}, .follower = {"fit", &fit, &w},
 *                             .leader_loss = new_loss, .follower_loss = fit_loss,
 *                             .coupling = AD_NONE};
 *     nn_total total = nn_total_make(&shape, &arena);
 *     nn_total_options options = {.iterations = 10, .tolerance = 1e-6, .implicit = NN_IMPLICIT_WHOLE};
 *     for (int k = 0; k < 300; k++) {
 *         nn_total_run(&total, &options);
 *         fit.theta[0] -= (real)0.05 * total.follower_gradient[0];
 *         ridge.theta[0] -= (real)0.5 * total.direction[0];
 *     }
 *     FM_CHECK(fabs((double)ridge.theta[0] - 1.5) < 1e-3, "the best weight: %g", (double)ridge.theta[0]);
 *     FM_CHECK(fabs((double)fit.theta[0] - 2) < 1e-3, "its fit: %g", (double)fit.theta[0]);
 *     ad_tape_free(t);
 *     nn_params_free(&ridge);
 *     nn_params_free(&fit);
 *     fm_arena_free(&arena);
 */
#ifndef NN_TOTAL_H
#define NN_TOTAL_H

#include "autograd/gram.h"
#include "nn/objective.h"

/* What stands for H. */
typedef enum nn_curvature {
    NN_HESSIAN,     /* the whole second derivative */
    NN_GAUSS_NEWTON /* that of f2 as a function of `outputs`: never indefinite when f2 is convex in them */
} nn_curvature;

/* What becomes of M x. */
typedef enum nn_implicit {
    NN_IMPLICIT_NONE,  /* dropped: D = d f1 / dp1, everything else equal; nothing is solved */
    NN_IMPLICIT_WHOLE, /* the total derivative */
    NN_IMPLICIT_LENGTH /* its length alone: D = d f1 / dp1, scaled to the total derivative's norm */
} nn_implicit;

typedef struct nn_total_shape {
    nn_group leader, follower;         /* the leaves of each lie over one vector */
    ad_var leader_loss, follower_loss; /* f1, f2: scalars of one tape */
    nn_curvature curvature;
    const ad_var *outputs; /* [n_outputs] NN_GAUSS_NEWTON: nodes that f2 is a convex function of; else none */
    size_t n_outputs;
    bool gram;       /* NN_GAUSS_NEWTON: solved by autograd/gram.h, which says what outputs must be like */
    ad_var coupling; /* a scalar that has the mixed derivative d2 f2 / dp1 dp2 where f2 does not show it: the
                      * surrogate of an expectation under the leader's policy; AD_NONE: f2 */
    const ad_var *also; /* [n_also] more scalars of the tape that a run shows; NULL: none */
    size_t n_also;
} nn_total_shape;

/* May change from run to run. */
typedef struct nn_total_options {
    double damping;   /* lambda >= 0 */
    int iterations;   /* limit of products with H, > 0 */
    double tolerance; /* stop when |b - (H + damping I) x| <= tolerance |b| */
    double guard;     /* >= 1: M x is shortened until |D| is at most guard |d f1 / dp1|; 0: never, as it must
                       * be for a leader that f1 does not mention, whose d f1 / dp1 is zero */
    bool indefinite;  /* goes on through directions of negative curvature (autograd/cg.h) */
    nn_implicit implicit;
} nn_total_options;

/* Of the total derivative, also where its length alone is used; where it is dropped, as if it were D. */
typedef struct nn_total_report {
    ad_cg_stop stop;
    int iterations;    /* products with H */
    double residual;   /* |b - (H + damping I) x| / |b|, by the recurrence; 0 when b is, NaN when b is not
                        * finite */
    double curvature;  /* smallest <p, (H + damping I) p> / <p, p> among the directions */
    double cosine;     /* of it and d f1 / dp1; 0 when either is zero */
    double norm_ratio; /* its norm / |d f1 / dp1|; 0 when d f1 / dp1 is zero */
    bool guarded;      /* whether curvature, a number that is not finite, or the guard changed the step */
} nn_total_report;

/* In the arena and on the tape. Vectors of parameters are laid out as their `theta` is (nn/params.h). */
typedef struct nn_total {
    real *direction;                    /* [leader.params->n] D */
    real *leader_gradient;              /* [leader.params->n] d f1 / dp1 */
    real *follower_gradient;            /* [follower.params->n] d f2 / dp2 */
    real *implicit;                     /* [leader.params->n] M x, not shortened; zero when it is dropped */
    real *leader_loss, *follower_loss;  /* [1] */
    real *b, *x;                        /* [follower.params->n] the right-hand side and the solution */
    real *shown;                        /* [n_also] */
    /* The rest is its own. */
    size_t leaders, followers;
    real *work; /* of conjugate gradient */
    ad_product *curvature, *mixed;
    ad_gram *gram; /* in place of `curvature`, or NULL */
    ad_plan *plan; /* losses, gradients, and the products' linearisations, from one evaluation */
} nn_total;

/* Records everything once. Aborts, naming the group, when f2 does not depend on the follower's leaves, or f1
 * on the leader's neither by itself nor through the follower. */
nn_total nn_total_make(const nn_total_shape *shape, fm_arena *arena);

/* At the present numbers of the leaves; allocates nothing. All arrays are read-only but `direction`,
 * `leader_gradient` and `follower_gradient`, which are the caller's to change until the next run. */
nn_total_report nn_total_run(nn_total *total, const nn_total_options *options);

#endif
