#include "nn/total.h"

#include <math.h>
#include <string.h>

#include "autograd/kernels/kernels.h"

/* ---- recording ---- */

static bool depends(ad_var y, const nn_group *group) {
    return ad_depends(y, group->leaves->leaf, group->leaves->count);
}

static void check(const nn_total_shape *shape, ad_var coupling) {
    const nn_group *leader = &shape->leader, *follower = &shape->follower;
    FM_CHECK(depends(shape->follower_loss, follower),
             "a total derivative: the follower's loss does not depend on the leaves of '%s'", follower->name);
    bool through =
        depends(shape->leader_loss, follower) && depends(coupling, leader) && depends(coupling, follower);
    FM_CHECK(through || depends(shape->leader_loss, leader),
             "a total derivative: the leader's loss depends on the leaves of '%s' neither by itself nor "
             "through '%s'",
             leader->name, follower->name);
    FM_CHECK((shape->curvature == NN_GAUSS_NEWTON) == (shape->n_outputs > 0) &&
                 (shape->n_outputs > 0 || !shape->gram),
             "a total derivative: outputs and their Gram matrix belong to Gauss-Newton");
}

/* Directions of conjugate gradient are the first vector of its workspace, products the second. */
static void record_curvature(nn_total *total, const nn_total_shape *shape, fm_arena *arena) {
    const nn_leaves *x = shape->follower.leaves;
    ad_var loss = shape->follower_loss;
    if (shape->gram) {
        total->gram = ad_gram_make(loss, shape->outputs, shape->n_outputs, x->leaf, x->count);
        return;
    }
    total->work = fm_arena_array(arena, real, AD_CG_WORK(total->followers));
    real *v = total->work, *hv = total->work + total->followers;
    total->curvature =
        shape->curvature == NN_HESSIAN
            ? ad_hessian(loss, x->leaf, x->count, v, hv)
            : ad_gauss_newton(loss, shape->outputs, shape->n_outputs, x->leaf, x->count, v, hv);
}

static ad_plan *record_plan(const nn_total *total, const nn_total_shape *shape, fm_arena *arena) {
    const nn_group *leader = &shape->leader, *follower = &shape->follower;
    ad_gram *gram = total->gram;
    size_t kernels = gram ? gram->outputs : 0;
    size_t count = leader->leaves->count + 2 * follower->leaves->count + shape->n_also + 2 + kernels;
    ad_output *out = fm_arena_array(arena, ad_output, count), *at = out;
    nn_gradient_outputs(leader->params, leader->leaves, shape->leader_loss, total->leader_gradient, at);
    at += leader->leaves->count;
    nn_gradient_outputs(follower->params, follower->leaves, shape->leader_loss, total->b, at);
    at += follower->leaves->count;
    nn_gradient_outputs(follower->params, follower->leaves, shape->follower_loss, total->follower_gradient,
                        at);
    at += follower->leaves->count;
    for (size_t k = 0; k < shape->n_also; k++) *at++ = (ad_output){shape->also[k], &total->shown[k]};
    *at++ = (ad_output){shape->leader_loss, total->leader_loss};
    *at++ = (ad_output){shape->follower_loss, total->follower_loss};
    if (!gram) return ad_plan_linearise(out, count, (ad_product *[]){total->curvature, total->mixed}, 2);
    for (size_t k = 0; k < kernels; k++) *at++ = gram->kernel[k];
    return ad_plan_linearise(out, count, (ad_product *[]){gram->product[0], gram->product[1], total->mixed},
                             3);
}

