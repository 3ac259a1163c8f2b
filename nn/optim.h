/* optim.h: optimisers over one flat vector.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     real theta[2] = {1, 1}, gradient[2];
 *     nn_optimizer opt = nn_optimizer_make(NN_ADAM, 0.1, 2, &arena, NULL, NULL);
 *     opt.max_grad_norm = 10;
 *     for (int i = 0; i < 200; i++) {
 *         for (int j = 0; j < 2; j++) gradient[j] = 2 * theta[j];    // of |theta|^2
 *         nn_optimizer_step(&opt, theta, gradient);
 *     }
 *     FM_CHECK(nn_norm(theta, 2) < 0.01, "near the minimum: %g", nn_norm(theta, 2));
 *     fm_arena_free(&arena);
 */
#ifndef NN_OPTIM_H
#define NN_OPTIM_H

#include "nn/params.h"

typedef enum nn_optimizer_kind {
    NN_SGD,    /* theta -= lr g */
    NN_ADAM,   /* [Kingma & Ba 2015], beta 0.9, 0.999 */
    NN_RMSPROP /* v = 0.99 v + 0.01 g^2; theta -= lr g / (sqrt v + eps) */
} nn_optimizer_kind;

/* Plain data; moments live in the arena. Change lr, max_grad_norm, beta1, beta2 (RMSprop: its 0.99), eps
 * (1e-8, > 0) freely before a step. */
typedef struct nn_optimizer {
    nn_optimizer_kind kind;
    double lr, beta1, beta2, eps;
    double max_grad_norm; /* the whole gradient is scaled to at most this norm before a step; 0: never */
    size_t n;
    real *m, *v;    /* [n], NULL when the kind has none */
    int64_t *steps; /* one counter, kept */
} nn_optimizer;

/* Moments start at zero; they and the step counter are added to `keep` (NULL: no) as "name.m", "name.v",
 * "name.steps". */
nn_optimizer nn_optimizer_make(nn_optimizer_kind kind, double lr, size_t n, fm_arena *arena,
                               fm_keep_list *keep, const char *name);

/* One descent step of theta [n] along gradient [n], which is clipped in place. Returns the gradient's norm
 * before. */
double nn_optimizer_step(nn_optimizer *opt, real *theta, real *gradient);

/* The same, and then target [n] += tau (theta - target), 0 <= tau <= 1, unless target is NULL: of Adam in one
 * pass over memory. */
double nn_optimizer_step_tracked(nn_optimizer *opt, real *theta, real *gradient, real *target, double tau);

/* Euclidean norm; right also where the squares would overflow or vanish; NaN or infinite when an entry is. */
double nn_norm(const real *x, size_t n);

/* Scales the whole gradient to at most `limit` in Euclidean norm; returns the norm before. limit <= 0 clips
 * nothing, and a norm that is not finite leaves the gradient as it is, for the guards to report. */
double nn_clip_global(real *gradient, size_t n, double limit);

#endif
