/* params.h: named parameters in one flat vector.
 *
 * Layers declare their matrices; then the vector is made, and an optimiser, a norm, a target copy, a
 * checkpoint or a conjugate gradient sees one array `theta` [n]. On a tape the same layout can be laid over
 * any vector of n reals: the parameters, their target copy, a direction.
 *
 * Example (compiled by the tests):
 *
 *     fm_arena arena = {0};
 *     fm_keep_list keep = {0};
 *     nn_params p = {0};
 *     fm_rng rng = fm_rng_split(0, FM_RNG_INIT, 0, 0);
 *     size_t weight = nn_params_declare(&p, "critic.weight", 4, 2, NN_INIT_GLOROT, 1, 4);
 *     nn_params_make(&p, &arena, &keep, "agent.0");
 *     nn_params_init(&p, &rng);
 *     FM_CHECK(fm_keep_find(&keep, "agent.0.critic.weight")->data == p.theta, "kept by name");
 *     ad_tape *t = ad_tape_new();
 *     nn_leaves leaves = nn_params_leaves(t, &p, p.theta, &arena);
 *     ad_output out[1];                                              // one per entry
 *     real *gradient = fm_arena_array(&arena, real, p.n);
 *     ad_var loss = ad_sum(ad_square(leaves.leaf[weight]));
 *     nn_gradient_outputs(&p, &leaves, loss, gradient, out);
 *     ad_replay(ad_plan_make(NULL, 0, out, leaves.count));        // writes the gradient
 *     FM_CHECK(gradient[7] == 2 * p.theta[7], "of a square");
 *     ad_tape_free(t);
 *     nn_params_free(&p);
 *     fm_keep_free(&keep);
 *     fm_arena_free(&arena);
 */
#ifndef NN_PARAMS_H
#define NN_PARAMS_H

#include "autograd/plan.h"
#include "base/keep.h"
#include "base/random.h"

/* How an entry starts. `gain` multiplies all but ZERO and CONSTANT. */
typedef enum nn_init {
    NN_INIT_ZERO,
    NN_INIT_CONSTANT,   /* every number is `gain` */
    NN_INIT_GLOROT,     /* uniform, +-sqrt(6 / (in + out)) [Glorot & Bengio 2010] */
    NN_INIT_HE,         /* normal, sqrt(2 / in) [He 2015] */
    NN_INIT_ORTHOGONAL, /* orthonormal rows or columns [Saxe 2014] */
    NN_INIT_FAN_IN      /* uniform, +-1 / sqrt(in) */
} nn_init;

#define NN_ENTRIES_MAX 4096 /* of one layout */

typedef struct nn_entry {
    char name[FM_NAME_MAX];
    size_t rows, cols,
        at; /* matrix [rows, cols] from theta[at]; each entry starts at a multiple of 16 reals */
    nn_init init;
    double gain;
    size_t fan_in;
} nn_entry;

/* All zeros is empty. `entries` is an stb_ds array, freed by nn_params_free; theta lives in the arena. */
typedef struct nn_params {
    nn_entry *entries;
    size_t n; /* length of theta, the gaps between entries included; gaps are zero and stay so */
    real *theta;
} nn_params;

/* Adds a matrix of a new name; returns its index. Before nn_params_make. */
size_t nn_params_declare(nn_params *p, const char *name, size_t rows, size_t cols, nn_init init, double gain,
                         size_t fan_in);

/* Makes theta [n], zeroed, and adds the entries to `keep` (NULL: no) as parameters named "prefix.entry"; just
 * "entry" when the prefix is NULL or empty. */
void nn_params_make(nn_params *p, fm_arena *arena, fm_keep_list *keep, const char *prefix);

/* Fills theta by every entry's initialiser. */
void nn_params_init(nn_params *p, fm_rng *rng);

/* A second vector of this layout, a copy of theta now (a target network); kept as "prefix.entry", not as a
 * parameter. */
real *nn_params_copy(const nn_params *p, fm_arena *arena, fm_keep_list *keep, const char *prefix);

/* The entries as leaves over any vector of this layout. `leaf` [count] is in the arena; the tape borrows
 * `vector` and the names in p. */
typedef struct nn_leaves {
    ad_var *leaf;
    size_t count;
} nn_leaves;
nn_leaves nn_params_leaves(ad_tape *t, const nn_params *p, const real *vector, fm_arena *arena);

/* Gradients of a scalar with respect to the leaves, to be written into `gradient` [n] by a replay: fills
 * out[count] for ad_plan_make. */
void nn_gradient_outputs(const nn_params *p, const nn_leaves *leaves, ad_var loss, real *gradient,
                         ad_output *out);

/* Number of reals that are parameters (n without the gaps). */
size_t nn_params_count(const nn_params *p);

void nn_params_free(nn_params *p);

/* Hard and Polyak updates of such a copy. */
void nn_copy(real *target, const real *theta, size_t n);
void nn_polyak(real *target, const real *theta, size_t n, double tau); /* target += tau (theta - target) */

#endif
