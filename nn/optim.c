/* optim.c: one pass over the flat vectors per step. Gaps stay zero: their gradient and moments are zero. */
#include "nn/optim.h"

#include <math.h>

#include "autograd/kernels/kernels.h"

nn_optimizer nn_optimizer_make(nn_optimizer_kind kind, double lr, size_t n, fm_arena *arena,
                               fm_keep_list *keep, const char *name) {
    nn_optimizer opt = {.kind = kind, .lr = lr, .beta1 = 0.9, .beta2 = kind == NN_RMSPROP ? 0.99 : 0.999,
                        .eps = 1e-8, .n = n};
    opt.steps = fm_arena_array(arena, int64_t, 1);
    if (kind == NN_ADAM) opt.m = fm_arena_array(arena, real, n);
    if (kind != NN_SGD) opt.v = fm_arena_array(arena, real, n);
    if (!keep) return opt;
    if (opt.m) fm_keep(keep, FM_DTYPE_REAL, opt.m, n, "%s.m", name);
    if (opt.v) fm_keep(keep, FM_DTYPE_REAL, opt.v, n, "%s.v", name);
    fm_keep(keep, FM_I64, opt.steps, 1, "%s.steps", name);
    return opt;
}

/* ---- norms ---- */

/* For squares that overflow or vanish: relative to the largest entry. A NaN or an infinity is the norm. */
static double scaled_norm(const real *x, size_t n) {
    double largest = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs((double)x[i]);
        if (isnan(size)) return size;
        if (size > largest) largest = size;
    }
    if (largest == 0 || isinf(largest)) return largest;
    for (size_t i = 0; i < n; i++) {
        double part = (double)x[i] / largest;
        sum += part * part;
    }
    return largest * sqrt(sum);
}

/* The norm of x [n], whose squares have that sum in reals. */
static double norm_of(double squares, const real *x, size_t n) {
    return squares > 1e-25 && squares < 1e37 ? sqrt(squares) : scaled_norm(x, n);
}

double nn_norm(const real *x, size_t n) { return norm_of((double)ad_v_sum_squares(n, x), x, n); }

/* A norm that is not finite clips nothing: the guards of the training loop report what was there. */
static void scale_to(real *x, size_t n, double norm, double limit) {
    if (limit > 0 && norm > limit && isfinite(norm)) ad_v_scale(n, (real)(limit / norm), x, x);
}

double nn_clip_global(real *gradient, size_t n, double limit) {
    double norm = nn_norm(gradient, n);
    scale_to(gradient, n, norm, limit);
    return norm;
}

/* ---- steps ---- */

/* [Kingma & Ba 2015, Alg. 1]: m / (1 - beta1^t) over sqrt(v / (1 - beta2^t)) + eps. Both corrections are
 * moved into the step size and eps, which gives the same step. */
static real adam(const nn_optimizer *opt, real *theta, const real *gradient, real *target, double tau) {
    double t = (double)*opt->steps;
    double first = 1 - pow(opt->beta1, t), second = sqrt(1 - pow(opt->beta2, t));
    const ad_adam step = {.rate = opt->lr * second / first,
                          .beta1 = opt->beta1,
                          .beta2 = opt->beta2,
                          .epsilon = opt->eps * second,
                          .tau = tau};
    return ad_v_adam(opt->n, theta, opt->m, opt->v, gradient, &step, target);
}

/* [Tieleman & Hinton 2012] */
static void rmsprop(const nn_optimizer *opt, real *restrict theta, const real *restrict g) {
    const real keep = (real)opt->beta2, take = (real)(1 - opt->beta2);
    const real lr = (real)opt->lr, eps = (real)opt->eps;
    real *restrict v = opt->v;
    for (size_t i = 0; i < opt->n; i++) {
        v[i] = keep * v[i] + take * (g[i] * g[i]);
        theta[i] -= lr * g[i] / ((real)sqrt(v[i]) + eps);
    }
}

/* Adam sums the gradient's squares on the way, but clipping needs them before. */
double nn_optimizer_step_tracked(nn_optimizer *opt, real *theta, real *gradient, real *target, double tau) {
    bool on_the_way = opt->kind == NN_ADAM && opt->max_grad_norm <= 0;
    double norm = on_the_way ? 0 : nn_clip_global(gradient, opt->n, opt->max_grad_norm);
    FM_CHECK(opt->kind == NN_SGD || opt->eps > 0, "optimizer: eps %g would divide 0 by 0", opt->eps);
    ++*opt->steps;
    if (opt->kind == NN_ADAM) {
        real squares = adam(opt, theta, gradient, target, tau);
        return on_the_way ? norm_of((double)squares, gradient, opt->n) : norm;
    }
    if (opt->kind == NN_SGD) ad_v_axpy(opt->n, (real)-opt->lr, gradient, theta);
    else rmsprop(opt, theta, gradient);
    if (target != NULL) nn_polyak(target, theta, opt->n, tau);
    return norm;
}

double nn_optimizer_step(nn_optimizer *opt, real *theta, real *gradient) {
    return nn_optimizer_step_tracked(opt, theta, gradient, NULL, 0);
}
