/* total_groups.h: groups of parameters on a tape, for the tests of total derivatives. */
#ifndef TESTS_TOTAL_GROUPS_H
#define TESTS_TOTAL_GROUPS_H

#include "nn/layers.h"
#include "nn/total.h"

#define DOUBLE (sizeof(real) == 8)
#define WHOLE .implicit = NN_IMPLICIT_WHOLE

static fm_arena arena; /* of the test that runs */

/* Parameters of one group on the tape. */
typedef struct group {
    nn_params params;
    nn_leaves leaves;
    nn_mlp mlp;
} group;

static inline void make_group(group *g, ad_tape *t, uint64_t seed) {
    fm_rng rng = fm_rng_split(seed, FM_RNG_TEST, 4, 0);
    nn_params_make(&g->params, &arena, NULL, NULL);
    nn_params_init(&g->params, &rng);
    g->leaves = nn_params_leaves(t, &g->params, g->params.theta, &arena);
}

static inline void make_vector(group *g, ad_tape *t, size_t n) {
    *g = (group){0};
    nn_params_declare(&g->params, "x", 1, n, NN_INIT_FAN_IN, 1, 1);
    make_group(g, t, n);
}

static inline nn_group name(const char *text, const group *g) {
    return (nn_group){text, &g->params, &g->leaves};
}

static inline void close_all(ad_tape *t, group **groups, size_t n) {
    ad_tape_free(t);
    for (size_t k = 0; k < n; k++) nn_params_free(&groups[k]->params);
    fm_arena_free(&arena);
}

#endif