nn_total nn_total_make(const nn_total_shape *shape, fm_arena *arena) {
    const nn_leaves *leader = shape->leader.leaves, *follower = shape->follower.leaves;
    ad_var coupling = ad_is_none(shape->coupling) ? shape->follower_loss : shape->coupling;
    check(shape, coupling);
    size_t n1 = shape->leader.params->n, n2 = shape->follower.params->n;
    nn_total total = {.leaders = n1, .followers = n2};
    total.direction = fm_arena_array(arena, real, n1);
    total.leader_gradient = fm_arena_array(arena, real, n1);
    total.follower_gradient = fm_arena_array(arena, real, n2);
    total.implicit = fm_arena_array(arena, real, n1);
    total.leader_loss = fm_arena_array(arena, real, 1);
    total.follower_loss = fm_arena_array(arena, real, 1);
    total.b = fm_arena_array(arena, real, n2);
    total.x = fm_arena_array(arena, real, n2);
    total.shown = fm_arena_array(arena, real, shape->n_also);
    record_curvature(&total, shape, arena);
    total.mixed = ad_mixed(coupling, follower->leaf, follower->count, leader->leaf, leader->count, total.x,
                           total.implicit);
    total.plan = record_plan(&total, shape, arena);
    return total;
}

/* ---- running ---- */

/* x and M x. */
static void solve(nn_total *total, const nn_total_options *options, nn_total_report *report) {
    const ad_cg_options cg = {.iterations = options->iterations,
                              .tolerance = options->tolerance,
                              .damping = options->damping,
                              .indefinite = options->indefinite};
    ad_cg_result r = total->gram ? ad_gram_solve(total->gram, total->b, total->x, &cg)
                                 : ad_cg(ad_apply_matvec, total->curvature, total->followers, total->b,
                                         total->x, total->work, &cg);
    double size = nn_norm(total->b, total->followers);
    report->stop = r.stop;
    report->iterations = r.iterations;
    report->residual = size == 0 ? 0 : r.residual / size;
    report->curvature = r.curvature;
    report->guarded = r.stop == AD_CG_CURVATURE || r.stop == AD_CG_NONFINITE;
    ad_apply(total->mixed);
}

/* The largest share s <= 1 of m = M x with |g - s m| <= guard |g|: the root of
 * s^2 m^2 - 2 s <g, m> + (1 - guard^2) g^2, of which one is not negative since guard >= 1. */
static double share_of_implicit(double g, double m, double gm, double guard) {
    double gg = g * g, mm = m * m;
    if (guard == 0 || gg - 2 * gm + mm <= guard * guard * gg) return 1;
    double root = sqrt(gm * gm + (guard * guard - 1) * gg * mm);
    /* Without the difference of two nearly equal numbers. */
    return gm >= 0 ? (gm + root) / mm : (guard * guard - 1) * gg / (root - gm);
}

/* D from g = d f1 / dp1 and M x. */
static void combine(nn_total *total, const nn_total_options *options, nn_total_report *report) {
    size_t n = total->leaders;
    const real *g = total->leader_gradient, *m = total->implicit;
    real *d = total->direction;
    double g_norm = nn_norm(g, n), m_norm = nn_norm(m, n);
    double share = 0;
    if (isfinite(m_norm)) share = share_of_implicit(g_norm, m_norm, ad_dot(n, g, m), options->guard);
    report->guarded = report->guarded || share < 1;
    memcpy(d, g, n * sizeof *d);
    if (share > 0) ad_v_axpy(n, (real)-share, m, d);
    double d_norm = nn_norm(d, n);
    report->norm_ratio = g_norm > 0 ? d_norm / g_norm : 0;
    double cosine = g_norm > 0 && d_norm > 0 ? ad_dot(n, d, g) / (d_norm * g_norm) : 0;
    report->cosine = cosine > 1 ? 1 : cosine < -1 ? -1 : cosine; /* rounding; a NaN stays */
    if (options->implicit != NN_IMPLICIT_LENGTH) return;
    ad_v_scale(n, (real)report->norm_ratio, g, d);
}

nn_total_report nn_total_run(nn_total *total, const nn_total_options *options) {
    nn_total_report report = {.stop = AD_CG_CONVERGED};
    FM_CHECK(options->guard == 0 || options->guard >= 1, "a total derivative with guard %g", options->guard);
    ad_replay(total->plan);
    if (options->implicit != NN_IMPLICIT_NONE) {
        solve(total, options, &report);
    } else {
        memset(total->x, 0, total->followers * sizeof *total->x);
        memset(total->implicit, 0, total->leaders * sizeof *total->implicit);
    }
    combine(total, options, &report);
    return report;
}
