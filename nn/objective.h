/* objective.h: one scalar loss and its gradients with respect to one or more groups of parameters.
 *
 * A network (nn/params.h, nn/layers.h), an objective and an optimiser (nn/optim.h) are three things: one loss
 * may train several networks, and one network may have several losses. The loss is recorded once; a run of
 * the objective replays it from the present numbers of the leaves.
 *
 * Example (compiled by the tests):
 *
 *     #include "nn/layers.h"
 *     fm_arena arena = {0};
 *     fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
 *     real x_data[2] = {1, 2}, y_data[2] = {3, 5};
 *     nn_params p = {0};
 *     nn_mlp line = nn_mlp_declare(&p, "line", &(nn_mlp_shape){.in = 1, .out = 1, .init = NN_INIT_GLOROT});
 *     nn_params_make(&p, &arena, NULL, NULL);
 *     nn_params_init(&p, &rng);
 *     ad_tape *t = ad_tape_new();
 *     nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
 *     ad_var error = ad_sub(nn_mlp_apply(&line, &leaves, ad_leaf(t, 2, 1, x_data, "x")),
 *                           ad_leaf(t, 2, 1, y_data, "y"));
 *     nn_group group = {"line", &p, &leaves};
 *     nn_objective fit = nn_objective_make(ad_mean(ad_square(error)), &group, 1, NULL, 0, &arena);
 *     nn_optimizer adam = nn_optimizer_make(NN_ADAM, 0.1, p.n, &arena, NULL, NULL);
 *     for (int i = 0; i < 1000; i++) {
 *         nn_objective_run(&fit);
 *         nn_optimizer_step(&adam, p.theta, fit.gradient[0]);
 *     }
 *     FM_CHECK(nn_objective_run(&fit) < 1e-4, "the line 2 x + 1");
 *     ad_tape_free(t);
 *     nn_params_free(&p);
 *     fm_arena_free(&arena);
 */
#ifndef NN_OBJECTIVE_H
#define NN_OBJECTIVE_H

#include "nn/optim.h"
#include "nn/params.h"

/* Parameters to differentiate by: a layout, and its leaves on the loss's tape. Borrowed. */
typedef struct nn_group {
    const char *name; /* for the message */
    const nn_params *params;
    const nn_leaves *leaves;
} nn_group;

/* Lives in the arena and on the tape that it was made with. */
typedef struct nn_objective {
    size_t groups;
    real **gradient; /* [groups], each [params.n] of its group, written by a run */
    real *shown;     /* [also] the other scalars at the last run */
    real *loss;      /* at the last run */
    ad_plan *plan;
} nn_objective;

/* Declares the loss [1, 1]. Aborts when it reaches no entry of a group that it is asked to train, naming the
 * group: such a loss would train nothing in silence. `also` are `n_also` more scalars of the tape whose
 * present numbers a run shows (NULL, 0: none). */
nn_objective nn_objective_make(ad_var loss, const nn_group *group, size_t groups, const ad_var *also,
                               size_t n_also, fm_arena *arena);

/* Computes loss, gradients and the other scalars at the present numbers of the leaves; returns the loss. */
double nn_objective_run(nn_objective *objective);

/* Mean of x [B, 1] over the rows, each counting `weight` [B, 1] times: sum w x / max(sum w, 1); rows of
 * weight zero are no part of it, and a batch of such rows alone gives zero. AD_NONE: the plain mean. */
ad_var nn_weighted_mean(ad_var x, ad_var weight);

/* Of each entry: its square / 2 within `delta` of zero, and delta (|e| - delta / 2) beyond [Huber 1964]. The
 * second derivative is 1 within, 0 beyond. */
ad_var nn_huber(ad_var error, double delta);

#endif
